"""Table of the settings of :func:`sklauction.datasets.load_setting`.

``prior`` makes the prior. The other keys are fields of
:class:`sklauction.datasets.AuctionSetting`. Revenues outside ``published`` are exact or rounded to
the digits shown.
"""

import numpy as np
from scipy import stats

from sklauction.datasets.distributions import Discrete, Mixture
from sklauction.datasets.priors import TrianglePrior, product_prior, uniform

__all__ = ["SETTINGS"]

_UNKNOWN = "optimum unknown"
# Medians of three fits, minus three standard errors of the test profiles.
_LEARNED = f"{_UNKNOWN}; best known revenue is that of AffineMaximizerAuction, docs/menu_figures.md"


def _uniform(shape, low, high):
    """Return the prior of independent uniform values on intervals whose ends broadcast."""
    return product_prior(shape, np.frompyfunc(uniform, 2, 1)(low, high))


def _iid_uniform(n_bidders, n_items, low=0.0, high=1.0):
    """Return the first fields of a setting whose values are iid uniform."""
    return {
        "prior": lambda: _uniform((n_bidders, n_items), low, high),
        "description": f"U[{low:g}, {high:g}] iid",
    }


def _yao(p, b, chance, optimal, bayesian):
    """Return a setting of Yao's: two bidders, two items, values 1 (probability p) or b."""
    return {
        "prior": lambda: product_prior((2, 2), Discrete([1.0, b], [p, 1 - p])),
        "description": f"1 with probability {chance}, otherwise {b:g}, iid",
        "optimal_revenue": optimal,
        "source": "Yao 2017, best dominant-strategy auction",
        "published": {"optimal Bayesian auction": (bayesian, "none in expectation")},
    }


SETTINGS = {
    "additive_1x2_uniform": {
        **_iid_uniform(1, 2),
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
        "prior": lambda: _uniform((1, 2), 4.0, (16.0, 7.0)),
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
        "prior": TrianglePrior,
        "description": "uniform on the triangle (0, 0), (0, 1), (1, 0)",
        "optimal_revenue": 0.3849001794597505,
        "menu": "both at 1 / sqrt(3)",
        "source": "Haghpanah & Hartline 2015",
        "published": {"RegretNet": (0.392, "<0.001")},
    },
    "additive_1x2_uniform_04_03": {
        "prior": lambda: _uniform((1, 2), 0.0, (4.0, 3.0)),
        "description": "U[0, 4] x U[0, 3]",
        "source": "optimum omitted, as no published figure has been verified",
    },
    "unit_1x2_uniform": {
        **_iid_uniform(1, 2),
        "demand": "unit",
        "optimal_revenue": 0.3849001794597505,
        "menu": "each item at 1 / sqrt(3)",
        "source": "2 / (3 sqrt(3)), the revenue of the menu in closed form",
        "published": {"RegretNet": (0.384, "<0.001")},
    },
    "unit_1x2_uniform_23": {
        **_iid_uniform(1, 2, 2.0, 3.0),
        "demand": "unit",
        "optimal_revenue": 2.1331323465947305,
        "menu": "lottery (1/2, 1/2) at (4 + sqrt(5.5)) / 3, each item at 1/6 more",
        "source": "Pavlov 2011, revenue of the menu integrated; the 2.137 in papers is a sampling "
        "estimate",
        "published": {"RegretNet": (2.137, "<0.001")},
    },
    "additive_1x10_uniform": {
        **_iid_uniform(1, 10),
        "best_known_revenue": 3.477793,
        "menu": "Straight-Jacket Auction: one price per bundle size",
        "source": "Giannakopoulos & Koutsoupias: proved optimal up to 6 items, conjectured beyond",
        "published": {"ALGNet": (3.487, 0.00165)},
    },
    "additive_2x2_uniform": {
        **_iid_uniform(2, 2),
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
        "prior": lambda: _uniform((2, 2), 0.0, ((1.0,), (2.0,))),
        "description": "bidder 1 U[0, 1] iid, bidder 2 U[0, 2] iid",
        "best_known_revenue": 1.3183935434598986,
        "source": f"{_UNKNOWN}; best known revenue is that of the optimal auction of the bundle "
        "(virtual surplus integrated); selling the items separately earns 31/24 = 1.2917",
    },
    "additive_2x3_uniform": {
        **_iid_uniform(2, 3),
        "source": _UNKNOWN,
        "published": {"EquivariantNet": (1.365, None), "RegretFormer": (1.416, None)},
    },
    "additive_2x5_uniform": {
        **_iid_uniform(2, 5),
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
        **_iid_uniform(3, 10),
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
        **_iid_uniform(5, 10),
        "source": _UNKNOWN,
        "published": {"ALGNet": (6.781, 0.00385), "RegretNet": (6.778, "<0.005")},
    },
    "unit_2x2_uniform": {
        **_iid_uniform(2, 2),
        "demand": "unit",
        "best_known_revenue": 0.7128,
        "source": _LEARNED,
    },
    "single_3_exponential": {
        "prior": lambda: product_prior((3, 1), stats.expon(scale=3.0)),
        "description": "exponential with mean 3, iid",
        "optimal_revenue": 2.751693264346088,
        "menu": "second price with reserve 3",
        "source": "Myerson 1981",
        "published": {"MyersonNet": (2.747, 0), "AMenuNet": (2.7382, 0)},
    },
    "single_5_asymmetric_uniform": {
        "prior": lambda: _uniform((5, 1), 0.0, ((1.0,), (2.0,), (3.0,), (4.0,), (5.0,))),
        "description": "bidder i U[0, i], i = 1..5",
        "optimal_revenue": 2.2976171875,
        "source": "Myerson 1981, virtual surplus integrated",
    },
    "single_3_irregular": {
        "prior": lambda: product_prior(
            (3, 1), Mixture([uniform(0.0, 3.0), uniform(3.0, 8.0)], [0.75, 0.25])
        ),
        "description": "U[0, 3] with probability 3/4, U[3, 8] with probability 1/4, iid",
        "optimal_revenue": 2.374866961023424,
        "menu": "highest ironed virtual value, constant at 3 - sqrt(5) for values in "
        "[(7 - sqrt(5)) / 2, (11 - sqrt(5)) / 2]",
        "source": "Myerson 1981 with ironing, virtual surplus integrated",
    },
    "additive_yao_2x2": _yao(0.5, 2.0, chance="1/2", optimal=3.125, bayesian=3.1875),
    "additive_yao_2x2_b2.5": _yao(0.5, 2.5, chance="1/2", optimal=3.8125, bayesian=3.84375),
    "additive_yao_2x2_p0.3": _yao(0.3, 2.0, chance="0.3", optimal=3.64, bayesian=3.64),
}
