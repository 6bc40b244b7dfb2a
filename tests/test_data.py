import hashlib
import re
import subprocess
import sys

import numpy as np
import pytest

from cnnlib import Network, data

BLACK, WHITE = (0, 0, 0), (1, 1, 1)


def draw(n=200, seed=0, **knobs):
    return data.crosses_and_circles(n, np.random.default_rng(seed), **knobs)


def white_on_black(n=200, **knobs):
    """Images that are nothing but the share of each pixel that is painted, (n, size, size), and their shapes."""
    shapes = draw(n, background=BLACK, colour=WHITE, **knobs)
    return shapes.images[:, 0], shapes


def background_of(images):
    return images[:, :, 0, 0]           # nothing is ever painted in the corner


def luma(rgb):
    return rgb @ [0.299, 0.587, 0.114]


# --- what comes out

@pytest.mark.parametrize("n, size", [(0, 64), (1, 64), (7, 64), (3, 100)])
def test_shapes_and_dtypes(n, size):
    images, labels, boxes = draw(n, size=size)
    assert images.shape == (n, 3, size, size) and images.dtype == np.float32
    assert labels.shape == (n,) and labels.dtype == np.int64
    assert boxes.shape == (n, 4) and boxes.dtype == np.int64


def test_names_and_order_agree():
    shapes = draw(3)
    images, labels, boxes = shapes
    assert images is shapes.images and labels is shapes.labels and boxes is shapes.boxes


@pytest.mark.parametrize("noise", [0, 0.3])
def test_values_stay_between_0_and_1(noise):
    images = draw(noise=noise).images
    assert images.min() >= 0 and images.max() <= 1


def test_same_seed_same_images_and_another_seed_others():
    for one, two in zip(draw(20, seed=1, noise=0.1), draw(20, seed=1, noise=0.1)):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(draw(20, seed=1).images, draw(20, seed=2).images)


def test_half_of_each_and_the_odd_one_by_chance():
    assert draw(200).labels.sum() == 100
    assert {draw(1, seed=seed).labels[0] for seed in range(10)} == {0, 1}
    assert {draw(7, seed=seed).labels.sum() for seed in range(10)} == {3, 4}


def test_labels_are_in_no_pattern():
    labels = draw(2000, size=20, radius=(3, 3)).labels
    assert 0.45 < (labels[1:] == labels[:-1]).mean() < 0.55


# --- the drawing

@pytest.mark.parametrize("knobs", [{}, {"max_rotation": 45}, {"size": 128}, {"size": 20, "radius": (3, 6)}])
def test_boxes_are_tight(knobs):
    painted, shapes = white_on_black(**knobs)
    for picture, (left, top, right, bottom) in zip(painted, shapes.boxes):
        rows, columns = np.nonzero(picture)
        assert (left, top, right, bottom) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_a_pixel_of_background_is_left_all_around():
    painted, _ = white_on_black(500, radius=(20, 24))
    assert painted[:, [0, -1], :].max() == 0 and painted[:, :, [0, -1]].max() == 0


