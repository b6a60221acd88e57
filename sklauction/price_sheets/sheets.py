"""Price sheets, the best choice from one, and how clashes of choices are settled.

A *price sheet* is what one bidder may buy: each item at its price, ``r`` items together
at a discount, and perhaps a few lotteries. It depends on the others' bids only. All
functions work on tensors whose leading axes agree or broadcast; ``m`` items, sizes up to
``q`` (``m`` for additive demand, 1 for unit demand), ``k`` lotteries.
"""

from typing import NamedTuple

import torch

__all__ = ["Choice", "PriceSheets", "Settlement", "best_choice", "settle", "soft_choice"]

# Rounding allowed when lotteries are added up to see whether an item is given out twice.
ROUNDING = 1e-9


class PriceSheets(NamedTuple):
    """What bidders may buy. The set S costs ``sum of its item prices - discount of |S|``.

    Parameters
    ----------
    item_prices : Tensor of shape (..., m)
        Not negative.
    discounts : Tensor of shape (..., q)
        Off the sum, for 1 to q items; at most the sum of that many lowest prices, so that
        no set has a negative price.
    lottery_allocations : Tensor of shape (..., k, m)
        Probability of each item.
    lottery_prices : Tensor of shape (..., k)
        Not negative; infinite where not on offer.
    """

    item_prices: torch.Tensor
    discounts: torch.Tensor
    lottery_allocations: torch.Tensor
    lottery_prices: torch.Tensor


class Choice(NamedTuple):
    """What a bidder takes from its sheet.

    Parameters
    ----------
    utility : Tensor of shape (...)
        Never negative: nothing for nothing is on every sheet.
    payment : Tensor of shape (...)
    allocation : Tensor of shape (..., m)
    """

    utility: torch.Tensor
    payment: torch.Tensor
    allocation: torch.Tensor


def best_choice(valuations, sheets, free=None):
    """Return each bidder's favourite among all sets and lotteries of its sheet, exactly.

    Of all sets of ``r`` items the one with the ``r`` largest surpluses ``v_j - t_j`` is
    best, as they all have the same discount. So sorting finds the best of ``2^m`` sets
    among ``q + 1`` candidates. Of equally good options the dearest is taken.

    Parameters
    ----------
    valuations : Tensor of shape (..., m)
    sheets : PriceSheets
    free : Tensor of shape (..., m), optional
        Share of each item that is still to be had; options that need more are left out.

    Returns
    -------
    Choice

    Examples
    --------
    Both items for 1.0, or one for 0.7: values 0.8 and 0.6 make both worth taking.

    >>> import torch
    >>> from sklauction.price_sheets.sheets import PriceSheets, best_choice
    >>> sheet = PriceSheets(
    ...     torch.tensor([0.7, 0.7]), torch.tensor([0.0, 0.4]), torch.empty(0, 2), torch.empty(0)
    ... )
    >>> choice = best_choice(torch.tensor([0.8, 0.6]), sheet)
    >>> round(float(choice.utility), 6), round(float(choice.payment), 6)
    (0.4, 1.0)
    """
    surplus = valuations - sheets.item_prices
    if free is not None:
        surplus = surplus.masked_fill(free < 1 - ROUNDING, -torch.inf)
    utilities, payments, order = _sets(surplus, sheets)
    lotteries, prices = _lotteries(valuations, sheets)
    if free is not None:
        fits = (sheets.lottery_allocations <= free.unsqueeze(-2) + ROUNDING).all(dim=-1)
        lotteries = lotteries.masked_fill(~fits, -torch.inf)
    nothing = torch.zeros_like(utilities[..., :1])
    utilities = torch.cat([nothing, utilities, lotteries], dim=-1)
    payments = torch.cat([nothing, payments, prices], dim=-1)
    utility = utilities.amax(dim=-1, keepdim=True)
    pick = payments.masked_fill(utilities < utility, -torch.inf).argmax(dim=-1, keepdim=True)
    n_sizes = sheets.discounts.shape[-1]
    ranks = torch.arange(n_sizes, device=order.device)
    taken = (ranks < pick) & (pick <= n_sizes)
    allocation = torch.zeros_like(surplus).scatter(-1, order, taken.to(surplus.dtype))
    if lotteries.shape[-1]:
        chosen = (pick - n_sizes - 1).clamp_min(0).unsqueeze(-1)
        rows = sheets.lottery_allocations.expand(*pick.shape[:-1], -1, -1)
        row = torch.take_along_dim(rows, chosen, dim=-2).squeeze(-2)
        allocation = torch.where(pick > n_sizes, row, allocation)
    return Choice(utility.squeeze(-1), payments.gather(-1, pick).squeeze(-1), allocation)


