"""The warning of auctions that do not use the dependence between bidders."""

from sklauction.utils.sample_tests import strongest_dependence
from sklauction.utils.warning import warn_user

__all__ = ["warn_of_dependence"]

REMEDY = "AffineMaximizerAuction or BundlePricingAuction may earn more"


def warn_of_dependence(auction, valuations, goods="item {}"):
    """Issue a UserWarning if the samples show a dependence between two bidders.

    Parameters
    ----------
    auction : BaseAuction
        Named in the message.
    valuations : ndarray of shape (n_samples, n_bidders, n_items)
    goods : str, default="item {}"
        What is sold; receives the number of the item.
    """
    found = strongest_dependence(valuations)
    if found is None:
        return
    names = auction.bidder_names_ or range(valuations.shape[1])
    (one, other), ranks = (names[bidder] for bidder in found.bidders), "rank correlation"
    if found.of_distances:
        ranks = "rank correlation of distances from the median"
    additive = "" if auction.domain.exclusive else "LookAheadAuction, "
    warn_user(
        f"{type(auction).__name__} does not use dependence between bidders, but the values of "
        f"bidders {one} and {other} for {goods.format(found.item)} have a {ranks} of "
        f"{found.correlation:.2f}; {additive}{REMEDY}"
    )
