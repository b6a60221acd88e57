"""What the best auction earns, at least and at most, so that tables can show shares of it."""

import itertools

import numpy as np

from sklauction.analytic.linear_program import LinearProgramAuction
from sklauction.analytic.myerson import BundleMyersonAuction, MyersonAuction
from sklauction.analytic.single_buyer import known_optimum
from sklauction.analytic.type_program import program_size
from sklauction.analytic.vcg import VCGAuction
from sklauction.bounds.expected_sale import myerson_revenue
from sklauction.bounds.flow_bound import best_sale, flow_virtual_values
from sklauction.bounds.potential_program import potential_bound
from sklauction.bounds.result import RevenueBounds
from sklauction.bounds.value_grid import grid_of_marginals, grid_of_samples
from sklauction.datasets.distributions import check_rng, has_density
from sklauction.datasets.priors import is_prior
from sklauction.utils.numbers import near_one
from sklauction.utils.sample_tests import (
    bidders_look_alike,
    bidders_look_independent,
    items_look_alike,
)
from sklauction.utils.validation import DEMANDS, check_choice, check_count, to_floats

__all__ = ["RevenueBounds", "optimal_revenue_bounds"]

# Cells per item of the grid of utilities, by number of items; more items are not put on a grid.
CELLS_ALONE = {1: 60, 2: 24, 3: 10}
CELLS_TOGETHER = {1: 40, 2: 12}
# Shapes of paths tried for virtual values, and profiles that choose between them.
EXPONENTS, CHOOSING = (0.5, 0.7, 1.0), 5_000
# Relative difference of the bounds from which on the optimum is not known.
KNOWN = 1e-6
# Standard errors by which a sampled bound is moved to the safe side.
SAFE = 2.0
# Types of a bidder, and memory in GiB, up to which finite priors are solved exactly.
MOST_TYPES, MOST_MEMORY = 64, 1.0
# Profiles for auctions that loop over them in Python, and reserve prices tried there.
SLOW_PROFILES, RESERVES = 10_000, 12
# Profiles of virtual values worked on at once.
CHUNK = 10_000
# Places of a bidder's grid, 2 n + 1 along each item, whose pairs fit in memory: 3 GB.
MOST_PLACES = 20_000


def optimal_revenue_bounds(source, *, demand=None, n_cells=None, n_samples=100_000, random_state=0):
    """Bound the revenue of the best dominant-strategy auction from both sides.

    Lower bounds are what auctions earn that are known or computed here; upper bounds, whichever of
    these apply, the smallest being the bound:

    * the optimum, or a bound on it, where the literature knows it;
    * one item: Myerson's auction, integrated [1]_;
    * finitely many types: a linear program [2]_ (:class:`~sklauction.LinearProgramAuction`);
    * up to two items, three for one bidder, values uniform, mixed of uniforms, or samples: a
      linear program over utilities [3]_ on a grid, ``bounds/potential_program.py``, with
      Border's condition on several bidders [4]_;
    * independent values with densities: virtual values along paths [5]_ [6]_,
      ``bounds/flow_bound.py``;
    * independent bidders: what each would pay alone, in total;
    * always: the welfare.

    Sampled bounds are two standard errors on the safe side (of the welfare, for histograms).

    Parameters
    ----------
    source : AuctionSetting, ProductPrior, TrianglePrior, or array-like of shape \
            (n_samples, n_bidders, n_items)
        Who bids and how values are drawn; or valuation samples, in money. From samples all
        bounds are estimates: lower ones by auctions fitted on one half and run on the other, upper
        ones for the histogram of the samples, where bidders (and two items) that look alike are
        pooled.
    demand : {"additive", "unit"}, default=None
        None takes the setting's, otherwise "additive".
    n_cells : int, default=None
        Cells per item of the grid of utilities. The bound comes closer with their square; 20
        instead of the 12 for two bidders and items take minutes.
    n_samples : int, default=100000
        Profiles drawn for bounds that are sampled.
    random_state : int, RandomState or None, default=0
        Seed or source of randomness of these profiles.

    Returns
    -------
    RevenueBounds
        In the money of the source.

    Raises
    ------
    ValueError
        If an argument is not as described.
    RuntimeError
        If HiGHS does not solve a linear program.

    Notes
    -----
    All upper bounds but those of the literature and of finitely many types also hold for auctions
    that are truthful only on average over the others' types.

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
    >>> bounds = optimal_revenue_bounds(setting.sample(20_000, random_state=0))
    >>> bool(9.3 < bounds.lower < 88 / 9 < bounds.upper < 9.9)
    True
    """
    if demand is not None:
        check_choice(demand, "demand", DEMANDS)
    if n_cells is not None:
        check_count(n_cells, "n_cells")
    check_count(n_samples, "n_samples", minimum=100)
    rng = check_rng(random_state)
    prior = getattr(source, "prior", source)
    if not is_prior(prior):
        profiles = _check_samples(source)
        _check_cells(n_cells, profiles.shape[2])
        profiles, exponent = near_one(profiles)
        bounds = _of_samples(profiles, demand or "additive", n_cells)
        return RevenueBounds(*(_times(part, exponent) for part in bounds))
    _check_cells(n_cells, prior.shape[1])
    demand = demand or getattr(source, "demand", "additive")
    try:
        return _of_prior(source, prior, demand, n_cells, n_samples, rng)
    except ValueError as error:
        raise ValueError(
            f"source must be a prior that can be bounded; of this one, {error}"
        ) from error


