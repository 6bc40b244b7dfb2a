"""Lesson 03: each mistake, written as a reader would, gets its message; every right answer passes."""

import numpy as np
import pytest

from cnnlib import checks


def channel_by_channel(step):
    """A reader's loop over the depth: step(total, the channel's sum, bias) is what each round does."""

    def one_number(patch, filter, bias):
        total = 0
        for slice, weights in zip(patch, filter):
            total = step(total, (slice * weights).sum(), bias)
        return total

    return one_number


def with_a_flipped_filter(patch, filter, bias):
    flipped = np.array([np.rot90(weights, 2) for weights in filter])
    return np.sum(patch * flipped) + bias


def the_first_channel_only(patch, filter, bias):
    for slice, weights in zip(patch, filter):
        return (slice * weights).sum() + bias


ONE_NUMBER = {
    "bias once for each channel": channel_by_channel(lambda total, part, bias: total + part + bias),
    "bias to every product": lambda patch, filter, bias: np.sum(patch * filter + bias),
    "The bias is missing": channel_by_channel(lambda total, part, bias: total + part),
    "take the bias off": lambda patch, filter, bias: np.sum(patch * filter) - bias,
    "You return one number for each channel": lambda patch, filter, bias: np.array(
        [(slice * weights).sum() + bias for slice, weights in zip(patch, filter)]
    ),
    "no bias yet": lambda patch, filter, bias: (patch * filter).sum(axis=2).sum(axis=1),
    "all the products": lambda patch, filter, bias: patch * filter + bias,
    "along one axis only": lambda patch, filter, bias: sum(patch * filter) + bias,
    "Only the first channel": the_first_channel_only,
    "Only the last channel": channel_by_channel(lambda total, part, bias: part + bias),
    "the filter's first slice on every channel": lambda patch, filter, bias: (
        sum((slice * filter[0]).sum() for slice in patch) + bias
    ),
    "before you multiply": lambda patch, filter, bias: (sum(patch) * sum(filter)).sum() + bias,
    "turned by 180 degrees": with_a_flipped_filter,
    "back to front": lambda patch, filter, bias: np.sum(patch * np.flip(filter, axis=0)) + bias,
    "mean of the products": lambda patch, filter, bias: np.mean(patch * filter) + bias,
    "@ multiplies rows with columns": lambda patch, filter, bias: np.sum(patch @ filter) + bias,
    "never answers below zero": lambda patch, filter, bias: np.maximum(0, np.sum(patch * filter) + bias),
}


def one_map(volume, filter, bias):
    """As the lesson has it."""
    height, width = volume.shape[1:]
    size = filter.shape[-1]
    rim = size // 2
    framed = np.pad(volume, [(0, 0), (rim, rim), (rim, rim)])
    result = np.zeros((height, width))
    for row in range(height):
        for column in range(width):
            patch = framed[:, row : row + size, column : column + size]
            result[row, column] = (patch * filter).sum() + bias
    return result


def returns_inside_the_loop(volume, filters, biases):
    maps = []
    for filter, bias in zip(filters, biases):
        maps.append(one_map(volume, filter, bias))
        return np.array(maps)


def keeps_the_last(volume, filters, biases):
    for filter, bias in zip(filters, biases):
        maps = one_map(volume, filter, bias)
    return maps


def without_a_frame(volume, filters, biases):
    size = filters.shape[-1]
    height, width = volume.shape[1] - size + 1, volume.shape[2] - size + 1
    maps = np.zeros((len(filters), height, width))
    for f, row, column in np.ndindex(maps.shape):
        maps[f, row, column] = (volume[:, row : row + size, column : column + size] * filters[f]).sum() + biases[f]
    return maps


def gathered(join, choose=lambda filters, biases, i: (filters[i], biases[i])):
    """A reader's loop over the filters; join makes one array of the maps."""

    def stack_maps(volume, filters, biases):
        return join([one_map(volume, *choose(filters, biases, i)) for i in range(len(filters))])

    return stack_maps


STACK_MAPS = {
    "inside the loop or after it": returns_inside_the_loop,
    "that of the first filter": lambda volume, filters, biases: one_map(volume, filters[0], biases[0]),
    "the last filter's map alone": keeps_the_last,
    "You add the maps up": gathered(sum),
    "Your depth comes last": gathered(lambda maps: np.stack(maps, axis=-1)),
    "below each other": gathered(np.vstack),
    "beside each other": gathered(lambda maps: np.concatenate(maps, axis=1)),
    "one long row": gathered(lambda maps: np.append([], maps)),
    "biases are missing": gathered(np.array, lambda filters, biases, i: (filters[i], 0)),
    "first filter's bias": gathered(np.array, lambda filters, biases, i: (filters[i], biases[0])),
    "all the biases": gathered(np.array, lambda filters, biases, i: (filters[i], sum(biases))),
    "come from the first filter": gathered(np.array, lambda filters, biases, i: (filters[0], biases[i])),
    "uses its first slice on every channel": gathered(
        np.array, lambda filters, biases, i: (np.stack([filters[i][0]] * filters.shape[1]), biases[i])
    ),
    "wrong order": gathered(np.array, lambda filters, biases, i: (filters[-1 - i], biases[-1 - i])),
    "frame of zeros is missing": without_a_frame,
    "cut off what is below zero": gathered(lambda maps: np.array(maps).clip(0)),
}

