"""The tables of the papers: all auctions of the package on their settings, by their metric.

Each fit is audited at default effort on 1,000 fresh profiles, and its revenue is computed on
100,000. The metric is ``P* = (sqrt P - sqrt R)^2``, where R is the sum over bidders. Auctions are
fitted on 20,000 profiles; between settings only ``n_bidders``, ``n_items`` and ``demand`` differ.
Run from the root of the repository::

    python benchmarks/paper_tables.py [--settings 1x2 2x2] [--estimators algnet] [--seeds 0 1 2]

Each fit is a line of JSON in ``--store``; stored fits are not repeated, so the command can be
stopped and continued. The table of all stored fits is printed, and written to ``--page`` if given;
``--report-only`` fits nothing.
"""

import argparse
import json
import os
import platform
import statistics
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np

from sklauction import (
    AffineMaximizerAuction,
    ALGNetAuction,
    BundleMyersonAuction,
    BundlePricingAuction,
    MyersonAuction,
    RegretNetAuction,
    RochetNetAuction,
    VCGAuction,
    audit_consistency,
    measure_regret,
)
from sklauction.datasets import load_setting

# Name -> (setting, best known revenue of a truthful auction, upper bound on the optimum). For 5x10
# the best known is P* of price sheets (docs/bundle_pricing.md), whose regret is certified.
ROWS = {
    "1x2": ("additive_1x2_uniform", "0.5492", "0.5492"),
    "1x2 U[4,16]xU[4,7]": ("additive_1x2_uniform_416_47", "9.7778", "9.7778"),
    "1x10": ("additive_1x10_uniform", "3.4778", "3.8467"),
    "2x2": ("additive_2x2_uniform", "0.8765", "0.8824"),
    "3x10": ("additive_3x10_uniform", "5.699", "6.5197"),
    "5x10": ("additive_5x10_uniform", "6.757", "7.5320"),
}


# Name -> (heading, exactly truthful, function of setting and seed that returns the auction).
def _learned(cls, **parameters):
    def make(setting, seed):
        return cls(
            setting.n_bidders,
            setting.n_items,
            demand=setting.demand,
            random_state=seed,
            **parameters,
        )

    return make


ESTIMATORS = {
    "algnet": ("`ALGNetAuction`", False, _learned(ALGNetAuction)),
    "mlp": ('`ALGNetAuction`, "mlp"', False, _learned(ALGNetAuction, architecture="mlp")),
    "pricing": (
        '`ALGNetAuction`, "pricing"',
        False,
        _learned(ALGNetAuction, architecture="pricing"),
    ),
    "regretnet": ("`RegretNetAuction`", False, _learned(RegretNetAuction)),
    "bundle_pricing": ("`BundlePricingAuction`", False, _learned(BundlePricingAuction)),
    "rochetnet": ("`RochetNetAuction`", True, _learned(RochetNetAuction)),
    "affine": ("`AffineMaximizerAuction`", True, _learned(AffineMaximizerAuction)),
    "myerson": ("`MyersonAuction`", True, lambda setting, seed: MyersonAuction(setting.n_bidders)),
    "bundle_myerson": (
        "`BundleMyersonAuction`",
        True,
        lambda setting, seed: BundleMyersonAuction(setting.n_bidders),
    ),
    "vcg": ("`VCGAuction`", True, lambda setting, seed: VCGAuction(setting.n_bidders)),
}
ONE_BIDDER_ONLY = ("rochetnet",)
STORE = Path(__file__).with_suffix(".jsonl")
N_TRAIN, N_FRESH, N_AUDITED = 20_000, 100_000, 1_000

INTRODUCTION = """# The tables of the papers

This page compares all auctions of the package on the settings of the papers, by ALGNet's metric
`P* = (sqrt P - sqrt R)^2`. P is the revenue on 100,000 fresh profiles. R is the regret, *summed*
over bidders, that the audit at default effort finds on 1,000 of them. The page is written by

```
python benchmarks/paper_tables.py --page docs/paper_tables.md
```

which fits the auctions that `benchmarks/paper_tables.jsonl` does not contain yet. It can be stopped
and continued at any time. All auctions have default parameters: between settings only `n_bidders`,
`n_items`, `demand` and the 20,000 training profiles differ. Figures are medians over seeds; the
number of seeds is in brackets if it is not 3. "Published" is the figure of the paper. It is treated
as if the printed regret were the true one, and the sum over bidders, which favours the paper.
"""

READING = """
## How to read it

* R is a lower bound on the regret, so P* of an approximately truthful auction is an upper bound on
  the P* for its true regret. Auctions marked (exact) have zero regret, and P* is their revenue; an
  R of 1e-17 there is rounding. For price sheets R is also what the search found; the page on
  [price sheets](bundle_pricing.md#what-the-defaults-reach) lists their certified bounds.
* Revenue above the optimum is possible only with regret: see the columns P and R. For one bidder
  `P* <= optimum` must hold if the search found all regret. The last column shows the result of this
  check (`audit_consistency`).
* Price sheets have a regret certified to be close to zero, and a higher P* than the game wherever
  both are measured, here and [on the other settings](bundle_pricing.md). If you need truthfulness,
  use `BundlePricingAuction` (or `RochetNetAuction` for one bidder). Use the game for cases that
  these do not cover, and for comparisons with the literature.
* "Best known" is the highest known revenue of a truthful auction, or of price sheets with certified
  regret; "bound" is an upper bound on the optimum ([known optima](optimal.md)). If they are equal,
  they are the optimum.
"""


