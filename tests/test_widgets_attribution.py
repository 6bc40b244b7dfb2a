import numpy as np
import pytest
from traitlets import TraitError

from cnnlib import Conv2D, Flatten, Linear, MaxPool2D, Network, ReLU, data, explain
from cnnlib.gradcheck import numerical_gradient
from cnnlib.widgets import AttributionExplorer
from cnnlib.widgets.attribution import METHODS


@pytest.fixture
def net():
    """float64, so that it can be nudged; not square; its biases are not zero."""
    layers = [Conv2D(4, 3), ReLU(), MaxPool2D(2), Conv2D(3, 3), ReLU(), Flatten(), Linear(3)]
    net = Network((3, 16, 20), layers).to(lambda p: p.astype(np.float64))
    net.weights = np.random.default_rng(3).normal(0, 0.3, net.weights.shape)
    return net


@pytest.fixture
def images(rng):
    return rng.random((4, 3, 16, 20))


@pytest.fixture
def explorer(net, images):
    return AttributionExplorer(net, images, ["cross", "circle", "neither"])


def prepared(picture):
    return (picture - picture.mean((1, 2), keepdims=True))[None].astype(np.float64)


def test_to_begin_with_it_asks_about_the_answer(explorer, net, images):
    logits = net.forward(prepared(images[0].astype(np.float32)))[0]
    assert (explorer.image, explorer.layer, explorer.unit, explorer.method) == (0, 6, logits.argmax(), "saliency")
    names = ["cross", "circle", "neither"]
    assert explorer.text.startswith(f"Image 0. With trained weights, the network says {names[logits.argmax()]} (")
    np.testing.assert_allclose(explorer.probabilities, np.exp(logits) / np.exp(logits).sum())


@pytest.mark.parametrize("unit, layer", [(2, 6), (1, 3), (3, 1)])
def test_saliency_is_the_largest_slope_of_each_pixel(explorer, net, unit, layer):
    explorer.layer, explorer.unit = layer, unit
    slopes = numerical_gradient(lambda x: net.activations(x)[layer][0, unit].sum(), prepared(explorer.picture))
    np.testing.assert_allclose(explorer.map, abs(slopes[0]).max(0), rtol=1e-6, atol=1e-8)
    row, column = np.argwhere(explorer.map == explorer.map.max())[0]
    assert f"of layer {layer}: a map of 16 x 20, largest in row {row}, column {column}: " in explorer.text


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("weights", ["trained", "random"])
def test_every_method_follows_the_brush(explorer, net, method, weights):
    explorer.method, explorer.weights, explorer.unit = method, weights, 1
    before = explorer.map
    explorer.paint([(3, 4), (12, 4)])
    asked = {"trained": net, "random": explain.randomised(net)}
    squares = {"size": 2, "stride": 2} if method == "occlusion" else {}
    trained, expected = [METHODS[method](asked[of], prepared(explorer.picture), 1, **squares)[0] for of in asked]
    expected = trained if weights == "trained" else expected
    if expected.ndim == 3:
        trained, expected = (abs(m).max(0) for m in (trained, expected))
    assert not np.array_equal(explorer.map, before)
    np.testing.assert_allclose(explorer.map, expected, rtol=1e-9)
    assert explorer.sheet.arrays[0] is explorer.map and explorer.sheet.captions[0].startswith(f"{method}: ")
    likeness = np.corrcoef(trained.ravel(), expected.ravel())[0, 1]
    assert explorer.likeness == pytest.approx(likeness)
    said = f"Its correlation with the map of the trained network is {likeness:.2f}."
    assert (said in explorer.text) == (weights == "random")
    np.testing.assert_allclose(explorer.probabilities, asked[weights].probabilities(prepared(explorer.picture))[0])


def test_what_is_painted(explorer, images):
    explorer.colour, explorer.thickness = "red", 4
    explorer.paint([(8, 5), (8, 12)])
    assert explorer.painted and "painted over" in explorer.text and "painted over" in explorer.pad.captions[0]
    np.testing.assert_allclose(explorer.picture[:, 8, 5], [0xD5 / 255, 0x5E / 255, 0], rtol=1e-6)
    changed = (explorer.picture != images[0].astype(np.float32)).any(0)
    assert changed[8, 4:14].all() and changed.sum() < 60 and not changed[:5].any()
    explorer.restore()
    assert not explorer.painted
    explorer.paint([(0, 0)])
    explorer.image = 2
    np.testing.assert_array_equal(explorer.picture, images[2].astype(np.float32))


def test_a_stroke_of_the_hand_comes_in_pieces(explorer, images):
    def changed():
        return (explorer.picture != images[0].astype(np.float32)).any(0)

    explorer.pad.stroke = {"serial": 1, "began": True, "cells": [[0, 8, 2]]}
    explorer.pad.stroke = {"serial": 2, "began": False, "cells": [[0, 8, 16]]}
    assert changed()[8, 2:17].all() and explorer.pad.painted == 2
    explorer.restore()
    explorer.pad.stroke = {"serial": 3, "began": True, "cells": [[0, 2, 2]]}
    explorer.pad.stroke = {"serial": 4, "began": True, "cells": [[0, 2, 16]]}
    assert changed()[2, 2] and changed()[2, 16] and not changed()[2, 6:12].any()


