"""A filter on its way over an image: every product, and every sum."""

import math
from contextlib import ExitStack, contextmanager

import numpy as np
import traitlets
from ipywidgets import HTML, BoundedIntText, Checkbox, Dropdown, FloatSlider, FloatText, HBox, Play, VBox

from cnnlib import plots
from cnnlib.layers import Conv2D, spread
from cnnlib.plots import FILTER

from .explorer import Explorer, counted, tiles_in
from .tiles import Tiles, box, crisp, greatest, number

PRESETS = {
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "blur": [[1 / 9] * 3] * 3,
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
    "Sobel x": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "Sobel y": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "45 degrees": [[-2, -1, 0], [-1, 0, 1], [0, 1, 2]],
}
PADDINGS = ["valid", "same", *range(10)]
LARGEST = 11  # filter, in pixels across
FAR, STEP = 5, 0.25  # how far from zero the slider of a weight goes, and in which steps; for larger weights, doubled
SLICES = 4  # of the depth whose numbers are shown
CLOSE = 17  # pixels across a close-up
ROOM = 210  # pixels of the screen across an image
READABLE = 20  # pixels of the screen across a cell with a number in it
EDGE = "#888888"  # of an image in its frame


class ConvolutionExplorer(Explorer):
    """A filter on its way over an image: the patch it lies on, the products, their sum, and the map of all sums.

    explorer = ConvolutionExplorer(image, filter)

    image (height, width) or (depth, height, width); filter (size, size), the same on every slice of the depth, or
    (depth, size, size). padding and stride are those of Conv2D, but with no padding unless asked for.

    Set `row` and `column`, the place in the map, and read `patch`, `products`, their `total`, and the whole `map`. Set
    `filter` to an array or `preset` to a name, and `size`, `padding`, `stride`. The hand drags the window over the
    image, or picks a pixel of the map, or picks a number of the filter and slides it, or types another.

    The colours of the map tell signs. `greys` shows it as a picture instead, as dark and as bright as the image.

    ValueError for arrays of other shapes, TraitError for a place that the map does not have and for other settings.
    Settings that do not fit together are told in red, and the picture stays as it was.
    """

    row = traitlets.Int(0)
    column = traitlets.Int(0)
    preset = traitlets.Enum([*PRESETS, "custom"], "custom")
    size = traitlets.Int(3, min=1, max=LARGEST)
    padding = traitlets.Enum(PADDINGS, "valid")
    stride = traitlets.Int(1, min=1, max=8)
    greys = traitlets.Bool(False)

    def __init__(self, image, filter, padding="valid", stride=1):
        self.image, self.flat = volume_of(image, "image"), np.ndim(image) == 2
        self.scale = {"signed": bool((self.image < 0).any()), "largest": greatest(self.image)}  # of image and patch
        self.layer, self.problem = None, ""

        self.whole, self.output = Tiles(pointer="drag"), Tiles(pointer="drag")
        self.near, self.near_output = Tiles(zoom=6), Tiles(zoom=6)
        self.numbers = self.patches, self.filters, self.multiplied = [Tiles(columns=1) for _ in range(3)]
        self.weight = FloatText(description="weight", step=0.1, layout={"width": "130px"})
        self.slider = FloatSlider(description="or slide", step=STEP, readout=False, layout={"width": "230px"})
        self.term = HTML()
        small = self.image.shape[2] < CLOSE
        self.play = Play(description="walk", interval=600 if small else 100, step=1 if small else 4)
        controls = {
            "preset": Dropdown(options=[*PRESETS, "custom"], description="preset", layout={"width": "155px"}),
            "size": BoundedIntText(3, 1, LARGEST, description="size", layout={"width": "85px"}),
            "padding": Dropdown(options=PADDINGS, description="padding", layout={"width": "130px"}),
            "stride": BoundedIntText(1, 1, 8, description="stride", layout={"width": "95px"}),
            "greys": Checkbox(description="map in greys", indent=False, layout={"width": "125px"}),
        }
        for control in (self.weight, self.slider):
            control.style.description_width = "initial"
        times, equals = (HTML(f'<div style="font-size: 22px; padding-top: 40px">{sign}</div>') for sign in "×=")
        super().__init__(
            HBox([*controls.values(), self.play], layout={"flex_flow": "row wrap", "grid_gap": "0 12px"}),
            HBox(
                [
                    VBox([self.whole, self.near]),
                    VBox([HBox([self.patches, times, self.filters, equals, self.multiplied]),
                          HBox([self.weight, self.slider]), self.term]),
                    VBox([self.output, self.near_output]),
                ],
                layout={"flex_flow": "row wrap", "grid_gap": "0 14px"},
            ),
        )  # fmt: skip
        self.words.style.font_size = "16px"

        self.padding, self.stride, self.filter = padding, stride, filter
        self.tie(controls)
        self.observe(self.look, ["row", "column"])
        self.observe(self.settle, ["padding", "stride", "greys"])
        self.observe(self.resize, "size")
        self.observe(self.choose, "preset")
        self.whole.observe(lambda change: self.point(*change.new[1:]), "picked")
        self.near.observe(lambda change: self.point(*np.add(self.corner, change.new[1:])), "picked")
        self.output.observe(lambda change: self.move(*change.new[1:]), "picked")
        self.near_output.observe(lambda change: self.move(*np.add(self.corner_output, change.new[1:])), "picked")
        self.play.observe(lambda change: self.move(*divmod(change.new, self.map.shape[1])), "value")
        for sheet in self.numbers:
            sheet.observe(self.hover, "hovered")
        self.filters.observe(self.pick, "picked")
        self.weight.observe(self.edit, "value")
        self.slider.observe(self.slide, "value")

    # What Python reads and sets

    @property
    def filter(self):
        """A copy of the weights, of as many axes as the image has."""
        return (self.weights[0] if self.flat else self.weights).copy()

    @filter.setter
    def filter(self, filter):
        self.weights = filter_for(filter, len(self.image))
        self.size = self.weights.shape[-1]
        self.preset = preset_of(self.weights)
        self.settle()

    @property
    def patch(self):
        """What the window lies on."""
        return self.cut[0] if self.flat else self.cut

    @property
    def products(self):
        """Each number of the patch times its weight."""
        return self.patch * (self.shown[0] if self.flat else self.shown)

    @property
    def total(self):
        """The sum of the products."""
        return float(self.products.sum(dtype=float))

    @property
    def cut(self):
        size, top, left = self.layer.size, self.row * self.layer.stride, self.column * self.layer.stride
        return self.framed[:, top : top + size, left : left + size]

    @property
    def shown(self):
        """The weights that the picture is made with: those of the last settings that fit."""
        return self.layer.params["w"][0]

    @traitlets.validate("row", "column")
    def within(self, proposal):
        name, last = proposal.trait.name, self.map.shape[proposal.trait.name == "column"] - 1
        if not 0 <= proposal.value <= last:
            raise traitlets.TraitError(f"{name} must be 0 to {last}, not {proposal.value}")
        return proposal.value

    @property
    def sum(self):
        """The products added up, those of a deep image slice by slice; of a long sum, its beginning and its end."""
        products = self.shown * self.cut
        terms = products.ravel() if len(products) == 1 else products.sum((1, 2))
        told = self.rounded(terms)
        exact = np.allclose(told, terms, atol=1e-9, equal_nan=True)
        signed = [f"{'-' if v < 0 else '+'} {number(abs(v))}" for v in told]
        if len(signed) > 12:
            signed[6:-2] = ["+ ..."]
        signed[0] = number(told[0])
        return f"{' '.join(signed)} {'=' if exact else '≈'} {number(self.rounded(self.total))}"

    @property
    def text(self):
        depth, height, width = self.image.shape
        layer, (rows, columns) = self.layer, self.map.shape
        named = {"custom": ""}.get(name := preset_of(self.shown), f", {name},")
        deep = f" spans the depth of {depth} and" if depth > 1 else ""
        if layer.before == layer.after:
            padding = f"{counted(layer.before, 'zero')} on each side" if layer.before else "no padding"
        else:
            padding = f"{counted(layer.before, 'zero')} before and {layer.after} after"
        return (
            f"{self.sum} at row {self.row}, column {self.column} of the map. The {layer.size} x {layer.size} filter"
            f"{named}{deep} lies at {rows} x {columns} places of the {height} x {width} image: {padding}, "
            f"stride {layer.stride}. {self.whole.missing}"
        ).strip()

    def figure(self):
        """A still picture: the image and its map, then patch, filter and products, slice by slice."""
        sheets = [self.whole, self.near, self.output, self.near_output] if self.small else [self.whole, self.output]
        pictures = [tile for sheet in sheets for line in sheet.rows() for tile in line]
        slices = [sum(lines, []) for lines in zip(*(sheet.rows() for sheet in self.numbers))]
        return plots.still([pictures, *slices], alt=self.text)

    # What the hand does

    def point(self, row, column):
        """Bring the middle of the window as near as can be to a pixel of the framed image."""
        middle, stride = (self.layer.size - 1) // 2, self.layer.stride
        self.move((row - middle) / stride, (column - middle) / stride)

    def move(self, row, column):
        row, column = (int(np.clip(round(v), 0, n - 1)) for v, n in zip((row, column), self.map.shape))
        with self.hold_trait_notifications():
            self.row, self.column = row, column
        self.mark()

    def hover(self, change=None):
        """Stress a number, its weight and their product, and tell them."""
        cell = next((sheet.hovered for sheet in self.numbers if sheet.hovered), ())
        frames = [box(*cell, 1, 1)] if cell else []
        for sheet in self.numbers:
            sheet.boxes = [*([box(*sheet.picked, 1, 1, FILTER)] if sheet is self.filters else []), *frames]
        told = '<span style="opacity: 0.7">pick a weight in the filter, and set it here</span>'
        if cell:
            told = [number(self.rounded(values[cell])) for values in (self.cut, self.shown, self.shown * self.cut)]
            told = f'<span style="font-size: 18px">{told[0]} × {told[1]} = {told[2]}</span>'
        self.term.value = told

    def pick(self, change=None):
        weight = round(float(self.shown[self.filters.picked]), 4)
        more = 2 ** max(0, math.ceil(math.log2(self.strongest / FAR))) if self.strongest else 1
        self.weight.value = weight
        with self.slider.hold_trait_notifications():  # lest it stop at an end that is about to move
            self.slider.min, self.slider.max, self.slider.step = -more * FAR, more * FAR, more * STEP
            self.slider.value = self.nearest(weight)
        self.hover()

    def edit(self, change):
        weight = round(change.new, 4)
        if weight != round(float(self.shown[self.filters.picked]), 4):
            weights = self.weights.copy()
            weights[self.filters.picked] = weight
            self.filter = weights

    def slide(self, change):
        """Take a weight from the slider, if it has left the place nearest to the one that there is."""
        if change.new != self.nearest(self.weight.value):
            self.weight.value = change.new

    def nearest(self, weight):
        """The place on the slider nearest to a weight. They are a power of two apart, and so exact: of a place that was
        not, the browser would say that the slider is a hair beside it, as if a hand had moved it there.
        """
        return round(weight / self.slider.step) * self.slider.step

    def choose(self, change):
        if self.preset not in ("custom", preset_of(self.weights)):
            self.filter = named(self.preset, max(self.size, 3))

    def resize(self, change):
        if self.size != self.weights.shape[-1]:
            custom = self.preset == "custom"
            self.filter = resized(self.weights, self.size) if custom else named(self.preset, self.size)

    # What is shown

    def settle(self, change=None):
        """Compute the map anew, if filter, padding and stride fit the image."""
        layer = Conv2D(1, self.weights.shape[-1], self.stride, self.padding)
        try:
            layer.build(self.image.shape, np.random.default_rng(0))
        except ValueError as reason:
            self.problem = f"{str(reason)[0].upper()}{str(reason)[1:]}."
            if self.layer is None:
                raise ValueError(f"filter {self.weights.shape}, image {self.image.shape}: {self.problem}") from None
            self.tell(self.problem)
            return
        layer.params = {"w": self.weights[None], "b": np.zeros(1, np.float32)}
        with np.errstate(invalid="ignore"):  # where the image is infinite
            self.map = layer.forward(self.image[None])[0, 0]
        if not self.layer or (layer.before, layer.after) != (self.layer.before, self.layer.after):
            self.frame(layer.before, layer.after)
        self.layer = layer
        self.problem = left_out(layer.size, layer.stride, *self.framed.shape[1:])
        with self.hold_trait_notifications(), together(tiles_in(self)):
            self.row, self.column = (min(at, n - 1) for at, n in zip((self.row, self.column), self.map.shape))
            self.show()

    def frame(self, before, after):
        """Draw the image in so many zeros."""
        depth, height, width = self.image.shape
        tall, wide = height + before + after, width + before + after
        self.framed = spread(self.image[None], tall, wide, at=before)[0]
        self.pictures = pictures_of(self.framed)
        across = math.ceil(len(self.pictures) ** 0.5)
        size = f"height {tall}, width {wide}"
        captions = [f"depth {d}" for d in range(depth)]
        if len(self.pictures) == 1:
            captions = [f"image{' in a frame of zeros' if before + after else ''}: {size}"]
        with self.whole.hold_sync():
            self.whole.zoom, self.whole.columns = zoom(tall, wide, ROOM / across), across
            self.whole.show(self.pictures, captions, numbers=True, **self.scale)
        self.small = self.whole.zoom < self.near.zoom and len(self.pictures) == 1
        for tiles in (self.near, self.near_output):
            tiles.layout.display = None if self.small else "none"

    def show(self):
        """Draw the map and the filter, and what goes with the window."""
        self.whole.step = self.near.step = self.layer.stride
        self.output.zoom = zoom(*self.framed.shape[1:])
        caption = "map: height {}, width {}".format(*self.map.shape)
        self.tones = {"greys": True, "largest": self.scale["largest"] * len(self.image)} if self.greys else {}
        self.output.show([short(self.map)], [caption], numbers=True, legend=self.output.zoom < READABLE, **self.tones)
        room = 102 if self.small or len(self.image) > 1 else 120
        for sheet in self.numbers:
            sheet.zoom = int(np.clip(room / self.layer.size, READABLE, 40))
        self.strongest = greatest(self.shown)
        weights = [short(w, self.strongest) for w in self.shown[:SLICES]]
        self.filters.show(weights, self.called("filter"), signed=True, largest=self.strongest, numbers=True)
        if not self.filters.picked or max(self.filters.picked[1:]) >= self.layer.size:
            self.filters.picked = (0, *[(self.layer.size - 1) // 2] * 2)
        self.pick()
        with self.play.hold_trait_notifications():  # a lower end alone would move the window
            self.play.max, self.play.value = self.map.size - 1, self.row * self.map.shape[1] + self.column
        self.seen = None
        self.look()

    def look(self, change=None):
        """Draw what goes with the window."""
        if self.seen != (self.row, self.column):
            self.seen = self.row, self.column
            with together(tiles_in(self)):
                self.draw_places()
                self.draw_numbers()
                self.mark()
                self.hover()
            self.tell(self.problem)

    def draw_places(self):
        """Where the window is in the image, and its pixel in the map."""
        size, before = self.layer.size, self.layer.before
        top, left = self.row * self.layer.stride, self.column * self.layer.stride
        height, width = self.image.shape[1:]

        def frames(down=0, right=0, more=()):
            edge = [box(0, before - down, before - right, height, width, EDGE, dashed=True)] if before else []
            around = [*edge, *more, box(0, top - down, left - right, size, size, FILTER)]
            return [{**frame, "tile": tile} for tile in range(len(self.pictures)) for frame in around]

        self.output.boxes = [box(0, self.row, self.column, 1, 1, FILTER)]
        if not self.small:
            self.whole.boxes = frames()
            return
        middle = (size - 1) // 2
        self.corner, near = close_up(self.pictures, top + middle, left + middle)
        self.whole.boxes = frames(more=[box(0, *self.corner, CLOSE, CLOSE, FILTER, dashed=True)])
        self.near.show(near, ["close-up of the image"], **self.scale)
        self.near.boxes = frames(*self.corner)
        self.corner_output, near = close_up([self.map], self.row, self.column)
        down, right = self.corner_output
        tones = self.tones or {"signed": self.output.signed, "largest": self.output.largest}
        self.near_output.show(near, ["close-up of the map"], **tones)
        self.near_output.boxes = [box(0, self.row - down, self.column - right, 1, 1, FILTER)]

    def draw_numbers(self):
        """The patch, and its products with the filter."""
        cut, brightest = self.cut, self.scale["largest"]
        patches = [short(values, brightest) for values in cut[:SLICES]]
        greys = len(self.image) == 1 and self.pictures[0].ndim == 3  # as the image is
        self.patches.show(patches, self.called("patch"), numbers=True, greys=greys, **self.scale)
        products = self.shown * cut
        captions = self.called("products")
        if len(products) > 1:  # as short as those of patch and filter, so that the rows are level
            captions = [f"sum: {number(self.rounded(values.sum()))}" for values in products[:SLICES]]
        products = [self.rounded(values) for values in products[:SLICES]]
        self.multiplied.show(products, captions, signed=True, largest=brightest * self.strongest, numbers=True)

    def mark(self):
        """Let the arrow keys start from the window, in the image and in the map."""
        middle, stride = (self.layer.size - 1) // 2, self.layer.stride
        tile = self.whole.picked[0] if self.whole.picked and self.whole.picked[0] < len(self.pictures) else 0
        row, column = self.row * stride + middle, self.column * stride + middle
        self.whole.picked, self.output.picked = (tile, row, column), (0, self.row, self.column)
        if self.small:
            self.near.picked = (0, row - self.corner[0], column - self.corner[1])
            self.near_output.picked = (0, self.row - self.corner_output[0], self.column - self.corner_output[1])
        self.play.value = self.row * self.map.shape[1] + self.column

    def called(self, what):
        """What the slices of patch, filter and products are called."""
        depth = len(self.image)
        return [f"{what}, depth {d}" for d in range(min(depth, SLICES))] if depth > 1 else [what]

    def rounded(self, values):
        """Products and sums, as exactly as they are told."""
        return short(values, self.scale["largest"] * self.strongest)


@contextmanager
def together(sheets):
    """Send all that changes on each of these sheets in one message."""
    with ExitStack() as stack:
        for sheet in sheets:
            stack.enter_context(sheet.hold_sync())
        yield


def volume_of(array, name):
    """An array of the reader's as floats, (depth, height, width)."""
    values = np.array(array, np.float32)
    if values.ndim not in (2, 3) or values.size == 0:
        raise ValueError(f"{name} must be (height, width) or (depth, height, width), not {values.shape}")
    return values.reshape(-1, *values.shape[-2:])


def filter_for(filter, depth):
    """Weights of the reader's as floats, (depth, size, size)."""
    weights = np.array(filter, np.float32)
    shape = weights.shape
    if weights.ndim not in (2, 3) or shape[-1] != shape[-2] or not 1 <= shape[-1] <= LARGEST:
        raise ValueError(f"filter must be (size, size) or (depth, size, size), with size 1 to {LARGEST}, not {shape}")
    if weights.ndim == 3 and len(weights) != depth:
        raise ValueError(f"filter must be as deep as the image, {depth}, not {len(weights)}: a filter spans the depth")
    return np.array(np.broadcast_to(weights, (depth, *shape[-2:])))


def named(preset, size):
    """The weights of a preset, (size, size)."""
    weights = np.array(PRESETS[preset], np.float32)
    return np.full_like(weights, 1 / size**2, shape=(size, size)) if preset == "blur" else resized(weights, size)


def preset_of(weights):
    """The preset that each slice of these weights is, or "custom"."""
    size = weights.shape[-1]
    return next((name for name in PRESETS if size >= 3 and np.allclose(weights, named(name, size))), "custom")


def resized(weights, size):
    """The same weights about the same middle: more zeros around them, or the outermost cut off."""
    old = weights.shape[-1]
    wide = np.pad(weights, [(0, 0)] * (weights.ndim - 2) + [(LARGEST, LARGEST)] * 2)
    first = LARGEST + (old - 1) // 2 - (size - 1) // 2
    return wide[..., first : first + size, first : first + size]


def left_out(size, stride, height, width):
    """What is wrong with a stride after whose last step a remainder is left; nothing if none is."""
    rests = [((n - size) % stride, name) for n, name in ((height, "row"), (width, "column"))]
    told = [f"the last {name if n == 1 else f'{n} {name}s'}" for n, name in rests if n]
    return f"Stride {stride} does not come out even: it leaves out {' and '.join(told)}." if told else ""


def pictures_of(volume):
    """A volume as tiles: in colours, in greys, or slice by slice where that says more."""
    depth, height, width = volume.shape
    finite = volume[np.isfinite(volume)]
    low, high = finite.min(initial=0), finite.max(initial=1)
    if depth != 3 and (depth != 1 or low < 0 or zoom(height, width) >= READABLE):
        return list(volume)
    return [volume if (low, high) == (0, 1) else (volume - low) / (high - low)]


def close_up(pictures, row, column):
    """The surroundings of a pixel: their top left corner, and that part of each picture."""
    height, width = pictures[0].shape[-2:]
    top = max(0, min(row - CLOSE // 2, height - CLOSE))
    left = max(0, min(column - CLOSE // 2, width - CLOSE))
    return (top, left), [picture[..., top : top + CLOSE, left : left + CLOSE] for picture in pictures]


def zoom(height, width, room=ROOM):
    """Pixels of the screen for each of the image, so that it fits into this much room."""
    return crisp(min(room / max(height, width), 48))


def short(values, largest=None):
    """Numbers rounded to what there is room for in a cell, where the largest of them is this large."""
    power = math.floor(math.log10(largest or greatest(np.asarray(values)) or 1))
    return np.round(values, max(2, 1 - power))
