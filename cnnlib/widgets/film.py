"""Scrub through a training like a film."""

import copy

import numpy as np
import traitlets
from ipywidgets import HTML, Image, IntSlider, VBox

from cnnlib import plots


class FilmExplorer(VBox):
    """What one layer makes of one image, at any moment of a recorded training.

    film = Recording(net), watched to its end; image (depth, height, width) as the network takes it; layer its number.
    Set `iteration`, or drag the slider, or use the arrow keys; `text` is what it says, `maps` (maps, h, w) what it
    shows. The network itself keeps the weights it has.
    """

    iteration = traitlets.Int(0)

    def __init__(self, film, image, layer=1):
        net = copy.deepcopy(film.net)
        self.frames = []
        for weights in film.weights:
            net.weights = weights
            self.frames.append(net.activations(image[None])[layer][0])
        self.brightest = float(np.max(self.frames))

        slider = IntSlider(0, 0, len(film), description="iteration", layout={"width": "500px"})
        self.picture, self.words = Image(format="png", layout={"width": "640px"}), HTML()
        super().__init__([slider, self.picture, self.words])
        traitlets.link((slider, "value"), (self, "iteration"))
        self.canvas = self.figure()
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
        told = (f"map {i} is {(m > 0).mean():.0%} lit, its brightest {m.max():.2f}" for i, m in enumerate(self.maps, 1))
        return f"After {self.iteration} iterations: {'; '.join(told)}."

    def figure(self):
        """This moment as a still picture."""
        return plots.maps({f"{self.iteration} iterations": self.maps}, brightest=self.brightest)

    def show(self, change=None):
        for ax, values in zip(self.canvas.axes, self.maps):
            ax.images[0].set_data(values)
            ax.set_title("")
        self.picture.value = self.canvas.png()
        self.words.value = self.text

    def __repr__(self):
        return f"FilmExplorer: {self.text}"
