"""Checks of arguments that several modules share.

Each raises one ValueError that names the argument, what was expected and what was received.
"""

from decimal import Decimal
from numbers import Integral, Real
from operator import mul

import numpy as np
from sklearn.utils import check_random_state

__all__ = [
    "DEMANDS",
    "WIDEST_SUPPORT",
    "check_below",
    "check_choice",
    "check_count",
    "check_flag",
    "check_fraction",
    "check_layer_sizes",
    "check_memory",
    "check_not_negative",
    "check_number",
    "check_numbers",
    "check_positive",
    "check_prices",
    "check_seed",
    "check_share",
    "check_switch",
    "check_support",
    "is_auto",
]

DEMANDS = ("additive", "unit")
# No array has more entries, no loop more rounds.
MOST_COUNTED = 2**63 - 1
# Largest support, and largest reserve price, in units of what is learned from: networks compute
# with them in single precision.
WIDEST_SUPPORT = 1e12
# Layers beyond which weights, with what training keeps of them, take more than 4 GiB.
WIDEST_LAYER, MOST_WEIGHTS = 1 << 16, 1 << 26
# What an update may take at least: as much as a machine for this work has.
MOST_BYTES = 16 << 30


def check_numbers(values, name, axes, *, least=-np.inf, most=np.inf, infinite=False):
    """Return an array-like as an array of finite numbers in float64.

    Parameters
    ----------
    values : array-like
        Whatever somebody passed. What hides or lacks entries, or holds text, dates or complex
        numbers, is refused.
    name : str
        Of the argument.
    axes : tuple of str and int
        What each axis is, or how long it must be; of those named, "n_samples" and names that end
        in "rows" may be 0.
    least, most : float, default=-inf, inf
        Legal range.
    infinite : bool, default=False
        Whether plus infinity is legal too.

    Returns
    -------
    ndarray of float64
        The array itself, where it is one already.

    Raises
    ------
    ValueError
        If the values are not as described.
    """
    shape = f"({', '.join(map(str, axes))}{',' * (len(axes) == 1)})"
    expected = f"{name} must hold finite numbers{_range(least, most)}"
    try:
        array = to_floats(values)
    except ValueError as error:
        raise ValueError(f"{expected}, of shape {shape}; got {error}") from error
    fits = len(axes) == array.ndim and all(
        size == axis if isinstance(axis, int) else size or axis.endswith(("samples", "rows"))
        for axis, size in zip(axes, array.shape)
    )
    if not fits:
        raise ValueError(f"{name} must be of shape {shape}; got shape {array.shape}")
    bad = ~np.isfinite(array)
    if infinite:
        bad &= array != np.inf
    if least > -np.inf:
        bad |= array < least
    if most < np.inf:
        bad |= array > most
    if bad.any():
        place = tuple(map(int, np.argwhere(bad)[0]))
        raise ValueError(f"{expected}; got {array[place]} at {place}")
    return array


def to_floats(values):
    """Return an array-like of numbers as an array of float64; raise ValueError saying what it is.

    Parameters
    ----------
    values : array-like of any shape

    Returns
    -------
    ndarray of float64 of the same shape
        The array itself, where it is one already. NaN and infinities pass.

    Raises
    ------
    ValueError
        If it is none, or hides entries; the message says what it is, for the end of another.
    """
    if isinstance(values, np.ndarray) and values.dtype == np.float64 and type(values) is np.ndarray:
        return values
    if hides_entries(values):
        raise ValueError("a masked array that hides some")
    if isinstance(values, np.matrix):
        raise ValueError("a numpy matrix, which always has two axes")
    try:
        array = np.asarray(values)
        if array.dtype.kind == "O" and not all(map(_is_number, array.flat)):
            raise ValueError("objects that are no numbers")
        if array.dtype.kind not in "biufO":
            raise ValueError(f"entries of type {array.dtype}")
        with np.errstate(over="ignore"):  # what is too large becomes infinite
            return array.astype(np.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise ValueError(f"{type(values).__name__}: {error}") from error


def _range(least, most):
    """Say what range is legal, where there is one."""
    limits = []
    if np.isfinite(least):
        limits.append(f"at least {least:g}" if least else "non-negative")
    if np.isfinite(most):
        limits.append(f"at most {most:g}")
    return f", {' and '.join(limits)}" if limits else ""


def hides_entries(values):
    """Say whether entries are masked, in lists as well."""
    if isinstance(values, list | tuple):
        return any(map(hides_entries, values))
    return isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values)


def _is_number(value):
    return isinstance(value, (Real, Decimal, np.bool_)) and not isinstance(value, np.timedelta64)


def _to_float(value):
    """Return a real number as a float, infinite where it is too large; else NaN."""
    if isinstance(value, (bool, np.bool_, np.timedelta64)) or not isinstance(value, Real):
        return np.nan
    try:
        return float(value)
    except OverflowError:
        return np.inf


