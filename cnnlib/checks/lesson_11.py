"""Lesson 11: make it fast."""

import numpy as np

from .check import exercise, numbers, same

# A map of shifted views


def _pictures(rng):
    """Pictures and filters: on paper, then wider than high, signed, and with numbers that are not whole."""
    yield np.array([[1, 2, 0], [0, 3, 1], [4, 0, 2]]), np.array([[1, -1], [0, 2]])
    yield rng.integers(-5, 6, (5, 8)), rng.integers(-5, 6, (3, 3))
    yield rng.normal(size=(6, 9)), rng.normal(size=(3, 3))
    yield rng.normal(size=(7, 10)), rng.normal(size=(4, 4))


def _views(weigh=lambda image, filter, i, j, seen: filter[i, j] * seen, start=0, less=0):
    """The sum over the filter's numbers of what weigh makes of each and of the view it meets."""

    def add_up(image, filter):
        size = len(filter)
        height, width = (n - size + 1 - less for n in image.shape)
        y = np.zeros((height, width))
        for i in range(start, size):
            for j in range(start, size):
                y += weigh(image, filter, i, j, image[i : i + height, j : j + width])
        return y

    return add_up


def _same_size(image, filter):
    size = len(filter)
    return _views()(np.pad(image, ((size - 1) // 2, size // 2)), filter)


def _last(image, filter):
    height, width = (n - len(filter) + 1 for n in image.shape)
    return filter[-1, -1] * image[len(image) - height :, image.shape[1] - width :]


def _square(image, filter):
    side = len(image) - len(filter) + 1
    return _views()(image, filter)[:side, :side]


@exercise(
    inputs=_pictures,
    praise="However large the picture is, you ask NumPy only a few times for each number of the filter.",
    mistakes={
        "Your filter is turned by 180 degrees. Its number in row i, column j meets the view that begins there.":
            _views(lambda image, filter, i, j, seen: filter[-1 - i, -1 - j] * seen),
        "Rows and columns of the filter have changed places.":
            _views(lambda image, filter, i, j, seen: filter[j, i] * seen),
        "Only the last number of the filter counts: each view replaces the ones before it. Add them up.": _last,
        "The views are added up, and not weighed: multiply each by its number of the filter.":
            _views(lambda image, filter, i, j, seen: seen),
        "You take the mean of the products. A filter adds up.":
            lambda image, filter: _views()(image, filter) / filter.size,
        "You take a step too few down and across: your map lacks its last row and column. How many places are there?":
            _views(less=1),
        "Your map is as large as the picture. Here no zeros are put around it: the filter stays inside.": _same_size,
        "Every number of the filter meets the same view, the one that begins in the corner. Shift it.":
            _views(lambda image, filter, i, j, seen: filter[i, j] * image[: len(seen), : seen.shape[1]]),
        "The first row and column of the filter are left out. range(size) begins at 0.": _views(start=1),
        "You forget a sign on the way: the result is the negative of what is wanted.":
            lambda image, filter: -_views()(image, filter),
        "Your map has the same number of rows and columns. The picture need not be square.": _square,
        "You add up all the numbers. One is wanted for each place.":
            lambda image, filter: _views()(image, filter).sum(),
    },
)  # fmt: skip
def shifted_views(image, filter):
    return _views()(image, filter)


# One column for each place


def _volumes(rng):
    """Volumes and a window's size: on paper, then of several channels and not square."""
    yield np.array([[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]), 2
    yield rng.integers(0, 10, (2, 4, 5)), 2
    yield rng.normal(size=(3, 6, 5)), 3
    yield rng.normal(size=(2, 5, 8)), 4


def _columns(order="dij", turned=False, step=1, less=0, across=False):
    """Patches as columns, the numbers of each in this order."""

    def lay_out(x, size):
        _, height, width = x.shape
        rows, columns = (range(0, n - size + 1 - less, step) for n in (height, width))
        places = [(r, c) for r in rows for c in columns]
        if across:
            places = [(r, c) for c in columns for r in rows]
        patches = [x[:, r : r + size, c : c + size] for r, c in places]
        if turned:
            patches = [patch[:, ::-1, ::-1] for patch in patches]
        return np.stack([patch.transpose(["dij".index(axis) for axis in order]).ravel() for patch in patches], axis=1)

    return lay_out


@exercise(
    inputs=_volumes,
    praise="With this layout, all filters at all places are one matrix product.",
    mistakes={
        "A line for each place, where a column is wanted. Turn your matrix: .T does it.":
            lambda x, size: _columns()(x, size).T,
        "In your columns the channels change first. A filter lies channel by channel: keep the order of its numbers.":
            _columns("ijd"),
        "In your columns, the numbers of a patch go down first, then across. A filter is read line by line.":
            _columns("dji"),
        "In your columns the row of the patch changes slower than the channel. Channel first, then row, then column.":
            _columns("idj"),
        "Your places go down first, then across. Read the picture as you read a page.": _columns(across=True),
        "Your patches are turned by 180 degrees.": _columns(turned=True),
        "A place is missing in each direction. How many places has a window in a row?": _columns(less=1),
        "You lay the windows side by side. They overlap: each begins one pixel after the one before.":
            lambda x, size: _columns(step=size)(x, size),
        "Only the first channel has been laid out. A patch is as deep as the volume.":
            lambda x, size: _columns()(x[:1], size),
        "The channels are added up. Keep them apart: each of their numbers meets a weight of its own.":
            lambda x, size: _columns()(x.sum(axis=0, keepdims=True), size),
        "The numbers are right, and still in blocks. Lay them out as a matrix: a row for each number of a patch, "
        "a column for each place.":
            lambda x, size: _columns()(x, size).reshape(len(x), size, size, x.shape[1] - size + 1, -1),
        "Only the first patch is there. Does your function return inside the loop?":
            lambda x, size: _columns()(x, size)[:, :1],
    },
)  # fmt: skip
def im2col(x, size):
    return _columns()(x, size)


# What it costs


def _places(height, width, size):
    return (height - size + 1) * (width - size + 1)


MULTIPLY_ADDS = {
    "A filter is as deep as the picture: each place takes size x size numbers of every channel.":
        lambda d, h, w, f, s: f * s * s * _places(h, w, s),
    "There are several filters, and each does all the work of its own.":
        lambda d, h, w, f, s: d * s * s * _places(h, w, s),
    "You count a place for every pixel. No zeros are put around: the window does not begin in the last rows.":
        lambda d, h, w, f, s: f * d * s * s * h * w,
    "A window is size numbers high and size numbers wide.":
        lambda d, h, w, f, s: f * d * s * _places(h, w, s),
    "A multiplication with its addition counts once here: you count it twice.":
        lambda d, h, w, f, s: 2 * f * d * s * s * _places(h, w, s),
    "That is how many numbers the filters have. Each is used once at every place.":
        lambda d, h, w, f, s: f * d * s * s,
    "That is how many numbers come out. How many multiply-adds does each take?":
        lambda d, h, w, f, s: f * _places(h, w, s),
    "The number of places is off. In a row of n there are n - size + 1.":
        lambda d, h, w, f, s: f * d * s * s * (h - s) * (w - s),
}  # fmt: skip
BYTES = {
    "You count numbers. A float32 takes four bytes.": lambda d, h, w, f, s: d * s * s * _places(h, w, s),
    "You count eight bytes for each number. A float32 takes four.":
        lambda d, h, w, f, s: 8 * d * s * s * _places(h, w, s),
    "The columns do not depend on how many filters there are: all filters use the same matrix.":
        lambda d, h, w, f, s: 4 * f * d * s * s * _places(h, w, s),
    "A patch is as deep as the picture: the depth is missing.": lambda d, h, w, f, s: 4 * s * s * _places(h, w, s),
    "That is the picture itself. In the matrix most of its pixels stand many times.":
        lambda d, h, w, f, s: 4 * d * h * w,
    "You count a column for every pixel. There is one for every place.": lambda d, h, w, f, s: 4 * d * s * s * h * w,
    "A window is size numbers high and size numbers wide.": lambda d, h, w, f, s: 4 * d * s * _places(h, w, s),
    "That is one line of the matrix. It has a line for each number of a patch.":
        lambda d, h, w, f, s: 4 * _places(h, w, s),
}  # fmt: skip


def _right_costs(depth, height, width, filters, size):
    numbers = depth * size * size * _places(height, width, size)
    return filters * numbers, 4 * numbers


def _judge_costs(result, *case):
    if len(result) != 2:
        return f"Return two numbers, (multiply_adds, copied_bytes), not {len(result)}."
    right = _right_costs(*case)
    if same(np.array(result, float), np.array(right[::-1], float)):
        return "Both are right, and have changed places: first the multiply-adds, then the bytes."
    for name, got, want, mistakes in zip(["multiply-adds", "bytes"], result, right, [MULTIPLY_ADDS, BYTES]):
        if not same(got, want):
            for message, wrong in mistakes.items():
                if same(got, wrong(*case)):
                    return f"Your {name}: {message[0].lower()}{message[1:]}"
            told = f"depth {case[0]}, height {case[1]}, width {case[2]}, {case[3]} filters of size {case[4]}"
            return (
                f"Your {name} are not right yet. For {told} you get {numbers(got)}. Do this one on paper and compare."
            )
    return ""


@exercise(
    inputs=lambda rng: [(2, 5, 7, 6, 3), (3, 64, 64, 5, 3), (1, 28, 30, 8, 5), (5, 32, 40, 6, 4)],
    praise="Now you can say what a convolution costs before you run it.",
    verdict=_judge_costs,
    kind=tuple,
)
def costs(depth, height, width, filters, size):
    return _right_costs(depth, height, width, filters, size)


# Any array library


class Foreign(np.ndarray):
    """Arrays that stand in for another library's: they work with their own kind and with single numbers only."""

    calls = 0  # how often any of them was asked to compute

    def __array_ufunc__(self, ufunc, method, *inputs, **named):
        return self.answer(getattr(ufunc, method), ufunc.__name__, inputs, named)

    def __array_function__(self, function, types, args, named):
        return self.answer(function, function.__name__, args, named)

    @classmethod
    def answer(cls, function, name, args, named):
        cls.calls += 1
        result = function(*cls.unpacked(args, name), **{key: cls.unpacked(value, name) for key, value in named.items()})
        return result.view(cls) if isinstance(result, np.ndarray) else result

    @classmethod
    def unpacked(cls, value, name):
        """What NumPy is to compute with in the end. Raises TypeError where its own arrays are among those given."""
        if isinstance(value, (list, tuple)):
            return type(value)(cls.unpacked(v, name) for v in value)
        if isinstance(value, np.ndarray) and not isinstance(value, cls) and value.ndim:
            raise TypeError(f"{name} was given an array of NumPy's among those of the other library")
        return value.view(np.ndarray) if isinstance(value, cls) else value


MANY = 9  # images
PATIENCE = 120  # calls, for all that the check asks; map by map it takes hundreds
STANDARD = {
    "You take off one mean for all the maps. Each map has its own: the mean over its rows and columns, axes 2 and 3.":
        lambda x: (x - x.mean()) / x.std(),
    "Each map's mean is gone, but you do not divide by its standard deviation.":
        lambda x: x - x.mean((2, 3), keepdims=True),
    "You divide by the standard deviation, but the mean is still there.":
        lambda x: x / x.std((2, 3), keepdims=True),
    "You divide by the variance. The standard deviation is its square root: .std() gives it.":
        lambda x: (x - x.mean((2, 3), keepdims=True)) / x.var((2, 3), keepdims=True),
    "You work out one mean for all maps of an image. Each map has its own: leave axis 1, the depth, alone.":
        lambda x: (x - x.mean((1, 2, 3), keepdims=True)) / x.std((1, 2, 3), keepdims=True),
    "You work out one mean for a channel over all images. Each image has its own: leave axis 0 alone.":
        lambda x: (x - x.mean((0, 2, 3), keepdims=True)) / x.std((0, 2, 3), keepdims=True),
    "You take off the mean of the images at each pixel. Wanted is the mean over the pixels of each map.":
        lambda x: (x - x.mean(0, keepdims=True)) / x.std(0, keepdims=True),
    "You take off the mean of each row. A map's mean is over its rows and its columns.":
        lambda x: (x - x.mean(3, keepdims=True)) / x.std(3, keepdims=True),
}  # fmt: skip


def _stacks(rng):
    """Maps of NumPy's, then the other library's: few images, and many."""
    Foreign.calls = 0
    yield (rng.normal(3, 2, (2, 3, 4, 5)).astype(np.float32),)
    for n in (2, MANY):
        yield (rng.normal(3, 2, (n, 3, 4, 5)).astype(np.float32).view(Foreign),)


def _judge_standard(result, x):
    plain = np.array(x)
    want = (plain - plain.mean((2, 3), keepdims=True)) / plain.std((2, 3), keepdims=True)
    if np.shape(result) != want.shape:
        return f"Your function returns {numbers(result)}, where shape {want.shape} is wanted, that of x."
    got = np.array(result)
    if not np.allclose(got, want, rtol=1e-3, atol=1e-4):
        for message, wrong in STANDARD.items():
            if np.allclose(got, wrong(plain), rtol=1e-3, atol=1e-4):
                return message
        return (
            f"Not right yet: the first map you return has mean {got[0, 0].mean():.2f} and standard deviation "
            f"{got[0, 0].std():.2f}. They should be 0 and 1."
        )
    if type(result) is not type(x):
        return (
            "The numbers are right, but an array of another library comes back as NumPy's. Which call of yours makes "
            "a new array, and how should it know of the other library?"
        )
    if got.dtype != x.dtype:
        return f"The numbers are right, but float32 went in, and {got.dtype} comes out: twice the memory to move."
    if isinstance(x, Foreign) and len(x) == MANY and Foreign.calls > PATIENCE:
        return (
            "It is right, and runs on any library. But it asks for each map by itself, and every call has its price. "
            "mean and std can do all maps in one call: which axes does a map have?"
        )
    return ""


@exercise(
    inputs=_stacks,
    praise="No word of any library in it, and so it runs on all of them.",
    verdict=_judge_standard,
)
def standardise(x):
    return (x - x.mean((2, 3), keepdims=True)) / x.std((2, 3), keepdims=True)
