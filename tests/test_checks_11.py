"""Lesson 11: each mistake, written as a reader would, gets its message; every right answer passes."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from cnnlib import checks
from cnnlib.checks import lesson_11


def patch_by_patch(of_patch, places=lambda n, size: range(n - size + 1)):
    """The old way, a loop over places: of_patch(patch, filter) makes each number."""

    def shifted_views(image, filter):
        size = len(filter)
        rows, columns = (places(n, size) for n in image.shape)
        return np.array([[of_patch(image[r : r + size, c : c + size], filter) for c in columns] for r in rows])

    return shifted_views


def in_place(image, filter):
    size = filter.shape[0]
    h, w = image.shape[0] - size + 1, image.shape[1] - size + 1
    y = np.zeros((h, w))
    for (i, j), weight in np.ndenumerate(filter):
        y = y + weight * image[i : i + h, j : j + w]
    return y


def from_the_corner(image, filter):
    h, w = (n - len(filter) + 1 for n in image.shape)
    return filter.sum() * image[:h, :w]


def only_the_last(image, filter):
    size = len(filter)
    h, w = image.shape[0] - size + 1, image.shape[1] - size + 1
    for i in range(size):
        for j in range(size):
            y = filter[i, j] * image[i : i + h, j : j + w]
    return y


def a_square(image, filter):
    size = len(filter)
    side = len(image) - size + 1
    y = np.zeros((side, side))
    for i in range(size):
        for j in range(size):
            y += filter[i, j] * image[i : i + side, j : j + side]
    return y


def with_zeros(image, filter):
    size = len(filter)
    framed = np.zeros((len(image) + size - 1, image.shape[1] + size - 1))
    before = (size - 1) // 2
    framed[before : before + len(image), before : before + image.shape[1]] = image
    return in_place(framed, filter)


VIEWS = {
    "turned by 180 degrees": lambda image, filter: in_place(image, np.rot90(filter, 2)),
    "have changed places": lambda image, filter: in_place(image, filter.T),
    "replaces the ones before it": only_the_last,
    "not weighed": lambda image, filter: in_place(image, np.ones_like(filter)),
    "the mean of the products": patch_by_patch(lambda patch, filter: np.mean(patch * filter)),
    "a step too few": patch_by_patch(lambda p, f: np.sum(p * f), places=lambda n, size: range(n - size)),
    "no zeros are put around it": with_zeros,
    "the same view": from_the_corner,
    "range(size) begins at 0": patch_by_patch(lambda patch, filter: (patch[1:, 1:] * filter[1:, 1:]).sum()),
    "the negative": lambda image, filter: 0 - in_place(image, filter),
    "need not be square": a_square,
    "You add up all the numbers": lambda image, filter: np.sum(in_place(image, filter)),
}


@pytest.mark.parametrize("part", VIEWS)
def test_shifted_views(says, part):
    assert part in says(checks.shifted_views, VIEWS[part])


@pytest.mark.parametrize("function", [in_place, patch_by_patch(lambda p, f: np.vdot(p, f))])
def test_right_shifted_views(says, function):
    assert says(checks.shifted_views, function).startswith("Correct.")


def test_a_map_of_whole_numbers_is_told(says):
    def whole(image, filter):
        return in_place(image, filter).astype(int)

    assert "Your numbers are int64, whole numbers" in says(checks.shifted_views, whole)


def by_windows(order):
    """The matrix from NumPy's windows (d, r, c, i, j), axes brought into this order, then laid out."""

    def im2col(x, size):
        windows = sliding_window_view(x, (size, size), axis=(1, 2))
        windows = windows.transpose(["drcij".index(axis) for axis in order])
        return windows.reshape(int(np.prod(windows.shape[:3])), -1)

    return im2col


def by_slices(x, size, step=1, places=lambda n, size: n - size + 1):
    depth, height, width = x.shape
    columns = []
    for r in range(0, places(height, size), step):
        for c in range(0, places(width, size), step):
            columns.append(x[:, r : r + size, c : c + size].reshape(-1))
    return np.array(columns).T


