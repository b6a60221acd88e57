"""Revenue-maximising auctions learned from valuation samples, as scikit-learn estimators."""

import importlib

__version__ = "0.1.0.dev0"

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

__all__ = [*_EXPORTS, "__version__"]


def __getattr__(name):
    if name in _EXPORTS:
        value = getattr(importlib.import_module(_EXPORTS[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
