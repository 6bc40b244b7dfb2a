"""Nudge one number of a layer, and hold what the loss does against what `backward` says."""

import copy
import math

import numpy as np
import traitlets
from ipywidgets import HTML, FloatLogSlider, HBox, IntSlider, ToggleButtons, VBox

from cnnlib import plots
from cnnlib.gradcheck import relative_error

from .chart import chart
from .explorer import Explorer, ink
from .tiles import Tiles, box, greatest

LARGE = 50_000  # numbers that come out of the layer; with more, the lines are drawn from fewer points
COLOURS = {"float64": plots.HEIGHT, "float32": plots.DEPTH}
WIDE, SHOWN = 370, 6  # pixels for a line of tiles, and the most tiles of one array
TALL = {"x": 150, "w": 110}  # pixels for the tiles of one array; for all others 50
CAPTIONS = {("x", 4): "x: image {}, depth {}", ("w", 4): "w: filter {}, depth {}", ("x", 2): "x: image {}",
            ("w", 2): "w: to output {}", ("b", 1): "b"}  # fmt: skip


class GradientLab(Explorer):
    """The gradient of a loss for one number of a layer: by central differences with a step of h, and by `backward`.

    lab = GradientLab(layer, x), with x as the layer takes it, images first: (n, depth, height, width) or (n, inputs).
    The loss is the sum of all outputs, each times a random weight of its own, as in gradcheck.check. It is computed
    twice, in float64 and in float32; the layer itself is left as it is.

    Set `name` ("x", or a parameter's: "w", "b"), `index` (where in that array) and `h` (1e-10 to 1e-1), or both of the
    first with `pick(name, index)`. Read `analytic`, and by precision `numerical` and `errors`, as in
    `lab.errors["float32"]`; `curves` has the errors for all `steps`.
    Raises TraitError where there is no such array or number, or h is too large or too small.
    """

    name = traitlets.Unicode()
    index = traitlets.Tuple()
    h = traitlets.Float(1e-3)

    def __init__(self, layer, x, seed=0):
        x = np.array(x, np.float32)
        rng = np.random.default_rng(seed)
        layer = copy.deepcopy(layer)
        if not layer.params:
            layer.build(x.shape[1:], rng)
        importance = rng.standard_normal(layer.forward(x).shape)
        fine = importance.size <= LARGE
        self.steps = 10.0 ** np.linspace(-10, -1, 37 if fine else 10)  # four to a power of ten, or one
        self.around = np.arange(-12, 13) / 6 if fine else np.arange(-2, 3)  # where the loss is drawn, in steps of h
        self.sides = {dtype: Side(layer, x, importance, dtype) for dtype in ("float64", "float32")}
        self.gradients = self.sides["float64"].gradients()
        self.sheets = {name: Sheet(name, gradient) for name, gradient in self.gradients.items()}
        self.busy = True

        arrays = ToggleButtons(options=list(self.sheets), description="array", style={"button_width": "56px"} | NARROW)
        arrays.layout = {"width": "370px", "flex_flow": "row nowrap"}
        self.slider = IntSlider(description="number", layout={"width": "370px"}, style=NARROW)
        step = FloatLogSlider(1e-3, min=-10, max=-1, step=0.25, description="h", readout_format=".1e")
        step.layout.width, step.style.description_width = "370px", NARROW["description_width"]
        self.table, self.curve, self.nearby = HTML(), HTML(), HTML()
        colours = HTML('<div style="line-height: 1.3">Colours: the gradient of the loss for each number.</div>')
        left = [arrays, self.slider, step, self.table, colours, *(sheet.tiles for sheet in self.sheets.values())]
        super().__init__()
        self.words.layout = {"width": "440px", "min_height": "90px"}
        self.children = [HBox([VBox(left, layout={"flex": "0 0 395px"}), VBox([self.curve, self.nearby, self.words])])]

        self.name = "w" if "w" in self.sheets else "x"
        self.index = (0,) * self.gradients[self.name].ndim
        traitlets.link((self, "name"), (arrays, "value"))
        traitlets.link((self, "h"), (step, "value"))
        self.slider.observe(lambda change: self.move(self.name, change.new), "value")
        for name, sheet in self.sheets.items():
            sheet.tiles.observe(lambda change, name=name: self.point(name, change.new), "picked")
        self.observe(self.change_array, "name")
        self.observe(self.measure, "index")
        self.observe(self.show, "h")
        self.busy = False
        self.measure()

    # The state

    @traitlets.validate("name")
    def one_of_the_arrays(self, proposal):
        if proposal.value not in self.sheets:
            raise traitlets.TraitError(f"name must be one of {', '.join(self.sheets)}, not {proposal.value!r}")
        return proposal.value

    @traitlets.validate("index")
    def inside(self, proposal):
        self.check(self.name, proposal.value)
        return tuple(map(int, proposal.value))

    @traitlets.validate("h")
    def not_too_far(self, proposal):
        if not 0.99e-10 <= proposal.value <= 0.101:
            raise traitlets.TraitError(f"h must be 1e-10 to 1e-1, not {proposal.value}")
        return proposal.value

    def check(self, name, index):
        shape = self.gradients[name].shape
        whole = len(index) == len(shape) and all(isinstance(i, int | np.integer) for i in index)
        if not (whole and all(0 <= i < size for i, size in zip(index, shape))):
            raise traitlets.TraitError(f"index must be a place in {name}, which is {shape}, not {tuple(index)}")

    def pick(self, name, index):
        """Go to one number of one array, in one step."""
        if (name, tuple(index)) == (self.name, self.index):
            return
        if name in self.sheets:
            self.check(name, index)  # before anything changes
        self.busy = True
        try:
            self.name = name
            self.index = index
        finally:
            self.busy = False
        self.measure()

    def move(self, name, flat):
        """To the number at this place of the array laid end to end."""
        if not self.busy:
            self.pick(name, tuple(map(int, np.unravel_index(flat, self.gradients[name].shape))))

    def point(self, name, picked):
        """To the number that the hand is on, if there is one."""
        if picked and not self.busy:
            flat = self.sheets[name].number_at(*picked)
            if flat >= 0:
                self.move(name, flat)

    def change_array(self, change):
        """Another array: to where the hand was in it last, or to its first number."""
        if not self.busy:
            self.busy = True
            self.index = np.unravel_index(self.sheets[self.name].last, self.gradients[self.name].shape)
            self.busy = False
            self.measure()

    @property
    def flat(self):
        """The place of the number with its array laid end to end."""
        return int(np.ravel_multi_index(self.index, self.gradients[self.name].shape))

    # What is computed

    @property
    def value(self):
        """The number itself."""
        return float(self.sides["float64"].arrays[self.name][self.index])

    @property
    def analytic(self):
        """What `backward` says: how fast the loss grows with the number."""
        return float(self.gradients[self.name][self.index]) + 0.0  # never -0

    @property
    def numerical(self):
        """What the central difference says, by precision: (loss(number + h) - loss(number - h)) / 2h."""
        return {
            dtype: slope(*losses[self.around == 1], *losses[self.around == -1], self.h)
            for dtype, losses in self.losses.items()
        }

    @property
    def errors(self):
        """The relative errors of `numerical`, by precision."""
        return {dtype: self.error(slope) for dtype, slope in self.numerical.items()}

    def error(self, slope):
        return relative_error(np.array([slope]), np.array([self.analytic]))

    def measure(self, change=None):
        """Another number: its error for every step. From then on, a new h only moves the mark."""
        if self.busy:
            return
        self.curves = {}
        for dtype, side in self.sides.items():
            pairs = [side.losses(self.name, self.index, (h, -h)) for h in self.steps]
            self.curves[dtype] = np.array([self.error(slope(*pair, h)) for pair, h in zip(pairs, self.steps)])
        self.busy = True
        with self.slider.hold_sync():
            self.slider.max = max(self.slider.max, self.flat)
            self.slider.value = self.flat
            self.slider.max = self.gradients[self.name].size - 1
        for name, sheet in self.sheets.items():
            sheet.show(self.flat if name == self.name else None)
        self.busy = False
        self.show()

    def show(self, change=None):
        if self.busy:
            return
        by = self.around * self.h
        self.losses = {dtype: side.losses(self.name, self.index, by) for dtype, side in self.sides.items()}
        self.curve.value = self.error_curve()
        self.nearby.value = self.close_up()
        self.table.value = table(self.analytic, self.numerical, self.errors)
        self.tell()

    def changes(self, dtype):
        """By how much the loss changes around the number, in units of h."""
        losses = self.losses[dtype].astype(float)
        return (losses - losses[self.around == 0]) / self.h

    def error_curve(self):
        """The relative error for every step, and where h is."""
        lines = {d: (self.steps, np.maximum(self.curves[d], 1e-16), colour) for d, colour in COLOURS.items()}
        errors = self.errors
        marks = [(self.h, max(errors[d], 1e-16), colour) for d, colour in COLOURS.items() if not math.isnan(errors[d])]
        return chart(
            lines, title="Numerical against analytic", x="step h", y="relative error", log=True,
            ends=(1e-10, 1e-1, 1e-16, 10), marks=marks, width=440, height=215,
            alt=f"Relative error over the step h, in float64 and float32; h is {self.h:.2g}",
        )  # fmt: skip

    def lines(self):
        """The loss around the number, h the unit of both axes: so its slope is the gradient, however small h is."""
        ends, at = np.array([-2, 2]), np.abs(self.around) == 1
        lines = {"tangent": (ends, self.analytic * ends, plots.WIDTH)}
        lines |= {dtype: (self.around, self.changes(dtype), COLOURS[dtype]) for dtype in ("float32", "float64")}
        return lines | {"chord": (self.around[at], lines["float64"][1][at], plots.FILTER)}

    def close_up(self):
        """The loss, the chord of the central difference, and the tangent that `backward` knows."""
        lines = self.lines()
        xs, ys, colour = lines["chord"]
        exact = max(greatest(lines["tangent"][1]), greatest(lines["float64"][1]))
        most = 1.1 * min(max(exact, greatest(lines["float32"][1])), 4 * exact) or 1  # float32 may be far off
        return chart(
            lines, title="The loss", x="away from the number, in steps of h", y="change, in h",
            ends=(-2, 2, -most, most), marks=[(x, y, colour) for x, y in zip(xs, ys) if math.isfinite(y)],
            width=440, height=215,
            alt=f"The loss around the number, h = {self.h:.2g}: the chord of the central difference, and the tangent",
        )  # fmt: skip

    def figure(self):
        """A still picture: the errors, and the loss near the number."""
        picture = plots.Picture(self.text, 9, 3)
        left, right = picture.subplots(1, 2)
        for dtype, colour in COLOURS.items():
            left.loglog(self.steps, np.maximum(self.curves[dtype], 1e-16), color=colour, label=dtype)
            left.plot(self.h, max(self.errors[dtype], 1e-16), "o", color=colour)
        for name, (xs, ys, colour) in self.lines().items():
            right.plot(xs, ys, color=colour, label=name)
        left.set(
            title="numerical against analytic gradient", xlabel="step h", ylabel="relative error", ylim=(1e-16, 10)
        )
        right.set(title="the loss", xlabel="away from the number, in steps of h", ylabel="change, in h")
        left.legend()
        right.legend()
        return picture

    @property
    def text(self):
        place = f"{self.name}[{', '.join(map(str, self.index))}]"
        nans = sum(int(np.isnan(gradient).sum()) for gradient in self.gradients.values())
        warning = f"{nans} of the gradients are not numbers (NaN): they are grey. " if nans else ""
        told = f"{warning}{place} is {self.value:.4g}. Analytic gradient: {self.analytic:.4g}."
        if math.isnan(self.analytic):
            return told
        numerical = self.numerical
        told += f" Central difference with h = {self.h:.2g}: "
        told += ", ".join(f"{self.certain(numerical[d], d)} in {d}" for d in COLOURS)
        return f"{told}. {self.verdict(numerical['float64'])}"

    def noise(self, dtype):
        """How much of the central difference may be rounding."""
        loss = self.sides[dtype].rough + float(np.abs(self.losses[dtype]).max()) + abs(self.value * self.analytic)
        return 2 * float(np.finfo(dtype).eps) * loss / self.h

    def certain(self, slope, dtype):
        """A slope, as many of its digits as rounding leaves; they are the same on every machine."""
        if slope == 0 and 0 in (self.analytic, self.noise(dtype)):
            return "0"
        if not math.isfinite(slope):
            return "not a number"
        digits = int(math.log10(max(abs(slope) / self.noise(dtype), 1)))
        return f"{float(f'{slope:.{min(digits, 4)}g}'):g}" if digits else "no sure digit"

    def verdict(self, slope):
        """Why the two agree, or not."""
        if not math.isfinite(slope):
            return "The loss is not a number, as one of its parts is not."
        ys = self.changes("float64")[np.abs(self.around) == 1]
        largest = max(*np.abs(ys), abs(self.analytic))
        error = self.errors["float64"]
        bend, off = abs(ys[0] + ys[1]), abs(slope - self.analytic)
        least = max(1e-3 * largest, 20 * self.noise("float64"))
        if bend > least:
            return f"The loss bends within h of it, so the chord is not the tangent: relative error {error:.2g}."
        if off > least:
            return "The loss is straight here, and still they differ: look for a mistake in backward."
        return "The loss is as good as straight within h of it: what is left is rounding."


