"""Lesson 07: each mistake, written as a reader would, gets its message; every right answer passes."""

import numpy as np
import pytest

from cnnlib import Conv2D, Flatten, Layer, Linear, MaxPool2D, Network, ReLU, checks, gradcheck
from cnnlib.checks import lesson_07
from tools import notebooks

# A network in a few lines


def a_stack(forward=None, backward=None):
    """A reader's Stack, with one of its two functions replaced."""

    class ReadersStack:
        def __init__(self, shape, layers):
            self.layers = layers
            for layer in layers:
                shape = layer.build(shape, np.random.default_rng(0))

        def forward(self, x):
            for layer in self.layers:
                x = layer.forward(x)
            return x

        def backward(self, dy):
            for layer in self.layers[::-1]:
                dy = layer.backward(dy)
            return dy

    if forward:
        ReadersStack.forward = forward
    if backward:
        old = ReadersStack.forward
        ReadersStack.forward, ReadersStack.backward = old, backward
    return ReadersStack


def always_the_picture(self, x):
    for layer in self.layers:
        y = layer.forward(x)
    return y


def returns_in_the_loop(self, x):
    for layer in self.layers:
        x = layer.forward(x)
        return x


def all_but_the_last(self, x):
    for i in range(len(self.layers) - 1):
        x = self.layers[i].forward(x)
    return x


def from_layer_one(self, x):
    for i in range(1, len(self.layers)):
        x = self.layers[i].forward(x)
    return x


def from_the_end(self, x):
    for layer in reversed(self.layers):
        x = layer.forward(x)
    return x


def forgets(self, x):
    for layer in self.layers:
        layer.forward(x)
    return x


def back_in_order(self, dy):
    for layer in self.layers:
        dy = layer.backward(dy)
    return dy


def always_dy(self, dy):
    for layer in reversed(self.layers):
        dx = layer.backward(dy)
    return dx


def back_returns_in_the_loop(self, dy):
    for layer in reversed(self.layers):
        dy = layer.backward(dy)
        return dy


def back_to_layer_one(self, dy):
    for i in range(len(self.layers) - 1, 0, -1):
        dy = self.layers[i].backward(dy)
    return dy


def back_forgets(self, dy):
    for layer in reversed(self.layers):
        layer.backward(dy)
    return dy


FORWARD = {
    "is given the picture itself": always_the_picture,
    "Does your forward return inside": returns_in_the_loop,
    "The last layer has been left out": all_but_the_last,
    "The first layer has been left out.": from_layer_one,
    "That is the way back": from_the_end,
    "comes out as it went in. Keep what each layer returns": forgets,
}
BACKWARD = {
    "turn round": back_in_order,
    "is given the very last dy": always_dy,
    "Does your backward return inside": back_returns_in_the_loop,
    "need their gradients, too": back_to_layer_one,
    "dy comes out as it went in": back_forgets,
}


@pytest.mark.parametrize("part", FORWARD)
def test_a_stack_that_goes_wrong_on_the_way_there(says, part):
    assert part in says(checks.stack, a_stack(forward=FORWARD[part]))


@pytest.mark.parametrize("part", BACKWARD)
def test_a_stack_that_goes_wrong_on_the_way_back(says, part):
    assert part in says(checks.stack, a_stack(backward=BACKWARD[part]))


def test_a_right_stack_passes(says):
    assert says(checks.stack, a_stack()).startswith("Correct. ")
    assert says(checks.stack, lambda: 0).startswith("Give the check your class itself")

    def by_number(self, dy):
        for i in range(len(self.layers)):
            dy = self.layers[-1 - i].backward(dy)
        return dy

    assert says(checks.stack, a_stack(backward=by_number)).startswith("Correct. ")


