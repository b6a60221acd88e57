"""Networks, misreporters and objectives, and all combinations of them."""

import pickle

import numpy as np
import pytest
import torch
from scipy.stats import uniform
from sklearn.base import clone
from test_common import learned_attributes, predicted
from torch import nn

from sklauction import (
    REGRETFORMER_PUBLISHED,
    REGRETNET_PUBLISHED,
    ALGNetAuction,
    RegretNetAuction,
)
from sklauction.datasets import make_valuations
from sklauction.domains import ADDITIVE
from sklauction.economics import feasibility_violation, ir_violation
from sklauction.two_player.misreporters import Groups, Play
from sklauction.two_player.networks import AUCTIONEERS, NetworkDesign
from sklauction.two_player.objectives import OBJECTIVES, AugmentedLagrangian, RegretBudget
from sklauction.two_player.own_network import build_own
from sklauction.two_player.searchers import RememberingSearcher, SearchProblem

NO_REPORTS = dict.fromkeys(("n_shared_reports", "n_local_reports", "n_proposals", "n_ascents"), 0)
NO_REPORTS |= {"n_refine_steps": 0, "n_remembered": 0, "n_cached_steps": 0}
SOURCES = {
    "shared": {**NO_REPORTS, "n_shared_reports": 3},
    "local": {**NO_REPORTS, "n_local_reports": 3},
    "network, refined": {**NO_REPORTS, "n_proposals": 1, "n_refine_steps": 1},
    "network, published": {**NO_REPORTS, "n_proposals": 1, "n_refine_steps": 0},
    "ascents": {**NO_REPORTS, "n_ascents": 1, "n_refine_steps": 1, "n_remembered": 2},
    "cached": {**NO_REPORTS, "n_cached_steps": 2},
    "all": {"n_shared_reports": 2, "n_local_reports": 2, "n_proposals": 2, "n_cached_steps": 1},
}
# Bidders, items, demand, distribution.
AUCTIONS = {
    "1x2": (1, 2, "additive", None),
    "2x2 unit": (2, 2, "unit", None),
    "3x3 asymmetric": (3, 3, "additive", [[uniform(0, 1)], [uniform(0, 2)], [uniform(1, 3)]]),
}


@pytest.fixture
def few_updates(monkeypatch):
    monkeypatch.setattr("sklauction.learned.auction.UPDATES_PER_ITERATION", 20)


V = make_valuations(60, 2, 2, random_state=0)


def tiny(cls=ALGNetAuction, **changes):
    sizes = {"hidden_layer_sizes": (4, 4), "max_iter": 1, "batch_size": 4}
    return cls(**{**sizes, "validation_fraction": 0, "random_state": 0, **changes})


def is_an_auction(auction, bids):
    allocations, payments = auction.predict(bids)
    assert np.isfinite(allocations).all() and np.isfinite(payments).all()
    # Double precision: equal up to rounding.
    assert feasibility_violation(allocations, auction.demand).max() <= 1e-9
    assert ir_violation(bids, (allocations, payments)).max() <= 1e-9 * bids.max()


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("architecture", AUCTIONEERS)
def test_every_combination_trains(architecture, source, objective, few_updates):
    parts = {"architecture": architecture, "objective": objective, **SOURCES[source]}
    for n_bidders, n_items, demand, distribution in AUCTIONS.values():
        values = make_valuations(60, n_bidders, n_items, distribution, random_state=0)
        auction = tiny(n_bidders=n_bidders, demand=demand, **parts).fit(values)
        assert auction.net_.n_steps_ == 20
        is_an_auction(auction, values)


def test_lagrangian_by_hand():
    objective = AugmentedLagrangian(2, 5.0, 2, 1.0, 50.0, 3)
    play = Play(torch.tensor(0.8), torch.tensor([0.1, 0.2]), None, None)
    # -0.8 + 5 (0.1 + 0.2) + (0.01 + 0.04) / 2
    assert float(objective(play)) == pytest.approx(0.725)
    objective.update(play, 1)
    assert objective.multipliers.tolist() == [5.0, 5.0] and objective.rho == 1.0
    objective.update(play, 2)  # lambda_i increases by rho R_i
    np.testing.assert_allclose(objective.multipliers, [5.1, 5.2], rtol=1e-6)
    objective.update(play, 3)
    assert objective.rho == 51.0
    objective.update(play, 4)
    np.testing.assert_allclose(objective.multipliers, [10.2, 15.4], rtol=1e-6)


