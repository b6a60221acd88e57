"""AllocationDisplay: the probability that a bidder gets an item, over two values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from sklauction.plotting.canvas import Display, Names, draw_shades
from sklauction.plotting.grid import check_auction, make_grid, outline
from sklauction.utils.types import ArrayLike, Axes, Estimator
from sklauction.utils.validation import check_below

__all__ = ["AllocationDisplay"]

# Black dashes on white, visible on dark and light shades.
BOUNDARY = ({"color": "white", "lw": 2.6}, {"color": "black", "lw": 1.2, "ls": "--"})


class AllocationDisplay(Display):
    """The probability that a bidder gets an item, as a function of two values.

    Create it with :meth:`from_estimator`.

    Parameters
    ----------
    values : tuple of one or two ndarray of shape (n_points,)
        Values along the axes, in money.
    probabilities : ndarray of shape (n_points, n_points), or (n_points,) over one value
        Probability that the bidder gets the item. The first value varies along the last axis.
    bidder, item : int
        Bidder and item shown.
    labels : tuple of str
        Axis labels.
    fixed : str, default=""
        Description of the fixed bids, for the title.
    reference : str, default=None
        Name of the reference auction.
    reference_regions : ndarray of int, of the shape of ``probabilities``, default=None
        Region of the reference auction at each point. Boundaries between regions are drawn.
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
    PaymentDisplay : The payment of the bidder at the same profiles.
    MenuDisplay : The menu row that a buyer chooses.

    Examples
    --------
    >>> from sklauction import AllocationDisplay, SingleBuyerAuction
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(500, n_bidders=1, n_items=2, random_state=0)
    >>> auction = SingleBuyerAuction(support=(0, 1)).fit(V)
    >>> display = AllocationDisplay.from_estimator(auction, item=1)
    >>> display.probabilities.shape
    (101, 101)
    """

    values: tuple
    probabilities: np.ndarray
    bidder: int
    item: int
    labels: tuple
    fixed: str = ""
    reference: str = None
    reference_regions: np.ndarray = None
    names: Names = Names()

    @classmethod
    def from_estimator(
        cls,
        auction: Estimator,
        *,
        bidder: int = 0,
        item: int = 0,
        items: Sequence[int] = (0, 1),
        opponent: int | None = None,
        bids: ArrayLike | None = None,
        reference: Estimator | None = None,
        n_points: int = 101,
    ) -> AllocationDisplay:
        """Evaluate a fitted auction on a grid of values.

        Parameters
        ----------
        auction : auction estimator
            Fitted auction.
        bidder, item : int, default=0
            Bidder and item shown.
        items : tuple of one or two int, default=(0, 1)
            With two items, the axes are the bidder's values for them. With one item, they are
            its value and the opponent's bid. The axes span the support.
        opponent : int, default=None
            Opponent whose bid is the second axis if one item is shown; None is the first other
            bidder.
        bids : array-like of shape (n_bidders, n_items), default=None
            Fixed bids, in money; None is the median valuation in fit.
        reference : auction estimator, default=None
            Fitted auction with the same numbers of bidders and items, whose boundaries are drawn
            as dashed lines. A boundary is where the chosen row of its ``menu_`` changes or, without
            a menu, where the probability of an item on the axes crosses 1/2.
        n_points : int, default=101
            Points along each axis.

        Returns
        -------
        AllocationDisplay

        Raises
        ------
        NotFittedError
            If the auction is not fitted.
        ValueError
            If an argument does not fit the auction.
        """
        grid = make_grid(auction, bidder, items, opponent, bids, n_points)
        check_below(item, "item", auction.support_.shape[1])
        name = regions = None
        if reference is not None:
            check_auction(reference, "reference")
            expected, got = auction.support_.shape[:2], reference.support_.shape[:2]
            if got != expected:
                raise ValueError(
                    f"reference must have (n_bidders, n_items) = {expected}; got {got}"
                )
            name = type(reference).__name__
            regions = _regions(reference, grid, bidder)
        probabilities = auction.predict(grid.profiles).allocations[:, bidder, item]
        probabilities = probabilities.reshape(grid.shape)
        titles = (grid.labels, grid.fixed, name, regions, Names.of(auction))
        return cls(grid.values, probabilities, bidder, item, *titles)

    def plot(self, ax: Axes | None = None, *, colorbar: bool = True) -> Self:
        """Draw the probabilities, and the boundaries of the reference as dashed lines.

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
        bidder, item = self.names.agent(self.bidder), self.names.entry(self.item)
        quantity = f"probability that {bidder} gets {item}"
        draw_shades(ax, self.values, self.probabilities, self.labels, quantity, (0, 1), colorbar)
        if len(self.values) == 1:
            ax.set_ylim(-0.03, 1.03)
        title = [self.fixed] if self.fixed else []
        if self.reference_regions is not None:
            outline(ax, self.values, self.reference_regions, BOUNDARY)
            title.append(f"dashed: {self.reference}")
        ax.set_title("\n".join(title), fontsize=9)
        return self


def _regions(reference, grid, bidder):
    """Return the region of the reference's allocation at each grid point."""
    menu = getattr(reference, "menu_", None)
    if hasattr(menu, "choose"):
        return menu.choose(grid.profiles[:, 0]).reshape(grid.shape)
    shown = reference.predict(grid.profiles).allocations[:, bidder][:, list(grid.items)]
    _, regions = np.unique(shown > 0.5, axis=0, return_inverse=True)
    return regions.reshape(grid.shape)
