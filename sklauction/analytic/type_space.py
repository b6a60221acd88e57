"""Finite type spaces, given by the user or estimated from samples."""

import functools
from typing import NamedTuple

import numpy as np

from sklauction.domains.auctions import MONEY
from sklauction.utils.validation import check_numbers, to_floats

__all__ = ["TypeSpace", "bin_samples", "read_types"]

# Relative differences between types, and probabilities, that count as rounding.
SAME = 1e-9


class TypeSpace(NamedTuple):
    """Types of independent bidders and their probabilities.

    Parameters
    ----------
    types : list of n_bidders ndarrays of shape (n_types_i, n_items)
        In money.
    probabilities : list of n_bidders ndarrays of shape (n_types_i,)
    """

    types: list
    probabilities: list

    def weights(self):
        """Return the probability of each profile, ndarray of shape (n_types_1, ...)."""
        return functools.reduce(np.multiply.outer, self.probabilities)

    def closest(self, bids):
        """Return the index of the closest type of each bid, (n_samples, n_bidders)."""
        found = np.empty(bids.shape[:2], dtype=int)
        # So that squares neither overflow nor vanish.
        money = max(types.max() for types in self.types) or 1.0
        for bidder, types in enumerate(self.types):
            # |b - t|^2 without |b|^2, which is the same for all types.
            types = types / money
            distances = (types**2).sum(axis=1) - 2 * (bids[:, bidder] / money) @ types.T
            found[:, bidder] = distances.argmin(axis=1)
        return found

    def bidders_alike(self):
        """Return whether all bidders have the same types, in the same order, and probabilities."""
        first = (self.types[0], self.probabilities[0])
        return len(self.types) > 1 and all(
            types.shape == first[0].shape
            and np.allclose(types, first[0], rtol=SAME, atol=0)
            and np.allclose(chances, first[1], rtol=SAME, atol=0)
            for types, chances in zip(self.types, self.probabilities, strict=True)
        )

    def items_alike(self):
        """Return whether the types of all bidders are invariant to swapping items."""
        n_items = self.types[0].shape[1]
        return n_items > 1 and all(
            _same_after_swap(types, chances, item)
            for types, chances in zip(self.types, self.probabilities, strict=True)
            for item in range(n_items - 1)
        )


def _same_after_swap(types, chances, item):
    """Return whether types are invariant to swapping ``item`` and the next item."""
    money = types.max() or 1.0
    table = np.column_stack([np.round(types / money, 9), np.round(chances, 12)])
    moved = table.copy()
    moved[:, [item, item + 1]] = moved[:, [item + 1, item]]
    return np.array_equal(*(one[np.lexsort(one.T)] for one in (table, moved)))


def read_types(types, probabilities, n_bidders, n_items):
    """Validate types and probabilities given by the user.

    Parameters
    ----------
    types : array-like of shape (n_types, n_items), or list of n_bidders of these
    probabilities : array-like of shape (n_types,), or list of n_bidders of these, or None
        Uniform if None.
    n_bidders, n_items : int

    Returns
    -------
    TypeSpace

    Raises
    ------
    ValueError
        If shapes do not match, types are not finite and non-negative, or probabilities do not sum
        to 1.
    """
    given = _per_bidder(types, 2, n_bidders, "types", f"(n_types, {n_items})")
    for one in given:
        check_numbers(one, "types", ("n_types", n_items), least=0.0)
    top = max(one.max() for one in given)
    least, most = MONEY
    if top > 0 and not least <= top <= most:
        raise ValueError(f"types must have a maximum from {least:g} to {most:g}; got {top}")
    if probabilities is None:
        chances = [np.full(len(one), 1 / len(one)) for one in given]
    else:
        chances = _per_bidder(probabilities, 1, n_bidders, "probabilities", "(n_types,)")
    for one, chance in zip(given, chances, strict=True):
        if chance.shape != (len(one),) or (chance < 0).any() or abs(chance.sum() - 1) > 1e-8:
            raise ValueError(
                f"probabilities must be {len(one)} non-negative numbers that sum to 1; got "
                f"{chance.tolist()}"
            )
    return TypeSpace(given, chances)


def _per_bidder(given, n_axes, n_bidders, name, shape):
    """Return one array per bidder, from one for all bidders or a list."""
    try:
        array = to_floats(given)
        if array.ndim == n_axes:
            return [array.copy()] * n_bidders
    except ValueError:
        pass  # bidders with different numbers of types
    try:
        parts = [to_floats(part).copy() for part in given]
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must contain numbers, of shape {shape} or for each bidder; got {given!r}"
        ) from error
    if len(parts) != n_bidders or any(part.ndim != n_axes for part in parts):
        raise ValueError(
            f"{name} must have shape {shape}, or be one such array for each of the {n_bidders} "
            f"bidders; got {len(parts)} arrays of shapes {[part.shape for part in parts]}"
        )
    return parts


def bin_samples(valuations, n_bins):
    """Return types and probabilities estimated from samples.

    An item with at most ``n_bins`` distinct values of a bidder keeps them. Otherwise its range is
    divided into ``n_bins`` equal cells, and values become midpoints of their cells. Types are the
    distinct rows of these values.

    Parameters
    ----------
    valuations : ndarray of shape (n_samples, n_bidders, n_items)
    n_bins : int

    Returns
    -------
    TypeSpace
    """
    types, probabilities = [], []
    for values in np.swapaxes(valuations, 0, 1):
        columns = [_to_cells(column, n_bins) for column in values.T]
        rows, counts = np.unique(np.column_stack(columns), axis=0, return_counts=True)
        types.append(rows)
        probabilities.append(counts / len(values))
    return TypeSpace(types, probabilities)


def _to_cells(column, n_bins):
    """Return the midpoint of the cell of each value; values unchanged if few are distinct."""
    if len(np.unique(column)) <= n_bins:
        return column
    low, high = column.min(), column.max()
    cells = np.minimum(((column - low) / (high - low) * n_bins).astype(int), n_bins - 1)
    return low + (cells + 0.5) * (high - low) / n_bins
