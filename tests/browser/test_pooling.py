"""PoolingExplorer in a real browser: blocks are picked, the image is shifted, gradients go back."""

import pytest
from in_lab import open_notebook, run_all, write_notebook

pytestmark = pytest.mark.browser

SETUP = """\
import numpy as np
from cnnlib import data
from cnnlib.widgets import PoolingExplorer
explorer = PoolingExplorer([[1, 3, 0, 0], [2, 9, 0, 5], [4, 4, 7, 6], [4, 0, 8, 1]])
explorer"""
PHOTOGRAPH = """\
large = PoolingExplorer(data.photograph(), [[-1, 0, 1]] * 3)
large"""


@pytest.fixture
def outputs(page, lab):
    """The explorer twice on a page, and one of a photograph."""
    write_notebook(lab, "pooling.ipynb", SETUP, "explorer", PHOTOGRAPH)
    open_notebook(page, lab, "pooling.ipynb")
    assert run_all(page) == []
    outputs = [page.locator(".jp-CodeCell").nth(i).locator(".jp-OutputArea-output").first for i in range(3)]
    tile(outputs[2], "block").wait_for()
    return outputs


def tile(output, caption):
    """The canvas whose caption begins so."""
    return output.locator(f"canvas[aria-label^='{caption}']").first


def told(output, words):
    """Wait until the read-out says this."""
    output.locator("[role=status]", has_text=words).wait_for()


def test_pick_blocks_and_send_gradients_back(page, outputs):
    first, second, _ = outputs
    pools = tile(first, "pooled")
    before = pools.screenshot()
    tile(first, "map").click(position={"x": 100, "y": 60})  # a cell is 48 wide
    told(second, "In the block at row 0, column 1, the largest of 0, 0, 0, 5 is 5")
    assert pools.screenshot() != before
    page.keyboard.press("ArrowDown")
    told(first, "In the block at row 1, column 1, the largest of 7, 6, 8, 1 is 8")
    pools.click(position={"x": 10, "y": 10})
    told(first, "In the block at row 0, column 0")
    first.get_by_label("mode").select_option("backward")
    told(second, "The gradient 1 of the block at row 0, column 0 lands at row 1, column 1 of the map")
    tile(first, "where the gradients land").wait_for()
    size = first.locator(".widget-text", has_text="block size").locator("input")
    size.fill("5")
    size.press("Enter")
    told(first, "A window of size 5 does not fit into 4 x 4 pixels: at most 4 would.")
    assert page.problems == []


def test_shift_a_photograph(page, outputs):
    large = outputs[2]
    image = tile(large, "image")
    image.wait_for()
    slider = large.locator(".widget-slider", has_text="shift right").locator("[role=slider]")
    slider.focus()
    page.keyboard.press("ArrowRight")
    told(large, "Shifted by 1 to the right. Put back, 0 of 64,262 numbers of the map differ.")
    shifted = tile(large, "image, shifted")
    assert shifted.screenshot() != image.screenshot()
    page.keyboard.press("ArrowLeft")
    shifted.wait_for(state="detached")
    assert page.problems == []
