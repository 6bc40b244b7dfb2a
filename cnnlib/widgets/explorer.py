"""What all explorers share: a read-out, a still picture, and words for who cannot see either."""

from html import escape

from ipywidgets import HTML, VBox
from traitlets import link

from cnnlib import plots

from .tiles import Tiles

RED = "#d32f2f"  # of what is wrong


class Explorer(VBox):
    """A picture that answers to the hand. Its state is in traits, which Python reads and sets as the hand does.

    An explorer of its own says in `text` what it shows, and calls `tell` whenever that has changed.
    """

    def __init__(self, *children):
        self.words = HTML()
        super().__init__([*children, self.words])
        self.add_class("cnn-explorer")

    def tie(self, controls, widths=()):
        """Let each control, {trait: widget}, move the trait of its name, and be moved by it; widths {trait: pixels}."""
        for name, control in controls.items():
            control.style.description_width = "initial"
            if name in widths:
                control.layout.width = f"{widths[name]}px"
            link((self, name), (control, "value"))

    @property
    def text(self):
        """What is shown, in words."""
        raise NotImplementedError

    def tell(self, problem=""):
        """Bring the read-out up to date; a problem stands before it, in red."""
        red = f'<b style="{ink(RED)}">{escape(problem)}</b> ' if problem else ""
        self.words.value = f'<div role="status" style="line-height: 1.5">{red}{escape(self.text)}</div>'

    def figure(self):
        """A still picture of all the tiles."""
        return plots.still([row for tiles in tiles_in(self) for row in tiles.rows()], alt=self.text)

    def _repr_mimebundle_(self, **kwargs):
        """As any widget, with a still picture for where no kernel runs."""
        told = {"text/plain": repr(self), "image/png": self.figure().base64()}  # in full: ipywidgets would cut it short
        return {**super()._repr_mimebundle_(**kwargs), **told}

    def __repr__(self):
        return f"{type(self).__name__}: {self.text}"


def tiles_in(widget):
    """All Tiles in a widget, in reading order."""
    if isinstance(widget, Tiles):
        return [widget]
    return [tiles for child in getattr(widget, "children", ()) for tiles in tiles_in(child)]


def ink(colour):
    """A colour for letters: some of the text's own in it, so that it can be read on a light page and a dark one."""
    return f"color: color-mix(in srgb, {colour} 70%, currentColor)"


def counted(n, one, many=None):
    """Such as "1 window" and "2 windows"."""
    return f"{n} {one if n == 1 else many or f'{one}s'}"
