"""What learned auctions of every kind are built from, and trained by."""

from dataclasses import dataclass

from sklauction.domains.auctions import auction_of
from sklauction.domains.base import Domain

__all__ = ["AnnealedRules", "Design", "Rules"]


@dataclass(frozen=True, kw_only=True)
class Design:
    """Sizes and symmetries of a network.

    Parameters
    ----------
    n_bidders, n_items : int
        Or the numbers of agents and of entries of a report in another domain.
    demand : {"additive", "unit"} or Domain
    alike_bidders, alike_items : bool
        Whether all bidders (items) are treated alike.
    """

    n_bidders: int
    n_items: int
    demand: object
    alike_bidders: bool = False
    alike_items: bool = False

    @property
    def domain(self):
        """Domain of the mechanism."""
        return self.demand if isinstance(self.demand, Domain) else auction_of(self.demand)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How a network is trained.

    Parameters
    ----------
    design : Design
    independent_bidders : bool
        Whether a bidder's value in one profile may be combined with the others' in another.
    """

    design: Design
    independent_bidders: bool


@dataclass(frozen=True, kw_only=True)
class AnnealedRules(Rules):
    """How a softened choice is trained.

    Parameters
    ----------
    design : Design
        With ``n_starts``, the number of networks trained in parallel from different weights.
    sharpness : (float, float)
        Sharpness of the softened choice at the beginning and the end of annealing, per unit of
        the scale: an option with a surplus of 1 / sharpness has odds e.
    anneal_updates : int or None
        Updates over which the step size falls and choices sharpen. With None there is no end:
        the step size is the net's ``schedule``, and choices sharpen ever more slowly.
    """

    sharpness: tuple
    anneal_updates: int | None
