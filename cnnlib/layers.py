"""Layers: the bricks of a network. Each turns one array into the next, and sends gradients back.

Everything a layer handles is `(images, depth, height, width)`, or `(images, numbers)` once flattened.
`build` names shapes without the images: `(depth, height, width)` or `(numbers,)`.

A layer computes with whatever arrays it is given: NumPy's, or any that answer to NumPy's functions (CuPy's do).
"""

import inspect
import itertools
import math
from numbers import Integral

import numpy as np


class Layer:
    """What all layers share. A layer of your own needs `forward` and `backward`; `build` if it has weights."""

    input_gradient = True  # False: nobody asks for dx (a network's first layer while it trains)

    def __init__(self):
        self.params, self.grads = {}, {}

    def build(self, in_shape, rng):
        """Prepare for inputs of `in_shape`, draw the weights from `rng`, and return the shape that comes out.

        Raises ValueError where the input does not fit, saying what would.
        """
        return in_shape

    def forward(self, x):
        """The layer's answer y. Keeps what `backward` needs."""
        raise NotImplementedError

    def backward(self, dy):
        """From dL/dy to dL/dx, for the input last seen. Leaves dL/dparams in `grads`."""
        raise NotImplementedError

    def settings(self):
        """The arguments this layer was made with, by name."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def __repr__(self):
        arguments = inspect.signature(type(self)).parameters.values()
        told = [f"{a.name}={getattr(self, a.name)!r}" for a in arguments if getattr(self, a.name) != a.default]
        return f"{type(self).__name__}({', '.join(told)})"


class Conv2D(Layer):
    """Slide filters over a volume, one new map for each: (n, depth, h, w) -> (n, filters, h', w').

    Each filter spans the whole depth. Lay it on a patch, multiply number by number, add up, add the bias: one pixel
    of its map. Then move on by `stride`. (Strictly this is cross-correlation: the filter is not flipped.)

    padding: "same" puts zeros around so that stride 1 keeps height and width, `(size - 1) // 2` before and
    `size // 2` after; "valid" puts none; a whole number puts that many on each side.
    params: w (filters, depth, size, size), b (filters,).
    """

    def __init__(self, filters, size, stride=1, padding="same", init="he"):
        super().__init__()
        self.filters = positive_int(filters, "filters")
        self.size = positive_int(size, "size")
        self.stride = positive_int(stride, "stride")
        self.padding = padding
        self.init = one_of(init, INITS, "init")
        self.before, self.after = margins(padding, self.size)

    def build(self, in_shape, rng):
        depth, height, width = volume(in_shape)
        shape = (self.filters, depth, self.size, self.size)
        self.params = {"w": INITS[self.init](rng, shape, depth * self.size**2), "b": np.zeros(self.filters, np.float32)}
        room = self.before + self.after
        return (self.filters, *(positions(n + room, self.size, self.stride) for n in (height, width)))

    def forward(self, x):
        """y[n, f, r, c] = b[f] + sum over d, i, j of w[f, d, i, j] * x[n, d, r * stride + i, c * stride + j]."""
        self.shape = x.shape
        self.rows = row_shifts(frame(x, self.before, self.after), self.size, self.stride)
        return correlate(self.rows, self.params["w"])[..., :: self.stride] + self.params["b"][:, None, None]

    def backward(self, dy):
        """Each weight met each pixel it passed over: dw[f, d, i, j] = sum of dy[n, f, r, c] * x[n, d, r + i, c + j].

        Each pixel met every weight that passed over it, so dx is a convolution too: of dy, spread out by the stride,
        with the filters turned by 180 degrees, and depth and filters swapped.
        """
        w, size, stride = self.params["w"], self.size, self.stride
        (n, depth, height, width), (_, filters, r, c) = self.shape, dy.shape

        line = np.zeros_like(dy, shape=(n, filters, r, self.rows.shape[-1]))  # dy, as wide as the rows
        line[..., : c * stride : stride] = dy
        line = line.reshape(n, filters, -1)
        rows = self.rows.reshape(n, depth * size, -1).swapaxes(1, 2)
        taps = [(line[..., : line.shape[-1] - j] @ rows[:, j:]).sum(0) for j in range(size)]
        self.grads = {"w": np.stack(taps, axis=-1).reshape(w.shape), "b": dy.sum((0, 2, 3))}
        if not self.input_gradient:
            return None

        room = self.before + self.after + 2 * (size - 1)
        spread = np.zeros_like(dy, shape=(n, filters, height + room, width + room))
        spread[:, :, size - 1 : size - 1 + r * stride : stride, size - 1 : size - 1 + c * stride : stride] = dy
        inside = spread[:, :, self.before :, self.before :][:, :, : height + size - 1, : width + size - 1]
        return correlate(row_shifts(inside, size), w[:, :, ::-1, ::-1].swapaxes(0, 1))


def frame(x, before, after):
    """Zeros around each map: `before` rows and columns of them above and left, `after` below and right."""
    n, depth, height, width = x.shape
    framed = np.zeros_like(x, shape=(n, depth, height + before + after, width + before + after))
    framed[:, :, before : before + height, before : before + width] = x
    return framed


def row_shifts(x, size, stride=1):
    """The rows that each row of a filter meets: (n, depth, h, width) -> (n, depth, size, r, width).

    Row i of a filter, on its way down, meets rows i, i + stride, i + 2 stride ... of the volume.
    """
    n, depth, height, width = x.shape
    r = (height - size) // stride + 1
    rows = np.empty_like(x, shape=(n, depth, size, r, width))
    for i in range(size):
        rows[:, :, i] = x[:, :, i : i + r * stride : stride]
    return rows


def correlate(rows, w):
    """Weighted sums of patches, from the row shifts of a volume: -> (n, filters, r, width - size + 1).

    With the rows laid end to end, column j of all filters is one matrix product, whose answer is due j pixels
    to the left. Sums that run over the right edge into the next row are cut off at the end.
    """
    n, depth, size, r, width = rows.shape
    columns = w.transpose(3, 0, 1, 2).reshape(size, len(w), depth * size)
    lines = rows.reshape(n, depth * size, r * width)
    y = columns[0] @ lines
    for j in range(1, size):
        y[..., :-j] += columns[j] @ lines[..., j:]
    return y.reshape(n, len(w), r, width)[..., : width - size + 1]


class ReLU(Layer):
    """Let through what is positive, and nothing else: y = max(x, 0)."""

    def forward(self, x):
        self.open = x > 0
        return np.maximum(x, 0)

    def backward(self, dy):
        """Where the gate was open, dy/dx = 1; where it was shut, 0."""
        return dy * self.open


class MaxPool2D(Layer):
    """Keep the largest of each block: (n, depth, h, w) -> (n, depth, (h - size) // stride + 1, the same of w).

    Blocks are `size` x `size` and `stride` apart, by default side by side; a remainder at the edge is dropped.
    """

    def __init__(self, size, stride=None):
        super().__init__()
        self.size = positive_int(size, "size")
        self.stride = stride
        self.step = self.size if stride is None else positive_int(stride, "stride")

    def build(self, in_shape, rng):
        depth, height, width = volume(in_shape)
        return (depth, *(positions(n, self.size, self.step) for n in (height, width)))

    def forward(self, x):
        self.shape, s = x.shape, self.step
        r, c = (positions(n, self.size, s) for n in x.shape[2:])
        corners = itertools.product(range(self.size), repeat=2)
        self.places = [(..., slice(i, i + r * s, s), slice(j, j + c * s, s)) for i, j in corners]
        y, self.wins = x[self.places[0]], []
        for place in self.places[1:]:
            self.wins.append(x[place] > y)
            y = np.maximum(x[place], y)
        return y

    def backward(self, dy):
        """Only the largest of a block made a difference, so it takes the whole gradient; of equals, the first does."""
        dx = np.zeros_like(dy, shape=self.shape)
        for place, won in zip(self.places[:0:-1], self.wins[::-1], strict=True):
            taken = dy * won
            dx[place] += taken
            dy = dy - taken
        dx[self.places[0]] += dy
        return dx


class Flatten(Layer):
    """Lay each image's numbers out in a row: (n, depth, h, w) -> (n, depth * h * w)."""

    def build(self, in_shape, rng):
        return (math.prod(in_shape),)

    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dy):
        """Nothing was computed, so the gradients only go back to their places."""
        return dy.reshape(self.shape)


