"""How public functions are called by the table of them: arguments, fixtures, what is right."""

import functools
import operator
import os
import tempfile

import numpy as np
from argument_kinds import (
    array,
    count,
    floats,
    is_about,
    is_finite,
    legal,
    number,
    only,
    or_none,
    seed,
)
from scipy import stats
from test_common import make

import sklauction
from sklauction import datasets, economics
from sklauction.base import BaseAuction
from sklauction.price_sheets.reading import FIELDS


def nothing(sizes):
    return {}


def received(valuations, allocations):
    return (np.asarray(valuations) * allocations).sum(axis=2)


def right_utilities(answer, allocations, payments, **first):
    (valuations,) = first.values()
    expected = received(valuations, allocations) - payments
    # Rounding of the sums, before they cancel.
    room = 1e-12 * (received(abs(valuations), allocations) + abs(payments)) + 1e-320
    assert (abs(answer - expected) <= room).all()


def right_violation(answer, allocations, demand):
    # Nobody's share is negative here: what is too much, of an item or for a bidder.
    excess = [profile.sum(axis=0).max() - 1 for profile in allocations]
    if demand == "unit":
        several = [profile.sum(axis=1).max() - 1 for profile in allocations]
        excess = np.maximum(excess, several)
    np.testing.assert_allclose(answer, np.maximum(excess, 0), atol=1e-12)


def right_outcome(answer, bids, reserves=0.0):
    allocations, payments = answer
    assert economics.feasibility_violation(allocations).max(initial=0.0) == 0
    assert set(np.unique(allocations)) <= {0.0, 1.0}
    # A price is a bid or a reserve; only their sum over items is rounded.
    assert (payments <= received(bids, allocations) * (1 + 1e-12)).all() and (payments >= 0).all()
    won = allocations * np.broadcast_to(reserves, allocations.shape)
    assert (payments >= won.sum(axis=2) * (1 - 1e-12)).all()


def right_second_price(answer, bids, reserves):
    right_outcome(answer, bids, reserves)
    # Nobody who reaches its reserve goes without an item while it is there.
    sold = answer[0].sum(axis=1)
    np.testing.assert_array_equal(sold == 1, (bids >= reserves).any(axis=1))


def right_unit_demand(answer, bids, reserves):
    right_outcome(answer, bids, reserves)
    assert (answer[0].sum(axis=2) <= 1).all()


def right_menu(chosen, valuations, prices, _n_items):
    """Assert that each buyer takes its favourite row, and of equally good ones the dearest."""
    utilities = valuations @ rows_of(_n_items).T - prices
    # A tie is what differs by less than 1e-9 of the dearest row.
    lead = utilities.max(axis=1) - utilities[np.arange(len(chosen)), chosen]
    assert (lead <= 1.1e-9 * max(prices.max(), 1e-300)).all()


@functools.cache
def rows_of(n_items):
    return np.tril(np.ones((3, n_items)), -1)


def menu(prices, n_items):
    return sklauction.Menu(rows_of(n_items), prices, np.zeros(3))


def menu_arguments(sizes):
    valuations = array((sizes[0], sizes[2]), True, -np.inf)
    return {"valuations": valuations, "prices": PRICES, "_n_items": only(sizes[2])}


PRICES = array((3,), True, -np.inf, ordered=True)


def call_menu(method):
    return lambda valuations, prices, _n_items, **options: method(
        menu(prices, _n_items), valuations, **options
    )


def right_revenue(answer, valuations, prices, _n_items):
    is_about(answer, prices[menu(prices, _n_items).choose(valuations)].mean())


def right_simplified(answer, valuations, prices, tolerance, _n_items):
    full = menu(prices, _n_items).revenue(valuations)
    # Rounding of the two means.
    assert answer.revenue(valuations) >= (1 - tolerance) * full - 1e-12 * abs(full)


def first_price(bids):
    wins = np.eye(bids.shape[1])[bids.argmax(axis=1)].swapaxes(1, 2)
    return wins, (wins * bids).sum(axis=2)


def right_audit(report, valuations, **options):
    worth = valuations.sum(axis=2)
    # Whoever wins pays all of it, and gains at most that by a lie; rounding of the sums.
    assert (report.regrets >= 0).all() and (report.regrets <= worth * (1 + 1e-12)).all()
    is_about(report.revenue, valuations.max(axis=1).sum(axis=1).mean())
    assert not report.problems and report.truthful_utilities.max() <= 1e-12 * worth.max()


def is_support(value):
    box = floats(value)
    return value is None or (
        np.isfinite(box).all() and (box >= 0).all() and (box[..., 0] <= box[..., 1]).all()
    )


def small_effort(value):
    # The first stage of a search takes 7 evaluations of one item, and 2 more of each other.
    return value in ("quick", "default", "thorough") if isinstance(value, str) else value >= 7


SEARCH = {
    "effort": "quick",
    "gradient": False,
    "stages": (),
    "starts": 0,
    "evaluations_each": 0,
    "steps": 0,
    "seconds": 0.0,
}


