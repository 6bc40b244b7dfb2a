"""The same answer worked out in several ways: how long each takes here, and how much memory."""

import inspect
import math
import tracemalloc
from html import escape
from time import perf_counter

import numpy as np
import traitlets
from ipywidgets import HTML, Button, Checkbox, HBox, IntSlider
from matplotlib import colormaps
from matplotlib.colors import to_hex

from .chart import chart
from .explorer import Explorer
from .tiles import Tiles, crisp, greatest

BUDGET = 0.04  # seconds for each contender; one that takes longer runs once more than once
PEAK_SIZES = 256, 768  # of the matrices whose product shows what can be done: on a busy machine, the small are ahead
FASTEST = [0.0]  # multiply-adds a second of such a product, the most that this process has seen: others may be at work
CLOSE = 1e-3  # of the largest number: float32, added up in another order, differs by less
TALL, WIDE, GAP = 190, 830, 14  # pixels: of a picture at most, of a line of pictures, between two


class Race(Explorer):
    """Functions that should give the same answer, side by side: do they agree, and what does each one take?

    race = Race({"loops": loops, "one product": product}, task, work=multiply_adds, side=(8, 64))

    Each contender is called with what `task(**settings)` returns, a tuple of arguments. Each setting of task that is
    named with its range gets a slider, which begins at task's own default, and a trait of its name: `race.side = 16`.
    work(*arguments)  how many multiply-adds the task asks for. It lets the race compare with the fastest seen here,
                      on large matrix products: that of one core, where a product uses one.

    `running` are the names of those that run: set it, or tick the boxes. `go()` runs them again, as the button does.
    To be read: `times` in seconds, the shortest of several; `memory`, the most bytes held at a time above what there
    was before (a GPU's own memory is not seen); `results`; `rates` in multiply-adds a second, and `peak`.

    Times and memory are drawn, and stand neither in `text` nor in a stored notebook: they are this machine's, now.
    A contender that fails, or does not agree with the first, is told in red. Raises TypeError where no function is
    given or task has no such setting, and TraitError for a setting outside its range or a runner nobody knows.
    """

    running = traitlets.Tuple()
    busy = False  # are the boxes being ticked by the race itself?

    def __init__(self, contenders, task, work=None, **ranges):
        for name, function in contenders.items():
            if not callable(function):
                raise TypeError(f"{name} must be a function, not {function!r}")
        if not contenders:
            raise TypeError("a race needs at least one function")
        self.contenders, self.task, self.work, self.ranges = dict(contenders), task, work, ranges
        starts = defaults(task, ranges)
        if work:
            measure_peak(budget=0.1)
        self.again = Button(description="Run again", layout={"width": "110px"})
        self.ticks = {name: Checkbox(True, description=name, indent=False, layout={"width": "auto"})
                      for name in contenders}  # fmt: skip
        self.sliders = {name: slider(name, starts[name], *ends) for name, ends in ranges.items()}
        self.tiles, self.bars = Tiles(), HTML()
        controls = [HBox([*self.sliders.values()]), HBox([*self.ticks.values(), self.again])]
        super().__init__(*controls, self.tiles, self.bars)
        self.add_traits(
            **{name: traitlets.Int(starts[name], min=low, max=high) for name, (low, high) in ranges.items()}
        )
        self.running = tuple(contenders)
        for name, control in self.sliders.items():
            traitlets.link((self, name), (control, "value"))
        for tick in self.ticks.values():
            tick.observe(self.ticked, "value")
        self.again.on_click(lambda _: self.go())
        self.observe(lambda change: self.go(), [*ranges, "running"])
        self.go()

    # The state

    @traitlets.validate("running")
    def known(self, proposal):
        for name in proposal.value:
            if name not in self.contenders:
                raise traitlets.TraitError(f"running must be of {', '.join(self.contenders)}, not {name!r}")
        return tuple(name for name in self.contenders if name in proposal.value)

    def ticked(self, change):
        if not self.busy:
            self.running = tuple(name for name, tick in self.ticks.items() if tick.value)

    @property
    def settings(self):
        return {name: getattr(self, name) for name in self.ranges}

    @property
    def peak(self):
        """The most multiply-adds a second that this process has seen NumPy do."""
        return FASTEST[0]

    @property
    def rates(self):
        """Multiply-adds a second, by contender."""
        return {name: self.multiply_adds / seconds for name, seconds in self.times.items()}

    # The race

    def go(self):
        """Run all that are to run, on the same arguments, one after the other."""
        self.busy = True
        for name, tick in self.ticks.items():
            tick.value = name in self.running
        self.busy = False
        arguments = self.task(**self.settings)
        if self.work:
            measure_peak()
        self.multiply_adds = self.work(*arguments) if self.work else math.nan
        self.results, self.times, self.memory, self.failed = {}, {}, {}, {}
        for name in self.running:
            try:
                self.results[name], self.memory[name] = remembered(self.contenders[name], arguments)
                self.times[name] = timed(self.contenders[name], arguments)
            except Exception as error:
                self.results.pop(name, None)
                self.failed[name] = f"{name} stopped. {type(error).__name__}: {error}."
        first = next(iter(self.results), None)
        self.differ = [name for name, result in self.results.items() if not close(result, self.results[first])]
        self.show()

    def show(self):
        maps = {name: np.asarray(r)[0] for name, r in self.results.items() if np.ndim(r) == 3 and np.size(r)}
        across = (WIDE + GAP) / max(len(maps), 1) - GAP
        zoom = min([min(TALL / m.shape[0], across / m.shape[1]) for m in maps.values()], default=1.0)
        with self.hold_sync():
            self.tiles.zoom = crisp(zoom)
            self.tiles.show([*maps.values()], [f"{name}: map 0" for name in maps])
            self.tiles.layout.display = "" if maps else "none"
            self.bars.value = self.table()
        differ = f"{listed(self.differ)} {verb(self.differ)} not agree with {next(iter(self.results), '')}."
        self.tell(" ".join([*self.failed.values(), *([differ] if self.differ else [])]))

    @property
    def text(self):
        told = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        counted = f"{self.multiply_adds:,} multiply-adds" if self.work else ""
        said = [": ".join(part for part in (told, counted) if part)]
        agree = [name for name in self.results if name not in self.differ]
        said.append(f"{'The same result' if len(agree) > 1 else 'A result'} from {listed(agree) or 'nobody'}")
        if self.differ:
            said.append(f"Another from {listed(self.differ)}")
        return " ".join(f"{sentence[0].upper()}{sentence[1:]}." for sentence in said if sentence)

    def table(self):
        """The bars: a line for each runner, what it took, and how near it came to the best seen."""
        if not self.times:
            return ""
        columns = [("time", self.times, told_time, max(self.times.values())),
                   ("memory", self.memory, told_bytes, max(max(self.memory.values()), 1))]  # fmt: skip
        if self.work:
            columns.append(("of the best seen", self.rates, lambda rate: f"{rate / self.peak:.2%}", self.peak))
        head = "".join(f'<th style="text-align: left; padding-right: 16px">{title}</th>' for title, *_ in columns)
        lines = ""
        for name in self.times:
            cells = "".join(bar(values[name] / most, tell(values[name])) for _, values, tell, most in columns)
            lines += f'<tr><th style="text-align: right; padding-right: 10px">{escape(name)}</th>{cells}</tr>'
        told = ""
        if len(self.times) > 1:
            fast, slow = min(self.times, key=self.times.get), max(self.times, key=self.times.get)
            ratio = self.times[slow] / self.times[fast]
            told = f"<b>{escape(slow)}</b>: {told_ratio(ratio)} times as long as <b>{escape(fast)}</b>. "
        if self.work:
            told += f"The best seen here: {self.peak / 1e9:.3g} billion multiply-adds a second."
        return (
            f'<table style="line-height: 1.6; font-size: 14px"><tr><th></th>{head}</tr>{lines}</table>'
            f'<div style="line-height: 1.6; font-size: 14px">{told}</div>'
        )

    def figure(self):
        """A still picture: what came out, which is the same on every machine; nothing if no maps came out."""
        return super().figure() if self.tiles.arrays else None

    def _repr_mimebundle_(self, **kwargs):
        if self.tiles.arrays:
            return super()._repr_mimebundle_(**kwargs)
        return {**super(Explorer, self)._repr_mimebundle_(**kwargs), "text/plain": repr(self)}


