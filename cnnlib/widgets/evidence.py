"""Weigh a picture pixel by pixel: what each one says for each class, and what it all adds up to."""

import copy
from html import escape

import numpy as np
import traitlets
from ipywidgets import HTML, Box, Button, HBox, IntSlider, ToggleButtons, VBox
from matplotlib import colormaps
from matplotlib.colors import to_hex

from cnnlib import plots
from cnnlib.layers import Flatten, Linear

from .explorer import Explorer
from .network import of_dtype, short
from .tiles import Tiles, box, crisp, greatest

PICTURE = 240  # pixels of the screen, the larger side
FRAME = plots.FILTER  # the colour of the frame around the pixel that is pointed at


class EvidenceExplorer(Explorer):
    """A classifier that looks at pixels, and its scales: pixels x weights = evidence, added up for each class.

    net     a Network of Flatten() and Linear(classes); the explorer keeps a copy
    images  (n, 1 or 3, height, width), as the network takes them
    names   a word for each class

    Paint on the picture, and the evidence follows. Point at a pixel anywhere, and its part in the sums is told. Traits:
        image            which image; one that has been painted over is as it was when you come back to it
        row, column      the pixel pointed at
        ink, thickness   what the brush paints, "light" or "dark" (the largest or smallest number of all images), and
                         how many pixels wide it is

    `picture` (1 or 3, height, width) is the image with what is painted on it, and may be set. `evidence`
    (classes, 1 or 3, height, width) is what each of its pixels says, `logits` and `probabilities` (classes,) what comes
    of it. `paint` and `restore` do what the hand does.

    Raises ValueError or TypeError where network, images and names do not fit each other, or a picture or a place does
    not fit the images, and TraitError for an image or a pixel that is not there.
    """

    image, row, column = (traitlets.Int(0) for _ in range(3))
    ink = traitlets.Enum(["light", "dark"], "light")
    thickness = traitlets.Int(3)

    def __init__(self, net, images, names=None):
        if [type(layer) for layer in net.layers] != [Flatten, Linear] or net.input_shape[0] not in (1, 3):
            raise ValueError(
                "the network must be Flatten() and Linear, for images of depth 1 or 3, "
                f"not {net.layers} for {net.input_shape}: NetworkExplorer shows any"
            )
        self.images = of_dtype(net, images)
        net.check(self.images)
        self.net, self.shape, (classes,) = copy.deepcopy(net), net.input_shape, net.out_shapes[-1]
        self.names = [f"class {i}" for i in range(classes)] if names is None else [str(name) for name in names]
        if len(self.names) != classes:
            raise ValueError(f"names must be {classes}, one for each class, not {self.names}")
        self.weights = self.net.layers[1].params["w"].T.reshape(classes, *self.shape)
        self.bias = self.net.layers[1].params["b"]
        self.largest = greatest(self.weights) * max(greatest(self.images), 1)  # where the scale ends, for good
        self.row, self.column = (side // 2 for side in self.shape[1:])
        self.lay_out()
        self.restore()
        self.observe(lambda _: self.restore(), "image")
        self.observe(lambda _: self.point(), ["row", "column"])

    def lay_out(self):
        _, height, width = self.shape
        controls = {
            "image": IntSlider(0, 0, len(self.images) - 1, description="image", layout={"width": "260px"}),
            "ink": ToggleButtons(options=["light", "dark"], description="brush", layout={"display": "flex"}),
            "thickness": IntSlider(3, 1, self.thickest, description="thickness", layout={"width": "230px"}),
        }
        self.tie(controls)
        controls["ink"].style.button_width = "auto"
        restore = Button(description="As it was", tooltip="take off what is painted", layout={"width": "90px"})
        restore.on_click(lambda _: self.restore())

        self.pad = Tiles(pointer="paint", zoom=crisp(PICTURE / max(height, width)))
        zoom = min((160 if self.few else 84) / max(height, width), 24)
        if self.shape[0] == 3:
            zoom /= 2  # three maps of weights
        self.scales = [Tiles(zoom=crisp(zoom), columns=self.shape[0] + 1) for _ in self.names]
        self.sums = [HTML(layout={"width": "210px" if self.few else "76px"}) for _ in self.names]
        rows = [HBox(pair, layout={"grid_gap": "14px"}) for pair in zip(self.scales, self.sums)]

        wrap = {"flex_flow": "row wrap", "grid_gap": "4px 24px", "overflow": "visible"}
        beside = VBox(rows) if self.few else Box(rows, layout=wrap | {"grid_gap": "4px 12px", "width": "584px"})
        super().__init__(
            Box([*controls.values(), restore], layout=wrap), HBox([self.pad, beside], layout={"grid_gap": "24px"})
        )
        self.pad.picked = (0, self.row, self.column)
        self.pad.on_paint(lambda cells: self.paint([cell[1:] for cell in cells]))
        for tiles in (self.pad, *self.scales):
            for trait in ("hovered", "picked"):
                tiles.observe(self.aim, trait)

    @property
    def few(self):
        """Are there so few classes that each has a line of its own?"""
        return len(self.names) <= 3

    @property
    def thickest(self):
        return max(max(self.shape[1:]) // 4, 1)

    # What can be

    @traitlets.validate("image", "row", "column")
    def there(self, proposal):
        name = proposal.trait.name
        most = {"image": len(self.images), "row": self.shape[1], "column": self.shape[2]}[name] - 1
        if not 0 <= proposal.value <= most:
            raise traitlets.TraitError(f"{name} must be 0 to {most}, not {proposal.value}")
        return proposal.value

    @traitlets.validate("thickness")
    def thin_enough(self, proposal):
        if not 1 <= proposal.value <= self.thickest:
            raise traitlets.TraitError(f"thickness must be 1 to {self.thickest} pixels, not {proposal.value}")
        return proposal.value

    # What the hand does

    def paint(self, places):
        """Paint a dot of the brush at each of these places, [(row, column), ...]."""
        _, height, width = self.shape
        painted = np.zeros((height, width), bool)
        for row, column in places:
            if not (0 <= row < height and 0 <= column < width):
                raise ValueError(f"a place must be (row, column) in {height} x {width} pixels, not {(row, column)}")
            down, right = np.arange(height)[:, None] - row, np.arange(width) - column
            painted |= down**2 + right**2 <= (self.thickness / 2) ** 2
        value = np.nanmax(self.images) if self.ink == "light" else np.nanmin(self.images)
        self.picture = np.where(painted, value, self.picture)

    def restore(self):
        """The image as it was, with nothing painted on it."""
        self.picture = self.images[self.image]

    def aim(self, change):
        """Go to the pixel where the hand is."""
        if change.new:
            _, row, column = change.new
            with self.hold_trait_notifications():
                self.row, self.column = row, column

    @property
    def picture(self):
        return self._picture

    @picture.setter
    def picture(self, picture):
        picture = of_dtype(self.net, picture)
        if picture.shape != self.shape:
            raise ValueError(f"a picture must be {self.shape}, as the images are, not {picture.shape}")
        self._picture = picture
        self.show()

    # What comes of it

    @property
    def evidence(self):
        return self.weights * self.picture

    @property
    def logits(self):
        return self.net.forward(self.picture[None])[0]

    @property
    def probabilities(self):
        return self.net.probabilities(self.picture[None])[0]

    @property
    def painted(self):
        return not np.array_equal(self.picture, self.images[self.image], equal_nan=True)

    def show(self):
        picture, caption = self.picture, f"image {self.image}{', painted over' if self.painted else ''}"
        if (self.images < 0).any() or (self.images > 1).any():
            picture, caption = 0.5 + picture / (2 * greatest(self.images)), f"{caption} (0 is grey)"
        self.pad.show([picture], [caption])
        maps = [""] if self.shape[0] == 1 else [f", depth {d}" for d in range(self.shape[0])]
        for k, (name, evidence) in enumerate(zip(self.names, self.evidence)):
            arrays = [*self.weights[k], evidence.sum(0)]
            captions = [f"weights for {name}{which}" for which in maps] + ["x pixels = evidence"]
            if not self.few:
                captions = [f"weights{which}" for which in maps] + ["evidence"]
            last = self.few and k == len(self.names) - 1
            self.scales[k].show(arrays, captions, signed=True, largest=self.largest, legend=last)
        self.weigh()
        self.point()

    def weigh(self):
        """Beside each class, its sum and what softmax makes of all of them."""
        probabilities, parts = self.probabilities, zip(self.evidence.sum((1, 2, 3)), self.bias, self.logits)
        for k, (sums, p, part) in enumerate(zip(self.sums, probabilities, parts)):
            lines = zip(["evidence", "+ bias", "= logit"], part) if self.few else [("logit", part[-1])]
            cells = "".join(
                f'<tr><td>{word}</td><td style="text-align: right; padding-left: 6px">{told(value)}</td></tr>'
                for word, value in lines
            )
            share = 0 if np.isnan(p) else p
            bar = (
                '<div style="background: rgba(128, 128, 128, 0.2); height: 16px">'
                f'<div style="background: {colour(k, len(self.names))}; height: 16px; width: {share:.1%}"></div></div>'
            )
            bold = "bold" if k == probabilities.argmax() else "normal"
            sums.value = (
                f'<div style="font-size: {15 if self.few else 13}px; line-height: 1.4"><b>{escape(self.names[k])}</b>'
                f'<table style="border-collapse: collapse; line-height: 1.4">{cells}</table>'
                f'{bar}<span style="font-weight: {bold}">{p:.1%}</span></div>'
            )

    def point(self):
        """The words, and the frames around the pixel pointed at."""
        self.tell(self.pad.missing)
        for tiles in (self.pad, *self.scales):
            tiles.boxes = [box(i, self.row, self.column, 1, 1, FRAME) for i in range(len(tiles.arrays))]

    @property
    def text(self):
        evidence, logits, p = self.evidence, self.logits, self.probabilities
        said = [f"Image {self.image}{', painted over' if self.painted else ''}."]
        for k, name in enumerate(self.names):
            said.append(f"For {name}: evidence {told(evidence[k].sum())}, bias {told(self.bias[k])}, ")
            said[-1] += f"logit {told(logits[k])}."
        if np.isfinite(p).all():
            likely = ", ".join(f"{self.names[i]} {p[i]:.1%}" for i in np.argsort(-p, kind="stable")[:3])
            said.append(f"The classifier says {likely}.")
        else:
            said.append("The classifier answers with what is not a number.")
        here = (slice(None), self.row, self.column)
        values = ", ".join(map(short, self.picture[here]))
        adds = ", ".join(f"{short(e[here].sum())} for {name}" for name, e in zip(self.names, evidence))
        return " ".join(said) + f" The pixel in row {self.row}, column {self.column} is {values}: it adds {adds}."


def told(value):
    """A number with two decimals, and no minus before zero."""
    return f"{round(float(value), 2) + 0:.2f}"


def colour(k, classes):
    """The colour of a class: cross and circle have their own."""
    return (plots.CROSS, plots.CIRCLE)[k] if classes == 2 else to_hex(colormaps["viridis"]((k + 0.5) / classes))
