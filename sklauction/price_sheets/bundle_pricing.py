"""BundlePricingAuction: every bidder buys from a price sheet that the others' bids write."""

import numpy as np

from sklauction.learned.auction import LearnedAuction
from sklauction.learned.training import resolve_device
from sklauction.price_sheets.certified import CertifiedAuction
from sklauction.price_sheets.net import PricingNet
from sklauction.price_sheets.rules import make_pricing_rules
from sklauction.utils.validation import (
    WIDEST_SUPPORT,
    check_choice,
    check_count,
    check_layer_sizes,
    check_memory,
    check_positive,
    check_prices,
    check_switch,
)

__all__ = ["OBJECTIVES", "BundlePricingAuction"]

OBJECTIVES = ("penalty", "certified")
UPDATES_PER_ITERATION = 100
# Of these there may be too many to be held.
MAKE_LARGE = ("n_starts", "batch_size", "lottery_rows")


class BundlePricingAuction(CertifiedAuction, LearnedAuction):
    """Learned price sheets: item prices and bundle discounts, with certified regret.

    For each bidder, a network turns the *others'* bids into a price sheet: a price per
    item, and a discount for every number of items bought together. The bidder gets its
    favourite set, found exactly by sorting. Since its own report does not touch its sheet,
    truth would be dominant [1]_, were it not that the favourites of two bidders may clash. A
    clash is settled inside the sheets: the bidders concerned choose in turn from what is
    left. So no report can give a bidder more than its favourite, and its regret is at most
    what the clash cost it: a bound that needs no search (:meth:`certify`). Training makes
    clashes rare: a few profiles in 100,000 for two bidders and two items.

    Parameters
    ----------
    n_bidders : int, default=1
        Bidders per auction.
    n_items : int, default=None
        Items per auction; None takes it from the data.
    demand : {"additive", "unit"}, default="additive"
        Whether a bidder values a set of items at the sum or wants at most one.
    support : array-like broadcastable to (n_bidders, n_items, 2), default=None
        Lowest and highest value, in money; None takes the range of the data.
    reserve : "auto" or array-like broadcastable to (n_bidders, n_items), default="auto"
        Where item prices start. "auto" starts from the threshold prices of a
        :class:`~sklauction.MyersonAuction` fitted on the same samples (pooled over bidders
        and items that are alike): the untrained auction is item-wise Myerson. Reserve
        prices in money start from second-price auctions with these reserves.
    lottery_rows : int, default=0
        Lotteries (probabilities of items at a price) per sheet, beside sets of items. Some
        priors need them: the optimum of U[4, 16] x U[4, 7] sells half of an item.
    symmetric : "auto" or bool, default="auto"
        Whether bidders are alike and items are alike. "auto" looks at the samples, for
        bidders and items each. Where they differ, every bidder has a network of its own and
        every item an embedding and a base price of its own.
    independent_bidders : "auto" or bool, default="auto"
        Whether a bidder's value in one profile may be combined with the others' in
        another in training. "auto" looks at rank correlations between bidders.
    objective : {"penalty", "certified"}, default="penalty"
        "penalty" maximises revenue less ``clash_cost`` for items given out twice.
        "certified" is ALGNet's loss ``-(sqrt(P) - sqrt(Rbar)) + Rbar`` with the regret
        bound as Rbar.
    clash_cost : (float, float), default=(2.0, 8.0)
        What an item given out twice costs under "penalty", in units of ``scale_``, at the
        beginning and the end of annealing. More makes clashes rarer and earns less.
    hidden_layer_sizes : tuple of int, default=(32, 32)
        Width of each layer of the network, per item.
    max_iter : int, default=100
        Iterations; each is 100 updates and one look at the held-out profiles.
    anneal_iter : int, default=None
        Iterations over which the step size falls and choices sharpen; beyond, training
        goes on at their last values. None is ``max_iter``. Give it where fits are to be
        continued: ``max_iter=2k`` is then bit for bit ``max_iter=k`` twice.
    batch_size : int, default=512
        Profiles per update.
    learning_rate_init : float, default=5e-3
        First step size of Adam; it falls to a hundredth along half a cosine.
    n_starts : int, default=1
        Networks trained from different first weights in one batched computation; the
        best by certified held-out score is kept.
    validation_fraction : float, default=0.1
        Share of the profiles held out, to choose the start and to notice overfitting;
        0 chooses by the training loss.
    n_iter_no_change : int, default=None
        Stop when the held-out score has not improved for so many iterations; None never.
    warm_start : bool, default=False
        Whether a second ``fit`` goes on from the first.
    random_state : int, RandomState instance or None, default=None
        Source of the seed from which every draw derives.
    verbose : int, default=0
        1 shows a progress bar.
    device : str, default="auto"
        "auto" takes a GPU where there is one; else a torch device.
    callbacks : list of skorch.callbacks.Callback, default=None
        Handed to skorch; an iteration is an epoch.
    checkpoint : str or path-like, default=None
        File into which fit writes its state, so that a killed fit can go on; see ``resume``.
        Needs the extra ``save``. Each fit needs a file of its own.
    checkpoint_every : int, default=1
        Iterations from one writing to the next.
    resume : bool, default=False
        Whether fit goes on from ``checkpoint``, if it is there and of the same parameters and
        valuations; it then ends as if it had never been stopped, on a CPU bit for bit.

    Attributes
    ----------
    mechanism_ : torch.nn.Module
        The fitted auction: bids to (allocations, payments), in money.
    n_iter_ : int
        Iterations done in all.
    history_ : list of dict
        Revenue, bound on total regret and score on held-out profiles, one row per iteration.
    n_items_, n_features_in_, scale_, support_ :
        See :class:`~sklauction.base.BaseAuction`.

    Raises
    ------
    ValueError
        In fit and partial_fit, if a parameter or X is not as described: so if ``reserve`` is
        neither "auto" nor finite non-negative prices that broadcast.
    NotFittedError
        In all other methods, before fit.

    See Also
    --------
    MyersonAuction : Where item prices start from.
    ALGNetAuction : The same network as ``architecture="pricing"``.
    sklauction.measure_regret : Shows the certificate beside what a search finds.

    Notes
    -----
    Reports above the support keep feasibility, individual rationality and the bound on
    regret: sheets depend on the others' reports only, whatever these are. GemNet [2]_ too sells
    by menus from the others' bids; it takes clashes out by changing the menus after training.

    References
    ----------
    .. [1] Hammond, "Straightforward Individual Incentive Compatibility in Large
       Economies", Review of Economic Studies 46(2), 1979 (an auction is truthful exactly
       when a bidder's menu does not depend on its report).
    .. [2] Wang et al., "GemNet: Menu-Based, Strategy-Proof Multi-Bidder Auctions Through
       Deep Learning", EC 2024.

    Examples
    --------
    >>> from sklauction import BundlePricingAuction
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(2000, n_bidders=2, n_items=2, random_state=0)
    >>> auction = BundlePricingAuction(n_bidders=2, max_iter=3, random_state=0).fit(V)
    >>> fresh = make_valuations(2000, n_bidders=2, n_items=2, random_state=1)
    >>> allocations, payments = auction.predict(fresh)
    >>> certificate = auction.certify(fresh)
    >>> certificate.mean_bound <= certificate.upper_bound
    True
    """

    def __init__(
        self,
        n_bidders=1,
        n_items=None,
        *,
        demand="additive",
        support=None,
        reserve="auto",
        lottery_rows=0,
        symmetric="auto",
        independent_bidders="auto",
        objective="penalty",
        clash_cost=(2.0, 8.0),
        hidden_layer_sizes=(32, 32),
        max_iter=100,
        anneal_iter=None,
        batch_size=512,
        learning_rate_init=5e-3,
        n_starts=1,
        validation_fraction=0.1,
        n_iter_no_change=None,
        warm_start=False,
        random_state=None,
        verbose=0,
        device="auto",
        callbacks=None,
        checkpoint=None,
        checkpoint_every=1,
        resume=False,
    ):
        self.n_bidders = n_bidders
        self.n_items = n_items
        self.demand = demand
        self.support = support
        self.reserve = reserve
        self.lottery_rows = lottery_rows
        self.symmetric = symmetric
        self.independent_bidders = independent_bidders
        self.objective = objective
        self.clash_cost = clash_cost
        self.hidden_layer_sizes = hidden_layer_sizes
        self.max_iter = max_iter
        self.anneal_iter = anneal_iter
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.n_starts = n_starts
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.device = device
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.resume = resume

    def _check_parameters(self):
        super()._check_parameters()
        check_choice(self.objective, "objective", OBJECTIVES)
        check_switch(self.symmetric, "symmetric")
        check_switch(self.independent_bidders, "independent_bidders")
        check_layer_sizes(self.hidden_layer_sizes, "hidden_layer_sizes")
        check_positive(self.learning_rate_init, "learning_rate_init")
        listed = isinstance(self.clash_cost, list | tuple | np.ndarray)
        if not (listed and getattr(self.clash_cost, "ndim", 1) == 1 and len(self.clash_cost) == 2):
            raise ValueError(f"clash_cost must be two positive numbers; got {self.clash_cost!r}")
        for cost in self.clash_cost:
            check_positive(cost, "clash_cost")
        check_count(self.lottery_rows, "lottery_rows", minimum=0)
        for name in ("batch_size", "n_starts"):
            check_count(getattr(self, name), name)
        for name in ("anneal_iter", "n_iter_no_change"):
            if getattr(self, name) is not None:
                check_count(getattr(self, name), name)
        self._first_reserve(None)

    def _first_reserve(self, shape):
        """Return the reserve as it is to start from, checked; prices broadcast to a shape."""
        if isinstance(self.reserve, str) and self.reserve == "auto":
            return self.reserve
        return check_prices(self.reserve, "reserve", "'auto'", shape)

    def _profile_shape(self, n_features):
        # Here, because only now the number of items is known and nothing is stored yet.
        shape = super()._profile_shape(n_features)
        self._first_reserve(shape)
        sizes = {name: getattr(self, name) for name in MAKE_LARGE}
        n_starts, batch_size, n_lotteries = map(int, sizes.values())
        check_memory(n_starts * batch_size * shape[0] * shape[1] * (2 + n_lotteries), sizes)
        return shape

    def _make_net(self, valuations, seed):
        reserve = self._first_reserve(valuations.shape[1:])
        if not isinstance(reserve, str) and reserve.max() > WIDEST_SUPPORT * self.scale_:
            raise ValueError(
                f"reserve must be at most {WIDEST_SUPPORT:g} times scale_, {self.scale_:.3g}; got "
                f"{reserve.max()}"
            )
        rules = make_pricing_rules(
            valuations,
            self.scale_,
            self.support_,
            demand=self.demand,
            hidden_layer_sizes=self.hidden_layer_sizes,
            objective=self.objective,
            clash_cost=self.clash_cost,
            anneal_updates=UPDATES_PER_ITERATION * int(self.anneal_iter or self.max_iter),
            reserve=reserve,
            lottery_rows=int(self.lottery_rows),
            symmetric=self.symmetric,
            independent_bidders=self.independent_bidders,
            n_starts=int(self.n_starts),
        )
        return PricingNet(
            rules,
            seed=seed,
            n_updates=UPDATES_PER_ITERATION,
            scale=self.scale_,
            support=self.support_,
            patience=self.n_iter_no_change,
            schedule="constant",
            average=False,
            lr=float(self.learning_rate_init),
            batch_size=int(self.batch_size),
            device=resolve_device(self.device),
            callbacks=self._net_callbacks(),
        )
