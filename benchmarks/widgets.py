"""Time how soon the explorers answer to the hand, in JupyterLab in a real browser, and say which targets are met.

README.md, beside this file, tells how it measures. `make bench-widgets` runs it; so does, for some explorers only,
`python -m benchmarks.widgets DrawPad ...`.
"""

import math
import os
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cnnlib.training import CORES

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests"))  # for the tests' way into JupyterLab

from browser.conftest import FLAGS  # noqa: E402
from in_lab import ask, open_notebook, run_all, running_lab, write_notebook  # noqa: E402

MOVES, WARM_UP = 40, 3
HELD, RATE = 1.5, 30  # seconds that a key is held down, and repeats in one
HOLDS = 2 * [("ArrowLeft", "ArrowRight"), ("ArrowRight", "ArrowLeft")]  # after 40 to the right; the second to turn back
SECONDS, PAUSES = 4, 8  # of training at a time; how often it is paused
# The targets: at most so many milliseconds, but for the last three.
PICTURE_MEDIAN, PICTURE_P95, READ_OUT, LET_GO, ANSWER = 50, 100, 40, 150, 100
FRAMES, DRAGGED, SHARE = 20, 10, 0.5  # a second while it trains, and while a hand drags; of the speed unwatched


class Subject(NamedTuple):
    """An explorer, and what the hand does with it. The others are selectors, as Playwright takes them."""

    name: str
    setup: str  # makes `explorer`
    keys: str = ""  # what the arrow keys work on
    reach: int = 45  # so many steps to the right, and as many back
    hover: str = ""  # a canvas that a pointer passes over
    drag: str = ""  # a canvas that a pressed pointer passes over: it drags a window, or paints
    trains: bool = False


def slider(name):
    return f".widget-hslider:has(.widget-label:text-is('{name}')) [role=slider]"


def canvas(words):
    return f"canvas[aria-label^='{words}']"


BEGIN = """\
import time
import numpy as np
from cnnlib import *
from cnnlib import widgets
rng = np.random.default_rng(0)
"""
NET = """\
def network(filters=5, seed=0):
    return Network((3, 64, 64), [
        Conv2D(filters, 3), ReLU(), MaxPool2D(2), Conv2D(3, 3), ReLU(), MaxPool2D(2), Flatten(), Linear(2)], seed=seed)
images, labels, _ = data.crosses_and_circles(500, rng)
"""
SUBJECTS = [
    Subject(
        "ConvolutionExplorer",
        "explorer = widgets.ConvolutionExplorer(data.photograph(), rng.standard_normal((7, 7)), padding='same')\n"
        "explorer.row = 100",
        keys=canvas("map"), hover=canvas("patch"), drag=canvas("image"),
    ),
    Subject(
        "PoolingExplorer",
        "explorer = widgets.PoolingExplorer(data.photograph()[:, 60:124, 60:124], [[-1, 0, 1]] * 3)",
        keys=canvas("pooled"), reach=30, drag=canvas("map"),
    ),
    Subject("ShapeLedger", "explorer = widgets.ShapeLedger()", keys=slider("filters"), reach=20),
    Subject(
        "NetworkExplorer",
        NET + "explorer = widgets.NetworkExplorer(network(), data.centered(images), labels, ['cross', 'circle'])",
        keys=slider("image"), hover=canvas("map 0, 16"),
    ),
    Subject(
        "AttributionExplorer",
        NET + "explorer = widgets.AttributionExplorer(network(), images)",
        keys=slider("image"), drag=canvas("image"),
    ),
    Subject(
        "BackwardExplorer",
        "explorer = widgets.BackwardExplorer(rng.standard_normal((12, 12)), rng.standard_normal((3, 3)))",
        keys=canvas("dy"), reach=5, drag=canvas("dx"),
    ),
    Subject(
        "ConfusionExplorer",
        "explorer = widgets.ConfusionExplorer(\n"
        "    rng.random((999, 3, 16, 16)), rng.integers(0, 9, 999), rng.integers(0, 9, 999), range(9)\n)\n"
        "explorer.row = explorer.column = 0",
        keys=canvas("The table"), reach=8,
    ),
    Subject(
        "TrainingLab",
        NET + "explorer = widgets.TrainingLab(network, (images, labels), (images[:200], labels[:200]))\n"
        "explorer.run(60)\nexplorer.iteration, explorer.iterations = 0, 10_000",
        keys=slider("iteration"), trains=True,
    ),
    Subject(
        "GradientLab",
        "explorer = widgets.GradientLab(Conv2D(4, 3), rng.standard_normal((1, 3, 8, 8)))",
        keys=slider("number"),
    ),
    Subject(
        "DrawPad",
        NET + "explorer = widgets.DrawPad(network(), images, other=network(seed=1))",
        keys=slider("load image"), drag=canvas("paint here"),
    ),
    Subject(
        "EvidenceExplorer",
        "images, labels = data.digits()\n"
        "explorer = widgets.EvidenceExplorer(Network((1, 28, 28), [Flatten(), Linear(10)]), images[:99])",
        keys=slider("image"), hover=canvas("weights"), drag=canvas("image"),
    ),
    Subject(
        "LocalizeExplorer",
        "explorer = widgets.LocalizeExplorer(Network.load(data.detector()), data.scenes(9, rng))\n"
        "explorer.column = 20",
        keys=canvas("scene"), drag=canvas("scene"),
    ),
    Subject(
        "VolumeExplorer",
        "explorer = widgets.VolumeExplorer(rng.random((3, 9, 9)), rng.standard_normal((3, 3, 3, 3)))\n"
        "explorer.column = 0",
        keys=canvas("filter 0"), reach=8,
    ),
]  # fmt: skip

