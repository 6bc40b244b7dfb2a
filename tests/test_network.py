"""A network builds, refuses, computes, saves and loads as it says."""

import copy
import io
import itertools
import math
import os
import re
import stat

import numpy as np
import pytest

from cnnlib import (
    Conv2D,
    Flatten,
    Layer,
    Linear,
    MaxPool2D,
    Network,
    ReLU,
    gradcheck,
    network,
    softmax_cross_entropy,
)


def reference(seed=0):
    """The network of the course."""
    return Network(
        input_shape=(3, 64, 64),
        layers=[
            Conv2D(filters=5, size=3, stride=1), ReLU(), MaxPool2D(2),
            Conv2D(filters=3, size=3, stride=1), ReLU(), MaxPool2D(2),
            Flatten(), Linear(outputs=2),
        ],
        seed=seed,
    )  # fmt: skip


def small(seed=0):
    """One of each layer, quick to run."""
    layers = [Conv2D(3, 3), ReLU(), MaxPool2D(2), Conv2D(2, 2, stride=2, padding=1), ReLU(), Flatten(), Linear(3)]
    return Network((2, 7, 6), layers, seed)


def images(n=4, shape=(2, 7, 6), seed=0):
    return np.random.default_rng(seed).random((n, *shape), np.float32)


class Scale(Layer):
    """A reader's own layer: each map times a number that is learned."""

    def __init__(self, start=1.0):
        super().__init__()
        self.start = start

    def build(self, in_shape, rng):
        self.params["w"] = np.full((in_shape[0], 1, 1), self.start, np.float32)
        return in_shape

    def forward(self, x):
        self.x = x
        return x * self.params["w"]

    def backward(self, dy):
        self.grads["w"] = (dy * self.x).sum((0, 2, 3))[:, None, None]
        return dy * self.params["w"]


# Building


def test_the_reference_network_has_the_shapes_and_the_1816_parameters_of_the_original():
    net = reference()
    shapes = [(5, 64, 64)] * 2 + [(5, 32, 32)] + [(3, 32, 32)] * 2 + [(3, 16, 16), (768,), (2,)]
    assert net.out_shapes == shapes
    assert [made.shape for made in net.activations(images(2, (3, 64, 64)))] == [(2, *shape) for shape in shapes]
    assert [sum(p.size for p in layer.params.values()) for layer in net.layers] == [140, 0, 0, 138, 0, 0, 0, 1538]
    assert net.weights.shape == (1816,) and net.weights.dtype == np.float32


def test_it_prints_as_a_table():
    assert str(reference()).splitlines() == [
        "layer                      output shape  parameters",
        "input                       3 x 64 x 64            ",
        "Conv2D(filters=5, size=3)   5 x 64 x 64         140",
        "ReLU()                      5 x 64 x 64            ",
        "MaxPool2D(size=2)           5 x 32 x 32            ",
        "Conv2D(filters=3, size=3)   3 x 32 x 32         138",
        "ReLU()                      3 x 32 x 32            ",
        "MaxPool2D(size=2)           3 x 16 x 16            ",
        "Flatten()                           768            ",
        "Linear(outputs=2)                     2       1,538",
        "total                                         1,816",
    ]


def test_its_repr_makes_it_again():
    net = eval(repr(reference()))
    assert str(net) == str(reference())


def test_the_same_seed_makes_the_same_weights_and_another_seed_others():
    np.testing.assert_array_equal(reference(seed=3).weights, reference(seed=3).weights)
    assert not np.array_equal(reference(seed=3).weights, reference(seed=4).weights)


@pytest.mark.parametrize("layers, out_shape, parameters", [
    ([Flatten(), Linear(2)], (2,), 3 * 64 * 64 * 2 + 2),
    ([Conv2D(4, 5), Flatten(), Linear(2)], (2,), 304 + 4 * 64 * 64 * 2 + 2),
    ([Conv2D(4, 5, stride=3, padding="valid"), MaxPool2D(3), Flatten(), Linear(2)], (2,), 304 + 4 * 6 * 6 * 2 + 2),
    ([MaxPool2D(4), Conv2D(1, 1)], (1, 16, 16), 4),
    ([ReLU()], (3, 64, 64), 0),
    ([Flatten(), Linear(9), ReLU(), Linear(3)], (3,), 3 * 64 * 64 * 9 + 9 + 9 * 3 + 3),
], ids=str)  # fmt: skip
def test_layers_drop_in_and_out(layers, out_shape, parameters):
    net = Network((3, 64, 64), layers)
    assert net.forward(images(2, (3, 64, 64))).shape == (2, *out_shape)
    assert str(net).split()[-1] == f"{parameters:,}"


