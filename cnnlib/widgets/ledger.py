"""Build a network brick by brick, and see what each layer makes, costs and sees."""

import math
import textwrap
from html import escape
from typing import NamedTuple

import numpy as np
import traitlets
from ipywidgets import HTML, Box, Button, Dropdown, HBox, IntSlider, Select, VBox
from matplotlib.patches import Polygon

from cnnlib import Conv2D, Flatten, Layer, Linear, MaxPool2D, Network, ReLU, plots

from .explorer import Explorer, ink
from .tiles import Tiles

NEW = [Conv2D(4, 3), ReLU(), MaxPool2D(2), Flatten(), Linear(2)]  # what the buttons add
SLIDERS = {"filters": 32, "size": 11, "stride": 8, "outputs": 20}  # and how far they go, unless a layer goes further
SIDES = {"depth": 8, "height": 128, "width": 128}
PADDINGS = ["same", "valid", 0, 1, 2, 3]
NARROW = {"description_width": "55px"}
SLANT = 0.35  # the width axis goes up and to the right, this far each way
TALL, WIDE = 105, 840  # the room for the picture, in pixels


class Row(NamedTuple):
    """One line of the ledger."""

    name: str
    shape: tuple
    parameters: int
    multiply_adds: int  # for one image
    field: tuple  # how many pixels of the input one number sees, down and across, if no edge is near
    jump: int | None  # how many pixels further on its neighbour looks; None once flattened, as nobody is a neighbour


