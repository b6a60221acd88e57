"""The network of MenuNet, which maps a constant to a price list."""

import itertools
import math

import torch
from torch import nn

from sklauction.menus.free_menu import affine_menus, initial_boosts
from sklauction.menus.menu_rows import initial_logits, rows_from_logits

__all__ = ["ConstantMenu"]


class ConstantMenu(nn.Module):
    """A fully connected network with the constant input 1, whose output is a menu [1]_.

    The weights of the output layer start at zero, and its biases at the rows and prices of a
    :class:`FreeMenu`.

    Parameters
    ----------
    design : MenuDesign
        For one bidder.
    values : ndarray of shape (n_samples, n_bidders, n_items)
        Samples that determine the initial prices, in units of the scale.
    generator : torch.Generator
        For the initial weights; on the CPU.
    hidden_layer_sizes : tuple of int

    References
    ----------
    .. [1] Shen, Tang & Zuo, "Automated Mechanism Design via Neural Networks", AAMAS
       2019, section 4.
    """

    def __init__(self, design, values, generator, hidden_layer_sizes):
        super().__init__()
        self.design = design
        sizes = [1, *hidden_layer_sizes]
        n_starts, n_numbers = design.n_starts, math.prod(design.logits_shape)

        def he_uniform(n_inputs, n_outputs):
            draws = torch.rand(n_starts, n_inputs, n_outputs, generator=generator)
            return nn.Parameter((2 * draws - 1) * math.sqrt(6.0 / n_inputs))

        self.layers = nn.ParameterList(he_uniform(a, b) for a, b in itertools.pairwise(sizes))
        self.biases = nn.ParameterList(
            nn.Parameter(torch.zeros(n_starts, 1, size)) for size in sizes[1:]
        )
        self.logits = nn.Parameter(initial_logits(design, generator))
        rows = rows_from_logits(self.logits, design)
        self.boosts = nn.Parameter(initial_boosts(rows, values, generator))
        n_outputs = design.n_rows * (n_numbers + 1)
        self.output = nn.Parameter(torch.zeros(n_starts, sizes[-1], n_outputs))

    def forward(self):
        """Return the :class:`AffineMenu` of every start."""
        hidden = self.logits.new_ones(self.design.n_starts, 1, 1)
        for layer, bias in zip(self.layers, self.biases):
            hidden = torch.relu(hidden @ layer + bias)
        # The mean over units, so that the step of an output does not depend on the layer's width.
        moved = (hidden @ self.output).squeeze(1) / hidden.shape[2]
        by_row = moved.unflatten(1, (self.design.n_rows, -1))
        logits = self.logits + by_row[..., :-1].unflatten(2, self.design.logits_shape)
        boosts = self.boosts + by_row[..., -1]
        return affine_menus(logits, torch.ones_like(boosts[:, :1]), boosts, self.design)