def test_budget_by_hand():
    objective = RegretBudget(2, regret_budget=0.01, budget_rate=0.5, budget_decay=0.5)
    play = Play(torch.tensor(0.5), torch.tensor([0.02, 0.03]), None, None)
    assert float(objective(play)) == pytest.approx(-0.45)
    objective.update(play, 1)  # regret is a tenth of revenue, the initial budget
    assert float(objective.gamma) == pytest.approx(1.0, abs=1e-6)
    objective.update(play, 2)  # the budget is a twentieth of revenue
    assert float(objective.gamma) == pytest.approx(1 + 0.5 * np.log(2), abs=1e-6)
    for step in range(10):
        objective.update(play._replace(regrets=torch.zeros(2)), 3 + step)
    # Without regret gamma falls to 0; the budget falls to its final value.
    assert float(objective.gamma) == 0
    assert float(objective.log_budget.exp()) == pytest.approx(0.01, rel=1e-5)


def test_schedules_reach_the_objective():
    auction = tiny(RegretNetAuction, n_bidders=2, rho_every=40, rho_increment=3.0).fit(V)
    assert auction.net_.objective_.rho == 1.0 + 2 * 3.0
    assert auction.net_.objective_.multipliers.min() > 5.0
    budget = {"objective": "budget", "regret_budget": 0.02, "budget_decay": 0.5}
    auction = tiny(RegretNetAuction, n_bidders=2, **budget).fit(V)
    assert float(auction.net_.objective_.log_budget.exp()) == pytest.approx(0.02, rel=1e-5)


def test_cached_reports_stay_with_their_profiles():
    V = make_valuations(40, 2, 2, random_state=0)
    once = tiny(RegretNetAuction, n_bidders=2, max_iter=1, warm_start=True).fit(V)
    searcher = once.net_.searchers_[0]
    assert searcher.cache.shape == (40, 2, 2)
    assert searcher.cache.min() >= 0 and searcher.cache.max() <= 1 / once.scale_ + 1e-6
    before = searcher.cache.clone()
    once.fit(V)
    twice = tiny(RegretNetAuction, n_bidders=2, max_iter=2).fit(V)
    # Warm starts continue bit for bit, including the reports.
    assert torch.equal(searcher.cache, twice.net_.searchers_[0].cache)
    assert not torch.equal(searcher.cache, before)
    np.testing.assert_array_equal(predicted(once, V), predicted(twice, V))
    # Other profiles have other reports.
    before = searcher.cache.clone()
    once.partial_fit(make_valuations(40, 2, 2, random_state=1))
    # A few steps move reports by less than 0.3 of the range.
    assert (searcher.cache - before).abs().max() > 0.5
    other = make_valuations(30, 2, 2, random_state=1)
    assert once.partial_fit(other).net_.searchers_[0].cache.shape == (30, 2, 2)


def test_cached_reports_belong_to_profile_and_bidder():
    V = make_valuations(40, 3, 2, random_state=0)
    searcher = tiny(RegretNetAuction, n_bidders=3).fit(V).net_.searchers_[0]
    rows = torch.tensor([7, 3, 20, 39])

    def nothing(bids):
        return bids * 0, bids.sum(dim=2) * 0

    profiles = torch.rand(4, 3, 2)
    own = profiles.transpose(0, 1).unsqueeze(2)
    cache = searcher.cache.clone()
    found = searcher.search(
        SearchProblem(Groups(ADDITIVE, nothing, profiles), own, own, rows), 0.1, None
    )
    # Without gains reports do not change.
    for bidder in range(3):
        assert torch.equal(found[bidder, :, 0], cache[rows, bidder])
    assert torch.equal(searcher.cache, cache)


def test_more_steps_on_cached_reports_find_more_regret():
    V = make_valuations(64, 2, 2, random_state=0)
    found = []
    for steps in (1, 20):
        parameters = {"n_cached_steps": steps, "learning_rate_init": 1e-6, "batch_size": 64}
        auction = tiny(RegretNetAuction, n_bidders=2, **parameters).fit(V)
        found.append(auction.net_.history[-1]["train_total_regret"])
    # The auction is almost constant; with one step per update, reports do not converge within a
    # hundred updates.
    assert found[1] > found[0] > 0


