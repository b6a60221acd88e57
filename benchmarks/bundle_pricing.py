"""BundlePricingAuction with default parameters on the settings of the literature.

Fits on 100,000 profiles and computes revenue and certificate on 1,000,000 fresh ones. Run from the
root of the repository::

    python benchmarks/bundle_pricing.py [--seeds 0 1 2] [--settings additive_2x2_uniform]

Prints one line of JSON per fit, then a table of medians over seeds, which ``--output`` also
writes to a file. Fits in the file given as ``--store`` are not repeated;
``benchmarks/bundle_pricing.jsonl`` holds the fits of the docs page. ``--parts few`` compares fits
on 500 profiles with item-wise Myerson on the same profiles. ``--parts speed`` times predictions, in
chunks of several sizes.
"""

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path

import numpy as np
import torch

from sklauction import BundlePricingAuction, MyersonAuction
from sklauction.datasets import load_setting
from sklauction.utils import batching as chunks

# Name -> (setting, parameters other than the defaults, best known revenue of another truthful
# auction, upper bound on the optimum).
ROWS = {
    "1x2": ("additive_1x2_uniform", {}, "0.5492", "0.5492"),
    "1x10": ("additive_1x10_uniform", {}, "3.4778", "3.8467"),
    "2x2": ("additive_2x2_uniform", {}, "0.8765", "0.8824"),
    "2x3": ("additive_2x3_uniform", {}, "-", "1.4474"),
    "2x5": ("additive_2x5_uniform", {}, "2.352", "2.5800"),
    "3x10": ("additive_3x10_uniform", {}, "5.699", "6.5197"),
    "5x10": ("additive_5x10_uniform", {}, "6.7188 (item-wise Myerson)", "7.5320"),
    "3x1 exponential": ("single_3_exponential", {}, "2.7517", "2.7517"),
    "3x1 irregular": ("single_3_irregular", {}, "2.3749", "2.3749"),
    "2x2 Yao": ("additive_yao_2x2", {}, "3.125", "3.125"),
    "2x2 unit demand": ("unit_2x2_uniform", {}, "0.7128", "0.7382"),
    "1x2 U[4,16]xU[4,7]": ("additive_1x2_uniform_416_47", {"lottery_rows": 2}, "9.7778", "9.7778"),
    "2x2 asymmetric": ("additive_2x2_uniform_asymmetric", {}, "1.3184 (bundle Myerson)", "1.4183"),
}


