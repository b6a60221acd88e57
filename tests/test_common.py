"""One table of every estimator; every check runs over the whole table."""

import functools
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.stats import uniform
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import sklauction
from sklauction import (
    AffineMaximizerAuction,
    ALGNetAuction,
    BundleMyersonAuction,
    BundlePricingAuction,
    CallableAuction,
    LinearProgramAuction,
    LookAheadAuction,
    MenuNetAuction,
    MyersonAuction,
    RegretNetAuction,
    RochetNetAuction,
    SingleBuyerAuction,
    TruthfulAuction,
    VCGAuction,
)
from sklauction.base import BaseAuction
from sklauction.economics import feasibility_violation, ir_violation

pytestmark = pytest.mark.usefixtures("few_updates")

# Sizes that run every line of training, too small to earn well.
TINY_GAME = {
    "hidden_layer_sizes": (4,),
    "max_iter": 1,
    "batch_size": 2,
    "n_shared_reports": 3,
    "n_local_reports": 2,
    "n_proposals": 2,
    "n_refine_steps": 1,
    "random_state": 0,
}

TINY_LAGRANGIAN = {
    "hidden_layer_sizes": (4,),
    "max_iter": 1,
    "batch_size": 4,
    "n_cached_steps": 1,
    "random_state": 0,
}
TINY_BUDGET = {"architecture": "attention", "objective": "budget", "n_local_reports": 2}

TINY_PRICING = {
    "hidden_layer_sizes": (4,),
    "max_iter": 1,
    "anneal_iter": 4,
    "batch_size": 8,
    "random_state": 0,
}
TINY_MENU = {
    "menu_size": 8,
    "max_iter": 1,
    "anneal_iter": 4,
    "batch_size": 8,
    "n_starts": 2,
    "random_state": 0,
}
TINY_LOTTERIES = {"lottery_rows": 2, "n_starts": 2, "objective": "certified"}


class EqualShares:
    """A mechanism: an equal share of each item to every bidder, at half of the reported value."""

    # Without address: ids of tests must agree between processes.
    def __repr__(self):
        return "EqualShares()"

    def __call__(self, bids):
        share = np.full(bids.shape, 1.0 / bids.shape[1])
        return share, 0.5 * (share * bids).sum(axis=2)


class NamedPrior(type(uniform())):
    """A distribution whose repr has no address."""

    def __repr__(self):
        return f"{self.dist.name}{self.args}"


TABLE = {
    "affine": (AffineMaximizerAuction, TINY_MENU),
    "affine-integral": (AffineMaximizerAuction, {**TINY_MENU, "deterministic": True}),
    "affine-network": (AffineMaximizerAuction, {**TINY_MENU, "menu": "network"}),
    "affine-unit": (AffineMaximizerAuction, {**TINY_MENU, "demand": "unit"}),
    "algnet-equivariant": (ALGNetAuction, {**TINY_GAME, "architecture": "equivariant"}),
    "algnet-mlp": (ALGNetAuction, {**TINY_GAME, "architecture": "mlp"}),
    "algnet-attention": (
        ALGNetAuction,
        {**TINY_GAME, "architecture": "attention", "objective": "score"},
    ),
    "algnet-unit": (ALGNetAuction, {**TINY_GAME, "demand": "unit"}),
    "algnet-pricing": (
        ALGNetAuction,
        {**TINY_GAME, "architecture": "pricing", "validation_fraction": 0},
    ),
    "bundle-pricing": (BundlePricingAuction, TINY_PRICING),
    "bundle-pricing-lotteries": (BundlePricingAuction, {**TINY_PRICING, **TINY_LOTTERIES}),
    "bundle-pricing-unit": (BundlePricingAuction, {**TINY_PRICING, "demand": "unit"}),
    "callable": (CallableAuction, {"function": EqualShares()}),
    "bundle-myerson": (BundleMyersonAuction, {}),
    "linear-program": (LinearProgramAuction, {"n_bins": 2}),
    "linear-program-unit": (LinearProgramAuction, {"n_bins": 2, "demand": "unit"}),
    "look-ahead": (LookAheadAuction, {}),
    "look-ahead-neighbors": (LookAheadAuction, {"n_neighbors": 15, "symmetric": True}),
    "menunet": (MenuNetAuction, {**TINY_MENU, "hidden_layer_sizes": (4,)}),
    "myerson": (MyersonAuction, {}),
    "regretnet": (RegretNetAuction, TINY_LAGRANGIAN),
    "regretnet-attention": (RegretNetAuction, {**TINY_LAGRANGIAN, **TINY_BUDGET}),
    "rochetnet": (RochetNetAuction, TINY_MENU),
    "rochetnet-unit": (RochetNetAuction, {**TINY_MENU, "demand": "unit"}),
    "single-buyer": (SingleBuyerAuction, {"prior": NamedPrior(uniform, 0, 3)}),
    "truthful": (TruthfulAuction, {"auction": ALGNetAuction(**TINY_GAME), "random_state": 0}),
    "truthful-unit": (
        TruthfulAuction,
        {"auction": ALGNetAuction(**TINY_GAME, demand="unit"), "n_reports": 50, "random_state": 0},
    ),
    "vcg": (VCGAuction, {}),
    "vcg-reserve": (VCGAuction, {"reserve": 0.5}),
    "vcg-unit": (VCGAuction, {"demand": "unit"}),
}
# The first row of each class.
ROW_OF_CLASS = {TABLE[name][0]: name for name in reversed(TABLE)}
MORE_ROWS = [name for name in TABLE if name not in ROW_OF_CLASS.values()]
ONE_BIDDER = [
    name for name in TABLE if name.startswith(("menunet", "rochetnet", "single", "truthful"))
]
LEARNED = [name for name, (cls, _) in TABLE.items() if hasattr(cls, "partial_fit")]
# Rows without parameters in money, which do not scale with the data.
WITHOUT_MONEY = [name for name in TABLE if name not in ("single-buyer", "vcg-reserve")]


