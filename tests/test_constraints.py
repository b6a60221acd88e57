"""Constraints: legal and illegal values of each kind, and their messages."""

import inspect
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from test_common import learned_attributes, make, profiles

import sklauction
from sklauction.base import BaseAuction
from sklauction.utils.constraints import (
    AUTO,
    FLAG,
    FRACTION,
    LAYER_SIZES,
    NONE,
    NOT_NEGATIVE,
    POSITIVE,
    SEED,
    SHARE,
    SWITCH,
    check_parameters,
    choice,
    count,
    number,
    pair,
)

NAN, INF = float("nan"), float("inf")
NO_INTEGERS = [1.0, True, np.True_, "1", None, NAN, 1j, [1], np.array(1), np.timedelta64(1, "s")]
NO_NUMBERS = [NAN, INF, -INF, 10**400, True, np.False_, "0.5", None, 0.5j, [0.5], np.array(0.5)]
NO_NUMBERS += [Decimal("0.5"), np.float64("nan"), np.timedelta64(1, "s"), np.longdouble("1e400")]
LAYERS = (
    "a non-empty tuple of positive integers, at most 65,536 each, with at most 67,108,864 weights "
    "between them"
)

# A constraint, its text, legal values, illegal values.
CASES = [
    (
        count(),
        "an integer of at least 1",
        [1, 7, np.int8(1), np.uint64(3), 2**63 - 1],
        [0, -1, 2**63, 10**400, *NO_INTEGERS],
    ),
    (count(0), "an integer of at least 0", [0, np.int64(0)], [-1, -0.0]),
    (count(2, 5), "an integer of at least 2 and at most 5", [2, 5], [1, 6, *NO_INTEGERS]),
    (
        number(),
        "a finite number of at least -inf",
        [0, -1.5, 1e308, 5e-324, 2**63, np.float16(2), np.longdouble(1), Fraction(1, 2)],
        NO_NUMBERS,
    ),
    (number(0, 1), "a number in [0, 1]", [0, -0.0, 0.5, 1, np.float32(1)], [-5e-324, 1.001]),
    (SHARE, "a number in [0, 1)", [0, 0.5, 1 - 1e-16], [1, 2, -5e-324, *NO_NUMBERS]),
    (number(0, 1, closed="right"), "a number in (0, 1]", [5e-324, 1], [0, -1, *NO_NUMBERS]),
    (FRACTION, "a number in (0, 1)", [5e-324, 0.5, 1 - 1e-16], [0, 1, *NO_NUMBERS]),
    (NOT_NEGATIVE, "a number of at least 0", [0, 5e-324, 1e308], [-5e-324, *NO_NUMBERS]),
    (POSITIVE, "a positive number", [5e-324, 1e308, 1], [0, -0.0, -1, *NO_NUMBERS]),
    (number(2, closed="neither"), "a finite number above 2", [2.5], [2, 1, *NO_NUMBERS]),
    (
        choice("mlp", "attention"),
        "one of 'mlp', 'attention'",
        ["mlp", np.str_("attention")],
        ["", "MLP", b"mlp", None, 0, ["mlp"], np.array("mlp"), np.array(["mlp", "mlp"])],
    ),
    (AUTO, "'auto'", ["auto", np.str_("auto")], ["Auto", b"auto", None, True, 1]),
    (NONE, "None", [None], ["None", "", 0, False, NAN, np.array(None)]),
    (FLAG, "True or False", [True, False, np.True_], [0, 1, 1.0, None, "True", np.array(True)]),
    (SWITCH, "'auto', True or False", ["auto", True, np.False_], [0, 1, None, "True", "off"]),
    (
        SEED,
        "None, an integer from 0 to 2**32 - 1 or a RandomState",
        [None, 0, 2**32 - 1, np.int64(3), np.random.RandomState(0)],
        [-1, 2**32, 1.5, "3", [3], np.random.default_rng(0), np.timedelta64(1, "s")],
    ),
    (
        LAYER_SIZES,
        LAYERS,
        [(3,), [2, 2], np.array([2, 1]), (65536,), (8191, 8191)],
        [(), [], (0,), (1.0,), (True,), (-1, 2), (65537,), (8192, 8192), 3, "33", None, {3}],
    ),
    (
        pair(POSITIVE),
        "a pair, each of them a positive number",
        [(1, 2), [0.5, 0.5], np.array([1.0, 2.0])],
        [(1,), (1, 2, 3), (1, 0), (1, NAN), 1, "12", {1, 2}, None, np.ones((2, 1)), range(1, 3)],
    ),
    (
        AUTO | count(0),
        "'auto' or an integer of at least 0",
        ["auto", 0, np.int64(5)],
        ["", -1, 0.5, None, True],
    ),
]
AUCTIONS = [
    thing
    for thing in (getattr(sklauction, name) for name in sklauction.__all__)
    if inspect.isclass(thing) and issubclass(thing, BaseAuction)
]


