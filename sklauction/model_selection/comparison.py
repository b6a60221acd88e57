"""ComparisonDisplay: revenue and regret of several auctions."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any, Self

import numpy as np

from sklauction.audit.measure import measure_regret
from sklauction.bounds.result import RevenueBounds
from sklauction.domains.auctions import ADDITIVE
from sklauction.domains.base import Domain
from sklauction.plotting.canvas import Display, free_spots, members, with_unit
from sklauction.utils.types import Axes, Effort, Estimator, Profiles, Seed
from sklauction.utils.validation import check_number

__all__ = ["ComparisonDisplay"]

# Regret below this share of the largest revenue is rounding error, and drawn as 0.
ROUNDING = 1e-9
# Width of the column of zero regret, as a share of the logarithmic scale.
COLUMN = 0.4
# Markers differ without colour; the colours are safe for colour-blind readers.
MARKERS = "osD^vPX*<>"
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
# Approximate number of curves of equal score.
CURVES = 6
# Most labelled decades of regret.
MOST_TICKS = 6
# Bounds are drawn as one line if they differ by less than this share.
SAME = 1e-6
# Attributes of a report that are compared.
COMPARED = ("objective", "total_regret")


class ComparisonDisplay(Display):
    """Revenue against total regret of several auctions, with curves of equal score.

    The regret axis is logarithmic; auctions without regret are in a column at its left. Several
    fits of one auction, with different seeds, are one point: their mean, with bars from the lowest
    to the highest. Create it with :meth:`from_reports` or :meth:`from_estimators`.

    Parameters
    ----------
    names : sequence of str of length n_auctions
        Names of the auctions, for the legend.
    revenues : ndarray of shape (n_auctions,)
        Mean total payment per profile, in money.
    regrets : ndarray of shape (n_auctions,)
        Mean total regret found per profile, in money: a lower bound.
    bounds : RevenueBounds, default=None
        Bounds of the optimal revenue of truthful auctions, in money.
    domain : Domain
        By default that of auctions. In other domains, the objective takes the place of revenue.
    revenue_ranges, regret_ranges : ndarray of shape (n_auctions, 2), default=None
        Lowest and highest revenue and total regret of the fits of each auction, in money: the ends
        of the bars. None draws no bars.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        Figure drawn by :meth:`plot`.
    ax_ : matplotlib.axes.Axes
        Axes drawn by :meth:`plot`.

    See Also
    --------
    sklauction.optimal_revenue_bounds : Computes the bounds.
    RegretDisplay : The regret of one auction by valuation.

    Notes
    -----
    Auctions on one curve have the same score ``c = sqrt(P) - sqrt(R)``, that is
    ``P = (c + sqrt(R))**2``. The revenue of an auction with regret may exceed the optimum.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction import ComparisonDisplay, MyersonAuction, VCGAuction
    >>> V = np.random.default_rng(0).uniform(size=(500, 2, 1))
    >>> auctions = {
    ...     "Myerson": MyersonAuction(n_bidders=2).fit(V),
    ...     "VCG": VCGAuction(n_bidders=2).fit(V),
    ... }
    >>> display = ComparisonDisplay.from_estimators(auctions, V, random_state=0)
    >>> display.names, bool(display.revenues[0] > display.revenues[1])
    (('Myerson', 'VCG'), True)
    """

    names: tuple
    revenues: np.ndarray
    regrets: np.ndarray
    bounds: object = None
    domain: Domain = ADDITIVE
    revenue_ranges: np.ndarray = None
    regret_ranges: np.ndarray = None

    @classmethod
    def from_reports(
        cls, reports: Mapping[str, Any], *, bounds: RevenueBounds | None = None
    ) -> ComparisonDisplay:
        """Compare auctions by their audits.

        Parameters
        ----------
        reports : dict of {str: RegretReport}
            Reports by name, on the same profiles or on profiles of the same prior. A list of
            reports, or a dict of reports by seed, stands for several fits of one auction.
        bounds : RevenueBounds, default=None
            Bounds of the optimal revenue of truthful auctions, in money.

        Returns
        -------
        ComparisonDisplay

        Raises
        ------
        ValueError
            If ``reports`` or ``bounds`` is not as described.
        """
        groups = _check_named(reports, "reports", COMPARED, "RegretReport")
        _check_bounds(bounds)
        figures = [np.array([_figures(report) for report in group]) for group in groups.values()]
        domains = {type(one.domain): one.domain for group in groups.values() for one in group}
        if len(domains) > 1:
            raise ValueError(
                f"reports must be of one kind of mechanism; got {', '.join(map(repr, domains))}"
            )
        means = np.transpose([fits.mean(axis=0) for fits in figures])
        # The axes are: revenue and regret, auctions, ends.
        ranges = np.transpose([[fits.min(axis=0), fits.max(axis=0)] for fits in figures], (2, 0, 1))
        return cls(tuple(groups), *means, bounds, *domains.values(), *ranges)

    @classmethod
    def from_estimators(
        cls,
        auctions: Mapping[str, Estimator],
        X: Profiles,
        *,
        bounds: RevenueBounds | None = None,
        effort: Effort = "quick",
        random_state: Seed = None,
    ) -> ComparisonDisplay:
        """Audit fitted auctions on the same profiles.

        Parameters
        ----------
        auctions : dict of {str: auction estimator}
            Fitted auctions by name. A list of auctions, or a dict of auctions by seed, stands for
            several fits of one auction.
        X : array-like of shape (n_samples, n_bidders, n_items) or flat
            Valuations that no auction was fitted on, in money.
        bounds : RevenueBounds, default=None
            Bounds of the optimal revenue of truthful auctions, in money.
        effort : {"quick", "default", "thorough"} or int, default="quick"
            Effort of the audits; see :func:`~sklauction.measure_regret`.
        random_state : int, RandomState instance or None, default=None
            Seed of the audits. An integer is used for every auction.

        Returns
        -------
        ComparisonDisplay

        Raises
        ------
        ValueError
            If an argument is not as described.
        """
        groups = _check_named(auctions, "auctions", ("predict", "support_"), "fitted auction")
        _check_bounds(bounds)
        search: dict[str, Any] = {"effort": effort, "random_state": random_state}
        reports = {
            name: [measure_regret(auction, X, **search) for auction in group]
            for name, group in groups.items()
        }
        return cls.from_reports(reports, bounds=bounds)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw the auctions as points, with a legend below the axes.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        self
        """
        ax = self._take_axes(ax, (5.2, 5.0))
        tiny = ROUNDING * max(self.revenues.max(), 0.0)
        regrets = _with_ends(self.regrets, self.regret_ranges)
        left, zero, edge, right = self._set_regret_axis(regrets[regrets > tiny])
        self._set_revenue_axis()
        places = self._draw_points(self.regrets > tiny, left, edge)
        self._draw_bars(places, tiny, zero)
        self._draw_bounds()
        self._draw_scores(np.column_stack([places, self.revenues]), left, edge, right)
        unit, name = self.domain.unit, self.domain.objective_name
        regret = with_unit("total regret found (lower bound)", unit)
        ax.set(xlabel=regret, ylabel=with_unit(name, unit))
        # Padding in font sizes, so that the legend is below the label of the axis.
        below: dict[str, Any] = {
            "loc": "upper center",
            "bbox_to_anchor": (0.5, 0),
            "borderaxespad": 5,
        }
        ax.legend(ncols=2, fontsize=8, frameon=False, **below)
        return self

    def _set_regret_axis(self, positive):
        """Set scale and limits of regret for the positive values, and draw the column of zero.

        Return the left end, the middle and the right end of the column, and the right end of the
        axis.
        """
        if not len(positive):
            positive = np.array([1e-3]) * (np.abs(self.revenues).max() or 1.0)
        lowest = 10.0 ** np.floor(np.log10(positive.min()))
        right = max(10.0 ** (np.log10(positive.max()) + 0.5), 100 * lowest)
        half = (right / lowest) ** (COLUMN / 2)
        left, zero, edge = lowest / half**3, lowest / half**2, lowest / half
        powers = np.arange(round(np.log10(lowest)), np.log10(right) + 1e-9).astype(int)
        powers = powers[:: -(-len(powers) // MOST_TICKS)]
        labels = [f"$10^{{{power}}}$" for power in powers]
        self.ax_.set(xscale="log", xlim=(left, right))
        self.ax_.set_xticks([zero, *(10.0**powers)], ["0", *labels])
        self.ax_.set_xticks([], minor=True)
        self.ax_.axvspan(left, edge, color="0.94", zorder=0)
        return left, zero, edge, right

    def _set_revenue_axis(self):
        """Set the limits of revenue to show the auctions and the bounds."""
        bounds = self.bounds
        shown = [*_with_ends(self.revenues, self.revenue_ranges).ravel()]
        shown += [] if bounds is None else [bounds.lower, bounds.upper]
        margin = 0.12 * np.ptp(shown) or 0.1 * abs(shown[0]) or 1.0
        self.ax_.set_ylim(min(shown) - margin, max(shown) + margin)

    def _draw_points(self, positive, left, edge):
        """Draw the auctions, those without regret side by side in their column.

        Return where each is drawn on the axis of regret.
        """
        regrets, zeros = self.regrets.copy(), np.flatnonzero(~positive)
        regrets[zeros] = np.geomspace(left, edge, len(zeros) + 2)[1:-1]
        for row, name in enumerate(self.names):
            style = {"color": COLORS[row % len(COLORS)], "mec": "black", "mew": 0.6, "ms": 7}
            style |= {"marker": MARKERS[row % len(MARKERS)], "ls": "", "zorder": 3}
            self.ax_.plot(regrets[row], self.revenues[row], label=name, **style)
        return regrets

    def _draw_bars(self, places, tiny, zero):
        """Draw bars from the lowest to the highest of several fits; no regret is at ``zero``."""
        if self.revenue_ranges is None or self.regret_ranges is None:
            return
        regrets = np.where(self.regret_ranges > tiny, self.regret_ranges, zero)
        never = (self.regret_ranges <= tiny).all(axis=1)
        regrets[never] = places[never, None]
        bars = [regrets.T - places, self.revenue_ranges.T - self.revenues]
        rows = np.ptp(bars, axis=1).any(axis=0)
        if not rows.any():
            return
        style = {"fmt": "none", "ecolor": "black", "elinewidth": 1, "capsize": 3, "zorder": 2}
        across, up = np.abs(bars)[:, :, rows]
        label = "bars: lowest to highest of several fits"
        self.ax_.errorbar(places[rows], self.revenues[rows], up, across, label=label, **style)

    def _draw_bounds(self):
        """Draw the bounds of the optimal revenue as horizontal lines."""
        if self.bounds is None:
            return
        lower, upper = self.bounds.lower, self.bounds.upper
        style = {"color": "black", "lw": 1, "zorder": 1}
        if upper - lower <= SAME * upper:
            self.ax_.axhline(upper, label=f"optimum {upper:.4g}", **style)
            return
        self.ax_.axhspan(lower, upper, color="C0", alpha=0.12, lw=0, zorder=0.5)
        self.ax_.axhline(upper, label=f"optimum at most {upper:.4g}", **style)
        self.ax_.axhline(lower, label=f"optimum at least {lower:.4g}", ls="--", **style)

    def _draw_scores(self, points, left, edge, right):
        """Draw curves of equal score, and horizontal lines in the column of zero regret."""
        from matplotlib.ticker import MaxNLocator

        score, power = self.domain.score, self.domain.score_power
        scores = score(self.revenues, self.regrets)
        margin = 0.2 * np.ptp(scores) or 0.05 * abs(scores[0]) or 0.1
        levels = MaxNLocator(CURVES).tick_values(min(scores) - margin, max(scores) + margin)
        style = {"colors": "0.6", "linewidths": 0.7, "zorder": 1}
        label = with_unit("equal score", self.domain.score_unit, ", in ")
        # Without regret the score is the objective, or a root of it if it is positive.
        flat = levels if power == 1 else levels[levels > 0] ** (1 / power)
        self.ax_.hlines(flat, left, edge, label=label, **style)
        regrets = np.geomspace(edge, right, 200)
        revenues = np.linspace(*self.ax_.get_ylim(), 200)
        grid = score(revenues[:, None], regrets)
        levels = levels[(levels > grid.min()) & (levels < grid.max())]
        if len(levels):
            curves = self.ax_.contour(regrets, revenues, grid, levels, linestyles="solid", **style)
            lines = [] if self.bounds is None else [self.bounds.lower, self.bounds.upper]
            spots = free_spots(self.ax_, curves.get_paths(), points, edge, lines)
            self.ax_.clabel(curves, fmt="%g", fontsize=7, colors="0.35", manual=spots)


def _figures(report):
    """Return the revenue and the total regret of a report."""
    return [check_number(getattr(report, name), f"{name} of reports") for name in COMPARED]


def _with_ends(values, ranges):
    """Return the values and the ends of their bars, if there are any, as columns."""
    return np.column_stack([values] if ranges is None else [values, ranges])


def _check_named(given, name, attributes, kind):
    """Return the objects of each name as a list.

    Raise ValueError unless ``given`` is a non-empty dict of objects with the attributes, or of
    non-empty lists or dicts of such objects.
    """
    expected = f"{name} must be a dict of at least one {kind} by name, or of lists of them"
    if not isinstance(given, dict) or not given:
        raise ValueError(f"{expected}; got {given!r}")
    groups = {key: members(value) for key, value in given.items()}
    for key, group in groups.items():
        if not group:
            raise ValueError(f"{expected}; got an empty {type(given[key]).__name__} for {key!r}")
        for value in group:
            if isinstance(value, type) or not all(hasattr(value, one) for one in attributes):
                raise ValueError(f"{expected}; got {type(value).__name__} for {key!r}")
    return groups


def _check_bounds(bounds):
    """Raise ValueError unless ``bounds`` is None or has numbers ``lower`` and ``upper``."""
    ends = [getattr(bounds, name, None) for name in ("lower", "upper")]
    # A str has methods of these names.
    if bounds is not None and not all(isinstance(end, Real) for end in ends):
        raise ValueError(
            f"bounds must be RevenueBounds, from optimal_revenue_bounds, or None; got {bounds!r}"
        )
