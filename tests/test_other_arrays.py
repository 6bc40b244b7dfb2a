"""The same code computes on arrays that are not NumPy's, such as CuPy's on a GPU, and never falls back to NumPy.

There is no GPU here. `FarArray` stands in for `cupy.ndarray`, and refuses what that refuses (by the source of CuPy 13):
it meets its own kind and single numbers only, gives its contents away only when asked, and knows NumPy's functions
only as far as CuPy has them.
"""

import collections
import operator

import numpy as np
import pytest

from cnnlib import SGD, Adam, Conv2D, Flatten, Linear, MaxPool2D, Network, Recording, ReLU, softmax_cross_entropy, train

# Functions that CuPy has under NumPy's name, and what they take by name. Before adding one, look it up.
FUNCTIONS = {
    np.zeros_like: {"dtype", "order", "shape"},
    np.empty_like: {"dtype", "order", "shape"},
    np.arange: {"dtype"},
    np.stack: {"axis", "out"},
    np.einsum: {"dtype", "out"},
    np.concatenate: {"axis", "out"},
    np.split: {"axis"},  # indices on the host, as a list or NumPy's integers
    np.copyto: {"casting"},
}
METHODS = "all any argmax astype copy max mean min ravel reshape sum swapaxes transpose".split()
METHOD_ARGUMENTS = {"axis", "dtype", "out", "keepdims", "copy", "order"}


class FarArray(np.lib.mixins.NDArrayOperatorsMixin):
    """An array whose numbers are elsewhere."""

    calls = collections.Counter()  # what was computed there

    def __init__(self, numbers):
        self.numbers = np.asarray(numbers)

    shape = property(lambda self: self.numbers.shape)
    dtype = property(lambda self: self.numbers.dtype)
    ndim = property(lambda self: self.numbers.ndim)
    size = property(lambda self: self.numbers.size)
    T = property(lambda self: FarArray(self.numbers.T))

    def get(self):
        """To NumPy, at the caller's wish: CuPy has this too."""
        return self.numbers.copy()

    def __array__(self, *_, **__):
        raise TypeError("Implicit conversion to a NumPy array is not allowed")

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **named):
        if method != "__call__" or named.keys() - {"dtype", "casting"}:
            return NotImplemented
        self.calls[ufunc.__name__] += 1
        if out:
            named["out"] = near(out)
        result = ufunc(*near(inputs), **named)
        return out[0] if out else FarArray(result)

    def __array_function__(self, function, types, args, named):
        if function is np.savez:  # CuPy's fetches its arrays and calls NumPy's
            return np.savez(*args, **{name: a.get() if isinstance(a, FarArray) else a for name, a in named.items()})
        if function not in FUNCTIONS or named.keys() - FUNCTIONS[function]:
            return NotImplemented
        self.calls[function.__name__] += 1
        if function is np.split:
            return [FarArray(piece) for piece in np.split(near(args[0]), *args[1:], **named)]
        return FarArray(function(*near(args), **near(named)))

    def __getitem__(self, place):
        return FarArray(self.numbers[near_place(place)])

    def __setitem__(self, place, value):
        self.numbers[near_place(place)] = near(value)

    def __iter__(self):
        return map(FarArray, self.numbers)

    def __len__(self):
        return len(self.numbers)

    def __bool__(self):
        return bool(self.numbers)

    def __int__(self):
        return int(self.numbers)

    def __float__(self):
        return float(self.numbers)

    def __str__(self):
        return str(self.numbers)

    def tobytes(self):
        return self.numbers.tobytes()


def method(name):
    def call(self, *args, **named):
        if named.keys() - METHOD_ARGUMENTS:
            raise TypeError(f"{name} does not take {named}")
        self.calls[name] += 1
        return FarArray(getattr(self.numbers, name)(*near(args), **near(named)))

    return call


for name in METHODS:
    setattr(FarArray, name, method(name))


def near(value):
    """What a far array computes with: far arrays and single numbers, but none of NumPy's arrays."""
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}: an array of NumPy's has come in among the far ones")
    if isinstance(value, (list, tuple)):
        return type(value)(map(near, value))
    if isinstance(value, dict):
        return {name: near(v) for name, v in value.items()}
    return value.numbers if isinstance(value, FarArray) else value


def near_place(place):
    """A place to index with. Here NumPy's arrays are welcome, as they are to CuPy."""
    if isinstance(place, tuple):
        return tuple(map(near_place, place))
    return place.numbers if isinstance(place, FarArray) else place


# The stand-in stands in well


@pytest.mark.parametrize("forbidden", [
    lambda far: np.asarray(far),
    lambda far: np.float32(far),
    lambda far: far + np.ones(3),
    lambda far: np.ones(3) * far,
    lambda far: operator.iadd(far, np.ones(3)),
    lambda far: operator.setitem(far, slice(0, 2), np.zeros(2)),
    lambda far: operator.setitem(np.zeros(3), slice(None), far),
    lambda far: np.add(far, far, out=np.zeros(3)),
    lambda far: np.add.reduce(far),
    lambda far: np.stack([far, np.zeros(3)]),
    lambda far: np.zeros_like(far, subok=False),
    lambda far: np.array([far, far]),
    lambda far: np.zeros(3)[far],
], ids=range(13))  # fmt: skip
def test_a_far_array_refuses_what_cupy_refuses(forbidden):
    with pytest.raises((TypeError, IndexError)):
        forbidden(FarArray([0, 1, 2]))


