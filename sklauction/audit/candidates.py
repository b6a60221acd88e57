"""Candidate reports of a search, arrays of shape (n, n_reports, n_items).

A :class:`~sklauction.audit.search.Search` is given to the functions. They read from it the
:class:`~sklauction.audit.problem.AgentProblem`, the best reports so far and the random generator;
only :func:`subset_bids` also evaluates reports.
All candidates lie in the box of reports if the truth does. "Items" stands for the entries of a
report.
"""

import numpy as np

__all__ = [
    "across_rivals",
    "anchors",
    "line_bids",
    "low_discrepancy",
    "n_subset_bids",
    "near_best",
    "pair_levels",
    "r_sequence",
    "resampled",
    "scan_values",
    "subset_bids",
]

# Margin above a rival's bid, as a share of the range: well above float32 rounding.
NUDGE = 1e-6
# Maximum number of items that anchors set to an end of the range one at a time.
ANCHORED_ITEMS = 6
# Maximum number of items of which all subsets are tried.
MOST_SUBSET_ITEMS = 6
# Maximum number of nested subsets of items, and the number of random ones.
MOST_NESTED, N_RANDOM_SUBSETS = 15, 16
# Number of values at which each item is scanned apart from evenly spaced ones.
N_SPECIAL = 7


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


def n_subset_bids(n_items):
    """Return the number of reports that :func:`subset_bids` returns."""
    if n_items <= MOST_SUBSET_ITEMS:
        return 2 * (2**n_items - 2)
    return n_items + 4 * min(n_items - 1, MOST_NESTED) + N_RANDOM_SUBSETS


def subset_bids(search):
    """Evaluate bids on a subset of the items, with the lowest report on the others.

    Small steps from the truth do not reach these misreports. Up to 6 items have few subsets: on
    each of them, the truth is tried, and bids that win it, which are the truth or just above the
    rival if that is higher. Of more items, nested subsets are tried: the items with the largest
    surplus over the rival, of the largest value, and of the largest loss if they alone are
    dropped; then random subsets.

    Parameters
    ----------
    search : Search
        Evaluates ``n_subset_bids(n_items)`` reports.
    """
    problem, n_items = search.problem, search.problem.truth.shape[1]
    truth = problem.truth[:, None]
    wins = np.maximum(truth, across_rivals(problem, problem.low)[:, None])
    if n_items <= MOST_SUBSET_ITEMS:
        kept = np.arange(1, 2**n_items - 1)[:, None] >> np.arange(n_items) & 1 == 1
        pairs = [(kept, truth), (kept, wins)]
    else:
        surplus, value = problem.truth - problem.rivals, problem.truth - problem.low
        loss = -search.evaluate(np.where(np.eye(n_items, dtype=bool), problem.low, truth))
        by_surplus, by_value, by_loss = map(_nested, (surplus, value, loss))
        share = search.random.random((len(truth), N_RANDOM_SUBSETS, 1))
        drawn = search.random.random((len(truth), N_RANDOM_SUBSETS, n_items)) < share
        pairs = [(kept, truth) for kept in (by_surplus, by_value, by_loss, drawn)]
        pairs.append((by_surplus, wins))
    reports = [np.where(kept, bids, problem.low) for kept, bids in pairs]
    search.evaluate(np.concatenate(reports, axis=1))


def _nested(worth):
    """Return subsets (n, n_subsets, n_items): the best item, the best two, and so on."""
    rank = np.argsort(np.argsort(-worth, axis=1), axis=1)
    n_nested = min(worth.shape[1] - 1, MOST_NESTED)
    return rank[:, None] <= np.arange(n_nested)[:, None]


def across_rivals(problem, bids):
    """Return bids next to the rival on each item, on the other side of it than given bids.

    Parameters
    ----------
    problem : AgentProblem
    bids : ndarray broadcastable to (n, n_items)

    Returns
    -------
    ndarray of shape (n, n_items)
        Just below the rival if the bid is above, otherwise just above.
    """
    margin = NUDGE * (problem.high - problem.low)
    side = np.where(bids > problem.rivals, -1, 1)
    return np.clip(problem.rivals + side * margin, problem.low, problem.high)


