"""AMenuNet's menu: a permutation-equivariant transformer over bidders and items."""

import math

import numpy as np
import torch
from torch import nn

from sklauction.menus.affine import AffineMenu
from sklauction.menus.free_menu import first_boosts, normal_weights
from sklauction.menus.menu_rows import close_orbit, rows_from_logits

__all__ = ["TransformerMenu"]

# Numbers in the embedding of a bidder, and of an item.
EMBEDDED = 16
# Spread of the first logits: rows then differ, and lean to one bidder per item.
FIRST_LOGITS = 3.0


class TransformerMenu(nn.Module):
    """Menu, weights and boosts from embeddings of bidders and items [1]_.

    Every pair of bidder and item is described by the embeddings of both, which are drawn once
    and not learned, and by mean and spread of the bidder's values of the item. Layers
    attend over the items of a bidder and over the bidders of an item. So the weights do
    not grow with bidders or items, and bidders (items) that change places change places in
    the menu.

    Parameters
    ----------
    design : MenuDesign
    values : ndarray of shape (n_samples, n_bidders, n_items)
        Samples on which first prices are found, in units of the scale.
    generator : torch.Generator
        For the embeddings and first weights; on the CPU.
    n_units : int, default=32
        Width of the layers.
    n_layers : int, default=2

    References
    ----------
    .. [1] Duan et al., "A Scalable Neural Network for DSIC Affine Maximizer Auction
       Design", NeurIPS 2023, section 4.
    """

    def __init__(self, design, values, generator, n_units=32, n_layers=2):
        super().__init__()
        self.design, self.n_layers = design, n_layers
        n_starts = design.n_starts
        described = np.stack([values.mean(axis=0), values.std(axis=0)], axis=-1)

        def normal(*shape):
            return torch.randn(*shape, generator=generator)

        def drawn(n_inputs, n_outputs):
            return nn.Parameter(normal(n_starts, n_inputs, n_outputs) / math.sqrt(n_inputs))

        # First, so that they are the same for any number of starts.
        bidders = normal(design.n_bidders, 1, EMBEDDED)
        items = normal(1, design.n_items, EMBEDDED)
        self.entry = drawn(2 * EMBEDDED + described.shape[2], n_units)
        self.attend = nn.ParameterList(drawn(n_units, 6 * n_units) for _ in range(n_layers))
        self.merge = nn.ParameterList(drawn(4 * n_units, n_units) for _ in range(n_layers))
        self.to_rows = drawn(n_units, design.n_rows)
        self.to_nobody = drawn(n_units, design.n_rows)
        self.to_idle = drawn(n_units, design.n_rows)
        self.to_boosts = nn.Parameter(torch.zeros(n_starts, n_units, design.n_rows))
        self.to_weights = nn.Parameter(torch.zeros(n_starts, n_units, 1))
        pairs = (design.n_bidders, design.n_items)
        known = [
            bidders.expand(*pairs, -1),
            items.expand(*pairs, -1),
            torch.as_tensor(described, dtype=torch.float32),
        ]
        self.register_buffer("pairs", torch.cat(known, dim=2), persistent=False)
        with torch.no_grad():
            first = rows_from_logits(self._read(self._encode()), design)
        self.boosts = nn.Parameter(first_boosts(first, values, generator))

    def forward(self):
        """Return the :class:`AffineMenu` of every start."""
        pairs = self._encode()
        rows = rows_from_logits(self._read(pairs), self.design)
        pooled = pairs.mean(dim=(1, 2)).unsqueeze(1)
        boosts = self.boosts + (pooled @ self.to_boosts).squeeze(1)
        by_bidder = (pairs.mean(dim=2) @ self.to_weights).squeeze(2)
        rows, boosts = close_orbit(rows, boosts, self.design)
        return AffineMenu(rows, normal_weights(by_bidder, self.design), boosts)

    def _encode(self):
        """Return what is known of every pair, (n_starts, n_bidders, n_items, n_units)."""
        pairs = _times(
            self.pairs.to(self.entry).expand(self.design.n_starts, -1, -1, -1), self.entry
        )
        for attend, merge in zip(self.attend, self.merge):
            parts = _times(pairs, attend).chunk(6, dim=-1)
            over_items = _attention(*parts[:3])
            over_bidders = _attention(*(part.transpose(1, 2) for part in parts[3:])).transpose(1, 2)
            everywhere = pairs.mean(dim=(1, 2), keepdim=True).expand_as(pairs)
            seen = torch.cat([pairs, over_items, over_bidders, everywhere], dim=-1)
            pairs = pairs + torch.relu(_times(seen, merge))
            pairs = pairs / pairs.square().mean(dim=-1, keepdim=True).add(1e-6).sqrt()
        return pairs

    def _read(self, pairs):
        """Return logits, (n_starts, n_rows, *design.logits_shape)."""
        logits = _times(pairs, self.to_rows)
        nobody = _times(pairs.mean(dim=1, keepdim=True), self.to_nobody)
        logits = torch.cat([logits, nobody], dim=1)
        if self.design.demand == "unit":
            idle = _times(pairs.mean(dim=2, keepdim=True), self.to_idle)
            logits = torch.cat([logits, torch.cat([idle, torch.zeros_like(idle[:, :1])], 1)], dim=2)
        return FIRST_LOGITS * logits.permute(0, 3, 1, 2)


def _times(pairs, weight):
    """Return (n_starts, n, m, a) times (n_starts, a, b)."""
    return pairs @ weight.unsqueeze(1)


def _attention(query, key, value):
    """Attend along axis 2, for each start and place of axis 1."""
    chances = torch.softmax(query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1]), dim=-1)
    return chances @ value
