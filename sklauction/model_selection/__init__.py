"""Scorers, a callback that audits during training, and a display that compares auctions."""

from sklauction.model_selection.comparison import ComparisonDisplay
from sklauction.model_selection.monitor import RegretMonitor
from sklauction.model_selection.scorers import (
    AuctionScorer,
    RegretScorer,
    RevenueScorer,
    auction_scorers,
    best_under_regret,
)

__all__ = [
    "AuctionScorer",
    "ComparisonDisplay",
    "RegretMonitor",
    "RegretScorer",
    "RevenueScorer",
    "auction_scorers",
    "best_under_regret",
]
