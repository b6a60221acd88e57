"""Strange inputs for tests that try many: money, arrays in every container, parameter values.

Strategies of hypothesis. Numbers within an array come from a seed that is drawn, not one by one:
that is a hundred times faster, and what matters is the kind of array, not its entries.
"""

import os
import tempfile
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import scipy.sparse
import torch
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

# How many times as many cases as usual; where given, other ones in every run.
FACTOR = int(os.environ.get("SKLAUCTION_CASES", "0"))

# Money from the smallest number above zero to nearly the largest.
FACTORS = (5e-324, 1e-310, 1e-300, 1e-150, 1e-40, 1e-9, 1.0, 3.0, 1e9, 1e40, 1e150, 1e300)


def cases(n):
    """Return settings under which a test tries n cases: the same ones in every run.

    The environment variable SKLAUCTION_CASES multiplies them and draws others in every run.
    """
    return settings(
        max_examples=n * max(FACTOR, 1),
        derandomize=not FACTOR,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )


def money(least=0.0, most=1e300):
    """Draw an amount of money: zero, from 5e-324 to 1e300, or of the usual size."""
    usual = [0.0, 0.5, 1.0, 7.25, *FACTORS]
    return st.one_of(
        st.sampled_from([amount for amount in usual if least <= amount <= most]),
        st.floats(max(least, 1e-3), min(most, 1e3)),
        st.floats(least, most, allow_subnormal=True),
    )


class Unfriendly:
    """An object that takes part in nothing: no truth, no order, no length."""

    def __bool__(self):
        raise TypeError("an unfriendly object has no truth value")

    def __repr__(self):
        return "Unfriendly()"


class Claims:
    """An object that claims to be an array, and is none."""

    shape = (3, 2, 2)

    def __repr__(self):
        return "Claims()"


def _function(*arguments, **named):
    raise NotImplementedError("a function that nobody should call")


# What somebody may give where one number, name or switch is expected.
VALUES = (
    *(None, True, False, np.True_, "", "auto", "text", "0", "1.5", "nan", b"bytes"),
    *(float("nan"), float("inf"), -float("inf"), 0, -0.0, 0.0, -1, -1.5, 0.5, 1, 1.0, 2, 2.5),
    *(3, 5e-324, -5e-324, 1e-300, 1e300, -1e300, 2**31, 2**63, 2**64, 10**30, 10**400, -(10**400)),
    *(np.int8(1), np.int64(2), np.uint64(2**64 - 1), np.float32(0.5), np.float16(2), np.float64(1)),
    *(np.float64("nan"), np.longdouble(1), np.array(0.5), np.array(1), np.array([1, 2])),
    *(np.array([]), np.zeros((2, 2, 2)), np.array([0.5, np.nan]), np.array(["a", "b"])),
    *(np.array([None, 1], dtype=object), np.ma.masked, np.ma.array([1, 2], mask=[0, 1])),
    *([], [1], [1, 2], [0, 1], [1, 0], (), (1,), (0,), (2, 2), (1.0, 2.0), (1, "a"), (-1, 1)),
    *([float("nan")], [[1, 2], [3]], [None], ["auto"], [[]], [0, float("inf")], [True], [10**400]),
    *({}, {"a": 1}, {1, 2}, frozenset(), range(2), slice(2), Ellipsis, NotImplemented),
    *(1j, Fraction(1, 2), Decimal("0.5"), Decimal("nan"), pd.NA, pd.NaT, pd.Timestamp(0)),
    *(np.datetime64("2020-01-01"), np.timedelta64(1, "s"), np.void(b"a"), np.str_("auto")),
    *(object, int, float, str, ValueError, torch.nn.Linear, Unfriendly(), Claims(), _function, len),
    *(torch.tensor(1.0), torch.tensor([1, 2]), pd.Series([1, 2]), pd.DataFrame({"a": [1]})),
    *(scipy.sparse.csr_array(np.eye(2)), np.random.RandomState(0), np.random.default_rng(0)),
    *(memoryview(b"ab"), bytearray(b"ab"), iter(()), os, type("Own", (), {})()),
)


