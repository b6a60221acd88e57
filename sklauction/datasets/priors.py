"""Priors: distributions of valuation profiles."""

from __future__ import annotations

import functools

import numpy as np
from scipy import stats

from sklauction.datasets.distributions import check_fits_in_memory, check_rng, describe
from sklauction.utils.saving import savable
from sklauction.utils.types import AnySeed, ArrayLike
from sklauction.utils.validation import broadcast, check_count, to_floats

__all__ = ["ProductPrior", "TrianglePrior", "as_grid", "check_sizes", "is_prior", "report_range"]

# The support of an unbounded prior ends at its quantile 1 - TAIL.
TAIL = 1e-6


@savable
class ProductPrior:
    """Prior with independent values of all bidders and items.

    Myerson's auction of one item is optimal for such priors [1]_.

    Parameters
    ----------
    marginals : array-like of shape (n_bidders, n_items)
        Distributions of values in money, such as frozen scipy.stats distributions, with
        ``rvs(size, random_state)``. The properties ``support`` and ``bounded`` also need their
        ``support()`` and ``ppf``.

    Attributes
    ----------
    marginals : ndarray of object of shape (n_bidders, n_items)
        As given.

    Raises
    ------
    ValueError
        If marginals are not a 2-dimensional array of objects with ``rvs``; in :meth:`sample`, if a
        draw is negative or not finite; in ``support`` and ``bounded``, if a marginal has no
        ``support()`` or ``ppf``.

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

    def __init__(self, marginals: ArrayLike) -> None:
        self.marginals = as_grid(marginals, "marginals")
        if self.marginals.ndim != 2 or not self.marginals.size:
            raise ValueError(
                f"marginals must have shape (n_bidders, n_items); got shape {self.marginals.shape}"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_bidders, n_items)``."""
        return self.marginals.shape

    @property
    def support(self) -> np.ndarray:
        """Lowest and highest report, ndarray of shape (n_bidders, n_items, 2), in money."""
        box = np.array([report_range(d) for d in self.marginals.flat], dtype=float)
        return box.reshape(*self.shape, 2)

    @property
    def bounded(self) -> bool:
        """Whether ``support`` contains all values of the prior."""
        return bool(np.isfinite([_ends(d) for d in self.marginals.flat]).all())

    def sample(self, n_samples: int, random_state: AnySeed = None) -> np.ndarray:
        """Draw profiles.

        Parameters
        ----------
        n_samples : int
            Number of profiles.
        random_state : int, RandomState, Generator or None
            Seed or source of randomness.

        Returns
        -------
        ndarray of shape (n_samples, n_bidders, n_items)
            Valuations in money, float64.

        Raises
        ------
        ValueError
            If ``n_samples`` is not a positive integer, ``random_state`` is invalid, or a draw is
            negative, not finite or not one number per profile.
        """
        check_sizes(n_samples=n_samples, n_bidders=self.shape[0], n_items=self.shape[1])
        rng = check_rng(random_state)
        profiles = np.empty((n_samples, *self.shape))
        for cell in np.ndindex(self.shape):
            profiles[(slice(None), *cell)] = _draw(self.marginals[cell], n_samples, rng, cell)
        return profiles


