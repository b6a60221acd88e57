"""The base class of auctions by learned menus."""

from sklauction.learned.annealed_auction import AnnealedAuction
from sklauction.menus.affine_net import PROFILES_AT_ONCE, AffineNet
from sklauction.menus.affine_rules import make_affine_rules
from sklauction.utils.constraints import AUTO, count, is_auto

__all__ = ["LearnedMenuAuction"]

# Arrays of shape (n_starts, batch_size, n_rows) that an update holds at once, about twice those in
# SoftRevenue, as torch keeps freed memory; and bytes per entry.
ARRAYS, ENTRY_BYTES = 12, 4
# Copies of the menu: gradients, Adam's averages, the best weights and temporary results.
PARAMETER_COPIES = 16


class LearnedMenuAuction(AnnealedAuction):
    """Base class of auctions by learned menus.

    A subclass adds the parameter ``menu_size`` and the methods :meth:`_n_rows` and
    :meth:`_menu_module`; it may override :meth:`_rules_options`.
    """

    # Most bytes that training may take: a quarter of the memory of a small machine.
    max_bytes = 4 * 2**30
    # n_starts="auto" is max_total_rows // menu_size, between 1 and max_starts.
    max_total_rows, max_starts = 512, 8

    _parameter_constraints = {
        **AnnealedAuction._parameter_constraints,
        "menu_size": AUTO | count(),
        "n_starts": AUTO | count(),
    }

    def _check_sizes(self, n_bidders, n_items):
        self._check_memory(self._n_rows(n_bidders, n_items), n_bidders, n_items)

    def _starts(self, n_rows):
        """Return the number of menus trained in parallel."""
        if not is_auto(self.n_starts):
            return int(self.n_starts)
        return min(max(self.max_total_rows // n_rows, 1), self.max_starts)

    def _n_rows(self, n_bidders, n_items):
        """Return the number of rows without the empty allocation."""
        raise NotImplementedError

    def _menu_module(self):
        """Return a picklable function ``(design, values, generator) -> module``."""
        raise NotImplementedError

    def _rules_options(self):
        """Return more arguments of :func:`make_affine_rules`."""
        return {}

    def _check_memory(self, n_rows, n_bidders, n_items):
        """Raise ValueError if training would take more than ``max_bytes``."""
        n_starts = self._starts(n_rows)
        batch_size = int(self.batch_size)
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

    def _make_net(self, valuations, seed):
        n_rows = self._n_rows(*valuations.shape[1:])
        rules = make_affine_rules(
            valuations,
            self.scale_,
            demand=self.demand,
            menu_size=n_rows,
            make_menu=self._menu_module(),
            anneal_updates=self._anneal_updates(),
            n_starts=self._starts(n_rows),
            symmetric=self.symmetric,
            **self._rules_options(),
        )
        return AffineNet(rules, **self._net_settings(seed))
