"""One table of every public function and class that is no estimator."""

import functools
import math
import operator

import function_parts as parts
import numpy as np
from argument_kinds import (
    ANY,
    DEMANDS,
    IN_SCIKIT_LEARN,
    MODERATE,
    POWERS,
    Argument,
    Row,
    array,
    choice,
    count,
    entries,
    floats,
    is_about,
    is_finite,
    number,
    only,
    or_none,
    seed,
)
from dataset_rows import DATASETS, UNIFORM
from scipy import stats

import sklauction
from sklauction import audit, economics
from sklauction.analytic import vcg
from sklauction.analytic.virtual_value import prior_virtual_value

# Name in docs/api.rst, with a method where it is one; after a comma, another way to call it.
FUNCTIONS = {
    "economics.values_received": Row(
        economics.values_received,
        parts.valued,
        lambda answer, valuations, allocations: is_about(
            answer, parts.received(valuations, allocations)
        ),
    ),
    "economics.utilities": Row(
        parts.by_parts(economics.utilities, "valuations"),
        parts.with_outcome("valuations"),
        parts.right_utilities,
    ),
    "economics.utilities, outcome": Row(
        lambda outcome: economics.utilities(parts.ZEROS[0], outcome),
        lambda sizes: {"outcome": only(parts.ZEROS, parts.is_pair)},
    ),
    "economics.ir_violation": Row(
        parts.by_parts(economics.ir_violation, "bids"),
        parts.with_outcome("bids"),
        lambda answer, **arguments: (answer >= 0).all(),
    ),
    "economics.ir_violation, outcome": Row(
        lambda outcome: economics.ir_violation(parts.ZEROS[0], outcome),
        lambda sizes: {"outcome": only(parts.ZEROS, parts.is_pair)},
    ),
    "economics.revenue": Row(
        economics.revenue,
        lambda sizes: {"payments": array(sizes[:2], True, -np.inf)},
        lambda answer, payments: is_about(answer, (payments / len(payments)).sum()),
    ),
    "economics.welfare": Row(
        economics.welfare,
        parts.valued,
        lambda answer, valuations, allocations: is_about(
            answer, (parts.received(valuations, allocations) / len(valuations)).sum()
        ),
    ),
    "economics.feasibility_violation": Row(
        economics.feasibility_violation,
        lambda sizes: {
            "allocations": array(sizes, True, -np.inf),
            "demand": choice(DEMANDS[sizes[0] % 2]),
        },
        parts.right_violation,
        money=lambda answer: (),  # it is none: of shares of any size the excess is not as much
        factors=(1e-300, 1.0, 3.0, 1e300),
    ),
    "auction_score": Row(
        sklauction.auction_score,
        lambda sizes: {
            "revenue": number(2.0, money=True),
            "total_regret": number(0.5, money=True),
        },
        lambda answer, revenue, total_regret: is_about(
            answer, math.sqrt(max(revenue, 0)) - math.sqrt(max(total_regret, 0))
        ),
        money=np.square,
    ),
    "analytic.vcg.second_price": Row(
        vcg.second_price, parts.bids, parts.right_second_price, **parts.MIXED
    ),
    "analytic.vcg.unit_demand_vcg": Row(
        vcg.unit_demand_vcg, parts.bids, parts.right_unit_demand, **parts.MIXED
    ),
    "analytic.virtual_value.prior_virtual_value": Row(
        prior_virtual_value, lambda sizes: {"distribution": only(UNIFORM)}, share=0.5
    ),
    "analytic.virtual_value.prior_virtual_value, of money": Row(
        lambda high: prior_virtual_value(stats.uniform(0, high)),
        lambda sizes: {"high": number(2.0, 1e-320, 1e307, money=True)},
        parts.right_virtual_value,
        share=0.5,
        also=("distribution",),  # beyond 1e200 it is refused
        factors=(*POWERS, 1e-300, 1e300, 3.0),
        direct=False,
    ),
    "AuctionOutcome": Row(
        sklauction.AuctionOutcome, parts.outcome_arguments, **parts.MIXED, finite=False
    ),
    "AuctionOutcome.from_array": Row(
        sklauction.AuctionOutcome.from_array, parts.flat_arguments, parts.right_flat, finite=False
    ),
    "AuctionOutcome, rows": Row(
        parts.OUTCOME.__getitem__,
        lambda sizes: {"key": only(slice(2), parts.is_key)},
        raises=(IndexError,),
    ),
    "Menu": Row(
        sklauction.Menu,
        lambda sizes: {
            "allocations": array((3, sizes[2]), False, -np.inf),
            "prices": parts.PRICES,
            "shares": array((3,), False, -np.inf),
        },
        parts.tell,
        money=lambda answer: answer.prices,
    ),
    "Menu.choose": Row(
        parts.call_menu(sklauction.Menu.choose),
        parts.menu_arguments,
        parts.right_menu,
        money=lambda answer: (),
        rest=lambda answer: answer,
    ),
    "Menu.revenue": Row(
        parts.call_menu(sklauction.Menu.revenue), parts.menu_arguments, parts.right_revenue
    ),
    "Menu.simplify": Row(
        parts.call_menu(sklauction.Menu.simplify),
        lambda sizes: {**parts.menu_arguments(sizes), "tolerance": number(0.1, 0, 1)},
        parts.right_simplified,
        money=lambda answer: answer.prices,
        rest=lambda answer: (answer.allocations, answer.shares),
    ),
    "Menu.to_frame": Row(parts.menu([0.0, 1.0, 2.0], 2).to_frame, parts.nothing, share=0),
    "AllocationMenu": Row(
        sklauction.AllocationMenu,
        parts.allocation_menu_arguments,
        parts.tell,
        money=lambda answer: (answer.boosts, answer.reserves),
    ),
    "AllocationMenu.to_frame": Row(
        lambda: sklauction.AllocationMenu(
            **{name: one.plain for name, one in parts.allocation_menu_arguments((3, 2, 2)).items()}
        ).to_frame(),
        parts.nothing,
        share=0,
    ),
    "SheetReading": Row(
        sklauction.SheetReading,
        parts.reading_arguments,
        money=lambda answer: (answer.item_prices, answer.lottery_prices),
        finite=False,
        share=0.5,
    ),
    "SheetReading.to_frame": Row(
        lambda: parts.fitted("bundle-pricing").price_sheets(np.ones((3, 2, 2))).to_frame(),
        parts.nothing,
        share=0,
    ),
    "save_auction": Row(
        parts.save, lambda sizes: {"auction": only(parts.fitted("vcg"), parts.is_auction)}
    ),
    "load_auction": Row(
        sklauction.load_auction, lambda sizes: {"path": only("no such file")}, raises=(OSError,)
    ),
    "measure_regret": Row(
        functools.partial(sklauction.measure_regret, parts.first_price),
        lambda sizes: {
            "valuations": array(sizes),
            "support": or_none(only((0.0, 3.0), parts.is_support)),
            "demand": or_none(choice("additive")),
            "effort": only("quick", parts.small_effort),
            "random_state": seed(),
            "verbose": only(False, lambda value: value in (None, False, True)),
        },
        share=0.7,
    ),
    "measure_regret, of money": Row(
        lambda valuations: sklauction.measure_regret(
            parts.first_price, valuations, effort="quick", random_state=0, verbose=False
        ),
        parts.profiles("valuations"),
        parts.right_audit,
        money=parts.figures,
        share=0.5,
        direct=False,
    ),
    "measure_regret, mechanism": Row(
        lambda mechanism: sklauction.measure_regret(mechanism, parts.ZEROS[0] + 1, random_state=0),
        lambda sizes: {"mechanism": only(parts.first_price)},
        share=0.5,
    ),
    "RegretReport": Row(
        sklauction.RegretReport,
        parts.report_arguments,
        parts.right_report,
        money=parts.figures,
        finite=False,
    ),
    "RegretCertificate": Row(
        sklauction.RegretCertificate,
        lambda sizes: parts.CERTIFIED,
        lambda answer, **arguments: is_finite([answer.score, answer.score_lower, str(answer)]),
        money=lambda answer: (answer.revenue, answer.mean_bound),
    ),
    "audit.Consistency": Row(
        audit.Consistency,
        lambda sizes: {
            "possible": only(True, lambda value: isinstance(value, bool | np.bool_)),
            **{
                name: number(2.0, money=True)
                for name in ("implied_revenue", "optimum", "missing_regret")
            },
            "standard_error": Argument(2.0, float, money=True),
        },
        lambda answer, **arguments: bool(str(answer)),
        money=lambda answer: answer[1:],
        finite=False,
    ),
    "audit_consistency": Row(
        lambda report, optimum, n_errors: sklauction.audit_consistency(report, optimum, n_errors),
        lambda sizes: {
            "report": only(parts.make_report(np.ones(5), np.zeros((5, 1)))),
            "optimum": number(1.0, 5e-324),
            "n_errors": number(3.0, 5e-324),
        },
    ),
    "audit_consistency, of money": Row(
        parts.consistency,
        lambda sizes: {
            "revenues": array((sizes[0] + 1,), True),
            "regrets": array((sizes[0] + 1, 1), True),
            "optimum": number(0.5, 0, money=True),
            "n_errors": number(3.0, 0),
        },
        parts.right_consistency,
        money=lambda answer: answer.optimum,
        direct=False,
    ),
    "auction_scorers": Row(
        parts.score_with(sklauction.auction_scorers),
        parts.scorer_arguments,
        also=(*IN_SCIKIT_LEARN, "mechanism"),
        factors=MODERATE,
        money=lambda answer: (answer["revenue"], answer["regret"]),
        share=0.3,
    ),
    "AuctionScorer": Row(
        parts.score_with(sklauction.AuctionScorer),
        parts.scorer_arguments,
        also=(*IN_SCIKIT_LEARN, "mechanism"),
        factors=MODERATE,
        money=lambda answer: (),
        share=0.3,
    ),
    "RegretScorer": Row(
        parts.score_with(sklauction.RegretScorer),
        parts.scorer_arguments,
        lambda answer, **arguments: operator.le(answer, 0),
        also=(*IN_SCIKIT_LEARN, "mechanism"),
        factors=MODERATE,
        share=0.3,
    ),
    "RevenueScorer": Row(
        parts.score_with(sklauction.RevenueScorer),
        lambda sizes: dict(list(parts.scorer_arguments(sizes).items())[:2]),
        also=IN_SCIKIT_LEARN,
        factors=MODERATE,
    ),
    "best_under_regret": Row(
        parts.choose,
        lambda sizes: {
            "tol": number(0.01, 0),
            "cv_results": only(
                {"mean_test_revenue": [0.9, 0.8, 0.7], "mean_test_regret": [-0.1, -0.01, 0.0]},
                parts.is_columns,
            ),
        },
        parts.right_choice,
        also=("cv_results_",),
    ),
    "best_under_regret, of money": Row(
        lambda tol, gains, regrets: parts.choose(
            tol, {"mean_test_revenue": gains, "mean_test_regret": regrets}
        ),
        lambda sizes: {
            "tol": number(0.5, 0, money=True),
            "gains": array((4,), True, missing=True),
            "regrets": array((4,), True, missing=True),
        },
        lambda answer, tol, gains, regrets: parts.right_choice(
            answer, tol, {"mean_test_revenue": gains, "mean_test_regret": regrets}
        ),
        money=lambda answer: (),
        rest=lambda answer: answer,
        also=("cv_results",),
        finite=False,
    ),
    "RegretMonitor": Row(
        sklauction.RegretMonitor,
        # What is kept for later is looked at then.
        lambda sizes: {
            "n_samples": Argument(10, lambda value: count(10).accepts(value) and ANY),
            "effort": Argument("quick", lambda value: ANY),
            "random_state": Argument(0, lambda value: ANY),
        },
        finite=False,
    ),
    "optimal_revenue_bounds": Row(
        sklauction.optimal_revenue_bounds,
        lambda sizes: {
            "source": array((130, 1, 2), True),
            "demand": or_none(choice("additive")),
            "n_cells": or_none(count(3)),
            "n_samples": count(100, least=100),
            "random_state": seed(),
        },
        parts.right_bounds,
        share=0.5,
    ),
    "optimal_revenue_bounds, of a prior": Row(
        parts.bound_prior,
        lambda sizes: {
            "high": number(2.0, money=True),
            "_kind": only(("uniform", "exponential", "two values", "mixture")[sum(sizes) % 4]),
            "_shape": only((min(sizes[1], 2), min(sizes[2], 2))),
        },
        parts.right_prior_bounds,
        money=lambda bounds: (),
        also=("source",),  # beyond 1e-200 and 1e200 it is refused
        share=0.3,
        factors=(*POWERS, 1e-300, 1e300, 3.0),
        direct=False,
    ),
    "RevenueBounds": Row(
        sklauction.RevenueBounds, lambda sizes: {"lowers": parts.LOWERS, "uppers": parts.UPPERS}
    ),
    "RevenueBounds.share": Row(
        parts.BOUNDS.share,
        lambda sizes: {"revenue": Argument(entries(sizes[:2], 0), floats, sizes[:2], True)},
        parts.right_share,
        finite=False,
    ),
    "RevenueBounds.share, of small bounds": Row(
        lambda lower, upper: sklauction.RevenueBounds({"a": lower}, {"b": upper}).share(1e300),
        lambda sizes: {"lower": number(0.0, money=True), "upper": number(1.0, money=True)},
        money=lambda answer: (),
        also=("lowers", "uppers"),
        finite=False,
        direct=False,
    ),
    "AllocationDisplay.from_estimator": Row(
        sklauction.AllocationDisplay.from_estimator,
        lambda sizes: {
            **parts.grid_arguments(sizes),
            "item": count(0, least=0, most=1),
            "reference": only(parts.fitted("myerson"), lambda value: value is None),
        },
    ),
    "PaymentDisplay.from_estimator": Row(
        sklauction.PaymentDisplay.from_estimator, parts.grid_arguments
    ),
    "MenuDisplay.from_estimator": Row(
        sklauction.MenuDisplay.from_estimator,
        lambda sizes: {
            "auction": only(parts.fitted("rochetnet"), parts.is_auction),
            "items": parts.ITEMS,
            "values": or_none(array((2,))),
            "n_points": count(3, least=2),
        },
    ),
    "PriceDisplay.from_estimator": Row(
        sklauction.PriceDisplay.from_estimator,
        lambda sizes: {
            "auction": only(parts.fitted("bundle-pricing"), parts.is_auction),
            "bidder": count(0, least=0, most=1),
            "opponent": only(1, lambda value: value is None or operator.index(value) == 1),
            "item": count(0, least=0, most=1),
            "bids": or_none(array((2, 2))),
            "n_points": count(3, least=2),
        },
    ),
    "VirtualValueDisplay.from_estimator": Row(
        sklauction.VirtualValueDisplay.from_estimator,
        lambda sizes: {
            "auction": only(parts.fitted("myerson"), parts.is_auction),
            "X": array((5, 2, 2)),
            "bidder": count(0, least=0, most=1),
            "item": count(0, least=0, most=1),
        },
        also=IN_SCIKIT_LEARN,
        finite=False,
    ),
    "TrainingDisplay.from_estimator": Row(
        sklauction.TrainingDisplay.from_estimator,
        lambda sizes: {"auction": only(parts.fitted("rochetnet"), parts.is_auction)},
        finite=False,
    ),
    "RegretDisplay.from_report": Row(
        sklauction.RegretDisplay.from_report,
        lambda sizes: {
            "report": only(parts.audited()),
            "bidder": or_none(count(0, least=0, most=1)),
            "items": parts.ITEMS,
        },
    ),
    "ComparisonDisplay.from_reports": Row(
        sklauction.ComparisonDisplay.from_reports,
        lambda sizes: {
            "reports": only({"first price": parts.audited()}),
            "bounds": only(parts.BOUNDS, parts.is_display_bounds),
        },
    ),
    "ComparisonDisplay.from_estimators": Row(
        sklauction.ComparisonDisplay.from_estimators,
        lambda sizes: {
            "auctions": only({"VCG": parts.fitted("vcg")}),
            "X": array((4, 2, 2)),
            "bounds": only(parts.BOUNDS, parts.is_display_bounds),
            "effort": only("quick", parts.small_effort),
            "random_state": seed(),
        },
        also=IN_SCIKIT_LEARN,
        share=0.3,
    ),
    **DATASETS,
}
