"""A fitted price-sheet network as a mechanism in money."""

import torch
from torch import nn

from sklauction.price_sheets.sheets import settle
from sklauction.utils.saving import savable

__all__ = ["PricingMechanism"]


@savable
class PricingMechanism(nn.Module):
    """Torch module from bids to the allocations and payments of price sheets, all in money.

    Outcomes are piecewise constant in a bidder's own bid, so the module has no gradients and
    audits treat it as a black box.

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
        """Return allocations, payments, regret bounds and favourites, in money.

        Parameters
        ----------
        bids : Tensor of shape (n, n_bidders, n_items)

        Returns
        -------
        Settlement
        """
        outcome = settle(bids / self.scale, self._write(bids))
        # Prices minus discounts are rounded, by more than a very low value if prices are high.
        worth = (outcome.allocations * bids).sum(dim=-1)
        return outcome._replace(
            payments=torch.minimum(outcome.payments * self.scale, worth),
            regret_bounds=outcome.regret_bounds * self.scale,
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
        return sheets._replace(
            item_prices=sheets.item_prices * self.scale,
            discounts=sheets.discounts * self.scale,
            lottery_prices=sheets.lottery_prices * self.scale,
        )

    def _write(self, bids):
        return self.network(bids / self.scale).at(0)
