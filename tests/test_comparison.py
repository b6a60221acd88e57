"""ComparisonDisplay: points, bars, bounds and curves of equal score."""

import matplotlib
import numpy as np
import pytest
from matplotlib.contour import ContourSet
from mechanisms import first_price

from sklauction import (
    CallableAuction,
    ComparisonDisplay,
    RevenueBounds,
    VCGAuction,
    measure_regret,
)
from sklauction.datasets import make_valuations
from sklauction.domains import ADDITIVE

matplotlib.use("Agg")
import matplotlib.pyplot as plt


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def valuations(n_bidders, n_items):
    return make_valuations(200, n_bidders=n_bidders, n_items=n_items, random_state=0)


def first_price_auction(n_bidders, n_items):
    auction = CallableAuction(first_price, n_bidders, support=(0, 1))
    return auction.fit(valuations(n_bidders, n_items))


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
    truthful, other = markers(one)
    assert other.get_xdata() == [one.regrets[1]] and other.get_ydata() == [one.revenues[1]]
    assert truthful.get_xdata()[0] < one.regrets[1] / 10


class Report:
    """What a comparison reads of a report."""

    domain = ADDITIVE

    def __init__(self, objective, total_regret):
        self.objective, self.total_regret = objective, total_regret


def bars(display):
    """Return the ends of the bars, by quantity: arrays of shape (n_bars, 2)."""
    (container,) = display.ax_.containers
    across, up = (part.get_segments() for part in container.lines[2])
    return np.array(across)[:, :, 0], np.array(up)[:, :, 1]


def test_several_fits_are_their_mean_with_bars_from_the_lowest_to_the_highest():
    fits = [Report(0.7, 0.01), Report(0.8, 0.04), Report(0.9, 0.01)]
    reports = {"seeds": fits, "one": Report(0.6, 0.02), "by seed": dict(enumerate(fits[:2]))}
    display = ComparisonDisplay.from_reports(reports).plot()
    # Sums of a few decimals, up to rounding.
    np.testing.assert_allclose(display.revenues, [0.8, 0.6, 0.75], rtol=1e-12)
    np.testing.assert_allclose(display.regrets, [0.02, 0.02, 0.025], rtol=1e-12)
    across, up = bars(display)
    np.testing.assert_allclose(across, [[0.01, 0.04], [0.01, 0.04]], rtol=1e-12)
    np.testing.assert_allclose(up, [[0.7, 0.9], [0.7, 0.8]], rtol=1e-12)
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert "bars: lowest to highest of several fits" in labels
    low, high = display.ax_.get_ylim()
    assert low < 0.6 and high > 0.9 and display.ax_.get_xlim()[1] > 0.04


def test_bars_of_fits_without_regret_end_at_zero():
    never = [Report(0.5, 0.0), Report(0.7, 1e-17)]
    reports = {"some": [Report(0.5, 0.0), Report(0.6, 0.02)], "never": never, "one": never[0]}
    display = ComparisonDisplay.from_reports(reports).plot()
    across, up = bars(display)
    zero = display.ax_.get_xticks()[0]
    np.testing.assert_allclose(across[0], [zero, 0.02], rtol=1e-12)
    # Without regret in any fit, a bar in the column of zero is vertical.
    np.testing.assert_allclose(across[1], markers(display)[1].get_xdata()[[0, 0]], rtol=1e-12)
    np.testing.assert_allclose(up, [[0.5, 0.6], [0.5, 0.7]], rtol=1e-12)


def test_auctions_of_several_seeds_are_audited_each():
    V = valuations(2, 1)
    fits = [first_price_auction(2, 1), VCGAuction(2).fit(V)]
    together = ComparisonDisplay.from_estimators({"both": fits}, V, random_state=0)
    each = ComparisonDisplay.from_estimators(dict(enumerate(fits)), V, random_state=0)
    np.testing.assert_array_equal(together.revenue_ranges, [np.sort(each.revenues)])
    np.testing.assert_array_equal(together.regret_ranges, [np.sort(each.regrets)])
    assert not each.plot().ax_.containers, "single fits have no bars"


# All curves leave through the top; matplotlib's own labels cross the frame and the bounds.
STEEP = compare(
    [0.876, 0.875, 0.874, 0.88, 0.839, 0.879, 0.832, 0.868],
    [0, 0, 0, 2.2e-4, 0, 4.9e-4, 0, 2e-3],
    RevenueBounds({"a": 0.8765}, {"b": 0.8824}),
)