# The library computes with it


def network():
    layers = [
        Conv2D(3, 3), ReLU(), MaxPool2D(2), Conv2D(2, 2, stride=2, padding=1), ReLU(), MaxPool2D(2, stride=1),
        Flatten(), Linear(4), ReLU(), Linear(3, "positive"),
    ]  # fmt: skip
    return Network((2, 9, 8), layers)


RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.standard_normal((20, 2, 9, 8)).astype(np.float32), RNG.integers(0, 3, 20)


def all_arrays(value):
    """Every array in nested lists, tuples and dictionaries, in order."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [array for item in value for array in all_arrays(item)]
    return [value] if hasattr(value, "shape") else []


def assert_far_and_same(far, numpys):
    """Far arrays all, with the numbers and the types of NumPy's."""
    far, numpys = all_arrays(far), all_arrays(numpys)
    assert {type(array) for array in far} == {FarArray}
    for ours, theirs in zip(far, numpys, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours.get(), theirs, rtol=1e-5, atol=1e-6)


def state(net, optimizer=None):
    memory = [optimizer.memory[layer] for layer in net.layers] if optimizer else []
    return [[layer.params, layer.grads] for layer in net.layers] + memory


@pytest.mark.parametrize("optimizer", [SGD, lambda: SGD(0.05, momentum=0.9), Adam], ids=["SGD", "momentum", "Adam"])
def test_training(optimizer):
    def trained(net, images, labels):
        film, rule = Recording(net), optimizer()
        list(film.watch(train(net, images, labels, iterations=5, batch_size=12, optimizer=rule)))
        return film, state(net, rule), film.weights

    FarArray.calls.clear()
    film, far, weights = trained(network().to(FarArray), FarArray(IMAGES), FarArray(LABELS))
    assert FarArray.calls["matmul"] and FarArray.calls["exp"] and FarArray.calls["maximum"]
    numpys_film, numpys, numpys_weights = trained(network(), IMAGES, LABELS)
    assert_far_and_same(far, numpys)
    assert_far_and_same(weights, numpys_weights)
    for step, expected in zip(film.steps, numpys_film.steps, strict=True):
        assert [type(value) for value in step] == [int, float, float]
        assert step == pytest.approx(expected, rel=1e-5)
    film.rewind(0)
    assert_far_and_same([layer.params for layer in film.net.layers], [layer.params for layer in network().layers])


@pytest.mark.parametrize("ask", ["forward", "activations", "probabilities", "predict"])
def test_answers(ask):
    far = getattr(network().to(FarArray), ask)(FarArray(IMAGES))
    assert_far_and_same(far, getattr(network(), ask)(IMAGES))


def test_backward_to_the_image():
    far, net = network().to(FarArray), network()
    dx = far.backward(softmax_cross_entropy(far.forward(FarArray(IMAGES)), FarArray(LABELS))[1])
    assert_far_and_same(dx, net.backward(softmax_cross_entropy(net.forward(IMAGES), LABELS)[1]))
    assert_far_and_same(state(far), state(net))


def test_many_images_in_chunks():
    many = np.tile(IMAGES, (7, 1, 1, 1))
    assert_far_and_same(network().to(FarArray).predict(FarArray(many)), network().predict(many))


def test_saving_brings_it_home(tmp_path):
    far = network().to(FarArray)
    far.save(tmp_path / "far.npz")
    net = Network.load(tmp_path / "far.npz")
    assert_far_and_same(far.to(lambda p: p).weights, net.weights)
    np.testing.assert_array_equal(far.to(FarArray.get).weights, network().weights)


@pytest.mark.parametrize("images, labels", [
    (IMAGES, FarArray(LABELS)),
    (FarArray(IMAGES), LABELS),
], ids=["images near", "labels near"])  # fmt: skip
def test_near_and_far_are_not_mixed_in_silence(images, labels):
    with pytest.raises(TypeError):
        list(train(network().to(FarArray), images, labels, iterations=1, batch_size=20))


def test_what_training_refuses_it_refuses_far_away_too():
    def steps(images, labels):
        return train(net, FarArray(images), FarArray(labels), iterations=1, batch_size=20)

    net = network().to(FarArray)
    with pytest.raises(ValueError, match="labels must be 0 to 2, not 1 to 3"):
        steps(IMAGES, LABELS + 1)
    with pytest.raises(TypeError, match="not float64"):
        steps(IMAGES.astype(float), LABELS)
    net.layers[3].params["b"][0] = np.nan
    with pytest.raises(FloatingPointError, match="Layer 3, Conv2D"):
        list(steps(IMAGES, LABELS))
