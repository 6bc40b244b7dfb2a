"""VolumeExplorer in a real browser: pick a number, walk on by keyboard, choose a filter, cut off what is negative."""

import pytest
from in_lab import ask, open_notebook, run_all, write_notebook

pytestmark = pytest.mark.browser

SETUP = """\
import numpy as np
from cnnlib.widgets import VolumeExplorer
rng = np.random.default_rng(0)
explorer = VolumeExplorer(rng.random((3, 20, 20)), rng.standard_normal((3, 3, 3, 3)), [0, 0.5, -4])
explorer"""
STATE = "[explorer.filter, explorer.row, explorer.column, explorer.relu]"


@pytest.fixture
def explorer(page, lab):
    """A notebook with the same explorer twice on the page; the first of the two."""
    write_notebook(lab, "volume.ipynb", SETUP, "explorer")
    open_notebook(page, lab, "volume.ipynb")
    assert run_all(page) == []
    page.locator(".jp-OutputArea-output").nth(1).get_by_role("img", name="filter 2, 20 by 20").wait_for()
    return page.locator(".jp-OutputArea-output").first


def colour(canvas, x, y):
    """The colour of a canvas at a place, in its own pixels."""
    return canvas.evaluate("(c, [x, y]) => [...c.getContext('2d').getImageData(x, y, 1, 1).data]", [x, y])


def test_pick_walk_choose_and_cut(page, explorer):
    status, last = explorer.get_by_role("status"), explorer.get_by_role("img", name="filter 2, 20 by 20")
    patch = explorer.get_by_role("img", name="patch 0, 3 by 3")
    before = patch.screenshot()
    last.click(position={"x": 12, "y": 52})  # 5 screen pixels a cell
    status.get_by_text("Filter 2 at row 10, column 2:").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    status.get_by_text("Filter 2 at row 11, column 10:").wait_for()
    assert ask(page, STATE) == [2, 11, 10, False] and patch.screenshot() != before
    total = ask(page, "float(explorer.total)")
    circles = explorer.get_by_role("img", name="circles for channels").locator("text")
    assert float(circles.nth(5).inner_html()) == pytest.approx(total, abs=0.006)

    explorer.get_by_role("button", name="1", exact=True).focus()
    page.keyboard.press("Enter")
    status.get_by_text("Filter 1 at row 11, column 10:").wait_for()
    pale = colour(last, 97, 97)
    explorer.get_by_role("checkbox", name="ReLU").focus()
    page.keyboard.press("Space")
    status.get_by_text("after ReLU").wait_for()
    page.wait_for_function("([c, was]) => String(c.getContext('2d').getImageData(97, 97, 1, 1).data) !== was",
                           arg=[last.element_handle(), ",".join(map(str, pale))])  # fmt: skip
    assert max(colour(last, 97, 97)[:3]) < 10  # a bias of -4 leaves next to nothing: black
    assert ask(page, STATE) == [1, 11, 10, True]
    assert page.locator(".jp-OutputArea-output").nth(1).get_by_role("status").inner_text() == status.inner_text()
    assert page.problems == []


def test_columns_of_tiles_and_circles_are_in_line(page, explorer):
    circles = [c.bounding_box() for c in explorer.locator("circle").all()]
    rows = [explorer.get_by_role("img", name=f"slice {d}, 3 by 3").bounding_box() for d in range(3)]
    maps = [explorer.get_by_role("img", name=f"filter {f}, 20 by 20").bounding_box() for f in range(3)]
    for circle, tile in zip(circles, rows + maps, strict=True):
        assert abs(circle["y"] + circle["height"] / 2 - tile["y"] - tile["height"] / 2) < 6
    channel = explorer.get_by_role("img", name="depth 1, 20 by 20")
    channel.hover(position={"x": 12, "y": 13})
    page.mouse.down()
    page.mouse.move(channel.bounding_box()["x"] + 87, channel.bounding_box()["y"] + 8)
    page.mouse.up()
    explorer.get_by_role("status").get_by_text("at row 1, column 17:").wait_for()
    assert page.problems == []