def usual_bidders(name):
    return 1 if name in ONE_BIDDER else 2


def make(name, n_bidders="usual", n_items=2, **changes):
    """Return an unfitted estimator of the table, by default for its usual number of bidders."""
    cls, parameters = TABLE[name]
    if n_bidders == "usual":
        n_bidders = usual_bidders(name)
    sizes = {"n_bidders": n_bidders, "n_items": n_items}
    if "auction" in parameters:  # a wrapped auction has the sizes
        inner = clone(parameters["auction"]).set_params(**sizes)
        parameters, sizes = {**parameters, "auction": inner}, {}
    return cls(**sizes, **{**parameters, **changes})


def profiles(name, n_samples=40, seed=0):
    """Return profiles on [0, 3) of the usual number of bidders, for two items."""
    shape = (n_samples, usual_bidders(name), 2)
    return np.random.RandomState(seed).uniform(0, 3, shape)


@functools.cache
def fitted(name):
    """Return an auction of the table, fitted; it is shared, and must not be changed."""
    return make(name).fit(profiles(name))


def predicted(auction, X):
    """Return allocations and payments as one array."""
    return np.asarray(auction.predict(X))


def learned_attributes(auction):
    return [name for name in vars(auction) if name.endswith("_")]


def assert_valid_outcome(auction, bids, outcome):
    """Assert that an outcome is finite, feasible and individually rational."""
    allocations, payments = outcome
    assert allocations.shape == bids.shape
    assert payments.shape == bids.shape[:2]
    assert np.isfinite(allocations).all()
    assert np.isfinite(payments).all()
    # Weights in single precision, evaluated in double.
    assert feasibility_violation(allocations, auction.demand).max() <= 1e-6
    # Relative to the bidder's own bid, however large the others' are.
    own = bids.max(axis=2)
    assert (ir_violation(bids, outcome) <= 1e-6 * own).all()
    assert (payments >= -1e-9 * own).all()


def any_bids(n_bidders, n_items, top, seed=1):
    """Return bids inside, on the edge of, and far outside the support."""
    random = np.random.RandomState(seed)
    bids = random.uniform(0, top, (60, n_bidders, n_items))
    bids[20:30] *= 100
    bids[30:40] *= 1e-6
    bids[40:45] = 0
    bids[45:50, 0] = 0
    bids[50:55] = top
    bids[55:60, :, 0] *= 1e9
    return bids


def test_table_holds_every_public_estimator():
    exported = [getattr(sklauction, name) for name in sklauction.__all__]
    auctions = {x for x in exported if isinstance(x, type) and issubclass(x, BaseAuction)}
    assert auctions == {cls for cls, _ in TABLE.values()}


def estimators(names):
    """Return estimators for the flat X of scikit-learn's checks: of one bidder."""
    made = [TABLE[name][0](**TABLE[name][1]) for name in names]
    return [one.set_params(n_bidders=1) if "n_bidders" in one.get_params() else one for one in made]


