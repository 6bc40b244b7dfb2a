"""What is written in more than one place says the same, and no file names what is true of one machine only."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MAKEFILE = (ROOT / "Makefile").read_text()

REGISTRY = re.compile(rb"pypi\.org|pythonhosted\.org|npmjs\.org|yarnpkg\.com|repo\.anaconda\.com|conda\.anaconda\.org")
# Not after a letter or other sign of base64, of an address or of a longer path.
MACHINE_PATH = re.compile(rb"(?<![\w+/=.:~-])(?:/(?:home|root|tmp|work|mnt|Users)|[A-Z]:\\+Users)[/\\]+\w")


def project_files():
    """Every file that git tracks or would add."""
    command = "git -c safe.directory=* ls-files -z --cached --others --exclude-standard".split()
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode()
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def lines_with(pattern):
    """The places where a pattern stands in the project's files, as "file:line: what"."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {match.group()}"
        for path in project_files()
        for number, line in enumerate(path.read_bytes().splitlines(), 1)
        for match in pattern.finditer(line)
    ]


def test_no_file_names_a_package_registry():
    assert lines_with(REGISTRY) == []


def test_no_file_holds_a_path_of_one_machine():
    assert lines_with(MACHINE_PATH) == []


def test_conda_installs_what_pip_installs():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, with_pip = environment["dependencies"]
    assert python == f"python{PROJECT['requires-python']}"
    assert (pip, with_pip) == ("pip", {"pip": ["-e ."]})
    assert f"conda activate {environment['name']}\n" in (ROOT / "README.md").read_text()


def imported(path):
    """The modules that a Python file imports, wherever in it: the first part of their names."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


def test_what_is_imported_is_named_and_does_not_come_by_luck_through_another_package():
    wanted = [*PROJECT["dependencies"], *sum(PROJECT["optional-dependencies"].values(), [])]
    named = {re.match(r"[\w-]+", requirement).group().lower() for requirement in wanted}
    files = [path for path in project_files() if path.suffix == ".py"]
    ours = {name for path in files for name in (path.stem, path.parent.name)}
    foreign = {module for path in files for module in imported(path)} - ours - sys.stdlib_module_names
    package = packages_distributions()  # what installs a module: PyYAML for yaml
    assert {"numpy", "yaml"} <= foreign
    assert {m for m in foreign if not named & {name.lower() for name in package.get(m, [m])}} == set()


def test_make_and_ruff_want_the_python_that_the_package_wants():
    minor = int(PROJECT["requires-python"].removeprefix(">=3."))
    assert f"sys.version_info < (3, {minor})" in MAKEFILE
    assert f"Python 3.{minor} or newer" in MAKEFILE
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["target-version"] == f"py3{minor}"


def test_make_installs_extras_that_exist():
    named = {extra for extras in re.findall(r"extras = \[(.*)\]", MAKEFILE) for extra in extras.split(",")}
    assert named == set(PROJECT["optional-dependencies"])


def test_every_command_that_a_page_names_exists():
    targets = set(re.findall(r"^([\w-]+):", MAKEFILE, re.MULTILINE))
    pages = [path for path in project_files() if path.suffix == ".md" and path.parent.name != "lessons"]
    named = {
        (path.name, target)
        for path in pages
        for code in re.findall(r"```.*?```|`[^`\n]+`", path.read_text(), re.DOTALL)
        for target in re.findall(r"^[`$ ]*make ([a-z][\w-]*)", code, re.MULTILINE)
    }
    assert ("CONTRIBUTING.md", "test") in named
    assert {(name, target) for name, target in named if target not in targets} == set()


def test_the_library_needs_nothing_of_jupyter():
    """Training in a plain script must not wait for a notebook's packages."""
    told = "import sys, cnnlib; print(*{'matplotlib', 'ipywidgets', 'anywidget', 'IPython'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.strip() == ""
