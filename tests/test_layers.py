"""Each layer, held against published vectors, plain loops and derivatives measured by nudging."""

import copy
import itertools
import math

import numpy as np
import pytest

from cnnlib import gradcheck
from cnnlib.layers import Conv2D, Flatten, Layer, Linear, MaxPool2D, ReLU

# Every layer, with the shape of an input that it can take.
LAYERS = [
    (Conv2D(2, 3), (3, 5, 6)),
    (Conv2D(4, 2), (1, 4, 5)),
    (Conv2D(3, 3, stride=2), (2, 6, 5)),
    (Conv2D(2, 2, stride=3, padding="valid", init="positive"), (1, 6, 7)),
    (Conv2D(1, 1, padding=2), (2, 3, 4)),
    (ReLU(), (2, 4, 3)),
    (ReLU(), (7,)),
    (MaxPool2D(2), (3, 5, 4)),
    (MaxPool2D(3, stride=2), (2, 7, 6)),
    (MaxPool2D(2, stride=3), (1, 6, 8)),
    (MaxPool2D(1), (2, 3, 3)),
    (Flatten(), (2, 3, 4)),
    (Linear(3), (5,)),
    (Linear(1, init="positive"), (4,)),
    (Conv2D(2, 3, init="zero_mean"), (2, 4, 5)),
    (Linear(2, init="zeros"), (3,)),
]
each_layer = pytest.mark.parametrize("layer, in_shape", LAYERS, ids=lambda value: str(value).replace(" ", ""))


def built(layer, in_shape, seed=0):
    """A copy of the layer, ready to run."""
    layer = copy.copy(layer)
    layer.build(in_shape, np.random.default_rng(seed))
    return layer


def normal(*shape, seed=1, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def in_float64(layer):
    layer.params = {name: p.astype(np.float64) for name, p in layer.params.items()}
    return layer


def results(layer, x, dy):
    """Everything that a layer makes of an input and a gradient, by name."""
    y = layer.forward(x)
    dx = layer.backward(dy)
    return {"y": y, "dx": dx} | {f"d{name}": gradient for name, gradient in layer.grads.items()}


def assert_close(ours, theirs, **tolerance):
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], err_msg=name, **tolerance)


# The vectors that Stanford's CS231n published with its assignments


def spread(first, last, *shape):
    return np.linspace(first, last, math.prod(shape)).reshape(shape)


def test_convolution_of_cs231n():
    layer = Conv2D(filters=3, size=4, stride=2, padding=1)
    layer.build((3, 4, 4), np.random.default_rng(0))
    layer.params = {"w": spread(-0.2, 0.3, 3, 3, 4, 4), "b": np.linspace(-0.1, 0.2, 3)}
    y = layer.forward(spread(-0.1, 0.5, 2, 3, 4, 4))
    np.testing.assert_allclose(y[0, 0], [[-0.08759809, -0.10987781], [-0.18387192, -0.2109216]], atol=1e-8)
    np.testing.assert_allclose(y[-1, -1], [[2.36270298, 2.36904306], [2.38090835, 2.38247847]], atol=1e-8)


def test_pool_of_cs231n():
    y = MaxPool2D(2).forward(spread(-0.3, 0.4, 2, 3, 4, 4))
    np.testing.assert_allclose(y[0, 0], [[-0.26315789, -0.24842105], [-0.20421053, -0.18947368]], atol=1e-8)
    np.testing.assert_allclose(y[-1, -1], [[0.32631579, 0.34105263], [0.38526316, 0.4]], atol=1e-8)


def test_affine_of_cs231n():
    linear = Linear(3)
    linear.build((120,), np.random.default_rng(0))
    linear.params = {"w": spread(-0.2, 0.3, 120, 3), "b": np.linspace(-0.3, 0.1, 3)}
    y = linear.forward(Flatten().forward(spread(-0.1, 0.5, 2, 4, 5, 6)))
    expected = [[1.49834967, 1.70660132, 1.91485297], [3.25553199, 3.5141327, 3.77273342]]
    np.testing.assert_allclose(y, expected, atol=1e-8)


# Plain loops


