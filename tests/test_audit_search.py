"""The search against mechanisms whose regret is known by formula or by exhaustion."""

import contextlib
import itertools

import numpy as np
import pytest
import torch
from mechanisms import first_price, winners

from sklauction import ALGNetAuction, measure_regret
from sklauction.audit import measure as regret
from sklauction.audit.candidates import r_sequence
from sklauction.audit.mechanisms import CheckedMechanism, differentiable
from sklauction.audit.plan import Stage
from sklauction.audit.problem import SHARED_REPORTS, AgentProblem
from sklauction.audit.search import Search
from sklauction.domains import ADDITIVE

SHAPES = list(itertools.product((1, 2, 3), (1, 2, 3)))


def rivals(values):
    """Return the highest value of the others; 0 where there are none."""
    padded = np.concatenate([values, np.zeros_like(values[:, :1])], axis=1)
    return np.stack(
        [np.delete(padded, i, axis=1).max(axis=1) for i in range(values.shape[1])], axis=1
    )


def first_price_regret(values):
    # Item by item, as values add up. The winner does best just above the best rival and
    # saves the gap; a loser would have to pay more than its value.
    return np.maximum(values - rivals(values), 0.0).sum(axis=2)


def all_pay(bids):
    return winners(bids), bids.sum(axis=2)


def all_pay_regret(values):
    # Truth earns 0 (a winner pays its value) or -v (a loser pays too). Best is just above
    # the rival where that leaves something, else zero.
    rival = rivals(values)
    return (np.maximum(values - rival, 0.0) + np.where(values > rival, 0.0, values)).sum(axis=2)


RESERVE = 0.3


def pay_your_bid(bids):
    wins = winners(bids) & (bids >= RESERVE)
    return wins, (wins * bids).sum(axis=2)


def pay_your_bid_regret(values):
    # As first price, but no lower than the reserve; below it nobody wins.
    return np.maximum(values - np.maximum(rivals(values), RESERVE), 0.0).sum(axis=2)


WEIGHTS = np.array([1.0, 0.7, 1.3])


def weighted_first_price(bids):
    """The highest weighted bid above 0.1 wins: jumps lie elsewhere than at others' bids."""
    scores = bids * WEIGHTS[: bids.shape[1], None]
    wins = winners(scores) & (scores > 0.1)
    return wins, (wins * bids).sum(axis=2)


def weighted_first_price_regret(values):
    # The least winning bid has the weighted value of the best rival's, or of 0.1.
    weights = WEIGHTS[: values.shape[1], None]
    least = np.maximum(rivals(values * weights), 0.1) / weights
    return np.maximum(values - least, 0.0).sum(axis=2)


PRICES = np.random.default_rng(7).uniform(size=(100, 3))


def random_price(bids):
    """The highest bid wins; the price is drawn for each of 100 intervals of its report."""
    cells = np.minimum((bids * len(PRICES)).astype(int), len(PRICES) - 1)
    wins = winners(bids)
    return wins, (wins * PRICES[cells, np.arange(bids.shape[2])]).sum(axis=2)


def random_price_regret(values):
    # Exhaustive: all intervals in which a report can win, or losing.
    n_cells, n_items = len(PRICES), values.shape[2]
    rival, item = rivals(values), np.arange(n_items)
    wins = winners(values)
    truthful = wins * (values - PRICES[(values * n_cells).astype(int), item])
    best = np.zeros_like(values)
    for cell in range(n_cells):
        can_win = (cell + 1) / n_cells > rival
        best = np.maximum(best, can_win * (values - PRICES[cell, item]))
    return (np.maximum(best, truthful) - truthful).sum(axis=2)


CASES = {
    "first price": (first_price, first_price_regret, False),
    "all-pay": (all_pay, all_pay_regret, True),
    "pay your bid, reserve": (pay_your_bid, pay_your_bid_regret, False),
    "weighted first price": (weighted_first_price, weighted_first_price_regret, False),
    "random price": (random_price, random_price_regret, True),
}


def quietly(irrational):
    """Expect the audit to say that a mechanism charges more than the reported value."""
    warning = pytest.warns(UserWarning, match="exceeds the reported value")
    return warning if irrational else contextlib.nullcontext()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("n_bidders, n_items", SHAPES)
