"""Lesson 07: build the network."""

from functools import partial

import numpy as np

from cnnlib import Conv2D, Flatten, Linear, MaxPool2D, Network, ReLU, data, softmax_cross_entropy

from .check import Check, Feedback, LayerCheck, exercise
from .lesson_04 import _names, _one_change

# A network in a few lines


def _layers(x):
    """Layers that keep the shape of x, so that they fit in any order; whoever builds them, they begin alike."""
    depth = x.shape[1]
    if x.ndim == 2:
        layers = [Linear(depth), ReLU(), Linear(depth)]
    else:
        layers = [Conv2D(depth, 3), ReLU(), Conv2D(depth, 3), ReLU()]
    for seed, layer in enumerate(layers):
        layer.build = partial(_build, layer, seed)
    return layers


def _build(layer, seed, shape, rng):
    return type(layer).build(layer, shape, np.random.default_rng(seed))


def _images(rng):
    """A row of three numbers, then volumes."""
    yield np.array([[1.0, -2.0, 3.0]])
    yield rng.normal(size=(2, 3, 4, 5))
    yield rng.normal(size=(3, 1, 6, 6))


def _built(x):
    layers, shape, rng = _layers(x), x.shape[1:], np.random.default_rng(0)
    for layer in layers:
        shape = layer.build(shape, rng)
    return layers


def _walk(order, keep=False, backward=False):
    """Through the layers in an order; keep=True hands the very first array to each of them."""

    def walk(x, dy=None):
        layers, y = _built(x), x
        if backward:
            for layer in layers:
                y = layer.forward(y)
            y = dy
        first = y
        for layer in order(layers):
            given = first if keep else y
            y = layer.backward(given) if backward else layer.forward(given)
        return y

    return walk


_stack_forward = Check(
    lambda x: _walk(lambda layers: layers)(x),
    inputs=lambda rng: [(x,) for x in _images(rng)],
    noun="forward",
    mistakes={
        "Each of your layers is given the picture itself. It should be given what the layer before it made.":
            _walk(lambda layers: layers, keep=True),
        "Only the first layer has worked. Does your forward return inside the loop?": _walk(lambda layers: layers[:1]),
        "The last layer has been left out.": _walk(lambda layers: layers[:-1]),
        "The first layer has been left out.": _walk(lambda layers: layers[1:]),
        "Your forward goes through the layers from the last to the first. That is the way back.":
            _walk(lambda layers: layers[::-1]),
        "The picture comes out as it went in. Keep what each layer returns, and hand it on.":
            _walk(lambda layers: []),
    },
)  # fmt: skip

_stack_backward = Check(
    lambda x, dy: _walk(reversed, backward=True)(x, dy),
    inputs=lambda rng: [(x, rng.normal(size=x.shape).round(1)) for x in _images(rng)],
    noun="backward",
    mistakes={
        "Your backward goes through the layers from the first to the last. The error comes in at the end: turn round.":
            _walk(lambda layers: layers, backward=True),
        "Each of your layers is given the very last dy. It should be given what the layer behind it sent back.":
            _walk(reversed, keep=True, backward=True),
        "Only the last layer has worked. Does your backward return inside the loop?":
            _walk(lambda layers: layers[-1:], backward=True),
        "The first layer has been left out: its weights need their gradients, too.":
            _walk(lambda layers: layers[:0:-1], backward=True),
        "dy comes out as it went in. Keep what each layer sends back, and hand it on.":
            _walk(lambda layers: [], backward=True),
    },
)  # fmt: skip


def _ask_forward(kind):
    return lambda x: kind(x.shape[1:], _layers(x)).forward(x)


def _ask_backward(kind):
    def backward(x, dy):
        stack = kind(x.shape[1:], _layers(x))
        stack.forward(x)
        return stack.backward(dy)

    return backward


stack = LayerCheck(
    "stack",
    [(_ask_forward, _stack_forward), (_ask_backward, _stack_backward)],
    praise="Two loops, and you have a network.",
)


# Rows, from the last volume back to the picture