def report_arguments(sizes):
    n, bidders, _ = sizes
    return {
        "valuations": array(sizes, True),
        "regrets": array((n, bidders), True, -np.inf),
        "misreports": array(sizes, True, -np.inf),
        "truthful_utilities": array((n, bidders), True, -np.inf),
        "revenues": array((n,), True, -np.inf),
        "max_ir_violation": number(0.0, money=True),
        "max_feasibility_violation": number(0.0),
        "problems": only((), lambda value: isinstance(value, tuple)),
        "search": only(SEARCH, lambda value: isinstance(value, dict)),
    }


def figures(report):
    """Return what a report says in money; the errors of one profile are not known."""
    known = [report.revenue, report.total_regret, report.mean_regret, report.max_regret]
    if len(report.revenues) > 1:
        known += [report.revenue_se, report.total_regret_se]
    return known


def right_report(report, revenues, regrets, **others):
    is_about(report.revenue, revenues.mean())
    is_finite([*figures(report), report.score])
    assert "total regret" in str(report)


def make_report(revenues, regrets):
    n = len(revenues)
    zeros = np.zeros((n, 1, 1))
    return sklauction.RegretReport(zeros, regrets, zeros, regrets, revenues, 0, 0, (), SEARCH)


def consistency(revenues, regrets, optimum, n_errors):
    return sklauction.audit_consistency(make_report(revenues, regrets), optimum, n_errors)


def right_consistency(answer, revenues, regrets, optimum, n_errors):
    roots = np.sqrt(revenues.mean()) - np.sqrt(regrets.mean())
    # The square of a difference loses digits to cancellation.
    assert abs(answer.implied_revenue - max(roots, 0) ** 2) <= 1e-7 * revenues.mean() + 1e-320
    assert answer.missing_regret >= 0 and answer.optimum == optimum


@functools.cache
def fitted(name):
    """Return an auction of the table of all estimators, fitted; nobody may change it."""
    n_bidders = 1 if name in ("rochetnet", "single-buyer") else 2
    values = np.random.RandomState(0).uniform(0, 3, (40, n_bidders, 2))
    return make(name).fit(values)


@functools.cache
def audited():
    values = np.random.RandomState(0).uniform(0, 3, (20, 2, 2))
    return sklauction.measure_regret(first_price, values, effort="quick", random_state=0)


