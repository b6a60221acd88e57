"""TruthfulAuction: an exactly truthful auction from any auction for one bidder."""

from __future__ import annotations

from operator import attrgetter
from typing import Literal, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklauction.base import BaseAuction
from sklauction.menu import Menu, last_best, lower_to_values, make_menu
from sklauction.utils.batching import TABLE_ENTRIES, blocks
from sklauction.utils.constraints import (
    FLAG,
    NOT_NEGATIVE,
    SEED,
    SHARE,
    Constraint,
    choice,
    count,
    number,
)
from sklauction.utils.saving import fitted_derived, fitted_object, short_repr
from sklauction.utils.types import Seed

__all__ = ["OutcomeRows", "TruthfulAuction", "bound_discount", "guaranteed_revenue"]

# Maximum number of profiles from which P, R and revenues are computed.
MOST_BUYERS = 20_000
# Discounts compared with that of the formula by discount="auto".
CANDIDATES = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)


class OutcomeRows(NamedTuple):
    """The distinct outcomes of an auction at some reports, and the empty row of price 0.

    Parameters
    ----------
    allocations : ndarray of shape (n_rows, n_items)
        Probability of each item.
    prices : ndarray of shape (n_rows,)
        In money, ascending, before the discount.
    """

    allocations: np.ndarray
    prices: np.ndarray


AUCTION = Constraint(
    lambda value: isinstance(value, BaseAuction),
    "an auction estimator, such as ALGNetAuction() or CallableAuction(function)",
)


def check_inner(auction, value, name):
    """Check the saved attribute ``auction_``."""
    if not isinstance(value, BaseAuction) or not hasattr(value, "support_"):
        raise ValueError(f"{name} must be a fitted auction; got {short_repr(value)}")
    if value.support_.shape != auction.support_.shape:
        raise ValueError(f"{name} must have the same sizes; got {value.support_.shape}")


