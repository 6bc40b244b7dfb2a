"""Lesson 10: find the shape."""

import numpy as np

from cnnlib import localize

from .check import exercise


def _pairs(rng):
    """Two boxes: the ones on paper, then apart in both directions, apart in one, nested, equal, and some by chance."""
    yield np.array([0, 0, 4, 4]), np.array([2, 1, 6, 5])
    yield np.array([0, 0, 4, 4]), np.array([6, 7, 9, 9])
    yield np.array([0, 0, 4, 4]), np.array([1, 6, 3, 9])
    yield np.array([2, 2, 10, 12]), np.array([4, 3, 7, 8])
    yield np.array([1, 2, 5, 8]), np.array([1, 2, 5, 8])
    for _ in range(6):
        corners = rng.integers(0, 12, size=(2, 2))
        yield tuple(np.concatenate([c, c + rng.integers(4, 12, size=2)]) for c in corners)


def _shared(a, b, least=0):
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    return np.maximum(least, sides).prod()


def _area(box):
    return (box[2:] - box[:2]).prod()


def _widths(a, b):
    """Intersection over union of the two widths alone."""
    shared = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    return shared / (a[2] - a[0] + b[2] - b[0] - shared)


def _one_more(a, b):
    """As if right and bottom were still inside."""
    more = np.array([0, 0, 1, 1])
    return iou.right(a + more, b + more)


def _by_sizes(a, b):
    """As if a box were left, top, width, height."""
    return iou.right(np.concatenate([a[:2], a[:2] + a[2:]]), np.concatenate([b[:2], b[:2] + b[2:]]))


def _around(a, b):
    """The area around both, in place of what they cover."""
    return _shared(a, b) / (np.maximum(a[2:], b[2:]) - np.minimum(a[:2], b[:2])).prod()


@exercise(
    inputs=_pairs,
    praise="With this one number we can say how well a box fits, and which boxes mean the same shape.",
    mistakes={
        "Two boxes that are apart in both directions get a score: minus times minus is plus. A side can't be below 0.":
            lambda a, b: _shared(a, b, -99) / (_area(a) + _area(b) - _shared(a, b, -99)),
        "The union is too large: what the boxes share is in both areas, so you have counted it twice.":
            lambda a, b: _shared(a, b) / (_area(a) + _area(b)),
        "You return the shared area in pixels. As which part of the union?": lambda a, b: _shared(a, b),
        "You divide by the area of a alone: a huge box b would be perfect. Divide by all that the two cover.":
            lambda a, b: _shared(a, b) / _area(a),
        "You divide by the area of b alone: a huge box a would be perfect. Divide by all that the two cover.":
            lambda a, b: _shared(a, b) / _area(b),
        "You divide by the smaller of the two areas, so a box inside another is perfect. Divide by what they cover.":
            lambda a, b: _shared(a, b) / min(_area(a), _area(b)),
        "You divide by the rectangle around both. The union is only what a or b covers: its corners are not in it.":
            _around,
        "You count one pixel too many on each side. Right and bottom are the first pixels outside: no + 1.": _one_more,
        "You read the last two numbers as width and height. They are right and bottom.": _by_sizes,
        "You look at the widths only. Areas are wanted: width times height.": _widths,
        "Your result is upside down: union over intersection.":
            lambda a, b: np.float64(1) / np.float64(iou.right(a, b)),
        "Equal boxes get 0 and boxes apart get 1: you return what they do not share.":
            lambda a, b: 1 - iou.right(a, b),
    },
)  # fmt: skip
def iou(a, b):
    return float(localize.iou(a, b))


# Non-maximum suppression


