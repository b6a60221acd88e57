"""A trained network as a mechanism in money, and how to run one on numpy arrays."""

import copy

import numpy as np
import torch
from torch import nn

from sklauction.utils.batching import blocks
from sklauction.utils.saving import savable

__all__ = ["TorchMechanism", "run_in_chunks"]


@savable
class TorchMechanism(nn.Module):
    """Map bids in money to allocations and payments in money.

    The network takes reports inside the support, in units of ``scale``. A report outside is
    clipped to the support; if the bidder would then pay more than the reported value of its
    allocation, it gets and pays nothing. Truthful utility is never negative, so no report
    outside the support gains more than the best one inside, and regret can be measured on
    the support.

    Parameters
    ----------
    network : torch.nn.Module
        Maps normalised bids (n, n_bidders, n_items) to allocations and payments.
    scale : float
        Money per normalised unit.
    support : ndarray of shape (n_bidders, n_items, 2)
        Lowest and highest report, in money.
    """

    def __init__(self, network, scale, support):
        super().__init__()
        self.network = network
        self.scale = float(scale)
        self.register_buffer("support", torch.as_tensor(support, dtype=torch.float64))

    @classmethod
    def from_training(cls, network, scale, support):
        """Return a mechanism in float64 with a frozen copy of a network."""
        frozen = copy.deepcopy(network).requires_grad_(False)
        return cls(frozen, scale, support).double().eval()

    def forward(self, bids):
        """Return allocations (n, n_bidders, n_items) and payments (n, n_bidders)."""
        low, high = self.support[..., 0].to(bids), self.support[..., 1].to(bids)
        inside = torch.minimum(torch.maximum(bids, low), high)
        allocations, payments = self.network(inside / self.scale)
        payments = payments * self.scale
        stays = (payments <= (allocations * bids).sum(dim=2)) | (bids >= low).all(dim=2)
        return allocations * stays.unsqueeze(2), payments * stays


def run_in_chunks(mechanism, bids):
    """Run a torch mechanism on numpy bids in chunks, to bound memory.

    Parameters
    ----------
    mechanism : torch.nn.Module
        Maps bids to (allocations, payments).
    bids : ndarray of shape (n_samples, n_bidders, n_items)

    Returns
    -------
    allocations : ndarray of shape (n_samples, n_bidders, n_items)
    payments : ndarray of shape (n_samples, n_bidders)

    Raises
    ------
    ValueError
        If the mechanism does not return two tensors of these shapes.
    """
    tensors = [*mechanism.parameters(), *mechanism.buffers()]
    reference = tensors[0] if tensors else torch.zeros((), dtype=torch.float64)
    allocations, payments = np.empty(bids.shape), np.empty(bids.shape[:2])
    with torch.inference_mode():
        for part in blocks(bids.shape):
            outcome = mechanism(torch.tensor(bids[part]).to(reference))
            given, paid = _check_outcome(outcome, bids[part].shape, mechanism)
            allocations[part], payments[part] = given.cpu().numpy(), paid.cpu().numpy()
    return allocations, payments


def _check_outcome(outcome, shape, mechanism):
    expected = [shape, shape[:2]]
    got = outcome if isinstance(outcome, tuple | list) else [outcome]
    shapes = [tuple(part.shape) if torch.is_tensor(part) else type(part).__name__ for part in got]
    if shapes != expected:
        raise ValueError(
            f"mechanism {type(mechanism).__name__} must return (allocations, payments), tensors "
            f"of shapes {expected[0]} and {expected[1]} for bids of shape {shape}; got {shapes}"
        )
    return outcome
