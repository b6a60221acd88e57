"""An upper bound on the revenue of any auction, by a linear program over utilities.

A bidder's utility, on average over the others, is convex in its values under every auction in
which truth is best for it on average; its gradient is what it gets [1]_. Revenue is linear in that
utility. So the program's variables are utility ``u_k`` and gradient ``x_k`` at places ``v_k`` of a
lattice, convexity is ``u_l >= u_k + <x_k, v_l - v_k>``, and the revenue is bounded from above by
values at these places: :mod:`sklauction.bounds.value_grid`.

What several bidders get is limited by Border's condition [2]_: an item goes to a set of their types
at most as often as one of these is there. As with convexity, such constraints are added where the
solution violates them. Whatever is left out only raises the bound.

References
----------
.. [1] Rochet, "A Necessary and Sufficient Condition for Rationalizability in a Quasi-linear
   Context", Journal of Mathematical Economics 16(2), 1987.
.. [2] Border, "Implementation of Reduced Form Auctions: A Geometric Approach", Econometrica 59(4),
   1991; for bidders that differ: "Reduced Form Auctions Revisited", Economic Theory 31, 2007.
"""

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_matrix, csr_matrix, vstack
from scipy.spatial import cKDTree

from sklauction.analytic.type_program import most_profitable, sparse_rows

__all__ = ["potential_bound"]

# Neighbours per item between which convexity is asked for from the beginning.
NEIGHBOURS = 4
# Sets of types tried per item and round, and constraints of Border's kept of these.
SETS_TRIED, SETS_KEPT = 120, 6
# Violation of Border's condition, a probability, that counts as rounding.
ROUNDING = 1e-6
# Rounds; and the relative fall of the bound that so many of them must bring to go on.
MOST_ROUNDS, PATIENCE, SMALLEST_FALL = 60, 4, 1e-4


