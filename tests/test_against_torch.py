"""The layers, the loss and the optimizers, held against PyTorch, which nobody here wrote.

Without PyTorch these tests are left out on a reader's machine. Where the project is tested (CI is set) they must run.
"""

import os

import numpy as np
import pytest

from cnnlib import SGD, Adam, Conv2D, Flatten, Linear, MaxPool2D, Network, ReLU, softmax_cross_entropy

if os.environ.get("CI"):
    import torch
else:
    torch = pytest.importorskip("torch")
F = torch.nn.functional
torch.set_num_threads(1)  # its threads and NumPy's wait for each other otherwise

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel"),  # it tells of the copy that this costs
]


def normal(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def tensor(array):
    return torch.tensor(array, requires_grad=array.dtype.kind == "f")


def assert_same(layer, function, x, dy):
    """The layer's answer and all its gradients are PyTorch's, within what float32 can hold."""
    tensors = {name: tensor(array) for name, array in {"x": x, **layer.params}.items()}
    y = function(**tensors)
    y.backward(torch.tensor(dy))
    theirs = {"y": y.detach()} | {f"d{name}": t.grad for name, t in tensors.items()}
    ours = {"y": layer.forward(x), "dx": layer.backward(dy)} | {f"d{name}": g for name, g in layer.grads.items()}
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        expected = theirs[name].numpy()
        assert (array.shape, array.dtype) == (expected.shape, expected.dtype), name
        np.testing.assert_allclose(array, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max(), err_msg=name)


@pytest.mark.parametrize("seed", range(60))
def test_convolution(seed):
    rng = np.random.default_rng(seed)
    size, stride, n, depth, filters = rng.integers(1, [7, 4, 5, 7, 9])
    padding = ["same", "valid", 0, 1, 3, 8][seed % 6]
    stride = 1 if padding == "same" else stride  # PyTorch's "same" knows no other; a loop in test_layers does
    height, width = size + rng.integers(0, 9, 2)

    layer = Conv2D(filters, size, stride, padding)
    out_shape = layer.build((depth, height, width), rng)
    layer.params["b"] = normal(rng, filters)
    assert_same(
        layer,
        lambda x, w, b: F.conv2d(x, w, b, int(stride), padding),
        normal(rng, n, depth, height, width),
        normal(rng, n, *out_shape),
    )


@pytest.mark.parametrize("size", range(1, 7))
def test_same_padding_of_any_size(size):
    """An even filter has a pixel more after than before, as in PyTorch."""
    rng = np.random.default_rng(size)
    layer = Conv2D(3, size)
    assert layer.build((2, 5, 8), rng) == (3, 5, 8)
    x, dy = normal(rng, 2, 2, 5, 8), normal(rng, 2, 3, 5, 8)
    assert_same(layer, lambda x, w, b: F.conv2d(x, w, b, padding="same"), x, dy)


@pytest.mark.parametrize("kind", ["any numbers", "many zeros", "all negative", "all equal"])
@pytest.mark.parametrize("seed", range(15))
def test_pool(seed, kind):
    """Overlapping, side by side, with gaps; of equals, PyTorch too gives all to the first."""
    rng = np.random.default_rng(seed)
    size, stride, n, depth = rng.integers(1, [5, 5, 5, 5])
    x = normal(rng, n, depth, *(size + rng.integers(0, 9, 2)))
    x = {"any numbers": x, "many zeros": np.maximum(x, 0), "all negative": -1 - abs(x), "all equal": 0 * x - 3}[kind]
    layer = MaxPool2D(size, stride)
    out_shape = layer.build(x.shape[1:], rng)
    assert_same(layer, lambda x: F.max_pool2d(x, int(size), int(stride)), x, normal(rng, n, *out_shape))


@pytest.mark.parametrize("seed", range(10))
def test_linear(seed):
    rng = np.random.default_rng(seed)
    n, inputs, outputs = rng.integers(1, 40, 3)
    layer = Linear(outputs)
    layer.build((inputs,), rng)
    layer.params["b"] = normal(rng, outputs)
    assert_same(layer, lambda x, w, b: x @ w + b, normal(rng, n, inputs), normal(rng, n, outputs))


def test_relu_also_at_zero():
    rng = np.random.default_rng(0)
    x = np.append(normal(rng, 2, 500), np.float32([[0, -0.0], [0, 1e-30]]), axis=1)
    assert_same(ReLU(), torch.relu, x, normal(rng, *x.shape))


@pytest.mark.parametrize("scale", [1, 30, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_softmax_cross_entropy(seed, scale):
    rng = np.random.default_rng(seed)
    n, classes = rng.integers(1, 20, 2)
    logits, labels = scale * normal(rng, n, classes), rng.integers(0, classes, n)
    theirs = tensor(logits)
    expected = F.cross_entropy(theirs, torch.tensor(labels))
    expected.backward()
    loss, dlogits = softmax_cross_entropy(logits, labels)
    assert loss == pytest.approx(expected.item(), rel=1e-5, abs=1e-6)
    np.testing.assert_allclose(dlogits, theirs.grad.numpy(), rtol=1e-4, atol=1e-7)


# Whole networks


def reference():
    return Network((3, 64, 64), [
        Conv2D(5, 3), ReLU(), MaxPool2D(2), Conv2D(3, 3), ReLU(), MaxPool2D(2), Flatten(), Linear(2),
    ])  # fmt: skip


def torch_reference(net):
    """The reference network in PyTorch, with the weights of ours."""
    twin = torch.nn.Sequential(
        torch.nn.Conv2d(3, 5, 3, padding="same"), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(5, 3, 3, padding="same"), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Flatten(), torch.nn.Linear(768, 2),
    )  # fmt: skip
    with torch.no_grad():
        for layer, theirs in zip(net.layers, twin, strict=True):
            if layer.params:
                theirs.weight.copy_(torch.tensor(as_theirs(layer.params["w"])))
                theirs.bias.copy_(torch.tensor(layer.params["b"]))
    return twin


def as_theirs(w):
    """PyTorch has a linear layer's weights as (outputs, inputs)."""
    return w.T if w.ndim == 2 else w


def assert_same_weights(net, twin, gradients=False, **tolerance):
    for layer, theirs in zip(net.layers, twin, strict=True):
        if layer.params:
            ours = layer.grads if gradients else layer.params
            for array, parameter in [(as_theirs(ours["w"]), theirs.weight), (ours["b"], theirs.bias)]:
                expected = (parameter.grad if gradients else parameter).detach().numpy()
                np.testing.assert_allclose(array, expected, err_msg=repr(layer), **tolerance)


def batch(seed, n=8):
    rng = np.random.default_rng(seed)
    return rng.random((n, 3, 64, 64), np.float32), rng.integers(0, 2, n)


def test_the_reference_network_and_all_its_gradients():
    net = reference()
    twin, (x, labels) = torch_reference(net), batch(0, n=16)
    theirs = tensor(x)
    logits = twin(theirs)
    F.cross_entropy(logits, torch.tensor(labels)).backward()

    np.testing.assert_allclose(net.forward(x), logits.detach().numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(net.probabilities(x), logits.softmax(1).detach().numpy(), rtol=1e-4)
    dx = net.backward(softmax_cross_entropy(net.forward(x), labels)[1])
    np.testing.assert_allclose(dx, theirs.grad.numpy(), rtol=1e-3, atol=1e-7)
    assert_same_weights(net, twin, gradients=True, rtol=1e-3, atol=1e-5)


OPTIMIZERS = {
    "SGD": (lambda: SGD(0.05), lambda p: torch.optim.SGD(p, 0.05)),
    "momentum": (lambda: SGD(0.02, momentum=0.9), lambda p: torch.optim.SGD(p, 0.02, momentum=0.9)),
    "Adam": (lambda: Adam(0.01), lambda p: torch.optim.Adam(p, 0.01)),
    "Adam with its own betas": (
        lambda: Adam(0.01, beta1=0.8, beta2=0.95, epsilon=1e-3),
        lambda p: torch.optim.Adam(p, 0.01, betas=(0.8, 0.95), eps=1e-3),
    ),
}


@pytest.mark.parametrize("ours, theirs", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_twenty_steps_lead_to_the_same_weights(ours, theirs):
    """With the same gradients in each, and half the learning rate from the eleventh step on."""
    net = reference()
    twin = torch_reference(net)
    ours, theirs = ours(), theirs(twin.parameters())
    start = net.weights
    for step in range(20):
        if step == 10:
            ours.learning_rate /= 2
            theirs.param_groups[0]["lr"] /= 2
        rng = np.random.default_rng(step)
        for layer, twin_layer in zip(net.layers, twin, strict=True):
            layer.grads = {name: normal(rng, *p.shape) for name, p in layer.params.items()}
            if layer.params:
                twin_layer.weight.grad = torch.tensor(as_theirs(layer.grads["w"]))
                twin_layer.bias.grad = torch.tensor(layer.grads["b"])
        ours.step(net.layers)
        theirs.step()
    assert np.abs(net.weights - start).min() > 1e-6
    assert_same_weights(net, twin, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("ours, theirs", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_twenty_steps_of_training_go_the_same_way(ours, theirs):
    """Forward, loss, backward and update together, each by its own gradients."""
    net = reference()
    twin = torch_reference(net)
    ours, theirs = ours(), theirs(twin.parameters())
    for step in range(20):
        x, labels = batch(step)
        loss, dlogits = softmax_cross_entropy(net.forward(x), labels)
        net.backward(dlogits)
        ours.step(net.layers)

        theirs.zero_grad()
        expected = F.cross_entropy(twin(torch.tensor(x)), torch.tensor(labels))
        expected.backward()
        theirs.step()
        assert loss == pytest.approx(expected.item(), rel=1e-3), f"step {step}"
    assert_same_weights(net, twin, rtol=1e-2, atol=1e-3)
