"""Race in a real browser."""

import re

import pytest
from in_lab import open_notebook, run_all, write_notebook

pytestmark = pytest.mark.browser

SETUP = """\
import numpy as np
from cnnlib.widgets import Race
def task(side=8):
    return (np.random.default_rng(0).random((1, side, side), np.float32),)
race = Race({"plus": lambda x: x + x, "times": lambda x: 2 * x}, task, work=np.size, side=(1, 16))
race"""


def test_sliders_boxes_and_button_answer(page, lab):
    """The slider moves by the keyboard and all run again; a box takes a runner out; the button takes new times."""
    write_notebook(lab, "race.ipynb", SETUP, "1")
    open_notebook(page, lab, "race.ipynb")
    assert run_all(page) == []
    page.get_by_text("Side 8: 64 multiply-adds. The same result from plus and times.").wait_for()
    tile, table = page.locator(".cnn-tiles canvas").first, page.locator(".cnn-explorer table").first
    assert re.findall("(plus|times)[0-9.]+ [mµ]?s", table.inner_text().replace("\t", "").replace("\n", ""))
    before = tile.evaluate("canvas => canvas.toDataURL()")
    page.locator(".widget-hslider .noUi-handle").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("Side 9: 81 multiply-adds.").wait_for()
    page.wait_for_function("([c, before]) => c.toDataURL() !== before", arg=[tile.element_handle(), before])

    page.get_by_label("plus", exact=True).uncheck()
    page.get_by_text("A result from times.").wait_for()
    assert "plus" not in table.inner_text()

    shown = set()
    for _ in range(20):  # no two runs take as long, to three digits; not at once twenty times
        page.get_by_role("button", name="Run again").click()
        page.wait_for_timeout(100)
        shown.add(table.inner_text())
    assert len(shown) > 1
    assert page.problems == []
