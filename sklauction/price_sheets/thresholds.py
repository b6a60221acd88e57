"""Item-wise threshold prices of Myerson's auction as a torch module."""

import numpy as np
import torch
from torch import nn

from sklauction.utils.saving import savable

__all__ = ["ThresholdPrices"]


@savable
class ThresholdPrices(nn.Module):
    """Smallest winning bid of each bidder for each item, given the others' bids.

    Bidder i wins from the bid at which its virtual value exceeds that of every earlier bidder and
    reaches those of all later bidders and zero [1]_: the payment rule of
    :func:`~sklauction.analytic.myerson.sell_one`. Two bidders never both exceed their
    thresholds, so selling the items at these prices is item-wise Myerson.

    Parameters
    ----------
    virtual_values : object ndarray of IronedVirtualValue of shape (n_bidders, n_items)
        Non-decreasing polylines, in money.
    scale : float
        Money per unit of the bids.
    lattice_step : float
        Step of the lattice that holds all values, in units of the scale; 0 if there is none. On
        a lattice, the smallest bid whose virtual value exceeds a level is one step above the
        bid that reaches it.

    References
    ----------
    .. [1] Myerson, "Optimal Auction Design", Mathematics of Operations Research
       6(1), 1981, equation 5.6.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from scipy.stats import uniform
    >>> from sklauction.analytic.virtual_value import prior_virtual_value
    >>> from sklauction.price_sheets.thresholds import ThresholdPrices
    >>> phi = prior_virtual_value(uniform(0, 1))
    >>> grid = np.empty((2, 1), dtype=object)
    >>> grid[:] = phi
    >>> prices = ThresholdPrices(grid, scale=1.0)
    >>> prices(torch.tensor([[[0.9], [0.7]]], dtype=torch.float64))[0, :, 0].numpy().round(6)
    array([0.7, 0.9])
    """

    def __init__(self, virtual_values, scale, lattice_step=0.0):
        super().__init__()
        self.tick = lattice_step  # its name in saved files
        self.n_bidders, self.n_items = virtual_values.shape
        lengths = np.array([len(phi.values) for phi in virtual_values.flat])
        tables = np.full((2, len(lengths), lengths.max()), np.inf)
        for row, phi in enumerate(virtual_values.flat):
            tables[:, row, : lengths[row]] = phi.values / scale, phi.levels / scale
        for name, table in zip(("lengths", "values", "levels"), (lengths[:, None], *tables)):
            self.register_buffer(name, torch.as_tensor(table), persistent=False)

    def forward(self, bids):
        """Return threshold prices at bids, both (n, n_bidders, n_items)."""
        phi = self.virtual_values(bids)
        to_exceed = torch.full_like(bids, -torch.inf)
        to_reach = torch.zeros_like(bids)
        if self.n_bidders > 1:
            to_exceed[:, 1:] = phi[:, :-1].cummax(dim=1).values
            later = phi[:, 1:].flip(1).cummax(dim=1).values.flip(1)
            to_reach[:, :-1] = later.clamp_min(0.0)
        level, strict = torch.maximum(to_exceed, to_reach), to_exceed >= to_reach
        prices = self._inverse(level, strict)
        if not self.tick:
            return prices
        short = strict & (self.virtual_values(prices) <= level)
        return torch.where(short, prices + self.tick, prices)

    def virtual_values(self, bids):
        """Return ironed virtual values of bids, both (n, n_bidders, n_items)."""
        v = self._by_table(bids)
        right = torch.searchsorted(self.values, v, right=True)
        phi = self._interpolate(self.values, self.levels, right, v)
        ceiling = self.levels.gather(1, right.clamp_max(self.levels.shape[1] - 1))
        phi = torch.where(right == self.lengths, v, torch.minimum(phi, ceiling))
        return self._by_profile(phi.masked_fill(right == 0, -torch.inf))

    def _inverse(self, phi, strict):
        """Return the smallest value whose virtual value reaches phi, or exceeds it if strict."""
        phi, strict = self._by_table(phi), self._by_table(strict)
        above = torch.nextafter(phi, torch.full_like(phi, torch.inf))
        index = torch.searchsorted(self.levels, torch.where(strict, above, phi))
        v = self._interpolate(self.levels, self.values, index, phi)
        v = torch.where(index == self.lengths, phi, v)
        return self._by_profile(torch.where(index == 0, self.values[:, :1], v))

    @staticmethod
    def _interpolate(x, y, right, at):
        """Interpolate y at ``at`` on the segment that ends at index ``right``.

        Results outside the table are arbitrary; callers replace them.
        """
        right = right.clamp(1, max(x.shape[1] - 1, 1)).clamp_max(x.shape[1] - 1)
        left = (right - 1).clamp_min(0)
        x0, y0 = x.gather(1, left), y.gather(1, left)
        x1, y1 = x.gather(1, right), y.gather(1, right)
        # Exact at the right end too, as prices are compared with bids that may equal them.
        return torch.where(at == x1, y1, y0 + (at - x0) / (x1 - x0) * (y1 - y0))

    def _by_table(self, profiles):
        return profiles.flatten(1).t().contiguous()

    def _by_profile(self, tables):
        return tables.t().unflatten(1, (self.n_bidders, self.n_items))
