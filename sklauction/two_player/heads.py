"""Output heads of auctioneer networks: scores to allocations and payments.

* ``"fraction"`` (as published): a softmax allocates, and a bidder pays a learned fraction of its
  reported value.
* ``"envelope"``: the allocation is the gradient of a convex utility. Payments follow from the
  envelope theorem, up to a learned correction.
"""

import torch

__all__ = ["PAYMENTS", "envelope_outcome", "rival_scores"]

PAYMENTS = ("envelope", "fraction")

# Keeps payments finite for bidders who get nothing, in units of the scale.
TINY = 1e-9
# Largest correction of the log-odds of a payment.
LARGEST_CORRECTION = 15.0


def rival_scores(scores, item_exit):
    """Return the log-sum-exp of the other bidders' scores and of keeping the item.

    The softmax of an additive auction's ``allocate`` gives item j to bidder i with probability
    ``sigmoid(scores_ij - rivals_ij)``.

    Parameters
    ----------
    scores : Tensor of shape (n, n_bidders, n_items)
    item_exit : Tensor of shape (n, 1, n_items)
        Score of keeping the item.

    Returns
    -------
    Tensor of shape (n, n_bidders, n_items)
    """
    n_bidders = scores.shape[1]
    if n_bidders == 1:
        return item_exit
    if n_bidders == 2:
        other = scores.flip(1)
        return torch.logaddexp(other, item_exit.expand_as(other))
    everyone = torch.cat([scores, item_exit], dim=1).unsqueeze(1)
    self = torch.eye(n_bidders, n_bidders + 1, dtype=torch.bool, device=scores.device)
    return everyone.masked_fill(self.unsqueeze(-1), -torch.inf).logsumexp(dim=2)


def envelope_outcome(bids, advantages, sharpness, correction, domain):
    """Return allocations, and payments close to those that make the allocations truthful.

    Let ``x_ij = advantages_ij`` have slope ``k_ij = sharpness_ij`` in the bidder's own bid
    ``b_ij``. The domain's softened choice gives an allocation ``a_i`` that is the gradient of a
    convex function ``u_i`` of the bids; see ``soft_favourite`` of
    :class:`~sklauction.domains.auctions.Auction`. If ``x_ij`` is linear in the own bid, the payment
    ``<b_i, a_i> - u_i`` makes the auction exactly truthful [1]_ [2]_. Otherwise ``correction``
    adjusts the payments: it is added to the log-odds of ``payment / (reported value - payment)``,
    so payments stay between 0 and the reported value of the allocation.

    Parameters
    ----------
    bids : Tensor of shape (n, n_bidders, n_items)
        In units of the scale.
    advantages : Tensor of shape (n, n_bidders, n_items)
        Scores minus :func:`rival_scores`.
    sharpness : Tensor broadcastable to (n_bidders, n_items)
        Positive; for unit demand the same for all items of a bidder.
    correction : Tensor of shape (n, n_bidders)
    domain : Auction

    Returns
    -------
    allocations : Tensor of shape (n, n_bidders, n_items)
        Feasible: ``sigmoid(x_ij)`` sums to at most 1 over bidders, and allocations for unit
        demand are smaller.
    payments : Tensor of shape (n, n_bidders)
        In units of the scale.

    References
    ----------
    .. [1] Rochet, "A necessary and sufficient condition for rationalizability in a
       quasi-linear context", J. Math. Econ. 16 (1987): an auction is truthful if and only if
       the allocation is a subgradient of a convex utility.
    .. [2] Milgrom & Segal, "Envelope theorems for arbitrary choice sets", Econometrica 70 (2002).
    """
    at_zero = advantages - sharpness * bids
    allocations, utilities = domain.soft_favourite(advantages, at_zero, sharpness)
    values = (allocations * bids).sum(dim=2)
    odds = correction.clamp(-LARGEST_CORRECTION, LARGEST_CORRECTION).exp()
    paid = odds * (values - utilities).clamp_min(0)
    return allocations, values * (paid + TINY) / (paid + utilities.clamp_min(0) + 2 * TINY)
