"""Scorers for model selection, and a refit rule with a limit on regret.

A scorer is a callable ``scorer(auction, valuations, y=None)`` for the ``scoring`` parameter of
GridSearchCV, cross_validate and learning_curve. Greater is better. Of a pipeline, the last step is
scored, on valuations transformed by the steps before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Number
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sklauction.audit.measure import measure_regret
from sklauction.audit.pipelines import last_step
from sklauction.domains.auctions import ADDITIVE, Auction
from sklauction.economics import revenue
from sklauction.utils.constraints import NOT_NEGATIVE
from sklauction.utils.doc_links import DocLinks
from sklauction.utils.types import Effort, Estimator, Profiles, Seed
from sklauction.utils.validation import to_floats

__all__ = [
    "AuctionScorer",
    "RegretScorer",
    "RevenueScorer",
    "auction_scorers",
    "best_under_regret",
]


class _Scorer(DocLinks, BaseEstimator):
    """Base class of scorers.

    A class passed as ``scoring`` is called with an estimator; scikit-learn then takes what it
    returns for the score.
    """

    # Label of the axis in scikit-learn's displays.
    __name__ = "score"

    def __new__(cls, *args, **parameters):
        if args and hasattr(args[0], "fit"):
            return _NotAScore(f"scoring must be an instance, {cls.__name__}(), not the class")
        return super().__new__(cls)


class _NotAScore:
    """Result of a scorer that was not made: raises TypeError where a score is read."""

    def __init__(self, problem):
        self.problem = problem

    def item(self):
        """Raise the error; scikit-learn calls this on every score."""
        raise TypeError(self.problem)

    def __repr__(self):
        return f"not a score: {self.problem}"


class _AuditScorer(_Scorer):
    """Base class of scorers that audit the auction."""

    def __init__(self, effort: Effort = "quick", random_state: Seed = 0) -> None:
        self.effort = effort
        self.random_state = random_state

    def _audit(self, auction, valuations):
        search = {"effort": self.effort, "random_state": self.random_state}
        return measure_regret(auction, valuations, **search, verbose=False)


class RegretScorer(_AuditScorer):
    """Minus the total regret found by an audit.

    ``scorer(auction, valuations)`` returns ``-R``, where R is the mean over profiles of the sum
    over bidders of ex-post regret [1]_, in the unit of the valuations. The audit finds a lower
    bound on R, so this is an upper bound on minus the true regret.

    Parameters
    ----------
    effort : {"quick", "default", "thorough"} or int, default="quick"
        Effort of the audit; see :func:`~sklauction.measure_regret`.
    random_state : int, RandomState instance or None, default=0
        Seed of the audit. With an integer, all candidates are audited alike.

    Raises
    ------
    ValueError
        When called, if ``effort`` is invalid or the valuations do not fit the auction.
    NotFittedError
        When called, if the auction is not fitted.

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

    __name__ = "neg_regret"

    def __call__(self, auction: Estimator, valuations: Profiles, y: object = None) -> float:
        """Return ``-R`` in the unit of the valuations."""
        return -self._audit(auction, valuations).total_regret


class AuctionScorer(_AuditScorer):
    """The score ``sqrt(P) - sqrt(R)``, with R found by an audit.

    ``scorer(auction, valuations)`` returns the score of [1]_, in the square root of money. The
    audit finds a lower bound on R, so this is an upper bound on the score. Mechanisms of other
    domains are scored as their domain says, usually by objective minus regret.

    Parameters
    ----------
    effort : {"quick", "default", "thorough"} or int, default="quick"
        Effort of the audit; see :func:`~sklauction.measure_regret`.
    random_state : int, RandomState instance or None, default=0
        Seed of the audit. With an integer, all candidates are audited alike.

    Raises
    ------
    ValueError
        When called, if ``effort`` is invalid or the valuations do not fit the auction.
    NotFittedError
        When called, if the auction is not fitted.

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

    def __call__(self, auction: Estimator, valuations: Profiles, y: object = None) -> float:
        """Return the score, in the square root of the unit of the valuations."""
        return self._audit(auction, valuations).score


class RevenueScorer(_Scorer):
    """Revenue under truthful reports, ignoring regret.

    ``scorer(auction, valuations)`` returns the mean total payment per profile [1]_, in money; in
    other domains, the mean objective of the designer.

    Raises
    ------
    ValueError
        When called, if ``auction`` is not an auction or the valuations do not fit it.
    NotFittedError
        When called, if the auction is not fitted.

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

    __name__ = "revenue"

    def __init__(self) -> None:
        """Take no parameters; without this, those of ``__new__`` would be shown."""

    def __call__(self, auction: Estimator, valuations: Profiles, y: object = None) -> float:
        """Return the mean total payment, in the unit of the valuations, or the mean objective."""
        if isinstance(auction, type) or not hasattr(auction, "predict"):
            raise ValueError(f"auction must be a fitted auction estimator; got {auction!r}")
        auction, valuations = last_step(auction, valuations)
        outcome, domain = auction.predict(valuations), getattr(auction, "domain", ADDITIVE)
        if isinstance(domain, Auction):
            return revenue(outcome.payments)
        return float(domain.objective(auction.as_profiles(valuations), outcome).mean())


