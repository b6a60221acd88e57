"""Every estimator, given whatever somebody may give it: a right answer, or one clear error.

A case is one input tried against one estimator. SKLAUCTION_CASES=20 tries twenty times as many,
others in every run.
"""

import functools
import inspect
import numbers
import pickle
import re

import hypothesis.extra.numpy
import numpy as np
import pandas as pd
import pytest
import scipy.stats
import strange_inputs
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning
from strange_inputs import (
    broken_arrays,
    broken_profiles,
    cases,
    legal_arrays,
    legal_profiles,
    money,
    strange_values,
)
from test_common import LEARNED, TABLE, WITHOUT_MONEY, make, usual_bidders

from sklauction import (
    CallableAuction,
    LinearProgramAuction,
    MyersonAuction,
    SingleBuyerAuction,
)
from sklauction.base import MONEY, MOST_BID
from sklauction.datasets import Discrete
from sklauction.economics import feasibility_violation, ir_violation
from sklauction.menus import learned_menu
from sklauction.price_sheets import bundle_pricing
from sklauction.two_player import family
from sklauction.utils.validation import WIDEST_SUPPORT

# How often each test tries each row of the table; what is fitted is slow where it is learned.
BROKEN_FITS, BROKEN_CALLS, CONTAINERS, PARAMETERS, BIDS = 110, 90, 60, 60, 60
FITS, LEARNED_FITS = 40, 5
SUPPORTS, SIZES, OPTIONS, PRIORS, TYPES, OUTCOMES = 20, 6, 100, 150, 40, 100

# How an error says what is wrong with X, in our words or in scikit-learn's.
NAMES_X = re.compile(r"\bX\b|\w+Auction\b|array|np\.matrix|container")
N_ITEMS = 2
ANALYTIC = [name for name in TABLE if name not in LEARNED and not name.startswith("truthful")]


@pytest.fixture(autouse=True)
def few_updates_and_every_warning(monkeypatch):
    """Train for 3 updates instead of 100, and let torch warn whenever it has a reason to.

    By default it warns once, which may be within another test.
    """
    for module in (family, learned_menu, bundle_pricing):
        monkeypatch.setattr(module, "UPDATES_PER_ITERATION", 3)
    always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(always)


@functools.cache
def fitted(name):
    """Return an auction of the table fitted on values from 0 to 3; nobody may change it."""
    return make(name).fit(profiles(name, 40))


def profiles(name, n_samples, seed=0):
    shape = (n_samples, usual_bidders(name), N_ITEMS)
    return np.random.RandomState(seed).uniform(0, 3, shape)


def is_outcome(auction, bids, outcome):
    """Assert that an outcome is one: finite, feasible, nobody pays more than it is worth."""
    allocations, payments = outcome
    assert allocations.shape == bids.shape and payments.shape == bids.shape[:2]
    assert np.isfinite(allocations).all() and np.isfinite(payments).all()
    # As in test_common: both to 1e-6, as weights in single precision are evaluated in double.
    assert feasibility_violation(allocations, auction.demand).max() <= 1e-6
    # Relative to what each bidder bids itself, however large the others' bids are.
    own = bids.max(axis=2)
    assert (ir_violation(bids, outcome) <= 1e-6 * own).all()
    assert (payments >= -1e-9 * own).all()


def refuses(call, *names):
    """Call what must raise a ValueError or TypeError, whose message must have one of the names."""
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    message = str(caught.value)
    assert any(re.search(name, message) for name in names), message


def learned_attributes(auction):
    return [name for name in vars(auction) if name.endswith("_")]


@pytest.mark.parametrize("name", TABLE)
def test_fit_refuses_what_are_no_profiles_and_fits_nothing(name):
    @cases(BROKEN_FITS)
    @given(broken_profiles(usual_bidders(name), N_ITEMS))
    def try_one(broken):
        auction = make(name)
        refuses(lambda: auction.fit(broken[1]), NAMES_X)
        assert not learned_attributes(auction)

    try_one()


METHODS = ("predict", "score", "as_profiles", "partial_fit")
METHODS += ("certify", "regret_bounds", "price_sheets", "explain")


@pytest.mark.parametrize("name", TABLE)
def test_fitted_auctions_refuse_what_are_no_profiles_and_stay_as_they_are(name):
    auction = fitted(name)
    methods = [method for method in METHODS if hasattr(auction, method)]
    before = dict(vars(auction))

    @cases(BROKEN_CALLS)
    @given(broken_profiles(usual_bidders(name), N_ITEMS), st.sampled_from(methods))
    def try_one(broken, method):
        refuses(lambda: getattr(auction, method)(broken[1]), NAMES_X, "explain")
        assert vars(auction) == before

    try_one()


