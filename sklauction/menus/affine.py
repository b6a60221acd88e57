"""Affine maximizer auctions: weighted VCG over a menu of randomised allocations.

With bidder weights ``w_i`` and boosts ``l_k``, row ``k`` of the menu has the weighted welfare

    W_k(b) = sum_i w_i <b_i, a_ki> + l_k.

The row ``k*`` of the highest weighted welfare is chosen, and bidder i pays its externality

    p_i = (max_k W_k(b_-i) - W_k*(b_-i)) / w_i,   W_k(b_-i) = W_k(b) - w_i <b_i, a_ki>.

For any menu, positive weights and boosts, truthful bidding is a dominant strategy and no payment
exceeds the reported value of the allocation (Roberts 1979; randomised rows: Curry, Sandholm &
Dickerson 2023). For one bidder the menu is a price list: row ``k`` costs ``max(l) - l_k``.
"""

from typing import NamedTuple

import torch

__all__ = [
    "AffineMenu",
    "ItemWise",
    "affine_outcome",
    "row_welfare",
    "sell_item_wise",
    "soft_revenue",
]

# Rows whose welfare differs from the best by at most this, relative to welfare and boost of the
# best row, count as tied, so that rounding does not decide between them.
TIE = 1e-9


class AffineMenu(NamedTuple):
    """Parameters of affine maximizers, in units of the scale, with leading axes (...).

    Parameters
    ----------
    allocations : Tensor of shape (..., n_rows, n_bidders, n_items)
    weights : Tensor of shape (..., n_bidders)
        Positive.
    boosts : Tensor of shape (..., n_rows)
    reserves : Tensor of shape (n_bidders, n_items) or None, default=None
        If given, the first row (the empty allocation with boost 0) represents all integral
        allocations. The boost of an allocation is the sum of ``-w_i r_ij`` over the pairs
        in which bidder i gets item j: see :func:`sell_item_wise`.
    """

    allocations: torch.Tensor
    weights: torch.Tensor
    boosts: torch.Tensor
    reserves: torch.Tensor | None = None

    def start(self, start):
        """Return the menu of one start, without the leading axis."""
        return AffineMenu(*(part[start] for part in self[:3]), self.reserves)


class ItemWise(NamedTuple):
    """The best integral allocation of each profile.

    Parameters
    ----------
    welfare : Tensor of shape (..., n)
        Weighted welfare, net of weighted reserve prices.
    without : Tensor of shape (..., n_bidders, n)
        Highest such welfare if one bidder is absent.
    worth : Tensor of shape (..., n)
        Unweighted welfare.
    wins : Tensor of bool of shape (..., n, n_bidders, n_items)
        Whether the bidder gets the item.
    """

    welfare: torch.Tensor
    without: torch.Tensor
    worth: torch.Tensor
    wins: torch.Tensor


def sell_item_wise(bids, weights, reserves):
    """Return the best of all ``(n_bidders + 1) ** n_items`` integral allocations.

    Item j goes to the bidder with the highest ``w_i (b_ij - r_ij)`` if that is positive. For
    identical regular bidders, equal weights and Myerson's reserve prices this is item-wise
    Myerson.

    Parameters
    ----------
    bids : Tensor of shape (n, n_bidders, n_items)
    weights : Tensor of shape (..., n_bidders)
    reserves : Tensor of shape (n_bidders, n_items)

    Returns
    -------
    ItemWise
    """
    surplus = weights[..., None, :, None] * (bids - reserves)
    best, winner = surplus.max(dim=-2, keepdim=True)
    every = torch.arange(bids.shape[1], device=bids.device)[:, None]
    wins = (winner == every) & (best > 0)
    second = surplus.masked_fill(wins, -torch.inf).amax(dim=-2, keepdim=True).clamp_min(0.0)
    best = best.clamp_min(0.0)
    without = torch.where(wins, second, best).sum(dim=-1).transpose(-1, -2)
    worth = (wins * bids).sum(dim=(-2, -1))
    return ItemWise(best.sum(dim=(-2, -1)), without, worth, wins)


def row_welfare(bids, menu):
    """Return the weighted welfare of every row.

    Parameters
    ----------
    bids : Tensor of shape (n, n_bidders, n_items)
    menu : AffineMenu
        Without leading axes.

    Returns
    -------
    welfare : Tensor of shape (n, n_rows)
    weighted : Tensor of shape (n_rows, n_bidders, n_items)
        Allocations times bidder weights.
    items : ItemWise or None
        The integral allocations of the first row, if the menu has reserve prices.
    """
    weighted = menu.allocations * menu.weights[:, None]
    welfare = torch.addmm(menu.boosts, bids.flatten(1), weighted.flatten(1).T)
    if menu.reserves is None:
        return welfare, weighted, None
    items = sell_item_wise(bids, menu.weights, menu.reserves)
    welfare[:, 0] = items.welfare
    return welfare, weighted, items