def test_a_network_without_layers_hands_its_images_on():
    net, x = Network((2, 7, 6), []), images()
    np.testing.assert_array_equal(net.forward(x), x)
    assert net.weights.size == 0 and str(net).split()[-1] == "0"


def test_layers_are_a_list_to_slice():
    net, x = reference(), images(2, (3, 64, 64))
    y = x
    for layer in net.layers[:3]:
        y = layer.forward(y)
    assert isinstance(net.layers[:3], list)
    np.testing.assert_array_equal(y, net.activations(x)[2])


@pytest.mark.parametrize("kind", [lambda: Conv2D(2, 3), Scale], ids=["Conv2D", "Scale"])
def test_a_brick_used_twice_makes_two_layers(kind):
    brick = kind()
    net = Network((2, 5, 5), [brick, ReLU(), brick])
    first, last = net.layers[0], net.layers[2]
    before = last.params["w"].copy()
    first.params["w"] += 1
    np.testing.assert_array_equal(last.params["w"], before)
    assert brick.params == {}


@pytest.mark.parametrize("kind", [lambda: Conv2D(2, 3), Scale], ids=["Conv2D", "Scale"])
def test_a_brick_used_in_another_network_leaves_the_first_as_it_was(kind):
    bricks, x = [kind(), ReLU()], images()
    net = Network((2, 7, 6), bricks)
    expected = net.forward(x)
    other = Network((2, 7, 6), bricks, seed=1)
    other.layers[0].params["w"] += 1
    np.testing.assert_array_equal(net.forward(x), expected)


@pytest.mark.parametrize("layers, told", [
    ([MaxPool2D(9)], ["layer 0, MaxPool2D(size=9), given (3, 8, 6)", "at most 6 would"]),
    ([Conv2D(2, 7, padding="valid")], ["layer 0, Conv2D(filters=2, size=7, ", "given (3, 8, 6)", "at most 6 would"]),
    ([MaxPool2D(2), ReLU(), MaxPool2D(4)], ["layer 2, MaxPool2D(size=4), given (3, 4, 3)", "at most 3 would"]),
    ([Conv2D(4, 3), Linear(2)], ["layer 1, Linear(outputs=2), given (4, 8, 6)", "put Flatten() before it"]),
    ([Flatten(), Conv2D(2, 3)], ["layer 1, Conv2D(filters=2, size=3), given (144,)", "put it before Flatten()"]),
    ([Flatten(), MaxPool2D(2)], ["layer 1, MaxPool2D(size=2), given (144,)", "put it before Flatten()"]),
], ids=str)  # fmt: skip
def test_an_impossible_stack_is_refused_with_what_would_fit(layers, told):
    with pytest.raises(ValueError) as refusal:
        Network((3, 8, 6), layers)
    for words in told:
        assert words in str(refusal.value)


@pytest.mark.parametrize("arguments, error, told", [
    (((3, 8, 0), [ReLU()]), ValueError, "input_shape must be a whole number of at least 1, not 0"),
    (((3, 8, 6.5), [ReLU()]), ValueError, "input_shape must be a whole number of at least 1, not 6.5"),
    (((3, 8, 6), [ReLU(), "relu"]), TypeError, "layer 1 must be a Layer, such as ReLU(), not 'relu'"),
    (((3, 8, 6), [ReLU]), TypeError, "layer 0 must be a Layer, such as ReLU(), not <class"),
    ((64, [ReLU()]), TypeError, "input_shape must be (depth, height, width), not 64"),
    ((None, [ReLU()]), TypeError, "input_shape must be (depth, height, width), not None"),
    (((64, 64), [Conv2D(1, 3)]), ValueError, "not (64, 64): say (1, 64, 64)"),
], ids=str)  # fmt: skip
def test_what_is_no_shape_and_no_layer_is_refused(arguments, error, told):
    with pytest.raises(error, match=re.escape(told)):
        Network(*arguments)


