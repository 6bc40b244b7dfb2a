"""Lesson 08: train the network."""

import numpy as np

from cnnlib import data
from cnnlib.layers import Conv2D, Flatten, Linear, MaxPool2D, ReLU
from cnnlib.network import Network
from cnnlib.training import SGD, Adam, train

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


# A schedule


def _moments(rng):
    """Step, steps and the highest rate: on the way up, at the top, on the way down, at both ends."""
    for step, steps, highest in [(5, 100, 0.02), (10, 100, 0.02), (55, 100, 0.02), (100, 100, 0.02)]:
        yield step, steps, highest
    for step, steps, highest in [(40, 1_600, 0.1), (160, 1_600, 0.1), (880, 1_600, 0.1), (0, 200, 0.5), (50, 200, 0.5)]:
        yield step, steps, highest


def _up(step, steps, highest):
    return highest * min(1, step / (steps / 10))


def _down(step, steps, highest):
    return highest * (1 - step / steps)


@exercise(
    inputs=_moments,
    praise="Short strides, long ones, short ones: many large networks are trained just like this.",
    mistakes={
        "Your rate is the same all the time. It should climb first, and then fall.":
            lambda step, steps, highest: highest,
        "It climbs, and then it stays there. After the first tenth it should fall, to 0 at the last step.": _up,
        "It only falls. In the first tenth it should climb, from 0.": _down,
        "It climbs all the way. Only the first tenth is for climbing.":
            lambda step, steps, highest: highest * step / steps,
        "It begins at the highest and has no way up: what is the rate at step 0?":
            lambda step, steps, highest: highest if step < steps / 10 else
            highest * (steps - step) / (steps - steps / 10),
        "The two lines do not meet: after the climb yours jumps down. At that step the rate is still the highest.":
            lambda step, steps, highest: _up(step, steps, highest) if step < steps / 10 else
            _down(step, steps, highest),
        "Your climb is always 10 steps long. It takes a tenth of all steps, however many there are.":
            lambda step, steps, highest: highest * step / 10 if step < 10 else
            highest * (steps - step) / (steps - 10),
        "You return a share between 0 and 1. Multiply it with the highest rate.":
            lambda step, steps, highest: schedule.right(step, steps, 1),
        "Your rate is always at most 0.02, as in the example. The highest is given.":
            lambda step, steps, highest: schedule.right(step, steps, 0.02),
    },
)  # fmt: skip
def schedule(step, steps, highest):
    warm = steps / 10
    if step < warm:
        return highest * step / warm
    return highest * (steps - step) / (steps - warm)


# Five curves and their causes


_CAUSES = {"A": "in order", "B": "too low", "C": "too few", "D": "dead", "E": "too high"}
_CONFUSED = {
    ("dead", "too low"): "The one stands still from its first step on. The other creeps, and does get somewhere.",
    ("dead", "too high"): "Both end near 0.69. Which of them was somewhere else before that?",
    ("dead", "too few"): "Where no gradient arrives, nothing is learned. Where there is little to learn, all of it is.",
    ("dead", "in order"): "Where no gradient arrives, the loss can't swing. Look at the accuracies.",
    ("in order", "too high"): "Both go wild. But the one has times when everything is right. What does it see then?",
    ("in order", "too few"): "Both reach an accuracy of 1. Which of them stays there?",
    ("in order", "too low"): "With short strides nothing jumps. Which curve has cliffs?",
    ("too few", "too low"): "Both fall, without any trouble. Which of them is soon done, and what does that take?",
    ("too few", "too high"): "Too long a stride jumps over the valley. Which curve has found its floor?",
    ("too high", "too low"): "A long stride overshoots, a short one is slow. Which of the two makes the loss rise?",
}


def five_curves():
    """Train five small networks, each broken in another way: {letter: list of Step}."""
    drawn = data.crosses_and_circles(1_000, np.random.default_rng(5), size=32, radius=(5, 12))
    images, labels = data.centered(drawn.images), drawn.labels
    sorted_ = np.argsort(labels, kind="stable")
    runs = {}
    for letter, cause in _CAUSES.items():
        net = _small_network(4, None, "zero_mean")
        optimizer = Adam({"too low": 0.0005, "too high": 0.5}.get(cause, 0.02))
        if cause == "dead":
            net.layers[0].params["b"][:] = -3
        n = 32 if cause == "too few" else len(images)
        if cause == "in order":
            batches = [sorted_[np.arange(k * 32, k * 32 + 32) % n] for k in range(120)]
            runs[letter] = [
                step for batch in batches
                for step in train(net, images[batch], labels[batch], iterations=1, optimizer=optimizer)
            ]  # fmt: skip
        else:
            runs[letter] = list(train(net, images[:n], labels[:n], iterations=120, optimizer=optimizer))
    return runs


