"""LocalizeExplorer, driven from Python: what it finds against `detect` on the whole scene, its shares against loops."""

import math

import numpy as np
import pytest
import traitlets
from ipywidgets import FloatSlider, IntSlider

from cnnlib import Conv2D, Flatten, Linear, Network, ReLU, data, localize, plots
from cnnlib.widgets import LocalizeExplorer
from cnnlib.widgets.explorer import tiles_in

SIZE = 128


@pytest.fixture(scope="module")
def net():
    return Network.load(data.detector())


@pytest.fixture(scope="module")
def scenes():
    return data.scenes(3, np.random.default_rng(5), size=SIZE, shapes=(1, 2), clutter=(1, 2), radius=(8, 20))


@pytest.fixture
def explorer(net, scenes):
    return LocalizeExplorer(net, scenes)


def controls(widget, kind):
    found = [widget] if isinstance(widget, kind) else []
    return found + [c for child in getattr(widget, "children", ()) for c in controls(child, kind)]


def overlap(a, b):
    """IoU by counting pixels of a fine grid: 4 by 4 to a pixel."""
    fine = np.arange(-40, 4 * SIZE + 40) / 4 + 1 / 8
    inside = [((left <= fine) & (fine < right), (top <= fine) & (fine < bottom)) for left, top, right, bottom in (a, b)]
    (ax, ay), (bx, by) = inside
    shared = (ax & bx).sum() * (ay & by).sum()
    return shared / (ax.sum() * ay.sum() + bx.sum() * by.sum() - shared)


def counted(found, truth):
    """How many found boxes are right: for each, the surest first, the true box of its class it overlaps most."""
    right, taken = 0, set()
    for place, label in zip(found.boxes, found.labels):
        fits = {i: overlap(place, b) for i, (b, k) in enumerate(zip(*truth)) if k == label}
        best = max(fits, key=fits.get, default=None)
        if best is not None and fits[best] >= 0.5 and best not in taken:
            right += 1
            taken.add(best)
    return right


STATES = [
    {"shape": "none"},
    {"shape": "none", "scene": 2, "threshold": 0.1, "overlap": 0.9},
    {"shape": "circle", "row": 30, "column": 90},
    {"shape": "cross", "row": 0, "column": 0, "radius": 12},
    {"shape": "cross", "row": 127, "column": 64, "radius": 5},
    {"shape": "circle", "row": 64, "column": 64, "radius": 48, "scene": 1, "threshold": 0.9},
]


@pytest.mark.parametrize("state", STATES)
def test_finds_what_the_whole_scene_shows(explorer, net, state):
    for name, value in state.items():
        setattr(explorer, name, value)
    whole = localize.detect(net, explorer.image, explorer.threshold, explorer.overlap)
    np.testing.assert_allclose(explorer.found.boxes, whole.boxes, atol=0.05)
    np.testing.assert_array_equal(explorer.found.labels, whole.labels)
    np.testing.assert_allclose(explorer.found.scores, whole.scores, atol=1e-3)
    for level, (image, places) in zip(explorer.levels, localize.pyramid(net, explorer.image, explorer.scales)):
        np.testing.assert_allclose(level.heat, localize.heat_map(net, image), atol=1e-4)
        np.testing.assert_array_equal(level.places, places)
    right = counted(explorer.found, explorer.truth)
    found, there = len(whole.boxes), len(explorer.truth[0])
    assert explorer.recall == right / there
    assert explorer.precision == right / found if found else math.isnan(explorer.precision)


def test_the_shape_is_where_it_is_put(explorer, scenes):
    explorer.shape, explorer.radius, explorer.row, explorer.column = "circle", 12, 40, 5
    (*_, own), (*_, label) = explorer.truth
    changed = (explorer.image != scenes.images[0]).any(axis=0)
    rows, columns = changed.any(1).nonzero()[0], changed.any(0).nonzero()[0]
    assert own.tolist() == [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1] and label == data.CIRCLE
    assert (own[0], own[1] + own[3]) == (0, 81)  # cut off on the left, and as far above row 40 as below it
    explorer.shape = "none"
    np.testing.assert_array_equal(explorer.image, scenes.images[0])
    np.testing.assert_array_equal(explorer.truth[0], scenes.boxes[0])