NARROW = {"description_width": "55px"}


def slope(above, below, h):
    """The central difference."""
    return float((above - below) / (2 * h))


class Side:
    """The layer and its loss in one precision."""

    def __init__(self, layer, x, importance, dtype):
        self.layer, self.importance = copy.deepcopy(layer), importance.astype(dtype)
        self.layer.params = {name: p.astype(dtype) for name, p in layer.params.items()}
        self.arrays = {"x": x.astype(dtype), **self.layer.params}
        parts = self.layer.forward(self.arrays["x"]) * self.importance
        self.rough = float(np.sqrt(np.nansum(parts * parts)))  # each part is rounded on its own, up or down

    def loss(self):
        return (self.layer.forward(self.arrays["x"]) * self.importance).sum()

    def gradients(self):
        """What `backward` says of every number: arrays by name."""
        self.layer.forward(self.arrays["x"])
        gradients = {"x": self.layer.backward(self.importance), **self.layer.grads}
        for name, array in self.arrays.items():
            if gradients[name].shape != array.shape:
                raise ValueError(
                    f"the gradient of {name} must have its shape {array.shape}, not {gradients[name].shape}"
                )
        return {name: gradients[name] for name in self.arrays}

    def losses(self, name, index, by):
        """The loss with one number moved by so much, and so much, and so on."""
        array, losses = self.arrays[name], []
        kept = array[index]
        for move in by:
            array[index] = kept + float(move)
            losses.append(self.loss())
        array[index] = kept
        return np.array(losses)


