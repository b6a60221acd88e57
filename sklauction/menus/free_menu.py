"""A menu whose every number is learned by itself."""

import torch
from torch import nn

from sklauction.menus.affine import AffineMenu
from sklauction.menus.menu_rows import all_owners, close_orbit, first_logits, rows_from_logits

__all__ = ["FreeMenu", "first_boosts"]

# Rows priced at a time, to bound memory.
PRICED_AT_ONCE = 256
# Largest share by which first reserve prices are lowered.
MOST_OFF = 0.5


class FreeMenu(nn.Module):
    """Logits of allocations, boosts and bidder weights, as parameters.

    Parameters
    ----------
    design : MenuDesign
    values : ndarray of shape (n_samples, n_bidders, n_items)
        Samples on which first prices are found, in units of the scale.
    generator : torch.Generator
        For the first rows; on the CPU.
    """

    def __init__(self, design, values, generator):
        super().__init__()
        self.design = design
        self.logits = nn.Parameter(first_logits(design, generator))
        # Where all integral rows are there, none has a better place to go to.
        self.fixed_rows = design.integral and len(all_owners(design)) > 0
        self.logits.requires_grad_(not self.fixed_rows)
        self.log_weights = nn.Parameter(torch.zeros(design.n_starts, design.n_bidders))
        rows = rows_from_logits(self.logits, design)
        self.boosts = nn.Parameter(first_boosts(rows, values, generator))

    def forward(self):
        """Return the :class:`AffineMenu` of every start."""
        rows = rows_from_logits(self.logits, self.design)
        rows, boosts = close_orbit(rows, self.boosts, self.design)
        return AffineMenu(rows, normal_weights(self.log_weights, self.design), boosts)


def first_boosts(rows, values, generator):
    """Return boosts by which each row must be worth its own best prices, (n_starts, n_rows).

    What a bidder gets in a row is priced as if nothing else were for sale: at the price that
    earns most on the sample. All starts but the first have lower prices, by a share drawn
    for each, so that they explore.
    """
    values = torch.as_tensor(values, dtype=rows.dtype)
    size = max(1, PRICED_AT_ONCE // len(rows))
    prices = torch.cat([_best_prices(part, values) for part in rows.detach().split(size, dim=1)], 1)
    shares = 1 - MOST_OFF * torch.rand(len(rows), 1, generator=generator)
    shares[0] = 1.0
    return -shares * prices


def _best_prices(rows, values):
    """Return the sum over bidders of the best prices of what each gets, (n_starts, n_rows)."""
    worth = torch.einsum("tim,skim->tski", values, rows)
    worth = worth.sort(dim=0, descending=True).values
    buyers = torch.arange(1, len(values) + 1, dtype=rows.dtype)
    best = (worth * buyers[:, None, None, None]).argmax(dim=0, keepdim=True)
    return worth.gather(0, best).squeeze(0).sum(dim=2)


def normal_weights(log_weights, design):
    """Return bidder weights of geometric mean 1, (n_starts, n_bidders); 1 for bidders alike."""
    if design.alike_bidders:
        return torch.ones_like(log_weights)
    return torch.exp(log_weights - log_weights.mean(dim=1, keepdim=True))
