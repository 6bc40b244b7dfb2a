"""The exercises' instant answers, and the questions to answer before running.

Each exercise has a check of its own name: `checks.sgd_step(sgd_step)` prints whether the reader's function is right,
or what is the matter with it. It never gives the answer away.
"""

from .check import Check, exercise
from .lesson_01 import convolve, filter_at, filter_image
from .lesson_03 import count_parameters, one_number, stack_maps, yellow_filter
from .lesson_05 import blind_spot, cross_entropy, first_loss, softmax
from .lesson_08 import sgd_step
from .question import look_back, predict

__all__ = [
    "Check", "blind_spot", "convolve", "count_parameters", "cross_entropy", "exercise", "filter_at", "filter_image",
    "first_loss", "look_back", "one_number", "predict", "sgd_step", "softmax", "stack_maps", "yellow_filter",
]  # fmt: skip
