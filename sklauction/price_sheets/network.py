"""The network from the others' bids to price sheets."""

import copy
import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from sklauction.learned.design import Design
from sklauction.price_sheets.sheets import PriceSheets
from sklauction.utils.saving import savable

__all__ = ["PriceSheetNetwork", "SheetDesign"]

# Probabilities of a lottery are a sigmoid stretched by this much beyond [0, 1] and clipped, so that
# they can be exactly 0 and 1: an item with a tiny probability could clash.
STRETCH = 0.1
# Largest initial logit of a lottery, where the sigmoid still has a large slope.
LOTTERY_LOGITS = 1.5


@savable(tag="$record")
@dataclass(frozen=True, kw_only=True)
class SheetDesign(Design):
    """Size and symmetry of a network that returns price sheets.

    Alike bidders share one network, whose input is the others' sorted bids. Otherwise each bidder
    has its own network, whose input keeps the order of the others. Items that are not alike have
    learned embeddings and base prices.

    Parameters
    ----------
    hidden_layer_sizes : tuple of int
        Units per item and layer.
    lottery_rows : int
        Lotteries per sheet.
    n_starts : int
        Number of networks trained in parallel, from different initial weights.
    """

    hidden_layer_sizes: tuple
    lottery_rows: int
    n_starts: int


