"""Lesson 06: each mistake, written as a reader would, gets its message; right answers pass however they are written."""

import numpy as np
import pytest

from cnnlib import checks, gradcheck

# ReLU

RELU = {
    "All of dy comes through": lambda dy, x: dy.copy(),
    "whether dy is positive": lambda dy, x: np.where(dy > 0, dy, 0),
    "A negative dy comes through": lambda dy, x: np.where((x > 0) & (dy > 0), dy, 0),
    "At exactly 0": lambda dy, x: np.where(x < 0, 0, dy),
    "open where x is negative": lambda dy, x: np.where(x < 0, dy, 0),
    "shut where it should be open": lambda dy, x: np.where(x > 0, 0, dy),
    "the slope of ReLU itself": lambda dy, x: np.where(x > 0, 1.0, 0.0),
    "That is the way forward": lambda dy, x: x * (x > 0),
    "You multiply dy by x": lambda dy, x: dy * x * (x > 0),
}


@pytest.mark.parametrize("part", RELU)
def test_relu_backward(says, part):
    assert part in says(checks.relu_backward, RELU[part])


def masked(dy, x):
    dx = dy.copy()
    dx[x <= 0] = 0
    return dx


@pytest.mark.parametrize("right", [masked, lambda dy, x: np.where(x > 0, dy, 0), lambda dy, x: dy * (np.sign(x) == 1)])
def test_a_right_relu_backward(says, right):
    assert says(checks.relu_backward, right).startswith("Correct.")


# Max pooling


def by_block(write):
    """Go through the blocks; `write` lays one number of dy on a block of dx, given the same block of x."""

    def backward(dy, x, size, stride):
        dx = np.zeros(x.shape)
        for r in range(dy.shape[0]):
            for c in range(dy.shape[1]):
                top, left = r * stride, c * stride
                block = x[top : top + size, left : left + size]
                write(dx[top : top + size, left : left + size], block, dy[r, c])
        return dx

    return backward


def to(where):
    def write(dx, block, d):
        dx[np.unravel_index(where(block), block.shape)] += d

    return write


def set_winner(dx, block, d):
    dx[np.unravel_index(block.argmax(), block.shape)] = d


def set_block(dx, block, d):
    dx[:] = 0
    set_winner(dx, block, d)


def every_tie(dx, block, d):
    dx += d * (block == block.max())


def shared_tie(dx, block, d):
    dx += d * (block == block.max()) / (block == block.max()).sum()


def everywhere(dx, block, d):
    dx += d


def evenly(dx, block, d):
    dx += d / block.size


def times_largest(dx, block, d):
    dx[np.unravel_index(block.argmax(), block.shape)] += d * block.max()


def found(put, apart=None, begin=lambda x: np.zeros(x.shape)):
    """A reader's loop with the winner's row and column; put(top, left, row, column) is where the gradient goes."""

    def backward(dy, x, size, stride):
        dx, step = begin(x), apart or stride
        for r in range(dy.shape[0]):
            for c in range(dy.shape[1]):
                block = x[r * step : r * step + size, c * step : c * step + size]
                row, column = np.unravel_index(block.argmax(), block.shape)
                dx[put(r * step, c * step, row, column)] += dy[r, c]
        return dx

    return backward


def rightly(top, left, row, column):
    return top + row, left + column


POOL = {
    "not in the map": found(lambda top, left, row, column: (row, column)),
    "Rows and columns have changed places within": found(lambda top, left, row, column: (top + column, left + row)),
    "one row and one column apart": found(rightly, apart=1),
    "You begin with what went forward": found(rightly, begin=np.copy),
    "the second gradient has wiped out the first": by_block(set_winner),
    "Each block wipes out": by_block(set_block),
    "Every one of several equal": by_block(every_tie),
    "among equal numbers": by_block(shared_tie),
    "yours is the last": by_block(to(lambda block: np.flatnonzero(block.ravel() == block.max())[-1])),
    "every place of the block": by_block(everywhere),
    "as if the mean": by_block(evenly),
    "the smallest number": by_block(to(np.argmin)),
    "the top left": by_block(to(lambda block: 0)),
    "You multiply by the largest": by_block(times_largest),
}


@pytest.mark.parametrize("part", POOL)
def test_pool_backward(says, part):
    assert part in says(checks.pool_backward, POOL[part])


def searching(dy, x, size, stride):
    dx = np.zeros(x.shape)
    for r, c in np.ndindex(dy.shape):
        places = [(r * stride + i, c * stride + j) for i in range(size) for j in range(size)]
        dx[max(places, key=lambda place: x[place])] += dy[r, c]
    return dx


@pytest.mark.parametrize("right", [searching, by_block(to(np.argmax)), found(rightly)])
def test_a_right_pool_backward(says, right):
    assert says(checks.pool_backward, right).startswith("Correct.")


# Convolution


