"""
Monitoring a grid search
========================

This example follows the candidates of a grid search during training with scikit-learn's
callbacks. :class:`~sklauction.RegretMonitor` audits each auction after every iteration.
"""

# %%
# The progress bar is set on the search and shows each candidate in each fold. The monitor is set
# on the auction. Both need scikit-learn 1.9 or later; the progress bar also needs ``rich``.
import os

import matplotlib.pyplot as plt
from sklearn.callback import ProgressBar
from sklearn.model_selection import GridSearchCV

from sklauction import ALGNetAuction, RegretMonitor, auction_scorers, best_under_regret
from sklauction.datasets import make_valuations

SIZE = float(os.environ.get("SKLAUCTION_EXAMPLE_SIZE", 1))

V = make_valuations(int(2000 * SIZE) + 100, n_bidders=2, n_items=1, random_state=0)
monitor = RegretMonitor(n_samples=50)
auction = ALGNetAuction(n_bidders=2, max_iter=max(1, int(6 * SIZE)), random_state=0)
auction.set_callbacks(monitor)
search = GridSearchCV(
    auction,
    {"architecture": ["mlp", "equivariant"]},
    scoring=auction_scorers(),
    refit=best_under_regret(0.001),
    cv=2,
)
search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(V)
print("chosen:", search.best_params_)

# %%
# The log has one row per iteration. Its path of task ids identifies the fit: candidates are in the
# order of ``cv_results_``, each in all folds.
log = monitor.get_logs().data_as_pandas
fits = [rows for _, rows in log.groupby("parent_task_id_path") if len(rows.iloc[0, 0]) == 4]
names = [candidate["architecture"] for candidate in search.cv_results_["params"]]

figure, (above, below) = plt.subplots(
    2, 1, figsize=(5.6, 5.6), sharex=True, layout="constrained", height_ratios=[2, 3]
)
for number, rows in enumerate(fits):
    candidate, fold = divmod(number, search.n_splits_)
    style = {"color": ("tab:blue", "tab:orange")[candidate], "ls": ("-", "--")[candidate]}
    style |= {"marker": "os"[fold], "ms": 5, "label": f"{names[candidate]}, fold {fold}"}
    above.plot(rows["task_id"] + 1, rows["revenue"], **style)
    below.plot(rows["task_id"] + 1, -rows["regret"], **style)
above.set(ylabel="revenue, money", title="Held-out profiles, after each iteration")
below.set(xlabel="iterations", ylabel="total regret found, money", yscale="log")
below.legend(frameon=False, fontsize=8)
plt.show()

# %%
# Revenue differs between folds because their held-out profiles differ, so compare candidates
# within a fold. The regret found by an audit is a lower bound.
