"""Every lesson, opened in JupyterLab in a real browser and run from top to bottom."""

import pytest
from in_lab import ROOT, open_notebook, run_all

NOTEBOOKS = ROOT / "notebooks"
pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", [path.name for path in sorted(NOTEBOOKS.glob("*.ipynb"))])
def test_lesson_runs(page, lab, name):
    open_notebook(page, lab, name)
    assert run_all(page) == []
    assert page.problems == []


def test_the_film_follows_the_arrow_keys(page, lab):
    """Lesson 08: the slider moves by the keyboard, and picture and read-out move with it."""
    open_notebook(page, lab, "08_train_network.ipynb")
    assert run_all(page) == []
    words = page.get_by_text("After 0 iterations:").last
    words.scroll_into_view_if_needed()
    picture = page.locator(".cnn-tiles canvas").last
    before = picture.evaluate("canvas => canvas.toDataURL()")
    page.locator(".widget-hslider .noUi-handle").last.click()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.get_by_text("After 3 iterations:").wait_for()
    page.wait_for_function(
        "([canvas, before]) => canvas.toDataURL() !== before", arg=[picture.element_handle(), before]
    )
    assert page.problems == []
