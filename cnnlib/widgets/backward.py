"""A convolution, backwards: where the gradient of each output lands, and what each pixel is sent."""

import numpy as np
import traitlets
from ipywidgets import HBox

from cnnlib import plots
from cnnlib.layers import Conv2D

from .convolution import filter_for, short, together, zoom
from .explorer import Explorer, counted, tiles_in
from .tiles import Tiles, box, greatest, number

ROOM = 240  # pixels of the screen across the largest tile
TERMS = 12  # of a sum, at most: of longer ones, its beginning and its end


class BackwardExplorer(Explorer):
    """Each output of a filter sends its gradient back to the pixels of its window; there, all that arrives adds up.

    explorer = BackwardExplorer(dy, filter)

    dy (rows, columns) is the gradient of each number of a map, filter (size, size), and stride that of Conv2D; there
    are no zeros around the image.

    Set `row` and `column`, a place in the map, and read `sent`, what goes from there to each pixel: the filter, times
    that one number of dy, where the window lay. Set `pixel` to (row, column) of the image, and read `terms`, what
    arrives at it: (number of dy, weight), one for each window that covers it. `dx` is all of it, for every pixel.
    `looked_at` is "map" or "image": which of the two was set last. The hand points at dy or at dx, or picks.

    ValueError for arrays of other shapes, TraitError for a place that is not there.
    """

    row = traitlets.Int(0)
    column = traitlets.Int(0)
    pixel = traitlets.Tuple((0, 0))

    def __init__(self, dy, filter, stride=1):
        self.dy = np.array(dy, np.float32)
        if self.dy.ndim != 2 or self.dy.size == 0:
            raise ValueError(f"dy must be (rows, columns), not {self.dy.shape}")
        self.filter, self.stride = filter_for(filter, 1)[0], stride
        size, (rows, columns) = len(self.filter), self.dy.shape
        self.image_shape = (rows - 1) * stride + size, (columns - 1) * stride + size
        layer = Conv2D(1, size, stride, padding="valid")
        layer.build((1, *self.image_shape), np.random.default_rng(0))
        layer.params["w"][:] = self.filter
        layer.forward(np.zeros((1, 1, *self.image_shape), np.float32))
        self.dx = layer.backward(self.dy[None, None])[0, 0]
        self.looked_at = "map"

        sheets = self.given, self.weights, self.sum, self.share = [Tiles(pointer="drag") for _ in range(4)]
        for sheet in sheets:
            sheet.zoom = zoom(*self.image_shape, ROOM)
        # What is sent comes last: it is as large as the image or as the map, and nothing must move under the hand.
        largest = max(greatest(self.dx), greatest(self.dy), greatest(self.filter) * greatest(self.dy))
        self.scale = {"signed": True, "largest": largest or 1.0, "numbers": True}
        super().__init__(HBox(sheets, layout={"flex_flow": "row wrap", "grid_gap": "0 14px"}))
        self.words.style.font_size = "16px"
        self.given.show([short(self.dy)], ["dy: {} x {}".format(*self.dy.shape)], **self.scale)
        self.weights.show([short(self.filter)], ["filter"], signed=True, numbers=True)
        self.sum.show([short(self.dx)], ["dx: all added up"], **self.scale)

        self.observe(lambda change: self.look("map"), ["row", "column"])
        self.observe(lambda change: self.look("image"), "pixel")
        self.given.observe(self.point, ["hovered", "picked"])
        self.sum.observe(self.point_back, ["hovered", "picked"])
        self.look("map")

    # What Python reads and sets

    @property
    def sent(self):
        """What the output looked at sends to each pixel of the image."""
        size, top, left = len(self.filter), self.row * self.stride, self.column * self.stride
        sent = np.zeros(self.image_shape, np.float32)
        sent[top : top + size, left : left + size] = self.filter * self.dy[self.row, self.column]
        return sent

    @property
    def windows(self):
        """The places in the map whose windows cover the pixel."""
        size, step = len(self.filter), self.stride
        reach = [range(max(0, -(-(at - size + 1) // step)), min(at // step + 1, n))
                 for at, n in zip(self.pixel, self.dy.shape)]  # fmt: skip
        return [(r, c) for r in reach[0] for c in reach[1]]

    @property
    def terms(self):
        """What arrives at the pixel: a number of dy and the weight that it comes through, for each window."""
        row, column = self.pixel
        return [
            (float(self.dy[r, c]), float(self.filter[row - r * self.stride, column - c * self.stride]))
            for r, c in self.windows
        ]

    @traitlets.validate("row", "column", "pixel")
    def within(self, proposal):
        name, value = proposal.trait.name, proposal.value
        shape = self.image_shape if name == "pixel" else self.dy.shape
        if name == "pixel":
            if len(value) != 2 or not all(isinstance(at, int) and 0 <= at < n for at, n in zip(value, shape)):
                raise traitlets.TraitError(f"pixel must be (row, column) within {shape}, not {value}")
        elif not 0 <= value < shape[name == "column"]:
            raise traitlets.TraitError(f"{name} must be 0 to {shape[name == 'column'] - 1}, not {value}")
        return value

    @property
    def text(self):
        if self.looked_at == "map":
            return (
                f"The output at row {self.row}, column {self.column} has the gradient "
                f"{number(short(self.dy[self.row, self.column]))}. It sends that to each pixel of its window, times "
                "the weight that the pixel met."
            )
        products = [f"{signed(d)} × {signed(w)}" for d, w in self.terms]
        if len(products) > TERMS:
            products[TERMS // 2 : -2] = ["..."]
        told = " + ".join(products) or "nothing"
        windows = counted(len(self.terms), "window")
        row, column = self.pixel
        return (
            f"The pixel at row {row}, column {column} lies in {windows}. It is sent {told} "
            f"= {number(short(self.dx[row, column]))}."
        )

    # What the hand does

    def point(self, change):
        if change.new:
            with self.hold_trait_notifications():
                self.row, self.column = change.new[1:]
            self.look("map")

    def point_back(self, change):
        if change.new:
            self.pixel = tuple(change.new[1:])
            self.look("image")

    # What is shown

    def look(self, at):
        """Draw what the output sends, or what the pixel is sent."""
        self.looked_at = at
        size, step = len(self.filter), self.stride
        with together(tiles_in(self)):
            if at == "map":
                window = box(0, self.row * step, self.column * step, size, size, plots.FILTER)
                self.given.boxes = [box(0, self.row, self.column, 1, 1, plots.FILTER)]
                self.weights.boxes = []
                self.sum.boxes = [window]
                self.share.show([short(self.sent)], ["what it sends"], **self.scale)
                self.share.boxes = [window]
            else:
                row, column = self.pixel
                self.given.boxes = [box(0, r, c, 1, 1, plots.FILTER) for r, c in self.windows]
                self.weights.boxes = [
                    box(0, row - r * step, column - c * step, 1, 1, plots.FILTER) for r, c in self.windows
                ]
                self.sum.boxes = [box(0, row, column, 1, 1)]
                arrived = np.zeros(self.dy.shape, np.float32)
                for place, (d, w) in zip(self.windows, self.terms):
                    arrived[place] = d * w
                self.share.show([short(arrived)], ["what it is sent"], **self.scale)
                self.share.boxes = self.given.boxes
        self.tell()


def signed(value):
    """A number, in brackets if it is below zero."""
    told = number(short(value))
    return f"({told})" if value < 0 else told
