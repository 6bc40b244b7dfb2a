"""ConfusionExplorer, driven from Python: it counts what plain loops count, and opens the images that belong there."""

import numpy as np
import pytest
import traitlets
from ipywidgets import HTML, IntSlider

from cnnlib.widgets import ConfusionExplorer


def every(widget, kind):
    """All widgets of a kind inside another."""
    found = [widget] if isinstance(widget, kind) else []
    return found + [inner for child in getattr(widget, "children", ()) for inner in every(child, kind)]


@pytest.fixture
def answers(rng):
    truth, predicted = rng.integers(0, 4, (2, 90))
    return rng.random((90, 1, 7, 5)), truth, predicted


@pytest.fixture
def explorer(answers):
    return ConfusionExplorer(*answers, names=["ant", "bee", "cat", "dog"])


def test_by_hand():
    images = np.zeros((6, 3, 4, 4))
    explorer = ConfusionExplorer(images, [0, 0, 1, 2, 2, 2], [0, 1, 1, 2, 1, 1])
    np.testing.assert_array_equal(explorer.table, [[1, 1, 0], [0, 1, 0], [0, 2, 1]])
    assert (explorer.row, explorer.column) == (2, 1)  # the commonest mistake
    assert explorer.text == "3 of 6 are right (50.0%). Of the 3 that are 2, 2 were taken for 1: nos. 4, 5."
    explorer.row, explorer.column = 0, 1
    assert explorer.text == "3 of 6 are right (50.0%). Of the 2 that are 0, 1 was taken for 1: no. 1."
    explorer.column = 2
    assert explorer.text == "3 of 6 are right (50.0%). Of the 2 that are 0, 0 were taken for 2."
    assert explorer.gallery.sizes == []
    assert repr(explorer) == f"ConfusionExplorer: {explorer.text}"


def test_each_cell_counts_and_opens_its_own(explorer, answers):
    images, truth, predicted = answers
    for row in range(4):
        for column in range(4):
            explorer.row, explorer.column = row, column
            mine = [i for i in range(90) if truth[i] == row and predicted[i] == column]
            assert explorer.table[row, column] == len(mine)
            assert explorer.behind.tolist() == mine
            assert explorer.gallery.captions == [f"no. {i}" for i in mine]
            np.testing.assert_allclose(np.array(explorer.gallery.arrays), images[mine], rtol=1e-6)
            name = f"{explorer.names[row]} taken for {explorer.names[column]}: {len(mine)}"
            assert any(name in words.value for words in every(explorer, HTML))
            assert explorer.text in explorer.words.value


def test_zeros_are_empty_and_the_rest_is_written(explorer):
    written = np.array(explorer.sheet.numbers[0]).reshape(4, 4)
    for text, count in zip(written.flat, explorer.table.flat):
        assert text == (str(count) if count else "")


def test_the_hand_picks_a_cell(explorer):
    explorer.sheet.picked = (0, 3, 2)
    assert (explorer.row, explorer.column) == (3, 2)
    assert explorer.sheet.boxes[0] | {"colour": ""} == {
        "tile": 0, "top": 3, "left": 2, "height": 1, "width": 1, "colour": "", "dashed": False,
    }  # fmt: skip
    explorer.column = 0
    assert explorer.sheet.picked == (0, 3, 0)


def test_pages():
    explorer = ConfusionExplorer(np.zeros((60, 1, 3, 3)), np.zeros(60, int), np.r_[np.zeros(58, int), 1, 1])
    assert (explorer.row, explorer.column, explorer.pages) == (0, 1, 1)
    (slider,) = every(explorer, IntSlider)
    assert slider.layout.visibility == "hidden"
    explorer.column = 0
    assert (explorer.pages, slider.max, slider.layout.visibility) == (3, 2, "visible")
    shown = []
    for page in range(3):
        slider.value = page
        assert explorer.page == page
        shown += explorer.gallery.captions
    assert shown == [f"no. {i}" for i in range(58)]
    explorer.column = 1
    assert (explorer.page, slider.value, explorer.pages) == (0, 0, 1)


@pytest.mark.parametrize("name, value, message", [
    ("row", 4, "row must be 0 to 3, not 4"), ("column", -1, "column must be 0 to 3, not -1"),
    ("page", 1, "page must be 0 to 0, not 1"),
])  # fmt: skip
def test_refuses_settings(explorer, name, value, message):
    shown = explorer.text
    with pytest.raises(traitlets.TraitError, match=message):
        setattr(explorer, name, value)
    assert explorer.text == shown


@pytest.mark.parametrize("images, truth, predicted, names, message", [
    (np.zeros((2, 5, 5)), [0, 1], [0, 1], None, r"images must be \(n, 1 or 3, height, width\), not \(2, 5, 5\)"),
    (np.zeros((2, 2, 5, 5)), [0, 1], [0, 1], None, r"not \(2, 2, 5, 5\)"),
    (np.zeros((0, 1, 5, 5)), [], [], None, r"not \(0, 1, 5, 5\)"),
    (np.zeros((2, 1, 5, 5)), [0, 1, 2], [0, 1], None, r"truth must be a row of 2, one for each image, not of shape"),
    (np.zeros((2, 1, 5, 5)), [0, 1], [[0, 1]], None, "predicted must be a row of 2"),
    (np.zeros((2, 1, 5, 5)), [0, -1], [0, 1], None, "truth must be 0 or more, not -1"),
    (np.zeros((2, 1, 5, 5)), [0, 1], [0, 2], ["a", "b"], "names must be at least 3"),
])  # fmt: skip
def test_refuses_arrays(images, truth, predicted, names, message):
    with pytest.raises(ValueError, match=message):
        ConfusionExplorer(images, truth, predicted, names)


def test_refuses_probabilities():
    with pytest.raises(TypeError, match="predicted must be whole numbers, not float64"):
        ConfusionExplorer(np.zeros((2, 1, 5, 5)), [0, 1], [0.2, 0.9])


def test_images_of_any_kind(rng):
    classes = np.array([0, 1])
    large = ConfusionExplorer(rng.random((2, 3, 256, 200)), classes, classes[::-1])
    assert large.gallery.sizes == [[64, 50]] and large.gallery.zoom == 1
    centred = ConfusionExplorer(np.array([-0.5, 0.5]).reshape(2, 1, 1, 1) * np.ones((2, 1, 4, 4)), classes, classes)
    assert {float(a.mean()) for a in centred.gallery.arrays} == {0}  # what is most negative is black
    images = np.full((2, 1, 4, 4), np.nan)
    assert "32 of these are not numbers" not in ConfusionExplorer(images, classes, classes).words.value
    lost = ConfusionExplorer(images, classes, classes)
    lost.row = lost.column = 1
    assert "16 of these are not numbers (NaN): they are grey." in lost.words.value
    whole = ConfusionExplorer(np.ones((2, 1, 4, 4), int), classes, classes, ["a", "b", "never"])
    assert whole.table.shape == (3, 3)


def test_all_right(rng):
    explorer = ConfusionExplorer(rng.random((20, 1, 5, 5)), np.arange(20) % 2, np.arange(20) % 2)
    assert explorer.text.startswith("20 of 20 are right (100.0%).")
    assert explorer.figure().alt == explorer.text


def test_names_are_words_not_html(answers):
    explorer = ConfusionExplorer(*answers, names=["<b>ant</b>", "bee", "cat", "dog"])
    assert not any("<b>ant</b>" in words.value for words in every(explorer, HTML))
