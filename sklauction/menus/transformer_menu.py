"""The network of AMenuNet: a permutation-equivariant transformer over bidders and items."""

import math

import numpy as np
import torch
from torch import nn

from sklauction.menus.free_menu import affine_menus, initial_boosts, normalise_weights
from sklauction.menus.menu_rows import rows_from_logits

__all__ = ["TransformerMenu"]

# Size of the embedding of a bidder, and of an item.
EMBEDDING_SIZE = 16
# Scale of the logits. With this value, initial rows differ and mostly favour one bidder per item.
LOGIT_SCALE = 3.0


class TransformerMenu(nn.Module):
    """Menu, weights and boosts computed from embeddings of bidders and items [1]_.

    The features of a bidder-item pair are the embeddings of both, which are drawn once and fixed,
    and the mean and standard deviation of the bidder's values for the item. Layers attend over
    the items of a bidder and over the bidders of an item. Hence the number of weights does not
    depend on the numbers of bidders and items, and the menu is permutation-equivariant.

    Parameters
    ----------
    design : MenuDesign
    values : ndarray of shape (n_samples, n_bidders, n_items)
        Samples that determine the initial prices, in units of the scale.
    generator : torch.Generator
        For the embeddings and initial weights; on the CPU.
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
        statistics = np.stack([values.mean(axis=0), values.std(axis=0)], axis=-1)

        def normal(*shape):
            return torch.randn(*shape, generator=generator)

        def lecun_normal(n_inputs, n_outputs):
            return nn.Parameter(normal(n_starts, n_inputs, n_outputs) / math.sqrt(n_inputs))

        # Drawn before the weights, so that they do not depend on the number of starts.
        bidders = normal(design.n_bidders, 1, EMBEDDING_SIZE).expand(-1, design.n_items, -1)
        items = normal(1, design.n_items, EMBEDDING_SIZE).expand(design.n_bidders, -1, -1)
        self.entry = lecun_normal(2 * EMBEDDING_SIZE + statistics.shape[2], n_units)
        self.attend = nn.ParameterList(lecun_normal(n_units, 6 * n_units) for _ in range(n_layers))
        self.merge = nn.ParameterList(lecun_normal(4 * n_units, n_units) for _ in range(n_layers))
        self.to_rows = lecun_normal(n_units, design.n_rows)
        self.to_nobody = lecun_normal(n_units, design.n_rows)
        self.to_idle = lecun_normal(n_units, design.n_rows)
        self.to_boosts = nn.Parameter(torch.zeros(n_starts, n_units, design.n_rows))
        self.to_weights = nn.Parameter(torch.zeros(n_starts, n_units, 1))
        features = [bidders, items, torch.as_tensor(statistics, dtype=torch.float32)]
        self.register_buffer("pairs", torch.cat(features, dim=2), persistent=False)
        with torch.no_grad():
            rows = rows_from_logits(self._read(self._encode()), design)
        self.boosts = nn.Parameter(initial_boosts(rows, values, generator))

    def forward(self):
        """Return the :class:`AffineMenu` of every start."""
        pairs = self._encode()
        logits = self._read(pairs)
        pooled = pairs.mean(dim=(1, 2)).unsqueeze(1)
        boosts = self.boosts + (pooled @ self.to_boosts).squeeze(1)
        by_bidder = (pairs.mean(dim=2) @ self.to_weights).squeeze(2)
        weights = normalise_weights(by_bidder, self.design)
        return affine_menus(logits, weights, boosts, self.design)

    def _encode(self):
        """Return hidden units of every pair, (n_starts, n_bidders, n_items, n_units)."""
        pairs = self.pairs.to(self.entry).expand(self.design.n_starts, -1, -1, -1)
        pairs = _times(pairs, self.entry)
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
        if self.design.domain.exclusive:
            idle = _times(pairs.mean(dim=2, keepdim=True), self.to_idle)
            logits = torch.cat([logits, torch.cat([idle, torch.zeros_like(idle[:, :1])], 1)], dim=2)
        return LOGIT_SCALE * logits.permute(0, 3, 1, 2)


def _times(pairs, weight):
    """Return the matrix product of (n_starts, n, m, a) and (n_starts, a, b)."""
    return pairs @ weight.unsqueeze(1)


def _attention(query, key, value):
    """Return scaled dot-product attention along axis 2."""
    shares = torch.softmax(query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1]), dim=-1)
    return shares @ value
