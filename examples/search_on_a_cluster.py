"""
A search on a cluster
=====================

A grid search whose fits run on the workers of a dask cluster: two processes of this machine, or
those of a scheduler that runs elsewhere. A worker that dies costs the fit it was at. The page on
clusters says why it is done so. Not run for this gallery; as a script::

    python search_on_a_cluster.py
    python search_on_a_cluster.py --scheduler tcp://10.0.0.1:8786

For the same bits as without a cluster, start it with ``OMP_NUM_THREADS=1``: the search fits its
best candidate in this process.
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
# What dask sets for workers, and what makes fits slower.
TRIM = "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_"


# %%
# Workers of one thread each. Those of this machine live as long as the client.
def connect(scheduler):
    """Return a client of a scheduler's address, or of two new processes where that is None."""
    if scheduler is not None:
        return Client(scheduler)
    with dask.config.set({TRIM: None}):
        return Client(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0")


# %%
# Profiles and folds are copied to every worker before the search, and stay there.
def fit_on_workers(client, search, V):
    """Fit a search; nothing that it needs is on one worker alone."""
    client.wait_for_workers(2, timeout=60)
    client.amm.stop()  # dask would drop all copies but one
    folds = list(check_cv(search.cv).split(V))
    with joblib.parallel_config("dask", client=client, scatter=[V, *chain(*folds)]):
        return search.set_params(cv=folds).fit(V)


# %%
# Scripts need the last line's condition: workers on this machine read the script as they start.
def main():
    """Search for the width of the network that writes price sheets."""
    parser = argparse.ArgumentParser(description="A search on a cluster.")
    parser.add_argument("--scheduler", help="address of a scheduler; else two local processes")
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
