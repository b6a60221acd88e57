"""Vickrey-Clarke-Groves auctions with reserve prices, for additive or unit demand."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from sklauction.analytic.dependence import warn_of_dependence
from sklauction.base import BaseAuction
from sklauction.domains.auctions import Demand
from sklauction.utils.constraints import ANY
from sklauction.utils.saving import fitted_derived
from sklauction.utils.types import ArrayLike
from sklauction.utils.validation import check_numbers, check_prices

__all__ = ["VCGAuction", "second_price", "unit_demand_vcg"]


def second_price(bids: ArrayLike, reserves: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Second-price auction of each item, with eager reserve prices.

    Bidders below their own reserve are removed [2]_. The highest remaining bid wins, and ties go to
    the first bidder. The winner pays the maximum of its own reserve and the next remaining bid,
    which is the smallest bid that would still have won [1]_.

    Parameters
    ----------
    bids : array-like of shape (n_samples, n_bidders, n_items)
        In money, not negative.
    reserves : array-like broadcastable to (n_bidders, n_items)
        In money, not negative.

    Returns
    -------
    allocations : ndarray of shape (n_samples, n_bidders, n_items)
        1 if the bidder wins the item, else 0.
    payments : ndarray of shape (n_samples, n_bidders)
        In money.

    Raises
    ------
    ValueError
        If bids or reserves are not finite non-negative numbers of these shapes, or a payment
        overflows.

    References
    ----------
    .. [1] Vickrey, "Counterspeculation, Auctions, and Competitive Sealed Tenders",
       Journal of Finance 16(1), 1961.
    .. [2] Dhangwatnotai, Roughgarden & Yan, "Revenue Maximization with a Single
       Sample", Games and Economic Behavior 91, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.analytic.vcg import second_price
    >>> bids = np.array([[[0.9], [0.6], [0.5]], [[0.3], [0.6], [0.5]]])
    >>> allocations, payments = second_price(bids, np.array([[0.4], [0.7], [0.1]]))
    >>> allocations[:, :, 0], payments
    (array([[1., 0., 0.],
           [0., 0., 1.]]), array([[0.5, 0. , 0. ],
           [0. , 0. , 0.1]]))
    """
    bids, reserves = _check_bids(bids, reserves)
    remaining = np.where(bids >= reserves, bids, -np.inf)
    winner = np.argmax(remaining, axis=1)[:, None, :]
    sold = np.take_along_axis(remaining, winner, axis=1) >= 0
    won = sold & (winner == np.arange(bids.shape[1])[:, None])
    np.put_along_axis(remaining, winner, -np.inf, axis=1)
    price = np.maximum(remaining.max(axis=1, keepdims=True), reserves)
    with np.errstate(over="ignore"):
        payments = np.where(won, price, 0.0).sum(axis=2)
    if not np.isfinite(payments).all():
        raise ValueError("bids must be small enough for finite payments; got a sum that overflows")
    return won.astype(float), payments


def _check_bids(bids, reserves) -> tuple[np.ndarray, np.ndarray]:
    """Return bids and broadcast reserves as arrays."""
    bids = check_numbers(bids, "bids", ("n_samples", "n_bidders", "n_items"), least=0.0)
    if reserves is None:
        raise ValueError("reserves must be finite non-negative prices; got None")
    return bids, check_prices(reserves, "reserves", "0", bids.shape[1:])