PROOF = [(5, 5), (10, 11), (9, 12), (18, 25), (17, 26)]
LINES = ["the last volume", "what the second convolution made", "what the first pool made",
         "what the first convolution made", "the picture"]  # fmt: skip
SLIPS = {
    "pool": {
        "You count the first row outside as well. Write down the last row that is covered.":
            lambda first, last: (2 * first, 2 * last + 2),
        "Your last block gives only its first row. A block is two rows.": lambda first, last: (2 * first, 2 * last),
        "You halve. That is the way forward: going back, one row comes from a block of two.":
            lambda first, last: (first // 2, last // 2),
        "Nothing has changed. But a row of a pool was made from a block of two rows.":
            lambda first, last: (first, last),
        "Two rows, yes. But where do they lie? Block 0 is rows 0 and 1, and block 1 is rows 2 and 3.":
            lambda first, last: (first, 2 * last + 1 - first),
        "A pool has no windows that overlap, and no frame: it adds no row on either side.":
            lambda first, last: (first - 1, last + 1),
    },
    "convolution": {
        "You count the first row outside as well. Write down the last row that is covered.":
            lambda first, last: (first - 1, last + 2),
        "You have forgotten the frame of zeros. With it, the window for row r begins one row above r.":
            lambda first, last: (first, last + 2),
        "You widen it on one side only. The middle of the window lies on its row: what is above, and what below?":
            lambda first, last: (first, last + 1),
        "You widen it at the top only. The middle of the window lies on its row: what is above, and what below?":
            lambda first, last: (first - 1, last),
        "You make it narrower. Going back, a window sees more than the row that it makes.":
            lambda first, last: (first + 1, last - 1),
        "Nothing has changed. But a row of this map was made by windows three rows high.":
            lambda first, last: (first, last),
        "You double. A convolution of stride 1 keeps the size: it only looks a little to both sides.":
            lambda first, last: (2 * first, 2 * last + 1),
    },
}  # fmt: skip


def _prove(lines):
    """What is the matter with the reader's list: with the first line that is not right."""
    if len(lines) != len(PROOF):
        return f"There are {len(PROOF)} volumes, and your list has {len(lines)} lines. Begin with the last volume."
    try:
        pairs = [tuple(int(n) for n in line) for line in lines]
    except (TypeError, ValueError):
        return "Not solved yet: each line of your list should be two whole numbers, the first row and the last."
    if any(len(pair) != 2 for pair in pairs):
        return "Each line should be two numbers, the first row and the last."
    if pairs == PROOF[::-1]:
        return "All right, and in the wrong order: begin with the last volume, and go back to the picture."
    for number, (pair, want) in enumerate(zip(pairs, PROOF)):
        if pair == want:
            continue
        where = f"Line {number}, {LINES[number]}: {pair[0]} to {pair[1]} is not right. "
        if number == 0:
            return f"{where}It is one row, number 5: the first that is covered is also the last."
        slips = SLIPS["pool" if number in (1, 3) else "convolution"]
        told = [words for words, slip in slips.items() if slip(*PROOF[number - 1]) == pair]
        return where + (told[0] if told else "Which rows were needed for those of the line before?")
    return ""


@exercise(
    inputs=lambda rng: [()],
    praise="Ten rows, 17 to 26. Along the width it is the same, and so it is ten by ten pixels.",
    verdict=_prove,
    kind=list,
)
def proof():
    return PROOF


# A convolution of one's own


def _convolution(rng):
    """x, w, b: one map of 2 x 2 on paper, then deeper ones."""
    yield np.array([[[[1.0, 2.0], [3.0, 4.0]]]]), np.arange(1.0, 10).reshape(1, 1, 3, 3), np.array([10.0])
    for n, filters, depth, height, width in [(2, 3, 2, 4, 5), (3, 2, 4, 6, 3)]:
        w, b = rng.normal(size=(filters, depth, 3, 3)), rng.normal(size=filters)
        yield rng.normal(size=(n, depth, height, width)), w, b


def _back(rng):
    """The same, and a dy."""
    for x, w, b in _convolution(rng):
        shape = len(x), len(w), *x.shape[2:]
        yield x, w, b, np.arange(1.0, 5).reshape(shape) if x.size == 4 else rng.normal(size=shape)


def _framed(x):
    return np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])


