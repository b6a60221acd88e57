"""Losses of the auctioneer, as functions of a play of the game.

A :class:`~sklauction.two_player.misreporters.Play` holds types, outcomes, the domain's objective
(of auctions, the revenue P) and each agent's regret, in units of ``scale_``. Objectives are torch
modules, so that their multipliers are on the device of the auctioneer.
"""

import math

import torch
from torch import nn

__all__ = [
    "OBJECTIVES",
    "AugmentedLagrangian",
    "RegretBudget",
    "Score",
    "SquareRoot",
    "square_root_loss",
]

# Lower limit of regret and revenue inside logarithms.
TINY = 1e-9


def square_root_loss(revenue, total_regret, epsilon=1e-8):
    """ALGNet's loss ``-(sqrt(P) - sqrt(R)) + R``.

    The first term is the negative score. For one bidder, the squared score is a lower bound on the
    revenue of an exactly truthful auction derived from this one. The second term penalises regret.

    Parameters
    ----------
    revenue : Tensor of shape ()
        ``P``, batch mean of the total payment, in units of ``scale_``.
    total_regret : Tensor of shape ()
        ``R``, batch mean of the sum over bidders of regret, in units of ``scale_``.
    epsilon : float
        Added inside both roots, whose derivatives are infinite at zero.

    Returns
    -------
    Tensor of shape ()

    References
    ----------
    .. [1] Rahme, Jelassi & Weinberg, "Auction Learning as a Two-Player Game",
       ICLR 2021, section 3.1.
    """
    return total_regret - (torch.sqrt(revenue + epsilon) - torch.sqrt(total_regret + epsilon))


class Objective(nn.Module):
    """Base class of objectives.

    A subclass implements ``forward(play) -> loss``, and ``update`` if it has multipliers.
    ``options`` lists the parameters of the estimator that its constructor takes, and ``lowest`` is
    the lowest objective that it is defined for.
    """

    options = ()
    lowest = 0.0

    def __init__(self, n_agents):
        super().__init__()

    def update(self, play, n_steps):
        """Update the multipliers after update number ``n_steps`` of the auctioneer."""


class SquareRoot(Objective):
    """Loss of ALGNet: ``-(sqrt(P) - sqrt(R)) + R``."""

    def forward(self, play):
        """Return the loss."""
        return square_root_loss(play.objective, play.regrets.sum())


class Score(Objective):
    """The negative score ``-(sqrt(P) - sqrt(R))``."""

    def forward(self, play):
        """Return the loss."""
        return square_root_loss(play.objective, play.regrets.sum()) - play.regrets.sum()


class AugmentedLagrangian(Objective):
    """Loss of RegretNet: ``-P + sum_i lambda_i R_i + rho / 2 sum_i R_i^2``.

    ``lambda_i`` increases by ``rho R_i`` every ``lambda_every`` updates, and ``rho`` by
    ``rho_increment`` every ``rho_every`` updates.

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019, section 4.3
       and algorithm 1.
    """

    options = ("lambda_init", "lambda_every", "rho_init", "rho_increment", "rho_every")

    lowest = -math.inf

    def __init__(self, n_agents, lambda_init, lambda_every, rho_init, rho_increment, rho_every):
        super().__init__(n_agents)
        self.lambda_every, self.rho_every = lambda_every, rho_every
        self.rho, self.rho_increment = float(rho_init), float(rho_increment)
        self.register_buffer("multipliers", torch.full((n_agents,), float(lambda_init)))

    def get_extra_state(self):
        """Return ``rho``, which is not a tensor."""
        return {"rho": self.rho}

    def set_extra_state(self, state):
        """Restore ``rho``."""
        self.rho = state["rho"]

    def forward(self, play):
        """Return the loss."""
        regrets = play.regrets
        penalty = (self.multipliers * regrets).sum() + self.rho / 2 * regrets.square().sum()
        return penalty - play.objective

    def update(self, play, n_steps):
        """Increase the multipliers at the end of their periods."""
        if n_steps % self.lambda_every == 0:
            self.multipliers += self.rho * play.regrets
        if n_steps % self.rho_every == 0:
            self.rho += self.rho_increment


class RegretBudget(Objective):
    """Loss of RegretFormer: ``-P + gamma R``.

    After each update ``gamma`` changes by ``budget_rate (log(R / P) - log(budget))`` and is
    clipped at zero. The budget starts at ten times ``regret_budget`` and falls to it, by the
    factor ``budget_decay`` per update.

    References
    ----------
    .. [1] Ivanov, Safiulin, Filippov & Balabaeva, "Optimal-er Auctions through Attention",
       NeurIPS 2022, section 5. In the released code gamma starts at 1 and its rate is 0.5.
    """

    options = ("regret_budget", "budget_rate", "budget_decay")

    def __init__(self, n_agents, regret_budget, budget_rate, budget_decay):
        super().__init__(n_agents)
        self.regret_budget, self.budget_rate = float(regret_budget), float(budget_rate)
        self.budget_decay = budget_decay
        self.register_buffer("log_budget", torch.tensor(math.log(10.0 * regret_budget)))
        self.register_buffer("gamma", torch.ones(()))

    def forward(self, play):
        """Return the loss."""
        return self.gamma * play.regrets.sum() - play.objective

    def update(self, play, n_steps):
        """Update gamma and lower the budget."""
        share = torch.log(play.regrets.sum().clamp_min(TINY) / play.objective.clamp_min(TINY))
        moved = self.gamma + self.budget_rate * (share - self.log_budget)
        self.gamma.copy_(moved.clamp_min(0.0))
        lowered = self.log_budget + math.log(self.budget_decay)
        self.log_budget.copy_(lowered.clamp_min(math.log(self.regret_budget)))


# Values of the parameter ``objective``.
OBJECTIVES = {
    "square_root": SquareRoot,
    "score": Score,
    "lagrangian": AugmentedLagrangian,
    "budget": RegretBudget,
}
