"""EvidenceExplorer in a real browser: paint on the picture, point at a weight, and the sums follow."""

import pytest
from in_lab import ask, open_notebook, run_all, write_notebook

pytestmark = pytest.mark.browser

SETUP = """\
import numpy as np
from cnnlib import Flatten, Linear, Network
from cnnlib.widgets import EvidenceExplorer
net = Network((1, 16, 16), [Flatten(), Linear(2)])
images = np.zeros((3, 1, 16, 16), np.float32)
images[1, 0, 4:8], images[2, 0, :, 9] = 1, 0.5
explorer = EvidenceExplorer(net, images, ["cross", "circle"])
explorer"""


@pytest.fixture
def canvases(page, lab):
    """A notebook with the same scales twice on the page; picture, weights and evidence for each class."""
    write_notebook(lab, "evidence.ipynb", SETUP, "explorer")
    open_notebook(page, lab, "evidence.ipynb")
    assert run_all(page) == []
    canvases = page.locator(".cnn-tiles canvas")
    canvases.nth(9).wait_for()
    canvases.first.scroll_into_view_if_needed()
    return canvases


def move(page, canvas, row, column, zoom):
    place = canvas.bounding_box()
    page.mouse.move(place["x"] + (column + 0.5) * zoom, place["y"] + (row + 0.5) * zoom, steps=3)


def grey(canvas, row, column, zoom):
    """How light a pixel of the picture is."""
    script = "(c, [x, y]) => c.getContext('2d').getImageData(x, y, 1, 1).data[0]"
    return canvas.evaluate(script, [int((column + 0.5) * zoom), int((row + 0.5) * zoom)])


def words(page):
    return page.locator("[role=status]").first.inner_text()


def wait_for_other_words(page, before):
    page.wait_for_function("before => document.querySelector('[role=status]').innerText !== before", arg=before)


def test_paint_point_and_leaf_through(page, canvases):
    zoom, small = ask(page, "[explorer.pad.zoom, explorer.scales[0].zoom]")
    before = words(page)
    move(page, canvases.first, 12, 2, zoom)
    page.mouse.down()
    move(page, canvases.first, 12, 11, zoom)
    page.mouse.up()
    wait_for_other_words(page, before)
    page.wait_for_timeout(300)
    assert [grey(canvases.nth(i), 12, 7, zoom) for i in (0, 5)] == [255, 255]
    lit = "abs(explorer.logits - net.forward(explorer.picture[None])[0]).max() < 1e-5"
    assert ask(page, f"[bool({lit}), float(explorer.picture[0, 11:14, 2:12].min())]") == [True, 1]

    move(page, canvases.nth(3), 12, 5, small)  # the weights for a circle
    page.get_by_text("The pixel in row 12, column 5 is 1: it adds").first.wait_for()
    assert words(page) == ask(page, "explorer.text")

    before = words(page)
    page.locator(".widget-hslider", has_text="image").first.locator(".noUi-handle").focus()
    page.keyboard.press("ArrowRight")
    wait_for_other_words(page, before)
    page.wait_for_timeout(300)
    assert [grey(canvases.first, row, 3, zoom) for row in (12, 5)] == [0, 255]
    assert page.problems == []


def test_rub_out_with_the_keyboard(page, canvases):
    zoom = ask(page, "explorer.pad.zoom")
    ask(page, "explorer.image = explorer.thickness = 1\n0")
    page.get_by_role("button", name="dark").first.focus()
    page.keyboard.press("Enter")
    canvases.first.focus()
    for _ in range(3):  # from the middle, (8, 8)
        page.keyboard.press("ArrowUp")
    page.keyboard.press(" ")
    page.wait_for_timeout(400)
    assert [grey(canvases.first, 5, column, zoom) for column in (7, 8 + 2)] == [255, 255]
    assert ask(page, "np.argwhere(explorer.picture[0] != images[1, 0]).tolist()") == [[5, 8]]
    page.get_by_role("button", name="As it was").first.click()
    page.wait_for_timeout(300)
    assert ask(page, "explorer.painted") is False
    assert page.problems == []
