"""Valuation samples: settings by name, with prior, reports and known optimum in one object.

Axes are always in the order sample, bidder, item. Money is in the unit of the prior.
"""

import difflib
import functools
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from sklauction._settings import SETTINGS
from sklauction.checks import check_count
from sklauction.distributions import Discrete, Mixture, check_rng, describe
from sklauction.priors import ProductPrior, TrianglePrior

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

BUNDLE_MYERSON_REVENUE = {
    (1, 2): 0.544331,
    (1, 10): 3.448312,
    (2, 2): 0.839244,
    (2, 3): 1.277753,
    (2, 5): 2.188431,
    (3, 10): 5.003021,
    (5, 10): 5.456050,
}
"""Revenue of the optimal auction of the bundle of all items, values U[0, 1] iid, additive:
{(n_bidders, n_items): money}, to 6 decimals."""


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
    check_count(n_bidders, "n_bidders")
    check_count(n_items, "n_items")
    return _product((n_bidders, n_items), distribution).sample(n_samples, random_state)


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
    check_count(n_samples, "n_samples")
    check_count(n_bidders, "n_bidders")
    check_count(n_items, "n_items")
    shape = (n_bidders, n_items)
    ends = [_product(shape, distribution).marginals for distribution in (start, end)]
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
    return distribution.ppf(uniforms)


def uniform_single_item_revenue(n_bidders):
    """Return the optimal revenue of one item and bidders U[0, 1] iid.

    The item goes to the highest bidder above the reserve 1/2 [1]_, so that
    ``P = int_{1/2}^1 (2v - 1) n v^(n-1) dv = (n - 1 + 2^-n) / (n + 1)``.

    Parameters
    ----------
    n_bidders : int
        ``n``.

    Returns
    -------
    float
        Money, the highest possible value being 1.

    Raises
    ------
    ValueError
        If ``n_bidders`` is not a positive integer.

    References
    ----------
    .. [1] Myerson, "Optimal Auction Design", Mathematics of Operations Research, 1981.

    Examples
    --------
    >>> from sklauction.datasets import uniform_single_item_revenue
    >>> uniform_single_item_revenue(1), uniform_single_item_revenue(3)
    (0.25, 0.53125)
    """
    check_count(n_bidders, "n_bidders")
    return (n_bidders - 1 + 0.5**n_bidders) / (n_bidders + 1)


def vcg_uniform_revenue(n_bidders, n_items):
    """Return the revenue of VCG, additive bidders with values U[0, 1] iid.

    Each item earns the second highest value [1]_, so that ``P = m (n - 1) / (n + 1)``.

    Parameters
    ----------
    n_bidders, n_items : int
        ``n`` and ``m``.

    Returns
    -------
    float
        Money, the highest possible value of an item being 1.

    Raises
    ------
    ValueError
        If a size is not a positive integer.

    References
    ----------
    .. [1] Vickrey, "Counterspeculation, Auctions, and Competitive Sealed Tenders",
       Journal of Finance 16(1), 1961.

    Examples
    --------
    >>> from sklauction.datasets import vcg_uniform_revenue
    >>> vcg_uniform_revenue(3, 10)
    5.0
    """
    check_count(n_bidders, "n_bidders")
    check_count(n_items, "n_items")
    return n_items * (n_bidders - 1) / (n_bidders + 1)


def yao_revenue(n_bidders, p, a, b):
    """Return the revenue of the best DSIC auction of two items whose values are a or b, iid.

    With ``x+ = max(x, 0)``, ``r = (b - a) (1 - p) / p`` and the probabilities
    ``p0 = p^2n``, ``p1 = 2n p^(2n-1) (1 - p)``, ``p2 = 2p^n (1 - p^n - n p^(n-1) (1 - p))``,
    ``P = 2(1 - p^n) b + p0 (2a - (b - a)(1 - p^2) / p^2)+ + p1 (a - r/2)+ + p2 (a - r)+`` [1]_.

    Parameters
    ----------
    n_bidders : int
        ``n``. Bidders are additive.
    p : float
        Probability of the low value, in (0, 1).
    a, b : float
        Low and high value, in money, ``0 <= a < b``.

    Returns
    -------
    float
        Money.

    Raises
    ------
    ValueError
        If an argument is not as described.

    References
    ----------
    .. [1] Yao, "On Solutions for the Maximum Revenue Multi-item Auction under
       Dominant-Strategy and Bayesian Implementations", 2017.

    Examples
    --------
    >>> from sklauction.datasets import yao_revenue
    >>> yao_revenue(2, p=0.5, a=1.0, b=2.0)
    3.125
    """
    check_count(n_bidders, "n_bidders")
    if not 0 < p < 1 or not 0 <= a < b:
        raise ValueError(f"p, a and b must keep 0 < p < 1 and 0 <= a < b; got {p}, {a} and {b}")
    n, rent = n_bidders, (b - a) * (1 - p) / p
    cases = (
        (p ** (2 * n), 2 * a - (b - a) * (1 - p**2) / p**2),
        (2 * n * p ** (2 * n - 1) * (1 - p), a - rent / 2),
        (2 * p**n * (1 - p**n - n * p ** (n - 1) * (1 - p)), a - rent),
    )
    return 2 * (1 - p**n) * b + sum(chance * max(gain, 0.0) for chance, gain in cases)


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


def _product(shape, distribution):
    """Return the product prior of a distribution, or a grid of them, broadcast to shape."""
    grid = np.array(_uniform(0.0, 1.0) if distribution is None else distribution, dtype=object)
    try:
        grid = np.broadcast_to(grid, shape)
    except ValueError as error:
        raise ValueError(
            f"distribution must be one distribution or broadcast to (n_bidders, n_items) = "
            f"{shape}; got a grid of shape {grid.shape}"
        ) from error
    return ProductPrior(grid)
