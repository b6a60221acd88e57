"""The two-player step: auctioneer and misreporter, each with its optimizer, on one loop."""

from typing import NamedTuple

import numpy as np
import torch

from sklauction.training import AuctionNet, make_generator
from sklauction.two_player.layers import build_seeded
from sklauction.two_player.misreporters import (
    MISREPORTERS,
    draw_truths,
    own_gains,
    own_proposals,
    perturb,
    play_groups,
    refine,
)
from sklauction.two_player.networks import AUCTIONEERS
from sklauction.two_player.objectives import square_root_loss

__all__ = ["GameRules", "TwoPlayerNet"]


class GameRules(NamedTuple):
    """What the players look like and how the misreporter searches.

    Attributes
    ----------
    n_bidders, n_items, demand, architecture, hidden_layer_sizes, activation
        As in :class:`~sklauction.ALGNetAuction`.
    n_shared_reports, n_local_reports, n_proposals, n_refine_steps : int
        Size of each part of a group; see :mod:`sklauction.two_player.misreporters`.
    shared_truths : bool
        Whether values from other profiles may count as truths (independent bidders).
    n_misreporter_updates, misreporter_reset_every, misreporter_reset_until : int
        The published schedule of the misreporter; a reset period of 0 means never.
    location, spread : ndarray of shape (n_bidders, n_items)
        Mean and standard deviation of valuations, in units of the scale.
    """

    n_bidders: int
    n_items: int
    demand: str
    architecture: str
    hidden_layer_sizes: tuple
    activation: str
    n_shared_reports: int
    n_local_reports: int
    n_proposals: int
    n_refine_steps: int
    shared_truths: bool
    n_misreporter_updates: int
    misreporter_reset_every: int
    misreporter_reset_until: int
    location: np.ndarray
    spread: np.ndarray


