"""Lesson 01: slide a filter over a picture."""

import numpy as np

from .check import exercise

# One place


def _places(rng):
    """An image, a filter and a place: on paper, then larger ones, of sizes that differ in all axes.

    No place is so near the rim that a window laid a little off could not be told.
    """
    yield np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]]), np.array([[1, 0], [0, 2]]), 1, 1
    for shape, size, row, column in [((6, 8), 3, 1, 2), ((9, 8), 5, 3, 2), ((8, 9), 4, 2, 3)]:
        yield rng.integers(0, 10, shape), rng.integers(-4, 5, (size, size)), row, column
    yield rng.integers(0, 9, (7, 6)) / 8, rng.integers(-4, 5, (3, 3)) / 4, 3, 2


def _patch(image, filter, row, column):
    size = len(filter)
    return image[row : row + size, column : column + size]


def _off(down, right):
    """filter_at, of a window that begins so many pixels off."""
    return lambda image, filter, row, column: filter_at.right(image, filter, row + down, column + right)


@exercise(
    inputs=_places,
    praise="However many weights a filter has, it answers with one number.",
    mistakes={
        "You return all the products, one for each pixel of the patch. A filter answers with one number: add them up.":
            lambda image, filter, row, column: _patch(image, filter, row, column) * filter,
        "You return one number for each column. Python's own sum() adds up only the rows, and so does axis=0: "
        "the .sum() of an array adds up all of it.":
            lambda image, filter, row, column: (_patch(image, filter, row, column) * filter).sum(axis=0),
        "You return one number for each row. Add those up too: a filter answers with one number.":
            lambda image, filter, row, column: (_patch(image, filter, row, column) * filter).sum(axis=1),
        "Close: this is what comes out when the filter is turned by 180 degrees first. Lay it down as it is.":
            lambda image, filter, row, column: filter_at.right(image, filter[::-1, ::-1], row, column),
        "Rows and columns have changed places in your filter, or in your patch. Lay it down as it is.":
            lambda image, filter, row, column: filter_at.right(image, filter.T, row, column),
        "You take the mean of the products. A filter adds them up.":
            lambda image, filter, row, column: (_patch(image, filter, row, column) * filter).mean(),
        "@ multiplies rows with columns. Here each pixel meets the one weight that lies on it: use *.":
            lambda image, filter, row, column: (_patch(image, filter, row, column) @ filter).sum(),
        "You add pixel and weight. Multiply each pixel by its weight, and add up the products.":
            lambda image, filter, row, column: (_patch(image, filter, row, column) + filter).sum(),
        "You add up the pixels alone. Each counts as much as its weight says: multiply first.":
            lambda image, filter, row, column: _patch(image, filter, row, column).sum(),
        "Only the last product is left of your sum. In a loop, = forgets the products before; += keeps them.":
            lambda image, filter, row, column: (_patch(image, filter, row, column) * filter)[-1, -1],
        "You always look at the top left corner of the image. The patch begins at row and column.":
            lambda image, filter, row, column: filter_at.right(image, filter, 0, 0),
        "Your row and column have changed places. In image[row, column] the row comes first.":
            lambda image, filter, row, column: filter_at.right(image, filter, column, row),
        "Your filter has its middle at row and column. Its top left corner should be there.":
            lambda image, filter, row, column: filter_at.right(
                image, filter, row - len(filter) // 2, column - len(filter) // 2),
        "Your patch begins one pixel too far up and left: rows and columns are counted from 0.": _off(-1, -1),
        "Your patch begins one pixel too far down and right. Its first pixel is image[row, column].": _off(1, 1),
    },
)  # fmt: skip
def filter_at(image, filter, row, column):
    return (_patch(image, filter, row, column) * filter).sum()


# The whole image


def _map(framed, filter):
    """The sums at all places where the filter lies inside what it is given."""
    size, (height, width) = len(filter), framed.shape
    result = np.zeros((max(height - size + 1, 0), max(width - size + 1, 0)))
    for row, column in np.ndindex(result.shape):
        result[row, column] = (framed[row : row + size, column : column + size] * filter).sum()
    return result


def _half(filter):
    return len(filter) // 2


def _images(rng):
    """An image and a filter: on paper, then not square, with larger filters, and with numbers that are not whole."""
    yield np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]]), np.array([[0, 0, 0], [0, 0, 1], [0, 2, 0]])
    for shape, size in [((5, 7), 3), ((8, 6), 5), ((7, 9), 7)]:
        yield rng.integers(1, 10, shape), rng.integers(-4, 5, (size, size))
    yield rng.integers(1, 10, (6, 5)), rng.integers(-4, 5, (3, 3)) / 4


def _only(rows, columns):
    """filter_image, of which no more than these numbers are worked out."""
    def some(image, filter):
        whole = filter_image.right(image, filter)
        result = np.zeros_like(whole)
        result[rows, columns] = whole[rows, columns]
        return result
    return some