def test_circles_are_empty_and_crosses_full_in_the_middle():
    painted, shapes = white_on_black()
    left, top, right, bottom = shapes.boxes.T
    middle = painted[np.arange(200), (top + bottom) // 2, (left + right) // 2]
    assert (middle[shapes.labels == data.CIRCLE] == 0).all()
    assert (middle[shapes.labels == data.CROSS] > 0).all()


@pytest.mark.parametrize("radius", [6, 15, 24])
def test_area_is_what_geometry_says(radius, monkeypatch):
    stroke = 3
    monkeypatch.setattr(data, "STROKE", (stroke, stroke))
    painted, shapes = white_on_black(radius=(radius, radius))
    area = painted.sum((1, 2))
    ring = 2 * np.pi * radius * stroke
    two_lines = 2 * (2 * radius * stroke + np.pi * (stroke / 2) ** 2) - stroke**2     # round ends; crossing once
    np.testing.assert_allclose(area[shapes.labels == data.CIRCLE], ring, rtol=0.02)
    np.testing.assert_allclose(area[shapes.labels == data.CROSS], two_lines, rtol=0.03)


def test_lines_are_1_and_a_half_to_5_pixels_thick():
    painted, shapes = white_on_black(radius=(20, 20))
    thickness = painted[shapes.labels == data.CIRCLE].sum((1, 2)) / (2 * np.pi * 20)
    assert 1.45 < thickness.min() < 1.8 and 4.7 < thickness.max() < 5.05


def test_edges_are_soft():
    painted, _ = white_on_black()
    soft = ((painted > 0.05) & (painted < 0.95)).sum((1, 2))
    assert soft.min() > 10


def cross_angles(painted):
    """Degrees that each cross is turned, -45 to 45, from its fourth circular moment around its own middle."""
    angles = []
    for picture in painted:
        rows, columns = np.nonzero(picture)
        weight = picture[rows, columns]
        z = columns - np.average(columns, weights=weight) + 1j * (rows - np.average(rows, weights=weight))
        angles.append(np.rad2deg(np.angle((weight * z**4).sum())) / 4)
    return np.array(angles)


@pytest.mark.parametrize("most", [0, 15, 30])
def test_crosses_turn_both_ways_but_no_further_than_asked(most):
    painted, shapes = white_on_black(max_rotation=most, radius=(15, 24))
    angles = cross_angles(painted[shapes.labels == data.CROSS])
    assert abs(angles).max() < most + 0.5
    assert angles.max() > 0.85 * most - 0.5 and angles.min() < -0.85 * most + 0.5


def test_size_does_not_tell_the_label():
    _, labels, boxes = draw(2000)
    width = boxes[:, 2] - boxes[:, 0]
    assert abs(width[labels == 0].mean() - width[labels == 1].mean()) < 1
    assert width.min() < 17 and width.max() > 50          # from small to nearly all of the image


def test_radius_sets_the_size():
    width = np.ptp(draw(radius=(10, 10), max_rotation=0).boxes[:, ::2], axis=1)
    assert width.min() >= 2 * 10 + 1 and width.max() <= 2 * 10 + 5 + 2      # the line's own thickness, 1.5 to 5


def test_shapes_are_everywhere():
    boxes = draw(1000, radius=(6, 6)).boxes
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    for centre in x, y:
        assert np.histogram(centre, bins=4, range=(10, 54))[0].min() > 180


# --- one picture, as it is asked for

def test_draw_on_paper():
    cross = data.draw(data.CROSS, size=8, radius=2.5, stroke=1, background=BLACK, colour=WHITE)
    assert cross.shape == (3, 8, 8) and cross.dtype == np.float32
    np.testing.assert_array_equal(cross[0], cross[0].T)
    row = data.draw(data.CROSS, size=7, x=3.5, y=3.5, radius=2, stroke=1, background=BLACK, colour=WHITE)[0, 3]
    np.testing.assert_allclose(row, [0, 1, 1, 1, 1, 1, 0])
    ring = data.draw(data.CIRCLE, size=9, radius=3, stroke=1, background=BLACK, colour=WHITE)[0]
    np.testing.assert_allclose(ring[4], [0, 1, 0, 0, 0, 0, 0, 1, 0])


def test_draw_turns_clockwise_moves_and_cuts_off():
    def cover(**knobs):
        return data.draw(data.CROSS, background=BLACK, colour=WHITE, **knobs)[0]

    right_arm_end = cover(turn=30)[32 + 8 - 1 : 32 + 8 + 1, 32 + 13]    # 16 * sin 30, 16 * cos 30
    assert right_arm_end.min() == 1
    np.testing.assert_allclose(cover(turn=90), cover(), atol=1e-5)
    np.testing.assert_array_equal(cover(x=42, y=27)[2:, 10:], np.roll(cover(), (-5, 10), (0, 1))[2:, 10:])
    assert not cover(x=-30).any() and cover(x=0).any()


def test_draw_paints_its_colours():
    image = data.draw(data.CROSS, background=(0.2, 0.4, 0.6), colour=(1, 0, 0.5))
    np.testing.assert_allclose(image[:, 0, 0], [0.2, 0.4, 0.6])
    np.testing.assert_allclose(image[:, 32, 32], [1, 0, 0.5])


@pytest.mark.parametrize("knobs, error", [
    ({"shape": "cross"}, "shape must be data.CROSS or data.CIRCLE, got 'cross'"),
    ({"turn": "45"}, "turn must be a number, got '45'"),
    ({"stroke": -1}, "stroke must be from 0 to 64, got -1"),
    ({"x": 200}, "x must be from -64 to 128, got 200"),
    ({"colour": None}, r"background and colour must be \(red, green, blue\), got None"),
    ({"colour": (2, 0, 0)}, r"colour must be \(red, green, blue\), each from 0 to 1, got \(2, 0, 0\)"),
])  # fmt: skip
def test_draw_names_what_it_cannot_draw(knobs, error):
    with pytest.raises((TypeError, ValueError), match=f"^{error}"):
        data.draw(**{"shape": data.CROSS, **knobs})


# --- the colours

def pairs(images):
    """Each image's background and its shape's colour: the one that is furthest from the background."""
    background = background_of(images)
    away = abs(images - background[:, :, None, None]).sum(1).reshape(len(images), -1).argmax(1)
    return background, images.reshape(len(images), 3, -1)[np.arange(len(images)), :, away]


def test_shapes_stand_out_and_come_light_and_dark():
    background, colour = pairs(draw(500, radius=(20, 24)).images)
    difference = luma(colour) - luma(background)
    full = abs(difference)[abs(difference) > 0.25]        # a thin line may cover no pixel fully
    assert len(full) > 480 and full.min() > 0.25
    assert 0.4 < (difference > 0).mean() < 0.6


def test_backgrounds_are_of_all_sorts():
    background = background_of(draw(500).images)
    corners = {tuple(rgb) for rgb in (background > 0.5).astype(int)}
    assert len(corners) == 8                              # every mixture of strong and weak red, green, blue


def test_fixed_colours_are_kept():
    background, colour = (0.1, 0.2, 0.3), (0.9, 0.8, 0.4)
    images = draw(50, background=background, colour=colour).images
    np.testing.assert_allclose(background_of(images), np.tile(background, (50, 1)), atol=1e-6)
    share = (images - np.reshape(background, (3, 1, 1))) / np.reshape(np.subtract(colour, background), (3, 1, 1))
    np.testing.assert_allclose(share[:, 0], share[:, 1], atol=1e-5)       # nothing but mixtures of the two
    np.testing.assert_allclose(share[:, 0], share[:, 2], atol=1e-5)
    assert share.max() > 1 - 1e-5


@pytest.mark.parametrize("background, colour", [
    ((0, 0, 0.6), (0.3, 0.3, 0.9)),
    ((0.4, 0.4, 0.4), (0.7, 0.7, 0.7)),
    ((0.05, 0.05, 0.05), (0.35, 0.35, 0.35)),
    *(((k / 100,) * 3, (k / 100 + 0.3,) * 3) for k in range(0, 71, 7)),
], ids=str)  # fmt: skip
def test_colours_just_far_enough_apart_are_drawn(background, colour):
    for one, other in [(background, colour), (colour, background)]:
        images = draw(2, background=one, colour=other).images
        np.testing.assert_allclose(background_of(images), [one] * 2, atol=1e-6)


def test_colours_just_too_near_are_refused():
    with pytest.raises(ValueError, match="does not stand out"):
        draw(2, background=(0.4, 0.4, 0.4), colour=(0.69999, 0.69999, 0.69999))


def test_one_fixed_colour_leaves_the_other_free():
    images = draw(200, background=(0.5, 0.5, 0.5), radius=(20, 24)).images
    _, colour = pairs(images)
    assert np.unique(colour, axis=0).shape[0] == 200


def test_noise_has_the_size_asked_for():
    clean, noisy = draw(20, background=(0.5, 0.5, 0.5)).images, draw(20, background=(0.5, 0.5, 0.5), noise=0.05).images
    top = noisy[:, :, 0] - 0.5                            # the top row is always background
    assert clean[:, :, 0].std() == 0
    assert abs(top.std() - 0.05) < 0.002 and abs(top.mean()) < 0.003
    assert abs(np.corrcoef(top[:, 0].ravel(), top[:, 1].ravel())[0, 1]) < 0.1     # each channel its own


# --- the biases

def colour_rule(images):
    """A learner that sees only the mean colour: is there more blue than red?"""
    red, _, blue = images.mean((2, 3)).T
    return blue > red


def position_rule(boxes):
    return boxes[:, 0] + boxes[:, 2] > 64


@pytest.mark.parametrize("bias, least, most", [(0, 0.44, 0.56), (0.5, 0.68, 0.8), (1, 0.97, 1)])
def test_bias_dials_give_the_label_away_as_far_as_turned(bias, least, most):
    images, labels, _ = draw(800, colour_bias=bias)
    assert least <= (colour_rule(images) == labels).mean() <= most
    _, labels, boxes = draw(800, position_bias=bias)
    assert least <= (position_rule(boxes) == labels).mean() <= most


def test_each_bias_leaves_the_other_alone():
    _, labels, boxes = draw(800, colour_bias=1)
    assert 0.44 < (position_rule(boxes) == labels).mean() < 0.56
    images, labels, _ = draw(800, position_bias=1)
    assert 0.44 < (colour_rule(images) == labels).mean() < 0.56


def test_biased_backgrounds_are_warm_and_cool_and_still_stand_out():
    images, labels, _ = draw(300, colour_bias=1, radius=(20, 24))
    red, green, blue = background_of(images).T
    crosses = labels == data.CROSS
    assert ((red >= green) & (green >= blue))[crosses].all()
    assert ((red <= green) & (green <= blue))[~crosses].all()
    background, colour = pairs(images)
    assert np.quantile(abs(luma(colour) - luma(background)), 0.05) > 0.25


# --- scenes

def test_scenes_come_as_asked_for():
    images, labels, boxes = data.scenes(30, np.random.default_rng(0), size=200, shapes=(1, 3), radius=(8, 30))
    assert images.shape == (30, 3, 200, 200) and images.dtype == np.float32
    assert images.min() >= 0 and images.max() <= 1
    assert {len(each) for each in labels} == {1, 2, 3} and set(np.concatenate(labels)) == {data.CROSS, data.CIRCLE}
    for each, around in zip(labels, boxes):
        assert each.dtype == around.dtype == np.int64 and around.shape == (len(each), 4)
    empty = data.scenes(1, np.random.default_rng(0), shapes=(0, 0), clutter=(0, 0))
    assert empty.boxes[0].shape == (0, 4) and np.ptp(empty.images[0], axis=(1, 2)).max() == 0
    assert data.scenes(0, np.random.default_rng(0)).images.shape == (0, 3, 256, 256)


def test_scenes_same_seed_same_scenes():
    one, two, other = (data.scenes(3, np.random.default_rng(seed), noise=0.1) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.images, two.images)
    np.testing.assert_array_equal(np.concatenate(one.boxes), np.concatenate(two.boxes))
    assert not np.array_equal(one.images, other.images)


def test_boxes_in_scenes_are_tight_and_true():
    scenes = data.scenes(60, np.random.default_rng(3), clutter=(0, 0))
    for image, labels, boxes in zip(*scenes):
        painted = (image != image[:, :1, :1]).any(axis=0)
        for kind, (left, top, right, bottom) in zip(labels, boxes):
            inside = painted[top:bottom, left:right]
            rows, columns = np.nonzero(inside)
            assert (rows.min(), rows.max(), columns.min(), columns.max()) == (0, bottom - top - 1, 0, right - left - 1)
            height, width = inside.shape
            assert abs(height - width) <= 1
            assert inside[height // 2, width // 2] == (kind == data.CROSS)
            painted[top:bottom, left:right] = False                     # what is still painted belongs to another
        assert not painted.any()


def test_nothing_in_a_scene_overlaps_a_shape():
    scenes = data.scenes(60, np.random.default_rng(4), clutter=(8, 8))
    for image, boxes in zip(scenes.images, scenes.boxes):
        painted = (image != image[:, :1, :1]).any(axis=0)
        assert not painted[[0, -1]].any() and not painted[:, [0, -1]].any()
        for left, top, right, bottom in boxes:
            frame = painted[top - 1 : bottom + 1, left - 1 : right + 1].copy()
            frame[1:-1, 1:-1] = False
            assert not frame.any()


def test_scenes_hold_shapes_of_many_sizes_everywhere():
    boxes = np.concatenate(data.scenes(200, np.random.default_rng(5)).boxes)
    width = boxes[:, 2] - boxes[:, 0]
    assert width.min() < 20 and width.max() > 85
    assert 0.3 < (width < 32).mean() < 0.7
    for centre in ((boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2):
        assert np.histogram(centre, bins=4, range=(8, 248))[0].min() > 0.12 * len(boxes)


def test_things_in_scenes_stand_out():
    for image, boxes in zip(*data.scenes(30, np.random.default_rng(6), radius=(20, 40))[::2]):
        difference = abs(luma((image - image[:, :1, :1]).transpose(1, 2, 0)))
        for left, top, right, bottom in boxes:
            assert difference[top:bottom, left:right].max() > 0.3 - 1e-6


@pytest.mark.parametrize("error, message, knobs", [
    (ValueError, "n must be at least 0, got -1", {"n": -1}),
    (TypeError, "rng must be a random generator .*, got 0", {"rng": 0}),
    (TypeError, r"shapes must be a pair \(fewest, most\), got 3", {"shapes": 3}),
    (ValueError, r"shapes must be \(fewest, most\), got \(4, 1\)", {"shapes": (4, 1)}),
    (ValueError, "clutter must be at least 0, got -1", {"clutter": (-1, 1)}),
    (TypeError, "shapes must be a whole number, got 1.5", {"shapes": (1.5, 2)}),
    (ValueError, r"largest <= 25.8.* for size=64, got \(8, 40\)", {"size": 64}),
    (ValueError, "no room for 20 shapes", {"size": 64, "radius": (8, 25), "shapes": (20, 20)}),
    (ValueError, "noise must be from 0 to 1, got 2", {"noise": 2}),
])  # fmt: skip
def test_scenes_name_what_they_cannot_draw(error, message, knobs):
    with pytest.raises(error, match=message):
        data.scenes(**{"n": 2, "rng": np.random.default_rng(0)} | knobs)


# --- centered

def test_centered_takes_off_each_images_mean_colour():
    images = draw(10).images
    result = data.centered(images)
    assert result.dtype == np.float32 and result.shape == images.shape
    np.testing.assert_allclose(result.mean((2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(np.diff(result), np.diff(images), atol=1e-6)       # differences stay
    np.testing.assert_allclose(data.centered(images * 0.5 + 0.2), result * 0.5, atol=1e-6)


# --- the files

def test_photograph():
    picture = data.photograph()
    assert picture.shape == (3, 256, 256) and picture.dtype == np.float32 and picture.flags.c_contiguous
    assert picture.min() == 0 and picture.max() == 1


def test_photograph_is_what_other_readers_see():
    from matplotlib.image import imread

    np.testing.assert_array_equal(data.photograph(), imread(data.FOLDER / "photograph.png").transpose(2, 0, 1))


@pytest.mark.parametrize("split, each", [("train", 400), ("test", 100)])
def test_digits(split, each):
    images, labels = data.digits(split)
    assert images.shape == (10 * each, 1, 28, 28) and images.dtype == np.float32
    assert images.min() == 0 and images.max() == 1
    assert labels.dtype == np.int64 and (np.bincount(labels) == each).all()
    assert len(set(labels[:50])) == 10                    # shuffled


def test_digits_labels_fit_the_images_and_no_test_image_is_trained_on():
    images, labels = data.digits()
    test_images, test_labels = data.digits("test")
    train, test = images.reshape(4000, -1), test_images.reshape(1000, -1)
    distance = (train**2).sum(1) - 2 * test @ train.T + (test**2).sum(1)[:, None]
    assert distance.min() > 0.1
    assert (labels[distance.argmin(1)] == test_labels).mean() > 0.9       # the nearest neighbour mostly agrees


def test_readme_lists_every_file_and_its_checksum():
    readme = (data.FOLDER / "README.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `(.+?)` \|.*\| `([0-9a-f]{64})` \|$", readme, re.M))
    assert listed == data.SHA256
    for name, sha256 in data.SHA256.items():
        assert hashlib.sha256((data.FOLDER / name).read_bytes()).hexdigest() == sha256


@pytest.mark.parametrize("name, load", [
    ("photograph.png", data.photograph), ("digits.npz", data.digits), ("network.npz", data.trained_network),
    ("detector.npz", data.detector),
])  # fmt: skip
def test_damaged_and_missing_files_are_named(name, load, tmp_path, monkeypatch):
    content = bytearray((data.FOLDER / name).read_bytes())
    monkeypatch.setattr(data, "FOLDER", tmp_path)
    with pytest.raises(FileNotFoundError, match=rf"{name} is missing.*git checkout"):
        load()
    content[len(content) // 2] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name} is damaged.*git checkout"):
        load()


# --- what must not go in

@pytest.mark.parametrize("error, message, knobs", [
    (ValueError, "n must be at least 0, got -1", {"n": -1}),
    (TypeError, "n must be a whole number, got 2.5", {"n": 2.5}),
    (TypeError, "n must be a whole number, got True", {"n": True}),
    (TypeError, "rng must be a random generator .*, got 0", {"rng": 0}),
    (TypeError, "rng must be a random generator .*, got None", {"rng": None}),
    (TypeError, "size must be a whole number, got '64'", {"size": "64"}),
    (ValueError, r"largest <= 10.5 for size=28, got \(6, 24\)", {"size": 28}),
    (ValueError, r"3 <= smallest <= largest <= 28.5 for size=64, got \(20, 10\)", {"radius": (20, 10)}),
    (ValueError, r"got \(1, 10\)", {"radius": (1, 10)}),
    (TypeError, "radius must be a pair .*, got 10", {"radius": 10}),
    (TypeError, r"radius must be a pair .*, got \(1, 2, 3\)", {"radius": (1, 2, 3)}),
    (TypeError, "radius must be a pair .*, got 'ab'", {"radius": "ab"}),
    (ValueError, "max_rotation must be from 0 to 180, got -1", {"max_rotation": -1}),
    *((TypeError, re.escape(f"radius must be a pair (smallest, largest), got {radius!r}"), {"radius": radius})
      for radius in ("69", ("6", "24"), (True, 24), (6, None), ((6, 24),))),
    (ValueError, "background must be .*, got 0.5", {"background": 0.5}),
    *((TypeError, re.escape(f"background must be (red, green, blue) or None, got {rgb!r}"), {"background": rgb})
      for rgb in (("1", "1", "1"), (True, True, True), (1, False, 0), "101", ([1, 0], 0))),
    (ValueError, r"colour must be .*each from 0 to 1, got \(0, 128, 255\)", {"colour": (0, 128, 255)}),
    (TypeError, "colour must be .*, got 'red'", {"colour": "red"}),
    (ValueError, "colour=.* does not stand out from background=", {"background": (0, 0, 0), "colour": (0, 0, 1)}),
    (ValueError, "noise must be from 0 to 1, got nan", {"noise": float("nan")}),
    (TypeError, "noise must be a number, got 'a lot'", {"noise": "a lot"}),
    (ValueError, "colour_bias must be from 0 to 1, got 1.5", {"colour_bias": 1.5}),
    (TypeError, "position_bias must be a number, got True", {"position_bias": True}),
    (ValueError, "colour_bias=0.5 .* but background=", {"colour_bias": 0.5, "background": BLACK}),
])
def test_bad_input_is_named(error, message, knobs):
    arguments = {"n": 2, "rng": np.random.default_rng(0)} | knobs
    with pytest.raises(error, match=message):
        data.crosses_and_circles(**arguments)


def test_unknown_split_is_named():
    with pytest.raises(ValueError, match="got 'validation'"):
        data.digits("validation")


def test_the_library_needs_only_numpy():
    code = "import sys, cnnlib.data; cnnlib.data.photograph(); sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=data.FOLDER.parent)


def test_the_trained_network_knows_pictures_it_never_saw():
    images, labels, _ = data.crosses_and_circles(500, np.random.default_rng(12_345))
    net = Network.load(data.trained_network())
    assert net.weights.shape == (1816,)
    assert (net.predict(data.centered(images)) == labels).mean() >= 0.99
