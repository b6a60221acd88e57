"""Variables and constraints of the optimal auction for finitely many types.

Both programs have one variable for the allocation of every (profile, bidder, item). They differ in
what a bidder compares: its allocation and payment in every profile (dominant strategies), or
averages over the others' types (Bayesian).

Symmetry reduces both. If bidders or items are alike, averaging an optimal auction over their
permutations gives an optimal auction, so variables that such a permutation exchanges are one.
"""

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, vstack
from scipy.sparse.csgraph import connected_components

from sklauction.analytic.sparse_lp import largest_violations, sparse_rows, sum_rows
from sklauction.domains.auctions import auction_of

__all__ = ["N_CLOSE", "BayesianProgram", "DominantProgram"]

# Incentive constraints of each type in the first round: those towards its closest types.
N_CLOSE = 8


class _IncentiveProgram:
    """Variables, their symmetries, and the constraints in terms of them.

    A bidder's *situations* are the cases that have incentive constraints. Subclasses define them:

    * ``_make_outcomes()`` returns ``outcomes``;
    * ``_types_of(bidder)`` returns the bidder's type in each situation;
    * ``_situations_after(bidder, situations, reports)`` returns the situations with other reports;
    * ``_moved(profiles, types)`` returns the images of situations under a permutation, from those
      of the profiles and of the bidder's types.

    Parameters
    ----------
    program : TypeProgram

    Attributes
    ----------
    allocated : ndarray of int of shape (n_profiles, n_bidders, n_items)
        Variables of the allocation.
    outcomes : list of n_bidders ndarrays of int of shape (n_situations_i, n_items + 1)
        Variables of the allocation and, in the last column, the payment in each situation.
    """

    def __init__(self, program):
        self.program = program
        self.money = max(float(types.max()) for types in program.types) or 1.0
        # Rounded, so that the unit of money does not decide between equally good auctions.
        self.types = [np.round(types / self.money, 12) for types in program.types]
        self.shape = program.weights.shape
        self.n_bidders, self.n_items = len(self.types), self.types[0].shape[1]
        self.profiles = np.indices(self.shape).reshape(self.n_bidders, -1).T
        self.n_variables = 0
        self.allocated = self._new_variables(len(self.profiles), self.n_bidders, self.n_items)
        self.outcomes = self._make_outcomes()
        self._merge_symmetric()

    def _new_variables(self, *shape):
        start = self.n_variables
        self.n_variables += int(np.prod(shape))
        return np.arange(start, self.n_variables).reshape(shape)

    def _merge_symmetric(self):
        """Make one variable of those that permutations of alike bidders or items exchange."""
        pairs = [*self._bidder_swaps(), *self._item_swaps()]
        if not pairs:
            return
        before, after = (np.concatenate([part.ravel() for part in side]) for side in zip(*pairs))
        graph = coo_matrix((np.ones(len(before)), (before, after)), shape=2 * (self.n_variables,))
        self.n_variables, label = connected_components(graph, directed=False)
        self.allocated = label[self.allocated]
        self.outcomes = [label[outcome] for outcome in self.outcomes]

    def _bidder_swaps(self):
        """Yield pairs of arrays of variables that are equal if neighbouring bidders swap."""
        for first in range(self.n_bidders - 1 if self.program.alike_bidders else 0):
            order = _swap(self.n_bidders, first)
            profiles = np.ravel_multi_index(tuple(self.profiles[:, order].T), self.shape)
            yield self.allocated, self.allocated[profiles][:, order]
            for bidder, types in enumerate(self.types):
                moved = self._moved(profiles, np.arange(len(types)))
                yield self.outcomes[bidder], self.outcomes[order[bidder]][moved]

    def _item_swaps(self):
        """Yield pairs of arrays of variables that are equal if neighbouring items swap."""
        for first in range(self.n_items - 1 if self.program.alike_items else 0):
            order = _swap(self.n_items, first)
            images = [_find_rows(types[:, order], types) for types in self.types]
            places = [image[self.profiles[:, i]] for i, image in enumerate(images)]
            profiles = np.ravel_multi_index(tuple(places), self.shape)
            yield self.allocated[:, :, order], self.allocated[profiles]
            for outcome, image in zip(self.outcomes, images):
                moved = self._moved(profiles, image)
                yield outcome[:, [*order, self.n_items]], outcome[moved]

    def representatives(self):
        """Return the bidders whose constraints imply those of all."""
        return range(1 if self.program.alike_bidders else self.n_bidders)

    def bounds(self):
        """Return the lowest and highest value of every variable, (n_variables, 2)."""
        upper = np.full(self.n_variables, np.inf)
        upper[self.allocated] = 1.0
        return np.column_stack([np.zeros(self.n_variables), upper])

    def feasibility(self):
        """Return the rows of supply, demand and individual rationality, and `solve_lp`'s limits."""
        got = self.allocated.reshape(-1, self.n_items)
        sold = self.allocated.transpose(0, 2, 1).reshape(-1, self.n_bidders)
        limited = auction_of(self.program.demand).limits(self.n_items)
        # Supply limits several bidders, and demand those who cannot use all items.
        groups = [sold[: None if self.n_bidders > 1 else 0], got[: None if limited else 0]]
        shares = vstack([sum_rows(group, self.n_variables) for group in groups])
        gains = [
            -sparse_rows(self._values(bidder), self.outcomes[bidder], self.n_variables)
            for bidder in self.representatives()
        ]
        return vstack([shares, *gains]), np.ones(shares.shape[0])

    def equalities(self):
        """Return rows that must be 0; None if there are none."""
        return None

    def _values(self, bidder):
        """Return coefficients of the truthful utility ``<v, x> - p`` in each situation."""
        values = self.types[bidder][self._types_of(bidder)]
        return np.column_stack([values, -np.ones(len(values))])

    def close_deviations(self, bidder):
        """Return the deviations to the closest types; see `incentive_constraints`."""
        own = self._types_of(bidder)
        reports = _closest(self.types[bidder])[own]
        return (np.arange(len(own))[:, None] * len(self.types[bidder]) + reports).ravel()

    def incentive_constraints(self, bidder, deviations):
        """Return the rows "utility of the deviation - truthful utility", at most 0.

        A deviation is the number ``situation * n_types + report``.
        """
        situations, reports = np.divmod(deviations, len(self.types[bidder]))
        values, outcomes = self._values(bidder)[situations], self.outcomes[bidder]
        after = self._situations_after(bidder, situations, reports)
        columns = np.column_stack([outcomes[situations], outcomes[after]])
        return sparse_rows(np.column_stack([-values, values]), columns, self.n_variables)


