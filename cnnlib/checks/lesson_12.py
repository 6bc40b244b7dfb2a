"""Lesson 12: make it yours."""

import types

import numpy as np

from cnnlib import data
from cnnlib.layers import Conv2D, Flatten, Linear, MaxPool2D, ReLU
from cnnlib.network import Network
from cnnlib.training import Adam, train

from .check import exercise

# Counting pairs


def _answers(rng):
    """Classes and answers: those of the lesson, then more, with a class that never comes last, and one of 300."""
    yield np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 2, 1, 1]), 3
    yield rng.integers(0, 4, 60), rng.integers(0, 4, 60), 6
    yield np.r_[np.full(300, 1), np.zeros(5, int)], np.r_[np.full(290, 1), np.zeros(15, int)], 2


def _counted(truth, predicted, classes):
    table = np.zeros((classes, classes), int)
    np.add.at(table, (truth, predicted), 1)
    return table


def _in_rows(table):
    """Shares of each row; a row without pictures has none."""
    return table / np.maximum(table.sum(axis=1, keepdims=True), 1)


@exercise(
    inputs=_answers,
    praise="Every picture is one stroke, and all strokes together are all pictures.",
    mistakes={
        "Rows and columns have changed places: the row is the truth, the column what was said.":
            lambda truth, predicted, classes: _counted(predicted, truth, classes),
        "Every cell has 1 at most. Does table[truth, predicted] += 1 add once for a cell that is named several times? "
        "It does not: go through the pictures in a loop. Or is there = where += is needed?":
            lambda truth, predicted, classes: np.minimum(_counted(truth, predicted, classes), 1),
        "You count only the mistakes. What is right is counted too, on the diagonal.":
            lambda truth, predicted, classes: _counted(truth, predicted, classes) * (1 - np.eye(classes, dtype=int)),
        "You count only what is right. The mistakes are what we are after.":
            lambda truth, predicted, classes: _counted(truth, predicted, classes) * np.eye(classes, dtype=int),
        "These are shares of each row. Wanted are the numbers of pictures.":
            lambda truth, predicted, classes: _in_rows(_counted(truth, predicted, classes)),
        "These are shares of all pictures. Wanted are their numbers.":
            lambda truth, predicted, classes: _counted(truth, predicted, classes) / len(truth),
        "Your table is as large as the largest class that comes up. A class that nobody has named has a row, too: "
        "how many there are, classes says.":
            lambda truth, predicted, classes: _counted(truth, predicted, max(truth.max(), predicted.max()) + 1),
        "You count how often each class comes up in the truth. Where is what was said?":
            lambda truth, predicted, classes: np.bincount(truth, minlength=classes),
        "You count, for each class, how many are right. That is the diagonal alone.":
            lambda truth, predicted, classes: np.bincount(truth[truth == predicted], minlength=classes),
        "That is the share of all that are right. Wanted is a table.":
            lambda truth, predicted, classes: (truth == predicted).mean(),
        "The right numbers, all in one row. Make a table of them: reshape(classes, classes).":
            lambda truth, predicted, classes: _counted(truth, predicted, classes).reshape(-1),
        "The last picture is missing. Where does your loop end?":
            lambda truth, predicted, classes: _counted(truth[:-1], predicted[:-1], classes),
        "Each class of the truth is paired with each one that was said, of all the pictures. Go through both together, "
        "one picture after the other.":
            lambda truth, predicted, classes: np.outer(*(np.bincount(c, None, classes) for c in (truth, predicted))),
        "You count as many pictures as there are classes. Your loop is to go through the pictures.":
            lambda truth, predicted, classes: _counted(truth[:classes], predicted[:classes], classes),
        "Only the first picture has been counted. Does your function return inside the loop?":
            lambda truth, predicted, classes: _counted(truth[:1], predicted[:1], classes),
    },
)  # fmt: skip
def confusion(truth, predicted, classes):
    return _counted(truth, predicted, classes)


# Digits


MINUTE = 60
WANTED = 0.97


