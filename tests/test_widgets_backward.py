"""BackwardExplorer, driven from Python: what it says and shows is what a loop over windows makes of dy."""

import numpy as np
import pytest
import traitlets

from cnnlib.widgets import BackwardExplorer

DY = np.array([[1, 2], [3, -4]])
FILTER = np.array([[1, 2], [0, -1]])


@pytest.fixture
def explorer():
    return BackwardExplorer(DY, FILTER)


def landed(dy, filter, stride):
    size = len(filter)
    dx = np.zeros([(n - 1) * stride + size for n in dy.shape])
    for r, c in np.ndindex(dy.shape):
        dx[r * stride : r * stride + size, c * stride : c * stride + size] += dy[r, c] * filter
    return dx


def test_by_hand(explorer):
    np.testing.assert_array_equal(explorer.dx, [[1, 4, 4], [3, 1, -10], [0, -3, 4]])
    explorer.row, explorer.column = 1, 0
    np.testing.assert_array_equal(explorer.sent, [[0, 0, 0], [3, 6, 0], [0, -3, 0]])
    assert explorer.text.startswith("The output at row 1, column 0 has the gradient 3.")
    explorer.pixel = 1, 1
    assert explorer.terms == [(1, -1), (2, 0), (3, 2), (-4, 1)]
    told = "lies in 4 windows. It is sent 1 × (-1) + 2 × 0 + 3 × 2 + (-4) × 1 = 1."
    assert told in explorer.text and explorer.text in explorer.words.value
    assert explorer.figure().alt == explorer.text


@pytest.mark.parametrize("rows, columns, size, stride", [(4, 5, 3, 1), (3, 2, 3, 2), (3, 4, 2, 3), (1, 1, 1, 1)])
def test_all_that_is_sent_adds_up_to_all_that_arrives(rng, rows, columns, size, stride):
    dy, filter = rng.normal(size=(rows, columns)), rng.normal(size=(size, size))
    explorer = BackwardExplorer(dy, filter, stride)
    np.testing.assert_allclose(explorer.dx, landed(dy, filter, stride), atol=1e-5)
    total = np.zeros(explorer.dx.shape)
    for explorer.row, explorer.column in np.ndindex(dy.shape):
        total += explorer.sent
    np.testing.assert_allclose(explorer.dx, total, atol=1e-5)
    for place in np.ndindex(explorer.dx.shape):
        explorer.pixel = place
        assert sum(d * w for d, w in explorer.terms) == pytest.approx(explorer.dx[place], abs=1e-5)


def test_the_hand_points_at_outputs_and_at_pixels(explorer):
    explorer.given.hovered = (0, 0, 1)
    assert (explorer.row, explorer.column, explorer.looked_at) == (0, 1, "map")
    explorer.sum.picked = (0, 2, 2)
    assert explorer.pixel == (2, 2) and explorer.looked_at == "image"
    assert explorer.given.boxes[0]["top"] == 1 and len(explorer.given.boxes) == 1
    explorer.given.picked = (0, 1, 1)
    assert explorer.looked_at == "map" and explorer.share.boxes[0]["top"] == 1


def test_what_is_not_there(explorer):
    for name, value in [("row", 2), ("column", -1), ("pixel", (3, 0)), ("pixel", (1,))]:
        with pytest.raises(traitlets.TraitError, match=name):
            setattr(explorer, name, value)
    with pytest.raises(ValueError, match="dy must be"):
        BackwardExplorer(np.zeros(3), FILTER)
    with pytest.raises(ValueError, match="filter must be"):
        BackwardExplorer(DY, np.zeros((2, 3)))
