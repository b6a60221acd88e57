"""Distributions of whole profiles: what :mod:`sklauction.datasets` samples from."""

import functools
import inspect

import numpy as np
from scipy import stats

from sklauction.datasets.distributions import check_memory, check_rng, describe
from sklauction.utils.validation import check_count, to_floats

__all__ = ["ProductPrior", "TrianglePrior", "as_grid", "check_sizes", "is_prior", "report_range"]

# Where a prior has no highest value, reports end at its quantile 1 - TAIL.
TAIL = 1e-6
MISSING = object()


class ProductPrior:
    """Prior under which all values are independent.

    Independence of bidders is what makes Myerson's auction of one item optimal [1]_.

    Parameters
    ----------
    marginals : array-like of shape (n_bidders, n_items)
        Distributions of values in money, each with ``rvs(size, random_state)``; also
        ``support()`` and ``ppf`` where the range of reports is asked for. Every frozen
        scipy.stats distribution has them.

    Attributes
    ----------
    marginals : ndarray of object of shape (n_bidders, n_items)
        As given.

    Raises
    ------
    ValueError
        If marginals are not a grid of objects with ``rvs``; in :meth:`sample`, if a draw is
        negative or not finite; of ``support`` and ``bounded``, if one of them has no range.

    References
    ----------
    .. [1] Myerson, "Optimal Auction Design", Mathematics of Operations Research 6(1), 1981,
       section 2.

    Examples
    --------
    >>> from scipy.stats import uniform
    >>> from sklauction.datasets import ProductPrior
    >>> ProductPrior([[uniform(0, 1), uniform(0, 3)]]).support
    array([[[0., 1.],
            [0., 3.]]])
    """

    def __init__(self, marginals):
        self.marginals = as_grid(marginals, "marginals")
        if self.marginals.ndim != 2 or not self.marginals.size:
            raise ValueError(
                "marginals must be a grid of shape (n_bidders, n_items); got shape "
                f"{self.marginals.shape}"
            )

    @property
    def shape(self):
        """``(n_bidders, n_items)``."""
        return self.marginals.shape

    @property
    def support(self):
        """Lowest and highest report, ndarray of shape (n_bidders, n_items, 2), in money."""
        box = np.array([report_range(d) for d in self.marginals.flat], dtype=float)
        return box.reshape(*self.shape, 2)

    @property
    def bounded(self):
        """Whether ``support`` holds every value of the prior."""
        return bool(np.isfinite([_ends(d) for d in self.marginals.flat]).all())

    def sample(self, n_samples, random_state=None):
        """Draw profiles.

        Parameters
        ----------
        n_samples : int
            Number of profiles.
        random_state : int, RandomState, Generator or None
            Seed or source of randomness; None differs in every call.

        Returns
        -------
        ndarray of shape (n_samples, n_bidders, n_items)
            Valuations in money, float64.

        Raises
        ------
        ValueError
            If ``n_samples`` is not a positive integer, ``random_state`` is no seed, or a draw is
            negative, not finite or not one number per profile.
        """
        check_sizes(n_samples=n_samples, n_bidders=self.shape[0], n_items=self.shape[1])
        rng = check_rng(random_state)
        profiles = np.empty((n_samples, *self.shape))
        for cell in np.ndindex(self.shape):
            profiles[(slice(None), *cell)] = _draw(self.marginals[cell], n_samples, rng, cell)
        return profiles