class TruthfulAuction(BaseAuction):
    """Exactly truthful auction derived from any auction for one bidder.

    The outcomes of a fitted auction at many reports become a menu, from which the bidder gets a
    utility-maximising row. The result is exactly truthful. A small discount on all prices makes
    bidders choose expensive rows: from an auction with revenue P and regret R, the revenue is at
    least ``(sqrt(P) - sqrt(R))**2``.

    Parameters
    ----------
    auction : auction estimator
        Auction for one bidder. It is cloned and fitted, unless ``prefit=True``. Numbers of bidders
        and items, demand and support are those of this auction. For a function, use
        :class:`~sklauction.CallableAuction`.
    discount : {"auto", "bound"} or float in [0, 1), default="auto"
        Share taken off all prices. "bound" is ``sqrt(R / P)``, which has the guarantee. "auto" is
        this or one of a few other values, including 0: the one with the highest revenue on the
        profiles of fit.
    n_reports : int, default=1000
        Number of profiles of fit that are used as reports; all, if there are fewer.
    prefit : bool, default=False
        Whether ``auction`` is already fitted and is used without cloning.
    random_state : int, RandomState instance or None, default=None
        Seed of the choice of reports. The auction has its own ``random_state``.

    Attributes
    ----------
    auction_ : auction estimator
        The fitted clone, or ``auction`` itself with ``prefit=True``.
    menu_ : Menu
        Menu with discounted prices, without rows that no valuation in the support chooses.
    discount_ : float
        Share taken off all prices.
    base_revenue_, base_regret_ : float
        P and R as defined in the Notes, in money per profile.
    guaranteed_revenue_ : float
        ``(sqrt(P) - sqrt(R))**2``, or 0 if R exceeds P; with a given ``discount`` e,
        ``(1 - e) * (P - R / e)``, or 0 if this is negative. In money.
    revenue_ : float
        Revenue of the menu on the profiles of fit, each without its own outcome on the menu; at
        least ``guaranteed_revenue_``. In money.
    n_items_, n_features_in_, scale_, support_ :
        See :class:`~sklauction.base.BaseAuction`.

    Raises
    ------
    ValueError
        In fit, if a parameter or X is not as described; for example if ``auction`` is not an
        auction estimator or has several bidders. Also errors in fit and predict of ``auction``.
    NotFittedError
        In predict and score, before fit; in fit with ``prefit``, if ``auction`` is not fitted.

    See Also
    --------
    sklauction.measure_regret : Estimates the regret of the original auction.
    RochetNetAuction : Learns a menu directly.

    Notes
    -----
    Let ``(a_k, p_k)`` be row k of the menu before the discount, ``u_k = <v, a_k> - p_k`` its
    utility for valuation v, and ``U = max_k u_k``. With discount e, the bidder gets a row c with
    ``u_c + e p_c >= u_j + e p_j`` for every row j. As ``u_c <= U``,

        ``p_c >= p_j - (U - u_j) / e``    for every row j.

    In the published argument [1]_ [2]_ j is the outcome of the bidder in the original auction, and
    the menu contains all outcomes. A finite menu need not contain the outcome (a, p) of a new
    bidder, with utility ``u = <v, a> - p``. Here, j is the row j(v) that is nearest in the
    utility of the bidder and in price: it minimises ``abs(u - u_j) + abs(p - p_j)``. With

        ``P = E[p_j(v)],    R = E[U - u_j(v)]``

    the revenue is at least ``(1 - e)(P - R / e)``. The best discount is ``e = sqrt(R / P)``, where
    the bound is ``(sqrt(P) - sqrt(R))**2``. R is a maximum over the rows of the menu, so it is
    exact.

    P and R are means over the profiles of fit (at most 20,000), each without its own outcome on
    the menu, like a new bidder. For new profiles the guarantee therefore holds up to sampling
    error, provided that the auction does not overfit. With more reports, P and R approach
    the revenue and the regret of the auction. R is 0 if the auction is exactly truthful and has
    finitely many outcomes, which are all on the menu.

    If R is at least P, the bound is 0 and "bound" is no discount. Negative payments count as 0.

    References
    ----------
    .. [1] Balcan, Blum, Hartline & Mansour, "Mechanism Design via Machine Learning",
       FOCS 2005 (the argument).
    .. [2] Rahme, Jelassi & Weinberg, "Auction Learning as a Two-Player Game",
       ICLR 2021, proposition 1 (this form).

    Examples
    --------
    A bidder gets a share of the item equal to its bid and pays 0.45 times the square of the bid.
    Slightly overstated bids are profitable.

    >>> import numpy as np
    >>> from sklauction import CallableAuction, TruthfulAuction, measure_regret
    >>> def share(bids):
    ...     return bids, 0.45 * bids[:, :, 0] ** 2
    >>> V = np.random.default_rng(0).uniform(size=(200, 1, 1))
    >>> auction = TruthfulAuction(CallableAuction(share, support=(0, 1)), random_state=0).fit(V)
    >>> before, after = (measure_regret(a, V, random_state=0) for a in (auction.auction_, auction))
    >>> before.total_regret > 1e-3, after.total_regret < 1e-9
    (True, True)
    >>> after.revenue > auction.guaranteed_revenue_
    True
    """

    # First, because sizes and demand are those of the auction.
    _parameter_constraints = {
        "auction": AUCTION,
        **BaseAuction._parameter_constraints,
        "discount": choice("auto", "bound") | SHARE,
        "n_reports": count(),
        "prefit": FLAG,
        "random_state": SEED,
    }

    _saved = {
        **BaseAuction._saved,
        "revenue_": number(),
        "auction_": check_inner,
        "menu_": fitted_object(Menu),
        "discount_": SHARE,
        "base_revenue_": NOT_NEGATIVE,
        "base_regret_": NOT_NEGATIVE,
        "guaranteed_revenue_": fitted_derived(lambda auction: auction._guaranteed()),
    }

    def __init__(
        self,
        auction: BaseAuction,
        *,
        discount: float | Literal["auto", "bound"] = "auto",
        n_reports: int = 1000,
        prefit: bool = False,
        random_state: Seed = None,
    ) -> None:
        self._store(locals())

    n_bidders = property(attrgetter("auction.n_bidders"), doc="Number of bidders of the auction.")
    n_items = property(attrgetter("auction.n_items"), doc="Number of items, or None.")
    demand = property(attrgetter("auction.demand"), doc="Demand of the auction's bidder.")
    support = property(attrgetter("auction.support"), doc="Lowest and highest report, or None.")

    def _given_shape(self):
        return 1, self.n_items

    def _check_parameters(self):
        super()._check_parameters()
        if self.n_bidders not in (None, 1):
            raise ValueError(
                f"auction must have n_bidders=1; got {type(self.auction).__name__} with "
                f"n_bidders={self.n_bidders!r}"
            )
        if self.prefit:
            message = "auction must be fitted if prefit=True; got a %(name)s that is not fitted"
            check_is_fitted(self.auction, msg=message)

    def _fit(self, valuations):
        self.auction_ = self.auction if self.prefit else clone(self.auction).fit(valuations)
        random = check_random_state(self.random_state)
        buyers = valuations[random.permutation(len(valuations))[:MOST_BUYERS]]
        allocations, payments = self.auction_.predict(buyers)
        outcomes = allocations[:, 0], np.maximum(payments[:, 0], 0.0)
        rows, own = find_rows(*outcomes, self.n_reports)
        # As in the menu.
        rows = rows._replace(prices=lower_to_values(*rows, buyers[:, 0]))
        nearest = find_nearest_rows(buyers[:, 0], *outcomes, rows, own)
        self.base_revenue_, self.base_regret_ = (float(part.mean()) for part in nearest)
        self._choose_discount(buyers[:, 0], rows, own)
        prices = (1 - self.discount_) * rows.prices
        self.menu_ = make_menu(rows.allocations, prices, self.support_[0], valuations[:, 0])

    def _choose_discount(self, values, rows, own):
        """Set the discount, its revenue and the guaranteed revenue."""
        proven = self._proven_discount()
        tried = sorted({proven, *CANDIDATES}) if self.discount == "auto" else [proven]
        revenues = [float(pay_discounted(values, rows, own, one).mean()) for one in tried]
        best = int(np.argmax(revenues))
        self.discount_, self.revenue_ = tried[best], revenues[best]
        self.guaranteed_revenue_ = self._guaranteed()

    def _proven_discount(self):
        """Return the discount of the guarantee."""
        if isinstance(self.discount, str):
            return bound_discount(self.base_revenue_, self.base_regret_)
        return float(self.discount)

    def _guaranteed(self):
        return guaranteed_revenue(self.base_revenue_, self.base_regret_, self._proven_discount())

    def _run(self, bids):
        rows = self.menu_.choose(bids[:, 0])
        return self.menu_.allocations[rows][:, None], self.menu_.prices[rows][:, None]


