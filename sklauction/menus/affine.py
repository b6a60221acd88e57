"""Affine maximizer auctions: weighted VCG over a menu of randomised allocations.

With bidder weights ``w_i`` and boosts ``l_k``, row ``k`` of the menu is worth

    W_k(b) = sum_i w_i <b_i, a_ki> + l_k.

The best row is carried out, and bidder i pays what its presence costs the others:

    p_i = (max_k W_k(b_-i) - W_k*(b_-i)) / w_i,   W_k(b_-i) = W_k(b) - w_i <b_i, a_ki>.

For any menu, weights above zero and boosts, truth is dominant and nobody pays more than the
reported value of what it gets (Roberts 1979; randomised rows: Curry, Sandholm & Dickerson 2023).
One bidder chooses from a price list: row ``k`` costs ``max(l) - l_k``.
"""

from typing import NamedTuple

import torch

__all__ = ["AffineMenu", "ItemWise", "affine_outcome", "sell_item_wise", "soft_revenue"]

# Rows within so much of the best, in units of the scale, count as equally good: rounding must
# not decide between them.
TIE = 1e-9


class AffineMenu(NamedTuple):
    """Parameters of affine maximizers, in units of the scale, with leading axes (...).

    Parameters
    ----------
    allocations : Tensor of shape (..., n_rows, n_bidders, n_items)
    weights : Tensor of shape (..., n_bidders)
        Above zero.
    boosts : Tensor of shape (..., n_rows)
    reserves : Tensor of shape (n_bidders, n_items) or None, default=None
        Given, the first row (nothing, for a boost of zero) stands for all integral
        allocations, whose boosts are ``- w_i r_ij`` for every item j that bidder i gets: see
        :func:`sell_item_wise`.
    """

    allocations: torch.Tensor
    weights: torch.Tensor
    boosts: torch.Tensor
    reserves: torch.Tensor | None = None

    def start(self, start):
        """Return the menu of one start, without that axis."""
        parts = (part[start] for part in self[:3])
        return AffineMenu(*parts, self.reserves)


class ItemWise(NamedTuple):
    """The best of all integral allocations, each item being sold by itself.

    Parameters
    ----------
    welfare : Tensor of shape (..., n)
        Weighted welfare above the reserve prices.
    without : Tensor of shape (..., n_bidders, n)
        The same without each bidder.
    worth : Tensor of shape (..., n)
        Unweighted value of what is sold.
    wins : Tensor of bool of shape (..., n, n_bidders, n_items)
    """

    welfare: torch.Tensor
    without: torch.Tensor
    worth: torch.Tensor
    wins: torch.Tensor


def sell_item_wise(bids, weights, reserves):
    """Return the best of all ``(n_bidders + 1) ** n_items`` integral allocations.

    Item j goes to the bidder with the highest ``w_i (b_ij - r_ij)``, if that is above 0. With
    all weights equal and the reserve prices of Myerson that is his auction, item by item,
    for regular bidders that are alike.

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


def affine_outcome(bids, menu):
    """Return the allocations and payments of an affine maximizer.

    Of rows that are equally good up to rounding the first is taken.

    Parameters
    ----------
    bids : Tensor of shape (n, n_bidders, n_items)
        In units of the scale.
    menu : AffineMenu
        Without leading axes.

    Returns
    -------
    rows : Tensor of int of shape (n,)
        The row carried out.
    allocations : Tensor of shape (n, n_bidders, n_items)
    payments : Tensor of shape (n, n_bidders)

    Examples
    --------
    One item, two bidders, a reserve price of 0.5 as the boost of not selling:

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
    weighted = menu.allocations * menu.weights[:, None]
    welfare = torch.addmm(menu.boosts, bids.flatten(1), weighted.flatten(1).T)
    items = None
    if menu.reserves is not None:
        items = sell_item_wise(bids, menu.weights, menu.reserves)
        welfare[:, 0] = items.welfare
    best = welfare.amax(dim=1, keepdim=True)
    # The first of several largest entries is what argmax of bytes is documented to return.
    rows = (welfare >= best - TIE).to(torch.uint8).argmax(dim=1)
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
    # Nobody pays less than nothing or more than its value: next to much larger bids of others the
    # difference above is rounding.
    payments = torch.minimum(payments.clamp_min(0.0), (allocations * bids).sum(dim=2))
    return rows, allocations, payments


