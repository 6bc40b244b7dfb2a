"""PoolingExplorer, driven from Python: what it says and shows is what plain loops make of the map."""

import numpy as np
import pytest
import traitlets
from ipywidgets import BoundedIntText

from cnnlib.widgets import PoolingExplorer

MAP = np.array([[1, 3, 0, 0], [2, 9, 0, 5], [4, 4, 7, 6], [4, 0, 8, 1]])
EDGE = np.array([[-1, 0, 1]] * 3)


def blocks(array, size, stride):
    """Each block: (row, column) of the pooled map, (row, column) of its top left corner, its numbers."""
    height, width = array.shape
    for r, top in enumerate(range(0, height - size + 1, stride)):
        for c, left in enumerate(range(0, width - size + 1, stride)):
            yield (r, c), (top, left), array[top : top + size, left : left + size]


def pooled(array, size, stride):
    found = {place: block.max() for place, _, block in blocks(array, size, stride)}
    return np.array(list(found.values())).reshape(np.add(list(found)[-1], 1))


def landed(array, gradient, size, stride):
    """Each gradient, laid on the first of the largest numbers of its block."""
    dx = np.zeros(array.shape)
    for place, (top, left), block in blocks(array, size, stride):
        row, column = divmod(int(block.argmax()), size)
        dx[top + row, left + column] += gradient[place]
    return dx


def slid(image, filter):
    """The map of a filter, without padding."""
    size, (height, width) = len(filter), image.shape[-2:]
    image = image.reshape(-1, height, width)
    return np.array([
        [(image[:, r : r + size, c : c + size] * filter).sum() for c in range(width - size + 1)]
        for r in range(height - size + 1)
    ])  # fmt: skip


def moved(image, down, right):
    """One pixel at a time; the edge is repeated."""
    out = np.empty_like(image)
    for r, c in np.ndindex(image.shape[-2:]):
        out[..., r, c] = image[..., max(r - down, 0), max(c - right, 0)]
    return out


def control(explorer, name):
    """The control that says this before it."""
    every = [explorer]
    for widget in every:
        every += getattr(widget, "children", ())
    return next(widget for widget in every if getattr(widget, "description", "") == name)


@pytest.fixture
def explorer():
    return PoolingExplorer(MAP)


def test_by_hand(explorer):
    np.testing.assert_array_equal(explorer.pooled, [[9, 5], [4, 8]])
    explorer.row, explorer.column = 0, 1
    np.testing.assert_array_equal(explorer.block, [[0, 0], [0, 5]])
    assert (explorer.largest, explorer.winner) == (5, (1, 3))
    assert explorer.text == (
        "In the block at row 0, column 1, the largest of 0, 0, 0, 5 is 5, at row 1, column 3 of the map. "
        "Blocks are 2 x 2, 2 apart: 2 x 2 of them lie on the map of 4 x 4."
    )
    explorer.row, explorer.column = 1, 0
    assert explorer.winner == (2, 0)
    assert "the largest of 4, 4, 4, 0 is 4, at row 2, column 0 of the map. 3 are equally large: the first takes" in (
        explorer.text
    )
    assert explorer.text in explorer.words.value and repr(explorer) == f"PoolingExplorer: {explorer.text}"
    assert explorer.figure().alt == explorer.text


@pytest.mark.parametrize("shape", [(7, 9), (1, 9, 6), (4, 8, 8)])
@pytest.mark.parametrize("size, stride", [(2, 2), (3, 3), (3, 2), (2, 1), (2, 3), (1, 1)])
def test_every_block_forward_and_backward(rng, shape, size, stride):
    maps = rng.integers(-3, 4, shape)  # with many ties
    explorer = PoolingExplorer(maps, size=size, stride=stride)
    for index, array in enumerate(maps.reshape(-1, *shape[-2:])):
        explorer.map = index
        np.testing.assert_array_equal(explorer.pooled, pooled(array, size, stride))
        gradient = rng.integers(-5, 6, explorer.pooled.shape)
        explorer.gradient = gradient
        np.testing.assert_allclose(explorer.landed, landed(array, gradient, size, stride), atol=1e-5)
        for (row, column), (top, left), block in blocks(array, size, stride):
            explorer.row, explorer.column = row, column
            np.testing.assert_array_equal(explorer.block, block)
            first = divmod(int(block.argmax()), size)
            assert explorer.winner == (top + first[0], left + first[1])


def test_winners_are_shown(explorer):
    np.testing.assert_array_equal(explorer.wins.arrays[0], [[0, 0, 0, 0], [0, 9, 0, 5], [4, 0, 0, 0], [0, 0, 8, 0]])
    assert explorer.wins.captions == ["winners: 4 of 16 pixels"]
    assert [n for n in explorer.wins.numbers[0] if n] == ["9", "5", "4", "8"]
    np.testing.assert_array_equal(explorer.values.arrays[0], MAP)
    np.testing.assert_array_equal(explorer.pools.arrays[0], [[9, 5], [4, 8]])
    explorer.row, explorer.column = 1, 1
    np.testing.assert_array_equal(explorer.cells.arrays[0], [[7, 6], [8, 1]])
    places = [[frame[name] for name in ("top", "left", "height", "width")] for frame in explorer.values.boxes]
    assert places == [[2, 2, 2, 2], [3, 2, 1, 1]]


