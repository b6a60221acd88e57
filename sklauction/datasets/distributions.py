"""Distributions with the interface of scipy.stats: mixtures, and finitely many atoms."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from sklauction.utils.constraints import SEED
from sklauction.utils.saving import savable
from sklauction.utils.types import AnySeed, ArrayLike, Distribution
from sklauction.utils.validation import check_count, check_numbers, to_floats

__all__ = ["Discrete", "Mixture", "check_fits_in_memory", "check_rng", "describe", "has_density"]

# Halvings until a bracket is narrower than the spacing of floats.
BISECTIONS = 80
# Largest number of values if the memory of the machine is unknown: 8 TiB.
MOST_VALUES = 2**40


@savable
class Mixture:
    """Mixture of distributions, with methods as in scipy.stats.

    Mixtures of uniform distributions are simple priors with virtual values that require
    ironing [1]_.

    Parameters
    ----------
    components : sequence of distributions
        Distributions of values in money: frozen scipy.stats distributions, or
        :class:`~sklauction.datasets.Discrete` for atoms.
    weights : array-like of shape (n_components,)
        Probabilities of the components.

    Attributes
    ----------
    components : tuple of distributions
        As given.
    weights : ndarray of shape (n_components,)
        As given.

    Raises
    ------
    ValueError
        If ``components`` is not a sequence of distributions, or ``weights`` are not probabilities;
        in methods, if an argument is not numeric.
    AttributeError
        In methods that a component lacks, such as ``pdf`` with atoms.

    References
    ----------
    .. [1] Myerson, "Optimal Auction Design", Mathematics of Operations Research 6(1), 1981,
       section 6.

    Examples
    --------
    >>> from scipy.stats import uniform
    >>> from sklauction.datasets import Mixture
    >>> values = Mixture([uniform(0, 3), uniform(3, 5)], [0.75, 0.25])
    >>> values.support(), values.mean(), float(values.ppf(0.75))
    ((0.0, 8.0), 2.5, 3.0)
    """

    def __init__(self, components: Sequence[Distribution], weights: ArrayLike) -> None:
        self.components = _check_components(components)
        self.weights = _check_probabilities(weights, len(self.components), "weights", "components")

    def __repr__(self):
        parts = ", ".join(describe(component) for component in self.components)
        return f"Mixture([{parts}], {self.weights.tolist()})"

    def pdf(self, x: ArrayLike) -> Any:
        """Density at x per unit of money, elementwise; not available with atoms."""
        return self._mix("pdf", to_floats(x, "x must contain numbers"))

    def cdf(self, x: ArrayLike) -> Any:
        """Probability of values up to x, elementwise."""
        return self._mix("cdf", to_floats(x, "x must contain numbers"))

    def sf(self, x: ArrayLike) -> Any:
        """Probability of values above x, elementwise."""
        return self._mix("sf", to_floats(x, "x must contain numbers"))

    def ppf(self, q: ArrayLike) -> Any:
        """Smallest value in money with a cdf of at least q, elementwise, by bisection."""
        q = to_floats(q, "q must contain numbers")
        quantiles = [np.asarray(component.ppf(q), dtype=float) for component in self.components]
        low, high = np.minimum.reduce(quantiles), np.maximum.reduce(quantiles)
        for _ in range(BISECTIONS):
            middle = low / 2 + high / 2
            reached = self.cdf(middle) >= q
            low, high = np.where(reached, low, middle), np.where(reached, middle, high)
        # For arguments of unknown type mypy takes the first signature of where.
        return np.where(self.cdf(low) >= q, low, high)[()]  # type: ignore[call-overload]

    def mean(self) -> float:
        """Return the expected value, in money."""
        return float(self._mix("mean"))

    def support(self) -> tuple[float, float]:
        """Lowest and highest value, in money."""
        parts = zip(self.components, self.weights)
        lows, highs = zip(*(component.support() for component, weight in parts if weight > 0))
        return float(min(lows)), float(max(highs))

    def rvs(self, size: int | Sequence[int] | None = None, random_state: AnySeed = None) -> Any:
        """Draw values.

        Parameters
        ----------
        size : int, tuple of int or None
            Shape of the draws; a single draw if None.
        random_state : int, RandomState, Generator or None
            Seed or source of randomness.

        Returns
        -------
        float or ndarray of shape ``size``
            Values in money.

        Raises
        ------
        ValueError
            If ``size`` or ``random_state`` is invalid.
        """
        rng, size = check_rng(random_state), _check_size(size)
        chosen = np.asarray(rng.choice(len(self.components), size=size, p=self.weights))
        values = np.empty(chosen.shape)
        for index, component in enumerate(self.components):
            mine = chosen == index
            values[mine] = to_floats(component.rvs(size=int(mine.sum()), random_state=rng))
        return values[()]

    def _mix(self, method, *arguments):
        """Return the weighted sum of what a method of the components returns."""
        parts = zip(self.weights, self.components)
        return sum(weight * getattr(part, method)(*arguments) for weight, part in parts)


@savable(values="atoms")
class Discrete:
    """Distribution on finitely many values, with methods as in scipy.stats.

    An example is the prior of two values in [1]_, whose optimal auction is known.

    Parameters
    ----------
    values : array-like of shape (n_atoms,)
        Distinct values, in money.
    probabilities : array-like of shape (n_atoms,)
        Probabilities of the values.

    Attributes
    ----------
    atoms : ndarray of shape (n_atoms,)
        Ascending values, in money. Marks a distribution as discrete.
    probabilities : ndarray of shape (n_atoms,)
        Probabilities of the atoms.

    Raises
    ------
    ValueError
        If values are not finite and distinct, or ``probabilities`` are not probabilities; in
        methods, if an argument is not numeric.

    References
    ----------
    .. [1] Yao, "On Solutions for the Maximum Revenue Multi-item Auction under
       Dominant-Strategy and Bayesian Implementations", 2017.

    Examples
    --------
    >>> from sklauction.datasets import Discrete
    >>> values = Discrete([1, 2.5], [0.5, 0.5])
    >>> float(values.cdf(2.0)), float(values.ppf(0.75)), values.mean()
    (0.5, 2.5, 1.75)
    """

    def __init__(self, values: ArrayLike, probabilities: ArrayLike) -> None:
        atoms = check_numbers(values, "values", ("n_atoms",))
        chances = _check_probabilities(probabilities, atoms.size, "probabilities", "values")
        order = np.argsort(atoms)
        self.atoms, self.probabilities = atoms[order], chances[order]
        if (self.atoms[1:] <= self.atoms[:-1]).any():
            raise ValueError(f"values must be finite and distinct; got {values!r}")
        self._cumulative = np.minimum(np.r_[0.0, np.cumsum(self.probabilities)], 1.0)
        self._cumulative[-1] = 1.0

    def __repr__(self):
        return f"Discrete({self.atoms.tolist()}, {self.probabilities.tolist()})"

    def pmf(self, x: ArrayLike) -> Any:
        """Probability of x, elementwise."""
        x = to_floats(x, "x must contain numbers")
        return np.where(np.isnan(x), x, (x[..., None] == self.atoms) @ self.probabilities)[()]

    def cdf(self, x: ArrayLike) -> Any:
        """Probability of values up to x, elementwise."""
        x = to_floats(x, "x must contain numbers")
        reached = self._cumulative[np.searchsorted(self.atoms, x, side="right")]
        return np.where(np.isnan(x), x, reached)[()]

    def sf(self, x: ArrayLike) -> Any:
        """Probability of values above x, elementwise."""
        return 1.0 - self.cdf(x)

    def ppf(self, q: ArrayLike) -> Any:
        """Smallest atom in money with a cdf of at least q, elementwise; NaN for invalid q."""
        q = to_floats(q, "q must contain numbers")
        index = np.searchsorted(self._cumulative[1:], q, side="left")
        atoms = self.atoms[np.minimum(index, self.atoms.size - 1)]
        return np.where((q >= 0) & (q <= 1), atoms, np.nan)[()]

    def mean(self) -> float:
        """Return the expected value, in money."""
        return float(self.atoms @ self.probabilities)

    def support(self) -> tuple[float, float]:
        """Lowest and highest value, in money."""
        possible = self.atoms[self.probabilities > 0]
        return float(possible[0]), float(possible[-1])

    def rvs(self, size: int | Sequence[int] | None = None, random_state: AnySeed = None) -> Any:
        """Draw values.

        Parameters
        ----------
        size : int, tuple of int or None
            Shape of the draws; a single draw if None.
        random_state : int, RandomState, Generator or None
            Seed or source of randomness.

        Returns
        -------
        float or ndarray of shape ``size``
            Values in money.

        Raises
        ------
        ValueError
            If ``size`` or ``random_state`` is invalid.
        """
        rng, size = check_rng(random_state), _check_size(size)
        return rng.choice(self.atoms, size=size, p=self.probabilities)


def has_density(distribution):
    """Return whether a distribution has a density and no atoms."""
    parts = getattr(distribution, "components", (distribution,))
    return all(hasattr(part, "pdf") and not hasattr(part, "atoms") for part in parts)


def describe(distribution):
    """Return a distribution as text with its name and parameters, which scipy's repr omits."""
    if not hasattr(distribution, "dist"):
        return repr(distribution)
    words = [*map(str, distribution.args)]
    words += [f"{name}={value}" for name, value in distribution.kwds.items()]
    return f"{distribution.dist.name}({', '.join(words)})"


