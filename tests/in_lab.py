"""Run tools/lab.py as a reader does, on a copy of the notebooks, and work in it with a real browser."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 240  # seconds; for a slow and busy machine


class Lab(NamedTuple):
    """A running JupyterLab."""

    url: str
    token: str
    process: subprocess.Popen

    def request(self, path, method="GET", body=None, token=True):
        """Send a request to the server's API and return the decoded JSON of its answer."""
        headers = {"Authorization": f"token {self.token}"} if token else {}
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + quote(path, safe="/?=&"), data, headers, method=method)
        with build_opener(ProxyHandler({})).open(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read() or "null")


@contextmanager
def running_lab(folder, notebooks, *options):
    """Start a copy of tools/lab.py on a copy of `notebooks`, all of it in `folder`; yield a Lab and stop it after."""
    shutil.copytree(notebooks, folder / "notebooks")
    (folder / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "lab.py", folder / "tools")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]  # if another program takes it first, JupyterLab finds the next
    command = [sys.executable, "tools/lab.py", "--no-browser", f"--port={port}", *options]
    elsewhere = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=elsewhere, stdout=log, stderr=log)
        try:
            info = _wait_for_server(folder, process)
            yield Lab(info["url"], info["token"], process)
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            finally:
                process.kill()


def _wait_for_server(folder, process):
    """What the server writes about itself once it listens."""
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        for path in folder.glob("my-course/.jupyter/data/runtime/jpserver-*.json"):
            try:
                return json.loads(path.read_bytes())
            except ValueError:
                pass  # being written
        time.sleep(0.1)
    raise RuntimeError("JupyterLab did not start:\n" + (folder / "log.txt").read_text())


def open_notebook(page, lab, name):
    """Open a notebook of the course in JupyterLab, nothing else open beside it, and wait for its kernel."""
    page.goto(f"{lab.url}lab/tree/{quote(name)}?token={lab.token}&reset", timeout=PATIENCE * 1000)
    page.wait_for_function(
        """() => {
            const panel = window.jupyterapp?.shell.currentWidget;
            return panel?.context?.isReady && panel.sessionContext?.session?.kernel?.status === "idle";
        }""",
        timeout=PATIENCE * 1000,
    )


def write_notebook(lab, name, *sources):
    """Put a notebook with these code cells into the reader's folder."""
    blank = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [{**blank, "id": f"cell-{i}", "source": source} for i, source in enumerate(sources)]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}
    lab.request(f"api/contents/{name}", "PUT", {"type": "notebook", "format": "json", "content": content})


def ask(page, code):
    """Run code in the open notebook's kernel and return what its last line is worth, by way of JSON.

    For what a picture does not tell: the state of an explorer after a hand has been at it.
    """
    before, _, last = code.rpartition("\n")
    told = page.evaluate(
        """async (code) => {
            const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const future = kernel.requestExecute({ code, store_history: false });
            let text = "";
            future.onIOPub = ({ content }) => { text += content.text ?? content.evalue ?? ""; };
            await future.done;
            return text;
        }""",
        f"import json as _json\n{before}\nprint(_json.dumps({last}))",
    )
    return json.loads(told)


def run_all(page):
    """Run all cells of the open notebook from a clean slate and wait until the kernel has nothing left to do.

    Return what went wrong, a line each: error outputs and cells that did not run.
    """
    page.evaluate("""async () => {
        window.ranAll = false;
        await jupyterapp.commands.execute("notebook:clear-all-cell-outputs");
        jupyterapp.commands.execute("notebook:run-all-cells").finally(async () => {
            // Where a cell fails, as it may be meant to, this comes before the end. What is asked last is done last.
            const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            await kernel.requestExecute({ code: "", silent: true, store_history: false }).done;
            window.ranAll = true;
        });
    }""")
    page.wait_for_function(
        "window.ranAll && jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'",
        timeout=PATIENCE * 1000,
    )
    cells = page.evaluate("jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells")
    wrong = []
    for number, cell in enumerate(cells):
        if cell["cell_type"] != "code" or not "".join(cell["source"]).strip():
            continue
        if cell["execution_count"] is None:
            wrong.append(f"cell {number} did not run")
        if "raises-exception" not in cell["metadata"].get("tags", []):
            errors = [output for output in cell["outputs"] if output["output_type"] == "error"]
            wrong += [f"cell {number}: {error['ename']}: {error['evalue']}" for error in errors]
    return wrong
