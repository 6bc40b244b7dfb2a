"""Look into a network: every map that it makes of an image, and where each number in them came from."""

import copy
import math
import re
from functools import partial, singledispatch
from html import escape
from typing import NamedTuple

import numpy as np
import traitlets
from ipywidgets import HTML, Box, Dropdown, IntSlider, ToggleButtons, VBox

from cnnlib import plots
from cnnlib.layers import Conv2D, Flatten, Layer, Linear, MaxPool2D, ReLU
from cnnlib.network import softmax
from cnnlib.training import check_labels

from .explorer import Explorer
from .tiles import Tiles, box, crisp, greatest, number

PICTURE = 128  # pixels: the image, along its longer side
TALL, WIDE = 430, 150  # pixels: the maps of a layer, where they can be made to fit
TERM = 268  # pixels: how wide a column of the arithmetic is
FLAT, DEEP = 230, 660  # pixels: how tall it should be, and may be so that its numbers can be read
GAP, CAPTION, LEAST = 8, 22, 24  # pixels: between tiles, below one, and how small one may be
FEW = 20  # so many single numbers are drawn one by one; more are folded into lines, see `per_line`
SUMMED = 6  # so many maps are summed one by one in words; of more, the sum of all
READABLE = 20  # pixels: a cell that has room for its number
WORD = 48  # a tile of fewer pixels is too narrow for a word in its caption
FRAME = plots.FILTER  # the colour of the frame around a unit, and around what it sees


class Field(NamedTuple):
    """What a unit sees of a volume: some of its maps, and of each a box, bottom and right the first outside."""

    maps: range
    top: int
    left: int
    bottom: int
    right: int


NOTHING_SEEN = Field(range(0), 0, 0, 0, 0)  # by a unit that lies in the padding


