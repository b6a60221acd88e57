"""ALGNetAuction: an auctioneer network trained against a misreporter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sklauction.domains.auctions import Demand
from sklauction.learned.parameter_docs import share_parameter_docs
from sklauction.price_sheets.certified import CertifiedAuction
from sklauction.price_sheets.net import PricingNet
from sklauction.price_sheets.rules import make_pricing_rules
from sklauction.price_sheets.saved import check_pricing
from sklauction.two_player.family import NETWORK_CLASS, TwoPlayerAuction, check_game_mechanism
from sklauction.two_player.networks import AUCTIONEERS
from sklauction.utils.constraints import choice
from sklauction.utils.types import ArrayLike, Auto, Callbacks, FilePath, Seed, Switch

__all__ = ["ALGNET_PUBLISHED", "ALGNetAuction"]

# The published configuration, as parameters of ALGNetAuction. Source: the configuration files of a
# public re-implementation of Rahme et al. (ICLR 2021), not compared with the paper's appendix. The
# hidden layers are 50x3 for up to 2 bidders and 1x10, 100x3 for 3x10 and 200x7 for 5x10. max_iter
# is 2400 for 2x2 and 5x10.
ALGNET_PUBLISHED = {
    "architecture": "mlp",
    "hidden_layer_sizes": (50, 50, 50),
    "activation": "tanh",
    "batch_size": 500,
    "learning_rate": "constant",
    "learning_rate_init": 1e-3,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "average": False,
    "payments": "fraction",
    "max_iter": 1600,
    "n_iter_no_change": None,
    "n_shared_reports": 0,
    "n_local_reports": 0,
    "n_proposals": 1,
    "n_ascents": 0,
    "n_refine_steps": 0,
    "n_remembered": 0,
    "n_misreporter_updates": 100,
    "misreporter_reset_every": 800,
    "misreporter_reset_until": 40000,
}


# Step size of price sheets, as a share of learning_rate_init. `benchmarks/algnet_quality.py
# --settings additive_2x2_uniform --parameters '{"architecture": "pricing"}'`, seed 0: P* is 0.8747,
# and 0.8693 with a share of 1; BundlePricingAuction has 0.8759.
SHEET_RATE = 0.25


def check_mechanism(auction, value, name):
    """Check a saved mechanism, whose class depends on ``architecture``."""
    check = check_pricing if auction._by_price_sheets() else check_game_mechanism
    check(auction, value, name)


@share_parameter_docs
class ALGNetAuction(CertifiedAuction, TwoPlayerAuction):
    """Revenue-maximising auction learned as a two-player game.

    An auctioneer network sets allocations and payments, and a misreporter searches for profitable
    misreports [1]_. The auctioneer minimises ``-(sqrt(P) - sqrt(R)) + R``, where P is the revenue
    and R the total regret of the misreports found. This loss has no weights or schedules, so the
    same defaults are used for all settings. The auction is feasible and individually rational for
    any weights. It is approximately truthful: use :func:`~sklauction.measure_regret` to measure
    its regret.

    Parameters
    ----------
    $sizes
    architecture : {"equivariant", "mlp", "attention", "pricing"} or type, default="equivariant"
        Network of the auctioneer.

        * "equivariant": exchangeable layers [2]_.
        * "mlp": the dense networks of the paper [1]_.
        * "attention": attention over items and over bidders, as in RegretFormer [3]_.
        * "pricing": price sheets, see below.
        * A class of torch.nn.Module, called with (n_bidders, n_items). The module maps bids of
          shape (n, n_bidders, n_items), in units of ``scale_``, to feasible allocations of the
          same shape and individually rational payments of shape (n, n_bidders). Its random
          weights are drawn again from ``random_state``.
    $game_network
    payments : {"envelope", "fraction"}, default="envelope"
        Form of the payments. "fraction", as published: a learned fraction of the reported value.
        "envelope": the payments that would make the allocation truthful if its scores were linear
        in the bidder's own bid, with a learned correction. Training then starts from a soft
        second-price auction of each item, which is exactly truthful.
    objective : {"square_root", "score", "lagrangian", "budget"}, default="square_root"
        Loss of the auctioneer. "square_root": ``-(sqrt(P) - sqrt(R)) + R``. "score":
        ``-(sqrt(P) - sqrt(R))``. The others are those of :class:`~sklauction.RegretNetAuction`
        with the published schedules.
    $game_iterations
    batch_size : int or "auto", default="auto"
        Profiles per update. "auto" is 8 in small settings (see Notes). Otherwise it is 128 /
        ``n_bidders``, but at least 16 and at most 64.
    $game_adam
    n_shared_reports : int or "auto", default="auto"
        **Shared reports:** the number of values of other profiles in each group. Each is a
        misreport for the other values of the group. If bidders are independent, its own regret
        is computed, too. "auto" is 39 in small settings, otherwise 0.
    n_local_reports : int or "auto", default="auto"
        **Local reports:** the number of random perturbations of valuations in each group. "auto"
        is 16 in small settings, otherwise 4.
    n_proposals : int or "auto", default="auto"
        **Proposed reports:** the number of valuations per group for which the misreporter network
        proposes a report. "auto" is 0 in small settings, otherwise 1.
    n_ascents : int or "auto", default="auto"
        **Ascended reports:** the number of valuations per group from which gradient ascent on
        the bidder's utility starts; all of the group, if it has fewer. "auto" is 40 in small
        settings, otherwise 1.
    n_refine_steps : int or "auto", default="auto"
        Gradient-ascent steps of ascended and proposed reports. The misreporter network is trained
        to predict the best report found. With 0, as published, it maximises the utility of its
        proposals, and there are no ascended reports. "auto" is 1 in small settings, otherwise 3.
    n_remembered : int, default=4
        **Remembered reports:** the number of misreports per bidder with the highest gains in the
        last update, which are tried in all groups.
    $cached_reports
    n_misreporter_updates : int, default=1
        Updates of the misreporter network per auctioneer update, if ``n_refine_steps`` is 0.
    misreporter_reset_every : int, default=0
        Number of updates after which the misreporter network is reset to new random weights. With
        0 it is never reset.
    misreporter_reset_until : int, default=40000
        Update from which the misreporter network is no longer reset.
    $independence
    $training

    Attributes
    ----------
    $game_fitted
    $fitted

    Raises
    ------
    ValueError
        In fit and partial_fit, if a parameter or X is not as described, if there are no misreports
        (all numbers of reports are 0), or if the outcomes of your own network are not feasible and
        individually rational.
    AttributeError
        In certify, explain, price_sheets and regret_bounds, unless ``architecture="pricing"``.
    NotFittedError
        In all other methods, before fit.

    See Also
    --------
    MyersonAuction : Optimal for one item, exactly truthful.
    sklauction.measure_regret : Estimates the regret of an auction.

    Notes
    -----
    **Misreports.** For each profile of a batch and each bidder there is a group of reports; the
    other bidders report their valuations. The parameters from ``n_shared_reports`` to
    ``cached_step_size`` set how many reports of each kind are in a group. All kinds can be
    combined, and 0 disables one.

    **Small settings.** Automatic batch size and numbers of reports depend on whether the setting
    is small: whether it has independent bidders and at most 3 items, and ``n_shared_reports`` is
    not 0. In small settings, values of other profiles are close to the best misreports.

    **Price sheets.** ``architecture="pricing"`` trains the auction of
    :class:`~sklauction.BundlePricingAuction` with this loss. Its best misreports are known, so R is
    a bound on regret, and there is no misreporter: its parameters, ``activation``, ``payments``
    and ``objective`` have no effect. ``symmetric="auto"`` tests the samples. A batch has
    ``batch_size * (1 + n_shared_reports + n_local_reports)`` profiles, and the step size is a
    quarter of ``learning_rate_init``.

    **Published configuration.** ``ALGNetAuction(**ALGNET_PUBLISHED)`` is the published game. The
    defaults have the same loss. They differ in that more misreports are searched per update,
    training starts from a truthful auction (``payments``), and the step size decreases, which
    reduces the regret caused by the noise of small batches. In all configurations initial scores
    increase with the bid, and the weights with the best score on held-out profiles are used.

    References
    ----------
    .. [1] Rahme, Jelassi & Weinberg, "Auction Learning as a Two-Player Game",
       ICLR 2021.
    .. [2] Rahme et al., "A Permutation-Equivariant Neural Network Architecture For
       Auction Design", AAAI 2021.
    .. [3] Ivanov, Safiulin, Filippov & Balabaeva, "Optimal-er Auctions through Attention",
       NeurIPS 2022.

    Examples
    --------
    >>> from sklauction import ALGNetAuction
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(1000, n_bidders=2, n_items=2, random_state=0)
    >>> auction = ALGNetAuction(n_bidders=2, n_items=2, max_iter=1, random_state=0).fit(V)
    >>> allocations, payments = auction.predict(V[:3])
    >>> allocations.shape, payments.shape
    ((3, 2, 2), (3, 2))
    """

    _parameter_constraints = {
        **TwoPlayerAuction._parameter_constraints,
        "architecture": choice(*AUCTIONEERS, "pricing") | NETWORK_CLASS,
    }

    _saved = {**TwoPlayerAuction._saved, "mechanism_": check_mechanism}

    def __init__(
        self,
        n_bidders: int | None = None,
        n_items: int | None = None,
        *,
        demand: Demand = "additive",
        support: ArrayLike | None = None,
        architecture: Literal["equivariant", "mlp", "attention", "pricing"] | type = "equivariant",
        hidden_layer_sizes: Sequence[int] = (32, 32, 32),
        activation: Literal["silu", "tanh", "relu"] = "silu",
        payments: Literal["envelope", "fraction"] = "envelope",
        objective: Literal["square_root", "score", "lagrangian", "budget"] = "square_root",
        symmetric: Switch = "auto",
        max_iter: int = 100,
        batch_size: int | Auto = "auto",
        learning_rate_init: float = 0.02,
        learning_rate: Literal["invscaling", "constant"] = "invscaling",
        beta_1: float = 0.97,
        beta_2: float = 0.995,
        average: bool = True,
        n_shared_reports: int | Auto = "auto",
        n_local_reports: int | Auto = "auto",
        n_proposals: int | Auto = "auto",
        n_ascents: int | Auto = "auto",
        n_refine_steps: int | Auto = "auto",
        n_remembered: int = 4,
        n_cached_steps: int = 0,
        cached_step_size: float = 0.1,
        n_misreporter_updates: int = 1,
        misreporter_reset_every: int = 0,
        misreporter_reset_until: int = 40000,
        independent_bidders: Switch = "auto",
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

    def _by_price_sheets(self):
        return self.architecture == "pricing"

    def _make_net(self, valuations, seed):
        if not self._by_price_sheets():
            return super()._make_net(valuations, seed)
        settings = self._net_settings(seed)
        rules = make_pricing_rules(
            valuations,
            self.scale_,
            self.support_,
            demand=self.demand,
            hidden_layer_sizes=self.hidden_layer_sizes,
            objective="certified",
            anneal_updates=None,
            symmetric=self.symmetric,
            independent_bidders=self.independent_bidders,
        )
        names = ("batch_size", "n_shared_reports", "n_local_reports")
        batch, *others = (self._resolve(name, rules.independent_bidders) for name in names)
        settings["lr"] *= SHEET_RATE
        return PricingNet(rules, batch_size=batch * (1 + sum(others)), **settings)
