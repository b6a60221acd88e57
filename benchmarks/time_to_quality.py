"""P* against seconds of fit: the contribution of each part of ALGNetAuction's training.

Each variant is trained in stages by warm starts, which give the same result as one long fit. After
each stage, revenue is computed on 100,000 fresh profiles and regret on 300 by the audit at default
effort; this time is not counted. Run from the root of the repository::

    python benchmarks/time_to_quality.py [--settings 2x2] [--variants defaults fraction]

Each stage is a line of JSON in ``--store``; stored variants are not trained again. Prints a table,
and saves one plot per setting in the folder ``--figure``.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from sklauction import ALGNetAuction, measure_regret
from sklauction.datasets import load_setting

SETTINGS = {
    "1x2": "additive_1x2_uniform",
    "1x10": "additive_1x10_uniform",
    "2x2": "additive_2x2_uniform",
    "3x10": "additive_3x10_uniform",
}
PUBLISHED = {"1x2": 0.5206, "1x10": 3.337, "2x2": 0.8344, "3x10": 5.357}
# One part changed at a time.
VARIANTS = {
    "defaults": {},
    # With step size 0.02 this variant ends in selling nothing at 1x2.
    "fraction": {"payments": "fraction", "learning_rate_init": 0.005},
    "steady": {"learning_rate": "constant", "learning_rate_init": 0.005},
    "no ascents": {"n_ascents": 0},
    "nothing remembered": {"n_remembered": 0},
    "no averaging": {"average": False},
    "mlp": {"architecture": "mlp"},
    "attention": {"architecture": "attention"},
    "short memory": {"beta_1": 0.9, "beta_2": 0.999},
    "narrow": {"hidden_layer_sizes": (16, 16, 16)},
}
STAGES = (3, 7, 15, 30, 60, 100)
STORE = Path(__file__).with_suffix(".jsonl")


def train(name, variant, seed, last):
    """Yield a row per stage."""
    setting = load_setting(SETTINGS[name])
    auction = ALGNetAuction(
        setting.n_bidders,
        setting.n_items,
        warm_start=True,
        random_state=seed,
        **VARIANTS[variant],
    )
    samples = setting.sample(20_000, random_state=seed)
    fresh = setting.sample(100_000, random_state=1000 + seed)
    seconds, done = 0.0, 0
    for stage in STAGES:
        if stage > last:
            break
        started = time.perf_counter()
        auction.set_params(max_iter=stage - done).fit(samples)
        seconds += time.perf_counter() - started
        done = stage
        revenue = auction.predict(fresh).payments.sum(axis=1).mean()
        report = measure_regret(
            auction, fresh[:300], support=setting.support, random_state=seed, verbose=False
        )
        yield {
            "setting": name,
            "variant": variant,
            "seed": seed,
            "iterations": stage,
            "seconds": round(seconds, 1),
            "revenue": round(float(revenue), 5),
            "total_regret": round(report.total_regret, 7),
            "p_star": round(max(revenue**0.5 - report.total_regret**0.5, 0.0) ** 2, 5),
        }


def draw(name, rows, folder):
    """Plot P* against seconds, one line per variant, and the published figure."""
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
    styles = ["-", "--", "-.", ":"]
    markers = "osD^vP*X<>"
    variants = [v for v in VARIANTS if any(row["variant"] == v for row in rows)]
    for number, variant in enumerate(variants):
        own = [row for row in rows if row["variant"] == variant]
        seconds, quality = ([row[key] for row in own] for key in ("seconds", "p_star"))
        style, marker = styles[number % 4], markers[number % len(markers)]
        ax.plot(seconds, quality, linestyle=style, marker=marker, markersize=4, label=variant)
    ax.axhline(PUBLISHED[name], color="0.3", linewidth=1)
    ax.annotate(
        "published",
        (0.01, PUBLISHED[name]),
        xycoords=("axes fraction", "data"),
        va="bottom",
        color="0.3",
    )
    best = max(row["p_star"] for row in rows)
    ax.set(
        xscale="log",
        xlabel="seconds of fit",
        ylabel=r"$(\sqrt{P} - \sqrt{R})^2$",
        title=f"{name}, U[0, 1]",
        ylim=(max(0.85 * best, min(row["p_star"] for row in rows)), 1.01 * best),
    )
    # The default ticks of a logarithmic axis overlap.
    ends = [row["seconds"] for row in rows]
    ticks = [t for t in (1, 2, 5, 10, 20, 50, 100, 200, 500) if min(ends) / 2 < t < max(ends) * 2]
    ax.set_xticks(ticks, [str(t) for t in ticks])
    ax.set_xticks([], minor=True)
    ax.legend(fontsize=8)
    path = folder / f"time_to_quality_{name}.png"
    figure.savefig(path, dpi=120)
    plt.close(figure)
    print(f"wrote {path}")


def read(path):
    """Return the stored rows."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--settings", nargs="+", default=["1x2", "2x2"], choices=list(SETTINGS))
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--iterations", type=int, default=max(STAGES), help="last stage")
    parser.add_argument("--store", type=Path, default=STORE)
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    for name in arguments.settings:
        for variant in arguments.variants:
            known = {(row["setting"], row["variant"], row["seed"]) for row in read(arguments.store)}
            if (name, variant, arguments.seed) in known:
                continue
            rows = list(train(name, variant, arguments.seed, arguments.iterations))
            with arguments.store.open("a") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
            print("\n".join(map(json.dumps, rows)), flush=True)
    stored = [row for row in read(arguments.store) if row["seed"] == arguments.seed]
    for name in arguments.settings:
        rows = [row for row in stored if row["setting"] == name]
        stages = sorted({row["iterations"] for row in rows})
        print(f"\n{name}: P* (seconds), by number of iterations")
        print("| variant | " + " | ".join(map(str, stages)) + " |")
        print("|---" * (len(stages) + 1) + "|")
        for variant in VARIANTS:
            own = {row["iterations"]: row for row in rows if row["variant"] == variant}
            cells = [
                f"{own[s]['p_star']:.4f} ({own[s]['seconds']:.0f})" for s in stages if s in own
            ]
            if cells:
                print(f"| {variant} | " + " | ".join(cells) + " |")
        if arguments.figure and rows:
            draw(name, rows, arguments.figure)


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()
