"""The base class of auctions trained with softened choices."""

from sklauction.learned.auction import UPDATES_PER_ITERATION, LearnedAuction
from sklauction.utils.constraints import NONE, POSITIVE, SWITCH, count

__all__ = ["AnnealedAuction"]


class AnnealedAuction(LearnedAuction):
    """Base class of auctions whose net is an :class:`~sklauction.learned.annealed_net.AnnealedNet`.

    A subclass adds the parameters ``anneal_iter``, ``batch_size``, ``learning_rate_init``,
    ``n_iter_no_change``, ``n_starts`` and ``symmetric``.
    """

    _parameter_constraints = {
        **LearnedAuction._parameter_constraints,
        "anneal_iter": NONE | count(),
        "batch_size": count(),
        "learning_rate_init": POSITIVE,
        "n_iter_no_change": NONE | count(),
        "n_starts": count(),
        "symmetric": SWITCH,
    }

    def _net_settings(self, seed):
        return {**super()._net_settings(seed), "batch_size": int(self.batch_size)}

    def _anneal_updates(self):
        """Return the number of updates over which annealed training ends."""
        return UPDATES_PER_ITERATION * int(self.anneal_iter or self.max_iter)
