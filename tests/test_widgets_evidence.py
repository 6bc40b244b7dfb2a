"""EvidenceExplorer, driven from Python: its sums against loops over the pixels, its pictures against the weights."""

import math

import numpy as np
import pytest
import traitlets
from ipywidgets import Button, IntSlider

from cnnlib import Conv2D, Flatten, Linear, Network
from cnnlib.widgets import EvidenceExplorer

NAMES = ["cross", "circle"]


def scales(shape=(1, 6, 8), classes=2, seed=0):
    """A classifier with a bias for each class."""
    net = Network(shape, [Flatten(), Linear(classes)], seed=seed)
    net.layers[1].params["b"][:] = np.arange(classes) / 4 - 0.25
    return net


@pytest.fixture
def net():
    return scales()


@pytest.fixture
def images(rng):
    return rng.random((3, 1, 6, 8), np.float32)


@pytest.fixture
def explorer(net, images):
    return EvidenceExplorer(net, images, NAMES)


def weighed(net, picture):
    """The evidence for each class, pixel by pixel in a loop, and the softmax of what it adds up to."""
    w, b = net.layers[1].params["w"], net.layers[1].params["b"]
    depth, height, width = picture.shape
    sums = [0.0] * len(b)
    for k in range(len(b)):
        for d, row, column in np.ndindex(depth, height, width):
            sums[k] += float(picture[d, row, column]) * float(w[(d * height + row) * width + column, k])
    e = [math.exp(s + float(bias)) for s, bias in zip(sums, b)]
    return sums, [x / sum(e) for x in e]


