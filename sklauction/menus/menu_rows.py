"""Rows of menus: feasible allocations as functions of logits, and initial logits."""

import itertools
import math
from dataclasses import dataclass

import torch

from sklauction.learned.design import Design

__all__ = [
    "MenuDesign",
    "close_orbit",
    "count_integral",
    "initial_logits",
    "integral_assignments",
    "rows_from_logits",
]

# A softmax is stretched by this much beyond [0, 1] and clipped, so that probabilities can be
# exactly 0 and 1.
STRETCH = 0.005
# Softmax probability, in initial integral rows, of pairs outside the allocation. For several
# bidders it exceeds the clipping threshold, so that it has a gradient. For one buyer it is below:
# the initial sets of items stay fixed and only their prices are learned, as learned sets drift
# into the set of all items.
OUTSIDE_PROBABILITY, BUYER_OUTSIDE_PROBABILITY = 0.02, 0.003
# Largest share of unsold items in random integral rows.
MAX_UNSOLD = 0.3
# Standard deviation of the logits of random lotteries.
LOTTERY_LOGITS = 2.0


@dataclass(frozen=True, kw_only=True)
class MenuDesign(Design):
    """Size and symmetry of a menu in training.

    The menu is closed under cyclic shifts of alike bidders and of alike items: it holds the orbit
    of every row.

    Parameters
    ----------
    n_rows : int
        Rows with separate parameters. The menu holds their orbits and the empty allocation.
    integral : bool
        Whether all rows are integral: each item goes to one bidder or to nobody.
    n_starts : int
        Number of menus trained in parallel.
    """

    n_rows: int = 1
    integral: bool = False
    n_starts: int = 1

    @property
    def orbit(self):
        """Number of rows in an orbit."""
        bidders = self.n_bidders if self.alike_bidders else 1
        return bidders * (self.n_items if self.alike_items else 1)

    @property
    def logits_shape(self):
        """Shape of the logits of one row.

        Axis 0 holds the bidders and "nobody"; axis 1 the items and, for unit demand, "nothing".
        """
        return self.n_bidders + 1, self.n_items + self.domain.exclusive


def rows_from_logits(logits, design):
    """Return feasible allocations as a differentiable function of logits.

    Additive demand: a softmax over bidders and "nobody" for each item. Unit demand: the minimum of
    this softmax and a softmax over items and "nothing" for each bidder, which is doubly
    substochastic. For integral rows the largest entry replaces the softmax (for unit demand, a
    pair that is largest in both), with the softmax's gradient.

    Parameters
    ----------
    logits : Tensor of shape (..., n_bidders + 1, n_items or n_items + 1)
    design : MenuDesign

    Returns
    -------
    Tensor of shape (..., n_bidders, n_items)
    """
    by_item = _probabilities(logits[..., : design.n_items], -2, design.integral)[..., :-1, :]
    if not design.domain.exclusive:
        return by_item
    by_bidder = _probabilities(logits[..., :-1, :], -1, design.integral)[..., :-1]
    return torch.minimum(by_item, by_bidder)


def _probabilities(logits, axis, integral):
    soft = torch.softmax(logits, dim=axis)
    if integral:
        best = torch.zeros_like(soft).scatter(axis, soft.argmax(dim=axis, keepdim=True), 1.0)
        # Adds zero, with the gradient of the softmax.
        return best + (soft - soft.detach())
    n_choices = soft.shape[axis]
    cut = torch.relu(soft * (1 + n_choices * STRETCH) - STRETCH)
    return cut / cut.sum(dim=axis, keepdim=True)


def close_orbit(rows, boosts, design):
    """Return the empty allocation and the orbits of rows, with their boosts.

    Parameters
    ----------
    rows : Tensor of shape (n_starts, n_rows, n_bidders, n_items)
    boosts : Tensor of shape (n_starts, n_rows)
    design : MenuDesign

    Returns
    -------
    rows : Tensor of shape (n_starts, 1 + n_rows * orbit, n_bidders, n_items)
    boosts : Tensor of shape (n_starts, 1 + n_rows * orbit)
    """
    if design.alike_bidders:
        rows = torch.cat([rows.roll(k, 2) for k in range(design.n_bidders)], dim=1)
    if design.alike_items:
        rows = torch.cat([rows.roll(k, 3) for k in range(design.n_items)], dim=1)
    boosts = boosts.repeat(1, design.orbit)
    return (
        torch.cat([torch.zeros_like(rows[:, :1]), rows], dim=1),
        torch.cat([torch.zeros_like(boosts[:, :1]), boosts], dim=1),
    )


