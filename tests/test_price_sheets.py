"""Choice from a price sheet, softened choice, and the settlement that certificates rest on."""

import itertools

import numpy as np
import pytest
import torch

from sklauction.price_sheets.sheets import PriceSheets, best_choice, settle, soft_choice

SHAPES = [(1, 1, 0), (2, 2, 0), (3, 3, 2), (4, 4, 1), (3, 1, 0), (3, 1, 2)]


def draw_sheets(n_items, n_sizes, n_rows, leading=(50,), seed=0):
    """Return random sheets without negative prices; unit lotteries where one item is wanted."""
    random = np.random.RandomState(seed)
    prices = torch.tensor(random.uniform(0, 1, (*leading, n_items)))
    off = torch.tensor(random.uniform(-0.1, 0.3, (*leading, n_sizes))).cumsum(-1)
    off[..., 0] = 0
    lowest = prices.sort(dim=-1).values.cumsum(dim=-1)[..., :n_sizes]
    rows = random.choice([0.0, 0.5, 1.0, 0.3], (*leading, n_rows, n_items))
    if n_sizes == 1:
        rows = rows / np.maximum(rows.sum(axis=-1, keepdims=True), 1)
    rows = torch.tensor(rows)
    row_prices = torch.tensor(random.uniform(0, 1, (*leading, n_rows)))
    return PriceSheets(prices, torch.minimum(off, lowest), rows, row_prices)


def draw_values(shape, seed=1):
    return torch.tensor(np.random.RandomState(seed).uniform(0, 1, shape))


def all_options(sheet):
    """Return every (allocation, price) of one sheet, by enumerating all sets."""
    n_items, n_sizes = len(sheet.item_prices), len(sheet.discounts)
    options = [(np.zeros(n_items), 0.0)]
    for size in range(1, n_sizes + 1):
        for items in itertools.combinations(range(n_items), size):
            taken = np.zeros(n_items)
            taken[list(items)] = 1
            price = taken @ sheet.item_prices.numpy() - float(sheet.discounts[size - 1])
            options.append((taken, price))
    rows = zip(sheet.lottery_allocations.numpy(), sheet.lottery_prices.numpy())
    return [*options, *((row, float(price)) for row, price in rows)]


def assert_offered(allocation, payment, options):
    """Assert that an option is this allocation at this payment, up to rounding."""
    assert any(
        np.array_equal(allocation, taken) and payment == pytest.approx(price, abs=1e-12)
        for taken, price in options
    )


def one(sheets, place):
    return PriceSheets(*(part[place] for part in sheets))


@pytest.mark.parametrize("n_items, n_sizes, n_rows", SHAPES)
@pytest.mark.parametrize("limited", [False, True])
def test_best_choice_is_the_best_of_all_sets(n_items, n_sizes, n_rows, limited):
    sheets, values = draw_sheets(n_items, n_sizes, n_rows), draw_values((50, n_items))
    free = torch.tensor(np.random.RandomState(2).choice([0.0, 0.4, 1.0], (50, n_items)))
    choice = best_choice(values, sheets, free if limited else None)
    for row in range(50):
        options = all_options(one(sheets, row))
        if limited:
            options = [(a, p) for a, p in options if (a <= free[row].numpy() + 1e-9).all()]
        best = max(values[row].numpy() @ taken - price for taken, price in options)
        # Sums of a few numbers below 1, in another order.
        assert float(choice.utility[row]) == pytest.approx(best, abs=1e-12)
        got, paid = choice.allocation[row].numpy(), float(choice.payment[row])
        assert_offered(got, paid, options)
        assert got @ values[row].numpy() - paid == pytest.approx(best, abs=1e-12)


def test_no_price_is_negative_and_of_equals_the_dearest_is_taken():
    nothing = torch.empty(0, 2, dtype=torch.float64), torch.empty(0, dtype=torch.float64)
    prices, off = torch.tensor([2.0, 2.0]).double(), torch.tensor([0.0, 1.0]).double()
    # Surplus 0 for nothing, for either item at 2, and for both at 3.
    choice = best_choice(torch.tensor([2.0, 1.0]).double(), PriceSheets(prices, off, *nothing))
    assert float(choice.payment) == 3.0 and float(choice.utility) == 0.0


@pytest.mark.parametrize("n_items, n_sizes, n_rows", SHAPES)
def test_a_sharp_soft_choice_is_the_best_choice(n_items, n_sizes, n_rows):
    sheets, values = draw_sheets(n_items, n_sizes, n_rows), draw_values((50, n_items))
    payment, allocation = soft_choice(values, sheets, 1e9)
    choice = best_choice(values, sheets)
    # The two best utilities of a draw differ by far more than 1e-8.
    np.testing.assert_allclose(payment, choice.payment, atol=1e-9)
    np.testing.assert_allclose(allocation, choice.allocation, atol=1e-9)


