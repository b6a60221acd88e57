"""Constraints on parameters, as data: checks, messages and tests are made from them.

A class lists its constructor parameters in ``_parameter_constraints``; :func:`check_parameters`
checks them all. Constraints are joined by ``|``.

Examples
--------
>>> from sklauction.utils.constraints import AUTO, count
>>> (AUTO | count(0)).check(-1, "n_proposals")
Traceback (most recent call last):
    ...
ValueError: n_proposals must be 'auto' or an integer of at least 0; got -1
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Integral, Real
from operator import mul

import numpy as np
from sklearn.utils import check_random_state

__all__ = [
    "ANY",
    "AUTO",
    "FLAG",
    "FRACTION",
    "LAYER_SIZES",
    "MOST_COUNTED",
    "NONE",
    "NOT_NEGATIVE",
    "POSITIVE",
    "SEED",
    "SHARE",
    "SWITCH",
    "Constraint",
    "as_float",
    "check_parameters",
    "choice",
    "count",
    "is_auto",
    "is_whole",
    "number",
    "pair",
]

# Largest size of an array or number of iterations.
MOST_COUNTED = 2**63 - 1
# Sizes up to which the weights of a network, with Adam's averages, take less than 4 GiB.
WIDEST_LAYER, MOST_WEIGHTS = 1 << 16, 1 << 26


@dataclass(frozen=True)
class Constraint:
    """A set of legal values.

    Parameters
    ----------
    accepts : callable
        Returns whether a value is legal.
    text : str
        Completes the sentence "x must be ...".
    examples : tuple
        A few legal values, with which a fit is fast. Tests use them.
    """

    accepts: Callable
    text: str
    examples: tuple = ()

    def check(self, value, name):
        """Raise ValueError unless a value is legal; the message names the parameter."""
        if not self.accepts(value):
            raise ValueError(f"{name} must be {self.text}; got {value!r}")

    def __or__(self, other):
        return Constraint(
            lambda value: self.accepts(value) or other.accepts(value),
            f"{self.text} or {other.text}",
            (*self.examples, *other.examples),
        )


def is_whole(value):
    """Return whether a value is an integer, bool and timedelta64 excluded."""
    return isinstance(value, Integral) and not isinstance(value, (bool, np.timedelta64))


def is_auto(value):
    """Return whether a value is the string "auto"."""
    return isinstance(value, str) and value == "auto"


def as_float(value):
    """Return a real number as a float, infinite on overflow; NaN for anything else."""
    if isinstance(value, (bool, np.bool_, np.timedelta64)) or not isinstance(value, Real):
        return np.nan
    try:
        return float(value)
    except OverflowError:
        return np.inf


def count(least=1, most=MOST_COUNTED):
    """Return the constraint to integers from ``least`` to ``most``."""
    limit = "" if most == MOST_COUNTED else f" and at most {most}"
    return Constraint(
        lambda value: is_whole(value) and least <= value <= most,
        f"an integer of at least {least}{limit}",
        (least, np.int64(least + 1)),
    )


def number(low=-np.inf, high=np.inf, closed="both"):
    """Return the constraint to finite numbers of an interval.

    Parameters
    ----------
    low, high : float
    closed : {"both", "left", "right", "neither"}
        Which ends belong to the interval.
    """
    left, right = closed in ("left", "both"), closed in ("right", "both")

    def accepts(value):
        given = as_float(value)
        above = low <= given if left else low < given
        return bool(above and (given <= high if right else given < high) and np.isfinite(given))

    if np.isfinite(high):
        text = f"a number in {'[' if left else '('}{low:g}, {high:g}{']' if right else ')'}"
    elif low == 0:
        text = "a number of at least 0" if left else "a positive number"
    else:
        text = f"a finite number {'of at least' if left else 'above'} {low:g}"
    lowest = max(low, -1.0)
    highest = min(high, max(lowest + 1.0, 1.0))
    middle = 0.5 * (lowest + highest)
    return Constraint(accepts, text, (middle, np.float32(0.5 * (middle + highest))))


def choice(*names):
    """Return the constraint to one of several strings, or None."""
    listed = ", ".join(map(repr, names))
    return Constraint(
        lambda value: (value is None or isinstance(value, str)) and value in names,
        f"one of {listed}" if len(names) > 1 else listed,
        names,
    )


def pair(each):
    """Return the constraint to two values that satisfy another constraint."""
    return Constraint(
        lambda value: _is_list(value) and len(value) == 2 and all(map(each.accepts, value)),
        f"a pair, each of them {each.text}",
        (each.examples[:1] * 2, list(each.examples[:2])),
    )


def _is_list(value):
    return isinstance(value, (list, tuple, np.ndarray)) and getattr(value, "ndim", 1) == 1


def _is_seed(value):
    try:
        check_random_state("" if isinstance(value, np.timedelta64) else value)
    except (TypeError, ValueError):
        return False
    return True


def _are_layer_sizes(value):
    if not (_is_list(value) and len(value) and all(is_whole(size) and size > 0 for size in value)):
        return False
    widths = [1, *map(int, value), 1]
    return max(widths) <= WIDEST_LAYER and sum(map(mul, widths, widths[1:])) <= MOST_WEIGHTS


# Parameters that are checked elsewhere, because legal values depend on sizes or data.
ANY = Constraint(lambda value: True, "as documented")
AUTO, NONE = choice("auto"), choice(None)
FLAG = Constraint(
    lambda value: isinstance(value, (bool, np.bool_)), "True or False", (True, np.False_)
)
SWITCH = replace(AUTO | FLAG, text="'auto', True or False")
POSITIVE, NOT_NEGATIVE = number(0, closed="neither"), number(0)
FRACTION, SHARE = number(0, 1, closed="neither"), number(0, 1, closed="left")
SEED = Constraint(
    _is_seed,
    "None, an integer from 0 to 2**32 - 1 or a RandomState",
    (None, 3, np.random.RandomState(0)),
)
LAYER_SIZES = Constraint(
    _are_layer_sizes,
    f"a non-empty tuple of positive integers, at most {WIDEST_LAYER:,} each, with at most "
    f"{MOST_WEIGHTS:,} weights between them",
    ((3,), [2, 2], np.array([2, 1])),
)


def check_parameters(estimator):
    """Raise ValueError unless all constructor parameters of an estimator are legal."""
    for name, constraint in estimator._parameter_constraints.items():
        constraint.check(getattr(estimator, name), name)
