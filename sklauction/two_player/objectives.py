"""What the auctioneer minimises, as a function of revenue and total regret."""

import torch

__all__ = ["square_root_loss"]


def square_root_loss(revenue, total_regret, epsilon=1e-8):
    """ALGNet's time-independent loss ``-(sqrt(P) - sqrt(R)) + R``.

    The first term is minus the score of an auction: what an exactly truthful auction
    made from it is sure to earn, in square roots. The second keeps the regret small
    on its own account. No weight, multiplier or schedule appears.

    Parameters
    ----------
    revenue : Tensor of shape ()
        ``P``, batch mean of the total payment, in units of ``scale_``.
    total_regret : Tensor of shape ()
        ``R``, batch mean of the sum over bidders of regret, in units of ``scale_``.
    epsilon : float
        Added under both roots, whose slopes are infinite at zero.

    Returns
    -------
    Tensor of shape ()

    References
    ----------
    .. [1] Rahme, Jelassi & Weinberg, "Auction Learning as a Two-Player Game",
       ICLR 2021, section 3.1.
    """
    return total_regret - (torch.sqrt(revenue + epsilon) - torch.sqrt(total_regret + epsilon))