def affine_outcome(bids, menu):
    """Return the allocations and payments of an affine maximizer.

    Ties go to the first row. No payment exceeds the reported value of the allocation.

    Parameters
    ----------
    bids : Tensor of shape (n, n_bidders, n_items)
        In units of the scale.
    menu : AffineMenu
        Without leading axes.

    Returns
    -------
    rows : Tensor of int of shape (n,)
        The chosen row.
    allocations : Tensor of shape (n, n_bidders, n_items)
    payments : Tensor of shape (n, n_bidders)

    Examples
    --------
    One item, two bidders, and a reserve price of 0.5 as the boost of the empty allocation:

    >>> import torch
    >>> from sklauction.menus.affine import AffineMenu, affine_outcome
    >>> menu = AffineMenu(
    ...     torch.tensor([[[1.0], [0.0]], [[0.0], [1.0]], [[0.0], [0.0]]]),
    ...     torch.ones(2),
    ...     torch.tensor([0.0, 0.0, 0.5]),
    ... )
    >>> rows, allocations, payments = affine_outcome(torch.tensor([[[0.75], [0.625]]]), menu)
    >>> rows, payments
    (tensor([0]), tensor([[0.6250, 0.0000]]))
    """
    n_profiles, n_bidders, _ = bids.shape
    welfare, weighted, items = row_welfare(bids, menu)
    rows = _first_best(welfare, menu.boosts)
    allocations = menu.allocations[rows]
    if items is not None:
        allocations = torch.where((rows == 0)[:, None, None], items.wins.to(bids), allocations)
    payments = bids.new_empty(n_profiles, n_bidders)
    chosen = rows.unsqueeze(1)
    for bidder in range(n_bidders):
        others = torch.addmm(welfare, bids[:, bidder], weighted[:, bidder].T, alpha=-1)
        kept = others.gather(1, chosen).squeeze(1)
        if items is not None:
            own = menu.weights[bidder] * (items.wins[:, bidder] * bids[:, bidder]).sum(dim=1)
            kept = torch.where(rows == 0, items.welfare - own, kept)
            others[:, 0] = items.without[bidder]
        payments[:, bidder] = (others.amax(dim=1) - kept) / menu.weights[bidder]
    # Rounding of much larger bids of others could push payments out of [0, reported value].
    payments = torch.minimum(payments.clamp_min(0.0), (allocations * bids).sum(dim=2))
    return rows, allocations, payments


def _first_best(welfare, boosts):
    """Return the first row of the highest welfare of each profile, up to rounding, (n,)."""
    best, place = welfare.max(dim=1, keepdim=True)
    # Welfare is the sum of weighted values and the boost, so these bound the size of both.
    ties = TIE * torch.maximum(best.abs(), boosts.abs()[place])
    # For integers, argmax returns the first of several maxima.
    return (welfare >= best - ties).to(torch.uint8).argmax(dim=1)


class SoftRevenue(torch.autograd.Function):
    """Mean revenue of affine maximizers with a softened choice of the row, for training.

    The row is drawn with probabilities ``z = softmax(sharpness * W)``; the highest welfare
    without a bidder is not softened. With weights ``w`` and the unweighted welfare ``S_k`` of row
    k, the expected revenue of a profile is

        sum_i max_k W_k(b_-i) / w_i + sum_k z_k (S_k - W_k sum_i 1 / w_i).

    If the first row represents all integral allocations, its welfare is passed in as tensors with
    gradients. The gradient is written by hand: automatic differentiation would store
    ``n_bidders`` arrays of the size of ``z``.
    """

    @staticmethod
    def forward(ctx, profiles, allocations, weights, boosts, sharpness, *items):
        """Return mean revenue, (n_starts,).

        Parameters
        ----------
        ctx : context of autograd
        profiles : Tensor of shape (n, n_bidders, n_items)
        allocations, weights, boosts : Tensor
            Of an :class:`AffineMenu` with leading axis (n_starts,).
        sharpness : float
            Per unit of the scale.
        *items : Tensor
            If the first row represents all integral allocations, ``welfare``, ``without`` and
            ``worth`` of its :class:`ItemWise`.
        """
        flat = profiles.flatten(1).expand(len(boosts), -1, -1)
        weighted = allocations * weights[:, None, :, None]
        welfare = torch.baddbmm(boosts.unsqueeze(1), flat, weighted.flatten(2).transpose(1, 2))
        worth = torch.bmm(flat, allocations.flatten(2).transpose(1, 2))
        item_without = None
        if items:
            welfare[..., 0], item_without, worth[..., 0] = items
        without, rows = _best_without(profiles, weighted, boosts, welfare, item_without)
        inverse = (1 / weights).sum(dim=1)[:, None, None]
        # S_k - W_k sum_i 1 / w_i
        slope = worth.sub_(welfare * inverse)
        probs = torch.softmax(sharpness * welfare, dim=2)
        mean_slope = (probs * slope).sum(dim=2)
        mean_welfare = (probs * welfare).sum(dim=2)
        ctx.sharpness = sharpness
        ctx.save_for_backward(
            profiles, allocations, weights, probs, slope, mean_slope, mean_welfare, without, rows
        )
        return ((without / weights.unsqueeze(2)).sum(dim=1) + mean_slope).mean(dim=1)

    @staticmethod
    def backward(ctx, gradient):
        """Return the gradients of the arguments of forward; None for profiles and sharpness."""
        saved = ctx.saved_tensors
        profiles, allocations, weights, probs, slope, mean_slope, mean_welfare = saved[:7]
        without, rows = saved[7:]
        n_starts, n_rows = probs.shape[0], probs.shape[2]
        unit = (gradient / len(profiles))[:, None, None]
        inverse = 1 / weights
        by_welfare = slope.sub(mean_slope.unsqueeze(2)).mul_(ctx.sharpness)
        by_welfare.sub_(inverse.sum(dim=1)[:, None, None]).mul_(probs).mul_(unit)
        flat = profiles.flatten(1).expand(n_starts, -1, -1)
        shape = (n_starts, n_rows, *profiles.shape[1:])
        without_gradient = _gradient_without(profiles, rows, inverse.unsqueeze(2) * unit, n_rows)
        by_weighted = torch.bmm(by_welfare.transpose(1, 2), flat).view(shape)
        by_weighted += without_gradient[..., :-1].view(shape)
        by_boosts = by_welfare.sum(dim=1)
        by_boosts += without_gradient[..., -1]
        by_allocations = weights[:, None, :, None] * by_weighted
        by_allocations += torch.bmm(probs.transpose(1, 2) * unit, flat).view(shape)
        by_weights = (by_weighted * allocations).sum(dim=(1, 3))
        paid = (without - mean_welfare.unsqueeze(1)).sum(dim=2) * unit.squeeze(2)
        by_weights -= paid * inverse.square()
        by_items = [None] * len(ctx.needs_input_grad[5:])
        if any(ctx.needs_input_grad[5:]):
            by_without = torch.where(rows == 0, inverse.unsqueeze(2) * unit, 0.0)
            by_items = (by_welfare[..., 0], by_without, probs[..., 0] * unit.squeeze(2))
        return None, by_allocations, by_weights, by_boosts, None, *by_items


