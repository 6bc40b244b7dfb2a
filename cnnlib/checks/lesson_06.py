"""Lesson 06: send the error backwards."""

import numpy as np

from cnnlib import Conv2D, Layer, Linear, MaxPool2D, ReLU

from .check import exercise

# ReLU


def _gates(rng):
    """What comes back and what went in: on paper, then larger, with zeros among what went in."""
    yield np.array([[5.0, 7.0], [-4.0, 1.0]]), np.array([[2.0, -1.0], [1.0, 0.0]])
    for shape in ((6, 7), (2, 3, 4, 5)):
        yield rng.normal(size=shape), rng.integers(-2, 3, shape).astype(float)


@exercise(
    inputs=_gates,
    praise="Where the gate was open the slope is 1, and where it was shut it is 0.",
    mistakes={
        "All of dy comes through. Where x was not positive, ReLU had shut the gate.": lambda dy, x: dy,
        "You ask whether dy is positive. The gate was set on the way forward: ask x.":
            lambda dy, x: np.maximum(dy, 0),
        "The gate looks at x alone. A negative dy comes through an open gate as well as a positive one.":
            lambda dy, x: dy * (x > 0) * (dy > 0),
        "At exactly 0 your gate is open. Let it be shut there: x must be larger than 0.": lambda dy, x: dy * (x >= 0),
        "The other way round: your gate is open where x is negative.": lambda dy, x: dy * (x < 0),
        "Your gate is shut where it should be open.": lambda dy, x: dy * (x <= 0),
        "That is the slope of ReLU itself, 1 or 0. It still has to be multiplied with what comes back.":
            lambda dy, x: (x > 0).astype(float),
        "That is the way forward. On the way back it is dy that goes through the gate.":
            lambda dy, x: np.maximum(x, 0),
        "You multiply dy by x. The slope of ReLU is 1 where the gate is open, however large x was.":
            lambda dy, x: dy * np.maximum(x, 0),
    },
)  # fmt: skip
def relu_backward(dy, x):
    return dy * (x > 0)


# Max pooling


