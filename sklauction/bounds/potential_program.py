"""Upper bound on the revenue of any auction, by a linear program over utilities.

Under a Bayesian incentive-compatible auction, a bidder's interim utility is convex in its values,
and its gradient is the interim allocation [1]_. The revenue is linear in the utility. The
program's variables are the utilities ``u_k`` and gradients ``x_k`` at points ``v_k`` of a lattice.
Convexity is ``u_l >= u_k + <x_k, v_l - v_k>``, and the revenue is bounded by a linear function of
the utilities; see :mod:`sklauction.bounds.value_grid`.

For several bidders, allocations satisfy Border's condition [2]_: the probability that an item goes
to a set of types is at most the probability that one of these types is present. Constraints of
convexity and Border's condition are added when violated; missing ones only weaken the bound.

References
----------
.. [1] Rochet, "A Necessary and Sufficient Condition for Rationalizability in a Quasi-linear
   Context", Journal of Mathematical Economics 16(2), 1987.
.. [2] Border, "Implementation of Reduced Form Auctions: A Geometric Approach", Econometrica 59(4),
   1991; for asymmetric bidders: "Reduced Form Auctions Revisited", Economic Theory 31, 2007.
"""

import math

import numpy as np
from scipy.sparse import vstack
from scipy.spatial import cKDTree

from sklauction.analytic.sparse_lp import largest_violations, solve_lp, sparse_rows, sum_rows
from sklauction.domains.auctions import auction_of

__all__ = ["potential_bound"]

# Neighbours per item with convexity constraints in the first round.
N_NEIGHBOURS = 4
# Sets of types tried per item and round, and how many of their constraints are added.
SETS_TRIED, SETS_ADDED = 120, 6
# Violations of Border's condition, in probability, that count as rounding.
ROUNDING = 1e-6
# Number of rounds; stop if the last PATIENCE rounds lowered the bound by less than SMALLEST_FALL,
# relatively.
MOST_ROUNDS, PATIENCE, SMALLEST_FALL = 60, 4, 1e-4


def potential_bound(grids, demand="additive", n_alike=1):
    """Return an upper bound on the expected revenue from independent bidders.

    It holds for all auctions that are incentive-compatible and individually rational on average
    over the others' types, and hence for dominant strategies.

    Parameters
    ----------
    grids : sequence of ValueGrid
        Distributions of the bidders' values, in money.
    demand : {"additive", "unit"} or Auction, default="additive"
    n_alike : int, default=1
        Number of bidders with the distribution of each grid.

    Returns
    -------
    float
        Money.

    Raises
    ------
    RuntimeError
        If HiGHS fails.

    Examples
    --------
    >>> from scipy.stats import uniform
    >>> from sklauction.bounds.potential_program import potential_bound
    >>> from sklauction.bounds.value_grid import grid_of_marginals
    >>> grid = grid_of_marginals([uniform(0, 1), uniform(0, 1)], 20)
    >>> round(potential_bound([grid]), 4)  # the optimum is 0.5492
    0.5513
    """
    money = max(edges[-1] for grid in grids for edges in grid.edges)
    single = len(grids) * n_alike == 1
    bidders, n_variables = [], 0
    for grid in grids:
        scaled = grid._replace(edges=tuple(edges / money for edges in grid.edges))
        bidders.append(_Bidder(scaled, auction_of(demand), n_variables, all_points=not single))
        n_variables += bidders[-1].n_variables
    return float(money * n_alike * _solve(bidders, n_variables, n_alike, single))


def _solve(bidders, n_variables, n_alike, single):
    """Return the bound divided by ``n_alike``, after adding violated constraints."""
    cost, bounds = np.zeros(n_variables), np.tile([0.0, np.inf], (n_variables, 1))
    for bidder in bidders:
        np.add.at(cost, bidder.u, -bidder.revenue_terms[bidder.used])
        bounds[bidder.x, 1] = 1.0
    fixed = vstack([bidder.demand_rows(n_variables) for bidder in bidders])
    limits = np.ones(fixed.shape[0])
    pairs = [bidder.close_pairs() for bidder in bidders]
    values = [np.inf] * PATIENCE
    for _ in range(MOST_ROUNDS):
        convex = [bidder.convexity(k, n_variables) for bidder, k in zip(bidders, pairs)]
        rows = vstack([fixed, *convex])
        found = solve_lp(cost, rows, limits, bounds)
        values.append(min(values[-1], -float(found.fun)))
        n_known = sum(map(len, pairs))
        pairs = [np.union1d(k, b.violated_pairs(found.x)) for b, k in zip(bidders, pairs)]
        border = [] if single else _violated_border(bidders, found.x, n_alike, n_variables)
        for row, limit in border:
            fixed, limits = vstack([fixed, row]), np.append(limits, limit)
        small_fall = values[-1 - PATIENCE] - values[-1] < SMALLEST_FALL * values[-1]
        if small_fall or not (border or sum(map(len, pairs)) > n_known):
            break
    return values[-1]


