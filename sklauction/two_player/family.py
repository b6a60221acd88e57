"""Base classes of ALGNetAuction and RegretNetAuction, and of games in other domains."""

import inspect
from dataclasses import fields

import numpy as np
import torch

from sklauction.learned.auction import LearnedAuction, LearnedMechanism
from sklauction.mechanism import mechanism_of
from sklauction.two_player.game import GameRules, TwoPlayerNet
from sklauction.two_player.heads import PAYMENTS
from sklauction.two_player.layers import ACTIVATIONS
from sklauction.two_player.networks import AUCTIONEERS, NetworkDesign, find_network
from sklauction.two_player.objectives import OBJECTIVES
from sklauction.two_player.own_network import check_own
from sklauction.utils.constraints import (
    AUTO,
    FLAG,
    FRACTION,
    LAYER_SIZES,
    NONE,
    POSITIVE,
    SWITCH,
    Constraint,
    choice,
    count,
    is_auto,
    number,
)
from sklauction.utils.module_checks import building, check_same_module, check_standardisation
from sklauction.utils.sample_tests import bidders_look_independent
from sklauction.utils.validation import check_memory

__all__ = ["NETWORK_CLASS", "TwoPlayerAuction", "TwoPlayerBase", "check_game_mechanism"]

# Values of "auto": for up to FEW_ITEMS items of independent bidders, where values of other profiles
# are close to the best misreports, and otherwise, where these are found by refinement.
FEW_ITEMS = 3
AUTO_VALUES = {
    "batch_size": (8, None),
    "n_shared_reports": (39, 0),
    "n_local_reports": (16, 4),
    "n_proposals": (0, 1),
    "n_ascents": (40, 1),
    "n_refine_steps": (1, 3),
}
# The other automatic batch size is GROUPS / n_bidders, within limits.
GROUPS, FEWEST_PROFILES, MOST_PROFILES = 128, 16, 64
# Number of profiles on which the outcomes of a user's network are checked before training.
N_CHECKED = 64

# Upper limit of some parameters, so that products stay within float32.
MOST = 1e12
# Parameters that determine how much memory an update takes.
MAKE_LARGE = ("batch_size", "n_shared_reports", "n_local_reports", "n_remembered")
SOURCES = ("n_shared_reports", "n_local_reports", "n_proposals", "n_cached_steps")


NETWORK_CLASS = Constraint(
    lambda value: inspect.isclass(value) and issubclass(value, torch.nn.Module),
    "a class of torch.nn.Module",
)


def check_game_mechanism(auction, value, name):
    """Check a saved mechanism: parameters determine all of it but weights and standardisation."""
    make = find_network(auction.architecture, auction.domain)
    if make is None:
        raise ValueError(f"architecture must be a name; got {auction.architecture!r:.80}")
    with building(name):
        network = make(auction._make_design(*auction._fitted_shape()))
    built = mechanism_of(network, auction.scale_, auction.support_, auction.domain)
    check_same_module(value, built, name)
    check_standardisation(value.network, name)


