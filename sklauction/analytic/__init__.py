"""Analytic auctions: exactly truthful, from numpy and scipy alone."""

from sklauction.analytic.myerson import BundleMyersonAuction, MyersonAuction
from sklauction.analytic.vcg import VCGAuction

__all__ = ["BundleMyersonAuction", "MyersonAuction", "VCGAuction"]
