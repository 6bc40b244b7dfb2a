"""Lesson 09: each mistake, written as a reader would, gets its message; right answers pass however they are written."""

import numpy as np
import pytest

from cnnlib import checks

# Guided backpropagation's gate

GUIDED = {
    "That is the true slope": lambda dy, x: np.where(x > 0, dy, 0),
    "That is the deconvnet": lambda dy, x: np.maximum(dy, 0),
    "if one of the two holds": lambda dy, x: np.where((x > 0) + (dy > 0), dy, 0),
    "not the number": lambda dy, x: np.where((x > 0) & (dy > 0), 1, 0),
    "What travels backwards is dy": lambda dy, x: np.where((x > 0) & (dy > 0), x, 0),
    "pass where it was shut": lambda dy, x: np.maximum(dy, 0) * (x < 0),
    "stop the positive ones": lambda dy, x: np.minimum(dy, 0) * (x > 0),
    "You make negative slopes positive": lambda dy, x: np.where(x > 0, abs(dy), 0),
    "two negatives make a positive": lambda dy, x: np.where(x * dy > 0, dy, 0),
    "no gate has stopped anything": lambda dy, x: dy.copy(),
}


@pytest.mark.parametrize("part", GUIDED)
def test_guided(says, part):
    assert part in says(checks.guided, GUIDED[part])


def by_number(dy, x):
    sent = np.zeros(dy.shape)
    for place in np.ndindex(dy.shape):
        if x[place] > 0 and dy[place] > 0:
            sent[place] = dy[place]
    return sent


@pytest.mark.parametrize("right", [by_number, lambda dy, x: np.where((x > 0) & (dy > 0), dy, 0)])
def test_a_right_guided(says, right):
    assert says(checks.guided, right).startswith("Correct.")


# Occlusion


def loops(square, fall, fresh=True):
    """Cover square after square; `square` says how, `fall` what is written down."""

    def occlusion(score, image, size):
        rows, columns = image.shape[1] // size, image.shape[2] // size
        falls, covered = np.zeros((rows, columns)), image.copy()
        for r in range(rows):
            for c in range(columns):
                covered = image.copy() if fresh else covered
                square(covered, r, c, size)
                falls[r, c] = fall(score(image), score(covered))
        return falls

    return occlusion


def cover(covered, r, c, size):
    covered[:, r * size : r * size + size, c * size : c * size + size] = 0


def fall(whole, left):
    return whole - left


def cover_first_depth(covered, r, c, size):
    covered[0, r * size : r * size + size, c * size : c * size + size] = 0


def cover_by_one_pixel(covered, r, c, size):
    covered[:, r : r + size, c : c + size] = 0


def cover_with_ones(covered, r, c, size):
    covered[:, r * size : r * size + size, c * size : c * size + size] = 1


def cover_the_rest(covered, r, c, size):
    kept = covered[:, r * size : r * size + size, c * size : c * size + size].copy()
    covered[:] = 0
    covered[:, r * size : r * size + size, c * size : c * size + size] = kept


def every_pixel(score, image, size):
    _, height, width = image.shape
    falls = []
    for top in range(height - size + 1):
        for left in range(width - size + 1):
            covered = image.copy()
            covered[:, top : top + size, left : left + size] = 0
            falls.append(score(image) - score(covered))
    return np.array(falls).reshape(height - size + 1, width - size + 1)


OCCLUSION = {
    "wrong way round": loops(cover, lambda whole, left: left - whole),
    "You return the score of the covered image": loops(cover, lambda whole, left: left),
    "You lose the sign": loops(cover, lambda whole, left: abs(left - whole)),
    "You leave out where the score rises": loops(cover, lambda whole, left: max(0, whole - left)),
    "the first depth only": loops(cover_first_depth, fall),
    "still covered": loops(cover, fall, fresh=False),
    "all but the square": loops(cover_the_rest, fall),
    "You cover with ones": loops(cover_with_ones, fall),
    "moves by one pixel": every_pixel,
    "begin at pixel 0, 1, 2": loops(cover_by_one_pixel, fall),
    "turned": lambda score, image, size: loops(cover, fall)(score, image, size).transpose(),
}


@pytest.mark.parametrize("part", OCCLUSION)
def test_occlusion(says, part):
    assert part in says(checks.occlusion, OCCLUSION[part])


def with_a_mask(score, image, size):
    _, height, width = image.shape
    rows, columns = np.arange(height) // size, np.arange(width) // size
    return np.array([
        [score(image) - score(np.where((rows == r)[:, None] & (columns == c), 0, image)) for c in range(width // size)]
        for r in range(height // size)
    ])  # fmt: skip


@pytest.mark.parametrize("right", [loops(cover, fall), with_a_mask])
def test_a_right_occlusion(says, right):
    assert says(checks.occlusion, right).startswith("Correct.")


def test_an_occlusion_that_covers_the_image_itself(says):
    def occlusion(score, image, size):
        whole, falls = score(image), np.zeros((image.shape[1] // size, image.shape[2] // size))
        for r, c in np.ndindex(falls.shape):
            cover(image, r, c, size)
            falls[r, c] = whole - score(image)
        return falls

    assert "changes its input image itself" in says(checks.occlusion, occlusion)


# Focus


def inside(glow, box):
    left, top, right, bottom = box
    return glow[top:bottom, left:right]


def mean_outside(glow, box):
    return (glow.sum() - inside(glow, box).sum()) / (glow.size - inside(glow, box).size)


FOCUS = {
    "share of all the glow": lambda glow, box: inside(glow, box).sum() / glow.sum(),
    "the mean outside of the box": lambda glow, box: inside(glow, box).mean() / mean_outside(glow, box),
    "columns for the rows": lambda glow, box: glow[box[0] : box[2], box[1] : box[3]].mean() / glow.mean(),
    "Your order of the box": lambda glow, box: glow[box[0] : box[1], box[2] : box[3]].mean() / glow.mean(),
    "upside down": lambda glow, box: glow.mean() / inside(glow, box).mean(),
    "the mean inside alone": lambda glow, box: inside(glow, box).mean(),
    "nothing to add": lambda glow, box: inside(glow, box + [0, 0, 1, 1]).mean() / glow.mean(),
    "nothing to take off": lambda glow, box: inside(glow, box - [0, 0, 1, 1]).mean() / glow.mean(),
    "a width and a height": lambda glow, box: inside(glow, [*box[:2], *(box[:2] + box[2:])]).mean() / glow.mean(),
    "You subtract": lambda glow, box: inside(glow, box).mean() - glow.mean(),
}


@pytest.mark.parametrize("part", FOCUS)
def test_focus(says, part):
    assert part in says(checks.focus, FOCUS[part])


def by_shares(glow, box):
    left, top, right, bottom = box
    area = (right - left) * (bottom - top) / glow.size
    return glow[top:bottom, left:right].sum() / glow.sum() / area


def test_a_right_focus(says):
    assert says(checks.focus, by_shares).startswith("Correct.")
