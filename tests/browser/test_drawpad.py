"""DrawPad in a real browser: a shape is painted by mouse and by keys, and the network's answer follows."""

import pytest
from in_lab import ask, open_notebook, run_all, write_notebook

pytestmark = pytest.mark.browser

SETUP = """\
import numpy as np
from cnnlib import Conv2D, Flatten, Linear, Network, ReLU, data
from cnnlib.widgets import DrawPad
net, other = (Network((3, 32, 32), [Conv2D(2, 3), ReLU(), Flatten(), Linear(2)], seed=seed) for seed in (0, 1))
images = data.crosses_and_circles(3, np.random.default_rng(0), size=32, radius=(6, 10)).images
pad = DrawPad(net, images, other=other)
pad"""


@pytest.fixture
def pad(page, lab):
    """A notebook with the same pad twice on the page; the canvas of the first."""
    write_notebook(lab, "drawpad.ipynb", SETUP, "pad.clear()\npad")
    open_notebook(page, lab, "drawpad.ipynb")
    assert run_all(page) == []
    page.locator(".cnn-tiles canvas").nth(5).wait_for()
    canvas = page.locator(".cnn-tiles canvas").first
    canvas.scroll_into_view_if_needed()
    return canvas


def colour(canvas, row, column):
    """The colour of a pixel of the picture, above its middle, where no frame lies."""
    script = "(c, [x, y]) => [...c.getContext('2d').getImageData(x, y, 1, 1).data].slice(0, 3)"
    return canvas.evaluate(script, [10 * column + 5, 10 * row + 5])


def move(page, canvas, row, column):
    place = canvas.bounding_box()
    page.mouse.move(place["x"] + 10 * column + 5, place["y"] + 10 * row + 5, steps=4)


def answer(page):
    return page.locator("[role=status]").first.inner_text()


def wait_for_another_answer(page, before):
    page.wait_for_function("before => document.querySelector('[role=status]').innerText !== before", arg=before)


def test_paint_undo_and_load(page, pad):
    blank, before = colour(pad, 10, 10), answer(page)
    for row, columns in [(4, (4, 20)), (16, (4, 20))]:
        move(page, pad, row, columns[0])
        page.mouse.down()
        move(page, pad, row, columns[1])
        page.mouse.up()
    move(page, pad, 28, 28)
    wait_for_another_answer(page, before)
    twice = page.locator(".cnn-tiles canvas").nth(3)
    page.wait_for_timeout(300)
    assert [colour(canvas, row, 12) for canvas in (pad, twice) for row in (4, 16)] == 4 * [[240, 228, 66]]
    assert colour(pad, 10, 12) == blank == [0, 114, 178]
    assert answer(page) == ask(page, "pad.text")

    before = answer(page)
    page.get_by_role("button", name="Undo").first.click()
    wait_for_another_answer(page, before)
    page.wait_for_timeout(200)
    assert [colour(pad, row, 12) for row in (4, 16)] == [[240, 228, 66], blank]

    before = answer(page)
    page.locator(".widget-hslider", has_text="load image").first.locator(".noUi-handle").focus()
    page.keyboard.press("ArrowRight")
    wait_for_another_answer(page, before)
    assert ask(page, "[pad.example, bool((pad.image == images[1]).all())]") == [1, True]
    assert page.problems == []


def test_paints_with_the_keyboard_in_a_chosen_colour(page, pad):
    page.get_by_title("brush: orange").first.focus()
    page.keyboard.press("Enter")
    page.get_by_text("brush: orange").first.wait_for()
    pad.focus()
    page.keyboard.press("Shift+ArrowUp")  # from the middle, (16, 16)
    page.keyboard.down(" ")
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
    page.keyboard.up(" ")
    for _ in range(4):
        page.keyboard.press("ArrowUp")
    page.wait_for_timeout(500)
    assert ask(page, "[*pad.pad.picked, len(pad.past)]") == [0, 4, 10, 2]  # the stroke, and the clear before it
    assert [colour(pad, 8, column) for column in (10, 13, 16)] == 3 * [[230, 159, 0]]
    assert colour(pad, 8, 6) == [0, 114, 178]
    assert page.problems == []


def test_paints_where_the_page_is_selected(page, pad):
    """The browser would drag what is selected."""
    page.evaluate("getSelection().selectAllChildren(document.body)")
    move(page, pad, 6, 6)
    page.mouse.down()
    for row, column in [(6, 26), (26, 26)]:
        move(page, pad, row, column)
    page.mouse.up()
    page.wait_for_timeout(500)
    assert [colour(pad, *place) for place in [(6, 8), (6, 24), (24, 26)]] == 3 * [[240, 228, 66]]


def test_one_colour_is_ticked(page, pad):
    for name in ("orange", "green"):
        page.get_by_title(f"background: {name}").first.click()
        page.get_by_text(f"background: {name}").first.wait_for()
    ticked = page.locator("button[title^='background: ']", has_text="✓")
    assert [button.get_attribute("title") for button in ticked.all()] == 2 * ["background: green"]
    assert page.problems == []
