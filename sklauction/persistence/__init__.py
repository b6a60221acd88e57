"""Saving of auctions and of the state of fits in files, without pickle."""

from sklauction.persistence.files import load_auction, save_auction

__all__ = ["load_auction", "save_auction"]
