"""Localisation: where in a larger image the shapes are, by a network that knows one window at a time.

A scene is `(depth, height, width)`. A box is `(left, top, right, bottom)` in pixels, the last two the first outside.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .layers import Conv2D, Flatten, Linear, need_array, positive_int
from .network import Network, softmax

FILL = 0.75  # a shape in the middle of its window, three quarters as wide
SCALES = tuple(1.25 * 0.8**k for k in range(8))  # each finds shapes a quarter larger than the one before


class Found(NamedTuple):
    """What is found in a scene, the surest first; `boxes, labels, scores = detect(...)` takes it apart."""

    boxes: np.ndarray  # float64 (n, 4)
    labels: np.ndarray  # int64 (n,)
    scores: np.ndarray  # float32 (n,): the probability of the label


# The network at every place of a scene.


def stride(net):
    """How many pixels apart windows must be for one pass to meet them all: what the layers before Flatten make of 1."""
    first, second = (0, 1), (1, 2)
    for layer in reversed(before_flatten(net)):
        first, second = layer.sees(*first), layer.sees(*second)
    return second[0] - first[0]


def slide(net, scene, step=None):
    """Show the network every window of the scene, one after the other: -> logits (classes, rows, columns).

    Row r, column c is the window whose top left pixel is at (r * step, c * step); by default step is `stride(net)`.
    This is the slow, obvious way; `one_pass` is the fast one.
    """
    check_scene(net, scene)
    step = stride(net) if step is None else positive_int(step, "step")
    _, height, width = net.input_shape
    tops, lefts = range(0, scene.shape[1] - height + 1, step), range(0, scene.shape[2] - width + 1, step)
    scores = np.empty((*net.out_shapes[-1], len(tops), len(lefts)), scene.dtype)
    for r, top in enumerate(tops):
        for c, left in enumerate(lefts):
            window = scene[None, :, top : top + height, left : left + width]
            scores[:, r, c] = net.forward(window)[0]
    return scores


def fully_convolutional(net, scene_shape):
    """The same network for scenes: each Linear turned into a convolution. Its logits are (n, classes, rows, columns).

    A Linear layer weighs a volume laid out flat; laid back, its weights are filters as large as that volume, and a
    filter can slide. Windows overlap, and what they share is now computed once. (Long, Shelhamer, Darrell 2015.)

    The logits are those of `slide`, if no layer pads. One that does sees zeros around each window when windows are
    cut out, and their neighbours when they are not: then the two differ.
    """
    layers = before_flatten(net)
    depth, height, width = net.out_shapes[len(layers) - 1] if layers else net.input_shape
    if height != width:
        raise ValueError(f"filters are square, but Flatten is given {height} x {width}: take square windows")
    size, weights = height, [layer.params for layer in layers]
    for layer in net.layers[len(layers) + 1 :]:
        params = layer.params
        if isinstance(layer, Linear):
            params = {"w": params["w"].T.reshape(-1, depth, size, size), "b": params["b"]}
            layer = Conv2D(layer.outputs, size, padding="valid")
            depth, size = layer.filters, 1
        layers.append(layer)
        weights.append(params)
    whole = Network(scene_shape, layers)
    for layer, params in zip(whole.layers, weights):
        layer.params = {name: p.copy() for name, p in params.items()}
    return whole


def before_flatten(net):
    """The layers that keep rows and columns; after them must come Flatten, and then Linear."""
    kinds = [type(layer) for layer in net.layers]
    if Flatten not in kinds or Linear not in kinds[kinds.index(Flatten) :]:
        raise ValueError(f"wants a network that ends in Flatten and Linear, not {net!r}")
    return net.layers[: kinds.index(Flatten)]


def check_scene(net, scene, least=None):
    """Raise TypeError or ValueError unless the scene has the network's depth, and room for a window at least."""
    need_array(scene, "scene")
    depth, height, width = net.input_shape if least is None else (net.input_shape[0], least, least)
    if scene.ndim != 3 or scene.shape[0] != depth or scene.shape[1] < height or scene.shape[2] < width:
        raise ValueError(f"scene must be ({depth}, at least {height}, at least {width}), not {scene.shape}")


def one_pass(net, scene):
    """As `slide` with a step of `stride(net)`, and many times faster: -> logits (classes, rows, columns)."""
    check_scene(net, scene)
    return fully_convolutional(net, scene.shape).forward(scene[None])[0]


def heat_map(net, scene):
    """How probable each class is in each window of the scene: -> (classes, rows, columns), adding up to 1 in each."""
    return softmax(one_pass(net, scene), axis=0)


# From heat to boxes.


def resize(image, height, width):
    """Stretch or shrink an image: (depth, h, w) -> (depth, height, width).

    Each new pixel is a mean of the old ones about its place, which weigh less the further away they are.
    """
    _, h, w = image.shape
    return blend(h, height).astype(image.dtype) @ image @ blend(w, width).astype(image.dtype).T


@lru_cache(maxsize=32)  # a shape that is dragged asks for the same scales at every step
def blend(old, new):
    """How much each of `old` pixels weighs in each of `new` ones along a line: (new, old), rows adding up to 1."""
    places = (np.arange(new) + 0.5) * old / new - 0.5
    near = np.maximum(0, 1 - abs(places[:, None] - np.arange(old)) / max(1, old / new))
    return near / near.sum(axis=1, keepdims=True)


