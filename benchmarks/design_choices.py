"""Figures behind choices that comments in the source mention.

* Exchangeable layer: one dense product against four pooled ones, forward and backward.

Run from the root of the repository::

    python benchmarks/design_choices.py
"""

import statistics
import time

import torch

from sklauction.two_player.layers import ExchangeableLayer, build_seeded


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
