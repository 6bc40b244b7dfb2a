"""Ask a network why: the map of what in a picture made it answer so, which follows the brush."""

import numpy as np
import traitlets
from ipywidgets import HTML, Box, Button, Dropdown, HBox, IntSlider, ToggleButtons
from matplotlib.colors import to_rgb

from cnnlib import data, explain

from .drawpad import COLOURS, GREYS, bars, check, cover_line, pictures, twin, verdict
from .explorer import Explorer
from .network import of_dtype, short
from .tiles import Tiles, crisp

SIDE = 264  # pixels of the screen, the larger side of a tile
METHODS = {
    "saliency": explain.gradient_saliency,
    "deconvnet": explain.deconvnet,
    "guided backpropagation": explain.guided_backpropagation,
    "grad-cam": explain.grad_cam,
    "occlusion": explain.occlusion,
}


class AttributionExplorer(Explorer):
    """Five methods that say what in a picture made a unit answer as it did, on a picture to paint on.

    net      takes images (1 or 3, height, width), and ends in a number for each class
    images   (n, 1 or 3, height, width), values from 0 to 1: pictures to paint on
    names    of the classes; unless said, cross and circle if there are two, and their numbers if there are more
    prepare  what is done to images (n, depth, height, width) before the network sees them; None: nothing

    Paint, and the map follows. A map that stays much the same with random weights says little about what was learned.
    Traits to read and to set:
        image              which image; one that has been painted over is as it was when you come back to it
        method             "saliency", "deconvnet", "guided backpropagation", "grad-cam" or "occlusion"
        layer, unit        who is asked: a class of the last layer, or a filter of an earlier one, all its map added up;
                           layers may be counted backwards from -1
        weights            "trained", or "random": each layer's own numbers, shuffled
        colour, thickness  of the brush: a name from the list, and pixels

    `picture` (depth, height, width) is the image with what is painted on it, and may be set. `map` is what the method
    says of it: the largest slope of each pixel's channels without its sign, (height, width); for "grad-cam", the size
    of the last maps before the layer; for "occlusion", how far the answer falls with each square covered, one beside
    the other, an eighth of the picture wide. `likeness` is the correlation of the map with that of the trained network
    and `probabilities` (classes,) what the network answers. `paint` and `restore` do what the hand does.

    Raises ValueError or TypeError where network, images and names do not fit each other, or a picture or a place does
    not fit the images, and TraitError for what is not there.
    """

    image, layer, unit = (traitlets.Int(0) for _ in range(3))
    method = traitlets.Enum(list(METHODS), "saliency")
    weights = traitlets.Enum(["trained", "random"], "trained")
    colour, thickness = traitlets.Unicode(), traitlets.Int(3)

    def __init__(self, net, images, names=None, prepare=data.centered):
        check(net, None)
        self.shape, (classes,) = net.input_shape, net.out_shapes[-1]
        self.images = pictures(images, "images", ("n", *self.shape))
        if names is None:
            names = ("cross", "circle") if classes == 2 else range(classes)
        self.names = list(map(str, names))
        if len(self.names) != classes:
            raise ValueError(f"names must be {classes}, one for each class, not {len(self.names)}: {self.names}")
        self.nets = {"trained": twin(net), "random": explain.randomised(net)}
        self.prepare = prepare or (lambda x: x)
        self.swatches = GREYS if self.shape[0] == 1 else COLOURS
        self.colour = "white" if self.shape[0] == 1 else "yellow"
        self._picture, self.last = self.images[0], None  # last: the place that a stroke has come to
        self.map, self.caption, self.layer = np.zeros(self.shape[1:], np.float32), "no map", -1
        self.unit = int(np.nan_to_num(self.probabilities).argmax())
        self.lay_out()
        self.restore()
        self.observe(lambda _: self.restore(), "image")
        self.observe(self.ask_layer, "layer")
        self.observe(lambda _: self.show(), ["method", "unit", "weights"])

    def lay_out(self):
        self.units = Dropdown(options=self.options(), description="answer of")
        layers = [(f"{i}: {type(layer).__name__}", i) for i, layer in enumerate(self.nets["trained"].layers)]
        controls = {
            "method": Dropdown(options=list(METHODS), description="method"),
            "layer": Dropdown(options=layers, value=self.layer, description="layer"),
            "unit": self.units,
            "weights": ToggleButtons(options=["trained", "random"], description="weights", layout={"display": "flex"}),
            "image": IntSlider(0, 0, len(self.images) - 1, description="image"),
            "colour": Dropdown(options=list(self.swatches), description="brush"),
            "thickness": IntSlider(3, 1, self.thickest, description="thickness"),
        }
        widths = {"method": 225, "layer": 170, "unit": 165, "image": 250, "colour": 150, "thickness": 230}
        self.tie(controls, widths)
        controls["weights"].style.button_width = "auto"
        restore = Button(description="As it was", tooltip="take off what is painted", layout={"width": "90px"})
        restore.on_click(lambda _: self.restore())

        zoom = crisp(SIDE / max(self.shape[1:]))
        self.pad, self.sheet, self.lit = Tiles(pointer="paint", zoom=zoom), Tiles(), Tiles(zoom=zoom)
        self.bars = HTML()
        wrap = {"flex_flow": "row wrap", "grid_gap": "4px 20px", "overflow": "visible"}
        tiles = HBox([self.pad, self.sheet, self.lit], layout={"grid_gap": "20px", "overflow": "visible"})
        super().__init__(Box([*controls.values(), restore], layout=wrap), tiles, self.bars)
        self.pad.picked = (0, *(side // 2 for side in self.shape[1:]))
        self.pad.on_paint(self.follow)

    # What can be

    @traitlets.validate("image", "layer", "unit", "thickness")
    def there(self, proposal):
        name, value, layers = proposal.trait.name, proposal.value, len(self.nets["trained"].layers)
        least, most = {
            "image": (0, len(self.images) - 1),
            "layer": (-layers, layers - 1),
            "unit": (0, self.asked[0] - 1),
            "thickness": (1, self.thickest),
        }[name]
        if not least <= value <= most:
            raise traitlets.TraitError(f"{name} must be {least} to {most}, not {value}")
        return value % layers if name == "layer" else value

    @traitlets.validate("colour")
    def named(self, proposal):
        if proposal.value not in self.swatches:
            raise traitlets.TraitError(f"colour must be one of {', '.join(self.swatches)}, not {proposal.value!r}")
        return proposal.value

    @property
    def thickest(self):
        return max(max(self.shape[1:]) // 4, 3)

    @property
    def asked(self):
        """The shape of what the layer makes."""
        return self.nets["trained"].out_shapes[self.layer]

    def options(self):
        """The units of the layer, by name."""
        n, kind = self.asked[0], "filter" if len(self.asked) == 3 else "number"
        last = self.layer == len(self.nets["trained"].layers) - 1
        return [(self.names[i] if last else f"{kind} {i}", i) for i in range(n)]

    # What the hand does

    def ask_layer(self, _):
        """Another layer has other units: the same number, if there is one."""
        unit = self.unit if self.unit < self.asked[0] else 0
        with self.hold_trait_notifications():
            self.units.options = self.options()  # and the first is chosen
            self.unit = unit
        self.show()

    def paint(self, places):
        """Paint a stroke through these places, [(row, column), ...], straight from each to the next."""
        _, height, width = self.shape
        for place in places:
            if not (0 <= place[0] < height and 0 <= place[1] < width):
                raise ValueError(f"a place must be (row, column) in {height} x {width} pixels, not {tuple(place)}")
        coverage = np.zeros((height, width), np.float32)
        for start, end in zip([places[0], *places], places):
            cover_line(coverage, start, end, self.thickness / 2)
        value = np.array(to_rgb(self.swatches[self.colour]), np.float32)[: self.shape[0], None, None]
        self.picture = self.picture + coverage * (value - self.picture)

    def follow(self, cells):
        """The hand's brush has passed these cells: a stroke, or more of one."""
        places = [(row, column) for _, row, column in cells]
        self.paint(places if self.pad.stroke["began"] or self.last is None else [self.last, *places])
        self.last = places[-1]

    def restore(self):
        """The image as it was, with nothing painted on it."""
        self.picture = self.images[self.image]

    @property
    def picture(self):
        return self._picture

    @picture.setter
    def picture(self, picture):
        self._picture = pictures(picture, "a picture", self.shape)
        self.last = None
        self.show()

    # What comes of it

    @property
    def x(self):
        """The picture as the network takes it: (1, depth, height, width)."""
        return of_dtype(self.nets["trained"], self.prepare(self.picture[None]))

    @property
    def probabilities(self):
        return self.nets[self.weights].probabilities(self.x)[0]

    @property
    def painted(self):
        return not np.array_equal(self.picture, self.images[self.image], equal_nan=True)

    @property
    def side(self):
        """How wide the square is that covers a part of the picture."""
        return max(min(self.shape[1:]) // 8, 1)

    def explained(self, weights):
        """What the method says, with these weights: a map."""
        if self.method == "grad-cam" and not any(len(s) == 3 for s in self.nets[weights].out_shapes[: self.layer]):
            raise ValueError(f"Grad-CAM weighs the maps of an earlier layer, and layer {self.layer} has none before it")
        squares = {"size": self.side, "stride": self.side} if self.method == "occlusion" else {}
        (found,) = METHODS[self.method](self.nets[weights], self.x, self.unit, self.layer, **squares)
        return np.abs(found).max(0) if found.ndim == 3 else found

    def show(self):
        try:
            self.map = self.explained(self.weights)
            self.likeness = correlation(self.map, self.explained("trained")) if self.weights == "random" else 1.0
            self.problem, self.caption = "", f"{self.method}: {self.map.shape[0]} x {self.map.shape[1]}"
        except ValueError as error:  # no maps, or a picture that is not finite
            self.problem = f"{error}. "
        _, height, width = self.shape
        rows, columns = self.map.shape
        self.pad.show([self.picture], [f"image {self.image}{', painted over' if self.painted else ': paint here'}"])
        self.sheet.zoom = self.pad.zoom * width / columns
        self.sheet.show([self.map], [self.caption], legend=True)
        light = np.clip(self.map, 0, None)
        light = np.sqrt(light / (light.max() or 1))  # with the root, what is faint can be seen
        light = light[np.arange(height)[:, None] * rows // height, np.arange(width) * columns // width]
        self.lit.show([0.5 + (self.picture - 0.5) * light], ["the picture, where the map is high"])
        self.bars.value = bars({f"with {self.weights} weights": self.probabilities}, self.names)
        self.tell(self.problem + self.pad.missing)

    @property
    def text(self):
        said = f"Image {self.image}{', painted over' if self.painted else ''}. With {self.weights} weights, "
        said += f"the network says {verdict(self.probabilities, self.names)}. "
        if self.problem:
            return f"{said}The map is the last that could be made."
        rows, columns = self.map.shape
        who = dict(map(reversed, self.options()))[self.unit]
        said += f"{self.method.capitalize()} for {who} of layer {self.layer}: a map of {rows} x {columns}, "
        if not self.map.any():
            return f"{said}0 everywhere."
        row, column = np.unravel_index(self.map.argmax(), self.map.shape)
        said += f"largest in row {row}, column {column}: {short(self.map[row, column])}."
        if self.weights == "random":
            said += f" Its correlation with the map of the trained network is {self.likeness:.2f}."
        return said


def correlation(a, b):
    """How alike two maps are: 1 if the same but for size and level, 0 if unrelated; NaN where one is all the same."""
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1]) if np.ptp(a) and np.ptp(b) else np.nan
