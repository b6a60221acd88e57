"""What is written in several places agrees: versions, names for type checkers, lower bounds."""

import ast
import re
import runpy
import sys
import tomllib
from pathlib import Path

import pytest

import sklauction

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
oldest = runpy.run_path(str(ROOT / "tools/oldest.py"))["oldest"]
FILE = """
[project]
dependencies = ["numpy>=2.0"]
[project.optional-dependencies]
plot = ["matplotlib>=3.9"]
test = ["torch>=2.6", "sklauction[plot]", "ruff>=0.9"]
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("CITATION.cff", "version: VERSION"),
        ("docs/citation.md", "  version = {VERSION},"),
        ("CHANGELOG.md", "## VERSION (DATE)"),
    ],
)
def test_the_version_is_the_same_everywhere(path, line):
    pattern = re.escape(line.replace("VERSION", sklauction.__version__))
    pattern = pattern.replace("DATE", r"\d{4}-\d\d-\d\d")
    assert re.search(f"^{pattern}$", (ROOT / path).read_text(), re.MULTILINE)


def test_type_checkers_see_the_names_that_are_loaded_lazily():
    tree = ast.parse((ROOT / "sklauction/__init__.py").read_text())
    (block,) = (
        node.body
        for node in tree.body
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
    )
    # "as" with the same name makes a name public for type checkers.
    seen = {alias.asname: node.module for node in block for alias in node.names}
    assert seen == sklauction._EXPORTS
    assert all(alias.name == alias.asname for node in block for alias in node.names)


def test_the_package_is_marked_as_typed():
    assert (Path(sklauction.__file__).parent / "py.typed").is_file()


def test_the_oldest_versions_are_the_lower_bounds():
    bounds = ["numpy==2.0", "matplotlib==3.9"]
    assert oldest(FILE) == [*bounds, "torch==2.6", "pyparsing<3.3"]
    assert oldest(FILE, torch="2.13.0") == [*bounds, "torch==2.13.0", "pyparsing<3.3"]


def test_a_dependency_has_one_lower_bound():
    bounds = {}
    for lines in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()):
        for name, bound in (line.split(">=") for line in lines if "[" not in line):
            assert bounds.setdefault(name, bound) == bound, name


def test_this_python_is_one_that_the_project_declares():
    declared = {line.rpartition(" ")[2] for line in PROJECT["classifiers"] if "Python" in line}
    assert "{}.{}".format(*sys.version_info) in declared
