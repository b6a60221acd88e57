"""Kinds of mechanisms: what agents report, what is decided, and what it is worth to them."""

from sklauction.domains.auctions import ADDITIVE, UNIT, Auction, auction_of
from sklauction.domains.base import Domain
from sklauction.domains.outcome import Outcome
from sklauction.domains.rule import Rule
from sklauction.domains.slots import Slots
from sklauction.utils.saving import savable

__all__ = [
    "ADDITIVE",
    "UNIT",
    "Auction",
    "Domain",
    "Outcome",
    "Rule",
    "Slots",
    "auction_of",
    "savable",
]
