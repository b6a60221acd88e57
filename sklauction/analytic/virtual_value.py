"""Ironed virtual values of samples or of a prior.

A bidder accepts a price ``v`` with probability ``q = P(V >= v)``, which gives the revenue curve
``R(q) = q v``. The virtual value is its slope, and the ironed virtual value is the slope of its
concave hull [1]_. The curve is represented by points ``(q_k, q_k v_k)``: all values of samples, or
a fine grid of quantiles of a prior. The construction is the same for regular and irregular
distributions, with or without atoms.

References
----------
.. [1] Myerson, "Optimal Auction Design", Mathematics of Operations Research 6(1),
   1981, section 6; the revenue curve is that of Bulow & Roberts, "The Simple
   Economics of Optimal Auctions", Journal of Political Economy 97(5), 1989.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.isotonic import isotonic_regression

from sklauction.utils.saving import savable
from sklauction.utils.tables import Tabular, make_frame
from sklauction.utils.types import ArrayLike, DataFrame, Distribution
from sklauction.utils.validation import check_numbers, to_floats

__all__ = [
    "IronedVirtualValue",
    "RevenueCurve",
    "survival_function",
    "empirical_virtual_value",
    "prior_virtual_value",
    "revenue_curve",
]

# Number of quantiles of a prior, evenly spaced.
N_QUANTILES = 1 << 14
# Number of quantiles in the tail of high values, geometrically spaced, as heavy tails matter for
# revenue; and the survival probability where the tail starts.
N_TAIL_QUANTILES, TAIL_FROM = 1000, 1e-2
# Smallest survival probability of the grid; larger if sf is computed as 1 - cdf, with rounding.
TAIL_TO, TAIL_TO_ROUNDED = 1e-15, 1e-10
# Values above MOST_MONEY are ignored, so that products do not overflow; RARE is the largest
# probability they may have.
MOST_MONEY, RARE = 1e200, 1e-6
# Virtual values up to this, relative to the value, count as 0. The seller is indifferent and sells.
RELATIVE_ZERO = 1e-9


@savable
@dataclass(frozen=True, eq=False)
class IronedVirtualValue:
    """A non-decreasing function of a value: the slope of the ironed revenue curve.

    It interpolates linearly between the points ``(values[k], levels[k])``. A repeated value is a
    jump, where the function is right-continuous. It is minus infinity below the first value, and
    the value itself above the last one.

    Parameters
    ----------
    values : ndarray of shape (n_points,)
        Non-decreasing, in money.
    levels : ndarray of shape (n_points,)
        Ironed virtual values, non-decreasing, in money; the last equals the last value.
    ironed_intervals : ndarray of shape (n_intervals, 2)
        Ascending intervals ``[low, high)`` of values, in money, where the virtual value is not
        monotone and was ironed.

    Examples
    --------
    >>> from scipy.stats import uniform
    >>> from sklauction.analytic.virtual_value import prior_virtual_value
    >>> phi = prior_virtual_value(uniform(0, 1))  # 2 v - 1
    >>> phi([0.75, 1.5]).round(6)
    array([0.5, 1.5])
    >>> round(phi.reserve, 6), phi.inverse([0.5, 2.0]).round(6)
    (0.5, array([0.75, 2.  ]))
    """

    values: np.ndarray
    levels: np.ndarray
    ironed_intervals: np.ndarray

    def __post_init__(self):
        values = check_numbers(self.values, "values", ("n_points",), least=0)
        levels = check_numbers(self.levels, "levels", values.shape)
        check_numbers(self.ironed_intervals, "ironed_intervals", ("n_rows", 2))
        for name, points in (("values", values), ("levels", levels)):
            if (points[1:] < points[:-1]).any():
                raise ValueError(f"{name} must be non-decreasing; got others")
        if levels[-1] != values[-1]:
            raise ValueError("the last level must equal the last value; got another")

    def __call__(self, v: ArrayLike) -> np.ndarray:
        """Return the ironed virtual value of each value.

        Parameters
        ----------
        v : array-like of any shape
            Values in money.

        Returns
        -------
        ndarray of the shape of v
            Virtual values in money.
        """
        v = np.asarray(v, dtype=float)
        right = np.searchsorted(self.values, v, side="right")
        phi = np.where(right == 0, -np.inf, v)
        inside = (right > 0) & (right < len(self.values))
        level = self._interpolate(self.values, self.levels, right[inside], v[inside])
        # Rounding must not exceed the next level, which would break ties on plateaus.
        phi[inside] = np.minimum(level, self.levels[right[inside]])
        return phi

    def inverse(self, phi: ArrayLike, strict: ArrayLike = False) -> np.ndarray:
        """Return the smallest value whose ironed virtual value reaches each ``phi``.

        Parameters
        ----------
        phi : array-like of any shape
            Virtual values in money; may be infinite.
        strict : bool or array-like of bool, broadcastable to phi, default=False
            If true, ``inf{v : phi(v) > phi}`` instead of ``inf{v : phi(v) >= phi}``: the right
            end of a plateau instead of its left end.

        Returns
        -------
        ndarray of the shape of phi
            At least the lowest value of the distribution.
        """
        phi = np.asarray(phi, dtype=float)
        index = np.searchsorted(self.levels, phi, side="left")
        if np.any(strict):
            index = np.where(strict, np.searchsorted(self.levels, phi, side="right"), index)
        v = np.where(index == 0, self.values[0], phi)
        inside = (index > 0) & (index < len(self.levels))
        v[inside] = self._interpolate(self.levels, self.values, index[inside], phi[inside])
        return v

    @property
    def reserve(self) -> float:
        """Smallest value with a non-negative virtual value, in money."""
        return float(self.inverse(0.0))

    @staticmethod
    def _interpolate(x, y, right, at):
        """Interpolate y between the points ``right - 1`` and ``right``."""
        x0, y0 = x[right - 1], y[right - 1]
        return y0 + (at - x0) / (x[right] - x0) * (y[right] - y0)


class _Curve(NamedTuple):
    values: np.ndarray
    chances: np.ndarray
    raw: np.ndarray
    ironed: np.ndarray


class RevenueCurve(Tabular, _Curve):
    """Expected revenue from one buyer as a function of the price, and its slopes.

    Parameters
    ----------
    values : ndarray of shape (n_points,)
        Prices, strictly ascending, in money.
    chances : ndarray of shape (n_points,)
        Probability that the value is at least the price, strictly descending.
    raw : ndarray of shape (n_points,)
        Virtual values between each price and the next, before ironing, in money.
    ironed : ndarray of shape (n_points,)
        Virtual values after ironing: slopes of the concave hull, in money.
    """

    __slots__ = ()
    _rows_are = "prices"

    @property
    def revenues(self) -> np.ndarray:
        """Expected revenue at each price, in money."""
        return self.values * self.chances

    @property
    def hull(self) -> np.ndarray:
        """Concave hull: revenue of the best lottery over prices with the same sale probability."""
        mass = self.chances - np.append(self.chances[1:], 0.0)
        return (self.ironed * mass)[::-1].cumsum()[::-1]

    def to_frame(self) -> DataFrame:
        """Return the curve as a table with one row per price. Requires pandas.

        Returns
        -------
        pandas.DataFrame
            Columns ``price``, ``chance``, ``revenue``, ``hull``, ``virtual_value`` (before ironing)
            and ``ironed``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        return make_frame(self._columns())

    def _columns(self):
        return {
            "price": self.values,
            "chance": self.chances,
            "revenue": self.revenues,
            "hull": self.hull,
            "virtual_value": self.raw,
            "ironed": self.ironed,
        }


