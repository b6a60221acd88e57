"""From scores to an outcome: who gets what, and what a bidder pays for it.

Two ways, by name. ``"fraction"``, as published: a softmax allocates and a bidder pays a learned
fraction of its reported value. ``"envelope"``: the allocation is the gradient of a convex
utility, and payments follow from it by the envelope theorem, up to a learned correction.
"""

import torch
from torch import nn

__all__ = ["PAYMENTS", "allocate", "envelope_outcome", "rival_scores"]

PAYMENTS = ("envelope", "fraction")

# Keeps the odds of a payment finite where a bidder gets nothing, in units of the scale.
TINY = 1e-9
# Largest logarithm by which odds are corrected.
LARGEST_CORRECTION = 15.0


def allocate(scores, item_exit, bidder_exit=None):
    """Turn scores into feasible allocation probabilities, as published.

    Additive demand: a softmax over the bidders and a dummy who keeps the item. Unit
    demand: the smaller of that and a softmax over the items and a dummy item per
    bidder, which is doubly substochastic and hence a lottery over matchings.

    Parameters
    ----------
    scores : Tensor of shape (n, n_bidders, n_items)
    item_exit : Tensor of shape (n, 1, n_items)
        Score of keeping the item.
    bidder_exit : Tensor of shape (n, n_bidders, 1), optional
        Score of giving the bidder nothing; given for unit demand.

    Returns
    -------
    Tensor of shape (n, n_bidders, n_items)

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019,
       section 4.2 (additive and unit-demand architectures).
    """
    by_item = torch.softmax(torch.cat([scores, item_exit], dim=1), dim=1)[:, :-1]
    if bidder_exit is None:
        return by_item
    by_bidder = torch.softmax(torch.cat([scores, bidder_exit], dim=2), dim=2)[:, :, :-1]
    return torch.minimum(by_item, by_bidder)


def rival_scores(scores, item_exit):
    """Return the log of what a bidder is up against: the others' exponential scores, summed.

    A softmax over bidders and the dummy gives item j to bidder i with the probability
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


def envelope_outcome(bids, advantages, sharpness, correction, unit_demand):
    """Return allocations, and payments near those that make them truthful.

    With ``x_ij = advantages_ij``, of slope ``k_ij = sharpness_ij`` in the own bid ``b_ij``,

    * additive: ``a_ij = sigmoid(x_ij)`` and ``u_i = sum_j softplus(x_ij) / k_ij``;
    * unit: ``a_ij = exp(x_ij) / (1 + sum_j exp(x_ij))``, ``u_i = log(1 + sum_j exp(x_ij)) / k_i``.

    Either way ``a_i`` is the gradient of the convex ``u_i``, less its value at the bid 0. So
    if the rest of ``x_ij`` does not depend on the own bid, the payment ``<b_i, a_i> - u_i`` makes
    truth the best report, exactly. As far as it does, ``correction`` has to mend payments: it
    shifts the log-odds of ``payment / (reported value - payment)``, hence payments stay between 0
    and the value of what the bidder gets whatever it is.

    Parameters
    ----------
    bids : Tensor of shape (n, n_bidders, n_items)
        In units of the scale.
    advantages : Tensor of shape (n, n_bidders, n_items)
        Scores less those of rivals, of :func:`rival_scores`.
    sharpness : Tensor broadcastable to (n_bidders, n_items)
        Positive; the same for all items where demand is unit.
    correction : Tensor of shape (n, n_bidders)
    unit_demand : bool

    Returns
    -------
    allocations : Tensor of shape (n, n_bidders, n_items)
        Feasible where advantages are over rivals of a softmax: ``sigmoid(x_ij)`` sums to at most 1
        over bidders, and the unit-demand ones are smaller still.
    payments : Tensor of shape (n, n_bidders)

    References
    ----------
    .. [1] Rochet, "A necessary and sufficient condition for rationalizability in a
       quasi-linear context", J. Math. Econ. 16 (1987): truthful if and only if the allocation is
       a subgradient of a convex utility.
    .. [2] Milgrom & Segal, "Envelope theorems for arbitrary choice sets", Econometrica 70 (2002).
    """
    at_zero = advantages - sharpness * bids
    if unit_demand:
        nothing = torch.zeros_like(advantages[:, :, :1])
        with_exit = torch.cat([advantages, nothing], dim=2)
        allocations = with_exit.softmax(dim=2)[:, :, :-1]
        above = with_exit.logsumexp(dim=2) - torch.cat([at_zero, nothing], dim=2).logsumexp(dim=2)
        utilities = above / sharpness[..., 0]
    else:
        softplus = nn.functional.softplus
        allocations = torch.sigmoid(advantages)
        utilities = ((softplus(advantages) - softplus(at_zero)) / sharpness).sum(dim=2)
    values = (allocations * bids).sum(dim=2)
    odds = correction.clamp(-LARGEST_CORRECTION, LARGEST_CORRECTION).exp()
    paid = odds * (values - utilities).clamp_min(0)
    return allocations, values * (paid + TINY) / (paid + utilities.clamp_min(0) + 2 * TINY)
