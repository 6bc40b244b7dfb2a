"""Tiles in a real browser: what is drawn, and what pointer, brush and keys tell Python."""

import pytest
from in_lab import ask, open_notebook, run_all, write_notebook

pytestmark = pytest.mark.browser

SETUP = """\
import numpy as np
from cnnlib.widgets import Tiles, box
tiles = Tiles(zoom=20)
tiles.show([np.arange(12.0).reshape(3, 4) - 4, np.zeros((3, 5, 6))], ["signed", "an image"], numbers=True, legend=True)
strokes = []
tiles.on_paint(strokes.extend)
tiles"""


@pytest.fixture
def tiles(page, lab):
    """A notebook with the same sheet twice on the page."""
    write_notebook(lab, "tiles.ipynb", SETUP, "tiles")
    open_notebook(page, lab, "tiles.ipynb")
    assert run_all(page) == []
    page.locator(".cnn-tiles canvas").nth(3).wait_for()
    return page.locator(".cnn-tiles canvas")


def colour(canvas, x, y):
    """The colour at a place given in CSS pixels."""
    script = "(c, [x, y]) => [...c.getContext('2d').getImageData(x, y, 1, 1).data].slice(0, 3)"
    return canvas.evaluate(script, [x, y])


def no_longer_green(page, canvas):
    script = "c => c.getContext('2d').getImageData(4, 4, 1, 1).data[1] < 255"
    page.wait_for_function(script, arg=canvas.element_handle())


def hover(page, canvas, row, column, zoom=20):
    place = canvas.bounding_box()
    page.mouse.move(place["x"] + (column + 0.5) * zoom, place["y"] + (row + 0.5) * zoom)


def eventually(page, code, want):
    """Wait until the kernel answers as wanted."""
    for _ in range(50):
        if (told := ask(page, code)) == want:
            return
        page.wait_for_timeout(50)
    assert told == want


def test_draws_on_one_signed_scale(page, tiles):
    least, nil, most = (colour(tiles.first, 20 * column + 2, 20 * row + 2) for row, column in [(0, 0), (1, 0), (2, 3)])
    assert least[2] > least[0] and most[0] > most[2]  # blue below zero, red above
    assert min(nil) > 240
    assert colour(tiles.nth(1), 50, 50) == [0, 0, 0]
    assert page.locator(".cnn-legend").first.inner_text().split() == ["-7", "7"]
    assert page.problems == []


def test_redraws_in_both_copies(page, tiles):
    ask(page, "tiles.show([np.ones((2, 2, ))], ['ones'])\n0")
    page.wait_for_function("document.querySelectorAll('.cnn-tiles canvas').length === 2")
    assert page.locator(".cnn-tiles figcaption").all_inner_texts() == ["ones", "ones"]
    assert page.problems == []


def test_draws_only_what_has_changed(page, tiles):
    """A tile that is marked by hand keeps its mark until something of its own is new."""
    mark = "c => { c.getContext('2d').fillStyle = '#0f0'; c.getContext('2d').fillRect(0, 0, 9, 9); }"
    green = [0, 255, 0]
    for i in (0, 1):
        tiles.nth(i).evaluate(mark)
    ask(page, "tiles.boxes = [box(0, 1, 1, 1, 1)]\n0")
    no_longer_green(page, tiles.first)
    assert colour(tiles.nth(1), 4, 4) == green
    tiles.first.evaluate(mark)
    ask(page, "tiles.captions = ['signed', 'a picture']\n0")
    no_longer_green(page, tiles.nth(1))
    assert colour(tiles.first, 4, 4) == green
    ask(page, "tiles.show([-tiles.arrays[0], tiles.arrays[1]], tiles.captions, numbers=True)\n0")
    no_longer_green(page, tiles.first)
    assert page.problems == []


