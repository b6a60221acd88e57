"""Lower and upper bounds on the optimal revenue."""

from sklauction.bounds.result import RevenueBounds
from sklauction.bounds.revenue_bounds import optimal_revenue_bounds

__all__ = ["RevenueBounds", "optimal_revenue_bounds"]
