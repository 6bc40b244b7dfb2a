"""AttributionExplorer in a real browser: paint, and the map follows."""

import pytest
from in_lab import ask, open_notebook, run_all, write_notebook

pytestmark = pytest.mark.browser

SETUP = """\
import numpy as np
from cnnlib import Network, data, explain
from cnnlib.widgets import AttributionExplorer
net = Network.load(data.trained_network())
explorer = AttributionExplorer(net, data.draw(data.CIRCLE)[None])
explorer"""
RIGHT = (
    "(lambda x: bool(np.allclose(explorer.map, abs(explain.gradient_saliency(net, x, explorer.unit)[0]).max(0))))"
    "(data.centered(explorer.picture[None]))"
)


def drawn(canvas):
    return canvas.evaluate("c => c.toDataURL()")


def test_the_map_follows_the_brush(page, lab):
    write_notebook(lab, "attribution.ipynb", SETUP)
    open_notebook(page, lab, "attribution.ipynb")
    assert run_all(page) == []
    pad, map, lit = (page.locator(".cnn-tiles canvas").nth(i) for i in range(3))
    lit.wait_for()
    pad.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    before, words = [drawn(canvas) for canvas in (pad, map, lit)], page.locator("[role=status]")
    place, zoom = pad.bounding_box(), ask(page, "explorer.pad.zoom")
    page.mouse.move(place["x"] + 20 * zoom, place["y"] + 20 * zoom)
    page.mouse.down()
    page.mouse.move(place["x"] + 44 * zoom, place["y"] + 44 * zoom, steps=5)
    page.mouse.up()
    words.get_by_text("painted over").wait_for()
    page.wait_for_timeout(400)
    assert all(was != drawn(canvas) for was, canvas in zip(before, (pad, map, lit)))
    assert ask(page, f"[explorer.painted, {RIGHT}]") == [True, True]

    before = drawn(map)
    page.get_by_role("button", name="random").focus()
    page.keyboard.press("Enter")
    words.get_by_text("Its correlation with the map of the trained network is").wait_for()
    page.wait_for_timeout(300)
    assert drawn(map) != before and words.inner_text() == ask(page, "explorer.text")
    page.get_by_label("method").select_option("grad-cam")
    words.get_by_text("Grad-cam for").wait_for()
    assert page.problems == []
