"""Train a network before your eyes: everything that changes, while it changes, and again afterwards."""

import asyncio
import copy
import inspect
import signal
import threading
import time
from collections import deque
from contextlib import closing, contextmanager
from html import escape
from itertools import groupby
from typing import NamedTuple
from weakref import WeakKeyDictionary

import ipywidgets as W
import numpy as np
import traitlets as T

from cnnlib import SGD, Adam, Conv2D, Network, Recording, ReLU, plots, train
from cnnlib.layers import INITS, positive_int
from cnnlib.network import softmax
from cnnlib.training import blame, check_labels

from .chart import chart
from .explorer import RED, Explorer, ink
from .tiles import Tiles, box, greatest, number

FRAME = 0.05  # seconds of training between two pictures, or as long as the last picture took
REST = 0.05  # seconds without a change, and the hand rests
CURVES, NUMBERS = 0.12, 0.5  # seconds: curves move little and cost a browser much, and nobody reads faster
LATELY = 20  # iterations that the strong line is the mean of
JUDGED = 50  # iterations between two looks at all held-out images
PROBE = 32  # images in which a dead map is nowhere above zero
TURNS = 5  # of the event loop after each step: so many does it take to answer what the hand has done meanwhile
CHUNK = 16  # held-out images at a time: Pause need not wait for all, and small pieces are faster
MOST = 16  # filters shown
CUT = 4  # times the loss at the start, and no higher does the chart go
WIDE, GAP, TILE = 700, 14, 128  # pixels: of a line of maps, between two, and of one at most
ENDLESS = (1 << 31) - 1  # the largest number that a control can hold

BRICKS = {"filters": 5, "size": 3, "stride": 1, "init": "he", "seed": 0}  # what make_network may take, by default
LIMITS = {"filters": (1, 16), "size": (1, 11), "stride": (1, 4), "learning_rate": (1e-4, 10), "momentum": (0, 0.99)}
ON_RESET = ["optimizer", "batch_size", *BRICKS]
AT_ONCE = ["learning_rate", "momentum", "iterations", "image"]
NOW, BEFORE, HELD_OUT = plots.HEIGHT, plots.DEPTH, plots.WIDTH
FAINT = "50"  # a colour is transparent with this behind it
RGB = ["#d00000", "#008a00", "#0040e0"]


