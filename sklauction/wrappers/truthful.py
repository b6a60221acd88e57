"""TruthfulAuction: any auction for one bidder made exactly truthful, as a menu of its outcomes."""

from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sklauction.base import BaseAuction
from sklauction.menu import make_menu
from sklauction.utils.validation import check_count, check_flag, check_seed, check_share

__all__ = ["OutcomeRows", "TruthfulAuction", "bound_discount", "guaranteed_revenue"]

# Buyers of whom the figures are means; more cost time and tell little.
MOST_BUYERS = 20_000
# Discounts tried beside the formula's: none, and steps of about a factor of 2.
CANDIDATES = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
# Differences within so much of the dearest row are rounding.
TIE = 1e-9
# Entries of (buyers, rows) worked on at once.
CHUNK_ENTRIES = 1 << 18


class OutcomeRows(NamedTuple):
    """The different outcomes of an auction at some reports, and nothing for nothing.

    Parameters
    ----------
    allocations : ndarray of shape (n_rows, n_items)
        Probability of each item.
    prices : ndarray of shape (n_rows,)
        In money, ascending, not discounted.
    """

    allocations: np.ndarray
    prices: np.ndarray


class TruthfulAuction(BaseAuction):
    """An auction for one bidder made exactly truthful, at a price that its regret sets.

    The outcomes of a fitted auction at many reports become a price list, from which the
    bidder takes what serves it best, so no report serves it better than the truth. Where
    the auction was nearly truthful, a small discount keeps bidders at rows nearly as dear as
    their own outcomes: of revenue P and regret R are left at least ``(sqrt(P) - sqrt(R))**2``.

    Parameters
    ----------
    auction : auction estimator
        For one bidder; it stays as it is, and a clone is fitted, but for ``prefit``. Bidders,
        items, demand and support are its own. :class:`~sklauction.CallableAuction` makes
        one of a function.
    discount : {"auto", "bound"} or float in [0, 1), default="auto"
        What is taken off every price, as a share. "bound" is ``sqrt(R / P)``, which has the
        guarantee; "auto" takes it or one of a few others, 0 among them, whichever earns
        most on the profiles of fit.
    n_reports : int, default=1000
        Profiles drawn from those of fit as reports; all, where there are fewer.
    prefit : bool, default=False
        Whether ``auction`` is fitted already and is used as it is, instead of a fitted clone.
    random_state : int, RandomState instance or None, default=None
        Draws the reports. The auction draws by a ``random_state`` of its own.

    Attributes
    ----------
    auction_ : auction estimator
        The fitted clone, or with ``prefit`` the auction itself.
    menu_ : Menu
        What is offered, discounted, without rows that no valuation of the support chooses.
    discount_ : float
        Share taken off every price.
    base_revenue_, base_regret_ : float
        P and R, see the notes; in money per profile.
    guaranteed_revenue_ : float
        ``(sqrt(P) - sqrt(R))**2``, or 0 where R exceeds P; for a given ``discount`` e
        ``(1 - e) * (P - R / e)``, or 0.
    revenue_ : float
        What the price list earns from the profiles of fit, each without its own outcome on
        the list; at least ``guaranteed_revenue_``, whatever the data.
    n_items_, n_features_in_, scale_, support_ :
        See :class:`~sklauction.base.BaseAuction`.

    Raises
    ------
    ValueError
        In fit, if a parameter or X is not as described: so if ``auction`` is not an auction
        estimator or has several bidders; or what its own fit and predict raise.
    NotFittedError
        In predict and score, before fit; in fit with ``prefit``, if ``auction`` is not fitted.

    See Also
    --------
    sklauction.measure_regret : How far from truthful the auction was.
    RochetNetAuction : A price list learned as one.

    Notes
    -----
    Row k of the list is ``(a_k, p_k)``; with the valuation v,
    ``u_k = <v, a_k> - p_k`` and ``U = max_k u_k``. At the discount e the bidder takes a row c
    with ``u_c + e p_c >= u_j + e p_j`` for every row j. As ``u_c <= U``,

        ``p_c >= p_j - (U - u_j) / e``    for every row j.

    In the published argument [1]_ [2]_ j is the bidder's own outcome, and the list holds all
    outcomes. A finite list need not hold that of a fresh bidder. In its place stands the row
    j(v) nearest to the own outcome (a, p) in what bidder and seller gain,
    ``abs(u - u_j) + abs(p - p_j)``, with ``u = <v, a> - p``. The inequality holds for that row
    too, so with

        ``P = E[p_j(v)],    R = E[U - u_j(v)]``

    revenue is at least ``(1 - e)(P - R / e)``, most at ``e = sqrt(R / P)``, where it is
    ``(sqrt(P) - sqrt(R))**2``. R is a maximum over the list: exact, no search can miss a part.

    The means are over the profiles of fit (20,000 at most), each without its own outcome on
    the list, as if it were fresh. So for fresh profiles the guarantee holds up to sampling
    error, if the auction does not itself fit those profiles better than fresh ones. With more
    reports P and R approach the auction's own. Of an exactly truthful auction R is what the
    missing rows leave: 0 where it has finitely many outcomes that all are on the list.

    Where R is at least P the formula would give all away for nothing. "bound" then takes
    nothing off: just as truthful, and it earns no less. Payments below 0 count as 0.

    References
    ----------
    .. [1] Balcan, Blum, Hartline & Mansour, "Mechanism Design via Machine Learning",
       FOCS 2005 (the argument).
    .. [2] Rahme, Jelassi & Weinberg, "Auction Learning as a Two-Player Game",
       ICLR 2021, proposition 1 (this form).

    Examples
    --------
    A bidder who gets the share of the item that it bids, at 0.45 times the square of the bid,
    would overstate a little.

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

    def __init__(
        self, auction, *, discount="auto", n_reports=1000, prefit=False, random_state=None
    ):
        self.auction = auction
        self.discount = discount
        self.n_reports = n_reports
        self.prefit = prefit
        self.random_state = random_state

    @property
    def n_bidders(self):
        """Number of bidders of the auction."""
        return self.auction.n_bidders

    @property
    def n_items(self):
        """Number of items of the auction, as given."""
        return self.auction.n_items

    @property
    def demand(self):
        """Whether the auction's bidder may get several items."""
        return self.auction.demand

    @property
    def support(self):
        """Lowest and highest report of the auction, as given."""
        return self.auction.support

    def _check_parameters(self):
        if not isinstance(self.auction, BaseAuction):
            raise ValueError(
                "auction must be an auction estimator, such as ALGNetAuction() or "
                f"CallableAuction(function); got {self.auction!r}"
            )
        super()._check_parameters()
        if self.n_bidders != 1:
            raise ValueError(
                "n_bidders must be 1, as only for one bidder every auction can be made a price "
                f"list; got {self.n_bidders!r} of {type(self.auction).__name__}"
            )
        check_count(self.n_reports, "n_reports")
        check_flag(self.prefit, "prefit")
        check_seed(self.random_state)
        if self.prefit:
            message = "prefit=True takes a fitted auction; this %(name)s is not fitted yet"
            check_is_fitted(self.auction, msg=message)
        _check_discount(self.discount)

    def _fit(self, valuations):
        self.auction_ = self.auction if self.prefit else clone(self.auction).fit(valuations)
        random = check_random_state(self.random_state)
        buyers = valuations[random.permutation(len(valuations))[:MOST_BUYERS]]
        allocations, payments = self.auction_.predict(buyers)
        outcomes = allocations[:, 0], np.maximum(payments[:, 0], 0.0)
        rows, own = find_rows(*outcomes, self.n_reports)
        stand_ins = find_stand_ins(buyers[:, 0], *outcomes, rows, own)
        self.base_revenue_, self.base_regret_ = (float(part.mean()) for part in stand_ins)
        self._choose_discount(buyers[:, 0], rows, own)
        prices = (1 - self.discount_) * rows.prices
        self.menu_ = make_menu(rows.allocations, prices, self.support_[0], valuations[:, 0])

    def _choose_discount(self, values, rows, own):
        """Set discount_, what it earns and what is guaranteed."""
        formula = bound_discount(self.base_revenue_, self.base_regret_)
        proven = formula if isinstance(self.discount, str) else float(self.discount)
        tried = sorted({proven, *CANDIDATES}) if self.discount == "auto" else [proven]
        earned = [float(pay_discounted(values, rows, own, one).mean()) for one in tried]
        best = int(np.argmax(earned))
        self.discount_, self.revenue_ = tried[best], earned[best]
        self.guaranteed_revenue_ = guaranteed_revenue(self.base_revenue_, self.base_regret_, proven)

    def _run(self, bids):
        rows = self.menu_.choose(bids[:, 0])
        return self.menu_.allocations[rows][:, None], self.menu_.prices[rows][:, None]