def row_by_row(x, size):
    depth, height, width = x.shape
    h, w = height - size + 1, width - size + 1
    columns = np.empty((depth * size * size, h * w), x.dtype)
    row = 0
    for d in range(depth):
        for i in range(size):
            for j in range(size):
                columns[row] = x[d, i : i + h, j : j + w].reshape(-1)
                row += 1
    return columns


IM2COL = {
    "A line for each place": lambda x, size: np.transpose(by_slices(x, size)),
    "the channels change first": by_windows("ijdrc"),
    "go down first, then across. A filter": by_windows("djirc"),
    "slower than the channel": by_windows("idjrc"),
    "Your places go down first": by_windows("dijcr"),
    "turned by 180": lambda x, size: by_slices(x[:, ::-1, ::-1], size)[:, ::-1],
    "A place is missing": lambda x, size: by_slices(x, size, places=lambda n, size: n - size),
    "side by side": lambda x, size: by_slices(x, size, step=size),
    "Only the first channel": lambda x, size: row_by_row(x[[0]], size),
    "The channels are added up": lambda x, size: by_slices(np.array([sum(x)]), size),
    "still in blocks": lambda x, size: row_by_row(x, size).reshape(len(x), size, size, x.shape[1] - size + 1, -1),
    "Only the first patch": lambda x, size: x[:, :size, :size].reshape(-1, 1),
}


@pytest.mark.parametrize("part", IM2COL)
def test_im2col(says, part):
    assert part in says(checks.im2col, IM2COL[part])


@pytest.mark.parametrize("function", [by_windows("dijrc"), by_slices, row_by_row])
def test_right_im2col(says, function):
    assert says(checks.im2col, function).startswith("Correct.")


def right_costs(depth, height, width, filters, size):
    places = (height - size + 1) * (width - size + 1)
    return places * depth * size**2 * filters, places * depth * size**2 * 4


MULTIPLY_ADDS = {
    "as deep as the picture": lambda d, h, w, f, s: (h - s + 1) * (w - s + 1) * s**2 * f,
    "There are several filters": lambda d, h, w, f, s: (h - s + 1) * (w - s + 1) * s**2 * d,
    "a place for every pixel": lambda d, h, w, f, s: h * w * s**2 * d * f,
    "size numbers wide": lambda d, h, w, f, s: (h - s + 1) * (w - s + 1) * s * d * f,
    "you count it twice": lambda d, h, w, f, s: (h - s + 1) * (w - s + 1) * (s**2 * d + s**2 * d) * f,
    "how many numbers the filters have": lambda d, h, w, f, s: s**2 * d * f,
    "how many numbers come out": lambda d, h, w, f, s: (h - s + 1) * (w - s + 1) * f,
    "there are n - size + 1": lambda d, h, w, f, s: (h - s) * (w - s) * s**2 * d * f,
}
BYTES = {
    "You count numbers": lambda d, h, w, f, s: (h - s + 1) * (w - s + 1) * s**2 * d,
    "eight bytes": lambda d, h, w, f, s: (h - s + 1) * (w - s + 1) * s**2 * d * 8,
    "do not depend on how many filters": lambda d, h, w, f, s: (h - s + 1) * (w - s + 1) * s**2 * d * 4 * f,
    "the depth is missing": lambda d, h, w, f, s: (h - s + 1) * (w - s + 1) * s**2 * 4,
    "the picture itself": lambda d, h, w, f, s: d * h * w * 4,
    "There is one for every place": lambda d, h, w, f, s: s**2 * d * h * w * 4,
    "size numbers wide": lambda d, h, w, f, s: (h - s + 1) * (w - s + 1) * s * d * 4,
    "one line of the matrix": lambda d, h, w, f, s: (h - s + 1) * (w - s + 1) * 4,
}


