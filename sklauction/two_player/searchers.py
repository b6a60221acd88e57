"""Searchers for misreports: a network that proposes, cached reports, remembered reports.

Each searcher adds reports to the groups of :mod:`sklauction.two_player.misreporters`. Any number of
them can be combined.
"""

import zlib
from typing import NamedTuple

import torch
from torch import nn

from sklauction.two_player.layers import build_seeded
from sklauction.two_player.misreporters import (
    MISREPORTERS,
    DenseMisreporter,
    Groups,
    climb,
    own_proposals,
    refine,
    take_reports,
)

__all__ = ["SEARCHERS", "CachedSearcher", "NetworkSearcher", "SearchProblem"]


class SearchProblem(NamedTuple):
    """Input of a search: the groups of one update.

    Attributes
    ----------
    groups : Groups
        With the auctioneer, whose weights are constant.
    truths : Tensor of shape (d, g, k, m)
    own : Tensor of shape (d, g, j, m)
        The truths that are the bidders' valuations in the batch.
    rows : Tensor of shape (batch_size,)
        Indices of the batch in the training profiles.
    """

    groups: Groups
    truths: torch.Tensor
    own: torch.Tensor
    rows: torch.Tensor


class Searcher(nn.Module):
    """Base class of searchers.

    A subclass implements ``is_used(rules) -> bool`` and ``search(problem, rate, generator)``, which
    returns reports of shape (d, g, l, m); ``rate`` is the current step size of the auctioneer.
    State other than weights is returned by ``get_extra_state``, which ``state_dict`` includes.

    Parameters
    ----------
    rules : GameRules
    box : Tensor of shape (d, m, 2)
        Lowest and highest reports, in units of the scale.
    generator : torch.Generator
        For the initial weights.
    """

    def __init__(self, rules, box, generator):
        super().__init__()
        self.rules = rules
        self.register_buffer("box", box)

    def make_optimizer(self, rate):
        """Make the optimizer, once the searcher is on its device."""

    def set_pool(self, pool, seed):
        """Set the training profiles of a fit."""

    def update(self, reports, play):
        """Update the searcher from all reports (d, g, l, m) and their :class:`Play`."""


class NetworkSearcher(Searcher):
    """ALGNet's misreporter: a network that is trained to propose profitable reports.

    If ``n_refine_steps`` is positive, the proposals and ``n_ascents`` truths are improved by
    gradient ascent, and the network is trained to predict the best report of the group. If it is
    0, the network maximises the utility of its proposals, as published.
    """

    def __init__(self, rules, box, generator):
        super().__init__(rules, box, generator)
        self.network = self._draw(generator) if rules.n_proposals else None
        self.n_steps = 0

    @staticmethod
    def is_used(rules):
        """Return whether the rules use this searcher."""
        return rules.n_proposals > 0 or rules.n_ascents > 0 < rules.n_refine_steps

    def make_optimizer(self, rate):
        """Make the Adam optimizer of the network."""
        if self.network is not None:
            self.optimizer = torch.optim.Adam(self.network.parameters(), lr=rate, fused=True)

    def get_extra_state(self):
        """Return the number of updates and the state of the optimizer."""
        optimizer = None if self.network is None else self.optimizer.state_dict()
        return {"n_steps": self.n_steps, "optimizer": optimizer}

    def set_extra_state(self, state):
        """Restore this state and discard the proposals of an interrupted update."""
        self.n_steps, self.proposals = state["n_steps"], None
        if self.network is not None:
            self.optimizer.load_state_dict(state["optimizer"])

    def search(self, problem, rate, generator):
        """Return reports for the first truths of each group."""
        if self.network is not None:
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            self._reset(generator)
        self.n_steps += 1
        if not self.rules.n_refine_steps:
            return self._maximise_utility(problem)
        starts = truths = self._first_truths(problem, self.rules.n_ascents)
        if self.network is not None:
            proposed_for = self._first_truths(problem, self.rules.n_proposals)
            self.proposals = own_proposals(self.network, problem.groups.profiles, proposed_for)
            starts = torch.cat([self.proposals.detach(), truths], dim=2)
            truths = torch.cat([proposed_for, truths], dim=2)
        steps = self.rules.n_refine_steps
        return refine(problem.groups, truths, starts, self.box, steps, generator)

    def update(self, reports, play):
        """Train the network to predict the best reports of its truths."""
        if self.network is None or not self.rules.n_refine_steps:
            return
        proposals, self.proposals = self.proposals, None
        best = take_reports(reports, play.best_reports[:, :, : proposals.shape[2]])
        self._step((proposals - best).square().mean())

    def _first_truths(self, problem, count):
        """Return the first ``count`` truths of each group; of each profile if groups are pooled."""
        pooled = problem.groups.profiles.shape[0] < problem.rows.shape[0]
        return problem.truths[:, :, : count * (problem.rows.shape[0] if pooled else 1)]

    def _maximise_utility(self, problem):
        """Train the network on the utility of its proposals, and return its proposals."""
        groups, truths = problem.groups, self._first_truths(problem, self.rules.n_proposals)
        for _ in range(self.rules.n_misreporter_updates):
            reports = own_proposals(self.network, groups.profiles, truths)
            utilities = groups.utilities(truths, reports)
            self._step(-utilities.mean(dim=(1, 2)).sum())
        with torch.no_grad():
            return own_proposals(self.network, groups.profiles, truths)

    def _step(self, loss):
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def _draw(self, generator):
        build = MISREPORTERS.get(self.rules.architecture, DenseMisreporter)
        network = build_seeded(lambda: build(self.rules.design), generator)
        network.low.copy_(self.box[..., 0])
        network.high.copy_(self.box[..., 1])
        return network

    def _reset(self, generator):
        """Draw new weights and reset the optimizer at the end of a reset period."""
        period, step = self.rules.misreporter_reset_every, self.n_steps
        if not period or step == 0 or step % period or step >= self.rules.misreporter_reset_until:
            return
        for old, new in zip(self.network.parameters(), self._draw(generator).parameters()):
            old.data.copy_(new.data)
        self.optimizer.state.clear()


