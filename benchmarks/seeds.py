"""Does the course's network learn, whatever the seed? `make seeds` trains it from ten and prints what comes out.

Network and training images are drawn anew each time. The 2,000 held-out images come from a seed never trained on.
"""

import math
import time

import numpy as np

from cnnlib import Adam, Conv2D, Flatten, Linear, MaxPool2D, Network, Recording, ReLU, data, train

HELD_OUT = 1_000  # the seed of what is tested on; training takes seeds 0 to 9
IMAGES, ROUNDS, ITERATIONS = 4_000, 8, 200  # iterations a round, of 32 images


def reference(seed):
    """The network of the story, its filters begun blind to flat colour."""
    return Network(
        input_shape=(3, 64, 64),
        layers=[
            Conv2D(filters=5, size=3, init="zero_mean"), ReLU(), MaxPool2D(2),
            Conv2D(filters=3, size=3, init="zero_mean"), ReLU(), MaxPool2D(2),
            Flatten(), Linear(outputs=2, init="zeros"),
        ],
        seed=seed,
    )  # fmt: skip


def recipe(seed):
    """Train the reference network for 1,600 iterations, half of its images small shapes, which are the hard ones.

    Each round, the images turn by a quarter and into their negatives; half-way they are mirrored.
    """
    net, optimizer, rng = reference(seed), Adam(), np.random.default_rng(seed)
    every, small = (data.crosses_and_circles(IMAGES // 2, rng, radius=radius) for radius in [(6, 24), (6, 12)])
    images = data.centered(np.concatenate([every.images, small.images]))
    labels = np.concatenate([every.labels, small.labels])
    for turn in range(ROUNDS):
        for step in train(net, images, labels, iterations=ITERATIONS, optimizer=optimizer, seed=turn):
            done = (turn * ITERATIONS + step.iteration) / (ROUNDS * ITERATIONS)
            optimizer.learning_rate = 0.02 * (1 + math.cos(math.pi * done)) / 2
        images = -np.rot90(images if turn != ROUNDS // 2 - 1 else images[..., ::-1], axes=(2, 3))
    return net


def story(seed):
    """Two filters and a classifier, 100 iterations: mean activation on small circles and off them, before and after.

    Returns [(on, off) before, (on, off) after]. The images are noisy, so that there is something to cut out.
    """
    net = Network((3, 64, 64), [Conv2D(filters=2, size=3), ReLU(), MaxPool2D(2), Flatten(), Linear(2)], seed=seed)
    images, labels, _ = data.crosses_and_circles(4_000, np.random.default_rng(seed), noise=0.1)
    film = Recording(net)
    for _ in film.watch(train(net, data.centered(images), labels, iterations=100, optimizer=Adam())):
        pass

    small = {"n": 200, "radius": (6, 8)}
    circles, labels, _ = data.crosses_and_circles(rng=np.random.default_rng(HELD_OUT), noise=0.1, **small)
    plain = data.crosses_and_circles(rng=np.random.default_rng(HELD_OUT), **small).images
    circles, plain = circles[labels == data.CIRCLE], plain[labels == data.CIRCLE]
    painted = (plain != plain[:, :, :1, :1]).any(axis=1)
    means = []
    for moment in (0, 100):
        film.rewind(moment)
        maps = net.activations(data.centered(circles))[1].mean(axis=1)
        means.append((maps[painted].mean(), maps[~painted].mean()))
    return means


def main():
    images, labels, _ = data.crosses_and_circles(2_000, np.random.default_rng(HELD_OUT))
    images = data.centered(images)
    print("The reference network: held-out images of 2,000 that it gets right, and seconds with drawing the images")
    right = []
    for seed in range(10):
        start = time.perf_counter()
        net = recipe(seed)
        seconds = time.perf_counter() - start
        right.append((net.predict(images) == labels).mean())
        print(f"  seed {seed}  {right[-1]:8.2%}  {seconds:5.1f} s", flush=True)
    print(f"  median  {np.median(right):8.2%}  worst {min(right):.2%}\n")

    print("Two filters, 100 iterations: mean activation on small circles : off them, and how many times as much")
    for seed in range(10):
        told = [f"{on:.3f} : {off:.4f} = {on / max(off, 1e-9):6.1f}" for on, off in story(seed)]
        print(f"  seed {seed}  before {told[0]}   after {told[1]}", flush=True)


if __name__ == "__main__":
    main()
