"""Misreporters that search: a learned network that proposes, and cached reports that climb.

A searcher adds reports to the groups of :mod:`sklauction.two_player.misreporters`; any number of
them, or none, stand beside the shared and the local reports.
"""

import zlib
from typing import NamedTuple

import torch
from torch import nn

from sklauction.two_player.layers import build_seeded
from sklauction.two_player.misreporters import (
    MISREPORTERS,
    DenseMisreporter,
    climb,
    own_gains,
    own_proposals,
    refine,
)

__all__ = ["SEARCHERS", "CachedSearcher", "NetworkSearcher", "View"]


class View(NamedTuple):
    """What a searcher sees of a step.

    Parameters
    ----------
    mechanism : torch.nn.Module
        The auctioneer; its weights do not move while searchers search.
    profiles : Tensor of shape (g, d, m)
    truths : Tensor of shape (d, g, k, m)
    own : Tensor of shape (d, g, j, m)
        The truths that are the bidders' own values in the batch.
    rows : Tensor of shape (batch_size,)
        Numbers of these profiles among the training profiles.
    """

    mechanism: nn.Module
    profiles: torch.Tensor
    truths: torch.Tensor
    own: torch.Tensor
    rows: torch.Tensor


class Searcher(nn.Module):
    """Base class of misreporters that search.

    A subclass gives ``wanted(rules) -> bool`` and ``search(view, rate, generator)``, which returns
    reports of shape (d, g, l, m); ``rate`` is the auctioneer's present step size. What it keeps
    between updates, beside weights, is in ``get_extra_state``: torch puts it into ``state_dict``.

    Parameters
    ----------
    rules : GameRules
    box : Tensor of shape (d, m, 2)
        Lowest and highest reports, in units of the scale.
    generator : torch.Generator
        For whatever is drawn at the beginning.
    """

    def __init__(self, rules, box, generator):
        super().__init__()
        self.rules = rules
        self.register_buffer("box", box)

    def begin(self, rate):
        """Make optimizers, once the searcher is on its device."""

    def meet(self, pool, seed):
        """Take notice of the training profiles of a fit."""

    def learn(self, reports, play):
        """Learn from all reports (d, g, l, m) and what they were worth."""


class NetworkSearcher(Searcher):
    """ALGNet's misreporter: a network that learns to propose profitable reports.

    With ``n_refine_steps`` its proposals, and ``n_ascents`` reports that begin at the truth, are
    improved by gradient ascent, and the network is then trained towards the best report known;
    without, it ascends its own gain, as published.
    """

    def __init__(self, rules, box, generator):
        super().__init__(rules, box, generator)
        self.network = self._draw(generator) if rules.n_proposals else None
        self.n_steps = 0

    @staticmethod
    def wanted(rules):
        """Say whether the rules ask for it."""
        return rules.n_proposals > 0 or rules.n_ascents > 0 < rules.n_refine_steps

    def begin(self, rate):
        """Give the network its own Adam."""
        if self.network is not None:
            self.optimizer = torch.optim.Adam(self.network.parameters(), lr=rate, fused=True)

    def get_extra_state(self):
        """Return the number of updates and Adam's averages."""
        averages = None if self.network is None else self.optimizer.state_dict()
        return {"n_steps": self.n_steps, "optimizer": averages}

    def set_extra_state(self, state):
        """Take them back, and forget an update that was cut short."""
        self.n_steps, self.proposals = state["n_steps"], None
        if self.network is not None:
            self.optimizer.load_state_dict(state["optimizer"])

    def search(self, view, rate, generator):
        """Return reports for the first truths of every group."""
        if self.network is not None:
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            self._reset(generator)
        self.n_steps += 1
        rules = self.rules
        proposing, climbing = (self._first(view, n) for n in (rules.n_proposals, rules.n_ascents))
        if not rules.n_refine_steps:
            return self._ascend(view, proposing)
        starts, truths = climbing, climbing
        if self.network is not None:
            self.proposals = own_proposals(self.network, view.profiles, proposing)
            starts = torch.cat([self.proposals.detach(), climbing], dim=2)
            truths = torch.cat([proposing, climbing], dim=2)
        steps = rules.n_refine_steps
        return refine(view.mechanism, view.profiles, truths, starts, self.box, steps, generator)

    def learn(self, reports, play):
        """Train the network towards the best report found for each of its truths."""
        if self.network is None or not self.rules.n_refine_steps:
            return
        proposals, self.proposals = self.proposals, None
        index = play.best_reports[:, :, : proposals.shape[2]].unsqueeze(-1).expand(proposals.shape)
        self._step((proposals - reports.gather(2, index)).square().mean())

    def _first(self, view, count):
        """Return ``count`` truths of each profile's group, also where groups are merged."""
        merged = view.profiles.shape[0] < view.rows.shape[0]
        return view.truths[:, :, : count * (view.rows.shape[0] if merged else 1)]

    def _ascend(self, view, truths):
        for _ in range(self.rules.n_misreporter_updates):
            reports = own_proposals(self.network, view.profiles, truths)
            gains = own_gains(view.mechanism, view.profiles, truths, reports)
            self._step(-gains.mean(dim=(1, 2)).sum())
        with torch.no_grad():
            return own_proposals(self.network, view.profiles, truths)

    def _step(self, loss):
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def _draw(self, generator):
        build = MISREPORTERS.get(self.rules.architecture, DenseMisreporter)
        network = build_seeded(lambda: build(self.rules.shape), generator)
        network.low.copy_(self.box[..., 0])
        network.high.copy_(self.box[..., 1])
        return network

    def _reset(self, generator):
        """Start the network afresh, from a new draw, when its period is over."""
        period, step = self.rules.misreporter_reset_every, self.n_steps
        if not period or step == 0 or step % period or step >= self.rules.misreporter_reset_until:
            return
        for old, new in zip(self.network.parameters(), self._draw(generator).parameters()):
            old.data.copy_(new.data)
        self.optimizer.state.clear()


