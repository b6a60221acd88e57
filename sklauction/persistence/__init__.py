"""Fitted auctions and the states of fits in files, without pickle."""

from sklauction.persistence.files import load_auction, save_auction

__all__ = ["load_auction", "save_auction"]
