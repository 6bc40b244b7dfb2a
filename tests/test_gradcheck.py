"""The gradient check measures slopes that are known, and finds the mistakes that people make."""

import copy
import math

import numpy as np
import pytest

from cnnlib import Conv2D, Layer, Linear, MaxPool2D, ReLU, gradcheck
from cnnlib.gradcheck import numerical_gradient, relative_error

# Numerical gradients


@pytest.mark.parametrize("f, slope", [
    (lambda x: (x**2).sum(), lambda x: 2 * x),
    (lambda x: np.sin(x).sum(), np.cos),
    (lambda x: np.exp(x).sum() / 3, lambda x: np.exp(x) / 3),
    (lambda x: x.prod(), lambda x: x.prod() / x),
    (lambda x: 7.0, np.zeros_like),
], ids=["square", "sine", "exponential", "product", "constant"])  # fmt: skip
@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (1, 2, 1, 2)], ids=str)
def test_slopes_known_from_calculus(f, slope, shape):
    x = np.random.default_rng(0).uniform(0.5, 2, shape)
    gradient = numerical_gradient(f, x)
    assert gradient.shape == shape and gradient.dtype == np.float64
    np.testing.assert_allclose(gradient, slope(x), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("h", [0.1, 0.01, 0.001])
def test_the_error_is_the_square_of_the_nudge(h):
    """((x + h)**3 - (x - h)**3) / 2h = 3 x**2 + h**2, exactly."""
    assert numerical_gradient(lambda x: x[0] ** 3, np.array([2.0]), h) == pytest.approx(12 + h**2, rel=1e-10)


def test_x_is_put_back_to_the_last_bit():
    x = np.random.default_rng(0).standard_normal((3, 4))
    before = x.copy()
    numerical_gradient(lambda x: x.sum(), x)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("x, told", [
    (np.array([1, 2, 3]), "int64"),
    (np.array([1, 2, 3], np.float32), "float32"),
    (np.array([1, 2, 3], np.float16), "float16"),
    ([1.0, 2.0, 3.0], "list"),
    (2.0, "float"),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_numbers_that_a_small_nudge_would_not_move_are_refused(x, told):
    with pytest.raises(TypeError, match=f"x must be a float64 array, not {told}: "):
        numerical_gradient(np.sum, x)


@pytest.mark.parametrize("a, b, error", [
    ([1, 2], [1, 2], 0),
    ([0, 0], [0, 0], 0),
    ([1, 2], [1, 2.5], 0.2),
    ([1, -2.5], [1, -2], 0.2),
    ([1000, 0], [1000, 1], 0.001),
    ([4], [0], 1),
    ([1], [-1], 2),
], ids=str)  # fmt: skip
def test_relative_error_by_hand(a, b, error):
    a, b = np.array(a, float), np.array(b, float)
    assert relative_error(a, b) == relative_error(b, a) == pytest.approx(error)


def test_no_number_is_no_small_error():
    assert not relative_error(np.array([1.0]), np.array([math.nan])) < 1


# Mistakes: what is made of the right gradients, and of dy. "x" is the input's, "w" and "b" are the parameters'.


class Mistaken(Layer):
    """A right layer, whose gradients are spoiled on their way out."""

    def __init__(self, layer, spoil):
        super().__init__()
        self.layer, self.spoil = layer, spoil

    def build(self, in_shape, rng):
        out_shape = self.layer.build(in_shape, rng)
        self.params = self.layer.params
        return out_shape

    def forward(self, x):
        self.layer.params = self.params
        return self.layer.forward(x)

    def backward(self, dy):
        gradients = {"x": self.layer.backward(dy), **self.layer.grads}
        gradients |= self.spoil(gradients, dy)
        self.grads = {name: gradients[name] for name in self.params}
        return gradients["x"]


MISTAKES = {
    "twice as much": (Linear(2), "x", lambda g, dy: 2 * g["x"]),
    "the other way": (Linear(2), "w", lambda g, dy: -g["w"]),
    "mean over images for sum": (Linear(2), "b", lambda g, dy: dy.mean(0)),
    "last image only, = for +=": (Linear(2), "b", lambda g, dy: dy[-1]),
    "no bias": (Conv2D(2, 3), "b", lambda g, dy: 0 * g["b"]),
    "bias added for each channel": (Conv2D(2, 3), "b", lambda g, dy: 3 * g["b"]),
    "filters turned": (Conv2D(2, 3), "w", lambda g, dy: g["w"][:, :, ::-1, ::-1]),
    "rows for columns": (Conv2D(2, 3), "w", lambda g, dy: g["w"].swapaxes(2, 3)),
    "one pixel off": (Conv2D(2, 3), "x", lambda g, dy: np.roll(g["x"], 1, axis=3)),
    "edges forgotten": (Conv2D(2, 3), "x", lambda g, dy: g["x"] * np.pad(np.ones((4, 4)), 1)),
    "outputs mixed up, which a plain sum can't tell": (Linear(2), "b", lambda g, dy: g["b"][::-1]),
    "gate forgotten": (ReLU(), "x", lambda g, dy: dy),
    "everywhere for the largest": (MaxPool2D(2), "x", lambda g, dy: dy.repeat(2, 2).repeat(2, 3)),
}


def input_of(layer):
    return np.random.default_rng(0).standard_normal((2, 6) if isinstance(layer, Linear) else (2, 3, 6, 6))


@pytest.mark.parametrize("layer, name, spoil", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_found_where_it_was_made(layer, name, spoil):
    right = gradcheck.check(layer, input_of(layer))
    assert max(right.values()) < 1e-7
    errors = gradcheck.check(Mistaken(layer, lambda g, dy: {name: spoil(g, dy)}), input_of(layer))
    assert errors.keys() == right.keys()
    assert errors.pop(name) > 1e-2
    assert max(errors.values(), default=0) < 1e-7


def test_a_small_mistake_in_one_number_is_found():
    def spoil(gradients, dy):
        gradients["w"][0, 0, 0, 0] *= 1.01
        return {}

    assert gradcheck.check(Mistaken(Conv2D(1, 2), spoil), input_of(Conv2D(1, 2)))["w"] > 1e-4


@pytest.mark.parametrize("name", ["x", "w", "b"])
def test_a_gradient_of_another_shape_is_refused_by_name(name):
    """Such as what `dy.sum(0, keepdims=True)` makes: the numbers are right, and NumPy would stretch it to fit."""
    mistaken = Mistaken(Linear(2), lambda g, dy: {name: g[name][None]})
    with pytest.raises(ValueError, match=f"{name}.* shape"):
        gradcheck.check(mistaken, input_of(Linear(2)))


# What a check works on


def test_it_leaves_the_layer_and_the_input_alone():
    layer, x = Conv2D(2, 3), input_of(Conv2D(1, 2)).astype(np.float32)
    layer.build((3, 6, 6), np.random.default_rng(0))
    layer.backward(layer.forward(x))
    before = copy.deepcopy((x, layer.params, layer.grads))
    gradcheck.check(layer, x)
    for kept, now in zip([before[0], *before[1].values(), *before[2].values()],
                         [x, *layer.params.values(), *layer.grads.values()], strict=True):  # fmt: skip
        assert kept.dtype == now.dtype
        np.testing.assert_array_equal(kept, now)


def test_it_uses_the_weights_that_a_layer_has():
    class RightForOnes(Linear):
        def backward(self, dy):
            return super().backward(dy) * (self.params["w"] == 1).all()

    layer = RightForOnes(2)
    layer.build((6,), np.random.default_rng(0))
    assert gradcheck.check(layer, input_of(layer))["x"] > 1e-2
    layer.params["w"][:] = 1
    assert gradcheck.check(layer, input_of(layer))["x"] < 1e-7


def test_it_builds_a_layer_that_was_never_built():
    layer = Linear(2)
    assert gradcheck.check(layer, input_of(layer)).keys() == {"x", "w", "b"}
    assert layer.params == {}


def test_the_same_seed_measures_the_same():
    one, same, other = (gradcheck.check(Linear(2), input_of(Linear(2)), seed) for seed in (1, 1, 2))
    assert one == same != other
