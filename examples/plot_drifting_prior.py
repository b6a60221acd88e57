"""
A prior that moves while the auction learns
===========================================

Can a learned auction follow a market whose prior moves, without being told how far training is?
Two bidders compete for one item. Their values are uniform on [0, 1] at first and on [1, 2] in the
end. ``partial_fit`` takes 100 steps on the profiles of each moment and keeps both players and
their optimizers. Nothing in the objective or the step size of ALGNet knows when training ends;
RegretNet's price of regret follows a schedule. The best auction of each moment is known: it
is Myerson's.
"""

import os

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import uniform

from sklauction import ALGNetAuction, MyersonAuction, RegretNetAuction, measure_regret
from sklauction.datasets import make_drifting_valuations

SIZE = float(os.environ.get("SKLAUCTION_EXAMPLE_SIZE", 1))

# %%
# A stream of moments, each with profiles to learn from and fresh ones to be judged on. The
# auctions need a ``support`` that holds the values of all moments, as a report outside counts as
# the nearest inside.
n_moments = int(9 * SIZE) + 2
n_profiles = int(1000 * SIZE) + 50
n_fresh = int(500 * SIZE) + 50
stream = make_drifting_valuations(
    n_moments, n_profiles + n_fresh, n_bidders=2, n_items=1, end=uniform(1, 1), random_state=0
)
lowest_values = np.linspace(0, 1, n_moments)

# %%
# Each auction learns from a moment, then its regret is measured on fresh profiles of the same
# moment. Myerson's auction is told the prior of the moment, so it needs no samples. RegretNet
# has narrower layers here than by default, to save time.
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
# Revenue alone says little: an auction that is far from truthful can show more of it than
# Myerson's, which is the most that a truthful auction earns. ``(sqrt(P) - sqrt(R))**2`` takes
# off what regret R costs the revenue P. R is what a search found, so it is a lower bound.
print(f"{'auction':<10}{'revenue':>9}{'of optimum':>12}{'total regret':>14}{'P*, of optimum':>16}")
for name, rows in reports.items():
    revenue = np.array([row.revenue for row in rows])
    regret = np.array([row.total_regret for row in rows])
    p_star = np.maximum(np.sqrt(revenue) - np.sqrt(regret), 0) ** 2
    print(
        f"{name:<10}{revenue.mean():>9.4f}{revenue.mean() / np.mean(optima):>12.1%}"
        f"{regret.mean():>14.5f}{p_star.mean() / np.mean(optima):>16.1%}"
    )
print("Means over all moments; P* = (sqrt(P) - sqrt(R))^2.")

# %%
# Where RegretNet's revenue lies above the optimum, the regret below is its price.
figure, (above, below) = plt.subplots(
    2, 1, figsize=(6.4, 6.4), sharex=True, layout="constrained", height_ratios=[3, 2]
)
above.plot(lowest_values, optima, color="black", label="Myerson, told the prior")
for (name, rows), style in zip(reports.items(), ("o-", "s--"), strict=True):
    above.plot(lowest_values, [row.revenue for row in rows], style, ms=4, label=name)
    below.plot(lowest_values, [row.total_regret for row in rows], style, ms=4, label=name)
above.set(ylabel="revenue, money", title="Two bidders, values uniform on an interval of length 1")
above.legend(frameon=False)
below.set(
    xlabel="lowest value of the moment, money",
    ylabel="total regret found, money",
    yscale="log",
)
plt.show()
