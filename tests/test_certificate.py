"""What a certificate proves: its bounds by hand, and how often they hold."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from sklauction.audit.certificate import empirical_bernstein, make_certificate

BOX = np.broadcast_to([0.0, 1.0], (2, 3, 2))


def certify(bounds, revenues=None, support=BOX, demand="additive", confidence=0.9):
    bounds = np.asarray(bounds, dtype=float)
    revenues = np.full(len(bounds), 0.5) if revenues is None else revenues
    return make_certificate(bounds, revenues, support, demand, confidence)


def test_empirical_bernstein_by_hand():
    # ln(2 / 0.1) = 2.9957; sqrt(2 * 0.04 * 2.9957 / 100) = 0.048955; 7 * 3 * 2.9957 / 297
    # = 0.211820.
    bound = empirical_bernstein(0.2, 0.04, 100, 3.0, 0.9)
    assert bound == pytest.approx(0.2 + 0.048955 + 0.211820, abs=1e-5)


@pytest.mark.parametrize("probability", [0.0, 0.003, 0.3])
def test_upper_bound_covers_the_expectation(probability):
    random = np.random.RandomState(0)
    misses = 0
    for _ in range(300):
        draws = random.uniform(0, 1, 400) * (random.uniform(size=400) < probability)
        misses += certify(draws, support=BOX[:, :1]).upper_bound < probability / 2
    # At most 10 % in expectation; 300 draws exceed 16 % with probability below 1e-3.
    assert misses <= 0.16 * 300


def test_figures_of_a_small_sample():
    certificate = certify([0, 0, 0.5, 0.25], revenues=np.array([1.0, 1.0, 2.0, 2.0]))
    assert certificate.n_samples == 4
    assert certificate.mean_bound == pytest.approx(0.1875)
    assert certificate.clash_probability == 0.5
    assert certificate.revenue == 1.5
    assert certificate.score == pytest.approx(math.sqrt(1.5) - math.sqrt(0.1875))
    # One sided exact interval of 2 in 4.
    exact = binomtest(2, 4, alternative="less").proportion_ci(0.9, method="exact").high
    assert certificate.clash_probability_upper == pytest.approx(exact)


def test_range_is_what_all_but_the_first_to_choose_can_lose():
    box = np.array([[[0.0, 1.0], [0.0, 2.0]], [[0.0, 3.0], [0.0, 4.0]], [[0.0, 1.0], [0.0, 1.0]]])
    # Worth of all items: 3, 7, 2; of the best one: 2, 4, 1.
    assert certify([0, 0], support=box).range == 10.0
    assert certify([0, 0], support=box, demand="unit").range == 6.0
    # Never more than that can be lost, whatever the sample says.
    assert certify([0, 9.0], support=box).upper_bound <= 10.0


@pytest.mark.parametrize("unit", [1e-250, 1e250])
def test_money_of_any_size(unit):
    bounds, revenues = np.array([0, 0, 0.5, 0.25]), np.array([1.0, 1.0, 2.0, 2.0])
    small = certify(bounds, revenues)
    large = certify(unit * bounds, unit * revenues, support=unit * BOX)
    for name in ("mean_bound", "mean_bound_se", "upper_bound", "range", "revenue", "revenue_se"):
        assert getattr(large, name) == pytest.approx(unit * getattr(small, name))


def test_one_bidder_never_clashes():
    certificate = certify(np.zeros(10), support=BOX[:1])
    assert certificate.upper_bound == 0 and certificate.clash_probability_upper == 0
    assert certificate.score == math.sqrt(0.5)


def test_revenue_has_a_lower_bound_that_holds():
    random = np.random.RandomState(0)
    misses = sum(
        certify(np.zeros(300), revenues=random.uniform(0, 3, 300)).revenue_lower > 1.5
        for _ in range(200)
    )
    assert misses <= 0.16 * 200
    # By hand, with variance 0: 7 * 3 * ln(20) / (3 * 9) = 2.330 below the mean of 4.
    certain = certify(np.zeros(10), revenues=np.full(10, 4.0))
    assert certain.revenue_lower == pytest.approx(4 - 2.3300, abs=1e-4)


def test_print_says_what_is_bounded():
    text = str(certify([0, 0, 1e-6, 0], confidence=0.99))
    assert "total regret (upper bound)" in text and "in expectation, 99 %" in text
    assert "4 profiles" in text


@pytest.mark.parametrize("confidence", [0.0, 1.0, -0.1, "high", None])
def test_bad_confidence_is_refused(confidence):
    with pytest.raises(ValueError, match=r"confidence must be a number in \(0, 1\); got"):
        certify([0, 0], confidence=confidence)


def test_one_profile_proves_nothing():
    with pytest.raises(ValueError, match="at least 2 profiles to be certified; got 1"):
        certify([0])