def stamped(block_of, add=True):
    """Lay block_of(dy[f, r, c], w[f]) where each window lay."""

    def backward(dy, w):
        filters, depth, size, _ = w.shape
        dx = np.zeros((depth, dy.shape[1] + size - 1, dy.shape[2] + size - 1))
        for f in range(filters):
            for r in range(dy.shape[1]):
                for c in range(dy.shape[2]):
                    block = block_of(dy[f, r, c], w[f])
                    window = dx[:, r : r + size, c : c + size]
                    window[:] = window + block if add else block
        return dx

    return backward


right = stamped(lambda d, w: d * w)


def new_zeros_for_each(dy, w):
    for f in range(len(w)):
        dx = right(dy[f : f + 1], w[f : f + 1])
    return dx


def returns_too_soon(dy, w):
    for f in range(len(w)):
        return right(dy[f : f + 1], w[f : f + 1])


CONV = {
    "= is not +=": stamped(lambda d, w: d * w, add=False),
    "turned by 180 degrees": stamped(lambda d, w: d * np.rot90(w, 2, axes=(1, 2))),
    "have changed places": stamped(lambda d, w: d * w.transpose(0, 2, 1)),
    "Only the rows": stamped(lambda d, w: d * w[:, ::-1]),
    "Only the columns": stamped(lambda d, w: d * w[:, :, ::-1]),
    "Only the first filter": returns_too_soon,
    "Only the last filter": new_zeros_for_each,
    "mean over the filters": lambda dy, w: np.mean([right(d[None], f[None]) for d, f in zip(dy, w)], axis=0),
    "mean over the places": lambda dy, w: right(dy, w) / (dy.shape[1] * dy.shape[2]),
    "All slices come out the same": stamped(lambda d, w: d * w.sum(0)),
    "You return one map": lambda dy, w: right(dy, w).sum(0),
    "You leave out the weights": stamped(lambda d, w: d),
    "You leave out dy": stamped(lambda d, w: w),
}


@pytest.mark.parametrize("part", CONV)
def test_conv_backward(says, part):
    assert part in says(checks.conv_backward, CONV[part])


def with_a_turned_filter(dy, w):
    size = w.shape[-1]
    framed = np.pad(dy, [(0, 0), (size - 1, size - 1), (size - 1, size - 1)])
    windows = np.lib.stride_tricks.sliding_window_view(framed, (size, size), axis=(1, 2))
    return np.einsum("frcij,fdij->drc", windows, w[:, :, ::-1, ::-1])


@pytest.mark.parametrize("answer", [right, with_a_turned_filter])
def test_a_right_conv_backward(says, answer):
    assert says(checks.conv_backward, answer).startswith("Correct.")


# The five


def errors(rng):
    for number, suspect in enumerate(checks.suspects()):
        yield number, gradcheck.check(suspect, rng.normal(size=(2, 6) if number == 3 else (2, 3, 7, 7)))


def test_five_of_eight_are_tampered_with_each_in_one_gradient(rng):
    found = [(number, name, error) for number, told in errors(rng) for name, error in told.items()]
    assert {number: name for number, name, error in found if error > 0.01} == checks.culprits.right()
    assert sum(error > 0.01 for _, _, error in found) == 5
    assert all(error < 1e-7 for _, _, error in found if error <= 0.01)


def test_forward_all_suspects_are_what_they_say(rng):
    x = rng.normal(size=(2, 3, 7, 7))
    for number, suspect in enumerate(checks.suspects()):
        given = x.reshape(2, -1) if number == 3 else x
        suspect.build(given.shape[1:], np.random.default_rng(1))
        y = suspect.forward(given)
        suspect.layer.build(given.shape[1:], np.random.default_rng(1))
        np.testing.assert_array_equal(y, suspect.layer.forward(given))
        assert repr(suspect) == repr(suspect.layer)


GUILTY = {1: "x", 3: "w", 5: "x", 6: "b", 7: "x"}
CULPRITS = {
    "you name nobody": {},
    "There is no suspect 8": GUILTY | {8: "x"},
    "not 'filter'": GUILTY | {1: "filter"},
    "in some of them only": dict.fromkeys(GUILTY, "x"),
    "Suspect 2 is innocent. An error of 1e-9 is rounding": GUILTY | {2: "x"},
    "You accuse all of them": dict.fromkeys(range(8), "x") | GUILTY,
    "Suspect 6 is guilty, but not of its gradient of w": GUILTY | {6: "w"},
    "4 of 5. Somebody still hides": {number: part for number, part in GUILTY.items() if number != 6},
}


@pytest.mark.parametrize("part", CULPRITS)
def test_culprits(says, part):
    assert part in says(checks.culprits, lambda: CULPRITS[part])


def test_the_right_culprits_in_any_order(says):
    assert says(checks.culprits, lambda: dict(reversed(GUILTY.items()))).startswith("Correct.")


TESTED = {"relu_backward": RELU, "pool_backward": POOL, "conv_backward": CONV}


@pytest.mark.parametrize("name", TESTED)
def test_each_mistake_has_a_test(name):
    assert len(TESTED[name]) == len(getattr(checks, name).mistakes)
