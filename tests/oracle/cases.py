"""Cases to compare cnnlib with PyTorch on: drawn at random, answered by cnnlib, kept in a file.

Each kind of case is drawn through `whole(least, most)`, which gives a whole number from least to most. In the tests
it is hypothesis that gives it; for the stored cases, a random generator.
"""

import json
from typing import NamedTuple

import numpy as np

import cnnlib


class Case(NamedTuple):
    what: str  # a layer of cnnlib, or its loss
    settings: dict  # what the layer is made with
    arrays: dict  # its weights, x and dy; for the loss, logits and labels


# Drawn at random


def convolution(whole):
    """Any size and stride; padding may be more than the filter, and the image no larger than the filter needs."""
    size, padding = whole(1, 6), pick(["same", "valid", whole(0, 7)], whole)
    added = {"same": size - 1, "valid": 0}.get(padding, 2 * padding)
    settings = {"filters": whole(1, 5), "size": size, "stride": whole(1, 3), "padding": padding}
    return layer_case("Conv2D", settings, image_shape(max(1, size - added), whole), whole)


def pool(whole):
    """Blocks side by side, overlapping or with gaps between; with and without ties."""
    settings = {"size": whole(1, 5), "stride": pick([None, 1, 2, 3, 4], whole)}
    numbers = pick([eighths, few, equal, negative], whole)
    return layer_case("MaxPool2D", settings, image_shape(settings["size"], whole), whole, numbers)


def relu(whole):
    return layer_case("ReLU", {}, image_shape(1, whole), whole, pick([eighths, few], whole))


def linear(whole):
    return layer_case("Linear", {"outputs": whole(1, 20)}, (whole(1, 40),), whole)


def loss(whole):
    """Logits up to a few thousand, where a plain softmax overflows."""
    n, classes, scale, rng = whole(1, 10), whole(1, 12), pick([1, 30, 1000], whole), generator(whole)
    logits = scale * eighths(rng, (n, classes))
    return Case("softmax_cross_entropy", {}, {"logits": logits, "labels": rng.integers(0, classes, n)})


def explanation(whole):
    """A small network, one of its units, and a method to explain it by."""
    depth, size, filters = whole(1, 3), 4 * whole(1, 3), whole(1, 4)  # pools and occluding squares leave no remainder
    layers = [
        ["Conv2D", {"filters": filters, "size": 3}], ["ReLU", {}], ["MaxPool2D", {"size": 2}],
        ["Conv2D", {"filters": whole(1, 4), "size": whole(1, 3)}], ["ReLU", {}],
        ["Flatten", {}], ["Linear", {"outputs": whole(2, 5)}], ["ReLU", {}], ["Linear", {"outputs": whole(2, 4)}],
    ]  # fmt: skip
    rng, net = generator(whole), network((depth, size, size), layers)
    method = pick(["gradient_saliency", "guided_backpropagation", "deconvnet", "grad_cam", "occlusion"], whole)
    layer = len(layers) - 1 if method == "grad_cam" else pick([1, 3, 4, 6, 8], whole)
    shape = net.out_shapes[layer]
    unit = [whole(0, n - 1) for n in shape[: pick([1, len(shape)], whole)]]  # a class, a filter, a place of its map
    settings = {"layers": layers, "layer": layer, "unit": unit}
    settings |= {"maps": pick([0, 1, 2, 3, 4], whole)} if method == "grad_cam" else {}
    settings |= {"size": 4, "stride": pick([2, 4], whole), "fill": 0.5} if method == "occlusion" else {}
    weights = {name: eighths(rng, w.shape) for name, w in net.named_params().items()}
    return Case(method, settings, {"x": eighths(rng, (2, *net.input_shape)), **weights})


def network(in_shape, layers):
    return cnnlib.Network(in_shape, [getattr(cnnlib, name)(**settings) for name, settings in layers])


def layer_case(what, settings, in_shape, whole, numbers=None):
    n, rng = whole(1, 3), generator(whole)
    layer = getattr(cnnlib, what)(**settings)
    out_shape = layer.build(in_shape, rng)
    weights = {name: eighths(rng, w.shape) for name, w in layer.params.items()}
    x, dy = (numbers or eighths)(rng, (n, *in_shape)), eighths(rng, (n, *out_shape))
    return Case(what, settings, {"x": x, **weights, "dy": dy})


