"""A program of a user, checked by mypy in `make lint` and run by test_typing.py.

``wrong`` is never called: it has the mistakes that a type checker must find.
"""

from pathlib import Path
from typing import assert_type

import numpy as np
from scipy import stats
from sklearn.model_selection import GridSearchCV

from sklauction import (
    ALGNetAuction,
    AuctionOutcome,
    MyersonAuction,
    RegretDisplay,
    RegretReport,
    RegretScorer,
    RevenueBounds,
    auction_score,
    load_auction,
    measure_regret,
    optimal_revenue_bounds,
    save_auction,
)
from sklauction.base import BaseAuction
from sklauction.datasets import AuctionSetting, load_setting, make_valuations


class PostedPrice(BaseAuction):
    """An auction of a user."""

    def __init__(self, n_bidders: int | None = None, n_items: int = 1, *, price: float = 0.5):
        self.n_bidders = n_bidders
        self.n_items = n_items
        self.price = price

    def _fit(self, valuations: np.ndarray) -> None:
        pass

    def _run(self, bids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        enough = bids[:, :, 0] >= self.price
        sold = enough & (enough.cumsum(axis=1) == 1)
        return sold[:, :, None].astype(float), self.price * sold


def main(folder: Path) -> float:
    """Learn an auction, save it, load it and audit it."""
    setting = load_setting("additive_1x2_uniform_416_47")
    assert_type(setting, AuctionSetting)
    prior = stats.uniform(0, 1)
    valuations = make_valuations(100, n_bidders=2, n_items=1, distribution=prior, random_state=0)
    auction = ALGNetAuction(n_bidders=2, hidden_layer_sizes=[4], max_iter=1, random_state=0)
    assert_type(auction.fit(valuations), ALGNetAuction)
    save_auction(auction, folder / "auction.safetensors")
    outcome = load_auction(folder / "auction.safetensors").predict(valuations.tolist())
    assert_type(outcome, AuctionOutcome)
    assert_type(outcome.payments, np.ndarray)
    assert_type(outcome[:2].payments, np.ndarray)
    allocations, payments = outcome
    report = measure_regret(auction, valuations, effort="quick", random_state=0)
    assert_type(report, RegretReport)
    found = search(valuations).predict(valuations)
    assert_type(auction_score(report.revenue, report.total_regret), float)
    PostedPrice(price=0.4).fit(valuations).predict(valuations)
    bounds = optimal_revenue_bounds(valuations, n_cells=2, random_state=np.random.RandomState(0))
    assert_type(bounds, RevenueBounds)
    assert_type(RegretDisplay.from_report(report, items=[0]), RegretDisplay)
    return float(allocations.sum() + payments.sum() + found.payments.sum()) + bounds.upper


def search(valuations: np.ndarray) -> BaseAuction:
    """Return the best of two auctions."""
    choices = {"symmetric": [True, False]}
    searched = GridSearchCV(MyersonAuction(n_bidders=2), choices, scoring=RegretScorer(), cv=2)
    best = searched.fit(valuations).best_estimator_
    assert isinstance(best, MyersonAuction)
    return best


def wrong(valuations: np.ndarray) -> None:
    """Make mistakes; mypy reports a comment whose mistake it does not find."""
    ALGNetAuction(max_iter="many")  # type: ignore[arg-type]
    ALGNetAuction(demand="units")  # type: ignore[arg-type]
    ALGNetAuction(max_iters=5)  # type: ignore[call-arg]
    measure_regret(MyersonAuction(), valuations, effort="fast")  # type: ignore[arg-type]
    save_auction(MyersonAuction())  # type: ignore[call-arg]
    report = measure_regret(MyersonAuction(), valuations)
    report.total_regrets  # type: ignore[attr-defined]  # noqa: B018
