"""Densities that are constant on the cells of a grid, and integrals of a convex function by them.

A buyer's utility ``u`` under any truthful auction is convex in its values, and its gradient is what
it gets. So integrals of ``u`` are bounded from below by its value in the middle of a cell or face
(Jensen), and from above by the mean over the corners. Both are exact up to the square of the
width of the cells.

Places are numbered on a lattice with ``2 n + 1`` steps per item: even steps are edges of cells,
odd ones their middles.
"""

from typing import NamedTuple

import numpy as np

__all__ = ["ValueGrid", "grid_of_marginals", "grid_of_samples"]


class ValueGrid(NamedTuple):
    """One bidder's distribution of values.

    Parameters
    ----------
    edges : tuple of n_items ndarrays of shape (n_cells_j + 1,)
        Of the cells along each item, ascending, in money.
    weights : ndarray of shape (n_cells_1, ..., n_cells_m)
        Probability of each cell.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.bounds.value_grid import ValueGrid
    >>> grid = ValueGrid((np.array([0.0, 1.0, 3.0]),), np.array([0.5, 0.5]))
    >>> grid.points().ravel()
    array([0. , 0.5, 1. , 2. , 3. ])

    Weights of the utility at these places whose sum is the revenue at most:

    >>> grid.revenue_terms()
    array([ 0.  , -1.  ,  0.25, -1.  ,  0.75])
    """

    edges: tuple
    weights: np.ndarray

    @property
    def lattice_shape(self):
        """Steps of the lattice along each item."""
        return tuple(2 * n + 1 for n in self.weights.shape)

    def points(self):
        """Return the values at every place of the lattice, (n_places, n_items)."""
        steps = []
        for edges in self.edges:
            step = np.empty(2 * len(edges) - 1)
            step[::2], step[1::2] = edges, (edges[1:] + edges[:-1]) / 2
            steps.append(step)
        return np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, len(steps))

    def revenue_terms(self):
        """Return weights of u at all places, so that their sum is an upper bound on the revenue.

        Revenue is ``E[<grad u, v> - u]``. By parts it is, with the density f constant in each
        cell, ``v_j f u`` on the faces of cells across each item j, less ``(m + 1) E[u]``.

        Returns
        -------
        ndarray of shape lattice_shape
        """
        n_items = self.weights.ndim
        terms = np.zeros(self.lattice_shape)
        terms[(slice(1, None, 2),) * n_items] = -(n_items + 1) * self.weights
        for item, edges in enumerate(self.edges):
            jumps = -self._jumps(self.weights, item) * _along(edges, item, n_items)
            terms += self._on_lattice(np.maximum(jumps, 0), item, at_corners=True)
            terms += self._on_lattice(np.minimum(jumps, 0), item, at_corners=False)
        return terms

    def sold_terms(self, cells, item):
        """Return weights of u at all places, so that their sum is at most what is sold to cells.

        That is the integral of ``du / dv_j f`` over these cells.

        Parameters
        ----------
        cells : ndarray of bool of shape (n_cells_1, ..., n_cells_m)
        item : int

        Returns
        -------
        ndarray of shape lattice_shape
        """
        jumps = -self._jumps(np.where(cells, self.weights, 0.0), item)
        terms = self._on_lattice(np.maximum(jumps, 0), item, at_corners=False)
        return terms + self._on_lattice(np.minimum(jumps, 0), item, at_corners=True)

    def mean_allocation(self, utilities, item):
        """Return the mean of ``du / dv_j`` over each cell, from u at all places."""
        faces = [slice(1, None, 2)] * self.weights.ndim
        faces[item] = slice(0, None, 2)
        widths = _along(np.diff(self.edges[item]), item, self.weights.ndim)
        return np.diff(utilities[tuple(faces)], axis=item) / widths

    def _jumps(self, weights, item):
        """Return by how much density times area rises at each face across an item."""
        density = weights / _along(np.diff(self.edges[item]), item, weights.ndim)
        pad = [(0, 0)] * weights.ndim
        pad[item] = (1, 1)
        return np.diff(np.pad(density, pad), axis=item)

    def _on_lattice(self, faces, item, at_corners):
        """Return weights of faces across an item at their middles or spread over their corners."""
        terms = np.zeros(self.lattice_shape)
        places = [slice(0 if at_corners else 1, None, 2)] * faces.ndim
        places[item] = slice(0, None, 2)
        if at_corners:
            for axis in set(range(faces.ndim)) - {item}:
                pad = np.zeros((faces.ndim, 2), dtype=int)
                pad[axis] = (1, 1)
                faces = np.pad(faces, pad)
                first, last = [slice(None)] * faces.ndim, [slice(None)] * faces.ndim
                first[axis], last[axis] = slice(None, -1), slice(1, None)
                faces = (faces[tuple(first)] + faces[tuple(last)]) / 2
        terms[tuple(places)] = faces
        return terms


def grid_of_marginals(marginals, n_cells):
    """Return the grid of independent values, uniform or mixed of uniform ones.

    Parameters
    ----------
    marginals : sequence of n_items distributions
        Of scipy.stats, uniform, or :class:`~sklauction.datasets.Mixture` of such.
    n_cells : int
        Cells per item, at least; where densities jump there is an edge.

    Returns
    -------
    ValueGrid or None
        None where a density is not piecewise constant.
    """
    edges, chances = [], []
    for marginal in marginals:
        pieces = getattr(marginal, "components", (marginal,))
        if any(getattr(getattr(one, "dist", None), "name", None) != "uniform" for one in pieces):
            return None
        breaks = np.unique([one.support() for one in pieces])
        if len(breaks) < 2:
            return None
        shares = np.diff(breaks) / (breaks[-1] - breaks[0])
        counts = np.maximum(np.round(shares * n_cells), 1).astype(int)
        parts = [
            np.linspace(low, high, count, endpoint=False)
            for low, high, count in zip(breaks[:-1], breaks[1:], counts, strict=True)
        ]
        edges.append(np.append(np.concatenate(parts), breaks[-1]))
        chances.append(np.diff(marginal.cdf(edges[-1])))
    weights = chances[0]
    for chance in chances[1:]:
        weights = np.multiply.outer(weights, chance)
    return ValueGrid(tuple(edges), weights)


def grid_of_samples(values, n_cells):
    """Return the histogram of one bidder's samples.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_items)
        In money.
    n_cells : int
        Equal cells per item, over the range of the samples.

    Returns
    -------
    ValueGrid or None
        None where an item has the same value in all samples.
    """
    if (np.ptp(values, axis=0) <= 0).any():
        return None
    counts, edges = np.histogramdd(values, bins=n_cells)
    return ValueGrid(tuple(edges), counts / len(values))


def _along(array, axis, n_axes):
    """Return an array of one axis as one of ``n_axes``, its entries along ``axis``."""
    shape = [1] * n_axes
    shape[axis] = len(array)
    return np.reshape(array, shape)
