"""Valuation samples: settings by name, with prior, reports and known optimum in one object.

Axes are always in the order sample, bidder, item. Money is in the unit of the prior.
"""

import difflib
import functools
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from sklauction._settings import SETTINGS
from sklauction.checks import (
    DEMANDS,
    check_choice,
    check_count,
    check_number,
    check_numbers,
    to_floats,
)
from sklauction.distributions import Discrete, Mixture, check_rng, describe
from sklauction.known_revenues import (
    BUNDLE_MYERSON_REVENUE,
    uniform_single_item_revenue,
    vcg_uniform_revenue,
    yao_revenue,
)
from sklauction.priors import ProductPrior, TrianglePrior, as_grid, check_sizes, is_prior

__all__ = [
    "BUNDLE_MYERSON_REVENUE",
    "AuctionSetting",
    "Discrete",
    "Mixture",
    "ProductPrior",
    "TrianglePrior",
    "list_settings",
    "load_setting",
    "make_drifting_valuations",
    "make_valuations",
    "uniform_single_item_revenue",
    "vcg_uniform_revenue",
    "yao_revenue",
]


@dataclass(frozen=True, eq=False)
class AuctionSetting:
    """An auction to be designed: who bids on what, with which prior, and what is known of it.

    Sampler, range of reports and optimum live in one object, so that they cannot disagree.

    Parameters
    ----------
    name : str
        Name by which :func:`~sklauction.datasets.load_setting` knows it.
    prior : ProductPrior or TrianglePrior
        Distribution of the profiles.
    demand : {"additive", "unit"}
        How a bidder values several items.
    description : str
        The prior in words.
    optimal_revenue : float or None
        Largest expected revenue of any DSIC and IR auction, in money, where known.
    optimal_revenue_bounds : (float, float) or None
        Lower and upper bound on it, in money, where it is not known exactly.
    best_known_revenue : float or None
        Revenue of the best exact auction known here, in money, where the optimum is not known.
    menu : str or None
        The optimal (or best known) auction in words.
    source : str
        Where these figures come from, and what is not known.
    published : dict of {str: (float, float or str or None)}
        Revenue and regret (None where not printed) that papers print, in money, by method. Some
        papers print regret's mean over bidders and others the sum: compare with care.

    Raises
    ------
    ValueError
        If the prior is none, the name no text, the demand not one of these, or a revenue not a
        finite number.

    Examples
    --------
    >>> from sklauction.datasets import load_setting
    >>> setting = load_setting("additive_1x2_uniform_416_47")
    >>> setting.n_bidders, setting.n_items, setting.bounded
    (1, 2, True)
    >>> setting.support
    array([[[ 4., 16.],
            [ 4.,  7.]]])
    """

    name: str
    prior: object = field(repr=False)
    demand: str = "additive"
    description: str = ""
    optimal_revenue: float | None = None
    optimal_revenue_bounds: tuple | None = None
    best_known_revenue: float | None = None
    menu: str | None = field(default=None, repr=False)
    source: str = field(default="", repr=False)
    published: dict = field(default_factory=dict, repr=False)

    def __post_init__(self):
        if not is_prior(self.prior):
            raise ValueError(
                "prior must have sample, shape, support, bounded and marginals, as a ProductPrior "
                f"has; got {self.prior!r}"
            )
        if not isinstance(self.name, str):
            raise ValueError(f"name must be a text; got {self.name!r}")
        check_choice(self.demand, "demand", DEMANDS)
        for name in ("optimal_revenue", "best_known_revenue"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, check_number(getattr(self, name), name))
        name = "optimal_revenue_bounds"
        if self.optimal_revenue_bounds is not None:
            bounds = check_numbers(self.optimal_revenue_bounds, name, (2,))
            object.__setattr__(self, name, tuple(bounds.tolist()))

    @property
    def n_bidders(self):
        """Number of bidders."""
        return self.prior.shape[0]

    @property
    def n_items(self):
        """Number of items."""
        return self.prior.shape[1]

    @property
    def support(self):
        """Lowest and highest report, in money, a new ndarray of shape (n_bidders, n_items, 2).

        The box around the prior. Where the prior has no highest value (see ``bounded``) it
        ends at the quantile 1 - 1e-6 and one value in a million lies outside.
        """
        return self.prior.support

    @property
    def bounded(self):
        """Whether ``support`` holds every value of the prior."""
        return self.prior.bounded

    @property
    def marginals(self):
        """Distributions, object array of shape (n_bidders, n_items); None if not independent."""
        return self.prior.marginals

    def sample(self, n_samples, random_state=None):
        """Draw profiles from the prior.

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
            If ``n_samples`` is not a positive integer or ``random_state`` is no seed.
        """
        return self.prior.sample(n_samples, random_state)


