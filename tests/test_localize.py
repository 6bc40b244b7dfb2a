import re
from itertools import pairwise

import numpy as np
import pytest

from benchmarks.localize import Report, larger, small, windows
from cnnlib import Conv2D, Flatten, Linear, MaxPool2D, Network, ReLU, data, localize


@pytest.fixture(scope="module")
def detector():
    return Network.load(data.detector())


def scene(seed=0, size=256, **knobs):
    return data.scenes(1, np.random.default_rng(seed), size=size, radius=(8, size / 8), **knobs).images[0]


def drawn(net, seed=0):
    """The network with biases, and a classifier, that are not zero."""
    net.weights = np.random.default_rng(seed).normal(0, 0.2, net.weights.shape).astype(np.float32)
    return net


def random_boxes(rng, *shape):
    corner, size = rng.integers(0, 20, (*shape, 2)), rng.integers(1, 15, (*shape, 2))
    return np.concatenate([corner, corner + size], axis=-1)


# --- one pass


def deep():
    """Two Linear layers, an odd stride, and a pool that overlaps and leaves a remainder."""
    layers = [Conv2D(4, 3, stride=3, padding="valid"), ReLU(), MaxPool2D(3, stride=2)]
    return Network((3, 33, 33), [*layers, Flatten(), Linear(6), ReLU(), Linear(3)])


@pytest.mark.parametrize("net, step", [(small(0), 4), (larger(0), 4), (deep(), 6)])
def test_one_pass_gives_the_scores_of_every_window(net, step):
    net, image = drawn(net), scene(size=101)[:, :90]
    assert localize.stride(net) == step
    one, every = localize.one_pass(net, image), localize.slide(net, image)
    assert one.shape == every.shape and one.dtype == every.dtype == np.float32
    np.testing.assert_allclose(one, every, atol=1e-4 * abs(every).max())


def test_one_pass_gives_the_scores_of_the_shipped_detector(detector):
    image = scene(3)
    one, every = localize.one_pass(detector, image), localize.slide(detector, image)
    assert one.shape == (3, 57, 57)
    np.testing.assert_allclose(one, every, atol=1e-5 * abs(every).max())
    np.testing.assert_allclose(localize.heat_map(detector, image).sum(axis=0), 1, atol=1e-6)


def test_a_place_of_the_map_is_the_window_there():
    net, image = drawn(larger(0)), scene(size=80)
    scores = localize.one_pass(net, image)
    for r, c in [(0, 0), (3, 7), (12, 12)]:
        window = image[None, :, 4 * r : 4 * r + 32, 4 * c : 4 * c + 32]
        np.testing.assert_allclose(scores[:, r, c], net.forward(window)[0], atol=1e-4)


def test_a_step_of_its_own():
    net, image = drawn(larger(0)), scene(size=80)
    np.testing.assert_allclose(localize.slide(net, image, 8), localize.slide(net, image)[:, ::2, ::2], atol=1e-5)


def test_the_last_layer_is_a_convolution_with_the_same_weights():
    net = drawn(larger(0))
    whole = localize.fully_convolutional(net, (3, 64, 48))
    assert whole.out_shapes[-1] == (3, 9, 5)
    assert isinstance(whole.layers[-1], Conv2D) and whole.layers[-1].padding == "valid"
    assert whole.weights.size == net.weights.size and Flatten not in map(type, whole.layers)
    flat = np.arange(16 * 4 * 4)
    np.testing.assert_array_equal(whole.layers[-1].params["w"].reshape(3, -1)[:, flat].T, net.layers[-1].params["w"])


def test_a_network_that_pads_sees_zeros_round_a_window_and_neighbours_in_the_scene():
    net = drawn(Network((3, 16, 16), [Conv2D(4, 3), ReLU(), MaxPool2D(2), Flatten(), Linear(3)]))
    image = scene(size=64, shapes=(1, 1))
    one, every = localize.one_pass(net, image), localize.slide(net, image)
    assert one.shape == every.shape and abs(one - every).max() > 0.1


def test_mean_colour_makes_no_difference_to_the_detector(detector):
    image = scene(5)
    shifted = image + np.array([0.3, -0.2, 0.1], np.float32)[:, None, None]
    np.testing.assert_allclose(localize.one_pass(detector, shifted), localize.one_pass(detector, image), atol=1e-3)


# --- sizes


