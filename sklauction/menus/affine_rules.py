"""Design and training rules of a menu, from valuation samples."""

import math
from dataclasses import replace

import numpy as np

from sklauction.analytic.myerson import fit_myerson, reserve_prices
from sklauction.learned.annealed_net import SHARPNESS
from sklauction.learned.sample_structure import find_structure
from sklauction.menus.affine_net import AffineRules
from sklauction.menus.menu_rows import MenuDesign, count_integral, integral_assignments

__all__ = ["make_affine_rules"]

# Sharpness for values on a lattice: lower at first, as few distinct profiles leave most rows
# without a gradient, and higher at last, as optimal prices equal values of many bidders.
LATTICE_SHARPNESS = (6.0, 2000.0)
# Standard deviation of values uniform on [0, 1], in units of the scale, for which SHARPNESS is
# chosen.
UNIFORM_SPREAD = 1 / math.sqrt(12)
# Profiles that determine the initial prices.
N_PRICING_PROFILES = 1000
# Lower limit of the relative spread, for nearly constant values.
MIN_SPREAD = 0.01


def make_affine_rules(
    valuations,
    scale,
    *,
    demand,
    menu_size,
    make_menu,
    anneal_updates,
    n_starts,
    integral=False,
    item_wise=False,
    symmetric="auto",
    independent_bidders=False,
):
    """Return the design and training rules of a menu for these valuations.

    Parameters
    ----------
    valuations : ndarray of shape (n_samples, n_bidders, n_items)
        In money.
    scale : float
        Money per unit of the menu.
    demand, menu_size, n_starts, symmetric, independent_bidders
        As in :class:`~sklauction.AffineMaximizerAuction`.
    make_menu : callable
        ``(design, values, generator) -> module``.
    anneal_updates : int
    integral : bool
        Whether all rows are integral allocations.
    item_wise : bool
        Whether the menu also holds all integral allocations, at Myerson's reserve prices.

    Returns
    -------
    AffineRules
    """
    # On a lattice, auctions that treat alike bidders alike lose revenue in ties.
    structure = find_structure(
        valuations, symmetric, independent_bidders, symmetric_on_lattice=False
    )
    _, n_bidders, n_items = valuations.shape
    design = MenuDesign(
        n_bidders=n_bidders,
        n_items=n_items,
        demand=demand,
        alike_bidders=structure.alike_bidders,
        alike_items=structure.alike_items,
        integral=integral,
        n_starts=n_starts,
    )
    reserves = None
    if item_wise:
        virtual_values = fit_myerson(valuations, structure.alike_bidders, structure.alike_items)
        reserves = reserve_prices(virtual_values) / scale
    spread = _relative_spread(valuations, scale)
    first, last = LATTICE_SHARPNESS if structure.lattice_step else SHARPNESS
    return AffineRules(
        design=_with_rows(design, menu_size),
        make_menu=make_menu,
        values=valuations[:N_PRICING_PROFILES] / scale,
        reserves=reserves,
        sharpness=(first / spread, last / spread),
        relative_spread=spread,
        # On a lattice, copies tie with their originals and replace them at a lower price.
        revive=not structure.lattice_step,
        independent_bidders=structure.independent_bidders,
        anneal_updates=anneal_updates,
    )


def _with_rows(design, menu_size):
    """Return a design whose rows and their orbits make at least ``menu_size`` rows."""
    design = replace(design, n_rows=math.ceil(menu_size / design.orbit))
    if count_integral(design) > menu_size:
        return design
    n_integral = len(integral_assignments(design))
    return replace(design, n_rows=n_integral if design.integral else max(design.n_rows, n_integral))


def _relative_spread(valuations, scale):
    """Return the standard deviation of the values relative to that of uniform values."""
    # Squares of money may overflow; division by a power of two is exact.
    power = 2.0 ** np.floor(np.log2(scale))
    spread = float(np.sqrt(np.mean(np.var(valuations / power, axis=0)))) / (scale / power)
    return max(spread / UNIFORM_SPREAD, MIN_SPREAD)