# Computing


@pytest.mark.parametrize("ask", ["forward", "activations", "predict", "probabilities"])
@pytest.mark.parametrize("x, error, told", [
    (images(3).transpose(0, 2, 3, 1), ValueError, "images must be (n, 2, 7, 6), n at least 1, not (3, 7, 6, 2)"),
    (images(3)[0], ValueError, "images must be (n, 2, 7, 6), n at least 1, not (2, 7, 6)"),
    (images(3)[:0], ValueError, "images must be (n, 2, 7, 6), n at least 1, not (0, 2, 7, 6)"),
    (images(3).astype(np.float64), TypeError, "float32 as the weights are, not float64"),
    ((images(3) * 255).astype(np.uint8), TypeError, "float32 as the weights are, not uint8"),
    (images(3).tolist(), TypeError, "list"),
    (np.float32(3), ValueError, "images must be (n, 2, 7, 6), n at least 1, not ()"),
], ids=["depth last", "one image", "no image", "float64", "uint8", "list", "a number"])  # fmt: skip
def test_images_that_do_not_fit_are_refused(ask, x, error, told):
    with pytest.raises(error, match=re.escape(told)):
        getattr(small(), ask)(x)


def test_forward_is_one_layer_after_another_and_activations_are_what_each_makes():
    net, x = small(), images()
    made = net.activations(x)
    for layer, before, after in zip(net.layers, [x, *made[:-1]], made, strict=True):
        np.testing.assert_array_equal(layer.forward(before), after)
    np.testing.assert_array_equal(net.forward(x), made[-1])


def test_gradients_of_a_whole_network_are_those_that_nudging_each_number_measures():
    labels = np.array([0, 2, 1])
    net, x = small().to(lambda p: p.astype(np.float64)), images(3).astype(np.float64)

    def loss(_):
        return softmax_cross_entropy(net.forward(x), labels)[0]

    dx = net.backward(softmax_cross_entropy(net.forward(x), labels)[1])
    gradients = copy.deepcopy([layer.grads for layer in net.layers])
    assert gradcheck.relative_error(dx, gradcheck.numerical_gradient(loss, x)) < 1e-6
    for layer, grads in zip(net.layers, gradients):
        for name, p in layer.params.items():
            assert gradcheck.relative_error(grads[name], gradcheck.numerical_gradient(loss, p)) < 1e-6, (layer, name)


def test_probabilities_are_the_softmax_of_the_logits():
    net, x = small(), images(5)
    e = np.exp(net.forward(x).astype(np.float64))
    probabilities = net.probabilities(x)
    np.testing.assert_allclose(probabilities, e / e.sum(axis=1, keepdims=True), rtol=1e-5)
    np.testing.assert_array_equal(net.predict(x), probabilities.argmax(axis=1))
    assert probabilities.dtype == np.float32


def test_probabilities_of_the_surest_network_are_still_probabilities():
    logits = np.array([[1000, -1000], [-1000, 1000], [1000, 1000], [-1000, -999]], np.float32)
    net = Network((2,), [ReLU()])
    net.layers[0].forward = lambda x: x  # logits as they are given
    p = 1 / (1 + np.e)
    np.testing.assert_allclose(net.probabilities(logits), [[1, 0], [0, 1], [0.5, 0.5], [p, 1 - p]], rtol=1e-6)


@pytest.mark.parametrize("n", [1, network.CHUNK - 1, network.CHUNK, network.CHUNK + 1, 2 * network.CHUNK + 3])
def test_many_images_are_answered_as_each_alone(n):
    net, x = small(), images(n) - 0.5
    one_by_one = [net.probabilities(x[i : i + 1])[0] for i in range(n)]
    np.testing.assert_allclose(net.probabilities(x), one_by_one, rtol=1e-4)
    np.testing.assert_array_equal(net.predict(x), np.argmax(one_by_one, axis=1))


# What a unit sees


