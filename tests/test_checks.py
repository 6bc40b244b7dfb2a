"""The exercises' instant answers: every mistake gets its message, and every right answer passes."""
import itertools
import subprocess
import sys
import time

import numpy as np
import pytest

from cnnlib import checks


@checks.exercise(
    inputs=lambda rng: [(np.uint8([[1, 2], [3, 200]]),), (rng.integers(0, 256, (4, 5), dtype=np.uint8),)],
    praise="Twice as bright.",
    mistakes={"You halve it.": lambda image: image / 2},
)
def brighten(image):
    return image.astype(float) * 2.25


@checks.exercise(inputs=lambda rng: [([1, 2, 3],), ([4, 5],)], praise="Well added.", mistakes={})
def total(values):
    return sum(values)


@checks.exercise(
    inputs=lambda rng: [(12,), (35,)],
    praise="It goes in.",
    verdict=lambda result, n: "" if np.ndim(result) == 0 and n % result == 0 else f"{n} is no multiple of {result}.",
)
def divisor(n):
    return n


# Right answers


def in_a_loop(w, dw, learning_rate):
    new = np.zeros_like(w)
    for place in np.ndindex(w.shape):
        new[place] = w[place] - dw[place] * learning_rate
    return new


def on_a_copy(w, dw, learning_rate):
    w = w.copy()
    w -= learning_rate * dw
    return w


def in_float32(w, dw, learning_rate):
    return (w - learning_rate * dw).astype(np.float32)


def with_other_names(weights, gradient, rate=1):
    return np.add(weights, -rate * gradient)


@pytest.mark.parametrize("function", [in_a_loop, on_a_copy, in_float32, with_other_names])
def test_a_right_answer_passes_however_it_is_written(says, function):
    assert says(checks.sgd_step, function).startswith("Correct. ")


def test_where_many_answers_are_right_each_gets_its_verdict(says):
    assert says(divisor, lambda n: 1) == says(divisor, divisor.right) == "Correct. It goes in."
    assert says(divisor, lambda n: 6) == "35 is no multiple of 6."
    assert says(divisor, lambda n: None).startswith("Not solved yet")
    assert "returns a list" in says(divisor, lambda n: [1])


@pytest.mark.parametrize("function", [sum, lambda v: np.sum(v), lambda v: np.array(sum(v)), lambda v: float(sum(v))])
def test_a_number_may_be_of_any_kind(says, function):
    assert says(total, function) == "Correct. Well added."


# Mistakes in general


def test_a_stub_is_not_solved_yet(says):
    def stub(w, dw, learning_rate):
        ...  # your code here

    assert says(checks.sgd_step, stub).startswith("Not solved yet: ")
    assert says(checks.sgd_step, lambda w, dw, learning_rate: ...).startswith("Not solved yet: ")


def test_a_result_in_place_of_the_function(says):
    expected = "Give the check your function itself, not what it returns: checks.sgd_step(sgd_step)."
    assert says(checks.sgd_step, None) == expected
    assert says(checks.sgd_step, np.zeros(2)) == expected


def test_other_arguments(says):
    line = says(checks.sgd_step, lambda w, dw: w - dw)
    assert line.startswith("Your function can't be called with (w, dw, learning_rate). TypeError: ")


def test_an_error_names_its_line(says):
    def broken(w, dw, learning_rate):
        step = int("x") * dw
        return w - step

    line = says(checks.sgd_step, broken)
    number = broken.__code__.co_firstlineno + 1
    assert line == (
        f"Your function stopped in line {number}, `step = int(\"x\") * dw`, for w = [1.0, 2.0], dw = [4.0, -2.0], "
        "learning_rate = 0.25. ValueError: invalid literal for int() with base 10: 'x'."
    )


def test_an_error_in_a_library_is_placed_in_the_function_of_the_reader(says):
    line = says(checks.sgd_step, lambda w, dw, learning_rate: np.concatenate([w, 3]))
    assert "np.concatenate" in line and "ValueError" in line


def never_nearer(w, dw, learning_rate):
    row = 0
    while row < len(w):
        w = w - learning_rate * dw
    return w


def in_one_line(w, dw, learning_rate):
    while len(w): w = w - dw  # noqa: E701


def catching_everything(w, dw, learning_rate):
    while True:
        try:
            w = w - dw
        except Exception:
            pass


def counting(w, dw, learning_rate):
    return sum(1 for _ in itertools.count())


@pytest.mark.parametrize("function", [never_nearer, in_one_line, catching_everything, counting])
def test_a_loop_without_end_is_ended(says, monkeypatch, function):
    monkeypatch.setattr(checks.check, "TIME_LIMIT", 0.1)
    tracing, start = sys.gettrace(), time.monotonic()
    line = says(checks.sgd_step, function)
    assert line.startswith("Your function was still running after 0.1 seconds in line ")
    assert line.endswith("What ends the loop there?")
    assert sys.gettrace() is tracing
    assert time.monotonic() - start < 5


def test_an_interrupt_is_let_through():
    def interrupted(w, dw, learning_rate):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checks.sgd_step(interrupted)


def test_another_type(says):
    expected = "Your function returns a {}, where a NumPy array is wanted."
    assert says(checks.sgd_step, lambda w, dw, learning_rate: list(w)) == expected.format("list")
    assert says(checks.sgd_step, lambda w, dw, learning_rate: "downhill") == expected.format("str")
    assert says(total, lambda values: [sum(values)]) == "Your function returns a list, where a number is wanted."


