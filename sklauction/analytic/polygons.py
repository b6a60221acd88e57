"""Exact revenue of a menu of two items, for values uniform on a convex polygon."""

import numpy as np

__all__ = ["polygon_area", "uniform_menu_revenue"]


def uniform_menu_revenue(allocations, prices, vertices):
    """Return the expected price paid by a buyer whose values are uniform on a polygon.

    The region where a row of the menu is best is the polygon cut by one line per other row, so
    the revenue is a sum of polygon areas.

    Parameters
    ----------
    allocations : array-like of shape (n_rows, 2)
    prices : array-like of shape (n_rows,)
        The row without items at price 0 is added.
    vertices : array-like of shape (n_vertices, 2)
        Vertices of a convex polygon in order, in money.

    Returns
    -------
    float

    Examples
    --------
    The optimum of Manelli and Vincent (2006) on the unit square:

    >>> from sklauction.analytic.polygons import uniform_menu_revenue
    >>> both = (4 - 2**0.5) / 3
    >>> square = [(0, 0), (1, 0), (1, 1), (0, 1)]
    >>> menu = [(1, 0), (0, 1), (1, 1)], [2 / 3, 2 / 3, both]
    >>> round(uniform_menu_revenue(*menu, square), 10)
    0.5492010046
    """
    allocations = np.vstack([np.zeros(2), np.asarray(allocations, dtype=float)])
    prices = np.append(0.0, np.asarray(prices, dtype=float))
    vertices = np.asarray(vertices, dtype=float)
    earned = 0.0
    for row in range(1, len(prices)):
        region = vertices
        for other in range(len(prices)):
            if other != row:
                normal = allocations[row] - allocations[other]
                region = _cut(region, normal, prices[row] - prices[other], keep_line=other > row)
        earned += prices[row] * polygon_area(region)
    return float(earned / polygon_area(vertices))


def polygon_area(vertices):
    """Return the area of a polygon of vertices (n_vertices, 2), by the shoelace formula."""
    if len(vertices) < 3:
        return 0.0
    x, y = vertices.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def _cut(vertices, normal, level, keep_line):
    """Return the part of a polygon where ``<v, normal> >= level``.

    For equal rows ``normal`` is zero; then ``keep_line`` decides which of them gets the region.
    """
    if not normal.any():
        whole = level < 0 or (level == 0 and keep_line)
        return vertices if whole else vertices[:0]
    heights = vertices @ normal - level
    kept = []
    for k in range(len(vertices)):
        here, there = heights[k - 1], heights[k]
        if (here < 0) != (there < 0):
            kept.append(vertices[k - 1] + here / (here - there) * (vertices[k] - vertices[k - 1]))
        if there >= 0:
            kept.append(vertices[k])
    return np.array(kept).reshape(-1, 2)