class ShapeLedger(Explorer):
    """A network under construction: every layer's volume drawn to scale, and what it costs and sees.

    ledger = ShapeLedger(input_shape=(3, 64, 64), layers=[Conv2D(5, 3), ReLU(), ...]); without layers, the course's.
    Set `layers`, `input_shape` (depth, height, width) and `selected`, the number of the layer that the controls are
    for; or call `add(layer)`, `remove()`, `move(by)` and `change(filters=8)`, as the controls do.
    `rows` are the lines of the table, `code` the Python that makes the network, and `network()` makes it.

    Layers that do not fit on each other are no error: `problem` says why, and what is shown stays as it last fitted.
    Raises TraitError where `layers` holds something else than layers, or `input_shape` is not three whole numbers.
    """

    input_shape = traitlets.Tuple()
    layers = traitlets.Tuple()
    selected = traitlets.Int(0)

    def __init__(self, input_shape=(3, 64, 64), layers=None):
        super().__init__()
        self.problem, self.rows, self.code, self.busy = "", [], "", True
        self.input_shape = input_shape
        self.fitted = self.input_shape
        self.layers = reference() if layers is None else layers
        self.lay_out()
        self.busy = False
        self.observe(self.show, ["input_shape", "layers", "selected"])
        self.show()

    def lay_out(self):
        """Make the controls, and put all in its place."""
        self.picture, self.table, self.listing = HTML(), HTML(), HTML()
        self.list = Select(description="layers", rows=8, layout={"width": "275px"}, style=NARROW)
        self.sliders = {name: slider(name, most) for name, most in (SLIDERS | SIDES).items()}
        self.padding = Dropdown(description="padding", options=PADDINGS, layout={"width": "180px"}, style=NARROW)
        self.buttons = [button(f"+ {type(layer).__name__}", lambda _, layer=layer: self.add(layer)) for layer in NEW]
        self.tools = [button("up", lambda _: self.move(-1)), button("down", lambda _: self.move(1))]
        self.tools += [button("remove", lambda _: self.remove())]
        settings = VBox([*(self.sliders[name] for name in SLIDERS), self.padding], layout={"height": "132px"})
        wrap = {"flex_flow": "row wrap", "width": "275px"}
        keys = Tiles()  # an empty sheet; with one in it, an explorer's arrow keys are its own: here, the list's
        left = [self.list, Box(self.tools, layout=wrap), settings, Box(self.buttons, layout=wrap), keys]
        sides = HBox([HTML("<b>input</b>"), *(self.sliders[name] for name in SIDES)])
        self.words.layout.min_height = "50px"
        lower = HBox([VBox(left, layout={"flex": "0 0 285px"}), VBox([self.table, self.listing])])
        self.children = [sides, self.picture, self.words, lower]

        for name, control in [*self.sliders.items(), ("padding", self.padding)]:
            turn = self.resize if name in SIDES else self.set_one
            control.observe(lambda change, name=name, turn=turn: turn(name, change.new), "value")
        self.list.observe(lambda change: self.select(change.new), "value")

    # The state

    @traitlets.validate("input_shape")
    def three_sides(self, proposal):
        sides = proposal.value
        if len(sides) != 3 or not all(isinstance(n, int | np.integer) and n >= 1 for n in sides):
            raise traitlets.TraitError(f"input_shape must be (depth, height, width), each at least 1, not {sides}")
        return tuple(map(int, sides))

    @traitlets.validate("layers")
    def only_layers(self, proposal):
        for i, layer in enumerate(proposal.value):
            if not isinstance(layer, Layer):
                raise traitlets.TraitError(f"layer {i} must be a Layer, such as ReLU(), not {layer!r}")
        return proposal.value

    @traitlets.validate("selected")
    def one_of_the_layers(self, proposal):
        if not 0 <= proposal.value < max(len(self.layers), 1):
            raise traitlets.TraitError(f"selected must be 0 to {len(self.layers) - 1}, not {proposal.value}")
        return proposal.value

    def network(self, seed=0):
        """The network itself, its weights drawn from `seed`. Raises ValueError where the layers do not fit."""
        return Network(self.input_shape, self.layers, seed=seed)

    def put(self, layers, selected):
        """These layers, this one of them selected, in one step."""
        self.busy = True
        try:
            self.layers = layers
            self.selected = min(selected, max(len(layers) - 1, 0))
        finally:
            self.busy = False
        self.show()

    def add(self, layer):
        """Put a layer after the selected one, and select it."""
        at = min(self.selected + 1, len(self.layers))
        self.put((*self.layers[:at], layer, *self.layers[at:]), at)

    def remove(self):
        """Take the selected layer out."""
        at = self.selected
        self.put((*self.layers[:at], *self.layers[at + 1 :]), at)

    def move(self, by):
        """Move the selected layer down the list by so many places; up, if negative."""
        layers, to = list(self.layers), self.selected + by
        if self.layers and 0 <= to < len(layers):
            layers.insert(to, layers.pop(self.selected))
            self.put(layers, to)

    def change(self, **settings):
        """The selected layer again, with other settings: change(filters=8, size=5)."""
        if not self.layers:
            raise ValueError("there is no layer to change: add one")
        at, layer = self.selected, self.layers[self.selected]
        layer = type(layer)(**{**layer.settings(), **settings})
        self.put((*self.layers[:at], layer, *self.layers[at + 1 :]), at)

    # The controls

    def set_one(self, name, value):
        if not self.busy:
            self.change(**{name: value})

    def resize(self, name, value):
        if not self.busy:
            self.input_shape = tuple((dict(zip(SIDES, self.input_shape)) | {name: value}).values())

    def select(self, number):
        if not self.busy and number is not None:
            self.selected = number

    def follow(self):
        """Bring the controls to what the state is."""
        options = tuple((f"{i}  {layer!r}", i) for i, layer in enumerate(self.layers))
        with self.list.hold_sync():
            if options != self.list.options:
                self.list.options = options
            self.list.value = self.selected if options else None
        settings = self.layers[self.selected].settings() if self.layers else {}
        if "stride" in settings and settings["stride"] is None:
            settings["stride"] = settings.get("size")  # blocks side by side
        settings |= dict(zip(SIDES, self.input_shape))
        for name, control in self.sliders.items():
            used = isinstance(settings.get(name), int)
            control.layout.display = "" if used else "none"
            if used:
                control.max = max(control.max, settings[name])
                control.value = settings[name]
        padding = settings.get("padding")
        self.padding.layout.display = "none" if padding is None else ""
        if padding is not None:
            if padding not in self.padding.options:
                self.padding.options = [*PADDINGS, padding]
            self.padding.value = padding
        for tool, possible in zip(self.tools, (self.selected > 0, self.selected + 1 < len(self.layers), self.layers)):
            tool.disabled = not possible

    # What is shown

    def show(self, change=None):
        if self.busy:
            return
        self.busy = True
        try:
            self.selected = min(self.selected, max(len(self.layers) - 1, 0))
            self.follow()
        finally:
            self.busy = False
        try:
            net = Network(self.input_shape, self.layers, seed=NoDice(np.random.PCG64()))
            self.problem, self.rows, self.code = "", ledger(net), code(net)
            self.fitted = self.input_shape
        except ValueError as error:
            self.problem = f"This does not fit: {error}."
        dim = 'style="opacity: 0.45"' if self.problem else ""
        self.picture.value = f"<div {dim}>{volumes(self.fitted, self.rows, self.chosen)}</div>"
        self.table.value = f"<div {dim}>{table(self.fitted, self.rows, self.chosen)}</div>"
        self.listing.value = f'<div {dim}><pre style="{LISTING}">{escape(self.code)}</pre></div>'
        self.tell(self.problem)

    @property
    def text(self):
        parameters, products = totals(self.rows)
        out = self.rows[-1].shape if self.rows else self.fitted
        told = (
            f"{told_shape(self.fitted)} in, {told_shape(out)} out, {len(self.rows)} layers: "
            f"{parameters:,} parameters and {products:,} multiply-adds an image."
        )
        if self.problem:
            return f"Shown is what last fitted: {told}"
        if not self.rows:
            return told
        row = self.rows[self.selected]
        costs = f"{row.parameters:,} parameters, {row.multiply_adds:,} multiply-adds"
        seen = f"One number of it sees {told_shape(row.field)} pixels"
        return (
            f"{told} Layer {self.selected}, {row.name}: {told_shape(row.shape)}, {costs}. {seen}"
            f"{f', and its neighbour looks {row.jump} further on' if row.jump else ''}."
        )

    def figure(self):
        """A still picture: the volumes, to scale."""
        picture = plots.Picture(self.text, 9, 1.7)
        picture.set_layout_engine("none")
        ax = picture.add_axes([0, 0, 1, 1])
        ax.axis("off")
        left = 0
        for name, shape, drawn in drawings(self.fitted, self.rows, self.chosen):
            for corners, colour, shade in drawn.faces:
                corners = [(left + x, drawn.height - y) for x, y in corners]
                ax.add_patch(Polygon(corners, fc=colour or "black", ec=colour or "black", alpha=shade))
            for (x, y), (a, b), colour in drawn.edges:
                ax.plot([left + x, left + a], [drawn.height - y, drawn.height - b], color=colour, lw=2)
            ax.text(left, -8, f"{name}\n{told_shape(shape)}", fontsize=7, va="top")
            left += max(drawn.width, 58) + 18
        ax.set(xlim=(-4, max(left, WIDE)), ylim=(-40, TALL + 10), aspect="equal")
        return picture

    @property
    def chosen(self):
        """The selected layer, if what is shown has it."""
        return self.selected if self.rows and not self.problem else None


