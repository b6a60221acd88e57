"""Piecewise constant densities on a grid, and bounds on their integrals of convex functions.

A bidder's utility ``u`` under a truthful auction is convex in its values, and its gradient is the
allocation. An integral of ``u`` over a cell or face is therefore at least its value at the center
times the weight (Jensen), and at most the mean over the corners times the weight. Both errors are
of second order in the width of the cells.

The *lattice* has ``2 n + 1`` points per item for n cells: even points are edges of cells, odd ones
their centers.
"""

import functools
from typing import NamedTuple

import numpy as np

__all__ = ["ValueGrid", "grid_of_marginals", "grid_of_samples"]


class ValueGrid(NamedTuple):
    """Distribution of one bidder's values.

    Parameters
    ----------
    edges : tuple of n_items ndarrays of shape (n_cells_j + 1,)
        Ascending edges of the cells along each item, in money.
    weights : ndarray of shape (n_cells_1, ..., n_cells_m)
        Probability of each cell.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.bounds.value_grid import ValueGrid
    >>> grid = ValueGrid((np.array([0.0, 1.0, 3.0]),), np.array([0.5, 0.5]))
    >>> grid.points().ravel()
    array([0. , 0.5, 1. , 2. , 3. ])

    Coefficients of the utility at these points, for an upper bound on the revenue:

    >>> grid.revenue_terms()
    array([ 0.  , -1.  ,  0.25, -1.  ,  0.75])
    """

    edges: tuple
    weights: np.ndarray

    @property
    def lattice_shape(self):
        """Number of lattice points along each item."""
        return tuple(2 * n + 1 for n in self.weights.shape)

    def points(self):
        """Return the values at all lattice points, (n_points, n_items)."""
        axes = []
        for edges in self.edges:
            axis = np.empty(2 * len(edges) - 1)
            axis[::2], axis[1::2] = edges, (edges[1:] + edges[:-1]) / 2
            axes.append(axis)
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))

    def revenue_terms(self):
        """Return coefficients of u at the lattice points for an upper bound on the revenue.

        The revenue is ``E[<grad u, v> - u]``. With a density f that is constant in each cell,
        integration by parts gives ``v_j f u`` on the faces orthogonal to each item j, minus
        ``(m + 1) E[u]``.

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
        """Return coefficients of u at the lattice points for a lower bound on the sale to cells.

        The expected sale of the item is the integral of ``du / dv_j f`` over these cells.

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
        """Return the mean of ``du / dv_j`` over each cell, from u at the lattice points."""
        faces = [slice(1, None, 2)] * self.weights.ndim
        faces[item] = slice(0, None, 2)
        widths = _along(np.diff(self.edges[item]), item, self.weights.ndim)
        return np.diff(utilities[tuple(faces)], axis=item) / widths

    def _jumps(self, weights, item):
        """Return the jumps of density times area at the faces orthogonal to an item."""
        density = weights / _along(np.diff(self.edges[item]), item, weights.ndim)
        pad = [(0, 0)] * weights.ndim
        pad[item] = (1, 1)
        return np.diff(np.pad(density, pad), axis=item)

    def _on_lattice(self, faces, item, at_corners):
        """Place weights of faces orthogonal to an item at their centers or evenly at corners."""
        terms = np.zeros(self.lattice_shape)
        places = [slice(0 if at_corners else 1, None, 2)] * faces.ndim
        places[item] = slice(0, None, 2)
        if at_corners:
            for axis in set(range(faces.ndim)) - {item}:
                pad = np.zeros((faces.ndim, 2), dtype=int)
                pad[axis] = (1, 1)
                faces = np.pad(faces, pad)
                faces = (np.delete(faces, -1, axis) + np.delete(faces, 0, axis)) / 2
        terms[tuple(places)] = faces
        return terms


def grid_of_marginals(marginals, n_cells):
    """Return the grid of independent values that are uniform or mixtures of uniforms.

    Parameters
    ----------
    marginals : sequence of n_items distributions
        Uniform distributions of scipy.stats, or a :class:`~sklauction.datasets.Mixture` of them.
    n_cells : int
        Approximate number of cells per item. Jumps of the density become edges.

    Returns
    -------
    ValueGrid or None
        None if a density is not piecewise constant.
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
    return ValueGrid(tuple(edges), functools.reduce(np.multiply.outer, chances))


def grid_of_samples(values, n_cells):
    """Return the histogram of one bidder's samples.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_items)
        In money.
    n_cells : int
        Number of equal cells per item, over the range of the samples.

    Returns
    -------
    ValueGrid or None
        None if an item has the same value in all samples.
    """
    if (np.ptp(values, axis=0) <= 0).any():
        return None
    counts, edges = np.histogramdd(values, bins=n_cells)
    return ValueGrid(tuple(edges), counts / len(values))


def _along(array, axis, n_axes):
    """Reshape a 1-dimensional array to ``n_axes`` dimensions, with its entries along ``axis``."""
    shape = [1] * n_axes
    shape[axis] = len(array)
    return np.reshape(array, shape)
