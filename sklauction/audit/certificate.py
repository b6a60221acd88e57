"""What a sample of regret bounds proves: an upper bound on expected total regret."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from sklauction.economics import auction_score
from sklauction.utils.numbers import say_money
from sklauction.utils.validation import check_count, check_fraction, check_number

__all__ = ["RegretCertificate", "empirical_bernstein", "make_certificate"]


@dataclass(frozen=True)
class RegretCertificate:
    """An upper bound on regret, from profiles that the auction was not trained on.

    Money is in the unit of the valuations. Statements about expectations hold with
    probability ``confidence``, each on its own, over the draw of the profiles: those about
    regret and revenue by an empirical Bernstein bound [1]_, that about clashes by the exact
    binomial bound [2]_.

    Parameters
    ----------
    n_samples : int
        Profiles looked at.
    confidence : float
        Probability, of each of the bounds below.
    mean_bound : float
        ``Rbar``: mean over profiles of the sum over bidders of the regret bound. The
        total regret on these very profiles is at most this.
    mean_bound_se : float
        Its standard error.
    upper_bound : float
        Upper confidence bound on the expectation of that, hence on expected total
        regret, whatever the distribution of valuations within ``support`` is.
    range : float
        The largest value that the sum of regret bounds can take within the support.
    clash_probability : float
        Share of profiles in which a bidder loses by a clash.
    clash_probability_upper : float
        Upper confidence bound on its expectation.
    revenue : float
        ``P``: mean total payment.
    revenue_se : float
        Its standard error.
    revenue_lower : float
        Lower confidence bound on its expectation.

    Raises
    ------
    ValueError
        If ``n_samples`` is not a positive integer, ``confidence`` not in (0, 1), or another
        figure not a finite number.

    See Also
    --------
    sklauction.BundlePricingAuction.certify : Makes it.

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
        check_fraction(self.confidence, "confidence")
        for name, value in list(vars(self).items()):
            if name != "n_samples":
                object.__setattr__(self, name, check_number(value, name))

    @property
    def score(self):
        """``sqrt(P) - sqrt(Rbar)`` of the means: at most the true score on these profiles.

        In the square root of money.
        """
        return auction_score(self.revenue, self.mean_bound)

    @property
    def score_lower(self):
        """The score of ``revenue_lower`` and ``upper_bound``.

        A lower bound on the score in expectation, with probability at least
        ``2 * confidence - 1``; in the square root of money.
        """
        return auction_score(self.revenue_lower, self.upper_bound)

    def __str__(self):
        level = f"{100 * self.confidence:g} %"
        rows = [
            ("revenue", f"{self.revenue:.6g} +- {self.revenue_se:.1g}"),
            (f"  at least, {level}", f"{self.revenue_lower:.6g}"),
            (
                "total regret (upper bound)",
                f"{say_money(self.mean_bound, 3)} +- {say_money(self.mean_bound_se, 1)}",
            ),
            (f"  in expectation, {level}", say_money(self.upper_bound, 3)),
            ("clash probability", f"{self.clash_probability:.3g}"),
            (f"  at most, {level}", f"{self.clash_probability_upper:.3g}"),
            ("score sqrt(P) - sqrt(Rbar)", f"{self.score:.6g}"),
            ("  of the two bounds", f"{self.score_lower:.6g}"),
        ]
        width = max(len(name) for name, _ in rows)
        lines = [f"Regret certificate from {self.n_samples:,} profiles"]
        return "\n".join(lines + [f"  {name:<{width}}  {value}" for name, value in rows])


def empirical_bernstein(mean, variance, n_samples, size, confidence):
    """Return how far an expectation can lie above (or below) the mean of a sample.

    With probability at least ``confidence``, for independent draws in an interval of
    length ``size``, whatever their distribution:
    ``E[X] - mean <= sqrt(2 V ln(2/d) / n) + 7 size ln(2/d) / (3 (n - 1))``, with
    ``d = 1 - confidence`` and V the sample variance.

    Parameters
    ----------
    mean : float
        Of the sample; the result is returned for it to be added to.
    variance : float
        ``V``, with n - 1 in the denominator.
    n_samples : int
        ``n``, at least 2.
    size : float
        Length of the interval that holds all values.
    confidence : float
        In (0, 1).

    Returns
    -------
    float
        The upper bound on the expectation.

    References
    ----------
    .. [1] Maurer & Pontil, "Empirical Bernstein Bounds and Sample Variance
       Penalization", COLT 2009, theorem 4.

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
    """Return what regret bounds and revenues of a sample of profiles prove.

    Parameters
    ----------
    regret_bounds : ndarray of shape (n_samples,)
        Sum over bidders, in money.
    revenues : ndarray of shape (n_samples,)
        Total payments, in money.
    support : ndarray of shape (n_bidders, n_items, 2)
        Holds every value that a bidder may have.
    demand : {"additive", "unit"}
    confidence : float
        In (0, 1).

    Returns
    -------
    RegretCertificate

    Raises
    ------
    ValueError
        If confidence is not in (0, 1) or there are fewer than 2 profiles.
    """
    check_fraction(confidence, "confidence")
    confidence = float(confidence)
    n = len(revenues)
    if n < 2:
        raise ValueError(f"valuations must hold at least 2 profiles to be certified; got {n}")
    # In units of the largest value, so that squares of money neither vanish nor overflow.
    unit = float(support.max()) or 1.0
    support = support / unit
    bound, bound_variance = _mean_and_variance(regret_bounds, unit)
    revenue, revenue_variance = _mean_and_variance(revenues, unit)
    most = _most_lost(support, demand)
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
    """Return mean and variance of values in a unit; apart, as each copies millions of them."""
    scaled = values / unit
    return float(scaled.mean()), float(scaled.var(ddof=1))


def _most_lost(support, demand):
    """Return the most that bidders can lose by clashes together: one of them chooses first."""
    tops = support[..., 1]
    worth = tops.sum(axis=1) if demand == "additive" else tops.max(axis=1)
    return worth.sum() - worth.min()
