"""Look for shapes in a larger picture: drag one through it, and the box follows."""

import copy
import math
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
import traitlets
from ipywidgets import HTML, Box, Dropdown, FloatSlider, HBox, IntSlider, ToggleButtons, VBox

from cnnlib import data, localize, plots
from cnnlib.network import softmax

from .explorer import Explorer, counted
from .network import of_dtype
from .tiles import Tiles, box

SCENE, HEAT = 384, 172  # pixels of the screen, the larger side of a tile
NAMES, COLOURS = ("cross", "circle"), (plots.CROSS, plots.CIRCLE)
LINES = 7  # of the table of what is found


class Level(NamedTuple):
    """A scene at one scale, `image = down @ scene @ across.T`, and how probable each class is in its windows."""

    image: np.ndarray  # (depth, height, width)
    places: np.ndarray  # (rows, columns, 4), where its windows look for shapes: boxes in pixels of the scene
    heat: np.ndarray  # (classes, rows, columns)
    down: np.ndarray  # (height, rows of the scene)
    across: np.ndarray  # (width, columns of the scene)


class LocalizeExplorer(Explorer):
    """A detector at work on scenes: what it finds, how hot each window is, and how much of it is right.

    net     looks at windows and tells cross, circle and neither, as data.detector() does; the explorer keeps a copy
    scenes  as data.scenes returns them: images (n, depth, height, width) with values from 0 to 1, and for each its
            labels (k,) and true boxes (k, 4), left, top, right, bottom

    Drag a shape of your own through the scene, and the box follows. Traits to read and to set:
        scene             which one
        shape             that is put into it, "cross" or "circle", or "none"
        row, column       where its middle is
        radius            its size, in pixels
        threshold         how sure the network must be, 0.1 to 1
        overlap           boxes with a larger IoU are one crowd, of which only the surest stays; 0 to 0.9
        scale             which of localize.SCALES the heat maps are of

    `image` (depth, height, width) is the scene with the shape in it, `truth` the true (boxes, labels), the shape's
    last. `found` is what localize.detect finds, `hits` says for each whether it is right: the IoU with a true box of
    its class is at least 0.5, and no surer one was there before. `precision` is the share of what is found that is
    right, `recall` the share of what is there that is found; NaN where that is a share of nothing. What the shape
    covers counts as still there.

    Raises ValueError where network and scenes do not fit each other, and TraitError for what cannot be.
    """

    scene, row, column, scale = (traitlets.Int(0) for _ in range(4))
    shape, radius = traitlets.Enum(["none", *NAMES], "cross"), traitlets.Int(16)
    threshold, overlap = traitlets.Float(0.5), traitlets.Float(0.3)

    def __init__(self, net, scenes):
        images, labels, boxes = scenes
        self.images = of_dtype(net, images)
        if len(net.out_shapes[-1]) != 1 or net.out_shapes[-1][0] != 3:
            raise ValueError(f"the network must tell cross, circle and neither, not {net.out_shapes[-1]}")
        depth = net.input_shape[0]
        if self.images.ndim != 4 or self.images.shape[1] != depth or depth not in (1, 3) or not self.images.size:
            raise ValueError(f"images must be (n, {depth}, height, width), 1 or 3 deep, not {self.images.shape}")
        if (self.images < 0).any() or (self.images > 1).any():
            low, high = np.nanmin(self.images), np.nanmax(self.images)
            raise ValueError(f"images must have values from 0 to 1, not {low:.4g} to {high:.4g}")
        if not len(images) == len(labels) == len(boxes):
            raise ValueError(
                "each scene has its labels and its boxes, "
                f"not {len(labels)} labels and {len(boxes)} boxes for {len(images)} scenes"
            )
        self.labels = [np.asarray(k, np.int64).reshape(-1) for k in labels]
        self.boxes = [np.asarray(b, float).reshape(-1, 4) for b in boxes]
        for i, (k, b) in enumerate(zip(self.labels, self.boxes)):
            if len(k) != len(b):
                raise ValueError(f"each true box has a label, not {len(k)} labels for {len(b)} boxes in scene {i}")
        self.net = copy.deepcopy(net)
        self.whole = lru_cache(64)(partial(localize.fully_convolutional, self.net))  # a drag asks for few sizes
        self.step, self.window = localize.stride(net), net.input_shape[1]
        self.scales = [s for s in localize.SCALES if list(localize.pyramid(net, self.images[0], [s]))]
        if not self.scales:
            raise ValueError(f"scenes must have room for a window of {self.window}, not {self.images.shape[2:]}")
        self.radius, self.scale = min(16, self.largest), min(3, len(self.scales) - 1)
        self.row, self.column = (side // 2 for side in self.images.shape[2:])
        self.lay_out()
        self.seen = None  # what the picture was last made from
        self.survey()
        self.observe(lambda _: self.survey(), "scene")
        self.observe(lambda _: self.look(), ["shape", "radius", "row", "column"])
        self.observe(lambda _: self.show(), ["threshold", "overlap"])
        self.observe(lambda _: self.warm(), "scale")

    def lay_out(self):
        wide = [(f"{s:.2f}: {self.wide(s):.0f} pixels wide", i) for i, s in enumerate(self.scales)]
        controls = {
            "scene": IntSlider(0, 0, len(self.images) - 1, description="scene"),
            "shape": ToggleButtons(options=["none", *NAMES], description="shape", layout={"display": "flex"}),
            "radius": IntSlider(self.radius, min(4, self.largest), self.largest, description="radius"),
            "threshold": FloatSlider(0.5, min=0.1, max=1, step=0.01, description="threshold"),
            "overlap": FloatSlider(0.3, min=0, max=0.9, step=0.05, description="overlap (IoU)"),
            "scale": Dropdown(options=wide, description="heat at scale"),
        }
        widths = {"scene": 250, "radius": 250, "threshold": 250, "overlap": 270, "scale": 260}
        self.tie(controls, widths)
        controls["shape"].style.button_width = "auto"

        zoom = SCENE / max(self.images.shape[2:])
        zoom = int(zoom) if zoom >= 2 else zoom
        self.pad, self.maps = Tiles(pointer="drag", zoom=zoom, step=self.step), Tiles(columns=1)
        self.table = HTML(layout={"width": "270px"})
        wrap = {"flex_flow": "row wrap", "grid_gap": "4px 20px", "overflow": "visible"}
        tiles = HBox([self.pad, self.maps, self.table], layout={"grid_gap": "20px", "overflow": "visible"})
        super().__init__(VBox([Box([*controls.values()], layout=wrap), tiles]))
        self.pad.observe(self.aim, "picked")

    # What can be

    @traitlets.validate("scene", "row", "column", "radius", "scale", "threshold", "overlap")
    def there(self, proposal):
        name, value, (height, width) = proposal.trait.name, proposal.value, self.images.shape[2:]
        least, most = {
            "scene": (0, len(self.images) - 1),
            "row": (0, height - 1),
            "column": (0, width - 1),
            "radius": (min(4, self.largest), self.largest),
            "scale": (0, len(self.scales) - 1),
            "threshold": (0.1, 1),
            "overlap": (0, 0.9),
        }[name]
        if not least <= value <= most:
            raise traitlets.TraitError(f"{name} must be {least} to {most}, not {value}")
        return value

    @property
    def largest(self):
        """The largest radius of a shape."""
        return max(min(48, min(self.images.shape[2:]) // 2), 1)

    def wide(self, scale):
        """How wide shapes are in the scene that fill the middle of a window at this scale."""
        return localize.FILL * self.window / scale

    # What the hand does

    def aim(self, change):
        """Put the shape where the hand is."""
        if change.new:
            _, row, column = change.new
            with self.hold_trait_notifications():
                self.row, self.column = row, column

    # What comes of it

    def drawn(self):
        """The scene with the shape in it, and the box of what can be seen of the shape, or None."""
        ground = self.images[self.scene]
        if self.shape == "none":
            return ground, None
        stroke = max(data.STROKE[0], self.radius / 4)
        reach = math.ceil(self.radius + stroke / 2) + 1
        black, white = np.zeros(3), np.ones(3)
        side = {"size": 2 * reach + 1, "radius": self.radius, "stroke": stroke, "background": black, "colour": white}
        coverage = data.draw(NAMES.index(self.shape), **side)[0]
        _, height, width = ground.shape
        top, left = self.row - reach, self.column - reach
        coverage = coverage[max(-top, 0) : height - top, max(-left, 0) : width - left]
        top, left = max(top, 0), max(left, 0)
        image = ground.copy()
        part = image[:, top : top + coverage.shape[0], left : left + coverage.shape[1]]
        part += coverage * (self.ink - part)
        rows, columns = (coverage.any(axis).nonzero()[0] for axis in (1, 0))
        return image, [left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1]

    def survey(self):
        """Look at the whole scene, without the shape, at all scales."""
        ground = self.images[self.scene]
        self.ink = float(np.nanmedian(ground) < 0.5)  # white on dark ground, black on light
        self.ground = []
        for image, places in localize.pyramid(self.net, ground, self.scales):
            down, across = (self.stretch(old, new) for old, new in zip(ground.shape[1:], image.shape[1:]))
            self.ground.append(Level(image, places, localize.heat_map(self.net, image), down, across))
        self.look()

    def stretch(self, old, new):
        """What localize.pyramid makes of `old` pixels in a line, its edges repeated, as a matrix (new, old)."""
        inner = localize.blend(old, new - 2 * self.step).astype(self.images.dtype)
        return np.pad(inner, ((self.step, self.step), (0, 0)), mode="edge")

    def look(self):
        """Look at the shape, at all scales."""
        state = (self.scene, self.shape != "none" and (self.shape, self.radius, self.row, self.column))
        if state == self.seen:  # row and column, moved together, are told one by one
            return
        self.seen = state
        self.pad.picked = (0, self.row, self.column)  # where the arrow keys go on from
        self.image, own = self.drawn()
        self.truth, self.levels = (self.boxes[self.scene], self.labels[self.scene]), self.ground
        if own is not None:
            boxes, labels = self.truth
            self.truth = np.vstack([boxes, own]), np.append(labels, NAMES.index(self.shape))
            self.levels = [self.renewed(level, *own) for level in self.ground]
        self.warm()
        self.show()

    def renewed(self, level, left, top, right, bottom):
        """The level, its heat with the shape in this box of the scene. Windows that do not see it stay as hot."""
        down, across = level.down[:, top:bottom], level.across[:, left:right]
        spans = []
        for seen, windows in zip((down.any(1), across.any(1)), level.heat.shape[1:]):
            places = seen.nonzero()[0]
            first = max((places[0] - self.window) // self.step + 1, 0)
            last = min(places[-1] // self.step, windows - 1)
            if first > last:  # beyond the last window
                return level
            spans.append((first, last))
        (upper, lower), (near, far) = spans
        rows, columns = (slice(a * self.step, b * self.step + self.window) for a, b in spans)
        new = (self.image - self.images[self.scene])[:, top:bottom, left:right]
        image = level.image[:, rows, columns] + down[rows] @ new @ across[columns].T
        heat = level.heat.copy()
        heat[:, upper : lower + 1, near : far + 1] = softmax(self.whole(image.shape).forward(image[None])[0], axis=0)
        return level._replace(heat=heat)

    def find(self):
        """Of the candidates the best, moved by their neighbours' votes, and which of them are right."""
        hot = localize.hottest([(level.places, level.heat) for level in self.levels], self.threshold)
        self.found = localize.merge(hot, self.overlap)
        self.hits = np.zeros(len(self.found.boxes), bool)
        there, kinds = self.truth
        for k in range(len(NAMES)):
            ours = self.found.labels == k
            self.hits[ours] = localize.match(self.found.boxes[ours], there[kinds == k]) >= 0

    @property
    def precision(self):
        return float(self.hits.mean()) if len(self.hits) else math.nan

    @property
    def recall(self):
        there = len(self.truth[0])
        return float(self.hits.sum() / there) if there else math.nan

    def show(self):
        self.find()
        frames = [(b, COLOURS[k], True) for b, k in zip(*self.truth)]
        frames += [(b, COLOURS[k], False) for b, k in zip(self.found.boxes, self.found.labels)]
        with self.pad.hold_sync():
            self.pad.show([self.image], [f"scene {self.scene}{'' if self.shape == 'none' else ': drag the shape'}"])
            self.pad.boxes = [
                box(0, float(t), float(left), float(b - t), float(r - left), colour, dashed)
                for (left, t, r, b), colour, dashed in frames
            ]
        self.table.value = self.told()
        self.tell(self.pad.missing)

    def warm(self):
        """The heat maps at one scale."""
        heat = self.levels[self.scale].heat
        _, rows, columns = heat.shape
        with self.maps.hold_sync():
            self.maps.zoom = HEAT / max(rows, columns)
            captions = [f"{name}, scale {self.scales[self.scale]:.2f}" for name in NAMES]
            self.maps.show(heat[:2], captions, largest=1, legend=True)

    def told(self):
        """Precision and recall, and a table of what is found, the surest first."""
        right, found, there = int(self.hits.sum()), len(self.hits), len(self.truth[0])
        head = "".join(
            f'<div><b style="font-size: 18px">{name} {f"{right / n:.0%}" if n else "-"}</b></div>'
            f"<div>{right} of {n} {what}</div>"
            for name, n, what in (("precision", found, "boxes right"), ("recall", there, "shapes found"))
        )
        rows = [
            f'<tr><td style="border-left: 8px solid {COLOURS[k]}; padding: 0 8px">{NAMES[k]}</td>'
            f'<td style="padding-right: 8px; text-align: right">{score:.1%}</td>'
            f"<td>{'right' if hit else 'false alarm'}</td></tr>"
            for k, score, hit in zip(self.found.labels, self.found.scores, self.hits)
        ]
        more = f"<div>and {found - LINES} more</div>" if found > LINES else ""
        legend = "<div>dashed: true boxes; solid: found</div>"
        return f'<div style="line-height: 1.5">{head}<table>{"".join(rows[:LINES])}</table>{more}{legend}</div>'

    @property
    def text(self):
        right, found, there = int(self.hits.sum()), len(self.hits), len(self.truth[0])
        said = [f"Scene {self.scene}"]
        if self.shape != "none":
            said[0] += f", with a {self.shape} of radius {self.radius} in row {self.row}, column {self.column}"
        said[0] += "."
        said.append(f"Threshold {self.threshold:.2f}, overlap {self.overlap:.2f}: ")
        if not found:
            return f"{said[0]} {said[1]}nothing is found, of {counted(there, 'shape')}."
        surest = [f"{NAMES[k]} {s:.1%}" for k, s in zip(self.found.labels[:4], self.found.scores)]
        said[-1] += f"{counted(found, 'box', 'boxes')}, the surest {', '.join(surest)}."
        said.append(f"Precision {self.precision:.0%}: {right} of {found} right.")
        said.append(f"Recall {self.recall:.0%}: {right} of {counted(there, 'shape')} found." if there else "No shapes.")
        return " ".join(said)
