"""The audit against mechanisms whose regret is known by formula or exhaustion."""

import numpy as np
import pytest
import torch

from sklauction import ALGNetAuction, VCGAuction, measure_regret
from sklauction.regret import Effort


def first_price(bids):
    wins = bids == bids.max(axis=1, keepdims=True)
    wins = wins & (np.cumsum(wins, axis=1) == 1)
    return wins.astype(float), (wins * bids).sum(axis=2)


def second_price(bids):
    allocations, _ = first_price(bids)
    price = np.sort(bids, axis=1)[:, -2:-1]
    return allocations, (allocations * price).sum(axis=2)


class HalfPrice(torch.nn.Module):
    """One bidder gets a_j = b_j and pays half of <b, a>: regret has a closed form."""

    def forward(self, bids):
        return bids, 0.5 * (bids * bids).sum(dim=2) + 0.1 * bids.sum(dim=2)


@pytest.fixture
def uniform():
    return np.random.RandomState(3).uniform(size=(200, 2, 2))


def test_first_price_regret_is_the_gap_to_the_next_bid(uniform):
    report = measure_regret(first_price, uniform, random_state=0)
    # The winner of an item would do best just above the other bid: regret is the gap,
    # item by item, as values are additive; the loser can gain nothing.
    expected = np.abs(uniform[:, 0] - uniform[:, 1]).sum()
    found = report.regrets.sum()
    # A search sees a lower bound; random search across jumps finds at least 95 % here.
    assert 0.95 * expected <= found <= expected + 1e-9


def test_second_price_has_no_regret(uniform):
    report = measure_regret(second_price, uniform, effort="thorough", random_state=0)
    # Exactly truthful: what is left is rounding.
    assert report.max_regret <= 1e-12
    # Without a profitable misreport the truth is returned, bit for bit.
    np.testing.assert_array_equal(report.misreports, uniform)


def test_gradient_search_reaches_the_closed_form():
    values = np.random.RandomState(0).uniform(size=(100, 1, 3))
    report = measure_regret(HalfPrice(), values, support=(0, 1), random_state=0)
    # u(b) = sum_j (v_j b_j - b_j^2 / 2 - b_j / 10) is largest at b_j = max(v_j - 1/10, 0),
    # so regret is the loss of b_j = v_j: 1/200 per item, v_j^2/2 - ... where v_j < 1/10.
    best = np.maximum(values - 0.1, 0.0)

    def utility(bids):
        return (values * bids - bids**2 / 2 - 0.1 * bids).sum(axis=2)

    expected = utility(best) - utility(values)
    assert report.search["gradient"]
    # The last step is 1.5e-4 of the range; the utility is flat at its top: 1e-7 is left.
    np.testing.assert_allclose(report.regrets, expected, atol=1e-6)
    assert (report.regrets <= expected + 1e-12).all()


def test_black_box_and_gradient_search_agree_on_a_trained_auction():
    values = np.random.RandomState(0).uniform(size=(300, 2, 1))
    auction = ALGNetAuction(n_bidders=2, max_iter=2, random_state=0).fit(values)
    gradient = measure_regret(auction, values[:100], random_state=0)
    black_box = measure_regret(
        lambda bids: auction.predict(bids), values[:100], support=auction.support_, random_state=0
    )
    assert gradient.search["gradient"] and not black_box.search["gradient"]
    # Two lower bounds of the same number.
    assert black_box.total_regret == pytest.approx(gradient.total_regret, rel=0.05)
    assert gradient.revenue == pytest.approx(black_box.revenue, rel=1e-12)


def test_search_matches_an_exhaustive_grid():
    values = np.random.RandomState(0).uniform(size=(300, 1, 2))
    auction = ALGNetAuction(max_iter=2, random_state=0).fit(values)
    low, high = auction.support_[0, :, 0], auction.support_[0, :, 1]
    axis = np.linspace(0, 1, 101)
    grid = low + np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 1, 2) * (high - low)
    allocations, payments = auction.predict(grid)
    audited = values[:50]
    best = (audited[:, 0] @ allocations[:, 0].T - payments[:, 0]).max(axis=1)
    report = measure_regret(auction, audited, random_state=0)
    exhaustive = np.maximum(best - report.truthful_utilities[:, 0], 0)
    # The gradient search ends between grid points; it must not fall behind them.
    assert report.regrets.sum() >= 0.99 * exhaustive.sum()