@pytest.mark.parametrize("constraint, text, legal, illegal", CASES, ids=[one[1] for one in CASES])
def test_constraint(constraint, text, legal, illegal):
    assert constraint.text == text
    assert constraint.examples
    for value in (*legal, *constraint.examples):
        constraint.check(value, "x")
    for value in illegal:
        with pytest.raises(ValueError) as caught:
            constraint.check(value, "x")
        assert str(caught.value) == f"x must be {text}; got {value!r}"


@pytest.mark.parametrize("cls", AUCTIONS)
def test_every_constructor_parameter_has_a_constraint(cls):
    assert set(cls._get_param_names()) <= set(cls._parameter_constraints)


@pytest.mark.parametrize("cls", AUCTIONS)
def test_defaults_and_examples_satisfy_the_constraints(cls):
    parameters = inspect.signature(cls).parameters
    for name, constraint in cls._parameter_constraints.items():
        for value in constraint.examples:
            constraint.check(value, name)
        default = inspect.Parameter.empty
        if name in parameters:
            default = parameters[name].default
        if default is not inspect.Parameter.empty:
            constraint.check(default, name)


def test_check_parameters_names_the_illegal_parameter():
    auction = sklauction.RochetNetAuction(max_iter=0)
    with pytest.raises(ValueError, match=r"^max_iter must be an integer of at least 1; got 0$"):
        check_parameters(auction)


# A row of the table of estimators, and illegal values, most of them next to legal ones.
ILLEGAL = [
    ("algnet-mlp", {"architecture": "cnn", "activation": "sigm", "demand": "gross", "max_iter": 0}),
    ("algnet-mlp", {"hidden_layer_sizes": (), "learning_rate_init": 0.0, "n_proposals": "many"}),
    ("algnet-mlp", {"hidden_layer_sizes": 32, "learning_rate_init": NAN, "n_iter_no_change": 0}),
    ("algnet-mlp", {"hidden_layer_sizes": (8, 0), "batch_size": 1.5, "n_local_reports": -1}),
    ("algnet-mlp", {"learning_rate": "cosine", "validation_fraction": 1.0, "device": "tpu9"}),
    ("algnet-mlp", {"independent_bidders": "yes", "architecture": ["mlp"], "resume": 1}),
    ("algnet-mlp", {"checkpoint": 3, "architecture": int, "checkpoint_every": 0}),
    ("algnet-mlp", {"checkpoint": "", "architecture": "transformer"}),
    ("regretnet", {"objective": "revenue", "symmetric": "yes", "architecture": "pricing"}),
    ("regretnet", {"n_cached_steps": -1, "cached_step_size": 0, "rho_every": 0}),
    ("regretnet", {"lambda_init": -1.0, "regret_budget": 0.0, "budget_decay": 1.5}),
    ("rochetnet", {"menu_size": 0, "n_starts": "some", "symmetric": "yes"}),
    ("rochetnet", {"menu_size": "many", "learning_rate_init": 0}),
    ("menunet", {"hidden_layer_sizes": ()}),
    ("affine", {"menu": "mlp", "deterministic": "yes", "independent_bidders": 3}),
    ("affine", {"batch_size": 0, "anneal_iter": 0}),
    ("bundle-pricing", {"objective": "cash", "symmetric": "yes", "independent_bidders": 1}),
    ("bundle-pricing", {"lottery_rows": -1, "n_starts": 0, "batch_size": 0, "anneal_iter": 0}),
    ("bundle-pricing", {"n_iter_no_change": 0, "hidden_layer_sizes": (), "clash_cost": 3.0}),
    ("bundle-pricing", {"learning_rate_init": -1, "clash_cost": (1.0, 0.0), "demand": "gross"}),
    ("bundle-pricing", {"validation_fraction": 2}),
    ("truthful", {"discount": "best", "auction": sklauction.MyersonAuction, "n_reports": 0}),
    ("truthful", {"discount": 1.0, "auction": abs}),
    ("truthful", {"discount": -0.1}),
    ("truthful", {"discount": False}),
    ("truthful", {"discount": None}),
]


@pytest.mark.parametrize("name, values", ILLEGAL)
def test_illegal_values_are_refused_before_anything_is_fitted(name, values):
    for parameter, value in values.items():
        auction = make(name, **{parameter: value})
        text = auction._parameter_constraints[parameter].text
        with pytest.raises(ValueError) as caught:
            auction.fit(profiles(name, 4))
        assert str(caught.value) == f"{parameter} must be {text}; got {value!r}"
        assert not learned_attributes(auction)
