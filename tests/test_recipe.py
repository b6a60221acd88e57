"""The recipe for a new auction in docs/contributing.md works, and needs no further file."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COPIED = ("sklauction", "tests", "docs/api.rst", "CHANGELOG.md", "setup.cfg")
STEP = re.compile(r"\*\*\d\. [^*]+\*\*, `([^`]+)`.*?```(python|diff)\n(.*?)```", re.DOTALL)
CHECKS = ("common", "persistence", "docstrings", "structure", "site")
SELECTED = "posted or table_holds or every_public_name"


def apply_diff(text, diff):
    """Insert the lines of a diff that begin with "+", next to those that begin with a space."""
    lines, place, new = text.split("\n"), 0, []
    for line in diff.splitlines():
        if line.startswith("+"):
            new.append(line[1:])
        elif line.strip() != "...":
            place = lines.index(line[1:], place)
            lines[place:place], place = new, place + len(new) + 1
            new = []
    if not place:  # without context, at the end
        place = len(lines) - 1
    lines[place:place] = new
    return "\n".join(lines)


@pytest.fixture(scope="module")
def steps():
    """File, language and code of each step."""
    page = (ROOT / "docs/contributing.md").read_text()
    return STEP.findall(page.split("## A new auction")[1].split("\n## ")[0])


@pytest.fixture(scope="module")
def copy(steps, tmp_path_factory):
    """A copy of the project after all steps."""
    folder = tmp_path_factory.mktemp("project")
    for name in COPIED:
        (folder / name).parent.mkdir(exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(ROOT / name, folder / name)
    for name, language, code in steps:
        path = folder / name
        path.write_text(code if language == "python" else apply_diff(path.read_text(), code))
    return folder


def test_there_are_five_steps(steps):
    assert len({name for name, _, _ in steps}) == len(steps) == 5


def run(copy, *checks):
    """Return the outcome of the tests of the new auction in files of tests/."""
    files = [f"tests/test_{name}.py" for name in checks]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files, "-k", SELECTED],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
    )


def test_checks_of_the_new_auction_pass(copy):
    done = run(copy, *CHECKS)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    # Those of scikit-learn alone are more than 50.
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 80


def test_forgetting_what_is_saved_fails_a_test(copy):
    path = copy / "sklauction/analytic/posted_price.py"
    code = path.read_text()
    path.write_text(re.sub(r"    _saved = .*\n", "", code))
    done = run(copy, "persistence")
    path.write_text(code)
    assert done.returncode == 1 and "no attribute 'prices_'" in done.stdout
