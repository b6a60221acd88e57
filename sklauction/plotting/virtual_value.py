"""VirtualValueDisplay: a virtual value, its ironing and its revenue curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from sklauction.plotting.canvas import Display, Names
from sklauction.plotting.grid import check_auction
from sklauction.utils.types import Axes, Estimator, Profiles

__all__ = ["VirtualValueDisplay"]

# Smallest chance of sale whose price is drawn.
SMALLEST_CHANCE = 1e-3


class VirtualValueDisplay(Display):
    """A bidder's virtual value for an item, raw and ironed, and its revenue curve.

    Create it with :meth:`from_estimator`.

    Parameters
    ----------
    curve : RevenueCurve
        Prices, chances of sale, revenues and virtual values.
    ironed_intervals : ndarray of shape (n_intervals, 2)
        Intervals of values over which the virtual value is ironed, in money.
    reserve : float
        Reserve price, in money.
    bidder, item : int
        Bidder and item shown.
    names : Names
        Names of bidders and items; numbers by default.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        Figure drawn by :meth:`plot`.
    axes_ : tuple of two matplotlib.axes.Axes
        Axes drawn by :meth:`plot`.

    Examples
    --------
    >>> from sklauction import MyersonAuction, VirtualValueDisplay
    >>> from sklauction.datasets import load_setting
    >>> setting = load_setting("single_3_irregular")
    >>> auction = MyersonAuction(n_bidders=3, prior=setting.marginals)
    >>> display = VirtualValueDisplay.from_estimator(auction.fit(setting.sample(10, 0)))
    >>> display.ironed_intervals.round(2), round(display.reserve, 2)
    (array([[2.38, 4.38]]), 2.0)
    """

    curve: tuple
    ironed_intervals: np.ndarray
    reserve: float
    bidder: int
    item: int
    names: Names = Names()

    @classmethod
    def from_estimator(
        cls, auction: Estimator, X: Profiles | None = None, *, bidder: int = 0, item: int = 0
    ) -> VirtualValueDisplay:
        """Read the virtual value of a fitted Myerson auction.

        Parameters
        ----------
        auction : MyersonAuction
            Fitted auction.
        X : array-like of shape (n_samples, n_bidders, n_items) or flat, default=None
            Valuations passed to ``fit``, in money. Not needed if the auction has a prior.
        bidder, item : int, default=0
            Bidder and item shown.

        Returns
        -------
        VirtualValueDisplay

        Raises
        ------
        NotFittedError
            If the auction is not fitted.
        ValueError
            If the auction is not a MyersonAuction, ``bidder`` or ``item`` does not fit it, or X
            is needed and is None.
        """
        check_auction(auction, attribute="revenue_curve", kind="MyersonAuction")
        curve = auction.revenue_curve(X, bidder=bidder, item=item)
        virtual_value = auction.virtual_values_[bidder, item]
        intervals, reserve = virtual_value.ironed_intervals, virtual_value.reserve
        return cls(curve, intervals, reserve, bidder, item, Names.of(auction))

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
        self._draw_virtual_value(self.axes_[0])
        self._draw_revenue(self.axes_[1])
        return self

    def _draw_virtual_value(self, ax):
        """Draw the raw and the ironed virtual value, the reserve and the ironed intervals."""
        curve = self.curve
        shown = curve.chances >= SMALLEST_CHANCE
        values, raw, ironed = (part[shown] for part in (curve.values, curve.raw, curve.ironed))
        ax.plot(values, raw, drawstyle="steps-post", color="0.7", lw=0.8, label="virtual value")
        ax.plot(values, ironed, drawstyle="steps-post", color="C0", lw=2, label="ironed")
        ax.axhline(0, color="black", lw=0.6)
        ax.axvline(self.reserve, color="C3", ls="--", lw=1, label=f"reserve {self.reserve:.4g}")
        for low, high in self.ironed_intervals:
            ax.axvspan(low, min(high, values[-1]), color="C0", alpha=0.12, lw=0)
        finite = ironed[np.isfinite(ironed)]
        margin = 0.1 * np.ptp(finite) or 1.0
        ax.set(
            xlabel=self.names.label(self.bidder, self.item),
            ylabel="virtual value, money",
            ylim=(finite.min() - margin, finite.max() + margin),
            title="Shaded: ironed",
        )
        ax.legend(frameon=False)

    def _draw_revenue(self, ax):
        """Draw the revenue curve, its concave hull and the revenue of the best price."""
        curve = self.curve
        ax.plot(curve.chances, curve.revenues, color="0.6", lw=1, label="one price")
        ax.plot(curve.chances, curve.hull, color="C0", lw=2, label="lottery over prices")
        best = int(curve.revenues.argmax())
        ax.plot(curve.chances[best], curve.revenues[best], "o", color="C3", label="reserve")
        ax.set(
            xlabel="chance of sale",
            ylabel="expected payment, money",
            xlim=(0, 1),
            ylim=(0, None),
            title="Revenue curve and its hull",
        )
        ax.legend(frameon=False)