def _diagnosis(told):
    """What is the matter with {letter: cause}."""
    known = set(_CAUSES.values())
    for letter in _CAUSES:
        if letter not in told:
            return f"There is no cause for curve {letter} yet. Each of the five letters, A to E, needs one."
    for letter in _CAUSES:
        if not isinstance(told[letter], str) or told[letter] not in known:
            return f"{told[letter]!r} is none of the five causes. They are {', '.join(map(repr, sorted(known)))}."
    for cause in sorted(known):
        if (letters := [k for k in _CAUSES if told[k] == cause]) and len(letters) > 1:
            return f"You name {cause!r} for {' and '.join(letters)}. Each cause belongs to one curve."
    for letter, cause in _CAUSES.items():
        if told[letter] != cause:
            pair = tuple(sorted((told[letter], cause)))
            return f"Curve {letter} is not {told[letter]!r}. {_CONFUSED[pair]}"
    return ""


@exercise(
    inputs=lambda rng: [()],
    praise="When a training of your own goes wrong, look for its curve among these five.",
    kind=dict,
    verdict=_diagnosis,
)
def causes():
    return _CAUSES


# A recipe


_BAR, _HELD_OUT, _MOST = 450, 500, 64  # what gets between 442 and 452 would pass on some machines only


def _small_network(filters, second, init):
    """The network of the story, or its first half, for pictures of 32 by 32."""
    layers = [Conv2D(filters, 3, init=init), ReLU(), MaxPool2D(2)]
    if second:
        layers += [Conv2D(second, 3, init=init), ReLU(), MaxPool2D(2)]
    return Network((3, 32, 32), [*layers, Flatten(), Linear(2, init="zeros")], seed=0)


def _tasted(told):
    """Train by a recipe, and say what is the matter with it."""
    for name in ("optimizer", "batch_size", "init"):
        if name not in told:
            return f"Your recipe has no {name!r}. It needs optimizer, batch_size and init."
    optimizer, batch_size, init = (told[name] for name in ("optimizer", "batch_size", "init"))
    if not isinstance(optimizer, (SGD, Adam)):
        return f"The optimizer is an SGD(...) or an Adam(...) with a learning rate in it, not {optimizer!r}."
    if not isinstance(batch_size, (int, np.integer)) or isinstance(batch_size, bool) or batch_size < 1:
        return f"A handful is a whole number of pictures, at least 1, not {batch_size!r}."
    if batch_size > _MOST:
        return f"{batch_size} pictures in each step are more than the budget allows: at most {_MOST}."
    if init == "zeros":
        return "Filters that begin as zeros answer with zeros, and no gradient reaches them: they never move."
    if init not in ("he", "positive", "zero_mean"):
        return f'The filters may begin as "he", "positive" or "zero_mean", not {init!r}.'
    drawn = data.crosses_and_circles(1_000, np.random.default_rng(3), size=32, radius=(5, 12))
    test = data.crosses_and_circles(_HELD_OUT, np.random.default_rng(1_000), size=32, radius=(5, 12))
    net = _small_network(5, 3, init)
    optimizer.memory.clear()  # of another training
    images = data.centered(drawn.images)
    try:
        steps = list(train(net, images, drawn.labels, iterations=100, batch_size=batch_size, optimizer=optimizer))
    except FloatingPointError:
        return "The weights grew without bound. Which way would you turn the learning rate?"
    right = int((net.predict(data.centered(test.images)) == test.labels).sum())
    if right > _BAR:
        return ""
    told = f"About {5 * round(right / 5)} of {_HELD_OUT} held-out pictures right; more than {_BAR} are wanted."
    losses = np.array([step.loss for step in steps])
    if losses[-20:].mean() > 0.6 and losses.max() > 1:
        return f"{told} The loss rose far above where it began, and that is where it got lost. What does that say?"
    if losses[-20:].mean() > 0.6:
        return f"{told} The loss has hardly moved. Are the strides too short, or does nothing get through ReLU?"
    return f"{told} It was still learning when the budget was spent. What makes it quicker?"


@exercise(
    inputs=lambda rng: [()],
    praise=f"More than {_BAR} of {_HELD_OUT} held-out pictures, in a hundred steps. Can you find a still better one?",
    kind=dict,
    verdict=_tasted,
)
def recipe():
    return {"optimizer": Adam(0.02), "batch_size": 64, "init": "zero_mean"}
