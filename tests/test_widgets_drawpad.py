"""DrawPad, driven from Python: what it paints is what the drawings' rule gives, what it says what the networks do."""

import copy

import numpy as np
import pytest
import traitlets
from ipywidgets import Button, ColorPicker, FloatSlider, IntSlider

from cnnlib import Conv2D, Flatten, Linear, MaxPool2D, Network, ReLU, data, train
from cnnlib.widgets import DrawPad

YELLOW, BLUE = (np.array(rgb, np.float32) / 255 for rgb in ([0xF0, 0xE4, 0x42], [0x00, 0x72, 0xB2]))


def network(shape=(3, 12, 10), classes=2, filters=2, seed=0):
    return Network(shape, [Conv2D(filters, 3), ReLU(), MaxPool2D(2), Flatten(), Linear(classes)], seed=seed)


@pytest.fixture
def net():
    return network()


@pytest.fixture
def pad(net):
    return DrawPad(net)


@pytest.fixture
def images(rng):
    return rng.random((4, 3, 12, 10), np.float32)


def coverage(height, width, places, radius):
    """Pixel by pixel: how far is it to the nearest of very many points of the line?"""
    points = [place for a, b in zip(places, places[1:]) for place in np.linspace(a, b, 400)] or places
    covered = np.empty((height, width))
    for row in range(height):
        for column in range(width):
            distance = min(np.hypot(row - r, column - c) for r, c in points)
            covered[row, column] = min(max(0.5 + radius - distance, 0), 1)
    return covered


def blend(ground, covered, colour):
    return ground + covered * (np.asarray(colour)[:, None, None] - ground)


def plain(colour, height=12, width=10):
    return np.repeat(np.asarray(colour, np.float32), height * width).reshape(-1, height, width)


def hand(pad, cells, began=True):
    """A piece of a stroke, as the browser sends it."""
    message = {"serial": pad.pad.painted + 1, "began": began, "cells": [[0, *cell] for cell in cells]}
    pad.pad.set_trait("stroke", message)
    assert pad.pad.painted == message["serial"]


def controls(widget, kind):
    if isinstance(widget, kind):
        return [widget]
    return [found for child in getattr(widget, "children", ()) for found in controls(child, kind)]


def press(pad, name):
    next(button for button in controls(pad, Button) if name in (button.description, button.tooltip)).click()


def softmax(logits):
    e = np.exp(logits.astype(float))
    return e / e.sum()


# Painting


@pytest.mark.parametrize("places", [[(5, 4)], [(2, 2), (9, 7)], [(0, 0), (0, 9), (11, 0)], [(3.5, 4.25), (8, 4)]])
@pytest.mark.parametrize("radius", [0.5, 1.5, 2.3])
def test_a_stroke_is_as_far_from_its_line_as_the_brush_is_wide(pad, places, radius):
    pad.paint(places, radius=radius)
    want = blend(plain(BLUE), coverage(12, 10, places, radius), YELLOW)
    np.testing.assert_allclose(pad.image, want, atol=0.02)
    assert pad.image.dtype == np.float32


def test_paints_as_the_course_draws():
    """A circle drawn by crosses_and_circles, painted again: the same edges, to a tenth of a pixel's colour."""
    drawn, labels, _ = data.crosses_and_circles(
        2, np.random.default_rng(2), radius=(10, 10), background=(0, 0, 1), colour=(1, 1, 0)
    )
    circle = drawn[labels == data.CIRCLE][0]
    ink, at = circle[0], np.arange(64)  # how red: how much of each pixel is covered
    middle = np.array([ink.sum(1) @ at, ink.sum(0) @ at]) / ink.sum()
    turns = np.linspace(0, 2 * np.pi, 200)
    pad = DrawPad(network((3, 64, 64)))
    pad.colour, pad.background = "#ffff00", "#0000ff"
    pad.paint(middle + 10 * np.stack([np.sin(turns), np.cos(turns)], 1), radius=ink.sum() / (2 * np.pi * 10) / 2)
    assert np.abs(pad.image - circle).max() < 0.1


def test_a_stroke_in_pieces_is_one_stroke(pad, net):
    whole = DrawPad(net)
    cells = [(row, 4) for row in range(2, 9)] + [(8, column) for column in range(5, 9)]
    hand(pad, cells[:3])
    hand(pad, cells[3:4], began=False)
    hand(pad, cells[4:], began=False)
    whole.paint(cells)
    np.testing.assert_allclose(pad.image, whole.image, atol=1e-6)
    pad.undo()
    np.testing.assert_array_equal(pad.image, plain(BLUE))


