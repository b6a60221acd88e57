"""Training by softened choices that sharpen, of several starts at once, on the common loop."""

import math

import torch

from sklauction.learned.training import WARM_UP_UPDATES, AuctionNet

__all__ = ["SHARPNESS", "AnnealedNet"]

# Sharpness of the softened choice, from first to last, per unit of the scale.
SHARPNESS = (60.0, 300.0)
# Share of the first learning rate that is left at the end.
LAST_RATE = 0.01
# Updates after which annealing without an end is half done.
HALF_ANNEALED = 2000
# Weight of the newest update in the running loss by which a start is chosen where no
# profiles are held out.
NEWEST = 0.01


class AnnealedNet(AuctionNet):
    """Learned menus in training: softened choices sharpen, while the step size falls.

    A subclass gives ``rules`` with ``anneal_updates`` (None has no end: the step size is
    the net's ``schedule``, and choices sharpen ever more slowly), ``shuffle_bidders`` and a
    ``design`` with ``alike_bidders`` and ``n_starts``; and all weights of its ``module_``
    have the starts as their first axis.

    Parameters
    ----------
    rules : NamedTuple
    module : type
        Class of the network.
    **kwargs
        Parameters of :class:`~sklauction.learned.training.AuctionNet`.
    """

    state_attributes = (*AuctionNet.state_attributes, "running_loss_")
    n_held_out = 4096
    judge_first = True
    # Judged by bounds.
    regret_relation = "<="

    def __init__(self, module, rules, **kwargs):
        super().__init__(module, **kwargs)
        self.rules = rules

    def initialize_optimizer(self):
        """Give the network Adam."""
        self.optimizer_ = torch.optim.Adam(
            self.module_.parameters(), lr=self.lr, betas=(0.9, 0.99), fused=True
        )
        self.running_loss_ = torch.zeros(self.rules.design.n_starts, device=self.device)
        return self

    @property
    def progress(self):
        """Share of annealing done, in [0, 1]."""
        if self.rules.anneal_updates is None:
            return self.n_steps_ / (self.n_steps_ + HALF_ANNEALED)
        return min(1.0, self.n_steps_ / self.rules.anneal_updates)

    def current_rate(self):
        """Return the learning rate of the coming update: a warm-up, then half a cosine."""
        if self.rules.anneal_updates is None:
            return super().current_rate()
        falling = 0.5 * (1 + math.cos(math.pi * self.progress))
        rate = self.lr * (LAST_RATE + (1 - LAST_RATE) * falling)
        return rate * min(1.0, (self.n_steps_ + 1) / WARM_UP_UPDATES)

    def prefers(self, judgement, best):
        """Prefer later weights unless they are worse beyond sampling error.

        Training anneals, so the last weights are the best but for overfitting. The error
        is that of the difference in revenue on the same profiles.
        """
        difference = judgement.revenues - best.revenues
        error = difference.std() / math.sqrt(len(difference))
        worth, best_worth = max(judgement.score, 0.0) ** 2, max(best.score, 0.0) ** 2
        return worth >= best_worth - 2 * error

    def between(self, first, last):
        """Return a geometric path from first to last, along annealing."""
        return first * (last / first) ** self.progress

    def descend(self, losses):
        """Take one step down the losses of all starts, (n_starts,)."""
        for group in self.optimizer_.param_groups:
            group["lr"] = self.current_rate()
        self.optimizer_.zero_grad()
        # Starts do not share weights: the gradient of the sum is each one's own.
        losses.sum().backward()
        self.optimizer_.step()
        self.running_loss_.lerp_(losses.detach(), NEWEST)

    def profiles_of(self, batch):
        """Return the batch, its bidders from different rows of the pool where that is allowed."""
        if not self.rules.shuffle_bidders:
            return batch.profiles
        n_profiles, n_bidders, _ = batch.profiles.shape
        shape = (n_profiles, n_bidders)
        rows = torch.randint(len(batch.pool), shape, generator=batch.generator)
        if self.rules.design.alike_bidders:
            bidders = torch.randint(n_bidders, shape, generator=batch.generator)
        else:
            bidders = torch.arange(n_bidders).expand(shape)
        return batch.pool[rows.to(batch.pool.device), bidders.to(batch.pool.device)]

    def weights_of(self, start):
        """Return the weights of one start, None for that of the least running loss."""
        if start is None:
            start = int(self.running_loss_.argmin())
        return {name: w[start : start + 1].clone() for name, w in self.average_weights_.items()}
