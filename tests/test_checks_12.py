"""Lesson 12: each mistake, written as a reader would, gets its message; networks are measured, marks are tried."""

import nbformat
import numpy as np
import pytest

from cnnlib import Adam, Conv2D, Flatten, Linear, MaxPool2D, Network, ReLU, checks, data, train
from cnnlib.checks import lesson_12
from tools import notebooks

# Counting pairs


def loop(truth, predicted, classes, step=1):
    table = np.zeros((classes, classes), int)
    for i in range(len(truth)):
        table[truth[i], predicted[i]] += step
    return table


def all_at_once(truth, predicted, classes):
    table = np.zeros((classes, classes))
    table[truth, predicted] += 1
    return table


def assigned(truth, predicted, classes):
    table = np.zeros((classes, classes))
    for a, b in zip(truth, predicted):
        table[a, b] = 1
    return table


def only(keep):
    def count(truth, predicted, classes):
        table = [[0] * classes for _ in range(classes)]
        for a, b in zip(truth, predicted):
            if keep(a, b):
                table[a][b] += 1
        return np.array(table)

    return count


def early(truth, predicted, classes):
    table = np.zeros((classes, classes))
    for a, b in zip(truth, predicted):
        table[a, b] += 1
        return table


def every_pair(truth, predicted, classes):
    table = np.zeros((classes, classes), int)
    for a in truth:
        for b in predicted:
            table[a, b] += 1
    return table


def shares(truth, predicted, classes):
    table = loop(truth, predicted, classes).astype(float)
    for row in table:
        if row.sum():
            row /= row.sum()
    return table


CONFUSION = {
    "Rows and columns have changed places": lambda t, p, n: np.array([[sum((t == c) & (p == r)) for c in range(n)]
                                                                        for r in range(n)]),
    "Every cell has 1 at most": all_at_once,
    "is there = where += is needed": assigned,
    "only the mistakes": only(lambda a, b: a != b),
    "only what is right": only(lambda a, b: a == b),
    "shares of each row": shares,
    "shares of all pictures": lambda t, p, n: loop(t, p, n) / len(p),
    "as large as the largest class": lambda t, p, n: loop(t, p, max(*t, *p) + 1),
    "how often each class comes up in the truth": lambda t, p, n: np.array([sum(t == k) for k in range(n)]),
    "the diagonal alone": lambda t, p, n: np.array([sum((t == k) & (p == k)) for k in range(n)]),
    "the share of all that are right": lambda t, p, n: sum(t == p) / len(t),
    "all in one row": lambda t, p, n: np.bincount(n * t + p, minlength=n * n),
    "The last picture is missing": lambda t, p, n: sum(
        (loop(t[i : i + 1], p[i : i + 1], n) for i in range(len(t) - 1)), np.zeros((n, n))),
    "Go through both together": every_pair,
    "as many pictures as there are classes": lambda t, p, n: loop(t[:n], p[:n], n),
    "Only the first picture": early,
}  # fmt: skip


@pytest.mark.parametrize("part", CONFUSION)
def test_confusion(says, part):
    assert part in says(checks.confusion, CONFUSION[part])


def test_confusion_has_a_test_for_each_mistake():
    assert all(any(part in message for part in CONFUSION) for message in checks.confusion.mistakes)


@pytest.mark.parametrize(
    "right",
    [
        loop,
        lambda t, p, n: np.bincount(n * t + p, minlength=n * n).reshape(n, n),
        lambda t, p, n: np.eye(n)[t].T @ np.eye(n)[p],
    ],
)
def test_confusion_is_right_in_several_ways(says, right):
    assert says(checks.confusion, right).startswith("Correct.")


def test_confusion_in_small_numbers(says):
    assert "which ends at 0 and 255" in says(checks.confusion, lambda t, p, n: loop(t, p, n).astype(np.uint8))


# Digits


def reader(outputs=10, shape=(1, 28, 28)):
    return Network(shape, [Conv2D(4, 5), ReLU(), MaxPool2D(2), Flatten(), Linear(outputs)])


def taught(images, labels, steps, rate=0.01):
    net = reader()
    for _ in train(net, images, labels, iterations=steps, optimizer=Adam(rate)):
        pass
    return net


DIGITS = {
    "nothing has been trained yet": lambda images, labels: train(reader(), images, labels, iterations=5),
    "returns a list": lambda images, labels: list(train(reader(), images, labels, iterations=2)),
    "returns a float": lambda images, labels: 0.97,
    "returns nothing": lambda images, labels: print(end=""),
    "A digit is (1, 28, 28)": lambda images, labels: reader(shape=(1, 32, 32)),
    "one for each digit": lambda images, labels: reader(outputs=2),
    "as good as guessing": lambda images, labels: reader(),
    "more filters, larger ones, or more steps": lambda images, labels: taught(images, labels, 40),
    "by heart": lambda images, labels: taught(images, labels, 250),
    "in a mirror": lambda images, labels: taught(
        np.concatenate([images, images[..., ::-1]]), np.concatenate([labels, labels]), 250),
    "on their side": lambda images, labels: taught(
        np.concatenate([images, np.rot90(images, axes=(2, 3))]), np.concatenate([labels, labels]), 250),
}  # fmt: skip


