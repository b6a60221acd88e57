"""Auctioneer networks are feasible, rational, and equivariant where they say so."""

import numpy as np
import pytest
import torch

from sklauction.economics import feasibility_violation, ir_violation
from sklauction.two_player.layers import AttentionLayer, ExchangeableLayer, build_seeded
from sklauction.two_player.networks import AUCTIONEERS, NetworkShape, allocate


def build(architecture, n_bidders, n_items, demand="additive", seed=0):
    generator = torch.Generator().manual_seed(seed)
    network = build_seeded(
        lambda: AUCTIONEERS[architecture](NetworkShape(n_bidders, n_items, demand, (8, 8), "silu")),
        generator,
    )
    network.prepare(np.zeros((n_bidders, n_items)), np.ones((n_bidders, n_items)))
    for parameter in network.parameters():
        # Far from the mild initial weights: constraints must hold for any.
        parameter.data += 3 * torch.randn(parameter.shape, generator=generator)
    return network.double()


@pytest.mark.parametrize("architecture", AUCTIONEERS)
@pytest.mark.parametrize("demand", ["additive", "unit"])
@pytest.mark.parametrize("n_bidders, n_items", [(1, 1), (1, 4), (2, 2), (4, 3)])
def test_feasible_and_rational_for_any_weights(architecture, demand, n_bidders, n_items):
    network = build(architecture, n_bidders, n_items, demand)
    bids = 5 * torch.rand(200, n_bidders, n_items, dtype=torch.float64)
    with torch.no_grad():
        allocations, payments = (part.numpy() for part in network(bids))
    # float64 softmax sums to 1 within rounding.
    assert feasibility_violation(allocations, demand).max() <= 1e-12
    assert ir_violation(bids.numpy(), (allocations, payments)).max() <= 1e-12
    assert payments.min() >= 0


@pytest.mark.parametrize("architecture", ["equivariant", "attention"])
@pytest.mark.parametrize("demand", ["additive", "unit"])
def test_equivariant_network_commutes_with_reordering(architecture, demand):
    generator = torch.Generator().manual_seed(0)
    shape = NetworkShape(3, 4, demand, (8, 7), "tanh", True, True)
    network = build_seeded(lambda: AUCTIONEERS[architecture](shape), generator).double()
    # Alike bidders and items: nothing in the network tells them apart.
    assert not any("embedding" in name for name, _ in network.named_parameters())
    network.prepare(np.zeros((3, 4)), np.ones((3, 4)))
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
