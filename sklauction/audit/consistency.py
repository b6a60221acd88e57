"""Consistency of an audit with a known optimal revenue."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from sklauction.audit.report import RegretReport, standard_error
from sklauction.domains.auctions import Auction
from sklauction.economics import auction_score
from sklauction.utils.constraints import FLAG, POSITIVE
from sklauction.utils.validation import check_number

__all__ = ["Consistency", "audit_consistency"]


class _Figures(NamedTuple):
    possible: bool
    implied_revenue: float
    standard_error: float
    optimum: float
    missing_regret: float


class Consistency(_Figures):
    """Whether the revenue and regret of a report are consistent with the optimal revenue.

    They are not if a truthful auction derived from the audited one would earn more.

    Parameters
    ----------
    possible : bool
        False if the audit must have understated regret.
    implied_revenue : float
        ``(sqrt(P) - sqrt(R))**2``, the revenue of the derived truthful auction, in money.
    standard_error : float
        Standard error of the implied revenue over profiles, in money; NaN for a single one.
    optimum : float
        Optimal revenue of a truthful auction, in money.
    missing_regret : float
        Minimum increase of R for consistency, sampling error aside, in money; 0 if consistent.

    Raises
    ------
    ValueError
        If ``possible`` is not a bool, or a figure is not a finite number.

    See Also
    --------
    sklauction.audit_consistency : Computes it, and gives the sources.

    Examples
    --------
    A price of 1 for valuations up to 2, against the optimum for valuations up to 1. The auction
    is truthful, but the prior does not match.

    >>> import numpy as np
    >>> from sklauction import audit_consistency, measure_regret
    >>> def price_of_one(bids):
    ...     sold = bids[:, :, 0] >= 1
    ...     return sold[:, :, None].astype(float), sold.astype(float)
    >>> V = np.random.default_rng(0).uniform(0, 2, size=(1000, 1, 1))
    >>> found = audit_consistency(measure_regret(price_of_one, V, random_state=0), optimum=0.25)
    >>> found.possible, bool(found.missing_regret > 0.03)
    (False, True)
    """

    __slots__ = ()

    def __new__(
        cls,
        possible: bool,
        implied_revenue: float,
        standard_error: float,
        optimum: float,
        missing_regret: float,
    ) -> Self:
        """Check the fields."""
        FLAG.check(possible, "possible")
        known = not (isinstance(standard_error, float) and np.isnan(standard_error))
        return super().__new__(
            cls,
            possible,
            check_number(implied_revenue, "implied_revenue"),
            check_number(standard_error, "standard_error") if known else np.nan,
            check_number(optimum, "optimum"),
            check_number(missing_regret, "missing_regret"),
        )

    def __str__(self):
        figures = (
            f"(sqrt P - sqrt R)^2 = {self.implied_revenue:.6g} +- {self.standard_error:.1g}, "
            f"optimum {self.optimum:.6g}"
        )
        if self.possible:
            return f"possible: {figures}"
        return (
            f"IMPOSSIBLE: {figures}: the search missed at least {self.missing_regret:.2g} of "
            "total regret, or the valuations do not follow the prior of the optimum"
        )


def audit_consistency(report: RegretReport, optimum: float, n_errors: float = 3.0) -> Consistency:
    """Check a one-bidder audit against a known optimal revenue.

    A one-bidder mechanism with revenue P and regret R can be turned into an exactly truthful one
    with revenue at least ``(sqrt(P) - sqrt(R))**2``, which cannot exceed the optimum [1]_ [2]_. A
    violation beyond sampling error proves that the search missed regret. Consistency does not
    prove that it missed none.

    Parameters
    ----------
    report : RegretReport
        Audit of one bidder on valuations from the prior of the optimum.
    optimum : float
        Optimal revenue, in the unit of the valuations.
    n_errors : float, default=3.0
        Number of standard errors by which the implied revenue may exceed the optimum.

    Returns
    -------
    Consistency
        In the unit of the valuations; ``possible`` is False if regret was missed.

    Raises
    ------
    ValueError
        If ``report`` is not a RegretReport of one bidder, or ``optimum`` or ``n_errors`` is not
        a positive number.

    References
    ----------
    .. [1] Balcan, Blum, Hartline & Mansour, "Mechanism Design via Machine Learning",
       FOCS 2005 (the argument).
    .. [2] Rahme, Jelassi & Weinberg, "Auction Learning as a Two-Player Game",
       ICLR 2021, proposition 1 (this form).

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction import audit_consistency, measure_regret
    >>> def half_of_the_bid(bids):
    ...     return np.ones(bids.shape), 0.5 * bids[:, :, 0]
    >>> V = np.random.default_rng(0).uniform(size=(1000, 1, 1))
    >>> report = measure_regret(half_of_the_bid, V, support=(0, 1), random_state=0)
    >>> audit_consistency(report, optimum=0.25).possible
    True
    """
    if not (isinstance(report, RegretReport) and isinstance(report.domain, Auction)):
        raise ValueError(f"report must be a RegretReport of an auction; got {report!r}")
    n_bidders = report.regrets.shape[1]
    if n_bidders != 1:
        raise ValueError(
            "report must be of one bidder, for which (sqrt(P) - sqrt(R))^2 <= optimum is known; "
            f"got {n_bidders} bidders"
        )
    POSITIVE.check(optimum, "optimum")
    POSITIVE.check(n_errors, "n_errors")
    optimum, n_errors = float(optimum), float(n_errors)
    gain, regret = max(report.revenue, 0.0), report.total_regret
    score = max(auction_score(gain, regret), 0.0)
    # First-order standard error of (sqrt P - sqrt R)^2, with P and R from the same profiles.
    influence = np.zeros(len(report.revenues))
    for mean, values, sign in ((gain, report.revenues, 1), (regret, report.regrets[:, 0], -1)):
        if mean > 0:
            influence += sign * score / np.sqrt(mean) * values
    error = standard_error(influence)
    excess = score**2 - n_errors * (error if np.isfinite(error) else np.inf)
    possible = not excess > optimum
    needed = (np.sqrt(gain) - np.sqrt(optimum)) ** 2 if score**2 > optimum else regret
    return Consistency(
        possible, score**2, error, optimum, 0.0 if possible else float(needed - regret)
    )
