"""Displays of allocations, payments and training."""

import contextlib
import itertools

import matplotlib
import numpy as np
import pytest
from mechanisms import first_price
from scipy.stats import uniform
from sklearn.base import clone

from sklauction import (
    AllocationDisplay,
    BundlePricingAuction,
    CallableAuction,
    MyersonAuction,
    PaymentDisplay,
    RegretNetAuction,
    RochetNetAuction,
    SingleBuyerAuction,
    TrainingDisplay,
    VCGAuction,
    load_auction,
    save_auction,
)
from sklauction.datasets import make_valuations

matplotlib.use("Agg")
import matplotlib.pyplot as plt

pytestmark = pytest.mark.usefixtures("few_updates")

# Manelli & Vincent 2006: one item for 2/3, both for (4 - sqrt(2)) / 3.
ALONE, BOTH = 2 / 3, (4 - np.sqrt(2)) / 3


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def valuations(n_bidders, n_items, n_samples=200):
    return make_valuations(n_samples, n_bidders=n_bidders, n_items=n_items, random_state=0)


def first_price_auction(n_bidders, n_items):
    auction = CallableAuction(first_price, n_bidders, support=(0, 1))
    return at_half(auction.fit(valuations(n_bidders, n_items)))


def at_half(auction):
    """Give an auction the median valuation of the prior, which that of the samples is near."""
    auction.typical_ = np.full(auction.support_.shape[:2], 0.5)
    return auction


def optimal_auction(n_items=2, demand="additive"):
    auction = SingleBuyerAuction(prior=uniform(0, 1), demand=demand, support=(0, 1))
    return auction.fit(valuations(1, n_items))


def myerson(n_bidders, n_items=1):
    return MyersonAuction(n_bidders, prior=uniform(0, 1)).fit(valuations(n_bidders, n_items))


@pytest.fixture(scope="module")
def optimum():
    return optimal_auction()


def boundaries(display):
    """Return the vertices of the boundaries of a reference."""
    return np.concatenate(
        [path.vertices for contour in display.ax_.collections[1:] for path in contour.get_paths()]
    )


def test_displays_hold_the_outcomes_at_their_profiles():
    auction, bids = first_price_auction(3, 3), np.linspace(0.2, 0.8, 9).reshape(3, 3)
    arguments = {"bidder": 1, "items": (2, 0), "bids": bids, "n_points": 11}
    allocation = AllocationDisplay.from_estimator(auction, item=2, **arguments)
    payment = PaymentDisplay.from_estimator(auction, **arguments)
    np.testing.assert_array_equal(allocation.values, np.tile(np.linspace(0, 1, 11), (2, 1)))
    for down, along in itertools.product(range(11), repeat=2):
        profile = bids.copy()
        profile[1, 2], profile[1, 0] = allocation.values[0][along], allocation.values[1][down]
        outcome = auction.predict(profile[None])
        assert allocation.probabilities[down, along] == outcome.allocations[0, 1, 2]
        assert payment.payments[down, along] == outcome.payments[0, 1]
    assert 0 < allocation.probabilities.mean() < 1 and len(np.unique(payment.payments)) > 10


def test_one_item_shows_own_value_against_the_opponents_bid():
    display = AllocationDisplay.from_estimator(myerson(2), n_points=100)
    own, other = np.meshgrid(*display.values)
    sure = np.abs(own - other) > 0.02
    wins = (own > 0.5) & (own > other)
    np.testing.assert_array_equal(display.probabilities[sure], wins[sure])
    own, other = "bidder 0's value for item 0, money", "bidder 1's bid on item 0, money"
    assert display.labels == (own, other)
    assert display.fixed == ""


def test_opponent_and_fixed_bids_can_be_chosen():
    arguments = {"opponent": 2, "bids": [[0], [0.75], [0]], "n_points": 5}
    display = PaymentDisplay.from_estimator(first_price_auction(3, 1), **arguments).plot()
    # Bidder 0 wins with at least 0.75 and at least the bid of bidder 2, as it wins ties.
    own, other = np.meshgrid(*display.values)
    wins = (own >= 0.75) & (own >= other)
    np.testing.assert_array_equal(display.payments, own * wins)
    assert display.labels[1] == "bidder 2's bid on item 0, money"
    assert display.ax_.get_title() == "bidder 1 bids 0.75"


