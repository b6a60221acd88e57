"""Scorers for model selection, and a rule that trades revenue against regret.

Each scorer is a callable ``scorer(auction, valuations, y=None) -> float`` where greater is
better, as ``scoring=`` of GridSearchCV, cross_validate and learning_curve expects.
"""

from collections.abc import Mapping

import numpy as np
from sklearn.base import BaseEstimator

from sklauction.audit.measure import measure_regret
from sklauction.economics import revenue
from sklauction.utils.validation import check_not_negative, to_floats

__all__ = [
    "AuctionScorer",
    "RegretScorer",
    "RevenueScorer",
    "auction_scorers",
    "best_under_regret",
]


class _AuditScorer(BaseEstimator):
    """Base class: audits a fitted auction on valuations in any form that it accepts."""

    def __init__(self, effort="quick", random_state=0):
        self.effort = effort
        self.random_state = random_state

    def _audit(self, auction, valuations):
        return measure_regret(
            auction,
            valuations,
            effort=self.effort,
            random_state=self.random_state,
            verbose=False,
        )


class RegretScorer(_AuditScorer):
    """Minus the total regret found by an audit.

    Called as ``scorer(auction, valuations)``, it returns ``-R``, R being the sum over bidders of
    ex-post regret [1]_, in the unit of the valuations. A search finds a lower bound on R, so
    this is an upper bound on minus the true regret.

    Parameters
    ----------
    effort : {"quick", "default", "thorough"} or int, default="quick"
        How hard the audit searches; see :func:`~sklauction.measure_regret`.
    random_state : int, RandomState instance or None, default=0
        Seed of the search; a fixed one compares candidates alike.

    Raises
    ------
    ValueError
        In a call, if the effort is not as described or valuations do not fit the auction; as
        :func:`~sklauction.measure_regret` raises it.
    NotFittedError
        In a call, if the auction is not fitted.

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019, section 2.

    Examples
    --------
    >>> from sklauction import RegretScorer, VCGAuction
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(100, n_bidders=2, n_items=1, random_state=0)
    >>> abs(RegretScorer()(VCGAuction(n_bidders=2).fit(V), V)) < 1e-9
    True
    """

    def __call__(self, auction, valuations, y=None):
        """Return ``-R`` in the unit of the valuations."""
        return -self._audit(auction, valuations).total_regret


class AuctionScorer(_AuditScorer):
    """The score ``sqrt(P) - sqrt(R)``, with R as found by an audit.

    Called as ``scorer(auction, valuations)``, it returns the score of [1]_, in the square root of
    the unit of the valuations. A search finds a lower bound on R, so this is an upper bound.

    Parameters
    ----------
    effort : {"quick", "default", "thorough"} or int, default="quick"
        How hard the audit searches; see :func:`~sklauction.measure_regret`.
    random_state : int, RandomState instance or None, default=0
        Seed of the search; a fixed one compares candidates alike.

    Raises
    ------
    ValueError
        In a call, if the effort is not as described or valuations do not fit the auction; as
        :func:`~sklauction.measure_regret` raises it.
    NotFittedError
        In a call, if the auction is not fitted.

    References
    ----------
    .. [1] Rahme, Jelassi & Weinberg, "Auction Learning as a Two-Player Game",
       ICLR 2021, section 3.

    Examples
    --------
    >>> from sklauction import AuctionScorer, VCGAuction
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(100, n_bidders=2, n_items=1, random_state=0)
    >>> 0.5 < AuctionScorer()(VCGAuction(n_bidders=2).fit(V), V) < 0.65
    True
    """

    def __call__(self, auction, valuations, y=None):
        """Return the score, in the square root of the unit of the valuations."""
        return self._audit(auction, valuations).score


class RevenueScorer(BaseEstimator):
    """Revenue under truthful reports, whatever the regret.

    Called as ``scorer(auction, valuations)``, it returns the mean total payment, which the auctions
    of [1]_ maximise, in the unit of the valuations.

    Raises
    ------
    ValueError
        In a call, if the auction is none, or valuations do not fit it.
    NotFittedError
        In a call, if the auction is not fitted.

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019, section 2.

    Examples
    --------
    >>> from sklauction import RevenueScorer, VCGAuction
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(100, n_bidders=2, n_items=1, random_state=0)
    >>> 0.2 < RevenueScorer()(VCGAuction(n_bidders=2).fit(V), V) < 0.45
    True
    """

    def __call__(self, auction, valuations, y=None):
        """Return P, the mean total payment, in the unit of the valuations."""
        if isinstance(auction, type) or not hasattr(auction, "predict"):
            raise ValueError(f"auction must be a fitted auction estimator; got {auction!r}")
        return revenue(auction.predict(valuations).payments)


