"""What the auctions by learned menus have in common."""

from sklauction.learned.auction import LearnedAuction
from sklauction.learned.training import resolve_device
from sklauction.menus.affine_net import PROFILES_AT_ONCE, AffineNet
from sklauction.menus.affine_rules import make_affine_rules
from sklauction.utils.validation import check_count, check_positive, check_switch, is_auto

__all__ = ["LearnedMenuAuction"]

UPDATES_PER_ITERATION = 100
# Arrays of the size (starts, batch, rows) that an update keeps at the same time, and bytes of each
# entry: about twice what is counted in SoftRevenue, for what torch keeps back.
ARRAYS, ENTRY_BYTES = 12, 4
# Copies of the menu: gradients, Adam's averages, the best so far, and what is between them.
PARAMETER_COPIES = 16


class LearnedMenuAuction(LearnedAuction):
    """Base class: parameters are checked, the net is built, memory is counted before.

    A subclass gives the parameters ``menu_size``, ``max_iter``, ``anneal_iter``,
    ``batch_size``, ``learning_rate_init``, ``n_starts``, ``symmetric``, ``n_iter_no_change``,
    ``callbacks`` and the method :meth:`_menu_module`; it may override :meth:`_rules_options`.
    """

    # Bytes that training may take: a quarter of a small machine's memory.
    most_bytes = 4 * 2**30
    # By default so many menus are trained side by side that they have so many rows together,
    # but at most so many menus.
    rows_together, most_starts = 512, 8

    def _check_parameters(self):
        super()._check_parameters()
        if not is_auto(self.menu_size):
            check_count(self.menu_size, "menu_size")
        check_switch(self.symmetric, "symmetric")
        check_positive(self._first_rate(), "learning_rate_init")
        check_count(self.batch_size, "batch_size")
        if not is_auto(self.n_starts):
            check_count(self.n_starts, "n_starts")
        for name in ("anneal_iter", "n_iter_no_change"):
            if getattr(self, name) is not None:
                check_count(getattr(self, name), name)

    def _profile_shape(self, n_features):
        # Here, because only now the number of items is known and nothing is stored yet.
        shape = super()._profile_shape(n_features)
        self._check_memory(self._n_rows(*shape), *shape)
        return shape

    def _first_rate(self):
        """Return the first step size."""
        return self.learning_rate_init

    def _starts(self, n_rows):
        """Return how many menus are trained side by side."""
        if not isinstance(self.n_starts, str):
            return int(self.n_starts)
        return min(max(self.rows_together // n_rows, 1), self.most_starts)

    def _n_rows(self, n_bidders, n_items):
        """Return how many rows the menu is to have."""
        raise NotImplementedError

    def _menu_module(self):
        """Return ``(design, values, generator) -> module``, which can be pickled."""
        raise NotImplementedError

    def _rules_options(self):
        """Return parameters of :func:`make_affine_rules` beside those all menus have."""
        return {}

    def _check_memory(self, n_rows, n_bidders, n_items):
        """Raise ValueError if training would take more memory than there is likely to be."""
        n_starts = self._starts(n_rows)
        batch_size = int(self.batch_size)
        profiles = max(n_starts * batch_size, PROFILES_AT_ONCE)
        numbers = n_starts * n_bidders * n_items
        row_bytes = ENTRY_BYTES * (ARRAYS * profiles + PARAMETER_COPIES * numbers)
        needed = n_rows * row_bytes
        if needed > self.most_bytes:
            fits = self.most_bytes // row_bytes
            raise ValueError(
                f"menu_size must leave training within {self.most_bytes / 2**30:.0f} GiB; got "
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
            anneal_updates=UPDATES_PER_ITERATION * int(self.anneal_iter or self.max_iter),
            n_starts=self._starts(n_rows),
            symmetric=self.symmetric,
            **self._rules_options(),
        )
        return AffineNet(
            rules,
            seed=seed,
            n_updates=UPDATES_PER_ITERATION,
            scale=self.scale_,
            support=self.support_,
            patience=self.n_iter_no_change,
            schedule="constant",
            average=False,
            lr=float(self._first_rate()),
            batch_size=int(self.batch_size),
            device=resolve_device(self.device),
            callbacks=self._net_callbacks(),
        )
