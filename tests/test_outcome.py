"""AuctionOutcome: a named tuple and a 2-D array at once."""

import pickle

import numpy as np
import pytest

from sklauction.domains.outcome import AuctionOutcome

N_SAMPLES, N_BIDDERS, N_ITEMS = 5, 2, 3


@pytest.fixture
def outcome():
    """Five auctions of 2 bidders and 3 items; every number differs from all others."""
    numbers = np.arange(N_SAMPLES * N_BIDDERS * (N_ITEMS + 1), dtype=float)
    allocations, payments = np.split(numbers, [N_SAMPLES * N_BIDDERS * N_ITEMS])
    return AuctionOutcome(
        allocations.reshape(N_SAMPLES, N_BIDDERS, N_ITEMS), payments.reshape(N_SAMPLES, N_BIDDERS)
    )


def assert_same(one, two):
    assert type(one) is type(two) is AuctionOutcome
    np.testing.assert_array_equal(one.allocations, two.allocations)
    np.testing.assert_array_equal(one.payments, two.payments)


def test_unpacks_into_its_two_fields(outcome):
    allocations, payments = outcome
    assert allocations is outcome.allocations and payments is outcome.payments
    assert len(outcome) == 2 and outcome._fields == ("allocations", "payments")


@pytest.mark.parametrize("integer", [int, np.int64], ids=["int", "numpy"])
def test_an_integer_picks_the_field(outcome, integer):
    assert outcome[integer(0)] is outcome.allocations
    assert outcome[integer(1)] is outcome[integer(-1)] is outcome.payments
    with pytest.raises(IndexError):
        outcome[integer(2)]


@pytest.mark.parametrize(
    "rows",
    [
        slice(1, 4),
        slice(None, None, -1),
        np.array([3, 0, 3]),
        [4, 1],
        np.array([True, False, False, True, True]),
        slice(0, 0),
    ],
    ids=["slice", "reversed", "indices", "list", "mask", "empty"],
)
def test_rows_are_those_of_both_fields(outcome, rows):
    part = outcome[rows]
    assert_same(part, AuctionOutcome(outcome.allocations[rows], outcome.payments[rows]))
    np.testing.assert_array_equal(np.asarray(part), np.asarray(outcome)[rows])


def test_flat_form_by_hand():
    outcome = AuctionOutcome(np.array([[[1.0, 0.25], [0.0, 0.75]]]), np.array([[0.5, 0.125]]))
    np.testing.assert_array_equal(np.asarray(outcome), [[1, 0.25, 0, 0.75, 0.5, 0.125]])


@pytest.mark.parametrize("n_samples", [N_SAMPLES, 0])
def test_flat_form_round_trip(outcome, n_samples):
    part = outcome[:n_samples]
    flat = np.asarray(part)
    assert flat.shape == part.shape == (n_samples, N_BIDDERS * N_ITEMS + N_BIDDERS)
    assert_same(AuctionOutcome.from_array(flat, N_BIDDERS, N_ITEMS), part)


def test_flat_form_may_be_lists(outcome):
    flat = np.asarray(outcome).tolist()
    assert_same(AuctionOutcome.from_array(flat, N_BIDDERS, N_ITEMS), outcome)


def test_flat_form_is_a_copy(outcome):
    np.asarray(outcome)[:] = -1
    assert outcome.allocations.min() == 0
    with pytest.raises(ValueError, match="always a copy"):
        np.array(outcome, copy=False)


def test_flat_form_takes_a_type(outcome):
    assert np.asarray(outcome, dtype=np.float32).dtype == np.float32
    assert np.asarray(outcome).dtype == np.float64


def test_stacking_auctions_stacks_rows(outcome):
    both = np.vstack([outcome[:2], outcome[2:]])
    np.testing.assert_array_equal(both, np.asarray(outcome))


@pytest.mark.parametrize("shape", [(5, 7), (5, 9), (8,), (5, 2, 4)])
def test_from_array_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match=r"shape \(n_samples, 8\) for n_bidders=2 and n_items=3"):
        AuctionOutcome.from_array(np.zeros(shape), N_BIDDERS, N_ITEMS)


def test_pickling(outcome):
    assert_same(pickle.loads(pickle.dumps(outcome)), outcome)
