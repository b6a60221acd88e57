"""Numbers and names of bidders and items: from arrays, from columns, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from sklauction import (
    BundlePricingAuction,
    MyersonAuction,
    VCGAuction,
    load_auction,
    measure_regret,
    save_auction,
)
from sklauction.utils.column_names import read_columns

V = np.random.default_rng(0).uniform(0.1, 1.0, size=(30, 3, 2))
BIDDERS, ITEMS = ["ann", "bob", "eve_x"], ["car", "boat"]
NAMES = [f"{bidder}_{item}" for bidder in BIDDERS for item in ITEMS]
LEVELS = pd.MultiIndex.from_product([BIDDERS, ITEMS])


def frame(columns=NAMES, profiles=V):
    return pd.DataFrame(profiles.reshape(len(profiles), -1).copy(), columns=columns)


def reserves(auction):
    return auction.reserve_prices_.tolist()


@pytest.mark.parametrize(
    "columns",
    [
        [f"{bidder}_{item}" for bidder in ("ann", "bob", "eve") for item in ITEMS],
        LEVELS,
        LEVELS.set_names(["bidder", "item"]),
    ],
)
@pytest.mark.parametrize("n_bidders", [None, 3])
def test_columns_tell_bidders_and_items_in_any_order(columns, n_bidders):
    expected = reserves(MyersonAuction().fit(V))
    table, bidders = frame(columns), ["ann", "bob", "eve"] if isinstance(columns, list) else BIDDERS
    for order in ([0, 1, 2, 3, 4, 5], [0, 2, 4, 1, 3, 5], [1, 3, 0, 4, 2, 5]):
        some = table.iloc[:, order]
        auction = MyersonAuction(n_bidders).fit(some)
        assert (auction.n_bidders_, auction.n_items_) == (3, 2)
        places = [
            [bidders.index(name) for name in auction.bidder_names_],
            [ITEMS.index(name) for name in auction.item_names_],
        ]
        assert reserves(auction) == np.array(expected)[np.ix_(*places)].tolist()
        payments = auction.predict(some).payments
        in_order = V[:, places[0]][:, :, places[1]]
        np.testing.assert_array_equal(payments, auction.predict(in_order).payments)
        np.testing.assert_array_equal(payments, MyersonAuction().fit(in_order).predict(in_order)[1])


def test_levels_named_the_other_way_round():
    columns = pd.MultiIndex.from_product([ITEMS, BIDDERS], names=["item", "bidder"])
    table = frame(columns, V.swapaxes(1, 2))
    auction = VCGAuction().fit(table)
    assert auction.bidder_names_ == BIDDERS and auction.item_names_ == ITEMS
    np.testing.assert_array_equal(auction.predict(table)[0], VCGAuction().fit(V).predict(V)[0])


@pytest.mark.parametrize("columns", [NAMES, LEVELS])
def test_swapped_columns_are_refused_in_predict(columns):
    table = frame(columns)
    auction = MyersonAuction(3).fit(table)
    with pytest.raises(ValueError, match="same order"):
        auction.predict(table.iloc[:, ::-1])
    with pytest.raises(ValueError, match="feature names"):
        auction.predict(table.rename(columns={"ann_car": "ann_bike", "car": "bike"}))


def test_names_without_a_grid():
    assert read_columns(["ann", "bob"], 2) == (["ann", "bob"], None)
    assert read_columns(["car", "boat"], 1) == (None, ["car", "boat"])
    assert read_columns(["a", "b", "c", "d"], 2) == (None, None)
    assert read_columns([0, 1], 2) == (None, None)
    assert read_columns(["new_york_car", "la_la_car"]) == (["new_york", "la_la"], ["car"])
    # One bidder could be three bidders' names with a common word.
    assert read_columns(["lot_1", "lot_2", "lot_3"]) == (None, None)


@pytest.mark.parametrize(
    "X, n_bidders, problem",
    [
        (V.reshape(30, 6), None, "n_bidders must be given when X is flat.*6 columns"),
        (frame(list("abcdef")), None, "n_bidders must be given when X is flat"),
        (frame(["lot_1", "lot_2"], V[:, :1]), None, "n_bidders must be given"),
        (
            frame(["id", "ann_car", "bob_car", "eve_car"], V[:, :2]),
            None,
            r"must all be named bidder_item, or none; got \['id'\] beside \['ann_car'",
        ),
        (
            frame(["id", "ann_car", "ann_boat", "bob_car", "bob_boat", "bid"]),
            3,
            r"must all be named bidder_item, or none; got \['id', 'bid'\]",
        ),
        (frame(LEVELS), 2, "n_bidders must be the number of bidders in the columns of X, 3; got 2"),
        (frame(LEVELS).iloc[:, :5], None, "one column for every bidder and item"),
        (
            frame(pd.MultiIndex.from_product([["a"], ["b", "c", "d"], ["e", "f"]])),
            None,
            "one level or two, bidder and item; got 3",
        ),
    ],
)
def test_columns_that_are_refused(X, n_bidders, problem):
    with pytest.raises(ValueError, match=problem):
        MyersonAuction(n_bidders).fit(X)


def test_names_are_saved_and_forgotten_by_the_next_fit(tmp_path):
    auction = MyersonAuction().fit(frame(LEVELS).iloc[:, [0, 2, 4, 1, 3, 5]])
    save_auction(auction, tmp_path / "a")
    loaded = load_auction(tmp_path / "a")
    assert loaded.bidder_names_ == BIDDERS and loaded.item_names_ == ITEMS
    assert auction.fit(V).bidder_names_ is None


def test_zero_bids_never_win():
    nobody = np.zeros((1, 3, 2))
    for auction in (VCGAuction(), MyersonAuction()):
        assert not auction.fit(V).predict(nobody).allocations.any()
    # A profile with one bidder who is present, and wants one of two items.
    one = nobody.copy()
    one[0, 1, 0] = 0.9
    allocations, payments = VCGAuction().fit(V).predict(one)
    assert allocations[0].tolist() == [[0, 0], [1, 0], [0, 0]]
    assert payments.tolist() == [[0, 0, 0]]


def test_missing_values_are_absent_bidders_in_the_message():
    table = frame()
    table.iloc[4, 2] = np.nan
    expected = r"NaN in row 4, column 'bob_car'\. If the bidder was absent, write 0.*never wins"
    for call in (MyersonAuction(3).fit, MyersonAuction(3).fit(frame()).predict):
        with pytest.raises(ValueError, match=expected) as error:
            call(table)
        assert "impute" not in str(error.value)


def test_one_profile_without_its_first_axis():
    auction = VCGAuction().fit(V)
    with pytest.raises(
        ValueError, match=r"looks like a single profile, which must have shape \(1,"
    ):
        auction.predict(V[0])
    with pytest.raises(ValueError, match=r"got shape \(6,\). Reshape your data"):
        auction.predict(V[0].ravel())
    sheets = BundlePricingAuction(max_iter=1, random_state=0).fit(V)
    assert sheets.explain(V[0]) == sheets.explain(V[:1])


def test_names_are_used_where_bidders_are_shown():
    table = frame(LEVELS)
    auction = BundlePricingAuction(max_iter=1, random_state=0).fit(table)
    text = auction.explain(table.iloc[[0]])
    assert "ann bids" in text and "boat" in text and "Bidder 0" not in text
    sheets = auction.price_sheets(table.iloc[:2]).to_frame()
    assert sheets.index.unique("bidder").tolist() == BIDDERS
    assert "price_item_boat" in sheets
    report = measure_regret(auction, table.iloc[:5], effort=14, random_state=0)
    assert report.to_frame().index.unique("bidder").tolist() == BIDDERS