def bound_discount(revenue, regret):
    """Return the discount with the best guarantee, ``sqrt(R / P)``; 0 where R is at least P.

    Parameters
    ----------
    revenue, regret : float
        P and R, in money, not negative.

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
    """Return what a discount earns at least, ``(1 - e) (P - R / e)``, or 0.

    Parameters
    ----------
    revenue, regret : float
        P and R, in money, not negative.
    discount : float
        e, in [0, 1).

    Returns
    -------
    float
        In money.

    Examples
    --------
    At the best discount it is ``(sqrt(P) - sqrt(R))**2``.

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
    """Return the different outcomes at the first reports, and nothing for nothing.

    Parameters
    ----------
    allocations : ndarray of shape (n_buyers, n_items)
        What each buyer gets by its own report.
    payments : ndarray of shape (n_buyers,)
        In money, not negative.
    n_reports : int
        How many of the buyers' reports are used.

    Returns
    -------
    rows : OutcomeRows
    own : ndarray of int of shape (n_buyers,)
        The row that is there by this buyer's report alone; -1 where there is none.
    """
    table = np.column_stack([payments, allocations])[:n_reports]
    table = np.concatenate([table, np.zeros((1, table.shape[1]))])
    table, row, counts = np.unique(table, axis=0, return_inverse=True, return_counts=True)
    row = row.ravel()[:-1]
    own = np.full(len(payments), -1)
    own[: len(row)] = np.where(counts[row] == 1, row, -1)
    return OutcomeRows(table[:, 1:], table[:, 0]), own


