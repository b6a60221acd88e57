"""Strange inputs that many tests try: values, containers of arrays, spoiled arrays, money.

Tests try every seventh of them; those marked ``stress`` try all. The environment variable
SKLAUCTION_CASES multiplies the random cases and draws new ones in every run.
"""

import os
import tempfile
import zlib
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch

EXTENTS = ["small", pytest.param("full", marks=pytest.mark.stress)]
CASES = int(os.environ.get("SKLAUCTION_CASES", "0"))

# Money from the smallest positive number to nearly the largest.
FACTORS = (5e-324, 1e-310, 1e-300, 1e-150, 1e-40, 1e-9, 1.0, 3.0, 1e9, 1e40, 1e150, 1e300)


def sweep(values, extent, key):
    """Return all values, or every seventh in the small extent, starting where the key says."""
    values = list(values)
    return values if extent == "full" else values[zlib.crc32(key.encode()) % 7 :: 7]


def seeds(n, extent="full"):
    """Return n seeds, or a seventh in the small extent; new ones if SKLAUCTION_CASES is set."""
    n = n if extent == "full" else -(-n // 7)
    if not CASES:
        return range(n)
    drawn = np.random.SeedSequence().generate_state(n * CASES).tolist()
    print("seeds:", drawn)
    return drawn


def error_of(function, *arguments, **options):
    """Return the ValueError or TypeError that a call raises, or None."""
    try:
        function(*arguments, **options)
    except (ValueError, TypeError) as error:
        return error


# --- values -----------------------------------------------------------------------------------


class Unfriendly:
    """An object without truth value, with a shape."""

    shape = (3, 2, 2)

    def __bool__(self):
        raise TypeError("an unfriendly object has no truth value")

    def __repr__(self):
        return "Unfriendly()"


def _function(*arguments, **named):
    raise NotImplementedError("a function that must not be called")


VALUES = (
    *(None, True, False, np.True_, "", "auto", "text", "0", "1.5", "nan", b"bytes"),
    *(float("nan"), float("inf"), -float("inf"), 0, -0.0, 0.0, -1, -1.5, 0.5, 1, 1.0, 2, 2.5),
    *(3, 5e-324, -5e-324, 1e-300, 1e300, -1e300, 2**31, 2**63, 2**64, 10**30, 10**400, -(10**400)),
    *(np.int8(1), np.int64(2), np.uint64(2**64 - 1), np.float32(0.5), np.float16(2), np.float64(1)),
    *(np.uint8(255), np.int8(127), np.uint64(2**63 - 1), np.int64(2**63 - 1)),
    *(np.float64("nan"), np.longdouble(1), np.array(0.5), np.array(1), np.array([1, 2])),
    *(np.array([]), np.zeros((2, 2, 5)), np.zeros((2, 1, 1, 1, 1)), np.array([0.5, np.nan])),
    *(np.array(["a", "b"]), np.array([None, 1], dtype=object), np.ma.masked),
    *(np.ma.array([1, 2], mask=[0, 1]), [[["a", "b"]], [["c", "d"]]]),
    *([], [1], [1, 2], [0, 1], [1, 0], (), (1,), (0,), (2, 2), (1.0, 2.0), (1, "a"), (-1, 1)),
    *([float("nan")], [[1, 2], [3]], [None], ["auto"], [[]], [0, float("inf")], [True], [10**400]),
    *({}, {"a": 1}, {1, 2}, frozenset(), range(2), slice(2), Ellipsis, NotImplemented),
    *(1j, Fraction(1, 2), Decimal("0.5"), Decimal("nan"), pd.NA, pd.NaT, pd.Timestamp(0)),
    *(np.datetime64("2020-01-01"), np.timedelta64(1, "s"), np.void(b"a"), np.str_("auto")),
    *(object, int, float, str, ValueError, torch.nn.Linear, np.ndarray, Unfriendly(), _function),
    *(len, torch.tensor(1.0), torch.tensor([1, 2]), pd.Series([1, 2]), pd.DataFrame({"a": [1]})),
    *(pd.DataFrame(), scipy.sparse.csr_array(np.eye(2)), np.random.RandomState(0)),
    *(np.random.default_rng(0), memoryview(b"ab"), bytearray(b"ab"), iter(()), os),
    type("Own", (), {})(),
)


# --- arrays -----------------------------------------------------------------------------------


def entries(shape, seed=0, ordered=False):
    """Return numbers on [0, 3), some of them integers or zeros, as a read-only array."""
    random = np.random.RandomState(seed)
    values = random.uniform(0, 3, shape)
    if seed % 3 == 1:
        values = np.floor(values)
    if seed % 5 == 1:
        values *= random.uniform(size=shape) < 0.5
    return _read_only(np.sort(values, axis=0) if ordered else values)


def _read_only(values):
    values = values.copy()
    values.flags.writeable = False
    return values


def _flat(values):
    return values.reshape(len(values), -1)


def _frame(values):
    return pd.DataFrame(_flat(values))


def _strided(values, step):
    wide = np.full((*values.shape[:-1], values.shape[-1] * abs(step)), -7.0)
    view = wide[..., ::step]
    view[...] = values
    return view


def _mapped(values):
    with tempfile.TemporaryFile() as file:
        file.write(np.ascontiguousarray(values).tobytes())
        file.flush()
        return np.memmap(file, dtype=float, mode="r", shape=values.shape)


def _objects(values, kind):
    objects = values.astype(object)
    objects.reshape(-1)[:] = [kind(value) for value in values.flat]
    return objects


def _tuples(values):
    return tuple(map(_tuples, values)) if np.ndim(values) else float(values)


class ArrayLike:
    """An object that is an array by numpy's protocol only."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


class Subclass(np.ndarray):
    """A subclass of numpy's arrays."""


# Containers of float64 numbers, and types that round them.
CONTAINERS = {
    "array": np.copy,
    "Fortran order": np.asfortranarray,
    "every second": lambda values: _strided(values, 2),
    "backwards": lambda values: _strided(values, -1),
    "transposed twice": lambda values: np.ascontiguousarray(values.T).T,
    "read-only": _read_only,
    "memory-mapped": _mapped,
    "broadcast": lambda values: np.broadcast_to(values, values.shape),
    "big-endian": lambda values: values.astype(">f8"),
    "long double": lambda values: values.astype(np.longdouble),
    "float objects": lambda values: _objects(values, float),
    "Fraction objects": lambda values: _objects(values, Fraction),
    "Decimal objects": lambda values: _objects(values, Decimal),
    "lists": np.ndarray.tolist,
    "tuples": _tuples,
    "list of arrays": list,
    "subclass": lambda values: values.copy().view(Subclass),
    "masked array without mask": np.ma.array,
    "array protocol": ArrayLike,
    "tensor": lambda values: torch.tensor(values.copy()),
    "frame": _frame,
    "frame with named columns": lambda values: _frame(values).rename(columns="c{}".format),
    "nullable frame": lambda values: _frame(values).astype("Float64"),
}
DTYPES = ("float16", "float32", "<f4", ">f4", "int8", "int16", "int32", "int64", ">i8")
DTYPES += ("uint8", "uint16", "uint32", "uint64", "bool")


def contain(kind, values):
    """Return values in a container or of a dtype, and the same numbers in float64."""
    if kind in CONTAINERS:
        return CONTAINERS[kind](values), values
    rounded = values.astype(kind)
    return rounded, rounded.astype(float)


def _with(entry, dtype=float):
    """Return a function that copies values and replaces one, at a place that they determine."""

    def spoil(values):
        spoiled = values.astype(dtype)
        spoiled.reshape(-1)[zlib.crc32(values.tobytes()) % values.size] = entry
        return spoiled

    return spoil


def _frame_with(entry):
    return lambda values: _frame(_with(entry, object)(values))


# Functions from an array to something that is not an array of finite numbers of its shape.
OBJECTS = (None, "a lot", object(), 1 + 2j, [1.0, 2.0], 10**400, pd.NA, pd.Timestamp(0))
SPOILS = {
    **{
        f"{entry} in {dtype}": _with(entry, dtype)
        for entry in (np.nan, np.inf, -np.inf)
        for dtype in ("f8", "f4", "f2", "object")
    },
    **{f"{entry!r:.20} among objects": _with(entry, object) for entry in OBJECTS},
    **{f"frame with {one!r}": _frame_with(one) for one in ("a lot", np.nan, pd.Timestamp(0))},
    "nullable frame with NA": lambda values: _frame_with(pd.NA)(values).astype("Float64"),
    "only NaN": lambda values: values * np.nan,
    "infinity in Fortran order": lambda values: np.asfortranarray(_with(np.inf)(values)),
    "NaN in lists": lambda values: _with(np.nan)(values).tolist(),
    "infinity in a tensor": lambda values: torch.tensor(_with(np.inf)(values)),
    "too large a long double": _with(np.longdouble("1e400"), np.longdouble),
    "complex": lambda values: values + 1j,
    "dates": lambda values: np.rint(values).astype("M8[s]"),
    "durations": lambda values: np.rint(values).astype("m8[s]"),
    "words": lambda values: np.full(values.shape, "a lot"),
    "bytes": lambda values: np.full(values.shape, b"a lot"),
    "records": lambda values: np.zeros(values.shape, dtype=[("a", float), ("b", int)]),
    "raw bytes": lambda values: np.zeros(values.shape, dtype="V8"),
    "masked": lambda values: np.ma.array(values, mask=_with(1)(np.zeros(values.shape))),
    "fully masked": lambda values: np.ma.masked_all(values.shape),
    "sparse matrix": lambda values: scipy.sparse.csr_matrix(_flat(values)),
    "sparse array": lambda values: scipy.sparse.coo_array(_flat(values)),
    "matrix": lambda values: _flat(values).view(np.matrix),
    "ragged": lambda values: [*values.tolist(), [1.0]],
    "column": np.ravel,
    "dict": lambda values: {"a": values},
    "generator": lambda values: (row for row in values),
    "no rows": lambda values: values[:0],
    "series": lambda values: pd.Series(values.ravel()),
}
