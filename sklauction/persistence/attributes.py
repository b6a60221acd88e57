"""What fitted auctions consist of: attributes by class, each with the check of a loaded value.

A check is a function of the auction, the value and the attribute's name; it raises ValueError.
"""

import math
from numbers import Integral, Real

import numpy as np

from sklauction.base import BaseAuction
from sklauction.economics import feasibility_violation
from sklauction.persistence.classes import find_class, in_a_word
from sklauction.utils.validation import check_count, check_positive, check_support

__all__ = ["OPTIONAL", "fitted_attributes"]

AFFINE = "AffineMechanism"
NETWORK = "TorchMechanism"
PRICING = "PricingMechanism"
# Rounding of probabilities.
ROUNDING = 1e-6


def _array(*axes, kind="f", lowest=-math.inf):
    """Return a check of an array's axes, given as numbers, names of sizes, or None for any."""

    def check(auction, value, name):
        sizes = {"bidders": auction.n_bidders, "items": auction.n_items_}
        _check_array(value, name, [sizes.get(axis, axis) for axis in axes], kind, lowest)

    return check


def _check_array(value, name, shape, kind="f", lowest=-math.inf):
    if not isinstance(value, np.ndarray) or value.dtype.kind != kind:
        raise ValueError(f"{name} must be an array of numbers; got {in_a_word(value)}")
    fits = len(shape) == value.ndim and all(
        size is None or size == given for size, given in zip(shape, value.shape)
    )
    if not fits:
        raise ValueError(f"{name} must have the shape {tuple(shape)}; got {value.shape}")
    if kind == "f" and not (np.isfinite(value) & (value >= lowest)).all():
        raise ValueError(f"{name} must be finite and at least {lowest}; got others")


def _number(lowest=-math.inf, whole=False):
    kind = Integral if whole else Real

    def check(auction, value, name):
        if not isinstance(value, kind) or isinstance(value, bool) or not lowest <= value < math.inf:
            raise ValueError(
                f"{name} must be a number of at least {lowest}; got {in_a_word(value)}"
            )

    return check


def _text(auction, value, name):
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text; got {in_a_word(value)}")


def _check_class(value, kind, name):
    """Raise ValueError unless a value is of the class of this name."""
    if type(value) is not find_class(kind):
        raise ValueError(f"{name} must be of {kind}; got {in_a_word(value)}")


def _n_items(auction, value, name):
    check_count(value, name)
    if auction.n_items not in (None, value):
        raise ValueError(f"{name} must be n_items={auction.n_items}; got {value}")


def _n_features(auction, value, name):
    if value != auction.n_bidders * auction.n_items_:
        raise ValueError(f"{name} must be n_bidders * n_items_; got {in_a_word(value)}")


def _feature_names(auction, value, name):
    _check_array(value, name, [auction.n_features_in_], "O")
    if not all(isinstance(one, str) for one in value):
        raise ValueError(f"{name} must be texts; got others")


def _scale(auction, value, name):
    check_positive(value, name)


def _support(auction, value, name):
    _array("bidders", "items", 2)(auction, value, name)
    check_support(value, auction.n_bidders, auction.n_items_)


def _history(auction, value, name):
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise ValueError(f"{name} must be a list of rows; got {in_a_word(value)}")


def _check_lots(auction, value, name, shape):
    """Raise ValueError unless allocations, whose last axes are bidders and items, are feasible."""
    _check_array(value, name, [*shape, auction.n_bidders, auction.n_items_])
    if (feasibility_violation(value, auction.demand) > ROUNDING).any():
        raise ValueError(f"{name} must give nothing twice; got others")


def _virtual_values(*axes):
    def check(auction, value, name):
        _array(*axes, kind="O")(auction, value, name)
        for one in value.flat:
            _check_class(one, "IronedVirtualValue", name)
            _check_array(one.values, f"values in {name}", [None], lowest=0)
            _check_array(one.levels, f"levels in {name}", [len(one.values)])
            _check_array(one.ironed_intervals, f"ironed_intervals in {name}", [None, 2])
            # NaN is in no order.
            ordered = all((np.diff(part) >= 0).all() for part in (one.values, one.levels))
            if not (len(one.values) and ordered):
                raise ValueError(f"{name} must rise; got others")

    return check


def _intervals(auction, value, name):
    _array("bidders", "items", kind="O")(auction, value, name)
    for one in value.flat:
        _check_array(one, name, [None, 2])


def _types(auction, value, name):
    _check_list(value, name, auction.n_bidders)
    for types in value:
        _check_array(types, name, [None, auction.n_items_], lowest=0)


def _probabilities(auction, value, name):
    _check_list(value, name, auction.n_bidders)
    for types, chances in zip(auction.types_, value, strict=True):
        _check_array(chances, name, [len(types)], lowest=0)


def _check_list(value, name, size):
    if not isinstance(value, list) or len(value) != size:
        raise ValueError(f"{name} must be a list of {size}; got {in_a_word(value)}")