def test_a_tile_is_one_layer(page, tiles):
    """The browser puts the page together from layers; edges and captions with layers of their own are slow."""
    devtools, told = page.context.new_cdp_session(page), []
    devtools.on("LayerTree.layerTreeDidChange", lambda event: told.append(event.get("layers")))
    for domain in ("DOM", "LayerTree"):
        devtools.send(f"{domain}.enable")

    def layers():
        told.clear()
        ask(page, "tiles.show([np.eye(3)] * len(tiles.arrays), map(str, range(len(tiles.arrays))))\n0")
        page.wait_for_timeout(500)
        return len([shown for shown in told if shown][-1])

    few = layers()
    ask(page, "tiles.show([np.eye(3)] * 6)\n0")
    assert layers() - few == 2 * (6 - 2)  # in each of the two copies
    assert page.problems == []


def test_nothing_of_jupyterlab_is_drawn_anew_for_a_move(page, tiles):
    """The kernel is busy and idle again with each move; what would tell so in the toolbar and the tab is off."""
    assert page.locator(".jp-NotebookPanel-toolbar [data-jp-item-name=kernelName]").count() == 1
    assert page.locator(".jp-NotebookPanel-toolbar [data-jp-item-name=executionProgress]").count() == 0
    assert not page.evaluate("jupyterapp.isPluginActivated('@jupyterlab/application-extension:faviconbusy')")
    assert page.evaluate("jupyterapp.isPluginActivated('@jupyterlab/application-extension:main')")


def test_hover_and_leave(page, tiles):
    hover(page, tiles.first, 2, 1)
    eventually(page, "tiles.hovered", [0, 2, 1])
    hover(page, tiles.nth(1), 4, 5)
    eventually(page, "tiles.hovered", [1, 4, 5])
    page.mouse.move(5, 5)
    eventually(page, "tiles.hovered", [])
    assert page.problems == []


def test_click_then_arrow_keys_stay_inside(page, tiles):
    hover(page, tiles.first, 1, 1)
    page.mouse.down()
    page.mouse.up()
    eventually(page, "tiles.picked", [0, 1, 1])
    for key in ["ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight"]:
        page.keyboard.press(key)
    eventually(page, "tiles.picked", [0, 2, 2])
    assert page.problems == []


def test_a_stroke_has_no_gaps_however_fast(page, tiles):
    ask(page, "tiles.pointer = 'paint'\n0")
    hover(page, tiles.nth(1), 0, 0)
    page.mouse.down()
    hover(page, tiles.nth(1), 4, 4)
    hover(page, tiles.nth(1), 4, 0)
    page.mouse.up()
    eventually(page, "strokes", [[1, i, i] for i in range(5)] + [[1, 4, i] for i in (3, 2, 1, 0)])
    assert page.problems == []


def test_each_stroke_says_that_it_began(page, tiles):
    ask(page, "tiles.pointer = 'paint'\nbegan = []\ntiles.on_paint(lambda _: began.append(tiles.stroke['began']))\n0")
    for row in (0, 2):
        hover(page, tiles.nth(1), row, 0)
        page.mouse.down()
        page.mouse.up()
    page.keyboard.down(" ")  # where the pointer came down last
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.up(" ")
    page.keyboard.press("ArrowRight")
    eventually(page, "tiles.picked", [1, 3, 2])
    eventually(page, "strokes", [[1, 0, 0], [1, 2, 0], [1, 2, 0], [1, 3, 0], [1, 3, 1]])
    eventually(page, "sum(began)", 3)
    assert page.problems == []


def test_the_arrow_keys_are_the_controls_own(page, lab):
    """In command mode the notebook takes them, unless it is kept from it: the focus must stay, and the choice move."""
    source = """\
import ipywidgets as W
from cnnlib.widgets import Explorer, Tiles
class Choice(Explorer):
    text = "a choice"
choice = W.Dropdown(options=[0, 1, 2])
tiles = Tiles()
tiles.show([[[0.0, 1.0]]])
Choice(choice, tiles)"""
    write_notebook(lab, "keys.ipynb", source, "1")
    open_notebook(page, lab, "keys.ipynb")
    assert run_all(page) == []
    page.locator(".cnn-explorer canvas").wait_for()
    page.locator(".cnn-explorer select").focus()
    for key in ["ArrowDown", "ArrowDown", "ArrowUp"]:
        page.keyboard.press(key)
    eventually(page, "choice.value", 1)
    assert page.evaluate("document.activeElement.tagName") == "SELECT"
    assert page.problems == []
