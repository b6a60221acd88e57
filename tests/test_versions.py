"""show_versions names what a report of a bug needs, and importing the package loads nothing."""

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import sklauction
from sklauction.utils import versions

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Extras of those who work on the package itself.
DEVELOPERS = ("docs", "test")


def run(code, *options):
    """Return what a fresh process prints; it must not complain."""
    done = subprocess.run(
        [sys.executable, *options, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_every_dependency_of_users_is_named_with_its_version(capsys):
    extras = PROJECT["optional-dependencies"]
    required = [*PROJECT["dependencies"]]
    for name in extras.keys() - set(DEVELOPERS):
        required += extras[name]
    names = {re.match(r"[\w-]+", line)[0] for line in required}
    assert {"numpy", "torch", "matplotlib"} <= names
    names.add("pandas")  # no extra of users, but what they pass
    sklauction.show_versions()
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    for name in names:
        assert f"{name}: {importlib.metadata.version(name)}" in lines
    assert f"sklauction: {sklauction.__version__}" in lines


def test_what_is_not_installed_is_said_to_be(monkeypatch, capsys):
    monkeypatch.setattr(versions, "OPTIONAL", ("no-such-package",))
    monkeypatch.setattr(versions.importlib.util, "find_spec", lambda name: None)
    sklauction.show_versions()
    printed = capsys.readouterr().out
    assert "no-such-package: not installed" in printed
    assert "built for: not installed" in printed


@pytest.mark.parametrize(
    "file, built",
    [
        ("__version__ = '2.9.0'\ncuda: Optional[str] = '12.8'\nhip = None\n", "CUDA 12.8"),
        ("from typing import Optional\ncuda: Optional[str] = None\nhip = '6.4'\n", "ROCm 6.4"),
        ("cuda = None\nif True:\n    cuda = '1'\n", "CPU only"),
        ("cuda = (\n", "unknown"),
        (None, "unknown"),
    ],
)
def test_builds_of_torch_are_told_apart(file, built, tmp_path, monkeypatch, capsys):
    spec = importlib.util.spec_from_file_location("torch", tmp_path / "__init__.py")
    monkeypatch.setattr(versions.importlib.util, "find_spec", lambda name: spec)
    if file is not None:
        (tmp_path / "version.py").write_text(file)
    sklauction.show_versions()
    assert f"built for: {built}\n" in capsys.readouterr().out


def test_threads_are_those_of_torch_where_it_is_loaded(capsys):
    import torch

    sklauction.show_versions()
    assert capsys.readouterr().out.endswith(f"threads: {torch.get_num_threads()}\n")


def test_show_versions_is_silent_otherwise_and_loads_nothing_heavy():
    code = (
        "import sys, sklauction; sklauction.show_versions()\n"
        "print('loaded:', *{'numpy', 'scipy', 'sklearn', 'torch'} & sys.modules.keys())"
    )
    printed = run(code, "-W", "error")
    assert printed.startswith("System:\n") and printed.endswith("loaded:\n")
    assert "threads: not loaded" in printed


def test_importing_the_package_loads_nothing_else_and_prints_nothing():
    code = (
        "import sys; before = set(sys.modules); import sklauction\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "heavy = {'numpy', 'scipy', 'sklearn', 'joblib', 'torch', 'skorch', 'tqdm', 'matplotlib'}\n"
        "print(*new & heavy, end='')"
    )
    assert run(code, "-W", "error") == ""
