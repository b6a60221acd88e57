"""ALGNetAuction: the auctioneer network against the misreporter network."""

from sklauction.price_sheets.certified import CertifiedAuction
from sklauction.price_sheets.net import PricingNet
from sklauction.price_sheets.rules import make_pricing_rules
from sklauction.two_player.family import TwoPlayerAuction

__all__ = ["ALGNET_PUBLISHED", "ALGNetAuction"]

# The published configuration, as parameters of ALGNetAuction. Source: the configuration
# files of a public re-implementation of Rahme et al. (ICLR 2021); figures not re-checked
# against the paper's appendix. Sizes by setting: 50x3 for up to 2 bidders and 1x10, 100x3
# for 3x10, 200x7 for 5x10. Published runs: 160,000 auctioneer updates (240,000 for 2x2 and
# 5x10), that is max_iter=1600 (2400) iterations of 100.
ALGNET_PUBLISHED = {
    "architecture": "mlp",
    "hidden_layer_sizes": (50, 50, 50),
    "activation": "tanh",
    "batch_size": 500,
    "learning_rate": "constant",
    "learning_rate_init": 1e-3,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "average": False,
    "payments": "fraction",
    "max_iter": 1600,
    "n_iter_no_change": None,
    "n_shared_reports": 0,
    "n_local_reports": 0,
    "n_proposals": 1,
    "n_ascents": 0,
    "n_refine_steps": 0,
    "n_remembered": 0,
    "n_misreporter_updates": 100,
    "misreporter_reset_every": 800,
    "misreporter_reset_until": 40000,
}


# Step size of price sheets over that of the game. `benchmarks/algnet_quality.py --settings
# additive_2x2_uniform --parameters '{"architecture": "pricing"}'`, seed 0: P* is 0.8747, and 0.8693
# with four times the default learning_rate_init; BundlePricingAuction has 0.8759.
SHEET_RATE = 0.25


