"""A fitted affine maximizer as a mechanism in money."""

import torch
from torch import nn

from sklauction.menus.affine import AffineMenu, affine_outcome

__all__ = ["AffineMechanism"]

# Entries of (profiles, rows) worked on at once: arrays of 2 MiB, which stay near a core's cache.
CHUNK_ENTRIES = 1 << 18


class AffineMechanism(nn.Module):
    """Bids in money to allocations and payments in money, by the best row of a menu.

    No gradient flows through it: what a bidder gets is constant in its own report but for
    jumps, so audits treat it as a black box.

    Parameters
    ----------
    menu : AffineMenu
        In units of the scale, without leading axes.
    scale : float
        Money per unit of the menu.
    """

    def __init__(self, menu, scale):
        super().__init__()
        # Of equally good rows the first is taken: of those for one buyer, the dearest.
        order = torch.argsort(menu.boosts, stable=True)
        for name, part in zip(
            menu._fields, (menu.allocations[order], menu.weights, menu.boosts[order]), strict=True
        ):
            self.register_buffer(name, part.double())
        self.scale = float(scale)

    @property
    def menu(self):
        """The :class:`AffineMenu`, in units of the scale."""
        return AffineMenu(self.allocations, self.weights, self.boosts)

    @torch.no_grad()
    def forward(self, bids):
        """Return allocations (n, n_bidders, n_items) and payments (n, n_bidders)."""
        parts = [self._run(part) for part in bids.split(max(1, CHUNK_ENTRIES // len(self.boosts)))]
        rows, payments = (torch.cat(column) for column in zip(*parts, strict=True))
        return self.allocations[rows], payments

    def choose(self, bids):
        """Return the row of the menu carried out for each profile of bids in money, (n,)."""
        size = max(1, CHUNK_ENTRIES // len(self.boosts))
        with torch.no_grad():
            return torch.cat([self._run(part)[0] for part in bids.split(size)])

    def _run(self, bids):
        rows, payments = affine_outcome(bids / self.scale, self.menu)
        return rows, payments * self.scale
