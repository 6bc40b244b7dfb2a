"""Open the course in JupyterLab, on a copy of the notebooks that is the reader's own.

`make lab` runs this. So does `python tools/lab.py` on any system; JupyterLab's options may follow.

The copy is my-course/. Notebooks arrive there on the first start, and newer versions of them after an update:
a notebook the reader has only run is replaced, one the reader has edited is kept and the new version laid beside it.
To have a lesson afresh, delete or rename the copy and start again.
"""

import hashlib
import json
import os
import sys
from itertools import count
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = ".handed_out.json"

SETTINGS = {
    "@jupyterlab/apputils-extension:themes": {"theme": "JupyterLab Light", "adaptive-theme": False},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/filebrowser-extension:browser": {"showLastModifiedColumn": False},  # room for the lessons' names
    # Both would be drawn anew twice for each move of an explorer, which delays its answer by some 10 ms:
    # the circle in the toolbar that says whether the kernel is busy (the status bar says so too) ...
    "@jupyterlab/notebook-extension:panel": {"toolbar": [{"name": "executionProgress", "disabled": True}]},
}
SWITCHED_OFF = ["@jupyterlab/application-extension:faviconbusy"]  # ... and the same on the tab of the browser


class Change(NamedTuple):
    """What was done about one notebook: it is "new", "put back", "refreshed" or "kept yours"."""

    did: str
    name: str
    beside: str | None = None

    def __str__(self):
        return f"{self.did}: {self.name}" + (f", new version beside it: {self.beside}" if self.beside else "")


def refresh(source, copy):
    """Bring the reader's folder `copy` up to date with the notebooks in `source`; return a list of Change.

    A notebook that needed nothing is not in the list, and one that is gone from `source` stays in `copy`.
    Nothing the reader has edited is ever overwritten: a file is replaced only if its cells are known from the manifest,
    which lists, for each notebook, the fingerprints of all versions handed out.
    """
    handed_out = _read_manifest(copy / MANIFEST)
    changes = []
    for lesson in sorted(source.rglob("*.ipynb")):
        if ".ipynb_checkpoints" in lesson.parts:
            continue
        name, new = lesson.relative_to(source).as_posix(), fingerprint(lesson)
        if new is None:
            raise ValueError(f"{lesson} is not a notebook")
        mine, known = copy / name, handed_out.setdefault(name, [])
        did, place = _plan(mine, new, known)
        if did:
            _write(place, lesson.read_bytes())
            changes.append(Change(did, name, None if place == mine else place.relative_to(copy).as_posix()))
        if new not in known:
            known.append(new)
    # Last: if a crash gets in before this line, the next start finds the files in place and only writes them down.
    _write(copy / MANIFEST, json.dumps(handed_out, indent=1).encode())
    return changes


def fingerprint(path):
    """The SHA-256 of a notebook's cells, or None if `path` is not a readable notebook.

    Types, sources, attachments and tags count, and blank cells do not: running a notebook, which saves outputs and
    other metadata and may append an empty cell, is not editing it.
    """
    try:
        cells = [
            (cell["cell_type"], "".join(cell["source"]), cell.get("attachments"), cell["metadata"].get("tags"))
            for cell in json.loads(path.read_bytes())["cells"]
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    told = [[part for part in cell if part] for cell in cells if cell[1].strip()]  # no tags or an empty list: the same
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _plan(mine, new, known):
    """What to do about the reader's `mine` now that the lesson is `new`, and where to put that lesson; or two Nones.

    `new` is a fingerprint, `known` those of the versions handed out before.
    """
    if not mine.exists():
        return "put back" if known else "new", mine
    old = fingerprint(mine)
    if old == new:
        return None, None
    if old in known:
        return "refreshed", mine
    if new in known:  # edited, and this version was laid beside it before
        return None, None
    return "kept yours", _room_beside(mine, [*known, new])


def _room_beside(mine, known):
    """The first "(new version)" name for `mine` that is free, or taken by a version handed out and not edited."""
    for n in count(1):
        beside = mine.with_name(f"{mine.stem} (new version{f' {n}' if n > 1 else ''}){mine.suffix}")
        if not beside.exists() or fingerprint(beside) in known:
            return beside


def _read_manifest(path):
    """The manifest, or an empty one if it is missing or damaged: then every differing notebook counts as edited."""
    try:
        manifest = json.loads(path.read_bytes())
        return {name: [str(version) for version in versions] for name, versions in manifest.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _write(path, content):
    """Replace the file in one step, so that it is never half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.tmp")
    scratch.write_bytes(content)
    os.replace(scratch, path)


def open_jupyterlab(course, options):
    """Run JupyterLab in the folder `course` until it is stopped; `options` are added to its command line.

    Whatever Jupyter and IPython read or write about the user is in course/.jupyter: the user's own setup elsewhere
    neither changes nor gets in the way.
    """
    private = course / ".jupyter"
    config = {
        # Root is fine, as in a container: only this machine, and only with the token, gets in.
        "ServerApp": {"ip": "127.0.0.1", "allow_root": True, "log_level": "WARN"},
        "LabApp": {"app_settings_dir": str(private / "defaults")},
    }
    _write(private / "config" / "jupyter_config.json", json.dumps(config).encode())
    off = {"disabledExtensions": {plugin: True for plugin in SWITCHED_OFF}}
    _write(private / "defaults" / "overrides.json", json.dumps(SETTINGS).encode())
    _write(private / "defaults" / "page_config.json", json.dumps(off).encode())
    os.environ["JUPYTER_CONFIG_DIR"] = str(private / "config")
    os.environ["JUPYTER_DATA_DIR"] = str(private / "data")
    os.environ["IPYTHONDIR"] = str(private / "ipython")
    # A second thread of the matrix product waits by spinning: it takes the core that the page needs to draw.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.chdir(course)  # JupyterLab shows the folder it was started in

    # Only now: JupyterLab reads the environment when imported.
    from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
    from jupyterlab.labapp import LabApp

    class PromptConnection(ZMQChannelsWebsocketConnection):
        """A kernel's connection to the page that sends each message at once.

        Unless told so, TCP holds back what is small until the page has acknowledged what came before, which it puts off
        for 40 ms (Nagle's algorithm): a widget that answers with several messages would lag behind the hand.
        """

        def connect(self):
            self.websocket_handler.set_nodelay(True)
            return super().connect()

    LabApp.serverapp_config = {"kernel_websocket_connection_class": PromptConnection}
    LabApp.launch_instance(options)


if __name__ == "__main__":
    for change in refresh(ROOT / "notebooks", ROOT / "my-course"):
        print(change)
    open_jupyterlab(ROOT / "my-course", sys.argv[1:])
