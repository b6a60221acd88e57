"""LinearProgramAuction: the revenue-optimal auction for finitely many types."""

import numpy as np

from sklauction.analytic.type_program import TypeProgram, program_size, solve_types
from sklauction.analytic.type_space import TypeSpace, bin_samples, read_types
from sklauction.base import BaseAuction
from sklauction.utils.validation import check_choice, check_count, check_positive, check_switch

__all__ = ["INCENTIVES", "LinearProgramAuction"]

INCENTIVES = ("dsic", "bic")
# Utilities, relative to the largest value, that count as equal: five times what the linear
# program leaves undecided.
TIE = 5e-7
# Share of an item that may be missing: twice what the program leaves undecided.
SUPPLY = 2e-7
# Entries of (profiles, own types, items) worked on at once.
CHUNK_ENTRIES = 1 << 20


class LinearProgramAuction(BaseAuction):
    """Automated mechanism design: the best auction for finitely many types.

    Allocations (lotteries included) and payments of every profile of types are the variables [1]_;
    feasibility, individual rationality and incentive compatibility are the constraints, expected
    revenue is the objective. The optimum is exact for these types, whatever their
    distribution: an oracle where no closed form is known.

    Parameters
    ----------
    n_bidders : int, default=1
        Bidders per auction.
    n_items : int, default=None
        Items per auction; None takes it from the data.
    demand : {"additive", "unit"}, default="additive"
        Whether a bidder values a set of items at the sum or wants at most one.
    types : array-like of shape (n_types, n_items), or list of n_bidders of these, default=None
        Values that a bidder may have, in money; one array serves all bidders. None takes
        the rows seen in fit where these are few, and the cells of a grid otherwise.
    probabilities : array-like of shape (n_types,), or list of n_bidders of these, default=None
        Of the given types, for each bidder independently; None makes them equally likely.
    n_bins : int, default=10
        Cells per item of the grid, where types come from samples. More are closer to a
        continuous prior, and cost memory and time: variables grow with
        ``n_bins ** (n_bidders * n_items)``.
    incentive : {"dsic", "bic"}, default="dsic"
        Whether truth is best whatever the others bid (dominant), or on average over their
        types (Bayesian).
    symmetric : "auto" or bool, default="auto"
        Whether bidders and items that have the same types and probabilities are treated
        alike, which changes nothing but the size of the program. True refuses types that
        are not alike.
    max_memory : float, default=4.0
        GiB that the program may take; larger ones are refused before anything is built.
    support : array-like broadcastable to (n_bidders, n_items, 2), default=None
        Lowest and highest report, in money; None takes the range of the data.

    Attributes
    ----------
    types_ : list of n_bidders ndarrays of shape (n_types_i, n_items)
        In money.
    probabilities_ : list of n_bidders ndarrays of shape (n_types_i,)
        Of each type; they sum to 1.
    revenue_ : float
        Expected revenue over the types, in money.
    upper_bound_ : float
        No auction for these types earns more (dual bound), in money.
    allocations_ : ndarray of shape (n_types_1, ..., n_types_n, n_bidders, n_items)
        Of every profile of types, as probabilities.
    payments_ : ndarray of shape (n_types_1, ..., n_types_n, n_bidders)
        Of every profile of types, in money.
    n_variables_, n_constraints_ : int
        Of the last program.
    n_items_, n_features_in_, scale_, support_ :
        See :class:`~sklauction.base.BaseAuction`.

    Raises
    ------
    ValueError
        In fit, if a parameter or X is not as described: so if the program would not fit into
        ``max_memory``, or ``symmetric=True`` meets types that are not alike.
    RuntimeError
        In fit, if HiGHS does not solve the program.
    NotFittedError
        In predict and score, before fit.

    See Also
    --------
    SingleBuyerAuction : Closed forms for one buyer.

    Notes
    -----
    Bids between types: a bidder may take whatever any type of its own would have got, the
    others' bids being rounded to the closest types, and takes its own closest type's option if
    no other is better for it. With one buyer that is exactly truthful. With several, two may want
    the same item; then they choose in turn, the first bidder first, from what is left. Truth
    stays dominant for bids on the types; between them a bidder may regret what it lost by a clash.

    References
    ----------
    .. [1] Conitzer & Sandholm, "Complexity of Mechanism Design", UAI 2002.

    Examples
    --------
    Yao's example, each of two values 1 or 2 with equal chances:

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

    def __init__(
        self,
        n_bidders=1,
        n_items=None,
        *,
        demand="additive",
        types=None,
        probabilities=None,
        n_bins=10,
        incentive="dsic",
        symmetric="auto",
        max_memory=4.0,
        support=None,
    ):
        self.n_bidders = n_bidders
        self.n_items = n_items
        self.demand = demand
        self.types = types
        self.probabilities = probabilities
        self.n_bins = n_bins
        self.incentive = incentive
        self.symmetric = symmetric
        self.max_memory = max_memory
        self.support = support

    def _check_parameters(self):
        super()._check_parameters()
        check_choice(self.incentive, "incentive", INCENTIVES)
        check_switch(self.symmetric, "symmetric")
        check_count(self.n_bins, "n_bins")
        check_positive(self.max_memory, "max_memory")
        if self.types is None and self.probabilities is not None:
            raise ValueError(
                "probabilities must be None where types is None, as they are of given types; got "
                f"{self.probabilities!r}"
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
        """Raise ValueError if the program would take too much memory."""
        n_types = [len(types) for types in space.types]
        n_variables, n_constraints, n_bytes = program_size(n_types, n_items, self.incentive)
        if n_bytes > float(self.max_memory) * 2**30:
            raise ValueError(
                f"the linear program for {' x '.join(map(str, n_types))} types must fit into "
                f"max_memory={self.max_memory:g} GiB; got {n_variables:,} variables and at least "
                f"{n_constraints:,} constraints, about {n_bytes / 2**30:.1f} GiB. Fewer types "
                "(n_bins) need less"
            )

    def _symmetries(self, space):
        bidders, items = space.bidders_alike(), space.items_alike()
        if isinstance(self.symmetric, str):
            return bidders, items
        if self.symmetric and not (bidders and items):
            raise ValueError(
                "symmetric=True needs the same types and probabilities for all bidders and items; "
                f"got bidders {'alike' if bidders else 'that differ'}, items "
                f"{'alike' if items else 'that differ'}"
            )
        return bool(self.symmetric), bool(self.symmetric)

    def _run(self, bids):
        size = max(1, CHUNK_ENTRIES // (max(map(len, self.types_)) * bids.shape[2]))
        parts = [self._sell(bids[k : k + size]) for k in range(0, len(bids), size)]
        allocations, payments = (np.concatenate(part) for part in zip(*parts, strict=True))
        return allocations, payments

    def _sell(self, bids):
        n_bidders = bids.shape[1]
        space = TypeSpace(self.types_, self.probabilities_)
        closest = space.closest(bids)
        left = np.ones((len(bids), bids.shape[2]))
        allocations, payments = np.zeros(bids.shape), np.zeros(bids.shape[:2])
        every = np.arange(len(bids))
        for bidder in range(n_bidders):
            options = np.moveaxis(self.allocations_[..., bidder, :], bidder, -2)
            prices = np.moveaxis(self.payments_[..., bidder], bidder, -1)
            others = tuple(closest[:, i] for i in range(n_bidders) if i != bidder)
            options, prices = options[others], prices[others]
            if n_bidders == 1:
                options, prices = options[None], prices[None]
            chosen = self._choose(bids[:, bidder], options, prices, left, closest[:, bidder])
            row = every if n_bidders > 1 else 0
            taken = chosen >= 0
            got = np.where(taken[:, None], options[row, chosen], 0.0)
            allocations[:, bidder] = got
            worth = (got * bids[:, bidder]).sum(axis=1)
            # A bid below its closest type may be worth less than that pays.
            payments[:, bidder] = np.where(taken, np.minimum(prices[row, chosen], worth), 0.0)
            left = np.maximum(left - got, 0.0)
        return allocations, payments

    def _choose(self, bids, options, prices, left, own):
        """Return each bidder's option: its own type's if none is better, -1 for nothing."""
        money = max(float(types.max()) for types in self.types_)
        if self.incentive == "bic":
            # Truth is best on average only: bidders are taken at their word.
            return own
        utilities = (options * bids[:, None]).sum(axis=2) - prices
        fits = (options <= left[:, None] + SUPPLY).all(axis=2)
        utilities = np.where(fits, utilities, -np.inf)
        best = np.maximum(utilities.max(axis=1), 0.0)
        good = utilities >= best[:, None] - TIE * money
        dearest = np.where(good, prices, -np.inf).argmax(axis=1)
        chosen = np.where(good[np.arange(len(bids)), own], own, dearest)
        return np.where(good.any(axis=1), chosen, -1)
