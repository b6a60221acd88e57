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
        # Of equally good rows the first is taken: of those for one buyer, the dearest. A first row
        # that stands for all integral allocations stays where it is.
        order = torch.argsort(menu.boosts, stable=True)
        if menu.reserves is not None:
            order = torch.cat([order.new_zeros(1), order[order > 0]])
        parts = (menu.allocations[order], menu.weights, menu.boosts[order], menu.reserves)
        for name, part in zip(menu._fields, parts, strict=True):
            self.register_buffer(name, None if part is None else part.double())
        self.scale = float(scale)

    @property
    def menu(self):
        """The :class:`AffineMenu`, in units of the scale."""
        return AffineMenu(self.allocations, self.weights, self.boosts, self.reserves)

    @torch.no_grad()
    def forward(self, bids):
        """Return allocations (n, n_bidders, n_items) and payments (n, n_bidders)."""
        _, allocations, payments = self._run(bids)
        return allocations, payments

    @torch.no_grad()
    def choose(self, bids):
        """Return the row of the menu carried out for each profile of bids in money, (n,)."""
        return self._run(bids)[0]

    def _run(self, bids):
        size = max(1, CHUNK_ENTRIES // len(self.boosts))
        outcomes = [affine_outcome(part / self.scale, self.menu) for part in bids.split(size)]
        rows, allocations, payments = (torch.cat(part) for part in zip(*outcomes, strict=True))
        return rows, allocations, payments * self.scale
