"""Training of the two players: one update of the misreporters and of the auctioneer."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from sklauction.learned.design import Rules
from sklauction.learned.training import AuctionNet, make_generator
from sklauction.two_player.layers import build_seeded
from sklauction.two_player.misreporters import Groups, draw_truths, perturb
from sklauction.two_player.networks import find_network
from sklauction.two_player.objectives import OBJECTIVES
from sklauction.two_player.own_network import OwnNetwork, build_own
from sklauction.two_player.searchers import SEARCHERS, SearchProblem

__all__ = ["GameRules", "TwoPlayerNet"]


@dataclass(frozen=True, kw_only=True)
class GameRules(Rules):
    """Settings of the game: networks, objective and misreports.

    Parameters
    ----------
    architecture : str or type
        A key of ``AUCTIONEERS`` or a class of network defined by the user.
    objective : str
        A key of ``OBJECTIVES``.
    objective_options : dict
        Further arguments of the objective.
    n_shared_reports, n_local_reports, n_proposals, n_ascents, n_refine_steps, n_remembered : int
        Numbers of reports in a group; see :class:`~sklauction.ALGNetAuction`.
    n_cached_steps : int
    cached_step_size : float
        See :class:`~sklauction.two_player.searchers.CachedSearcher`.
    n_misreporter_updates, misreporter_reset_every, misreporter_reset_until : int
        Schedule of the published misreporter. With a period of 0 it is never reset.
    location, spread : ndarray of shape (n_bidders, n_items)
        Mean and standard deviation of valuations, in units of the scale.
    """

    architecture: object
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
    n_misreporter_updates: int
    misreporter_reset_every: int
    misreporter_reset_until: int
    location: np.ndarray
    spread: np.ndarray


class TwoPlayerNet(AuctionNet):
    """Network of the game: ``module_`` is the auctioneer, ``searchers_`` are the misreporters.

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
        network = find_network(rules.architecture, rules.design.domain)
        super().__init__(network or OwnNetwork, **kwargs)
        self.rules = rules
        self.betas = betas

    def initialize_module(self):
        """Build the auctioneer, the searchers and the objective from the seed."""
        rules, generator = self.rules, make_generator(self.seed, 0)
        self.module_ = self._make_auctioneer(generator)
        box = self._box("cpu")
        self.searchers_ = nn.ModuleList(
            build(rules, box, generator) for build in SEARCHERS.values() if build.is_used(rules)
        )
        objective = OBJECTIVES[rules.objective]
        self.objective_ = objective(rules.design.n_bidders, **rules.objective_options)
        return self

    def _make_auctioneer(self, generator):
        rules = self.rules
        build = find_network(rules.architecture, rules.design.domain)
        if build is None:
            return build_own(rules.architecture, rules.design, generator)
        auctioneer = build_seeded(lambda: build(rules.design), generator)
        auctioneer.prepare(rules.location, rules.spread)
        return auctioneer

    def initialize_optimizer(self):
        """Make the Adam optimizer of each player."""
        self.optimizer_ = torch.optim.Adam(
            self.module_.parameters(), lr=self.lr, betas=self.betas, fused=True
        )
        for searcher in self.searchers_:
            searcher.make_optimizer(self.lr)
        return self

    def set_state(self, state, *, history=True):
        """Restore a state; see :meth:`~sklauction.learned.training.AuctionNet.set_state`."""
        super().set_state(state, history=history)
        # An interrupted update may have left gradients disabled.
        self.module_.requires_grad_(True)

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Pass the training profiles to the searchers."""
        super().on_train_begin(net, X, y, **kwargs)
        if X is not None:
            for searcher in self.searchers_:
                searcher.set_pool(X[0], self.seed)

    def train_step(self, batch, **fit_params):
        """Update the searchers and the auctioneer; return loss, objective and total regret."""
        rate = self.current_rate()
        for group in self.optimizer_.param_groups:
            group["lr"] = rate
        problem, others = self._make_groups(batch)
        found = self._search(problem, rate, batch.generator)
        reports = torch.cat([problem.truths, *found, others], dim=2)
        play = problem.groups.play(problem.truths, reports)
        loss = self._update_auctioneer(play)
        for searcher in self.searchers_:
            searcher.update(reports, play)
        named = self.domain.objective_name
        return {"loss": loss, named: play.objective, "total_regret": play.regrets.sum()}

    def _make_groups(self, batch):
        """Return the groups of a batch, and their shared and local reports (d, g, l, m)."""
        truths, others = self._draw_reports(batch)
        own, profiles = truths[:, :, :1], batch.profiles
        if self.rules.design.n_bidders == 1 and self.rules.n_shared_reports > 0:
            # Without other bidders the groups of all profiles can be pooled.
            profiles = profiles[:1]
            truths, others, own = (
                part.flatten(1, 2).unsqueeze(1) for part in (truths, others, own)
            )
        groups = Groups(self.domain, self.module_, profiles)
        return SearchProblem(groups, truths, own, batch.rows), others

    def _search(self, problem, rate, generator):
        self.module_.requires_grad_(False)
        found = [searcher.search(problem, rate, generator) for searcher in self.searchers_]
        self.module_.requires_grad_(True)
        return found

    def _update_auctioneer(self, play):
        loss = self.objective_(play)
        self.optimizer_.zero_grad()
        loss.backward()
        self.optimizer_.step()
        with torch.no_grad():
            self.objective_.update(play, self.n_steps_ + 1)
        return loss

    def _box(self, device):
        """Return lowest and highest reports in units of the scale."""
        return torch.as_tensor(self.support / self.scale, dtype=torch.float32, device=device)

    def _draw_reports(self, batch):
        """Return the truths of each group, and its shared and local reports."""
        rules = self.rules
        values = draw_truths(
            batch.profiles, batch.pool, 1 + rules.n_shared_reports, batch.generator
        )
        others = []
        if not rules.independent_bidders:
            values, shared = values[:, :, :1], values[:, :, 1:]
            others.append(shared)
        if rules.n_local_reports:
            box = self._box(batch.profiles.device)
            others.append(perturb(values, rules.n_local_reports, box, batch.generator))
        return values, torch.cat(others, dim=2) if others else values[:, :, :0]
