"""Lower bounds on the optimal revenue: the revenue of analytic auctions on fresh samples."""

import warnings

import numpy as np

from sklauction.analytic.linear_program import LinearProgramAuction
from sklauction.analytic.myerson import BundleMyersonAuction, MyersonAuction
from sklauction.analytic.vcg import VCGAuction
from sklauction.bounds.estimates import N_ERRORS, SLOW_PROFILES, shifted_mean

__all__ = ["earned_by_auctions"]

# Reserve prices tried for VCG.
N_RESERVES = 12
# Cells per item of the types of LinearProgramAuction.
N_BINS = 12


def earned_by_auctions(profiles, domain, separately=True):
    """Return lower bounds: revenues of auctions fitted on half of the profiles, on the other half.

    Parameters
    ----------
    profiles : ndarray of shape (n_samples, n_bidders, n_items)
        In money.
    domain : Auction
    separately : bool, default=True
        Whether to include selling the items separately.

    Returns
    -------
    dict of {str: float}
        Money, two standard errors below the mean, by auction.
    """
    half = len(profiles) // 2
    auctions = _auctions(profiles[:half], domain, separately)
    return {
        f"{name}, sampled": _earned(auction, profiles[:half], profiles[half:])
        for name, auction in auctions.items()
    }


def _auctions(profiles, domain, separately):
    """Return the auctions to fit, by name."""
    _, n_bidders, n_items = profiles.shape
    auctions = {}
    if domain.limits(n_items):
        reserve = _best_reserve(profiles[:SLOW_PROFILES], domain)
        auctions["VCG with one reserve"] = VCGAuction(n_bidders, demand=domain, reserve=reserve)
    else:
        if separately:
            auctions["item by item (Myerson)"] = MyersonAuction(n_bidders)
        if n_items > 1:
            auctions["bundle of all items (Myerson)"] = BundleMyersonAuction(n_bidders)
    if n_bidders == 1 and n_items == 2:
        menu = LinearProgramAuction(1, demand=domain, n_bins=N_BINS)
        auctions["best menu for types on a grid"] = menu
    return auctions


def _earned(auction, known, fresh):
    """Return the revenue of an auction fitted on some profiles on fresh ones, at least 0."""
    if isinstance(auction, VCGAuction):
        known, fresh = known[:SLOW_PROFILES], fresh[:SLOW_PROFILES]
    return max(shifted_mean(_payments(auction, known, fresh), -N_ERRORS), 0.0)


def _payments(auction, known, fresh):
    """Return the total payment of each fresh profile, without a word on dependent bidders."""
    with warnings.catch_warnings():  # a lower bound need not be optimal
        warnings.filterwarnings("ignore", ".*dependence between bidders", UserWarning)
        return auction.fit(known).predict(fresh).payments.sum(axis=1)


def _best_reserve(profiles, domain):
    """Return the reserve price, among some quantiles, with which VCG earns most."""
    tried = np.quantile(profiles, np.linspace(0, 0.95, N_RESERVES))
    few = profiles[: len(profiles) // 4 + 2]
    auctions = [VCGAuction(profiles.shape[1], demand=domain, reserve=price) for price in tried]
    earned = [_payments(auction, few, few).sum() for auction in auctions]
    return tried[int(np.argmax(earned))]
