"""Which prior with a known optimum samples could be drawn from."""

import numpy as np
from scipy.special import ndtri
from scipy.stats import kstest

__all__ = ["could_be_triangle", "plausible_boxes"]

# Chance of calling samples of a listed prior another one, over all comparisons together.
FALSE_ALARM = 1e-3
# So many distances between neighbouring samples may lie beyond an end.
FEW = 10


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
    >>> from sklauction.analytic.recognise import plausible_boxes
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
