"""The menu of an affine maximizer, for people: as a table, in words."""

from collections import namedtuple

import numpy as np

from sklauction.menu import list_items
from sklauction.utils.numbers import say_money
from sklauction.utils.validation import check_numbers

__all__ = ["AllocationMenu"]

# Rows that are put into words.
ROWS_TOLD = 10
FIELDS = ["allocations", "boosts", "weights", "shares", "reserves"]


class AllocationMenu(namedtuple("AllocationMenu", FIELDS)):
    """What an affine maximizer chooses from.

    With bids b, the row with the largest ``sum_i w_i <b_i, a_i> + boost`` is carried out [1]_; rows
    may be lotteries [2]_.

    Parameters
    ----------
    allocations : array-like of shape (n_rows, n_bidders, n_items)
        Probability with which each bidder gets each item.
    boosts : array-like of shape (n_rows,)
        Added to a row's weighted welfare, in money; ascending.
    weights : array-like of shape (n_bidders,)
        Of each bidder's value in the welfare; without a unit.
    shares : array-like of shape (n_rows,)
        Share of the profiles seen in fit that end in the row.
    reserves : array-like of shape (n_bidders, n_items) or None
        Reserve prices in money. Given, the first row stands for selling every item by itself to
        the bidder with the highest ``w_i (b_ij - r_ij)``, if that is above 0: for all
        integral allocations, which would be too many to list.

    Raises
    ------
    ValueError
        If a field does not hold finite numbers in its shape.
    ImportError
        In :meth:`to_frame`, without pandas.

    See Also
    --------
    AffineMaximizerAuction : Learns it.

    References
    ----------
    .. [1] Roberts, "The Characterization of Implementable Choice Rules", 1979.
    .. [2] Curry, Sandholm & Dickerson, "Differentiable Economics for Randomized Affine
       Maximizer Auctions", IJCAI 2023.

    Examples
    --------
    One item, two bidders: nothing is sold unless the value of the winner is above 0.5.

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

    def __new__(cls, allocations, boosts, weights, shares, reserves):
        """Check the fields, and make arrays of them."""
        allocations = check_numbers(allocations, "allocations", ("n_rows", "n_bidders", "n_items"))
        n_rows, *sizes = allocations.shape
        boosts = check_numbers(boosts, "boosts", (n_rows,))
        weights = check_numbers(weights, "weights", (sizes[0],))
        shares = check_numbers(shares, "shares", (n_rows,))
        if reserves is not None:
            reserves = check_numbers(reserves, "reserves", tuple(sizes))
        return super().__new__(cls, allocations, boosts, weights, shares, reserves)

    def to_frame(self):
        """Return the menu as a table, one row per allocation. Needs pandas.

        Returns
        -------
        pandas.DataFrame
            Columns ``bidder_0_item_0`` ... (probabilities), ``boost`` (money) and ``share``.

        Raises
        ------
        ImportError
            Without pandas.
        """
        import pandas as pd

        _, n_bidders, n_items = self.allocations.shape
        columns = {
            f"bidder_{i}_item_{j}": self.allocations[:, i, j]
            for i in range(n_bidders)
            for j in range(n_items)
        }
        return pd.DataFrame({**columns, "boost": self.boosts, "share": self.shares})

    def __str__(self):
        """Say in words which rows are chosen most often."""
        order = np.argsort(-self.shares, kind="stable")
        order = order[self.shares[order] > 0]
        lines = [
            f"{len(self.boosts):,} rows, of which {len(order):,} were chosen in fit; weights "
            + ", ".join(f"{weight:.4g}" for weight in self.weights)
            + "."
        ]
        for row in order[:ROWS_TOLD]:
            gets = [
                f"bidder {bidder} gets {list_items(shares)}"
                for bidder, shares in enumerate(self.allocations[row])
                if shares.any()
            ]
            if row == 0 and self.reserves is not None:
                gets = [f"each item by itself, from {say_money(self.reserves.min())}"]
            lines.append(
                f"{self.shares[row]:.1%}: {'; '.join(gets) or 'nothing is sold'} "
                f"(boost {say_money(self.boosts[row])})."
            )
        return "\n".join(lines)
