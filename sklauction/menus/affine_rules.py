"""What the data say before a menu is trained: symmetries, reserve prices, sharpness."""

import math

import numpy as np

from sklauction.analytic.myerson import fit_myerson
from sklauction.learned.annealed_net import SHARPNESS
from sklauction.menus.affine_net import AffineRules
from sklauction.menus.menu_rows import MenuDesign, all_owners, count_integral
from sklauction.utils.sample_tests import (
    bidders_look_alike,
    bidders_look_independent,
    decide,
    items_look_alike,
    lattice_step,
)

__all__ = ["make_affine_rules"]

# Sharpness where values lie on a lattice: softer at first, as few kinds of profiles leave most rows
# without a slope, and sharper at last, as best prices lie right at values that many bidders have.
LATTICE_SHARPNESS = (6.0, 2000.0)
# Standard deviation of values uniform on [0, 1], in units of the scale: the sharpness is made for
# these.
UNIFORM_SPREAD = 1 / math.sqrt(12)
# Profiles on which first prices are found.
PRICED_ON = 1000
# Values that hardly differ are treated as if they differed by so much.
LEAST_UNIT = 0.01


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
    """Return how a menu for these valuations is built and trained.

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
    item_wise : bool
        Whether the menu also holds all integral allocations at Myerson's reserve prices.

    Returns
    -------
    AffineRules
    """
    _, n_bidders, n_items = valuations.shape
    tick = lattice_step(valuations)
    # On a lattice, auctions that treat alike bidders alike lose revenue in ties.
    orbits = not (tick and isinstance(symmetric, str))
    alike_bidders = orbits and decide(symmetric, bidders_look_alike, valuations)
    alike_items = orbits and decide(symmetric, items_look_alike, valuations)
    design = MenuDesign(
        n_bidders, n_items, demand, 1, alike_bidders, alike_items, integral, n_starts
    )
    design = design._replace(n_rows=math.ceil(menu_size / design.orbit))
    if count_integral(design) <= menu_size:
        n_owners = len(all_owners(design))
        design = design._replace(n_rows=n_owners if integral else max(design.n_rows, n_owners))
    reserves = None
    if item_wise:
        virtual_values = fit_myerson(valuations, alike_bidders, alike_items)
        reserves = np.array([phi.reserve for phi in virtual_values.flat])
        reserves = reserves.reshape(n_bidders, n_items) / scale
    # Samples are independent draws: the first of them serve as well as any.
    values = valuations[:PRICED_ON] / scale
    # Squares of money may overflow; a power of two as the unit rounds nothing.
    power = 2.0 ** np.floor(np.log2(scale))
    spread = float(np.sqrt(np.mean(np.var(valuations / power, axis=0)))) / (scale / power)
    unit = max(spread / UNIFORM_SPREAD, LEAST_UNIT)
    first, last = LATTICE_SHARPNESS if tick else SHARPNESS
    return AffineRules(
        design=design,
        make_menu=make_menu,
        values=values,
        reserves=reserves,
        sharpness=(first / unit, last / unit),
        unit=unit,
        # Copies tie with their originals on a lattice, and take their place for less.
        revives=not tick,
        shuffle_bidders=decide(independent_bidders, bidders_look_independent, valuations),
        anneal_updates=anneal_updates,
    )
