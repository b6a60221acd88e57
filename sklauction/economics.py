"""Pure functions of valuations and outcomes: utility, revenue, welfare, violations, score.

Axes are always in the order sample, bidder, item. Money is in the caller's unit.
All functions take and return numpy arrays or floats and check nothing: callers do.
"""

import numpy as np

__all__ = [
    "auction_score",
    "feasibility_violation",
    "ir_violation",
    "revenue",
    "utilities",
    "values_received",
    "welfare",
]


def values_received(valuations, allocations):
    """Return the value of what each bidder gets, ``<v_i, a_i>``.

    For additive demand this is the sum over items; for unit demand it is the
    same, because a feasible unit-demand allocation is a lottery over single items.

    Parameters
    ----------
    valuations : ndarray of shape (n_samples, n_bidders, n_items)
        True valuations, in money.
    allocations : ndarray of shape (n_samples, n_bidders, n_items)
        Probability with which a bidder gets an item.

    Returns
    -------
    ndarray of shape (n_samples, n_bidders)

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.economics import values_received
    >>> values_received(np.array([[[0.2, 0.8]]]), np.array([[[1.0, 0.5]]]))
    array([[0.6]])
    """
    return np.einsum("nij,nij->ni", valuations, allocations)


def utilities(valuations, outcome):
    """Return the utility of each bidder, ``u_i = <v_i, a_i> - p_i``.

    Parameters
    ----------
    valuations : ndarray of shape (n_samples, n_bidders, n_items)
        True valuations (the outcome may stem from other reports).
    outcome : AuctionOutcome or (allocations, payments)
        What the auction decided.

    Returns
    -------
    ndarray of shape (n_samples, n_bidders)

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.economics import utilities
    >>> utilities(np.array([[[0.75]]]), (np.array([[[1.0]]]), np.array([[0.5]])))
    array([[0.25]])
    """
    allocations, payments = outcome
    return values_received(valuations, allocations) - payments


def revenue(payments):
    """Return the expected total payment ``P``: mean over samples of the sum over bidders.

    Parameters
    ----------
    payments : ndarray of shape (n_samples, n_bidders)
        Money that each bidder pays.

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.economics import revenue
    >>> revenue(np.array([[1.0, 0.5], [0.0, 0.5]]))
    1.0
    """
    return float(np.sum(payments, axis=1).mean())


def welfare(valuations, allocations):
    """Return the expected total value of what is allocated, at true valuations.

    Parameters
    ----------
    valuations : ndarray of shape (n_samples, n_bidders, n_items)
        True valuations, in money.
    allocations : ndarray of shape (n_samples, n_bidders, n_items)
        Probability with which a bidder gets an item.

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.economics import welfare
    >>> welfare(np.array([[[0.25], [0.75]]]), np.array([[[0.0], [1.0]]]))
    0.75
    """
    return float(values_received(valuations, allocations).sum(axis=1).mean())


def feasibility_violation(allocations, demand="additive"):
    """Return the largest excess of the allocation over what exists, per sample.

    No probability below 0; no item given out more than once; for
    ``demand="unit"`` no bidder gets more than one item.

    Parameters
    ----------
    allocations : ndarray of shape (n_samples, n_bidders, n_items)
        Probability with which a bidder gets an item.
    demand : {"additive", "unit"}
        Whether a bidder may get several items.

    Returns
    -------
    ndarray of shape (n_samples,)
        0 where feasible.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.economics import feasibility_violation
    >>> feasibility_violation(np.array([[[0.75], [0.5]], [[0.5], [0.5]]]))
    array([0.25, 0.  ])
    """
    excess = np.maximum((allocations.sum(axis=1) - 1.0).max(axis=1), -allocations.min(axis=(1, 2)))
    if demand == "unit":
        excess = np.maximum(excess, (allocations.sum(axis=2) - 1.0).max(axis=1))
    return np.maximum(excess, 0.0)


def ir_violation(bids, outcome):
    """Return what each bidder pays beyond the reported value of what it gets.

    Individual rationality (IR) in the ex-post sense: ``p_i <= <b_i, a_i>``.

    Parameters
    ----------
    bids : ndarray of shape (n_samples, n_bidders, n_items)
        Reports, in money.
    outcome : AuctionOutcome or (allocations, payments)
        What the auction decided.

    Returns
    -------
    ndarray of shape (n_samples, n_bidders)
        0 where rational, money otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.economics import ir_violation
    >>> ir_violation(np.array([[[0.5]]]), (np.array([[[1.0]]]), np.array([[0.75]])))
    array([[0.25]])
    """
    return np.maximum(-utilities(bids, outcome), 0.0)


def auction_score(revenue, total_regret):
    """Return the score of an auction, ``sqrt(P) - sqrt(R)``, with P and R expectations.

    A one-bidder auction with revenue P and regret R can be turned into an exactly
    truthful one that earns at least ``(sqrt(P) - sqrt(R))**2``, so the score
    compares auctions of different regret.

    Parameters
    ----------
    revenue : float
        ``P``, expected total payment. A negative value counts as zero.
    total_regret : float
        ``R``, expected sum over bidders of ex-post regret.

    Returns
    -------
    float

    References
    ----------
    .. [1] Rahme, Jelassi & Weinberg, "Auction Learning as a Two-Player Game",
       ICLR 2021, section 3.

    Examples
    --------
    >>> from sklauction.economics import auction_score
    >>> auction_score(0.25, 0.01)
    0.4
    """
    return float(np.sqrt(max(revenue, 0.0)) - np.sqrt(max(total_regret, 0.0)))