def test_jumps_are_found(case, n_bidders, n_items):
    mechanism, exact, irrational = CASES[case]
    values = np.random.default_rng(1).uniform(size=(100, n_bidders, n_items))
    expected = exact(values)
    # A lone bidder always wins, and pays its value.
    with quietly(irrational and not (mechanism is all_pay and n_bidders == 1)):
        report = measure_regret(mechanism, values, support=(0, 1), random_state=0)
    # A lower bound, up to rounding.
    assert (report.regrets <= expected + 1e-12).all()
    # The supremum just beyond a jump is not attained; narrowing in leaves far below 1 %.
    assert report.regrets.sum() >= 0.99 * expected.sum()


def test_wrong_price_for_two_identical_items():
    def highest_price(bids):
        """Two like items to the two highest of three bidders, both at the highest bid."""
        worth = bids.max(axis=2)
        order = np.argsort(-worth, axis=1)
        allocations, payments = np.zeros(bids.shape), np.zeros(worth.shape)
        rows = np.arange(len(bids))
        for item in range(2):
            allocations[rows, order[:, item], item] = 1.0
            payments[rows, order[:, item]] = worth.max(axis=1)
        return allocations, payments

    # Both items are worth the same to a bidder.
    values = np.random.default_rng(2).uniform(size=(100, 3, 1)).repeat(2, axis=2)
    top, second, _ = -np.sort(-values[:, :, 0], axis=1).T
    # Truth leaves the highest bidder nothing; below the second it would pay that bid and win
    # the second item: it saves top - second. The second bidder pays the highest bid, more
    # than its value: by losing it saves top - second. The third can only lose more.
    expected = 2 * (top - second).sum()
    with quietly(irrational=True):
        report = measure_regret(
            highest_price, values, support=(0, 1), demand="unit", random_state=0
        )
    # Jumps, as above.
    assert 0.99 * expected <= report.regrets.sum() <= expected + 1e-9


@pytest.mark.parametrize("n_items, width", [(1, 0.02), (2, 0.05)])
def test_needles_are_found(n_items, width):
    def needle(bids):
        """Each bidder gets 0.1 for a report in a narrow box that the other's bids place."""
        corner = (bids[:, ::-1] * 977.0 + 0.123) % 1.0 * (1 - width)
        inside = ((bids >= corner) & (bids <= corner + width)).all(axis=2)
        return np.zeros(bids.shape), -0.1 * inside

    values = np.random.default_rng(3).uniform(size=(250, 2, n_items))
    report = measure_regret(needle, values, support=(0, 1), random_state=0)
    truthful = needle(values)[1]
    # 500 needles, but for those in which the truth lies.
    assert (report.regrets > 0)[truthful == 0].mean() >= 0.95
    np.testing.assert_allclose(report.regrets[report.regrets > 0], 0.1, atol=1e-12)


def test_bidding_on_few_items_only_is_found():
    def two_only(bids):
        """Pays 0.1 to whoever bids on exactly two of five items."""
        return np.zeros(bids.shape), -0.1 * ((bids > 0).sum(axis=2) == 2)

    values = np.random.default_rng(3).uniform(0.1, 1.0, size=(50, 2, 5))
    report = measure_regret(two_only, values, support=(0, 1), random_state=0)
    assert (report.regrets == 0.1).all()


def test_gradient_search_reaches_the_closed_form():
    class HalfPrice(torch.nn.Module):
        """One bidder gets a_j = b_j and pays half of <b, a> and a tenth of b."""

        def forward(self, bids):
            return bids, 0.5 * (bids * bids).sum(dim=2) + 0.1 * bids.sum(dim=2)

    values = np.random.RandomState(0).uniform(size=(100, 1, 3))
    with quietly(irrational=True):  # a value below 1/5 pays more than half of itself
        report = measure_regret(HalfPrice(), values, support=(0, 1), random_state=0)

    # u(b) = sum_j (v_j b_j - b_j^2 / 2 - b_j / 10) is largest at b_j = max(v_j - 1/10, 0).
    def utility(bids):
        return (values * bids - bids**2 / 2 - 0.1 * bids).sum(axis=2)

    expected = utility(np.maximum(values - 0.1, 0.0)) - utility(values)
    assert report.search["gradient"]
    # The last step is 1.5e-4 of the range; the utility is flat at its top: 1e-7 is left.
    np.testing.assert_allclose(report.regrets, expected, atol=1e-6)
    assert (report.regrets <= expected + 1e-12).all()