def potential_bound(grids, demand="additive", n_alike=1):
    """Return an upper bound on the expected revenue from independent bidders.

    It holds for every auction in which truth is best on average over the others' types and
    participation pays on average, hence for dominant strategies too.

    Parameters
    ----------
    grids : sequence of ValueGrid
        Distribution of the values of each bidder, in money.
    demand : {"additive", "unit"}, default="additive"
    n_alike : int, default=1
        How many bidders each grid stands for.

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
    scaled = [grid._replace(edges=tuple(e / money for e in grid.edges)) for grid in grids]
    alone = len(grids) * n_alike == 1
    players, first = [], 0
    for grid in scaled:
        players.append(_Player(grid, demand, first, everywhere=not alone))
        first += players[-1].n_variables
    return float(money * n_alike * _solve(players, first, n_alike, alone))


def _solve(players, n_variables, n_alike, alone):
    """Add violated constraints until the bound hardly falls; return its value per alike bidder."""
    cost, highest = np.zeros(n_variables), np.full(n_variables, np.inf)
    fixed, limits = [], []
    for player in players:
        player.add_cost(cost)
        highest[player.x] = 1.0
        fixed.append(player.demand_rows(n_variables))
        limits.append(np.ones(fixed[-1].shape[0]))
    lies = [player.close_lies() for player in players]
    bounds = [np.inf] * PATIENCE
    for _ in range(MOST_ROUNDS):
        convex = [player.convexity(lie, n_variables) for player, lie in zip(players, lies)]
        found = linprog(
            cost,
            A_ub=vstack([*fixed, *convex]),
            b_ub=np.concatenate([*limits, np.zeros(sum(part.shape[0] for part in convex))]),
            bounds=np.column_stack([np.zeros(n_variables), highest]),
            method="highs",
        )
        if found.status != 0:
            raise RuntimeError(f"HiGHS could not solve the linear program: {found.message}")
        bounds.append(min(bounds[-1], -float(found.fun)))
        grown = [np.union1d(lie, p.profitable(found.x)) for p, lie in zip(players, lies)]
        n_new = sum(map(len, grown)) - sum(map(len, lies))
        lies = grown
        borders = [] if alone else _border(players, found.x, n_alike, n_variables)
        for row, limit in borders:
            fixed.append(row)
            limits.append(np.array([limit]))
        fall = bounds[-1 - PATIENCE] - bounds[-1]
        if not (n_new or borders) or fall < SMALLEST_FALL * bounds[-1]:
            break
    return bounds[-1]


def _border(players, x, n_alike, n_variables):
    """Return the most violated of Border's constraints, as (row, limit).

    Types of all bidders are ordered by what they get, and sets are the first of them.
    """
    found = []
    utilities = [player.utilities(x) for player in players]
    for item in range(players[0].n_items if not players[0].swaps else 1):
        got = [p.grid.mean_allocation(u, item).ravel() for p, u in zip(players, utilities)]
        order = np.argsort(-np.concatenate(got), kind="stable")
        ends = np.cumsum([0, *map(len, got)])
        tried = []
        for size in np.unique(np.linspace(1, len(order), SETS_TRIED).astype(int)):
            inside = np.zeros(len(order), dtype=bool)
            inside[order[:size]] = True
            sold, absent, terms = 0.0, 1.0, []
            for i, player in enumerate(players):
                cells = inside[ends[i] : ends[i + 1]].reshape(player.grid.weights.shape)
                terms.append(player.grid.sold_terms(cells, item))
                sold += (terms[-1] * utilities[i]).sum()
                absent *= (1.0 - player.grid.weights[cells].sum()) ** n_alike
            limit = (1.0 - absent) / n_alike
            if sold - limit > ROUNDING:
                tried.append((sold - limit, limit, terms))
        tried.sort(key=lambda one: -one[0])
        for _, limit, terms in tried[:SETS_KEPT]:
            parts = [p.utility_row(term) for p, term in zip(players, terms)]
            columns, entries = (np.concatenate(part) for part in zip(*parts))
            shape = (1, n_variables)
            rows = np.zeros(len(columns), dtype=int)
            found.append((coo_matrix((entries, (rows, columns)), shape=shape).tocsr(), limit))
    return found


class _Player:
    """Places, variables and constraints of one bidder."""

    def __init__(self, grid, demand, first, everywhere):
        self.grid, self.demand = grid, demand
        self.terms = grid.revenue_terms()
        self.n_items = grid.weights.ndim
        # With one bidder only the places that the revenue looks at matter.
        used = np.ones(self.terms.size, dtype=bool) if everywhere else self.terms.ravel() != 0
        self.places = np.flatnonzero(used)
        self.points = grid.points()[self.places]
        self.swaps = _items_alike(grid)
        self.u, self.x = self._number(first)
        self.n_variables = max(self.u.max(), self.x.max()) + 1 - first

    def _number(self, first):
        """Return numbers of the variables u (n_places,) and x (n_places, n_items)."""
        n_places = len(self.places)
        if not self.swaps:
            u = first + np.arange(n_places)
            return u, first + n_places + np.arange(n_places * self.n_items).reshape(n_places, -1)
        # Alike items: a place and its permutations share u, and items of equal value share x.
        steps = np.column_stack(np.unravel_index(self.places, self.terms.shape))
        ordered = np.sort(steps, axis=1)
        _, u = np.unique(ordered, axis=0, return_inverse=True)
        u = u.ravel()
        rank = (steps[:, :, None] > steps[:, None, :]).sum(axis=2)
        _, x = np.unique(u[:, None] * self.n_items + rank, return_inverse=True)
        return first + u, first + u.max() + 1 + x.reshape(steps.shape)

    def add_cost(self, cost):
        """Write minus the revenue's coefficients."""
        np.add.at(cost, self.u, -self.terms.ravel()[self.places])

    def demand_rows(self, n_variables):
        """Return the constraints that the bidder gets one item at most, if it wants only one."""
        if self.demand == "additive" or self.n_items == 1:
            return csr_matrix((0, n_variables))
        rows = np.unique(np.sort(self.x, axis=1), axis=0)
        return sparse_rows(np.ones(rows.shape), rows, n_variables)

    def close_lies(self):
        """Return pairs (place, its neighbour), as numbers."""
        n_places = len(self.places)
        k = min(NEIGHBOURS * self.n_items + 1, n_places)
        spread = self.points / np.maximum(np.ptp(self.points, axis=0), 1e-12)
        _, near = cKDTree(spread).query(spread, k=k)
        pairs = np.arange(n_places)[:, None] * n_places + near
        return np.unique(pairs[near != np.arange(n_places)[:, None]])

    def convexity(self, pairs, n_variables):
        """Return the constraints ``u_k + <x_k, v_l - v_k> - u_l <= 0`` of pairs (l, k)."""
        here, there = np.divmod(pairs, len(self.places))
        step = self.points[here] - self.points[there]
        ones = np.ones((len(pairs), 1))
        columns = np.column_stack([self.u[there], self.u[here], self.x[there]])
        rows = np.column_stack([ones, -ones, step])
        return sparse_rows(rows, columns, n_variables)

    def profitable(self, x):
        """Return pairs whose constraints are violated most."""
        u, slopes = x[self.u], x[self.x]
        planes = self.points @ slopes.T + (u - (slopes * self.points).sum(axis=1))
        return most_profitable(planes - u[:, None])

    def utilities(self, x):
        """Return u on the whole lattice; nan where no variable is."""
        utilities = np.full(self.terms.size, np.nan)
        utilities[self.places] = x[self.u]
        return utilities.reshape(self.terms.shape)

    def utility_row(self, terms):
        """Return (columns, entries) of a sum of utilities with these weights."""
        entries = terms.ravel()[self.places]
        kept = entries != 0
        return self.u[kept], entries[kept]


def _items_alike(grid):
    """Say whether swapping any two items leaves the grid the same."""
    axes = range(grid.weights.ndim - 1)
    return grid.weights.ndim > 1 and all(
        len(grid.edges[j]) == len(grid.edges[j + 1])
        and np.allclose(grid.edges[j], grid.edges[j + 1], rtol=1e-12, atol=0)
        and np.allclose(grid.weights, np.swapaxes(grid.weights, j, j + 1), rtol=1e-9, atol=0)
        for j in axes
    )
