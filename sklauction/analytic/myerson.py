"""Myerson's optimal auction, for each item separately or for the bundle of all items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklauction.analytic.dependence import warn_of_dependence
from sklauction.analytic.virtual_value import (
    IronedVirtualValue,
    RevenueCurve,
    empirical_virtual_value,
    prior_virtual_value,
    revenue_curve,
)
from sklauction.base import BaseAuction
from sklauction.datasets.priors import broadcast_grid
from sklauction.utils.constraints import ANY, FLAG
from sklauction.utils.saving import fitted_array, fitted_derived, fitted_object
from sklauction.utils.types import ArrayLike, Distribution, Profiles
from sklauction.utils.validation import check_below, to_floats

__all__ = ["BundleMyersonAuction", "MyersonAuction", "reserve_prices", "sell_one"]

# Plateaus of a virtual value up to this width, relative to the highest value, count as rounding.
SHORTEST_FLAT = 1e-6


def sell_one(virtual_values, bids):
    """Sell one good to the bidder with the highest non-negative ironed virtual value.

    This is the optimal auction [1]_. Ties go to the first bidder, so bidder i wins if its virtual
    value exceeds those of earlier bidders and is at least zero and those of later bidders. It pays
    the smallest bid that would still have won, so truthful bidding is dominant, also within ironed
    intervals and at atoms.

    Parameters
    ----------
    virtual_values : sequence of n_bidders IronedVirtualValue
        Or other non-decreasing, right-continuous functions with an ``inverse``.
    bids : ndarray of shape (n_samples, n_bidders)
        In money.

    Returns
    -------
    won : ndarray of bool of shape (n_samples, n_bidders)
    payments : ndarray of shape (n_samples, n_bidders)
        In money; zero for losing bidders.

    References
    ----------
    .. [1] Myerson, "Optimal Auction Design", Mathematics of Operations Research
       6(1), 1981, sections 5 and 6; the payment is equation 5.6.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.stats import uniform
    >>> from sklauction.analytic.myerson import sell_one
    >>> from sklauction.analytic.virtual_value import prior_virtual_value
    >>> phi = prior_virtual_value(uniform(0, 1))
    >>> won, payments = sell_one([phi, phi], np.array([[0.9, 0.7], [0.3, 0.8], [0.4, 0.2]]))
    >>> won.astype(int)
    array([[1, 0],
           [0, 1],
           [0, 0]])
    >>> payments.round(6)
    array([[0.7, 0. ],
           [0. , 0.5],
           [0. , 0. ]])
    """
    phi = np.empty(bids.shape)
    for bidder, virtual_value in enumerate(virtual_values):
        phi[:, bidder] = virtual_value(bids[:, bidder])
    winner = np.argmax(phi, axis=1)
    sold = np.max(phi, axis=1) >= 0
    won = sold[:, None] & (winner[:, None] == np.arange(bids.shape[1]))
    payments = np.zeros(bids.shape)
    for bidder, virtual_value in enumerate(virtual_values):
        rows = np.flatnonzero(won[:, bidder])
        to_exceed = phi[rows, :bidder].max(axis=1, initial=-np.inf)
        to_reach = phi[rows, bidder + 1 :].max(axis=1, initial=0.0)
        price = virtual_value.inverse(np.maximum(to_exceed, to_reach), strict=to_exceed >= to_reach)
        # The inverse is exact up to rounding; a payment above the bid would break IR.
        payments[rows, bidder] = np.minimum(price, bids[rows, bidder])
    return won, payments


class MyersonAuction(BaseAuction):
    """Myerson's optimal auction, run separately for each item.

    The item goes to the bidder with the highest ironed virtual value, if it is not negative, and
    the winner pays the smallest bid that still wins; ties go to the first bidder. For one item no
    truthful auction earns more if bidders are independent [1]_. For several items and additive
    bidders, selling each item separately is truthful but in general not optimal.

    Parameters
    ----------
    n_bidders : int, default=None
        Number of bidders; inferred from the data if None. A flat X needs it, unless its columns
        name the bidders.
    n_items : int, default=None
        Number of items; inferred from the data if None.
    prior : frozen scipy.stats distribution or array-like of them, default=None
        Distributions of the values, in money: one for all, or a nested list or object array that
        broadcasts to (n_bidders, n_items). Other objects with ``ppf`` and ``cdf`` are accepted,
        see :func:`~sklauction.analytic.virtual_value.prior_virtual_value`. If None, the empirical
        distributions of the samples are used.
    symmetric : bool, default=False
        Whether all bidders have the same distribution, so that their samples of an item are
        pooled. Ignored if a prior is given.

    Attributes
    ----------
    virtual_values_ : ndarray of IronedVirtualValue of shape (n_bidders, n_items)
        Ironed virtual values, in money: callables with ``inverse``, ``reserve`` and
        ``ironed_intervals``.
    reserve_prices_ : ndarray of shape (n_bidders, n_items)
        Smallest bid that can win, in money.
    ironed_intervals_ : ndarray of object of shape (n_bidders, n_items)
        For each bidder and item, an array of shape (n_intervals, 2): ends of the intervals of
        values, in money, where the virtual value is not monotone and was ironed.
    reserve_only_ : ndarray of bool of shape (n_items,)
        Whether the auction of the item is a second-price auction with one reserve: all bidders
        have the same virtual value, and it is strictly increasing above the reserve.
    n_items_ : int
        Number of items.
    scale_ : float
        Money unit of the samples. Does not affect the auction.
    support_ : ndarray of shape (n_bidders, n_items, 2)
        Lowest and highest valuations seen in fit, in money.

    Raises
    ------
    ValueError
        In fit, if a parameter or X is invalid, or ``prior`` does not broadcast or contains
        objects without ``ppf`` and ``cdf`` or distributions of negative values only.
    NotFittedError
        In all other methods, before fit.

    See Also
    --------
    BundleMyersonAuction : Sells all items as one bundle.
    LookAheadAuction : For dependent bidders.
    VCGAuction : Maximises welfare instead of revenue.

    Notes
    -----
    The auction is optimal for independent bidders; without a prior, for independent draws from
    the empirical distributions. It is truthful for dependent bidders, too, but not optimal. Unless
    a prior is given, ``fit`` warns if the values of two bidders for an item have a rank correlation
    of at least 0.05 that is significant at level 1e-6.

    References
    ----------
    .. [1] Myerson, "Optimal Auction Design", Mathematics of Operations Research
       6(1), 1981, sections 5 and 6 (ironing).

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.stats import uniform
    >>> from sklauction import MyersonAuction
    >>> V = np.random.RandomState(0).uniform(size=(100, 2, 1))
    >>> auction = MyersonAuction(n_bidders=2, prior=uniform(0, 1)).fit(V)
    >>> auction.reserve_prices_.round(4)
    array([[0.5],
           [0.5]])
    >>> auction.predict([[[0.9], [0.6]]]).payments.round(4)
    array([[0.6, 0. ]])
    """

    _parameter_constraints = {**BaseAuction._parameter_constraints, "prior": ANY, "symmetric": FLAG}

    _saved = {
        **BaseAuction._saved,
        "virtual_values_": fitted_array(
            "bidders", "items", entries=fitted_object(IronedVirtualValue)
        ),
        "reserve_prices_": fitted_derived(lambda auction: reserve_prices(auction.virtual_values_)),
        "ironed_intervals_": fitted_derived(lambda auction: _ironed(auction.virtual_values_)),
        "reserve_only_": fitted_derived(lambda auction: _reserve_only(auction.virtual_values_)),
    }

    def __init__(
        self,
        n_bidders: int | None = None,
        n_items: int | None = None,
        *,
        prior: Distribution | Sequence[Any] = None,
        symmetric: bool = False,
    ) -> None:
        self._store(locals())

    def _check_parameters(self):
        super()._check_parameters()
        if self.prior is not None:
            for distribution in _as_grid(self.prior).flat:
                _check_methods(distribution)

    def _check_sizes(self, n_bidders, n_items):
        if self.prior is not None:
            # Not before fit: loading a file evaluates no distribution.
            for distribution in _as_grid(self.prior).flat:
                _check_quantiles(distribution)
            broadcast_prior(self.prior, (n_bidders, n_items))

    def _fit(self, valuations):
        if self.prior is not None:
            self.virtual_values_ = _of_prior(broadcast_prior(self.prior, valuations.shape[1:]))
        else:
            warn_of_dependence(self, valuations)
            self.virtual_values_ = _of_samples(valuations, self.symmetric)
        self.reserve_prices_ = reserve_prices(self.virtual_values_)
        self.ironed_intervals_ = _ironed(self.virtual_values_)
        self.reserve_only_ = _reserve_only(self.virtual_values_)

    def virtual_value(self, v: ArrayLike, bidder: int = 0, item: int = 0) -> np.ndarray:
        """Return the ironed virtual values of a bidder for an item.

        Parameters
        ----------
        v : array-like of any shape
            Values in money.
        bidder, item : int, default=0
            Index of the bidder and of the item.

        Returns
        -------
        ndarray of the shape of v
            In money; minus infinity below the lowest value of the fitted distribution.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If the bidder or item does not exist, or v is not numeric.

        Examples
        --------
        >>> import numpy as np
        >>> from scipy.stats import uniform
        >>> from sklauction import MyersonAuction
        >>> V = np.random.RandomState(0).uniform(size=(10, 2, 1))
        >>> auction = MyersonAuction(n_bidders=2, prior=[[uniform(0, 1)], [uniform(0, 4)]]).fit(V)
        >>> auction.virtual_value([0.75, 1.0], bidder=0), auction.virtual_value(3, bidder=1)
        (array([0.5, 1. ]), array(2.))
        """
        self._check_place(bidder, item)
        values = to_floats(v, "v must contain numbers")
        if np.isnan(values).any():
            raise ValueError("v must contain numbers; got NaN")
        return self.virtual_values_[bidder, item](values)

    def revenue_curve(
        self, X: Profiles | None = None, *, bidder: int = 0, item: int = 0
    ) -> RevenueCurve:
        """Return the revenue curve of a bidder for an item.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_bidders, n_items) or flat, default=None
            The valuations passed to fit, in money, which the auction does not store. Ignored if
            it has a ``prior``.
        bidder, item : int, default=0
            Index of the bidder and of the item.

        Returns
        -------
        RevenueCurve
            Prices and revenues in money, probabilities of sale, and virtual values before and
            after ironing.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If the bidder or item does not exist, or there is no ``prior`` and X is None or of
            another shape than in fit.
        """
        self._check_place(bidder, item)
        if self.prior is not None:
            prior = broadcast_prior(self.prior, self.virtual_values_.shape)
            return revenue_curve(prior[bidder, item])
        if X is None:
            raise ValueError("X must be the samples passed to fit if prior is None; got None")
        values = self.as_profiles(X)[:, :, item]
        return revenue_curve(values.ravel() if self.symmetric else values[:, bidder])

    def _check_place(self, bidder, item):
        check_is_fitted(self)
        n_bidders, n_items = self.virtual_values_.shape
        check_below(bidder, "bidder", n_bidders)
        check_below(item, "item", n_items)

    def _run(self, bids):
        allocations, payments = np.empty(bids.shape), np.zeros(bids.shape[:2])
        for item in range(bids.shape[2]):
            won, paid = sell_one(self.virtual_values_[:, item], bids[:, :, item])
            allocations[:, :, item] = won
            payments += paid
        return allocations, payments


class BundleMyersonAuction(BaseAuction):
    """Myerson's optimal auction of the bundle of all items.

    A bidder values the bundle at the sum of its values. The bundle goes to the bidder with the
    highest ironed virtual value of its sum [1]_, if it is not negative, and the winner pays the
    smallest sum that still wins; ties go to the first bidder. Virtual values come from samples.
    The auction is truthful. For few bidders it often earns more than selling the items
    separately, as sums of many values vary less than single values.

    Parameters
    ----------
    n_bidders : int, default=None
        Number of bidders; inferred from the data if None. A flat X needs it, unless its columns
        name the bidders.
    n_items : int, default=None
        Number of items; inferred from the data if None.
    symmetric : bool, default=False
        Whether all bidders have the same distribution, so that their samples are pooled.

    Attributes
    ----------
    virtual_values_ : ndarray of IronedVirtualValue of shape (n_bidders,)
        Ironed virtual values of the bundle, in money.
    reserve_prices_ : ndarray of shape (n_bidders,)
        Smallest sum of bids that can win, in money.
    n_items_ : int
        Number of items.
    scale_ : float
        Money unit of the samples. Does not affect the auction.
    support_ : ndarray of shape (n_bidders, n_items, 2)
        Lowest and highest valuations seen in fit, in money.

    Raises
    ------
    ValueError
        In fit, if a parameter or X is invalid.
    NotFittedError
        In predict and score, before fit.

    See Also
    --------
    MyersonAuction : Sells each item separately.

    Notes
    -----
    If the sums of two bidders are dependent, ``fit`` warns, as
    :class:`~sklauction.MyersonAuction` does.

    References
    ----------
    .. [1] Myerson, "Optimal Auction Design", Mathematics of Operations Research
       6(1), 1981, sections 5 and 6 (ironing).

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction import BundleMyersonAuction
    >>> auction = BundleMyersonAuction(n_bidders=1).fit([[[1, 1]], [[2, 2]], [[1, 3]]])
    >>> auction.reserve_prices_
    array([4.])
    >>> allocations, payments = auction.predict([[[4, 1]], [[1, 2]]])
    >>> allocations[:, 0], payments[:, 0]
    (array([[1., 1.],
           [0., 0.]]), array([4., 0.]))
    """

    _parameter_constraints = {**BaseAuction._parameter_constraints, "symmetric": FLAG}

    _saved = {
        **BaseAuction._saved,
        "virtual_values_": fitted_array("bidders", entries=fitted_object(IronedVirtualValue)),
        "reserve_prices_": fitted_derived(lambda auction: reserve_prices(auction.virtual_values_)),
    }

    def __init__(
        self, n_bidders: int | None = None, n_items: int | None = None, *, symmetric: bool = False
    ) -> None:
        self._store(locals())

    def _fit(self, valuations):
        sums = valuations.sum(axis=2, keepdims=True)
        warn_of_dependence(self, sums, goods="the bundle")
        self.virtual_values_ = _of_samples(sums, self.symmetric)[:, 0]
        self.reserve_prices_ = reserve_prices(self.virtual_values_)

    def _run(self, bids):
        won, payments = sell_one(self.virtual_values_, bids.sum(axis=2))
        return np.repeat(won[:, :, None].astype(float), bids.shape[2], axis=2), payments


def _of_samples(valuations, symmetric):
    """Return empirical virtual values, (n_bidders, n_items)."""
    samples = valuations.reshape(-1, 1, valuations.shape[2]) if symmetric else valuations
    grid = np.empty(samples.shape[1:], dtype=object)
    for bidder, item in np.ndindex(grid.shape):
        grid[bidder, item] = empirical_virtual_value(samples[:, bidder, item])
    return np.array(np.broadcast_to(grid, valuations.shape[1:]))


def _of_prior(distributions):
    """Return the virtual value of each distribution; the same object is computed once."""
    known = {id(one): one for one in distributions.flat}
    try:
        computed = {key: prior_virtual_value(one) for key, one in known.items()}
    except (TypeError, ValueError) as error:
        raise ValueError(f"prior must contain distributions of values; {error}") from error
    return np.frompyfunc(lambda one: computed[id(one)], 1, 1)(distributions)


def reserve_prices(virtual_values):
    """Return the reserve price of each virtual value."""
    return np.frompyfunc(lambda one: one.reserve, 1, 1)(virtual_values).astype(float)


def _ironed(virtual_values):
    """Return the ironed intervals of each virtual value."""
    return np.frompyfunc(lambda one: one.ironed_intervals, 1, 1)(virtual_values)


def _reserve_only(virtual_values):
    """Return for each item whether the auction is a second-price auction with one reserve."""
    return np.array([_is_reserve_only(column) for column in virtual_values.T])


def _is_reserve_only(virtual_values):
    """Return whether these virtual values make a second-price auction with one reserve."""
    first = virtual_values[0]
    tables = [(one.values, one.levels) for one in virtual_values]
    same = all(np.array_equal(a, b) for table in tables for a, b in zip(table, tables[0]))
    long = np.diff(first.values) > SHORTEST_FLAT * first.values[-1]
    flat = long & (np.diff(first.levels) <= 0) & (first.levels[1:] >= 0)
    return len(virtual_values) == 1 or bool(same and not flat.any())


def _as_grid(prior):
    """Return a prior as an object array, 0-dimensional if it is one distribution."""
    try:
        return np.asarray(prior, dtype=object)
    except ValueError as error:
        raise ValueError(
            f"prior must be one distribution or an array of distributions; got {prior!r} ({error})"
        ) from error


def broadcast_prior(prior, shape):
    """Return the distribution of each bidder and item, or raise ValueError."""
    return broadcast_grid(_as_grid(prior), shape, "prior")


def _check_methods(distribution):
    """Raise ValueError unless the object has ``ppf`` and ``cdf``."""
    missing = [name for name in ("ppf", "cdf") if not hasattr(distribution, name)]
    if missing:
        raise ValueError(
            "prior must contain frozen scipy.stats distributions, or objects with ppf and cdf; "
            f"got {distribution!r}, which has no {' and no '.join(missing)}"
        )


def _check_quantiles(distribution):
    """Raise ValueError unless the distribution has a finite median and non-negative values."""
    must, got = "prior must contain distributions", f"got {distribution!r}"
    try:
        with np.errstate(all="ignore"):  # NaN and infinity raise below
            median = float(distribution.ppf(0.5))
            negative = float(distribution.cdf(np.nextafter(0.0, -1.0)))
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise ValueError(f"{must} whose ppf and cdf return numbers; {got}: {error}") from error
    if not np.isfinite(median):
        raise ValueError(f"{must} with finite quantiles; {got}, whose ppf(0.5) is {median}")
    if not negative < 1:
        raise ValueError(f"{must} with non-negative values; {got}, which has negative values only")


def fit_myerson(valuations, alike_bidders, alike_items):
    """Return empirical virtual values, (n_bidders, n_items), of samples pooled by symmetry."""
    _, n_bidders, n_items = valuations.shape
    if alike_items:
        valuations = valuations.transpose(0, 2, 1).reshape(-1, n_bidders, 1)
    return np.broadcast_to(_of_samples(valuations, alike_bidders), (n_bidders, n_items))
