"""Revenue of Myerson's auction of one item, by integration."""

import numpy as np

from sklauction.analytic.virtual_value import prior_virtual_value, survival_function

__all__ = ["myerson_revenue"]


def myerson_revenue(marginals):
    """Return the optimal revenue of one item and independent bidders.

    It is the expected maximum of 0 and the highest ironed virtual value [1]_: the integral over
    t >= 0 of the probability that some virtual value is above t.

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
    distinct = {id(one): one for one in marginals}
    virtual_values = {key: prior_virtual_value(one) for key, one in distinct.items()}
    levels = np.concatenate([[0.0], *(phi.levels for phi in virtual_values.values())])
    levels = np.unique(levels[levels >= 0])
    middles = (levels[1:] + levels[:-1]) / 2
    unsold = np.ones(len(middles))
    for one in marginals:
        smallest = virtual_values[id(one)].inverse(middles)
        unsold *= 1.0 - survival_function(one, smallest)
    return float(((1.0 - unsold) * np.diff(levels)).sum())