class TrainingLab(Explorer):
    """Train a network and watch it: loss, filters, maps, gradients, and what has died.

    lab = TrainingLab(make_network, (images, labels), held_out=(images, labels), optimizer="SGD", learning_rate=0.1)

    make_network  a function that returns a Network. Whichever of `filters`, `size`, `stride`, `init` and `seed` it
                  takes get a control, which begins at its own default.
    data          images (n, depth, height, width) and labels (n,), as `train` takes them, or all that
                  crosses_and_circles returns
    held_out      the same, never trained on. All are looked at every 50 iterations: a few hundred will do.

    Traits that act at once: learning_rate and momentum (of SGD; Adam has its own), `playing`, iterations (how far Play
    goes; from there, as far again), image (the number of the one shown; of the held-out ones, if there are any).
    Traits that act on `reset()`, which begins anew from the same first weights: optimizer ("SGD" or "Adam"),
    batch_size, seed, and what make_network takes. As long as nothing is trained, they act at once.

    `iteration` is the moment shown. Set it, and the network has the weights of then. Train on from there, and the film
    is cut there; mini-batches and optimizer go on as they did the first time, so only what you change changes it.
    `twin` True keeps this run as `first`, and begins a second beside it from the same seed; `differences` says what is
    not the same in both.

    `run(100)` trains while the cell waits, `playing = True` in the background, and all goes on answering. To be read:
    `net` (yours, trained), `film`, `steps`; of the moment, `norms` of the gradients and share of `dead` maps, both by
    number of the layer; `speed`, in iterations a second.
    A map is dead that is nowhere above zero for any of the first 32 training images: ReLU then lets no gradient
    through to its filter. (After Flatten, a single number.)

    Raises TypeError or ValueError where network, data and settings do not fit together. A loss that is no longer
    finite stops the training and is told in red; the film stays.
    """

    optimizer = T.Enum(["SGD", "Adam"], "Adam")
    learning_rate = T.Float(0.02)
    momentum = T.Float(0.0)
    batch_size = T.Int(32)
    filters = T.Int(BRICKS["filters"])
    size = T.Int(BRICKS["size"])
    stride = T.Int(BRICKS["stride"])
    init = T.Enum(list(INITS), BRICKS["init"])
    seed = T.Int(BRICKS["seed"])
    iterations = T.Int(300)
    iteration = T.Int(0)
    image = T.Int(0)
    playing = T.Bool(False)
    twin = T.Bool(False)

    def __init__(self, make_network, data, held_out=None, **settings):
        super().__init__()
        self.make_network, self.takes = make_network, bricks(make_network)
        self.data, self.held_out = arrays(data, "data"), held_out and arrays(held_out, "held_out")
        self.watched = self.held_out or self.data
        self.current = self.first = None
        self.loop, self.thread, self.wishes, self.turn = running_loop(), threading.get_ident(), {}, 0
        self.problem, self.following, self.last, self.rest, self.pace = "", False, {}, None, deque(maxlen=25)
        self.limits = {
            **{name: (low, max(high, self.takes.get(name, low))) for name, (low, high) in LIMITS.items()},
            "batch_size": (1, len(self.data[0])),
            "image": (0, len(self.watched[0]) - 1),
            "iterations": (1, ENDLESS),
            "seed": (0, ENDLESS),
        }
        if unknown := settings.keys() - {*ON_RESET, *AT_ONCE}:
            raise TypeError(f"settings are {', '.join([*ON_RESET, *AT_ONCE])}, not {min(unknown)}")
        self.batch_size = min(32, len(self.data[0]))
        for name, value in {**self.takes, **settings}.items():
            setattr(self, name, value)
        self.stretch = self.iterations
        self.current = self.new_run()

        self.children = [self.controls_and_charts(), self.scrubber_line(), self.pictures(), self.words]
        self.observe(self.on_reset, ON_RESET)
        self.observe(self.at_once, AT_ONCE)
        self.observe(self.scrub, "iteration")
        self.observe(self.play_or_pause, "playing")
        self.observe(self.begin_or_end_twin, "twin")
        self.show()

    @property
    def net(self):
        return self.current.net

    @property
    def film(self):
        return self.current.film

    @property
    def steps(self):
        return self.film.steps

    @property
    def norms(self):
        """By number of the layer, the norm of the gradient that the step to this moment went down; {} before any."""
        return self.current.norms[self.iteration]

    @property
    def dead(self):
        """By number of each ReLU layer, the share of its maps that are dead."""
        return self.current.dead(self.iteration)

    @property
    def speed(self):
        """Iterations a second over the last few pictures, while it plays; else 0."""
        if not self.playing or len(self.pace) < 2:
            return 0.0
        (began, first), (now, last) = self.pace[0], self.pace[-1]
        return (last - first) / (now - began)

    @property
    def differences(self):
        """What is not the same in the first run and in this one: {setting: (there, here)}."""
        there, here = self.first.told(), self.current.told()
        return {name: (there[name], here[name]) for name in here if name in there and there[name] != here[name]}

    @property
    def pending(self):
        """Settings that wait for reset: {setting: value}."""
        used = self.current.settings
        return {name: getattr(self, name) for name in used if getattr(self, name) != used[name]}

    # Training

    def run(self, iterations=100):
        """Train so many iterations more, while the cell waits."""
        until = self.iteration + positive_int(iterations, "iterations")
        self.playing = False
        for _ in self.advance(lambda: until):
            pass

    def step(self):
        """Train one iteration more."""
        self.run(1)

    def reset(self):
        """Begin anew from the same first weights, with the settings as they are now."""
        self.playing, self.problem = False, ""
        try:
            self.current = self.new_run()
            self.follow(0)
        except (TypeError, ValueError) as error:
            self.problem = f"This does not fit, so the network stays as it is: {error}."
        self.show()

    def new_run(self):
        """A run that has not begun. It starts from the weights that the last one started from, if they fit."""
        settings = {name: getattr(self, name) for name in ["optimizer", "batch_size", *self.takes, "seed"]}
        net = self.make_network(**{name: settings[name] for name in self.takes})
        if not isinstance(net, Network):
            raise TypeError(f"make_network must return a Network, not {net!r}")
        if self.current and all(self.current.settings[name] == settings[name] for name in self.takes):
            net.weights = self.current.film.weights[0]
        return Run(net, self.data, self.held_out, settings, (self.learning_rate, self.momentum))

    def advance(self, until):
        """Train on until that iteration, showing it now and then. Yields often, to let others have their turn."""
        run, self.problem = self.current, ""
        shown, wait = time.perf_counter(), FRAME
        self.pace.clear()
        try:
            run.cut(self.iteration)
            while True:
                yield from run.judge()
                if len(run.film) >= until():
                    break
                run.step(self.learning_rate, self.momentum)
                self.follow(len(run.film))
                yield
                if (now := time.perf_counter()) - shown > wait:
                    yield from self.showing(moving=True)
                    shown = time.perf_counter()
                    wait = max(FRAME, shown - now)  # half of the time is for training
        except FloatingPointError as error:
            self.problem = f"Training has stopped at {error}"  # which begins with the iteration
        finally:
            self.show()

    async def play(self, turn):
        """Train in the background until paused, or at the end. It stops for good when it is another's turn."""
        try:
            with closing(self.advance(lambda: self.iterations)) as training:
                with interrupt_pauses(self):
                    for _ in training:
                        for _ in range(TURNS):
                            await asyncio.sleep(0)
                        if not self.playing or self.turn != turn:
                            break
                if not self.playing:
                    await asyncio.sleep(REST)  # the button answers first; then all is brought up to date
        except KeyboardInterrupt:  # of a cell that waits for something else meanwhile
            pass
        except Exception as error:  # from a layer of the reader's own; nobody else would tell of it
            self.problem = f"Training has stopped. {type(error).__name__}: {error}"
            self.show()
        finally:
            if self.turn == turn:
                self.playing = False

    def follow(self, iteration):
        """Show a moment that the network is at already."""
        self.following = True
        try:
            self.iteration = iteration
        finally:
            self.following = False

    # What a trait may be, and what happens when it is set

    @T.validate(*LIMITS, "batch_size", "image", "iterations", "seed")
    def within(self, proposal):
        name, value = proposal.trait.name, proposal.value
        low, high = self.limits[name]
        if name in ("filters", "size", "stride") and name not in self.takes:
            raise T.TraitError(f"make_network does not take {name}, so it can not be set to {value}")
        if not low <= value <= high:
            wanted = f"at least {low}" if high == ENDLESS else f"{low} to {high}"
            raise T.TraitError(f"{name} must be {wanted}, not {value}")
        return value

    @T.validate("iteration")
    def recorded(self, proposal):
        if not 0 <= proposal.value <= len(self.film):
            raise T.TraitError(f"iteration must be 0 to {len(self.film)}, as recorded so far, not {proposal.value}")
        return proposal.value

    @T.validate("playing")
    def playable(self, proposal):
        if proposal.value and not (self.loop or running_loop()):
            raise T.TraitError("playing must be False where no notebook runs: take run(100)")
        return proposal.value

    @T.validate("twin")
    def comparable(self, proposal):
        if proposal.value and not len(self.film):
            raise T.TraitError("twin must be False until something is trained that it could be compared with")
        return proposal.value

    def on_reset(self, change):
        if len(self.film):
            self.show()
        else:
            self.reset()

    def at_once(self, change):
        for run in filter(None, (self.current, self.first)):
            run.glow = run.glow if change.name != "image" else {}
        if not len(self.film):
            self.current.rates = [(self.learning_rate, self.momentum)]
        if change.name == "image" or not self.playing:
            self.glance()

    def scrub(self, change):
        if not self.following:
            self.playing, self.problem = False, ""
            self.film.rewind(self.iteration)
            self.glance()

    def play_or_pause(self, change):
        self.label_play()
        if not self.playing:
            return
        if not len(self.film) and self.pending:  # they did not fit, and do not now
            self.reset()
            return
        if self.iteration >= self.iterations:
            self.iterations = self.iteration + self.stretch
        self.turn += 1
        asyncio.run_coroutine_threadsafe(self.play(self.turn), self.loop or running_loop())

    def begin_or_end_twin(self, change):
        before, self.first = self.current, None
        if self.twin:
            self.reset()
            if self.current is before:  # the settings do not fit
                self.twin = False
                return
            self.first = before
        self.show()

    # The page. JupyterLab may hand on what the hand does in a thread of its own, even while a step is being made.

    def asked(self, name, value):
        """From the page: set a trait, in the thread that trains."""
        if value != getattr(self, name):
            self.wishes[name] = value
            self.soon(self.grant)

    def grant(self):
        while self.wishes:
            setattr(self, *self.wishes.popitem())

    def soon(self, act):
        if self.loop and threading.get_ident() != self.thread:
            self.loop.call_soon_threadsafe(act)
        else:
            act()

    def tie(self, name, widget):
        """Let a trait and a control follow each other."""
        widget.value = getattr(self, name)
        widget.observe(lambda change: self.asked(name, change.new), "value")
        self.observe(lambda change: setattr(widget, "value", change.new), name)

    def control(self, kind, name, told=None, width=262, words_width=84, **options):
        made = kind(
            description=told or words(name),
            layout={"width": f"{width}px"},
            style={"description_width": f"{words_width}px"},
            **options,
        )
        self.tie(name, made)
        return made

    def whole(self, name, told=None, **options):
        low, high = self.limits[name]
        kind = W.IntSlider if name in LIMITS else W.BoundedIntText
        return self.control(kind, name, told, min=low, max=high, **options)

    def controls_and_charts(self):
        self.play_button = W.ToggleButton(layout={"width": "86px"})
        self.step_button = W.Button(icon="step-forward", description="Step", layout={"width": "82px"})
        self.reset_button = W.Button(icon="undo", description="Reset", layout={"width": "82px"})
        self.twin_button = W.ToggleButton(icon="clone", description="Twin", layout={"width": "82px"})
        self.twin_button.tooltip = "Keep this run, and train a second beside it from the same seed"
        self.label_play()
        self.tie("playing", self.play_button)
        self.tie("twin", self.twin_button)
        self.step_button.on_click(lambda _: self.soon(self.step))
        self.reset_button.on_click(lambda _: self.soon(self.reset))
        self.rate_slider = self.control(W.FloatLogSlider, "learning_rate", min=-4, max=1, step=0.1)
        self.momentum_slider = self.control(W.FloatSlider, "momentum", max=0.99, step=0.01)
        bricks = [self.whole(name) for name in ("filters", "size", "stride") if name in self.takes]
        if "init" in self.takes:
            bricks.append(self.control(W.Dropdown, "init", options=list(INITS)))
        self.waiting = W.HTML()
        left = [
            W.HBox([self.play_button, self.step_button, self.reset_button]),
            self.rate_slider, self.momentum_slider,
            W.HBox([self.twin_button, self.waiting]),
            self.control(W.Dropdown, "optimizer", options=["SGD", "Adam"]),
            W.HBox([self.whole("batch_size", width=140), self.whole("seed", width=118, words_width=40)]),
            *bricks,
        ]  # fmt: skip
        self.bar = W.IntProgress(layout={"width": "180px"})
        self.bar_words, self.key, self.table = W.HTML(), W.HTML(), W.HTML()
        self.charts = [W.HTML(), W.HTML()]
        goal = self.whole("iterations", "play to", width=130, words_width=48)
        right = [W.HBox([self.bar, self.bar_words, goal]), self.key, W.HBox(self.charts), self.table]
        return W.HBox([W.VBox(left, layout={"flex": "0 0 auto"}), W.VBox(right)])

    def scrubber_line(self):
        style, layout = {"description_width": "84px"}, {"width": "835px"}
        self.scrubber = W.IntSlider(0, 0, 0, description="iteration", style=style, layout=layout)
        self.scrubber.observe(lambda change: self.asked("iteration", change.new), "value")
        return self.scrubber

    def pictures(self):
        self.picture, self.filters_shown, self.maps_shown, self.maps_before = (Tiles() for _ in range(4))
        image = self.whole("image", width=130, words_width=45)
        sheets = [self.filters_shown, self.maps_shown, self.maps_before]
        return W.HBox([W.VBox([self.picture, image], layout={"flex": "0 0 140px"}), W.VBox(sheets)])

    def label_play(self):
        self.play_button.icon = "pause" if self.playing else "play"
        self.play_button.description = "Pause" if self.playing else "Play"

    # What is shown

    def show(self, moving=False):
        """Bring all up to date; while it is moving the pictures only, and the rest now and then."""
        for _ in self.showing(moving):
            pass

    def showing(self, moving):
        """The same, a part at a time: others may have their turn in between."""
        k, runs = self.iteration, [run for run in (self.current, self.first) if run]
        self.pace.append((time.perf_counter(), k))
        self.draw_pictures(runs)
        yield
        if self.due("curves", CURVES, moving):
            self.scrubber.max = len(self.film)
            self.scrubber.value = k
            self.bar.max = self.iterations
            self.bar.value = min(k, self.iterations)
            self.draw_charts(runs)
            yield
        if self.due("numbers", NUMBERS, moving):
            told = f", {self.speed:.0f} a second" if self.playing else ""
            if self.problem:
                told = f'. <b style="{ink(RED)}">Read below</b>'
            self.bar.bar_style = "danger" if self.problem else ""
            self.bar_words.value = f"&nbsp;{k} of {self.iterations} iterations{told}"
            self.key.value = self.legend(runs)
            self.table.value = self.layer_table()
            self.waiting.value = "<b>&nbsp;waiting for Reset:</b>" if self.pending else "&nbsp;set, then Reset:"
            self.twin_button.disabled = not (self.twin or len(self.film))
            self.momentum_slider.disabled = self.optimizer == "Adam"
            self.tell(self.problem)

    def glance(self):
        """Show at once what a hand on its way looks at, and all the rest as soon as it rests."""
        if not (loop := running_loop()):
            self.show()
            return
        if self.playing:  # all the rest comes with the next picture
            next(self.showing(moving=True))
            return
        self.show(moving=True)
        if self.rest:
            self.rest.cancel()
        self.rest = loop.call_later(REST, self.settle)

    def settle(self):
        if not self.playing:
            self.show()

    def due(self, what, seconds, moving):
        """Is it time to show this again?"""
        now = time.perf_counter()
        if moving and now - self.last[what] < seconds:
            return False
        self.last[what] = now
        return True

    def draw_charts(self, runs):
        across = max(self.iterations, *(len(run.film) for run in runs))
        for place, what in zip(self.charts, ("loss", "accuracy")):
            lines, marks, highest, usual = {}, [], 0.0, 0.0
            for run, colour in zip(runs, (NOW, BEFORE)):
                values = np.array([getattr(step, what) for step in run.film.steps])
                strong, when = lately(values), np.arange(1, len(values) + 1)
                lines[f"_{colour}, each"] = (when, values, colour + FAINT)
                lines[f"_{colour}, mean"] = (when, strong, colour)
                if what == "accuracy" and run.judged:
                    judged = HELD_OUT if run is self.current else HELD_OUT + FAINT
                    lines[f"_{colour}, held out"] = (*zip(*sorted(run.judged.items())), judged)
                if then := min(self.iteration, len(values)):
                    marks.append((then, strong[then - 1], colour))
                highest, usual = max(highest, greatest(strong)), max(usual, *values[:1], 0)
            cut = what == "loss" and highest > CUT * usual
            title = f"{what}, cut off at {number(CUT * usual)}" if cut else what
            top = 1.02 if what == "accuracy" else CUT * usual if cut else 1.1 * highest or 1
            place.value = chart(
                lines, title=title, x="iteration", y="", ends=(0, across, 0, top), marks=marks, width=285, height=150,
                alt=f"{what} over iterations: {self.current.result(self.iteration)}",
            )  # fmt: skip

    def draw_pictures(self, runs):
        k, (image, label) = self.iteration, (part[self.image] for part in self.watched)
        seen = [run.look(k, image) for run in runs]
        self.picture.zoom = zoom(image.shape[-1], TILE)
        sure = f"{seen[0].sure[label]:.0%} sure" if np.isfinite(seen[0].sure).all() else "no answer"
        self.picture.show([visible(image)], [f"image {self.image}, class {label}: {sure}"])
        sheets = (self.maps_shown, self.maps_before)
        for sheet, there in zip((self.filters_shown, *sheets), (True, True, self.first)):
            there = there and seen[0].maps is not None
            sheet.layout.display = "" if there else "none"
            if not there:
                sheet.show([])
        if seen[0].maps is None:
            return

        brightest = max(run.brightest(k) for run in runs)
        names = ("this run: ", "first run: ") if self.first else ("",)
        for sheet, one, name in zip(sheets, seen, names):
            sheet.columns = min(len(one.maps), 8)
            sheet.zoom = zoom(one.maps.shape[2], min(TILE, (WIDE + GAP) // sheet.columns - GAP))
            captions = [f"{name}map {i}" for i in range(len(one.maps))]
            sheet.show(list(one.maps), captions, largest=brightest, legend=sheet is self.maps_shown)
        strips = [np.concatenate(list(one), axis=1) for one in seen[0].filters]
        self.filters_shown.columns = self.maps_shown.columns
        self.filters_shown.zoom = self.maps_shown.zoom * seen[0].maps.shape[2] / strips[0].shape[1]
        self.filters_shown.show(strips, [f"filter {i}" for i in range(len(strips))], signed=True)
        self.filters_shown.boxes = slices(seen[0].filters)

    def legend(self, runs):
        """Which line is which."""
        told = [f"{swatch(NOW)} this run" + (f", {self.changed(1)}" if self.first else "")]
        if self.first:
            told.append(f"{swatch(BEFORE)} first run, {self.changed(0)}")
        if self.held_out:
            told.append(f"{swatch(HELD_OUT)} held out")
        small = f"<small>faint: each mini-batch; strong: mean of the last {LATELY}</small>"
        return f'<div style="line-height: 1.4">{" &nbsp; ".join([*told, small])}</div>'

    def layer_table(self):
        """A line for each layer with weights: how large its gradient was, and how many of its maps are dead."""
        told, weighty = [], [i for i, layer in enumerate(self.net.layers) if layer.params]
        for i, following in zip(weighty, [*weighty[1:], len(self.net.layers)]):
            norm, bar, dead = "", "", ""
            if i in self.norms:
                norm, long = number(self.norms[i]), np.clip(25 * (np.log10(self.norms[i] + 1e-9) + 4), 1, 150)
                bar = f'<div style="height: 9px; width: {long:.0f}px; background: {NOW}"></div>'
            if relu := next((k for k in range(i, following) if k in self.dead), None):
                dead = f"{round(self.dead[relu] * self.current.maps(relu))} of {self.current.maps(relu)}"
            cells = (f"{i} {escape(type(self.net.layers[i]).__name__)}", norm, bar, dead)
            told.append("<tr>" + "".join(f'<td style="padding: 0 14px 0 0">{cell}</td>' for cell in cells) + "</tr>")
        head = "<tr><th>layer</th><th colspan=2>gradient norm, logarithmic &nbsp;</th><th>dead maps</th></tr>"
        return f'<table style="line-height: 20px; text-align: left; margin-left: 8px">{head}{"".join(told)}</table>'

    @property
    def text(self):
        k, run = self.iteration, self.current
        told = [f"After {k} of {self.iterations} iterations: {run.result(k)}." if k else "Before the first step."]
        told += run.judgement(k)
        if self.norms:
            told.append(f"Gradients: {', '.join(f'layer {i} {v:.2g}' for i, v in self.norms.items())}.")
        if self.dead:
            dead = (f"{round(v * run.maps(i))} of {run.maps(i)} in layer {i}" for i, v in self.dead.items())
            told.append(f"Dead maps: {', '.join(dead)}.")
        if self.first:
            then = min(k, len(self.first.film))
            told.append(f"The first run, {self.changed(0)}, after {then}: {self.first.result(then)}.")
            if len(self.differences) > 1:
                told.append("More than one setting is changed, so nobody can tell which of them made the difference.")
        if self.pending:
            told.append(f"Reset will begin with {', '.join(f'{words(n)} {v}' for n, v in self.pending.items())}.")
        return " ".join(told)

    def changed(self, which):
        """In words, what sets the first run (0), or this one (1), apart from the other."""
        told = [f"{words(name)} {pair[which]}" for name, pair in self.differences.items()]
        return "with " + ", ".join(told) if told else "with the same settings"


class Look(NamedTuple):
    """What a network makes of an image."""

    filters: np.ndarray | None  # of its first convolution, those that are shown (filters, depth, size, size)
    maps: np.ndarray | None  # what those make of the image, after ReLU (filters, height, width)
    sure: np.ndarray  # the probability of each class


class Run:
    """One training, and what is kept of it: its film, and of each moment what a film does not hold."""

    def __init__(self, net, data, held_out, settings, rates):
        self.net, self.film, self.data, self.held_out, self.settings = net, Recording(net), data, held_out, settings
        self.viewer = copy.deepcopy(net)  # to look at any moment without touching the network that trains
        convolutions = [i for i, layer in enumerate(net.layers) if isinstance(layer, Conv2D)]
        self.first = convolutions[0] if convolutions else None
        self.optimizer = SGD(*rates) if settings["optimizer"] == "SGD" else Adam(rates[0])
        self.rates, self.norms, self.memories = [rates], [{}], [{}]  # the last three by iteration, as film.weights
        self.judged, self.glow = {}, {}  # {iteration: held-out accuracy}, {iteration: brightest of its maps}
        self.probed = None, {}
        self.tape = self.thread()
        if held_out:
            net.check(held_out[0])
            check_labels(held_out[1], len(held_out[0]), *net.out_shapes[-1])

    def thread(self):
        """Train from where the film ends, as if it had never been interrupted."""
        images, labels = self.data
        dealt = len(self.film) * self.settings["batch_size"]
        steps = train(
            self.net, images, labels, iterations=ENDLESS, batch_size=self.settings["batch_size"],
            optimizer=self.optimizer, seed=Shuffles(self.settings["seed"], len(images), dealt),
        )  # fmt: skip
        behind = len(self.film)
        return self.film.watch(step._replace(iteration=behind + step.iteration) for step in steps)

    def step(self, learning_rate, momentum):
        """Train one iteration. Whatever interrupts it, all is then as it was before."""
        now = len(self.film)
        self.optimizer.learning_rate = learning_rate
        self.optimizer.momentum = momentum  # Adam does not look at it
        try:
            next(self.tape)
            if not np.isfinite(self.film.weights[-1]).all():
                cause = blame(self.net, self.data[0][:PROBE])
                raise FloatingPointError(f"iteration {now + 1}: too large a step. {cause}")
            grads = {i: layer.grads.values() for i, layer in enumerate(self.net.layers) if layer.params}
            self.norms.append(
                {i: float(np.sqrt(sum(np.square(g, dtype=float).sum() for g in all_))) for i, all_ in grads.items()}
            )
            self.memories.append(remembered(self.optimizer.memory))
            self.rates.append((learning_rate, momentum))
        except BaseException:
            self.cut(now, anew=True)
            raise

    def cut(self, iteration, anew=False):
        """Let the film end at that iteration: network, optimizer and mini-batches are as they were then."""
        if iteration == len(self.film) and not anew:
            return
        self.tape.close()
        self.film.rewind(iteration)
        del self.film.steps[iteration:]
        for kept in (self.film.weights, self.norms, self.memories, self.rates):
            del kept[iteration + 1 :]
        for kept in (self.judged, self.glow):
            for later in [k for k in kept if k > iteration]:
                del kept[later]
        self.optimizer.memory = WeakKeyDictionary(remembered(self.memories[-1]))
        self.tape = self.thread()

    def judge(self):
        """Look at all held-out images, a few at a time, if it is time for that."""
        now = len(self.film)
        if not self.held_out or now % JUDGED or now in self.judged:
            return
        (images, labels), right = self.held_out, 0
        for i in range(0, len(images), CHUNK):
            self.viewer.weights = self.film.weights[now]
            with np.errstate(all="ignore"):
                right += int((self.viewer.predict(images[i : i + CHUNK]) == labels[i : i + CHUNK]).sum())
            yield
        self.judged[now] = right / len(images)

    def look(self, iteration, image):
        """What the network of then makes of an image; at the end of the film, where that was sooner."""
        iteration = min(iteration, len(self.film))
        self.viewer.weights = self.film.weights[iteration]
        with np.errstate(all="ignore"):  # of weights that have grown without bound
            made = self.viewer.activations(image[None])
            sure = softmax(made[-1][0], axis=0)
        if self.first is None:
            return Look(None, None, sure)
        lit = [i for i in (self.first + 1,) if i < len(made) and isinstance(self.net.layers[i], ReLU)]
        maps = made[lit[0] if lit else self.first][0][:MOST]
        self.glow[iteration] = greatest(maps)
        return Look(self.viewer.layers[self.first].params["w"][:MOST], maps, sure)

    def brightest(self, iteration):
        """Where the scale of the maps ends: at the brightest shown so far of the film up to there."""
        return max((v for k, v in self.glow.items() if k <= iteration), default=0)

    def dead(self, iteration):
        """{ReLU layer: share of its maps, or numbers, that are nowhere above zero for any image of the probe}."""
        weights = self.film.weights[min(iteration, len(self.film))]
        if self.probed[0] is not weights:
            self.viewer.weights = weights
            with np.errstate(all="ignore"):
                made = self.viewer.activations(self.data[0][:PROBE])
            relus = [i for i, layer in enumerate(self.net.layers) if isinstance(layer, ReLU)]
            alive = {i: (made[i] > 0).swapaxes(0, 1).reshape(self.maps(i), -1).any(1) for i in relus}
            self.probed = weights, {i: 1 - float(of_all.mean()) for i, of_all in alive.items()}
        return self.probed[1]

    def maps(self, layer):
        """How many maps, or numbers, a layer makes."""
        return self.net.out_shapes[layer][0]

    def result(self, iteration):
        """How well it did then, in words."""
        if not iteration:
            return "not begun"
        steps = self.film.steps[max(iteration - LATELY, 0) : iteration]
        loss, accuracy = (np.mean([getattr(step, what) for step in steps]) for what in ("loss", "accuracy"))
        of = f"the last {len(steps)} mini-batches" if len(steps) > 1 else "its mini-batch"
        return f"loss {number(loss)} and {accuracy:.0%} right, over {of}"

    def judgement(self, iteration):
        """How well it did on images that it was not trained on, when they were last looked at: a sentence, or none."""
        when = max((k for k in self.judged if k <= iteration), default=None)
        if when is None:
            return []
        then = f" (after {when})" if when < iteration else ""
        return [f"Of {len(self.held_out[0])} held-out images it gets {self.judged[when]:.0%} right{then}."]

    def told(self):
        """{setting: its value in words}; what was turned on the way, one after the other."""
        rates, momenta = zip(*(self.rates[1:] or self.rates))
        turned = {"learning_rate": rates} | ({"momentum": momenta} if self.settings["optimizer"] == "SGD" else {})
        changes = {name: [number(v) for v, _ in groupby(values)] for name, values in turned.items()}
        return {**self.settings, **{name: ", then ".join(values) for name, values in changes.items()}}


class Shuffles(np.random.Generator):
    """The shuffles of n images by a seed, as they go on after some have been dealt."""

    def __init__(self, seed, n, dealt):
        super().__init__(np.random.default_rng(seed).bit_generator)
        packs = [super(Shuffles, self).permutation(n) for _ in range(dealt // n + 1)]
        self.rest = packs[-1][dealt % n :]

    def permutation(self, n):
        rest, self.rest = self.rest, None
        return super().permutation(n) if rest is None else rest


def remembered(memory):
    """A copy of what an optimizer remembers. The arrays are shared: it makes new ones with every step."""
    return {layer: {name: dict(of_it) for name, of_it in of_all.items()} for layer, of_all in memory.items()}


@contextmanager
def interrupt_pauses(lab):
    """Meanwhile the kernel's interrupt button pauses the lab. Between cells, a kernel hears nothing of it else."""
    loop = asyncio.get_running_loop()

    def pause(*_):
        loop.call_soon_threadsafe(setattr, lab, "playing", False)

    main = threading.current_thread() is threading.main_thread()
    deaf = main and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if deaf:
        signal.signal(signal.SIGINT, pause)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is pause:
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def running_loop():
    """The event loop that this is called in, if any."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def bricks(make_network):
    """What make_network takes of what there are controls for, each with its default."""
    parameters = inspect.signature(make_network).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return BRICKS
    for p in parameters:
        if p.name not in BRICKS and p.default is p.empty and p.kind is not p.VAR_POSITIONAL:
            raise TypeError(f"make_network may take {', '.join(BRICKS)}; {p.name!r} needs a default")
    return {p.name: BRICKS[p.name] if p.default is p.empty else p.default for p in parameters if p.name in BRICKS}


def arrays(data, name):
    """Images and labels as `train` wants them."""
    if not isinstance(data, tuple | list) or len(data) < 2:
        raise TypeError(f"{name} must be (images, labels), not a {type(data).__name__}")
    return np.asarray(data[0], np.float32), np.asarray(data[1])


def words(name):
    """A setting as it is called on the page."""
    return {"batch_size": "batch", "learning_rate": "learning rate"}.get(name, name)


def lately(values):
    """For each, the mean of the last LATELY up to it."""
    sums = np.cumsum(np.insert(values, 0, 0))
    ends = np.arange(1, len(sums))
    first = np.maximum(ends - LATELY, 0)
    return (sums[ends] - sums[first]) / (ends - first)


def visible(image):
    """An image (depth, height, width) of any numbers, as one that a tile can show."""
    image = image if len(image) in (1, 3) else image.mean(0, keepdims=True)
    finite = image[np.isfinite(image)]
    low, high = (finite.min(), finite.max()) if finite.size else (0, 1)
    return image if 0 <= low and high <= 1 else (image - low) / ((high - low) or 1)


def zoom(cells, room):
    """Pixels for each of so many cells, whole ones if they fit into the room."""
    return room // cells or room / cells


def slices(filters):
    """A frame around each slice of depth of each filter: red, green and blue where there are three."""
    n, depth, size, _ = filters.shape
    colours = RGB if depth == 3 else [plots.DEPTH] * depth
    return [box(i, 0, d * size, size, size, colours[d]) for i in range(n) for d in range(depth) if depth > 1]


def swatch(colour):
    return f'<span style="color: {colour}; font-weight: bold">&#9644;</span>'
