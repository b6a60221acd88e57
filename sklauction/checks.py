"""Checks of arguments that several modules share.

Each raises one ValueError that names the argument, what was expected and what was received.
"""

from numbers import Integral

import numpy as np

__all__ = ["DEMANDS", "check_choice", "check_count", "check_support"]

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


def check_choice(value, name, legal):
    """Raise ValueError unless ``value`` is one of the names in ``legal``."""
    if not isinstance(value, str) or value not in legal:
        names = ", ".join(repr(choice) for choice in legal)
        raise ValueError(f"{name} must be one of {names}; got {value!r}")
