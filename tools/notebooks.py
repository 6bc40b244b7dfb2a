"""Build the notebooks from the lessons.

    lessons/NN_verb_noun.md  ->  notebooks/NN_verb_noun.ipynb            exercises open
                                 notebooks/solutions/NN_verb_noun.ipynb  exercises solved

    python -m tools.notebooks           build what has changed
    python -m tools.notebooks 01 08     build what has changed of these lessons
    python -m tools.notebooks --all     build everything
    python -m tools.notebooks --check   run nothing, name the notebooks that do not agree with their lesson

The lines between ``### BEGIN SOLUTION`` and ``### END SOLUTION`` are the solution of an exercise; left open, it has a
stub in their place. A cell tagged ``solution`` is in the solved form only.

Both forms are run from top to bottom and their outputs stored. An error fails the build, unless its cell is tagged
``raises-exception``, and leaves the notebook as it was. Building twice gives the same bytes.

A notebook is built again when its lesson, this file, cnnlib or data has changed since, or the notebook itself:
notebooks/.built.json remembers, and stays out of git. After upgrading a package, build with --all.
"""

import argparse
import asyncio
import hashlib
import json
import os
import re
import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

ROOT = Path(__file__).resolve().parents[1]
LESSONS = ROOT / "lessons"
NOTEBOOKS = ROOT / "notebooks"
CELL_SECONDS = 120
STUB = "...  # your code here"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

# What would read differently on another machine or another day: addresses, paths, timings.
UNREPEATABLE = re.compile(
    r" at 0x[0-9a-fA-F]+|ipykernel_\d+|site-packages|/(?:home|root|tmp|Users)/|\b[A-Z]:\\|"
    r"Wall time|CPU times|\b\d[\d.]* (?:ns|us|µs|ms|s|seconds?)\b|it/s\b|" + re.escape(str(ROOT))
)


class BuildError(Exception):
    """A lesson that can't become a notebook; the text says where and why."""


def target(lesson, solved):
    """The notebook that a lesson becomes."""
    return (NOTEBOOKS / "solutions" if solved else NOTEBOOKS) / f"{lesson.stem}.ipynb"


# From a lesson to cells


def open_or_solved(source, solved):
    """A cell's source with its solution written out (solved) or a stub in its place (open)."""
    lines, inside = [], False
    for line in source.splitlines():
        marker = line.strip()
        if marker == "### BEGIN SOLUTION" and not inside:
            inside = True
            if not solved:
                lines.append(line.replace(marker, STUB))
        elif marker == "### END SOLUTION" and inside:
            inside = False
        elif marker.startswith("###") and "SOLUTION" in marker:
            raise BuildError(f"{marker!r} is out of place")
        elif solved or not inside:
            lines.append(line)
    if inside:
        raise BuildError("'### BEGIN SOLUTION' has no '### END SOLUTION'")
    return "\n".join(lines)


def compose(lesson, solved):
    """The notebook of a lesson, not yet run."""
    notebook = jupytext.read(lesson, fmt="md:myst")
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.cells = [cell for cell in notebook.cells if solved or "solution" not in cell.metadata.get("tags", [])]
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id = f"{lesson.stem}-{number}"  # jupytext draws a random one
        if cell.cell_type == "code":
            try:
                cell.source = open_or_solved(cell.source, solved)
            except BuildError as error:
                raise BuildError(f"{place(lesson, number, cell)}: {error}") from None
    return notebook


def place(lesson, number, cell):
    """Where a cell is, in words."""
    return f"{lesson.name}, cell {number} ({cell.source.partition(chr(10))[0]})"


# From cells to a notebook with outputs


async def run(notebook, lesson, folder):
    """Run every cell in its place in `folder`, by this Python, and store the outputs in the notebook."""
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        timeout=CELL_SECONDS,
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],
        coalesce_streams=True,  # else a print is cut in pieces wherever the clock happens to cut it
    )
    async with client.async_setup_kernel():
        for number, cell in enumerate(notebook.cells, start=1):
            try:
                await client.async_execute_cell(cell, number - 1)
            except CellExecutionError as error:
                raise BuildError(f"{place(lesson, number, cell)}: {error.ename}: {error.evalue}") from None
            except CellTimeoutError:
                raise BuildError(f"{place(lesson, number, cell)}: still running after {CELL_SECONDS} seconds") from None
            except DeadKernelError:
                raise BuildError(f"{place(lesson, number, cell)}: the kernel died") from None


def trim(notebook):
    """Take off what only a running kernel can use (views of widgets) and where an error passed (paths)."""
    for output in outputs(notebook):
        output.get("data", {}).pop(WIDGET_VIEW, None)
        if output.output_type == "error":
            output.traceback = [f"{output.ename}: {output.evalue}"]


