"""Analytic auctions: closed forms, tables computed by hand, and truthfulness by brute force."""

from itertools import permutations, product

import numpy as np
import pytest
from reference_program import best_two_bidder_revenue
from scipy import stats

from sklauction import BundleMyersonAuction, MyersonAuction, VCGAuction
from sklauction.analytic.myerson import fit_myerson, sell_one
from sklauction.analytic.vcg import second_price, unit_demand_vcg
from sklauction.analytic.virtual_value import empirical_virtual_value, prior_virtual_value
from sklauction.datasets import Discrete, Mixture
from sklauction.economics import feasibility_violation, ir_violation, utilities
from sklauction.utils.sample_tests import strongest_dependence


class Pieces:
    """A distribution with linearly interpolated quantiles, and only ppf and cdf.

    A repeated value is an atom, and a repeated probability is a gap in the support.
    """

    def __init__(self, values, probabilities):
        self.values, self.probabilities = np.array(values, float), np.array(probabilities, float)

    def ppf(self, q):
        return np.interp(q, self.probabilities, self.values)

    def cdf(self, v):
        # Of repeated points np.interp uses the last, as required for a cdf at an atom.
        return np.interp(v, self.values, self.probabilities)


UNIT = stats.uniform(0, 1)
UP_TO_5 = [[stats.uniform(0, k)] for k in range(1, 6)]
# U[0, 3] with probability 3/4, otherwise U[3, 8].
IRREGULAR = Pieces([0, 3, 8], [0, 0.75, 1])
# U[0, 1] with probability 1/2, otherwise U[3, 4].
GAP = Pieces([0, 1, 3, 4], [0, 0.5, 0.5, 1])
# U[0, 1] with probability 0.3, 1 with probability 0.3, U[1, 2] with probability 0.4.
ATOM = Pieces([0, 1, 1, 2], [0, 0.3, 0.6, 1])
TWO_VALUES = stats.rv_discrete(values=([1, 2.5], [0.5, 0.5]))


def draw(prior, shape, seed=0):
    return prior.ppf(np.random.RandomState(seed).uniform(size=shape))


def fitted(auction, n_items=1):
    """Fit an auction that only needs the sizes of the data."""
    return auction.fit(np.ones((2, auction.n_bidders, n_items)))


def revenue_and_error(auction, valuations):
    totals = auction.predict(valuations).payments.sum(axis=1)
    return totals.mean(), totals.std() / np.sqrt(len(totals))


UNIFORM_OPTIMA = {1: 1 / 4, 2: 5 / 12, 3: 17 / 32, 5: 0.671875, 10: 0.8182705965909091}
# Auction, distribution of the valuations, number of items, revenue, and the error of that figure.
REVENUES = [
    *((MyersonAuction(n, prior=UNIT), UNIT, 1, best, 0) for n, best in UNIFORM_OPTIMA.items()),
    (MyersonAuction(3, prior=stats.expon(scale=3)), stats.expon(scale=3), 1, 2.751693264346088, 0),
    (MyersonAuction(5, prior=UP_TO_5), stats.uniform(0, np.c_[1:6]), 1, 2.2976, 0.0003),
    (MyersonAuction(3, prior=IRREGULAR), IRREGULAR, 1, 2.3749, 0.0005),
    # Items are sold one by one.
    (MyersonAuction(2, prior=UNIT), UNIT, 2, 2 * 5 / 12, 0),
    (MyersonAuction(3, prior=UNIT), UNIT, 10, 10 * 17 / 32, 0),
    # Second-highest values; a single bidder pays exactly 0.
    (VCGAuction(1), UNIT, 2, 0, 0),
    (VCGAuction(2), UNIT, 2, 2 / 3, 0),
    (VCGAuction(4), UNIT, 3, 3 * 3 / 5, 0),
]


@pytest.mark.parametrize("auction, prior, n_items, expected, known_to", REVENUES)
def test_revenue_is_the_known_value(auction, prior, n_items, expected, known_to):
    valuations = draw(prior, (200_000, auction.n_bidders, n_items))
    revenue, error = revenue_and_error(fitted(auction, n_items), valuations)
    assert abs(revenue - expected) <= 3 * error + known_to  # Monte Carlo, 3 standard errors


