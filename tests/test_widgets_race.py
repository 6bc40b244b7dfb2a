"""Race, driven from Python: who runs on what, who agrees, what is measured, and what is never stored."""

import re
import time

import numpy as np
import pytest
import traitlets

from cnnlib.widgets import Measured, Race, race, roofline
from tools import notebooks


def task(n=4, seed=1):
    return (np.random.default_rng(seed).random((2, n, n + 1), np.float32),)


def doubled(x):
    return x + x


def slowly(x):
    time.sleep(0.01)
    return 2 * x


def make(contenders=None, **settings):
    contenders = contenders or {"quick": doubled, "slow": slowly}
    return Race(contenders, task, **{"n": (1, 9), "seed": (0, 5), **settings})


def test_all_run_on_what_the_sliders_say():
    shapes = []
    seen = make({"a": lambda x: shapes.append(x.shape) or x, "b": lambda x: x.copy()})
    assert set(shapes) == {(2, 4, 5)} and seen.settings == {"n": 4, "seed": 1}
    shapes.clear()
    seen.sliders["n"].value = 7
    assert seen.n == 7 and set(shapes) == {(2, 7, 8)}
    seen.seed = 3
    assert seen.sliders["seed"].value == 3
    np.testing.assert_array_equal(seen.results["b"], task(7, 3)[0])
    shapes.clear()
    seen.again.click()
    assert shapes


def test_text_is_the_same_on_every_run():
    said = "N 4, seed 1: 40 multiply-adds. The same result from quick and slow."
    seen = make(work=lambda x: x.size)
    assert seen.text == said and repr(seen) == f"Race: {said}" and said in seen.words.value
    seen.go()
    assert seen.text == said
    told = seen._repr_mimebundle_()
    assert told["text/plain"] == repr(seen) and "image/png" in told
    assert not notebooks.UNREPEATABLE.search(told["text/plain"])
    assert make().text == "N 4, seed 1. The same result from quick and slow."


def test_times_are_those_of_the_clock():
    seen = make(work=lambda x: 1_000_000)
    assert 0.01 <= seen.times["slow"] < 0.1 and seen.times["quick"] < 0.005
    assert seen.rates["slow"] == pytest.approx(1_000_000 / seen.times["slow"])
    assert race.told_time(seen.times["slow"]) in seen.bars.value
    ratio = seen.times["slow"] / seen.times["quick"]
    assert f"<b>slow</b>: {race.told_ratio(ratio)} times as long as <b>quick</b>" in seen.bars.value


def test_one_that_is_slower_than_the_budget_is_not_run_again_and_again():
    runs = []
    make({"very slow": lambda x: runs.append(time.sleep(2 * race.BUDGET)) or x})
    assert len(runs) == 2  # once for its memory, once for its time


def test_memory_is_counted_in_bytes():
    def hungry(x):
        return np.zeros(1_000_000, np.float32)[:1]

    def modest(x):
        return np.zeros(1, np.float32)

    seen = make({"hungry": hungry, "modest": modest})
    assert 4_000_000 <= seen.memory["hungry"] < 4_100_000 and seen.memory["modest"] < 10_000
    assert race.told_bytes(seen.memory["hungry"]) == "4 MB" and "4 MB" in seen.bars.value


def test_the_best_seen_only_grows(monkeypatch):
    monkeypatch.setattr(race, "FASTEST", [0.0])
    seen = make(work=lambda x: 1)
    best = seen.peak
    assert best > 1e8  # any machine
    seen.go()
    assert seen.peak >= best
    monkeypatch.setattr(race, "FASTEST", [1e18])
    seen.go()
    assert seen.peak == 1e18
    assert "best seen" in seen.bars.value and "best seen" not in make().bars.value


def test_one_that_does_not_agree_is_told_in_red():
    seen = make({"a": doubled, "b": slowly, "off": lambda x: x + x + 0.1, "turned": lambda x: (x + x).swapaxes(1, 2)})
    assert seen.differ == ["off", "turned"]
    assert seen.text == "N 4, seed 1. The same result from a and b. Another from off and turned."
    assert '#d32f2f 70%, currentColor)">off and turned do not agree with a.</b>' in seen.words.value
    seen.running = ["b", "off"]
    assert '#d32f2f 70%, currentColor)">off does not agree with b.</b>' in seen.words.value
    seen.running = ["off"]
    assert "#d32f2f" not in seen.words.value and seen.text == "N 4, seed 1. A result from off."


def test_rounding_is_no_disagreement():
    seen = make({"a": doubled, "double precision": lambda x: x.astype(float) * 2 + 1e-7})
    assert seen.differ == []
    nan = make({"a": lambda x: x * np.nan, "b": lambda x: np.full_like(x, np.nan)})
    assert nan.differ == [] and not nan.failed


