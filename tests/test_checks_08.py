"""Lesson 08: each mistake, written as a reader would, gets its message."""

import numpy as np
import pytest

from cnnlib import SGD, Adam, checks

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


# A schedule


def no_way_up(step, steps, highest):
    return highest if step * 10 < steps else highest * (steps - step) / (0.9 * steps)


def jumps(step, steps, highest):
    if step < steps / 10:
        return highest * 10 * step / steps
    return highest - highest * step / steps


SCHEDULE = {
    "the same all the time": lambda step, steps, highest: highest + 0 * step,
    "then it stays there": lambda step, steps, highest: min(highest, 10 * highest * step / steps),
    "It only falls": lambda step, steps, highest: highest * (steps - step) / steps,
    "climbs all the way": lambda step, steps, highest: step / steps * highest,
    "has no way up": no_way_up,
    "do not meet": jumps,
    "always 10 steps long": lambda k, n, top: top * (k / 10 if k < 10 else (n - k) / (n - 10)),
    "a share between 0 and 1": lambda k, n, top: 10 * k / n if k < 0.1 * n else (n - k) / (0.9 * n),
    "as in the example": lambda k, n, top: 0.02 * (10 * k / n if k < 0.1 * n else (n - k) / (0.9 * n)),
}


@pytest.mark.parametrize("part", SCHEDULE)
def test_schedule(says, part):
    assert part in says(checks.schedule, SCHEDULE[part])


def test_schedule_has_a_test_for_each_mistake():
    assert len(SCHEDULE) == len(checks.schedule.mistakes)


@pytest.mark.parametrize("right", [
    lambda k, n, top: min(10 * k / n, (n - k) / (0.9 * n)) * top,
    lambda k, n, top: float(np.interp(k, [0, n / 10, n], [0, top, 0])),
])  # fmt: skip
def test_schedule_however_it_is_written(says, right):
    assert says(checks.schedule, right).startswith("Correct")


# Five curves

CAUSES = {"A": "in order", "B": "too low", "C": "too few", "D": "dead", "E": "too high"}


def test_causes(says):
    assert says(checks.causes, lambda: dict(CAUSES)).startswith("Correct")


@pytest.mark.parametrize("one, other", [(a, b) for a in "ABCDE" for b in "ABCDE" if a < b])
def test_two_causes_confused(says, one, other):
    told = says(checks.causes, lambda: {**CAUSES, one: CAUSES[other], other: CAUSES[one]})
    assert told.startswith(f"Curve {one} is not '{CAUSES[other]}'.") and CAUSES[one] not in told


@pytest.mark.parametrize("part, change", [
    ("no cause for curve E", lambda told: told.pop("E")),
    ("none of the five causes", lambda told: told.update(B="slow")),
    ("none of the five causes", lambda told: told.update(B=["dead"])),
    ("for B and D", lambda told: told.update(B="dead")),
])  # fmt: skip
def test_causes_that_can_not_be(says, part, change):
    told = dict(CAUSES)
    change(told)
    assert part in says(checks.causes, lambda: told)


def test_causes_not_solved(says):
    assert "Not solved yet" in says(checks.causes, lambda: ...)


def test_the_five_curves_show_what_their_causes_say():
    curves = {CAUSES[letter]: steps for letter, steps in checks.five_curves().items()}
    losses = {cause: np.array([step.loss for step in steps]) for cause, steps in curves.items()}
    assert all(len(steps) == 120 for steps in curves.values())
    assert abs(losses["dead"] - np.log(2)).max() < 0.1
    assert losses["too few"][-20:].max() < 0.01
    assert losses["too high"].max() > 2 and losses["too high"][-20:].mean() > 0.6
    assert 0.3 < losses["too low"][-20:].mean() < 0.55 and losses["too low"].max() < 0.8
    assert losses["in order"].max() > 3
    assert {step.accuracy for step in curves["in order"]} >= {0, 1}


# A recipe


def recipe(optimizer, batch_size=32, init="he"):
    return lambda: {"optimizer": optimizer, "batch_size": batch_size, "init": init}


@pytest.mark.parametrize("right", [
    recipe(Adam(0.02), 64, "zero_mean"), recipe(Adam(0.02)), recipe(SGD(0.1, momentum=0.9), 64, "zero_mean"),
])  # fmt: skip
def test_recipes_that_are_good_enough(says, right):
    assert says(checks.recipe, right).startswith("Correct")


@pytest.mark.parametrize("part, wrong", [
    ("still learning", recipe(SGD(0.1), 32, "positive")),
    ("still learning", recipe(SGD(0.1))),
    ("still learning", recipe(Adam(0.02), 32, "positive")),
    ("hardly moved", recipe(Adam(1e-5))),
    ("rose far above", recipe(Adam(0.5))),
    ("more than the budget", recipe(Adam(0.02), 128)),
    ("a whole number of pictures", recipe(Adam(0.02), 32.0)),
    ("with a learning rate in it", recipe("Adam")),
    ("with a learning rate in it", recipe(Adam)),
    ("they never move", recipe(Adam(0.02), 32, "zeros")),
    ("The filters may begin as", recipe(Adam(0.02), 32, "random")),
    ("has no 'init'", lambda: {"optimizer": Adam(0.02), "batch_size": 32}),
    ("Not solved yet", lambda: None),
])  # fmt: skip
def test_recipes_that_are_not(says, part, wrong):
    assert part in says(checks.recipe, wrong)