class Sheet:
    """One array as tiles, coloured by its gradient: those slices of it that the picked number is among."""

    def __init__(self, name, gradient):
        self.name, self.gradient, self.last, self.start = name, gradient, 0, None
        flat = np.arange(gradient.size).reshape(gradient.shape)
        if gradient.ndim > 2:
            self.places = flat.reshape(-1, *gradient.shape[-2:])  # in each slice, the numbers that its cells stand for
            self.heads = list(np.ndindex(gradient.shape[:-2]))
        else:
            lines = flat.T if gradient.ndim == 2 and name != "x" else np.atleast_2d(flat)
            self.places = np.stack([folded(line) for line in lines])
            self.heads = [(i,) for i in range(len(lines))]
        self.caption = CAPTIONS.get((name, gradient.ndim), name + " [" + ", ".join("{}" for _ in self.heads[0]) + "]")
        self.group = len(self.places) // len({head[0] for head in self.heads})  # the slices of one image or filter
        _, height, width = self.places.shape
        shown = min(self.group, SHOWN)
        columns = min(shown, 3)
        room = (WIDE - 14 * (columns - 1)) / (columns * width), TALL.get(name, 50) / (-(-shown // columns) * height)
        self.tiles = Tiles(zoom=min(36, *(int(z) if z >= 1 else z for z in room)), columns=columns)
        self.largest = greatest(gradient)

    def show(self, flat):
        """Show the slice with this number, and a box around it; with None, no box."""
        tiles = self.tiles
        number, row, column = np.argwhere(self.places == (self.last if flat is None else flat))[0].tolist()
        start = number - number % self.group % SHOWN
        with tiles.hold_sync():
            if start != self.start:
                self.start = start
                end = min(start + SHOWN, (number // self.group + 1) * self.group)
                values = np.append(self.gradient.ravel(), np.nan)[self.places[start:end]]
                captions = [self.caption.format(*head) for head in self.heads[start:end]]
                tiles.show(values, captions, signed=True, largest=self.largest, numbers=True, legend=self.name in TALL)
            if flat is None:
                tiles.boxes = []
            else:
                self.last = flat
                tiles.boxes = [box(number - start, row, column, 1, 1)]
                tiles.picked = (number - start, row, column)

    def number_at(self, tile, row, column):
        """Which number a cell stands for; -1 for none."""
        return int(self.places[self.start + tile, row, column])


def folded(line):
    """A long row of numbers, folded into lines as in a book; what is left over is -1."""
    columns = min(len(line), max(16, math.ceil(math.sqrt(len(line)))))
    rows = -(-len(line) // columns)
    return np.pad(line, (0, rows * columns - len(line)), constant_values=-1).reshape(rows, columns)


def table(analytic, numerical, errors):
    """Both numerical gradients beside the analytic one."""
    rows = [("", "gradient", "relative error"), ("analytic", f"{analytic:.8g}", "")]
    rows += [(d, f"{numerical[d]:.8g}", f"{errors[d]:.1e}") for d in COLOURS]
    lines = []
    for row in rows:
        colour = COLOURS.get(row[0], "inherit")
        cells = "".join(f'<td style="padding-right: 14px; min-width: 70px">{cell}</td>' for cell in row)
        lines.append(f'<tr style="{ink(colour)}; font-weight: bold">{cells}</tr>')
    return f'<table style="font-variant-numeric: tabular-nums; line-height: 1.4">{"".join(lines)}</table>'
