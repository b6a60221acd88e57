"""A fitted affine maximizer as a mechanism in money."""

import torch
from torch import nn

from sklauction.economics import check_feasible
from sklauction.menus.affine import AffineMenu, affine_outcome
from sklauction.menus.floor import add_floor, net_bids
from sklauction.utils.batching import TABLE_ENTRIES, blocks
from sklauction.utils.module_checks import check_same_module
from sklauction.utils.saving import check_array, savable

__all__ = ["AffineMechanism"]

# Largest boost and weight in a file, so that welfare does not overflow.
MOST_BOOST = 1e50


@savable
class AffineMechanism(nn.Module):
    """Torch module from bids to the allocations and payments of a menu, all in money.

    Outcomes are piecewise constant in a bidder's own bid, so the module has no gradients and
    audits treat it as a black box.

    Parameters
    ----------
    menu : AffineMenu
        In units of the scale, without leading axes.
    scale : float
        Money per unit of the menu.
    floor : array-like of shape (n_bidders, n_items) or None, default=None
        Lowest prices, in money. If given, the menu is one of net bids: see
        :mod:`sklauction.menus.floor`.
    """

    def __init__(self, menu, scale, floor=None):
        super().__init__()
        # Ties go to the first row. Sorted by boost, that is the most expensive one for a single
        # buyer. A first row that represents all integral allocations must stay first.
        order = torch.argsort(menu.boosts, stable=True)
        if menu.reserves is not None:
            order = torch.cat([order.new_zeros(1), order[order > 0]])
        parts = (menu.allocations[order], menu.weights, menu.boosts[order], menu.reserves)
        for name, part in zip(menu._fields, parts, strict=True):
            self.register_buffer(name, None if part is None else part.double())
        if floor is not None:
            self.register_buffer("floor", torch.as_tensor(floor).to(self.boosts))
        self.scale = float(scale)

    def _check_fits(self, auction, name):
        """Raise ValueError unless this is a menu in order, feasible in a fitted auction."""
        shape, rows, boosts = auction._fitted_shape(), self.allocations.numpy(), self.boosts.numpy()
        check_array(boosts, f"boosts of {name}", (None,), least=-MOST_BOOST)
        check_array(rows, f"allocations of {name}", (len(boosts), *shape))
        check_array(self.weights.numpy(), f"weights of {name}", shape[:1], least=1 / MOST_BOOST)
        if max(boosts.max(), self.weights.max()) > MOST_BOOST:
            raise ValueError(f"{name} must have boosts and weights of at most {MOST_BOOST:g}")
        check_feasible(rows, auction.demand, f"allocations of {name}")
        if self.reserves is not None:
            check_array(self.reserves.numpy(), f"reserves of {name}", shape)
            if boosts[0] or rows[0].any():
                raise ValueError(f"{name} with reserves must begin with the empty row; got others")
        built = AffineMechanism(self.menu, auction.scale_, auction._floor())
        check_same_module(self, built, name)

    @property
    def _floor(self):
        # Files without lowest prices have no such buffer.
        return self._buffers.get("floor")

    @property
    def menu(self):
        """The :class:`AffineMenu`, in units of the scale."""
        return AffineMenu(self.allocations, self.weights, self.boosts, self.reserves)

    def forward(self, bids):
        """Return allocations (n, n_bidders, n_items) and payments (n, n_bidders)."""
        return self._run(bids)[1:]

    def choose(self, bids):
        """Return the chosen row for each profile of bids in money, (n,)."""
        return self._run(bids)[0]

    @torch.no_grad()
    def _run(self, bids):
        parts = blocks((len(bids), len(self.boosts)), TABLE_ENTRIES)
        outcomes = [self._sell(bids[part]) for part in parts]
        return tuple(torch.cat(part) for part in zip(*outcomes, strict=True))

    def _sell(self, bids):
        net = net_bids(bids, self._floor)
        rows, allocations, payments = affine_outcome(net / self.scale, self.menu)
        given, paid = add_floor(allocations, payments * self.scale, net, self._floor)
        # The change of units may round payments up.
        return rows, given, torch.minimum(paid, (given * bids).sum(dim=2))
