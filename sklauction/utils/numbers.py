"""Formatting of figures, and scaling without rounding."""

import numpy as np

__all__ = [
    "are_finite",
    "format_money",
    "format_table",
    "largest",
    "scale_by_power_of_two",
    "stack_last",
]


def format_money(amount, digits=4):
    """Return an amount of money as text, rounded to significant digits or to whole units.

    Parameters
    ----------
    amount : float
    digits : int, default=4
        Significant digits of amounts below ``10 ** digits``; larger ones are rounded to
        whole units.

    Returns
    -------
    str

    Examples
    --------
    >>> from sklauction.utils.numbers import format_money
    >>> format_money(0.54321), format_money(137204.6), format_money(-2.5e6)
    ('0.5432', '137,205', '-2,500,000')
    """
    text = f"{amount:.{digits}g}"
    return f"{amount:,.0f}" if "e+" in text and abs(amount) < 1e15 else text


def format_table(title, rows):
    """Return a title and (name, value) pairs of text as aligned lines."""
    width = max(len(name) for name, _ in rows)
    return "\n".join([title, *(f"  {name:<{width}}  {value}" for name, value in rows)])


def are_finite(arrays):
    """Return whether all entries of all arrays are finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        # A sum is faster to check; that of finite entries may overflow.
        return all(np.isfinite(one.sum()) or np.isfinite(one).all() for one in arrays)


def largest(values):
    """Return the largest absolute value of an array, without a copy of it."""
    return max(values.max(), -values.min())


def scale_by_power_of_two(values):
    """Return values divided by a power of two near the largest, and its exponent.

    The division is exact, and sums and squares of the result neither overflow nor vanish.
    :func:`numpy.ldexp` reverts the scaling.

    Parameters
    ----------
    values : ndarray of any shape, not empty

    Returns
    -------
    values : ndarray
        At most 1 in absolute value.
    exponent : int

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.utils.numbers import scale_by_power_of_two
    >>> scale_by_power_of_two(np.array([3e300, -6e300]))[0].round(2)
    array([ 0.28, -0.56])
    """
    exponent = int(np.frexp(largest(values))[1])
    return np.ldexp(values, -exponent), exponent


def stack_last(arrays):
    """Stack numpy arrays or tensors along a new last axis."""
    if isinstance(arrays[0], np.ndarray):
        return np.stack(arrays, axis=-1)
    import torch

    return torch.stack(arrays, dim=-1)
