"""Auctioneer networks, feasible and individually rational by construction.

Networks map normalised bids ``(n, n_bidders, n_items)`` to allocations of the same shape and
payments ``(n, n_bidders)``, through one of the output heads of :mod:`sklauction.two_player.heads`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from sklauction.domains.auctions import ADDITIVE, UNIT, Auction
from sklauction.learned.design import Design
from sklauction.two_player.heads import envelope_outcome, rival_scores
from sklauction.two_player.layers import AttentionBody, DenseBody, ExchangeableBody
from sklauction.utils.saving import savable

__all__ = [
    "AUCTIONEERS",
    "DECIDERS",
    "AttentionAuctioneer",
    "EquivariantAuctioneer",
    "MLPAuctioneer",
    "DecisionNetwork",
    "NetworkDesign",
    "find_network",
]

# Initial log-odds of winning per standard deviation of the bid. Training rarely leaves the initial
# auction if this is much larger.
INITIAL_SLOPE = 2.0
# Factor of the initial weights of the first layer under "envelope", so that hidden units vary
# within a fraction of a standard deviation of the bids.
INPUT_GAIN = 3.0
# Sharpnesses of the soft comparisons with the best rival's bid, per standard deviation.
COMPARISONS = (1.0, 4.0)


@dataclass(frozen=True, kw_only=True)
class NetworkDesign(Design):
    """Sizes and options of the networks of a game.

    Exchangeable networks have learned embeddings of bidders (items) unless these are alike. Dense
    networks ignore ``alike_bidders`` and ``alike_items``.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int
    activation : {"relu", "silu", "tanh"}
    payments : {"envelope", "fraction"}
        See :mod:`sklauction.two_player.heads`.
    """

    hidden_layer_sizes: tuple
    activation: str
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
    """Output of a network before the output head.

    Attributes
    ----------
    scores : Tensor of shape (n, n_bidders, n_items)
        Scores of allocating, without the term that is linear in the bid.
    item_exit : Tensor of shape (n, 1, n_items)
        Scores of keeping the items.
    bidder_exit : Tensor of shape (n, n_bidders, 1) or None
        Scores of giving the bidder nothing, for unit demand and payments by "fraction".
    payments : Tensor of shape (n, n_bidders)
        Log-odds of the fraction that is paid ("fraction"), or a correction of them ("envelope").
    """

    scores: torch.Tensor
    item_exit: torch.Tensor
    bidder_exit: torch.Tensor | None
    payments: torch.Tensor


class Auctioneer(nn.Module):
    """Base class of auctioneer networks.

    A score is the sum of the network's output and a term that is linear in the bid, with a learned
    ``slope``. Without this term the initial scores ignore the bids, revenue and regret are about
    equal, and training can end in selling nothing. With payments by "envelope" the other terms
    start at 0: the initial auction is a soft second-price auction of each item with the mean bid as
    the reserve, which is exactly truthful.

    A subclass implements ``decide(features) -> Decision``, where features have the shape
    (n, n_bidders, n_items, n_features) and the first are the standardised bids; ``first_layers()``;
    and ``n_features(design)`` if there are several features. Its constructor calls
    ``_make_outputs``.
    """

    def __init__(self, design):
        super().__init__()
        self.n_bidders, self.n_items = design.n_bidders, design.n_items
        self.unit_demand = design.domain.exclusive
        self.by_envelope = design.payments == "envelope"
        self.slope = nn.Parameter(torch.empty(()))
        self.register_buffer("location", torch.zeros(self.n_bidders, self.n_items))
        self.register_buffer("spread", torch.ones(self.n_bidders, self.n_items))

    @property
    def domain(self):
        """Domain of the auction."""
        return UNIT if self.unit_demand else ADDITIVE

    def _make_outputs(self, width, n_entries, n_items, n_bidders):
        """Make the output layers, given the sizes of their inputs and outputs."""
        self.score = nn.Linear(width, n_entries)
        self.item_exit = nn.Linear(width, n_items)
        exits = self.unit_demand and not self.by_envelope
        self.bidder_exit = nn.Linear(width, n_bidders) if exits else None
        self.payment = nn.Linear(width, n_bidders)

    def prepare(self, location, spread):
        """Set mean and standard deviation of normalised bids, and the initial weights."""
        with torch.no_grad():
            self.location.copy_(torch.tensor(location))
            self.spread.copy_(torch.tensor(spread))
            if self.by_envelope and self.unit_demand:
                # The utility of a unit-demand bidder needs the same sharpness for all items.
                self.spread.copy_(self.spread.mean(dim=1, keepdim=True).expand_as(self.spread))
            self.slope.fill_(INITIAL_SLOPE)
            if self.by_envelope:
                for weights in nn.ModuleList(self.first_layers()).parameters():
                    weights.mul_(INPUT_GAIN)
                for weights in nn.ModuleList(self.last_layers()).parameters():
                    weights.zero_()

    def forward(self, bids):
        """Return allocations and payments at normalised bids."""
        standardised = (bids - self.location) / self.spread
        decision = self.decide(self._features(standardised))
        if not self.by_envelope:
            scores = decision.scores + self.slope * standardised
            allocations = self.domain.allocate(scores, decision.item_exit, decision.bidder_exit)
            values = (allocations * bids).sum(dim=2)
            return allocations, torch.sigmoid(decision.payments) * values
        slope = nn.functional.softplus(self.slope)
        scores = decision.scores + slope * standardised
        advantages = scores - rival_scores(scores, decision.item_exit)
        sharpness = slope / self.spread
        return envelope_outcome(bids, advantages, sharpness, decision.payments, self.domain)

    def last_layers(self):
        """Return the output layers."""
        return self.score, self.item_exit, self.payment

    @staticmethod
    def n_features(design):
        """Return the number of input features per bidder and item."""
        return 1

    def _features(self, standardised):
        return standardised.unsqueeze(-1)


@savable
class MLPAuctioneer(Auctioneer):
    """The published network: separate dense networks for allocation and payment."""

    def __init__(self, design):
        super().__init__(design)
        self.allocation_body = DenseBody(*design.dense())
        self.payment_body = DenseBody(*design.dense())
        size = self.n_bidders * self.n_items, self.n_items, self.n_bidders
        self._make_outputs(self.allocation_body.n_outputs, *size)

    def first_layers(self):
        """Return the layers whose inputs are the features."""
        return self.allocation_body.layers[0], self.payment_body.layers[0]

    def decide(self, features):
        """Return the decision for given features."""
        hidden = self.allocation_body(features)
        return Decision(
            self.score(hidden).view(-1, self.n_bidders, self.n_items),
            self.item_exit(hidden).unsqueeze(1),
            None if self.bidder_exit is None else self.bidder_exit(hidden).unsqueeze(2),
            self.payment(self.payment_body(features)),
        )


@savable
class EquivariantAuctioneer(Auctioneer):
    """Exchangeable layers: permuting bidders or items permutes the outcome [1]_.

    With payments by "envelope" the features of a bid are the bid, the best bid of the other bidders
    and soft comparisons of the two, because averages over bidders do not show a maximum.

    References
    ----------
    .. [1] Rahme et al., "A Permutation-Equivariant Neural Network Architecture For
       Auction Design", AAAI 2021.
    """

    body_class = ExchangeableBody

    def __init__(self, design):
        super().__init__(design)
        self.body = self.body_class(*design.exchangeable(), n_features=self.n_features(design))
        self._make_outputs(self.body.n_outputs, 1, 1, 1)

    def first_layers(self):
        """Return the layer whose inputs are the features."""
        return (self.body.first,)

    def decide(self, features):
        """Return the decision for given features."""
        hidden = self.body(features)
        by_bidder = hidden.mean(dim=2)
        return Decision(
            self.score(hidden).squeeze(-1),
            self.item_exit(hidden.mean(dim=1, keepdim=True)).squeeze(-1),
            None if self.bidder_exit is None else self.bidder_exit(by_bidder),
            self.payment(by_bidder).squeeze(-1),
        )

    @staticmethod
    def n_features(design):
        """Return the number of input features per bidder and item."""
        if design.payments == "fraction":
            return 1
        return 1 + len(COMPARISONS) + (design.n_bidders > 1)

    def _features(self, standardised):
        if not self.by_envelope:
            return super()._features(standardised)
        # The reserve, 0 in standardised bids, counts as a rival.
        rivals = torch.zeros_like(standardised)
        parts = [standardised]
        if self.n_bidders > 1:
            first, second = standardised.topk(2, dim=1).values.clamp_min(0).split(1, dim=1)
            rivals = torch.where(standardised >= first, second, first)
            parts.append(rivals)
        lead = standardised - rivals
        return torch.stack([*parts, *(torch.tanh(sharp * lead) for sharp in COMPARISONS)], dim=-1)


@savable
class AttentionAuctioneer(EquivariantAuctioneer):
    """RegretFormer's network: attention over items and over bidders; equivariant."""

    body_class = AttentionBody


