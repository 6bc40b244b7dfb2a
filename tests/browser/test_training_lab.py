"""TrainingLab in a real browser: it trains before your eyes, and meanwhile answers to the hand."""

import pytest
from in_lab import ask, open_notebook, run_all, write_notebook

pytestmark = pytest.mark.browser

SETUP = """\
import time
import numpy as np
from cnnlib import Adam, Conv2D, Flatten, Linear, MaxPool2D, Network, ReLU, data, train
from cnnlib.widgets import TrainingLab

def make_network(filters=5, size=3, init="he"):
    return Network((3, 64, 64), [
        Conv2D(filters, size, init=init), ReLU(), MaxPool2D(2), Conv2D(3, 3), ReLU(), MaxPool2D(2),
        Flatten(), Linear(2)], seed=0)

shapes = data.crosses_and_circles(300, np.random.default_rng(0))
images, labels = data.centered(shapes.images), shapes.labels
lab = TrainingLab(make_network, (images, labels), iterations=5_000)
lab"""
COUNT = """() => {
    window.frames = new Set();  // those in which a picture was drawn
    const pen = CanvasRenderingContext2D.prototype, put = pen.putImageData;
    pen.putImageData = function (...what) {
        frames.add(document.timeline.currentTime);
        put.apply(this, what);
    };
    addEventListener("click", () => { window.clicked = Date.now() / 1000; }, true);
}"""


@pytest.fixture
def first(page, lab):
    """A notebook with the same lab twice on the page; the first of the two."""
    write_notebook(lab, "training.ipynb", SETUP, "lab")
    open_notebook(page, lab, "training.ipynb")
    assert run_all(page) == []
    page.get_by_role("status").nth(1).wait_for()
    return page.locator(".jp-OutputArea-output").first


def until(page, code):
    """Wait until the kernel says so."""
    for _ in range(200):
        if ask(page, code):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never: {code}")


def test_plays_answers_meanwhile_pauses_and_goes_back(page, first):
    status, canvas = first.get_by_role("status"), first.locator("canvas")
    maps = canvas.nth(6)
    before = maps.evaluate("canvas => canvas.toDataURL()")
    ask(page, "stepped = []\nlab.observe(lambda change: stepped.append(time.time()), 'iteration')\n0")
    page.evaluate(COUNT)
    first.get_by_role("button", name="Play").click()
    until(page, "lab.iteration > 10")
    for _ in range(3):
        page.keyboard.press("Tab")  # past Step and Reset
    page.keyboard.press("ArrowRight")
    until(page, "lab.learning_rate > 0.02")
    began, frames = ask(page, "[lab.iteration, time.time()]"), page.evaluate("frames.size")
    page.wait_for_timeout(2000)
    ended, shown = ask(page, "[lab.iteration, time.time()]"), page.evaluate("frames.size") - frames
    first.get_by_role("button", name="Pause").click()
    first.get_by_role("button", name="Play").wait_for()
    assert maps.evaluate("canvas => canvas.toDataURL()") != before
    stopped = ask(page, "lab.iteration")
    status.get_by_text(f"After {stopped} of 5000 iterations: loss").wait_for()
    late = ask(page, "stepped[-1]") - page.evaluate("clicked")
    unwatched = ask(
        page,
        """\
t = time.perf_counter()
done = sum(1 for step in train(make_network(), images, labels, iterations=100, optimizer=Adam(0.02)))
done / (time.perf_counter() - t)""",
    )
    speed = (ended[0] - began[0]) / (ended[1] - began[1])
    print(f"{shown / (ended[1] - began[1]):.0f} frames a second; {speed:.0f} iterations a second, unwatched "
          f"{unwatched:.0f}; the last step {1000 * late:.0f} ms after Pause was pressed")  # fmt: skip
    assert ask(page, "lab.iteration") == stopped

    now = maps.evaluate("canvas => canvas.toDataURL()")
    first.get_by_role("slider").last.focus()
    page.keyboard.press("Home")
    status.get_by_text("Before the first step.").wait_for()
    page.wait_for_function("([c, now]) => c.toDataURL() !== now", arg=[maps.element_handle(), now])
    assert ask(page, "bool((lab.net.weights == lab.film.weights[0]).all())")
    assert page.locator(".jp-OutputArea-output").nth(1).get_by_role("status").inner_text() == status.inner_text()
    assert page.problems == []


def test_twin_reset_and_what_does_not_fit(page, first):
    status = first.get_by_role("status")
    step = first.get_by_role("button", name="Step")
    step.click()
    status.get_by_text("After 1 of 5000").wait_for()
    step.click()
    status.get_by_text("After 2 of 5000").wait_for()
    first.get_by_label("optimizer").select_option("SGD")
    status.get_by_text("Reset will begin with optimizer SGD.").wait_for()
    first.get_by_role("button", name="Twin").click()
    status.get_by_text("The first run, with optimizer Adam, after 0: not begun.").wait_for()
    step.click()
    status.get_by_text("The first run, with optimizer Adam, after 1: loss").wait_for()
    assert first.get_by_text("first run: map 4").is_visible()
    assert ask(page, "bool((lab.film.weights[0] == lab.first.film.weights[0]).all())")
    first.get_by_role("button", name="Twin").click()
    first.get_by_text("first run: map 4").wait_for(state="hidden")
    assert page.problems == []


def test_interrupting_the_kernel_pauses_and_the_network_can_be_used(page, first):
    first.get_by_role("button", name="Play").click()
    until(page, "lab.iteration > 5")
    page.evaluate("jupyterapp.commands.execute('notebook:interrupt-kernel')")
    first.get_by_role("button", name="Play").wait_for()
    assert not ask(page, "lab.playing")
    page.evaluate("""() => { jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute(
        { code: "lab.run(100_000)" }); }""")
    page.wait_for_timeout(500)
    page.evaluate("jupyterapp.commands.execute('notebook:interrupt-kernel')")
    until(page, "len(lab.film) == lab.iteration and bool((lab.net.weights == lab.film.weights[-1]).all())")
    assert ask(page, "lab.net.predict(images[:3]).shape") == [3]
    first.get_by_role("button", name="Play").click()
    at = ask(page, "lab.iteration")
    until(page, f"lab.iteration > {at}")
    first.get_by_role("button", name="Pause").click()
    assert page.problems == []
