"""Slots: audits of position auctions are exact, and clicks are feasible if lotteries yield them."""

import itertools
import pickle

import numpy as np
import pytest
from scipy.optimize import linprog
from sklearn.base import clone

from sklauction import CallableAuction, RegretDisplay, TruthfulAuction, VCGAuction, measure_regret
from sklauction.analytic.vcg import unit_demand_vcg
from sklauction.audit.candidates import anchors
from sklauction.audit.mechanisms import CheckedMechanism
from sklauction.audit.problem import AgentProblem
from sklauction.domains import Slots
from sklauction.persistence.codec import Decoder, Encoder

SIZES = pytest.mark.parametrize(
    "n_bidders, rates", [(3, (1.0, 0.5)), (6, (40.0, 30.0, 30.0, 1.0)), (2, (0.3, 0.2, 0.1))]
)
TWO = Slots([1.0, 0.5])


def values_of(n_bidders, n_samples=200, seed=0):
    return np.random.default_rng(seed).uniform(size=(n_samples, n_bidders, 1))


def rates_of_ranks(n_bidders, rates):
    return np.array([*rates, *n_bidders * [0.0]])[:n_bidders]


def generalised_second_price(rates):
    """Return the auction in which bidders pay the next bid for each click."""

    def gsp(bids):
        by_rank = rates_of_ranks(bids.shape[1], rates)
        order = np.argsort(-bids[:, :, 0], axis=1, kind="stable")
        ranked = np.take_along_axis(bids[:, :, 0], order, axis=1)
        following = np.pad(ranked[:, 1:], [(0, 0), (0, 1)])
        clicks, payments = np.empty(order.shape), np.empty(order.shape)
        np.put_along_axis(clicks, order, np.broadcast_to(by_rank, order.shape), axis=1)
        np.put_along_axis(payments, order, by_rank * following, axis=1)
        return clicks[:, :, None], payments

    return gsp


def vcg_of_slots(rates):
    """Return VCG: slots are items, and bidders of unit demand value each at its clicks."""

    def vcg(bids):
        allocations, payments = unit_demand_vcg(bids * rates, np.zeros((bids.shape[1], len(rates))))
        return (allocations @ rates)[:, :, None], payments

    return vcg


def regrets_by_rank(values, rates):
    """Return the regret of truth in the generalised second-price auction, rank by rank.

    At rank k a bidder pays the k-th highest of the other bids, and nothing at the last rank.
    """
    values = values[:, :, 0]
    n_samples, n_bidders = values.shape
    by_rank, regrets = rates_of_ranks(n_bidders, rates), np.empty(values.shape)
    for i in range(n_bidders):
        others = -np.sort(-np.delete(values, i, axis=1), axis=1)
        gains = by_rank * (values[:, i, None] - np.pad(others, [(0, 0), (0, 1)]))
        rank = (others > values[:, i, None]).sum(axis=1)
        regrets[:, i] = gains.max(axis=1) - gains[np.arange(n_samples), rank]
    return regrets


# --- the audit ---------------------------------------------------------------------------------


@SIZES
def test_the_regret_found_is_that_of_the_best_rank(n_bidders, rates):
    values = values_of(n_bidders)
    # The lowest effort, which tries the domain's deviations and the ends of the range only.
    effort = 3 * (n_bidders - 1) + 4
    report = measure_regret(
        generalised_second_price(rates), values, domain=Slots(rates), effort=effort, random_state=0
    )
    expected = regrets_by_rank(values, rates)
    assert report.search["stages"] == ("anchors",)
    # The test is not about truthful auctions.
    assert (expected > 0).mean() > 0.1
    # Rounding of products of at most 40.
    np.testing.assert_allclose(report.regrets, expected, rtol=0, atol=1e-13)


def test_ranks_between_bids_as_close_as_rounding_are_found():
    # The second slot costs 1e-9 less per click than the first. A bid for it lies between the bids
    # of the others: a margin of a millionth around one of them misses it.
    values = np.array([[[0.9], [0.5], [0.5 - 1e-9]]])
    report = measure_regret(
        generalised_second_price((1.0, 1.0)), values, domain=Slots([1.0, 1.0]), random_state=0
    )
    # Rounding of utilities is 1e-16.
    assert report.regrets[0, 0] == pytest.approx(1e-9, abs=1e-15)