def _best_without(profiles, weighted, boosts, welfare, item_without):
    """Return the highest welfare without each bidder and its row, both (n_starts, n_bidders, n)."""
    n_profiles, n_bidders, _ = profiles.shape
    if n_bidders == 1:
        # Without the only bidder the welfare of a row is its boost.
        best = boosts.max(dim=1, keepdim=True)
        return tuple(part.expand(-1, n_profiles).unsqueeze(1).contiguous() for part in best)
    without = []
    for bidder in range(n_bidders):
        own = profiles[:, bidder].expand(len(boosts), -1, -1)
        part = weighted[:, :, bidder].transpose(1, 2)
        others = torch.baddbmm(welfare, own, part, alpha=-1)
        if item_without is not None:
            others[..., 0] = item_without[:, bidder]
        without.append(others.max(dim=2))
    return tuple(torch.stack(parts, 1) for parts in zip(*without))


def _gradient_without(profiles, rows, factors, n_rows):
    """Return the gradient of the best welfare without each bidder, times factors, by row.

    Parameters
    ----------
    profiles : Tensor of shape (n, n_bidders, n_items)
    rows : Tensor of int of shape (n_starts, n_bidders, n)
        The best row without each bidder.
    factors : Tensor of shape (n_starts, n_bidders, 1)
    n_rows : int

    Returns
    -------
    Tensor of shape (n_starts, n_rows, n_bidders * n_items + 1)
        For the weighted allocation of each row, and last for its boost.
    """
    n_starts, n_bidders, _ = rows.shape
    others = profiles.unsqueeze(0).repeat(n_bidders, 1, 1, 1)
    every = torch.arange(n_bidders, device=profiles.device)
    others[every, :, every] = 0.0
    others = torch.cat([others.flatten(2), torch.ones_like(others[..., 0, :1])], dim=2)
    terms = others * factors[..., None]
    starts = torch.arange(n_starts, device=profiles.device)[:, None, None]
    places = (rows + n_rows * starts).flatten()
    sums = terms.new_zeros(n_starts * n_rows, terms.shape[-1])
    sums.index_add_(0, places, terms.flatten(0, 2))
    return sums.view(n_starts, n_rows, -1)


def soft_revenue(profiles, menu, sharpness):
    """Return the differentiable mean revenue of :class:`SoftRevenue`.

    Parameters
    ----------
    profiles : Tensor of shape (n, n_bidders, n_items)
    menu : AffineMenu
        With leading axis (n_starts,).
    sharpness : float
        Per unit of the scale.

    Returns
    -------
    Tensor of shape (n_starts,)
    """
    reserves = menu.reserves
    items = () if reserves is None else sell_item_wise(profiles, menu.weights, reserves)[:3]
    return SoftRevenue.apply(profiles, *menu[:3], sharpness, *items)
