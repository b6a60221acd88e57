"""Every public function and class but estimators, given whatever somebody may give it.

A case is one call: a right answer, or one ValueError or TypeError that names an argument; never
another exception, a warning, or NaN. SKLAUCTION_CASES=20 tries twenty times as many, others in
every run.
"""

import inspect
import math
import operator
import re
from pathlib import Path
from pkgutil import resolve_name

import numpy as np
import pytest
from argument_kinds import ANY, POWERS, entries, is_finite, is_same, leaves, other_shapes
from function_table import FUNCTIONS
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from strange_inputs import (
    CONTAINERS,
    DTYPES,
    SPOILS,
    VALUES,
    broken_arrays,
    cases,
    dress,
    strange_values,
)

from sklauction import datasets
from sklauction.analytic.virtual_value import prior_virtual_value
from sklauction.base import BaseAuction

# Cases of each test for each row of the table, but for slow rows.
STRANGE, CONTAINED, SCALED = 30, 40, 40
# Integers in between may be asked for, and take hours or all memory: they are not tried.
SMALL, ABSURD = 300, 2**45
# Of numpy's types that are left by the sum with 1.
NARROW = (np.uint8(255), np.int8(127), np.uint64(2**63 - 1), np.int64(2**63 - 1))

# What scikit-learn calls, and drawings, which tests/test_displays.py looks at.
NOT_CALLED = r"RegretMonitor\.on_fit_task_end|\w+(Display|Report)\.plot|show_versions"


def public_names():
    """Return the names of the reference that are no estimators, with their own methods."""
    text = (Path(__file__).parents[1] / "docs/api.rst").read_text()
    for name in re.findall(r"^   ([A-Za-z][\w.]*)$", text, re.MULTILINE):
        thing = resolve_name(f"sklauction.{name}")
        if inspect.isclass(thing) and issubclass(thing, BaseAuction):
            continue
        methods = [] if not inspect.isclass(thing) else dir(thing)
        methods = [
            f"{name}.{method}"
            for method in methods
            if not method.startswith("_")
            and callable(getattr(thing, method))
            and getattr(getattr(thing, method), "__module__", "").startswith("sklauction")
        ]
        # Displays are made by their methods only.
        yield from methods if name.endswith("Display") else [name, *methods]


def test_table_holds_every_public_name():
    names = {name for name in public_names() if not re.fullmatch(NOT_CALLED, name)}
    assert names <= {name.split(",")[0] for name in FUNCTIONS}
    for name in FUNCTIONS:
        resolve_name(f"sklauction.{name.split(',')[0]}")


ROWS = [name for name, row in FUNCTIONS.items() if row.share]
DIRECT = [name for name in ROWS if FUNCTIONS[name].direct]
SIZES = st.sampled_from([(1, 1, 1), (4, 2, 2), (1, 2, 3), (7, 3, 1), (3, 1, 2), (5, 2, 2)])


def plain_arguments(row, sizes):
    return {name: argument.plain for name, argument in row.arguments(sizes).items()}


def answers(row, arguments, *names):
    """Return an answer in a list; an empty one where an error names one of the arguments."""
    try:
        return [row.call(**arguments)]
    except (ValueError, TypeError) as error:
        message = str(error)
        assert any(re.search(rf"\b{name}\b", message) for name in (*names, *row.also)), message
    except row.raises:
        pass
    return []


def may_be_tried(value):
    """Say whether a value asks for neither hours nor all memory, and is nobody's own function."""
    try:
        size = operator.index(value)
    except TypeError:
        return not callable(value)
    except ValueError:
        return True
    return size < SMALL or size > ABSURD


def try_value(row, arguments, changed, value):
    """Give an argument a value: the answer is right, or an error names it."""
    given_ones = {name: one.plain for name, one in arguments.items()} | {changed: value}
    # Of arrays that do not fit together, either may be named.
    fit = [one for one in arguments if arguments[one].shape and arguments[changed].shape]
    for answer in answers(row, given_ones, changed, *fit):
        try:
            plain = arguments[changed].accepts(value)
        except Exception as error:
            raise AssertionError(f"{changed}={value!r} was answered: {answer!r}") from error
        if row.finite:
            is_finite(answer)
        if plain is not ANY:
            plain_ones = {**given_ones, changed: plain}
            is_same(row.call(**plain_ones), answer)
            row.is_right(answer, **plain_ones)


