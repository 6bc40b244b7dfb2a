"""The lessons keep to the course's form, the notebooks to the lessons, and the builder to its word.

What the stored outputs say is compared by nbval, which runs every notebook.
"""
import asyncio
import re
import statistics

import nbformat
import pytest

from tools import notebooks

# Every lesson


@pytest.fixture(params=notebooks.lessons(), ids=lambda lesson: lesson.stem)
def lesson(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["open", "solved"])
def solved(request):
    return request.param


@pytest.fixture
def built(lesson, solved):
    """The notebook as it is stored."""
    return nbformat.read(notebooks.target(lesson, solved), as_version=4)


@pytest.fixture
def cells(lesson):
    """The solved lesson's cells, where most is to be read."""
    return notebooks.compose(lesson, solved=True).cells


def code(cells):
    return [cell.source for cell in cells if cell.cell_type == "code"]


def prose(cells):
    """All Markdown, without the code that it quotes in blocks."""
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def tagged(cell, tag):
    return tag in cell.metadata.get("tags", [])


def test_notebook_agrees_with_its_lesson(lesson, solved):
    assert notebooks.disagreement(lesson, notebooks.target(lesson, solved), solved) is None


def test_every_code_cell_was_run_in_order(built):
    counts = [cell.execution_count for cell in built.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))


def test_errors_are_stored_only_where_announced(built):
    for cell in built.cells:
        failed = any(output.output_type == "error" for output in cell.get("outputs", []))
        assert failed == tagged(cell, "raises-exception"), cell.source


def test_no_widget_state_is_stored(built):
    assert "widgets" not in built.metadata
    assert not any(notebooks.WIDGET_VIEW in output.get("data", {}) for output in notebooks.outputs(built))


def test_outputs_hold_no_address_path_or_timing(built):
    for output in notebooks.outputs(built):
        assert not notebooks.UNREPEATABLE.search(notebooks.text_of(output))


def test_opens_with_a_title_and_what_it_takes(cells):
    opening = cells[0].source
    assert opening.startswith("# ")
    assert "**You will** " in opening and "**You need** " in opening
    assert re.search(r"\*\*\d+ minutes\.?\*\*", opening)


def test_headings_are_in_order(cells):
    levels = [len(marks) for marks in re.findall(r"^(#+) ", prose(cells), flags=re.M)]
    assert levels.count(1) == 1
    assert all(deeper <= level + 1 for level, deeper in zip(levels, levels[1:]))


def test_code_cells_are_short(cells):
    lengths = [len(source.splitlines()) for source in code(cells)]
    assert statistics.median(lengths) <= 5
    assert max(lengths) <= 20


def test_there_is_more_prose_than_code(cells):
    """Counted in words: \\w+ in Markdown, without HTML tags, against \\w+ in code."""
    written, coded = re.sub(r"<[^>]+>", "", prose(cells)), "\n".join(code(cells))
    assert len(re.findall(r"\w+", written)) > len(re.findall(r"\w+", coded))


def test_no_cell_ends_with_a_semicolon(cells):
    assert not [source for source in code(cells) if source.rstrip().endswith(";")]


def test_links_lead_somewhere_from_both_folders(lesson, cells):
    links = re.findall(r"\]\(([^)\s]+)|(?:href|src)=\"([^\"]+)\"", prose(cells))
    local = {path for pair in links if not re.match(r"[a-z]+:|#", path := "".join(pair))}
    folders = [notebooks.target(lesson, solved).parent for solved in (False, True)]
    assert not [link for link in local for folder in folders if not (folder / link.partition("#")[0]).exists()]


def test_the_end_links_to_the_next_lesson(lesson, cells):
    number = int(lesson.stem[:2]) + 1
    following = [other.stem for other in notebooks.lessons() if other.stem.startswith(f"{number:02}")]
    assert all(f"]({name}.ipynb)" in cells[-1].source for name in following)


def test_pictures_have_a_text_alternative(cells):
    assert not re.findall(r"!\[\s*\]\(|<img(?![^>]*\balt=\"[^\"]+\")[^>]*>", prose(cells))


def test_exercises_have_a_stub_a_check_and_hints(lesson, cells):
    open_cells = notebooks.compose(lesson, solved=False).cells
    stubs = [notebooks.STUB in cell.source for cell in open_cells]
    assert stubs == [tagged(cell, "exercise") for cell in open_cells]
    for exercise, check, hints in zip(cells, cells[1:], cells[2:]):
        if tagged(exercise, "exercise"):
            assert check.cell_type == "code" and check.source.startswith("checks."), check.source
            assert re.match(r"<details>\s*<summary>Hint", hints.source), hints.source


def test_no_notebook_is_missing_or_left_over():
    assert notebooks.check_all()


# The builder, on lessons made up here

LESSON = """\
# Double it

```{code-cell}
import ipywidgets as W
import matplotlib.pyplot as plt

plt.plot([1, 2])
plt.show()
```

```{code-cell}
W.IntSlider(3)
```

```{code-cell}
:tags: [exercise]
def double(x):
    if x > 0:
        ### BEGIN SOLUTION
        y = x + x
        return y
        ### END SOLUTION
    return 0
```

```{code-cell}
print(double(4))
```

```{code-cell}
:tags: [solution]
"only where it is solved"
```

```{code-cell}
:tags: [raises-exception]
double(None)
```
"""


