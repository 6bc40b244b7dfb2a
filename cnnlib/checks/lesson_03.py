"""Lesson 03: stack filters into volumes."""

import numpy as np

from .check import exercise

# One number out of a patch as deep as the volume


def _patches(rng):
    """A patch, a filter as large, and a bias: on paper, then deeper ones, and one whose sum is below zero."""
    yield np.array([[[1, 2], [0, 1]], [[3, 0], [1, 1]]]), np.array([[[1, 0], [-1, 2]], [[0, 1], [2, -1]]]), 0.5
    for depth, size, bias in [(3, 3, -2.0), (5, 3, 4.0)]:
        yield rng.normal(size=(depth, size, size)), rng.normal(size=(depth, size, size)), bias
    yield rng.random((4, 5, 5)), -rng.random((4, 5, 5)), 1.0


@exercise(
    inputs=_patches,
    praise="However deep the patch is, one number comes out.",
    mistakes={
        "You added the bias once for each channel. It belongs to the filter: add it once, when all is summed.":
            lambda patch, filter, bias: (patch * filter).sum() + len(patch) * bias,
        "You added the bias to every product. Add it once, when all is summed.":
            lambda patch, filter, bias: (patch * filter + bias).sum(),
        "The bias is missing. It is added to the sum.":
            lambda patch, filter, bias: (patch * filter).sum(),
        "You take the bias off. It is added, and if it is to lower the sum, it is negative itself.":
            lambda patch, filter, bias: (patch * filter).sum() - bias,
        "You return one number for each channel. Add them up, and then the bias: a filter answers with one number.":
            lambda patch, filter, bias: (patch * filter).sum(axis=(1, 2)) + bias,
        "One number for each channel, and no bias yet. Add them up, and then the bias.":
            lambda patch, filter, bias: (patch * filter).sum(axis=(1, 2)),
        "You return all the products. A filter answers with one number: add them up, and the bias last.":
            lambda patch, filter, bias: patch * filter + bias,
        "You have added up along one axis only. Add up all three, with .sum() and nothing in its brackets.":
            lambda patch, filter, bias: (patch * filter).sum(axis=0) + bias,
        "Only the first channel has been counted. Does your function return too early, or look at [0] only?":
            lambda patch, filter, bias: (patch[0] * filter[0]).sum() + bias,
        "Only the last channel has been counted. In a loop, = forgets the channels before; += keeps them.":
            lambda patch, filter, bias: (patch[-1] * filter[-1]).sum() + bias,
        "You lay the filter's first slice on every channel. Each channel has a slice of its own.":
            lambda patch, filter, bias: (patch * filter[0]).sum() + bias,
        "You add the channels up before you multiply. Then no slice knows which channel it lies on: multiply first.":
            lambda patch, filter, bias: (patch.sum(axis=0) * filter).sum() + bias,
        "Your slices are turned by 180 degrees. Lay the filter down as it is.":
            lambda patch, filter, bias: (patch * filter[:, ::-1, ::-1]).sum() + bias,
        "Your filter is back to front: its first slice belongs on the first channel.":
            lambda patch, filter, bias: (patch * filter[::-1]).sum() + bias,
        "You take the mean of the products. A filter adds them up.":
            lambda patch, filter, bias: (patch * filter).mean() + bias,
        "@ multiplies rows with columns. Here each number of the patch meets the one weight that lies on it: use *.":
            lambda patch, filter, bias: (patch @ filter).sum() + bias,
        "Your function never answers below zero. Leave the sign alone: what becomes of it is decided later.":
            lambda patch, filter, bias: max((patch * filter).sum() + bias, 0),
    },
)  # fmt: skip
def one_number(patch, filter, bias):
    return (patch * filter).sum() + bias


# All filters


def _map(volume, filter, bias, rim=None):
    """One filter's map of a volume, by products with the patches of each place."""
    size = filter.shape[-1]
    rim = size // 2 if rim is None else rim
    framed = np.pad(volume, [(0, 0), (rim, rim), (rim, rim)])
    patches = np.lib.stride_tricks.sliding_window_view(framed, (size, size), axis=(1, 2))
    return np.einsum("drcij,dij->rc", patches, filter) + bias


def _maps(volume, filters, biases, **rim):
    return np.array([_map(volume, filter, bias, **rim) for filter, bias in zip(filters, biases)])