class TwoPlayerBase(LearnedMechanism):
    """Base class of mechanisms trained as a game between a designer and misreporters.

    The class attributes below are the values of parameters that the constructor of a subclass does
    not have.
    """

    n_proposals = 0
    n_ascents = 0
    n_refine_steps = 0
    n_remembered = 0
    payments = "fraction"
    symmetric = False
    n_misreporter_updates = 1
    misreporter_reset_every = 0
    misreporter_reset_until = 40000
    # RegretNet's published schedule for one bidder and two items.
    lambda_init = 5.0
    lambda_every = 100
    rho_init = 1.0
    rho_increment = 50.0
    rho_every = 10_000
    # RegretFormer's budget. Its decay ends after two thirds of 10,000 updates.
    regret_budget = 1e-3
    budget_rate = 0.5
    budget_decay = 0.1 ** (1 / 6667)

    _parameter_constraints = {
        **LearnedMechanism._parameter_constraints,
        "activation": choice(*ACTIVATIONS),
        "objective": choice(*OBJECTIVES),
        "learning_rate": choice("invscaling", "constant"),
        "hidden_layer_sizes": LAYER_SIZES,
        "average": FLAG,
        "n_iter_no_change": NONE | count(),
        **dict.fromkeys(AUTO_VALUES, AUTO | count(0)),
        "batch_size": AUTO | count(),
        "n_cached_steps": count(0),
        "n_remembered": count(0),
        "misreporter_reset_every": count(0),
        "misreporter_reset_until": count(0),
        "n_misreporter_updates": count(),
        "learning_rate_init": POSITIVE,
        "beta_1": FRACTION,
        "beta_2": FRACTION,
        "cached_step_size": number(0, MOST, closed="right"),
        "lambda_init": number(0, MOST),
        "lambda_every": count(),
        "rho_init": number(0, MOST),
        "rho_increment": number(0, MOST),
        "rho_every": count(),
        "regret_budget": POSITIVE,
        "budget_rate": number(0, MOST, closed="right"),
        "budget_decay": FRACTION,
    }

    def _check_parameters(self):
        super()._check_parameters()
        searching = self.n_ascents and self.n_refine_steps
        if not (searching or any(getattr(self, name) for name in SOURCES)):
            raise ValueError(
                f"one of {', '.join(SOURCES)}, or both n_ascents and n_refine_steps, must be "
                "positive, so that misreports are searched; got 0 for all"
            )
        if OBJECTIVES[self.objective].lowest > self.domain.objective_lowest:
            raise ValueError(
                f"objective={self.objective!r} needs a domain whose objective is at least 0; got "
                f"{self.domain!r}"
            )

    def _check_sizes(self, n_agents, n_entries):
        sizes = self._parameters(MAKE_LARGE)
        batch, *others = (self._least(name, n, n_agents, n_entries) for name, n in sizes.items())
        per_entry = self.architecture in ("equivariant", "attention")
        width = max(self.hidden_layer_sizes) if per_entry else 1
        # Each report needs one profile and is paired with each truth.
        check_memory(
            batch * n_agents * (1 + sum(others)) * (n_agents * n_entries * width + 1 + others[0]),
            {**sizes, "n_bidders": n_agents, "n_items": n_entries},
        )

    def _least(self, name, given, n_agents, n_entries):
        """Return the value of a parameter, or the lowest that "auto" may choose."""
        if not is_auto(given):
            return int(given)
        few, many = AUTO_VALUES[name]
        if name == "batch_size":
            many = self._batch_size(n_agents)
        return min(few, many) if n_entries <= FEW_ITEMS else many

    @staticmethod
    def _batch_size(n_agents):
        """Return the automatic batch size for many items."""
        return min(max(GROUPS // n_agents, FEWEST_PROFILES), MOST_PROFILES)

    def _resolve(self, name, independent):
        """Return the value of a parameter that can be "auto"."""
        given = getattr(self, name)
        if not is_auto(given):
            return int(given)
        few, many = AUTO_VALUES[name]
        n_agents, n_entries = self._fitted_shape()
        if independent and n_entries <= FEW_ITEMS and self.n_shared_reports != 0:
            return few
        if name == "batch_size":
            return self._batch_size(n_agents)
        return many

    def _make_net(self, valuations, seed):
        given = self.independent_bidders
        independent = bool(bidders_look_independent(valuations) if is_auto(given) else given)
        sizes = {name: self._resolve(name, independent) for name in AUTO_VALUES}
        batch_size = sizes.pop("batch_size")
        location, spread = self._standardisation(valuations)
        made = {
            "design": self._make_design(*valuations.shape[1:]),
            "independent_bidders": independent,
            "location": location,
            "spread": spread,
            "objective_options": self._parameters(OBJECTIVES[self.objective].options),
            **sizes,
        }
        names = {field.name for field in fields(GameRules)} - set(made)
        rules = GameRules(**made, **self._parameters(names))
        betas = float(self.beta_1), float(self.beta_2)
        return TwoPlayerNet(rules, betas, batch_size=batch_size, **self._net_settings(seed))

    def _make_design(self, n_agents, n_entries):
        return NetworkDesign(
            n_bidders=n_agents,
            n_items=n_entries,
            demand=self.domain,
            hidden_layer_sizes=tuple(map(int, self.hidden_layer_sizes)),
            activation=self.activation,
            # "auto" has embeddings. They start at 0, and increase P* by 0.001 to 0.003 at 1x2
            # although its items are alike (`benchmarks/algnet_quality.py --settings
            # additive_1x2_uniform --seeds 0 1 2 --parameters '{"symmetric": true}'`).
            alike_bidders=self._is_symmetric(),
            alike_items=self._is_symmetric(),
            payments=self.payments,
        )

    def _standardisation(self, valuations):
        """Return mean and standard deviation of valuations, in units of the scale."""
        scaled = valuations / self.scale_
        pooled = (0, 1, 2) if self._is_symmetric() else 0
        mean, deviation = (f(scaled, axis=pooled, keepdims=True)[0] for f in (np.mean, np.std))
        size = valuations.shape[1:]
        return np.broadcast_to(mean, size), np.broadcast_to(np.maximum(deviation, 1e-6), size)

    def _is_symmetric(self):
        return not is_auto(self.symmetric) and bool(self.symmetric)

    def _parameters(self, names):
        return {name: getattr(self, name) for name in names}

    def _start(self, valuations, seed=None):
        super()._start(valuations, seed)
        if not isinstance(self.architecture, str):
            bids = self._normalise(valuations[:N_CHECKED])
            check_own(self.net_.module_, bids, self.domain)


class TwoPlayerAuction(TwoPlayerBase, LearnedAuction):
    """Base class of auctions trained as a game between an auctioneer and misreporters."""

    _parameter_constraints = {
        **LearnedAuction._parameter_constraints,
        **TwoPlayerBase._parameter_constraints,
        "architecture": choice(*AUCTIONEERS) | NETWORK_CLASS,
        "payments": choice(*PAYMENTS),
        "symmetric": SWITCH,
        "independent_bidders": SWITCH,
    }
    _saved = {**LearnedAuction._saved, "mechanism_": check_game_mechanism}
