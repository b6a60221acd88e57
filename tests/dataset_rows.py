"""Rows of the table of public functions: settings, samplers, priors and distributions."""

import numpy as np
from argument_kinds import Argument, Row, array, choice, count, floats, number, only, or_none, seed
from function_parts import nothing
from scipy import stats

from sklauction import datasets


def sizes_of_samples(sizes):
    names = ("n_samples", "n_bidders", "n_items")
    return {name: count(size) for name, size in zip(names, sizes)}


DISTRIBUTION = only(None, lambda value: value is None)
UNIFORM, EXPONENTIAL = stats.uniform(0, 2), stats.expon(scale=2)
MIXTURE = datasets.Mixture([UNIFORM, EXPONENTIAL], [0.25, 0.75])
DISCRETE = datasets.Discrete([1.0, 2.5, 4.0], [0.5, 0.25, 0.25])
PRIOR = datasets.ProductPrior([[UNIFORM, EXPONENTIAL]])
SETTING = datasets.load_setting("additive_1x2_uniform_416_47")
# Random numbers for a distribution's methods: also what lies outside of the support.
ANY_SHAPE = Argument(np.array([[-1.0, 0.5], [2.5, 7.0]]), floats, (2, 2))
SHARES = only(np.array([0.5, 0.25, 0.25]), lambda value: abs(floats(value).sum() - 1) <= 1e-8)


def right_chance(name, method):
    """Return a check of a method of x, by the sum over components or atoms."""
    chances = {
        "cdf": lambda x: (x[..., None] >= DISCRETE.atoms) @ DISCRETE.probabilities,
        "sf": lambda x: (x[..., None] < DISCRETE.atoms) @ DISCRETE.probabilities,
        "pmf": lambda x: (x[..., None] == DISCRETE.atoms) @ DISCRETE.probabilities,
    }

    def is_right(answer, x):
        if name == "Mixture":
            parts = [getattr(one, method)(x) for one in MIXTURE.components]
            expected = np.tensordot(MIXTURE.weights, parts, 1)
        else:
            expected = np.where(np.isnan(x), np.nan, chances[method](x))
        # As scipy: NaN has no chance.
        np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-12)

    return is_right


def right_quantile(distribution):
    """Return a check of quantiles: each is reached as often, and nothing smaller is."""

    def is_right(answer, q):
        answer, legal = np.asarray(answer), (q >= 0) & (q <= 1)
        # What is no probability has no quantile.
        np.testing.assert_array_equal(np.isnan(answer), ~legal)
        # Of the cdf at a rounded quantile.
        assert (distribution.cdf(answer[legal]) >= q[legal] - 1e-12).all()
        assert (distribution.cdf(answer[legal] - 1e-9) <= q[legal] + 1e-12).all()

    return is_right


def distribution_rows(name, distribution, methods):
    """Return rows of a distribution's methods."""
    rows = {
        f"datasets.{name}.{method}": Row(
            getattr(distribution, method),
            lambda sizes, argument=argument: {argument: ANY_SHAPE},
            right_quantile(distribution) if method == "ppf" else right_chance(name, method),
            finite=False,
        )
        for method, argument in methods.items()
    }
    rows[f"datasets.{name}.rvs"] = Row(
        distribution.rvs, lambda sizes: {"size": SIZE, "random_state": seed()}
    )
    for method in ("mean", "support"):
        # Exponential values have no highest one.
        rows[f"datasets.{name}.{method}"] = Row(
            getattr(distribution, method), nothing, finite=name != "Mixture", share=0
        )
    return rows


def is_size(value):
    axes = value if isinstance(value, tuple | list) else (value,)
    return value is None or all(count(1, least=0).accepts(axis) >= 0 for axis in axes)


SIZE = only((2, 3), is_size)


def right_sample(answer, n_samples, n_bidders, n_items, **options):
    assert answer.shape == (n_samples, n_bidders, n_items)
    assert answer.min() >= 0 and answer.max() <= 1


def right_yao(answer, n_bidders, p, a, b):
    # Two items bring at most twice the higher value, and what the highest price brings.
    assert 2 * b * (1 - p**n_bidders) * (1 - 1e-9) <= answer <= 2 * b * (1 + 1e-9)


def setting_arguments(sizes):
    revenue = or_none(number(1.0))
    return {
        "name": only("mine", lambda value: isinstance(value, str)),
        "prior": only(PRIOR),
        "demand": choice("unit"),
        "optimal_revenue": revenue,
        "best_known_revenue": revenue,
        "optimal_revenue_bounds": or_none(only((1.0, 2.0), lambda value: floats(value).size == 2)),
    }


def drift(sizes):
    return {
        "n_steps": count(2, least=2),
        **sizes_of_samples(sizes),
        "start": DISTRIBUTION,
        "end": DISTRIBUTION,
        "random_state": seed(),
    }


DATASETS = {
    "datasets.load_setting": Row(
        datasets.load_setting,
        lambda sizes: {"name": choice("single_3_irregular", datasets.list_settings())},
    ),
    "datasets.list_settings": Row(datasets.list_settings, nothing, share=0),
    "datasets.AuctionSetting": Row(datasets.AuctionSetting, setting_arguments),
    "datasets.AuctionSetting.sample": Row(
        SETTING.sample, lambda sizes: {"n_samples": count(5), "random_state": seed()}
    ),
    "datasets.make_valuations": Row(
        datasets.make_valuations,
        lambda sizes: {
            **sizes_of_samples(sizes),
            "distribution": DISTRIBUTION,
            "random_state": seed(),
        },
        right_sample,
    ),
    "datasets.make_drifting_valuations": Row(datasets.make_drifting_valuations, drift),
    "datasets.ProductPrior": Row(
        datasets.ProductPrior,
        lambda sizes: {"marginals": only([[UNIFORM, EXPONENTIAL]])},
    ),
    "datasets.ProductPrior.sample": Row(
        PRIOR.sample, lambda sizes: {"n_samples": count(5), "random_state": seed()}
    ),
    "datasets.TrianglePrior": Row(lambda: datasets.TrianglePrior().support, nothing, share=0),
    "datasets.TrianglePrior.sample": Row(
        datasets.TrianglePrior().sample,
        lambda sizes: {"n_samples": count(5), "random_state": seed()},
    ),
    "datasets.Discrete": Row(
        datasets.Discrete,
        lambda sizes: {
            "values": array((3,), True, -np.inf, ordered=True),
            "probabilities": SHARES,
        },
        money=lambda answer: answer.atoms,
    ),
    **distribution_rows("Discrete", DISCRETE, {"cdf": "x", "sf": "x", "pmf": "x", "ppf": "q"}),
    "datasets.Mixture": Row(
        datasets.Mixture,
        lambda sizes: {
            "components": only([UNIFORM, EXPONENTIAL, DISCRETE]),
            "weights": SHARES,
        },
    ),
    **distribution_rows("Mixture", MIXTURE, {"cdf": "x", "sf": "x", "pdf": "x", "ppf": "q"}),
    "datasets.uniform_single_item_revenue": Row(
        datasets.uniform_single_item_revenue, lambda sizes: {"n_bidders": count(2)}
    ),
    "datasets.vcg_uniform_revenue": Row(
        datasets.vcg_uniform_revenue, lambda sizes: {"n_bidders": count(2), "n_items": count(2)}
    ),
    "datasets.yao_revenue": Row(
        datasets.yao_revenue,
        lambda sizes: {
            "n_bidders": count(2),
            "p": number(0.5, 5e-324, 1),
            "a": number(1.0, 0, money=True),
            "b": number(2.0, 0, money=True),
        },
        right_yao,
    ),
}