class Measured(HTML):
    """Words or a picture (HTML) of what was measured here and now: shown when the cell runs, and never stored."""

    def __repr__(self):
        return "Measured on your machine when you run this cell, and not stored."

    def _repr_mimebundle_(self, **kwargs):
        return {**super()._repr_mimebundle_(**kwargs), "text/plain": repr(self)}


def roofline(peak, moved, points):
    """How near the roof: what a machine can do with so many multiply-adds for each number that it must move.

    peak    multiply-adds a second, at most
    moved   numbers that it can fetch from memory and put back, a second
    points  {name: (multiply-adds for each number moved, multiply-adds a second)}
    """
    reach = np.geomspace(0.1, 1_000, 60)
    lines, told = {"the roof": (reach, np.minimum(peak, moved * reach), "currentColor")}, []
    for i, (name, (each, rate)) in enumerate(points.items()):
        lines[name] = ([each, each], [1, rate], to_hex(colormaps["viridis"](0.3 + 0.6 * i / max(len(points) - 1, 1))))
        told.append(f"{name}: {rate / min(peak, moved * each):.0%} of the roof")
    highest, told = 10 ** math.ceil(math.log10(peak)), "; ".join(told)
    picture = chart(
        lines, title="How near the roof", x="multiply-adds for each number moved", y="multiply-adds a second", log=True,
        ends=(0.1, 1_000, highest / 1e5, highest), alt=f"Roofline. {told}.", width=640, height=300,
    )  # fmt: skip
    return Measured(f"{picture}<div>{escape(told)}</div>")


