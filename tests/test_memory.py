"""Valuations that stay on disk: what is held beside them, and that they are left as they are."""

import tracemalloc
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import pytest
from mechanisms import first_price
from scipy.stats import uniform

from sklauction import (
    AffineMaximizerAuction,
    ALGNetAuction,
    BundleMyersonAuction,
    BundlePricingAuction,
    CallableAuction,
    MyersonAuction,
    RochetNetAuction,
    SingleBuyerAuction,
    TruthfulAuction,
    VCGAuction,
    measure_regret,
)
from sklauction.audit.measure import _rows_of_blocks
from sklauction.utils.batching import CHUNKS, blocks, run_in_blocks
from sklauction.utils.sample_tests import (
    bidders_look_alike,
    bidders_look_independent,
    items_look_alike,
    plausible_boxes,
    strongest_dependence,
)

# Profiles: so many that a copy of them, of 6.4 MB, is more than what is held beside a block; of
# an audit, a copy of 0.96 MB is more than what is left of the limit below.
N, N_AUDITED = 200_000, 30_000
# Beside arrays of all profiles; tracemalloc sees what numpy holds, not what torch does. A block of
# a prediction has 16,384 profiles, of half a megabyte: with what is computed from them it took
# 1.2 to 3.3 MB. A block of an audit has 4,096 profiles, with 9 reports for each: 2.9 MB.
BLOCKS, AUDIT_BLOCKS = 4e6, 3.6e6

BRIEF = {"max_iter": 1, "batch_size": 8, "random_state": 0}
NET = {**BRIEF, "hidden_layer_sizes": (4,)}
GAME = {**NET, "n_shared_reports": 3, "n_local_reports": 2, "n_ascents": 1}
MENU = {**BRIEF, "menu_size": 8, "anneal_iter": 4, "n_starts": 1}


AUCTIONS = [
    MyersonAuction(2),
    BundleMyersonAuction(2),
    VCGAuction(2),
    CallableAuction(first_price, 2),
    ALGNetAuction(2, **GAME),
    BundlePricingAuction(2, **NET, anneal_iter=4),
    AffineMaximizerAuction(2, **MENU),
    RochetNetAuction(**MENU),
    TruthfulAuction(BundleMyersonAuction(), random_state=0),
    SingleBuyerAuction(prior=uniform(0, 1)),
]


