"""PaymentDisplay: the payment of a bidder, over two values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from sklauction.plotting.canvas import Display, Names, draw_shades, white_outline
from sklauction.plotting.grid import make_grid, outline, write_inside
from sklauction.utils.types import ArrayLike, Axes, Estimator

__all__ = ["PaymentDisplay"]

# With at most this many different payments, region boundaries are drawn; with more, contours.
FEW = 12
# Payments are equal if they differ by less than this share of their range.
SAME = 1e-3
# Smallest region labelled with its payment, as a share of the axes, without and with contours.
SMALLEST_LABELLED, SMALLEST_CONTOURED = 0.02, 0.06
CONTOURS = 6


class PaymentDisplay(Display):
    """The payment of a bidder, as a function of two values.

    Create it with :meth:`from_estimator`.

    Parameters
    ----------
    values : tuple of one or two ndarray of shape (n_points,)
        Values along the axes, in money.
    payments : ndarray of shape (n_points, n_points), or (n_points,) over one value
        Payment of the bidder, in money. The first value varies along the last axis.
    bidder : int
        Bidder shown.
    labels : tuple of str
        Axis labels.
    fixed : str, default=""
        Description of the fixed bids, for the title.
    names : Names
        Names of bidders and items; numbers by default.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        Figure drawn by :meth:`plot`.
    ax_ : matplotlib.axes.Axes
        Axes drawn by :meth:`plot`.

    See Also
    --------
    AllocationDisplay : The allocation of the bidder at the same profiles.

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

    values: tuple
    payments: np.ndarray
    bidder: int
    labels: tuple
    fixed: str = ""
    names: Names = Names()

    @classmethod
    def from_estimator(
        cls,
        auction: Estimator,
        *,
        bidder: int = 0,
        items: Sequence[int] = (0, 1),
        opponent: int | None = None,
        bids: ArrayLike | None = None,
        n_points: int = 101,
    ) -> PaymentDisplay:
        """Evaluate a fitted auction on a grid of values.

        Parameters
        ----------
        auction : auction estimator
            Fitted auction.
        bidder : int, default=0
            Bidder shown.
        items : tuple of one or two int, default=(0, 1)
            With two items, the axes are the bidder's values for them. With one item, they are
            its value and the opponent's bid. The axes span the support.
        opponent : int, default=None
            Opponent whose bid is the second axis if one item is shown; None is the first other
            bidder.
        bids : array-like of shape (n_bidders, n_items), default=None
            Fixed bids, in money; None is the median valuation in fit.
        n_points : int, default=101
            Points along each axis.

        Returns
        -------
        PaymentDisplay

        Raises
        ------
        NotFittedError
            If the auction is not fitted.
        ValueError
            If an argument does not fit the auction.
        """
        grid = make_grid(auction, bidder, items, opponent, bids, n_points)
        payments = auction.predict(grid.profiles).payments[:, bidder].reshape(grid.shape)
        return cls(grid.values, payments, bidder, grid.labels, grid.fixed, Names.of(auction))

    def plot(self, ax: Axes | None = None, *, colorbar: bool = True) -> Self:
        """Draw the payments, with contours or region boundaries and numbers.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None creates a figure.
        colorbar : bool, default=True
            Whether to draw a colorbar.

        Returns
        -------
        self
        """
        ax = self._take_axes(ax, (4.8, 4.0))
        quantity = f"payment of {self.names.agent(self.bidder)}, money"
        low, top = min(self.payments.min(), 0.0), max(self.payments.max(), 0.0)
        top = top if low < top else 1.0
        draw_shades(ax, self.values, self.payments, self.labels, quantity, (low, top), colorbar)
        if len(self.values) == 1:
            ax.set_ylim(low, None)
        else:
            self._draw_lines(low, top)
        ax.set_title(self.fixed, fontsize=9)
        return self

    def _draw_lines(self, low, top):
        """Draw region boundaries or contours, labelled with payments."""
        steps = np.round(self.payments / (SAME * (top - low)))
        _, regions = np.unique(steps, return_inverse=True)
        smallest, texts = SMALLEST_LABELLED, []
        if regions.max() < FEW:
            outline(self.ax_, self.values, regions, [{"color": "white", "lw": 0.8}])
        else:
            smallest, texts = SMALLEST_CONTOURED, self._draw_contours(low, top)
        payments = np.where(steps == 0, 0.0, self.payments)
        for text in [*texts, *self._label_regions(payments, regions, smallest)]:
            text.set_path_effects(white_outline())

    def _draw_contours(self, low, top):
        """Draw labelled contours where payments are continuous, and return the labels."""
        from matplotlib.ticker import MaxNLocator

        levels = MaxNLocator(CONTOURS).tick_values(low, top)
        jumps = _beside_jumps(self.payments, levels[1] - levels[0])
        levels = levels[(levels > low) & (levels < top)]
        smooth = np.ma.masked_where(jumps, self.payments)
        lines = self.ax_.contour(*self.values, smooth, levels, colors="white", linewidths=0.8)
        return self.ax_.clabel(lines, fontsize=8, colors="black")

    def _label_regions(self, payments, regions, smallest):
        """Write the payment into each large connected region, and return the texts."""
        from scipy.ndimage import label

        texts = []
        shares = np.bincount(regions.ravel()) / regions.size
        for region in np.flatnonzero(shares >= smallest):
            parts, n_parts = label(regions == region)
            for part in range(1, n_parts + 1):
                inside = parts == part
                if inside.mean() >= smallest:
                    text = f"{payments[inside].mean():.3g}"
                    texts.append(write_inside(self.ax_, self.values, inside, text))
        return texts


def _beside_jumps(payments, step):
    """Return a mask of the points with a neighbour whose payment differs by more than a step."""
    beside = np.zeros(payments.shape, dtype=bool)
    down, along = (np.abs(np.diff(payments, axis=axis)) > step for axis in (0, 1))
    for part in (beside[1:], beside[:-1]):
        part |= down
    for part in (beside[:, 1:], beside[:, :-1]):
        part |= along
    return beside