class NoDice(np.random.Generator):
    """For building layers whose weights nobody reads: it throws no dice, which takes nearly all of the time."""

    def normal(self, mean, deviation, size):
        return np.zeros(size, np.float32)

    uniform = normal


def reference():
    """The layers of the course's network."""
    layers = [Conv2D(5, 3), ReLU(), MaxPool2D(2), Conv2D(3, 3), ReLU(), MaxPool2D(2)]
    return [*layers, Flatten(), Linear(2)]


def slider(name, most):
    width = "250px" if name in SIDES else "275px"
    return IntSlider(1, 1, most, description=name, layout={"width": width}, style=NARROW)


def button(words, press):
    made = Button(description=words, layout={"width": "auto", "flex": "1 0 auto"})
    made.on_click(press)
    return made


# The sums


def ledger(net):
    """A Row for each layer of a network."""
    rows = []
    for i, (layer, shape) in enumerate(zip(net.layers, net.out_shapes)):
        weights = layer.params["w"].size if "w" in layer.params else 0
        products = weights * math.prod(shape[1:])  # each weight is used once at every place of the map
        parameters = sum(p.size for p in layer.params.values())
        rows.append(Row(repr(layer), shape, parameters, products, *sight(net, i)))
    return rows


def totals(rows):
    """All parameters, and all multiply-adds."""
    return sum(row.parameters for row in rows), sum(row.multiply_adds for row in rows)


