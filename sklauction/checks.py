"""Checks of arguments that several modules share.

Each raises one ValueError that names the argument, what was expected and what was received.
"""

from numbers import Integral, Real

import numpy as np

__all__ = [
    "DEMANDS",
    "check_below",
    "check_choice",
    "check_count",
    "check_fraction",
    "check_layer_sizes",
    "check_not_negative",
    "check_positive",
    "check_prices",
    "check_switch",
    "check_support",
]

DEMANDS = ("additive", "unit")


def check_support(support, n_bidders, n_items):
    """Return a support as a new float array of shape (n_bidders, n_items, 2).

    Parameters
    ----------
    support : array-like broadcastable to (n_bidders, n_items, 2)
        Lowest and highest report in the last axis; ``(low, high)`` serves all.
    n_bidders, n_items : int

    Returns
    -------
    ndarray of shape (n_bidders, n_items, 2)

    Raises
    ------
    ValueError
        If it does not broadcast, is not finite, is negative, or has low above high.
    """
    shape = (n_bidders, n_items, 2)
    try:
        box = np.array(np.broadcast_to(np.asarray(support, dtype=float), shape))
    except ValueError as error:
        raise ValueError(
            f"support must broadcast to (n_bidders, n_items, 2) = {shape}; "
            f"got shape {np.shape(support)}"
        ) from error
    if not np.isfinite(box).all() or (box < 0).any() or (box[..., 0] > box[..., 1]).any():
        raise ValueError(
            "support must hold finite, non-negative (low, high) pairs with low <= high; "
            f"got values from {box.min()} to {box.max()}"
        )
    return box


def check_count(value, name, minimum=1):
    """Raise ValueError unless ``value`` is an integer of at least ``minimum``."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < minimum:
        raise ValueError(f"{name} must be an integer of at least {minimum}; got {value!r}")


def check_below(value, name, size):
    """Raise ValueError unless ``value`` is an integer from 0 to below ``size``."""
    check_count(value, name, minimum=0)
    if value >= size:
        raise ValueError(f"{name} must be below {size}; got {value}")


def check_choice(value, name, legal):
    """Raise ValueError unless ``value`` is one of the names in ``legal``."""
    if not isinstance(value, str) or value not in legal:
        names = ", ".join(repr(choice) for choice in legal)
        raise ValueError(f"{name} must be one of {names}; got {value!r}")


def check_positive(value, name):
    """Raise ValueError unless ``value`` is a finite number above 0."""
    if not (isinstance(value, Real) and not isinstance(value, bool) and 0 < value < np.inf):
        raise ValueError(f"{name} must be a positive number; got {value!r}")


def check_not_negative(value, name):
    """Raise ValueError unless ``value`` is a finite number of at least 0."""
    if isinstance(value, bool) or not (isinstance(value, Real) and 0 <= value < np.inf):
        raise ValueError(f"{name} must be a number of at least 0; got {value!r}")


def check_fraction(value, name):
    """Raise ValueError unless ``value`` is a number strictly between 0 and 1."""
    if not (isinstance(value, Real) and 0 < value < 1):
        raise ValueError(f"{name} must be between 0 and 1; got {value!r}")


def check_switch(value, name):
    """Raise ValueError unless ``value`` is "auto", True or False."""
    if not (isinstance(value, (bool, np.bool_)) or value == "auto"):
        raise ValueError(f"{name} must be 'auto', True or False; got {value!r}")


def check_layer_sizes(sizes, name):
    """Raise ValueError unless ``sizes`` is a non-empty sequence of positive integers."""
    if not (
        np.iterable(sizes)
        and len(sizes) > 0
        and all(isinstance(size, Integral) and size > 0 for size in sizes)
    ):
        raise ValueError(f"{name} must be a non-empty tuple of positive integers; got {sizes!r}")


def check_prices(prices, name, otherwise, shape=None):
    """Return prices as a float array, None as zero; of a shape where one is given.

    Parameters
    ----------
    prices : None, float or array-like
        In money.
    name : str
        Of the argument.
    otherwise : str
        What else the argument may be, for messages.
    shape : tuple of int, optional
        ``(n_bidders, n_items)``, to broadcast to, as a new array.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If they are not finite, non-negative numbers, or do not broadcast.
    """
    expected = f"{name} must be {otherwise}, or finite non-negative prices"
    if isinstance(prices, (bool, str)) or (np.isscalar(prices) and not isinstance(prices, Real)):
        raise ValueError(f"{expected}; got {prices!r}")
    try:
        array = np.zeros(()) if prices is None else np.asarray(prices, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{expected}; got {prices!r}") from error
    bad = ~(np.isfinite(array) & (array >= 0))
    if bad.any():
        raise ValueError(f"{expected}; got {array[bad].flat[0]}")
    if shape is None:
        return array
    try:
        return np.array(np.broadcast_to(array, shape))
    except ValueError as error:
        raise ValueError(
            f"{name} must be {otherwise}, a number or broadcast to (n_bidders, n_items) = "
            f"{tuple(shape)}; got shape {array.shape}"
        ) from error