def check_number(value, name, least=-np.inf, most=np.inf):
    """Return a number as a float; raise ValueError unless it is finite and in a legal range."""
    number = _to_float(value[()] if isinstance(value, np.ndarray) and not value.ndim else value)
    if not (np.isfinite(number) and least <= number <= most):
        raise ValueError(f"{name} must be a finite number{_range(least, most)}; got {value!r}")
    return number


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
    expected = f"support must broadcast to (n_bidders, n_items, 2) = {shape}"
    try:
        given = to_floats(support)
    except ValueError as error:
        raise ValueError(f"{expected}; got {error}") from error
    if given.shape[-1:] != (2,):  # one number would broadcast to low = high
        raise ValueError(f"{expected}, (low, high) being its last axis; got shape {given.shape}")
    try:
        box = np.array(np.broadcast_to(given, shape))
    except ValueError as error:
        raise ValueError(f"{expected}; got shape {given.shape}") from error
    if not np.isfinite(box).all() or (box < 0).any() or (box[..., 0] > box[..., 1]).any():
        raise ValueError(
            "support must hold finite, non-negative (low, high) pairs with low <= high; "
            f"got values from {box.min()} to {box.max()}"
        )
    return box


def check_count(value, name, minimum=1, most=MOST_COUNTED):
    """Return an integer as an int; raise ValueError unless it is one in a legal range."""
    if not is_whole(value) or value < minimum:
        raise ValueError(f"{name} must be an integer of at least {minimum}; got {value!r}")
    if value > most:
        raise ValueError(f"{name} must be at most {most}; got {value!r}")
    return int(value)


def is_whole(value):
    """Say whether something is an integer: no truth value and no duration, as in numpy."""
    return isinstance(value, Integral) and not isinstance(value, (bool, np.timedelta64))


def is_auto(value):
    """Say whether something is the word "auto"."""
    return isinstance(value, str) and value == "auto"


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
    if not 0 < _to_float(value) < np.inf:
        raise ValueError(f"{name} must be a positive number; got {value!r}")


def check_not_negative(value, name):
    """Raise ValueError unless ``value`` is a finite number of at least 0."""
    if not 0 <= _to_float(value) < np.inf:
        raise ValueError(f"{name} must be a number of at least 0; got {value!r}")


def check_fraction(value, name):
    """Raise ValueError unless ``value`` is a number strictly between 0 and 1."""
    if not 0 < _to_float(value) < 1:
        raise ValueError(f"{name} must be between 0 and 1; got {value!r}")


def check_share(value, name, otherwise=""):
    """Raise ValueError unless ``value`` is a number from 0 to below 1."""
    if not 0 <= _to_float(value) < 1:
        raise ValueError(f"{name} must be {otherwise}in [0, 1); got {value!r}")


def check_switch(value, name):
    """Raise ValueError unless ``value`` is "auto", True or False."""
    if not (isinstance(value, (bool, np.bool_)) or is_auto(value)):
        raise ValueError(f"{name} must be 'auto', True or False; got {value!r}")


def check_flag(value, name):
    """Raise ValueError unless ``value`` is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False; got {value!r}")


def check_seed(random_state):
    """Raise ValueError unless ``random_state`` is None, a seed or a RandomState."""
    try:
        check_random_state(random_state if not isinstance(random_state, np.timedelta64) else "")
    except (TypeError, ValueError) as error:
        raise ValueError(
            "random_state must be None, an integer from 0 to 2**32 - 1 or a RandomState; got "
            f"{random_state!r}"
        ) from error


def check_layer_sizes(sizes, name):
    """Raise ValueError unless ``sizes`` is a non-empty sequence of not too many integers."""
    if not (
        isinstance(sizes, (list, tuple, np.ndarray))
        and getattr(sizes, "ndim", 1) == 1
        and len(sizes) > 0
        and all(is_whole(size) and size > 0 for size in sizes)
    ):
        raise ValueError(f"{name} must be a non-empty tuple of positive integers; got {sizes!r}")
    widths = [1, *map(int, sizes), 1]
    if max(widths) > WIDEST_LAYER or sum(map(mul, widths, widths[1:])) > MOST_WEIGHTS:
        raise ValueError(
            f"{name} must be at most {WIDEST_LAYER:,} each, with at most {MOST_WEIGHTS:,} weights "
            f"between them; got {sizes!r}"
        )


def check_memory(n_numbers, parameters):
    """Raise ValueError if so many numbers in single precision cannot be held for an update.

    Parameters
    ----------
    n_numbers : int
        At least so many.
    parameters : dict of {str: object}
        Those that make them many, for the message.
    """
    if 4 * n_numbers > MOST_BYTES:
        given = ", ".join(f"{name}={value!r}" for name, value in parameters.items())
        raise ValueError(
            f"{', '.join(parameters)} must leave an update within {MOST_BYTES >> 30} GiB; got "
            f"{given}, which take at least {4 * n_numbers / 2**30:.3g} GiB"
        )


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
    if isinstance(prices, (bool, np.bool_)):
        raise ValueError(f"{expected}; got {prices!r}")
    try:
        array = np.zeros(()) if prices is None else to_floats(prices)
    except ValueError as error:
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
