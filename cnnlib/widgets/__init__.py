"""Explorers: pictures that answer to the hand. Each is a widget whose state Python can read and set."""

from .film import FilmExplorer

__all__ = ["FilmExplorer"]