def measure(name, estimator, seed):
    """Fit one auction, audit it, and return its figures."""
    setting = load_setting(ROWS[name][0])
    auction = ESTIMATORS[estimator][2](setting, seed)
    train = setting.sample(N_TRAIN, random_state=seed)
    started = time.perf_counter()
    auction.fit(train)
    seconds = time.perf_counter() - started
    fresh = setting.sample(N_FRESH, random_state=1000 + seed)
    paid = auction.predict(fresh).payments.sum(axis=1)
    report = measure_regret(
        auction, fresh[:N_AUDITED], support=setting.support, random_state=seed, verbose=False
    )
    revenue, regret = float(paid.mean()), report.total_regret
    row = {
        "setting": name,
        "estimator": estimator,
        "seed": seed,
        "fit_seconds": round(seconds, 1),
        "audit_seconds": round(report.search["seconds"], 1),
        "revenue": revenue,
        "revenue_se": float(paid.std() / np.sqrt(len(paid))),
        "total_regret": regret,
        "total_regret_se": report.total_regret_se,
        "p_star": float(max(np.sqrt(revenue) - np.sqrt(regret), 0.0) ** 2),
        "threads": int(os.environ.get("OMP_NUM_THREADS", os.cpu_count())),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {p: version(p) for p in ("sklauction", "torch", "scikit-learn", "numpy")},
        "date": date.today().isoformat(),
    }
    if setting.n_bidders == 1:
        optimum = setting.optimal_revenue or setting.best_known_revenue
        row["audit_possible"] = bool(audit_consistency(report, optimum).possible)
    return row


def published(name):
    """Return the papers' figures of a setting, and ALGNet's P* for the printed regret."""
    figures = load_setting(ROWS[name][0]).published
    texts = [f"{method} {revenue}, {regret}" for method, (revenue, regret) in figures.items()]
    own = figures.get("ALGNet")
    best = f"{(np.sqrt(own[0]) - np.sqrt(own[1])) ** 2:.4g}" if own else "-"
    return best, "; ".join(texts).replace("None", "not given") or "-"


def median(rows, key):
    """Return the median of a figure over seeds."""
    return statistics.median(row[key] for row in rows)


def headline(fits):
    """Return the table of the two-player auction against the paper and the best known."""
    yield "| setting | `ALGNetAuction`, P* | published, P* | best known | bound | fit, seconds |"
    yield "|---|---|---|---|---|---|"
    for name, (_, best, bound) in ROWS.items():
        rows = fits.get((name, "algnet"), [])
        got, seconds = "not measured", "-"
        if rows:
            got = f"{median(rows, 'p_star'):.4f}{count(rows)}"
            seconds = f"{median(rows, 'fit_seconds'):.0f}"
        yield f"| {name} | {got} | {published(name)[0]} | {best} | {bound} | {seconds} |"


def count(rows):
    """Return the number of seeds in brackets if it is not 3."""
    return "" if len(rows) == 3 else f" [{len(rows)}]"


def details(name, fits):
    """Return the table of all auctions on one setting."""
    yield f"\n### {name}\n"
    yield f"Published: {published(name)[1]}.\n"
    yield "| auction | P* | P | R | fit, seconds | threads | consistent |"
    yield "|---|---|---|---|---|---|---|"
    for estimator, (heading, exact, _) in ESTIMATORS.items():
        rows = fits.get((name, estimator))
        if not rows:
            continue
        possible = [row["audit_possible"] for row in rows if "audit_possible" in row]
        says = ("yes" if all(possible) else "NO") if possible else "several bidders"
        figures = [median(rows, key) for key in ("p_star", "revenue", "total_regret")]
        threads = "/".join(sorted({str(row["threads"]) for row in rows}))
        yield (
            f"| {heading}{' (exact)' if exact else ''}{count(rows)} | {figures[0]:.4f} | "
            f"{figures[1]:.4f} | {figures[2]:.2g} | {median(rows, 'fit_seconds'):.1f} | "
            f"{threads} | {says} |"
        )


def page(store):
    """Return the docs page of all stored fits."""
    fits = {}
    for row in store:
        fits.setdefault((row["setting"], row["estimator"]), []).append(row)
    lines = [INTRODUCTION, "## The two-player auction against the published one\n"]
    lines += [*headline(fits), READING, "## All auctions"]
    for name in ROWS:
        lines += details(name, fits)
    versions = sorted({", ".join(f"{k} {v}" for k, v in row["versions"].items()) for row in store})
    lines += [
        "\n## Machine and versions\n",
        *(f"* Machine: {machine}" for machine in sorted({row["machine"] for row in store})),
        *(f"* Versions: {text}" for text in versions),
        f"* Dates: {min(row['date'] for row in store)} to {max(row['date'] for row in store)}",
        f"* Seeds: {', '.join(map(str, sorted({row['seed'] for row in store})))}",
        "* Fits with one thread ran two at a time on two cores.",
    ]
    return "\n".join(lines) + "\n"


def read(path):
    """Return the stored fits."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--settings", nargs="+", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--estimators", nargs="+", default=list(ESTIMATORS), choices=ESTIMATORS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--store", type=Path, default=STORE)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--report-only", action="store_true")
    arguments = parser.parse_args()
    for seed in arguments.seeds if not arguments.report_only else ():
        for estimator in arguments.estimators:
            for name in arguments.settings:
                several = load_setting(ROWS[name][0]).n_bidders > 1
                done = {(r["setting"], r["estimator"], r["seed"]) for r in read(arguments.store)}
                if (name, estimator, seed) in done or (several and estimator in ONE_BIDDER_ONLY):
                    continue
                row = measure(name, estimator, seed)
                with arguments.store.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                print(json.dumps(row), flush=True)
    text = page(read(arguments.store))
    print(text)
    if arguments.page:
        arguments.page.write_text(text)


if __name__ == "__main__":
    main()
