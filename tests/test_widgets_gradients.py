"""GradientLab, driven from Python: its gradients against sums by hand, its errors against differences taken here."""

import copy
import re

import numpy as np
import pytest
import traitlets
from ipywidgets import FloatLogSlider, ToggleButtons

from cnnlib import Conv2D, Flatten, Layer, Linear, MaxPool2D, ReLU
from cnnlib.widgets import GradientLab, Tiles


@pytest.fixture
def x(rng):
    return rng.standard_normal((2, 3, 5, 6))


@pytest.fixture
def lab(x):
    return GradientLab(Conv2D(2, 3), x)


def controls(widget, kind):
    found = [widget] if isinstance(widget, kind) else []
    return found + [c for child in getattr(widget, "children", ()) for c in controls(child, kind)]


def importance(layer, x, built=False):
    """The weight of each output in the loss, drawn as gradcheck.check draws it."""
    rng = np.random.default_rng(0)
    layer = copy.deepcopy(layer)
    if not built:
        layer.build(x.shape[1:], rng)
    return layer, rng.standard_normal(layer.forward(x.astype(np.float32)).shape)


def test_gradient_of_a_filter_weight_by_hand(lab, x):
    x = x.astype(np.float32).astype(float)
    _, importance_of = importance(Conv2D(2, 3), x)
    framed = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    for index in [(0, 0, 0, 0), (1, 2, 0, 2)]:
        f, d, i, j = index
        by_hand = sum(
            importance_of[n, f, r, c] * framed[n, d, r + i, c + j] for n in range(2) for r in range(5) for c in range(6)
        )
        lab.pick("w", index)
        assert lab.analytic == pytest.approx(by_hand, rel=1e-12)
        assert lab.numerical["float64"] == pytest.approx(by_hand, rel=1e-9)
        assert lab.numerical["float32"] == pytest.approx(by_hand, rel=1e-2)
    lab.pick("b", (1,))
    assert lab.analytic == pytest.approx(importance_of[:, 1].sum(), rel=1e-12)


def test_gradient_of_a_pixel_by_hand(x):
    layer, importance_of = importance(Linear(2), x.reshape(2, -1))
    lab = GradientLab(Linear(2), x.reshape(2, -1))
    lab.pick("x", (1, 17))
    by_hand = float(layer.params["w"][17].astype(float) @ importance_of[1])
    assert (lab.analytic, lab.numerical["float64"]) == pytest.approx((by_hand, by_hand), rel=1e-9)
    lab.pick("w", (17, 1))
    assert lab.analytic == pytest.approx(x.astype(np.float32).reshape(2, -1)[:, 17] @ importance_of[:, 1])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_errors_are_those_of_central_differences_taken_by_hand(x, dtype):
    lab = GradientLab(MaxPool2D(2), x)
    _, weights = importance(MaxPool2D(2), x)
    weights = weights.astype(dtype)

    def loss(value):
        moved = x.astype(np.float32).astype(dtype)
        moved[0, 1, 2, 3] = value
        blocks = moved[:, :, :4].reshape(2, 3, 2, 2, 3, 2)
        return (blocks.max((3, 5)) * weights).sum()

    lab.pick("x", (0, 1, 2, 3))
    at = x.astype(np.float32).astype(dtype)[0, 1, 2, 3]
    errors = []
    for h in lab.steps:
        numerical = float((loss(at + h) - loss(at - h)) / (2 * h))
        largest = max(abs(numerical), abs(lab.analytic))
        errors.append(abs(numerical - lab.analytic) / largest if largest else 0)
    np.testing.assert_array_equal(lab.curves[dtype], errors)
    for h, error in zip(lab.steps[::6], errors[::6]):
        lab.h = h
        assert lab.errors[dtype] == error


class Square(Layer):
    """y = x ** 3, whose error goes down with h ** 2 until rounding takes over."""

    def forward(self, x):
        self.x = x
        return x * x * x

    def backward(self, dy):
        return 3 * self.x * self.x * dy