def unit_demand_vcg(bids: ArrayLike, reserves: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """VCG auction for unit demand, with reserves as the seller's costs.

    The matching maximises ``W``, the sum of ``(b_ij - r_ij)+`` over its pairs [2]_. Bidder i pays
    ``r_ij + W(-i) - (W - (b_ij - r_ij))`` for item j: its reserve plus its externality on the other
    bidders [1]_, where ``W(-i)`` is the maximum without bidder i.

    Parameters
    ----------
    bids : array-like of shape (n_samples, n_bidders, n_items)
        In money, not negative.
    reserves : array-like broadcastable to (n_bidders, n_items)
        In money, not negative.

    Returns
    -------
    allocations : ndarray of shape (n_samples, n_bidders, n_items)
        1 if the bidder wins the item, else 0.
    payments : ndarray of shape (n_samples, n_bidders)
        In money.

    Raises
    ------
    ValueError
        If bids or reserves are not finite non-negative numbers of these shapes, or a sum of bids
        overflows.

    References
    ----------
    .. [1] Clarke, "Multipart Pricing of Public Goods", Public Choice 11, 1971.
    .. [2] Leonard, "Elicitation of Honest Preferences for the Assignment of
       Individuals to Positions", Journal of Political Economy 91(3), 1983.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.analytic.vcg import unit_demand_vcg
    >>> bids = np.array([[[5.0, 4.0], [4.0, 1.0]]])
    >>> allocations, payments = unit_demand_vcg(bids, np.zeros((2, 2)))
    >>> allocations[0], payments
    (array([[0., 1.],
           [1., 0.]]), array([[0., 1.]]))
    """
    bids, reserves = _check_bids(bids, reserves)
    surplus = np.maximum(bids - reserves, 0.0)
    if surplus.size and surplus.max() > np.finfo(float).max / sum(bids.shape):
        raise ValueError(f"bids must have finite sums; got a surplus of {surplus.max():g}")
    allocations, payments = np.zeros(bids.shape), np.zeros(bids.shape[:2])
    for row, table in enumerate(surplus):
        bidders, items = linear_sum_assignment(table, maximize=True)
        best = table[bidders, items].sum()
        for bidder, item in zip(bidders, items):
            bid, reserve = bids[row, bidder, item], reserves[bidder, item]
            if bid < reserve:
                continue
            harm = _best_without(table, bidder) - (best - table[bidder, item])
            allocations[row, bidder, item] = 1.0
            # Rounding may exceed these bounds.
            payments[row, bidder] = min(max(reserve + harm, reserve), bid)
    return allocations, payments


def _best_without(surplus, bidder):
    """Return the largest sum over matchings of the other bidders."""
    others = surplus.copy()
    others[bidder] = 0.0
    return others[linear_sum_assignment(others, maximize=True)].sum()


class VCGAuction(BaseAuction):
    """Vickrey-Clarke-Groves auction, optionally with reserve prices.

    The allocation maximises welfare, and each bidder pays its externality on the others [1]_. The
    auction does not depend on the prior: fit only stores sizes. Ties go to the first bidder
    (additive demand) or as in :func:`scipy.optimize.linear_sum_assignment` (unit demand).

    Parameters
    ----------
    n_bidders : int, default=None
        Number of bidders; inferred from the data if None. A flat X needs it, unless its columns
        name the bidders.
    n_items : int, default=None
        Number of items; inferred from the data if None.
    demand : {"additive", "unit"} or Auction, default="additive"
        Whether a bidder values a set of items at the sum of its values, or wants one item only.
    reserve : None, float or array-like, default=None
        Reserve prices in money, non-negative and broadcastable to (n_bidders, n_items); None means
        zero. For additive demand they are eager: bidders below their reserve of an item are
        removed, and the winner pays at least its own reserve. For unit demand they are the
        seller's costs. For a single item and equal reserves both definitions agree.

    Attributes
    ----------
    reserve_prices_ : ndarray of shape (n_bidders, n_items)
        Broadcast reserves, in money.
    n_items_ : int
        Number of items.
    scale_ : float
        Money unit of the samples. Does not affect the auction.
    support_ : ndarray of shape (n_bidders, n_items, 2)
        Lowest and highest valuations seen in fit, in money.

    Raises
    ------
    ValueError
        In fit, if a parameter or X is invalid, or ``reserve`` is negative or does not broadcast.
    NotFittedError
        In predict and score, before fit.

    See Also
    --------
    MyersonAuction : Maximises revenue.
    sklauction.analytic.vcg.second_price : The auction for additive demand, as a function.
    sklauction.analytic.vcg.unit_demand_vcg : The auction for unit demand, as a function.

    Notes
    -----
    Reserves are in money and do not scale with the valuations.

    If the values of two bidders are dependent, ``fit`` warns, as
    :class:`~sklauction.MyersonAuction` does: auctions that use the dependence may earn more.

    References
    ----------
    .. [1] Krishna, "Auction Theory", 2nd edition, 2010, section 5.3.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction import VCGAuction
    >>> V = np.random.RandomState(0).uniform(size=(100, 2, 2))
    >>> auction = VCGAuction(n_bidders=2, reserve=[0.5, 0.25]).fit(V)
    >>> auction.predict([[[0.75, 0.5], [0.25, 1.0]]]).payments
    array([[0.5, 0.5]])
    """

    _parameter_constraints = {**BaseAuction._parameter_constraints, "reserve": ANY}

    _saved = {
        **BaseAuction._saved,
        "reserve_prices_": fitted_derived(
            lambda auction: auction._reserves(auction._fitted_shape())
        ),
    }

    def __init__(
        self,
        n_bidders: int | None = None,
        n_items: int | None = None,
        *,
        demand: Demand = "additive",
        reserve: ArrayLike | None = None,
    ) -> None:
        self._store(locals())

    def _check_parameters(self):
        super()._check_parameters()
        self._reserves(None)

    def _check_sizes(self, n_bidders, n_items):
        self._reserves((n_bidders, n_items))

    def _fit(self, valuations):
        warn_of_dependence(self, valuations)
        self.reserve_prices_ = self._reserves(valuations.shape[1:])

    def _reserves(self, shape):
        """Return ``reserve`` after checks, broadcast to a shape."""
        return check_prices(self.reserve, "reserve", "None", shape)

    def _run(self, bids):
        run = unit_demand_vcg if self.domain.exclusive else second_price
        return run(bids, self.reserve_prices_)
