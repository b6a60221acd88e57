"""MenuNetAuction: a menu for one buyer, as the output of a network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sklauction.domains.auctions import Demand
from sklauction.learned.parameter_docs import share_parameter_docs
from sklauction.menus.constant_menu import ConstantMenu
from sklauction.menus.rochetnet import BuyerMenuAuction
from sklauction.utils.constraints import LAYER_SIZES
from sklauction.utils.types import ArrayLike, Auto, Callbacks, FilePath, Seed, Switch

__all__ = ["MenuNetAuction"]


@share_parameter_docs
class MenuNetAuction(BuyerMenuAuction):
    """MenuNet: a learned menu for one buyer, as the output of a network.

    A fully connected network with the constant input 1 returns the rows of the menu and their
    prices [1]_; the buyer chooses the row of the highest utility. After training only ``menu_`` is
    used. The menus are those of :class:`RochetNetAuction`, parametrised differently, and are
    provided for comparison.

    Parameters
    ----------
    $buyer
    hidden_layer_sizes : tuple of int, default=(32, 32)
        Width of each layer of the network.
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
    RochetNetAuction : Menu whose entries are separate parameters.
    MenuDisplay : Plot of the regions in which each row is chosen.

    References
    ----------
    .. [1] Shen, Tang & Zuo, "Automated Mechanism Design via Neural Networks", AAMAS
       2019, section 4.

    Examples
    --------
    >>> from sklauction import MenuNetAuction
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(5000, n_bidders=1, n_items=2, random_state=0)
    >>> auction = MenuNetAuction(max_iter=5, random_state=0).fit(V)
    >>> allocations, payments = auction.predict([[[0.9, 0.9]], [[0.1, 0.1]]])
    >>> allocations[:, 0].tolist()
    [[1.0, 1.0], [0.0, 0.0]]
    """

    _parameter_constraints = {
        **BuyerMenuAuction._parameter_constraints,
        "hidden_layer_sizes": LAYER_SIZES,
    }

    def __init__(
        self,
        n_bidders: int = 1,
        n_items: int | None = None,
        *,
        demand: Demand = "additive",
        support: ArrayLike | None = None,
        menu_size: int | Auto = "auto",
        symmetric: Switch = "auto",
        hidden_layer_sizes: Sequence[int] = (32, 32),
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

    def _menu_module(self):
        return partial(ConstantMenu, hidden_layer_sizes=tuple(map(int, self.hidden_layer_sizes)))