def test_a_report_lies_between_any_two_neighbouring_bids():
    random = np.random.default_rng(0)
    # Bids of others that are far apart, close, equal and outside the box.
    others = random.choice([0.0, 0.2, 0.2 + 1e-8, 0.6, 0.9, 1.5], size=(300, 4, 1))
    low, high = np.array([0.1]), np.array([1.0])
    reports = TWO.deviations(random.uniform(0.1, 1.0, (300, 1)), others, low, high)
    assert reports.shape == (300, 12, 1) and reports.min() >= 0.1 and reports.max() <= 1.0
    for tried, bids in zip(reports[:, :, 0], others[:, :, 0]):
        edges = np.unique(np.clip([0.1, *bids, 1.0], 0.1, 1.0))
        for below, above in itertools.pairwise(edges):
            # The ends of the box are tried by the audit itself.
            assert ((tried > below) & (tried < above)).any()
        assert set(np.clip(bids, 0.1, 1.0)) <= set(tried)


def test_the_deviations_of_a_single_bidder_are_none():
    reports = TWO.deviations(np.ones((5, 1)), np.empty((5, 0, 1)), np.zeros(1), np.ones(1))
    assert reports.shape == (5, 0, 1)


def test_the_audit_passes_all_other_bids():
    values = values_of(4, 5)
    checked = CheckedMechanism(generalised_second_price((1.0, 0.5)), TWO, 1.0)
    problem = AgentProblem(values, np.arange(5), 1, np.array([[0.0, 1.0]]), values[:, 1], checked)
    for tried, bids in zip(anchors(problem), np.delete(values, 1, axis=1)):
        assert set(bids[:, 0]) <= set(tried[:, 0])


@SIZES
def test_vcg_is_truthful_and_earns_at_most_the_generalised_second_price(n_bidders, rates):
    values = values_of(n_bidders, 50)
    vcg, gsp = (
        measure_regret(auction(rates), values, domain=Slots(rates), effort="quick", random_state=0)
        for auction in (vcg_of_slots, generalised_second_price)
    )
    # Rounding of payments of at most 100.
    assert vcg.max_regret < 1e-12 and not vcg.problems and not gsp.problems
    # For the same bids (Edelman, Ostrovsky & Schwarz 2007), up to the same rounding.
    assert (vcg.revenues <= gsp.revenues + 1e-12).all()
    assert vcg.revenue < gsp.revenue


def test_too_many_clicks_are_reported():
    def generous(bids):
        return np.ones(bids.shape), np.zeros(bids.shape[:2])

    with pytest.warns(UserWarning, match="allocations of generous are infeasible by 1.5 "):
        report = measure_regret(generous, values_of(3, 10), domain=TWO, effort="quick")
    # Three clicks of slots that yield 1.5.
    assert report.max_feasibility_violation == 1.5


def test_reports_have_the_attributes_and_labels_of_auctions():
    gsp = generalised_second_price((1.0, 0.5))
    report = measure_regret(gsp, values_of(3, 20), domain=TWO, random_state=0, effort="quick")
    assert report.revenue == report.objective and "revenue" in str(report)
    axis = RegretDisplay.from_report(report, bidder=1).plot().axes_[1]
    assert axis.get_xlabel() == "bidder 1's value per click, money"


def test_values_of_several_items_are_refused():
    gsp = generalised_second_price((1.0, 0.5))
    with pytest.raises(ValueError, match=r"valuations must be of shape .*n_bidders, 1\); got"):
        measure_regret(gsp, np.ones((4, 3, 2)), domain=TWO)


# --- estimators --------------------------------------------------------------------------------


def test_a_callable_auction_takes_slots_as_its_demand():
    gsp, values = generalised_second_price((1.0, 0.5)), values_of(3)
    auction = clone(CallableAuction(gsp, n_bidders=3, demand=TWO)).fit(values)
    assert auction.domain == TWO and auction.n_items_ == 1
    np.testing.assert_array_equal(auction.predict(values).payments, gsp(values)[1])
    report = measure_regret(auction, values, random_state=0)
    # The support of the data, so that ends differ; regret is that of ranks, up to rounding.
    np.testing.assert_allclose(
        report.regrets, regrets_by_rank(values, (1.0, 0.5)), rtol=0, atol=1e-13
    )
    flat = clone(auction).fit(values.reshape(-1, 3))
    assert flat.score(values) == auction.score(values)


def test_a_callable_auction_refuses_several_items():
    auction = CallableAuction(generalised_second_price((1.0, 0.5)), n_bidders=3, demand=TWO)
    with pytest.raises(ValueError, match=r"n_items=1 for demand=Slots\(.*; got n_items=2"):
        auction.fit(np.ones((4, 3, 2)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: VCGAuction(3, demand=TWO),
        lambda: TruthfulAuction(CallableAuction(generalised_second_price((1.0,)), 1, demand=TWO)),
    ],
)
def test_auctions_of_items_refuse_slots(make):
    with pytest.raises(ValueError, match=r"demand must be one of .*; got Slots\(click_rates="):
        make().fit(values_of(3))


