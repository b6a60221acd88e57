"""Auctioneer networks: bids to allocations and payments, feasible and IR by construction.

Every network maps normalised bids ``(n, n_bidders, n_items)`` to allocations of the same
shape and payments ``(n, n_bidders)``. Payments are a fraction in [0, 1] of the reported
value of what a bidder gets, hence never above it (individual rationality).
"""

from typing import NamedTuple

import torch
from torch import nn

from sklauction.two_player.layers import AttentionBody, DenseBody, ExchangeableBody

__all__ = [
    "AUCTIONEERS",
    "AttentionAuctioneer",
    "EquivariantAuctioneer",
    "MLPAuctioneer",
    "NetworkShape",
    "allocate",
]

# Log-odds of winning per standard deviation of the bid, before training.
INITIAL_SLOPE = 2.0


class NetworkShape(NamedTuple):
    """What every network of a game is built from.

    Parameters
    ----------
    n_bidders, n_items : int
    demand : {"additive", "unit"}
    hidden_layer_sizes : tuple of int
    activation : {"relu", "silu", "tanh"}
    alike_bidders, alike_items : bool
        Whether bidders (items) are exchangeable; without effect in dense networks.
    """

    n_bidders: int
    n_items: int
    demand: str
    hidden_layer_sizes: tuple
    activation: str
    alike_bidders: bool = False
    alike_items: bool = False

    def exchangeable(self):
        """Return the arguments of an exchangeable body."""
        return (
            *(self.n_bidders, self.n_items, self.hidden_layer_sizes, self.activation),
            *(self.alike_bidders, self.alike_items),
        )

    def dense(self):
        """Return the arguments of a dense body."""
        return self.n_bidders * self.n_items, self.hidden_layer_sizes, self.activation


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

    def __init__(self, shape):
        super().__init__()
        self.n_bidders, self.n_items = shape.n_bidders, shape.n_items
        self.unit_demand = shape.demand == "unit"
        self.slope = nn.Parameter(torch.empty(()))
        self.register_buffer("location", torch.zeros(self.n_bidders, self.n_items))
        self.register_buffer("spread", torch.ones(self.n_bidders, self.n_items))

    def prepare(self, location, spread):
        """Set what the data say before training: mean and spread of normalised bids."""
        with torch.no_grad():
            self.location.copy_(torch.tensor(location))
            self.spread.copy_(torch.tensor(spread))
            self.slope.fill_(INITIAL_SLOPE)

    def forward(self, bids):
        """Return (allocations, payments) at normalised bids."""
        allocations, fractions = self.decide((bids - self.location) / self.spread)
        return allocations, fractions * (allocations * bids).sum(dim=2)


class MLPAuctioneer(Auctioneer):
    """The published network: separate dense networks for allocation and payment."""

    def __init__(self, shape):
        super().__init__(shape)
        self.allocation_body = DenseBody(*shape.dense())
        self.payment_body = DenseBody(*shape.dense())
        width = self.allocation_body.n_outputs
        self.score = nn.Linear(width, shape.n_bidders * shape.n_items)
        self.item_exit = nn.Linear(width, shape.n_items)
        self.bidder_exit = nn.Linear(width, shape.n_bidders) if self.unit_demand else None
        self.fraction = nn.Linear(width, shape.n_bidders)

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

    body_class = ExchangeableBody

    def __init__(self, shape):
        super().__init__(shape)
        self.body = self.body_class(*shape.exchangeable())
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


class AttentionAuctioneer(EquivariantAuctioneer):
    """RegretFormer's: attention over items and over bidders; equivariant like the above.

    References
    ----------
    .. [1] Ivanov, Safiulin, Filippov & Balabaeva, "Optimal-er Auctions through Attention",
       NeurIPS 2022.
    """

    body_class = AttentionBody


# One line per architecture: the name users pass and the class that builds it.
AUCTIONEERS = {
    "mlp": MLPAuctioneer,
    "equivariant": EquivariantAuctioneer,
    "attention": AttentionAuctioneer,
}
