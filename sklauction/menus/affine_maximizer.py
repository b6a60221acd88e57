"""AffineMaximizerAuction: learned weighted VCG over a menu of randomised allocations."""

import torch

from sklauction.menus.allocation_menu import AllocationMenu
from sklauction.menus.free_menu import FreeMenu
from sklauction.menus.learned_menu import LearnedMenuAuction
from sklauction.menus.menu_rows import MenuDesign, count_integral
from sklauction.menus.transformer_menu import TransformerMenu
from sklauction.utils.validation import check_choice, check_flag, check_switch, is_auto

__all__ = ["MENUS", "AffineMaximizerAuction"]

MENUS = {"free": FreeMenu, "network": TransformerMenu}
FIRST_RATES = {"free": 0.03, "network": 0.003}
# Rows by default: at least, at most.
MENU_SIZES = 64, 2048


class AffineMaximizerAuction(LearnedMenuAuction):
    """A learned affine maximizer: weighted VCG over a menu of randomised allocations.

    The menu holds whole allocations: for every bidder and item a probability. Of its rows, that
    with the most weighted welfare plus boost is carried out, and every bidder pays what its
    presence costs the others, divided by its weight. So truth is dominant and nobody pays more
    than the reported value, exactly, for any menu, weights and boosts [1]_ [2]_: all that is
    learned is revenue, with a softened choice that sharpens as training goes on.

    Parameters
    ----------
    n_bidders : int, default=1
        Bidders per auction.
    n_items : int, default=None
        Items per auction; None takes it from the data.
    demand : {"additive", "unit"}, default="additive"
        Whether a bidder values a set of items at the sum or wants at most one.
    support : array-like broadcastable to (n_bidders, n_items, 2), default=None
        Lowest and highest value, in money; None takes the range of the data.
    menu : {"free", "network"}, default="free"
        "free" learns every number of the menu by itself (the lottery AMA of [2]_). "network"
        produces menu, weights and boosts with a permutation-equivariant transformer
        from embeddings of bidders and items, whose weights do not grow with bidders or items [3]_.
    menu_size : "auto" or int, default="auto"
        Rows, nothing sold not counted, rounded up to whole orbits (see ``symmetric``). "auto"
        is the number of integral allocations, between 64 and 2048.
    deterministic : bool, default=False
        Whether no row is a lottery: every item goes to one bidder or none. Where all such
        allocations fit into the menu, they are the menu, and boosts and weights are learned.
    symmetric : "auto" or bool, default="auto"
        Whether bidders are alike and items are alike. With a row, the menu then holds those in
        which bidders (items) have moved round, and weights are equal. "auto" looks at
        the samples, for bidders and items each; on a lattice of values, where ties
        matter, it says no.
    independent_bidders : bool or "auto", default=False
        Whether a bidder's value in one profile may be combined with the others' in
        another in training. "auto" looks at rank correlations between bidders.
    max_iter : int, default=60
        Iterations; each is 100 updates and one look at the held-out profiles.
    anneal_iter : int, default=None
        Iterations over which the step size falls and choices sharpen; None is
        ``max_iter``. Give it where fits are to be continued.
    batch_size : int, default=512
        Profiles per update.
    learning_rate_init : "auto" or float, default="auto"
        First step size of Adam, "auto" being 0.03 for a free menu and 0.003 for a
        network's: for values that spread as uniform ones on [0, 1] do, in units of
        ``scale_``; less in proportion where they spread less. It falls to a hundredth
        along half a cosine.
    n_starts : "auto" or int, default="auto"
        Menus trained from different first rows and boosts in one batched computation;
        that with the highest held-out revenue is kept. "auto" is 8 for menus of up to 64
        rows, and falls to 1 for 512.
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
    menu_ : AllocationMenu
        Allocations, boosts in money, weights, and the share of profiles seen in fit that
        end in each row.
    mechanism_ : torch.nn.Module
        The same: bids to (allocations, payments), in money.
    n_iter_ : int
        Iterations done in all.
    history_ : list of dict
        Revenue on held-out profiles, one row per iteration.
    n_items_, n_features_in_, scale_, support_ :
        See :class:`~sklauction.base.BaseAuction`.

    Raises
    ------
    ValueError
        In fit and partial_fit, if a parameter or X is not as described: so if a menu of
        ``menu_size`` rows would take more than 4 GiB to train.
    NotFittedError
        In predict and score, before fit.

    See Also
    --------
    RochetNetAuction : For one buyer.
    BundlePricingAuction : Price sheets from the others' bids, truthful up to clashes.

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

    def __init__(
        self,
        n_bidders=1,
        n_items=None,
        *,
        demand="additive",
        support=None,
        menu="free",
        menu_size="auto",
        deterministic=False,
        symmetric="auto",
        independent_bidders=False,
        max_iter=60,
        anneal_iter=None,
        batch_size=512,
        learning_rate_init="auto",
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
        self.menu = menu
        self.menu_size = menu_size
        self.deterministic = deterministic
        self.symmetric = symmetric
        self.independent_bidders = independent_bidders
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
        check_choice(self.menu, "menu", MENUS)
        super()._check_parameters()
        check_switch(self.independent_bidders, "independent_bidders")
        check_flag(self.deterministic, "deterministic")

    def _first_rate(self):
        rate = self.learning_rate_init
        return FIRST_RATES[self.menu] if is_auto(rate) else rate

    def _n_rows(self, n_bidders, n_items):
        n_integral = self._n_integral(n_bidders, n_items)
        least, most = MENU_SIZES
        auto = isinstance(self.menu_size, str)
        size = min(max(n_integral, least), most) if auto else int(self.menu_size)
        return min(size, n_integral) if self.deterministic else size

    def _menu_module(self):
        return MENUS[self.menu]

    def _rules_options(self):
        return {
            "integral": self.deterministic,
            "item_wise": self._sells_item_wise(),
            "independent_bidders": self.independent_bidders,
        }

    def _sells_item_wise(self):
        """Say whether the menu also holds all integral allocations, which it cannot list."""
        n_integral = self._n_integral(self.n_bidders, self.n_items_)
        return self.demand == "additive" and n_integral > self._n_rows(
            self.n_bidders, self.n_items_
        )

    def _n_integral(self, n_bidders, n_items):
        return count_integral(MenuDesign(n_bidders, n_items, self.demand, 1, False, False, True, 1))

    def _train(self, train, held_out, n_iter):
        super()._train(train, held_out, n_iter)
        mechanism = self.mechanism_
        device = mechanism.boosts.device
        # A copy: the profiles may be read-only, as those of a memory map are.
        chosen = mechanism.choose(torch.tensor(train, device=device))
        reserves = mechanism.reserves
        counts = torch.bincount(chosen, minlength=len(mechanism.boosts))
        self.menu_ = AllocationMenu(
            mechanism.allocations.cpu().numpy(),
            (mechanism.boosts * self.scale_).cpu().numpy(),
            mechanism.weights.cpu().numpy(),
            counts.cpu().numpy() / len(train),
            None if reserves is None else (reserves * self.scale_).cpu().numpy(),
        )