def _blocks(rng):
    """On paper; then blocks that overlap, with ties and remainders; blocks with gaps."""
    small = np.array([[1.0, 5, 0, 2], [3, 2, 8, 1], [0, 0, 4, 3], [7, 1, 2, 6]])
    yield np.array([[1.0, 2], [3, 4]]), small, 2, 2
    for (height, width), size, stride in [((4, 4), 2, 1), ((9, 8), 3, 2), ((7, 9), 2, 3), ((6, 7), 2, 2)]:
        x = rng.integers(-2, 3, (height, width)).astype(float)
        yield rng.normal(size=((height - size) // stride + 1, (width - size) // stride + 1)), x, size, stride


def _sent(share, put=np.add, step=None):
    """Each number of dy, laid on its block as `share` says: block -> how much of it goes to each place."""

    def backward(dy, x, size, stride):
        dx, apart = np.zeros(x.shape), step(size, stride) if step else stride
        for r, c in np.ndindex(dy.shape):
            at = slice(r * apart, r * apart + size), slice(c * apart, c * apart + size)
            part = share(x[at])
            dx[at] = put(dx[at], dy[r, c] * part)
        return dx

    return backward


def _one(place):
    """All of it to one place of the block: the number that `place` finds, end to end."""

    def share(block):
        part = np.zeros(block.shape)
        if block.size:
            part.flat[place(block)] = 1
        return part

    return share


def _astray(place):
    """The winner is found, and its gradient put at a wrong place of the map: place(top, left, row, column)."""

    def backward(dy, x, size, stride):
        dx = np.zeros(x.shape)
        for r, c in np.ndindex(dy.shape):
            top, left = r * stride, c * stride
            row, column = divmod(int(x[top : top + size, left : left + size].argmax()), size)
            dx[place(top, left, row, column)] += dy[r, c]
        return dx

    return backward


def _winner_set(dy, x, size, stride):
    """Only the winner's place is written, with = in place of +=."""
    dx = np.zeros(x.shape)
    for r, c in np.ndindex(dy.shape):
        block = x[r * stride : r * stride + size, c * stride : c * stride + size]
        row, column = divmod(int(block.argmax()), size)
        dx[r * stride + row, c * stride + column] = dy[r, c]
    return dx


@exercise(
    inputs=_blocks,
    praise="One number of each block made the difference, so it takes the whole gradient.",
    mistakes={
        "Where one number is the largest of two blocks, the second gradient has wiped out the first. They should add.":
            _winner_set,
        "Each block wipes out what the one before had sent to the same places. What arrives should add: = is not +=.":
            _sent(_one(np.argmax), put=lambda old, new: new),
        "Every one of several equal numbers takes the whole gradient. It was one that went forward: send it to the "
        "first.": _sent(lambda block: block == block.max(initial=-np.inf)),
        "You share the gradient among equal numbers. It was one that went forward: send it to the first.":
            _sent(lambda block: (block == block.max(initial=-np.inf)) / max((block == block.max(initial=-np.inf)).sum(),
                                                                          1)),
        "Of equal numbers, yours is the last. Send it to the first.":
            _sent(_one(lambda block: block.size - 1 - block.ravel()[::-1].argmax())),
        "You send every place of the block the whole gradient. Only the largest number went forward.":
            _sent(np.ones_like),
        "You share the gradient among the whole block, as if the mean had gone forward. It was the largest.":
            _sent(lambda block: np.ones_like(block) / max(block.size, 1)),
        "You have found the place within the block, but not in the map: the block begins at row top, column left.":
            _astray(lambda top, left, row, column: (row, column)),
        "Rows and columns have changed places within the block.":
            _astray(lambda top, left, row, column: (top + column, left + row)),
        "Your blocks begin one row and one column apart. How far apart they are is the stride.":
            _sent(_one(np.argmax), step=lambda size, stride: 1),
        "You begin with what went forward, and add to that. Begin with zeros: only gradients come back.":
            lambda dy, x, size, stride: x + _sent(_one(np.argmax))(dy, x, size, stride),
        "You send the gradient to the smallest number of the block.": _sent(_one(np.argmin)),
        "You send the gradient to the top left of the block. Where is its largest number?": _sent(_one(lambda b: 0)),
        "You multiply by the largest number. Its slope is 1: nudge it, and the output moves as much.":
            _sent(lambda block: _one(np.argmax)(block) * block.max(initial=-np.inf)),
    },
)  # fmt: skip
def pool_backward(dy, x, size, stride):
    return _sent(_one(np.argmax))(dy, x, size, stride)


# Convolution


def _filters(rng):
    """The numbers on paper; then several filters, several slices, maps that are not square."""
    yield np.array([[[1.0, 2], [3, -4]]]), np.array([[[[1.0, 2], [0, -1]]]])
    for filters, depth, size, rows, columns in [(3, 1, 3, 4, 5), (2, 3, 3, 5, 2), (4, 2, 2, 1, 3)]:
        yield rng.normal(size=(filters, rows, columns)), rng.normal(size=(filters, depth, size, size))


def _landed(dy, w, put=np.add):
    (_, rows, columns), (_, depth, size, _) = dy.shape, w.shape
    dx = np.zeros((depth, rows + size - 1, columns + size - 1))
    for f, r, c in np.ndindex(dy.shape):
        at = np.s_[:, r : r + size, c : c + size]
        dx[at] = put(dx[at], dy[f, r, c] * w[f])
    return dx


@exercise(
    inputs=_filters,
    praise="You have sent the error back through a convolution, through all its filters and all its slices.",
    mistakes={
        "Where windows overlap, the last one wipes out the others. Their gradients should add: = is not +=.":
            lambda dy, w: _landed(dy, w, put=lambda old, new: new),
        "Your filter is turned by 180 degrees. In the loop over outputs it is laid down as it went forward. (It is "
        "turned where you slide it over dy.)": lambda dy, w: _landed(dy, w[:, :, ::-1, ::-1]),
        "Rows and columns of your filter have changed places.": lambda dy, w: _landed(dy, w.swapaxes(2, 3)),
        "Only the rows of your filter are in reverse order. Lay it down as it went forward.":
            lambda dy, w: _landed(dy, w[:, :, ::-1]),
        "Only the columns of your filter are in reverse order. Lay it down as it went forward.":
            lambda dy, w: _landed(dy, w[:, :, :, ::-1]),
        "Only the first filter sends anything. Every filter looked at the pixels, so every filter answers for them.":
            lambda dy, w: _landed(dy[:1], w[:1]),
        "Only the last filter is left. Do you begin with a new array of zeros for each?":
            lambda dy, w: _landed(dy[-1:], w[-1:]),
        "You take the mean over the filters. What they send adds up.": lambda dy, w: _landed(dy, w) / len(w),
        "You take the mean over the places of the map. What they send adds up.":
            lambda dy, w: _landed(dy, w) / dy[0].size,
        "All slices come out the same. Each slice of the image is sent its own slice of the filter.":
            lambda dy, w: _landed(dy, np.broadcast_to(w.sum(axis=1, keepdims=True), w.shape)),
        "You return one map. The image is as deep as the filters are: a map for each slice.":
            lambda dy, w: _landed(dy, w).sum(axis=0),
        "You leave out the weights. What an output sends is its dy times the weight that the pixel met.":
            lambda dy, w: _landed(dy, np.ones_like(w)),
        "You leave out dy. What an output sends is its dy times the weight that the pixel met.":
            lambda dy, w: _landed(np.ones_like(dy), w),
    },
)  # fmt: skip
def conv_backward(dy, w):
    return _landed(dy, w)


# Five of eight are sabotaged


class Suspect(Layer):
    """A layer of cnnlib whose way back somebody may have tampered with."""

    def __init__(self, layer, tamper):
        super().__init__()
        self.layer, self.tamper = layer, tamper

    def build(self, in_shape, rng):
        out_shape = self.layer.build(in_shape, rng)
        self.params = self.layer.params
        return out_shape

    def forward(self, x):
        self.x, self.layer.params = x, self.params
        return self.layer.forward(x)

    def backward(self, dy):
        dx = self.layer.backward(dy)
        self.grads = dict(self.layer.grads)
        return self.tamper(self, dx, dy)

    def sees(self, first, last):
        return self.layer.sees(first, last)

    def twin(self):
        twin = super().twin()
        twin.layer = self.layer.twin()
        return twin

    def __repr__(self):
        return repr(self.layer)


def _honest(suspect, dx, dy):
    return dx


def _other_way_up(suspect, dx, dy):
    w = suspect.params["w"]
    suspect.layer.params = {**suspect.params, "w": w[:, :, ::-1, ::-1].copy()}
    return suspect.layer.backward(dy)


def _newest(suspect, dx, dy):
    suspect.grads["w"] = suspect.x[-1:].T @ dy[-1:]
    return dx


def _fair(suspect, dx, dy):
    suspect.grads["b"] = dy.mean(axis=(0, 2, 3))
    return dx


def _open(suspect, dx, dy):
    return dy


def _tidy(suspect, dx, dy):
    x, size, step = suspect.x, suspect.layer.size, suspect.layer.step
    dx, steps = np.zeros_like(x), np.arange(size * size)
    for r, c in np.ndindex(dy.shape[2:]):
        at = np.s_[:, :, r * step : r * step + size, c * step : c * step + size]
        flat = x[at].reshape(*x.shape[:2], -1)
        won = flat.argmax(axis=2)[..., None] == steps
        dx[at] = np.where(won, dy[:, :, r, c, None], 0).reshape(x[at].shape)
    return dx


def _lot():
    return [
        (ReLU(), _honest),
        (Conv2D(4, 3), _other_way_up),
        (MaxPool2D(2), _honest),
        (Linear(2), _newest),
        (Conv2D(4, 3, stride=2), _honest),
        (MaxPool2D(3, stride=2), _tidy),
        (Conv2D(4, 3), _fair),
        (ReLU(), _open),
    ]


def suspects():
    """Eight layers of cnnlib. The way forward is right in all of them; the way back is wrong in five."""
    return [Suspect(*pair) for pair in _lot()]


def _judge(named):
    """What is the matter with the reader's list of the guilty, {number: which gradient}; "" if nothing is."""
    guilty = culprits.right()
    if not named:
        return "Not solved yet: you name nobody, and five of the eight are guilty."
    numbers = range(len(_lot()))
    if odd := [number for number in named if number not in numbers]:
        return f"There is no suspect {odd[0]!r}: they have the numbers 0 to {numbers[-1]}."
    if odd := [part for part in named.values() if part not in ("x", "w", "b")]:
        return f'Say which gradient is wrong, "x", "w" or "b", as gradcheck.check calls it, not {odd[0]!r}.'
    if all(part == "x" for part in named.values()) and set(named) == set(guilty):
        return "These five it is, but the gradient of x is wrong in some of them only. Read the three errors apart."
    if innocent := sorted(set(named) - set(guilty)):
        told = "An error of 1e-9 is rounding." if len(named) < len(numbers) else "You accuse all of them."
        return f"Suspect {innocent[0]} is innocent. {told} Which of its errors is above 1e-3?"
    for number, part in sorted(named.items()):
        if part != guilty[number]:
            return f"Suspect {number} is guilty, but not of its gradient of {part}. Which of its errors is large?"
    if len(named) < len(guilty):
        return (
            f"All that you name are guilty, {len(named)} of {len(guilty)}. Somebody still hides: did you give each "
            "layer more than one image, and look at the error of b as well?"
        )
    return ""


@exercise(
    inputs=lambda rng: [()],
    praise="All five, and each for what it did.",
    verdict=_judge,
    kind=dict,
)
def culprits():
    return {1: "x", 3: "w", 5: "x", 6: "b", 7: "x"}
