"""Every public function and class but estimators, with strange input.

Each call gives an answer, or a ValueError or TypeError that names an argument.
"""

import inspect
import operator
import re
from dataclasses import is_dataclass
from pathlib import Path
from pkgutil import resolve_name

import numpy as np
import pandas as pd
import pytest
from function_table import FUNCTIONS, POWERS, Array
from scipy import stats
from strange_inputs import (
    CONTAINERS,
    DTYPES,
    EXTENTS,
    SPOILS,
    VALUES,
    contain,
    entries,
    error_of,
    seeds,
    sweep,
)

import sklauction
from sklauction import datasets
from sklauction.analytic.virtual_value import prior_virtual_value
from sklauction.base import BaseMechanism

# Called by scikit-learn, or tested in tests/test_displays.py or tests/test_domains.py.
NOT_CALLED = r"RegretMonitor\.on_fit_task_end|\w+(Display|Report)\.plot|show_versions|"
NOT_CALLED += r"domains\.(base|outcome|rule).*|domains\.(auctions\.Auction|slots\.Slots)\..*"


def public_names():
    """Return the names of the reference that are not estimators, with their own methods."""
    text = (Path(__file__).parents[1] / "docs/api.rst").read_text()
    for name in re.findall(r"^   ([A-Za-z][\w.]*)$", text, re.MULTILINE):
        thing = resolve_name(f"sklauction.{name}")
        if inspect.isclass(thing) and issubclass(thing, BaseMechanism):
            continue
        methods = [
            f"{name}.{method}"
            for method in (dir(thing) if inspect.isclass(thing) else ())
            if not method.startswith("_")
            and callable(getattr(thing, method))
            and getattr(getattr(thing, method), "__module__", "").startswith("sklauction")
        ]
        # Displays are made by their methods only.
        yield from methods if name.endswith("Display") else [name, *methods]


def test_table_contains_every_public_name():
    names = {name for name in public_names() if not re.fullmatch(NOT_CALLED, name)}
    assert names == {name.split(",")[0] for name in FUNCTIONS}


def call_of(name):
    return FUNCTIONS[name].call or resolve_name(f"sklauction.{name.split(',')[0]}")


def arrays_of(name):
    arguments = FUNCTIONS[name].arguments
    return [one for one, (_, kind) in arguments.items() if isinstance(kind, Array)]


def plain_arguments(name):
    return {argument: plain for argument, (plain, _) in FUNCTIONS[name].arguments.items()}


def answers(name, arguments, *changed):
    """Return an answer in a list; an empty one if an error names a changed argument."""
    row = FUNCTIONS[name]
    try:
        return [call_of(name)(**arguments)]
    except (ValueError, TypeError) as error:
        names = "|".join([*changed, *row.also])
        assert re.search(rf"\b({names})\b", str(error)), str(error)
    except row.raises:
        pass
    return []


def leaves(answer):
    """Yield the numbers and texts of an answer as arrays."""
    if isinstance(answer, dict):
        answer = [part for name, part in answer.items() if name != "seconds"]
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


def assert_finite(answer):
    assert str(answer)
    for leaf in leaves(answer):
        assert leaf.dtype.kind == "U" or np.isfinite(leaf).all(), answer


def assert_same(first, second, factor=1.0, rounding=0.0):
    """Assert that the second answer is the first times a factor."""
    for one, other in zip(leaves(first), leaves(second), strict=True):
        if one.dtype.kind == "U":
            assert one == other
        else:
            np.testing.assert_allclose(other, one * factor, rtol=0, atol=rounding)


def is_fast(value):
    """Return whether a call takes neither hours nor all memory, nor calls a user's function."""
    try:
        return not 300 < operator.index(value) < 2**45
    except TypeError:
        return not callable(value)
    except ValueError:
        return True


def strange_values(kind):
    """Return values for an argument; for an array also spoiled ones, and of other shapes."""
    values = list(filter(is_fast, VALUES))
    if isinstance(kind, Array):
        shape = kind.shape
        values += [-entries(shape), *(spoil(entries(shape)) for spoil in SPOILS.values())]
        shapes = [(*shape, 1), (1, *shape), shape[1:], shape[:-1]]
        for axis, size in enumerate(shape):
            shapes += [(*shape[:axis], other, *shape[axis + 1 :]) for other in (0, size + 1)]
        values += map(np.ones, shapes)
    return values


@pytest.mark.filterwarnings("ignore:X has feature names:UserWarning")
@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_strange_values_are_answered_or_refused(name, extent):
    row = FUNCTIONS[name]
    for changed, (_, kind) in row.arguments.items():
        for value in sweep(strange_values(kind), extent, name + changed):
            arguments = plain_arguments(name) | {changed: value}
            # If arrays do not fit together, either may be named.
            names = arrays_of(name) if isinstance(kind, Array) else [changed]
            for answer in answers(name, arguments, *names):
                assert kind.accepts(value), (changed, value)
                if row.finite:
                    assert_finite(answer)
                if isinstance(value, np.generic):
                    plain = call_of(name)(**arguments | {changed: value.item()})
                    assert_same(plain, answer)


