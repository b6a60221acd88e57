"""One table of every public function and class that is not an estimator."""

import functools
import operator
import os
import tempfile
from collections import namedtuple
from typing import NamedTuple

import numpy as np
from mechanisms import first_price
from scipy import stats
from strange_inputs import FACTORS, entries

import sklauction
from sklauction import datasets, economics
from sklauction.base import BaseAuction
from sklauction.domains import ADDITIVE
from sklauction.utils.constraints import (
    ANY,
    FLAG,
    FRACTION,
    NONE,
    NOT_NEGATIVE,
    POSITIVE,
    SEED,
    Constraint,
    choice,
    count,
    number,
)

# Powers of 2 change no digit: answers scale exactly.
POWERS = tuple(2.0**power for power in (-900, -400, -80, -6, 6, 80, 400, 900))
# Factors for auctions fitted on values of size 1, which take bids of at most 1e100.
MODERATE = tuple(factor for factor in (*FACTORS, *POWERS) if 1e-90 < factor < 1e90)

# --- kinds of arguments -----------------------------------------------------------------------


class Array(NamedTuple):
    """An array of numbers that are finite, unless ``nan``, and at least ``least``."""

    shape: tuple
    least: float = -np.inf
    ordered: bool = False
    nan: bool = False
    any_shape: bool = False
    optional: bool = False

    def accepts(self, value):
        """Return whether a value is such an array; axes may have other lengths, but not 0."""
        if value is None:
            return self.optional
        try:
            with np.errstate(over="ignore"):
                numbers, kind = np.asarray(value, dtype=float), np.asarray(value).dtype.kind
        except (TypeError, ValueError, RuntimeError, OverflowError):
            return False
        fits = numbers.ndim == len(self.shape) and 0 not in numbers.shape[1:]
        legal = (np.isfinite(numbers) & (numbers >= self.least)).all()
        numeric = kind in "biufO" and not np.ma.is_masked(value)
        return bool(numeric and (fits or self.any_shape) and (legal or self.nan))


def array(*shape, **options):
    """Return a legal value and the kind of an array."""
    return entries(shape, 0, options.get("ordered", False)), Array(shape, **options)


def legal_if(condition):
    """Return the constraint to values for which a condition holds without an error."""

    def accepts(value):
        try:
            return bool(condition(value))
        except Exception:
            return False

    return Constraint(accepts, "as documented")


def instance(*classes):
    return Constraint(lambda value: isinstance(value, classes), f"an instance of {classes}")


def amount(low=-np.inf, high=np.inf):
    """Return the constraint to numbers and to arrays without axes that contain one."""
    scalar = number(low, high)
    return scalar | legal_if(lambda value: value.ndim == 0 and scalar.accepts(value[()]))


NOTHING_ELSE, AMOUNT, AUCTION = legal_if(lambda value: False), amount(), instance(BaseAuction)
BOX = Array((), 0, any_shape=True)
SUPPORT = legal_if(lambda value: BOX.accepts(value) and (np.diff(value)[..., 0] >= 0).all())
ITEMS = legal_if(lambda value: 0 < len(value) < 4 and all(map(count(0, 1).accepts, value)))
KEY = count(-2, 1) | instance(slice, type(...))
KEY |= legal_if(lambda value: np.ndim(value) == 1 and not isinstance(value, tuple))
SIZE = NONE | count(0) | legal_if(lambda value: all(map(count(0).accepts, value)))
CHANCES = [0.5, 0.25, 0.25], legal_if(lambda value: abs(sum(map(float, value)) - 1) <= 1e-8)
BY_NAME = legal_if(lambda value: value and all(map(AMOUNT.accepts, value.values())))
RESULTS = {"mean_test_revenue": [0.9, 0.8, 0.7], "mean_test_regret": [-0.1, -0.01, 0.0]}
RATES = legal_if(
    lambda value: (
        Array((3,)).accepts(value)
        and np.min(value) > 0
        and (np.diff(np.asarray(value, dtype=float)) <= 0).all()
    )
)
COLUMNS = legal_if(lambda value: set(RESULTS) <= set(value))

# --- legal values -----------------------------------------------------------------------------


def report_of(revenues, regrets):
    zeros = np.zeros((len(revenues), 1, 1))
    return sklauction.RegretReport(zeros, regrets, zeros, regrets, revenues, {}, (), SEARCH)


