"""Datasets: samples, supports and known revenues are consistent."""

import dataclasses
import itertools
import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
from reference_program import best_two_bidder_revenue
from scipy import stats
from scipy.integrate import quad

from sklauction.datasets import (
    BUNDLE_MYERSON_REVENUE,
    Discrete,
    Mixture,
    ProductPrior,
    list_settings,
    load_setting,
    make_drifting_valuations,
    make_valuations,
    uniform_single_item_revenue,
    vcg_uniform_revenue,
    yao_revenue,
)
from sklauction.datasets.priors import report_range

NAMES = list_settings()
N_SAMPLES = 20_000

# Seeds are fixed, so these tests are deterministic. With new seeds, a check within 4.5 standard
# errors fails with probability 7e-6, and one of about 160 checks with probability 1/1000.
N_ERRORS = 4.5
KS_LEVEL = 7e-6


def assert_mean(draws, expected):
    """Assert that the mean of independent draws (axis 0) is the expected one."""
    error = draws.std(axis=0) / math.sqrt(len(draws))
    assert np.all(np.abs(draws.mean(axis=0) - expected) <= N_ERRORS * error)


@pytest.mark.parametrize("name", NAMES)
def test_samples_lie_in_the_support_and_reach_its_ends(name):
    setting = load_setting(name)
    sample = setting.sample(N_SAMPLES, random_state=0)
    assert sample.shape == (N_SAMPLES, setting.n_bidders, setting.n_items)
    assert sample.dtype == np.float64
    low, high = setting.support[..., 0], setting.support[..., 1]
    assert setting.support.shape == (setting.n_bidders, setting.n_items, 2)
    assert np.isfinite(setting.support).all() and (low >= 0).all() and (low < high).all()
    if setting.bounded:
        assert (sample >= low).all() and (sample <= high).all()
        # Densities near the ends are at least 1/100 of their maximum, so some of 20,000 draws
        # are within 2 % of the width. At the corners of the triangle, about 8 draws are.
        assert (sample.min(axis=0) <= low + 0.02 * (high - low)).all()
        assert (sample.max(axis=0) >= high - 0.02 * (high - low)).all()
    else:
        # One value in a million is outside: at most one or two of 60,000.
        assert ((sample < low) | (sample > high)).sum() <= 2


@pytest.mark.parametrize("name", NAMES)
def test_marginals_are_those_of_the_samples(name):
    setting = load_setting(name)
    if setting.marginals is None:
        pytest.skip("items are not independent")
    sample = setting.sample(N_SAMPLES, random_state=1)
    assert setting.marginals.shape == (setting.n_bidders, setting.n_items)
    for cell in np.ndindex(setting.marginals.shape):
        draws, marginal = sample[(slice(None), *cell)], setting.marginals[cell]
        assert_mean(draws, marginal.mean())
        np.testing.assert_array_equal(setting.support[cell], report_range(marginal))
        if hasattr(marginal, "atoms"):
            assert_mean((draws[:, None] == marginal.atoms) * 1.0, marginal.probabilities)
        else:
            assert stats.kstest(draws, marginal.cdf).pvalue > KS_LEVEL


@pytest.mark.parametrize("name", [n for n in NAMES if n != "additive_1x2_triangle"])
def test_values_are_uncorrelated_where_marginals_say_so(name):
    setting = load_setting(name)
    flat = setting.sample(N_SAMPLES, random_state=2).reshape(N_SAMPLES, -1)
    correlation = np.corrcoef(flat.T) - np.eye(flat.shape[1])
    # Correlations of independent columns have standard error 1/sqrt(n); at most 1225 pairs.
    assert np.abs(correlation).max() <= 5 / math.sqrt(N_SAMPLES)