@savable
class DecisionNetwork(nn.Module):
    """A dense network for any domain: it gives the scores from which the domain decides.

    Parameters
    ----------
    design : NetworkDesign
    """

    def __init__(self, design):
        super().__init__()
        sizes = design.n_bidders, design.n_items
        self.domain = design.domain
        self.register_buffer("location", torch.zeros(sizes))
        self.register_buffer("spread", torch.ones(sizes))
        self.body = DenseBody(*design.dense())
        self.score = nn.Linear(self.body.n_outputs, self.domain.n_scores(*sizes))

    def prepare(self, location, spread):
        """Set mean and standard deviation of normalised reports."""
        self.location.copy_(torch.tensor(location))
        self.spread.copy_(torch.tensor(spread))

    def forward(self, reports):
        """Return the fields of the outcome at normalised reports."""
        hidden = self.body((reports - self.location) / self.spread)
        return self.domain.decide(self.score(hidden), reports)


# Values of the parameter ``architecture`` of auctions.
AUCTIONEERS = {
    "mlp": MLPAuctioneer,
    "equivariant": EquivariantAuctioneer,
    "attention": AttentionAuctioneer,
}

# The same for other domains.
DECIDERS = {"mlp": DecisionNetwork}


def find_network(architecture, domain):
    """Return the class of network of an architecture; None for a class of the user."""
    known = AUCTIONEERS if type(domain) is Auction else DECIDERS
    return known.get(architecture)
