"""A trained network as a mechanism, and how to run one on numpy arrays."""

import copy

import torch
from torch import nn

from sklauction.domains.auctions import ADDITIVE, Auction
from sklauction.utils.batching import blocks, join
from sklauction.utils.saving import savable

__all__ = ["DomainMechanism", "TorchMechanism", "mechanism_of", "run_in_chunks"]


@savable
class TorchMechanism(nn.Module):
    """Map reports to the fields of an outcome; of auctions, both in money.

    The network takes reports inside the support, in units of ``scale``. A report outside is
    clipped to the support, and the domain decides what it gets. In an auction, a bidder who would
    pay more than the reported value of its allocation gets and pays nothing. Truthful utility is
    then never negative, so no report outside the support gains more than the best one inside, and
    regret can be measured on the support.

    Parameters
    ----------
    network : torch.nn.Module
        Maps normalised reports (n, n_agents, n_entries) to fields of outcomes.
    scale : float
        Unit of reports.
    support : ndarray of shape (n_agents, n_entries, 2)
        Lowest and highest report.
    """

    # What the methods used here do is the same for every demand.
    domain = ADDITIVE

    def __init__(self, network, scale, support):
        super().__init__()
        self.network = network
        self.scale = float(scale)
        self.register_buffer("support", torch.as_tensor(support, dtype=torch.float64))

    @classmethod
    def from_training(cls, network, *settings):
        """Return a mechanism in float64 with a frozen copy of a network."""
        frozen = copy.deepcopy(network).requires_grad_(False)
        return cls(frozen, *settings).double().eval()

    def forward(self, reports):
        """Return the fields of the outcome."""
        low, high = self.support[..., 0].to(reports), self.support[..., 1].to(reports)
        inside = torch.minimum(torch.maximum(reports, low), high)
        outcome = self.domain.in_units(self.network(inside / self.scale), self.scale)
        return self.domain.outside(outcome, reports, low)


@savable
class DomainMechanism(TorchMechanism):
    """A :class:`TorchMechanism` of a domain that is not one of auctions.

    Parameters
    ----------
    network, scale, support :
        As there.
    kind : Domain
    """

    def __init__(self, network, scale, support, kind):
        super().__init__(network, scale, support)
        self.kind = kind

    @property
    def domain(self):
        """Domain of the mechanism."""
        return self.kind


def mechanism_of(network, scale, support, domain):
    """Return the mechanism, in float64, with a frozen copy of a network.

    Parameters
    ----------
    network, scale, support :
        As for :class:`TorchMechanism`.
    domain : Domain

    Returns
    -------
    TorchMechanism
        A :class:`DomainMechanism` if the domain is not one of auctions.
    """
    settings = network, scale, support
    if type(domain) is Auction:
        return TorchMechanism.from_training(*settings)
    return DomainMechanism.from_training(*settings, domain)


def run_in_chunks(mechanism, reports, domain=ADDITIVE):
    """Run a torch mechanism on numpy reports in chunks, to bound memory.

    Parameters
    ----------
    mechanism : torch.nn.Module
        Maps reports to the fields of outcomes.
    reports : ndarray of shape (n_samples, n_agents, n_entries)
    domain : Domain, default=ADDITIVE
        Determines the fields.

    Returns
    -------
    list of ndarray
        The fields, in float64.

    Raises
    ------
    ValueError
        If the mechanism does not return tensors of the right shapes.
    """
    tensors = [*mechanism.parameters(), *mechanism.buffers()]
    reference = tensors[0] if tensors else torch.zeros((), dtype=torch.float64)

    def run():
        for rows in blocks(reports.shape):
            outcome = mechanism(torch.tensor(reports[rows]).to(reference))
            _check_outcome(outcome, reports[rows].shape, mechanism, domain)
            yield rows, [field.cpu().numpy() for field in outcome]

    with torch.inference_mode():
        return join(run(), len(reports), float)


def _check_outcome(outcome, shape, mechanism, domain):
    fields = domain.fields(*shape[1:])
    expected = [(shape[0], *own) for own in fields.values()]
    got = outcome if isinstance(outcome, tuple | list) else [outcome]
    shapes = [tuple(part.shape) if torch.is_tensor(part) else type(part).__name__ for part in got]
    if shapes != expected:
        raise ValueError(
            f"mechanism {type(mechanism).__name__} must return ({', '.join(fields)}), tensors "
            f"of shapes {' and '.join(map(str, expected))} for bids of shape {shape}; got {shapes}"
        )
