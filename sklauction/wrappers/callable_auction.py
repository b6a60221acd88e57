"""CallableAuction: a function of bids as an estimator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sklauction.audit.mechanisms import CheckedMechanism
from sklauction.base import BaseAuction
from sklauction.domains.auctions import ANY_AUCTION, Auction, Demand, auction_of
from sklauction.learned.parameter_docs import share_parameter_docs
from sklauction.utils.batching import blocks
from sklauction.utils.constraints import Constraint
from sklauction.utils.types import ArrayLike
from sklauction.utils.warning import warn_user

__all__ = ["CallableAuction"]


FUNCTION = Constraint(
    callable, "a callable or a torch module that maps bids to (allocations, payments)"
)


@share_parameter_docs
class CallableAuction(BaseAuction):
    """A function of bids as an auction estimator, for scorers, searches and plots.

    ``fit`` determines the number of items and the support, and checks the outcomes of the function
    on the data. ``demand`` may also be :class:`~sklauction.domains.slots.Slots`, for position
    auctions.

    Parameters
    ----------
    function : callable or torch.nn.Module
        Maps a float64 array of bids of shape (n, n_bidders, n_items) to allocations of the
        same shape and payments of shape (n, n_bidders), in the unit of the bids. Each row must
        depend on the same row of the bids only. A torch module gets a tensor, and audits use its
        gradient.
    $sizes

    Attributes
    ----------
    n_items_ : int
        Number of items.
    scale_ : float
        Money unit of the data; it is not used.
    support_ : ndarray of shape (n_bidders, n_items, 2)
        Lowest and highest reports, in money.

    Raises
    ------
    ValueError
        In fit and predict, if a parameter or X is not as described, or if the function returns
        wrong shapes or non-finite values; the message names the row. Exceptions raised by the
        function are not changed.
    NotFittedError
        In predict and score, before fit.

    Warns
    -----
    UserWarning
        In fit, if outcomes on the data are not feasible or not individually rational.

    See Also
    --------
    sklauction.measure_regret : Audits a function without an estimator.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction import CallableAuction, measure_regret
    >>> def first_price(bids):
    ...     wins = np.eye(bids.shape[1])[bids.argmax(axis=1)].swapaxes(1, 2)
    ...     return wins, (wins * bids).sum(axis=2)
    >>> V = np.random.default_rng(0).uniform(size=(100, 2, 1))
    >>> auction = CallableAuction(first_price, n_bidders=2).fit(V)
    >>> auction.predict([[[1.0], [0.5]]]).payments
    array([[1., 0.]])
    >>> auction.score(V) < 0.4
    True
    """

    _parameter_constraints = {
        **BaseAuction._parameter_constraints,
        "function": FUNCTION,
        "demand": ANY_AUCTION,
    }

    # Files cannot hold functions.
    _saved = None

    def __init__(
        self,
        function: Callable[..., Any],
        n_bidders: int | None = None,
        n_items: int | None = None,
        *,
        demand: Demand = "additive",
        support: ArrayLike | None = None,
    ) -> None:
        self._store(locals())

    @property
    def domain(self) -> Auction:
        """Domain of the auction."""
        return auction_of(self.demand, ANY_AUCTION)

    def _check_sizes(self, n_bidders, n_items):
        _, expected = self.domain.shape
        if expected not in (None, n_items):
            raise ValueError(
                f"X must hold profiles with n_items={expected} for demand={self.demand!r}; got "
                f"n_items={n_items}"
            )

    def _fit(self, valuations):
        checked = CheckedMechanism(self.function, self.domain, valuations.max())
        for rows in blocks(valuations.shape):
            checked(valuations[rows], np.arange(rows.start, rows.stop))
        for problem in checked.problems():
            warn_user(f"CallableAuction: {problem}")

    def _run(self, bids):
        return self._run_rows(bids, slice(0, len(bids)))

    def _run_rows(self, bids, rows):
        part = bids[rows]
        checked = CheckedMechanism(self.function, self.domain, part.max())
        return checked(part, np.arange(rows.start, rows.stop))
