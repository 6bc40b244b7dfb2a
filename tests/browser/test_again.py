"""Every explorer of the gallery, after its cells are run a second time, and once more with the kernel started anew."""

import pytest
from in_lab import open_notebook, run_all

pytestmark = pytest.mark.browser

RESTART = "() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
LOOK = """(explorer) => {
    const pictures = [...explorer.querySelectorAll("canvas")].map((canvas) => canvas.toDataURL());
    return [explorer.innerText, ...pictures].join();
}"""


def answers(page, explorer):
    """Whether anything on it changes when the hand is at its first slider, or else at its first tile."""
    sliders, tiles = (explorer.locator(f"{kind}:visible") for kind in (".noUi-handle", "canvas"))
    control = (sliders if sliders.count() else tiles).first
    before = explorer.evaluate(LOOK)
    control.hover()
    for key in ("ArrowRight", "ArrowLeft"):  # the other way, for one that stands at its end
        control.press(key)
        for _ in range(20):
            page.wait_for_timeout(50)
            if explorer.evaluate(LOOK) != before:
                return True
    return False


def test_explorers_answer_when_run_again(page, lab):
    open_notebook(page, lab, "13_try_explorers.ipynb")
    assert run_all(page) == []
    explorers = page.locator(".cnn-explorer")
    many = explorers.count()
    for kernel in ("the same", "a new one"):
        if kernel == "a new one":
            page.evaluate(RESTART)
        assert run_all(page) == []
        assert explorers.count() == many > 14
        assert [i for i in range(many) if not answers(page, explorers.nth(i))] == []
    assert page.problems == []
