"""The exercises' instant answers, and the questions to answer before running.

Each exercise has a check of its own name: `checks.sgd_step(sgd_step)` prints whether the reader's function is right,
or what is the matter with it. It never gives the answer away.
"""

from .check import Check, LayerCheck, exercise
from .lesson_00 import called_circles, fool, wrong_ones
from .lesson_01 import convolve, filter_at, filter_image
from .lesson_02 import slanted_filter, two_rows, walk_downhill
from .lesson_03 import count_parameters, one_number, stack_maps, yellow_filter
from .lesson_04 import max_pool, mended, places
from .lesson_05 import blind_spot, cross_entropy, first_loss, softmax
from .lesson_06 import conv_backward, culprits, pool_backward, relu_backward, suspects
from .lesson_07 import my_conv, proof, repaired, stack
from .lesson_08 import causes, five_curves, recipe, schedule, sgd_step
from .lesson_09 import focus, guided, occlusion
from .lesson_10 import as_filters, iou, non_maximum_suppression, precision_recall
from .lesson_11 import costs, im2col, shifted_views, standardise
from .lesson_12 import confusion, contradicted, digit_reader, marked
from .question import look_back, predict

__all__ = [
    "Check", "LayerCheck", "as_filters", "blind_spot", "called_circles", "causes", "confusion", "contradicted",
    "conv_backward", "convolve", "costs", "count_parameters", "cross_entropy", "culprits", "digit_reader",
    "exercise", "filter_at", "filter_image", "first_loss", "five_curves", "focus", "fool", "guided", "im2col",
    "iou", "look_back", "marked", "max_pool", "mended", "my_conv", "non_maximum_suppression", "occlusion",
    "one_number", "places", "pool_backward", "precision_recall", "predict", "proof", "recipe", "relu_backward",
    "repaired", "schedule", "sgd_step", "shifted_views", "slanted_filter", "softmax", "stack", "stack_maps",
    "standardise", "suspects", "two_rows", "walk_downhill", "wrong_ones", "yellow_filter",
]  # fmt: skip
