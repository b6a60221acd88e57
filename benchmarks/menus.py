"""RochetNet, MenuNet and affine maximizers with default parameters, on the papers' settings.

Fits on 100,000 profiles, computes revenue on 1,000,000 fresh ones (100,000 for more than five
items), and regret by the thorough audit on 200 of them. Run from the root of the repository::

    python benchmarks/menus.py [--seeds 0 1 2] [--rows "RochetNet 1x2" ...]

Prints one line of JSON per fit, then a table of medians over seeds, which ``--page`` also writes
as a docs page. Fits in the file given as ``--store`` are not repeated; ``benchmarks/menus.jsonl``
holds the fits of docs/menu_figures.md. ``--parts speed`` times predictions and prints the peak
memory of the process.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import time
from datetime import date
from pathlib import Path

import numpy as np
import torch

from sklauction import (
    AffineMaximizerAuction,
    MenuNetAuction,
    MyersonAuction,
    RochetNetAuction,
    measure_regret,
)
from sklauction.datasets import load_setting

ESTIMATORS = {
    "RochetNet": RochetNetAuction,
    "MenuNet": MenuNetAuction,
    "AffineMaximizer": AffineMaximizerAuction,
}
# Row -> (setting, parameters other than the defaults, reference).
ROWS = {
    "RochetNet 1x2": ("additive_1x2_uniform", {}, "0.54920 optimum"),
    "MenuNet 1x2": ("additive_1x2_uniform", {}, "0.54920 optimum"),
    "RochetNet 1x2 U[4,16]xU[4,7]": (
        "additive_1x2_uniform_416_47",
        {},
        "9.7778 optimum; published lottery AMA 9.3139, AMenuNet 9.6219",
    ),
    "RochetNet 1x2 triangle": ("additive_1x2_triangle", {}, "0.38490 optimum"),
    "RochetNet 1x2 unit demand": ("unit_1x2_uniform", {}, "0.38490 optimum"),
    "RochetNet 1x2 unit demand U[2,3]": ("unit_1x2_uniform_23", {}, "2.13313 optimum"),
    "RochetNet 1x10": ("additive_1x10_uniform", {}, "3.4778 best known; bound 3.8467"),
    "AffineMaximizer 2x2": (
        "additive_2x2_uniform",
        {},
        "optimum between 0.8765 and 0.8824; published lottery AMA about 0.868",
    ),
    "AffineMaximizer 2x5": (
        "additive_2x5_uniform",
        {},
        "bound 2.5800; published AMenuNet 2.2768, lottery AMA 2.2354",
    ),
    "AffineMaximizer 3x10": (
        "additive_3x10_uniform",
        {},
        "bound 6.5197; published AMenuNet 5.5896, lottery AMA 5.345",
    ),
    "AffineMaximizer 5x10": (
        "additive_5x10_uniform",
        {},
        "6.71875 item-wise Myerson; bound 7.5320",
    ),
    "AffineMaximizer 3x1 exponential": (
        "single_3_exponential",
        {},
        "2.75169 optimum; published AMenuNet 2.7382",
    ),
    "AffineMaximizer 2x2 Yao": ("additive_yao_2x2", {}, "3.125 optimum"),
    "AffineMaximizer 2x2 unit demand": ("unit_2x2_uniform", {}, "optimum unknown; bound 0.7382"),
    "AffineMaximizer 2x2, network": ("additive_2x2_uniform", {"menu": "network"}, "as above"),
    "AffineMaximizer 2x2, deterministic": (
        "additive_2x2_uniform",
        {"deterministic": True},
        "as above",
    ),
}
AUDITED = 200


def measure(name, seed, n_train, parameters):
    """Fit one auction and return its figures."""
    title, own, reference = ROWS[name]
    setting = load_setting(title)
    auction = ESTIMATORS[name.split()[0]](
        setting.n_bidders,
        setting.n_items,
        demand=setting.demand,
        random_state=seed,
        **own,
        **parameters,
    )
    train = setting.sample(n_train, random_state=seed)
    started = time.perf_counter()
    auction.fit(train)
    seconds = time.perf_counter() - started
    n_fresh = 1_000_000 if setting.n_items <= 5 else 100_000
    fresh = setting.sample(n_fresh, random_state=1000 + seed)
    started = time.perf_counter()
    payments = auction.predict(fresh).payments.sum(axis=1)
    rate = n_fresh / (time.perf_counter() - started)
    report = measure_regret(
        auction, fresh[:AUDITED], effort="thorough", random_state=0, verbose=False
    )
    myerson = None
    if setting.demand == "additive":
        classical = MyersonAuction(setting.n_bidders).fit(train[:20_000])
        myerson = float(classical.predict(fresh[:100_000]).payments.sum(axis=1).mean())
    return {
        "row": name,
        "seed": seed,
        "fit_seconds": round(seconds, 1),
        "revenue": float(payments.mean()),
        "revenue_se": float(payments.std() / np.sqrt(n_fresh)),
        "reference": reference,
        "item_wise_myerson": myerson,
        "regret_over_scale": report.total_regret / auction.scale_,
        "max_ir_violation_over_scale": report.max_ir_violation / auction.scale_,
        "max_feasibility_violation": report.max_feasibility_violation,
        "menu_rows": len(auction.menu_.shares),
        "rows_chosen": int((auction.menu_.shares > 0).sum()),
        "profiles_per_second": round(rate),
        "threads": torch.get_num_threads(),
    }


def measure_speed():
    """Print predictions per second and the peak memory of the process."""
    for shape, size, n_fresh in (((2, 2), 64, 1_000_000), ((3, 10), 256, 100_000)):
        fresh = np.random.default_rng(0).uniform(size=(n_fresh, *shape))
        auction = AffineMaximizerAuction(
            shape[0], menu_size=size, max_iter=1, n_starts=1, random_state=0
        ).fit(fresh[:5000])
        auction.predict(fresh[:1000])
        seconds = []
        for _ in range(5):
            started = time.perf_counter()
            auction.predict(fresh)
            seconds.append(time.perf_counter() - started)
        median = statistics.median(seconds)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
        print(
            f"{shape[0]}x{shape[1]}, {len(auction.menu_.boosts)} rows: {n_fresh:,} profiles in "
            f"{median:.2f} s, {n_fresh / median:,.0f} per second; peak memory of "
            f"the process {peak:.0f} MiB"
        )


def table(rows):
    """Return a Markdown table of medians over seeds."""
    lines = [
        "| row | seeds | fit, s | revenue | s.e. | item-wise Myerson | regret / scale "
        "| rows chosen | known |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in ROWS:
        mine = sorted((row for row in rows if row["row"] == name), key=lambda row: row["seed"])
        if not mine:
            continue

        def median(field, mine=mine):
            return statistics.median(row[field] for row in mine)

        classical = mine[0]["item_wise_myerson"] and f"{median('item_wise_myerson'):.4f}"
        seeds = " ".join(str(row["seed"]) for row in mine)
        lines.append(
            f"| {name} | {seeds} | {median('fit_seconds'):.0f} "
            f"| {median('revenue'):.5f} | {median('revenue_se'):.5f} | {classical or '-'} "
            f"| {max(row['regret_over_scale'] for row in mine):.0e} "
            f"| {median('rows_chosen'):.0f} of {median('menu_rows'):.0f} | {ROWS[name][-1]} |"
        )
    return "\n".join(lines)


PAGE = """# Learned menus: figures