def pyramid(net, scene, scales=SCALES):
    """The scene at several sizes, for shapes of several sizes: yields (image, boxes (rows, columns, 4)).

    `boxes` are where in the scene a shape is that sits in the middle of each window of the image. The image has one
    step more on every side, its edge repeated, so that a shape at the frame has its window too.
    """
    check_scene(net, scene, least=1)
    window, step = net.input_shape[1], stride(net)
    inner = window * (1 - FILL) / 2
    for scale in scales:
        height, width = (round(scale * n) for n in scene.shape[1:])
        if min(height, width) + 2 * step < window:
            continue
        image = np.pad(resize(scene, height, width), ((0, 0), (step, step), (step, step)), mode="edge")
        rows, columns = (np.arange(0, n - window + 1, step) - step for n in image.shape[1:])
        left, top = np.meshgrid(columns + inner, rows + inner)
        side = window - 2 * inner
        down, across = scene.shape[1] / height, scene.shape[2] / width
        yield image, np.stack([left * across, top * down, (left + side) * across, (top + side) * down], axis=-1)


def candidates(net, scene, threshold=0.5, scales=SCALES):
    """Every window, at every scale, in which the network is that sure of a shape: -> Found.

    The network's last class is "neither", and is never found.
    """
    check_scene(net, scene, least=1)
    nowhere = np.empty((0, 0, 4)), np.empty((net.out_shapes[-1][0], 0, 0), scene.dtype)  # if no scale has room
    levels = [(places, heat_map(net, image)) for image, places in pyramid(net, scene, scales)]
    return hottest([nowhere, *levels], threshold)


def hottest(levels, threshold):
    """Of windows at several scales, each (boxes (rows, columns, 4), their heat map), those that are so sure: -> Found.

    The surest first.
    """
    hot = [heat[:-1].max(axis=0) >= threshold for _, heat in levels]
    boxes = np.concatenate([places[here] for (places, _), here in zip(levels, hot)])
    sure = np.concatenate([heat[:-1, here] for (_, heat), here in zip(levels, hot)], axis=1)
    order = np.argsort(-sure.max(axis=0), kind="stable")
    return Found(boxes[order], sure.argmax(axis=0)[order], sure.max(axis=0)[order])


def non_maximum_suppression(boxes, scores, overlap=0.3):
    """Of boxes that overlap by an IoU of more than `overlap`, keep only the best: -> their numbers, the best first."""
    waiting, kept = np.argsort(-scores, kind="stable"), []
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        waiting = waiting[iou(boxes[best], boxes[waiting]) <= overlap]
    return np.array(kept, np.int64)


def vote(boxes, scores, kept, overlap=0.5):
    """Move each kept box to the mean of all that overlap with it by at least `overlap`, weighed by their scores."""
    near = (iou(boxes[kept][:, None], boxes) >= overlap) * scores  # a kept box overlaps with itself, so never only 0
    return near @ boxes / near.sum(axis=1, keepdims=True)


def detect(net, scene, threshold=0.5, overlap=0.3, scales=SCALES):
    """Find crosses and circles: candidates, of them the best, moved by their neighbours' votes: -> Found."""
    return merge(candidates(net, scene, threshold, scales), overlap)


def merge(found, overlap=0.3):
    """Of each crowd of boxes that overlap keep the surest, moved by its neighbours' votes: -> Found.

    Votes can pull two of those that are kept onto one shape. So these are suppressed once more.
    """
    boxes, labels, scores = found
    kept = non_maximum_suppression(boxes, scores, overlap)
    boxes, labels, scores = vote(boxes, scores, kept), labels[kept], scores[kept]
    apart = non_maximum_suppression(boxes, scores, overlap)
    return Found(boxes[apart], labels[apart], scores[apart])


# How good are they?


def iou(a, b):
    """Intersection over union, 0 to 1: the area two boxes share, as a part of what they cover together.

    Boxes (..., 4) or stacks of them, which broadcast: `iou(a[:, None], b)` is every a with every b.
    """
    a, b = np.asarray(a), np.asarray(b)
    for box in a, b:
        if box.shape[-1:] != (4,) or (box[..., 2:] <= box[..., :2]).any():
            raise ValueError(f"boxes must be (left, top, right, bottom), left < right and top < bottom, not {box}")
    shared = np.maximum(0, np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])).prod(axis=-1)
    area_a, area_b = ((box[..., 2:] - box[..., :2]).prod(axis=-1) for box in (a, b))
    return shared / (area_a + area_b - shared)


def match(boxes, truth, least=0.5):
    """Which true box each found box, the surest first, has found: -> its number, or -1 (false positive), for each.

    As in PASCAL VOC: a found box goes to the true box that it overlaps most. It is a hit if their IoU is at least
    `least`, and nobody was there before.
    """
    found = np.full(len(boxes), -1)
    for i, overlaps in enumerate(iou(np.asarray(boxes)[:, None], truth) if len(truth) else []):
        if overlaps.max() >= least and overlaps.argmax() not in found:
            found[i] = overlaps.argmax()
    return found


def precision_recall(hits, scores, positives):
    """What share of the found is right, and what share of the `positives` there are is found: -> (precision, recall).

    One of each for every threshold: the first for the surest alone, the last for all. hits, scores (n,).
    """
    positive_int(positives, "positives")
    right = np.cumsum(np.asarray(hits)[np.argsort(-np.asarray(scores), kind="stable")])
    return right / np.arange(1, len(right) + 1), right / positives


def average_precision(hits, scores, positives):
    """The area under the curve of precision over recall, as PASCAL VOC has it since 2010 (all-point interpolation).

    At each recall counts the best precision reached at that recall or a higher one.
    """
    precision, recall = precision_recall(hits, scores, positives)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float((best * np.diff(recall, prepend=0)).sum())
