"""Utility, revenue, welfare, constraint violations and score of auction outcomes.

Axes are in the order sample, bidder, item. Money is in the caller's unit. The functions check that
inputs and results are finite; :class:`~sklauction.domains.auctions.Auction` computes the same on
arrays known to be valid.
"""

from __future__ import annotations

import numpy as np

from sklauction.domains.auctions import ADDITIVE, Demand, auction_of
from sklauction.domains.outcome import AuctionOutcome
from sklauction.utils.types import ArrayLike
from sklauction.utils.validation import PROFILES, check_number, check_numbers

__all__ = [
    "auction_score",
    "feasibility_violation",
    "ir_violation",
    "revenue",
    "utilities",
    "values_received",
    "welfare",
]

# Rounding of probabilities.
ROUNDING = 1e-6


def values_received(valuations: ArrayLike, allocations: ArrayLike) -> np.ndarray:
    """Return each bidder's value of its allocation, ``<v_i, a_i>``.

    The sum over items holds for additive demand and for unit demand, where a feasible
    allocation is a lottery over single items.

    Parameters
    ----------
    valuations : array-like of shape (n_samples, n_bidders, n_items)
        True valuations, in money.
    allocations : array-like of shape (n_samples, n_bidders, n_items)
        Probability that a bidder gets an item.

    Returns
    -------
    ndarray of shape (n_samples, n_bidders)
        In money.

    Raises
    ------
    ValueError
        If an argument is not a finite array of this shape, or a value overflows float64.

    See Also
    --------
    utilities : Value minus payment, with the source.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.economics import values_received
    >>> values_received(np.array([[[0.2, 0.8]]]), np.array([[[1.0, 0.5]]]))
    array([[0.6]])
    """
    valuations = check_numbers(valuations, "valuations", PROFILES)
    allocations = check_numbers(allocations, "allocations", valuations.shape)
    received = ADDITIVE.utilities(valuations, (allocations, np.zeros(allocations.shape[:2])))
    return _check_size(received, "valuations and allocations")


