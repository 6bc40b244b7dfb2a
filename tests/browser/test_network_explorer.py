"""NetworkExplorer in a real browser: point at a number of any layer, hold it, and change the image."""

import pytest
from in_lab import ask, open_notebook, run_all, write_notebook

pytestmark = pytest.mark.browser

SETUP = """\
import numpy as np
from cnnlib import Conv2D, Flatten, Linear, MaxPool2D, Network, ReLU, data
from cnnlib.widgets import NetworkExplorer
net = Network((3, 64, 64), [
    Conv2D(5, 3), ReLU(), MaxPool2D(2), Conv2D(3, 3), ReLU(), MaxPool2D(2), Flatten(), Linear(2)
])
images, labels, _ = data.crosses_and_circles(8, np.random.default_rng(0))
explorer = NetworkExplorer(net, data.centered(images), labels, ["cross", "circle"], before=0 * net.weights)
explorer"""


@pytest.fixture
def explorer(page, lab):
    """A notebook with the same explorer twice on the page."""
    write_notebook(lab, "network.ipynb", SETUP, "explorer")
    page.set_viewport_size({"width": 1280, "height": 1400})
    open_notebook(page, lab, "network.ipynb")
    assert run_all(page) == []
    page.locator(".jp-Cell").nth(1).locator("canvas[aria-label^='for circle, 16']").wait_for()
    return page.locator(".jp-Cell").first


def words(page, explorer, text):
    """Wait until the read-out holds this text."""
    explorer.locator("[role=status]", has_text=text).wait_for(timeout=5_000)


def pixels(canvas):
    return canvas.evaluate("c => c.toDataURL()")


def changed(page, canvas, before):
    page.wait_for_function("([c, before]) => c.toDataURL() !== before", arg=[canvas.element_handle(), before])


def hover(page, canvas, row, column, zoom):
    place = canvas.bounding_box()
    page.mouse.move(place["x"] + (column + 0.5) * zoom, place["y"] + (row + 0.5) * zoom)


def test_point_click_and_arrow_keys(page, explorer):
    image = explorer.locator("canvas[aria-label^='image 0']")
    maps = explorer.locator("canvas[aria-label='map 1, 32 by 32']")
    assert maps.count() == 3  # of layers 2, 3 and 4
    before = pixels(image)
    hover(page, maps.nth(1), 9, 12, zoom=2)
    words(page, explorer, "Layer 3, Conv2D, map 1, row 9, column 12")
    changed(page, image, before)  # a frame around what the number sees
    assert ask(page, "explorer.unit") == [3, 1, 9, 12]
    page.mouse.down()
    page.mouse.up()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    words(page, explorer, "Layer 3, Conv2D, map 1, row 10, column 20")
    hover(page, maps.nth(0), 3, 4, zoom=2)
    words(page, explorer, "Layer 2, MaxPool2D, map 1, row 3, column 4: the largest of 4 numbers")
    page.mouse.move(5, 5)
    words(page, explorer, "Layer 3, Conv2D, map 1, row 10, column 20")  # which is held
    words(page, page.locator(".jp-Cell").nth(1), "row 10, column 20")  # and so in the other copy
    assert page.problems == []


def test_the_whole_network_is_on_one_screen(page, explorer):
    """On a projector a unit of the last layer and what it sees of the image are seen together."""
    page.set_viewport_size({"width": 1280, "height": 720})
    heads = explorer.locator(".cnn-column")
    assert heads.count() == 9  # the image, and eight layers
    places = [heads.nth(i).bounding_box() for i in range(9)]
    assert {place["y"] for place in places} == {places[0]["y"]}  # in one line
    tall = max(place["height"] for place in places)
    assert tall < page.locator(".jp-WindowedPanel-outer").bounding_box()["height"]


def test_controls(page, explorer):
    first = explorer.locator("canvas[aria-label='map 0, 64 by 64']").first
    before = pixels(first)
    explorer.locator("[role=slider]").first.focus()
    page.keyboard.press("ArrowRight")
    words(page, explorer, "Image 1:")
    changed(page, first, before)
    before = pixels(first)
    explorer.get_by_role("button", name="gradients").click()
    words(page, explorer, "Gradient: the logit of")
    changed(page, first, before)
    explorer.get_by_role("button", name="before").click()
    words(page, explorer, "Before training, the network says cross 50.0%")
    explorer.locator("select").select_option("circle")
    words(page, explorer, "Evidence for circle: 0 + 0 + 0 + bias 0 = 0")
    assert ask(page, "[explorer.image, explorer.show, explorer.weights, explorer.chosen]") == [
        1,
        "gradients",
        "before",
        1,
    ]
    assert page.problems == []