def test_explain_takes_or_refuses_the_bids_of_one_auction():
    auction = fitted("bundle-pricing")
    shape = (2, N_ITEMS)

    @cases(OPTIONS)
    @given(broken_arrays(shape), legal_arrays(shape))
    def try_one(broken, legal):
        if broken[0] != "matrix":  # it holds the bids of one auction
            refuses(lambda: auction.explain(broken[1]), NAMES_X, "explain")
        _, X, plain = legal
        # A frame of one auction is a row.
        if not isinstance(X, pd.DataFrame):
            assert auction.explain(X) == auction.explain(plain)

    try_one()


@pytest.mark.filterwarnings("ignore:X has feature names:UserWarning")
@pytest.mark.parametrize("name", TABLE)
def test_bids_may_come_in_any_container(name):
    auction = fitted(name)

    @cases(CONTAINERS)
    @given(legal_profiles(usual_bidders(name), N_ITEMS, least=1))
    def try_one(drawn):
        _, X, plain = drawn
        expected = auction.predict(plain)
        np.testing.assert_array_equal(np.asarray(auction.predict(X)), np.asarray(expected))
        is_outcome(auction, plain, expected)

    try_one()


@pytest.mark.parametrize("name", TABLE)
def test_valuations_may_come_in_any_container(name, monkeypatch):
    # What a learned auction is taught, in place of the teaching, which is slow.
    taught = []
    learns = name in LEARNED or name.startswith("truthful")
    auction_class = TABLE[name][0]
    if learns:
        monkeypatch.setattr(
            auction_class, "_fit", lambda self, valuations: taught.append(valuations)
        )

    @cases(FITS)
    @given(legal_profiles(usual_bidders(name), N_ITEMS))
    def try_one(drawn):
        _, X, plain = drawn
        first, second = make(name).fit(plain), make(name).fit(X)
        assert second.scale_ == first.scale_ > 0
        np.testing.assert_array_equal(second.support_, first.support_)
        if learns:
            np.testing.assert_array_equal(taught[-1], plain)
            assert taught[-1].flags.c_contiguous and taught[-1].dtype == float
        else:
            expected = np.asarray(first.predict(plain))
            np.testing.assert_array_equal(np.asarray(second.predict(plain)), expected)

    try_one()


@pytest.mark.parametrize("name", TABLE)
def test_a_fit_on_few_strange_profiles_gives_an_auction(name):
    @cases(LEARNED_FITS if name not in ANALYTIC else FITS)
    @given(legal_profiles(usual_bidders(name), N_ITEMS, factors=strange_inputs.FACTORS))
    def try_one(drawn):
        _, X, plain = drawn
        auction = make(name)
        try:
            auction.fit(X)
        except ValueError as error:
            assert "X must be in a unit of money" in str(error)
            assert not learned_attributes(auction)
            return
        is_outcome(auction, plain, auction.predict(X))

    try_one()


@pytest.mark.parametrize("name", TABLE)
def test_few_read_only_profiles_are_fitted(name):
    # So few that nothing is held out: what was passed is what is trained on.
    values = profiles(name, 5)
    values.flags.writeable = False
    is_outcome(auction := make(name).fit(values), values, auction.predict(values))


