"""PyTorch's answers to the cases."""

import warnings

import torch
from torch.nn import functional as F

torch.set_num_threads(1)  # its threads and NumPy's wait for each other otherwise


def answer(case):
    """As cases.answer: what comes out and all gradients, by name."""
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
