"""The check of an exercise: is the reader's function right, and if not, which mistake is it?"""

import copy
import inspect
import linecache
import sys
import time
import traceback

import numpy as np

TIME_LIMIT = 5  # seconds for one call of the reader's function


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
    verdict   where many answers are right: (the reader's result, *arguments) -> what is the matter with it, or "".
              There are no named mistakes then, and `right` is one answer of many.
    kind      the type of the result, if it is no number and no array; it needs a verdict
    seconds   how long one call of the reader's function may take, if TIME_LIMIT is too short
    noun      what the reader wrote, if it is not to be called a function

    `solved` says whether the answer that it saw last was right.
    """

    solved = False

    def __init__(self, right, inputs, praise="", mistakes=None, verdict=None, kind=None, seconds=None, noun="function"):
        self.right, self.inputs, self.praise, self.noun = right, inputs, praise, noun
        self.mistakes, self.verdict, self.kind, self.seconds = mistakes or {}, verdict, kind, seconds
        self.name = right.__name__
        self.arguments = list(inspect.signature(right).parameters)

    def __call__(self, function):
        self.solved = False
        try:
            with np.errstate(all="ignore"):  # of inf and nan the check speaks itself
                self.judge(function)
        except Feedback as feedback:
            print(feedback)
        else:
            self.solved = True
            print(f"Correct. {self.praise}")

    def judge(self, function):
        """Raise Feedback if the function is not right."""
        if not callable(function):
            name = self.name
            raise Feedback(f"Give the check your function itself, not what it returns: checks.{name}({name}).")
        cases = list(self.inputs(np.random.default_rng(0)))
        results = [self.result(function, case) for case in cases]
        if self.verdict:
            for case, result in zip(cases, results):
                if told := self.verdict(result, *case):
                    raise Feedback(told)
            return
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
        given, seconds = copy.deepcopy(case), self.seconds or TIME_LIMIT
        try:
            result = call(function, given, seconds)
        except OutOfTime as stop:
            raise Feedback(
                f"Your {self.noun} was still running after {seconds} seconds{place(stop, function)}. "
                "What ends the loop there?"
            ) from None
        except Feedback:
            raise
        except Exception as error:
            where, what = place(error, function), f"{type(error).__name__}: {error}"
            if not where:
                raise Feedback(
                    f"Your {self.noun} can't be called with ({', '.join(self.arguments)}). {what}."
                ) from None
            raise Feedback(f"Your {self.noun} stopped{where}, for {self.show(case)}. {what}.") from None
        for name, before, after in zip(self.arguments, case, given):
            if not np.array_equal(before, after):
                raise Feedback(
                    f"Your {self.noun} changes its input {name} itself, and the caller still needs it. "
                    "Work out a new array and return that."
                )
        if result is None or result is ...:
            raise Feedback(
                f"Not solved yet: your {self.noun} returns nothing. Write its body, and return what you get: "
                "to print it is not enough."
            )
        if not (isinstance(result, self.kind) if self.kind else is_numbers(result)):
            wanted = "a NumPy array"
            if self.kind:
                wanted = f"a {self.kind.__name__}"
            elif np.ndim(self.right(*case)) == 0:
                wanted = "a number"
            raise Feedback(f"Your {self.noun} returns a {type(result).__name__}, where {wanted} is wanted.")
        return result

    def compare(self, case, result, want, first):
        """Raise Feedback on a wrong result: its shape, its dtype, or its numbers."""
        if np.shape(result) != np.shape(want):
            raise Feedback(
                f"Your {self.noun} returns {shape(result)}, where {shape(want)} is wanted, for {self.show(case)}."
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
                f"Not right yet. For {self.show(case)} your {self.noun} returns {numbers(result)}. "
                "Do this one on paper and compare."
            )
        raise Feedback(f"Right for a small case, but not for {self.show(case)}. What is different there?")

    def show(self, case):
        """The arguments in words: numbers while they are few, shapes when they are many."""
        return ", ".join(f"{name} = {numbers(value)}" for name, value in zip(self.arguments, case))


class LayerCheck(Check):
    """The check of a layer that the reader writes, or of another class with methods. Call it with the class itself.

    name    of the check
    parts   (class -> the function that asks it for something, the Check of that function), in the order to judge
    """

    def __init__(self, name, parts, praise):
        self.name, self.parts, self.praise = name, parts, praise

    def judge(self, kind):
        if not isinstance(kind, type):
            name = getattr(kind, "__name__", type(kind).__name__)
            raise Feedback(f"Give the check your class itself, without brackets after it: checks.{self.name}({name}).")
        for ask, check in self.parts:
            function = ask(kind)
            function.methods = [part for part in vars(kind).values() if hasattr(part, "__code__")]
            check.judge(function)


def exercise(**parts):
    """Turn the function asked for into its check: `@exercise(inputs=..., mistakes=..., praise=...)`."""
    return lambda right: Check(right, **parts)


def call(function, arguments, seconds):
    """Call the function; if it takes longer than so many seconds, raise OutOfTime inside it.

    Python itself looks at the clock, at every line that runs: no thread stays behind, and it works on any system,
    also in a browser. A loop inside NumPy has no lines, and is not cut short.
    """
    deadline = time.monotonic() + seconds

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
    codes = [getattr(written, "__code__", None) for written in getattr(function, "methods", [function])]
    lines = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code in codes]
    if not lines:
        return ""
    code, line = lines[-1]
    return f" in line {line}, `{linecache.getline(code.co_filename, line).strip()}`"


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
    """A few numbers, whole ones whole, others to 4 decimals; of many, only the shape; of a function, its name."""
    if callable(value):
        return value.__name__
    if np.size(value) > 9:
        return f"an array of {shape(value)}"
    value = np.asarray(value)
    return str((value if value.dtype.kind in "biu" else np.round(value.astype(float), 4)).tolist())