def _program_allocations(auction, value, name):
    _check_array(value, name, [*map(len, auction.types_), auction.n_bidders, auction.n_items_])
    flat = value.reshape(-1, auction.n_bidders, auction.n_items_)
    _check_lots(auction, flat, name, [None])


def _program_payments(auction, value, name):
    _check_array(value, name, [*map(len, auction.types_), auction.n_bidders])


def _menu(auction, value, name):
    _check_class(value, "Menu", name)
    _check_array(value.prices, f"prices of {name}", [None], lowest=0)
    _check_array(value.shares, f"shares of {name}", value.prices.shape, lowest=0)
    _check_lots(auction, value.allocations[:, None], f"allocations of {name}", value.prices.shape)
    if not len(value.prices) or value.prices[0] > 0:
        raise ValueError(f"{name} must begin with nothing for nothing; got another row")


def _allocation_menu(auction, value, name):
    _check_class(value, "AllocationMenu", name)
    sizes = [auction.n_bidders, auction.n_items_]
    _check_array(value.boosts, f"boosts of {name}", [None])
    _check_array(value.weights, f"weights of {name}", sizes[:1], lowest=0)
    _check_array(value.shares, f"shares of {name}", value.boosts.shape, lowest=0)
    _check_lots(auction, value.allocations, f"allocations of {name}", value.boosts.shape)
    if value.reserves is not None:
        _check_array(value.reserves, f"reserves of {name}", sizes)


def _mechanism(kind):
    def check(auction, value, name):
        _check_class(value, kind, name)
        if kind == AFFINE:
            _check_lots(auction, value.allocations.numpy(), name, value.boosts.shape)

    return check


def _two_player(auction, value, name):
    sheets = getattr(auction, "_by_price_sheets", bool)()
    _mechanism(PRICING if sheets else NETWORK)(auction, value, name)


def _inner_auction(auction, value, name):
    if not isinstance(value, BaseAuction) or not hasattr(value, "support_"):
        raise ValueError(f"{name} must be a fitted auction; got {in_a_word(value)}")
    if value.support_.shape != auction.support_.shape:
        raise ValueError(f"{name} must be of the same sizes; got {value.support_.shape}")


# Those later in a table may rest on those before.
EVERY = {
    "n_items_": _n_items,
    "n_features_in_": _n_features,
    "feature_names_in_": _feature_names,
    "scale_": _scale,
    "support_": _support,
}
LEARNED = {
    **EVERY,
    "n_iter_": _number(0, whole=True),
    "seed_": _number(0, whole=True),
    "history_": _history,
}
# Attributes that only some fits set.
OPTIONAL = ("feature_names_in_",)
REVENUE = {"revenue_": _number()}
FITTED = {
    "ALGNetAuction": {**LEARNED, "mechanism_": _two_player},
    "AffineMaximizerAuction": {
        **LEARNED,
        "mechanism_": _mechanism(AFFINE),
        "menu_": _allocation_menu,
    },
    "BundleMyersonAuction": {
        **EVERY,
        "virtual_values_": _virtual_values("bidders"),
        "reserve_prices_": _array("bidders", lowest=0),
    },
    "BundlePricingAuction": {**LEARNED, "mechanism_": _mechanism(PRICING)},
    "LinearProgramAuction": {
        **EVERY,
        **REVENUE,
        "types_": _types,
        "probabilities_": _probabilities,
        "allocations_": _program_allocations,
        "payments_": _program_payments,
        "upper_bound_": _number(),
        "n_variables_": _number(0, whole=True),
        "n_constraints_": _number(0, whole=True),
    },
    "MenuNetAuction": {**LEARNED, "mechanism_": _mechanism(AFFINE), "menu_": _menu},
    "MyersonAuction": {
        **EVERY,
        "virtual_values_": _virtual_values("bidders", "items"),
        "reserve_prices_": _array("bidders", "items", lowest=0),
        "ironed_intervals_": _intervals,
        "reserve_only_": _array("items", kind="b"),
    },
    "RegretNetAuction": {**LEARNED, "mechanism_": _mechanism(NETWORK)},
    "RochetNetAuction": {**LEARNED, "mechanism_": _mechanism(AFFINE), "menu_": _menu},
    "SingleBuyerAuction": {
        **EVERY,
        **REVENUE,
        "menu_": _menu,
        "source_": _text,
        "status_": _text,
    },
    "TruthfulAuction": {
        **EVERY,
        **REVENUE,
        "auction_": _inner_auction,
        "menu_": _menu,
        "discount_": _number(),
        "base_revenue_": _number(),
        "base_regret_": _number(),
        "guaranteed_revenue_": _number(),
    },
    "VCGAuction": {**EVERY, "reserve_prices_": _array("bidders", "items", lowest=0)},
}


def fitted_attributes(cls):
    """Return what a fitted auction of a class has: attribute -> check."""
    return FITTED[cls.__name__]