class SoftRevenue(torch.autograd.Function):
    """Mean revenue of affine maximizers whose choice of a row is softened, for training.

    The row carried out is drawn with probabilities ``z = softmax(sharpness * W)``; what
    others could have without a bidder is exact. With ``w`` the weights and ``S_k`` the
    unweighted welfare of row k, the revenue of a profile is

        sum_i max_k W_k(b_-i) / w_i + sum_k z_k (S_k - W_k sum_i 1 / w_i).

    Where the first row stands for selling item by item, its figures are passed in, with their
    gradients. The gradient is written out, as automatic differentiation would keep ``n_bidders``
    arrays of the size of ``z``.
    """

    @staticmethod
    def forward(
        ctx,
        profiles,
        allocations,
        weights,
        boosts,
        sharpness,
        item_welfare=None,
        item_without=None,
        item_worth=None,
    ):
        """Return mean revenue, (n_starts,).

        Parameters
        ----------
        ctx : context of autograd
        profiles : Tensor of shape (n, n_bidders, n_items)
        allocations, weights, boosts : Tensor
            Of an :class:`AffineMenu` with leading axis (n_starts,).
        sharpness : float
            Per unit of the scale.
        item_welfare, item_without, item_worth : Tensor, optional
            The first row's, as in :class:`ItemWise`.
        """
        n_bidders = profiles.shape[1]
        flat = profiles.flatten(1).expand(len(boosts), -1, -1)
        weighted = allocations * weights[:, None, :, None]
        welfare = torch.baddbmm(boosts.unsqueeze(1), flat, weighted.flatten(2).transpose(1, 2))
        worth = torch.bmm(flat, allocations.flatten(2).transpose(1, 2))
        if item_welfare is not None:
            welfare[..., 0], worth[..., 0] = item_welfare, item_worth
        without, rows = [], []
        if n_bidders == 1:
            # Nobody else: what could be had without the bidder is the highest boost.
            best, row = boosts.max(dim=1, keepdim=True)
            without.append(best.expand(-1, len(profiles)))
            rows.append(row.expand(-1, len(profiles)))
        for bidder in range(n_bidders if n_bidders > 1 else 0):
            own = profiles[:, bidder].expand(len(boosts), -1, -1)
            part = weighted[:, :, bidder].transpose(1, 2)
            others = torch.baddbmm(welfare, own, part, alpha=-1)
            if item_without is not None:
                others[..., 0] = item_without[:, bidder]
            best, row = others.max(dim=2)
            without.append(best)
            rows.append(row)
        without, rows = torch.stack(without, 1), torch.stack(rows, 1)
        inverse = (1 / weights).sum(dim=1)[:, None, None]
        # S_k - W_k sum_i 1 / w_i
        slope = worth.sub_(welfare * inverse)
        chances = torch.softmax(sharpness * welfare, dim=2)
        mean_slope = (chances * slope).sum(dim=2)
        mean_welfare = (chances * welfare).sum(dim=2)
        ctx.sharpness = sharpness
        ctx.save_for_backward(
            profiles, allocations, weights, chances, slope, mean_slope, mean_welfare, without, rows
        )
        return ((without / weights.unsqueeze(2)).sum(dim=1) + mean_slope).mean(dim=1)

    @staticmethod
    def backward(ctx, gradient):
        """Return the gradients of what forward takes; of profiles and sharpness none."""
        saved = ctx.saved_tensors
        profiles, allocations, weights, chances, slope, mean_slope, mean_welfare = saved[:7]
        without, rows = saved[7:]
        n_profiles, n_bidders, n_items = profiles.shape
        n_starts, n_rows = chances.shape[0], chances.shape[2]
        unit = (gradient / n_profiles)[:, None, None]
        inverse = 1 / weights
        by_welfare = slope.sub(mean_slope.unsqueeze(2)).mul_(ctx.sharpness)
        by_welfare.sub_(inverse.sum(dim=1)[:, None, None]).mul_(chances).mul_(unit)
        flat = profiles.flatten(1).expand(n_starts, -1, -1)
        shape = (n_starts, n_rows, n_bidders, n_items)
        by_weighted = torch.bmm(by_welfare.transpose(1, 2), flat).view(shape)
        by_boosts = by_welfare.sum(dim=1)
        # Where the others' best row without a bidder is k, each of the others counts there.
        others = profiles.unsqueeze(0).repeat(n_bidders, 1, 1, 1)
        every = torch.arange(n_bidders, device=profiles.device)
        others[every, :, every] = 0.0
        others = torch.cat([others.flatten(2), torch.ones_like(others[..., 0, :1])], dim=2)
        worth = others * (inverse.unsqueeze(2) * unit)[..., None]
        starts = torch.arange(n_starts, device=profiles.device)[:, None, None]
        places = (rows + n_rows * starts).flatten()
        sums = worth.new_zeros(n_starts * n_rows, n_bidders * n_items + 1)
        sums.index_add_(0, places, worth.flatten(0, 2))
        sums = sums.view(n_starts, n_rows, -1)
        by_weighted += sums[..., :-1].view(shape)
        by_boosts += sums[..., -1]
        by_allocations = weights[:, None, :, None] * by_weighted
        by_allocations += torch.bmm(chances.transpose(1, 2) * unit, flat).view(shape)
        by_weights = (by_weighted * allocations).sum(dim=(1, 3))
        paid = (without - mean_welfare.unsqueeze(1)).sum(dim=2) * unit.squeeze(2)
        by_weights -= paid * inverse.square()
        by_items = (None, None, None)
        if any(ctx.needs_input_grad[5:]):
            by_without = torch.where(rows == 0, inverse.unsqueeze(2) * unit, 0.0)
            by_items = (by_welfare[..., 0], by_without, chances[..., 0] * unit.squeeze(2))
        return None, by_allocations, by_weights, by_boosts, None, *by_items


def soft_revenue(profiles, menu, sharpness):
    """Return the mean revenue of softened affine maximizers, (n_starts,); differentiable.

    Parameters
    ----------
    profiles : Tensor of shape (n, n_bidders, n_items)
    menu : AffineMenu
        With leading axis (n_starts,).
    sharpness : float

    Returns
    -------
    Tensor of shape (n_starts,)
    """
    items = ()
    if menu.reserves is not None:
        items = sell_item_wise(profiles, menu.weights, menu.reserves)[:3]
    return SoftRevenue.apply(profiles, *menu[:3], sharpness, *items)