def count_integral(design):
    """Return the number of integral allocations without the empty one."""
    n_bidders, n_items = design.n_bidders, design.n_items
    if not design.domain.exclusive:
        return (n_bidders + 1) ** n_items - 1
    sizes = range(1, min(n_bidders, n_items) + 1)
    return sum(math.comb(n_items, size) * math.perm(n_bidders, size) for size in sizes)


def initial_logits(design, generator):
    """Return initial logits.

    One row of each integral orbit and random lotteries if these orbits fit into the menu, and
    random integral rows otherwise.

    Parameters
    ----------
    design : MenuDesign
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    Tensor of shape (n_starts, n_rows, *design.logits_shape)
    """
    assignments = integral_assignments(design)
    if not 0 < len(assignments) <= design.n_rows:
        assignments = _random_assignments(design, generator)
    assignments = assignments.expand(design.n_starts, -1, -1)
    shape = (design.n_starts, design.n_rows - assignments.shape[1], *design.logits_shape)
    lotteries = LOTTERY_LOGITS * torch.randn(shape, generator=generator)
    return torch.cat([_integral_logits(assignments, design), lotteries], dim=1)


def integral_assignments(design):
    """Return one integral assignment of items to bidders for each orbit.

    Parameters
    ----------
    design : MenuDesign

    Returns
    -------
    Tensor of int of shape (n_orbits, n_items)
        The bidder that gets each item, or ``n_bidders`` for nobody. Empty if the orbits do not
        fit into the menu.
    """
    n_bidders, n_items = design.n_bidders, design.n_items
    if count_integral(design) > design.n_rows * design.orbit:
        return torch.empty(0, n_items, dtype=torch.long)
    nonempty = (row for row in _all_assignments(design) if min(row) < n_bidders)
    return torch.tensor([row for row in nonempty if row == min(_orbit_of(row, design))])


def _all_assignments(design):
    """Yield every feasible assignment of items to bidders or nobody (n_bidders)."""
    n_bidders, n_items = design.n_bidders, design.n_items
    if not design.domain.exclusive:
        yield from itertools.product(range(n_bidders + 1), repeat=n_items)
        return
    # Matchings are enumerated directly: most assignments of many items are not matchings.
    for size in range(min(n_bidders, n_items) + 1):
        for items in itertools.combinations(range(n_items), size):
            for bidders in itertools.permutations(range(n_bidders), size):
                row = [n_bidders] * n_items
                for item, bidder in zip(items, bidders, strict=True):
                    row[item] = bidder
                yield tuple(row)


def _orbit_of(row, design):
    """Yield all cyclic shifts of an assignment under the symmetries of the design."""
    n_bidders, n_items = design.n_bidders, design.n_items
    for turn in range(n_bidders if design.alike_bidders else 1):
        moved = tuple(k if k == n_bidders else (k + turn) % n_bidders for k in row)
        for shift in range(n_items if design.alike_items else 1):
            yield moved[shift:] + moved[:shift]


def _random_assignments(design, generator):
    """Return random assignments, (n_starts, n_rows, n_items)."""
    n_bidders, n_items = design.n_bidders, design.n_items
    shape = (design.n_starts, design.n_rows)
    if design.domain.exclusive:
        keys = torch.rand(*shape, max(n_bidders, n_items) + 1, generator=generator)
        return keys.argsort(dim=2)[..., :n_items].clamp_max(n_bidders)
    assignments = torch.randint(n_bidders, (*shape, n_items), generator=generator)
    unsold = MAX_UNSOLD * torch.rand(*shape, 1, generator=generator)
    sold = torch.rand(assignments.shape, generator=generator) >= unsold
    return assignments.where(sold, n_bidders)


def _integral_logits(assignments, design):
    """Return logits of integral rows, (..., *design.logits_shape)."""
    probabilities = torch.nn.functional.one_hot(assignments, design.n_bidders + 1).transpose(-1, -2)
    if design.domain.exclusive:
        idle = 1 - probabilities.sum(dim=-1, keepdim=True).clamp_max(1)
        probabilities = torch.cat([probabilities, idle], dim=-1)
    outside = OUTSIDE_PROBABILITY if design.n_bidders > 1 else BUYER_OUTSIDE_PROBABILITY
    return torch.log(probabilities.to(torch.float32).clamp_min(outside))