def test_undo_goes_back_stroke_by_stroke(pad):
    seen = [pad.image]
    for cells in [[(1, 1), (2, 1)], [(6, 6)], [(9, 2), (9, 3)]]:
        hand(pad, cells)
        seen.append(pad.image)
    press(pad, "Clear")
    np.testing.assert_array_equal(pad.image, plain(BLUE))
    for image in seen[::-1]:
        press(pad, "Undo")
        np.testing.assert_array_equal(pad.image, image)
    pad.undo()  # there is nothing more
    np.testing.assert_array_equal(pad.image, seen[0])


def test_a_stroke_that_was_undone_halfway_goes_on_as_a_new_one(pad):
    hand(pad, [(2, 2)])
    pad.undo()
    hand(pad, [(8, 8)], began=False)
    np.testing.assert_allclose(pad.image[:, 2, 2], BLUE, atol=1e-6)
    np.testing.assert_allclose(pad.image[:, 8, 8], YELLOW, atol=1e-6)


def test_a_new_background_comes_in_behind_the_strokes(pad):
    places = [(2, 2), (9, 7)]
    pad.paint(places)
    pad.background = "black"
    want = blend(plain((0, 0, 0)), coverage(12, 10, places, pad.radius), YELLOW)
    np.testing.assert_allclose(pad.image, want, atol=0.02)
    pad.undo()
    np.testing.assert_array_equal(pad.image, plain((0, 0, 0)))


@pytest.mark.parametrize(
    "colour, rgb",
    [("orange", "e69f00"), ("#123456", "123456"), ("magenta", "ff00ff"), ((1, 0.2, 0), "ff3300"), ("white", "ffffff")],
)
def test_colours(pad, colour, rgb):
    pad.paint([(5, 5)], colour=colour, radius=3)
    np.testing.assert_allclose(pad.image[:, 5, 5], np.frombuffer(bytes.fromhex(rgb), np.uint8) / 255, atol=1e-6)
    assert pad.colour == "#f0e442"  # the brush keeps its own


# What the networks make of it


def test_says_and_shows_what_the_network_computes(pad, net):
    pad.paint([(2, 2), (9, 7)])
    centred = pad.image - pad.image.mean((1, 2), keepdims=True)
    _, maps, *_, logits = net.activations(centred[None])
    np.testing.assert_allclose(pad.maps, maps[0], atol=1e-5)
    np.testing.assert_allclose(pad.probabilities, softmax(logits[0]), atol=1e-5)
    np.testing.assert_array_equal(pad.sheet.arrays, pad.maps)
    np.testing.assert_array_equal(pad.pad.arrays[0], pad.image)
    (a, b), sure = ("cross", "circle"), softmax(logits[0])
    if sure[1] > sure[0]:
        (a, b), sure = (b, a), sure[::-1]
    assert pad.text == (
        f"A picture of 12 x 10 pixels. The network says {a} ({100 * sure[0]:.1f}%), {b} ({100 * sure[1]:.1f}%). "
        f"Its first layer makes 2 maps; the largest number in them is {maps.max():.2f}. "
        "The brush is yellow, 3 pixels wide; the background is blue."
    )
    assert pad.text in repr(pad) and pad.text in pad.words.value
    assert f'aria-label="the network says {a} ({100 * sure[0]:.1f}%), {b}' in pad.bars.value


def test_another_network_is_asked_too(net):
    other = network(filters=5, seed=7)
    pad = DrawPad(net, other=other)
    pad.paint([(2, 2), (9, 7)])
    (said,) = other.probabilities(data.centered(pad.image[None]))
    np.testing.assert_allclose(pad.other_probabilities, said, rtol=1e-6)
    assert "The other network says" in pad.text and "the other network" in pad.bars.value
    assert len(pad.maps) == 2


@pytest.mark.parametrize("prepare", [None, lambda x: 1 - x, lambda x: np.float64(2) * x])
def test_prepare(net, prepare):
    pad = DrawPad(net, prepare=prepare)
    pad.paint([(4, 4)])
    x = pad.image[None] if prepare is None else prepare(pad.image[None]).astype(np.float32)
    np.testing.assert_allclose(pad.probabilities, net.probabilities(x)[0], rtol=1e-6)


def test_follows_later_training_and_leaves_the_network_alone(pad, net, images):
    net.forward(images)
    before = copy.deepcopy([vars(layer) for layer in net.layers])
    pad.paint([(2, 2), (9, 7)])
    for layer, was in zip(net.layers, before):
        np.testing.assert_equal({**vars(layer)}, was)
    list(train(net, images, np.array([0, 1, 0, 1]), iterations=3, batch_size=4))
    pad.paint([(2, 7)])
    np.testing.assert_allclose(pad.probabilities, net.probabilities(data.centered(pad.image[None]))[0], rtol=1e-6)


