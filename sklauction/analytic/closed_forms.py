"""Known optimal menus for one buyer, for values uniform on a box or a triangle.

Formulas hold in any unit of money. ``status`` describes how revenue and optimality are known:

* "closed form": a formula, proved optimal;
* "computed": an exact recursion, proved optimal;
* "conjectured": an exact recursion, conjectured optimal.
"""

import itertools
from typing import NamedTuple

import numpy as np

from sklauction.analytic.polygons import uniform_menu_revenue
from sklauction.analytic.straight_jacket import straight_jacket_prices, straight_jacket_revenue
from sklauction.domains.auctions import auction_of

__all__ = ["ClosedForm", "triangle_optimum", "uniform_box_optimum"]

# Relative difference between bounds of a box that counts as rounding.
SAME = 1e-9
# Largest number of items for which a menu lists all bundles.
MOST_LISTED = 12
# Largest number of items for which the Straight-Jacket Auction is proved optimal.
PROVED = 6


class ClosedForm(NamedTuple):
    """A known optimum.

    Parameters
    ----------
    allocations : ndarray of shape (n_rows, n_items)
        Allocation probabilities of the menu's rows, without the row of no item.
    prices : ndarray of shape (n_rows,)
        Prices, in money.
    revenue : float
        Expected payment, in money.
    source : str
        Paper with the proof or conjecture.
    status : {"closed form", "computed", "conjectured"}, default="closed form"
    """

    allocations: np.ndarray
    prices: np.ndarray
    revenue: float
    source: str
    status: str = "closed form"


