"""Methods of auctions by price sheets: certificates and readable sheets."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklauction.audit.certificate import RegretCertificate, make_certificate
from sklauction.base import BaseAuction
from sklauction.price_sheets.reading import SheetReading, explain_auction
from sklauction.utils.batching import blocks, join
from sklauction.utils.tables import Text
from sklauction.utils.types import ArrayLike, Profiles
from sklauction.utils.validation import check_support

__all__ = ["CertifiedAuction"]


def _has_price_sheets(auction):
    """Return True if an auction sells by price sheets; raise AttributeError otherwise."""
    if not auction._by_price_sheets():
        raise AttributeError(f"the auction must sell by price sheets; got {auction!r}")
    return True


def _has_shape(X, shape):
    """Return whether an array-like has a shape."""
    try:
        return np.shape(X) == shape
    except (TypeError, ValueError, RuntimeError):  # ragged
        return False


class CertifiedAuction(BaseAuction):
    """Mixin for learned auctions whose ``mechanism_`` may be a :class:`PricingMechanism`.

    The methods exist only if the auction sells by price sheets: in an
    :class:`~sklauction.ALGNetAuction` they need ``architecture="pricing"``.
    """

    def _by_price_sheets(self):
        """Return whether the auction sells by price sheets."""
        return True

    @available_if(_has_price_sheets)
    def regret_bounds(self, X: Profiles) -> np.ndarray:
        """Return an upper bound on the ex-post regret of every bidder in every profile.

        The bound is the utility of the bidder's favourite option minus that of its allocation.
        It is zero unless another bidder took an item of the favourite. No search is needed:
        any report leads to an option of the same price sheet.

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
        AttributeError, NotFittedError
            If the auction has no price sheets, or is not fitted.
        ValueError
            If X has other sizes than in fit or invalid values.
        """
        valuations = self.as_profiles(X)
        settle = self.mechanism_.settle
        return self._in_blocks(lambda bids: [settle(bids).regret_bounds], valuations)[0]

    @available_if(_has_price_sheets)
    def certify(
        self, X: Profiles, confidence: float = 0.99, *, support: ArrayLike | None = None
    ) -> RegretCertificate:
        """Return an upper confidence bound on the expected total regret.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_bidders, n_items) or flat
            Independent draws of true valuations, not used in fit, in money. More draws give a
            tighter bound.
        confidence : float, default=0.99
            Probability over the draw of X with which the expected total regret is at most
            ``upper_bound``.
        support : array-like broadcastable to (n_bidders, n_items, 2), default=None
            Box that contains all possible valuations, in money. A larger box gives a larger
            bound. None takes ``support_``, widened to contain X; for an unbounded prior the bound
            then holds for valuations within this box.

        Returns
        -------
        RegretCertificate
            In the unit of the valuations.

        Raises
        ------
        AttributeError, NotFittedError
            If the auction has no price sheets, or is not fitted.
        ValueError
            If confidence is not between 0 and 1, X is invalid or has fewer than 2 profiles, or
            the support does not contain X.
        """
        valuations = self.as_profiles(X)
        box = self._certified_box(valuations, support)

        def read(bids):
            outcome = self.mechanism_.settle(bids)
            return outcome.regret_bounds, outcome.payments

        totals = (
            (rows, [array.sum(axis=1) for array in arrays])
            for rows, arrays in self._pieces(read, valuations)
        )
        return make_certificate(*join(totals, len(valuations)), box, self.domain, confidence)

    @available_if(_has_price_sheets)
    def price_sheets(self, X: Profiles) -> SheetReading:
        """Return the price sheet, favourite option and outcome of every bidder.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_bidders, n_items) or flat
            Bids, in money.

        Returns
        -------
        SheetReading
            Arrays, in the unit of the bids; ``to_frame()`` returns a DataFrame.

        Raises
        ------
        AttributeError, NotFittedError
            If the auction has no price sheets, or is not fitted.
        ValueError
            If X has other sizes than in fit or invalid values.
        """
        bids = self.as_profiles(X)
        sheets = self._in_blocks(self.mechanism_.write_sheets, bids)
        allocations, payments, bounds, favourites = self._in_blocks(self.mechanism_.settle, bids)
        reading = SheetReading(*sheets, favourites, allocations, payments, bounds > 0, bounds)
        reading.names = self.bidder_names_, self.item_names_
        return reading

    @available_if(_has_price_sheets)
    def explain(self, X: Profiles) -> Text:
        """Describe what each bidder of one auction is offered, takes and pays.

        Parameters
        ----------
        X : array-like of shape (n_bidders, n_items), (1, n_bidders, n_items) or flat
            Bids of one auction, in money; one row of a DataFrame.

        Returns
        -------
        str
            Three lines per bidder, in the unit of the bids.

        Raises
        ------
        AttributeError, NotFittedError
            If the auction has no price sheets, or is not fitted.
        ValueError
            If X holds several auctions, or has other sizes than in fit or invalid values.
        """
        check_is_fitted(self)
        if _has_shape(X, (self.n_bidders_, self.n_items_)):
            X = X[None] if isinstance(X, np.ndarray) else [X]
        bids = self.as_profiles(X)
        if len(bids) != 1:
            raise ValueError(f"X must hold the bids of one auction; got {len(bids)} auctions")
        return explain_auction(
            self.price_sheets(bids), bids[0], self.bidder_names_, self.item_names_
        )

    def _certified_box(self, valuations, support):
        """Return the box of the certificate, which contains the valuations."""
        lows, highs = valuations.min(axis=0), valuations.max(axis=0)
        if support is None:
            low, high = np.moveaxis(self.support_, -1, 0)
            return np.stack([np.minimum(low, lows), np.maximum(high, highs)], axis=-1)
        box = check_support(support, *valuations.shape[1:])
        if (lows < box[..., 0]).any() or (highs > box[..., 1]).any():
            raise ValueError(
                f"support must contain all valuations in X; got {box.tolist()} for valuations "
                f"from {lows.tolist()} to {highs.tolist()}"
            )
        return box

    def _in_blocks(self, function, bids):
        """Return the tensors that a function of bids returns, as arrays of all bids."""
        return join(self._pieces(function, bids), len(bids))

    def _pieces(self, function, bids):
        """Yield slices of the bids, and the tensors that a function returns for them as arrays."""
        device = next(self.mechanism_.parameters()).device
        for rows in blocks(bids.shape):
            tensors = function(torch.tensor(bids[rows], device=device))
            yield rows, [tensor.cpu().numpy() for tensor in tensors]
