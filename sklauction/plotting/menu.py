"""MenuDisplay: the menu row that a buyer chooses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from sklauction.plotting.canvas import Display, Names, white_outline
from sklauction.plotting.grid import check_auction, check_items, make_grid, write_inside
from sklauction.utils.numbers import format_money
from sklauction.utils.types import ArrayLike, Axes, Estimator
from sklauction.utils.validation import check_numbers

__all__ = ["MenuDisplay"]

# Smallest region that is labelled, as a share of the axes.
SMALLEST_LABELLED = 0.02


class MenuDisplay(Display):
    """The menu row that a buyer chooses, as a function of its values for two items.

    Create it with :meth:`from_estimator`.

    Parameters
    ----------
    values : (ndarray of shape (n_points,), ndarray of shape (n_points,))
        Values for the two items along the axes, in money.
    rows : ndarray of int of shape (n_points, n_points)
        Chosen row at each point. The first value varies along the last axis.
    allocations : ndarray of shape (n_rows, 2)
        Probabilities of the two items in each menu row.
    prices : ndarray of shape (n_rows,)
        Price of each menu row, in money.
    items : tuple of two int
        Items whose values are the axes.
    names : Names
        Names of bidders and items; numbers by default.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        Figure drawn by :meth:`plot`.
    ax_ : matplotlib.axes.Axes
        Axes drawn by :meth:`plot`.

    Examples
    --------
    >>> from sklauction import MenuDisplay, RochetNetAuction
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(500, n_bidders=1, n_items=2, random_state=0)
    >>> auction = RochetNetAuction(max_iter=1, random_state=0).fit(V)
    >>> MenuDisplay.from_estimator(auction, n_points=51).rows.shape
    (51, 51)
    """

    values: tuple
    rows: np.ndarray
    allocations: np.ndarray
    prices: np.ndarray
    items: tuple
    names: Names = Names()

    @classmethod
    def from_estimator(
        cls,
        auction: Estimator,
        *,
        items: Sequence[int] = (0, 1),
        values: ArrayLike | None = None,
        n_points: int = 301,
    ) -> MenuDisplay:
        """Evaluate the menu of a fitted auction on a grid of values.

        Parameters
        ----------
        auction : RochetNetAuction, MenuNetAuction or SingleBuyerAuction
            Fitted auction for one bidder and at least two items.
        items : tuple of two int, default=(0, 1)
            Items whose values are the axes. The axes span the support.
        values : array-like of shape (n_items,), default=None
            Values for all other items, in money; None is the median valuation in fit.
        n_points : int, default=301
            Points along each axis.

        Returns
        -------
        MenuDisplay

        Raises
        ------
        NotFittedError
            If the auction is not fitted.
        ValueError
            If the auction has no such menu, or another argument does not fit it.
        """
        check_auction(auction, attribute="menu_", kind="auction for one bidder with a menu_")
        menu, n_items = auction.menu_, auction.support_.shape[1]
        if not hasattr(menu, "choose"):
            raise ValueError(
                f"auction must be for one bidder and have a menu_; got {type(auction).__name__}"
            )
        if len(check_items(items, n_items)) != 2:
            raise ValueError(f"items must be two items; got {items}")
        if values is not None:
            values = check_numbers(values, "values", (n_items,), least=0.0)[None]
        grid = make_grid(auction, 0, items, None, values, n_points)
        rows = menu.choose(grid.profiles[:, 0]).reshape(grid.shape)
        allocations, names = menu.allocations[:, list(grid.items)], Names.of(auction)
        return cls(grid.values, rows, allocations, menu.prices, grid.items, names)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw the region of each menu row, labelled with its probabilities and price.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        self
        """
        ax = self._take_axes(ax, (4.8, 4.2))
        chosen, regions = np.unique(self.rows, return_inverse=True)
        ax.pcolormesh(*self.values, regions, cmap="Pastel1" if len(chosen) < 10 else "viridis")
        levels = np.arange(len(chosen) - 1) + 0.5
        ax.contour(*self.values, regions, levels, colors="gray", linewidths=0.6)
        for region, row in enumerate(chosen):
            inside = regions == region
            if inside.mean() < SMALLEST_LABELLED:
                continue
            shares = ", ".join(f"{share:.3g}" for share in self.allocations[row])
            text = f"({shares})\nfor {format_money(self.prices[row])}"
            write_inside(ax, self.values, inside, text, path_effects=white_outline(alpha=0.6))
        first, second = (f"value for {self.names.entry(item)}, money" for item in self.items)
        ax.set(xlabel=first, ylabel=second)
        ax.set_title("(probability of each item) for the price, money", fontsize=9)
        return self