@pytest.fixture(scope="module")
def trained():
    """Two-player auctions after a few hundred updates, by number of items."""
    auctions = {}
    for n_items in (1, 2):
        values = np.random.RandomState(0).uniform(size=(300, 2, n_items))
        auction = ALGNetAuction(n_bidders=2, hidden_layer_sizes=(16, 16), max_iter=3)
        auctions[n_items] = auction.set_params(random_state=0).fit(values)
    return auctions


def exhaustive(run, values, bidder, per_axis, n_rounds=4):
    """Return the best utility on a full grid of reports, refined around its best point."""
    n_items = values.shape[2]
    axis = np.linspace(0.0, 1.0, per_axis)
    best = np.empty(len(values))
    for row, profile in enumerate(values):
        low, high = np.zeros(n_items), np.ones(n_items)
        best[row] = -np.inf
        for _ in range(n_rounds):
            grid = np.stack(np.meshgrid(*[axis] * n_items), -1).reshape(-1, n_items)
            grid = low + grid * (high - low)
            bids = np.repeat(profile[None], len(grid), axis=0)
            bids[:, bidder] = grid
            allocations, payments = run(bids)
            utility = allocations[:, bidder] @ profile[bidder] - payments[:, bidder]
            top, spacing = grid[utility.argmax()], (high - low) / (per_axis - 1)
            best[row] = max(best[row], utility.max())
            low, high = np.maximum(top - spacing, 0.0), np.minimum(top + spacing, 1.0)
    return best


@pytest.mark.parametrize("n_items", [1, 2])
@pytest.mark.parametrize("as_black_box", [False, True])
def test_brute_force_finds_no_more_on_trained_auctions(n_items, as_black_box, trained):
    auction = trained[n_items]
    values = np.random.RandomState(5).uniform(size=(15, 2, n_items))
    mechanism = auction.mechanism_ if not as_black_box else (lambda bids: auction.predict(bids))
    report = measure_regret(mechanism, values, support=(0, 1), random_state=0)
    assert report.search["gradient"] is not as_black_box
    for bidder in range(2):
        best = exhaustive(auction.predict, values, bidder, per_axis=201 if n_items == 1 else 61)
        expected = np.maximum(best - report.truthful_utilities[:, bidder], 0.0).sum()
        # Both are lower bounds; the search may not fall 1 % behind.
        assert expected > 0
        assert report.regrets[:, bidder].sum() >= 0.99 * expected


def test_a_jumping_module_is_searched_across_jumps():
    class FirstPrice(torch.nn.Module):
        """Has a gradient of the payment only: climbing leads down, never over the jump."""

        def forward(self, bids):
            wins = (bids == bids.amax(dim=1, keepdim=True)).to(bids)
            return wins, (wins * bids).sum(dim=2)

    values = np.random.default_rng(1).uniform(size=(100, 2, 2))
    with pytest.warns(UserWarning, match="infeasible"):  # at a tie both win
        report = measure_regret(FirstPrice(), values, support=(0, 1), random_state=0)
    expected = first_price_regret(values)
    assert report.search["gradient"]
    assert (report.regrets <= expected + 1e-12).all()
    assert report.regrets.sum() >= 0.99 * expected.sum()


@pytest.mark.parametrize("as_black_box", [False, True])
def test_more_effort_never_finds_less(as_black_box, trained):
    auction = trained[2]
    values = np.random.RandomState(6).uniform(size=(30, 2, 2))
    mechanism = auction if not as_black_box else (lambda bids: auction.predict(bids))
    efforts = [14, 40, 50, "quick", 200, 600, 1150, "default", 2000, "thorough", 8000]
    found, spent = [], []
    for effort in efforts:
        report = measure_regret(mechanism, values, support=(0, 1), effort=effort, random_state=0)
        found.append(report.regrets)
        spent.append(report.search["evaluations_each"])
        if isinstance(effort, int):
            assert spent[-1] <= effort
    # In every profile, bit for bit: the same search, carried on.
    for less, more in itertools.pairwise(found):
        assert (more >= less).all()
    assert spent == sorted(spent) and len(set(spent)) == len(spent)