def test_one_item_of_several_can_be_shown_against_an_opponent():
    auction = first_price_auction(2, 2)
    display = AllocationDisplay.from_estimator(auction, items=(1,), item=1, n_points=6)
    np.testing.assert_array_equal(display.probabilities[np.tril_indices(6, -1)], 0)
    np.testing.assert_array_equal(display.probabilities[np.triu_indices(6, 1)], 1)
    assert display.fixed == "bidder 0 bids 0.5 on item 0; bidder 1 bids 0.5 on item 0"


@pytest.mark.parametrize(
    "n_items, bids, text",
    [
        (2, None, "bidder 1 bids 0.5, 0.5; bidder 2 bids 0.5, 0.5"),
        (3, None, "all other bids at the median of the data"),
        (3, np.ones((3, 3)), "all other bids as given"),
    ],
)
def test_many_fixed_bids_are_summarised(n_items, bids, text):
    auction = first_price_auction(3, n_items)
    assert AllocationDisplay.from_estimator(auction, bids=bids, n_points=3).fixed == text


def test_other_bids_are_the_median_of_the_data_by_default():
    three = first_price_auction(3, 1)
    three.typical_ = np.array([[0.1], [0.2], [0.6]])
    # The opponent bids 0. Bidder 0 wins at 0.6 or more; in the middle of the support, at 0.5.
    display = PaymentDisplay.from_estimator(three, n_points=5)
    np.testing.assert_array_equal(display.payments[0], [0, 0, 0, 0.75, 1])
    assert display.fixed == "bidder 2 bids 0.6"
    display = AllocationDisplay.from_estimator(three, bids=[[0], [0], [0.2]], n_points=5)
    np.testing.assert_array_equal(display.probabilities[0], [0, 1, 1, 1, 1])


def test_without_a_stored_median_other_bids_are_in_the_middle_of_the_support():
    auction = first_price_auction(3, 3)
    del auction.typical_
    display = AllocationDisplay.from_estimator(auction, n_points=9)
    assert display.fixed == "all other bids at the middle of the support"
    # All others bid 0.5, and bidder 0 wins ties.
    np.testing.assert_array_equal(display.probabilities[0], display.values[0] >= 0.5)


def test_one_bidder_and_one_item_are_drawn_as_a_step():
    auction = optimal_auction(1)
    display = AllocationDisplay.from_estimator(auction, reference=auction).plot()
    step, boundary = display.ax_.lines
    assert step.get_drawstyle() == "steps-mid"
    np.testing.assert_array_equal(step.get_ydata(), display.values[0] >= 0.5)
    assert boundary.get_xdata() == pytest.approx([0.5, 0.5], abs=0.01)
    payment = PaymentDisplay.from_estimator(auction).plot()
    np.testing.assert_array_equal(payment.ax_.lines[0].get_ydata(), 0.5 * step.get_ydata())
    assert "money" in payment.ax_.get_ylabel()


def test_the_known_optimum_is_shown_with_its_boundaries(optimum):
    display = AllocationDisplay.from_estimator(optimum, reference=optimum).plot()
    one, two = np.meshgrid(*display.values)
    lines = {"one": one - ALONE, "two": two - ALONE, "both": one + two - BOTH}
    lines |= {"more of one": one - BOTH + ALONE, "more of two": two - BOTH + ALONE}
    sure = np.all([np.abs(line) > 1e-9 for line in lines.values()], axis=0)
    gains = np.stack([0 * one, one - ALONE, two - ALONE, one + two - BOTH])
    gets = np.isin(gains.argmax(axis=0), (1, 3))
    np.testing.assert_array_equal(display.probabilities[sure], gets[sure])
    vertices = boundaries(display)
    levels = np.column_stack([vertices, vertices.sum(axis=1)])
    known = [(0, ALONE), (1, ALONE), (2, BOTH), (0, BOTH - ALONE), (1, BOTH - ALONE)]
    distances = np.min([np.abs(levels[:, axis] - level) for axis, level in known], axis=0)
    assert distances.max() < 0.011, "boundaries must be within a cell of where they are known"
    for axis, level in known:
        assert (np.abs(levels[:, axis] - level) < 0.011).sum() > 20
    assert display.ax_.get_title() == "dashed: SingleBuyerAuction"


