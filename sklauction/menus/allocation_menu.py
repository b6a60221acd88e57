"""The fitted menu of an affine maximizer, printable and as a DataFrame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

from sklauction.economics import check_feasible
from sklauction.menu import list_items
from sklauction.utils.numbers import format_money
from sklauction.utils.saving import check_shares, savable
from sklauction.utils.tables import Tabular, check_labels, html_of_columns, make_frame
from sklauction.utils.types import ArrayLike, DataFrame
from sklauction.utils.validation import check_numbers

__all__ = ["AllocationMenu"]

# Number of rows printed.
N_PRINTED = 10


class _Rows(NamedTuple):
    allocations: np.ndarray
    boosts: np.ndarray
    weights: np.ndarray
    shares: np.ndarray
    reserves: np.ndarray | None


@savable
class AllocationMenu(Tabular, _Rows):
    """Menu of randomised allocations of an affine maximizer auction.

    At bids b, the auction chooses the row with the largest ``sum_i w_i <b_i, a_i> + boost``
    [1]_. Rows may be lotteries [2]_.

    Parameters
    ----------
    allocations : array-like of shape (n_rows, n_bidders, n_items)
        Probability that each bidder gets each item.
    boosts : array-like of shape (n_rows,)
        Added to the weighted welfare of the row, in money; ascending.
    weights : array-like of shape (n_bidders,)
        Weight of each bidder's value in the welfare; dimensionless.
    shares : array-like of shape (n_rows,)
        Share of the training profiles for which the row is chosen.
    reserves : array-like of shape (n_bidders, n_items) or None
        Reserve prices, in money. If given, the first row represents all integral allocations,
        which are too many to list: each item goes to the bidder with the highest
        ``w_i (b_ij - r_ij)`` if that is positive.

    Raises
    ------
    ValueError
        If a field does not hold finite numbers of its shape; in :meth:`to_frame`, if there is not
        one name per bidder and item.
    ImportError
        In :meth:`to_frame`, if pandas is not installed.

    See Also
    --------
    AffineMaximizerAuction : Learns such a menu.

    References
    ----------
    .. [1] Roberts, "The Characterization of Implementable Choice Rules", 1979.
    .. [2] Curry, Sandholm & Dickerson, "Differentiable Economics for Randomized Affine
       Maximizer Auctions", IJCAI 2023.

    Examples
    --------
    One item, two bidders and a reserve price of 0.5:

    >>> import numpy as np
    >>> from sklauction import AllocationMenu
    >>> menu = AllocationMenu(
    ...     allocations=np.array([[[1.0], [0.0]], [[0.0], [1.0]], [[0.0], [0.0]]]),
    ...     boosts=np.array([0.0, 0.0, 0.5]),
    ...     weights=np.ones(2),
    ...     shares=np.array([0.375, 0.375, 0.25]),
    ...     reserves=None,
    ... )
    >>> print(menu)
    3 rows, of which 3 were chosen in fit; weights 1, 1.
    37.5%: bidder 0 gets item 0 (boost 0).
    37.5%: bidder 1 gets item 0 (boost 0).
    25.0%: nothing is sold (boost 0.5).
    """

    __slots__ = ()

    def __new__(
        cls,
        allocations: ArrayLike,
        boosts: ArrayLike,
        weights: ArrayLike,
        shares: ArrayLike,
        reserves: ArrayLike | None,
    ) -> Self:
        """Check the fields and convert them to arrays."""
        allocations = check_numbers(allocations, "allocations", ("n_rows", "n_bidders", "n_items"))
        n_rows, *sizes = allocations.shape
        boosts = check_numbers(boosts, "boosts", (n_rows,))
        weights = check_numbers(weights, "weights", (sizes[0],))
        shares = check_numbers(shares, "shares", (n_rows,))
        if reserves is not None:
            reserves = check_numbers(reserves, "reserves", tuple(sizes))
        return super().__new__(cls, allocations, boosts, weights, shares, reserves)

    def _check_fits(self, auction, name):
        """Raise ValueError unless the menu fits a fitted auction."""
        sizes = auction.n_bidders_, auction.n_items_
        if self.allocations.shape[1:] != sizes:
            raise ValueError(
                f"{name} must have (n_bidders, n_items) = {sizes}; got {self.allocations.shape[1:]}"
            )
        check_shares(self.shares, f"shares of {name}")
        check_feasible(self.allocations, auction.demand, f"allocations of {name}")

    def to_frame(
        self, bidders: Sequence[str] | None = None, items: Sequence[str] | None = None
    ) -> DataFrame:
        """Return the menu as a DataFrame with one row per allocation. Requires pandas.

        Parameters
        ----------
        bidders, items : sequence of str, default=None
            Names of the bidders and items. None numbers them.

        Returns
        -------
        pandas.DataFrame
            Columns ``bidder_0_item_0`` ... (probabilities), ``boost`` (money) and ``share``. Names
            replace the numbers of bidders and items.

        Raises
        ------
        ValueError
            If there is not one name per bidder and item.
        ImportError
            If pandas is not installed.
        """
        return make_frame(self._columns(bidders, items))

    def _columns(self, bidders=None, items=None):
        n_bidders, n_items = self.allocations.shape[1:]
        bidders = check_labels(bidders, n_bidders, "bidders")
        items = check_labels(items, n_items, "items")
        columns = {
            f"bidder_{bidder}_item_{item}": self.allocations[:, i, j]
            for i, bidder in enumerate(bidders)
            for j, item in enumerate(items)
        }
        return {**columns, "boost": self.boosts, "share": self.shares}

    def _repr_html_(self):
        """Return a table of the rows that are chosen most often."""
        order = self._most_chosen()
        columns = {name: column[order] for name, column in self._numbered().items()}
        return html_of_columns(self._heading(), columns, "rows chosen in fit")

    def __str__(self):
        """Describe the rows that are chosen most often, one per line."""
        lines = [self._describe(row) for row in self._most_chosen()[:N_PRINTED]]
        return "\n".join([self._heading(), *lines])

    def _most_chosen(self):
        """Return the rows that are chosen, most frequent first."""
        order = np.argsort(-self.shares, kind="stable")
        return order[self.shares[order] > 0]

    def _heading(self):
        n_rows, n_chosen = len(self.shares), np.count_nonzero(self.shares > 0)
        weights = ", ".join(f"{weight:.4g}" for weight in self.weights)
        return f"{n_rows:,} rows, of which {n_chosen:,} were chosen in fit; weights {weights}."

    def _describe(self, row):
        """Return one row as a sentence."""
        gets = [
            f"bidder {bidder} gets {list_items(shares)}"
            for bidder, shares in enumerate(self.allocations[row])
            if shares.any()
        ]
        if row == 0 and self.reserves is not None:
            gets = [f"each item by itself, from {format_money(self.reserves.min())}"]
        return (
            f"{self.shares[row]:.1%}: {'; '.join(gets) or 'nothing is sold'} "
            f"(boost {format_money(self.boosts[row])})."
        )
