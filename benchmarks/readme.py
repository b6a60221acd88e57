"""Table and plot of the README: all auctions on two bidders and two items, sorted by score.

Uses the fits stored by ``benchmarks/paper_tables.py`` (medians over seeds). VCG is not in the plot,
because its revenue is too low. Run from the root of the repository::

    python benchmarks/readme.py            # prints the table
    python benchmarks/readme.py --write    # writes it to README.md, saves docs/comparison_2x2.png
"""

import argparse
import re
import statistics
from pathlib import Path
from types import SimpleNamespace

from paper_tables import ESTIMATORS, ROWS, STORE, read

from sklauction import ComparisonDisplay, auction_score, optimal_revenue_bounds
from sklauction.datasets import load_setting

SETTING = "2x2"
README = Path(__file__).parents[1] / "README.md"
PICTURE = README.parent / "docs/comparison_2x2.png"
MARKS = ("<!-- benchmarks/readme.py -->\n", "<!-- end -->\n")


def figures(store):
    """Return (heading, exact, revenue, total regret, seconds, seeds) of each auction, by score."""
    rows = []
    for key, (heading, exact, _) in ESTIMATORS.items():
        fits = [row for row in store if (row["setting"], row["estimator"]) == (SETTING, key)]
        if fits:
            names = ("revenue", "total_regret", "fit_seconds")
            medians = [statistics.median(row[name] for row in fits) for name in names]
            rows.append((heading, exact, *medians, len(fits)))
    return sorted(rows, key=lambda row: -auction_score(row[2], row[3]))


def table(rows):
    """Return the table as Markdown."""
    lines = ["| auction | score | revenue | total regret | fit, seconds |", "|---|---|---|---|---|"]
    for heading, exact, revenue, regret, seconds, n_seeds in rows:
        found = "0, exactly" if exact else f"{regret:.2g}" if regret > 0 else "none found"
        seeds = f", {n_seeds} seeds" if n_seeds > 1 else ""
        lines.append(
            f"| {heading} | {auction_score(revenue, regret):.4f} | {revenue:.4f} | {found} | "
            f"{seconds:.0f}{seeds} |"
        )
    return "\n".join(lines) + "\n"


def draw(rows, path):
    """Plot revenue against regret."""
    reports = {
        heading.replace("`", "").replace("Auction", ""): SimpleNamespace(
            revenue=revenue, total_regret=regret
        )
        for heading, _, revenue, regret, *_ in rows
        if "VCG" not in heading
    }
    bounds = optimal_revenue_bounds(load_setting(ROWS[SETTING][0]))
    display = ComparisonDisplay.from_reports(reports, bounds=bounds).plot()
    display.ax_.set_title("Two bidders, two items, values uniform on [0, 1]", fontsize=10)
    display.figure_.savefig(path, dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    rows = figures(read(STORE))
    print(table(rows))
    if write:
        head, _, tail = re.split("|".join(map(re.escape, MARKS)), README.read_text())
        README.write_text(head + MARKS[0] + table(rows) + MARKS[1] + tail)
        draw(rows, PICTURE)


if __name__ == "__main__":
    main()
