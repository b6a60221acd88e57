"""The code in README and docs runs, at reduced size."""

import re
from pathlib import Path

import matplotlib
import pytest

matplotlib.use("Agg")
import matplotlib.pyplot as plt

import sklauction

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
BLOCKS = {
    page: re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)
    for page in PAGES
}
# Lists, tables and included pages.
FIGURES_ONLY = ("changelog", "citation", "glossary", "menu_figures", "more", "paper_tables")
# Sizes in the pages -> sizes in the tests.
SMALLER = {
    "100_000": "300",
    "10_000": "200",
    "[:1000]": "[:20]",
    "size=(1000,": "size=(20,",
    "RegretNetAuction(n_bidders=2, max_iter=30, random_state=0)": (
        "RegretNetAuction(n_bidders=2, max_iter=1, batch_size=4, n_cached_steps=1,"
        " hidden_layer_sizes=(4,), validation_fraction=0, random_state=0)"
    ),
    "ALGNetAuction(n_bidders=2, n_items=2, max_iter=30, random_state=0)": (
        "ALGNetAuction(n_bidders=2, n_items=2, max_iter=1, batch_size=2, n_shared_reports=3,"
        " n_local_reports=2, n_ascents=1, hidden_layer_sizes=(4,), random_state=0)"
    ),
    "min_resources=5,\n    max_resources=20": "min_resources=1,\n    max_resources=2",
    "max_iter=30": "max_iter=1",
    "max_iter=5,": "max_iter=1,",
    "BundlePricingAuction(n_bidders=2, random_state=0)": (
        "BundlePricingAuction(n_bidders=2, random_state=0, max_iter=1)"
    ),
    "RochetNetAuction(random_state=0)": "RochetNetAuction(random_state=0, max_iter=1)",
    "AffineMaximizerAuction(n_bidders=2, random_state=0)": (
        "AffineMaximizerAuction(n_bidders=2, random_state=0, max_iter=1)"
    ),
    "ALGNetAuction(n_bidders=2, n_items=2, random_state=0": (
        "ALGNetAuction(n_bidders=2, n_items=2, max_iter=1, random_state=0"
    ),
}


@pytest.mark.parametrize("page", [page for page in PAGES if BLOCKS[page]])
def test_code_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # pages write files
    monkeypatch.setattr("sklauction.learned.auction.UPDATES_PER_ITERATION", 5)
    namespace = {}
    for block in BLOCKS[page]:
        for text, smaller in SMALLER.items():
            block = block.replace(text, smaller)
        exec(block, namespace)
    plt.close("all")


def test_pages_that_teach_have_code_that_runs():
    without = {page for page in PAGES if not BLOCKS[page]}
    assert without <= {f"docs/{name}.md" for name in FIGURES_ONLY}


def test_benchmark_of_predict_has_a_row_of_every_auction(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import latency

    auctions = {name for name in sklauction.__all__ if name.endswith("Auction")}
    assert {name for name, *_ in latency.ROWS} == auctions
    monkeypatch.setattr(latency, "ROWS", [row for row in latency.ROWS if row[0] == "VCGAuction"])
    _, line, *rows = latency.table(n_calls=2, n_profiles=3)
    assert len(rows) == 2
    for row in rows:
        assert row.count("|") == line.count("|")
        assert all(float(cell.replace(",", "")) > 0 for cell in row.split("|")[3:5])


def test_table_of_the_readme_is_what_its_command_prints(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import readme

    table = readme.table(readme.figures(readme.read(readme.STORE)))
    assert (readme.MARKS[0] + table + readme.MARKS[1]) in readme.README.read_text()
    assert readme.PICTURE.exists()
