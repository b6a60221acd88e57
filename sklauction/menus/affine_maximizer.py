"""AffineMaximizerAuction: weighted VCG over a learned menu of randomised allocations."""

from __future__ import annotations

from typing import Literal

import torch

from sklauction.analytic.myerson import fit_myerson, reserve_prices
from sklauction.domains.auctions import Demand
from sklauction.learned.parameter_docs import share_parameter_docs
from sklauction.menus.allocation_menu import AllocationMenu
from sklauction.menus.free_menu import FreeMenu
from sklauction.menus.learned_menu import LearnedMenuAuction
from sklauction.menus.menu_rows import MenuDesign, count_integral
from sklauction.menus.transformer_menu import TransformerMenu
from sklauction.utils.constraints import ANY, AUTO, FLAG, POSITIVE, SWITCH, choice, is_auto
from sklauction.utils.saving import check_same, fitted_object
from sklauction.utils.types import ArrayLike, Auto, Callbacks, FilePath, Seed, Switch
from sklauction.utils.validation import check_prices

__all__ = ["MENUS", "AffineMaximizerAuction"]

MENUS = {"free": FreeMenu, "network": TransformerMenu}
# Default learning rates.
LEARNING_RATES = {"free": 0.03, "network": 0.003}


def _check_menu(auction, value, name):
    """Check the saved attribute ``menu_``, which describes ``mechanism_``."""
    fitted_object(AllocationMenu)(auction, value, name)
    check_same(value, auction._make_menu(value.shares), name)