class NetworkExplorer(Explorer):
    """Every layer's maps of an image; and for each number in them, what it saw and how it was worked out.

    net     a Network that ends in a number for each class; the explorer keeps a copy
    images  (n, depth, height, width), as the network takes them
    labels  (n,) whole numbers, the true classes; names  a word for each class
    before  `net.weights` as they once were, such as film.weights[0]: adds a switch between before and after training

    Point at a number to see its frame, and a frame around what it sees in every earlier layer. Click it, or go to it
    with the arrow keys, and it is held. Traits to read and to set:
        image                     which image
        layer, map, row, column   which number; of a layer without maps it is number `map`, at row 0 and column 0
        show                      "activations", or "gradients": how fast the logit of `chosen` grows with each
        chosen                    the class whose gradients and evidence are shown
        weights                   "after" training, or "before"

    `value` of the number pointed at; `maps` as shown of its layer: (maps, height, width); `probabilities`: (classes,);
    `fields`: {layer: Field}, what the number sees of each earlier layer and, as layer -1, of the image; `evidence`:
    (classes, maps, height, width), what each number before a closing Flatten and Linear adds to each logit, or None.

    Raises ValueError or TypeError where images, labels, names or weights do not fit the network, and TraitError for
    an image, a layer or a number that is not there.
    """

    image, layer, map, row, column, chosen = (traitlets.Int(0) for _ in range(6))
    show = traitlets.Enum(["activations", "gradients"], "activations")
    weights = traitlets.Enum(["after", "before"], "after")

    def __init__(self, net, images, labels=None, names=None, before=None):
        if len(net.input_shape) != 3 or len(net.out_shapes[-1]) != 1:
            raise ValueError(f"the network must make a number for each class, not {net.out_shapes[-1]}: add Linear")
        (classes,) = net.out_shapes[-1]
        self.images = of_dtype(net, images)
        net.check(self.images)
        self.labels = None if labels is None else np.asarray(labels)
        if labels is not None:
            check_labels(self.labels, len(self.images), classes)
        self.names = [f"class {i}" for i in range(classes)] if names is None else [str(name) for name in names]
        if len(self.names) != classes:
            raise ValueError(f"names must be {classes}, one for each class, not {self.names}")

        self.nets = {"after": copy.deepcopy(net)}
        if before is not None:
            self.nets["before"] = copy.deepcopy(net)
            self.nets["before"].weights = np.asarray(before)
        for twin in self.nets.values():
            twin.layers[0].input_gradient = True
        self.forward()
        self.lay_out()

        self.aiming, self.held, self.problem, self.pointed = True, (), "", ()
        self.chosen = int(self.probabilities.argmax())
        brightest = np.unravel_index(self.volume(0).argmax(), self.volume(0).shape)
        self.map, self.row, self.column = (int(i) for i in brightest)
        self.aiming = False
        self.link_up()
        self.draw_image()
        self.draw()
        self.point()

    # What is on the page

    def lay_out(self):
        classes = [(name, i) for i, name in enumerate(self.names)]
        line = {"display": "flex", "flex_flow": "row", "align_items": "baseline"}
        self.controls = {
            "image": IntSlider(0, 0, len(self.images) - 1, description="image", layout={"width": "230px"}),
            "chosen": Dropdown(options=classes, description="class", layout={"width": "140px"}),
            "show": ToggleButtons(options=["activations", "gradients"], description="show", layout=line),
            "weights": ToggleButtons(options=["after", "before"], description="training", layout=line),
        }
        for name, control in self.controls.items():
            control.style.description_width = "60px" if name == "weights" else "46px"
            if isinstance(control, ToggleButtons):
                control.style.button_width = "auto"
        controls = [self.controls[name] for name in self.controls if name != "weights" or "before" in self.nets]

        visible = {"overflow": "visible"}
        wrap = visible | {"flex_flow": "row wrap", "grid_gap": "4px 6px", "align_items": "flex-start"}
        self.picture, self.slices, self.sheets = Tiles(), Tiles(), [Tiles() for _ in self.layers]
        columns = []
        for i, sheets in enumerate([[self.picture, self.slices], *zip(self.sheets)], start=-1):
            columns.append(VBox([HTML(self.head(i)), *sheets], layout=visible))
            columns[-1].add_class("cnn-column")

        self.sum = HTML()
        self.titles, self.terms = [HTML() for _ in range(3)], [Tiles() for _ in range(3)]
        terms = [VBox(pair, layout=visible) for pair in zip(self.titles, self.terms)]

        self.verdict, self.ledger = HTML(), HTML()
        self.by_class, self.by_map = Tiles(), Tiles()
        below = [self.ledger]
        if self.evidence is not None:
            title = HTML("<b>Evidence</b>: every number times its weight, added up to the logit of each class")
            below = [title, Box([self.by_class, self.by_map, self.ledger], layout=wrap)]
        super().__init__(
            Box(controls, layout=wrap), self.verdict, Box(columns, layout=wrap),
            self.sum, Box(terms, layout=wrap), *below,
        )  # fmt: skip
        self.add_class("cnn-close")

    def head(self, i):
        """A layer's name, settings and shape. Its scale is below them: it changes, and comes with the maps."""
        name, _, settings = repr(self.layers[i]).rstrip(")").partition("(") if i >= 0 else ("image", "", "")
        settings = re.sub(r"(, )?init='\w+'", "", settings)  # how the weights began is of no matter now
        sides = zip(self.volume(i).shape, [plots.DEPTH, plots.HEIGHT, plots.WIDTH])
        shape = [underlined(n, colour) for n, colour in sides]
        if self.volume(i).shape[1:] == (1, 1):
            del shape[1:]
        name = f'<b style="font-size: 11px; white-space: nowrap">{escape(name if i < 0 else f"{i} {name}")}</b>'
        lines = [name, escape(settings), " x ".join(shape)]
        return small("<br>".join(filter(None, lines)))

    def link_up(self):
        for name, control in self.controls.items():
            traitlets.link((self, name), (control, "value"))
        for i, tiles in enumerate(self.sheets):
            tiles.observe(partial(self.hover, i), "hovered")
            tiles.observe(partial(self.pick, i), "picked")
        self.observe(self.redraw, ["image", "show", "weights", "chosen"])
        self.observe(self.move, ["layer", "map", "row", "column"])

    # What the network makes of the image

    def forward(self):
        """Send the image through, with the weights of each moment, and keep all volumes: the image's, layer 0's..."""
        x = self.images[self.image : self.image + 1]
        self.volumes = {
            moment: [as_volume(y[0]) for y in [x, *net.activations(x)]] for moment, net in self.nets.items()
        }
        self.drawn = self.volumes

    def backward(self):
        """The gradient of the chosen logit with respect to every volume: a 1 sent back from there."""
        x, gradients = self.images[self.image : self.image + 1], {}
        for moment, net in self.nets.items():
            dy = np.zeros_like(net.forward(x))
            dy[:, self.chosen] = 1
            made = [dy]
            for layer in reversed(net.layers):
                made.append(layer.backward(made[-1]))
            gradients[moment] = [as_volume(dy[0]) for dy in reversed(made)]
        return gradients

    @property
    def layers(self):
        return self.nets[self.weights].layers

    def volume(self, layer):
        """What a layer makes of the image: (maps, height, width); layer -1 is the image itself."""
        return self.volumes[self.weights][layer + 1]

    @property
    def unit(self):
        return self.layer, self.map, self.row, self.column

    @property
    def value(self):
        return float(self.volume(self.layer)[self.map, self.row, self.column])

    @property
    def maps(self):
        return self.drawn[self.weights][self.layer + 1]

    @property
    def logits(self):
        return self.volume(len(self.layers) - 1).ravel()

    @property
    def probabilities(self):
        with np.errstate(invalid="ignore"):
            return softmax(self.logits, axis=0)

    @property
    def evidence(self):
        *_, flatten, linear = [None, *self.layers]
        if not (isinstance(flatten, Flatten) and isinstance(linear, Linear)):
            return None
        x = self.volume(len(self.layers) - 3)
        return linear.params["w"].T.reshape(-1, *x.shape) * x

    @property
    def fields(self):
        field = Field(range(self.map, self.map + 1), self.row, self.column, self.row + 1, self.column + 1)
        found = {}
        for i in range(self.layer, -1, -1):
            field = found[i - 1] = seen(self.layers[i], field, self.volume(i - 1).shape, self.volume(i).shape)
        return found

    # What can be, and what follows

    @traitlets.validate("image", "layer", "map", "row", "column", "chosen")
    def within(self, proposal):
        name = proposal.trait.name
        ends = {"image": len(self.images), "layer": len(self.layers), "chosen": len(self.names)}
        ends |= zip(("map", "row", "column"), self.volume(self.layer).shape)
        if not 0 <= proposal.value < ends[name]:
            raise traitlets.TraitError(f"{name} must be 0 to {ends[name] - 1}, not {proposal.value}")
        return proposal.value

    @traitlets.validate("weights")
    def recorded(self, proposal):
        if proposal.value not in self.nets:
            raise traitlets.TraitError('weights can be "before" only where NetworkExplorer was given before=weights')
        return proposal.value

    def hover(self, layer, change):
        if change.new:
            self.aim(layer, unit_at(change.new, self.volume(layer).shape))
        elif self.held:
            self.aim(self.held[0], self.held[1:])

    def pick(self, layer, change):
        if change.new:
            self.aim(layer, unit_at(change.new, self.volume(layer).shape))
            self.hold()

    def aim(self, layer, unit):
        """Go to a unit in one step, as the hand does."""
        self.aiming = True
        try:
            with self.hold_trait_notifications():
                self.layer, (self.map, self.row, self.column) = layer, unit
        finally:
            self.aiming = False

    def hold(self):
        """Stay at this unit when the pointer leaves. Nothing else is picked then, so that any click is news."""
        self.held = self.unit
        for i, tiles in enumerate(self.sheets):
            tiles.picked = place_of(self.unit[1:], self.volume(i).shape) if i == self.layer else ()

    def move(self, change):
        if not self.aiming:
            if change.name == "layer" and self.unit[1:] == self.pointed[1:]:  # stay at the same place of the picture
                (_, *old), (maps, *new) = self.volume(change.old).shape, self.volume(self.layer).shape
                self.aim(self.layer, (min(self.map, maps - 1), *map(rescaled, (self.row, self.column), old, new)))
            self.hold()
        if self.unit != self.pointed:  # else all is done: one step may change several traits
            self.point()

    def redraw(self, change):
        if change.name == "image":
            self.draw_image()  # before anything is worked out: so the hand is answered at once
            self.forward()
        if change.name == "chosen" and self.show == "activations":
            self.draw_evidence()
            self.tell(self.problem)
        else:
            self.draw()
            self.point()

    # The pictures

    def draw(self):
        """All maps. A layer has one scale, before training and after."""
        self.drawn, self.problem = self.volumes, ""
        if self.show == "gradients":
            try:
                self.drawn = self.backward()
            except Exception as error:  # a layer of the reader's own may fail in any way
                self.problem = f"There are no gradients to show, these are activations: {error!r}"
        for i in range(-1, len(self.layers)):
            self.draw_layer(i)
        self.draw_evidence()

    def draw_image(self):
        image, caption = self.images[self.image], f"image {self.image}"
        largest = greatest(image)
        if len(image) not in (1, 3):
            image = image.mean(0, keepdims=True)
        if (image < 0).any() or largest > 1:
            image, caption = 0.5 + image / (2 * largest), f"{caption} (0 is grey)"
        put(self.picture, [image], [caption], crisp(PICTURE / max(image.shape[1:])))

    def draw_layer(self, i):
        """Its maps."""
        maps, every = self.drawn[self.weights][i + 1], [volumes[i + 1] for volumes in self.drawn.values()]
        largest = max(map(greatest, every)) or 1.0
        signed = self.drawn is not self.volumes or any((v < 0).any() for v in every)
        arrays, captions = laid_out(maps, "depth" if i < 0 else "map")
        zoom, abreast = stacked(arrays)
        if i == len(self.layers) - 1 and len(arrays) == len(self.names):
            captions = self.names
        elif zoom * arrays[0].shape[1] < WORD:
            captions = range(len(arrays))
        sheet = self.slices if i < 0 else self.sheets[i]
        put(sheet, arrays, captions, zoom, abreast, signed=signed, largest=largest, legend=True)

    def draw_evidence(self):
        hint = "Point at any number of any map. Click it, or go to it with the arrow keys, and it is held."
        self.verdict.value = f'<span style="font-size: 15px">{escape(self.answer)}</span>{small(hint)}'
        evidence, adds = self.evidence, {}
        if evidence is not None:
            mine, every = evidence[self.chosen], evidence.sum(1)
            largest = max(greatest(mine), greatest(every)) or 1.0
            name = self.names[self.chosen]
            scale = {"signed": True, "largest": largest}
            put(self.by_class, every, [f"for {name}" for name in self.names], stacked(every)[0], **scale)
            zoom, _ = stacked(mine)
            roomy = zoom * mine.shape[2] >= 1.25 * WORD
            captions = [f"for {name}, map {i}" if roomy else i for i in range(len(mine))]
            put(self.by_map, mine, captions, zoom, legend=True, **scale)
            sums = evidence.sum((2, 3))
            few = sums.shape[1] <= SUMMED
            adds = {f"map {i}": sums[:, i] for i in range(sums.shape[1])} if few else {"maps": sums.sum(1)}
            adds["bias"] = self.layers[-1].params["b"]
        self.ledger.value = table(self.names, adds, self.logits, self.probabilities, self.chosen)

    def point(self):
        """The read-out, the frames, and the arithmetic. No map is sent again."""
        self.pointed, fields, before = self.unit, self.fields, self.layer - 1
        if isinstance(self.layers[self.layer], Linear) and before >= 0 and isinstance(self.layers[before], Flatten):
            before -= 1  # the maps as they were before they were laid out in a row
        self.work = arithmetic(self.layers[self.layer], self.volume(before), self.unit[1:], self.value)
        self.draw_sum()
        self.tell(self.problem)  # words first: they are what the hand waits for, and what is sent first is seen first

        here = Field(range(self.map, self.map + 1), self.row, self.column, self.row + 1, self.column + 1)
        for i, tiles in enumerate([self.slices, *self.sheets], start=-1):
            field = here if i == self.layer else fields.get(i)
            tiles.boxes = frames(field, self.volume(i).shape) if field else []
        self.picture.boxes = frames(fields[-1]._replace(maps=range(1)), self.volume(-1).shape)
        self.draw_terms(self.work.terms)

    def draw_sum(self):
        lines = [f"<b>{escape(self.place)}</b>", f'<span style="font-size: 15px">{escape(self.work.words)}</span>']
        if self.drawn is not self.volumes:
            lines.append(f"gradient {short(self.maps[self.unit[1:]])}")
        self.sum.value = f'<div style="line-height: 1.5">{"<br>".join(lines)}</div>'

    def draw_terms(self, terms):
        """The numbers that the sum is of, below it."""
        n = len(terms[0].arrays)
        tall, wide = np.max([array.shape for term in terms for array in term.arrays], axis=0).tolist()
        zoom, abreast = spread(n, tall, wide)
        narrow = n > 1 and wide * zoom < WORD
        for title, tiles, term in zip(self.titles, self.terms, [*terms, *[NOTHING] * 3]):
            title.value = f"<b>{escape(term.title)}</b>" if term.title else ""
            captions = [str(c).split()[-1] for c in term.captions] if narrow else term.captions
            with tiles.hold_sync():
                tiles.boxes = term.boxes
                put(tiles, readable(term.arrays), captions, zoom, abreast, signed=term.signed, largest=term.largest)

    def figure(self):
        """A still picture: the layers, the arithmetic, the evidence."""
        lines = [[self.picture, self.slices], *zip(self.sheets), *zip(self.terms), [self.by_class, self.by_map]]
        rows = [sum((row for tiles in line for row in tiles.rows()), []) for line in lines]
        return plots.still([row for row in rows if row], alt=self.text)

    # In words

    @property
    def place(self):
        return f"Layer {self.layer}, {type(self.layers[self.layer]).__name__}, {spot(self.unit[1:], self.maps.shape)}"

    @property
    def answer(self):
        true = "" if self.labels is None else f": {self.names[self.labels[self.image]]}"
        told = f"Image {self.image}{true}."
        network = "The network" if len(self.nets) == 1 else f"{self.weights.capitalize()} training, the network"
        p = self.probabilities
        if not np.isfinite(p).all():
            return f"{told} {network} answers with what is not a number."
        likely = ", ".join(f"{self.names[i]} {p[i]:.1%}" for i in np.argsort(-p, kind="stable")[:3])
        return f"{told} {network} says {likely}."

    @property
    def text(self):
        maps, top, left, bottom, right = self.fields[-1]
        told = [self.answer, f"{self.place}: {self.work.words}."]
        if maps:
            told += [f"It sees rows {top} to {bottom - 1} and columns {left} to {right - 1} of the image."]
        else:
            told += ["It sees nothing of the image, only what is around it."]
        name, evidence = self.names[self.chosen], self.evidence
        if self.drawn is not self.volumes:
            slope = short(self.maps[self.unit[1:]])
            told += [f"Gradient: the logit of {name} grows {slope} times as fast as this number."]
        if evidence is not None:
            sums = evidence[self.chosen].sum((1, 2))
            parts = [*sums] if len(sums) <= SUMMED else [sums.sum()]
            bias = self.layers[-1].params["b"][self.chosen]
            told += [f"Evidence for {name}: {total(parts, bias, self.logits[self.chosen])}."]
        missing = sum(int(np.isnan(v).sum()) for v in self.drawn[self.weights])
        if missing:
            told += [f"{missing} of these are not numbers (NaN): they are grey."]
        return " ".join(told)


