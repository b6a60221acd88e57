"""Revenues of Myerson's, VCG and Yao's auctions in closed form."""

from __future__ import annotations

import math

from sklauction.utils.validation import check_count, check_number

__all__ = [
    "BUNDLE_MYERSON_REVENUE",
    "uniform_single_item_revenue",
    "vcg_uniform_revenue",
    "yao_revenue",
]

BUNDLE_MYERSON_REVENUE = {
    (1, 2): 0.544331,
    (1, 10): 3.448312,
    (2, 2): 0.839244,
    (2, 3): 1.277753,
    (2, 5): 2.188431,
    (3, 10): 5.003021,
    (5, 10): 5.456050,
}
"""Revenue of the optimal auction of the bundle of all items, for additive iid U[0, 1] values:
{(n_bidders, n_items): money}, to 6 decimals."""


def uniform_single_item_revenue(n_bidders: int) -> float:
    """Return the optimal revenue of one item and bidders with iid U[0, 1] values.

    The optimal auction has the reserve 1/2 [1]_. Its revenue is
    ``int_{1/2}^1 (2v - 1) n v^(n-1) dv = (n - 1 + 2^-n) / (n + 1)``.

    Parameters
    ----------
    n_bidders : int
        ``n``.

    Returns
    -------
    float
        Money, in units of the highest possible value.

    Raises
    ------
    ValueError
        If ``n_bidders`` is not a positive integer.

    References
    ----------
    .. [1] Myerson, "Optimal Auction Design", Mathematics of Operations Research, 1981.

    Examples
    --------
    >>> from sklauction.datasets import uniform_single_item_revenue
    >>> uniform_single_item_revenue(1), uniform_single_item_revenue(3)
    (0.25, 0.53125)
    """
    n_bidders = check_count(n_bidders, "n_bidders")
    return (n_bidders - 1 + 0.5**n_bidders) / (n_bidders + 1)


def vcg_uniform_revenue(n_bidders: int, n_items: int) -> float:
    """Return the revenue of VCG for additive bidders with iid U[0, 1] values.

    Each item earns the second highest value [1]_, in total ``m (n - 1) / (n + 1)``.

    Parameters
    ----------
    n_bidders, n_items : int
        ``n`` and ``m``.

    Returns
    -------
    float
        Money, in units of the highest possible value of an item.

    Raises
    ------
    ValueError
        If a size is not a positive integer.

    References
    ----------
    .. [1] Vickrey, "Counterspeculation, Auctions, and Competitive Sealed Tenders",
       Journal of Finance 16(1), 1961.

    Examples
    --------
    >>> from sklauction.datasets import vcg_uniform_revenue
    >>> vcg_uniform_revenue(3, 10)
    5.0
    """
    n_bidders, n_items = check_count(n_bidders, "n_bidders"), check_count(n_items, "n_items")
    return n_items * (n_bidders - 1) / (n_bidders + 1)


def yao_revenue(n_bidders: int, p: float, a: float, b: float) -> float:
    """Return the optimal dominant-strategy revenue of two items with iid values a or b.

    With ``x+ = max(x, 0)``, ``r = (b - a) (1 - p) / p`` and the probabilities
    ``p0 = p^2n``, ``p1 = 2n p^(2n-1) (1 - p)``, ``p2 = 2p^n (1 - p^n - n p^(n-1) (1 - p))``, it is
    ``2(1 - p^n) b + p0 (2a - (b - a)(1 - p^2) / p^2)+ + p1 (a - r/2)+ + p2 (a - r)+`` [1]_.

    Parameters
    ----------
    n_bidders : int
        Number ``n`` of additive bidders.
    p : float
        Probability of the low value, in (0, 1).
    a, b : float
        Low and high value, in money, ``0 <= a < b``.

    Returns
    -------
    float
        Money.

    Raises
    ------
    ValueError
        If an argument is invalid, or the revenue overflows.

    References
    ----------
    .. [1] Yao, "On Solutions for the Maximum Revenue Multi-item Auction under
       Dominant-Strategy and Bayesian Implementations", 2017.

    Examples
    --------
    >>> from sklauction.datasets import yao_revenue
    >>> yao_revenue(2, p=0.5, a=1.0, b=2.0)
    3.125
    """
    n = check_count(n_bidders, "n_bidders")
    p, a, b = check_number(p, "p"), check_number(a, "a"), check_number(b, "b")
    if not 0 < p < 1 or not 0 <= a < b:
        raise ValueError(f"p, a and b must satisfy 0 < p < 1 and 0 <= a < b; got {p}, {a} and {b}")
    # Gains are multiplied by p or p^2 to avoid division by small p.
    rent = (b - a) * (1 - p)
    cases = (
        (p ** (2 * n - 2), 2 * a * p**2 - rent * (1 + p)),
        (2 * n * p ** (2 * n - 2) * (1 - p), a * p - rent / 2),
        (2 * p ** (n - 1) * (1 - p**n - n * p ** (n - 1) * (1 - p)), a * p - rent),
    )
    revenue = 2 * (1 - p**n) * b + sum(chance * max(gain, 0.0) for chance, gain in cases)
    if not math.isfinite(revenue):
        raise ValueError(f"b must be small enough for a finite revenue; got {b}")
    return revenue
