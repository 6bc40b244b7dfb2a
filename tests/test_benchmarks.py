"""The benchmark compares the same work, and works out its figures right. What the times are is not tested."""

import os

import numpy as np
import pytest
from oracle import MISSING

from benchmarks import training_step as bench

SMALL = [case._replace(batch=min(case.batch, 20)) for case in bench.CASES]


def made_up(times, memory=0, **changes):
    case = bench.CASES[0]._replace(**changes)
    return bench.Result(case, times, dict.fromkeys(times, memory))


@pytest.mark.torch
@pytest.mark.parametrize("case", SMALL, ids=str)
@pytest.mark.parametrize("layout", bench.PYTORCH)
def test_both_do_the_same_work(case, layout):
    pytest.importorskip("torch", reason=MISSING)
    ours, theirs = bench.Ours(*case.build()), bench.PYTORCH[layout](*case.build())
    theirs.torch.set_num_threads(1)  # its threads and NumPy's wait for each other otherwise
    losses = np.array([(ours.step(), theirs.step()) for _ in range(10)])
    np.testing.assert_allclose(losses[:, 0], losses[:, 1], rtol=1e-3)
    assert losses[-1, 0] < losses[0, 0]


@pytest.mark.parametrize("contender", [bench.Ours, bench.MatrixProducts])
def test_a_contender_takes_turns_in_its_own_process(contender):
    with bench.process(contender, bench.CASES[0]) as turn:
        memory, times = turn(), turn()
    assert memory >= 0 or not os.path.exists("/proc/self/status")
    assert times and min(times) > 0


def test_a_time_is_what_a_tenth_of_all_steps_stayed_under():
    result = made_up({"ours": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 900]})
    assert result.time("ours") == 2 and result.time("ours", 0.5) == 6


def test_the_ratio_is_the_better_layout_over_ours():
    result = made_up({"ours": [2, 2], "contiguous": [9, 9], "channels_last": [5, 5]})
    assert result.rival == "channels_last" and result.ratio() == 2.5
    assert {"channels_last", "2.50", "(2.50)"} <= set(bench.row(made_up({**result.times, "peak": [1]})).split())


def test_work_is_counted_by_hand():
    case = bench.CASES[0]._replace(input_shape=(1, 4, 4), filters=(2, 3), size=3, classes=5, batch=7)
    first, second, linear = 9 * 2 * 16, 9 * 2 * 3 * 4, 3 * 5
    assert bench.operations(case) == 2 * 7 * (2 * first + 3 * second + 3 * linear)


def test_share_of_peak():
    work, peak = bench.operations(bench.CASES[0]), bench.MatrixProducts.operations
    assert made_up({"ours": [4 * work], "peak": [peak]}).share == pytest.approx(0.25)


def test_missed_targets_are_told():
    times = {"ours": [2], "contiguous": [5], "channels_last": [4]}
    image = 4 * 3 * 64 * 64
    assert list(made_up(times, target=2.0).missed) == []
    assert list(made_up(times, target=2.0, batch=10, memory=15 * image, memory_target=1.5).missed) == []
    slow, large = made_up(times, target=2.5, batch=10, memory=20 * image, memory_target=1.5).missed
    assert "2.00 times ours, not 2.5" in slow and "2.00 times the memory of the images, not 1.5" in large
