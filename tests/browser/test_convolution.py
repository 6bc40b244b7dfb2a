"""ConvolutionExplorer in a real browser: the window follows pointer and keys, and weights can be typed."""

import pytest
from in_lab import ask, open_notebook, run_all, write_notebook

pytestmark = pytest.mark.browser

SETUP = """\
import numpy as np
from cnnlib import data
from cnnlib.widgets import ConvolutionExplorer
explorer = ConvolutionExplorer([[0, 0, 9, 9]] * 4, [[-1, 0, 1]] * 3, padding="same")
explorer"""
PHOTOGRAPH = """\
large = ConvolutionExplorer(data.photograph(), [[-1, 0, 1]] * 3, padding="same", stride=2)
large"""


@pytest.fixture
def outputs(page, lab):
    """The explorer twice on a page, and one of a photograph."""
    write_notebook(lab, "convolution.ipynb", SETUP, "explorer", PHOTOGRAPH)
    open_notebook(page, lab, "convolution.ipynb")
    assert run_all(page) == []
    page.locator(".jp-OutputArea-output canvas").nth(20).wait_for()
    return [page.locator(".jp-CodeCell").nth(i).locator(".jp-OutputArea-output").first for i in range(3)]


def tile(output, caption):
    """The canvas whose caption begins so."""
    return output.locator(f"canvas[aria-label^='{caption}']").first


def at(canvas, row, column, zoom):
    """The middle of a cell, in pixels of the page."""
    place = canvas.bounding_box()
    return place["x"] + (column + 0.5) * zoom, place["y"] + (row + 0.5) * zoom


def told(page, output, words):
    """Wait until the read-out says this."""
    output.locator("[role=status]", has_text=words).wait_for()


def eventually(page, code, want):
    """Wait until the kernel answers as wanted."""
    for _ in range(100):
        if (told := ask(page, code)) == want:
            return
        page.wait_for_timeout(50)
    assert told == want


def test_drag_pick_and_keys(page, outputs):
    first, second, _ = outputs
    image, result = tile(first, "image"), tile(first, "map")
    before = image.screenshot()
    page.mouse.move(*at(image, 1, 1, 35))
    page.mouse.down()
    page.mouse.move(*at(image, 2, 2, 35))
    page.mouse.move(*at(image, 3, 3, 35))
    page.mouse.up()
    told(page, second, "0 + 0 + 9 + 0 + 0 + 9 + 0 + 0 + 9 = 27 at row 2, column 2")
    assert image.screenshot() != before
    page.keyboard.press("ArrowRight")
    told(page, first, "= -27 at row 2, column 3")
    page.keyboard.press("ArrowRight")  # there is no window further right
    eventually(page, "explorer.whole.picked", [0, 3, 4])
    page.keyboard.press("ArrowLeft")
    told(page, first, "= 27 at row 2, column 2")
    result.click(position={"x": 0.5 * 35, "y": 0.5 * 35})
    told(page, second, "= 0 at row 0, column 0")
    assert page.problems == []


def test_weights_and_settings(page, outputs):
    first = outputs[0]
    tile(first, "filter").click(position={"x": 20, "y": 20})
    weight = first.locator(".widget-text", has_text="weight").locator("input")
    page.wait_for_function("input => input.value === '-1'", arg=weight.element_handle())
    weight.fill("5")
    weight.press("Enter")
    eventually(page, "explorer.filter.tolist()", [[5, 0, 1], [-1, 0, 1], [-1, 0, 1]])
    result = tile(first, "map")
    before = result.screenshot()
    first.locator(".widget-hslider [role=slider]").focus()
    page.keyboard.press("ArrowLeft")
    eventually(page, "float(explorer.filter[0, 0])", 4.75)
    assert result.screenshot() != before
    first.get_by_label("preset").select_option("blur")
    told(page, first, "filter, blur, lies at 4 x 4 places")
    page.wait_for_timeout(300)  # the slider has no place for a ninth, and must not make a quarter or nothing of it
    assert ask(page, "explorer.preset") == "blur"
    ask(page, "for explorer.preset in ('sharpen', 'blur', 'emboss', 'Sobel x'): pass\n0")
    page.wait_for_timeout(300)  # nor may it be late
    assert ask(page, "explorer.preset") == "Sobel x"
    before = result.screenshot()
    first.get_by_label("map in greys").check()
    eventually(page, "explorer.greys", True)
    assert result.screenshot() != before
    first.get_by_label("preset").select_option("Sobel y")
    told(page, first, "filter, Sobel y, lies at 4 x 4 places")
    assert result.screenshot() != before
    page.mouse.move(*at(tile(first, "products"), 2, 1, 40))
    first.locator(".widget-html", has_text="0 × 2 = 0").wait_for()
    first.get_by_label("padding").select_option("valid")
    size = first.locator(".widget-text", has_text="size").locator("input")
    size.fill("5")
    size.press("Enter")
    told(page, first, "A window of size 5 does not fit into 4 x 4 pixels: at most 4 would.")
    assert page.problems == []


def test_on_a_photograph(page, outputs):
    large = outputs[2]
    image, close = tile(large, "image"), tile(large, "close-up of the image")
    before = close.screenshot()
    image.click(position={"x": 100, "y": 60})
    row, column = 36, 60  # of every second window; the picture is 210 pixels wide, with its frame 258
    told(page, large, f"at row {row}, column {column} of the map")
    assert close.screenshot() != before
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    told(page, large, f"at row {row + 1}, column {column + 1} of the map")
    caption = large.locator("figcaption", has_text="filter, depth 2")
    assert caption.locator("u").all_inner_texts() == ["filter", "depth"]
    assert caption.inner_text() == "filter, depth\xa02"  # a number stays with its axis
    assert page.problems == []
