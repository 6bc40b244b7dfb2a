"""The explanations, held against numerical gradients, plain loops and numbers worked out by hand."""

import copy

import numpy as np
import pytest

from cnnlib import Conv2D, Flatten, Linear, MaxPool2D, Network, ReLU, explain
from cnnlib.gradcheck import numerical_gradient

UNITS = [(2, -1), (4, 6), (1, 0), ((2, 1, 3), 3), (0, 2), ((3, 8, 7), 0), (1, -5)]  # and their layers
METHODS = [
    explain.gradient_saliency, explain.deconvnet, explain.guided_backpropagation, explain.grad_cam, explain.occlusion,
]  # fmt: skip


@pytest.fixture
def net():
    """A network whose maps are not square, float64, its biases not zero."""
    layers = [Conv2D(4, 3), ReLU(), MaxPool2D(2), Conv2D(3, 3), ReLU(), Flatten(), Linear(5), ReLU(), Linear(3)]
    net = Network((2, 9, 8), layers).to(lambda p: p.astype(np.float64))
    net.weights = np.random.default_rng(3).normal(0, 0.5, net.weights.shape)
    return net


@pytest.fixture
def images(rng):
    return rng.standard_normal((3, 2, 9, 8))


def answers(net, images, unit, layer):
    """What the unit answers to each image: (n,)."""
    made = net.activations(images)[layer]
    return np.array([one[unit].sum() for one in made])


# --- what each method says


@pytest.mark.parametrize("unit, layer", UNITS)
def test_saliency_is_the_gradient(net, images, unit, layer):
    found = explain.gradient_saliency(net, images, unit, layer)
    expected = numerical_gradient(lambda x: answers(net, x, unit, layer).sum(), images)
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_three_rules_by_hand():
    """The second gate is shut, and the third hidden number speaks against the class."""
    net = Network((1, 1, 3), [Flatten(), Linear(3), ReLU(), Linear(1)])
    net.layers[1].params["w"][...] = np.diag([1, 10, 100])
    net.layers[3].params["w"][:, 0] = [2, 5, -4]
    image = np.array([[[[1, -2, 3]]]], np.float32)
    assert explain.gradient_saliency(net, image, 0).ravel().tolist() == [2, 0, -400]
    assert explain.deconvnet(net, image, 0).ravel().tolist() == [2, 50, 0]
    assert explain.guided_backpropagation(net, image, 0).ravel().tolist() == [2, 0, 0]


def test_three_rules_with_two_gates(rng):
    """In a network of matrices, each rule is a line of arithmetic."""
    net = Network((1, 2, 3), [Flatten(), Linear(7), ReLU(), Linear(6), ReLU(), Linear(2)])
    x = rng.standard_normal((1, 1, 2, 3), np.float32)
    a, b, c = (net.layers[i].params["w"] for i in (1, 3, 5))
    first = x.reshape(6) @ a
    second = np.maximum(first, 0) @ b

    def sent_back(rule):
        dy = c[:, 1]
        return (a @ rule(first, b @ rule(second, dy))).reshape(x.shape)

    rules = {
        explain.gradient_saliency: lambda h, dy: np.where(h > 0, dy, 0),
        explain.deconvnet: lambda h, dy: np.where(dy > 0, dy, 0),
        explain.guided_backpropagation: lambda h, dy: np.where((h > 0) & (dy > 0), dy, 0),
    }
    maps = []
    for method, rule in rules.items():
        maps.append(method(net, x, 1))
        np.testing.assert_allclose(maps[-1], sent_back(rule), rtol=1e-5, atol=1e-6)
    assert not any(np.allclose(one, other) for one, other in [maps[:2], maps[1:], maps[::2]])


def test_grad_cam_by_hand():
    net = Network((2, 2, 2), [ReLU(), Flatten(), Linear(1)])
    net.layers[2].params["w"][:, 0] = [0, 2, 1, 1, -2, -2, -4, 0]  # on average 1, and -2
    image = np.array([[[[1, 2], [3, 4]], [[0, 1], [-9, 3]]]], np.float32)
    assert explain.grad_cam(net, image, 0).tolist() == [[[1, 0], [3, 0]]]


@pytest.mark.parametrize("maps", [None, 0, 2, 4])
@pytest.mark.parametrize("unit, layer", [(1, -1), (3, 6)])
def test_grad_cam_of_a_class(net, images, unit, layer, maps):
    check_grad_cam(net, images, unit, layer, maps, last=4)