class TwoPlayerNet(AuctionNet):
    """The game: ``module_`` is the auctioneer, ``misreporter_`` its adversary.

    Parameters
    ----------
    rules : GameRules
    **kwargs
        Parameters of :class:`~sklauction.training.AuctionNet`.
    """

    def __init__(self, rules, **kwargs):
        super().__init__(AUCTIONEERS[rules.architecture], **kwargs)
        self.rules = rules

    def initialize_module(self):
        """Build both players from the seed."""
        rules, generator = self.rules, make_generator(self.seed, 0)
        shape = (rules.n_bidders, rules.n_items)
        look = (tuple(rules.hidden_layer_sizes), rules.activation)
        self.module_ = build_seeded(
            lambda: AUCTIONEERS[rules.architecture](*shape, rules.demand, *look), generator
        )
        self.module_.prepare(rules.location, rules.spread)
        self.misreporter_ = build_seeded(
            lambda: MISREPORTERS[rules.architecture](*shape, *look), generator
        )
        box = torch.as_tensor(self.support / self.scale, dtype=torch.float32)
        self.misreporter_.low.copy_(box[..., 0])
        self.misreporter_.high.copy_(box[..., 1])
        return self

    def initialize_optimizer(self):
        """Give each player its own Adam."""
        self.optimizer_ = torch.optim.Adam(self.module_.parameters(), lr=self.lr, fused=True)
        self.misreporter_optimizer_ = torch.optim.Adam(
            self.misreporter_.parameters(), lr=self.lr, fused=True
        )
        return self

    def train_step(self, batch, **fit_params):
        """Let the misreporter move, then the auctioneer; return loss, revenue and regret."""
        rate = self.current_rate()
        for optimizer in (self.optimizer_, self.misreporter_optimizer_):
            for group in optimizer.param_groups:
                group["lr"] = rate
        self._reset_misreporter(batch.generator)
        truths, others = self._draw_reports(batch)
        if self._one_group:
            # Without other bidders every report meets the same profile: pool all groups.
            batch = batch._replace(profiles=batch.profiles[:1])
            truths, others = (part.flatten(1, 2).unsqueeze(1) for part in (truths, others))
        proposals, reports = self._propose(batch.profiles, truths[:, :, : self._n_proposals])
        reports = torch.cat([others, reports], dim=2)
        play = play_groups(self.module_, batch.profiles, truths, reports)
        loss = square_root_loss(play.revenue, play.total_regret)
        self.optimizer_.zero_grad()
        loss.backward()
        self.optimizer_.step()
        if self.rules.n_refine_steps and self.rules.n_proposals:
            self._imitate(proposals, torch.cat([truths, reports], dim=2), play.best_reports)
        return {"loss": loss, "revenue": play.revenue, "total_regret": play.total_regret}

    @property
    def _one_group(self):
        return self.rules.n_bidders == 1 and self.rules.n_shared_reports > 0

    @property
    def _n_proposals(self):
        return self.rules.n_proposals * (self.batch_size if self._one_group else 1)

    def _draw_reports(self, batch):
        """Return the truths of each group, and the shared and local reports beside them."""
        rules = self.rules
        values = draw_truths(
            batch.profiles, batch.pool, 1 + rules.n_shared_reports, batch.generator
        )
        others = []
        if not rules.shared_truths:
            values, shared = values[:, :, :1], values[:, :, 1:]
            others.append(shared)
        if rules.n_local_reports:
            box = torch.stack([self.misreporter_.low, self.misreporter_.high], dim=-1)
            others.append(perturb(values, rules.n_local_reports, box, batch.generator))
        return values, torch.cat(others, dim=2) if others else values[:, :, :0]

    def _propose(self, profiles, truths):
        """Return the misreporter's proposals for some truths, and the reports to be tried."""
        rules = self.rules
        if not rules.n_proposals:
            return truths, truths
        if not rules.n_refine_steps:
            return self._ascend(profiles, truths)
        proposals = own_proposals(self.misreporter_, profiles, truths)
        # The truth itself is the other start: every second search begins there.
        starts = torch.where(self._every_second(truths), truths, proposals.detach())
        box = torch.stack([self.misreporter_.low, self.misreporter_.high], dim=-1)
        self.module_.requires_grad_(False)
        found = refine(self.module_, profiles, truths, starts, box, rules.n_refine_steps)
        self.module_.requires_grad_(True)
        return proposals, found

    def _ascend(self, profiles, truths):
        """Train the misreporter on its gain, as published, and return its reports."""
        self.module_.requires_grad_(False)
        for _ in range(self.rules.n_misreporter_updates):
            reports = own_proposals(self.misreporter_, profiles, truths)
            gains = own_gains(self.module_, profiles, truths, reports)
            self._step_misreporter(-gains.mean(dim=(1, 2)).sum())
        self.module_.requires_grad_(True)
        with torch.no_grad():
            reports = own_proposals(self.misreporter_, profiles, truths)
        return reports, reports

    def _imitate(self, proposals, reports, best):
        """Train the misreporter towards the best report found for each of its truths."""
        index = best[:, :, : proposals.shape[2]].unsqueeze(-1).expand(proposals.shape)
        self._step_misreporter((proposals - reports.gather(2, index)).square().mean())

    @staticmethod
    def _every_second(truths):
        odd = torch.arange(truths.shape[2], device=truths.device) % 2 == 1
        return odd.view(1, 1, -1, 1)

    def _step_misreporter(self, loss):
        self.misreporter_optimizer_.zero_grad()
        loss.backward()
        self.misreporter_optimizer_.step()

    def _reset_misreporter(self, generator):
        """Start the misreporter afresh, from a new draw, when its period is over."""
        period, step = self.rules.misreporter_reset_every, self.n_steps_
        if not period or step == 0 or step % period or step >= self.rules.misreporter_reset_until:
            return
        rules = self.rules
        fresh = build_seeded(
            lambda: MISREPORTERS[rules.architecture](
                rules.n_bidders, rules.n_items, tuple(rules.hidden_layer_sizes), rules.activation
            ),
            generator,
        )
        for old, new in zip(self.misreporter_.parameters(), fresh.parameters()):
            old.data.copy_(new.data)
        self.misreporter_optimizer_.state.clear()
