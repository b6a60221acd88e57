"""What an auction decides: who gets what, and who pays how much."""

from collections import namedtuple

import numpy as np

from sklauction.utils.validation import check_count, is_whole, to_floats

__all__ = ["AuctionOutcome"]


class AuctionOutcome(namedtuple("AuctionOutcome", ["allocations", "payments"])):
    """Allocations and payments of a batch of auctions.

    A named tuple, so ``allocations, payments = auction.predict(bids)`` works,
    that also behaves like a 2-D array with one row per auction, so that
    scikit-learn's tools (which index, stack and compare predictions) take it.
    An auction is a rule for each of the two fields [1]_.

    Parameters
    ----------
    allocations : array-like of shape (n_samples, n_bidders, n_items)
        Probability (or share) with which a bidder gets an item, in [0, 1].
    payments : array-like of shape (n_samples, n_bidders)
        Money that each bidder pays, in the unit of the bids.

    Raises
    ------
    ValueError
        If a field does not hold numbers in its shape; if an array without copying is asked for,
        ``np.array(outcome, copy=False)``; and in :meth:`from_array`.
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

    def __new__(cls, allocations, payments):
        """Check the fields, and make arrays of them."""
        fields = _to_array(allocations, "allocations"), _to_array(payments, "payments")
        shape = fields[0].shape
        if len(shape) != 3 or fields[1].shape != shape[:2] or 0 in shape[1:]:
            raise ValueError(
                "allocations must have shape (n_samples, n_bidders, n_items), and payments "
                f"(n_samples, n_bidders); got {shape} and {fields[1].shape}"
            )
        return super().__new__(cls, *fields)

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
        if is_whole(key):
            return super().__getitem__(key)
        if isinstance(key, tuple) and len(key) == 2 and key[1] is Ellipsis:
            key = key[0]  # scikit-learn's way to write rows, where it supports other arrays
        # What numpy takes for more than one axis, or for a new one, chooses no rows.
        one_axis = isinstance(key, slice) or key is Ellipsis or _n_axes(key) == 1
        if isinstance(key, tuple) or not one_axis:
            raise IndexError(
                "an AuctionOutcome is indexed by a field's number, or by a slice, mask or "
                f"list of rows; got {key!r}"
            )
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
            If ``flat`` does not hold numbers in as many columns, or a size is not a positive
            integer.
        """
        flat = _to_array(flat, "flat")
        n_bidders, n_items = check_count(n_bidders, "n_bidders"), check_count(n_items, "n_items")
        expected = n_bidders * (n_items + 1)
        if flat.ndim != 2 or flat.shape[1] != expected:
            raise ValueError(
                f"flat must have shape (n_samples, {expected}) for n_bidders={n_bidders} "
                f"and n_items={n_items}; got shape {flat.shape}"
            )
        split = n_bidders * n_items
        return cls(flat[:, :split].reshape(-1, n_bidders, n_items), flat[:, split:])


def _to_array(values, name):
    """Return numbers as an array, in single precision if they are; else raise ValueError."""
    if type(values) is np.ndarray and values.dtype == np.float32:
        return values
    try:
        return to_floats(values)
    except ValueError as error:
        raise ValueError(f"{name} must be an array of numbers; got {error}") from error


def _n_axes(values):
    """Return the number of axes; of a ragged list, which has none that are regular, -1."""
    try:
        return np.ndim(values)
    except ValueError:
        return -1
