"""Lesson 09: look inside."""

import numpy as np

from .check import exercise

# Guided backpropagation's gate


def _gates(rng):
    """Slopes on their way back, and what the ReLU saw: the four on paper, then some maps."""
    yield np.array([2.0, -1.0, 3.0, -4.0]), np.array([1.0, 5.0, -2.0, -3.0])
    yield rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(2, 3, 4, 5))


@exercise(
    inputs=_gates,
    praise="One line apart from the true slope, and quite another picture.",
    mistakes={
        "That is the true slope: only the gate is asked. A negative dy must stop too.":
            lambda dy, x: dy * (x > 0),
        "That is the deconvnet: you do not ask whether the gate was open. Look at x as well.":
            lambda dy, x: dy * (dy > 0),
        "It is enough for you if one of the two holds. Both must.":
            lambda dy, x: dy * ((x > 0) | (dy > 0)),
        "You return whether a number passes, not the number. Multiply dy by it.":
            lambda dy, x: (x > 0) & (dy > 0),
        "You send back x where both hold. What travels backwards is dy.":
            lambda dy, x: x * (x > 0) * (dy > 0),
        "You stop where the gate was open, and pass where it was shut: look at the sign of x again.":
            lambda dy, x: dy * (x <= 0) * (dy > 0),
        "You keep the negative slopes and stop the positive ones.":
            lambda dy, x: dy * (x > 0) * (dy < 0),
        "You make negative slopes positive. They must stop.":
            lambda dy, x: np.abs(dy) * (x > 0),
        "You ask about the product of both: two negatives make a positive, and slip through.":
            lambda dy, x: dy * (dy * x > 0),
        "All comes back as it was: no gate has stopped anything.":
            lambda dy, x: dy,
    },
)  # fmt: skip
def guided(dy, x):
    return dy * (x > 0) * (dy > 0)


# Occlusion


def total(image):
    """The sum of all numbers of an image."""
    return float(np.sum(image))


def contrast(image):
    """The largest number of an image less its smallest."""
    return float(np.max(image) - np.min(image))


def first_row(image):
    """What the first row adds up to, each depth weighted by its number, from 1."""
    image = np.asarray(image)
    return float((image[:, 0].sum(1) * np.arange(1, len(image) + 1)).sum())


def _covered(rng):
    """A score, an image, and the side of the square: a sum on paper, then others on several depths and sides."""
    yield total, np.arange(4.0).reshape(1, 2, 2), 1
    yield total, rng.random((3, 4, 6)), 2
    yield first_row, rng.random((3, 6, 6)), 3
    yield contrast, rng.random((2, 6, 4)), 2


def _falls(score, image, size, *, rows=None, columns=None, fill=0.0, fall=lambda whole, left: whole - left, part=None):
    """Occlusion, and most of the ways to go wrong: other squares, another fill, another difference, not all depths."""
    _, height, width = image.shape
    rows = range(0, height, size) if rows is None else rows(height, size)
    columns = range(0, width, size) if columns is None else columns(width, size)
    falls = np.zeros((len(rows), len(columns)))
    for r, top in enumerate(rows):
        for c, left in enumerate(columns):
            covered = image.copy()
            covered[part or slice(None), top : top + size, left : left + size] = fill
            falls[r, c] = fall(score(image), score(covered))
    return falls


