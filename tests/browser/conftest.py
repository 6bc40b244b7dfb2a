"""The browser that these tests drive, and the JupyterLab they open in it."""

import os
import shutil

import pytest
from in_lab import ROOT, running_lab

FLAGS = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"


@pytest.fixture(scope="session")
def browser():
    """The system's Chromium; without one, the tests are skipped on a reader's machine and fail where CI is set."""
    names = ["chromium", "chromium-browser", "google-chrome"]
    found = next(filter(None, map(shutil.which, names)), None)
    if not found:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no browser: none of {', '.join(names)} is installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=found, args=[*FLAGS.split(), "--no-first-run"])


@pytest.fixture(scope="session")
def lab(browser, tmp_path_factory):
    """JupyterLab, as tools/lab.py opens it, on a copy of the notebooks; the same for all tests."""
    with running_lab(tmp_path_factory.mktemp("course"), ROOT / "notebooks", "--expose-app-in-browser") as lab:
        yield lab


@pytest.fixture
def page(browser, lab):
    """An empty page of its own; `page.problems` gathers what goes wrong in it: console errors and uncaught ones."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.problems = []
    page.on("console", lambda message: message.type == "error" and page.problems.append(message.text))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    yield page
    page.close()
    for session in lab.request("api/sessions"):
        lab.request(f"api/sessions/{session['id']}", method="DELETE")
