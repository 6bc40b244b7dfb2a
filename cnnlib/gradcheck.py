"""Is the backward pass right? Nudge each number a little, see what the loss does, and compare."""

import copy

import numpy as np


def numerical_gradient(f, x, h=1e-5):
    """df/dx by central differences, (f(x + h) - f(x - h)) / 2h for each number of x: an array like x.

    f takes x and returns one number. x is put back as it was; it must be float64, as other numbers are too coarse for a
    nudge so small. The error is about h**2, unless f has a kink within h of x.
    """
    kind = getattr(x, "dtype", type(x).__name__)
    if kind != np.float64:
        raise TypeError(f"x must be a float64 array, not {kind}: use np.array(x, np.float64)")
    gradient = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        kept = x[place]
        x[place] = kept + h
        above = f(x)
        x[place] = kept - h
        below = f(x)
        x[place] = kept
        gradient[place] = (above - below) / (2 * h)
    return gradient


def relative_error(a, b):
    """The largest difference, relative to the largest number: 0 where both are the same, about 1 where unrelated."""
    scale = max(np.abs(a).max(), np.abs(b).max())
    return float(np.abs(a - b).max() / scale) if scale else 0.0


def check(layer, x, seed=0):
    """Hold a layer's `backward` against numerical gradients, for the input and every parameter.

    Returns the relative errors by name, {"x": ..., "w": ..., "b": ...}: below 1e-7 is right, above 1e-3 is a mistake.
    Works on a copy of the layer in float64 (with new weights if it was never built). Each output gets its own weight
    in the loss, from `seed`, so that no two mistakes can cancel.
    """
    rng = np.random.default_rng(seed)
    layer, x = copy.deepcopy(layer), np.array(x, np.float64)
    if not layer.params:
        layer.build(x.shape[1:], rng)
    layer.params = {name: np.array(p, np.float64) for name, p in layer.params.items()}
    importance = rng.standard_normal(layer.forward(x).shape)

    def loss(_):
        return (layer.forward(x) * importance).sum()

    layer.forward(x)
    analytic = {"x": layer.backward(importance), **layer.grads}
    errors = {}
    for name, array in {"x": x, **layer.params}.items():
        if analytic[name].shape != array.shape:
            raise ValueError(f"the gradient of {name} must have its shape {array.shape}, not {analytic[name].shape}")
        errors[name] = relative_error(analytic[name], numerical_gradient(loss, array))
    return errors
