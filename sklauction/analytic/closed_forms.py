"""Optimal menus for one buyer that are known in closed form, or computed from one.

All are for values uniform on a box or a triangle; money scales out, so ``U[0, 3]`` is here with
``U[0, 1]``. ``status`` says how a revenue is known:

* "closed form": a formula, proved optimal;
* "computed": an exact recursion for an auction that is proved optimal;
* "conjectured": the same, for an auction that is not proved optimal.
"""

import itertools
from typing import NamedTuple

import numpy as np

from sklauction.analytic.polygons import uniform_menu_revenue
from sklauction.analytic.straight_jacket import straight_jacket_prices, straight_jacket_revenue

__all__ = ["ClosedForm", "triangle_optimum", "uniform_box_optimum"]

# Relative difference of two bounds of a box that counts as rounding.
SAME = 1e-9
# A menu of all sets of more items than this is not listed.
MOST_LISTED = 12
# The Straight-Jacket Auction is proved optimal up to so many items.
PROVED = 6


class ClosedForm(NamedTuple):
    """A known optimum.

    Parameters
    ----------
    allocations : ndarray of shape (n_rows, n_items)
        Probability of each item, of every row but nothing for nothing.
    prices : ndarray of shape (n_rows,)
        In money.
    revenue : float
        Expected payment, in money.
    source : str
        Who proved (or conjectured) it.
    status : {"closed form", "computed", "conjectured"}
    """

    allocations: np.ndarray
    prices: np.ndarray
    revenue: float
    source: str
    status: str


def uniform_box_optimum(low, high, demand="additive"):
    """Return the optimal menu for independent values, item j uniform on [low_j, high_j].

    Parameters
    ----------
    low, high : array-like of shape (n_items,)
        In money.
    demand : {"additive", "unit"}, default="additive"

    Returns
    -------
    ClosedForm or None
        None where no closed form is known here.

    Examples
    --------
    >>> from sklauction.analytic.closed_forms import uniform_box_optimum
    >>> found = uniform_box_optimum([4, 4], [16, 7])
    >>> found.allocations, found.prices, round(found.revenue, 6)
    (array([[0.5, 1. ],
           [1. , 1. ]]), array([ 8., 12.]), 9.777778)
    >>> uniform_box_optimum([1, 0], [2, 1]) is None
    True
    """
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    # Products of money may overflow; a power of two as the unit rounds nothing.
    unit = 2.0 ** np.floor(np.log2(high.max()))
    found = _box_optimum(low / unit, high / unit, demand)
    if found is None:
        return None
    return found._replace(prices=unit * found.prices, revenue=float(unit * found.revenue))


def _box_optimum(low, high, demand):
    if len(low) == 1:
        return _one_item(low[0], high[0])
    widths = high - low
    from_zero = (low <= SAME * high).all()
    alike = np.ptp(low) <= SAME * high.max() and np.ptp(high) <= SAME * high.max()
    if demand == "additive" and from_zero and alike and len(low) <= MOST_LISTED:
        return _straight_jacket(len(low), high[0])
    if len(low) != 2:
        return None
    if demand == "additive":
        if from_zero and widths.max() <= 2 * widths.min():
            return _two_uniform(*high)
        unit = high.min() / 7
        dear = int(high.argmax())
        if np.allclose([low[dear], high[dear], low[1 - dear]], np.array([4, 16, 4]) * unit, SAME):
            return _four_to_sixteen(dear, unit)
        return _bundle_of_two(low[0], high[0]) if alike and low[0] >= 0.08 * widths[0] > 0 else None
    if alike and from_zero:
        return _unit_demand_from_zero(high[0])
    if alike and low[0] >= 1.25 * widths[0] > 0:
        return _pavlov(low[0], high[0])
    return None


def triangle_optimum(height=1.0):
    """Return the optimal menu for two values uniform on the triangle (0, 0), (0, h), (h, 0).

    Parameters
    ----------
    height : float, default=1.0
        h, in money.

    Returns
    -------
    ClosedForm
    """
    price = height * 3**-0.5
    return ClosedForm(
        np.ones((1, 2)),
        np.array([price]),
        float(2 / 3 * price),
        "Haghpanah & Hartline 2015: sell both items as one",
        "closed form",
    )