@savable
class PriceSheetNetwork(nn.Module):
    """Network from bids to price sheets, each a function of the others' bids alone.

    The features of an item are the others' bids on it and its threshold price. Each layer combines
    the features of an item with their mean over items (deep sets [1]_). The output layer returns
    corrections of the threshold prices and a discount for each further item. Its weights start
    at zero, so the initial auction is item-wise Myerson.

    Parameters
    ----------
    rules : PricingRules
        Its ``thresholds`` are the initial item prices.
    generator : torch.Generator or None
        For the initial weights; on the CPU. None on the meta device.

    References
    ----------
    .. [1] Zaheer et al., "Deep Sets", NeurIPS 2017, equation 4.
    """

    def __init__(self, rules, generator):
        super().__init__()
        self.design, self.thresholds = rules.design, rules.thresholds
        bidders = range(rules.design.n_bidders)
        others = [[k for k in bidders if k != i] for i in bidders]
        # Not persistent: training copies and averages the state dict, which holds weights only.
        index = torch.tensor(others, dtype=torch.long, device="cpu")
        self.register_buffer("others", index, persistent=False)
        low, high = np.moveaxis(rules.support, -1, 0)
        arrays = {"reserves": rules.reserves, "low": low, "high": high}
        arrays |= {"location": rules.location, "spread": rules.spread}
        for name, array in arrays.items():
            tensor = torch.as_tensor(np.array(array), dtype=torch.float64, device="cpu")
            self.register_buffer(name, tensor, persistent=False)
        self._make_weights(generator)

    def _make_weights(self, generator):
        design = self.design
        networks = (design.n_starts, 1 if design.alike_bidders else design.n_bidders)
        kinds = 1 if design.alike_items else design.n_items
        n_sizes = 1 if design.domain.exclusive else design.n_items

        def uniform(n_inputs, n_outputs):
            draws = torch.rand(*networks, n_inputs, n_outputs, generator=generator)
            return nn.Parameter((2 * draws - 1) * math.sqrt(3.0 / n_inputs))

        def zeros(*shape):
            return nn.Parameter(torch.zeros(*networks, *shape))

        sizes = [design.n_bidders, *design.hidden_layer_sizes]
        self.entry = nn.ParameterList(uniform(a, b) for a, b in itertools.pairwise(sizes))
        self.pooled = nn.ParameterList(uniform(a, b) for a, b in itertools.pairwise(sizes))
        self.bias = nn.ParameterList(zeros(1, 1, b) for b in sizes[1:])
        self.embedding = zeros(1, kinds, sizes[1])
        self.smoothness = zeros(1, 1)
        self.price, self.price_bias = zeros(sizes[-1], 1), zeros(1, kinds)
        self.discount, self.discount_bias = zeros(sizes[-1], n_sizes), zeros(1, n_sizes)
        rows = design.lottery_rows
        self.lottery, self.lottery_rebate = zeros(sizes[-1], rows), zeros(sizes[-1], rows)
        first = torch.rand(*networks, 1, design.n_items, rows, generator=generator)
        self.lottery_bias = nn.Parameter((2 * first - 1) * LOTTERY_LOGITS)
        self.rebate_bias = zeros(1, rows)

    def forward(self, bids):
        """Return price sheets with leading axes (n_starts, n, n_bidders).

        Parameters
        ----------
        bids : Tensor of shape (n, n_bidders, n_items)
            In units of the scale.

        Returns
        -------
        PriceSheets
        """
        if self.design.n_bidders > 1:
            return self._write(bids)
        # Without other bidders, all profiles have the same sheet.
        sheets = self._write(bids[:1])
        return PriceSheets(*(part.expand(-1, len(bids), *part.shape[2:]) for part in sheets))

    def working_width(self, n_bidders, n_items):
        """Return the largest number of floats held per entry of a profile."""
        widths = [weights.shape[-1] for weights in (*self.entry, self.lottery)]
        return max(*widths, self.others.numel() // n_bidders + 1)

    def take_start(self, start):
        """Return a copy with the weights of one start."""
        one = copy.deepcopy(self)
        one.design = replace(self.design, n_starts=1)
        for parameter in one.parameters():
            parameter.data = parameter.data[start : start + 1].clone()
        return one

    def _write(self, bids):
        features, thresholds, ceiling = self._describe(bids)
        # Thresholds from samples are step functions of the bids. For alike bidders, the highest of
        # the reserve and the others' bids is a smooth alternative: training mixes both.
        prices = thresholds + self.smoothness * (ceiling - thresholds)
        hidden = self._layers(features)
        pooled = hidden.mean(dim=3)
        corrections = (hidden @ self.price.unsqueeze(2)).squeeze(-1) + self.price_bias
        item_prices = (prices + corrections).clamp_min(0.0)
        discounts = self._discounts(pooled, item_prices)
        lotteries, lottery_prices = self._lotteries(hidden, pooled, item_prices)
        parts = (item_prices, discounts, lotteries, lottery_prices)
        sheets = PriceSheets(*(self._by_profile(part, len(bids)) for part in parts))
        return sheets if self.training else self._guard(bids, sheets)

    @torch.no_grad()
    def _describe(self, bids):
        """Return features (1, networks, rows, n_items, n_bidders), thresholds and highest bids."""
        others = bids[:, self.others]
        highest = others.amax(dim=2) if others.shape[2] else torch.zeros_like(bids)
        ceiling = torch.maximum(self.reserves.to(bids), highest)
        thresholds = self.thresholds(bids)
        inside = torch.minimum(torch.maximum(bids, self.low.to(bids)), self.high.to(bids))
        seen = ((inside - self.location.to(bids)) / self.spread.to(bids))[:, self.others]
        if self.design.alike_bidders and self.design.n_bidders > 2:
            seen = seen.sort(dim=2, descending=True).values
        inner = torch.minimum(thresholds, self.high.amax(dim=0).to(bids))
        inner = (inner - self.location.to(bids)) / self.spread.to(bids)
        features = torch.cat([seen, inner.unsqueeze(2)], dim=2).transpose(2, 3)
        return tuple(self._by_network(part) for part in (features, thresholds, ceiling))

    def _layers(self, hidden):
        for layer, (entry, pooled, bias) in enumerate(zip(self.entry, self.pooled, self.bias)):
            shared = _times(hidden.mean(dim=3), pooled).unsqueeze(3) + bias
            if layer == 0:
                shared = shared + self.embedding
            # In place, as allocating memory takes as long as the arithmetic at these sizes.
            update = _times(hidden.flatten(2, 3), entry).unflatten(2, hidden.shape[2:4])
            update = update.add_(shared).relu_()
            hidden = hidden + update if update.shape == hidden.shape else update
        return hidden

    def _discounts(self, pooled, item_prices):
        further = pooled @ self.discount + self.discount_bias
        # A single item has no discount.
        further = torch.cat([torch.zeros_like(further[..., :1]), further[..., 1:]], dim=-1)
        if further.shape[-1] == 1:
            return further
        lowest = item_prices.sort(dim=-1).values.cumsum(dim=-1)
        return torch.minimum(further.cumsum(dim=-1), lowest)

    def _lotteries(self, hidden, pooled, item_prices):
        if not self.design.lottery_rows:
            none = item_prices[..., :0]
            return none.unsqueeze(-1).expand(*none.shape, self.design.n_items), none
        logits = (hidden @ self.lottery.unsqueeze(2) + self.lottery_bias).transpose(-1, -2)
        if self.design.domain.exclusive:
            nothing = torch.zeros_like(logits[..., :1])
            rows = torch.softmax(torch.cat([logits, nothing], dim=-1), dim=-1)[..., :-1]
        else:
            rows = (torch.sigmoid(logits) * (1 + 2 * STRETCH) - STRETCH).clamp(0.0, 1.0)
        full = (rows * item_prices.unsqueeze(-2)).sum(dim=-1)
        return rows, (full - pooled @ self.lottery_rebate - self.rebate_bias).clamp_min(0.0)

    def _guard(self, bids, sheets):
        """Raise the prices of items for which another bidder bids above the support.

        Training has no such bids. The new price is the highest such bid plus the largest
        discount, so that no bidder with a lower bid takes the item in any set and causes a
        clash. It depends on the others' bids only.
        """
        above = torch.where(bids > self.high.to(bids), bids, 0.0)
        if self.design.n_bidders == 1 or not above.any():
            return sheets
        highest = above[:, self.others].amax(dim=2)
        outside = highest > 0
        span = sheets.discounts.amax(dim=-1) - sheets.discounts.amin(dim=-1).clamp_max(0.0)
        kept = torch.where(outside, highest + span.unsqueeze(-1), 0.0)
        touched = ((sheets.lottery_allocations > 0) & outside.unsqueeze(-2)).any(dim=-1)
        return sheets._replace(
            item_prices=torch.maximum(sheets.item_prices, kept),
            lottery_prices=sheets.lottery_prices.masked_fill(touched, torch.inf),
        )

    def _by_network(self, part):
        """Take (n, n_bidders, ...) to (1, networks, rows, ...)."""
        alike = self.design.alike_bidders
        return (part.flatten(0, 1)[None] if alike else part.swapaxes(0, 1))[None]

    def _by_profile(self, part, n_profiles):
        """Take (n_starts, networks, rows, ...) to (n_starts, n, n_bidders, ...)."""
        if self.design.alike_bidders:
            return part.squeeze(1).unflatten(1, (n_profiles, self.design.n_bidders))
        return part.swapaxes(1, 2)


def _times(rows, weight):
    """Return the product of rows (s, g, r, a) and weights (s, g, a, b), over each (s, g).

    For a single network this is a plain matrix product, which uses all cores.
    """
    if weight.shape[:2] == (1, 1) and rows.shape[:2] == (1, 1):
        return (rows[0, 0] @ weight[0, 0])[None, None]
    return rows @ weight
