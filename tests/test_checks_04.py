"""Lesson 04: each mistake, written as a reader would, gets its message; every right answer passes."""

import math

import numpy as np
import pytest

from cnnlib import Conv2D, Flatten, Linear, MaxPool2D, Network, ReLU, checks
from cnnlib.checks import lesson_04
from tools import notebooks

PLACES = {
    "You count the steps": lambda n, size, stride, before, after: (before + n + after - size) // stride,
    "the stride divides it too": lambda n, size, stride, before, after: (before + n + after - (size - 1)) // stride,
    "pieces of places": lambda n, size, stride, before, after: 1 + (before + n + after - size) / stride,
    "You round up": lambda n, size, stride, before, after: math.ceil((before + n + after - size) / stride) + 1,
    "The zeros are missing": lambda n, size, stride, before, after: len(range(0, n - size + 1, stride)),
    "only the zeros before": lambda n, size, stride, before, after: len(range(0, n + before - size + 1, stride)),
    "only the zeros after": lambda n, size, stride, before, after: len(range(0, n + after - size + 1, stride)),
    "the zeros before the row twice": lambda n, size, stride, before, after: (2 * before + n - size) // stride + 1,
    "moves on by one": lambda n, size, stride, before, after: len(range(before + n + after - size + 1)),
    "by the stride. The window itself": lambda n, size, stride, before, after: int((before + n + after) / stride),
    "and add the first place": lambda n, size, stride, before, after: 1 + int((before + n + after) / stride),
    "Put brackets": lambda n, size, stride, before, after: before + n + after - size // stride + 1,
    "laid side by side": lambda n, size, stride, before, after: int((before + n + after) / size),
    "have changed places": lambda n, size, stride, before, after: len(range(0, before + n + after - stride + 1, size)),
}


