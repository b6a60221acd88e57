"""The network that writes price sheets from the others' bids."""

import copy
import itertools
import math
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from sklauction.price_sheets.sheets import PriceSheets

__all__ = ["PriceSheetNetwork", "SheetDesign"]

# A lottery's probabilities are a sigmoid stretched beyond [0, 1] and cut, so that they can be
# exactly 0 and 1: a lottery with a trace of an item would clash with whoever takes it.
STRETCH = 0.1
# Range of the first logits of lotteries: well inside, where their slope is large.
LOTTERY_LOGITS = 1.5


class SheetDesign(NamedTuple):
    """Size and symmetry of a network.

    Parameters
    ----------
    n_bidders, n_items : int
    demand : {"additive", "unit"}
    hidden_layer_sizes : tuple of int
        Units per item and layer.
    lottery_rows : int
        Lotteries per sheet.
    alike_bidders : bool
        Whether one network serves all bidders and sees the others' bids in order of size;
        else each bidder has a network of its own, which knows the others by place.
    alike_items : bool
        Whether all items are treated alike; else each has a learned embedding, and prices
        and discounts of its own to start from.
    n_starts : int
        Networks trained side by side, from different weights.
    """

    n_bidders: int
    n_items: int
    demand: str
    hidden_layer_sizes: tuple
    lottery_rows: int
    alike_bidders: bool
    alike_items: bool
    n_starts: int


