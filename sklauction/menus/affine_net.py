"""Training of affine maximizers and of menus for one buyer."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from sklauction.learned.annealed_net import AnnealedNet
from sklauction.learned.design import AnnealedRules
from sklauction.learned.training import make_generator
from sklauction.menus.affine import affine_outcome, row_welfare, soft_revenue
from sklauction.menus.affine_mechanism import AffineMechanism
from sklauction.menus.free_menu import FreeMenu
from sklauction.menus.menu_rows import rows_from_logits

__all__ = ["PROFILES_AT_ONCE", "AffineNet", "AffineRules"]

# Profiles evaluated at a time, to bound memory.
PROFILES_AT_ONCE = 512
# Profiles that determine which rows are dead, that is, chosen by none of them.
REVIVAL_PROFILES = 4096
# Share of annealing after which no row is revived, as it would no longer find a good place.
LAST_REVIVAL = 0.25
# Largest share of rows revived at a time.
MAX_REVIVED = 0.1
# Standard deviation of the noise added to the logits of a copied row.
REVIVAL_NOISE = 1.0
# Share of profiles that choose a revived row at first.
REVIVED_SHARE = 0.001
# Added to the iteration to get a random stream other than that of the updates.
REVIVAL_STREAM = 1 << 31


@dataclass(frozen=True, kw_only=True)
class AffineRules(AnnealedRules):
    """How a menu is trained.

    Parameters
    ----------
    make_menu : callable
        ``(design, values, generator) -> module``; calling the module returns an AffineMenu.
    values : ndarray of shape (n_samples, n_bidders, n_items)
        Samples that determine the initial prices, in units of the scale.
    reserves : ndarray of shape (n_bidders, n_items) or None
        If given, the menu also holds all integral allocations, at these reserve prices in
        units of the scale: see :func:`~sklauction.menus.affine.sell_item_wise`.
    relative_spread : float
        Standard deviation of the values, in units of the scale, divided by that of the uniform
        distribution on [0, 1]. Step sizes are proportional to it.
    revive : bool
        Whether rows that no profile chooses are replaced.
    floor : ndarray of shape (n_bidders, n_items) or None, default=None
        Lowest prices, in money. If given, profiles are net values: see
        :mod:`sklauction.menus.floor`.
    """

    make_menu: object
    values: np.ndarray
    reserves: np.ndarray | None
    relative_spread: float
    revive: bool
    floor: np.ndarray | None = None


class AffineNet(AnnealedNet):
    """Training state of menus: ``module_`` returns the menus of all starts.

    Parameters
    ----------
    rules : AffineRules
    **kwargs
        Parameters of :class:`~sklauction.learned.training.AuctionNet`.
    """

    def initialize_module(self):
        """Build the menus from the seed."""
        self.module_ = self._make_module(self.rules.design)
        return self

    def train_step(self, batch, **fit_params):
        """Take one revenue gradient step for every start; return the mean over starts."""
        sharpness = self.between(*self.rules.sharpness)
        revenue = soft_revenue(self.profiles_of(batch), self._menus(), sharpness)
        self.descend(-revenue)
        return {"revenue": revenue.mean()}

    def current_rate(self):
        """Return the learning rate of the next update, proportional to the spread of values."""
        return self.rules.relative_spread * super().current_rate()

    def revenues_and_regrets(self, bids):
        """Yield revenue of each profile and regret, which is 0, for every start."""
        menus, parts = self._menus(), bids.split(PROFILES_AT_ONCE)
        for start in range(self.rules.design.n_starts):
            menu = menus.start(start)
            revenues = torch.cat([affine_outcome(part, menu)[2].sum(dim=1) for part in parts])
            yield revenues, torch.zeros_like(revenues)

    def menu_of(self, weights=None):
        """Return the menu of the given weights, or of the start with the lowest loss.

        Parameters
        ----------
        weights : dict of {str: Tensor}, optional
            Weights of one start, as in :meth:`evaluate`.

        Returns
        -------
        AffineMenu
            In double precision, without leading axes.
        """
        weights = self.weights_of(None) if weights is None else weights
        module = self._make_module(replace(self.rules.design, n_starts=1))
        module.load_state_dict(weights)
        with torch.no_grad():
            return self._with_reserves(module.double()()).start(0)

    def average_mechanism(self, weights=None):
        """Return the auction of the given weights, or of the start with the lowest loss."""
        return AffineMechanism(self.menu_of(weights), self.scale, self.rules.floor)

    def _menus(self):
        return self._with_reserves(self.module_())

    def _with_reserves(self, menu):
        reserves = self.rules.reserves
        if reserves is None:
            return menu
        return menu._replace(reserves=torch.as_tensor(reserves).to(menu.boosts))

    def _make_module(self, design):
        generator = make_generator(self.seed, 0)
        return self.rules.make_menu(design, self.rules.values, generator).to(self.device)

    def _train_iteration(self, batches, step_fn):
        super()._train_iteration(batches, step_fn)
        learned = isinstance(self.module_, FreeMenu) and not self.module_.fixed_rows
        if self.rules.revive and learned and self.progress < LAST_REVIVAL:
            self._revive(batches.profiles)

    @torch.no_grad()
    def _revive(self, pool):
        """Replace rows that no profile chooses by perturbed copies of chosen rows."""
        generator = make_generator(self.seed, REVIVAL_STREAM + self.n_iter_)
        drawn = torch.randint(len(pool), (REVIVAL_PROFILES,), generator=generator)
        profiles, menus = pool[drawn.to(pool.device)], self._menus()
        for start in range(self.rules.design.n_starts):
            menu = menus.start(start)
            parts = profiles.split(PROFILES_AT_ONCE)
            best = [row_welfare(part, menu)[0].max(dim=1) for part in parts]
            welfare, chosen = (torch.cat(part) for part in zip(*best))
            dead, alive = self._pair_rows(chosen, len(menu.boosts), generator)
            if len(dead):
                logits = self.module_.logits[start, alive]
                noise = torch.randn(logits.shape, generator=generator)
                logits = logits + REVIVAL_NOISE * noise.to(logits.device)
                boosts = self._low_boosts(logits, profiles, menu.weights, welfare)
                self._replace_rows(start, dead, alive, logits, boosts)

    def _pair_rows(self, chosen, menu_size, generator):
        """Return dead rows and, drawn in proportion to their choices, a chosen row for each."""
        n_rows = self.rules.design.n_rows
        counts = torch.bincount(chosen.cpu(), minlength=menu_size)[1:]
        counts = counts.view(-1, n_rows).sum(dim=0)
        dead = (counts == 0).nonzero().squeeze(1)
        if not len(dead) or len(dead) == n_rows:
            return dead[:0], dead[:0]
        most = math.ceil(MAX_REVIVED * n_rows)
        dead = dead[torch.randperm(len(dead), generator=generator)[:most]]
        return dead, torch.multinomial(counts.double(), len(dead), True, generator=generator)

    def _low_boosts(self, logits, profiles, weights, welfare):
        """Return boosts at which a share REVIVED_SHARE of the profiles chooses each new row."""
        rows = rows_from_logits(logits, self.rules.design) * weights[:, None]
        lead = profiles.flatten(1) @ rows.flatten(1).T - welfare.unsqueeze(1)
        return -torch.quantile(lead, 1 - REVIVED_SHARE, dim=0)

    def _replace_rows(self, start, dead, alive, logits, boosts):
        """Set dead rows to new parameters, and their optimizer state from the copied rows."""
        module = self.module_
        module.logits[start, dead] = logits
        module.boosts[start, dead] = boosts
        for parameter in (module.logits, module.boosts):
            state = self.optimizer_.state[parameter]
            state["exp_avg"][start, dead] = 0.0
            state["exp_avg_sq"][start, dead] = state["exp_avg_sq"][start, alive]
