"""Quality of ALGNetAuction with default parameters on two small settings.

Revenue is computed on 100,000 fresh profiles and total regret on 1,000. Regret is the larger, per
bidder and profile, of two searches: 10 random starts x 100 Adam steps, and the package's audit at
default effort. Run from the root of the repository::

    python benchmarks/algnet_quality.py [--seeds 0 1 2] [--settings additive_2x2_uniform]

Prints one line of JSON per fit, including the time of the fit.
"""

import argparse
import json
import os
import platform
import time

import numpy as np
import torch

from sklauction import ALGNetAuction, measure_regret
from sklauction.datasets import load_setting

SETTINGS = ("additive_2x2_uniform", "additive_1x2_uniform")


def adam_regret(auction, valuations, support, n_starts=10, n_steps=100, rate=0.1, seed=0):
    """Return regrets (n, n_bidders) found by Adam from random starts, as in the papers."""
    mechanism = auction.mechanism_
    generator = torch.Generator().manual_seed(seed)
    truth = torch.as_tensor(valuations).repeat_interleave(n_starts, dim=0)
    box = torch.as_tensor(support)
    found = np.zeros(valuations.shape[:2])
    for bidder in range(valuations.shape[1]):
        low, high = box[bidder, :, 0], box[bidder, :, 1]
        start = torch.rand(truth[:, bidder].shape, generator=generator, dtype=torch.float64)
        reports = (low + start * (high - low)).requires_grad_(True)
        best = torch.full((len(truth),), -torch.inf, dtype=torch.float64)
        optimizer = torch.optim.Adam([reports], lr=rate * float((high - low).max()))
        decay = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.02 ** (1 / n_steps))
        for step in range(n_steps + 1):
            bids = truth.clone()
            bids[:, bidder] = reports
            allocations, payments = mechanism(bids)
            gain = (allocations[:, bidder] * truth[:, bidder]).sum(dim=1) - payments[:, bidder]
            best = torch.maximum(best, gain.detach())
            if step == n_steps:
                break
            optimizer.zero_grad()
            (-gain.sum()).backward()
            optimizer.step()
            decay.step()
            with torch.no_grad():
                reports.copy_(torch.minimum(torch.maximum(reports, low), high))
        allocations, payments = auction.predict(valuations)
        utility = (allocations[:, bidder] * valuations[:, bidder]).sum(axis=1) - payments[:, bidder]
        found[:, bidder] = best.view(-1, n_starts).amax(dim=1).numpy() - utility
    return np.maximum(found, 0.0)


def measure(name, seed, **parameters):
    """Fit one auction and return its figures."""
    setting = load_setting(name)
    auction = ALGNetAuction(
        setting.n_bidders, setting.n_items, demand=setting.demand, random_state=seed, **parameters
    )
    started = time.perf_counter()
    auction.fit(setting.sample(20_000, random_state=seed))
    seconds = time.perf_counter() - started
    fresh = setting.sample(100_000, random_state=1000 + seed)
    revenue = auction.predict(fresh).payments.sum(axis=1).mean()
    adam = adam_regret(auction, fresh[:1000], setting.support)
    report = measure_regret(auction, fresh[:1000], support=setting.support, random_state=seed)
    regrets = {
        "adam": adam.sum(axis=1).mean(),
        "audit": report.total_regret,
        "larger": np.maximum(adam, report.regrets).sum(axis=1).mean(),
    }
    row = {"setting": name, "seed": seed, "fit_seconds": round(seconds, 1)}
    row |= {"audit_seconds": round(report.search["seconds"], 1), "revenue": round(revenue, 5)}
    for kind, regret in regrets.items():
        row[f"regret_{kind}"] = round(regret, 7)
        row[f"p_star_{kind}"] = round((np.sqrt(revenue) - np.sqrt(regret)) ** 2, 5)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--settings", nargs="+", default=SETTINGS, choices=SETTINGS)
    parser.add_argument("--parameters", type=json.loads, default={}, help="JSON of parameters")
    arguments = parser.parse_args()
    threads = os.environ.get("OMP_NUM_THREADS", os.cpu_count())
    print(f"{platform.machine()}, {threads} threads, torch {torch.__version__}", flush=True)
    for name in arguments.settings:
        for seed in arguments.seeds:
            print(json.dumps(measure(name, seed, **arguments.parameters)), flush=True)


if __name__ == "__main__":
    main()
