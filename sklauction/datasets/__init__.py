"""Priors, samples of valuations, and settings from the literature.

Axes are in the order sample, bidder, item. Money is in the unit of the prior.
"""

from sklauction.datasets.catalogue import AuctionSetting, list_settings, load_setting
from sklauction.datasets.distributions import Discrete, Mixture
from sklauction.datasets.known_revenues import (
    BUNDLE_MYERSON_REVENUE,
    uniform_single_item_revenue,
    vcg_uniform_revenue,
    yao_revenue,
)
from sklauction.datasets.priors import ProductPrior, TrianglePrior
from sklauction.datasets.samplers import make_drifting_valuations, make_valuations

__all__ = [
    "BUNDLE_MYERSON_REVENUE",
    "AuctionSetting",
    "Discrete",
    "Mixture",
    "ProductPrior",
    "TrianglePrior",
    "list_settings",
    "load_setting",
    "make_drifting_valuations",
    "make_valuations",
    "uniform_single_item_revenue",
    "vcg_uniform_revenue",
    "yao_revenue",
]