# Text may be taken for the name of a file: none outside the present folder.
AWAY_FROM_FOLDERS = st.characters(exclude_characters="/\\.")


def strange_values():
    """Draw what somebody may give for a scalar parameter: of every type, right and wrong.

    None, truth values, strings, NaN and infinities, integers to 10**400, numpy's scalars, lists,
    arrays, masked and sparse ones, tensors, dates, functions, classes, objects.
    """
    others = st.one_of(st.floats(), st.text(AWAY_FROM_FOLDERS, max_size=4))
    listed = st.sampled_from(VALUES)
    return st.one_of(listed, listed, listed, st.integers(-3, 70), st.floats(-2, 2), others)


# --- arrays -----------------------------------------------------------------------------------


def _frame(values, columns=None):
    table = values.reshape(len(values), -1) if len(values) else values.reshape(0, 1)
    return pd.DataFrame(table, columns=columns)


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


def _read_only(values):
    values = values.copy()
    values.flags.writeable = False
    return values


def _objects(values, kind):
    grid = np.empty(values.shape, dtype=object)
    for place, value in np.ndenumerate(values):
        grid[place] = kind(value)
    return grid


def _nested(values, kind):
    return kind(_nested(part, kind) for part in values) if np.ndim(values) else float(values)


class Likewise:
    """An object that is an array by numpy's protocol only."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)

    def __repr__(self):
        return "Likewise(...)"


class Subclass(np.ndarray):
    """A subclass of numpy's arrays."""


# What holds the same numbers in another way. Each takes an array of float64.
CONTAINERS = {
    "plain": lambda values: values.copy(),
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
    "nested lists": lambda values: values.tolist(),
    "nested tuples": lambda values: _nested(values, tuple),
    "list of arrays": list,
    "subclass": lambda values: values.copy().view(Subclass),
    "masked, nothing hidden": np.ma.array,
    "array protocol": Likewise,
    "tensor": torch.tensor,
    "frame": _frame,
    "frame of columns of strings": lambda values: _frame(
        values, [f"c{k}" for k in range(values[0].size if len(values) else 1)]
    ),
    "frame that can miss": lambda values: _frame(values).astype("Float64"),
}
# What holds rounded numbers: those that are compared to, in float64, come out of it again.
DTYPES = (
    *("float16", "float32", "<f4", ">f4", "int8", "int16", "int32", "int64", ">i8"),
    *("uint8", "uint16", "uint32", "uint64", "bool"),
)


def dress(kind, values):
    """Return values (float64) in the container or dtype of this name, and as plain float64."""
    if kind in CONTAINERS:
        return CONTAINERS[kind](values), values
    dressed = values.astype(kind)
    return dressed, dressed.astype(float)


def _with(entry):
    """Return a function that puts an entry into a copy, at a place that the seed chooses."""

    def spoil(values, random):
        values = values.copy()
        values.flat[random.randint(values.size)] = entry
        return values

    return spoil


def _with_object(entry):
    def spoil(values, random):
        return _with(entry)(values.astype(object), random)

    return spoil


def _hidden(values, random):
    mask = np.zeros(values.shape, dtype=bool)
    mask.flat[random.randint(values.size)] = True
    return np.ma.array(values, mask=mask)


def _frame_with(entry):
    def spoil(values, random):
        frame = _frame(values).astype(object)
        frame.iloc[random.randint(len(frame)), 0] = entry
        return frame

    return spoil


def _flat(values):
    return values.reshape(len(values), -1)