def test_gradients_add_where_blocks_overlap(explorer):
    control(explorer, "stride").value = 1
    control(explorer, "mode").value = "backward"
    explorer.row, explorer.column = 1, 0
    np.testing.assert_array_equal(explorer.gradient, [[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    np.testing.assert_array_equal(explorer.landed, [[0, 0, 0, 0], [0, 12, 0, 3], [7, 0, 6, 0], [0, 0, 17, 0]])
    assert explorer.text == (
        "The gradient 4 of the block at row 1, column 0 lands at row 1, column 1 of the map, on the largest of "
        "2, 9, 4, 4. That is the largest of 4 blocks, and gradients add: 1 + 2 + 4 + 5 = 12. "
        "Blocks are 2 x 2, 1 apart, so they overlap: 3 x 3 of them lie on the map of 4 x 4."
    )
    np.testing.assert_array_equal(explorer.wins.arrays[0], explorer.landed)
    np.testing.assert_array_equal(explorer.pools.arrays[0], explorer.gradient)
    assert explorer.shifters.layout.display == "none"


def test_many_gradients_are_told_in_short():
    maps = np.zeros((2, 7, 7))
    maps[:, 3, 3] = [1, 2]
    explorer = PoolingExplorer(maps, size=4, stride=1)
    explorer.mode = "backward"
    assert "of 16 numbers. That is the largest of 16 blocks" in explorer.text
    assert "gradients add: 1 + 2 + 3 + 4 + 5 + 6 + ... + 16 = 136. Blocks" in explorer.text
    explorer.size = 8
    explorer.map = 1  # another map, in blocks of the size before
    assert explorer.largest == 2 and "does not fit" in explorer.words.value


def test_a_tie_sends_the_whole_gradient_to_the_first():
    explorer = PoolingExplorer(np.full((2, 2), 5.0))
    explorer.mode = "backward"
    explorer.gradient = [[-0.5]]
    np.testing.assert_array_equal(explorer.landed, [[-0.5, 0], [0, 0]])
    assert "The gradient -0.50 of" in explorer.text and "4 are equally large: the first takes it all." in explorer.text


@pytest.mark.parametrize("down, right", [(0, 1), (1, 0), (2, 4), (3, 3), (8, 0)])
@pytest.mark.parametrize("size, stride", [(2, 2), (3, 2)])
@pytest.mark.parametrize("depth", [(), (3,)])
def test_a_shift_moves_the_map_and_not_the_pooled_map(rng, down, right, size, stride, depth):
    image = rng.integers(0, 9, (*depth, 14, 15)).astype(float)
    explorer = PoolingExplorer(image, EDGE, size=size, stride=stride)
    control(explorer, "shift down").value, control(explorer, "shift right").value = down, right
    before, after = slid(image, EDGE), slid(moved(image, down, right), EDGE)
    height, width = before.shape
    same = [before[r - down, c - right] == after[r, c] for r in range(down, height) for c in range(right, width)]
    assert all(same) and explorer.map_changes == (0, len(same))
    was, now = pooled(before, size, stride), pooled(after, size, stride)
    compared = [was[r, c] != now[r, c] for r, c in np.ndindex(was.shape) if r * stride >= down and c * stride >= right]
    assert explorer.pooled_changes == (sum(compared), len(compared))
    told = f"0 of {len(same)} numbers of the map differ. Of the pooled map, {sum(compared)} of {len(compared)} differ"
    assert told in explorer.text
    whole = down % stride == 0 and right % stride == 0
    r, c = down // stride, right // stride
    assert explorer.text.endswith(f"put back by whole blocks, 0 of {was[r:, c:].size}.") == whole
    np.testing.assert_array_equal(explorer.shifted_values.arrays[0], after)
    np.testing.assert_array_equal(explorer.shifted_pools.arrays[0], now)
    explorer.right = explorer.down = 0
    assert "Shifted" not in explorer.text and explorer.map_changes[0] == 0
    assert explorer.shifted_values.sizes == explorer.pooled_difference.sizes == []


def test_pooling_is_not_shift_invariant(explorer):
    explorer.right = 1
    assert explorer.pooled_changes == (1, 2)  # of 0, 0, 0, 5 it was 5, of 3, 0, 9, 0 it is 9; and 8 stays
    np.testing.assert_array_equal(explorer.pooled_difference.arrays[0], [[4], [0]])
    assert "Shifted by 1 to the right." in explorer.text


def test_the_hand_picks_blocks(explorer):
    explorer.values.picked = (0, 3, 1)
    assert (explorer.row, explorer.column) == (1, 0)
    explorer.pools.picked = (0, 0, 1)
    assert (explorer.row, explorer.column) == (0, 1)
    tile, row, column = explorer.values.picked
    explorer.values.picked = (tile, row + explorer.values.step, column)  # as the arrow key does
    assert (explorer.row, explorer.column) == (1, 1)
    explorer.values.picked = (0, 3, 3)
    assert explorer.values.picked == (0, 2, 2)


@pytest.mark.parametrize("size, stride", [(2, 1), (3, 2), (4, 1), (2, 3), (5, 5), (1, 1)])
def test_arrow_keys_go_from_block_to_block(rng, size, stride):
    explorer = PoolingExplorer(rng.random((17, 17)), size=size, stride=stride)
    for row in range(1, len(explorer.pooled)):
        tile, r, c = explorer.values.picked
        explorer.values.picked = (tile, r + explorer.values.step, c)
        assert explorer.row == row


def test_large_maps_show_winners_in_a_close_up(rng):
    explorer = PoolingExplorer(rng.random((3, 256, 200)), np.ones((3, 3)))
    explorer.row, explorer.column = 60, 20
    want = np.zeros(explorer.maps[0].shape, np.float32)
    for _, (top, left), block in blocks(explorer.maps[0], 2, 2):
        row, column = divmod(int(block.argmax()), 2)
        want[top + row, left + column] = block.max()
    np.testing.assert_array_equal(explorer.wins.arrays[0], want[112:129, 32:49])
    explorer.wins.picked = (0, 0, 0)
    assert (explorer.row, explorer.column) == (56, 16)


def test_what_does_not_fit_is_told_and_changes_nothing(explorer):
    shown = explorer.text
    control(explorer, "block size").value = 5
    assert "A window of size 5 does not fit into 4 x 4 pixels: at most 4 would." in explorer.words.value
    assert explorer.text == shown and explorer.size == 5
    explorer.row = 1
    assert "does not fit" in explorer.words.value
    explorer.size = 3
    assert "does not fit" not in explorer.words.value
    told = "Stride 2 does not come out even: it leaves out the last row and the last column."
    assert told in explorer.words.value
    assert (explorer.row, explorer.pooled.shape) == (0, (1, 1))


@pytest.mark.parametrize("name, value, message", [
    ("row", 2, "row must be 0 to 1, not 2"), ("column", -1, "column must be 0 to 1, not -1"),
    ("map", 1, "map must be 0 to 0, not 1"), ("size", 0, "size"), ("stride", 9, "stride"), ("right", -1, "right"),
    ("mode", "sideways", "mode"),
])  # fmt: skip
def test_refuses_settings(explorer, name, value, message):
    shown = explorer.text
    with pytest.raises(traitlets.TraitError, match=message):
        setattr(explorer, name, value)
    assert explorer.text == shown


def test_refuses_arrays(explorer):
    with pytest.raises(ValueError, match=r"volume must be \(height, width\) or \(depth, height, width\), not \(3,\)"):
        PoolingExplorer(np.zeros(3))
    with pytest.raises(ValueError, match="A window of size 3 does not fit into 2 x 5"):
        PoolingExplorer(np.zeros((2, 5)), size=3)
    with pytest.raises(ValueError, match="as deep as the image, 1, not 2"):
        PoolingExplorer(np.zeros((5, 5)), np.zeros((2, 3, 3)))
    with pytest.raises(ValueError, match="a window of size 3 does not fit"):
        PoolingExplorer(np.zeros((2, 5)), EDGE)
    with pytest.raises(ValueError, match=r"gradient must have the pooled map's shape, \(2, 2\), not \(3,\)"):
        explorer.gradient = [1, 2, 3]


@pytest.mark.parametrize("value", [0, -7, np.nan, np.inf])
def test_odd_numbers(value):
    image = np.ones((6, 8))
    image[2, 2] = value
    for filter in (None, EDGE):
        explorer = PoolingExplorer(image, filter)
        explorer.right = 1
        assert explorer.map_changes[0] == 0
        explorer.mode = "backward"
        explorer.row = 1
        assert ("not numbers (NaN): they are grey." in explorer.text) == np.isnan(explorer.maps).any()
    constant = PoolingExplorer(np.full((6, 8), value))
    assert constant.winner == (0, 0)


def test_controls_show_the_settings_from_the_start(rng):
    explorer = PoolingExplorer(rng.random((2, 9, 9)), size=3, stride=2)
    names = ("block size", "stride", "mode", "shift right", "shift down", "map, depth")
    assert [control(explorer, name).value for name in names] == [3, 2, "forward", 0, 0, 0]
    assert isinstance(control(explorer, "map, depth"), BoundedIntText)
    control(explorer, "map, depth").value = 1
    np.testing.assert_array_equal(explorer.pooled, pooled(explorer.maps[1], 3, 2))
    assert explorer.values.captions == ["map, depth 1: height 9, width 9"]
