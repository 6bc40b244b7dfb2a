"""VolumeExplorer, driven from Python: its parts, totals and maps against loops over pixels, and what it refuses."""

import re

import numpy as np
import pytest
import traitlets
from ipywidgets import Checkbox, ToggleButtons

from cnnlib.widgets import VolumeExplorer


@pytest.fixture
def volume(rng):
    """An image of depth 3, two filters and their biases."""
    return rng.random((3, 6, 8)), rng.standard_normal((2, 3, 3, 3)), np.array([0.25, -1.5])


@pytest.fixture
def explorer(volume):
    return VolumeExplorer(*volume)


def brute(image, weights, row, column):
    """What each channel gives: one product at a time, nothing outside the image."""
    depth, height, width = image.shape
    size = weights.shape[-1]
    parts = [0.0] * depth
    for d in range(depth):
        for i in range(size):
            for j in range(size):
                r, c = row + i - (size - 1) // 2, column + j - (size - 1) // 2
                if 0 <= r < height and 0 <= c < width:
                    parts[d] += image[d, r, c] * weights[d, i, j]
    return np.array(parts)


def control(explorer, kind):
    return next(w for w in explorer.children[0].children if isinstance(w, kind))


def circles(explorer):
    """The numbers in the circles: those of the channels, then those of the maps."""
    found = re.findall(r"<circle.*?<text[^>]*>(.*?)</text>", explorer.arrows.value)
    return [float(text) for text in found]


def strong(explorer):
    """How many arrows are drawn in the filters' colour."""
    return explorer.arrows.value.count("<polygon")


@pytest.mark.parametrize("filter, row, column", [(0, 3, 4), (1, 0, 0), (1, 5, 7), (0, 0, 5)])
def test_parts_and_total(volume, explorer, filter, row, column):
    image, filters, bias = volume
    explorer.filter, explorer.row, explorer.column = filter, row, column
    parts = brute(image, filters[filter], row, column)
    np.testing.assert_allclose(explorer.parts, parts, atol=1e-5)
    assert explorer.total == pytest.approx(parts.sum() + bias[filter], abs=1e-5)
    made = [brute(image, w, row, column).sum() + b for w, b in zip(filters, bias)]
    np.testing.assert_allclose(circles(explorer), [*parts, *made], atol=0.006)
    assert explorer.text in explorer.words.value and repr(explorer) == f"VolumeExplorer: {explorer.text}"
    assert explorer.output.boxes[0]["tile"] == filter and strong(explorer) == 3


@pytest.mark.parametrize("depth, n, size", [(3, 3, 3), (5, 3, 3), (1, 8, 5), (8, 1, 1), (2, 2, 2), (3, 1, 4)])
def test_maps_and_what_is_shown(rng, depth, n, size):
    image, filters = rng.random((depth, 5, 7)), rng.standard_normal((n, depth, size, size))
    explorer = VolumeExplorer(image, filters)
    maps = np.array([[[brute(image, w, r, c).sum() for c in range(7)] for r in range(5)] for w in filters])
    np.testing.assert_allclose(explorer.maps, maps, atol=1e-6)
    explorer.filter = n - 1
    explorer.row = explorer.column = 2
    before = (size - 1) // 2
    window = np.pad(image, [(0, 0), (4, 4), (4, 4)])[:, 6 - before : 6 - before + size, 6 - before : 6 - before + size]
    np.testing.assert_allclose(explorer.patches.arrays, window, atol=0.006)
    np.testing.assert_allclose(explorer.slices.arrays, filters[-1], atol=0.006)
    np.testing.assert_allclose(explorer.products.arrays, window * filters[-1], atol=0.006)
    told = [float(caption.removeprefix("sum ")) for caption in explorer.products.captions]
    np.testing.assert_allclose(told, explorer.parts, atol=0.006)
    assert len(circles(explorer)) == depth + n and strong(explorer) == depth
    assert explorer.arrows.value.count("stroke-opacity") == depth * (n - 1)
    assert {(b["top"], b["left"], b["height"]) for b in explorer.channels.boxes} == {(2 - before, 2 - before, size)}