@pytest.mark.parametrize("n_bidders", UNIFORM_OPTIMA)
def test_uniform_bidders_pay_as_with_reserve_one_half(n_bidders):
    valuations = draw(UNIT, (200_000, n_bidders, 1))
    auction = fitted(MyersonAuction(n_bidders, prior=UNIT))
    reserved = fitted(VCGAuction(n_bidders, reserve=0.5)).predict(valuations)
    # Up to rounding in the quantile grid.
    np.testing.assert_allclose(auction.predict(valuations).payments, reserved.payments, atol=1e-9)


@pytest.mark.parametrize(
    "prior, reserve, optimum",
    [
        (stats.uniform(2, 1), 2, 2),
        (stats.expon(scale=3), 3, 3 / np.e),
        (stats.pareto(2), 1, 1),
        (stats.weibull_min(0.5), 4, 4 * np.exp(-2)),  # v exp(-sqrt v)
        (GAP, 3, 1.5),
        (ATOM, 1, 0.7),
        (TWO_VALUES, 2.5, 1.25),
        (stats.rv_discrete(values=([1, 2], [0.5, 0.5])), 1, 1),  # indifferent: sells
        (stats.randint(0, 2), 1, 0.5),
    ],
)
def test_one_bidder_gets_the_monopoly_price(prior, reserve, optimum):
    price = prior_virtual_value(prior).reserve
    # Errors are of second order in the grid; at atoms, gaps and ends of supports, rounding of ppf.
    assert price == pytest.approx(reserve, rel=1e-7)
    below = np.nextafter(price, 0) * (1 - 1e-9)
    assert price * (1 - prior.cdf(below)) == pytest.approx(optimum, rel=1e-7)


