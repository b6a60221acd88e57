"""Ctrl-C: the user's own fit keeps its iterations, and a fit called by a package raises."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from interrupting import N_UPDATES
from sklearn.base import BaseEstimator
from sklearn.model_selection import (
    GridSearchCV,
    ShuffleSplit,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from skorch.callbacks import Callback
from test_common import learned_attributes, make, predicted

from sklauction import ALGNetAuction, TruthfulAuction
from sklauction.utils.callbacks import with_callbacks
from sklauction.utils.interrupts import is_raised_by_code


@pytest.fixture(autouse=True)
def short_iterations(monkeypatch):
    """Short iterations, and no fits noted yet."""
    monkeypatch.setattr("sklauction.learned.auction.UPDATES_PER_ITERATION", N_UPDATES)
    monkeypatch.setattr(InFit, "begun", [])


class InFit(Callback):
    """Note the fits that begin, and interrupt the n-th in the middle of its second iteration."""

    begun: list = []  # of all copies

    def __init__(self, n):
        self.n = n

    def on_train_begin(self, net, **kwargs):
        self.begun.append(net)

    def on_batch_begin(self, net, **kwargs):
        if len(self.begun) == self.n and net.n_steps_ == N_UPDATES * 3 // 2:
            raise KeyboardInterrupt


def interrupted(n=1, name="algnet-mlp", **changes):
    """Return an auction of three iterations; Ctrl-C comes in the n-th fit of all its copies."""
    return make(name, **{"max_iter": 3, "callbacks": [InFit(n)], **changes})


def one_split():
    return ShuffleSplit(1, test_size=0.5, random_state=0)


def search(auction, X):
    return GridSearchCV(auction, {"learning_rate_init": [0.01, 0.02]}, cv=2).fit(X)


def call(fit):
    """A function of the user that joblib calls."""
    return fit()


def in_joblib(auction, X, **how):
    return joblib.Parallel(**how)([joblib.delayed(call)(lambda: auction.fit(X))] * 2)


# What fits an auction, and the fit that is interrupted: not the last of them.
CALLERS = {
    "GridSearchCV": (search, 2),
    "cross_validate": (lambda a, X: cross_validate(a, X, cv=2), 1),
    "cross_val_score": (lambda a, X: cross_val_score(a, X, cv=2), 1),
    "learning_curve": (lambda a, X: learning_curve(a, X, None, train_sizes=[0.5, 1.0], cv=2), 1),
    "joblib": (in_joblib, 1),
    "joblib, threads": (lambda a, X: in_joblib(a, X, n_jobs=1, backend="threading"), 1),
    "nested": (lambda a, X: cross_validate(make_pipeline(a), X, cv=2), 1),
}


@pytest.mark.parametrize("name", CALLERS)
def test_ctrl_c_ends_what_fits_many_auctions(name, valuations):
    function, n = CALLERS[name]
    auction = interrupted(n)
    with pytest.raises(KeyboardInterrupt):
        function(auction, valuations)
    assert len(InFit.begun) == n and not learned_attributes(auction)


ESTIMATORS = {
    "Pipeline": lambda auction: make_pipeline(FunctionTransformer(np.copy), auction),
    "TruthfulAuction": lambda auction: TruthfulAuction(auction),
    "GridSearchCV": lambda auction: GridSearchCV(auction, {"max_iter": [3]}, cv=one_split()),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_ctrl_c_in_an_estimator_leaves_it_unfitted(name, valuations):
    inner = interrupted(n_bidders=1)
    estimator = ESTIMATORS[name](inner)
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(valuations[:, :1])
    assert not hasattr(estimator, "best_estimator_") and not learned_attributes(inner)
    assert name == "GridSearchCV" or not learned_attributes(estimator)


def test_ctrl_c_in_a_pipeline_leaves_its_fitted_auction_as_it_was(valuations):
    auction = make("algnet-mlp", warm_start=True).fit(valuations)
    before, weights = dict(vars(auction)), auction.net_.state()["modules"]
    auction.net_.callbacks_.append(("stop", InFit(1).initialize()))
    auction.set_params(max_iter=3)
    with pytest.raises(KeyboardInterrupt):
        make_pipeline(auction).fit(valuations)
    assert vars(auction) == {**before, "max_iter": 3}
    after = auction.net_.state()["modules"]["module_"]
    assert all((after[key] == value).all() for key, value in weights["module_"].items())


def test_ctrl_c_in_a_search_keeps_the_checkpoint(valuations, tmp_path):
    path = tmp_path / "fit.checkpoint"
    auction = interrupted(checkpoint=path, checkpoint_every=9)
    with pytest.raises(KeyboardInterrupt):
        make_pipeline(auction).fit(valuations)
    resumed = make("algnet-mlp", max_iter=3, checkpoint=path, resume=True).fit(valuations)
    assert resumed.history_ == make("algnet-mlp", max_iter=3).fit(valuations).history_
    assert len(InFit.begun) == 1


class Study:
    """A class of the user that fits an auction."""

    def __init__(self, auction, X):
        self.auction, self.X = auction, X

    def fit(self, fit=None):
        return (fit or self.auction.fit)(self.X)


class MyAuction(ALGNetAuction):
    """A subclass with a fit of its own, decorated as in scikit-learn's guide for callbacks."""

    @with_callbacks
    def fit(self, X, y=None):
        return super().fit(X, y)


