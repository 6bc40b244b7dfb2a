"""Lesson 05: weigh the evidence."""

import numpy as np

from .check import exercise


def _logits(rng):
    """Logits: the two of the lesson, then some so large, or so far apart, that exp alone breaks.

    As many lines as columns, so that a forgotten keepdims runs, and can be told by its result.
    """
    yield (np.array([[2.0, -2.0]]),)
    yield (rng.normal(size=(3, 3)),)
    yield (np.array([[4000.0, 4001, 0], [-4000, -4002, -4001], [1, 0, 3]]),)
    yield (rng.normal(size=(6, 6)) * 500,)


def _shares(x, axis=1):
    return x / x.sum(axis=axis, keepdims=True)


def _less(logits, taken, keepdims=True):
    """Softmax with this taken off before exp, and its sums as a column, or as a row."""
    e = np.exp(logits - taken)
    return e / e.sum(axis=1, keepdims=keepdims)


@exercise(
    inputs=_logits,
    praise="As sure of 4001 against 4000 as of 1 against 0.",
    mistakes={
        "Right for small logits, but exp of a large one is infinite, and you get nan. What may be taken off first?":
            lambda z: _shares(np.exp(z)),
        "You take off the largest of all pictures' logits. To a picture with much smaller ones it leaves nothing but "
        "zeros: each needs its own.":
            lambda z: _less(z, z.max()),
        "You divide by the sum of another line: without keepdims the sums are a row, and a row is laid along each "
        "line.":
            lambda z: _less(z, z.max(axis=1, keepdims=True), keepdims=False),
        "You take off the maximum of another line: without keepdims the maxima are a row, and a row is laid along each "
        "line.":
            lambda z: _less(z, z.max(axis=1)),
        "Without keepdims, maxima and sums are rows, and a row is laid along each line. They should stay columns.":
            lambda z: _less(z, z.max(axis=1), keepdims=False),
        "You take off the largest of each column, of one class over all pictures. Each line needs its own: look at "
        "your axis.":
            lambda z: _less(z, z.max(axis=0)),
        "You take off the mean. A logit far above the mean is still too large for exp.":
            lambda z: _less(z, z.mean(axis=1, keepdims=True)),
        "You take off the smallest logit. That leaves the largest as far from it as before: exp still breaks.":
            lambda z: _less(z, z.min(axis=1, keepdims=True)),
        "You add the largest logit, where it should be taken off.":
            lambda z: _less(z, -z.max(axis=1, keepdims=True)),
        "All your pictures together add up to 1. Each picture's own probabilities should.":
            lambda z: np.exp(z - z.max()) / np.exp(z - z.max()).sum(),
        "Your columns add up to 1, each class over all pictures. It is the lines that should: look at your axis.":
            lambda z: _shares(np.exp(z - z.max(axis=0)), axis=0),
        "You do not divide yet, so your lines do not add up to 1. And a large logit makes exp infinite.":
            lambda z: np.exp(z),
        "Your likeliest class always gets 1, and each line adds up to more. Divide by the line's sum.":
            lambda z: np.exp(z - z.max(axis=1, keepdims=True)),
        "Without exp, a negative logit makes a negative probability. Raise e to the logits first.":
            lambda z: _shares(z),
        "Your least likely class gets the most: there is a minus too many before the logits.":
            lambda z: _shares(np.exp(z.min(axis=1, keepdims=True) - z)),
        "You give 1 to the largest logit and 0 to the others. Softmax is softer: how sure depends on the difference.":
            lambda z: (z == z.max(axis=1, keepdims=True)).astype(float),
        "These are the logarithms of the probabilities.":
            lambda z: z - z.max(axis=1, keepdims=True) - np.log(
                np.exp(z - z.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True)),
    },
)  # fmt: skip
def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _probabilities(rng):
    """Probabilities and labels: one picture, a square table, then one with a class that is out of the question."""
    yield np.array([[0.25, 0.5, 0.25]]), np.array([0])
    yield _shares(rng.random((4, 4))), np.array([3, 0, 2, 0])
    yield np.array([[0.9, 0.1, 0.0], [0.0, 0.25, 0.75]]), np.array([0, 1])
    yield _shares(rng.random((6, 2))), np.array([0, 1, 1, 0, 1, 1])


def _right(p, labels):
    return p[np.arange(len(labels)), labels]