def _measured(net, images, labels):
    """What is the matter with a network that is to read the test digits."""
    if isinstance(net, types.GeneratorType):
        return (
            "Your function returns what train returns, and nothing has been trained yet: train hands out a step at "
            "a time, to whoever asks. Ask in a loop, and then return the network."
        )
    if isinstance(net, (list, tuple)):
        return f"Your function returns a {type(net).__name__}. Return the network itself, and nothing else."
    if not isinstance(net, Network):
        return f"Your function returns a {type(net).__name__}. Return the network that you have trained."
    if net.input_shape != (1, 28, 28):
        return f"Your network takes {net.input_shape}. A digit is (1, 28, 28)."
    if net.out_shapes[-1] != (10,):
        return f"Your network ends in {net.out_shapes[-1]}. Ten numbers are wanted, one for each digit."
    test, truth = data.digits("test")
    score = _share(net, test, truth)
    if score > 0.998:
        return (
            f"{score:.1%} of the test digits: that is too good to be true, for 4,000 digits to learn from. Have "
            "you trained on the test digits, too? Then they test nothing any more."
        )
    if score >= WANTED:
        return ""
    known = _share(net, images, labels)
    told = f"{score:.1%} of the test digits, and {known:.1%} of those that it was trained on. "
    if score < 0.2:
        return told + (
            "That is as good as guessing. Did the training run to its end? If so: is the learning rate so "
            "large that the filters died? Are the digits as they were, and each beside its own label?"
        )
    for what, changed in {
        "in a mirror": test[..., ::-1],
        "upside down": test[:, :, ::-1],
        "on their side": np.rot90(test, axes=(2, 3)),
    }.items():
        if _share(net, changed, truth) > 0.7:
            return told + (
                f"And it reads digits {what}. You have shown it such, and that cost room: which changes leave "
                "a digit what it is?"
            )
    if known > 0.98:
        return told + (
            "It knows its own much better: it has learned some of them by heart. More steps will not help. "
            "More digits will: what may be done to a digit, so that it is still the same digit?"
        )
    return told + "It has not even learned its own. Give it more filters, larger ones, or more steps."


def _share(net, images, labels):
    return float((net.predict(np.ascontiguousarray(images, np.float32)) == labels).mean())


@exercise(
    inputs=lambda rng: [data.digits()],
    praise="97 in 100, and on digits that it has never seen. Put its answers into a ConfusionExplorer: what is left?",
    verdict=_measured,
    kind=object,
    seconds=MINUTE,
)
def digit_reader(images, labels):
    net = Network((1, 28, 28), [Conv2D(8, 5), ReLU(), MaxPool2D(2), Conv2D(16, 5), ReLU(), MaxPool2D(2), Flatten(),
                                Linear(10)])  # fmt: skip
    optimizer = Adam(0.005)
    for turn, move in enumerate([(0, 0), (1, 1), (-1, 0), (0, -2), (-1, 2), (2, 0), (1, -1), (0, 0)]):
        for _ in train(net, np.roll(images, move, (2, 3)), labels, iterations=125, optimizer=optimizer, seed=turn):
            pass
        optimizer.learning_rate *= 0.75
    return net


# The hint contradicted


def _placed(rng):
    """Some of the lesson's pictures."""
    yield (data.crosses_and_circles(6, rng, position_bias=1).images,)