def changeable(row):
    """Return the arguments that are the function's own."""
    return [name for name in row.arguments((4, 2, 2)) if name[0] != "_"]


def strange_for(shape):
    """Return what is tried for an argument: everything listed, and for an array what is none."""
    listed = [value for value in (*VALUES, *NARROW) if may_be_tried(value)]
    if shape is None:
        return listed
    values, random = np.random.RandomState(0).uniform(0, 3, shape), np.random.RandomState(0)
    return [*listed, *other_shapes(shape), *(spoil(values, random) for spoil in SPOILS.values())]


@pytest.mark.filterwarnings("ignore:X has feature names:UserWarning")
@pytest.mark.parametrize("name", DIRECT)
def test_every_strange_value_is_answered_rightly_or_refused(name):
    row = FUNCTIONS[name]
    arguments = row.arguments((4, 2, 2))
    for changed in changeable(row):
        for value in strange_for(arguments[changed].shape):
            try_value(row, arguments, changed, value)


@pytest.mark.filterwarnings("ignore:X has feature names:UserWarning")
@pytest.mark.parametrize("name", DIRECT)
def test_any_value_is_answered_rightly_or_refused(name):
    row = FUNCTIONS[name]

    @cases(math.ceil(STRANGE * row.share))
    @given(st.data(), SIZES)
    def try_one(data, sizes):
        changed = data.draw(st.sampled_from(changeable(row)))
        arguments = row.arguments(sizes)
        kinds, shape = [strange_values()], arguments[changed].shape
        if shape is not None:
            broken = broken_arrays(shape).map(lambda drawn: drawn[1])
            kinds += [broken, broken, st.sampled_from(other_shapes(shape))]
        value = data.draw(st.one_of(kinds))
        assume(may_be_tried(value))
        try_value(row, arguments, changed, value)

    try_one()


@pytest.mark.parametrize("name", [name for name, row in FUNCTIONS.items() if not row.share])
def test_what_takes_nothing_strange_answers(name):
    row = FUNCTIONS[name]
    answer = row.call(**plain_arguments(row, (4, 2, 2)))
    assert list(leaves(answer))
    if row.finite:
        is_finite(answer)


def arrays_of(row):
    return [name for name, one in row.arguments((4, 2, 2)).items() if one.shape is not None]


@pytest.mark.parametrize("name", [name for name in DIRECT if arrays_of(FUNCTIONS[name])])
def test_equal_numbers_in_any_container_give_equal_answers(name):
    row = FUNCTIONS[name]

    @cases(math.ceil(CONTAINED * row.share))
    @given(st.data(), SIZES, st.integers(0, 10**6))
    def try_one(data, sizes, seed):
        arguments = row.arguments(sizes)
        changed = data.draw(st.sampled_from(arrays_of(row)))
        kind = data.draw(st.sampled_from([*CONTAINERS, *DTYPES]))
        shape = arguments[changed].shape
        # Frames have two axes.
        assume(not kind.startswith("frame") or len(shape) == 2)
        dressed, plain = dress(kind, entries(shape, seed, arguments[changed].ordered))
        given_ones = plain_arguments(row, sizes)
        expected = answers(row, {**given_ones, changed: plain}, changed)
        found = answers(row, {**given_ones, changed: dressed}, changed)
        assert len(found) == len(expected)
        # Other orders in memory are added up in other orders: rounding of sums of up to 30.
        is_same(expected, found, room=1e-12)

    try_one()


def money_of(row):
    return [name for name, one in row.arguments((4, 2, 2)).items() if one.money]


