"""PyTorch's answers to the cases; of explanations, those of Captum, which explains PyTorch's networks."""

import warnings

import torch
from captum import attr
from torch.nn import functional as F

torch.set_num_threads(1)  # its threads and NumPy's wait for each other otherwise


def answer(case):
    """As cases.answer: what comes out and all gradients, by name."""
    if case.what in METHODS:
        return {"map": explained(case)}
    arrays = dict(case.arrays)
    dy = arrays.pop("dy", None)  # a loss has none: it is the end
    tensors = {name: torch.tensor(array, requires_grad=array.dtype.kind == "f") for name, array in arrays.items()}
    out = FUNCTIONS[case.what](**tensors, **case.settings)
    out.backward(None if dy is None else torch.tensor(dy))
    gradients = {f"d{name}": t.grad.numpy() for name, t in tensors.items() if t.requires_grad}
    return {"loss" if dy is None else "y": out.detach().numpy(), **gradients}


def convolution(x, w, b, filters, size, stride, padding):
    if padding == "same" and stride > 1:  # PyTorch has "same" for stride 1 only
        before, after = (size - 1) // 2, size // 2
        x, padding = F.pad(x, (before, after, before, after)), 0
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using padding='same' with even kernel")  # it tells of a copy that this costs
        return F.conv2d(x, w, b, stride, padding)


FUNCTIONS = {
    "Conv2D": convolution,
    "MaxPool2D": lambda x, size, stride: F.max_pool2d(x, size, stride),
    "ReLU": torch.relu,
    "Linear": lambda x, w, b, outputs: F.linear(x, w.T, b),  # PyTorch has the weights as (outputs, inputs)
    "softmax_cross_entropy": lambda logits, labels: F.cross_entropy(logits, labels),
}


def explained(case):
    settings, weights = case.settings, dict(case.arrays)
    x, unit = torch.tensor(weights.pop("x"), requires_grad=True), tuple(settings["unit"])
    layers = settings["layers"][: settings["layer"] + 1]
    model = torch.nn.Sequential(*(module(i, *layer, weights) for i, layer in enumerate(layers)))
    if len(unit) == 1:
        model.append(Sums())
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Setting (backward|forward, backward) hooks")  # it tells how it works
        warnings.filterwarnings("ignore", "Using padding='same' with even kernel")
        return METHODS[case.what](model, x, unit, settings).detach().numpy()


class Sums(torch.nn.Module):
    """Of each map, its sum; a row of numbers as it is."""

    def forward(self, y):
        return y.flatten(2).sum(2) if y.ndim == 4 else y


def module(i, name, settings, weights):
    if name not in ("Conv2D", "Linear"):
        kinds = {"ReLU": torch.nn.ReLU, "MaxPool2D": torch.nn.MaxPool2d, "Flatten": torch.nn.Flatten}
        return kinds[name](*settings.values())
    w, b = torch.tensor(weights[f"{i}.w"]), torch.tensor(weights[f"{i}.b"])
    made = torch.nn.Conv2d(*w.shape[1::-1], w.shape[2], padding="same") if w.ndim == 4 else torch.nn.Linear(*w.shape)
    made.load_state_dict({"weight": w if w.ndim == 4 else w.T, "bias": b})
    return made


def occlusion(model, x, unit, settings):
    depth, size, stride = x.shape[1], settings["size"], settings["stride"]
    window, strides = (depth, size, size), (depth, stride, stride)
    return attr.Occlusion(model).attribute(x, window, strides, settings["fill"], unit)


METHODS = {
    "gradient_saliency": lambda model, x, unit, _: attr.Saliency(model).attribute(x, unit, abs=False),
    "guided_backpropagation": lambda model, x, unit, _: attr.GuidedBackprop(model).attribute(x, unit),
    "deconvnet": lambda model, x, unit, _: attr.Deconvolution(model).attribute(x, unit),
    "grad_cam": lambda model, x, unit, settings: attr.LayerGradCam(model, model[settings["maps"]]).attribute(
        x, unit, relu_attributions=True
    )[:, 0],
    "occlusion": occlusion,
}
