"""Time of a search on a dask cluster of two processes, and the effect of killed workers.

Run from the root of the repository, on a machine of at least two cores::

    OMP_NUM_THREADS=1 python benchmarks/cluster.py

The first part times one search of price sheets in this process, in two loky processes, and on two
dask workers with and without dask's memory trimming, and checks that the results are identical.
The second part runs searches in which a worker kills itself after a fit, before its score: the
first worker that reaches score number 1, 2 and so on. Each of these searches runs in the
recommended way, which copies profiles and folds to all workers, and with
``parallel_config("dask")`` alone.
"""

import argparse
import contextlib
import logging
import os
import resource
import signal
import tempfile
import time
from itertools import chain, count
from pathlib import Path

import dask
import joblib
import numpy as np
from distributed import Client
from sklearn.model_selection import GridSearchCV, KFold

from sklauction import BundlePricingAuction, RevenueScorer
from sklauction.datasets import make_valuations

WORKERS = {
    "n_workers": 2,
    "threads_per_worker": 1,
    "dashboard_address": "127.0.0.1:0",
    "silence_logs": logging.CRITICAL,  # workers are killed on purpose
}
# dask sets this for its workers; it makes fits slower. See docs/cluster.md.
TRIM = "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_"
V = make_valuations(2000, n_bidders=2, n_items=2, random_state=0)
FOLDS = list(KFold(3).split(V))
RATES = [0.001, 0.003, 0.01, 0.03]
N_FITS = len(RATES) * len(FOLDS)


class MortalScorer:
    """Revenue scorer that counts its calls in a folder and kills its process at a given call."""

    def __init__(self, folder, dies_in):
        self.folder, self.dies_in = folder, dies_in

    def __call__(self, auction, X, y=None):
        """Return the revenue, unless this is the call that kills the process."""
        for number in count(1):
            with contextlib.suppress(FileExistsError), open(Path(self.folder, str(number)), "x"):
                break
        if number == self.dies_in:
            os.kill(os.getpid(), signal.SIGKILL)
        return RevenueScorer()(auction, X)


def make_search(max_iter, scoring):
    auction = BundlePricingAuction(n_bidders=2, max_iter=max_iter, random_state=0)
    grid = {"learning_rate_init": RATES}
    return GridSearchCV(auction, grid, scoring=scoring, cv=FOLDS, refit=False)


def fit_advised(client, search):
    client.wait_for_workers(2)
    client.amm.stop()
    with joblib.parallel_config("dask", client=client, scatter=[V, *chain(*FOLDS)]):
        return search.fit(V)


def fit_plain(client, search):
    client.wait_for_workers(2)
    client.amm.start()
    with joblib.parallel_config("dask", client=client):
        return search.fit(V)


def splits(search):
    return np.stack([search.cv_results_[f"split{k}_test_score"] for k in range(len(FOLDS))])


def time_ways(max_iter, n_rounds):
    """Time one search with four methods, in turn."""
    with dask.config.set({TRIM: None}):
        usual = Client(**WORKERS)
    with usual, Client(**WORKERS) as trimming:

        def serial(search):
            return search.fit(V)

        def loky(search):
            with joblib.parallel_config("loky", inner_max_num_threads=1, n_jobs=2):
                return search.fit(V)

        ways = {
            "one process": (serial, lambda: [time.process_time()]),
            "loky, 2 processes": (loky, lambda: []),
            "dask, 2 workers": (
                lambda search: fit_advised(usual, search),
                lambda: usual.run(time.process_time).values(),
            ),
            "dask, 2 workers that trim": (
                lambda search: fit_advised(trimming, search),
                lambda: trimming.run(time.process_time).values(),
            ),
        }
        expected = splits(serial(make_search(max_iter, RevenueScorer())))
        for way, _ in ways.values():
            way(make_search(1, RevenueScorer()))  # loads torch
        print("| method | round | seconds | processor seconds | identical |")
        print("|---|---|---|---|---|")
        for turn in range(1, n_rounds + 1):
            for name, (way, clocks) in ways.items():
                worked, started = sum(clocks()), time.perf_counter()
                found = splits(way(make_search(max_iter, RevenueScorer())))
                seconds, worked = time.perf_counter() - started, sum(clocks()) - worked
                worked = f"{worked:.1f}" if worked else "not measured"
                same = "yes" if np.array_equal(found, expected) else "NO"
                print(f"| {name} | {turn} | {seconds:.1f} | {worked} | {same} |", flush=True)
        peaks = usual.run(lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
        print("peak memory of a worker, GiB:", *(f"{peak:.2f}" for peak in peaks.values()))


def kill_workers(deaths):
    """Print the outcome of searches in which a worker dies."""
    expected = splits(make_search(1, RevenueScorer()).fit(V))
    for fit in (fit_advised, fit_plain):
        for death in deaths:
            with tempfile.TemporaryDirectory() as folder, Client(**WORKERS) as client:
                try:
                    found = splits(fit(client, make_search(1, MortalScorer(folder, death))))
                    outcome = f"identical results: {np.array_equal(found, expected)}"
                except Exception as error:
                    outcome = f"the search ended with {type(error).__name__}"
                done = len(os.listdir(folder))
            again = f"{done - N_FITS} of {N_FITS} repeated" if done >= N_FITS else f"{done} fits"
            print(f"{fit.__name__}, death in fit {death}: {outcome}; {again}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-iter", type=int, default=3, help="iterations of each timed fit")
    parser.add_argument("--rounds", type=int, default=2, help="timings of each method")
    parser.add_argument("--deaths", type=int, nargs="*", default=[1, 2, 3, 6, 9, 12])
    arguments = parser.parse_args()
    if arguments.rounds:
        time_ways(arguments.max_iter, arguments.rounds)
    kill_workers(arguments.deaths)


if __name__ == "__main__":
    main()