# What is measured


def timed(function, arguments=(), budget=BUDGET):
    """Seconds for one call, the shortest of as many as fit into the budget: what disturbs only ever makes it longer."""
    shortest, end = math.inf, perf_counter() + budget
    while True:
        start = perf_counter()
        function(*arguments)
        now = perf_counter()
        shortest = min(shortest, now - start)
        if now >= end:
            return shortest


def remembered(function, arguments):
    """What a call returns, and the most bytes that it held at a time: its arrays, the returned ones included."""
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        result = function(*arguments)
        _, most = tracemalloc.get_traced_memory()
    finally:
        if not tracing:
            tracemalloc.stop()
    return result, max(most - before, 0)


def measure_peak(budget=0.0):
    """Do what a processor does best, large products of matrices in float32, and see if they are faster than before."""
    for size in PEAK_SIZES:
        a = np.ones((size, size), np.float32)
        FASTEST[0] = max(FASTEST[0], size**3 / timed(np.matmul, (a, a), budget))


def close(a, b):
    """Of one shape, and equal but for rounding."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return False
    return bool(np.allclose(a, b, rtol=CLOSE, atol=CLOSE * greatest(b), equal_nan=True))


# How it is told


def defaults(task, ranges):
    """Where each slider begins: task's own default."""
    parameters = inspect.signature(task).parameters
    for name in ranges:
        if name not in parameters or parameters[name].default is inspect.Parameter.empty:
            raise TypeError(f"task must take {name} and have a default for it: def task({name}=...)")
    return {name: parameters[name].default for name in ranges}


def slider(name, value, low, high):
    """A slider that speaks only when let go: a race takes its time."""
    wide = {"description_width": "60px"}
    return IntSlider(value, low, high, description=name, continuous_update=False, layout={"width": "270px"}, style=wide)


def bar(share, told):
    """A cell with a bar, and the number beside it."""
    long = max(min(share, 1), 0) * 110
    return (
        '<td style="padding-right: 16px; white-space: nowrap">'
        f'<span style="display: inline-block; height: 12px; width: {long:.1f}px; min-width: 1px; margin-right: 6px; '
        f'background: var(--jp-brand-color1, #1976d2)"></span>{told}</td>'
    )


def told_time(seconds):
    """With the unit that reads best."""
    for unit, size in (("s", 1), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def told_bytes(count):
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"


def told_ratio(ratio):
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.1f}"


def listed(names):
    """a, b and c"""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def verb(names):
    return "do" if len(names) > 1 else "does"