def sight(net, i):
    """The receptive field of layer i: how much of the input one of its numbers sees, and how far on its neighbour."""
    spans = [(0, 1), (1, 2)]  # two neighbours, followed back to the input
    for layer in reversed(net.layers[: i + 1]):
        if not isinstance(layer, Flatten):  # which only lays out: its numbers see what they saw before
            spans = [layer.sees(*span) for span in spans]
    (first, last), (after, _) = spans
    if math.isinf(first):
        return net.input_shape[1:], None
    return (last - first, last - first), after - first if len(net.out_shapes[i]) == 3 else None


def code(net):
    """The Python that makes this network."""
    ours = {type(layer).__name__ for layer in net.layers if type(layer).__module__ == "cnnlib.layers"}
    layers = ", ".join(repr(layer).replace(" ", "\xa0") for layer in net.layers)  # no line is broken inside a layer
    lines = textwrap.indent(textwrap.fill(layers, 62), 8 * " ").replace("\xa0", " ")
    return (
        f"from cnnlib import {', '.join(sorted(ours | {'Network'}))}\n\n"
        f"net = Network(\n    input_shape={net.input_shape},\n    layers=[\n{lines},\n    ],\n)"
    )


# The pictures

LISTING = (
    "user-select: all; margin: 8px 0 0; padding: 6px 10px; line-height: 1.35; font-size: 12px; white-space: pre-wrap; "
    "background: var(--jp-layout-color2, #eee); color: var(--jp-ui-font-color1, #222)"
)
CHOSEN = "background: rgba(128, 128, 128, 0.2);"
AXES = {"depth": plots.DEPTH, "height": plots.HEIGHT, "width": plots.WIDTH}


class Drawing(NamedTuple):
    """A volume, or a row of numbers, in pixels. A corner is (right, down)."""

    width: float
    height: float
    faces: list  # (corners, colour or None for that of the text, how dark)
    edges: list  # (from, to, colour)


def drawings(in_shape, rows, chosen):
    """The input and what each layer makes: (name, shape, Drawing). On the input, what the chosen layer sees."""
    shapes = [in_shape, *(row.shape for row in rows)]
    unit, tallest = scale(shapes)
    drawn = [drawing(shape, unit, tallest) for shape in shapes]
    if chosen is not None:
        drawn[0].faces.extend(patches(in_shape, unit, rows[chosen]))
    return list(zip(["input", *(short(row) for row in rows)], shapes, drawn))


def scale(shapes):
    """How many pixels a number takes, so that all volumes fit; and how tall the tallest is then."""
    solid = [shape for shape in shapes if len(shape) == 3]
    tall = max(h + SLANT * w for _, h, w in solid)
    wide = sum(d + SLANT * w for d, _, w in solid)
    unit = min(TALL / tall, max(WIDE - 16 * len(shapes), WIDE / 3) / wide)
    return unit, tall * unit


def drawing(shape, unit, most):
    if len(shape) == 1:  # a column; one that is too long is broken in the middle
        tall = max(shape[0] * unit, 2)
        pieces = [(0, tall)] if tall <= most else [(0, most / 2 - 3), (most / 2 + 3, most)]
        faces = [([(0, a), (6, a), (6, b), (0, b)], None, 0.5) for a, b in pieces]
        return Drawing(6, pieces[-1][1], faces, [])
    depth, height, width = (max(n * unit, 1.5) for n in shape)
    slant = width * SLANT
    front = [(0, slant), (depth, slant), (depth, slant + height), (0, slant + height)]
    top = [(0, slant), (slant, 0), (slant + depth, 0), (depth, slant)]
    side = [(depth, slant), (depth + slant, 0), (depth + slant, height), (depth, slant + height)]
    edges = [
        ((depth, slant + height), (depth + slant, height), plots.WIDTH),
        ((0, slant), (0, slant + height), plots.HEIGHT),
        ((0, slant + height), (depth, slant + height), plots.DEPTH),
    ]
    return Drawing(depth + slant, slant + height, [(front, None, 0.35), (top, None, 0.2), (side, None, 0.1)], edges)


def patches(in_shape, unit, row):
    """What a number in the middle of a layer sees, on the face of the input; and what its neighbour sees, fainter."""
    depth, height, width = in_shape
    down, across = min(row.field[0], height), min(row.field[1], width)
    top, left = (height - down) // 2, (width - across) // 2

    def corner(r, c):
        return (depth + SLANT * c) * unit, (SLANT * (width - c) + r) * unit

    def patch(left):
        right = min(left + across, width)
        return [corner(top, left), corner(top, right), corner(top + down, right), corner(top + down, left)]

    neighbour = [(patch(left + row.jump), plots.FILTER, 0.45)] if row.jump and left + row.jump < width else []
    return [*neighbour, (patch(left), plots.FILTER, 1)]


