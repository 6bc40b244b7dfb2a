"""GradientLab in a real browser: pick a number by hand and by key, turn h, and see marks, chord and words follow."""

import pytest
from in_lab import ask, open_notebook, run_all, write_notebook

pytestmark = pytest.mark.browser

SETUP = """\
import numpy as np
from cnnlib import ReLU, Conv2D
from cnnlib.widgets import GradientLab
lab = GradientLab(Conv2D(2, 3), np.random.default_rng(0).standard_normal((1, 1, 5, 5)))
lab"""
KINK = "relu = GradientLab(ReLU(), [[[[1.0, 0.03, -1.0]]]])\nrelu"


@pytest.fixture
def outputs(page, lab):
    """A convolution's lab, the same once more, and a ReLU's."""
    write_notebook(lab, "gradients.ipynb", SETUP, "lab", KINK)
    open_notebook(page, lab, "gradients.ipynb")
    assert run_all(page) == []
    page.get_by_role("status").nth(2).wait_for()
    return [page.locator(".jp-OutputArea-output").nth(i) for i in range(3)]


def slider(output, name):
    label = output.get_by_text(name, exact=True).filter(visible=True)
    return label.locator("xpath=..").get_by_role("slider")


def cell(canvas, row, column, of):
    """The middle of a cell, for the mouse."""
    place = canvas.bounding_box()
    return {"x": (column + 0.5) * place["width"] / of, "y": (row + 0.5) * place["width"] / of}


def test_pick_by_click_by_arrow_key_and_by_number(page, outputs):
    first, other = (output.get_by_role("status") for output in outputs[:2])
    canvas = outputs[0].get_by_role("img", name="w: filter 0, depth 0")
    corner = "c => [...c.getContext('2d').getImageData(2, 2, 1, 1).data]"
    boxed = canvas.evaluate(corner)
    canvas.click(position=cell(canvas, 1, 2, of=3))
    first.get_by_text("w[0, 0, 1, 2] is").wait_for()
    assert canvas.evaluate(corner) != boxed  # the box has gone from there
    page.keyboard.press("ArrowDown")
    first.get_by_text("w[0, 0, 2, 2] is").wait_for()
    other.get_by_text("w[0, 0, 2, 2] is").wait_for()
    slider(outputs[0], "number").focus()
    page.keyboard.press("ArrowRight")
    first.get_by_text("w[1, 0, 0, 0] is").wait_for()
    outputs[0].get_by_role("img", name="w: filter 1, depth 0").wait_for()
    outputs[0].get_by_role("button", name="x").click()
    first.get_by_text("x[0, 0, 0, 0] is").wait_for()
    assert ask(page, "[lab.name, *lab.index]") == ["x", 0, 0, 0, 0]
    assert page.problems == []


def test_the_step_moves_the_marks_and_the_chord_over_the_kink(page, outputs):
    status = outputs[2].get_by_role("status")
    canvas = outputs[2].get_by_role("img", name="x: image 0, depth 0")
    canvas.click(position=cell(canvas, 0, 1, of=3))
    status.get_by_text("as good as straight within h of it").wait_for()
    slider(outputs[2], "h").focus()
    for _ in range(8):  # four to a power of ten
        page.keyboard.press("ArrowRight")
    status.get_by_text("Central difference with h = 0.1").wait_for()
    status.get_by_text(
        "The loss bends within h of it, so the chord is not the tangent: relative error 0.35."
    ).wait_for()
    outputs[2].get_by_role("img", name="Relative error over the step h, in float64 and float32; h is 0.1").wait_for()
    assert ask(page, "relu.errors['float64']") == pytest.approx(1 - 0.13 / 0.2)
    assert page.problems == []
