"""ConfusionExplorer in a real browser: a cell is clicked, and the images behind it come out."""

import pytest
from in_lab import ask, open_notebook, run_all, write_notebook

pytestmark = pytest.mark.browser

SETUP = """\
import numpy as np
from cnnlib import data
from cnnlib.widgets import ConfusionExplorer
images, truth = data.digits("test")
predicted = np.where(np.arange(1000) % 20 == 7, (truth + 1) % 10, truth)
explorer = ConfusionExplorer(images, truth, predicted)
explorer"""


def told(output, words):
    """Wait until the read-out says this."""
    output.locator("[role=status]", has_text=words).wait_for()


def test_click_a_cell_and_leaf_through_it(page, lab):
    write_notebook(lab, "confusion.ipynb", SETUP, "explorer")
    open_notebook(page, lab, "confusion.ipynb")
    assert run_all(page) == []
    first, second = (page.locator(".jp-CodeCell").nth(i).locator(".jp-OutputArea-output").first for i in range(2))
    table = first.locator("canvas[aria-label^='The table']")
    table.wait_for()
    before = table.screenshot()
    table.click(position={"x": 7 * 36 + 10, "y": 7 * 36 + 10})
    told(second, "that are 7,")
    count = ask(page, "int(explorer.table[7, 7])")
    first.get_by_text(f"7 taken for 7: {count}").wait_for()
    assert table.screenshot() != before
    shown = first.locator("canvas[aria-label^='no. ']")
    assert shown.count() == 25
    slider = first.locator(".widget-slider", has_text="page").locator("[role=slider]")
    slider.focus()
    page.keyboard.press("ArrowRight")
    first.locator(f"canvas[aria-label^='no. {ask(page, 'int(explorer.behind[25])')},']").wait_for()
    table.focus()
    page.keyboard.press("ArrowRight")
    told(first, "were taken for 8" if ask(page, "int(explorer.table[7, 8])") != 1 else "was taken for 8")
    assert ask(page, "[explorer.row, explorer.column, explorer.page]") == [7, 8, 0]
    assert page.problems == []
