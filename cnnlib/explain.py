"""Explanations: what, in a picture, made a unit of the network answer as it did.

Each function is one method, by its name in the literature, and asks about one `unit` of one `layer`:
    a class                 of the last layer, which is the one asked unless you name another
    a filter                of a layer that makes maps; its answer is all of its map, added up
    (filter, row, column)   one place of that map
Layers count from 0, or backwards from -1. All work is done on twins of the layers: the network stays as it was.

All raise ValueError where layer or unit is not there, and where a number that comes in or out is not finite; and, as
the network does, TypeError or ValueError where the images are not of the type and shape that it was built for.
"""

import copy
from numbers import Integral
from typing import NamedTuple

import numpy as np

from .layers import ReLU, positions, positive_int
from .network import CHUNK
from .training import number

# What a ReLU sends back of dy, `open` saying where its input was positive: all that sets the next three methods apart.


def true_rule(open, dy):
    """The true gradient passes where the gate was open."""
    return dy * open


def deconvnet_rule(open, dy):
    """Only what is positive passes, as if dy were sent forward through a ReLU; no matter where the gate was open."""
    return dy * (dy > 0)


def guided_rule(open, dy):
    """Both must allow it."""
    return dy * open * (dy > 0)


def gradient_saliency(net, images, unit, layer=-1):
    """How the unit's answer would change with each pixel: the gradient, signs and all, (n, *input_shape).

    Source: Simonyan, Vedaldi and Zisserman, Deep inside convolutional networks (2014), which shows the largest size
    over the depth: `abs(...).max(1)`.
    """
    return _sent_back(net, images, unit, layer, true_rule)


def deconvnet(net, images, unit, layer=-1):
    """What of the image the unit's answer is rebuilt from, filters turned round and pools undone: (n, *input_shape).

    The same as the gradient, but for ReLU. It sends no negative numbers back, and does not ask what the image was.
    Source: Zeiler and Fergus, Visualizing and understanding convolutional networks (2014), section 2.1.
    """
    return _sent_back(net, images, unit, layer, deconvnet_rule)


def guided_backpropagation(net, images, unit, layer=-1):
    """The gradient, of which each ReLU sends back only what is positive: (n, *input_shape).

    Source: Springenberg, Dosovitskiy, Brox and Riedmiller, Striving for simplicity (2015), section 3.4.
    """
    return _sent_back(net, images, unit, layer, guided_rule)


def grad_cam(net, images, unit, layer=-1, maps=None):
    """Where the maps of an earlier layer speak for the unit: (n, height, width), as large as they are, never negative.

    Each map counts by its mean gradient, and of their sum, what is negative is left out. `maps` is the number of
    their layer: unless given, the last before `layer` that makes maps.
    Source: Selvaraju et al., Grad-CAM (2017), equations 1 and 2.
    """
    layer, _ = _asked(net, unit, layer)
    choices = [i for i in range(layer) if len(net.out_shapes[i]) == 3]
    if not choices or (maps is not None and maps not in choices):
        raise ValueError(f"maps must be a layer of maps before layer {layer}, one of {choices}, not {maps!r}")
    maps = choices[-1] if maps is None else maps
    found = []
    for layers, made, dy in _studied(net, images, unit, layer):
        weights = _backward(layers[maps + 1 :], dy, true_rule).mean((2, 3), keepdims=True)
        found.append(np.maximum((weights * made[maps]).sum(1), 0))
    return np.concatenate(found)


def occlusion(net, images, unit, layer=-1, size=8, stride=4, fill=0.0):
    """How much the unit's answer falls when a square of the image is covered: (n, rows, columns).

    The square is `size` pixels wide, its places `stride` pixels apart, from the top left corner on; a remainder at the
    edge stays uncovered. Its pixels become `fill`. Below zero: with the square covered, the unit answers more strongly.
    Source: Zeiler and Fergus, Visualizing and understanding convolutional networks (2014), section 4.2.
    """
    size, stride, fill = positive_int(size, "size"), positive_int(stride, "stride"), number(fill, "fill", -np.inf)
    uncovered = _scores(net, images, unit, layer)
    rows, columns = positions(*net.input_shape[1:], size, stride)
    falls = np.empty((len(images), rows, columns), uncovered.dtype)
    for r, c in np.ndindex(rows, columns):
        covered = images.copy()
        covered[:, :, r * stride : r * stride + size, c * stride : c * stride + size] = fill
        falls[:, r, c] = uncovered - _scores(net, covered, unit, layer)
    return falls


def activation_maximisation(net, unit, layer=-1, length=10.0, steps=100, seed=0):
    """An image that makes the unit answer as strongly as it can: (*input_shape).

    Climbs from noise, drawn from `seed`, along the gradient. After each step of a tenth of its length, the image is
    brought back to `length`, the root of the sum of its squares: or growing brighter would be all it takes.
    Raises ValueError where the unit has no slope to climb, since a ReLU on the way is shut everywhere.
    Source: Erhan, Bengio, Courville and Vincent, Visualizing higher-layer features of a deep network (2009), section 4.
    """
    length, steps = number(length, "length", 1e-6), positive_int(steps, "steps")
    kind = next((p.dtype for p in net.named_params().values()), np.float32)
    image = np.random.default_rng(seed).standard_normal((1, *net.input_shape)).astype(kind)
    image *= length / float(np.linalg.norm(image))
    for _ in range(steps):
        uphill = gradient_saliency(net, image, unit, layer)
        slope = float(np.linalg.norm(uphill))
        if slope == 0:
            raise ValueError(f"unit {unit} of layer {layer} has no slope to climb: try another seed or length")
        image += 0.1 * length / slope * uphill
        image *= length / float(np.linalg.norm(image))
    return image[0]


