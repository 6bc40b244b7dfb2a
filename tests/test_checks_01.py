"""Lesson 01: each mistake, written as a reader would, gets its message; right answers pass however they are written."""

import numpy as np
import pytest

from cnnlib import Conv2D, checks

# At one place


def at(work, down=0, right=0):
    """A reader's filter_at: cut the patch out, then do this with it and the filter."""

    def filter_at(image, filter, row, column):
        size = filter.shape[0]
        patch = image[row + down : row + down + size, column + right : column + right + size]
        return work(patch, filter)

    return filter_at


def one_after_another(patch, filter):
    total = 0
    for i in range(len(filter)):
        for j in range(len(filter)):
            total += patch[i, j] * filter[i, j]
    return total


def from_the_end(patch, filter):
    total, last = 0, len(filter) - 1
    for i in range(len(filter)):
        for j in range(len(filter)):
            total += patch[i, j] * filter[last - i, last - j]
    return total


def crossed(patch, filter):
    return sum(patch[i, j] * filter[j, i] for i in range(len(filter)) for j in range(len(filter)))


def forgets(patch, filter):
    for i in range(len(filter)):
        for j in range(len(filter)):
            total = patch[i, j] * filter[i, j]
    return total


def about_the_middle(image, filter, row, column):
    half = len(filter) // 2
    return one_after_another(image[row - half :, column - half :], filter)


FILTER_AT = {
    "all the products": at(lambda patch, filter: patch * filter),
    "one number for each column": at(lambda patch, filter: sum(patch * filter)),
    "one number for each row": at(lambda patch, filter: np.array([sum(line) for line in patch * filter])),
    "turned by 180 degrees": at(from_the_end),
    "changed places in your filter": at(crossed),
    "You take the mean": at(lambda patch, filter: np.mean(patch * filter)),
    "@ multiplies rows with columns": at(lambda patch, filter: np.sum(patch @ filter)),
    "You add pixel and weight": at(lambda patch, filter: np.sum(patch) + np.sum(filter)),
    "You add up the pixels alone": at(lambda patch, filter: patch.sum()),
    "Only the last product": at(forgets),
    "always look at the top left corner": lambda image, filter, row, column: one_after_another(image, filter),
    "Your row and column have changed places": lambda image, filter, row, column: at(one_after_another)(
        image, filter, column, row),
    "Your filter has its middle": about_the_middle,
    "too far up and left": at(one_after_another, -1, -1),
    "too far down and right": at(lambda patch, filter: (patch * filter).sum(), 1, 1),
}  # fmt: skip


# The whole image