def soft_choice(valuations, sheets, sharpness):
    """Return expected payment and allocation of a softened choice, for training.

    A softmax of ``sharpness * utility`` over the lotteries, nothing, and for unit demand the
    items; for additive demand the best set of each size, and the same with its last item
    swapped for the next best.

    Parameters
    ----------
    valuations : Tensor of shape (..., m)
    sheets : PriceSheets
    sharpness : float
        One over the temperature, per unit of the valuations.

    Returns
    -------
    payment : Tensor of shape (...)
    allocation : Tensor of shape (..., m)
    """
    surplus = valuations - sheets.item_prices
    n_items = surplus.shape[-1]
    if sheets.discounts.shape[-1] < n_items:
        utilities, payments, order = surplus, sheets.item_prices, None
    else:
        utilities, payments, order = _sets(surplus, sheets)
        utilities, payments = _with_swaps(utilities, payments, surplus, sheets, order)
    n_rows = sheets.lottery_prices.shape[-1]
    if n_rows:
        lotteries, prices = _lotteries(valuations, sheets)
        utilities = torch.cat([utilities, lotteries], dim=-1)
        payments = torch.cat([payments, prices], dim=-1)
    nothing = torch.zeros_like(utilities[..., :1])
    weights = torch.softmax(sharpness * torch.cat([nothing, utilities], dim=-1), dim=-1)
    weights = weights[..., 1:]
    payment = (weights * payments).sum(dim=-1)
    sets = weights[..., : weights.shape[-1] - n_rows]
    allocation = sets if order is None else _spread(sets, order)
    if n_rows:
        drawn = weights[..., -n_rows:].unsqueeze(-1) * sheets.lottery_allocations
        allocation = allocation + drawn.sum(dim=-2)
    return payment, allocation


def _with_swaps(utilities, payments, surplus, sheets, order):
    """Add to the best set of each size (..., m) the one with its last item swapped for the next.

    Without these, no gradient would show that a buyer on the verge of taking another item
    instead pays another price.
    """
    surplus = surplus.gather(-1, order)
    prices = sheets.item_prices.expand(surplus.shape).gather(-1, order)
    swapped = utilities[..., :-1] + surplus.diff(dim=-1)
    return (
        torch.cat([utilities, swapped], dim=-1),
        torch.cat([payments, payments[..., :-1] + prices.diff(dim=-1)], dim=-1),
    )


def _spread(weights, order):
    """Return the allocation (..., m) of weights on sets by size, then on swapped sets."""
    n_items = order.shape[-1]
    sets, swapped = weights[..., :n_items], weights[..., n_items:]
    # The item of rank k belongs to every set of at least k items, to the swapped ones of more
    # than k items, and to the one of k - 1 items, as the newcomer.
    none = torch.zeros_like(sets[..., :1])
    larger = torch.cat([swapped, none], dim=-1) + sets
    ranked = larger.flip(-1).cumsum(dim=-1).flip(-1)
    newcomer = torch.cat([none, swapped], dim=-1)
    leaver = torch.cat([swapped, none], dim=-1)
    return torch.zeros_like(ranked).scatter(-1, order, ranked - leaver + newcomer)


