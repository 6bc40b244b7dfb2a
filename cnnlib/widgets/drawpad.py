"""Paint a picture, and watch a network make up its mind about it."""

import copy
from collections import deque
from html import escape
from itertools import pairwise

import numpy as np
import traitlets
from ipywidgets import HTML, Button, ColorPicker, FloatSlider, HBox, IntSlider, Label, VBox
from matplotlib import colormaps
from matplotlib.colors import to_hex, to_rgb

from cnnlib import ReLU, data, plots

from .explorer import Explorer
from .tiles import Tiles, box, greatest, number

# Okabe and Ito's, which colour-blind readers can tell apart; and greys, for pictures that have no colours.
COLOURS = {
    "black": "#000000", "white": "#ffffff", "yellow": "#f0e442", "orange": "#e69f00", "red": "#d55e00",
    "purple": "#cc79a7", "blue": "#0072b2", "sky blue": "#56b4e9", "green": "#009e73",
}  # fmt: skip
GREYS = {"black": "#000000", "dark grey": "#404040", "grey": "#808080", "light grey": "#c0c0c0", "white": "#ffffff"}

STROKES = 100  # that can be undone
SHOWN = 16  # maps at most
LEFT, RIGHT = 320, 510  # width of the pad, and of what the network says, in pixels of the screen