def test_reports_ascend_from_proposals_and_from_the_truth(few_updates, monkeypatch):
    seen = []

    def record(groups, truths, starts, box, n_steps, generator):
        seen.append((truths, starts))
        return starts

    monkeypatch.setattr("sklauction.two_player.searchers.refine", record)
    sizes = {"n_shared_reports": 9, "n_proposals": 4, "n_ascents": 3, "n_refine_steps": 1}
    tiny(n_bidders=2, **sizes).fit(V)
    for truths, starts in seen:
        assert truths.shape[2] == 7
        assert torch.equal(truths[:, :, 4:], truths[:, :, :3])
        assert torch.equal(starts[:, :, 4:], truths[:, :, 4:])
        assert not torch.isclose(starts[:, :, :4], truths[:, :, :4]).all(dim=3).any()


def test_the_most_profitable_misreports_are_remembered_and_tried_by_all_groups(few_updates):
    rules = tiny(n_bidders=2, n_remembered=2).fit(V).net_.rules
    searcher = RememberingSearcher(rules, torch.zeros(2, 2, 2), torch.Generator())
    truths = torch.rand(2, 3, 1, 2)
    problem = SearchProblem(None, truths, truths, None)
    # In the first update, truths of the same bidder.
    first = searcher.search(problem, 0.1, None)
    assert first.shape == (2, 3, 2, 2)
    assert torch.equal(first, truths[:, :2, 0].unsqueeze(1).expand(-1, 3, -1, -1))
    reports = torch.rand(2, 3, 4, 2)
    best = torch.tensor([[[1], [3], [2]], [[0], [2], [1]]])
    gains = torch.tensor([[[0.3], [0.1], [0.2]], [[0.0], [0.5], [0.6]]])
    searcher.update(reports, Play(None, None, best, gains))
    tried = searcher.search(problem, 0.1, None)
    for group in range(3):
        assert torch.equal(tried[0, group], torch.stack([reports[0, 0, 1], reports[0, 2, 2]]))
        assert torch.equal(tried[1, group], torch.stack([reports[1, 2, 1], reports[1, 1, 2]]))


class PostedShare(nn.Module):
    """A network of a user: softmax shares; bidders pay half of their value."""

    def __init__(self, n_bidders, n_items):
        super().__init__()
        self.norm = nn.LayerNorm(n_items)
        self.layer = nn.Linear(n_bidders * n_items, n_bidders * n_items)
        self.register_buffer("part", torch.full((), 0.5))

    def forward(self, bids):
        scores = self.layer(self.norm(bids).flatten(1)).view(bids.shape)
        shares = torch.softmax(scores, dim=1)
        return shares, self.part * (shares * bids).sum(dim=2)


class TooGenerous(PostedShare):
    def forward(self, bids):
        allocations, payments = super().forward(bids)
        return 2 * allocations, payments


class Lopsided(PostedShare):
    def forward(self, bids):
        return super().forward(bids)[0], bids


@pytest.mark.parametrize("cls", [ALGNetAuction, RegretNetAuction])
def test_trains_networks_of_users(cls):
    V = make_valuations(60, 2, 3, random_state=0)
    state = torch.random.get_rng_state()
    auction = tiny(cls, n_bidders=2, architecture=PostedShare).fit(V)
    again = clone(auction).fit(V)
    # Weights depend on random_state only, and torch's global generator is unchanged.
    assert torch.equal(torch.random.get_rng_state(), state)
    np.testing.assert_array_equal(predicted(auction, V), predicted(again, V))
    is_an_auction(auction, V)
    network = auction.net_.module_.network
    assert isinstance(network, PostedShare) and float(network.part) == 0.5
    assert not torch.equal(network.norm.weight, torch.zeros(3))
    copy = pickle.loads(pickle.dumps(auction))
    np.testing.assert_array_equal(predicted(copy, V), predicted(auction, V))


