"""A user's own network as the auctioneer."""

import torch
from torch import nn

__all__ = ["OwnNetwork", "build_own", "check_own"]

# Most by which an item may be given out twice, or a payment exceed the value, in single precision.
SLACK = 1e-4


class OwnNetwork(nn.Module):
    """A network of the user's: normalised bids to allocations and payments, as it likes.

    Parameters
    ----------
    network : torch.nn.Module
        Maps (n, n_bidders, n_items) to allocations of this shape and payments (n, n_bidders).
    """

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, bids):
        """Return (allocations, payments) at normalised bids."""
        return self.network(bids)


def build_own(network_class, shape, generator):
    """Build a user's network, its random weights redrawn from ``generator``.

    Matrices become Glorot-uniform; vectors that are not constant (as biases of ``nn.Linear``)
    become 0; constant ones (as scales of a layer norm) and buffers stay as they are.

    Parameters
    ----------
    network_class : type
        Called with (n_bidders, n_items).
    shape : NetworkShape
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    OwnNetwork
    """
    # Its constructor draws from torch's global generator, which is put back afterwards.
    with torch.random.fork_rng(devices=[]):
        network = network_class(shape.n_bidders, shape.n_items)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim >= 2:
                nn.init.xavier_uniform_(parameter, generator=generator)
            elif parameter.numel() and (parameter != parameter.flatten()[0]).any():
                parameter.zero_()
    return OwnNetwork(network)


def check_own(network, bids, unit_demand):
    """Raise ValueError unless a network's outcomes are an auction's.

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
    allocations, payments = outcome
    rules = {
        "finite": bool(torch.isfinite(allocations).all() and torch.isfinite(payments).all()),
        "at least 0": bool((allocations >= -SLACK).all() and (payments >= -SLACK).all()),
        "at most 1 per item in total": bool((allocations.sum(dim=1) <= 1 + SLACK).all()),
        "paid for by no more than the reported value of what is got": bool(
            (payments <= (allocations * bids).sum(dim=2) + SLACK).all()
        ),
    }
    if unit_demand:
        rules["at most 1 per bidder in total"] = bool((allocations.sum(dim=2) <= 1 + SLACK).all())
    broken = [rule for rule, holds in rules.items() if not holds]
    if broken:
        raise ValueError(f"outcomes of architecture {name} must be {', '.join(rules)}; got others")