# Asked of the kernel: where the training is, and when; and how many iterations a second it makes if nobody looks.
MOMENT = "[explorer.iteration, time.perf_counter()]"
UNWATCHED = f"""\
def unwatched():
    steps = train(network(), images, labels, iterations=10**6, batch_size=32, optimizer=Adam())
    next(steps)
    start, n = time.perf_counter(), 0
    while time.perf_counter() - start < {SECONDS}:
        next(steps)
        n += 1
    return n / (time.perf_counter() - start)
unwatched()"""

# In the page: what has changed, and when. A canvas has changed if other colours, numbers or boxes are drawn on it
# (not the thin frame under the pointer, which needs no Python); a picture or a read-out, if the page's document has.
# A change counts from the end of the animation frame that shows it: a message sent in a frame comes after it.
PROBE = """(() => {
  const probe = window.probe = { moved: 0, released: 0, changes: [] };
  for (const type of ["keydown", "pointermove", "pointerdown"]) {
    addEventListener(type, (event) => { probe.moved = event.timeStamp; }, true);
  }
  addEventListener("keyup", (event) => { probe.released = event.timeStamp; }, true);

  let framed = false;
  const drawn = new Set(), changed = new Set(), channel = new MessageChannel();
  const request = window.requestAnimationFrame;
  window.requestAnimationFrame = (draw) => request((time) => {
    if (!framed) channel.port2.postMessage("after this frame");
    framed = true;
    draw(time);
  });
  channel.port1.onmessage = () => {
    framed = false;
    for (const canvas of drawn) {
      if (canvas.now !== canvas.before) changed.add("canvas").add(canvas);
      canvas.before = canvas.now;
    }
    if (changed.size) probe.changes.push({ at: performance.now(), what: new Set(changed) });
    drawn.clear();
    changed.clear();
  };

  const mix = (hash, number) => Math.imul(hash ^ number, 0x01000193);
  const hashed = (text) => [...text].reduce((hash, letter) => mix(hash, letter.charCodeAt(0)), 1);
  function spy(name, see) {
    const method = CanvasRenderingContext2D.prototype[name];
    CanvasRenderingContext2D.prototype[name] = function (...args) {
      see(this, ...args);
      return method.apply(this, args);
    };
  }
  spy("putImageData", ({ canvas }, { data }) => { canvas.cells = new Uint32Array(data.buffer).reduce(mix, 1); });
  spy("drawImage", ({ canvas }, source) => { canvas.now = source.cells; drawn.add(canvas); });
  spy("fillText", ({ canvas }, text) => { canvas.now = mix(canvas.now, hashed(text)); });
  spy("strokeRect", ({ canvas, lineWidth }, ...around) => {
    if (lineWidth > 1) canvas.now = mix(canvas.now, hashed(String(around)));
  });
  new MutationObserver((mutations) => {
    for (const { target } of mutations) {
      const element = target.nodeType === 1 ? target : target.parentElement;
      if (element?.closest(".widget-html")) changed.add("html");
      else if (element?.closest(".widget-image")) changed.add("image");
      else if (element?.matches(".widget-toggle-button") && element.before !== element.textContent) {
        element.before = element.textContent;
        changed.add("button");
      } else continue;
      window.requestAnimationFrame(() => {});
    }
  }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true,
    attributeFilter: ["src"] });

  // When a change of this kind came first, and when the last, once all has been quiet for so long. Or nothing.
  probe.after = async (kind, quiet, patience = 2000) => {
    const start = performance.now();
    const seen = () => probe.changes.filter(({ what }) => !kind || what.has(kind));
    for (;;) {
      const now = performance.now(), last = seen().at(-1)?.at;
      if (last !== undefined && now - last > quiet) return { first: seen()[0].at, last };
      if (now - start > patience) return null;
      await new Promise((wake) => setTimeout(wake, 10));
    }
  };
})()"""


