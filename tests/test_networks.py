"""Auctioneer networks are feasible, rational, and equivariant where they say so."""

import numpy as np
import pytest
import torch

from sklauction.economics import feasibility_violation, ir_violation
from sklauction.two_player.heads import PAYMENTS, allocate, envelope_outcome, rival_scores
from sklauction.two_player.layers import AttentionLayer, ExchangeableLayer, build_seeded
from sklauction.two_player.networks import AUCTIONEERS, NetworkShape


def build(architecture, n_bidders, n_items, demand="additive", payments="envelope", noise=3.0):
    generator = torch.Generator().manual_seed(0)
    shape = NetworkShape(n_bidders, n_items, demand, (8, 8), "silu", payments=payments)
    network = build_seeded(lambda: AUCTIONEERS[architecture](shape), generator)
    network.prepare(np.zeros((n_bidders, n_items)), np.ones((n_bidders, n_items)))
    for parameter in network.parameters():
        # Far from the mild initial weights: constraints must hold for any.
        parameter.data += noise * torch.randn(parameter.shape, generator=generator)
    return network.double()


@pytest.mark.parametrize("architecture", AUCTIONEERS)
@pytest.mark.parametrize("demand", ["additive", "unit"])
@pytest.mark.parametrize("payments", PAYMENTS)
@pytest.mark.parametrize("n_bidders, n_items", [(1, 1), (1, 4), (2, 2), (4, 3)])
def test_feasible_and_rational_for_any_weights(architecture, demand, payments, n_bidders, n_items):
    network = build(architecture, n_bidders, n_items, demand, payments)
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
    generator = torch.Generator().manual_seed(0)
    shape = NetworkShape(3, 4, demand, (8, 7), "tanh", True, True, payments)
    network = build_seeded(lambda: AUCTIONEERS[architecture](shape), generator).double()
    # Alike bidders and items: nothing in the network tells them apart.
    assert not any("embedding" in name for name, _ in network.named_parameters())
    network.prepare(np.zeros((3, 4)), np.ones((3, 4)))
    for parameter in network.parameters():
        parameter.data += torch.randn(parameter.shape, generator=generator)
    bids = torch.rand(50, 3, 4, dtype=torch.float64)
    bidders, items = torch.tensor([2, 0, 1]), torch.tensor([3, 1, 0, 2])
    with torch.no_grad():
        allocations, payments = network(bids)
        moved_allocations, moved_payments = network(bids[:, bidders][:, :, items])
    # Sums in another order: rounding only.
    np.testing.assert_allclose(moved_allocations, allocations[:, bidders][:, :, items], atol=1e-12)
    np.testing.assert_allclose(moved_payments, payments[:, bidders], atol=1e-12)


@pytest.mark.parametrize("n_bidders, n_items", [(1, 1), (1, 3), (2, 2), (3, 2)])
def test_dense_and_pooled_layers_agree(n_bidders, n_items):
    layer = build_seeded(lambda: ExchangeableLayer(3, 5), torch.Generator().manual_seed(0)).double()
    x = torch.rand(7, n_bidders, n_items, 3, dtype=torch.float64)
    # The same sums in another order.
    torch.testing.assert_close(layer.dense(x), layer.pooled(x), rtol=0, atol=1e-12)


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
    # Two bidders and the dummy share one item alike.
    np.testing.assert_allclose(allocate(zero, torch.zeros(1, 1, 1)), 1 / 3, rtol=1e-6)
    # Unit demand, one item: the bidder's own softmax (item or nothing) gives 1/2 > 1/3.
    unit = allocate(zero, torch.zeros(1, 1, 1), torch.zeros(1, 2, 1))
    np.testing.assert_allclose(unit, 1 / 3, rtol=1e-6)
    # A bidder that prefers nothing by log(9) gets at most 1/10.
    unit = allocate(zero, torch.zeros(1, 1, 1), torch.full((1, 2, 1), float(np.log(9))))
    np.testing.assert_allclose(unit, 0.1, rtol=1e-6)


