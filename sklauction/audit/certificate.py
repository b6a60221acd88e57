"""Upper confidence bounds on expected total regret, from a sample of regret bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from sklauction.domains.auctions import auction_of
from sklauction.economics import auction_score
from sklauction.utils.constraints import FRACTION
from sklauction.utils.numbers import format_money, format_table
from sklauction.utils.tables import html_table, make_frame
from sklauction.utils.types import DataFrame
from sklauction.utils.validation import check_count, check_number

__all__ = ["RegretCertificate", "empirical_bernstein", "make_certificate"]


@dataclass(frozen=True)
class RegretCertificate:
    """An upper bound on regret, from profiles not used in training.

    Money is in the unit of the valuations. Each bound on an expectation holds with probability
    ``confidence`` over the draw of the profiles. Those on regret and revenue are empirical
    Bernstein bounds [1]_, that on clashes is the exact binomial bound [2]_.

    Parameters
    ----------
    n_samples : int
        Number of profiles.
    confidence : float
        Probability of each confidence bound below.
    mean_bound : float
        ``Rbar``: mean over profiles of the sum over bidders of the regret bound. It bounds the
        total regret on these profiles.
    mean_bound_se : float
        Standard error of ``mean_bound``.
    upper_bound : float
        Upper confidence bound on the expectation of ``mean_bound``, hence on expected total
        regret, for any distribution of valuations within ``support``.
    range : float
        Largest possible sum of regret bounds within the support.
    clash_probability : float
        Share of profiles in which a bidder loses by a clash.
    clash_probability_upper : float
        Upper confidence bound on the probability of a clash.
    revenue : float
        ``P``: mean total payment.
    revenue_se : float
        Standard error of ``revenue``.
    revenue_lower : float
        Lower confidence bound on expected revenue.

    Raises
    ------
    ValueError
        If ``n_samples`` is not a positive integer, ``confidence`` is not in (0, 1), or another
        field is not a finite number.
    ImportError
        In :meth:`to_frame`, if pandas is not installed.

    See Also
    --------
    sklauction.BundlePricingAuction.certify : Computes a certificate.

    References
    ----------
    .. [1] Maurer & Pontil, "Empirical Bernstein Bounds and Sample Variance
       Penalization", COLT 2009, theorem 4.
    .. [2] Clopper & Pearson, "The Use of Confidence or Fiducial Limits Illustrated in the
       Case of the Binomial", Biometrika 26(4), 1934.

    Examples
    --------
    >>> from sklauction import BundlePricingAuction
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(500, n_bidders=2, n_items=2, random_state=0)
    >>> fresh = make_valuations(5000, n_bidders=2, n_items=2, random_state=1)
    >>> auction = BundlePricingAuction(n_bidders=2, max_iter=1, random_state=0).fit(V)
    >>> certificate = auction.certify(fresh, support=(0, 1))
    >>> 0 <= certificate.mean_bound <= certificate.upper_bound <= certificate.range
    True
    >>> certificate.score_lower < certificate.score
    True
    """

    n_samples: int
    confidence: float
    mean_bound: float
    mean_bound_se: float
    upper_bound: float
    range: float
    clash_probability: float
    clash_probability_upper: float
    revenue: float
    revenue_se: float
    revenue_lower: float

    def __post_init__(self):
        check_count(self.n_samples, "n_samples")
        FRACTION.check(self.confidence, "confidence")
        for name, value in list(vars(self).items()):
            if name != "n_samples":
                object.__setattr__(self, name, check_number(value, name))

    @property
    def score(self) -> float:
        """``sqrt(P) - sqrt(Rbar)``, a lower bound on the score on these profiles.

        In the square root of money.
        """
        return auction_score(self.revenue, self.mean_bound)

    @property
    def score_lower(self) -> float:
        """Lower confidence bound on the score, from ``revenue_lower`` and ``upper_bound``.

        It holds with probability at least ``2 * confidence - 1``. In the square root of money.
        """
        return auction_score(self.revenue_lower, self.upper_bound)

    def to_frame(self) -> DataFrame:
        """Return the certificate as a table with one row. Requires pandas.

        Returns
        -------
        pandas.DataFrame
            One column per field, then ``score`` and ``score_lower``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        figures = {**vars(self), "score": self.score, "score_lower": self.score_lower}
        return make_frame({name: [figure] for name, figure in figures.items()})

    def _repr_html_(self):
        return html_table(self._title(), self._rows())

    def __str__(self):
        return format_table(self._title(), self._rows())

    def _title(self):
        return f"Regret certificate from {self.n_samples:,} profiles"

    def _rows(self):
        """Return the name and the value of each figure as text."""
        level = f"{100 * self.confidence:g} %"
        regret = f"{format_money(self.mean_bound, 3)} +- {format_money(self.mean_bound_se, 1)}"
        return [
            ("revenue", f"{self.revenue:.6g} +- {self.revenue_se:.1g}"),
            (f"  at least, {level}", f"{self.revenue_lower:.6g}"),
            ("total regret (upper bound)", regret),
            (f"  in expectation, {level}", format_money(self.upper_bound, 3)),
            ("clash probability", f"{self.clash_probability:.3g}"),
            (f"  at most, {level}", f"{self.clash_probability_upper:.3g}"),
            ("score sqrt(P) - sqrt(Rbar)", f"{self.score:.6g}"),
            ("  of the two bounds", f"{self.score_lower:.6g}"),
        ]


