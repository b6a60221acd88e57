"""What valuation samples look like: independent bidders, bidders alike, items alike."""

import numpy as np
from scipy.special import ndtri
from scipy.stats import ks_2samp, rankdata

__all__ = [
    "bidders_look_alike",
    "bidders_look_independent",
    "items_look_alike",
    "lattice_step",
]

# Chance of calling independent bidders dependent, or alike ones different, over all
# comparisons together. A false alarm costs training speed; a miss lets training combine values
# that never occur together, or treat as equal what is not quite.
FALSE_ALARM = 1e-3
# Profiles compared. More would find differences too small to matter.
COMPARED = 20_000
# Values on a lattice of more steps than this, up to the largest, count as continuous.
LATTICE_STEPS = 64


def bidders_look_independent(valuations):
    """Test for dependence between any two bidders' values.

    Rank correlations between every value of one bidder and every value of another, and
    between their distances from the median (which sees dependence in size without
    direction), each compared with its normal approximation at a Bonferroni level.

    Parameters
    ----------
    valuations : ndarray of shape (n_samples, n_bidders, n_items)

    Returns
    -------
    bool
        True if no pair of bidders shows dependence; always for one bidder.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.sample_tests import bidders_look_independent
    >>> values = np.random.RandomState(0).uniform(size=(500, 1, 2))
    >>> bidders_look_independent(np.concatenate([values, values], axis=1))
    False
    """
    n_samples, n_bidders, n_items = valuations.shape
    if n_bidders == 1:
        return True
    ranks = rankdata(valuations.reshape(n_samples, -1), axis=0)
    centred = ranks - (n_samples + 1) / 2
    columns = np.concatenate([_standardise(centred), _standardise(np.abs(centred))], axis=1)
    owner = np.tile(np.repeat(np.arange(n_bidders), n_items), 2)
    between = np.triu(owner[:, None] != owner[None, :])
    correlations = np.abs(columns.T @ columns)[between]
    limit = -ndtri(FALSE_ALARM / (2 * len(correlations))) / np.sqrt(max(n_samples - 1, 1))
    return bool((correlations <= limit).all())


def _standardise(columns):
    """Centre columns and scale them to unit length; constant columns become zero."""
    columns = columns - columns.mean(axis=0)
    length = np.linalg.norm(columns, axis=0)
    return columns / np.where(length > 0, length, 1.0)


def bidders_look_alike(valuations):
    """Test whether all bidders' values follow the same distributions.

    Two-sample Kolmogorov-Smirnov tests of every bidder against the first: each item's
    values and the sum over items, at a Bonferroni level.

    Parameters
    ----------
    valuations : ndarray of shape (n_samples, n_bidders, n_items)

    Returns
    -------
    bool
        True if no bidder shows a difference; always for one bidder.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.sample_tests import bidders_look_alike
    >>> values = np.random.RandomState(0).uniform(size=(500, 2, 2))
    >>> bidders_look_alike(values), bidders_look_alike(values * [[[1.0], [2.0]]])
    (True, False)
    """
    tables = np.concatenate([valuations, valuations.sum(axis=2, keepdims=True)], axis=2)
    return _first_looks_like_rest(tables.swapaxes(1, 2))


def items_look_alike(valuations):
    """Test whether every bidder's values of all items follow the same distribution.

    Two-sample Kolmogorov-Smirnov tests of every item against the first, bidder by
    bidder, at a Bonferroni level.

    Parameters
    ----------
    valuations : ndarray of shape (n_samples, n_bidders, n_items)

    Returns
    -------
    bool
        True if no item shows a difference; always for one item.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.sample_tests import items_look_alike
    >>> values = np.random.RandomState(0).uniform(size=(500, 2, 2))
    >>> items_look_alike(values), items_look_alike(values * [1.0, 2.0])
    (True, False)
    """
    return _first_looks_like_rest(valuations)


def lattice_step(valuations):
    """Return the step of the coarse lattice that all values are multiples of.

    Parameters
    ----------
    valuations : ndarray of any shape
        Not negative.

    Returns
    -------
    float
        In money; 0 if there is no such lattice of at most 64 steps.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.sample_tests import lattice_step
    >>> lattice_step(np.array([1.0, 2.5, 4.0])), lattice_step(np.array([0.1, 0.12, 3.14159]))
    (0.5, 0.0)
    """
    top = valuations.max()
    step = 0.0
    values = np.unique(valuations[:COMPARED])
    for value in values[values > 0]:
        while value > 1e-6 * top:
            # Euclid's algorithm; remainders that are rounding count as zero.
            rest = step % value if step else 0.0
            step, value = value, 0.0 if min(rest, value - rest) <= 1e-6 * top else rest
        if step < top / LATTICE_STEPS:
            return 0.0
    steps = valuations / step
    return float(step) if np.allclose(steps, np.rint(steps), atol=1e-6, rtol=0) else 0.0


def _first_looks_like_rest(tables):
    """Compare column 0 with every other one, in each table (n_samples, n_tables, n_columns)."""
    tables = tables[:COMPARED]
    _, n_tables, n_columns = tables.shape
    level = FALSE_ALARM / max(n_tables * (n_columns - 1), 1)
    return not any(
        ks_2samp(tables[:, table, 0], tables[:, table, column], method="asymp").pvalue < level
        for table in range(n_tables)
        for column in range(1, n_columns)
    )