def bound_discount(revenue, regret):
    """Return the discount with the highest guaranteed revenue, ``sqrt(R / P)``; 0 if R >= P.

    Parameters
    ----------
    revenue, regret : float
        P and R, in money, at least 0.

    Returns
    -------
    float
        In [0, 1).

    Examples
    --------
    >>> from sklauction.wrappers.truthful import bound_discount
    >>> bound_discount(0.25, 0.01), bound_discount(0.25, 0.3)
    (0.2, 0.0)
    """
    return float(np.sqrt(regret / revenue)) if regret < revenue else 0.0


def guaranteed_revenue(revenue, regret, discount):
    """Return the lower bound on revenue at a discount, ``(1 - e) (P - R / e)``, or 0.

    Parameters
    ----------
    revenue, regret : float
        P and R, in money, at least 0.
    discount : float
        e, in [0, 1).

    Returns
    -------
    float
        In money.

    Examples
    --------
    The best discount gives ``(sqrt(P) - sqrt(R))**2``.

    >>> from sklauction.wrappers.truthful import guaranteed_revenue
    >>> round(guaranteed_revenue(0.25, 0.01, 0.2), 12)
    0.16
    """
    if regret == 0:
        return (1 - discount) * revenue
    if discount == 0:
        return 0.0
    return (1 - discount) * max(revenue - regret / discount, 0.0)