def outputs(notebook):
    """Every stored output, in order."""
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def text_of(output):
    """All that can be read in an output; pictures are left out."""
    texts = [output.get("text", ""), output.get("evalue", "")]
    texts += [str(data) for kind, data in output.get("data", {}).items() if not kind.startswith("image/")]
    return "\n".join(texts)


async def build(lesson, path, solved):
    """Make one notebook and put it at `path`, or raise BuildError and leave what is there."""
    notebook = compose(lesson, solved)
    path.parent.mkdir(parents=True, exist_ok=True)
    await run(notebook, lesson, path.parent)
    trim(notebook)
    for number, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []):
            if found := UNREPEATABLE.search(text_of(output)):
                raise BuildError(f"{place(lesson, number, cell)}: no other run will print {found[0]!r}")
    fresh = path.with_suffix(".new")
    fresh.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")
    os.replace(fresh, path)


# What to build


def fingerprint(*paths):
    """A digest of these files, and of every file in these folders."""
    digest = hashlib.sha256()
    for path in paths:
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(file.read_bytes())
    return digest.hexdigest()


async def build_all(everything=False, only=()):
    """Build what has changed, or everything, as many notebooks at a time as there are cores. True if all went well.

    only  how the names of the lessons begin that are meant; unless said, all are
    """
    NOTEBOOKS.mkdir(exist_ok=True)
    memory = NOTEBOOKS / ".built.json"
    built = json.loads(memory.read_text()) if memory.exists() else {}
    cores = asyncio.Semaphore(os.cpu_count())

    async def make(lesson, solved):
        path = target(lesson, solved)
        name = path.relative_to(NOTEBOOKS).as_posix()
        sources = fingerprint(lesson, Path(__file__), ROOT / "cnnlib", ROOT / "data")
        if not everything and path.exists() and built.get(name) == [sources, fingerprint(path)]:
            return True
        async with cores:
            try:
                await build(lesson, path, solved)
            except BuildError as error:
                print(f"failed  {name}\n        {error}", file=sys.stderr)
                return False
        built[name] = [sources, fingerprint(path)]
        print(f"built   {name}", flush=True)
        return True

    try:
        meant = [lesson for lesson in lessons() if lesson.name.startswith(tuple(only) or "")]
        results = await asyncio.gather(*(make(lesson, solved) for lesson in meant for solved in (False, True)))
    finally:
        memory.write_text(json.dumps(built, indent=1, sort_keys=True) + "\n")
    return all(results)


def lessons():
    """The lessons, in order."""
    return sorted(LESSONS.glob("[0-9][0-9]_*.md"))


# Do lessons and notebooks agree?


def disagreement(lesson, path, solved):
    """What sets the notebook at `path` apart from its lesson, outputs aside; None if nothing does."""
    name = path.relative_to(NOTEBOOKS).as_posix()
    if not path.exists():
        return f"{name} is not built"
    wanted, found = compose(lesson, solved), nbformat.read(path, as_version=4)
    for cell in found.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    for number, (want, have) in enumerate(zip(wanted.cells, found.cells), start=1):
        if want != have:
            return f"{place(lesson, number, want)}: {name} has another cell there"
    if len(wanted.cells) != len(found.cells):
        return f"{name} has {len(found.cells)} cells, {lesson.name} makes {len(wanted.cells)}"
    return None if wanted == found else f"{name} has other metadata than the builder writes"


def check_all():
    """Print what disagrees. True if nothing does."""
    wanted = [(lesson, target(lesson, solved), solved) for lesson in lessons() for solved in (False, True)]
    orphans = {*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("solutions/*.ipynb")} - {path for _, path, _ in wanted}
    problems = [problem for notebook in wanted if (problem := disagreement(*notebook))]
    problems += [f"{path.relative_to(NOTEBOOKS).as_posix()} has no lesson" for path in sorted(orphans)]
    for problem in problems:
        print(problem, file=sys.stderr)
    return not problems


def main():
    parser = argparse.ArgumentParser("python -m tools.notebooks", description="Build the notebooks from the lessons.")
    parser.add_argument("lessons", nargs="*", help="how the names of the lessons to build begin, such as 01")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--all", action="store_true", help="build everything, changed or not")
    choice.add_argument("--check", action="store_true", help="run nothing, name what does not agree")
    arguments = parser.parse_args()
    sys.exit(not (check_all() if arguments.check else asyncio.run(build_all(arguments.all, arguments.lessons))))


if __name__ == "__main__":
    main()
