"""The audit's interface: what it takes, what it reports, what it refuses."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from mechanisms import first_price, second_price
from sklearn.exceptions import NotFittedError

from sklauction import (
    ALGNetAuction,
    BundleMyersonAuction,
    CallableAuction,
    MyersonAuction,
    VCGAuction,
    audit_consistency,
    measure_regret,
)
from sklauction.audit import RegretReport


@pytest.fixture
def uniform():
    return np.random.RandomState(3).uniform(size=(100, 2, 2))


@pytest.mark.parametrize(
    "auction",
    [
        VCGAuction(n_bidders=3),
        VCGAuction(n_bidders=3, reserve=0.4),
        VCGAuction(n_bidders=3, demand="unit"),
        MyersonAuction(n_bidders=3),
        BundleMyersonAuction(n_bidders=3),
        CallableAuction(second_price, n_bidders=3),
    ],
    ids=lambda auction: f"{type(auction).__name__}-{auction.demand}",
)
def test_truthful_auctions_come_out_at_rounding_error(auction):
    values = np.random.RandomState(1).uniform(size=(60, 3, 2))
    report = measure_regret(auction.fit(values), values, support=(0, 1), random_state=0)
    # Nothing is assumed of them; sums of a few numbers below 1 round by about 1e-16.
    assert report.max_regret <= 1e-14
    assert report.problems == ()


def test_without_a_profitable_misreport_the_truth_is_returned(uniform):
    report = measure_regret(lambda bids: (bids * 0, bids.sum(axis=2) * 0), uniform)
    np.testing.assert_array_equal(report.misreports, uniform)
    assert report.max_regret == 0.0


@pytest.mark.parametrize("is_module", [False, True])
def test_misreports_attain_the_regret(is_module, uniform):
    mechanism = run = first_price
    if is_module:
        network = ALGNetAuction(n_bidders=2, hidden_layer_sizes=(4,), max_iter=1, random_state=0)
        mechanism, run = network, network.fit(uniform).predict
    report = measure_regret(mechanism, uniform, effort="quick", random_state=0)
    assert report.search["gradient"] == is_module
    for bidder in range(2):
        bids = uniform.copy()
        bids[:, bidder] = report.misreports[:, bidder]
        allocations, payments = run(bids)
        gain = (uniform[:, bidder] * allocations[:, bidder]).sum(axis=1) - payments[:, bidder]
        gain -= report.truthful_utilities[:, bidder]
        # Far below the 1e-7 of the single precision in which modules are searched.
        np.testing.assert_allclose(gain, report.regrets[:, bidder], rtol=0, atol=1e-13)


def test_totals_means_and_errors_are_those_of_the_table(uniform):
    report = measure_regret(first_price, uniform, effort="quick", random_state=0)
    totals = report.regrets.sum(axis=1)
    assert report.total_regret == pytest.approx(totals.mean(), rel=1e-12)
    assert report.mean_regret == pytest.approx(totals.mean() / 2, rel=1e-12)
    assert report.max_regret == report.regrets.max()
    assert report.total_regret_se == pytest.approx(totals.std(ddof=1) / 10, rel=1e-12)
    paid = first_price(uniform)[1].sum(axis=1)
    assert report.revenue == pytest.approx(paid.mean(), rel=1e-12)
    assert report.revenue_se == pytest.approx(paid.std(ddof=1) / 10, rel=1e-12)
    assert report.score == pytest.approx(
        np.sqrt(report.revenue) - np.sqrt(report.total_regret), rel=1e-12
    )


def test_print_names_the_search_and_calls_itself_a_lower_bound(uniform):
    text = str(measure_regret(second_price, uniform[:5], effort=300, random_state=0))
    assert "total regret (lower bound)" in text and "without gradients" in text
    assert "search: 300, " in text and "evaluations per bidder and profile" in text
    # One profile has no standard error, and says so rather than warn.
    assert "+- nan" in str(measure_regret(second_price, uniform[:1], effort="quick"))


def test_same_seed_same_report_and_no_global_randomness(uniform):
    before = np.random.get_state()  # noqa: NPY002

    def paid_for_reports(bids):
        """Pays for small differences, so that no candidate that is not random is best."""
        return bids * 0, -(1 + np.sin(1e3 * bids)).sum(axis=2)

    first, second, third = (
        measure_regret(paid_for_reports, uniform, effort="quick", random_state=seed)
        for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first.regrets, second.regrets)
    np.testing.assert_array_equal(first.misreports, second.misreports)
    assert not np.array_equal(first.misreports, third.misreports)
    np.testing.assert_equal(np.random.get_state(), before)  # noqa: NPY002


@pytest.mark.parametrize("factor", [1e-100, 1e100])
@pytest.mark.parametrize("portion, gain, tolerance", [(1 / 2, 0, 1e-12), (1 / 4, 1 / 8, 1e-6)])
def test_money_beyond_single_precision(factor, portion, gain, tolerance, uniform):
    class HalfOfTheBid(torch.nn.Module):
        def forward(self, bids):
            share = bids / factor / 2
            return share, portion * (share * bids).sum(dim=2)

    values = 0.4 * uniform
    report = measure_regret(HalfOfTheBid(), factor * values, support=(0, factor), random_state=0)
    assert report.search["gradient"]
    # In units of the factor, u(b) = sum_j (v_j b_j - portion b_j^2) / 2 is largest at
    # b_j = v_j / (2 portion): at the truth, or at 2 v_j, which gains v_j^2 / 2 - 3 v_j^2 / 8. At
    # the truth the gradient is zero: rounding only.
    expected = gain * (values**2).sum(axis=2)
    np.testing.assert_allclose(report.regrets / factor, expected, atol=tolerance)


def test_a_mechanism_that_writes_into_its_bids_does_no_harm(uniform):
    def careless(bids):
        outcome = first_price(bids)
        bids[:] = -1.0
        return outcome

    given = uniform.copy()
    careful, harmed = (
        measure_regret(f, given, effort="quick", random_state=0) for f in (first_price, careless)
    )
    np.testing.assert_array_equal(careful.regrets, harmed.regrets)
    np.testing.assert_array_equal(given, uniform)


def test_an_auction_takes_valuations_in_every_form(uniform):
    auction = VCGAuction(n_bidders=2).fit(uniform)
    flat = uniform.reshape(len(uniform), -1)
    forms = (uniform, flat, pd.DataFrame(flat))
    reports = [measure_regret(auction, X, effort="quick", random_state=0) for X in forms]
    assert all(report.revenue == reports[0].revenue for report in reports)
    with pytest.raises(NotFittedError):
        measure_regret(VCGAuction(n_bidders=2), uniform)


def test_a_module_without_gradient_is_a_black_box(uniform):
    class FirstPrice(torch.nn.Module):
        def forward(self, bids):
            return tuple(torch.tensor(part) for part in first_price(bids.detach().numpy()))

    module = measure_regret(FirstPrice(), uniform, effort="quick", random_state=0)
    function = measure_regret(first_price, uniform, effort="quick", random_state=0)
    assert not module.search["gradient"]
    np.testing.assert_array_equal(module.regrets, function.regrets)


def test_the_support_is_widened_to_the_truths():
    # A report between 0.5 and 0.6 pays 0.1. No truth is there, but truths lie on both sides.
    def bonus(bids):
        return bids * 0, -0.1 * ((bids > 0.5) & (bids < 0.6))[:, :, 0]

    values = np.array([[[0.2]], [[0.3]], [[0.9]]])
    for support in ((0.2, 0.4), (0.7, 0.9)):
        report = measure_regret(bonus, values, support=support, random_state=0)
        assert (report.regrets == 0.1).all()


def test_a_point_support_leaves_only_the_truth():
    values = np.full((5, 2, 1), 0.5)
    report = measure_regret(first_price, values, support=(0.5, 0.5), random_state=0)
    assert report.max_regret == 0.0


def test_long_audits_show_a_bar_when_asked(uniform, capsys):
    measure_regret(first_price, uniform, effort="quick", random_state=0, verbose=True)
    assert "audit" in capsys.readouterr().err
    measure_regret(first_price, uniform, effort="quick", random_state=0)
    measure_regret(first_price, uniform, effort="quick", random_state=0, verbose=False)
    assert capsys.readouterr().err == ""


def test_violations_under_the_truth_are_measured_and_named():
    values = np.array([[[0.5, 0.25], [0.5, 0.25]], [[0.5, 0.5], [0.0, 0.0]]])

    def generous(bids):
        return np.full(bids.shape, 0.75), np.full(bids.shape[:2], 1.0)

    with pytest.warns(UserWarning, match="generous") as caught:
        report = measure_regret(generous, values, effort="quick", random_state=0)
    assert report.max_feasibility_violation == 0.5
    assert report.max_ir_violation == 1.0
    assert report.total_regret == 0.0
    # 3/4 to each of two bidders; bidder 1 of row 1 pays 1 for something worth nothing.
    said = "\n".join(report.problems)
    assert "allocations of generous are infeasible by 0.5 in row 0 (2 such outcomes" in said
    assert "payment of bidder 1 in generous exceeds the reported value" in said
    assert "by 1 in row 1 (2 such outcomes seen)" in said
    assert len(caught) == len(report.problems) == 4  # and the same two under misreports
    assert "PROBLEM: the allocations of generous" in str(report)


def test_violations_under_misreports_only_are_named(uniform):
    def trap(bids):
        """Correct, but at reports of zero, where both get everything."""
        allocations, payments = second_price(bids)
        allocations[(bids == 0).all(axis=2).any(axis=1)] = 1.0
        return allocations, payments

    with pytest.warns(UserWarning, match=r"row \d+ under a misreport of bidder [01]"):
        report = measure_regret(trap, uniform, effort="quick", random_state=0)
    assert report.max_feasibility_violation == 0.0 and len(report.problems) == 1


def nan_for_large_reports(bids):
    allocations, payments = second_price(bids)
    return np.where((bids > 0.99999).any(axis=(1, 2), keepdims=True), np.nan, allocations), payments


@pytest.mark.parametrize(
    "mechanism, message",
    [
        (lambda bids: (bids[:, :1], bids[..., 0]), r"allocations of shape \(4, 2, 2\).*bids of"),
        (lambda bids: (bids, bids), r"return payments of shape \(4, 2\)"),
        (lambda bids: bids, r"must return \(allocations, payments\), arrays.*got ndarray"),
        (lambda bids: None, r"must return \(allocations, payments\).*got NoneType"),
        (lambda bids: (torch.tensor(bids, requires_grad=True), bids), r"arrays of numbers"),
        (lambda bids: (bids, ["a"]), r"arrays of numbers; got tuple"),
        (lambda bids: (bids * np.nan, bids.sum(axis=2)), r"non-finite value in allocations, row 0"),
        (lambda bids: (bids, bids.sum(axis=2) + np.inf), r"non-finite value in payments, row 0"),
        (
            nan_for_large_reports,
            r"mechanism nan_for_large_reports .* in allocations, row \d under a misreport of bidder"
            r" 0, for the bids \[\[1.0, ",
        ),
        ("an auction", r"mechanism must be .* got str"),
    ],
)
def test_bad_mechanisms_are_named(mechanism, message, uniform):
    with pytest.raises(ValueError, match=message):
        measure_regret(mechanism, uniform[:4], support=(0, 1), random_state=0)


def test_outcomes_that_depend_on_chance_or_on_other_rows_are_refused(uniform):
    random = np.random.default_rng(0)

    def by_chance(bids):
        return np.zeros(bids.shape), random.uniform(size=bids.shape[:2]) * bids.max(axis=2)

    def by_row(bids):
        wins, payments = second_price(bids)
        return wins, np.minimum(payments, bids.mean())

    for mechanism in (by_chance, by_row):
        message = rf"mechanism {mechanism.__name__} must give each row .* got payments that differ"
        with pytest.raises(ValueError, match=message):
            measure_regret(mechanism, uniform)


@pytest.mark.parametrize(
    "outcome, got",
    [
        (lambda bids: bids / 2, r"\[\(100, 2, 2\)\]"),
        (lambda bids: (bids[:, :, :1], bids[:, :, 0]), r"\[\(100, 2, 1\), \(100, 2\)\]"),
        (lambda bids: (bids, 0.5), r"\[\(100, 2, 2\), 'float'\]"),
    ],
)
def test_malformed_modules_are_named(outcome, got, uniform):
    class Malformed(torch.nn.Module):
        def forward(self, bids):
            return outcome(bids)

    message = rf"mechanism Malformed must return .* \(100, 2, 2\) and \(100, 2\) .* got {got}"
    with pytest.raises(ValueError, match=message):
        measure_regret(Malformed(), uniform)


def test_a_module_that_is_not_finite_somewhere_is_named(uniform):
    class Broken(torch.nn.Module):
        def forward(self, bids):
            share = torch.full_like(bids, 0.25)
            return share, torch.where((bids == 0).all(dim=2), torch.nan, 0.1 * bids.sum(dim=2))

    with pytest.raises(ValueError, match=r"Broken .* payments, row \d+ under a misreport"):
        measure_regret(Broken(), uniform, random_state=0)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"valuations": np.ones((3, 2))}, r"valuations must be .*got shape \(3, 2\)"),
        ({"valuations": -np.ones((3, 2, 2))}, "non-negative"),
        (
            {"effort": 3},
            r"effort must .*'quick', 'default', 'thorough', or an integer from 12 .*; got 3",
        ),
        ({"support": np.zeros((3, 3, 2))}, r"support must broadcast .* got shape \(3, 3, 2\)"),
    ],
)
def test_bad_arguments_are_named(changes, message, uniform):
    arguments = {"valuations": uniform[:4], **changes}
    with pytest.raises(ValueError, match=message):
        measure_regret(second_price, **arguments)


def report_of(revenues, regrets):
    """Return a report with given figures per profile."""
    revenues, regrets = np.asarray(revenues, float), np.asarray(regrets, float)
    empty = np.zeros((*regrets.shape, 1))
    return RegretReport(empty, regrets, empty, regrets, revenues, {}, (), {})


def test_audit_consistency_by_hand():
    # P = 0.36 and R = 0.01 in every profile: (0.6 - 0.1)^2 = 0.25, without sampling error.
    report = report_of([0.36] * 50, [[0.01]] * 50)
    fine = audit_consistency(report, 0.25 + 1e-9)
    assert fine.possible and fine.missing_regret == 0.0
    assert fine.implied_revenue == pytest.approx(0.25) and fine.standard_error < 1e-15
    assert str(fine).startswith("possible")
    # Against 0.16 the regret must be at least (0.6 - 0.4)^2 = 0.04.
    bad = audit_consistency(report, 0.16)
    assert not bad.possible and bad.missing_regret == pytest.approx(0.03)
    assert "IMPOSSIBLE" in str(bad) and "missed at least 0.03" in str(bad)


def test_audit_consistency_allows_for_sampling_error():
    random = np.random.default_rng(0)
    paid = random.exponential(0.5, 400)
    # Where much is paid, much is to be gained: the errors of P and R largely cancel.
    regret = 0.1 * paid[:, None] + random.exponential(0.002, (400, 1))
    result = audit_consistency(report_of(paid, regret), 1.0)
    # The first-order error, against the spread over resampled profiles; 500 of them know a
    # standard deviation to 3 %, and higher orders are smaller.
    rows = random.integers(400, size=(500, 400))
    spread = np.std((np.sqrt(paid[rows].mean(1)) - np.sqrt(regret[rows, 0].mean(1))) ** 2)
    assert result.standard_error == pytest.approx(spread, rel=0.15)
    just_above = result.implied_revenue - 2.9 * result.standard_error
    assert audit_consistency(report_of(paid, regret), just_above).possible
    far_above = result.implied_revenue - 3.1 * result.standard_error
    assert not audit_consistency(report_of(paid, regret), far_above).possible


def test_audit_consistency_convicts_a_search_that_saw_nothing():
    # One bidder, value uniform on [0, 1], optimum 1/4 (Myerson). It gets the item and pays its
    # bid: revenue 1/2, and regret the whole value, 1/2, as reporting zero is best.
    values = np.random.default_rng(0).uniform(size=(2000, 1, 1))

    def pay_your_bid(bids):
        return np.ones(bids.shape), bids[:, :, 0]

    found = measure_regret(pay_your_bid, values, support=(0, 1), effort="quick", random_state=0)
    np.testing.assert_allclose(found.regrets, values[:, 0], atol=1e-12)
    assert audit_consistency(found, 0.25).possible
    nothing = dataclasses.replace(found, regrets=np.zeros_like(found.regrets))
    convicted = audit_consistency(nothing, 0.25)
    # P = 1/2 and R = 0 against 1/4: R is at least (sqrt(1/2) - 1/2)^2 = 0.043, and P has a
    # standard error of 0.006.
    assert not convicted.possible
    assert convicted.missing_regret == pytest.approx((np.sqrt(0.5) - 0.5) ** 2, rel=0.1)


def test_audit_consistency_is_about_one_bidder():
    with pytest.raises(ValueError, match="got 2 bidders"):
        audit_consistency(report_of([0.5], [[0.1, 0.1]]), optimum=0.5)
