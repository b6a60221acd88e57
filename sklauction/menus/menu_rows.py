"""Rows of menus: feasible allocations from free numbers, and rows to start from."""

import itertools
from typing import NamedTuple

import torch

__all__ = [
    "MenuDesign",
    "all_owners",
    "close_orbit",
    "count_integral",
    "first_logits",
    "rows_from_logits",
]

# A softmax is stretched by so much beyond [0, 1] and cut: probabilities can then be exactly 0 and
# 1, which tables show, and which costs no revenue by an option never quite sold.
STRETCH = 0.005
# Probability in first integral rows of what the row does not hold. Above the cut, where it can be
# learned; or, for one buyer, below, so that sets of items stay what they are and only their
# prices are learned: learned sets drift into the set of all items.
TRACE, LESS_THAN_TRACE = 0.02, 0.003
# Largest share of items unsold in random integral rows.
MOST_UNSOLD = 0.3
# Spread of the logits of random lotteries.
LOTTERY_LOGITS = 2.0


class MenuDesign(NamedTuple):
    """Size and symmetry of a menu in training.

    Parameters
    ----------
    n_bidders, n_items : int
    demand : {"additive", "unit"}
    n_rows : int
        Rows with numbers of their own. The menu holds their orbit and the row of nothing.
    alike_bidders, alike_items : bool
        Whether with a row the menu holds all those in which bidders (items) have moved round.
    integral : bool
        Whether every item goes to one bidder or none, in every row.
    n_starts : int
        Menus trained side by side.
    """

    n_bidders: int
    n_items: int
    demand: str
    n_rows: int
    alike_bidders: bool
    alike_items: bool
    integral: bool
    n_starts: int

    @property
    def orbit(self):
        """How many rows of the menu come from one."""
        bidders = self.n_bidders if self.alike_bidders else 1
        return bidders * (self.n_items if self.alike_items else 1)

    @property
    def logits_shape(self):
        """Numbers behind one row: bidders and nobody by items (and nothing, for unit demand)."""
        return self.n_bidders + 1, self.n_items + (self.demand == "unit")


def rows_from_logits(logits, design):
    """Return feasible rows, differentiable in any numbers behind them.

    Additive demand: each item's probabilities over bidders and nobody are a softmax.
    Unit demand: the smaller of that and of each bidder's softmax over items and nothing, so
    that neither an item nor a bidder exceeds one (doubly substochastic). Integral rows take
    the largest instead (for unit demand, a pair that is the largest both ways), with the
    gradient of the softmax.

    Parameters
    ----------
    logits : Tensor of shape (..., n_bidders + 1, n_items or n_items + 1)
    design : MenuDesign

    Returns
    -------
    Tensor of shape (..., n_bidders, n_items)
    """
    by_item = _probabilities(logits[..., : design.n_items], -2, design.integral)
    rows = by_item[..., :-1, :]
    if design.demand == "unit":
        rows = torch.minimum(
            rows, _probabilities(logits[..., :-1, :], -1, design.integral)[..., :-1]
        )
    return rows


def _probabilities(logits, axis, integral):
    soft = torch.softmax(logits, dim=axis)
    if integral:
        best = torch.zeros_like(soft).scatter(axis, soft.argmax(dim=axis, keepdim=True), 1.0)
        # The difference is exactly zero: only the gradient is the softmax's.
        return best + (soft - soft.detach())
    n_choices = soft.shape[axis]
    cut = torch.relu(soft * (1 + n_choices * STRETCH) - STRETCH)
    return cut / cut.sum(dim=axis, keepdim=True)