def test_a_smooth_curve_has_the_best_step_in_the_middle():
    lab = GradientLab(Square(), [[0.7, -0.2]])
    errors = dict(zip(np.round(np.log10(lab.steps), 2), lab.curves["float64"]))
    assert errors[-1] == pytest.approx(100 * errors[-2], rel=0.01)  # a tenth of the step, a hundredth of the error
    assert errors[-1] == pytest.approx(0.01 / (3 * 0.7**2 + 0.01), rel=0.01)
    best = min(lab.curves["float64"])
    assert best < 1e-8 and errors[-10] > 10 * best and errors[-1] > 10 * best
    assert min(lab.curves["float32"]) > 100 * best
    lab.h = 0.1
    assert "The loss bends within h of it, so the chord is not the tangent: relative error 0.0068." in lab.text
    lab.h = 1e-5
    assert "as good as straight" in lab.text


@pytest.mark.parametrize("value", [0.03, -0.03, 0.0])
def test_the_kink_of_a_relu(value):
    lab = GradientLab(ReLU(), [[1.0, value, -1.0]])
    weight = np.random.default_rng(0).standard_normal((1, 3))[0, 1]
    lab.index = (0, 1)
    value = float(np.float32(value))
    for lab.h in (0.1, 0.01, 1e-3):
        wrong = weight * (max(value + lab.h, 0) - max(value - lab.h, 0)) / (2 * lab.h)
        assert lab.numerical["float64"] == pytest.approx(wrong, rel=1e-9, abs=1e-12)
        assert lab.analytic == (weight if value > 0 else 0)
        assert ("bends within h" in lab.text) == (abs(value) < lab.h)
        np.testing.assert_allclose(
            lab.changes("float64"),
            [weight * (max(value + s * lab.h, 0) - max(value, 0)) / lab.h for s in lab.around],
            atol=1e-9,
        )
    lab.h = 0.1
    if value > 0:
        error = 1 - 0.13 / 0.2
        assert lab.errors["float64"] == pytest.approx(error) and f"relative error {error:.2g}" in lab.text


class Wrong(ReLU):
    """A mistake to find: twice the gradient."""

    def backward(self, dy):
        return 2 * super().backward(dy)


def test_a_mistake_in_backward_is_found():
    lab = GradientLab(Wrong(), [[1.0, 2.0]])
    assert lab.errors["float64"] == pytest.approx(0.5)
    assert lab.text.endswith("The loss is straight here, and still they differ: look for a mistake in backward.")


class WrongShape(ReLU):
    def backward(self, dy):
        return super().backward(dy)[:, :1]


def test_a_gradient_of_the_wrong_shape_is_refused():
    with pytest.raises(ValueError, match=r"the gradient of x must have its shape \(1, 2\), not \(1, 1\)"):
        GradientLab(WrongShape(), [[1.0, 2.0]])


def test_text():
    lab = GradientLab(ReLU(), np.array([[1.5, -2.0]]))
    assert repr(lab) == f"GradientLab: {lab.text}" and lab.text in lab.words.value
    assert lab.text == (
        "x[0, 0] is 1.5. Analytic gradient: 0.1257. Central difference with h = 0.001: 0.1257 in float64, "
        "0.13 in float32. The loss is as good as straight within h of it: what is left is rounding."
    )
    lab.h = 1e-8
    assert "0.1257 in float64, no sure digit in float32" in lab.text
    lab.index = (0, 1)
    assert "Analytic gradient: 0. Central difference with h = 1e-08: 0 in float64, 0 in float32." in lab.text


def test_the_controls_and_the_traits_are_one(lab):
    (arrays,), (step,) = controls(lab, ToggleButtons), controls(lab, FloatLogSlider)
    assert arrays.options == ("x", "w", "b") and arrays.value == "w"
    step.value = 1e-6
    assert lab.h == 1e-6
    lab.slider.value = 2 * 27 - 1
    assert lab.index == (1, 2, 2, 2)
    arrays.value = "x"
    assert (lab.name, lab.index, lab.slider.max) == ("x", (0, 0, 0, 0), 2 * 3 * 5 * 6 - 1)
    lab.index = (1, 0, 4, 5)
    assert lab.slider.value == 90 + 29
    lab.name = "w"
    assert lab.index == (1, 2, 2, 2)  # where the hand was last
    lab.name = "x"
    assert lab.index == (1, 0, 4, 5) and arrays.value == "x"
    lab.h = 3e-5
    assert step.value == 3e-5