def _crowds(rng):
    """Boxes, scores, overlap: the crowd on paper, a chain, an overlap met exactly, and crowds by chance."""
    four = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [2, 0, 12, 10], [20, 0, 30, 10]], float)
    yield four, np.array([0.9, 0.95, 0.8, 0.7]), 0.3
    chain = np.array([[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10], [12, 0, 22, 10]], float)
    yield chain, np.array([0.9, 0.8, 0.7, 0.95]), 0.3
    yield np.array([[0, 0, 4, 2], [0, 0, 4, 4], [8, 0, 12, 4]], float), np.array([0.6, 0.9, 0.7]), 0.5
    for overlap in (0.2, 0.4, 0.6):
        corners = rng.integers(0, 30, size=(14, 2))
        boxes = np.concatenate([corners, corners + rng.integers(8, 20, size=(14, 2))], axis=1).astype(float)
        yield boxes, rng.permutation(14) / 14, overlap


def _suppress(boxes, order, overlap, rounds=99, rest=False):
    """Numbers of the boxes kept when they are gone through in this order, for so many rounds."""
    waiting, kept = order, []
    while len(waiting) and len(kept) < rounds:
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        waiting = waiting[localize.iou(boxes[best], boxes[waiting]) <= overlap]
    return np.array([*kept, *(waiting if rest else [])], np.int64)


def _best_first(scores):
    return np.argsort(-scores, kind="stable")


def _by_all_better(boxes, scores, overlap):
    """Those that overlap with no better one, whether that one is kept itself or not."""
    order = _best_first(scores)
    alone = [i for n, i in enumerate(order) if (localize.iou(boxes[i], boxes[order[:n]]) <= overlap).all()]
    return np.array(alone, np.int64)


def _places_in_order(boxes, scores, overlap):
    order = _best_first(scores)
    return np.argsort(order)[non_maximum_suppression.right(boxes, scores, overlap)]


@exercise(
    inputs=_crowds,
    praise="One shape, one box. Nearly every detector ends with these lines.",
    mistakes={
        "You take the boxes as they come. The surest one must be first: sort by score.":
            lambda boxes, scores, overlap: _suppress(boxes, np.arange(len(boxes)), overlap),
        "You begin with the least sure one. argsort sorts upwards: turn it round.":
            lambda boxes, scores, overlap: _suppress(boxes, np.argsort(scores, kind="stable"), overlap),
        "A box that is gone still drives others away. Only boxes that are kept may do so.": _by_all_better,
        "You stop after one round. What is left has its own best box, and that one its own neighbours.":
            lambda boxes, scores, overlap: _suppress(boxes, _best_first(scores), overlap, 1, rest=True),
        "You keep the surest box alone. There may be several shapes: go on with what is left.":
            lambda boxes, scores, overlap: _suppress(boxes, _best_first(scores), overlap, 1),
        "The right boxes, in the wrong order: return the surest first.":
            lambda boxes, scores, overlap: np.sort(_suppress(boxes, _best_first(scores), overlap)),
        "These are places in your sorted list. Return the numbers that the boxes had when they came.":
            _places_in_order,
        "You return True and False. Return the numbers of the boxes that are kept, the surest first.":
            lambda boxes, scores, overlap: np.isin(
                np.arange(len(boxes)), _suppress(boxes, _best_first(scores), overlap)),
        "You return the boxes. Return their numbers, so that the reader finds their scores and labels too.":
            lambda boxes, scores, overlap: boxes[_suppress(boxes, _best_first(scores), overlap)],
        "You return the scores of what is kept. Return the numbers of the boxes.":
            lambda boxes, scores, overlap: scores[_suppress(boxes, _best_first(scores), overlap)],
        "Your overlap is always 0.3, as on paper. Take the one that is given.":
            lambda boxes, scores, overlap: _suppress(boxes, _best_first(scores), 0.3),
        "Your overlap is always 0.5. Take the one that is given.":
            lambda boxes, scores, overlap: _suppress(boxes, _best_first(scores), 0.5),
        "A box goes only if its IoU is more than overlap. One that is just as large may stay.":
            lambda boxes, scores, overlap: _suppress(boxes, _best_first(scores), overlap - 1e-9),
        "Nothing is driven away: you return all boxes, sorted.":
            lambda boxes, scores, overlap: _best_first(scores),
    },
)  # fmt: skip
def non_maximum_suppression(boxes, scores, overlap):
    return _suppress(boxes, _best_first(scores), overlap)


