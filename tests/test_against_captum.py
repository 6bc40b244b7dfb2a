"""The explanations, held against Captum's of the same network in PyTorch, which nobody here wrote."""

import numpy as np
import pytest
from oracle.cases import by_pixel
from test_against_torch import in_pytorch, reference, torch, torch_reference  # left out where PyTorch or Captum is

from cnnlib import explain

attr = in_pytorch.attr
pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU activations:UserWarning"),
    pytest.mark.filterwarnings("ignore:Input Tensor 0 did not already require gradients:UserWarning"),
]
UNITS = [(0, 7), (1, 7), (2, 3), ((1, 20, 9), 3), (4, 1)]  # classes, filters, one place; and their layers


@pytest.fixture(scope="module")
def net():
    net = reference()
    net.weights = np.random.default_rng(1).normal(0, 0.3, net.weights.shape).astype(np.float32)
    return net


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(2).standard_normal((3, 3, 64, 64), np.float32)


def asked(net, unit, layer):
    """The same question in PyTorch: a model that ends in what is asked, and which of its numbers."""
    model = torch_reference(net)[: layer + 1]
    return (model.append(in_pytorch.Sums()) if layer < 7 and isinstance(unit, int) else model), unit


def close(ours, theirs):
    theirs = theirs.detach().numpy()
    assert np.abs(theirs).max() > 0
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5 * np.abs(theirs).max())


@pytest.mark.parametrize("unit, layer", UNITS)
def test_saliency(net, images, unit, layer):
    model, target = asked(net, unit, layer)
    x = torch.tensor(images, requires_grad=True)
    theirs = attr.Saliency(model).attribute(x, target=target, abs=False)
    close(explain.gradient_saliency(net, images, unit, layer), theirs)


METHODS = {
    "deconvnet": (explain.deconvnet, attr.Deconvolution),
    "guided backpropagation": (explain.guided_backpropagation, attr.GuidedBackprop),
}


@pytest.mark.parametrize("unit, layer", UNITS)
@pytest.mark.parametrize("ours, theirs", METHODS.values(), ids=METHODS)
def test_other_rules(net, images, unit, layer, ours, theirs):
    model, target = asked(net, unit, layer)
    theirs = theirs(model).attribute(torch.tensor(images, requires_grad=True), target=target)
    close(ours(net, images, unit, layer), theirs)


@pytest.mark.parametrize("maps", range(6))
@pytest.mark.parametrize("unit", [0, 1])
def test_grad_cam_of_a_class(net, images, unit, maps):
    model, target = asked(net, unit, 7)
    theirs = attr.LayerGradCam(model, model[maps]).attribute(torch.tensor(images), target, relu_attributions=True)
    close(explain.grad_cam(net, images, unit, maps=maps), theirs[:, 0])


@pytest.mark.parametrize("unit", [0, (1, 20, 9)])
def test_grad_cam_of_a_filter(net, images, unit):
    model, target = asked(net, unit, 3)
    theirs = attr.LayerGradCam(model, model[2]).attribute(torch.tensor(images), target, relu_attributions=True)
    close(explain.grad_cam(net, images, unit, 3), theirs[:, 0])


@pytest.mark.parametrize("unit, layer", UNITS)
@pytest.mark.parametrize("size, stride, fill", [(8, 8, 0.0), (16, 8, 0.25)])
def test_occlusion(net, images, unit, layer, size, stride, fill):
    model, target = asked(net, unit, layer)
    theirs = attr.Occlusion(model).attribute(
        torch.tensor(images), (3, size, size), (3, stride, stride), baselines=fill, target=target
    )
    ours = by_pixel(explain.occlusion(net, images, unit, layer, size, stride, fill), images.shape, size, stride)
    theirs = theirs.detach().numpy()
    scale = np.abs(explain._scores(net, images, unit, layer)).max()  # small differences of large float32 numbers
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5 * scale)
