"""Sparse linear programs whose constraints are generated as their solutions violate them."""

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_matrix

__all__ = ["largest_violations", "solve_lp", "sparse_rows", "sum_rows"]

# Violations up to this count as rounding: HiGHS's own tolerance.
TOLERANCE = 1e-7
# Constraints added per row of a table of violations and round.
ADDED = 4


def solve_lp(cost, upper_rows, upper_limits, bounds, equal_rows=None):
    """Minimise ``<cost, x>`` with HiGHS.

    Parameters
    ----------
    cost : ndarray of shape (n_variables,)
    upper_rows : sparse matrix of shape (n_rows, n_variables)
    upper_limits : ndarray of shape (n_limits,)
        The constraints are ``upper_rows @ x <= upper_limits``; the limits of further rows are 0.
    bounds : ndarray of shape (n_variables, 2)
        Lowest and highest value of each variable.
    equal_rows : sparse matrix of shape (n_equalities, n_variables), optional
        ``equal_rows @ x == 0``.

    Returns
    -------
    scipy.optimize.OptimizeResult

    Raises
    ------
    RuntimeError
        If HiGHS fails.
    """
    found = linprog(
        cost,
        A_ub=upper_rows,
        b_ub=np.append(upper_limits, np.zeros(upper_rows.shape[0] - len(upper_limits))),
        A_eq=equal_rows,
        b_eq=None if equal_rows is None else np.zeros(equal_rows.shape[0]),
        bounds=bounds,
        method="highs",
    )
    if found.status != 0:
        raise RuntimeError(f"HiGHS could not solve the linear program: {found.message}")
    return found


def largest_violations(violations):
    """Return flat indices of the largest entries above the tolerance, at most 4 of each row."""
    n_columns = violations.shape[1]
    largest = np.argsort(-violations, axis=1, kind="stable")[:, : min(ADDED, n_columns)]
    rows, columns = np.nonzero(np.take_along_axis(violations, largest, axis=1) > TOLERANCE)
    return rows * n_columns + largest[rows, columns]


def sparse_rows(values, columns, n_columns):
    """Return a sparse matrix with ``values[k]`` at ``columns[k]`` of row k; duplicates add up."""
    rows = np.repeat(np.arange(len(values)), values.shape[1])
    entries = (values.ravel(), (rows, columns.ravel()))
    return csr_matrix(entries, shape=(len(values), n_columns))


def sum_rows(columns, n_columns):
    """Return sparse rows of ones at the given columns, each set of columns once."""
    columns = np.unique(np.sort(columns, axis=1), axis=0)
    return sparse_rows(np.ones(columns.shape), columns, n_columns)
