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
    "AuctionOutcome": "sklauction.outcome",
    "AuctionScorer": "sklauction.scorers",
    "BundleMyersonAuction": "sklauction.analytic",
    "BundlePricingAuction": "sklauction.menus",
    "CallableAuction": "sklauction.callable_auction",
    "ComparisonDisplay": "sklauction.plotting",
    "LinearProgramAuction": "sklauction.analytic",
    "Menu": "sklauction.menu",
    "MenuDisplay": "sklauction.plotting",
    "MenuNetAuction": "sklauction.menus",
    "MyersonAuction": "sklauction.analytic",
    "PaymentDisplay": "sklauction.plotting",
    "PriceDisplay": "sklauction.plotting",
    "REGRETFORMER_PUBLISHED": "sklauction.two_player",
    "REGRETNET_PUBLISHED": "sklauction.two_player",
    "RegretCertificate": "sklauction.menus",
    "RegretDisplay": "sklauction.plotting",
    "RegretMonitor": "sklauction.monitoring",
    "RegretNetAuction": "sklauction.two_player",
    "RegretReport": "sklauction.audit",
    "RegretScorer": "sklauction.scorers",
    "RevenueBounds": "sklauction.analytic",
    "RevenueScorer": "sklauction.scorers",
    "RochetNetAuction": "sklauction.menus",
    "SheetReading": "sklauction.menus",
    "SingleBuyerAuction": "sklauction.analytic",
    "TrainingDisplay": "sklauction.plotting",
    "TruthfulAuction": "sklauction.truthful",
    "VCGAuction": "sklauction.analytic",
    "VirtualValueDisplay": "sklauction.plotting",
    "audit_consistency": "sklauction.audit",
    "auction_scorers": "sklauction.scorers",
    "auction_score": "sklauction.economics",
    "best_under_regret": "sklauction.scorers",
    "load_auction": "sklauction.persistence",
    "measure_regret": "sklauction.regret",
    "optimal_revenue_bounds": "sklauction.analytic",
    "save_auction": "sklauction.persistence",
    "show_versions": "sklauction.versions",
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
