"""The exercises' instant answers, and the questions to answer before running.

Each exercise has a check of its own name: `checks.sgd_step(sgd_step)` prints whether the reader's function is right,
or what is the matter with it. It never gives the answer away.
"""
import copy
import inspect
import linecache
import sys
import time
import traceback

import numpy as np

TIME_LIMIT = 5  # seconds for one call of the reader's function


# A question before, its answer after

_asked = {}


def predict(name, options):
    """Ask the reader to choose one of the options before running on; returns the widget to choose with.

    Nothing is chosen at first. Asked again under the same name, it remembers the choice while the kernel lives.
    """
    from ipywidgets import RadioButtons  # here, so that importing cnnlib brings in nothing of Jupyter

    class Question(RadioButtons):
        def __repr__(self):
            return "   ".join(f"({'x' if option == self.value else ' '}) {option}" for option in self.options)

    if not isinstance(options, (list, tuple)) or len(options) < 2:
        raise ValueError(f"options must be a list of two or more answers to choose from, got {options!r}")
    before = _asked[name].value if name in _asked else None
    question = Question(options=options, value=before if before in options else None, layout={"width": "max-content"})
    _asked[name] = question
    return question


def look_back(name, answer, why):
    """Print what the reader chose when `predict(name, ...)` asked, and what is true, and why."""
    question = _asked.get(name)
    if question and answer not in question.options:
        raise ValueError(f"answer must be one of the options {list(question.options)}, got {answer!r}")
    chosen = question.value if question else None
    if chosen is None:
        print(f"You did not choose. The answer is “{answer}”: {why}")
    elif chosen == answer:
        print(f"You chose “{chosen}”, and so it is: {why}")
    else:
        print(f"You chose “{chosen}”. The answer is “{answer}”: {why}")


# The machinery of a check


class Feedback(Exception):
    """Ends a check; its text is what the reader is told."""


class OutOfTime(BaseException):
    """Ends the reader's function. Not an Exception, so that no `except Exception` of the reader's stops it."""


class Check:
    """The instant answer to one exercise. Call it with the reader's function and it prints one line.

    right     the function asked for; the check has its name
    inputs    rng -> several tuples of arguments, the first small enough to do on paper
    mistakes  {what to tell the reader: the function that makes this mistake}
    praise    what to tell a reader who got it right, after "Correct."
    """

    def __init__(self, right, inputs, mistakes, praise):
        self.right, self.inputs, self.mistakes, self.praise = right, inputs, mistakes, praise
        self.name = right.__name__
        self.arguments = list(inspect.signature(right).parameters)

    def __call__(self, function):
        try:
            self.judge(function)
        except Feedback as feedback:
            print(feedback)
        else:
            print(f"Correct. {self.praise}")

    def judge(self, function):
        """Raise Feedback if the function is not right."""
        if not callable(function):
            name = self.name
            raise Feedback(f"Give the check your function itself, not what it returns: checks.{name}({name}).")
        cases = list(self.inputs(np.random.default_rng(0)))
        results = [self.result(function, case) for case in cases]
        wanted = [self.right(*case) for case in cases]
        if all(map(same, results, wanted)):
            return
        for message, wrong in self.mistakes.items():
            if all(same(result, wrong(*case)) for result, case in zip(results, cases)):
                raise Feedback(message)
        for number, (case, result, want) in enumerate(zip(cases, results, wanted)):
            if not same(result, want):
                self.compare(case, result, want, first=number == 0)

    def result(self, function, case):
        """What the reader's function returns, if it returns numbers and leaves its inputs alone."""
        given = copy.deepcopy(case)
        try:
            result = call(function, given)
        except OutOfTime as stop:
            raise Feedback(
                f"Your function was still running after {TIME_LIMIT} seconds{place(stop, function)}. "
                "What ends the loop there?"
            ) from None
        except Exception as error:
            where, what = place(error, function), f"{type(error).__name__}: {error}"
            if not where:
                raise Feedback(f"Your function can't be called with ({', '.join(self.arguments)}). {what}.") from None
            raise Feedback(f"Your function stopped{where}, for {self.show(case)}. {what}.") from None
        for name, before, after in zip(self.arguments, case, given):
            if not np.array_equal(before, after):
                raise Feedback(
                    f"Your function changes its input {name} itself, and the caller still needs it. "
                    "Work out a new array and return that."
                )
        if result is None or result is ...:
            raise Feedback(
                "Not solved yet: your function returns nothing. Write its body, and return what you get: "
                "to print it is not enough."
            )
        if not is_numbers(result):
            wanted = "a number" if np.ndim(self.right(*case)) == 0 else "a NumPy array"
            raise Feedback(f"Your function returns a {type(result).__name__}, where {wanted} is wanted.")
        return result

    def compare(self, case, result, want, first):
        """Raise Feedback on a wrong result: its shape, its dtype, or its numbers."""
        if np.shape(result) != np.shape(want):
            raise Feedback(
                f"Your function returns {shape(result)}, where {shape(want)} is wanted, for {self.show(case)}."
            )
        dtype = np.asarray(result).dtype
        if dtype.kind in "iu" and same(result, np.asarray(want).astype(np.int64).astype(dtype)):
            limits = np.iinfo(dtype)
            if np.min(want) < limits.min or np.max(want) > limits.max:
                raise Feedback(
                    f"Your numbers are {dtype}, which ends at {limits.min} and {limits.max} and starts again at the "
                    "other end. Make the inputs float first."
                )
            raise Feedback(f"Your numbers are {dtype}, whole numbers: all after the decimal point is lost.")
        if first:
            raise Feedback(
                f"Not right yet. For {self.show(case)} your function returns {numbers(result)}. "
                "Do this one on paper and compare."
            )
        raise Feedback(f"Right for a small case, but not for {self.show(case)}. What is different there?")

    def show(self, case):
        """The arguments in words: numbers while they are few, shapes when they are many."""
        return ", ".join(f"{name} = {numbers(value)}" for name, value in zip(self.arguments, case))


