"""Regret found by the audit compared with much longer searches, and the cost of the audit.

* ``coverage``: share of squares of side 5 % that contain one of the evenly spread points.
* ``grid``: trained auctions of one and two items, compared with every report of a grid of 201
  per axis, refined four times around its best point.
* ``adam``: a trained auction of 3 bidders and 10 items, compared with 100 random starts x 200
  steps of Adam per bidder and profile, the strongest search in the papers.
* ``narrow``: mechanisms of several items in which only a narrow lie pays, with known regret
  (``benchmarks/narrow_lies.py``).
* ``cost``: seconds for 1,000 profiles.
* ``memory``: additional memory of an audit.
* ``scoring``: share of scoring in the time of a grid search, at quick effort.

Run from the root of the repository (about 20 minutes on 2 cores)::

    python benchmarks/audit_strength.py [--parts grid adam cost]
"""

import argparse
import functools
import time
import tracemalloc
import warnings

import numpy as np
from algnet_quality import adam_regret
from narrow_lies import CASES
from scipy.stats import qmc
from sklearn.model_selection import GridSearchCV

from sklauction import ALGNetAuction, VCGAuction, auction_scorers, measure_regret
from sklauction.audit.candidates import r_sequence
from sklauction.audit.plan import EFFORTS
from sklauction.datasets import load_setting

# Training that leaves little regret, which is hard to find.
TRAINING = {
    "additive_1x2_uniform": {"max_iter": 60},
    "additive_2x2_uniform": {"max_iter": 60},
    "additive_3x10_uniform": {
        "max_iter": 20,
        "batch_size": 16,
        "n_shared_reports": 8,
        "n_local_reports": 8,
        "n_proposals": 8,
        "n_refine_steps": 3,
    },
    "2x1": {"max_iter": 40},
}


@functools.cache
def trained(name, architecture="equivariant"):
    """Return an auction trained on a setting, and fresh profiles."""
    if name == "2x1":
        random = np.random.default_rng(0)
        values, fresh = random.uniform(size=(10_000, 2, 1)), random.uniform(size=(1000, 2, 1))
    else:
        setting = load_setting(name)
        values, fresh = (setting.sample(n, random_state=n) for n in (10_000, 1000))
    parameters = dict(TRAINING[name], architecture=architecture, random_state=0)
    if architecture == "mlp":
        parameters["hidden_layer_sizes"] = (100, 100, 100)
    return ALGNetAuction(values.shape[1], values.shape[2], **parameters).fit(values), fresh


def audit(auction, values, effort):
    """Audit with reports in [0, 1]."""
    return measure_regret(auction, values, support=(0, 1), effort=effort, random_state=0)


