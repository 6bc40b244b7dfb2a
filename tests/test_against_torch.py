"""Layers, loss, optimizers and explanations, held against PyTorch and Captum, which nobody here wrote.

Without PyTorch these tests are left out; test_stored_results.py sees to it that this can't happen in CI.
"""

import numpy as np
import pytest
from oracle import MISSING, cases

from cnnlib import SGD, Adam, Conv2D, Flatten, Linear, MaxPool2D, Network, ReLU, softmax_cross_entropy

try:
    import captum  # noqa: F401
    import torch
    from hypothesis import HealthCheck, given, settings, strategies
except ModuleNotFoundError:
    pytest.skip(MISSING, allow_module_level=True)
from oracle import in_pytorch

F = torch.nn.functional
pytestmark = pytest.mark.torch


@settings(
    max_examples=200,
    derandomize=True,  # the same cases each time
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],  # a busy machine may well be
)
@given(strategies.data())
@pytest.mark.parametrize("kind", [
    cases.convolution, cases.pool, cases.relu, cases.linear, cases.loss, cases.explanation,
])  # fmt: skip
def test_layers_loss_and_explanations(kind, data):
    """Pools also where all gradient goes to the first of equals, ReLU also at 0: as in PyTorch, to the last digit."""
    case = kind(lambda least, most: data.draw(strategies.integers(least, most)))
    cases.assert_agrees(case, in_pytorch.answer(case))


@pytest.mark.parametrize("size", range(1, 7))
def test_same_padding_of_any_size(size):
    """An even filter has a pixel more after than before."""
    arguments = {"filters": 3, "size": size, "stride": 1, "padding": "same"}
    case = cases.layer_case("Conv2D", arguments, (2, 5, 8), whole=max)  # nothing drawn: always the most
    assert case.arrays["dy"].shape[1:] == (3, 5, 8)
    cases.assert_agrees(case, in_pytorch.answer(case))


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
    theirs = torch.tensor(x, requires_grad=True)
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
            layer.grads = {name: rng.standard_normal(p.shape, np.float32) for name, p in layer.params.items()}
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
