"""Lesson 02: each mistake, written as a reader would, gets its message; every right answer passes."""

import numpy as np
import pytest

from cnnlib import checks
from cnnlib.gradcheck import numerical_gradient


def returning(*rows):
    """A reader's function that returns these numbers."""
    return lambda: np.array(rows)


# A filter to design

SLANTED = {
    "shape (9,), where (3, 3) is wanted": returning(0, 1, 2, -1, 0, 1, -2, -1, 0),
    "something in your array that is no number": returning([0, 1, np.inf], [-1, 0, 1], [-2, -1, 0]),
    "All your numbers are zero": lambda: np.zeros((3, 3)),
    "add up to 3. So it answers 3 where all is plain white": returning([1, 1, 1], [-1, 1, 1], [-1, -1, 1]),
    "that may find a thin line": returning([2, -1, -1], [-1, 2, -1], [-1, -1, 2]),
    "with 4, where it gets brighter towards the bottom left. Right line, wrong side": returning(
        [0, -1, -2], [1, 0, -1], [2, 1, 0]),
    "towards the bottom right. That edge runs along the other diagonal": returning(
        [-2, -1, 0], [-1, 0, 1], [0, 1, 2]),
    "towards the top left. That edge runs along the other diagonal": returning([2, 1, 0], [1, 0, -1], [0, -1, -2]),
    "towards the right. To the edge that is wanted it says 3. Have you slanted it": returning(
        [-1, 0, 1], [-2, 0, 2], [-1, 0, 1]),
    "towards the top. To the edge that is wanted it says 3": lambda: np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]]),
    "It says 1 where it gets brighter towards the top right, and just as much towards the right": returning(
        [0, 0, 1], [0, 0, 0], [-1, 0, 0]),
}  # fmt: skip

# Two rows

ROWS = {
    "Nine numbers are the whole table": returning([-1, 0, 1], [-2, 0, 2], [-1, 0, 1]),
    "three rows of two": returning([1, -1], [2, 0], [1, 1]),
    "shape (6,), where (2, 3) is wanted": returning(1, 2, 1, -1, 0, 1),
    "something in your array that is no number": returning([1, np.nan, 1], [-1, 0, 1]),
    "All your numbers are zero": returning([0, 0, 0], [0, 0, 0]),
    "That makes Sobel y": returning([-1, 0, 1], [1, 2, 1]),
    "all its signs changed": returning([1, 2, 1], [1, 0, -1]),
    "All your numbers are above zero": returning([1, 2, 1], [1, 0, 1]),
    "That makes the filter edge": returning([1, 1, 1], [-1, 0, 1]),
    "times that of Sobel x": returning([1, 2, 1], [-2, 0, 2]),
    "The middle column of Sobel x is zero": returning([1, 2, 1], [1, 2, 1]),
    "In row 1, column 0 your table says 3 x -1 = -3, where Sobel x has -2": returning([1, 3, 1], [-1, 0, 1]),
}

# Downhill


def walking(step, before=lambda filter: filter):
    """A reader's loop: step(filter, slopes, learning_rate) is what each round does."""

    def walk_downhill(loss, filter, learning_rate, steps):
        filter = before(filter).copy()
        for _ in range(steps):
            slopes = numerical_gradient(loss, filter)
            filter = step(filter, slopes, learning_rate)
        return filter

    return walk_downhill


def forgets_the_loop(loss, filter, learning_rate, steps):
    slopes = numerical_gradient(loss, filter)
    return filter - learning_rate * slopes


def counts_too_far(loss, filter, learning_rate, steps):
    turn = 0
    while turn <= steps:
        filter = filter - learning_rate * numerical_gradient(loss, filter)
        turn += 1
    return filter


def counts_from_one(loss, filter, learning_rate, steps):
    for _ in range(1, steps):
        filter = filter - learning_rate * numerical_gradient(loss, filter)
    return filter


def looks_once(loss, filter, learning_rate, steps):
    slopes = numerical_gradient(loss, filter)
    for _ in range(steps):
        filter = filter - learning_rate * slopes
    return filter


def returns_the_slopes(loss, filter, learning_rate, steps):
    for _ in range(steps):
        slopes = numerical_gradient(loss, filter)
        filter = filter - learning_rate * slopes
    return slopes


def returns_the_loss(loss, filter, learning_rate, steps):
    for _ in range(steps):
        filter = filter - learning_rate * numerical_gradient(loss, filter)
        wrong = loss(filter)
    return wrong


def loses_the_new_one(loss, filter, learning_rate, steps):
    for _ in range(steps):
        new_filter = filter - learning_rate * numerical_gradient(loss, filter)  # noqa: F841
    return filter


def one_by_one(filter, slopes, learning_rate):
    new = filter.copy()
    for place in np.ndindex(filter.shape):
        new[place] = new[place] - learning_rate * slopes[place]
    return new


