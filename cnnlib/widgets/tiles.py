"""Tiles: arrays as crisp pictures, and where the hand is on them. Every explorer is made of these."""

from functools import cache
from pathlib import Path

import numpy as np
import traitlets
from anywidget import AnyWidget
from matplotlib import colormaps
from matplotlib.colors import to_hex

from cnnlib import plots

HERE = Path(__file__).parent
NUMBERED = 400  # a tile of more cells is too large to be read number by number


def buffer(value, widget):
    """Bytes as they come from the browser, which sends a memoryview."""
    return bytes(value)


class Tiles(AnyWidget):
    """A sheet of arrays, each a picture of its cells, all on one scale.

    tiles = Tiles()
    tiles.show([photograph, edges], ["photograph", "edges"])

    `show` takes arrays (height, width), and images (3 or 1, height, width) with values in [0, 1], which keep their
    colours or greys.
    zoom is the size of a cell in pixels of the screen, below 1 for large arrays; columns, tiles in a line (0: as many
    as fit).

    What the hand does is in traits to observe: `hovered` and `picked`, each () or (tile, row, column). It picks by a
    click, by dragging where `pointer` is "drag" or "paint", or by the arrow keys, which move by `step` cells.
    `on_paint` hears of every stroke.
    """

    arrays = ()

    _esm = HERE / "tiles.js"
    _css = HERE / "tiles.css"

    sizes = traitlets.List().tag(sync=True)  # [height, width] of each tile
    pixels = traitlets.Bytes().tag(sync=True, from_json=buffer)  # red, green, blue, opacity of every cell
    captions = traitlets.List().tag(sync=True)
    numbers = traitlets.List().tag(sync=True)  # for each tile, what to write into its cells, or nothing
    boxes = traitlets.List().tag(sync=True)  # see box()
    legend = traitlets.List().tag(sync=True)  # what the scale begins and ends with, then its colours; or nothing
    zoom = traitlets.Float(4, min=0.01).tag(sync=True)
    columns = traitlets.Int(0, min=0).tag(sync=True)
    pointer = traitlets.Enum(["hover", "drag", "paint"], "hover").tag(sync=True)
    step = traitlets.Int(1, min=1).tag(sync=True)

    hovered = traitlets.Tuple().tag(sync=True)
    picked = traitlets.Tuple().tag(sync=True)
    stroke = traitlets.Dict().tag(sync=True)
    painted = traitlets.Int(0).tag(sync=True)  # the last stroke dealt with: the browser may send the next

    def show(self, arrays, captions=(), *, signed=None, largest=None, greys=False, numbers=False, legend=False):
        """Show these arrays in the place of what is there.

        signed   colours centred on zero, from -largest to largest; otherwise from 0 to largest. Unless said, signed if
                 any number is negative.
        largest  where the scale ends; unless said, at the largest number. Say it, and pictures over time compare.
        greys    as in a photograph: black at zero and below, white at the largest and above.
        numbers  write each number into its cell; legend  show the scale.

        What is not a number is grey, and `missing` says how many there are.
        """
        arrays = [np.asarray(array) for array in arrays]
        for array in arrays:
            if not (array.ndim == 2 or array.ndim == 3 and len(array) in (1, 3)) or array.size == 0:
                raise ValueError(f"a tile is (height, width), or an image (3 or 1, height, width), not {array.shape}")
        flat = [array for array in arrays if array.ndim == 2]
        self.signed = not greys and (any((array < 0).any() for array in flat) if signed is None else signed)
        self.shades = "gray" if greys else plots.SIGNED if self.signed else plots.ACTIVATIONS
        self.largest = largest or max((greatest(array) for array in flat), default=0) or 1.0
        self.arrays = arrays
        with self.hold_sync():
            self.sizes = [list(array.shape[-2:]) for array in arrays]
            self.pixels = b"".join(self.colours(array).tobytes() for array in arrays)
            self.captions = list(map(str, captions))
            written = [numbers and array.ndim == 2 and array.size <= NUMBERED for array in arrays]
            self.numbers = [[number(v) for v in array.flat] if yes else [] for array, yes in zip(arrays, written)]
            self.legend = self.scale() if legend else []

    def colours(self, array):
        """The colour of every cell: uint8 (height, width, 4)."""
        if array.ndim == 3:
            rgba = np.full((*array.shape[1:], 4), 255, np.uint8)
            rgba[..., :3] = np.nan_to_num(np.clip(array, 0, 1), nan=0.5).transpose(1, 2, 0) * 255 + 0.5
            return rgba
        low = -self.largest if self.signed else 0
        unit = np.clip((array.astype(np.float32) - low) / (self.largest - low), 0, 1)
        missing = np.isnan(unit)
        unit[missing] = 0
        shades = table(self.shades)
        rgba = shades[np.minimum(unit * len(shades), len(shades) - 1).astype(np.uint8)]
        rgba[missing] = (128, 128, 128, 255)
        return rgba

    def scale(self):
        """The legend: where the scale begins and ends, and nine of its colours."""
        return [number(-self.largest if self.signed else 0), number(self.largest), *stops(self.shades)]

    @property
    def missing(self):
        """A warning about what is not a number; empty where all are."""
        n = sum(int(np.isnan(array).sum()) for array in self.arrays)
        return f"{n} of these are not numbers (NaN): they are grey. " if n else ""

    def on_paint(self, paint):
        """Call paint([(tile, row, column), ...]) with what is painted, the cells in the order in which they were met.

        A long stroke comes in pieces; `stroke["began"]` says whether this is its first. Held down, the space bar paints
        where the arrow keys go.
        """

        def deal_with(change):
            try:
                paint([tuple(cell) for cell in change.new["cells"]])
            finally:
                self.painted = change.new["serial"]

        self.observe(deal_with, "stroke")

    def rows(self):
        """What is shown, line by line, as plots.still takes it."""
        shown = []
        for i, array in enumerate(self.arrays):
            caption = self.captions[i] if i < len(self.captions) else ""
            boxes = [box for box in self.boxes if box["tile"] == i]
            shown.append((self.colours(array), caption, self.zoom, boxes, self.numbers[i]))
        columns = self.columns or len(shown) or 1
        return [shown[i : i + columns] for i in range(0, len(shown), columns)]

    def __repr__(self):
        return f"Tiles: {', '.join(self.captions) or len(self.sizes)}"


def box(tile, top, left, height, width, colour="#000000", dashed=False):
    """A frame to lay over a tile, in cells; part of it may lie outside."""
    place = {"top": top, "left": left, "height": height, "width": width}
    return {"tile": tile, **place, "colour": colour, "dashed": dashed}


def crisp(zoom):
    """Pixels of the screen for a cell: whole ones, unless there are several cells in one."""
    return int(zoom) if zoom >= 1 else zoom


@cache
def table(name):
    """The 256 colours of a map. Kept, because matplotlib works them out anew each time that it is asked for a map."""
    return colormaps[name](np.arange(256), bytes=True)


@cache
def stops(name):
    """Nine of them, from one end to the other, as a page writes colours."""
    return [to_hex(colour / 255) for colour in table(name)[np.linspace(0, 255, 9).astype(int)]]


def greatest(array):
    """The largest size of any number, of those that are numbers and finite; 0 if none are."""
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max()) if finite.size else 0.0


def number(value):
    """A number as short as it can be read: 3 significant digits, whole numbers whole."""
    if not np.isfinite(value):
        return str(value)
    if float(value).is_integer() and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.2f}" if 0.095 <= abs(value) < 100 else f"{value:.3g}"