def test_on_paper():
    """A red wall beside a green one: each channel sees an edge, and only filters that differ add them up."""
    wall = [[[1, 1, 0, 0]] * 4, [[0, 0, 1, 1]] * 4, [[0] * 4] * 4]
    edge = np.array([[-1, 0, 1]] * 3)
    explorer = VolumeExplorer(wall, [[edge, edge, edge], [-edge, edge, edge]], [0, -2])
    explorer.row, explorer.column = 1, 1
    assert explorer.parts.tolist() == [-3, 3, 0] and explorer.total == 0
    assert explorer.text == ("Filter 0 at row 1, column 1: -3 + 3 + 0 (channels) + 0 (bias) = 0.")
    explorer.filter = 1
    assert explorer.parts.tolist() == [3, 3, 0] and explorer.total == 4
    assert "3 + 3 + 0 (channels) - 2 (bias) = 4." in explorer.text and "- 2 bias" in explorer.arrows.value
    explorer.column = 0
    assert explorer.parts.tolist() == [-3, 0, 0] and explorer.total == -5


def test_relu(volume, explorer):
    explorer.filter, sums = 1, explorer.maps
    assert (sums < 0).any() and explorer.output.signed and "ReLU" not in explorer.arrows.value
    r, c = np.unravel_index(sums[1].argmin(), sums[1].shape)
    explorer.row, explorer.column = int(r), int(c)
    total = explorer.total
    assert explorer.output.largest == abs(sums).max()
    explorer.relu = True
    np.testing.assert_array_equal(explorer.maps, np.where(sums > 0, sums, 0))
    np.testing.assert_array_equal(explorer.output.arrays, explorer.maps)
    assert explorer.total == total < 0 and circles(explorer)[3 + 1] == 0
    assert "after ReLU 0." in explorer.text and "ReLU(-" in explorer.arrows.value
    assert not explorer.output.signed and explorer.output.largest == sums.max()
    assert "after ReLU" in explorer.over.value
    explorer.relu = False
    np.testing.assert_array_equal(explorer.maps, sums)


def test_controls_and_traits_are_one(explorer):
    choose, cut = control(explorer, ToggleButtons), control(explorer, Checkbox)
    assert choose.description == "filter" and cut.description == "ReLU"
    choose.value, cut.value = 1, True
    assert explorer.filter == 1 and explorer.relu
    explorer.filter, explorer.relu = 0, False
    assert choose.value == 0 and not cut.value


def test_the_hand_picks_a_number_or_a_place(explorer):
    explorer.output.picked = (1, 2, 7)
    assert (explorer.filter, explorer.row, explorer.column) == (1, 2, 7)
    explorer.channels.picked = (2, 4, 0)
    assert (explorer.filter, explorer.row, explorer.column) == (1, 4, 0)
    assert explorer.output.picked == (1, 4, 0) and explorer.channels.picked == (2, 4, 0)  # the arrow keys go on there
    explorer.patches.hovered = (1, 0, 2)
    assert all((b := sheet.boxes[0]) and (b["tile"], b["top"], b["left"]) == (1, 0, 2) for sheet in explorer.numbers)
    explorer.patches.hovered = ()
    assert not any(sheet.boxes for sheet in explorer.numbers)


def test_one_step_is_drawn_once(explorer, monkeypatch):
    told = []
    monkeypatch.setattr(explorer, "tell", lambda: told.append(explorer.text))
    explorer.output.picked = (1, 1, 1)
    assert len(told) == 1 and told == [explorer.text]