def revenue_curve(source):
    """Return the revenue curve of a prior or of samples.

    Parameters
    ----------
    source : distribution, or array-like of shape (n_samples,)
        As for :func:`prior_virtual_value` or :func:`empirical_virtual_value`.

    Returns
    -------
    RevenueCurve

    Examples
    --------
    >>> from sklauction.analytic.virtual_value import revenue_curve
    >>> curve = revenue_curve([1, 1, 4, 5])
    >>> curve.values, curve.revenues, curve.hull
    (array([1., 4., 5.]), array([1.  , 2.  , 1.25]), array([1.  , 2.  , 1.25]))
    """
    if hasattr(source, "ppf"):
        values, survival = _points(source)
    else:
        values, counts = np.unique(np.asarray(source, dtype=float), return_counts=True)
        survival = counts[::-1].cumsum()[::-1] / counts.sum()
    raw, mass = _slopes(values, survival)
    return RevenueCurve(values, survival, raw, isotonic_regression(raw, sample_weight=mass))


def empirical_virtual_value(samples):
    """Return the ironed virtual value of the empirical distribution of samples.

    It is exact: a step function that is constant between distinct samples.

    Parameters
    ----------
    samples : array-like of shape (n_samples,)
        Finite non-negative values in money; repeated values are atoms.

    Returns
    -------
    IronedVirtualValue

    Examples
    --------
    >>> from sklauction.analytic.virtual_value import empirical_virtual_value
    >>> phi = empirical_virtual_value([1, 1, 4, 5])  # prices 1, 4, 5 earn 4, 8, 5 in total
    >>> phi([1, 3, 4, 5])
    array([-2., -2.,  3.,  5.])
    >>> phi.reserve
    4.0
    """
    values, counts = np.unique(np.asarray(samples, dtype=float), return_counts=True)
    survival = counts[::-1].cumsum()[::-1].astype(float)
    levels, ironed = _iron(values, survival)
    starts = np.flatnonzero(np.diff(levels, prepend=-np.inf))
    return IronedVirtualValue(
        np.repeat(values[starts], 2)[1:], np.repeat(levels[starts], 2)[:-1], ironed
    )


