"""Every estimator with strange input: a valid outcome, or an error that names the argument."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import torch
from sklearn.exceptions import ConvergenceWarning
from strange_inputs import (
    CONTAINERS,
    DTYPES,
    EXTENTS,
    FACTORS,
    SPOILS,
    VALUES,
    contain,
    entries,
    error_of,
    seeds,
    sweep,
)
from test_common import (
    LEARNED,
    MORE_ROWS,
    ROW_OF_CLASS,
    TABLE,
    WITHOUT_MONEY,
    assert_valid_outcome,
    fitted,
    learned_attributes,
    make,
    profiles,
    usual_bidders,
)

from sklauction import CallableAuction, LinearProgramAuction, MyersonAuction, SingleBuyerAuction
from sklauction.datasets import Discrete
from sklauction.domains.auctions import MONEY
from sklauction.utils.constraints import is_whole
from sklauction.utils.reading import MOST_REPORTED
from sklauction.utils.validation import WIDEST_SUPPORT

pytestmark = pytest.mark.usefixtures("few_updates")

# Words by which an error names X, ours or scikit-learn's.
NAMES_X = re.compile(r"\bX\b|\w+Auction\b|array|np\.matrix|container")
TRAINED = [name for name in TABLE if name in LEARNED or name.startswith("truthful")]
AMOUNTS = (0.0, 0.5, 1.0, 7.25, *FACTORS)


@pytest.fixture(autouse=True)
def every_warning_of_torch():
    """Let torch repeat warnings, which it gives only once by default."""
    always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(always)


def without_training(name, monkeypatch):
    """Replace the training of learned auctions; return the list of what they are trained on."""
    seen = []
    if name in TRAINED:
        monkeypatch.setattr(TABLE[name][0], "_fit", lambda self, values: seen.append(values))
    return seen


# --- parameters -------------------------------------------------------------------------------


# One row per class; the others under stress.
ROWS = [
    *ROW_OF_CLASS.values(),
    *(pytest.param(name, marks=pytest.mark.stress) for name in MORE_ROWS),
]


def with_parameter(name, parameter, value):
    auction = make(name)
    setattr(auction, parameter, value)
    return auction


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("name", ROWS)
def test_illegal_parameters_are_refused_with_the_message_of_the_constraint(name, extent):
    cls, values = TABLE[name][0], profiles(name, 4)
    for parameter in cls._get_param_names():
        constraint = cls._parameter_constraints[parameter]
        for value in sweep(VALUES, extent, name + parameter):
            if not constraint.accepts(value):
                auction = with_parameter(name, parameter, value)
                message = f"{parameter} must be {constraint.text}; got {value!r}"
                assert str(error_of(auction.fit, values)) == message
                assert not learned_attributes(auction)


# Parameters whose legal values depend on the number of bidders, on other parameters, on the data
# or on the disk.
DEPENDENT = {"n_bidders", "n_items", "resume", "demand", "checkpoint", "n_bins"}
DEPENDENT |= {"support", "prior", "reserve", "types", "probabilities", "architecture", "device"}
DEPENDENT |= {"prefit", "symmetric", "n_cached_steps", "max_memory"}
# Counts that determine the memory of an update, and must be refused if they are too large.
IN_MEMORY = {"batch_size", "n_starts", "menu_size", "lottery_rows", "n_remembered"}
IN_MEMORY |= {"n_shared_reports", "n_local_reports"}
# Step sizes whose extreme values let training diverge, with a warning.
STEPS = {"learning_rate_init", "beta_1", "beta_2", "cached_step_size", "lambda_init", "rho_init"}


def legal_values(constraint, parameter):
    """Return legal values with which a fit is fast, or is refused at once."""
    values = [*constraint.examples, *filter(constraint.accepts, VALUES)]
    return [
        value
        for value in values
        if not callable(value)  # errors of a user's function are not ours
        and (not is_whole(value) or value < 9 or parameter in IN_MEMORY)
    ]


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("name", ROWS)
def test_legal_parameters_give_a_valid_outcome(name, extent, tmp_path, monkeypatch):
    # Strings are legal names of files.
    monkeypatch.chdir(tmp_path)
    cls, values = TABLE[name][0], profiles(name, 10)
    for parameter in cls._get_param_names():
        legal = legal_values(cls._parameter_constraints[parameter], parameter)
        for value in sweep(legal, extent, name + parameter):
            auction = with_parameter(name, parameter, value)
            before = auction.get_params(deep=False)
            try:
                auction.fit(values)
            except (ValueError, TypeError, OSError) as error:
                large = parameter in IN_MEMORY and not isinstance(value, str) and value > 2**30
                assert parameter in DEPENDENT or large, (parameter, value, error)
                assert parameter in str(error)
                assert not learned_attributes(auction)
                continue
            except ConvergenceWarning as warning:
                assert "training diverged" in str(warning)
                assert parameter in STEPS
                continue
            assert_valid_outcome(auction, values, auction.predict(values))
            assert all(getattr(auction, one) is given for one, given in before.items())


WITH_SUPPORT = [name for name in TABLE if "support" in TABLE[name][0]._get_param_names()]


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("name", WITH_SUPPORT)
def test_a_support_must_contain_the_valuations_and_not_much_more(name, extent, monkeypatch):
    values = profiles(name, 10)
    without_training(name, monkeypatch)
    error = error_of(make(name, support=2.0).fit, values)
    assert re.search(r"support must .* last axis", str(error))
    cases = [(low * 1e-20 * values.min(), high + 3) for low, high in zip(AMOUNTS, AMOUNTS[::-1])]
    cases += [(low, high) for low in AMOUNTS for high in AMOUNTS[::3]]
    for low, high in sweep(cases, extent, name):
        auction = make(name, support=(low, high))
        error = error_of(auction.fit, values)
        widest = WIDEST_SUPPORT * values.max()
        if low <= values.min() and values.max() <= high <= widest:
            assert error is None
            assert (auction.support_ == [low, high]).all()
            assert auction.support_.shape == (*values.shape[1:], 2)
        else:
            assert re.search(r"\bsupport must", str(error))


class Broken:
    """A distribution whose methods return a fixed value."""

    def __init__(self, value):
        self.value = value

    def ppf(self, q):
        return self.value

    cdf = sf = isf = ppf


def priors():
    """Return distributions of money of any size, with extreme parameters, and broken ones."""
    for amount in AMOUNTS:
        yield from (scipy.stats.uniform(amount, 2 * amount), scipy.stats.expon(scale=amount))
        yield from (scipy.stats.norm(1, amount), Discrete([amount], [1.0]))
        if amount < 1e299:
            yield Discrete([amount, 2 * amount + 1], [0.5, 0.5])
    yield from (scipy.stats.uniform(low, 1) for low in (-5, np.nan, np.inf, 0, 1e308))
    yield from (scipy.stats.pareto(shape) for shape in (0.01, 1, 3))
    yield from (scipy.stats.poisson(mean) for mean in (0, 0.5, 20))
    yield from (scipy.stats.lognorm, scipy.stats.uniform, scipy.stats.cauchy())
    yield from map(Broken, VALUES)
    yield from VALUES


@pytest.mark.filterwarnings("ignore:Warning. converting a masked element:UserWarning")
@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("cls", [MyersonAuction, SingleBuyerAuction])
def test_priors_give_a_valid_outcome_or_are_named(cls, extent):
    values, all_priors = profiles("single-buyer", 10), list(priors())
    pairs = [list(pair) for pair in zip(all_priors, all_priors[5:])]
    for prior in sweep([*all_priors, *pairs], extent, cls.__name__):
        auction = cls(n_items=2, prior=prior)
        error = error_of(auction.fit, values)
        if error is None:
            assert_valid_outcome(auction, values, auction.predict(values))
        else:
            assert re.search("prior|values", str(error)), prior


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("incentive", ["dsic", "bic"])
def test_types_give_a_valid_outcome_or_are_named(incentive, extent):
    values = profiles("linear-program", 10)
    for seed in seeds(40, extent):
        random = np.random.RandomState(seed)
        types = random.choice([*AMOUNTS[:-1], 0.3, 1.7, 2.9], (random.randint(1, 4), 2))
        chances = None if seed % 2 else random.dirichlet(np.ones(len(types)))
        auction = LinearProgramAuction(2, types=types, probabilities=chances, incentive=incentive)
        error = error_of(auction.fit, values)
        if error is None:
            assert_valid_outcome(auction, values, auction.predict(values))
            assert 0 <= auction.revenue_ <= types.max() * 4
        else:
            assert re.search(r"\b(types|probabilities)\b", str(error))


@pytest.mark.parametrize("incentive", ["dsic", "bic"])
def test_a_type_of_probability_zero_changes_nothing(incentive):
    revenues = []
    for types, chances in (
        ([[1, 1], [1, 2], [2, 2]], [0.25, 0.25, 0.5]),
        ([[1, 1], [1, 2], [2, 2], [3, 0]], [0.25, 0.25, 0.5, 0.0]),
    ):
        auction = LinearProgramAuction(2, types=types, probabilities=chances, incentive=incentive)
        revenues.append(auction.fit(profiles("linear-program", 10)).revenue_)
    # The solver's tolerance is 1e-7 of the largest value.
    assert revenues[1] == pytest.approx(revenues[0], abs=1e-5)


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("place", ["both", "allocations", "payments"])
def test_strange_outcomes_of_a_function_are_refused(place, extent):
    values = profiles("callable", 3)
    shares, nothing = np.zeros(values.shape), np.zeros(values.shape[:2])
    for value in sweep(VALUES, extent, place):
        outcome = {"both": value, "allocations": (value, nothing), "payments": (shares, value)}
        auction = CallableAuction(lambda bids, found=outcome[place]: found, n_bidders=2)
        assert "mechanism" in str(error_of(auction.fit, values)), value
        assert not learned_attributes(auction)


# --- profiles ---------------------------------------------------------------------------------


def broken_profiles(name, extent, key=""):
    """Return pairs of a description and an input that is no profile of the auction."""
    bidders, broken = usual_bidders(name), []
    for seed in seeds(1):
        values = np.random.RandomState(seed).uniform(0, 3, (4, bidders, 2))
        for kind, spoil in SPOILS.items():
            broken.append((kind, spoil(values)))
            broken.append((f"{kind}, flat", spoil(values.reshape(4, -1))))
    broken += [(repr(value), value) for value in VALUES]
    shapes = [(4, 0, 2), (4, bidders, 0), (4, 0), (4, bidders + 1, 2), (4, bidders, 3)]
    shapes += [(4, bidders * 2 + 1), (4,), (1, 4, bidders, 2), (), (0, bidders, 2)]
    broken += [(shape, np.ones(shape)) for shape in shapes]
    for negative in (-1.0, -5e-324):
        values = values.copy()
        values[-1, -1, -1] = negative
        broken.append((f"{negative} among others", values))
    return sweep(broken, extent, name + key)


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("name", TABLE)
def test_fit_refuses_broken_profiles_and_fits_nothing(name, extent):
    for kind, X in broken_profiles(name, extent):
        auction = make(name)
        assert NAMES_X.search(str(error_of(auction.fit, X))), kind
        assert not learned_attributes(auction)


METHODS = ("predict", "score", "as_profiles", "partial_fit")
METHODS += ("certify", "regret_bounds", "price_sheets", "explain")


@pytest.mark.filterwarnings("ignore:X has feature names:UserWarning")
@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("name", TABLE)
def test_fitted_auctions_refuse_broken_profiles_and_do_not_change(name, extent):
    auction = fitted(name)
    before = dict(vars(auction))
    for method in METHODS:
        if hasattr(auction, method):
            for kind, X in broken_profiles(name, extent, method):
                error = str(error_of(getattr(auction, method), X))
                assert NAMES_X.search(error) or "explain" in error, (method, kind)
                assert vars(auction) == before


def test_explain_takes_the_bids_of_one_auction():
    auction, values = fitted("bundle-pricing"), entries((2, 2))
    for kind, spoil in SPOILS.items():
        if kind != "matrix":  # two axes are the bids of one auction
            error = str(error_of(auction.explain, spoil(values)))
            assert NAMES_X.search(error) or "explain" in error, kind
    for kind in (*CONTAINERS, *DTYPES):
        X, plain = contain(kind, values)
        if not isinstance(X, pd.DataFrame):  # a row of a frame is an auction
            assert auction.explain(X) == auction.explain(plain), kind


def contained_profiles(name, extent):
    """Return triples of a description, profiles in a container, and the same as an array."""
    triples = []
    for seed in seeds(2):
        values = entries((4, usual_bidders(name), 2), seed)
        for kind in (*CONTAINERS, *DTYPES):
            X, plain = contain(kind, values)
            triples.append((kind, X, plain))
            X, _ = contain(kind, values.reshape(4, -1))
            triples.append((f"{kind}, flat", X, plain))
    return sweep([one for one in triples if one[2].any()], extent, name)


@pytest.mark.filterwarnings("ignore:X has feature names:UserWarning")
@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("name", TABLE)
def test_bids_in_any_container_give_equal_outcomes(name, extent):
    auction = fitted(name)
    for kind, X, plain in contained_profiles(name, extent):
        expected = auction.predict(plain)
        found = auction.predict(X)
        np.testing.assert_array_equal(np.asarray(found), np.asarray(expected), err_msg=kind)
        assert_valid_outcome(auction, plain, expected)


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("name", TABLE)
def test_valuations_in_any_container_give_equal_auctions(name, extent, monkeypatch):
    seen = without_training(name, monkeypatch)
    for kind, X, plain in contained_profiles(name, extent):
        first, second = make(name).fit(plain), make(name).fit(X)
        assert second.scale_ == first.scale_ > 0, kind
        np.testing.assert_array_equal(second.support_, first.support_)
        if seen:
            np.testing.assert_array_equal(seen[-1], plain)
            assert seen[-1].flags.c_contiguous and seen[-1].dtype == float
        else:
            outcomes = [np.asarray(auction.predict(plain)) for auction in (first, second)]
            np.testing.assert_array_equal(*outcomes, err_msg=kind)


# --- money ------------------------------------------------------------------------------------


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("name", TABLE)
def test_few_profiles_of_any_size_are_fitted_or_refused(name, extent):
    for factor in sweep(FACTORS, extent, name):
        for seed in seeds(1 if name in TRAINED else 4):
            n_samples = 2 + seed % 11
            values = entries((n_samples, usual_bidders(name), 2), seed) / 3 * factor
            values.flags.writeable = False
            auction = make(name)
            error = error_of(auction.fit, values)
            if MONEY[0] <= values.max() <= MONEY[1]:
                assert error is None
                assert_valid_outcome(auction, values, auction.predict(values))
            else:
                assert re.search("X must .*(unit of money|positive valuation)", str(error))
                assert not learned_attributes(auction)


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("name", WITHOUT_MONEY)
def test_payments_scale_with_valuations_of_any_size(name, extent):
    values = profiles(name, 12)
    small = make(name).fit(values).predict(values)
    for seed in seeds(7 if name in TRAINED else 40, extent):
        factor = 10 ** np.random.RandomState(seed).uniform(-199, 199)
        large = make(name).fit(values * factor).predict(values * factor)
        # Up to rounding of the rescaled money; training sees the same numbers.
        np.testing.assert_allclose(large.payments / factor, small.payments, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(large.allocations, small.allocations, atol=1e-6)


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("name", TABLE)
def test_bids_of_any_size(name, extent):
    auction = fitted(name)
    for seed in seeds(60, extent):
        random = np.random.RandomState(seed)
        amounts = [0.0, *random.choice(AMOUNTS, 3), 10 ** random.uniform(-300, 300)]
        bids = random.choice(amounts, (4, usual_bidders(name), 2))
        if bids.max() > MOST_REPORTED * auction.scale_:
            message = str(error_of(auction.predict, bids))
            assert "X must hold values of at most" in message
        else:
            assert_valid_outcome(auction, bids, auction.predict(bids))


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("name", TABLE)
def test_results_are_finite_for_bids_of_any_size(name, extent):
    auction, values = fitted(name), profiles(name, 3, seed=1)
    for method in ("score", "certify", "regret_bounds", "price_sheets"):
        for power in sweep((-300, -160, -40, -9, 9, 40, 98), extent, name + method):
            if hasattr(auction, method):
                result = getattr(auction, method)(values * 10.0**power)
                if not isinstance(result, tuple):
                    result = getattr(result, "__dict__", {method: result}).values()
                for part in result:
                    assert not np.isnan(np.asarray(part, dtype=float)).any()


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("name", LEARNED)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_training_continues_on_profiles_of_any_size(name, method, extent):
    values = profiles(name, 12)
    start = pickle.dumps(make(name, warm_start=True).fit(values))
    for power in sweep((-300, -99, -9, 5, 11, 40, 99), extent, name + method):
        auction, more = pickle.loads(start), values * 10.0**power
        error = error_of(getattr(auction, method), more)
        if error is not None:
            assert "X must hold values of at most" in str(error)
            assert power > 11
        assert_valid_outcome(auction, values, auction.predict(values))
        assert_valid_outcome(auction, more, auction.predict(more))


# Arguments of methods beside profiles, the row of the table, and the call.
OPTIONS = {
    "effort": ("vcg", lambda auction, X, value: auction.score(X, effort=value)),
    "confidence": ("bundle-pricing", lambda auction, X, value: auction.certify(X, value)),
    "support": (
        "bundle-pricing",
        lambda auction, X, value: auction.certify(X, 0.9, support=value),
    ),
    "v": ("myerson", lambda auction, X, value: auction.virtual_value(value)),
    "bidder": ("myerson", lambda auction, X, value: auction.virtual_value(1.0, bidder=value)),
    "item": ("myerson", lambda auction, X, value: auction.revenue_curve(X, item=value)),
}


@pytest.mark.parametrize("extent", EXTENTS)
@pytest.mark.parametrize("option", OPTIONS)
def test_options_of_methods_are_taken_or_named(option, extent):
    name, call = OPTIONS[option]
    for value in sweep(VALUES, extent, option):
        if option != "effort" or not is_whole(value) or not 1000 < value < 2**40:
            error = error_of(call, fitted(name), profiles(name, 5), value)
            assert error is None or re.search(rf"\b{option}\b", str(error)), value
