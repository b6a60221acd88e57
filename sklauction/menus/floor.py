"""Lowest prices: an affine maximizer of what bids exceed them.

With lowest prices ``r``, the menu is run on net bids ``max(b - r, 0)``. A bidder gets no item whose
net bid is 0, and pays ``sum_j r_ij a_ij`` in addition to the net payment. A net value is what a
bidder can gain from an item above its lowest price, so truthfulness and individual rationality
carry over from net bids to bids.
"""

__all__ = ["add_floor", "net_bids"]


def net_bids(bids, floor):
    """Return ``max(bids - floor, 0)``.

    Parameters
    ----------
    bids : ndarray or Tensor of shape (n, n_bidders, n_items)
    floor : ndarray or Tensor of shape (n_bidders, n_items), or None
        None returns the bids.
    """
    return bids if floor is None else (bids - floor).clip(0)


def add_floor(allocations, payments, net, floor):
    """Return allocations and payments at bids from those at net bids, in money.

    Parameters
    ----------
    allocations, net : Tensor of shape (n, n_bidders, n_items)
    payments : Tensor of shape (n, n_bidders)
    floor : Tensor of shape (n_bidders, n_items) or None
        None returns the outcome at net bids.

    Returns
    -------
    allocations : Tensor of shape (n, n_bidders, n_items)
    payments : Tensor of shape (n, n_bidders)

    Examples
    --------
    The first bidder bids 0.5 above the lowest price of item 0, and not above that of item 1:

    >>> import torch
    >>> from sklauction.menus.floor import add_floor
    >>> net = torch.tensor([[[0.5, 0.0]]])
    >>> add_floor(torch.ones(1, 1, 2), torch.tensor([[0.25]]), net, torch.tensor([[1.0, 3.0]]))
    (tensor([[[1., 0.]]]), tensor([[1.2500]]))
    """
    if floor is None:
        return allocations, payments
    given = allocations * (net > 0)
    return given, payments + (given * floor).sum(dim=2)
