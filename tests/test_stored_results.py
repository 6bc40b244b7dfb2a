"""Layers, loss and explanations, held against what PyTorch and Captum answered when tests/oracle/make_results.py asked.
"""

import os
import tomllib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from oracle import MISSING, cases

HERE = Path(__file__).parent
MADE_WITH, STORED = cases.load(HERE / "oracle/results.npz")


@pytest.mark.parametrize("case, expected", STORED, ids=[f"{case.what}-{i}" for i, (case, _) in enumerate(STORED)])
def test_cnnlib_answers_as_pytorch_did(case, expected):
    cases.assert_agrees(case, expected)


def test_all_kinds_of_cases_are_stored():
    def settings(what):
        return [case.settings for case, _ in STORED if case.what == what]

    convolutions, pools = settings("Conv2D"), settings("MaxPool2D")
    tied = [case for case, _ in STORED if case.what == "MaxPool2D" and len(np.unique(case.arrays["x"])) <= 3]
    assert {"same", "valid"} < {s["padding"] for s in convolutions}
    assert {1, 2, 3} <= {s["stride"] for s in convolutions}
    assert any(s["stride"] and s["stride"] < s["size"] for s in pools), "none that overlap"
    assert any(s["stride"] and s["stride"] > s["size"] for s in pools), "none with gaps between"
    assert any(case.settings["size"] > 1 for case in tied), "none with ties"
    assert settings("Linear") and settings("softmax_cross_entropy") and settings("ReLU")
    for method in ("gradient_saliency", "guided_backpropagation", "deconvnet", "grad_cam", "occlusion"):
        assert settings(method), method


def test_the_versions_that_made_them_are_those_installed_for_comparing():
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]
    assert set(MADE_WITH) < set(project["optional-dependencies"]["oracle"])


@pytest.mark.torch
def test_where_the_project_is_tested_pytorch_itself_is_there():
    """A reader may do without; CI may not."""
    if os.environ.get("CI"):
        assert all(map(find_spec, ("torch", "hypothesis", "captum"))), MISSING
