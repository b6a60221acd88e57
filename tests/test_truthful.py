"""TruthfulAuction: exactly truthful auctions derived from others."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from test_common import TINY_GAME, learned_attributes

from sklauction import (
    ALGNetAuction,
    CallableAuction,
    MenuDisplay,
    MyersonAuction,
    RevenueScorer,
    TruthfulAuction,
    measure_regret,
)
from sklauction.wrappers.truthful import (
    bound_discount,
    find_nearest_rows,
    find_rows,
    guaranteed_revenue,
    pay_discounted,
)

GAME = {"hidden_layer_sizes": (8,), "max_iter": 2, "n_shared_reports": 39}
GAME |= {"validation_fraction": 0, "random_state": 0}


def pay_half_above_a_quarter(bids):
    """Sells items at half the bid to bids of at least 1/4; bidding 1/4 is the best report."""
    buys = (bids >= 0.25).astype(float)
    return buys, 0.5 * (buys * bids).sum(axis=2)


def random_net(bids):
    """An untrained network; allocations are not monotone in the bids."""
    draw = np.random.default_rng(5)
    hidden = np.tanh(bids[:, 0] @ draw.normal(size=(bids.shape[2], 8)) * 3)
    shares = 0.5 / (1 + np.exp(-hidden @ draw.normal(size=(8, bids.shape[2]))))
    fraction = 1 / (1 + np.exp(-hidden @ draw.normal(size=8)))
    return shares[:, None], (fraction * (shares * bids[:, 0]).sum(axis=1))[:, None]


def posted_half(bids):
    """A price of 1/2 per item, which is truthful."""
    buys = bids >= 0.5
    return buys.astype(float), 0.5 * buys.sum(axis=2)


def sell_one_at_the_bid(bids):
    """Sells the item with the highest bid at 90 % of the bid, for unit demand."""
    best = np.eye(bids.shape[2])[bids.argmax(axis=2)]
    return best, 0.9 * (best * bids).sum(axis=2)


def pay_the_bidder(bids):
    return np.zeros(bids.shape), -bids[:, :, 0]


AUCTIONS = {
    "good": ALGNetAuction(**GAME),
    "good-unit": ALGNetAuction(**GAME, demand="unit"),
    "half": CallableAuction(pay_half_above_a_quarter, support=(0, 1)),
    "random": CallableAuction(random_net, support=(0, 1)),
    "random-unit": CallableAuction(random_net, demand="unit", support=(0, 1)),
    "bid-unit": CallableAuction(sell_one_at_the_bid, demand="unit", support=(0, 1)),
    "posted": CallableAuction(posted_half, support=(0, 1)),
}
VALUES = np.random.default_rng(0).uniform(size=(1000, 1, 2))
FRESH = np.random.default_rng(1).uniform(size=(20_000, 1, 2))
FITTED = {}


def fitted(name, discount="auto"):
    """Return the fitted truthful auction, shared by tests that do not change it."""
    if (name, discount) not in FITTED:
        auction = TruthfulAuction(AUCTIONS[name], discount=discount, n_reports=200, random_state=0)
        FITTED[name, discount] = auction.fit(VALUES)
    return FITTED[name, discount]


@pytest.mark.parametrize("name", AUCTIONS)
def test_is_exactly_truthful(name):
    auction = fitted(name)
    report = measure_regret(auction, FRESH[:30], effort="thorough", random_state=0)
    # Rows within 1e-9 of the best are considered equal; prices are at most 2.
    assert report.max_regret <= 2e-9
    assert report.problems == ()
    assert auction.demand == AUCTIONS[name].demand


@pytest.mark.parametrize("name", ["good", "good-unit", "half", "random", "random-unit"])
def test_the_auction_was_not_truthful(name):
    # Much more than the tolerance of the test above.
    report = measure_regret(fitted(name).auction_, FRESH[:200], effort="quick", random_state=0)
    assert report.max_regret > 1e-3


@pytest.mark.parametrize("discount", ["auto", "bound", 0.3])
@pytest.mark.parametrize("name", AUCTIONS)
def test_revenue_is_at_least_what_is_guaranteed(name, discount):
    auction = fitted(name, discount)
    # On the profiles of fit there is no sampling error.
    assert auction.revenue_ >= auction.guaranteed_revenue_ - 1e-12
    paid = auction.predict(FRESH).payments[:, 0]
    # Three standard errors of the guarantee, over 1,000 profiles of fit, and of the mean over fresh
    # profiles.
    error = np.hypot(paid.std() / np.sqrt(len(FRESH)), paid.std() / np.sqrt(len(VALUES)))
    assert paid.mean() >= auction.guaranteed_revenue_ - 3 * error


@pytest.mark.parametrize("name", AUCTIONS)
def test_revenue_is_at_least_that_of_the_published_bound(name):
    auction = fitted(name, "bound")
    report = measure_regret(auction.auction_, FRESH[:500], effort="quick", random_state=0)
    paid = auction.predict(FRESH).payments[:, 0]
    error = np.hypot(report.revenue_se, paid.std() / np.sqrt(len(FRESH)))
    assert paid.mean() >= max(report.score, 0) ** 2 - 3 * error


@pytest.mark.parametrize("name", AUCTIONS)
def test_revenue_of_fit_is_that_of_fresh_profiles(name):
    auction = fitted(name)
    paid = auction.predict(FRESH).payments[:, 0]
    # Three standard errors over 1,000 profiles, and 2 % for the row that is missing on each buyer's
    # menu.
    assert auction.revenue_ == pytest.approx(paid.mean(), abs=3 * paid.std() / 1000**0.5, rel=0.02)


@pytest.mark.parametrize("name", ["good", "good-unit"])
def test_figures_are_nearly_those_of_the_auction(name):
    auction = fitted(name)
    report = measure_regret(auction.auction_, VALUES, random_state=0)
    # Rows of 200 reports are 1/14 of the range apart; errors in prices cancel out.
    assert auction.base_revenue_ == pytest.approx(report.revenue, rel=0.02)
    # The error of the regret is of second order in this distance: 1/200.
    assert auction.base_regret_ == pytest.approx(report.total_regret, abs=5e-3)
    P, R = auction.base_revenue_, auction.base_regret_
    # The formula, up to rounding.
    assert auction.guaranteed_revenue_ == pytest.approx((P**0.5 - R**0.5) ** 2, rel=1e-12)


@pytest.mark.parametrize("name", AUCTIONS)
def test_auto_has_at_least_the_revenue_of_the_formula_and_of_candidates(name):
    auto, bound = fitted(name), fitted(name, "bound")
    assert bound.discount_ == bound_discount(bound.base_revenue_, bound.base_regret_)
    for other in (bound, fitted(name, 0.3)):
        assert (other.base_revenue_, other.base_regret_) == (auto.base_revenue_, auto.base_regret_)
        # "auto" compares the formula and 0.3, so there is no tolerance.
        assert auto.revenue_ >= other.revenue_
    assert auto.guaranteed_revenue_ == bound.guaranteed_revenue_
    assert fitted(name, 0.3).discount_ == 0.3


def test_hand_computed_menus():
    # Four buyers of one item; the menu has the outcomes of the first three.
    values = np.array([[1.0], [0.6], [0.6], [0.8]])
    allocations, payments = np.array([[1.0], [0.5], [0.5], [0.9]]), np.array([0.6, 0.2, 0.2, 0.5])
    rows, own = find_rows(allocations, payments, 3)
    np.testing.assert_array_equal(rows.prices, [0, 0.2, 0.6])
    np.testing.assert_array_equal(rows.allocations[:, 0], [0, 0.5, 1])
    # The second row is the outcome of two buyers, so it is on both menus; buyer 3 has no row.
    np.testing.assert_array_equal(own, [2, -1, -1, -1])
    prices, regrets = find_nearest_rows(values, allocations, payments, rows, own)
    # Buyer 0, u = 0.4, without its row: distances 0.4 + 0.6 to row 0 and 0.1 + 0.4 to row 1.
    # Buyer 3, u = 0.22: 0.22 + 0.5; 0.02 + 0.3; 0.02 + 0.1. Its best utility is 0.2, of two rows.
    # Equal up to rounding, here and below.
    np.testing.assert_allclose(prices, [0.2, 0.2, 0.2, 0.6], atol=1e-15)
    np.testing.assert_allclose(regrets, [0, 0, 0, 0], atol=1e-15)
    # At full prices buyer 3 is indifferent and gets the more expensive row. At half the prices
    # buyers 1 and 2 have utility 0.2 with row 1 and 0.3 with row 2.
    for discount, paid in ((0.0, [0.2, 0.2, 0.2, 0.6]), (0.5, [0.1, 0.3, 0.3, 0.3])):
        np.testing.assert_allclose(pay_discounted(values, rows, own, discount), paid, atol=1e-15)


def test_hand_computed_regret():
    # Buyers pay 0.8 of their value for the item; the menu has all three outcomes.
    values = np.array([[1.0], [0.5], [0.9]])
    allocations, payments = np.ones((3, 1)), 0.8 * values[:, 0]
    rows, own = find_rows(allocations, payments, 3)
    np.testing.assert_array_equal(own, [3, 1, 2])
    prices, regrets = find_nearest_rows(values, allocations, payments, rows, own)
    # Prices: 0, 0.4, 0.72, 0.8. Buyer 0 without 0.8 is nearest to 0.72; its regret is that of 0.4,
    # 0.32. Buyer 1, u = 0.1, without 0.4: distances 0.1 + 0.4 to 0 and 0.32 + 0.32 to 0.72.
    # Buyer 2 is nearest to 0.8, where u = 0.1; price 0.4 has 0.4 more.
    np.testing.assert_allclose(prices, [0.72, 0, 0.8], atol=1e-15)
    np.testing.assert_allclose(regrets, [0.32, 0, 0.4], atol=1e-15)


def test_discount_and_guarantee_by_formula():
    assert bound_discount(0.25, 0.01) == pytest.approx(0.2, rel=1e-15)
    assert guaranteed_revenue(0.25, 0.01, 0.2) == pytest.approx(0.16, rel=1e-12)
    # 0.9 * (0.25 - 0.01 / 0.1), by hand.
    assert guaranteed_revenue(0.25, 0.01, 0.1) == pytest.approx(0.135, rel=1e-12)
    assert guaranteed_revenue(0.25, 0.01, 0.01) == guaranteed_revenue(0.25, 0.01, 0.0) == 0
    assert guaranteed_revenue(0.25, 0.0, 0.0) == 0.25
    # No division by 0, and no discount of 1.
    for revenue, regret in ((0.0, 0.0), (0.0, 0.1), (0.1, 0.1)):
        assert bound_discount(revenue, regret) == 0
    assert bound_discount(1.0, np.nextafter(1, 0)) < 1


def test_a_truthful_auction_with_few_outcomes_is_unchanged():
    auction = fitted("posted", "bound")
    assert (auction.base_regret_, auction.discount_, len(auction.menu_.prices)) == (0, 0, 4)
    for ours, theirs in zip(auction.predict(FRESH), posted_half(FRESH), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    # Sums in another order.
    own = posted_half(VALUES)[1].mean()
    assert auction.revenue_ == pytest.approx(own, rel=1e-12)
    assert auction.guaranteed_revenue_ == pytest.approx(own, rel=1e-12)


def test_every_price_is_discounted():
    auction = fitted("posted", 0.3)
    # 30 % off 0, 1/2, 1/2 and 1, up to rounding.
    np.testing.assert_allclose(auction.menu_.prices, [0, 0.35, 0.35, 0.7], rtol=1e-15)


def test_negative_payments_count_as_zero():
    auction = TruthfulAuction(CallableAuction(pay_the_bidder)).fit(VALUES[:50])
    assert auction.predict(VALUES).payments.max() == auction.base_revenue_ == 0


def test_reports_are_drawn_and_limited():
    first, again, other = (
        TruthfulAuction(AUCTIONS["random"], n_reports=5, random_state=seed).fit(VALUES).menu_.prices
        for seed in (0, 0, 1)
    )
    assert len(first) <= 6
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_does_not_change_the_given_auction():
    inner = ALGNetAuction(**{**TINY_GAME, "random_state": np.random.RandomState(3)})
    state = inner.random_state.get_state()[1].copy()
    auction = TruthfulAuction(inner, random_state=0).fit(VALUES[:50])
    assert not learned_attributes(inner)
    np.testing.assert_array_equal(inner.random_state.get_state()[1], state)
    assert auction.auction_ is not inner and auction.auction is inner
    # A fitted auction is not refitted.
    inner.fit(VALUES[:20])
    mechanism = inner.mechanism_
    TruthfulAuction(inner).fit(VALUES[:50])
    assert inner.mechanism_ is mechanism


def test_menu_can_be_drawn():
    auction = fitted("good")
    assert MenuDisplay.from_estimator(auction, n_points=5).rows.shape == (5, 5)


def test_grid_search_reaches_into_the_auction():
    search = GridSearchCV(
        TruthfulAuction(ALGNetAuction(**TINY_GAME), random_state=0),
        {"auction__hidden_layer_sizes": [(3,), (4, 4)]},
        scoring=RevenueScorer(),
        cv=2,
    ).fit(VALUES[:60])
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    sizes = search.best_params_["auction__hidden_layer_sizes"]
    assert search.best_estimator_.auction_.hidden_layer_sizes == sizes


def test_an_auction_of_two_bidders_is_refused():
    auction = TruthfulAuction(MyersonAuction(n_bidders=2))
    message = "auction must have n_bidders=1; got MyersonAuction with n_bidders=2"
    with pytest.raises(ValueError, match=message):
        auction.fit(VALUES[:, :1])
    assert not learned_attributes(auction)


def test_prefit_uses_the_fitted_auction():
    V, game = VALUES[:100], ALGNetAuction(**GAME)
    auction = TruthfulAuction(game.fit(V), prefit=True, random_state=0).fit(V)
    assert auction.auction_ is game
    refitted = TruthfulAuction(game, random_state=0).fit(V)
    np.testing.assert_array_equal(auction.predict(V).payments, refitted.predict(V).payments)
    with pytest.raises(ValueError, match="not fitted"):
        TruthfulAuction(ALGNetAuction(**GAME), prefit=True).fit(V)