@pytest.mark.parametrize(
    "image, filters, bias, complaint",
    [
        ((6, 6), (1, 1, 3, 3), None, r"image must be \(depth, height, width\), not \(6, 6\)"),
        ((3, 0, 6), (1, 3, 3, 3), None, "image must be"),
        ((3, 6, 6), (3, 3, 3), None, r"filters must be \(filters, depth, size, size\), not \(3, 3, 3\)"),
        ((3, 6, 6), (0, 3, 3, 3), None, "filters must be"),
        ((3, 6, 6), (2, 3, 3, 2), None, "filters must be"),
        ((3, 6, 6), (2, 1, 3, 3), None, "filters must be as deep as the image, 3, not 1"),
        ((3, 6, 6), (2, 3, 3, 3), (3,), r"bias must be one number for each filter, \(2,\), not \(3,\)"),
        ((9, 6, 6), (2, 9, 3, 3), None, "9 channels are too many to draw one by one: at most 8"),
        ((3, 6, 6), (16, 3, 3, 3), None, "16 filters are too many"),
    ],
)
def test_what_does_not_fit_is_refused(image, filters, bias, complaint):
    with pytest.raises(ValueError, match=complaint):
        VolumeExplorer(np.ones(image), np.ones(filters), None if bias is None else np.ones(bias))


@pytest.mark.parametrize("name, value, last", [("filter", 2, 1), ("row", 6, 5), ("column", -1, 7)])
def test_a_place_that_is_not_there_is_refused(explorer, name, value, last):
    before = explorer.text
    with pytest.raises(traitlets.TraitError, match=f"{name} must be 0 to {last}, not {value}"):
        setattr(explorer, name, value)
    assert explorer.text == before


def test_odd_numbers(rng):
    explorer = VolumeExplorer(np.full((2, 1, 9), 7, np.uint8), np.ones((1, 2, 3, 3), int))  # nothing overflows
    assert explorer.total == 2 * 3 * 7 and explorer.row == 0
    assert VolumeExplorer(np.zeros((1, 4, 4)), np.zeros((1, 1, 3, 3))).total == 0
    image = rng.random((3, 5, 5))
    image[1, 2, 2] = np.nan
    explorer = VolumeExplorer(image, np.ones((2, 3, 3, 3)))
    assert np.isnan(explorer.parts[1]) and np.isnan(explorer.total) and "1 of these are not numbers" in explorer.text
    explorer.relu = True
    explorer.row = explorer.column = 0
    assert np.isfinite(explorer.total)
    image[1, 2, 2] = np.inf
    VolumeExplorer(image, np.ones((2, 3, 3, 3))).figure().png()
    explorer = VolumeExplorer([[[0.1]], [[0.2]]], [[[[1]], [[1]]]], [-0.3])
    assert explorer.total == 0 and "0.10 + 0.20 (channels) - 0.30 (bias) = 0." in explorer.text  # not 5.6e-17
    assert VolumeExplorer(np.full((1, 3, 3), 1e-7), np.ones((1, 1, 1, 1))).total == 1e-7


def test_large_image_and_what_is_given_stays(volume):
    big = VolumeExplorer(np.ones((3, 256, 256)), np.ones((3, 3, 3, 3)))
    assert 256 * big.channels.zoom <= 110 and big.total == 27
    image, filters, bias = volume
    kept = [image.copy(), filters.copy(), bias.copy()]
    explorer, other = VolumeExplorer(*volume), VolumeExplorer(*volume)
    explorer.filter, explorer.relu = 1, True
    assert other.filter == 0 and not other.relu
    image[:] = 0  # the reader goes on with it
    np.testing.assert_allclose(explorer.total, VolumeExplorer(*kept).sums[1, 3, 4], atol=1e-5)


def test_still_picture(explorer):
    figure = explorer.figure()
    assert figure.alt == explorer.text and len(figure.axes) == 3 * 4 + 2
    told = [ax.get_xlabel() for ax in figure.axes]
    assert told[:3] == ["depth 0", "patch 0", "slice 0"] and told[-1] == "filter 1"
    assert "image/png" in explorer._repr_mimebundle_()