def in_thread(auction, X):
    thread = threading.Thread(target=auction.fit, args=(X,))
    thread.start()
    thread.join()


def as_subclass(auction, X):
    MyAuction.fit(auction, X)


DIRECT = {
    "function": lambda auction, X: auction.fit(X),
    "method": lambda auction, X: Study(auction, X).fit(),
    "thread": in_thread,
    "subclass": as_subclass,
}


@pytest.mark.parametrize("name", DIRECT)
def test_ctrl_c_in_the_users_own_fit_keeps_the_complete_iterations(name, valuations):
    auction = interrupted()
    if name == "subclass":
        auction = MyAuction(**auction.get_params(deep=False))
    with pytest.warns(UserWarning, match="the 1 complete iterations of 3"):
        DIRECT[name](auction, valuations)
    whole = make("algnet-mlp", max_iter=1).fit(valuations)
    np.testing.assert_array_equal(predicted(auction, valuations), predicted(whole, valuations))


def test_partial_fit_follows_the_same_rule(valuations):
    class Online(BaseEstimator):
        def fit(self, X, y=None):
            make("algnet-mlp", callbacks=[InFit(2)]).partial_fit(X).partial_fit(X)

    with pytest.warns(UserWarning, match="the 0 complete iterations of 1"):
        Online().fit(valuations)
    InFit.begun.clear()
    with pytest.raises(KeyboardInterrupt):
        make_pipeline(Online()).fit(valuations)


def test_a_pool_of_threads_gets_the_interrupt(valuations):
    with ThreadPoolExecutor(1) as pool:
        fit = pool.submit(interrupted().fit, valuations)
        with pytest.raises(KeyboardInterrupt):
            fit.result()


def test_ctrl_c_in_a_fit_within_a_fit_ends_the_inner_one_only(valuations):
    inner = interrupted(2)

    class Inside(InFit):
        def on_epoch_end(self, net, **kwargs):
            inner.fit(valuations)

        def on_batch_begin(self, net, **kwargs):
            """Do not interrupt the outer fit."""

    outer = make("algnet-mlp", max_iter=3, callbacks=[Inside(1)])
    outer.fit(valuations)  # KeyboardInterrupt of a callback ends training, as skorch defines it
    assert outer.n_iter_ == 1 and not learned_attributes(inner)


INTERRUPTED = """
import os, signal, sys, warnings
from interrupting import N_UPDATES
from skorch.callbacks import Callback
from test_common import make, profiles
from sklearn.model_selection import GridSearchCV
signal.signal(signal.SIGINT, signal.default_int_handler)

class AfterIteration(Callback):
    def on_epoch_end(self, net, **kwargs):
        if net.n_iter_ == 2:
            os.kill(os.getpid(), signal.SIGINT)

auction = make("rochetnet", max_iter=3, callbacks=[AfterIteration()])
X = profiles("rochetnet")
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    auction.fit(X)
print([str(one.message) for one in said if "interrupted" in str(one.message)], auction.n_iter_)
search = GridSearchCV(auction, {"menu_size": [4]}, cv=2)
try:
    search.fit(X)
except KeyboardInterrupt:
    print(hasattr(search, "cv_results_"))
"""


def test_a_signal_between_two_iterations_is_not_taken_for_a_callback(run_python):
    printed = run_python("-c", INTERRUPTED).splitlines()
    said = "fit was interrupted: the auction uses the 2 complete iterations of 3"
    assert printed == [f"{[said]} 2", "False"]


def raised_in_a_block():
    try:
        with open(os.devnull):
            raise KeyboardInterrupt
    finally:
        ""


def sent():
    signal.raise_signal(signal.SIGUSR1)


@pytest.mark.parametrize("function, expected", [(raised_in_a_block, True), (sent, False)])
def test_what_raised_an_exception(function, expected):
    """A handler in C, such as Python's own of SIGINT, raises without a statement."""
    kept = signal.signal(signal.SIGUSR1, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt) as caught:
            function()
    finally:
        signal.signal(signal.SIGUSR1, kept)
    assert is_raised_by_code(caught.value) is expected
