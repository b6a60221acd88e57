"""Candidate reports of a search, as pure functions that return (n, n_reports, n_items).

``truth``, ``start`` and ``rivals`` have shape (n, n_items); ``low`` and ``high``, the box of
reports, have shape (n_items,). ``rivals`` holds reports of others next to which outcomes may jump,
such as the highest bid of the other bidders on each item. All candidates lie in the box if the
truth does. "Items" stands for the entries of a report.
"""

import numpy as np

__all__ = [
    "anchors",
    "low_discrepancy",
    "near",
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


def anchors(truth, deviations, low, high):
    """Return corners and edges of the box, and the deviations that a domain suggests.

    Parameters
    ----------
    truth : ndarray of shape (n, n_items)
    deviations : ndarray of shape (n, n_deviations, n_items)
    low, high : ndarray of shape (n_items,)

    Returns
    -------
    ndarray of shape (n, 2 + n_deviations + 2 * min(n_items, 6), n_items)
        The lowest and the highest report; the deviations; the truth with one item at its lowest or
        highest report.
    """
    reports = [np.broadcast_to(low, truth.shape), np.broadcast_to(high, truth.shape)]
    reports += list(deviations.swapaxes(0, 1))
    for item in range(min(truth.shape[1], ANCHORED_ITEMS)):
        for end in (low, high):
            edge = truth.copy()
            edge[:, item] = end[item]
            reports.append(edge)
    return np.stack(reports, axis=1)


def subset_bids(truth, rivals, low, n_random, random):
    """Return the truth on a subset of the items, and the lowest report on the others.

    Small steps from the truth do not reach these misreports.

    Parameters
    ----------
    truth, rivals : ndarray of shape (n, n_items)
    low : ndarray of shape (n_items,)
    n_random : int
        Number of random subsets.
    random : numpy.random.Generator

    Returns
    -------
    ndarray of shape (n, min(n_items - 1, 15) + n_random, n_items)
        First the item with the largest surplus over its rival, then the best two, and so on;
        then the random subsets.
    """
    n_rows, n_items = truth.shape
    rank = np.argsort(np.argsort(rivals - truth, axis=1), axis=1)
    nested = rank[:, None] <= np.arange(min(n_items - 1, MOST_NESTED))[:, None]
    share = random.random((n_rows, n_random, 1))
    kept = np.concatenate([nested, random.random((n_rows, n_random, n_items)) < share], axis=1)
    return np.where(kept, truth[:, None], low)


def resampled(truth, pool, n_reports, random):
    """Return random rows of a pool (n_profiles, n_items) of the bidder's valuations."""
    return pool[random.integers(len(pool), size=(len(truth), n_reports))]


def near(start, low, high, n_reports, random):
    """Return points at distances from 30 % down to 0.03 % of the range from a report.

    Every second one differs in one item only.
    """
    n_rows, n_items = start.shape
    size = 0.3 * 10 ** (-3 * random.random((n_rows, n_reports, 1)))
    shift = size * random.uniform(-1, 1, (n_rows, n_reports, n_items))
    item = random.integers(n_items, size=(n_rows, n_reports, 1))
    item[:, ::2] = -1
    shift[(item >= 0) & (item != np.arange(n_items))] = 0.0
    return np.clip(start[:, None] + shift * (high - low), low, high)


def low_discrepancy(truth, low, high, n_reports, random):
    """Return a low-discrepancy sequence in the box, randomly shifted for each row of truth."""
    n_rows, n_items = truth.shape
    points = r_sequence(n_reports, n_items) + random.random((n_rows, 1, n_items))
    points -= np.floor(points)
    return low + points * (high - low)


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


def scan_values(start, rivals, low, high, n_points, random):
    """Return values at which to scan each item, with the other items fixed.

    Parameters
    ----------
    start : ndarray of shape (n, n_items)
        Only its shape is used.
    rivals : ndarray of shape (n, n_items)
        Auctions often jump at these bids.
    low, high : ndarray of shape (n_items,)
    n_points : int
        Number of evenly spaced points over the range, randomly shifted for each row.
    random : numpy.random.Generator

    Returns
    -------
    ndarray of shape (n, n_items, n_points + 4)
        Followed by both ends, and by values just below and above the rival.
    """
    n_rows, n_items = start.shape
    width = high - low
    grid = (np.arange(n_points) + random.random((n_rows, n_items, 1))) / n_points
    special = [np.broadcast_to(low, start.shape), np.broadcast_to(high, start.shape)]
    special += [np.clip(rivals + sign * NUDGE * width, low, high) for sign in (-1, 1)]
    return np.concatenate([low[:, None] + grid * width[:, None], np.stack(special, 2)], axis=2)
