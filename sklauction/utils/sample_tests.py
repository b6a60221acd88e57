"""Statistical tests of valuation samples: symmetry, independence, and known priors."""

from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri
from scipy.stats import ks_2samp, kstest, rankdata

__all__ = [
    "Dependence",
    "bidders_look_alike",
    "bidders_look_independent",
    "could_be_triangle",
    "items_look_alike",
    "lattice_step",
    "plausible_boxes",
    "strongest_dependence",
]

# Significance level of each test, over all its comparisons together.
FALSE_ALARM = 1e-3
# Largest number of profiles in a comparison. With more, irrelevant differences become significant.
COMPARED = 20_000
# A dependence between bidders is reported if it is significant at this level, over all comparisons
# together, and at least this strong. Samples are thinned to this number.
RARE_ALARM, MATTERS, THINNED = 1e-6, 0.05, 5000
# Largest number of columns, one for each bidder and item, in a test. Of more, some are left out.
MOST_COLUMNS = 2000
# Columns whose correlations with as many others are computed at once: 2 MiB.
BLOCK_COLUMNS = 512
# Columns in which one value has a larger share are too sparse for the normal approximation.
MOST_EQUAL = 0.75
# Largest number of steps, up to the largest value, of a lattice.
LATTICE_STEPS = 64
# Tolerance of the ends of a box, in mean distances between neighbouring samples.
TOLERANCE = 10


def bidders_look_independent(valuations):
    """Test for dependence between the values of any two bidders.

    Rank correlations between the values of different bidders, and between their distances from the
    median, are compared with their normal approximation at a Bonferroni level. Of more than 2,000
    pairs of a bidder and an item, those of a few items are tested, drawn at random but equal in
    every call; with more than 2,000 bidders those of one item and 2,000 bidders.

    Parameters
    ----------
    valuations : ndarray of shape (n_samples, n_bidders, n_items)

    Returns
    -------
    bool
        False if two bidders are significantly dependent.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.utils.sample_tests import bidders_look_independent
    >>> values = np.random.RandomState(0).uniform(size=(500, 1, 2))
    >>> bidders_look_independent(np.concatenate([values, values], axis=1))
    False
    """
    valuations, _ = _few_columns(valuations, axis=2)
    n_samples, n_bidders, n_items = valuations.shape
    ranks = _centred_ranks(valuations.reshape(n_samples, -1))
    columns = np.concatenate([ranks, np.abs(ranks)], axis=1)
    owner = np.tile(np.repeat(np.arange(n_bidders), n_items), 2)
    return _groups_look_uncorrelated(columns, owner)


def _centred_ranks(columns):
    """Return the ranks in each column minus their mean."""
    return rankdata(columns, axis=0) - (len(columns) + 1) / 2


def _groups_look_uncorrelated(columns, group):
    """Test correlations between columns of different groups; constant columns have none."""
    columns = columns - columns.mean(axis=0)
    length = np.linalg.norm(columns, axis=0)
    columns /= np.where(length > 0, length, 1.0)
    n_pairs = (len(group) ** 2 - (np.bincount(group) ** 2).sum()) // 2
    most = -ndtri(FALSE_ALARM / (2 * max(n_pairs, 1))) / np.sqrt(max(len(columns) - 1, 1))

    def uncorrelated(one, other):
        between = group[one, None] != group[None, other]
        return (np.abs(columns[:, one].T @ columns[:, other])[between] <= most).all()

    parts = [slice(k, k + BLOCK_COLUMNS) for k in range(0, len(group), BLOCK_COLUMNS)]
    return all(uncorrelated(*pair) for pair in combinations_with_replacement(parts, 2))