def uniform_box_optimum(low, high, demand="additive"):
    """Return the optimal menu for independent values, uniform on [low_j, high_j] for item j.

    Parameters
    ----------
    low, high : array-like of shape (n_items,)
        In money.
    demand : {"additive", "unit"} or Auction, default="additive"

    Returns
    -------
    ClosedForm or None
        None if the optimum is not implemented.

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
    # Avoids overflow of products; scaling by a power of two is exact.
    unit = 2.0 ** np.floor(np.log2(high.max()))
    found = _box_optimum(low / unit, high / unit, auction_of(demand).exclusive)
    if found is None:
        return None
    return found._replace(prices=unit * found.prices, revenue=float(unit * found.revenue))


def _box_optimum(low, high, exclusive):
    """Return the optimum for a box, in units in which products do not overflow."""
    if len(low) == 1:
        return _one_item(low[0], high[0])
    from_zero = (low <= SAME * high).all()
    alike = np.ptp(low) <= SAME * high.max() and np.ptp(high) <= SAME * high.max()
    if not exclusive and from_zero and alike and len(low) <= MOST_LISTED:
        return _straight_jacket(len(low), high[0])
    if len(low) != 2:
        return None
    optimum = _two_unit_demand if exclusive else _two_additive
    return optimum(low, high, from_zero, alike)


def _two_additive(low, high, from_zero, alike):
    widths = high - low
    if from_zero and widths.max() <= 2 * widths.min():
        return _two_uniform(*high)
    unit, wide = high.min() / 7, int(high.argmax())
    if np.allclose([low[wide], high[wide], low[1 - wide]], np.array([4, 16, 4]) * unit, SAME):
        return _four_to_sixteen(wide, unit)
    return _bundle_of_two(low[0], high[0]) if alike and low[0] >= 0.08 * widths[0] > 0 else None


def _two_unit_demand(low, high, from_zero, alike):
    if alike and from_zero:
        source = "Pavlov 2011: each item at the same price"
        prices, revenue = np.full(2, high[0] * 3**-0.5), float(2 * high[0] / (3 * 3**0.5))
        return ClosedForm(np.eye(2), prices, revenue, source)
    if alike and low[0] >= 1.25 * (high[0] - low[0]) > 0:
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
    source = "Haghpanah & Hartline 2015: sell the bundle of both items"
    return _bundle(2, height * 3**-0.5, 2 / 3, source)


def _bundle(n_items, price, sold, source):
    """Return the sale of all items at one price, which a share ``sold`` of the buyers pays."""
    return ClosedForm(np.ones((1, n_items)), np.array([price]), float(price * sold), source)


def _one_item(low, high):
    price = max(low, high / 2)
    sold = 1.0 if high == low else (high - price) / (high - low)
    return _bundle(1, price, sold, "Myerson 1981: the monopoly price")


def _straight_jacket(n_items, high):
    sets = np.array(list(itertools.product([0.0, 1.0], repeat=n_items))[1:])
    by_size = high * straight_jacket_prices(n_items)
    sizes = sets.sum(axis=1).astype(int)
    # A bundle that costs more than a larger one is never bought.
    offered = by_size <= np.minimum.accumulate(by_size[::-1])[::-1]
    kept = offered[sizes - 1]
    source, status = "Giannakopoulos & Koutsoupias 2014, Straight-Jacket Auction", "computed"
    if n_items == 2:
        source, status = "Manelli & Vincent 2006", "closed form"
    elif n_items > PROVED:
        source, status = f"{source}: proved optimal up to {PROVED} items", "conjectured"
    revenue = float(high * straight_jacket_revenue(n_items))
    return ClosedForm(sets[kept], by_size[sizes[kept] - 1], revenue, source, status)


def _two_uniform(first, second):
    # Each item costs 2/3 of its highest value; the price of both is such that a third of the buyers
    # buys nothing: the optimality conditions of Daskalakis, Deckelbaum & Tzamos.
    both = (2 * (first + second) - (2 * first * second) ** 0.5) / 3
    allocations = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    prices = np.array([2 * first / 3, 2 * second / 3, both])
    box = [(0, 0), (first, 0), (first, second), (0, second)]
    return ClosedForm(
        allocations,
        prices,
        uniform_menu_revenue(allocations, prices, box),
        "Thirumulanathan, Sundaresan & Narahari 2019, for one interval at most twice as long as "
        "the other; agrees with the linear program on grids",
    )


def _four_to_sixteen(wide, unit):
    allocations = np.array([[1.0, 1.0], [1.0, 1.0]])
    allocations[0, wide] = 0.5
    source = "Daskalakis, Deckelbaum & Tzamos 2013"
    prices = np.array([8.0, 12.0]) * unit
    return ClosedForm(allocations, prices, float(88 / 9 * unit), source)


def _bundle_of_two(low, high):
    # In units of the width, values are on [c, c + 1]. A bundle price of 2 c + s excludes a corner
    # of area s^2 / 2; the revenue (2 c + s) (1 - s^2 / 2) is maximal at 1 - 2 c s - 3 s^2 / 2 = 0.
    width = high - low
    c = low / width
    s = (np.sqrt(4 * c**2 + 6) - 2 * c) / 3
    source = "Pavlov 2011: sell the bundle of both items, for c of at least 0.077 widths"
    return _bundle(2, width * (2 * c + s), 1 - s**2 / 2, source)


def _pavlov(low, high):
    # In units of the width, values are on [c, c + 1]. A lottery price of c + x excludes a corner of
    # area 2 x^2; an item for sure costs d more and is bought if values differ by more than 2 d. The
    # revenue (c + x) (1 - 2 x^2) + d (1 - 2 d)^2 is maximal at d = 1/6 and 1 - 4 c x - 6 x^2 = 0.
    width = high - low
    c = low / width
    x = (np.sqrt(4 * c**2 + 6) - 2 * c) / 6
    allocations = np.array([[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]])
    prices = width * np.array([c + x, c + x + 1 / 6, c + x + 1 / 6])
    revenue = width * ((c + x) * (1 - 2 * x**2) + 2 / 27)
    source = "Pavlov 2011: a lottery over the items, or one item for sure"
    return ClosedForm(allocations, prices, float(revenue), source)
