"""The revenue-optimal auction for finitely many types, as a linear program.

Only few incentive constraints ("bidder i of type t does not gain by reporting s") bind. The program
starts with those between close types and adds the ones that its solution violates, until none is.
As constraints are missing before, its value is an upper bound in every round.
"""

import itertools
from typing import NamedTuple

import numpy as np
from scipy.sparse import vstack

from sklauction.analytic.incentive_programs import N_CLOSE, BayesianProgram, DominantProgram
from sklauction.analytic.sparse_lp import solve_lp
from sklauction.domains.auctions import Auction

__all__ = ["TypeProgram", "TypeSolution", "program_size", "solve_types"]

# Rounds of adding constraints; three to eight were enough in all tests.
MOST_ROUNDS = 60
# Memory per nonzero coefficient while a constraint is built and solved.
ENTRY_BYTES = 100


class TypeProgram(NamedTuple):
    """Types, their probabilities and the rules of the auction.

    Parameters
    ----------
    types : list of n_bidders ndarrays of shape (n_types_i, n_items)
        Possible values of each bidder, in money.
    weights : ndarray of shape (n_types_1, ..., n_types_n)
        Probability of each profile of types.
    demand : {"additive", "unit"} or Auction
    incentive : {"dsic", "bic"}
        Whether truthful bidding is optimal for every profile of the others' types, or on average.
    alike_bidders, alike_items : bool
        Whether to reduce the program by the symmetry of bidders (items). Types and weights must
        be the same for all of them.
    """

    types: list
    weights: np.ndarray
    demand: str | Auction
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
        Value of the dual program, which no auction for these types exceeds.
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
    """Return the numbers of variables and constraints without symmetry, and the memory needed.

    Parameters
    ----------
    n_types : sequence of int
        Number of types of each bidder.
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
    close = [min(N_CLOSE + 1, n) for n in n_types]
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
    One buyer who values an item at 2 with probability 3/4, otherwise at 1, is offered a price
    of 2:

    >>> import numpy as np
    >>> from sklauction.analytic.type_program import TypeProgram, solve_types
    >>> types, weights = [np.array([[1.0], [2.0]])], np.array([0.25, 0.75])
    >>> solution = solve_types(TypeProgram(types, weights, "additive", "dsic", False, False))
    >>> round(solution.revenue, 6)
    1.5
    """
    form = (DominantProgram if program.incentive == "dsic" else BayesianProgram)(program)
    found, n_constraints, n_rounds = _add_violated_constraints(form)
    payments = form.payments_of(found.x).reshape(*form.shape, -1) * form.money
    return TypeSolution(
        np.clip(found.x[form.allocated], 0.0, 1.0).reshape(*form.shape, form.n_bidders, -1),
        payments,
        float((program.weights[..., None] * payments).sum()),
        -float(found.fun) * form.money,
        form.n_variables,
        n_constraints,
        n_rounds,
    )


def _add_violated_constraints(form):
    """Return the solution with all constraints, their number, and the number of rounds."""
    cost, bounds, equal = form.costs(), form.bounds(), form.equalities()
    fixed, limits = form.feasibility()
    deviations = {bidder: form.close_deviations(bidder) for bidder in form.representatives()}
    for n_rounds in itertools.count(1):
        rows = [form.incentive_constraints(bidder, part) for bidder, part in deviations.items()]
        rows = vstack([fixed, *rows])
        found = solve_lp(cost, rows, limits, bounds, equal)
        n_known = sum(map(len, deviations.values()))
        for bidder, known in deviations.items():
            deviations[bidder] = np.union1d(known, form.profitable_deviations(found.x, bidder))
        if n_rounds == MOST_ROUNDS or sum(map(len, deviations.values())) == n_known:
            n_constraints = rows.shape[0] + (0 if equal is None else equal.shape[0])
            return found, n_constraints, n_rounds
