"""Auctioneer networks are feasible, individually rational and equivariant."""

import numpy as np
import pytest
import torch

from sklauction.domains import ADDITIVE, UNIT
from sklauction.economics import feasibility_violation, ir_violation
from sklauction.two_player.heads import PAYMENTS, envelope_outcome, rival_scores
from sklauction.two_player.layers import AttentionLayer, ExchangeableLayer, build_seeded
from sklauction.two_player.networks import AUCTIONEERS, NetworkDesign


def design(n_bidders, n_items, **options):
    sizes = {"demand": "additive", "hidden_layer_sizes": (8, 7), "activation": "silu"}
    return NetworkDesign(n_bidders=n_bidders, n_items=n_items, **{**sizes, **options})


def build(architecture, shape, noise):
    """Return a network in double precision with noise added to all weights."""
    generator = torch.Generator().manual_seed(0)
    network = build_seeded(lambda: AUCTIONEERS[architecture](shape), generator)
    sizes = shape.n_bidders, shape.n_items
    network.prepare(np.zeros(sizes), np.ones(sizes))
    for parameter in network.parameters():
        parameter.data += noise * torch.randn(parameter.shape, generator=generator)
    return network.double()


@pytest.mark.parametrize("architecture", AUCTIONEERS)
@pytest.mark.parametrize("demand", ["additive", "unit"])
@pytest.mark.parametrize("payments", PAYMENTS)
@pytest.mark.parametrize("n_bidders, n_items", [(1, 1), (1, 4), (2, 2), (4, 3)])
def test_feasible_and_rational_for_any_weights(architecture, demand, payments, n_bidders, n_items):
    shape = design(n_bidders, n_items, demand=demand, payments=payments)
    # Large changes: constraints must hold for any weights.
    network = build(architecture, shape, noise=3.0)
    bids = 5 * torch.rand(200, n_bidders, n_items, dtype=torch.float64)
    with torch.no_grad():
        allocations, payments = (part.numpy() for part in network(bids))
    # float64 softmax sums to 1 within rounding.
    assert feasibility_violation(allocations, demand).max() <= 1e-12
    assert ir_violation(bids.numpy(), (allocations, payments)).max() <= 1e-12
    assert payments.min() >= 0


@pytest.mark.parametrize("architecture", ["equivariant", "attention"])
@pytest.mark.parametrize("demand", ["additive", "unit"])
@pytest.mark.parametrize("payments", PAYMENTS)
def test_equivariant_network_commutes_with_reordering(architecture, demand, payments):
    alike = {"alike_bidders": True, "alike_items": True, "activation": "tanh"}
    shape = design(3, 4, demand=demand, payments=payments, **alike)
    network = build(architecture, shape, noise=1.0)
    assert not any("embedding" in name for name, _ in network.named_parameters())
    bids = torch.rand(50, 3, 4, dtype=torch.float64)
    bidders, items = torch.tensor([2, 0, 1]), torch.tensor([3, 1, 0, 2])
    with torch.no_grad():
        allocations, payments = network(bids)
        moved_allocations, moved_payments = network(bids[:, bidders][:, :, items])
    # Sums in another order: equal up to rounding.
    np.testing.assert_allclose(moved_allocations, allocations[:, bidders][:, :, items], atol=1e-12)
    np.testing.assert_allclose(moved_payments, payments[:, bidders], atol=1e-12)


@torch.no_grad()
def test_exchangeable_layer_by_hand():
    layer = build_seeded(lambda: ExchangeableLayer(1, 1), torch.Generator().manual_seed(0)).double()
    x = torch.tensor([[[1.0, 2.0], [3.0, 6.0]]], dtype=torch.float64).unsqueeze(-1)
    entry, row, column, overall = (
        float(part.weight) for part in (layer.entry, layer.row, layer.column, layer.overall)
    )
    # Entry (0, 1) is 2; the means of its row, its column and all are 1.5, 4 and 3.
    expected = 2 * entry + 1.5 * row + 4 * column + 3 * overall + float(layer.entry.bias)
    assert float(layer(x)[0, 0, 1, 0]) == pytest.approx(expected, rel=1e-12)


def test_attention_looks_along_the_row_and_the_column():
    layer = build_seeded(lambda: AttentionLayer(4, 3), torch.Generator().manual_seed(0)).double()
    x = torch.rand(1, 3, 3, 4, dtype=torch.float64)
    before = layer(x)[0, 0, 0]
    assert before.shape == (3,)
    for place, seen in (((0, 2), True), ((2, 0), True), ((0, 0), True), ((2, 2), False)):
        changed = x.clone()
        changed[0, place[0], place[1]] += 1.0
        assert torch.equal(layer(changed)[0, 0, 0], before) is not seen


