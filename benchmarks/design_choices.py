"""Figures behind choices that comments in the source mention.

* Share of regret that shorter searches find, against the default effort, on a trained auction.
* Exchangeable layer: one dense product against four pooled ones, forward and backward.

Run from the root of the repository::

    python benchmarks/design_choices.py
"""

import statistics
import time

import torch

from sklauction import ALGNetAuction, measure_regret
from sklauction.datasets import load_setting
from sklauction.regret import EFFORTS, Effort
from sklauction.training import HELD_OUT_EFFORT
from sklauction.two_player.layers import ExchangeableLayer, build_seeded


def search_lengths(name="additive_2x2_uniform", max_iter=60):
    """Print what searches of several lengths find on one trained auction."""
    setting = load_setting(name)
    auction = ALGNetAuction(
        setting.n_bidders, setting.n_items, max_iter=max_iter, random_state=0
    ).fit(setting.sample(10_000, random_state=0))
    fresh = setting.sample(1000, random_state=9)
    efforts = {"default": EFFORTS["default"], "thorough": EFFORTS["thorough"]}
    efforts |= {"quick": EFFORTS["quick"], "quick, 8 steps": Effort(32, 2, 8)}
    efforts |= {"held-out": HELD_OUT_EFFORT, "held-out, 8 steps": Effort(16, 2, 8)}
    print(f"{name}, ALGNetAuction(max_iter={max_iter}), 1,000 profiles")
    for label, effort in efforts.items():
        report = measure_regret(
            auction, fresh, support=setting.support, effort=effort, random_state=0
        )
        if label == "default":
            default = report.total_regret
        seconds = report.search["seconds"]
        share = report.total_regret / default
        print(f"  {label:<18} regret {report.total_regret:.6f} ({share:6.1%}) {seconds:6.2f} s")


def layer_seconds(compute, x, repeats=50):
    """Return the median seconds of one forward and backward pass."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        compute(x).square().sum().backward()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def layers(n_profiles=768, n_channels=32):
    """Print the time of the dense form over the pooled one, by size of auction."""
    print(f"exchangeable layer, {n_profiles} profiles, {n_channels} channels: dense / pooled")
    for n_bidders, n_items in ((1, 2), (2, 2), (2, 3), (1, 10), (3, 10)):
        layer = build_seeded(
            lambda: ExchangeableLayer(n_channels, n_channels), torch.Generator().manual_seed(0)
        )
        x = torch.rand(n_profiles, n_bidders, n_items, n_channels, requires_grad=True)
        dense, pooled = (layer_seconds(form, x) for form in (layer.dense, layer.pooled))
        print(f"  {n_bidders}x{n_items}: {dense * 1e3:.2f} / {pooled * 1e3:.2f} ms", flush=True)


if __name__ == "__main__":
    layers()
    search_lengths()
