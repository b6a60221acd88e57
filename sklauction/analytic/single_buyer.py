"""SingleBuyerAuction: the optimal menus for one buyer that are known in closed form."""

import numpy as np

from sklauction.analytic.closed_forms import triangle_optimum, uniform_box_optimum
from sklauction.base import MONEY, BaseAuction
from sklauction.datasets.priors import TrianglePrior
from sklauction.menu import Menu
from sklauction.utils.sample_tests import could_be_triangle, plausible_boxes

__all__ = ["SingleBuyerAuction", "known_optimum"]

# Profiles compared with priors. More would refuse rounded values.
COMPARED = 20_000
# What to do where nothing is known.
ELSEWHERE = "LinearProgramAuction solves any types; RochetNetAuction learns from any samples"


class SingleBuyerAuction(BaseAuction):
    """The optimal auction for one buyer, where its menu is known in closed form.

    The oracle beside which learned auctions are measured: exactly truthful, with its exact
    revenue and who proved it. Known are, up to the unit of money,

    * one item: the monopoly price [1]_;
    * additive values uniform on [0, 1], any number of items up to 12: Manelli & Vincent [2]_
      for two, the Straight-Jacket Auction of Giannakopoulos & Koutsoupias [3]_, proved
      optimal up to 6 items, conjectured beyond;
    * two additive values uniform on intervals from 0, one at most twice as long as the other [4]_;
    * two additive values uniform on [c, c + 1], c of at least 0.08: both as one (Pavlov [5]_);
    * U[4, 16] x U[4, 7] (Daskalakis, Deckelbaum & Tzamos [6]_), which needs a lottery;
    * two values uniform on the triangle (0, 0), (0, 1), (1, 0) (Haghpanah & Hartline [7]_);
    * unit demand, two items: U[0, 1]^2, and U[c, c + 1]^2 for c of at least 1.25, which needs a
      lottery (Pavlov [5]_).

    Parameters
    ----------
    n_bidders : int, default=1
        Must be 1.
    n_items : int, default=None
        Number of items; None takes it from the data.
    prior : AuctionSetting, prior, or array-like of shape (n_items,) of frozen scipy.stats \
            distributions, default=None
        What the buyer's values are drawn from, in the caller's money unit: a setting of
        :func:`~sklauction.datasets.load_setting`, its ``prior``, or one uniform
        distribution per item. None looks which prior of the list the samples could be
        drawn from, its bounds being those of the samples.
    demand : {"additive", "unit"}, default="additive"
        Whether the buyer values a set of items at the sum or wants at most one.
    support : array-like broadcastable to (1, n_items, 2), default=None
        Lowest and highest value, in money; None takes the range of the data.

    Attributes
    ----------
    menu_ : Menu
        The optimal rows and prices.
    revenue_ : float
        Expected payment under the prior, in money.
    source_ : str
        Who proved it.
    status_ : {"closed form", "computed", "conjectured"}
        Whether menu and revenue are a formula and proved optimal, computed by an exact
        recursion and proved, or computed and only conjectured to be optimal.
    n_items_, n_features_in_, scale_, support_ :
        See :class:`~sklauction.base.BaseAuction`.

    Raises
    ------
    ValueError
        In fit, if a parameter or X is not as described: so if ``n_bidders`` is not 1, or no
        optimum is known for the ``prior`` or, without one, for any prior that X looks drawn from.
    NotFittedError
        In predict and score, before fit.

    See Also
    --------
    LinearProgramAuction : The optimum for finitely many types, any prior.
    RochetNetAuction : Learns the menu from any samples.

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

    def __init__(self, n_bidders=1, n_items=None, *, prior=None, demand="additive", support=None):
        self.n_bidders = n_bidders
        self.n_items = n_items
        self.prior = prior
        self.demand = demand
        self.support = support

    def _check_parameters(self):
        super()._check_parameters()
        if self.n_bidders != 1:
            raise ValueError(
                f"n_bidders must be 1, as SingleBuyerAuction sells to one buyer; got "
                f"{self.n_bidders!r}"
            )

    def _fit(self, valuations):
        values = valuations[:, 0]
        found = self._from_samples(values) if self.prior is None else self._from_prior(values)
        rows = np.lexsort((*found.allocations.T[::-1], found.prices))
        allocations = np.vstack([np.zeros(values.shape[1]), found.allocations[rows]])
        menu = Menu(allocations, np.append(0.0, found.prices[rows]), np.zeros(len(rows) + 1))
        shares = np.bincount(menu.choose(values), minlength=len(menu.prices)) / len(values)
        self.menu_ = menu._replace(shares=shares)
        self.revenue_, self.source_, self.status_ = found.revenue, found.source, found.status

    def _from_prior(self, values):
        """Return the known optimum of the given prior; ValueError if there is none."""
        prior = getattr(self.prior, "prior", self.prior)
        found = known_optimum(prior, values.shape[1], self.demand)
        if found is None:
            raise ValueError(
                "prior must be one whose optimal menu is known here, for this demand and number "
                f"of items; got {prior!r}. {ELSEWHERE}"
            )
        return found

    def _from_samples(self, values):
        """Return the known optimum of a prior that the samples could be drawn from."""
        values = values[:COMPARED]
        height = could_be_triangle(values)
        if height is not None and self.demand == "additive":
            return triangle_optimum(height)
        for low, high in plausible_boxes(values):
            found = uniform_box_optimum(low, high, self.demand)
            if found is not None:
                return found
        raise ValueError(
            f"X must be samples of a prior whose optimal menu is known here, for {self.demand} "
            f"demand; got {values.shape[1]} items that look like none of them. {ELSEWHERE}"
        )

    def _run(self, bids):
        rows = self.menu_.choose(bids[:, 0])
        return self.menu_.allocations[rows][:, None], self.menu_.prices[rows][:, None]


def known_optimum(prior, n_items, demand="additive"):
    """Return the optimum for one buyer of this prior, where it is known in closed form.

    Parameters
    ----------
    prior : ProductPrior, TrianglePrior, distribution, or array-like of distributions
        That broadcast to (1, n_items).
    n_items : int
    demand : {"additive", "unit"}, default="additive"

    Returns
    -------
    ClosedForm or None

    Raises
    ------
    ValueError
        If the prior does not fit the number of items.

    Examples
    --------
    >>> from scipy.stats import expon, uniform
    >>> from sklauction.analytic.single_buyer import known_optimum
    >>> round(known_optimum(uniform(0, 1), 2).revenue, 4), known_optimum(expon(), 2)
    (0.5492, None)
    """
    if isinstance(prior, TrianglePrior):
        return triangle_optimum() if demand == "additive" and n_items == 2 else None
    marginals = np.asarray(getattr(prior, "marginals", prior), dtype=object)
    try:
        marginals = np.broadcast_to(marginals, (1, n_items))[0]
    except ValueError as error:
        raise ValueError(
            f"prior must be one distribution or one for each of the {n_items} items; "
            f"got shape {marginals.shape}"
        ) from error
    boxes = [_uniform_bounds(marginal) for marginal in marginals]
    if any(box is None for box in boxes):
        return None
    low, high = np.transpose(boxes)
    least, most = MONEY
    if not ((low >= 0).all() and (high >= low).all() and least <= high.max() <= most):
        raise ValueError(
            "prior must hold uniform distributions of values that are not negative, the largest "
            f"between {least:g} and {most:g}; got {np.transpose([low, high]).tolist()}"
        )
    return uniform_box_optimum(low, high, demand)


def _uniform_bounds(distribution):
    """Return lowest and highest value of a uniform distribution of scipy.stats, else None."""
    name = getattr(getattr(distribution, "dist", None), "name", None)
    return distribution.support() if name == "uniform" else None