@pytest.mark.parametrize("n_items", [1, 2, 3, 5, 8])
def test_evaluations_are_counted_as_spent(n_items):
    calls = []

    def counted(bids):
        calls.append(len(bids))
        return first_price(bids)

    values = np.random.default_rng(0).uniform(size=(20, 2, n_items))
    for effort in ("quick", "default", 500):
        calls.clear()
        report = measure_regret(counted, values, support=(0, 1), effort=effort, random_state=0)
        # The rest are the truthful profiles, half of them once more.
        assert sum(calls) - 20 - 10 == report.search["evaluations"]
        assert report.search["evaluations"] == 40 * report.search["evaluations_each"]


def test_profiles_with_equal_opponents_serve_one_another():
    # One bidder: a report pays 0.1 in a box of side 1 %, which a profile's own evaluations find
    # one time in ten, but those of 500 profiles find for all of them.
    def needle(bids):
        inside = ((bids >= 0.6) & (bids <= 0.61)).all(axis=2)
        return np.zeros(bids.shape), -0.1 * inside

    values = np.random.default_rng(0).uniform(0, 0.5, size=(500, 1, 2))
    report = measure_regret(needle, values, support=(0, 1), random_state=0)
    assert (report.regrets == 0.1).all()

    # Two bidders of which the second has one of two values: the first bidder's profiles fall
    # into two groups of equal opponents, however they are ordered.
    def needles(bids):
        place = np.where(bids[:, 1, :1] > 0.5, 0.2, 0.7)
        inside = ((bids[:, 0] >= place) & (bids[:, 0] <= place + 0.01)).all(axis=1)
        return np.zeros(bids.shape), -0.1 * np.stack([inside, np.zeros_like(inside)], axis=1)

    second = np.random.default_rng(1).choice([0.25, 0.75], size=(500, 1, 1)).repeat(2, axis=2)
    values = np.concatenate([values * 0.1, second], axis=1)
    report = measure_regret(needles, values, support=(0, 1), random_state=0)
    assert (report.regrets[:, 0] == 0.1).all()
    # The misreport reported for a profile is one for its own opponents.
    assert (needles(np.stack([report.misreports[:, 0], second[:, 0]], 1))[1][:, 0] == -0.1).all()


def test_evenly_spread_points_leave_no_large_gap():
    # Side 5 % squares, as in the needle test; 640 points enter 99.6 % of them.
    points = (r_sequence(640, 2) + 0.37) % 1.0
    corners = np.random.default_rng(0).uniform(0, 0.95, size=(1000, 1, 2))
    hit = ((points >= corners) & (points <= corners + 0.05)).all(axis=2).any(axis=1)
    assert hit.mean() >= 0.98
    # All in the unit cube and distinct on each axis.
    assert ((points >= 0) & (points < 1)).all()
    assert len(np.unique(np.round(points[:, 0], 12))) == 640


def search_of(mechanism, values):
    """Return the search of bidder 0 on [0, 1], before its first stage."""
    rows = np.arange(len(values))
    checked = CheckedMechanism(mechanism, ADDITIVE, 1.0)
    allocations, payments = checked(values, rows)
    truthful = (values * allocations).sum(axis=2)[:, 0] - payments[:, 0]
    box = np.tile([0.0, 1.0], (values.shape[2], 1))
    problem = AgentProblem(values, rows, 0, box, values[:, 0], checked)
    return Search(problem, truthful, np.random.default_rng(0))


def test_polish_narrows_in_on_a_jump():
    # The least winning report, 0.37, is 1/50 of the range below the truth at most.
    def at_least(bids):
        wins = bids >= 0.37
        return wins, (wins * bids).sum(axis=2)

    values = np.random.default_rng(0).uniform(0.37, 0.39, size=(200, 1, 2))
    search = search_of(at_least, values)
    search.problem.groups = []  # each profile on its own
    (_,) = search.run_stages([Stage("", 0, lambda s: s.polish(1, 6, 8, 1 / 64))])
    # Eight rounds, most of which cut the window of 1/64 to a third: 1/64 / 3^6 = 2e-5.
    left = (values[:, 0] - 0.37).sum(axis=1) - search.gains
    assert (left >= 0).all()
    assert np.median(left) <= 2e-5 and np.quantile(left, 0.95) <= 2e-4


