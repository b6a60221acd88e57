"""Auctions by menus: truthful by construction, or with a certified bound on regret."""

from sklauction.menus.bundle_pricing import BundlePricingAuction
from sklauction.menus.certificate import RegretCertificate
from sklauction.menus.reading import SheetReading

__all__ = ["BundlePricingAuction", "RegretCertificate", "SheetReading"]
