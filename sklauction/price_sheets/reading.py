"""Price sheets as arrays, as a DataFrame and as text."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from typing import Self

import numpy as np

from sklauction.domains.base import name_of
from sklauction.menu import list_items
from sklauction.utils.numbers import format_money
from sklauction.utils.tables import Tabular, Text, check_labels, html_of_columns, make_frame
from sklauction.utils.types import DataFrame
from sklauction.utils.validation import check_numbers

__all__ = ["SheetReading", "explain_auction"]


# Name of each field of a reading, and its axes after (n_samples, n_bidders).
FIELDS = {
    "item_prices": ("n_items",),
    "discounts": ("n_sizes",),
    "lottery_allocations": ("lottery_rows", "n_items"),
    "lottery_prices": ("lottery_rows",),
    "favourites": ("n_items",),
    "allocations": ("n_items",),
    "payments": (),
    "lost_clash": (),
    "regret_bounds": (),
}


class SheetReading(Tabular, namedtuple("SheetReading", list(FIELDS))):
    """Price sheets, favourite options and outcomes of bidders, in the unit of the bids.

    The sheet of a bidder depends on the others' bids only. Truthful bidding is therefore optimal
    for every bidder that gets its favourite option [1]_.

    Parameters
    ----------
    item_prices : ndarray of shape (n_samples, n_bidders, n_items)
        Price of each item for each bidder, in money.
    discounts : ndarray of shape (n_samples, n_bidders, n_sizes)
        Discount on the sum of item prices for 1 to n_sizes items together, in money.
    lottery_allocations : ndarray of shape (n_samples, n_bidders, lottery_rows, n_items)
        Probability of each item in each lottery.
    lottery_prices : ndarray of shape (n_samples, n_bidders, lottery_rows)
        Price of each lottery, in money; infinite if it is not on offer.
    favourites : ndarray of shape (n_samples, n_bidders, n_items)
        Option of the highest utility on each sheet, as probabilities.
    allocations : ndarray of shape (n_samples, n_bidders, n_items)
        Allocated probabilities.
    payments : ndarray of shape (n_samples, n_bidders)
        Payments, in money.
    lost_clash : ndarray of bool of shape (n_samples, n_bidders)
        Whether another bidder took an item of the favourite, at a loss of utility.
    regret_bounds : ndarray of shape (n_samples, n_bidders)
        Utility lost to clashes, an upper bound on ex-post regret, in money.

    Raises
    ------
    ValueError
        If a field does not hold finite numbers of its shape; lottery prices may be infinite. In
        :meth:`to_frame`, if there is not one name per bidder and item.
    ImportError
        In :meth:`to_frame`, if pandas is not installed.

    See Also
    --------
    sklauction.BundlePricingAuction.price_sheets : Returns a SheetReading.

    References
    ----------
    .. [1] Hammond, "Straightforward Individual Incentive Compatibility in Large
       Economies", Review of Economic Studies 46(2), 1979.

    Examples
    --------
    >>> from sklauction import BundlePricingAuction
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(500, n_bidders=2, n_items=2, random_state=0)
    >>> auction = BundlePricingAuction(n_bidders=2, max_iter=1, random_state=0).fit(V)
    >>> reading = auction.price_sheets([[[0.9, 0.9], [0.1, 0.1]]])
    >>> reading.item_prices.shape, reading.discounts.shape
    ((1, 2, 2), (1, 2, 2))
    >>> reading.allocations[0].tolist(), reading.lost_clash.tolist()
    ([[1.0, 1.0], [0.0, 0.0]], [[False, False]])
    """

    # Names of bidders and items, if the auction was fitted on named columns.
    names = None, None

    def __new__(
        cls,
        item_prices: np.ndarray,
        discounts: np.ndarray,
        lottery_allocations: np.ndarray,
        lottery_prices: np.ndarray,
        favourites: np.ndarray,
        allocations: np.ndarray,
        payments: np.ndarray,
        lost_clash: np.ndarray,
        regret_bounds: np.ndarray,
    ) -> Self:
        """Check the fields and convert them to arrays."""
        given, sizes, checked = locals(), {}, []
        for name, own in FIELDS.items():
            axes = ("n_samples", "n_bidders", *own)
            shape = [sizes.get(axis, axis) for axis in axes]
            array = check_numbers(given[name], name, shape, infinite=name == "lottery_prices")
            sizes |= zip(axes, array.shape)
            checked.append(array.astype(bool) if name == "lost_clash" else array)
        return super().__new__(cls, *checked)

    def to_frame(
        self, bidders: Sequence[str] | None = None, items: Sequence[str] | None = None
    ) -> DataFrame:
        """Return a DataFrame with one row per auction and bidder. Requires pandas.

        Parameters
        ----------
        bidders, items : sequence of str, default=None
            Names of the bidders and items. None takes those of the columns on which the auction
            was fitted, or numbers.

        Returns
        -------
        pandas.DataFrame
            Indexed by ``auction`` and ``bidder``. Items are counted from 0, sizes from 1. Names
            replace the numbers of bidders and items.

        Raises
        ------
        ValueError
            If there is not one name per bidder and item.
        ImportError
            If pandas is not installed.
        """
        return make_frame(self._columns(items), self._index(bidders))

    def _repr_html_(self):
        columns = self._index() | self._columns()
        return html_of_columns(type(self).__name__, columns, "rows, one per auction and bidder")

    def _index(self, bidders=None):
        """Return auction and bidder of each row."""
        n_samples, n_bidders = self.payments.shape
        labels = check_labels(self.names[0] if bidders is None else bidders, n_bidders, "bidders")
        auctions = np.repeat(np.arange(n_samples), n_bidders)
        return {"auction": auctions, "bidder": np.tile(labels, n_samples)}

    def _columns(self, items=None):
        items = self.names[1] if items is None else items
        labels = list(enumerate(check_labels(items, self.item_prices.shape[2], "items")))
        columns = {f"price_item_{label}": self.item_prices[..., j] for j, label in labels}
        for size in range(2, self.discounts.shape[2] + 1):
            columns[f"discount_{size}_items"] = self.discounts[..., size - 1]
        for row in range(self.lottery_prices.shape[2]):
            for j, label in labels:
                columns[f"lottery_{row}_item_{label}"] = self.lottery_allocations[..., row, j]
            columns[f"lottery_{row}_price"] = self.lottery_prices[..., row]
        for name, array in (("wants", self.favourites), ("gets", self.allocations)):
            columns |= {f"{name}_item_{label}": array[..., j] for j, label in labels}
        for name in ("payments", "lost_clash", "regret_bounds"):
            columns[name.removesuffix("s")] = getattr(self, name)
        return {name: array.ravel() for name, array in columns.items()}


def explain_auction(reading, bids, bidders=None, items=None):
    """Describe what each bidder of one auction is offered, takes and pays.

    Parameters
    ----------
    reading : SheetReading
        Of one auction.
    bids : ndarray of shape (n_bidders, n_items)
        In money.
    bidders, items : sequence of str, default=None
        Names of the bidders and items. None numbers them.

    Returns
    -------
    Text
        Three lines per bidder; a str that notebooks show line by line.
    """
    lines = []
    items = check_labels(items, bids.shape[1], "items")
    for bidder, label in enumerate(check_labels(bidders, len(bids), "bidders")):
        own = zip(items, bids[bidder])
        money = ", ".join(f"{format_money(bid)} for {name_of('item', item)}" for item, bid in own)
        lines.append(f"{name_of('Bidder', label)} bids {money}.")
        lines.append(f"  Is offered {_offer(reading, bidder, items)}.")
        lines.append(f"  {_taken(reading, bidder, items)}")
    return Text("\n".join(lines))


def _offer(reading, bidder, items):
    prices, discounts = reading.item_prices[0, bidder], reading.discounts[0, bidder]
    parts = [
        f"{name_of('item', item)} at {format_money(price)}" for item, price in zip(items, prices)
    ]
    for size in range(2, len(discounts)):
        off = discounts[size - 1]
        change = f"{format_money(abs(off))} {'off' if off >= 0 else 'more'}"
        parts.append(f"any {size} items for {change}")
    if len(discounts) > 1:
        parts.append(f"all {len(prices)} items at {format_money(prices.sum() - discounts[-1])}")
    lotteries = reading.lottery_allocations[0, bidder], reading.lottery_prices[0, bidder]
    for row, price in zip(*lotteries, strict=True):
        if np.isfinite(price):
            parts.append(f"a lottery of {list_items(row, items)} at {format_money(price)}")
    if len(discounts) < len(prices):
        parts.append("one item at most")
    return "; ".join(parts)


def _taken(reading, bidder, items):
    got, paid = reading.allocations[0, bidder], reading.payments[0, bidder]
    price = format_money(paid) if got.any() else "nothing"
    outcome = f"{list_items(got, items)} and pays {price}"
    if not reading.lost_clash[0, bidder]:
        return f"Takes {outcome}."
    wanted = list_items(reading.favourites[0, bidder], items)
    lost = reading.regret_bounds[0, bidder]
    return (
        f"Wanted {wanted}, of which another bidder took something; takes {outcome}, and is worse "
        f"off by {format_money(lost)}."
    )
