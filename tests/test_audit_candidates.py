"""Candidate reports: inside the box, and of the documented kinds."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from sklauction.audit.candidates import (
    across_rivals,
    anchors,
    line_bids,
    low_discrepancy,
    n_subset_bids,
    near_best,
    pair_levels,
    resampled,
    scan_values,
    subset_bids,
)
from sklauction.domains import ADDITIVE

LOW, HIGH = np.array([1.0, 0.0, 2.0]), np.array([3.0, 5.0, 2.5])
TRUTH = LOW + np.random.default_rng(0).uniform(size=(200, 3)) * (HIGH - LOW)
# Some below the box: nothing has to be bid against them.
RIVALS = np.random.default_rng(1).uniform(0, 5, size=(200, 3))
DEVIATIONS = ADDITIVE.deviations(TRUTH, RIVALS[:, None], LOW, HIGH)


def search(seed=0, pool=TRUTH):
    """Return the attributes of a search that candidates are made from; the truth is best."""
    known = {"truth": TRUTH, "rivals": RIVALS, "low": LOW, "high": HIGH, "pool": pool}
    known["others"] = RIVALS[:, None]
    problem = SimpleNamespace(**known, deviations=lambda: DEVIATIONS)
    random = np.random.default_rng(seed)
    return SimpleNamespace(problem=problem, reports=TRUTH, random=random)


def subsets(state, evaluate=lambda reports: reports.sum(axis=2)):
    """Return all reports that subset_bids evaluates."""
    tried = []

    def record(reports):
        tried.append(reports)
        return evaluate(reports)

    state.evaluate = record
    subset_bids(state)
    return np.concatenate(tried, axis=1)


def test_everything_stays_inside_the_box():
    state = search(seed=2)
    reports = [
        anchors(state.problem),
        subsets(state),
        line_bids(state, 12, 16),
        across_rivals(state.problem, TRUTH)[:, None],
        low_discrepancy(state, 50),
        near_best(state, 20),
        resampled(state, 5),
        scan_values(state, 6).swapaxes(1, 2),
    ]
    for kind in reports:
        assert kind.shape[0] == 200 and kind.shape[2] == 3
        assert (kind >= LOW).all() and (kind <= HIGH).all()


def test_anchors_are_ends_edges_and_bids_at_rivals():
    reports = anchors(search().problem)
    assert reports.shape == (200, 8 + 2 * 3, 3)
    assert (reports[:, 0] == LOW).all() and (reports[:, 1] == HIGH).all()
    inside = (RIVALS > LOW) & (RIVALS < HIGH - 1e-4)
    margin = (reports[:, 2] - RIVALS)[inside]
    # A millionth of a range of at most 5.
    assert (margin > 0).all() and margin.max() <= 5.1e-6
    for report, otherwise in ((reports[:, 3], LOW), (reports[:, 4], TRUTH)):
        expected = np.where(TRUTH > RIVALS, reports[:, 2], otherwise)
        np.testing.assert_array_equal(report, expected)
    # Ties, to the last bit.
    tie = np.clip(RIVALS, LOW, HIGH)
    np.testing.assert_array_equal(reports[:, 5], tie)
    for report, otherwise in ((reports[:, 6], LOW), (reports[:, 7], TRUTH)):
        np.testing.assert_array_equal(report, np.where(TRUTH > RIVALS, tie, otherwise))
    # The edges: one item moved to an end, the others true.
    moved = reports[:, 8:] != TRUTH[:, None]
    np.testing.assert_array_equal(moved.sum(axis=2), 1)


def test_near_points_shrink_to_the_start_and_half_move_one_item():
    reports = near_best(search(), 80)[:, :40]
    distance = np.abs(reports - TRUTH[:, None]) / (HIGH - LOW)
    assert distance.max() <= 0.3
    n_moved = (distance > 0).sum(axis=2)
    # Odd ones move one item at most (none where the box ends there), even ones all.
    assert n_moved[:, 1::2].max() == 1 and np.median(n_moved[:, ::2]) == 3
    # Every scale is there: largest components from 30 % to below 0.1 % of the range.
    largest = distance.max(axis=2)
    assert (largest > 0.1).mean() > 0.05 and ((largest > 0) & (largest < 1e-3)).mean() > 0.05


def test_ties_with_lower_ranks_are_suggested():
    others = np.array([[[0.3, 0.9], [0.5, 0.1], [0.4, 0.7], [0.2, 0.6]]])
    truth, low, high = np.array([[0.45, 0.65]]), np.zeros(2), np.ones(2)
    reports = ADDITIVE.deviations(truth, others, low, high)[0]
    assert reports.shape == (6 + 2 * 2, 2)
    # The second and the third highest bid, item by item; no item is worth the highest.
    np.testing.assert_array_equal(reports[6::2], [[0.4, 0.7], [0.3, 0.6]])
    np.testing.assert_array_equal(reports[7::2], [truth[0], truth[0]])
    # One opponent has one rank; none has the lowest report.
    assert ADDITIVE.deviations(truth, others[:, :1], low, high).shape == (1, 6, 2)
    alone = ADDITIVE.deviations(truth, others[:, :0], low, high)
    assert (alone[:, 3] == low).all() and alone.shape == (1, 6, 2)


def test_all_subsets_of_few_items_are_bid_on():
    reports = subsets(search())
    assert reports.shape == (200, n_subset_bids(3), 3) == (200, 2 * 6, 3)
    assert ((TRUTH > LOW) & (TRUTH < HIGH)).all()
    for half, bids in ((reports[:, :6], TRUTH), (reports[:, 6:], np.maximum(TRUTH, RIVALS))):
        kept = half != LOW
        assert len(np.unique(kept[0], axis=0)) == 6
        # Within a nudge above rivals, a millionth of a range of at most 5.
        expected = np.where(kept, np.minimum(bids, HIGH)[:, None], LOW)
        np.testing.assert_allclose(half, expected, rtol=0, atol=5.1e-6)


def test_nested_subsets_of_many_items_are_ordered_by_surplus_value_and_loss():
    random = np.random.default_rng(0)
    truth, rivals, loss = random.uniform(0.01, 1.0, size=(3, 50, 9))
    low, high = np.zeros(9), np.ones(9)
    problem = SimpleNamespace(truth=truth, rivals=rivals, low=low, high=high)
    state = SimpleNamespace(problem=problem, reports=truth, random=random)
    # What an item is worth to the mechanism, known only by dropping it.
    reports = subsets(state, lambda tried: ((tried > 0) * loss[:, None]).sum(axis=2))
    assert reports.shape == (50, n_subset_bids(9), 9)
    kept = reports == truth[:, None]
    for start, worth in ((9, truth - rivals), (17, truth), (25, loss)):
        for size in range(1, 9):
            worst = np.where(kept[:, start + size - 1], worth, np.inf).min(axis=1)
            dropped = np.where(kept[:, start + size - 1], -np.inf, worth).max(axis=1)
            assert (kept[:, start + size - 1].sum(axis=1) == size).all()
            assert (worst > dropped).all()
    # Everything up to the bids that win the nested subsets is either true or dropped.
    assert ((reports == 0) | kept)[:, :-8].all()
    won = reports[:, -8:] > rivals[:, None]
    assert (won.sum(axis=2) == np.arange(1, 9)).all()


def test_bids_across_rivals_change_sides():
    crossed = across_rivals(search().problem, TRUTH)
    inside = (RIVALS > LOW + 1e-4) & (RIVALS < HIGH - 1e-4)
    assert ((crossed > RIVALS) != (TRUTH > RIVALS))[inside].all()
    # A millionth of a range of at most 5.
    assert (np.abs(crossed - RIVALS) <= 5.1e-6)[inside].all()


def test_lines_are_common_bids_and_the_path_through_the_truth():
    reports = line_bids(search(), 12, 20)
    assert reports.shape == (200, 32, 3)
    # A common bid, as far as the ranges of the items allow; that of item 1 holds all others.
    np.testing.assert_array_equal(reports[:, :12], np.clip(reports[:, :12, 1:2], LOW, HIGH))
    path = reports[:, 12:]
    # The first half below the truth and the second above, at even distances but for a shift.
    below, above = (path - LOW) / (TRUTH - LOW)[:, None], (path - TRUTH[:, None])
    above = above / (HIGH - TRUTH)[:, None]
    # Rounding of a quotient; a truth 1e-3 from an end loses three digits.
    np.testing.assert_allclose(np.ptp(below[:, :10], axis=2), 0, atol=1e-9)
    np.testing.assert_allclose(np.ptp(above[:, 10:], axis=2), 0, atol=1e-9)
    steps = np.concatenate([below[:, :10, 0], 1 + above[:, 10:, 0]], axis=1)
    np.testing.assert_allclose(np.diff(steps, axis=1), 0.1, atol=1e-9)


@pytest.mark.parametrize("n_points, n_items", [(3, 4), (11, 10), (13, 14)])
def test_every_pair_of_levels_appears_in_every_pair_of_items(n_points, n_items):
    levels = pair_levels(n_points, n_items, np.random.default_rng(0))
    assert levels.shape == (n_points**2, n_items)
    for first, second in itertools.combinations(levels.T, 2):
        assert len(np.unique(first * n_points + second)) == n_points**2


def test_more_items_than_columns_share_them_evenly():
    levels = pair_levels(3, 10, np.random.default_rng(0))
    columns, n_shared = np.unique(levels, axis=1, return_counts=True)
    assert columns.shape == (9, 4) and set(n_shared) == {2, 3}


def test_resampled_reports_are_rows_of_the_pool():
    pool = TRUTH[:4]
    reports = resampled(search(pool=pool), 30)
    matches = (reports[:, :, None] == pool).all(axis=3)
    assert matches.any(axis=2).all() and matches.any(axis=(0, 1)).all()


@pytest.mark.parametrize("n_points", [5, 64])
def test_scans_leave_no_gap_wider_than_their_spacing(n_points):
    values = scan_values(search(), n_points)
    assert values.shape == (200, 3, n_points + 7)
    gaps = np.diff(np.sort(values, axis=2), axis=2).max(axis=2) / (HIGH - LOW)
    # Evenly spaced, with both ends: rounding aside.
    assert gaps.max() <= 1 / n_points + 1e-12
    # Rows are shifted against one another, so that no value is missed by all.
    assert len(np.unique(values[:, 0, 0])) == 200
    inside = (RIVALS > LOW + 1e-4) & (RIVALS < HIGH - 1e-4)
    offsets = values - RIVALS[..., None]
    for sign in (-1, 1):
        close = (sign * offsets > 0) & (np.abs(offsets) < 1e-5)
        assert close.any(axis=2)[inside].all()


def test_short_scans_begin_with_a_tie_and_a_way_back_to_the_truth():
    state = search()
    state.reports = np.where(np.arange(3) == 1, TRUTH, LOW)
    values = scan_values(state, 0, 2)
    np.testing.assert_array_equal(values[:, :, 0], np.clip(RIVALS, LOW, HIGH))
    # From the truth, just above the rival: within a millionth of the range of 5.
    np.testing.assert_array_equal(values[:, ::2, 1], TRUTH[:, ::2])
    np.testing.assert_allclose(values[:, 1, 1], RIVALS[:, 1], rtol=0, atol=5.1e-6)


def test_scans_try_bids_of_opponents_and_on_other_items():
    state = search()
    state.problem.others = np.stack([RIVALS, RIVALS / 2], axis=1)
    own = np.clip(TRUTH, LOW, HIGH)
    tried = scan_values(state, 0, 5)[:, :, 4]
    sources = [np.clip(bids, LOW, HIGH) for bids in (RIVALS, RIVALS / 2)]
    sources += [np.clip(np.roll(own, shift, axis=1), LOW, HIGH) for shift in (1, 2)]
    seen = np.stack([tried == source for source in sources])
    assert seen.any(axis=0).all()
    # Each opponent, and the other items: about a third each of 600.
    assert (np.concatenate([seen[:2], seen[2:].any(axis=0)[None]]).sum(axis=(1, 2)) > 100).all()
