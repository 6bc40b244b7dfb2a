"""Lesson 10: each mistake, written as a reader would, gets its message."""

import numpy as np
import pytest

from cnnlib import checks, localize


def overlap_of(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(0, width) * max(0, height)


def area(box):
    left, top, right, bottom = box
    return (right - left) * (bottom - top)


def not_clipped(a, b):
    shared = (min(a[2], b[2]) - max(a[0], b[0])) * (min(a[3], b[3]) - max(a[1], b[1]))
    return shared / (area(a) + area(b) - shared)


def right_iou(a, b):
    return overlap_of(a, b) / (area(a) + area(b) - overlap_of(a, b))


def around_both(a, b):
    around = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
    return overlap_of(a, b) / around


def inclusive(a, b):
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]) + 1)
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]) + 1)
    areas = [(x[2] - x[0] + 1) * (x[3] - x[1] + 1) for x in (a, b)]
    return width * height / (sum(areas) - width * height)


def sizes(a, b):
    return right_iou((a[0], a[1], a[0] + a[2], a[1] + a[3]), (b[0], b[1], b[0] + b[2], b[1] + b[3]))


def only_wide(a, b):
    shared = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    return shared / ((a[2] - a[0]) + (b[2] - b[0]) - shared)


IOU = {
    "minus times minus": not_clipped,
    "counted it twice": lambda a, b: overlap_of(a, b) / (area(a) + area(b)),
    "in pixels": overlap_of,
    "area of a alone": lambda a, b: overlap_of(a, b) / area(a),
    "area of b alone": lambda a, b: overlap_of(a, b) / area(b),
    "smaller of the two": lambda a, b: overlap_of(a, b) / min(area(a), area(b)),
    "rectangle around both": around_both,
    "one pixel too many": inclusive,
    "as width and height": sizes,
    "widths only": only_wide,
    "upside down": lambda a, b: (area(a) + area(b) - overlap_of(a, b)) / overlap_of(a, b),
    "do not share": lambda a, b: 1 - right_iou(a, b),
}


@pytest.mark.parametrize("part", IOU)
def test_iou(says, part):
    assert part in says(checks.iou, IOU[part])


def test_iou_has_a_test_for_each_mistake():
    assert len(IOU) == len(checks.iou.mistakes)


@pytest.mark.parametrize("right", [right_iou, localize.iou])
def test_iou_however_it_is_written(says, right):
    assert says(checks.iou, right).startswith("Correct")


# Non-maximum suppression


def keep(boxes, order, overlap):
    kept = []
    for i in order:
        if all(right_iou(boxes[i], boxes[k]) <= overlap for k in kept):
            kept.append(i)
    return np.array(kept)


def down(scores):
    return scores.argsort()[::-1]


def all_better(boxes, scores, overlap):
    kept = []
    for i in down(scores):
        better = [j for j in range(len(boxes)) if scores[j] > scores[i]]
        if not any(right_iou(boxes[i], boxes[j]) > overlap for j in better):
            kept.append(i)
    return np.array(kept)


def one_round(boxes, scores, overlap):
    first, *rest = down(scores)
    return np.array([first] + [i for i in rest if right_iou(boxes[first], boxes[i]) <= overlap])


def sorted_places(boxes, scores, overlap):
    order = down(scores)
    return keep(boxes[order], range(len(boxes)), overlap)


def mask(boxes, scores, overlap):
    kept = np.zeros(len(boxes), bool)
    kept[keep(boxes, down(scores), overlap)] = True
    return kept


def or_equal(boxes, scores, overlap):
    kept = []
    for i in down(scores):
        if all(right_iou(boxes[i], boxes[k]) < overlap for k in kept):
            kept.append(i)
    return np.array(kept)


NMS = {
    "as they come": lambda boxes, scores, overlap: keep(boxes, range(len(boxes)), overlap),
    "the least sure": lambda boxes, scores, overlap: keep(boxes, scores.argsort(), overlap),
    "drives others away": all_better,
    "after one round": one_round,
    "the surest box alone": lambda boxes, scores, overlap: np.array([scores.argmax()]),
    "in the wrong order": lambda boxes, scores, overlap: np.array(sorted(keep(boxes, down(scores), overlap))),
    "places in your sorted list": sorted_places,
    "True and False": mask,
    "You return the boxes": lambda boxes, scores, overlap: boxes[keep(boxes, down(scores), overlap)],
    "return the scores": lambda boxes, scores, overlap: scores[keep(boxes, down(scores), overlap)],
    "always 0.3": lambda boxes, scores, overlap: keep(boxes, down(scores), 0.3),
    "always 0.5": lambda boxes, scores, overlap: keep(boxes, down(scores), 0.5),
    "just as large may stay": or_equal,
    "Nothing is driven away": lambda boxes, scores, overlap: down(scores),
}