def test_the_picture_is_lit_by_the_map(explorer):
    explorer.method = "grad-cam"  # half as large as the picture
    light = np.repeat(np.repeat(np.sqrt(explorer.map / explorer.map.max()), 2, 0), 2, 1)
    np.testing.assert_allclose(explorer.lit.arrays[0], 0.5 + (explorer.picture - 0.5) * light, rtol=1e-6)
    assert explorer.sheet.zoom == 2 * explorer.pad.zoom


def test_another_layer_has_other_units(explorer):
    explorer.unit = 2
    explorer.layer = 3
    assert (explorer.unit, explorer.units.value, [name for name, _ in explorer.units.options]) == (
        2, 2, ["filter 0", "filter 1", "filter 2"],
    )  # fmt: skip
    explorer.layer = 0
    explorer.units.value = 3
    assert explorer.unit == 3 and "for filter 3 of layer 0" in explorer.text
    explorer.layer = -1
    assert (explorer.layer, explorer.unit, explorer.units.value) == (6, 0, 0)
    assert [name for name, _ in explorer.units.options] == ["cross", "circle", "neither"]
    explorer.layer, explorer.unit = 5, 100
    assert "for number 100 of layer 5" in explorer.text


def test_no_maps_before_the_layer(explorer):
    explorer.layer = 0
    before = explorer.map
    explorer.method = "grad-cam"
    words = explorer.words.value
    assert "weighs the maps of an earlier layer, and layer 0 has none before it" in words and "#d32f2f" in words
    assert explorer.map is before and explorer.text.endswith("The map is the last that could be made.")
    explorer.layer = 6
    assert "#d32f2f" not in explorer.words.value and explorer.map.shape == (8, 10)


@pytest.mark.parametrize(
    "trait, value", [("image", 4), ("image", -1), ("layer", 7), ("unit", 3), ("thickness", 0), ("method", "lime"),
                     ("weights", "none"), ("colour", "beige")],
)  # fmt: skip
def test_what_is_not_there(explorer, trait, value):
    before = getattr(explorer, trait)
    with pytest.raises(TraitError, match=trait):
        setattr(explorer, trait, value)
    assert getattr(explorer, trait) == before


def test_what_does_not_fit(explorer, net, images):
    for picture in (images[0, :1], images[0] * 2):
        with pytest.raises(ValueError, match="a picture must"):
            explorer.picture = picture
    with pytest.raises(ValueError, match=r"a place must be \(row, column\) in 16 x 20 pixels, not \(16, 0\)"):
        explorer.paint([(3, 3), (16, 0)])
    with pytest.raises(ValueError, match="names must be 3"):
        AttributionExplorer(net, images, ["cross"])
    with pytest.raises(ValueError, match="images must have values from 0 to 1"):
        AttributionExplorer(net, images - 0.5)
    with pytest.raises(ValueError, match="add Linear"):
        AttributionExplorer(Network((3, 16, 20), [Conv2D(1, 3)]), images)


def test_not_numbers(explorer, net, images):
    picture = images[0].copy()
    picture[0, 0, 0] = np.nan
    explorer.picture = picture
    assert "images must be finite numbers" in explorer.words.value and "says nothing" in explorer.text
    explorer.restore()
    assert "says nothing" not in explorer.text
    assert AttributionExplorer(net, picture[None]).map.any() == False  # noqa: E712


def test_a_constant_picture_of_one_channel_and_ten_classes():
    net = Network((1, 28, 28), [Flatten(), Linear(10)])
    explorer = AttributionExplorer(net, np.zeros((1, 1, 28, 28)), prepare=None)
    assert explorer.colour == "white" and [name for name, _ in explorer.units.options] == list("0123456789")
    np.testing.assert_array_equal(explorer.map.ravel(), abs(net.layers[1].params["w"][:, explorer.unit]))
    explorer.method = "occlusion"
    assert explorer.text.endswith("a map of 9 x 9, 0 everywhere.")
    explorer.weights = "random"
    assert explorer.text.endswith("0 everywhere.") and np.isnan(explorer.likeness)


def test_the_readers_network_stays_as_it_is(net, images):
    net.forward(images)
    kept = [(dict(vars(layer)), layer.params.copy()) for layer in net.layers]
    before = net.weights
    explorer = AttributionExplorer(net, images)
    for explorer.method in METHODS:
        explorer.weights = "random"
        explorer.paint([(3, 3)])
        explorer.weights = "trained"
    assert np.array_equal(net.weights, before)
    for layer, (values, params) in zip(net.layers, kept, strict=True):
        assert all(vars(layer)[name] is value for name, value in values.items())
        assert all(layer.params[name] is p for name, p in params.items())


def test_a_still_picture_and_words(explorer):
    assert repr(explorer) == f"AttributionExplorer: {explorer.text}"
    bundle = explorer._repr_mimebundle_()
    assert bundle["text/plain"] == repr(explorer) and bundle["image/png"]


def test_the_network_of_the_story():
    """What lights up most is the ring of a circle."""
    explorer = AttributionExplorer(Network.load(data.trained_network()), data.draw(data.CIRCLE, radius=16)[None])
    row, column = np.unravel_index(explorer.map.argmax(), explorer.map.shape)
    assert explorer.unit == data.CIRCLE and 13 < np.hypot(row - 31.5, column - 31.5) < 19
