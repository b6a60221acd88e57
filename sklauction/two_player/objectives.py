"""What the auctioneer minimises, as a function of revenue and of each bidder's regret.

All money is in units of ``scale_``. An objective may keep multipliers, which :meth:`update` moves
after each step of the auctioneer; it is a module so that they go to the auctioneer's device.
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

# Smallest regret and revenue under a logarithm.
TINY = 1e-9


def square_root_loss(revenue, total_regret, epsilon=1e-8):
    """ALGNet's time-independent loss ``-(sqrt(P) - sqrt(R)) + R``.

    The first term is minus the score of an auction: what an exactly truthful auction
    made from it is sure to earn, in square roots. The second keeps the regret small
    on its own account. No weight, multiplier or schedule appears.

    Parameters
    ----------
    revenue : Tensor of shape ()
        ``P``, batch mean of the total payment, in units of ``scale_``.
    total_regret : Tensor of shape ()
        ``R``, batch mean of the sum over bidders of regret, in units of ``scale_``.
    epsilon : float
        Added under both roots, whose slopes are infinite at zero.

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
    """Base class; ``options`` names the parameters of the estimator that reach it.

    A subclass gives ``forward(revenue, regrets) -> loss``, and ``update`` where it has state.
    """

    options = ()

    def __init__(self, n_bidders):
        super().__init__()

    def update(self, revenue, regrets, n_steps):
        """Move the multipliers after ``n_steps`` steps of the auctioneer; here there are none."""


class SquareRoot(Objective):
    """``-(sqrt(P) - sqrt(R)) + R``: ALGNet's."""

    def forward(self, revenue, regrets):
        """Return the loss."""
        return square_root_loss(revenue, regrets.sum())


class Score(Objective):
    """``-(sqrt(P) - sqrt(R))``: the score alone."""

    def forward(self, revenue, regrets):
        """Return the loss."""
        return square_root_loss(revenue, regrets.sum()) - regrets.sum()


class AugmentedLagrangian(Objective):
    """``-P + sum_i lambda_i R_i + rho / 2 sum_i R_i^2``: RegretNet's.

    Every ``lambda_every`` updates ``lambda_i`` rises by ``rho R_i``, every ``rho_every`` updates
    ``rho`` by ``rho_increment``.

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019, section 4.3
       and algorithm 1.
    """

    options = ("lambda_init", "lambda_every", "rho_init", "rho_increment", "rho_every")

    def __init__(self, n_bidders, lambda_init, lambda_every, rho_init, rho_increment, rho_every):
        super().__init__(n_bidders)
        self.lambda_every, self.rho_every = lambda_every, rho_every
        self.rho, self.rho_increment = float(rho_init), float(rho_increment)
        self.register_buffer("multipliers", torch.full((n_bidders,), float(lambda_init)))

    def get_extra_state(self):
        """Return ``rho``, which is no tensor."""
        return {"rho": self.rho}

    def set_extra_state(self, state):
        """Take it back."""
        self.rho = state["rho"]

    def forward(self, revenue, regrets):
        """Return the loss."""
        penalty = (self.multipliers * regrets).sum() + self.rho / 2 * regrets.square().sum()
        return penalty - revenue

    def update(self, revenue, regrets, n_steps):
        """Raise the multipliers when their period is over."""
        if n_steps % self.lambda_every == 0:
            self.multipliers += self.rho * regrets
        if n_steps % self.rho_every == 0:
            self.rho += self.rho_increment


class RegretBudget(Objective):
    """``-P + gamma R``, where gamma follows how far regret is from a share of the revenue.

    After each update ``gamma`` moves by ``budget_rate (log(R / P) - log(budget))``, not below
    zero. The budget falls from ten times ``regret_budget`` to it, by ``budget_decay`` per update.

    References
    ----------
    .. [1] Ivanov, Safiulin, Filippov & Balabaeva, "Optimal-er Auctions through Attention",
       NeurIPS 2022, section 5; gamma begins at 1, its rate is 0.5 in the released code.
    """

    options = ("regret_budget", "budget_rate", "budget_decay")

    def __init__(self, n_bidders, regret_budget, budget_rate, budget_decay):
        super().__init__(n_bidders)
        self.regret_budget, self.budget_rate = regret_budget, budget_rate
        self.budget_decay = budget_decay
        self.register_buffer("log_budget", torch.tensor(math.log(10.0 * regret_budget)))
        self.register_buffer("gamma", torch.ones(()))

    def forward(self, revenue, regrets):
        """Return the loss."""
        return self.gamma * regrets.sum() - revenue

    def update(self, revenue, regrets, n_steps):
        """Move gamma, and lower the budget."""
        share = torch.log(regrets.sum().clamp_min(TINY) / revenue.clamp_min(TINY))
        moved = self.gamma + self.budget_rate * (share - self.log_budget)
        self.gamma.copy_(moved.clamp_min(0.0))
        lowered = self.log_budget + math.log(self.budget_decay)
        self.log_budget.copy_(lowered.clamp_min(math.log(self.regret_budget)))


# One line per objective: the name users pass and the class that computes it.
OBJECTIVES = {
    "square_root": SquareRoot,
    "score": Score,
    "lagrangian": AugmentedLagrangian,
    "budget": RegretBudget,
}
