"""The displays of allocations, payments, training and comparisons: what they hold and draw."""

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
    ComparisonDisplay,
    MyersonAuction,
    PaymentDisplay,
    RegretNetAuction,
    RevenueBounds,
    RochetNetAuction,
    SingleBuyerAuction,
    TrainingDisplay,
    VCGAuction,
    measure_regret,
)
from sklauction.datasets import make_valuations

matplotlib.use("Agg")
import matplotlib.pyplot as plt

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
    return auction.fit(valuations(n_bidders, n_items))


def optimal_auction(n_items=2, demand="additive"):
    auction = SingleBuyerAuction(prior=uniform(0, 1), demand=demand, support=(0, 1))
    return auction.fit(valuations(1, n_items))


def myerson(n_bidders, n_items=1):
    return MyersonAuction(n_bidders, prior=uniform(0, 1)).fit(valuations(n_bidders, n_items))


@pytest.fixture(scope="module")
def optimum():
    return optimal_auction()


# Allocations and payments over two values.


def test_pictures_are_what_the_auction_does_at_those_profiles():
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
    assert display.labels == (
        "bidder 0's value for item 0, money",
        "bidder 1's bid on item 0, money",
    )
    assert display.fixed == ""


def test_opponent_and_fixed_bids_can_be_chosen():
    auction = first_price_auction(3, 1)
    bids = [[0], [0.75], [0]]
    arguments = {"opponent": 2, "bids": bids, "n_points": 5}
    display = PaymentDisplay.from_estimator(auction, **arguments).plot()
    # Bidder 0 wins with 0.75 or more, as ties are its, and not below the bid of 2.
    own, other = np.meshgrid(*display.values)
    wins = (own >= 0.75) & (own >= other)
    np.testing.assert_array_equal(display.payments, own * wins)
    assert display.labels[1] == "bidder 2's bid on item 0, money"
    assert display.ax_.get_title() == "bidder 1 bids 0.75"


def test_one_item_of_several_can_be_shown_against_an_opponent():
    display = AllocationDisplay.from_estimator(
        first_price_auction(2, 2), items=(1,), item=1, n_points=6
    )
    np.testing.assert_array_equal(display.probabilities[np.tril_indices(6, -1)], 0)
    np.testing.assert_array_equal(display.probabilities[np.triu_indices(6, 1)], 1)
    assert display.fixed == "bidder 0 bids 0.5 on item 0; bidder 1 bids 0.5 on item 0"


def test_many_fixed_bids_are_summed_up():
    auction = first_price_auction(3, 2)
    display = AllocationDisplay.from_estimator(auction, n_points=3)
    assert display.fixed == "bidder 1 bids 0.5, 0.5; bidder 2 bids 0.5, 0.5"
    display = AllocationDisplay.from_estimator(first_price_auction(3, 3), n_points=3)
    assert display.fixed == "all other bids: middle of the support"
    given = AllocationDisplay.from_estimator(
        first_price_auction(3, 3), bids=np.ones((3, 3)), n_points=3
    )
    assert given.fixed == "all other bids as given"


def test_one_bidder_and_one_item_make_a_step(optimum):
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
    drawn = [stretch for contour in display.ax_.collections[1:] for stretch in contour.get_paths()]
    vertices = np.concatenate([stretch.vertices for stretch in drawn])
    levels = np.column_stack([vertices, vertices.sum(axis=1)])
    known = [(0, ALONE), (1, ALONE), (2, BOTH), (0, BOTH - ALONE), (1, BOTH - ALONE)]
    distances = np.min([np.abs(levels[:, axis] - level) for axis, level in known], axis=0)
    assert distances.max() < 0.011, "boundaries must be within a cell of where they are known"
    for axis, level in known:
        assert (np.abs(levels[:, axis] - level) < 0.011).sum() > 20
    assert display.ax_.get_title() == "dashed: SingleBuyerAuction"


def test_boundaries_are_seen_on_any_ground_and_drawn_once(optimum):
    display = AllocationDisplay.from_estimator(optimum, reference=optimum).plot()
    styles = {}
    for contour in display.ax_.collections[1:]:
        color = tuple(contour.get_edgecolor()[0])
        styles.setdefault(color, []).extend(path.vertices for path in contour.get_paths())
    white, black = styles
    assert white == (1, 1, 1, 1) and black == (0, 0, 0, 1)
    for stretches in styles.values():
        vertices = np.concatenate(stretches)
        # Dashes drawn twice would fill each other's gaps.
        assert len(np.unique(vertices, axis=0)) == len(vertices)