@pytest.mark.parametrize("shape", ["cross", "circle"])
def test_the_box_follows(net, shape):
    bare = data.Scenes(np.full((1, 3, SIZE, SIZE), 0.2, np.float32), [[]], [[]])
    explorer = LocalizeExplorer(net, bare)
    explorer.shape = shape
    for place in (30, 40), (60, 70), (90, 50):
        explorer.pad.picked = (0, *place)
        assert (explorer.row, explorer.column) == place
        ((left, top, right, bottom),) = explorer.found.boxes
        assert math.dist(place, ((top + bottom) / 2, (left + right) / 2)) < 5
        solid = [b for b in explorer.pad.boxes if not b["dashed"]]
        assert [(b["left"], b["top"]) for b in solid] == [tuple(b[:2]) for b in explorer.found.boxes]
        assert explorer.recall == explorer.precision == 1


def test_a_shape_of_the_other_class_is_no_hit(net, scenes):
    swapped = data.Scenes(scenes.images, [1 - labels for labels in scenes.labels], scenes.boxes)
    explorer = LocalizeExplorer(net, swapped)
    explorer.shape = "none"
    assert len(explorer.found.boxes) and explorer.precision == explorer.recall == 0


def test_nothing_there_and_nothing_found(net):
    explorer = LocalizeExplorer(net, data.Scenes(np.full((1, 3, 64, 64), 0.5), [[]], [[]]))
    explorer.shape = "none"
    assert math.isnan(explorer.precision) and math.isnan(explorer.recall)
    assert explorer.text == "Scene 0. Threshold 0.50, overlap 0.30: nothing is found, of 0 shapes."


def test_reads_in_full(net):
    explorer = LocalizeExplorer(net, data.Scenes(np.full((1, 3, SIZE, SIZE), 0.2, np.float32), [[]], [[]]))
    explorer.shape = "circle"
    score = float(localize.detect(net, explorer.image).scores[0])
    assert explorer.text == (
        "Scene 0, with a circle of radius 16 in row 64, column 64. Threshold 0.50, overlap 0.30: 1 box, "
        f"the surest circle {score:.1%}. Precision 100%: 1 of 1 right. Recall 100%: 1 of 1 shape found."
    )
    assert repr(explorer) == f"LocalizeExplorer: {explorer.text}" and explorer.text in explorer.words.value


def test_shows_frames_and_heat(explorer, net):
    dashed = [b for b in explorer.pad.boxes if b["dashed"]]
    colours = [(plots.CROSS, plots.CIRCLE)[k] for k in explorer.truth[1]]
    assert [b["colour"] for b in dashed] == colours
    for (left, top, right, bottom), b in zip(explorer.truth[0], dashed):
        assert (b["left"], b["top"], b["width"], b["height"]) == (left, top, right - left, bottom - top)
    for scale in range(len(explorer.scales)):
        explorer.scale = scale
        ((image, _),) = localize.pyramid(net, explorer.image, [localize.SCALES[scale]])
        np.testing.assert_allclose(explorer.maps.arrays, localize.heat_map(net, image)[:2], atol=1e-4)
        assert explorer.maps.largest == 1


def test_controls_and_traits_are_one(explorer):
    sliders = {c.description: c for c in controls(explorer, (IntSlider, FloatSlider))}
    sliders["scene"].value, sliders["threshold"].value, sliders["overlap (IoU)"].value = 2, 0.8, 0.5
    assert (explorer.scene, explorer.threshold, explorer.overlap) == (2, 0.8, 0.5)
    explorer.radius = 20
    assert sliders["radius"].value == 20


