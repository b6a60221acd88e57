"""RegretMonitor: a callback that audits an auction after every iteration of its fit."""

import numpy as np

from sklauction.model_selection.scorers import auction_scorers
from sklauction.utils.callbacks import ScoringMonitor
from sklauction.utils.validation import check_count

__all__ = ["RegretMonitor"]


class RegretMonitor(ScoringMonitor):
    """Callback that audits an auction after every iteration of its fit.

    scikit-learn's own ``ScoringMonitor`` logs nothing where ``y`` is None, as it always is here.

    Parameters
    ----------
    n_samples : int, default=200
        Profiles audited each time: the first of those that the fit holds out, or, without any,
        of its training profiles.
    effort : {"quick", "default", "thorough"} or int, default="quick"
        How hard each audit searches; see :func:`~sklauction.measure_regret`.
    random_state : int, RandomState instance or None, default=0
        Seed of the search; a fixed one compares iterations alike.

    Raises
    ------
    ImportError
        With scikit-learn before 1.9, which has no callbacks.
    ValueError
        If ``n_samples`` is not a positive integer; in the fit that it watches, if the effort is
        not as described.

    Notes
    -----
    ``get_logs().data`` has a row per iteration with the columns ``score`` [1]_, in the square root
    of the caller's money, and ``revenue`` and ``regret`` (minus the total regret found [2]_, which
    is a lower bound on it), in the caller's money.
    Set on the auction within a search, it logs every candidate in every fold.

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
    >>> [row["regret"] > -1e-6 for row in rows]  # RochetNet is truthful at every moment
    [True, True]
    """

    def __init__(self, *, n_samples=200, effort="quick", random_state=0):
        check_count(n_samples, "n_samples")
        super().__init__(scoring=auction_scorers(effort=effort, random_state=random_state))
        self.n_samples = n_samples

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        """Audit the auction as it is after a task, and log it.

        Parameters
        ----------
        estimator : estimator instance
            Being fitted.
        context : sklearn.callback.CallbackContext
            Of the task that ended.
        X : array-like of shape (n_samples, n_bidders, n_items) or flat
            Valuations, in money.
        fitted_estimator : estimator instance
            The auction, as if training had stopped now; None for a task that made none.

        Raises
        ------
        ValueError
            If the effort is not as described.
        """
        if fitted_estimator is None:
            return
        some = X[: self.n_samples]
        # The scorers ignore y, but the base class scores only where there is one.
        super().on_fit_task_end(
            estimator, context, X=some, y=np.zeros(len(some)), fitted_estimator=fitted_estimator
        )