class Figure(NamedTuple):
    """One number, and what is hoped for: at most the target, or at least."""

    name: str
    value: float
    target: float | None = None
    unit: str = " ms"
    least: bool = False

    @property
    def met(self):
        if self.target is None:
            return True
        return self.value >= self.target if self.least else self.value <= self.target

    def __str__(self):
        told = f"{self.name} {self.value:.0f}{self.unit}"
        return told if self.target is None else f"{told} ({'>' if self.least else '<'} {self.target:g})"


class Result(NamedTuple):
    """What was measured, and how many moves were never answered."""

    subject: str
    what: str
    figures: list
    unanswered: int = 0

    @property
    def missed(self):
        """The targets not met, in words."""
        yield from (f"{self.subject}, {self.what}: {figure}" for figure in self.figures if not figure.met)
        if self.unanswered:
            yield f"{self.subject}, {self.what}: {self.unanswered} moves changed nothing"

    def __str__(self):
        return f"  {self.what:32}" + "  ".join(f"{str(figure):22}" for figure in self.figures).rstrip()


def summary(subject, what, times, median=None, p95=None):
    """A Result from the milliseconds that each move took, None where nothing changed."""
    answered = sorted(t for t in times if t is not None) or [np.inf]
    late = answered[math.ceil(0.95 * len(answered)) - 1]
    figures = [Figure("median", statistics.median(answered), median), Figure("p95", late, p95)]
    return Result(subject, what, figures, times.count(None))


# The hand


def latencies(page, moves, kind="", warm_up=WARM_UP):
    """Milliseconds from each move to the first change of that kind, or in that canvas."""
    times = []
    for move in moves:
        page.evaluate("probe.changes.length = 0")
        move()
        times.append(page.evaluate("kind => probe.after(kind, 100).then((x) => x && x.first - probe.moved)", kind))
        page.wait_for_timeout(7 * len(times) % 17)  # so that moves do not keep step with frames
    return times[warm_up:]


def arrows(subject, n, to="ArrowRight", fro="ArrowLeft"):
    """So many arrow keys, as far as there is room, then back."""
    return islice(cycle([to] * subject.reach + [fro] * subject.reach), n)


def by_keys(page, subject):
    page.locator(subject.keys).first.focus()
    return [lambda key=key: page.keyboard.press(key) for key in arrows(subject, MOVES + WARM_UP)]


def by_pointer(page, selector):
    """Line by line over a canvas, to and fro, never twice to the same place."""
    canvas = page.locator(selector).first
    canvas.scroll_into_view_if_needed()
    place, side = canvas.bounding_box(), math.isqrt(MOVES + WARM_UP) + 1
    spots = [(column if line % 2 else side - 1 - column, line) for line in range(side) for column in range(side)]
    at = [
        (place["x"] + (column + 0.5) / side * place["width"], place["y"] + (line + 0.5) / side * place["height"])
        for column, line in spots[: MOVES + WARM_UP]
    ]
    return [lambda spot=spot: page.mouse.move(*spot) for spot in at]


def held_down(page, subject, *keys):
    """Milliseconds from letting go of an arrow key to the last change; None if it changed nothing."""
    page.locator(subject.keys).first.focus()
    page.evaluate("probe.changes.length = 0")
    start = time.perf_counter()
    for i, key in enumerate(arrows(subject, int(HELD * RATE), *keys)):
        time.sleep(max(start + i / RATE - time.perf_counter(), 0))
        page.keyboard.down(key)
    page.keyboard.up(key)
    return page.evaluate("probe.after('', 500).then((x) => x && Math.max(x.last - probe.released, 0))")


def dragged(page, subject):
    """How many pictures a second show something new while a pressed pointer never rests. It is pressed already."""
    moves = by_pointer(page, subject.drag)
    page.evaluate("probe.changes.length = 0")
    start = time.perf_counter()
    for i, move in enumerate(islice(cycle(moves + moves[::-1]), int(HELD * RATE))):
        time.sleep(max(start + i / RATE - time.perf_counter(), 0))
        move()
    return page.evaluate("probe.changes.length") / (time.perf_counter() - start)


