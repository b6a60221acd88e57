"""Pictures, after scikit-learn's Display convention. matplotlib is loaded inside functions."""

from sklauction.plotting.menu import MenuDisplay
from sklauction.plotting.prices import PriceDisplay
from sklauction.plotting.regret import RegretDisplay
from sklauction.plotting.virtual_value import VirtualValueDisplay

__all__ = ["MenuDisplay", "PriceDisplay", "RegretDisplay", "VirtualValueDisplay"]