def test_resize_on_paper():
    ramp = np.array([[[0, 2, 4, 6]]], np.float32)
    np.testing.assert_allclose(localize.resize(ramp, 1, 8)[0, 0], [0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6])
    np.testing.assert_allclose(localize.resize(ramp, 1, 4), ramp)
    halved = localize.resize(ramp, 1, 2)[0, 0]  # weights 3 3 1 of 7 at the frame
    np.testing.assert_allclose(halved, [(0 * 3 + 2 * 3 + 4) / 7, (6 * 3 + 4 * 3 + 2) / 7], rtol=1e-6)


@pytest.mark.parametrize("height, width", [(20, 90), (64, 64), (100, 31)])
def test_resize_keeps_flat_colour_dtype_and_the_middle(height, width):
    flat = np.full((3, 64, 64), 0.25, np.float32)
    np.testing.assert_allclose(localize.resize(flat, height, width), 0.25, rtol=1e-5)
    image = data.draw(data.CIRCLE, background=(0, 0, 0), colour=(1, 1, 1), x=40, y=20, radius=10)
    new = localize.resize(image, height, width)
    assert new.shape == (3, height, width) and new.dtype == np.float32
    rows, columns = np.indices((height, width)) + 0.5
    assert abs(np.average(columns, weights=new[0]) / width - 40 / 64) < 0.005
    assert abs(np.average(rows, weights=new[0]) / height - 20 / 64) < 0.005


def test_each_place_of_the_pyramid_has_its_box():
    net, image = larger(0), scene(size=200)
    levels = list(localize.pyramid(net, image, scales=(1, 0.5, 0.1)))
    assert len(levels) == 2  # at 0.1, no window fits
    for (small_image, boxes), size in zip(levels, (200, 100)):
        assert small_image.shape == (3, size + 8, size + 8)
        assert boxes.shape == (*localize.one_pass(net, small_image).shape[1:], 4)
        np.testing.assert_allclose(boxes[0, 0] * size / 200, [0, 0, 24, 24])
        np.testing.assert_allclose((boxes[2, 3] - boxes[0, 0]) * size / 200, [12, 8, 12, 8])
    np.testing.assert_array_equal(levels[0][0][:, 4:-4, 4:-4], image)


# --- boxes


def test_iou_by_hand():
    assert localize.iou((0, 0, 4, 4), (2, 2, 6, 6)) == 4 / 28
    assert localize.iou((0, 0, 4, 4), (0, 0, 4, 4)) == 1
    assert localize.iou((0, 0, 4, 4), (4, 0, 8, 4)) == 0  # side by side
    assert localize.iou((0, 0, 4, 4), (1, 1, 3, 3)) == 4 / 16
    assert localize.iou((0, 0, 2, 2), (5, 5, 6, 6)) == 0  # apart both ways


def test_iou_is_what_counting_pixels_gives():
    rng = np.random.default_rng(0)
    a, b = random_boxes(rng, 40), random_boxes(rng, 30)
    told = localize.iou(a[:, None], b)
    assert told.shape == (40, 30)

    def pixels(box):
        left, top, right, bottom = box
        return {(x, y) for x in range(left, right) for y in range(top, bottom)}

    counted = [[len(pixels(one) & pixels(two)) / len(pixels(one) | pixels(two)) for two in b] for one in a]
    np.testing.assert_allclose(told, counted)


def test_suppression_on_paper():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [30, 30, 40, 40], [0, 0, 10, 9]])
    scores = np.array([0.8, 0.9, 0.3, 0.7])
    assert localize.non_maximum_suppression(boxes, scores).tolist() == [1, 2]
    assert localize.non_maximum_suppression(boxes, scores, overlap=1).tolist() == [1, 0, 3, 2]
    assert localize.non_maximum_suppression(boxes[:0], scores[:0]).tolist() == []


def test_what_is_suppressed_suppresses_nobody():
    chain = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10]])  # each overlaps the next by a third
    assert localize.non_maximum_suppression(chain, np.array([3, 2, 1]), overlap=0.3).tolist() == [0, 2]


@pytest.mark.parametrize("overlap", [0.1, 0.3, 0.6])
def test_suppression_keeps_exactly_those_that_no_better_kept_one_overlaps(overlap):
    rng = np.random.default_rng(1)
    for _ in range(20):
        boxes, scores = random_boxes(rng, 25), rng.permutation(25) / 25
        kept = set(localize.non_maximum_suppression(boxes, scores, overlap).tolist())
        for i in range(25):
            better = [j for j in kept if scores[j] > scores[i]]
            assert (i in kept) == all(localize.iou(boxes[i], boxes[j]) <= overlap for j in better)