@exercise(
    inputs=_images,
    praise="One filter, every place, and a map as large as the image.",
    mistakes={
        "Your map is smaller than the image: the frame of zeros is missing.":
            lambda image, filter: _map(image, filter),
        "You put the zeros around the map, or left its rim at zero. They belong around the image, before the filter "
        "comes.":
            lambda image, filter: np.pad(_map(image, filter), _half(filter)),
        "Your frame is always one zero wide. That is right for a filter of size 3. What does one of size 5 need?":
            lambda image, filter: _map(np.pad(image, 1), filter),
        "Your frame is as wide as the filter is, and the map comes out larger than the image. How far does a filter "
        "stick out when its middle lies on the outermost pixel?":
            lambda image, filter: _map(np.pad(image, len(filter)), filter),
        "You have put all zeros below and on the right. The same number belongs on every side.":
            lambda image, filter: _map(np.pad(image, (0, 2 * _half(filter))), filter),
        "You have put all zeros above and on the left. The same number belongs on every side.":
            lambda image, filter: _map(np.pad(image, (2 * _half(filter), 0)), filter),
        "Your frame repeats the outermost pixels. Put zeros there.":
            lambda image, filter: _map(np.pad(image, _half(filter), mode="edge"), filter),
        "Your filter is turned by 180 degrees. Lay it down as it is.":
            lambda image, filter: filter_image.right(image, filter[::-1, ::-1]),
        "You take the mean of the products at each place. A filter adds them up.":
            lambda image, filter: filter_image.right(image, filter) / filter.size,
        "Your map lies on its side: rows and columns have changed places. In result[row, column] the row comes first.":
            lambda image, filter: filter_image.right(image, filter).T,
        "Only the first number of your map is worked out. Does your return stand inside the loops?":
            _only(slice(1), slice(1)),
        "Only the first row of your map is worked out. Does your return stand inside the outer loop?":
            _only(slice(1), slice(None)),
        "Only the last row of your map is worked out. Is the loop over columns inside the loop over rows?":
            _only(slice(-1, None), slice(None)),
        "The last row and column of your map are missing. range(n) already ends before n: no - 1 is needed.":
            _only(slice(-1), slice(-1)),
        "Your sum runs on from place to place. At each one it begins again at 0.":
            lambda image, filter: filter_image.right(image, filter).cumsum().reshape(image.shape),
        "Only the last product is left of each sum. In a loop, = forgets the products before; += keeps them.":
            lambda image, filter: np.pad(image, _half(filter))[2 * _half(filter) :, 2 * _half(filter) :]
            * filter[-1, -1],
        "Every place in your map has the same number. Does the window move with row and column?":
            lambda image, filter: np.full(image.shape, filter_image.right(image, filter)[0, 0]),
        "Your map is nothing but nan, which is what a None becomes in it. Does the function that you call at each "
        "place return a number?":
            lambda image, filter: np.full(image.shape, np.nan),
        "Your map is all zeros. Is each sum written into its place?":
            lambda image, filter: np.zeros(image.shape),
    },
)  # fmt: skip
def filter_image(image, filter):
    return _map(np.pad(image, _half(filter)), filter)


# Flip or not


def _unlike(rng):
    """An image and a filter that look like nothing else when turned or mirrored; a dot first."""
    dot = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    yield dot, np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    for shape, size in [((4, 4), 3), ((6, 8), 5), ((9, 7), 3)]:
        yield rng.integers(0, 10, shape), rng.integers(-4, 5, (size, size))


@exercise(
    inputs=_unlike,
    praise="Turn, then slide. Now you know both, and their names.",
    mistakes={
        "That is cross-correlation: the filter is laid down as it is. A convolution turns it by 180 degrees first.":
            lambda image, filter: filter_image.right(image, filter),
        "You mirror the filter from left to right only. Turned by 180 degrees, it is upside down too.":
            lambda image, filter: filter_image.right(image, filter[:, ::-1]),
        "You turn the filter upside down only, as a mirror does. Turned by 180 degrees, left and right change too.":
            lambda image, filter: filter_image.right(image, filter[::-1]),
        "You make rows of the filter's columns. That is another mirror: turn it, as you would turn a sheet of paper.":
            lambda image, filter: filter_image.right(image, filter.T),
        "Your filter makes a quarter turn. A convolution turns it by 180 degrees, half a turn.":
            lambda image, filter: filter_image.right(image, np.rot90(filter)),
        "Your filter makes a quarter turn, clockwise. A convolution turns it by 180 degrees, half a turn.":
            lambda image, filter: filter_image.right(image, np.rot90(filter, 3)),
        "You turn the image. It is the filter that is turned.":
            lambda image, filter: filter_image.right(image[::-1, ::-1], filter),
        "You turn the map, or image and filter both. It is the filter alone that is turned.":
            lambda image, filter: filter_image.right(image, filter)[::-1, ::-1],
        "You change the filter's signs. With edge that is the same as turning it, but with other filters it is not.":
            lambda image, filter: filter_image.right(image, -filter),
        "You return the filter, turned. Now slide it over the image.":
            lambda image, filter: filter[::-1, ::-1],
        "Your map is smaller than the image: the frame of zeros is missing.":
            lambda image, filter: _map(image, filter[::-1, ::-1]),
    },
)  # fmt: skip
def convolve(image, filter):
    return filter_image.right(image, filter[::-1, ::-1])
