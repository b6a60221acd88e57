"""What valuation samples look like: independent bidders, bidders alike, items alike."""

import numpy as np
from scipy.special import ndtri
from scipy.stats import ks_2samp, kstest, rankdata

__all__ = [
    "bidders_look_alike",
    "bidders_look_independent",
    "could_be_triangle",
    "decide",
    "items_look_alike",
    "lattice_step",
    "plausible_boxes",
]

# Chance of calling independent bidders dependent, or alike ones different, over all
# comparisons together. A false alarm costs training speed; a miss lets training combine values
# that never occur together, or treat as equal what is not quite.
FALSE_ALARM = 1e-3
# Profiles compared. More would find differences too small to matter.
COMPARED = 20_000
# Values on a lattice of more steps than this, up to the largest, count as continuous.
LATTICE_STEPS = 64
# So many distances between neighbouring samples may lie beyond an end.
FEW = 10


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
    >>> from sklauction.utils.sample_tests import bidders_look_independent
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
    >>> from sklauction.utils.sample_tests import bidders_look_alike
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
    >>> from sklauction.utils.sample_tests import items_look_alike
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
    >>> from sklauction.utils.sample_tests import lattice_step
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


def decide(setting, test, valuations):
    """Return a switch, "auto" being what a test of the samples says."""
    return bool(test(valuations) if isinstance(setting, str) else setting)


def plausible_boxes(values):
    """Return the boxes on which values could be uniform and independent.

    Ends are those of the samples, widened by their expected distance from the true end; all
    combinations of "from zero", "all items alike" and the shape [4, 16] x [4, 7] are tried,
    and kept if no test refuses them.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_items)
        In money.

    Returns
    -------
    list of (ndarray of shape (n_items,), ndarray of shape (n_items,))
        Lows and highs, those with fewer numbers taken from the samples first.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.utils.sample_tests import plausible_boxes
    >>> values = 3 * np.random.RandomState(0).uniform(size=(1000, 2))
    >>> low, high = plausible_boxes(values)[0]
    >>> low.round(2), high.round(2)
    (array([0., 0.]), array([3., 3.]))
    """
    n_samples, n_items = values.shape
    if not _items_look_independent(values):
        return []
    low, high = values.min(axis=0), values.max(axis=0)
    # The extremes of n uniform draws lie a share 1 / (n + 1) inside, on average.
    low, high = low - (high - low) / n_samples, high + (high - low) / n_samples
    zero = np.zeros(n_items)
    boxes = [(zero, np.full(n_items, values.max() * (1 + 1 / (n_samples * n_items))))]
    if n_items == 2:
        dear = int(high.argmax())
        unit = high / np.where(np.arange(2) == dear, 16, 7)
        box = np.where(np.arange(2) == dear, 16, 7) * unit.mean()
        boxes.append((np.full(2, 4 * unit.mean()), box))
    boxes += [
        (np.full(n_items, low.min()), np.full(n_items, high.max())),
        (zero, high),
        (low, high),
    ]
    return [box for box in boxes if _could_be_uniform(values, *box)]


def could_be_triangle(values):
    """Say whether two values could be uniform on a triangle (0, 0), (0, h), (h, 0).

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_items)

    Returns
    -------
    float or None
        The height h, in money; None if they could not.
    """
    n_samples, n_items = values.shape
    if n_items != 2:
        return None
    sums = values.sum(axis=1)
    height = sums.max() * (1 + 1 / (2 * n_samples))
    if not (sums > 0).all():
        return None
    # The share of the square of the sum, and the share of one value in the sum, are uniform.
    tests = [kstest((sums / height) ** 2, "uniform"), kstest(values[:, 0] / sums, "uniform")]
    return height if min(test.pvalue for test in tests) >= FALSE_ALARM / 2 else None


def _could_be_uniform(values, low, high):
    if (low < 0).any() or (high <= low).any():
        return False
    shares = (values - low) / (high - low)
    # Ends taken from the other item's samples may miss by a few of their distances.
    if max(-shares.min(), shares.max() - 1) > FEW / len(values):
        return False
    level = FALSE_ALARM / values.shape[1]
    return all(kstest(share, "uniform").pvalue >= level for share in shares.T)


def _items_look_independent(values):
    n_samples, n_items = values.shape
    if n_items == 1 or n_samples < 3:
        return True
    ranks = values.argsort(axis=0).argsort(axis=0)
    between = np.triu_indices(n_items, 1)
    correlations = np.abs(np.corrcoef(ranks.T)[between])
    limit = -ndtri(FALSE_ALARM / (2 * len(correlations))) / np.sqrt(n_samples - 1)
    return bool((correlations <= limit).all())
