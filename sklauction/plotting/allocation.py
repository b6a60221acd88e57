"""AllocationDisplay: who gets an item, over two values."""

import numpy as np

from sklauction.plotting.canvas import draw_shades, take_axes
from sklauction.plotting.grid import check_auction, make_grid, outline
from sklauction.utils.validation import check_below

__all__ = ["AllocationDisplay"]

# White below black dashes: seen on dark and on light ground.
BOUNDARY = ({"color": "white", "lw": 2.6}, {"color": "black", "lw": 1.2, "ls": "--"})


class AllocationDisplay:
    """The probability that a bidder gets an item, over two values, all else being fixed.

    Made by :meth:`from_estimator`.

    Parameters
    ----------
    values : tuple of one or two ndarray of shape (n_points,)
        Values along the axes, in money.
    probabilities : ndarray of shape (n_points, n_points), or (n_points,) over one value
        Probability that the bidder gets the item; the first value varies along the last axis.
    bidder, item : int
        Who gets what.
    labels : tuple of str
        Of the axes.
    fixed : str, default=""
        What all other values are, for the title.
    reference : str, default=None
        Name of the auction whose regions are drawn over it.
    reference_regions : ndarray of int, of the shape of ``probabilities``, default=None
        Number of the region that each point is in; lines are drawn where it changes.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`.
    ax_ : matplotlib.axes.Axes
        After :meth:`plot`.

    See Also
    --------
    PaymentDisplay : What the bidder pays at the same profiles.
    MenuDisplay : Which row of its menu a buyer takes.

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

    def __init__(
        self,
        values,
        probabilities,
        bidder,
        item,
        labels,
        fixed="",
        reference=None,
        reference_regions=None,
    ):
        self.values = values
        self.probabilities = probabilities
        self.bidder = bidder
        self.item = item
        self.labels = labels
        self.fixed = fixed
        self.reference = reference
        self.reference_regions = reference_regions

    @classmethod
    def from_estimator(
        cls,
        auction,
        *,
        bidder=0,
        item=0,
        items=(0, 1),
        opponent=None,
        bids=None,
        reference=None,
        n_points=101,
    ):
        """Run a fitted auction over a grid of values.

        Parameters
        ----------
        auction : auction estimator
            Fitted.
        bidder, item : int, default=0
            Who gets what.
        items : tuple of one or two int, default=(0, 1)
            Items whose values by the bidder are the axes, over their support. With one item,
            or in an auction of one, the axes are the bidder's value and the opponent's bid.
        opponent : int, default=None
            Whose bid is the second axis, if ``items`` leaves room for it; None takes the first
            other bidder.
        bids : array-like of shape (n_bidders, n_items), default=None
            All other values, in money; None takes the middle of the support.
        reference : auction estimator, default=None
            Fitted, with the same bidders and items. The boundaries of its own regions are drawn
            on top: where the row taken of a ``menu_`` changes, otherwise where the probability of
            a shown item crosses one half.
        n_points : int, default=101
            Values along each axis.

        Returns
        -------
        AllocationDisplay

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If an argument does not fit the auction.
        """
        grid = make_grid(auction, bidder, items, opponent, bids, n_points)
        check_below(item, "item", auction.support_.shape[1])
        if reference is not None:
            _check_reference(reference, auction)
        probabilities = auction.predict(grid.profiles).allocations[:, bidder, item]
        name = regions = None
        if reference is not None:
            name = type(reference).__name__
            regions = _regions(reference, grid, bidder)
        probabilities = probabilities.reshape(grid.shape)
        return cls(grid.values, probabilities, bidder, item, grid.labels, grid.fixed, name, regions)

    def plot(self, ax=None, *, colorbar=True):
        """Draw the probabilities, and the reference's boundaries as dashed lines.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            None makes a figure.
        colorbar : bool, default=True
            Whether a bar tells the probabilities of the colours.

        Returns
        -------
        self
        """
        ax = take_axes(ax, figsize=(4.8, 4.0))
        self.ax_, self.figure_ = ax, ax.figure
        meaning = f"probability that bidder {self.bidder} gets item {self.item}"
        draw_shades(ax, self.values, self.probabilities, self.labels, meaning, 0, 1, colorbar)
        if len(self.values) == 1:
            ax.set_ylim(-0.03, 1.03)
        notes = [self.fixed] if self.fixed else []
        if self.reference_regions is not None:
            outline(ax, self.values, self.reference_regions, BOUNDARY)
            notes.append(f"dashed: {self.reference}")
        ax.set_title("\n".join(notes), fontsize=9)
        return self


def _check_reference(reference, auction):
    """Raise ValueError unless the reference is fitted for the same bidders and items."""
    check_auction(reference, "reference")
    expected, got = auction.support_.shape[:2], reference.support_.shape[:2]
    if got != expected:
        raise ValueError(
            f"reference must be an auction of (n_bidders, n_items) = {expected}; got {got}"
        )


def _regions(reference, grid, bidder):
    """Return a number for each point that changes where the reference's allocation does."""
    menu = getattr(reference, "menu_", None)
    if hasattr(menu, "choose"):
        return menu.choose(grid.profiles[:, 0]).reshape(grid.shape)
    shown = reference.predict(grid.profiles).allocations[:, bidder][:, list(grid.items)]
    _, regions = np.unique(shown > 0.5, axis=0, return_inverse=True)
    return regions.reshape(grid.shape)