@pytest.mark.parametrize("n_bidders", [1, 2, 4])
def test_rivals_are_what_a_softmax_is_up_against(n_bidders):
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(5, n_bidders, 3, generator=generator, dtype=torch.float64)
    item_exit = torch.randn(5, 1, 3, generator=generator, dtype=torch.float64)
    won = torch.sigmoid(scores - rival_scores(scores, item_exit))
    # The same probabilities in another form: rounding only.
    torch.testing.assert_close(won, allocate(scores, item_exit), rtol=0, atol=1e-12)


def test_envelope_payment_by_hand():
    # One bidder, one item, slope 2, advantage 0 at the bid 1: wins half the time. Its utility is
    # (log(1 + e^0) - log(1 + e^-2)) / 2, and it pays the rest of the value 1/2.
    bid, advantage, sharpness = torch.ones(1, 1, 1), torch.zeros(1, 1, 1), torch.full((1, 1), 2.0)
    expected = 0.5 - (np.log(2) - np.log(1 + np.exp(-2))) / 2
    for unit_demand in (False, True):  # with one item there is no difference
        outcome = envelope_outcome(bid, advantage, sharpness, torch.zeros(1, 1), unit_demand)
        # Single precision, and 1e-9 under the odds.
        np.testing.assert_allclose([float(part) for part in outcome], [0.5, expected], rtol=1e-6)
    # Log-odds of log(3) more: payment : rest = 3 expected : (0.5 - expected).
    odds = 3 * expected / (0.5 - expected)
    outcome = envelope_outcome(bid, advantage, sharpness, torch.full((1, 1), np.log(3)), False)
    np.testing.assert_allclose(float(outcome[1]), 0.5 * odds / (1 + odds), rtol=1e-6)


@pytest.mark.parametrize("architecture", AUCTIONEERS)
@pytest.mark.parametrize("demand", ["additive", "unit"])
@pytest.mark.parametrize("n_bidders, n_items", [(1, 3), (2, 2), (4, 3)])
def test_by_the_envelope_training_starts_from_a_truthful_auction(
    architecture, demand, n_bidders, n_items
):
    network = build(architecture, n_bidders, n_items, demand, noise=0.0)
    # Of different sizes: a bidder needs one potential for all its items even so.
    spread = 0.3 + np.random.RandomState(0).uniform(size=(n_bidders, n_items))
    network.prepare(np.full((n_bidders, n_items), 0.5), spread)
    generator = torch.Generator().manual_seed(1)
    values = 2 * torch.rand(50, n_bidders, n_items, generator=generator, dtype=torch.float64)
    lies = values.repeat_interleave(200, dim=0)
    lies[:, 0] = 3 * torch.rand(lies[:, 0].shape, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        allocations, payments = network(torch.cat([values, lies]))
    assert payments.min() >= 0 and payments[:50].sum() > 0
    truth = values[:, 0]
    gained = (allocations[:50, 0] * truth).sum(dim=1) - payments[:50, 0]
    lied = (allocations[50:, 0] * truth.repeat_interleave(200, dim=0)).sum(dim=1) - payments[50:, 0]
    # Exactly truthful but for 1e-9 under the odds of payments.
    assert (lied.view(50, 200).amax(dim=1) <= gained + 1e-8).all()
    # Not because nothing is sold: the largest of 200 lies comes near the truth.
    assert gained.mean() > 0.01


def test_weights_depend_on_the_generator_alone():
    torch.manual_seed(1)
    state = torch.random.get_rng_state()

    def weights(seed):
        generator = torch.Generator().manual_seed(seed)
        network = build_seeded(
            lambda: AUCTIONEERS["mlp"](NetworkShape(2, 2, "additive", (4,), "tanh")), generator
        )
        return torch.nn.utils.parameters_to_vector(network.parameters())

    assert torch.equal(weights(0), weights(0)) and not torch.equal(weights(0), weights(1))
    assert torch.equal(torch.random.get_rng_state(), state)