def block_by_block(of_block, start=lambda r, size: r * size, end=lambda r, size: r * size + size):
    """A reader's two loops; of_block makes a number of each block."""

    def max_pool(x, size):
        height, width = x.shape
        result = np.zeros((height // size, width // size))
        for r in range(height // size):
            for c in range(width // size):
                result[r, c] = of_block(x[start(r, size) : end(r, size), start(c, size) : end(c, size)])
        return result

    return max_pool


def by_steps(stop, step=lambda size: size):
    """A reader's list of rows."""

    def max_pool(x, size):
        rows = []
        for r in range(0, stop(x.shape[0], size), step(size)):
            row = []
            for c in range(0, stop(x.shape[1], size), step(size)):
                row.append(x[r : r + size, c : c + size].max())
            rows.append(row)
        return np.array(rows)

    return max_pool


def from_zero(block):
    largest = 0
    for number in block.ravel():
        if number > largest:
            largest = number
    return largest


def the_last(block):
    for number in block.ravel():
        largest = number
    return largest


def returns_in_the_loop(x, size):
    for r in range(0, len(x), size):
        for c in range(0, x.shape[1], size):
            return x[r : r + size, c : c + size].max()


def by_reshaping(x, size):
    height, width = (n // size for n in x.shape)
    return x[: height * size, : width * size].reshape(height, size, width, size).max(axis=(1, 3))


def along_the_width(x, size):
    width = x.shape[1] // size
    return x[:, : width * size].reshape(len(x), width, size).max(axis=2)


def along_the_height(x, size):
    height = len(x) // size
    return x[: height * size].reshape(height, size, -1).max(axis=1)


MAX_POOL = {
    "the mean of each block": block_by_block(np.mean),
    "add up each block": block_by_block(lambda block: sum(block.ravel())),
    "the smallest of each block": block_by_block(np.min),
    "without its sign": block_by_block(lambda block: max(abs(number) for number in block.ravel())),
    "Does your search begin at 0": block_by_block(from_zero),
    "the top left number": lambda x, size: x[::size, ::size][: len(x) // size, : x.shape[1] // size],
    "the last number": block_by_block(the_last),
    "one number too small": block_by_block(np.max, end=lambda r, size: r * size + size - 1),
    "always 2 by 2": lambda x, size: by_reshaping(x, 2),
    "Your blocks overlap": by_steps(lambda n, size: n - size + 1, step=lambda size: 1),
    "they begin one number apart": block_by_block(
        np.max, start=lambda r, size: r, end=lambda r, size: r + size
    ),
    "left over at the edge": by_steps(lambda n, size: n),
    "of the whole map": lambda x, size: np.max(x),
    "inside the loop": returns_in_the_loop,
    "Rows and columns": lambda x, size: by_reshaping(x, size).T,
    "along the width only": along_the_width,
    "along the height only": along_the_height,
}  # fmt: skip


@pytest.mark.parametrize(
    "check, mistake",
    [(checks.places, part) for part in PLACES] + [(checks.max_pool, part) for part in MAX_POOL],
    ids=lambda value: getattr(value, "name", value),
)
def test_each_mistake_gets_its_message(says, check, mistake):
    assert mistake in says(check, globals()[check.name.upper()][mistake])


@pytest.mark.parametrize("check", [checks.places, checks.max_pool], ids=lambda check: check.name)
def test_each_message_has_a_test(check):
    parts = globals()[check.name.upper()]
    assert len(parts) == len(check.mistakes)
    assert all(sum(part in message for message in check.mistakes) == 1 for part in parts)


@pytest.mark.parametrize(
    "check, right",
    [
        (checks.places, lambda n, size, stride, before, after: len(range(0, before + n + after - size + 1, stride))),
        (checks.places, lambda n, size, stride, before, after: int((before + n + after - size) / stride + 1)),
        (checks.places, lambda n, s, t, a, b: MaxPool2D(s, t).build((1, n + a + b, n + a + b), None)[1]),
        (checks.max_pool, block_by_block(np.max)),
        (checks.max_pool, block_by_block(lambda block: sorted(block.ravel())[-1])),
        (checks.max_pool, by_steps(lambda n, size: n - size + 1)),
        (checks.max_pool, by_reshaping),
        (checks.max_pool, lambda x, size: MaxPool2D(size).forward(x[None, None])[0, 0]),
    ],
)
def test_a_right_answer_passes_however_it_is_written(says, check, right):
    assert says(check, right).startswith("Correct. ")


# Five broken networks


@pytest.fixture
def plans():
    """A reader's five, mended."""
    return [
        ((3, 64, 64), [Conv2D(4, 3), ReLU(), Flatten(), Linear(2)]),
        ((3, 64, 64), [Conv2D(4, 3), ReLU(), MaxPool2D(2), Flatten(), Linear(2)]),
        ((3, 32, 32), [Conv2D(4, 3), MaxPool2D(4), Conv2D(4, 3), MaxPool2D(2), Conv2D(4, 3), MaxPool2D(4),
                       Flatten(), Linear(2)]),
        ((1, 28, 28), [Conv2D(4, 5, padding="valid"), MaxPool2D(2), Conv2D(4, 5, padding="same"), MaxPool2D(2),
                       Conv2D(4, 5, padding="valid"), Flatten(), Linear(2)]),
        ((3, 64, 64), [Conv2D(4, 3), ReLU(), MaxPool2D(2), Conv2D(4, 3), ReLU(), MaxPool2D(2), Flatten(), Linear(2)]),
    ]  # fmt: skip


def test_the_lesson_shows_the_five_that_are_judged():
    (lesson,) = (lesson for lesson in notebooks.lessons() if lesson.stem.startswith("04"))
    (source,) = (cell.source for cell in notebooks.compose(lesson, solved=True).cells if "broken = [" in cell.source)
    exec(source, globals(), shown := {})
    assert repr(shown["broken"]) == repr(lesson_04.BROKEN)
    for plan in lesson_04.BROKEN:
        with pytest.raises(ValueError):
            Network(*plan)


def test_mended_networks_pass(says, plans):
    assert says(checks.mended, lambda: plans).startswith("Correct. ")
    assert says(checks.mended, lambda: [Network(*plan) for plan in plans]).startswith("Correct. ")
    assert says(checks.mended, checks.mended.right).startswith("Correct. ")


@pytest.mark.parametrize(
    "number, plan",
    [
        (1, ((3, 64, 64), [Conv2D(4, 3), MaxPool2D(2), ReLU(), Flatten(), Linear(2)])),
        (2, ((3, 32, 32), [Conv2D(4, 3), MaxPool2D(2), Conv2D(4, 3), MaxPool2D(4), Conv2D(4, 3), MaxPool2D(4),
                           Flatten(), Linear(2)])),
        (3, ((1, 28, 28), [Conv2D(4, 5, padding="valid"), MaxPool2D(2), Conv2D(4, 3, padding="valid"), MaxPool2D(2),
                           Conv2D(4, 5, padding="valid"), Flatten(), Linear(2)])),
    ],
)  # fmt: skip
def test_there_is_more_than_one_way_to_mend(says, plans, number, plan):
    assert says(checks.mended, lambda: [*plans[:number], plan, *plans[number + 1 :]]).startswith("Correct. ")


def without(layers, kind):
    return [layer for layer in layers if not isinstance(layer, kind)]


@pytest.mark.parametrize(
    "number, spoil, part",
    [
        (0, lambda shape, layers: lesson_04.BROKEN[0], "0 is refused as before: layer 2, Linear(outputs=2)"),
        (0, lambda shape, layers: (shape, [Flatten(), *layers]), "is refused still: layer 1, Conv2D"),
        (0, lambda shape, layers: (shape, [*layers[:3], Linear(5)]), "ends in (5,)"),
        (0, lambda shape, layers: (shape, layers[:3]), "a Linear has been lost"),
        (0, lambda shape, layers: (shape, [*layers[:1], ReLU, *layers[2:]]), "must be a Layer, such as ReLU()"),
        (1, lambda shape, layers: (shape, without(layers, MaxPool2D)), "a MaxPool2D has been lost"),
        (1, lambda shape, layers: (shape, [Conv2D(8, 3), *layers[1:]]), "more than one thing"),
        (2, lambda shape, layers: ((3, 256, 256), layers), "they have 3 channels, 32 rows and 32 columns"),
        (3, lambda shape, layers: ((1, 32, 32), layers), "they have 1 channel, 28 rows"),
        (4, lambda shape, layers: ((64, 64, 3), [*layers[:5], MaxPool2D(1), *layers[6:]]), "What does (64, 64, 3) say"),
        (4, lambda shape, layers: layers, "is not a pair"),
        (4, lambda shape, layers: ..., "is not a pair"),
    ],
)
def test_what_is_wrong_with_a_network_is_told(says, plans, number, spoil, part):
    plans[number] = spoil(*plans[number])
    told = says(checks.mended, lambda: plans)
    assert told.startswith(f"4 of 5 mended. Network {number} ")
    assert part in told


@pytest.mark.parametrize(
    "answer, part",
    [
        (lambda: None, "Not solved yet"),
        (lambda: (), "returns a tuple, where a list is wanted"),
        (lambda: [], "There are 5 networks to mend, and your list has 0"),
        (lambda: [Network((3, 64, 64), [Linear(2)])], "ValueError: layer 0, Linear(outputs=2)"),
    ],
)
def test_what_is_no_list_of_five(says, answer, part):
    assert part in says(checks.mended, answer)