# What is no array of finite numbers, whatever its shape. Each takes an array of float64, not
# empty, and a generator.
SPOILS = {
    "NaN": _with(np.nan),
    "infinity": _with(np.inf),
    "minus infinity": _with(-np.inf),
    "NaN throughout": lambda values, random: np.full(values.shape, np.nan),
    "NaN in single precision": lambda values, random: _with(np.nan)(values, random).astype("f4"),
    "infinity in half precision": lambda values, random: _with(np.inf)(values, random).astype("f2"),
    "infinity in Fortran order": lambda values, random: np.asfortranarray(
        _with(np.inf)(values, random)
    ),
    "NaN in lists": lambda values, random: _with(np.nan)(values, random).tolist(),
    "None": _with_object(None),
    "text among objects": _with_object("a lot"),
    "object among objects": _with_object(object()),
    "complex among objects": _with_object(1 + 2j),
    "list among objects": lambda values, random: _ragged_objects(values),
    "huge integer": _with_object(10**400),
    "missing, pandas": _with_object(pd.NA),
    "date among objects": _with_object(pd.Timestamp(0)),
    "complex": lambda values, random: values + 1j,
    "dates": lambda values, random: np.rint(values).astype("M8[s]"),
    "durations": lambda values, random: np.rint(values).astype("m8[s]"),
    "words": lambda values, random: np.full(values.shape, "a lot"),
    "words in bytes": lambda values, random: np.full(values.shape, b"a lot"),
    "records": lambda values, random: np.zeros(values.shape, dtype=[("a", float), ("b", int)]),
    "raw bytes": lambda values, random: np.zeros(values.shape, dtype="V8"),
    "too large a long double": lambda values, random: _with(np.longdouble("1e400"))(
        values.astype(np.longdouble), random
    ),
    "masked": _hidden,
    "masked throughout": lambda values, random: np.ma.masked_all(values.shape),
    "sparse matrix": lambda values, random: scipy.sparse.csr_matrix(_flat(values)),
    "sparse array": lambda values, random: scipy.sparse.coo_array(_flat(values)),
    "matrix": lambda values, random: _flat(values).view(np.matrix),
    "ragged": lambda values, random: [*values.tolist(), [1.0]],
    "words in lists": lambda values, random: [[["a", "b"]], [["c", "d"]]],
    "number": lambda values, random: 3.0,
    "array of no axes": lambda values, random: np.array(3.0),
    "column": lambda values, random: values.ravel(),
    "five axes": lambda values, random: np.zeros((2, 1, 1, 1, 1)),
    "nothing": lambda values, random: None,
    "text": lambda values, random: "valuations",
    "bytes": lambda values, random: b"valuations",
    "dict": lambda values, random: {"a": values},
    "set": lambda values, random: {1.0, 2.0},
    "generator": lambda values, random: (row for row in values),
    "range": lambda values, random: range(4),
    "class": lambda values, random: np.ndarray,
    "function": lambda values, random: _function,
    "object": lambda values, random: object(),
    "claims a shape": lambda values, random: Claims(),
    "unfriendly": lambda values, random: Unfriendly(),
    "empty list": lambda values, random: [],
    "list of nothing": lambda values, random: [[]],
    "no rows": lambda values, random: values[:0],
    "tensor that learns": lambda values, random: _with(np.nan)(
        torch.tensor(values, requires_grad=True).detach().numpy(), random
    ),
    "series": lambda values, random: pd.Series(values.ravel()),
    "frame with a word": _frame_with("a lot"),
    "frame with NaN": _frame_with(np.nan),
    "frame with NA": lambda values, random: _frame_with(pd.NA)(values, random).astype("Float64"),
    "frame with a date": _frame_with(pd.Timestamp(0)),
    "empty frame": lambda values, random: pd.DataFrame(),
}


def _ragged_objects(values):
    grid = values.astype(object)
    grid.flat[0] = [1.0, 2.0]
    return grid


def _values(shape, seed, factor):
    """Return values on [0, 3) times a factor, sometimes on a lattice or with zeros."""
    random = np.random.RandomState(seed)
    values = random.uniform(0, 3, shape)
    if seed % 3 == 1:
        values = np.floor(values)
    if seed % 5 == 1:
        values *= random.uniform(size=shape) < 0.5
    if factor >= 1e299:
        values /= 3.0
    return values * factor


def seeds():
    """Draw the seed of an array's entries."""
    return st.integers(0, 2**31 - 1)


