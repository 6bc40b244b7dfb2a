"""ShapeLedger in a real browser: choose a layer, turn its controls, break the stack and mend it, all by keyboard."""

import re

import pytest
from in_lab import open_notebook, run_all, write_notebook

pytestmark = pytest.mark.browser

SETUP = """\
from cnnlib.widgets import ShapeLedger
ledger = ShapeLedger()
ledger"""


@pytest.fixture
def ledger(page, lab):
    """A notebook with the same ledger twice on the page; the first of the two."""
    write_notebook(lab, "ledger.ipynb", SETUP, "ledger")
    open_notebook(page, lab, "ledger.ipynb")
    assert run_all(page) == []
    page.get_by_role("table").nth(1).wait_for()
    return page.locator(".jp-OutputArea-output").first


def slider(ledger, name):
    label = ledger.get_by_text(name, exact=True).filter(visible=True)
    return label.locator("xpath=..").get_by_role("slider")


def test_choose_and_change_a_layer_with_the_keyboard(page, ledger):
    status, picture = ledger.get_by_role("status"), ledger.get_by_role("img", name="Conv2D: 3 x 32 x 32")
    narrow = picture.bounding_box()["width"]
    ledger.get_by_role("listbox").focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    status.get_by_text("Layer 3, Conv2D(filters=3, size=3)").wait_for()
    slider(ledger, "filters").focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    status.get_by_text("Layer 3, Conv2D(filters=23, size=3): 23 x 32 x 32, 1,058 parameters").wait_for()
    assert ledger.get_by_role("img", name="Conv2D: 23 x 32 x 32").bounding_box()["width"] > narrow + 10
    other = page.locator(".jp-OutputArea-output").nth(1)
    assert other.get_by_role("status").inner_text() == status.inner_text()
    assert "Conv2D(filters=23, size=3)" in ledger.locator("pre").inner_text()
    assert page.problems == []


def test_break_the_stack_and_mend_it(page, ledger):
    status = ledger.get_by_role("status")
    ledger.get_by_role("listbox").select_option(index=6)
    status.get_by_text("Layer 6, Flatten()").wait_for()
    ledger.get_by_role("button", name="remove").focus()
    page.keyboard.press("Enter")
    red = status.get_by_text("This does not fit: layer 6, Linear(outputs=2)")
    red.wait_for()
    colour = red.evaluate("e => getComputedStyle(e).color")
    r, g, b, *_ = map(float, re.findall(r"\d[\d.]*", colour))
    assert r > 3 * max(g, b), colour
    assert ledger.get_by_role("row").count() == 11  # the head, the input, eight layers as they last fitted, the total
    ledger.get_by_role("button", name="up").click()
    status.get_by_text("This does not fit: layer 5, Linear(outputs=2)").wait_for()
    ledger.get_by_role("button", name="down").click()
    red.wait_for()
    ledger.get_by_role("listbox").select_option(index=5)
    ledger.get_by_role("button", name="+ Flatten").click()
    status.get_by_text("Layer 6, Flatten(): 768").wait_for()
    assert red.count() == 0
    assert page.problems == []
