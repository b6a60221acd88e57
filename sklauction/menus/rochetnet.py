"""RochetNetAuction: a learned price list for one buyer."""

import torch

from sklauction.menu import make_menu
from sklauction.menus.affine import AffineMenu
from sklauction.menus.affine_mechanism import AffineMechanism
from sklauction.menus.free_menu import FreeMenu
from sklauction.menus.learned_menu import LearnedMenuAuction

__all__ = ["BuyerMenuAuction", "RochetNetAuction"]

# Rows by default: at least, at most. All sets of up to 9 items, and of 10 but for nothing.
MENU_SIZES = 64, 1023


class BuyerMenuAuction(LearnedMenuAuction):
    """Base class of auctions that sell to one buyer by a learned price list.

    A subclass gives :meth:`_menu_module`.

    Attributes
    ----------
    menu_ : Menu
    """

    # One buyer's optima are found by fewer starts than auctions among several bidders.
    rows_together, most_starts = 256, 4

    def _check_parameters(self):
        super()._check_parameters()
        if self.n_bidders != 1:
            raise ValueError(
                f"n_bidders must be 1, as {type(self).__name__} sells to one buyer; got "
                f"{self.n_bidders!r} (AffineMaximizerAuction sells to several)"
            )

    def _n_rows(self, n_bidders, n_items):
        if not isinstance(self.menu_size, str):
            return int(self.menu_size)
        least, most = MENU_SIZES
        return min(max(2**n_items, least), most)

    def _train(self, train, held_out, n_iter):
        super()._train(train, held_out, n_iter)
        menu, scale = self.mechanism_.menu, self.scale_
        prices = (menu.boosts.max() - menu.boosts) * scale
        self.menu_ = make_menu(
            menu.allocations[:, 0].cpu().numpy(),
            prices.cpu().numpy(),
            self.support_[0],
            train[:, 0],
        )
        pruned = AffineMenu(
            torch.as_tensor(self.menu_.allocations[:, None]),
            torch.ones(1, dtype=torch.float64),
            torch.as_tensor(-self.menu_.prices / scale),
        )
        self.mechanism_ = AffineMechanism(pruned, scale).to(menu.boosts.device)


class RochetNetAuction(BuyerMenuAuction):
    """A learned menu of lotteries and prices for one buyer, who takes its favourite.

    Truth is dominant and nobody pays more than the reported value whatever the menu [2]_, so all
    that is learned is revenue [1]_: the choice is softened to a softmax over rows, which sharpens
    as training goes on. The fitted ``menu_`` is the auction, as a table that can be read.

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
    MenuNetAuction : The same menu from a network.
    AffineMaximizerAuction : For several bidders.
    MenuDisplay : Draws the regions in which each row is taken.

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
        n_bidders=1,
        n_items=None,
        *,
        demand="additive",
        support=None,
        menu_size="auto",
        symmetric="auto",
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

    def _menu_module(self):
        return FreeMenu
