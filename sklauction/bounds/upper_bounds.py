"""Upper bounds on the optimal revenue, of a prior or estimated from samples."""

import itertools

import numpy as np

from sklauction.analytic.linear_program import LinearProgramAuction
from sklauction.analytic.single_buyer import known_optimum
from sklauction.analytic.type_program import program_size
from sklauction.bounds.estimates import N_ERRORS, SLOW_PROFILES, scale_back, shifted_mean
from sklauction.bounds.expected_sale import myerson_revenue
from sklauction.bounds.flow_bound import best_sale, flow_virtual_values
from sklauction.bounds.potential_program import potential_bound
from sklauction.bounds.value_grid import grid_of_marginals, grid_of_samples
from sklauction.datasets.distributions import has_density
from sklauction.utils.batching import blocks
from sklauction.utils.numbers import scale_by_power_of_two
from sklauction.utils.sample_tests import (
    bidders_look_alike,
    bidders_look_independent,
    items_look_alike,
)

__all__ = ["CELLS_ALONE", "computed_optimum", "upper_bounds_of_prior", "upper_bounds_of_samples"]

# Cells per item of the grid of utilities, by number of items; more items are not put on a grid.
CELLS_ALONE = {1: 60, 2: 24, 3: 10}
CELLS_TOGETHER = {1: 40, 2: 12}
# Exponents of paths tried for virtual values, and number of profiles used to select one.
EXPONENTS, N_SELECTING = (0.5, 0.7, 1.0), 5_000
# Limits for solving finite priors exactly: types per bidder, and memory in GiB.
MOST_TYPES, MOST_MEMORY = 64, 1.0
# Profiles per block of virtual values.
BLOCK = 10_000


def computed_optimum(prior, domain):
    """Return the optimum of one item or of finitely many types, which can be computed exactly.

    Parameters
    ----------
    prior : ProductPrior
    domain : Auction

    Returns
    -------
    dict of {str: float}
        Money, by method; empty in other cases.
    """
    if prior.shape[1] == 1:
        return {"Myerson's auction, integrated": myerson_revenue(prior.marginals[:, 0])}
    if not all(hasattr(one, "atoms") for one in prior.marginals.flat):
        return {}
    types, chances = [], []
    for marginals in prior.marginals:
        types.append(np.array(list(itertools.product(*(one.atoms for one in marginals)))))
        chance = itertools.product(*(one.probabilities for one in marginals))
        chances.append(np.prod(list(chance), axis=1))
    return _optimum_of_types(types, chances, prior.shape, domain)


def _optimum_of_types(types, chances, shape, domain):
    """Return the optimum of finitely many types, unless the linear program is too large."""
    n_types = [len(one) for one in types]
    if max(n_types) > MOST_TYPES or program_size(n_types, shape[1])[2] > MOST_MEMORY * 2**30:
        return {}
    _, exponent = scale_by_power_of_two(np.concatenate([one.ravel() for one in types]))
    types = [np.ldexp(one, -exponent) for one in types]
    auction = LinearProgramAuction(
        *shape, demand=domain, types=types, probabilities=chances, max_memory=MOST_MEMORY
    )
    auction.fit(np.stack([one[[0, -1]] for one in types], axis=1))
    return scale_back({"linear program for all types": auction.upper_bound_}, exponent)


def upper_bounds_of_prior(prior, profiles, domain, n_cells):
    """Return upper bounds for a prior.

    Parameters
    ----------
    prior : ProductPrior or TrianglePrior
    profiles : ndarray of shape (n_samples, n_bidders, n_items)
        Samples of the prior, in money.
    domain : Auction
    n_cells : int or None

    Returns
    -------
    dict of {str: float}
        Money, by argument.
    """
    if prior.shape[0] > 1 and domain.limits(prior.shape[1]):
        profiles = profiles[:SLOW_PROFILES]
    uppers = {"welfare, sampled": shifted_mean(best_sale(profiles, domain), N_ERRORS)}
    marginals = getattr(prior, "marginals", None)
    if marginals is None:
        return uppers
    if all(map(has_density, marginals.flat)):
        bound = _flow_bound(prior, profiles, domain)
        if np.isfinite(bound):
            uppers["virtual values along paths, sampled"] = bound
    optima = [known_optimum(row, prior.shape[1], domain) for row in marginals]
    known = {
        bidder: optimum.revenue
        for bidder, optimum in enumerate(optima)
        if optimum is not None and optimum.status != "conjectured"
    }

    def grid(bidder, cells):
        return grid_of_marginals(marginals[bidder], cells)

    return uppers | _grid_bounds(grid, prior.shape, domain, n_cells, known)


