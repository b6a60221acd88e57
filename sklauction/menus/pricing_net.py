"""Training of price sheets, on the loop of every learned auction."""

import copy
import math
from typing import NamedTuple

import numpy as np
import torch

from sklauction.menus.price_sheets import PriceSheets, settle, soft_choice
from sklauction.menus.pricing_mechanism import PricingMechanism
from sklauction.menus.sheet_network import PriceSheetNetwork
from sklauction.training import WARM_UP_UPDATES, AuctionNet, Judgement, make_generator

__all__ = ["PricingNet", "PricingRules"]

# Share of the first learning rate that is left at the end.
LAST_RATE = 0.01
# Updates after which annealing without an end is half done.
HALF_ANNEALED = 2000
# Added under square roots, whose slope is infinite at zero: with less, a single clash in a batch
# drives prices far away from any, and revenue is lost.
EPSILON = 1e-3
# Weight of the newest update in the running loss by which a start is chosen where no
# profiles are held out.
NEWEST = 0.01


class PricingRules(NamedTuple):
    """How price sheets are trained.

    Attributes
    ----------
    design : SheetDesign
    thresholds : ThresholdPrices
    reserves, location, spread : ndarray of shape (n_bidders, n_items)
        Lowest thresholds; mean and standard deviation of bids; in units of the scale.
    support : ndarray of shape (n_bidders, n_items, 2)
        Range of bids, in units of the scale; the same for all that is alike.
    sharpness : (float, float)
        Of the softened choice at the beginning and at the end of annealing, per unit of
        the scale: with a surplus of 1 / sharpness an option is taken in e of e + 1 cases.
    objective : {"penalty", "certified"}
        Revenue less a price for clashes, or ALGNet's loss with the regret bound as R.
    clash_cost : (float, float)
        What an item given out twice costs under "penalty", in units of the scale, at the
        beginning and the end of annealing.
    shuffle_bidders : bool
        Whether each bidder's value in a batch comes from a profile of its own
        (independent bidders), and from any bidder where they are alike.
    anneal_updates : int or None
        Updates over which the step size falls and choices sharpen. None has no end: the step
        size is the net's ``schedule``, and choices sharpen ever more slowly.
    """

    design: object
    thresholds: object
    reserves: np.ndarray
    support: np.ndarray
    location: np.ndarray
    spread: np.ndarray
    sharpness: tuple
    objective: str
    clash_cost: tuple
    shuffle_bidders: bool
    anneal_updates: int | None


