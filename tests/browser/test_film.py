"""FilmExplorer in a real browser."""

import pytest
from in_lab import open_notebook, run_all, write_notebook

pytestmark = pytest.mark.browser

SETUP = """\
import numpy as np
from cnnlib import Conv2D, Flatten, Linear, Network, Recording, ReLU, train
from cnnlib.widgets import FilmExplorer
images = np.random.default_rng(0).random((32, 3, 16, 16), np.float32)
film = Recording(Network((3, 16, 16), [Conv2D(2, 3), ReLU(), Flatten(), Linear(2)]))
for step in film.watch(train(film.net, images, np.arange(32) % 2, iterations=5)):
    pass
FilmExplorer(film, images[0])"""


def test_the_film_follows_the_arrow_keys(page, lab):
    """The slider moves by the keyboard, and picture and read-out move with it."""
    write_notebook(lab, "film.ipynb", SETUP, "1")
    open_notebook(page, lab, "film.ipynb")
    assert run_all(page) == []
    page.get_by_text("After 0 iterations:").wait_for()
    tile = page.locator(".cnn-tiles canvas").first
    before = tile.evaluate("canvas => canvas.toDataURL()")
    page.locator(".widget-hslider .noUi-handle").click()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.get_by_text("After 3 iterations:").wait_for()
    page.wait_for_function("([c, before]) => c.toDataURL() !== before", arg=[tile.element_handle(), before])
    assert page.problems == []