def coverage(n_trials=20_000):
    """Print the share of squares of side 5 % that contain a point."""
    random = np.random.default_rng(0)
    print("squares of side 5 % that contain a point: r_sequence / scrambled Sobol' / random")
    for n_points in (400, 640, 1024):
        hits = []
        for points in (
            r_sequence(n_points, 2),
            qmc.Sobol(2, rng=0).random(1024)[:n_points],
            random.uniform(size=(n_points, 2)),
        ):
            hit = 0
            for _ in range(n_trials // 500):
                corner = random.uniform(0, 0.95, (500, 1, 2))
                shifted = (points + random.uniform(size=(500, 1, 2))) % 1.0
                hit += ((shifted >= corner) & (shifted <= corner + 0.05)).all(2).any(1).sum()
            hits.append(hit / n_trials)
        print(f"  {n_points} points: " + " / ".join(f"{share:.1%}" for share in hits), flush=True)


def unit_grid(per_axis, n_items):
    """Return all points (per_axis ** n_items, n_items) of a grid over the unit cube."""
    axis = np.linspace(0.0, 1.0, per_axis)
    return np.stack(np.meshgrid(*[axis] * n_items), -1).reshape(-1, n_items)


def grid_regret(auction, values, per_axis=201, n_refinements=4):
    """Return regrets (n, n_bidders) found by every report of a grid, refined around the best."""
    n_items = values.shape[2]
    levels = [per_axis] + [21] * n_refinements
    grids = {size: unit_grid(size, n_items) for size in levels}
    allocations, payments = auction.predict(values)
    truthful = (allocations * values).sum(axis=2) - payments
    found = truthful.copy()
    for row, bidder in np.ndindex(truthful.shape):
        low, high = np.zeros(n_items), np.ones(n_items)
        for size in levels:
            bids = np.repeat(values[row][None], size**n_items, axis=0)
            bids[:, bidder] = low + grids[size] * (high - low)
            allocations, payments = auction.predict(bids)
            gains = allocations[:, bidder] @ values[row, bidder] - payments[:, bidder]
            found[row, bidder] = max(found[row, bidder], gains.max())
            top, spacing = bids[gains.argmax(), bidder], (high - low) / (size - 1)
            low, high = np.maximum(top - spacing, 0.0), np.minimum(top + spacing, 1.0)
    return found - truthful


def against(name, reference, auction, values, evaluations):
    """Print the regret of a long search and of the audit, relative to the largest found."""
    found = {effort: audit(auction, values, effort) for effort in EFFORTS}
    larger = np.maximum.reduce([reference, *(report.regrets for report in found.values())])
    print(
        f"  {name}: total regret {larger.sum(axis=1).mean():.3g}; the long search finds "
        f"{reference.sum() / larger.sum():.2%} in {evaluations:,} evaluations each"
    )
    for effort, report in found.items():
        print(
            f"    {effort:<9} {report.regrets.sum() / larger.sum():.2%} of the largest, "
            f"{report.regrets.sum() / reference.sum():.2%} of the long search, in "
            f"{report.search['evaluations_each']:,} evaluations each",
            flush=True,
        )


def grid():
    """Compare with exhaustive grids on one and two items."""
    print("against a grid of 201 per axis, refined")
    for name, architecture, n_profiles in (
        ("2x1", "equivariant", 200),
        ("additive_1x2_uniform", "equivariant", 100),
        ("additive_2x2_uniform", "equivariant", 50),
        ("additive_2x2_uniform", "mlp", 50),
    ):
        auction, fresh = trained(name, architecture)
        values = fresh[:n_profiles]
        reference = grid_regret(auction, values)
        against(f"{name}, {architecture}", reference, auction, values, 201 ** values.shape[2])


def adam(n_profiles=50, n_starts=100, n_steps=200):
    """Compare with many random starts of Adam on ten items."""
    print(f"against {n_starts} random starts x {n_steps} Adam steps")
    auction, fresh = trained("additive_3x10_uniform")
    values, support = fresh[:n_profiles], np.tile([0.0, 1.0], (3, 10, 1))
    reference = adam_regret(auction, values, support, n_starts, n_steps)
    against("additive_3x10_uniform", reference, auction, values, n_starts * (n_steps + 1))


def narrow():
    """Print the shares of known regret that are found where only a narrow lie pays."""
    print("share of the largest gains found: in all cases of a kind / in the worst case")
    for kind, makers in CASES.items():
        cases = [make() for make in makers]
        print(f"  {kind} ({len(cases)} cases)", flush=True)
        for effort in EFFORTS:
            with warnings.catch_warnings():  # some charge more than the reported value
                warnings.simplefilter("ignore", UserWarning)
                reports = [audit(case.mechanism, case.values, effort) for case in cases]
            found = np.array([report.regrets.sum() for report in reports])
            known = np.array([case.regrets.sum() for case in cases])
            each = sorted({report.search["evaluations_each"] for report in reports})
            share, worst = found.sum() / known.sum(), (found / known).min()
            spent = " to ".join(f"{n:,}" for n in dict.fromkeys((each[0], each[-1])))
            print(f"    {effort:<9} {share:.1%} / {worst:.1%} in {spent} evaluations", flush=True)


def cost():
    """Print seconds for 1,000 profiles."""
    print("1,000 profiles")
    for name in ("additive_2x2_uniform", "additive_3x10_uniform"):
        auction, fresh = trained(name)
        audit(auction, fresh[:10], "quick")
        for effort in EFFORTS:
            seconds = audit(auction, fresh, effort).search["seconds"]
            print(f"  {name}, {effort}: {seconds:.1f} s", flush=True)


def peak_of_audit(n_samples, n_bidders, n_items, effort):
    """Return the peak memory of an audit of an analytic auction, in megabytes."""
    values = np.random.default_rng(0).uniform(size=(n_samples, n_bidders, n_items))
    auction = VCGAuction(n_bidders).fit(values)
    tracemalloc.start()
    measure_regret(auction, values, effort=effort, random_state=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def memory():
    """Print the peak memory of audits."""
    for arguments in (
        (20_000, 1, 1, "default"),
        (20_000, 1, 2, "default"),
        (20_000, 2, 2, "default"),
    ):
        print(f"memory of an audit, {arguments}: {peak_of_audit(*arguments):.0f} MB", flush=True)
    for n_samples in (10_000, 100_000, 1_000_000):
        megabytes = peak_of_audit(n_samples, 2, 2, 29)
        report = n_samples * (4 + 2 + 2 + 1) * 8 / 1e6
        print(
            f"memory of an audit, ({n_samples:,}, 2, 2, 29): {megabytes:.0f} MB, of which the "
            f"report {report:.0f} MB",
            flush=True,
        )


def scoring():
    """Print the times of fitting and scoring in a grid search."""
    setting = load_setting("additive_2x2_uniform")
    for max_iter in (10, 40):
        started = time.perf_counter()
        search = GridSearchCV(
            ALGNetAuction(2, 2, max_iter=max_iter, random_state=0),
            {"architecture": ["mlp", "equivariant"]},
            scoring=auction_scorers(),
            refit=False,
            cv=3,
        ).fit(setting.sample(10_000, random_state=0))
        fit, score = (search.cv_results_[f"mean_{part}_time"].mean() for part in ("fit", "score"))
        print(
            f"GridSearchCV, max_iter={max_iter}, 3,333 profiles per fold: fit {fit:.1f} s, "
            f"score {score:.1f} s each, {time.perf_counter() - started:.0f} s in all",
            flush=True,
        )


PARTS = {part.__name__: part for part in (coverage, grid, adam, narrow, cost, memory, scoring)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS))
    for part in parser.parse_args().parts:
        started = time.perf_counter()
        PARTS[part]()
        print(f"  ({part}: {time.perf_counter() - started:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
