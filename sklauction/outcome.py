"""What an auction decides: who gets what, and who pays how much."""

from collections import namedtuple

import numpy as np

__all__ = ["AuctionOutcome"]


class AuctionOutcome(namedtuple("AuctionOutcome", ["allocations", "payments"])):
    """Allocations and payments of a batch of auctions.

    A named tuple, so ``allocations, payments = auction.predict(bids)`` works,
    that also behaves like a 2-D array with one row per auction, so that
    scikit-learn's tools (which index, stack and compare predictions) take it.
    An auction is a rule for each of the two fields [1]_.

    Parameters
    ----------
    allocations : ndarray of shape (n_samples, n_bidders, n_items)
        Probability (or share) with which a bidder gets an item, in [0, 1].
    payments : ndarray of shape (n_samples, n_bidders)
        Money that each bidder pays, in the unit of the bids.

    Raises
    ------
    ValueError
        If an array without copying is asked for, ``np.array(outcome, copy=False)``; and in
        :meth:`from_array`.
    IndexError
        In indexing, if there is no such field or row.

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019, section 2.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction import AuctionOutcome
    >>> outcome = AuctionOutcome(np.ones((3, 1, 2)), np.full((3, 1), 0.5))
    >>> outcome.shape
    (3, 3)
    >>> outcome[:2].payments.shape
    (2, 1)
    >>> np.asarray(outcome)[0]
    array([1. , 1. , 0.5])
    """

    __slots__ = ()

    @property
    def shape(self):
        """Shape of the flat form, ``(n_samples, n_bidders * n_items + n_bidders)``."""
        n_samples, n_bidders, n_items = self.allocations.shape
        return (n_samples, n_bidders * (n_items + 1))

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError(
                "AuctionOutcome stores two arrays: its flat form is always a copy; got copy=False"
            )
        n_entries = self.allocations.shape[1] * self.allocations.shape[2]
        flat = np.concatenate(
            [self.allocations.reshape(self.shape[0], n_entries), self.payments],
            axis=1,
        )
        return flat if dtype is None else flat.astype(dtype, copy=False)

    def __getitem__(self, key):
        """Return field ``key`` (an integer) or the rows ``key`` (slice, mask, indices)."""
        if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
            return super().__getitem__(key)
        return AuctionOutcome(self.allocations[key], self.payments[key])

    @classmethod
    def from_array(cls, flat, n_bidders, n_items):
        """Rebuild an outcome from its flat form.

        Parameters
        ----------
        flat : array-like of shape (n_samples, n_bidders * n_items + n_bidders)
            Allocations, bidder by bidder, then payments: probabilities, and money.
        n_bidders, n_items : int
            Size of each auction.

        Returns
        -------
        AuctionOutcome
            ``allocations`` of shape (n_samples, n_bidders, n_items) and ``payments`` of shape
            (n_samples, n_bidders).

        Raises
        ------
        ValueError
            If ``flat`` does not have as many columns.
        """
        flat = np.asarray(flat)
        expected = n_bidders * (n_items + 1)
        if flat.ndim != 2 or flat.shape[1] != expected:
            raise ValueError(
                f"flat must have shape (n_samples, {expected}) for n_bidders={n_bidders} "
                f"and n_items={n_items}; got shape {flat.shape}"
            )
        split = n_bidders * n_items
        return cls(flat[:, :split].reshape(-1, n_bidders, n_items), flat[:, split:])
