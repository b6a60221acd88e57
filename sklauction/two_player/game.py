"""The two-player step: auctioneer and misreporter, each with its optimizer, on one loop."""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from sklauction.learned.training import AuctionNet, make_generator
from sklauction.two_player.layers import build_seeded
from sklauction.two_player.misreporters import draw_truths, perturb, play_groups
from sklauction.two_player.networks import AUCTIONEERS, NetworkShape
from sklauction.two_player.objectives import OBJECTIVES
from sklauction.two_player.own_network import OwnNetwork, build_own
from sklauction.two_player.searchers import SEARCHERS, View

__all__ = ["GameRules", "TwoPlayerNet"]


class GameRules(NamedTuple):
    """What the players look like, how misreports are found and what is minimised.

    Attributes
    ----------
    architecture : str or type
        A name of ``AUCTIONEERS`` or a user's own class of network.
    shape : NetworkShape
    objective : str
        A name of ``OBJECTIVES``.
    objective_options : dict
        The parameters that it takes.
    n_shared_reports, n_local_reports, n_proposals, n_ascents, n_refine_steps, n_remembered : int
        Size of each part of a group; see :mod:`sklauction.two_player.misreporters`.
    n_cached_steps : int
    cached_step_size : float
        See :class:`~sklauction.two_player.searchers.CachedSearcher`.
    shared_truths : bool
        Whether values from other profiles may count as truths (independent bidders).
    n_misreporter_updates, misreporter_reset_every, misreporter_reset_until : int
        The published schedule of the misreporter; a reset period of 0 means never.
    location, spread : ndarray of shape (n_bidders, n_items)
        Mean and standard deviation of valuations, in units of the scale.
    """

    architecture: object
    shape: NetworkShape
    objective: str
    objective_options: dict
    n_shared_reports: int
    n_local_reports: int
    n_proposals: int
    n_ascents: int
    n_refine_steps: int
    n_remembered: int
    n_cached_steps: int
    cached_step_size: float
    shared_truths: bool
    n_misreporter_updates: int
    misreporter_reset_every: int
    misreporter_reset_until: int
    location: np.ndarray
    spread: np.ndarray


class TwoPlayerNet(AuctionNet):
    """The game: ``module_`` is the auctioneer, ``searchers_`` its adversaries.

    Parameters
    ----------
    rules : GameRules
    betas : (float, float)
        Of the auctioneer's Adam.
    **kwargs
        Parameters of :class:`~sklauction.learned.training.AuctionNet`.
    """

    trained = ("module_", "searchers_", "objective_")

    def __init__(self, rules, betas, **kwargs):
        super().__init__(AUCTIONEERS.get(rules.architecture, OwnNetwork), **kwargs)
        self.rules = rules
        self.betas = betas

    def initialize_module(self):
        """Build both players, and what the auctioneer minimises, from the seed."""
        rules, generator = self.rules, make_generator(self.seed, 0)
        if rules.architecture in AUCTIONEERS:
            build = AUCTIONEERS[rules.architecture]
            self.module_ = build_seeded(lambda: build(rules.shape), generator)
            self.module_.prepare(rules.location, rules.spread)
        else:
            self.module_ = build_own(rules.architecture, rules.shape, generator)
        box = self._box("cpu")
        self.searchers_ = nn.ModuleList(
            build(rules, box, generator) for build in SEARCHERS.values() if build.wanted(rules)
        )
        self.objective_ = OBJECTIVES[rules.objective](
            rules.shape.n_bidders, **rules.objective_options
        )
        return self

    def initialize_optimizer(self):
        """Give each player its own Adam."""
        self.optimizer_ = torch.optim.Adam(
            self.module_.parameters(), lr=self.lr, betas=self.betas, fused=True
        )
        for searcher in self.searchers_:
            searcher.begin(self.lr)
        return self

    def set_state(self, state, *, history=True):
        """Go back to a state; see :meth:`~sklauction.learned.training.AuctionNet.set_state`."""
        super().set_state(state, history=history)
        # An update that was cut short may have left it without.
        self.module_.requires_grad_(True)

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Show the searchers the training profiles."""
        super().on_train_begin(net, X, y, **kwargs)
        if X is not None:
            for searcher in self.searchers_:
                searcher.meet(X[0], self.seed)

    def train_step(self, batch, **fit_params):
        """Let the misreporters move, then the auctioneer; return loss, revenue and regret."""
        rate = self.current_rate()
        for group in self.optimizer_.param_groups:
            group["lr"] = rate
        truths, others = self._draw_reports(batch)
        own, profiles = truths[:, :, :1], batch.profiles
        if self._one_group:
            # Without other bidders every report meets the same profile: pool all groups.
            profiles = profiles[:1]
            truths, others, own = (
                part.flatten(1, 2).unsqueeze(1) for part in (truths, others, own)
            )
        view = View(self.module_, profiles, truths, own, batch.rows)
        self.module_.requires_grad_(False)
        found = [searcher.search(view, rate, batch.generator) for searcher in self.searchers_]
        self.module_.requires_grad_(True)
        reports = torch.cat([truths, *found, others], dim=2)
        play = play_groups(self.module_, profiles, truths, reports[:, :, truths.shape[2] :])
        loss = self.objective_(play.revenue, play.regrets)
        self.optimizer_.zero_grad()
        loss.backward()
        self.optimizer_.step()
        with torch.no_grad():
            self.objective_.update(play.revenue, play.regrets, self.n_steps_ + 1)
        for searcher in self.searchers_:
            searcher.learn(reports, play)
        return {"loss": loss, "revenue": play.revenue, "total_regret": play.regrets.sum()}

    def _box(self, device):
        """Return lowest and highest reports in units of the scale."""
        return torch.as_tensor(self.support / self.scale, dtype=torch.float32, device=device)

    @property
    def _one_group(self):
        return self.rules.shape.n_bidders == 1 and self.rules.n_shared_reports > 0

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
            box = self._box(batch.profiles.device)
            others.append(perturb(values, rules.n_local_reports, box, batch.generator))
        return values, torch.cat(others, dim=2) if others else values[:, :, :0]