def test_a_stub_is_not_solved_yet(says):
    def stub(self, x): ...

    assert says(checks.stack, a_stack(forward=stub)).startswith("Not solved yet: your forward returns nothing.")
    assert says(checks.stack, a_stack(backward=stub)).startswith("Not solved yet: your backward returns nothing.")
    assert not checks.stack.solved
    says(checks.stack, a_stack())
    assert checks.stack.solved


def test_an_error_in_a_method_names_its_line(says):
    def broken(self, x):
        return self.layer.forward(x)

    line = says(checks.stack, a_stack(forward=broken))
    assert line.startswith("Your forward stopped in line ") and "`return self.layer.forward(x)`" in line

    def without_self(x):
        return x

    assert "Your forward can't be called with (x)" in says(checks.stack, a_stack(forward=without_self))


# The proof


@pytest.mark.parametrize(
    "line, pair, part",
    [
        (0, (5, 6), "the first that is covered is also the last"),
        (1, (10, 12), "the first row outside as well"),
        (1, (10, 10), "A block is two rows"),
        (1, (2, 2), "You halve"),
        (1, (5, 5), "Nothing has changed"),
        (1, (5, 6), "where do they lie"),
        (1, (4, 6), "adds no row on either side"),
        (2, (9, 13), "the first row outside as well"),
        (2, (10, 13), "the frame of zeros"),
        (2, (10, 12), "on one side only"),
        (2, (9, 11), "at the top only"),
        (2, (11, 10), "narrower"),
        (2, (10, 11), "Nothing has changed"),
        (2, (20, 23), "You double"),
        (3, (18, 24), "A block is two rows"),
        (3, (18, 26), "the first row outside as well"),
        (4, (18, 27), "the frame of zeros"),
        (4, (0, 63), "Which rows were needed"),
    ],
)
def test_what_is_wrong_with_a_proof(says, line, pair, part):
    lines = [*lesson_07.PROOF]
    lines[line] = pair
    told = says(checks.proof, lambda: lines)
    assert told.startswith(f"Line {line}, ") and part in told


def test_the_proof_is_the_networks_own(says):
    net = Network((3, 64, 64), [Conv2D(5, 3), ReLU(), MaxPool2D(2), Conv2D(3, 3), ReLU(), MaxPool2D(2)])
    for of, (first, last) in zip((5, 4, 2, 1, -1), lesson_07.PROOF):
        top, _, bottom, _ = net.receptive_field(5, 5, 5, of=of)
        assert (top, bottom - 1) == (first, last)
    assert says(checks.proof, lambda: [[5, 5], [10, 11], [9, 12], [18, 25], [17, 26]]).startswith("Correct. ")
    assert "in the wrong order" in says(checks.proof, lambda: lesson_07.PROOF[::-1])
    assert "your list has 2 lines" in says(checks.proof, lambda: [(5, 5), (10, 11)])
    assert says(checks.proof, lambda: [5, 10, 9, 18, 17]).startswith("Not solved yet")
    assert says(checks.proof, lambda: ...).startswith("Not solved yet")


# A convolution


class PlaceByPlace(Layer):
    """A reader's convolution: loops over places, as in the lessons before."""

    def __init__(self, filters):
        super().__init__()
        self.filters = filters

    def build(self, in_shape, rng):
        depth, height, width = in_shape
        self.params["w"] = rng.normal(size=(self.filters, depth, 3, 3))
        self.params["b"] = np.zeros(self.filters)
        return self.filters, height, width

    def filter_of(self, w):
        return w

    def add_bias(self, y, b):
        return y + b[:, None, None]

    def forward(self, x):
        self.framed = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
        n, _, height, width = x.shape
        y, w = np.zeros((n, self.filters, height, width)), self.filter_of(self.params["w"])
        for r in range(height):
            for c in range(width):
                patch = self.framed[:, None, :, r : r + 3, c : c + 3]
                y[:, :, r, c] = (patch * w).sum(axis=(2, 3, 4))
        return self.add_bias(y, self.params["b"])

    def backward(self, dy):
        w = self.params["w"]
        self.dw, self.dframed = np.zeros_like(w), np.zeros_like(self.framed)
        for r in range(dy.shape[2]):
            for c in range(dy.shape[3]):
                self.at(dy[:, :, r, c][:, :, None, None, None], w, r, c)
        self.grads = {"w": self.finish(self.dw), "b": self.bias(dy)}
        return self.cut(self.dframed)

    def at(self, d, w, r, c):
        self.dw += (d * self.framed[:, None, :, r : r + 3, c : c + 3]).sum(axis=0)
        self.dframed[:, :, r : r + 3, c : c + 3] += (d * w).sum(axis=1)

    def finish(self, dw):
        return dw

    def bias(self, dy):
        return dy.sum(axis=(0, 2, 3))

    def cut(self, dframed):
        return dframed[:, :, 1:-1, 1:-1]