def _shares(x, w):
    """What each of the nine weights adds to y."""
    framed, (height, width) = _framed(x), x.shape[2:]
    return [
        np.einsum("fd,ndrc->nfrc", w[:, :, i, j], framed[:, :, i : i + height, j : j + width])
        for i, j in np.ndindex(3, 3)
    ]


def _forward(x, w, b):
    return sum(_shares(x, w)) + b[:, None, None]


def _turned(w):
    return w[:, :, ::-1, ::-1]


_conv_forward = Check(
    _forward,
    inputs=_convolution,
    noun="forward",
    mistakes={
        "The bias is missing: each filter adds its own to every sum.": lambda x, w, b: sum(_shares(x, w)),
        "You add the bias once for each of the nine weights. It is added once to the whole sum.":
            lambda x, w, b: sum(_shares(x, w)) + 9 * b[:, None, None],
        "Only the last of the nine weights has been counted. = where += is needed?":
            lambda x, w, b: _shares(x, w)[-1] + b[:, None, None],
        "Each weight takes the place of the one before, and the bias has gone, too. = where += is needed?":
            lambda x, w, b: _shares(x, w)[-1],
        "Your filters are turned by 180 degrees. Lay them down as they are.":
            lambda x, w, b: _forward(x, _turned(w), b),
        "Rows and columns of the filter have changed places: i goes down, and j goes to the right.":
            lambda x, w, b: _forward(x, w.swapaxes(2, 3), b),
        "Your maps are too small: lay a frame of zeros around x first, one wide.":
            lambda x, w, b: _forward(x, w, b)[:, :, 1:-1, 1:-1],
        "You look at slice 0 of the volume only. A filter spans the whole depth.":
            lambda x, w, b: _forward(x[:, :1], w[:, :1], b),
        "You take the mean over the depth. The slices are added up.":
            lambda x, w, b: sum(_shares(x, w)) / x.shape[1] + b[:, None, None],
        "What is below zero has become zero. That is ReLU's work, not this layer's.":
            lambda x, w, b: np.maximum(_forward(x, w, b), 0),
    },
)  # fmt: skip


def _dframed(x, w, dy, by_place=False, keep=False):
    """The gradient of x in its frame; keep=True: with = in place of +=."""
    dframed, (height, width) = np.zeros_like(_framed(x)), dy.shape[2:]
    if by_place:
        for r, c in np.ndindex(height, width):
            here = np.einsum("nf,fdij->ndij", dy[:, :, r, c], w)
            dframed[:, :, r : r + 3, c : c + 3] = here
        return dframed
    for i, j in np.ndindex(3, 3):
        met = np.s_[:, :, i : i + height, j : j + width]
        here = np.einsum("nfrc,fd->ndrc", dy, w[:, :, i, j])
        dframed[met] = here if keep else dframed[met] + here
    return dframed


def _inner(dframed):
    return dframed[:, :, 1:-1, 1:-1]


_conv_dx = Check(
    lambda x, w, b, dy: _inner(_dframed(x, w, dy)),
    inputs=_back,
    noun="backward",
    mistakes={
        "Your dx still wears its frame. x had none: cut it off again.": lambda x, w, b, dy: _dframed(x, w, dy),
        "You cut two rows and columns off one side. The frame is one wide, on every side.":
            lambda x, w, b, dy: _dframed(x, w, dy)[:, :, :-2, :-2],
        "You cut two rows and columns off at the top left. The frame is one wide, on every side.":
            lambda x, w, b, dy: _dframed(x, w, dy)[:, :, 2:, 2:],
        "Where windows overlap, each new share overwrites the last. = where += is needed.":
            lambda x, w, b, dy: _inner(_dframed(x, w, dy, by_place=True)),
        "A pixel met nine weights, and only one of them is left in your dx. = where += is needed.":
            lambda x, w, b, dy: _inner(_dframed(x, w, dy, keep=True)),
        "Your dx is what comes out if the filters are turned by 180 degrees. Send each share back to where it was met.":
            lambda x, w, b, dy: _inner(_dframed(x, _turned(w), dy)),
        "In your dx, rows and columns of the filter have changed places.":
            lambda x, w, b, dy: _inner(_dframed(x, w.swapaxes(2, 3), dy)),
        "Your dx has only filter 0's share. Each filter sends one back: add them up.":
            lambda x, w, b, dy: _inner(_dframed(x, w[:1], dy[:, :1])),
    },
)  # fmt: skip