class CachedSearcher(Searcher):
    """RegretNet's misreporter: one cached report per training profile and bidder.

    Reports start at random and are improved by ``n_cached_steps`` steps of gradient ascent each
    time their profile is drawn. They are kept between fits on the same profiles.
    """

    def __init__(self, rules, box, generator):
        super().__init__(rules, box, generator)
        self.pool_checksum = None
        self.register_buffer("cache", torch.empty(0), persistent=False)

    @staticmethod
    def is_used(rules):
        """Return whether the rules use this searcher."""
        return rules.n_cached_steps > 0

    def get_extra_state(self):
        """Return the reports and the checksum of their profiles."""
        return {"pool_checksum": self.pool_checksum, "cache": self.cache}

    def set_extra_state(self, state):
        """Restore this state."""
        self.pool_checksum, self.cache = state["pool_checksum"], state["cache"].to(self.box)

    def set_pool(self, pool, seed):
        """Draw a report for each profile and bidder, unless the profiles are unchanged."""
        checksum = zlib.crc32(pool.cpu().numpy().tobytes())
        if checksum == self.pool_checksum and self.cache.shape == pool.shape:
            return
        self.pool_checksum = checksum
        generator = torch.Generator().manual_seed(seed)
        low, high = self.box[..., 0], self.box[..., 1]
        self.cache = low + torch.rand(pool.shape, generator=generator).to(pool) * (high - low)

    def search(self, problem, rate, generator):
        """Improve the reports of the batch and return them."""
        groups, _, own, rows = problem
        starts = self.cache[rows].transpose(0, 1).reshape(own.shape)
        steps, size = self.rules.n_cached_steps, self.rules.cached_step_size
        found = climb(groups, own, starts, self.box, steps, size)
        self.cache[rows] = found.flatten(1, 2).transpose(0, 1)
        return found


class RememberingSearcher(Searcher):
    """Tries the most profitable misreports of the last update in all groups.

    A report for which the auctioneer charges too little is a profitable misreport of many truths.
    """

    def __init__(self, rules, box, generator):
        super().__init__(rules, box, generator)
        self.register_buffer("memory", torch.empty(0), persistent=False)

    @staticmethod
    def is_used(rules):
        """Return whether the rules use this searcher."""
        return rules.n_remembered > 0

    def get_extra_state(self):
        """Return the remembered reports."""
        return {"memory": self.memory}

    def set_extra_state(self, state):
        """Restore the remembered reports."""
        self.memory = state["memory"].to(self.box)

    def search(self, problem, rate, generator):
        """Return the remembered reports for every group; truths in the first update."""
        if not len(self.memory):
            truths = problem.truths.flatten(1, 2)
            count = self.rules.n_remembered
            self.memory = truths[:, torch.arange(count) % truths.shape[1]]
        return self.memory.unsqueeze(1).expand(-1, problem.truths.shape[1], -1, -1)

    def update(self, reports, play):
        """Remember the misreports with the highest gains."""
        found = take_reports(reports, play.best_reports).flatten(1, 2)
        gains = play.gains.flatten(1)
        best = gains.topk(min(self.rules.n_remembered, gains.shape[1]), dim=1).indices
        self.memory[:, : best.shape[1]] = found.gather(
            1, best.unsqueeze(-1).expand(-1, -1, found.shape[2])
        )


# All searchers, in the order of their reports in a group.
SEARCHERS = {
    "network": NetworkSearcher,
    "cached": CachedSearcher,
    "remembering": RememberingSearcher,
}