def auction_scorers(effort="quick", random_state=0):
    """Return a scorer for a multi-metric search: score, revenue and regret of one audit.

    Parameters
    ----------
    effort : {"quick", "default", "thorough"} or int, default="quick"
        How hard the audit searches; see :func:`~sklauction.measure_regret`.
    random_state : int, RandomState instance or None, default=0
        Seed of the search; a fixed one compares candidates alike.

    Returns
    -------
    callable
        ``scorer(auction, valuations, y=None)`` returns a dict of ``"score"`` [1]_, in the square
        root of the unit of the valuations, and, in that unit, ``"revenue"`` and ``"regret"``,
        minus the total regret found [2]_. Three scorers of their own would audit twice.

    Raises
    ------
    ValueError
        When the scorer is called, if the effort is not as described or valuations do not fit
        the auction.
    NotFittedError
        When the scorer is called, if the auction is not fitted.

    See Also
    --------
    best_under_regret : Chooses among candidates by what it returns.

    References
    ----------
    .. [1] Rahme, Jelassi & Weinberg, "Auction Learning as a Two-Player Game",
       ICLR 2021, section 3.
    .. [2] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019, section 2.

    Examples
    --------
    >>> from sklauction import VCGAuction, auction_scorers
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(100, n_bidders=2, n_items=1, random_state=0)
    >>> sorted(auction_scorers()(VCGAuction(n_bidders=2).fit(V), V))
    ['regret', 'revenue', 'score']
    """
    return _MultiScorer(effort, random_state)


class _MultiScorer(_AuditScorer):
    """Score, revenue and minus the regret, as a dict."""

    def __call__(self, auction, valuations, y=None):
        report = self._audit(auction, valuations)
        return _Scores(score=report.score, revenue=report.revenue, regret=-report.total_regret)


class _Scores(dict):
    """Scores by name; asked for a refit rule, as by a search's own ``score``, the score."""

    def __missing__(self, key):
        if callable(key):
            return self["score"]
        raise KeyError(key)


class best_under_regret:
    """Refit rule: the most revenue among candidates whose total regret is at most ``tol``.

    Parameters
    ----------
    tol : float
        Largest mean total regret, in the unit of the valuations. If no candidate keeps
        to it, the one with the least regret is taken.

    Raises
    ------
    ValueError
        If ``tol`` is negative; in a call, if the results are no dict, have no
        ``mean_test_revenue`` or ``mean_test_regret``, or hold no candidate with both.

    See Also
    --------
    auction_scorers : Makes the results that it chooses among.

    Notes
    -----
    For ``GridSearchCV(..., scoring=auction_scorers(), refit=best_under_regret(0.01))``. Called
    with ``cv_results_``, it returns the index of the chosen candidate. Where
    :class:`AuctionScorer` puts a price on regret, this gives it a budget, as [1]_ does in
    training. The regrets compared are those found, lower bounds on the true ones.

    References
    ----------
    .. [1] Ivanov, Safiulin, Filippov & Balabaeva, "Optimal-er Auctions through Attention",
       NeurIPS 2022.

    Examples
    --------
    >>> from sklauction import best_under_regret
    >>> results = {
    ...     "mean_test_revenue": [0.9, 0.8, 0.7],
    ...     "mean_test_regret": [-0.05, -0.01, -0.001],
    ... }
    >>> best_under_regret(0.01)(results)
    1
    """

    def __init__(self, tol):
        check_not_negative(tol, "tol")
        self.tol = tol

    def __call__(self, cv_results):
        """Return the index of the chosen candidate."""
        gains = self._read(cv_results, "mean_test_revenue")
        regrets = -self._read(cv_results, "mean_test_regret")
        if len(gains) != len(regrets):
            raise ValueError(
                "cv_results must hold as many mean_test_revenue as mean_test_regret; got "
                f"{len(gains)} and {len(regrets)}"
            )
        # Candidates that failed have nan.
        known = np.isfinite(gains) & np.isfinite(regrets)
        if not known.any():
            raise ValueError(
                "cv_results must hold a candidate whose mean_test_revenue and mean_test_regret "
                "are finite; got none"
            )
        allowed = known & (regrets <= self.tol)
        if not allowed.any():
            return int(np.argmin(np.where(known, regrets, np.inf)))
        return int(np.argmax(np.where(allowed, gains, -np.inf)))

    def _read(self, cv_results, name):
        """Return a column of results, nan among them."""
        if not isinstance(cv_results, Mapping) or name not in cv_results:
            got = list(cv_results) if isinstance(cv_results, Mapping) else cv_results
            raise ValueError(
                f"best_under_regret needs {name!r} in cv_results_: search with "
                f"scoring=auction_scorers(); got {got!r}"
            )
        try:
            column = to_floats(cv_results[name])
        except ValueError as error:
            raise ValueError(f"cv_results[{name!r}] must hold numbers; got {error}") from error
        if column.ndim != 1:
            raise ValueError(f"cv_results[{name!r}] must have one axis; got {column.shape}")
        return column
