"""TrainingDisplay: revenue, regret and score while an auction is trained."""

import numpy as np

from sklauction.economics import auction_score
from sklauction.plotting.canvas import take_axes
from sklauction.plotting.grid import check_auction

__all__ = ["TrainingDisplay"]

# Regret below this share of the largest revenue is rounding.
ROUNDING = 1e-9


class TrainingDisplay:
    """Revenue, total regret and score of an auction after each iteration of its training.

    Made by :meth:`from_estimator`.

    Parameters
    ----------
    updates : ndarray of int of shape (n_iter,)
        Updates of the auctioneer done by the end of each iteration.
    revenues, total_regrets : ndarray of shape (n_iter,)
        Mean per profile, in money; NaN where it was not measured.
    scores : ndarray of shape (n_iter,)
        ``sqrt(P) - sqrt(R)``, in the square root of money; NaN where it was not measured.
    best_update : int
        Updates after which the weights were as the fitted auction uses them.
    held_out : bool
        Whether the figures are of held-out profiles; otherwise they are averages over the
        updates of each iteration.
    regret_bound : {"lower", "upper"}, default="lower"
        What the regret is to the true one: found by a search or by the misreporter, or proved by
        the auctions that can.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`.
    axes_ : tuple of three matplotlib.axes.Axes
        After :meth:`plot`.

    Notes
    -----
    The weights used are those that held-out profiles preferred: of the best score, but of learned
    menus and price sheets the latest that are not worse beyond sampling error. Without held-out
    profiles they are the latest.

    Examples
    --------
    >>> from sklauction import RochetNetAuction, TrainingDisplay
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(500, n_bidders=1, n_items=2, random_state=0)
    >>> auction = RochetNetAuction(max_iter=3, random_state=0).fit(V)
    >>> display = TrainingDisplay.from_estimator(auction)
    >>> display.updates, display.held_out
    (array([100, 200, 300]), True)
    """

    def __init__(
        self,
        updates,
        revenues,
        total_regrets,
        scores,
        best_update,
        held_out,
        regret_bound="lower",
    ):
        self.updates = updates
        self.revenues = revenues
        self.total_regrets = total_regrets
        self.scores = scores
        self.best_update = best_update
        self.held_out = held_out
        self.regret_bound = regret_bound

    @classmethod
    def from_estimator(cls, auction):
        """Read the history of a trained auction.

        Parameters
        ----------
        auction : ALGNetAuction, RegretNetAuction or another auction with a ``history_``
            Fitted. Where nothing was ever held out, the averages of training are shown.

        Returns
        -------
        TrainingDisplay

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If the auction has no history of training.
        """
        check_auction(auction)
        history = getattr(auction, "history_", None)
        if not history:
            raise ValueError(
                "auction must be a trained one with a history_, such as ALGNetAuction or "
                f"RochetNetAuction; got {type(auction).__name__}, which has none"
            )
        held_out = any("score" in row for row in history)
        names, unit = ("revenue", "total_regret", "score"), 1.0
        if not held_out:
            names, unit = ("train_revenue", "train_total_regret", "train_score"), auction.scale_
        revenues, regrets, scores = (
            np.array([row.get(name, np.nan) for row in history]) for name in names
        )
        if not held_out:
            pairs = zip(revenues * unit, regrets * unit)
            scores = np.array([_score(revenue, regret) for revenue, regret in pairs])
        updates = auction.net_.n_updates * np.arange(1, len(history) + 1)
        # Weights are chosen by held-out profiles; without them they are the latest.
        best = auction.net_.best_iter_ if "score" in history[-1] else len(history)
        best_update = int(best * auction.net_.n_updates)
        bound = "upper" if auction.net_.regret_relation == "<=" else "lower"
        return cls(updates, revenues * unit, regrets * unit, scores, best_update, held_out, bound)

    def plot(self, axes=None):
        """Draw three panels, one above the other.

        Parameters
        ----------
        axes : sequence of three matplotlib.axes.Axes, default=None
            None makes a figure.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If ``axes`` are not three.
        """
        axes = take_axes(axes, 3, sharex=True, figsize=(4.8, 5.6))
        axes = tuple(np.ravel(axes))
        if len(axes) != 3:
            raise ValueError(f"axes must be three; got {len(axes)}")
        self.axes_, self.figure_ = axes, axes[0].figure
        top, middle, bottom = axes
        for ax, figures, marker in zip(axes, (self.revenues, None, self.scores), "os^"):
            if figures is not None:
                self._draw_line(ax, figures, marker)
        self._draw_regret(middle)
        for ax in axes:
            ax.axvline(self.best_update, color="black", ls=":", lw=1.2, zorder=1)
            ax.set_xlim(0, 1.03 * self.updates[-1])
        source = "held-out profiles" if self.held_out else "averages of training"
        top.set_title(f"{source}; dotted: weights used", fontsize=9)
        regret = f"total regret\n({self.regret_bound} bound),\nmoney"
        for ax, name in zip(axes, ("revenue,\nmoney", regret, "score,\n$\\sqrt{\\mathrm{money}}$")):
            ax.set_ylabel(name, fontsize=9)
        bottom.set_xlabel("updates of the auctioneer")
        self.figure_.align_ylabels(axes)
        return self

    def _draw_line(self, ax, figures, marker):
        """Draw figures that were measured; say so where none were."""
        if np.isnan(figures).all():
            _say(ax, "not measured")
        else:
            ax.plot(self.updates, figures, f"{marker}-", color="C0", ms=4, lw=1.2)

    def _draw_regret(self, ax):
        """Draw regret on a log scale, zeros as hollow marks at the bottom."""
        known = ~np.isnan(self.total_regrets)
        found = known & (self.total_regrets > ROUNDING * np.nanmax(self.revenues))
        if known.any() and not found.any():
            proved = self.regret_bound == "upper"
            _say(ax, "0: no misreport pays" if proved else "no profitable misreport found")
            return
        self._draw_line(ax, np.where(found, self.total_regrets, np.nan), "s")
        if not known.any():
            return
        # Whole decades: within one, an axis would be all mantissas.
        powers = np.log10(self.total_regrets[found])
        bottom = 10.0 ** np.floor(powers.min()) / 1.3
        ax.set(yscale="log", ylim=(bottom, 1.3 * 10.0 ** np.ceil(powers.max())))
        ax.yaxis.set_minor_formatter("")
        none = self.updates[known & ~found]
        if len(none):
            ax.plot(none, np.full(len(none), bottom), "s", mfc="white", color="C0", clip_on=False)
            ax.annotate("hollow: 0", (0.02, 0.08), xycoords="axes fraction", fontsize=8)


def _say(ax, text):
    """Write a text in place of figures."""
    box = {"color": "white", "pad": 1}
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes, bbox=box)
    ax.set_yticks([])


def _score(revenue, regret):
    """Return the score, NaN where one of both is not known."""
    return np.nan if np.isnan(revenue + regret) else auction_score(revenue, regret)
