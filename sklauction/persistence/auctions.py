"""Auctions from their parameters and fitted attributes, each attribute checked."""

import numpy as np

from sklauction.base import BaseAuction
from sklauction.economics import feasibility_violation, ir_violation
from sklauction.persistence.attributes import OPTIONAL, fitted_attributes
from sklauction.persistence.classes import find_class

__all__ = ["auction_parts", "make_auction", "try_out"]

# What only matters while training runs.
NOT_KEPT = ("callbacks", "checkpoint", "checkpoint_every", "resume", "verbose")
# Rounding of probabilities, and of money relative to the highest bid: that of every auction is far
# below it.
ROUNDING = 1e-6
# A loaded auction is tried on so many profiles, on fewer where these would make it work on more
# numbers at once. More than the last for one profile, 256 MiB, are refused: networks that can be
# trained need far less.
MOST_TRIED, NUMBERS_TRIED, MOST_NUMBERS = 16, 1 << 21, 1 << 25


def auction_parts(auction):
    """Return the parameters and the fitted attributes of an auction that a file keeps.

    Parameters
    ----------
    auction : auction estimator
        Of a class that a file may hold; fitted or not.

    Returns
    -------
    parameters, fitted : dict
    """
    parameters, fitted = auction.get_params(deep=False), fitted_attributes(type(auction))
    if "device" in parameters:
        parameters["device"] = str(parameters["device"])
    return (
        {name: value for name, value in parameters.items() if name not in NOT_KEPT},
        {name: value for name, value in vars(auction).items() if name in fitted},
    )


def make_auction(name, parameters, fitted):
    """Return an auction of its class, parameters and fitted attributes.

    Parameters
    ----------
    name : str
        Of the class, as in a file.
    parameters, fitted : dict
        Of :func:`auction_parts`; parameters that are missing have their defaults.

    Returns
    -------
    auction estimator

    Raises
    ------
    ValueError
        If they are not those of such an auction.
    """
    cls = find_class(name)
    if not issubclass(cls, BaseAuction):
        raise ValueError(f"{name} is no auction")
    kept = set(cls._get_param_names()) - set(NOT_KEPT)
    _check_names(parameters, kept, f"parameters of {cls.__name__}")
    auction = cls(**parameters)
    if "device" in parameters:
        # One that is missing here does not keep the auction from being used.
        if not isinstance(auction.device, str):
            raise ValueError(f"device must be a text; got {auction.device!r:.80}")
        cls(**{**parameters, "device": "cpu"})._check_parameters()
    else:
        auction._check_parameters()
    if fitted:
        attributes = fitted_attributes(cls)
        _check_names(fitted, attributes, f"attributes of a fitted {cls.__name__}")
        missing = [key for key in attributes if key not in fitted and key not in OPTIONAL]
        if missing:
            raise ValueError(f"a fitted {cls.__name__} has {missing[0]}, which is missing")
        vars(auction).update(fitted)
        for key, check in attributes.items():
            if key in fitted:
                check(auction, fitted[key], key)
    return auction


def try_out(auction):
    """Raise ValueError unless a fitted auction makes outcomes that an auction may have.

    Parameters
    ----------
    auction : auction estimator
    """
    low, high = np.moveaxis(auction.support_, -1, 0)
    n_numbers = low.size * max(low.shape)
    if hasattr(auction, "mechanism_"):
        from sklauction.persistence.modules import width_of

        n_numbers = low.size * width_of(auction.mechanism_, *low.shape)
        if n_numbers > MOST_NUMBERS:
            raise ValueError(f"its network works on {n_numbers:,} numbers for a single profile")
    n_tried = min(MOST_TRIED, max(1, NUMBERS_TRIED // n_numbers))
    weights = np.random.RandomState(0).uniform(size=(n_tried, *low.shape))
    weights[:2] = np.array([1, 0])[:n_tried, None, None]
    bids = low + weights * (high - low)
    outcome = auction.predict(bids)
    allocations, payments = outcome
    money = ROUNDING * bids.max()
    sound = (
        allocations.shape == bids.shape
        and payments.shape == bids.shape[:2]
        and np.isfinite(allocations).all()
        and np.isfinite(payments).all()
        and (feasibility_violation(allocations, auction.demand) <= ROUNDING).all()
        and (ir_violation(bids, outcome) <= money).all()
        and (payments >= -money).all()
    )
    if not sound:
        raise ValueError("its outcomes are not those of an auction")
    if hasattr(auction, "auction_"):
        try_out(auction.auction_)


def _check_names(given, legal, what):
    strange = [key for key in given if key not in legal]
    if strange:
        raise ValueError(f"{what} are {', '.join(sorted(legal))}; got {strange[0]!r:.80}")
