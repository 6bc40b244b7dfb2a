"""Explorers: pictures that answer to the hand. Each is a widget whose state Python can read and set."""

from .explorer import Explorer
from .film import FilmExplorer
from .ledger import ShapeLedger
from .tiles import Tiles, box

__all__ = ["Explorer", "FilmExplorer", "ShapeLedger", "Tiles", "box"]
