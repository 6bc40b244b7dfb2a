"""Lesson 00: meet the network."""

import numpy as np

from cnnlib import data
from cnnlib.network import Network

from .check import exercise

# Bets: some of the pictures in a row, by their numbers


def _bets(pictures, right, theories):
    """The verdict on a list of bets, each of `pictures` in it or not.

    theories  {what to tell the reader who has bet on these: the numbers, as a set}
    """
    right, everything = set(right), set(range(pictures))

    def judge(bets):
        for bet in bets:
            if isinstance(bet, (bool, np.bool_)):
                return "Not True or False for each picture, but the numbers of those that you mean, such as [0, 3]."
            if isinstance(bet, (list, tuple, set, np.ndarray)):
                return "There is a list inside your list. One pair of brackets is enough."
            if not isinstance(bet, (int, float, np.number)) or not float(bet).is_integer():
                return f"A picture is meant by its number, from 0 to {pictures - 1}. {bet!r} is none."
        mine = set(map(int, bets))
        if mine == right:
            return ""
        if {bet - 1 for bet in mine} == right:
            return "Each of your numbers is too large by one: the pictures are counted from 0."
        if strange := sorted(mine - everything):
            return f"There is no picture {strange[0]}. They are counted from 0 to {pictures - 1}."
        for message, bet in theories.items():
            if mine == bet:
                return message
        hits = pictures - len(mine ^ right)
        return f"You are right about {hits} of the {pictures} pictures. Each is a bet: on your list, or not."

    return judge


_WRONG = [1, 2, 4, 6]


@exercise(
    inputs=lambda rng: [()],
    praise="Half of the eight, and you know which.",
    kind=list,
    verdict=_bets(8, _WRONG, {
        "Not one? It got 2,000 of 2,000, but none of those looked like these. Some of these it gets wrong.": set(),
        "Every one? It is not as bad as that. Some of these it gets right.": set(range(8)),
        "Just the other way round: these are the ones that it gets right. Which are wanted?": {0, 3, 5, 7},
        "All the crosses? Some of them it gets right, and not all circles are easy for it.": {0, 1, 4, 5, 7},
        "All the circles? One of them it gets right, and not all crosses are easy for it.": {2, 3, 6},
    }),
)  # fmt: skip
def wrong_ones():
    return _WRONG


_CIRCLES = [1, 3, 5]


@exercise(
    inputs=lambda rng: [()],
    praise="Now you can say beforehand what it will say.",
    kind=list,
    verdict=_bets(6, _CIRCLES, {
        "You go by the hole: where a line closes, you bet on a circle. But the × had no hole, and was called one.":
            {2, 3},
        "You bet on crosses only, since nothing here is round. Was the × round?": set(),
        "You bet on circles only, since no two lines cross here. In the × they did, and it was called a circle.":
            set(range(6)),
        "Just the other way round: these are the ones that it calls crosses.": {0, 2, 4},
        "You count the strokes: a single one is a circle, or a cross. Two of these are single strokes, and it calls "
        "them by different names.": {0, 1},
    }),
)  # fmt: skip
def called_circles():
    return _CIRCLES


# A picture that fools


SMALLEST = 8  # pixels; a smaller hole is hard to see


def _hole(picture):
    """The largest piece of ground (height, width) that is closed in all around; True where it is, maybe nowhere.

    Ground is whatever differs from the commonest colour less than half as much as anything in the picture does.
    """
    colours, which = np.unique(np.round(picture.reshape(3, -1) * 16), axis=1, return_inverse=True)
    commonest = colours[:, np.bincount(which.ravel()).argmax()] / 16
    apart = abs(picture - commonest[:, None, None]).max(axis=0)
    ground = apart < max(apart.max() / 2, 1e-3)
    outside = np.pad(ground, 1, constant_values=True)
    free = outside.copy()
    reached = _filled(np.zeros_like(free), free, (0, 0))[1:-1, 1:-1]
    left, largest = ground & ~reached, np.zeros_like(ground)
    while left.any():
        piece = _filled(np.zeros_like(left), left, np.argwhere(left)[0])
        left &= ~piece
        if piece.sum() > largest.sum():
            largest = piece
    return largest


def _filled(piece, free, start):
    """All of `free` that can be reached from one place by steps up, down, left and right."""
    piece[tuple(start)] = True
    while True:
        wider = piece.copy()
        wider[1:] |= piece[:-1]
        wider[:-1] |= piece[1:]
        wider[:, 1:] |= piece[:, :-1]
        wider[:, :-1] |= piece[:, 1:]
        wider &= free
        if (wider == piece).all():
            return piece
        piece = wider


def _fooled(picture):
    """What is the matter with a picture that is to look like a circle and be called a cross."""
    shape = np.shape(picture)
    if shape == (64, 64, 3):
        return "Your colours come last, (64, 64, 3). Here they come first, (3, 64, 64): pad.image has them so."
    if shape == (1, 3, 64, 64):
        return "That is a stack of one picture. Take the picture out of it, with [0]."
    if shape == (64, 64):
        return "Your picture has one number for each pixel. Three are wanted, red, green and blue: (3, 64, 64)."
    if shape != (3, 64, 64):
        return f"Your picture has shape {shape}, where (3, 64, 64) is wanted."
    picture = np.asarray(picture, np.float32)
    if not np.isfinite(picture).all():
        return "There is something in your picture that is not a number."
    if picture.max() > 1:
        return f"Pixels run from 0 to 1. Your largest is {picture.max():g}."
    if picture.min() < 0:
        return f"Pixels run from 0 to 1. Your smallest is {picture.min():.2g}. Return the picture itself, not centered."
    if np.ptp(picture, axis=(1, 2)).max() < 0.01:
        return "Your picture is all of one colour. Nobody would call that a circle."
    hole = _hole(picture)
    if not hole.any():
        return ("I find no hole in your picture, and a circle has one. Is there a gap in the line, is it filled, or "
                "does it leave the frame?")
    rows, columns = np.nonzero(hole)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    if min(height, width) < SMALLEST:
        return (f"The hole in your picture is {height} pixels high and {width} wide. Make it {SMALLEST} at least both "
                "ways: of tiny circles we know already that they fool it.")
    if hole.sum() > 0.93 * height * width:
        return "The hole in your picture is a rectangle. Nobody would call that a circle."
    if max(height, width) > 2 * min(height, width):
        return f"The hole in your picture is {height} pixels high and {width} wide. A circle is as high as it is wide."
    says = Network.load(data.trained_network()).probabilities(data.centered(picture[None]))[0]
    if says[data.CROSS] > 0.5:
        return ""
    return (f"Not fooled: it says circle ({says[data.CIRCLE]:.1%}). What did it go by? See that your circle has less "
            "of it.")


@exercise(
    inputs=lambda rng: [()],
    praise="It says cross. Show your picture to somebody: if they say circle, you have fooled it.",
    verdict=_fooled,
)
def fool():
    return data.draw(data.CIRCLE)[:, ::4, ::4].repeat(4, axis=1).repeat(4, axis=2)