def test_a_reference_without_a_menu_is_outlined_at_one_half():
    auction, reference = first_price_auction(2, 2), myerson(2, 2)
    display = AllocationDisplay.from_estimator(auction, reference=reference).plot()
    vertices = np.concatenate(
        [path.vertices for contour in display.ax_.collections[1:] for path in contour.get_paths()]
    )
    assert np.abs(vertices - 0.5).min(axis=1).max() < 0.011
    assert display.ax_.get_title() == "bidder 1 bids 0.5, 0.5\ndashed: MyersonAuction"


def test_unit_demand_is_shown():
    auction = optimal_auction(demand="unit")
    one, two = (AllocationDisplay.from_estimator(auction, item=item) for item in (0, 1))
    total = one.probabilities + two.probabilities
    values = np.meshgrid(*one.values)
    np.testing.assert_array_equal(total, np.max(values, axis=0) >= np.sqrt(1 / 3))


def test_colours_mean_probabilities_and_get_lighter(optimum):
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


def test_payments_of_a_menu_are_written_into_their_regions(optimum):
    display = PaymentDisplay.from_estimator(optimum).plot()
    written = {text.get_position(): float(text.get_text()) for text in display.ax_.texts}
    for (one, two), payment in written.items():
        menu_row = optimum.menu_.choose([[one, two]])
        assert payment == pytest.approx(optimum.menu_.prices[menu_row][0], rel=1e-3)
    # One item alone is sold in two places for the same price.
    assert sorted(written.values()) == pytest.approx([0, ALONE, ALONE, BOTH], rel=1e-3)


def test_payments_are_contoured_where_they_are_smooth_but_not_across_jumps():
    display = PaymentDisplay.from_estimator(first_price_auction(2, 2)).plot()
    contours = display.ax_.collections[1]
    labels = {text.get_text() for text in display.ax_.texts}
    assert "0" in labels and {f"{level:g}" for level in contours.levels} & labels
    for level, path in zip(contours.levels, contours.get_paths(), strict=True):
        # Each item won, at 0.5 or more, is paid for by its value.
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
        ({"items": (1, 1)}, r"items must name one item or two different ones; got \(1, 1\)"),
        ({"items": 0}, "items must name one item or two different ones; got 0"),
        ({"opponent": 1}, "opponent must be None but where"),
        ({"items": (0,), "opponent": 0}, "opponent must be another bidder than 0; got 0"),
        ({"items": (0,), "opponent": 2}, "opponent must be below 2; got 2"),
        ({"bids": [1, 2]}, r"bids must have shape \(n_bidders, n_items\) = \(2, 2\); got \(2,\)"),
        ({"bids": [[1, 2], [3, -4]]}, "bids must be finite and not negative; got .*-4.0"),
        ({"n_points": 1}, "n_points must be an integer of at least 2; got 1"),
    ],
)
def test_bad_choices_are_named(arguments, message):
    auction = first_price_auction(2, 2)
    with pytest.raises(ValueError, match=message):
        AllocationDisplay.from_estimator(auction, **arguments)
    if "item" not in arguments:
        with pytest.raises(ValueError, match=message):
            PaymentDisplay.from_estimator(auction, **arguments)


def test_references_that_do_not_fit_and_values_that_do_not_vary_are_named(optimum):
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
    with pytest.raises(ValueError, match="item 1 of bidder 0 is always 1"):
        PaymentDisplay.from_estimator(constant)


# Training.


def small_net(**parameters):
    settings = {"max_iter": 2, "batch_size": 8, "random_state": 0} | parameters
    return RegretNetAuction(2, hidden_layer_sizes=(4,), **settings)


@pytest.fixture(scope="module")
def trained():
    return small_net(max_iter=3).fit(valuations(2, 1))


def test_training_shows_the_history_over_updates(trained):
    display = TrainingDisplay.from_estimator(trained).plot()
    per_iteration = trained.net_.n_updates
    np.testing.assert_array_equal(display.updates, per_iteration * np.array([1, 2, 3]))
    names = ("revenue", "total_regret", "score")
    for ax, name in zip(display.axes_, names, strict=True):
        expected = [row[name] for row in trained.history_]
        np.testing.assert_array_equal(ax.lines[0].get_xdata(), display.updates)
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), expected)
    assert display.axes_[1].get_yscale() == "log" and display.regret_bound == "lower"
    assert "lower bound" in display.axes_[1].get_ylabel()
    assert display.axes_[2].get_xlabel() == "updates of the auctioneer"


def test_the_weights_used_are_marked(trained):
    display = TrainingDisplay.from_estimator(trained).plot()
    expected = trained.net_.best_iter_ * trained.net_.n_updates
    assert display.best_update == expected
    scores = [row["score"] for row in trained.history_]
    assert display.updates[np.argmax(scores)] == expected
    for ax in display.axes_:
        (mark,) = [line for line in ax.lines if line.get_linestyle() == ":"]
        assert list(mark.get_xdata()) == [expected, expected]


