"""Lower and upper bounds on the optimal revenue."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklauction.analytic.single_buyer import known_optimum
from sklauction.bounds.estimates import scale_back
from sklauction.bounds.expected_sale import myerson_revenue
from sklauction.bounds.lower_bounds import earned_by_auctions
from sklauction.bounds.result import RevenueBounds
from sklauction.bounds.upper_bounds import (
    CELLS_ALONE,
    computed_optimum,
    upper_bounds_of_prior,
    upper_bounds_of_samples,
)
from sklauction.datasets.distributions import check_rng
from sklauction.datasets.priors import is_prior
from sklauction.domains.auctions import Demand, auction_of
from sklauction.utils.numbers import scale_by_power_of_two
from sklauction.utils.types import Seed
from sklauction.utils.validation import check_count, to_floats

__all__ = ["optimal_revenue_bounds"]

# The optimum counts as known if the bounds differ by at most this, relatively.
KNOWN = 1e-6
# Largest number of places of a bidder's grid, 2 n + 1 per item: their pairs take 3 GB.
MOST_PLACES = 20_000


def optimal_revenue_bounds(
    source: Any,
    *,
    demand: Demand | None = None,
    n_cells: int | None = None,
    n_samples: int = 100_000,
    random_state: Seed = 0,
) -> RevenueBounds:
    """Bound the optimal revenue of dominant-strategy auctions from below and above.

    Lower bounds are revenues of known or analytic auctions. The upper bound is the smallest of
    those that apply:

    * the optimum, or an upper bound on it, from the literature;
    * one item: the revenue of Myerson's auction, integrated [1]_;
    * finitely many types: a linear program [2]_ (:class:`~sklauction.LinearProgramAuction`);
    * up to two items, or three for one bidder, with values that are uniform, mixtures of uniforms,
      or samples: a linear program over utilities [3]_ on a grid, with Border's condition for
      several bidders [4]_ (``bounds/potential_program.py``);
    * independent values with densities: virtual values along paths [5]_ [6]_
      (``bounds/flow_bound.py``);
    * independent bidders: the sum of the bounds of each bidder alone;
    * always: the expected welfare.

    Sampled bounds are shifted by two standard errors (of the welfare, for histograms).

    Parameters
    ----------
    source : AuctionSetting, ProductPrior, TrianglePrior, or array-like of shape \
            (n_samples, n_bidders, n_items)
        A setting, a prior, or valuation samples in money. From samples, lower bounds are revenues
        of auctions fitted on one half, on the other half. Upper bounds are those of the
        histogram, pooled over bidders (and two items) that look alike.
    demand : {"additive", "unit"} or Auction, default=None
        If None, that of the setting, otherwise "additive".
    n_cells : int, default=None
        Number of cells per item of the grid of utilities. The error of the bound is of order
        ``1 / n_cells ** 2``. For two bidders and two items the default is 12; 20 take minutes.
    n_samples : int, default=100000
        Number of profiles drawn for sampled bounds.
    random_state : int, RandomState or None, default=0
        Seed or source of randomness of these profiles.

    Returns
    -------
    RevenueBounds
        In the money of the source.

    Raises
    ------
    ValueError
        If an argument is invalid.
    RuntimeError
        If HiGHS does not solve a linear program.

    Notes
    -----
    All upper bounds except those from the literature and for finitely many types also hold for
    Bayesian incentive-compatible auctions.

    References
    ----------
    .. [1] Myerson, "Optimal Auction Design", Mathematics of Operations Research 6(1), 1981.
    .. [2] Conitzer & Sandholm, "Complexity of Mechanism Design", UAI 2002.
    .. [3] Rochet, "A Necessary and Sufficient Condition for Rationalizability in a
       Quasi-linear Context", Journal of Mathematical Economics 16(2), 1987.
    .. [4] Border, "Implementation of Reduced Form Auctions: A Geometric Approach",
       Econometrica 59(4), 1991.
    .. [5] Cai, Devanur & Weinberg, "A Duality Based Unified Approach to Bayesian Mechanism
       Design", STOC 2016, theorem 3.
    .. [6] Haghpanah & Hartline, "Reverse Mechanism Design", EC 2015.

    Examples
    --------
    >>> from sklauction import optimal_revenue_bounds
    >>> from sklauction.datasets import load_setting
    >>> setting = load_setting("additive_1x2_uniform_416_47")
    >>> print(optimal_revenue_bounds(setting))
    optimal revenue 9.77778 to 9.77778
      at least: Daskalakis, Deckelbaum & Tzamos 2013
      at most:  Daskalakis, Deckelbaum & Tzamos 2013
    >>> bounds = optimal_revenue_bounds(setting.sample(20_000, random_state=0), n_cells=8)
    >>> bool(9.3 < bounds.lower < 88 / 9 < bounds.upper < 9.9)
    True
    """
    domain = auction_of(getattr(source, "demand", "additive") if demand is None else demand)
    if n_cells is not None:
        check_count(n_cells, "n_cells")
    check_count(n_samples, "n_samples", minimum=100)
    rng = check_rng(random_state)
    prior = getattr(source, "prior", source)
    if not is_prior(prior):
        profiles, exponent = scale_by_power_of_two(_check_samples(source))
        _check_cells(n_cells, profiles.shape[2])
        lowers = earned_by_auctions(profiles, domain)
        uppers = upper_bounds_of_samples(profiles, domain, n_cells)
        return RevenueBounds(scale_back(lowers, exponent), scale_back(uppers, exponent))
    _check_cells(n_cells, prior.shape[1])
    try:
        return _bounds_of_prior(source, prior, domain, n_cells, n_samples, rng)
    except ValueError as error:
        raise ValueError(f"source must be a prior with computable bounds; got {error}") from error


def _check_samples(source):
    """Return samples as an array."""
    try:
        profiles = to_floats(source)
    except ValueError:
        profiles = np.empty(0)
    if profiles.ndim != 3 or len(profiles) < 100 or not profiles.size:
        raise ValueError(
            "source must be a setting, a prior, or at least 100 samples of shape (n_samples, "
            f"n_bidders, n_items); got {type(source).__name__} of shape {profiles.shape}"
        )
    if not np.isfinite(profiles).all() or (profiles < 0).any() or not profiles.any():
        raise ValueError(
            "source must contain finite non-negative valuations, not all 0; got values from "
            f"{profiles.min()} to {profiles.max()}"
        )
    return profiles


def _check_cells(n_cells, n_items):
    """Raise ValueError if a grid with this number of cells does not fit in memory."""
    if n_cells is not None and n_items in CELLS_ALONE:
        check_count(n_cells, "n_cells", most=int(MOST_PLACES ** (1 / n_items) - 1) // 2)


def _bounds_of_prior(source, prior, domain, n_cells, n_samples, rng):
    """Return bounds for a prior, or a setting that contains it."""
    lowers, uppers = _known_bounds(source, prior, domain)
    if not uppers or min(uppers.values()) > (1 + KNOWN) * max(lowers.values(), default=0.0):
        profiles = prior.sample(n_samples, rng)
        scaled, exponent = scale_by_power_of_two(profiles)
        dependent = getattr(prior, "marginals", None) is None
        earned = earned_by_auctions(scaled, domain, separately=dependent)
        lowers |= scale_back(earned, exponent)
        uppers |= upper_bounds_of_prior(prior, profiles, domain, n_cells)
    return RevenueBounds(lowers, uppers)


def _known_bounds(source, prior, domain):
    """Return lower and upper bounds that need no samples."""
    n_bidders, n_items = prior.shape
    closed = known_optimum(prior, n_items, domain) if n_bidders == 1 else None
    if closed is not None:
        known = {closed.source.split(":")[0]: closed.revenue}
        return known, {} if closed.status == "conjectured" else dict(known)
    lowers, uppers = _bounds_of_literature(source, domain)
    marginals = getattr(prior, "marginals", None)
    if marginals is not None:
        exact = computed_optimum(prior, domain)
        lowers, uppers = lowers | exact, uppers | exact
        if not (domain.exclusive or exact):
            lowers["item by item (Myerson)"] = sum(map(myerson_revenue, marginals.T))
    return lowers, uppers


def _bounds_of_literature(source, domain):
    """Return lower and upper bounds from a setting's figures."""
    if not hasattr(source, "demand") or auction_of(source.demand) != domain:
        return {}, {}
    name = f"literature: {source.source.split(';')[0]}"
    low, high = source.optimal_revenue_bounds or (None, None)
    known = source.optimal_revenue, source.best_known_revenue, low
    lowers = [value for value in known if value is not None]
    uppers = [value for value in (source.optimal_revenue, high) if value is not None]
    return {name: max(lowers)} if lowers else {}, {name: min(uppers)} if uppers else {}
