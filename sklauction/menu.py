"""Menus for one buyer: choice, revenue, pruning, and display as a table or text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from scipy.optimize import linprog

from sklauction.domains.auctions import ADDITIVE
from sklauction.domains.base import name_of
from sklauction.economics import check_feasible
from sklauction.utils.batching import TABLE_ENTRIES, blocks
from sklauction.utils.numbers import format_money, scale_by_power_of_two
from sklauction.utils.saving import check_shares, savable
from sklauction.utils.tables import Tabular, check_labels, make_frame
from sklauction.utils.types import ArrayLike, DataFrame
from sklauction.utils.validation import check_number, check_numbers

__all__ = [
    "Menu",
    "last_best",
    "list_items",
    "lower_to_values",
    "lowest_worth",
    "make_menu",
    "with_shares",
]

# Differences in score that count as ties, relative to the value and the price of the best row.
TIE = 1e-9
# Tables of a block that a choice holds at once.
TABLES = 8
# Relative rounding of the value of a row, with a margin: 1,000 units in the last place.
SUMS_ROUNDING = 2e-13
# A row is pruned if its largest lead over the other rows is below this, relative to the highest
# price. Ten times the tolerance of HiGHS, so that no row is pruned that is best somewhere.
NEVER_BEST = -1e-6


class _Rows(NamedTuple):
    allocations: np.ndarray
    prices: np.ndarray
    shares: np.ndarray


@savable
class Menu(Tabular, _Rows):
    """A menu for one buyer: lotteries over items, each at a price.

    The first row is no item at price 0. The buyer gets the row of highest utility, so truthful
    bidding is optimal; every truthful auction for one buyer is such a menu [1]_. The buyer never
    gets a row at a loss, not even by rounding.

    Parameters
    ----------
    allocations : array-like of shape (n_rows, n_items)
        Probability of each item.
    prices : array-like of shape (n_rows,)
        Prices in money, ascending.
    shares : array-like of shape (n_rows,)
        Fraction of the valuations passed to fit that choose the row.

    Raises
    ------
    ValueError
        If a field has another shape or values that are not finite, or prices are not ascending; in
        :meth:`choose`, :meth:`revenue` and :meth:`simplify`, if valuations do not have the menu's
        number of items; in :meth:`to_frame`, if there is not one name per item.
    ImportError
        In :meth:`to_frame`, if pandas is not installed.

    See Also
    --------
    MenuDisplay : Draws the regions in which each row is chosen.

    References
    ----------
    .. [1] Hammond, "Straightforward Individual Incentive Compatibility in Large
       Economies", Review of Economic Studies 46(2), 1979.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction import Menu
    >>> menu = Menu(np.array([[0, 0], [0.5, 1], [1, 1]]), np.array([0.0, 8, 12]), np.zeros(3))
    >>> menu.choose([[6.0, 6.0], [13.0, 5.0], [4.0, 4.0]])
    array([1, 2, 0])
    >>> print(menu)
    Nothing for nothing.
    Item 0 with probability 0.5 and item 1 for 8.
    Item 0 and item 1 for 12.
    """

    __slots__ = ()
    _rows_are = "options"

    def __new__(cls, allocations: ArrayLike, prices: ArrayLike, shares: ArrayLike) -> Self:
        """Validate the fields and convert them to arrays."""
        allocations = check_numbers(allocations, "allocations", ("n_options", "n_items"))
        prices = check_numbers(prices, "prices", allocations.shape[:1])
        shares = check_numbers(shares, "shares", allocations.shape[:1])
        if (prices[1:] < prices[:-1]).any():
            raise ValueError(f"prices must be ascending; got {prices.tolist()}")
        return super().__new__(cls, allocations, prices, shares)

    def choose(self, valuations: ArrayLike) -> np.ndarray:
        """Return the row of highest utility for each valuation; ties go to the highest price.

        Utilities are tied with the highest if they differ from it by at most 1e-9 of the value and
        price of its row. Rows of negative utility are not chosen, except the first.

        Parameters
        ----------
        valuations : array-like of shape (n_samples, n_items)
            In money.

        Returns
        -------
        ndarray of int of shape (n_samples,)
            Row indices.

        Raises
        ------
        ValueError
            If valuations have another shape or are not finite, or utilities overflow.
        """
        valuations = self._check(valuations, "n_samples")
        chosen = np.empty(len(valuations), dtype=int)
        for part in blocks((len(valuations), len(self.prices)), TABLE_ENTRIES // TABLES):
            chosen[part] = self._choose(valuations[part])
        return chosen

    def _choose(self, valuations):
        """Return the row of each valuation of a block."""
        with np.errstate(over="ignore", invalid="ignore"):
            utilities = valuations @ self.allocations.T - self.prices
        if not np.isfinite(utilities).all():
            raise ValueError("valuations must be small enough for finite utilities; got inf")
        chosen = last_best(utilities, self.prices)
        losers = np.arange(len(valuations))
        while len(losers := losers[self._loses(valuations[losers], chosen[losers])]):
            utilities[losers, chosen[losers]] = -np.inf
            chosen[losers] = last_best(utilities[losers], self.prices)
        return chosen

    def _loses(self, valuations, rows):
        """Return whether rows other than the first cost more than they are worth."""
        return (rows > 0) & (lowest_worth(valuations, self.allocations[rows]) < self.prices[rows])

    def revenue(self, valuations: ArrayLike) -> float:
        """Return the mean price paid by buyers with these valuations.

        Parameters
        ----------
        valuations : array-like of shape (n_samples, n_items)
            In money; at least one.

        Returns
        -------
        float
            Money per buyer.

        Raises
        ------
        ValueError
            If valuations have another shape or are not finite.
        """
        valuations = self._check(valuations, "n_buyers")
        prices, exponent = scale_by_power_of_two(self.prices)  # so that the sum does not overflow
        return float(np.ldexp(prices[self.choose(valuations)].mean(), exponent))

    def simplify(self, valuations: ArrayLike, tolerance: float = 1e-3) -> Menu:
        """Return a menu with fewer rows that earns nearly as much.

        Rows are removed one by one, smallest loss of revenue first, while the total loss is within
        ``tolerance``. The menu stays truthful. For the revenue of small menus see [1]_.

        Parameters
        ----------
        valuations : array-like of shape (n_samples, n_items)
            Valuations to compute revenue on, in money; at least one.
        tolerance : float, default=1e-3
            Largest relative loss of revenue.

        Returns
        -------
        Menu
            A new menu, whose ``shares`` are those of ``valuations``.

        Raises
        ------
        ValueError
            If valuations have another shape or are not finite, or the tolerance is not in [0, 1].

        References
        ----------
        .. [1] Hart & Nisan, "The Menu-Size Complexity of Auctions", EC 2013.
        """
        tolerance = check_number(tolerance, "tolerance", 0.0, 1.0)
        valuations = self._check(valuations, "n_buyers")
        least = (1 - tolerance) * self.revenue(valuations)
        menu = self
        while len(menu.prices) > 1:
            rows = range(1, len(menu.prices))
            fewer = [Menu(*(np.delete(part, row, axis=0) for part in menu)) for row in rows]
            best = max(fewer, key=lambda one: one.revenue(valuations))
            if best.revenue(valuations) < least:
                break
            menu = best
        return with_shares(menu, valuations)

    def _check_fits(self, auction, name):
        """Raise ValueError unless this may be the menu of a fitted auction."""
        if self.allocations.shape[1] != auction.n_items_:
            raise ValueError(
                f"{name} must be for {auction.n_items_} items; got {self.allocations.shape[1]}"
            )
        if self.prices[0] or self.allocations[0].any():
            raise ValueError(f"{name} must begin with nothing for nothing; got another row")
        check_shares(self.shares, f"shares of {name}")
        check_feasible(self.allocations[:, None], auction.demand, f"allocations of {name}")

    def _check(self, valuations, axis) -> np.ndarray:
        return check_numbers(valuations, "valuations", (axis, self.allocations.shape[1]))

    def to_frame(self, items: Sequence[str] | None = None) -> DataFrame:
        """Return the menu as a table with one row per option. Requires pandas.

        Parameters
        ----------
        items : sequence of str, default=None
            Names of the items. None numbers them.

        Returns
        -------
        pandas.DataFrame
            Columns ``item_0`` ... (probabilities), ``price`` (money) and ``share``. Names replace
            the numbers of the items.

        Raises
        ------
        ValueError
            If there is not one name per item.
        ImportError
            If pandas is not installed.
        """
        return make_frame(self._columns(items))

    def _columns(self, items=None):
        labels = check_labels(items, self.allocations.shape[1], "items")
        columns = {f"item_{label}": column for label, column in zip(labels, self.allocations.T)}
        return {**columns, "price": self.prices, "share": self.shares}

    def __str__(self):
        """Return one sentence per option."""
        prices = (format_money(price) if price > 0 else "nothing" for price in self.prices)
        lines = (f"{list_items(row)} for {price}." for row, price in zip(self.allocations, prices))
        return "\n".join(line[0].upper() + line[1:] for line in lines)


def make_menu(allocations, prices, support, valuations):
    """Return a menu without the rows that no valuation of the support chooses.

    A row of no item at price 0 is added. A row k that no sample chooses is kept if a linear
    program finds a valuation v in the support at which it is optimal:
    ``max t  s.t.  <v, x_k - x_j> - (p_k - p_j) >= t`` for all kept rows j. Prices are those of
    :func:`lower_to_values`.

    Parameters
    ----------
    allocations : ndarray of shape (n_rows, n_items)
    prices : ndarray of shape (n_rows,)
        Non-negative, in money.
    support : ndarray of shape (n_items, 2)
        Lowest and highest value of each item, in money.
    valuations : ndarray of shape (n_samples, n_items)
        Samples that ``shares`` are computed on.

    Returns
    -------
    Menu
    """
    prices = lower_to_values(allocations, prices, valuations)
    allocations = np.concatenate([np.zeros((1, allocations.shape[1])), allocations])
    prices = np.concatenate([[0.0], prices])
    table = np.unique(np.column_stack([prices, allocations]), axis=0)
    # The row without items stays first, before rows with items at price 0.
    prices, allocations = table[:, 0], table[:, 1:]
    menu = Menu(allocations, prices, np.zeros(len(prices)))
    chosen = np.bincount(menu.choose(valuations), minlength=len(prices)) > 0
    chosen[0] = True
    unseen = np.flatnonzero(~chosen)
    for row in unseen:
        chosen[row] = _is_best_somewhere(menu, row, chosen, support)
    # Rows kept later may dominate rows kept earlier.
    for row in unseen[chosen[unseen]]:
        chosen[row] = _is_best_somewhere(menu, row, chosen, support)
    menu = Menu(allocations[chosen], prices[chosen], np.zeros(chosen.sum()))
    return with_shares(menu, valuations)


def with_shares(menu, valuations):
    """Return the menu with the fractions of these valuations as ``shares``."""
    counts = np.bincount(menu.choose(valuations), minlength=len(menu.prices))
    return menu._replace(shares=counts / len(valuations))


def _is_best_somewhere(menu, row, kept, support):
    """Return whether a valuation of the support prefers a row to all kept rows."""
    money = max(support[:, 1].max(), menu.prices.max())
    differences = menu.allocations[kept] - menu.allocations[row]
    lead = np.column_stack([differences, np.ones(len(differences))])
    solution = linprog(
        np.append(np.zeros(len(support)), -1.0),
        A_ub=lead,
        b_ub=(menu.prices[kept] - menu.prices[row]) / money,
        bounds=[*(support / money), (None, 1.0)],
        method="highs",
    )
    return solution.status != 0 or -solution.fun > NEVER_BEST


def lower_to_values(allocations, prices, valuations):
    """Return prices that are nowhere above a sample's value of the row by rounding alone.

    A menu never sells at a loss. A price of 0.8 for two items would therefore lose the buyer with
    the values 0.7 and 0.1, whose sum is less than 0.8 in binary.

    Parameters
    ----------
    allocations : ndarray of shape (n_rows, n_items)
    prices : ndarray of shape (n_rows,)
        In money.
    valuations : ndarray of shape (n_samples, n_items)
        In money.

    Returns
    -------
    ndarray of shape (n_rows,)
        In money; lower than ``prices`` by at most :data:`SUMS_ROUNDING` of them.
    """
    lowered = prices.copy()
    for part in blocks((len(valuations), len(prices)), TABLE_ENTRIES):
        values = valuations[part]
        above = prices - values @ allocations.T
        buyers, rows = ((prices > 0) & (np.abs(above) <= SUMS_ROUNDING * prices)).nonzero()
        np.minimum.at(lowered, rows, lowest_worth(values[buyers], allocations[rows]))
    return lowered


def lowest_worth(valuations, allocations):
    """Return the values of allocations, the lower of sums in two orders of the items.

    The orders are those of the domain and of ``sum``, so that a payment of at most this value is
    at most the value that either computes.

    Parameters
    ----------
    valuations, allocations : ndarray of shape (n, n_items)

    Returns
    -------
    ndarray of shape (n,)
    """
    with np.errstate(over="ignore", invalid="ignore"):
        nothing_paid = np.zeros(len(valuations))
        worth = ADDITIVE.worth(valuations, (allocations, nothing_paid))
        return np.minimum(worth, (valuations * allocations).sum(axis=1))


def last_best(scores, prices):
    """Return the last of the rows with the best score for each buyer, up to rounding.

    Parameters
    ----------
    scores : ndarray of shape (n_buyers, n_rows)
        Utilities, or negative distances, in money; ``-inf`` leaves out a row.
    prices : ndarray of shape (n_rows,)
        In money. A difference from the best score of at most :data:`TIE` times the larger of value
        and price of the best row counts as a tie.

    Returns
    -------
    ndarray of int of shape (n_buyers,)
    """
    best = scores.argmax(axis=1)
    top = scores[np.arange(len(scores)), best]
    # The value is the sum of utility and price.
    ties = TIE * (np.abs(prices[best]) + np.maximum(top, 0.0))
    good = scores >= (top - ties)[:, None]
    return scores.shape[1] - 1 - good[:, ::-1].argmax(axis=1)


def list_items(shares, items=None):
    """Return the items in a row of probabilities as text; None numbers the items."""
    labels = range(len(shares)) if items is None else items
    names = [
        name_of("item", item) + ("" if share > 1 - 1e-9 else f" with probability {share:.3g}")
        for item, share in zip(labels, shares)
        if share > 1e-9
    ]
    return " and ".join(names) or "nothing"
