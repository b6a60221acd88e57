"""Pure functions of valuations and outcomes: utility, revenue, welfare, violations, score.

Axes are always in the order sample, bidder, item. Money is in the caller's unit.
All functions take array-likes of finite numbers of any size, and return finite ones.
"""

import functools

import numpy as np

from sklauction.utils.validation import DEMANDS, check_choice, check_number, check_numbers

__all__ = [
    "auction_score",
    "feasibility_violation",
    "ir_violation",
    "revenue",
    "utilities",
    "values_received",
    "welfare",
]

# Axes of valuations and of allocations.
PROFILES = ("n_samples", "n_bidders", "n_items")


def values_received(valuations, allocations):
    """Return the value of what each bidder gets, ``<v_i, a_i>``.

    For additive demand this is the sum over items [1]_; for unit demand it is the
    same, because a feasible unit-demand allocation is a lottery over single items.

    Parameters
    ----------
    valuations : array-like of shape (n_samples, n_bidders, n_items)
        True valuations, in money.
    allocations : array-like of shape (n_samples, n_bidders, n_items)
        Probability with which a bidder gets an item.

    Returns
    -------
    ndarray of shape (n_samples, n_bidders)
        In money.

    Raises
    ------
    ValueError
        If an argument does not hold finite numbers in this shape, or the values are beyond
        double precision.

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
    valuations = check_numbers(valuations, "valuations", PROFILES)
    allocations = check_numbers(allocations, "allocations", valuations.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        received = np.einsum("nij,nij->ni", valuations, allocations)
    return _check_size(received, "valuations and allocations")


def utilities(valuations, outcome):
    """Return the utility of each bidder, ``u_i = <v_i, a_i> - p_i``.

    It is quasi-linear: value and payment are both money [1]_.

    Parameters
    ----------
    valuations : array-like of shape (n_samples, n_bidders, n_items)
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
        If the outcome is not a pair, an array does not hold finite numbers in this shape, or
        the utilities are beyond double precision.

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
    return _utilities(valuations, outcome, "valuations")


def _utilities(valuations, outcome, name):
    """Return utilities; ``name`` is the first argument's, for messages."""
    if not (isinstance(outcome, tuple | list) and len(outcome) == 2):
        raise ValueError(
            "outcome must be an AuctionOutcome or a pair (allocations, payments); got "
            f"{type(outcome).__name__}"
        )
    valuations = check_numbers(valuations, name, PROFILES)
    payments = check_numbers(outcome[1], "payments of the outcome", valuations.shape[:2])
    allocations = check_numbers(outcome[0], "allocations of the outcome", valuations.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        gained = np.einsum("nij,nij->ni", valuations, allocations) - payments
    return _check_size(gained, f"{name} and outcome")


def _check_size(result, names):
    """Return a result; raise ValueError naming arguments unless all of it is finite."""
    if not np.isfinite(result).all():
        raise ValueError(
            f"{names} must be small enough for double precision, below about 1e308 in products "
            "and sums; got some that are not"
        )
    return result


def revenue(payments):
    """Return the expected total payment ``P``: mean over samples of the sum over bidders.

    With truthful reports, it is what the auctions of [1]_ maximise.

    Parameters
    ----------
    payments : array-like of shape (n_samples, n_bidders)
        Money that each bidder pays, in at least one profile.

    Returns
    -------
    float
        Money per profile.

    Raises
    ------
    ValueError
        If payments do not hold finite numbers in this shape, or the revenue is beyond double
        precision.

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
    payments = check_numbers(payments, "payments", ("n_profiles", "n_bidders"))
    return _mean_of_sums(payments, "payments")


def welfare(valuations, allocations):
    """Return the expected total value of what is allocated, at true valuations.

    :class:`~sklauction.VCGAuction` without reserve prices maximises it in every profile [1]_.
    Where reports are truthful and no bidder pays more than its value, no revenue exceeds it.

    Parameters
    ----------
    valuations : array-like of shape (n_samples, n_bidders, n_items)
        True valuations, in money, of at least one profile.
    allocations : array-like of shape (n_samples, n_bidders, n_items)
        Probability with which a bidder gets an item.

    Returns
    -------
    float
        Money per profile.

    Raises
    ------
    ValueError
        If an argument does not hold finite numbers in this shape, or the welfare is beyond
        double precision.

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
    valuations = check_numbers(valuations, "valuations", ("n_profiles", "n_bidders", "n_items"))
    received = values_received(valuations, allocations)
    return _mean_of_sums(received, "valuations and allocations")


def _mean_of_sums(money, names):
    """Return the mean over samples of the sum over bidders, which alone may be too large."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(money.sum(axis=1).mean())
    if np.isfinite(mean):
        return mean
    with np.errstate(over="ignore", invalid="ignore"):
        return float(_check_size((money / len(money)).sum(axis=0).sum(), names))


def feasibility_violation(allocations, demand="additive"):
    """Return the largest excess of the allocation over what exists, per sample.

    Feasible is what has no probability below 0 and gives out no item more than once; for
    ``demand="unit"`` no bidder gets more than one item either [1]_.

    Parameters
    ----------
    allocations : array-like of shape (n_samples, n_bidders, n_items)
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
        If allocations do not hold finite numbers in this shape, or too large ones for double
        precision, or the demand is not one of these.

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
    allocations = check_numbers(allocations, "allocations", PROFILES)
    check_choice(demand, "demand", DEMANDS)
    with np.errstate(over="ignore", invalid="ignore"):
        given_out = _reduce(np.maximum, _reduce(np.add, allocations))
        least = _reduce(np.minimum, _reduce(np.minimum, allocations))
        excess = np.maximum(given_out - 1.0, -least)
        if demand == "unit":
            excess = np.maximum(excess, (allocations.sum(axis=2) - 1.0).max(axis=1))
    return _check_size(np.maximum(excess, 0.0), "allocations")


def _reduce(function, array):
    """Reduce the second axis, bidder by bidder: where they are few, up to twenty times as fast."""
    return functools.reduce(function, np.moveaxis(array, 1, 0))


def ir_violation(bids, outcome):
    """Return what each bidder pays beyond the reported value of what it gets.

    Individual rationality (IR) in the ex-post sense: ``p_i <= <b_i, a_i>`` [1]_.

    Parameters
    ----------
    bids : array-like of shape (n_samples, n_bidders, n_items)
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
        If the outcome is not a pair, an array does not hold finite numbers in this shape, or
        the result is beyond double precision.

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
    return np.maximum(-_utilities(bids, outcome, "bids"), 0.0)


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

    Raises
    ------
    ValueError
        If an argument is not a finite number.

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
    revenue = check_number(revenue, "revenue")
    total_regret = check_number(total_regret, "total_regret")
    return float(np.sqrt(max(revenue, 0.0)) - np.sqrt(max(total_regret, 0.0)))
