"""Auctions that wrap other auctions or functions."""

from sklauction.wrappers.callable_auction import CallableAuction
from sklauction.wrappers.truthful import TruthfulAuction

__all__ = ["CallableAuction", "TruthfulAuction"]
