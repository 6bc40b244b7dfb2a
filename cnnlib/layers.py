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

    def sees(self, first, last):
        """Which rows of its input the rows `first` to `last` of its output are made from, or columns: (first, last).

        `last` is the first outside. Rows before 0 are padding, as those after the input's end are. A layer that keeps
        no rows and columns sees everything: from -inf to inf.
        """
        return first, last

    def twin(self):
        """The same layer, weights shared, with room of its own for what `forward` keeps and for gradients."""
        twin = object.__new__(type(self))  # copy.copy does the same, and takes longer
        twin.__dict__.update(self.__dict__, grads={})
        return twin

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
        self.init = one_of(init, INITS, "init")
        sides = {"same": ((self.size - 1) // 2, self.size // 2), "valid": (0, 0)}
        named = isinstance(padding, str) and padding in sides
        self.padding = padding if named else whole(padding, "padding", 0, '"same", "valid" or ')
        self.before, self.after = sides[padding] if named else (self.padding, self.padding)

    def build(self, in_shape, rng):
        depth, height, width = volume(in_shape)
        shape = (self.filters, depth, self.size, self.size)
        w, b = INITS[self.init](rng, shape, depth * self.size**2), np.zeros(self.filters, np.float32)
        if self.init == "zero_mean":
            b -= 0.01  # flat colour makes a zero that rounding may tip either way: now ReLU surely shuts it out
        self.params = {"w": w, "b": b}
        room = self.before + self.after
        return (self.filters, *positions(height + room, width + room, self.size, self.stride))

    def forward(self, x):
        """y[n, f, r, c] = b[f] + sum over d, i, j of w[f, d, i, j] * x[n, d, r * stride + i, c * stride + j]."""
        w, b = weights_for(x, self, axis=1)
        self.shape, (height, width), room = x.shape, x.shape[2:], self.before + self.after
        x = self.shifted = column_shifts(spread(x, height + room, width + room, at=self.before), self.size, self.stride)
        y = correlate(x, w)
        y += b[:, None, None]
        return y[:, :, :: self.stride]

    def backward(self, dy):
        """dw[f, d, i, j] = sum over n, r, c of dy[n, f, r, c] * x[n, d, r * stride + i, c * stride + j]: each weight
        met every pixel that it passed over. And each pixel met every weight that passed over it, so dx is a convolution
        too: of dy, spread out by the stride in a frame of zeros, with the filters turned by 180 degrees.
        """
        w, size, before, stride = self.params["w"], self.size, self.before, self.stride
        n, depth, height, width = self.shape
        tall, wide = self.shifted.shape[2], width + before + self.after

        lines = spread(dy, tall - size + 1, dy.shape[3], down=stride).reshape(n, len(w), -1)
        dw = np.empty_like(w)
        for i, met in enumerate(row_shifts(self.shifted, size)):
            dw[:, :, i] = (lines @ met.swapaxes(1, 2)).sum(0).reshape(len(w), depth, size)
        self.grads = {"w": dw, "b": np.einsum("nfrc->f", dy)}
        if not self.input_gradient:
            return None

        framed = spread(dy, tall + size - 1, wide + size - 1, at=size - 1, down=stride, across=stride)
        seen = framed[:, :, before : before + height + size - 1, before : before + width + size - 1]
        shifted = column_shifts(seen, size)
        del framed, seen  # large, and no longer needed
        return correlate(shifted, w[:, :, ::-1, ::-1].swapaxes(0, 1))

    def sees(self, first, last):
        return first * self.stride - self.before, (last - 1) * self.stride - self.before + self.size


def spread(x, height, width, at=0, down=1, across=1):
    """Zeros, (height, width) a map, with x laid in: its corner at (at, at), its pixels `down` and `across` apart."""
    n, depth, r, c = x.shape
    if (r, c) == (height, width):
        return x
    framed = np.zeros_like(x, shape=(n, depth, height, width))
    framed[:, :, at : at + r * down : down, at : at + c * across : across] = x
    return framed


def column_shifts(x, size, stride=1):
    """What each column of a filter meets on its way over the volume: (n, depth, h, w) -> (n, depth * size, h, w').

    Map (d, j) is map d from column j on, every `stride`-th column: one for each place across.
    """
    n, depth, height, width = x.shape
    _, across = positions(height, width, size, stride)
    shifted = np.empty_like(x, shape=(n, depth, size, height, across))
    for j in range(size):
        shifted[:, :, j] = x[..., j : j + across * stride : stride]
    return shifted.reshape(n, depth * size, height, across)


def row_shifts(shifted, size):
    """What each row of a filter meets, from column shifts: `size` arrays (n, depth * size, places).

    The rows of a map lie end to end, so to begin one row further down is to begin one width further on. No copies.
    """
    n, maps, height, width = shifted.shape
    lines = shifted.reshape(n, maps, height * width)
    return [lines[..., i * width : (height - size + 1 + i) * width] for i in range(size)]


def correlate(shifted, w):
    """Weighted sums of patches, at every row: column shifts (n, depth * size, h, w') -> (n, filters, h - size + 1, w').

    Row i of all filters is one matrix product with what it meets.
    """
    filters, depth, size, _ = w.shape
    rows = w.transpose(2, 0, 1, 3).reshape(size, filters, depth * size)
    met = row_shifts(shifted, size)
    y = rows[0] @ met[0]
    for i in range(1, size):
        y += rows[i] @ met[i]
    return y.reshape(len(shifted), filters, -1, shifted.shape[3])


class ReLU(Layer):
    """Let through what is positive, and nothing else: y = max(x, 0)."""

    def forward(self, x):
        self.open = x > 0
        return np.maximum(x, np.zeros_like(x[:1]))  # with a plain 0, NumPy takes a slower loop

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
        self.stride = None if stride is None else positive_int(stride, "stride")
        self.step = self.stride or self.size

    def build(self, in_shape, rng):
        depth, height, width = volume(in_shape)
        return (depth, *positions(height, width, self.size, self.step))

    def forward(self, x):
        self.shape, s = x.shape, self.step
        r, c = positions(*x.shape[2:], self.size, s)
        corners = itertools.product(range(self.size), repeat=2)
        self.places = [(..., slice(i, i + r * s, s), slice(j, j + c * s, s)) for i, j in corners]
        y, self.wins = x[self.places[0]].copy(), []  # the first pixel of every block
        for place in self.places[1:]:
            other = x[place].copy()  # gathered once, used twice
            self.wins.append(other > y)
            y = np.maximum(y, other)
        return y

    def backward(self, dy):
        """Only the largest of a block made a difference, so it takes the whole gradient; of equals, the first does."""
        dx, apart = np.zeros_like(dy, shape=self.shape), self.step >= self.size  # apart: no pixel is in two blocks
        for place, won in zip(self.places[:0:-1], self.wins[::-1], strict=True):
            taken = dy * won
            dx[place] = taken if apart else dx[place] + taken
            dy = dy - taken
        first = self.places[0]
        dx[first] = dy if apart else dx[first] + dy
        return dx

    def sees(self, first, last):
        return first * self.step, (last - 1) * self.step + self.size


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

    def sees(self, first, last):
        return -math.inf, math.inf


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
        w, b = weights_for(x, self, axis=0)
        self.x = x
        return x @ w + b

    def backward(self, dy):
        """y = x w + b, so dL/dw = x' dy, dL/db = the sum of dy over images, dL/dx = dy w'."""
        self.grads = {"w": self.x.T @ dy, "b": dy.sum(0)}
        return dy @ self.params["w"].T

    def sees(self, first, last):
        return -math.inf, math.inf


# How weights begin: each takes (rng, shape, inputs), where `inputs` is how many numbers one output adds up.


def he(rng, shape, inputs):
    """Normal, with variance 2 / inputs: signals keep their size through layer after layer of ReLU (He et al. 2015)."""
    return rng.normal(0, math.sqrt(2 / inputs), shape).astype(np.float32)


def positive(rng, shape, inputs):
    """Uniform from 0 to 2 / inputs, never negative: each output begins as about the mean of what it sees."""
    return rng.uniform(0, 2 / inputs, shape).astype(np.float32)


def zero_mean(rng, shape, inputs):
    """As `he`, then each window's mean taken off: a filter begins blind to flat colour, and sees only change."""
    if len(shape) != 4 or shape[-1] == 1:
        raise ValueError('init="zero_mean" is for filters of more than one pixel: take init="he"')
    w = he(rng, shape, inputs)
    return w - w.mean(axis=(2, 3), keepdims=True)


def zeros(rng, shape, inputs):
    """Nothing yet. For a classifier only: a hidden layer of zeros has no gradient to begin with."""
    return np.zeros(shape, np.float32)


INITS = {"he": he, "positive": positive, "zero_mean": zero_mean, "zeros": zeros}


# What a layer says to arguments and shapes that it cannot use.


def whole(value, name, least, instead=""):
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be {instead}a whole number of at least {least}, not {value!r}")
    return int(value)


def positive_int(value, name):
    return whole(value, name, least=1)


def one_of(value, choices, name):
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, not {value!r}")
    return value


def volume(shape):
    if len(shape) != 3:
        hints = {1: "put it before Flatten()", 2: f"say {(1, *shape)}"}
        hint = hints.get(len(shape), "leave out the number of images")
        raise ValueError(f"wants a volume (depth, height, width), not {shape}: {hint}")
    return shape


def weights_for(x, layer, axis):
    """The w and b of a layer, where it has them and x is what they are for: as deep as w is along `axis`."""
    if not layer.params:
        raise RuntimeError(f"{layer} has no weights yet: make a Network of it, or call its build")
    w, b = layer.params["w"], layer.params["b"]
    if x.ndim != w.ndim or x.shape[1] != w.shape[axis]:
        wanted = ", ".join(["n", str(w.shape[axis]), "height", "width"][: w.ndim])
        raise ValueError(f"{layer} wants ({wanted}), not {x.shape}")
    return w, b


def need_array(value, name):
    if not hasattr(value, "dtype"):
        raise TypeError(f"{name} must be an array, not a {type(value).__name__}")


def positions(height, width, size, stride):
    """How many places a window has down and across, moving by `stride`."""
    if size > min(height, width):
        most = min(height, width)
        raise ValueError(f"a window of size {size} does not fit into {height} x {width} pixels: at most {most} would")
    return (height - size) // stride + 1, (width - size) // stride + 1
