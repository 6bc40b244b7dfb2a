"""LocalizeExplorer in a real browser: drag the shape, by hand and with the keyboard, and the box follows."""

import pytest
from in_lab import ask, open_notebook, run_all, write_notebook

pytestmark = pytest.mark.browser

SETUP = """\
import numpy as np
from cnnlib import Network, data
from cnnlib.widgets import LocalizeExplorer
bare = data.Scenes(np.full((2, 3, 128, 128), 0.2, np.float32), [[], []], [[], []])
explorer = LocalizeExplorer(Network.load(data.detector()), bare)
explorer"""
FRAME = "(c, [x, y]) => Array.from(c.getContext('2d').getImageData(x, y, 1, 1).data).slice(0, 3)"


def test_drag_and_the_box_follows(page, lab):
    write_notebook(lab, "localize.ipynb", SETUP, "explorer")
    open_notebook(page, lab, "localize.ipynb")
    assert run_all(page) == []
    scene = page.locator("canvas[aria-label^='scene 0']").first
    scene.wait_for()
    scene.scroll_into_view_if_needed()
    zoom, place = ask(page, "explorer.pad.zoom"), scene.bounding_box()
    page.mouse.move(place["x"] + 64 * zoom, place["y"] + 64 * zoom)
    page.mouse.down()
    page.mouse.move(place["x"] + 40.5 * zoom, place["y"] + 80.5 * zoom, steps=8)
    page.mouse.up()
    page.get_by_text("row 80, column 40").first.wait_for()
    page.wait_for_timeout(300)
    left, top, right, bottom = ask(page, "explorer.found.boxes[0].tolist()")
    assert abs((left + right) / 2 - 40.5) < 5 and abs((top + bottom) / 2 - 80.5) < 5
    assert ask(page, "explorer.recall") == 1
    red, _, blue = scene.evaluate(FRAME, [round(left * zoom), round((top + 4) * zoom)])
    assert red > blue + 100  # the orange of a cross, on a grey ground

    scene.focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("row 80, column 44").first.wait_for()
    slider = page.locator(".widget-hslider", has_text="threshold").first.locator(".noUi-handle")
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("Threshold 0.51").first.wait_for()
    assert page.locator("[role=status]").first.inner_text() == ask(page, "explorer.text")
    assert page.problems == []
