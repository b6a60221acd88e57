"""Whether valuation samples look as if bidders were independent of one another."""

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

__all__ = ["bidders_look_independent"]

# Chance of calling independent bidders dependent, over all pairs together. A false alarm
# costs training speed, a miss lets training combine values that never occur together.
FALSE_ALARM = 1e-3


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
    >>> from sklauction.two_player.independence import bidders_look_independent
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
