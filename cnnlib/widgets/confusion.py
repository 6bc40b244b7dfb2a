"""What is taken for what: a table of all answers, and the images behind each of its cells."""

from html import escape

import numpy as np
import traitlets
from ipywidgets import HTML, HBox, IntSlider, VBox

from cnnlib import plots

from .explorer import Explorer
from .tiles import Tiles, box, crisp, greatest

TABLE, CELL = 360, 64  # pixels of the screen: the table at most, and one of its cells
PICTURE = 64  # an image
COLUMNS, ROWS = 5, 5  # images side by side, and lines of them
LEGIBLE = 12  # pixels that a name needs


class ConfusionExplorer(Explorer):
    """A confusion matrix whose cells open the images behind them.

    images     (n, 1 or 3, height, width)
    truth      (n,), the class of each, a whole number from 0
    predicted  (n,), the class that it was taken for
    names      a word for each class; unless said, its number

    Click a cell of the table, or go about it with the arrow keys. Set `row`, the true class, and `column`, what it was
    taken for, and `page` where a cell has more images than fit. `table` (classes, classes) counts them; `behind` are
    the numbers of the images in the cell. It begins at the commonest mistake.

    Raises ValueError or TypeError where images, classes and names do not fit each other, and TraitError for a cell or
    a page that is not there.
    """

    row, column, page = (traitlets.Int(0) for _ in range(3))

    def __init__(self, images, truth, predicted, names=None):
        self.images = np.array(images, np.float32)
        if self.images.ndim != 4 or self.images.shape[1] not in (1, 3) or not self.images.size:
            raise ValueError(f"images must be (n, 1 or 3, height, width), not {self.images.shape}")
        self.truth = whole_numbers(truth, "truth", len(self.images))
        self.predicted = whole_numbers(predicted, "predicted", len(self.images))
        n = int(max(self.truth.max(), self.predicted.max())) + 1
        self.names = list(map(str, range(n) if names is None else names))
        if len(self.names) < n:
            raise ValueError(f"names must be at least {n}, one for each class, not {len(self.names)}: {self.names}")
        self.table = np.zeros((len(self.names),) * 2, np.int64)
        np.add.at(self.table, (self.truth, self.predicted), 1)
        mistakes = self.table * ~np.eye(len(self.names), dtype=bool)
        self.most = int(mistakes.max())
        self.row, self.column = map(int, np.unravel_index(mistakes.argmax(), mistakes.shape))
        if greatest(self.images) > 1 or (self.images < 0).any():  # as a network takes them: around a middle grey
            self.images = 0.5 + self.images / (2 * greatest(self.images))
        self.lay_out()
        self.observe(self.turn_to, ["row", "column"])
        self.observe(lambda _: self.show(), "page")
        self.turn_to()

    def lay_out(self):
        zoom = max(min(TABLE // len(self.names), CELL), 1)
        self.sheet = Tiles(zoom=zoom)
        self.sheet.show([self.table], ["The table"], largest=self.most or 1, numbers=True)
        self.sheet.numbers = [["" if text == "0" else text for text in cells] for cells in self.sheet.numbers]
        self.sheet.observe(self.aim, "picked")

        height, width = self.images.shape[2:]
        self.nth = max(max(height, width) // PICTURE, 1)  # of a large image, every nth pixel is enough
        zoom = PICTURE / max(-(-height // self.nth), -(-width // self.nth))
        self.gallery = Tiles(zoom=crisp(zoom), columns=COLUMNS)
        self.head = HTML()
        self.slider = IntSlider(description="page", max=0, layout={"width": "300px"})
        self.tie({"page": self.slider})

        table = self.sheet if self.sheet.zoom < LEGIBLE else labelled(self.sheet, self.names)
        right = VBox([self.head, self.slider, self.gallery], layout={"min_height": "500px"})
        super().__init__(HBox([table, right], layout={"grid_gap": "24px"}))

    # What can be

    @traitlets.validate("row", "column")
    def there(self, proposal):
        most = len(self.names) - 1
        if not 0 <= proposal.value <= most:
            raise traitlets.TraitError(f"{proposal.trait.name} must be 0 to {most}, not {proposal.value}")
        return proposal.value

    @traitlets.validate("page")
    def has_page(self, proposal):
        if not 0 <= proposal.value < self.pages:
            raise traitlets.TraitError(f"page must be 0 to {self.pages - 1}, not {proposal.value}")
        return proposal.value

    # What the hand does

    def aim(self, change):
        """Open the cell where the hand is."""
        _, row, column = change.new
        with self.hold_trait_notifications():
            self.row, self.column = row, column

    # What comes of it

    @property
    def behind(self):
        return np.flatnonzero((self.truth == self.row) & (self.predicted == self.column))

    @property
    def pages(self):
        return max(-(-int(self.table[self.row, self.column]) // (COLUMNS * ROWS)), 1)

    def turn_to(self, _=None):
        """Open a cell at its first page."""
        self.page = 0
        self.slider.max = self.pages - 1
        self.slider.layout.visibility = "visible" if self.pages > 1 else "hidden"
        self.sheet.picked = (0, self.row, self.column)
        self.sheet.boxes = [box(0, self.row, self.column, 1, 1, plots.WIDTH)]
        self.show()

    def show(self):
        start = self.page * COLUMNS * ROWS
        shown = self.behind[start : start + COLUMNS * ROWS]
        said = f"{self.names[self.row]} taken for {self.names[self.column]}: {self.table[self.row, self.column]}"
        several = f" (page {self.page}; the last is {self.pages - 1})" if self.pages > 1 else ""
        self.head.value = f'<span style="font-size: 15px"><b>{escape(said)}</b>{several}</span>'
        self.gallery.show(self.images[shown, :, :: self.nth, :: self.nth], [f"no. {i}" for i in shown])
        self.tell()

    def tell(self, problem=""):
        super().tell(problem or self.gallery.missing)

    @property
    def text(self):
        n, right = len(self.truth), int(self.table.trace())
        of, taken = int(self.table[self.row].sum()), int(self.table[self.row, self.column])
        truth, name = self.names[self.row], self.names[self.column]
        told = f"{right:,} of {n:,} are right ({right / n:.1%}). "
        told += f"Of the {of:,} that are {truth}, {taken:,} {'was' if taken == 1 else 'were'} taken for {name}"
        first = self.behind[:8]
        numbers = ", ".join(map(str, first)) + (", and more" if taken > len(first) else "")
        return told + (f": {'no.' if taken == 1 else 'nos.'} {numbers}." if taken else ".")


def whole_numbers(values, what, n):
    """Classes as an array; raises where they are not a whole number from 0 for each of n images."""
    values = np.array(values)
    if values.dtype.kind not in "iu":
        raise TypeError(f"{what} must be whole numbers, not {values.dtype}")
    if values.shape != (n,):
        raise ValueError(f"{what} must be a row of {n}, one for each image, not of shape {values.shape}")
    if values.min() < 0:
        raise ValueError(f"{what} must be 0 or more, not {values.min()}")
    return values.astype(np.int64)


def labelled(sheet, names):
    """A table with the names of the classes at its left and above it."""
    zoom = int(sheet.zoom)
    size = f"font-size: {min(15, zoom - 2)}px; font-family: sans-serif; white-space: nowrap; color: inherit"
    on_edge = max(map(len, names)) * 8 > zoom
    across = "".join(
        f'<span style="width: {zoom}px; display: inline-block; text-align: center">'
        f'<span style="{"writing-mode: vertical-rl; transform: rotate(180deg)" if on_edge else ""}">{escape(name)}'
        "</span></span>" for name in names
    )  # fmt: skip
    down = "".join(f'<div style="height: {zoom}px; line-height: {zoom}px">{escape(name)}</div>' for name in names)
    above = HTML(f'<div style="{size}; padding-left: 4px; line-height: 1.2"><i>taken for</i><br>{across}</div>')
    # The sheet has a line of caption under it, and 4 pixels of room all around.
    beside = HTML(f'<div style="{size}; text-align: right; padding-bottom: 23px">{down}</div>')
    left = VBox([HTML(f'<div style="{size}"><i>truth</i></div>'), beside], layout={"align_items": "flex-end"})
    layout = {"align_items": "flex-end", "align_self": "flex-start", "flex": "0 0 auto"}
    return HBox([left, VBox([above, sheet])], layout=layout)