def utilities(
    valuations: ArrayLike, outcome: AuctionOutcome | tuple[ArrayLike, ArrayLike]
) -> np.ndarray:
    """Return each bidder's quasi-linear utility, ``u_i = <v_i, a_i> - p_i``.

    This is the utility of [1]_, with value and payment in money.

    Parameters
    ----------
    valuations : array-like of shape (n_samples, n_bidders, n_items)
        True valuations, in money. The outcome may be that of other reports.
    outcome : AuctionOutcome or (allocations, payments)
        Allocations, probabilities of shape (n_samples, n_bidders, n_items), and payments,
        money of shape (n_samples, n_bidders).

    Returns
    -------
    ndarray of shape (n_samples, n_bidders)
        In money; negative where a bidder pays more than its value of the allocation.

    Raises
    ------
    ValueError
        If the outcome is not a pair, an array is not finite or not of this shape, or a
        utility overflows float64.

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
    """Return checked utilities; ``name`` is that of the first argument, for messages."""
    if not (isinstance(outcome, tuple | list) and len(outcome) == 2):
        raise ValueError(
            "outcome must be an AuctionOutcome or a pair (allocations, payments); got "
            f"{type(outcome).__name__}"
        )
    valuations = check_numbers(valuations, name, PROFILES)
    payments = check_numbers(outcome[1], "payments of the outcome", valuations.shape[:2])
    allocations = check_numbers(outcome[0], "allocations of the outcome", valuations.shape)
    gained = ADDITIVE.utilities(valuations, (allocations, payments))
    return _check_size(gained, f"{name} and outcome")


def _check_size(result, names):
    """Return a result computed from the named arguments; raise ValueError on overflow."""
    if not np.isfinite(result).all():
        raise ValueError(
            f"{names} must be small enough for float64, with products and sums below about "
            "1e308; got larger ones"
        )
    return result


def revenue(payments: ArrayLike) -> float:
    """Return the expected total payment ``P``: mean over samples of the sum over bidders.

    Parameters
    ----------
    payments : array-like of shape (n_samples, n_bidders)
        Payment of each bidder, in money, in at least one profile.

    Returns
    -------
    float
        Money per profile.

    Raises
    ------
    ValueError
        If payments are not a finite array of this shape, or the revenue overflows float64.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.economics import revenue
    >>> revenue(np.array([[1.0, 0.5], [0.0, 0.5]]))
    1.0
    """
    payments = check_numbers(payments, "payments", ("n_profiles", "n_bidders"))
    return _mean_of_sums(payments, "payments")


def welfare(valuations: ArrayLike, allocations: ArrayLike) -> float:
    """Return the expected total value of the allocation at true valuations.

    :class:`~sklauction.VCGAuction` without reserve prices maximises it in every profile [1]_.
    It bounds revenue if reports are truthful and no bidder pays more than its value.

    Parameters
    ----------
    valuations : array-like of shape (n_samples, n_bidders, n_items)
        True valuations, in money, of at least one profile.
    allocations : array-like of shape (n_samples, n_bidders, n_items)
        Probability that a bidder gets an item.

    Returns
    -------
    float
        Money per profile.

    Raises
    ------
    ValueError
        If an argument is not a finite array of this shape, or the welfare overflows float64.

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
    """Return the mean over samples of the sum over bidders; the sum itself may overflow."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean = money.sum(axis=1).mean()
        if not np.isfinite(mean):
            mean = (money / len(money)).sum(axis=0).sum()
    return float(_check_size(mean, names))


def feasibility_violation(allocations: ArrayLike, demand: Demand = "additive") -> np.ndarray:
    """Return the largest violation of the allocation constraints, per sample.

    An allocation is feasible if no probability is negative and no item is allocated more
    than once; for ``demand="unit"``, no bidder may get more than one item either.

    Parameters
    ----------
    allocations : array-like of shape (n_samples, n_bidders, n_items)
        Probability that a bidder gets an item.
    demand : {"additive", "unit"} or Auction
        Demand of the bidders.

    Returns
    -------
    ndarray of shape (n_samples,)
        In probability; 0 where feasible.

    Raises
    ------
    ValueError
        If allocations are not a finite array of this shape, a sum overflows float64, or
        ``demand`` is neither of these.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.economics import feasibility_violation
    >>> feasibility_violation(np.array([[[0.75], [0.5]], [[0.5], [0.5]]]))
    array([0.25, 0.  ])
    """
    allocations = check_numbers(allocations, "allocations", PROFILES)
    return _check_size(auction_of(demand).infeasibility(allocations), "allocations")


def check_feasible(allocations, demand, name):
    """Raise ValueError unless allocations, (..., bidder, item), are feasible up to rounding."""
    profiles = allocations.reshape(-1, *allocations.shape[-2:])
    if (feasibility_violation(profiles, demand) > ROUNDING).any():
        raise ValueError(f"{name} must hold feasible allocations; got others")


def ir_violation(
    bids: ArrayLike, outcome: AuctionOutcome | tuple[ArrayLike, ArrayLike]
) -> np.ndarray:
    """Return each bidder's payment in excess of the reported value of its allocation.

    This is the violation of ex-post individual rationality (IR), ``p_i <= <b_i, a_i>``.

    Parameters
    ----------
    bids : array-like of shape (n_samples, n_bidders, n_items)
        Reports, in money.
    outcome : AuctionOutcome or (allocations, payments)
        Allocations, probabilities of shape (n_samples, n_bidders, n_items), and payments,
        money of shape (n_samples, n_bidders).

    Returns
    -------
    ndarray of shape (n_samples, n_bidders)
        In money; 0 where individually rational.

    Raises
    ------
    ValueError
        If the outcome is not a pair, an array is not finite or not of this shape, or a
        difference overflows float64.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.economics import ir_violation
    >>> ir_violation(np.array([[[0.5]]]), (np.array([[[1.0]]]), np.array([[0.75]])))
    array([[0.25]])
    """
    return np.maximum(-_utilities(bids, outcome, "bids"), 0.0)


def auction_score(revenue: float, total_regret: float) -> float:
    """Return the score of an auction, ``sqrt(P) - sqrt(R)``.

    A one-bidder auction with expected revenue P and expected regret R can be turned into an
    exactly truthful one with revenue at least ``(sqrt(P) - sqrt(R))**2``, so the score
    compares auctions with different regret [1]_.

    Parameters
    ----------
    revenue : float
        ``P``, expected total payment, in money. Negative values count as zero.
    total_regret : float
        ``R``, expected sum over bidders of ex-post regret, in money. Negative values count
        as zero.

    Returns
    -------
    float
        In the square root of money: scaling valuations by ``c`` scales it by ``sqrt(c)``.

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
    return float(ADDITIVE.score(revenue, total_regret))
