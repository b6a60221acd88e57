"""AnnealedNet: training by softened choices that sharpen, from several starts in parallel."""

import math

import torch

from sklauction.learned.training import WARM_UP_UPDATES, AuctionNet, Evaluation

__all__ = ["SHARPNESS", "AnnealedNet"]

# Sharpness of the softened choice, from first to last, per unit of the scale.
SHARPNESS = (60.0, 300.0)
# Final learning rate as a share of the first.
LAST_RATE = 0.01
# Number of updates after which annealing without an end is half done.
HALF_ANNEALED = 2000
# Weight of the latest update in the running loss that selects the start if no profiles are held
# out.
NEWEST = 0.01


class AnnealedNet(AuctionNet):
    """Base class of nets that train by softened choices: the choices sharpen as steps shrink.

    All weights of ``module_`` have the starts as their first axis. A subclass implements
    ``initialize_module``, ``train_step``, ``average_mechanism`` and :meth:`revenues_and_regrets`.

    Parameters
    ----------
    rules : AnnealedRules
    **kwargs
        Parameters of :class:`~sklauction.learned.training.AuctionNet`.
    """

    state_attributes = (*AuctionNet.state_attributes, "running_loss_")
    n_held_out = 4096
    evaluate_first = True
    # Evaluated by an upper bound.
    regret_relation = "<="

    def __init__(self, rules, **kwargs):
        # No class of the network, as subclasses build it from the rules.
        super().__init__(torch.nn.Module, **kwargs)
        self.rules = rules

    def initialize_optimizer(self):
        """Create the optimizer, Adam."""
        self.optimizer_ = torch.optim.Adam(
            self.module_.parameters(), lr=self.lr, betas=(0.9, 0.99), fused=True
        )
        self.running_loss_ = torch.zeros(self.rules.design.n_starts, device=self.device)
        return self

    @property
    def progress(self):
        """Completed share of annealing, in [0, 1]."""
        if self.rules.anneal_updates is None:
            return self.n_steps_ / (self.n_steps_ + HALF_ANNEALED)
        return min(1.0, self.n_steps_ / self.rules.anneal_updates)

    def current_rate(self):
        """Return the learning rate of the next update: a warm-up, then half a cosine."""
        if self.rules.anneal_updates is None:
            return super().current_rate()
        falling = 0.5 * (1 + math.cos(math.pi * self.progress))
        rate = self.lr * (LAST_RATE + (1 - LAST_RATE) * falling)
        return rate * min(1.0, (self.n_steps_ + 1) / WARM_UP_UPDATES)

    def revenues_and_regrets(self, bids):
        """Yield revenue and total regret of each profile, two tensors (n,), for every start."""
        raise NotImplementedError

    def evaluate(self, profiles):
        """Return the evaluation of the start with the best score on held-out profiles."""
        bids = torch.as_tensor(profiles, device=self.device)
        with torch.no_grad():
            measured = list(self.revenues_and_regrets(bids))
        evaluated = [
            Evaluation(*(part.cpu().double().numpy() for part in parts), self.weights_of(start))
            for start, parts in enumerate(measured)
        ]
        return max(evaluated, key=self.score_of)

    def prefers(self, evaluation, best):
        """Prefer later weights unless they are worse by more than the sampling error.

        Because of annealing, later weights are better unless they overfit. The sampling error is
        that of the difference in revenue on the same profiles.
        """
        difference = evaluation.revenues - best.revenues
        error = difference.std() / math.sqrt(len(difference))
        worth, best_worth = (max(self.score_of(one), 0.0) ** 2 for one in (evaluation, best))
        return worth >= best_worth - 2 * error

    def between(self, first, last):
        """Interpolate geometrically between first and last, by the progress of annealing."""
        return first * (last / first) ** self.progress

    def descend(self, losses):
        """Take one gradient step on the losses of all starts, of shape (n_starts,)."""
        for group in self.optimizer_.param_groups:
            group["lr"] = self.current_rate()
        self.optimizer_.zero_grad()
        # Starts share no weights, so the gradient of the sum is the gradient of each loss.
        losses.sum().backward()
        self.optimizer_.step()
        self.running_loss_.lerp_(losses.detach(), NEWEST)

    def profiles_of(self, batch):
        """Return the batch; independent bidders are drawn from different rows of the pool."""
        if not self.rules.independent_bidders:
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
        """Return the weights of one start; None takes the one with the lowest running loss."""
        if start is None:
            start = int(self.running_loss_.argmin())
        return {name: w[start : start + 1].clone() for name, w in self.average_weights_.items()}