@pytest.mark.parametrize("name", [name for name, row in FUNCTIONS.items() if not row.arguments])
def test_functions_without_arguments_answer(name):
    answer = call_of(name)()
    assert list(leaves(answer))
    if FUNCTIONS[name].finite:
        assert_finite(answer)


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("name", list(filter(arrays_of, FUNCTIONS)))
def test_equal_numbers_in_any_container_give_equal_answers(name, extent):
    for changed in arrays_of(name):
        kind = FUNCTIONS[name].arguments[changed][1]
        for container in sweep([*CONTAINERS, *DTYPES], extent, name + changed):
            for seed in seeds(2):
                if "frame" not in container or len(kind.shape) == 2:
                    values = entries(kind.shape, seed, kind.ordered)
                    contained, plain = contain(container, values)
                    arguments = plain_arguments(name)
                    expected = answers(name, arguments | {changed: plain}, changed)
                    found = answers(name, arguments | {changed: contained}, changed)
                    # Sums of up to 30 in another order.
                    assert_same(expected, found, rounding=1e-12)


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("name", [name for name, row in FUNCTIONS.items() if row.money])
def test_answers_scale_with_money(name, extent):
    row = FUNCTIONS[name]
    for factor in sweep(row.factors, extent, name):
        for seed in seeds(2):
            unit = plain_arguments(name)
            for place, (argument, (_, kind)) in enumerate(row.arguments.items()):
                if isinstance(kind, Array):
                    unit[argument] = entries(kind.shape, seed + place, kind.ordered) / 3
            scaled = unit | {one: unit[one] * factor for one in row.money}
            for answer in answers(name, scaled, *row.money):
                if row.finite:
                    assert_finite(answer)
                if factor in POWERS:
                    base = call_of(name)(**unit)
                    assert_same(row.scaled(base), row.scaled(answer), factor)
                    assert_same(row.unscaled(base), row.unscaled(answer))


# --- priors -----------------------------------------------------------------------------------

# Distributions of values up to h, up to exponential tails.
OF_SIZE = {
    "uniform": lambda h: stats.uniform(0, h),
    "exponential": lambda h: stats.expon(scale=h),
    "two values": lambda h: datasets.Discrete([h / 2, h], [0.5, 0.5]),
    "mixture": lambda h: datasets.Mixture(
        [stats.uniform(0, h), stats.uniform(h / 2, h)], [0.25, 0.75]
    ),
}


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("kind", OF_SIZE)
def test_bounds_and_virtual_values_of_money_of_any_size(kind, extent):
    unit = prior_virtual_value(OF_SIZE[kind](1.0)).reserve
    for high in sweep((1e-300, 3.0, 1e300, *POWERS), extent, kind):
        distribution = OF_SIZE[kind](high)
        prior = datasets.ProductPrior([[distribution] * 2] * 2)
        options = {"n_cells": 3, "n_samples": 100}
        if 1e-190 < high < 1e190:
            assert prior_virtual_value(distribution).reserve == pytest.approx(high * unit)
            bounds = sklauction.optimal_revenue_bounds(prior, **options)
            # The mean of the higher of two exponential values is 1.5; sampled bounds are 2 standard
            # errors above that.
            assert 0 < bounds.lower <= bounds.upper <= 5 * high
        else:
            error = error_of(prior_virtual_value, distribution)
            assert error is None or "distribution" in str(error)
            error = error_of(sklauction.optimal_revenue_bounds, prior, **options)
            assert error is None or "source" in str(error)


class Draws:
    """A distribution whose draws and quantiles are fixed values, or an error."""

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
    "negative scale": stats.uniform(0, -1),
    "NaN scale": stats.expon(scale=np.nan),
    "not frozen": stats.beta,
    "class": stats.rv_continuous,
    "multivariate": stats.multivariate_normal([1, 1]),
    "draws NaN": Draws(np.nan),
    "draws infinity": Draws(np.inf),
    "draws text": Draws("a"),
    "draws complex numbers": Draws(1j),
    "draws None": Draws(None),
    "draws another shape": Draws(np.ones((2, 3))),
    "raises ValueError": Draws(ValueError("no draws today")),
    "raises TypeError": Draws(TypeError("no draws of this type")),
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
def test_distributions_without_valuations_are_refused(kind, argument):
    with pytest.raises(ValueError, match=argument):
        DRAWING[argument](BAD_DISTRIBUTIONS[kind])


@pytest.mark.parametrize("kind", [one for one in BAD_DISTRIBUTIONS if "negative" not in one])
def test_distributions_without_quantiles_have_no_virtual_value(kind):
    with pytest.raises(ValueError, match="distribution"):
        prior_virtual_value(BAD_DISTRIBUTIONS[kind])
