"""Searches in other processes and on a dask cluster: the same bits, and no work lost."""

import logging
import os
import pickle
from collections import Counter
from itertools import chain

import dask
import joblib
import numpy as np
import pytest
import torch
from distributed import Client, LocalCluster
from joblib.externals.loky import get_reusable_executor
from mortal import MortalAuction, scores_and_threads
from sklearn.model_selection import GridSearchCV, KFold, ShuffleSplit
from test_common import make

from sklauction import RevenueScorer, best_under_regret

# Interval at which dask drops extra copies of data, 2 s by default: here shorter than a fit.
IMPATIENT = {"distributed.scheduler.active-memory-manager.interval": "50ms"}


@pytest.fixture(scope="module")
def client():
    """A client of two processes, started without OMP_NUM_THREADS."""
    environment = dict(os.environ)
    os.environ.pop("OMP_NUM_THREADS", None)
    with dask.config.set(IMPATIENT):
        cluster = LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,  # workers are killed on purpose
        )
    with cluster, Client(cluster) as client:
        client.amm.stop()  # see docs/cluster.md
        yield client
    # dask sets environment variables and does not restore them.
    os.environ.clear()
    os.environ.update(environment)


def assert_same_results(search, expected, valuations):
    """Compare everything but seconds and threads, bit for bit."""
    assert search.best_params_ == expected.best_params_
    for name, column in expected.cv_results_.items():
        if not name.endswith(("_time", "_threads")):
            assert list(search.cv_results_[name]) == list(column), name
    outcomes = [np.asarray(found.predict(valuations)) for found in (search, expected)]
    np.testing.assert_array_equal(*outcomes)


@pytest.mark.parametrize(
    "backend, name, grid",
    [
        ("dask", "algnet-mlp", {"architecture": ["mlp", "equivariant"]}),
        pytest.param("loky", "affine", {"deterministic": [False, True]}, marks=pytest.mark.stress),
    ],
)
def test_a_search_in_processes_of_one_thread_finds_the_same_bits(
    backend, name, grid, request, valuations
):
    def search(n_jobs=None):
        scoring = {"scoring": scores_and_threads, "refit": best_under_regret(0.5)}
        cv = ShuffleSplit(n_splits=1, test_size=0.5, random_state=0)
        return GridSearchCV(make(name), grid, cv=cv, n_jobs=n_jobs, **scoring)

    if backend == "dask":
        options = {"client": request.getfixturevalue("client")}
        with pytest.raises(AssertionError, match="inner_max_num_threads"):
            joblib.parallel_config("dask", inner_max_num_threads=1, **options)
    else:
        options = {"inner_max_num_threads": 1}
    with joblib.parallel_config(backend, **options):
        found = search(n_jobs=2).fit(valuations)
    if backend == "loky":
        get_reusable_executor().shutdown(wait=True)
    assert list(found.cv_results_["split0_test_threads"]) == [1, 1]
    assert_same_results(found, search().fit(valuations), valuations)


@pytest.mark.stress
def test_the_script_runs_on_running_workers(client, run_python):
    command = ["-W", "error", "../examples/search_on_a_cluster.py"]
    command += ["--scheduler", client.scheduler.address]
    client.wait_for_workers(2)
    printed = run_python(*command, OMP_NUM_THREADS="1", SKLAUCTION_EXAMPLE_SIZE="0.01")
    assert "chosen: {'hidden_layer_sizes':" in printed