SEARCH = {"effort": "quick", "gradient": False, "stages": (), "starts": 0, "steps": 0}
SEARCH |= {"evaluations_each": 0, "seconds": 0.0}
PROFILES, ZEROS = entries((40, 2, 2)), np.zeros((4, 2, 2))
VCG, MYERSON = sklauction.VCGAuction(2).fit(PROFILES), sklauction.MyersonAuction(2).fit(PROFILES)
ROCHETNET = sklauction.RochetNetAuction(menu_size=4, n_starts=1, max_iter=1, batch_size=2)
ROCHETNET.fit(PROFILES[:, :1])
PRICING = sklauction.BundlePricingAuction(2, lottery_rows=1, hidden_layer_sizes=(2,), max_iter=1)
READING = PRICING.fit(PROFILES).price_sheets(PROFILES[:3])
AUDITED = sklauction.measure_regret(first_price, PROFILES, effort="quick", random_state=0)
BOUNDS = sklauction.RevenueBounds({"a": 0.5, "b": 1.0}, {"c": 2.0})
OUTCOME = sklauction.AuctionOutcome(np.ones((4, 2, 2)), np.arange(8.0).reshape(4, 2))
ALLOCATIONS = sklauction.AllocationMenu(np.ones((5, 3, 2)), *map(np.ones, (5, 3, 5)), None)
UNIFORM, EXPONENTIAL = stats.uniform(0, 2), stats.expon(scale=2)
MIXTURE = datasets.Mixture([UNIFORM, EXPONENTIAL], [0.25, 0.75])
DISCRETE = datasets.Discrete([1.0, 2.5, 4.0], [0.5, 0.25, 0.25])
PRIOR, TRIANGLE = datasets.ProductPrior([[UNIFORM, EXPONENTIAL]]), datasets.TrianglePrior()

# Argument -> (a legal value, kind), where rows do not give others.
ARGUMENTS = {
    "valuations": array(5, 3, 2),
    "bids": array(5, 3, 2),
    "allocations": array(5, 3, 2),
    "payments": array(5, 3),
    "demand": ("additive", NONE | choice("additive", "unit")),
    "effort": ("quick", choice("quick", "default", "thorough") | count(7)),
    "auction": (VCG, AUCTION),
    "X": array(5, 2, 2, least=0),
    "bidder": (0, count(0, 1)),
    "item": (0, count(0, 1)),
    "items": ((0, 1), ITEMS),
    "opponent": (None, NONE),
    "n_points": (3, count(2)),
    "n_samples": (5, count()),
    "n_bidders": (3, count()),
    "n_items": (2, count()),
    "random_state": (0, SEED | instance(np.random.Generator)),
    "tolerance": (0.1, amount(0, 1)),
    "shares": array(3),
    "prices": array(3, ordered=True),
    "x": array(2, 2, nan=True, any_shape=True),
    "q": array(2, 2, nan=True, any_shape=True),
    "size": ((2, 3), SIZE),
}
OPTIONAL_BIDS, POINT = array(2, 2, least=0, optional=True), array(2, least=0, optional=True)
AUDITED_PROFILES = array(5, 2, 2, least=0)


# --- rows -------------------------------------------------------------------------------------


def nothing(answer):
    return ()


def everything(answer):
    return answer


def row(
    names="",
    money="",
    scaled=everything,  # the part of an answer that scales with money
    unscaled=nothing,  # the part that does not change
    *,
    factors=(*FACTORS, *POWERS),
    call=None,  # if it is not the function itself
    finite=True,  # whether answers contain finite numbers only
    also=(),  # words that may stand for the name of an argument in an error
    raises=(),  # errors beside ValueError and TypeError
    **arguments,
):
    """Return a row; names are those of ``ARGUMENTS``, money is of the arguments in money."""
    arguments = {name: ARGUMENTS[name] for name in names.split()} | arguments
    return Row(arguments, money.split(), scaled, unscaled, factors, call, finite, also, raises)


Row = namedtuple("Row", "arguments money scaled unscaled factors call finite also raises")


def attributes(*names):
    return lambda answer: [getattr(answer, name) for name in names]


allocations_of, payments_of = operator.itemgetter(0), operator.itemgetter(1)


