"""What an argument may be, what an answer must be: parts of the table of public functions."""

import functools
import math
import operator
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from strange_inputs import FACTORS

DEMANDS = ("additive", "unit")
# Exact multiples of money, whose sums and products neither vanish nor overflow.
POWERS = tuple(2.0**power for power in (-900, -400, -80, -6, 6, 80, 400, 900))
# Estimators take money from 1e-200 to 1e200, of samples on [0, 3).
MODERATE = tuple(factor for factor in (*FACTORS, *POWERS) if 1e-190 < factor < 1e190)


class Argument(NamedTuple):
    """A well-formed value of an argument, and what else may be answered."""

    plain: object
    # Returns the plain form of another value, ANY where answers may differ; else raises.
    accepts: Callable
    shape: tuple | None = None
    money: bool = False
    ordered: bool = False


ANY = object()
# How scikit-learn says what is wrong with X.
IN_SCIKIT_LEARN = ("X", "array", "container")


class IllegalError(Exception):
    """Raised of a value that no answer may be given to."""


def other_shapes(shape):
    """Return arrays of one that have an axis more or less, none along an axis, or one too many."""
    shapes = [(*shape, 1), (1, *shape), shape[1:], shape[:-1], (*shape[:-1], shape[-1] + 1)]
    for axis in range(len(shape)):
        shapes.append((*shape[:axis], 0, *shape[axis + 1 :]))
        shapes.append((*shape[:axis], shape[axis] + 1, *shape[axis + 1 :]))
    return [np.ones(other) for other in shapes]


def legal(condition):
    if not condition:
        raise IllegalError


def or_none(argument):
    accepts = argument.accepts
    return argument._replace(accepts=lambda value: None if value is None else accepts(value))


def number(plain, low=-np.inf, high=np.inf, money=False):
    def accepts(value):
        refused = bool | np.bool_ | str | bytes | complex | np.timedelta64
        legal(not isinstance(value, refused))
        value = float(value)
        legal(np.isfinite(value) and low <= value <= high)
        return value

    return Argument(plain, accepts, money=money)


def count(plain, least=1, most=math.inf):
    def accepts(value):
        legal(not isinstance(value, bool | np.bool_ | np.timedelta64))
        value = operator.index(value)
        legal(least <= value <= most)
        return value

    return Argument(plain, accepts)


def choice(plain, names=DEMANDS):
    def accepts(value):
        legal(isinstance(value, str) and value in names)
        return str(value)

    return Argument(plain, accepts)


def only(plain, condition=lambda value: False):
    """An argument for which nothing else is legal than what a condition holds for."""

    def accepts(value):
        legal(condition(value))
        return value

    return Argument(plain, accepts)


def seed():
    def accepts(value):
        if value is None or isinstance(value, np.random.RandomState | np.random.Generator):
            return ANY
        legal(not isinstance(value, np.timedelta64) and 0 <= operator.index(value) < 2**32)
        return operator.index(value)

    return Argument(0, accepts)


def floats(value):
    """Return numbers in another form as float64."""
    with np.errstate(over="ignore"):  # what is too large becomes infinite
        plain, kind = np.asarray(value, dtype=float), np.asarray(value).dtype.kind
    legal(kind in "biufO" and not np.ma.is_masked(value))
    return plain


def array(shape, money=False, least=0.0, ordered=False, missing=False):
    """An array of numbers on [0, 3); ``missing`` ones may be NaN."""

    def accepts(value):
        plain = floats(value)
        legal(plain.ndim == len(shape) and 0 not in plain.shape[1:])
        legal(missing or (np.isfinite(plain).all() and (plain >= least).all()))
        return plain

    return Argument(entries(shape, 0, ordered), accepts, shape, money, ordered)


@functools.cache
def entries(shape, seed, ordered=False):
    """Return numbers on [0, 3), read-only: nobody may write into what was given."""
    random = np.random.RandomState(seed)
    values = random.uniform(0, 3, shape)
    if seed % 3 == 1:
        values = np.floor(values)
    if seed % 5 == 1:
        values *= random.uniform(size=shape) < 0.5
    values = np.sort(values, axis=0) if ordered else values
    values.flags.writeable = False
    return values


# --- what an answer must be -------------------------------------------------------------------


def leaves(answer):
    """Yield an array for each array, number and text in an answer."""
    if isinstance(answer, dict):
        answer = tuple(part for name, part in answer.items() if name != "seconds")
    if isinstance(answer, tuple | list):
        for part in answer:
            yield from leaves(part)
    elif isinstance(answer, pd.DataFrame):
        yield answer.to_numpy(dtype=float)
    elif is_dataclass(answer) or type(answer).__module__.startswith("sklauction"):
        yield from leaves(vars(answer))
    elif isinstance(answer, np.ndarray) and answer.dtype == object:
        yield from leaves(list(answer.flat))
    elif isinstance(answer, int):
        yield np.asarray(float(answer))
    elif isinstance(answer, float | str | np.generic | np.ndarray):
        yield np.asarray(answer)


def is_finite(answer):
    for leaf in leaves(answer):
        assert leaf.dtype.kind == "U" or np.isfinite(leaf).all(), answer


def is_same(one, two, factor=1.0, room=0.0):
    """Assert that the second answer is the first, or so much money, but for some room."""
    for first, second in zip(leaves(one), leaves(two), strict=True):
        if first.dtype.kind == "U":
            assert first == second
        else:
            np.testing.assert_allclose(second, first * factor, rtol=0, atol=room)


def is_about(answer, expected):
    # Sums in another order; and of numbers below the normal ones only a few digits are there.
    np.testing.assert_allclose(answer, expected, rtol=1e-12, atol=1e-320)


class Row(NamedTuple):
    """A public name, how it is called, and what is right.

    Arguments of the test's own begin with an underscore.
    """

    call: Callable
    # From (n_samples, n_bidders, n_items) to arguments by name.
    arguments: Callable
    # Asserts of an answer, given the plain arguments by name.
    is_right: Callable = lambda answer, **arguments: None
    # What of an answer is money, and what no unit of money changes.
    money: Callable = lambda answer: answer
    rest: Callable = lambda answer: ()
    # Whether answers hold finite numbers only.
    finite: bool = True
    # Whether the arguments are those of the function, to which strange ones can be given.
    direct: bool = True
    # Words by which errors may name an argument, beside its name.
    also: tuple = ()
    # What else may be raised, as there is no such row or file.
    raises: tuple = ()
    # Share of the usual number of cases.
    share: float = 1.0
    factors: tuple = (*FACTORS, *POWERS)
