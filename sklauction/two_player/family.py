"""What ALGNetAuction and RegretNetAuction share: checks, and the game they set up."""

import inspect

import numpy as np
import torch

from sklauction.learned.auction import LearnedAuction
from sklauction.learned.training import resolve_device
from sklauction.two_player.game import GameRules, TwoPlayerNet
from sklauction.two_player.heads import PAYMENTS
from sklauction.two_player.layers import ACTIVATIONS
from sklauction.two_player.networks import AUCTIONEERS, NetworkShape
from sklauction.two_player.objectives import OBJECTIVES
from sklauction.two_player.own_network import check_own
from sklauction.utils.sample_tests import bidders_look_independent
from sklauction.utils.validation import (
    check_choice,
    check_count,
    check_flag,
    check_fraction,
    check_layer_sizes,
    check_memory,
    check_not_negative,
    check_positive,
    check_switch,
    is_auto,
)

__all__ = ["TwoPlayerAuction"]

UPDATES_PER_ITERATION = 100
# What "auto" means for up to FEW_ITEMS items of independent bidders, where reports of other
# profiles come near the best misreports, and elsewhere, where they miss them and refinement finds
# them.
FEW_ITEMS = 3
# There a batch shrinks with bidders, as every bidder has its groups.
GROUPS, FEWEST_PROFILES, MOST_PROFILES = 128, 16, 64
AUTO = {
    "batch_size": (8, None),
    "n_shared_reports": (39, 0),
    "n_local_reports": (16, 4),
    "n_proposals": (0, 1),
    "n_ascents": (40, 1),
    "n_refine_steps": (1, 3),
}
# Profiles on which a user's own network is tried before training.
TRIED = 64

# Parameters that reach the game as they are.
RULES_AS_GIVEN = (
    "architecture",
    "objective",
    "n_cached_steps",
    "n_remembered",
    "cached_step_size",
    "n_misreporter_updates",
    "misreporter_reset_every",
    "misreporter_reset_until",
)
# Of these nothing larger makes sense, or fits into single precision with what is made of it.
SINGLE = (
    "cached_step_size",
    "budget_rate",
    "lambda_init",
    "rho_init",
    "rho_increment",
)
MOST = 1e12
COUNTS_FROM_0 = (
    "n_cached_steps",
    "n_remembered",
    "misreporter_reset_every",
    "misreporter_reset_until",
)
# Of these there may be too many to be held.
MAKE_LARGE = ("batch_size", "n_shared_reports", "n_local_reports", "n_remembered")
SOURCES = ("n_shared_reports", "n_local_reports", "n_proposals", "n_cached_steps")


