"""Training of price sheets, on the loop of every learned auction."""

import copy
from typing import NamedTuple

import numpy as np
import torch

from sklauction.learned.annealed_net import AnnealedNet
from sklauction.learned.training import Judgement, make_generator
from sklauction.price_sheets.mechanism import PricingMechanism
from sklauction.price_sheets.network import PriceSheetNetwork
from sklauction.price_sheets.sheets import PriceSheets, settle, soft_choice

__all__ = ["PricingNet", "PricingRules"]

# Added under square roots, whose slope is infinite at zero: with less, a single clash in a batch
# drives prices far away from any, and revenue is lost.
EPSILON = 1e-3


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


class PricingNet(AnnealedNet):
    """Price sheets in training: ``module_`` is the network, of several starts at once.

    Parameters
    ----------
    rules : PricingRules
    **kwargs
        Parameters of :class:`~sklauction.learned.training.AuctionNet`.
    """

    def __init__(self, rules, **kwargs):
        super().__init__(PriceSheetNetwork, rules, **kwargs)

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
        return self

    def __getstate__(self):
        state = super().__getstate__()
        thresholds = copy.deepcopy(self.rules.thresholds).cpu()
        return {**state, "rules": self.rules._replace(thresholds=thresholds)}

    def train_step(self, batch, **fit_params):
        """Lower the loss of every start on one batch; return means over starts."""
        profiles = self.profiles_of(batch)
        sheets = self.module_(profiles)
        sharpness = self.between(*self.rules.sharpness)
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
            loss = self.between(*self.rules.clash_cost) * regret - revenue
        self.descend(loss)
        name = "total_regret" if self.rules.objective == "certified" else "clashes"
        return {"loss": loss.mean(), "revenue": revenue.mean(), name: regret.mean()}

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
                self.weights_of(k),
            )
            for k, outcome in enumerate(outcomes)
        ]
        return max(judged, key=lambda one: one.score)

    def average_mechanism(self, weights=None):
        """Return the auction of the given weights, or of the start with the least loss."""
        weights = self.weights_of(None) if weights is None else weights
        network = self.exact_.take_start(0)
        network.load_state_dict(weights)
        return PricingMechanism(network.double().requires_grad_(False).eval(), self.scale).to(
            self.device
        )


def _start(sheets, start):
    return PriceSheets(*(part[start] for part in sheets))


def _regret_bounds(profiles, sheets):
    """Return the bound on total regret, (n_starts, n), of each start and profile."""
    n_starts = len(sheets.item_prices)
    flat = PriceSheets(*(part.flatten(0, 1) for part in sheets))
    bids = profiles.repeat(n_starts, 1, 1)
    return settle(bids, flat).regret_bounds.sum(dim=1).unflatten(0, (n_starts, -1))