def _one_item(low, high):
    price = max(low, high / 2)
    sold = 1.0 if high == low else (high - price) / (high - low)
    source = "Myerson 1981: the monopoly price"
    return ClosedForm(
        np.ones((1, 1)), np.array([price]), float(price * sold), source, "closed form"
    )


def _straight_jacket(n_items, high):
    sets = np.array(list(itertools.product([0.0, 1.0], repeat=n_items))[1:])
    by_size = high * straight_jacket_prices(n_items)
    sizes = sets.sum(axis=1).astype(int)
    # A set that costs more than a larger one is never bought.
    offered = by_size <= np.minimum.accumulate(by_size[::-1])[::-1]
    kept = offered[sizes - 1]
    if n_items == 2:
        source, status = "Manelli & Vincent 2006", "closed form"
    elif n_items <= PROVED:
        source, status = "Giannakopoulos & Koutsoupias 2014, Straight-Jacket Auction", "computed"
    else:
        source = (
            "Giannakopoulos & Koutsoupias 2014, Straight-Jacket Auction: proved optimal up to "
            f"{PROVED} items"
        )
        status = "conjectured"
    revenue = float(high * straight_jacket_revenue(n_items))
    return ClosedForm(sets[kept], by_size[sizes[kept] - 1], revenue, source, status)


def _two_uniform(first, second):
    # Each item at two thirds of its highest value, both at the price at which the buyers of
    # nothing are a third: the optimality conditions of Daskalakis, Deckelbaum & Tzamos.
    both = (2 * (first + second) - (2 * first * second) ** 0.5) / 3
    allocations = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    prices = np.array([2 * first / 3, 2 * second / 3, both])
    box = [(0, 0), (first, 0), (first, second), (0, second)]
    return ClosedForm(
        allocations,
        prices,
        uniform_menu_revenue(allocations, prices, box),
        "Thirumulanathan, Sundaresan & Narahari 2019, for intervals up to twice as long as "
        "the other; agrees with the linear program on grids",
        "closed form",
    )


def _four_to_sixteen(dear, unit):
    allocations = np.array([[1.0, 1.0], [1.0, 1.0]])
    allocations[0, dear] = 0.5
    source = "Daskalakis, Deckelbaum & Tzamos 2013"
    prices = np.array([8.0, 12.0]) * unit
    return ClosedForm(allocations, prices, float(88 / 9 * unit), source, "closed form")


def _bundle_of_two(low, high):
    # In units of the width, values on [c, c + 1]: both at 2 c + s to all but a corner of area
    # s^2 / 2. Revenue (2 c + s) (1 - s^2 / 2) is largest at 1 - 2 c s - 3 s^2 / 2 = 0.
    width = high - low
    c = low / width
    s = (np.sqrt(4 * c**2 + 6) - 2 * c) / 3
    price = width * (2 * c + s)
    source = "Pavlov 2011: both items as one, for c of at least 0.077 widths"
    revenue = float(price * (1 - s**2 / 2))
    return ClosedForm(np.ones((1, 2)), np.array([price]), revenue, source, "closed form")


def _unit_demand_from_zero(high):
    price = high * 3**-0.5
    revenue = float(2 * high / (3 * 3**0.5))
    source = "Pavlov 2011: either item at the same price"
    return ClosedForm(np.eye(2), np.full(2, price), revenue, source, "closed form")


def _pavlov(low, high):
    # In units of the width, values on [c, c + 1]. The lottery sells at c + x to all but a corner of
    # area 2 x^2; a sure item costs d more and sells where values differ by more than 2 d. Revenue
    # (c + x) (1 - 2 x^2) + d (1 - 2 d)^2 is largest at d = 1/6 and 1 - 4 c x - 6 x^2 = 0.
    width = high - low
    c = low / width
    x = (np.sqrt(4 * c**2 + 6) - 2 * c) / 6
    allocations = np.array([[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]])
    prices = width * np.array([c + x, c + x + 1 / 6, c + x + 1 / 6])
    revenue = width * ((c + x) * (1 - 2 * x**2) + 2 / 27)
    source = "Pavlov 2011: a lottery over the items, or a sure one"
    return ClosedForm(allocations, prices, float(revenue), source, "closed form")
