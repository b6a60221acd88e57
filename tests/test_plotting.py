"""Displays of regret, menus, prices and virtual values."""

import dataclasses

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.cbook import is_math_text
from mechanisms import first_price
from scipy.stats import uniform
from sklearn.exceptions import NotFittedError

from sklauction import (
    AllocationDisplay,
    BundlePricingAuction,
    MenuDisplay,
    MyersonAuction,
    PaymentDisplay,
    PriceDisplay,
    RegretDisplay,
    RochetNetAuction,
    SingleBuyerAuction,
    VirtualValueDisplay,
    measure_regret,
)
from sklauction.datasets import load_setting

matplotlib.use("Agg")
import matplotlib.pyplot as plt


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def audit(n_bidders, n_items, mechanism=first_price):
    values = np.random.default_rng(0).uniform(size=(50, n_bidders, n_items))
    return measure_regret(mechanism, values, effort="quick", random_state=0)


@pytest.mark.parametrize("n_bidders, n_items", [(1, 1), (2, 1), (2, 2), (3, 4)])
def test_regret_is_drawn_by_size_and_by_valuation(n_bidders, n_items):
    report = audit(n_bidders, n_items)
    display = report.plot()
    sizes, places = display.axes_
    assert len(sizes.lines) == n_bidders and "lower bound" in sizes.get_xlabel()
    offsets = places.collections[0].get_offsets()
    colours = places.collections[0].get_array()
    assert len(offsets) == 50
    # The bidder with the most regret is shown: points are its values, colours its regrets.
    shown = report.regrets.sum(axis=0).argmax()
    # Ascending: the largest are drawn on top.
    np.testing.assert_array_equal(colours, np.sort(report.regrets[:, shown]))
    np.testing.assert_allclose(
        np.sort(offsets[:, 0]), np.sort(report.valuations[:, shown, 0]), rtol=1e-12
    )
    display.figure_.canvas.draw()


def test_zero_regret_is_a_text():
    report = audit(2, 2, lambda bids: (bids * 0, bids.sum(axis=2) * 0))
    sizes, places = report.plot().axes_
    assert sizes.texts[0].get_text() == "no profitable misreport found"
    assert not places.texts


def test_bidder_items_and_axes_can_be_chosen():
    figure, axes = plt.subplots(1, 2)
    display = audit(2, 3).plot(bidder=1, items=(2, 0), axes=axes)
    assert display.figure_ is figure and display.axes_ == tuple(axes)
    assert axes[1].get_xlabel() == "bidder 1's value for item 2, money"
    assert axes[1].get_ylabel() == "bidder 1's value for item 0, money"


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"bidder": 2}, "bidder must be below 2; got 2"),
        ({"bidder": -1}, "bidder must be an integer of at least 0; got -1"),
        ({"items": (0, 5)}, "items must be below 3; got 5"),
        ({"items": ()}, "items must be one item or two different ones"),
        ({"items": (0, 1, 2)}, "items must be one item or two different ones"),
    ],
)
def test_invalid_arguments_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        RegretDisplay.from_report(audit(2, 3), **arguments)


@pytest.mark.parametrize("with_prior", [True, False])
def test_virtual_values_are_drawn_with_their_ironing(with_prior):
    setting = load_setting("single_3_irregular")
    V = setting.sample(500, random_state=0)
    prior = setting.marginals if with_prior else None
    auction = MyersonAuction(n_bidders=3, prior=prior).fit(V)
    display = VirtualValueDisplay.from_estimator(
        auction, None if with_prior else V, bidder=1
    ).plot()
    values, curve = display.axes_
    assert "bidder 1's value for item 0" in values.get_xlabel()
    assert len(values.patches) == len(auction.ironed_intervals_[1, 0]) > 0
    chances, revenue = curve.lines[2].get_data()
    # The marked point is the best price: the reserve price.
    assert revenue[0] / chances[0] == pytest.approx(auction.reserve_prices_[1, 0], rel=1e-3)
    assert revenue[0] == max(curve.lines[0].get_ydata())
    display.figure_.canvas.draw()


def named(auction, bidders, items):
    """Fit an auction on a DataFrame with columns of two levels."""
    columns = pd.MultiIndex.from_product([bidders, items], names=["bidder", "item"])
    values = np.random.default_rng(0).uniform(size=(200, len(columns)))
    return auction.fit(pd.DataFrame(values, columns=columns))


def texts(display):
    """Return all labels and titles of a drawn display."""
    display.figure_.canvas.draw()
    found = {text.get_text() for text in display.figure_.findobj(plt.Text)}
    assert not any(is_math_text(text) for text in found if "$9" in text)
    return {text.replace(r"\$", "$") for text in found}


def test_labels_have_the_names_of_bidders_and_items(few_updates):
    bidders, items = ["Ann", "Bob"], ["car", "van ($9 to $99)"]
    auction = named(BundlePricingAuction(2, max_iter=1, random_state=0), bidders, items)
    shown = texts(PriceDisplay.from_estimator(auction, item=1).plot())
    assert {
        "bid of Bob on van ($9 to $99), money",
        "price for Ann, money",
        "car",
        "van ($9 to $99)",
    } <= shown
    shown = texts(AllocationDisplay.from_estimator(auction, bidder=1, item=1, n_points=3).plot())
    assert {"probability that Bob gets van ($9 to $99)", "Bob's value for car, money"} <= shown
    assert any(text.startswith("Ann bids") for text in shown)
    shown = texts(PaymentDisplay.from_estimator(auction, items=(1,), n_points=3).plot())
    assert {"payment of Ann, money", "Bob's bid on van ($9 to $99), money"} <= shown
    assert any(" on car; Bob bids " in text for text in shown)
    assert "Ann's value for van ($9 to $99), money" in texts(
        VirtualValueDisplay.from_estimator(
            named(MyersonAuction(2, prior=uniform()), bidders, items), item=1
        ).plot()
    )
    menu = named(SingleBuyerAuction(prior=uniform(), support=(0, 1)), ["Ann"], items)
    shown = texts(MenuDisplay.from_estimator(menu, n_points=21).plot())
    assert {"value for car, money", "value for van ($9 to $99), money"} <= shown


def test_a_report_has_the_names_it_was_given():
    report = dataclasses.replace(audit(2, 2), names=(["Ann", "Bob"], None))
    shown = texts(report.plot(bidder=1))
    assert {"Ann", "Bob", "Bob's value for item 0, money"} <= shown


@pytest.mark.parametrize(
    "display, auction",
    [
        (MenuDisplay, RochetNetAuction()),
        (PriceDisplay, BundlePricingAuction(n_bidders=2)),
        (VirtualValueDisplay, MyersonAuction()),
    ],
)
def test_unfitted_auctions_raise(display, auction):
    with pytest.raises(NotFittedError):
        display.from_estimator(auction)