def but(**methods):
    """The same layer, with some methods written otherwise."""
    return type("Otherwise", (PlaceByPlace,), methods)


def overwrites(self, d, w, r, c):
    PlaceByPlace.at(self, d, w, r, c)
    self.dframed[:, :, r : r + 3, c : c + 3] = (d * w).sum(axis=1)


def last_place(self, d, w, r, c):
    PlaceByPlace.at(self, d, w, r, c)
    self.dw = (d * self.framed[:, None, :, r : r + 3, c : c + 3]).sum(axis=0)


def turned(self, d, w, r, c):
    self.dw += (d * self.framed[:, None, :, r : r + 3, c : c + 3]).sum(axis=0)
    self.dframed[:, :, r : r + 3, c : c + 3] += (d * np.rot90(w, 2, axes=(2, 3))).sum(axis=1)


def swapped(self, d, w, r, c):
    self.dw += (d * self.framed[:, None, :, r : r + 3, c : c + 3]).sum(axis=0)
    self.dframed[:, :, r : r + 3, c : c + 3] += (d * w.transpose(0, 1, 3, 2)).sum(axis=1)


def one_filter(self, d, w, r, c):
    self.dw += (d * self.framed[:, None, :, r : r + 3, c : c + 3]).sum(axis=0)
    self.dframed[:, :, r : r + 3, c : c + 3] += d[:, 0] * w[0]


def one_image(which):
    def at(self, d, w, r, c):
        self.dw += d[which] * self.framed[which, None, :, r : r + 3, c : c + 3]
        self.dframed[:, :, r : r + 3, c : c + 3] += (d * w).sum(axis=1)

    return at


def by_weights(y_of):
    """A forward that loops over the nine weights: y_of(y, share, last) puts each share in."""

    def forward(self, x):
        framed = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
        height, width = x.shape[2:]
        w, y = self.params["w"], np.zeros((len(x), self.filters, height, width)) + self.params["b"][:, None, None]
        for i in range(3):
            for j in range(3):
                met = framed[:, :, i : i + height, j : j + width]
                y = y_of(y, np.tensordot(met, w[:, :, i, j], axes=(1, 1)).transpose(0, 3, 1, 2))
        return y

    return forward


def weight_overwrites(self, dy):
    dx = PlaceByPlace.backward(self, dy)
    dframed, (height, width) = np.zeros_like(self.framed), dy.shape[2:]
    for i in range(3):
        for j in range(3):
            share = np.tensordot(dy, self.params["w"][:, :, i, j], axes=(1, 0)).transpose(0, 3, 1, 2)
            dframed[:, :, i : i + height, j : j + width] = share
    assert dx.shape == dframed[:, :, 1:-1, 1:-1].shape
    return dframed[:, :, 1:-1, 1:-1]


def last_share(self, x):
    y = by_weights(lambda y, share: share)(self, x)
    return y + self.params["b"][:, None, None]


