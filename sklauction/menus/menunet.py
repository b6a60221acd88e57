"""MenuNetAuction: a menu for one buyer, as the output of a network."""

from functools import partial

from sklauction.learned.parameter_docs import share_parameter_docs
from sklauction.menus.constant_menu import ConstantMenu
from sklauction.menus.rochetnet import BuyerMenuAuction
from sklauction.utils.constraints import LAYER_SIZES

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
        n_bidders=1,
        n_items=None,
        *,
        demand="additive",
        support=None,
        menu_size="auto",
        symmetric="auto",
        hidden_layer_sizes=(32, 32),
        max_iter=60,
        anneal_iter=None,
        batch_size=512,
        learning_rate_init=0.03,
        n_starts="auto",
        validation_fraction=0.1,
        n_iter_no_change=None,
        warm_start=False,
        random_state=None,
        verbose=0,
        device="auto",
        callbacks=None,
        checkpoint=None,
        checkpoint_every=1,
        resume=False,
    ):
        self._store(locals())

    def _menu_module(self):
        return partial(ConstantMenu, hidden_layer_sizes=tuple(map(int, self.hidden_layer_sizes)))