class Exciting(NamedTuple):
    """What most_exciting returns, the strongest first; `numbers, places, scores = ...` takes it apart."""

    numbers: np.ndarray  # which of the images: (count,)
    places: np.ndarray  # row and column of the strongest answer in a filter's map, (count, 2); of one unit, (count, 0)
    scores: np.ndarray  # how strong it was: (count,)


def most_exciting(net, images, unit, layer=-1, count=9):
    """The images that excite a unit most, each by the strongest place of a filter's map: Exciting, `count` of each.

    `net.receptive_field(layer, row, column)` says what part of the image that place sees.
    Source: Zeiler and Fergus, Visualizing and understanding convolutional networks (2014), figure 2.
    """
    if positive_int(count, "count") > len(images):
        raise ValueError(f"count must be at most {len(images)}, as many as there are images, not {count}")
    _, place = _asked(net, unit, layer)
    answers = np.concatenate([made[-1][:, *place] for _, made, _ in _studied(net, images, unit, layer)])
    n, *size = answers.shape
    answers = answers.reshape(n, -1)
    best = answers.argmax(1)
    scores = answers[np.arange(n), best]
    first = np.argsort(-scores, kind="stable")[:count]
    places = np.transpose(np.unravel_index(best[first], size)) if size else np.empty((count, 0), int)
    return Exciting(first, places, scores[first])


def randomised(net, seed=0, first=0):
    """The same network with the weights of each layer from `first` on shuffled: its numbers, without what it learned.

    What an explanation still shows of it, it shows whatever the network knows. To shuffle from the last layer down to
    the first, one more at a time, is the test of Adebayo et al., Sanity checks for saliency maps (2018), which draws
    new weights.
    """
    first, net, rng = _layer(net, first), copy.deepcopy(net), np.random.default_rng(seed)
    for layer in net.layers[first:]:
        layer.params = {name: rng.permutation(p.ravel()).reshape(p.shape) for name, p in layer.params.items()}
    return net


# What they share.


def _sent_back(net, images, unit, layer, rule):
    """From the unit back to the pixels, each ReLU by `rule`: (n, *input_shape)."""
    return np.concatenate([_backward(layers, dy, rule) for layers, _, dy in _studied(net, images, unit, layer)])


def _backward(layers, dy, rule):
    for layer in reversed(layers):
        dy = rule(layer.open, dy) if isinstance(layer, ReLU) else layer.backward(dy)
    return dy


def _scores(net, images, unit, layer):
    """The unit's answer to each image: (n,)."""
    studied = _studied(net, images, unit, layer)
    return np.concatenate([(made[-1] * dy).reshape(len(dy), -1).sum(1) for _, made, dy in studied])


def _studied(net, images, unit, layer):
    """The images on their way to `layer`, a few at a time: (layers, what each of them made, d answer / d the last).

    The unit's answer is a sum of what the layer made, so its gradient is 1 where the unit is, and 0 elsewhere.
    """
    layer, place = _asked(net, unit, layer)
    net.check(images)
    if not np.isfinite(images).all():
        raise ValueError(f"images must be finite numbers, and {(~np.isfinite(images)).sum()} of them are not")
    for i in range(0, len(images), CHUNK):
        layers, made = [each.twin() for each in net.layers[: layer + 1]], [images[i : i + CHUNK]]
        with np.errstate(over="ignore", invalid="ignore"):  # told below, with a cause
            for each in layers:
                made.append(each.forward(made[-1]))
                if not np.isfinite(made[-1]).all():
                    raise ValueError(f"layer {len(made) - 2}, {each}, answers with numbers that are not finite")
        dy = np.zeros_like(made[-1])
        dy[:, *place] = 1
        yield layers, made[1:], dy


def _asked(net, unit, layer):
    """The layer's number, from 0, and the unit's place in what it makes: both made sure of."""
    layer = _layer(net, layer)
    shape = net.out_shapes[layer]
    place = unit if isinstance(unit, tuple) else (unit,)
    whole = all(isinstance(i, Integral) and not isinstance(i, bool) for i in place)
    if not (whole and len(place) in (1, len(shape)) and all(0 <= i < size for i, size in zip(place, shape))):
        wanted = f"0 to {shape[0] - 1}" + f", or (filter, row, column) inside {shape}" * (len(shape) == 3)
        raise ValueError(f"unit of layer {layer}, {net.layers[layer]}, must be {wanted}, not {unit!r}")
    return layer, place


def _layer(net, layer):
    n = len(net.layers)
    if not isinstance(layer, Integral) or isinstance(layer, bool) or not -n <= layer < n:
        raise ValueError(f"layer must be 0 to {n - 1}, or -1 for the last, -2 for the one before it, not {layer!r}")
    return int(layer) % n
