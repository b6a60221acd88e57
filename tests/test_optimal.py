"""Known optima for one buyer, and linear programs for finitely many types."""

import itertools

import numpy as np
import pytest
from scipy.stats import expon, uniform

from sklauction import LinearProgramAuction, SingleBuyerAuction, measure_regret
from sklauction.analytic.closed_forms import uniform_box_optimum
from sklauction.analytic.polygons import polygon_area, uniform_menu_revenue
from sklauction.analytic.straight_jacket import (
    straight_jacket_prices,
    straight_jacket_revenue,
    volume,
)
from sklauction.analytic.type_program import TypeProgram, program_size, solve_types
from sklauction.analytic.type_space import bin_samples
from sklauction.bounds.potential_program import potential_bound
from sklauction.bounds.value_grid import grid_of_marginals
from sklauction.datasets import load_setting, make_valuations, yao_revenue
from sklauction.utils.sample_tests import could_be_triangle, plausible_boxes

SETTINGS = [
    "additive_1x2_uniform",
    "additive_1x2_uniform_416_47",
    "additive_1x2_triangle",
    "unit_1x2_uniform",
    "unit_1x2_uniform_23",
]
SQUARE = [(0, 0), (1, 0), (1, 1), (0, 1)]


def box(low, high):
    """Return the corners of a box of values of two items."""
    return [tuple(np.where(corner, high, low)) for corner in SQUARE]


def uniform_grid(low, high, n):
    """Return the centres of n x n cells of a box, and equal weights."""
    steps = (np.arange(n) + 0.5) / n
    types = low + np.array(list(itertools.product(steps, steps))) * np.subtract(high, low)
    return types, np.full(n * n, 1 / n**2)


def test_volumes_by_hand_and_by_counting():
    assert volume([0.5]) == 0.5
    # A square without a corner of side 1/2, and a cube of side 1/2, whose other bounds are slack.
    assert volume([1.0, 0.5]) == pytest.approx(1 - 0.5**3)
    assert volume([0.5, 0.5, 0.5]) == pytest.approx(0.5**3)
    increments = [0.9, 0.6, 0.4, 0.1]
    points = np.sort(np.random.RandomState(0).uniform(size=(200_000, 4)), axis=1)[:, ::-1]
    inside = (points.cumsum(axis=1) <= np.cumsum(increments)).all(axis=1).mean()
    # Three standard errors.
    assert volume(increments) == pytest.approx(inside, abs=3 * 0.5 / np.sqrt(200_000))


@pytest.mark.parametrize("n_items", [1, 2, 3, 5, 8])
def test_straight_jacket_revenue_agrees_with_what_buyers_pay(n_items):
    prices = straight_jacket_prices(n_items)
    values = np.sort(np.random.RandomState(0).uniform(size=(200_000, n_items)), axis=1)[:, ::-1]
    utilities = values.cumsum(axis=1) - prices
    best = utilities.argmax(axis=1)
    paid = np.where(utilities.max(axis=1) > 0, prices[best], 0)
    error = paid.std() / np.sqrt(len(paid))
    assert straight_jacket_revenue(n_items) == pytest.approx(paid.mean(), abs=4 * error)


def test_straight_jacket_prices_are_those_of_the_paper():
    # Giannakopoulos & Koutsoupias 2014: m / (m + 1) and (2 m - sqrt(2)) / (m + 1).
    for m in (2, 3, 4, 6):
        expected = [m / (m + 1), (2 * m - np.sqrt(2)) / (m + 1)]
        np.testing.assert_allclose(straight_jacket_prices(m)[:2], expected, atol=1e-12)
    assert straight_jacket_prices(3)[2] == pytest.approx(1.2257, abs=5e-5)
    # For 10 items it beats selling separately, and the bundle.
    assert straight_jacket_revenue(10) > max(10 * 0.25, 3.448312)


def test_polygon_revenue_by_hand():
    assert polygon_area(np.array(SQUARE)) == 1.0
    # The bundle at 1 / 2 is bought on all but a triangle of area 1 / 8.
    assert uniform_menu_revenue([(1, 1)], [0.5], SQUARE) == pytest.approx(0.5 * 7 / 8)
    # Duplicate and dominated rows change nothing.
    twice = uniform_menu_revenue([(1, 1), (1, 1), (1, 0)], [0.5, 0.5, 0.9], SQUARE)
    assert twice == pytest.approx(0.5 * 7 / 8)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("given", [True, False])
