"""PaymentDisplay: what a bidder pays, over two values."""

import numpy as np

from sklauction.plotting.canvas import draw_shades, take_axes
from sklauction.plotting.grid import make_grid, middle_of, outline

__all__ = ["PaymentDisplay"]

# Different payments up to which the lines are where they change; more are contoured.
FEW = 12
# Payments nearer than this share of the largest are the same.
SAME = 1e-3
# Smallest share of the picture that a region must cover to carry its payment, without and with
# contours, which say it as well.
SMALLEST_LABELLED, SMALLEST_CONTOURED = 0.02, 0.06
CONTOURS = 6


class PaymentDisplay:
    """What a bidder pays, over two values, all else being fixed.

    Made by :meth:`from_estimator`.

    Parameters
    ----------
    values : tuple of one or two ndarray of shape (n_points,)
        Values along the axes, in money.
    payments : ndarray of shape (n_points, n_points), or (n_points,) over one value
        Payment of the bidder, in money; the first value varies along the last axis.
    bidder : int
        Who pays.
    labels : tuple of str
        Of the axes.
    fixed : str, default=""
        What all other values are, for the title.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`.
    ax_ : matplotlib.axes.Axes
        After :meth:`plot`.

    See Also
    --------
    AllocationDisplay : What the bidder gets at the same profiles.

    Examples
    --------
    >>> from sklauction import MyersonAuction, PaymentDisplay
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(500, n_bidders=2, n_items=1, random_state=0)
    >>> auction = MyersonAuction(n_bidders=2).fit(V)
    >>> display = PaymentDisplay.from_estimator(auction)
    >>> display.payments.shape, display.labels[1]
    ((101, 101), "bidder 1's bid on item 0, money")
    """

    def __init__(self, values, payments, bidder, labels, fixed=""):
        self.values = values
        self.payments = payments
        self.bidder = bidder
        self.labels = labels
        self.fixed = fixed

    @classmethod
    def from_estimator(
        cls, auction, *, bidder=0, items=(0, 1), opponent=None, bids=None, n_points=101
    ):
        """Run a fitted auction over a grid of values.

        Parameters
        ----------
        auction : auction estimator
            Fitted.
        bidder : int, default=0
            Who pays.
        items : tuple of one or two int, default=(0, 1)
            Items whose values by the bidder are the axes, over their support. With one item,
            or in an auction of one, the axes are the bidder's value and the opponent's bid.
        opponent : int, default=None
            Whose bid is the second axis, if ``items`` leaves room for it; None takes the first
            other bidder.
        bids : array-like of shape (n_bidders, n_items), default=None
            All other values, in money; None takes the middle of the support.
        n_points : int, default=101
            Values along each axis.

        Returns
        -------
        PaymentDisplay

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If an argument does not fit the auction.
        """
        grid = make_grid(auction, bidder, items, opponent, bids, n_points)
        payments = auction.predict(grid.profiles).payments[:, bidder].reshape(grid.shape)
        return cls(grid.values, payments, bidder, grid.labels, grid.fixed)

    def plot(self, ax=None, *, colorbar=True):
        """Draw the payments, with lines where they change and numbers that say how large.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            None makes a figure.
        colorbar : bool, default=True
            Whether a bar tells the payments of the colours.

        Returns
        -------
        self
        """
        ax = take_axes(ax, figsize=(4.8, 4.0))
        self.ax_, self.figure_ = ax, ax.figure
        meaning = f"payment of bidder {self.bidder}, money"
        low, top = min(self.payments.min(), 0.0), max(self.payments.max(), 0.0)
        top = top if low < top else 1.0
        draw_shades(ax, self.values, self.payments, self.labels, meaning, low, top, colorbar)
        if len(self.values) == 1:
            ax.set_ylim(low, None)
        else:
            self._draw_numbers(low, top)
        ax.set_title(self.fixed, fontsize=9)
        return self

    def _draw_numbers(self, low, top):
        """Write payments on contour lines and into regions of one payment each."""
        from matplotlib.patheffects import withStroke
        from matplotlib.ticker import MaxNLocator
        from scipy.ndimage import label

        ax, same = self.ax_, np.round(self.payments / (SAME * (top - low)))
        steps, regions = np.unique(same, return_inverse=True)
        regions = regions.reshape(same.shape)
        texts, smallest = [], SMALLEST_LABELLED
        if len(steps) <= FEW:
            outline(ax, self.values, regions, [{"color": "white", "lw": 0.8}])
        else:
            smallest = SMALLEST_CONTOURED
            levels = MaxNLocator(CONTOURS).tick_values(low, top)
            jumps = _beside_jumps(self.payments, levels[1] - levels[0])
            levels = levels[(levels > low) & (levels < top)]
            smooth = np.ma.masked_where(jumps, self.payments)
            lines = ax.contour(*self.values, smooth, levels, colors="white", linewidths=0.8)
            texts += ax.clabel(lines, fontsize=8, colors="black")
        shares = np.bincount(regions.ravel()) / regions.size
        for region in np.flatnonzero(shares >= smallest):
            parts, n_parts = label(regions == region)
            for part in range(1, n_parts + 1):
                inside = parts == part
                if inside.mean() >= smallest:
                    down, along = middle_of(inside)
                    place = self.values[0][along], self.values[1][down]
                    text = f"{self.payments[inside].mean() if steps[region] else 0:.3g}"
                    texts.append(ax.text(*place, text, ha="center", va="center", fontsize=8))
        for text in texts:
            text.set_path_effects([withStroke(linewidth=2, foreground="white")])


def _beside_jumps(payments, step):
    """Say which points have a neighbour whose payment is further away than a step."""
    beside = np.zeros(payments.shape, dtype=bool)
    down, along = (np.abs(np.diff(payments, axis=axis)) > step for axis in (0, 1))
    for part in (beside[1:], beside[:-1]):
        part |= down
    for part in (beside[:, 1:], beside[:, :-1]):
        part |= along
    return beside