def line_bids(search, n_levels, n_scales):
    """Return reports that move all items together.

    Parameters
    ----------
    search : Search
    n_levels, n_scales : int
        Numbers of evenly spaced points, randomly shifted for each profile.

    Returns
    -------
    ndarray of shape (n, n_levels + n_scales, n_items)
        The same bid on all items: half of the bids are just above a rival's bid or equal to a value
        of the agent, half are evenly spaced. Then points on the line from the lowest report through
        the truth to the highest.
    """
    problem, random = search.problem, search.random
    n_rows, n_items = problem.truth.shape
    low, width, truth = problem.low, problem.high - problem.low, problem.truth[:, None]

    def even(n_points):
        return (np.arange(n_points) + random.random((n_rows, 1))) / max(n_points, 1)

    n_own = n_levels // 2
    own = np.concatenate([across_rivals(problem, low), problem.truth], axis=1)
    own = random.permuted(own, axis=1)[:, np.arange(n_own) % (2 * n_items)]
    levels = low.min() + even(n_levels - n_own) * (problem.high.max() - low.min())
    common = np.concatenate([own, levels], axis=1)[:, :, None]
    place = 2 * even(n_scales)[:, :, None]
    scaled = np.where(
        place <= 1,
        low + place * (truth - low),
        truth + (place - 1) * (low + width - truth),
    )
    reports = [np.broadcast_to(common, (n_rows, n_levels, n_items)), scaled]
    return np.clip(np.concatenate(reports, axis=1), low, problem.high)


def pair_levels(n_points, n_items, random):
    """Return an orthogonal array: in any two items, every pair of levels appears once.

    Reports at these levels enter every square of side ``1 / n_points`` of the range in any two
    items.

    Parameters
    ----------
    n_points : int
        Number of levels, a prime number.
    n_items : int
        Some of more than ``n_points + 1`` items have the same levels.
    random : numpy.random.Generator
        Assigns the columns of the array to items.

    Returns
    -------
    ndarray of shape (n_points ** 2, n_items), of int

    References
    ----------
    .. [1] Bose, "On the Application of the Properties of Galois Fields to the Problem of
       Construction of Hyper-Graeco-Latin Squares", Sankhya 1938.
    """
    first, second = np.divmod(np.arange(n_points**2)[:, None], n_points)
    table = np.concatenate([second, (first + second * np.arange(n_points)) % n_points], axis=1)
    return table[:, np.resize(random.permutation(n_points + 1), n_items)]


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


def scan_values(search, n_points, n_special=N_SPECIAL):
    """Return values at which to scan each item, with the other items fixed.

    Parameters
    ----------
    search : Search
    n_points : int
        Number of evenly spaced points over the range, randomly shifted for each profile.
    n_special : int, default=7
        Number of further values, the first of: the rival's bid; the truth, or just above the rival
        if the best report is true there; just above and just below the rival, where outcomes often
        jump; a bid of another agent, or the agent's own bid on another item; and both ends.

    Returns
    -------
    ndarray of shape (n, n_items, n_points + n_special)
    """
    problem, shape = search.problem, search.reports.shape
    low, high, width = problem.low, problem.high, problem.high - problem.low
    grid = (np.arange(n_points) + search.random.random((*shape, 1))) / max(n_points, 1)
    above, below = (problem.rivals + side * NUDGE * width for side in (1, -1))
    home = np.where(search.reports == problem.truth, above, problem.truth)
    special = [problem.rivals, home, above, below, _equal_bids(search), low, high][:n_special]
    special = [np.broadcast_to(np.clip(value, low, high), shape) for value in special]
    return np.concatenate([low[:, None] + grid * width[:, None], np.stack(special, 2)], axis=2)


def _equal_bids(search):
    """Return, for each item, the bid of a random opponent on it or the own bid on another item."""
    random, (n_rows, n_items) = search.random, search.reports.shape
    shift = 1 + random.integers(max(n_items - 1, 1))
    own = np.roll(search.reports, shift, axis=1)[:, None]
    bids = np.concatenate([search.problem.others, own], axis=1)
    drawn = random.integers(bids.shape[1], size=(n_rows, 1, n_items))
    return np.take_along_axis(bids, drawn, axis=1)[:, 0]
