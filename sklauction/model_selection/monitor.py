"""RegretMonitor: a callback that audits an auction after every training iteration."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklauction.model_selection.scorers import auction_scorers
from sklauction.utils.callbacks import ScoringMonitor
from sklauction.utils.types import Effort, Seed
from sklauction.utils.validation import check_count

__all__ = ["RegretMonitor"]


class RegretMonitor(ScoringMonitor):
    """Callback that audits an auction after every training iteration.

    Use it instead of scikit-learn's ``ScoringMonitor``, which logs nothing if ``y`` is None.

    Parameters
    ----------
    n_samples : int, default=200
        Number of profiles audited: the first held-out profiles or, if none are held out, the
        first training profiles.
    effort : {"quick", "default", "thorough"} or int, default="quick"
        Effort of each audit; see :func:`~sklauction.measure_regret`.
    random_state : int, RandomState instance or None, default=0
        Seed of the audits. With an integer, all iterations are audited alike.

    Raises
    ------
    ImportError
        If scikit-learn is older than 1.9, which introduced callbacks.
    ValueError
        If ``n_samples`` is not a positive integer. During the fit, if ``effort`` is invalid.

    Notes
    -----
    ``get_logs().data`` has one row per iteration, with the columns ``score`` [1]_, in the square
    root of the money of the valuations, and ``revenue`` and ``regret`` in that money. ``regret`` is
    minus the total regret found [2]_, a lower bound on the true regret. Set on the auction of a
    search, the callback logs every candidate in every fold.

    References
    ----------
    .. [1] Rahme, Jelassi & Weinberg, "Auction Learning as a Two-Player Game",
       ICLR 2021, section 3.
    .. [2] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019, section 2.

    Examples
    --------
    >>> from sklauction import RegretMonitor, RochetNetAuction
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(500, n_bidders=1, n_items=2, random_state=0)
    >>> monitor = RegretMonitor(n_samples=50)
    >>> auction = RochetNetAuction(max_iter=2, menu_size=8, random_state=0)
    >>> auction = auction.set_callbacks(monitor).fit(V)
    >>> rows = [row for row in monitor.get_logs().data if row["task_name"] == "iteration"]
    >>> [row["regret"] > -1e-6 for row in rows]  # RochetNet is always truthful
    [True, True]
    """

    def __init__(
        self, *, n_samples: int = 200, effort: Effort = "quick", random_state: Seed = 0
    ) -> None:
        check_count(n_samples, "n_samples")
        super().__init__(scoring=auction_scorers(effort=effort, random_state=random_state))
        self.n_samples = n_samples

    def on_fit_task_end(
        self,
        estimator: Any,
        context: Any,
        *,
        X: Any = None,
        fitted_estimator: Any = None,
    ) -> None:
        """Audit the auction after a task and log the scores.

        Parameters
        ----------
        estimator : estimator instance
            Auction being fitted.
        context : sklearn.callback.CallbackContext
            Context of the task that ended.
        X : array-like of shape (n_samples, n_bidders, n_items) or flat
            Valuations, in money.
        fitted_estimator : estimator instance
            The auction that training would return now; None for tasks that return no auction.

        Raises
        ------
        ValueError
            If ``effort`` is invalid.
        """
        if fitted_estimator is None:
            return
        some = X[: self.n_samples]
        # The scorers ignore y, but the base class scores only if y is given.
        super().on_fit_task_end(
            estimator, context, X=some, y=np.zeros(len(some)), fitted_estimator=fitted_estimator
        )
