"""Bounds on the optimal revenue, and the methods of its upper bounds."""

import numpy as np
import pytest
from scipy.stats import expon, randint, uniform

from sklauction import MyersonAuction, RevenueBounds, optimal_revenue_bounds
from sklauction.bounds.expected_sale import myerson_revenue
from sklauction.bounds.flow_bound import best_sale, flow_virtual_values
from sklauction.bounds.potential_program import potential_bound
from sklauction.bounds.value_grid import ValueGrid, grid_of_marginals, grid_of_samples
from sklauction.datasets import (
    Discrete,
    Mixture,
    ProductPrior,
    list_settings,
    load_setting,
    uniform_single_item_revenue,
)

UNIT = uniform(0, 1)
# Marginals, demand and optimum for one buyer.
ONE_BUYER = {
    "1x1": ([UNIT], "additive", 0.25),
    "1x1 from 2": ([uniform(2, 1)], "additive", 2.0),
    "1x2": ([UNIT, UNIT], "additive", 0.5492010046202292),
    "416": ([uniform(4, 12), uniform(4, 3)], "additive", 88 / 9),
    "unit": ([UNIT, UNIT], "unit", 2 / (3 * np.sqrt(3))),
    "unit 23": ([uniform(2, 1)] * 2, "unit", 2.1331323465947305),
}


def random_grid(random, n_items):
    edges = tuple(np.sort(random.uniform(0, 5, random.randint(3, 6))) for _ in range(n_items))
    shape = [len(e) - 1 for e in edges]
    return ValueGrid(edges, random.dirichlet(np.ones(np.prod(shape))).reshape(shape))


@pytest.mark.parametrize("n_items", [1, 2, 3])
def test_terms_are_exact_for_linear_utilities(n_items):
    random = np.random.RandomState(n_items)
    grid = random_grid(random, n_items)
    slopes = random.uniform(size=n_items)
    linear = (grid.points() @ slopes).reshape(grid.lattice_shape)
    # u = <a, v> is the allocation a at price 0; u = 1 is a payment of 1 to every type.
    assert (grid.revenue_terms() * linear).sum() == pytest.approx(0, abs=1e-12)
    assert grid.revenue_terms().sum() == pytest.approx(-1)
    cells = random.uniform(size=grid.weights.shape) < 0.5
    for item in range(n_items):
        sold = (grid.sold_terms(cells, item) * linear).sum()
        assert sold == pytest.approx(slopes[item] * grid.weights[cells].sum())
        np.testing.assert_allclose(grid.mean_allocation(linear, item), slopes[item])


@pytest.mark.parametrize("seed", range(5))
def test_terms_bound_what_a_menu_earns_and_sells(seed):
    random = np.random.RandomState(seed)
    grid = random_grid(random, 2)
    menu = np.vstack([random.uniform(size=(4, 2)), [0, 0]])
    prices = np.append(random.uniform(0, 4, size=4), 0)
    cell = random.choice(grid.weights.size, size=200_000, p=grid.weights.ravel())
    places = np.unravel_index(cell, grid.weights.shape)
    low = np.column_stack([e[:-1][k] for e, k in zip(grid.edges, places)])
    wide = np.column_stack([np.diff(e)[k] for e, k in zip(grid.edges, places)])
    values = low + wide * random.uniform(size=low.shape)
    rows = (values @ menu.T - prices).argmax(axis=1)
    u = (grid.points() @ menu.T - prices).max(axis=1).reshape(grid.lattice_shape)
    error = prices[rows].std() / np.sqrt(len(rows))
    # Three standard errors of the sample, and rounding if all types choose the same row.
    assert (grid.revenue_terms() * u).sum() >= prices[rows].mean() - 3 * error - 1e-12
    cells = random.uniform(size=grid.weights.shape) < 0.5
    for item in range(2):
        sold = (menu[rows, item] * cells.ravel()[cell]).mean()
        assert (grid.sold_terms(cells, item) * u).sum() <= sold + 3 * 0.5 / np.sqrt(len(rows))


def test_grids_hold_the_jumps_of_mixtures():
    mixture = Mixture([uniform(0, 3), uniform(3, 5)], [0.75, 0.25])
    grid = grid_of_marginals([mixture, UNIT], 10)
    assert 3.0 in grid.edges[0] and grid.edges[0][[0, -1]].tolist() == [0, 8]
    assert grid.weights.sum() == pytest.approx(1)
    assert grid.weights[grid.edges[0][:-1] < 3].sum() == pytest.approx(0.75)
    assert grid_of_marginals([expon()], 10) is None
    assert grid_of_samples(np.ones((5, 2)), 3) is None


@pytest.mark.parametrize("name", ONE_BUYER)
def test_bounds_of_one_buyer_fall_to_the_optimum_with_the_square_of_cells(name):
    marginals, demand, optimum = ONE_BUYER[name]
    coarse, fine = (
        potential_bound([grid_of_marginals(marginals, n)], demand) / optimum - 1 for n in (6, 18)
    )
    # The tolerance of HiGHS is 1e-7. The largest error with 18 cells is 0.5 %.
    assert -1e-7 <= fine <= 0.01
    # A ninth in theory; the factor 2 is for optimal prices off the lattice.
    assert fine <= 2 * coarse / 9 + 1e-7


