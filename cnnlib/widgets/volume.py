"""Filters on their way over a volume: each spans the whole depth, and makes one map."""

import math

import numpy as np
import traitlets
from ipywidgets import HTML, Checkbox, HBox, ToggleButtons, VBox

from cnnlib import plots
from cnnlib.layers import Conv2D

from .convolution import short
from .explorer import Explorer, ink
from .ledger import coloured
from .tiles import Tiles, box, greatest, number

MOST = 8  # channels and filters that are drawn one by one
ROOM = 480  # pixels of the screen for a column of tiles
GAP = 30  # under a tile: its caption, and the way to the next
WIDE = 100  # the widest that a channel or a map is drawn
LEFT, RIGHT, END = 28, 166, 216  # where the circles of channels and of maps stand, and where their picture ends
ROUND = 23  # how large a circle is
GROUND = "var(--jp-layout-color0, #fff)"  # the colour of the page


class VolumeExplorer(Explorer):
    """Filters over a volume: at one place, what each channel gives, and how that becomes one number of a map.

    explorer = VolumeExplorer(image, filters, bias)

    image (depth, height, width); filters (filters, depth, size, size); bias (filters,), zeros unless given. All is
    padded with zeros, so that the maps are as high and wide as the image.

    A circle on the left is a channel, a circle on the right a map, and the arrows that lead to a map are its filter,
    one slice for each channel. Click into a map, or go about it with the arrow keys, to see what is summed there.

    Set `filter`, `row` and `column`, and `relu` to cut off what is negative. Read `parts`, one sum for each channel,
    `total`, their sum and the bias, and `maps` (filters, height, width) as they are shown, after ReLU if it is on.

    ValueError for arrays that do not fit together, and for more than 8 channels or filters. TraitError for a filter or
    a place that is not there.
    """

    filter, row, column = (traitlets.Int(0) for _ in range(3))
    relu = traitlets.Bool(False)

    def __init__(self, image, filters, bias=None):
        self.image, self.filters = np.array(image, float), np.array(filters, float)
        self.bias = np.zeros(self.filters.shape[:1]) if bias is None else np.array(bias, float)
        check(self.image, self.filters, self.bias)
        n, depth, self.size, _ = self.filters.shape
        layer = Conv2D(n, self.size)
        layer.build(self.image.shape, np.random.default_rng(0))
        layer.params = {"w": self.filters, "b": self.bias}
        with np.errstate(invalid="ignore"):  # where the image is infinite
            self.sums = layer.forward(self.image[None])[0]
        self.before = layer.before
        self.framed = np.pad(self.image, [(0, 0), *[(layer.before, layer.after)] * 2])
        self.largest = max(greatest(self.image) * greatest(self.filters), greatest(self.bias)) or 1.0
        self.seen = ()

        slim = {"button_width": "44px", "description_width": "initial"}
        choose = ToggleButtons(options=range(n), description="filter", style=slim, layout={"display": "flex"})
        cut = Checkbox(description="ReLU", indent=False, layout={"width": "80px"})
        controls = HBox([choose, cut], layout={"grid_gap": "20px"})
        super().__init__(controls, HBox(self.columns(), layout={"grid_gap": "0 8px"}))
        self.words.style.font_size = "15px"

        self.row, self.column = (side // 2 for side in self.image.shape[1:])
        self.show()
        traitlets.link((self, "filter"), (choose, "value"))
        traitlets.link((self, "relu"), (cut, "value"))
        self.observe(self.show, "relu")
        self.observe(self.look, ["filter", "row", "column"])
        self.output.observe(lambda change: self.move(*change.new), "picked")
        self.channels.observe(lambda change: self.move(self.filter, *change.new[1:]), "picked")
        for sheet in self.numbers:
            sheet.observe(self.hover, "hovered")

    def columns(self):
        """What stands side by side, each under its heading, all in the middle of the same height."""
        (depth, height, width), n = self.image.shape, len(self.filters)
        self.channels, self.output = (Tiles(columns=1, pointer="drag") for _ in range(2))
        self.numbers = self.patches, self.slices, self.products = [Tiles(columns=1) for _ in range(3)]
        side = np.clip(ROOM / depth - GAP, min(20 * self.size, 100), 100)
        self.channels.zoom = min(side / height, WIDE / width)
        self.output.zoom = min(np.clip(ROOM / n - GAP, 56, 100) / height, WIDE / width)
        for sheet in self.numbers:
            sheet.zoom = side / self.size

        columns = {self.channels: (depth, height), self.output: (n, height)}
        columns |= {sheet: (depth, self.size) for sheet in self.numbers}
        self.high = max(many * (cells * sheet.zoom + GAP) for sheet, (many, cells) in columns.items())
        for sheet, (many, cells) in columns.items():
            tall = cells * sheet.zoom
            sheet.layout.margin = f"{places(many, tall, self.high)[0] - tall / 2:.0f}px 0 0"
        self.left, self.right = places(depth, side, self.high), places(n, self.output.zoom * height, self.high)

        self.arrows, self.over = HTML(), HTML()
        times, equals = (HTML(self.picture(10, "".join(word(5, y + 5, sign) for y in self.left))) for sign in "×=")
        volume, window = self.image.shape, self.filters.shape[1:]
        headed = [
            (HTML(head("channels", volume)), self.channels),
            (HTML(head("patch", window)), self.patches),
            (HTML(head()), times),
            (HTML(head("slices", window)), self.slices),
            (HTML(head()), equals),
            (HTML(head("products", window)), self.products),
            (HTML(head("filters", self.filters.shape)), self.arrows),
            (self.over, self.output),
        ]
        return [VBox(column, layout={"flex": "0 0 auto"}) for column in headed]

    # What Python reads and sets

    @traitlets.validate("filter", "row", "column")
    def there(self, proposal):
        name = proposal.trait.name
        last = self.sums.shape[("filter", "row", "column").index(name)] - 1
        if not 0 <= proposal.value <= last:
            raise traitlets.TraitError(f"{name} must be 0 to {last}, not {proposal.value}")
        return proposal.value

    @property
    def patch(self):
        """What the window lies on: (depth, size, size)."""
        return self.framed[:, self.row : self.row + self.size, self.column : self.column + self.size]

    @property
    def parts(self):
        """What each channel gives, its products added up: (depth,)."""
        return self.rounded((self.patch * self.filters[self.filter]).sum((1, 2)))

    @property
    def total(self):
        """All parts added up, and the bias; before ReLU."""
        return float(self.rounded(self.parts.sum() + self.bias[self.filter]))

    @property
    def maps(self):
        """What all filters make of the image, as shown."""
        return np.maximum(self.sums, 0) if self.relu else self.sums

    @property
    def text(self):
        total, (first, *others) = self.told(self.total), map(self.told, (*self.parts, self.bias[self.filter]))
        *parts, bias = [first, *map(signed, others)]
        added = sum(float(term.replace(" ", "")) for term in (*parts, bias))
        equals = "=" if np.isclose(added, float(total), atol=1e-9, equal_nan=True) else "≈"
        relu = f", after ReLU {self.told(max(self.total, 0))}" if self.relu else ""
        return (
            f"Filter {self.filter} at row {self.row}, column {self.column}: {' '.join(parts)} (channels) {bias} (bias) "
            f"{equals} {total}{relu}. {self.channels.missing}"
        ).strip()

    def rounded(self, values):
        """Without the dust that adding up leaves behind: 0.1 + 0.2 - 0.3 is 0."""
        return np.round(values, 6 - math.floor(math.log10(self.largest)))

    def told(self, value):
        """A sum as it is written."""
        return number(short(value, self.largest))

    # What the hand does

    def move(self, filter, row, column):
        """Look at this number of the maps."""
        with self.hold_trait_notifications():
            self.filter, self.row, self.column = filter, row, column

    def hover(self, change):
        """Stress a number, its weight and their product."""
        for sheet in self.numbers:
            sheet.boxes = [box(*change.new, 1, 1)] if change.new else []

    # What is shown

    def show(self, change=None):
        """Draw all of it anew."""
        self.scale = {"signed": bool((self.image < 0).any()), "largest": greatest(self.image)}
        self.channels.show(list(self.image), self.each("depth"), numbers=True, **self.scale)
        self.output.show(
            list(self.maps), [f"filter {f}" for f in range(len(self.sums))], signed=not self.relu, numbers=True
        )
        self.over.value = head("maps, after ReLU" if self.relu else "maps", self.sums.shape)
        self.seen = ()
        self.look()

    def look(self, change=None):
        """Draw what goes with the place and the filter."""
        if self.seen == (self.filter, self.row, self.column):
            return
        weights, largest = self.filters[self.filter], greatest(self.filters)
        if self.seen[:1] != (self.filter,):
            captions = self.each("slice")
            self.slices.show(list(short(weights, largest)), captions, signed=True, largest=largest, numbers=True)
        self.seen = self.filter, self.row, self.column
        self.patches.show(
            list(short(self.patch, self.scale["largest"])), self.each("patch"), numbers=True, **self.scale
        )
        self.products.show(
            list(short(self.patch * weights, largest * self.scale["largest"])),
            [f"sum {self.told(part)}" for part in self.parts],
            signed=True, largest=largest * self.scale["largest"], numbers=True,
        )  # fmt: skip
        corner = self.row - self.before, self.column - self.before
        with self.channels.hold_sync(), self.output.hold_sync():
            self.channels.boxes = [box(d, *corner, self.size, self.size, plots.FILTER) for d in range(len(self.image))]
            self.output.boxes = [box(*self.seen, 1, 1, plots.FILTER)]
            self.channels.picked = (*(self.channels.picked or (0,))[:1], self.row, self.column)
            self.output.picked = self.seen
        told = "circles for channels, arrows for filters: the numbers are told below"
        self.arrows.value = self.picture(END, self.graph(), told)
        self.tell()

    def each(self, name):
        """A caption for each channel: "slice 0", "slice 1"."""
        return [f"{name} {d}" for d in range(len(self.image))]

    def graph(self):
        """Circles for channels and for maps, and from each channel to each map an arrow: a slice of a filter."""
        faint, strong = [
            [arrow(here, there, f == self.filter) for f, there in enumerate(self.right) for here in self.left
             if (f == self.filter) == chosen]
            for chosen in (False, True)
        ]  # fmt: skip
        y, bias = self.right[self.filter], signed(self.told(self.bias[self.filter]))
        notes = [note(y - ROUND - 7, f"{bias} bias")]
        if self.relu:
            notes.append(note(y + ROUND + 16, f"ReLU({self.told(self.total)})"))
        made = self.maps[:, self.row, self.column]
        here = [circle(LEFT, y, self.told(part), True) for y, part in zip(self.left, self.parts)]
        there = [circle(RIGHT, y, self.told(v), f == self.filter) for f, (y, v) in enumerate(zip(self.right, made))]
        return "".join(faint + strong + here + there + notes)

    def picture(self, width, inside, told=""):
        """An SVG as tall as the tallest column of tiles."""
        label = f'role="img" aria-label="{told}"' if told else 'aria-hidden="true"'
        return (
            f'<svg width="{width}" height="{self.high:.0f}" {label} fill="currentColor" text-anchor="middle" '
            f'style="display: block; font: 14px sans-serif; color: var(--jp-ui-font-color1, #222)">{inside}</svg>'
        )

    def figure(self):
        """A still picture: channel by channel, and the maps."""
        channels = zip(*(sheet.rows() for sheet in (self.channels, *self.numbers)))
        rows = [[tile for line in lines for tile in line] for lines in channels]
        return plots.still([*rows, [tile for line in self.output.rows() for tile in line]], alt=self.text)


def check(image, filters, bias):
    """Raise ValueError unless these fit together."""
    if image.ndim != 3 or image.size == 0:
        raise ValueError(f"image must be (depth, height, width), not {image.shape}")
    if filters.ndim != 4 or filters.size == 0 or filters.shape[2] != filters.shape[3]:
        raise ValueError(f"filters must be (filters, depth, size, size), not {filters.shape}")
    if filters.shape[1] != len(image):
        raise ValueError(f"filters must be as deep as the image, {len(image)}, not {filters.shape[1]}")
    if bias.shape != filters.shape[:1]:
        raise ValueError(f"bias must be one number for each filter, {filters.shape[:1]}, not {bias.shape}")
    for name, n in (("channels", len(image)), ("filters", len(filters))):
        if n > MOST:
            raise ValueError(f"{n} {name} are too many to draw one by one: at most {MOST}")


# The drawing


def places(n, tall, high):
    """Where the middles of n tiles so tall are, in a column that is itself in the middle of a height."""
    top = (high - n * (tall + GAP)) / 2
    return [top + i * (tall + GAP) + tall / 2 for i in range(n)]


def head(name="", shape=()):
    """What stands over a column: its name, and its shape in the colours of the axes."""
    told = f'<b style="{ink(plots.FILTER)}">{shape[0]}</b> × ' if len(shape) == 4 else ""
    told += coloured(shape[-3:]) if shape else "&nbsp;"
    return f'<div style="font-size: 13px; line-height: 1.4; white-space: nowrap">{name or "&nbsp;"}<br>{told}</div>'


def word(x, y, text):
    return f'<text x="{x}" y="{y:.1f}">{text}</text>'


def note(y, text):
    """What belongs to a map's circle, readable across arrows."""
    return f'<g text-anchor="end" paint-order="stroke" stroke="{GROUND}" stroke-width="4">{word(END, y, text)}</g>'


def circle(x, y, text, chosen):
    paint = f'fill="{GROUND}" stroke="{plots.DEPTH}" stroke-width="{3 if chosen else 1.5}"'
    weight = ' font-weight="bold"' if chosen else ""
    return f'<circle cx="{x}" cy="{y:.1f}" r="{ROUND}" {paint}/><g font-size="13"{weight}>{word(x, y + 4.5, text)}</g>'


def arrow(here, there, chosen):
    """From a channel's circle to a map's, up to its edge."""
    far = math.hypot(RIGHT - LEFT, there - here)
    right, down = (RIGHT - LEFT) / far, (there - here) / far
    x, y = RIGHT - (ROUND + 4) * right, there - (ROUND + 4) * down
    if not chosen:
        return f'<path d="M{LEFT} {here:.1f}L{x:.1f} {y:.1f}" stroke="currentColor" stroke-opacity="0.25"/>'
    base, side = (x - 11 * right, y - 11 * down), (-4.5 * down, 4.5 * right)
    ends = " ".join(f"{base[0] + s * side[0]:.1f},{base[1] + s * side[1]:.1f}" for s in (1, -1))
    return (
        f'<path d="M{LEFT} {here:.1f}L{base[0]:.1f} {base[1]:.1f}" stroke="{plots.FILTER}" stroke-width="3"/>'
        f'<polygon points="{x:.1f},{y:.1f} {ends}" fill="{plots.FILTER}"/>'
    )


def signed(text):
    """A number that is added: "+ 3" or "- 3"."""
    return f"- {text[1:]}" if text[0] == "-" else f"+ {text}"
