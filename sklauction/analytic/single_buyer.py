"""Optimal auctions for one buyer that are known in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklauction.analytic.closed_forms import triangle_optimum, uniform_box_optimum
from sklauction.analytic.myerson import broadcast_prior
from sklauction.base import BaseAuction
from sklauction.datasets.priors import TrianglePrior
from sklauction.domains.auctions import MONEY, Demand, auction_of
from sklauction.menu import Menu, with_shares
from sklauction.utils.constraints import ANY, number
from sklauction.utils.sample_tests import could_be_triangle, plausible_boxes
from sklauction.utils.saving import fitted_object
from sklauction.utils.types import ArrayLike

__all__ = ["SingleBuyerAuction", "known_optimum"]

ALTERNATIVES = "LinearProgramAuction and RochetNetAuction are not limited to known optima"


class SingleBuyerAuction(BaseAuction):
    """Optimal auction for one buyer, for priors whose optimal menu is known in closed form.

    It is truthful, and its expected revenue is exact: a reference for learned auctions. Up to the
    unit of money, the known priors are

    * one item, uniform: the monopoly price [1]_;
    * additive values uniform on [0, 1], up to 12 items: Manelli & Vincent [2]_ for two items,
      otherwise the Straight-Jacket Auction of Giannakopoulos & Koutsoupias [3]_, which is proved
      optimal for up to 6 items and conjectured optimal for more;
    * two additive values uniform on intervals from 0, one at most twice as long as the other [4]_;
    * two additive values uniform on [c, c + 1] for c >= 0.08: the bundle of both (Pavlov [5]_);
    * U[4, 16] x U[4, 7] (Daskalakis, Deckelbaum & Tzamos [6]_), with a lottery;
    * two values uniform on the triangle (0, 0), (0, 1), (1, 0) (Haghpanah & Hartline [7]_);
    * unit demand and two items: U[0, 1]^2, and U[c, c + 1]^2 for c >= 1.25, with a lottery
      (Pavlov [5]_).

    Parameters
    ----------
    n_bidders : int, default=1
        Must be 1.
    n_items : int, default=None
        Number of items; inferred from the data if None.
    prior : AuctionSetting, prior, or array-like of shape (n_items,) of frozen scipy.stats \
            distributions, default=None
        Distribution of the values, in money: a setting of
        :func:`~sklauction.datasets.load_setting`, its ``prior``, or one uniform distribution per
        item. If None, statistical tests find a prior of the list that fits the samples, with
        bounds estimated from them.
    demand : {"additive", "unit"} or Auction, default="additive"
        Whether the buyer values a set of items at the sum of its values, or wants one item only.
    support : array-like broadcastable to (1, n_items, 2), default=None
        Lowest and highest value, in money; the range of the data if None.

    Attributes
    ----------
    menu_ : Menu
        Optimal menu.
    revenue_ : float
        Expected payment under the prior, in money.
    source_ : str
        Paper with the proof.
    status_ : {"closed form", "computed", "conjectured"}
        Whether menu and revenue are a formula and proved optimal, computed by an exact recursion
        and proved optimal, or computed and conjectured optimal.
    n_items_, n_features_in_, scale_, support_ :
        See :class:`~sklauction.base.BaseAuction`.

    Raises
    ------
    ValueError
        In fit, if a parameter or X is invalid, ``n_bidders`` is not 1, or no optimum is known for
        the ``prior`` or, without one, for a prior that fits X.
    NotFittedError
        In predict and score, before fit.

    See Also
    --------
    LinearProgramAuction : The optimum for finitely many types.
    RochetNetAuction : Learns a menu from samples of any prior.

    References
    ----------
    .. [1] Myerson, "Optimal Auction Design", Mathematics of Operations Research 6(1), 1981.
    .. [2] Manelli & Vincent, "Bundling as an Optimal Selling Mechanism for a Multiple-Good
       Monopolist", Journal of Economic Theory 127(1), 2006.
    .. [3] Giannakopoulos & Koutsoupias, "Duality and Optimality of Auctions for Uniform
       Distributions", EC 2014.
    .. [4] Thirumulanathan, Sundaresan & Narahari, "Optimal Mechanisms for Selling Two Items
       to a Single Buyer Having Uniformly Distributed Valuations", Journal of Mathematical
       Economics, 2019.
    .. [5] Pavlov, "Optimal Mechanism for Selling Two Goods", The B.E. Journal of
       Theoretical Economics 11(1), 2011.
    .. [6] Daskalakis, Deckelbaum & Tzamos, "Mechanism Design via Optimal Transport", EC 2013.
    .. [7] Haghpanah & Hartline, "Reverse Mechanism Design", EC 2015.

    Examples
    --------
    >>> from sklauction import SingleBuyerAuction
    >>> from sklauction.datasets import load_setting
    >>> setting = load_setting("additive_1x2_uniform_416_47")
    >>> auction = SingleBuyerAuction(prior=setting).fit(setting.sample(100, random_state=0))
    >>> print(auction.menu_)
    Nothing for nothing.
    Item 0 with probability 0.5 and item 1 for 8.
    Item 0 and item 1 for 12.
    >>> round(auction.revenue_, 6), auction.source_
    (9.777778, 'Daskalakis, Deckelbaum & Tzamos 2013')
    """

    _parameter_constraints = {**BaseAuction._parameter_constraints, "prior": ANY}

    _saved = {
        **BaseAuction._saved,
        "revenue_": number(),
        "menu_": fitted_object(Menu),
        "source_": fitted_object(str),
        "status_": fitted_object(str),
    }

    def __init__(
        self,
        n_bidders: int = 1,
        n_items: int | None = None,
        *,
        prior: Any = None,
        demand: Demand = "additive",
        support: ArrayLike | None = None,
    ) -> None:
        self._store(locals())

    def _check_parameters(self):
        super()._check_parameters()
        if self.n_bidders != 1:
            raise ValueError(f"n_bidders must be 1 for SingleBuyerAuction; got {self.n_bidders!r}")

    def _fit(self, valuations):
        values = valuations[:, 0]
        found = self._from_samples(values) if self.prior is None else self._from_prior(values)
        rows = np.lexsort((*found.allocations.T[::-1], found.prices))
        allocations = np.vstack([np.zeros(values.shape[1]), found.allocations[rows]])
        menu = Menu(allocations, np.append(0.0, found.prices[rows]), np.zeros(len(rows) + 1))
        self.menu_ = with_shares(menu, values)
        self.revenue_, self.source_, self.status_ = found.revenue, found.source, found.status

    def _from_prior(self, values):
        """Return the optimum for the given prior."""
        prior = getattr(self.prior, "prior", self.prior)
        found = known_optimum(prior, values.shape[1], self.demand)
        if found is None:
            raise ValueError(
                f"prior must have a known optimal menu for {self.domain.name} demand and "
                f"{values.shape[1]} items; got {prior!r}. {ALTERNATIVES}"
            )
        return found

    def _from_samples(self, values):
        """Return the optimum for a known prior that fits the samples."""
        height = could_be_triangle(values)
        if height is not None and not self.domain.exclusive:
            return triangle_optimum(height)
        for low, high in plausible_boxes(values):
            found = uniform_box_optimum(low, high, self.demand)
            if found is not None:
                return found
        raise ValueError(
            f"X must be samples of a prior with a known optimal menu for {self.domain.name} "
            f"demand; got samples of {values.shape[1]} items that fit none. {ALTERNATIVES}"
        )

    def _run(self, bids):
        rows = self.menu_.choose(bids[:, 0])
        return self.menu_.allocations[rows][:, None], self.menu_.prices[rows][:, None]


def known_optimum(prior, n_items, demand="additive"):
    """Return the optimum for one buyer and a prior, if it is known in closed form.

    Parameters
    ----------
    prior : ProductPrior, TrianglePrior, distribution, or array-like of distributions
        Broadcastable to (1, n_items).
    n_items : int
    demand : {"additive", "unit"} or Auction, default="additive"

    Returns
    -------
    ClosedForm or None

    Raises
    ------
    ValueError
        If the prior does not broadcast, or a uniform distribution has negative or extreme values.

    Examples
    --------
    >>> from scipy.stats import expon, uniform
    >>> from sklauction.analytic.single_buyer import known_optimum
    >>> round(known_optimum(uniform(0, 1), 2).revenue, 4), known_optimum(expon(), 2)
    (0.5492, None)
    """
    if isinstance(prior, TrianglePrior):
        return triangle_optimum() if n_items == 2 and not auction_of(demand).exclusive else None
    marginals = broadcast_prior(getattr(prior, "marginals", prior), (1, n_items))
    boxes = [_uniform_bounds(marginal) for marginal in marginals[0]]
    if any(box is None for box in boxes):
        return None
    low, high = np.transpose(boxes)
    least, most = MONEY
    if not ((low >= 0).all() and (high >= low).all() and least <= high.max() <= most):
        raise ValueError(
            "prior must contain uniform distributions of non-negative values with a maximum "
            f"from {least:g} to {most:g}; got {np.transpose([low, high]).tolist()}"
        )
    return uniform_box_optimum(low, high, demand)


def _uniform_bounds(distribution):
    """Return the bounds of a scipy.stats uniform distribution; None for other distributions."""
    name = getattr(getattr(distribution, "dist", None), "name", None)
    return distribution.support() if name == "uniform" else None
