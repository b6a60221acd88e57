"""LookAheadAuction: prices by hand and by brute force, truthfulness, and revenue."""

from contextlib import nullcontext as does_nothing
from itertools import product

import numpy as np
import pytest

from sklauction import LookAheadAuction, MyersonAuction, load_auction, save_auction
from sklauction.analytic.look_ahead import price_table
from sklauction.economics import ir_violation, utilities


def independent(n, random):
    return random.uniform(size=(n, 3, 1))


def half_common(n, random):
    return (random.uniform(size=(n, 1, 1)) + random.uniform(size=(n, 2, 1))) / 2


def ad_bids(n, random):
    """A market factor that all bidders share, times noise."""
    return np.exp(random.normal(0, 0.8, (n, 1, 1)) + random.normal(0, 0.4, (n, 3, 1)))


def value_shares(n, random):
    """A total that is uniform on [0.5, 1], divided by a Dirichlet distribution."""
    return (random.uniform(0.5, 1, (n, 1)) * random.dirichlet([0.5] * 3, n))[:, :, None]


def revenue(auction, values):
    return auction.predict(values).payments.sum(axis=1).mean()


# Lattice values have all kinds of ties; with 15 neighbours, prices depend on the other bids.
LATTICE = np.random.RandomState(0).randint(0, 5, (90, 3, 2)).astype(float)
LATTICE[:, 1:] = np.minimum(LATTICE[:, 1:], LATTICE[:, :1] + 1)
FITTED = {
    "lattice": LookAheadAuction(3, n_neighbors=15).fit(LATTICE),
    "pooled": LookAheadAuction(3, n_neighbors=15, symmetric=True).fit(LATTICE),
    "smooth": LookAheadAuction(3).fit(ad_bids(1000, np.random.RandomState(1)).repeat(2, axis=2)),
}


def test_prices_by_hand():
    # Index 1 and 2; the nearest 4 samples of each index are the samples with that index.
    values, index = np.array([1.0, 2, 2, 2, 4, 5, 6, 6]), np.repeat([1.0, 2.0], 4)
    table = price_table(values, index, np.array([0.0, 1, 2, 3, 0, 1, 2, 5.5]), n_neighbors=4)
    # Index 1: p (m - sqrt m) is 2 at p = 1 and 2 (3 - sqrt 3) = 2.5 at p = 2.
    # Index 2: 8 at 4, 5 (3 - sqrt 3) = 6.3 at 5, 6 (2 - sqrt 2) = 3.5 at 6.
    index, highest = np.array([1, 1, 1, 2, 2, 2, 2.0]), np.array([0, 1, 3, 0, 4, 5.5, 9.0])
    # At 4 the cell [2, 5.5) still has the price 4; at 3 and 9 no neighbour is above.
    np.testing.assert_array_equal(table.price(index, highest), [2, 2, 3, 4, 4, 6, 9])


@pytest.mark.parametrize("seed", range(3))
def test_prices_maximise_the_lower_estimate(seed):
    random = np.random.RandomState(seed)
    index, values = random.uniform(size=200), random.exponential(size=200)
    table = price_table(values, index, index, n_neighbors=40)
    rank = np.argsort(index)
    for cell, edge in enumerate(table.index_edges):
        # The window around the cell's middle, moved inside at the ends.
        start = np.searchsorted(index[rank], [edge, *table.index_edges[cell + 1 : cell + 2]])
        middle = (start[0] + (start[1] if len(start) > 1 else 200)) // 2
        first = min(max(middle - 20, 0), 160)
        near = values[rank[first : first + 40]]
        for column, floor in enumerate(table.highest_edges):
            above = near[near >= floor]
            count = np.array([(near >= price).sum() for price in above])
            best = above[np.argmax(above * (count - np.sqrt(count)))] if len(above) else floor
            assert max(table.prices[cell, column], floor) == best


@pytest.mark.parametrize("name", FITTED)
def test_prices_do_not_depend_on_the_own_bids(name):
    auction = FITTED[name]
    bids = np.random.RandomState(2).gamma(2, size=(300, 3, 2))
    bids[::2] = np.round(bids[::2])
    offers = auction.offered_prices(bids)
    for bidder in range(3):
        other = bids.copy()
        other[:, bidder] = np.random.RandomState(3).exponential(9, size=(300, 2))
        np.testing.assert_array_equal(auction.offered_prices(other)[:, bidder], offers[:, bidder])
        rivals = np.delete(bids, bidder, axis=1).max(axis=1)
        assert (offers[:, bidder] >= rivals).all()


@pytest.mark.parametrize("name", FITTED)
def test_no_misreport_is_profitable(name):
    auction = FITTED[name]
    reports = np.array(list(product(np.linspace(0, 5, 11), repeat=2)))
    truths = np.random.RandomState(0).randint(0, 6, (100, 3, 2)).astype(float)
    truths[::2] += np.random.RandomState(1).uniform(size=(50, 3, 2))
    truthful = utilities(truths, auction.predict(truths))
    for bidder in range(3):
        misreports = np.repeat(truths, len(reports), axis=0)
        true_values = misreports.copy()
        misreports[:, bidder] = np.tile(reports, (len(truths), 1))
        gained = utilities(true_values, auction.predict(misreports))[:, bidder]
        gains = gained.reshape(len(truths), -1).max(axis=1) - truthful[:, bidder]
        assert gains.max() <= 1e-12  # rounding of sums of two prices up to 6


