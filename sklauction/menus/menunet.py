"""MenuNetAuction: a network from a constant to a price list for one buyer."""

from functools import partial

from sklauction.menus.constant_menu import ConstantMenu
from sklauction.menus.rochetnet import BuyerMenuAuction
from sklauction.utils.validation import check_layer_sizes

__all__ = ["MenuNetAuction"]


class MenuNetAuction(BuyerMenuAuction):
    """A menu for one buyer that a network produces from a constant.

    The buyer takes its favourite row. A fully connected network, whose only input is the
    number 1, gives the rows and their prices [1]_; trained, it has done its work, and ``menu_`` is
    the auction. Differs from :class:`RochetNetAuction` in how the same menus are
    parametrised, and is here for comparison.

    Parameters
    ----------
    n_bidders : int, default=1
        Must be 1.
    n_items : int, default=None
        Items; None takes it from the data.
    demand : {"additive", "unit"}, default="additive"
        Whether the buyer values a set of items at the sum or wants at most one.
    support : array-like broadcastable to (1, n_items, 2), default=None
        Lowest and highest value, in money; None takes the range of the data. Rows that
        no value in it chooses are left out of the menu.
    menu_size : "auto" or int, default="auto"
        Rows in training, nothing for nothing not counted. "auto" is the number of sets of
        items, between 64 and 1023. First rows are all sets of items where they fit, then
        random lotteries.
    symmetric : "auto" or bool, default="auto"
        Whether items are alike: with a row, the menu then holds those in which the
        items have moved round. "auto" looks at the samples; on a lattice of values
        it says no.
    hidden_layer_sizes : tuple of int, default=(32, 32)
        Units of the network's layers.
    max_iter : int, default=60
        Iterations; each is 100 updates and one look at the held-out profiles.
    anneal_iter : int, default=None
        Iterations over which the step size falls and choices sharpen; None is
        ``max_iter``. Give it where fits are to be continued.
    batch_size : int, default=512
        Profiles per update.
    learning_rate_init : float, default=0.03
        First step size of Adam, for values that spread as uniform ones on [0, 1] do, in
        units of ``scale_``; less in proportion where they spread less. It falls to a
        hundredth along half a cosine.
    n_starts : "auto" or int, default="auto"
        Menus trained from different first rows and prices in one batched computation;
        that with the highest held-out revenue is kept. "auto" is 4 for menus of up to 64
        rows, and falls to 1 for 256.
    validation_fraction : float, default=0.1
        Share of the profiles held out; 0 chooses the start by the training loss.
    n_iter_no_change : int, default=None
        Stop when held-out revenue has not improved for so many iterations; None never.
    warm_start : bool, default=False
        Whether a second ``fit`` goes on from the first.
    random_state : int, RandomState instance or None, default=None
        Source of the seed from which every draw derives.
    verbose : int, default=0
        1 shows a progress bar.
    device : str, default="auto"
        "auto" takes a GPU where there is one; else a torch device.
    callbacks : list of skorch.callbacks.Callback, default=None
        Handed to skorch; an iteration is an epoch.
    checkpoint : str or path-like, default=None
        File into which fit writes its state, so that a killed fit can go on; see ``resume``.
        Needs the extra ``save``. Each fit needs a file of its own.
    checkpoint_every : int, default=1
        Iterations from one writing to the next.
    resume : bool, default=False
        Whether fit goes on from ``checkpoint``, if it is there and of the same parameters and
        valuations; it then ends as if it had never been stopped, on a CPU bit for bit.

    Attributes
    ----------
    menu_ : Menu
        Allocations, prices and shares of the rows, without duplicates and rows that no value
        in the support chooses; ``print(menu_)``, ``menu_.to_frame()``, ``menu_.simplify(V)``.
    mechanism_ : torch.nn.Module
        The same menu: bids to (allocations, payments), in money.
    n_iter_ : int
        Iterations done in all.
    history_ : list of dict
        Revenue on held-out profiles, one row per iteration.
    n_items_, n_features_in_, scale_, support_ :
        See :class:`~sklauction.base.BaseAuction`.

    Raises
    ------
    ValueError
        In fit and partial_fit, if a parameter or X is not as described: so if ``n_bidders`` is
        not 1, or a menu of ``menu_size`` rows would take more than 4 GiB to train.
    NotFittedError
        In predict and score, before fit.

    See Also
    --------
    RochetNetAuction : The same menus, every number learned by itself.
    MenuDisplay : Draws the regions in which each row is taken.

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
        self.n_bidders = n_bidders
        self.n_items = n_items
        self.demand = demand
        self.support = support
        self.menu_size = menu_size
        self.symmetric = symmetric
        self.hidden_layer_sizes = hidden_layer_sizes
        self.max_iter = max_iter
        self.anneal_iter = anneal_iter
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.n_starts = n_starts
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.device = device
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.resume = resume

    def _check_parameters(self):
        super()._check_parameters()
        check_layer_sizes(self.hidden_layer_sizes, "hidden_layer_sizes")

    def _menu_module(self):
        return partial(ConstantMenu, hidden_layer_sizes=tuple(map(int, self.hidden_layer_sizes)))
