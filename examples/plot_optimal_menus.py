"""
Optimal and learned menus
=========================

This example compares learned menus with optimal ones. For a few priors, the optimal auction for one
buyer and two items is known in closed form: a short menu, sometimes with a lottery.
:class:`~sklauction.SingleBuyerAuction` looks it up, and :class:`~sklauction.RochetNetAuction`
learns a menu from about 20,000 samples.
"""

import os

import matplotlib.pyplot as plt

from sklauction import MenuDisplay, RochetNetAuction, SingleBuyerAuction
from sklauction.datasets import load_setting

SIZE = float(os.environ.get("SKLAUCTION_EXAMPLE_SIZE", 1))

# %%
# There are three settings from the literature: two with additive values and one with unit demand.
# The learned auction uses samples only. Both auctions are evaluated on the same fresh profiles, so
# that most of the sampling error cancels in the ratio of revenues. A ratio slightly above 100 % is
# sampling error, as no truthful auction earns more than the optimum in expectation.
names = ["additive_1x2_uniform", "additive_1x2_uniform_416_47", "unit_1x2_uniform_23"]
n_samples = int(20_000 * SIZE) + 100
samples, optimal, learned, shares = {}, {}, {}, {}
for name in names:
    setting = load_setting(name)
    V = samples[name] = setting.sample(n_samples, random_state=0)
    fresh = setting.sample(10 * n_samples, random_state=1)
    optimal[name] = SingleBuyerAuction(prior=setting, demand=setting.demand).fit(V)
    learned[name] = RochetNetAuction(
        demand=setting.demand, menu_size=16, max_iter=max(1, int(30 * SIZE)), random_state=0
    ).fit(V)
    revenue, best = (one.predict(fresh).payments.mean() for one in (learned[name], optimal[name]))
    shares[name] = revenue / best
    print(f"{setting.description}, {setting.demand} ({optimal[name].source_})")
    print(f"  optimal revenue {optimal[name].revenue_:.5f}, on the fresh profiles {best:.5f}")
    print(f"  learned revenue on the fresh profiles {revenue:.5f}, ratio {shares[name]:.2%}")

# %%
# The top row shows the regions of values in which the buyer chooses each row of the optimal menu,
# the bottom row those of the learned menu. Regions are labelled with the probability of each item
# and the price, unless they are too small.
titles = ["U[0, 1], additive", "U[4, 16] and U[4, 7], additive", "U[2, 3], unit demand"]
figure, axes = plt.subplots(2, len(names), figsize=(13, 8), layout="constrained")
for column, name, title in zip(axes.T, names, titles, strict=True):
    MenuDisplay.from_estimator(optimal[name]).plot(column[0])
    MenuDisplay.from_estimator(learned[name]).plot(column[1])
    column[0].set_title(f"{title}: optimal")
    column[1].set_title(f"learned, {shares[name]:.2%} of the revenue")
plt.show()

# %%
# The menus as text. ``simplify`` drops rows of the learned menu, mainly near duplicates, as long as
# the loss of revenue on the samples is within a tolerance. The simplified menu is exactly truthful,
# as any menu from which the buyer chooses. Prices and probabilities differ more from the optimum
# than revenue does, as revenue is flat near the optimum.
for name, title in zip(names, titles, strict=True):
    simple = learned[name].menu_.simplify(samples[name][:, 0], tolerance=1e-4)
    print(f"{title}\n  optimal:")
    print("    " + str(optimal[name].menu_).replace("\n", "\n    "))
    print(f"  learned, {len(simple.prices)} of {len(learned[name].menu_.prices)} rows:")
    print("    " + str(simple).replace("\n", "\n    "))