@pytest.mark.parametrize("unit", [2, (2, 1, 3)])
@pytest.mark.parametrize("maps", [None, 0])
def test_grad_cam_of_a_filter(net, images, unit, maps):
    check_grad_cam(net, images, unit, 3, maps, last=2)


def check_grad_cam(net, images, unit, layer, maps, last):
    found = explain.grad_cam(net, images, unit, layer, maps)
    asked = last if maps is None else maps
    for image, cam in zip(images, found, strict=True):
        made = net.activations(image[None])[asked]

        def answer(y):
            for each in net.layers[asked + 1 : layer % 9 + 1]:
                y = each.forward(y)
            return y[0][unit].sum()

        gradient = numerical_gradient(answer, made)[0]
        expected = np.zeros(made.shape[2:])
        for one, slope in zip(made[0], gradient, strict=True):
            expected += one * slope.sum() / slope.size
        np.testing.assert_allclose(cam, np.maximum(expected, 0), rtol=1e-6, atol=1e-9)
    assert found.max() > 0


@pytest.mark.parametrize("unit, layer", [(2, -1), (1, 3), ((0, 4, 2), 1)])
@pytest.mark.parametrize("size, stride, fill", [(2, 2, 0.0), (3, 2, 0.0), (4, 1, -1.5), (8, 5, 0.5)])
def test_occlusion_is_a_loop_over_squares(net, images, unit, layer, size, stride, fill):
    found = explain.occlusion(net, images, unit, layer, size, stride, fill)
    tops, lefts = range(0, 9 - size + 1, stride), range(0, 8 - size + 1, stride)
    assert found.shape == (3, len(tops), len(lefts))
    for n, image in enumerate(images):
        (before,) = answers(net, image[None], unit, layer)
        for r, top in enumerate(tops):
            for c, left in enumerate(lefts):
                covered = image.copy()
                for down in range(size):
                    for right in range(size):
                        covered[:, top + down, left + right] = fill
                (after,) = answers(net, covered[None], unit, layer)
                assert found[n, r, c] == pytest.approx(before - after, abs=1e-12)


def test_occlusion_by_hand():
    net = Network((1, 2, 4), [Flatten(), Linear(1)])
    net.layers[1].params["w"][:, 0] = [1, 1, 0, 2, 1, 1, 0, -3]
    image = np.array([[[[5, 1, 9, 1], [1, 1, 9, 1]]]], np.float32)
    assert explain.occlusion(net, image, 0, size=2, stride=2).tolist() == [[[8, -1]]]
    assert explain.occlusion(net, image, 0, size=2, stride=2, fill=1).tolist() == [[[4, 0]]]


@pytest.mark.parametrize("unit, layer", UNITS)
def test_the_most_exciting_by_a_plain_loop(net, rng, unit, layer):
    images = rng.standard_normal((150, 2, 9, 8))
    images[20:25] = images[:5]  # of equals, the first comes first
    found = []
    for n, image in enumerate(images):
        made = net.activations(image[None])[layer][0][unit]
        places = [place for place in np.ndindex(made.shape) if made[place] == made.max()]
        found.append((-made[places[0]], n, places[0]))
    found = sorted(found)[:12]
    exciting = explain.most_exciting(net, images, unit, layer, count=12)
    numbers, places, scores = exciting
    assert numbers.tolist() == [n for _, n, _ in found] and exciting.numbers is numbers
    assert list(map(tuple, places)) == [place for *_, place in found]
    assert places.shape == (12, 2 if np.ndim(unit) == 0 and layer in (0, 2, -5) else 0)
    np.testing.assert_allclose(scores, [-minus for minus, *_ in found], rtol=1e-12)


@pytest.mark.parametrize("unit, layer", [(0, -1), (2, -1), (1, 0), ((2, 1, 3), 3)])
def test_activation_maximisation_climbs_and_keeps_its_length(net, unit, layer):
    w = net.layers[-1].params["w"]
    w[...] = abs(w)  # or all hidden numbers at 0 would be the best that there is
    start = np.random.default_rng(5).standard_normal((1, 2, 9, 8))
    start *= 4 / np.linalg.norm(start)
    images = [explain.activation_maximisation(net, unit, layer, length=4, steps=n, seed=5) for n in (1, 5, 100)]
    values = [answers(net, image[None], unit, layer)[0] for image in (start[0], *images)]
    assert values == sorted(values) and values[-1] > values[0] + 0.1
    for image in images:
        assert image.shape == (2, 9, 8) and np.linalg.norm(image) == pytest.approx(4)
    again = explain.activation_maximisation(net, unit, layer, length=4, steps=5, seed=5)
    assert np.array_equal(again, images[1])


