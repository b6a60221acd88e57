"""
Choosing an auction by grid search
==================================

Which architecture, and how wide? Auctions are scikit-learn estimators, so
:class:`~sklearn.model_selection.GridSearchCV` can say. But the candidate of most revenue is not
what is looked for: an auction that leaves much regret shows revenue that it would not earn, as
bidders gain by not telling the truth. This example searches for the most revenue among candidates
whose regret stays under a cap.
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
# Two bidders, two items, values uniform on [0, 1]. To save time, each candidate is trained for 6
# iterations instead of 100, with a quarter of the default batch, and scored on one held-out part
# instead of several folds: candidates are compared as they are after a short training.
#
# ``auction_scorers()`` makes one audit of each candidate on the held-out part, and takes score,
# revenue and minus the regret from it. ``best_under_regret(0.0005)`` is a rule for ``refit``:
# the most revenue among candidates with a total regret of at most 0.0005, in the unit of the
# valuations; if there is none, the one with the least regret.
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
# All candidates. Regret is what a quick search found on the held-out part: a lower bound.
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
# The rule can be asked again without another search, for other caps. A larger one allows for
# more revenue at more regret.
for tol in (0.01, cap, 1e-6):
    chosen = table.loc[best_under_regret(tol)(search.cv_results_)]
    print(f"regret at most {tol:g}: {chosen['architecture']} {chosen['widths']}")

# %%
# The candidates and the cap, with curves of equal score. Price sheets
# (``architecture="pricing"``) have as good as no regret, whatever their weights: a bidder's
# sheet is written from the other bids.
names = [f"{row.architecture} {row.widths}" for row in table.itertuples()]
figure, ax = plt.subplots(figsize=(7.2, 4.8), layout="constrained")
ComparisonDisplay(names, table["revenue"].to_numpy(), table["regret found"].to_numpy()).plot(ax)
ax.axvspan(cap, ax.get_xlim()[1], color="0.85", zorder=0)
ax.set_title(f"darker, right: regret above the cap\n{ax.get_title()}", fontsize=9)
plt.show()

# %%
# ``best_estimator_`` was fitted on all profiles. For the report it is audited once more, with
# the default effort, on profiles that the search has not seen.
fresh = make_valuations(int(300 * SIZE) + 20, n_bidders=2, n_items=2, random_state=1)
print(measure_regret(search.best_estimator_, fresh, random_state=0, verbose=False))
