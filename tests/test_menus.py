"""Learned menus: exactly truthful auctions, readable menus, known optima."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from test_common import learned_attributes

from sklauction import (
    AffineMaximizerAuction,
    Menu,
    MenuDisplay,
    MenuNetAuction,
    MyersonAuction,
    RochetNetAuction,
    VCGAuction,
    load_auction,
    measure_regret,
    save_auction,
)
from sklauction.datasets import load_setting, make_valuations
from sklauction.domains import Auction
from sklauction.economics import feasibility_violation, ir_violation
from sklauction.learned.training import Batch
from sklauction.menu import make_menu
from sklauction.menus.affine import AffineMenu, affine_outcome, soft_revenue
from sklauction.menus.affine_mechanism import AffineMechanism
from sklauction.menus.menu_rows import (
    MenuDesign,
    close_orbit,
    count_integral,
    initial_logits,
    integral_assignments,
    rows_from_logits,
)
from sklauction.menus.transformer_menu import TransformerMenu

# Enough updates to leave the start behind, in about a second.
SMALL = {"menu_size": 12, "max_iter": 2, "batch_size": 64, "n_starts": 2, "random_state": 0}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def design(n_bidders=2, n_items=2, **changes):
    fields = {"n_bidders": n_bidders, "n_items": n_items, "demand": "additive", "n_rows": 5}
    fields |= {"alike_bidders": False, "alike_items": False, "integral": False, "n_starts": 1}
    return MenuDesign(**fields | changes)


def random_menu(n_rows, n_bidders, n_items, seed=0, demand="additive"):
    """Return a menu with random rows, weights and boosts."""
    draws = generator(seed)
    shape = design(n_bidders, n_items, demand=demand, n_rows=n_rows)
    logits = 3 * torch.randn(1, n_rows, *shape.logits_shape, generator=draws)
    rows = rows_from_logits(logits, shape)[0].double()
    weights = torch.exp(torch.randn(n_bidders, generator=draws)).double()
    boosts = -2 * torch.rand(n_rows, generator=draws).double()
    return AffineMenu(rows, weights, boosts)


def integral_rows(shape):
    """Return the row of nothing and one row for each integral allocation."""
    owners = integral_assignments(shape)
    rows = torch.nn.functional.one_hot(owners, shape.n_bidders + 1).transpose(1, 2)
    return torch.nn.functional.pad(rows[:, :-1], (0, 0, 0, 0, 1, 0)).double()


# -- The pure functions ---------------------------------------------------------------------


def test_second_price_with_reserve_by_hand():
    menu = AffineMenu(
        torch.tensor([[[1.0], [0.0]], [[0.0], [1.0]], [[0.0], [0.0]]]),
        torch.tensor([1.0, 2.0]),
        torch.tensor([0.0, 0.0, 0.5]),
    )
    bids = torch.tensor([[[0.75], [0.25]], [[0.6], [0.5]], [[0.2], [0.1]]])
    rows, _, payments = affine_outcome(bids, menu)
    # Bidder 1 counts twice. Row by row: 0.75 against 0.5 and the boost 0.5: pays 0.5. 0.6
    # against 2 x 0.5: bidder 1 pays 0.6 / 2. Nobody reaches the boost.
    assert rows.tolist() == [0, 1, 2]
    assert payments.tolist() == [[0.5, 0.0], [0.0, pytest.approx(0.3)], [0.0, 0.0]]


def test_ties_up_to_rounding_go_to_the_first_row():
    rows = torch.eye(3, dtype=torch.double).unsqueeze(1)
    menu = AffineMenu(rows, torch.ones(1).double(), torch.zeros(3).double())
    # 0.1 + 0.2 is not 0.3 in binary: the second and third are best by one unit in the last place.
    bids = torch.tensor([[[0.3, 0.1 + 0.2, 0.1 + 0.2]]], dtype=torch.double)
    assert affine_outcome(bids, menu)[0].item() == 0


@pytest.mark.parametrize("reserve", [None, 0.3])
@pytest.mark.parametrize("sizes", [(2, 7, 3, 2), (1, 4, 1, 3), (3, 5, 2, 1)])
def test_written_out_gradient_agrees_with_finite_differences(sizes, reserve):
    n_starts, n_rows, *shape = sizes
    draws = generator()

    def drawn(*shape):
        return torch.rand(*shape, generator=draws, dtype=torch.double)

    def revenue(rows, weights, boosts):
        if reserve is None:
            return soft_revenue(profiles, AffineMenu(rows, weights, boosts), 10.0)
        # The first row, for all integral allocations, has no parameters.
        rows, boosts = (torch.cat([0 * part[:, :1], part], dim=1) for part in (rows, boosts))
        reserves = torch.full(shape, reserve).double()
        return soft_revenue(profiles, AffineMenu(rows, weights, boosts, reserves), 10.0)

    profiles = drawn(6, *shape)
    parts = drawn(n_starts, n_rows, *shape), drawn(n_starts, shape[0]) + 0.5
    parts = [part.requires_grad_() for part in (*parts, drawn(n_starts, n_rows) - 0.5)]
    assert torch.autograd.gradcheck(revenue, parts)


def test_soft_revenue_tends_to_what_is_paid():
    profiles = torch.rand(50, 3, 2, generator=generator(), dtype=torch.double)
    menu = random_menu(20, 3, 2)
    paid = affine_outcome(profiles, menu)[2].sum(dim=1).mean()
    soft = soft_revenue(profiles, AffineMenu(*(part[None] for part in menu[:3])), 1e7)
    # Rows closer than 1e-7 still share a profile; there are none among these.
    assert float(soft) == pytest.approx(float(paid), abs=1e-9)


def test_rows_of_all_integral_allocations_and_boosts_for_unsold_items_are_myerson():
    values = make_valuations(500, 2, 2, random_state=0)
    rows = integral_rows(design(n_rows=8, integral=True))
    boosts = 0.5 * (1 - rows.sum(dim=1)).sum(dim=1)
    menu = AffineMenu(rows, torch.ones(2).double(), boosts)
    outcome = AffineMechanism(menu, 1.0)(torch.tensor(values))
    expected = VCGAuction(2, reserve=0.5).fit(values).predict(values)
    np.testing.assert_allclose(outcome[0].numpy(), expected.allocations, atol=1e-12)
    np.testing.assert_allclose(outcome[1].numpy(), expected.payments, atol=1e-12)


@pytest.mark.parametrize("n_bidders, n_items", [(1, 2), (2, 2), (3, 2)])
def test_a_row_for_all_integral_allocations_stands_for_them(n_bidders, n_items):
    draws = generator(1)
    extra = random_menu(6, n_bidders, n_items)
    # Cheap enough to be chosen sometimes.
    extra = extra._replace(boosts=extra.boosts / 8)
    reserves = torch.rand(n_bidders, n_items, generator=draws, dtype=torch.double)
    rows = integral_rows(design(n_bidders, n_items, n_rows=100))
    boosts = -(rows * reserves * extra.weights[:, None]).sum(dim=(1, 2))
    every = torch.cat([rows, extra.allocations]), torch.cat([boosts, extra.boosts])
    listed = AffineMenu(every[0], extra.weights, every[1])
    first = torch.cat([rows[:1], extra.allocations]), torch.cat([boosts[:1], extra.boosts])
    short = AffineMenu(first[0], extra.weights, first[1], reserves)
    bids = 1.5 * torch.rand(500, n_bidders, n_items, generator=draws, dtype=torch.double)
    chosen, *outcome = affine_outcome(bids, short)
    _, *expected = affine_outcome(bids, listed)
    assert 0 < (chosen == 0).sum() < 500
    for one, other in zip(outcome, expected, strict=True):
        # Sums in another order.
        torch.testing.assert_close(one, other, atol=1e-12, rtol=0)
    # A mechanism sorts the rows; its payments are in money.
    sold = AffineMechanism(short, 2.0)(2 * bids)
    torch.testing.assert_close(sold[0], expected[0], atol=1e-12, rtol=0)
    torch.testing.assert_close(sold[1], 2 * expected[1], atol=1e-12, rtol=0)
    soft = soft_revenue(bids, AffineMenu(*(p[None] for p in short[:3]), reserves), 1e7)
    assert float(soft) == pytest.approx(float(expected[1].sum(dim=1).mean()), abs=1e-9)


@pytest.mark.parametrize("demand", ["additive", "unit"])
@pytest.mark.parametrize("n_bidders, n_items", [(1, 3), (2, 2), (3, 2)])
def test_any_affine_maximizer_is_truthful_feasible_and_rational(demand, n_bidders, n_items):
    menu = random_menu(13, n_bidders, n_items, demand=demand)
    # Without the row of nothing an auction may have to sell.
    menu.allocations[0], menu.boosts[0] = 0, 0
    mechanism = AffineMechanism(menu, scale=3.0)
    values = 3 * np.random.RandomState(0).uniform(size=(100, n_bidders, n_items))
    outcome = [part.numpy() for part in mechanism(torch.tensor(values))]
    # Rounding of float64.
    assert feasibility_violation(outcome[0], demand).max() <= 1e-12
    assert ir_violation(values, tuple(outcome)).max() <= 1e-8
    report = measure_regret(
        mechanism, values, support=(0.0, 3.0), demand=demand, effort="thorough", random_state=0
    )
    # Ties are broken within 1e-9 of the scale.
    assert report.total_regret <= 1e-8


def test_payments_do_not_depend_on_how_profiles_are_cut(monkeypatch):
    menu = random_menu(30, 2, 3)
    bids = torch.rand(100, 2, 3, generator=generator(), dtype=torch.double)
    whole = AffineMechanism(menu, 2.0)(bids)
    monkeypatch.setattr("sklauction.menus.affine_mechanism.TABLE_ENTRIES", 1)
    single = AffineMechanism(menu, 2.0)(bids)
    for one, other in zip(whole, single, strict=True):
        torch.testing.assert_close(one, other, atol=1e-12, rtol=0)


# -- Rows -----------------------------------------------------------------------------------


@pytest.mark.parametrize("integral", [False, True])
@pytest.mark.parametrize("demand", ["additive", "unit"])
@pytest.mark.parametrize("n_bidders, n_items", [(1, 1), (1, 3), (2, 2), (3, 2), (2, 4)])
def test_rows_are_feasible_for_any_numbers(integral, demand, n_bidders, n_items):
    shape = design(n_bidders, n_items, demand=demand, integral=integral, n_rows=200)
    logits = 10 * torch.randn(1, 200, *shape.logits_shape, generator=generator())
    logits[:, :10] = 0.0
    rows = rows_from_logits(logits, shape)[0].numpy()
    assert rows.min() >= 0
    # Single precision.
    assert feasibility_violation(rows, demand).max() <= 1e-6
    if integral:
        assert set(np.unique(rows)) <= {0.0, 1.0}
    else:
        # Items are not sold, sold, and sold in lotteries.
        assert (rows == 0).any() and (rows == 1).any() and ((rows > 0) & (rows < 1)).any()


@pytest.mark.parametrize("demand", ["additive", "unit"])
@pytest.mark.parametrize("n_bidders, n_items", [(1, 3), (2, 2), (3, 2), (2, 3)])
@pytest.mark.parametrize("alike", [False, True])
def test_first_rows_hold_every_integral_allocation_once(demand, n_bidders, n_items, alike):
    shape = design(
        n_bidders, n_items, demand=demand, n_rows=100, alike_bidders=alike, alike_items=alike
    )
    owners = integral_assignments(shape)
    logits = initial_logits(shape, generator())[:, : len(owners)]
    rows = rows_from_logits(logits, shape)
    menu, boosts = close_orbit(rows, torch.zeros(1, len(owners)), shape)
    assert menu.shape[1] == boosts.shape[1] == 1 + len(owners) * shape.orbit
    found = {tuple(row.round().flatten().int().tolist()) for row in menu[0]}
    assert len(found) == 1 + count_integral(shape)
    moves = [
        {
            tuple(np.roll(np.reshape(row, (n_bidders, n_items)), (i, j), axis=(0, 1)).ravel())
            for i in range(n_bidders if alike else 1)
            for j in range(n_items if alike else 1)
        }
        for row in found
        if any(row)
    ]
    assert len(owners) == len({min(orbit) for orbit in moves})
    assert all(feasibility_violation(menu[0].round().numpy(), demand) == 0)


def test_matchings_of_many_items_are_listed_without_trying_all_assignments():
    # 3^30 assignments, of which 930 are matchings.
    shape = design(2, 30, demand="unit", n_rows=1000)
    owners = integral_assignments(shape)
    assert len(owners) == count_integral(shape) == 30 * 2 + 30 * 29
    assert ((owners == 0).sum(dim=1) <= 1).all() and ((owners == 1).sum(dim=1) <= 1).all()


def test_an_orbit_holds_every_cyclic_move_of_bidders_and_items():
    shape = design(3, 2, n_rows=1, alike_bidders=True, alike_items=True)
    row = torch.tensor([[[[1.0, 0.0], [0.0, 0.0], [0.0, 0.25]]]])
    menu, boosts = close_orbit(row, torch.tensor([[-1.5]]), shape)
    assert menu.shape == (1, 7, 3, 2) and boosts.tolist() == [[0.0] + [-1.5] * 6]
    expected = {
        tuple(np.roll(row[0, 0].numpy(), (k, j), axis=(0, 1)).ravel())
        for k in range(3)
        for j in range(2)
    }
    assert {tuple(one.ravel()) for one in menu[0, 1:].numpy()} == expected


def test_a_menu_network_moves_with_its_bidders_and_items_and_does_not_grow():
    values = make_valuations(50, 3, 4, random_state=0)
    shape = design(3, 4, demand="unit", n_rows=6)
    network = TransformerMenu(shape, values, generator())
    network.to_weights.data.normal_(generator=generator(1))
    menu = network()
    moved = copy.deepcopy(network)
    bidders, items = [2, 0, 1], [1, 3, 0, 2]
    moved.pairs = network.pairs[bidders][:, items]
    other = moved()
    # Sums in another order, in single precision.
    close = {"atol": 1e-5, "rtol": 1e-5}
    torch.testing.assert_close(
        other.allocations, menu.allocations[:, :, bidders][..., items], **close
    )
    torch.testing.assert_close(other.weights, menu.weights[:, bidders], **close)
    torch.testing.assert_close(other.boosts, menu.boosts, **close)
    small = TransformerMenu(design(n_rows=6), values[:, :2, :2], generator())
    large = TransformerMenu(design(7, 9, n_rows=6), make_valuations(50, 7, 9), generator())
    sizes = [sum(part.numel() for part in one.parameters()) for one in (small, large)]
    assert sizes[0] == sizes[1]


# -- One buyer's menus -----------------------------------------------------------------------


def test_pruning_changes_no_choice_in_the_support():
    random = np.random.RandomState(0)
    allocations = random.uniform(size=(200, 3)).round(1)
    prices = allocations.sum(axis=1) * random.uniform(0.3, 0.7, 200)
    allocations = np.concatenate([allocations, allocations[:20]])
    prices = np.concatenate([prices, prices[:20]])
    support = np.array([[0.2, 1.0], [0.0, 2.0], [0.0, 0.5]])
    few = random.uniform(*support.T, size=(5, 3))
    menu = make_menu(allocations, prices, support, few)
    assert len(menu.prices) < 60
    values = random.uniform(*support.T, size=(20_000, 3))
    utilities = values @ allocations.T - prices
    best = np.maximum(utilities.max(axis=1), 0)
    chosen = menu.choose(values)
    own = (values * menu.allocations[chosen]).sum(axis=1) - menu.prices[chosen]
    # Utilities are those of all rows, up to rounding.
    np.testing.assert_allclose(own, best, atol=1e-9)
    paid = np.where(utilities.max(axis=1) > 0, prices[utilities.argmax(axis=1)], 0)
    np.testing.assert_allclose(menu.prices[chosen], paid, atol=1e-12)
    # Every row is chosen by some buyer.
    assert len(np.unique(chosen)) == len(menu.prices)


def test_menu_reads_as_table_and_in_words():
    menu = Menu(
        np.array([[0, 0], [0.5, 1], [1, 1]]), np.array([0.0, 8, 12]), np.array([0.25, 0.5, 0.25])
    )
    frame = menu.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == ["item_0", "item_1", "price", "share"] and len(frame) == 3
    assert str(menu).splitlines()[2] == "Item 0 and item 1 for 12."
    # 88/9 from the optimal menu of U[4, 16] x U[4, 7] (Daskalakis, Deckelbaum & Tzamos 2013).
    values = load_setting("additive_1x2_uniform_416_47").sample(200_000, random_state=0)[:, 0]
    # Three standard errors: payments spread by about 4.
    assert menu.revenue(values) == pytest.approx(88 / 9, abs=3 * 4 / np.sqrt(200_000))
    with pytest.raises(ValueError, match=r"valuations must be of shape \(n_samples, 2\)"):
        menu.choose(values[:, :1])


def test_equally_good_rows_are_the_dearest():
    menu = Menu(np.array([[0.0], [0.5], [1.0]]), np.array([0.0, 0.5, 1.0]), np.zeros(3))
    assert menu.choose([[1.0], [0.99], [1.01]]).tolist() == [2, 0, 2]


def test_ties_are_relative_to_the_rows_compared_and_not_to_the_dearest():
    menu = Menu(np.array([[0.0], [1e-3], [1.0]]), np.array([0.0, 0.5, 1e9]), np.zeros(3))
    # 1e-9 of the highest price is 1. The buyer of 499.9 would lose 1e-4, that of 500 loses nothing,
    # and that of 1e12 is better off with the last row.
    assert menu.choose([[0.0], [499.9], [500.0], [1e12]]).tolist() == [0, 0, 1, 2]
    shifted = AffineMenu(
        torch.tensor([[[1.0]], [[0.0]], [[0.5]]]).double(),
        torch.ones(1).double(),
        torch.tensor([-1e3, 0.0, 0.0]).double(),
    )
    # Free lotteries, in units of a scale far above the values: the last is better for any value.
    bids = torch.tensor([[[1e-10]], [[1e-20]], [[3e3]]], dtype=torch.double)
    assert affine_outcome(bids, shifted)[0].tolist() == [2, 2, 0]


def test_no_row_is_sold_at_a_loss_and_prices_allow_for_rounding():
    assert 0.7 + 0.1 < 0.8  # in binary
    values = np.array([[0.7, 0.1], [0.1, 0.7], [0.4, 0.4]])
    menu = Menu(np.array([[0.0, 0.0], [1.0, 1.0]]), np.array([0.0, 0.8]), np.zeros(2))
    assert menu.choose(values).tolist() == [0, 0, 1]
    made = make_menu(np.array([[1.0, 1.0]]), np.array([0.8]), np.array([[0.0, 1.0]] * 2), values)
    # Lower by one unit in the last place, so that all three buy.
    assert made.choose(values).tolist() == [1, 1, 1]
    assert 0 < 0.8 - made.prices[1] <= np.spacing(0.8)


def test_a_row_tied_at_a_loss_leaves_the_next_one():
    prices = np.array([0.0, 0.8 - 1e-12, 0.8])
    menu = Menu(np.array([[0.0, 0.0], [1.0, 1.0], [1.0, 1.0]]), prices, np.zeros(3))
    assert menu.choose([[0.7, 0.1], [0.4, 0.4]]).tolist() == [1, 2]


def test_simplify_drops_rows_that_earn_little():
    near = Menu(
        np.array([[0, 0], [0.99, 0], [1, 0.0], [0, 1], [1, 0.999], [1, 1]]),
        np.array([0.0, 0.661, 2 / 3, 2 / 3, 0.8615, 0.862]),
        np.zeros(6),
    )
    values = make_valuations(5000, 1, 2, random_state=0)[:, 0]
    small = near.simplify(values, tolerance=5e-3)
    assert len(small.prices) < len(near.prices)
    assert small.revenue(values) >= (1 - 5e-3) * near.revenue(values)
    assert small.shares.sum() == pytest.approx(1)


@pytest.mark.parametrize("cls", [RochetNetAuction, MenuNetAuction])
@pytest.mark.parametrize("demand", ["additive", "unit"])
def test_the_menu_is_the_auction(cls, demand):
    auction = cls(demand=demand, **SMALL).fit(make_valuations(500, 1, 3, random_state=0) * 7)
    fresh = make_valuations(300, 1, 3, random_state=1) * 7
    outcome = auction.predict(fresh)
    chosen = auction.menu_.choose(fresh[:, 0])
    np.testing.assert_allclose(outcome.allocations[:, 0], auction.menu_.allocations[chosen])
    np.testing.assert_allclose(outcome.payments[:, 0], auction.menu_.prices[chosen], atol=1e-12)
    assert auction.menu_.allocations[0].tolist() == [0, 0, 0] and auction.menu_.prices[0] == 0
    assert (np.diff(auction.menu_.prices) >= 0).all()
    assert measure_regret(auction, fresh, effort="thorough", random_state=0).total_regret <= 1e-8


@pytest.mark.parametrize(
    "cls, name, share",
    [
        (RochetNetAuction, "additive_1x2_uniform", 0.99),
        (RochetNetAuction, "additive_1x2_uniform_416_47", 0.99),
        (RochetNetAuction, "unit_1x2_uniform_23", 0.99),
        (RochetNetAuction, "additive_1x2_triangle", 0.985),
        (MenuNetAuction, "additive_1x2_uniform", 0.98),
    ],
)
def test_short_fits_come_close_to_the_optimum_and_not_above(cls, name, share):
    setting = load_setting(name)
    values = setting.sample(10_000, random_state=0)
    auction = cls(demand=setting.demand, max_iter=8, n_starts=2, random_state=0).fit(values)
    payments = auction.predict(setting.sample(100_000, random_state=1)).payments.sum(axis=1)
    error = payments.std() / np.sqrt(len(payments))
    assert payments.mean() >= share * setting.optimal_revenue - 3 * error
    assert payments.mean() <= setting.optimal_revenue + 3 * error


def test_menu_display_draws_regions():
    auction = RochetNetAuction(**SMALL).fit(make_valuations(500, 1, 3, random_state=0))
    display = MenuDisplay.from_estimator(auction, items=(2, 0), values=[0, 0.5, 0], n_points=21)
    rows = auction.menu_.choose([[display.values[1][4], 0.5, display.values[0][9]]])
    assert display.rows[4, 9] == rows[0]
    assert display.plot().figure_ is display.ax_.figure
    assert display.ax_.get_xlabel() == "value for item 2, money"
    for items in ((0, 0), (0, 1, 2), (0, 3)):
        with pytest.raises(ValueError, match="items must"):
            MenuDisplay.from_estimator(auction, items=items)
    with pytest.raises(ValueError, match=r"values must be of shape \(3,\); got shape \(2,\)"):
        MenuDisplay.from_estimator(auction, values=[1, 2])


# -- Several bidders ------------------------------------------------------------------------


@pytest.mark.parametrize("menu", ["free", "network"])
@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("demand", ["additive", "unit"])
def test_fitted_maximizers_are_exactly_truthful(menu, deterministic, demand):
    values = make_valuations(300, 2, 2, random_state=0) * [[1.0], [2.0]]
    parts = {"menu": menu, "deterministic": deterministic, "demand": demand}
    auction = AffineMaximizerAuction(2, **parts, **SMALL).fit(values)
    report = measure_regret(auction, values[:100], effort="thorough", random_state=0)
    assert report.total_regret <= 1e-8 * auction.scale_
    assert not report.problems
    if deterministic:
        assert set(np.unique(auction.menu_.allocations)) <= {0.0, 1.0}


def test_a_short_fit_earns_more_than_item_wise_myerson():
    values = make_valuations(10_000, 2, 2, random_state=0)
    fresh = make_valuations(100_000, 2, 2, random_state=1)
    auction = AffineMaximizerAuction(2, max_iter=8, n_starts=1, random_state=0).fit(values)
    gain = auction.predict(fresh).payments.sum(1) - (
        MyersonAuction(2).fit(values).predict(fresh).payments.sum(1)
    )
    assert gain.mean() > 0.02
    # No truthful auction earns more than 0.882352 (settings: bound of a 2026 preprint).
    assert auction.predict(fresh).payments.sum(1).mean() <= 0.8824 + 3 * 0.4 / np.sqrt(100_000)


def test_a_large_auction_starts_from_item_wise_sale_and_stays_truthful():
    values = make_valuations(2000, 3, 6, random_state=0)
    auction = AffineMaximizerAuction(3, **SMALL).fit(values)
    fresh = make_valuations(20_000, 3, 6, random_state=1)
    classical = MyersonAuction(3).fit(values).predict(fresh).payments.sum(axis=1)
    gain = auction.predict(fresh).payments.sum(axis=1) - classical
    # Reserves are Myerson's of the pooled samples; training changes revenue a little.
    assert gain.mean() > -0.01 * classical.mean()
    report = measure_regret(auction, fresh[:30], effort="default", random_state=0)
    assert report.total_regret <= 1e-8 * auction.scale_ and not report.problems
    assert auction.menu_.reserves.shape == (3, 6)
    assert "each item by itself, from 0." in str(auction.menu_) or auction.menu_.shares[0] == 0


def test_all_integral_rows_stay_what_they_are():
    values = make_valuations(300, 2, 2, random_state=0)
    auction = AffineMaximizerAuction(2, deterministic=True, **{**SMALL, "menu_size": "auto"})
    menu = auction.fit(values).menu_
    rows = {tuple(row.ravel().astype(int)) for row in menu.allocations}
    assert len(rows) == 9
    assert not auction.net_.module_.logits.requires_grad
    assert "bidder 0 gets item 0" in str(menu)
    assert list(menu.to_frame().columns)[:2] == ["bidder_0_item_0", "bidder_0_item_1"]
    assert menu.shares.sum() == pytest.approx(1)


def test_bidders_alike_have_equal_weights_and_symmetric_menus():
    values = make_valuations(2000, 2, 2, random_state=0)
    menu = AffineMaximizerAuction(2, **SMALL).fit(values).menu_
    assert menu.weights.tolist() == [1.0, 1.0]
    rows, moved = (
        {(*row.ravel().round(6), round(boost, 6)) for row, boost in zip(rows, menu.boosts)}
        for rows in (menu.allocations, menu.allocations[:, ::-1])
    )
    assert rows == moved
    other = AffineMaximizerAuction(2, symmetric=False, **SMALL).fit(values).menu_
    assert other.weights[0] != other.weights[1]
    assert other.weights.prod() == pytest.approx(1)


def test_the_start_that_earns_most_on_held_out_profiles_is_kept():
    values = make_valuations(500, 2, 2, random_state=0)
    auction = AffineMaximizerAuction(2, **{**SMALL, "n_starts": 4}).fit(values)
    net = auction.net_
    profiles = (values / auction.scale_).astype(np.float32)
    earned = []
    for start in range(4):
        menu = net.menu_of(net.weights_of(start))
        earned.append(affine_outcome(torch.as_tensor(profiles).double(), menu)[2].sum(1).mean())
    # Held-out revenue is in single precision.
    assert net.evaluate(profiles).revenue == pytest.approx(float(max(earned)), abs=1e-5)
    assert max(earned) > min(earned) + 1e-4


def test_later_weights_are_kept_unless_worse_beyond_sampling_error():
    values = make_valuations(300, 2, 2, random_state=0)
    net = AffineMaximizerAuction(2, **SMALL).fit(values).net_
    evaluation = net.best_._replace(regrets=np.zeros(1000))
    base = 0.5 + 0.1 * np.random.RandomState(0).standard_normal(1000)
    noise = 0.1 * np.random.RandomState(1).standard_normal(1000)
    noise -= noise.mean()
    best = evaluation._replace(revenues=base)
    # The standard error of the difference is 0.1 / sqrt(1000) = 0.003.
    assert net.prefers(evaluation._replace(revenues=base + noise - 0.005), best)
    assert not net.prefers(evaluation._replace(revenues=base + noise - 0.008), best)


@pytest.mark.parametrize("independent", [False, True])
def test_bidders_are_recombined_only_when_asked(independent):
    # Both bidders always have the same values.
    values = np.repeat(make_valuations(300, 1, 2, random_state=0), 2, axis=1)
    auction = AffineMaximizerAuction(2, independent_bidders=independent, **SMALL).fit(values)
    pool = torch.as_tensor(values / auction.scale_, dtype=torch.float32)
    profiles = auction.net_.profiles_of(Batch(pool[:50], pool, generator(), torch.arange(50)))
    assert torch.equal(profiles[:, 0], profiles[:, 1]) != independent


def test_dead_rows_are_revived():
    # Dead rows: everything at a price above all values.
    values = make_valuations(2000, 1, 2, random_state=0)
    auction = RochetNetAuction(
        menu_size=8, n_starts=1, max_iter=4, symmetric=False, validation_fraction=0, random_state=0
    )
    auction.partial_fit(values)
    net = auction.net_
    with torch.no_grad():
        net.module_.boosts[0, 1:] = -5.0
    profiles = torch.as_tensor(values / auction.scale_, dtype=torch.float32)

    def alive():
        with torch.no_grad():
            menu = net.module_()
        rows, _, _ = affine_outcome(profiles, menu.start(0))
        return len(np.unique(rows[rows > 0]))

    before = alive()
    for iteration in range(1, 8):
        net.n_iter_ = iteration
        net._revive(profiles)
    assert before <= 1 and alive() >= 3


@pytest.mark.parametrize("cls", [RochetNetAuction, MenuNetAuction])
def test_two_bidders_are_refused_by_auctions_of_one(cls, valuations):
    auction = cls(n_bidders=2)
    with pytest.raises(ValueError, match=f"n_bidders must be 1, as {cls.__name__}"):
        auction.fit(valuations)
    assert not learned_attributes(auction)


def test_a_menu_too_large_for_memory_says_how_large_and_what_would_fit():
    auction = AffineMaximizerAuction(3, menu_size=10_000_000)
    with pytest.raises(ValueError, match=r"10,000,000 rows .* GiB .*; [0-9,]+ rows would fit"):
        auction.fit(np.ones((20, 3, 10)))
    assert not hasattr(auction, "net_")


# -- Reserve prices -------------------------------------------------------------------------

# Of two bidders and two items; the second bidder's values reach 2.
RESERVE = np.array([[0.3, 0.6], [0.9, 0.0]])


def reserved(n_items=2, seed=0, n_samples=400):
    """Return valuations and a reserve price for each bidder and item."""
    values = make_valuations(n_samples, 2, n_items, random_state=seed) * [[1.0], [2.0]]
    return values, np.tile(RESERVE, n_items // 2)


@pytest.mark.parametrize(
    "n_items, changes",
    [(2, {}), (2, {"demand": "unit"}), (2, {"menu": "network"}), (4, {})],
    ids=["free", "unit", "network", "item-wise first row"],
)
def test_reserve_prices_are_paid_and_truth_stays_dominant(n_items, changes):
    values, reserve = reserved(n_items)
    auction = AffineMaximizerAuction(2, reserve=reserve, **changes, **SMALL).fit(values)
    assert (auction.menu_.reserves is not None) == (n_items == 4)
    fresh, _ = reserved(n_items, seed=1)
    allocations, payments = auction.predict(fresh)
    # Rounding of sums in another order.
    assert (payments >= (reserve * allocations).sum(axis=2) - 1e-12).all()
    assert not allocations[fresh <= reserve].any() and allocations.any(axis=(0, 1)).all()
    assert ir_violation(fresh, (allocations, payments)).max() <= 1e-12
    report = measure_regret(auction, fresh[:100], effort="quick", random_state=0)
    # Ties are broken within 1e-9 of the scale; the search finds none.
    assert report.total_regret < 1e-9 and not report.problems


def test_a_reserve_of_zero_is_none():
    values, _ = reserved()
    first, second = (
        AffineMaximizerAuction(2, reserve=reserve, **SMALL).fit(values) for reserve in (None, 0.0)
    )
    for one, other in zip(first.predict(values), second.predict(values), strict=True):
        np.testing.assert_array_equal(one, other)
    assert first.history_ == second.history_
    # Files, too, are those of auctions without reserve prices.
    assert first.mechanism_.state_dict().keys() == second.mechanism_.state_dict().keys()


def test_one_buyer_of_one_item_pays_at_least_the_reserve():
    values = make_valuations(2000, 1, 1, random_state=0)
    auction = AffineMaximizerAuction(1, reserve=0.8, **SMALL).fit(values)
    allocations, payments = auction.predict(values)
    # Rows may be lotteries. Rounding of products.
    assert (payments >= 0.8 * allocations[:, :, 0] - 1e-12).all()
    # The best price above a value of 0.8 to the seller is 0.9; 200 updates end nearby.
    assert payments.max() == pytest.approx(0.9, abs=0.05)


@pytest.mark.parametrize("n_items", [2, 4])
def test_a_reserve_is_an_auction_of_net_values_plus_the_reserve(n_items, monkeypatch):
    # With a common unit, both fits are the same numbers.
    monkeypatch.setattr(Auction, "scale", lambda self, profiles: 1.0)
    values, reserve = reserved(n_items)
    fresh, _ = reserved(n_items, seed=1)
    auction = AffineMaximizerAuction(2, reserve=reserve, **SMALL).fit(values)
    by_hand = AffineMaximizerAuction(2, **SMALL).fit(np.maximum(values - reserve, 0))
    assert auction.history_ == by_hand.history_
    net = np.maximum(fresh - reserve, 0)
    allocations, payments = by_hand.predict(net)
    allocations = allocations * (net > 0)
    outcome = auction.predict(fresh)
    np.testing.assert_array_equal(outcome.allocations, allocations)
    # Sums in another order.
    expected = payments + (reserve * allocations).sum(axis=2)
    np.testing.assert_allclose(outcome.payments, expected, atol=1e-12)
    for one, other in zip(auction.menu_[:4], by_hand.menu_[:4], strict=True):
        np.testing.assert_array_equal(one, other)
    if n_items == 4:
        np.testing.assert_array_equal(auction.menu_.reserves, by_hand.menu_.reserves + reserve)


def test_an_auction_with_reserve_prices_is_saved_and_continued(path):
    values, reserve = reserved()
    auction = AffineMaximizerAuction(2, reserve=reserve, **SMALL).fit(values)
    save_auction(auction, path)
    for again in (load_auction(path), pickle.loads(pickle.dumps(auction))):
        for one, other in zip(auction.predict(values), again.predict(values), strict=True):
            np.testing.assert_array_equal(one, other)
    allocations, payments = auction.partial_fit(values).predict(values)
    assert (payments >= (reserve * allocations).sum(axis=2) - 1e-12).all()
    auction.mechanism_.floor = auction.mechanism_.floor[:1]
    with pytest.raises(ValueError, match=r"mechanism_.floor must be .* of the shape \(2, 2\)"):
        save_auction(auction, path)


@pytest.mark.parametrize(
    "reserve, message",
    [
        ("auto", "reserve must be None, or finite non-negative prices; got 'auto'"),
        (-1.0, "reserve must be None, or finite non-negative prices; got -1"),
        ([1.0, 2.0, 3.0], r"reserve must be None, .*\(2, 2\).*; got shape \(3,\)"),
        (2.0, "reserve must be below some valuation of X, .*; got reserve=2.0 and valuations of"),
    ],
)
def test_reserve_prices_at_which_nothing_is_sold_and_other_bad_ones_are_refused(reserve, message):
    auction = AffineMaximizerAuction(2, reserve=reserve, **SMALL)
    for method in (auction.fit, auction.partial_fit):
        with pytest.raises(ValueError, match=message):
            method(reserved()[0])
    assert not learned_attributes(auction)