def test_starts_are_apart_and_a_fresh_stage_forgets_the_rest():
    values = np.full((3, 1, 1), 0.5)
    search = search_of(lambda bids: (bids * 0, bids.sum(axis=2) * 0), values)
    search.board = np.tile([[0.50], [0.52], [0.20], [0.90]], (3, 1, 1))
    search.board_gains = np.tile([4.0, 3.9, 3.0, 2.0], (3, 1))
    reports, gains = search._starts(3)
    # 0.52 is within 5 % of the better 0.50.
    np.testing.assert_array_equal(reports[:, :, 0], [[0.5, 0.2, 0.9]] * 3)
    np.testing.assert_array_equal(gains, [[4.0, 3.0, 2.0]] * 3)
    seen = []
    stage = Stage("", 0, lambda s: seen.append(s.board.copy()), fresh=True)
    (_,) = search.run_stages([stage])
    np.testing.assert_array_equal(seen[0], values)


def test_ascents_that_promise_most_go_on():
    class TwoHills(torch.nn.Module):
        """A lower hill at 0.2, a higher one at 0.8."""

        def forward(self, bids):
            report = bids[:, :, 0]
            low, high = 0.5 - (report - 0.2) ** 2, 1.0 - 4 * (report - 0.8) ** 2
            return torch.zeros_like(bids), -torch.maximum(low, high)

    values = np.full((3, 1, 1), 0.5)
    search = search_of(lambda bids: (bids * 0, bids.sum(axis=2) * 0), values)
    search.problem.module = differentiable(TwoHills(), values[:1], unit=1.0)
    search.board = np.tile([[0.3], [0.7]], (3, 1, 1))
    search.board_gains = np.tile([0.49, 0.96], (3, 1))
    search.ascend([(2, 3), (1, 40)])
    # The top of the higher hill, to the square of the last step of 1.5e-4; three coarse steps
    # alone leave about 1e-2.
    np.testing.assert_allclose(search.board_gains.max(axis=1), 1.0, atol=1e-6)


def test_the_worst_outcome_is_named_whenever_it_comes():
    checked = CheckedMechanism(lambda bids: (bids, bids.sum(axis=2) * 0), ADDITIVE, 1.0)
    for excess, rows in ((0.2, [3, 4]), (0.7, [5, 6]), (0.5, [7, 8])):
        bids = np.array([[[1.0 + excess]], [[0.5]]])
        checked(bids, np.array(rows))
    (problem,) = checked.problems()
    assert "infeasible by 0.7 in row 5 (3 such outcomes seen)" in problem


def test_a_truthful_bidder_overcharged_because_of_anothers_misreport_is_named():
    def spiteful(bids):
        """Whoever reports zero makes the other pay 1."""
        return np.zeros(bids.shape), (bids[:, ::-1].sum(axis=2) == 0).astype(float)

    values = np.random.default_rng(0).uniform(0.1, 1, size=(5, 2, 1))
    with pytest.warns(UserWarning, match=r"bidder 1 in spiteful .* by 1 in row \d under a mis"):
        report = measure_regret(spiteful, values, support=(0, 1), effort="quick", random_state=0)
    assert report.max_ir_violation == 0.0


def test_equal_opponents_are_searched_in_one_block(monkeypatch):
    monkeypatch.setattr("sklauction.utils.batching.CHUNK_ENTRIES", 40)
    others = np.tile([0.1, 0.5, 0.9], 20)
    values = np.stack([np.linspace(0.0, 1.0, 60), others], axis=1)[:, :, None]
    blocks = [rows for _, rows in regret._rows_of_blocks(values, 0)]
    assert [len(rows) for rows in blocks] == [20, 20, 20]
    assert all(len(np.unique(others[rows])) == 1 for rows in blocks)
    # Each profile once, for either bidder.
    for bidder in range(2):
        rows = np.concatenate([rows for _, rows in regret._rows_of_blocks(values, bidder)])
        np.testing.assert_array_equal(np.sort(rows), np.arange(60))


def test_sharing_leaves_out_no_kind_of_report():
    # So many reports that only some are shared; of each profile's 64, every second is odd, and
    # only odd ones pay. Taking every second of all would leave them out.
    n_rows = 2 * SHARED_REPORTS // 64
    values = np.random.default_rng(0).uniform(0.0, 0.5, size=(n_rows, 1, 1))
    search = search_of(lambda bids: (bids * 0, -0.1 * (bids[:, :, 0] > 0.9)), values)
    reports = np.where(np.arange(64) % 2, 1.0, 0.5)[None, :, None].repeat(n_rows, axis=0)
    _, gains = search.problem.try_reports(reports)
    assert (gains[:, 64:].max(axis=1) == 0.1).all()