@pytest.mark.parametrize("name", WITHOUT_MONEY)
def test_payments_scale_with_valuations_of_any_size(name):
    values = profiles(name, 12)
    small = make(name).fit(values).predict(values)

    @cases(LEARNED_FITS if name not in ANALYTIC else FITS)
    @given(st.floats(-300, 290))
    def try_one(power):
        factor = 10.0**power
        computable = MONEY[0] <= values.max() * factor <= MONEY[1]
        try:
            large = make(name).fit(values * factor).predict(values * factor)
        except ValueError as error:
            assert "X must be in a unit of money" in str(error) and not computable
            return
        assert computable
        # Rounding of the rescaled money only; training sees the same numbers but for that.
        np.testing.assert_allclose(large.payments / factor, small.payments, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(large.allocations, small.allocations, atol=1e-6)

    try_one()


@pytest.mark.parametrize("name", TABLE)
def test_bids_of_any_size(name):
    auction = fitted(name)
    shape = (4, usual_bidders(name), N_ITEMS)

    @cases(BIDS)
    @given(st.lists(money(), min_size=4, max_size=4), st.integers(0, 2**31 - 1))
    def try_one(amounts, seed):
        bids = np.random.RandomState(seed).choice([0.0, *amounts], shape)
        if bids.max() > MOST_BID * auction.scale_:
            refuses(lambda: auction.predict(bids), "X must hold values of at most")
            return
        is_outcome(auction, bids, auction.predict(bids))

    try_one()


def parameters(name):
    cls = TABLE[name][0]
    return [one for one in inspect.signature(cls).parameters if one not in UNTRIED.get(name, ())]


# Of a function any callable is legal; its own errors come through, as documented.
UNTRIED = {"callable": ("function",)}
# Numbers that are legal, and make a fit as slow as they say: up to which they are tried, and from
# which on they must be refused again.
SLOW = dict.fromkeys(("max_iter", "n_misreporter_updates", "n_refine_steps", "n_cached_steps"), 2)
SLOW |= {"n_starts": 4, "n_bins": 4, "batch_size": 100, "menu_size": 100, "lottery_rows": 8}
SLOW |= dict.fromkeys(("n_shared_reports", "n_local_reports", "n_ascents", "n_proposals"), 8)
SLOW |= {"n_remembered": 8}
TOO_LARGE = 2**63
# Sizes of steps, of which extreme ones are legal: training says that it diverges.
STEPS = ("learning_rate_init", "beta_1", "beta_2", "cached_step_size", "lambda_init", "rho_init")


def take_or_refuse(name, given_ones, parameter, values):
    """Return a fitted auction, or None where one parameter was refused by its name."""
    auction = TABLE[name][0](**given_ones)
    try:
        return auction.fit(values)
    except (ValueError, TypeError) as error:
        assert parameter in str(error)
        assert not learned_attributes(auction)
    except OSError as error:  # a folder is no file
        assert parameter == "checkpoint" in str(error)
    except ConvergenceWarning as warning:
        assert "training diverged" in str(warning) and parameter in STEPS


# One row of the table for each class of auctions; what else may be legal than what is of the same
# type as the default, beside "auto" and None.
ROWS = {TABLE[name][0]: name for name in reversed(TABLE)}.values()
LIKE = {
    bool: bool | np.bool_,
    int: numbers.Integral,
    float: numbers.Real,
    str: str | bool | np.bool_ | numbers.Real,
    tuple: tuple | list | np.ndarray,
}
ELSE = {"architecture": type, "device": torch.device, "reserve": object, "auction": object}
ELSE |= {"independent_bidders": str}


HELD = ("batch_size", "n_starts", "menu_size", "lottery_rows", "n_remembered")
HELD += ("n_shared_reports", "n_local_reports")


@pytest.mark.parametrize("name", ROWS)
def test_every_strange_value_of_every_parameter(name, monkeypatch):
    if name not in ANALYTIC:
        monkeypatch.setattr(TABLE[name][0], "_fit", lambda self, valuations: None)
    values, usual = profiles(name, 4), make(name).get_params(deep=False)
    for parameter in parameters(name):
        default = inspect.signature(TABLE[name][0]).parameters[parameter].default
        like = LIKE.get(type(default), object) | ELSE.get(parameter, type(None))
        for value in strange_inputs.VALUES:
            auto = isinstance(value, str) and value == "auto"
            if take_or_refuse(name, {**usual, parameter: value}, parameter, values):
                assert value is None or auto or isinstance(value, like), (parameter, value)
                # What takes this much memory is refused before it is asked for.
                assert parameter not in HELD or auto or value < 2**31, (parameter, value)


@pytest.mark.parametrize("name", TABLE)
def test_parameters_are_taken_or_refused_by_name(name, tmp_path, monkeypatch):
    # Strings are legal names of files.
    monkeypatch.chdir(tmp_path)
    values, usual = profiles(name, 10), make(name).get_params(deep=False)

    @cases(PARAMETERS)
    @given(st.sampled_from(parameters(name)), strange_values())
    def try_one(parameter, value):
        whole = isinstance(value, int | np.integer) and parameter in SLOW
        assume(not (whole and SLOW[parameter] < value < TOO_LARGE))
        before = {**usual, parameter: value}
        auction = take_or_refuse(name, before, parameter, values)
        if auction is None:
            return
        is_outcome(auction, values, auction.predict(values))
        after = auction.get_params(deep=False)
        assert all(after[one] is one_before for one, one_before in before.items())

    try_one()


WITH_SUPPORT = [name for name in TABLE if "support" in inspect.signature(TABLE[name][0]).parameters]


@pytest.mark.parametrize("name", WITH_SUPPORT)
def test_a_support_must_hold_the_valuations_and_not_much_more(name, monkeypatch):
    values = profiles(name, 10)
    if name in LEARNED:
        monkeypatch.setattr(TABLE[name][0], "_fit", lambda self, valuations: None)
    refuses(lambda: make(name, support=2.0).fit(values), r"support must .* last axis")

    @cases(SUPPORTS)
    @given(money(most=1e20), money(), st.booleans())
    def try_one(low, high, small):
        low, high = (low * 1e-20 * values.min(), high + 3.0) if small else (low, high)
        auction = make(name, support=(low, high))
        widest = WIDEST_SUPPORT * values.max()
        if low <= values.min() and values.max() <= high <= widest:
            support = auction.fit(values).support_
            assert (support == [low, high]).all() and support.shape == (*values.shape[1:], 2)
        else:
            refuses(lambda: auction.fit(values), r"\bsupport must")

    try_one()


@pytest.mark.parametrize("name", TABLE)
def test_what_follows_a_fit_is_finite_for_bids_of_any_size(name):
    auction = fitted(name)
    values = profiles(name, 3, seed=1)
    methods = ("score", "certify", "regret_bounds", "price_sheets")
    methods = [method for method in methods if hasattr(auction, method)]

    @cases(SIZES)
    @given(st.sampled_from(methods), st.floats(-300, 98))
    def try_one(method, power):
        result = getattr(auction, method)(values * 10.0**power)
        parts = result if isinstance(result, tuple) else getattr(result, "__dict__", {"": result})
        for part in parts.values() if isinstance(parts, dict) else parts:
            assert not np.isnan(np.asarray(part, dtype=float)).any()

    try_one()


@pytest.mark.parametrize("name", LEARNED)
def test_profiles_to_go_on_with_may_be_of_any_size(name):
    values = profiles(name, 12)
    # By pickle, as a fit takes longer.
    start = pickle.dumps(make(name, warm_start=True).fit(values))

    @cases(LEARNED_FITS)
    @given(st.floats(-300, 99), st.booleans())
    def try_one(power, partly):
        auction, more = pickle.loads(start), values * 10.0**power
        go_on = auction.partial_fit if partly else auction.fit
        try:
            go_on(more)
        except ValueError as error:
            assert "X must hold values of at most" in str(error) and power > 11
        is_outcome(auction, values, auction.predict(values))
        is_outcome(auction, more, auction.predict(more))

    try_one()


def _certify(auction, values, **options):
    confidence = options.pop("confidence", 0.9)
    return auction.certify(values, confidence, **options)


# What methods take beside profiles, by name, and the row of the table that has them.
CALLS = {
    "effort": ("vcg", lambda auction, values, **options: auction.score(values, **options)),
    "confidence": ("bundle-pricing", _certify),
    "support": ("bundle-pricing", _certify),
    "v": ("myerson", lambda auction, values, **options: auction.virtual_value(**options)),
    "bidder": ("myerson", lambda auction, values, **options: auction.virtual_value(1.0, **options)),
    "item": (
        "myerson",
        lambda auction, values, **options: auction.revenue_curve(values, **options),
    ),
}


@pytest.mark.parametrize("option", CALLS)
def test_options_of_methods_are_taken_or_refused_by_name(option):
    name, call = CALLS[option]
    auction, values = fitted(name), profiles(name, 5)

    @cases(OPTIONS)
    @given(strange_values())
    def try_one(value):
        # As many evaluations as that are legal, and slow.
        assume(not (option == "effort" and isinstance(value, int | np.integer) and value > 1000))
        try:
            call(auction, values, **{option: value})
        except (ValueError, TypeError) as error:
            assert re.search(rf"\b{option}\b", str(error)), error

    try_one()


class Broken:
    """A distribution that has the methods, and nothing behind them."""

    def __init__(self, value):
        self.value = value

    def ppf(self, q):
        return self.value

    cdf = sf = isf = ppf

    def __repr__(self):
        return f"Broken({self.value!r})"


def priors():
    """Draw distributions: of values of any size, at the limits of what they may be, or broken."""
    amounts = money()
    return st.one_of(
        st.builds(scipy.stats.uniform, amounts, amounts),
        st.builds(
            scipy.stats.uniform, st.sampled_from([-5.0, np.nan, np.inf, 0.0, 1e308]), amounts
        ),
        st.builds(scipy.stats.expon, scale=amounts),
        st.builds(scipy.stats.norm, st.floats(-10, 10), amounts),
        st.builds(scipy.stats.pareto, st.floats(0.01, 3)),
        st.builds(scipy.stats.poisson, st.floats(0, 20)),
        st.builds(lambda at: Discrete([at], [1.0]), amounts),
        st.builds(lambda low: Discrete([low, 2 * low + 1], [0.5, 0.5]), amounts),
        st.builds(Broken, strange_values()),
        st.sampled_from([scipy.stats.lognorm, scipy.stats.uniform, scipy.stats.cauchy()]),
        strange_values(),
    )


@pytest.mark.filterwarnings("ignore:Warning. converting a masked element:UserWarning")
@pytest.mark.parametrize("cls", [MyersonAuction, SingleBuyerAuction])
def test_priors_are_taken_or_refused_by_name(cls):
    values = profiles("single-buyer", 10)

    @cases(PRIORS)
    @given(st.one_of(priors(), st.lists(priors(), max_size=3)))
    def try_one(prior):
        auction = cls(n_items=N_ITEMS, prior=prior)
        try:
            auction.fit(values)
        except (ValueError, TypeError) as error:
            assert "prior" in str(error) or "values" in str(error)
            return
        is_outcome(auction, values, auction.predict(values))

    try_one()


@pytest.mark.parametrize("incentive", ["dsic", "bic"])
def test_types_are_taken_or_refused_by_name(incentive):
    values = profiles("linear-program", 10)
    amounts = st.one_of(money(most=1e200), st.floats(0, 3))
    tables = st.integers(1, 3).flatmap(
        lambda n: st.tuples(
            hypothesis.extra.numpy.arrays(float, (n, N_ITEMS), elements=amounts),
            st.one_of(st.none(), hypothesis.extra.numpy.arrays(float, n, elements=st.floats(0, 1))),
        )
    )

    @cases(TYPES)
    @given(tables)
    def try_one(drawn):
        types, chances = drawn
        if chances is not None and chances.any():
            chances = chances / chances.sum()
        auction = LinearProgramAuction(2, types=types, probabilities=chances, incentive=incentive)
        try:
            auction.fit(values)
        except ValueError as error:
            assert re.search(r"\b(types|probabilities)\b", str(error))
            return
        is_outcome(auction, values, auction.predict(values))
        assert 0 <= auction.revenue_ <= types.max() * 2 * N_ITEMS

    try_one()


@pytest.mark.parametrize("incentive", ["dsic", "bic"])
def test_a_type_that_never_comes_changes_nothing(incentive):
    values = profiles("linear-program", 10)
    revenues = []
    for types, chances in (
        ([[1, 1], [1, 2], [2, 2]], [0.25, 0.25, 0.5]),
        ([[1, 1], [1, 2], [2, 2], [3, 0]], [0.25, 0.25, 0.5, 0.0]),
    ):
        program = {"types": types, "probabilities": chances, "incentive": incentive}
        revenues.append(LinearProgramAuction(2, **program).fit(values).revenue_)
    # The solver's tolerance is 1e-7 of the largest value.
    assert revenues[1] == pytest.approx(revenues[0], abs=1e-5)


def test_outcomes_of_a_function_are_taken_or_refused():
    values = profiles("callable", 3)
    shares, nothing = np.zeros(values.shape), np.zeros(values.shape[:2])

    @cases(OUTCOMES)
    @given(strange_values(), st.sampled_from(["both", "allocations", "payments"]))
    def try_one(value, place):
        outcome = {"both": value, "allocations": (value, nothing), "payments": (shares, value)}
        auction = CallableAuction(lambda bids: outcome[place], n_bidders=2)
        refuses(lambda: auction.fit(values), "mechanism")
        assert not learned_attributes(auction)

    try_one()


def test_at_least_30000_cases_are_declared():
    learned = len(TABLE) - len(ANALYTIC)
    each = BROKEN_FITS + BROKEN_CALLS + CONTAINERS + PARAMETERS + BIDS + FITS + SIZES
    fits = 2 * (learned * LEARNED_FITS + (len(ANALYTIC) - 2) * FITS)
    swept = sum(len(parameters(name)) for name in ROWS) * len(strange_inputs.VALUES)
    assert swept > 18_000 and len(TABLE) * each + fits + len(CALLS) * OPTIONS > 12_000