class DominantProgram(_IncentiveProgram):
    """Truthful bidding is best in every profile: situations are profiles."""

    def _make_outcomes(self):
        paid = self._new_variables(len(self.profiles), self.n_bidders, 1)
        return list(np.concatenate([self.allocated, paid], axis=2).swapaxes(0, 1))

    def _types_of(self, bidder):
        return self.profiles[:, bidder]

    def _situations_after(self, bidder, situations, reports):
        profiles = self.profiles[situations]
        profiles[:, bidder] = reports
        return np.ravel_multi_index(tuple(profiles.T), self.shape)

    def _moved(self, profiles, types):
        return profiles

    def _paid(self):
        return np.column_stack([outcome[:, -1] for outcome in self.outcomes])

    def costs(self):
        """Return minus the expected revenue, as coefficients."""
        cost, paid = np.zeros(self.n_variables), self._paid()
        np.add.at(cost, paid, -np.broadcast_to(self.program.weights.reshape(-1, 1), paid.shape))
        return cost

    def close_deviations(self, bidder):
        """Return the deviations to the closest types, in ascending order."""
        return np.sort(super().close_deviations(bidder))

    def profitable_deviations(self, x, bidder):
        """Return the most profitable deviations under a solution."""
        outcome = x[self.outcomes[bidder]].reshape(*self.shape, -1)
        outcome = np.moveaxis(outcome, bidder, -2)
        # utilities[..., t, s]: of type t reporting s.
        utilities = self.types[bidder] @ np.swapaxes(outcome[..., :-1], -1, -2)
        utilities -= outcome[..., None, :, -1]
        truthful = np.diagonal(utilities, axis1=-2, axis2=-1)[..., None]
        gains = np.moveaxis(utilities - truthful, -2, bidder).reshape(len(self.profiles), -1)
        return largest_violations(gains)

    def payments_of(self, x):
        """Return the payments of a solution, (n_profiles, n_bidders)."""
        return x[self._paid()]


