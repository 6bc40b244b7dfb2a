"""A network: layers in a row. Each answer is the next layer's input; gradients come back the same way."""

import hashlib
import json
import os
from itertools import accumulate
from pathlib import Path
from uuid import uuid4
from zipfile import is_zipfile

import numpy as np

from .layers import Layer, need_array, positive_int

CHUNK = 64  # images at a time where only the answers are kept: memory stays small however many are asked for


class Network:
    """Layers in a row, built for images of one shape.

    net = Network(input_shape=(3, 64, 64), layers=[Conv2D(5, 3), ReLU(), MaxPool2D(2), Flatten(), Linear(2)])

    The network builds its own copies of the layers it is given, so one brick can be used twice, or in two networks.
    The weights are drawn from `seed`: the same seed and layers make the same network.
    Raises ValueError where a layer cannot take what the one before it makes, naming both and what would fit.
    """

    def __init__(self, input_shape, layers, seed=0):
        if not np.iterable(input_shape):
            raise TypeError(f"input_shape must be (depth, height, width), not {input_shape!r}")
        self.input_shape = tuple(positive_int(n, "input_shape") for n in input_shape)
        self.layers, self.out_shapes = [], []
        rng = np.random.default_rng(seed)
        shape = self.input_shape
        for i, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                raise TypeError(f"layer {i} must be a Layer, such as ReLU(), not {layer!r}")
            layer = layer.twin()
            layer.params = {name: p.copy() for name, p in layer.params.items()}
            try:
                shape = layer.build(shape, rng)
            except ValueError as error:
                raise ValueError(f"layer {i}, {layer}, given {shape}: {error}") from None
            self.layers.append(layer)
            self.out_shapes.append(shape)

    def forward(self, x):
        """Images (n, *input_shape) -> logits (n, classes): what the last layer makes of them.

        Raises TypeError or ValueError where `x` is not of the type and shape that the network was built for.
        """
        self.check(x)
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dlogits):
        """From dL/dlogits to dL/dx, for the images last seen. Leaves dL/dparams in each layer's `grads`."""
        for layer in reversed(self.layers):
            dlogits = layer.backward(dlogits)
        return dlogits

    def activations(self, x):
        """What each layer makes of the images: a list of arrays, one a layer."""
        self.check(x)
        made = []
        for layer in self.layers:
            x = layer.forward(x)
            made.append(x)
        return made

    def probabilities(self, x):
        """How sure the network is of each class (softmax): (n, classes), each row adding up to 1."""
        return softmax(self._logits(x))

    def predict(self, x):
        """The most likely class of each image: (n,)."""
        return self._logits(x).argmax(axis=1)

    def _logits(self, x):
        """As `forward`, a few images at a time: little memory, however many there are."""
        self.check(x)
        return np.concatenate([self.forward(x[i : i + CHUNK]) for i in range(0, len(x), CHUNK)])

    def receptive_field(self, layer, row, column, of=-1):
        """What one unit of layer `layer`'s maps sees of the maps of an earlier layer, or of the image: of=-1.

        -> (top, left, bottom, right), bottom and right the first outside. The box may reach beyond the maps, into the
        padding. After Flatten or Linear a unit has no place and sees everything: the box is from -inf to inf.
        """
        if not (0 <= layer < len(self.layers) and -1 <= of <= layer):
            raise ValueError(f"layer must be 0 to {len(self.layers) - 1}, and of -1 to layer, not {layer} and {of}")
        maps = self.out_shapes[layer][1:]
        if not all(0 <= place < size for place, size in zip((row, column), maps)):
            raise ValueError(f"row and column must be inside layer {layer}'s maps, {maps}, not ({row}, {column})")
        rows, columns = (row, row + 1), (column, column + 1)
        for between in reversed(self.layers[of + 1 : layer + 1]):
            rows, columns = between.sees(*rows), between.sees(*columns)
        return rows[0], columns[0], rows[1], columns[1]

    def check(self, x):
        """Raise TypeError or ValueError unless `x` is a stack of images this network can take."""
        need_array(x, "images")
        if x.shape[1:] != self.input_shape or len(x) == 0:
            wanted = ", ".join(map(str, self.input_shape))
            raise ValueError(f"images must be (n, {wanted}), n at least 1, not {x.shape}")
        dtypes = {p.dtype for p in self.named_params().values()}
        if dtypes and dtypes != {x.dtype}:
            raise TypeError(f"images must be {dtypes.pop()} as the weights are, not {x.dtype}: use .astype(np.float32)")

    def named_params(self):
        """Every parameter by the number of its layer and its name there, such as "0.w"."""
        return {f"{i}.{name}": p for i, layer in enumerate(self.layers) for name, p in layer.params.items()}

    @property
    def weights(self):
        """A copy of every parameter, laid end to end: (parameters,). Assign one to put the network back to then."""
        params = [p.ravel() for p in self.named_params().values()]
        return np.concatenate(params) if params else np.zeros(0, np.float32)

    @weights.setter
    def weights(self, values):
        params = list(self.named_params().values())
        ends = list(accumulate((p.size for p in params), initial=0))
        if values.shape != (ends[-1],):
            raise ValueError(f"this network has {ends[-1]} weights in a row, not {values.shape}")
        for p, start, end in zip(params, ends, ends[1:]):
            p[...] = values[start:end].reshape(p.shape)

    def to(self, asarray):
        """Put each parameter through `asarray`, such as cupy.asarray to compute on a GPU; returns the network."""
        for layer in self.layers:
            layer.params = {name: asarray(p) for name, p in layer.params.items()}
        return self

    def save(self, path):
        """Write layers and weights to `path` (NumPy's .npz, with JSON). What was there stays until all is written."""
        weights = self.named_params()
        layers = [[type(layer).__name__, layer.settings()] for layer in self.layers]
        plan = json.dumps({"input_shape": self.input_shape, "layers": layers})
        unfinished = Path(f"{path}.{uuid4().hex}.unfinished")  # in the same folder, and nobody else's
        try:
            with open(unfinished, "wb") as file:
                np.savez(file, plan=plan, sha256=digest(plan, weights), **weights)
            os.replace(unfinished, path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, path):
        """The network that `save` wrote. Raises ValueError where the file is damaged, changed, or something else.

        A layer of your own is found by its name: define its class before you load.
        """
        with open(path, "rb") as file:
            try:
                if not is_zipfile(path):
                    raise ValueError("it is not even an .npz file")
                with np.load(file, allow_pickle=False) as stored:
                    weights = {name: stored[name] for name in stored}
                plan = str(weights.pop("plan"))
                if str(weights.pop("sha256")) != digest(plan, weights):
                    raise ValueError("the weights or the layers are not those that were saved")
                plan, kinds = json.loads(plan), {kind.__name__: kind for kind in subclasses(Layer)}
                net = cls(plan["input_shape"], [kinds[name](**settings) for name, settings in plan["layers"]])
                params = net.named_params()
                if {name: p.shape for name, p in params.items()} != {name: p.shape for name, p in weights.items()}:
                    raise ValueError("the weights do not fit the layers")
                for i, layer in enumerate(net.layers):  # not into the arrays there: what was saved may be float64
                    layer.params = {name: weights[f"{i}.{name}"] for name in layer.params}
            except Exception as error:  # a damaged file can fail anywhere on the way
                raise ValueError(f"{path} does not hold a network as Network.save wrote it: {error!r}") from error
        return net

    def __repr__(self):
        return f"Network(input_shape={self.input_shape}, layers={self.layers})"

    def __str__(self):
        """A table, a line a layer: what it is, the shape it makes of an image, how many parameters it learns."""
        counts = [sum(p.size for p in layer.params.values()) for layer in self.layers]
        shapes = [" x ".join(map(str, shape)) for shape in (self.input_shape, *self.out_shapes)]
        rows = [("layer", "output shape", "parameters"), ("input", shapes[0], "")]
        rows += [(str(layer), shape, f"{n:,}" if n else "") for layer, shape, n in zip(self.layers, shapes[1:], counts)]
        rows += [("total", "", f"{sum(counts):,}")]
        wide = [max(map(len, column)) for column in zip(*rows)]
        return "\n".join(f"{a:{wide[0]}}  {b:>{wide[1]}}  {c:>{wide[2]}}" for a, b, c in rows)


def softmax(logits, axis=1):
    """Shares, each above 0 and adding up to 1 along the axis: an array like logits.

    The largest is taken off first: it changes nothing, and no exp grows too large.
    """
    e = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def digest(plan, weights):
    """SHA-256 over all that is saved, so that a file changed since is noticed."""
    sha = hashlib.sha256(plan.encode())
    for name in sorted(weights):
        sha.update(f"{name} {weights[name].dtype} {weights[name].shape}".encode() + weights[name].tobytes())
    return sha.hexdigest()


def subclasses(kind):
    """Every class made from `kind`, however deep; the newest of a name last."""
    return [found for sub in kind.__subclasses__() for found in (sub, *subclasses(sub))]
