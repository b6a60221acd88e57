"""RochetNetAuction: a learned menu of lotteries and prices for one buyer."""

from __future__ import annotations

import torch

from sklauction.domains.auctions import Demand
from sklauction.learned.parameter_docs import share_parameter_docs
from sklauction.menu import Menu, make_menu
from sklauction.menus.affine import AffineMenu
from sklauction.menus.affine_mechanism import AffineMechanism
from sklauction.menus.learned_menu import LearnedMenuAuction
from sklauction.utils.module_checks import check_same_module
from sklauction.utils.saving import fitted_object
from sklauction.utils.types import ArrayLike, Auto, Callbacks, FilePath, Seed, Switch

__all__ = ["BuyerMenuAuction", "RochetNetAuction"]


def _check_menu(auction, value, name):
    """Check the saved attribute ``menu_``, of which ``mechanism_`` is made."""
    fitted_object(Menu)(auction, value, name)
    check_same_module(auction.mechanism_, _mechanism_of(value, auction.scale_), "mechanism_")


def _mechanism_of(menu, scale):
    pruned = AffineMenu(
        torch.as_tensor(menu.allocations[:, None]),
        torch.ones(1, dtype=torch.float64),
        torch.as_tensor(-menu.prices / scale),
    )
    return AffineMechanism(pruned, scale)


class BuyerMenuAuction(LearnedMenuAuction):
    """Base class of auctions that sell to one buyer by a learned menu.

    Attributes
    ----------
    menu_ : Menu
    """

    # 1023 is the number of nonempty sets of 10 items.
    menu_sizes = 64, 1023
    # For one buyer fewer starts suffice than for several bidders.
    max_total_rows, max_starts = 256, 4

    _saved = {**LearnedMenuAuction._saved, "menu_": _check_menu}

    def _check_parameters(self):
        super()._check_parameters()
        if self.n_bidders != 1:
            raise ValueError(
                f"n_bidders must be 1, as {type(self).__name__} sells to one buyer "
                f"(AffineMaximizerAuction sells to several); got {self.n_bidders!r}"
            )

    def _n_sets(self, n_bidders, n_items):
        return 2**n_items

    def _finish(self, train):
        menu, scale = self.mechanism_.menu, self.scale_
        allocations = menu.allocations[:, 0].cpu().numpy()
        prices = ((menu.boosts.max() - menu.boosts) * scale).cpu().numpy()
        self.menu_ = make_menu(allocations, prices, self.support_[0], train[:, 0])
        self.mechanism_ = _mechanism_of(self.menu_, scale).to(menu.boosts.device)


@share_parameter_docs
class RochetNetAuction(BuyerMenuAuction):
    """RochetNet: a learned menu of lotteries and prices for one buyer.

    The buyer chooses the row of the highest utility. For any menu, truthful bidding is a dominant
    strategy and the payment is at most the reported value [2]_. Training therefore only
    maximises revenue [1]_: gradients go through a softmax choice of the row, which sharpens during
    training. The fitted ``menu_`` can be printed or converted to a DataFrame.

    Parameters
    ----------
    $buyer
    $annealing
    $buyer_annealing
    $training

    Attributes
    ----------
    $buyer_fitted
    $fitted

    Raises
    ------
    ValueError
        In fit and partial_fit, if a parameter or X is invalid, ``n_bidders`` is not 1, or
        training would take more than 4 GiB.
    NotFittedError
        In predict and score, before fit.

    See Also
    --------
    MenuNetAuction : Menu as the output of a network.
    AffineMaximizerAuction : Menus for several bidders.
    MenuDisplay : Plot of the regions in which each row is chosen.

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019, section
       3.1 (RochetNet).
    .. [2] Rochet, "A Necessary and Sufficient Condition for Rationalizability in a
       Quasi-linear Context", Journal of Mathematical Economics 16(2), 1987.

    Examples
    --------
    >>> from sklauction import RochetNetAuction
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(5000, n_bidders=1, n_items=2, random_state=0)
    >>> auction = RochetNetAuction(max_iter=5, random_state=0).fit(V)
    >>> allocations, payments = auction.predict([[[0.9, 0.9]], [[0.1, 0.1]]])
    >>> allocations[:, 0].tolist()
    [[1.0, 1.0], [0.0, 0.0]]
    """

    def __init__(
        self,
        n_bidders: int = 1,
        n_items: int | None = None,
        *,
        demand: Demand = "additive",
        support: ArrayLike | None = None,
        menu_size: int | Auto = "auto",
        symmetric: Switch = "auto",
        max_iter: int = 60,
        anneal_iter: int | None = None,
        batch_size: int = 512,
        learning_rate_init: float = 0.03,
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