@share_parameter_docs
class AffineMaximizerAuction(LearnedMenuAuction):
    """Affine maximizer auction: weighted VCG over a learned menu of randomised allocations.

    Each row of the menu is a randomised allocation of all items, with a boost. The row with the
    highest weighted welfare plus boost is chosen, and each bidder pays its externality on the
    others, divided by its weight. For any menu, weights and boosts, truthful bidding is a
    dominant strategy and no bidder pays more than its reported value [1]_ [2]_. Training therefore
    only maximises revenue: gradients go through a softmax choice of the row, which sharpens
    during training.

    Parameters
    ----------
    $sizes
    reserve : None, float or array-like broadcastable to (n_bidders, n_items), default=None
        Reserve prices, in money: no bidder gets an item for less. Training maximises the
        revenue above them, so they may be what the seller loses by a sale.
    menu : {"free", "network"}, default="free"
        "free" learns the entries of the menu as separate parameters (the lottery AMA of [2]_).
        "network" computes menu, weights and boosts by a permutation-equivariant transformer
        from embeddings of bidders and items [3]_; its size does not depend on the numbers of
        bidders and items.
    menu_size : "auto" or int, default="auto"
        Number of rows without the empty allocation, rounded up to whole orbits (see
        ``symmetric``). "auto" is the number of integral allocations, clipped to [64, 2048].
    deterministic : bool, default=False
        Whether all rows are integral allocations: each item goes to one bidder or to nobody. If
        all of these fit into the menu, only boosts and weights are learned.
    symmetric : "auto" or bool, default="auto"
        Whether bidders are alike and items are alike. If so, the menu is closed under cyclic
        shifts of bidders (items), and alike bidders have equal weights. "auto" tests the
        samples, separately for bidders and items; it is False for values on a lattice, where
        ties matter.
    independent_bidders : bool or "auto", default=False
        Whether training may combine values of bidders from different profiles. "auto" tests
        the samples for dependence between bidders.
    $annealing
    learning_rate_init : "auto" or float, default="auto"
        Initial step size of Adam, relative to the standard deviation of the values: it holds
        for values uniform on [0, 1] in units of ``scale_``. It falls to a hundredth along half
        a cosine. "auto" is 0.03 for ``menu="free"`` and 0.003 for ``menu="network"``.
    n_starts : "auto" or int, default="auto"
        Number of menus trained in parallel from different initial rows and boosts; the one with
        the highest held-out revenue is kept. "auto" is 8 for menus of up to 64 rows, and
        falls to 1 for 512.
    $training

    Attributes
    ----------
    menu_ : AllocationMenu
        Allocations, boosts in money, weights, and the share of training profiles for which
        each row is chosen.
    mechanism_ : torch.nn.Module
        The menu as a torch module from bids to (allocations, payments), in money.
    history_ : list of dict
        Revenue on held-out profiles (above ``reserve``), one row per iteration.
    $fitted

    Raises
    ------
    ValueError
        In fit and partial_fit, if a parameter or X is invalid, no valuation exceeds its
        ``reserve``, or training would take more than 4 GiB.
    NotFittedError
        In predict and score, before fit.

    See Also
    --------
    RochetNetAuction : Menus for one buyer.
    BundlePricingAuction : Prices that depend on the others' bids; truthful up to clashes.

    Notes
    -----
    With reserve prices r, the menu is run on net bids ``max(b - r, 0)``. A bidder gets no item
    whose net bid is 0, and pays ``sum_j r_ij a_ij`` in addition to its net payment. The net value
    of an item is what the bidder can gain above the reserve price. Therefore truthful bidding
    remains a dominant strategy, and no bidder pays more than its reported value. Boosts in
    ``menu_`` then apply to net bids; its ``reserves``, if given, include r.

    References
    ----------
    .. [1] Roberts, "The Characterization of Implementable Choice Rules", 1979.
    .. [2] Curry, Sandholm & Dickerson, "Differentiable Economics for Randomized Affine
       Maximizer Auctions", IJCAI 2023.
    .. [3] Duan et al., "A Scalable Neural Network for DSIC Affine Maximizer Auction
       Design", NeurIPS 2023 (AMenuNet).

    Examples
    --------
    >>> from sklauction import AffineMaximizerAuction
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(5000, n_bidders=2, n_items=2, random_state=0)
    >>> auction = AffineMaximizerAuction(n_bidders=2, max_iter=5, random_state=0).fit(V)
    >>> allocations, payments = auction.predict([[[0.9, 0.9], [0.1, 0.1]]])
    >>> allocations[0].tolist()
    [[1.0, 1.0], [0.0, 0.0]]
    """

    _parameter_constraints = {
        **LearnedMenuAuction._parameter_constraints,
        "reserve": ANY,
        "menu": choice(*MENUS),
        "deterministic": FLAG,
        "independent_bidders": SWITCH,
        "learning_rate_init": AUTO | POSITIVE,
    }

    _saved = {**LearnedMenuAuction._saved, "menu_": _check_menu}

    def __init__(
        self,
        n_bidders: int | None = None,
        n_items: int | None = None,
        *,
        demand: Demand = "additive",
        support: ArrayLike | None = None,
        reserve: ArrayLike | None = None,
        menu: Literal["free", "network"] = "free",
        menu_size: int | Auto = "auto",
        deterministic: bool = False,
        symmetric: Switch = "auto",
        independent_bidders: Switch = False,
        max_iter: int = 60,
        anneal_iter: int | None = None,
        batch_size: int = 512,
        learning_rate_init: float | Auto = "auto",
        n_starts: int | Auto = "auto",
        validation_fraction: float = 0.1,
        n_iter_no_change: int | None = None,
        warm_start: bool = False,
        random_state: Seed = None,
        verbose: int = 0,
        device: str = "auto",
        callbacks: Callbacks = None,
        checkpoint: FilePath | None = None,
        checkpoint_every: int = 1,
        resume: bool = False,
    ) -> None:
        self._store(locals())

    def _check_parameters(self):
        super()._check_parameters()
        self._reserve_prices(None)

    def _check_sizes(self, n_bidders, n_items):
        self._reserve_prices((n_bidders, n_items))
        super()._check_sizes(n_bidders, n_items)

    def _reserve_prices(self, shape):
        """Return ``reserve`` after checks, broadcast to a shape."""
        return check_prices(self.reserve, "reserve", "None", shape)

    def _floor(self):
        reserve = self._reserve_prices(self._fitted_shape())
        return reserve if reserve.any() else None

    def _make_net(self, valuations, seed):
        if not self._net(valuations).any():
            raise ValueError(
                "reserve must be below some valuation of X, so that something can be sold; got "
                f"reserve={self.reserve!r} and valuations of at most {valuations.max()}"
            )
        return super()._make_net(valuations, seed)

    def _first_rate(self):
        rate = self.learning_rate_init
        return LEARNING_RATES[self.menu] if is_auto(rate) else rate

    def _n_rows(self, n_bidders, n_items):
        size = super()._n_rows(n_bidders, n_items)
        return min(size, self._n_sets(n_bidders, n_items)) if self.deterministic else size

    def _menu_module(self):
        return MENUS[self.menu]

    def _reserves(self, valuations, structure):
        sizes = valuations.shape[1:]
        if self.domain.exclusive or self._n_sets(*sizes) <= self._n_rows(*sizes):
            return None
        # The integral allocations are too many to list, but are represented.
        virtual_values = fit_myerson(valuations, structure.alike_bidders, structure.alike_items)
        return reserve_prices(virtual_values) / self.scale_

    def _n_sets(self, n_bidders, n_items):
        return count_integral(MenuDesign(n_bidders=n_bidders, n_items=n_items, demand=self.demand))

    def _in_full(self, reserves):
        """Return reserve prices on bids, from those on net bids."""
        floor = self._floor()
        return reserves if floor is None else reserves + floor

    def _finish(self, train):
        mechanism = self.mechanism_
        # A copy, as profiles from a memory map are read-only.
        chosen = mechanism.choose(torch.tensor(train, device=mechanism.boosts.device))
        counts = torch.bincount(chosen, minlength=len(mechanism.boosts))
        self.menu_ = self._make_menu(counts.cpu().numpy() / len(train))

    def _make_menu(self, shares):
        """Return the menu of ``mechanism_``, in money."""
        mechanism, reserves = self.mechanism_, self.mechanism_.reserves
        return AllocationMenu(
            mechanism.allocations.cpu().numpy(),
            (mechanism.boosts * self.scale_).cpu().numpy(),
            mechanism.weights.cpu().numpy(),
            shares,
            None if reserves is None else self._in_full((reserves * self.scale_).cpu().numpy()),
        )