def _of_prior(source, prior, demand, n_cells, n_samples, rng):
    """Return bounds for a prior, or a setting with one."""
    lowers, uppers = _of_literature(source, demand)
    marginals = getattr(prior, "marginals", None)
    if marginals is not None:
        exact = _exact(prior, demand)
        lowers, uppers = lowers | exact, uppers | exact
        if demand == "additive" and not exact:
            lowers["item by item (Myerson)"] = sum(map(myerson_revenue, marginals.T))
    closed = known_optimum(prior, prior.shape[1], demand) if prior.shape[0] == 1 else None
    if closed is not None:
        name = closed.source.split(":")[0]
        lowers, uppers = {}, {}
        lowers[name] = closed.revenue
        if closed.status != "conjectured":
            uppers[name] = closed.revenue
    if not uppers or min(uppers.values()) > (1 + KNOWN) * max(lowers.values(), default=0.0):
        profiles = prior.sample(n_samples, rng)
        scaled, exponent = near_one(profiles)
        lowers |= _times(_earned(scaled, demand, separately=marginals is None), exponent)
        uppers |= _most(prior, profiles, demand, n_cells)
    return RevenueBounds(lowers, uppers)


def _check_samples(source):
    """Return samples as an array; raise ValueError unless they are some."""
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
            "source must hold finite non-negative valuations, not all 0; got others among them"
        )
    return profiles


