"""Training: how wrong, which way is downhill, and a step that way, again and again."""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from numbers import Real
from operator import add
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from .layers import need_array, positive_int

# A batch is studied a micro-batch at a time, of so many images that the largest array on their way has about this many
# numbers, a megabyte: it stays in the processor's cache. Many fewer, and threads wait for each other's turn in Python.
MICRO_BATCH = 1 << 18
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def softmax_cross_entropy(logits, labels):
    """How wrong the logits are, and how the loss would change with each: -> (loss, dlogits (n, classes)).

    Softmax makes probabilities p of the logits; the loss is the mean over images of -log p[label], so it is
    0 when the network is sure and right, and log(classes) when it has no idea. Its gradient is p - 1 for the label
    and p for the others, over n. Stable for logits of any size: the largest is taken off before `exp`.

    Raises ValueError or TypeError unless logits are (n, classes), and labels n whole numbers from 0 to classes - 1.
    """
    need_array(logits, "logits")
    if logits.ndim != 2 or len(logits) == 0:
        raise ValueError(f"logits must be (n, classes), n at least 1, not {logits.shape}")
    check_labels(labels, *logits.shape)
    loss, dlogits = cross_entropy(logits, labels)
    return loss / len(labels), dlogits / len(labels)


def cross_entropy(logits, labels):
    """The loss and its gradient, summed over the images; labels not checked."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1, keepdims=True)
    right = labels[:, None] == np.arange(logits.shape[1], like=labels)
    loss = ((np.log(total) - shifted) * right).sum()
    return float(loss), e / total - right


class Optimizer:
    """Moves weights downhill. `learning_rate` may be changed at any time, and acts on the next step."""

    def __init__(self, learning_rate):
        self.learning_rate = learning_rate
        self.memory = WeakKeyDictionary()  # what it remembers of each weight, gone when its layer is

    @property
    def learning_rate(self):
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value):
        self._learning_rate = number(value, "learning_rate")

    def step(self, layers):
        """Change the params of all layers, in place, by their grads."""
        for layer in layers:
            memory = self.memory.setdefault(layer, {})
            for name, w in layer.params.items():
                w -= self.learning_rate * self.direction(layer.grads[name], memory.setdefault(name, {}))


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum: the step keeps rolling the way it went before."""

    def __init__(self, learning_rate=0.1, momentum=0.0):
        super().__init__(learning_rate)
        self.momentum = number(momentum, "momentum", below=1)

    def direction(self, dw, memory):
        if self.momentum:
            dw = memory["v"] = dw + self.momentum * memory.get("v", 0)
        return dw


class Adam(Optimizer):
    """Steps of about the learning rate for each weight, whatever the size of its gradient.

    Source: Kingma and Ba, Adam: a method for stochastic optimization (2015), algorithm 1.
    """

    def __init__(self, learning_rate=0.02, beta1=0.9, beta2=0.999, epsilon=1e-8):
        super().__init__(learning_rate)
        self.beta1, self.beta2 = number(beta1, "beta1", below=1), number(beta2, "beta2", below=1)
        self.epsilon = number(epsilon, "epsilon", least=1e-30)  # to float32, much less is 0, and 0 / 0 no number

    def direction(self, dw, memory):
        t = memory["t"] = memory.get("t", 0) + 1
        m = memory["m"] = self.beta1 * memory.get("m", 0) + (1 - self.beta1) * dw
        v = memory["v"] = self.beta2 * memory.get("v", 0) + (1 - self.beta2) * dw * dw
        return m / (1 - self.beta1**t) / (np.sqrt(v / (1 - self.beta2**t)) + self.epsilon)


class Step(NamedTuple):
    """What one step of training saw, before it changed the weights."""

    iteration: int  # the first is 1
    loss: float  # mean over the mini-batch
    accuracy: float  # share of the mini-batch, 0 to 1

    def __repr__(self):
        return f"Step(iteration={self.iteration}, loss={self.loss:.4f}, accuracy={self.accuracy:.4f})"


def train(net, images, labels, *, iterations, batch_size=32, optimizer=None, seed=0):
    """Train `net` in place, yielding a Step after each update: watch, plot, stop, or change the learning rate between.

    Each iteration shows the network the next `batch_size` images of a shuffled pack, shuffled anew (from `seed`) when
    it runs out. `optimizer` is SGD(0.1) unless given. The same seeds give the same weights, on one core or many.

    Raises TypeError or ValueError at once where images, labels or sizes do not fit, and FloatingPointError, with the
    weights as they were before that step, where a loss, or a weight after the last step, is no longer a finite number.
    """
    positive_int(iterations, "iterations")
    net.check(images)
    if positive_int(batch_size, "batch_size") > len(images):
        raise ValueError(f"batch_size must be at most {len(images)}, as many as there are images, not {batch_size}")
    if not net.layers:
        raise ValueError("the network must have layers, not none: add Flatten() and Linear")
    if len(net.out_shapes[-1]) != 1:
        raise ValueError(f"the network must end in a number for each class, not in {net.out_shapes[-1]}: add Linear")
    check_labels(labels, len(images), *net.out_shapes[-1])
    optimizer = SGD() if optimizer is None else optimizer
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be an Optimizer, such as Adam(0.02), not {optimizer!r}")
    return _steps(net, images, labels, iterations, batch_size, optimizer, np.random.default_rng(seed))


