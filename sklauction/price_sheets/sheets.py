"""Price sheets, the best choice from a sheet, and the settlement of clashes.

A *price sheet* lists what one bidder may buy: each item at a price, a discount for each number of
items bought together, and lotteries. It depends on the others' bids only, so truthful bidding is
optimal for a bidder that gets its favourite option (Hammond, Review of Economic Studies, 1979).

Leading axes of the tensors broadcast; ``m`` is the number of items, ``q`` the largest set size
(``m`` for additive demand, 1 for unit demand) and ``k`` the number of lotteries.
"""

from typing import NamedTuple

import torch

__all__ = ["Choice", "PriceSheets", "Settlement", "best_choice", "settle", "soft_choice"]

# Rounding error allowed in the total probability of an item.
ROUNDING = 1e-9


class PriceSheets(NamedTuple):
    """Prices of sets of items and of lotteries.

    A set S costs the sum of its item prices minus the discount for ``|S|`` items.

    Parameters
    ----------
    item_prices : Tensor of shape (..., m)
        Non-negative.
    discounts : Tensor of shape (..., q)
        For 1 to q items; at most the sum of the r lowest item prices for r items, so that no set
        has a negative price.
    lottery_allocations : Tensor of shape (..., k, m)
        Probability of each item.
    lottery_prices : Tensor of shape (..., k)
        Non-negative; infinite if the lottery is not on offer.
    """

    item_prices: torch.Tensor
    discounts: torch.Tensor
    lottery_allocations: torch.Tensor
    lottery_prices: torch.Tensor

    def at(self, index):
        """Return the sheets at an index of the leading axes."""
        return PriceSheets(*(part[index] for part in self))


class Choice(NamedTuple):
    """The option that a bidder chooses from its sheet.

    Parameters
    ----------
    utility : Tensor of shape (...)
        Non-negative, as every sheet offers the empty set at price 0.
    payment : Tensor of shape (...)
    allocation : Tensor of shape (..., m)
    """

    utility: torch.Tensor
    payment: torch.Tensor
    allocation: torch.Tensor


def best_choice(valuations, sheets, free=None):
    """Return the option of the highest utility among all sets and lotteries of each sheet.

    Sets of the same size have the same discount, so the best set of ``r`` items has the ``r``
    largest surpluses ``v_j - t_j`` of value over price. Sorting reduces ``2^m`` sets to ``q + 1``
    candidates. Ties go to the most expensive option.

    Parameters
    ----------
    valuations : Tensor of shape (..., m)
    sheets : PriceSheets
    free : Tensor of shape (..., m), optional
        Available probability of each item. Options that need more are excluded.

    Returns
    -------
    Choice

    Examples
    --------
    Either item costs 0.7, and both cost 1.0. With values 0.8 and 0.6, both is the best choice:

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
    utilities, payments, order = _best_sets(surplus, sheets)
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
    """Return the expected payment and allocation of a softmax choice, for training.

    As in RochetNet (Duetting et al., ICML 2019, section 3.1), but over a subset of the options.
    The softmax of ``sharpness * utility`` is over the empty set, the lotteries and, for unit
    demand, the items. For additive demand it is over the best set of each size, and over these
    sets with their last item swapped for the next best one.

    Parameters
    ----------
    valuations : Tensor of shape (..., m)
    sheets : PriceSheets
    sharpness : float
        Inverse temperature, per unit of the valuations.

    Returns
    -------
    payment : Tensor of shape (...)
    allocation : Tensor of shape (..., m)
    """
    surplus = valuations - sheets.item_prices
    if sheets.discounts.shape[-1] < surplus.shape[-1]:
        utilities, payments, order = surplus, sheets.item_prices, None
    else:
        utilities, payments, order = _best_sets(surplus, sheets)
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
    """Append, for each size below m, the best set with its last item swapped for the next one.

    These sets give a gradient where a bidder is about to take another item instead.
    """
    surplus = surplus.gather(-1, order)
    prices = sheets.item_prices.expand(surplus.shape).gather(-1, order)
    swapped = utilities[..., :-1] + surplus.diff(dim=-1)
    return (
        torch.cat([utilities, swapped], dim=-1),
        torch.cat([payments, payments[..., :-1] + prices.diff(dim=-1)], dim=-1),
    )


def _spread(weights, order):
    """Return the allocation (..., m) of weights on the best set of each size and swapped sets."""
    n_items = order.shape[-1]
    sets, swapped = weights[..., :n_items], weights[..., n_items:]
    # The item of rank k is in every set of at least k items, in the swapped sets of more than k
    # items, and in the swapped set of k - 1 items.
    none = torch.zeros_like(sets[..., :1])
    leaver = torch.cat([swapped, none], dim=-1)
    larger = leaver + sets
    ranked = larger.flip(-1).cumsum(dim=-1).flip(-1)
    newcomer = torch.cat([none, swapped], dim=-1)
    return torch.zeros_like(ranked).scatter(-1, order, ranked - leaver + newcomer)


def _best_sets(surplus, sheets):
    """Return utility and price of the best set of each size, (..., q), and the items' order."""
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
    """Outcome of auctions by price sheets, with regret bounds.

    Parameters
    ----------
    allocations : Tensor of shape (n, n_bidders, m)
    payments : Tensor of shape (n, n_bidders)
    regret_bounds : Tensor of shape (n, n_bidders)
        Utility of the favourite option minus that of the allocation: an upper bound on ex-post
        regret.
    favourites : Tensor of shape (n, n_bidders, m)
        Allocation of the favourite option of each bidder.
    """

    allocations: torch.Tensor
    payments: torch.Tensor
    regret_bounds: torch.Tensor
    favourites: torch.Tensor


def settle(bids, sheets):
    """Allocate to every bidder its favourite option, and settle clashes.

    If the favourites of an auction need an item more than once, its bidders choose in turn among
    the options that the remaining items allow, in decreasing order of the price of their
    favourite; ties go to the first bidder. Every report of a bidder leads to an option of its own
    sheet, which does not depend on the report. Hence no report gives it more utility than its
    favourite.

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
    # Only the few auctions with clashes are settled in turn.
    excess = allocations.sum(dim=1).amax(dim=1)
    rows = (excess > 1 + ROUNDING).nonzero().squeeze(1)
    if len(rows):
        last = _choose_in_turn(bids[rows], sheets.at(rows), first.payment[rows])
        allocations = allocations.index_copy(0, rows, last.allocation)
        payments = payments.index_copy(0, rows, last.payment)
        bounds = bounds.index_copy(0, rows, first.utility[rows] - last.utility)
    return Settlement(allocations, payments, bounds, first.allocation)


def _choose_in_turn(bids, sheets, priority):
    """Return the choices of bidders who choose in order of priority."""
    order = torch.argsort(priority, dim=1, descending=True, stable=True)
    auctions = torch.arange(len(bids), device=bids.device)
    free = torch.ones_like(bids[:, 0])
    nothing = torch.zeros_like(priority)
    choices = Choice(nothing, nothing, torch.zeros_like(bids))
    for turn in range(bids.shape[1]):
        place = (auctions, order[:, turn])
        choice = best_choice(bids[place], sheets.at(place), free)
        free = free - choice.allocation
        choices = Choice(*(whole.index_put(place, part) for whole, part in zip(choices, choice)))
    return choices