def test_without_held_out_profiles_averages_of_training_are_shown_in_money():
    V = valuations(2, 1)
    auction = small_net(validation_fraction=0).fit(V)
    dearer = small_net(validation_fraction=0).fit(10_000 * V)
    one, other = map(TrainingDisplay.from_estimator, (auction, dearer))
    assert not one.held_out and one.best_update == one.updates[-1]
    # Trained in units of the scale, the same but for rounding.
    np.testing.assert_allclose(other.revenues, 10_000 * one.revenues, rtol=1e-2)
    np.testing.assert_allclose(other.scores, 100 * one.scores, rtol=1e-2)
    expected = np.sqrt(one.revenues) - np.sqrt(one.total_regrets)
    np.testing.assert_allclose(one.scores, expected, rtol=1e-12)
    assert one.plot().axes_[0].get_title().startswith("averages of training")


def test_after_partial_fit_the_latest_weights_are_marked():
    auction = small_net(max_iter=1).fit(valuations(2, 1))
    display = TrainingDisplay.from_estimator(auction.partial_fit(valuations(2, 1)))
    assert display.held_out and display.best_update == display.updates[1]
    np.testing.assert_array_equal(np.isnan(display.scores), [False, True])


def test_regret_zero_is_said_and_not_drawn_on_the_log_scale():
    menu = RochetNetAuction(max_iter=1, random_state=0).fit(valuations(1, 2))
    display = TrainingDisplay.from_estimator(menu).plot()
    assert display.axes_[1].texts[0].get_text() == "0: no misreport pays"
    assert display.regret_bound == "upper"
    display = TrainingDisplay.from_estimator(menu.partial_fit(valuations(1, 2)))
    pricing = BundlePricingAuction(2, max_iter=1, validation_fraction=0, random_state=0)
    display = TrainingDisplay.from_estimator(pricing.fit(valuations(2, 2))).plot()
    assert [ax.texts[0].get_text() for ax in display.axes_[1:]] == ["not measured"] * 2
    mixed = TrainingDisplay(
        np.array([1, 2, 3]), np.ones(3), np.array([0.1, 0, 0.01]), np.ones(3), 2, True
    ).plot()
    found, none = (line for line in mixed.axes_[1].lines if line.get_linestyle() != ":")
    np.testing.assert_array_equal(found.get_ydata(), [0.1, np.nan, 0.01])
    assert none.get_xdata() == [2] and none.get_ydata()[0] < 0.01


def test_auctions_without_training_are_named(trained):
    with pytest.raises(ValueError, match="got VCGAuction, which has none"):
        TrainingDisplay.from_estimator(VCGAuction(2).fit(valuations(2, 1)))
    with pytest.raises(ValueError, match="not fitted"):
        TrainingDisplay.from_estimator(clone(trained))
    with pytest.raises(ValueError, match="axes must be three; got 2"):
        TrainingDisplay.from_estimator(trained).plot(plt.subplots(2)[1])


# Comparisons.


def compare(revenues, regrets, bounds=None):
    names = tuple(f"auction {number}" for number in range(len(revenues)))
    return ComparisonDisplay(names, np.array(revenues), np.array(regrets), bounds)


EIGHT = compare(
    [0.66, 0.81, 0.82, 0.825, 0.83, 0.87, 0.9, 1.33],
    [0, 0, 0, 0, 1e-17, 1e-3, 0.02, 0.9],
    RevenueBounds({"Myerson": 0.81}, {"welfare": 0.93}),
)


def markers(display):
    return [line for line in display.ax_.lines if line.get_label() in display.names]


def test_reports_and_auctions_give_the_same_points():
    V = valuations(2, 2)
    auctions = {"VCG": VCGAuction(2).fit(V), "first price": first_price_auction(2, 2)}
    reports = {
        name: measure_regret(auction, V, effort="quick", random_state=0)
        for name, auction in auctions.items()
    }
    one = ComparisonDisplay.from_reports(reports).plot()
    other = ComparisonDisplay.from_estimators(auctions, V, random_state=0)
    assert one.names == other.names == ("VCG", "first price")
    np.testing.assert_array_equal(one.revenues, [r.revenue for r in reports.values()])
    np.testing.assert_array_equal(one.regrets, [r.total_regret for r in reports.values()])
    np.testing.assert_array_equal(one.revenues, other.revenues)
    np.testing.assert_array_equal(one.regrets, other.regrets)
    truthful, lying = markers(one)
    assert lying.get_xdata() == [one.regrets[1]] and lying.get_ydata() == [one.revenues[1]]
    assert truthful.get_xdata()[0] < one.regrets[1] / 10