def test_the_keys_go_on_from_where_python_put_the_shape(explorer):
    explorer.row, explorer.column = 50, 20
    assert explorer.pad.picked == (0, 50, 20)
    explorer.shape = "none"
    explorer.row = 70
    explorer.shape = "circle"
    assert explorer.pad.picked == (0, 70, 20)


@pytest.mark.parametrize("trait, value", [
    ("scene", 3), ("row", -1), ("column", SIZE), ("radius", 49), ("scale", 8), ("threshold", 0), ("overlap", 1.0),
    ("shape", "line"),
])  # fmt: skip
def test_refuses_what_cannot_be(explorer, trait, value):
    before = getattr(explorer, trait)
    with pytest.raises(traitlets.TraitError, match=trait):
        setattr(explorer, trait, value)
    assert getattr(explorer, trait) == before


def test_refuses_what_does_not_fit(net, scenes):
    images, labels, boxes = scenes
    with pytest.raises(ValueError, match="must tell cross, circle and neither"):
        LocalizeExplorer(Network((3, 32, 32), [Conv2D(2, 3), Flatten(), Linear(2)]), scenes)
    with pytest.raises(ValueError, match="images must be .n, 3, height, width."):
        LocalizeExplorer(net, data.Scenes(images[:, :1], labels, boxes))
    with pytest.raises(ValueError, match="values from 0 to 1, not 0 to 255"):
        LocalizeExplorer(net, data.Scenes(np.tile([0, 255], (1, 3, 64, 32)), [[]], [[]]))
    with pytest.raises(ValueError, match="not 2 labels and 3 boxes for 3 scenes"):
        LocalizeExplorer(net, data.Scenes(images, labels[:2], boxes))
    with pytest.raises(ValueError, match="in scene 1"):
        LocalizeExplorer(net, data.Scenes(images, [labels[0], [], labels[2]], boxes))
    with pytest.raises(ValueError, match="room for a window"):
        LocalizeExplorer(net, data.Scenes(images[:, :, :12, :12], labels, boxes))


def test_other_sizes_depths_and_types():
    grey = Network((1, 16, 16), [Conv2D(4, 3, padding="valid"), ReLU(), Flatten(), Linear(3)])
    grey.layers[-1].params["w"][:] = np.random.default_rng(0).standard_normal(grey.layers[-1].params["w"].shape)
    images = np.random.default_rng(1).random((2, 1, 40, 70))  # float64, not square
    explorer = LocalizeExplorer(grey, data.Scenes(images, [[0], []], [[[5, 5, 20, 20]], []]))
    explorer.row, explorer.column, explorer.scene = 39, 69, 1
    whole = localize.detect(grey, explorer.image)
    np.testing.assert_allclose(explorer.found.scores, whole.scores, atol=1e-3)
    assert explorer.image.dtype == np.float32 and explorer.pad.sizes == [[40, 70]]


def test_what_is_not_a_number_is_said(net, scenes):
    images = scenes.images.copy()
    images[0, 0, 2, 2] = np.nan
    explorer = LocalizeExplorer(net, data.Scenes(images, scenes.labels, scenes.boxes))
    assert "1 of these are not numbers" in explorer.words.value and "nothing is found" in explorer.text
    explorer.scene = 1
    assert "not numbers" not in explorer.words.value


def test_the_network_stays_the_readers(net, scenes):
    theirs = Network.load(data.detector())
    explorer = LocalizeExplorer(theirs, scenes)
    before = explorer.found.scores
    theirs.layers[-1].params["w"][:] = 0
    explorer.column += 1
    explorer.column -= 1
    np.testing.assert_allclose(explorer.found.scores, before)


def test_a_still_of_all_of_it(explorer):
    assert explorer._repr_mimebundle_()["image/png"] and len(tiles_in(explorer)) == 2