@pytest.fixture
def course(tmp_path, monkeypatch):
    """An empty course; call it with a text to put that lesson there."""
    monkeypatch.setattr(notebooks, "LESSONS", tmp_path)
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path / "notebooks")

    def write(text):
        lesson = tmp_path / "01_double_it.md"
        lesson.write_text(text, encoding="utf-8")
        return lesson, notebooks.target(lesson, solved=False), notebooks.target(lesson, solved=True)

    return write


def cell(source):
    return f"# Title\n\n```{{code-cell}}\n{source}\n```\n"


def build(lesson, path):
    asyncio.run(notebooks.build(lesson, path, solved=False))


def test_open_and_solved(course):
    lesson, *_ = course(LESSON)
    open_code, solved_code = (code(notebooks.compose(lesson, solved).cells) for solved in (False, True))
    assert open_code[2] == "def double(x):\n    if x > 0:\n        ...  # your code here\n    return 0"
    assert solved_code[2] == "def double(x):\n    if x > 0:\n        y = x + x\n        return y\n    return 0"
    assert '"only where it is solved"' in solved_code
    assert '"only where it is solved"' not in open_code


@pytest.mark.parametrize(
    "source, complaint",
    [
        ("### BEGIN SOLUTION\nx = 1", "'### BEGIN SOLUTION' has no '### END SOLUTION'"),
        ("x = 1\n### END SOLUTION", "'### END SOLUTION' is out of place"),
        ("### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION", "'### BEGIN SOLUTION' is out of place"),
        ("### BEGIN SOLUTIONS\nx = 1\n### END SOLUTIONS", "'### BEGIN SOLUTIONS' is out of place"),
    ],
)
@pytest.mark.parametrize("solved", [False, True])
def test_markers_must_come_in_pairs(course, source, complaint, solved):
    lesson, *_ = course(cell(source))
    with pytest.raises(notebooks.BuildError, match=rf"^01_double_it.md, cell 2 \(.*\): {complaint}"):
        notebooks.compose(lesson, solved)


def test_build_check_and_build_again(course, capsys):
    lesson, opened, solved = course(LESSON)
    assert not notebooks.check_all()
    assert asyncio.run(notebooks.build_all(everything=False))
    assert notebooks.check_all()
    assert sorted(capsys.readouterr().out.split()) == [
        "01_double_it.ipynb", "built", "built", "solutions/01_double_it.ipynb",
    ]  # fmt: skip

    for path, answer in (opened, "0"), (solved, "8"):
        figure, slider, printed, *_, error = notebooks.outputs(nbformat.read(path, as_version=4))
        assert {*figure.data} == {"image/png", "text/plain"}
        assert slider.data == {"text/plain": "IntSlider(value=3)"}
        assert printed.text == answer + "\n"
        assert error.traceback == [f"TypeError: {error.evalue}"]

    before = opened.read_bytes(), solved.read_bytes()
    assert asyncio.run(notebooks.build_all(everything=True))
    assert before == (opened.read_bytes(), solved.read_bytes())

    capsys.readouterr()
    assert asyncio.run(notebooks.build_all(everything=False))
    assert capsys.readouterr().out == ""

    course(LESSON.replace("double(4)", "double(5)"))
    assert not notebooks.check_all()
    assert asyncio.run(notebooks.build_all(everything=False))
    assert notebooks.check_all()


@pytest.mark.parametrize(
    "source, complaint",
    [
        ("x = 1\nprint(y)", "cell 2 (x = 1): NameError: name 'y' is not defined"),
        ("object()", "cell 2 (object()): no other run will print ' at 0x"),
        ("import os; print(os.getcwd())", "no other run will print '/"),
        ("while True: pass", "cell 2 (while True: pass): still running after 1 seconds"),
        ("import os; os._exit(1)", "cell 2 (import os; os._exit(1)): the kernel died"),
    ],
)
def test_a_failed_build_says_where_and_leaves_the_notebook_as_it_was(course, monkeypatch, source, complaint):
    monkeypatch.setattr(notebooks, "CELL_SECONDS", 1)
    lesson, path, _ = course(cell(source))
    path.parent.mkdir()
    path.write_text("as it was")
    with pytest.raises(notebooks.BuildError, match=re.escape(complaint)):
        build(lesson, path)
    assert path.read_text() == "as it was"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_build_does_not_stop_the_others(course, capsys):
    course(cell("1 / 0"))
    lesson, *_ = course(cell("1 / 0"))
    lesson.with_name("02_halve_it.md").write_text(cell("1 / 2"))
    assert not asyncio.run(notebooks.build_all(everything=False))
    said = capsys.readouterr()
    assert "built   02_halve_it.ipynb" in said.out
    assert "01_double_it.md, cell 2 (1 / 0): ZeroDivisionError: division by zero" in said.err


def test_only_the_lessons_that_are_named_are_built(course, capsys):
    lesson, *_ = course(cell("1"))
    lesson.with_name("02_halve_it.md").write_text(cell("2"))
    assert asyncio.run(notebooks.build_all(only=["02"]))
    built = capsys.readouterr().out.split()
    assert sorted(built) == ["02_halve_it.ipynb", "built", "built", "solutions/02_halve_it.ipynb"]


def test_a_notebook_without_a_lesson_is_named(course, capsys):
    _, path, _ = course(cell("1"))
    path.parent.mkdir()
    path.with_name("09_gone.ipynb").write_text("{}")
    assert not notebooks.check_all()
    assert "09_gone.ipynb has no lesson" in capsys.readouterr().err
