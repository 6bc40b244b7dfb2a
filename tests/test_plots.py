"""Pictures show what they are given: the right numbers, on the right scale, in the right place."""

import io

import numpy as np
import pytest
from matplotlib.image import imread

from cnnlib import plots
from cnnlib.training import Step


def shown(picture):
    """What each of a picture's axes shows, where it shows an image."""
    return [ax.images[0].get_array() for ax in picture.axes if ax.images]


def test_a_sheet_shows_every_image_depth_last(rng):
    images = rng.random((5, 3, 8, 6), np.float32)
    picture = plots.images(images, ["a", "b", "c", "d", "e"], columns=3)
    assert len(shown(picture)) == 5
    for image, array in zip(images, shown(picture)):
        for depth in range(3):
            np.testing.assert_array_equal(array[..., depth], image[depth])
    assert [ax.get_title() for ax in picture.axes] == ["a", "b", "c", "d", "e", ""]


def test_whole_numbers_are_bright_as_well():
    (array,) = shown(plots.images(np.ones((1, 3, 2, 2), int)))
    assert array.dtype.kind == "f" and (array == 1).all()  # else matplotlib would count to 255, and show black


def test_grey_images_run_from_black_to_white(rng):
    picture = plots.images(rng.random((2, 1, 8, 6), np.float32) / 2)
    for ax in picture.axes:
        assert ax.images[0].get_array().shape == (8, 6)
        assert ax.images[0].get_clim() == (0, 1)
        assert ax.images[0].get_cmap()(1.0) == (1, 1, 1, 1)


def test_a_white_image_can_be_told_from_the_page():
    first, _, empty = plots.images(np.ones((5, 1, 4, 4)), columns=3).axes[3:]
    assert first.axison and first.spines["left"].get_edgecolor() != (1, 1, 1, 1)
    assert not empty.axison


def test_maps_that_are_compared_share_one_scale(rng):
    before, after = rng.random((2, 2, 4, 4))
    picture = plots.maps({"before": before, "after": 3 * after})
    np.testing.assert_array_equal(shown(picture), [*before, *(3 * after)])
    limits = {ax.images[0].get_clim() for ax in picture.axes if ax.images}
    assert limits == {(0, max(before.max(), 3 * after.max()))}


def test_rows_of_one_map_stand_side_by_side_under_their_names(rng):
    x, y = rng.random((2, 4, 4))
    picture = plots.maps({"x": [x], "y": [y]}, inches=3)
    np.testing.assert_array_equal(shown(picture), [x, y])
    titles = [ax.get_title() for ax in picture.axes if ax.images]
    picture.png()  # which lays it out
    places = [ax.get_position() for ax in picture.axes if ax.images]
    assert titles == ["x", "y"]
    assert places[0].y0 == pytest.approx(places[1].y0) and places[0].x1 <= places[1].x0
    assert tuple(picture.get_size_inches()) == (7, 3)
    two = plots.maps({"a": [x, y], "b": [y, x]})
    assert [ax.get_title() for ax in two.axes if ax.images] == ["a, map 0", "a, map 1", "b, map 0", "b, map 1"]


def test_images_are_as_large_as_asked(rng):
    assert tuple(plots.images(rng.random((2, 1, 8, 8)), inches=3).get_size_inches()) == (6, 3.2)


def test_arrows_point_where_they_are_told():
    right, down = np.zeros((2, 3, 4))
    right[0, 1], down[0, 1], down[2, 3] = 3, 4, -2.5
    image = np.full((1, 3, 4), 0.5)
    picture = plots.arrows(image, right, down)
    (ax,) = picture.axes
    np.testing.assert_array_equal(ax.images[0].get_array(), image[0])
    (quiver,) = (child for child in ax.collections if hasattr(child, "U"))
    at = {tuple(place): (u, v) for place, u, v in zip(quiver.XY.tolist(), quiver.U, quiver.V)}
    assert at[1, 0] == (3, 4) and at[3, 2] == (0, -2.5) and at[0, 0] == (0, 0)
    assert quiver.scale == pytest.approx(5 / 1.5) and quiver.angles == quiver.scale_units == "xy"
    bottom, top = ax.get_ylim()
    assert bottom > top  # so that down is down
    assert "The longest, at row 0, column 1, points 53 degrees clockwise from the right." in repr(picture)


