"""Lesson 08: each mistake, written as a reader would, gets its message."""

import numpy as np
import pytest

from cnnlib import checks

SGD_STEP = {
    "goes uphill": lambda w, dw, rate: w + dw * rate,
    "the whole gradient": lambda w, dw, rate: w - dw,
    "only the sign": lambda w, dw, rate: w - np.where(dw > 0, rate, -rate),
    "return the step alone": lambda w, dw, rate: -dw * rate,
    "how far to go, not where you arrive": lambda w, dw, rate: dw * rate,
    "the step is missing": lambda w, dw, rate: w.copy(),
    "A larger learning rate gives you a smaller step": lambda w, dw, rate: w - dw / rate,
    "look at your brackets": lambda w, dw, rate: (w - dw) * rate,
    "the wrong way round": lambda w, dw, rate: rate * dw - w,
    "the example on paper": lambda w, dw, rate: w - rate * (2 * w),
    "always 0.1": lambda w, dw, rate: w - dw / 10,
    "One slope for all weights": lambda w, dw, rate: w - rate * dw.mean(),
}


@pytest.mark.parametrize("part", SGD_STEP)
def test_sgd_step(says, part):
    assert part in says(checks.sgd_step, SGD_STEP[part])


def test_sgd_step_has_a_test_for_each_mistake():
    assert len(SGD_STEP) == len(checks.sgd_step.mistakes)
