"""show_versions prints the versions of all dependencies, and importing the package loads none."""

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import sklauction
from sklauction.utils import versions

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def run(code):
    """Return what a new process prints; it must print no warning."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_every_dependency_of_users_is_printed_with_its_version(capsys):
    extras = PROJECT["optional-dependencies"]
    required = [*PROJECT["dependencies"], "pandas"]  # pandas is optional input
    for name in extras.keys() - {"docs", "test"}:
        required += extras[name]
    names = {re.match(r"[\w-]+", line)[0] for line in required}
    assert {"numpy", "torch", "matplotlib"} <= names
    sklauction.show_versions()
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    for name in names:
        assert f"{name}: {importlib.metadata.version(name)}" in lines
    assert f"sklauction: {sklauction.__version__}" in lines


def test_missing_packages_are_not_installed(monkeypatch, capsys):
    monkeypatch.setattr(versions, "OPTIONAL", ("no-such-package",))
    sklauction.show_versions()
    assert "no-such-package: not installed" in capsys.readouterr().out


def test_show_versions_imports_no_dependency():
    code = (
        "import sys, sklauction; sklauction.show_versions()\n"
        "print('loaded:', *{'numpy', 'scipy', 'sklearn', 'torch'} & sys.modules.keys())"
    )
    printed = run(code)
    assert printed.startswith("System:\n") and printed.endswith("loaded:\n")


def test_importing_the_package_imports_no_dependency_and_prints_nothing():
    code = (
        "import sys; before = set(sys.modules); import sklauction\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "heavy = {'numpy', 'scipy', 'sklearn', 'joblib', 'torch', 'skorch', 'tqdm', 'matplotlib'}\n"
        "print(*new & heavy, end='')"
    )
    assert run(code) == ""