@parametrize_with_checks(estimators(ROW_OF_CLASS.values()))
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.stress
@parametrize_with_checks(estimators(MORE_ROWS))
def test_scikit_learn_contract_of_more_rows(estimator, check):
    check(estimator)


# Of scikit-learn's checks only this one depends on SCIPY_ARRAY_API, which must be set early.
ARRAY_API = """
import sys
from sklearn.utils.estimator_checks import estimator_checks_generator
from test_common import estimators
import sklauction.learned.auction

sklauction.learned.auction.UPDATES_PER_ITERATION = 3
for estimator in estimators(sys.argv[1:]):
    checks = {check.func.__name__: check for _, check in estimator_checks_generator(estimator)}
    checks["check_array_api_input"](estimator)
"""


@pytest.mark.parametrize(
    "names", [ROW_OF_CLASS.values(), pytest.param(MORE_ROWS, marks=pytest.mark.stress)]
)
def test_scikit_learn_contract_with_array_api(names):
    done = subprocess.run(
        [sys.executable, "-c", ARRAY_API, *names],
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        cwd=os.path.dirname(__file__),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", TABLE)
def test_shapes_units_and_repr(name):
    auction, n_bidders = fitted(name), usual_bidders(name)
    outcome = auction.predict(profiles(name, 7))
    allocations, payments = outcome
    assert allocations.shape == (7, n_bidders, 2) and payments.shape == (7, n_bidders)
    assert outcome.allocations is allocations and outcome.payments is payments
    assert type(auction.score(profiles(name, 5))) is float
    assert auction.n_items_ == 2 and auction.n_features_in_ == 2 * n_bidders
    assert auction.support_.shape == (n_bidders, 2, 2)
    assert type(auction).__name__ in repr(auction)


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("n_bidders, n_items", [(1, 1), (1, 3), (2, 2), (3, 1)])
def test_feasible_and_rational_for_any_bids(name, n_bidders, n_items):
    if name in ONE_BIDDER:
        n_bidders = 1
    values = np.random.RandomState(0).uniform(0, 2, (40, n_bidders, n_items))
    auction = make(name, n_bidders, n_items).fit(values)
    bids = any_bids(n_bidders, n_items, top=2.0)
    assert_valid_outcome(auction, bids, auction.predict(bids))


@pytest.mark.parametrize("name", TABLE)
def test_prediction_does_not_depend_on_batching(name):
    auction, values = fitted(name), profiles(name, 60, seed=1)
    rows = np.concatenate([predicted(auction, row[None]) for row in values])
    # Sums in another order differ by a few units in the last place.
    np.testing.assert_allclose(predicted(auction, values), rows, atol=1e-12)


@pytest.mark.parametrize("name", TABLE)
def test_flat_three_dimensional_and_frame_input_agree(name):
    values = profiles(name)
    flat = values.reshape(len(values), -1)
    frame = pd.DataFrame(flat, columns=["b1i1", "b1i2", "b2i1", "b2i2"][: flat.shape[1]])
    expected = predicted(fitted(name), values)
    for X in (values, flat, frame, values.tolist()):
        auction = make(name).fit(X)
        for Z in (X, values):
            np.testing.assert_array_equal(predicted(auction, Z), expected)
    assert list(make(name).fit(frame).feature_names_in_) == list(frame.columns)


@pytest.mark.parametrize("name", TABLE)
def test_clone_pickle_and_joblib(name, tmp_path):
    auction, values = fitted(name), profiles(name)
    expected = predicted(auction, values)
    joblib.dump(auction, tmp_path / "auction.joblib")
    for copy in (
        pickle.loads(pickle.dumps(auction)),
        joblib.load(tmp_path / "auction.joblib"),
        clone(auction).fit(values),
    ):
        np.testing.assert_array_equal(predicted(copy, values), expected)
    with pytest.raises(NotFittedError):
        clone(auction).predict(values)


@pytest.mark.parametrize("name", TABLE)
def test_one_seed_gives_one_model_in_four_threads(name, monkeypatch):
    # Fits long enough to overlap.
    monkeypatch.setattr("sklauction.learned.auction.UPDATES_PER_ITERATION", 30)
    values = profiles(name)
    expected = predicted(make(name).fit(values), values)
    with ThreadPoolExecutor(4) as threads:
        fits = [threads.submit(make(name).fit, values) for _ in range(4)]
        outcomes = [predicted(fit.result(), values) for fit in fits]
    for outcome in outcomes:
        np.testing.assert_array_equal(outcome, expected)


@pytest.mark.parametrize("name", LEARNED)
def test_a_fit_can_be_continued_bit_for_bit(name):
    values = profiles(name)
    whole = make(name, max_iter=4).fit(values)
    halves = make(name, max_iter=2, warm_start=True).fit(values)
    halves = pickle.loads(pickle.dumps(halves)).fit(values)
    assert whole.n_iter_ == halves.n_iter_ == 4
    np.testing.assert_array_equal(predicted(halves, values), predicted(whole, values))


@pytest.mark.parametrize("name", LEARNED)
def test_partial_fit_passes_equal_a_fit_without_validation(name):
    values = profiles(name)
    whole = make(name, max_iter=3, validation_fraction=0).fit(values)
    steps = make(name)
    for _ in range(3):
        steps.partial_fit(values)
    np.testing.assert_array_equal(predicted(steps, values), predicted(whole, values))


@pytest.mark.parametrize("name", LEARNED)
def test_other_seeds_give_other_models(name, monkeypatch):
    # Starts do not depend on the seed; the profiles of the updates do.
    monkeypatch.setattr("sklauction.learned.auction.UPDATES_PER_ITERATION", 50)
    values = profiles(name)
    auctions = [make(name, random_state=seed).fit(values) for seed in (0, 1)]
    assert not np.array_equal(*[predicted(auction, values) for auction in auctions])


def _broken(kind, valuations):
    X = valuations.copy()
    if kind in ("nan", "inf", "negative"):
        X[3, -1, 0] = {"nan": np.nan, "inf": np.inf, "negative": -1.0}[kind]
        return X
    return {
        "more bidders": np.concatenate([X, X[:, :1]], axis=1),
        "three items": np.concatenate([X, X[:, :, :1]], axis=2),
        "three columns": np.tile(X.reshape(len(X), -1), 2)[:, :3],
        "no rows": X[:0],
        "one row": X[:1],
        "all zero": np.zeros_like(X),
        "four axes": X[None],
        "text": np.full((5, 4), "a lot"),
    }[kind]


BAD_DATA = {
    "nan": r"X contains NaN",
    "inf": r"X contains infinity",
    "negative": r"Negative values in data",
    "more bidders": r"n_bidders.*\(n_samples, (\d), 2\).*got \(40, (?!\1)\d, 2\), that is \d bi",
    "three items": r"n_items.*\(n_samples, (\d), 2\).*got \(40, \1, 3\).* 3 items",
    "three columns": r"n_bidders=\d and n_items=2; got 3 columns",
    "no rows": r"0 sample\(s\)",
    "one row": r"1 sample\(s\).*minimum of 2",
    "all zero": r"positive valuation; got only zeros",
    "four axes": r"[Ff]ound array with dim 4",
    "text": r"could not convert string",
}


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("kind", BAD_DATA)
def test_bad_valuations_are_refused_before_anything_is_fitted(name, kind):
    auction = make(name)
    with pytest.raises(ValueError, match=BAD_DATA[kind]):
        auction.fit(_broken(kind, profiles(name)))
    assert not learned_attributes(auction)


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize(
    "kind", ["nan", "inf", "negative", "more bidders", "three items", "no rows"]
)
def test_bad_bids_are_refused(name, kind):
    with pytest.raises(ValueError, match=BAD_DATA[kind]):
        fitted(name).predict(_broken(kind, profiles(name)))


@pytest.mark.parametrize("name", TABLE)
def test_predict_and_score_before_fit_raise(name):
    for call in (make(name).predict, make(name).score, make(name).as_profiles):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            call(profiles(name))


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("value", [0, -1, 2.0, True, "two"])
def test_bad_number_of_bidders_is_refused(name, value):
    with pytest.raises(ValueError, match=r"n_bidders must be .*an integer of at least 1; got"):
        make(name, n_bidders=value).fit(profiles(name))


@pytest.mark.parametrize("name", TABLE)
def test_a_refused_refit_keeps_the_fitted_auction(name):
    auction, values = pickle.loads(pickle.dumps(fitted(name))), profiles(name)
    expected = predicted(auction, values)
    with pytest.raises(ValueError, match="NaN"):
        auction.fit(_broken("nan", values))
    np.testing.assert_array_equal(predicted(auction, values), expected)
