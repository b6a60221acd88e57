"""VirtualValueDisplay: a virtual value, its ironing and the revenue curve behind both."""

import numpy as np

from sklauction.plotting.canvas import take_axes
from sklauction.plotting.grid import check_auction

__all__ = ["VirtualValueDisplay"]

# Chance of a higher value below which a virtual value is not drawn.
RAREST_SHOWN = 1e-3


class VirtualValueDisplay:
    """A bidder's virtual value of an item, raw and ironed, and the revenue curve behind it.

    Made by :meth:`from_estimator`.

    Parameters
    ----------
    curve : RevenueCurve
        Prices, chances of sale, and slopes.
    ironed_intervals : ndarray of shape (n_intervals, 2)
        Values over which the virtual value was flattened, in money.
    reserve : float
        Smallest value worth selling to, in money.
    bidder, item : int
        Whose value of what is shown.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`.
    axes_ : tuple of two matplotlib.axes.Axes
        After :meth:`plot`.

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

    def __init__(self, curve, ironed_intervals, reserve, bidder, item):
        self.curve = curve
        self.ironed_intervals = ironed_intervals
        self.reserve = reserve
        self.bidder = bidder
        self.item = item

    @classmethod
    def from_estimator(cls, auction, X=None, *, bidder=0, item=0):
        """Read a fitted Myerson auction.

        Parameters
        ----------
        auction : MyersonAuction
            Fitted.
        X : array-like of shape (n_samples, n_bidders, n_items) or flat, default=None
            The valuations seen in fit; not needed where the auction has a prior.
        bidder, item : int, default=0
            Whose value of what is shown.

        Returns
        -------
        VirtualValueDisplay

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If the auction is no MyersonAuction, ``bidder`` or ``item`` does not fit it, or X is
            needed and not given.
        """
        check_auction(auction, needed="revenue_curve", such="a MyersonAuction")
        curve = auction.revenue_curve(X, bidder=bidder, item=item)
        virtual_value = auction.virtual_values_[bidder, item]
        intervals, reserve = virtual_value.ironed_intervals, virtual_value.reserve
        return cls(curve, intervals, reserve, bidder, item)

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
        curve = self.curve
        # The rarest values would fill the picture with nothing.
        shown = curve.chances >= RAREST_SHOWN
        values, raw, ironed = (part[shown] for part in (curve.values, curve.raw, curve.ironed))
        left, right = self.axes_
        left.plot(values, raw, drawstyle="steps-post", color="0.7", lw=0.8, label="virtual value")
        left.plot(values, ironed, drawstyle="steps-post", color="C0", lw=2, label="ironed")
        left.axhline(0, color="black", lw=0.6)
        left.axvline(self.reserve, color="C3", ls="--", lw=1, label=f"reserve {self.reserve:.4g}")
        for low, high in self.ironed_intervals:
            left.axvspan(low, min(high, values[-1]), color="C0", alpha=0.12, lw=0)
        visible = ironed[np.isfinite(ironed)]
        margin = 0.1 * np.ptp(visible) or 1.0
        left.set(
            xlabel=f"bidder {self.bidder}'s value for item {self.item}, money",
            ylabel="virtual value, money",
            ylim=(visible.min() - margin, visible.max() + margin),
            title="Shaded: ironed",
        )
        left.legend(frameon=False)
        right.plot(curve.chances, curve.revenues, color="0.6", lw=1, label="one price")
        right.plot(curve.chances, curve.hull, color="C0", lw=2, label="lottery over prices")
        best = int(curve.revenues.argmax())
        right.plot(curve.chances[best], curve.revenues[best], "o", color="C3", label="reserve")
        right.set(
            xlabel="chance of sale",
            ylabel="expected payment, money",
            xlim=(0, 1),
            ylim=(0, None),
            title="Revenue curve and its hull",
        )
        right.legend(frameon=False)
        return self
