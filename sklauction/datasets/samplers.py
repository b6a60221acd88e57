"""Samples of valuations from given distributions, stationary or drifting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklauction.datasets.distributions import check_rng, describe
from sklauction.datasets.priors import check_sizes, floats_from, product_prior
from sklauction.utils.types import AnySeed, Distribution
from sklauction.utils.validation import check_count

__all__ = ["make_drifting_valuations", "make_valuations"]


def make_valuations(
    n_samples: int,
    n_bidders: int,
    n_items: int,
    distribution: Distribution | Sequence[Any] = None,
    random_state: AnySeed = None,
) -> np.ndarray:
    """Draw valuation profiles with independent bidders and items.

    Parameters
    ----------
    n_samples : int
        Number of profiles.
    n_bidders, n_items : int
        Size of each auction.
    distribution : scipy.stats distribution, array-like of them, or None
        Distribution of the values, in money: one for all, or an array that broadcasts to
        (n_bidders, n_items), for example one per item, or ``[[d1], [d2]]`` for one per bidder.
        None means uniform on [0, 1]. Other objects with ``rvs(size, random_state)`` are accepted.
    random_state : int, RandomState, Generator or None
        Seed or source of randomness.

    Returns
    -------
    ndarray of shape (n_samples, n_bidders, n_items)
        Valuations in money, float64.

    Raises
    ------
    ValueError
        If a size is not a positive integer, the distributions do not broadcast or have no ``rvs``,
        or a draw is negative.

    See Also
    --------
    load_setting : Loads a setting from the literature.

    Examples
    --------
    >>> from scipy.stats import uniform
    >>> from sklauction.datasets import make_valuations
    >>> make_valuations(1000, n_bidders=3, n_items=2, random_state=0).shape
    (1000, 3, 2)
    >>> per_bidder = [[uniform(0, 1)], [uniform(0, 10)]]
    >>> V = make_valuations(1000, 2, 1, distribution=per_bidder, random_state=0)
    >>> V.max(axis=0).round()
    array([[ 1.],
           [10.]])
    """
    sizes = check_sizes(n_samples=n_samples, n_bidders=n_bidders, n_items=n_items)
    return product_prior(sizes[1:], distribution).sample(sizes[0], random_state)


def make_drifting_valuations(
    n_steps: int,
    n_samples: int,
    n_bidders: int,
    n_items: int,
    start: Distribution | Sequence[Any] = None,
    end: Distribution | Sequence[Any] = None,
    random_state: AnySeed = None,
) -> np.ndarray:
    """Draw valuations from a prior that drifts from one distribution to another.

    At step t of T, values are ``(1 - t / (T - 1)) F0^{-1}(q) + t / (T - 1) F1^{-1}(q)`` for
    independent uniform q, so quantiles move linearly [1]_. Pass the steps one by one to
    ``partial_fit`` of a learned auction with a ``support`` that contains them all.

    Parameters
    ----------
    n_steps : int
        Number of steps, at least 2.
    n_samples : int
        Number of profiles per step.
    n_bidders, n_items : int
        Size of each auction.
    start, end : distribution, array-like of them, or None
        First and last distribution, with ``ppf``; broadcast as in
        :func:`~sklauction.datasets.make_valuations`. None means uniform on [0, 1].
    random_state : int, RandomState, Generator or None
        Seed or source of randomness.

    Returns
    -------
    ndarray of shape (n_steps, n_samples, n_bidders, n_items)
        Valuations in money, float64.

    Raises
    ------
    ValueError
        If a size is too small, the distributions do not broadcast or have no ``ppf``, or a draw is
        negative.

    See Also
    --------
    make_valuations : Draws from a prior that does not drift.

    References
    ----------
    .. [1] McCann, "A Convexity Principle for Interacting Gases", Advances in Mathematics, 1997.

    Examples
    --------
    >>> from scipy.stats import uniform
    >>> from sklauction.datasets import make_drifting_valuations
    >>> stream = make_drifting_valuations(5, 1000, 2, 1, end=uniform(1, 1), random_state=0)
    >>> stream.shape, stream.min(axis=(1, 2, 3)).round(1)
    ((5, 1000, 2, 1), array([0. , 0.3, 0.5, 0.8, 1. ]))
    """
    check_count(n_steps, "n_steps", minimum=2)
    sizes = check_sizes(n_steps=n_steps, n_samples=n_samples, n_bidders=n_bidders, n_items=n_items)
    shape = sizes[2:]
    ends = [product_prior(shape, *one).marginals for one in ((start, "start"), (end, "end"))]
    uniforms = check_rng(random_state).uniform(size=sizes)
    shares = np.linspace(0, 1, n_steps)[:, None]
    values = np.empty(uniforms.shape)
    for place in np.ndindex(shape):
        cell = (slice(None), slice(None), *place)
        first, last = (_quantiles(grid[place], uniforms[cell]) for grid in ends)
        values[cell] = (1 - shares) * first + shares * last
    if not values.min() >= 0:
        raise ValueError(f"start and end must have values of at least 0; got {values.min()}")
    return values


def _quantiles(distribution, uniforms):
    """Return the quantiles of a distribution at uniform draws."""
    expected = "start and end must contain distributions with ppf"
    values = floats_from(distribution, "ppf", expected, uniforms)
    if values.shape != uniforms.shape or not np.isfinite(values).all():
        raise ValueError(
            "start and end must contain distributions with finite quantiles; got "
            f"{describe(distribution)}"
        )
    return values
