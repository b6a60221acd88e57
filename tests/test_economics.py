"""Economics against tables computed by hand, and identities between the functions.

All numbers in the tables are sums of powers of 1/2, which floats hold exactly: the
comparisons are exact unless a tolerance stands beside them.
"""

import math

import numpy as np
import pytest

from sklauction.domains.outcome import AuctionOutcome
from sklauction.economics import (
    auction_score,
    feasibility_violation,
    ir_violation,
    revenue,
    utilities,
    values_received,
    welfare,
)

# Two profiles of two bidders and two items.
VALUATIONS = np.array([[[1.0, 2.0], [3.0, 0.5]], [[4.0, 0.0], [2.0, 2.0]]])
ALLOCATIONS = np.array([[[0.0, 1.0], [1.0, 0.0]], [[0.5, 0.0], [0.5, 1.0]]])
PAYMENTS = np.array([[1.5, 0.75], [2.5, 3.0]])
OUTCOME = AuctionOutcome(ALLOCATIONS, PAYMENTS)

VALUES = [[2.0, 3.0], [2.0, 3.0]]
UTILITIES = [[0.5, 2.25], [-0.5, 0.0]]


def test_values_and_utilities():
    np.testing.assert_array_equal(values_received(VALUATIONS, ALLOCATIONS), VALUES)
    np.testing.assert_array_equal(utilities(VALUATIONS, OUTCOME), UTILITIES)
    np.testing.assert_array_equal(utilities(VALUATIONS, (ALLOCATIONS, PAYMENTS)), UTILITIES)


def test_revenue_and_welfare_sum_bidders_and_average_samples():
    assert revenue(PAYMENTS) == (1.5 + 0.75 + 2.5 + 3.0) / 2
    assert welfare(VALUATIONS, ALLOCATIONS) == 5.0
    assert isinstance(revenue(PAYMENTS), float)
    assert isinstance(welfare(VALUATIONS, ALLOCATIONS), float)


def test_random_outcomes_are_feasible_and_split_welfare_into_revenue_and_utility():
    rng = np.random.RandomState(0)
    shares = rng.dirichlet(np.ones(4), size=(50, 2))[..., :-1]
    outcome = AuctionOutcome(shares.transpose(0, 2, 1), rng.uniform(size=(50, 3)))
    valuations = rng.uniform(size=(50, 3, 2))
    # Dirichlet weights sum to 1 up to rounding.
    assert feasibility_violation(outcome.allocations).max() <= 1e-15
    total = revenue(outcome.payments) + utilities(valuations, outcome).sum(axis=1).mean()
    # Both sums are of 300 numbers below 1: rounding stays below 300 * 1e-16.
    assert welfare(valuations, outcome.allocations) == pytest.approx(total, rel=1e-13)


def test_ir_violation_is_what_is_paid_too_much():
    np.testing.assert_array_equal(ir_violation(VALUATIONS, OUTCOME), [[0, 0], [0.5, 0]])
    assert ir_violation(VALUATIONS, (ALLOCATIONS, 0 * PAYMENTS)).max() == 0


def test_feasibility_violation_is_per_sample():
    # Allocations, and their violations for additive and unit demand.
    cases = [
        ([[0.5, 0.5], [0.5, 0.5]], 0, 0),
        ([[1, 1], [0, 0]], 0, 1),
        ([[0.75, 0], [0, 1]], 0, 0),
        ([[0.75, 0], [0.5, 0]], 0.25, 0.25),
        ([[-0.125, 0], [1, 0]], 0.125, 0.125),
        ([[-0.5, 0], [1, 0.75]], 0.5, 0.75),
        ([[1, 1], [1, 1]], 1, 1),
        ([[0, 0], [0, 0]], 0, 0),
    ]
    allocations, additive, unit = map(np.array, zip(*cases))
    np.testing.assert_array_equal(feasibility_violation(allocations), additive)
    np.testing.assert_array_equal(feasibility_violation(allocations, "additive"), additive)
    np.testing.assert_array_equal(feasibility_violation(allocations, "unit"), unit)


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