COUNT_PARAMETERS = {
    "the well-known 9 weights": lambda depth, filters, size: size**2 * filters + filters,
    "Each filter has one more number": lambda depth, filters, size: size**2 * depth * filters,
    "a bias for each slice": lambda depth, filters, size: (size**2 + 1) * depth * filters,
    "one bias for the whole layer": lambda depth, filters, size: 1 + size**2 * depth * filters,
    "as many biases as channels that come in": lambda depth, filters, size: depth * (size**2 * filters + 1),
    "That is one filter. ": lambda depth, filters, size: size**2 * depth + 1,
    "without its bias": lambda depth, filters, size: size**2 * depth,
    "Does size come into your product twice": lambda depth, filters, size: filters + filters * depth * size,
    "Twice the size": lambda depth, filters, size: filters + filters * depth * 2 * size,
    "always count three channels": lambda depth, filters, size: filters + filters * 3 * size**2,
    "always count nine weights": lambda depth, filters, size: filters + filters * depth * 3 * 3,
    "as deep as it is wide": lambda depth, filters, size: filters + filters * size**3,
}


def plain(red, green, blue):
    """A filter each of whose slices has the same weight nine times."""
    return lambda: np.array([np.ones((3, 3)) * weight for weight in (red, green, blue)])


YELLOW_FILTER = {
    "Nine weights are one slice": lambda: np.ones((3, 3)),
    "Make a slice of 3 x 3 weights of each": lambda: np.array([1, 1, -1]),
    "where (3, 3, 3) is wanted": lambda: np.reshape([1, 1, -1], (3, 1, 1)),
    "not a number": plain(1, 1, np.nan),
    "All your weights are zero": lambda: np.zeros((3, 3, 3)),
    "Your depth comes last": lambda: np.ones((3, 3, 3)) * [1, 1, -1],
    "finds cyan": plain(-1, 1, 1),
    "All your signs": plain(-1, -1, 1),
    "the weights too small": plain(1 / 9, 1 / 9, -1 / 9),
    "On plain yellow your sum is 0, bias included": plain(0.5, 0.5, -1),
    "to white too: 9. White has": plain(1, 1, 0),
    "to red too: 4.5. Yellow has red in it": plain(1.5, 0.5, -2),
    "to green too: 1.8. Yellow has green in it": plain(0, 1.2, -2),
    "to white too: 8.1. White has": plain(0.9, 0.7, 0.3),
}


@pytest.mark.parametrize(
    "check, mistake",
    [(check, part) for check in (checks.one_number, checks.stack_maps, checks.count_parameters, checks.yellow_filter)
     for part in globals()[check.name.upper()]],
    ids=lambda value: getattr(value, "name", value),
)  # fmt: skip
def test_each_mistake_gets_its_message(says, check, mistake):
    assert mistake in says(check, globals()[check.name.upper()][mistake])


@pytest.mark.parametrize("check", [checks.one_number, checks.stack_maps, checks.count_parameters], ids=lambda c: c.name)
def test_each_message_has_a_test(check):
    parts = globals()[check.name.upper()]
    assert len(parts) == len(check.mistakes)
    assert all(sum(part in message for message in check.mistakes) == 1 for part in parts)


def in_many_lines(patch, filter, bias):
    total = bias
    for place in np.ndindex(patch.shape):
        total = total + patch[place] * filter[place]
    return total


def with_one_big_array(volume, filters, biases):
    maps = np.zeros((len(filters), *volume.shape[1:]), np.float32)
    for f in range(len(filters)):
        maps[f] = one_map(volume, filters[f], biases[f])
    return maps


def middle_only():
    filter = np.zeros((3, 3, 3))
    filter[0, 1, 1] = filter[1, 1, 1] = 7
    filter[2, 1, 1] = -30
    return filter


@pytest.mark.parametrize(
    "check, right",
    [
        (checks.one_number, in_many_lines),
        (checks.one_number, lambda patch, filter, bias: bias + np.tensordot(patch, filter, 3)),
        (checks.one_number, lambda patch, filter, bias: float(np.vdot(patch, filter)) + bias),
        (checks.stack_maps, with_one_big_array),
        (checks.stack_maps, gathered(np.stack)),
        (checks.count_parameters, lambda depth, filters, size: sum(depth * size**2 + 1 for _ in range(filters))),
        (checks.count_parameters, lambda d, n, s: np.zeros((n, d, s, s)).size + np.zeros(n).size),
        (checks.yellow_filter, middle_only),
        (checks.yellow_filter, plain(1, 1, -1)),
        (checks.yellow_filter, plain(0.6, 0.7, -0.5)),
    ],
)
def test_a_right_answer_passes_however_it_is_written(says, check, right):
    assert says(check, right).startswith("Correct. ")


def test_whatever_filter_is_given_it_is_judged(says, rng):
    """No filter gets through that answers to another colour, and none breaks the check."""
    for weights in rng.uniform(-2, 2, (300, 3)):
        red, green, blue = weights
        right = red + green > 1 and max(red, green, red + green + blue, red + blue, green + blue, blue) <= 1
        assert says(checks.yellow_filter, plain(*weights)).startswith("Correct") == right
