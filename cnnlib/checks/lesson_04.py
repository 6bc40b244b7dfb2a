"""Lesson 04: fit the shapes."""

from collections import Counter

import numpy as np

from cnnlib import Conv2D, Flatten, Linear, MaxPool2D, Network, ReLU

from .check import exercise

# Counting places


@exercise(
    inputs=lambda rng: [(7, 3, 2, 0, 0), (7, 3, 2, 1, 1), (64, 3, 1, 1, 1), (10, 4, 3, 1, 2), (32, 5, 3, 0, 0),
                        (12, 4, 3, 2, 1), (9, 2, 4, 0, 3), (5, 5, 2, 0, 0)],
    praise="With this one line you can work out the height and the width of every map in this course.",
    mistakes={
        "You count the steps. There is one place more: the one where the window stands before its first step.":
            lambda n, size, stride, before, after: (n + before + after - size) // stride,
        "The 1 is for the first place, and it is added last: in your line the stride divides it too.":
            lambda n, size, stride, before, after: (n + before + after - size + 1) // stride,
        "You return pieces of places. A step that is not a whole one is not taken: // divides and drops the rest.":
            lambda n, size, stride, before, after: (n + before + after - size) / stride + 1,
        "You round up, and so your last window sticks out of the row. A remainder is dropped.":
            lambda n, size, stride, before, after: -(-(n + before + after - size) // stride) + 1,
        "The zeros are missing. The window walks over them as well: they make the row longer.":
            lambda n, size, stride, before, after: (n - size) // stride + 1,
        "You count only the zeros before the row. There are some after it, too.":
            lambda n, size, stride, before, after: (n + before - size) // stride + 1,
        "You count only the zeros after the row. There are some before it, too.":
            lambda n, size, stride, before, after: (n + after - size) // stride + 1,
        "You count the zeros before the row twice. There may be another number of them after it.":
            lambda n, size, stride, before, after: (n + 2 * before - size) // stride + 1,
        "Your window moves on by one each time. It should move by the stride.":
            lambda n, size, stride, before, after: n + before + after - size + 1,
        "You divide the whole row by the stride. The window itself needs room: how much is left beside the first one?":
            lambda n, size, stride, before, after: (n + before + after) // stride,
        "You divide the whole row by the stride, and add the first place. The window itself needs room, too.":
            lambda n, size, stride, before, after: (n + before + after) // stride + 1,
        "Only the size is divided by your stride: // comes before + and -. Put brackets around what is left.":
            lambda n, size, stride, before, after: n + before + after - size // stride + 1,
        "You count windows laid side by side. They move on by the stride, not by their own size.":
            lambda n, size, stride, before, after: (n + before + after) // size,
        "The stride and the size have changed places.":
            lambda n, size, stride, before, after: (n + before + after - stride) // size + 1,
    },
)  # fmt: skip
def places(n, size, stride, before, after):
    return (n + before + after - size) // stride + 1


# The largest of each block


def _maps(rng):
    """A map and a block size: on paper, then with remainders, all below zero, and with numbers that are not whole."""
    yield np.array([[1, 5, 0, 2], [3, 2, 8, 1], [0, 0, 4, 3], [7, 1, 2, 6]]), 2
    yield rng.integers(-9, 10, (7, 5)), 2
    yield rng.integers(-9, 0, (6, 10)), 3
    yield rng.normal(size=(8, 13)), 4


def _pooled(of_block, step=None, less=0):
    """What of_block makes of each block, the blocks `step` apart and `less` smaller than they should be."""

    def pool(x, size):
        apart = step or size
        height, width = (n // size if step is None else (n - size) // apart + 1 for n in x.shape)
        size = size - less
        return np.array([
            [of_block(x[r * apart : r * apart + size, c * apart : c * apart + size]) for c in range(width)]
            for r in range(height)
        ])  # fmt: skip

    return pool


def _with_remainders(x, size):
    starts = [range(0, n, size) for n in x.shape]
    return np.array([[x[r : r + size, c : c + size].max() for c in starts[1]] for r in starts[0]])


def _crowded(x, size):
    """As many blocks as there should be, and each only one pixel further on."""
    return _pooled(np.max, step=1)(x, size)[: len(x) // size, : x.shape[1] // size]


@exercise(
    inputs=_maps,
    praise="Of every block one number stays, and which of its places it came from is forgotten.",
    mistakes={
        "You take the mean of each block. That is pooling too, average pooling. Here the largest number is wanted.":
            _pooled(np.mean),
        "You add up each block. Wanted is its largest number.": _pooled(np.sum),
        "You keep the smallest of each block. Wanted is the largest.": _pooled(np.min),
        "You look for the largest without its sign, so that -9 beats 3. It should not.":
            _pooled(lambda block: np.abs(block).max()),
        "Where a whole block is below zero you return 0. Does your search begin at 0? It should begin in the block.":
            _pooled(lambda block: max(block.max(), 0)),
        "You keep the top left number of each block, whatever it is. Look at all of them.":
            _pooled(lambda block: block[0, 0]),
        "You keep the last number of each block, whatever it is. Look at all of them.":
            _pooled(lambda block: block[-1, -1]),
        "Your blocks are one number too small. In a slice, the end is the first that is not taken.":
            _pooled(lambda block: block.max(), less=1),
        "Your blocks are always 2 by 2. How large they are, size says.":
            lambda x, size: max_pool.right(x, 2),
        "Your blocks overlap: each begins one number after the one before it. They should lie side by side.":
            _pooled(np.max, step=1),
        "The number of blocks is right, but they begin one number apart. Where does block 1 begin, if block 0 is "
        "size numbers long?": _crowded,
        "You pool what is left over at the edge as well. Drop it: only whole blocks count.": _with_remainders,
        "You return the largest number of the whole map. Each block has its own.": lambda x, size: x.max(),
        "Only the first block has been pooled. Does your function return inside the loop?":
            lambda x, size: x[:size, :size].max(),
        "Rows and columns have changed places in what you return.": lambda x, size: max_pool.right(x, size).T,
        "You pool along the width only. A block is also size rows high.":
            lambda x, size: np.array([x[:, c : c + size].max(axis=1) for c in _starts(x.shape[1], size)]).T,
        "You pool along the height only. A block is also size columns wide.":
            lambda x, size: np.array([x[r : r + size].max(axis=0) for r in _starts(len(x), size)]),
    },
)  # fmt: skip
def max_pool(x, size):
    return _pooled(np.max)(x, size)


def _starts(n, size):
    return range(0, n - size + 1, size)


# Five broken networks, as the lesson has them, and what their pictures are

BROKEN = [
    ((3, 64, 64), [Conv2D(4, 3), ReLU(), Linear(2)]),
    ((3, 64, 64), [Conv2D(4, 3), ReLU(), Flatten(), MaxPool2D(2), Linear(2)]),
    ((3, 32, 32), [Conv2D(4, 3), MaxPool2D(4), Conv2D(4, 3), MaxPool2D(4), Conv2D(4, 3), MaxPool2D(4),
                   Flatten(), Linear(2)]),
    ((1, 28, 28), [Conv2D(4, 5, padding="valid"), MaxPool2D(2), Conv2D(4, 5, padding="valid"), MaxPool2D(2),
                   Conv2D(4, 5, padding="valid"), Flatten(), Linear(2)]),
    ((64, 64, 3), [Conv2D(4, 3), ReLU(), MaxPool2D(2), Conv2D(4, 3), ReLU(), MaxPool2D(2), Flatten(), Linear(2)]),
]  # fmt: skip
PICTURES = [(3, 64, 64), (3, 64, 64), (3, 32, 32), (1, 28, 28), (3, 64, 64)]


def _judge(plans):
    """What is the matter with the reader's networks: with the first of them that is not mended."""
    if len(plans) != len(BROKEN):
        return f"There are {len(BROKEN)} networks to mend, and your list has {len(plans)}. Keep their order."
    told = [_matter(*parts) for parts in zip(plans, BROKEN, PICTURES)]
    mended = told.count("")
    if mended == len(told):
        return ""
    number, matter = next((number, matter) for number, matter in enumerate(told) if matter)
    return f"{mended} of {len(told)} mended. Network {number} {matter}"


def _matter(plan, broken, picture):
    if isinstance(plan, Network):
        plan = plan.input_shape, plan.layers
    try:
        shape, layers = plan
        layers = list(layers)
    except (TypeError, ValueError):
        return "is not a pair. Write (input_shape, [layers]), as above."
    try:
        out = Network(shape, layers).out_shapes[-1:]
    except (TypeError, ValueError) as error:
        same = _names(shape, layers) == _names(*broken)
        return f"is refused {'as before' if same else 'still'}: {error}."
    shape = tuple(shape)
    if shape != picture:
        depth, height, width = picture
        return (
            f"fits, and yet its pictures do not fit it: they have {depth} channel{'s' * (depth > 1)}, {height} rows "
            f"and {width} columns. What does {shape} say?"
        )
    lost = Counter(_kind(name) for name in _names(*broken)) - Counter(_kind(name) for name in _names(shape, layers))
    if lost:
        return f"fits, but a {next(iter(lost))} has been lost. All layers can stay."
    if out != [(2,)]:
        return f"fits, but ends in {out[0]}. Two numbers are wanted, one for each class."
    if not _one_change(_names(*broken), _names(shape, layers)):
        return "fits, but more than one thing has been changed. One is enough."
    return ""


def _names(shape, layers):
    """A network as a list of words."""
    return [f"input_shape {shape}", *map(repr, layers)]


def _kind(name):
    return name.partition("(")[0].partition(" ")[0]


def _one_change(before, after):
    """Is one word added, changed or moved, and no more?"""
    return any(a == b for a in _without_one(before) for b in _without_one(after))


def _without_one(words):
    return [words, *(words[:i] + words[i + 1 :] for i in range(len(words)))]


@exercise(
    inputs=lambda rng: [()],
    praise="All five can be built. You have read what was refused, and where it came from.",
    verdict=_judge,
    kind=list,
)
def mended():
    (first, layers), (_, second), (third, small), (fourth, valid), (_, last) = BROKEN
    return [
        (first, [*layers[:2], Flatten(), layers[2]]),
        (first, [*second[:2], second[3], second[2], second[4]]),
        (third, [*small[:5], MaxPool2D(2), *small[6:]]),
        (fourth, [*valid[:4], Conv2D(4, 3, padding="valid"), *valid[5:]]),
        (first, last),
    ]