def close_orbit(rows, boosts, design):
    """Return all rows of the menu: nothing, then the orbits of rows, and their boosts.

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
    """Return how many integral rows there are, nothing left out."""
    n_bidders, n_items = design.n_bidders, design.n_items
    if design.demand == "additive":
        return (n_bidders + 1) ** n_items - 1
    count = pairs = 1
    for size in range(1, min(n_bidders, n_items) + 1):
        pairs = pairs * (n_bidders - size + 1) * (n_items - size + 1) // size
        count += pairs
    return count - 1


def first_logits(design, generator):
    """Return logits to start from, (n_starts, n_rows, *design.logits_shape).

    All integral rows where they fit, one of each orbit, and random lotteries; else random
    integral rows.

    Parameters
    ----------
    design : MenuDesign
    generator : torch.Generator
        On the CPU.

    Returns
    -------
    Tensor
    """
    n_starts, n_rows = design.n_starts, design.n_rows
    owners = all_owners(design)
    n_lotteries = max(n_rows - len(owners), 0)
    if len(owners) > n_rows or not len(owners):
        owners, n_lotteries = _random_owners(design, generator), 0
    else:
        owners = owners.expand(n_starts, -1, -1)
    shape = (n_starts, n_lotteries, *design.logits_shape)
    lotteries = LOTTERY_LOGITS * torch.randn(shape, generator=generator)
    return torch.cat([_integral_logits(owners, design), lotteries], dim=1)


def all_owners(design):
    """Return who gets each item in one row of every integral orbit; none if they do not fit.

    Parameters
    ----------
    design : MenuDesign

    Returns
    -------
    Tensor of int of shape (n, n_items)
        A bidder, or n_bidders for nobody.
    """
    n_bidders, n_items = design.n_bidders, design.n_items
    if count_integral(design) > design.n_rows * design.orbit:
        return torch.empty(0, n_items, dtype=torch.long)
    kept = [row for row in _assignments(design) if min(row) < n_bidders]
    kept = [row for row in kept if row == min(_orbit_of(row, design))]
    return torch.tensor(kept)


def _assignments(design):
    """Yield every assignment of items to bidders or nobody (n_bidders)."""
    n_bidders, n_items = design.n_bidders, design.n_items
    if design.demand == "additive":
        yield from itertools.product(range(n_bidders + 1), repeat=n_items)
        return
    # Matchings: few among all assignments where there are many items.
    for size in range(min(n_bidders, n_items) + 1):
        for items in itertools.combinations(range(n_items), size):
            for bidders in itertools.permutations(range(n_bidders), size):
                row = [n_bidders] * n_items
                for item, bidder in zip(items, bidders, strict=True):
                    row[item] = bidder
                yield tuple(row)


def _orbit_of(row, design):
    n_bidders, n_items = design.n_bidders, design.n_items
    for turn in range(n_bidders if design.alike_bidders else 1):
        moved = tuple(k if k == n_bidders else (k + turn) % n_bidders for k in row)
        for shift in range(n_items if design.alike_items else 1):
            yield moved[shift:] + moved[:shift]


def _random_owners(design, generator):
    """Return random owners, (n_starts, n_rows, n_items)."""
    n_bidders, n_items = design.n_bidders, design.n_items
    shape = (design.n_starts, design.n_rows)
    if design.demand == "unit":
        keys = torch.rand(*shape, max(n_bidders, n_items) + 1, generator=generator)
        return keys.argsort(dim=2)[..., :n_items].clamp_max(n_bidders)
    owners = torch.randint(n_bidders, (*shape, n_items), generator=generator)
    unsold = MOST_UNSOLD * torch.rand(*shape, 1, generator=generator)
    return owners.where(torch.rand(owners.shape, generator=generator) >= unsold, n_bidders)


def _integral_logits(owners, design):
    """Return logits of integral rows, (..., *design.logits_shape)."""
    chances = torch.nn.functional.one_hot(owners, design.n_bidders + 1).transpose(-1, -2)
    if design.demand == "unit":
        idle = 1 - chances.sum(dim=-1, keepdim=True).clamp_max(1)
        chances = torch.cat([chances, idle], dim=-1)
    trace = TRACE if design.n_bidders > 1 else LESS_THAN_TRACE
    return torch.log(chances.to(torch.float32).clamp_min(trace))