def pick(options, whole):
    return options[whole(0, len(options) - 1)]


def generator(whole):
    return np.random.default_rng(whole(0, 2**32 - 1))


def image_shape(least, whole):
    return whole(1, 4), least + whole(0, 7), least + whole(0, 7)  # depth, height, width


# Numbers. All are multiples of 1/8, which float32 multiplies and adds up without rounding: an answer that is right
# is right to the last digit, in whatever order it was added up, and one that is wrong is wrong by 1/64 or more.


def eighths(rng, shape):
    return np.round(8 * rng.standard_normal(shape)).astype(np.float32) / 8


def few(rng, shape):
    return rng.integers(-1, 2, shape).astype(np.float32)


def equal(rng, shape):
    return np.full(shape, -3, np.float32)


def negative(rng, shape):
    return -1 - abs(eighths(rng, shape))


# Answered by cnnlib


def answer(case):
    """What comes out and all gradients, by name: y, dx, dw, db; or loss and dlogits."""
    if case.what == "softmax_cross_entropy":
        return dict(zip(["loss", "dlogits"], cnnlib.softmax_cross_entropy(**case.arrays)))
    if "unit" in case.settings:
        return {"map": explained(case)}
    layer = getattr(cnnlib, case.what)(**case.settings)
    layer.build(case.arrays["x"].shape[1:], np.random.default_rng(0))
    layer.params = {name: case.arrays[name] for name in layer.params}
    y, dx = layer.forward(case.arrays["x"]), layer.backward(case.arrays["dy"])
    return {"y": y, "dx": dx, **{f"d{name}": gradient for name, gradient in layer.grads.items()}}


def explained(case):
    settings, weights = dict(case.settings), dict(case.arrays)
    x, unit = weights.pop("x"), settings.pop("unit")
    net = network(x.shape[1:], settings.pop("layers"))
    for name, w in net.named_params().items():
        w[...] = weights[name]
    found = getattr(cnnlib.explain, case.what)(net, x, unit[0] if len(unit) == 1 else tuple(unit), **settings)
    return by_pixel(found, x.shape, settings["size"], settings["stride"]) if case.what == "occlusion" else found


def by_pixel(falls, shape, size, stride):
    """As Captum tells of occlusion: each pixel's mean over the squares that cover it."""
    total, times = np.zeros(shape, falls.dtype), np.zeros(shape, falls.dtype)
    for r, c in np.ndindex(falls.shape[1:]):
        square = (slice(None), slice(None), slice(r * stride, r * stride + size), slice(c * stride, c * stride + size))
        total[square] += falls[:, r, c, None, None, None]
        times[square] += 1
    return total / times


def assert_agrees(case, expected):
    """cnnlib's answer is the expected one: to the last digit, save where it cannot do without rounding."""
    ours = answer(case)
    exact = case.what not in ("softmax_cross_entropy", "grad_cam", "occlusion")  # logarithms and means
    tolerance = {"rtol": 0} if exact else {"rtol": 1e-5, "atol": 1e-6}
    assert ours.keys() == expected.keys()
    for name, theirs in expected.items():
        assert np.shape(ours[name]) == theirs.shape, name
        assert name == "loss" or ours[name].dtype == theirs.dtype == np.float32, name
        np.testing.assert_allclose(ours[name], theirs, err_msg=f"{name} of {case.what}, {case.settings}", **tolerance)


# Kept in a file: a JSON text, and of each case the arrays that go in (0.in.x) and that come out (0.out.dx)


def save(path, cases, answers, made_with):
    about = {"made_with": made_with, "cases": [[case.what, case.settings] for case in cases]}
    arrays = {
        f"{number}.{way}.{name}": array
        for number, (case, answer) in enumerate(zip(cases, answers, strict=True))
        for way, named in [("in", case.arrays), ("out", answer)]
        for name, array in named.items()
    }
    np.savez_compressed(path, about=json.dumps(about), **arrays)


def load(path):
    """-> (made_with, [(case, answer), ...])"""
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    about = json.loads(str(arrays.pop("about")))

    def named(start):
        return {key.removeprefix(start): array for key, array in arrays.items() if key.startswith(start)}

    return about["made_with"], [
        (Case(what, settings, named(f"{number}.in.")), named(f"{number}.out."))
        for number, (what, settings) in enumerate(about["cases"])
    ]
