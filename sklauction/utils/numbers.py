"""Amounts of money as text, and numbers scaled without rounding."""

import numpy as np

__all__ = ["near_one", "say_money"]


def say_money(amount, digits=4):
    """Return an amount of money as text: large ones in whole units, others to ``digits`` digits.

    Parameters
    ----------
    amount : float
    digits : int, default=4
        Significant digits of what is less than ``10 ** digits``.

    Returns
    -------
    str

    Examples
    --------
    >>> from sklauction.utils.numbers import say_money
    >>> say_money(0.54321), say_money(137204.6), say_money(-2.5e6)
    ('0.5432', '137,205', '-2,500,000')
    """
    text = f"{amount:.{digits}g}"
    return f"{amount:,.0f}" if "e+" in text and abs(amount) < 1e15 else text


def near_one(values):
    """Return values divided by a power of two near the largest, and its exponent.

    That rounds nothing, and of the quotients neither sums nor squares overflow or vanish;
    :func:`numpy.ldexp` turns a result back.

    Parameters
    ----------
    values : ndarray of any shape, not empty

    Returns
    -------
    values : ndarray
        At most 1 in size.
    exponent : int

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.utils.numbers import near_one
    >>> near_one(np.array([3e300, -6e300]))[0].round(2)
    array([ 0.28, -0.56])
    """
    exponent = int(np.frexp(max(values.max(), -values.min()))[1])
    return np.ldexp(values, -exponent), exponent
