"""The benchmark of the explorers: what it moves is there, and it works out its figures right. Times are not tested."""

import math

import pytest
from ipywidgets import IntSlider, Widget

from benchmarks import widgets as bench
from cnnlib import widgets


def parts(widget):
    return [widget, *(part for child in getattr(widget, "children", ()) for part in parts(child))]


@pytest.mark.parametrize("subject", bench.SUBJECTS, ids=lambda subject: subject.name)
def test_what_is_moved_is_there(subject):
    names = {}
    exec(bench.BEGIN + subject.setup, names)
    explorer = names["explorer"]
    assert isinstance(explorer, Widget) and type(explorer).__name__ == subject.name
    sliders = [bench.slider(part.description) for part in parts(explorer) if isinstance(part, IntSlider)]
    labels = [
        bench.canvas(f"{caption}, {height} by {width}")
        for tiles in widgets.explorer.tiles_in(explorer)
        for caption, (height, width) in zip(tiles.captions, tiles.sizes)
    ]
    for selector in filter(None, (subject.keys, subject.hover, subject.drag)):
        begin = selector.removesuffix("']")  # a canvas is named by how its label begins
        assert selector in sliders or any(label.startswith(begin) for label in labels)


def test_all_explorers_are_measured():
    made_of = {"Explorer", "FilmExplorer", "Tiles"}  # the film is timed in lesson 08, by its own tests
    made_of |= {"Measured", "Race"}  # a race takes as long as what it measures
    measured = {subject.name for subject in bench.SUBJECTS}
    assert {name for name in widgets.__all__ if name[0].isupper()} - made_of == measured


def test_figures():
    times = [*range(1, 20), 900.0]
    result = bench.summary("DrawPad", "brush", [None, *times], median=10, p95=19)
    assert [figure.value for figure in result.figures] == [10.5, 19]
    assert list(result.missed) == ["DrawPad, brush: median 10 ms (< 10)", "DrawPad, brush: 1 moves changed nothing"]
    assert str(result).split() == "brush median 10 ms (< 10) p95 19 ms (< 19)".split()


def test_no_answer_at_all_is_missed():
    result = bench.summary("DrawPad", "brush", [None, None], median=10)
    assert result.figures[0].value == math.inf and not result.figures[0].met


@pytest.mark.parametrize("value, met", [(19.9, False), (20, True), (25, True)])
def test_at_least(value, met):
    assert bench.Figure("frames", value, 20, " a second", least=True).met is met


def test_arrows_turn_back_where_there_is_no_more_room():
    subject = bench.Subject("any", "", reach=2)
    assert [key[5:] for key in bench.arrows(subject, 5)] == ["Right", "Right", "Left", "Left", "Right"]
