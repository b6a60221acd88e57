"""LinearProgramAuction: the revenue-optimal auction for finitely many types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from sklauction.analytic.type_program import TypeProgram, program_size, solve_types
from sklauction.analytic.type_space import TypeSpace, bin_samples, read_types
from sklauction.base import BaseAuction
from sklauction.domains.auctions import Demand
from sklauction.economics import check_feasible
from sklauction.menu import lowest_worth
from sklauction.utils.batching import blocks, join
from sklauction.utils.constraints import ANY, POSITIVE, SWITCH, choice, count, number
from sklauction.utils.saving import check_array, check_list
from sklauction.utils.types import ArrayLike, Switch

__all__ = ["INCENTIVES", "LinearProgramAuction"]

INCENTIVES = ("dsic", "bic")
# Differences in utility, relative to the largest value, that count as ties: five times the
# tolerance of HiGHS.
TIE = 5e-7
# Share of an item by which an option may exceed the supply: twice the tolerance of HiGHS.
SUPPLY = 2e-7
# Entries of a block of (profiles, own types, items).
DISTANCE_ENTRIES = 1 << 20


def check_types(auction, value, name):
    """Check saved types: an array for each bidder."""
    check_list(value, name, auction.n_bidders_)
    for types in value:
        check_array(types, name, [None, auction.n_items_], least=0)


def check_probabilities(auction, value, name):
    """Check saved probabilities of the types."""
    check_list(value, name, auction.n_bidders_)
    for types, probabilities in zip(auction.types_, value):
        check_array(probabilities, name, [len(types)], least=0)
        if abs(probabilities.sum() - 1) > 1e-6:
            raise ValueError(f"{name} must sum to 1; got {probabilities.sum()}")


def check_allocations(auction, value, name):
    """Check saved allocations at each profile of types."""
    check_array(value, name, [*map(len, auction.types_), auction.n_bidders_, auction.n_items_])
    check_feasible(value, auction.demand, name)


def check_payments(auction, value, name):
    """Check saved payments at each profile of types."""
    check_array(value, name, [*map(len, auction.types_), auction.n_bidders_])


class LinearProgramAuction(BaseAuction):
    """Automated mechanism design: the optimal auction for finitely many types.

    A linear program [1]_ maximises expected revenue over the allocations (including lotteries) and
    payments of every profile of types, subject to feasibility, individual rationality and
    incentive compatibility. The optimum is exact for these types under any distribution.

    Parameters
    ----------
    n_bidders : int, default=None
        Number of bidders; inferred from the data if None. A flat X needs it, unless its columns
        name the bidders.
    n_items : int, default=None
        Number of items; inferred from the data if None.
    demand : {"additive", "unit"} or Auction, default="additive"
        Whether a bidder values a set of items at the sum of its values, or wants one item only.
    types : array-like of shape (n_types, n_items), or list of n_bidders of these, default=None
        Possible values of each bidder, in money; a single array applies to all bidders. If None,
        the types are those of the samples if these are few, and otherwise cells of a grid.
    probabilities : array-like of shape (n_types,), or list of n_bidders of these, default=None
        Probabilities of the given types, independent across bidders; uniform if None.
    n_bins : int, default=10
        Number of grid cells per item if types come from samples. More cells approximate a
        continuous prior better, but the number of variables grows with
        ``n_bins ** (n_bidders * n_items)``.
    incentive : {"dsic", "bic"}, default="dsic"
        Whether truthful bidding is optimal for all bids of the others (dominant strategies), or
        on average over their types (Bayesian).
    symmetric : "auto" or bool, default="auto"
        Whether to use the symmetry of bidders and items that have the same types and
        probabilities. This only makes the program smaller. True raises an error if the types
        are not symmetric.
    max_memory : float, default=4.0
        Limit of the estimated memory of the program, in GiB.
    support : array-like broadcastable to (n_bidders, n_items, 2), default=None
        Lowest and highest report, in money; the range of the data if None.

    Attributes
    ----------
    types_ : list of n_bidders ndarrays of shape (n_types_i, n_items)
        Types, in money.
    probabilities_ : list of n_bidders ndarrays of shape (n_types_i,)
        Probabilities of the types.
    revenue_ : float
        Expected revenue over the types, in money.
    upper_bound_ : float
        Value of the dual program, in money. No auction for these types earns more.
    allocations_ : ndarray of shape (n_types_1, ..., n_types_n, n_bidders, n_items)
        Allocation probabilities of each profile of types.
    payments_ : ndarray of shape (n_types_1, ..., n_types_n, n_bidders)
        Payments of each profile of types, in money.
    n_variables_, n_constraints_ : int
        Size of the last program.
    n_items_, n_features_in_, scale_, support_ :
        See :class:`~sklauction.base.BaseAuction`.

    Raises
    ------
    ValueError
        In fit, if a parameter or X is invalid, the program exceeds ``max_memory``, or the types
        are not symmetric despite ``symmetric=True``.
    RuntimeError
        In fit, if HiGHS does not solve the program.
    NotFittedError
        In predict and score, before fit.

    See Also
    --------
    SingleBuyerAuction : Closed forms for one buyer.

    Notes
    -----
    For bids between types, the others' bids are rounded to their closest types, and the bidder
    chooses the best of the outcomes of its types; ties go to its closest type. Utilities that
    differ by at most 5e-7 times the largest value of a type are tied, as HiGHS solves the program
    no more accurately. With one bidder this is truthful up to such ties. Several bidders may choose
    the same item; they then choose in turn from the remaining supply, in their order. Truthful
    bidding stays dominant for bids on the types, but between types such conflicts can cause regret.

    References
    ----------
    .. [1] Conitzer & Sandholm, "Complexity of Mechanism Design", UAI 2002.

    Examples
    --------
    Yao's example, where each of two values is 1 or 2 with equal probability:

    >>> from sklauction import LinearProgramAuction
    >>> from sklauction.datasets import load_setting
    >>> V = load_setting("additive_yao_2x2").sample(200, random_state=0)
    >>> types = [[1, 1], [1, 2], [2, 1], [2, 2]]
    >>> auction = LinearProgramAuction(n_bidders=2, types=types).fit(V)
    >>> round(auction.revenue_, 6)
    3.125
    >>> bayesian = LinearProgramAuction(n_bidders=2, types=types, incentive="bic").fit(V)
    >>> round(bayesian.revenue_, 6)
    3.1875
    """

    _parameter_constraints = {
        **BaseAuction._parameter_constraints,
        "types": ANY,
        "probabilities": ANY,
        "incentive": choice(*INCENTIVES),
        "n_bins": count(),
        "symmetric": SWITCH,
        "max_memory": POSITIVE,
    }

    _saved = {
        **BaseAuction._saved,
        "revenue_": number(),
        "types_": check_types,
        "probabilities_": check_probabilities,
        "allocations_": check_allocations,
        "payments_": check_payments,
        "upper_bound_": number(),
        "n_variables_": count(0),
        "n_constraints_": count(0),
    }

    def __init__(
        self,
        n_bidders: int | None = None,
        n_items: int | None = None,
        *,
        demand: Demand = "additive",
        types: ArrayLike | Sequence[ArrayLike] | None = None,
        probabilities: ArrayLike | Sequence[ArrayLike] | None = None,
        n_bins: int = 10,
        incentive: Literal["dsic", "bic"] = "dsic",
        symmetric: Switch = "auto",
        max_memory: float = 4.0,
        support: ArrayLike | None = None,
    ) -> None:
        self._store(locals())

    def _check_parameters(self):
        super()._check_parameters()
        if self.types is None and self.probabilities is not None:
            raise ValueError(
                f"probabilities must be None if types is None; got {self.probabilities!r}"
            )

    def _fit(self, valuations):
        n_bidders, n_items = valuations.shape[1:]
        if self.types is None:
            space = bin_samples(valuations, self.n_bins)
        else:
            space = read_types(self.types, self.probabilities, n_bidders, n_items)
        self._check_size(space, n_items)
        alike_bidders, alike_items = self._symmetries(space)
        program = TypeProgram(
            space.types, space.weights(), self.demand, self.incentive, alike_bidders, alike_items
        )
        solution = solve_types(program)
        self.types_, self.probabilities_ = space.types, space.probabilities
        self.allocations_, self.payments_ = solution.allocations, solution.payments
        self.revenue_, self.upper_bound_ = solution.revenue, solution.upper_bound
        self.n_variables_, self.n_constraints_ = solution.n_variables, solution.n_constraints

    def _check_size(self, space, n_items):
        """Raise ValueError if the program exceeds ``max_memory``."""
        n_types = [len(types) for types in space.types]
        n_variables, n_constraints, n_bytes = program_size(n_types, n_items, self.incentive)
        if n_bytes > float(self.max_memory) * 2**30:
            raise ValueError(
                f"max_memory must be at least {n_bytes / 2**30:.1f} GiB for "
                f"{' x '.join(map(str, n_types))} types ({n_variables:,} variables and at least "
                f"{n_constraints:,} constraints); got {self.max_memory:g}. Reduce n_bins or types"
            )

    def _symmetries(self, space):
        """Return whether to use the symmetry of bidders, and of items."""
        bidders, items = space.bidders_alike(), space.items_alike()
        if isinstance(self.symmetric, str):
            return bidders, items
        if self.symmetric and not (bidders and items):
            raise ValueError(
                "symmetric must be 'auto' or False unless bidders and items have equal types and "
                f"probabilities; got {'equal' if bidders else 'different'} bidders and "
                f"{'equal' if items else 'different'} items"
            )
        return bool(self.symmetric), bool(self.symmetric)

    def _run(self, bids):
        shape = (len(bids), max(map(len, self.types_)), bids.shape[2])
        parts = blocks(shape, DISTANCE_ENTRIES)
        return join(((part, self._sell(bids[part])) for part in parts), len(bids))

    def _sell(self, bids):
        """Return allocations and payments; bidders choose in turn from what is left."""
        n_bidders = bids.shape[1]
        closest = TypeSpace(self.types_, self.probabilities_).closest(bids)
        left = np.ones((len(bids), bids.shape[2]))
        allocations, payments = np.zeros(bids.shape), np.zeros(bids.shape[:2])
        for bidder in range(n_bidders):
            options = np.moveaxis(self.allocations_[..., bidder, :], bidder, -2)
            prices = np.moveaxis(self.payments_[..., bidder], bidder, -1)
            # One row for each profile of the others; without others, one row for all profiles.
            others = tuple(closest[:, i] for i in range(n_bidders) if i != bidder) or (None,)
            options, prices = options[others], prices[others]
            chosen = self._choose(bids[:, bidder], options, prices, left, closest[:, bidder])
            row = np.arange(len(options))
            taken = chosen >= 0
            got = np.where(taken[:, None], options[row, chosen], 0.0)
            allocations[:, bidder] = got
            worth = lowest_worth(bids[:, bidder], got)
            # A bid below its closest type may be worth less than the payment of that type.
            payments[:, bidder] = np.where(taken, np.minimum(prices[row, chosen], worth), 0.0)
            left = np.maximum(left - got, 0.0)
        return allocations, payments

    def _choose(self, bids, options, prices, left, own):
        """Return the type whose option each bidder chooses, -1 for none; ties go to ``own``."""
        if self.incentive == "bic":
            # Truthful bidding is optimal on average only, so a better option is not offered.
            return own
        money = max(float(types.max()) for types in self.types_)
        utilities = self.domain.worth(bids[:, None], (options, prices))
        fits = (options <= left[:, None] + SUPPLY).all(axis=2)
        utilities = np.where(fits, utilities, -np.inf)
        best = np.maximum(utilities.max(axis=1), 0.0)
        good = utilities >= best[:, None] - TIE * money
        highest_price = np.where(good, prices, -np.inf).argmax(axis=1)
        chosen = np.where(good[np.arange(len(bids)), own], own, highest_price)
        return np.where(good.any(axis=1), chosen, -1)
