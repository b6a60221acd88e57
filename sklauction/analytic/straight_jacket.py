"""The Straight-Jacket Auction: one price per bundle size, for one buyer and uniform values.

Its prices and revenue are given by the volumes of polytopes: for ``a_1 >= a_2 >= ... >= a_r >= 0``,

    V(a_1 .. a_r) = volume of {x >= 0 in R^r : the sum of any k entries <= a_1 + ... + a_k}.

Decomposing the polytope into cones from the origin to its facets gives an exact recursion in ``r``.
The facet where the sum of k entries is tight is the product of a permutohedron of these entries and
the polytope of the others.
"""

from functools import cache
from math import comb

import numpy as np
from scipy.optimize import brentq

__all__ = ["straight_jacket_prices", "straight_jacket_revenue", "volume"]


def volume(increments):
    """Return the volume of ``{x >= 0 : the k largest entries sum to at most a_1 + ... + a_k}``.

    Parameters
    ----------
    increments : sequence of float
        ``a_1 >= a_2 >= ... >= 0``.

    Returns
    -------
    float

    Examples
    --------
    A unit square without the corner beyond ``x + y = 1.5``:

    >>> from sklauction.analytic.straight_jacket import volume
    >>> volume([1.0, 0.5])
    0.875
    """
    a = tuple(float(value) for value in increments)
    sums = np.concatenate([[0.0], np.cumsum(a)])

    @cache
    def permutohedron(start, stop):
        """Return the volume of the permutohedron of a[start:stop], without one coordinate."""
        size = stop - start
        if size == 1:
            return 1.0
        mean = (sums[stop] - sums[start]) / size
        parts = (
            comb(size, k)
            * (sums[start + k] - sums[start] - k * mean)
            * permutohedron(start, start + k)
            * permutohedron(start + k, stop)
            for k in range(1, size)
        )
        return sum(parts) / (size - 1)

    @cache
    def polytope(start):
        """Return the volume of the polytope of a[start:]."""
        size = len(a) - start
        if size == 0:
            return 1.0
        parts = (
            comb(size, k)
            * (sums[start + k] - sums[start])
            * permutohedron(start, start + k)
            * polytope(start + k)
            for k in range(1, size + 1)
        )
        return sum(parts) / size

    return float(polytope(0))


def straight_jacket_prices(n_items):
    """Return the prices of 1, 2, ..., n_items items, for values uniform on [0, 1].

    They solve [1]_ ``V(p_1, p_2 - p_1, ..., p_r - p_(r-1)) = 1 - r / (n_items + 1)`` for each r.

    Parameters
    ----------
    n_items : int

    Returns
    -------
    ndarray of shape (n_items,)

    References
    ----------
    .. [1] Giannakopoulos & Koutsoupias, "Duality and Optimality of Auctions for Uniform
       Distributions", EC 2014: optimal for up to 6 items, conjectured beyond.

    Examples
    --------
    >>> from sklauction.analytic.straight_jacket import straight_jacket_prices
    >>> straight_jacket_prices(2).round(6)
    array([0.666667, 0.861929])
    """
    prices = np.array([n_items / (n_items + 1)])
    for size in range(2, n_items + 1):
        target = 1 - size / (n_items + 1)

        def excess(price, target=target, prices=prices):
            return volume(_increments([*prices, price])) - target

        steepest = prices[-1] + (prices[-1] - prices[-2] if size > 2 else prices[-1])
        prices = np.append(prices, brentq(excess, 0.0, steepest, xtol=1e-14))
    return prices


def _increments(prices):
    """Return the increments of prices, after lowering those above the price of a larger bundle.

    A bundle that costs more than a larger one is never bought, so this changes no choice.
    """
    return np.diff(np.minimum.accumulate(prices[::-1])[::-1], prepend=0.0)


def straight_jacket_revenue(n_items):
    """Return the revenue of the Straight-Jacket Auction, for values uniform on [0, 1].

    A bundle of k items is optimal if the values of its items are high enough and those of the
    others low enough. These events are independent, and their probabilities are volumes.

    Parameters
    ----------
    n_items : int

    Returns
    -------
    float

    Examples
    --------
    >>> from sklauction.analytic.straight_jacket import straight_jacket_revenue
    >>> round(straight_jacket_revenue(2), 10)
    0.5492010046
    """
    prices = straight_jacket_prices(n_items)
    increments = _increments(prices)
    return float(
        sum(
            prices[k - 1]
            * comb(n_items, k)
            * volume(1 - increments[:k][::-1])
            * volume(increments[k:])
            for k in range(1, n_items + 1)
        )
    )