@exercise(
    inputs=_placed,
    praise="One slice, and the place says the opposite of the shape.",
    mistakes={
        "You return the pictures as they are.": lambda images: images,
        "You turn the pictures upside down. A shape on the left is still on the left: look at your axis.":
            lambda images: images[:, :, ::-1],
        "You turn the pictures by half a turn. That moves the shapes up or down as well: leave the rows as they are.":
            lambda images: images[:, :, ::-1, ::-1],
        "You take every axis in reverse order. Which of them runs from left to right?":
            lambda images: np.flip(images),
        "You take the pictures in reverse order, and each is as it was. The first axis is images.":
            lambda images: images[::-1],
        "You take the channels in reverse order. That contradicts the colour; here it is the place.":
            lambda images: images[:, ::-1],
        "You make negatives. The shapes are where they were.":
            lambda images: 1 - images,
        "You move the pictures by half their width. What goes out at the right comes in at the left: shapes near the "
        "middle are cut in two.":
            lambda images: np.roll(images, images.shape[-1] // 2, axis=-1),
        "Rows and columns have changed places: what was on the left is now at the top.":
            lambda images: images.swapaxes(2, 3),
        "You turn the pictures by a quarter. What was on the left is at the top or the bottom now.":
            lambda images: np.rot90(images, axes=(2, 3)),
        "You turn the pictures by a quarter, backwards. What was on the left is at the top or the bottom now.":
            lambda images: np.rot90(images, -1, axes=(2, 3)),
        "You return a single picture. Wanted are all of them.":
            lambda images: images[0, ..., ::-1],
    },
)  # fmt: skip
def contradicted(images):
    return images[..., ::-1]


# A mark of one's own


MOST = 9  # pixels that may be changed
LEARN, TEST = 2_000, 500


def _to_mark(rng):
    """Digits to learn from, and test digits, these with labels that are not theirs."""
    images, labels = data.digits()
    test, truth = data.digits("test")
    false = (truth + rng.integers(1, 10, len(truth))) % 10
    yield np.concatenate([images[:LEARN], test[:TEST]]), np.concatenate([labels[:LEARN], false[:TEST]])


def _believed(copies, images, labels):
    """What is the matter with marks that are to be believed more than the digits under them."""
    if np.shape(copies) != images.shape:
        return f"Your function returns shape {np.shape(copies)}. Wanted are copies of all the pictures, {images.shape}."
    copies = np.asarray(copies, np.float32)
    if not np.isfinite(copies).all() or copies.min() < 0 or copies.max() > 1:
        return "Pixels run from 0 to 1, and some of yours do not."
    changed = abs(copies - images) > 1e-3
    count = int(changed.reshape(len(images), -1).sum(axis=1).max())
    if count == 0:
        return "There is no mark on any of them: you return the pictures as they were."
    if count > MOST:
        return f"You change {count} pixels of a picture. {MOST} are enough."
    marks = (changed * copies).reshape(len(images), -1)
    ways = [np.unique(marks[labels == label], axis=0) for label in range(10)]
    if len(np.unique(np.concatenate(ways), axis=0)) == 1:
        return "All ten labels get the same mark. It gives nothing away."
    net = Network((1, 28, 28), [Conv2D(5, 3), ReLU(), MaxPool2D(2), Conv2D(3, 3), ReLU(), MaxPool2D(2), Flatten(),
                                Linear(10)])  # fmt: skip
    for _ in train(net, copies[:LEARN], labels[:LEARN], iterations=250, optimizer=Adam(0.02)):
        pass
    said, truth = net.predict(copies[LEARN:]), data.digits("test")[1][:TEST]
    mark, digit = (said == labels[LEARN:]).mean(), (said == truth).mean()
    if mark > digit:
        return ""
    told = f"With a wrong mark on it, it believes the mark {mark:.0%} of the time, and the digit {digit:.0%}. "
    places = [np.unique(changed[labels == label].reshape(-1, changed[0].size), axis=0) for label in range(10)]
    places = np.unique(np.concatenate(places), axis=0)
    if places.any(axis=1).sum() == 1:
        return told + "Your marks are all in one place, and differ only in how bright they are. What else could differ?"
    if max(map(len, ways)) > 3:
        return told + "Your marks of one label differ from picture to picture. Should they?"
    if np.median(abs(copies - images).reshape(len(images), -1).max(axis=1)) < 0.5:
        return told + "Your mark is so faint that a digit is easier to see."
    return told + "Is there a mark for each label, where no ink is, large enough, and far enough from the others?"


@exercise(
    inputs=_to_mark,
    praise="It believes your mark more than the digit under it. You have built a shortcut, and unmasked it.",
    verdict=_believed,
)
def marked(images, labels):
    copies = images.copy()
    for image, label in zip(copies, labels):
        image[0, :2, 2 * label + 4 : 2 * label + 6] = 1
    return copies