def _violated_border(bidders, x, n_alike, n_variables):
    """Return the most violated constraints of Border's condition, as (row, limit)."""
    utilities = [bidder.utilities(x) for bidder in bidders]
    found = []
    for item in range(1 if bidders[0].items_alike else bidders[0].n_items):
        violated = []
        for cells in _candidate_sets(bidders, utilities, item):
            terms = [b.grid.sold_terms(own, item) for b, own in zip(bidders, cells)]
            sold = sum((term * u).sum() for term, u in zip(terms, utilities))
            absent = [1.0 - b.grid.weights[own].sum() for b, own in zip(bidders, cells)]
            limit = (1.0 - math.prod(chance**n_alike for chance in absent)) / n_alike
            if sold - limit > ROUNDING:
                violated.append((sold - limit, limit, terms))
        violated.sort(key=lambda one: -one[0])
        for _, limit, terms in violated[:SETS_ADDED]:
            parts = [bidder.utility_row(term) for bidder, term in zip(bidders, terms)]
            columns, entries = (np.concatenate(part) for part in zip(*parts))
            found.append((sparse_rows(entries[None], columns[None], n_variables), limit))
    return found


def _candidate_sets(bidders, utilities, item):
    """Yield sets of the types with the highest allocation, as a mask of cells per bidder."""
    got = [b.grid.mean_allocation(u, item).ravel() for b, u in zip(bidders, utilities)]
    order = np.argsort(-np.concatenate(got), kind="stable")
    ends = np.cumsum([len(part) for part in got])[:-1]
    for size in np.unique(np.linspace(1, len(order), SETS_TRIED).astype(int)):
        inside = np.zeros(len(order), dtype=bool)
        inside[order[:size]] = True
        masks = np.split(inside, ends)
        yield [mask.reshape(b.grid.weights.shape) for mask, b in zip(masks, bidders)]


class _Bidder:
    """Lattice points, variables and constraints of one bidder.

    Variables are ``u`` (n_points,) and ``x`` (n_points, n_items). A pair (l, k) of points is the
    number ``l * n_points + k``.
    """

    def __init__(self, grid, domain, first, all_points):
        self.grid, self.domain = grid, domain
        self.revenue_terms = grid.revenue_terms().ravel()
        self.n_items = grid.weights.ndim
        # A single bidder needs only the points in the revenue.
        self.used = np.flatnonzero((self.revenue_terms != 0) | all_points)
        self.points = grid.points()[self.used]
        self.items_alike = _items_alike(grid)
        self.u, self.x = self._make_variables(first)
        self.n_variables = max(self.u.max(), self.x.max()) + 1 - first

    def _make_variables(self, first):
        """Return the numbers of the variables u and x, from ``first``."""
        n_points = len(self.used)
        if not self.items_alike:
            u = first + np.arange(n_points)
            return u, first + n_points + np.arange(n_points * self.n_items).reshape(n_points, -1)
        # Permutations of a point share u, and items of equal value share x.
        steps = np.column_stack(np.unravel_index(self.used, self.grid.lattice_shape))
        _, u = np.unique(np.sort(steps, axis=1), axis=0, return_inverse=True)
        u = u.ravel()
        rank = (steps[:, :, None] > steps[:, None, :]).sum(axis=2)
        _, x = np.unique(u[:, None] * self.n_items + rank, return_inverse=True)
        return first + u, first + u.max() + 1 + x.reshape(steps.shape)

    def demand_rows(self, n_variables):
        """Return the rows that sum the allocation, which is at most 1 for unit demand."""
        limited = self.domain.limits(self.n_items)
        return sum_rows(self.x[: None if limited else 0], n_variables)

    def close_pairs(self):
        """Return the pairs of neighbouring points."""
        n_points = len(self.used)
        k = min(N_NEIGHBOURS * self.n_items + 1, n_points)
        spread = self.points / np.maximum(np.ptp(self.points, axis=0), 1e-12)
        _, near = cKDTree(spread).query(spread, k=k)
        pairs = np.arange(n_points)[:, None] * n_points + near
        return np.unique(pairs[near != np.arange(n_points)[:, None]])

    def convexity(self, pairs, n_variables):
        """Return the rows ``u_k + <x_k, v_l - v_k> - u_l``, at most 0, of pairs (l, k)."""
        here, there = np.divmod(pairs, len(self.used))
        step = self.points[here] - self.points[there]
        ones = np.ones((len(pairs), 1))
        columns = np.column_stack([self.u[there], self.u[here], self.x[there]])
        rows = np.column_stack([ones, -ones, step])
        return sparse_rows(rows, columns, n_variables)

    def violated_pairs(self, x):
        """Return the pairs whose convexity constraints are violated most."""
        u, slopes = x[self.u], x[self.x]
        planes = self.points @ slopes.T + (u - (slopes * self.points).sum(axis=1))
        return largest_violations(planes - u[:, None])

    def utilities(self, x):
        """Return u on the whole lattice; NaN at points without a variable."""
        utilities = np.full(self.revenue_terms.size, np.nan)
        utilities[self.used] = x[self.u]
        return utilities.reshape(self.grid.lattice_shape)

    def utility_row(self, terms):
        """Return columns and entries of the sum of utilities with these coefficients."""
        entries = terms.ravel()[self.used]
        kept = entries != 0
        return self.u[kept], entries[kept]


def _items_alike(grid):
    """Return whether the grid is invariant to swapping items."""
    axes = range(grid.weights.ndim - 1)
    return grid.weights.ndim > 1 and all(
        len(grid.edges[j]) == len(grid.edges[j + 1])
        and np.allclose(grid.edges[j], grid.edges[j + 1], rtol=1e-12, atol=0)
        and np.allclose(grid.weights, np.swapaxes(grid.weights, j, j + 1), rtol=1e-9, atol=0)
        for j in axes
    )