@savable
class TrianglePrior:
    """One bidder, two items, uniform on the triangle (0, 0), (0, 1), (1, 0).

    The two values, in money, are dependent. The optimal auction sells the bundle [1]_.

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
    def support(self) -> np.ndarray:
        """Lowest and highest report, in money, ndarray of shape (1, 2, 2)."""
        return np.array([[[0.0, 1.0], [0.0, 1.0]]])

    def sample(self, n_samples: int, random_state: AnySeed = None) -> np.ndarray:
        """Draw profiles.

        Parameters
        ----------
        n_samples : int
            Number of profiles.
        random_state : int, RandomState, Generator or None
            Seed or source of randomness.

        Returns
        -------
        ndarray of shape (n_samples, 1, 2)
            Valuations in money, float64.

        Raises
        ------
        ValueError
            If ``n_samples`` is not a positive integer or ``random_state`` is invalid.
        """
        check_sizes(n_samples=n_samples, n_bidders=1, n_items=2)
        square = check_rng(random_state).uniform(size=(n_samples, 1, 2))
        above = square.sum(axis=2, keepdims=True) > 1
        return np.where(above, 1 - square, square)


def is_prior(candidate):
    """Return whether an object has the attributes of a prior."""
    names = {"bounded", "marginals", "sample", "shape", "support"}
    # hasattr would compute properties.
    return not isinstance(candidate, type) and names <= set(dir(candidate))


def check_sizes(**sizes):
    """Return sizes of an array as int; raise ValueError if they are invalid or too large."""
    shape = tuple(check_count(size, name) for name, size in sizes.items())
    check_fits_in_memory(shape, ", ".join(sizes))
    return shape


def report_range(distribution):
    """Return the lowest and highest value of a distribution; quantiles if it is unbounded."""
    low, high = _ends(distribution)
    low = low if np.isfinite(low) else distribution.ppf(TAIL)
    return low, high if np.isfinite(high) else distribution.ppf(1 - TAIL)


def as_grid(distributions, name):
    """Return distributions as an object array; raise ValueError if one has no ``rvs``."""
    expected = f"{name} must be from scipy.stats (or have rvs), or an array of such distributions"
    try:
        grid = np.asarray(distributions, dtype=object).copy()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{expected}; got {type(distributions).__name__} ({error})") from error
    for one in grid.flat:
        if not hasattr(one, "rvs"):
            raise ValueError(f"{expected}; got {one!r}")
    return grid


def _ends(distribution):
    """Return the lowest and highest value of a distribution, possibly infinite."""
    if not (hasattr(distribution, "support") and hasattr(distribution, "ppf")):
        raise ValueError(
            "marginals must have support() and ppf for the range of reports; got "
            f"{describe(distribution)}"
        )
    return distribution.support()


def floats_from(distribution, method, expected, *arguments, **options):
    """Return floats from a method of a distribution; ``expected`` begins the message of errors."""
    try:
        return to_floats(getattr(distribution, method)(*arguments, **options))
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"{expected}; got {describe(distribution)}, whose {method} raised "
            f"{type(error).__name__}: {error}"
        ) from error


def _draw(distribution, n_samples, rng, cell):
    """Return draws for one (bidder, item); raise ValueError if they are no valuations."""
    expected = "distribution must draw numbers by rvs(size, random_state)"
    values = floats_from(distribution, "rvs", expected, size=n_samples, random_state=rng)
    if values.shape != (n_samples,):
        raise ValueError(
            f"distribution must draw one number per profile; got {describe(distribution)}, which "
            f"drew an array of shape {values.shape} for n_samples={n_samples}"
        )
    lowest, highest = values.min(), values.max()
    if not (lowest >= 0 and highest < np.inf):
        raise ValueError(
            "distribution must draw finite valuations of at least 0; got "
            f"{describe(distribution)} of bidder {cell[0]}, item {cell[1]}, which drew "
            f"{highest if lowest >= 0 else lowest}"
        )
    return values


@functools.cache
def uniform(low, high):
    """Return the uniform distribution on [low, high], the same object in every call."""
    return stats.uniform(low, high - low)


def product_prior(shape, distribution, name="distribution"):
    """Return the product prior of one or several distributions, broadcast to a shape."""
    grid = as_grid(uniform(0.0, 1.0) if distribution is None else distribution, name)
    return ProductPrior(broadcast_grid(grid, shape, name))


def broadcast_grid(grid, shape, name):
    """Return the distribution of each bidder and item; raise ValueError for another shape."""
    expected = f"{name} must be one distribution or broadcast to (n_bidders, n_items) = {shape}"
    return broadcast(grid, shape, expected)