Written on {today} by

    python benchmarks/menus.py --store benchmarks/menus.jsonl --page docs/menu_figures.md

{machine}, {threads} thread(s) per fit, torch {torch}. {note}

Default parameters, except where the name of a row says otherwise, and 100,000 training profiles.
Revenue is the median over seeds on 1,000,000 fresh profiles (100,000 for ten items). Item-wise
Myerson is fitted on 20,000 of the same training profiles. Regret is the largest over seeds, by the
thorough audit on 200 fresh profiles; it is rounding error. "Rows chosen" is the number of rows of
the fitted menu that training profiles choose.

{table}

For the method see [Learned menus](menus.md).
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--samples", type=int, default=100_000, help="profiles to fit on")
    parser.add_argument("--parameters", type=json.loads, default={}, help="JSON of parameters")
    parser.add_argument("--store", type=Path, help="file of JSON lines with finished fits")
    parser.add_argument("--page", type=Path, help="docs page to write")
    parser.add_argument("--note", default="", help="a sentence for the page about the machine")
    parser.add_argument("--parts", nargs="+", default=["rows"], choices=["rows", "speed"])
    arguments = parser.parse_args()
    if "speed" in arguments.parts:
        measure_speed()
    if "rows" not in arguments.parts:
        return
    rows = []
    if arguments.store and arguments.store.exists():
        rows = [json.loads(line) for line in arguments.store.read_text().splitlines()]
    done = {(row["row"], row["seed"]) for row in rows}
    for seed in arguments.seeds:
        for name in arguments.rows:
            if (name, seed) in done:
                continue
            row = measure(name, seed, arguments.samples, arguments.parameters)
            rows.append(row)
            print(json.dumps(row), flush=True)
            if arguments.store:
                with arguments.store.open("a") as store:
                    store.write(json.dumps(row) + "\n")
    print(table(rows))
    if arguments.page:
        page = PAGE.format(
            today=date.today(),
            machine=f"{platform.machine()}, {os.cpu_count()} cores",
            threads=", ".join(sorted({str(row["threads"]) for row in rows})),
            torch=torch.__version__,
            note=arguments.note,
            table=table(rows),
        )
        arguments.page.write_text(page)


if __name__ == "__main__":
    main()