def test_picking_in_the_tiles(lab):
    sheets = dict(zip(("x", "w", "b"), controls(lab, Tiles)))
    assert sheets["w"].captions == ["w: filter 0, depth 0", "w: filter 0, depth 1", "w: filter 0, depth 2"]
    sheets["x"].picked = (2, 3, 4)
    assert (lab.name, lab.index) == ("x", (0, 2, 3, 4))
    assert [(len(s.boxes), s.boxes and s.boxes[0]["tile"]) for s in sheets.values()] == [(1, 2), (0, []), (0, [])]
    sheets["b"].picked = (0, 0, 1)
    assert (lab.name, lab.index) == ("b", (1,)) and not sheets["x"].boxes
    lab.pick("w", (1, 0, 2, 1))
    assert sheets["w"].captions[0] == "w: filter 1, depth 0" and sheets["w"].picked == (0, 2, 1)
    sheets["w"].picked = (1, 0, 0)
    assert lab.index == (1, 1, 0, 0)
    lab.pick("x", (1, 0, 0, 0))
    assert sheets["x"].captions == [f"x: image 1, depth {d}" for d in range(3)]


def test_tiles_show_the_gradient(lab, x):
    rng = np.random.default_rng(0)
    layer = Conv2D(2, 3)
    layer.build(x.shape[1:], rng)
    layer.params = {name: p.astype(float) for name, p in layer.params.items()}
    x = x.astype(np.float32).astype(float)
    dx = layer.backward(rng.standard_normal(layer.forward(x).shape))
    sheets = controls(lab, Tiles)
    np.testing.assert_allclose(sheets[0].arrays, dx[0], rtol=1e-12)
    np.testing.assert_allclose(sheets[1].arrays, layer.grads["w"][0], rtol=1e-12)
    assert sheets[0].largest == pytest.approx(np.abs(dx).max())  # one scale over all images


def test_a_long_row_is_folded(rng):
    lab = GradientLab(Linear(3), rng.standard_normal((2, 300)))
    sheets = controls(lab, Tiles)
    assert sheets[0].sizes == [[17, 18]] and sheets[1].captions == ["w: to output 0"]
    sheets[1].picked = (0, 2, 5)
    assert lab.index == (2 * 18 + 5, 0)
    sheets[1].picked = (0, 16, 17)  # beyond the end: the pick goes back
    assert lab.index == (41, 0) and "NaN" not in lab.text
    sheets[0].picked = (0, 16, 17)  # nor is there one of another array
    assert (lab.name, lab.index) == ("w", (41, 0))
    lab.pick("w", (7, 2))
    assert sheets[1].captions == ["w: to output 2"] and sheets[1].picked == (0, 0, 7)


def test_many_maps_are_shown_a_few_at_a_time(rng):
    lab = GradientLab(ReLU(), rng.standard_normal((1, 16, 4, 4)))
    (sheet,) = controls(lab, Tiles)
    assert [c[-1] for c in sheet.captions] == list("012345")
    lab.index = (0, 14, 3, 3)
    assert [c.split()[-1] for c in sheet.captions] == ["12", "13", "14", "15"] and sheet.picked == (2, 3, 3)