CONVOLUTIONS = {
    "The bias is missing": but(add_bias=lambda self, y, b: y),
    "once for each of the nine weights": but(
        forward=lambda self, x: by_weights(lambda y, share: y + share)(self, x) + 8 * self.params["b"][:, None, None]
    ),
    "Only the last of the nine weights": but(forward=last_share),
    "and the bias has gone, too": but(forward=by_weights(lambda y, share: share)),
    "Your filters are turned by 180": but(filter_of=lambda self, w: w[:, :, ::-1, ::-1]),
    "Rows and columns of the filter have changed places: i": but(filter_of=lambda self, w: w.transpose(0, 1, 3, 2)),
    "Your maps are too small": but(forward=lambda self, x: PlaceByPlace.forward(self, x)[:, :, 1:-1, 1:-1]),
    "slice 0 of the volume only": but(filter_of=lambda self, w: w * (np.arange(w.shape[1]) == 0)[:, None, None]),
    "the mean over the depth": but(filter_of=lambda self, w: w / w.shape[1]),
    "That is ReLU's work": but(add_bias=lambda self, y, b: np.maximum(y + b[:, None, None], 0)),
    "still wears its frame": but(cut=lambda self, dframed: dframed),
    "two rows and columns off one side": but(cut=lambda self, dframed: dframed[:, :, :-2, :-2]),
    "off at the top left": but(cut=lambda self, dframed: dframed[:, :, 2:, 2:]),
    "each new share overwrites the last": but(at=overwrites),
    "only one of them is left in your dx": but(backward=weight_overwrites),
    "Send each share back to where it was met": but(at=turned),
    "In your dx, rows and columns": but(at=swapped),
    "has only filter 0's share": but(at=one_filter),
    "the mean over the images for w": but(finish=lambda self, dw: dw / len(self.framed)),
    "from the last image only": but(at=one_image(-1)),
    "from the first image only": but(at=one_image(0)),
    "from the last place only": but(at=last_place),
    "gradient of w is turned": but(finish=lambda self, dw: dw[:, :, ::-1, ::-1]),
    "In your gradient of w, rows": but(finish=lambda self, dw: dw.transpose(0, 1, 3, 2)),
    "has the wrong sign": but(finish=lambda self, dw: -dw),
    "the mean of dy for b": but(bias=lambda self, dy: dy.mean(axis=(0, 2, 3))),
    "the mean over the images for b": but(bias=lambda self, dy: dy.sum(axis=(0, 2, 3)) / len(dy)),
    "One number for all biases": but(bias=lambda self, dy: dy.sum()),
    "a number for each image": but(bias=lambda self, dy: dy.sum(axis=3).sum(axis=2)),
    "a number for each place": but(bias=lambda self, dy: dy.sum(axis=0)),
}


@pytest.mark.parametrize("part", CONVOLUTIONS)
def test_each_mistake_in_a_convolution_gets_its_message(says, part):
    assert part in says(checks.my_conv, CONVOLUTIONS[part])


def test_each_message_has_a_test():
    for check, parts in [(checks.stack, [*FORWARD, *BACKWARD]), (checks.my_conv, CONVOLUTIONS)]:
        messages = [message for _, part in check.parts for message in part.mistakes]
        assert len(parts) == len(messages)
        assert all(any(part in message for message in messages) for part in parts)


def test_a_right_convolution_passes(says):
    assert says(checks.my_conv, PlaceByPlace).startswith("Correct. ")
    assert max(gradcheck.check(PlaceByPlace(2), np.random.default_rng(0).normal(size=(2, 3, 4, 5))).values()) < 1e-7


def test_gradients_that_are_not_there(says):
    def no_grads(self, dy):
        dx = PlaceByPlace.backward(self, dy)
        self.grads = {}
        return dx

    assert 'grads["w"] is missing' in says(checks.my_conv, but(backward=no_grads))
    assert says(checks.my_conv, PlaceByPlace(2)).startswith("Give the check your class itself")


# Four stacks that cannot learn


