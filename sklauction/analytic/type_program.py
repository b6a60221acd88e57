"""Automated mechanism design: the revenue-optimal auction for finitely many types.

Variables are the allocation and payments of every profile of types. Incentive constraints
("bidder i of type t does not gain by the report s") are many more than bind, so the program starts
with those between types that lie close together, and adds what its solution violates until nothing
is left. Its value is an upper bound at every step, as constraints are still missing then.

Variables that bidders or items which are alike only swap are one: an average of an optimal
auction over such swaps is an optimal auction.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_matrix, csr_matrix, vstack
from scipy.sparse.csgraph import connected_components

__all__ = [
    "TypeProgram",
    "TypeSolution",
    "most_profitable",
    "program_size",
    "solve_types",
    "sparse_rows",
]

# Gain from a lie that counts as none, relative to the largest value: HiGHS's own tolerance.
TOLERANCE = 1e-7
# Close types between which constraints stand from the beginning, and lies added per type and round.
CLOSE, ADDED = 8, 4
# Rounds of adding constraints; three to eight were enough wherever this was tried.
MOST_ROUNDS = 60
# Bytes that a constraint takes while it is built and solved, per entry.
ENTRY_BYTES = 100


class TypeProgram(NamedTuple):
    """What is to be solved.

    Parameters
    ----------
    types : list of n_bidders ndarrays of shape (n_types_i, n_items)
        Values that each bidder may have, in money.
    weights : ndarray of shape (n_types_1, ..., n_types_n)
        Probability of each profile of types.
    demand : {"additive", "unit"}
    incentive : {"dsic", "bic"}
        Whether truth is best whatever the others' types are, or on average over them.
    alike_bidders, alike_items : bool
        Whether bidders (items) may be swapped: types and weights must be the same then.
    """

    types: list
    weights: np.ndarray
    demand: str
    incentive: str
    alike_bidders: bool
    alike_items: bool


class TypeSolution(NamedTuple):
    """The optimal auction for finitely many types.

    Parameters
    ----------
    allocations : ndarray of shape (n_types_1, ..., n_types_n, n_bidders, n_items)
    payments : ndarray of shape (n_types_1, ..., n_types_n, n_bidders)
        In money.
    revenue : float
        Expected total payment.
    upper_bound : float
        No auction for these types earns more: the value of the dual program.
    n_variables, n_constraints, n_rounds : int
    """

    allocations: np.ndarray
    payments: np.ndarray
    revenue: float
    upper_bound: float
    n_variables: int
    n_constraints: int
    n_rounds: int


def program_size(n_types, n_items, incentive="dsic"):
    """Return numbers of variables and constraints before symmetries, and bytes to solve it.

    Parameters
    ----------
    n_types : sequence of int
        Types of each bidder.
    n_items : int
    incentive : {"dsic", "bic"}

    Returns
    -------
    n_variables, n_constraints, n_bytes : int

    Examples
    --------
    >>> from sklauction.analytic.type_program import program_size
    >>> program_size([1600], 2)[:2]
    (4800, 14400)
    """
    n_bidders = len(n_types)
    n_profiles = int(np.prod([float(n) for n in n_types]))
    close = [min(CLOSE + 1, n) for n in n_types]
    if incentive == "dsic":
        n_variables = n_profiles * n_bidders * (n_items + 1)
        incentives = n_profiles * sum(close)
        entries = incentives * 2 * (n_items + 1)
    else:
        n_variables = n_profiles * n_bidders * n_items + sum(n_types) * (n_items + 1)
        incentives = sum(n * k for n, k in zip(n_types, close, strict=True))
        entries = incentives * 2 * (n_items + 1) + n_profiles * n_bidders * n_items
    supply = n_profiles * n_items
    n_constraints = incentives + supply * (n_bidders > 1)
    return n_variables, n_constraints, ENTRY_BYTES * (entries + supply * n_bidders)


def solve_types(program):
    """Solve a :class:`TypeProgram`.

    Parameters
    ----------
    program : TypeProgram

    Returns
    -------
    TypeSolution

    Raises
    ------
    RuntimeError
        If HiGHS fails.

    Examples
    --------
    One buyer who values an item at 1 or 2, with equal chances, pays 1; or 2:

    >>> import numpy as np
    >>> from sklauction.analytic.type_program import TypeProgram, solve_types
    >>> types, weights = [np.array([[1.0], [2.0]])], np.array([0.25, 0.75])
    >>> solution = solve_types(TypeProgram(types, weights, "additive", "dsic", False, False))
    >>> round(solution.revenue, 6)
    1.5
    """
    build = _Dominant if program.incentive == "dsic" else _Bayesian
    return build(program).solve()


class _Program:
    """Variables, symmetries and the loop; subclasses say what a lie is."""

    def __init__(self, program):
        self.program = program
        self.money = max(float(types.max()) for types in program.types) or 1.0
        # Rounded, so that the unit of money does not decide between equally good auctions.
        self.types = [np.round(types / self.money, 12) for types in program.types]
        self.shape = program.weights.shape
        self.n_bidders, self.n_items = len(self.types), self.types[0].shape[1]
        self.profiles = np.indices(self.shape).reshape(self.n_bidders, -1).T
        self.make_variables()
        self.merge_alike()

    def make_variables(self):
        """Give every allocation (profile, bidder, item) and payment a number."""
        n_profiles = len(self.profiles)
        n_sold = n_profiles * self.n_bidders * self.n_items
        self.sold = np.arange(n_sold).reshape(n_profiles, self.n_bidders, self.n_items)
        self.n_variables = n_sold

    def merge_alike(self):
        """Give one number to variables that a swap of alike bidders or items exchanges."""
        swaps = [*self._bidder_swaps(), *self._item_swaps()]
        parts = self.numbered()
        if not swaps:
            return
        ends = [(before.ravel(), after.ravel()) for swap in swaps for before, after in swap]
        before, after = (np.concatenate(side) for side in zip(*ends, strict=True))
        graph = coo_matrix((np.ones(len(before)), (before, after)), shape=2 * (self.n_variables,))
        self.n_variables, label = connected_components(graph, directed=False)
        self.renumber([label[part] for part in parts])

    def _bidder_swaps(self):
        if not self.program.alike_bidders:
            return
        for bidder in range(self.n_bidders - 1):
            order = np.arange(self.n_bidders)
            order[[bidder, bidder + 1]] = order[[bidder + 1, bidder]]
            moved = np.ravel_multi_index(tuple(self.profiles[:, order].T), self.shape)
            yield self.swap_bidders(order, moved)

    def _item_swaps(self):
        if not self.program.alike_items:
            return
        for item in range(self.n_items - 1):
            order = np.arange(self.n_items)
            order[[item, item + 1]] = order[[item + 1, item]]
            images = [_find_rows(types[:, order], types) for types in self.types]
            places = [image[self.profiles[:, i]] for i, image in enumerate(images)]
            moved = np.ravel_multi_index(tuple(places), self.shape)
            yield self.swap_items(order, moved, images)

    def solve(self):
        """Add violated incentive constraints until none is left."""
        cost = self.costs()
        fixed, fixed_limits = self.feasibility()
        bounds, equal = self.bounds(), self.equalities()
        lies = self.close_lies()
        n_rounds = 0
        while n_rounds < MOST_ROUNDS:
            n_rounds += 1
            honesty = vstack([self.honesty(bidder, lies[bidder]) for bidder in self.judged()])
            limits = np.concatenate([fixed_limits, np.zeros(honesty.shape[0])])
            found = linprog(
                cost,
                A_ub=vstack([fixed, honesty]),
                b_ub=limits,
                A_eq=equal,
                b_eq=None if equal is None else np.zeros(equal.shape[0]),
                bounds=bounds,
                method="highs",
            )
            if found.status != 0:
                raise RuntimeError(f"HiGHS could not solve the linear program: {found.message}")
            new = 0
            for bidder in self.judged():
                more = self.profitable(found.x, bidder)
                grown = np.unique(np.concatenate([lies[bidder], more]))
                new += len(grown) - len(lies[bidder])
                lies[bidder] = grown
            if not new:
                break
        payments = self.payments_of(found.x).reshape(*self.shape, -1) * self.money
        return TypeSolution(
            np.clip(found.x[self.sold], 0.0, 1.0).reshape(*self.shape, self.n_bidders, -1),
            payments,
            float((self.program.weights[..., None] * payments).sum()),
            -float(found.fun) * self.money,
            self.n_variables,
            len(limits) + (0 if equal is None else equal.shape[0]),
            n_rounds,
        )

    def bounds(self):
        """Return the lowest and highest value of every variable."""
        upper = np.full(self.n_variables, np.inf)
        upper[self.sold] = 1.0
        return np.column_stack([np.zeros(self.n_variables), upper])

    def feasibility(self):
        """Return constraints of supply and individual rationality, and their limits."""
        supply, limits = self._supply()
        rational = [-sparse_rows(*self._utilities(i), self.n_variables) for i in self.judged()]
        n_rational = sum(part.shape[0] for part in rational)
        return vstack([supply, *rational]), np.concatenate([limits, np.zeros(n_rational)])

    def equalities(self):
        """Return constraints whose sides are equal, to zero; None if there are none."""
        return None

    def judged(self):
        """Return bidders whose constraints stand for all."""
        return range(1 if self.program.alike_bidders else self.n_bidders)

    def _closest(self, bidder):
        """Return the closest other types of each type, (n_types, k)."""
        types = self.types[bidder]
        spread = types / np.maximum(np.ptp(types, axis=0), 1e-12)
        distances = ((spread[:, None] - spread[None]) ** 2).sum(axis=2)
        np.fill_diagonal(distances, np.inf)
        return np.argsort(distances, axis=1, kind="stable")[:, : min(CLOSE, len(types) - 1)]

    def _supply(self):
        """Return constraints that no item is given out twice, nor two to one for unit demand."""
        blocks = []
        if self.n_bidders > 1:
            blocks.append(self.sold.transpose(0, 2, 1).reshape(-1, self.n_bidders))
        if self.program.demand == "unit" and self.n_items > 1:
            blocks.append(self.sold.reshape(-1, self.n_items))
        if not blocks:
            return csr_matrix((0, self.n_variables)), np.zeros(0)
        rows = [np.unique(np.sort(block, axis=1), axis=0) for block in blocks]
        matrices = [sparse_rows(np.ones(part.shape), part, self.n_variables) for part in rows]
        return vstack(matrices), np.ones(sum(len(part) for part in rows))


class _Dominant(_Program):
    """Truth is best in every profile."""

    def make_variables(self):
        """Add the payments of each profile."""
        super().make_variables()
        n_paid = len(self.profiles) * self.n_bidders
        self.paid = self.n_variables + np.arange(n_paid).reshape(-1, self.n_bidders)
        self.n_variables += n_paid

    def numbered(self):
        """Return all arrays of numbers of variables."""
        return [self.sold, self.paid]

    def renumber(self, parts):
        """Take the arrays of :meth:`numbered` with other numbers."""
        self.sold, self.paid = parts

    def swap_bidders(self, order, moved):
        """Return pairs of arrays of variables that a swap of two bidders exchanges."""
        return [(self.sold, self.sold[moved][:, order]), (self.paid, self.paid[moved][:, order])]

    def swap_items(self, order, moved, images):
        """Return pairs of arrays of variables that a swap of two items exchanges."""
        return [(self.sold[:, :, order], self.sold[moved]), (self.paid, self.paid[moved])]

    def costs(self):
        """Return minus the expected revenue, as coefficients."""
        cost = np.zeros(self.n_variables)
        weights = np.broadcast_to(self.program.weights.reshape(-1, 1), self.paid.shape)
        np.add.at(cost, self.paid, -weights)
        return cost

    def _utilities(self, bidder):
        """Return coefficients and numbers of ``<v, x> - p`` at the truth, one row per profile."""
        values = self.types[bidder][self.profiles[:, bidder]]
        coefficients = np.column_stack([values, -np.ones(len(values))])
        return coefficients, np.column_stack([self.sold[:, bidder], self.paid[:, bidder]])

    def close_lies(self):
        """Return the lies between close types, as numbers, by bidder."""
        return {bidder: self._encode(bidder, self._closest(bidder)) for bidder in self.judged()}

    def _encode(self, bidder, reports):
        """Return numbers of (profile, report) for every profile and some reports of its type."""
        n_profiles, n_types = len(self.profiles), len(self.types[bidder])
        chosen = reports[self.profiles[:, bidder]]
        return np.unique(np.arange(n_profiles)[:, None] * n_types + chosen)

    def honesty(self, bidder, lies):
        """Return the constraints that these lies do not pay."""
        profiles, reports = np.divmod(lies, len(self.types[bidder]))
        told = self.profiles[profiles].copy()
        told[:, bidder] = reports
        told = np.ravel_multi_index(tuple(told.T), self.shape)
        values, numbers = self._utilities(bidder)
        lied = np.column_stack([self.sold[told, bidder], self.paid[told, bidder]])
        return sparse_rows(
            np.column_stack([-values[profiles], values[profiles]]),
            np.column_stack([numbers[profiles], lied]),
            self.n_variables,
        )

    def profitable(self, x, bidder):
        """Return (profile, report) numbers of the most profitable lies."""
        types = self.types[bidder]
        sold = np.moveaxis(x[self.sold[:, bidder]].reshape(*self.shape, -1), bidder, -2)
        paid = np.moveaxis(x[self.paid[:, bidder]].reshape(self.shape), bidder, -1)
        # utilities[..., t, s]: of type t reporting s.
        utilities = types @ np.swapaxes(sold, -1, -2) - paid[..., None, :]
        truthful = np.diagonal(utilities, axis1=-2, axis2=-1)[..., None]
        gains = np.moveaxis(utilities - truthful, -2, bidder).reshape(len(self.profiles), -1)
        return most_profitable(gains)

    def payments_of(self, x):
        """Return payments (n_profiles, n_bidders) of a solution."""
        return x[self.paid]


class _Bayesian(_Program):
    """Truth is best on average over the others' types, which are independent."""

    def make_variables(self):
        """Add average allocations and payments of each type."""
        super().make_variables()
        self.averages, self.paid = [], []
        for types in self.types:
            n_types = len(types)
            average = self.n_variables + np.arange(n_types * self.n_items)
            self.averages.append(average.reshape(n_types, self.n_items))
            self.n_variables += average.size
            self.paid.append(self.n_variables + np.arange(n_types))
            self.n_variables += n_types

    def numbered(self):
        """Return all arrays of numbers of variables."""
        return [self.sold, *self.averages, *self.paid]

    def renumber(self, parts):
        """Take the arrays of :meth:`numbered` with other numbers."""
        n = self.n_bidders
        self.sold, self.averages, self.paid = parts[0], parts[1 : n + 1], parts[n + 1 :]

    def swap_bidders(self, order, moved):
        """Return pairs of arrays of variables that a swap of two bidders exchanges."""
        pairs = [(self.sold, self.sold[moved][:, order])]
        for numbers in (self.averages, self.paid):
            pairs += [(numbers[i], numbers[order[i]]) for i in range(self.n_bidders)]
        return pairs

    def swap_items(self, order, moved, images):
        """Return pairs of arrays of variables that a swap of two items exchanges."""
        pairs = [(self.sold[:, :, order], self.sold[moved])]
        for i, image in enumerate(images):
            pairs.append((self.averages[i][:, order], self.averages[i][image]))
            pairs.append((self.paid[i], self.paid[i][image]))
        return pairs

    def costs(self):
        """Return minus the expected revenue, as coefficients."""
        cost = np.zeros(self.n_variables)
        for bidder, paid in enumerate(self.paid):
            np.add.at(cost, paid, -self._marginal(bidder))
        return cost

    def _marginal(self, bidder):
        others = tuple(i for i in range(self.n_bidders) if i != bidder)
        return self.program.weights.sum(axis=others)

    def equalities(self):
        """Return constraints that averages are averages of what is sold."""
        matrices = []
        for bidder in self.judged():
            own = self.profiles[:, bidder]
            # Given a type that never comes, the others come as they always do.
            chances, marginal = self.program.weights, self._marginal(bidder)[own]
            others = np.broadcast_to(chances.sum(axis=bidder, keepdims=True), self.shape).ravel()
            chances = np.where(marginal > 0, chances.ravel() / (marginal + (marginal == 0)), others)
            for item in range(self.n_items):
                average = self.averages[bidder][:, item]
                rows = np.concatenate([own, np.arange(len(average))])
                columns = np.concatenate([self.sold[:, bidder, item], average])
                entries = np.concatenate([chances, -np.ones(len(average))])
                shape = (len(average), self.n_variables)
                matrices.append(csr_matrix((entries, (rows, columns)), shape=shape))
        return vstack(matrices)

    def _utilities(self, bidder):
        """Return coefficients and numbers of ``<v, x> - p`` at the truth, one row per type."""
        values = self.types[bidder]
        coefficients = np.column_stack([values, -np.ones(len(values))])
        return coefficients, np.column_stack([self.averages[bidder], self.paid[bidder]])

    def close_lies(self):
        """Return the lies between close types, as numbers, by bidder."""
        lies = {}
        for bidder in self.judged():
            n_types = len(self.types[bidder])
            lies[bidder] = (np.arange(n_types)[:, None] * n_types + self._closest(bidder)).ravel()
        return lies

    def honesty(self, bidder, lies):
        """Return the constraints that these lies do not pay."""
        types, reports = np.divmod(lies, len(self.types[bidder]))
        values, numbers = self._utilities(bidder)
        return sparse_rows(
            np.column_stack([-values[types], values[types]]),
            np.column_stack([numbers[types], numbers[reports]]),
            self.n_variables,
        )

    def profitable(self, x, bidder):
        """Return (type, report) numbers of the most profitable lies."""
        types = self.types[bidder]
        utilities = types @ x[self.averages[bidder]].T - x[self.paid[bidder]]
        return most_profitable(utilities - np.diagonal(utilities)[:, None])

    def payments_of(self, x):
        """Return payments (n_profiles, n_bidders) of a solution."""
        # A share of what the bidder gets in each profile, so that nobody pays more than its
        # value in any, and its average is what the program says.
        payments = np.zeros(self.sold.shape[:2])
        for bidder, types in enumerate(self.types):
            own = self.profiles[:, bidder]
            worth = (types[own] * x[self.sold[:, bidder]]).sum(axis=1)
            average = (types * x[self.averages[bidder]]).sum(axis=1)
            shares = x[self.paid[bidder]] / np.where(average > 0, average, 1.0)
            payments[:, bidder] = worth * np.minimum(shares, 1.0)[own]
        return payments


def most_profitable(gains):
    """Return numbers (row, column) of the largest gains of each row that are no rounding."""
    n_columns = gains.shape[1]
    best = np.argsort(-gains, axis=1, kind="stable")[:, : min(ADDED, n_columns)]
    rows, columns = np.nonzero(np.take_along_axis(gains, best, axis=1) > TOLERANCE)
    return rows * n_columns + best[rows, columns]


def sparse_rows(values, columns, n_columns):
    """Return a sparse matrix of rows of values at columns; equal columns add up."""
    rows = np.repeat(np.arange(len(values)), values.shape[1])
    entries = (values.ravel(), (rows, columns.ravel()))
    return csr_matrix(entries, shape=(len(values), n_columns))


def _find_rows(wanted, table):
    """Return where each row of ``wanted`` is in ``table``."""
    keys = {tuple(row): place for place, row in enumerate(np.round(table, 9))}
    return np.array([keys[tuple(row)] for row in np.round(wanted, 9)])