# What a unit sees, and where it is drawn


def seen(layer, field, shape, out_shape):
    """What `field` of a layer's output, of `out_shape`, was made from: a Field of its input, of `shape`."""
    maps, height, width = shape
    everything = Field(range(maps), 0, 0, height, width)
    if not field.maps:
        return field
    if isinstance(layer, Flatten):
        if len(field.maps) > 1:
            return everything
        place, row, column = (int(i) for i in np.unravel_index(field.maps[0], shape))
        return Field(range(place, place + 1), row, column, row + 1, column + 1)
    (top, bottom), (left, right) = layer.sees(field.top, field.bottom), layer.sees(field.left, field.right)
    if type(layer).sees is Layer.sees and shape != out_shape:  # it does not say, and is not one number for one number
        return everything
    alone = isinstance(layer, (ReLU, MaxPool2D))  # each map by itself; others may look at all of them
    top, left, bottom, right = max(top, 0), max(left, 0), min(bottom, height), min(right, width)
    if top >= bottom or left >= right:
        return NOTHING_SEEN
    return Field(field.maps if alone else range(maps), top, left, bottom, right)


def frames(field, shape):
    """The boxes to draw around a field."""
    maps, height, width = shape
    if folded(shape):
        if len(field.maps) > 1:
            return [box(0, 0, 0, -(-maps // per_line(maps)), per_line(maps), FRAME)]
        return [box(*place_of((i, 0, 0), shape), 1, 1, FRAME) for i in field.maps]
    top, left, tall, wide = field.top, field.left, field.bottom - field.top, field.right - field.left
    return [box(tile, top, left, tall, wide, FRAME) for tile in field.maps]


def folded(shape):
    """Whether so many single numbers are drawn line below line on one tile."""
    return shape[1:] == (1, 1) and shape[0] > FEW


def per_line(n):
    """How many of n numbers are drawn in a line: 16, or of very many a third as many as there are lines."""
    return 16 * max(1, round(math.sqrt(n / 3) / 16))


def place_of(unit, shape):
    """Where a unit (map, row, column) is drawn: (tile, row, column)."""
    return (0, *divmod(unit[0], per_line(shape[0]))) if folded(shape) else tuple(unit)


def unit_at(place, shape):
    """Which unit is drawn there; the last, where a folded layer has no more."""
    return (min(place[1] * per_line(shape[0]) + place[2], shape[0] - 1), 0, 0) if folded(shape) else tuple(place)


def rescaled(place, old, new):
    """The same place on a side of another length."""
    return (2 * place + 1) * new // (2 * old)


def spot(unit, shape):
    """Its place in words."""
    return f"number {unit[0]}" if shape[1:] == (1, 1) else "map {}, row {}, column {}".format(*unit)


def as_volume(x):
    """(maps, height, width): a row of numbers is so many maps of one number."""
    return x if x.ndim == 3 else x.reshape(-1, 1, 1)


def laid_out(maps, word="map"):
    """A volume as tiles and their captions: its maps, or one sheet of many single numbers."""
    if not folded(maps.shape):
        return list(maps), [f"{word} {i}" for i in range(len(maps))] if maps.shape[1:] != (1, 1) else range(len(maps))
    n, across = len(maps), per_line(len(maps))
    sheet = np.full(-(-n // across) * across, np.nan, maps.dtype)
    sheet[:n] = maps.ravel()
    return [sheet.reshape(-1, across)], [f"{n} numbers, {across} in a line"]


def stacked(arrays):
    """A layer's maps, below each other as far as they go: pixels for a cell, whole if they can be; tiles in a line."""
    height, width = arrays[0].shape
    for side in [36] if height == width == 1 else [64, 48, 36, 24]:
        zoom = crisp(min(side / width, TALL / height))
        down = max(1, int(TALL / (height * zoom + CAPTION)))
        abreast = -(-len(arrays) // down)
        if abreast * (width * zoom + GAP) <= WIDE:
            break
    return zoom, abreast


def spread(n, tall, wide):
    """The n tiles of a term: pixels for a cell, and tiles in a line.

    As flat as it goes with numbers that can be read; where they cannot, as large as it goes and yet be flat.
    """
    small = LEAST / max(tall, wide)
    for height, least in [(DEEP, READABLE), (FLAT, small), (DEEP, small), (math.inf, 0)]:
        ways = []
        for abreast in range(1, min(n, (TERM + GAP) // (LEAST + GAP)) + 1):
            down = -(-n // abreast)
            zoom = crisp(min(((TERM + GAP) / abreast - GAP) / wide, (height / down - CAPTION) / tall, 38))
            if zoom >= least:
                ways.append((down if least != small else 0, -zoom, -abreast))
        if ways:
            _, zoom, abreast = min(ways)
            return -zoom, -abreast


def put(tiles, arrays, captions, zoom, columns=0, **scale):
    """Show arrays at this zoom, in one push; with numbers where there is room for them."""
    with tiles.hold_sync():
        tiles.zoom, tiles.columns = zoom, columns
        tiles.show(arrays, captions, numbers=zoom >= READABLE, **scale)


def of_dtype(net, images):
    """Images as an array of the type that the weights have."""
    params = net.named_params().values()
    return np.asarray(images, dtype=next((p.dtype for p in params), np.float32))


# The arithmetic of a unit: words, and up to three columns of tiles


class Term(NamedTuple):
    """A column of tiles: what they are, and how they are to be shown."""

    title: str
    arrays: list
    captions: list = []
    signed: bool | None = None
    largest: float | None = None
    boxes: list = []


class Work(NamedTuple):
    """How a number was worked out: in words and in numbers."""

    words: str
    terms: list


NOTHING = Term("", [])


@singledispatch
def arithmetic(layer, x, unit, value):
    """How a layer made `value`, its answer at `unit` (map, row, column), from the volume x."""
    words = f"{short(value)}, from what is framed, by arithmetic of its own"
    return Work(words, [Term("value", [np.array([[value]])])])


@arithmetic.register
def _(layer: Conv2D, x, unit, value):
    filters, bias = layer.params["w"], layer.params["b"]
    f, row, column = unit
    _, height, width = x.shape
    places = np.arange(layer.size) - layer.before
    rows, columns = row * layer.stride + places, column * layer.stride + places
    inside = [range(len(x)), (rows >= 0) & (rows < height), (columns >= 0) & (columns < width)]
    patch = np.zeros((len(x), layer.size, layer.size), x.dtype)  # what lies outside stays 0
    patch[np.ix_(*inside)] = x[np.ix_(range(len(x)), rows[inside[1]], columns[inside[2]])]
    return weighted(patch, filters[f], bias[f], value, x, filters, ["patch", f"x filter {f}"])


@arithmetic.register
def _(layer: Linear, x, unit, value):
    w, bias = layer.params["w"], layer.params["b"]
    mine = w[:, unit[0]].reshape(x.shape)
    return weighted(x, mine, bias[unit[0]], value, x, w, ["activations", "x weights"], "map")


def weighted(x, w, bias, value, every_x, every_w, titles, word="depth"):
    """A sum of products, depth slice by depth slice."""
    products = x * w
    sums = products.sum((1, 2))
    arrays, captions = zip(*(laid_out(volume, word) for volume in (x, w, products)))
    adds = aligned([*sums] if len(arrays[2]) == len(sums) else [sums.sum()])
    return Work(
        total([*sums] if len(sums) <= SUMMED else [sums.sum()], bias, value),
        [
            Term(titles[0], arrays[0], captions[0], bool((every_x < 0).any()), greatest(every_x)),
            Term(titles[1], arrays[1], captions[1], True, greatest(every_w)),
            Term("= products", arrays[2], [f"sum {add}" for add in adds] if len(adds) <= 5 else adds, True),
        ],
    )


@arithmetic.register
def _(layer: ReLU, x, unit, value):
    v = x[unit]
    gate = "open" if v > 0 else "shut"
    signed = bool((x < 0).any())
    return Work(
        f"max(0, {short(v)}) = {short(value)}: the gate is {gate}",
        [
            Term("comes in", [v.reshape(1, 1)], ["v"], signed, greatest(x)),
            Term("goes on", [np.array([[value]])], ["max(0, v)"], signed, greatest(x)),
        ],
    )


@arithmetic.register
def _(layer: MaxPool2D, x, unit, value):
    i, top, left = unit[0], unit[1] * layer.step, unit[2] * layer.step
    block = x[i, top : top + layer.size, left : left + layer.size]
    row, column = np.unravel_index(int(block.argmax()), block.shape)  # of equals, the first
    signed = bool((x < 0).any())
    return Work(
        f"the largest of {block.size} numbers is {short(value)}, at row {top + row}, column {left + column}",
        [
            Term("block", [block], [f"map {i}"], signed, greatest(x), [box(0, int(row), int(column), 1, 1, FRAME)]),
            Term("largest", [np.array([[value]])], ["max"], signed, greatest(x)),
        ],
    )


@arithmetic.register
def _(layer: Flatten, x, unit, value):
    came = tuple(int(i) for i in np.unravel_index(unit[0], x.shape))
    return Work(
        f"{short(value)}, the same as {spot(came, x.shape)} before",
        [Term("value", [np.array([[value]])], [""], bool((x < 0).any()), greatest(x))],
    )


# Words


def short(value):
    """A number to be read, without the noise of its last digits."""
    return number(round(float(value), 6))


def readable(arrays):
    """Numbers for small cells: two decimals, or as many as the largest needs to have two digits."""
    largest = max(map(greatest, arrays), default=0)
    decimals = 1 - math.floor(math.log10(largest)) if 0 < largest < 0.095 else 2
    return [np.round(array, decimals) for array in arrays]


def aligned(values):
    """Numbers that are added up, all with the same decimals: 3 significant digits of the largest, and at least 2."""
    largest = greatest(np.asarray(values))
    decimals = min(max(2, 2 - math.floor(math.log10(largest))), 6) if largest else 2
    return ["0" if round(float(v), decimals) == 0 else f"{v:.{decimals}f}" for v in values]


def total(parts, bias, value):
    """Such as "0.50 - 0.20 + bias 0.10 = 0.40"."""
    *parts, bias, value = aligned([*parts, bias, value])
    return f"{' + '.join(parts)} + bias {bias} = {value}".replace("+ -", "- ").replace("+ bias -", "- bias ")


def underlined(word, colour):
    return f'<span style="border-bottom: 2px solid {colour}">{word}</span>'


def small(html):
    return f'<div style="font-size: 12px; line-height: 1.3; padding-top: 3px; overflow-wrap: anywhere">{html}</div>'


def table(names, adds, logits, probabilities, chosen):
    """What adds up to each class's logit, and the probability that comes of it; the chosen class in bold."""
    right = "text-align: right; padding: 1px 0 1px 14px"
    columns = {name: aligned(column) for name, column in adds.items()}
    columns |= {"= logit" if adds else "logit": aligned(logits), "probability": [f"{p:.1%}" for p in probabilities]}
    head = "".join(f'<th style="{right}">{name}</th>' for name in columns)
    rows = [f"<tr><th></th>{head}</tr>"]
    for i, (name, *cells) in enumerate(zip(names, *columns.values())):
        told = "".join(f'<td style="{right}">{cell}</td>' for cell in cells)
        weight = "bold" if i == chosen else "normal"
        rows.append(f'<tr style="font-weight: {weight}"><td>{escape(name)}</td>{told}</tr>')
    return f'<table style="border-collapse: collapse; line-height: 1.4">{"".join(rows)}</table>'
