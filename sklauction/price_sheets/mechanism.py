"""A trained price-sheet network as a mechanism in money."""

import torch
from torch import nn

from sklauction.price_sheets.sheets import PriceSheets, Settlement, settle

__all__ = ["PricingMechanism"]


class PricingMechanism(nn.Module):
    """Bids in money to allocations and payments in money, by price sheets.

    No gradient flows through it: what a bidder gets is constant in its own report but
    for jumps, so audits treat it as a black box.

    Parameters
    ----------
    network : PriceSheetNetwork
        Of one start, in double precision.
    scale : float
        Money per unit of the network.
    """

    def __init__(self, network, scale):
        super().__init__()
        self.network = network
        self.scale = float(scale)

    def forward(self, bids):
        """Return allocations (n, n_bidders, n_items) and payments (n, n_bidders)."""
        outcome = self.settle(bids)
        return outcome.allocations, outcome.payments

    @torch.no_grad()
    def settle(self, bids):
        """Return the whole settlement, in money.

        Parameters
        ----------
        bids : Tensor of shape (n, n_bidders, n_items)

        Returns
        -------
        Settlement
        """
        outcome = settle(bids / self.scale, self._write(bids))
        return Settlement(
            outcome.allocations,
            outcome.payments * self.scale,
            outcome.regret_bounds * self.scale,
            outcome.favourites,
        )

    @torch.no_grad()
    def write_sheets(self, bids):
        """Return the price sheets, in money, with leading axes (n, n_bidders).

        Parameters
        ----------
        bids : Tensor of shape (n, n_bidders, n_items)

        Returns
        -------
        PriceSheets
        """
        sheets = self._write(bids)
        return PriceSheets(
            sheets.item_prices * self.scale,
            sheets.discounts * self.scale,
            sheets.lottery_allocations,
            sheets.lottery_prices * self.scale,
        )

    def _write(self, bids):
        return PriceSheets(*(part.squeeze(0) for part in self.network(bids / self.scale)))