@pytest.mark.parametrize("n_bidders", [2, 3, 6])
def test_bounds_of_one_item_fall_to_myersons_revenue(n_bidders):
    optimum = uniform_single_item_revenue(n_bidders)
    bound = potential_bound([grid_of_marginals([UNIT], 30)], n_alike=n_bidders)
    # The error is of second order in the cell width 1/30.
    assert optimum <= bound <= optimum * 1.004
    # The same program without symmetry.
    apart = potential_bound([grid_of_marginals([UNIT], 30)] * n_bidders)
    # It stops earlier, after rounds that lower the bound by less than 1e-4.
    assert bound * (1 - 1e-9) <= apart <= bound * 1.005


def test_bounds_of_bidders_that_differ():
    priors = [[uniform(0, k)] for k in range(1, 6)]
    bound = potential_bound([grid_of_marginals(row, 30) for row in priors])
    assert 2.2976171875 <= bound <= 2.2976171875 * 1.01


def test_bounds_of_two_bidders_and_items():
    grid = grid_of_marginals([UNIT, UNIT], 8)
    bound = potential_bound([grid], n_alike=2)
    # Between the best known revenue (see the setting) and that of two separate buyers.
    assert 0.876514 < bound < 2 * potential_bound([grid]) * 0.9
    # The bound scales with money.
    scaled = grid_of_marginals([uniform(0, 1000)] * 2, 8)
    assert potential_bound([scaled], n_alike=2) == pytest.approx(1000 * bound, rel=1e-6)
    wants_one = potential_bound([grid], "unit", n_alike=2)
    assert 0.7128 < wants_one < bound


@pytest.mark.parametrize("exponent", [0.3, 0.5, 1.0])
@pytest.mark.parametrize("prior", [UNIT, expon(scale=3)])
def test_one_item_has_myersons_virtual_value(prior, exponent):
    values = prior.ppf([[0.1], [0.5], [0.9]])
    support = np.array([[0.0, prior.ppf(1 - 1e-12)]])
    expected = values - prior.sf(values) / prior.pdf(values)
    found = flow_virtual_values(values, [prior], support, exponent)
    # 24 nodes integrate an exponential over 27 means with an error of 1e-4, a constant exactly.
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-9)


def test_rays_prove_the_optimum_for_unit_demand_from_zero():
    values = UNIT.rvs(size=(200_000, 1, 2), random_state=0)
    virtual = flow_virtual_values(values[:, 0], [UNIT] * 2, np.array([[0.0, 1.0]] * 2), 1.0)
    worth = best_sale(virtual[:, None], "unit")
    error = worth.std() / np.sqrt(len(worth))
    # Haghpanah & Hartline 2015 prove by rays that a uniform price is optimal.
    assert worth.mean() == pytest.approx(2 / (3 * np.sqrt(3)), abs=3 * error)


def test_paths_begin_at_the_highest_values():
    support = np.array([[0.0, 2.0], [1.0, 3.0]])
    values = np.array([[2.0, 1.5], [0.5, 3.0], [2.5, 1.2], [0.0, 1.0]])
    virtual = flow_virtual_values(values, [uniform(0, 2), uniform(1, 2)], support, 0.5)
    # No constraint is routed to a type at or above the highest values.
    np.testing.assert_allclose(virtual[:3], values[:3])
    assert (virtual[3] <= values[3]).all()


def test_best_sale_by_hand():
    virtual = np.array([[[3.0, 2.0], [2.5, -1.0]], [[-1.0, -2.0], [-3.0, 1.0]]])
    assert best_sale(virtual).tolist() == [5.0, 1.0]
    assert best_sale(virtual, "unit").tolist() == [4.5, 1.0]
    assert best_sale(virtual[:, :1], "unit").tolist() == [3.0, 0.0]


@pytest.mark.parametrize(
    "marginals, optimum",
    [
        ([UNIT] * 3, 17 / 32),
        ([expon(scale=3)] * 3, 2.751693264346088),
        ([uniform(0, k) for k in range(1, 6)], 2.2976171875),
        ([Mixture([uniform(0, 3), uniform(3, 5)], [0.75, 0.25])] * 3, 2.374866961023424),
        # The virtual value of 2 is 2, of 1 it is 0; some bidder has 2 with probability 3/4.
        ([Discrete([1, 2], [0.5, 0.5])] * 2, 0.75 * 2 + 0.25 * 0),
        ([randint(0, 2)], 0.5),
    ],
)
def test_one_item_is_integrated(marginals, optimum):
    # The error is of second order in 16,384 quantiles.
    assert myerson_revenue(marginals) == pytest.approx(optimum, rel=1e-6)


