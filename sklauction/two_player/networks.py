"""Auctioneer networks: bids to allocations and payments, feasible and IR by construction.

Every network maps normalised bids ``(n, n_bidders, n_items)`` to allocations of the same
shape and payments ``(n, n_bidders)``, by one of the two ways of
:mod:`sklauction.two_player.heads`.
"""

from typing import NamedTuple

import torch
from torch import nn

from sklauction.two_player.heads import allocate, envelope_outcome, rival_scores
from sklauction.two_player.layers import AttentionBody, DenseBody, ExchangeableBody

__all__ = [
    "AUCTIONEERS",
    "AttentionAuctioneer",
    "EquivariantAuctioneer",
    "MLPAuctioneer",
    "NetworkShape",
]

# Log-odds of winning per standard deviation of the bid, before training. Soft, so that training
# can leave the truthful auction it starts from: a sharp one it hardly ever leaves.
INITIAL_SLOPE = 2.0
# How much larger the first layer's weights begin under "envelope": allocations change within a
# fraction of a standard deviation of the bids, and layers have to see it.
INPUT_GAIN = 3.0
# Bids are compared with the best rival's at these sharpnesses, per standard deviation.
COMPARISONS = (1.0, 4.0)


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
    payments : {"envelope", "fraction"}
        See :mod:`sklauction.two_player.heads`.
    """

    n_bidders: int
    n_items: int
    demand: str
    hidden_layer_sizes: tuple
    activation: str
    alike_bidders: bool = False
    alike_items: bool = False
    payments: str = "envelope"

    def exchangeable(self):
        """Return the arguments of an exchangeable body."""
        return (
            *(self.n_bidders, self.n_items, self.hidden_layer_sizes, self.activation),
            *(self.alike_bidders, self.alike_items),
        )

    def dense(self):
        """Return the arguments of a dense body."""
        return self.n_bidders * self.n_items, self.hidden_layer_sizes, self.activation


class Decision(NamedTuple):
    """What a network says of standardised bids.

    Attributes
    ----------
    scores : Tensor of shape (n, n_bidders, n_items)
        Beside the part that rises with the bid.
    item_exit : Tensor of shape (n, 1, n_items)
    bidder_exit : Tensor of shape (n, n_bidders, 1) or None
        For unit demand and payments by "fraction".
    payments : Tensor of shape (n, n_bidders)
        Log-odds of the fraction that is paid, or what is added to them.
    """

    scores: torch.Tensor
    item_exit: torch.Tensor
    bidder_exit: torch.Tensor | None
    payments: torch.Tensor


class Auctioneer(nn.Module):
    """Base class: standardises bids, and turns what the network says into an outcome.

    Scores start out rising with the bid, by a learned ``slope``: higher bids win. From
    scores that ignore the bids, where revenue and regret are about equal, the game can
    slide into selling nothing. With payments by "envelope" the rest of the scores and the
    corrections start at 0: a soft second-price auction of each item with the mean bid as its
    reserve, exactly truthful.

    A subclass gives ``decide(features) -> Decision``, for features of shape
    (n, n_bidders, n_items, n_features) of which the first are the standardised bids;
    ``n_features(shape)``; and ``first_layers()`` and ``last_layers()``, of which
    :meth:`prepare` sets the weights.
    """

    def __init__(self, shape):
        super().__init__()
        self.n_bidders, self.n_items = shape.n_bidders, shape.n_items
        self.unit_demand = shape.demand == "unit"
        self.by_envelope = shape.payments == "envelope"
        self.slope = nn.Parameter(torch.empty(()))
        self.register_buffer("location", torch.zeros(self.n_bidders, self.n_items))
        self.register_buffer("spread", torch.ones(self.n_bidders, self.n_items))

    def prepare(self, location, spread):
        """Set what the data say before training: mean and spread of normalised bids."""
        with torch.no_grad():
            self.location.copy_(torch.tensor(location))
            self.spread.copy_(torch.tensor(spread))
            if self.by_envelope and self.unit_demand:
                # One potential for all items of a bidder needs one unit of money for them.
                self.spread.copy_(self.spread.mean(dim=1, keepdim=True).expand_as(self.spread))
            self.slope.fill_(INITIAL_SLOPE)
            if self.by_envelope:
                for layer in self.first_layers():
                    for weights in layer.parameters():
                        weights.mul_(INPUT_GAIN)
                for layer in self.last_layers():
                    for weights in layer.parameters():
                        weights.zero_()

    def forward(self, bids):
        """Return (allocations, payments) at normalised bids."""
        standardised = (bids - self.location) / self.spread
        decision = self.decide(self._features(standardised))
        if not self.by_envelope:
            scores = decision.scores + self.slope * standardised
            allocations = allocate(scores, decision.item_exit, decision.bidder_exit)
            values = (allocations * bids).sum(dim=2)
            return allocations, torch.sigmoid(decision.payments) * values
        slope = nn.functional.softplus(self.slope)
        scores = decision.scores + slope * standardised
        advantages = scores - rival_scores(scores, decision.item_exit)
        sharpness = slope / self.spread
        return envelope_outcome(bids, advantages, sharpness, decision.payments, self.unit_demand)

    @staticmethod
    def n_features(shape):
        """Return how many numbers describe an entry of the profile to the network."""
        return 1

    def _features(self, standardised):
        return standardised.unsqueeze(-1)


class MLPAuctioneer(Auctioneer):
    """The published network: separate dense networks for allocation and payment."""

    def __init__(self, shape):
        super().__init__(shape)
        self.allocation_body = DenseBody(*shape.dense())
        self.payment_body = DenseBody(*shape.dense())
        width = self.allocation_body.n_outputs
        self.score = nn.Linear(width, shape.n_bidders * shape.n_items)
        self.item_exit = nn.Linear(width, shape.n_items)
        exits = self.unit_demand and not self.by_envelope
        self.bidder_exit = nn.Linear(width, shape.n_bidders) if exits else None
        self.payment = nn.Linear(width, shape.n_bidders)

    def first_layers(self):
        """Return the layers that see the bids."""
        return self.allocation_body.layers[0], self.payment_body.layers[0]

    def last_layers(self):
        """Return the layers that make the decision."""
        return self.score, self.item_exit, self.payment

    def decide(self, features):
        """Return the decision at standardised bids."""
        hidden = self.allocation_body(features)
        return Decision(
            self.score(hidden).view(-1, self.n_bidders, self.n_items),
            self.item_exit(hidden).unsqueeze(1),
            None if self.bidder_exit is None else self.bidder_exit(hidden).unsqueeze(2),
            self.payment(self.payment_body(features)),
        )


class EquivariantAuctioneer(Auctioneer):
    """Exchangeable layers: reordering bidders or items reorders the outcome alike.

    With payments by "envelope" the layers see beside a bid the best rival's and soft comparisons
    of the two, as an average over bidders shows no maximum.

    References
    ----------
    .. [1] Rahme et al., "A Permutation-Equivariant Neural Network Architecture For
       Auction Design", AAAI 2021.
    """

    body_class = ExchangeableBody

    def __init__(self, shape):
        super().__init__(shape)
        self.body = self.body_class(*shape.exchangeable(), n_features=self.n_features(shape))
        width = self.body.n_outputs
        self.score = nn.Linear(width, 1)
        self.item_exit = nn.Linear(width, 1)
        exits = self.unit_demand and not self.by_envelope
        self.bidder_exit = nn.Linear(width, 1) if exits else None
        self.payment = nn.Linear(width, 1)

    def first_layers(self):
        """Return the layer that sees the bids."""
        return (self.body.first,)

    def last_layers(self):
        """Return the layers that make the decision."""
        return self.score, self.item_exit, self.payment

    def decide(self, features):
        """Return the decision at standardised bids."""
        hidden = self.body(features)
        by_bidder = hidden.mean(dim=2)
        return Decision(
            self.score(hidden).squeeze(-1),
            self.item_exit(hidden.mean(dim=1, keepdim=True)).squeeze(-1),
            None if self.bidder_exit is None else self.bidder_exit(by_bidder),
            self.payment(by_bidder).squeeze(-1),
        )

    @staticmethod
    def n_features(shape):
        """Return how many numbers describe an entry of the profile to the network."""
        if shape.payments == "fraction":
            return 1
        return 1 + len(COMPARISONS) + (shape.n_bidders > 1)

    def _features(self, standardised):
        if not self.by_envelope:
            return super()._features(standardised)
        # The reserve, at 0, is a rival too.
        rivals = torch.zeros_like(standardised)
        parts = [standardised]
        if self.n_bidders > 1:
            first, second = standardised.topk(2, dim=1).values.clamp_min(0).split(1, dim=1)
            rivals = torch.where(standardised >= first, second, first)
            parts.append(rivals)
        lead = standardised - rivals
        return torch.stack([*parts, *(torch.tanh(sharp * lead) for sharp in COMPARISONS)], dim=-1)


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
