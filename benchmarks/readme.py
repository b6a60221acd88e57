"""Table and plot of the README: all auctions on two bidders and two items, sorted by score.

Uses the fits stored by ``benchmarks/paper_tables.py``: medians over seeds, and in the plot bars
from the lowest to the highest. Run from the root of the repository::

    python benchmarks/readme.py            # prints the table
    python benchmarks/readme.py --write    # writes it to README.md, saves docs/comparison_2x2.png
"""

import argparse
import re
import statistics
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from paper_tables import ESTIMATORS, ROWS, STORE, read

from sklauction import ComparisonDisplay, auction_score, optimal_revenue_bounds
from sklauction.datasets import load_setting

SETTING = "2x2"
README = Path(__file__).parents[1] / "README.md"
PICTURE = README.parent / "docs/comparison_2x2.png"
MARKS = ("<!-- benchmarks/readme.py -->\n", "<!-- end -->\n")


def figures(store):
    """Return (heading, exact, fits, revenue, total regret, seconds) of each auction, by score.

    ``fits`` are the rows of the store, one per seed; the last three are medians over them.
    """
    rows = []
    for key, (heading, exact, _) in ESTIMATORS.items():
        fits = [row for row in store if (row["setting"], row["estimator"]) == (SETTING, key)]
        if fits:
            names = ("revenue", "total_regret", "fit_seconds")
            medians = [statistics.median(row[name] for row in fits) for name in names]
            rows.append((heading, exact, fits, *medians))
    return sorted(rows, key=lambda row: -auction_score(row[3], row[4]))


def table(rows):
    """Return the table as Markdown."""
    lines = ["| auction | score | revenue | total regret | fit, seconds |", "|---|---|---|---|---|"]
    for heading, exact, fits, revenue, regret, seconds in rows:
        found = "0, exactly" if exact else f"{regret:.2g}" if regret > 0 else "none found"
        seeds = f", {len(fits)} seeds" if len(fits) > 1 else ""
        lines.append(
            f"| {heading} | {auction_score(revenue, regret):.4f} | {revenue:.4f} | {found} | "
            f"{seconds:.0f}{seeds} |"
        )
    return "\n".join(lines) + "\n"


def draw(rows, path):
    """Plot revenue against regret: medians over seeds, with bars from the lowest to the highest."""
    headings, _, fits, revenues, regrets, _ = zip(*rows)
    names = [heading.replace("`", "").replace("Auction", "") for heading in headings]
    ranges = {
        "revenue_ranges": [_ends(own, "revenue") for own in fits],
        "regret_ranges": [_ends(own, "total_regret") for own in fits],
    }
    arrays = {name: np.array(ends) for name, ends in ranges.items()}
    bounds = optimal_revenue_bounds(load_setting(ROWS[SETTING][0]))
    figure, ax = plt.subplots(figsize=(6.4, 6.4), layout="constrained")
    ComparisonDisplay(names, np.array(revenues), np.array(regrets), bounds, **arrays).plot(ax)
    ax.set_title("Two bidders, two items, values uniform on [0, 1]", fontsize=10)
    figure.savefig(path, dpi=150)


def _ends(fits, key):
    """Return the lowest and the highest of a figure over seeds."""
    figures = [row[key] for row in fits]
    return min(figures), max(figures)


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
