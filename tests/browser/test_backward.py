"""BackwardExplorer in a real browser: the hand points at outputs and at pixels, and the keys walk."""

import pytest
from in_lab import open_notebook, run_all, write_notebook

pytestmark = pytest.mark.browser

SETUP = """\
from cnnlib.widgets import BackwardExplorer
BackwardExplorer([[1, 2], [3, -4]], [[1, 2], [0, -1]])"""


def test_point_at_outputs_and_at_pixels(page, lab):
    write_notebook(lab, "backward.ipynb", SETUP)
    open_notebook(page, lab, "backward.ipynb")
    assert run_all(page) == []
    output = page.locator(".jp-OutputArea-output").first
    dy, dx = (output.locator(f"canvas[aria-label^='{name}']") for name in ("dy", "dx"))

    def told(words):
        output.locator("[role=status]", has_text=words).wait_for()

    dx.wait_for()
    told("The output at row 0, column 0 has the gradient 1.")
    dy.hover(position={"x": 72, "y": 72})  # a cell is 48 wide
    told("The output at row 1, column 1 has the gradient -4.")
    before = dx.bounding_box()
    dx.hover(position={"x": 72, "y": 72})
    told("The pixel at row 1, column 1 lies in 4 windows. It is sent 1 × (-1) + 2 × 0 + 3 × 2 + (-4) × 1 = 1.")
    assert dx.bounding_box() == before  # nothing moves under the hand
    dx.click(position={"x": 72, "y": 72})
    page.keyboard.press("ArrowDown")
    told("The pixel at row 2, column 1 lies in 2 windows.")
    assert page.problems == []
