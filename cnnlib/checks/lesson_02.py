"""Lesson 02: find edges."""

import numpy as np

from cnnlib.gradcheck import numerical_gradient

from .check import exercise

SOBEL_X = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])


def _at_fault(weights, wanted, what):
    """What is the matter with an array before one looks at what it does: its shape, or what is in it."""
    if np.shape(weights) != wanted:
        return f"Your array has shape {np.shape(weights)}, where {wanted} is wanted: {what}."
    if not np.isfinite(weights).all():
        return "There is something in your array that is no number."
    if not np.any(weights):
        return "All your numbers are zero: that says the same of every picture."
    return ""


# A filter to design

_TO_RIGHT = np.array([[0, 0.5, 1]] * 3)
_TO_LOWER_RIGHT = np.array([[0, 0, 0.5], [0, 0.5, 1], [0.5, 1, 1]])
_EDGES = {  # the sharpest there are, by where they get brighter
    name: np.rot90(patch, turns)
    for patch, names in [(_TO_RIGHT, ["right", "top", "left", "bottom"]),
                         (_TO_LOWER_RIGHT, ["bottom right", "top right", "top left", "bottom left"])]
    for turns, name in enumerate(names)
}  # fmt: skip
_ASKED = "top right"


def _judge_slanted(weights):
    """What is the matter with a filter that is to answer where it gets brighter towards the top right."""
    if fault := _at_fault(weights, (3, 3), "three rows of three weights"):
        return fault
    answers = {name: float((patch * weights).sum()) for name, patch in _EDGES.items()}
    if abs(total := float(np.sum(weights))) > 1e-6:
        return (
            f"Your weights add up to {total:g}. So it answers {total:g} where all is plain white, and there is no edge "
            "there. To what must they add up?"
        )
    best = max(answers, key=answers.get)
    if abs(answers[best]) < 1e-6:
        return (
            "To every edge, in any direction, your filter says 0. The two sides of your slanted line have the same "
            "weights: that may find a thin line. An edge has two different sides."
        )
    if answers[best] > answers[_ASKED] + 1e-6:
        hint = {
            "bottom left": "Right line, wrong side: where do the weights above zero belong?",
            "bottom right": "That edge runs along the other diagonal.",
            "top left": "That edge runs along the other diagonal.",
        }.get(best, f"To the edge that is wanted it says {answers[_ASKED]:g}. Have you slanted it?")
        return f"Your filter answers loudest, with {answers[best]:g}, where it gets brighter towards the {best}. {hint}"
    others = [name for name in answers if name != _ASKED and answers[name] > answers[_ASKED] - 1e-6]
    if others:
        return (
            f"It says {answers[_ASKED]:g} where it gets brighter towards the top right, and just as much towards the "
            f"{others[0]}. So it cannot tell the two. Let more weights have a say."
        )
    return ""


@exercise(
    inputs=lambda rng: [()],
    praise="Nothing on plain ground, and loudest where it gets brighter towards the top right. Many filters are.",
    verdict=_judge_slanted,
)
def slanted_filter():
    return np.array([[0, 1, 2], [-1, 0, 1], [-2, -1, 0]])


# Two rows that make nine weights


def _judge_rows(rows):
    """What is the matter with two rows whose outer product is to be Sobel x."""
    if np.shape(rows) == (3, 3):
        return "Nine numbers are the whole table. Wanted are the six on its rim: one row down its side, one over it."
    if np.shape(rows) == (3, 2):
        return "You have three rows of two. Wanted are two rows of three: first the one that goes down the side."
    if fault := _at_fault(rows, (2, 3), "first the row that goes down the side, then the one over it"):
        return fault
    table = np.outer(*rows)
    if np.allclose(table, SOBEL_X):
        return ""
    if np.allclose(table, SOBEL_X.T):
        return "That makes Sobel y. The two rows have changed places: the first goes down the side."
    if np.allclose(table, -SOBEL_X):
        return "That makes Sobel x with all its signs changed: it would call dark to bright what is bright to dark."
    if np.allclose(table, np.abs(SOBEL_X)):
        return "All your numbers are above zero, so all products are. Half of Sobel x is below."
    if np.allclose(table, [[-1, 0, 1]] * 3):
        return "That makes the filter edge, whose three rows are alike. In Sobel x the middle row counts twice."
    ratios = table[SOBEL_X != 0] / SOBEL_X[SOBEL_X != 0]
    if ratios[0] and np.allclose(ratios, ratios[0]) and np.allclose(table[:, 1], 0):
        return f"Right but for its size: every number of your table is {ratios[0]:.3g} times that of Sobel x."
    if np.any(np.abs(table[:, 1]) > 1e-6):
        return (
            "The middle column of Sobel x is zero, and that of your table is not. A column is made with one number of "
            "the row over it. Which number makes a column of zeros?"
        )
    row, column = np.argwhere(~np.isclose(table, SOBEL_X))[0]
    return (
        f"In row {row}, column {column} your table says {rows[0][row]:g} x {rows[1][column]:g} = "
        f"{table[row, column]:g}, where Sobel x has {SOBEL_X[row, column]}."
    )


