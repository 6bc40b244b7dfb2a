"""The reader's copy of the notebooks: brought up to date, and never at the cost of the reader's work."""

import json
import os
import time
from types import SimpleNamespace
from urllib.error import HTTPError

import psutil
import pytest
from in_lab import PATIENCE, running_lab

from tools import lab

NAME = "01_slide.ipynb"
BESIDE = "01_slide (new version).ipynb"
BESIDE_2 = "01_slide (new version 2).ipynb"


def write(path, *sources, outputs=()):
    """Write a notebook of code cells, as run `len(outputs)` times; its folder is made if need be."""
    cell = {"cell_type": "code", "execution_count": len(outputs) or None, "metadata": {}, "outputs": list(outputs)}
    cells = [cell | {"id": str(n), "source": source.splitlines(keepends=True)} for n, source in enumerate(sources)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))


def run(path):
    """Do to a notebook what Run All and saving do: outputs, metadata, and an empty cell at the end."""
    notebook = json.loads(path.read_text())
    for count, cell in enumerate(notebook["cells"], 1):
        cell["execution_count"] = count
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["7\n"]}]
        cell["metadata"] |= {"scrolled": True, "jupyter": {"outputs_hidden": False}, "tags": []}
        cell["attachments"] = {}
    notebook["cells"].append(cell | {"id": "new", "source": [], "outputs": [], "execution_count": None})
    notebook["metadata"] = {"widgets": {"application/vnd.jupyter.widget-state+json": {"state": {}}}}
    path.write_text(json.dumps(notebook, indent=2))


@pytest.fixture
def source(tmp_path):
    """The project's notebooks: one lesson and its solution."""
    write(tmp_path / "notebooks" / NAME, "v1")
    write(tmp_path / "notebooks" / "solutions" / NAME, "solved")
    return tmp_path / "notebooks"


@pytest.fixture
def copy(source, tmp_path):
    """The reader's copy, after a first start."""
    lab.refresh(source, tmp_path / "my-course")
    return tmp_path / "my-course"


def files(copy):
    return sorted(path.name for path in copy.glob("*.ipynb"))


def same(path, other):
    return path.read_bytes() == other.read_bytes()


def test_first_start_copies_everything(source, tmp_path):
    copy = tmp_path / "my-course"
    changes = lab.refresh(source, copy)
    assert [str(change) for change in changes] == [f"new: {NAME}", f"new: solutions/{NAME}"]
    assert same(copy / NAME, source / NAME)
    assert same(copy / "solutions" / NAME, source / "solutions" / NAME)


def test_second_start_does_nothing(source, copy):
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*.ipynb")}
    assert lab.refresh(source, copy) == []
    assert before == {path: path.stat().st_mtime_ns for path in copy.rglob("*.ipynb")}


def test_a_new_lesson_arrives(source, copy):
    write(source / "02_find.ipynb", "x")
    assert lab.refresh(source, copy) == [("new", "02_find.ipynb", None)]


def test_checkpoints_are_not_lessons(source, copy):
    write(source / ".ipynb_checkpoints" / "01_slide-checkpoint.ipynb", "x")
    assert lab.refresh(source, copy) == []


@pytest.mark.parametrize("use", [lambda path: None, run], ids=["untouched", "only run"])
def test_a_notebook_not_edited_is_refreshed(source, copy, use):
    use(copy / NAME)
    write(source / NAME, "v2")
    assert lab.refresh(source, copy) == [("refreshed", NAME, None)]
    assert same(copy / NAME, source / NAME)
    assert files(copy) == [NAME]


def test_a_run_notebook_keeps_its_outputs_while_the_lesson_is_the_same(source, copy):
    run(copy / NAME)
    mine = (copy / NAME).read_bytes()
    write(source / NAME, "v1", outputs=[{"output_type": "stream", "name": "stdout", "text": "8"}])
    assert lab.refresh(source, copy) == []
    assert (copy / NAME).read_bytes() == mine


def edit_a_cell(path):
    write(path, "mine")


def add_a_cell(path):
    write(path, "v1", "mine")


def turn_a_cell_into_text(path):
    path.write_text(path.read_text().replace('"code"', '"markdown"'))


def tag_a_cell(path):
    path.write_text(path.read_text().replace('"metadata": {}', '"metadata": {"tags": ["mine"]}', 1))


def attach_a_picture(path):
    picture = '"attachments": {"mine.png": {"image/png": "iVBORw0KGgo="}}, "metadata": {}'
    path.write_text(path.read_text().replace('"metadata": {}', picture, 1))


