"""The base class of auctions by learned menus."""

import math
from dataclasses import replace

import numpy as np

from sklauction.learned.annealed_auction import AnnealedAuction
from sklauction.learned.annealed_net import SHARPNESS
from sklauction.learned.sample_structure import find_structure
from sklauction.menus.affine_mechanism import AffineMechanism
from sklauction.menus.affine_net import PROFILES_AT_ONCE, AffineNet, AffineRules
from sklauction.menus.floor import net_bids
from sklauction.menus.free_menu import FreeMenu
from sklauction.menus.menu_rows import MenuDesign, count_integral, integral_assignments
from sklauction.utils.constraints import AUTO, count, is_auto
from sklauction.utils.saving import fitted_object

__all__ = ["LearnedMenuAuction"]

# Arrays of shape (n_starts, batch_size, n_rows) that an update holds at once, about twice those in
# SoftRevenue, as torch keeps freed memory; and bytes per entry.
ARRAYS, ENTRY_BYTES = 12, 4
# Copies of the menu: gradients, Adam's averages, the best weights and temporary results.
PARAMETER_COPIES = 16
# Sharpness for values on a lattice: lower at first, as few distinct profiles leave most rows
# without a gradient, and higher at last, as optimal prices equal values of many bidders.
LATTICE_SHARPNESS = (6.0, 2000.0)
# Standard deviation of values uniform on [0, 1], in units of the scale, for which SHARPNESS is
# chosen.
UNIFORM_SPREAD = 1 / math.sqrt(12)
# Profiles that determine the initial prices.
N_PRICING_PROFILES = 1000
# Lower limit of the relative spread, for nearly constant values.
MIN_SPREAD = 0.01


class LearnedMenuAuction(AnnealedAuction):
    """Base class of auctions by learned menus.

    A subclass adds the parameter ``menu_size`` and the method ``_n_sets(n_bidders, n_items)``,
    which returns the number of integral allocations. It may override :meth:`_menu_module`,
    :meth:`_reserves` and :meth:`_floor`.
    """

    # Defaults for classes without these parameters.
    deterministic = False
    independent_bidders = False

    # Most bytes that training may take: a quarter of the memory of a small machine.
    max_bytes = 4 * 2**30
    # Range of the default number of rows.
    menu_sizes = 64, 2048
    # n_starts="auto" is max_total_rows // menu_size, between 1 and max_starts.
    max_total_rows, max_starts = 512, 8

    _parameter_constraints = {
        **AnnealedAuction._parameter_constraints,
        "menu_size": AUTO | count(),
        "n_starts": AUTO | count(),
    }

    _saved = {**AnnealedAuction._saved, "mechanism_": fitted_object(AffineMechanism)}

    def _starts(self, n_rows):
        """Return the number of menus trained in parallel."""
        if not is_auto(self.n_starts):
            return int(self.n_starts)
        return min(max(self.max_total_rows // n_rows, 1), self.max_starts)

    def _n_rows(self, n_bidders, n_items):
        """Return the number of rows without the empty allocation."""
        if not is_auto(self.menu_size):
            return int(self.menu_size)
        least, most = self.menu_sizes
        return min(max(self._n_sets(n_bidders, n_items), least), most)

    def _menu_module(self):
        """Return a picklable function ``(design, values, generator) -> module``."""
        return FreeMenu

    def _reserves(self, valuations, structure):
        """Return the field ``reserves`` of :class:`AffineRules`."""
        return None

    def _floor(self):
        """Return lowest prices, (n_bidders, n_items) in money, or None."""
        return None

    def _check_sizes(self, n_bidders, n_items):
        """Raise ValueError if training would take more than ``max_bytes``."""
        n_rows = self._n_rows(n_bidders, n_items)
        n_starts, batch_size = self._starts(n_rows), int(self.batch_size)
        profiles = max(n_starts * batch_size, PROFILES_AT_ONCE)
        numbers = n_starts * n_bidders * n_items
        row_bytes = ENTRY_BYTES * (ARRAYS * profiles + PARAMETER_COPIES * numbers)
        needed = n_rows * row_bytes
        if needed > self.max_bytes:
            fits = self.max_bytes // row_bytes
            raise ValueError(
                f"menu_size must leave training within {self.max_bytes / 2**30:.0f} GiB; got "
                f"{n_rows:,} rows of {n_bidders} bidders and {n_items} items, which take about "
                f"{needed >> 30:,} GiB with batch_size={batch_size} and n_starts={n_starts}; "
                f"{fits:,} rows would fit"
            )

    def _normalise(self, valuations):
        return super()._normalise(None if valuations is None else self._net(valuations))

    def _net(self, valuations):
        """Return what valuations exceed the lowest prices."""
        return net_bids(valuations, self._floor())

    def _make_net(self, valuations, seed):
        valuations = self._net(valuations)
        # On a lattice, auctions that treat alike bidders alike lose revenue in ties.
        structure = find_structure(
            valuations, self.symmetric, self.independent_bidders, symmetric_on_lattice=False
        )
        n_rows = self._n_rows(*valuations.shape[1:])
        options = {"integral": self.deterministic, "n_starts": self._starts(n_rows)}
        design = structure.design(MenuDesign, valuations, self.demand, **options)
        spread = _relative_spread(valuations, self.scale_)
        first, last = LATTICE_SHARPNESS if structure.lattice_step else SHARPNESS
        rules = AffineRules(
            design=_with_rows(design, n_rows),
            make_menu=self._menu_module(),
            values=valuations[:N_PRICING_PROFILES] / self.scale_,
            reserves=self._reserves(valuations, structure),
            sharpness=(first / spread, last / spread),
            relative_spread=spread,
            # On a lattice, copies tie with their originals and replace them at a lower price.
            revive=not structure.lattice_step,
            independent_bidders=structure.independent_bidders,
            anneal_updates=self._anneal_updates(),
            floor=self._floor(),
        )
        return AffineNet(rules, **self._net_settings(seed))


def _with_rows(design, menu_size):
    """Return a design whose rows and their orbits make at least ``menu_size`` rows."""
    design = replace(design, n_rows=math.ceil(menu_size / design.orbit))
    if count_integral(design) > menu_size:
        return design
    n_integral = len(integral_assignments(design))
    return replace(design, n_rows=n_integral if design.integral else max(design.n_rows, n_integral))


def _relative_spread(valuations, scale):
    """Return the standard deviation of the values relative to that of uniform values."""
    # Squares of money may overflow; division by a power of two is exact.
    power = 2.0 ** np.floor(np.log2(scale))
    spread = float(np.sqrt(np.mean(np.var(valuations / power, axis=0)))) / (scale / power)
    return max(spread / UNIFORM_SPREAD, MIN_SPREAD)