def _sets(surplus, sheets):
    """Return utility and price of the best set of each size (..., q), and the items' order."""
    n_sizes = sheets.discounts.shape[-1]
    if n_sizes == 1:
        surplus, order = surplus.max(dim=-1, keepdim=True)
        return surplus + sheets.discounts, sheets.item_prices.gather(-1, order), order
    surplus, order = surplus.sort(dim=-1, descending=True, stable=True)
    prices = sheets.item_prices.expand(surplus.shape).gather(-1, order)
    utilities = surplus.cumsum(dim=-1) + sheets.discounts
    return utilities, prices.cumsum(dim=-1) - sheets.discounts, order


def _lotteries(valuations, sheets):
    """Return utility and price of each lottery, (..., k)."""
    value = (sheets.lottery_allocations * valuations.unsqueeze(-2)).sum(dim=-1)
    return value - sheets.lottery_prices, sheets.lottery_prices.expand(value.shape)


class Settlement(NamedTuple):
    """Outcome of an auction by price sheets, and what it rests on.

    Parameters
    ----------
    allocations : Tensor of shape (n, n_bidders, m)
    payments : Tensor of shape (n, n_bidders)
    regret_bounds : Tensor of shape (n, n_bidders)
        What each bidder's favourite would have given it beyond what it got: at least its
        ex-post regret. Zero but for losers of clashes.
    favourites : Tensor of shape (n, n_bidders, m)
        What each would have taken.
    """

    allocations: torch.Tensor
    payments: torch.Tensor
    regret_bounds: torch.Tensor
    favourites: torch.Tensor


def settle(bids, sheets):
    """Give every bidder its favourite, and settle clashes inside the sheets.

    Where favourites need more of an item than there is, the bidders of that auction
    choose in turn, those whose favourite costs most first (of equals the first bidder),
    each its best option that the ones before leave possible. So whatever a bidder
    reports, it ends in an option of its own sheet, which its report does not touch:
    no report can give it more than its favourite at the truth.

    Parameters
    ----------
    bids : Tensor of shape (n, n_bidders, m)
    sheets : PriceSheets
        With leading axes (n, n_bidders).

    Returns
    -------
    Settlement
    """
    first = best_choice(bids, sheets)
    allocations, payments = first.allocation, first.payment
    bounds = torch.zeros_like(payments)
    # Few rows clash, so only they are chosen again.
    excess = allocations.sum(dim=1).amax(dim=1)
    rows = (excess > 1 + ROUNDING).nonzero().squeeze(1)
    if len(rows):
        few = PriceSheets(*(part[rows] for part in sheets))
        given, paid, utilities = _in_turn(bids[rows], few, first.payment[rows])
        allocations = allocations.index_copy(0, rows, given)
        payments = payments.index_copy(0, rows, paid)
        bounds = bounds.index_copy(0, rows, first.utility[rows] - utilities)
    return Settlement(allocations, payments, bounds, first.allocation)


def _in_turn(bids, sheets, priority):
    """Let the bidders of each auction choose in turn from what is left."""
    order = torch.argsort(priority, dim=1, descending=True, stable=True)
    auctions = torch.arange(len(bids), device=bids.device)
    free = torch.ones_like(bids[:, 0])
    allocations = torch.zeros_like(bids)
    payments, utilities = torch.zeros_like(priority), torch.zeros_like(priority)
    for turn in range(bids.shape[1]):
        place = (auctions, order[:, turn])
        choice = best_choice(bids[place], PriceSheets(*(part[place] for part in sheets)), free)
        free = free - choice.allocation
        allocations = allocations.index_put(place, choice.allocation)
        payments = payments.index_put(place, choice.payment)
        utilities = utilities.index_put(place, choice.utility)
    return allocations, payments, utilities
