"""Lesson 05: each mistake, written as a reader would, gets its message; right answers pass however they are written."""

import math

import numpy as np
import pytest

from cnnlib import checks

# Softmax


def by_line(work):
    """A softmax in a loop over the lines, as `work` does one."""
    return lambda logits: np.array([work(line) for line in logits])


def all_of_it(logits):
    e = np.exp(logits - np.max(logits))
    return e / np.sum(e)


def down_the_columns(logits):
    e = np.exp(logits - np.max(logits, 0))
    return e / np.sum(e, 0)


def without_exp(logits):
    return logits / np.sum(logits, axis=1)[:, None]


def one_for_the_largest(logits):
    p = np.zeros(logits.shape)
    p[np.arange(len(logits)), logits.argmax(1)] = 1
    return p


def off_the_largest_of_all(logits):
    e = np.exp(logits - np.max(logits))
    return e / e.sum(axis=1, keepdims=True)


def without_keepdims(logits):
    e = np.exp(logits - np.max(logits, axis=1))
    return e / np.sum(e, axis=1)


def sums_as_a_row(logits):
    e = np.exp((logits.T - logits.max(1)).T)
    return e / e.sum(1)


def maxima_as_a_row(logits):
    e = np.exp(logits - logits.max(1))
    return (e.T / e.sum(1)).T


def off_the_largest_of_the_column(logits):
    e = np.exp(logits - np.max(logits, axis=0))
    return (e.T / e.sum(1)).T


def log_softmax(line):
    shifted = line - line.max()
    return shifted - math.log(np.exp(shifted).sum())


SOFTMAX = {
    "Right for small logits": by_line(lambda line: np.exp(line) / sum(np.exp(line))),
    "the largest of all pictures' logits": off_the_largest_of_all,
    "divide by the sum of another line": sums_as_a_row,
    "take off the maximum of another line": maxima_as_a_row,
    "maxima and sums are rows": without_keepdims,
    "the largest of each column": off_the_largest_of_the_column,
    "You take off the mean": by_line(lambda line: np.exp(line - line.mean()) / np.exp(line - line.mean()).sum()),
    "You take off the smallest": by_line(lambda line: np.exp(line - min(line)) / sum(np.exp(line - min(line)))),
    "You add the largest": by_line(lambda line: np.exp(line + max(line)) / sum(np.exp(line + max(line)))),
    "All your pictures together": all_of_it,
    "Your columns add up to 1": down_the_columns,
    "You do not divide yet": lambda logits: math.e**logits,
    "likeliest class always gets 1": by_line(lambda line: np.exp(line - line.max()) / max(np.exp(line - line.max()))),
    "Without exp": without_exp,
    "a minus too many": by_line(lambda line: np.exp(min(line) - line) / sum(np.exp(min(line) - line))),
    "softer": one_for_the_largest,
    "the logarithms of the probabilities": by_line(log_softmax),
}


@pytest.mark.parametrize("part", SOFTMAX)
def test_softmax(says, part):
    assert part in says(checks.softmax, SOFTMAX[part])


def in_place_of_its_own(logits):
    e = logits.copy()
    for i in range(len(e)):
        e[i] -= max(e[i])
        e[i] = np.exp(e[i])
        e[i] /= sum(e[i])
    return e


def with_transposes(logits):
    e = np.exp((logits.T - logits.max(1)).T)
    return (e.T / e.sum(1)).T


def from_differences(logits):
    """Each probability from how far the other logits are from its own."""
    with np.errstate(over="ignore"):
        return 1 / np.exp(logits[:, None, :] - logits[:, :, None]).sum(axis=2)


@pytest.mark.parametrize("right", [in_place_of_its_own, with_transposes, from_differences])
def test_a_right_softmax(says, right):
    assert says(checks.softmax, right).startswith("Correct.")


def test_a_softmax_that_changes_its_input(says):
    def softmax(logits):
        logits -= logits.max(axis=1, keepdims=True)
        return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)

    assert "changes its input logits" in says(checks.softmax, softmax)


# Cross-entropy


def of_each(work):
    """The mean over the pictures of what `work` makes of a line and its label."""
    return lambda probabilities, labels: np.mean([work(p, label) for p, label in zip(probabilities, labels)])


def one_hot(probabilities, labels):
    return np.where(np.arange(probabilities.shape[1]) == labels[:, None], 1, 0)


