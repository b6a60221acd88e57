"""Bodies that auctioneer and misreporter networks are built from, and their seeding."""

import functools
import itertools

import torch
from torch import nn

__all__ = ["ACTIVATIONS", "AttentionBody", "DenseBody", "ExchangeableBody", "build_seeded"]

# Largest n_bidders * n_items for which one dense product beats four small ones (on two cores
# 0.9 against 1.1 ms at 2x2, 1.5 against 1.4 ms at 2x3: benchmarks/design_choices.py).
DENSE_ENTRIES = 4

ACTIVATIONS = {
    "relu": nn.functional.relu,
    "silu": nn.functional.silu,
    "tanh": torch.tanh,
}


class DenseBody(nn.Module):
    """Fully connected layers over the flattened profile.

    Parameters
    ----------
    n_inputs : int
        ``n_bidders * n_items``.
    hidden_layer_sizes : sequence of int
        Units per hidden layer.
    activation : {"relu", "silu", "tanh"}
    """

    def __init__(self, n_inputs, hidden_layer_sizes, activation):
        super().__init__()
        sizes = [n_inputs, *hidden_layer_sizes]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.activation = ACTIVATIONS[activation]
        self.n_outputs = sizes[-1]

    def forward(self, profiles):
        """Map (n, n_bidders, n_items) to (n, n_outputs)."""
        hidden = profiles.flatten(1)
        for layer in self.layers:
            hidden = self.activation(layer(hidden))
        return hidden


class ExchangeableLayer(nn.Module):
    """Mix each (bidder, item) entry with the means of its row, its column and all.

    The linear map that commutes with every reordering of bidders and of items:
    ``y_ij = A x_ij + B mean_j(x_i.) + C mean_i(x_.j) + D mean(x) + e``.

    For up to four entries one dense product does the same sooner: see :meth:`dense`.

    References
    ----------
    .. [1] Hartford et al., "Deep Models of Interactions Across Sets", ICML 2018, eq. 3;
       used for auctions by Rahme et al., "A Permutation-Equivariant Neural Network
       Architecture For Auction Design", AAAI 2021.
    """

    def __init__(self, n_inputs, n_outputs):
        super().__init__()
        self.entry = nn.Linear(n_inputs, n_outputs)
        self.row = nn.Linear(n_inputs, n_outputs, bias=False)
        self.column = nn.Linear(n_inputs, n_outputs, bias=False)
        self.overall = nn.Linear(n_inputs, n_outputs, bias=False)

    def forward(self, x):
        """Map (n, n_bidders, n_items, n_inputs) to (n, n_bidders, n_items, n_outputs)."""
        return self.dense(x) if x.shape[1] * x.shape[2] <= DENSE_ENTRIES else self.pooled(x)

    def dense(self, x):
        """Compute the map as one matrix over all entries: more arithmetic, fewer operations."""
        n_bidders, n_items = x.shape[1:3]
        parts = (self.entry, self.row, self.column, self.overall)
        matrices = torch.stack([part.weight for part in parts])
        means = _mean_matrices(n_bidders, n_items).to(x)
        weight = torch.einsum("fqp,foi->qopi", means, matrices)
        weight = weight.reshape(-1, n_bidders * n_items * x.shape[3])
        bias = self.entry.bias.repeat(n_bidders * n_items)
        return nn.functional.linear(x.flatten(1), weight, bias).unflatten(
            1, (n_bidders, n_items, -1)
        )

    def pooled(self, x):
        """Compute the map from the means: cost linear in the number of entries."""
        rows = x.mean(dim=2, keepdim=True)
        mixed = self.row(rows)
        mixed = mixed + self.overall(rows.mean(dim=1, keepdim=True))
        return self.entry(x) + mixed + self.column(x.mean(dim=1, keepdim=True))


@functools.cache
@torch.inference_mode(False)  # what is kept must serve training too
def _mean_matrices(n_bidders, n_items):
    """Return the matrices (4, nm, nm) that take an entry, its row's, column's, all mean."""
    same_bidder, same_item = (torch.eye(size, dtype=torch.float64) for size in (n_bidders, n_items))
    any_bidder = torch.full_like(same_bidder, 1 / n_bidders)
    any_item = torch.full_like(same_item, 1 / n_items)
    pairs = itertools.product((same_bidder, any_bidder), (same_item, any_item))
    entry, row, column, overall = (torch.kron(*pair) for pair in pairs)
    return torch.stack([entry, row, column, overall])