# Precision and recall


def _findings(rng):
    """What is found, right or not, and how many shapes there are."""
    yield np.array([True, True, True, False]), 6
    for found, positives in [(10, 9), (25, 40), (40, 12)]:
        hits = np.zeros(found, bool)
        hits[rng.permutation(found)[: min(found, positives) * 2 // 3]] = True
        yield hits, positives


@exercise(
    inputs=_findings,
    praise="Always ask for both: each alone is easy to make perfect.",
    mistakes={
        "The right two numbers, the wrong way round: precision first, then recall.":
            lambda hits, positives: precision_recall.right(hits, positives)[::-1],
        "Both are shares of the shapes there are. Precision asks about what was found: how much of that is right?":
            lambda hits, positives: np.array([hits.sum() / positives] * 2),
        "Both are shares of what was found. Recall asks about the shapes there are: how many of those were found?":
            lambda hits, positives: np.array([hits.mean()] * 2),
        "A false alarm is no shape found: your recall counts all boxes, right or wrong.":
            lambda hits, positives: np.array([hits.mean(), len(hits) / positives]),
        "You return the wrong and the missed. Return the right ones' shares.":
            lambda hits, positives: 1 - precision_recall.right(hits, positives),
        "These are per cent. Return shares, from 0 to 1.":
            lambda hits, positives: 100 * precision_recall.right(hits, positives),
        "You add the false alarms to the shapes there are. For recall, they do not matter.":
            lambda hits, positives: np.array([hits.mean(), hits.sum() / (positives + (~hits).sum())]),
        "You return how many are right, in place of a share.":
            lambda hits, positives: hits.sum(),
    },
)  # fmt: skip
def precision_recall(hits, positives):
    return np.array([hits.sum() / len(hits), hits.sum() / positives])


# A Linear layer as filters


def _linears(rng):
    """Weights of a Linear layer, and the volume that was laid out flat before it."""
    yield np.arange(8).reshape(4, 2), 1, 2
    for depth, size, outputs in [(2, 3, 4), (16, 4, 3), (3, 5, 2)]:
        yield rng.normal(size=(depth * size * size, outputs)), depth, size


@exercise(
    inputs=_linears,
    praise="Not a weight has changed: they only stand in another order. And now they can slide.",
    mistakes={
        "Right shape, wrong weights. A filter is one column of w; reshape goes along the rows. Turn w over first.":
            lambda w, depth, size: w.reshape(-1, depth, size, size),
        "The filters must come first: (filters, depth, height, width). Yours come last.":
            lambda w, depth, size: w.reshape(depth, size, size, -1),
        "Depth is last in yours. Flatten lays out a volume map by map: depth comes before rows and columns.":
            lambda w, depth, size: w.T.reshape(-1, size, size, depth),
        "Depth is last when you take the numbers up, and then put first. Flatten went map by map.":
            lambda w, depth, size: w.T.reshape(-1, size, size, depth).transpose(0, 3, 1, 2),
        "Your filters have rows and columns exchanged. Flatten goes along the rows.":
            lambda w, depth, size: w.T.reshape(-1, depth, size, size).swapaxes(2, 3),
        "Your filters are turned by 180 degrees. Ours is a correlation: lay them down as they are.":
            lambda w, depth, size: w.T.reshape(-1, depth, size, size)[:, :, ::-1, ::-1],
        "You have turned w over, and its lines are still flat. Fold each into a volume.": lambda w, depth, size: w.T,
        "Your filters have no depth: give each its maps, then rows, then columns, even if there is only one map.":
            lambda w, depth, size: w.T.reshape(-1, depth * size, size),
    },
)  # fmt: skip
def as_filters(w, depth, size):
    return w.T.reshape(-1, depth, size, size)