def empirical_bernstein(mean, variance, n_samples, size, confidence):
    """Return the empirical Bernstein upper bound on an expectation.

    For independent draws in an interval of length ``size``, with probability at least
    ``confidence``,
    ``E[X] - mean <= sqrt(2 V ln(2/d) / n) + 7 size ln(2/d) / (3 (n - 1))``, where
    ``d = 1 - confidence`` (theorem 4 of Maurer & Pontil, see :class:`RegretCertificate`).

    Parameters
    ----------
    mean : float
        Sample mean.
    variance : float
        ``V``, the sample variance with n - 1 in the denominator.
    n_samples : int
        ``n``, at least 2.
    size : float
        Length of an interval that contains all values.
    confidence : float
        In (0, 1).

    Returns
    -------
    float

    Examples
    --------
    >>> from sklauction.audit.certificate import empirical_bernstein
    >>> round(empirical_bernstein(0.0, 0.0, 1_000_000, 1.0, 0.99), 8)
    1.236e-05
    """
    log = math.log(2.0 / (1.0 - confidence))
    slack = math.sqrt(2.0 * variance * log / n_samples)
    return mean + slack + 7.0 * size * log / (3.0 * (n_samples - 1))


def make_certificate(regret_bounds, revenues, support, demand, confidence):
    """Return a certificate from the regret bounds and revenues of a sample of profiles.

    Parameters
    ----------
    regret_bounds : ndarray of shape (n_samples,)
        Sum over bidders, in money.
    revenues : ndarray of shape (n_samples,)
        Total payments, in money.
    support : ndarray of shape (n_bidders, n_items, 2)
        Lowest and highest possible valuations.
    demand : {"additive", "unit"} or Auction
    confidence : float
        In (0, 1).

    Returns
    -------
    RegretCertificate

    Raises
    ------
    ValueError
        If ``confidence`` is not in (0, 1) or there are fewer than 2 profiles.
    """
    FRACTION.check(confidence, "confidence")
    confidence = float(confidence)
    n = len(revenues)
    if n < 2:
        raise ValueError(f"valuations must hold at least 2 profiles to be certified; got {n}")
    # In units of the largest valuation, so that squares of money neither vanish nor overflow.
    unit = float(support.max()) or 1.0
    support = support / unit
    bound, bound_variance = _mean_and_variance(regret_bounds, unit)
    revenue, revenue_variance = _mean_and_variance(revenues, unit)
    worth = auction_of(demand).best_set(support[..., 1])
    # The bidder that chooses first loses nothing by clashes.
    most = worth.sum() - worth.min()
    highest = support[..., 1].max(axis=0).sum()
    clashes = int(np.count_nonzero(regret_bounds > 0))
    upper = empirical_bernstein(bound, bound_variance, n, most, confidence)
    lower = -empirical_bernstein(-revenue, revenue_variance, n, highest, confidence)
    share = 1.0 if clashes == n else beta.ppf(confidence, clashes + 1, n - clashes)
    return RegretCertificate(
        n_samples=n,
        confidence=confidence,
        mean_bound=unit * bound,
        mean_bound_se=unit * (math.sqrt(bound_variance) / math.sqrt(n)),
        upper_bound=unit * float(min(upper, most)),
        range=unit * float(most),
        clash_probability=clashes / n,
        clash_probability_upper=float(share) if most > 0 else 0.0,
        revenue=unit * revenue,
        revenue_se=unit * (math.sqrt(revenue_variance) / math.sqrt(n)),
        revenue_lower=unit * float(max(lower, 0.0)),
    )


def _mean_and_variance(values, unit):
    """Return mean and variance of values in a unit; a function, to free the scaled copy."""
    scaled = values / unit
    return float(scaled.mean()), float(scaled.var(ddof=1))