def test_triangle_is_uniform():
    setting = load_setting("additive_1x2_triangle")
    sample = setting.sample(N_SAMPLES, random_state=0)[:, 0]
    assert setting.marginals is None and setting.bounded
    assert (sample.sum(axis=1) <= 1).all()
    # The cdf of each value is 1 - (1 - x)^2, that of their sum s^2.
    for draws in sample.T:
        assert stats.kstest(draws, lambda x: 1 - (1 - x) ** 2).pvalue > KS_LEVEL
    assert stats.kstest(sample.sum(axis=1), lambda s: s**2).pvalue > KS_LEVEL


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_profiles(name):
    setting = load_setting(name)
    first = setting.sample(50, random_state=3)
    assert not np.array_equal(first, setting.sample(50, random_state=4))
    np.testing.assert_array_equal(first, setting.sample(50, np.random.RandomState(3)))
    for copy in (load_setting(name), pickle.loads(pickle.dumps(setting))):
        np.testing.assert_array_equal(first, copy.sample(50, random_state=3))
    one, two = (setting.sample(50, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_a_seeded_draw_leaves_the_global_generator_alone():
    before = np.random.get_state()  # noqa: NPY002
    load_setting("single_3_irregular").sample(10, random_state=0)
    load_setting("additive_1x2_triangle").sample(10, random_state=np.random.default_rng(0))
    np.testing.assert_equal(np.random.get_state(), before)  # noqa: NPY002


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_well_formed(name):
    setting = load_setting(name)
    assert setting.name == name and setting.demand in ("additive", "unit")
    assert setting.source and setting.description
    figures = [setting.optimal_revenue, setting.optimal_revenue_bounds, setting.best_known_revenue]
    assert figures.count(None) >= 2
    for revenue, regret in setting.published.values():
        assert revenue > 0 and (regret is None or isinstance(regret, str) or regret >= 0)


@pytest.mark.parametrize("name", NAMES)
def test_no_figure_exceeds_the_value_there_is(name):
    """Revenue is at most the expected welfare, which is largest for additive demand."""
    setting = load_setting(name)
    welfare = setting.sample(N_SAMPLES, random_state=5).max(axis=1).sum(axis=1).mean()
    bounds = setting.optimal_revenue_bounds or (None, None)
    for figure in (setting.optimal_revenue, setting.best_known_revenue, *bounds):
        assert figure is None or 0 < figure < welfare
    assert bounds == (None, None) or bounds[0] < bounds[1]


def test_settings_are_frozen_and_unshared():
    setting = load_setting("additive_2x2_uniform")
    with pytest.raises(dataclasses.FrozenInstanceError):
        setting.optimal_revenue = 1.0
    setting.support[:] = 7
    setting.published.clear()
    assert setting.support.max() == 1 and load_setting("additive_2x2_uniform").published


def test_unverified_optimum_is_not_stated():
    setting = load_setting("additive_1x2_uniform_04_03")
    assert setting.optimal_revenue is None and setting.menu is None
    assert "verified" in setting.source


def test_unknown_setting():
    with pytest.raises(ValueError, match="did you mean 'additive_2x2_uniform'") as error:
        load_setting("additive_2x2_unifrom")
    assert all(name in str(error.value) for name in NAMES)


# Menus of the settings with one bidder: rows (probability of item 1, of item 2, price).
ROOT_3 = math.sqrt(3)
PAVLOV = (4 + math.sqrt(5.5)) / 3
MENUS = {
    "additive_1x2_uniform": [(1, 0, 2 / 3), (0, 1, 2 / 3), (1, 1, (4 - math.sqrt(2)) / 3)],
    "additive_1x2_uniform_416_47": [(0.5, 1, 8), (1, 1, 12)],
    "additive_1x2_triangle": [(1, 1, 1 / ROOT_3)],
    "unit_1x2_uniform": [(1, 0, 1 / ROOT_3), (0, 1, 1 / ROOT_3)],
    "unit_1x2_uniform_23": [(0.5, 0.5, PAVLOV), (1, 0, PAVLOV + 1 / 6), (0, 1, PAVLOV + 1 / 6)],
}


@pytest.mark.parametrize("name", MENUS)
def test_optimal_menus_earn_the_stated_revenue(name):
    setting = load_setting(name)
    sample = setting.sample(200_000, random_state=0)[:, 0]
    menu = np.array([(0, 0, 0), *MENUS[name]])
    choice = (sample @ menu[:, :2].T - menu[:, 2]).argmax(axis=1)
    assert_mean(menu[choice, 2], setting.optimal_revenue)


def expected_maximum(cdfs, top, breaks):
    """Return the expected maximum of independent virtual values and 0, Myerson's optimum."""
    edges = [0, *breaks, top]
    excess = lambda t: 1 - math.prod(cdf(t) for cdf in cdfs)  # noqa: E731
    return sum(quad(excess, a, b, epsabs=1e-12)[0] for a, b in itertools.pairwise(edges))


def test_myerson_optima_of_single_items():
    # References are integrals of 1 - P(all virtual values <= t), with errors below 1e-9.
    exponential = expected_maximum([lambda t: 1 - math.exp(-(t + 3) / 3)] * 3, 200, [10, 50])
    assert load_setting("single_3_exponential").optimal_revenue == pytest.approx(exponential, 1e-9)

    cdfs = [lambda t, i=i: min(1, (i + t) / (2 * i)) for i in range(1, 6)]
    uniforms = expected_maximum(cdfs, 5, [1, 2, 3, 4])
    assert load_setting("single_5_asymmetric_uniform").optimal_revenue == pytest.approx(
        uniforms, 1e-9
    )

    # The virtual value is 2v - 4 below the ironed interval and 2v - 8 above it.
    level = 3 - math.sqrt(5)
    ironed = lambda t: (t + 4) / 8 if t < level else (t + 32) / 40  # noqa: E731
    irregular = expected_maximum([ironed] * 3, 8, [level])
    assert load_setting("single_3_irregular").optimal_revenue == pytest.approx(irregular, 1e-9)


def test_uniform_single_item_revenue():
    n_bidders = [1, 2, 3, 4, 5, 7, 10]
    revenues = [uniform_single_item_revenue(n) for n in n_bidders]
    by_hand = [1 / 4, 5 / 12, 17 / 32, 0.6125, 0.671875, 0.7509765625, 0.8182705965909091]
    # Closed forms differ only by rounding.
    np.testing.assert_allclose(revenues, by_hand, rtol=1e-14)
    integrals = [expected_maximum([lambda t: min(1, (1 + t) / 2)] * n, 1, []) for n in n_bidders]
    np.testing.assert_allclose(revenues, integrals, rtol=1e-12)


def test_vcg_uniform_revenue():
    assert vcg_uniform_revenue(1, 4) == 0
    assert vcg_uniform_revenue(2, 3) == 1
    second = np.sort(make_valuations(N_SAMPLES, 3, 2, random_state=0), axis=1)[:, 1]
    assert_mean(second.sum(axis=1), vcg_uniform_revenue(3, 2))


def irwin_hall(n_terms, s):
    """Return the cdf and density of a sum of uniform values."""
    cdf, pdf = np.zeros_like(s), np.zeros_like(s)
    for k in range(n_terms + 1):
        part, sign = np.maximum(s - k, 0), (-1) ** k * math.comb(n_terms, k)
        cdf += sign * part**n_terms / math.factorial(n_terms)
        pdf += sign * part ** (n_terms - 1) / math.factorial(n_terms - 1)
    return cdf, pdf


@pytest.mark.parametrize("size", BUNDLE_MYERSON_REVENUE)
def test_bundle_revenue_is_the_virtual_surplus_of_sums(size):
    n_bidders, n_items = size
    s = np.linspace(0, n_items, 40_001)
    cdf, pdf = irwin_hall(n_items, s)
    surplus = np.trapezoid(n_bidders * cdf ** (n_bidders - 1) * np.maximum(s * pdf - 1 + cdf, 0), s)
    # Figures are rounded to 6 decimals; the error of the trapezoid rule is below 1e-7.
    assert BUNDLE_MYERSON_REVENUE[size] == pytest.approx(surplus, abs=6e-7)


def test_best_known_revenue_of_the_asymmetric_setting():
    def cdf(t):
        """Return the cdf at t >= 0 of the virtual value of a sum of two U[0, 1] values."""
        s = (2 * t + 2) / 3 if t >= 0.5 else (t + math.sqrt(t * t + 6)) / 3
        return 1.0 if t >= 2 else 1 - (2 - s) ** 2 / 2 if s >= 1 else s * s / 2

    bundle = expected_maximum([cdf, lambda t: cdf(t / 2)], 4, [0.5, 1, 2])
    halves = [lambda t: min(1, (1 + t) / 2), lambda t: (2 + t) / 4]
    items = 2 * expected_maximum(halves, 2, [1])
    best = load_setting("additive_2x2_uniform_asymmetric").best_known_revenue
    assert best == pytest.approx(bundle, rel=1e-9)
    assert items == pytest.approx(31 / 24, rel=1e-9) and items < best


MIXTURE = Mixture([stats.uniform(0, 3), stats.uniform(3, 5)], [0.75, 0.25])
COIN = Discrete([4, 1], [0.5, 0.5])
YAO = {
    "additive_yao_2x2": (0.5, 1, 2),
    "additive_yao_2x2_b2.5": (0.5, 1, 2.5),
    "additive_yao_2x2_p0.3": (0.3, 1, 2),
}


@pytest.mark.parametrize("name", YAO)
def test_yao_optimum_by_formula_and_by_linear_program(name):
    p, a, b = YAO[name]
    setting = load_setting(name)
    # The linear program is solved up to 1e-7; the formula differs only by rounding.
    assert setting.optimal_revenue == pytest.approx(yao_revenue(2, p, a, b), rel=1e-14)
    types = list(itertools.product((a, b), repeat=2))
    chances = np.outer((p, 1 - p), (p, 1 - p)).ravel()
    dominant = best_two_bidder_revenue([types] * 2, [chances] * 2)
    assert setting.optimal_revenue == pytest.approx(dominant, abs=1e-6)
    interim = best_two_bidder_revenue([types] * 2, [chances] * 2, bayesian=True)
    assert setting.published["optimal Bayesian auction"][0] == pytest.approx(interim, abs=1e-6)
    assert setting.marginals[0, 0].atoms.tolist() == [a, b]


def test_yao_revenue_of_one_bidder_is_its_best_menu():
    # The optimum is the bundle at 3, sold with probability 3/4.
    assert yao_revenue(1, 0.5, 1, 2) == 2.25
    for wrong in ((0, 1, 2), (1, 1, 2), (0.5, 2, 2), (0.5, -1, 2)):
        with pytest.raises(ValueError, match="0 < p < 1 and 0 <= a < b"):
            yao_revenue(2, *wrong)


def test_make_valuations_default_is_uniform():
    sample = make_valuations(N_SAMPLES, 2, 3, random_state=0)
    assert sample.shape == (N_SAMPLES, 2, 3) and sample.dtype == np.float64
    assert sample.min() >= 0 and sample.max() <= 1
    assert_mean(sample, 0.5)
    assert_mean(sample**2, 1 / 3)


@pytest.mark.parametrize(
    ("distribution", "means"),
    [
        (stats.expon(scale=2), [[2, 2], [2, 2]]),
        ([stats.uniform(0, 2), stats.uniform(0, 6)], [[1, 3], [1, 3]]),
        ([[stats.uniform(0, 2)], [stats.uniform(0, 6)]], [[1, 1], [3, 3]]),
        ([[stats.uniform(0, 2), stats.poisson(4)], [COIN, stats.beta(1, 1)]], [[1, 4], [2.5, 0.5]]),
        (np.array([MIXTURE], object), [[2.5, 2.5], [2.5, 2.5]]),
    ],
    ids=["one", "per item", "per bidder", "grid", "object array"],
)
def test_make_valuations_takes_grids(distribution, means):
    sample = make_valuations(N_SAMPLES, 2, 2, distribution=distribution, random_state=0)
    assert sample.dtype == np.float64
    assert_mean(sample, means)


def test_draws_depend_on_the_distributions_only_not_on_how_they_are_given():
    one = make_valuations(20, 2, 2, stats.expon(), random_state=0)
    grid = make_valuations(20, 2, 2, [[stats.expon()] * 2] * 2, random_state=0)
    np.testing.assert_array_equal(one, grid)
    np.testing.assert_array_equal(one, ProductPrior([[stats.expon()] * 2] * 2).sample(20, 0))


@pytest.mark.parametrize(
    ("sizes", "distribution", "message"),
    [
        # 31 % of draws are negative.
        (
            (400, 2, 2),
            stats.norm(1, scale=2),
            r"at least 0; got norm\(1, scale=2\) of bidder 0, item 0",
        ),
        ((10, 1, 2), [COIN, Discrete([-1], [1])], r"Discrete\(.*item 1, which drew -1"),
        ((10, 2, 2), [COIN] * 3, r"\(n_bidders, n_items\) = \(2, 2\).*shape \(3,\)"),
        ((10, 2, 2), "uniform", "from scipy.stats .*got 'uniform'"),
        ((10, 1, 1), stats.multivariate_normal([1, 1]), "one number per profile"),
    ],
)
def test_make_valuations_refuses(sizes, distribution, message):
    with pytest.raises(ValueError, match=message):
        make_valuations(*sizes, distribution)


def test_a_wrong_seed_is_refused():
    with pytest.raises(ValueError, match="cannot be used to seed"):
        make_valuations(10, 1, 1, random_state="seed")


def test_a_product_prior_needs_bidders_and_items():
    with pytest.raises(ValueError, match=r"shape \(n_bidders, n_items\); got shape \(1,\)"):
        ProductPrior([stats.uniform()])


def test_unbounded_priors_report_up_to_a_high_quantile():
    setting = load_setting("single_3_exponential")
    assert not setting.bounded
    # Rounding of 1 - 1e-6 changes the tail by a relative 1e-10.
    np.testing.assert_allclose(setting.support[..., 1], 3 * math.log(1e6), rtol=1e-9)
    both = ProductPrior([[stats.norm(100, 1)]])
    np.testing.assert_allclose(both.support[0, 0], 100 + stats.norm.ppf([1e-6, 1 - 1e-6]))


def test_mixture_by_hand():
    x = np.array([-1, 0, 1.5, 3.5, 8, 9])
    np.testing.assert_allclose(MIXTURE.cdf(x), [0, 0, 0.375, 0.775, 1, 1])
    np.testing.assert_allclose(MIXTURE.sf(x), [1, 1, 0.625, 0.225, 0, 0])
    np.testing.assert_allclose(MIXTURE.pdf(x[[0, 2, 3, 5]]), [0, 0.25, 0.05, 0])
    np.testing.assert_allclose(MIXTURE.ppf([0, 0.3, 0.75, 0.9, 1]), [0, 1.2, 3, 6, 8])
    assert np.isnan(MIXTURE.ppf([-0.1, 1.1])).all()
    assert np.isnan([MIXTURE.cdf(np.nan), MIXTURE.sf(np.nan), MIXTURE.pdf(np.nan)]).all()
    assert MIXTURE.support() == (0, 8) and MIXTURE.mean() == 2.5
    assert np.ndim(MIXTURE.ppf(0.5)) == np.ndim(MIXTURE.rvs(random_state=0)) == 0


def test_mixture_with_a_gap_and_with_a_tail():
    gap = Mixture([stats.uniform(0, 1), stats.uniform(5, 1)], [0.5, 0.5])
    # The smallest value with a cdf of 1/2 is below the gap.
    assert gap.ppf(0.5) == pytest.approx(1)
    tail = Mixture([stats.uniform(0, 1), stats.expon()], [0.5, 0.5])
    assert tail.support() == (0, np.inf) and tail.ppf(1) == np.inf
    q = np.linspace(0.01, 0.99, 50)
    np.testing.assert_allclose(tail.cdf(tail.ppf(q)), q, rtol=1e-12)


def test_discrete_by_hand():
    values = Discrete([2.5, 1], [0.7, 0.3])
    x = np.array([0, 1, 2, 2.5, 3])
    np.testing.assert_allclose(values.cdf(x), [0, 0.3, 0.3, 1, 1])
    np.testing.assert_allclose(values.sf(x), [1, 0.7, 0.7, 0, 0])
    np.testing.assert_allclose(values.pmf(x), [0, 0.3, 0, 0.7, 0])
    np.testing.assert_array_equal(values.ppf([0, 0.3, 0.31, 1]), [1, 1, 2.5, 2.5])
    assert np.isnan(values.ppf([-0.1, 1.1])).all()
    assert np.isnan([values.cdf(np.nan), values.sf(np.nan), values.pmf(np.nan)]).all()
    assert values.support() == (1, 2.5) and values.mean() == pytest.approx(2.05)
    np.testing.assert_array_equal(values.atoms, [1, 2.5])
    assert not hasattr(MIXTURE, "atoms")


@pytest.mark.parametrize("values", [MIXTURE, Discrete([2.5, 1], [0.7, 0.3])], ids=repr)
def test_own_distributions_draw_like_scipy_ones(values):
    assert values.rvs(size=(2, 3), random_state=0).shape == (2, 3)
    draws = values.rvs(size=N_SAMPLES, random_state=np.random.default_rng(0))
    for point in (1.0, 2.0, 2.6, 4.0):
        assert_mean((draws <= point) * 1.0, values.cdf(point))
    copy = pickle.loads(pickle.dumps(values))
    np.testing.assert_array_equal(copy.rvs(9, random_state=1), values.rvs(9, random_state=1))
    assert repr(copy) == repr(values)


@pytest.mark.parametrize("wrong", [[0.5], [0.5, 0.6], [-0.5, 1.5], [0.5, np.nan]])
def test_own_distributions_refuse_wrong_probabilities(wrong):
    with pytest.raises(ValueError, match="probabilities must be 2 non-negative numbers"):
        Discrete([1, 2], wrong)
    with pytest.raises(ValueError, match="weights must be 2 non-negative numbers"):
        Mixture([stats.uniform(), stats.expon()], wrong)
    with pytest.raises(ValueError, match="finite and distinct"):
        Discrete([1, 1], [0.5, 0.5])


def test_datasets_load_neither_torch_nor_matplotlib():
    code = (
        "import sys, sklauction.datasets as d; d.load_setting('additive_2x2_uniform').sample(9)\n"
        "sys.exit(any(m.split('.')[0] in ('torch', 'skorch', 'matplotlib') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_drift_moves_quantiles_along_lines():
    ends = {
        "start": [[stats.uniform(0, 1)], [stats.uniform(2, 2)]],
        "end": [[stats.uniform(1, 3)], [stats.expon()]],
    }
    stream = make_drifting_valuations(5, 20_000, 2, 2, random_state=0, **ends)
    assert stream.shape == (5, 20_000, 2, 2)
    for step, share in enumerate(np.linspace(0, 1, 5)):
        for bidder in range(2):
            first, last = (ends[name][bidder][0].ppf([0.1, 0.5, 0.9]) for name in ("start", "end"))
            found = np.quantile(stream[step, :, bidder], [0.1, 0.5, 0.9])
            # Four standard errors sqrt(q (1 - q) / n) / density of quantiles of 40,000 draws.
            np.testing.assert_allclose(found, (1 - share) * first + share * last, atol=0.06)
    again = make_drifting_valuations(5, 20_000, 2, 2, random_state=0, **ends)
    np.testing.assert_array_equal(stream, again)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"start": [stats.uniform()] * 3}, "start must be one distribution or broadcast"),
        ({"end": stats.uniform(-1, 1)}, "start and end must have values of at least 0"),
    ],
)
def test_drift_refuses(changes, message):
    with pytest.raises(ValueError, match=message):
        make_drifting_valuations(3, 10, 2, 2, **changes)