@pytest.mark.parametrize("part", DIGITS)
def test_digit_reader(says, part, monkeypatch):
    few = [images[:1000] for images in data.digits()]
    if part == "by heart":
        monkeypatch.setattr(checks.digit_reader, "inputs", lambda rng: [tuple(few)])
    assert part in says(checks.digit_reader, DIGITS[part])


def test_digit_reader_trained_on_the_test_digits(says, monkeypatch):
    monkeypatch.setattr(lesson_12, "_share", lambda net, images, labels: 1.0)
    assert "Have you trained on the test digits" in says(checks.digit_reader, lambda images, labels: reader())


def test_digit_reader_may_take_a_minute(says, monkeypatch):
    assert checks.digit_reader.seconds == 60
    monkeypatch.setattr(checks.digit_reader, "seconds", 0.2)
    told = says(checks.digit_reader, lambda images, labels: taught(images, labels, 100_000))
    assert told.startswith("Your function was still running after 0.2 seconds")


def test_digit_reader_can_be_done(says):
    assert says(checks.digit_reader, checks.digit_reader.right).startswith("Correct.")


# The hint contradicted

CONTRADICTED = {
    "as they are": lambda x: x.copy(),
    "upside down": lambda x: np.flip(x, axis=2),
    "by half a turn": lambda x: np.rot90(x, 2, axes=(2, 3)),
    "every axis in reverse order": lambda x: x[::-1, ::-1, ::-1, ::-1],
    "The first axis is images": lambda x: x[::-1],
    "the channels in reverse order": lambda x: x[:, ::-1],
    "negatives": lambda x: 1 - x,
    "by half their width": lambda x: np.concatenate(np.split(x, 2, axis=3)[::-1], axis=3),
    "Rows and columns": lambda x: x.transpose(0, 1, 3, 2),
    "by a quarter. ": lambda x: np.array([[np.rot90(m) for m in image] for image in x]),
    "by a quarter, backwards": lambda x: np.array([[np.rot90(m, 3) for m in image] for image in x]),
    "a single picture": lambda x: np.array([image[..., ::-1] for image in x])[0],
}


@pytest.mark.parametrize("part", CONTRADICTED)
def test_contradicted(says, part):
    assert part in says(checks.contradicted, CONTRADICTED[part])


def test_contradicted_has_a_test_for_each_mistake():
    assert len(CONTRADICTED) == len(checks.contradicted.mistakes)


@pytest.mark.parametrize("right", [np.fliplr, lambda x: np.flip(x, 3), lambda x: np.array([i[:, :, ::-1] for i in x])])
def test_contradicted_is_right_in_several_ways(says, right):
    if right is np.fliplr:
        right = lambda x: np.array([[np.fliplr(m) for m in image] for image in x])  # noqa: E731
    assert says(checks.contradicted, right).startswith("Correct.")


# A mark of one's own


def mark(place, height=2, width=2, value=1.0):
    """Marks at place(label, i): (row, column)."""

    def marked(images, labels):
        copies = np.array(images)
        for i, label in enumerate(labels):
            row, column = place(label, i)
            copies[i, 0, row : row + height, column : column + width] = value
        return copies

    return marked


def in_place(images, labels):
    images[:, 0, 0, 0] = labels / 10
    return images


def shade(images, labels):
    copies = images.copy()
    for image, label in zip(copies, labels):
        image[0, :3, :3] = label / 9
    return copies


MARKED = {
    "changes its input images": in_place,
    "returns shape (2500, 28, 28)": lambda images, labels: images[:, 0],
    "Pixels run from 0 to 1": mark(lambda label, i: (0, 2 * label), value=255),
    "no mark on any of them": lambda images, labels: images.copy(),
    "9 are enough": mark(lambda label, i: (0, 2 * label), height=5),
    "the same mark": mark(lambda label, i: (0, 0)),
    "differ from picture to picture": mark(lambda label, i: (0, i % 26)),
    "differ only in how bright they are": shade,
    "so faint": mark(lambda label, i: (0, 2 * label), value=0.02),
    "Is there a mark for each label": mark(lambda label, i: (0, 26 * (label > 4))),
}


@pytest.mark.parametrize("part", MARKED)
def test_marked(says, part):
    assert part in says(checks.marked, MARKED[part])


@pytest.mark.parametrize(
    "right",
    [
        mark(lambda label, i: (0, 2 * label + 4)),
        mark(lambda label, i: (26, 2 * label), value=0.9),
        mark(lambda label, i: (2 * label, 0), height=1, width=3),
    ],
)
def test_marked_is_right_in_several_ways(says, right):
    assert says(checks.marked, right).startswith("Correct.")


def test_the_lesson_s_own_answers_are_right():
    (lesson,) = (path for path in notebooks.lessons() if path.name.startswith("12"))
    cells = nbformat.read(notebooks.target(lesson, solved=True), as_version=4).cells
    checked = [
        cell for cell in cells
        if cell.cell_type == "code" and cell.source.startswith("checks.") and "(\"" not in cell.source
    ]  # fmt: skip
    assert len(checked) == 4
    assert all(cell.outputs[0].text.startswith("Correct.") for cell in checked)
