"""What an item earns by Myerson's auction, integrated instead of sampled."""

import numpy as np

from sklauction.analytic.virtual_value import chance_to_reach, prior_virtual_value

__all__ = ["myerson_revenue"]


def myerson_revenue(marginals):
    """Return the optimal revenue of one item and independent bidders.

    It is the expected highest ironed virtual value, where that is not negative: an
    integral over t of the chance that some bidder's is above t.

    Parameters
    ----------
    marginals : sequence of n_bidders distributions
        As for :func:`~sklauction.analytic.virtual_value.prior_virtual_value`.

    Returns
    -------
    float
        Money.

    References
    ----------
    .. [1] Myerson, "Optimal Auction Design", Mathematics of Operations Research
       6(1), 1981, equation 6.14.

    Examples
    --------
    >>> from scipy.stats import expon
    >>> from sklauction.bounds.expected_sale import myerson_revenue
    >>> round(myerson_revenue([expon(scale=3)] * 3), 5)
    2.75169
    """
    kinds = {id(one): one for one in marginals}
    virtual_values = {key: prior_virtual_value(one) for key, one in kinds.items()}
    levels = np.concatenate([[0.0], *(phi.levels for phi in virtual_values.values())])
    levels = np.unique(levels[levels >= 0])
    middles = (levels[1:] + levels[:-1]) / 2
    nobody = np.ones(len(middles))
    for one in marginals:
        smallest = virtual_values[id(one)].inverse(middles)
        nobody *= 1.0 - chance_to_reach(one, smallest)
    return float(((1.0 - nobody) * np.diff(levels)).sum())
