"""Auctions learned as a game between an auctioneer and a misreporter."""

from sklauction.two_player.algnet import ALGNET_PUBLISHED, ALGNetAuction

__all__ = ["ALGNET_PUBLISHED", "ALGNetAuction"]
