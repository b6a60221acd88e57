"""What the data say before price sheets are trained: symmetries, first prices, units."""

import numpy as np

from sklauction.analytic.myerson import fit_myerson
from sklauction.analytic.virtual_value import IronedVirtualValue
from sklauction.learned.annealed_net import SHARPNESS
from sklauction.price_sheets.net import PricingRules
from sklauction.price_sheets.network import SheetDesign
from sklauction.price_sheets.thresholds import ThresholdPrices
from sklauction.utils.sample_tests import (
    bidders_look_alike,
    bidders_look_independent,
    decide,
    items_look_alike,
    lattice_step,
)

__all__ = ["make_pricing_rules"]

# On a lattice the best prices lie exactly at values that many bidders have: only a sharp choice
# finds that they still buy.
LATTICE_SHARPNESS = (20.0, 1500.0)


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
    """Return how price sheets for these valuations are built and trained.

    Parameters
    ----------
    valuations : ndarray of shape (n_samples, n_bidders, n_items)
        In money.
    scale : float
        Money per unit of the network.
    support : ndarray of shape (n_bidders, n_items, 2)
        Lowest and highest bids, in money.
    demand, hidden_layer_sizes, clash_cost, reserve, lottery_rows, symmetric, \
            independent_bidders, n_starts
        As in :class:`~sklauction.BundlePricingAuction`.
    objective : {"certified", "penalty"}
    anneal_updates : int

    Returns
    -------
    PricingRules
    """
    _, n_bidders, n_items = valuations.shape
    alike_bidders = decide(symmetric, bidders_look_alike, valuations)
    alike_items = decide(symmetric, items_look_alike, valuations)
    if isinstance(reserve, str):
        virtual_values = fit_myerson(valuations, alike_bidders, alike_items)
    else:
        virtual_values = _second_price(np.broadcast_to(reserve, (n_bidders, n_items)))
    reserves = np.array([phi.reserve for phi in virtual_values.flat]).reshape(n_bidders, n_items)
    pooled = tuple(axis for axis, alike in ((1, alike_bidders), (2, alike_items)) if alike)
    scaled, tick = valuations / scale, lattice_step(valuations) / scale

    def over(reduce, array):
        """Return one figure for all that is alike, (n_bidders, n_items)."""
        return np.broadcast_to(
            reduce(array, axis=(0, *pooled), keepdims=True)[0], (n_bidders, n_items)
        )

    low, high = over(np.min, support[None, ..., 0]), over(np.max, support[None, ..., 1])
    design = SheetDesign(
        n_bidders,
        n_items,
        demand,
        tuple(map(int, hidden_layer_sizes)),
        lottery_rows,
        alike_bidders,
        alike_items,
        n_starts,
    )
    return PricingRules(
        design=design,
        thresholds=ThresholdPrices(virtual_values, scale, tick),
        reserves=reserves / scale,
        support=np.stack([low, high], axis=-1) / scale,
        location=over(np.mean, scaled),
        spread=np.maximum(over(np.std, scaled), 1e-6),
        sharpness=LATTICE_SHARPNESS if tick else SHARPNESS,
        objective=objective,
        clash_cost=tuple(clash_cost),
        shuffle_bidders=decide(independent_bidders, bidders_look_independent, valuations),
        anneal_updates=anneal_updates,
    )


def _second_price(reserves):
    """Return virtual values that are the value itself from the reserve on."""
    grid = np.empty(reserves.shape, dtype=object)
    for place, reserve in np.ndenumerate(reserves):
        point = np.array([float(reserve)])
        grid[place] = IronedVirtualValue(point, point, np.empty((0, 2)))
    return grid
