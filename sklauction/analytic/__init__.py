"""Analytic auctions, which are exactly truthful and do not need torch."""

from sklauction.analytic.linear_program import LinearProgramAuction
from sklauction.analytic.look_ahead import LookAheadAuction
from sklauction.analytic.myerson import BundleMyersonAuction, MyersonAuction
from sklauction.analytic.single_buyer import SingleBuyerAuction
from sklauction.analytic.vcg import VCGAuction

__all__ = [
    "BundleMyersonAuction",
    "LinearProgramAuction",
    "LookAheadAuction",
    "MyersonAuction",
    "SingleBuyerAuction",
    "VCGAuction",
]