def test_the_scale_of_the_maps_holds_still(net, images):
    pad = DrawPad(net, images)
    largest = max(net.activations(data.centered(image[None]))[1].max() for image in images)
    for example in range(4):
        pad.load(example)
        pad.paint([(5, 5)], radius=3)
        assert pad.sheet.largest == pytest.approx(largest)


# Loading


def test_loads_paints_over_and_leafs_back_in_one_step(net, images):
    pad = DrawPad(net, images)
    np.testing.assert_array_equal(pad.image, images[0])
    pad.paint([(5, 5)])
    painted = pad.image
    (slider,) = controls(pad, IntSlider)
    for slider.value in (1, 2, 3):
        np.testing.assert_array_equal(pad.image, images[slider.value])
    pad.undo()
    np.testing.assert_array_equal(pad.image, painted)
    pad.load(3)  # once more the same
    np.testing.assert_array_equal(pad.image, images[3])
    pad.background = "white"  # there is none to see
    np.testing.assert_array_equal(pad.image, images[3])


def test_image_can_be_set(pad, rng):
    image = rng.random((3, 12, 10))
    pad.image = image
    np.testing.assert_array_equal(pad.image, image.astype(np.float32))
    image[:] = 0
    assert pad.image.any()
    pad.undo()
    np.testing.assert_array_equal(pad.image, plain(BLUE))


# Controls


def test_controls_and_traits_are_one(pad):
    press(pad, "brush: green")
    press(pad, "background: black")
    (size,) = controls(pad, FloatSlider)
    size.value = 0.5
    assert (pad.colour, pad.background, pad.radius) == ("#009e73", "#000000", 0.5)
    assert "The brush is green, 1 pixel wide; the background is black." in pad.text
    assert [b.tooltip for b in controls(pad, Button) if b.description == "✓"] == ["brush: green", "background: black"]
    brush, _ = controls(pad, ColorPicker)
    brush.value = "#102030"
    assert pad.colour == "#102030" and "The brush is #102030" in pad.text
    pad.radius = 1
    assert size.value == 1


def test_every_control_has_words(net, images):
    pad = DrawPad(net, images)
    assert all(widget.description or widget.tooltip for widget in controls(pad, (Button, ColorPicker, FloatSlider)))
    assert [slider.description for slider in controls(pad, (IntSlider, FloatSlider))] == ["brush radius", "load image"]


def test_a_frame_is_where_the_brush_is(pad):
    pad.pad.picked = (0, 3, 7)
    pad.radius = 1
    (frame,) = pad.pad.boxes
    assert [frame[side] for side in ("top", "left", "height", "width")] == [2.5, 6.5, 2, 2]


# Pictures and networks of all kinds


def test_digits_are_painted_in_grey():
    net = network((1, 28, 28), classes=10, filters=8)
    pad = DrawPad(net, prepare=None)
    pad.paint([(4, 8), (4, 20), (24, 12)])
    places = [(4, 8), (4, 20), (24, 12)]
    np.testing.assert_allclose(pad.image[0], coverage(28, 28, places, 1.5), atol=0.02)
    np.testing.assert_allclose(pad.probabilities, net.probabilities(pad.image[None])[0], rtol=1e-6)
    likely = np.argsort(-pad.probabilities)[:3]
    assert "says " + ", ".join(f"{i} ({pad.probabilities[i]:.1%})" for i in likely) in pad.text
    assert pad.bars.value.count("<rect") == 20
    pad.paint([(4, 4)], colour=(1, 0, 0))  # red is as bright as a dark grey
    assert pad.image[0, 4, 4] == pytest.approx(0.299, abs=0.01)


@pytest.mark.parametrize("shape", [(1, 5, 9), (3, 256, 256), (3, 4, 4), (1, 40, 12)])
def test_pictures_of_all_sizes(shape):
    pad = DrawPad(network(shape))
    pad.paint([(0, 0), (shape[1] - 1, shape[2] - 1)])
    assert pad.image.shape == shape and pad.image[:, 0, 0] == pytest.approx(pad.values(pad.colour)[:, 0, 0])
    assert pad.figure().alt == pad.text


