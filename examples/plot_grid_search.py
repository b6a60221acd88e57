"""
Choosing an auction by grid search
==================================

This example selects the architecture and width of a learned auction with
:class:`~sklearn.model_selection.GridSearchCV`. Revenue alone is no criterion: an auction with much
regret would not earn its revenue, as bidders gain by misreporting. The search chooses the candidate
with the most revenue among those whose regret is below a cap.
"""

import os

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.model_selection import GridSearchCV, ShuffleSplit

from sklauction import (
    ALGNetAuction,
    ComparisonDisplay,
    auction_scorers,
    best_under_regret,
    measure_regret,
)
from sklauction.datasets import make_valuations

SIZE = float(os.environ.get("SKLAUCTION_EXAMPLE_SIZE", 1))

# %%
# There are two bidders and two items, and all values are uniform on [0, 1]. To save time, each
# candidate is trained for 6 iterations instead of 100, with a quarter of the default batch size,
# and evaluated on one held-out part instead of several folds.
#
# ``auction_scorers()`` audits each candidate once on the held-out part and returns score, revenue
# and minus the regret. ``best_under_regret(0.0005)`` is a rule for ``refit``: it chooses the most
# revenue among candidates with a total regret of at most 0.0005, in the unit of the valuations. If
# there is none, it chooses the candidate with the least regret.
#
# A search in full takes long. To follow it, import ``ProgressBar`` from ``sklearn.callback`` and
# call ``search.set_callbacks(ProgressBar(max_propagation_depth=None))`` before ``fit``.
V = make_valuations(int(5000 * SIZE) + 200, n_bidders=2, n_items=2, random_state=0)
cap = 0.0005
search = GridSearchCV(
    ALGNetAuction(n_bidders=2, batch_size=2, max_iter=max(1, int(6 * SIZE)), random_state=0),
    {
        "architecture": ["mlp", "equivariant", "pricing"],
        "hidden_layer_sizes": [(16, 16), (32, 32)],
    },
    scoring=auction_scorers(),
    refit=best_under_regret(cap),
    cv=ShuffleSplit(n_splits=1, test_size=0.3, random_state=0),
).fit(V)
print("chosen:", search.best_params_)

# %%
# The table shows all candidates. Regret was found by a quick audit of the held-out part, so it is
# a lower bound.
results = pd.DataFrame(search.cv_results_)
table = pd.DataFrame(
    {
        "architecture": results["param_architecture"],
        "widths": results["param_hidden_layer_sizes"].map(str),
        "revenue": results["mean_test_revenue"].round(4),
        "regret found": results["mean_test_regret"].abs().round(6),
        "score": results["mean_test_score"].round(4),
        "fit, s": results["mean_fit_time"].round(1),
    }
)
print(table.to_string())

# %%
# The rule can be applied to the same results with other caps. A larger cap allows more revenue with
# more regret.
for tol in (0.01, cap, 1e-6):
    chosen = table.loc[best_under_regret(tol)(search.cv_results_)]
    print(f"regret at most {tol:g}: {chosen['architecture']} {chosen['widths']}")

# %%
# The figure shows the candidates, the cap and curves of equal score. Price sheets
# (``architecture="pricing"``) have almost no regret, as the price sheet of a bidder depends only on
# the other bids.
names = [f"{row.architecture} {row.widths}" for row in table.itertuples()]
figure, ax = plt.subplots(figsize=(7.2, 5.6), layout="constrained")
ComparisonDisplay(names, table["revenue"].to_numpy(), table["regret found"].to_numpy()).plot(ax)
ax.axvspan(cap, ax.get_xlim()[1], color="0.85", zorder=0)
ax.set_title("dark, right: regret above the cap", fontsize=10)
plt.show()

# %%
# ``best_estimator_`` was fitted on all profiles. Its final audit uses the default effort and
# profiles that the search has not seen.
fresh = make_valuations(int(300 * SIZE) + 20, n_bidders=2, n_items=2, random_state=1)
print(measure_regret(search.best_estimator_, fresh, random_state=0, verbose=False))
