"""Auctions by price sheets: each bidder faces prices that depend on the others' bids."""

from sklauction.price_sheets.bundle_pricing import BundlePricingAuction
from sklauction.price_sheets.reading import SheetReading

__all__ = ["BundlePricingAuction", "SheetReading"]