class DrawPad(Explorer):
    """Paint on a picture: what the network takes it for, and the maps of its first layer, follow the brush.

    net      takes images (depth, height, width), depth 1 or 3, and ends in a number for each class
    images   (n, depth, height, width), values from 0 to 1: pictures to load and paint over
    names    of the classes; unless said, cross and circle if there are two, and their numbers if there are more
    other    another network for the same images and classes: what it says is shown beside
    prepare  what is done to images (n, depth, height, width) before a network sees them; None: nothing

    Set `colour` and `radius` of the brush (in pixels), `background`, and `example`, the number of the image loaded.
    `paint`, `undo`, `clear` and `load` do what the hand does. `image` (depth, height, width) is the picture, and may be
    set; `probabilities` and `other_probabilities` (classes,) and `maps` (filters, h, w) are what comes of it.
    The background shows wherever nothing is painted: change it, and it changes behind the strokes.

    With the keyboard: on the picture, arrow keys move the brush (by 8 with Shift), and the space bar paints, also
    while it is held down and the brush moves.

    Raises ValueError or TypeError where networks, images and names do not fit each other.
    """

    colour = traitlets.Unicode()
    background = traitlets.Unicode()
    radius = traitlets.Float()
    example = traitlets.Int(0)

    def __init__(self, net, images=None, names=None, other=None, prepare=data.centered):
        check(net, other)
        self.shape, (classes,) = net.input_shape, net.out_shapes[-1]
        depth, height, width = self.shape
        if names is None:
            names = ("cross", "circle") if classes == 2 else range(classes)
        self.names = list(map(str, names))
        if len(self.names) != classes:
            raise ValueError(f"names must be {classes}, one for each class, not {len(self.names)}: {self.names}")
        self.nets = {"the network": twin(net)} | ({"the other network": twin(other)} if other else {})
        self.prepare = prepare or (lambda x: x)
        self.images = None if images is None else pictures(images, "images", ("n", *self.shape))
        self.first = first_layers(self.nets["the network"])

        self.swatches = GREYS if depth == 1 else COLOURS
        self.colour, self.background = ("white", "black") if depth == 1 else ("yellow", "blue")
        self.radius = max(round(max(height, width) / 20), 3) / 2
        if images is None:
            self.ink, self.cover = np.zeros(self.shape, np.float32), np.zeros((height, width), np.float32)
        else:
            self.ink, self.cover = self.images[0], np.ones((height, width), np.float32)
        self.past = deque(maxlen=STROKES)  # (ink, cover) before each stroke
        self.last = None  # the place that a stroke has come to
        self.leafing = False  # through the images, and nothing painted since
        seen = discs(*self.shape) if images is None else self.images[:64]
        self.brightest = greatest(self.first_maps(self.prepared(seen)))  # where the scale of the maps ends, for good

        self.pad = Tiles(pointer="paint", zoom=max(LEFT // max(height, width), 1))
        self.bars, self.sheet = HTML(), Tiles(zoom=map_zoom(*net.out_shapes[0]) if self.first else 1)
        left = VBox([self.pad, *self.controls()])
        right = VBox([self.palette("brush", "colour"), self.palette("background", "background"), self.bars])
        right.children += tuple(self.evidence())
        left.layout.margin, right.layout.width = "0 16px 0 0", f"{RIGHT}px"
        super().__init__(HBox([left, right]))
        self.pad.picked = (0, height // 2, width // 2)
        self.pad.on_paint(self.follow)
        self.pad.observe(self.place_brush, "picked")
        self.observe(self.place_brush, "radius")
        self.observe(lambda _: self.tell(), ["colour", "radius"])
        self.observe(lambda _: self.show(), "background")
        self.observe(lambda change: self.load(change.new), "example")
        self.place_brush()
        self.show()

    @traitlets.validate("colour", "background")
    def named(self, proposal):
        return self.hex(proposal.value, proposal.trait.name)

    @traitlets.validate("radius")
    def thin_enough(self, proposal):
        if not 0.5 <= proposal.value <= self.thickest:
            raise traitlets.TraitError(f"radius must be 0.5 to {self.thickest:g} pixels, not {proposal.value}")
        return proposal.value

    @traitlets.validate("example")
    def there(self, proposal):
        last = 0 if self.images is None else len(self.images) - 1
        if not 0 <= proposal.value <= last:
            raise traitlets.TraitError(f"example must be 0 to {last}, as there are images, not {proposal.value}")
        return proposal.value

    @property
    def thickest(self):
        return max(max(self.shape) / 8, 2)

    # What the hand does

    def paint(self, places, *, colour=None, radius=None):
        """Paint a stroke through these places, [(row, column), ...], straight from each to the next.

        The colour is a name, "#rrggbb", or (red, green, blue) from 0 to 1. Raises ValueError for what cannot be.
        """
        _, height, width = self.shape
        places = [tuple(place) for place in places]
        if not places:
            raise ValueError("a stroke needs one place (row, column) at least")
        for place in places:
            if len(place) != 2 or not (0 <= place[0] < height and 0 <= place[1] < width):
                raise ValueError(f"a place must be (row, column) in {height} x {width} pixels, not {place}")
        radius = self.radius if radius is None else radius
        if not 0 < radius < np.inf:
            raise ValueError(f"radius must be a number of pixels above 0, not {radius}")
        self.stroke(places, self.colour if colour is None else self.hex(colour, "colour"), radius)

    def follow(self, cells):
        """The hand's brush has passed these cells: a stroke, or more of one."""
        places = [(row, column) for _, row, column in cells]
        self.stroke(places, self.colour, self.radius, after=None if self.pad.stroke["began"] else self.last)

    def stroke(self, places, colour, radius, after=None):
        """Paint a stroke, or more of it, after the place that it has come to."""
        if after is None:
            self.past.append((self.ink, self.cover))
            self.coverage = np.zeros_like(self.cover)  # by this stroke: its pieces are one, with one soft edge
        for start, end in pairwise([after or places[0], *places]):
            cover_line(self.coverage, start, end, radius)
        ink, cover = self.past[-1]
        self.put(ink + self.coverage * (self.values(colour) - ink), cover + self.coverage * (1 - cover))
        self.last = places[-1]

    def undo(self):
        """Take back the last stroke, clear or load. Where there was none, nothing happens."""
        if self.past:
            self.put(*self.past.pop())

    def clear(self):
        """Nothing but background."""
        self.past.append((self.ink, self.cover))
        self.put(np.zeros_like(self.ink), np.zeros_like(self.cover))

    def load(self, example):
        """Put one of the images on the pad, to be painted over."""
        if self.images is None:
            raise ValueError("there are no images to load: give some, DrawPad(net, images)")
        if example != self.example:
            self.example = example  # which comes back here
            return
        if not self.leafing:  # one undo leads back to what was there before, not through all images
            self.past.append((self.ink, self.cover))
        self.put(self.images[example], np.ones_like(self.cover))
        self.leafing = True

    @property
    def image(self):
        """The picture: float32 (depth, height, width), from 0 to 1."""
        return np.clip(self.ink + (1 - self.cover) * self.values(self.background), 0, 1)

    @image.setter
    def image(self, image):
        image = pictures(image, "image", self.shape)
        self.past.append((self.ink, self.cover))
        self.put(image, np.ones_like(self.cover))

    def put(self, ink, cover):
        """This is painted now: the paint, (depth, height, width), and how much of each pixel it covers, from 0 to 1."""
        self.ink, self.cover, self.last, self.leafing = ink, cover, None, False
        self.show()

    # What comes of it

    def show(self):
        depth, height, width = self.shape
        image = self.image
        x = self.prepared(image[None])
        self.answers = {name: net.probabilities(x)[0] for name, net in self.nets.items()}
        self.maps = self.first_maps(x)[0]
        self.pad.show([image], [f"paint here: depth {depth}, height {height}, width {width}"])
        captions = [f"map {i}" for i in range(len(self.maps))]
        signed = not isinstance(self.first[-1], ReLU) if self.first else False
        self.sheet.show(self.maps[:SHOWN], captions[:SHOWN], signed=signed, largest=self.brightest, legend=True)
        self.bars.value = bars(self.answers, self.names)
        self.tell()

    def prepared(self, images):
        """Images as the network takes them."""
        dtypes = [p.dtype for p in self.nets["the network"].named_params().values()]
        return np.asarray(self.prepare(images)).astype(dtypes[0] if dtypes else np.float32)

    def first_maps(self, x):
        """What the first convolution makes of prepared images, (n, filters, h, w); no maps where there is none."""
        for layer in self.first:
            x = layer.forward(x)
        return x if self.first else x[:, :0]

    @property
    def probabilities(self):
        """How sure the network is of each class, (classes,)."""
        return self.answers["the network"]

    @property
    def other_probabilities(self):
        """How sure the other network is."""
        return self.answers["the other network"]

    def tell(self, problem=""):
        super().tell(problem or self.pad.missing)

    @property
    def text(self):
        _, height, width = self.shape
        told = [f"A picture of {height} x {width} pixels."]
        told += [f"{who.capitalize()} says {verdict(p, self.names)}." for who, p in self.answers.items()]
        if len(self.maps):
            n, most = len(self.maps), greatest(self.maps)
            maps = f"{n} maps; the largest number in them is" if n > 1 else "a map; the largest number in it is"
            told.append(f"Its first layer makes {maps} {most:.2f}.")
        wide = number(2 * self.radius)
        brush = f"{self.told(self.colour)}, {wide} pixel{'' if wide == '1' else 's'} wide"
        told.append(f"The brush is {brush}; the background is {self.told(self.background)}.")
        return " ".join(told)

    def place_brush(self, _=None):
        """The frame on the pad: where the arrow keys are, as large as the brush."""
        tile, row, column = self.pad.picked
        side = 2 * self.radius
        self.pad.boxes = [box(tile, row + 0.5 - self.radius, column + 0.5 - self.radius, side, side, "#808080")]

    # Colours

    def hex(self, colour, what):
        """A colour as "#rrggbb": one of the swatches' names, or whatever matplotlib knows as a colour."""
        try:
            rgb = to_rgb(self.swatches.get(colour, colour) if isinstance(colour, str) else colour)
        except ValueError:
            known = ", ".join(self.swatches)
            raise ValueError(f'{what} must be one of {known}, or as "#e69f00", not {colour!r}') from None
        return to_hex([rgb @ data.LUMA] * 3 if self.shape[0] == 1 else rgb)

    def values(self, colour):
        """A colour as numbers in the depth of the picture: (depth, 1, 1)."""
        return np.array(to_rgb(colour), np.float32)[: self.shape[0], None, None]

    def told(self, colour):
        """The name of a colour, if it has one."""
        return next((name for name, value in self.swatches.items() if value == colour), colour)

    # Controls

    def controls(self):
        """What stands under the picture."""
        undo = Button(description="Undo", tooltip="take the last stroke back", layout={"width": "100px"})
        clear = Button(description="Clear", tooltip="nothing but background", layout={"width": "100px"})
        undo.on_click(lambda _: self.undo())
        clear.on_click(lambda _: self.clear())
        look = {"style": {"description_width": "90px"}, "layout": {"width": f"{LEFT}px"}}
        size = FloatSlider(self.radius, min=0.5, max=self.thickest, step=0.5, description="brush radius", **look)
        traitlets.link((self, "radius"), (size, "value"))
        yield from (HBox([undo, clear]), size)
        if self.images is not None:
            slider = IntSlider(0, 0, len(self.images) - 1, description="load image", **look)
            traitlets.link((self, "example"), (slider, "value"))
            yield slider

    def palette(self, what, trait):
        """Colours to choose from. The chosen one has a tick and is named: none has to be told by its look."""
        label, small = Label(layout={"width": "140px"}), {"width": "32px", "padding": "0", "border": "1px solid #888"}
        buttons = {}
        for name, colour in self.swatches.items():
            style = {"button_color": colour, "text_color": "black" if to_rgb(colour) @ data.LUMA > 0.5 else "white"}
            button = Button(tooltip=f"{what}: {name}", style=style, layout=small)
            button.on_click(lambda _, colour=colour: setattr(self, trait, colour))
            buttons[colour] = button

        def tick(_=None):
            chosen = getattr(self, trait)
            label.value = f"{what}: {self.told(chosen)}"
            for colour, button in buttons.items():
                button.description = "✓" if colour == chosen else " "  # for "", ipywidgets would leave the tick

        self.observe(tick, trait)
        tick()
        if self.shape[0] == 1:
            return HBox([label, *buttons.values()])
        any_colour = ColorPicker(concise=True, tooltip=f"{what}: any colour", layout={"width": "32px"})
        traitlets.link((self, trait), (any_colour, "value"))
        return HBox([label, *buttons.values(), any_colour])

    def evidence(self):
        """The maps, under a line that says what made them."""
        if self.first:
            n = self.nets["the network"].out_shapes[0][0]
            maps = f"the first {SHOWN} of {n} maps" if n > SHOWN else "the maps" if n > 1 else "the map"
            yield HTML(f"{maps.capitalize()} after {escape(' and '.join(map(str, self.first)))}:")
            yield self.sheet


def check(net, other):
    """Raise ValueError unless the networks can look at what is painted, and both at the same."""
    if len(net.input_shape) != 3 or net.input_shape[0] not in (1, 3):
        raise ValueError(f"the network must take images (1 or 3, height, width), not {net.input_shape}")
    if len(net.out_shapes[-1]) != 1:
        raise ValueError(f"the network must end in a number for each class, not in {net.out_shapes[-1]}: add Linear")
    if other:
        ours, theirs = ((n.input_shape, *n.out_shapes[-1]) for n in (net, other))
        if ours != theirs:
            raise ValueError(f"other must take the same images and tell the same classes, {ours}, not {theirs}")


def twin(net):
    """The same network, weights shared, so that it is always as far as the reader's; what it sees stays here."""
    twin = copy.copy(net)
    twin.layers = [layer.twin() for layer in net.layers]
    return twin


def first_layers(net):
    """The first layer, and a ReLU if it comes next; none where the first makes no maps."""
    makes_maps = len(net.out_shapes[0]) == 3
    return net.layers[: 1 + isinstance(net.layers[1], ReLU)] if makes_maps else []


def pictures(values, what, shape):
    """Values from 0 to 1 as a new float32 array; raises ValueError where they are not, or not of that shape."""
    values = np.array(values, np.float32)
    if values.ndim != len(shape) or any(n != m for n, m in zip(values.shape, shape) if m != "n") or not values.size:
        raise ValueError(f"{what} must be ({', '.join(map(str, shape))}), not {values.shape}")
    if (values < 0).any() or (values > 1).any():
        low, high = np.nanmin(values), np.nanmax(values)
        raise ValueError(f"{what} must have values from 0 to 1, not {low:.4g} to {high:.4g}; `prepare` does the rest")
    return values


def discs(depth, height, width):
    """Two pictures, a white disc on black and a black one on white: what a brush may paint."""
    coverage = np.zeros((height, width), np.float32)
    cover_line(coverage, (height // 2, width // 2), (height // 2, width // 2), min(height, width) / 4)
    return np.repeat(np.stack([coverage, 1 - coverage])[:, None], depth, axis=1)


def cover_line(coverage, start, end, radius):
    """Let a round brush pass from one place (row, column) to another: (h, w), 1 inside, 0 outside, soft edges."""
    (r0, c0), (r1, c1) = start, end
    reach = radius + 1
    top, left = (max(int(min(pair) - reach), 0) for pair in ((r0, r1), (c0, c1)))
    part = coverage[top : int(max(r0, r1) + reach) + 1, left : int(max(c0, c1) + reach) + 1]
    rows = np.arange(top, top + part.shape[0], dtype=np.float32)[:, None] - r0
    columns = np.arange(left, left + part.shape[1], dtype=np.float32) - c0
    down, right = r1 - r0, c1 - c0
    along = np.clip((rows * down + columns * right) / ((down * down + right * right) or 1), 0, 1)
    distance = np.hypot(rows - along * down, columns - along * right)  # of each pixel to the line
    np.maximum(part, np.clip(0.5 + radius - distance, 0, 1), out=part)


def map_zoom(maps, height, width):
    """Pixels of the screen for one of a map, so that two lines, or three, hold them all."""
    side = 160 if maps <= 3 else 130 if maps <= 6 else 117 if maps <= 8 else 72
    return max(2 * side // max(height, width) / 2, min(1, side / max(height, width)))


def verdict(p, names):
    """The three likeliest classes, in words."""
    if np.isnan(p).any():
        return "nothing: it was shown what is not a number"
    return ", ".join(f"{names[i]} ({p[i]:.1%})" for i in np.argsort(-p.round(4), kind="stable")[:3])


def bars(answers, names):
    """Probabilities as bars, a class a line, a column for each network: an SVG picture."""
    line, wide = (26, 15) if len(names) <= 4 else (17, 13)  # pixels: height of a line, and of its letters
    colours = (plots.CROSS, plots.CIRCLE)
    if len(names) != 2:
        colours = [to_hex(c) for c in colormaps["viridis"](np.linspace(0.1, 0.9, len(names)))]
    column = RIGHT / len(answers)
    name_wide = min(max(map(len, names)) * 0.6 * wide + 10, column / 2)
    room = column - name_wide - 5.3 * wide
    head = line if len(answers) > 1 else 0
    parts = []
    for i, (who, p) in enumerate(answers.items()):
        left = i * column
        if head:
            parts.append(f'<text x="{left + name_wide:.1f}" y="{head - 8}" font-weight="bold">{who}</text>')
        for k, (name, colour) in enumerate(zip(names, colours)):
            y = head + k * line
            share = 0.0 if np.isnan(p[k]) else float(p[k])
            bold = ' font-weight="bold"' if share == max(p) else ""
            text = f'<text y="{y + 0.7 * line:.1f}"{bold} '
            parts.append(f'{text}x="{left + name_wide - 8:.1f}" text-anchor="end">{escape(name)}</text>')
            place = f'x="{left + name_wide:.1f}" y="{y + 2}" height="{line - 4}"'
            parts.append(f'<rect {place} width="{room:.1f}" fill="currentColor" opacity="0.08"/>')
            parts.append(f'<rect {place} width="{share * room:.1f}" fill="{colour}"/>')
            parts.append(f'{text}x="{left + name_wide + room + 6:.1f}">{share:.1%}</text>')
    alt = "; ".join(f"{who} says {verdict(p, names)}" for who, p in answers.items())
    style = f"display: block; color: var(--jp-ui-font-color1, #222); font-size: {wide}px; font-family: sans-serif"
    size = f'width="{RIGHT}" height="{head + line * len(names)}"'
    opening = f'<svg {size} role="img" aria-label="{escape(alt)}" style="{style}" fill="currentColor">'
    return f"{opening}{''.join(parts)}</svg>"
