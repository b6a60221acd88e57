"""RegretNetAuction: the regret-based auctions before and after ALGNet, by their parts."""

from sklauction.two_player.family import TwoPlayerAuction

__all__ = ["REGRETFORMER_PUBLISHED", "REGRETNET_PUBLISHED", "RegretNetAuction"]

# Published configurations, as parameters of RegretNetAuction. RegretNet: released settings of
# Duetting et al.; 400,000 updates are max_iter=4000 iterations of 100; the multipliers'
# schedule is that of one bidder and two items. For 3x10 rho rises by 1 every 10,000 updates, for
# 5x10 lambda begins at 1 and rho at 1/4, which rises by 1/4 every 100,000; both have six layers
# in all, as sizes count the hidden ones.
REGRETNET_PUBLISHED = {
    "architecture": "mlp",
    "hidden_layer_sizes": (100, 100),
    "activation": "tanh",
    "batch_size": 128,
    "learning_rate": "constant",
    "learning_rate_init": 1e-3,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "average": False,
    "max_iter": 4000,
    "n_iter_no_change": None,
    "n_cached_steps": 25,
    "cached_step_size": 0.1,
    "objective": "lagrangian",
    "lambda_init": 5.0,
    "lambda_every": 100,
    "rho_init": 1.0,
    "rho_increment": 50.0,
    "rho_every": 10_000,
}
# RegretFormer: ranges of sizes in the paper; the budget falls tenfold in two thirds of training.
REGRETFORMER_PUBLISHED = {
    "architecture": "attention",
    "hidden_layer_sizes": (64, 64),
    "activation": "tanh",
    "batch_size": 512,
    "learning_rate": "constant",
    "learning_rate_init": 1e-3,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "average": False,
    "max_iter": 2000,
    "n_iter_no_change": None,
    "n_cached_steps": 50,
    "cached_step_size": 0.1,
    "objective": "budget",
    "regret_budget": 1e-3,
    "budget_rate": 0.5,
    "budget_decay": 0.1 ** (1 / 133_333),
}