def test_a_network_without_maps_or_with_many():
    pad = DrawPad(Network((3, 12, 10), [Flatten(), Linear(2)]))
    pad.paint([(5, 5)])
    assert len(pad.maps) == 0 and "map" not in pad.text
    assert pad.sheet not in pad.children[0].children[1].children
    pad = DrawPad(network(filters=20))
    assert len(pad.maps) == 20 and len(pad.sheet.sizes) == 16


def test_maps_before_a_relu_have_signs():
    net = Network((3, 12, 10), [Conv2D(1, 3), MaxPool2D(2), Flatten(), Linear(2)])
    pad = DrawPad(net)
    pad.paint([(5, 5)])
    np.testing.assert_allclose(pad.maps, net.activations(data.centered(pad.image[None]))[0][0], atol=1e-5)
    assert pad.sheet.signed and "a map; the largest number in it is" in pad.text


def test_names(net):
    assert DrawPad(network(classes=3)).names == ["0", "1", "2"]
    pad = DrawPad(net, names=np.array(["a & b", "<c>"]))
    assert "a & b" in pad.text and "a &amp; b" in pad.bars.value and "&lt;c&gt;" in pad.bars.value


def test_what_is_not_a_number_is_told(pad):
    image = np.full((3, 12, 10), 0.5)
    image[1, 2, 3:5] = np.nan
    pad.image = image
    assert "2 of these are not numbers (NaN)" in pad.words.value
    assert "says nothing" in pad.text
    pad.undo()
    assert "NaN" not in pad.words.value


def test_a_constant_picture(pad):
    pad.image = np.ones((3, 12, 10), int)
    assert np.isfinite(pad.probabilities).all() and pad.maps.max() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    "do, message",
    [
        (lambda pad: pad.paint([(12, 0)]), r"\(row, column\) in 12 x 10 pixels, not \(12, 0\)"),
        (lambda pad: pad.paint([(0, 1, 2)]), r"not \(0, 1, 2\)"),
        (lambda pad: pad.paint([]), "at least"),
        (lambda pad: pad.paint([(0, np.nan)]), "nan"),
        (lambda pad: pad.paint([(0, 0)], radius=0), "radius must be .* above 0, not 0"),
        (lambda pad: pad.paint([(0, 0)], colour="bleu"), "colour must be .*'bleu'"),
        (lambda pad: pad.paint([(0, 0)], colour=(1, 2, 3)), r"colour must be .*\(1, 2, 3\)"),
        (lambda pad: setattr(pad, "colour", "#12"), "colour must be"),
        (lambda pad: setattr(pad, "background", "nothing"), "background must be"),
        (lambda pad: setattr(pad, "image", np.zeros((12, 10))), r"image must be \(3, 12, 10\), not \(12, 10\)"),
        (lambda pad: setattr(pad, "image", np.full((3, 12, 10), 255)), "image must have values from 0 to 1, not 255"),
        (lambda pad: setattr(pad, "image", np.full((3, 12, 10), -np.inf)), "from 0 to 1, not -inf"),
        (lambda pad: pad.load(0), "no images to load"),
        (lambda pad: setattr(pad, "radius", 9), "radius must be 0.5 to 2 pixels, not 9"),
        (lambda pad: setattr(pad, "example", 1), "example must be 0 to 0"),
    ],
)
def test_refuses_what_cannot_be(pad, do, message):
    with pytest.raises((ValueError, traitlets.TraitError), match=message):
        do(pad)
    np.testing.assert_array_equal(pad.image, plain(BLUE))
    assert len(pad.past) == 0


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda net: DrawPad(network((2, 12, 10))), r"1 or 3, height, width\), not \(2, 12, 10\)"),
        (lambda net: DrawPad(Network((30,), [Linear(2)])), r"not \(30,\)"),
        (lambda net: DrawPad(Network((3, 12, 10), [Conv2D(2, 3)])), "add Linear"),
        (lambda net: DrawPad(net, names=["one"]), "names must be 2"),
        (lambda net: DrawPad(net, other=network((3, 12, 12))), "other must take the same images"),
        (lambda net: DrawPad(net, other=network(classes=3)), "other must"),
        (lambda net: DrawPad(net, np.zeros((2, 1, 12, 10))), r"images must be \(n, 3, 12, 10\), not \(2, 1, 12, 10\)"),
        (lambda net: DrawPad(net, np.zeros((0, 3, 12, 10))), "images must be"),
        (lambda net: DrawPad(net, np.full((1, 3, 12, 10), -0.5)), "images must have values from 0 to 1, not -0.5"),
    ],
)
def test_refuses_networks_and_images_that_do_not_fit(net, make, message):
    with pytest.raises(ValueError, match=message):
        make(net)
