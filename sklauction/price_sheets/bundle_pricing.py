"""BundlePricingAuction: price sheets that depend on the other bidders' bids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sklauction.domains.auctions import Demand
from sklauction.learned.annealed_auction import AnnealedAuction
from sklauction.learned.parameter_docs import share_parameter_docs
from sklauction.price_sheets.certified import CertifiedAuction
from sklauction.price_sheets.net import PricingNet
from sklauction.price_sheets.rules import make_pricing_rules
from sklauction.price_sheets.saved import check_pricing
from sklauction.utils.constraints import (
    ANY,
    LAYER_SIZES,
    POSITIVE,
    SWITCH,
    choice,
    count,
    is_auto,
    pair,
)
from sklauction.utils.types import ArrayLike, Auto, Callbacks, FilePath, Seed, Switch
from sklauction.utils.validation import WIDEST_SUPPORT, check_memory, check_prices

__all__ = ["OBJECTIVES", "BundlePricingAuction"]

OBJECTIVES = ("penalty", "certified")
# Parameters that determine how much memory an update takes.
MEMORY_PARAMETERS = ("n_starts", "batch_size", "lottery_rows")


@share_parameter_docs
class BundlePricingAuction(CertifiedAuction, AnnealedAuction):
    """Learned item prices and bundle discounts for each bidder, with certified regret.

    A network maps the *others'* bids to the price sheet of a bidder: a price for each item and a
    discount for each number of items bought together. The bidder gets the set of the highest
    utility, which sorting finds exactly. As its own bid does not change its sheet, truthful
    bidding would be dominant [1]_ if the chosen sets were always disjoint. If they clash, the
    bidders choose in turn from the remaining items. No report gives a bidder more utility than
    its favourite set, so its regret is at most the utility lost to the clash. This bound needs no
    search (:meth:`certify`). Training makes clashes rare: a few profiles in 100,000 for two
    bidders and two items.

    Parameters
    ----------
    $sizes
    reserve : "auto" or array-like broadcastable to (n_bidders, n_items), default="auto"
        Initial item prices. "auto" starts from item-wise Myerson: the threshold prices of a
        :class:`~sklauction.MyersonAuction` fitted on the same samples, pooled over alike
        bidders and items. Prices, in money, start from second-price auctions with these
        reserve prices.
    lottery_rows : int, default=0
        Number of lotteries (probabilities of the items, and a price) per sheet, in addition to
        sets of items. Some priors need them: the optimum of U[4, 16] x U[4, 7] sells an item
        with probability one half.
    symmetric : "auto" or bool, default="auto"
        Whether bidders are alike and items are alike. "auto" tests the samples, separately
        for bidders and items. Bidders that differ have separate networks; items that differ
        have separate embeddings and base prices.
    independent_bidders : "auto" or bool, default="auto"
        Whether training may combine values of bidders from different profiles. "auto" tests
        the samples for dependence between bidders.
    objective : {"penalty", "certified"}, default="penalty"
        "penalty" maximises revenue minus ``clash_cost`` per item that is allocated twice.
        "certified" minimises ALGNet's loss ``-(sqrt(P) - sqrt(Rbar)) + Rbar``, where Rbar is
        the regret bound.
    clash_cost : (float, float), default=(2.0, 8.0)
        Cost of an item that is allocated twice under "penalty", in units of ``scale_``, at
        the beginning and the end of annealing. A higher cost makes clashes rarer and lowers
        revenue.
    hidden_layer_sizes : tuple of int, default=(32, 32)
        Width of each layer of the network, per item.
    max_iter : int, default=100
        Iterations of 100 updates, each followed by an evaluation on held-out profiles.
    anneal_iter : int, default=None
        Iterations over which the step size falls and choices sharpen; later iterations use
        the final values. None is ``max_iter``. Set it if the fit is to be continued: fitting
        twice with ``max_iter=k`` then equals ``max_iter=2k``, bit for bit.
    batch_size : int, default=512
        Profiles per update.
    learning_rate_init : float, default=5e-3
        Initial step size of Adam; it falls to a hundredth along half a cosine.
    n_starts : int, default=1
        Number of networks trained in parallel from different initial weights; the one with
        the best certified held-out score is kept.
    $training

    Attributes
    ----------
    mechanism_ : torch.nn.Module
        The auction as a torch module from bids to (allocations, payments), in money.
    history_ : list of dict
        Revenue, bound on total regret and score on held-out profiles, one row per iteration.
    $fitted

    Raises
    ------
    ValueError
        In fit and partial_fit, if a parameter or X is invalid.
    NotFittedError
        In all other methods, before fit.

    See Also
    --------
    MyersonAuction : The auction before training.
    ALGNetAuction : The same network with ``architecture="pricing"``.
    sklauction.measure_regret : Regret found by a search, with the certificate.

    Notes
    -----
    Feasibility, individual rationality and the regret bound also hold for reports above the
    support. GemNet [2]_ also sells by menus that depend on the others' bids; it removes clashes by
    changing the menus after training.

    References
    ----------
    .. [1] Hammond, "Straightforward Individual Incentive Compatibility in Large
       Economies", Review of Economic Studies 46(2), 1979.
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

    _parameter_constraints = {
        **AnnealedAuction._parameter_constraints,
        "reserve": ANY,
        "objective": choice(*OBJECTIVES),
        "independent_bidders": SWITCH,
        "clash_cost": pair(POSITIVE),
        "lottery_rows": count(0),
        "hidden_layer_sizes": LAYER_SIZES,
    }

    _saved = {**AnnealedAuction._saved, "mechanism_": check_pricing}

    def __init__(
        self,
        n_bidders: int | None = None,
        n_items: int | None = None,
        *,
        demand: Demand = "additive",
        support: ArrayLike | None = None,
        reserve: ArrayLike | Auto = "auto",
        lottery_rows: int = 0,
        symmetric: Switch = "auto",
        independent_bidders: Switch = "auto",
        objective: Literal["penalty", "certified"] = "penalty",
        clash_cost: Sequence[float] = (2.0, 8.0),
        hidden_layer_sizes: Sequence[int] = (32, 32),
        max_iter: int = 100,
        anneal_iter: int | None = None,
        batch_size: int = 512,
        learning_rate_init: float = 5e-3,
        n_starts: int = 1,
        validation_fraction: float = 0.1,
        n_iter_no_change: int | None = None,
        warm_start: bool = False,
        random_state: Seed = None,
        verbose: int = 0,
        device: str = "auto",
        callbacks: Callbacks = None,
        checkpoint: FilePath | None = None,
        checkpoint_every: int = 1,
        resume: bool = False,
    ) -> None:
        self._store(locals())

    def _check_parameters(self):
        super()._check_parameters()
        self._first_reserve(None)

    def _first_reserve(self, shape):
        """Return ``reserve`` after checks: "auto", or prices broadcast to a shape."""
        if is_auto(self.reserve):
            return self.reserve
        return check_prices(self.reserve, "reserve", "'auto'", shape)

    def _check_sizes(self, n_bidders, n_items):
        self._first_reserve((n_bidders, n_items))
        sizes = {name: getattr(self, name) for name in MEMORY_PARAMETERS}
        n_starts, batch_size, n_lotteries = map(int, sizes.values())
        check_memory(n_starts * batch_size * n_bidders * n_items * (2 + n_lotteries), sizes)

    def _classical_start(self):
        if self.domain.exclusive:
            return None
        return "MyersonAuction" if is_auto(self.reserve) else "VCGAuction"

    def _make_net(self, valuations, seed):
        reserve = self._first_reserve(valuations.shape[1:])
        if not is_auto(reserve) and reserve.max() > WIDEST_SUPPORT * self.scale_:
            raise ValueError(
                f"reserve must be at most {WIDEST_SUPPORT:g} * scale_ = "
                f"{WIDEST_SUPPORT * self.scale_:.3g}; got {reserve.max()}"
            )
        rules = make_pricing_rules(
            valuations,
            self.scale_,
            self.support_,
            demand=self.demand,
            hidden_layer_sizes=self.hidden_layer_sizes,
            objective=self.objective,
            clash_cost=self.clash_cost,
            anneal_updates=self._anneal_updates(),
            reserve=reserve,
            lottery_rows=int(self.lottery_rows),
            symmetric=self.symmetric,
            independent_bidders=self.independent_bidders,
            n_starts=int(self.n_starts),
        )
        return PricingNet(rules, **self._net_settings(seed))
