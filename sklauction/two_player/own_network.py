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
        Maps normalised reports (n, n_agents, n_entries) to the fields of outcomes: of auctions,
        bids to allocations of the same shape and payments (n, n_bidders).
    """

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, reports):
        """Return the fields of outcomes at normalised reports."""
        return self.network(reports)


def build_own(network_class, design, generator):
    """Build a user's network, with random weights drawn again from ``generator``.

    Matrices become Glorot-uniform, and vectors that are not constant (such as biases of
    ``nn.Linear``) zero. Constant vectors (such as scales of a layer norm) and buffers are kept.

    Parameters
    ----------
    network_class : type
        Called with (n_bidders, n_items), or the sizes of another domain.
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


def check_own(network, reports, domain):
    """Raise ValueError unless a network's outcomes satisfy the rules of the domain.

    Parameters
    ----------
    network : torch.nn.Module
    reports : Tensor of shape (n, n_agents, n_entries)
        In units of the scale.
    domain : Domain
    """
    with torch.no_grad():
        outcome = network(reports)
    name = type(getattr(network, "network", network)).__name__
    fields = domain.fields(*reports.shape[1:])
    shapes = [(len(reports), *own) for own in fields.values()]
    got = [getattr(part, "shape", type(part).__name__) for part in outcome]
    if got != shapes:
        raise ValueError(
            f"architecture {name} must map reports of shape {tuple(reports.shape)} to "
            f"{', '.join(fields)} of shapes {', '.join(map(str, shapes))}; got {got}"
        )
    if not all(part.isfinite().all() for part in outcome):
        raise ValueError(f"architecture {name} must return finite values; got others")
    arrays = [part.cpu().numpy() for part in (reports, *outcome)]
    for rule, excess in domain.defects(arrays[0], arrays[1:]).items():
        if (excess > SLACK).any():
            agent = excess.max(axis=0).argmax()
            problem = domain.rules[rule].problem.format(name=name, agent=agent)
            raise ValueError(f"architecture must satisfy the rules of its domain; got: {problem}")
