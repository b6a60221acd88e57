"""
Grid search on a cluster
========================

This example runs the fits of a grid search on a dask cluster: two processes on this machine, or the
workers of another scheduler. If a worker dies, only its current fit is repeated. The user guide
has a page on clusters. The example is not run for this gallery; run it as a script::

    python search_on_a_cluster.py
    python search_on_a_cluster.py --scheduler tcp://10.0.0.1:8786

Set ``OMP_NUM_THREADS=1`` to get bit-identical results without a cluster, as the search refits its
best candidate in the main process.
"""

import argparse
import os
from itertools import chain

import dask
import joblib
from distributed import Client
from sklearn.model_selection import GridSearchCV, check_cv

from sklauction import BundlePricingAuction, auction_scorers, best_under_regret
from sklauction.datasets import make_valuations

SIZE = float(os.environ.get("SKLAUCTION_EXAMPLE_SIZE", 1))
# Dask sets this variable for its workers, which makes fits slower.
TRIM = "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_"


# %%
# Each worker has one thread. Local workers end with the client.
def connect(scheduler):
    """Return a client of the scheduler, or of two new local processes if it is None."""
    if scheduler is not None:
        return Client(scheduler)
    with dask.config.set({TRIM: None}):
        return Client(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0")


# %%
# Profiles and folds are copied to every worker before the search.
def fit_on_workers(client, search, V):
    """Fit the search, with copies of its input on all workers."""
    client.wait_for_workers(2, timeout=60)
    client.amm.stop()  # otherwise dask drops duplicate copies
    folds = list(check_cv(search.cv).split(V))
    with joblib.parallel_config("dask", client=client, scatter=[V, *chain(*folds)]):
        return search.set_params(cv=folds).fit(V)


# %%
# The condition at the end is necessary, as local workers import the script when they start.
def main():
    """Search for the widths of the layers of BundlePricingAuction."""
    parser = argparse.ArgumentParser(description="Grid search on a cluster.")
    parser.add_argument("--scheduler", help="address of a scheduler; default: two local processes")
    arguments = parser.parse_args()
    V = make_valuations(int(5000 * SIZE) + 200, n_bidders=2, n_items=2, random_state=0)
    search = GridSearchCV(
        BundlePricingAuction(n_bidders=2, max_iter=max(1, int(10 * SIZE)), random_state=0),
        {"hidden_layer_sizes": [(16, 16), (32, 32)]},
        scoring=auction_scorers(),
        refit=best_under_regret(0.001),
        cv=2,
    )
    with connect(arguments.scheduler) as client:
        fit_on_workers(client, search, V)
    results = search.cv_results_
    for params, revenue, score in zip(
        results["params"], results["mean_test_revenue"], results["mean_test_score"]
    ):
        print(f"revenue {revenue:.4f}, score {score:.4f}: {params}")
    print("chosen:", search.best_params_)


if __name__ == "__main__":
    main()