def test_boundaries_are_white_and_black_and_drawn_once(optimum):
    display = AllocationDisplay.from_estimator(optimum, reference=optimum).plot()
    styles = {}
    for contour in display.ax_.collections[1:]:
        color = tuple(contour.get_edgecolor()[0])
        styles.setdefault(color, []).extend(path.vertices for path in contour.get_paths())
    white, black = styles
    assert white == (1, 1, 1, 1) and black == (0, 0, 0, 1)
    for stretches in styles.values():
        vertices = np.concatenate(stretches)
        # Dashes drawn twice would overlap.
        assert len(np.unique(vertices, axis=0)) == len(vertices)


def test_a_reference_without_a_menu_is_outlined_at_one_half():
    auction, reference = first_price_auction(2, 2), at_half(myerson(2, 2))
    display = AllocationDisplay.from_estimator(auction, reference=reference).plot()
    assert np.abs(boundaries(display) - 0.5).min(axis=1).max() < 0.011
    assert display.ax_.get_title() == "bidder 1 bids 0.5, 0.5\ndashed: MyersonAuction"


def test_unit_demand_is_shown():
    auction = optimal_auction(demand="unit")
    one, two = (AllocationDisplay.from_estimator(auction, item=item) for item in (0, 1))
    total = one.probabilities + two.probabilities
    values = np.meshgrid(*one.values)
    np.testing.assert_array_equal(total, np.max(values, axis=0) >= np.sqrt(1 / 3))


def test_colours_show_probabilities_with_increasing_lightness(optimum):
    display = AllocationDisplay.from_estimator(optimum).plot()
    shades = display.ax_.collections[0]
    assert shades.get_clim() == (0, 1)
    red, green, blue, _ = shades.get_cmap()(np.linspace(0, 1, 256)).T
    lightness = 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2
    assert (np.diff(lightness) > -1e-3).all() and lightness[-1] > 10 * lightness[0]
    bar = display.figure_.axes[1]
    assert bar.get_ylabel() == "probability that bidder 0 gets item 0"
    figure, ax = plt.subplots()
    assert display.plot(ax, colorbar=False) is display
    assert display.ax_ is ax and display.figure_ is figure and len(figure.axes) == 1


def test_regions_of_a_menu_are_labelled_with_payments(optimum):
    display = PaymentDisplay.from_estimator(optimum).plot()
    written = {text.get_position(): float(text.get_text()) for text in display.ax_.texts}
    for (one, two), payment in written.items():
        menu_row = optimum.menu_.choose([[one, two]])
        assert payment == pytest.approx(optimum.menu_.prices[menu_row][0], rel=1e-3)
    # Each item alone has the same price.
    assert sorted(written.values()) == pytest.approx([0, ALONE, ALONE, BOTH], rel=1e-3)


def test_contours_do_not_cross_jumps_of_the_payment():
    display = PaymentDisplay.from_estimator(first_price_auction(2, 2)).plot()
    contours = display.ax_.collections[1]
    labels = {text.get_text() for text in display.ax_.texts}
    assert "0" in labels and {f"{level:g}" for level in contours.levels} & labels
    for level, path in zip(contours.levels, contours.get_paths(), strict=True):
        # An item is won at 0.5 or more, and its price is the bid.
        paid = (path.vertices * (path.vertices > 0.5)).sum(axis=1)
        np.testing.assert_allclose(paid, level, atol=1e-9)


@pytest.mark.parametrize("price", [0.0, -1.0, 2.0])
def test_one_payment_everywhere_is_written_once(price):
    def same(bids):
        return 0 * bids, np.full(bids.shape[:2], price)

    auction = CallableAuction(same, 2, support=(0, 1))
    with pytest.warns(UserWarning) if price > 0 else contextlib.nullcontext():
        auction.fit(valuations(2, 2))
    display = PaymentDisplay.from_estimator(auction).plot()
    display.figure_.canvas.draw()
    assert [float(text.get_text()) for text in display.ax_.texts] == [price]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"bidder": 2}, "bidder must be below 2; got 2"),
        ({"item": 2}, "item must be below 2; got 2"),
        ({"items": (0, 5)}, "items must be below 2; got 5"),
        ({"items": (1, 1)}, r"items must be one item or two different ones; got \(1, 1\)"),
        ({"items": 0}, "items must be one item or two different ones; got 0"),
        ({"opponent": 1}, "opponent must be None unless one item"),
        ({"items": (0,), "opponent": 0}, "opponent must be a bidder other than 0; got 0"),
        ({"items": (0,), "opponent": 2}, "opponent must be below 2; got 2"),
        ({"bids": [1, 2]}, r"bids must be of shape \(2, 2\); got shape \(2,\)"),
        ({"bids": [[1, 2], [3, -4]]}, r"bids must hold finite numbers, non-negative; got -4.0 at"),
        ({"n_points": 1}, "n_points must be an integer of at least 2.*; got 1"),
    ],
)
def test_invalid_arguments_raise(arguments, message):
    auction = first_price_auction(2, 2)
    with pytest.raises(ValueError, match=message):
        AllocationDisplay.from_estimator(auction, **arguments)
    if "item" not in arguments:
        with pytest.raises(ValueError, match=message):
            PaymentDisplay.from_estimator(auction, **arguments)