def _dw(x, w, b, dy):
    framed, (height, width), dw = _framed(x), dy.shape[2:], np.zeros_like(w)
    for i, j in np.ndindex(3, 3):
        dw[:, :, i, j] = np.einsum("nfrc,ndrc->fd", dy, framed[:, :, i : i + height, j : j + width])
    return dw


_conv_dw = Check(
    _dw,
    inputs=_back,
    noun='gradient grads["w"]',
    mistakes={
        "You take the mean over the images for w. dy has been divided already: add up.":
            lambda x, w, b, dy: _dw(x, w, b, dy) / len(x),
        "Your gradient of w comes from the last image only. = where += is needed?":
            lambda x, w, b, dy: _dw(x[-1:], w, b, dy[-1:]),
        "Your gradient of w comes from the first image only. All images are added up.":
            lambda x, w, b, dy: _dw(x[:1], w, b, dy[:1]),
        "Your gradient of w comes from the last place only. = where += is needed.":
            lambda x, w, b, dy: np.einsum("nf,ndij->fdij", dy[:, :, -1, -1], _framed(x)[:, :, -3:, -3:]),
        "Your gradient of w is turned by 180 degrees.": lambda x, w, b, dy: _turned(_dw(x, w, b, dy)),
        "In your gradient of w, rows and columns have changed places.":
            lambda x, w, b, dy: _dw(x, w, b, dy).swapaxes(2, 3),
        "The gradient of w has the wrong sign. The step downhill is the optimizer's work.":
            lambda x, w, b, dy: -_dw(x, w, b, dy),
    },
)  # fmt: skip

_conv_db = Check(
    lambda x, w, b, dy: dy.sum((0, 2, 3)),
    inputs=_back,
    noun='gradient grads["b"]',
    mistakes={
        "You take the mean of dy for b. The bias went into every sum: add them all up.":
            lambda x, w, b, dy: dy.mean((0, 2, 3)),
        "You take the mean over the images for b. dy has been divided already: add up.":
            lambda x, w, b, dy: dy.sum((2, 3)).mean(0),
        "One number for all biases? Each filter has its own: add up over all axes but that of the filters.":
            lambda x, w, b, dy: dy.sum(),
        "Your gradient of b has a number for each image. The images are added up, too.":
            lambda x, w, b, dy: dy.sum((2, 3)),
        "Your gradient of b has a number for each place. The places are added up, too.":
            lambda x, w, b, dy: dy.sum(0),
    },
)  # fmt: skip


def _made(kind, x, w, b):
    """The reader's layer, with these weights."""
    layer = kind(len(w))
    layer.build(x.shape[1:], np.random.default_rng(0))
    layer.params = {"w": w.copy(), "b": b.copy()}
    return layer


def _ask_y(kind):
    return lambda x, w, b: _made(kind, x, w, b).forward(x)


def _ask_gradient(name):
    def ask(kind):
        def gradient(x, w, b, dy):
            layer = _made(kind, x, w, b)
            layer.forward(x)
            dx = layer.backward(dy)
            if name == "x":
                return dx
            if name not in layer.grads:
                raise Feedback(f'dx is right. After backward, grads["{name}"] is missing: put the gradient there.')
            return layer.grads[name]

        return gradient

    return ask


