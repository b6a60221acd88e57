"""Every example of the gallery runs as a script, at a hundredth of its size."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(FOLDER.glob("plot_*.py"))
SIZE_NAME = "SKLAUCTION_EXAMPLE_SIZE"


def name_of(path):
    return path.stem


def run_small(script):
    """Run a script without a screen, in its own folder, warnings being errors."""
    screens = ("DISPLAY", "WAYLAND_DISPLAY")  # with one, Agg warns that it cannot show
    environment = {name: value for name, value in os.environ.items() if name not in screens}
    environment |= {SIZE_NAME: "0.01", "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-W", "error", script],
        capture_output=True,
        text=True,
        env=environment,
        cwd=script.parent,
    )


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_runs_without_a_warning_and_prints(path, tmp_path):
    # A copy, so that a picture that the example writes does not replace one of full size.
    done = run_small(Path(shutil.copy(path, tmp_path)))
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
