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
PAGES = ["README.md", "CHANGELOG.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
MADE = shutil.ignore_patterns("_build", "api", "auto_examples", "__pycache__", "*.png.tmp")


@pytest.mark.parametrize("module", [sklauction, audit, datasets, economics])
def test_reference_lists_every_public_name(module):
    reference = (ROOT / "docs/api.rst").read_text()
    for name in module.__all__:
        if name != "__version__":
            assert re.search(rf"\b{name}\b", reference), f"docs/api.rst misses {name}"


def without_code(page):
    """Return the text of a page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def links(page):
    """Return the (file, section) of each relative link in a page, "" for none."""
    text = re.sub(r"`[^`]*`|\$[^$]*\$", "", without_code(ROOT / page))  # nor formulas
    return re.findall(r"\]\(([^)#:\s]*)#?([^)\s]*)\)", re.sub(r"\]\(\w+:[^)]*\)", "", text))


def sections(page):
    """Return the anchors of the headings of a page, as the repository's host makes them."""
    headings = re.findall(r"^#+ (.*)$", without_code(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_sections_of_the_repository(page):
    for file, section in links(page):
        path = (ROOT / page).parent / file if file else ROOT / page
        assert path.exists(), file
        assert MADE(path.parent, [path.name]) == set(), f"{file} is made by the build"
        assert not section or section in sections(path), f"{file}#{section}"


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
    # Links to examples lead to the gallery, not to the files.
    page = (tmp_path / "site/user_guide.html").read_text()
    assert "auto_examples/plot_quickstart.html" in page and "plot_quickstart.py" not in page
    assert "auto_examples/index.html" in (tmp_path / "site/getting_started.html").read_text()
    # Formulas are on the page itself: nobody needs a connection to read them.
    page = (tmp_path / "site/algnet.html").read_text()
    assert "<math" in page and 'src="http' not in page