def auction_scorers(effort: Effort = "quick", random_state: Seed = 0) -> Callable[..., Any]:
    """Return a multi-metric scorer: score, revenue and minus the regret from one audit.

    Parameters
    ----------
    effort : {"quick", "default", "thorough"} or int, default="quick"
        Effort of the audit; see :func:`~sklauction.measure_regret`.
    random_state : int, RandomState instance or None, default=0
        Seed of the audit. With an integer, all candidates are audited alike.

    Returns
    -------
    callable
        ``scorer(auction, valuations, y=None)`` returns a dict of ``"score"`` [1]_, in the square
        root of the unit of the valuations, and, in that unit, ``"revenue"`` and ``"regret"``,
        which is minus the total regret found [2]_. In other domains the score and the name of
        the objective, in place of ``"revenue"``, are those of the domain.

    Raises
    ------
    ValueError
        When the scorer is called, if ``effort`` is invalid or the valuations do not fit the
        auction.
    NotFittedError
        When the scorer is called, if the auction is not fitted.

    See Also
    --------
    best_under_regret : Refit rule that uses these scores.

    Notes
    -----
    In GridSearchCV and the other searches, name the score that decides, as in
    ``refit="score"``, or pass :class:`best_under_regret`. Where scikit-learn takes one number, as
    in learning_curve and permutation_test_score, the three scores count as the first.

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
    if hasattr(effort, "fit"):
        # Only for a wrong call, in which scikit-learn reports the object.
        return _NotAScore("scoring must be auction_scorers(), with parentheses")  # type: ignore[return-value]
    return _MultiScorer(effort, random_state)


class _MultiScorer(_AuditScorer):
    """Scorer that returns score, objective and minus the regret as a dict."""

    @property
    def __name__(self):
        raise TypeError(
            "scoring must be a scorer of one number for a display; got auction_scorers(): pass "
            "AuctionScorer(), RevenueScorer() or RegretScorer()"
        )

    def __call__(self, auction, valuations, y=None):
        report = self._audit(auction, valuations)
        named = {report.domain.objective_name: report.objective}
        return _Scores(score=report.score, **named, regret=-report.total_regret)


class _Amount(float):
    """A score that stays one in sums, so that numpy can average objects of this class."""

    def sqrt(self):
        """Return the square root; numpy calls this for standard deviations."""
        return _Amount(float(self) ** 0.5)


class _Scores(dict):
    """Scores by name; in arithmetic, the one named "score".

    GridSearchCV.score looks up its ``refit``; a callable gets the score.
    """

    def __missing__(self, key):
        if callable(key):
            return self["score"]
        raise KeyError(key)

    def __float__(self):
        return float(self["score"])


def _as_amount(operation):
    def compute(self, other):
        return _Amount(getattr(float, operation)(float(self), float(other)))

    return compute


for operation in ("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv"):
    for kind in (_Amount, _Scores):
        setattr(kind, f"__{operation}__", _as_amount(f"__{operation}__"))
# scikit-learn collects what is a number in arrays.
Number.register(_Scores)


class best_under_regret:
    """Refit rule: the candidate with the most revenue whose total regret is at most ``tol``.

    Parameters
    ----------
    tol : float
        Largest mean total regret allowed, in the unit of the valuations. If no candidate
        satisfies it, the one with the least regret is chosen.

    Raises
    ------
    ValueError
        If ``tol`` is negative. When called, if ``cv_results_`` has no ``mean_test_revenue`` or
        ``mean_test_regret``, or no candidate for which both are finite.

    See Also
    --------
    auction_scorers : Scorer that the rule needs.

    Notes
    -----
    Use it as ``GridSearchCV(..., scoring=auction_scorers(), refit=best_under_regret(0.01))``.
    Called with ``cv_results_``, it returns the index of the chosen candidate. While
    :class:`AuctionScorer` penalises regret, this rule sets a budget, as [1]_ does in training. The
    regrets compared are those found by the audits: lower bounds on the true ones.

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

    def __init__(self, tol: float) -> None:
        NOT_NEGATIVE.check(tol, "tol")
        self.tol = tol

    def __call__(self, cv_results: Mapping[str, Any]) -> int:
        """Return the index of the chosen candidate."""
        revenues = self._read(cv_results, "mean_test_revenue")
        regrets = -self._read(cv_results, "mean_test_regret")
        if len(revenues) != len(regrets):
            raise ValueError(
                "cv_results must have as many values of mean_test_revenue as of "
                f"mean_test_regret; got {len(revenues)} and {len(regrets)}"
            )
        # Failed candidates have NaN scores.
        known = np.isfinite(revenues) & np.isfinite(regrets)
        if not known.any():
            raise ValueError(
                "cv_results must have a candidate whose mean_test_revenue and mean_test_regret "
                "are finite; got none"
            )
        allowed = known & (regrets <= self.tol)
        if not allowed.any():
            return int(np.argmin(np.where(known, regrets, np.inf)))
        return int(np.argmax(np.where(allowed, revenues, -np.inf)))

    def _read(self, cv_results, name):
        """Return a column of the results as floats."""
        if not isinstance(cv_results, Mapping) or name not in cv_results:
            got = list(cv_results) if isinstance(cv_results, Mapping) else cv_results
            raise ValueError(
                f"cv_results must have {name!r}, as with scoring=auction_scorers(); got {got!r}"
            )
        try:
            column = to_floats(cv_results[name])
        except ValueError as error:
            raise ValueError(f"cv_results[{name!r}] must be numbers; got {error}") from error
        if column.ndim != 1:
            raise ValueError(
                f"cv_results[{name!r}] must be one-dimensional; got shape {column.shape}"
            )
        return column
