"""
Optimal menus, and what RochetNet learns
========================================

For a few priors the best auction for one buyer of two items is known in closed form: a short price
list, sometimes with a lottery on it. Above, the regions of values in which the buyer takes each
row of the optimal list; below, those of the list that RochetNet learned from 20,000 samples.
"""

import sys

import matplotlib.pyplot as plt

from sklauction import MenuDisplay, RochetNetAuction, SingleBuyerAuction
from sklauction.datasets import load_setting

NAMES = ["additive_1x2_uniform", "additive_1x2_uniform_416_47", "unit_1x2_uniform_23"]

figure, axes = plt.subplots(2, len(NAMES), figsize=(13, 8), layout="constrained")
for column, name in zip(axes.T, NAMES, strict=True):
    setting = load_setting(name)
    values = setting.sample(20_000, random_state=0)
    fresh = setting.sample(200_000, random_state=1)
    optimal = SingleBuyerAuction(prior=setting, demand=setting.demand).fit(values)
    learned = RochetNetAuction(demand=setting.demand, max_iter=30, random_state=0).fit(values)
    revenue = learned.predict(fresh).payments.mean()
    share = revenue / optimal.predict(fresh).payments.mean()
    print(f"{setting.description}: optimum {optimal.revenue_:.5f}, {optimal.source_}")
    print(f"  learned {revenue:.5f} on fresh profiles, {share:.2%} of what the optimum earns there")
    # The regions are the same but for slivers.
    for axis, auction in zip(column, (optimal, learned), strict=True):
        MenuDisplay.from_estimator(auction).plot(axis)
    column[0].set_title(f"{setting.description}, {setting.demand}: optimal")
    column[1].set_title(f"learned, {share:.2%} of it")

if len(sys.argv) > 1:
    figure.savefig(sys.argv[1], dpi=80)
else:
    plt.show()
