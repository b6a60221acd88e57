"""Auctions made of other auctions, or of functions."""

from sklauction.wrappers.callable_auction import CallableAuction
from sklauction.wrappers.truthful import TruthfulAuction

__all__ = ["CallableAuction", "TruthfulAuction"]
