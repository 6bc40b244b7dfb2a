"""Lesson 00: each thing that a reader may bet or draw gets its message, and the checks know the lesson's pictures."""

import numpy as np
import pytest

from cnnlib import checks, data
from cnnlib.data import CIRCLE, CROSS, draw
from cnnlib.widgets.drawpad import cover_line
from tools import notebooks


def test_the_checks_know_what_the_network_says_of_the_pictures_of_the_lesson():
    (lesson,) = (path for path in notebooks.lessons() if path.name.startswith("00"))
    space = {}
    for cell in notebooks.compose(lesson, solved=True).cells:
        if cell.cell_type == "code" and "raises-exception" not in cell.metadata.get("tags", []):
            exec(cell.source, space)
    assert np.flatnonzero(space["odd_answers"] != space["odd_truth"]).tolist() == checks.wrong_ones.right()
    said = space["net"].predict(data.centered(space["drawings"]))
    assert np.flatnonzero(said == CIRCLE).tolist() == checks.called_circles.right()


# Bets


@pytest.mark.parametrize(
    "check, bets, part",
    [
        (checks.wrong_ones, [], "Not one?"),
        (checks.wrong_ones, list(range(8)), "Every one?"),
        (checks.wrong_ones, [7, 5, 3, 0], "the other way round"),
        (checks.wrong_ones, [0, 1, 4, 5, 7], "All the crosses?"),
        (checks.wrong_ones, [2, 3, 6], "All the circles?"),
        (checks.wrong_ones, [2, 3, 5, 7], "too large by one"),
        (checks.wrong_ones, [1, 8], "There is no picture 8. They are counted from 0 to 7."),
        (checks.wrong_ones, [-1, 4], "There is no picture -1."),
        (checks.wrong_ones, [False, True, True, False, True, False, True, False], "Not True or False"),
        (checks.wrong_ones, ["cross", "circle"], "'cross' is none"),
        (checks.wrong_ones, [1.5], "1.5 is none"),
        (checks.wrong_ones, [float("nan")], "nan is none"),
        (checks.wrong_ones, [None], "None is none"),
        (checks.wrong_ones, [[1, 2]], "list inside your list"),
        (checks.wrong_ones, [1, 2, 4], "right about 7 of the 8"),
        (checks.wrong_ones, [1, 1, 0], "right about 4 of the 8"),
        (checks.wrong_ones, 3, "returns a int, where a list is wanted"),
        (checks.called_circles, [], "crosses only"),
        (checks.called_circles, [0, 1, 2, 3, 4, 5], "circles only"),
        (checks.called_circles, [2, 3], "by the hole"),
        (checks.called_circles, [4, 2, 0], "the other way round"),
        (checks.called_circles, [0, 1], "You count the strokes"),
        (checks.called_circles, [2, 4, 6], "too large by one"),
        (checks.called_circles, [6], "There is no picture 6"),
        (checks.called_circles, [1, 3], "right about 5 of the 6"),
    ],
)
def test_bets(says, check, bets, part):
    assert part in says(check, lambda: bets)


@pytest.mark.parametrize("bets", [[6, 4, 2, 1], list(np.array([1, 2, 4, 6])), [1.0, 2, 4, 6, 6]])
def test_the_right_bets(says, bets):
    assert says(checks.wrong_ones, lambda: bets).startswith("Correct.")


@pytest.mark.parametrize("check", [checks.wrong_ones, checks.called_circles, checks.fool], ids=lambda c: c.name)
def test_three_dots_are_not_solved_yet(says, check):
    assert says(check, lambda: None).startswith("Not solved yet")


# A picture that fools


def brushed(*places, radius=1.5):
    """What a reader paints on the pad: yellow on blue, straight from place to place."""
    cover = np.zeros((64, 64), np.float32)
    for start, end in zip(places, places[1:]):
        cover_line(cover, start, end, radius)
    return 0.2 + 0.6 * np.repeat(cover[None], 3, axis=0)


def octagon(corner):
    """A square of 32 pixels with corners cut off."""
    near, far = 16 + corner, 48 - corner
    right, left = [(16, far), (near, 48), (far, 48), (48, far)], [(48, near), (far, 16), (near, 16), (16, near)]
    return brushed((16, near), *right, *left)


CIRCLE_BY_HAND = draw(CIRCLE)
FOOL = {
    "Your colours come last": CIRCLE_BY_HAND.transpose(1, 2, 0),
    "a stack of one picture": CIRCLE_BY_HAND[None],
    "one number for each pixel": CIRCLE_BY_HAND[0],
    "has shape (3, 32, 32)": CIRCLE_BY_HAND[:, ::2, ::2],
    "not a number": np.full((3, 64, 64), np.nan),
    "Your largest is 255": np.round(255 * draw(CIRCLE, colour=(1, 1, 1))),
    "not centered": data.centered(CIRCLE_BY_HAND[None])[0],
    "all of one colour": np.full((3, 64, 64), 0.5),
    "I find no hole": draw(CROSS, turn=45),
    "is there a gap": brushed((20, 20), (20, 44), (44, 44), (44, 20)),
    "is it filled": draw(CIRCLE, radius=8, stroke=18),
    "does it leave the frame": draw(CIRCLE, y=56),
    "6 pixels high and 6 wide": draw(CIRCLE, radius=4, stroke=2),
    "is a rectangle": brushed((16, 16), (16, 48), (48, 48), (48, 16), (16, 16)),
    "A circle is as high as it is wide": brushed((32, 8), (24, 14), (24, 50), (32, 56), (40, 50), (40, 14), (32, 8)),
    "Not fooled: it says circle (100.0%)": CIRCLE_BY_HAND,
}


@pytest.mark.parametrize("part", FOOL)
def test_fool(says, part):
    line = says(checks.fool, lambda: FOOL[part])
    assert part.lower() in line.lower(), line


def staircase():
    """As the second hint begins it, painted on the pad."""
    corner = [(10, 40), (16, 40), (16, 48), (24, 48), (24, 54)]  # from the top to the right
    quarters = []
    for _ in range(4):
        quarters += corner
        corner = [(column, 64 - row) for row, column in corner]
    return brushed((10, 24), *quarters, (10, 24))


@pytest.mark.parametrize(
    "picture",
    [
        staircase(),
        CIRCLE_BY_HAND[:, ::4, ::4].repeat(4, 1).repeat(4, 2),
        np.kron(draw(CIRCLE, size=16, radius=5, stroke=1.5), np.ones((4, 4))),
        draw(CIRCLE, colour=(0.1, 0.5, 0.75)),
    ],
    ids=["staircase", "blocks", "enlarged", "pale"],
)
def test_a_picture_that_fools_it(says, picture):
    assert says(checks.fool, lambda: picture) == f"Correct. {checks.fool.praise}"


def test_a_picture_with_many_holes_is_judged_by_the_largest(says):
    picture = staircase()
    picture[:, 2:5, 2:5] = 0.8
    picture[:, 3, 3] = 0.2
    assert says(checks.fool, lambda: picture).startswith("Correct.")


def test_a_line_that_touches_only_by_its_corners_closes():
    picture = np.zeros((3, 64, 64), np.float32)
    places = [(20 + i, 32 + i) for i in range(13)] + [(32 + i, 44 - i) for i in range(13)]
    for row, column in places + [(row, 64 - column) for row, column in places]:
        picture[:, row, column] = 1
    assert checks.lesson_00._hole(picture).any()


def test_octagons_that_are_nearly_square_are_no_circles(says):
    assert "rectangle" in says(checks.fool, lambda: octagon(2))
    assert "Not fooled" in says(checks.fool, lambda: octagon(9))
