"""Training of price sheets."""

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch

from sklauction.learned.annealed_net import AnnealedNet
from sklauction.learned.design import AnnealedRules
from sklauction.learned.training import make_generator
from sklauction.price_sheets.mechanism import PricingMechanism
from sklauction.price_sheets.network import PriceSheetNetwork
from sklauction.price_sheets.sheets import PriceSheets, settle, soft_choice

__all__ = ["PricingNet", "PricingRules"]

# Added under square roots, whose slope is infinite at zero. With a smaller value, a single clash in
# a batch moves prices far from all clashes and loses revenue.
EPSILON = 1e-3


@dataclass(frozen=True, kw_only=True)
class PricingRules(AnnealedRules):
    """How price sheets are trained.

    Parameters
    ----------
    thresholds : ThresholdPrices
    reserves, location, spread : ndarray of shape (n_bidders, n_items)
        Lowest thresholds, and mean and standard deviation of bids, in units of the scale.
    support : ndarray of shape (n_bidders, n_items, 2)
        Range of bids, in units of the scale; equal for alike bidders and items.
    objective : {"penalty", "certified"}
        Revenue minus the cost of clashes, or ALGNet's loss with the regret bound.
    clash_cost : (float, float)
        Cost of an item that is allocated twice under "penalty", in units of the scale, at the
        beginning and the end of annealing.
    """

    thresholds: object
    reserves: np.ndarray
    support: np.ndarray
    location: np.ndarray
    spread: np.ndarray
    objective: str
    clash_cost: tuple


class PricingNet(AnnealedNet):
    """Training state of price sheets: ``module_`` returns the sheets of all starts.

    Parameters
    ----------
    rules : PricingRules
    **kwargs
        Parameters of :class:`~sklauction.learned.training.AuctionNet`.
    """

    def initialize_module(self):
        """Build the network from the seed, in double precision and as a float32 copy."""
        self.exact_ = PriceSheetNetwork(self.rules, make_generator(self.seed, 0))
        self.module_ = copy.deepcopy(self.exact_).float().to(self.device)
        return self

    def __getstate__(self):
        state = super().__getstate__()
        thresholds = copy.deepcopy(self.rules.thresholds).cpu()
        return {**state, "rules": replace(self.rules, thresholds=thresholds)}

    def train_step(self, batch, **fit_params):
        """Take one gradient step for every start; return means over starts."""
        profiles = self.profiles_of(batch)
        sheets = self.module_(profiles)
        sharpness = self.between(*self.rules.sharpness)
        payments, allocations = soft_choice(profiles, sheets, sharpness)
        revenue = payments.sum(dim=2).mean(dim=1)
        excess = (allocations.sum(dim=2) - 1).clamp_min(0.0)
        if self.rules.objective == "certified":
            regret = _regret_bounds(profiles, sheets).mean(dim=1)
            # An item that is allocated twice counts once as revenue.
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

    def revenues_and_regrets(self, bids):
        """Yield revenue and bound on total regret of each profile, for every start."""
        network = copy.deepcopy(self.module_).eval()
        network.load_state_dict(self.average_weights_)
        sheets = network(bids)
        for start in range(self.rules.design.n_starts):
            outcome = settle(bids, sheets.at(start))
            yield outcome.payments.sum(dim=1), outcome.regret_bounds.sum(dim=1)

    def average_mechanism(self, weights=None):
        """Return the auction of the given weights, or of the start with the lowest loss."""
        weights = self.weights_of(None) if weights is None else weights
        network = self.exact_.take_start(0)
        network.load_state_dict(weights)
        network = network.double().requires_grad_(False).eval()
        return PricingMechanism(network, self.scale).to(self.device)


def _regret_bounds(profiles, sheets):
    """Return the bound on total regret of each start and profile, (n_starts, n)."""
    n_starts = len(sheets.item_prices)
    flat = PriceSheets(*(part.flatten(0, 1) for part in sheets))
    bids = profiles.repeat(n_starts, 1, 1)
    return settle(bids, flat).regret_bounds.sum(dim=1).unflatten(0, (n_starts, -1))