def figures(report):
    """Return what a report says in money; standard errors need two profiles."""
    assert np.isfinite(report.score)
    known = [report.revenue, report.total_regret, report.mean_regret, report.max_regret]
    if len(report.revenues) > 1:
        known += [report.revenue_se, report.total_regret_se]
    return known


def with_outcome(function):
    """Return a function of the parts of an outcome."""
    return lambda allocations, payments, **first: function(*first.values(), (allocations, payments))


def of_menu(method):
    """Return a function that makes a menu with prices and calls a method."""
    rows = np.tril(np.ones((3, 2)), -1)
    return lambda valuations, prices, **options: method(
        sklauction.Menu(rows, prices, np.zeros(3)), valuations, **options
    )


def save(auction):
    with tempfile.TemporaryDirectory() as folder:
        sklauction.save_auction(auction, os.path.join(folder, "auction"))
    return 0.0


def scorer_row(scorer, names="", scaled=everything, **arguments):
    """Return a row of a scorer that is made and called."""
    return row(
        f"auction {names}",
        "valuations",
        scaled,
        call=lambda auction, valuations, **options: scorer(**options)(auction, valuations),
        also=IN_SCIKIT_LEARN,
        factors=MODERATE,
        valuations=AUDITED_PROFILES,
        **arguments,
    )


# --- the table --------------------------------------------------------------------------------

DEMAND, AUDIT_SEED = ("unit", choice("additive", "unit")), (0, SEED)
IN_SCIKIT_LEARN = ("X", "array", "container", "mechanism", r"\w+Auction")
REPORT = {
    "types": array(5, 3, 2),
    "regrets": array(5, 3),
    "misreports": array(5, 3, 2),
    "truthful_utilities": array(5, 3),
    "objectives": array(5),
}
RULES = legal_if(lambda value: isinstance(value, dict) and set(value) <= set(ADDITIVE.rules))
CERTIFICATE = {
    field: (0.5 if "clash" in field else 2.0, AMOUNT)
    for field in sklauction.RegretCertificate.__dataclass_fields__
} | {"n_samples": (10, count()), "confidence": (0.99, FRACTION)}
CONSISTENCY = dict.fromkeys(["implied_revenue", "optimum", "missing_regret"], (2.0, AMOUNT))
CONSISTENCY["standard_error"] = (2.0, AMOUNT | legal_if(np.isnan))
SHEETS = {
    field: (value, Array(np.shape(value), nan=field == "lottery_prices"))
    for field, value in READING._asdict().items()
}
# Methods of distributions, and their arguments.
METHODS = {"cdf": "x", "sf": "x", "pdf": "x", "pmf": "x", "ppf": "q", "mean": "", "support": ""}
METHODS["rvs"] = "size random_state"