def _layers(rng):
    """A volume, filters and biases: small enough for paper, then with sides that differ in all axes."""
    yield np.ones((2, 2, 2)), np.array([np.zeros((2, 1, 1)), np.ones((2, 1, 1))]), np.array([0.5, -3])
    for depth, (height, width), filters, size in [(3, (4, 5), 4, 3), (5, (6, 4), 3, 3), (1, (5, 7), 2, 5)]:
        yield (
            rng.normal(size=(depth, height, width)), rng.normal(size=(filters, depth, size, size)),
            rng.normal(size=filters),
        )  # fmt: skip


@exercise(
    inputs=_layers,
    praise="As many maps as filters: that is the depth of what comes out.",
    mistakes={
        "Only the first filter's map comes back. Where does your return stand, inside the loop or after it?":
            lambda volume, filters, biases: _maps(volume, filters[:1], biases),
        "You return one map, that of the first filter. Wanted are the maps of all of them, stacked.":
            lambda volume, filters, biases: _map(volume, filters[0], biases[0]),
        "You return the last filter's map alone: each time round the loop, the map before it is lost. Collect them.":
            lambda volume, filters, biases: _map(volume, filters[-1], biases[-1]),
        "You add the maps up. A filter adds up, over its own depth. Maps stay apart, one behind another.":
            lambda volume, filters, biases: _maps(volume, filters, biases).sum(axis=0),
        "Your depth comes last. The maps' number is the first axis: result[0] must be the first map.":
            lambda volume, filters, biases: np.moveaxis(_maps(volume, filters, biases), 0, -1),
        "You laid the maps out below each other, as one tall map. Stack them: a new axis comes in front.":
            lambda volume, filters, biases: np.concatenate(_maps(volume, filters, biases)),
        "You laid the maps out beside each other, as one wide map. Stack them: a new axis comes in front.":
            lambda volume, filters, biases: np.hstack(_maps(volume, filters, biases)),
        "Your maps have run together into one long row. Keep each map as it is, and collect them in a list.":
            lambda volume, filters, biases: _maps(volume, filters, biases).ravel(),
        "The biases are missing: each filter has its own.":
            lambda volume, filters, biases: _maps(volume, filters, 0 * biases),
        "Every map has the first filter's bias. Each filter has its own.":
            lambda volume, filters, biases: _maps(volume, filters, 0 * biases + biases[0]),
        "Every map gets all the biases. Each filter has its own, and only that one.":
            lambda volume, filters, biases: _maps(volume, filters, 0 * biases + biases.sum()),
        "All your maps come from the first filter. Let each filter make one.":
            lambda volume, filters, biases: _maps(volume, np.array([filters[0]] * len(filters)), biases),
        "Each of your filters uses its first slice on every channel. A filter has a slice for each channel.":
            lambda volume, filters, biases: _maps(volume, filters[:, :1] + 0 * filters, biases),
        "Your maps come in the wrong order: the first filter's map comes first.":
            lambda volume, filters, biases: _maps(volume, filters, biases)[::-1],
        "Your maps are smaller than the volume: the frame of zeros is missing. one_map puts it there.":
            lambda volume, filters, biases: _maps(volume, filters, biases, rim=0),
        "You cut off what is below zero. That is the next step; leave the sums as they are.":
            lambda volume, filters, biases: np.maximum(_maps(volume, filters, biases), 0),
    },
)  # fmt: skip
def stack_maps(volume, filters, biases):
    return _maps(volume, filters, biases)


# Counting