@pytest.mark.parametrize("comparison", [EIGHT, STEEP])
def test_labels_of_curves_are_away_from_markers_bounds_and_the_frame(comparison):
    display = comparison.plot()
    display.figure_.canvas.draw()
    frame = display.ax_.get_window_extent()
    boxes = [text.get_window_extent() for text in display.ax_.texts]
    places = display.ax_.transData.transform([line.get_xydata()[0] for line in markers(display)])
    for box in boxes:
        assert frame.contains(*box.min) and frame.contains(*box.max)
        assert not box.count_contains(places)
        for line in display.ax_.lines[8:]:
            assert (
                not box.y0 < display.ax_.transData.transform((1, line.get_ydata()[0]))[1] < box.y1
            )
        assert box.count_overlaps(boxes) == 1, "a label overlaps itself only"


def test_zero_regret_has_a_column_in_which_markers_do_not_overlap():
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


def test_curves_have_the_score_of_their_label():
    display = EIGHT.plot()
    (curves,) = (part for part in display.ax_.collections if isinstance(part, ContourSet))
    for score, path in zip(curves.levels, curves.get_paths(), strict=True):
        regrets, revenues = path.vertices.T
        # Contours are interpolated linearly between points of a grid.
        np.testing.assert_allclose(np.sqrt(revenues) - np.sqrt(regrets), score, atol=1e-3)
    shown = {text.get_text() for text in display.ax_.texts}
    assert len(shown) > 3 and shown <= {f"{score:g}" for score in curves.levels}


@pytest.mark.parametrize("size", [(5.2, 5.0), (3.4, 3.8)])
def test_legend_is_inside_the_figure_and_below_the_axis_label(size):
    figure, ax = plt.subplots(figsize=size, layout="constrained")
    display = EIGHT.plot(ax)
    figure.canvas.draw()
    legend, label = (part.get_window_extent() for part in (ax.get_legend(), ax.xaxis.label))
    assert legend.y1 < label.y0
    assert figure.bbox.contains(*legend.min) and figure.bbox.contains(*legend.max)
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts[:8] == list(display.names)
    styles = [line.get_marker() for line in markers(display)]
    assert len(set(styles)) == 8, "markers must differ without colour"


def test_bounds_are_lines_with_labels():
    display = EIGHT.plot()
    heights = {line.get_label(): line.get_ydata()[0] for line in display.ax_.lines[8:]}
    assert heights == {"optimum at most 0.93": 0.93, "optimum at least 0.81": 0.81}
    upper, lower = display.ax_.lines[8:]
    assert upper.get_linestyle() != lower.get_linestyle()
    known = compare([0.5, 0.6], [0, 0.1], RevenueBounds({"a": 0.6}, {"b": 0.6})).plot()
    assert [line.get_label() for line in known.ax_.lines[2:]] == ["optimum 0.6"]


@pytest.mark.parametrize(
    "revenues, regrets", [([0.5], [0.0]), ([0.0, 0.0], [0.0, 0.0]), ([0.1], [0.4]), ([7e4], [3e-2])]
)
def test_few_or_extreme_points_are_drawn(revenues, regrets):
    display = compare(revenues, regrets).plot()
    display.figure_.canvas.draw()
    assert len(markers(display)) == len(revenues)


def test_a_comparison_can_be_part_of_a_figure_with_subfigures():
    figure = plt.figure(layout="constrained")
    left, _ = figure.subfigures(1, 2)
    assert EIGHT.plot(left.subplots()).figure_ is left
    figure.canvas.draw()


def test_invalid_comparisons_raise():
    V = valuations(2, 1)
    auction = VCGAuction(2).fit(V)
    report = measure_regret(auction, V, effort="quick", random_state=0)
    for given in ({}, [report], {"VCG": auction}):
        with pytest.raises(ValueError, match="reports must be a dict of at least one RegretReport"):
            ComparisonDisplay.from_reports(given)
    for given in ({}, [auction], {"VCG": report}, {"VCG": VCGAuction(2)}):
        with pytest.raises(ValueError, match="auctions must be a dict of at least one fitted"):
            ComparisonDisplay.from_estimators(given, V)
    with pytest.raises(ValueError, match="got an empty list for 'VCG'"):
        ComparisonDisplay.from_reports({"VCG": []})
    with pytest.raises(ValueError, match="got VCGAuction for 'VCG'"):
        ComparisonDisplay.from_reports({"VCG": [report, auction]})
    with pytest.raises(ValueError, match=r"bounds must be RevenueBounds.* or None; got 0.5"):
        ComparisonDisplay.from_reports({"VCG": report}, bounds=0.5)
