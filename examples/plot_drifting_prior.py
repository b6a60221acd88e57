"""
A prior that moves while the auction learns
===========================================

Two bidders, one item. Their values are uniform on [0, 1] at first, on [1, 2] in the end. Both
auctions see 1,000 profiles of each moment and take 100 steps. Nothing in ALGNet's objective or step
size knows how far training is; RegretNet's price of regret follows a schedule. The best auction of
each moment is Myerson's: revenue above it comes with the regret below.
"""

import os
import sys

import matplotlib.pyplot as plt
from scipy.stats import uniform

from sklauction import ALGNetAuction, RegretNetAuction, measure_regret
from sklauction.analytic.expected_sale import myerson_revenue
from sklauction.datasets import make_drifting_valuations

N_STEPS = int(os.environ.get("SKLAUCTION_EXAMPLE_STEPS", 25))

stream = make_drifting_valuations(N_STEPS, 1500, 2, 1, end=uniform(1, 1), random_state=0)
auctions = {
    "ALGNet": ALGNetAuction(n_bidders=2, support=(0, 2), random_state=0),
    "RegretNet": RegretNetAuction(n_bidders=2, support=(0, 2), random_state=0),
}
moments = [step / (N_STEPS - 1) for step in range(N_STEPS)]
optima = [myerson_revenue([uniform(moment, 1)] * 2) for moment in moments]

figure, (above, below) = plt.subplots(
    2, 1, figsize=(6.4, 6.4), sharex=True, layout="constrained", height_ratios=[3, 2]
)
above.plot(moments, optima, color="black", label="optimum of the moment (Myerson)")
for (name, auction), style in zip(auctions.items(), ("o-", "s--"), strict=True):
    revenues, regrets = [], []
    for profiles in stream:
        auction.partial_fit(profiles[:1000])
        report = measure_regret(auction, profiles[1000:], effort="quick", random_state=0)
        revenues.append(report.revenue)
        regrets.append(report.total_regret)
    above.plot(moments, revenues, style, ms=4, label=name)
    below.plot(moments, regrets, style, ms=4, label=name)
    sure = sum(max(p**0.5 - r**0.5, 0) ** 2 for p, r in zip(revenues, regrets, strict=True))
    print(
        f"{name}: revenue {sum(revenues) / sum(optima):.1%} of the optimum over all moments, "
        f"regret {sum(regrets) / len(regrets):.4f}, (sqrt(P) - sqrt(R))^2 {sure / sum(optima):.1%}"
    )
above.set_ylabel("revenue, money")
above.legend(frameon=False)
below.set(
    xlabel="lowest value of the moment, money", ylabel="total regret found, money", yscale="log"
)

if len(sys.argv) > 1:
    figure.savefig(sys.argv[1], dpi=80)
else:
    plt.show()
