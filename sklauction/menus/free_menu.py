"""A menu whose entries are separate parameters."""

import torch
from torch import nn

from sklauction.menus.affine import AffineMenu
from sklauction.menus.menu_rows import (
    close_orbit,
    initial_logits,
    integral_assignments,
    rows_from_logits,
)

__all__ = ["FreeMenu", "affine_menus", "initial_boosts", "normalise_weights"]

# Rows priced at a time, to bound memory.
PRICED_AT_ONCE = 256
# Largest share by which initial prices are lowered.
MAX_DISCOUNT = 0.5


class FreeMenu(nn.Module):
    """Menu whose allocation logits, boosts and bidder weights are separate parameters.

    Parameters
    ----------
    design : MenuDesign
    values : ndarray of shape (n_samples, n_bidders, n_items)
        Samples that determine the initial prices, in units of the scale.
    generator : torch.Generator
        For the initial rows; on the CPU.
    """

    def __init__(self, design, values, generator):
        super().__init__()
        self.design = design
        self.logits = nn.Parameter(initial_logits(design, generator))
        # A deterministic menu that holds all integral allocations keeps its rows.
        self.fixed_rows = design.integral and len(integral_assignments(design)) > 0
        self.logits.requires_grad_(not self.fixed_rows)
        self.log_weights = nn.Parameter(torch.zeros(design.n_starts, design.n_bidders))
        rows = rows_from_logits(self.logits, design)
        self.boosts = nn.Parameter(initial_boosts(rows, values, generator))

    def forward(self):
        """Return the :class:`AffineMenu` of every start."""
        weights = normalise_weights(self.log_weights, self.design)
        return affine_menus(self.logits, weights, self.boosts, self.design)


def affine_menus(logits, weights, boosts, design):
    """Return the :class:`AffineMenu` of every start.

    Parameters
    ----------
    logits : Tensor of shape (n_starts, n_rows, *design.logits_shape)
    weights : Tensor of shape (n_starts, n_bidders)
    boosts : Tensor of shape (n_starts, n_rows)
    design : MenuDesign
    """
    rows, boosts = close_orbit(rows_from_logits(logits, design), boosts, design)
    return AffineMenu(rows, weights, boosts)


def initial_boosts(rows, values, generator):
    """Return the negative sum over bidders of the best prices of what each gets.

    The best price of an allocation earns most on the samples if nothing else is for sale. All
    starts but the first lower their prices by a random share, for diversity.

    Parameters
    ----------
    rows : Tensor of shape (n_starts, n_rows, n_bidders, n_items)
    values : ndarray of shape (n_samples, n_bidders, n_items)
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    Tensor of shape (n_starts, n_rows)
    """
    values = torch.as_tensor(values, dtype=rows.dtype)
    size = max(1, PRICED_AT_ONCE // len(rows))
    prices = torch.cat([_best_prices(part, values) for part in rows.detach().split(size, dim=1)], 1)
    shares = 1 - MAX_DISCOUNT * torch.rand(len(rows), 1, generator=generator)
    shares[0] = 1.0
    return -shares * prices


def _best_prices(rows, values):
    """Return the sum over bidders of the best prices of what each gets, (n_starts, n_rows)."""
    worth = torch.einsum("tim,skim->tski", values, rows)
    worth = worth.sort(dim=0, descending=True).values
    buyers = torch.arange(1, len(values) + 1, dtype=rows.dtype)
    best = (worth * buyers[:, None, None, None]).argmax(dim=0, keepdim=True)
    return worth.gather(0, best).squeeze(0).sum(dim=2)


def normalise_weights(log_weights, design):
    """Return bidder weights of geometric mean 1, (n_starts, n_bidders).

    All weights are 1 if bidders are alike.
    """
    if design.alike_bidders:
        return torch.ones_like(log_weights)
    return torch.exp(log_weights - log_weights.mean(dim=1, keepdim=True))