def find_rows(allocations, payments, n_reports):
    """Return the distinct outcomes of the first buyers, and the empty row of price 0.

    Parameters
    ----------
    allocations : ndarray of shape (n_buyers, n_items)
        Allocation of each buyer in the original auction.
    payments : ndarray of shape (n_buyers,)
        In money, at least 0.
    n_reports : int
        Number of buyers whose outcomes become rows.

    Returns
    -------
    rows : OutcomeRows
    own : ndarray of int of shape (n_buyers,)
        The row that is the outcome of this buyer only; -1 if there is none.
    """
    table = np.column_stack([payments, allocations])[:n_reports]
    table = np.concatenate([table, np.zeros((1, table.shape[1]))])
    table, row, counts = np.unique(table, axis=0, return_inverse=True, return_counts=True)
    row = row.ravel()[:-1]
    own = np.full(len(payments), -1)
    own[: len(row)] = np.where(counts[row] == 1, row, -1)
    return OutcomeRows(table[:, 1:], table[:, 0]), own


def find_nearest_rows(values, allocations, payments, rows, own):
    """Return price and regret of the row nearest to each buyer's outcome.

    The nearest row j minimises ``abs(u - u_j) + abs(p - p_j)``; of several, it is the one with the
    highest price. A buyer's ``own`` row is not on its menu.

    Parameters
    ----------
    values : ndarray of shape (n_buyers, n_items)
        In money.
    allocations : ndarray of shape (n_buyers, n_items)
        Allocation of each buyer in the original auction.
    payments : ndarray of shape (n_buyers,)
        In money.
    rows : OutcomeRows
    own : ndarray of int of shape (n_buyers,)
        Row to leave out for each buyer, or -1.

    Returns
    -------
    prices : ndarray of shape (n_buyers,)
        ``p_j``, in money.
    regrets : ndarray of shape (n_buyers,)
        ``max_k u_k - u_j``, in money, at least 0.
    """
    truthful = np.einsum("ni,ni->n", values, allocations) - payments
    prices, regrets = np.empty(len(values)), np.empty(len(values))
    for part, worth in _worth_by_row(values, rows, own):
        utilities = worth - rows.prices
        distances = np.abs(truthful[part, None] - utilities)
        distances += np.abs(payments[part, None] - rows.prices)
        chosen = last_best(-distances, rows.prices)
        prices[part] = rows.prices[chosen]
        got = np.take_along_axis(utilities, chosen[:, None], axis=1)[:, 0]
        regrets[part] = utilities.max(axis=1) - got
    return prices, regrets


def pay_discounted(values, rows, own, discount):
    """Return what each buyer pays for its best row at discounted prices.

    Parameters
    ----------
    values : ndarray of shape (n_buyers, n_items)
        In money.
    rows : OutcomeRows
    own : ndarray of int of shape (n_buyers,)
        Row to leave out for each buyer, or -1.
    discount : float
        In [0, 1).

    Returns
    -------
    ndarray of shape (n_buyers,)
        In money.
    """
    prices, paid = (1 - discount) * rows.prices, np.empty(len(values))
    for part, worth in _worth_by_row(values, rows, own):
        paid[part] = prices[last_best(worth - prices, prices)]
    return paid


def _worth_by_row(values, rows, own):
    """Yield slices of buyers, and their values of all rows; -inf for their own row."""
    for part in blocks((len(values), len(rows.prices)), TABLE_ENTRIES):
        worth = values[part] @ rows.allocations.T
        missing = np.flatnonzero(own[part] >= 0)
        worth[missing, own[part][missing]] = -np.inf
        yield part, worth