def test_of_one_filter_no_image_of_that_length_excites_it_more():
    """A linear unit's best image is its weights."""
    net = Network((3, 5, 5), [Conv2D(2, 5, padding="valid")])
    image = explain.activation_maximisation(net, 1, layer=0, length=2)
    w = net.layers[0].params["w"][1]
    np.testing.assert_allclose(image, 2 * w / np.linalg.norm(w), atol=0.03)


def test_randomised_keeps_the_numbers_of_each_layer(net):
    def sorted_numbers(net):
        return {name: np.sort(p, axis=None).tolist() for name, p in net.named_params().items()}

    other = explain.randomised(net, seed=1)
    assert sorted_numbers(other) == sorted_numbers(net)
    for name, p in net.named_params().items():
        assert other.named_params()[name].shape == p.shape and other.named_params()[name].dtype == p.dtype
        assert not np.array_equal(other.named_params()[name], p)
    assert np.array_equal(other.weights, explain.randomised(net, seed=1).weights)
    assert not np.array_equal(other.weights, explain.randomised(net, seed=2).weights)


@pytest.mark.parametrize("first, kept", [(8, 6), (-1, 6), (4, 4), (3, 2), (1, 2)])
def test_randomised_from_a_layer_on(net, first, kept):
    other = explain.randomised(net, first=first)
    same = [np.array_equal(p, q) for p, q in zip(net.named_params().values(), other.named_params().values())]
    assert same == [True] * kept + [False] * (8 - kept)


# --- what all share


def several(net, images):
    """The answer of every function that takes images."""
    return [method(net, images, 1) for method in METHODS[:-1]] + [explain.occlusion(net, images, 1, size=3)]


def test_many_images_at_once_are_each_as_alone(net, rng):
    images = rng.standard_normal((70, 2, 9, 8))  # more than go through at a time
    together = several(net, images)
    for n in (0, 63, 64, 69):
        for one, many in zip(several(net, images[n : n + 1]), together, strict=True):
            assert len(many) == 70
            np.testing.assert_allclose(many[n], one[0], rtol=1e-9, atol=1e-12)


def test_the_network_stays_as_it_was(net, images):
    net.backward(net.forward(images[:2]) * 3)
    layers, kept = copy.deepcopy([vars(layer) for layer in net.layers]), images.copy()
    held = [(layer, dict(vars(layer))) for layer in net.layers]
    several(net, images)
    explain.most_exciting(net, images, 1, 3, count=2)
    explain.activation_maximisation(net, 0, steps=3)
    shuffled = explain.randomised(net)
    for p in shuffled.named_params().values():
        p[...] = np.nan
    assert np.array_equal(images, kept)
    for (layer, before), values in zip(held, layers, strict=True):
        assert vars(layer).keys() == before.keys()
        assert all(vars(layer)[name] is value for name, value in before.items())
        np.testing.assert_equal(vars(layer), values)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_answers_are_of_the_type_of_the_weights(net, images, kind):
    net, images = net.to(lambda p: p.astype(kind)), images.astype(kind)
    found = [*several(net, images), explain.most_exciting(net, images, 1, count=2).scores]
    found += [explain.activation_maximisation(net, 1, steps=2), explain.randomised(net).weights]
    assert {array.dtype for array in found} == {np.dtype(kind)}


@pytest.mark.parametrize("layer", [9, -10, 1.0, True, None, "last"])
def test_a_layer_that_is_not_there(net, images, layer):
    told = rf"layer must be 0 to 8, or -1 for the last, -2 for the one before it, not {layer!r}"
    for method in METHODS:
        with pytest.raises(ValueError, match=told):
            method(net, images, 0, layer)
    for call in (
        lambda: explain.most_exciting(net, images, 0, layer, count=1),
        lambda: explain.activation_maximisation(net, 0, layer),
        lambda: explain.randomised(net, first=layer),
    ):
        with pytest.raises(ValueError, match=told):
            call()


