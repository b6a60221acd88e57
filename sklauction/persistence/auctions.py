"""Mechanisms from their parameters and fitted attributes, each of them checked."""

import numpy as np

from sklauction.base import BaseMechanism
from sklauction.utils.numbers import largest
from sklauction.utils.saving import check_value

__all__ = ["auction_parts", "make_auction", "try_out"]

# Parameters that only matter while fit runs.
NOT_SAVED = ("callbacks", "checkpoint", "checkpoint_every", "resume", "verbose")
# Set in fit only if X has names of columns; unknown to earlier versions.
OPTIONAL = ("feature_names_in_", "agent_names_", "entry_names_", "typical_")
# Rounding of violations, in the unit of reports where they scale. Real auctions stay far below.
ROUNDING = 1e-6
# A loaded auction is run on up to MOST_TRIED profiles, at most NUMBERS_TRIED numbers at once. One
# that needs more than MOST_NUMBERS (256 MiB) at once for a single profile, or MOST_LAYERS times as
# many in all, is refused: networks that can be trained need far less.
MOST_TRIED, NUMBERS_TRIED, MOST_NUMBERS, MOST_LAYERS = 16, 1 << 21, 1 << 25, 8


def auction_parts(auction):
    """Return the parameters and the fitted attributes of an auction that a file holds.

    Parameters
    ----------
    auction : auction estimator
        Fitted or not.

    Returns
    -------
    parameters, fitted : dict
    """
    parameters = auction.get_params(deep=False)
    if "device" in parameters:
        parameters["device"] = str(parameters["device"])
    return (
        {name: value for name, value in parameters.items() if name not in NOT_SAVED},
        {name: value for name, value in vars(auction).items() if name in auction._saved},
    )


def make_auction(cls, parameters, fitted):
    """Return an auction of a class with these parameters and fitted attributes.

    Parameters
    ----------
    cls : type
        Subclass of BaseMechanism.
    parameters, fitted : dict
        Of :func:`auction_parts`. Missing parameters have their defaults.

    Returns
    -------
    auction estimator

    Raises
    ------
    ValueError
        If names or values are not legal.
    """
    kept = set(cls._get_param_names()) - set(NOT_SAVED)
    _check_names(parameters, kept, f"parameters of {cls.__name__}")
    auction = cls(**parameters)
    if not isinstance(parameters.get("device", ""), str):
        raise ValueError(f"device must be a str; got {auction.device!r:.80}")
    # The auction can be used even if this machine lacks its device.
    anywhere = {"device": "cpu"} if "device" in parameters else {}
    cls(**{**parameters, **anywhere})._check_parameters()
    if fitted:
        _check_names(fitted, cls._saved, f"attributes of a fitted {cls.__name__}")
        vars(auction).update(fitted)
        for name, check in cls._saved.items():
            if name in fitted:
                check_value(check, auction, fitted[name], name)
            elif name not in OPTIONAL:
                raise ValueError(f"a fitted {cls.__name__} must have {name}, which is missing")
    return auction


def try_out(auction):
    """Run a fitted mechanism on a few profiles; raise ValueError unless the outcomes are valid.

    Parameters
    ----------
    auction : auction estimator
    """
    domain, (low, high) = auction.domain, np.moveaxis(auction.support_, -1, 0)
    reports = low + _weights(auction, *low.shape) * (high - low)
    outcome, unit = auction.predict(reports), largest(reports)
    shapes = [(len(reports), *own) for own in domain.fields(*low.shape).values()]
    if [field.shape for field in outcome] != shapes or not np.isfinite(np.asarray(outcome)).all():
        raise ValueError("its outcomes must be finite and of the right shapes; got others")
    for rule, excess in domain.defects(reports, outcome).items():
        # A comparison with NaN, from an overflow, is False.
        if not (excess <= ROUNDING * (unit if domain.rules[rule].scaled else 1.0)).all():
            raise ValueError(f"its outcomes must satisfy the rules of {domain!r}; got others")
    if isinstance(getattr(auction, "auction_", None), BaseMechanism):
        try_out(auction.auction_)


def _weights(auction, n_bidders, n_items):
    """Return positions of bids in the support, from 0 to 1, for as many profiles as memory allows.

    The first two profiles are the highest and the lowest bids.
    """
    widths = [max(n_bidders, n_items)]
    if hasattr(auction, "mechanism_"):
        from sklauction.persistence.modules import working_widths

        widths = working_widths(auction.mechanism_, n_bidders, n_items)
        at_once, in_all = (n_bidders * n_items * width for width in (max(widths), sum(widths)))
        if at_once > MOST_NUMBERS or in_all > MOST_LAYERS * MOST_NUMBERS:
            raise ValueError(f"its network works on {in_all:,} numbers for a single profile")
    n_tried = min(MOST_TRIED, max(1, NUMBERS_TRIED // (n_bidders * n_items * max(widths))))
    weights = np.random.RandomState(0).uniform(size=(n_tried, n_bidders, n_items))
    weights[:2] = np.array([1, 0])[:n_tried, None, None]
    return weights


def _check_names(given, legal, what):
    strange = [name for name in given if name not in legal]
    if strange:
        raise ValueError(f"{what} must be {', '.join(sorted(legal))}; got {strange[0]!r:.80}")