def find_stand_ins(values, allocations, payments, rows, own):
    """Return price and regret of the row that stands in for each buyer's own outcome.

    It is nearest in what buyer and seller gain, ``abs(u - u_j) + abs(p - p_j)``; of equally
    near ones it is the dearest. A buyer's ``own`` row is not on its list.

    Parameters
    ----------
    values : ndarray of shape (n_buyers, n_items)
        In money.
    allocations : ndarray of shape (n_buyers, n_items)
        The buyers' own outcomes.
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
        ``max_k u_k - u_j``, in money, not negative.
    """
    truthful = np.einsum("ni,ni->n", values, allocations) - payments
    prices, regrets = np.empty(len(values)), np.empty(len(values))
    for part, worth in _worth_by_row(values, rows, own):
        utilities = worth - rows.prices
        distances = np.abs(truthful[part, None] - utilities)
        distances += np.abs(payments[part, None] - rows.prices)
        chosen = _dearest_of_best(-distances, rows.prices)
        prices[part] = rows.prices[chosen]
        got = np.take_along_axis(utilities, chosen[:, None], axis=1)[:, 0]
        regrets[part] = utilities.max(axis=1) - got
    return prices, regrets


def pay_discounted(values, rows, own, discount):
    """Return what each buyer pays for its favourite row, all prices discounted.

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
        paid[part] = prices[_dearest_of_best(worth - prices, prices)]
    return paid


def _worth_by_row(values, rows, own):
    """Yield slices of buyers, and what each row is worth to them; -inf for their own row."""
    size = max(1, CHUNK_ENTRIES // len(rows.prices))
    for start in range(0, len(values), size):
        part = slice(start, start + size)
        worth = values[part] @ rows.allocations.T
        missing = np.flatnonzero(own[part] >= 0)
        worth[missing, own[part][missing]] = -np.inf
        yield part, worth


def _dearest_of_best(scores, prices):
    """Return for each buyer the last of the rows whose score is best, up to rounding."""
    tie = TIE * max(prices.max(), np.finfo(float).tiny)
    good = scores >= scores.max(axis=1, keepdims=True) - tie
    return scores.shape[1] - 1 - good[:, ::-1].argmax(axis=1)


def _check_discount(discount):
    """Raise ValueError unless the discount is "auto", "bound" or a number in [0, 1)."""
    if not (isinstance(discount, str) and discount in ("auto", "bound")):
        check_share(discount, "discount", "'auto', 'bound' or ")