@exercise(
    inputs=_probabilities,
    praise="0 when it is sure and right, and there is no end to it when it is sure and wrong.",
    mistakes={
        "Your loss is negative: the logarithm of a probability is below zero. Which sign is missing?":
            lambda p, labels: np.log(_right(p, labels)).mean(),
        "You add up over the pictures. Take the mean, or more pictures would mean more loss.":
            lambda p, labels: -np.log(_right(p, labels)).sum(),
        "A loss for each picture. Now make one number of them: their mean.":
            lambda p, labels: -np.log(_right(p, labels)),
        "You take the mean first and its logarithm after. Each picture has its own logarithm: the mean comes last.":
            lambda p, labels: -np.log(_right(p, labels).mean()),
        "That is a logarithm to base 2. Take the one that undoes exp, np.log.":
            lambda p, labels: -np.log2(_right(p, labels)).mean(),
        "That is a logarithm to base 10. Take the one that undoes exp, np.log.":
            lambda p, labels: -np.log10(_right(p, labels)).mean(),
        "That is 1 minus the probability of the right class. Its logarithm is wanted.":
            lambda p, labels: (1 - _right(p, labels)).mean(),
        "You look at the likeliest class, right or wrong. The labels say which one counts.":
            lambda p, labels: -np.log(p.max(axis=1)).mean(),
        "You always look at class 0. The labels say which class of each picture counts.":
            lambda p, labels: -np.log(p[:, 0]).mean(),
        "You pair every picture with every label. Picture 0 goes with label 0 only, picture 1 with label 1, and so on.":
            lambda p, labels: -np.log(p[:, labels]).mean(),
        "You pick whole lines, those of the pictures whose numbers are the labels. Pick one number of each line.":
            lambda p, labels: -np.log(p[labels]).mean(),
        "You take the logarithm of every class. Only the right class counts.":
            lambda p, labels: -np.log(p).mean(),
        "Zero times the logarithm of zero is not a number. Pick the right class first, and then take the logarithm.":
            lambda p, labels: -(np.eye(p.shape[1])[labels] * np.log(p)).sum(axis=1).mean(),
        "You take the mean over all classes, zeros included. Pick the right class first: the mean is over pictures.":
            lambda p, labels: -(np.eye(p.shape[1])[labels] * np.log(p)).mean(),
    },
)  # fmt: skip
def cross_entropy(probabilities, labels):
    return -np.log(_right(probabilities, labels)).mean()


@exercise(
    inputs=lambda rng: [(2,), (10,), (1000,)],
    praise="Every classifier that has no opinion yet begins there, whatever it is about to learn.",
    mistakes={
        "That is right for 2 classes. With more, the right one gets less than a half.":
            lambda classes: np.log(2),
        "The loss cannot be negative. Minus the logarithm of the probability.":
            lambda classes: np.log(1 / classes),
        "That is the probability of the right class. The loss is minus its logarithm.":
            lambda classes: 1 / classes,
        "That is how likely it is to be wrong. The loss is minus the logarithm of the probability of being right.":
            lambda classes: 1 - 1 / classes,
        "That is a logarithm to base 2. Take the one that undoes exp, np.log.":
            lambda classes: np.log2(classes),
        "That is a logarithm to base 10. Take the one that undoes exp, np.log.":
            lambda classes: np.log10(classes),
        "You add up over the classes. Only the right class counts, and there is one.":
            lambda classes: classes * np.log(classes),
        "A loss of 0 would be sure and right. This classifier has no idea.":
            lambda classes: 0,
    },
)  # fmt: skip
def first_loss(classes):
    return np.log(classes)


def _weights(rng):
    """Weights: four pixels of two classes; then more classes, with lines of zeros, of equals and of sums of zero."""
    yield (np.array([[0.0, 0.0], [1.0, -1.0], [2.0, 2.0], [0.0, 3.0]]),)
    w = rng.normal(size=(12, 3))
    w[[1, 4]], w[2], w[7] = 0, 0.5, -2
    w[5], w[6], w[9], w[10], w[11] = (0, 1.5, -1.5), (1.5, 1.5, -3), (2, 0, 1), (-1, 1, 1), (2, 1, 2)
    yield (w,)
    yield (np.zeros((5, 2)),)
    w = rng.normal(size=(6, 6))
    w[3] = 0.25
    yield (w,)


@exercise(
    inputs=_weights,
    praise="A pixel that speaks equally for all classes says nothing.",
    mistakes={
        "You find the pixels whose weights are all zero. There are more: what of one that adds 2 to every logit?":
            lambda w: (w == 0).all(axis=1),
        "One weight of zero is not enough: the pixel still speaks through its other weights.":
            lambda w: (w == 0).any(axis=1),
        "You look at the first class only. A pixel that says nothing about that one may speak about another.":
            lambda w: w[:, 0] == 0,
        "You compare the first two classes only. With three, the third may differ.":
            lambda w: w[:, 0] == w[:, 1],
        "Weights that add up to zero are no blind spot: 1 for a cross and -1 against a circle both count.":
            lambda w: w.sum(axis=1) == 0,
        "The other way round: you mark the pixels that do matter.":
            lambda w: (w != w[:, :1]).any(axis=1),
        "You compare sizes and forget signs: 1 and -1 are not the same opinion.":
            lambda w: (abs(w) == abs(w[:, :1])).all(axis=1),
        "One equal pair is not enough: all classes must be equal. (The first equals itself, always.)":
            lambda w: (w[:, 1:] == w[:, :1]).any(axis=1),
        "You return the places of these pixels. Wanted is True or False for every pixel.":
            lambda w: np.flatnonzero((w == w[:, :1]).all(axis=1)),
        "You return how many there are. Wanted is True or False for every pixel.":
            lambda w: (w == w[:, :1]).all(axis=1).sum(),
        "True or False for each single weight. Now make one answer of each line: all of it must be equal.":
            lambda w: w == w[:, :1],
        "One answer for each class: you went down the columns. Each line is a pixel: look at your axis.":
            lambda w: (w == w[:1]).all(axis=0),
    },
)  # fmt: skip
def blind_spot(w):
    return (w == w[:, :1]).all(axis=1)