# Name in docs/api.rst, with a method if it is one; after a comma, another way to call it.
# fmt: off
FUNCTIONS = {
    "economics.values_received": row("valuations allocations", "valuations"),
    "economics.welfare": row("valuations allocations", "valuations"),
    "economics.revenue": row("payments", "payments"),
    "economics.feasibility_violation": row("allocations", demand=DEMAND),
    "economics.utilities": row("valuations allocations payments", "valuations payments",
        call=with_outcome(economics.utilities)),
    "economics.ir_violation": row("bids allocations payments", "bids payments",
        call=with_outcome(economics.ir_violation)),
    **{f"economics.{function.__name__}, outcome": row(call=functools.partial(function, ZEROS),
        outcome=((ZEROS, ZEROS[..., 0]), legal_if(lambda value: len(value) == 2))) for function in
        (economics.utilities, economics.ir_violation)},
    "auction_score": row("", "revenue total_regret", np.square, revenue=(2.0, AMOUNT),
        total_regret=(0.5, AMOUNT)),
    **{f"analytic.vcg.{name}": row("", "bids reserves", payments_of, allocations_of,
        bids=array(5, 3, 2, least=0), reserves=array(3, 2, least=0, any_shape=True)) for name in
        ("second_price", "unit_demand_vcg")},
    "analytic.virtual_value.prior_virtual_value": row(distribution=(UNIFORM, NOTHING_ELSE)),
    "AuctionOutcome": row("", "payments", payments_of, allocations_of,
        allocations=array(5, 3, 2, nan=True), payments=array(5, 3, nan=True), finite=False),
    "AuctionOutcome.from_array": row("n_bidders n_items", "flat", flat=array(5, 9, nan=True),
        finite=False),
    "AuctionOutcome, rows": row(call=OUTCOME.__getitem__, key=(slice(2), KEY), raises=IndexError),
    "AuctionOutcome.to_frame": row(call=OUTCOME.to_frame),
    "domains.auctions.Auction": row(name=("both", instance(str)), exclusive=(False, instance(bool)),
        finite=False),
    "domains.slots.Slots": row(click_rates=([4.0, 2.0, 2.0], RATES), finite=False),
    "Menu": row("prices shares", "prices", attributes("prices"), allocations=array(3, 2)),
    "Menu.choose": row("prices", "valuations prices", nothing, np.asarray,
        call=of_menu(sklauction.Menu.choose), valuations=array(5, 2)),
    "Menu.revenue": row("prices", "valuations prices", call=of_menu(sklauction.Menu.revenue),
        valuations=array(5, 2)),
    "Menu.simplify": row("prices tolerance", "valuations prices", attributes("prices"),
        attributes("allocations", "shares"), call=of_menu(sklauction.Menu.simplify),
        valuations=array(5, 2)),
    "Menu.to_frame": row(call=ROCHETNET.menu_.to_frame),
    "AllocationMenu": row("allocations", "boosts reserves", attributes("boosts", "reserves"),
        boosts=array(5), weights=array(3), shares=array(5), reserves=array(3, 2, optional=True)),
    "AllocationMenu.to_frame": row(call=ALLOCATIONS.to_frame),
    "SheetReading": row(**SHEETS, finite=False),
    "SheetReading.to_frame": row(call=READING.to_frame),
    "save_auction": row("auction", call=save),
    "load_auction": row(path=("no such file", NOTHING_ELSE), raises=OSError),
    "measure_regret": row("demand effort", "valuations", figures,
        call=functools.partial(sklauction.measure_regret, first_price), valuations=AUDITED_PROFILES,
        support=(None, NONE | SUPPORT), domain=(None, NONE), random_state=AUDIT_SEED,
        verbose=(False, NONE | FLAG)),
    "measure_regret, mechanism":
        row(call=lambda mechanism: sklauction.measure_regret(mechanism, ZEROS + 1, random_state=0),
        mechanism=(first_price, NOTHING_ELSE)),
    "RegretReport": row("", " ".join(REPORT), figures, **REPORT, violations=({}, RULES),
        problems=((), instance(tuple)), search=(SEARCH, instance(dict)),
        domain=(ADDITIVE, NOTHING_ELSE), finite=False),
    "RegretCertificate": row("",
        " ".join(field for field, (value, _) in CERTIFICATE.items() if value == 2.0),
        attributes("revenue", "mean_bound"), **CERTIFICATE),
    "audit.Consistency": row("", " ".join(CONSISTENCY), operator.itemgetter(slice(1, None)),
        possible=(True, FLAG), **CONSISTENCY, finite=False),
    "audit_consistency": row(report=(report_of(np.ones(5), np.zeros((5, 1))), NOTHING_ELSE),
        optimum=(1.0, POSITIVE), n_errors=(3.0, POSITIVE)),
    "auction_scorers": scorer_row(sklauction.auction_scorers, "effort",
        operator.itemgetter("revenue", "regret"), random_state=AUDIT_SEED),
    "AuctionScorer": scorer_row(sklauction.AuctionScorer, "effort", nothing,
        random_state=AUDIT_SEED),
    "RegretScorer": scorer_row(sklauction.RegretScorer, "effort", random_state=AUDIT_SEED),
    "RevenueScorer": scorer_row(sklauction.RevenueScorer),
    "best_under_regret": row(call=lambda tol, cv_results:
        sklauction.best_under_regret(tol)(cv_results), tol=(0.01, NOT_NEGATIVE),
        cv_results=(RESULTS, COLUMNS), also=("cv_results_",)),
    # The audit after each iteration checks the other arguments.
    "RegretMonitor": row("n_samples",
        call=lambda **options: sklauction.RegretMonitor(**options).n_samples, effort=("quick", ANY),
        random_state=(0, ANY)),
    "optimal_revenue_bounds": row("demand random_state", source=array(130, 1, 2, least=0),
        n_cells=(3, NONE | count()), n_samples=(100, count(100))),
    "RevenueBounds": row(lowers=({"a": 0.5}, BY_NAME), uppers=({"c": 2.0}, BY_NAME)),
    "RegretReport.to_frame": row(call=AUDITED.to_frame),
    "RegretCertificate.to_frame": row(call=PRICING.certify(PROFILES).to_frame),
    "RevenueBounds.to_frame": row(call=BOUNDS.to_frame),
    "RevenueBounds.share": row("", "revenue", call=BOUNDS.share,
        revenue=array(5, 3, any_shape=True)),
    "AllocationDisplay.from_estimator": row("auction bidder items opponent n_points item",
        bids=OPTIONAL_BIDS, reference=(MYERSON, NONE)),
    "PaymentDisplay.from_estimator": row("auction bidder items opponent n_points",
        bids=OPTIONAL_BIDS),
    "MenuDisplay.from_estimator": row("items n_points", auction=(ROCHETNET, AUCTION), values=POINT),
    "PriceDisplay.from_estimator": row("bidder item n_points", auction=(PRICING, AUCTION),
        opponent=(1, NONE | count(1, 1)), bids=OPTIONAL_BIDS),
    "VirtualValueDisplay.from_estimator": row("X bidder item", auction=(MYERSON, AUCTION),
        also=IN_SCIKIT_LEARN, finite=False),
    "TrainingDisplay.from_estimator": row(auction=(ROCHETNET, AUCTION), finite=False),
    "RegretDisplay.from_report": row("items", report=(AUDITED, NOTHING_ELSE),
        bidder=(0, NONE | count(0, 1))),
    "ComparisonDisplay.from_reports": row(reports=({"first price": AUDITED}, NOTHING_ELSE),
        bounds=(BOUNDS, NONE)),
    "ComparisonDisplay.from_estimators": row("X effort", auctions=({"VCG": VCG}, NOTHING_ELSE),
        bounds=(BOUNDS, NONE), random_state=AUDIT_SEED, also=IN_SCIKIT_LEARN),
    "datasets.load_setting": row(name=("single_3_irregular", choice(*datasets.list_settings()))),
    "datasets.list_settings": row(),
    "datasets.AuctionSetting": row(name=("mine", instance(str)), prior=(PRIOR, NOTHING_ELSE),
        demand=DEMAND, optimal_revenue=(1.0, NONE | AMOUNT),
        best_known_revenue=(1.0, NONE | AMOUNT),
        optimal_revenue_bounds=array(2, ordered=True, optional=True)),
    "datasets.AuctionSetting.sample": row("n_samples random_state",
        call=datasets.load_setting("additive_1x2_uniform_416_47").sample),
    "datasets.make_valuations": row("n_samples n_bidders n_items random_state",
        distribution=(None, NONE)),
    "datasets.make_drifting_valuations": row("n_samples n_bidders n_items random_state",
        n_steps=(2, count(2)), start=(None, NONE), end=(None, NONE)),
    "datasets.ProductPrior": row(marginals=([[UNIFORM, EXPONENTIAL]], NOTHING_ELSE)),
    "datasets.ProductPrior.sample": row("n_samples random_state", call=PRIOR.sample),
    "datasets.TrianglePrior": row(call=lambda: TRIANGLE.support),
    "datasets.TrianglePrior.sample": row("n_samples random_state", call=TRIANGLE.sample),
    "datasets.Discrete": row("", "values", attributes("atoms"), values=array(3, ordered=True),
        probabilities=CHANCES),
    "datasets.Mixture": row(components=([UNIFORM, EXPONENTIAL, DISCRETE], NOTHING_ELSE),
        weights=CHANCES),
    **{f"datasets.{type(one).__name__}.{method}": row(arguments, call=getattr(one, method),
        finite=False) for one in (DISCRETE, MIXTURE) for method, arguments in METHODS.items() if
        hasattr(one, method)},
    "datasets.uniform_single_item_revenue": row("n_bidders"),
    "datasets.vcg_uniform_revenue": row("n_bidders n_items"),
    "datasets.yao_revenue": row("n_bidders", "a b", p=(0.5, amount(5e-324, 1)), a=(1.0, amount(0)),
        b=(2.0, amount(0))),
}
# fmt: on