class Linear(Layer):
    """Weigh every input for every output: (n, inputs) -> (n, outputs).

    Each output is one opinion: how strongly the inputs, each with its own weight, speak for it.
    params: w (inputs, outputs), b (outputs,).
    """

    def __init__(self, outputs, init="he"):
        super().__init__()
        self.outputs = positive_int(outputs, "outputs")
        self.init = one_of(init, INITS, "init")

    def build(self, in_shape, rng):
        if len(in_shape) != 1:
            raise ValueError(f"wants a row of numbers for each image, not {in_shape}: put Flatten() before it")
        (inputs,) = in_shape
        w = INITS[self.init](rng, (inputs, self.outputs), inputs)
        self.params = {"w": w, "b": np.zeros(self.outputs, np.float32)}
        return (self.outputs,)

    def forward(self, x):
        self.x = x
        return x @ self.params["w"] + self.params["b"]

    def backward(self, dy):
        """y = x w + b, so dL/dw = x' dy, dL/db = the sum of dy over images, dL/dx = dy w'."""
        self.grads = {"w": self.x.T @ dy, "b": dy.sum(0)}
        return dy @ self.params["w"].T


# How weights begin: each takes (rng, shape, inputs), where `inputs` is how many numbers one output adds up.


def he(rng, shape, inputs):
    """Normal, with variance 2 / inputs: signals keep their size through layer after layer of ReLU (He et al. 2015)."""
    return rng.normal(0, math.sqrt(2 / inputs), shape).astype(np.float32)