def test_what_cannot_be_is_refused(lab):
    with pytest.raises(traitlets.TraitError, match="name must be one of x, w, b, not 'dw'"):
        lab.name = "dw"
    with pytest.raises(
        traitlets.TraitError, match=r"index must be a place in w, which is \(2, 3, 3, 3\), not \(0, 0\)"
    ):
        lab.index = (0, 0)
    with pytest.raises(traitlets.TraitError, match=r"not \(2, 0, 0, 0\)"):
        lab.index = (2, 0, 0, 0)
    with pytest.raises(traitlets.TraitError, match=r"index must be a place in b, which is \(2,\), not \(5,\)"):
        lab.pick("b", (5,))
    with pytest.raises(traitlets.TraitError, match="h must be 1e-10 to 1e-1, not 0.5"):
        lab.h = 0.5
    with pytest.raises(traitlets.TraitError, match="h must be 1e-10"):
        lab.h = float("nan")
    assert (lab.name, lab.index, lab.h) == ("w", (0, 0, 0, 0), 1e-3)
    lab.index = (0, 0, 0, 1)
    assert lab.text.startswith("w[0, 0, 0, 1]")
    with pytest.raises(ValueError):
        GradientLab(Linear(2), np.zeros((1, 3, 4, 4)))  # the layer says what it wants


def test_nan_is_grey_and_counted(rng):
    x = rng.standard_normal((1, 1, 4, 4))
    x[0, 0, 1, 1] = np.nan
    lab = GradientLab(Conv2D(1, 3), x)
    assert lab.text.startswith("9 of the gradients are not numbers (NaN): they are grey. w[0, 0, 0, 0] is")
    assert np.isnan(lab.curves["float64"]).all() and np.isnan(lab.numerical["float32"])
    lab.h = 1e-5
    lab.pick("x", (0, 0, 3, 3))  # its own gradient is a number, and the loss is not
    assert np.isfinite(lab.analytic) and lab.text.endswith("The loss is not a number, as one of its parts is not.")
    assert "not a number in float64, not a number in float32" in lab.text
    lab.figure().png()


@pytest.mark.parametrize("x", [np.zeros((1, 1, 4, 6)), np.full((1, 2, 4, 4), 3), np.ones((2, 1, 1, 1), int)], ids=str)
@pytest.mark.parametrize("layer", [Conv2D(2, 1), ReLU(), MaxPool2D(1), Flatten()], ids=str)
def test_constant_and_whole_numbers(layer, x):
    lab = GradientLab(layer, x)
    lab.name = "x"
    for lab.h in (1e-10, 1e-3, 0.1):
        assert np.isfinite([*lab.numerical.values()]).all()
    lab.figure().png()


def test_large_images(rng):
    lab = GradientLab(Conv2D(1, 3), rng.standard_normal((1, 1, 256, 256)))
    assert len(lab.steps) == 10 and controls(lab, Tiles)[0].zoom * 256 <= 400
    lab.pick("x", (0, 0, 200, 100))
    assert lab.numerical["float64"] == pytest.approx(lab.analytic, rel=1e-5)


def test_the_readers_layer_is_left_alone(rng):
    layer = Conv2D(2, 3)
    layer.build((1, 4, 4), rng)
    params, x = {name: p.copy() for name, p in layer.params.items()}, rng.standard_normal((1, 1, 4, 4))
    kept = x.copy()
    lab = GradientLab(layer, x)
    assert lab.value == layer.params["w"][0, 0, 0, 0]  # its own weights
    lab.pick("x", (0, 0, 1, 1))
    lab.h = 0.1
    np.testing.assert_array_equal(x, kept)
    assert layer.grads == {} and all(np.array_equal(layer.params[name], params[name]) for name in params)
    assert layer.params["w"].dtype == np.float32


def test_charts_mark_h(lab):
    def marks():
        return [float(a) for a in re.findall(r'<circle cx="([\d.]+)"', lab.curve.value)]

    lab.h = 0.1
    right = marks()
    lab.h = 1e-10
    left = marks()
    assert len(right) == len(left) == 2 and right[0] == right[1] > left[0] == left[1]
    assert lab.nearby.value.count("<polyline") == 4 and lab.curve.value.count("<polyline") == 2


def test_still_picture(lab):
    lab.h = 1e-4
    errors, near = lab.figure().axes
    np.testing.assert_array_equal(errors.lines[0].get_ydata(), np.maximum(lab.curves["float64"], 1e-16))
    assert errors.lines[1].get_xdata() == [1e-4]
    assert [line.get_label() for line in near.lines] == ["tangent", "float32", "float64", "chord"]
    assert lab.figure().alt == lab.text and "image/png" in lab._repr_mimebundle_()
