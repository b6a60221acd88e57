"""The documentation site: it builds without a warning, and its reference misses no public name."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sklauction
from sklauction import audit, datasets, economics

ROOT = Path(__file__).parents[1]
# What pages link to, beside pages: copied with them, so that nothing is written into the project.
LINKED = ("docs", "examples", "benchmarks", "sklauction", "tests")
FILES = ("README.md", "CHANGELOG.md", "CITATION.cff", "LICENSE", "Makefile", "constraints.txt")
MADE = shutil.ignore_patterns("_build", "api", "auto_examples", "__pycache__", "*.png.tmp")


@pytest.mark.parametrize("module", [sklauction, audit, datasets, economics])
def test_reference_lists_every_public_name(module):
    reference = (ROOT / "docs/api.rst").read_text()
    for name in module.__all__:
        if name != "__version__":
            assert re.search(rf"\b{name}\b", reference), f"docs/api.rst misses {name}"


def test_site_builds_without_a_warning(tmp_path):
    # nitpicky: a reference or link within the project that leads nowhere is a warning as well.
    # Examples are not run here; tests/test_examples.py does, and `make docs` at full size.
    for name in LINKED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=MADE)
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path / name)
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going"]
    command += ["-D", "plot_gallery=0", "docs", "site"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pages = {path.stem for path in (tmp_path / "site").glob("*.html")}
    assert {path.stem for path in (ROOT / "docs").glob("*.md")} <= pages
    # Formulas are on the page itself: nobody needs a connection to read them.
    page = (tmp_path / "site/algnet.html").read_text()
    assert "<math" in page and 'src="http' not in page
