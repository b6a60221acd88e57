"""PriceDisplay: the price sheet of a bidder, over an opponent's bid."""

from __future__ import annotations

from typing import Self

import numpy as np

from sklauction.plotting.canvas import LINE_STYLES, Display, Names
from sklauction.plotting.grid import N_POINTS, check_auction, check_opponent, fixed_bids
from sklauction.utils.types import ArrayLike, Axes, Estimator
from sklauction.utils.validation import check_below

__all__ = ["PriceDisplay"]


class PriceDisplay(Display):
    """The prices offered to a bidder, as a function of one bid of an opponent.

    Create it with :meth:`from_estimator`.

    Parameters
    ----------
    opponent_bids : ndarray of shape (n_points,)
        Bids of the opponent on the item, in money.
    item_prices : ndarray of shape (n_points, n_items)
        Prices of the items for the bidder, in money.
    bundle_prices : ndarray of shape (n_points,) or None
        Price of all items together, in money; None for unit demand or a single item.
    bidder, opponent, item : int
        Bidder whose prices are shown, opponent whose bid varies, and item of that bid.
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
    >>> from sklauction import BundlePricingAuction, PriceDisplay
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(500, n_bidders=2, n_items=2, random_state=0)
    >>> auction = BundlePricingAuction(n_bidders=2, max_iter=1, random_state=0).fit(V)
    >>> display = PriceDisplay.from_estimator(auction)
    >>> display.item_prices.shape
    (201, 2)
    """

    opponent_bids: np.ndarray
    item_prices: np.ndarray
    bundle_prices: np.ndarray
    bidder: int
    opponent: int
    item: int
    names: Names = Names()

    @classmethod
    def from_estimator(
        cls,
        auction: Estimator,
        *,
        bidder: int = 0,
        opponent: int | None = None,
        item: int = 0,
        bids: ArrayLike | None = None,
        n_points: int = 201,
    ) -> PriceDisplay:
        """Evaluate the price sheets of a fitted auction along an opponent's bid.

        Parameters
        ----------
        auction : BundlePricingAuction or ALGNetAuction(architecture="pricing")
            Fitted auction for at least two bidders.
        bidder : int, default=0
            Bidder whose prices are shown.
        opponent : int, default=None
            Opponent whose bid varies over its support; None is the first other bidder.
        item : int, default=0
            Item of that bid.
        bids : array-like of shape (n_bidders, n_items), default=None
            Fixed bids, in money; None is the median valuation in fit.
        n_points : int, default=201
            Number of bids of the opponent.

        Returns
        -------
        PriceDisplay

        Raises
        ------
        NotFittedError
            If the auction is not fitted.
        ValueError
            If the auction has one bidder, or another argument does not fit it.
        """
        check_auction(auction, attribute="price_sheets", kind="auction with price sheets")
        N_POINTS.check(n_points, "n_points")
        n_bidders, n_items = auction.support_.shape[:2]
        if n_bidders < 2:
            raise ValueError("auction must have at least 2 bidders; got 1")
        check_below(bidder, "bidder", n_bidders)
        check_below(item, "item", n_items)
        opponent = check_opponent(opponent, bidder, n_bidders)
        profiles = np.repeat(fixed_bids(bids, auction)[0][None], n_points, axis=0)
        low, high = auction.support_[opponent, item]
        profiles[:, opponent, item] = np.linspace(low, high, n_points)
        sheets = auction.price_sheets(profiles)
        prices, discounts = sheets.item_prices[:, bidder], sheets.discounts[:, bidder]
        bundle = prices.sum(axis=1) - discounts[:, -1] if discounts.shape[1] > 1 else None
        shown = (bidder, opponent, item, Names.of(auction))
        return cls(profiles[:, opponent, item], prices, bundle, *shown)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw the prices.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        self
        """
        ax, names = self._take_axes(ax, (5.2, 3.8)), self.names
        for item, prices in enumerate(self.item_prices.T):
            ax.plot(self.opponent_bids, prices, LINE_STYLES[item % 4], label=names.entry(item))
        if self.bundle_prices is not None:
            ax.plot(self.opponent_bids, self.bundle_prices, color="black", lw=2, label="all items")
        ax.set(
            xlabel=f"bid of {names.agent(self.opponent)} on {names.entry(self.item)}, money",
            ylabel=f"price for {names.agent(self.bidder)}, money",
            ylim=(0, None),
        )
        ax.legend(frameon=False)
        return self