def _never_uncovered(score, image, size):
    covered, falls = image.copy(), np.zeros((image.shape[1] // size, image.shape[2] // size))
    for r, c in np.ndindex(falls.shape):
        covered[:, r * size : (r + 1) * size, c * size : (c + 1) * size] = 0
        falls[r, c] = score(image) - score(covered)
    return falls


def _all_but(score, image, size):
    """Everything covered but the square."""
    falls = np.zeros((image.shape[1] // size, image.shape[2] // size))
    for r, c in np.ndindex(falls.shape):
        covered = np.zeros_like(image)
        here = (slice(None), slice(r * size, (r + 1) * size), slice(c * size, (c + 1) * size))
        covered[here] = image[here]
        falls[r, c] = score(image) - score(covered)
    return falls


@exercise(
    inputs=_covered,
    praise="It needs no layer, no slope, and no look inside.",
    mistakes={
        "Your signs are the wrong way round: where the score falls, the answer is positive.":
            lambda *case: _falls(*case, fall=lambda whole, left: left - whole),
        "You return the score of the covered image. How far has it fallen from the whole one?":
            lambda *case: _falls(*case, fall=lambda whole, left: left),
        "You lose the sign. A score may also rise when something is covered, and that is below zero.":
            lambda *case: _falls(*case, fall=lambda whole, left: abs(whole - left)),
        "You leave out where the score rises. Keep it: it is below zero.":
            lambda *case: _falls(*case, fall=lambda whole, left: max(whole - left, 0)),
        "You cover the first depth only. The square goes through all of them.":
            lambda *case: _falls(*case, part=slice(0, 1)),
        "The squares of before are still covered. Each begins with a fresh copy of the image.":
            _never_uncovered,
        "You cover all but the square.":
            _all_but,
        "You cover with ones. Zeros are asked for.":
            lambda *case: _falls(*case, fill=1.0),
        "Your square moves by one pixel. Side by side, it moves by its own size.":
            lambda *case: _falls(*case, rows=lambda n, size: range(n - size + 1),
                                 columns=lambda n, size: range(n - size + 1)),
        "Your squares begin at pixel 0, 1, 2, ...: they overlap. The square in row 1 begins at 1 * size.":
            lambda *case: _falls(*case, rows=lambda n, size: range(n // size),
                                 columns=lambda n, size: range(n // size)),
        "Your answer is turned: rows first, then columns.":
            lambda *case: _falls(*case).T,
    },
)  # fmt: skip
def occlusion(score, image, size):
    return _falls(score, image, size)


# Focus


def _glows(rng):
    """A map and a box: one bright pixel of nine on paper, then boxes that are higher than wide, and wider than high."""
    yield np.array([[0.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 0.0]]), np.array([0, 1, 2, 3])
    yield rng.random((8, 10)) ** 4, np.array([1, 3, 5, 7])
    yield rng.random((12, 9)) ** 4, np.array([1, 4, 8, 9])


@exercise(
    inputs=_glows,
    praise="One number for what the eye only believed.",
    mistakes={
        "That is the share of all the glow that lies in the box. A large box holds much of any glow: compare means.":
            lambda glow, box: glow[box[1] : box[3], box[0] : box[2]].sum() / glow.sum(),
        "You compare with the mean outside of the box. The mean of the whole picture is asked for.":
            lambda glow, box: _mean_in(glow, box) / _mean_out(glow, box),
        "You take the columns for the rows: rows go from top to bottom.":
            lambda glow, box: glow[box[0] : box[2], box[1] : box[3]].mean() / glow.mean(),
        "Your order of the box is another: it is left, top, right, bottom.":
            lambda glow, box: glow[box[0] : box[1], box[2] : box[3]].mean() / glow.mean(),
        "Your fraction is upside down.":
            lambda glow, box: glow.mean() / _mean_in(glow, box),
        "You return the mean inside alone. Divide it by the mean of the whole picture.":
            lambda glow, box: _mean_in(glow, box),
        "Right and bottom are the first outside already: there is nothing to add.":
            lambda glow, box: glow[box[1] : box[3] + 1, box[0] : box[2] + 1].mean() / glow.mean(),
        "Right and bottom are the first outside, so a slice ends there by itself: nothing to take off.":
            lambda glow, box: glow[box[1] : box[3] - 1, box[0] : box[2] - 1].mean() / glow.mean(),
        "You take right and bottom for a width and a height.":
            lambda glow, box: glow[box[1] : box[1] + box[3], box[0] : box[0] + box[2]].mean() / glow.mean(),
        "You subtract where a ratio is asked for: how many times as bright.":
            lambda glow, box: _mean_in(glow, box) - glow.mean(),
    },
)  # fmt: skip
def focus(glow, box):
    return _mean_in(glow, box) / glow.mean()


def _mean_in(glow, box):
    left, top, right, bottom = box
    return glow[top:bottom, left:right].mean()


def _mean_out(glow, box):
    left, top, right, bottom = box
    outside = np.ones(glow.shape, bool)
    outside[top:bottom, left:right] = False
    return glow[outside].mean()