def test_lines_and_their_dots():
    many = np.arange(1, 100)
    picture = plots.lines({"valley": (many, many**2.0), "walk": ([1, 2], [9, 4])}, x="w", y="loss", log=True)
    (ax,) = picture.axes
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), np.stack([many, many**2], axis=1))
    np.testing.assert_array_equal(ax.lines[1].get_xydata(), [[1, 9], [2, 4]])
    assert [line.get_marker() for line in ax.lines] == ["", "o"]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("w", "loss", "log")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["valley", "walk"]
    assert "walk: 9 at 1, 4 at 2, lowest 4." in repr(picture)
    assert plots.lines({"one": ([1, 2], [3, 4])}, "x", "y").axes[0].get_legend() is None


def test_signed_maps_are_white_at_zero(rng):
    picture = plots.maps({"dw": rng.standard_normal((2, 4, 4)) - 1}, signed=True)
    for image in (ax.images[0] for ax in picture.axes if ax.images):
        low, high = image.get_clim()
        assert low == -high
        np.testing.assert_allclose(image.cmap(image.norm(0.0))[:3], 1, atol=0.04)


def test_maps_of_nothing_but_zeros_can_be_shown():
    assert shown(plots.maps({"dead": np.zeros((1, 4, 4))}))[0].max() == 0


def test_the_image_stands_beside_its_maps(rng):
    image = rng.random((3, 8, 8))
    picture = plots.maps({"a": rng.random((2, 8, 8))}, image=image)
    assert [array.shape for array in shown(picture)] == [(8, 8, 3), (8, 8), (8, 8)]


def test_curves_show_each_step_and_the_mean_of_the_last_few():
    losses = [3, 2, 1, 6, 5]
    steps = [Step(i, loss, loss / 10) for i, loss in enumerate(losses, start=1)]
    each, mean = plots.learning_curves({"run": steps}, over=2).axes[0].lines
    np.testing.assert_array_equal(each.get_xydata(), list(zip(range(1, 6), losses)))
    np.testing.assert_allclose(mean.get_ydata(), [3, 2.5, 1.5, 3.5, 5.5])


def test_runs_that_are_compared_are_named():
    steps = [Step(1, 0.7, 0.5), Step(2, 0.6, 0.6)]
    picture = plots.learning_curves({"slow": steps, "fast": steps})
    (key,) = picture.legends
    assert [text.get_text() for text in key.get_texts()] == ["slow", "fast"]
    picture.draw_without_rendering()
    assert key.get_window_extent().x0 > max(ax.get_window_extent().x1 for ax in picture.axes)  # it covers no curve


def test_only_the_loss_is_cut_off_where_it_is_wanted():
    steps = [Step(1, 0.7, 0.5), Step(2, 40.0, 0.6)]
    loss, accuracy = plots.learning_curves({"run": steps}, highest=1.5).axes
    assert loss.get_ylim() == (0, 1.5) and accuracy.get_ylim() == (0, 1.02)
    assert plots.learning_curves({"run": steps}).axes[0].get_ylim()[1] > 40


@pytest.mark.parametrize("picture, words", [
    (plots.images(np.zeros((2, 3, 4, 4)), ["cross", "circle"]), "2 images. cross, circle"),
    (plots.maps({"after": np.full((1, 4, 4), 0.5)}), "Maps. after: from 0.50 to 0.50, mean 0.500."),
    (plots.learning_curves({"a": [Step(1, 0.7, 0.5)]}), "mean loss of the last 20: 0.70"),
])  # fmt: skip
def test_a_picture_is_a_png_with_words(picture, words):
    assert words in repr(picture)
    png, metadata = picture._repr_png_()
    assert metadata == {"alt": repr(picture)}
    drawn = imread(io.BytesIO(png))
    assert drawn.shape[0] > 100 and drawn.std() > 0.01


def test_axes_and_classes_have_colours_of_their_own():
    colours = [plots.DEPTH, plots.HEIGHT, plots.WIDTH, plots.FILTER, plots.CROSS, plots.CIRCLE]
    assert len(set(colours)) == 6


def test_boxes_lie_around_their_pixels_and_are_named():
    image = np.zeros((3, 20, 30))
    picture = plots.boxes(image, {"cross": np.array([[2, 3, 8, 9]]), "true": np.array([[1, 3, 8, 10], [9, 9, 12, 12]])})
    patches = picture.axes[0].patches
    assert [patch.get_bbox().bounds for patch in patches[:2]] == [(1.5, 2.5, 6, 6)] * 2  # its rim, and itself
    assert len(patches) == 6
    assert repr(picture) == (
        "An image of 20 x 30 with boxes. cross: [[2, 3, 8, 9]]; true: [[1, 3, 8, 10], [9, 9, 12, 12]]."
    )
    assert repr(plots.boxes(image, {"all": np.tile([2, 3, 8, 9], (9, 1))})).endswith("with boxes. all: 9 boxes.")
