"""Economics against tables computed by hand, and identities between the functions.

All numbers in the tables are sums of powers of 1/2, which floats hold exactly: the
comparisons are exact unless a tolerance stands beside them.
"""

import math

import numpy as np
import pytest

from sklauction.economics import (
    auction_score,
    feasibility_violation,
    ir_violation,
    revenue,
    utilities,
    values_received,
    welfare,
)
from sklauction.outcome import AuctionOutcome

# Two profiles of two bidders and two items.
VALUATIONS = np.array([[[1.0, 2.0], [3.0, 0.5]], [[4.0, 0.0], [2.0, 2.0]]])
ALLOCATIONS = np.array([[[0.0, 1.0], [1.0, 0.0]], [[0.5, 0.0], [0.5, 1.0]]])
PAYMENTS = np.array([[1.5, 0.75], [2.5, 3.0]])
OUTCOME = AuctionOutcome(ALLOCATIONS, PAYMENTS)

VALUES = [[2.0, 3.0], [2.0, 3.0]]
UTILITIES = [[0.5, 2.25], [-0.5, 0.0]]


def random_outcome(n_samples=50, n_bidders=3, n_items=2, seed=0):
    """Return valuations and a feasible outcome, at random."""
    rng = np.random.RandomState(seed)
    shares = rng.dirichlet(np.ones(n_bidders + 1), size=(n_samples, n_items))[..., :-1]
    payments = rng.uniform(size=(n_samples, n_bidders))
    valuations = rng.uniform(size=(n_samples, n_bidders, n_items))
    return valuations, AuctionOutcome(shares.transpose(0, 2, 1), payments)


def test_values_and_utilities():
    np.testing.assert_array_equal(values_received(VALUATIONS, ALLOCATIONS), VALUES)
    np.testing.assert_array_equal(utilities(VALUATIONS, OUTCOME), UTILITIES)
    np.testing.assert_array_equal(utilities(VALUATIONS, (ALLOCATIONS, PAYMENTS)), UTILITIES)


def test_revenue_sums_bidders_and_averages_samples():
    assert revenue(PAYMENTS) == (1.5 + 0.75 + 2.5 + 3.0) / 2
    assert isinstance(revenue(PAYMENTS), float)


def test_welfare_sums_bidders_and_averages_samples():
    assert welfare(VALUATIONS, ALLOCATIONS) == 5.0
    assert isinstance(welfare(VALUATIONS, ALLOCATIONS), float)


def test_welfare_is_revenue_plus_utility():
    valuations, outcome = random_outcome()
    total = revenue(outcome.payments) + utilities(valuations, outcome).sum(axis=1).mean()
    # Both sums are of 300 numbers below 1: rounding stays below 300 * 1e-16.
    assert welfare(valuations, outcome.allocations) == pytest.approx(total, rel=1e-13)


def test_money_scales_with_valuations():
    # A power of 2 changes no digit.
    scaled = AuctionOutcome(ALLOCATIONS, 8 * PAYMENTS)
    np.testing.assert_array_equal(utilities(8 * VALUATIONS, scaled), 8 * np.array(UTILITIES))
    assert revenue(8 * PAYMENTS) == 8 * revenue(PAYMENTS)
    assert welfare(8 * VALUATIONS, ALLOCATIONS) == 8 * welfare(VALUATIONS, ALLOCATIONS)


def test_ir_violation_is_what_is_paid_too_much():
    np.testing.assert_array_equal(ir_violation(VALUATIONS, OUTCOME), [[0, 0], [0.5, 0]])
    assert ir_violation(VALUATIONS, (ALLOCATIONS, 0 * PAYMENTS)).max() == 0


@pytest.mark.parametrize(
    ("allocation", "additive", "unit"),
    [
        ([[0.5, 0.5], [0.5, 0.5]], 0, 0),
        ([[1, 1], [0, 0]], 0, 1),
        ([[0.75, 0], [0, 1]], 0, 0),
        ([[0.75, 0], [0.5, 0]], 0.25, 0.25),
        ([[-0.125, 0], [1, 0]], 0.125, 0.125),
        ([[-0.5, 0], [1, 0.75]], 0.5, 0.75),
        ([[1, 1], [1, 1]], 1, 1),
        ([[0, 0], [0, 0]], 0, 0),
    ],
)
def test_feasibility_violation(allocation, additive, unit):
    allocations = np.array([allocation], dtype=float)
    np.testing.assert_array_equal(feasibility_violation(allocations), [additive])
    np.testing.assert_array_equal(feasibility_violation(allocations, "additive"), [additive])
    np.testing.assert_array_equal(feasibility_violation(allocations, "unit"), [unit])


def test_feasibility_violation_is_per_sample():
    allocations = np.array([[[1.0], [0.0]], [[1.0], [0.5]], [[-0.25], [0.0]]])
    np.testing.assert_array_equal(feasibility_violation(allocations), [0, 0.5, 0.25])


def test_feasible_lotteries_have_no_violation():
    _, outcome = random_outcome()
    # Dirichlet weights sum to 1 up to rounding.
    assert feasibility_violation(outcome.allocations).max() <= 1e-15


@pytest.mark.parametrize(
    ("money", "regret", "score"),
    [
        (1.0, 0.0, 1.0),
        (0.25, 0.0625, 0.25),
        (0.0, 0.25, -0.5),
        (-1.0, 0.25, -0.5),
        (4.0, -1e-12, 2.0),
    ],
)
def test_auction_score(money, regret, score):
    # Negative revenue (the auction pays out) and regret (rounding) count as zero.
    assert auction_score(money, regret) == score
    assert isinstance(auction_score(money, regret), float)


def test_score_is_the_root_of_what_a_truthful_auction_earns():
    # sqrt(P) - sqrt(R) with P = 0.555, R = 0.00055, worked out to 6 digits by hand.
    assert auction_score(0.555, 0.00055) == pytest.approx(0.721531, abs=1e-6)
    assert auction_score(0.555, 0.00055) == math.sqrt(0.555) - math.sqrt(0.00055)
