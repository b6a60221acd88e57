"""Distributions of whole profiles: what :mod:`sklauction.datasets` samples from."""

import numpy as np

from sklauction.checks import check_count
from sklauction.distributions import check_rng, describe

__all__ = ["ProductPrior", "TrianglePrior", "report_range"]

# Where a prior has no highest value, reports end at its quantile 1 - TAIL.
TAIL = 1e-6


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
        negative.

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
        self.marginals = np.array(marginals, dtype=object)
        strangers = [d for d in self.marginals.flat if not hasattr(d, "rvs")]
        if self.marginals.ndim != 2 or strangers:
            got = f"{strangers[0]!r} in it" if strangers else f"shape {self.marginals.shape}"
            raise ValueError(
                "distribution must be from scipy.stats (or have rvs), or be a grid of such of "
                f"shape (n_bidders, n_items); got {got}"
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
        return bool(np.isfinite([d.support() for d in self.marginals.flat]).all())

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
            negative or not one number per profile.
        """
        check_count(n_samples, "n_samples")
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
        check_count(n_samples, "n_samples")
        square = check_rng(random_state).uniform(size=(n_samples, 1, 2))
        above = square.sum(axis=2, keepdims=True) > 1
        return np.where(above, 1 - square, square)


def report_range(distribution):
    """Return the lowest and highest report; a quantile where there is no such value."""
    low, high = distribution.support()
    low = low if np.isfinite(low) else distribution.ppf(TAIL)
    return low, high if np.isfinite(high) else distribution.ppf(1 - TAIL)


def _draw(distribution, n_samples, rng, cell):
    """Return n_samples draws for one (bidder, item), checked: one axis, none negative."""
    values = np.asarray(distribution.rvs(size=n_samples, random_state=rng), dtype=float)
    if values.shape != (n_samples,):
        raise ValueError(
            f"distribution must draw one number per profile; {describe(distribution)} drew an "
            f"array of shape {values.shape} for n_samples={n_samples}"
        )
    lowest = values.min()
    if not lowest >= 0:
        raise ValueError(
            f"distribution must draw valuations of at least 0; {describe(distribution)} of "
            f"bidder {cell[0]}, item {cell[1]} drew {lowest}: shift or truncate it"
        )
    return values
