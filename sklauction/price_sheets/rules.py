"""Design and training rules of price sheets, from valuation samples."""

import numpy as np

from sklauction.analytic.myerson import fit_myerson, reserve_prices
from sklauction.analytic.virtual_value import IronedVirtualValue
from sklauction.learned.annealed_net import SHARPNESS
from sklauction.learned.sample_structure import find_structure
from sklauction.price_sheets.net import PricingRules
from sklauction.price_sheets.network import SheetDesign
from sklauction.price_sheets.thresholds import ThresholdPrices
from sklauction.utils.constraints import is_auto

__all__ = ["make_pricing_rules"]

# Sharpness for values on a lattice. Optimal prices then equal values of many bidders, and only a
# sharp choice finds that these bidders still buy.
LATTICE_SHARPNESS = (20.0, 1500.0)
# Lower limit of the standard deviations that bids are divided by, for constant values.
MIN_SPREAD = 1e-6


def make_pricing_rules(
    valuations,
    scale,
    support,
    *,
    demand,
    hidden_layer_sizes,
    objective,
    anneal_updates,
    clash_cost=(2.0, 8.0),
    reserve="auto",
    lottery_rows=0,
    symmetric="auto",
    independent_bidders="auto",
    n_starts=1,
):
    """Return the design and training rules of price sheets for these valuations.

    Parameters
    ----------
    valuations : ndarray of shape (n_samples, n_bidders, n_items)
        In money.
    scale : float
        Money per unit of the network.
    support : ndarray of shape (n_bidders, n_items, 2)
        Lowest and highest bid, in money.
    demand, hidden_layer_sizes, clash_cost, reserve, lottery_rows, symmetric, \
            independent_bidders, n_starts
        As in :class:`~sklauction.BundlePricingAuction`.
    objective : {"certified", "penalty"}
    anneal_updates : int

    Returns
    -------
    PricingRules
    """
    structure = find_structure(valuations, symmetric, independent_bidders)
    virtual_values = _virtual_values(valuations, structure, reserve)
    design = structure.design(
        SheetDesign,
        valuations,
        demand,
        hidden_layer_sizes=tuple(map(int, hidden_layer_sizes)),
        lottery_rows=lottery_rows,
        n_starts=n_starts,
    )
    scaled, step = valuations / scale, structure.lattice_step / scale
    low = _pool(np.min, support[None, ..., 0], structure)
    high = _pool(np.max, support[None, ..., 1], structure)
    return PricingRules(
        design=design,
        thresholds=ThresholdPrices(virtual_values, scale, step),
        reserves=reserve_prices(virtual_values) / scale,
        support=np.stack([low, high], axis=-1) / scale,
        location=_pool(np.mean, scaled, structure),
        spread=np.maximum(_pool(np.std, scaled, structure), MIN_SPREAD),
        sharpness=LATTICE_SHARPNESS if step else SHARPNESS,
        objective=objective,
        clash_cost=tuple(clash_cost),
        independent_bidders=structure.independent_bidders,
        anneal_updates=anneal_updates,
    )


def _virtual_values(valuations, structure, reserve):
    """Return the virtual values of the initial auction, (n_bidders, n_items)."""
    if is_auto(reserve):
        return fit_myerson(valuations, structure.alike_bidders, structure.alike_items)
    reserves = np.broadcast_to(reserve, valuations.shape[1:])
    grid = np.empty(reserves.shape, dtype=object)
    for place, price in np.ndenumerate(reserves):
        # Equal to the value from the reserve price on, as in a second-price auction.
        point = np.array([float(price)])
        grid[place] = IronedVirtualValue(point, point, np.empty((0, 2)))
    return grid


def _pool(reduce, array, structure):
    """Reduce over samples, alike bidders and alike items; return (n_bidders, n_items)."""
    alike = ((1, structure.alike_bidders), (2, structure.alike_items))
    axes = (0, *(axis for axis, pooled in alike if pooled))
    return np.broadcast_to(reduce(array, axis=axes, keepdims=True)[0], array.shape[1:])