def check_rng(random_state):
    """Return a RandomState or a Generator from a seed or source of randomness."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    try:
        SEED.check(random_state, "random_state")
    except ValueError as error:
        raise ValueError(f"{error}, which cannot be used to seed; a Generator can") from error
    return check_random_state(random_state)


def _check_probabilities(probabilities, size, name, of):
    """Return probabilities as an array; raise ValueError if they are invalid."""
    expected = f"{name} must be {size} non-negative numbers that sum to 1, one for each of the {of}"
    checked = to_floats(probabilities, expected).copy()
    # The tolerance of numpy's `choice` is 1e-8.
    if checked.shape != (size,) or not (checked >= 0).all() or abs(checked.sum() - 1) > 1e-8:
        raise ValueError(f"{expected}; got {probabilities!r}")
    return checked


def _check_components(components):
    """Return distributions as a tuple; raise ValueError if they lack methods."""
    expected = "components must be a sequence of frozen scipy.stats distributions or Discrete ones"
    if not isinstance(components, list | tuple | np.ndarray) or not np.iterable(components):
        raise ValueError(f"{expected}; got {components!r}")
    for component in components:
        missing = [name for name in ("rvs", "cdf", "ppf") if not hasattr(component, name)]
        if missing:
            raise ValueError(f"{expected}; got {component!r}, which has no {missing[0]}")
    return tuple(components)


def _check_size(size):
    """Return ``size`` as a tuple or None; raise ValueError if it is invalid."""
    if size is None:
        return None
    shape = size if isinstance(size, tuple | list) else (size,)
    shape = tuple(check_count(axis, "size", minimum=0) for axis in shape)
    check_fits_in_memory(shape, "size")
    return shape


def check_fits_in_memory(shape, names):
    """Raise ValueError if an array of floats exceeds the memory of the machine.

    Parameters
    ----------
    shape : sequence of int
    names : str
        Names of the arguments that determine the shape.
    """
    most = MOST_VALUES
    with contextlib.suppress(AttributeError, OSError, ValueError):  # on some systems
        most = min(most, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 8)
    if math.prod(shape) > most:
        raise ValueError(
            f"{names} must have a product of at most {most:,} to fit in memory; got "
            f"{' * '.join(map(str, shape))}"
        )
