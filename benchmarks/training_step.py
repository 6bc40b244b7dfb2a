"""Time a training step of cnnlib and of PyTorch on the same networks, and say which targets are met.

README.md, beside this file, tells how it measures, and why so.
"""

import math
import multiprocessing
import os
import platform
import re
import signal
import sys
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np

from cnnlib import SGD, Conv2D, Flatten, Linear, MaxPool2D, Network, ReLU, train
from cnnlib.training import CORES

ROUNDS = 25
QUIET = 0.1  # what disturbs a step only ever makes it slower: a tenth of all steps is taken to be undisturbed
WARM_UP, TURN = 0.03, 0.15  # seconds of a turn that do not count, and that do
LEARNING_RATE = 0.01
SPAWN = multiprocessing.get_context("spawn")  # every process starts from nothing


class Case(NamedTuple):
    """A network of two convolutions, the images it is shown at once, and what is hoped for."""

    input_shape: tuple
    filters: tuple
    size: int
    classes: int
    batch: int
    target: float  # PyTorch's time over ours, at least
    memory_target: float = math.inf  # peak memory of a step over that of the images, at most

    def build(self):
        """The network, and random images and labels for it: always the same."""
        convolutions = [(Conv2D(filters, self.size), ReLU(), MaxPool2D(2)) for filters in self.filters]
        net = Network(self.input_shape, [*sum(convolutions, ()), Flatten(), Linear(self.classes)])
        rng = np.random.default_rng(0)
        images = rng.random((self.batch, *self.input_shape), dtype=np.float32)
        return net, images, rng.integers(0, self.classes, self.batch)

    def __str__(self):
        depth, height, width = self.input_shape
        filters = "+".join(map(str, self.filters))
        return f"{height}x{width}x{depth}, {filters} filters {self.size}x{self.size}, batch {self.batch}"


CASES = [
    Case((3, 64, 64), (5, 3), size=3, classes=2, batch=1, target=2.0),
    Case((3, 64, 64), (5, 3), size=3, classes=2, batch=16, target=1.3),
    Case((3, 64, 64), (5, 3), size=3, classes=2, batch=32, target=1.3),
    Case((3, 64, 64), (5, 3), size=3, classes=2, batch=128, target=1.3, memory_target=1.5),
    Case((3, 32, 32), (16, 32), size=3, classes=10, batch=64, target=0.65),
    Case((1, 28, 28), (8, 16), size=5, classes=10, batch=64, target=0.55),
]


# The contenders: each is made from a network, images and labels; `step` trains on all of them once, returns the loss.


class Ours:
    """cnnlib, as a reader trains with it."""

    def __init__(self, net, images, labels):
        endless, n = sys.maxsize, len(images)
        self.steps = train(net, images, labels, iterations=endless, batch_size=n, optimizer=SGD(LEARNING_RATE))

    def step(self):
        return next(self.steps).loss


class PyTorch:
    """PyTorch at its best: all cores, the images at hand as it likes them, the shortest way to update."""

    def __init__(self, net, images, labels, layout):
        import torch

        self.torch = torch
        torch.set_num_threads(CORES)
        memory_format = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}[layout]
        self.model = pytorch_model(net).to(memory_format=memory_format)
        self.images = torch.tensor(images).contiguous(memory_format=memory_format)
        self.labels = torch.tensor(labels)

    def step(self):
        loss = self.torch.nn.functional.cross_entropy(self.model(self.images), self.labels)
        loss.backward()
        with self.torch.no_grad():
            for p in self.model.parameters():
                p.sub_(p.grad, alpha=LEARNING_RATE)
                p.grad = None
        return loss.item()


def pytorch_model(net):
    """The same layers in the same order, with a copy of the same weights."""
    from torch import nn, tensor

    def learned(layer, w, b):
        layer.weight.data, layer.bias.data = tensor(w), tensor(b)
        return layer

    layers = []
    for layer in net.layers:
        match layer:
            case Conv2D(params={"w": w, "b": b}):
                filters, depth, size, _ = w.shape
                layers.append(learned(nn.Conv2d(depth, filters, size, padding=layer.before), w, b))
            case Linear(params={"w": w, "b": b}):
                layers.append(learned(nn.Linear(*w.shape), w.T, b))
            case ReLU():
                layers.append(nn.ReLU())
            case MaxPool2D():
                layers.append(nn.MaxPool2d(layer.size))
            case Flatten():
                layers.append(nn.Flatten())
    return nn.Sequential(*layers)


class MatrixProducts:
    """No training at all, but the most that the machine can do: one large product of matrices."""

    operations = 2 * 1024**3

    def __init__(self, *_):
        self.a = np.ones((1024, 1024), np.float32)

    def step(self):
        self.a @ self.a


PYTORCH = {layout: partial(PyTorch, layout=layout) for layout in ("contiguous", "channels_last")}
CONTENDERS = {"ours": Ours, **PYTORCH, "peak": MatrixProducts}


# One contender at a time


