"""Training of affine maximizers and of one buyer's menus, on the loop of every learned auction."""

import math
from typing import NamedTuple

import numpy as np
import torch

from sklauction.learned.annealed_net import AnnealedNet
from sklauction.learned.training import Judgement, make_generator
from sklauction.menus.affine import affine_outcome, sell_item_wise, soft_revenue
from sklauction.menus.affine_mechanism import AffineMechanism
from sklauction.menus.free_menu import FreeMenu
from sklauction.menus.menu_rows import rows_from_logits

__all__ = ["PROFILES_AT_ONCE", "AffineNet", "AffineRules"]

# Profiles judged at a time, to bound memory.
PROFILES_AT_ONCE = 512
# Rows that none of so many profiles chooses are dead.
PROFILES_LOOKED_AT = 4096
# No row is revived once this share of annealing is done: it would not find its place any more.
LAST_REVIVAL = 0.25
# Largest share of the rows that are revived at a time.
MOST_REVIVED = 0.1
# Spread of the logits of a revived row around those of the row it is copied from.
REVIVED_SPREAD = 1.0
# Share of profiles that choose it at first.
REVIVED_SHARE = 0.001
# Added to the iteration, to draw from another stream than the updates.
REVIVAL_STREAM = 1 << 31


class AffineRules(NamedTuple):
    """How a menu is trained.

    Attributes
    ----------
    design : MenuDesign
    make_menu : callable
        ``(design, values, generator) -> module`` that returns an AffineMenu when called.
    values : ndarray of shape (n_samples, n_bidders, n_items)
        Samples on which first prices are found, in units of the scale.
    reserves : ndarray of shape (n_bidders, n_items) or None
        Given, the menu also holds all integral allocations, at these reserve prices in
        units of the scale: see :func:`~sklauction.menus.affine.sell_item_wise`.
    sharpness : (float, float)
        Of the softened choice of a row at the beginning and at the end of annealing, per
        unit of the scale.
    unit : float
        Spread of the values, in units of the scale, relative to that of uniform values on
        [0, 1]: steps are taken in proportion.
    revives : bool
        Whether rows that nobody chooses are replaced.
    shuffle_bidders : bool
        Whether each bidder's value in a batch comes from a profile of its own.
    anneal_updates : int
        Updates over which the step size falls and choices sharpen.
    """

    design: object
    make_menu: object
    values: np.ndarray
    reserves: np.ndarray | None
    sharpness: tuple
    unit: float
    revives: bool
    shuffle_bidders: bool
    anneal_updates: int


class AffineNet(AnnealedNet):
    """Menus in training: ``module_`` is what produces them, of several starts at once.

    Parameters
    ----------
    rules : AffineRules
    **kwargs
        Parameters of :class:`~sklauction.learned.training.AuctionNet`.
    """

    def __init__(self, rules, **kwargs):
        super().__init__(torch.nn.Module, rules, **kwargs)

    def initialize_module(self):
        """Build the menus from the seed."""
        self.module_ = self._make_module(self.rules.design)
        return self

    def train_step(self, batch, **fit_params):
        """Raise the revenue of every start on one batch; return means over starts."""
        sharpness = self.between(*self.rules.sharpness)
        revenue = soft_revenue(self.profiles_of(batch), self._menus(), sharpness)
        self.descend(-revenue)
        return {"revenue": revenue.mean()}

    def current_rate(self):
        """Return the learning rate of the coming update, in proportion to the values' spread."""
        return self.rules.unit * super().current_rate()

    def judge(self, profiles):
        """Return how the best start does on held-out profiles, and its weights."""
        bids = torch.as_tensor(profiles, device=self.device)
        judged = []
        with torch.no_grad():
            menus = self._menus()
            for start in range(self.rules.design.n_starts):
                menu = menus.start(start)
                revenues = torch.cat(
                    [
                        affine_outcome(part, menu)[2].sum(dim=1)
                        for part in bids.split(PROFILES_AT_ONCE)
                    ]
                )
                revenues = revenues.cpu().double().numpy()
                regrets = np.zeros_like(revenues)
                judged.append(Judgement(revenues, regrets, self.weights_of(start)))
        return max(judged, key=lambda one: one.revenue)

    def menu_of(self, weights=None):
        """Return the menu of the given weights, or of the start with the least loss.

        Parameters
        ----------
        weights : dict of {str: Tensor}, optional
            As :meth:`judge` returns them.

        Returns
        -------
        AffineMenu
            In double precision, without leading axes.
        """
        weights = self.weights_of(None) if weights is None else weights
        module = self._make_module(self.rules.design._replace(n_starts=1))
        module.load_state_dict(weights)
        with torch.no_grad():
            return self._with_reserves(module.double()()).start(0)

    def average_mechanism(self, weights=None):
        """Return the auction of the given weights, or of the start with the least loss."""
        return AffineMechanism(self.menu_of(weights), self.scale)

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
        if self.rules.revives and learned and self.progress < LAST_REVIVAL:
            self._revive(batches.profiles)

    @torch.no_grad()
    def _revive(self, pool):
        """Replace rows that nobody chooses by disturbed copies of chosen ones.

        Rows are copied as often as they are chosen. A copy's boost is such that few
        profiles choose it: what is learned is not thrown over, and gradients decide.
        """
        design, module = self.rules.design, self.module_
        generator = make_generator(self.seed, REVIVAL_STREAM + self.n_iter_)
        looked_at = torch.randint(len(pool), (PROFILES_LOOKED_AT,), generator=generator)
        profiles, menus = pool[looked_at.to(pool.device)], self._menus()
        bids = profiles.flatten(1)
        weighted = menus.allocations * menus.weights[:, None, :, None]
        for start in range(design.n_starts):
            rows, boosts = weighted[start].flatten(1), menus.boosts[start]
            best, chosen = [], []
            for part in profiles.split(PROFILES_AT_ONCE):
                welfare = torch.addmm(boosts, part.flatten(1), rows.T)
                if menus.reserves is not None:
                    items = sell_item_wise(part, menus.weights[start], menus.reserves)
                    welfare[:, 0] = items.welfare
                most, row = welfare.max(dim=1)
                best.append(most)
                chosen.append(row)
            best, chosen = torch.cat(best), torch.cat(chosen)
            counts = torch.bincount(chosen.cpu(), minlength=len(boosts))[1:]
            counts = counts.view(-1, design.n_rows).sum(dim=0)
            dead = (counts == 0).nonzero().squeeze(1)
            if not len(dead) or len(dead) == design.n_rows:
                continue
            most = math.ceil(MOST_REVIVED * design.n_rows)
            dead = dead[torch.randperm(len(dead), generator=generator)[:most]]
            alive = torch.multinomial(counts.double(), len(dead), True, generator=generator)
            which = torch.full_like(dead, start)
            logits = module.logits[which, alive]
            noise = torch.randn(logits.shape, generator=generator)
            logits = logits + REVIVED_SPREAD * noise.to(logits.device)
            copies = rows_from_logits(logits, design) * menus.weights[start][:, None]
            lead = bids @ copies.flatten(1).T - best.unsqueeze(1)
            module.logits[which, dead] = logits
            module.boosts[which, dead] = -torch.quantile(lead, 1 - REVIVED_SHARE, dim=0)
            for parameter in (module.logits, module.boosts):
                state = self.optimizer_.state[parameter]
                state["exp_avg"][which, dead] = 0.0
                state["exp_avg_sq"][which, dead] = state["exp_avg_sq"][which, alive]
