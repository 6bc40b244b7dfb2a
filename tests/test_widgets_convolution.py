"""ConvolutionExplorer, driven from Python: what it says and shows is what plain loops make of image and filter."""

import numpy as np
import pytest
import traitlets
from ipywidgets import BoundedIntText, Dropdown

from cnnlib.widgets import ConvolutionExplorer

STEP = np.array([[0, 0, 9, 9]] * 4)
EDGE = np.array([[-1, 0, 1]] * 3)


def slid(image, filter, before=0, after=0, stride=1):
    """The map, one pixel at a time."""
    image = image if image.ndim == 3 else image[None]
    framed = np.pad(image.astype(float), [(0, 0), (before, after), (before, after)])
    size, (_, height, width) = filter.shape[-1], framed.shape
    return np.array([
        [(framed[:, r : r + size, c : c + size] * filter).sum() for c in range(0, width - size + 1, stride)]
        for r in range(0, height - size + 1, stride)
    ])  # fmt: skip


def control(explorer, name):
    """The control that says this before it."""
    every = [explorer]
    for widget in every:
        every += getattr(widget, "children", ())
    return next(widget for widget in every if getattr(widget, "description", "") == name)


@pytest.fixture
def explorer():
    return ConvolutionExplorer(STEP, EDGE)


def test_the_lesson(explorer):
    explorer.row, explorer.column = 0, 1
    assert explorer.total == 27
    np.testing.assert_array_equal(explorer.patch, STEP[0:3, 1:4])
    np.testing.assert_array_equal(explorer.products, STEP[0:3, 1:4] * EDGE)
    np.testing.assert_array_equal(explorer.map, [[27, 27], [27, 27]])
    assert explorer.text == (
        "0 + 0 + 9 + 0 + 0 + 9 + 0 + 0 + 9 = 27 at row 0, column 1 of the map. "
        "The 3 x 3 filter lies at 2 x 2 places of the 4 x 4 image: no padding, stride 1."
    )
    assert repr(explorer) == f"ConvolutionExplorer: {explorer.text}"
    assert explorer.text in explorer.words.value
    assert explorer.figure().alt == explorer.text