my_conv = LayerCheck(
    "my_conv",
    [(_ask_y, _conv_forward), (_ask_gradient("x"), _conv_dx), (_ask_gradient("w"), _conv_dw),
     (_ask_gradient("b"), _conv_db)],
    praise="A convolution of your own: forward, dx, dw and db. It is ready for the network.",
)  # fmt: skip


# Four stacks that fit and cannot learn, as the lesson has them

STUCK = [
    [Conv2D(5, 3, init="zeros"), ReLU(), MaxPool2D(2), Flatten(), Linear(2)],
    [Conv2D(5, 3), ReLU(), MaxPool2D(2), Flatten(), Linear(2, init="zeros"), ReLU()],
    [MaxPool2D(64), Conv2D(5, 3), ReLU(), Flatten(), Linear(2)],
    [Conv2D(5, 3), Conv2D(3, 3, stride=4), Flatten(), Linear(2)],
]


def _repair(stacks):
    """What is the matter with the reader's stacks: with the first that still cannot learn."""
    if len(stacks) != len(STUCK):
        return f"There are {len(STUCK)} stacks to repair, and your list has {len(stacks)}. Keep their order."
    told = [_stuck(*pair) for pair in zip(stacks, STUCK)]
    repaired = told.count("")
    if repaired == len(told):
        return ""
    number, matter = next((number, matter) for number, matter in enumerate(told) if matter)
    return f"{repaired} of {len(told)} repaired. Stack {number} {matter}"


def _stuck(layers, before):
    shape = (3, 64, 64)
    if isinstance(layers, Network):
        layers = layers.layers
    if not isinstance(layers, (list, tuple)):
        return "is not a list of layers."
    try:
        net = Network(shape, layers)
    except (TypeError, ValueError) as error:
        return f"is refused now: {error}."
    if net.out_shapes[-1:] != [(2,)]:
        return f"ends in {net.out_shapes[-1] if layers else 'nothing'}. Two numbers are wanted, one for each class."
    if _names(shape, layers) == _names(shape, before):
        return "is as it was."
    if not _one_change(_names(shape, before), _names(shape, layers)):
        return "has been changed in more than one thing. One is enough."
    if not any(isinstance(layer, (Conv2D,)) for layer in layers):
        return "has lost its filters."
    images, labels, _ = data.crosses_and_circles(8, np.random.default_rng(0))
    images, start = data.centered(images), net.weights
    for _ in range(3):
        _, dlogits = softmax_cross_entropy(net.forward(images), labels)
        net.backward(dlogits)
        for layer in net.layers:
            for name, p in layer.params.items():
                p -= 0.1 * layer.grads[name]
    if isinstance(net.layers[-1], ReLU):
        return "still cuts off every logit below zero. A logit may be any number."
    moved = net.weights != start
    at = 0
    for number, layer in enumerate(net.layers):
        size = sum(p.size for p in layer.params.values())
        if size and not moved[at : at + size].any():
            return f"still has a layer that gets no slope: layer {number}, {layer}, is as it began after 3 steps."
        at += size
    alike = np.stack([data.draw(shape, radius=20) for shape in (data.CROSS, data.CIRCLE)])
    if all(np.allclose(*net.forward(seen)) for seen in (alike, alike - np.float32(0.5), -alike)):
        return "moves, but a cross and a circle of the same colours are the same to it. Where is the shape lost?"
    if np.allclose(net.forward(images) + net.forward(-images), 2 * net.forward(0 * images), atol=1e-4):
        return "moves, but from the first layer to the last it only multiplies and adds: it is a template still."
    return ""


@exercise(
    inputs=lambda rng: [()],
    praise="All four can learn. None of them was refused, and none said a word.",
    verdict=_repair,
    kind=list,
)
def repaired():
    (zeros, *rest), closed, (pool, *behind), (first, second, *end) = STUCK
    return [[Conv2D(5, 3), *rest], closed[:-1], [*behind[:2], pool, *behind[2:]], [first, ReLU(), second, *end]]


