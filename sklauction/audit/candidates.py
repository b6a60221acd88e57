"""Reports worth trying, as pure functions: each returns (n, n_reports, n_items).

All take the truth or a starting report (n, n_items) and the box of reports, ``low`` and
``high`` of shape (n_items,), and stay inside the box.
"""

import numpy as np

__all__ = ["anchors", "drops", "even", "near", "others", "r_sequence", "scan_values"]

# Just above an opponent's bid, as a share of the range: far above single precision.
NUDGE = 1e-6
# Most items that the anchors drop and raise one at a time.
ANCHORED_ITEMS = 6
# Most choices of the items most worth having.
MOST_NESTED = 15


def anchors(truth, rivals, low, high):
    """Return corners and edges of the box, and reports that just beat the best rival.

    Parameters
    ----------
    truth : ndarray of shape (n, n_items)
    rivals : ndarray of shape (n, n_items)
        Highest bid of the others on each item.
    low, high : ndarray of shape (n_items,)

    Returns
    -------
    ndarray of shape (n, 5 + 2 * min(n_items, 6), n_items)
        The lowest and the highest report; just above the best rival on every item, on
        those worth it and zero on the rest, and truth on the rest; the truth with one
        item at its lowest, and at its highest.
    """
    beat = np.clip(rivals + NUDGE * (high - low), low, high)
    worth = truth > rivals
    reports = [np.broadcast_to(low, truth.shape), np.broadcast_to(high, truth.shape)]
    reports += [beat, np.where(worth, beat, low), np.where(worth, beat, truth)]
    for item in range(min(truth.shape[1], ANCHORED_ITEMS)):
        for end in (low, high):
            edge = truth.copy()
            edge[:, item] = end[item]
            reports.append(edge)
    return np.stack(reports, axis=1)


def drops(truth, rivals, low, n_random, random):
    """Return the truth with several items dropped to their lowest report.

    Bidding on few items only is a lie that small steps from the truth do not reach.

    Parameters
    ----------
    truth : ndarray of shape (n, n_items)
    rivals : ndarray of shape (n, n_items)
        Highest bid of the others.
    low : ndarray of shape (n_items,)
    n_random : int
        Number of random choices of items.
    random : numpy.random.Generator

    Returns
    -------
    ndarray of shape (n, min(n_items - 1, 15) + n_random, n_items)
        First the item that exceeds its rival by most alone, then the two that do, ...
    """
    n_rows, n_items = truth.shape
    rank = np.argsort(np.argsort(rivals - truth, axis=1), axis=1)
    nested = rank[:, None] <= np.arange(min(n_items - 1, MOST_NESTED))[:, None]
    share = random.random((n_rows, n_random, 1))
    kept = np.concatenate([nested, random.random((n_rows, n_random, n_items)) < share], axis=1)
    return np.where(kept, truth[:, None], low)


def others(truth, pool, n_reports, random):
    """Return values that the same bidder has in other profiles, (n, n_reports, n_items).

    Parameters
    ----------
    truth : ndarray of shape (n, n_items)
    pool : ndarray of shape (n_profiles, n_items)
    n_reports : int
    random : numpy.random.Generator
    """
    return pool[random.integers(len(pool), size=(len(truth), n_reports))]


def near(start, low, high, n_reports, random):
    """Return points near a report, at distances from 30 % down to 0.03 % of the range.

    Every second one differs in one item only.

    Parameters
    ----------
    start : ndarray of shape (n, n_items)
    low, high : ndarray of shape (n_items,)
    n_reports : int
    random : numpy.random.Generator
    """
    n_rows, n_items = start.shape
    size = 0.3 * 10 ** (-3 * random.random((n_rows, n_reports, 1)))
    shift = size * random.uniform(-1, 1, (n_rows, n_reports, n_items))
    item = random.integers(n_items, size=(n_rows, n_reports, 1))
    item[:, ::2] = -1
    shift[(item >= 0) & (item != np.arange(n_items))] = 0.0
    return np.clip(start[:, None] + shift * (high - low), low, high)


def even(truth, low, high, n_reports, random):
    """Return points spread evenly over the box, shifted at random for every row.

    Parameters
    ----------
    truth : ndarray of shape (n, n_items)
        Only its shape is used.
    low, high : ndarray of shape (n_items,)
    n_reports : int
    random : numpy.random.Generator
    """
    n_rows, n_items = truth.shape
    points = r_sequence(n_reports, n_items) + random.random((n_rows, 1, n_items))
    points -= np.floor(points)
    return low + points * (high - low)


def r_sequence(n_points, n_dims):
    """Return a low-discrepancy sequence in the unit cube: multiples of a fixed irrational.

    640 of its points enter 99.6 % of squares of side 5 % in the plane, where 1,024
    scrambled Sobol' points enter 99.7 % and 640 enter 91 %
    (``benchmarks/audit_strength.py``).

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
    """Return values to sweep each item over, the other items staying at ``start``.

    Parameters
    ----------
    start : ndarray of shape (n, n_items)
        Only its shape is used.
    rivals : ndarray of shape (n, n_items)
        Highest bid of the others: an auction often jumps there.
    low, high : ndarray of shape (n_items,)
    n_points : int
        Evenly spaced over the range, shifted at random for every row.
    random : numpy.random.Generator

    Returns
    -------
    ndarray of shape (n, n_items, n_points + 4)
        With both ends, and just below and above the rival.
    """
    n_rows, n_items = start.shape
    width = high - low
    grid = (np.arange(n_points) + random.random((n_rows, n_items, 1))) / n_points
    special = [np.broadcast_to(low, start.shape), np.broadcast_to(high, start.shape)]
    special += [np.clip(rivals + sign * NUDGE * width, low, high) for sign in (-1, 1)]
    return np.concatenate([low[:, None] + grid * width[:, None], np.stack(special, 2)], axis=2)
