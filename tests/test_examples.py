"""Every example of the gallery runs as a script, at a hundredth of its size."""

import ast
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest

matplotlib.use("Agg")
import matplotlib.pyplot as plt

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(FOLDER.glob("plot_*.py"))
SIZE_NAME = "SKLAUCTION_EXAMPLE_SIZE"


def name_of(path):
    return path.stem


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_runs_without_a_warning_and_prints(path, tmp_path, monkeypatch, capsys):
    # A copy, so that a picture that the example writes does not replace one of full size.
    script = shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(SIZE_NAME, "0.01")
    monkeypatch.setattr("sklauction.learned.auction.UPDATES_PER_ITERATION", 10)
    # Agg warns that it shows nothing where there is a display.
    monkeypatch.setattr(plt, "show", lambda: None)
    runpy.run_path(script, run_name="__main__")
    plt.close("all")
    assert capsys.readouterr().out.strip()


def test_the_quickstart_runs_as_a_script(tmp_path):
    script = Path(shutil.copy(FOLDER / "plot_quickstart.py", tmp_path))
    screens = ("DISPLAY", "WAYLAND_DISPLAY")
    environment = {name: value for name, value in os.environ.items() if name not in screens}
    environment |= {SIZE_NAME: "0.01", "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", script],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_opens_with_a_title_and_scales_with_the_variable(path):
    source = path.read_text()
    title, underline, blank, *text = ast.get_docstring(ast.parse(source)).splitlines()
    assert title and set(underline) == {"="} and len(underline) == len(title) and not blank
    assert len(" ".join(text)) > 100  # which question is answered
    assert source.count(f'SIZE = float(os.environ.get("{SIZE_NAME}", 1))') == 1
    assert "\n# %%\n" in source


def test_the_gallery_header_names_the_variable():
    header = (FOLDER / "GALLERY_HEADER.rst").read_text()
    assert header.startswith("Examples\n========\n")
    assert f"``{SIZE_NAME}``" in header