def test_allocate_by_hand():
    zero = torch.zeros(1, 2, 1)
    # Two bidders and the option to keep the item have equal scores.
    np.testing.assert_allclose(ADDITIVE.allocate(zero, torch.zeros(1, 1, 1)), 1 / 3, rtol=1e-6)
    # Unit demand, one item: the bidder's own softmax (item or nothing) gives 1/2 > 1/3.
    unit = UNIT.allocate(zero, torch.zeros(1, 1, 1), torch.zeros(1, 2, 1))
    np.testing.assert_allclose(unit, 1 / 3, rtol=1e-6)
    # A score of nothing that is higher by log(9) limits the probability to 1/10.
    unit = UNIT.allocate(zero, torch.zeros(1, 1, 1), torch.full((1, 2, 1), float(np.log(9))))
    np.testing.assert_allclose(unit, 0.1, rtol=1e-6)


@pytest.mark.parametrize("n_bidders", [1, 2, 4])
def test_rival_scores_give_the_probabilities_of_the_softmax(n_bidders):
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(5, n_bidders, 3, generator=generator, dtype=torch.float64)
    item_exit = torch.randn(5, 1, 3, generator=generator, dtype=torch.float64)
    won = torch.sigmoid(scores - rival_scores(scores, item_exit))
    # Equal up to rounding.
    torch.testing.assert_close(won, ADDITIVE.allocate(scores, item_exit), rtol=0, atol=1e-12)


def test_envelope_payment_by_hand():
    # One bidder, one item, slope 2, advantage 0 at the bid 1: the bidder wins with probability 1/2.
    # Its utility is (log(1 + e^0) - log(1 + e^-2)) / 2, and it pays the rest of the value 1/2.
    bid, advantage, sharpness = torch.ones(1, 1, 1), torch.zeros(1, 1, 1), torch.full((1, 1), 2.0)
    expected = 0.5 - (np.log(2) - np.log(1 + np.exp(-2))) / 2
    for domain in (ADDITIVE, UNIT):  # equal for one item
        outcome = envelope_outcome(bid, advantage, sharpness, torch.zeros(1, 1), domain)
        # Single precision, and 1e-9 added to the odds.
        np.testing.assert_allclose([float(part) for part in outcome], [0.5, expected], rtol=1e-6)
    # Log-odds higher by log(3): payment : rest = 3 expected : (0.5 - expected).
    odds = 3 * expected / (0.5 - expected)
    outcome = envelope_outcome(bid, advantage, sharpness, torch.full((1, 1), np.log(3)), ADDITIVE)
    np.testing.assert_allclose(float(outcome[1]), 0.5 * odds / (1 + odds), rtol=1e-6)


@pytest.mark.parametrize("architecture", AUCTIONEERS)
@pytest.mark.parametrize("demand", ["additive", "unit"])
@pytest.mark.parametrize("n_bidders, n_items", [(1, 3), (2, 2), (4, 3)])
def test_envelope_payments_start_from_a_truthful_auction(architecture, demand, n_bidders, n_items):
    network = build(architecture, design(n_bidders, n_items, demand=demand), noise=0.0)
    spread = 0.3 + np.random.RandomState(0).uniform(size=(n_bidders, n_items))
    network.prepare(np.full((n_bidders, n_items), 0.5), spread)
    generator = torch.Generator().manual_seed(1)
    values = 2 * torch.rand(50, n_bidders, n_items, generator=generator, dtype=torch.float64)
    reports = values.repeat_interleave(200, dim=0)
    reports[:, 0] = 3 * torch.rand(reports[:, 0].shape, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        allocations, payments = network(torch.cat([values, reports]))
    assert payments.min() >= 0 and payments[:50].sum() > 0
    truth = values[:, 0]
    truthful = (allocations[:50, 0] * truth).sum(dim=1) - payments[:50, 0]
    truths = truth.repeat_interleave(200, dim=0)
    misreported = (allocations[50:, 0] * truths).sum(dim=1) - payments[50:, 0]
    # Exactly truthful except for 1e-9 added to the odds of payments.
    assert (misreported.view(50, 200).amax(dim=1) <= truthful + 1e-8).all()
    # Items are sold.
    assert truthful.mean() > 0.01


def test_weights_depend_on_the_generator_alone():
    torch.manual_seed(1)
    state = torch.random.get_rng_state()

    def weights(seed):
        generator = torch.Generator().manual_seed(seed)
        network = build_seeded(lambda: AUCTIONEERS["mlp"](design(2, 2)), generator)
        return torch.nn.utils.parameters_to_vector(network.parameters())

    assert torch.equal(weights(0), weights(0)) and not torch.equal(weights(0), weights(1))
    assert torch.equal(torch.random.get_rng_state(), state)