def test_closed_forms_earn_what_they_say_and_are_exactly_truthful(name, given):
    setting = load_setting(name)
    values = setting.sample(2000, random_state=0)
    prior = setting if given else None
    auction = SingleBuyerAuction(prior=prior, demand=setting.demand).fit(values)
    # From samples, bounds of the box have a relative error of about 1 / 2000.
    close = 1e-9 if given else 2e-3
    assert auction.revenue_ == pytest.approx(setting.optimal_revenue, rel=close)
    fresh = setting.sample(200_000, random_state=1)
    paid = auction.predict(fresh).payments[:, 0]
    error = paid.std() / np.sqrt(len(paid))
    assert auction.revenue_ == pytest.approx(paid.mean(), abs=4 * error + close)
    report = measure_regret(auction, fresh[:100], effort="thorough", random_state=0)
    # Ties are broken within 1e-9 of the highest price.
    assert report.total_regret <= 1e-8 * auction.scale_ and not report.problems
    assert auction.status_ == "closed form" and auction.source_


@pytest.mark.parametrize(
    "low, high, demand",
    [
        ([0, 0], [1, 1], "additive"),
        ([0, 0], [4, 3], "additive"),
        ([0, 0], [2, 4], "additive"),
        ([4, 4], [7, 16], "additive"),
        ([1.5, 1.5], [2.5, 2.5], "unit"),
    ],
)
def test_no_small_change_of_prices_or_lotteries_earns_more(low, high, demand):
    found, corners = uniform_box_optimum(low, high, demand), box(low, high)
    exact = uniform_menu_revenue(found.allocations, found.prices, corners)
    assert found.revenue == pytest.approx(exact, rel=1e-12)
    random = np.random.RandomState(0)
    for size in (1e-1, 1e-2, 1e-3):
        for _ in range(50):
            rows = found.allocations + size * random.uniform(-1, 1, found.allocations.shape)
            rows = rows.clip(0, 1)
            if demand == "unit":
                rows /= np.maximum(rows.sum(axis=1, keepdims=True), 1)
            prices = found.prices * (1 + size * random.uniform(-1, 1, found.prices.shape))
            assert uniform_menu_revenue(rows, prices, corners) <= exact * (1 + 1e-12)


@pytest.mark.parametrize(
    "low, high, demand",
    [((0, 0), (4, 3), "additive"), ((4, 4), (16, 7), "additive"), ((2, 2), (3, 3), "unit")],
)
def test_linear_programs_on_grids_close_in_on_the_closed_forms(low, high, demand):
    known = uniform_box_optimum(low, high, demand)
    alike = low[0] == low[1] and high[0] == high[1]
    gaps = []
    for n in (5, 10, 20):
        types, weights = uniform_grid(low, high, n)
        solution = solve_types(TypeProgram([types], weights, demand, "dsic", False, alike))
        gaps.append(solution.revenue / known.revenue - 1)
    # Gaps are positive and about proportional to the cell width.
    assert gaps[0] > gaps[1] > gaps[2] > 0
    assert gaps[2] < 0.6 * gaps[1] and gaps[2] < 0.04


def test_other_priors_have_no_closed_form():
    values = make_valuations(500, 1, 2, random_state=0)
    with pytest.raises(ValueError, match=r"samples of a prior with a known optimal menu.*Linear"):
        SingleBuyerAuction().fit(values**2)
    with pytest.raises(ValueError, match="prior must have a known optimal menu"):
        SingleBuyerAuction(prior=[expon(), expon()]).fit(values)
    with pytest.raises(ValueError, match="prior must be one distribution or broadcast to"):
        SingleBuyerAuction(prior=[uniform()] * 3).fit(values)
    with pytest.raises(ValueError, match="n_bidders must be 1"):
        SingleBuyerAuction(2).fit(make_valuations(20, 2, 2, random_state=0))
    assert uniform_box_optimum([0, 0], [5, 1]) is None
    assert uniform_box_optimum([1, 1], [2, 2], "unit") is None


def test_conjectured_optima_say_so():
    values = make_valuations(50, 1, 7, random_state=0)
    auction = SingleBuyerAuction(prior=uniform()).fit(values)
    assert auction.status_ == "conjectured" and "proved optimal up to 6" in auction.source_
    assert SingleBuyerAuction(prior=uniform()).fit(values[..., :4]).status_ == "computed"