def save(auction):
    """Save an auction into a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        sklauction.save_auction(auction, os.path.join(folder, "auction"))
    return 0.0


def is_auction(value):
    return isinstance(value, BaseAuction)


def score_with(scorer):
    """Return a function that makes a scorer and calls it."""

    def call(auction, valuations, **options):
        return scorer(**options)(auction, valuations)

    return call


def scorer_arguments(sizes):
    return {
        "auction": only(fitted("vcg"), is_auction),
        "valuations": array((sizes[0], 2, 2), True),
        "effort": only("quick", small_effort),
        "random_state": seed(),
    }


def grid_arguments(sizes):
    return {
        "auction": only(fitted("vcg"), is_auction),
        "bidder": count(0, least=0, most=1),
        "items": ITEMS,
        "opponent": only(None, lambda value: value is None),
        "bids": or_none(array((2, 2))),
        "n_points": count(3, least=2),
    }


def are_items(value):
    return len(value) in (1, 2, 3) and all(0 <= operator.index(item) < 2 for item in value)


ITEMS = only((0, 1), are_items)


def is_columns(value):
    """Say whether these are results of a search with an audit."""
    return isinstance(value, dict) and {"mean_test_revenue", "mean_test_regret"} <= set(value)


def choose(tol, cv_results):
    return sklauction.best_under_regret(tol)(cv_results)


def right_choice(answer, tol, cv_results):
    gains, losses = (np.asarray(cv_results[f"mean_test_{name}"]) for name in ("revenue", "regret"))
    # Candidates that failed are never chosen.
    known = np.isfinite(gains) & np.isfinite(losses)
    allowed = known & (-losses <= tol)
    if allowed.any():
        assert allowed[answer] and gains[answer] == gains[allowed].max()
    else:
        assert known[answer] and losses[answer] == losses[known].max()


def right_bounds(bounds, source, **options):
    assert 0 <= bounds.lower <= bounds.upper
    # No auction earns more than the highest values, of the few samples there are, in sum.
    assert bounds.lower <= source.max(axis=1).sum(axis=1).max() * (1 + 1e-9)


def bound_prior(high, _kind, _shape):
    """Bound the revenue for a prior of money of any size."""
    one = {
        "uniform": lambda: stats.uniform(0, high),
        "exponential": lambda: stats.expon(scale=high),
        "two values": lambda: datasets.Discrete([high / 2, high], [0.5, 0.5]),
        "mixture": lambda: datasets.Mixture(
            [stats.uniform(0, high), stats.uniform(high / 2, high)], [0.25, 0.75]
        ),
    }[_kind]()
    prior = datasets.ProductPrior([[one] * _shape[1]] * _shape[0])
    return sklauction.optimal_revenue_bounds(prior, n_cells=3, n_samples=100)


def right_prior_bounds(bounds, high, _kind, _shape):
    assert 0 < bounds.lower <= bounds.upper
    # The mean of the highest of two exponential values is 1.5, and of others at most 1; sampled
    # bounds stay 2 standard errors, of 100 profiles, above that.
    assert bounds.upper <= 2.5 * high * _shape[1]


def right_virtual_value(phi, high):
    # Uniform on [0, h]: 2 v - h, and the reserve h / 2. The grid has 2^14 cells.
    values = high * np.array([0.25, 0.5, 0.75])
    np.testing.assert_allclose(phi(values), 2 * values - high, atol=1e-3 * high + 1e-320)
    np.testing.assert_allclose(phi.reserve, high / 2, rtol=1e-3)


CERTIFIED = {
    "n_samples": count(10),
    "confidence": number(0.99, 5e-324, 1 - 1e-16),
    **{
        field: number(0.5 if "clash" in field else 2.0, money="clash" not in field)
        for field in sklauction.RegretCertificate.__dataclass_fields__
        if field not in ("n_samples", "confidence")
    },
}


def reading_arguments(sizes):
    n, bidders, items = sizes
    lengths = {"n_items": items, "n_sizes": items, "lottery_rows": 1}
    arguments = {
        name: array((n, bidders, *(lengths[axis] for axis in axes)), "price" in name, -np.inf)
        for name, axes in FIELDS.items()
    }

    def accepts(value):
        legal((floats(value) > -np.inf).all())
        return floats(value)

    # What is not on offer has an infinite price.
    prices = arguments["lottery_prices"]._replace(accepts=accepts)
    return {**arguments, "lottery_prices": prices}


def bounds_by_name(value):
    return isinstance(value, dict) and all(map(number(0.0).accepts, value.values()))


LOWERS, UPPERS = only({"a": 0.5, "b": 1.0}, bounds_by_name), only({"c": 2.0}, bounds_by_name)
BOUNDS = sklauction.RevenueBounds({"a": 0.5, "b": 1.0}, {"c": 2.0})


def right_share(answer, revenue):
    is_about(answer[0], revenue / 2)
    is_about(answer[1], revenue)


OUTCOME = sklauction.AuctionOutcome(np.ones((4, 2, 2)), np.arange(8.0).reshape(4, 2))


def is_key(value):
    if isinstance(value, slice) or value is Ellipsis:
        return True
    if np.ndim(value) == 0:
        return not isinstance(value, bool | np.bool_) and -2 <= operator.index(value) < 2
    return not isinstance(value, tuple) and np.ndim(value) == 1


def outcome_arguments(sizes):
    # What is only kept may be missing.
    return {
        "allocations": array(sizes, missing=True),
        "payments": array(sizes[:2], True, missing=True),
    }


def flat_arguments(sizes):
    n, bidders, items = sizes
    return {
        "flat": array((n, bidders * (items + 1)), True, missing=True),
        "n_bidders": count(bidders),
        "n_items": count(items),
    }


def right_flat(outcome, flat, n_bidders, n_items):
    np.testing.assert_array_equal(np.asarray(outcome), flat)
    assert outcome.allocations.shape == (len(flat), n_bidders, n_items)


def is_display_bounds(value):
    return value is None or isinstance(value, sklauction.RevenueBounds)


def allocation_menu_arguments(sizes):
    n, bidders, items = sizes
    return {
        "allocations": array(sizes, False, -np.inf),
        "boosts": array((n,), True, -np.inf),
        "weights": array((bidders,), False, -np.inf),
        "shares": array((n,), False, -np.inf),
        "reserves": or_none(array((bidders, items), True, -np.inf)),
    }


def tell(menu, **arguments):
    """Assert that a menu can be told."""
    assert str(menu)


def profiles(name):
    return lambda sizes: {name: array(sizes, True)}


def valued(sizes):
    return {"valuations": array(sizes, True, -np.inf), "allocations": array(sizes, False, -np.inf)}


def with_outcome(name):
    def arguments(sizes):
        payments = array(sizes[:2], True, -np.inf)
        first, second = valued(sizes).values()
        return {name: first, "allocations": second, "payments": payments}

    return arguments


def by_parts(function, name):
    return lambda allocations, payments, **first: function(first[name], (allocations, payments))


def is_pair(value):
    return isinstance(value, tuple | list) and len(value) == 2


def bids(sizes):
    def accepts(value):
        reserves = np.broadcast_to(floats(value), sizes[1:])
        legal(np.isfinite(reserves).all() and (reserves >= 0).all())
        return reserves

    reserves = array(sizes[1:], True)._replace(accepts=accepts)
    return {"bids": array(sizes, True), "reserves": reserves}


MIXED = {"money": operator.itemgetter(1), "rest": operator.itemgetter(0)}
ZEROS = np.zeros((4, 2, 2)), np.zeros((4, 2))
