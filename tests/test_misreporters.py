"""Groups of reports in training, and the search for misreports."""

import numpy as np
import pytest
import torch

from sklauction.domains import ADDITIVE
from sklauction.two_player.layers import build_seeded
from sklauction.two_player.misreporters import (
    MISREPORTERS,
    Groups,
    climb,
    draw_truths,
    perturb,
    place_reports,
    refine,
)
from sklauction.two_player.networks import NetworkDesign


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def batch(generator):
    return torch.rand(3, 2, 2, generator=generator, dtype=torch.float64)


BOX = torch.tensor([0.0, 1.0], dtype=torch.float64).expand(2, 2, 2)


def proportional(bids):
    """Items shared in proportion to bids; pay half the reported value."""
    allocations = bids / bids.sum(dim=1, keepdim=True).clamp_min(1e-9)
    return allocations, 0.5 * (allocations * bids).sum(dim=2)


def test_the_first_truth_is_the_bidders_own(batch, generator):
    pool = torch.rand(50, 2, 2, generator=generator, dtype=torch.float64)
    truths = draw_truths(batch, pool, 5, generator)
    assert truths.shape == (2, 3, 5, 2)
    for bidder in range(2):
        assert torch.equal(truths[bidder, :, 0], batch[:, bidder])
        # Further truths are values of the same bidder in the pool.
        values = {tuple(value.tolist()) for value in pool[:, bidder]}
        assert all(tuple(t.tolist()) in values for t in truths[bidder, :, 1:].flatten(0, 1))


def test_reports_replace_one_bidder_and_leave_the_others(batch):
    reports = torch.full((2, 3, 4, 2), 9.0, dtype=torch.float64)
    profiles = place_reports(batch, reports)
    assert profiles.shape == (2, 3, 4, 2, 2)
    for bidder in range(2):
        assert (profiles[bidder, :, :, bidder] == 9).all()
        other = 1 - bidder
        assert torch.equal(profiles[bidder, :, 2, other], batch[:, other])


@pytest.mark.parametrize("n_truths", [1, 4])
def test_play_matches_the_definition_of_regret(batch, generator, n_truths):
    truths = draw_truths(batch, batch, n_truths, generator)
    extra = perturb(truths, 3, BOX, generator)
    reports = torch.cat([truths, extra], dim=2)
    play = Groups(ADDITIVE, proportional, batch).play(truths, reports)

    def utility(bidder, group, truth, report):
        bids = batch[group : group + 1].clone()
        bids[0, bidder] = report
        allocations, payments = proportional(bids)
        return float(truth @ allocations[0, bidder] - payments[0, bidder])

    total, paid = 0.0, []
    for bidder in range(2):
        for group in range(3):
            for k in range(n_truths):
                truth = truths[bidder, group, k]
                utilities = [utility(bidder, group, truth, r) for r in reports[bidder, group]]
                gain = max(utilities) - utilities[k]
                total += gain / (3 * n_truths)
                assert float(play.gains[bidder, group, k]) == pytest.approx(gain, abs=1e-12)
                assert int(play.best_reports[bidder, group, k]) == int(np.argmax(utilities))
                bids = batch[group : group + 1].clone()
                bids[0, bidder] = truth
                paid.append(float(proportional(bids)[1].sum()))
    # The same sums in another order.
    assert float(play.regrets.sum()) == pytest.approx(total, abs=1e-12)
    assert float(play.objective) == pytest.approx(np.mean(paid), abs=1e-12)


def test_perturbations_stay_in_the_box_and_reach_all_sizes(batch, generator):
    truths = draw_truths(batch, batch, 2, generator)
    moved = perturb(truths, 2000, BOX, generator)
    assert moved.min() >= 0 and moved.max() <= 1
    distance = (moved - truths[:, :, torch.arange(2000) % 2]).abs().amax(dim=3)
    # Sizes are log-uniform from 0.1 % to 30 % of the range.
    assert (distance < 0.002).any() and (distance > 0.1).any() and distance.max() <= 0.3


def ascended(search, batch, draws, **options):
    """Assert that a search raises a smooth utility; return the distances of its reports."""
    truths = draw_truths(batch, batch, 3, draws)
    starts = torch.full_like(truths, 0.9)
    groups = Groups(ADDITIVE, proportional, batch)
    found = search(groups, truths, starts, BOX, **options)
    before, after = (groups.utilities(truths, reports) for reports in (starts, found))
    # Utilities are concave: ascent lowers them by at most its last steps.
    assert (after >= before - 2e-3).all() and after.mean() > before.mean() + 0.01
    assert found.min() >= 0 and found.max() <= 1 and not found.requires_grad
    assert torch.equal(starts, torch.full_like(truths, 0.9))
    return (found - starts).abs().amax(dim=3).flatten()


def test_refine_does_not_lower_a_smooth_utility(batch, generator):
    # The last step is at most 0.2 * 0.5**7 = 0.0016.
    moved = ascended(refine, batch, generator, n_steps=8, generator=generator)
    # Steps differ by report, and add up to at most 40 % of the range.
    assert len(moved.unique()) == len(moved) and moved.max() <= 0.4


@pytest.mark.parametrize("start, direction", [(0.01, -1), (0.99, 1)])
def test_refine_stays_in_the_support(start, direction, batch, generator):
    truths = draw_truths(batch, batch, 3, generator)
    starts = torch.full_like(truths, start)

    def pull(bids):
        return direction * bids, torch.zeros_like(bids[:, :, 0])

    groups = Groups(ADDITIVE, pull, batch)
    found = refine(groups, truths, starts, BOX, n_steps=3, generator=generator)
    # The utility rises beyond the edge, which most of the steps, up to 20 %, would cross.
    assert found.min() >= 0 and found.max() <= 1
    assert (found == (direction > 0)).double().mean() > 0.3


def test_climb_maximises_a_smooth_utility(batch, generator):
    # Adam's steps are at most 0.02.
    ascended(climb, batch, generator, n_steps=60, step_size=0.02)


@pytest.mark.parametrize("architecture", MISREPORTERS)
def test_misreporter_networks_stay_in_the_support(architecture, generator):
    shape = NetworkDesign(
        n_bidders=3, n_items=2, demand="additive", hidden_layer_sizes=(8,), activation="silu"
    )
    network = build_seeded(lambda: MISREPORTERS[architecture](shape), generator)
    network.low.fill_(2.0)
    network.high.fill_(5.0)
    for parameter in network.parameters():
        parameter.data += 5 * torch.randn(parameter.shape, generator=generator)
    reports = network(10 * torch.rand(100, 3, 2, generator=generator))
    assert reports.shape == (100, 3, 2)
    assert reports.min() >= 2 and reports.max() <= 5
