"""
Optimal menus, and what RochetNet learns
========================================

How close does a learned price list come to the best one? For a few priors the optimal auction
for one buyer of two items is known in closed form: a short price list, sometimes with a lottery
on it. :class:`~sklauction.SingleBuyerAuction` looks it up, and
:class:`~sklauction.RochetNetAuction` learns one from some 20,000 samples.
"""

import os

import matplotlib.pyplot as plt

from sklauction import MenuDisplay, RochetNetAuction, SingleBuyerAuction
from sklauction.datasets import load_setting

SIZE = float(os.environ.get("SKLAUCTION_EXAMPLE_SIZE", 1))

# %%
# Three settings of the literature: two buyers for whom values add up, and one who wants a single
# item (unit demand). The learned auction sees samples only. Both are run on the same fresh
# profiles, so that most of the sampling error cancels in the ratio (a share slightly above 100 %
# would be what is left of it: no truthful auction earns more than the optimum in expectation).
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
    print(f"  learned revenue on the fresh profiles {revenue:.5f}, a share of {shares[name]:.2%}")

# %%
# Above, the regions of values in which the buyer takes each row of the optimal list; below,
# those of the learned list. A region's label says with what probability the buyer gets each
# item, and at what price; regions too small for a label are left without.
titles = ["U[0, 1], additive", "U[4, 16] and U[4, 7], additive", "U[2, 3], unit demand"]
figure, axes = plt.subplots(2, len(names), figsize=(13, 8), layout="constrained")
for column, name, title in zip(axes.T, names, titles, strict=True):
    MenuDisplay.from_estimator(optimal[name]).plot(column[0])
    MenuDisplay.from_estimator(learned[name]).plot(column[1])
    column[0].set_title(f"{title}: optimal")
    column[1].set_title(f"learned, {shares[name]:.2%} of the revenue")
plt.show()

# %%
# The same lists in words. ``simplify`` drops rows of the learned one, near copies of others
# above all, as long as revenue on the samples stays within a tolerance. Whatever is dropped, a
# list stays exactly truthful, as the buyer takes the row that serves it best. Prices and
# probabilities are farther from the optimal ones than revenue is: near the optimum it is flat.
for name, title in zip(names, titles, strict=True):
    simple = learned[name].menu_.simplify(samples[name][:, 0], tolerance=1e-4)
    print(f"{title}\n  optimal:")
    print("    " + str(optimal[name].menu_).replace("\n", "\n    "))
    print(f"  learned, {len(simple.prices)} of {len(learned[name].menu_.prices)} rows:")
    print("    " + str(simple).replace("\n", "\n    "))