def test_misreports_attain_the_regret(uniform):
    report = measure_regret(first_price, uniform, random_state=0)
    for bidder in range(2):
        bids = uniform.copy()
        bids[:, bidder] = report.misreports[:, bidder]
        allocations, payments = first_price(bids)
        gain = (uniform[:, bidder] * allocations[:, bidder]).sum(axis=1) - payments[:, bidder]
        gain -= report.truthful_utilities[:, bidder]
        # The report's own figures, recomputed by the definition.
        np.testing.assert_allclose(gain, report.regrets[:, bidder], atol=1e-12)


def test_totals_means_and_errors_are_those_of_the_table(uniform):
    report = measure_regret(first_price, uniform, effort="quick", random_state=0)
    totals = report.regrets.sum(axis=1)
    assert report.total_regret == pytest.approx(totals.mean(), rel=1e-12)
    assert report.mean_regret == pytest.approx(totals.mean() / 2, rel=1e-12)
    assert report.max_regret == report.regrets.max()
    assert report.total_regret_se == pytest.approx(totals.std(ddof=1) / np.sqrt(200), rel=1e-12)
    assert report.score == pytest.approx(
        np.sqrt(report.revenue) - np.sqrt(report.total_regret), rel=1e-12
    )


def test_same_seed_same_report_and_no_global_randomness(uniform):
    np.random.seed(0)  # noqa: NPY002 - what must stay untouched
    expected = np.random.uniform()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    first, second = (measure_regret(first_price, uniform, random_state=5) for _ in range(2))
    np.testing.assert_array_equal(first.regrets, second.regrets)
    assert np.random.uniform() == expected  # noqa: NPY002


def test_violations_are_measured():
    values = np.array([[[0.5, 0.25], [0.5, 0.25]], [[0.5, 0.5], [0.0, 0.0]]])

    def generous(bids):
        return np.full(bids.shape, 0.75), np.full(bids.shape[:2], 1.0)

    report = measure_regret(generous, values, effort="quick", random_state=0)
    assert report.max_feasibility_violation == 0.5
    assert report.max_ir_violation == 1.0
    assert report.total_regret == 0.0


def test_print_names_the_search_and_calls_itself_a_lower_bound(uniform):
    text = str(measure_regret(second_price, uniform[:5], effort=Effort(8, 1, 2), random_state=0))
    assert "lower bound" in text and "random search" in text and "8 reports" in text


@pytest.mark.parametrize(
    "mechanism, message",
    [
        (lambda bids: (bids[:, :1], bids.sum(axis=2)), r"return allocations of shape \(4, 2, 2\)"),
        (lambda bids: (bids, bids), r"return payments of shape \(4, 2\)"),
        (lambda bids: (bids * np.nan, bids.sum(axis=2)), r"non-finite value in allocations, row 0"),
        ("an auction", r"mechanism must be .* got str"),
    ],
)
def test_bad_mechanisms_are_named(mechanism, message, uniform):
    with pytest.raises(ValueError, match=message):
        measure_regret(mechanism, uniform[:4])


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"valuations": np.ones((3, 2))}, r"valuations must be .*got shape \(3, 2\)"),
        ({"valuations": -np.ones((3, 2, 2))}, r"non-negative"),
        ({"effort": [8, 1, 2]}, r"effort must be one of .* or an Effort; got \[8, 1, 2\]"),
        ({"effort": "lots"}, r"effort must be one of 'quick', 'default', 'thorough'.*'lots'"),
        ({"support": np.zeros((3, 3, 2))}, r"support must broadcast .* got shape \(3, 3, 2\)"),
    ],
)
def test_bad_arguments_are_named(changes, message, uniform):
    arguments = {"valuations": uniform[:4], **changes}
    with pytest.raises(ValueError, match=message):
        measure_regret(second_price, **arguments)


@pytest.mark.parametrize("sizes", [(0, 1, 1), (8, 0, 1), (8, 1, 1.5)])
def test_bad_efforts_are_named(sizes):
    with pytest.raises(ValueError, match=r"n_(candidates|starts|steps) must be an integer"):
        Effort(*sizes)


def test_an_estimator_is_audited_in_its_own_support(uniform):
    auction = VCGAuction(n_bidders=2).fit(uniform)
    report = measure_regret(auction, uniform[:20], effort="quick", random_state=0)
    # Exact rule: rounding only.
    assert report.max_regret <= 1e-12