CROSS_ENTROPY = {
    "Which sign is missing": of_each(lambda p, label: np.log(p[label])),
    "You add up over the pictures": lambda p, labels: sum(-np.log(p[i, k]) for i, k in enumerate(labels)),
    "A loss for each picture": lambda p, labels: np.array([-np.log(p[i, k]) for i, k in enumerate(labels)]),
    "the mean comes last": lambda p, labels: -np.log(np.mean([p[i, k] for i, k in enumerate(labels)])),
    "base 2": of_each(lambda p, label: -math.log2(p[label])),
    "base 10": of_each(lambda p, label: -math.log10(p[label])),
    "1 minus the probability": of_each(lambda p, label: 1 - p[label]),
    "the likeliest class, right or wrong": of_each(lambda p, label: -math.log(max(p))),
    "always look at class 0": of_each(lambda p, label: -np.log(p[0])),
    "every picture with every label": lambda p, labels: np.mean(-np.log(p[:, labels])),
    "whole lines": lambda p, labels: np.mean(-np.log(p[labels])),
    "the logarithm of every class": lambda p, labels: (-np.log(p)).mean(),
    "Zero times the logarithm of zero": lambda p, labels: -np.sum(one_hot(p, labels) * np.log(p)) / len(p),
    "zeros included": lambda p, labels: np.mean(-one_hot(p, labels) * np.log(p)),
}


@pytest.mark.parametrize("part", CROSS_ENTROPY)
def test_cross_entropy(says, part):
    assert part in says(checks.cross_entropy, CROSS_ENTROPY[part])


def in_a_loop(probabilities, labels):
    total = 0
    for i in range(len(labels)):
        total = total - math.log(probabilities[i][labels[i]])
    return total / len(labels)


def with_one_hot(probabilities, labels):
    return -np.log((one_hot(probabilities, labels) * probabilities).sum(1)).mean()


@pytest.mark.parametrize("right", [in_a_loop, with_one_hot, of_each(lambda p, label: np.log(1 / p[label]))])
def test_a_right_cross_entropy(says, right):
    assert says(checks.cross_entropy, right).startswith("Correct.")


# The first loss

FIRST_LOSS = {
    "right for 2 classes": lambda classes: 0.6931472,
    "cannot be negative": lambda classes: math.log(1 / classes),
    "the probability of the right class": lambda classes: 1 / classes,
    "how likely it is to be wrong": lambda classes: (classes - 1) / classes,
    "base 2": math.log2,
    "base 10": math.log10,
    "You add up over the classes": lambda classes: -sum(math.log(1 / classes) for _ in range(classes)),
    "sure and right": lambda classes: 0.0,
}


@pytest.mark.parametrize("part", FIRST_LOSS)
def test_first_loss(says, part):
    assert part in says(checks.first_loss, FIRST_LOSS[part])


@pytest.mark.parametrize(
    "right", [math.log, lambda classes: -np.log(1 / classes), lambda n: -np.log(np.ones(n) / n).mean()]
)
def test_a_right_first_loss(says, right):
    assert says(checks.first_loss, right).startswith("Correct.")


# The blind spot


def for_each_pixel(seen):
    """True or False for each line of weights, as `seen` says."""
    return lambda w: np.array([seen(line) for line in w])


BLIND_SPOT = {
    "whose weights are all zero": for_each_pixel(lambda line: not line.any()),
    "One weight of zero is not enough": for_each_pixel(lambda line: 0 in line),
    "the first class only": for_each_pixel(lambda line: line[0] == 0),
    "the first two classes only": for_each_pixel(lambda line: line[0] - line[1] == 0),
    "add up to zero": for_each_pixel(lambda line: sum(line) == 0),
    "The other way round": for_each_pixel(lambda line: max(line) > min(line)),
    "forget signs": for_each_pixel(lambda line: max(abs(line)) == min(abs(line))),
    "One equal pair is not enough": for_each_pixel(lambda line: line[0] in line[1:]),
    "the places of these pixels": lambda w: np.array([i for i, line in enumerate(w) if len(set(line)) == 1]),
    "how many there are": lambda w: sum(len(set(line)) == 1 for line in w),
    "for each single weight": lambda w: w == w[:, [0]],
    "One answer for each class": lambda w: np.all(w == w[0], axis=0),
}


@pytest.mark.parametrize("part", BLIND_SPOT)
def test_blind_spot(says, part):
    assert part in says(checks.blind_spot, BLIND_SPOT[part])


@pytest.mark.parametrize(
    "right",
    [
        lambda w: w.max(axis=1) == w.min(axis=1),
        lambda w: np.ptp(w, axis=1) < 1e-9,
        for_each_pixel(lambda line: len(set(line.tolist())) == 1),
        lambda w: np.isclose(w, w[:, :1]).all(1),
    ],
)
def test_a_right_blind_spot(says, right):
    assert says(checks.blind_spot, right).startswith("Correct.")


TESTED = {"softmax": SOFTMAX, "cross_entropy": CROSS_ENTROPY, "first_loss": FIRST_LOSS, "blind_spot": BLIND_SPOT}


@pytest.mark.parametrize("name", TESTED)
def test_each_mistake_has_a_test(name):
    assert len(TESTED[name]) == len(getattr(checks, name).mistakes)