@st.composite
def legal_arrays(draw, shape, factors=(1.0,)):
    """Draw (kind, array, plain): non-negative numbers of a shape, and the same in float64.

    The array may be of any container or dtype that holds numbers: an order in memory, read-only,
    memory-mapped, objects, lists, a subclass, a tensor, and for two axes or more (flat) frames.
    Other factors than 1 stay in float64.
    """
    factor = draw(st.sampled_from(factors))
    kinds = [*CONTAINERS, *DTYPES] if factor == 1 else list(CONTAINERS)
    kind = draw(st.sampled_from(kinds))
    values = _values(shape, draw(seeds()), factor)
    dressed, plain = dress(kind, values)
    return f"{kind}, times {factor}", dressed, plain


@st.composite
def broken_arrays(draw, shape):
    """Draw (kind, thing): what is no array of finite numbers of this shape, whatever else it is.

    NaN and infinities in many forms, missing and hidden entries, words, dates, complex numbers,
    records, sparse matrices, ragged lists, other shapes, objects that are no arrays at all.
    """
    kind = draw(st.sampled_from(list(SPOILS)))
    seed = draw(seeds())
    random = np.random.RandomState(seed)
    return kind, SPOILS[kind](_values(shape, seed, 1.0), random)


@st.composite
def legal_profiles(draw, n_bidders, n_items, least=2, most=12, factors=(1.0,)):
    """Draw (kind, X, plain): profiles in any form that is accepted, and as plain 3-D float64.

    At least one value is above zero. Half of them are flat.
    """
    n_samples = draw(st.integers(least, most))
    kind, X, plain = draw(legal_arrays((n_samples, n_bidders, n_items), factors))
    if not plain.any():
        return "ones", np.ones(plain.shape), np.ones(plain.shape)
    if isinstance(X, np.ndarray | torch.Tensor) and draw(st.booleans()):
        return f"flat, {kind}", X.reshape(n_samples, n_bidders * n_items), plain
    return kind, X, plain


# Shapes that are not (n_samples, n_bidders, n_items): each takes these three.
SHAPES = {
    "no bidders": lambda n, bidders, items: (n, 0, items),
    "no items": lambda n, bidders, items: (n, bidders, 0),
    "no columns": lambda n, bidders, items: (n, 0),
    "a bidder too many": lambda n, bidders, items: (n, bidders + 1, items),
    "an item too many": lambda n, bidders, items: (n, bidders, items + 1),
    "a column too many": lambda n, bidders, items: (n, bidders * items + 1),
    "one axis": lambda n, bidders, items: (n,),
    "four axes": lambda n, bidders, items: (1, n, bidders, items),
    "no axes": lambda n, bidders, items: (),
    "no samples": lambda n, bidders, items: (0, bidders, items),
}


@st.composite
def broken_profiles(draw, n_bidders, n_items):
    """Draw (kind, X): what no auction for so many bidders and items can be fitted or run on."""
    spoiled = st.one_of(
        broken_arrays((4, n_bidders, n_items)),
        broken_arrays((3, n_bidders * n_items)),
    )
    if draw(st.integers(0, 3)):
        kind, X = draw(spoiled)
        return (kind, X)
    kind = draw(st.sampled_from([*SHAPES, "negative", "slightly negative"]))
    if kind in SHAPES:
        return kind, np.ones(SHAPES[kind](draw(st.integers(2, 5)), n_bidders, n_items))
    values = _values((4, n_bidders, n_items), draw(seeds()), 1.0)
    values.flat[draw(st.integers(0, values.size - 1))] = -1.0 if kind == "negative" else -5e-324
    return kind, values


@st.composite
def strange_profiles(draw, n_bidders, n_items):
    """Draw (kind, X): profiles of any sort, legal or not, of money of any size."""
    if draw(st.booleans()):
        return draw(broken_profiles(n_bidders, n_items))
    kind, X, _ = draw(legal_profiles(n_bidders, n_items, factors=FACTORS))
    return kind, X