@pytest.mark.parametrize("name", [name for name in ROWS if money_of(FUNCTIONS[name])])
def test_money_of_any_size(name):
    row = FUNCTIONS[name]

    @cases(math.ceil(SCALED * row.share))
    @given(st.sampled_from(row.factors), SIZES, st.integers(0, 10**6))
    def try_one(factor, sizes, seed):
        arguments = row.arguments(sizes)
        unit, scaled = {}, {}
        for place, (name, argument) in enumerate(arguments.items()):
            plain = argument.plain
            if argument.shape is not None:
                plain = entries(argument.shape, seed + place, argument.ordered)
                # Not beyond the largest number.
                plain = plain / 3 if factor >= 1e299 else plain
            unit[name], scaled[name] = plain, plain * factor if argument.money else plain
        for answer in answers(row, scaled, *money_of(row)):
            if row.finite:
                is_finite(answer)
            row.is_right(answer, **scaled)
            if factor in POWERS:
                base = row.call(**unit)
                is_same(row.money(base), row.money(answer), factor)
                is_same(row.rest(base), row.rest(answer))

    try_one()


class Draws:
    """A distribution that is none: its draws and quantiles are always these, or an error."""

    def __init__(self, values):
        self.values = values

    def _give(self, size):
        if isinstance(self.values, Exception):
            raise self.values
        return self.values if np.ndim(self.values) else np.full(size, self.values)

    def rvs(self, size=None, random_state=None):
        return self._give(size)

    def ppf(self, q):
        return self._give(np.shape(q))

    def cdf(self, x):
        return np.full(np.shape(x), 0.5)


BAD_DISTRIBUTIONS = {
    "negative": stats.norm(-5, 1),
    "sometimes negative": stats.uniform(-1, 2),
    "no legal scale": stats.uniform(0, -1),
    "NaN scale": stats.expon(scale=np.nan),
    "not frozen": stats.beta,
    "class": stats.rv_continuous,
    "of several values": stats.multivariate_normal([1, 1]),
    "draws NaN": Draws(np.nan),
    "draws infinity": Draws(np.inf),
    "draws text": Draws("a"),
    "draws complex numbers": Draws(1j),
    "draws None": Draws(None),
    "draws a number of axes": Draws(np.ones((2, 3))),
    "raises": Draws(ValueError("no draws today")),
    "raises of a type": Draws(TypeError("no draws of this type")),
    "without methods": object(),
}
DRAWING = {
    "distribution": lambda one: datasets.make_valuations(20, 1, 2, one, random_state=0),
    "start": lambda one: datasets.make_drifting_valuations(2, 20, 1, 2, one, random_state=0),
    "end": lambda one: datasets.make_drifting_valuations(2, 20, 1, 2, end=one, random_state=0),
    "marginals|distribution": lambda one: datasets.ProductPrior([[one]]).sample(20, 0),
    "components|distribution": lambda one: datasets.make_valuations(
        20, 1, 1, datasets.Mixture([one], [1.0]), random_state=0
    ),
}


@pytest.mark.parametrize("argument", DRAWING)
@pytest.mark.parametrize("kind", BAD_DISTRIBUTIONS)
def test_what_draws_no_valuations_is_refused(kind, argument):
    with pytest.raises(ValueError, match=argument):
        DRAWING[argument](BAD_DISTRIBUTIONS[kind])


@pytest.mark.parametrize("kind", [one for one in BAD_DISTRIBUTIONS if "negative" not in one])
def test_what_has_no_quantiles_has_no_virtual_value(kind):
    with pytest.raises(ValueError, match="distribution"):
        prior_virtual_value(BAD_DISTRIBUTIONS[kind])


def test_at_least_ten_thousand_cases_are_tried():
    listed = [
        len(strange_for(row.arguments((4, 2, 2))[changed].shape))
        for row in map(FUNCTIONS.get, DIRECT)
        for changed in changeable(row)
    ]
    tried = sum(listed) + sum(math.ceil(STRANGE * FUNCTIONS[name].share) for name in DIRECT)
    for n_cases, chosen in ((CONTAINED, arrays_of), (SCALED, money_of)):
        names = DIRECT if chosen is arrays_of else ROWS
        rows = [FUNCTIONS[name] for name in names if chosen(FUNCTIONS[name])]
        tried += sum(math.ceil(n_cases * row.share) for row in rows)
    assert tried >= 10_000