@pytest.mark.parametrize("part", NMS)
def test_non_maximum_suppression(says, part):
    assert part in says(checks.non_maximum_suppression, NMS[part])


def test_non_maximum_suppression_has_a_test_for_each_mistake():
    assert len(NMS) == len(checks.non_maximum_suppression.mistakes)


@pytest.mark.parametrize("right", [
    lambda boxes, scores, overlap: keep(boxes, down(scores), overlap),
    localize.non_maximum_suppression,
])  # fmt: skip
def test_non_maximum_suppression_however_it_is_written(says, right):
    assert says(checks.non_maximum_suppression, right).startswith("Correct")


# Precision and recall

PRECISION_RECALL = {
    "the wrong way round": lambda hits, n: np.array([sum(hits) / n, sum(hits) / len(hits)]),
    "Precision asks": lambda hits, n: np.array([sum(hits) / n, sum(hits) / n]),
    "Recall asks": lambda hits, n: np.array([sum(hits) / len(hits), sum(hits) / len(hits)]),
    "counts all boxes": lambda hits, n: np.array([sum(hits) / len(hits), len(hits) / n]),
    "the wrong and the missed": lambda hits, n: np.array([1 - sum(hits) / len(hits), (n - sum(hits)) / n]),
    "per cent": lambda hits, n: 100 * np.array([sum(hits) / len(hits), sum(hits) / n]),
    "they do not matter": lambda hits, n: np.array([hits.mean(), sum(hits) / (n + len(hits) - sum(hits))]),
    "in place of a share": lambda hits, n: sum(hits),
}


@pytest.mark.parametrize("part", PRECISION_RECALL)
def test_precision_recall(says, part):
    assert part in says(checks.precision_recall, PRECISION_RECALL[part])


def test_precision_recall_has_a_test_for_each_mistake():
    assert len(PRECISION_RECALL) == len(checks.precision_recall.mistakes)


def test_precision_recall_however_it_is_written(says):
    def right(hits, positives):
        true = np.count_nonzero(hits)
        return np.array([true / hits.size, true / positives])

    assert says(checks.precision_recall, right).startswith("Correct")


# A Linear layer as filters


def loops(w, depth, size):
    outputs = w.shape[1]
    filters = np.zeros((outputs, depth, size, size))
    for k in range(outputs):
        filters[k] = w[:, k].reshape(depth, size, size)
    return filters


AS_FILTERS = {
    "Turn w over first": lambda w, depth, size: w.reshape(w.shape[1], depth, size, size),
    "Yours come last": lambda w, depth, size: w.reshape(depth, size, size, w.shape[1]),
    "Depth is last in yours": lambda w, depth, size: loops(w, depth, size).reshape(-1, size, size, depth),
    "and then put first": lambda w, depth, size: np.moveaxis(w.T.reshape(-1, size, size, depth), 3, 1),
    "rows and columns exchanged": lambda w, depth, size: loops(w, depth, size).transpose(0, 1, 3, 2),
    "by 180 degrees": lambda w, depth, size: np.flip(loops(w, depth, size), (2, 3)),
    "still flat": lambda w, depth, size: w.transpose(),
    "no depth": lambda w, depth, size: loops(w, depth, size).reshape(w.shape[1], depth * size, size),
}


@pytest.mark.parametrize("part", AS_FILTERS)
def test_as_filters(says, part):
    assert part in says(checks.as_filters, AS_FILTERS[part])


def test_as_filters_has_a_test_for_each_mistake():
    assert len(AS_FILTERS) == len(checks.as_filters.mistakes)


@pytest.mark.parametrize("right", [loops, lambda w, depth, size: w.T.reshape((w.shape[1], depth, size, size))])
def test_as_filters_however_it_is_written(says, right):
    assert says(checks.as_filters, right).startswith("Correct")