# --- the domain --------------------------------------------------------------------------------


@SIZES
def test_lotteries_are_feasible_and_slightly_more_clicks_are_not(n_bidders, rates):
    random, slots = np.random.default_rng(0), Slots(rates)
    assignments = np.array(list(itertools.permutations(rates_of_ranks(n_bidders, rates))))
    chances = random.dirichlet(np.full(len(assignments), 0.1), size=500)
    clicks = (chances @ assignments)[:, :, None]
    # Shares of the highest click rate, with the rounding of sums of 720 chances.
    assert slots.infeasibility(clicks).max() < 1e-13
    assert slots.infeasibility(clicks * random.uniform(size=clicks.shape)).max() < 1e-13
    # All slots are filled, so that a share of 0.001 more exceeds the sum of the rates.
    assert slots.infeasibility(1.001 * clicks).min() > 0.0009
    assert slots.infeasibility(clicks - clicks.max() - rates[0]).min() >= 1.0


def most_of(clicks, rates):
    """Return the largest multiple of clicks that a lottery over assignments yields.

    A linear program with the chance of each bidder and slot (Birkhoff).
    """
    n_bidders, n_slots = len(clicks), len(rates)
    yields = np.hstack([np.kron(np.eye(n_bidders), rates), -clicks[:, None]])
    once = [
        np.kron(np.eye(n_bidders), np.ones(n_slots)),
        np.kron(np.ones(n_bidders), np.eye(n_slots)),
    ]
    once = np.vstack(once)
    return -linprog(
        [*np.zeros(n_bidders * n_slots), -1.0],
        A_eq=yields,
        b_eq=np.zeros(n_bidders),
        A_ub=np.hstack([once, np.zeros((len(once), 1))]),
        b_ub=np.ones(len(once)),
    ).fun


@SIZES
def test_feasibility_is_that_of_a_linear_program(n_bidders, rates):
    slots = Slots(rates)
    for row in np.random.default_rng(1).exponential(size=(5, n_bidders)):
        limit = most_of(row, rates) * row[None, :, None]
        # The tolerance of the linear program is 1e-7.
        assert slots.infeasibility((1 - 1e-6) * limit) == 0
        assert slots.infeasibility((1 + 1e-6) * limit) > 0


@SIZES
def test_the_best_clicks_are_those_of_the_best_assignment(n_bidders, rates):
    values, slots = values_of(n_bidders, 20), Slots(rates)
    assignments = np.array(list(itertools.permutations(rates_of_ranks(n_bidders, rates))))
    most = (values[:, :, 0] @ assignments.T).max(axis=1)
    best = slots.best(values)
    # Sums of at most six products of at most 40.
    np.testing.assert_allclose((values * best).sum(axis=(1, 2)), most, rtol=0, atol=1e-12)
    assert slots.infeasibility(best).max() == 0 and not slots.best(-values).any()
    np.testing.assert_array_equal(slots.best_set(values[:, :1]), rates[0] * values[:, 0])


def test_equal_values_are_ranked_by_number():
    np.testing.assert_array_equal(TWO.best(np.ones((1, 3, 1)))[0, :, 0], [1.0, 0.5, 0.0])


def test_slots_are_compared_hashed_pickled_and_saved():
    same, encoder = Slots(np.array([1, 0.5])), Encoder()
    assert same == TWO and hash(same) == hash(TWO) and Slots([1.0]) != TWO
    assert repr(TWO) == "Slots(click_rates=(1.0, 0.5))"
    assert pickle.loads(pickle.dumps(TWO)) == TWO
    written = encoder.encode(TWO, "domain")
    assert Decoder(encoder.arrays).decode(written) == TWO


@pytest.mark.parametrize(
    "rates, message",
    [
        ([], r"click_rates must be of shape \(n_slots,\); got shape \(0,\)"),
        (1.0, r"click_rates must be of shape \(n_slots,\)"),
        ([[1.0, 0.5]], r"click_rates must be of shape \(n_slots,\)"),
        ([0.5, 1.0], r"click_rates must be positive and in non-increasing order.*\[0.5, 1.0\]"),
        ([1.0, 0.0], "click_rates must be positive"),
        ([-1.0, -2.0], "click_rates must be positive"),
        ([1.0, np.nan], "click_rates must hold finite numbers"),
        ([np.inf, 1.0], "click_rates must hold finite numbers"),
        ("abc", "click_rates must hold finite numbers"),
    ],
)
def test_bad_click_rates_are_named(rates, message):
    with pytest.raises(ValueError, match=message):
        Slots(rates)
