"""Revenue-maximising auctions learned from valuation samples, as scikit-learn estimators."""

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

# Public name -> module. Loaded on first use, so that the analytic auctions work without
# torch being loaded.
_EXPORTS = {
    "ALGNET_PUBLISHED": "sklauction.two_player",
    "ALGNetAuction": "sklauction.two_player",
    "AffineMaximizerAuction": "sklauction.menus",
    "AllocationDisplay": "sklauction.plotting",
    "AllocationMenu": "sklauction.menus",
    "AuctionOutcome": "sklauction.domains.outcome",
    "AuctionScorer": "sklauction.model_selection",
    "BundleMyersonAuction": "sklauction.analytic",
    "BundlePricingAuction": "sklauction.price_sheets",
    "CallableAuction": "sklauction.wrappers",
    "ComparisonDisplay": "sklauction.model_selection",
    "LinearProgramAuction": "sklauction.analytic",
    "LookAheadAuction": "sklauction.analytic",
    "Menu": "sklauction.menu",
    "MenuDisplay": "sklauction.plotting",
    "MenuNetAuction": "sklauction.menus",
    "MyersonAuction": "sklauction.analytic",
    "PaymentDisplay": "sklauction.plotting",
    "PriceDisplay": "sklauction.plotting",
    "REGRETFORMER_PUBLISHED": "sklauction.two_player",
    "REGRETNET_PUBLISHED": "sklauction.two_player",
    "RegretCertificate": "sklauction.audit",
    "RegretDisplay": "sklauction.plotting",
    "RegretMonitor": "sklauction.model_selection",
    "RegretNetAuction": "sklauction.two_player",
    "RegretReport": "sklauction.audit",
    "RegretScorer": "sklauction.model_selection",
    "RevenueBounds": "sklauction.bounds",
    "RevenueScorer": "sklauction.model_selection",
    "RochetNetAuction": "sklauction.menus",
    "SheetReading": "sklauction.price_sheets",
    "SingleBuyerAuction": "sklauction.analytic",
    "TrainingDisplay": "sklauction.plotting",
    "TruthfulAuction": "sklauction.wrappers",
    "TwoPlayerMechanism": "sklauction.two_player",
    "VCGAuction": "sklauction.analytic",
    "VirtualValueDisplay": "sklauction.plotting",
    "audit_consistency": "sklauction.audit",
    "auction_scorers": "sklauction.model_selection",
    "auction_score": "sklauction.economics",
    "best_under_regret": "sklauction.model_selection",
    "load_auction": "sklauction.persistence",
    "measure_regret": "sklauction.audit",
    "optimal_revenue_bounds": "sklauction.bounds",
    "save_auction": "sklauction.persistence",
    "show_versions": "sklauction.utils.versions",
}

# The same names for type checkers and editors, which do not run __getattr__.
if TYPE_CHECKING:
    from sklauction.analytic import BundleMyersonAuction as BundleMyersonAuction
    from sklauction.analytic import LinearProgramAuction as LinearProgramAuction
    from sklauction.analytic import LookAheadAuction as LookAheadAuction
    from sklauction.analytic import MyersonAuction as MyersonAuction
    from sklauction.analytic import SingleBuyerAuction as SingleBuyerAuction
    from sklauction.analytic import VCGAuction as VCGAuction
    from sklauction.audit import RegretCertificate as RegretCertificate
    from sklauction.audit import RegretReport as RegretReport
    from sklauction.audit import audit_consistency as audit_consistency
    from sklauction.audit import measure_regret as measure_regret
    from sklauction.bounds import RevenueBounds as RevenueBounds
    from sklauction.bounds import optimal_revenue_bounds as optimal_revenue_bounds
    from sklauction.domains.outcome import AuctionOutcome as AuctionOutcome
    from sklauction.economics import auction_score as auction_score
    from sklauction.menu import Menu as Menu
    from sklauction.menus import AffineMaximizerAuction as AffineMaximizerAuction
    from sklauction.menus import AllocationMenu as AllocationMenu
    from sklauction.menus import MenuNetAuction as MenuNetAuction
    from sklauction.menus import RochetNetAuction as RochetNetAuction
    from sklauction.model_selection import AuctionScorer as AuctionScorer
    from sklauction.model_selection import ComparisonDisplay as ComparisonDisplay
    from sklauction.model_selection import RegretMonitor as RegretMonitor
    from sklauction.model_selection import RegretScorer as RegretScorer
    from sklauction.model_selection import RevenueScorer as RevenueScorer
    from sklauction.model_selection import auction_scorers as auction_scorers
    from sklauction.model_selection import best_under_regret as best_under_regret
    from sklauction.persistence import load_auction as load_auction
    from sklauction.persistence import save_auction as save_auction
    from sklauction.plotting import AllocationDisplay as AllocationDisplay
    from sklauction.plotting import MenuDisplay as MenuDisplay
    from sklauction.plotting import PaymentDisplay as PaymentDisplay
    from sklauction.plotting import PriceDisplay as PriceDisplay
    from sklauction.plotting import RegretDisplay as RegretDisplay
    from sklauction.plotting import TrainingDisplay as TrainingDisplay
    from sklauction.plotting import VirtualValueDisplay as VirtualValueDisplay
    from sklauction.price_sheets import BundlePricingAuction as BundlePricingAuction
    from sklauction.price_sheets import SheetReading as SheetReading
    from sklauction.two_player import ALGNET_PUBLISHED as ALGNET_PUBLISHED
    from sklauction.two_player import REGRETFORMER_PUBLISHED as REGRETFORMER_PUBLISHED
    from sklauction.two_player import REGRETNET_PUBLISHED as REGRETNET_PUBLISHED
    from sklauction.two_player import ALGNetAuction as ALGNetAuction
    from sklauction.two_player import RegretNetAuction as RegretNetAuction
    from sklauction.two_player import TwoPlayerMechanism as TwoPlayerMechanism
    from sklauction.utils.versions import show_versions as show_versions
    from sklauction.wrappers import CallableAuction as CallableAuction
    from sklauction.wrappers import TruthfulAuction as TruthfulAuction

__all__ = [*_EXPORTS, "__version__"]


def __getattr__(name):
    if name in _EXPORTS:
        value = getattr(importlib.import_module(_EXPORTS[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