class ExchangeableBody(nn.Module):
    """Residual exchangeable layers, with learned embeddings of bidders and items that differ.

    The embeddings start at zero, where the body treats all bidders alike and all
    items alike, and grow only as far as an asymmetric prior rewards.

    Parameters
    ----------
    n_bidders, n_items : int
    hidden_layer_sizes : sequence of int
        Channels per layer.
    activation : {"relu", "silu", "tanh"}
    alike_bidders, alike_items : bool
        Whether to leave out their embeddings.
    n_features : int
        Numbers that describe an entry.
    """

    def __init__(
        self,
        n_bidders,
        n_items,
        hidden_layer_sizes,
        activation,
        alike_bidders,
        alike_items,
        n_features=1,
    ):
        super().__init__()
        sizes = [n_features, *hidden_layer_sizes]
        first, *rest = itertools.pairwise(sizes)
        self.first = ExchangeableLayer(*first)
        self.layers = nn.ModuleList(self.make_layer(*pair) for pair in rest)
        shapes = {"bidder_embedding": (n_bidders, 1), "item_embedding": (1, n_items)}
        for (name, shape), alike in zip(shapes.items(), (alike_bidders, alike_items), strict=True):
            embedding = None if alike else nn.Parameter(torch.zeros(*shape, sizes[1]))
            self.register_parameter(name, embedding)
        self.activation = ACTIVATIONS[activation]
        self.n_outputs = sizes[-1]

    make_layer = ExchangeableLayer

    def forward(self, features):
        """Map (n, n_bidders, n_items, n_features) to (n, n_bidders, n_items, n_outputs)."""
        hidden = self.first(features)
        for embedding in (self.bidder_embedding, self.item_embedding):
            if embedding is not None:
                hidden = hidden + embedding
        hidden = self.activation(hidden)
        for layer in self.layers:
            update = self.activation(layer(hidden))
            hidden = hidden + update if update.shape == hidden.shape else update
        return hidden


class AttentionLayer(nn.Module):
    """Let each (bidder, item) entry attend to its row of items and its column of bidders.

    Both attentions and the entry itself are joined by one linear map. Widths that are even
    have two heads, others one.

    References
    ----------
    .. [1] Ivanov, Safiulin, Filippov & Balabaeva, "Optimal-er Auctions through Attention",
       NeurIPS 2022, section 4 (RegretFormer).
    """

    def __init__(self, n_inputs, n_outputs):
        super().__init__()
        self.n_heads = 2 if n_inputs % 2 == 0 else 1
        self.row, self.column = (nn.Linear(n_inputs, 3 * n_inputs) for _ in range(2))
        self.join = nn.Linear(3 * n_inputs, n_outputs)

    def forward(self, x):
        """Map (n, n_bidders, n_items, n_inputs) to (n, n_bidders, n_items, n_outputs)."""
        rows = self._attend(self.row, x)
        columns = self._attend(self.column, x.transpose(1, 2)).transpose(1, 2)
        return self.join(torch.cat([x, rows, columns], dim=3))

    def _attend(self, project, x):
        """Attend along the last axis but one."""
        parts = project(x).unflatten(3, (3, self.n_heads, -1)).movedim(3, 0).transpose(3, 4)
        return nn.functional.scaled_dot_product_attention(*parts).transpose(2, 3).flatten(3)


class AttentionBody(ExchangeableBody):
    """The same with attention in all layers but the first.

    Parameters
    ----------
    n_bidders, n_items, hidden_layer_sizes, activation, alike_bidders, alike_items, n_features :
        As for :class:`ExchangeableBody`.
    """

    make_layer = AttentionLayer


def build_seeded(factory, generator):
    """Build a module whose weights depend on ``generator`` alone.

    The module is laid out without storage, so that constructing it draws nothing from
    torch's global generator (which threads share), then filled: Glorot-uniform
    matrices, zero biases, zero embeddings.

    Parameters
    ----------
    factory : callable
        Takes nothing, returns the module.
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    torch.nn.Module
        On the CPU, in float32.
    """
    with torch.device("meta"):
        module = factory()
    module = module.to_empty(device="cpu")
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if parameter.ndim == 2 and name.endswith("weight"):
                nn.init.xavier_uniform_(parameter, generator=generator)
            else:
                parameter.zero_()
    return module