def test_priors_are_recognised_and_others_are_not():
    random = np.random.RandomState(0)
    square = random.uniform(size=(2000, 2))
    assert could_be_triangle(square) is None
    assert could_be_triangle(square[square.sum(axis=1) < 1]) == pytest.approx(1, abs=0.01)
    assert plausible_boxes(np.repeat(square[:, :1], 2, axis=1)) == []
    assert plausible_boxes(square**2) == []


def yao_types(p, low, high):
    types = np.array(list(itertools.product([low, high], repeat=2)), dtype=float)
    return types, np.prod(np.where(types == low, p, 1 - p), axis=1)


@pytest.mark.parametrize(
    "p, high, bayesian", [(0.5, 2, 3.1875), (0.5, 2.5, 3.84375), (0.3, 2, 3.64)]
)
@pytest.mark.parametrize("alike", [False, True])
def test_linear_program_reproduces_yao(p, high, bayesian, alike):
    types, chances = yao_types(p, 1.0, high)
    weights = np.outer(chances, chances)
    for incentive, expected in (("dsic", yao_revenue(2, p, 1.0, high)), ("bic", bayesian)):
        program = TypeProgram([types, types], weights, "additive", incentive, alike, alike)
        solution = solve_types(program)
        assert solution.revenue == pytest.approx(expected, abs=1e-6)
        assert solution.upper_bound == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("demand", ["additive", "unit"])
@pytest.mark.parametrize("incentive", ["dsic", "bic"])
@pytest.mark.parametrize("alike", [False, True])
def test_solutions_keep_every_constraint(demand, incentive, alike):
    random = np.random.RandomState(0)
    types = [random.uniform(1, 2, (4, 2)) for _ in range(2)]
    if alike:
        types = [np.array([[1, 1], [1, 2], [2, 1], [2, 2.0]])] * 2
    chances = np.array([[0.4, 0.2, 0.2, 0.2]] * 2)
    program = TypeProgram(types, np.outer(*chances), demand, incentive, alike, alike)
    solution = solve_types(program)
    sold, paid = solution.allocations, solution.payments
    # HiGHS satisfies constraints up to 1e-7.
    close = 1e-6
    assert sold.min() >= 0 and sold.sum(axis=2).max() <= 1 + close
    if demand == "unit":
        assert sold.sum(axis=3).max() <= 1 + close
    for bidder in range(2):
        x, p = sold[:, :, bidder], paid[:, :, bidder]
        if bidder:
            x, p = x.swapaxes(0, 1), p.swapaxes(0, 1)
        worth = (types[bidder][:, None] * x).sum(axis=2)
        assert (worth - p).min() >= -close
        utilities = np.einsum("tj,soj->tso", types[bidder], x) - p
        if incentive == "bic":
            utilities = utilities @ chances[1 - bidder]
            worth, p = worth @ chances[1 - bidder], p @ chances[1 - bidder]
        gains = utilities - (worth - p)[:, None]
        assert gains.max() <= close
    assert solution.revenue == pytest.approx(solution.upper_bound, abs=close)


def test_deviations_to_distant_types_are_not_profitable():
    # Constraints between close types alone do not suffice here.
    types, weights = uniform_grid((0, 0), (4, 3), 20)
    solution = solve_types(TypeProgram([types], weights, "additive", "dsic", False, False))
    assert solution.n_rounds > 1
    utilities = types @ solution.allocations[:, 0].T - solution.payments[:, 0]
    # HiGHS satisfies constraints up to 1e-7 of the largest value.
    assert (utilities - np.diag(utilities)[:, None]).max() <= 1e-6


def test_symmetry_changes_nothing_but_the_size():
    types, chances = yao_types(0.4, 1.0, 3.0)
    weights = np.outer(chances, chances)
    whole, reduced = (
        solve_types(TypeProgram([types, types], weights, "unit", "dsic", alike, alike))
        for alike in (False, True)
    )
    assert reduced.revenue == pytest.approx(whole.revenue, abs=1e-6)
    assert reduced.n_variables < whole.n_variables / 2
    # Swapping the types of two bidders swaps their allocations.
    np.testing.assert_array_equal(
        reduced.allocations, reduced.allocations.swapaxes(0, 1)[:, :, ::-1]
    )


