"""What auctions by price sheets offer beyond other auctions: certificates and readable sheets."""

import numpy as np
import torch
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklauction.audit.certificate import make_certificate
from sklauction.price_sheets.reading import SheetReading, explain_auction
from sklauction.utils.batching import blocks
from sklauction.utils.validation import check_support

__all__ = ["CertifiedAuction"]


def _sells_by_sheets(auction):
    """Say whether an auction sells, or will sell, by price sheets; else AttributeError."""
    if not auction._by_price_sheets():
        raise AttributeError(f"only auctions by price sheets have certificates; got {auction!r}")
    return True


class CertifiedAuction:
    """Mixin of learned auctions whose ``mechanism_`` may be a :class:`PricingMechanism`."""

    def _by_price_sheets(self):
        """Say whether this auction sells by price sheets."""
        return True

    @available_if(_sells_by_sheets)
    def regret_bounds(self, X):
        """Return an upper bound on every bidder's ex-post regret in every profile.

        No search is needed: whatever a bidder reports, it ends in an option of its own
        price sheet, which its report does not touch. So it can gain no more than the
        difference between its favourite option and what it got, which is zero unless
        another bidder took an item of the favourite.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_bidders, n_items) or flat
            True valuations, in money.

        Returns
        -------
        ndarray of shape (n_samples, n_bidders)
            In money.

        Raises
        ------
        AttributeError
            If the auction does not sell by price sheets (an :class:`~sklauction.ALGNetAuction`
            of another architecture than "pricing").
        NotFittedError
            Before fit.
        ValueError
            If X has other sizes than in fit, or values that are negative or not finite.
        """
        valuations = self.as_profiles(X)
        bounds = np.empty(valuations.shape[:2])
        for rows, outcome in self._settle(valuations):
            bounds[rows] = outcome.regret_bounds
        return bounds

    @available_if(_sells_by_sheets)
    def certify(self, X, confidence=0.99, *, support=None):
        """Prove an upper bound on total regret, from profiles not seen in fit.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_bidders, n_items) or flat
            Independent draws of true valuations, in money. The more, the tighter.
        confidence : float, default=0.99
            With at least this probability over the draw of X, the expected total
            regret is at most ``upper_bound`` (empirical Bernstein [1]_).
        support : array-like broadcastable to (n_bidders, n_items, 2), default=None
            A box that holds every valuation there can be, in money; the bound is as wide
            as it is large. None takes ``support_``, widened to hold X: for a prior without a
            highest value the statement is then about values within that box.

        Returns
        -------
        RegretCertificate
            In the unit of the valuations.

        Raises
        ------
        AttributeError
            If the auction does not sell by price sheets (an :class:`~sklauction.ALGNetAuction`
            of another architecture than "pricing").
        NotFittedError
            Before fit.
        ValueError
            If confidence is not between 0 and 1, X has fewer than 2 profiles or other sizes
            than in fit, or a given support does not hold X.

        References
        ----------
        .. [1] Maurer & Pontil, "Empirical Bernstein Bounds and Sample Variance
           Penalization", COLT 2009, theorem 4.
        """
        valuations = self.as_profiles(X)
        box = self._certified_box(valuations, support)
        bounds, revenues = np.empty(len(valuations)), np.empty(len(valuations))
        for rows, outcome in self._settle(valuations):
            bounds[rows] = outcome.regret_bounds.sum(axis=1)
            revenues[rows] = outcome.payments.sum(axis=1)
        return make_certificate(bounds, revenues, box, self.demand, confidence)

    @available_if(_sells_by_sheets)
    def price_sheets(self, X):
        """Return what every bidder is offered, wants and gets.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_bidders, n_items) or flat
            Bids, in money.

        Returns
        -------
        SheetReading
            Arrays, in the unit of the bids; ``to_frame()`` makes a table of them.

        Raises
        ------
        AttributeError
            If the auction does not sell by price sheets (an :class:`~sklauction.ALGNetAuction`
            of another architecture than "pricing").
        NotFittedError
            Before fit.
        ValueError
            If X has other sizes than in fit, or values that are negative or not finite.
        """
        bids = self.as_profiles(X)
        parts = []
        for part, outcome in self._settle(bids):
            sheets = self._on_device(self.mechanism_.write_sheets, bids[part])
            lost = outcome.regret_bounds > 0
            parts.append(
                SheetReading(
                    *sheets,
                    outcome.favourites,
                    outcome.allocations,
                    outcome.payments,
                    lost,
                    outcome.regret_bounds,
                )
            )
        return SheetReading(*(np.concatenate(columns) for columns in zip(*parts)))

    @available_if(_sells_by_sheets)
    def explain(self, X):
        """Say in words what each bidder of one auction is offered, takes and pays.

        Parameters
        ----------
        X : array-like of shape (n_bidders, n_items), (1, n_bidders, n_items) or flat
            The bids of one auction, in money; of a DataFrame, one row.

        Returns
        -------
        str
            Three lines per bidder, in the unit of the bids.

        Raises
        ------
        AttributeError
            If the auction does not sell by price sheets (an :class:`~sklauction.ALGNetAuction`
            of another architecture than "pricing").
        NotFittedError
            Before fit.
        ValueError
            If X holds the bids of several auctions, has other sizes than in fit, or values
            that are negative or not finite.
        """
        check_is_fitted(self)
        try:
            one = np.shape(X) == (self.n_bidders, self.n_items_)
        except (TypeError, ValueError, RuntimeError):  # ragged, say: refused with its name below
            one = False
        if one:
            X = X[None] if isinstance(X, np.ndarray) else [X]
        bids = self.as_profiles(X)
        if len(bids) != 1:
            raise ValueError(f"explain takes the bids of one auction; got {len(bids)}")
        return explain_auction(self.price_sheets(bids), bids[0])

    def _certified_box(self, valuations, support):
        lows, highs = valuations.min(axis=0), valuations.max(axis=0)
        if support is None:
            box = self.support_.copy()
            box[..., 0] = np.minimum(box[..., 0], lows)
            box[..., 1] = np.maximum(box[..., 1], highs)
            return box
        box = check_support(support, *valuations.shape[1:])
        if (lows < box[..., 0]).any() or (highs > box[..., 1]).any():
            raise ValueError(
                "support must hold every valuation that is certified; got valuations from "
                f"{lows.tolist()} to {highs.tolist()} for the support {box.tolist()}"
            )
        return box

    def _settle(self, bids):
        """Yield (slice, Settlement of arrays) over chunks of bids."""
        for part in blocks(bids.shape):
            yield part, self._on_device(self.mechanism_.settle, bids[part])

    def _on_device(self, function, bids):
        """Return a named tuple of arrays that a function of the mechanism gives for bids."""
        device = next(self.mechanism_.parameters()).device
        result = function(torch.tensor(bids, device=device))
        return type(result)(*(tensor.cpu().numpy() for tensor in result))