class CachedSearcher(Searcher):
    """RegretNet's misreporter: each training profile keeps a report per bidder that climbs.

    Reports begin at random and are improved by ``n_cached_steps`` steps whenever their
    profile is drawn. They are kept from one fit to the next only if the profiles are the same.
    """

    def __init__(self, rules, box, generator):
        super().__init__(rules, box, generator)
        self.mark = None
        self.register_buffer("cache", torch.empty(0), persistent=False)

    @staticmethod
    def wanted(rules):
        """Say whether the rules ask for it."""
        return rules.n_cached_steps > 0

    def get_extra_state(self):
        """Return the reports, and the mark of the profiles to which they belong."""
        return {"mark": self.mark, "cache": self.cache}

    def set_extra_state(self, state):
        """Take them back."""
        self.mark, self.cache = state["mark"], state["cache"].to(self.box)

    def meet(self, pool, seed):
        """Draw a report for each profile and bidder, unless these profiles are known."""
        mark = zlib.crc32(pool.cpu().numpy().tobytes())
        if mark == self.mark and self.cache.shape == pool.shape:
            return
        self.mark = mark
        generator = torch.Generator().manual_seed(seed)
        low, high = self.box[..., 0], self.box[..., 1]
        self.cache = low + torch.rand(pool.shape, generator=generator).to(pool) * (high - low)

    def search(self, view, rate, generator):
        """Let the reports of these profiles climb, and return them."""
        starts = self.cache[view.rows].transpose(0, 1).reshape(view.own.shape)
        steps, size = self.rules.n_cached_steps, self.rules.cached_step_size
        found = climb(view.mechanism, view.profiles, view.own, starts, self.box, steps, size)
        n_bidders, n_items = view.own.shape[0], view.own.shape[3]
        self.cache[view.rows] = found.reshape(n_bidders, -1, n_items).transpose(0, 1)
        return found


class RememberingSearcher(Searcher):
    """Remembers the most profitable misreports of the last update, and tries them on all truths.

    Where an auctioneer charges too little for some rare report, one misreport pays for many
    truths; found once, it stays until the auctioneer has mended it.
    """

    def __init__(self, rules, box, generator):
        super().__init__(rules, box, generator)
        self.register_buffer("memory", torch.empty(0), persistent=False)

    @staticmethod
    def wanted(rules):
        """Say whether the rules ask for it."""
        return rules.n_remembered > 0

    def get_extra_state(self):
        """Return what is remembered."""
        return {"memory": self.memory}

    def set_extra_state(self, state):
        """Remember it again."""
        self.memory = state["memory"].to(self.box)

    def search(self, view, rate, generator):
        """Return the same reports to all groups: at first, some truths."""
        if not len(self.memory):
            everyone = view.truths.flatten(1, 2)
            count = self.rules.n_remembered
            self.memory = everyone[:, torch.arange(count) % everyone.shape[1]]
        return self.memory.unsqueeze(1).expand(-1, view.truths.shape[1], -1, -1)

    def learn(self, reports, play):
        """Remember the misreports that gain most."""
        found = reports.gather(
            2, play.best_reports.unsqueeze(-1).expand(*play.best_reports.shape, reports.shape[3])
        )
        gains, found = play.gains.flatten(1), found.flatten(1, 2)
        best = gains.topk(min(self.rules.n_remembered, gains.shape[1]), dim=1).indices
        self.memory[:, : best.shape[1]] = found.gather(
            1, best.unsqueeze(-1).expand(-1, -1, found.shape[2])
        )


# One line per searcher, in the order in which their reports stand in a group.
SEARCHERS = {
    "network": NetworkSearcher,
    "cached": CachedSearcher,
    "remembering": RememberingSearcher,
}
