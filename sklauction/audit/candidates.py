"""Candidate reports of a search, arrays of shape (n, n_reports, n_items).

A :class:`~sklauction.audit.search.Search` is given to the functions. They read from it the
:class:`~sklauction.audit.problem.AgentProblem`, the best reports so far and the random generator.
All candidates lie in the box of reports if the truth does. "Items" stands for the entries of a
report.
"""

import numpy as np

__all__ = [
    "anchors",
    "low_discrepancy",
    "near_best",
    "r_sequence",
    "resampled",
    "scan_values",
    "subset_bids",
]

# Margin above a rival's bid, as a share of the range: well above float32 rounding.
NUDGE = 1e-6
# Maximum number of items that anchors set to an end of the range one at a time.
ANCHORED_ITEMS = 6
# Maximum number of nested subsets of items.
MOST_NESTED = 15


def anchors(problem):
    """Return corners and edges of the box, and the deviations that the domain suggests.

    Parameters
    ----------
    problem : AgentProblem

    Returns
    -------
    ndarray of shape (n, 2 + n_deviations + 2 * min(n_items, 6), n_items)
        The lowest and the highest report; the deviations; the truth with one item at its lowest or
        highest report.
    """
    truth, ends = problem.truth, (problem.low, problem.high)
    reports = [np.broadcast_to(end, truth.shape) for end in ends]
    reports += list(problem.deviations().swapaxes(0, 1))
    for item in range(min(truth.shape[1], ANCHORED_ITEMS)):
        for end in ends:
            edge = truth.copy()
            edge[:, item] = end[item]
            reports.append(edge)
    return np.stack(reports, axis=1)


def subset_bids(search, n_reports):
    """Return the truth on a subset of the items, and the lowest report on the others.

    Small steps from the truth do not reach these misreports.

    Parameters
    ----------
    search : Search
    n_reports : int
        At least ``min(n_items - 1, 15)``.

    Returns
    -------
    ndarray of shape (n, n_reports, n_items)
        First the item with the largest surplus over its rival, then the best two, and so on up to
        15; then random subsets.
    """
    problem, random = search.problem, search.random
    n_rows, n_items = problem.truth.shape
    rank = np.argsort(np.argsort(problem.rivals - problem.truth, axis=1), axis=1)
    n_nested = min(n_items - 1, MOST_NESTED)
    nested = rank[:, None] <= np.arange(n_nested)[:, None]
    share = random.random((n_rows, n_reports - n_nested, 1))
    drawn = random.random((n_rows, n_reports - n_nested, n_items)) < share
    kept = np.concatenate([nested, drawn], axis=1)
    return np.where(kept, problem.truth[:, None], problem.low)


def resampled(search, n_reports):
    """Return random rows of the agent's types in all profiles."""
    pool = search.problem.pool
    return pool[search.random.integers(len(pool), size=(len(search.reports), n_reports))]


def near_best(search, n_reports):
    """Return reports, half of them near the truth and half near the best report.

    They are at distances from 30 % down to 0.03 % of the range, and every second one differs in
    one item only.
    """
    half = n_reports // 2
    near_truth = _near(search, search.problem.truth, n_reports - half)
    return np.concatenate([near_truth, _near(search, search.reports, half)], axis=1)


def _near(search, start, n_reports):
    problem, random = search.problem, search.random
    n_rows, n_items = start.shape
    size = 0.3 * 10 ** (-3 * random.random((n_rows, n_reports, 1)))
    shift = size * random.uniform(-1, 1, (n_rows, n_reports, n_items))
    item = random.integers(n_items, size=(n_rows, n_reports, 1))
    item[:, ::2] = -1
    shift[(item >= 0) & (item != np.arange(n_items))] = 0.0
    moved = start[:, None] + shift * (problem.high - problem.low)
    return np.clip(moved, problem.low, problem.high)


def low_discrepancy(search, n_reports):
    """Return a low-discrepancy sequence in the box, randomly shifted for each profile."""
    problem = search.problem
    n_rows, n_items = problem.truth.shape
    points = r_sequence(n_reports, n_items) + search.random.random((n_rows, 1, n_items))
    points -= np.floor(points)
    return problem.low + points * (problem.high - problem.low)


def r_sequence(n_points, n_dims):
    """Return Roberts' low-discrepancy sequence in the unit cube.

    640 of its points enter 99.6 % of squares of side 5 % in the plane; 1,024 scrambled Sobol'
    points enter 99.7 %, and 640 of them 91 % (``benchmarks/audit_strength.py``).

    Parameters
    ----------
    n_points, n_dims : int

    Returns
    -------
    ndarray of shape (n_points, n_dims)

    References
    ----------
    .. [1] Roberts, "The Unreasonable Effectiveness of Quasirandom Sequences", 2018: the
       Kronecker sequence of powers of the root of x^(d + 1) = x + 1.
    """
    root = 2.0
    for _ in range(50):
        root = (1 + root) ** (1 / (n_dims + 1))
    steps = root ** -np.arange(1.0, n_dims + 1)
    return np.arange(1, n_points + 1)[:, None] * steps % 1.0


def scan_values(search, n_points):
    """Return values at which to scan each item, with the other items fixed.

    Parameters
    ----------
    search : Search
    n_points : int
        Number of evenly spaced points over the range, randomly shifted for each profile.

    Returns
    -------
    ndarray of shape (n, n_items, n_points + 4)
        Followed by both ends, and by values just below and above the rival, where outcomes often
        jump.
    """
    problem, shape = search.problem, search.reports.shape
    low, high, width = problem.low, problem.high, problem.high - problem.low
    grid = (np.arange(n_points) + search.random.random((*shape, 1))) / n_points
    special = [np.broadcast_to(end, shape) for end in (low, high)]
    special += [np.clip(problem.rivals + sign * NUDGE * width, low, high) for sign in (-1, 1)]
    return np.concatenate([low[:, None] + grid * width[:, None], np.stack(special, 2)], axis=2)
