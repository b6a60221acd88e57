"""Outcomes: named tuples that are also 2-D arrays with one row per profile."""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Self, SupportsIndex, overload

import numpy as np

from sklauction.utils.constraints import is_whole
from sklauction.utils.tables import Tabular, check_labels, make_frame
from sklauction.utils.types import ArrayLike, DataFrame
from sklauction.utils.validation import check_count, to_floats

__all__ = ["AuctionOutcome", "Outcome"]


class Outcome(Tabular):
    """Base class of outcomes: mix it into a named tuple of arrays of shape (n_samples, ...).

    Parameters
    ----------
    *fields, **named : array-like of shape (n_samples, ...)
        The fields of the named tuple.

    Raises
    ------
    ValueError
        If a field is not numeric or the fields have different lengths, and in
        ``np.array(outcome, copy=False)``.
    IndexError
        If a field or row that does not exist is indexed.
    ImportError
        In :meth:`to_frame`, if pandas is not installed.

    Notes
    -----
    An outcome also behaves like a 2-D array with one row per profile, so that scikit-learn's tools
    can index, stack and compare it. Notebooks show its first rows as a table.

    Examples
    --------
    >>> from collections import namedtuple
    >>> from sklauction.domains import Outcome
    >>> class Places(Outcome, namedtuple("Places", ["locations"])):
    ...     __slots__ = ()
    >>> Places([[0.25, 0.5], [0.0, 1.0]])[1:].locations
    array([[0., 1.]])
    """

    __slots__ = ()
    _rows_are = "profiles"

    if TYPE_CHECKING:  # what a named tuple has
        _fields: tuple[str, ...]

        def __iter__(self) -> Iterator[np.ndarray]: ...

    def __new__(cls, *fields: ArrayLike, **named: ArrayLike) -> Self:
        """Convert the fields to arrays."""
        given = super().__new__(cls, *fields, **named)
        arrays = [_to_array(field, name) for name, field in zip(cls._fields, given)]
        if len({array.shape[:1] for array in arrays}) != 1 or not arrays[0].ndim:
            raise ValueError(
                f"{', '.join(cls._fields)} must have one row per sample; got shapes "
                f"{', '.join(str(array.shape) for array in arrays)}"
            )
        return super().__new__(cls, *arrays)

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the flat form: a profile's fields in one row."""
        return len(self[0]), sum(math.prod(field.shape[1:]) for field in self)

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError(
                f"copy must be True or None, as the array of an {type(self).__name__} is always a "
                "copy; got copy=False"
            )
        flat = [field.reshape(len(field), math.prod(field.shape[1:])) for field in self]
        flat = np.concatenate(flat, axis=1)
        return flat if dtype is None else flat.astype(dtype, copy=False)

    @overload
    def __getitem__(self, key: SupportsIndex) -> np.ndarray: ...

    @overload
    def __getitem__(self, key: slice | ArrayLike) -> Self: ...

    def __getitem__(self, key):
        """Return field ``key`` (integer) or rows ``key`` (slice, mask or indices)."""
        if is_whole(key):
            return super().__getitem__(key)
        if isinstance(key, tuple) and len(key) == 2 and key[1] is Ellipsis:
            key = key[0]  # scikit-learn indexes rows as array[rows, ...]
        # Keys that numpy applies to several axes, or that add an axis, do not select rows.
        one_axis = isinstance(key, slice) or key is Ellipsis or _n_axes(key) == 1
        if isinstance(key, tuple) or not one_axis:
            raise IndexError(
                f"key must be the integer of a field, or a slice, mask or list of rows; got {key!r}"
            )
        return type(self)(*(field[key] for field in self))

    def to_frame(self) -> DataFrame:
        """Return the outcome as a table with one row per profile. Requires pandas.

        Returns
        -------
        pandas.DataFrame
            Columns such as ``payments_0``: the name of a field and the indices of the entry.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return make_frame(self._columns())

    def _columns(self, labels=()):
        """Return the flat form as columns by name; labels name the entries of the first axes."""
        return {
            "_".join([name, *_entry(index, labels)]): field[:, *index]
            for name, field in zip(self._fields, self)
            for index in np.ndindex(field.shape[1:])
        }


if TYPE_CHECKING:  # an index of rows would be taken for one of fields
    _Fields = tuple[np.ndarray, ...]
else:
    _Fields = namedtuple("AuctionOutcome", ["allocations", "payments"])


class AuctionOutcome(Outcome, _Fields):
    """Allocations and payments of a batch of auctions.

    A named tuple, so that ``allocations, payments = auction.predict(bids)`` works. It also
    behaves like a 2-D array with one row per auction, so that scikit-learn's tools can index,
    stack and compare it. An auction consists of an allocation rule and a payment rule [1]_.

    Parameters
    ----------
    allocations : array-like of shape (n_samples, n_bidders, n_items)
        Probability that a bidder gets an item, in [0, 1].
    payments : array-like of shape (n_samples, n_bidders)
        Payment of each bidder, in money, in the unit of the bids.

    Raises
    ------
    ValueError
        If a field is not numeric or not of its shape, in ``np.array(outcome, copy=False)``, and
        in :meth:`from_array` and :meth:`to_frame`.
    IndexError
        If a field or row that does not exist is indexed.
    ImportError
        In :meth:`to_frame`, if pandas is not installed.

    Notes
    -----
    The repr of a large outcome gives the shapes of its fields. Notebooks show its first rows as a
    table.

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

    if TYPE_CHECKING:
        allocations: np.ndarray
        payments: np.ndarray

    def __new__(cls, allocations: ArrayLike, payments: ArrayLike) -> Self:
        """Convert the fields to arrays and check their shapes."""
        fields = _to_array(allocations, "allocations"), _to_array(payments, "payments")
        shape = fields[0].shape
        if len(shape) != 3 or fields[1].shape != shape[:2] or 0 in shape[1:]:
            raise ValueError(
                "allocations must have shape (n_samples, n_bidders, n_items), and payments "
                f"(n_samples, n_bidders); got {shape} and {fields[1].shape}"
            )
        return super().__new__(cls, *fields)

    @classmethod
    def from_array(cls, flat: ArrayLike, n_bidders: int, n_items: int) -> AuctionOutcome:
        """Rebuild an outcome from its flat form.

        Parameters
        ----------
        flat : array-like of shape (n_samples, n_bidders * n_items + n_bidders)
            Allocations (probabilities) bidder by bidder, then payments (money).
        n_bidders, n_items : int
            Number of bidders and items.

        Returns
        -------
        AuctionOutcome
            ``allocations`` of shape (n_samples, n_bidders, n_items) and ``payments`` of shape
            (n_samples, n_bidders).

        Raises
        ------
        ValueError
            If ``flat`` is not numeric or not of this shape, or a size is not a positive integer.
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

    def to_frame(
        self, bidders: Sequence[str] | None = None, items: Sequence[str] | None = None
    ) -> DataFrame:
        """Return the outcome as a table with one row per profile. Requires pandas.

        Parameters
        ----------
        bidders, items : sequence of str, default=None
            Names of the bidders and items. None numbers them.

        Returns
        -------
        pandas.DataFrame
            Columns ``allocations_0_0`` ... (probabilities, by bidder and item) and
            ``payments_0`` ... (money, by bidder), with names in place of numbers if they are given.

        Raises
        ------
        ValueError
            If there is not one name per bidder and item, or two columns would have the same name.
        ImportError
            If pandas is not installed.

        Examples
        --------
        >>> from sklauction import AuctionOutcome
        >>> outcome = AuctionOutcome([[[1.0], [0.0]]], [[0.5, 0.0]])
        >>> list(outcome.to_frame(bidders=["Ann", "Bob"], items=["car"]))
        ['allocations_Ann_car', 'allocations_Bob_car', 'payments_Ann', 'payments_Bob']
        """
        _, n_bidders, n_items = self.allocations.shape
        labels = check_labels(bidders, n_bidders, "bidders"), check_labels(items, n_items, "items")
        columns = self._columns(labels)
        if len(columns) < self.shape[1]:
            raise ValueError(
                "bidders and items must name each pair differently, joined by an underscore; got "
                f"{bidders!r} and {items!r}"
            )
        return make_frame(columns)


def _entry(index, labels):
    """Return the names of an index, by axis; the numbers of axes without labels."""
    return (str(labels[axis][at] if axis < len(labels) else at) for axis, at in enumerate(index))


def _to_array(values, name) -> np.ndarray:
    """Return a float array, float32 if the input is; raise ValueError if not numeric."""
    if type(values) is np.ndarray and values.dtype == np.float32:
        return values
    try:
        return to_floats(values)
    except ValueError as error:
        raise ValueError(f"{name} must be an array of numbers; got {error}") from error


def _n_axes(values):
    """Return the number of axes, or -1 for a ragged list."""
    try:
        return np.ndim(values)
    except ValueError:
        return -1
