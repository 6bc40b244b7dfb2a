"""How well does the detector find shapes in scenes it never saw, and how fast? `make localize` prints it.

`recipe` is how the detector in data/ was trained. The 200 held-out scenes come from a seed never trained on.
"""

import math
import time

import numpy as np

from cnnlib import Adam, Conv2D, Flatten, Linear, MaxPool2D, Network, ReLU, data, localize, train

HELD_OUT, SCENES_HELD_OUT = 1_000, 200  # the seed of what is tested on, and how many
ROUNDS, ITERATIONS = 10, 200  # iterations a round, of 64 windows
SCENES, SHAPES, OTHERS = 150, 8, 16  # what a round learns from: scenes, and from each, windows of shapes and of others


def small(seed):
    """The filters of the reference network, and no padding. Windows of 34 pixels leave pooling no remainder."""
    return Network(
        input_shape=(3, 34, 34),
        layers=[
            Conv2D(filters=5, size=3, padding="valid", init="zero_mean"), ReLU(), MaxPool2D(2),
            Conv2D(filters=3, size=3, padding="valid"), ReLU(), MaxPool2D(2),
            Flatten(), Linear(outputs=3, init="zeros"),
        ],
        seed=seed,
    )  # fmt: skip


def larger(seed):
    """The same bricks: a larger first filter, more filters, and one convolution more."""
    return Network(
        input_shape=(3, 32, 32),
        layers=[
            Conv2D(filters=8, size=5, padding="valid", init="zero_mean"), ReLU(), MaxPool2D(2),
            Conv2D(filters=16, size=3, padding="valid"), ReLU(), MaxPool2D(2),
            Conv2D(filters=16, size=3, padding="valid"), ReLU(),
            Flatten(), Linear(outputs=3, init="zeros"),
        ],
        seed=seed,
    )  # fmt: skip


def windows(net, rng):
    """What one round learns from: windows cut from new scenes at every scale, and their labels.

    A window is a cross or a circle if the box it stands for overlaps the shape's by an IoU of 0.6 or more, and neither
    below 0.4; between, it is not used. Of those that are neither, the more a window looks like a shape to the network
    as it is now, the more often it is drawn: these are the hard negatives.
    """
    images, labels = [], []
    for scene, kinds, truth in zip(*data.scenes(SCENES, rng)):
        levels = list(localize.pyramid(net, scene))
        boxes = np.concatenate([places.reshape(-1, 4) for _, places in levels])
        where = [(k, r, c) for k, (_, places) in enumerate(levels) for r, c in np.ndindex(places.shape[:2])]
        fooled = np.concatenate([localize.heat_map(net, image)[:-1].sum(axis=0).ravel() for image, _ in levels])
        overlaps = localize.iou(boxes[:, None], truth)
        best = overlaps.max(axis=1)
        shapes, others = np.flatnonzero(best >= 0.6), np.flatnonzero(best < 0.4)
        chance = fooled[others] + 0.001
        drawn = np.concatenate([
            rng.choice(shapes, min(SHAPES, len(shapes)), replace=False),
            rng.choice(others, OTHERS, replace=False, p=chance / chance.sum()),
        ])  # fmt: skip
        labels.append(np.where(best[drawn] >= 0.6, kinds[overlaps[drawn].argmax(axis=1)], data.NEITHER))
        step, (_, height, width) = localize.stride(net), net.input_shape
        for i in drawn:
            k, r, c = where[i]
            images.append(levels[k][0][:, r * step : r * step + height, c * step : c * step + width])
    return np.stack(images), np.concatenate(labels)


def recipe(seed, make=larger):
    """Train a detector. After each step, its first filters are made blind to flat colour again.

    So it needs no `data.centered`: the mean colour of a window makes no difference to it.
    """
    net, optimizer, rng = make(seed), Adam(), np.random.default_rng(seed)
    first, kept = net.layers[0], []
    for turn in range(ROUNDS):
        kept = [*kept[-2:], windows(net, rng)]
        images, labels = (np.concatenate(parts) for parts in zip(*kept))
        for step in train(net, images, labels, iterations=ITERATIONS, batch_size=64, optimizer=optimizer, seed=turn):
            first.params["w"] -= first.params["w"].mean(axis=(2, 3), keepdims=True)
            done = (turn * ITERATIONS + step.iteration) / (ROUNDS * ITERATIONS)
            optimizer.learning_rate = 0.01 * (1 + math.cos(math.pi * done)) / 2
    return net


class Report:
    """What a detector found in scenes, and how good that is. `threshold` is low: what lies below cannot be counted."""

    def __init__(self, net, scenes, threshold=0.05):
        self.hits, self.scores, self.positives, self.overlaps = [[], []], [[], []], [0, 0], []
        for image, kinds, truth in zip(*scenes):
            found = localize.detect(net, image, threshold)
            for kind in data.CROSS, data.CIRCLE:
                boxes, true = found.boxes[found.labels == kind], truth[kinds == kind]
                matched = localize.match(boxes, true)
                self.hits[kind].extend(matched >= 0)
                self.scores[kind].extend(found.scores[found.labels == kind])
                self.positives[kind] += len(true)
                self.overlaps.extend(localize.iou(boxes[matched >= 0], true[matched[matched >= 0]]))

    def average_precision(self):
        """Of crosses and of circles."""
        return [localize.average_precision(*of) for of in zip(self.hits, self.scores, self.positives)]

    def at(self, threshold):
        """Precision and recall of both together, of what is at least so sure."""
        hits, scores = np.concatenate(self.hits), np.concatenate(self.scores)
        right = hits[scores >= threshold].sum()
        return right / max(1, (scores >= threshold).sum()), right / sum(self.positives)


def main():
    scenes = data.scenes(SCENES_HELD_OUT, np.random.default_rng(HELD_OUT))
    for make in small, larger:
        start = time.perf_counter()
        net = recipe(0, make)
        seconds = time.perf_counter() - start
        print(f"{make.__name__}: {net.weights.size:,} weights, trained in {seconds:.0f} s")
        tell(net, scenes)
    print("the detector in data/")
    tell(Network.load(data.detector()), scenes)


def tell(net, scenes):
    report = Report(net, scenes)
    cross, circle = report.average_precision()
    print(f"  average precision at IoU 0.5   {(cross + circle) / 2:.3f}   cross {cross:.3f}, circle {circle:.3f}")
    print(f"  mean IoU of matched boxes      {np.mean(report.overlaps):.3f}")
    for threshold in (0.5, 0.9):
        precision, recall = report.at(threshold)
        print(f"  threshold {threshold}                  precision {precision:.3f}, recall {recall:.3f}")
    scene = scenes.images[0]
    every, one = localize.slide(net, scene), localize.one_pass(net, scene)
    apart = abs(one - every).max() / abs(every).max()
    ways = localize.slide, localize.one_pass, localize.detect
    slow, fast, found = (milliseconds(way, net, scene) for way in ways)
    print(f"  {every[0].size:,} windows, one by one    {slow:.0f} ms")
    print(f"  in one pass                    {fast:.1f} ms, the same scores but for {apart:.0e} of the largest")
    print(f"  found, at all scales           {found:.1f} ms\n", flush=True)


def milliseconds(work, *arguments, rounds=9):
    """The median of several calls."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work(*arguments)
        times.append(time.perf_counter() - start)
    return 1e3 * np.median(times)


if __name__ == "__main__":
    main()
