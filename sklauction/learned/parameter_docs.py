"""Parameters and attributes that several learned auctions share, documented once.

The docstring of a class names a block below by a line such as ``$training``. Within a block, the
name of a parameter such as ``$max_iter`` stands for its default.

$sizes
    n_bidders : int, default=None
        Number of bidders; None infers it from the data. A flat X needs it, unless its columns name
        the bidders.
    n_items : int, default=None
        Number of items; None infers it from the data.
    demand : {"additive", "unit"} or Auction, default="additive"
        Whether a bidder values a set of items at the sum of its values or wants one item.
    support : array-like broadcastable to (n_bidders, n_items, 2), default=None
        Lowest and highest report, in money; None takes the range of the data.

$buyer
    n_bidders : int, default=1
        Must be 1.
    n_items : int, default=None
        Number of items; None infers it from the data.
    demand : {"additive", "unit"} or Auction, default="additive"
        Whether the buyer values a set of items at the sum of its values or wants one item.
    support : array-like broadcastable to (1, n_items, 2), default=None
        Lowest and highest value, in money; None takes the range of the data. The menu
        leaves out rows that no value in the support chooses.
    menu_size : "auto" or int, default="auto"
        Number of rows in training, without the empty allocation. "auto" is the number of
        sets of items, clipped to [64, 1023]. The initial rows are all sets of items, if
        they fit, and random lotteries.
    symmetric : "auto" or bool, default="auto"
        Whether the items are alike. If so, the menu is closed under cyclic shifts of the
        items. "auto" tests the samples; it is False for values on a lattice.

$annealing
    max_iter : int, default=60
        Iterations of 100 updates, each followed by an evaluation on held-out profiles.
    anneal_iter : int, default=None
        Iterations over which the step size falls and choices sharpen; None is
        ``max_iter``. Set it if the fit is to be continued.
    batch_size : int, default=512
        Profiles per update.

$buyer_annealing
    learning_rate_init : float, default=0.03
        Initial step size of Adam, relative to the standard deviation of the values: it
        holds for values uniform on [0, 1] in units of ``scale_``. It falls to a hundredth
        along half a cosine.
    n_starts : "auto" or int, default="auto"
        Number of menus trained in parallel from different initial rows and prices; the
        one with the highest held-out revenue is kept. "auto" is 4 for menus of up to 64
        rows, and falls to 1 for 256.

$buyer_fitted
    menu_ : Menu
        Allocations, prices and shares of the rows, without duplicates and without rows
        that no value in the support chooses.
    mechanism_ : torch.nn.Module
        The menu as a torch module from bids to (allocations, payments), in money.
    history_ : list of dict
        Revenue on held-out profiles, one row per iteration.

$game_network
    hidden_layer_sizes : tuple of int, default=$hidden_layer_sizes
        Width of each hidden layer; for "equivariant" and "attention" the number of channels
        per bidder and item.
    activation : {"silu", "tanh", "relu"}, default="$activation"
        Activation function of the hidden layers.

$game_iterations
    symmetric : "auto" or bool, default="auto"
        Whether "equivariant" and "attention" treat all bidders alike and all items alike.
        Otherwise each bidder and each item has a learned embedding, which starts at zero.
        For these networks "auto" is False.
    max_iter : int, default=$max_iter
        Iterations of 100 auctioneer updates, each followed by an audit on held-out profiles.

$game_adam
    learning_rate_init : float, default=$learning_rate_init
        Step size of Adam, for the auctioneer and the misreporter network, after 50 updates
        of warm-up.
    learning_rate : {"invscaling", "constant"}, default="$learning_rate"
        Schedule of the step size. "invscaling" divides it by ``1 + t / 500`` after t updates.
    beta_1, beta_2 : float, default=$beta_1, $beta_2
        Decay rates of Adam's averages of the gradient and of its square, for the auctioneer.
    average : bool, default=$average
        Whether to use the running average of the weights over about the last tenth of
        training, instead of the last weights.

$cached_reports
    n_cached_steps : int, default=$n_cached_steps
        Gradient-ascent steps on cached reports. Each training profile has a cached report
        per bidder, which is improved each time the profile is drawn (RegretNet's
        misreporter). With 0 there are none.
    cached_step_size : float, default=$cached_step_size
        Step size of Adam for cached reports, in units of ``scale_``.

$independence
    independent_bidders : "auto" or bool, default="auto"
        Whether a bidder's valuation in one profile can be combined with the valuations of
        the other bidders in another profile. "auto" tests the samples by rank correlations
        between bidders.

$game_fitted
    mechanism_ : torch.nn.Module
        The fitted auction: bids to (allocations, payments), in money.
    history_ : list of dict
        One row per iteration: revenue, total regret and score on held-out profiles, in
        money, the best iteration so far (``best_iter``), and training averages, in units of
        ``scale_``.

$training
    validation_fraction : float, default=0.1
        Share of the profiles held out to choose the best weights. With 0 the last weights
        are used; among several starts the one with the lowest training loss.
    n_iter_no_change : int, default=None
        Stop if the held-out score has not improved for this many iterations; None never
        stops early.
    warm_start : bool, default=False
        Whether a second ``fit`` continues the first.
    random_state : int, RandomState instance or None, default=None
        Seed of all random numbers of the fit.
    verbose : int, default=0
        1 shows a progress bar with the remaining time. Otherwise fit warns if it will take
        more than half an hour.
    device : str, default="auto"
        A torch device; "auto" takes a GPU if there is one.
    callbacks : list of skorch.callbacks.Callback, default=None
        Passed to skorch, where an iteration is an epoch.
    checkpoint : str or path-like, default=None
        File to which fit writes its state, so that a killed fit can be resumed. Needs the
        extra ``save``. Each fit needs its own file. A checkpoint or an empty file is replaced;
        any other file raises ValueError before training.
    checkpoint_every : int, default=1
        Number of iterations between two checkpoints.
    resume : bool, default=False
        Whether fit resumes from ``checkpoint`` if it exists and has the same parameters
        and valuations. ``random_state`` must draw the seed of the checkpoint, or be None. On a
        CPU the result equals that of an uninterrupted fit, bit for bit.

$fitted
    n_iter_ : int
        Number of iterations done. After Ctrl-C these are the complete ones, and fit warns; a
        fit that was called by a search, a pipeline or another package raises
        KeyboardInterrupt instead.
    kept_start_ : bool
        Whether the auction is the untrained one: no iteration was better on the held-out
        profiles, or none was completed. In the first case fit warns.
    n_items_, n_features_in_, scale_, support_ :
        See :class:`~sklauction.base.BaseAuction`.
"""

import inspect
import re
from string import Template
from textwrap import dedent

__all__ = ["share_parameter_docs"]


def share_parameter_docs(cls):
    """Fill in the blocks that the docstring of a class names; use it as a decorator."""
    if cls.__doc__ is None:  # python -OO
        return cls
    defaults = {p.name: p.default for p in inspect.signature(cls).parameters.values()}
    _, *parts = re.split(r"^\$(\w+)\n", __doc__, flags=re.MULTILINE)
    blocks = {
        name: Template(dedent(text)).safe_substitute(defaults).strip()
        for name, text in zip(parts[::2], parts[1::2])
    }
    # Since Python 3.13 docstrings have no indentation; before, cleandoc removes it.
    cls.__doc__ = Template(inspect.cleandoc(cls.__doc__)).substitute(blocks)
    return cls
