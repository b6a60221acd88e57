"""RegretDisplay: where regret is, and how large."""

import numpy as np

from sklauction.plotting.canvas import take_axes
from sklauction.plotting.grid import check_items
from sklauction.utils.validation import check_below

__all__ = ["RegretDisplay"]

# Profiles for which an arrow leads from the truth to the misreport.
ARROWS = 15
# Smallest regret shown, relative to the largest.
DECADES = 1e-4


class RegretDisplay:
    """Where regret lives: how large it is in how many profiles, and at which valuations.

    Made by :meth:`from_report` or ``report.plot()``.

    Parameters
    ----------
    regrets : ndarray of shape (n_samples, n_bidders)
        Ex-post regret found, in money.
    values : ndarray of shape (n_samples, n_items_shown)
        True values of the shown bidder for the one or two items shown, in money.
    misreports : ndarray of shape (n_samples, n_items_shown)
        Reports that attain the regret.
    bidder : int
        The bidder shown.
    items : tuple of int
        The items shown.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`.
    axes_ : tuple of two matplotlib.axes.Axes
        After :meth:`plot`.

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

    def __init__(self, regrets, values, misreports, bidder, items):
        self.regrets = regrets
        self.values = values
        self.misreports = misreports
        self.bidder = bidder
        self.items = items

    @classmethod
    def from_report(cls, report, *, bidder=None, items=(0, 1)):
        """Choose what to show of an audit.

        Parameters
        ----------
        report : RegretReport
            Made by :func:`~sklauction.measure_regret`.
        bidder : int, default=None
            Whose regret is shown over its values; None takes the one with the largest.
        items : tuple of one or two int, default=(0, 1)
            Items whose values are the axes; of one item only the first is used.

        Returns
        -------
        RegretDisplay

        Raises
        ------
        ValueError
            If ``bidder`` or ``items`` do not fit the report.
        """
        if np.ndim(getattr(report, "valuations", None)) != 3 or not hasattr(report, "regrets"):
            raise ValueError(f"report must be a RegretReport, of measure_regret; got {report!r}")
        _, n_bidders, n_items = report.valuations.shape
        if bidder is None:
            bidder = int(report.regrets.sum(axis=0).argmax())
        check_below(bidder, "bidder", n_bidders)
        items = check_items(items, n_items)
        shown = [array[:, bidder][:, items] for array in (report.valuations, report.misreports)]
        return cls(report.regrets, *shown, bidder, items)

    def plot(self, axes=None):
        """Draw both panels.

        Parameters
        ----------
        axes : sequence of two matplotlib.axes.Axes, default=None
            None makes a figure.

        Returns
        -------
        self
        """
        axes = take_axes(axes, 1, 2, figsize=(9.5, 3.8))
        self.axes_ = tuple(axes)
        self.figure_ = self.axes_[0].figure
        self._draw_sizes(self.axes_[0])
        self._draw_places(self.axes_[1])
        return self

    def _draw_sizes(self, ax):
        """Draw the share of profiles whose regret is above each size."""
        share = 1.0 - np.arange(len(self.regrets)) / len(self.regrets)
        largest = self.regrets.max()
        styles = ("-", "--", "-.", ":")
        if largest > 0:
            for bidder, regrets in enumerate(self.regrets.T):
                style = styles[bidder % 4]
                ax.step(np.sort(regrets), share, style, where="pre", label=f"bidder {bidder}")
            ax.set_xscale("log")
            ax.set_xlim(DECADES * largest, largest * 1.3)
            ax.legend(frameon=False)
        else:
            ax.text(0.5, 0.5, "no profitable misreport found", ha="center", transform=ax.transAxes)
        ax.set(
            ylim=(0, 1.02),
            xlabel="regret (lower bound), money",
            ylabel="share of profiles at or above",
            title=f"How large: total {self.regrets.sum(axis=1).mean():.3g} per profile",
        )

    def _draw_places(self, ax):
        """Draw one bidder's regret over its values, with arrows to the worst misreports."""
        regret = self.regrets[:, self.bidder]
        order = np.argsort(regret)
        worst = [row for row in order[-ARROWS:] if regret[row] > 0]
        names = [f"bidder {self.bidder}'s value for item {item}, money" for item in self.items]
        # The largest are the darkest.
        look = {"c": regret[order], "s": 10, "cmap": "viridis_r"}
        if len(self.items) == 1:
            ax.scatter(self.values[order, 0], regret[order], **look)
            ax.set_ylabel("regret (lower bound), money")
            starts = np.column_stack([self.values[worst, 0], regret[worst]])
            ends = np.column_stack([self.misreports[worst, 0], regret[worst]])
        else:
            points = ax.scatter(*self.values[order].T, **look)
            ax.figure.colorbar(points, ax=ax, label="regret (lower bound), money")
            ax.set_ylabel(names[1])
            starts, ends = self.values[worst], self.misreports[worst]
        for start, end in zip(starts, ends, strict=True):
            style = {"arrowstyle": "->", "color": "tab:red", "lw": 0.8, "shrinkA": 0, "shrinkB": 0}
            ax.annotate("", xy=end, xytext=start, arrowprops=style)
        ax.set_xlabel(names[0])
        ax.set_title("Where: arrows lead from truth to lie" if worst else "Where")