def damage(path):
    path.write_bytes(path.read_bytes()[:40])


def write_something_else(path):
    path.write_text("[1, 2]")


@pytest.mark.parametrize("touch", [
    edit_a_cell, add_a_cell, turn_a_cell_into_text, tag_a_cell, attach_a_picture, damage, write_something_else,
])  # fmt: skip
def test_an_edited_notebook_is_kept_and_the_new_version_laid_beside_it(source, copy, touch):
    touch(copy / NAME)
    mine = (copy / NAME).read_bytes()
    assert lab.refresh(source, copy) == []  # no new version yet: nothing to lay beside
    write(source / NAME, "v2")
    (change,) = lab.refresh(source, copy)
    assert str(change) == f"kept yours: {NAME}, new version beside it: {BESIDE}"
    assert (copy / NAME).read_bytes() == mine
    assert same(copy / BESIDE, source / NAME)
    assert lab.refresh(source, copy) == []


def test_a_solution_is_treated_as_a_lesson_is(source, copy):
    write(copy / "solutions" / NAME, "mine")
    write(source / "solutions" / NAME, "v2")
    assert lab.refresh(source, copy) == [("kept yours", f"solutions/{NAME}", f"solutions/{BESIDE}")]


@pytest.mark.parametrize("use", [lambda path: None, run], ids=["untouched", "only run"])
def test_a_second_update_replaces_the_first_new_version(source, copy, use):
    write(copy / NAME, "mine")
    write(source / NAME, "v2")
    lab.refresh(source, copy)
    use(copy / BESIDE)
    write(source / NAME, "v3")
    assert lab.refresh(source, copy) == [("kept yours", NAME, BESIDE)]
    assert same(copy / BESIDE, source / NAME)
    assert files(copy) == [BESIDE, NAME]


def test_an_edited_new_version_is_kept_too(source, copy):
    write(copy / NAME, "mine")
    write(source / NAME, "v2")
    lab.refresh(source, copy)
    write(copy / BESIDE, "mine as well")
    theirs = (copy / NAME).read_bytes(), (copy / BESIDE).read_bytes()
    write(source / NAME, "v3")
    assert lab.refresh(source, copy) == [("kept yours", NAME, BESIDE_2)]
    assert same(copy / BESIDE_2, source / NAME)
    assert ((copy / NAME).read_bytes(), (copy / BESIDE).read_bytes()) == theirs


def test_a_deleted_new_version_is_not_offered_again(source, copy):
    write(copy / NAME, "mine")
    write(source / NAME, "v2")
    lab.refresh(source, copy)
    (copy / BESIDE).unlink()
    assert lab.refresh(source, copy) == []


def test_the_new_version_renamed_over_the_old_is_followed_from_there(source, copy):
    write(copy / NAME, "mine")
    write(source / NAME, "v2")
    lab.refresh(source, copy)
    os.replace(copy / BESIDE, copy / NAME)
    write(source / NAME, "v3")
    assert lab.refresh(source, copy) == [("refreshed", NAME, None)]


def test_a_deleted_lesson_is_put_back(source, copy):
    (copy / NAME).unlink()
    assert lab.refresh(source, copy) == [("put back", NAME, None)]
    assert same(copy / NAME, source / NAME)


def test_a_lesson_that_the_course_drops_stays(source, copy):
    (source / NAME).unlink()
    assert lab.refresh(source, copy) == []
    assert files(copy) == [NAME]


def test_the_readers_own_notebooks_are_left_alone(source, copy):
    write(copy / "notes.ipynb", "mine")
    write(copy / "02_find.ipynb", "mine")  # and then the course brings a lesson of that name
    mine = (copy / "02_find.ipynb").read_bytes()
    write(source / "02_find.ipynb", "v1")
    assert lab.refresh(source, copy) == [("kept yours", "02_find.ipynb", "02_find (new version).ipynb")]
    assert (copy / "02_find.ipynb").read_bytes() == mine
    assert (copy / "notes.ipynb").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"01_slide.ipynb": 3}', b"\xff\xfe", None])
def test_a_damaged_manifest_loses_no_work(source, copy, content):
    write(copy / NAME, "mine")
    mine = (copy / NAME).read_bytes()
    (copy / lab.MANIFEST).unlink() if content is None else (copy / lab.MANIFEST).write_bytes(content)
    write(source / NAME, "v2")
    write(source / "solutions" / NAME, "v2")
    assert [change.did for change in lab.refresh(source, copy)] == ["kept yours", "kept yours"]
    assert (copy / NAME).read_bytes() == mine
    assert lab.refresh(source, copy) == []  # the manifest is whole again


