"""Displays in scikit-learn's convention. matplotlib is imported only when a display is drawn."""

from sklauction.plotting.allocation import AllocationDisplay
from sklauction.plotting.menu import MenuDisplay
from sklauction.plotting.payment import PaymentDisplay
from sklauction.plotting.prices import PriceDisplay
from sklauction.plotting.regret import RegretDisplay
from sklauction.plotting.training import TrainingDisplay
from sklauction.plotting.virtual_value import VirtualValueDisplay

__all__ = [
    "AllocationDisplay",
    "MenuDisplay",
    "PaymentDisplay",
    "PriceDisplay",
    "RegretDisplay",
    "TrainingDisplay",
    "VirtualValueDisplay",
]