@exercise(
    inputs=lambda rng: [(2, 1, 1), (3, 2, 3), (4, 7, 5), (64, 128, 3)],
    praise="Height and width of the picture are not in it: a filter is the same size on a stamp and on a poster.",
    mistakes={
        "You count a filter as if it were flat, the well-known 9 weights. How many slices has it?":
            lambda depth, filters, size: filters * (size * size + 1),
        "The weights are right. Each filter has one more number: its bias.":
            lambda depth, filters, size: filters * depth * size * size,
        "You count a bias for each slice. There is one for each filter, however deep it is.":
            lambda depth, filters, size: filters * depth * (size * size + 1),
        "You count one bias for the whole layer. Each filter has its own.":
            lambda depth, filters, size: filters * depth * size * size + 1,
        "You count as many biases as channels that come in. There is one for each filter.":
            lambda depth, filters, size: filters * depth * size * size + depth,
        "That is one filter. The layer has several.":
            lambda depth, filters, size: depth * size * size + 1,
        "That is one filter, and without its bias. The layer has several.":
            lambda depth, filters, size: depth * size * size,
        "A slice of size 3 is 3 high and 3 wide. Does size come into your product twice?":
            lambda depth, filters, size: filters * (depth * size + 1),
        "Twice the size is not the size times itself: a slice of size 3 has 9 weights.":
            lambda depth, filters, size: filters * (depth * 2 * size + 1),
        "You always count three channels. Deeper in a network there are more: take depth.":
            lambda depth, filters, size: filters * (3 * size * size + 1),
        "You always count nine weights a slice. That is size 3: take size.":
            lambda depth, filters, size: filters * (depth * 9 + 1),
        "You count as if a filter were as deep as it is wide. Its depth is that of the volume it lies on.":
            lambda depth, filters, size: filters * (size**3 + 1),
    },
)  # fmt: skip
def count_parameters(depth, filters, size):
    return filters * (depth * size * size + 1)


# A filter to design

_LIGHTS = {  # red, green, blue; whether the filter is to answer
    "yellow": (1, 1, 0), "red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "white": (1, 1, 1),
    "grey": (0.5, 0.5, 0.5), "cyan": (0, 1, 1), "magenta": (1, 0, 1), "black": (0, 0, 0),
}  # fmt: skip


def _answers(weights):
    """What comes out for a plain patch of each colour, with a bias of -9 and before ReLU."""
    slices = weights.sum(axis=(1, 2))
    return {name: float(slices @ np.array(light) - 9) for name, light in _LIGHTS.items()}


def _finds_yellow(weights):
    yellow, *others = _answers(weights).values()
    return yellow > 1e-6 and max(others) <= 1e-6


def _judge(weights):
    """What is the matter with a filter that is to answer to yellow only."""
    if np.shape(weights) == (3, 3):
        return "Nine weights are one slice. This filter lies on three channels: it needs a slice for each, (3, 3, 3)."
    if np.shape(weights) == (3,):
        return "One number for each channel is the right idea. Make a slice of 3 x 3 weights of each: (3, 3, 3)."
    if np.shape(weights) != (3, 3, 3):
        return f"Your filter has shape {np.shape(weights)}, where (3, 3, 3) is wanted: depth, height, width."
    weights = np.asarray(weights, float)
    if not np.isfinite(weights).all():
        return "There is a weight in your filter that is not a number."
    if _finds_yellow(weights):
        return ""
    if not weights.any():
        return "All your weights are zero: such a filter says the same of every picture."
    if _finds_yellow(np.moveaxis(weights, -1, 0)):
        return "Your depth comes last. It is the first axis: filter[0] is the slice for red."
    if _finds_yellow(weights[::-1]):
        return "Your filter finds cyan: red and blue are the wrong way round. Slice 0 lies on red, slice 2 on blue."
    if _finds_yellow(-weights):
        return "All your signs are the wrong way round: what should speak for yellow speaks against it."
    if _finds_yellow(weights * 9):
        return "The signs are right, and the weights too small: the bar is at 9. What does each slice add up to?"
    sums = _answers(weights)
    told = {name: f"{round(value, 2) + 0:g}" for name, value in sums.items()}
    if sums["yellow"] <= 1e-6:
        return f"On plain yellow your sum is {told['yellow']}, bias included. ReLU leaves nothing of that."
    why = {
        "white": "White has all the red and green that yellow has. What does it have besides?",
        "red": "Yellow has red in it, but red alone must not get over the bar, which is at 9.",
        "green": "Yellow has green in it, but green alone must not get over the bar, which is at 9.",
    }
    loud = next(name for name in why if sums[name] > 1e-6)  # one is, if any other is: it answers to red + green
    return f"It answers to yellow, and to {loud} too: {told[loud]}. {why[loud]}"


@exercise(
    inputs=lambda rng: [()],
    praise="Red and green together pass the bar, and neither does alone.",
    verdict=_judge,
)
def yellow_filter():
    return np.array([np.full((3, 3), weight) for weight in (1, 1, -1)])
