"""Explorers: pictures that answer to the hand. Each is a widget whose state Python can read and set."""

from .attribution import AttributionExplorer
from .backward import BackwardExplorer
from .confusion import ConfusionExplorer
from .convolution import ConvolutionExplorer
from .drawpad import DrawPad
from .evidence import EvidenceExplorer
from .explorer import Explorer
from .film import FilmExplorer
from .gradients import GradientLab
from .ledger import ShapeLedger
from .localize import LocalizeExplorer
from .network import NetworkExplorer
from .pooling import PoolingExplorer
from .race import Measured, Race, roofline
from .tiles import Tiles, box
from .training import TrainingLab
from .volume import VolumeExplorer

__all__ = [
    "AttributionExplorer", "BackwardExplorer", "ConfusionExplorer", "ConvolutionExplorer", "DrawPad",
    "EvidenceExplorer", "Explorer", "FilmExplorer", "GradientLab", "LocalizeExplorer", "Measured", "NetworkExplorer",
    "PoolingExplorer", "Race", "ShapeLedger", "Tiles", "TrainingLab", "VolumeExplorer", "box", "roofline",
]  # fmt: skip