def measure(page, subject):
    """All that the hand does with one explorer, which is on the page."""
    name = subject.name
    if subject.keys:
        yield summary(name, "arrow keys", latencies(page, by_keys(page, subject)), PICTURE_MEDIAN, PICTURE_P95)
    if subject.hover:
        moves = by_pointer(page, subject.hover)
        yield summary(name, "hover to read-out", latencies(page, moves, "html"), READ_OUT)
        page.mouse.move(1, 1)
    if subject.drag:
        first, *moves = by_pointer(page, subject.drag)
        first()
        page.mouse.down()
        yield summary(name, "drag or brush", latencies(page, moves, warm_up=WARM_UP - 1), PICTURE_MEDIAN, PICTURE_P95)
        shown = Figure("frames", dragged(page, subject), DRAGGED, " a second", least=True)
        yield Result(name, "drag without a rest", [shown])
        page.mouse.up()
        page.mouse.move(1, 1)
    if subject.keys:
        times = [held_down(page, subject, *keys) for keys in HOLDS]
        worst = Figure("worst", max(np.inf if t is None else t for t in times), LET_GO)
        yield Result(name, f"arrow key held {HELD} s, let go", [worst])
    if subject.trains:
        yield from measure_training(page, name)


def measure_training(page, name):
    """A TrainingLab at work: what is seen, what the watching costs, and how soon it listens."""
    unwatched = [ask(page, UNWATCHED)]
    play = page.get_by_role("button", name="Play")
    play.click()
    page.wait_for_timeout(1000)
    page.evaluate("probe.changes.length = 0")
    start = ask(page, MOMENT)
    page.wait_for_timeout(1000 * SECONDS)
    frames = page.evaluate("probe.changes.map(({ at }) => at)")
    end = ask(page, MOMENT)
    watched = (end[0] - start[0]) / (end[1] - start[1])
    shown = (len(frames) - 1) / (frames[-1] - frames[0]) * 1000 if len(frames) > 1 else 0
    yield Result(name, "while it trains", [Figure("frames", shown, FRAMES, " a second", least=True)])

    control = page.locator(".widget-text:has(.widget-label:text-is('image')) input").first
    control.focus()
    canvas = page.locator("canvas[aria-label^='image ']").first.element_handle()
    moves = [lambda: page.keyboard.press("ArrowUp")] * (MOVES + WARM_UP)
    yield summary(name, "another image while it trains", latencies(page, moves, canvas), p95=ANSWER)

    times = []
    for _ in range(PAUSES):
        pause = page.get_by_role("button", name="Pause").first
        pause.wait_for()
        page.wait_for_timeout(500)
        times += latencies(page, [pause.click], "button", warm_up=0)
        play.first.click()
    yield summary(name, "Pause", times, p95=ANSWER)
    page.get_by_role("button", name="Pause").first.click()
    unwatched.append(ask(page, UNWATCHED))
    share = Figure("speed", 100 * watched / np.mean(unwatched), 100 * SHARE, " % of unwatched", least=True)
    rates = [Figure("watched", watched, unit=" a second"), Figure("unwatched", np.mean(unwatched), unit=" a second")]
    yield Result(name, "iterations", [share, *rates])


# The browser


@contextmanager
def page_with(browser, lab, subject):
    """A page with one explorer, run in a kernel of its own, at the top of the window."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.add_init_script(PROBE)
    write_notebook(lab, f"{subject.name}.ipynb", BEGIN + subject.setup + "\nexplorer")
    open_notebook(page, lab, f"{subject.name}.ipynb")
    if wrong := run_all(page):
        raise RuntimeError("\n".join(wrong))
    shown = page.locator(".jp-OutputArea-output:has(.widget-box)").first
    shown.locator("[role=status]").first.wait_for()
    shown.evaluate("output => output.scrollIntoView()")
    page.wait_for_timeout(1000)
    yield page
    page.close()
    for session in lab.request("api/sessions"):
        lab.request(f"api/sessions/{session['id']}", method="DELETE")


def main():
    from playwright.sync_api import sync_playwright

    named = sys.argv[1:] or [subject.name for subject in SUBJECTS]
    print(f"Busy with other work to begin with: {os.getloadavg()[0] / CORES:.0%}. Times mean little unless near 0.")
    print("In milliseconds from the event to the end of the frame that shows what changed; targets in brackets.")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    missed = []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS.split())
        with running_lab(Path(folder), ROOT / "notebooks", "--expose-app-in-browser") as lab:
            for subject in SUBJECTS:
                if subject.name in named:
                    print(subject.name)
                    with page_with(browser, lab, subject) as page:
                        for result in measure(page, subject):
                            print(result, flush=True)
                            missed += result.missed
    print("\n".join(["Targets missed:", *missed]) if missed else "All targets are met.")


if __name__ == "__main__":
    main()