def convolve(x, w, b, dy, stride, before, after):
    """Convolution, one patch at a time. Each patch, weight and bias gets its share of dy, as it took part in y."""
    n, depth, height, width = x.shape
    filters, size = len(w), w.shape[-1]
    framed = np.zeros((n, depth, height + before + after, width + before + after))
    framed[:, :, before : before + height, before : before + width] = x
    tops = range(0, framed.shape[2] - size + 1, stride)
    lefts = range(0, framed.shape[3] - size + 1, stride)

    y = np.zeros((n, filters, len(tops), len(lefts)))
    d_framed, dw, db = np.zeros_like(framed), np.zeros_like(w), np.zeros_like(b)
    for image in range(n):
        for f in range(filters):
            for r, top in enumerate(tops):
                for c, left in enumerate(lefts):
                    patch = (image, slice(None), slice(top, top + size), slice(left, left + size))
                    y[image, f, r, c] = (framed[patch] * w[f]).sum() + b[f]
                    d_framed[patch] += dy[image, f, r, c] * w[f]
                    dw[f] += dy[image, f, r, c] * framed[patch]
                    db[f] += dy[image, f, r, c]
    dx = d_framed[:, :, before : before + height, before : before + width]
    return {"y": y, "dx": dx, "dw": dw, "db": db}