class RegretNetAuction(TwoPlayerAuction):
    """Auction learned under an augmented Lagrangian, or a budget, of regret.

    The family that ALGNet answers: the auctioneer maximises revenue with a price on the
    regret that misreports find, and the price follows a schedule. Its parts make the
    published systems:

    * RegretNet [1]_: ``RegretNetAuction(**REGRETNET_PUBLISHED)``;
    * EquivariantNet [2]_: ``architecture="equivariant"``;
    * RegretFormer [3]_: ``architecture="attention", objective="budget", regret_budget=1e-3``, or
      all of it, ``RegretNetAuction(**REGRETFORMER_PUBLISHED)``.

    Defaults are the published parts at a size that a laptop fits in minutes. Feasibility and
    individual rationality hold by construction; truthfulness is approximate, and how nearly
    depends on a schedule that fits the setting.

    Parameters
    ----------
    n_bidders : int, default=1
        Bidders per auction.
    n_items : int, default=None
        Items per auction; None takes it from the data.
    demand : {"additive", "unit"}, default="additive"
        Whether a bidder values a set of items at the sum or wants at most one.
    support : array-like broadcastable to (n_bidders, n_items, 2), default=None
        Lowest and highest report, in money; None takes the range of the data.
    architecture : {"mlp", "equivariant", "attention"} or type, default="mlp"
        As for :class:`~sklauction.ALGNetAuction`, price sheets apart.
    hidden_layer_sizes : tuple of int, default=(100, 100)
        Width of each hidden layer.
    activation : {"tanh", "silu", "relu"}, default="tanh"
        Nonlinearity of the hidden layers.
    objective : {"lagrangian", "budget", "square_root", "score"}, default="lagrangian"
        What the auctioneer minimises. "lagrangian" is
        ``-P + sum_i lambda_i R_i + rho / 2 sum_i R_i^2``, "budget" ``-P + gamma R``, where gamma
        follows how far ``R / P`` is from ``regret_budget``; the others are ALGNet's.
    lambda_init : float, default=5.0
        First multiplier of each bidder's regret.
    lambda_every : int, default=100
        Updates after which each rises by ``rho`` times the bidder's regret.
    rho_init : float, default=1.0
        First weight of squared regret, in units of 1 / ``scale_``.
    rho_increment : float, default=50.0
        What it rises by.
    rho_every : int, default=250
        Updates after which it rises; published runs, forty times as long, take 10,000.
    regret_budget : float, default=1e-3
        Share of the revenue that total regret may be, at the end; it begins at ten times that.
    budget_rate : float, default=0.5
        Step of gamma per unit of ``log(R / P)`` above the budget.
    budget_decay : float, default=0.99965
        Factor of the budget per update, until ``regret_budget`` is reached.
    symmetric : "auto" or bool, default="auto"
        Whether bidders, and items, are treated alike by "equivariant" and "attention"; where
        not ("auto" too), each has a learned embedding, which starts at zero.
    max_iter : int, default=100
        Iterations; each is 100 auctioneer updates and one audit of held-out profiles.
    batch_size : int, default=128
        Profiles per update.
    learning_rate_init : float, default=1e-3
        Step size of Adam, after 50 updates of warm-up.
    learning_rate : {"constant", "invscaling"}, default="constant"
        Whether the step size stays, or falls like one over the number of updates, from about
        the 500th on.
    beta_1, beta_2 : float, default=0.9, 0.999
        Memories of the auctioneer's Adam: of the mean gradient and of its square.
    average : bool, default=False
        Whether the auction is a running average of the weights, or the last weights.
    n_cached_steps : int, default=5
        Steps by which a report that each training profile keeps for each bidder climbs when
        its profile is drawn; published runs take 25. 0 is none.
    cached_step_size : float, default=0.1
        Size of these steps (of Adam), in units of ``scale_``.
    n_shared_reports, n_local_reports : int, default=0
        As for :class:`~sklauction.ALGNetAuction`.
    independent_bidders : "auto" or bool, default="auto"
        Whether shared reports may count as truths too; "auto" tests the samples.
    validation_fraction : float, default=0.1
        Share of the profiles held out to choose the best weights by audited score; 0 uses
        the last weights.
    n_iter_no_change : int, default=None
        Stop when the held-out score has not improved for so many iterations; None never.
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
    mechanism_ : torch.nn.Module
        The fitted auction: bids to (allocations, payments), in money.
    n_iter_ : int
        Iterations done in all.
    history_ : list of dict
        Revenue, total regret and score on held-out profiles, one row per iteration.
    n_items_, n_features_in_, scale_, support_ :
        See :class:`~sklauction.base.BaseAuction`.

    Raises
    ------
    ValueError
        In fit and partial_fit, if a parameter or X is not as described: so if nobody looks for
        misreports (``n_cached_steps``, ``n_shared_reports`` and ``n_local_reports`` are 0), or
        outcomes of a network of your own are not an auction's.
    NotFittedError
        In predict and score, before fit.

    See Also
    --------
    ALGNetAuction : No schedule: one objective for all settings.

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019, sections 3.2
       and 4.
    .. [2] Rahme et al., "A Permutation-Equivariant Neural Network Architecture For
       Auction Design", AAAI 2021.
    .. [3] Ivanov, Safiulin, Filippov & Balabaeva, "Optimal-er Auctions through Attention",
       NeurIPS 2022.

    Examples
    --------
    >>> from sklauction import RegretNetAuction
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(1000, n_bidders=2, n_items=2, random_state=0)
    >>> auction = RegretNetAuction(n_bidders=2, max_iter=1, random_state=0).fit(V)
    >>> allocations, payments = auction.predict(V[:3])
    >>> allocations.shape, payments.shape
    ((3, 2, 2), (3, 2))
    """

    def __init__(
        self,
        n_bidders=1,
        n_items=None,
        *,
        demand="additive",
        support=None,
        architecture="mlp",
        hidden_layer_sizes=(100, 100),
        activation="tanh",
        objective="lagrangian",
        lambda_init=5.0,
        lambda_every=100,
        rho_init=1.0,
        rho_increment=50.0,
        rho_every=250,
        regret_budget=1e-3,
        budget_rate=0.5,
        budget_decay=0.99965,
        symmetric="auto",
        max_iter=100,
        batch_size=128,
        learning_rate_init=1e-3,
        learning_rate="constant",
        beta_1=0.9,
        beta_2=0.999,
        average=False,
        n_cached_steps=5,
        cached_step_size=0.1,
        n_shared_reports=0,
        n_local_reports=0,
        independent_bidders="auto",
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
        self.architecture = architecture
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.objective = objective
        self.lambda_init = lambda_init
        self.lambda_every = lambda_every
        self.rho_init = rho_init
        self.rho_increment = rho_increment
        self.rho_every = rho_every
        self.regret_budget = regret_budget
        self.budget_rate = budget_rate
        self.budget_decay = budget_decay
        self.symmetric = symmetric
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.average = average
        self.n_cached_steps = n_cached_steps
        self.cached_step_size = cached_step_size
        self.n_shared_reports = n_shared_reports
        self.n_local_reports = n_local_reports
        self.independent_bidders = independent_bidders
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
