"""Hidden layers of auctioneer and misreporter networks, and their initialisation."""

import itertools

import torch
from torch import nn

from sklauction.utils.saving import savable

__all__ = ["ACTIVATIONS", "AttentionBody", "DenseBody", "ExchangeableBody", "build_seeded"]

ACTIVATIONS = {
    "relu": nn.functional.relu,
    "silu": nn.functional.silu,
    "tanh": torch.tanh,
}


@savable
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


@savable
class ExchangeableLayer(nn.Module):
    """Linear layer that is equivariant to permutations of bidders and of items.

    ``y_ij = A x_ij + B mean_j(x_i.) + C mean_i(x_.j) + D mean(x) + e``.

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
        rows = x.mean(dim=2, keepdim=True)
        mixed = self.row(rows)
        mixed = mixed + self.overall(rows.mean(dim=1, keepdim=True))
        return self.entry(x) + mixed + self.column(x.mean(dim=1, keepdim=True))


@savable
class ExchangeableBody(nn.Module):
    """Residual exchangeable layers, with learned embeddings of bidders and of items.

    The embeddings start at zero, so that initially all bidders and all items are treated alike.

    Parameters
    ----------
    n_bidders, n_items : int
    hidden_layer_sizes : sequence of int
        Channels per layer.
    activation : {"relu", "silu", "tanh"}
    alike_bidders, alike_items : bool
        Whether to omit the embeddings of bidders (items).
    n_features : int
        Number of input features per bidder and item.
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

    def working_width(self, n_bidders, n_items):
        """Return the size of the largest intermediate array, per entry of a profile."""
        widths = (part.weight.shape[0] for part in self.modules() if type(part) is nn.Linear)
        return max(widths, default=1)

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


@savable
class AttentionLayer(nn.Module):
    """Attention of each (bidder, item) entry over the items of its bidder and the bidders.

    One linear map joins the entry and the results of both attentions. Layers of even width have
    two heads, others one.

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

    def working_width(self, n_bidders, n_items):
        """Return the size of the largest intermediate array, per entry of a profile."""
        return self.n_heads * max(n_bidders, n_items)

    def _attend(self, project, x):
        """Attend along the second-to-last axis."""
        parts = project(x).unflatten(3, (3, self.n_heads, -1)).movedim(3, 0).transpose(3, 4)
        return nn.functional.scaled_dot_product_attention(*parts).transpose(2, 3).flatten(3)


@savable
class AttentionBody(ExchangeableBody):
    """An :class:`ExchangeableBody` with attention in all layers except the first."""

    make_layer = AttentionLayer


def build_seeded(factory, generator):
    """Build a module with random weights drawn from ``generator``.

    Matrices are Glorot-uniform, biases and embeddings zero. The module is constructed on the meta
    device, so that nothing is drawn from torch's global generator, which threads share.

    Parameters
    ----------
    factory : callable
        Function without arguments that returns the module.
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
