"""Auctioneer networks: bids to allocations and payments, feasible and IR by construction.

Every network maps normalised bids ``(n, n_bidders, n_items)`` to allocations of the same
shape and payments ``(n, n_bidders)``. Payments are a fraction in [0, 1] of the reported
value of what a bidder gets, hence never above it (individual rationality).
"""

import torch
from torch import nn

from sklauction.two_player.layers import DenseBody, ExchangeableBody

__all__ = ["AUCTIONEERS", "EquivariantAuctioneer", "MLPAuctioneer", "allocate"]

# Log-odds of winning per standard deviation of the bid, before training.
INITIAL_SLOPE = 2.0


def allocate(scores, item_exit, bidder_exit=None):
    """Turn scores into feasible allocation probabilities.

    Additive demand: a softmax over the bidders and a dummy who keeps the item. Unit
    demand: the smaller of that and a softmax over the items and a dummy item per
    bidder, which is doubly substochastic and hence a lottery over matchings.

    Parameters
    ----------
    scores : Tensor of shape (n, n_bidders, n_items)
    item_exit : Tensor of shape (n, 1, n_items)
        Score of keeping the item.
    bidder_exit : Tensor of shape (n, n_bidders, 1), optional
        Score of giving the bidder nothing; given for unit demand.

    Returns
    -------
    Tensor of shape (n, n_bidders, n_items)

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019,
       section 4.2 (additive and unit-demand architectures).
    """
    by_item = torch.softmax(torch.cat([scores, item_exit], dim=1), dim=1)[:, :-1]
    if bidder_exit is None:
        return by_item
    by_bidder = torch.softmax(torch.cat([scores, bidder_exit], dim=2), dim=2)[:, :, :-1]
    return torch.minimum(by_item, by_bidder)


class Auctioneer(nn.Module):
    """Base class: standardises bids and charges a fraction of the reported value.

    Scores start out rising with the bid, by a learned ``slope``: higher bids win. From
    scores that ignore the bids, where revenue and regret are about equal, the game can
    slide into selling nothing.

    A subclass gives ``decide(standardised bids) -> (allocations, payment_fractions)``.
    """

    def __init__(self, n_bidders, n_items, demand):
        super().__init__()
        self.n_bidders, self.n_items = n_bidders, n_items
        self.unit_demand = demand == "unit"
        self.slope = nn.Parameter(torch.empty(()))
        self.register_buffer("location", torch.zeros(n_bidders, n_items))
        self.register_buffer("spread", torch.ones(n_bidders, n_items))

    def prepare(self, location, spread):
        """Set what the data say before training: mean and spread of normalised bids."""
        with torch.no_grad():
            self.location.copy_(torch.as_tensor(location))
            self.spread.copy_(torch.as_tensor(spread))
            self.slope.fill_(INITIAL_SLOPE)

    def forward(self, bids):
        """Return (allocations, payments) at normalised bids."""
        allocations, fractions = self.decide((bids - self.location) / self.spread)
        return allocations, fractions * (allocations * bids).sum(dim=2)


class MLPAuctioneer(Auctioneer):
    """The published network: separate dense networks for allocation and payment."""

    def __init__(self, n_bidders, n_items, demand, hidden_layer_sizes, activation):
        super().__init__(n_bidders, n_items, demand)
        n_inputs = n_bidders * n_items
        self.allocation_body = DenseBody(n_inputs, hidden_layer_sizes, activation)
        self.payment_body = DenseBody(n_inputs, hidden_layer_sizes, activation)
        width = self.allocation_body.n_outputs
        self.score = nn.Linear(width, n_inputs)
        self.item_exit = nn.Linear(width, n_items)
        self.bidder_exit = nn.Linear(width, n_bidders) if self.unit_demand else None
        self.fraction = nn.Linear(width, n_bidders)

    def decide(self, bids):
        """Return allocations and payment fractions at standardised bids."""
        hidden = self.allocation_body(bids)
        scores = self.score(hidden).view(-1, self.n_bidders, self.n_items) + self.slope * bids
        item_exit = self.item_exit(hidden).unsqueeze(1)
        bidder_exit = self.bidder_exit(hidden).unsqueeze(2) if self.unit_demand else None
        fractions = torch.sigmoid(self.fraction(self.payment_body(bids)))
        return allocate(scores, item_exit, bidder_exit), fractions


class EquivariantAuctioneer(Auctioneer):
    """Exchangeable layers: reordering bidders or items reorders the outcome alike.

    References
    ----------
    .. [1] Rahme et al., "A Permutation-Equivariant Neural Network Architecture For
       Auction Design", AAAI 2021.
    """

    def __init__(self, n_bidders, n_items, demand, hidden_layer_sizes, activation):
        super().__init__(n_bidders, n_items, demand)
        self.body = ExchangeableBody(n_bidders, n_items, hidden_layer_sizes, activation)
        width = self.body.n_outputs
        self.score = nn.Linear(width, 1)
        self.item_exit = nn.Linear(width, 1)
        self.bidder_exit = nn.Linear(width, 1) if self.unit_demand else None
        self.fraction = nn.Linear(width, 1)

    def decide(self, bids):
        """Return allocations and payment fractions at standardised bids."""
        hidden = self.body(bids)
        by_bidder = hidden.mean(dim=2)
        scores = self.score(hidden).squeeze(-1) + self.slope * bids
        item_exit = self.item_exit(hidden.mean(dim=1, keepdim=True)).squeeze(-1)
        bidder_exit = self.bidder_exit(by_bidder) if self.unit_demand else None
        fractions = torch.sigmoid(self.fraction(by_bidder).squeeze(-1))
        return allocate(scores, item_exit, bidder_exit), fractions


# One line per architecture: the name users pass and the class that builds it.
AUCTIONEERS = {
    "mlp": MLPAuctioneer,
    "equivariant": EquivariantAuctioneer,
}