def test_regret_zero_has_a_column_where_no_marker_hides_another():
    display = EIGHT.plot()
    places = np.array([line.get_xydata()[0] for line in markers(display)])
    np.testing.assert_array_equal(places[:, 1], display.revenues)
    none = display.regrets < 1e-9
    column = display.ax_.patches[0].get_extents().transformed(display.ax_.transData.inverted())
    assert (places[none, 0] > column.x0).all() and (places[none, 0] < column.x1).all()
    np.testing.assert_array_equal(places[~none, 0], display.regrets[~none])
    assert column.x1 < display.regrets[~none].min()
    pixels = display.ax_.transData.transform(places)
    gaps = np.hypot(*(pixels[:, None] - pixels).T)[np.triu_indices(8, 1)]
    assert gaps.min() > 7 * display.figure_.dpi / 72
    ticks = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert ticks[0] == "0" and "$10^{-1}$" in ticks


def test_curves_have_the_score_that_they_say():
    display = EIGHT.plot()
    curves = [line for line in display.ax_.lines if line.get_label().startswith("_score")]
    assert len(curves) > 3
    for curve in curves:
        regrets, revenues = curve.get_data()
        score = float(curve.get_label().split()[1])
        np.testing.assert_allclose(np.sqrt(revenues) - np.sqrt(regrets), score, atol=1e-9)
    shown = {text.get_text() for text in display.ax_.texts}
    assert len(shown & {f"{float(curve.get_label().split()[1]):.3g}" for curve in curves}) > 3


@pytest.mark.parametrize("size", [(5.2, 4.2), (3.4, 3.2)])
def test_names_cover_neither_each_other_nor_points_nor_the_edge(size):
    _, ax = plt.subplots(figsize=size, layout="constrained")
    display = EIGHT.plot(ax)
    display.figure_.canvas.draw()
    texts = {text.get_text(): text for text in ax.texts if text.get_text()}
    boxes = {name: text.get_window_extent() for name, text in texts.items()}
    assert set(display.names) < set(boxes)
    for one, other in itertools.combinations(boxes, 2):
        assert not boxes[one].overlaps(boxes[other]), (one, other)
    centres = ax.transData.transform([line.get_xydata()[0] for line in markers(display)])
    for name, box in boxes.items():
        assert not any(box.contains(*centre) for centre in centres), name
        assert ax.bbox.contains(*box.min) and ax.bbox.contains(*box.max), name


def test_bounds_are_lines_that_say_what_they_are():
    display = EIGHT.plot()
    heights = {line.get_ydata()[0]: line for line in display.ax_.lines if len(line.get_xdata()) > 1}
    assert {0.81, 0.93} < set(heights)
    assert heights[0.81].get_linestyle() != heights[0.93].get_linestyle()
    texts = [text.get_text() for text in display.ax_.texts]
    assert "no truthful auction earns more than 0.93" in texts
    assert "known to be attainable: 0.81" in texts
    known = compare([0.5, 0.6], [0, 0.1], RevenueBounds({"a": 0.6}, {"b": 0.6})).plot()
    assert "known to be attainable: 0.6" not in [text.get_text() for text in known.ax_.texts]


@pytest.mark.parametrize(
    "revenues, regrets", [([0.5], [0.0]), ([0.0, 0.0], [0.0, 0.0]), ([0.1], [0.4]), ([7e4], [3e-2])]
)
def test_few_or_odd_points_are_drawn(revenues, regrets):
    display = compare(revenues, regrets).plot()
    display.figure_.canvas.draw()
    assert len(markers(display)) == len(revenues)


def test_a_comparison_can_be_part_of_a_figure_with_subfigures():
    figure = plt.figure(layout="constrained")
    left, _ = figure.subfigures(1, 2)
    assert EIGHT.plot(left.subplots()).figure_ is left
    figure.canvas.draw()


def test_what_cannot_be_compared_is_named():
    V = valuations(2, 1)
    auction = VCGAuction(2).fit(V)
    report = measure_regret(auction, V, effort="quick", random_state=0)
    for given in ({}, [report], {"VCG": auction}):
        with pytest.raises(ValueError, match="reports must be a dict of at least one RegretReport"):
            ComparisonDisplay.from_reports(given)
    for given in ({}, [auction], {"VCG": report}, {"VCG": VCGAuction(2)}):
        with pytest.raises(ValueError, match="auctions must be a dict of at least one fitted"):
            ComparisonDisplay.from_estimators(given, V)
    with pytest.raises(ValueError, match=r"bounds must be RevenueBounds.* or None; got 0.5"):
        ComparisonDisplay.from_reports({"VCG": report}, bounds=0.5)
