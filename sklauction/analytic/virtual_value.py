"""Ironed virtual values, of samples or of a prior, by one construction.

Offer a bidder a price ``v``: it buys with probability ``q = P(V >= v)``, and the
seller earns the revenue curve ``R(q) = q v``. The virtual value is its slope, and
the ironed virtual value is the slope of its concave hull [1]_. Both samples and a
prior become points ``(q_k, q_k v_k)`` of that curve: all of them for samples, a fine
grid of quantiles for a prior. Regular or not, with atoms or not, is then no matter.

References
----------
.. [1] Myerson, "Optimal Auction Design", Mathematics of Operations Research 6(1),
   1981, section 6; the revenue curve is that of Bulow & Roberts, "The Simple
   Economics of Optimal Auctions", Journal of Political Economy 97(5), 1989.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.isotonic import isotonic_regression

from sklauction.utils.validation import to_floats

__all__ = [
    "IronedVirtualValue",
    "RevenueCurve",
    "chance_to_reach",
    "empirical_virtual_value",
    "prior_virtual_value",
    "revenue_curve",
]

# Quantiles of a prior: even spacing for the body, even ratios for the tail of high values,
# where a heavy tail hides its revenue.
N_QUANTILES = 1 << 14
N_TAIL_QUANTILES = 1000
TAIL_FROM = 1e-2
# Rarest value looked at. Below it, survival functions known only as 1 - cdf are rounding noise.
TAIL_TO, TAIL_TO_ROUNDED = 1e-15, 1e-10
# Larger values are left out: products of money would be infinite. They must be as rare as this.
MOST_MONEY, RARE = 1e200, 1e-6
# Virtual values this small relative to the value are rounding of zero: the seller is
# indifferent and sells, whatever the money unit.
RELATIVE_ZERO = 1e-9


@dataclass(frozen=True, eq=False)
class IronedVirtualValue:
    """A non-decreasing function of a value: the slope of the ironed revenue curve.

    A polyline through the points ``(values[k], levels[k])``; a repeated value is a
    jump and the function is right-continuous there. Below the first value it is minus
    infinity (no bidder of the fitted distribution reports so little), above the last
    one it is the value itself, as for any distribution that ends there.

    Parameters
    ----------
    values : ndarray of shape (n_points,)
        Non-decreasing, in money.
    levels : ndarray of shape (n_points,)
        Ironed virtual values, non-decreasing, in money; the last equals the last value.
    ironed_intervals : ndarray of shape (n_intervals, 2)
        Ends ``[low, high)`` of the intervals of values over which the virtual value
        falls somewhere and was flattened, in money, ascending.

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

    def __call__(self, v):
        """Return the ironed virtual value of each value.

        Parameters
        ----------
        v : array-like of any shape
            Values in money.

        Returns
        -------
        ndarray of the shape of v
        """
        v = np.asarray(v, dtype=float)
        right = np.searchsorted(self.values, v, side="right")
        phi = np.where(right == 0, -np.inf, v)
        inside = (right > 0) & (right < len(self.values))
        level = self._interpolate(self.values, self.levels, right[inside], v[inside])
        # Rounding must not lift a ramp above the plateau it leads to: ties would break.
        phi[inside] = np.minimum(level, self.levels[right[inside]])
        return phi

    def inverse(self, phi, strict=False):
        """Return the smallest value whose ironed virtual value reaches each ``phi``.

        Parameters
        ----------
        phi : array-like of any shape
            Virtual values in money; may be infinite.
        strict : bool or array-like of bool, broadcastable to phi, default=False
            Where true, ``inf{v : phi(v) > phi}`` instead of ``inf{v : phi(v) >= phi}``:
            the right end of a plateau instead of its left end.

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
    def reserve(self):
        """Smallest value that is worth selling to, ``inverse(0)``, in money."""
        return float(self.inverse(0.0))

    @staticmethod
    def _interpolate(x, y, right, at):
        """Return y at ``at`` on the segments from point ``right - 1`` to ``right``."""
        x0, y0 = x[right - 1], y[right - 1]
        return y0 + (at - x0) / (x[right] - x0) * (y[right] - y0)


class RevenueCurve(NamedTuple):
    """What one buyer pays at every price, and the slopes of that curve.

    Parameters
    ----------
    values : ndarray of shape (n_points,)
        Prices, strictly ascending, in money.
    chances : ndarray of shape (n_points,)
        Probability of a value of at least the price, strictly descending.
    raw : ndarray of shape (n_points,)
        Virtual values from each price to the next, before ironing, in money.
    ironed : ndarray of shape (n_points,)
        After ironing: slopes of the concave hull.
    """

    values: np.ndarray
    chances: np.ndarray
    raw: np.ndarray
    ironed: np.ndarray

    @property
    def revenues(self):
        """Expected payment at each price, in money."""
        return self.values * self.chances

    @property
    def hull(self):
        """Largest expected payment by lotteries over prices, at the same chance of sale."""
        mass = self.chances - np.append(self.chances[1:], 0.0)
        return (self.ironed * mass)[::-1].cumsum()[::-1]


def revenue_curve(source):
    """Return the revenue curve of a prior, or of samples.

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
    """Ironed virtual value of the empirical distribution of samples.

    Exact for the distribution that draws each sample with equal probability; a step
    function, constant from one distinct sample to the next.

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
    >>> phi = empirical_virtual_value([1, 1, 4, 5])  # prices 1, 4, 5 earn 4, 8, 5 of 4 samples
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


def prior_virtual_value(distribution):
    """Ironed virtual value of a prior, from a fine grid of its quantiles.

    Where the distribution has a density it is linear between grid points, across
    atoms and gaps of the support it jumps. Either way the auction that uses it is
    exactly truthful, and what it loses against the optimum is of second order in the
    grid: a bidder's virtual value is off by little, and only with little probability.
    Ironing is that of [1]_, the revenue curve that of [2]_.

    Parameters
    ----------
    distribution : frozen scipy.stats distribution, or an object like one
        Of values in money, with vectorised ``ppf`` and ``cdf``; ``isf`` and ``sf`` are used
        for the tail where it has them. Continuous, discrete or mixed, regular or not, bounded
        or not. Negative values never buy and are left out.

    Returns
    -------
    IronedVirtualValue
        A function of values of any shape, in money, with ``inverse``, ``reserve`` and
        ``ironed_intervals``.

    Raises
    ------
    ValueError
        If the distribution has no ``ppf`` or ``cdf``, or they fail, or no quantile is finite and
        non-negative.

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
    except (TypeError, ValueError) as error:  # of scipy, as where parameters are missing
        raise ValueError(
            f"distribution must have quantiles that can be used; got {distribution!r}: {error}"
        ) from error
    levels, ironed = _iron(values, survival)
    middle = chance_to_reach(distribution, (values[1:] + values[:-1]) / 2)
    mass = survival[:-1] - survival[1:]
    # With a density, half of the cell's probability lies in its upper half, more or less.
    smooth = np.abs(middle - (survival[1:] + survival[:-1]) / 2) <= 0.25 * mass
    left, right = _ends_of_steps(values, levels, smooth)
    points = np.maximum.accumulate(np.stack([left, right], axis=1).ravel()[1:])
    kept = np.append(True, (np.diff(points) > 0) | (np.arange(1, len(points)) % 2 == 1))
    return IronedVirtualValue(np.repeat(values, 2)[1:][kept], points[kept], ironed)