def test_invalid_references_and_constant_values_raise(optimum):
    auction = first_price_auction(2, 2)
    with pytest.raises(ValueError, match=r"reference must .* = \(2, 2\); got \(1, 2\)"):
        AllocationDisplay.from_estimator(auction, reference=optimum)
    with pytest.raises(ValueError, match="not fitted"):
        AllocationDisplay.from_estimator(auction, reference=clone(auction))
    with pytest.raises(ValueError, match="not fitted"):
        PaymentDisplay.from_estimator(clone(auction))
    always_one = valuations(2, 2)
    always_one[:, :, 1] = 1
    constant = clone(auction).set_params(support=[[[0, 1], [1, 1]]]).fit(always_one)
    with pytest.raises(ValueError, match="item 1, whose value for bidder 0 is always 1"):
        PaymentDisplay.from_estimator(constant)


def small_net(**parameters):
    settings = {"max_iter": 2, "batch_size": 8, "random_state": 0} | parameters
    return RegretNetAuction(2, hidden_layer_sizes=(4,), **settings)


@pytest.fixture(scope="module")
def trained():
    return small_net(max_iter=3).fit(valuations(2, 1))


def test_training_shows_the_history_and_marks_the_weights_used(trained):
    display = TrainingDisplay.from_estimator(trained).plot()
    names = ("revenue", "total_regret", "score")
    for ax, name in zip(display.axes_, names, strict=True):
        expected = [row[name] for row in trained.history_]
        np.testing.assert_array_equal(ax.lines[0].get_xdata(), [1, 2, 3])
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), expected)
    assert display.axes_[1].get_yscale() == "log" and display.regret_bound == "lower"
    assert "lower bound" in display.axes_[1].get_ylabel()
    assert display.axes_[2].get_xlabel() == "iteration"
    # A line marks the iteration of the weights used.
    assert display.best_iteration == trained.net_.best_iter_ == 1 + np.argmax(expected)
    for ax in display.axes_:
        (mark,) = [line for line in ax.lines if line.get_linestyle() == ":"]
        assert list(mark.get_xdata()) == [display.best_iteration] * 2


@pytest.mark.parametrize("validation_fraction", [0, 0.2])
@pytest.mark.parametrize(
    "auction, regret_bound",
    [
        (small_net(max_iter=1), "lower"),
        (BundlePricingAuction(2, max_iter=1, random_state=0), "upper"),
        (RochetNetAuction(max_iter=1, random_state=0), "upper"),
    ],
)
def test_training_of_a_loaded_auction_is_shown(
    auction, regret_bound, validation_fraction, tmp_path
):
    auction = clone(auction).set_params(validation_fraction=validation_fraction)
    auction.fit(valuations(auction.n_bidders, 2))
    save_auction(auction, tmp_path / "auction.safetensors")
    loaded = load_auction(tmp_path / "auction.safetensors")
    display, expected = map(TrainingDisplay.from_estimator, (loaded, auction))
    for name in ("revenues", "total_regrets", "scores", "held_out", "regret_bound"):
        np.testing.assert_array_equal(getattr(display, name), getattr(expected, name))
    assert display.regret_bound == regret_bound
    assert display.best_iteration == expected.best_iteration is not None
    marks = [line for line in display.plot().axes_[0].lines if line.get_linestyle() == ":"]
    assert len(marks) == 1