@pytest.mark.parametrize("name", FITTED)
def test_only_the_first_highest_bidder_wins_and_pays_its_price(name):
    auction = FITTED[name]
    bids = np.random.RandomState(4).randint(0, 6, (500, 3, 2)).astype(float)
    allocations, payments = auction.predict(bids)
    offers = auction.offered_prices(bids)
    first = bids.argmax(axis=1)[:, None] == np.arange(3)[:, None]
    # BaseAuction gives nothing that is reported as worth 0.
    won = first & (bids >= offers) & (bids > 0)
    np.testing.assert_array_equal(allocations, won)
    np.testing.assert_allclose(payments, (won * offers).sum(axis=2), atol=1e-12)  # rounding
    assert ir_violation(bids, (allocations, payments)).max() <= 1e-12  # rounding
    assert won.any() and not won.any(axis=1).all()


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize(
    "sample, least",
    [
        # The promise is 1 % of Myerson's revenue, which is optimal here; the loss was below 0.1 %.
        (independent, 0.99),
        # Gains with 3,000 samples were 2.8 %, 14 % and 10 %, or more.
        (half_common, 1.02),
        (ad_bids, 1.10),
        (value_shares, 1.06),
    ],
)
def test_it_earns_as_much_as_myerson_and_more_from_dependent_bidders(sample, least, symmetric):
    known, fresh = (sample(n, np.random.RandomState(n)) for n in (3000, 50_000))
    with pytest.warns(UserWarning) if least > 1 else does_nothing():
        myerson = MyersonAuction(known.shape[1], symmetric=symmetric).fit(known)
    auction = LookAheadAuction(known.shape[1], symmetric=symmetric).fit(known)
    assert revenue(auction, fresh) > least * revenue(myerson, fresh)


def test_value_shares_reach_the_look_ahead_auction_of_the_distribution():
    random = np.random.RandomState(0)
    auction = LookAheadAuction(3, symmetric=True).fit(value_shares(20_000, random))
    # With the true conditional distributions an item earns 0.3333 (standard error 0.0002). Learning
    # from 20,000 samples lost 0.6 %. 100,000 fresh profiles have a standard error of 0.0005.
    assert 0.3333 * 0.985 < revenue(auction, value_shares(100_000, random)) < 0.3333 + 3 * 0.0005
    # The mean of the other bids tells what is left of the total.
    assert auction.index_weights_ == 0 and auction.neighbor_shares_ < 1


def test_few_samples_and_many_neighbors_mean_no_conditioning():
    # Bidders who know each other's value, so that conditioning would pay.
    values = np.random.RandomState(0).uniform(size=(100, 2, 1))
    values[:, 1] = 1 - values[:, 0]
    few = LookAheadAuction(2).fit(values)
    many = LookAheadAuction(2, n_neighbors=1000).fit(values)
    assert few.neighbor_shares_ == many.neighbor_shares_ == 1
    for auction in (few, many):
        assert (auction.price_tables_ == auction.price_tables_[:, :, :1]).all()
    np.testing.assert_array_equal(few.price_tables_, many.price_tables_)


def test_prices_differ_between_bidders_unless_symmetric():
    values = independent(3000, np.random.RandomState(0)) * [[1.0], [2.0], [3.0]]
    own, pooled = (LookAheadAuction(3, symmetric=pool).fit(values) for pool in (False, True))
    # If the others bid nothing, the prices are the monopoly prices 0.5, 1 and 1.5. The error is of
    # order n^(-1/3), that is 7 % of the highest value, and larger with fewer neighbours.
    lowest = own.offered_prices(np.zeros((1, 3, 1)))[0, :, 0]
    np.testing.assert_allclose(lowest, [0.5, 1, 1.5], rtol=0.3)
    assert (pooled.price_tables_ == pooled.price_tables_[:1]).all()


def test_neighbors_are_counted_in_samples():
    values = ad_bids(500, np.random.RandomState(0))
    assert LookAheadAuction(3, n_neighbors=100).fit(values).neighbor_shares_ == 0.2


def test_one_bidder_gets_one_price():
    values = np.random.RandomState(0).uniform(size=(10_000, 1, 1))
    auction = LookAheadAuction(1).fit(values)
    prices = np.unique(auction.price_tables_)
    # The loss (p - 1/2)^2 of a price is of order n^(-2/3) = 0.002, so p is within 0.05.
    assert len(prices) == 1 and abs(prices[0] - 0.5) < 0.1


def test_items_are_sold_separately():
    random = np.random.RandomState(0)
    values = np.concatenate([ad_bids(400, random), independent(400, random)], axis=2)
    both = LookAheadAuction(3).fit(values)
    parts = [LookAheadAuction(3).fit(values[:, :, [item]]) for item in (0, 1)]
    for item, part in enumerate(parts):
        one = part.offered_prices(values[:, :, [item]])[:, :, 0]
        np.testing.assert_array_equal(both.offered_prices(values)[:, :, item], one)


def test_payments_follow_the_unit_of_money():
    for auction in (LookAheadAuction(3), LookAheadAuction(3, n_neighbors=15)):
        small = auction.fit(LATTICE).predict(LATTICE)
        large = auction.fit(1024 * LATTICE).predict(1024 * LATTICE)  # a power of two is exact
        np.testing.assert_array_equal(1024 * small.payments, large.payments)


def test_it_is_saved(path):
    auction = FITTED["smooth"]
    save_auction(auction, path)
    bids = ad_bids(200, np.random.RandomState(5)).repeat(2, axis=2)
    loaded = load_auction(path).predict(bids)
    np.testing.assert_array_equal(loaded.payments, auction.predict(bids).payments)
