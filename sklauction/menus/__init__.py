"""Auctions by menus: truthful by construction, or with a certified bound on regret."""

from sklauction.menus.affine_maximizer import AffineMaximizerAuction
from sklauction.menus.allocation_menu import AllocationMenu
from sklauction.menus.bundle_pricing import BundlePricingAuction
from sklauction.menus.certificate import RegretCertificate
from sklauction.menus.menunet import MenuNetAuction
from sklauction.menus.reading import SheetReading
from sklauction.menus.rochetnet import RochetNetAuction

__all__ = [
    "AffineMaximizerAuction",
    "AllocationMenu",
    "BundlePricingAuction",
    "MenuNetAuction",
    "RegretCertificate",
    "RochetNetAuction",
    "SheetReading",
]