def positive(rng, shape, inputs):
    """Uniform from 0 to 2 / inputs, never negative: each output begins as about the mean of what it sees."""
    return rng.uniform(0, 2 / inputs, shape).astype(np.float32)


def zero_mean(rng, shape, inputs):
    """As `he`, then each window's mean taken off: a filter begins blind to flat colour, and sees only change."""
    w = he(rng, shape, inputs)
    return w - w.mean(axis=(-2, -1), keepdims=True)


def zeros(rng, shape, inputs):
    """Nothing yet. For a classifier only: a hidden layer of zeros has no gradient to begin with."""
    return np.zeros(shape, np.float32)


INITS = {"he": he, "positive": positive, "zero_mean": zero_mean, "zeros": zeros}


# What a layer says to arguments and shapes that it cannot use.


def positive_int(value, name):
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")
    return int(value)


def one_of(value, choices, name):
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, not {value!r}")
    return value


def margins(padding, size):
    """Zeros before and after each row and column."""
    if padding == "same":
        return (size - 1) // 2, size // 2
    if padding == "valid":
        return 0, 0
    if isinstance(padding, Integral) and not isinstance(padding, bool) and padding >= 0:
        return int(padding), int(padding)
    raise ValueError(f'padding must be "same", "valid" or a whole number of at least 0, not {padding!r}')


def volume(shape):
    if len(shape) != 3:
        raise ValueError(f"wants a volume (depth, height, width), not {shape}: put it before Flatten()")
    return shape


def positions(length, size, stride):
    """How many places a window of `size` has on `length` pixels, moving by `stride`."""
    if size > length:
        raise ValueError(f"a window of size {size} does not fit into {length} pixels: at most {length} would")
    return (length - size) // stride + 1