class TrianglePrior:
    """One bidder, two items, uniform on the triangle (0, 0), (0, 1), (1, 0).

    The two values, in money, depend on each other. The optimum sells both items as one [1]_.

    Raises
    ------
    ValueError
        In :meth:`sample`, if ``n_samples`` is not a positive integer.

    References
    ----------
    .. [1] Haghpanah & Hartline, "Reverse Mechanism Design", EC 2015.

    Examples
    --------
    >>> from sklauction.datasets import TrianglePrior
    >>> bool((TrianglePrior().sample(100, random_state=0).sum(axis=2) <= 1).all())
    True
    """

    shape = (1, 2)
    bounded = True
    marginals = None

    @property
    def support(self):
        """Lowest and highest report, in money, ndarray of shape (1, 2, 2): the triangle's box."""
        return np.array([[[0.0, 1.0], [0.0, 1.0]]])

    def sample(self, n_samples, random_state=None):
        """Draw profiles.

        Parameters
        ----------
        n_samples : int
            Number of profiles.
        random_state : int, RandomState, Generator or None
            Seed or source of randomness; None differs in every call.

        Returns
        -------
        ndarray of shape (n_samples, 1, 2)
            Valuations in money, float64.

        Raises
        ------
        ValueError
            If ``n_samples`` is not a positive integer or ``random_state`` is no seed.
        """
        check_sizes(n_samples=n_samples, n_bidders=1, n_items=2)
        square = check_rng(random_state).uniform(size=(n_samples, 1, 2))
        above = square.sum(axis=2, keepdims=True) > 1
        return np.where(above, 1 - square, square)


def is_prior(thing):
    """Say whether something is a prior: it has all that a ProductPrior has."""
    names = ("bounded", "marginals", "sample", "shape", "support")
    if isinstance(thing, type):
        return False
    # A table of pandas has a shape and can be sampled, too. Nothing is computed to find out.
    return all(inspect.getattr_static(thing, name, MISSING) is not MISSING for name in names)


def check_sizes(**sizes):
    """Return sizes of an array as int; raise ValueError unless memory could hold it."""
    shape = tuple(check_count(size, name) for name, size in sizes.items())
    check_memory(shape, ", ".join(sizes))
    return shape


def report_range(distribution):
    """Return the lowest and highest report; a quantile where there is no such value."""
    low, high = _ends(distribution)
    low = low if np.isfinite(low) else distribution.ppf(TAIL)
    return low, high if np.isfinite(high) else distribution.ppf(1 - TAIL)


def as_grid(distributions, name):
    """Return distributions as an object array; raise ValueError unless all can be sampled."""
    expected = f"{name} must be from scipy.stats (or have rvs), or an array of such"
    try:
        grid = np.asarray(distributions, dtype=object).copy()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{expected}; got {type(distributions).__name__} ({error})") from error
    for one in grid.flat:
        if not hasattr(one, "rvs"):
            raise ValueError(f"{expected}; got {one!r}")
    return grid


def _ends(distribution):
    """Return the lowest and highest value of a distribution, infinite where there is none."""
    if not (hasattr(distribution, "support") and hasattr(distribution, "ppf")):
        raise ValueError(
            "marginals must have support() and ppf where the range of reports is asked for; got "
            f"{describe(distribution)}"
        )
    return distribution.support()


def _draw(distribution, n_samples, rng, cell):
    """Return n_samples draws for one (bidder, item), checked: one axis, none negative."""
    try:
        values = to_floats(distribution.rvs(size=n_samples, random_state=rng))
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"distribution must draw numbers by rvs(size, random_state); {describe(distribution)} "
            f"raised {type(error).__name__}: {error}"
        ) from error
    if values.shape != (n_samples,):
        raise ValueError(
            f"distribution must draw one number per profile; {describe(distribution)} drew an "
            f"array of shape {values.shape} for n_samples={n_samples}"
        )
    lowest, highest = values.min(), values.max()
    if not (lowest >= 0 and highest < np.inf):
        raise ValueError(
            "distribution must draw finite valuations of at least 0; "
            f"{describe(distribution)} of bidder {cell[0]}, item {cell[1]} drew "
            f"{highest if lowest >= 0 else lowest}: shift or truncate it"
        )
    return values


@functools.cache
def uniform(low, high):
    return stats.uniform(low, high - low)


def product_prior(shape, distribution, name="distribution"):
    """Return the product prior of a distribution, or a grid of them, broadcast to shape."""
    grid = as_grid(uniform(0.0, 1.0) if distribution is None else distribution, name)
    try:
        grid = np.broadcast_to(grid, shape)
    except ValueError as error:
        raise ValueError(
            f"{name} must be one distribution or broadcast to (n_bidders, n_items) = {shape}; "
            f"got a grid of shape {grid.shape}"
        ) from error
    return ProductPrior(grid)