def test_a_lesson_that_is_no_notebook_is_refused(source, copy):
    (source / NAME).write_text("<<<<<<< merge conflict")
    with pytest.raises(ValueError, match="01_slide.ipynb is not a notebook"):
        lab.refresh(source, copy)


@pytest.mark.parametrize("writes", range(4))
def test_a_crash_loses_nothing_and_the_next_start_goes_on(source, copy, monkeypatch, writes):
    """Three files are due, and the manifest last; the crash comes before one of these four is in place."""
    write(copy / NAME, "mine")
    write(source / NAME, "v2")
    write(source / "02_find.ipynb", "v1")
    write(source / "solutions" / NAME, "v2")
    mine, left = (copy / NAME).read_bytes(), iter(range(writes))
    replace = os.replace

    def crash(scratch, path):
        if next(left, None) is None:
            raise OSError("no space left on device")
        replace(scratch, path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", crash)
        with pytest.raises(OSError, match="no space"):
            lab.refresh(source, copy)
    assert (copy / NAME).read_bytes() == mine
    lab.refresh(source, copy)
    assert (copy / NAME).read_bytes() == mine
    assert files(copy) == [BESIDE, NAME, "02_find.ipynb"]
    for place, lesson in [(BESIDE, NAME), ("02_find.ipynb",) * 2, (f"solutions/{NAME}",) * 2]:
        assert same(copy / place, source / lesson)
    assert lab.refresh(source, copy) == []


def test_jupyterlab_is_private_and_quiet(source, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    (tmp_path / "start").mkdir()
    with running_lab(tmp_path / "start", source) as running:
        assert (tmp_path / "start" / "log.txt").read_text().startswith(f"new: {NAME}\n")
        listening = [c.laddr.ip for c in psutil.Process(running.process.pid).net_connections() if c.status == "LISTEN"]
        assert set(listening) == {"127.0.0.1"}

        assert running.token
        with pytest.raises(HTTPError, match="403") as refused:
            running.request("api/contents", token=False)
        refused.value.close()
        names = [entry["name"] for entry in running.request("api/contents")["content"]]
        assert sorted(names) == [NAME, "solutions"]

        for plugin, expected in lab.SETTINGS.items():
            schema = running.request(f"lab/api/settings/{plugin}")["schema"]["properties"]
            assert {key: schema[key]["default"] for key in expected} == expected

        assert running.request("api/kernelspecs")["default"] == "python3"
        running.request("api/kernels", method="POST", body={"name": "python3"})
        end = time.monotonic() + PATIENCE
        while not (tmp_path / "start" / "my-course" / ".jupyter" / "ipython" / "profile_default").exists():
            assert time.monotonic() < end, "the kernel has not started"
            time.sleep(0.1)
    assert running.process.returncode == 0
    assert not {".jupyter", ".ipython", ".local", "Library", "AppData"} & set(os.listdir(home))


def opened(monkeypatch, course):
    """All that lab.py does to open JupyterLab, but for opening it."""
    from jupyterlab.labapp import LabApp

    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, "")  # put back at the end
    monkeypatch.chdir(course)
    monkeypatch.setattr(LabApp, "serverapp_config", {})
    monkeypatch.setattr(LabApp, "launch_instance", lambda options: None)
    lab.open_jupyterlab(course, [])


@pytest.mark.parametrize("theirs, then", [(None, "1"), ("4", "4")])
def test_a_matrix_product_leaves_the_other_cores_alone_unless_told(tmp_path, monkeypatch, theirs, then):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", theirs or "")
    if theirs is None:
        monkeypatch.delenv("OPENBLAS_NUM_THREADS")
    opened(monkeypatch, tmp_path)
    assert os.environ["OPENBLAS_NUM_THREADS"] == then


def test_what_a_widget_answers_is_sent_at_once(tmp_path, monkeypatch):
    from jupyter_server.serverapp import ServerApp
    from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
    from jupyterlab.labapp import LabApp

    opened(monkeypatch, tmp_path)
    done = []
    monkeypatch.setattr(ZMQChannelsWebsocketConnection, "connect", lambda self: done.append("connect"))

    class Connection(ServerApp(**LabApp.serverapp_config).kernel_websocket_connection_class):
        websocket_handler = SimpleNamespace(set_nodelay=lambda on: done.append(f"no delay: {on}"))

        def __init__(self):
            pass

    Connection().connect()
    assert done == ["no delay: True", "connect"]