def test_soft_choice_of_two_items_is_the_softmax_of_all_sets():
    sheets, values = draw_sheets(2, 2, 1), draw_values((50, 2))
    payment, allocation = soft_choice(values, sheets, 7.0)
    for row in range(50):
        options = all_options(one(sheets, row))
        gains = np.array([values[row].numpy() @ taken - price for taken, price in options])
        weights = np.exp(7 * gains) / np.exp(7 * gains).sum()
        allocations, prices = map(np.array, zip(*options))
        assert float(payment[row]) == pytest.approx(weights @ prices, abs=1e-12)
        np.testing.assert_allclose(allocation[row], weights @ allocations, atol=1e-12)


def test_soft_choice_of_many_items_gives_out_what_its_sets_hold():
    sheets, values = draw_sheets(4, 4, 0), draw_values((50, 4))
    _, allocation = soft_choice(values, sheets, 5.0)
    for row in range(50):
        sheet, surplus = one(sheets, row), (values[row] - sheets.item_prices[row]).numpy()
        order = np.argsort(-surplus)
        sets = [[], *(list(order[:size]) for size in range(1, 5))]
        sets += [[*order[: size - 1], order[size]] for size in range(1, 4)]
        off = np.concatenate([[0], sheet.discounts.numpy()])
        gains = np.array([surplus[items].sum() + off[len(items)] for items in sets])
        weights = np.exp(5 * gains) / np.exp(5 * gains).sum()
        expected = [sum(w for w, items in zip(weights, sets) if j in items) for j in range(4)]
        np.testing.assert_allclose(allocation[row], expected, atol=1e-12)


@pytest.mark.parametrize("n_bidders", [1, 2, 4])
@pytest.mark.parametrize("n_items, n_sizes, n_rows", SHAPES)
def test_settlement_is_feasible_rational_and_inside_the_sheets(n_bidders, n_items, n_sizes, n_rows):
    # Sheets drawn at random clash often: low prices for everybody.
    sheets = draw_sheets(n_items, n_sizes, n_rows, (60, n_bidders))
    bids = draw_values((60, n_bidders, n_items))
    outcome = settle(bids, sheets)
    allocations, payments = outcome.allocations.numpy(), outcome.payments.numpy()
    assert allocations.sum(axis=1).max() <= 1 + 1e-9
    assert ((allocations * bids.numpy()).sum(axis=2) >= payments - 1e-12).all()
    menu = best_choice(bids, sheets).utility.numpy()
    final = (allocations * bids.numpy()).sum(axis=2) - payments
    np.testing.assert_allclose(outcome.regret_bounds, menu - final, atol=1e-12)
    for row, bidder in np.ndindex(60, n_bidders):
        options = all_options(one(sheets, (row, bidder)))
        assert_offered(allocations[row, bidder], payments[row, bidder], options)


@pytest.mark.parametrize("n_items, n_sizes, n_rows", SHAPES)
def test_whatever_a_bidder_reports_it_gains_no_more_than_the_bound(n_items, n_sizes, n_rows):
    sheets, truth = draw_sheets(n_items, n_sizes, n_rows, (60, 3)), draw_values((60, 3, n_items))
    worst = settle(truth, sheets).regret_bounds.sum(dim=1).argmax().item()
    sheets, truth = one(sheets, slice(worst, worst + 1)), truth[worst : worst + 1]
    truthful = settle(truth, sheets)
    assert (truthful.regret_bounds > 0).any()
    reports = 2 * draw_values((2000, n_items), seed=5)
    many = PriceSheets(*(part.expand(2000, *part.shape[1:]) for part in sheets))
    for bidder in range(3):
        # The sheet is fixed, as the others' bids are: only the bidder's report changes.
        bids = truth.repeat(2000, 1, 1)
        bids[:, bidder] = reports
        best, own = (
            (outcome.allocations[:, bidder] @ truth[0, bidder] - outcome.payments[:, bidder]).max()
            for outcome in (settle(bids, many), truthful)
        )
        assert float(best - own) <= float(truthful.regret_bounds[0, bidder]) + 1e-12


def test_in_a_clash_the_dearer_favourite_wins_and_equals_go_to_the_first():
    none = torch.empty(1, 2, 0, 1).double(), torch.empty(1, 2, 0).double()
    off = torch.zeros(1, 2, 1).double()
    bids = torch.ones(1, 2, 1).double()
    for prices, winner in (([0.2, 0.3], 1), ([0.3, 0.2], 0), ([0.2, 0.2], 0)):
        sheets = PriceSheets(torch.tensor(prices).double().view(1, 2, 1), off, *none)
        outcome = settle(bids, sheets)
        assert outcome.allocations[0, winner, 0] == 1 and outcome.allocations.sum() == 1
        loser = 1 - winner
        assert float(outcome.regret_bounds[0, loser]) == pytest.approx(1 - prices[loser])
        assert outcome.regret_bounds[0, winner] == 0 and outcome.payments[0, loser] == 0