def test_fitted_programs_sell_on_their_types_what_the_program_says():
    values = load_setting("additive_yao_2x2").sample(500, random_state=0)
    auction = LinearProgramAuction(2).fit(values)
    assert [types.tolist() for types in auction.types_] == [[[1, 1], [1, 2], [2, 1], [2, 2]]] * 2
    profiles = np.array(list(itertools.product(auction.types_[0], auction.types_[1])))
    weights = np.multiply.outer(*auction.probabilities_).ravel()
    outcome = auction.predict(profiles)
    assert outcome.payments.sum(axis=1) @ weights == pytest.approx(auction.revenue_, abs=1e-6)
    report = measure_regret(auction, profiles, effort="thorough", random_state=0)
    assert report.total_regret <= 1e-6 * auction.scale_ and not report.problems


def test_one_buyer_is_exactly_truthful_between_types():
    values = make_valuations(3000, 1, 2, random_state=0)
    auction = LinearProgramAuction(n_bins=8).fit(values)
    fresh = make_valuations(20_000, 1, 2, random_state=1)
    report = measure_regret(auction, fresh[:100], effort="thorough", random_state=0)
    assert report.total_regret <= 1e-6 * auction.scale_ and not report.problems
    paid = auction.predict(fresh).payments
    # The optimum is 0.5492; using 8 x 8 types loses at most 2 %.
    assert 0.98 * 0.5492 <= paid.mean() <= 0.5492 + 3 * paid.std() / np.sqrt(len(paid))


def test_samples_become_cells_or_stay_what_they_are():
    values = np.random.RandomState(0).uniform(2, 4, (1000, 1, 2))
    values[..., 1] = np.rint(values[..., 1])
    space = bin_samples(values, 4)
    assert set(np.unique(space.types[0][:, 1])) == {2.0, 3.0, 4.0}
    np.testing.assert_allclose(np.unique(space.types[0][:, 0]), [2.25, 2.75, 3.25, 3.75], atol=0.01)
    assert space.probabilities[0].sum() == pytest.approx(1)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"types": [[1, 2, 3]]}, r"types must be of shape \(n_types, 2\); got shape \(1, 3\)"),
        ({"types": [[1, -2]]}, "types must hold finite numbers, non-negative"),
        ({"types": [[[1, 2]]] * 3}, "one such array for each of the 2 bidders; got 3"),
        ({"types": [[1, 2]], "probabilities": [0.5]}, "sum to 1; got"),
        ({"types": [[1, 2]], "probabilities": [0.5, 0.5]}, "probabilities must be 1 non-negative"),
        ({"types": [[1, 2], [2, 2]], "symmetric": True}, "symmetric must be 'auto' or False"),
        ({"n_bins": 30, "max_memory": 1e-3}, r"[0-9,]+ variables and at least [0-9,]+ constraints"),
    ],
)
def test_bad_programs_are_refused_before_anything_is_fitted(changes, message):
    values = make_valuations(300, 2, 2, random_state=0)
    auction = LinearProgramAuction(2, **changes)
    with pytest.raises(ValueError, match=message):
        auction.fit(values)
    assert not [name for name in vars(auction) if name.endswith("_")]


def test_size_is_counted_before_symmetries():
    n_variables, n_constraints, n_bytes = program_size([25, 25], 2)
    types, weights = uniform_grid((0, 0), (5, 5), 5)
    program = TypeProgram([types] * 2, np.outer(weights, weights), "additive", "dsic", False, False)
    solution = solve_types(program)
    assert solution.n_variables == n_variables and solution.n_constraints >= n_constraints - 625
    assert n_bytes < 100 * 2**20


@pytest.mark.parametrize("c", [0.1, 0.5, 2.0])
def test_items_with_high_values_are_sold_as_a_bundle(c):
    found = uniform_box_optimum([c, c], [c + 1, c + 1])
    assert found.allocations.tolist() == [[1, 1]]
    grid = grid_of_marginals([uniform(c, 1)] * 2, 16)
    # The upper bound on a grid of cells of width 1/16 is at most 0.31 % above.
    assert found.revenue <= potential_bound([grid]) <= 1.0031 * found.revenue
    below, best, above = (
        uniform_menu_revenue([(1, 1)], found.prices * factor, box([c, c], [c + 1, c + 1]))
        for factor in (0.999, 1, 1.001)
    )
    assert best == pytest.approx(found.revenue) and max(below, above) < found.revenue
    assert uniform_box_optimum([0.05, 0.05], [1.05, 1.05]) is None