def _few_columns(valuations, axis):
    """Leave out all but :data:`MOST_COLUMNS` columns, at random but equally in every call.

    Parameters
    ----------
    valuations : ndarray of shape (n_samples, n_bidders, n_items)
    axis : {1, 2}
        What is left out first; the other axis stays whole if one entry of this one is enough.

    Returns
    -------
    valuations : ndarray of shape (n_samples, n_kept_bidders, n_kept_items)
    places : tuple of ndarray of int
        The kept bidders, and the kept items, ascending.
    """
    random = np.random.RandomState(0)
    places = [None, *map(np.arange, valuations.shape[1:])]
    for one in (axis, 3 - axis):
        most = max(MOST_COLUMNS // valuations.shape[3 - one], 1)
        if valuations.shape[one] > most:
            places[one] = np.sort(random.permutation(valuations.shape[one])[:most])
            valuations = valuations.take(places[one], axis=one)
    return valuations, tuple(places[1:])


class Dependence(NamedTuple):
    """A significant dependence between the values of two bidders for an item.

    Parameters
    ----------
    bidders : tuple of two int
    item : int
    correlation : float
        Rank correlation of the values, or of their distances from the median if that is stronger.
    of_distances : bool
        Whether it is the correlation of the distances.
    """

    bidders: tuple
    item: int
    correlation: float
    of_distances: bool


def strongest_dependence(valuations):
    """Return the strongest dependence between the values of two bidders for the same item.

    As in :func:`bidders_look_independent`, but for a warning: the level is 1e-6 after Bonferroni's
    correction, correlations below 0.05 do not count, and neither do columns in which more than
    three quarters of the values are equal. Of more than 5,000 profiles, 2,500 to 5,000 are used,
    and columns are left out as there.

    Parameters
    ----------
    valuations : ndarray of shape (n_samples, n_bidders, n_items)

    Returns
    -------
    Dependence or None
        None if no dependence is significant.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.utils.sample_tests import strongest_dependence
    >>> values = np.random.RandomState(0).uniform(size=(500, 2, 1))
    >>> strongest_dependence(values) is None
    True
    >>> values[:, 1] += values[:, 0]
    >>> strongest_dependence(values)._replace(correlation=None)
    Dependence(bidders=(0, 1), item=0, correlation=None, of_distances=False)
    """
    if valuations.shape[1] == 1:
        return None
    thinned, places = _few_columns(valuations[:: -(-len(valuations) // THINNED)], axis=2)
    ranks = _centred_ranks(thinned.reshape(len(thinned), -1))
    columns = np.stack([ranks, np.abs(ranks)]).reshape(2, *thinned.shape)
    pairs = np.triu_indices(thinned.shape[1], 1)
    found = _correlations(columns, pairs)
    level = RARE_ALARM / (2 * found.size)
    least = max(-ndtri(level) / np.sqrt(max(len(thinned) - 1, 1)), MATTERS)
    if np.abs(found).max() >= least:  # counting equal entries takes longer than the rest
        dense = _most_equal(columns) <= MOST_EQUAL
        found = np.where(dense[:, pairs[0]] & dense[:, pairs[1]], found, 0)
    place = np.unravel_index(np.abs(found).argmax(), found.shape)
    if abs(found[place]) < least:
        return None
    bidders = tuple(int(places[0][side[place[1]]]) for side in pairs)
    return Dependence(bidders, int(places[1][place[2]]), float(found[place]), bool(place[0]))


def _correlations(columns, pairs):
    """Return correlations of pairs of bidders for each item; 0 for constant columns.

    Parameters
    ----------
    columns : ndarray of shape (n_kinds, n_samples, n_bidders, n_items)
    pairs : tuple of two ndarray of int of shape (n_pairs,)

    Returns
    -------
    ndarray of shape (n_kinds, n_pairs, n_items)
    """
    columns = columns - columns.mean(axis=1, keepdims=True)
    length = np.linalg.norm(columns, axis=1, keepdims=True)
    columns /= np.where(length > 0, length, 1.0)
    by_item = np.moveaxis(columns, 3, 1)
    products = by_item.swapaxes(2, 3) @ by_item
    return np.moveaxis(products[:, :, *pairs], 1, 2)


def _most_equal(columns):
    """Return the largest share of equal entries along axis 1."""

    def share(column):
        return np.unique(column, return_counts=True)[1].max() / len(column)

    return np.apply_along_axis(share, 1, columns)


def bidders_look_alike(valuations):
    """Test whether all bidders have the same distribution of values.

    Two-sample Kolmogorov-Smirnov tests compare every bidder with the first, by the values of each
    item and their sum, at a Bonferroni level. Of more than 2,000 pairs of a bidder and an item,
    those of a few items are compared, drawn at random but equal in every call; with more than 2,000
    bidders those of 2,000 bidders.

    Parameters
    ----------
    valuations : ndarray of shape (n_samples, n_bidders, n_items)

    Returns
    -------
    bool
        False if a bidder differs significantly.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.utils.sample_tests import bidders_look_alike
    >>> values = np.random.RandomState(0).uniform(size=(500, 2, 2))
    >>> bidders_look_alike(values), bidders_look_alike(values * [[[1.0], [2.0]]])
    (True, False)
    """
    values = valuations[:COMPARED]
    few, (bidders, _) = _few_columns(values, axis=2)
    sums = values.sum(axis=2, keepdims=True)[:, bidders]
    return _look_alike(np.concatenate([few, sums], axis=2).swapaxes(1, 2))


def items_look_alike(valuations):
    """Test whether every bidder has the same distribution of values for all items.

    Two-sample Kolmogorov-Smirnov tests compare every item with the first, for each bidder, at a
    Bonferroni level. Of more than 2,000 pairs of a bidder and an item, those of a few bidders are
    compared, drawn at random but equal in every call; with more than 2,000 items those of 2,000
    items.

    Parameters
    ----------
    valuations : ndarray of shape (n_samples, n_bidders, n_items)

    Returns
    -------
    bool
        False if an item differs significantly.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.utils.sample_tests import items_look_alike
    >>> values = np.random.RandomState(0).uniform(size=(500, 2, 2))
    >>> items_look_alike(values), items_look_alike(values * [1.0, 2.0])
    (True, False)
    """
    return _look_alike(_few_columns(valuations[:COMPARED], axis=1)[0])


def _look_alike(values):
    """Test whether each bidder has the same distribution of values for all items."""
    _, n_bidders, n_items = values.shape
    level = FALSE_ALARM / max(n_bidders * (n_items - 1), 1)
    return not any(
        ks_2samp(values[:, bidder, 0], values[:, bidder, item], method="asymp").pvalue < level
        for bidder in range(n_bidders)
        for item in range(1, n_items)
    )


def lattice_step(valuations):
    """Return the largest step of which all values are multiples.

    Parameters
    ----------
    valuations : ndarray of any shape
        Non-negative, in money.

    Returns
    -------
    float
        In money; 0 if values are not on a lattice of at most 64 steps.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.utils.sample_tests import lattice_step
    >>> lattice_step(np.array([1.0, 2.5, 4.0])), lattice_step(np.array([0.1, 0.12, 3.14159]))
    (0.5, 0.0)
    """
    top = valuations.max()
    step = 0.0
    values = np.unique(valuations[:COMPARED])
    for value in values[values > 0]:
        while value > 1e-6 * top:
            # Euclid's algorithm; small remainders count as rounding.
            rest = step % value if step else 0.0
            step, value = value, 0.0 if min(rest, value - rest) <= 1e-6 * top else rest
        if step < top / LATTICE_STEPS:
            return 0.0
    steps = valuations / step
    return float(step) if np.allclose(steps, np.rint(steps), atol=1e-6, rtol=0) else 0.0


def plausible_boxes(values):
    """Return boxes on which the values could be independent and uniform.

    The candidates are the range of the samples, the same with a lower bound of 0 or equal bounds
    for all items, and boxes of the shape [4, 16] x [4, 7]. Kolmogorov-Smirnov tests reject some.
    Correlations are computed between at most 2,000 items, drawn at random but equal in every call.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_items)
        In money.

    Returns
    -------
    list of (ndarray of shape (n_items,), ndarray of shape (n_items,))
        Lower and upper bounds; boxes with fewer estimated bounds come first.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.utils.sample_tests import plausible_boxes
    >>> values = 3 * np.random.RandomState(0).uniform(size=(1000, 2))
    >>> low, high = plausible_boxes(values)[0]
    >>> low.round(2), high.round(2)
    (array([0., 0.]), array([3., 3.]))
    """
    values = values[:COMPARED]
    n_samples, n_items = values.shape
    items = np.arange(n_items)
    few = _few_columns(values[:, None], axis=2)[0][:, 0]
    if not _groups_look_uncorrelated(_centred_ranks(few), items[: few.shape[1]]):
        return []
    low, high = values.min(axis=0), values.max(axis=0)
    # The extremes of n uniform draws are on average 1 / (n + 1) of the width from the ends.
    low, high = low - (high - low) / n_samples, high + (high - low) / n_samples
    zero = np.zeros(n_items)
    boxes = [(zero, np.full(n_items, values.max() * (1 + 1 / (n_samples * n_items))))]
    if n_items == 2:
        shape = np.where(items == high.argmax(), 16, 7)
        unit = (high / shape).mean()
        boxes.append((np.full(2, 4 * unit), shape * unit))
    boxes += [
        (np.full(n_items, low.min()), np.full(n_items, high.max())),
        (zero, high),
        (low, high),
    ]
    return [box for box in boxes if _could_be_uniform(values, *box)]


def _could_be_uniform(values, low, high):
    """Test whether each column of values is uniform between its bounds."""
    if (low < 0).any() or (high <= low).any():
        return False
    shares = (values - low) / (high - low)
    # Bounds may be estimated from another item, so values may be slightly outside.
    if max(-shares.min(), shares.max() - 1) > TOLERANCE / len(values):
        return False
    level = FALSE_ALARM / values.shape[1]
    return all(kstest(share, "uniform").pvalue >= level for share in shares.T)


def could_be_triangle(values):
    """Test whether two values could be uniform on a triangle (0, 0), (0, h), (h, 0).

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_items)
        In money.

    Returns
    -------
    float or None
        The height h, in money; None if they could not.
    """
    values = values[:COMPARED]
    n_samples, n_items = values.shape
    if n_items != 2:
        return None
    sums = values.sum(axis=1)
    height = sums.max() * (1 + 1 / (2 * n_samples))
    if not (sums > 0).all():
        return None
    # The squared sum, relative to that of the corner, and the ratio of a value to the sum are
    # uniform.
    tests = [kstest((sums / height) ** 2, "uniform"), kstest(values[:, 0] / sums, "uniform")]
    return height if min(test.pvalue for test in tests) >= FALSE_ALARM / 2 else None
