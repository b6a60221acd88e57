"""ComparisonDisplay: auctions by what they earn and by the regret that was found."""

from numbers import Real

import numpy as np

from sklauction.audit.measure import measure_regret
from sklauction.economics import auction_score
from sklauction.plotting.canvas import take_axes
from sklauction.plotting.labels import LabelPlacer
from sklauction.utils.validation import check_number

__all__ = ["ComparisonDisplay"]

# Regret below this share of the largest revenue is rounding, and drawn as 0.
ROUNDING = 1e-9
# Width of the column of zero regret, in widths of the scale beside it; half of it lies between.
COLUMN = 0.4
# Size of a marker, in points of 1/72 inch.
MARKER = 7
MARKERS = "osD^vPX*<>"
# Told apart by colour-blind eyes; markers and names tell the points apart without colour.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
CURVES = 6
# Bounds nearer than this, relatively, are one line.
SAME = 1e-6
# What is read of a report.
READ = ("revenue", "total_regret")


class ComparisonDisplay:
    """Revenue of several auctions against the total regret found, with lines of equal score.

    Regret zero has a column of its own at the left of the logarithmic scale. Made by
    :meth:`from_reports` or :meth:`from_estimators`.

    Parameters
    ----------
    names : sequence of str of length n_auctions
        What the points are called.
    revenues : ndarray of shape (n_auctions,)
        Mean total payment per profile, in money.
    regrets : ndarray of shape (n_auctions,)
        Mean total regret found per profile, in money: a lower bound.
    bounds : RevenueBounds, default=None
        What the best truthful auction earns, at least and at most, in money.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`.
    ax_ : matplotlib.axes.Axes
        After :meth:`plot`.

    See Also
    --------
    sklauction.optimal_revenue_bounds : Makes the bounds.
    RegretDisplay : Where the regret of one auction is.

    Notes
    -----
    Auctions on one curve have the same score ``c = sqrt(P) - sqrt(R)``, so
    ``P = (c + sqrt(R))**2``. An auction with regret may earn more than any truthful one.

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

    def __init__(self, names, revenues, regrets, bounds=None):
        self.names = names
        self.revenues = revenues
        self.regrets = regrets
        self.bounds = bounds

    @classmethod
    def from_reports(cls, reports, *, bounds=None):
        """Read audits that were made before.

        Parameters
        ----------
        reports : dict of {str: RegretReport}
            By name, on the same profiles or profiles of one prior.
        bounds : RevenueBounds, default=None
            What the best truthful auction earns, at least and at most, in money.

        Returns
        -------
        ComparisonDisplay

        Raises
        ------
        ValueError
            If an argument is not as described.
        """
        _check_named(reports, "reports", READ, "RegretReport")
        _check_bounds(bounds)
        figures = [
            [check_number(getattr(report, field), f"{field} of reports") for field in READ]
            for report in reports.values()
        ]
        return cls(tuple(reports), *np.transpose(figures), bounds)

    @classmethod
    def from_estimators(cls, auctions, X, *, bounds=None, effort="quick", random_state=None):
        """Audit fitted auctions on the same profiles.

        Parameters
        ----------
        auctions : dict of {str: auction estimator}
            Fitted, by name.
        X : array-like of shape (n_samples, n_bidders, n_items) or flat
            True valuations that no auction was fitted on, in money.
        bounds : RevenueBounds, default=None
            What the best truthful auction earns, at least and at most, in money.
        effort : {"quick", "default", "thorough"} or int, default="quick"
            How hard the audits search; see :func:`~sklauction.measure_regret`.
        random_state : int, RandomState instance or None, default=None
            Seed of the search, the same for every auction if it is an integer.

        Returns
        -------
        ComparisonDisplay

        Raises
        ------
        ValueError
            If an argument is not as described.
        """
        _check_named(auctions, "auctions", ("predict", "support_"), "fitted auction")
        _check_bounds(bounds)
        search = {"effort": effort, "random_state": random_state}
        reports = {name: measure_regret(auction, X, **search) for name, auction in auctions.items()}
        return cls.from_reports(reports, bounds=bounds)

    def plot(self, ax=None):
        """Draw the auctions as named points.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            None makes a figure.

        Returns
        -------
        self
        """
        ax = take_axes(ax, figsize=(5.2, 4.2))
        self.ax_, self.figure_ = ax, ax.figure
        zero, edge, floor, most = self._scale()
        self._set_axes(zero, edge, floor, most)
        texts = self._draw_bounds()
        # Names are placed by the size that the axes have once all around them has its room.
        layout = self.figure_.get_layout_engine()
        if layout is not None:
            layout.execute(self.figure_.figure)  # of a subfigure, the whole one
        points = self._draw_points(zero, edge)
        levels = () if self.bounds is None else (self.bounds.lower, self.bounds.upper)
        placer = LabelPlacer(ax, points, texts, levels)
        placer.name_points(self.names)
        self._draw_curves(edge, most, placer)
        return self

    def _scale(self):
        """Return where zero is drawn, its column ends, the scale begins, and it ends."""
        found = self.regrets[self._found()]
        if not len(found):
            found = np.array([1e-3]) * (np.abs(self.revenues).max() or 1.0)
        floor = 10.0 ** np.floor(np.log10(found.min()))
        most = max(10.0 ** (np.log10(found.max()) + 0.5), 100 * floor)
        half = (most / floor) ** (COLUMN / 2)
        return floor / half**2, floor / half, floor, most

    def _set_axes(self, zero, edge, floor, most):
        """Set scales, limits and labels, and cut the column of zero regret off."""
        ax, bounds = self.ax_, self.bounds
        shown = [*self.revenues, *([] if bounds is None else [bounds.lower, bounds.upper])]
        low, high = min(shown), max(shown)
        margin = 0.12 * (high - low) or 0.1 * abs(high) or 1.0
        ax.set_xscale("log")
        ax.set(
            xlim=(zero**2 / edge, most),
            ylim=(low - margin, high + margin),
            xlabel="total regret found (lower bound), money",
            ylabel="revenue, money",
        )
        decades = np.arange(round(np.log10(floor)), np.log10(most) + 1e-9).astype(int)
        step = -(-len(decades) // 6)
        ticks = [f"$10^{{{power}}}$" for power in decades[::step]]
        ax.set_xticks([zero, *(10.0 ** decades[::step])], ["0", *ticks])
        ax.set_xticks([], minor=True)
        ax.axvspan(zero**2 / edge, edge, color="0.94", zorder=0)
        score = r"grey: equal score $\sqrt{P} - \sqrt{R}$, in $\sqrt{\mathrm{money}}$"
        ax.set_title(score, fontsize=9)

    def _draw_points(self, zero, edge):
        """Draw the auctions, and return where."""
        points = np.column_stack([self.regrets, self.revenues])
        points[~self._found(), 0] = zero
        self._set_apart(points, zero, edge)
        for row, point in enumerate(points):
            look = {"color": COLORS[row % len(COLORS)], "mec": "black", "mew": 0.6, "ms": MARKER}
            marker = MARKERS[row % len(MARKERS)]
            self.ax_.plot(*point, marker, zorder=3, label=self.names[row], **look)
        return points

    def _set_apart(self, points, zero, edge):
        """Move points of zero regret sideways within their column where they would overlap."""
        to_pixels, size = self.ax_.transData.transform, (MARKER + 2) * self.figure_.dpi / 72
        middle, right = to_pixels([(zero, 0.5), (edge, 0.5)])[:, 0]
        reach = int((right - middle - size / 2) // size)
        taken = []
        for row in np.flatnonzero(~self._found()):
            height = to_pixels(points[row])[1]
            near = {slot for slot, other in taken if abs(height - other) < size}
            free = [slot for slot in sorted(range(-reach, reach + 1), key=abs) if slot not in near]
            taken.append((free[0] if free else 0, height))
            points[row, 0] *= (edge / zero) ** (taken[-1][0] * size / (right - middle))

    def _found(self):
        """Say in which auctions regret was found that is not rounding."""
        return self.regrets > ROUNDING * max(self.revenues.max(), 0.0)

    def _draw_bounds(self):
        """Draw what the best truthful auction earns as lines, and return their texts."""
        if self.bounds is None:
            return []
        lower, upper = self.bounds.lower, self.bounds.upper
        if upper - lower <= SAME * upper:
            lines = [(upper, "-", f"no truthful auction earns more than {upper:.4g}", "bottom")]
        else:
            self.ax_.axhspan(lower, upper, color="C0", alpha=0.12, lw=0, zorder=0.5)
            lines = [
                (upper, "-", f"no truthful auction earns more than {upper:.4g}", "bottom"),
                (lower, "--", f"known to be attainable: {lower:.4g}", "top"),
            ]
        texts = []
        for revenue, style, text, side in lines:
            self.ax_.axhline(revenue, color="black", ls=style, lw=1, zorder=1)
            texts.append(
                self.ax_.annotate(
                    text,
                    (0.99, revenue),
                    xycoords=("axes fraction", "data"),
                    xytext=(0, 2 if side == "bottom" else -2),
                    textcoords="offset points",
                    ha="right",
                    va=side,
                    fontsize=7.5,
                )
            )
        return texts

    def _draw_curves(self, edge, most, placer):
        """Draw lines of equal score over regret from an edge on, and in the column of zero."""
        from matplotlib.ticker import MaxNLocator

        ax, style = self.ax_, {"color": "0.6", "lw": 0.7, "zorder": 1}
        scores = [auction_score(*pair) for pair in zip(self.revenues, self.regrets)]
        margin = 0.2 * np.ptp(scores) or 0.05 * abs(scores[0]) or 0.1
        low, high = ax.get_ylim()
        roots = np.sqrt(np.geomspace(edge, most, 400))
        for score in MaxNLocator(CURVES).tick_values(min(scores) - margin, max(scores) + margin):
            regrets, curve = roots**2, (score + roots) ** 2
            shown = (roots >= -score) & (curve > low) & (curve < high)
            if score > 0:
                ax.hlines(score**2, ax.get_xlim()[0], edge, **style)
            if shown.any():
                ax.plot(regrets[shown], curve[shown], label=f"_score {score:g}", **style)
                placer.name_curve(regrets[shown], curve[shown], f"{score:.6g}", color="0.35")


def _check_named(given, name, needed, kind):
    """Raise ValueError unless there are objects of a kind by name."""
    expected = f"{name} must be a dict of at least one {kind} by name"
    if not isinstance(given, dict) or not given:
        raise ValueError(f"{expected}; got {given!r}")
    for key, value in given.items():
        if isinstance(value, type) or not all(hasattr(value, one) for one in needed):
            raise ValueError(f"{expected}; got {type(value).__name__} for {key!r}")


def _check_bounds(bounds):
    """Raise ValueError unless these are bounds of revenue, or None."""
    if bounds is None:
        return
    # A text has lower and upper, too.
    ends = [getattr(bounds, name, None) for name in ("lower", "upper")]
    if not all(isinstance(end, Real) for end in ends):
        raise ValueError(
            f"bounds must be RevenueBounds, from optimal_revenue_bounds, or None; got {bounds!r}"
        )
