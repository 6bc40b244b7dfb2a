"""A convolutional network in NumPy, short enough to read: the library of the course."""

import numpy as np

from . import data, explain, gradcheck, localize
from .layers import Conv2D, Flatten, Layer, Linear, MaxPool2D, ReLU
from .network import Network
from .training import SGD, Adam, Recording, Step, softmax_cross_entropy, train

__all__ = [
    "SGD", "Adam", "Conv2D", "Flatten", "Layer", "Linear", "MaxPool2D", "Network", "ReLU", "Recording", "Step",
    "data", "explain", "gradcheck", "localize", "softmax_cross_entropy", "train",
]  # fmt: skip

# Linux hands memory back to the system after each use, and asking again costs as much as computing. Having once seen
# a large piece freed, it keeps what it has (glibc's dynamic threshold, mallopt(3)): training takes half the time.
np.empty(31 << 20, np.uint8)
