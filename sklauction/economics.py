"""Pure functions of valuations and outcomes: utility, revenue, welfare, violations, score.

Axes are always in the order sample, bidder, item. Money is in the caller's unit.
All functions take and return numpy arrays or floats and check nothing: callers do. Shapes that
do not fit together fail within numpy.
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

    For additive demand this is the sum over items [1]_; for unit demand it is the
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
        In money.

    Raises
    ------
    ValueError
        By numpy, if the two shapes do not fit together.

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019, section 2.

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

    It is quasi-linear: value and payment are both money [1]_.

    Parameters
    ----------
    valuations : ndarray of shape (n_samples, n_bidders, n_items)
        True valuations, in money (the outcome may stem from other reports).
    outcome : AuctionOutcome or (allocations, payments)
        What the auction decided: probabilities of shape (n_samples, n_bidders, n_items), and
        money of shape (n_samples, n_bidders).

    Returns
    -------
    ndarray of shape (n_samples, n_bidders)
        In money; below 0 where a bidder pays more than what it gets is worth to it.

    Raises
    ------
    ValueError
        If the outcome is not a pair; by numpy, if shapes do not fit together.

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019, section 2.

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

    With truthful reports, it is what the auctions of [1]_ maximise.

    Parameters
    ----------
    payments : ndarray of shape (n_samples, n_bidders)
        Money that each bidder pays.

    Returns
    -------
    float
        Money per profile.

    Raises
    ------
    ValueError
        By numpy, if payments have no axis of bidders.

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019, section 2.

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

    :class:`~sklauction.VCGAuction` without reserve prices maximises it in every profile [1]_.
    Where reports are truthful and no bidder pays more than its value, no revenue exceeds it.

    Parameters
    ----------
    valuations : ndarray of shape (n_samples, n_bidders, n_items)
        True valuations, in money.
    allocations : ndarray of shape (n_samples, n_bidders, n_items)
        Probability with which a bidder gets an item.

    Returns
    -------
    float
        Money per profile.

    Raises
    ------
    ValueError
        By numpy, if the two shapes do not fit together.

    References
    ----------
    .. [1] Krishna, "Auction Theory", 2nd edition, 2010, section 5.3.

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

    Feasible is what has no probability below 0 and gives out no item more than once; for
    ``demand="unit"`` no bidder gets more than one item either [1]_.

    Parameters
    ----------
    allocations : ndarray of shape (n_samples, n_bidders, n_items)
        Probability with which a bidder gets an item.
    demand : {"additive", "unit"}
        Whether a bidder may get several items.

    Returns
    -------
    ndarray of shape (n_samples,)
        In probability (or shares of items); 0 where feasible.

    Raises
    ------
    ValueError
        By numpy, if allocations do not have three axes.

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019, section 2.

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

    Individual rationality (IR) in the ex-post sense: ``p_i <= <b_i, a_i>`` [1]_.

    Parameters
    ----------
    bids : ndarray of shape (n_samples, n_bidders, n_items)
        Reports, in money.
    outcome : AuctionOutcome or (allocations, payments)
        What the auction decided: probabilities of shape (n_samples, n_bidders, n_items), and
        money of shape (n_samples, n_bidders).

    Returns
    -------
    ndarray of shape (n_samples, n_bidders)
        0 where rational, money otherwise.

    Raises
    ------
    ValueError
        If the outcome is not a pair; by numpy, if shapes do not fit together.

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019, section 2.

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
    compares auctions of different regret [1]_.

    Parameters
    ----------
    revenue : float
        ``P``, expected total payment, in money. A negative value counts as zero.
    total_regret : float
        ``R``, expected sum over bidders of ex-post regret, in money. A negative value counts
        as zero.

    Returns
    -------
    float
        In the square root of money: all valuations times c is the score times ``sqrt(c)``.

    References
    ----------
    .. [1] Rahme, Jelassi & Weinberg, "Auction Learning as a Two-Player Game",
       ICLR 2021, section 3 and proposition 1.

    Examples
    --------
    >>> from sklauction.economics import auction_score
    >>> auction_score(0.25, 0.01)
    0.4
    """
    return float(np.sqrt(max(revenue, 0.0)) - np.sqrt(max(total_regret, 0.0)))


def say_money(amount, digits=4):
    """Return an amount of money as text: large ones in whole units, others to ``digits`` digits.

    Parameters
    ----------
    amount : float
    digits : int, default=4
        Significant digits of what is less than ``10 ** digits``.

    Returns
    -------
    str

    Examples
    --------
    >>> from sklauction.economics import say_money
    >>> say_money(0.54321), say_money(137204.6), say_money(-2.5e6)
    ('0.5432', '137,205', '-2,500,000')
    """
    text = f"{amount:.{digits}g}"
    return f"{amount:,.0f}" if "e+" in text and abs(amount) < 1e15 else text
