"""Auctions by learned menus, for one buyer or several bidders; exactly truthful."""

from sklauction.menus.affine_maximizer import AffineMaximizerAuction
from sklauction.menus.allocation_menu import AllocationMenu
from sklauction.menus.menunet import MenuNetAuction
from sklauction.menus.rochetnet import RochetNetAuction

__all__ = ["AffineMaximizerAuction", "AllocationMenu", "MenuNetAuction", "RochetNetAuction"]
