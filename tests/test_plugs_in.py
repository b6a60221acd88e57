"""Scorers in every tool of scikit-learn's model selection, with and without a pipeline."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    LearningCurveDisplay,
    RandomizedSearchCV,
    ValidationCurveDisplay,
    cross_val_score,
    cross_validate,
    learning_curve,
    permutation_test_score,
    validation_curve,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)

from sklauction import (
    AuctionScorer,
    CallableAuction,
    MyersonAuction,
    RegretScorer,
    RevenueScorer,
    VCGAuction,
    auction_scorers,
    best_under_regret,
    measure_regret,
)

EFFORT = 12
SCORERS = {
    "all": auction_scorers(effort=EFFORT),
    "score": AuctionScorer(effort=EFFORT),
    "regret": RegretScorer(effort=EFFORT),
    "revenue": RevenueScorer(),
}
# A power of two, so that division is exact.
CENTS = 64
PROFILES = CENTS * np.random.default_rng(0).uniform(size=(24, 2, 1))
FORMS = {
    "3-D": PROFILES,
    "2-D": PROFILES[:, :, 0],
    "frame": pd.DataFrame(PROFILES[:, :, 0], columns=["ann", "bob"]),
}
RESERVES = [8.0 / CENTS, 32.0 / CENTS]


def in_dollars(X):
    return X / CENTS


def pay_half(bids):
    """Return a mechanism with regret: the highest bid wins and half of it is paid."""
    wins = np.eye(bids.shape[1])[bids.argmax(axis=1)].swapaxes(1, 2)
    return wins, (wins * bids).sum(axis=2) / 2


def make_search(cls, **settings):
    def run(auction, X, scoring, reserve):
        refit = "score" if scoring is SCORERS["all"] else True
        grid = {reserve: RESERVES}
        search = cls(auction, grid, scoring=scoring, refit=refit, cv=2, **settings).fit(X)
        return [search.cv_results_["mean_test_score"], search.score(X)]

    return run


def curve(results):
    return [np.asarray(part, dtype=float) for part in (results[-1].mean(axis=1), results[-1])]


TOOLS = {
    "cross_validate": lambda auction, X, scoring, reserve: [
        scores
        for name, scores in cross_validate(
            auction, X, scoring=scoring, cv=2, return_train_score=True
        ).items()
        if "time" not in name
    ],
    "cross_val_score": lambda auction, X, scoring, reserve: [
        cross_val_score(auction, X, scoring=scoring, cv=2).mean()
    ],
    "GridSearchCV": make_search(GridSearchCV),
    "RandomizedSearchCV": make_search(RandomizedSearchCV, n_iter=2, random_state=0),
    "HalvingGridSearchCV": make_search(HalvingGridSearchCV, min_resources=8, random_state=0),
    "HalvingRandomSearchCV": make_search(
        HalvingRandomSearchCV, n_candidates=2, min_resources=8, random_state=0
    ),
    "learning_curve": lambda auction, X, scoring, reserve: curve(
        learning_curve(auction, X, None, train_sizes=[0.5, 1.0], cv=2, scoring=scoring)
    ),
    "validation_curve": lambda auction, X, scoring, reserve: curve(
        validation_curve(
            auction, X, None, param_name=reserve, param_range=RESERVES, cv=2, scoring=scoring
        )
    ),
    "permutation_test_score": lambda auction, X, scoring, reserve: [
        permutation_test_score(
            auction, X, np.zeros(len(X)), n_permutations=2, cv=2, scoring=scoring
        )[0]
    ],
    "LearningCurveDisplay": lambda auction, X, scoring, reserve: curve(
        [
            LearningCurveDisplay.from_estimator(
                auction, X, None, train_sizes=[0.5, 1.0], cv=2, scoring=scoring
            ).test_scores
        ]
    ),
    "ValidationCurveDisplay": lambda auction, X, scoring, reserve: curve(
        [
            ValidationCurveDisplay.from_estimator(
                auction, X, None, param_name=reserve, param_range=RESERVES, cv=2, scoring=scoring
            ).test_scores
        ]
    ),
}


@pytest.mark.filterwarnings("ignore:.*infinitesimal.*", "ignore:More than 20 figures")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", SCORERS)
@pytest.mark.parametrize("tool", TOOLS)
def test_a_pipeline_scores_as_its_auction_does(tool, name, form):
    run, scoring, X = TOOLS[tool], SCORERS[name], FORMS[form]
    pipeline = make_pipeline(FunctionTransformer(in_dollars), VCGAuction(n_bidders=2))
    arguments = pipeline, X, scoring, "vcgauction__reserve"
    if name == "all" and tool.endswith("Display"):
        with pytest.raises(TypeError, match="a scorer of one number for a display; got auction_sc"):
            run(*arguments)
        return
    scores = run(*arguments)
    alone = run(VCGAuction(n_bidders=2), in_dollars(PROFILES), scoring, "reserve")
    for one, other in zip(scores, alone, strict=True):
        np.testing.assert_array_equal(one, other)  # the same numbers reach the same auction
        assert np.isfinite(np.asarray(one, dtype=float)).all()


@pytest.mark.parametrize("form", FORMS)
def test_all_scores_of_a_pipeline_agree(form):
    X, auction = FORMS[form], CallableAuction(pay_half, n_bidders=2)
    pipeline = make_pipeline(FunctionTransformer(in_dollars), auction).fit(X)
    report = measure_regret(pipeline, X, effort="quick", random_state=0)
    assert report.total_regret > 0.05
    last = measure_regret(pipeline[-1], X / CENTS, effort="quick", random_state=0)
    assert report.total_regret == last.total_regret
    assert pipeline.score(X) == report.score == AuctionScorer()(pipeline, X)
    assert RegretScorer()(pipeline, X) == -report.total_regret
    assert RevenueScorer()(pipeline, X) == report.revenue
    assert auction_scorers()(pipeline, X)["regret"] == -report.total_regret


def test_searches_and_nested_pipelines_are_audited_at_their_end():
    flat = FORMS["2-D"]
    inner = make_pipeline(FunctionTransformer(in_dollars), VCGAuction(n_bidders=2))
    search = GridSearchCV(
        inner,
        {"vcgauction__reserve": RESERVES},
        scoring=auction_scorers(),
        refit=best_under_regret(0.1),
        cv=2,
    )
    outer = Pipeline([("nothing", "passthrough"), ("search", search)])
    with pytest.raises(NotFittedError):
        measure_regret(outer, flat)
    report = measure_regret(outer.fit(flat), flat, random_state=0)
    best = outer[-1].best_estimator_[-1]
    assert report.score == best.score(in_dollars(flat)) == outer.score(flat)


@pytest.mark.parametrize(
    "scaler, problem",
    [
        (MinMaxScaler(), r"multiplied by 0.\d+ to 0.\d+ and shifted by -"),
        (StandardScaler(with_mean=False), r"multiplied by 0.\d+ to 0.\d+ and shifted by 0 to 0"),
        (MaxAbsScaler(), r"multiplied by"),
        (FunctionTransformer(lambda X: X + 1), r"multiplied by 1 to 1 and shifted by 1 to 1"),
        (QuantileTransformer(n_quantiles=5), r"its output is not money"),
        (PowerTransformer(standardize=False), r"its output is not money"),
    ],
)
def test_a_step_that_breaks_the_unit_of_money_is_refused(scaler, problem):
    X = PROFILES[:, :, 0] * [0.25, 0.125]
    pipeline = make_pipeline(scaler, VCGAuction(n_bidders=2)).fit(X)
    name = type(scaler).__name__
    must = rf"pipeline step '{name.lower()}' \({name}\) must keep the unit of money.*{problem}"
    for audit in (measure_regret, *SCORERS.values()):
        with pytest.raises(ValueError, match=must):
            audit(pipeline, X)


@pytest.mark.parametrize(
    "step",
    [
        FunctionTransformer(lambda X: X[:, ::-1]),  # reorders
        FunctionTransformer(lambda X: X[:, :2]),  # selects
        FunctionTransformer(np.sqrt),  # a curve, as of models that turn bids into values
        FunctionTransformer(lambda X: 100 * X),
    ],
)
def test_steps_that_keep_money_pass(step):
    X = np.random.default_rng(0).uniform(size=(20, 2))
    pipeline = make_pipeline(step, VCGAuction(n_bidders=2)).fit(X)
    assert (
        measure_regret(pipeline, X, effort=EFFORT, random_state=0).total_regret < 1e-9
    )  # truthful


@pytest.mark.parametrize("scoring", [AuctionScorer, RegretScorer, RevenueScorer, auction_scorers])
def test_what_is_not_an_instance_is_one_sentence(scoring):
    search = GridSearchCV(VCGAuction(n_bidders=2), {"reserve": RESERVES}, scoring=scoring, cv=2)
    with pytest.raises(TypeError, match=rf"^scoring must be .*{scoring.__name__}\(\)"):
        search.fit(PROFILES)
    assert "not a score" in repr(scoring(MyersonAuction(n_bidders=2), PROFILES))