@contextmanager
def at_most(n_bytes):
    """Fail where more is held at any time than before."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= n_bytes


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory):
    """Return a function that writes profiles in some form and opens them for reading only."""
    folder = tmp_path_factory.mktemp("valuations")
    values = np.random.default_rng(0).random((N, 2, 2), dtype=np.float32).astype(np.float64)

    def opened(form="float64", n_profiles=N, n_bidders=2):
        profiles = values[:n_profiles, :n_bidders]
        if form == "flat":
            profiles = profiles.reshape(n_profiles, -1)
        profiles = np.asarray(profiles, "f4" if form == "float32" else "f8")
        path = folder / f"{form} {n_profiles} {n_bidders}.npy"
        np.save(path, np.asfortranarray(profiles) if form == "columns first" else profiles)
        on_disk = np.load(path, mmap_mode="r")
        assert not on_disk.flags.writeable  # so a call that wrote into it would fail
        return on_disk, np.ascontiguousarray(values[:n_profiles, :n_bidders])

    return opened


@pytest.mark.parametrize("auction", AUCTIONS, ids=lambda one: type(one).__name__)
def test_prediction_holds_its_outcome_and_one_block(auction, on_disk):
    profiles, in_memory = on_disk(n_bidders=getattr(auction, "n_bidders", 1) or 1)
    auction.fit(in_memory[:500])
    auction.predict(in_memory[:2])  # loads what is loaded on first use
    outcome_size = in_memory.nbytes + in_memory[:, :, 0].nbytes
    with at_most(outcome_size + BLOCKS):
        outcome = auction.predict(profiles)
    # Bit for bit: blocks end where chunks of a network do.
    for field, expected in zip(outcome, auction._run(in_memory), strict=True):
        np.testing.assert_array_equal(field, expected)
    np.testing.assert_array_equal(profiles, in_memory)


@pytest.mark.parametrize("form, copies", [("flat", 0), ("float32", 1), ("columns first", 1)])
def test_other_forms_are_copied_at_most_once(form, copies, on_disk):
    profiles, in_memory = on_disk(form)
    auction = VCGAuction(2).fit(in_memory[:500])
    auction.predict(profiles[:2])
    with at_most((1.5 + copies) * in_memory.nbytes + BLOCKS):
        outcome = auction.predict(profiles)
    for field, expected in zip(outcome, auction.predict(in_memory), strict=True):
        np.testing.assert_array_equal(field, expected)


@pytest.mark.parametrize("n_entries", [1, 3, 4, 500, 1 << 20])  # 3: chunks of 5,461 profiles
def test_blocks_hold_every_profile_once_and_end_where_chunks_do(n_entries):
    shape = (100_000, 1, n_entries)
    few, many = [], list(blocks(shape))

    def run(rows):
        few.append(rows)
        return (np.zeros(rows.stop - rows.start),) * 2

    run_in_blocks(run, shape)
    for parts in (few, many):
        assert parts[0].start == 0 and parts[-1].stop == 100_000
        assert all(one.stop == two.start for one, two in pairwise(parts))
    assert {part.stop for part in few} <= {part.stop for part in many}
    assert len(many) / CHUNKS <= len(few) < len(many) / CHUNKS + 1


@pytest.mark.parametrize("mechanism", ["function", "auction"])
def test_an_audit_holds_its_report_and_one_block(mechanism, on_disk):
    profiles, in_memory = on_disk(n_profiles=N_AUDITED)
    few = in_memory[:500]
    mechanism = VCGAuction(2).fit(few) if mechanism == "auction" else first_price
    options = {"support": (0, 1), "effort": 12, "random_state": 0, "verbose": False}
    measure_regret(mechanism, few, **options)
    # Regret and truthful utility per bidder, misreports, revenues.
    report_size = 8 * (2 + 2 + 4 + 1) * len(profiles)
    with at_most(report_size + AUDIT_BLOCKS):
        report = measure_regret(mechanism, profiles, **options)
    assert np.shares_memory(report.valuations, profiles)  # not copied
    # The first block on its own: this effort tries nothing that it takes from other profiles.
    few = measure_regret(mechanism, in_memory[:4096], **options)
    np.testing.assert_array_equal(report.regrets[:4096], few.regrets)
    np.testing.assert_array_equal(report.misreports[:4096], few.misreports)


def test_a_score_holds_what_an_audit_holds(on_disk):
    profiles, in_memory = on_disk(n_profiles=N_AUDITED)
    auction = VCGAuction(2).fit(in_memory[:500])
    auction.score(in_memory[:500], effort=12)
    with at_most(8 * 9 * len(profiles) + AUDIT_BLOCKS):
        score = auction.score(profiles, effort=12)
    assert score == auction.score(in_memory, effort=12)


def test_sorting_equal_opponents_copies_no_opponents(on_disk):
    _, profiles = on_disk()
    profiles = np.floor(4 * profiles)
    # The order is 1.6 MB, and numpy needs as much again for the sort and for a column: 4.8 MB, with
    # numpy 2.5 5.4 MB. A table of opponents would add 3.2 MB.
    with at_most(6e6):
        rows = next(_rows_of_blocks(profiles, 0))[1]
    assert len(np.unique(profiles[rows, 1], axis=0)) == 1


def test_certificates_hold_two_numbers_per_profile(on_disk):
    profiles, in_memory = on_disk()
    auction = BundlePricingAuction(2, **NET, anneal_iter=4).fit(in_memory[:500])
    expected = auction.certify(in_memory)
    # One of the two at a time is averaged, which takes two arrays more; torch holds the blocks.
    with at_most(4 * 8 * N + 3e5):
        assert auction.certify(profiles) == expected
    with at_most(2 * 8 * N + 3e5):
        bounds = auction.regret_bounds(profiles)
    assert bounds.sum(axis=1).mean() == pytest.approx(expected.mean_bound)  # another order of sums


def test_messages_name_rows_of_all_blocks():
    bids = np.random.default_rng(0).random((40_000, 2, 1))

    def breaks(bids):
        allocations, payments = first_price(bids)
        return allocations, np.where(bids[:, :, 0] == 2.0, np.nan, payments)

    auction = CallableAuction(breaks, 2).fit(bids)
    bids[35_000, 1] = 2.0
    for call in (auction.predict, auction.fit):
        with pytest.raises(ValueError, match="in payments, row 35000, for the bids"):
            call(bids)


TESTS = (bidders_look_alike, bidders_look_independent, items_look_alike, strongest_dependence)


@pytest.mark.parametrize("shape", [(30, 100, 1000), (30, 10_000, 2), (30, 2, 10_000)], ids=str)
@pytest.mark.parametrize("test", TESTS, ids=lambda one: one.__name__)
def test_tests_of_many_columns_hold_a_part_of_them(test, shape, monkeypatch):
    monkeypatch.setattr("sklauction.utils.sample_tests.MOST_COLUMNS", 200)
    valuations = np.random.default_rng(0).random(shape)
    # Of 200 columns, correlations of all pairs take 0.3 MB, twice. A square of all columns would
    # take a gigabyte or more.
    with at_most(0.2 * valuations.nbytes + 4e6):
        assert test(valuations) in (True, None)


def test_tests_of_many_columns_find_what_concerns_all_items(monkeypatch):
    monkeypatch.setattr("sklauction.utils.sample_tests.MOST_COLUMNS", 200)
    monkeypatch.setattr("sklauction.utils.sample_tests.BLOCK_COLUMNS", 64)
    random = np.random.default_rng(0)
    values = random.random((300, 3, 1000))
    # The second bidder follows the first.
    values[:, 1] = values[:, 0] + 0.5 * values[:, 1]
    assert not bidders_look_independent(values)
    found = strongest_dependence(values)
    assert found.bidders == (0, 1)
    bidder, other = (values[:, one, found.item].argsort().argsort() for one in found.bidders)
    assert found.correlation == pytest.approx(np.corrcoef(bidder, other)[0, 1])
    assert bidders_look_independent(random.random((300, 3, 1000)))
    assert not bidders_look_alike(values)
    assert not items_look_alike(values * np.linspace(1, 3, 1000))
    assert len(plausible_boxes(random.random((300, 500)))) > 0


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 37. GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    ],
)
def test_a_fit_without_enough_memory_names_the_sizes(error, valuations, monkeypatch):
    def fail(*args):
        raise error

    monkeypatch.setattr(RochetNetAuction, "_make_net", fail)
    auction = RochetNetAuction(batch_size=7)
    for fit in (auction.fit, auction.partial_fit):
        with pytest.raises(MemoryError, match="n_bidders=1, n_items=2, batch_size=7, menu_size="):
            fit(valuations[:, :1])
    assert not hasattr(auction, "n_items_")


def test_other_errors_of_torch_stay_as_they_are(valuations, monkeypatch):
    def fail(*args):
        raise RuntimeError("shapes cannot be multiplied")

    monkeypatch.setattr(RochetNetAuction, "_make_net", fail)
    with pytest.raises(RuntimeError, match=r"^shapes cannot"):
        RochetNetAuction().fit(valuations[:, :1])


@pytest.mark.parametrize("auction", [ALGNetAuction(), ALGNetAuction(architecture="attention")])
def test_settings_that_cannot_fit_into_memory_are_refused_before_training(auction, monkeypatch):
    monkeypatch.setattr(ALGNetAuction, "_make_net", lambda *args: pytest.fail("began"))
    X = np.ones((2, 100, 1000))
    with pytest.raises(ValueError, match=r"leave an update within 16 GiB; .* n_items=1000, which"):
        auction.fit(X)
