"""Finite type spaces: given, or made from samples."""

import functools
from typing import NamedTuple

import numpy as np

from sklauction.base import MONEY
from sklauction.utils.validation import to_floats

__all__ = ["TypeSpace", "bin_samples", "read_types"]

# Differences of types and probabilities, relatively, that count as rounding.
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
        """Return the closest type of each bid, ndarray of int of shape (n, n_bidders)."""
        found = np.empty(bids.shape[:2], dtype=int)
        # Squares of money may be too large or too small to compute with.
        money = max(types.max() for types in self.types) or 1.0
        for bidder, types in enumerate(self.types):
            # |b - t|^2 without the term that is the same for all types.
            types = types / money
            distances = (types**2).sum(axis=1) - 2 * (bids[:, bidder] / money) @ types.T
            found[:, bidder] = distances.argmin(axis=1)
        return found

    def bidders_alike(self):
        """Say whether all bidders have the same types, in the same order, and probabilities."""
        first = (self.types[0], self.probabilities[0])
        return len(self.types) > 1 and all(
            types.shape == first[0].shape
            and np.allclose(types, first[0], rtol=SAME, atol=0)
            and np.allclose(chances, first[1], rtol=SAME, atol=0)
            for types, chances in zip(self.types, self.probabilities, strict=True)
        )

    def items_alike(self):
        """Say whether swapping two items leaves the types of all bidders the same."""
        n_items = self.types[0].shape[1]
        return n_items > 1 and all(
            _same_after_swap(types, chances, item)
            for types, chances in zip(self.types, self.probabilities, strict=True)
            for item in range(n_items - 1)
        )


def _same_after_swap(types, chances, item):
    money = types.max() or 1.0
    table = np.column_stack([np.round(types / money, 9), np.round(chances, 12)])
    moved = table.copy()
    moved[:, [item, item + 1]] = moved[:, [item + 1, item]]
    return np.array_equal(_sorted(table), _sorted(moved))


def _sorted(table):
    return table[np.lexsort(table.T)]


def read_types(types, probabilities, n_bidders, n_items):
    """Return given types as a :class:`TypeSpace`.

    Parameters
    ----------
    types : array-like of shape (n_types, n_items), or list of n_bidders of these
    probabilities : array-like of shape (n_types,), or list of n_bidders of these, or None
    n_bidders, n_items : int

    Returns
    -------
    TypeSpace

    Raises
    ------
    ValueError
        If they do not fit together.
    """
    given = _per_bidder(types, 2, n_bidders, "types", f"(n_types, {n_items})")
    for one in given:
        if one.shape[1] != n_items or not len(one):
            raise ValueError(f"types must have shape (n_types, {n_items}); got {one.shape}")
        if not (np.isfinite(one).all() and (one >= 0).all()):
            raise ValueError("types must be finite and not negative; got others among them")
    top = max(one.max() for one in given)
    least, most = MONEY
    if top > 0 and not least <= top <= most:
        raise ValueError(f"types must reach from {least:g} to {most:g}; got {top} at most")
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
    try:
        array = to_floats(given)
        if array.ndim == n_axes:
            return [array.copy()] * n_bidders
    except ValueError:
        # Bidders with different numbers of types.
        pass
    try:
        parts = [to_floats(part).copy() for part in given]
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must hold numbers, of shape {shape} or for each bidder; got {given!r}"
        ) from error
    if len(parts) != n_bidders or any(part.ndim != n_axes for part in parts):
        raise ValueError(
            f"{name} must have shape {shape}, or be one such array for each of the {n_bidders} "
            f"bidders; got {len(parts)} arrays of shapes {[part.shape for part in parts]}"
        )
    return parts


def bin_samples(valuations, n_bins):
    """Return types and probabilities from samples: the values seen, or cells of a grid.

    Where a bidder shows at most ``n_bins`` different values of every item these are kept as they
    are. Otherwise the range of each item is cut into ``n_bins`` equal cells, and a type is the
    middle of a cell. Only types that were seen are kept.

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
    if len(np.unique(column)) <= n_bins:
        return column
    low, high = column.min(), column.max()
    cells = np.minimum(((column - low) / (high - low) * n_bins).astype(int), n_bins - 1)
    return low + (cells + 0.5) * (high - low) / n_bins