@exercise(
    inputs=lambda rng: [()],
    praise="One row smooths, the other takes the difference. Six numbers make the nine.",
    verdict=_judge_rows,
)
def two_rows():
    return np.array([[1, 2, 1], [-1, 0, 1]])


# Downhill


def sum_of_squares(w):
    return float((w**2).sum())


def lopsided(w):
    return float((w[0, 0] - 2) ** 2 + 3 * (w[0, 1] + 1) ** 2 + w[0, 0] * w[0, 1])


def _valleys(rng):
    """A loss, where to begin, a learning rate and how many steps: one step on paper, then more, and a hidden filter."""
    yield sum_of_squares, np.array([[3.0, -1.0]]), 0.25, 1
    yield lopsided, np.array([[1.0, 0.5]]), 0.1, 4
    patches = np.lib.stride_tricks.sliding_window_view(rng.random((8, 8)), (3, 3))
    wanted = np.einsum("rcij,ij->rc", patches, rng.integers(-2, 3, (3, 3)))

    def difference(w):
        return float(((np.einsum("rcij,ij->rc", patches, w) - wanted) ** 2).mean())

    yield difference, rng.normal(size=(3, 3)), 0.15, 30


def _walk(step, count=lambda steps: steps):
    """walk_downhill of another kind of step: (filter, slopes, learning rate) -> filter."""
    def walk(loss, filter, learning_rate, steps):
        for _ in range(count(steps)):
            filter = step(filter, numerical_gradient(loss, np.array(filter)), learning_rate)
        return filter
    return walk


def _downhill(filter, slopes, learning_rate):
    return filter - learning_rate * slopes


def _straight_on(loss, filter, learning_rate, steps):
    return filter - steps * learning_rate * numerical_gradient(loss, np.array(filter))


@exercise(
    inputs=_valleys,
    praise="Whatever is to be learned in this course, it is learned by this loop.",
    mistakes={
        "You walk uphill: the slopes point to where the loss grows. Which sign takes you the other way?":
            _walk(lambda filter, slopes, learning_rate: filter + learning_rate * slopes),
        "You step by the whole slopes. The learning rate says how much of them to take.":
            _walk(lambda filter, slopes, learning_rate: filter - slopes),
        "You take one step, however many are wanted. Is there a loop, and does your return stand after it?":
            _walk(_downhill, lambda steps: 1),
        "You take one step too many. range(steps) counts from 0, and so it counts right.":
            _walk(_downhill, lambda steps: steps + 1),
        "You take one step too few. range(1, steps) leaves one out: range(steps) counts from 0.":
            _walk(_downhill, lambda steps: steps - 1),
        "You find the slopes once and walk straight on. They are true only where you stand: find them anew each time.":
            _straight_on,
        "You return the slopes. Return where you have arrived.":
            lambda loss, filter, learning_rate, steps:
                numerical_gradient(loss, _walk(_downhill, lambda n: n - 1)(loss, filter, learning_rate, steps)),
        "You return the loss. Return the filter that has it.":
            lambda loss, filter, learning_rate, steps: loss(_walk(_downhill)(loss, filter, learning_rate, steps)),
        "You return only the last step. It leads from where you stand: take it off the filter, and keep that.":
            _walk(lambda filter, slopes, learning_rate: -learning_rate * slopes),
        "You return how far to go in the last step, and uphill. Take it off the filter, and keep that.":
            _walk(lambda filter, slopes, learning_rate: learning_rate * slopes),
        "You begin with zeros. Begin with the filter that you are given.":
            lambda loss, filter, learning_rate, steps:
                _walk(_downhill)(loss, np.zeros(filter.shape), learning_rate, steps),
        "You return the filter that you were given. Where has your new one gone?":
            lambda loss, filter, learning_rate, steps: filter,
        "Your learning rate is always 0.05, as on paper. Take the one that is given.":
            _walk(lambda filter, slopes, learning_rate: filter - 0.05 * slopes),
        "Every weight takes a step of the same size. Where it is steeper, the step should be longer.":
            _walk(lambda filter, slopes, learning_rate: filter - learning_rate * np.sign(slopes)),
        "A larger learning rate gives you smaller steps. Multiply by it.":
            _walk(lambda filter, slopes, learning_rate: filter - slopes / learning_rate),
        "One slope for all weights? Each weight has a slope of its own: leave them apart.":
            _walk(lambda filter, slopes, learning_rate: filter - learning_rate * slopes.mean()),
    },
)  # fmt: skip
def walk_downhill(loss, filter, learning_rate, steps):
    for _ in range(steps):
        filter = filter - learning_rate * numerical_gradient(loss, filter)
    return filter
