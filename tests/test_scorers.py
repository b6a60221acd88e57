"""Scorers and the refit rule."""

import numpy as np
import pytest

from sklauction import (
    AuctionScorer,
    CallableAuction,
    RegretScorer,
    RevenueScorer,
    VCGAuction,
    auction_scorers,
    best_under_regret,
    measure_regret,
)
from sklauction.model_selection import scorers


def pay_your_bid(bids):
    return np.ones(bids.shape) / bids.shape[1], bids.sum(axis=2) / bids.shape[1]


def results(revenue, regret):
    return {"mean_test_revenue": np.array(revenue), "mean_test_regret": -np.array(regret)}


def test_scorers_agree(valuations):
    auction = VCGAuction(n_bidders=2, reserve=1.0).fit(valuations)
    revenue, regret = RevenueScorer()(auction, valuations), RegretScorer()(auction, valuations)
    assert revenue == auction.predict(valuations).payments.sum(axis=1).mean()
    # VCG is truthful; values of up to 3 leave rounding errors.
    assert -1e-9 < regret <= 0
    # sqrt turns rounding of 1e-16 into 1e-8.
    assert AuctionScorer()(auction, valuations) == pytest.approx(np.sqrt(revenue), abs=1e-4)
    assert auction.score(valuations) == AuctionScorer()(auction, valuations)


def test_three_scores_take_one_audit(valuations, monkeypatch):
    auction = CallableAuction(pay_your_bid, n_bidders=2).fit(valuations)
    audits = []

    def counted(*args, **kwargs):
        audits.append(kwargs)
        return measure_regret(*args, **kwargs)

    monkeypatch.setattr(scorers, "measure_regret", counted)
    scores = auction_scorers(effort=60)(auction, valuations)
    assert [audit["effort"] for audit in audits] == [60]
    assert scores == {
        "score": AuctionScorer(effort=60)(auction, valuations),
        "revenue": RevenueScorer()(auction, valuations),
        "regret": RegretScorer(effort=60)(auction, valuations),
    }
    assert scores["regret"] < -0.1  # greater is better


def test_effort_reaches_the_audit(valuations):
    # The best report is the lowest, which any effort finds. Efforts below 12 are invalid.
    auction = CallableAuction(pay_your_bid, n_bidders=2).fit(valuations)
    for scorer in (RegretScorer(effort=1), AuctionScorer(effort=1), auction_scorers(effort=1)):
        with pytest.raises(
            ValueError, match=r"effort must be one of 'quick'.*from 12 to .*; got 1"
        ):
            scorer(auction, valuations)
    with pytest.raises(ValueError, match=r"effort must be one of 'quick'.*from 12 to .*; got 1"):
        auction.score(valuations, effort=1)
    assert auction.score(valuations, effort=12) == auction.score(valuations)


@pytest.mark.parametrize(
    "revenue, regret, tol, expected",
    [
        ([1.0, 0.9, 0.8], [0.3, 0.01, 0.001], 0.01, 1),
        ([1.0, 0.9, 0.8], [0.3, 0.01, 0.001], 1.0, 0),
        ([1.0, 0.9, 0.8], [0.3, 0.01, 0.001], 0.0, 2),  # none satisfies it: least regret
        ([np.nan, 0.9, 0.8], [np.nan, 0.01, 0.001], 0.5, 1),  # a failed candidate
    ],
)
def test_best_under_regret(revenue, regret, tol, expected):
    assert best_under_regret(tol)(results(revenue, regret)) == expected


def test_best_under_regret_raises_on_invalid_input():
    with pytest.raises(ValueError, match=r"tol must be a number of at least 0; got -1"):
        best_under_regret(-1)
    with pytest.raises(ValueError, match=r"must have 'mean_test_revenue'.*auction_scorers"):
        best_under_regret(0.1)({"mean_test_score": [1.0]})


@pytest.mark.parametrize("tol", ["a", -0.1, None, float("nan")])
def test_best_under_regret_raises_on_invalid_tol(tol):
    with pytest.raises(ValueError, match="tol must be a number of at least 0; got"):
        best_under_regret(tol)