@pytest.mark.parametrize(
    "unit, layer, wanted",
    [
        (3, -1, r"layer 8, Linear\(outputs=3\), must be 0 to 2, not 3$"),
        (-1, 6, r"layer 6, Linear\(outputs=5\), must be 0 to 4, not -1$"),
        (True, -1, "must be 0 to 2, not True"),
        (1.0, -1, "must be 0 to 2, not 1.0"),
        ((0, 0, 0), -1, r"must be 0 to 2, not \(0, 0, 0\)"),
        (4, 0, r"0 to 3, or \(filter, row, column\) inside \(4, 9, 8\), not 4"),
        ((0, 1), 0, r"inside \(4, 9, 8\), not \(0, 1\)"),
        ((3, 9, 0), 1, r"inside \(4, 9, 8\), not \(3, 9, 0\)"),
        ((0, 0, -1), 3, r"inside \(3, 4, 4\), not \(0, 0, -1\)"),
    ],
)
def test_a_unit_that_is_not_there(net, images, unit, layer, wanted):
    for method in METHODS[:3]:
        with pytest.raises(ValueError, match=wanted):
            method(net, images, unit, layer)
    with pytest.raises(ValueError, match=wanted):
        explain.most_exciting(net, images, unit, layer, count=1)
    with pytest.raises(ValueError, match=wanted):
        explain.activation_maximisation(net, unit, layer)


def test_images_that_are_none(net, images):
    broken = images.copy()
    broken[1, 0, :2, 0] = np.nan, np.inf
    for method in METHODS:
        with pytest.raises(ValueError, match="images must be finite numbers, and 2 of them are not"):
            method(net, broken, 0)
        with pytest.raises(ValueError, match=r"images must be \(n, 2, 9, 8\), n at least 1, not \(2, 9, 8\)"):
            method(net, images[0], 0)
        with pytest.raises(TypeError, match="images must be float64 as the weights are, not float32"):
            method(net, images.astype(np.float32), 0)
        with pytest.raises(TypeError, match="images"):
            method(net, images.tolist(), 0)


def test_numbers_that_grow_without_bound(net, images):
    net.layers[3].params["w"][0, 0, 0, 0] = np.inf
    for method in METHODS:
        with pytest.raises(ValueError, match=r"layer 3, Conv2D\(filters=3, size=3\), answers with numbers that are no"):
            method(net, images, 0)


@pytest.mark.parametrize("maps, layer, choices", [(5, -1, "[0, 1, 2, 3, 4]"), (-1, 3, "[0, 1, 2]"), (None, 0, "[]")])
def test_maps_that_are_not_there(net, images, maps, layer, choices):
    with pytest.raises(ValueError) as caught:
        explain.grad_cam(net, images, 0, layer, maps)
    assert str(caught.value) == f"maps must be a layer of maps before layer {layer % 9}, one of {choices}, not {maps}"


@pytest.mark.parametrize(
    "bad, told",
    [
        ({"size": 0}, "size"),
        ({"size": 9}, "9"),
        ({"stride": 0}, "stride"),
        ({"stride": 1.5}, "stride"),
        ({"fill": np.nan}, "fill"),
        ({"fill": "black"}, "fill"),
    ],
)
def test_squares_that_cannot_be(net, images, bad, told):
    with pytest.raises((TypeError, ValueError), match=told):
        explain.occlusion(net, images, 0, **{"size": 2, "stride": 2} | bad)


@pytest.mark.parametrize("bad", [{"length": 0}, {"length": np.inf}, {"steps": 0}, {"steps": 2.5}])
def test_climbs_that_cannot_be(net, bad):
    (name,) = bad
    with pytest.raises((TypeError, ValueError), match=name):
        explain.activation_maximisation(net, 0, **bad)


def test_where_there_is_no_slope(net):
    net.layers[0].params["b"] -= 1e6
    with pytest.raises(ValueError, match="unit 2 of layer 8 has no slope to climb: try another seed or length"):
        explain.activation_maximisation(net, 2, 8)


def test_more_than_there_are(net, images):
    with pytest.raises(ValueError, match="count must be at most 3, as many as there are images, not 4"):
        explain.most_exciting(net, images, 0, count=4)
    with pytest.raises((TypeError, ValueError), match="count"):
        explain.most_exciting(net, images, 0, count=0)