def _iron(values, survival):
    """Return slopes of the concave hull of the revenue curve, and the ironed intervals.

    Pooling adjacent violators on the slopes of a curve, weighted by their runs, gives
    the slopes of its concave hull. The run from value k to k + 1 has the slope
    ``v_k - (v_{k+1} - v_k) S_{k+1} / (S_k - S_{k+1})``, the discrete
    ``v - (1 - F) / f``. The last, ``v_K``, is the greatest and is never pooled.

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
    """Return slopes of the revenue curve, one run each, and the runs."""
    above = np.append(survival[1:], 0.0)
    mass = survival - above
    return values - np.diff(values, append=values[-1]) * above / mass, mass


@np.errstate(all="ignore")  # quantiles that are too large become infinite
def _points(distribution):
    """Return strictly ascending values of a prior and P(V >= v), strictly descending."""
    exact = hasattr(distribution, "isf") and hasattr(distribution, "sf")
    tail = np.geomspace(TAIL_TO if exact else TAIL_TO_ROUNDED, TAIL_FROM, N_TAIL_QUANTILES)
    quantiles = np.unique(np.append(tail, np.linspace(0, 1, N_QUANTILES + 1)))
    if hasattr(distribution, "isf"):
        values = to_floats(distribution.isf(quantiles))
    else:
        values = to_floats(distribution.ppf(1 - quantiles))
    if values.shape != quantiles.shape:
        raise ValueError(f"prior must give one quantile for each probability; got {values.shape}")
    if (values > MOST_MONEY).any() and chance_to_reach(distribution, MOST_MONEY) > RARE:
        raise ValueError(
            f"prior must hold distributions of values up to {MOST_MONEY:g}; got {distribution!r}, "
            f"whose are larger with a chance above {RARE:g}"
        )
    values = np.unique(values[(values >= 0) & (values <= MOST_MONEY)])
    survival = np.minimum.accumulate(chance_to_reach(distribution, values))
    # Of values equally likely to be reached the highest earns most; none is out of reach.
    kept = np.flatnonzero(survival > np.append(survival[1:], 0.0))
    if not len(kept):
        raise ValueError(
            "prior must hold distributions with finite, non-negative quantiles; got "
            f"{distribution!r}, which has none"
        )
    return values[kept], survival[kept]


@np.errstate(all="ignore")
def chance_to_reach(distribution, values):
    """Return ``P(V >= v)``, atoms at v included, for an array of values."""
    below = np.nextafter(values, -np.inf)
    if hasattr(distribution, "sf"):
        return np.asarray(distribution.sf(below), dtype=float)
    return 1.0 - np.asarray(distribution.cdf(below), dtype=float)


def _ends_of_steps(values, levels, smooth):
    """Return the level just below and at each value, smooth cells joined to a polyline.

    ``levels[k]`` is the mean over the cell from value k on. Between two smooth cells
    the level is interpolated between their midpoints; elsewhere it jumps.
    """
    left, right = np.append(-np.inf, levels[:-1]), levels.copy()
    inner = np.flatnonzero(smooth[:-1] & smooth[1:]) + 1
    width = np.diff(values)
    share = width[inner - 1] / (width[inner - 1] + width[inner])
    joined = levels[inner - 1] + share * (levels[inner] - levels[inner - 1])
    left[inner] = right[inner] = joined
    return left, right