@pytest.mark.parametrize("shape", [(6, 9), (1, 9, 6), (3, 7, 8), (6, 5, 7)])
@pytest.mark.parametrize("size, padding, frame, stride", [
    (3, "valid", (0, 0), 1), (3, "same", (1, 1), 2), (2, "same", (0, 1), 1), (4, 2, (2, 2), 3), (1, 0, (0, 0), 1),
])  # fmt: skip
def test_every_place_of_every_map(rng, shape, size, padding, frame, stride):
    image, filter = rng.standard_normal(shape), rng.standard_normal((*shape[:-2], size, size))
    explorer = ConvolutionExplorer(image, filter, padding, stride)
    want = slid(image, filter, *frame, stride)
    np.testing.assert_allclose(explorer.map, want, rtol=1e-5, atol=1e-5)
    assert explorer.filter.shape == filter.shape and explorer.patch.shape == filter.shape
    for row, column in np.ndindex(want.shape):
        explorer.row, explorer.column = row, column
        np.testing.assert_allclose(explorer.total, want[row, column], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(explorer.products, explorer.patch * filter, rtol=1e-5, atol=1e-6)


def test_a_flat_filter_is_the_same_on_every_slice(rng):
    image = rng.random((3, 5, 5))
    explorer = ConvolutionExplorer(image, EDGE)
    np.testing.assert_array_equal(explorer.filter, [EDGE] * 3)
    np.testing.assert_allclose(explorer.map, slid(image, np.stack([EDGE] * 3)), rtol=1e-5, atol=1e-6)
    sums = [(image[d, :3, :3] * EDGE).sum().round(2) for d in range(3)]
    told = explorer.text.split(" at row")[0].replace("- ", "+ -")
    parts, total = told.replace("≈", "=").split(" = ")
    np.testing.assert_allclose([float(part) for part in parts.split(" + ")], sums, atol=1e-9)
    assert float(total) == pytest.approx(explorer.map[0, 0], abs=0.006)


def test_pictures_show_what_is_computed(explorer):
    explorer.padding = "same"
    explorer.row, explorer.column = 3, 2
    np.testing.assert_array_equal(explorer.whole.arrays[0], np.pad(STEP, 1))
    patch = np.pad(STEP, 1)[3:6, 2:5]
    np.testing.assert_array_equal(explorer.patches.arrays[0], patch)
    np.testing.assert_array_equal(explorer.filters.arrays[0], EDGE)
    np.testing.assert_array_equal(explorer.multiplied.arrays[0], patch * EDGE)
    np.testing.assert_array_equal(explorer.output.arrays[0], slid(STEP, EDGE, 1, 1))
    assert explorer.multiplied.numbers[0] == [str(v) for v in (patch * EDGE).flat]
    places = ("top", "left", "height", "width")
    edge, window = ([frame[name] for name in places] for frame in explorer.whole.boxes)
    assert edge == [1, 1, 4, 4] and window == [3, 2, 3, 3]
    assert [explorer.output.boxes[0][name] for name in places] == [3, 2, 1, 1]


def test_a_still_shows_image_and_map_then_slice_by_slice(rng):
    figure = ConvolutionExplorer(rng.random((3, 6, 6)), EDGE).figure()
    captions = [" ".join(ax.get_xlabel().split()).split(":")[0] for ax in figure.axes]
    slices = [[f"patch, depth {d}", f"filter, depth {d}", "sum"] for d in range(3)]
    assert captions == ["image", "map", *sum(slices, [])]


def test_the_window_follows_the_hand(explorer):
    explorer.padding = "same"
    explorer.whole.picked = (0, 2, 3)  # in the framed image: its window is that of row 1, column 2
    assert (explorer.row, explorer.column) == (1, 2)
    explorer.whole.picked = (0, 5, 0)  # in the frame: no window has its middle there
    assert (explorer.row, explorer.column) == (3, 0)
    assert explorer.whole.picked == (0, 4, 1)
    explorer.output.picked = (0, 0, 3)
    assert (explorer.row, explorer.column) == (0, 3)
    explorer.play.value += 1  # the next line
    assert (explorer.row, explorer.column) == (1, 0)
    assert explorer.output.picked == (0, 1, 0)


def test_arrow_keys_step_from_window_to_window():
    explorer = ConvolutionExplorer(np.arange(64).reshape(8, 8), EDGE, "same", stride=3)
    assert explorer.whole.step == 3
    tile, row, column = explorer.whole.picked
    explorer.whole.picked = (tile, row + 3, column)
    assert (explorer.row, explorer.column) == (1, 0)


def test_close_ups_of_a_photograph(rng):
    image = rng.random((3, 200, 256))
    explorer = ConvolutionExplorer(image, EDGE, "same")
    explorer.row, explorer.column = 100, 30
    explorer.near.picked = (0, 7, 10)  # the window is in the middle: 8, 8
    assert (explorer.row, explorer.column) == (99, 32)
    near = np.pad(image, [(0, 0), (1, 1), (1, 1)])[:, 92:109, 25:42]
    np.testing.assert_allclose(explorer.near.arrays[0], near, rtol=1e-6)
    np.testing.assert_array_equal(explorer.near_output.arrays[0], explorer.map[91:108, 24:41])
    explorer.near_output.picked = (0, 0, 0)
    assert (explorer.row, explorer.column) == (91, 24)
    explorer.row, explorer.column = 199, 255
    explorer.near_output.picked = (0, 16, 16)
    assert (explorer.row, explorer.column) == (199, 255)


def test_weights_are_edited_one_by_one(explorer):
    explorer.filters.picked = (0, 2, 0)
    weight = control(explorer, "weight")
    assert weight.value == -1
    weight.value = 5
    np.testing.assert_array_equal(explorer.filter, [[-1, 0, 1], [-1, 0, 1], [5, 0, 1]])
    np.testing.assert_allclose(explorer.map, slid(STEP, explorer.filter))
    assert explorer.filters.numbers[0][6] == "5"
    explorer.preset = "blur"
    assert weight.value == 0.1111 and explorer.preset == "blur"
    np.testing.assert_allclose(explorer.filter, np.full((3, 3), 1 / 9))


def test_a_weight_is_slid(explorer):
    explorer.filters.picked = (0, 0, 2)
    slider = explorer.slider
    assert (slider.min, slider.value, slider.max) == (-5, 1, 5)
    slider.value = -2.25
    np.testing.assert_allclose(explorer.filter, [[-1, 0, -2.25], [-1, 0, 1], [-1, 0, 1]], rtol=1e-6)
    np.testing.assert_allclose(explorer.map, slid(STEP, explorer.filter), rtol=1e-5)
    assert control(explorer, "weight").value == -2.25
    control(explorer, "weight").value = -17.5
    assert (slider.min, slider.value, slider.max, slider.step) == (-20, -18, 20, 1)
    assert control(explorer, "weight").value == explorer.filter[0, 2] == -17.5
    explorer.filters.picked = (0, 1, 0)
    assert slider.value == -1 and explorer.filter[0, 2] == -17.5
    explorer.preset = "blur"
    assert (slider.min, slider.value, slider.max) == (-5, 0, 5)  # the place nearest to a ninth
    assert explorer.preset == "blur"
    np.testing.assert_allclose(explorer.filter, np.full((3, 3), 1 / 9))


@pytest.mark.parametrize("shape", [(4, 4), (3, 40, 30), (64, 64)])
def test_a_map_in_greys_is_as_dark_and_bright_as_the_image(rng, shape):
    def shown(sheet):
        return np.frombuffer(sheet.pixels, np.uint8).reshape(*sheet.arrays[0].shape, 4)

    explorer = ConvolutionExplorer(9 * rng.random(shape), EDGE, "same")
    explorer.preset = "identity"
    coloured = explorer.output.pixels
    control(explorer, "map in greys").value = True
    brightest = explorer.image.max() * len(explorer.image)
    assert explorer.greys and (shown(explorer.output)[..., :3] == shown(explorer.output)[..., :1]).all()
    np.testing.assert_allclose(shown(explorer.output)[..., 0], 255 * explorer.map / brightest, atol=2)
    explorer.preset = "sharpen"
    greys = shown(explorer.output)
    assert (greys[explorer.map <= 0, 0] == 0).all() and (greys[explorer.map >= brightest, 0] == 255).all()
    if explorer.small:
        np.testing.assert_allclose(shown(explorer.near_output).astype(int), greys[:17, :17], atol=1)
    explorer.preset, explorer.greys = "identity", False
    assert explorer.output.pixels == coloured


def test_the_patch_is_grey_where_the_image_is(rng):
    image = rng.random((64, 64))
    explorer = ConvolutionExplorer(image, EDGE)
    patch = np.frombuffer(explorer.patches.pixels, np.uint8).reshape(3, 3, 4)
    np.testing.assert_allclose(patch[..., :3], 255 * np.stack([image[:3, :3]] * 3, axis=-1) / image.max(), atol=2)


def test_one_slice_is_edited(rng):
    explorer = ConvolutionExplorer(rng.random((3, 6, 6)), EDGE)
    explorer.filters.picked = (1, 0, 0)
    control(explorer, "weight").value = 7
    want = np.stack([EDGE] * 3)
    want[1, 0, 0] = 7
    np.testing.assert_array_equal(explorer.filter, want)


@pytest.mark.parametrize("preset, filter", [
    ("identity", [[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
    ("sharpen", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    ("emboss", [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]),
    ("Sobel x", [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    ("Sobel y", [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
    ("45 degrees", [[-2, -1, 0], [-1, 0, 1], [0, 1, 2]]),
])  # fmt: skip
def test_presets(explorer, preset, filter):
    control(explorer, "preset").value = preset
    np.testing.assert_array_equal(explorer.filter, filter)
    assert f"filter, {preset}, lies" in explorer.text
    explorer.filter = EDGE
    assert explorer.preset == control(explorer, "preset").value == "custom"
    explorer.filter = filter
    assert explorer.preset == preset


def test_size_grows_and_cuts_about_the_middle():
    explorer = ConvolutionExplorer(np.zeros((9, 9)), EDGE)
    control(explorer, "size").value = 5
    np.testing.assert_array_equal(explorer.filter, np.pad(EDGE, 1))
    explorer.size = 3
    np.testing.assert_array_equal(explorer.filter, EDGE)
    explorer.size = 1
    np.testing.assert_array_equal(explorer.filter, [[0]])
    explorer.preset = "blur"
    explorer.size = 5
    np.testing.assert_allclose(explorer.filter, np.full((5, 5), 1 / 25))
    assert explorer.preset == "blur"


def test_hovering_a_number_tells_its_product(explorer):
    explorer.multiplied.hovered = (0, 1, 2)
    assert "9 × 1 = 9" in explorer.term.value
    for sheet in explorer.numbers:
        assert (sheet.boxes[-1]["top"], sheet.boxes[-1]["left"]) == (1, 2)
    explorer.multiplied.hovered = ()
    assert "×" not in explorer.term.value
    assert explorer.patches.boxes == []


def test_what_does_not_fit_is_told_and_changes_nothing(explorer):
    explorer.column = 1
    shown = explorer.text
    control(explorer, "size").value = 5
    assert "A window of size 5 does not fit into 4 x 4 pixels: at most 4 would." in explorer.words.value
    assert explorer.text == shown and explorer.size == 5
    explorer.column = 0
    assert "does not fit" in explorer.words.value
    explorer.padding = "same"
    assert "does not fit" not in explorer.words.value
    np.testing.assert_allclose(explorer.map, slid(STEP, np.pad(EDGE, 1), 2, 2))


def test_a_stride_that_leaves_something_out_says_so(explorer):
    control(explorer, "stride").value = 2
    assert explorer.map.shape == (1, 1)
    told = "Stride 2 does not come out even: it leaves out the last row and the last column."
    assert told in explorer.words.value
    explorer.stride = 1
    assert "leaves out" not in explorer.words.value


def test_the_place_stays_inside_a_smaller_map():
    explorer = ConvolutionExplorer(np.arange(36).reshape(6, 6), EDGE, "same")
    explorer.row, explorer.column = 5, 4
    explorer.padding = "valid"
    assert (explorer.row, explorer.column) == (3, 3) and explorer.play.value == 15
    explorer.padding = "same"
    assert (explorer.row, explorer.column) == (3, 3) and explorer.play.value == 21


def test_long_sums_are_cut_short(rng):
    explorer = ConvolutionExplorer(np.ones((9, 9)), np.ones((5, 5)))
    assert explorer.text.startswith("1 + 1 + 1 + 1 + 1 + 1 + ... + 1 + 1 = 25 at")


@pytest.mark.parametrize("name, value, message", [
    ("row", 2, "row must be 0 to 1, not 2"),
    ("column", -1, "column must be 0 to 1, not -1"),
    ("stride", 0, "stride"), ("stride", 9, "stride"), ("size", 12, "size"), ("padding", "some", "padding"),
    ("preset", "Sobel", "preset"),
])  # fmt: skip
def test_refuses_settings(explorer, name, value, message):
    shown = explorer.text
    with pytest.raises(traitlets.TraitError, match=message):
        setattr(explorer, name, value)
    assert explorer.text == shown


@pytest.mark.parametrize("image, filter, message", [
    (np.zeros(4), EDGE, r"image must be \(height, width\) or \(depth, height, width\), not \(4,\)"),
    (np.zeros((0, 4)), EDGE, "image must be"),
    (STEP, np.zeros((2, 3)), r"filter must be \(size, size\)"),
    (STEP, np.zeros((12, 12)), "size 1 to 11"),
    (np.zeros((3, 5, 5)), np.zeros((2, 3, 3)), "as deep as the image, 3, not 2"),
    (STEP, np.zeros((5, 5)), "a window of size 5 does not fit into 4 x 4"),
])  # fmt: skip
def test_refuses_arrays(image, filter, message):
    with pytest.raises(ValueError, match=f"(?i){message}"):
        ConvolutionExplorer(image, filter)


def test_nan_constant_and_infinite_images():
    image = np.ones((5, 6))
    assert ConvolutionExplorer(image, EDGE).text.startswith("-1 + 0 + 1 - 1 + 0 + 1 - 1 + 0 + 1 = 0 at")
    image[2, 2] = np.nan
    explorer = ConvolutionExplorer(image, EDGE)
    assert explorer.text.endswith("1 of these are not numbers (NaN): they are grey.")
    assert "= nan at row 0" in explorer.text
    assert np.isnan(explorer.map[:3, :3]).all() and not np.isnan(explorer.map[:, 3]).any()
    image[2, 2] = np.inf
    assert ConvolutionExplorer(image, EDGE).map[0, 0] == np.inf


def test_controls_show_the_settings_from_the_start():
    explorer = ConvolutionExplorer(np.zeros((9, 9)), np.ones((2, 2)), padding=1, stride=2)
    assert [control(explorer, name).value for name in ("preset", "size", "padding", "stride")] == ["custom", 2, 1, 2]
    assert isinstance(control(explorer, "padding"), Dropdown) and isinstance(control(explorer, "size"), BoundedIntText)


def test_the_readers_arrays_stay_as_they_are(explorer):
    explorer.filter[0, 0] = 99
    explorer.filters.picked = (0, 0, 0)
    control(explorer, "weight").value = 3
    assert EDGE[0, 0] == -1 and STEP.max() == 9
