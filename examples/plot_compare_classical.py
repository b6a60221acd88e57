"""
ALGNet and classical auctions
=============================

A seller of several items may sell them separately or as one bundle. Which of these classical
auctions earns more depends on the number of bidders and on the prior. This example compares them
with an auction that is learned from samples.
"""

import os

import matplotlib.pyplot as plt
from scipy.stats import uniform

from sklauction import (
    ALGNetAuction,
    BundleMyersonAuction,
    ComparisonDisplay,
    MyersonAuction,
    VCGAuction,
    measure_regret,
    optimal_revenue_bounds,
)
from sklauction.datasets import ProductPrior, make_valuations

SIZE = float(os.environ.get("SKLAUCTION_EXAMPLE_SIZE", 1))

# %%
# Separate sale or bundle
# -----------------------
#
# There are two items, and all values are uniform on [0, 1]. With one or two bidders, the bundle
# earns more; with three or more bidders, separate sale earns more. VCG without a reserve price
# sells every item to the highest bidder at the second-highest bid. With the optimal reserve price,
# 1/2 here, it equals Myerson's auction for each item.
n_samples = int(50_000 * SIZE) + 100
curves = {
    "separate (Myerson)": [],
    "bundle (Myerson)": [],
    "VCG": [],
    "VCG, reserve 1/2": [],
}
numbers = range(1, 7)
for n_bidders in numbers:
    V = make_valuations(n_samples, n_bidders, n_items=2, random_state=n_bidders)
    auctions = (
        MyersonAuction(n_bidders, prior=uniform(0, 1)),
        BundleMyersonAuction(n_bidders, symmetric=True),
        VCGAuction(n_bidders),
        VCGAuction(n_bidders, reserve=0.5),
    )
    for name, auction in zip(curves, auctions, strict=True):
        curves[name].append(auction.fit(V).predict(V).payments.sum(axis=1).mean())
print(f"{'bidders':<24}" + "".join(f"{n_bidders:>8}" for n_bidders in numbers))
for name, revenues in curves.items():
    print(f"{name:<24}" + "".join(f"{revenue:>8.4f}" for revenue in revenues))

figure, ax = plt.subplots(figsize=(5.6, 4.0), layout="constrained")
for (name, revenues), style in zip(curves.items(), ("o-", "s--", "^:", "kx"), strict=True):
    ax.plot(numbers, revenues, style, label=name)
ax.set(xlabel="number of bidders", ylabel="revenue, money", xticks=numbers)
ax.set_title("Two items, values uniform on [0, 1]")
ax.legend(frameon=False)
plt.show()

# %%
# Two priors for one buyer
# ------------------------
#
# The bundle earns more on the first prior. Separate sale earns more on the second prior, where the
# value of one item is always high. ``ALGNetAuction`` uses the same default parameters for both
# priors and learns from samples only; here it is trained for 15 iterations instead of 100.
# :func:`~sklauction.optimal_revenue_bounds` computes bounds of the optimal revenue.
priors = {
    "U[4, 16] and U[4, 7]": ProductPrior([[uniform(4, 12), uniform(4, 3)]]),
    "U[0, 1] and U[4, 5]": ProductPrior([[uniform(0, 1), uniform(4, 1)]]),
}
bounds, reports = {}, {}
for title, prior in priors.items():
    V = prior.sample(int(10_000 * SIZE) + 100, random_state=0)
    fresh = prior.sample(int(5000 * SIZE) + 100, random_state=1)
    auctions = {
        "ALGNet": ALGNetAuction(max_iter=max(1, int(15 * SIZE)), random_state=0),
        "separate": MyersonAuction(prior=prior.marginals),
        "bundle": BundleMyersonAuction(),
    }
    bounds[title] = optimal_revenue_bounds(prior, n_cells=min(20, int(16 * SIZE) + 4))
    reports[title] = {}
    print(title)
    print(f"  {'auction':<14}{'revenue':>9}{'regret found':>14}{'score':>8}{'P*':>8}")
    for name, auction in auctions.items():
        report = measure_regret(auction.fit(V), fresh, effort="quick", random_state=0)
        reports[title][name] = report
        p_star = max(report.score, 0) ** 2
        print(
            f"  {name:<14}{report.revenue:>9.4f}{report.total_regret:>14.5f}"
            f"{report.score:>8.4f}{p_star:>8.4f}"
        )
    print("  " + str(bounds[title]).replace("\n", "\n  "))

# %%
# By the score ``sqrt(P) - sqrt(R)``, ALGNet is between the two classical auctions and close to the
# better one on both priors. Where a simple auction is almost optimal, a learned one can hardly
# improve on it. Compare revenue P and regret R together, as an auction with regret may have more
# revenue than any truthful one. P* is the squared score, in money.
#
# In the figure, points on one grey curve have the same score. Only ALGNet has regret. The regret
# found is a lower bound, so its score is an upper bound.
figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
for ax, title in zip(axes, priors, strict=True):
    ComparisonDisplay.from_reports(reports[title], bounds=bounds[title]).plot(ax)
    ax.set_title(title, fontsize=10)
plt.show()