def _flow_bound(prior, profiles, domain):
    """Return the bound by virtual values along paths, with the best exponent."""
    support = prior.support

    def virtual_welfare(profiles, exponent):
        parts = []
        for block in blocks((len(profiles),), BLOCK):
            bidders = zip(profiles[block].swapaxes(0, 1), prior.marginals, support)
            virtual = [flow_virtual_values(*bidder, exponent) for bidder in bidders]
            parts.append(best_sale(np.stack(virtual, axis=1), domain))
        return np.concatenate(parts)

    # Selection and bound use different profiles, so that the bound is not biased.
    n_selecting = min(N_SELECTING, len(profiles) // 5)
    first, rest = profiles[:n_selecting], profiles[n_selecting:]
    best = min(EXPONENTS, key=lambda exponent: virtual_welfare(first, exponent).mean())
    return shifted_mean(virtual_welfare(rest, best), N_ERRORS)


def upper_bounds_of_samples(profiles, domain, n_cells):
    """Return upper bounds estimated from samples.

    Parameters
    ----------
    profiles : ndarray of shape (n_samples, n_bidders, n_items)
        In money.
    domain : Auction
    n_cells : int or None

    Returns
    -------
    dict of {str: float}
        Money, by argument.
    """
    welfare = best_sale(profiles, domain)
    uppers = {"welfare, sampled": shifted_mean(welfare, N_ERRORS)}
    if not bidders_look_independent(profiles):
        # An auction can extract more from correlated bidders than from each alone.
        return uppers
    error = N_ERRORS * welfare.std() / np.sqrt(len(profiles))
    bounds = _bounds_of_histogram(profiles, domain, n_cells)
    return uppers | {f"{name}, sampled": float(bound + error) for name, bound in bounds.items()}


def _bounds_of_histogram(profiles, domain, n_cells):
    """Return bounds for the empirical distributions of independent bidders."""
    n_samples, *shape = profiles.shape
    seen = [np.unique(values, axis=0, return_counts=True) for values in profiles.swapaxes(0, 1)]
    if max(len(types) for types, _ in seen) <= MOST_TYPES:
        types, counts = zip(*seen)
        chances = [count / n_samples for count in counts]
        return _optimum_of_types(list(types), chances, shape, domain)
    pooled = _pool_symmetric(profiles)
    # With few samples per cell, the empirical distribution overstates the bound.
    most = max(2, int(2 * n_samples ** (1 / (shape[1] + 2))))

    def grid(bidder, cells):
        return grid_of_samples(pooled[bidder], min(cells, most))

    return _grid_bounds(grid, shape, domain, n_cells, {})


def _pool_symmetric(profiles):
    """Return the samples of each bidder, pooled over bidders and two items that look alike."""
    n_bidders, n_items = profiles.shape[1:]
    pooled = [profiles[:, bidder] for bidder in range(n_bidders)]
    if n_bidders > 1 and bidders_look_alike(profiles):
        pooled = [np.concatenate(pooled)] * n_bidders
    if n_items == 2 and items_look_alike(profiles):
        pooled = [np.concatenate([values, values[:, ::-1]]) for values in pooled]
    return pooled


def _grid_bounds(grid, shape, domain, n_cells, known):
    """Return bounds by utilities on grids: of all bidders together, and of each alone.

    ``grid(bidder, cells)`` returns a bidder's grid or None; ``known`` holds bounds of single
    bidders.
    """
    uppers = _joint_bound(grid, shape, domain, n_cells)
    return uppers if shape[0] == 1 else uppers | _sum_bound(grid, shape, domain, n_cells, known)


def _joint_bound(grid, shape, domain, n_cells):
    """Return the bound of all bidders together; nothing if one of them has no grid."""
    n_bidders, n_items = shape
    table = CELLS_ALONE if n_bidders == 1 else CELLS_TOGETHER
    if n_items not in table:
        return {}
    cells = n_cells or table[n_items]
    grids = [grid(bidder, cells) for bidder in range(n_bidders)]
    if any(one is None for one in grids):
        return {}
    alike = all(_same(one, grids[0]) for one in grids)
    grids, n_alike = (grids[:1], n_bidders) if alike else (grids, 1)
    bound = potential_bound(grids, domain, n_alike)
    return {f"utilities on a grid of {cells} cells per item": bound}


def _sum_bound(grid, shape, domain, n_cells, known):
    """Return the sum of the bounds of each bidder alone; nothing if one of them has none."""
    n_bidders, n_items = shape
    bounds, solved = dict(known), []
    for bidder in sorted(set(range(n_bidders)) - set(known)):
        if n_items not in CELLS_ALONE:
            return {}
        one = grid(bidder, n_cells or CELLS_ALONE[n_items])
        if one is None:
            return {}
        found = [bound for other, bound in solved if _same(one, other)]
        bounds[bidder] = found[0] if found else potential_bound([one], domain)
        solved.append((one, bounds[bidder]))
    return {"each bidder alone": sum(bounds.values())}


def _same(one, other):
    """Return whether two grids are equal."""
    pairs = zip((*one.edges, one.weights), (*other.edges, other.weights))
    return all(np.array_equal(ours, theirs) for ours, theirs in pairs)
