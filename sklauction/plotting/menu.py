"""MenuDisplay: which row of its menu a buyer takes."""

import numpy as np

from sklauction.plotting.canvas import take_axes
from sklauction.plotting.grid import check_auction, check_items, check_points, middle_of
from sklauction.utils.numbers import say_money
from sklauction.utils.validation import check_numbers

__all__ = ["MenuDisplay"]

# Smallest share of the picture that a region of a menu must cover to carry its price.
SMALLEST_LABELLED = 0.02


class MenuDisplay:
    """Which row of its menu a buyer takes, over its values of two items.

    Made by :meth:`from_estimator`.

    Parameters
    ----------
    values : (ndarray of shape (n_points,), ndarray of shape (n_points,))
        Values of the two items along the axes, in money.
    rows : ndarray of int of shape (n_points, n_points)
        Row taken at each pair; the first item's value varies along the last axis.
    allocations : ndarray of shape (n_rows, 2)
        Probability of the two items in each row of the menu.
    prices : ndarray of shape (n_rows,)
        In money.
    items : tuple of two int
        The items whose values are the axes.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`.
    ax_ : matplotlib.axes.Axes
        After :meth:`plot`.

    Examples
    --------
    >>> from sklauction import MenuDisplay, RochetNetAuction
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(500, n_bidders=1, n_items=2, random_state=0)
    >>> auction = RochetNetAuction(max_iter=1, random_state=0).fit(V)
    >>> MenuDisplay.from_estimator(auction, n_points=51).rows.shape
    (51, 51)
    """

    def __init__(self, values, rows, allocations, prices, items):
        self.values = values
        self.rows = rows
        self.allocations = allocations
        self.prices = prices
        self.items = items

    @classmethod
    def from_estimator(cls, auction, *, items=(0, 1), values=None, n_points=301):
        """Read the choices of the buyer of a fitted auction with a ``menu_``.

        Parameters
        ----------
        auction : RochetNetAuction, MenuNetAuction or SingleBuyerAuction
            Fitted, of at least two items.
        items : tuple of two int, default=(0, 1)
            Items whose values are the axes, over their support.
        values : array-like of shape (n_items,), default=None
            Values of all other items, in money; None takes the middle of the support.
        n_points : int, default=301
            Values along each axis.

        Returns
        -------
        MenuDisplay

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If ``items`` or ``values`` do not fit the auction.
        """
        check_auction(auction, needed="menu_", such="an auction for one bidder with a menu_")
        support, n_points = auction.support_[0], check_points(n_points)
        if not hasattr(auction.menu_, "choose"):
            raise ValueError(
                "auction must be for one bidder, with a menu_ that it chooses from; got "
                f"{type(auction).__name__}"
            )
        items = check_items(items, len(support))
        if len(items) != 2:
            raise ValueError(f"items must name two items; got {items}")
        middle = (support / 2).sum(axis=1)
        if values is not None:
            middle = check_numbers(values, "values", (len(support),), least=0.0)
        axes = tuple(np.linspace(*support[item], n_points) for item in items)
        points = np.repeat(middle[None], n_points**2, axis=0)
        points[:, items[0]], points[:, items[1]] = (part.ravel() for part in np.meshgrid(*axes))
        menu = auction.menu_
        rows = menu.choose(points).reshape(n_points, n_points)
        return cls(axes, rows, menu.allocations[:, list(items)], menu.prices, tuple(items))

    def plot(self, ax=None):
        """Draw the regions; those large enough carry probabilities and price.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            None makes a figure.

        Returns
        -------
        self
        """
        from matplotlib.patheffects import withStroke

        ax = take_axes(ax, figsize=(4.8, 4.2))
        self.ax_, self.figure_ = ax, ax.figure
        taken, regions = np.unique(self.rows, return_inverse=True)
        regions = regions.reshape(self.rows.shape)
        ax.pcolormesh(*self.values, regions, cmap="Pastel1" if len(taken) < 10 else "viridis")
        ax.contour(
            *self.values, regions, np.arange(len(taken) - 1) + 0.5, colors="gray", linewidths=0.6
        )
        for region, row in enumerate(taken):
            inside = regions == region
            if inside.mean() < SMALLEST_LABELLED:
                continue
            down, along = middle_of(inside)
            text = ", ".join(f"{share:.3g}" for share in self.allocations[row])
            ax.text(
                self.values[0][along],
                self.values[1][down],
                f"({text})\nfor {say_money(self.prices[row])}",
                ha="center",
                va="center",
                fontsize=8,
                path_effects=[withStroke(linewidth=2, foreground="white", alpha=0.6)],
            )
        ax.set(
            xlabel=f"value of item {self.items[0]}, money",
            ylabel=f"value of item {self.items[1]}, money",
        )
        ax.set_title("(probability of each item) for a price, money", fontsize=9)
        return self
