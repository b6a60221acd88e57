"""Declarations of what files hold: fitted attributes of auctions, and classes of their parts.

An auction class lists its fitted attributes in ``_saved``, each with a check of a value that was
read from a file. A check is a :class:`~sklauction.utils.constraints.Constraint` on the value, or a
function of the auction, the value and the attribute's name that raises ValueError. Checks run in
the order of the dict, so that later ones may use the attributes before them.

Classes of objects inside an auction are registered by :func:`savable`.
"""

import inspect
import math
from typing import NamedTuple

import numpy as np

from sklauction.utils.column_names import column_order
from sklauction.utils.constraints import Constraint, count
from sklauction.utils.numbers import largest
from sklauction.utils.reading import check_size
from sklauction.utils.validation import check_support

__all__ = [
    "REGISTERED",
    "Savable",
    "check_array",
    "check_list",
    "check_same",
    "check_shares",
    "check_value",
    "fitted_array",
    "fitted_derived",
    "fitted_n_features",
    "fitted_n_items",
    "fitted_names",
    "fitted_object",
    "fitted_rows",
    "fitted_support",
    "fitted_typical",
    "savable",
    "short_repr",
]


class Savable(NamedTuple):
    """A class that a file may name.

    Attributes
    ----------
    cls : type
    tag : {"$module", "$object", "$record"}
        Key of its instances in files.
    attributes : dict of {str: str}
        Constructor argument -> attribute that holds it; empty for torch modules.
    """

    cls: type
    tag: str
    attributes: dict


# Relative difference of equal values.
SAME = 1e-12
# Name in files -> Savable. Files hold the bare class name, so that classes can move.
REGISTERED = {}


def savable(cls=None, *, tag=None, **renamed):
    """Decorate a class so that files may hold its instances.

    Torch modules are saved by their parts. Instances of other classes are saved by the arguments
    of their constructor, which receives values from files and must check them.

    Parameters
    ----------
    cls : type
    tag : {"$object", "$record"}, optional
        Key in files; by default ``"$record"`` for named tuples and ``"$object"`` for others.
    **renamed : str
        Attribute of each constructor argument that is not stored under its own name.

    Raises
    ------
    TypeError
        If another class is registered under the same name.

    Examples
    --------
    >>> from sklauction.utils.saving import REGISTERED, savable
    >>> @savable(values="atoms")
    ... class Atoms:
    ...     def __init__(self, values):
    ...         self.atoms = sorted(values)
    >>> REGISTERED.pop("Atoms").attributes
    {'values': 'atoms'}
    """
    if cls is None:
        return lambda cls: savable(cls, tag=tag, **renamed)
    name = cls.__name__
    other = REGISTERED.get(name)
    if other is not None and other.cls.__module__ != cls.__module__:
        raise TypeError(f"class name {name!r} must be unique in files; got {other.cls} and {cls}")
    if any(base.__module__.startswith("torch.") for base in cls.__mro__):
        REGISTERED[name] = Savable(cls, "$module", {})
        return cls
    arguments = inspect.signature(cls).parameters
    attributes = {argument: renamed.get(argument, argument) for argument in arguments}
    default = "$record" if issubclass(cls, tuple) else "$object"
    REGISTERED[name] = Savable(cls, tag or default, attributes)
    return cls


def short_repr(value):
    """Return a value as one short line for a message; its type unless it is a plain value."""
    plain = value is None or isinstance(value, bool | int | float | str)
    return f"{value!r:.80}" if plain else f"a {type(value).__name__}"


def check_value(check, auction, value, name):
    """Raise ValueError unless a check accepts the value of a fitted attribute of an auction."""
    if not isinstance(check, Constraint):
        check(auction, value, name)
    elif not check.accepts(value):
        raise ValueError(f"{name} must be {check.text}; got {short_repr(value)}")


def check_array(value, name, shape, kind="f", least=-math.inf):
    """Raise ValueError unless a value is an array of this shape and kind of dtype.

    Parameters
    ----------
    value : object
    name : str
        Of the attribute, for messages.
    shape : sequence of int or None
        None allows any size.
    kind : str
        Of the dtype, as in numpy.
    least : float
        Lower limit of numbers, which must be finite.
    """
    if not isinstance(value, np.ndarray) or value.dtype.kind != kind:
        raise ValueError(f"{name} must be an array of dtype kind {kind}; got {short_repr(value)}")
    fits = all(size in (None, given) for size, given in zip(shape, value.shape))
    if not fits or len(shape) != value.ndim:
        raise ValueError(f"{name} must have the shape {tuple(shape)}; got {value.shape}")
    if kind == "f" and not (np.isfinite(value) & (value >= least)).all():
        raise ValueError(f"{name} must hold finite numbers of at least {least}; got others")


def check_list(value, name, size):
    """Raise ValueError unless a value is a list of this size."""
    if not isinstance(value, list) or len(value) != size:
        raise ValueError(f"{name} must be a list of {size}; got {short_repr(value)}")


