"""Check of price sheets that were read from a file."""

from types import SimpleNamespace

import numpy as np
import torch

from sklauction.price_sheets.mechanism import PricingMechanism
from sklauction.price_sheets.network import PriceSheetNetwork, SheetDesign
from sklauction.price_sheets.thresholds import ThresholdPrices
from sklauction.utils.module_checks import building, check_same_module, check_standardisation
from sklauction.utils.saving import check_array

__all__ = ["check_pricing"]


def check_pricing(auction, value, name):
    """Check the saved attribute ``mechanism_``, so that its certificates hold.

    All of it but weights, threshold prices, and range, mean and standard deviation of the bids is
    made again from the parameters. In particular, which bids are those of the others.

    Parameters
    ----------
    auction : BundlePricingAuction or ALGNetAuction
    value : object
    name : str
        Of the attribute, for messages.
    """
    if type(value) is not PricingMechanism or type(value.network) is not PriceSheetNetwork:
        raise ValueError(f"{name} must be a PricingMechanism of a PriceSheetNetwork; got others")
    shape = auction._fitted_shape()
    with building(name):
        _check_thresholds(value.network.thresholds, shape, name)
        network = PriceSheetNetwork(_rules(auction, value.network, shape, name), None)
    check_same_module(value, PricingMechanism(network.double(), auction.scale_), name)
    check_standardisation(value.network, name)


def _rules(auction, network, shape, name):
    """Return the rules by which a network like this one is made."""
    alike = network.design.alike_bidders, network.design.alike_items
    if not all(isinstance(one, bool) for one in alike):
        raise ValueError(f"the symmetries of {name} must be True or False; got {alike!r:.80}")
    kept = ("reserves", "low", "high", "location", "spread")
    # It grows with the square of the bidders, so it must be in the file before it is made again.
    check_array(network.others.numpy(), f"{name}.others", (shape[0], shape[0] - 1), "i")
    tables = {key: getattr(network, key).numpy() for key in kept}
    for key, table in tables.items():
        check_array(table, f"{name}.{key}", shape, least=0 if key in ("low", "spread") else -np.inf)
    design = SheetDesign(
        n_bidders=shape[0],
        n_items=shape[1],
        demand=auction.demand,
        alike_bidders=alike[0],
        alike_items=alike[1],
        hidden_layer_sizes=tuple(map(int, auction.hidden_layer_sizes)),
        lottery_rows=int(getattr(auction, "lottery_rows", 0)),
        n_starts=1,
    )
    support = np.stack([tables.pop("low"), tables.pop("high")], axis=-1)
    return SimpleNamespace(design=design, thresholds=network.thresholds, support=support, **tables)


def _check_thresholds(thresholds, shape, name):
    """Check tables of non-decreasing virtual values, padded with infinity."""
    place = f"{name}.thresholds"
    if type(thresholds) is not ThresholdPrices or (
        set(thresholds._buffers) != {"lengths", "values", "levels"}
        or thresholds._parameters
        or thresholds._modules
        or (thresholds.n_bidders, thresholds.n_items) != shape
    ):
        raise ValueError(f"{place} must be ThresholdPrices for this auction; got others")
    tick = thresholds.tick
    if not (isinstance(tick, float) and 0 <= tick < np.inf):
        raise ValueError(f"the tick of {place} must be a number of at least 0; got {tick!r:.80}")
    lengths, n_cells = thresholds.lengths, shape[0] * shape[1]
    check_array(lengths.numpy(), f"lengths of {place}", (n_cells, 1), "i")
    width = int(lengths.max())
    inside = torch.arange(width, device="cpu") < lengths
    ends = []
    for key in ("values", "levels"):
        table = getattr(thresholds, key)
        if table.dtype != torch.float64 or table.shape != (n_cells, width):
            raise ValueError(f"{key} of {place} must have the shape {(n_cells, width)}; got others")
        filled = torch.where(inside, table.isfinite(), table == torch.inf)
        if lengths.min() < 1 or not filled.all() or (table[:, 1:] < table[:, :-1]).any():
            raise ValueError(f"{key} of {place} must be finite and non-decreasing; got others")
        ends.append(table.gather(1, lengths - 1))
    if (thresholds.values < 0).any() or not torch.equal(*ends):
        raise ValueError(f"{place} must be virtual values of values of at least 0; got others")