def test_a_last_unit_of_the_reference_network_sees_10_x_10_pixels_4_apart():
    net = reference()
    assert net.receptive_field(5, 3, 4) == (9, 13, 19, 23)
    assert net.receptive_field(5, 4, 4) == (13, 13, 23, 23)
    assert net.receptive_field(5, 0, 15) == (-3, 57, 7, 67)
    assert net.receptive_field(5, 3, 4, of=2) == (5, 7, 9, 11)  # the first pool's maps
    assert net.receptive_field(5, 3, 4, of=5) == (3, 4, 4, 5)
    assert net.receptive_field(0, 3, 4) == (2, 3, 5, 6)
    assert net.receptive_field(7, 1, 0) == (-math.inf, -math.inf, math.inf, math.inf)


def spoilers(net):
    """For each layer, [row, column, y, x]: does a pixel that is no number, at (y, x) of the image, spoil this unit?"""
    _, height, width = net.input_shape
    pixels = np.arange(height * width)
    x = np.zeros((len(pixels), *net.input_shape), np.float32)
    x[pixels, :, pixels // width, pixels % width] = math.nan  # one in each image
    with np.errstate(invalid="ignore"):
        spoiled = [np.isnan(y).any(1) for y in net.activations(x)]
    return [hit.transpose(1, 2, 0).reshape(*hit.shape[1:], height, width) for hit in spoiled]


def inside(box, height, width):
    """The pixels of an image that lie in a box, as True: (height, width)."""
    top, left, bottom, right = box
    y, x = np.indices((height, width))
    return (top <= y) & (y < bottom) & (left <= x) & (x < right)


def test_what_each_unit_of_the_course_sees_is_what_spoils_it():
    layers = [Conv2D(5, 3), ReLU(), MaxPool2D(2), Conv2D(3, 3), ReLU(), MaxPool2D(2)]
    net = Network((3, 20, 16), layers)
    for i, seen in enumerate(spoilers(net)):
        for row, column in np.ndindex(seen.shape[:2]):
            np.testing.assert_array_equal(seen[row, column], inside(net.receptive_field(i, row, column), 20, 16))


def any_stack(rng):
    """A few layers at random: strides, paddings of all kinds, even sizes, pools that overlap; no gaps in between."""
    layers = []
    for _ in range(rng.integers(2, 4)):
        size = int(rng.integers(1, 5))
        stride = int(rng.integers(1, min(size, 2) + 1))
        padding = ["same", "valid", int(rng.integers(0, size))][rng.integers(3)]
        layers += [[Conv2D(2, size, stride, padding), ReLU()], [MaxPool2D(size, stride)]][rng.integers(2)]
    return layers


@pytest.mark.parametrize("seed", range(20))
def test_what_a_unit_of_any_stack_sees_is_what_spoils_it(seed):
    """Where no padding and no dropped edge comes between, that and nothing else; everywhere, nothing else."""
    shape = height, width = 31, 27
    net, far_from_edges = Network((1, *shape), any_stack(np.random.default_rng(seed))), 0
    maps = [shape, *(made[1:] for made in net.out_shapes)]
    for i, seen in enumerate(spoilers(net)):
        for place in np.ndindex(seen.shape[:2]):
            boxes = [net.receptive_field(i, *place, of=of) for of in range(-1, i)]
            within = inside(boxes[0], *shape)
            assert not (seen[place] & ~within).any()
            if all(t >= 0 and le >= 0 and b <= h and r <= w for (t, le, b, r), (h, w) in zip(boxes, maps)):
                far_from_edges += 1
                np.testing.assert_array_equal(seen[place], within)
    assert far_from_edges > 30


def test_what_a_unit_sees_of_a_layer_in_between_is_what_it_sees_where_that_is_the_image():
    net = Network((3, 40, 31), [Conv2D(2, 4, 2), ReLU(), MaxPool2D(3, 2), Conv2D(2, 2, padding=1), MaxPool2D(2)])
    for of in range(4):
        rest = Network(net.out_shapes[of], net.layers[of + 1 :])
        assert net.receptive_field(4, 1, 2, of) == rest.receptive_field(4 - of - 1, 1, 2)


@pytest.mark.parametrize("arguments, told", [
    ((8, 0, 0), "layer must be 0 to 7, and of -1 to layer, not 8 and -1"),
    ((-1, 0, 0), "layer must be 0 to 7, and of -1 to layer, not -1 and -1"),
    ((2, 0, 0, 3), "layer must be 0 to 7, and of -1 to layer, not 2 and 3"),
    ((2, 0, 0, -2), "layer must be 0 to 7, and of -1 to layer, not 2 and -2"),
    ((5, 16, 0), "row and column must be inside layer 5's maps, (16, 16), not (16, 0)"),
    ((5, 0, -1), "row and column must be inside layer 5's maps, (16, 16), not (0, -1)"),
], ids=str)  # fmt: skip
def test_a_unit_that_is_not_there_is_refused(arguments, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        reference().receptive_field(*arguments)


# Weights in a row, twins, other types


def test_weights_are_a_copy_that_can_be_put_back():
    net, x = small(), images()
    weights, logits = net.weights, net.forward(x)
    held = net.layers[0].params["w"]
    net.weights = np.arange(len(weights), dtype=np.float32)
    np.testing.assert_array_equal(net.weights, np.arange(len(weights)))
    np.testing.assert_array_equal(held.ravel(), np.arange(held.size))
    assert not np.array_equal(net.forward(x), logits)
    net.weights = weights
    np.testing.assert_array_equal(net.forward(x), logits)
    weights[:] = 0
    np.testing.assert_array_equal(net.forward(x), logits)


@pytest.mark.parametrize("change", [lambda w: w[1:], lambda w: np.append(w, 0), lambda w: w[None], lambda w: w[0]])
def test_a_wrong_number_of_weights_is_refused(change):
    net = small()
    before, values = net.weights, change(net.weights)
    with pytest.raises(ValueError, match=re.escape(f"{len(before)} weights in a row, not {values.shape}")):
        net.weights = values
    np.testing.assert_array_equal(net.weights, before)


def test_a_network_without_weights_has_none_in_its_row():
    net = Network((2, 7, 6), [ReLU(), MaxPool2D(2)])
    assert net.weights.shape == (0,)
    net.weights = net.weights
    with pytest.raises(ValueError, match=re.escape("0 weights in a row, not (1,)")):
        net.weights = np.zeros(1, np.float32)


def with_a_layer_of_ones_own():
    return Network((2, 7, 6), [Scale(0.5), Conv2D(2, 3), ReLU(), Scale(), Flatten(), Linear(3)])


def twin_of(net):
    """The same network, of twins of its layers."""
    twin = copy.copy(net)
    twin.layers = [layer.twin() for layer in net.layers]
    return twin



@pytest.mark.parametrize("make", [small, with_a_layer_of_ones_own])
def test_twins_go_forward_and_back_between_those_of_the_original(make):
    net = make()
    twin, d = twin_of(net), np.float32([[1, -2, 3]] * 4)

    def answer(which, x):
        return [which.forward(x), which.backward(d), *(g for layer in which.layers for g in layer.grads.values())]

    expected = [copy.deepcopy(answer(make(), images(seed=seed))) for seed in (1, 2)]
    logits = [which.forward(images(seed=seed)) for which, seed in [(net, 1), (twin, 2)]]
    dx = [which.backward(d) for which in (net, twin)]
    for i, which in enumerate((net, twin)):
        grads = [g for layer in which.layers for g in layer.grads.values()]
        for ours, theirs in zip([logits[i], dx[i], *grads], expected[i], strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_twins_have_the_weights_of_the_original_whatever_they_become():
    net = small()
    twin = twin_of(net)
    net.weights = small(seed=1).weights
    np.testing.assert_array_equal(twin.forward(images()), small(seed=1).forward(images()))


def test_to_puts_every_parameter_through_a_function():
    net = small()
    assert net.to(lambda p: p.astype(np.float64)) is net
    assert net.weights.dtype == net.forward(images().astype(np.float64)).dtype == np.float64
    np.testing.assert_array_equal(net.weights, small().weights)


# Saving and loading


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.npz"


def assert_same(one, two, x):
    assert str(one) == str(two)
    np.testing.assert_array_equal(one.weights, two.weights)
    np.testing.assert_array_equal(one.forward(x), two.forward(x))


@pytest.mark.parametrize("make", [reference, small, with_a_layer_of_ones_own])
def test_what_is_loaded_is_what_was_saved(make, path):
    net = make()
    net.weights = net.weights + np.float32(0.1)
    net.save(path)
    loaded = Network.load(str(path))
    assert_same(loaded, net, images(3, net.input_shape))
    assert repr(loaded) == repr(net)


def test_a_network_of_numpy_numbers_can_be_saved(path):
    two = np.int64(2)
    net = Network((two, 6, 6), [Conv2D(two, two, stride=two, padding=two), MaxPool2D(two, stride=two)])
    net.save(path)
    assert_same(Network.load(path), net, images(1, (2, 6, 6)))


def test_a_network_of_another_type_is_loaded_in_that_type(path):
    net = small().to(lambda p: p.astype(np.float64))
    net.weights = net.weights + 1e-12
    net.save(path)
    loaded = Network.load(path)
    assert loaded.weights.dtype == np.float64
    assert_same(loaded, net, images().astype(np.float64))


def test_two_that_save_at_once_are_not_in_each_others_way(path, monkeypatch):
    savez = np.savez

    def slow(file, **arrays):
        monkeypatch.setattr(np, "savez", savez)
        small(seed=1).save(path)  # another, while this one is under way
        savez(file, **arrays)

    monkeypatch.setattr(np, "savez", slow)
    small(seed=0).save(path)
    assert_same(Network.load(path), small(seed=0), images())
    assert os.listdir(path.parent) == ["network.npz"]


def test_others_may_read_the_file(path):
    """As any file that is written here: mkstemp's own would be closed to everybody else."""
    small().save(path)
    (path.parent / "any").touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((path.parent / "any").stat().st_mode)


def test_a_new_save_takes_the_place_of_the_old(path):
    small(seed=0).save(path)
    small(seed=1).save(path)
    assert_same(Network.load(path), small(seed=1), images())
    assert os.listdir(path.parent) == ["network.npz"]


@pytest.mark.parametrize("error", [OSError("no space left on device"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("where", ["before the first byte", "half-way", "when all is written"])
def test_a_save_that_is_cut_off_leaves_the_file_of_before(where, error, path, monkeypatch):
    small(seed=0).save(path)
    before = path.read_bytes()

    def fail(file, *_, **__):
        if where == "half-way":
            file.write(before[: len(before) // 2])
        raise error

    monkeypatch.setattr(*(os, "replace", fail) if where == "when all is written" else (np, "savez", fail))
    with pytest.raises(type(error)):
        small(seed=1).save(path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == ["network.npz"]


def test_saving_where_there_is_no_directory_names_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        small().save(tmp_path / "nowhere" / "network.npz")
    assert os.listdir(tmp_path) == []


def test_loading_what_is_not_there_names_it(path):
    with pytest.raises(FileNotFoundError, match="network.npz"):
        Network.load(path)


def assert_refused(path):
    with pytest.raises(ValueError, match=re.escape(f"{path} does not hold a network as Network.save wrote it: ")):
        Network.load(path)


def test_a_file_cut_short_is_refused_at_any_length(path):
    small().save(path)
    whole = path.read_bytes()
    for length in [0, 1, 2, 4, 22, *range(30, len(whole), 29), len(whole) - 1]:
        path.write_bytes(whole[:length])
        assert_refused(path)


def test_a_file_with_one_bit_changed_is_refused_unless_it_says_the_same(path):
    """A zip file has bits that nothing reads, such as the time: there, what is loaded must be what was saved."""
    net = Network((1, 2, 2), [Flatten(), Linear(2)])
    net.save(path)
    whole, refused = path.read_bytes(), 0
    places = range(0, len(whole), 3)
    for place, bit in zip(places, itertools.cycle(range(8))):
        changed = bytearray(whole)
        changed[place] ^= 1 << bit
        path.write_bytes(changed)
        try:
            loaded = Network.load(path)
        except ValueError:
            refused += 1
        else:
            assert_same(loaded, net, images(2, (1, 2, 2)))
    assert refused > len(places) / 2


def arrays_of(path):
    with np.load(path) as stored:
        return dict(stored)


@pytest.mark.parametrize("contents", [
    np.random.default_rng(0).bytes(3000),
    b"PK\x03\x04" + bytes(200),
    b"\x80\x04K\x01.",  # a pickle, of the number 1
    b"\x93NUMPY\x01\x00",
], ids=["random", "a zip's beginning", "a pickle", "an npy's beginning"])  # fmt: skip
def test_a_file_of_another_kind_is_refused(contents, path):
    path.write_bytes(contents)
    assert_refused(path)


def test_a_file_of_another_kind_is_refused_in_plain_words(path):
    numbers = io.BytesIO()
    np.save(numbers, np.arange(3))
    for contents in [b"Dear diary", b"\x89PNG\r\n\x1a\n", numbers.getvalue()]:
        path.write_bytes(contents)
        with pytest.raises(ValueError, match="it is not even an .npz file"):
            Network.load(path)


def in_plan(old, new):
    return lambda stored: stored | {"plan": np.array(str(stored["plan"]).replace(old, new))}


CHANGES = {
    "another's": lambda stored: {"images": np.zeros((2, 3)), "labels": np.zeros(2)},
    "the plan alone": lambda stored: {"plan": stored["plan"]},
    "no digest": lambda stored: {name: array for name, array in stored.items() if name != "sha256"},
    "a weight missing": lambda stored: {name: array for name, array in stored.items() if name != "0.w"},
    "a weight too many": lambda stored: stored | {"9.w": stored["0.w"]},
    "a weight changed": lambda stored: stored | {"0.b": stored["0.b"] + np.float32(1e-6)},
    "a weight in another shape": lambda stored: stored | {"0.w": stored["0.w"].ravel()},
    "one weight for all": lambda stored: stored | {"0.b": stored["0.b"][:1]},
    "a weight in another type": lambda stored: stored | {"0.b": stored["0.b"].view(np.int32)},
    "another stride": in_plan('"stride": 2', '"stride": 1'),
    "another layer": in_plan('"ReLU"', '"Flatten"'),
    "another input": in_plan("[2, 7, 6]", "[2, 6, 7]"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_npz_that_was_changed_is_refused(change, path):
    small().save(path)
    before = arrays_of(path)
    np.savez(path, **change(before))
    assert repr(arrays_of(path)) != repr(before)
    assert_refused(path)


sprung = []


def test_nothing_in_a_file_is_ever_run(path):
    """An array of objects is stored as a pickle, and to read a pickle is to run it."""

    class Trap:
        def __reduce__(self):
            return exec, ("import test_network; test_network.sprung.append(True)",)

    small().save(path)
    np.savez(path, **arrays_of(path) | {"0.w": np.array([Trap()], object)}, allow_pickle=True)
    assert_refused(path)
    assert not sprung
    with np.load(path, allow_pickle=True) as stored:
        stored["0.w"]
    assert sprung  # so the trap would have worked


def test_a_file_with_a_layer_that_nobody_defined_is_refused_by_name(path):
    class Gone(Scale):
        pass

    Network((2, 7, 6), [Gone()]).save(path)
    Gone.__name__ = "Renamed"
    with pytest.raises(ValueError, match="Gone"):
        Network.load(path)


def test_of_two_layers_of_ones_own_with_one_name_the_newer_counts(path):
    """A notebook's cell was run again."""

    def cell():
        class Mine(Scale):
            pass

        return Mine

    older, newer = cell(), cell()
    Network((2, 7, 6), [older()]).save(path)
    assert type(Network.load(path).layers[0]) is newer


@pytest.mark.parametrize("shapes", [
    {"w": (2, 3, 3)},
    {"w": (2, 1, 1), "b": (2,)},
    {},
], ids=["a larger weight", "a further weight", "no weight"])  # fmt: skip
def test_a_file_whose_weights_are_not_those_of_the_layers_is_refused(shapes, path):
    """A notebook's cell was changed and run again."""

    class Changing(Scale):
        pass

    Network((2, 7, 6), [Changing()]).save(path)

    class Changing(Scale):  # noqa: F811
        def build(self, in_shape, rng):
            self.params = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
            return in_shape

    assert_refused(path)
