"""CallableAuction: functions and modules as estimators."""

import numpy as np
import pytest
import torch
from mechanisms import first_price
from sklearn.model_selection import GridSearchCV

from sklauction import CallableAuction, RegretScorer, auction_scorers, measure_regret


def posted_half(bids):
    """A price of 1/2 per item for one bidder, which is truthful."""
    buys = bids >= 0.5
    return buys.astype(int), 0.5 * buys.sum(axis=2)


class HalfShare(torch.nn.Module):
    def forward(self, bids):
        return bids / bids.shape[1], 0.25 * (bids * bids).sum(dim=2) / bids.shape[1]


def test_is_the_function(valuations):
    auction = CallableAuction(first_price, n_bidders=2).fit(valuations)
    for ours, theirs in zip(auction.predict(valuations), first_price(valuations), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    alone = measure_regret(
        first_price, valuations, support=auction.support_, effort="quick", random_state=0
    )
    fitted = measure_regret(auction, valuations, effort="quick", random_state=0)
    np.testing.assert_array_equal(fitted.regrets, alone.regrets)


def test_scorers_and_searches_take_it():
    values = np.random.default_rng(0).uniform(size=(300, 1, 2))
    search = GridSearchCV(
        CallableAuction(posted_half, support=(0, 1)),
        {"function": [posted_half, lambda bids: (np.ones(bids.shape), bids.sum(axis=2))]},
        scoring=auction_scorers(),
        refit="score",
        cv=2,
    ).fit(values)
    # The posted price is truthful. If bidders pay their bids for all items, zero is the best
    # report, so R = P and the score is 0; rounding of 1e-16 is 1e-8 in the square root.
    assert search.best_params_ == {"function": posted_half}
    assert search.cv_results_["mean_test_score"][1] == pytest.approx(0.0, abs=1e-6)
    assert RegretScorer()(search.best_estimator_, values) == 0.0
    # P = 2 items x 1/2 x P(v >= 1/2), up to the sampling error of 300 draws, 5 %.
    assert search.best_estimator_.score(values) == pytest.approx(np.sqrt(0.5), rel=0.1)


def test_a_module_is_searched_along_its_gradient(valuations):
    values = valuations / 3
    auction = CallableAuction(HalfShare(), n_bidders=2, support=(0, 1)).fit(values)
    report = measure_regret(auction, values, random_state=0)
    assert report.search["gradient"]
    # u(b) = sum_j (v_j b_j - b_j^2 / 4) / 2 is maximal at b_j = min(2 v_j, 1).
    best = np.minimum(2 * values, 1.0)
    gain = (values * best - best**2 / 4 - values**2 + values**2 / 4).sum(axis=2) / 2
    # The last step of the ascent is 1.5e-4 of the range: an error of 1e-7 in utility.
    np.testing.assert_allclose(report.regrets, gain, atol=1e-6)


def test_fit_refuses_a_malformed_function_before_anything_is_fitted(valuations):
    for function, message in (
        (lambda bids: (bids, bids), r"payments of shape \(200, 2\)"),
        (lambda bids: (bids * np.nan, bids[:, :, 0]), "non-finite value in allocations, row 0"),
        ("first price", "function must be a callable or a torch module .* got 'first price'"),
    ):
        auction = CallableAuction(function, n_bidders=2)
        with pytest.raises(ValueError, match=message):
            auction.fit(valuations)
        assert not [name for name in vars(auction) if name.endswith("_")]


def test_fit_warns_of_infeasible_outcomes(valuations):
    def everything_to_everyone(bids):
        return np.ones(bids.shape), np.zeros(bids.shape[:2])

    auction = CallableAuction(everything_to_everyone, n_bidders=2)
    with pytest.warns(UserWarning, match="everything_to_everyone are infeasible by 1 in row 0"):
        auction.fit(valuations)
    # The auction is fitted.
    assert auction.predict(valuations[:3]).allocations.sum() == 12


def test_prediction_names_the_row_that_is_not_finite(valuations):
    def breaks(bids):
        return np.where(bids > 2.9, np.nan, 0.0), np.zeros(bids.shape[:2])

    auction = CallableAuction(breaks, n_bidders=2).fit(np.minimum(valuations, 2.0))
    bids = np.ones((5, 2, 2))
    bids[3, 1, 0] = 2.95
    with pytest.raises(ValueError, match=r"mechanism breaks .* allocations, row 3"):
        auction.predict(bids)