@contextmanager
def process(contender, case):
    """Start a contender in a process of its own; yields a function that gives it a turn and returns its answer.

    Between turns the process is stopped, so that not even a thread that waits by spinning takes time from the others.
    The first turn is for `memory`, the others are for `step_times`.
    """
    here, there = SPAWN.Pipe()
    child = SPAWN.Process(target=answer, args=(there, contender, case))
    child.start()
    there.close()

    def turn():
        os.kill(child.pid, signal.SIGCONT)
        here.send("your turn")
        result = here.recv()
        os.kill(child.pid, signal.SIGSTOP)
        return result

    try:
        yield turn
    finally:
        child.kill()
        child.join()
        here.close()


def answer(pipe, contender, case):
    """What the contender's process does."""
    net, images, labels = case.build()
    pipe.recv()
    contender(net, images[:1], labels[:1]).step()  # loads what any step needs
    runner = contender(net, images, labels)
    pipe.send(memory(runner))
    while True:
        pipe.recv()
        step_times(runner, WARM_UP)
        pipe.send(step_times(runner, TURN))


def memory(runner):
    """The bytes by which the first steps raise the process's peak memory, its libraries' own included."""
    before = peak_memory()
    for _ in range(3):
        runner.step()
    return peak_memory() - before


def peak_memory():
    """The most memory that this process ever held, in bytes. Only Linux tells; nan elsewhere."""
    status = Path("/proc/self/status")
    return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) if status.exists() else math.nan


def step_times(runner, seconds):
    """Seconds that each step took, as many as begin in so many seconds."""
    times, now = [], perf_counter()
    end = now + seconds
    while now < end:
        runner.step()
        before, now = now, perf_counter()
        times.append(now - before)
    return times


# The race, and what came of it


class Result(NamedTuple):
    """What came of a race, by contender: the seconds that each step took, and the bytes of memory."""

    case: Case
    times: dict
    memory: dict

    def time(self, name, quantile=QUIET):
        return np.quantile(self.times[name], quantile)

    @property
    def rival(self):
        """PyTorch's better layout for this network."""
        return min(PYTORCH, key=self.time)

    def ratio(self, quantile=QUIET):
        """PyTorch's time over ours."""
        return self.time(self.rival, quantile) / self.time("ours", quantile)

    @property
    def memory_ratio(self):
        """Our peak memory over that of the images."""
        return self.memory["ours"] / (4 * math.prod(self.case.input_shape) * self.case.batch)

    @property
    def share(self):
        """How much of what the machine can multiply and add we make use of."""
        return operations(self.case) / self.time("ours") / (MatrixProducts.operations / self.time("peak"))

    @property
    def missed(self):
        """The targets not met, in words."""
        if self.ratio() < self.case.target:
            yield f"{self.case}: PyTorch's time is {self.ratio():.2f} times ours, not {self.case.target}"
        if self.memory_ratio > self.case.memory_target:
            yield f"{self.case}: {self.memory_ratio:.2f} times the memory of the images, not {self.case.memory_target}"


def operations(case):
    """Multiplications and additions of a step, in products: forward, and back to weights and (but at first) inputs."""
    net, _, _ = case.build()
    shapes = zip(net.layers, net.out_shapes)
    weighed = [layer.params["w"].size * math.prod(shape[1:]) for layer, shape in shapes if layer.params]
    return 2 * case.batch * (3 * sum(weighed) - weighed[0])


def race(case, rounds=ROUNDS):
    """All contenders, taken in turn; every other round in reverse, so that none always comes after the same."""
    with ExitStack() as stack:
        turns = {name: stack.enter_context(process(make, case)) for name, make in CONTENDERS.items()}
        memory = {name: turn() for name, turn in turns.items()}
        times = {name: [] for name in turns}
        for i in range(rounds):
            for name in list(turns)[:: 1 if i % 2 else -1]:
                times[name] += turns[name]()
    return Result(case, times, memory)


HEAD = ("network", "ours", "PyTorch", "layout", "ratio", "(of medians)", "target", "memory", "PyTorch", "of peak")
LINE = "{:42}{:>11}{:>11}  {:13}{:>6}{:>14}{:>8}{:>10}{:>10}{:>9}"


def row(result):
    ours, theirs = (f"{1e3 * result.time(name):.3f} ms" for name in ("ours", result.rival))
    return LINE.format(
        str(result.case), ours, theirs, result.rival, f"{result.ratio():.2f}", f"({result.ratio(0.5):.2f})",
        result.case.target, *(f"{result.memory[name] / 1e6:.1f} MB" for name in ("ours", result.rival)),
        f"{result.share:.0%}",
    )  # fmt: skip


def machine():
    """What the times depend on."""
    cpuinfo = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.exists() else []
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "torch"))
    return (
        f"{CORES} cores, {names[0] if names else platform.machine()}; Python {platform.python_version()}, {versions}\n"
        f"Busy with other work to begin with: {os.getloadavg()[0] / CORES:.0%}. Times mean little unless near 0."
    )


def main():
    if not find_spec("torch"):
        sys.exit("This compares with PyTorch, which is not installed. `make bench` installs it.")
    print(machine())
    print(LINE.format(*HEAD))
    missed = []
    for case in CASES:
        result = race(case)
        print(row(result), flush=True)
        if result.case.memory_target < math.inf:
            target = result.case.memory_target
            print(f"    memory: {result.memory_ratio:.2f} times that of the images; target: at most {target}")
        missed += result.missed
    print("\n".join(["Targets missed:", *missed]) if missed else "All targets are met.")


if __name__ == "__main__":
    main()