def _steps(net, images, labels, iterations, batch_size, optimizer, rng):
    """The loop behind `train`, which has checked what comes in."""
    pieces = micro_batches(net, batch_size)
    threads = min(CORES, pieces)

    def study_all(parts):
        return [study(net, images, labels, part, batch_size) for part in parts]

    with ThreadPoolExecutor(threads) as pool:
        for iteration, batch in zip(range(1, iterations + 1), batches(len(images), batch_size, rng), strict=False):
            parts = np.array_split(batch, pieces)
            others = [pool.submit(study_all, parts[start::threads]) for start in range(1, threads)]
            seen = [study_all(parts[::threads]), *(other.result() for other in others)]
            losses, hits, grads = zip(*(seen[i % threads][i // threads] for i in range(pieces)), strict=True)
            loss = sum(losses)
            if not math.isfinite(loss):
                raise FloatingPointError(f"iteration {iteration}: the loss is {loss}. {blame(net, images[batch])}")
            for layer, *shares in zip(net.layers, *grads, strict=True):  # added up in order, whoever was first
                layer.grads = {name: reduce(add, (share[name] for share in shares)) for name in layer.params}
            before = net.weights if iteration == iterations else None
            with np.errstate(over="ignore", invalid="ignore"):  # the next loss will tell, and after the last:
                optimizer.step(net.layers)
            if before is not None and not np.isfinite(net.weights).all():
                error = FloatingPointError(f"iteration {iteration}: too large a step. {blame(net, images[batch])}")
                net.weights = before
                raise error
            yield Step(iteration, loss, sum(hits) / batch_size)


def micro_batches(net, batch_size):
    """In how many parts to study a batch: one, or an even number for threads to share. The same on any machine."""
    largest = max(math.prod(shape) for shape in [net.input_shape, *net.out_shapes])
    wanted = batch_size * largest / MICRO_BATCH
    return 1 if wanted < 1 else min(max(2, 2 * round(wanted / 2)), batch_size)


def batches(n, batch_size, rng):
    """Endless mini-batches of the numbers 0 to n - 1: shuffled, dealt out to the last, shuffled anew."""
    pack = rng.permutation(n)
    while True:
        while len(pack) < batch_size:
            pack = np.concatenate([pack, rng.permutation(n)])
        yield pack[:batch_size]
        pack = pack[batch_size:]


def study(net, images, labels, part, batch_size):
    """The share of some of a batch's images in its loss and gradients, and how many are right: loss, hits, [grads].

    Works on twins of the layers, so that several can study at once, and lets go of each as soon as it can.
    """
    layers = [layer.twin() for layer in net.layers]
    layers[0].input_gradient = False  # nothing comes before it that could use one
    with np.errstate(over="ignore", invalid="ignore"):  # reported by the caller, with a cause
        x = layers[0].forward(images[part])
        for layer in layers[1:]:
            x = layer.forward(x)
        right = labels[part]
        loss, dx = cross_entropy(x, right)
        hits = int((x.argmax(axis=1) == right).sum())
        x, dx, grads = None, dx / batch_size, []
        while layers:
            layer = layers.pop()
            dx = layer.backward(dx)
            grads.insert(0, layer.grads)
    return loss / batch_size, hits, grads


def blame(net, images):
    """Where numbers stopped being finite, and what to try."""
    if not np.isfinite(images).all():
        return "The images hold numbers that are not finite."
    with np.errstate(over="ignore", invalid="ignore"):
        finite = [bool(np.isfinite(y).all()) for y in net.activations(images)]
    i = finite.index(False) if False in finite else len(finite) - 1
    return (
        f"Layer {i}, {net.layers[i]}, is the first to answer with numbers too large to work with: "
        "its weights have grown without bound. Begin again with new weights and a smaller learning rate."
    )


class Recording:
    """The film of a training: every step, and the weights before the first and after each.

    film = Recording(net)
    for step in film.watch(train(net, images, labels, iterations=100)): ...
    film.rewind(0)  # the network as it was before it learned
    """

    def __init__(self, net):
        self.net, self.steps, self.weights = net, [], [net.weights]

    def watch(self, steps):
        """Hand the steps of `train` on, keeping each with the weights it led to."""
        for step in steps:
            self.steps.append(step)
            self.weights.append(self.net.weights)
            yield step

    def rewind(self, iteration):
        """Put the network back to the weights it had after that iteration; 0 is before the first."""
        if not 0 <= iteration < len(self.weights):
            raise ValueError(f"iteration must be 0 to {len(self.weights) - 1}, as recorded so far, not {iteration}")
        self.net.weights = self.weights[iteration]

    def __len__(self):
        return len(self.steps)

    def __repr__(self):
        return f"Recording of {len(self)} iterations"


def check_labels(labels, n, classes):
    need_array(labels, "labels")
    if labels.dtype.kind not in "iu":
        raise TypeError(f"labels must be whole numbers, not {labels.dtype}")
    if labels.shape != (n,):
        raise ValueError(f"labels must be a row of {n}, one for each image, not of shape {labels.shape}")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"labels must be 0 to {classes - 1}, not {labels.min()} to {labels.max()}")


def number(value, name, least=0, below=math.inf):
    """The value as a plain float: NumPy's would turn float32 into float64."""
    value = value.item() if getattr(value, "ndim", None) == 0 else value
    if not isinstance(value, Real) or isinstance(value, bool) or not least <= value < below:
        limit = "" if below == math.inf else f" and below {below}"
        raise ValueError(f"{name} must be a number of at least {least}{limit}, not {value!r}")
    return float(value)