def test_the_lesson_shows_the_four_that_are_judged():
    (lesson,) = (lesson for lesson in notebooks.lessons() if lesson.stem.startswith("07"))
    (source,) = (cell.source for cell in notebooks.compose(lesson, solved=True).cells if "stuck = [" in cell.source)
    exec(source, globals(), shown := {})
    assert repr(shown["stuck"]) == repr(lesson_07.STUCK)


GOOD = {
    0: [[Conv2D(5, 3), ReLU(), MaxPool2D(2), Flatten(), Linear(2)],
        [Conv2D(5, 3, init="zero_mean"), ReLU(), MaxPool2D(2), Flatten(), Linear(2)]],
    1: [[Conv2D(5, 3), ReLU(), MaxPool2D(2), Flatten(), Linear(2, init="zeros")],
        [Conv2D(5, 3), ReLU(), MaxPool2D(2), Flatten(), ReLU(), Linear(2, init="zeros")]],
    2: [[Conv2D(5, 3), MaxPool2D(64), ReLU(), Flatten(), Linear(2)],
        [Conv2D(5, 3), ReLU(), MaxPool2D(64), Flatten(), Linear(2)],
        [MaxPool2D(2), Conv2D(5, 3), ReLU(), Flatten(), Linear(2)],
        [Conv2D(5, 3), ReLU(), Flatten(), Linear(2)]],
    3: [[Conv2D(5, 3), ReLU(), Conv2D(3, 3, stride=4), Flatten(), Linear(2)],
        [Conv2D(5, 3), MaxPool2D(2), Conv2D(3, 3, stride=4), Flatten(), Linear(2)],
        [Conv2D(5, 3), Conv2D(3, 3, stride=4), ReLU(), Flatten(), Linear(2)]],
}  # fmt: skip


@pytest.mark.parametrize("number, layers", [(number, layers) for number in GOOD for layers in GOOD[number]])
def test_there_is_more_than_one_way_to_repair(says, number, layers):
    stacks = checks.repaired.right()
    stacks[number] = layers
    assert says(checks.repaired, lambda: stacks).startswith("Correct. ")


@pytest.mark.parametrize(
    "number, layers, part",
    [
        (0, lesson_07.STUCK[0], "is as it was"),
        (0, [Conv2D(9, 3, init="zeros"), ReLU(), MaxPool2D(2), Flatten(), Linear(2)], "gets no slope: layer 0"),
        (0, [Conv2D(5, 3), ReLU(), Flatten(), Linear(2)], "more than one thing"),
        (1, [Conv2D(5, 3), ReLU(), MaxPool2D(2), Flatten(), Linear(2), ReLU()], "still cuts off every logit"),
        (2, [MaxPool2D(32), Conv2D(5, 3), ReLU(), Flatten(), Linear(2)], None),
        (2, [MaxPool2D(64), Conv2D(50, 3), ReLU(), Flatten(), Linear(2)], "are the same to it"),
        (3, [Conv2D(50, 3), Conv2D(3, 3, stride=4), Flatten(), Linear(2)], "it is a template still"),
        (3, [Conv2D(5, 3), Conv2D(3, 3, stride=4), Linear(2)], "is refused now: layer 2"),
        (3, [Conv2D(5, 3), Conv2D(3, 3, stride=4), Flatten(), Linear(3)], "ends in (3,)"),
        (3, ..., "is not a list of layers"),
    ],
)
def test_what_is_wrong_with_a_stack_is_told(says, number, layers, part):
    stacks = checks.repaired.right()
    stacks[number] = layers
    told = says(checks.repaired, lambda: stacks)
    if part is None:  # four numbers a colour, where the shape lies: not good, but no longer blind
        assert told.startswith(("Correct. ", f"3 of 4 repaired. Stack {number} "))
    else:
        assert told.startswith(f"3 of 4 repaired. Stack {number} ") and part in told


def test_what_is_no_list_of_four(says):
    assert says(checks.repaired, lambda: None).startswith("Not solved yet")
    assert "your list has 1" in says(checks.repaired, lambda: [[]])
