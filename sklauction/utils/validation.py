"""Checks of arguments: each raises a ValueError that names argument, expectation and value."""

from decimal import Decimal
from numbers import Real

import numpy as np

from sklauction.utils.constraints import MOST_COUNTED, as_float, count

__all__ = [
    "PROFILES",
    "WIDEST_SUPPORT",
    "broadcast",
    "check_below",
    "check_count",
    "check_memory",
    "check_number",
    "check_numbers",
    "check_prices",
    "check_support",
]

# Axes of the valuations of auctions.
PROFILES = "n_samples", "n_bidders", "n_items"
# Upper limit of supports and reserve prices, relative to the valuations: networks compute with them
# in single precision.
WIDEST_SUPPORT = 1e12
# Largest memory that a training update may need.
MOST_BYTES = 16 << 30


def check_numbers(values, name, axes, *, least=-np.inf, infinite=False) -> np.ndarray:
    """Return an array-like as an array of finite numbers in float64.

    Parameters
    ----------
    values : array-like
        Input of any type. Masked or missing entries, text, dates and complex numbers raise
        ValueError.
    name : str
        Name of the argument.
    axes : tuple of str and int
        Length of each axis, or its name. Axes named "..samples" or "..rows" may have length 0.
    least : float, default=-inf
        Lowest legal number.
    infinite : bool, default=False
        Whether plus infinity is legal.

    Returns
    -------
    ndarray of float64
        Not a copy if the input is such an array.
    """
    shape = f"({', '.join(map(str, axes))}{',' * (len(axes) == 1)})"
    expected = f"{name} must hold finite numbers{_range(least)}"
    array = to_floats(values, f"{expected}, of shape {shape}")
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
    if bad.any():
        place = tuple(map(int, np.argwhere(bad)[0]))
        raise ValueError(f"{expected}; got {array[place]} at {place}")
    return array


def to_floats(values, expected=None) -> np.ndarray:
    """Return an array-like of numbers as an array of float64; NaN and infinity are allowed.

    Raises
    ------
    ValueError
        If the input is not numeric or has masked entries. The message says what was expected, and
        describes the input. If ``expected`` is None, it is the description alone.
    """
    if isinstance(values, np.ndarray) and values.dtype == np.float64 and type(values) is np.ndarray:
        return values
    start = f"{expected}; got " if expected else ""
    if hides_entries(values):
        raise ValueError(f"{start}a masked array")
    if isinstance(values, np.matrix):
        raise ValueError(f"{start}a numpy matrix")
    try:
        array = np.asarray(values)
        if array.dtype.kind == "O" and not all(map(_is_number, array.flat)):
            raise ValueError("objects that are not numbers")
        if array.dtype.kind not in "biufO":
            raise ValueError(f"entries of type {array.dtype}")
        with np.errstate(over="ignore"):  # overflow gives infinity
            return array.astype(np.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise ValueError(f"{start}{type(values).__name__}: {error}") from error


def _range(least, most=np.inf):
    """Describe a range, as the end of a message."""
    limits = []
    if np.isfinite(least):
        limits.append(f"at least {least:g}" if least else "non-negative")
    if np.isfinite(most):
        limits.append(f"at most {most:g}")
    return f", {' and '.join(limits)}" if limits else ""


def hides_entries(values):
    """Return whether entries are masked, also in nested lists."""
    if isinstance(values, list | tuple):
        return any(map(hides_entries, values))
    return isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values)


def _is_number(value):
    return isinstance(value, (Real, Decimal, np.bool_)) and not isinstance(value, np.timedelta64)


def check_number(value, name, least=-np.inf, most=np.inf) -> float:
    """Return a number as a float; raise ValueError unless it is finite and in the range."""
    number = as_float(value[()] if isinstance(value, np.ndarray) and not value.ndim else value)
    if not (np.isfinite(number) and least <= number <= most):
        raise ValueError(f"{name} must be a finite number{_range(least, most)}; got {value!r}")
    return number


def broadcast(array, shape, expected):
    """Return an array broadcast to a shape; ``expected`` begins the message if it does not fit."""
    try:
        return np.broadcast_to(array, shape)
    except ValueError as error:
        raise ValueError(f"{expected}; got shape {array.shape}") from error


def check_support(support, n_agents, n_entries, lowest=0.0, axes=PROFILES) -> np.ndarray:
    """Return a support as a new float array of shape (n_agents, n_entries, 2).

    Parameters
    ----------
    support : array-like broadcastable to (n_agents, n_entries, 2)
        Lowest and highest report in the last axis.
    n_agents, n_entries : int
    lowest : float, default=0.0
        Lowest legal report.
    axes : tuple of str
        Names of the axes of profiles, for messages.

    Returns
    -------
    ndarray of shape (n_agents, n_entries, 2)
    """
    shape = (n_agents, n_entries, 2)
    expected = f"support must broadcast to ({axes[1]}, {axes[2]}, 2) = {shape}"
    given = to_floats(support, expected)
    if given.shape[-1:] != (2,):  # a single number would broadcast to low = high
        raise ValueError(f"{expected}, (low, high) being its last axis; got shape {given.shape}")
    box = np.array(broadcast(given, shape, expected))
    if not np.isfinite(box).all() or (box < lowest).any() or (box[..., 0] > box[..., 1]).any():
        raise ValueError(
            f"support must hold finite{_range(lowest)} (low, high) pairs with low <= high; "
            f"got values from {box.min()} to {box.max()}"
        )
    return box


def check_count(value, name, minimum=1, most=MOST_COUNTED) -> int:
    """Return an integer as an int; raise ValueError unless it is in a legal range."""
    count(minimum, most).check(value, name)
    return int(value)


def check_below(value, name, size):
    """Raise ValueError unless ``value`` is an integer from 0 to below ``size``."""
    count(0).check(value, name)
    if value >= size:
        raise ValueError(f"{name} must be below {size}; got {value}")


def check_memory(n_numbers, parameters):
    """Raise ValueError if an update needs more float32 numbers than fit in memory.

    Parameters
    ----------
    n_numbers : int
        A lower bound on how many numbers an update needs.
    parameters : dict of {str: object}
        The parameters that determine it, for the message.
    """
    if 4 * n_numbers > MOST_BYTES:
        given = ", ".join(f"{name}={value!r}" for name, value in parameters.items())
        raise ValueError(
            f"{', '.join(parameters)} must leave an update within {MOST_BYTES >> 30} GiB; got "
            f"{given}, which take at least {4 * n_numbers / 2**30:.3g} GiB"
        )


def check_prices(prices, name, otherwise, shape=None):
    """Return finite, non-negative prices as an array, None as zero.

    Parameters
    ----------
    prices : None, float or array-like
        In money.
    name : str
        Name of the argument.
    otherwise : str
        Other legal values of the argument, for messages.
    shape : tuple of int, optional
        ``(n_bidders, n_items)``, to which prices are broadcast.
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
    grid = (
        f"a number, one per item, or broadcast to (n_bidders, n_items) = {tuple(shape)}, where one "
        f"per bidder has shape {(shape[0], 1)}"
    )
    return np.array(broadcast(array, shape, f"{name} must be {otherwise}, {grid}"))