@pytest.mark.parametrize("padding", ["same", "valid", 1, 3, 7], ids=lambda padding: f"padding={padding}")
@pytest.mark.parametrize("stride", [1, 2, 3], ids=lambda stride: f"stride={stride}")
@pytest.mark.parametrize("size", range(1, 7), ids=lambda size: f"size={size}")
def test_convolution_is_what_a_plain_loop_makes(size, stride, padding):
    rng = np.random.default_rng([size, stride, len(str(padding))])
    before, after = {"same": ((size - 1) // 2, size // 2), "valid": (0, 0)}.get(padding, (padding, padding))
    n, depth, filters = rng.integers(1, 4, 3)
    height, width = max(1, size - before - after) + rng.choice(7, 2, replace=False)  # the smallest that fits, or larger

    layer = Conv2D(filters, size, stride, padding)
    out_shape = layer.build((depth, height, width), rng)
    layer.params = {"w": rng.standard_normal((filters, depth, size, size)), "b": rng.standard_normal(filters)}
    x, dy = normal(n, depth, height, width), normal(n, *out_shape, seed=2)

    expected = convolve(x, *layer.params.values(), dy, stride, before, after)
    assert expected["y"].shape == dy.shape
    assert_close(results(layer, x, dy), expected, rtol=1e-9, atol=1e-9)


def pool(x, size, stride, dy):
    """Max pooling, one block at a time. The first of the largest, in reading order, gets the block's dy."""
    n, depth, height, width = x.shape
    tops, lefts = range(0, height - size + 1, stride), range(0, width - size + 1, stride)
    y = np.zeros((n, depth, len(tops), len(lefts)))
    dx = np.zeros_like(x)
    for image in range(n):
        for d in range(depth):
            for r, top in enumerate(tops):
                for c, left in enumerate(lefts):
                    block = x[image, d, top : top + size, left : left + size]
                    i, j = np.unravel_index(block.argmax(), block.shape)
                    y[image, d, r, c] = block[i, j]
                    dx[image, d, top + i, left + j] += dy[image, d, r, c]
    return {"y": y, "dx": dx}


POOL_INPUTS = {
    "numbers of both signs": normal(2, 3, 7, 9),
    "all negative": -1 - np.abs(normal(2, 2, 8, 6)),
    "many equal": np.random.default_rng(2).integers(0, 3, (2, 2, 6, 7)) * 1.0,
    "all equal": np.full((1, 2, 5, 8), -4.0),
}


@pytest.mark.parametrize("x", POOL_INPUTS.values(), ids=POOL_INPUTS)
@pytest.mark.parametrize("size, stride", [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (3, 1), (3, 2), (3, 3), (5, 2)])
def test_pool_is_what_a_plain_loop_makes(size, stride, x):
    layer = MaxPool2D(size, stride)
    out_shape = layer.build(x.shape[1:], None)
    dy = normal(len(x), *out_shape)
    expected = pool(x, size, stride, dy)
    assert expected["y"].shape == dy.shape
    assert_close(results(layer, x, dy), expected, rtol=1e-12, atol=1e-12)


def test_pool_moves_by_its_size_unless_told():
    x = normal(1, 1, 7, 7)
    np.testing.assert_array_equal(MaxPool2D(3).forward(x), MaxPool2D(3, stride=3).forward(x))


def test_a_tie_sends_its_whole_gradient_to_the_first_place():
    layer = MaxPool2D(2)
    layer.forward(np.zeros((1, 1, 2, 4), np.float32))
    np.testing.assert_array_equal(layer.backward(np.float32([[[[5, 7]]]])), [[[[5, 0, 7, 0], [0, 0, 0, 0]]]])


def test_pool_after_a_padded_convolution_sees_no_zeros_of_its_own():
    conv, x = built(Conv2D(2, 3), (1, 5, 7)), -1 - np.abs(normal(2, 1, 5, 7))
    conv.params = {"w": np.abs(normal(2, 1, 3, 3)), "b": np.full(2, -0.5)}
    y = conv.forward(x)
    assert y.max() < 0
    assert_close(results(MaxPool2D(2), y, np.ones((2, 2, 2, 3))), pool(y, 2, 2, np.ones((2, 2, 2, 3))), rtol=1e-12)


def test_relu_lets_through_what_is_positive_and_its_gradient():
    layer = ReLU()
    np.testing.assert_array_equal(layer.forward(np.array([[-2, -0.0, 0, 1e-30, 3]])), [[0, 0, 0, 1e-30, 3]])
    np.testing.assert_array_equal(layer.backward(np.array([[1, 2, 3, 4, 5]])), [[0, 0, 0, 4, 5]])


# Numerical gradients


@each_layer
def test_gradients_are_those_that_nudging_each_number_measures(layer, in_shape):
    errors = gradcheck.check(layer, normal(2, *in_shape))
    assert errors.keys() == {"x", *built(layer, in_shape).params}
    assert max(errors.values()) < 1e-7


@each_layer
def test_gradients_are_the_slope_in_a_random_direction(layer, in_shape, h=1e-6):
    """Without gradcheck: move the input and all weights at once, both ways, and see how much the loss differs."""
    rng = np.random.default_rng(3)
    layer, x = in_float64(built(layer, in_shape)), normal(2, *in_shape)
    start = [x, *layer.params.values()]
    way = [rng.standard_normal(array.shape) for array in start]
    importance = rng.standard_normal(layer.forward(x).shape)

    def loss(step):
        moved = [array + step * direction for array, direction in zip(start, way)]
        layer.params = dict(zip(layer.params, moved[1:]))
        return (layer.forward(moved[0]) * importance).sum()

    measured = (loss(h) - loss(-h)) / (2 * h)
    loss(0)
    gradients = [layer.backward(importance), *(layer.grads[name] for name in layer.params)]
    assert sum((g * d).sum() for g, d in zip(gradients, way)) == pytest.approx(measured, rel=1e-6)


# What every layer promises


@each_layer
def test_the_declared_shape_is_the_real_one(layer, in_shape):
    layer = copy.copy(layer)
    declared = layer.build(in_shape, np.random.default_rng(0))
    assert layer.forward(normal(3, *in_shape, dtype=np.float32)).shape == (3, *declared)


@each_layer
def test_float32_stays_float32(layer, in_shape):
    layer = built(layer, in_shape)
    x = normal(2, *in_shape, dtype=np.float32)
    arrays = results(layer, x, np.ones_like(layer.forward(x))) | layer.params
    assert {name: array.dtype for name, array in arrays.items()} == dict.fromkeys(arrays, np.float32)


@each_layer
def test_each_parameter_has_a_gradient_of_its_shape(layer, in_shape):
    layer = built(layer, in_shape)
    layer.backward(layer.forward(normal(2, *in_shape)))
    assert {k: g.shape for k, g in layer.grads.items()} == {k: p.shape for k, p in layer.params.items()}


@each_layer
def test_inputs_and_weights_are_left_alone_and_backward_repeats(layer, in_shape):
    layer, x = built(layer, in_shape), normal(2, *in_shape, dtype=np.float32)
    dy = normal(*layer.forward(x).shape, dtype=np.float32)
    given = {"x": x, "dy": dy, **layer.params}
    before = copy.deepcopy(given)
    first = copy.deepcopy(results(layer, x, dy))
    dx = layer.backward(dy)
    again = {"y": first["y"], "dx": dx, **{f"d{name}": gradient for name, gradient in layer.grads.items()}}
    assert_close(again, first, rtol=0)
    assert_close(given, before, rtol=0)


@each_layer
def test_memory_layout_makes_no_difference(layer, in_shape):
    """An image read from a file has depth last in memory, and a slice has gaps."""
    layer, x = built(layer, in_shape), normal(2, *in_shape, dtype=np.float32)
    dy = normal(*layer.forward(x).shape, dtype=np.float32)
    expected = copy.deepcopy(results(layer, x, dy))
    depth_last = [np.moveaxis(np.moveaxis(array, 1, -1).copy(), -1, 1) for array in (x, dy)]
    with_gaps = [np.repeat(array, 2, axis=-1)[..., ::2] for array in (x, dy)]
    for other_x, other_dy in (depth_last, with_gaps, map(np.asfortranarray, (x, dy))):
        assert_close(results(layer, other_x, other_dy), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("layer, in_shape", [(Conv2D(2, 3), (3, 5, 6)), (Linear(2), (4,))])
def test_a_layer_whose_input_gradient_nobody_needs_has_the_same_other_gradients(layer, in_shape):
    layer, x = built(layer, in_shape), normal(2, *in_shape)
    dy = normal(*layer.forward(x).shape)
    layer.backward(dy)
    expected = copy.deepcopy(layer.grads)
    layer.input_gradient = False
    layer.backward(dy)
    assert_close(layer.grads, expected, rtol=0)


# What an output sees


@pytest.mark.parametrize("layer, span, seen", [
    (ReLU(), (2, 5), (2, 5)),
    (Conv2D(1, 3), (0, 1), (-1, 2)),
    (Conv2D(1, 3), (4, 6), (3, 7)),
    (Conv2D(1, 4), (0, 1), (-1, 3)),
    (Conv2D(1, 3, padding="valid"), (2, 3), (2, 5)),
    (Conv2D(1, 5, stride=2, padding=1), (1, 3), (1, 8)),
    (MaxPool2D(2), (3, 5), (6, 10)),
    (MaxPool2D(3, stride=2), (1, 3), (2, 7)),
    (MaxPool2D(2, stride=3), (1, 3), (3, 8)),
    (Flatten(), (0, 1), (-math.inf, math.inf)),
    (Linear(2), (0, 1), (-math.inf, math.inf)),
], ids=str)  # fmt: skip
def test_what_a_span_of_outputs_sees_by_hand(layer, span, seen):
    assert layer.sees(*span) == seen


MAPS_TO_MAPS = [(layer, shape) for layer, shape in LAYERS if len(shape) == 3 and not isinstance(layer, Flatten)]


@pytest.mark.parametrize("layer, in_shape", MAPS_TO_MAPS, ids=lambda value: str(value).replace(" ", ""))
@pytest.mark.parametrize("axis", [2, 3], ids=["rows", "columns"])
def test_what_an_output_sees_is_what_spoils_it(layer, in_shape, axis):
    layer = built(layer, in_shape)
    for place in range(in_shape[axis - 1]):
        x = np.zeros((1, *in_shape))
        x.swapaxes(0, axis)[place] = math.nan
        with np.errstate(invalid="ignore"):
            spoiled = np.isnan(layer.forward(x)).any((0, 1, 5 - axis))
        spans = [layer.sees(i, i + 1) for i in range(len(spoiled))]
        assert spoiled.tolist() == [first <= place < last for first, last in spans]


# How weights begin


@pytest.mark.parametrize("layer, in_shape, inputs", [
    (Conv2D(60, 5), (8, 9, 9), 8 * 25),
    (Linear(50), (300,), 300),
], ids=str)  # fmt: skip
def test_he_weights_have_variance_2_over_inputs(layer, in_shape, inputs):
    w, b = built(layer, in_shape).params.values()
    assert w.var() == pytest.approx(2 / inputs, rel=0.05)
    assert abs(w.mean()) < 0.05 * w.std()
    assert not b.any()


@pytest.mark.parametrize("layer, in_shape, inputs", [
    (Conv2D(60, 5, padding="valid", init="positive"), (8, 5, 5), 8 * 25),
    (Linear(50, init="positive"), (300,), 300),
], ids=str)  # fmt: skip
def test_positive_weights_make_the_mean_of_what_they_see(layer, in_shape, inputs):
    layer = built(layer, in_shape)
    w, b = layer.params.values()
    assert w.min() >= 0 and w.max() <= 2 / inputs
    assert w.mean() == pytest.approx(1 / inputs, rel=0.05)
    assert not b.any()
    assert layer.forward(np.full((1, *in_shape), 0.7, np.float32)).mean() == pytest.approx(0.7, rel=0.05)


def test_zero_mean_filters_are_he_filters_that_are_blind_to_flat_colour():
    layer = built(Conv2D(60, 5, padding="valid", init="zero_mean"), (8, 5, 5))
    assert layer.params["w"].var() == pytest.approx(2 / (8 * 25) * 24 / 25, rel=0.05)
    flat = np.random.default_rng(0).random((1, 8, 1, 1), np.float32) * np.ones((5, 5), np.float32)
    answers = layer.forward(flat)
    assert (answers < 0).all()  # shut, on any machine
    np.testing.assert_allclose(answers, np.full((1, 60, 1, 1), -0.01), atol=1e-5)


def test_zeros_are_zeros():
    for layer in built(Conv2D(2, 3, init="zeros"), (1, 4, 4)), built(Linear(2, init="zeros"), (4,)):
        assert not any(p.any() for p in layer.params.values())


@pytest.mark.parametrize("layer", [Conv2D(1, 1, init="zero_mean"), Linear(2, init="zero_mean")])
def test_zero_mean_is_refused_where_it_would_leave_nothing(layer):
    with pytest.raises(ValueError, match="filters of more than one pixel"):
        built(layer, (1, 4, 4) if isinstance(layer, Conv2D) else (4,))


@pytest.mark.parametrize("kind, in_shape, init", [
    *((Conv2D, (1, 4, 4), init) for init in ("he", "positive", "zero_mean")),
    *((Linear, (4,), init) for init in ("he", "positive")),
])  # fmt: skip
def test_weights_come_from_the_generator_given_and_no_other(kind, in_shape, init):
    arguments = {"filters": 2, "size": 3} if kind is Conv2D else {"outputs": 2}
    state = np.random.get_state()  # noqa: NPY002
    one, same, other = (built(kind(**arguments, init=init), in_shape, seed).params["w"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    for before, after in zip(state, np.random.get_state()):  # noqa: NPY002
        np.testing.assert_array_equal(before, after)


# What a layer says to values that it can't use

WHOLE = "whole number of at least 1"
REFUSED = [
    *((Conv2D, {"filters": value, "size": 3}, "filters", WHOLE) for value in (0, -5, 2.5, 5.0, "5", None, True)),
    *((Conv2D, {"filters": 5, "size": value}, "size", WHOLE) for value in (0, 3.0, (3, 3))),
    *((Conv2D, {"filters": 5, "size": 3, "stride": value}, "stride", WHOLE) for value in (0, -1, 0.5, None)),
    *((Conv2D, {"filters": 5, "size": 3, "padding": value}, "padding", 'must be "same", "valid" or a whole number')
      for value in ("full", -1, 1.5, None, True, [1], np.array([1, 1]))),
    *((Conv2D, {"filters": 5, "size": 3, "init": value}, "init", "'he', 'positive'") for value in ("xavier", ["he"])),
    *((MaxPool2D, {"size": value}, "size", WHOLE) for value in (0, 2.0, "2")),
    *((MaxPool2D, {"size": 2, "stride": value}, "stride", WHOLE) for value in (0, -2, 1.5, False)),
    *((Linear, {"outputs": value}, "outputs", WHOLE) for value in (0, 2.0, None, [2])),
    (Linear, {"outputs": 2, "init": None}, "init", "'he', 'positive'"),
]  # fmt: skip


@pytest.mark.parametrize("kind, arguments, name, wanted", REFUSED, ids=str)
def test_a_bad_argument_is_refused_by_name(kind, arguments, name, wanted):
    with pytest.raises(ValueError) as refusal:
        kind(**arguments)
    message = str(refusal.value)
    assert name in message and repr(arguments[name]) in message and wanted in message


@pytest.mark.parametrize("layer, in_shape, wanted", [
    (Conv2D(1, 5, padding="valid"), (3, 4, 9), "window of size 5 does not fit into 4 x 9 pixels: at most 4"),
    (Conv2D(1, 5, padding="valid"), (3, 9, 4), "window of size 5 does not fit into 9 x 4 pixels: at most 4"),
    (Conv2D(1, 9, padding=2), (3, 4, 4), "window of size 9 does not fit into 8 x 8 pixels: at most 8"),
    (MaxPool2D(3), (1, 2, 9), "window of size 3 does not fit into 2 x 9 pixels: at most 2"),
    (Conv2D(1, 3), (48,), "wants a volume (depth, height, width), not (48,): put it before Flatten()"),
    (MaxPool2D(2), (48,), "wants a volume (depth, height, width), not (48,): put it before Flatten()"),
    (Conv2D(1, 3), (64, 64), "wants a volume (depth, height, width), not (64, 64): say (1, 64, 64)"),
    (MaxPool2D(2), (9, 3, 8, 6), "wants a volume (depth, height, width), not (9, 3, 8, 6): leave out the number of"),
    (Linear(2), (3, 4, 4), "wants a row of numbers for each image, not (3, 4, 4): put Flatten() before it"),
], ids=str)  # fmt: skip
def test_a_shape_that_does_not_fit_is_refused_with_one_that_would(layer, in_shape, wanted):
    with pytest.raises(ValueError) as refusal:
        layer.build(in_shape, np.random.default_rng(0))
    assert wanted in str(refusal.value)


@pytest.mark.parametrize("layer, in_shape, x_shape, wanted", [
    (Conv2D(2, 3), (3, 5, 6), (4, 1, 5, 6), "Conv2D(filters=2, size=3) wants (n, 3, height, width), not (4, 1, 5, 6)"),
    (Conv2D(2, 3), (3, 5, 6), (3, 5, 6), "Conv2D(filters=2, size=3) wants (n, 3, height, width), not (3, 5, 6)"),
    (Linear(2), (5,), (4, 6), "Linear(outputs=2) wants (n, 5), not (4, 6)"),
    (Linear(2), (5,), (5,), "Linear(outputs=2) wants (n, 5), not (5,)"),
    (Linear(2), (5,), (4, 5, 1, 1), "Linear(outputs=2) wants (n, 5), not (4, 5, 1, 1)"),
], ids=str)  # fmt: skip
def test_an_array_that_does_not_fit_the_weights_is_refused(layer, in_shape, x_shape, wanted):
    with pytest.raises(ValueError) as refusal:
        built(layer, in_shape).forward(normal(*x_shape))
    assert str(refusal.value) == wanted


@pytest.mark.parametrize("layer, in_shape", [(Conv2D(2, 3), (3, 5, 6)), (Linear(2), (5,))], ids=str)
def test_a_layer_that_was_never_built_says_so(layer, in_shape):
    with pytest.raises(RuntimeError) as refusal:
        layer.forward(normal(2, *in_shape))
    assert str(refusal.value) == f"{layer} has no weights yet: make a Network of it, or call its build"


def test_a_filter_as_large_as_its_framed_image_fits():
    for layer, in_shape in [(Conv2D(2, 4, padding="valid"), (1, 4, 4)), (Conv2D(2, 8, padding=2), (1, 4, 4))]:
        assert layer.build(in_shape, np.random.default_rng(0)) == (2, 1, 1)
    assert MaxPool2D(4).build((3, 4, 4), None) == (3, 1, 1)


# How a layer introduces itself

SETTINGS = [
    *itertools.starmap(Conv2D, itertools.product([1, 5], [3], [1, 2], ["same", "valid", 0, 4], ["he", "zero_mean"])),
    *itertools.starmap(MaxPool2D, itertools.product([2, 3], [None, 2, 3])),
    ReLU(), Flatten(), Linear(2), Linear(7, "positive"),
]  # fmt: skip


@pytest.mark.parametrize("layer", SETTINGS, ids=repr)
def test_a_layer_prints_as_what_makes_it(layer):
    twin = eval(repr(layer))
    assert type(twin) is type(layer)
    assert twin.settings() == layer.settings()
    assert type(layer)(**layer.settings()).settings() == layer.settings()


@pytest.mark.parametrize("layer, text", [
    (Conv2D(5, 3), "Conv2D(filters=5, size=3)"),
    (Conv2D(5, 3, stride=2, padding="valid"), "Conv2D(filters=5, size=3, stride=2, padding='valid')"),
    (MaxPool2D(2), "MaxPool2D(size=2)"),
    (MaxPool2D(2, stride=2), "MaxPool2D(size=2, stride=2)"),
    (ReLU(), "ReLU()"),
], ids=str)  # fmt: skip
def test_it_says_no_more_than_was_said(layer, text):
    assert repr(layer) == text


def test_a_layer_of_ones_own_needs_forward_and_backward_only():
    class Double(Layer):
        def forward(self, x):
            return 2 * x

        def backward(self, dy):
            return 2 * dy

    assert Double().build((3, 4, 4), None) == (3, 4, 4)
    assert repr(Double()) == "Double()"
    assert gradcheck.check(Double(), normal(2, 3))["x"] < 1e-7
    with pytest.raises(NotImplementedError):
        Layer().forward(normal(1, 2))
    with pytest.raises(NotImplementedError):
        Layer().backward(normal(1, 2))
