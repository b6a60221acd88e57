"""TwoPlayerMechanism: a mechanism of any domain, learned as a two-player game."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sklauction.domains.base import Domain, require
from sklauction.learned.auction import LearnedMechanism
from sklauction.learned.parameter_docs import share_parameter_docs
from sklauction.two_player.family import NETWORK_CLASS, TwoPlayerBase, check_game_mechanism
from sklauction.two_player.networks import DECIDERS
from sklauction.utils.constraints import SWITCH, Constraint, choice
from sklauction.utils.types import ArrayLike, Auto, Callbacks, FilePath, Seed, Switch

__all__ = ["TwoPlayerMechanism"]


@share_parameter_docs
class TwoPlayerMechanism(TwoPlayerBase):
    """A mechanism of any domain, learned as a game of a designer against misreporters.

    A network maps reports to outcomes of the domain. It maximises the domain's objective and is
    penalised for the regret that misreporters find [1]_, as RegretNet is [2]_. The outcome is
    feasible by construction. Truth-telling is approximate: use
    :func:`~sklauction.measure_regret` to measure regret. For auctions,
    :class:`~sklauction.ALGNetAuction` has better networks.

    Parameters
    ----------
    domain : Domain
        What agents report, what is decided, and what is wanted. It states the number of agents.
    support : array-like broadcastable to (n_agents, n_entries, 2), default=None
        Lowest and highest report of an agent. None means the range of the samples.
    architecture : "mlp" or type, default="mlp"
        Network of the designer. "mlp": a dense network whose outputs the domain turns into
        outcomes by its method ``decide``. A class of torch.nn.Module is called with (n_agents,
        n_entries), and maps reports of shape (n, n_agents, n_entries), in units of ``scale_``, to
        the fields of outcomes, which must satisfy the rules of the domain.
    $game_network
    objective : {"lagrangian", "square_root", "score", "budget"}, default="lagrangian"
        Loss of the designer, as in :class:`~sklauction.ALGNetAuction` and
        :class:`~sklauction.RegretNetAuction`. All but "lagrangian" need a domain whose objective
        is at least 0.
    lambda_init, lambda_every, rho_init, rho_increment, rho_every : default=1, 10, 10, 50, 1000
        First weight of the regret of each agent, number of updates between its increases, and
        first value, increment and number of updates between increments of the step of these
        increases, for "lagrangian".
    max_iter : int, default=30
        Iterations of 100 updates of the designer, each followed by an audit on held-out profiles.
    batch_size : int or "auto", default="auto"
        Profiles per update.
    $game_adam
    n_shared_reports, n_local_reports, n_proposals, n_ascents, n_refine_steps : int or "auto", \
            default="auto"
        Numbers of misreports of each kind; see :class:`~sklauction.ALGNetAuction`.
    n_remembered : int, default=4
        Number of the best misreports of the last update that are tried again.
    n_cached_steps, cached_step_size : int and float, default=0 and 0.1
        Gradient-ascent steps on a cached report of each training profile, and their size.
    independent_agents : "auto" or bool, default="auto"
        Whether an agent's type in one profile can be combined with the types of the others in
        another profile. "auto" tests the samples.
    $training

    Attributes
    ----------
    mechanism_ : torch.nn.Module
        The fitted mechanism: reports to the fields of outcomes.
    history_ : list of dict
        One row per iteration: objective, total regret and score on held-out profiles, and training
        averages.
    n_iter_ : int
        Number of iterations done.
    n_features_in_, scale_, support_ :
        See :class:`~sklauction.base.BaseMechanism`.

    Raises
    ------
    ValueError
        In fit and partial_fit, if a parameter or X is not as described, or the domain lacks what
        the network needs.
    NotFittedError
        In all other methods, before fit.

    See Also
    --------
    sklauction.domains.base.Domain : How to define a domain.

    References
    ----------
    .. [1] Rahme, Jelassi & Weinberg, "Auction Learning as a Two-Player Game",
       ICLR 2021.
    .. [2] Golowich, Narasimhan & Parkes, "Deep Learning for Multi-Facility Location Mechanism
       Design", IJCAI 2018, which trains a RegretNet without money.

    Examples
    --------
    Two people choose one of three places by lottery. With scores of the places from the network,
    ``decide`` makes chances of them.

    >>> from collections import namedtuple
    >>> import numpy as np
    >>> from sklauction import TwoPlayerMechanism
    >>> from sklauction.domains import Domain, Outcome
    >>> class Lottery(Outcome, namedtuple("Lottery", ["chances"])):
    ...     __slots__ = ()
    >>> class ThreePlaces(Domain):
    ...     shape = (2, 3)
    ...     outcome_class = Lottery
    ...
    ...     def fields(self, n_agents, n_entries):
    ...         return {"chances": (n_entries,)}
    ...
    ...     def worth(self, types, part):
    ...         return (types * part[0]).sum(-1)
    ...
    ...     def n_scores(self, n_agents, n_entries):
    ...         return n_entries
    ...
    ...     def decide(self, scores, reports):
    ...         return [scores.softmax(dim=1)]
    >>> values = np.random.default_rng(0).uniform(size=(1000, 2, 3))
    >>> chosen = TwoPlayerMechanism(ThreePlaces(), max_iter=1, random_state=0).fit(values)
    >>> chosen.predict(values[:2]).chances.sum(axis=1).round(6)
    array([1., 1.])
    """

    _parameter_constraints = {
        "domain": Constraint(lambda value: isinstance(value, Domain), "a Domain"),
        **TwoPlayerBase._parameter_constraints,
        "architecture": choice(*DECIDERS) | NETWORK_CLASS,
        "independent_agents": SWITCH,
    }
    _saved = {**LearnedMechanism._saved, "mechanism_": check_game_mechanism}

    def __init__(
        self,
        domain: Domain,
        *,
        support: ArrayLike | None = None,
        architecture: Literal["mlp"] | type = "mlp",
        hidden_layer_sizes: Sequence[int] = (32, 32, 32),
        activation: Literal["silu", "tanh", "relu"] = "silu",
        objective: Literal["lagrangian", "square_root", "score", "budget"] = "lagrangian",
        lambda_init: float = 1.0,
        lambda_every: int = 10,
        rho_init: float = 10.0,
        rho_increment: float = 50.0,
        rho_every: int = 1000,
        max_iter: int = 30,
        batch_size: int | Auto = "auto",
        learning_rate_init: float = 0.01,
        learning_rate: Literal["invscaling", "constant"] = "invscaling",
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        average: bool = True,
        n_shared_reports: int | Auto = "auto",
        n_local_reports: int | Auto = "auto",
        n_proposals: int | Auto = "auto",
        n_ascents: int | Auto = "auto",
        n_refine_steps: int | Auto = "auto",
        n_remembered: int = 4,
        n_cached_steps: int = 0,
        cached_step_size: float = 0.1,
        independent_agents: Switch = "auto",
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

    @property
    def independent_bidders(self) -> Switch:
        """Value of ``independent_agents``, by the name that all games use."""
        return self.independent_agents

    def _check_parameters(self):
        super()._check_parameters()
        if self.domain.shape[0] is None:
            raise ValueError(
                f"{type(self).__name__} needs a domain whose shape states the number of agents; "
                f"got {self.domain!r}. For auctions use ALGNetAuction"
            )
        if isinstance(self.architecture, str):
            require(self.domain, f"architecture={self.architecture!r}", "decide", "n_scores")