class ALGNetAuction(CertifiedAuction, TwoPlayerAuction):
    """Revenue-maximising auction learned as a two-player game.

    An auctioneer network sets allocations and payments; a misreporter looks for lies that
    pay [1]_. The auctioneer minimises ``-(sqrt(P) - sqrt(R)) + R``, where P is the revenue and R
    the total regret that the misreporter finds: a loss without weights or schedules, so
    that one set of defaults serves every setting. Feasibility and individual rationality
    hold by construction; truthfulness is approximate, and :func:`~sklauction.measure_regret`
    says how nearly.

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
    architecture : {"equivariant", "mlp", "attention", "pricing"} or type, default="equivariant"
        Exchangeable layers [2]_, the dense networks of the paper [1]_, or RegretFormer's attention
        over items and bidders [3]_. Or a class of torch.nn.Module of your own, called with
        (n_bidders, n_items): it maps bids in units of ``scale_``, of shape
        (n, n_bidders, n_items), to allocations of this shape and payments (n, n_bidders),
        feasible and individually rational, and starts from redrawn weights.
        "pricing" are the price sheets of :class:`~sklauction.BundlePricingAuction`. Of these
        the best misreport is known: a bound on regret takes the misreporter's place,
        parameters of the misreporter, ``activation``, ``payments`` and ``objective`` have no
        effect, a batch is as many profiles as groups would hold,
        ``batch_size * (1 + n_shared_reports + n_local_reports)``, and the step size a quarter
        of ``learning_rate_init``.
    hidden_layer_sizes : tuple of int, default=(32, 32, 32)
        Width of each hidden layer (channels per bidder and item where equivariant).
    activation : {"silu", "tanh", "relu"}, default="silu"
        Nonlinearity of the hidden layers.
    payments : {"envelope", "fraction"}, default="envelope"
        How payments come about. "fraction", as published: a learned fraction of the reported
        value. "envelope": those that would make the allocation truthful if its scores did not
        depend on the own bid but linearly, times learned odds; training starts from a soft
        second-price auction of each item, which is exactly truthful.
    objective : {"square_root", "score", "lagrangian", "budget"}, default="square_root"
        What the auctioneer minimises: ``-(sqrt(P) - sqrt(R)) + R``, the same without the last
        term, or one of :class:`~sklauction.RegretNetAuction` with its published schedule.
    symmetric : "auto" or bool, default="auto"
        Whether bidders, and items, are treated alike by "equivariant" and "attention"; where
        not, each has a learned embedding. "auto" has embeddings, which start at zero; of
        price sheets, it tests the samples.
    max_iter : int, default=100
        Iterations; each is 100 auctioneer updates and one audit of held-out profiles.
    batch_size : int or "auto", default="auto"
        Profiles per update. Around each, every bidder's report is varied in a group. Here and
        below "auto" has two values: the first for up to 3 items of independent bidders, where
        reports of other profiles come near the best misreports, the second elsewhere (and with
        ``n_shared_reports=0``): 8, or 128 over the number of bidders, but 16 to 64.
    learning_rate_init : float, default=0.02
        Step size of Adam, for both players, after 50 updates of warm-up.
    learning_rate : {"invscaling", "constant"}, default="invscaling"
        Whether the step size falls like one over the number of updates, from about the
        500th on, or stays.
    beta_1, beta_2 : float, default=0.97, 0.995
        Memories of the auctioneer's Adam: of the mean gradient and of its square.
    average : bool, default=True
        Whether the auction is the running average of the weights over about the last
        tenth of training, or the last weights.
    n_shared_reports : int or "auto", default="auto"
        Values from other profiles that each group adds; each serves all the others of
        its group as a misreport, and as a truth where bidders are independent. 39, or 0.
    n_local_reports : int or "auto", default="auto"
        Small perturbations of the truths, per group. 16, or 4.
    n_proposals : int or "auto", default="auto"
        Truths per group for which the misreporter network proposes a report. 0, or 1.
    n_ascents : int or "auto", default="auto"
        Truths per group, at most all there are, from which a report ascends the bidder's gain.
        40, or 1.
    n_refine_steps : int or "auto", default="auto"
        Gradient-ascent steps of these reports, and of proposals, towards which the misreporter
        is then trained. 0 is the published way: the misreporter ascends its own gain. 1, or 3.
    n_remembered : int, default=4
        Misreports of the last update, those that gained most, which every group tries.
    n_cached_steps : int, default=0
        Steps by which a report that each training profile keeps for each bidder climbs when
        its profile is drawn: RegretNet's misreporter. 0 is none.
    cached_step_size : float, default=0.1
        Size of these steps, in units of the scale.
    n_misreporter_updates : int, default=1
        Misreporter updates per auctioneer update; used where ``n_refine_steps=0``.
    misreporter_reset_every : int, default=0
        Start the misreporter afresh after so many updates; 0 is never.
    misreporter_reset_until : int, default=40000
        Update from which on it is no longer reset.
    independent_bidders : "auto" or bool, default="auto"
        Whether a bidder's value in one profile may be combined with the others' in
        another. "auto" looks at rank correlations between bidders.
    validation_fraction : float, default=0.1
        Share of the profiles held out to choose the best weights by audited score; 0 uses
        the last averaged weights.
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
        misreports (all that could is 0), or outcomes of a network of your own are not an
        auction's.
    AttributeError
        At certify, explain, price_sheets and regret_bounds, unless ``architecture="pricing"``.
    NotFittedError
        In all other methods, before fit.

    See Also
    --------
    MyersonAuction : Optimal for one item, exactly truthful.
    sklauction.measure_regret : How far from truthful an auction is.

    Notes
    -----
    ``ALGNetAuction(**ALGNET_PUBLISHED)`` is the published game. The defaults keep its loss
    and make the misreporter stronger per unit of work: shared and local reports, and
    reports that ascend from the truth and from proposals of the misreporter network. They begin
    with an auction that is truthful (``payments``), and the step size falls to where the
    noise of small batches no longer hides small regret. Either way an auctioneer starts with
    scores that rise with the bid, and the best weights on held-out profiles are kept.

    References
    ----------
    .. [1] Rahme, Jelassi & Weinberg, "Auction Learning as a Two-Player Game",
       ICLR 2021.
    .. [2] Rahme et al., "A Permutation-Equivariant Neural Network Architecture For
       Auction Design", AAAI 2021.
    .. [3] Ivanov, Safiulin, Filippov & Balabaeva, "Optimal-er Auctions through Attention",
       NeurIPS 2022.

    Examples
    --------
    >>> from sklauction import ALGNetAuction
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(1000, n_bidders=2, n_items=2, random_state=0)
    >>> auction = ALGNetAuction(n_bidders=2, n_items=2, max_iter=1, random_state=0).fit(V)
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
        architecture="equivariant",
        hidden_layer_sizes=(32, 32, 32),
        activation="silu",
        payments="envelope",
        objective="square_root",
        symmetric="auto",
        max_iter=100,
        batch_size="auto",
        learning_rate_init=0.02,
        learning_rate="invscaling",
        beta_1=0.97,
        beta_2=0.995,
        average=True,
        n_shared_reports="auto",
        n_local_reports="auto",
        n_proposals="auto",
        n_ascents="auto",
        n_refine_steps="auto",
        n_remembered=4,
        n_cached_steps=0,
        cached_step_size=0.1,
        n_misreporter_updates=1,
        misreporter_reset_every=0,
        misreporter_reset_until=40000,
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
        self.payments = payments
        self.objective = objective
        self.symmetric = symmetric
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.average = average
        self.n_shared_reports = n_shared_reports
        self.n_local_reports = n_local_reports
        self.n_proposals = n_proposals
        self.n_ascents = n_ascents
        self.n_refine_steps = n_refine_steps
        self.n_remembered = n_remembered
        self.n_cached_steps = n_cached_steps
        self.cached_step_size = cached_step_size
        self.n_misreporter_updates = n_misreporter_updates
        self.misreporter_reset_every = misreporter_reset_every
        self.misreporter_reset_until = misreporter_reset_until
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

    def _architectures(self):
        return (*super()._architectures(), "pricing")

    def _by_price_sheets(self):
        return self.architecture == "pricing"

    def _make_net(self, valuations, seed):
        settings = self._net_settings(seed)
        if self._by_price_sheets():
            return self._make_pricing_net(valuations, settings)
        return self._make_two_player_net(valuations, settings)

    def _make_pricing_net(self, valuations, settings):
        rules = make_pricing_rules(
            valuations,
            self.scale_,
            self.support_,
            demand=self.demand,
            hidden_layer_sizes=self.hidden_layer_sizes,
            objective="certified",
            anneal_updates=None,
            symmetric=self.symmetric,
            independent_bidders=self.independent_bidders,
        )
        independent = self._independent(valuations)
        names = ("batch_size", "n_shared_reports", "n_local_reports")
        batch, *others = (self._resolve(name, independent) for name in names)
        settings["lr"] *= SHEET_RATE
        return PricingNet(rules, batch_size=batch * (1 + sum(others)), **settings)