def test_integration_agrees_with_running_the_auction():
    marginals = [Mixture([uniform(0, 1), Discrete([0.75], [1.0])], [0.7, 0.3]), expon(scale=0.5)]
    values = np.stack([one.rvs(size=200_000, random_state=k) for k, one in enumerate(marginals)])
    auction = MyersonAuction(2, prior=[[one] for one in marginals]).fit(values.T[:10, :, None])
    payments = auction.predict(values.T[:, :, None]).payments.sum(axis=1)
    error = payments.std() / np.sqrt(len(payments))
    assert myerson_revenue(marginals) == pytest.approx(payments.mean(), abs=3 * error)


@pytest.mark.parametrize("name", list_settings())
def test_every_setting_has_consistent_bounds(name):
    setting = load_setting(name)
    bounds = optimal_revenue_bounds(setting, n_cells=4, n_samples=4000)
    if setting.optimal_revenue is None and setting.prior.shape[1] == 2 < setting.n_bidders + 1:
        # All methods apply.
        assert len(bounds.uppers) >= 4
    assert 0 < bounds.lower <= bounds.upper
    # Bounds are consistent with each other and with the literature, up to its last digit.
    assert min(bounds.uppers.values()) >= max(bounds.lowers.values()) * (1 - 1e-6)
    if setting.optimal_revenue is not None:
        assert bounds.lower == pytest.approx(setting.optimal_revenue, rel=1e-6)
        assert bounds.upper == pytest.approx(setting.optimal_revenue, rel=1e-6)


@pytest.mark.parametrize(
    "name", ["additive_1x2_uniform_416_47", "unit_1x2_uniform", "single_3_irregular", "triangle"]
)
def test_samples_bound_the_optimum(name):
    setting = load_setting("additive_1x2_triangle" if name == "triangle" else name)
    samples = setting.sample(4000, random_state=0)
    bounds = optimal_revenue_bounds(samples, demand=setting.demand, n_cells=12)
    assert bounds.lower < setting.optimal_revenue < bounds.upper < 1.15 * setting.optimal_revenue


def test_few_types_are_solved_exactly():
    setting = load_setting("additive_yao_2x2")
    bounds = optimal_revenue_bounds(setting.sample(20_000, random_state=0))
    # Two standard errors of the welfare are 0.01.
    assert 3.125 < bounds.upper < 3.16
    assert bounds.upper_source == "linear program for all types, sampled"


def test_lower_bounds_are_earned_on_profiles_not_seen():
    # Fitted on values of 2, tested on values of 1.
    bounds = optimal_revenue_bounds(np.repeat([2.0, 1.0], 100).reshape(-1, 1, 1))
    assert bounds.lower == 0 and bounds.share(0.5)[1] == np.inf


def test_conjectured_optima_are_no_upper_bounds():
    bounds = optimal_revenue_bounds(load_setting("additive_1x10_uniform"), n_samples=4000)
    assert bounds.lower == pytest.approx(3.477793, abs=1e-6)
    # About 3.83, with four standard errors of 0.12.
    assert 3.7 < bounds.upper < 4.0


def test_correlated_bidders_have_only_the_welfare():
    common = uniform(0, 1).rvs(size=(2000, 1, 2), random_state=0)
    bounds = optimal_revenue_bounds(np.repeat(common, 2, axis=1) * [[1.0], [0.9]])
    assert list(bounds.uppers) == ["welfare, sampled"]
    # Full extraction is possible, as each bidder's value reveals the other's.
    assert bounds.upper == pytest.approx(1.0, abs=0.03)


def test_custom_priors():
    prior = ProductPrior([[Mixture([UNIT, uniform(1, 3)], [0.5, 0.5]), UNIT]])
    bounds = optimal_revenue_bounds(prior, n_samples=20_000)
    assert bounds.upper_source == "utilities on a grid of 24 cells per item"
    # A menu computed on a grid is close to the bound.
    assert 0.95 * bounds.upper < bounds.lower < bounds.upper
    assert optimal_revenue_bounds(prior, n_samples=20_000) == bounds
    for atoms in (Discrete([1, 2], [0.5, 0.5]), Mixture([UNIT, Discrete([1], [1])], [0.5, 0.5])):
        bounds = optimal_revenue_bounds(ProductPrior([[atoms, UNIT]]), n_samples=1000)
        assert list(bounds.uppers) == ["welfare, sampled"]


def test_upper_is_never_below_lower():
    bounds = RevenueBounds({"sampled": 1.01}, {"exact": 1.0})
    assert bounds.upper == bounds.lower == 1.01
    assert bounds.share(np.array([1.01])).count(1.0) == 2


@pytest.mark.parametrize(
    "source, message",
    [
        ("additive_2x2_uniform", "source must be a setting, a prior, or at least 100 samples"),
        (np.ones((50, 2, 2)), "source must .* got ndarray of shape"),
        (np.ones((500, 4)), r"source must .* got ndarray of shape \(500, 4\)"),
        (-np.ones((500, 2, 2)), "source must contain finite non-negative"),
    ],
)
def test_bad_sources_are_refused(source, message):
    with pytest.raises(ValueError, match=message):
        optimal_revenue_bounds(source)