class PriceSheetNetwork(nn.Module):
    """Price sheets of all bidders, each from the others' bids alone.

    Each item is described by the others' bids on it and by its threshold price. Layers
    mix every item with the mean over items (deep sets [1]_). The last one corrects the
    threshold prices and gives a discount to every further item. It starts at zero, so
    that training starts from item-wise Myerson.

    Parameters
    ----------
    design : SheetDesign
    thresholds : ThresholdPrices
        Prices to start from.
    reserves : ndarray of shape (n_bidders, n_items)
        Lowest threshold prices, in units of the scale.
    support : ndarray of shape (n_bidders, n_items, 2)
        Range of bids that the network knows, in units of the scale.
    location, spread : ndarray of shape (n_bidders, n_items)
        Mean and standard deviation of bids, in units of the scale.
    generator : torch.Generator
        For the first weights; on the CPU.

    References
    ----------
    .. [1] Zaheer et al., "Deep Sets", NeurIPS 2017, equation 4.
    """

    def __init__(self, design, thresholds, reserves, support, location, spread, generator):
        super().__init__()
        self.design, self.thresholds = design, thresholds
        n_bidders = design.n_bidders
        others = [[k for k in range(n_bidders) if k != i] for i in range(n_bidders)]
        # What the data say is no part of the weights, which training copies and averages.
        known = {"others": torch.tensor(others, dtype=torch.long)}
        for name, array in (
            ("reserves", reserves),
            ("low", support[..., 0]),
            ("high", support[..., 1]),
            ("location", location),
            ("spread", spread),
        ):
            known[name] = torch.as_tensor(np.array(array), dtype=torch.float64)
        for name, tensor in known.items():
            self.register_buffer(name, tensor, persistent=False)
        self._make_weights(generator)

    def _make_weights(self, generator):
        design = self.design
        networks = (design.n_starts, 1 if design.alike_bidders else design.n_bidders)
        kinds = 1 if design.alike_items else design.n_items
        n_sizes = 1 if design.demand == "unit" else design.n_items

        def drawn(n_inputs, n_outputs):
            # He-uniform, for rectified units.
            draws = torch.rand(*networks, n_inputs, n_outputs, generator=generator)
            return nn.Parameter((2 * draws - 1) * math.sqrt(3.0 / n_inputs))

        def zeros(*shape):
            return nn.Parameter(torch.zeros(*networks, *shape))

        sizes = [design.n_bidders, *design.hidden_layer_sizes]
        self.entry = nn.ParameterList(drawn(a, b) for a, b in itertools.pairwise(sizes))
        self.pooled = nn.ParameterList(drawn(a, b) for a, b in itertools.pairwise(sizes))
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
        """Return the sheets, with leading axes (n_starts, n, n_bidders), at normalised bids."""
        if self.design.n_bidders > 1:
            return self._write(bids)
        # Nothing to look at: one sheet serves all profiles.
        sheets = self._write(bids[:1])
        return PriceSheets(*(part.expand(-1, len(bids), *part.shape[2:]) for part in sheets))

    def take_start(self, start):
        """Return a copy that holds one of the networks trained side by side."""
        one = copy.deepcopy(self)
        one.design = self.design._replace(n_starts=1)
        for parameter in one.parameters():
            parameter.data = parameter.data[start : start + 1].clone()
        return one

    def _write(self, bids):
        features, thresholds, ceiling = self._describe(bids)
        # Thresholds of samples are steps. The highest bid of the others, where bidders are alike,
        # is the same without steps: training may pass from one to the other.
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
        """Return features (1, networks, rows, m, n_bidders), thresholds and highest bids."""
        others = self._others(bids)
        ceiling = torch.maximum(self.reserves.to(bids), self._highest(others))
        thresholds = self.thresholds(bids)
        inside = torch.minimum(torch.maximum(bids, self.low.to(bids)), self.high.to(bids))
        seen = self._others((inside - self.location.to(bids)) / self.spread.to(bids))
        if self.design.alike_bidders and self.design.n_bidders > 2:
            seen = seen.sort(dim=2, descending=True).values
        inner = torch.minimum(thresholds, self.high.amax(dim=0).to(bids))
        inner = (inner - self.location.to(bids)) / self.spread.to(bids)
        features = torch.cat([seen, inner.unsqueeze(2)], dim=2).transpose(2, 3)
        return tuple(self._by_network(part) for part in (features, thresholds, ceiling))

    def _others(self, bids):
        """Return the others' entries, (n, n_bidders, n_bidders - 1, m)."""
        return bids[:, self.others]

    def _highest(self, others):
        if self.design.n_bidders == 1:
            return torch.zeros_like(others.sum(dim=2))
        return others.amax(dim=2)

    def _layers(self, hidden):
        for layer, (entry, pooled, bias) in enumerate(zip(self.entry, self.pooled, self.bias)):
            shared = _times(hidden.mean(dim=3), pooled).unsqueeze(3) + bias
            if layer == 0:
                shared = shared + self.embedding
            # In place, as asking for memory takes as long as the arithmetic at these sizes.
            update = _times(hidden.flatten(2, 3), entry).unflatten(2, hidden.shape[2:4])
            update = update.add_(shared).relu_()
            hidden = hidden + update if update.shape == hidden.shape else update
        return hidden

    def _discounts(self, pooled, item_prices):
        further = pooled @ self.discount + self.discount_bias
        # One item has no discount: its price says all.
        further = torch.cat([torch.zeros_like(further[..., :1]), further[..., 1:]], dim=-1)
        if further.shape[-1] == 1:
            return further
        lowest = item_prices.sort(dim=-1).values.cumsum(dim=-1)
        return torch.minimum(further.cumsum(dim=-1), lowest)

    def _lotteries(self, hidden, pooled, item_prices):
        if not self.design.lottery_rows:
            return item_prices[..., :0].unsqueeze(-1).expand(
                *item_prices.shape[:-1], 0, self.design.n_items
            ), item_prices[..., :0]
        logits = hidden @ self.lottery.unsqueeze(2) + self.lottery_bias
        logits = logits.transpose(-1, -2)
        if self.design.demand == "unit":
            nothing = torch.zeros_like(logits[..., :1])
            rows = torch.softmax(torch.cat([logits, nothing], dim=-1), dim=-1)[..., :-1]
        else:
            rows = torch.sigmoid(logits) * (1 + 2 * STRETCH) - STRETCH
            rows = rows.clamp(0.0, 1.0)
        full = (rows * item_prices.unsqueeze(-2)).sum(dim=-1)
        return rows, (full - pooled @ self.lottery_rebate - self.rebate_bias).clamp_min(0.0)

    def _guard(self, bids, sheets):
        """Make an item too dear for anyone below a bid on it that lies above the support.

        The network does not know such bids. Adding the largest discount to the bid keeps
        everybody who bids less from taking the item in any set, so that nobody clashes
        over it. The price still depends on the others' bids only.
        """
        above = torch.where(bids > self.high.to(bids), bids, 0.0)
        if self.design.n_bidders == 1 or not above.any():
            return sheets
        highest = self._highest(self._others(above))
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
        return (
            part.flatten(0, 1)[None, None]
            if self.design.alike_bidders
            else part.swapaxes(0, 1)[None]
        )

    def _by_profile(self, part, n_profiles):
        """Take (n_starts, networks, rows, ...) to (n_starts, n, n_bidders, ...)."""
        if self.design.alike_bidders:
            return part.squeeze(1).unflatten(1, (n_profiles, self.design.n_bidders))
        return part.swapaxes(1, 2)


def _times(rows, weight):
    """Return the product of rows (s, g, r, a) and weights (s, g, a, b), over each (s, g).

    For a single network a plain matrix product is used, which runs on all cores.
    """
    if weight.shape[:2] == (1, 1) and rows.shape[:2] == (1, 1):
        return (rows[0, 0] @ weight[0, 0])[None, None]
    return rows @ weight