def test_random_weights_of_user_networks_are_redrawn_and_constants_kept():
    shape = NetworkDesign(
        n_bidders=2, n_items=3, demand="additive", hidden_layer_sizes=(4,), activation="tanh"
    )
    networks = []
    for torch_seed, seed in ((0, 0), (1, 0), (1, 1)):
        torch.manual_seed(torch_seed)
        network = build_own(PostedShare, shape, torch.Generator().manual_seed(seed)).network
        assert torch.equal(network.norm.weight, torch.ones(3))
        assert torch.equal(network.layer.bias, torch.zeros(6))
        networks.append(network)
    first, again, other = (network.layer.weight for network in networks)
    # Independent of torch's global generator.
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize(
    "architecture, message",
    [
        (TooGenerous, "allocations of TooGenerous are infeasible"),
        (Lopsided, "payments of shape"),
        (nn.Linear(2, 2), "one of 'mlp', 'equivariant', 'attention', 'pricing' or a class"),
    ],
)
def test_networks_that_are_not_auctions_raise(architecture, message):
    with pytest.raises(ValueError, match=message):
        tiny(n_bidders=2, architecture=architecture).fit(V)


@pytest.mark.parametrize("architecture", ["equivariant", "attention"])
def test_embeddings_distinguish_bidders_and_items(architecture):
    def fit(symmetric):
        parts = {"architecture": architecture, "symmetric": symmetric, "support": (0, 1)}
        return tiny(n_bidders=2, **parts).fit(V)

    for symmetric in ("auto", False):
        body = fit(symmetric).net_.module_.body
        assert body.bidder_embedding.abs().max() > 0 and body.item_embedding.abs().max() > 0
    alike = fit(True)
    assert alike.net_.module_.body.bidder_embedding is None
    # Swapping bidders and items swaps outcomes, up to sums in another order.
    swapped = alike.predict(V[:, ::-1, ::-1])
    np.testing.assert_allclose(swapped.payments[:, ::-1], alike.predict(V).payments, atol=1e-9)


@pytest.mark.parametrize(
    "published, shorter",
    [(REGRETNET_PUBLISHED, {"rho_every": 10_000}), (REGRETFORMER_PUBLISHED, {})],
)
def test_published_systems_run(published, shorter, few_updates):
    small = {"hidden_layer_sizes": (4,), "batch_size": 4, "max_iter": 1, "random_state": 0}
    auction = RegretNetAuction(n_bidders=2, **{**published, **shorter, **small}).fit(V)
    is_an_auction(auction, V)


@pytest.mark.parametrize(
    "cls, zero", [(ALGNetAuction, NO_REPORTS), (RegretNetAuction, {"n_cached_steps": 0})]
)
def test_an_auction_without_misreports_is_refused(cls, zero):
    auction = tiny(cls, n_bidders=2, **zero)
    message = "one of n_shared_reports, n_local_reports, n_proposals.*searched; got 0 for all"
    with pytest.raises(ValueError, match=message):
        auction.fit(V)
    assert not learned_attributes(auction)


# Valuations, batch size, and a factor of the step size.
EXTREMES = {
    "constant valuations": (np.full((40, 2, 2), 3.0), 4, 1),
    "one item, one bidder": (np.linspace(0.1, 1, 40).reshape(40, 1, 1), 4, 1),
    "nearly worthless": (np.full((40, 2, 2), 1e-200), 4, 1),
    "one bidder never wants anything": (np.random.RandomState(0).rand(40, 2, 2) * [[1], [0]], 4, 1),
    "a batch of one": (np.random.RandomState(0).rand(40, 2, 2), 1, 1),
    "two profiles": (np.random.RandomState(0).rand(2, 2, 2), 4, 1),
    "tenfold steps": (np.random.RandomState(0).rand(40, 2, 2), 4, 10),
}


@pytest.mark.parametrize("name", EXTREMES)
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("cls", [ALGNetAuction, RegretNetAuction])
def test_extremes_end_in_a_finite_auction(cls, objective, name):
    values, batch_size, steps = EXTREMES[name]
    parameters = {"batch_size": batch_size, "learning_rate_init": steps * cls().learning_rate_init}
    auction = tiny(cls, n_bidders=values.shape[1], objective=objective, **parameters).fit(values)
    assert all(torch.isfinite(part).all() for part in auction.net_.module_.parameters())
    is_an_auction(auction, values)
