"""Every lesson, opened in JupyterLab in a real browser and run from top to bottom."""

import pytest
from in_lab import ROOT, open_notebook, run_all

NOTEBOOKS = ROOT / "notebooks"
pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", [path.name for path in sorted(NOTEBOOKS.glob("*.ipynb"))])
def test_lesson_runs(page, lab, name):
    open_notebook(page, lab, name)
    assert run_all(page) == []
    assert page.problems == []