WALKS = {
    "You walk uphill": walking(lambda filter, slopes, rate: filter + rate * slopes),
    "by the whole slopes": walking(lambda filter, slopes, rate: filter - slopes),
    "You take one step, however many": forgets_the_loop,
    "one step too many": counts_too_far,
    "one step too few": counts_from_one,
    "walk straight on": looks_once,
    "You return the slopes": returns_the_slopes,
    "You return the loss": returns_the_loss,
    "only the last step": walking(lambda filter, slopes, rate: -rate * slopes),
    "and uphill. Take it off": walking(lambda filter, slopes, rate: slopes * rate),
    "You begin with zeros": walking(lambda filter, slopes, rate: filter - rate * slopes, np.zeros_like),
    "Where has your new one gone": loses_the_new_one,
    "always 0.05": walking(lambda filter, slopes, rate: filter - 0.05 * slopes),
    "a step of the same size": walking(lambda filter, slopes, rate: filter - rate * slopes / np.abs(slopes)),
    "A larger learning rate gives you smaller steps": walking(lambda filter, slopes, rate: filter - slopes / rate),
    "One slope for all weights": walking(lambda filter, slopes, rate: filter - rate * np.mean(slopes)),
}

EXERCISES = {checks.slanted_filter: SLANTED, checks.two_rows: ROWS, checks.walk_downhill: WALKS}


@pytest.mark.parametrize(
    "check, part",
    [(check, part) for check, parts in EXERCISES.items() for part in parts],
    ids=lambda value: getattr(value, "name", value),
)
def test_each_mistake_gets_its_message(says, check, part):
    assert part in says(check, EXERCISES[check][part])


def test_each_message_has_a_test():
    mistakes = checks.walk_downhill.mistakes
    assert len(WALKS) == len(mistakes)
    assert all(sum(part in message for message in mistakes) == 1 for part in WALKS)


def nudged_by_hand(loss, filter, learning_rate, steps):
    filter = filter.copy()
    for _ in range(steps):
        slopes = np.zeros(filter.shape)
        for place in np.ndindex(filter.shape):
            above, below = filter.copy(), filter.copy()
            above[place] += 0.01
            below[place] -= 0.01
            slopes[place] = (loss(above) - loss(below)) / 0.02
        filter = filter - learning_rate * slopes
    return filter


def with_itself(loss, filter, learning_rate, steps):
    if steps == 0:
        return filter
    return with_itself(loss, filter - learning_rate * numerical_gradient(loss, filter), learning_rate, steps - 1)


def on_a_copy(loss, filter, learning_rate, steps):
    filter = filter.copy()
    for _ in range(steps):
        filter -= learning_rate * numerical_gradient(loss, filter)
    return filter


@pytest.mark.parametrize("check, right", [
    (checks.slanted_filter, returning([0, 1, 2], [-1, 0, 1], [-2, -1, 0])),
    (checks.slanted_filter, returning([0, 1, 1], [-1, 0, 1], [-1, -1, 0])),
    (checks.slanted_filter, returning([0, 1, 0], [-1, 0, 1], [0, -1, 0])),
    (checks.slanted_filter, lambda: np.fliplr([[-0.2, -0.1, 0], [-0.1, 0, 0.1], [0, 0.1, 0.2]]) * -1),
    (checks.slanted_filter, lambda: checks.lesson_02.SOBEL_X - checks.lesson_02.SOBEL_X.T),
    (checks.two_rows, returning([1, 2, 1], [-1, 0, 1])),
    (checks.two_rows, returning([0.5, 1, 0.5], [-2, 0, 2])),
    (checks.two_rows, returning([-1, -2, -1], [1, 0, -1])),
    (checks.walk_downhill, walking(one_by_one)),
    (checks.walk_downhill, nudged_by_hand),
    (checks.walk_downhill, with_itself),
    (checks.walk_downhill, on_a_copy),
])  # fmt: skip
def test_a_right_answer_passes_however_it_is_written(says, check, right):
    assert says(check, right).startswith("Correct. ")


def test_the_filter_that_is_given_stays_as_it_is(says):
    def in_place(loss, filter, learning_rate, steps):
        for _ in range(steps):
            filter -= learning_rate * numerical_gradient(loss, filter)
        return filter

    assert "changes its input filter itself" in says(checks.walk_downhill, in_place)


def test_a_loss_is_called_by_its_name(says):
    line = says(checks.walk_downhill, lambda loss, filter, learning_rate, steps: filter * 7)
    assert "For loss = sum_of_squares, filter = [[3.0, -1.0]], learning_rate = 0.25, steps = 1" in line


def test_what_is_asked_of_the_slanted_filter_is_what_the_lesson_says():
    patch = np.array([[0.5, 1, 1], [0, 0.5, 1], [0, 0, 0.5]])
    np.testing.assert_array_equal(checks.lesson_02._EDGES["top right"], patch)
    assert len(checks.lesson_02._EDGES) == 8


def test_slopes_on_paper():
    """d(w**2)/dw = 2 w, so one step of a quarter halves each number."""
    np.testing.assert_allclose(
        checks.walk_downhill.right(checks.lesson_02.sum_of_squares, np.array([[3.0, -1.0]]), 0.25, 1), [[1.5, -0.5]]
    )
