"""Networks defined by the user, as auctioneers."""

import torch
from torch import nn

__all__ = ["OwnNetwork", "build_own", "check_own"]

# Tolerance of violations of feasibility and individual rationality, in float32.
SLACK = 1e-4


class OwnNetwork(nn.Module):
    """Wrapper of a network defined by the user.

    Parameters
    ----------
    network : torch.nn.Module
        Maps normalised bids (n, n_bidders, n_items) to allocations of this shape and payments
        (n, n_bidders).
    """

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, bids):
        """Return (allocations, payments) at normalised bids."""
        return self.network(bids)


def build_own(network_class, design, generator):
    """Build a user's network, with random weights drawn again from ``generator``.

    Matrices become Glorot-uniform, and vectors that are not constant (such as biases of
    ``nn.Linear``) zero. Constant vectors (such as scales of a layer norm) and buffers are kept.

    Parameters
    ----------
    network_class : type
        Called with (n_bidders, n_items).
    design : NetworkDesign
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    OwnNetwork
    """
    # The constructor draws from torch's global generator; its state is restored.
    with torch.random.fork_rng(devices=[]):
        network = network_class(design.n_bidders, design.n_items)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim >= 2:
                nn.init.xavier_uniform_(parameter, generator=generator)
            elif parameter.numel() and (parameter != parameter.flatten()[0]).any():
                parameter.zero_()
    return OwnNetwork(network)


def check_own(network, bids, unit_demand):
    """Raise ValueError unless a network's outcomes are feasible and individually rational.

    Parameters
    ----------
    network : torch.nn.Module
    bids : Tensor of shape (n, n_bidders, n_items)
        In units of the scale.
    unit_demand : bool
    """
    with torch.no_grad():
        outcome = network(bids)
    name = type(getattr(network, "network", network)).__name__
    shapes = [bids.shape, bids.shape[:2]]
    got = [getattr(part, "shape", type(part).__name__) for part in outcome]
    if got != shapes:
        raise ValueError(
            f"architecture {name} must map bids of shape {tuple(bids.shape)} to allocations of "
            f"this shape and payments of shape {tuple(bids.shape[:2])}; got {got}"
        )
    holds = _rules(bids, *outcome, unit_demand)
    broken = [rule for rule, entries in holds.items() if not entries.all()]
    if broken:
        raise ValueError(f"architecture {name} must return {', '.join(broken)}; got other values")


def _rules(bids, allocations, payments, unit_demand):
    """Return for each rule of an auction where it holds."""
    both = torch.cat([allocations, payments.unsqueeze(2)], dim=2)
    rules = {
        "finite values": both.isfinite(),
        "values of at least 0": both >= -SLACK,
        "allocations of at most 1 per item in total": allocations.sum(dim=1) <= 1 + SLACK,
        "payments of at most the reported value": payments - (allocations * bids).sum(dim=2)
        <= SLACK,
    }
    if unit_demand:
        rules["allocations of at most 1 per bidder in total"] = allocations.sum(dim=2) <= 1 + SLACK
    return rules