def prior_virtual_value(distribution: Distribution) -> IronedVirtualValue:
    """Return the ironed virtual value of a prior, from a fine grid of its quantiles.

    It is linear between grid points where the distribution has a density, and jumps at atoms and
    gaps of the support. An auction that uses it is exactly truthful, and its loss of revenue due
    to the grid is of second order. Ironing is that of [1]_, the revenue curve that of [2]_.

    Parameters
    ----------
    distribution : frozen scipy.stats distribution, or an object like one
        Distribution of values in money, with vectorised ``ppf`` and ``cdf``. If it has ``isf``
        and ``sf``, they are used for the tail. Negative values are ignored, as they never buy.

    Returns
    -------
    IronedVirtualValue
        Callable with ``inverse``, ``reserve`` and ``ironed_intervals``, in money.

    Raises
    ------
    ValueError
        If ``ppf`` or ``cdf`` is missing or fails, or no quantile is finite and non-negative.

    References
    ----------
    .. [1] Myerson, "Optimal Auction Design", Mathematics of Operations Research 6(1),
       1981, section 6.
    .. [2] Bulow & Roberts, "The Simple Economics of Optimal Auctions", Journal of Political
       Economy 97(5), 1989.

    Examples
    --------
    >>> from scipy.stats import expon
    >>> from sklauction.analytic.virtual_value import prior_virtual_value
    >>> round(prior_virtual_value(expon(scale=3)).reserve, 4)  # v - 3
    3.0
    """
    for name in ("ppf", "cdf"):
        if isinstance(distribution, type) or not callable(getattr(distribution, name, None)):
            raise ValueError(
                "distribution must be a frozen scipy.stats distribution, or an object with ppf "
                f"and cdf; got {distribution!r}, which has no {name}"
            )
    try:
        values, survival = _points(distribution)
    except (TypeError, ValueError) as error:  # e.g. from scipy, if parameters are missing
        raise ValueError(
            f"distribution must have valid quantiles; got {distribution!r}: {error}"
        ) from error
    levels, ironed = _iron(values, survival)
    middle = survival_function(distribution, (values[1:] + values[:-1]) / 2)
    mass = survival[:-1] - survival[1:]
    # With a density, about half of a cell's probability is in its upper half.
    smooth = np.abs(middle - (survival[1:] + survival[:-1]) / 2) <= 0.25 * mass
    left, right = _levels_at_values(values, levels, smooth)
    points = np.maximum.accumulate(np.stack([left, right], axis=1).ravel()[1:])
    kept = np.append(True, (np.diff(points) > 0) | (np.arange(1, len(points)) % 2 == 1))
    return IronedVirtualValue(np.repeat(values, 2)[1:][kept], points[kept], ironed)


