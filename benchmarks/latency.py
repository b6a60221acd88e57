"""Speed of predict: milliseconds for one profile, and profiles per second, of every auction.

Auctions have default parameters except for the length of training, which is short, because the time
of a prediction does not depend on the weights. (It depends on the rows of a menu, of which some
disappear in longer training.) Auctions are fitted on 2,000 profiles of two bidders and two items,
or of one bidder if they are for one. Run from the root of the repository (about a minute)::

    OMP_NUM_THREADS=1 python benchmarks/latency.py [--calls 1000] [--profiles 100000]

"One profile" is the median over calls of ``predict`` with a single profile. "Profiles per second"
is for one call with all profiles, the median of three. The table is Markdown.
"""

import argparse
import os
import platform
import statistics
import time
from datetime import date
from importlib.metadata import version

import numpy as np

import sklauction
from sklauction.datasets import load_setting, make_valuations

SHORT = {"max_iter": 1, "random_state": 0}


def first_price(bids):
    """Return the outcomes of a first-price auction of each item."""
    wins = np.eye(bids.shape[1])[bids.argmax(axis=1)].swapaxes(1, 2)
    return wins, (wins * bids).sum(axis=2)


# (class, what differs from the defaults, parameters).
ROWS = (
    ("VCGAuction", "", {}),
    ("VCGAuction", "unit demand", {"demand": "unit"}),
    ("MyersonAuction", "", {}),
    ("BundleMyersonAuction", "", {}),
    ("LookAheadAuction", "", {}),
    ("LinearProgramAuction", "4 types per bidder", {"n_bins": 2}),
    ("SingleBuyerAuction", "", {"prior": load_setting("additive_1x2_uniform")}),
    ("RochetNetAuction", "", SHORT),
    ("MenuNetAuction", "", SHORT),
    ("AffineMaximizerAuction", "", SHORT),
    ("BundlePricingAuction", "", SHORT),
    ("ALGNetAuction", "", SHORT),
    ("ALGNetAuction", '"mlp"', {**SHORT, "architecture": "mlp"}),
    ("ALGNetAuction", '"attention"', {**SHORT, "architecture": "attention"}),
    ("ALGNetAuction", '"pricing"', {**SHORT, "architecture": "pricing"}),
    ("RegretNetAuction", "", SHORT),
    ("CallableAuction", "first price", {"function": first_price}),
    ("TruthfulAuction", "of `MyersonAuction`", {"auction": sklauction.MyersonAuction()}),
)
ONE_BIDDER = ("SingleBuyerAuction", "RochetNetAuction", "MenuNetAuction", "TruthfulAuction")


def seconds_of(call, repeats):
    """Return the median of the seconds of a call."""
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def measure(name, parameters, n_calls, n_profiles):
    """Fit one auction; return the seconds for one profile and the profiles per second."""
    n_bidders = 1 if name in ONE_BIDDER else 2
    auction = getattr(sklauction, name)(**parameters)
    auction.fit(make_valuations(2_000, n_bidders, 2, random_state=0))
    bids = make_valuations(n_profiles, n_bidders, 2, random_state=1)
    auction.predict(bids[:100])  # first calls are slower
    one = seconds_of(lambda: auction.predict(bids[:1]), n_calls)
    return one, n_profiles / seconds_of(lambda: auction.predict(bids), 3)


def table(n_calls, n_profiles):
    """Yield the lines of the table."""
    yield f"| auction | size | one profile, ms | profiles per second, of {n_profiles:,} |"
    yield "|---|---|---|---|"
    for name, note, parameters in ROWS:
        one, rate = measure(name, parameters, n_calls, n_profiles)
        size = "1x2" if name in ONE_BIDDER else "2x2"
        heading = f"`{name}`, {note}" if note else f"`{name}`"
        yield f"| {heading} | {size} | {1000 * one:.2f} | {float(f'{rate:.2g}'):,.0f} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=1_000)
    parser.add_argument("--profiles", type=int, default=100_000)
    arguments = parser.parse_args()
    versions = ", ".join(f"{package} {version(package)}" for package in ("torch", "numpy"))
    threads = os.environ.get("OMP_NUM_THREADS", os.cpu_count())
    print(f"{date.today()}, {platform.machine()}, {threads} thread(s), {versions}\n", flush=True)
    for line in table(arguments.calls, arguments.profiles):
        print(line, flush=True)


if __name__ == "__main__":
    main()