def slid(pad=lambda image, size: np.pad(image, size // 2), work=one_after_another, start=np.zeros):
    """A reader's filter_image: put zeros around, then go through all places."""

    def filter_image(image, filter):
        size = len(filter)
        framed = pad(image, size)
        result = start((framed.shape[0] - size + 1, framed.shape[1] - size + 1))
        for row in range(result.shape[0]):
            for column in range(result.shape[1]):
                result[row, column] = work(framed[row : row + size, column : column + size], filter)
        return result

    return filter_image


def leaves_the_rim(image, filter):
    result = np.zeros(image.shape)
    half = len(filter) // 2
    for row in range(half, image.shape[0] - half):
        for column in range(half, image.shape[1] - half):
            patch = image[row - half : row + half + 1, column - half : column + half + 1]
            result[row, column] = (patch * filter).sum()
    return result


def on_its_side(image, filter):
    height, width = image.shape
    result = np.zeros((width, height))
    for row in range(height):
        for column in range(width):
            result[column, row] = place(image, filter, row, column)
    return result


def place(image, filter, row, column):
    size = len(filter)
    return one_after_another(np.pad(image, size // 2)[row : row + size, column : column + size], filter)


def returns_in_the_inner_loop(image, filter):
    result = np.zeros(image.shape)
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            result[row, column] = place(image, filter, row, column)
            return result


def returns_in_the_outer_loop(image, filter):
    result = np.zeros(image.shape)
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            result[row, column] = place(image, filter, row, column)
        return result


def loops_one_after_the_other(image, filter):
    result = np.zeros(image.shape)
    for row in range(image.shape[0]):
        result[row] = 0
    for column in range(image.shape[1]):
        result[row, column] = place(image, filter, row, column)
    return result


def ends_too_early(image, filter):
    result = np.zeros(image.shape)
    for row in range(image.shape[0] - 1):
        for column in range(image.shape[1] - 1):
            result[row, column] = place(image, filter, row, column)
    return result


def never_begins_again(image, filter):
    result, total = np.zeros(image.shape), 0
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            total += place(image, filter, row, column)
            result[row, column] = total
    return result


def does_not_move(image, filter):
    result = np.zeros(image.shape)
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            result[row, column] = place(image, filter, 0, 0)
    return result


def forgets_to_write(image, filter):
    result = np.zeros(image.shape)
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            total = place(image, filter, row, column)  # noqa: F841
    return result


FILTER_IMAGE = {
    "smaller than the image": slid(lambda image, size: image),
    "left its rim at zero": leaves_the_rim,
    "always one zero wide": slid(lambda image, size: np.pad(image, 1)),
    "as wide as the filter is": slid(np.pad),
    "all zeros below and on the right": slid(lambda image, size: np.pad(image, (0, size - 1))),
    "all zeros above and on the left": slid(lambda image, size: np.pad(image, ((size - 1, 0), (size - 1, 0)))),
    "repeats the outermost pixels": slid(lambda image, size: np.pad(image, size // 2, "edge")),
    "turned by 180 degrees": slid(work=from_the_end),
    "You take the mean": slid(work=lambda patch, filter: (patch * filter).mean()),
    "lies on its side": on_its_side,
    "Only the first number": returns_in_the_inner_loop,
    "Only the first row": returns_in_the_outer_loop,
    "Only the last row": loops_one_after_the_other,
    "last row and column of your map are missing": ends_too_early,
    "runs on from place to place": never_begins_again,
    "Only the last product": slid(work=forgets),
    "has the same number": does_not_move,
    "nothing but nan": slid(work=lambda patch, filter: None),
    "all zeros. Is each sum": forgets_to_write,
}


# Flip or not


def slide(image, filter):
    """As the lesson has it."""
    layer = Conv2D(filters=1, size=len(filter))
    layer.build((1, *image.shape), rng=np.random.default_rng(0))
    layer.params["w"][:] = filter
    return layer.forward(np.array([[image]], np.float32))[0, 0]


CONVOLVE = {
    "That is cross-correlation": slide,
    "from left to right only": lambda image, filter: slide(image, np.fliplr(filter)),
    "upside down only": lambda image, filter: slide(image, np.flip(filter, axis=0)),
    "rows of the filter's columns": lambda image, filter: slide(image, np.transpose(filter)),
    "a quarter turn. ": lambda image, filter: slide(image, np.rot90(filter)),
    "a quarter turn, clockwise": lambda image, filter: slide(image, np.rot90(filter, -1)),
    "You turn the image": lambda image, filter: slide(np.flip(image), filter),
    "image and filter both": lambda image, filter: slide(np.flip(image), np.flip(filter)),
    "signs": lambda image, filter: -slide(image, filter),
    "You return the filter": lambda image, filter: np.rot90(filter, 2),
    "frame of zeros is missing": lambda image, filter: slid(lambda image, size: image)(image, np.flip(filter)),
}

EXERCISES = {checks.filter_at: FILTER_AT, checks.filter_image: FILTER_IMAGE, checks.convolve: CONVOLVE}


@pytest.mark.parametrize(
    "check, part",
    [(check, part) for check, parts in EXERCISES.items() for part in parts],
    ids=lambda value: getattr(value, "name", value),
)
def test_each_mistake_gets_its_message(says, check, part):
    assert part in says(check, EXERCISES[check][part])


@pytest.mark.parametrize("check", EXERCISES, ids=lambda check: check.name)
def test_each_message_has_a_test(check):
    parts = EXERCISES[check]
    assert len(parts) == len(check.mistakes)
    assert all(sum(part in message for message in check.mistakes) == 1 for part in parts)


def stamped(image, filter):
    """A convolution by what it means: each pixel leaves the filter behind."""
    half = len(filter) // 2
    height, width = image.shape
    paper = np.zeros((height + 2 * half, width + 2 * half))
    for row in range(height):
        for column in range(width):
            paper[row : row + len(filter), column : column + len(filter)] += image[row, column] * filter
    return paper[half : half + height, half : half + width]


def in_one_go(image, filter):
    patches = np.lib.stride_tricks.sliding_window_view(np.pad(image, len(filter) // 2), filter.shape)
    return np.einsum("rcij,ij->rc", patches, filter)


def with_a_list(image, filter):
    return np.array([[place(image, filter, r, c) for c in range(image.shape[1])] for r in range(image.shape[0])])


@pytest.mark.parametrize(
    "check, right",
    [
        (checks.filter_at, at(one_after_another)),
        (checks.filter_at, at(np.vdot)),
        (checks.filter_at, at(lambda patch, filter: float(np.sum(np.multiply(patch, filter))))),
        (checks.filter_at, at(lambda patch, filter: sum(sum(patch * filter)))),
        (checks.filter_image, slid()),
        (checks.filter_image, slid(start=lambda shape: np.full(shape, -1.0, np.float32))),
        (checks.filter_image, in_one_go),
        (checks.filter_image, with_a_list),
        (checks.filter_image, slide),
        (checks.convolve, lambda image, filter: slide(image, filter[::-1, ::-1])),
        (checks.convolve, lambda image, filter: slid()(image, np.rot90(np.rot90(filter)))),
        (checks.convolve, stamped),
    ],
)
def test_a_right_answer_passes_however_it_is_written(says, check, right):
    assert says(check, right).startswith("Correct. ")


def test_whole_numbers_lose_what_comes_after_the_point(says):
    line = says(checks.filter_image, slid(start=lambda shape: np.zeros(shape, int)))
    assert "whole numbers: all after the decimal point is lost" in line


def test_a_filter_is_not_always_three_wide(says):
    def three_wide(image, filter, row, column):
        patch = image[row : row + 3, column : column + 3]
        return (patch * filter).sum()

    line = says(checks.filter_at, three_wide)
    assert "`return (patch * filter).sum()`" in line and "(3,3) (5,5)" in line


def test_a_convolution_is_numpys_own():
    """NumPy convolves rows, so one row of a filter that has only that one agrees with it."""
    row, weights = [3, 1, 4, 1, 5], [2, 7, 1]
    filter = np.array([[0, 0, 0], weights, [0, 0, 0]])
    np.testing.assert_array_equal(checks.convolve.right(np.array([row]), filter)[0], np.convolve(row, weights, "same"))
