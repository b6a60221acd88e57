"""
Quickstart: learning an auction
===============================

This example learns an auction for two bidders and two items from about 10,000 valuation profiles.
All values are uniform on [0, 1]; the revenue-optimal auction of this setting is unknown. The
learned auction is audited for regret, drawn, and compared with classical auctions and learned price
sheets.
"""

import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from sklauction import (
    ALGNetAuction,
    AllocationDisplay,
    BundleMyersonAuction,
    BundlePricingAuction,
    MyersonAuction,
    VCGAuction,
    measure_regret,
)
from sklauction.datasets import make_valuations

SIZE = float(os.environ.get("SKLAUCTION_EXAMPLE_SIZE", 1))

# %%
# Fit and predict
# ---------------
#
# Valuations are an array of shape (n_samples, n_bidders, n_items). An auction is a scikit-learn
# estimator: ``fit`` learns from valuations, and ``predict`` runs the auction on bids.
V = make_valuations(int(10_000 * SIZE) + 100, n_bidders=2, n_items=2, random_state=0)
n_iter = min(100, max(1, int(12.5 * SIZE**1.5)))
auction = ALGNetAuction(n_bidders=2, n_items=2, max_iter=n_iter, random_state=0)
started = time.perf_counter()
auction.fit(V)
seconds = {"ALGNetAuction": time.perf_counter() - started}
allocations, payments = auction.predict([[[0.9, 0.8], [0.3, 0.6]]])
print("probability of each item, by bidder:", allocations[0].round(2).tolist())
print("payments:", payments[0].round(2).tolist())

# %%
# Training is shorter than the default of 100 iterations, so that the example runs in less than a
# minute. ``SKLAUCTION_EXAMPLE_SIZE=4 python examples/plot_quickstart.py`` trains for 100
# iterations.
#
# Audit
# -----
#
# A learned auction is only approximately truthful. ``measure_regret`` searches for misreports that
# increase a bidder's utility, on profiles that the auction has not seen. As the search may miss
# some, the total regret R found is a lower bound. The score ``sqrt(P) - sqrt(R)`` reduces the
# revenue P by a penalty for regret.
fresh = make_valuations(int(100_000 * SIZE) + 100, n_bidders=2, n_items=2, random_state=1)
audited = fresh[: int(500 * SIZE) + 10]
print(measure_regret(auction, audited, random_state=0))

# %%
# Comparison with other auctions
# ------------------------------
#
# ``BundlePricingAuction`` learns price sheets, which have almost no regret. The other auctions are
# classical: a Myerson auction for each item, a Myerson auction for the bundle of both items, and
# VCG, which sells each item to the highest bidder. Revenue is measured on all fresh profiles, and
# regret by a quick audit of the profiles used above.
auctions = {
    "ALGNetAuction": auction,
    "BundlePricingAuction": BundlePricingAuction(n_bidders=2, max_iter=n_iter, random_state=0),
    "MyersonAuction": MyersonAuction(n_bidders=2),
    "BundleMyersonAuction": BundleMyersonAuction(n_bidders=2),
    "VCGAuction": VCGAuction(n_bidders=2),
}
print(f"{'auction':<22}{'revenue':>9}{'total regret':>14}{'score':>8}{'fit seconds':>13}")
for name, each in auctions.items():
    if name not in seconds:
        started = time.perf_counter()
        each.fit(V)
        seconds[name] = time.perf_counter() - started
    report = measure_regret(each, audited, effort="quick", random_state=0)
    revenue = each.predict(fresh).payments.sum(axis=1).mean()
    score = np.sqrt(revenue) - np.sqrt(report.total_regret)
    print(
        f"{name:<22}{revenue:>9.4f}{report.total_regret:>14.2g}{score:>8.4f}{seconds[name]:>13.1f}"
    )

# %%
# ALGNet has the most revenue, but also regret. By the score, it is about equal to the Myerson
# auctions after this short training, and the price sheets are better.
#
# Allocation
# ----------
#
# The values of bidder 0 vary, while those of bidder 1 are 0.3 and 0.6. The dashed lines are the
# boundaries of the Myerson auctions. As they sell each item separately, their regions are
# rectangles. The learned auction sells an item for less to a bidder who also wins the other one.
figure, axes = plt.subplots(
    1, 2, figsize=(8.4, 4.2), sharex=True, sharey=True, layout="constrained"
)
bids = [[0.0, 0.0], [0.3, 0.6]]
for item, ax in enumerate(axes):
    AllocationDisplay.from_estimator(
        auction, bidder=0, item=item, bids=bids, reference=auctions["MyersonAuction"]
    ).plot(ax, colorbar=item == 1)
    ax.set_title(f"item {item}; dashed: separate Myerson", fontsize=10)
figure.axes[-1].set_ylabel("probability that bidder 0 gets the item")  # the shared colour bar
# Run as a script, the example saves the figure in its own folder.
if "__file__" in globals():
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=120)
    print(f"wrote {Path(__file__).with_suffix('.png')}")
plt.show()
