"""Symmetries, independence and lattice of valuations, from parameters or from samples."""

from typing import NamedTuple

from sklauction.utils.constraints import is_auto
from sklauction.utils.sample_tests import (
    bidders_look_alike,
    bidders_look_independent,
    items_look_alike,
    lattice_step,
)

__all__ = ["SampleStructure", "find_structure"]


class SampleStructure(NamedTuple):
    """Structure of valuations that training uses.

    Parameters
    ----------
    alike_bidders, alike_items : bool
        Whether all bidders (items) are treated alike.
    independent_bidders : bool
        Whether values of bidders from different profiles may be combined.
    lattice_step : float
        Step of the lattice that holds all values, in money; 0 if there is none.
    """

    alike_bidders: bool
    alike_items: bool
    independent_bidders: bool
    lattice_step: float

    def design(self, kind, valuations, demand, **options):
        """Return the design of a network for these valuations.

        Parameters
        ----------
        kind : type
            Subclass of :class:`~sklauction.learned.design.Design`.
        valuations : ndarray of shape (n_samples, n_bidders, n_items)
        demand : {"additive", "unit"} or Auction
        **options
            Other fields of the design.
        """
        _, n_bidders, n_items = valuations.shape
        symmetries = {"alike_bidders": self.alike_bidders, "alike_items": self.alike_items}
        return kind(n_bidders=n_bidders, n_items=n_items, demand=demand, **symmetries, **options)


def find_structure(valuations, symmetric, independent_bidders, *, symmetric_on_lattice=True):
    """Return the structure of valuations, where "auto" tests the samples.

    Parameters
    ----------
    valuations : ndarray of shape (n_samples, n_bidders, n_items)
        In money.
    symmetric, independent_bidders : "auto" or bool
    symmetric_on_lattice : bool, default=True
        Whether ``symmetric="auto"`` may find symmetries of values on a lattice.

    Returns
    -------
    SampleStructure
    """
    step = lattice_step(valuations)
    if step and not symmetric_on_lattice and is_auto(symmetric):
        symmetric = False

    def decide(setting, test):
        return bool(test(valuations) if is_auto(setting) else setting)

    return SampleStructure(
        decide(symmetric, bidders_look_alike),
        decide(symmetric, items_look_alike),
        decide(independent_bidders, bidders_look_independent),
        step,
    )