def test_vote_on_paper():
    boxes = np.array([[0, 0, 10, 10], [2, 0, 12, 10], [50, 50, 60, 60]])
    scores = np.array([0.9, 0.3, 0.6])
    moved = localize.vote(boxes, scores, kept=np.array([0, 2]))
    np.testing.assert_allclose(moved, [[0.5, 0, 10.5, 10], [50, 50, 60, 60]])


def test_votes_do_not_bring_two_boxes_onto_one_shape():
    boxes = np.array([[0, 0, 10, 10], [6, 0, 16, 10], [3, 0, 13, 10], [3, 0, 13, 10]])  # 0 and 1 overlap by a quarter
    found = localize.Found(boxes, np.array([0, 0, 1, 1]), np.array([0.9, 0.8, 0.7, 0.7]))
    merged = localize.merge(found, overlap=0.3)
    np.testing.assert_allclose(merged.boxes, [[4.2 / 2.3, 0, 10 + 4.2 / 2.3, 10]])  # once voted, by more than a half
    assert merged.labels.tolist() == [0] and merged.scores.tolist() == [0.9]


@pytest.mark.parametrize("radius, x, y", [(12, 58, 49), (16, 85, 76), (20, 49, 94), (28, 76, 58)])
def test_a_cross_is_found_once(radius, x, y):
    cross = data.draw(data.CROSS, size=128, x=x, y=y, radius=radius)
    assert len(localize.detect(Network.load(data.detector()), cross).boxes) == 1


# --- precision, recall, average precision


def test_match_on_paper():
    truth = np.array([[0, 0, 10, 10], [20, 0, 30, 10]])
    boxes = np.array([[1, 0, 11, 10], [0, 0, 10, 10], [24, 0, 34, 10], [50, 0, 60, 10]])
    assert localize.match(boxes, truth).tolist() == [0, -1, -1, -1]  # the second comes too late, the third is 6 of 14
    assert localize.match(boxes, truth, least=0.4).tolist() == [0, -1, 1, -1]
    assert localize.match(boxes, truth[:0]).tolist() == [-1] * 4
    assert localize.match(boxes[:0], truth).tolist() == []


def test_a_box_goes_to_the_true_one_it_overlaps_most_though_that_is_taken():
    truth = np.array([[0, 0, 10, 10], [2, 0, 12, 10]])
    assert localize.match([[0, 0, 10, 10], [0, 0, 10, 10]], truth).tolist() == [0, -1]  # as VOC's devkit has it


def test_precision_and_recall_on_paper():
    precision, recall = localize.precision_recall([True, False, True], [0.5, 0.9, 0.7], positives=4)
    np.testing.assert_allclose(precision, [0, 1 / 2, 2 / 3])
    np.testing.assert_allclose(recall, [0, 1 / 4, 2 / 4])


def test_average_precision_of_a_published_example():
    """24 found boxes for 15 true ones: AP 24.56 %, rafaelpadilla/Object-Detection-Metrics, README."""
    hits = np.isin(np.arange(1, 25), [1, 3, 10, 12, 13, 14, 23])
    assert localize.average_precision(hits, np.arange(24)[::-1], 15) == pytest.approx(0.2456, abs=1e-4)
    by_hand = (1 + 2 / 3 + 4 * 6 / 14 + 7 / 23) / 15  # for each true box found, the best precision from there on
    assert localize.average_precision(hits, np.arange(24)[::-1], 15) == pytest.approx(by_hand)


def test_average_precision_is_the_area_that_voc_adds_up():
    """Against the devkit's own way, in words of its own: sentinels, the envelope from behind, steps of recall."""

    def devkit(hits, positives):
        precision, recall, right = [0.0], [0.0], 0
        for rank, hit in enumerate(hits, start=1):
            right += hit
            precision.append(right / rank)
            recall.append(right / positives)
        precision.append(0.0)
        recall.append(1.0)
        for i in reversed(range(len(precision) - 1)):
            precision[i] = max(precision[i], precision[i + 1])
        steps = zip(pairwise(recall), precision[1:])
        return sum((after - before) * height for (before, after), height in steps)

    rng = np.random.default_rng(0)
    for _ in range(200):
        n = rng.integers(0, 30)
        hits = rng.random(n) < rng.random()
        positives = int(hits.sum() + rng.integers(1, 5))
        order = rng.permutation(n)
        told = localize.average_precision(hits[order], -np.arange(n)[order], positives)
        assert told == pytest.approx(devkit(hits, positives))


