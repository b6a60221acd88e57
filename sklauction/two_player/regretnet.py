"""RegretNetAuction: RegretNet and other regret-based auctions with a penalty schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sklauction.domains.auctions import Demand
from sklauction.learned.parameter_docs import share_parameter_docs
from sklauction.two_player.family import TwoPlayerAuction
from sklauction.utils.types import ArrayLike, Callbacks, FilePath, Seed, Switch

__all__ = ["REGRETFORMER_PUBLISHED", "REGRETNET_PUBLISHED", "RegretNetAuction"]

# Published configurations, as parameters of RegretNetAuction. Source: the released code of Duetting
# et al. (ICML 2019). The schedule is that of one bidder and two items. Other schedules:
# 3x10: rho_increment=1, hidden_layer_sizes=(100,) * 5.
# 5x10: lambda_init=1, rho_init=0.25, rho_increment=0.25, rho_every=100_000, and the same layers.
REGRETNET_PUBLISHED = {
    "architecture": "mlp",
    "hidden_layer_sizes": (100, 100),
    "activation": "tanh",
    "batch_size": 128,
    "learning_rate": "constant",
    "learning_rate_init": 1e-3,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "average": False,
    "max_iter": 4000,
    "n_iter_no_change": None,
    "n_cached_steps": 25,
    "cached_step_size": 0.1,
    "objective": "lagrangian",
    "lambda_init": 5.0,
    "lambda_every": 100,
    "rho_init": 1.0,
    "rho_increment": 50.0,
    "rho_every": 10_000,
}
# Sizes are within the ranges of the paper. The budget falls tenfold in two thirds of training.
REGRETFORMER_PUBLISHED = {
    "architecture": "attention",
    "hidden_layer_sizes": (64, 64),
    "activation": "tanh",
    "batch_size": 512,
    "learning_rate": "constant",
    "learning_rate_init": 1e-3,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "average": False,
    "max_iter": 2000,
    "n_iter_no_change": None,
    "n_cached_steps": 50,
    "cached_step_size": 0.1,
    "objective": "budget",
    "regret_budget": 1e-3,
    "budget_rate": 0.5,
    "budget_decay": 0.1 ** (1 / 133_333),
}


@share_parameter_docs
class RegretNetAuction(TwoPlayerAuction):
    """Auction learned under an augmented Lagrangian or a budget of regret.

    The auctioneer maximises revenue minus a penalty on the regret of the misreports found. The
    weight of the penalty follows a schedule. With suitable parameters this is

    * RegretNet [1]_: ``RegretNetAuction(**REGRETNET_PUBLISHED)``;
    * EquivariantNet [2]_: ``architecture="equivariant"``;
    * RegretFormer [3]_: ``RegretNetAuction(**REGRETFORMER_PUBLISHED)``, or, with the default
      sizes, ``architecture="attention", objective="budget"``.

    By default the networks are smaller and training is shorter than published, so that a fit takes
    minutes. The auction is feasible and individually rational for any weights. It is approximately
    truthful; the remaining regret depends on the schedule, which must be tuned to the setting.

    Parameters
    ----------
    $sizes
    architecture : {"mlp", "equivariant", "attention"} or type, default="mlp"
        See :class:`~sklauction.ALGNetAuction`; there are no price sheets.
    $game_network
    objective : {"lagrangian", "budget", "square_root", "score"}, default="lagrangian"
        Loss of the auctioneer, for revenue P and regrets R_i with sum R. "lagrangian":
        ``-P + sum_i lambda_i R_i + rho / 2 sum_i R_i^2``. "budget": ``-P + gamma R``, where gamma
        increases while ``R / P`` is above the budget. The others are those of
        :class:`~sklauction.ALGNetAuction`.
    lambda_init : float, default=5.0
        Initial multiplier ``lambda_i`` of each bidder's regret.
    lambda_every : int, default=100
        Number of updates after which ``lambda_i`` increases by ``rho R_i``.
    rho_init : float, default=1.0
        Initial weight ``rho`` of squared regret, in units of 1 / ``scale_``.
    rho_increment : float, default=50.0
        Increment of ``rho``.
    rho_every : int, default=250
        Number of updates after which ``rho`` increases. Published runs, which are 40 times as
        long, use 10,000.
    regret_budget : float, default=1e-3
        Final budget: total regret as a share of revenue. The initial budget is ten times as large.
    budget_rate : float, default=0.5
        Gamma changes by this times ``log(R / P) - log(budget)`` after each update.
    budget_decay : float, default=0.99965
        Factor of the budget per update, until it reaches ``regret_budget``.
    $game_iterations
    batch_size : int, default=128
        Profiles per update.
    $game_adam
    $cached_reports
    n_shared_reports, n_local_reports : int, default=0
        Reports added to those cached; see :class:`~sklauction.ALGNetAuction`.
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
        (``n_cached_steps``, ``n_shared_reports`` and ``n_local_reports`` are 0), or if the outcomes
        of your own network are not feasible and individually rational.
    NotFittedError
        In predict and score, before fit.

    See Also
    --------
    ALGNetAuction : One loss without a schedule for all settings.

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019, sections 3.2
       and 4.
    .. [2] Rahme et al., "A Permutation-Equivariant Neural Network Architecture For
       Auction Design", AAAI 2021.
    .. [3] Ivanov, Safiulin, Filippov & Balabaeva, "Optimal-er Auctions through Attention",
       NeurIPS 2022.

    Examples
    --------
    >>> from sklauction import RegretNetAuction
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(1000, n_bidders=2, n_items=2, random_state=0)
    >>> auction = RegretNetAuction(n_bidders=2, max_iter=1, random_state=0).fit(V)
    >>> allocations, payments = auction.predict(V[:3])
    >>> allocations.shape, payments.shape
    ((3, 2, 2), (3, 2))
    """

    def __init__(
        self,
        n_bidders: int | None = None,
        n_items: int | None = None,
        *,
        demand: Demand = "additive",
        support: ArrayLike | None = None,
        architecture: Literal["mlp", "equivariant", "attention"] | type = "mlp",
        hidden_layer_sizes: Sequence[int] = (100, 100),
        activation: Literal["silu", "tanh", "relu"] = "tanh",
        objective: Literal["lagrangian", "budget", "square_root", "score"] = "lagrangian",
        lambda_init: float = 5.0,
        lambda_every: int = 100,
        rho_init: float = 1.0,
        rho_increment: float = 50.0,
        rho_every: int = 250,
        regret_budget: float = 1e-3,
        budget_rate: float = 0.5,
        budget_decay: float = 0.99965,
        symmetric: Switch = "auto",
        max_iter: int = 100,
        batch_size: int = 128,
        learning_rate_init: float = 1e-3,
        learning_rate: Literal["invscaling", "constant"] = "constant",
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        average: bool = False,
        n_cached_steps: int = 5,
        cached_step_size: float = 0.1,
        n_shared_reports: int = 0,
        n_local_reports: int = 0,
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
