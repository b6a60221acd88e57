"""Auctions in scikit-learn's model selection and pipelines."""

import numpy as np
import pytest
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from test_common import TINY_GAME

from sklauction import (
    ALGNetAuction,
    AuctionScorer,
    MyersonAuction,
    RegretScorer,
    VCGAuction,
    auction_scorers,
    best_under_regret,
)

pytestmark = pytest.mark.usefixtures("few_updates")

TINY = {name: value for name, value in TINY_GAME.items() if name != "hidden_layer_sizes"}


def test_grid_search_over_architectures(valuations):
    search = GridSearchCV(
        ALGNetAuction(n_bidders=2, n_items=2, **TINY),
        {"architecture": ["mlp", "equivariant"], "hidden_layer_sizes": [(3,), (4, 4)]},
        cv=2,
    ).fit(valuations)
    scores = search.cv_results_["mean_test_score"]
    assert len(scores) == 4 and np.isfinite(scores).all()
    assert search.best_score_ == scores.max()
    assert search.predict(valuations).payments.shape == (200, 2)


def test_search_with_several_scorers_refits_the_most_revenue_under_a_regret_cap(valuations):
    search = GridSearchCV(
        VCGAuction(n_bidders=2),
        {"reserve": [None, 0.5, 1.5, 2.9]},
        scoring=auction_scorers(),
        refit=best_under_regret(1e-6),
        cv=3,
    ).fit(valuations)
    # Uniform on [0, 3]: revenue peaks at the reserve 1.5 (Myerson), and VCG has no regret.
    assert search.best_params_ == {"reserve": 1.5}
    # Rounding errors, with values of up to 3.
    assert np.abs(search.cv_results_["mean_test_regret"]).max() < 1e-9
    # The score of the search is the score of its best auction, also in a cross-validation.
    assert search.score(valuations) == search.best_estimator_.score(valuations)
    assert np.isfinite(cross_val_score(search, valuations, cv=2)).all()


def test_cross_validate_reports_every_scorer(valuations):
    auction = ALGNetAuction(n_bidders=2, **TINY_GAME)
    results = cross_validate(auction, valuations, cv=2, scoring=auction_scorers())
    assert (results["test_revenue"] >= 0).all() and (results["test_regret"] <= 0).all()
    expected = np.sqrt(results["test_revenue"]) - np.sqrt(-results["test_regret"])
    np.testing.assert_allclose(results["test_score"], expected, rtol=1e-12)


def test_halving_search(valuations):
    search = HalvingGridSearchCV(
        ALGNetAuction(n_bidders=2, **TINY_GAME),
        {"architecture": ["mlp", "equivariant"]},
        resource="max_iter",
        min_resources=1,
        max_resources=2,
        factor=2,
        cv=2,
    ).fit(valuations)
    assert search.best_estimator_.max_iter in (1, 2)


def test_learning_curve(valuations):
    sizes, train, test = learning_curve(
        MyersonAuction(n_bidders=2),
        valuations,
        None,
        train_sizes=[20, 80],
        cv=2,
        scoring=AuctionScorer(),
    )
    assert list(sizes) == [20, 80] and train.shape == test.shape == (2, 2)
    assert np.isfinite(test).all()


@pytest.mark.parametrize("auction", [MyersonAuction(2), ALGNetAuction(2, **TINY_GAME)])
def test_pipeline(auction, valuations):
    in_thousands = FunctionTransformer(lambda X: X / 1000)
    pipeline = Pipeline([("unit", in_thousands), ("auction", auction)]).fit(valuations)
    outcome = pipeline.predict(valuations[:5])
    assert outcome.allocations.shape == (5, 2, 2)
    assert np.isfinite(pipeline.score(valuations))


def test_cross_val_predict_stacks_outcomes(valuations):
    flat = cross_val_predict(MyersonAuction(n_bidders=2), valuations, cv=4)
    assert flat.shape == (200, 6)


def test_scorers_accept_flat_input(valuations):
    flat = valuations.reshape(200, -1)
    auction = MyersonAuction(n_bidders=2).fit(flat)
    for scorer in (RegretScorer(), AuctionScorer()):
        assert scorer(auction, flat) == scorer(auction, valuations)