@pytest.mark.stress
@pytest.mark.parametrize("death", [3, 12], ids=["amid", "last"])
def test_a_killed_worker_costs_its_fit_and_no_result(death, client, tmp_path):
    # joblib scatters arrays of this size to the workers. Each case has its own profiles, as dask
    # may still be deleting those of the previous case.
    profiles = 3 * np.random.RandomState(death).uniform(size=(1000, 2, 2))
    folds = list(KFold(6).split(profiles))

    def search(**notes):
        auction = MortalAuction(n_bidders=2, **notes)
        grid = {"reserve": [None, 1.5]}
        return GridSearchCV(auction, grid, scoring=RevenueScorer(), cv=folds)

    client.wait_for_workers(2)
    with joblib.parallel_config("dask", client=client, scatter=[profiles, *chain(*folds)]):
        found = search(notes=str(tmp_path), dies_in=death).fit(profiles)
    assert_same_results(found, search().fit(profiles), profiles)
    numbers = range(1, 1 + len(os.listdir(tmp_path)))
    fits = [(tmp_path / str(number)).read_text().split(maxsplit=1) for number in numbers]
    process, lost = fits[death - 1]
    # joblib keeps a reference to the newest result, which dask recomputes if its worker died.
    newest = [fit for owner, fit in fits[: death - 1] if owner == process][-1:]
    again = Counter(fit for _, fit in fits) - Counter({fit for _, fit in fits})
    assert Counter([lost]) <= again <= Counter([lost, *newest])
    # Twelve fits of folds, and one of all profiles.
    assert len(fits) == 12 + 1 + again.total()


def tensors_of(auction):
    net = auction.net_
    weights = [*net.average_weights_.values(), *net.module_.parameters()]
    return [*weights, *auction.mechanism_.parameters(), *auction.mechanism_.buffers()]


def pretend_all_is_on_a_gpu(monkeypatch):
    """Mark tensors in pickles as on a GPU, except those that were moved to the CPU."""
    moved, to = {}, torch.Tensor.to

    def tag(storage):
        return "cpu" if storage.data_ptr() in moved else "cuda:0"

    def cpu(tensor):
        copy = tensor.detach().clone().requires_grad_(tensor.requires_grad)
        moved[copy.data_ptr()] = copy  # a reference, so that the address is not reused
        return copy

    def to_or_cpu(tensor, *where, **options):
        return cpu(tensor) if str(where[:1]) == "('cpu',)" else to(tensor, *where, **options)

    monkeypatch.setattr(torch.serialization, "location_tag", tag)
    monkeypatch.setattr(torch.Tensor, "cpu", cpu)
    monkeypatch.setattr(torch.Tensor, "to", to_or_cpu)


@pytest.mark.parametrize("name", ["affine", "algnet-mlp", "bundle-pricing", "regretnet"])
def test_an_auction_from_a_gpu_comes_back_on_the_cpu(name, monkeypatch, valuations):
    auction = make(name, warm_start=True).fit(valuations)
    expected = np.asarray(auction.predict(valuations))
    places = [tensor.data_ptr() for tensor in tensors_of(auction)]
    with monkeypatch.context() as patches:
        pretend_all_is_on_a_gpu(patches)
        auction.net_.device = "cuda"
        sent = pickle.dumps(auction)
    assert places == [tensor.data_ptr() for tensor in tensors_of(auction)]
    # Without a GPU, loading a tensor from a GPU is an error.
    back = pickle.loads(sent)
    assert {tensor.device.type for tensor in tensors_of(back)} == {"cpu"}
    np.testing.assert_array_equal(np.asarray(back.predict(valuations)), expected)
    # A fit continues on the parameter `device`.
    again = [np.asarray(go_on.fit(valuations).predict(valuations)) for go_on in (auction, back)]
    np.testing.assert_array_equal(*again)
    assert auction.net_.device == back.net_.device == "cpu"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_an_auction_goes_to_a_gpu_and_back(valuations):
    auction = make("algnet-mlp", warm_start=True, device="cuda").fit(valuations)
    back = pickle.loads(pickle.dumps(auction))
    assert {tensor.device.type for tensor in tensors_of(back)} == {"cpu"}
    # Rounding of float64, in money of size 3.
    outcomes = [np.asarray(fitted.predict(valuations)) for fitted in (auction, back)]
    np.testing.assert_allclose(*outcomes, atol=1e-9)
    assert {tensor.device.type for tensor in tensors_of(back.fit(valuations))} == {"cuda"}
