"""One buyer's menu, for people: as a table, in words, without rows that change nothing."""

from collections import namedtuple

import numpy as np
from scipy.optimize import linprog

from sklauction.utils.numbers import near_one, say_money
from sklauction.utils.validation import check_number, check_numbers

__all__ = ["Menu", "list_items", "make_menu"]

# Rows within so much of the best, relative to the dearest row, count as equally good.
TIE = 1e-9
# Lead, in the same unit, below which the linear program calls a row never best: ten times
# its own tolerance, so that no row is pruned that is best somewhere.
NEVER_BEST = -1e-6
# Entries of (valuations, rows) worked on at once.
CHUNK_ENTRIES = 1 << 18


class Menu(namedtuple("Menu", ["allocations", "prices", "shares"])):
    """A price list for one buyer: lotteries over items, each at a price.

    The first row is nothing for nothing. A buyer who takes its favourite row gains nothing by
    a lie, and every truthful auction for one buyer is such a list [1]_.

    Parameters
    ----------
    allocations : array-like of shape (n_rows, n_items)
        Probability of each item.
    prices : array-like of shape (n_rows,)
        In money, ascending.
    shares : array-like of shape (n_rows,)
        Share of the valuations seen in fit that choose the row.

    Raises
    ------
    ValueError
        If a field does not hold finite numbers in its shape, or prices do not ascend; in
        :meth:`choose`, :meth:`revenue` and :meth:`simplify`, if valuations do not have the
        menu's number of items.
    ImportError
        In :meth:`to_frame`, without pandas.

    See Also
    --------
    MenuDisplay : Draws the regions in which each row is taken.

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

    def __new__(cls, allocations, prices, shares):
        """Check the fields, and make arrays of them."""
        allocations = check_numbers(allocations, "allocations", ("n_options", "n_items"))
        prices = check_numbers(prices, "prices", allocations.shape[:1])
        shares = check_numbers(shares, "shares", allocations.shape[:1])
        if (prices[1:] < prices[:-1]).any():
            raise ValueError(f"prices must be ascending; got {prices.tolist()}")
        return super().__new__(cls, allocations, prices, shares)

    def choose(self, valuations):
        """Return the favourite row of each valuation; of equally good ones the dearest.

        Parameters
        ----------
        valuations : array-like of shape (n_samples, n_items)
            In money.

        Returns
        -------
        ndarray of int of shape (n_samples,)
            Index of the row, of ``allocations`` and ``prices``.

        Raises
        ------
        ValueError
            If valuations do not have this shape, or are not finite numbers.
        """
        axes = ("n_samples", self.allocations.shape[1])
        valuations = check_numbers(valuations, "valuations", axes)
        tie = TIE * max(self.prices.max(), np.finfo(float).tiny)
        chosen = np.empty(len(valuations), dtype=int)
        size = max(1, CHUNK_ENTRIES // len(self.prices))
        for start in range(0, len(valuations), size):
            with np.errstate(over="ignore", invalid="ignore"):
                utilities = valuations[start : start + size] @ self.allocations.T - self.prices
            if not np.isfinite(utilities).all():
                raise ValueError("valuations must be small enough for sums in double precision")
            good = utilities >= utilities.max(axis=1, keepdims=True) - tie
            chosen[start : start + size] = len(self.prices) - 1 - good[:, ::-1].argmax(axis=1)
        return chosen

    def revenue(self, valuations):
        """Return the mean price paid by buyers with these valuations, in money.

        Parameters
        ----------
        valuations : array-like of shape (n_samples, n_items)
            In money, of at least one buyer.

        Returns
        -------
        float
            Money per buyer.

        Raises
        ------
        ValueError
            If valuations do not have this shape, or are not finite numbers.
        """
        axes = ("n_buyers", self.allocations.shape[1])
        valuations = check_numbers(valuations, "valuations", axes)
        prices, exponent = near_one(self.prices)  # sums of large ones would overflow
        return float(np.ldexp(prices[self.choose(valuations)].mean(), exponent))

    def simplify(self, valuations, tolerance=1e-3):
        """Return a menu with fewer rows that earns nearly as much.

        Rows are dropped one by one, that with the least loss of revenue first, while the
        revenue stays within ``tolerance`` of this menu's, relatively. Whatever is dropped,
        the menu stays exactly truthful. How much few rows can earn is the question of [1]_.

        Parameters
        ----------
        valuations : array-like of shape (n_samples, n_items)
            Buyers on whom revenue is compared, in money; at least one.
        tolerance : float, default=1e-3
            Largest share of the revenue that may be lost.

        Returns
        -------
        Menu
            A new one, whose ``shares`` are those of ``valuations``.

        Raises
        ------
        ValueError
            If valuations do not have this shape, or are not finite numbers, or the tolerance is
            not in [0, 1].

        References
        ----------
        .. [1] Hart & Nisan, "The Menu-Size Complexity of Auctions", EC 2013.
        """
        tolerance = check_number(tolerance, "tolerance", 0.0, 1.0)
        axes = ("n_buyers", self.allocations.shape[1])
        valuations = check_numbers(valuations, "valuations", axes)
        least = (1 - tolerance) * self.revenue(valuations)
        menu = self
        while len(menu.prices) > 1:
            fewer = [menu._without(row) for row in range(1, len(menu.prices))]
            best = max(fewer, key=lambda one: one.revenue(valuations))
            if best.revenue(valuations) < least:
                break
            menu = best
        shares = np.bincount(menu.choose(valuations), minlength=len(menu.prices))
        return menu._replace(shares=shares / len(valuations))

    def _without(self, row):
        return Menu(*(np.delete(part, row, axis=0) for part in self))

    def to_frame(self):
        """Return the menu as a table, one row per option. Needs pandas.

        Returns
        -------
        pandas.DataFrame
            Columns ``item_0`` ... (probabilities), ``price`` (money) and ``share``.

        Raises
        ------
        ImportError
            Without pandas.
        """
        import pandas as pd

        columns = {f"item_{j}": column for j, column in enumerate(self.allocations.T)}
        return pd.DataFrame({**columns, "price": self.prices, "share": self.shares})

    def __str__(self):
        """Say in words what is offered, one line per option."""
        offers = zip(self.allocations, self.prices, strict=True)
        lines = (f"{list_items(row)} for {_money(price)}." for row, price in offers)
        return "\n".join(line[0].upper() + line[1:] for line in lines)


def make_menu(allocations, prices, support, valuations):
    """Return a menu without the rows that no valuation of the support chooses.

    Nothing for nothing is added. A row that no sample chooses is kept if a linear program
    finds a valuation in the box at which it is best:
    ``max t  s.t.  <v, x_k - x_j> - (p_k - p_j) >= t`` for all rows j that are kept.

    Parameters
    ----------
    allocations : ndarray of shape (n_rows, n_items)
    prices : ndarray of shape (n_rows,)
        Not negative, in money.
    support : ndarray of shape (n_items, 2)
        Lowest and highest value of each item, in money.
    valuations : ndarray of shape (n_samples, n_items)
        Samples, for the shares.

    Returns
    -------
    Menu
    """
    allocations = np.concatenate([np.zeros((1, allocations.shape[1])), allocations])
    prices = np.concatenate([[0.0], prices])
    table = np.unique(np.column_stack([prices, allocations]), axis=0)
    # Nothing for nothing stays the first row, before free items, if there are any.
    prices, allocations = table[:, 0], table[:, 1:]
    menu = Menu(allocations, prices, np.zeros(len(prices)))
    chosen = np.bincount(menu.choose(valuations), minlength=len(prices)) > 0
    chosen[0] = True
    unseen = np.flatnonzero(~chosen)
    for row in unseen:
        chosen[row] = _is_best_somewhere(menu, row, chosen, support)
    # Once more, as later rows may leave no room for earlier ones.
    for row in unseen[chosen[unseen]]:
        chosen[row] = _is_best_somewhere(menu, row, chosen, support)
    menu = Menu(allocations[chosen], prices[chosen], np.zeros(chosen.sum()))
    shares = np.bincount(menu.choose(valuations), minlength=len(menu.prices))
    return menu._replace(shares=shares / len(valuations))


def _is_best_somewhere(menu, row, kept, support):
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


def list_items(shares):
    """Say in words which items a row of probabilities holds."""
    names = [
        f"item {item}" if share > 1 - 1e-9 else f"item {item} with probability {share:.3g}"
        for item, share in enumerate(shares)
        if share > 1e-9
    ]
    return " and ".join(names) or "nothing"


def _money(price):
    return say_money(price) if price > 0 else "nothing"
