"""Candidate reports: inside the box, and of the documented kinds."""

from types import SimpleNamespace

import numpy as np
import pytest

from sklauction.audit.candidates import (
    anchors,
    low_discrepancy,
    near_best,
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
    problem = SimpleNamespace(**known, deviations=lambda: DEVIATIONS)
    random = np.random.default_rng(seed)
    return SimpleNamespace(problem=problem, reports=TRUTH, random=random)


def test_everything_stays_inside_the_box():
    state = search(seed=2)
    reports = [
        anchors(state.problem),
        subset_bids(state, 9),
        low_discrepancy(state, 50),
        near_best(state, 20),
        resampled(state, 5),
        scan_values(state, 6).swapaxes(1, 2),
    ]
    for kind in reports:
        assert kind.shape[0] == 200 and kind.shape[2] == 3
        assert (kind >= LOW).all() and (kind <= HIGH).all()


def test_anchors_are_ends_edges_and_just_above_rivals():
    reports = anchors(search().problem)
    assert reports.shape == (200, 5 + 2 * 3, 3)
    assert (reports[:, 0] == LOW).all() and (reports[:, 1] == HIGH).all()
    inside = (RIVALS > LOW) & (RIVALS < HIGH - 1e-4)
    margin = (reports[:, 2] - RIVALS)[inside]
    # A millionth of a range of at most 5.
    assert (margin > 0).all() and margin.max() <= 5.1e-6
    for report, otherwise in ((reports[:, 3], LOW), (reports[:, 4], TRUTH)):
        expected = np.where(TRUTH > RIVALS, reports[:, 2], otherwise)
        np.testing.assert_array_equal(report, expected)
    # The edges: one item moved to an end, the others true.
    moved = reports[:, 5:] != TRUTH[:, None]
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


def test_nested_subsets_keep_the_items_with_the_largest_surplus():
    reports = subset_bids(search(), 7)
    assert reports.shape == (200, 2 + 5, 3)
    kept = reports == TRUTH[:, None]
    np.testing.assert_array_equal(kept[:, :2].sum(axis=2), [[1, 2]] * 200)
    surplus = TRUTH - RIVALS
    rows = np.arange(200)
    assert kept[rows, 0, surplus.argmax(axis=1)].all()
    assert not kept[rows, 1, surplus.argmin(axis=1)].any()
    # What is not kept is dropped to the lowest report.
    assert ((reports == LOW) | kept).all()


def test_resampled_reports_are_rows_of_the_pool():
    pool = TRUTH[:4]
    reports = resampled(search(pool=pool), 30)
    matches = (reports[:, :, None] == pool).all(axis=3)
    assert matches.any(axis=2).all() and matches.any(axis=(0, 1)).all()


@pytest.mark.parametrize("n_points", [5, 64])
def test_scans_leave_no_gap_wider_than_their_spacing(n_points):
    values = scan_values(search(), n_points)
    assert values.shape == (200, 3, n_points + 4)
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