def list_settings():
    """Return the names that :func:`~sklauction.datasets.load_setting` knows.

    Returns
    -------
    list of str
        In the order of the package's table.

    Examples
    --------
    >>> from sklauction.datasets import list_settings
    >>> "additive_2x2_uniform" in list_settings()
    True
    """
    return list(SETTINGS)


def load_setting(name):
    """Return a setting of the literature by name.

    Its ``source`` says where its figures are from: for one item Myerson [1]_, for two values Yao
    [2]_, for one bidder the papers that :class:`~sklauction.SingleBuyerAuction` names.

    Parameters
    ----------
    name : str
        One of :func:`list_settings`.

    Returns
    -------
    AuctionSetting
        A new object in every call, its figures in the money of its prior.

    Raises
    ------
    ValueError
        If there is no such setting; the message lists all names and the nearest one.

    See Also
    --------
    make_valuations : Samples from distributions of your own.

    References
    ----------
    .. [1] Myerson, "Optimal Auction Design", Mathematics of Operations Research 6(1), 1981.
    .. [2] Yao, "On Solutions for the Maximum Revenue Multi-item Auction under
       Dominant-Strategy and Bayesian Implementations", 2017.

    Examples
    --------
    >>> from sklauction.datasets import load_setting
    >>> setting = load_setting("single_3_exponential")
    >>> setting.optimal_revenue, setting.source
    (2.751693264346088, 'Myerson 1981')
    >>> setting.sample(5, random_state=0).shape
    (5, 3, 1)
    """
    if not isinstance(name, str) or name not in SETTINGS:
        near = difflib.get_close_matches(str(name), SETTINGS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"name must be one of {', '.join(SETTINGS)}; got {name!r}{hint}")
    row = dict(SETTINGS[name])
    kind, *arguments = row.pop("prior")
    prior = _PRIORS[kind](row.pop("shape"), *arguments)
    row["published"] = dict(row.get("published", {}))
    return AuctionSetting(name=name, prior=prior, **row)


