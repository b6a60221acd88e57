"""Table of the settings of :func:`sklauction.datasets.load_setting`.

``shape`` is (n_bidders, n_items). ``prior`` is a kind and its arguments, which broadcast to
``shape``:

=========================  =====================================================
("uniform", low, high)     independent, uniform on [low, high]
("exponential", mean)      independent exponentials
("mixture", pieces)        independent, mixtures of uniforms (weight, low, high)
("two_point", p, a, b)     independent, a with probability p, otherwise b
("triangle",)              two items, uniform on the triangle (0,0), (0,1), (1,0)
=========================  =====================================================

The other keys are fields of :class:`sklauction.datasets.AuctionSetting`. Revenues outside
``published`` are exact or rounded to the digits shown.
"""

__all__ = ["SETTINGS"]

_UNIT = ("uniform", 0.0, 1.0)
_UNKNOWN = "optimum unknown"
# Medians of three fits, minus three standard errors of the test profiles.
_LEARNED = f"{_UNKNOWN}; best known revenue is that of AffineMaximizerAuction, docs/menu_figures.md"

SETTINGS = {
    "additive_1x2_uniform": {
        "shape": (1, 2),
        "prior": _UNIT,
        "description": "U[0, 1] iid",
        "optimal_revenue": 0.5492010046202292,
        "menu": "one item at 2/3, both at (4 - sqrt(2)) / 3",
        "source": "Manelli & Vincent 2006",
        "published": {
            "ALGNet": (0.555, 0.00055),
            "RegretNet": (0.554, "<0.001"),
            "EquivariantNet": (0.586, None),
            "RegretFormer": (0.571, None),
        },
    },
    "additive_1x2_uniform_416_47": {
        "shape": (1, 2),
        "prior": ("uniform", 4.0, (16.0, 7.0)),
        "description": "U[4, 16] x U[4, 7]",
        "optimal_revenue": 88 / 9,
        "menu": "lottery (1/2, 1) at 8, both at 12",
        "source": "Daskalakis, Deckelbaum & Tzamos 2013; the 9.781 in papers is an estimate from "
        "10,000 samples",
        "published": {
            "RegretNet": (9.734, "<0.001"),
            "AMenuNet": (9.6219, 0),
            "CITransNet": (9.7551, None),
            "LotteryAMA": (9.3139, 0),
        },
    },
    "additive_1x2_triangle": {
        "shape": (1, 2),
        "prior": ("triangle",),
        "description": "uniform on the triangle (0, 0), (0, 1), (1, 0)",
        "optimal_revenue": 0.3849001794597505,
        "menu": "both at 1 / sqrt(3)",
        "source": "Haghpanah & Hartline 2015",
        "published": {"RegretNet": (0.392, "<0.001")},
    },
    "additive_1x2_uniform_04_03": {
        "shape": (1, 2),
        "prior": ("uniform", 0.0, (4.0, 3.0)),
        "description": "U[0, 4] x U[0, 3]",
        "source": "optimum omitted, as no published figure has been verified",
    },
    "unit_1x2_uniform": {
        "shape": (1, 2),
        "prior": _UNIT,
        "demand": "unit",
        "description": "U[0, 1] iid",
        "optimal_revenue": 0.3849001794597505,
        "menu": "each item at 1 / sqrt(3)",
        "source": "2 / (3 sqrt(3)), the revenue of the menu in closed form",
        "published": {"RegretNet": (0.384, "<0.001")},
    },
    "unit_1x2_uniform_23": {
        "shape": (1, 2),
        "prior": ("uniform", 2.0, 3.0),
        "demand": "unit",
        "description": "U[2, 3] iid",
        "optimal_revenue": 2.1331323465947305,
        "menu": "lottery (1/2, 1/2) at (4 + sqrt(5.5)) / 3, each item at 1/6 more",
        "source": "Pavlov 2011, revenue of the menu integrated; the 2.137 in papers is a sampling "
        "estimate",
        "published": {"RegretNet": (2.137, "<0.001")},
    },
    "additive_1x10_uniform": {
        "shape": (1, 10),
        "prior": _UNIT,
        "description": "U[0, 1] iid",
        "best_known_revenue": 3.477793,
        "menu": "Straight-Jacket Auction: one price per bundle size",
        "source": "Giannakopoulos & Koutsoupias: proved optimal up to 6 items, conjectured beyond",
        "published": {"ALGNet": (3.487, 0.00165)},
    },
    "additive_2x2_uniform": {
        "shape": (2, 2),
        "prior": _UNIT,
        "description": "U[0, 1] iid",
        "optimal_revenue_bounds": (0.876514, 0.882352),
        "source": "bounds from a 2026 preprint with machine-checkable certificates, not peer "
        "reviewed",
        "published": {
            "ALGNet": (0.879, 0.00058),
            "RegretNet": (0.878, "<0.001"),
            "EquivariantNet": (0.878, None),
            "RegretFormer": (0.908, None),
            "GemNet": (0.876, 0),
        },
    },
    "additive_2x2_uniform_asymmetric": {
        "shape": (2, 2),
        "prior": ("uniform", 0.0, ((1.0,), (2.0,))),
        "description": "bidder 1 U[0, 1] iid, bidder 2 U[0, 2] iid",
        "best_known_revenue": 1.3183935434598986,
        "source": f"{_UNKNOWN}; best known revenue is that of the optimal auction of the bundle "
        "(virtual surplus integrated); selling the items separately earns 31/24 = 1.2917",
    },
    "additive_2x3_uniform": {
        "shape": (2, 3),
        "prior": _UNIT,
        "description": "U[0, 1] iid",
        "source": _UNKNOWN,
        "published": {"EquivariantNet": (1.365, None), "RegretFormer": (1.416, None)},
    },
    "additive_2x5_uniform": {
        "shape": (2, 5),
        "prior": _UNIT,
        "description": "U[0, 1] iid",
        "best_known_revenue": 2.352,
        "source": _LEARNED,
        "published": {
            "AMenuNet": (2.2768, 0),
            "LotteryAMA": (2.2354, 0),
            "EquivariantNet": (2.437, None),
            "RegretFormer": (2.453, None),
            "CITransNet": (2.3788, None),
        },
    },
    "additive_3x10_uniform": {
        "shape": (3, 10),
        "prior": _UNIT,
        "description": "U[0, 1] iid",
        "best_known_revenue": 5.699,
        "source": _LEARNED,
        "published": {
            "ALGNet": (5.562, 0.00193),
            "RegretNet": (5.541, "<0.002"),
            "AMenuNet": (5.5896, 0),
            "LotteryAMA": (5.345, 0),
            "EquivariantNet": (5.744, None),
            "RegretFormer": (6.121, None),
            "CITransNet": (5.9191, None),
        },
    },
    "additive_5x10_uniform": {
        "shape": (5, 10),
        "prior": _UNIT,
        "description": "U[0, 1] iid",
        "source": _UNKNOWN,
        "published": {"ALGNet": (6.781, 0.00385), "RegretNet": (6.778, "<0.005")},
    },
    "unit_2x2_uniform": {
        "shape": (2, 2),
        "prior": _UNIT,
        "demand": "unit",
        "description": "U[0, 1] iid",
        "best_known_revenue": 0.7128,
        "source": _LEARNED,
    },
    "single_3_exponential": {
        "shape": (3, 1),
        "prior": ("exponential", 3.0),
        "description": "exponential with mean 3, iid",
        "optimal_revenue": 2.751693264346088,
        "menu": "second price with reserve 3",
        "source": "Myerson 1981",
        "published": {"MyersonNet": (2.747, 0), "AMenuNet": (2.7382, 0)},
    },
    "single_5_asymmetric_uniform": {
        "shape": (5, 1),
        "prior": ("uniform", 0.0, ((1.0,), (2.0,), (3.0,), (4.0,), (5.0,))),
        "description": "bidder i U[0, i], i = 1..5",
        "optimal_revenue": 2.2976171875,
        "source": "Myerson 1981, virtual surplus integrated",
    },
    "single_3_irregular": {
        "shape": (3, 1),
        "prior": ("mixture", ((0.75, 0.0, 3.0), (0.25, 3.0, 8.0))),
        "description": "U[0, 3] with probability 3/4, U[3, 8] with probability 1/4, iid",
        "optimal_revenue": 2.374866961023424,
        "menu": "highest ironed virtual value, constant at 3 - sqrt(5) for values in "
        "[(7 - sqrt(5)) / 2, (11 - sqrt(5)) / 2]",
        "source": "Myerson 1981 with ironing, virtual surplus integrated",
    },
    "additive_yao_2x2": {
        "shape": (2, 2),
        "prior": ("two_point", 0.5, 1.0, 2.0),
        "description": "1 with probability 1/2, otherwise 2, iid",
        "optimal_revenue": 3.125,
        "source": "Yao 2017, best dominant-strategy auction",
        "published": {"optimal Bayesian auction": (3.1875, "none in expectation")},
    },
    "additive_yao_2x2_b2.5": {
        "shape": (2, 2),
        "prior": ("two_point", 0.5, 1.0, 2.5),
        "description": "1 with probability 1/2, otherwise 2.5, iid",
        "optimal_revenue": 3.8125,
        "source": "Yao 2017, best dominant-strategy auction",
        "published": {"optimal Bayesian auction": (3.84375, "none in expectation")},
    },
    "additive_yao_2x2_p0.3": {
        "shape": (2, 2),
        "prior": ("two_point", 0.3, 1.0, 2.0),
        "description": "1 with probability 0.3, otherwise 2, iid",
        "optimal_revenue": 3.64,
        "source": "Yao 2017, best dominant-strategy auction",
        "published": {"optimal Bayesian auction": (3.64, "none in expectation")},
    },
}
