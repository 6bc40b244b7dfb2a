"""Max pooling: which pixel wins, what a shift by a pixel changes, and where the gradients land."""

import numpy as np
import traitlets
from ipywidgets import BoundedIntText, Dropdown, HBox, IntSlider, VBox

from cnnlib import plots
from cnnlib.layers import Conv2D, MaxPool2D

from .convolution import READABLE, close_up, filter_for, left_out, pictures_of, short, together, volume_of, zoom
from .explorer import Explorer
from .tiles import Tiles, box, greatest, number

ROOM = 196, 220  # pixels of the screen across a map, with its image beside it and without
COARSE = 4  # pixels of the screen for each of a map; where there are fewer, a close-up shows who wins


class PoolingExplorer(Explorer):
    """The largest of each block, and what becomes of the others.

    PoolingExplorer(maps)           pools what it is given
    PoolingExplorer(image, filter)  pools the map that the filter makes of the image, without padding

    maps and image are (height, width) or (depth, height, width); a filter is (size, size) or (depth, size, size). size
    and stride are those of MaxPool2D.

    Set `row` and `column`, the block looked at, and read `block`, its `largest` number, and `winner`, whose place in
    the map; set `map`, if there are several, `size` and `stride`, and read `pooled`, what is left. Set `right` and
    `down`, how many pixels the image is shifted by, its edge repeated, and read `moved_pooled`, what is left then,
    `map_changes` and `pooled_changes`, or `effect`, which tells them in words. Set `mode` to "backward" and read
    `landed`: where in the map the `gradient` of each pooled value lands. They are 1, 2, 3, ..., until you set others.

    ValueError for arrays of other shapes, TraitError for a block or a map that is not there and for other settings.
    Settings that do not fit are told in red, and the picture stays as it was.
    """

    row = traitlets.Int(0)
    column = traitlets.Int(0)
    map = traitlets.Int(0)
    size = traitlets.Int(2, min=1, max=8)
    stride = traitlets.Int(2, min=1, max=8)
    right = traitlets.Int(0, min=0, max=8)
    down = traitlets.Int(0, min=0, max=8)
    mode = traitlets.Enum(["forward", "backward"], "forward")

    def __init__(self, volume, filter=None, size=2, stride=None):
        self.volume, self.filter = volume_of(volume, "volume"), None
        if filter is not None:
            self.filter = filter_for(filter, len(self.volume))
        self.layer, self.given, self.problem = None, None, ""
        self.maps = self.moved_maps = self.convolved(self.volume)
        self.moved_image = self.volume
        self.scale = {"signed": bool((self.maps < 0).any()), "largest": greatest(self.maps)}  # of all but differences

        self.above = [Tiles(), Tiles(pointer="drag"), Tiles(), Tiles(pointer="drag"), Tiles(columns=1)]
        self.image, self.values, self.wins, self.pools, self.cells = self.above
        self.below = [Tiles() for _ in self.above]  # the same after a shift
        self.shifted_image, self.shifted_values, self.map_difference, *pools = self.below
        self.shifted_pools, self.pooled_difference = pools
        across = zoom(*self.volume.shape[1:], ROOM[filter is None])
        for sheet in [*self.above, *self.below]:
            sheet.zoom = across
        self.coarse = across < COARSE
        if self.coarse:
            self.wins.zoom = 10
        if self.filter is not None:
            self.image.show(self.seen_as(self.volume), [f"image: {measures(self.volume[0])}"], numbers=True)
        controls = {
            "size": BoundedIntText(2, 1, 8, description="block size", layout={"width": "130px"}),
            "stride": BoundedIntText(2, 1, 8, description="stride", layout={"width": "110px"}),
            "mode": Dropdown(options=["forward", "backward"], description="mode", layout={"width": "160px"}),
            "right": IntSlider(0, 0, 8, description="shift right", layout={"width": "280px"}),
            "down": IntSlider(0, 0, 8, description="shift down", layout={"width": "280px"}),
        }
        if len(self.maps) > 1:
            last = len(self.maps) - 1
            controls["map"] = BoundedIntText(0, 0, last, description="map, depth", layout={"width": "130px"})
        columns = [VBox(pair) for pair in zip(self.above, self.below)][not self.image.arrays :]
        self.shifters = HBox([controls["right"], controls["down"]])
        others = [control for name, control in controls.items() if name not in ("right", "down")]
        super().__init__(
            HBox(others, layout={"flex_flow": "row wrap", "grid_gap": "0 12px"}),
            self.shifters,
            HBox(columns, layout={"flex_flow": "row wrap", "grid_gap": "0 10px"}),
        )
        self.words.style.font_size = "16px"

        self.size, self.stride = size, size if stride is None else stride
        self.pool()
        self.tie(controls)
        self.observe(self.look, ["row", "column"])
        self.observe(self.pool, ["size", "stride", "map"])
        self.observe(self.shift, ["right", "down"])
        self.observe(self.draw, "mode")
        self.values.observe(lambda change: self.point(*change.new[1:]), "picked")
        self.pools.observe(lambda change: self.move(*change.new[1:]), "picked")
        self.wins.observe(lambda change: self.point(*np.add(self.corner, change.new[1:])), "picked")

    # What Python reads and sets

    @property
    def block(self):
        """The numbers of the block looked at."""
        return self.block_at(self.row, self.column)

    @property
    def largest(self):
        """What is left of them."""
        return float(self.pooled[self.row, self.column])

    @property
    def winner(self):
        """Row and column, in the map, of the pixel that is left."""
        return self.winner_of(self.row, self.column)

    @property
    def gradient(self):
        """The gradient of each pooled value, (rows, columns)."""
        return self.given.copy()

    @gradient.setter
    def gradient(self, gradient):
        gradient = np.array(gradient, np.float32)
        if gradient.shape != self.pooled.shape:
            raise ValueError(f"gradient must have the pooled map's shape, {self.pooled.shape}, not {gradient.shape}")
        self.given = gradient
        self.draw()

    @property
    def landed(self):
        """The gradient of each pixel of the map."""
        return self.layer.backward(self.given[None, None])[0, 0]

    @property
    def map_changes(self):
        """How many numbers of the map differ after a shift, put back by as much, and of how many that can be compared.

        What came in over the edge is not compared.
        """
        return count(self.map_off), self.map_off.size

    @property
    def pooled_changes(self):
        """How many pooled values differ after a shift, and of how many; blocks that the edge came into left out."""
        return count(self.pooled_off), self.pooled_off.size

    @traitlets.validate("row", "column")
    def within(self, proposal):
        return self.one_of(self.pooled.shape[proposal.trait.name == "column"], proposal)

    @traitlets.validate("map")
    def there(self, proposal):
        return self.one_of(len(self.maps), proposal)

    @staticmethod
    def one_of(n, proposal):
        if not 0 <= proposal.value < n:
            raise traitlets.TraitError(f"{proposal.trait.name} must be 0 to {n - 1}, not {proposal.value}")
        return proposal.value

    @property
    def text(self):
        size, step = self.layer.size, self.layer.step
        apart = f"{step} apart" + (", so they overlap" if step < size else ", with gaps between" if step > size else "")
        places = "{} x {} of them lie on the map of {} x {}.".format(*self.pooled.shape, *self.shown.shape)
        told = [self.fate, f"Blocks are {size} x {size}, {apart}: {places}"]
        if self.shifts:
            told.append(self.effect)
        return " ".join([*told, self.values.missing]).strip()

    @property
    def fate(self):
        """What becomes of the block looked at, in words."""
        numbers = self.block.ravel()
        here, place = f"the block at row {self.row}, column {self.column}", "row {}, column {}".format(*self.winner)
        listed = ", ".join(map(number, self.short(numbers))) if numbers.size <= 9 else f"{numbers.size} numbers"
        equals = np.count_nonzero(numbers == self.largest)
        tie = f" {equals} are equally large: the first takes it all." if equals > 1 else ""
        if self.mode == "forward":
            largest = number(self.short(self.largest))
            return f"In {here}, the largest of {listed} is {largest}, at {place} of the map.{tie}"
        own, sum_ = (number(short(value)) for value in (self.given[self.row, self.column], self.landed[self.winner]))
        told = f"The gradient {own} of {here} lands at {place} of the map, on the largest of {listed}.{tie}"
        every = [number(short(self.given[at])) for at in self.won_by(*self.winner)]
        if (blocks := len(every)) > 1:
            every[6:-1] = ["..."] if blocks > 9 else every[6:-1]
            told += f" That is the largest of {blocks} blocks, and gradients add: {' + '.join(every)} = {sum_}."
        return told

    @property
    def effect(self):
        """What the shift did, in words."""
        ways = [f"{n} {name}" for n, name in ((self.right, "to the right"), (self.down, "down")) if n]
        told = f"Shifted by {' and '.join(ways)}. "
        told += "Put back, {:,} of {:,} numbers of the map differ. ".format(*self.map_changes)
        told += "Of the pooled map, {:,} of {:,} differ from what was there".format(*self.pooled_changes)
        if self.right % self.layer.step or self.down % self.layer.step:
            return f"{told}."
        rows, columns = self.down // self.layer.step, self.right // self.layer.step
        off = difference(self.moved_pooled, self.pooled, rows, columns, put_back=True)
        return f"{told}; put back by whole blocks, {count(off):,} of {off.size:,}."

    def figure(self):
        """A still picture: the map and its pooled map, and below them the same after the shift."""
        rows = [[row for sheet in sheets for row in sheet.rows()] for sheets in (self.above, self.below)]
        return plots.still([sum(row, []) for row in rows if row], alt=self.text)

    # What the hand does

    def point(self, row, column):
        """Look at the block that holds this pixel of the map, or of several the one whose middle is nearest."""
        size, step = self.layer.size, self.layer.step
        off = 0 if step >= size else step / 2 - (size - 1) // 2
        self.move((row + off) // step, (column + off) // step)

    def move(self, row, column):
        row, column = (int(np.clip(at, 0, n - 1)) for at, n in zip((row, column), self.pooled.shape))
        with self.hold_trait_notifications():
            self.row, self.column = row, column
        self.mark()

    def mark(self):
        """Let the arrow keys start from the block."""
        middle, step = (self.layer.size - 1) // 2, self.layer.step
        row, column = self.row * step + middle, self.column * step + middle
        self.values.picked = (0, row, column)
        self.wins.picked = (0, row - self.corner[0], column - self.corner[1])
        self.pools.picked = (0, self.row, self.column)

    # What is computed

    def convolved(self, image):
        """The map that the filter makes of an image; with no filter, the image itself."""
        if self.filter is None:
            return image
        layer = Conv2D(1, self.filter.shape[-1], padding="valid")
        layer.build(image.shape, np.random.default_rng(0))
        layer.params = {"w": self.filter[None], "b": np.zeros(1, np.float32)}
        with np.errstate(invalid="ignore"):  # where the image is infinite
            return layer.forward(image[None])[0]

    def block_at(self, row, column):
        size, top, left = self.layer.size, row * self.layer.step, column * self.layer.step
        return self.shown[top : top + size, left : left + size]

    def winner_of(self, row, column):
        """Where in the map the largest number of a block is."""
        block, pool = self.block_at(row, column), MaxPool2D(self.layer.size)
        pool.forward(block[None, None])
        down, right = np.argwhere(pool.backward(np.ones((1, 1, 1, 1), np.float32))[0, 0])[0]
        return int(row * self.layer.step + down), int(column * self.layer.step + right)

    def won_by(self, row, column):
        """The blocks whose largest number this pixel is."""
        size, step = self.layer.size, self.layer.step
        reach = [range(max(0, (at - size) // step + 1), min(at // step + 1, n)) for at, n in
                 zip((row, column), self.pooled.shape)]  # fmt: skip
        return [(r, c) for r in reach[0] for c in reach[1] if self.winner_of(r, c) == (row, column)]

    def pool(self, change=None):
        """Pool anew, in blocks of the last size and stride that fit the map."""
        layer = MaxPool2D(self.size, self.stride)
        try:
            layer.build(self.maps.shape, np.random.default_rng(0))
            self.layer, self.problem = layer, left_out(layer.size, layer.step, *self.maps.shape[1:])
        except ValueError as reason:
            self.problem = f"{str(reason)[0].upper()}{str(reason)[1:]}."
            if self.layer is None:
                raise ValueError(f"volume {self.volume.shape}: {self.problem}") from None
        self.shown = self.maps[self.map]
        self.pooled = self.layer.forward(self.shown[None, None])[0, 0]
        if self.given is None or self.given.shape != self.pooled.shape:
            self.given = np.arange(1, self.pooled.size + 1, dtype=np.float32).reshape(self.pooled.shape)
        with self.hold_trait_notifications(), together(self.above + self.below):
            self.row, self.column = (min(at, n - 1) for at, n in zip((self.row, self.column), self.pooled.shape))
            self.values.step = self.wins.step = self.layer.step
            named = f"map, depth {self.map}" if len(self.maps) > 1 else "map"
            told, legend = f"{named}: {measures(self.shown)}", self.values.zoom < READABLE
            self.values.show([self.short(self.shown)], [told], numbers=True, legend=legend, **self.scale)
            self.draw()

    def shift(self, change=None):
        """Move the image, and see what the filter makes of it."""
        self.moved_image = shifted(self.volume, self.down, self.right)
        self.moved_maps = self.convolved(self.moved_image)
        self.compare()

    def compare(self):
        """Pool what was moved, and take off what was there."""
        self.moved = self.moved_maps[self.map]
        step, down, right = self.layer.step, self.down, self.right
        self.moved_pooled = MaxPool2D(self.layer.size, step).forward(self.moved[None, None])[0, 0]
        self.map_off = difference(self.moved, self.shown, down, right, put_back=True)
        self.pooled_off = difference(self.moved_pooled, self.pooled, -(-down // step), -(-right // step))
        self.draw_shift()

    # What is shown

    @property
    def shifts(self):
        """Is a shift to be seen?"""
        return self.mode == "forward" and bool(self.down or self.right)

    def draw(self, change=None):
        """Draw what is kept and who wins, or the gradients and where they land."""
        if self.mode == "forward":
            won = self.layer.backward(np.ones_like(self.pooled)[None, None])[0, 0] > 0
            self.fates, self.told = np.where(won, self.shown, 0), f"winners: {count(won):,} of {won.size:,} pixels"
            kept, caption, self.lot = self.short(self.pooled), "pooled", self.scale
        else:
            self.fates, self.told = self.landed, "where the gradients land"
            kept, caption = short(self.given), "gradients"
            largest = max(greatest(self.fates), greatest(self.given))
            self.lot = {"signed": bool((self.given < 0).any()), "largest": largest}
        self.shifters.layout.display = None if self.mode == "forward" else "none"
        self.pools.show([kept], [f"{caption}: {measures(kept)}"], numbers=True, **self.lot)
        if not self.coarse:
            with self.wins.hold_sync():
                self.wins.show([short(self.fates, self.lot["largest"])], [self.told], numbers=True, **self.lot)
                if self.mode == "forward" and self.wins.numbers[0]:
                    self.wins.numbers = [[n if w else "" for n, w in zip(self.wins.numbers[0], won.flat)]]
        self.compare()

    def draw_shift(self):
        """Draw what the shift did, and what goes with the block."""
        if not self.shifts:
            for sheet in self.below:
                sheet.show([])
        else:
            if self.filter is not None:
                self.shifted_image.show(self.seen_as(self.moved_image), ["image, shifted"], numbers=True)
            self.shifted_values.show([self.short(self.moved)], ["map, after the shift"], numbers=True, **self.scale)
            self.shifted_pools.show([self.short(self.moved_pooled)], ["pooled, after"], numbers=True, **self.scale)
            self.pooled_difference.zoom = zoom(*self.pooled.shape, 96)  # wide enough for its caption
            for sheet, off, what in [
                (self.map_difference, self.map_off, "put back, minus the map"),
                (self.pooled_difference, self.pooled_off, "minus the pooled"),
            ]:
                shown = [self.short(off)] if off.size else []
                told = [f"{what}: {count(off):,} of {off.size:,} differ"]
                sheet.show(shown, told, numbers=True, signed=True, largest=self.scale["largest"])
        self.seen = None
        self.look()

    def look(self, change=None):
        """Draw what goes with the block."""
        if self.seen != (self.row, self.column):
            self.seen = self.row, self.column
            with together(self.above):
                self.draw_block()
                self.mark()
            self.tell(self.problem)

    def draw_block(self):
        """Where the block is, and its numbers."""
        size, step = self.layer.size, self.layer.step
        top, left = self.row * step, self.column * step
        row, column = self.winner
        self.corner = (0, 0)
        if self.coarse:
            self.corner, part = close_up([self.fates], top, left)
            self.wins.show(part, [f"{self.told}; close-up"], **self.lot)
        down, right = self.corner
        self.values.boxes = [box(0, top, left, size, size), box(0, row, column, 1, 1)]
        self.wins.boxes = [box(0, top - down, left - right, size, size), box(0, row - down, column - right, 1, 1)]
        self.pools.boxes = [box(0, self.row, self.column, 1, 1)]
        if self.shifts:
            self.shifted_values.boxes = self.values.boxes[:1]
            self.shifted_pools.boxes = self.pools.boxes
        blocks = [self.block, self.moved[top : top + size, left : left + size]][: 1 + self.shifts]
        self.cells.zoom = int(np.clip(96 / size, 20, 40))
        self.cells.show([self.short(b) for b in blocks], ["block", "after the shift"], numbers=True, **self.scale)
        self.cells.boxes = [box(0, row - top, column - left, 1, 1)]

    def seen_as(self, image):
        """An image as one tile, if it can be one."""
        pictures = pictures_of(image)
        return pictures if len(pictures) == 1 else []

    def short(self, values):
        """Numbers of maps, as exactly as they are told."""
        return short(values, self.scale["largest"])


def shifted(volume, down, right):
    """A volume moved down and to the right; what comes in over the edge repeats it."""
    height, width = volume.shape[1:]
    down, right = min(down, height - 1), min(right, width - 1)
    return np.pad(volume[:, : height - down, : width - right], [(0, 0), (down, 0), (right, 0)], mode="edge")


def difference(after, before, down, right, put_back=False):
    """What is new, minus what was there, from a row and a column on; put back, minus what it was before it moved."""
    height, width = before.shape
    after = after[down:, right:]
    before = before[: max(0, height - down), : max(0, width - right)] if put_back else before[down:, right:]
    with np.errstate(invalid="ignore"):  # infinite minus infinite
        off = after - before
    off[np.isclose(after, before, rtol=1e-4, atol=1e-5 * greatest(before), equal_nan=True)] = 0  # rounding
    return off


def count(values):
    """How many are not zero."""
    return int(np.count_nonzero(values))


def measures(array):
    return "height {}, width {}".format(*array.shape)