def make_valuations(n_samples, n_bidders, n_items, distribution=None, random_state=None):
    """Draw valuation profiles, independent over bidders and items.

    Parameters
    ----------
    n_samples : int
        Number of profiles.
    n_bidders, n_items : int
        Size of each auction.
    distribution : scipy.stats distribution, array-like of them, or None
        What the values follow, in money: one distribution for all, or a grid that broadcasts to
        (n_bidders, n_items), such as one per item, or ``[[d1], [d2]]`` for one per bidder. None
        is uniform on [0, 1]. Anything with ``rvs(size, random_state)`` will do.
    random_state : int, RandomState, Generator or None
        Seed or source of randomness; None differs in every call.

    Returns
    -------
    ndarray of shape (n_samples, n_bidders, n_items)
        Valuations in money, float64.

    Raises
    ------
    ValueError
        If a size is not a positive integer, the grid does not broadcast or holds something
        that cannot be sampled, or a draw is negative.

    See Also
    --------
    load_setting : Settings of the literature, with their known optimum.

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
    return _product(sizes[1:], distribution).sample(sizes[0], random_state)


def make_drifting_valuations(
    n_steps, n_samples, n_bidders, n_items, start=None, end=None, random_state=None
):
    """Draw valuations from a prior that moves, step by step, from one to another.

    At step t of T every value is ``(1 - t / (T - 1)) F0^{-1}(q) + t / (T - 1) F1^{-1}(q)`` for
    a fresh uniform q: quantiles move along straight lines [1]_. Feed step after step to
    ``partial_fit`` of a learned auction, which needs a ``support`` that holds all of them.

    Parameters
    ----------
    n_steps : int
        Steps of the stream, at least 2.
    n_samples : int
        Profiles per step.
    n_bidders, n_items : int
        Size of each auction.
    start, end : distribution, array-like of them, or None
        Each broadcast as by :func:`~sklauction.datasets.make_valuations`, with ``ppf``; None is
        uniform on [0, 1].
    random_state : int, RandomState, Generator or None
        Seed or source of randomness; None differs in every call.

    Returns
    -------
    ndarray of shape (n_steps, n_samples, n_bidders, n_items)
        Valuations in money, float64.

    Raises
    ------
    ValueError
        If a size is too small, a grid does not broadcast, a distribution has no ``ppf``,
        or a draw is negative.

    See Also
    --------
    make_valuations : From a prior that stays.

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
    sizes = {"n_samples": n_samples, "n_bidders": n_bidders, "n_items": n_items}
    n_steps, n_samples, *shape = check_sizes(n_steps=n_steps, **sizes)
    shape = tuple(shape)
    ends = [_product(shape, *one).marginals for one in ((start, "start"), (end, "end"))]
    uniforms = check_rng(random_state).uniform(size=(n_steps, n_samples, *shape))
    shares = np.linspace(0, 1, n_steps)[:, None]
    values = np.empty(uniforms.shape)
    for place in np.ndindex(shape):
        cell = (slice(None), slice(None), *place)
        first, last = (_quantiles(grid[place], uniforms[cell]) for grid in ends)
        values[cell] = (1 - shares) * first + shares * last
    if not values.min() >= 0:
        raise ValueError(
            f"start and end must have values of at least 0; got {values.min()}: shift or truncate"
        )
    return values


def _quantiles(distribution, uniforms):
    if not hasattr(distribution, "ppf"):
        raise ValueError(
            f"start and end must hold distributions with ppf; got {describe(distribution)}"
        )
    try:
        values = to_floats(distribution.ppf(uniforms))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"start and end must hold distributions with ppf; that of {describe(distribution)} "
            f"raised {type(error).__name__}: {error}"
        ) from error
    if values.shape != uniforms.shape or not np.isfinite(values).all():
        raise ValueError(
            "start and end must hold distributions with one finite quantile for each probability; "
            f"got {describe(distribution)}"
        )
    return values


@functools.cache
def _uniform(low, high):
    return stats.uniform(low, high - low)


def _uniform_prior(shape, low, high):
    box = np.broadcast_to(low, shape), np.broadcast_to(high, shape)
    return ProductPrior(np.frompyfunc(_uniform, 2, 1)(*box))


def _mixture_prior(shape, pieces):
    weights = [weight for weight, _, _ in pieces]
    return _product(shape, Mixture([_uniform(low, high) for _, low, high in pieces], weights))


# Kind of prior in the table of settings -> function of (shape, *arguments).
_PRIORS = {
    "uniform": _uniform_prior,
    "exponential": lambda shape, mean: _product(shape, stats.expon(scale=mean)),
    "mixture": _mixture_prior,
    "two_point": lambda shape, p, a, b: _product(shape, Discrete([a, b], [p, 1 - p])),
    "triangle": lambda shape: TrianglePrior(),
}


def _product(shape, distribution, name="distribution"):
    """Return the product prior of a distribution, or a grid of them, broadcast to shape."""
    grid = as_grid(_uniform(0.0, 1.0) if distribution is None else distribution, name)
    try:
        grid = np.broadcast_to(grid, shape)
    except ValueError as error:
        raise ValueError(
            f"{name} must be one distribution or broadcast to (n_bidders, n_items) = {shape}; "
            f"got a grid of shape {grid.shape}"
        ) from error
    return ProductPrior(grid)