@pytest.mark.parametrize("shape, classes", [((1, 6, 8), 2), ((3, 5, 4), 2), ((1, 7, 7), 10)])
def test_what_it_says_is_what_a_loop_adds_up(rng, shape, classes):
    net, images = scales(shape, classes), rng.random((2, *shape), np.float32)
    explorer = EvidenceExplorer(net, images)
    explorer.image = 1
    sums, p = weighed(net, images[1])
    np.testing.assert_allclose(explorer.evidence.sum((1, 2, 3)), sums, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(explorer.logits, np.add(sums, net.layers[1].params["b"]), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(explorer.probabilities, p, rtol=1e-4)
    likeliest = int(np.argmax(p))
    assert f"The classifier says class {likeliest} {p[likeliest]:.1%}" in explorer.text
    assert [f"{x:.1%}</span>" in html.value for x, html in zip(p, explorer.sums)] == [True] * classes


def words(value):
    """Two decimals, of small numbers three digits."""
    return f"{value:.2f}" if abs(value) >= 0.095 else f"{value:.3g}"


def test_reads_in_full(explorer):
    explorer.paint([(r, c) for r in range(6) for c in range(8)])  # all pixels as light as the lightest
    explorer.row, explorer.column = 2, 3
    sums, p = weighed(explorer.net, explorer.picture)
    light = float(explorer.images.max())
    w = explorer.net.layers[1].params["w"][2 * 8 + 3]
    by_class = [
        f"For {name}: evidence {s:.2f}, bias {b:.2f}, logit {s + b:.2f}."
        for name, s, b in zip(NAMES, sums, (-0.25, 0.0))
    ]
    order = sorted(range(2), key=lambda k: -p[k])
    assert explorer.text == " ".join([
        "Image 0, painted over.", *by_class,
        "The classifier says " + ", ".join(f"{NAMES[k]} {p[k]:.1%}" for k in order) + ".",
        f"The pixel in row 2, column 3 is {light:.2f}: it adds {words(light * w[0])} for cross, "
        f"{words(light * w[1])} for circle.",
    ])  # fmt: skip
    assert repr(explorer) == f"EvidenceExplorer: {explorer.text}" and explorer.text in explorer.words.value


def test_shows_weights_and_evidence_on_one_scale(explorer, net, images):
    assert len(explorer.scales) == 2
    for k, tiles in enumerate(explorer.scales):
        w = net.layers[1].params["w"][:, k].reshape(6, 8)
        np.testing.assert_array_equal(tiles.arrays[0], w)
        np.testing.assert_allclose(tiles.arrays[1], w * images[0, 0], rtol=1e-6)
        assert tiles.signed and tiles.captions == [f"weights for {NAMES[k]}", "x pixels = evidence"]
    assert explorer.scales[0].largest == explorer.scales[1].largest == abs(net.layers[1].params["w"]).max()
    np.testing.assert_array_equal(explorer.pad.arrays[0], images[0])


def test_colours_have_weights_for_each_depth(rng):
    explorer = EvidenceExplorer(scales((3, 5, 4)), rng.random((2, 3, 5, 4), np.float32), NAMES)
    shown = explorer.scales[1]
    assert shown.captions[2] == "weights for circle, depth 2" and len(shown.arrays) == 4
    np.testing.assert_allclose(shown.arrays[3], sum(shown.arrays[:3] * explorer.picture), rtol=1e-5, atol=1e-7)


def test_ten_classes_say_less_of_each(rng):
    explorer = EvidenceExplorer(scales((1, 7, 7), 10), rng.random((2, 1, 7, 7), np.float32))
    assert [tiles.captions for tiles in explorer.scales] == [["weights", "evidence"]] * 10
    assert f"{explorer.logits[3]:.2f}" in explorer.sums[3].value and "bias" not in explorer.sums[3].value


def test_paints_round_dots_light_and_dark(explorer, images):
    explorer.thickness = 2
    explorer.pad.stroke = {"serial": 1, "began": True, "cells": [[0, 2, 2], [0, 2, 3]]}
    want = images[0, 0].copy()
    for row, column in [(2, 2), (1, 2), (3, 2), (2, 1), (2, 3), (1, 3), (3, 3), (2, 4)]:
        want[row, column] = images.max()
    np.testing.assert_array_equal(explorer.picture[0], want)
    explorer.ink, explorer.thickness = "dark", 1
    explorer.paint([(0, 0)])
    want[0, 0] = images.min()
    np.testing.assert_array_equal(explorer.picture[0], want)
    assert explorer.painted and explorer.pad.painted == 1
    next(child for child in explorer.children[0].children if isinstance(child, Button)).click()
    np.testing.assert_array_equal(explorer.picture, images[0])
    assert not explorer.painted


def test_a_pixel_that_is_blind_changes_nothing(net, images):
    net.layers[1].params["w"][11] = 0.75  # row 1, column 3: the same for both
    explorer = EvidenceExplorer(net, images, NAMES)
    before = explorer.probabilities
    explorer.thickness = 1
    explorer.paint([(1, 3)])
    np.testing.assert_allclose(explorer.probabilities, before, rtol=1e-5)
    explorer.paint([(1, 4)])
    assert abs(explorer.probabilities - before).max() > 1e-3


def test_controls_and_traits_are_one(explorer):
    image, thickness = (child for child in explorer.children[0].children if isinstance(child, IntSlider))
    image.value, thickness.value = 2, 1
    assert (explorer.image, explorer.thickness) == (2, 1)
    explorer.image = 1
    assert image.value == 1 and explorer.pad.captions == ["image 1"]


def test_the_hand_points_anywhere(explorer):
    explorer.scales[1].hovered = (1, 4, 7)
    assert (explorer.row, explorer.column) == (4, 7) and "row 4, column 7" in explorer.words.value
    for tiles in (explorer.pad, *explorer.scales):
        assert [(b["top"], b["left"]) for b in tiles.boxes] == [(4, 7)] * len(tiles.arrays)
    explorer.scales[1].hovered = ()
    explorer.pad.picked = (0, 1, 2)
    assert (explorer.row, explorer.column) == (1, 2)


def test_a_picture_may_be_set_and_the_network_stays(explorer, net, images):
    weights = net.weights
    explorer.picture = np.ones((1, 6, 8))  # float64
    assert explorer.picture.dtype == np.float32 and explorer.painted
    explorer.image = 1
    assert not explorer.painted
    np.testing.assert_array_equal(net.weights, weights)
    net.layers[1].params["w"][:] = 0
    assert abs(explorer.weights).max() > 0


@pytest.mark.parametrize("trait, value, says", [
    ("image", 3, "image must be 0 to 2, not 3"),
    ("row", -1, "row must be 0 to 5, not -1"),
    ("column", 8, "column must be 0 to 7, not 8"),
    ("thickness", 0, "thickness must be 1 to 2 pixels, not 0"),
])  # fmt: skip
def test_refuses_what_is_not_there(explorer, trait, value, says):
    with pytest.raises(traitlets.TraitError, match=says):
        setattr(explorer, trait, value)
    assert getattr(explorer, trait) != value


def test_refuses_what_does_not_fit(net, images, explorer):
    with pytest.raises(ValueError, match="must be Flatten.. and Linear.*NetworkExplorer shows any"):
        EvidenceExplorer(Network((1, 6, 8), [Conv2D(1, 3), Flatten(), Linear(2)]), images)
    with pytest.raises(ValueError, match="depth 1 or 3"):
        EvidenceExplorer(scales((2, 6, 8)), np.zeros((1, 2, 6, 8), np.float32))
    with pytest.raises(ValueError, match="images must be"):
        EvidenceExplorer(net, images[:, :, :5])
    with pytest.raises(ValueError, match="names must be 2"):
        EvidenceExplorer(net, images, ["cross"])
    with pytest.raises(ValueError, match=r"a picture must be \(1, 6, 8\), as the images are, not \(6, 8\)"):
        explorer.picture = np.zeros((6, 8))
    with pytest.raises(ValueError, match=r"a place must be \(row, column\) in 6 x 8 pixels, not \(6, 0\)"):
        explorer.paint([(6, 0)])


@pytest.mark.parametrize("image", [np.zeros((1, 6, 8)), np.full((1, 6, 8), -2), np.eye(6, 8)[None] - 0.5])
def test_constant_whole_and_centred_pictures(net, image):
    explorer = EvidenceExplorer(net, image[None])
    np.testing.assert_allclose(explorer.logits, net.forward(image[None].astype(np.float32))[0], rtol=1e-5)
    shown = explorer.pad.arrays[0]
    assert ((0 <= shown) & (shown <= 1)).all()


def test_what_is_not_a_number_is_said(net, images):
    images[0, 0, 2, 2] = np.nan
    explorer = EvidenceExplorer(net, images, NAMES)
    assert "1 of these are not numbers" in explorer.words.value
    assert "The classifier answers with what is not a number." in explorer.text
    explorer.image = 1
    assert "not numbers" not in explorer.words.value


def test_large_pictures(rng):
    explorer = EvidenceExplorer(scales((1, 256, 256)), rng.random((1, 1, 256, 256), np.float32))
    assert explorer.pad.zoom * 256 <= 240 and explorer.scales[0].zoom * 256 <= 160


def test_a_still_of_all_of_it(explorer):
    png = explorer._repr_mimebundle_()["image/png"]
    assert png and len(explorer.figure().axes) == 5
