"""A user's own mechanism as an estimator."""

import warnings

import numpy as np

from sklauction.audit.mechanisms import CheckedMechanism
from sklauction.base import BaseAuction
from sklauction.utils.batching import blocks

__all__ = ["CallableAuction"]


class CallableAuction(BaseAuction):
    """Any function of bids as an auction, so that scorers, searches and plots take it.

    Parameters
    ----------
    function : callable or torch.nn.Module
        Maps bids of shape (n, n_bidders, n_items), a float64 array, to allocations of the
        same shape and payments of shape (n, n_bidders), each row for itself, in the unit
        of the bids. A torch module gets a tensor and is audited along its gradient.
    n_bidders : int, default=1
        Number of bidders.
    n_items : int, default=None
        Number of items; None infers it from the data.
    demand : {"additive", "unit"}, default="additive"
        Whether a bidder may get several items.
    support : array-like broadcastable to (n_bidders, n_items, 2), default=None
        Lowest and highest report, in money; None takes the range of the data.

    Attributes
    ----------
    n_items_ : int
        Number of items.
    scale_ : float
        Money unit of the data; nothing depends on it.
    support_ : ndarray of shape (n_bidders, n_items, 2)
        Lowest and highest reports, in money.

    Raises
    ------
    ValueError
        In fit and predict, if a parameter or X is not as described, or the function returns
        wrong shapes or values that are not finite; the message names the row. An error
        within the function comes through as it is.
    NotFittedError
        In predict and score, before fit.

    Warns
    -----
    UserWarning
        In fit, where the function gives out more than there is, or charges more than the
        reported value of what a bidder gets, on the data.

    See Also
    --------
    sklauction.measure_regret : Takes a function directly, too.

    Notes
    -----
    ``fit`` learns nothing but the sizes and the support, and tries the function on the
    data: wrong shapes and values that are not finite are refused, naming the row.

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

    def __init__(self, function, n_bidders=1, n_items=None, *, demand="additive", support=None):
        self.function = function
        self.n_bidders = n_bidders
        self.n_items = n_items
        self.demand = demand
        self.support = support

    def _check_parameters(self):
        super()._check_parameters()
        if not callable(self.function):
            raise ValueError(
                "function must be a callable or a torch module that maps bids to (allocations, "
                f"payments); got {self.function!r}"
            )

    def _fit(self, valuations):
        checked = self._checked(valuations)
        for rows in blocks(valuations.shape):
            checked(valuations[rows], np.arange(rows.start, rows.stop))
        for problem in checked.problems():
            warnings.warn(f"CallableAuction: {problem}", UserWarning, stacklevel=3)

    def _run(self, bids):
        return self._run_rows(bids, slice(0, len(bids)))

    def _run_rows(self, bids, rows):
        part = bids[rows]
        return self._checked(part)(part, np.arange(rows.start, rows.stop))

    def _checked(self, bids):
        return CheckedMechanism(self.function, self.demand, bids.max())
