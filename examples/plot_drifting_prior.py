"""
Learning from a prior that changes
==================================

This example trains auctions on a stream of valuations whose prior drifts. Two bidders compete for
one item. Their values are uniform on [0, 1] at first and on [1, 2] at the end. ``partial_fit``
takes 100 steps on the profiles of each period and keeps the networks and optimizers. The objective
and step size of ALGNet do not depend on the length of training; RegretNet's penalty on regret
follows a schedule. The optimal auction of each period is Myerson's.
"""

import os

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import uniform

from sklauction import ALGNetAuction, MyersonAuction, RegretNetAuction, measure_regret
from sklauction.datasets import make_drifting_valuations

SIZE = float(os.environ.get("SKLAUCTION_EXAMPLE_SIZE", 1))

# %%
# Each period of the stream has profiles for training and fresh profiles for evaluation. The
# auctions need a ``support`` that contains the values of all periods, as bids outside the support
# are clipped to it.
n_periods = int(9 * SIZE) + 2
n_profiles = int(1000 * SIZE) + 50
n_fresh = int(500 * SIZE) + 50
stream = make_drifting_valuations(
    n_periods, n_profiles + n_fresh, n_bidders=2, n_items=1, end=uniform(1, 1), random_state=0
)
lowest_values = np.linspace(0, 1, n_periods)

# %%
# Each auction is trained on a period and then audited on fresh profiles of the same period.
# Myerson's auction is given the prior of the period, so it needs no samples. RegretNet has narrower
# layers than by default, to save time.
auctions = {
    "ALGNet": ALGNetAuction(n_bidders=2, support=(0, 2), random_state=0),
    "RegretNet": RegretNetAuction(
        n_bidders=2, support=(0, 2), hidden_layer_sizes=(50, 50), random_state=0
    ),
}
reports = {name: [] for name in auctions}
optima = []
for lowest, profiles in zip(lowest_values, stream, strict=True):
    seen, fresh = profiles[:n_profiles], profiles[n_profiles:]
    myerson = MyersonAuction(n_bidders=2, prior=uniform(lowest, 1)).fit(seen)
    optima.append(myerson.predict(fresh).payments.sum(axis=1).mean())
    for name, auction in auctions.items():
        auction.partial_fit(seen)
        report = measure_regret(auction, fresh, effort="quick", random_state=0, verbose=False)
        reports[name].append(report)

# %%
# Myerson's auction has the most revenue of all truthful auctions. An auction with regret may have
# more, so revenue alone is no measure of quality. P* is ``(sqrt(P) - sqrt(R))**2``, which reduces
# revenue P by a penalty for regret R. The regret found by an audit is a lower bound.
print(f"{'auction':<10}{'revenue':>9}{'of optimum':>12}{'total regret':>14}{'P*, of optimum':>16}")
for name, rows in reports.items():
    revenue = np.array([row.revenue for row in rows])
    regret = np.array([row.total_regret for row in rows])
    p_star = np.maximum(np.sqrt(revenue) - np.sqrt(regret), 0) ** 2
    print(
        f"{name:<10}{revenue.mean():>9.4f}{revenue.mean() / np.mean(optima):>12.1%}"
        f"{regret.mean():>14.5f}{p_star.mean() / np.mean(optima):>16.1%}"
    )
print("Means over all periods; P* = (sqrt(P) - sqrt(R))^2.")

# %%
# Where RegretNet's revenue exceeds the optimum, its regret is large.
figure, (above, below) = plt.subplots(
    2, 1, figsize=(6.4, 6.4), sharex=True, layout="constrained", height_ratios=[3, 2]
)
above.plot(lowest_values, optima, color="black", label="Myerson, with the prior")
for (name, rows), style in zip(reports.items(), ("o-", "s--"), strict=True):
    above.plot(lowest_values, [row.revenue for row in rows], style, ms=4, label=name)
    below.plot(lowest_values, [row.total_regret for row in rows], style, ms=4, label=name)
above.set(ylabel="revenue, money", title="Two bidders, values uniform on an interval of length 1")
above.legend(frameon=False)
below.set(
    xlabel="lowest value of the period, money",
    ylabel="total regret found, money",
    yscale="log",
)
plt.show()