def measure(name, seed, n_train, n_fresh, parameters):
    """Fit one auction and return its figures."""
    title, own, _, _ = ROWS[name]
    setting = load_setting(title)
    auction = BundlePricingAuction(
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
    fresh = setting.sample(n_fresh, random_state=1000 + seed)
    started = time.perf_counter()
    certificate = auction.certify(fresh)
    rate = n_fresh / (time.perf_counter() - started)
    scale = auction.scale_
    return {
        "row": name,
        "seed": seed,
        "fit_seconds": round(seconds, 1),
        "revenue": certificate.revenue,
        "revenue_se": certificate.revenue_se,
        "mean_bound": certificate.mean_bound,
        "mean_bound_over_scale": certificate.mean_bound / scale,
        "upper_bound_99": certificate.upper_bound,
        "clash_probability": certificate.clash_probability,
        "p_star": certificate.score**2,
        "item_wise_myerson": float(
            MyersonAuction(setting.n_bidders)
            .fit(train)
            .predict(fresh[:100_000])
            .payments.sum(1)
            .mean()
        ),
        "profiles_per_second": round(rate),
    }


FEW = {
    "2x2 uniform": "additive_2x2_uniform",
    "2x2 asymmetric": "additive_2x2_uniform_asymmetric",
    "3x1 exponential": "single_3_exponential",
    "3x1 irregular": "single_3_irregular",
    "1x2 U[4,16]xU[4,7]": "additive_1x2_uniform_416_47",
}


def measure_few(seeds, n_train=500, n_fresh=300_000):
    """Compare fits on few profiles with item-wise Myerson on the same profiles."""
    for name, title in FEW.items():
        setting = load_setting(title)
        for seed in seeds:
            train = setting.sample(n_train, random_state=seed)
            fresh = setting.sample(n_fresh, random_state=1000 + seed)
            auction = BundlePricingAuction(setting.n_bidders, random_state=seed).fit(train)
            certificate = auction.certify(fresh)
            myerson = MyersonAuction(setting.n_bidders).fit(train).predict(fresh)
            revenue = myerson.payments.sum(axis=1).mean()
            print(
                f"{name:<20} seed {seed}: P* {certificate.score**2:.4f}, item-wise Myerson "
                f"{revenue:.4f}, ratio {certificate.score**2 / revenue:.4f}",
                flush=True,
            )


def measure_speed():
    """Print predictions per second, for chunks of several sizes."""
    usual = chunks.CHUNK_ENTRIES
    for shape, n_fresh in (((2, 2), 500_000), ((3, 10), 60_000)):
        fresh = np.random.default_rng(0).uniform(size=(n_fresh, *shape))
        auction = BundlePricingAuction(shape[0], max_iter=1, random_state=0).fit(fresh[:5000])
        for entries in (usual // 2, usual, usual * 2, usual * 8):
            chunks.CHUNK_ENTRIES = entries
            seconds = []
            for _ in range(5):
                started = time.perf_counter()
                auction.predict(fresh)
                seconds.append(time.perf_counter() - started)
            rate = n_fresh / statistics.median(seconds)
            mark = " (default)" if entries == usual else ""
            print(f"{shape[0]}x{shape[1]}: {rate:,.0f} profiles/s in chunks of {entries}{mark}")
        chunks.CHUNK_ENTRIES = usual


def table(rows):
    """Return a Markdown table of medians over seeds."""
    lines = [
        "| setting | seeds | fit, s | revenue | s.e. | regret bound / scale | "
        "99 % bound | P* | best known | bound on the optimum |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, (_, _, best_known, bound) in ROWS.items():
        mine = [row for row in rows if row["row"] == name]
        if not mine:
            continue

        def median(field, mine=mine):
            return statistics.median(row[field] for row in mine)

        lines.append(
            f"| {name} | {len(mine)} | {median('fit_seconds'):.0f} "
            f"| {median('revenue'):.5f} | {median('revenue_se'):.5f} "
            f"| {median('mean_bound_over_scale'):.1e} | {median('upper_bound_99'):.1e} "
            f"| {median('p_star'):.5f} | {best_known} | {bound} |"
        )
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--settings", nargs="+", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--samples", type=int, default=100_000, help="profiles to fit on")
    parser.add_argument("--profiles", type=int, default=1_000_000, help="fresh profiles")
    parser.add_argument("--parameters", type=json.loads, default={}, help="JSON of parameters")
    parser.add_argument("--store", type=Path, help="file of JSON lines with finished fits")
    parser.add_argument("--output", type=Path, help="file for the table")
    parser.add_argument("--parts", nargs="+", default=["rows"], choices=["rows", "few", "speed"])
    arguments = parser.parse_args()
    threads = os.environ.get("OMP_NUM_THREADS", os.cpu_count())
    print(f"{platform.machine()}, {threads} threads, torch {torch.__version__}", flush=True)
    if "speed" in arguments.parts:
        measure_speed()
    if "few" in arguments.parts:
        measure_few(arguments.seeds)
    if "rows" in arguments.parts:
        measure_rows(arguments)


def measure_rows(arguments):
    """Fit, measure, print and store the selected rows."""
    rows = []
    if arguments.store and arguments.store.exists():
        rows = [json.loads(line) for line in arguments.store.read_text().splitlines()]
    done = {(row["row"], row["seed"]) for row in rows}
    for seed in arguments.seeds:
        for name in arguments.settings:
            if (name, seed) in done:
                continue
            row = measure(name, seed, arguments.samples, arguments.profiles, arguments.parameters)
            rows.append(row)
            print(json.dumps(row), flush=True)
            if arguments.store:
                with arguments.store.open("a") as store:
                    store.write(json.dumps(row) + "\n")
    print(table(rows))
    if arguments.output:
        arguments.output.write_text(table(rows) + "\n")


if __name__ == "__main__":
    main()
