"""RegretDisplay: the size of the regret found by an audit, and where it is found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from sklauction.domains.auctions import ADDITIVE
from sklauction.domains.base import Domain
from sklauction.plotting.canvas import LINE_STYLES, Display, Names, with_unit
from sklauction.plotting.grid import check_items
from sklauction.utils.types import Axes, Record
from sklauction.utils.validation import check_below

__all__ = ["RegretDisplay"]

# Number of profiles with an arrow from the true values to the misreport.
ARROWS = 15
# Smallest regret shown, as a share of the largest.
SMALLEST_SHOWN = 1e-4


class RegretDisplay(Display):
    """The distribution of regret over profiles, and one bidder's regret at each valuation.

    In other domains, agents take the place of bidders, and entries of reports that of items. Create
    it with :meth:`from_report` or ``report.plot()``.

    Parameters
    ----------
    regrets : ndarray of shape (n_samples, n_bidders)
        Ex-post regret found, in money.
    values : ndarray of shape (n_samples, n_items_shown)
        True values of the bidder for the items shown, in money.
    misreports : ndarray of shape (n_samples, n_items_shown)
        Misreports that attain the regret, in money.
    bidder : int
        Bidder shown.
    items : tuple of one or two int
        Items shown.
    domain : Domain
        By default that of auctions.
    names : Names
        Names of agents and entries; numbers by default.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        Figure drawn by :meth:`plot`.
    axes_ : tuple of two matplotlib.axes.Axes
        Axes drawn by :meth:`plot`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction import RegretDisplay, measure_regret
    >>> def first_price(bids):
    ...     wins = np.eye(bids.shape[1])[bids.argmax(axis=1)].swapaxes(1, 2)
    ...     return wins, (wins * bids).sum(axis=2)
    >>> V = np.random.default_rng(0).uniform(size=(100, 2, 2))
    >>> report = measure_regret(first_price, V, effort="quick", random_state=0)
    >>> display = RegretDisplay.from_report(report, bidder=0)
    >>> display.values.shape
    (100, 2)
    """

    regrets: np.ndarray
    values: np.ndarray
    misreports: np.ndarray
    bidder: int
    items: tuple
    domain: Domain = ADDITIVE
    names: Names = Names()

    @classmethod
    def from_report(
        cls, report: Record, *, bidder: int | None = None, items: Sequence[int] = (0, 1)
    ) -> RegretDisplay:
        """Select a bidder and items of a report.

        Parameters
        ----------
        report : RegretReport
            Report of :func:`~sklauction.measure_regret`.
        bidder : int, default=None
            Bidder whose regret is shown over its values; None is the one with the most regret.
        items : tuple of one or two int, default=(0, 1)
            Items whose values are shown; only the first if the auction has one item.

        Returns
        -------
        RegretDisplay

        Raises
        ------
        ValueError
            If ``bidder`` or ``items`` do not fit the report.
        """
        if np.ndim(getattr(report, "types", ())) != 3 or not hasattr(report, "regrets"):
            raise ValueError(f"report must be a RegretReport; got {report!r}")
        _, n_bidders, n_items = report.types.shape
        if bidder is None:
            bidder = int(report.regrets.sum(axis=0).argmax())
        check_below(bidder, "bidder", n_bidders)
        items = check_items(items, n_items)
        shown = [array[:, bidder][:, items] for array in (report.types, report.misreports)]
        names = Names(*(getattr(report, "names", None) or ()))
        return cls(report.regrets, *shown, bidder, items, report.domain, names)

    def plot(self, axes: Sequence[Axes] | None = None) -> Self:
        """Draw both panels.

        Parameters
        ----------
        axes : sequence of two matplotlib.axes.Axes, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        self
        """
        self.axes_ = self._take_panels(axes, 1, 2, figsize=(9.5, 3.8))
        self._draw_distribution(self.axes_[0])
        self._draw_valuations(self.axes_[1])
        return self

    def _draw_distribution(self, ax):
        """Draw the share of profiles with at least each regret."""
        share = 1.0 - np.arange(len(self.regrets)) / len(self.regrets)
        largest = self.regrets.max()
        if largest > 0:
            for bidder, regrets in enumerate(self.regrets.T):
                label, style = self.names.agent(bidder, self.domain), LINE_STYLES[bidder % 4]
                ax.step(np.sort(regrets), share, style, where="pre", label=label)
            ax.set(xscale="log", xlim=(SMALLEST_SHOWN * largest, largest * 1.3))
            ax.legend(frameon=False)
        else:
            ax.text(0.5, 0.5, "no profitable misreport found", ha="center", transform=ax.transAxes)
        ax.set(
            ylim=(0, 1.02),
            xlabel=with_unit("regret (lower bound)", self.domain.unit),
            ylabel="share of profiles at or above",
            title=f"Total regret {self.regrets.sum(axis=1).mean():.3g} per profile",
        )

    def _draw_valuations(self, ax):
        """Draw one bidder's regret over its values, with arrows to the worst misreports."""
        regret = self.regrets[:, self.bidder]
        order = np.argsort(regret)
        worst = [row for row in order[-ARROWS:] if regret[row] > 0]
        quantity = with_unit("regret (lower bound)", self.domain.unit)
        labels = [self.names.label(self.bidder, item, self.domain) for item in self.items]
        labels.append(quantity)
        # Over one value, regret is the second axis.
        true, reported = (
            np.column_stack([values, regret])[:, :2] for values in (self.values, self.misreports)
        )
        points = ax.scatter(*true[order].T, c=regret[order], s=10, cmap="viridis_r")
        if len(self.items) == 2:
            ax.figure.colorbar(points, ax=ax, label=quantity)
        for start, end in zip(true[worst], reported[worst]):
            style = {"arrowstyle": "->", "color": "tab:red", "lw": 0.8, "shrinkA": 0, "shrinkB": 0}
            ax.annotate("", xy=end, xytext=start, arrowprops=style)
        title = "Arrows: from true values to misreport" if worst else "Regret by valuation"
        ax.set(xlabel=labels[0], ylabel=labels[1], title=title)