def _check_cells(n_cells, n_items):
    """Raise ValueError where a grid of so many cells per item would not fit in memory."""
    if n_cells is not None and n_items in CELLS_ALONE:
        check_count(n_cells, "n_cells", most=int(MOST_PLACES ** (1 / n_items) - 1) // 2)


def _of_literature(source, demand):
    """Return lower and upper bounds that the table of settings holds."""
    if demand != getattr(source, "demand", None):
        return {}, {}
    name = f"literature: {source.source.split(';')[0]}"
    low, high = source.optimal_revenue_bounds or (None, None)
    known = source.optimal_revenue, source.best_known_revenue, low
    lowers = [value for value in known if value is not None]
    uppers = [value for value in (source.optimal_revenue, high) if value is not None]
    return {name: max(lowers)} if lowers else {}, {name: min(uppers)} if uppers else {}


def _exact(prior, demand):
    """Return optima that can be computed exactly: of one item, or of finitely many types."""
    n_items = prior.shape[1]
    if n_items == 1:
        return {"Myerson's auction, integrated": myerson_revenue(prior.marginals[:, 0])}
    if not all(hasattr(one, "atoms") for one in prior.marginals.flat):
        return {}
    types, chances = [], []
    for marginals in prior.marginals:
        types.append(np.array(list(itertools.product(*(one.atoms for one in marginals)))))
        chance = itertools.product(*(one.probabilities for one in marginals))
        chances.append(np.prod(list(chance), axis=1))
    return _solved(types, chances, prior.shape, demand)


def _solved(types, chances, shape, demand):
    """Return the optimum of finitely many types, if these are few."""
    n_types = [len(one) for one in types]
    if max(n_types) > MOST_TYPES or program_size(n_types, shape[1])[2] > MOST_MEMORY * 2**30:
        return {}
    _, exponent = near_one(np.concatenate([one.ravel() for one in types]))
    types = [np.ldexp(one, -exponent) for one in types]
    auction = LinearProgramAuction(
        *shape, demand=demand, types=types, probabilities=chances, max_memory=MOST_MEMORY
    )
    auction.fit(np.stack([one[[0, -1]] for one in types], axis=1))
    return _times({"linear program for all types": auction.upper_bound_}, exponent)


def _of_samples(profiles, demand, n_cells):
    """Return bounds estimated from samples alone."""
    lowers = _earned(profiles, demand)
    welfare = best_sale(profiles, demand)
    uppers = {"welfare, sampled": _mean(welfare, SAFE)}
    n_bidders = profiles.shape[1]
    if n_bidders > 1 and not bidders_look_independent(profiles):
        # Correlated bidders may be made to pay more than each would alone.
        return RevenueBounds(lowers, uppers)
    error = SAFE * welfare.std() / np.sqrt(len(profiles))

    def moved(bounds):
        return {f"{name}, sampled": float(bound + error) for name, bound in bounds.items()}

    seen = [np.unique(values, axis=0, return_counts=True) for values in profiles.swapaxes(0, 1)]
    if max(len(types) for types, _ in seen) <= MOST_TYPES:
        types, counts = zip(*seen)
        chances = [count / len(profiles) for count in counts]
        solved = _solved(list(types), chances, profiles.shape[1:], demand)
        return RevenueBounds(lowers, uppers | moved(solved))
    alike = [profiles[:, bidder] for bidder in range(n_bidders)]
    if n_bidders > 1 and bidders_look_alike(profiles):
        alike = [np.concatenate(alike)] * n_bidders
    if profiles.shape[2] == 2 and items_look_alike(profiles):
        alike = [np.concatenate([values, values[:, ::-1]]) for values in alike]

    def grid(bidder, cells):
        # Few samples fill few cells: rough ones overstate less than empty ones do.
        most = max(2, int(2 * len(profiles) ** (1 / (profiles.shape[2] + 2))))
        return grid_of_samples(alike[bidder], min(cells, most))

    bounds = _on_grids(grid, profiles.shape[1:], demand, n_cells, {})
    return RevenueBounds(lowers, uppers | moved(bounds))


def _earned(profiles, demand, separately=True):
    """Return what analytic auctions fitted on one half of the profiles earn on the other."""
    _, n_bidders, n_items = profiles.shape
    half = len(profiles) // 2
    known, fresh = profiles[:half], profiles[half:]
    earned = {}

    def judge(name, auction, known, fresh):
        payments = auction.fit(known).predict(fresh).payments.sum(axis=1)
        earned[f"{name}, sampled"] = max(_mean(payments, -SAFE), 0.0)

    if demand == "additive" or n_items == 1:
        if separately:
            judge("item by item (Myerson)", MyersonAuction(n_bidders), known, fresh)
        if n_items > 1:
            judge("all items as one (Myerson)", BundleMyersonAuction(n_bidders), known, fresh)
    else:
        few = known[:SLOW_PROFILES], fresh[:SLOW_PROFILES]
        reserve = _best_reserve(few[0], demand)
        judge("VCG with one reserve", VCGAuction(n_bidders, demand=demand, reserve=reserve), *few)
    if n_bidders == 1 and 1 < n_items <= 2:
        menu = LinearProgramAuction(1, demand=demand, n_bins=CELLS_TOGETHER[n_items])
        judge("best menu for types on a grid", menu, known, fresh)
    return earned


def _best_reserve(profiles, demand):
    """Return the common reserve price with which VCG earns most, of a few quantiles."""
    tried = np.quantile(profiles, np.linspace(0, 0.95, RESERVES))
    few = profiles[: len(profiles) // 4 + 2]
    auctions = [VCGAuction(profiles.shape[1], demand=demand, reserve=price) for price in tried]
    earned = [auction.fit(few).predict(few).payments.sum() for auction in auctions]
    return tried[int(np.argmax(earned))]


def _most(prior, profiles, demand, n_cells):
    """Return upper bounds for a prior."""
    few = profiles
    if demand == "unit" and min(prior.shape) > 1:
        few = profiles[:SLOW_PROFILES]
    uppers = {"welfare, sampled": _mean(best_sale(few, demand), SAFE)}
    if getattr(prior, "marginals", None) is None:
        return uppers
    marginals = prior.marginals
    if all(map(has_density, marginals.flat)):
        bound = _flow(prior, few, demand)
        if np.isfinite(bound):
            uppers["virtual values along paths, sampled"] = bound

    def grid(bidder, cells):
        return grid_of_marginals(marginals[bidder], cells)

    known = [known_optimum(row, prior.shape[1], demand) for row in marginals]
    alone = {
        bidder: found.revenue
        for bidder, found in enumerate(known)
        if found is not None and found.status != "conjectured"
    }
    return uppers | _on_grids(grid, prior.shape, demand, n_cells, alone)


def _flow(prior, profiles, demand):
    """Return the bound by virtual values along paths, of the best shape."""
    support = prior.support

    def worth(profiles, exponent):
        parts = []
        for k in range(0, len(profiles), CHUNK):
            rows = profiles[k : k + CHUNK]
            virtual = [
                flow_virtual_values(rows[:, i], prior.marginals[i], support[i], exponent)
                for i in range(rows.shape[1])
            ]
            parts.append(best_sale(np.stack(virtual, axis=1), demand))
        return np.concatenate(parts)

    choosing = min(CHOOSING, len(profiles) // 5)
    first, rest = profiles[:choosing], profiles[choosing:]
    best = min(EXPONENTS, key=lambda exponent: worth(first, exponent).mean())
    return _mean(worth(rest, best), SAFE)


def _on_grids(grid, shape, demand, n_cells, alone):
    """Return bounds by utilities on grids: of all bidders, and of each alone.

    ``grid(bidder, cells)`` returns a bidder's grid or None; ``alone`` holds what is known of
    some bidders alone.
    """
    n_bidders, n_items = shape
    uppers = {}
    table = CELLS_ALONE if n_bidders == 1 else CELLS_TOGETHER
    if n_items in table:
        cells = n_cells or table[n_items]
        grids = [grid(bidder, cells) for bidder in range(n_bidders)]
        if all(one is not None for one in grids):
            same = all(_same(one, grids[0]) for one in grids)
            bound = potential_bound(grids[:1], demand, n_bidders) if same else None
            bound = potential_bound(grids, demand) if bound is None else bound
            uppers[f"utilities on a grid of {cells} cells per item"] = bound
    if n_bidders == 1:
        return uppers
    done = []
    for bidder in range(n_bidders):
        if bidder in alone or n_items not in CELLS_ALONE:
            continue
        one = grid(bidder, n_cells or CELLS_ALONE[n_items])
        if one is None:
            continue
        found = [bound for other, bound in done if _same(one, other)]
        alone[bidder] = found[0] if found else potential_bound([one], demand)
        done.append((one, alone[bidder]))
    if len(alone) == n_bidders:
        uppers["each bidder alone"] = sum(alone.values())
    return uppers


def _same(one, other):
    """Say whether two grids are equal."""
    pairs = zip((*one.edges, one.weights), (*other.edges, other.weights))
    return all(np.array_equal(ours, theirs) for ours, theirs in pairs)


def _mean(sample, errors):
    """Return the mean of a sample moved by so many of its standard errors."""
    sample, exponent = near_one(sample)
    moved = sample.mean() + errors * sample.std(ddof=1) / np.sqrt(len(sample))
    return float(np.ldexp(moved, exponent))


def _times(bounds, exponent):
    """Return bounds, by name, times a power of two."""
    return {name: float(np.ldexp(bound, exponent)) for name, bound in bounds.items()}
