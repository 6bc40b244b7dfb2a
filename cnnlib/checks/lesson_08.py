"""Lesson 08: train the network."""

import numpy as np

from .check import exercise


def _weights(rng):
    """Weights, their gradients and a learning rate: two numbers, then the shapes that a network has."""
    yield np.array([1.0, 2.0]), np.array([4.0, -2.0]), 0.25
    for size, learning_rate in [((5,), 0.5), ((5, 3, 3, 3), 0.1), ((768, 2), 0.02)]:
        yield rng.normal(size=size), rng.normal(size=size), learning_rate


@exercise(
    inputs=_weights,
    praise="Every network here learns by taking this step again and again.",
    mistakes={
        "That step goes uphill: dw points to where the loss grows. Which sign takes you the other way?":
            lambda w, dw, learning_rate: w + learning_rate * dw,
        "You step by the whole gradient. The learning rate says how much of it to take.":
            lambda w, dw, learning_rate: w - dw,
        "Every weight moves equally far: you use only the sign of dw. Its size counts too: the steeper, the further.":
            lambda w, dw, learning_rate: w - learning_rate * np.sign(dw),
        "You return the step alone. The weights are where it starts from: return where it ends.":
            lambda w, dw, learning_rate: -learning_rate * dw,
        "You return how far to go, not where you arrive. Start from w and go downhill.":
            lambda w, dw, learning_rate: learning_rate * dw,
        "The weights come back just as they were: the step is missing.":
            lambda w, dw, learning_rate: w,
        "A larger learning rate gives you a smaller step. It should be the other way round.":
            lambda w, dw, learning_rate: w - dw / learning_rate,
        "The learning rate shrinks the weights too. It belongs to the gradient only: look at your brackets.":
            lambda w, dw, learning_rate: learning_rate * (w - dw),
        "You still use 2 * w, the derivative of the example on paper. Here the derivatives are in dw.":
            lambda w, dw, learning_rate: w - learning_rate * 2 * w,
        "Your learning rate is always 0.1, as on paper. Take the one that is given.":
            lambda w, dw, learning_rate: w - 0.1 * dw,
        "One slope for all weights? Each weight has its own in dw: leave them apart.":
            lambda w, dw, learning_rate: w - learning_rate * np.mean(dw),
        "Your difference is the wrong way round: start from w, and take the step from it.":
            lambda w, dw, learning_rate: learning_rate * dw - w,
    },
)
def sgd_step(w, dw, learning_rate):
    return w - learning_rate * dw