def test_another_shape(says):
    assert says(checks.sgd_step, lambda w, dw, learning_rate: (w - learning_rate * dw).sum()) == (
        "Your function returns a single number, where shape (2,) is wanted, "
        "for w = [1.0, 2.0], dw = [4.0, -2.0], learning_rate = 0.25."
    )
    assert says(total, lambda values: np.zeros(3)) == (
        "Your function returns shape (3,), where a single number is wanted, for values = [1, 2, 3]."
    )


def test_other_numbers(says):
    assert says(checks.sgd_step, lambda w, dw, learning_rate: w * 3) == (
        "Not right yet. For w = [1.0, 2.0], dw = [4.0, -2.0], learning_rate = 0.25 your function returns [3.0, 6.0]. "
        "Do this one on paper and compare."
    )


def test_right_only_for_the_first_case(says):
    line = says(checks.sgd_step, lambda w, dw, learning_rate: w - 0.25 * dw)
    assert line.startswith("Right for a small case, but not for w = [")
    line = says(checks.sgd_step, lambda w, dw, learning_rate: w - learning_rate * dw * (w.ndim < 2))
    assert "w = an array of shape (5, 3, 3, 3), dw = an array of shape (5, 3, 3, 3), learning_rate = 0.1" in line


def test_an_input_that_is_changed(says):
    def in_place(w, dw, learning_rate):
        w -= learning_rate * dw
        return w

    def gradient_in_place(w, dw, learning_rate):
        dw *= learning_rate
        return w - dw

    def in_place_without_return(w, dw, learning_rate):
        w -= learning_rate * dw

    assert says(checks.sgd_step, in_place).startswith("Your function changes its input w itself")
    assert says(checks.sgd_step, gradient_in_place).startswith("Your function changes its input dw itself")
    assert says(checks.sgd_step, in_place_without_return).startswith("Your function changes its input w itself")


def test_integers_that_overflow_or_lose_their_decimals(says):
    assert says(brighten, lambda image: (image.astype(int) * 9 // 4).astype(np.uint8)) == (
        "Your numbers are uint8, which ends at 0 and 255 and starts again at the other end. "
        "Make the inputs float first."
    )
    assert says(brighten, lambda image: image.astype(int) * 9 // 4) == (
        "Your numbers are int64, whole numbers: all after the decimal point is lost."
    )


def test_a_named_mistake_is_told(says):
    assert says(brighten, lambda image: image * 0.5) == "You halve it."


# Mistakes in each exercise

EXERCISES = [check for check in vars(checks).values() if type(check) is checks.Check]  # a layer's has tests of its own


@pytest.mark.parametrize("check", EXERCISES, ids=lambda check: check.name)
def test_every_mistake_of_an_exercise_gets_its_own_message(says, check):
    assert getattr(checks, check.name) is check
    assert says(check, check.right) == f"Correct. {check.praise}"
    for message, wrong in check.mistakes.items():
        assert says(check, wrong) == message


# Questions


OPTIONS = ["at the step", "on the bright side"]


@pytest.fixture(autouse=True)
def nothing_asked(monkeypatch):
    monkeypatch.setattr(checks.question, "_asked", {})


def test_a_question_has_nothing_chosen_and_a_plain_text():
    question = checks.predict("largest", OPTIONS)
    assert question.value is None
    assert repr(question) == "( ) at the step\n( ) on the bright side"
    assert question._repr_mimebundle_()["text/plain"] == repr(question)
    question.value = "at the step"
    assert repr(question) == "(x) at the step\n( ) on the bright side"


def test_a_question_asked_again_remembers_the_choice():
    checks.predict("largest", OPTIONS).value = "at the step"
    assert checks.predict("largest", OPTIONS).value == "at the step"
    assert checks.predict("largest", ["left", "right"]).value is None


@pytest.mark.parametrize("options", ["at the step", [], ["at the step"], None])
def test_options_must_be_a_list_of_two_or_more(options):
    with pytest.raises(ValueError, match="two or more"):
        checks.predict("largest", options)


@pytest.mark.parametrize(
    "chosen, said",
    [
        (None, "You did not choose. The answer is “at the step”: there the pixels differ.\n"),
        ("at the step", "You chose “at the step”, and so it is: there the pixels differ.\n"),
        ("on the bright side",
         "You chose “on the bright side”. The answer is “at the step”: there the pixels differ.\n"),
    ],
)
def test_looking_back(capsys, chosen, said):
    checks.predict("largest", OPTIONS).value = chosen
    checks.look_back("largest", "at the step", "there the pixels differ.")
    assert capsys.readouterr().out == said


def test_looking_back_on_a_question_that_was_passed_over(capsys):
    checks.look_back("largest", "at the step", "there the pixels differ.")
    assert capsys.readouterr().out.startswith("You did not choose. ")


def test_the_answer_must_be_an_option():
    checks.predict("largest", OPTIONS)
    with pytest.raises(ValueError, match="got 'elsewhere'"):
        checks.look_back("largest", "elsewhere", "")


def test_importing_checks_brings_in_nothing_of_jupyter():
    code = "import sys, cnnlib.checks; assert not {'ipywidgets', 'IPython', 'traitlets'} & {*sys.modules}"
    subprocess.run([sys.executable, "-c", code], check=True)