class TwoPlayerAuction(LearnedAuction):
    """Base class: a network, misreporters and an objective, by name.

    A subclass is a constructor and a docstring. Parameters that its constructor leaves out are the
    class attributes below.
    """

    # The learned misreporter is off where a subclass does not offer it.
    n_proposals = 0
    n_ascents = 0
    n_refine_steps = 0
    n_remembered = 0
    payments = "fraction"
    n_misreporter_updates = 1
    misreporter_reset_every = 0
    misreporter_reset_until = 40000
    # RegretNet's published schedule for one bidder and two items.
    lambda_init = 5.0
    lambda_every = 100
    rho_init = 1.0
    rho_increment = 50.0
    rho_every = 10_000
    # RegretFormer's budget, its decay ending after two thirds of 10,000 updates.
    regret_budget = 1e-3
    budget_rate = 0.5
    budget_decay = 0.1 ** (1 / 6667)

    def _check_parameters(self):
        super()._check_parameters()
        self._check_architecture()
        check_choice(self.activation, "activation", tuple(ACTIVATIONS))
        check_choice(self.objective, "objective", tuple(OBJECTIVES))
        check_choice(self.learning_rate, "learning_rate", ("invscaling", "constant"))
        check_choice(self.payments, "payments", PAYMENTS)
        for name in COUNTS_FROM_0:
            check_count(getattr(self, name), name, minimum=0)
        for name in ("n_misreporter_updates", "lambda_every", "rho_every"):
            check_count(getattr(self, name), name)
        if self.n_iter_no_change is not None:
            check_count(self.n_iter_no_change, "n_iter_no_change")
        for name in AUTO:
            if not is_auto(getattr(self, name)):
                check_count(getattr(self, name), name, minimum=int(name == "batch_size"))
        searching = self.n_ascents and self.n_refine_steps
        if not (searching or any(getattr(self, name) for name in SOURCES)):
            raise ValueError(
                f"one of {', '.join(SOURCES)}, or both n_ascents and n_refine_steps, must be above "
                "0, else nobody looks for misreports; got 0 for all"
            )
        check_layer_sizes(self.hidden_layer_sizes, "hidden_layer_sizes")
        for name in ("learning_rate_init", "cached_step_size", "regret_budget", "budget_rate"):
            check_positive(getattr(self, name), name)
        for name in ("lambda_init", "rho_init", "rho_increment"):
            check_not_negative(getattr(self, name), name)
        for name in SINGLE:
            if float(getattr(self, name)) > MOST:
                raise ValueError(f"{name} must be at most {MOST:g}; got {getattr(self, name)!r}")
        for name in ("budget_decay", "beta_1", "beta_2"):
            check_fraction(getattr(self, name), name)
        check_switch(self.independent_bidders, "independent_bidders")
        check_switch(self.symmetric, "symmetric")
        check_flag(self.average, "average")

    def _architectures(self):
        """Return the names that ``architecture`` may have."""
        return tuple(AUCTIONEERS)

    def _check_architecture(self):
        own = inspect.isclass(self.architecture) and issubclass(self.architecture, torch.nn.Module)
        if not own:
            names = self._architectures()
            if not (isinstance(self.architecture, str) and self.architecture in names):
                raise ValueError(
                    f"architecture must be one of {', '.join(map(repr, names))}, or a class of "
                    f"torch.nn.Module; got {self.architecture!r}"
                )

    def _profile_shape(self, n_features):
        # Here, because only now the number of items is known and nothing is stored yet.
        n_bidders, n_items = super()._profile_shape(n_features)
        sizes = {name: getattr(self, name) for name in MAKE_LARGE}
        counts = {name: 0 if isinstance(n, str) else int(n) for name, n in sizes.items()}
        reports = 1 + sum(counts.values()) - counts["batch_size"]
        groups = max(counts["batch_size"], 1) * n_bidders
        # Every report is a profile, and meets every truth.
        check_memory(
            groups * reports * (n_bidders * n_items + 1 + counts["n_shared_reports"]), sizes
        )
        return n_bidders, n_items

    def _resolve(self, name, independent):
        """Return a parameter that may be "auto"."""
        given = getattr(self, name)
        if not isinstance(given, str):
            return int(given)
        few, many = AUTO[name]
        if independent and self.n_items_ <= FEW_ITEMS and self.n_shared_reports != 0:
            return few
        if name == "batch_size":
            return min(max(GROUPS // self.n_bidders, FEWEST_PROFILES), MOST_PROFILES)
        return many

    def _independent(self, valuations):
        if isinstance(self.independent_bidders, str):
            return bidders_look_independent(valuations)
        return bool(self.independent_bidders)

    def _make_net(self, valuations, seed):
        return self._make_two_player_net(valuations, self._net_settings(seed))

    def _net_settings(self, seed):
        """Return what every net of this estimator is made with."""
        return {
            "seed": seed,
            "n_updates": UPDATES_PER_ITERATION,
            "scale": self.scale_,
            "support": self.support_,
            "patience": self.n_iter_no_change,
            "schedule": self.learning_rate,
            "average": self.average,
            "lr": float(self.learning_rate_init),
            "device": resolve_device(self.device),
            "callbacks": self._net_callbacks(),
        }

    def _make_two_player_net(self, valuations, settings):
        scaled, size = valuations / self.scale_, valuations.shape[1:]
        pooled = (0, 1, 2) if self.symmetric is True else 0
        shape = NetworkShape(
            *size,
            self.demand,
            tuple(map(int, self.hidden_layer_sizes)),
            self.activation,
            # "auto" keeps the embeddings. They begin at 0, and are worth 0.001 to 0.003 of P* at
            # 1x2 although its items are alike (`benchmarks/algnet_quality.py --settings
            # additive_1x2_uniform --seeds 0 1 2 --parameters '{"symmetric": true}'`).
            alike_bidders=self.symmetric is True,
            alike_items=self.symmetric is True,
            payments=self.payments,
        )
        options = OBJECTIVES[self.objective].options
        independent = self._independent(valuations)
        sizes = {name: self._resolve(name, independent) for name in AUTO}
        batch_size = sizes.pop("batch_size")
        rules = GameRules(
            shape=shape,
            shared_truths=independent,
            location=np.broadcast_to(scaled.mean(axis=pooled, keepdims=True)[0], size),
            spread=np.broadcast_to(
                np.maximum(scaled.std(axis=pooled, keepdims=True)[0], 1e-6), size
            ),
            objective_options={name: getattr(self, name) for name in options},
            **sizes,
            **{name: getattr(self, name) for name in RULES_AS_GIVEN},
        )
        betas = float(self.beta_1), float(self.beta_2)
        return TwoPlayerNet(rules, betas, batch_size=batch_size, **settings)

    def _start(self, valuations, seed=None):
        super()._start(valuations, seed)
        if not isinstance(self.architecture, str):
            check_own(self.net_.module_, self._normalise(valuations[:TRIED]), self.demand == "unit")
