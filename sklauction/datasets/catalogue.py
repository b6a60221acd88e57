"""Auction settings from the literature, loaded by name."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sklauction.datasets.priors import is_prior
from sklauction.datasets.settings import SETTINGS
from sklauction.domains.auctions import Auction, auction_of
from sklauction.utils.saving import savable
from sklauction.utils.types import AnySeed
from sklauction.utils.validation import check_number, check_numbers

__all__ = ["AuctionSetting", "list_settings", "load_setting"]


@savable
@dataclass(frozen=True, eq=False)
class AuctionSetting:
    """An auction design problem: bidders, items, prior, and known figures.

    Parameters
    ----------
    name : str
        Name for :func:`~sklauction.datasets.load_setting`.
    prior : ProductPrior or TrianglePrior
        Distribution of valuation profiles.
    demand : {"additive", "unit"} or Auction
        Whether a bidder values a set of items at the sum of its values, or wants one item only.
    description : str
        Description of the prior.
    optimal_revenue : float or None
        Largest expected revenue of a dominant-strategy incentive-compatible and individually
        rational auction, in money, if known.
    optimal_revenue_bounds : (float, float) or None
        Lower and upper bound on it, in money, if it is not known exactly.
    best_known_revenue : float or None
        Largest known revenue of a truthful auction, in money, if the optimum is not known.
    menu : str or None
        Description of the optimal or best known auction.
    source : str
        Source of these figures.
    published : dict of {str: (float, float or str or None)}
        Published revenue and regret in money, by method; None if a regret is not reported.
        Papers differ in whether regret is the mean or the sum over bidders.

    Raises
    ------
    ValueError
        If the prior lacks attributes of a prior, the name is not a string, the demand is invalid,
        or a revenue is not a finite number.

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
    prior: Any = field(repr=False)
    demand: str | Auction = "additive"
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
                "prior must have the attributes sample, shape, support, bounded and marginals; got "
                f"{self.prior!r}"
            )
        if not isinstance(self.name, str):
            raise ValueError(f"name must be a string; got {self.name!r}")
        auction_of(self.demand)
        for name in ("optimal_revenue", "best_known_revenue"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, check_number(getattr(self, name), name))
        if self.optimal_revenue_bounds is not None:
            bounds = check_numbers(self.optimal_revenue_bounds, "optimal_revenue_bounds", (2,))
            object.__setattr__(self, "optimal_revenue_bounds", tuple(bounds.tolist()))

    @property
    def n_bidders(self) -> int:
        """Number of bidders."""
        return self.prior.shape[0]

    @property
    def n_items(self) -> int:
        """Number of items."""
        return self.prior.shape[1]

    @property
    def support(self) -> np.ndarray:
        """Lowest and highest report, in money, ndarray of shape (n_bidders, n_items, 2).

        If the prior is unbounded (see ``bounded``), the highest report is the quantile 1 - 1e-6.
        """
        return self.prior.support

    @property
    def bounded(self) -> bool:
        """Whether ``support`` contains all values of the prior."""
        return self.prior.bounded

    @property
    def marginals(self) -> np.ndarray:
        """Object array of distributions, (n_bidders, n_items); None if values are dependent."""
        return self.prior.marginals

    def sample(self, n_samples: int, random_state: AnySeed = None) -> np.ndarray:
        """Draw profiles from the prior.

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
            If ``n_samples`` is not a positive integer or ``random_state`` is invalid.
        """
        return self.prior.sample(n_samples, random_state)


def list_settings() -> list[str]:
    """Return the names of all settings for :func:`~sklauction.datasets.load_setting`.

    Returns
    -------
    list of str
        Names of settings.

    Examples
    --------
    >>> from sklauction.datasets import list_settings
    >>> "additive_2x2_uniform" in list_settings()
    True
    """
    return list(SETTINGS)


def load_setting(name: str) -> AuctionSetting:
    """Return a setting from the literature by name.

    Optimal revenues are from Myerson [1]_ for one item, Yao [2]_ for two values, and the papers
    cited in :class:`~sklauction.SingleBuyerAuction` for one bidder; see ``source``.

    Parameters
    ----------
    name : str
        One of :func:`list_settings`.

    Returns
    -------
    AuctionSetting
        The setting, with figures in the money of its prior.

    Raises
    ------
    ValueError
        If there is no setting with this name.

    See Also
    --------
    make_valuations : Draws valuations from given distributions.

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
    row = SETTINGS[name]
    fresh = {"prior": row["prior"](), "published": dict(row.get("published", {}))}
    return AuctionSetting(name=name, **{**row, **fresh})
