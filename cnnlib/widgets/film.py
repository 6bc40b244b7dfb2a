"""Scrub through a training like a film."""

import copy

import numpy as np
import traitlets
from ipywidgets import IntSlider

from .explorer import Explorer
from .tiles import Tiles, crisp, greatest

WIDE, GAP, TALL = 830, 14, 256  # pixels: of a line of maps, between two, and of one at most


class FilmExplorer(Explorer):
    """What one layer makes of one image, at any moment of a recorded training.

    film = Recording(net), watched to its end; image (depth, height, width) as the network takes it; layer its number.
    Set `iteration`, or drag the slider, or use the arrow keys; `text` is what it says, `maps` (maps, h, w) what it
    shows, on one scale all through the film. The network itself keeps the weights it has.

    Raises ValueError where the layer makes no maps, and TraitError for a moment that was not recorded.
    """

    iteration = traitlets.Int(0)

    def __init__(self, film, image, layer=1):
        net, image = copy.deepcopy(film.net), np.asarray(image, np.float32)
        if not 0 <= layer < len(net.layers) or len(net.out_shapes[layer]) != 3:
            raise ValueError(f"layer must be the number of one that makes maps, not {layer} of {net}")
        self.frames = []
        for weights in film.weights:
            net.weights = weights
            self.frames.append(net.activations(image[None])[layer][0])
        self.signed = bool(np.min(self.frames) < 0)
        self.brightest = max(greatest(frame) for frame in self.frames)

        slider = IntSlider(0, 0, len(film), description="iteration", layout={"width": "500px"})
        n, height, width = self.frames[0].shape
        self.sheet = Tiles(columns=min(n, 8))
        zoom = min(TALL / height, TALL / width, ((WIDE + GAP) / self.sheet.columns - GAP) / width)
        self.sheet.zoom = crisp(zoom)
        super().__init__(slider, self.sheet)
        traitlets.link((slider, "value"), (self, "iteration"))
        self.observe(self.show, "iteration")
        self.show()

    @traitlets.validate("iteration")
    def within(self, proposal):
        if not 0 <= proposal.value < len(self.frames):
            raise traitlets.TraitError(f"iteration must be 0 to {len(self.frames) - 1}, not {proposal.value}")
        return proposal.value

    @property
    def maps(self):
        return self.frames[self.iteration]

    @property
    def text(self):
        told = (f"map {i} is {(m > 0).mean():.0%} lit, its brightest {m.max():.2f}" for i, m in enumerate(self.maps))
        return f"{self.sheet.missing}After {self.iteration} iterations: {'; '.join(told)}."

    def show(self, change=None):
        captions = [f"map {i}" for i in range(len(self.maps))]
        self.sheet.show(self.maps, captions, signed=self.signed, largest=self.brightest, legend=True)
        self.tell()