@pytest.mark.parametrize("prior", [stats.lognorm(1), stats.weibull_min(0.5), stats.beta(2, 3)])
def test_regular_priors_have_the_textbook_virtual_value(prior):
    v = prior.isf(np.geomspace(1e-12, 0.1, 500))
    textbook = v - prior.sf(v) / prior.pdf(v)
    # Quantiles are at most 3 % apart, so the error of linear interpolation is 2e-5.
    np.testing.assert_allclose(prior_virtual_value(prior)(v) / v, textbook / v, atol=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_no_truthful_auction_earns_more_on_finite_supports(seed):
    random = np.random.RandomState(seed)
    values = [np.sort(random.choice(np.arange(1, 20), size, replace=False)) for size in (4, 3)]
    chances = [random.dirichlet(np.full(size, 0.7)) for size in (4, 3)]
    priors = [[stats.rv_discrete(values=pair)] for pair in zip(values, chances)]
    auction = fitted(MyersonAuction(2, prior=priors))
    profiles = np.array(list(product(*values)), dtype=float)[:, :, None]
    revenue = auction.predict(profiles).payments.sum(axis=1) @ np.outer(*chances).ravel()
    # Both methods are exact; the linear program is solved to about 1e-9.
    best = best_two_bidder_revenue([one[:, None] for one in values], chances)
    assert revenue == pytest.approx(best, rel=1e-7)


@pytest.mark.parametrize(
    "n_bidders, n_items, best", [(1, 2, 0.5443), (2, 2, 0.8392), (1, 10, 3.4501), (3, 10, 5.0029)]
)
def test_bundles_earn_the_reference(n_bidders, n_items, best):
    train, test = (draw(stats.uniform(), (100_000, n_bidders, n_items), seed) for seed in (1, 2))
    auction = BundleMyersonAuction(n_bidders, symmetric=True).fit(train)
    revenue, error = revenue_and_error(auction, test)
    # Monte Carlo, 3 standard errors, and 5e-5 for the last digit of the reference. Learning from
    # 100,000 profiles may lose 0.1 % (the noise over 3 seeds).
    assert best * (1 - 1e-3) <= revenue + 3 * error + 5e-5
    assert revenue <= best + 3 * error + 5e-5


SPIKED = Mixture([UNIT, Discrete([0.75], [1.0])], [0.7, 0.3])


def test_an_atom_within_a_density():
    phi = prior_virtual_value(SPIKED)
    v = np.array([0.2, 0.5, 0.7])
    # Up to 3/4, P(V >= v) is 0.7 (1 - v) + 0.3 and the density is 0.7.
    raw = v - (0.7 * (1 - v) + 0.3) / 0.7
    # The atom is a chord of slope 3/4 of the revenue curve; prices above it have slopes 2 p - 1.
    # The line from its end (0.475, 0.35625) is tangent to the curve (0.7 (1 - p), 0.7 p (1 - p))
    # where 0.35625 - 0.7 p (1 - p) = (2 p - 1) (0.475 - 0.7 (1 - p)), at p = 0.86070.
    # Cells of probability 1/16384 at density 0.7 are 9e-5 wide.
    np.testing.assert_allclose(phi([0.75, 0.8, 0.86]), 2 * 0.86070 - 1, atol=1e-4)
    np.testing.assert_allclose(phi(v[:3]), raw[:3], atol=1e-4)
    assert phi(0.9) == pytest.approx(0.8, abs=1e-4)
    np.testing.assert_allclose(phi.ironed_intervals, [[0.75, 0.86070]], atol=1e-4)
    assert phi.reserve == pytest.approx(5 / 7, abs=1e-4)


def test_virtual_values_intervals_and_curves_are_readable():
    prior = [[UNIT, IRREGULAR], [stats.uniform(0, 2), IRREGULAR]]
    auction = fitted(MyersonAuction(2, prior=prior), n_items=2)
    np.testing.assert_allclose(auction.virtual_value([0.75, 1.0]), [0.5, 1.0], atol=1e-9)
    assert auction.virtual_value(1.5, bidder=1) == pytest.approx(1.0)
    assert [part.shape for part in auction.ironed_intervals_[:, 0]] == [(0, 2), (0, 2)]
    # A cell of probability 1/16384 at density 1/20 has width 0.0012.
    np.testing.assert_allclose(auction.ironed_intervals_[1, 1], [[2.382, 4.382]], atol=0.0017)
    phi = auction.virtual_values_[1, 1]
    assert phi([2.5, 3, 4.3]) == pytest.approx(0.7639, abs=5e-5)  # the reference's last digit
    assert np.unique(phi(np.linspace(2.4, 4.37, 999))).size == 1
    curve = auction.revenue_curve(bidder=1)
    # The hull equals the curve without ironing, and is above it otherwise.
    np.testing.assert_allclose(curve.hull, curve.revenues, atol=1e-9)
    curve = auction.revenue_curve(item=1)
    assert (curve.hull >= curve.revenues - 1e-9).all()
    assert np.ptp(curve.hull - curve.revenues) > 0.05
    # Slopes integrate to the curve.
    mass = -np.diff(curve.chances, append=0)
    np.testing.assert_allclose((curve.raw * mass)[::-1].cumsum()[::-1], curve.revenues, atol=1e-9)
    for place in ({"bidder": 2}, {"item": -1}):
        with pytest.raises(ValueError, match="must be"):
            auction.virtual_value(0.5, **place)


def test_curves_of_samples_need_the_samples():
    V = draw(UNIT, (500, 2, 1))
    auction = MyersonAuction(2).fit(V)
    with pytest.raises(ValueError, match="X must be the samples passed to fit"):
        auction.revenue_curve()
    curve = auction.revenue_curve(V, bidder=1)
    assert curve.values[curve.revenues.argmax()] == auction.reserve_prices_[1, 0]
    levels = auction.virtual_value(curve.values, bidder=1)
    np.testing.assert_allclose(levels, curve.ironed, atol=1e-9)
    pooled = MyersonAuction(2, symmetric=True).fit(V).revenue_curve(V)
    assert len(pooled.values) == 1000


@pytest.mark.parametrize(
    "n_bidders, prior, expected",
    [
        (3, UNIT, True),
        (3, stats.expon(scale=3), True),
        (2, [[UNIT], [stats.uniform(0, 2)]], False),
        (3, IRREGULAR, False),
        (1, IRREGULAR, True),  # one price
        (2, Discrete([1, 2], [0.5, 0.5]), False),  # a winner pays steps, not bids
    ],
)
def test_reserve_only_marks_second_price_auctions(n_bidders, prior, expected):
    auction = fitted(MyersonAuction(n_bidders, prior=prior))
    assert auction.reserve_only_.tolist() == [expected]
    if expected:
        values = draw(stats.uniform(0, 4), (2000, n_bidders, 1))
        reserved = fitted(VCGAuction(n_bidders, reserve=auction.reserve_prices_[0, 0]))
        second_price = reserved.predict(values).payments
        # Errors of interpolated virtual values and their inverses.
        np.testing.assert_allclose(auction.predict(values).payments, second_price, atol=1e-6)


def test_prices_of_samples_converge_at_the_known_rate():
    # For U[0, 1] a price r earns r (1 - r), so its loss is (r - 1/2)^2. The best price for n
    # samples is the argmax of a noisy curve, with an error of order n^(-1/3). The loss is of order
    # n^(-2/3), which is optimal for regular priors (Huang, Mansour & Roughgarden 2015).
    random = np.random.RandomState(0)
    losses = []
    for n in (100, 10_000):
        reserves = [empirical_virtual_value(random.uniform(size=n)).reserve for _ in range(200)]
        losses.append(np.mean((np.array(reserves) - 0.5) ** 2))
    # 100^(2/3) is 21.5; exponents 1/2 and 5/6 give 10 and 46. Means of 200 have an error of 10 %.
    assert 10 < losses[0] / losses[1] < 46


def test_auctions_of_samples_converge_where_ironing_is_needed():
    test = draw(IRREGULAR, (100_000, 3, 1), seed=1)
    optimum = fitted(MyersonAuction(3, prior=IRREGULAR)).predict(test).payments.sum(axis=1)
    losses = []
    for n in (30, 3000):
        earned = [
            MyersonAuction(3).fit(draw(IRREGULAR, (n, 3, 1), seed=2 + k)).predict(test).payments
            for k in range(5)
        ]
        losses.append(np.mean([(optimum - one.sum(axis=1)).mean() for one in earned]))
    # With 100 times as many samples, the loss on the same profiles is at most a tenth.
    assert 0 < losses[1] < losses[0] / 10


@pytest.mark.parametrize(
    "prior, n_bidders", [(stats.uniform(0, 2), 2), (stats.expon(scale=3), 3), (IRREGULAR, 3)]
)
@pytest.mark.parametrize("symmetric", [False, True])
def test_samples_come_close_to_the_prior(prior, n_bidders, symmetric):
    train, test = (draw(prior, (n, n_bidders, 1), seed) for n, seed in ((20_000, 3), (100_000, 4)))
    known = MyersonAuction(n_bidders, prior=prior).fit(train)
    learned = MyersonAuction(n_bidders, symmetric=symmetric).fit(train)
    best, _ = revenue_and_error(known, test)
    revenue, _ = revenue_and_error(learned, test)
    # On the same profiles, sampling noise nearly cancels. The loss of learning from 20,000 samples
    # was at most 0.2 % over 6 seeds.
    assert abs(revenue / best - 1) <= 0.005


@pytest.mark.parametrize("factor", np.random.RandomState(0).lognormal(0, 5, 20))
def test_an_indifferent_seller_sells_in_any_money_unit(factor):
    # Three sales at 2 earn as much as two at 3, so the virtual value of 2 is zero up to rounding.
    samples = factor * np.array([2.0, 3.0, 3.0])
    auction = MyersonAuction(1).fit(samples[:, None])
    assert auction.reserve_prices_[0, 0] == samples[0]
    np.testing.assert_array_equal(auction.predict(samples[:, None]).payments[:, 0], samples[0])


@pytest.mark.parametrize("seed", range(5))
def test_empirical_levels_are_slopes_of_the_concave_hull(seed):
    random = np.random.RandomState(seed)
    samples = random.choice(random.exponential(size=12), 40)
    phi = empirical_virtual_value(samples)
    values = np.unique(samples)
    q = np.append([(samples >= v).mean() for v in values], 0)
    revenue = np.append(values, 0) * q
    for k, value in enumerate(values):
        # Slope of the hull at value k, from all chords of the revenue curve across it.
        slope = max(
            min((revenue[a] - revenue[b]) / (q[a] - q[b]) for b in range(k + 1, len(q)))
            for a in range(k + 1)
        )
        assert phi(value) == pytest.approx(slope, abs=1e-12)  # rounding
    # The reserve maximises revenue.
    at = np.flatnonzero(values == phi.reserve)
    assert revenue[at] == pytest.approx(revenue.max())
    pooled = [any(low <= v < high for low, high in phi.ironed_intervals) for v in values]
    raw = np.diff(revenue) / np.diff(q)
    expected = ~np.isclose(raw, phi(values))
    assert np.array_equal(np.array(pooled)[expected], np.ones(expected.sum(), bool))


@pytest.mark.parametrize("prior", [stats.uniform(1, 2), IRREGULAR, GAP, ATOM, TWO_VALUES])
@pytest.mark.parametrize("source", ["prior", "samples"])
def test_inverse_is_the_infimum(prior, source):
    samples = np.round(draw(prior, 300), 2)
    phi = prior_virtual_value(prior) if source == "prior" else empirical_virtual_value(samples)
    levels = np.concatenate([phi(samples), np.linspace(-1, 12, 200), [0.0]])
    levels = levels[np.isfinite(levels)]
    step = 1e-9  # above rounding (1e-15), and below the distance of grid points (1e-5)
    lowest = phi.values[0]
    at_least, above = phi.inverse(levels), phi.inverse(levels, strict=True)
    assert (phi(at_least + step) >= levels).all() and (phi(above + step) > levels).all()
    assert ((phi(at_least - step) < levels) | (at_least == lowest)).all()
    assert ((phi(above - step) <= levels) | (above == lowest)).all()
    assert phi.inverse(np.inf) == np.inf and phi.inverse(-np.inf) == lowest
    grid = np.sort(np.append(np.linspace(0, 12, 2000), samples))
    assert (phi(grid[1:]) >= phi(grid[:-1])).all()


def test_a_prior_needs_only_ppf_and_cdf():
    full, bare = stats.uniform(0, 2), Pieces([0, 2], [0, 1])
    v = np.linspace(0, 3, 50)
    # The grids differ only in the far tail, where both virtual values are 2 v - 2.
    bare, full = (prior_virtual_value(prior)(v) for prior in (bare, full))
    np.testing.assert_allclose(bare, full, atol=1e-4)


SHARES = np.linspace(0, 1, 13)


ROUGH = np.round(np.random.RandomState(0).exponential(size=(30, 3, 1)) * 4) / 4
TWO_ITEMS = np.round(np.random.RandomState(1).gamma(2, size=(40, 2, 2)) * 2) / 2
MIXED = [[IRREGULAR], [stats.expon(scale=2)], [ATOM]]
# Fitted auctions with all kinds of ties, plateaus and jumps, and their highest bids.
CASES = {
    "uniform": (fitted(MyersonAuction(3, prior=UNIT)), 1.2),
    "irregular": (fitted(MyersonAuction(3, prior=IRREGULAR)), 9),
    "gap": (fitted(MyersonAuction(3, prior=GAP)), 4.2),
    "atom": (fitted(MyersonAuction(3, prior=ATOM)), 2.4),
    "two-values": (fitted(MyersonAuction(3, prior=TWO_VALUES)), 3),
    "asymmetric": (fitted(MyersonAuction(3, prior=MIXED)), 9),
    "samples": (MyersonAuction(3).fit(ROUGH), ROUGH.max() + 1),
    "pooled": (MyersonAuction(3, symmetric=True).fit(ROUGH), ROUGH.max() + 1),
    "samples-2x2": (MyersonAuction(2).fit(TWO_ITEMS), TWO_ITEMS.max() + 0.5),
    "bundle-2x2": (BundleMyersonAuction(2).fit(TWO_ITEMS), TWO_ITEMS.max() + 0.5),
    "bundle-pooled": (
        BundleMyersonAuction(2, symmetric=True).fit(TWO_ITEMS),
        TWO_ITEMS.max() + 0.5,
    ),
    "vcg": (fitted(VCGAuction(3)), 1),
    "vcg-reserve": (fitted(VCGAuction(3, reserve=[[0.25], [0.5], [0.75]])), 1),
    "unit": (fitted(VCGAuction(2, demand="unit"), 2), 1),
    "unit-reserve": (fitted(VCGAuction(2, demand="unit", reserve=[[0.25, 0.5], [0.5, 0]]), 2), 1),
}


def tricky_values(auction, top):
    """Return bids at, just below and between the points where the outcome changes."""
    special = []
    for phi in np.ravel(getattr(auction, "virtual_values_", [])):
        special += [phi.reserve, *phi.ironed_intervals[:2].ravel()]
    special = np.unique([*special, *(np.array(special) - 1e-7), *(top * SHARES)])
    return special[(special >= 0) & (special <= top)]


@pytest.mark.parametrize("name", CASES)
def test_no_misreport_is_profitable(name):
    auction, top = CASES[name]
    n_bidders, n_items = auction.n_bidders, auction.n_items_
    random = np.random.RandomState(0)
    menu = tricky_values(auction, top)
    if n_items == 1:
        reports = menu[:, None]
        truths = random.choice(menu, (400, n_bidders, 1))
    else:
        reports = np.array(list(product(top * SHARES[::2], repeat=n_items)))
        truths = random.choice(np.append(menu, top * SHARES[::2]), (150, n_bidders, n_items))
    # Half of the profiles are random, without ties.
    truths[::2] = random.uniform(0, top, truths[::2].shape)
    truthful = utilities(truths, auction.predict(truths))
    for bidder in range(n_bidders):
        misreports = np.repeat(truths[:, None], len(reports), axis=1)
        misreports[:, :, bidder] = reports
        outcome = auction.predict(misreports.reshape(-1, n_bidders, n_items))
        true_values = np.repeat(truths, len(reports), axis=0)
        gains = utilities(true_values, outcome)[:, bidder].reshape(len(truths), -1)
        # Exactly truthful, up to rounding.
        assert (gains.max(axis=1) - truthful[:, bidder]).max() <= 1e-12 * max(top, 1)


@pytest.mark.parametrize("name", CASES)
def test_feasible_rational_and_invariant_to_batching(name):
    auction, top = CASES[name]
    shape = (300, auction.n_bidders, auction.n_items_)
    bids = np.random.RandomState(1).uniform(0, top, shape)
    bids[:50] *= 1000
    bids[50:100] = np.round(bids[50:100])
    bids[100:110] = 0
    outcome = auction.predict(bids)
    assert np.isin(outcome.allocations, (0, 1)).all()
    assert feasibility_violation(outcome.allocations, auction.demand).max() == 0
    # Rounding of sums of bids up to 10,000.
    assert ir_violation(bids, outcome).max() <= 1e-11 and outcome.payments.min() >= 0
    rows = np.concatenate([np.asarray(auction.predict(row[None])) for row in bids])
    np.testing.assert_array_equal(np.asarray(outcome), rows)


def test_ties_go_to_the_first_bidder_also_on_a_plateau():
    auction = fitted(MyersonAuction(2, prior=IRREGULAR))
    low, high = auction.virtual_values_[0, 0].ironed_intervals[0]
    outcome = auction.predict([[[2.5], [4.0]], [[4.0], [4.0]], [[4.0], [5.0]]])
    np.testing.assert_array_equal(outcome.allocations[:, :, 0], [[1, 0], [1, 0], [0, 1]])
    # The first bidder wins from the left end of the plateau, the second above its right end. The
    # ends are known to one cell of the grid, of width 0.0012.
    np.testing.assert_allclose(outcome.payments, [[low, 0], [low, 0], [0, high]], atol=0.0017)


@pytest.mark.parametrize("factor", [1e-3, 3.7, 1e6])
def test_payments_scale_also_at_ties_and_indifference(factor):
    values = np.random.RandomState(0).randint(1, 7, (60, 2, 2)).astype(float)
    # Two values, each for half of the profiles, so that the seller is often indifferent.
    values[:, :, 1] = 1 + np.indices((60, 2))[0] // [30, 1] % 2
    for auction in (
        MyersonAuction(2),
        MyersonAuction(2, symmetric=True),
        BundleMyersonAuction(2, symmetric=True),
        VCGAuction(2),
    ):
        small = auction.fit(values).predict(values)
        large = auction.fit(values * factor).predict(values * factor)
        np.testing.assert_array_equal(small.allocations, large.allocations)
        # Rounding of rescaled values.
        np.testing.assert_allclose(large.payments, factor * small.payments, rtol=1e-12)


@pytest.mark.parametrize(
    "bids, reserves, winner, price",
    [
        ([5, 3, 1], [0, 0, 0], 0, 3),
        ([5, 5, 1], [0, 0, 0], 0, 5),  # the first wins a tie and pays the other's bid
        ([1, 5, 5], [0, 0, 0], 1, 5),
        ([5, 3, 1], [4, 0, 0], 0, 4),  # own reserve above the second bid
        ([5, 3, 1], [6, 0, 0], 1, 1),  # the highest bidder is removed
        ([5, 3, 1], [6, 2, 0], 1, 2),
        ([5, 3, 1], [0, 4, 0], 0, 1),  # the second bidder is removed before pricing
        ([5, 3, 1], [5, 0, 0], 0, 5),  # sold at the reserve
        ([5, 3, 1], [6, 4, 2], None, 0),
        ([0, 0, 0], [0, 0, 0], 0, 0),
    ],
)
def test_second_price_table(bids, reserves, winner, price):
    allocations, payments = second_price(
        np.array(bids, float)[None, :, None], np.array(reserves, float)[:, None]
    )
    expected = np.zeros((2, 3))
    if winner is not None:
        expected[:, winner] = 1, price
    np.testing.assert_array_equal([allocations[0, :, 0], payments[0]], expected)


def test_myerson_table_for_two_values():
    # phi(1) = 1 - 1.5 = -0.5 does not win; phi(2.5) = 2.5.
    phi = prior_virtual_value(TWO_VALUES)
    bids = np.array([[1, 2.5], [2.5, 2.5], [1, 1], [2.5, 3], [3.5, 3], [0.5, 0]])
    won, payments = sell_one([phi, phi], bids)
    np.testing.assert_array_equal(won, [[0, 1], [1, 0], [0, 0], [0, 1], [1, 0], [0, 0]])
    np.testing.assert_allclose(
        payments, [[0, 2.5], [2.5, 0], [0, 0], [0, 2.5], [3, 0], [0, 0]], atol=1e-12
    )


def best_matching(surplus):
    """Return the largest sum over matchings of rows to columns, by enumeration."""
    n_bidders, n_items = surplus.shape
    padded = np.zeros((n_bidders, n_items + n_bidders))  # columns for unmatched bidders
    padded[:, :n_items] = surplus
    places = permutations(range(n_items + n_bidders), n_bidders)
    return max(sum(padded[i, j] for i, j in enumerate(place)) for place in places)


@pytest.mark.parametrize("n_bidders, n_items", [(1, 3), (2, 2), (3, 2), (2, 3), (3, 3)])
@pytest.mark.parametrize("reserved", [False, True])
def test_unit_demand_agrees_with_enumeration(n_bidders, n_items, reserved):
    random = np.random.RandomState(n_bidders * 10 + n_items)
    bids = random.uniform(0, 5, (25, n_bidders, n_items))
    bids[::3] = np.round(bids[::3])  # ties
    reserves = random.uniform(0, 3, (n_bidders, n_items)) * reserved
    allocations, payments = unit_demand_vcg(bids, reserves)
    for row, surplus in enumerate(bids - reserves):
        best = best_matching(surplus)
        gained = (surplus * allocations[row]).sum(axis=1)
        assert gained.sum() == pytest.approx(best, abs=1e-12)  # rounding
        for bidder in range(n_bidders):
            cost = (reserves * allocations[row])[bidder].sum()
            without = best_matching(np.delete(surplus, bidder, axis=0)) if n_bidders > 1 else 0
            price = cost + without - (best - gained[bidder])
            assert payments[row, bidder] == pytest.approx(price, abs=1e-12)  # rounding


def test_eager_reserves_and_costs_agree_for_one_item_and_equal_reserves():
    bids = np.random.RandomState(0).uniform(size=(200, 3, 1))
    reserves = np.full((3, 1), 0.6)
    for one, other in zip(second_price(bids, reserves), unit_demand_vcg(bids, reserves)):
        np.testing.assert_allclose(one, other, atol=1e-12)  # rounding


def test_priors_and_reserves_broadcast_over_bidders_and_items():
    per_item = fitted(MyersonAuction(2, prior=[UNIT, stats.uniform(0, 4)]), 2)
    np.testing.assert_allclose(per_item.reserve_prices_, [[0.5, 2], [0.5, 2]], atol=1e-9)
    per_bidder = fitted(MyersonAuction(5, prior=UP_TO_5), 2)
    reserves = np.repeat(np.c_[1:6] / 2, 2, axis=1)
    np.testing.assert_allclose(per_bidder.reserve_prices_, reserves, atol=1e-9)
    assert per_bidder.virtual_values_.shape == (5, 2)
    assert per_bidder.virtual_values_[1, 0] is per_bidder.virtual_values_[1, 1]
    vcg = fitted(VCGAuction(2, reserve=[[0.5], [2]]), 2)
    np.testing.assert_array_equal(vcg.reserve_prices_, [[0.5, 0.5], [2, 2]])
    pooled = MyersonAuction(2, symmetric=True).fit(np.random.RandomState(0).uniform(size=(9, 2, 2)))
    assert (pooled.reserve_prices_[0] == pooled.reserve_prices_[1]).all()


def test_a_bidder_who_never_values_an_item_pays_nothing():
    values = np.random.RandomState(0).uniform(size=(50, 2, 1))
    values[:, 1] = 0
    auction = MyersonAuction(2).fit(values)
    assert (auction.predict(values).payments[:, 1] == 0).all()


WRONG_SHAPE = r" .* \(n_bidders, n_items\) = \(2, 2\).*; got shape \(3,\)"
NOT_FINITE = "prior must contain distributions with finite quantiles; got .* is nan"
NEGATIVE = "prior must contain distributions with non-negative values.* negative values only"


@pytest.mark.parametrize(
    "auction, message",
    [
        (VCGAuction(2, reserve=-1), "reserve must be None, or finite.*; got -1"),
        (VCGAuction(2, reserve=[0, np.nan]), "reserve must be .*; got nan"),
        (VCGAuction(2, reserve=np.inf), "reserve must be .*; got inf"),
        (VCGAuction(2, reserve="high"), "reserve must be .*; got 'high'"),
        (VCGAuction(2, reserve=True), "reserve must be .*; got True"),
        (VCGAuction(2, reserve=1j), "reserve must be .*; got 1j"),
        (VCGAuction(2, reserve=[[1], [1, 2]]), r"reserve must be .*; got \[\[1\]"),
        (VCGAuction(2, reserve=[1, 2, 3]), "reserve" + WRONG_SHAPE),
        (MyersonAuction(2, prior=3.0), "prior must contain .* got 3.0, which has no"),
        (MyersonAuction(2, prior=stats.expon(scale=-1)), NOT_FINITE),
        (MyersonAuction(2, prior=stats.uniform(-2, 1)), NEGATIVE),
        (MyersonAuction(2, prior=[UNIT] * 3), "prior" + WRONG_SHAPE),
    ],
)
def test_bad_parameters_are_refused_before_anything_is_fitted(auction, message, valuations):
    with pytest.raises(ValueError, match=message):
        auction.fit(valuations)
    assert not [attribute for attribute in vars(auction) if attribute.endswith("_")]


def dependent(n_samples=500):
    """Return values of three bidders, of whom bidder 2 follows bidder 0 on item 1 only."""
    values = np.random.RandomState(0).uniform(size=(n_samples, 3, 2))
    values[:, 2, 1] += values[:, 0, 1]
    return values


BASELINES = [
    MyersonAuction(3),
    BundleMyersonAuction(3),
    VCGAuction(3),
    VCGAuction(3, demand="unit"),
]


@pytest.mark.parametrize("auction", BASELINES, ids=repr)
def test_one_warning_names_the_dependent_bidders(auction):
    with pytest.warns(UserWarning) as caught:
        auction.fit(dependent())
    assert len(caught) == 1
    goods = "the bundle" if isinstance(auction, BundleMyersonAuction) else "item 1"
    text = str(caught[0].message)
    assert f"bidders 0 and 2 for {goods} have a rank correlation of 0." in text
    # The look-ahead auction is for additive bidders.
    assert ("LookAheadAuction" in text) == (not auction.domain.exclusive)
    assert caught[0].filename == __file__


def test_dependence_without_correlation_is_named():
    values = dependent()
    sign = np.random.RandomState(1).choice([-1, 1], size=500)
    values[:, 2, 1] = 1 + sign * (values[:, 0, 1] - 0.5)
    found = strongest_dependence(values)
    assert (found.bidders, found.item, found.of_distances) == ((0, 2), 1, True)
    with pytest.warns(UserWarning, match="rank correlation of distances from the median of"):
        MyersonAuction(3).fit(values)


def test_no_warning_where_independence_is_not_needed():
    # Warnings are errors in tests.
    MyersonAuction(3, prior=UNIT).fit(dependent())
    fit_myerson(dependent(), alike_bidders=False, alike_items=False)
    MyersonAuction(1).fit(dependent().reshape(-1, 1, 6))


def test_weak_dependence_is_not_reported():
    values = np.random.RandomState(0).uniform(size=(400_000, 2, 1))
    values[:, 1] += 0.02 * values[:, 0]
    # A correlation of 0.02 is certain with so many profiles, but costs no revenue worth a warning.
    assert strongest_dependence(values) is None
    values[:, 1] += 0.2 * values[:, 0]
    assert strongest_dependence(values) is not None


@pytest.mark.parametrize("n_samples", [2, 3, 10, 50, 1000])
@pytest.mark.parametrize("kind", ["uniform", "lattice", "sparse", "single", "constant"])
def test_chance_is_not_reported(n_samples, kind):
    # The level is 1e-6 for each of the 20 samples of each case.
    for seed in range(20):
        values = np.random.RandomState(seed).uniform(size=(n_samples, 3, 2))
        if kind == "lattice":
            values = np.floor(3 * values)
        elif kind == "sparse":
            values *= values > 0.8
        elif kind == "single":  # one value that is not zero, in the same profile
            values[1:] = 0
        elif kind == "constant":
            values[:] = 1
        assert strongest_dependence(values) is None
