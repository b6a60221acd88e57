"""Upper bound on the revenue of any auction, by virtual values along paths.

Route each type's incentive constraint to the next lower type on a path from the highest values to
the lowest. This defines virtual values, as in Myerson's auction, and the expected virtual welfare
is an upper bound on the revenue [1]_. With heights ``e_j`` in [0, 1] of the values above the
lowest, the paths solve ``de_j / dt = e_j ** a``; for a = 1 they are rays [2]_. The bound needs no
grid.

References
----------
.. [1] Cai, Devanur & Weinberg, "A Duality Based Unified Approach to Bayesian Mechanism Design",
   STOC 2016, theorem 3.
.. [2] Haghpanah & Hartline, "Reverse Mechanism Design", EC 2015.
"""

import numpy as np

from sklauction.domains.auctions import auction_of

__all__ = ["best_sale", "flow_virtual_values"]

# Gauss-Legendre nodes along each path.
N_NODES = 24


def flow_virtual_values(values, marginals, support, exponent):
    """Return the virtual values of the types of one bidder.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_items)
        Types of one bidder, in money.
    marginals : sequence of n_items distributions
        Independent, each with ``pdf``.
    support : ndarray of shape (n_items, 2)
        Lowest and highest value of each item. Paths start at the highest values. Values above
        them are their own virtual values, as no constraint is routed to them.
    exponent : float
        Exponent a of the paths, in (0, 1].

    Returns
    -------
    ndarray of shape (n_samples, n_items)
        In money; minus infinity where the density is 0.

    Examples
    --------
    For one item it is Myerson's virtual value, here 2 v - 1:

    >>> import numpy as np
    >>> from scipy.stats import uniform
    >>> from sklauction.bounds.flow_bound import flow_virtual_values
    >>> values = np.array([[0.5], [0.75]])
    >>> flow_virtual_values(values, [uniform(0, 1)], np.array([[0.0, 1.0]]), 0.5).round(6).ravel()
    array([0. , 0.5])
    """
    low, width = support[:, 0], np.ptp(support, axis=1)
    height = np.clip((values - low) / width, 1e-300, None)
    inside = (height < 1).all(axis=1)
    start = np.where(inside[:, None], height, 0.5)
    # In the coordinates y = e^(1 - a) / (1 - a), or log e for a = 1, paths have slope 1.
    power = 1.0 - exponent
    y = start**power / power if power else np.log(start)
    top = 1.0 / power if power else 0.0
    longest = (top - y).min(axis=1)
    nodes, weights = np.polynomial.legendre.leggauss(N_NODES)
    flow = np.zeros(len(values))
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        at = y + (longest * node)[:, None]
        at = (power * at) ** (1 / power) if power else np.exp(at)
        stretch = ((at / start) ** exponent).prod(axis=1)
        flow += weight * longest * stretch * _density(low + at * width, marginals, width)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(flow > 0, flow / _density(low + start * width, marginals, width), 0.0)
    lost = width * start**exponent * ratio[:, None]
    return np.where(inside[:, None], values - lost, values)


def best_sale(virtual_values, demand="additive"):
    """Return the maximal virtual welfare of feasible allocations in each profile.

    Parameters
    ----------
    virtual_values : ndarray of shape (n_samples, n_bidders, n_items)
        In money.
    demand : {"additive", "unit"} or Auction, default="additive"

    Returns
    -------
    ndarray of shape (n_samples,)
        In money.
    """
    worth = np.maximum(virtual_values, 0.0)
    return (worth * auction_of(demand).best(worth)).sum(axis=1).sum(axis=1)


def _density(values, marginals, width):
    """Return the joint density of values divided by the widths of their supports."""
    density = np.ones(len(values))
    distinct = {id(one): one for one in marginals}
    for kind, one in distinct.items():
        columns = [j for j, marginal in enumerate(marginals) if id(marginal) == kind]
        density *= (one.pdf(values[:, columns]) * width[columns]).prod(axis=1)
    return density
