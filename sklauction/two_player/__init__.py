"""Mechanisms learned as a game between a designer and misreporters."""

from sklauction.two_player.algnet import ALGNET_PUBLISHED, ALGNetAuction
from sklauction.two_player.mechanism import TwoPlayerMechanism
from sklauction.two_player.regretnet import (
    REGRETFORMER_PUBLISHED,
    REGRETNET_PUBLISHED,
    RegretNetAuction,
)

__all__ = [
    "ALGNET_PUBLISHED",
    "REGRETFORMER_PUBLISHED",
    "REGRETNET_PUBLISHED",
    "ALGNetAuction",
    "RegretNetAuction",
    "TwoPlayerMechanism",
]