def _iron(values, survival):
    """Return slopes of the concave hull of the revenue curve, and the ironed intervals.

    Isotonic regression of the slopes of a curve, weighted by their lengths, gives the slopes of its
    concave hull. Segment k has the slope ``v_k - (v_{k+1} - v_k) S_{k+1} / (S_k - S_{k+1})``, the
    discrete ``v - (1 - F) / f``. The last slope ``v_K`` is the largest and never pooled.

    Parameters
    ----------
    values : ndarray of shape (n,), strictly ascending
    survival : ndarray of shape (n,), strictly descending
        ``P(V >= v)``, or any multiple of it.
    """
    raw, mass = _slopes(values, survival)
    levels = isotonic_regression(raw, sample_weight=mass)
    falls = raw[:-1] - raw[1:] > RELATIVE_ZERO * values[1:]
    starts = np.flatnonzero(np.diff(levels, prepend=-np.inf))
    ends = np.append(starts[1:], len(levels) - 1)
    n_falls = np.append(0, np.cumsum(falls))
    ironed = n_falls[np.maximum(ends - 1, starts)] > n_falls[starts]
    levels[np.abs(levels) <= RELATIVE_ZERO * values] = 0.0
    return levels, np.stack([values[starts], values[ends]], axis=1)[ironed]


def _slopes(values, survival):
    """Return the slopes of the segments of the revenue curve, and their lengths."""
    above = np.append(survival[1:], 0.0)
    mass = survival - above
    return values - np.diff(values, append=values[-1]) * above / mass, mass


@np.errstate(all="ignore")  # quantiles may overflow
def _points(distribution):
    """Return strictly ascending values of a prior, and their strictly descending P(V >= v)."""
    exact = hasattr(distribution, "isf") and hasattr(distribution, "sf")
    tail = np.geomspace(TAIL_TO if exact else TAIL_TO_ROUNDED, TAIL_FROM, N_TAIL_QUANTILES)
    quantiles = np.unique(np.append(tail, np.linspace(0, 1, N_QUANTILES + 1)))
    if hasattr(distribution, "isf"):
        values = to_floats(distribution.isf(quantiles))
    else:
        values = to_floats(distribution.ppf(1 - quantiles))
    if values.shape != quantiles.shape:
        raise ValueError(
            f"prior must return one quantile per probability; got shape {values.shape} for "
            f"{quantiles.shape}"
        )
    if (values > MOST_MONEY).any() and survival_function(distribution, MOST_MONEY) > RARE:
        raise ValueError(
            f"prior must contain distributions of values up to {MOST_MONEY:g}; got "
            f"{distribution!r}, which exceeds it with a probability above {RARE:g}"
        )
    values = np.unique(values[(values >= 0) & (values <= MOST_MONEY)])
    survival = np.minimum.accumulate(survival_function(distribution, values))
    # Of values with the same survival probability, keep the highest, which earns most.
    kept = np.flatnonzero(survival > np.append(survival[1:], 0.0))
    if not len(kept):
        raise ValueError(
            "prior must contain distributions with finite, non-negative quantiles; got "
            f"{distribution!r}, which has none"
        )
    return values[kept], survival[kept]


@np.errstate(all="ignore")
def survival_function(distribution, values):
    """Return ``P(V >= v)``, including atoms at v, for an array of values."""
    below = np.nextafter(values, -np.inf)
    if hasattr(distribution, "sf"):
        return np.asarray(distribution.sf(below), dtype=float)
    return 1.0 - np.asarray(distribution.cdf(below), dtype=float)


def _levels_at_values(values, levels, smooth):
    """Return the virtual value just below and at each value.

    ``levels[k]`` is the mean over the cell that starts at value k. Between two smooth cells the
    virtual value is interpolated between their midpoints; elsewhere it jumps.
    """
    left, right = np.append(-np.inf, levels[:-1]), levels.copy()
    inner = np.flatnonzero(smooth[:-1] & smooth[1:]) + 1
    width = np.diff(values)
    share = width[inner - 1] / (width[inner - 1] + width[inner])
    joined = levels[inner - 1] + share * (levels[inner] - levels[inner - 1])
    left[inner] = right[inner] = joined
    return left, right