class BayesianProgram(_IncentiveProgram):
    """Truthful bidding is best on average over the others' types: situations are own types."""

    def _make_outcomes(self):
        outcomes = []
        for types in self.types:
            averages = self._new_variables(len(types), self.n_items)
            outcomes.append(np.column_stack([averages, self._new_variables(len(types))]))
        return outcomes

    def _types_of(self, bidder):
        return np.arange(len(self.types[bidder]))

    def _situations_after(self, bidder, situations, reports):
        return reports

    def _moved(self, profiles, types):
        return types

    def _marginal(self, bidder):
        """Return the probability of each type of a bidder."""
        others = tuple(i for i in range(self.n_bidders) if i != bidder)
        return self.program.weights.sum(axis=others)

    def costs(self):
        """Return minus the expected revenue, as coefficients."""
        cost = np.zeros(self.n_variables)
        for bidder, outcome in enumerate(self.outcomes):
            np.add.at(cost, outcome[:, -1], -self._marginal(bidder))
        return cost

    def equalities(self):
        """Return the rows that tie average allocations to allocations."""
        matrices = []
        for bidder in self.representatives():
            own, n_types = self.profiles[:, bidder], len(self.types[bidder])
            chances = self._chances_given_type(bidder)
            for item in range(self.n_items):
                average = self.outcomes[bidder][:, item]
                rows = np.concatenate([own, np.arange(n_types)])
                columns = np.concatenate([self.allocated[:, bidder, item], average])
                entries = np.concatenate([chances, -np.ones(n_types)])
                shape = (n_types, self.n_variables)
                matrices.append(csr_matrix((entries, (rows, columns)), shape=shape))
        return vstack(matrices)

    def _chances_given_type(self, bidder):
        """Return the probability of each profile given the bidder's type in it."""
        weights, marginal = self.program.weights, self._marginal(bidder)[self.profiles[:, bidder]]
        # For a type of probability 0 the others' types have their unconditional distribution.
        others = np.broadcast_to(weights.sum(axis=bidder, keepdims=True), self.shape).ravel()
        return np.where(marginal > 0, weights.ravel() / (marginal + (marginal == 0)), others)

    def profitable_deviations(self, x, bidder):
        """Return the most profitable deviations under a solution."""
        outcome = x[self.outcomes[bidder]]
        utilities = self.types[bidder] @ outcome[:, :-1].T - outcome[:, -1]
        return largest_violations(utilities - np.diagonal(utilities)[:, None])

    def payments_of(self, x):
        """Return payments (n_profiles, n_bidders) whose averages are those of a solution.

        Each is the same share of the value of the allocation, so that none exceeds that value.
        """
        payments = np.zeros(self.allocated.shape[:2])
        for bidder, types in enumerate(self.types):
            own, outcome = self.profiles[:, bidder], x[self.outcomes[bidder]]
            worth = (types[own] * x[self.allocated[:, bidder]]).sum(axis=1)
            average = (types * outcome[:, :-1]).sum(axis=1)
            shares = outcome[:, -1] / np.where(average > 0, average, 1.0)
            payments[:, bidder] = worth * np.minimum(shares, 1.0)[own]
        return payments


def _closest(types):
    """Return the closest other types of each type, (n_types, k)."""
    spread = types / np.maximum(np.ptp(types, axis=0), 1e-12)
    distances = ((spread[:, None] - spread[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1, kind="stable")[:, : min(N_CLOSE, len(types) - 1)]


def _swap(size, first):
    """Return ``range(size)`` with the entries ``first`` and ``first + 1`` exchanged."""
    order = np.arange(size)
    order[[first, first + 1]] = order[[first + 1, first]]
    return order


def _find_rows(wanted, table):
    """Return the index in ``table`` of each row of ``wanted``."""
    keys = {tuple(row): place for place, row in enumerate(np.round(table, 9))}
    return np.array([keys[tuple(row)] for row in np.round(wanted, 9)])