def test_all_right_is_1_and_nothing_is_0():
    assert localize.average_precision([True] * 5, [0.9] * 5, 5) == 1
    assert localize.average_precision([True] * 5, [0.9] * 5, 10) == 0.5
    assert localize.average_precision([], [], 5) == 0


# --- the detector


def test_the_detector_finds_shapes_in_scenes_it_never_saw(detector):
    report = Report(detector, data.scenes(40, np.random.default_rng(12_345)))
    assert np.mean(report.average_precision()) >= 0.9 and np.mean(report.overlaps) >= 0.7


@pytest.mark.parametrize("kind", [data.CROSS, data.CIRCLE])
@pytest.mark.parametrize("x, y, radius", [(60.3, 50.8, 20), (24, 25, 22), (100, 70, 9), (64, 64, 36)])
def test_the_box_follows_the_shape_to_the_frame(detector, kind, x, y, radius):
    picture = data.draw(kind, size=128, x=x, y=y, radius=radius, stroke=radius / 5)
    boxes, labels, scores = localize.detect(detector, picture)
    assert labels[0] == kind and scores[0] > 0.5
    reach = radius * 1.1
    assert localize.iou(boxes[0], (x - reach, y - reach, x + reach, y + reach)) > 0.6


def test_in_plain_colour_and_in_a_scene_of_clutter_alone_there_is_nothing_to_find(detector):
    flat = np.full((3, 128, 128), 0.5, np.float32)
    found = localize.detect(detector, flat)
    assert [len(part) for part in found] == [0, 0, 0] and found.boxes.shape == (0, 4)
    clutter = data.scenes(10, np.random.default_rng(7), shapes=(0, 0), clutter=(4, 6)).images
    assert sum(len(localize.detect(detector, image, threshold=0.9).scores) for image in clutter) <= 2


def test_what_is_found_is_sorted_and_above_the_threshold(detector):
    found = localize.candidates(detector, scene(1), threshold=0.3)
    assert len(found.scores) and found.scores.min() >= 0.3 and (np.diff(found.scores) <= 0).all()
    assert set(found.labels) <= {data.CROSS, data.CIRCLE}
    nothing = localize.candidates(detector, np.zeros((3, 10, 10), np.float32))  # too small for any window
    assert len(nothing.scores) == 0


def test_windows_to_learn_from_are_labelled_by_their_overlap(monkeypatch):
    monkeypatch.setattr("benchmarks.localize.SCENES", 6)
    images, labels = windows(drawn(larger(0)), np.random.default_rng(0))
    assert images.shape[1:] == (3, 32, 32) and images.dtype == np.float32 and len(images) == len(labels)
    assert (labels == data.NEITHER).sum() == 6 * 16 and 6 * 4 <= (labels != data.NEITHER).sum() <= 6 * 8


# --- what must not go in


@pytest.mark.parametrize("call, error", [
    (lambda net: localize.slide(net, np.zeros((3, 20, 64), np.float32)), "scene must be (3, at least 32, at least 32)"),
    (lambda net: localize.one_pass(net, np.zeros((1, 64, 64), np.float32)), "scene must be (3, at least 32"),
    (lambda net: localize.one_pass(net, np.zeros((1, 3, 64, 64), np.float32)), "not (1, 3, 64, 64)"),
    (lambda net: localize.detect(net, np.zeros((64, 64), np.float32)), "scene must be (3, at least 1, at least 1)"),
    (lambda net: localize.detect(net, [[0]]), "scene must be an array, not a list"),
    (lambda net: localize.one_pass(net, np.zeros((3, 64, 64))), "images must be float32 as the weights are"),
    (lambda net: localize.slide(net, np.zeros((3, 64, 64), np.float32), 0), "step must be a whole number of"),
    (lambda net: localize.stride(Network((3, 8, 8), [Conv2D(2, 3)])), "ends in Flatten and Linear"),
    (lambda net: localize.iou((0, 0, 4), (0, 0, 4, 4)), "boxes must be (left, top, right, bottom)"),
    (lambda net: localize.iou((4, 0, 0, 4), (0, 0, 4, 4)), "left < right and top < bottom, not [4 0 0 4]"),
    (lambda net: localize.average_precision([], [], 0), "positives must be a whole number of at least 1, not 0"),
    (lambda net: localize.fully_convolutional(
        Network((3, 8, 12), [Conv2D(2, 3), Flatten(), Linear(3)]), (3, 32, 32)), "8 x 12: take square windows"),
])  # fmt: skip
def test_bad_input_is_named(detector, call, error):
    with pytest.raises((TypeError, ValueError), match=re.escape(error)):
        call(detector)