def exercise(**parts):
    """Turn the function asked for into its check: `@exercise(inputs=..., mistakes=..., praise=...)`."""
    return lambda right: Check(right, **parts)


def call(function, arguments):
    """Call the function; if it takes longer than TIME_LIMIT, raise OutOfTime inside it.

    Python itself looks at the clock, at every line that runs: no thread stays behind, and it works on any system,
    also in a browser. A loop inside NumPy has no lines, and is not cut short.
    """
    deadline = time.monotonic() + TIME_LIMIT

    def watch(frame, event, argument):
        if time.monotonic() > deadline:
            raise OutOfTime
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        return function(*arguments)
    finally:
        sys.settrace(before)


def place(error, function):
    """Where in the reader's function an error passed, such as " in line 3, `return w / 0`"; empty if it did not."""
    code = getattr(function, "__code__", None)
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code is code]
    if not lines:
        return ""
    return f" in line {lines[-1]}, `{linecache.getline(code.co_filename, lines[-1]).strip()}`"


def is_numbers(value):
    """Is this a number, or an array of numbers?"""
    return isinstance(value, (int, float, np.ndarray, np.generic)) and np.asarray(value).dtype.kind in "biuf"


def same(a, b):
    """Equal in shape, and in value but for rounding: right is right however it is worked out."""
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-4, atol=1e-6, equal_nan=True)


def shape(value):
    """A shape in words."""
    return f"shape {np.shape(value)}" if np.ndim(value) else "a single number"


def numbers(value):
    """A few numbers, rounded to 4 decimals; of many, only the shape."""
    if np.size(value) > 9:
        return f"an array of {shape(value)}"
    return str(np.round(np.asarray(value, float), 4).tolist())


# Lesson 08


def _weights(rng):
    """Weights, their gradients and a learning rate: two numbers, then the shapes that a network has."""
    yield np.array([1.0, 2.0]), np.array([4.0, -2.0]), 0.25
    for size, learning_rate in [((5,), 0.5), ((5, 3, 3, 3), 0.1), ((768, 2), 0.02)]:
        yield rng.normal(size=size), rng.normal(size=size), learning_rate


@exercise(
    inputs=_weights,
    praise="Every network here learns by taking this step again and again.",
    mistakes={
        "That step goes uphill: dw points to where the loss grows. Which sign takes you the other way?":
            lambda w, dw, learning_rate: w + learning_rate * dw,
        "You step by the whole gradient. The learning rate says how much of it to take.":
            lambda w, dw, learning_rate: w - dw,
        "Every weight moves equally far: you use only the sign of dw. Its size counts too: the steeper, the further.":
            lambda w, dw, learning_rate: w - learning_rate * np.sign(dw),
        "You return the step alone. The weights are where it starts from: return where it ends.":
            lambda w, dw, learning_rate: -learning_rate * dw,
        "You return how far to go, not where you arrive. Start from w and go downhill.":
            lambda w, dw, learning_rate: learning_rate * dw,
        "The weights come back just as they were: the step is missing.":
            lambda w, dw, learning_rate: w,
        "A larger learning rate gives you a smaller step. It should be the other way round.":
            lambda w, dw, learning_rate: w - dw / learning_rate,
        "The learning rate shrinks the weights too. It belongs to the gradient only: look at your brackets.":
            lambda w, dw, learning_rate: learning_rate * (w - dw),
        "You still use 2 * w, the derivative of the example on paper. Here the derivatives are in dw.":
            lambda w, dw, learning_rate: w - learning_rate * 2 * w,
        "Your learning rate is always 0.1, as on paper. Take the one that is given.":
            lambda w, dw, learning_rate: w - 0.1 * dw,
        "One slope for all weights? Each weight has its own in dw: leave them apart.":
            lambda w, dw, learning_rate: w - learning_rate * np.mean(dw),
        "Your difference is the wrong way round: start from w, and take the step from it.":
            lambda w, dw, learning_rate: learning_rate * dw - w,
    },
)
def sgd_step(w, dw, learning_rate):
    return w - learning_rate * dw