@pytest.mark.parametrize("part", MULTIPLY_ADDS)
def test_multiply_adds(says, part):
    wrong = MULTIPLY_ADDS[part]
    said = says(checks.costs, lambda *case: (wrong(*case), right_costs(*case)[1]))
    assert said.startswith("Your multiply-adds: ") and part.lower() in said.lower()


@pytest.mark.parametrize("part", BYTES)
def test_bytes(says, part):
    wrong = BYTES[part]
    said = says(checks.costs, lambda *case: (right_costs(*case)[0], wrong(*case)))
    assert said.startswith("Your bytes: ") and part.lower() in said.lower()


def test_costs(says):
    assert says(checks.costs, right_costs).startswith("Correct.")
    assert "have changed places" in says(checks.costs, lambda *case: right_costs(*case)[::-1])
    assert "Return two numbers" in says(checks.costs, lambda *case: (*right_costs(*case), 0))
    assert "returns a int, where a tuple" in says(checks.costs, lambda *case: right_costs(*case)[0])
    said = says(checks.costs, lambda *case: (1, right_costs(*case)[1]))
    assert "For depth 2, height 5, width 7, 6 filters of size 3 you get 1." in said


def each_map(x, take_off=np.mean, divide_by=np.std, room=np.zeros_like):
    y = room(x)
    for n in range(x.shape[0]):
        for d in range(x.shape[1]):
            y[n, d] = (x[n, d] - take_off(x[n, d])) / divide_by(x[n, d])
    return y


def over(*axes):
    def standardise(x):
        mean, std = np.mean(x, axis=axes, keepdims=True), np.std(x, axis=axes, keepdims=True)
        return (x - mean) / std

    return standardise


STANDARD = {
    "one mean for all the maps": lambda x: (x - np.mean(x)) / np.std(x),
    "you do not divide": lambda x: each_map(x, divide_by=lambda m: 1),
    "the mean is still there": lambda x: each_map(x, take_off=lambda m: 0),
    "You divide by the variance": lambda x: each_map(x, divide_by=np.var),
    "leave axis 1, the depth, alone": over(1, 2, 3),
    "leave axis 0 alone": over(0, 2, 3),
    "the mean of the images at each pixel": over(0),
    "the mean of each row": over(3),
    "comes back as NumPy's": lambda x: each_map(x, room=lambda x: np.zeros(x.shape, np.float32)),
    "NumPy's among those of the other library": lambda x: (x - np.array(x.mean((2, 3), keepdims=True))) / x.std(),
    "float64 comes out": lambda x: over(2, 3)(x.astype(float)),
    "asks for each map by itself": each_map,
    "where shape (2, 3, 4, 5) is wanted": lambda x: (x - x.mean()).sum(axis=1),
    "They should be 0 and 1": lambda x: over(2, 3)(x) + 1,
}


@pytest.mark.parametrize("part", STANDARD)
def test_standardise(says, part):
    assert part in says(checks.standardise, STANDARD[part])


@pytest.mark.parametrize("function", [
    over(2, 3),
    over(-2, -1),
    lambda x: (x - x.mean((2, 3))[..., None, None]) / x.std((2, 3))[..., None, None],
    lambda x: np.divide(x - np.mean(x, (2, 3), keepdims=True), np.std(x, (2, 3), keepdims=True), out=np.empty_like(x)),
])  # fmt: skip
def test_right_standardise(says, function):
    assert says(checks.standardise, function).startswith("Correct.")


def test_every_mistake_has_a_test():
    assert len(VIEWS) == len(checks.shifted_views.mistakes) and len(IM2COL) == len(checks.im2col.mistakes)
    assert len(MULTIPLY_ADDS) == len(lesson_11.MULTIPLY_ADDS) and len(BYTES) == len(lesson_11.BYTES)
    assert set(lesson_11.STANDARD) <= {m for m in lesson_11.STANDARD if any(part in m for part in STANDARD)}