def check_shares(shares, name):
    """Raise ValueError unless an array holds shares that sum to 1, up to rounding."""
    if not ((shares >= 0).all() and abs(shares.sum() - 1) <= 1e-6):
        raise ValueError(f"{name} must be at least 0 and sum to 1; got others")


def check_same(value, expected, name):
    """Raise ValueError unless a value equals the one that follows from other attributes."""
    if not _is_same(value, expected):
        raise ValueError(f"{name} must follow from the other attributes; got others")


def _is_same(value, expected):
    """Return whether values, of the same class, are equal up to rounding on another machine."""
    if type(value) is not type(expected):
        return False
    if isinstance(value, np.ndarray):
        if (value.shape, value.dtype) != (expected.shape, expected.dtype):
            return False
        if value.dtype == object:
            return all(map(_is_same, value.flat, expected.flat))
        return np.allclose(value, expected, rtol=SAME, atol=0)
    if isinstance(value, tuple):
        return all(map(_is_same, value, expected))
    return value == expected or (
        isinstance(value, float) and math.isclose(value, expected, rel_tol=SAME)
    )


def fitted_derived(compute):
    """Return the check of an attribute that follows from those before it.

    Parameters
    ----------
    compute : callable
        Returns the value of the attribute for an auction.
    """
    return lambda auction, value, name: check_same(value, compute(auction), name)


def fitted_array(*axes, kind="f", least=-math.inf, ascending=False, entries=None):
    """Return the check of an array.

    Parameters
    ----------
    *axes : {"bidders", "items", "features"}, int or None
        Size of each axis; None allows any.
    kind, least :
        As for :func:`check_array`.
    ascending : bool
        Whether entries must not decrease along the last axis.
    entries : check, optional
        Of each entry. Given, the array is one of objects.
    """
    kind = "O" if entries else kind

    def check(auction, value, name):
        n_bidders, n_items = auction._fitted_shape()
        sizes = {"bidders": n_bidders, "items": n_items, "features": auction.n_features_in_}
        check_array(value, name, [sizes.get(axis, axis) for axis in axes], kind, least)
        if ascending and (np.diff(value) < 0).any():
            raise ValueError(f"{name} must be ascending; got others")
        for entry in value.flat if entries else ():
            check_value(entries, auction, entry, f"every entry of {name}")

    return check


def fitted_object(cls):
    """Return the check of an object of exactly this class.

    A class whose instances must agree with the auction they belong to has a method
    ``_check_fits(auction, name)`` that raises ValueError.
    """

    def check(auction, value, name):
        if type(value) is not cls:
            raise ValueError(f"{name} must be of {cls.__name__}; got {short_repr(value)}")
        if hasattr(cls, "_check_fits"):
            value._check_fits(auction, name)

    return check


def fitted_rows(auction, value, name):
    """Check a list of dicts of numbers and texts."""
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise ValueError(f"{name} must be a list of dicts; got {short_repr(value)}")
    entries = [one for row in value for one in (*row, *row.values())]
    if not all(one is None or isinstance(one, bool | int | float | str) for one in entries):
        raise ValueError(f"{name} must hold numbers and texts; got others")


def fitted_n_items(auction, value, name):
    """Check the number of items."""
    check_value(count(), auction, value, name)
    if auction.n_items not in (None, value):
        raise ValueError(f"{name} must be n_items={auction.n_items}; got {value}")


def fitted_n_features(auction, value, name):
    """Check the number of columns of X."""
    check_value(count(), auction, value, name)
    shape, given = auction._fitted_shape(), auction._given_shape()
    fits = all(size in (None, own) for size, own in zip(given, shape))
    if value != shape[0] * shape[1] or not fits:
        axes = " * ".join(auction.domain.axes[1:])
        raise ValueError(f"{name} must be {axes}; got {short_repr(value)}")


def fitted_names(axis):
    """Return the check of the names of agents (axis 0) or entries (axis 1)."""

    def check(auction, value, name):
        if value is None:
            return
        check_list(value, name, auction._fitted_shape()[axis])
        if not all(isinstance(one, str) for one in value):
            raise ValueError(f"{name} must hold texts; got others")
        agents = getattr(auction, "agent_names_", None)
        if axis and agents is not None:
            _check_named(auction, agents, value, name)

    return check


def _check_named(auction, agents, entries, name):
    try:
        column_order(list(auction.feature_names_in_), agents, entries)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{name} must fit feature_names_in_; got others") from error


def fitted_support(auction, value, name):
    """Check the range of reports: the outcome at its ends must not overflow."""
    fitted_array("bidders", "items", 2)(auction, value, name)
    check_support(value, *auction._fitted_shape(), auction.domain.lowest)
    check_size(largest(value), auction.scale_, name)


def fitted_typical(auction, value, name):
    """Check the median report: a legal report of the right shape."""
    fitted_array("bidders", "items", least=auction.domain.lowest)(auction, value, name)