class PricingNet(AuctionNet):
    """Price sheets in training: ``module_`` is the network, of several starts at once.

    Parameters
    ----------
    rules : PricingRules
    **kwargs
        Parameters of :class:`~sklauction.training.AuctionNet`.
    """

    n_held_out = 4096
    judge_first = True
    # Judged by bounds.
    regret_relation = "<="

    def __init__(self, rules, **kwargs):
        super().__init__(PriceSheetNetwork, **kwargs)
        self.rules = rules

    def initialize_module(self):
        """Build the network from the seed, in single precision, and keep an exact original."""
        rules = self.rules
        self.exact_ = PriceSheetNetwork(
            rules.design,
            rules.thresholds,
            rules.reserves,
            rules.support,
            rules.location,
            rules.spread,
            make_generator(self.seed, 0),
        )
        self.module_ = copy.deepcopy(self.exact_).float().to(self.device)
        self.running_loss_ = torch.zeros(rules.design.n_starts, device=self.device)
        return self

    def initialize_optimizer(self):
        """Give the network Adam."""
        self.optimizer_ = torch.optim.Adam(
            self.module_.parameters(), lr=self.lr, betas=(0.9, 0.99), fused=True
        )
        return self

    def train_step(self, batch, **fit_params):
        """Lower the loss of every start on one batch; return means over starts."""
        for group in self.optimizer_.param_groups:
            group["lr"] = self.current_rate()
        profiles = self._shuffle(batch) if self.rules.shuffle_bidders else batch.profiles
        sheets = self.module_(profiles)
        sharpness = self._between(*self.rules.sharpness)
        payments, allocations = soft_choice(profiles, sheets, sharpness)
        revenue = payments.sum(dim=2).mean(dim=1)
        excess = (allocations.sum(dim=2) - 1).clamp_min(0.0)
        if self.rules.objective == "certified":
            regret = _regret_bounds(profiles, sheets).mean(dim=1)
            # An item that is sold twice is paid once.
            unpaid = (excess * sheets.item_prices.amax(dim=2)).sum(dim=2).mean(dim=1)
            revenue = (revenue - unpaid).clamp_min(0.0)
            roots = torch.sqrt(revenue + EPSILON) - torch.sqrt(regret + EPSILON)
            loss = regret - roots
        else:
            regret = excess.sum(dim=2).mean(dim=1)
            loss = self._between(*self.rules.clash_cost) * regret - revenue
        self.optimizer_.zero_grad()
        # Starts do not share weights: the gradient of the sum is each one's own.
        loss.sum().backward()
        self.optimizer_.step()
        self.running_loss_.lerp_(loss.detach(), NEWEST)
        name = "total_regret" if self.rules.objective == "certified" else "clashes"
        return {"loss": loss.mean(), "revenue": revenue.mean(), name: regret.mean()}

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

    def judge(self, profiles):
        """Return how the best start does on held-out profiles, and its weights."""
        bids = torch.as_tensor(profiles, device=self.device)
        network = copy.deepcopy(self.module_).eval()
        network.load_state_dict(self.average_weights_)
        with torch.no_grad():
            sheets = network(bids)
            outcomes = [settle(bids, _start(sheets, k)) for k in range(len(sheets.item_prices))]
        judged = [
            Judgement(
                outcome.payments.sum(dim=1).cpu().double().numpy(),
                outcome.regret_bounds.sum(dim=1).cpu().double().numpy(),
                {name: w[k : k + 1].clone() for name, w in self.average_weights_.items()},
            )
            for k, outcome in enumerate(outcomes)
        ]
        return max(judged, key=lambda one: one.score)

    def prefers(self, judgement, best):
        """Prefer later weights unless they are worse beyond sampling error.

        Training anneals, so the last weights are the best but for overfitting. The error
        is that of the difference in revenue on the same profiles.
        """
        difference = judgement.revenues - best.revenues
        error = difference.std() / math.sqrt(len(difference))
        worth, best_worth = max(judgement.score, 0.0) ** 2, max(best.score, 0.0) ** 2
        return worth >= best_worth - 2 * error

    def average_mechanism(self, weights=None):
        """Return the auction of the given weights, or of the start with the least loss."""
        if weights is None:
            start = int(self.running_loss_.argmin())
            weights = {
                name: weight[start : start + 1] for name, weight in self.average_weights_.items()
            }
        network = self.exact_.take_start(0)
        network.load_state_dict(weights)
        return PricingMechanism(network.double().requires_grad_(False).eval(), self.scale).to(
            self.device
        )

    def _between(self, first, last):
        """Return a geometric path from first to last, along annealing."""
        return first * (last / first) ** self.progress

    def _shuffle(self, batch):
        """Return profiles whose bidders come from different rows of the pool."""
        n_profiles, n_bidders, _ = batch.profiles.shape
        shape = (n_profiles, n_bidders)
        rows = torch.randint(len(batch.pool), shape, generator=batch.generator)
        if self.rules.design.alike_bidders:
            bidders = torch.randint(n_bidders, shape, generator=batch.generator)
        else:
            bidders = torch.arange(n_bidders).expand(shape)
        return batch.pool[rows.to(batch.pool.device), bidders.to(batch.pool.device)]


def _start(sheets, start):
    return PriceSheets(*(part[start] for part in sheets))


def _regret_bounds(profiles, sheets):
    """Return the bound on total regret, (n_starts, n), of each start and profile."""
    n_starts = len(sheets.item_prices)
    flat = PriceSheets(*(part.flatten(0, 1) for part in sheets))
    bids = profiles.repeat(n_starts, 1, 1)
    return settle(bids, flat).regret_bounds.sum(dim=1).unflatten(0, (n_starts, -1))