def test_without_held_out_profiles_averages_of_training_are_shown_in_money():
    V = valuations(2, 1)
    auction = small_net(validation_fraction=0).fit(V)
    dearer = small_net(validation_fraction=0).fit(10_000 * V)
    one, other = map(TrainingDisplay.from_estimator, (auction, dearer))
    assert not one.held_out and one.best_iteration == 2
    # Training is in units of the scale, so money does not matter up to rounding.
    np.testing.assert_allclose(other.revenues, 10_000 * one.revenues, rtol=1e-2)
    np.testing.assert_allclose(other.scores, 100 * one.scores, rtol=1e-2)
    expected = np.sqrt(one.revenues) - np.sqrt(one.total_regrets)
    np.testing.assert_allclose(one.scores, expected, rtol=1e-12)
    assert one.plot().axes_[0].get_title().startswith("averages of training")


def test_after_partial_fit_the_latest_weights_are_marked():
    auction = small_net(max_iter=1).fit(valuations(2, 1))
    display = TrainingDisplay.from_estimator(auction.partial_fit(valuations(2, 1)))
    assert display.held_out and display.best_iteration == 2
    np.testing.assert_array_equal(np.isnan(display.scores), [False, True])


def test_zero_regret_is_a_text_or_a_hollow_marker():
    menu = RochetNetAuction(max_iter=1, random_state=0).fit(valuations(1, 2))
    display = TrainingDisplay.from_estimator(menu).plot()
    assert display.axes_[1].texts[0].get_text() == "0: no profitable misreport"
    assert display.regret_bound == "upper"
    display = TrainingDisplay.from_estimator(menu.partial_fit(valuations(1, 2)))
    pricing = BundlePricingAuction(2, max_iter=1, validation_fraction=0, random_state=0)
    display = TrainingDisplay.from_estimator(pricing.fit(valuations(2, 2))).plot()
    assert [ax.texts[0].get_text() for ax in display.axes_[1:]] == ["not measured"] * 2
    mixed = TrainingDisplay(np.ones(3), np.array([0.1, 0, 0.01]), np.ones(3), 2, True).plot()
    found, none = (line for line in mixed.axes_[1].lines if line.get_linestyle() != ":")
    np.testing.assert_array_equal(found.get_ydata(), [0.1, np.nan, 0.01])
    assert none.get_xdata() == [2] and none.get_ydata()[0] < 0.01


def test_training_of_several_fits_is_their_mean_with_shades_between_the_ends(trained):
    other = small_net(max_iter=2, random_state=1).fit(valuations(2, 1))
    display = TrainingDisplay.from_estimator([trained, other]).plot()
    one, two = map(TrainingDisplay.from_estimator, (trained, other))
    for row, name in enumerate(("revenues", "total_regrets", "scores")):
        first, second = getattr(one, name), getattr(two, name)
        ends = np.sort([first[:2], second], axis=0).T
        np.testing.assert_array_equal(display.ranges[row, :2], ends)
        # A mean of two numbers, up to rounding.
        np.testing.assert_allclose(getattr(display, name)[:2], ends.mean(axis=1), rtol=1e-12)
        # The third iteration was reached by one of them only.
        assert getattr(display, name)[2] == first[2] and (display.ranges[row, 2] == first[2]).all()
        (shade,) = display.axes_[row].collections
        heights = shade.get_paths()[0].vertices[:, 1]
        low, high = display.axes_[row].get_ylim()
        assert heights.min() == max(display.ranges[row].min(), low)
        assert heights.max() == display.ranges[row].max() <= high
    assert display.best_iteration is None
    assert display.axes_[0].get_title().endswith("mean of fits, shaded: lowest to highest")
    by_seed = TrainingDisplay.from_estimator({0: trained, 1: other})
    np.testing.assert_array_equal(by_seed.ranges, display.ranges)
    not_held_out = small_net(validation_fraction=0).fit(valuations(2, 1))
    for given in ([], [trained, not_held_out]):
        with pytest.raises(ValueError, match="auction must be a fitted auction, or a list of"):
            TrainingDisplay.from_estimator(given)


def test_auctions_without_a_history_raise(trained):
    with pytest.raises(ValueError, match="got VCGAuction, which has none"):
        TrainingDisplay.from_estimator(VCGAuction(2).fit(valuations(2, 1)))
    with pytest.raises(ValueError, match="not fitted"):
        TrainingDisplay.from_estimator(clone(trained))
    with pytest.raises(ValueError, match="axes must be 3 matplotlib Axes; got 2"):
        TrainingDisplay.from_estimator(trained).plot(plt.subplots(2)[1])