def volumes(in_shape, rows, chosen):
    """All volumes in a line, to scale."""
    boxes = []
    for i, (name, shape, drawn) in enumerate(drawings(in_shape, rows, chosen), start=-1):
        label = f"{name}: {told_shape(shape)}"
        back = CHOSEN if i == chosen else ""
        boxes.append(
            f'<div style="padding: 3px 5px; border-radius: 4px; {back}">{svg(drawn, label)}<br>'
            f"<b>{name}</b><br>{coloured(shape)}</div>"
        )
    seen = "" if chosen is None else f" Pink: what one number of layer {chosen} sees of the input, and its neighbour."
    return (
        f'<div style="font-size: 12px">To scale: {AXIS_WORDS}.{seen}</div>'
        f'<div style="display: flex; flex-wrap: wrap; align-items: flex-end; gap: 2px; min-height: 165px; '
        f'line-height: 1.35">{"".join(boxes)}</div>'
    )


def svg(drawn, label):
    parts = []
    for corners, colour, shade in drawn.faces:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        paint = f'fill="{colour}" stroke="none"' if colour else ""
        parts.append(f'<polygon points="{points}" fill-opacity="{shade}" {paint}/>')
    for (x, y), (a, b), colour in drawn.edges:
        parts.append(f'<path d="M{x:.1f} {y:.1f}L{a:.1f} {b:.1f}" stroke="{colour}" stroke-width="3"/>')
    width, height = drawn.width + 4, drawn.height + 4
    return (
        f'<svg width="{width:.1f}" height="{height:.1f}" viewBox="-2 -2 {width:.1f} {height:.1f}" role="img" '
        f'aria-label="{escape(label)}" fill="currentColor" stroke="currentColor">{"".join(parts)}</svg>'
    )


def coloured(shape):
    """A shape, each side in the colour of its axis."""
    if len(shape) == 1:
        return f"<b>{shape[0]:,}</b>"
    return " × ".join(f'<b style="{ink(colour)}">{n}</b>' for n, colour in zip(shape, AXES.values()))


AXIS_WORDS = " × ".join(f'<b style="{ink(colour)}">{axis}</b>' for axis, colour in AXES.items())
COLUMNS = ["", "layer", "makes", "parameters", "multiply-adds", "sees", "jump"]
CELLS = [
    f'style="text-align: {side}; padding: 1px 8px 1px 0; vertical-align: bottom"'
    for side in ("right", "left", *5 * ["right"])
]


def table(in_shape, rows, chosen):
    """All rows, and the totals."""
    lines = [("", "input", coloured(in_shape), "", "", "", "")]
    for i, row in enumerate(rows):
        counts = (f"{n:,}" if n else "–" for n in (row.parameters, row.multiply_adds))
        field = " × ".join(map(str, row.field))
        lines.append((i, escape(short(row)), coloured(row.shape), *counts, field, row.jump or "–"))
    total = ("", "total", "", *(f"{n:,}" for n in totals(rows)), "", "")
    styles = [CHOSEN if i == chosen else "" for i in range(-1, len(rows))]
    body = [line(cells, "td", style) for cells, style in zip(lines, styles)]
    body += [line(total, "td", "border-top: 1px solid; font-weight: bold")]
    return (
        '<table style="border-collapse: collapse; font-size: 13px; line-height: 1.5; white-space: nowrap; '
        f'font-variant-numeric: tabular-nums"><thead style="font-size: 12px">{line(COLUMNS, "th")}</thead>'
        f"<tbody>{''.join(body)}</tbody></table>"
    )


def line(cells, kind, style=""):
    inside = "".join(f"<{kind} {cell_style}>{cell}</{kind}>" for cell, cell_style in zip(cells, CELLS))
    return f'<tr style="{style}">{inside}</tr>'


def short(row):
    """The name of a layer without its settings."""
    return row.name.partition("(")[0]


def told_shape(shape):
    return " x ".join(f"{n:,}" for n in shape)