def test_one_that_stops_does_not_stop_the_others():
    def broken(x):
        if x.shape[1] > 4:
            raise ValueError("too <large>")
        return 2 * x

    seen = make({"broken": broken, "a": doubled})
    assert seen.failed == {} and list(seen.times) == ["broken", "a"]
    seen.n = 5
    assert "broken stopped. ValueError: too &lt;large&gt;." in seen.words.value
    assert list(seen.times) == ["a"] and seen.text.endswith("A result from a.")
    seen.n = 4
    assert "stopped" not in seen.words.value


def test_boxes_and_running_go_together():
    seen = make()
    seen.ticks["slow"].value = False
    assert seen.running == ("quick",) and list(seen.times) == ["quick"] and "slow" not in seen.bars.value
    seen.running = ("slow", "quick")
    assert seen.running == ("quick", "slow") and seen.ticks["slow"].value
    seen.running = ()
    assert seen.text == "N 4, seed 1. A result from nobody." and seen.bars.value == ""
    assert not any(tick.value for tick in seen.ticks.values())


def test_maps_are_shown_and_other_results_are_not():
    seen = make()
    assert seen.tiles.captions == ["quick: map 0", "slow: map 0"]
    np.testing.assert_array_equal(seen.tiles.arrays[0], doubled(*task())[0])
    one = make({"sum": np.sum, "again": lambda x: x.sum()})
    assert one.tiles.arrays == [] and one.tiles.layout.display == "none" and one.figure() is None
    assert "image/png" not in one._repr_mimebundle_() and "text/plain" in one._repr_mimebundle_()


@pytest.mark.parametrize("n", [1, 9])
def test_pictures_fit(n):
    seen = make(n=(1, 9))
    seen.n = n
    assert seen.tiles.zoom * n <= race.TALL and 2 * seen.tiles.zoom * (n + 1) <= race.WIDE


def test_large_pictures_fit():
    def large(n=256):
        return (np.zeros((1, n, 2 * n), np.float32),)

    seen = Race({"a": doubled, "b": slowly, "c": doubled}, large, n=(1, 256))
    assert 3 * seen.tiles.zoom * 512 <= race.WIDE


def test_without_settings():
    seen = Race({"a": lambda: 1, "b": lambda: 1.0}, lambda: ())
    assert seen.text == "The same result from a and b."


@pytest.mark.parametrize("wrong, complaint", [
    (lambda: Race({}, task), "at least one function"),
    (lambda: Race({"a": 3}, task), "a must be a function, not 3"),
    (lambda: make(m=(1, 2)), "task must take m and have a default for it"),
    (lambda: Race({"a": doubled}, lambda n: (n,), n=(1, 2)), "task must take n and have a default"),
])  # fmt: skip
def test_what_cannot_be_is_refused_at_once(wrong, complaint):
    with pytest.raises(TypeError, match=complaint):
        wrong()


def test_settings_outside_their_range_are_refused():
    seen = make()
    for wrong in (0, 10, "4"):
        with pytest.raises(traitlets.TraitError, match="'n'"):
            seen.n = wrong
    with pytest.raises(traitlets.TraitError, match="running must be of quick, slow, not 'fast'"):
        seen.running = ["fast"]
    assert seen.n == 4 and seen.running == ("quick", "slow")


def test_two_races_do_not_share():
    one, other = make(), Race({"a": np.sum}, lambda k=1: (np.ones(k),), k=(1, 3))
    one.n = 5
    assert other.settings == {"k": 1} and not hasattr(other, "n") and type(one).__name__ == "Race"


def test_measured_keeps_its_words_to_itself():
    seen = Measured("it took 3 ms")
    assert seen.value == "it took 3 ms"
    told = seen._repr_mimebundle_()["text/plain"]
    assert told == repr(seen) == "Measured on your machine when you run this cell, and not stored."


def test_roofline():
    """Half the roof on the slope, a quarter under the flat top."""
    seen = roofline(8e10, 4e9, {"few": (2, 4e9), "many <3>": (100, 2e10)})
    assert "few: 50% of the roof; many &lt;3&gt;: 25% of the roof" in seen.value
    assert "3>" not in seen.value and "Measured" in repr(seen)
    roof, few, many = (
        [tuple(map(float, p.split(","))) for p in points.split()]
        for points in re.findall(r'points="([^"]*)"', seen.value)
    )
    tops = {x: y for x, y in roof}
    assert min(tops.values()) == roof[-1][1]  # flat at the end, and nowhere higher
    assert few[0][0] == few[1][0] < many[0][0] == many[1][0]
    decade = (roof[0][1] - roof[-1][1]) / np.log10(8e10 / 4e8)  # pixels for a power of ten
    assert many[1][1] - roof[-1][1] == pytest.approx(decade * np.log10(4), abs=0.5)
