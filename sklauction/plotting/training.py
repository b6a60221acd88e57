"""TrainingDisplay: objective, regret and score during the training of a mechanism."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from sklauction.domains.auctions import ADDITIVE
from sklauction.domains.base import Domain
from sklauction.plotting.canvas import Display, members, with_unit
from sklauction.plotting.grid import check_auction
from sklauction.utils.types import Axes, Estimator

__all__ = ["TrainingDisplay"]

# Regret below this share of the largest revenue is rounding error.
ROUNDING = 1e-9


class TrainingDisplay(Display):
    """Revenue, total regret and score of an auction after each training iteration.

    Of several fits with different seeds, means are shown, with shades from the lowest to the
    highest. In other domains, the objective takes the place of revenue, and units are those of the
    domain.

    Create it with :meth:`from_estimator`.

    Parameters
    ----------
    revenues, total_regrets : ndarray of shape (n_iter,)
        Means per profile, in money; NaN where not measured.
    scores : ndarray of shape (n_iter,)
        ``sqrt(P) - sqrt(R)``, in the square root of money; NaN where not measured.
    best_iteration : int or None
        Number of iterations after which the weights of the fitted auction were reached; None if
        unknown.
    held_out : bool
        Whether the values are measured on held-out profiles. If False, they are averages over
        the training batches of each iteration.
    regret_bound : {"lower", "upper"}, default="lower"
        Whether the regret was found by a search, a lower bound, or proved to be an upper bound.
    domain : Domain
        By default that of auctions.
    ranges : ndarray of shape (3, n_iter, 2), default=None
        Lowest and highest revenue, total regret and score of several fits: the shades. None draws
        no shades.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        Figure drawn by :meth:`plot`.
    axes_ : tuple of three matplotlib.axes.Axes
        Axes drawn by :meth:`plot`.

    Notes
    -----
    Held-out profiles select the weights of the fitted auction: those with the best score or, for
    menus and price sheets, the latest ones that are not worse beyond sampling error. Without
    held-out profiles, the latest weights are used.

    Examples
    --------
    >>> from sklauction import RochetNetAuction, TrainingDisplay
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(500, n_bidders=1, n_items=2, random_state=0)
    >>> auction = RochetNetAuction(max_iter=3, random_state=0).fit(V)
    >>> display = TrainingDisplay.from_estimator(auction)
    >>> display.revenues.shape, display.held_out
    ((3,), True)
    """

    revenues: np.ndarray
    total_regrets: np.ndarray
    scores: np.ndarray
    best_iteration: int | None
    held_out: bool
    regret_bound: str = "lower"
    domain: Domain = ADDITIVE
    ranges: np.ndarray = None

    @classmethod
    def from_estimator(cls, auction: Estimator | Sequence[Estimator]) -> TrainingDisplay:
        """Read the training history of a fitted auction, or of several.

        Parameters
        ----------
        auction : auction estimator with a ``history_``, or list of them
            Fitted auction. Training averages are shown if no profiles were held out. A list, or a
            dict of auctions by seed, holds several fits of one kind; a mean is over those that
            reached the iteration.

        Returns
        -------
        TrainingDisplay

        Raises
        ------
        NotFittedError
            If the auction is not fitted.
        ValueError
            If an auction has no ``history_``, or the auctions are not of one kind.
        """
        fits = [_read_history(fit) for fit in members(auction)]
        if len(fits) == 1:
            ((curves, best, *kind),) = fits
            return cls(*curves, best, *kind)
        kinds = {(held_out, bound, type(domain)) for _, _, held_out, bound, domain in fits}
        if len(kinds) != 1:
            raise ValueError(
                "auction must be a fitted auction, or a list of auctions of one domain and kind of "
                f"history; got {auction!r:.200}"
            )
        longest = max(curves.shape[1] for curves, *_ in fits)
        ends = [((0, 0), (0, longest - curves.shape[1])) for curves, *_ in fits]
        padded = [np.pad(fit[0], end, constant_values=np.nan) for fit, end in zip(fits, ends)]
        known = np.ma.masked_invalid(padded)
        means, lows, highs = (
            combined(axis=0).filled(np.nan) for combined in (known.mean, known.min, known.max)
        )
        return cls(*means, None, *fits[0][2:], np.stack([lows, highs], axis=-1))

    def plot(self, axes: Sequence[Axes] | None = None) -> Self:
        """Draw revenue, total regret and score in three panels.

        Parameters
        ----------
        axes : sequence of three matplotlib.axes.Axes, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there are not three axes.
        """
        self.axes_ = self._take_panels(axes, 3, 1, figsize=(4.8, 5.6), sharex=True)
        top, middle, bottom = self.axes_
        self._draw_line(top, self.revenues, "o")
        self._draw_regret(middle)
        self._draw_line(bottom, self.scores, "^")
        title = "held-out profiles" if self.held_out else "averages of training"
        if self.ranges is not None:
            self._draw_ranges()
            title += "\nmean of fits, shaded: lowest to highest"
        if self.best_iteration is not None:
            title += "; dotted: weights used"
            for ax in self.axes_:
                ax.axvline(self.best_iteration, color="black", ls=":", lw=1.2, zorder=1)
        top.set_title(title, fontsize=9)
        bottom.set(xlabel="iteration", xlim=(0, 1.03 * len(self.revenues)))
        domain, regret = self.domain, f"total regret\n({self.regret_bound} bound)"
        units = (domain.unit, domain.unit, domain.score_unit)
        for ax, name, unit in zip(self.axes_, (domain.objective_name, regret, "score"), units):
            ax.set_ylabel(with_unit(name, unit, ",\n"), fontsize=9)
            ax.set_xlim(bottom.get_xlim())
        self.figure_.align_ylabels(self.axes_)
        return self

    def _draw_line(self, ax, values, marker):
        """Draw values over iterations, or a note if all are NaN."""
        if np.isnan(values).all():
            _write(ax, "not measured")
        else:
            iterations = np.arange(1, len(values) + 1)
            ax.plot(iterations, values, f"{marker}-", color="C0", ms=4, lw=1.2)

    def _draw_ranges(self):
        """Shade the area from the lowest to the highest of several fits."""
        for ax, ends in zip(self.axes_, self.ranges):
            if len(ax.lines):
                lows, highs = np.maximum(
                    ends.T, ax.get_ylim()[0] if ax is self.axes_[1] else -np.inf
                )
                ax.fill_between(
                    np.arange(1, len(ends) + 1), lows, highs, color="C0", alpha=0.2, lw=0
                )

    def _draw_regret(self, ax):
        """Draw regret on a logarithmic scale, with zeros as hollow markers at the bottom."""
        known = ~np.isnan(self.total_regrets)
        positive = known & (self.total_regrets > ROUNDING * np.nanmax(self.revenues))
        if known.any() and not positive.any():
            proved = self.regret_bound == "upper"
            _write(ax, "0: no profitable misreport" if proved else "no profitable misreport found")
            return
        self._draw_line(ax, np.where(positive, self.total_regrets, np.nan), "s")
        if not known.any():
            return
        # Limits at whole decades: an axis within one decade would have unreadable tick labels.
        shown = self.total_regrets[positive]
        if self.ranges is not None:
            ends = self.ranges[1]
            shown = np.append(shown, ends[ends > ROUNDING * np.nanmax(self.revenues)])
        powers = np.log10(shown)
        bottom = 10.0 ** np.floor(powers.min()) / 1.3
        ax.set(yscale="log", ylim=(bottom, 1.3 * 10.0 ** np.ceil(powers.max())))
        ax.yaxis.set_minor_formatter("")
        zeros = np.flatnonzero(known & ~positive) + 1
        if len(zeros):
            ax.plot(zeros, np.full(len(zeros), bottom), "s", mfc="white", color="C0", clip_on=False)
            ax.annotate("hollow: 0", (0.02, 0.08), xycoords="axes fraction", fontsize=8)


def _read_history(auction):
    """Return curves, best iteration, whether held out, bound and domain of a fitted auction.

    The curves are of shape (3, n_iter): revenue, total regret and score.
    """
    from sklauction.mechanism import TorchMechanism

    check_auction(auction)
    history = getattr(auction, "history_", None)
    if not history:
        raise ValueError(
            "auction must have a history_ of training, as ALGNetAuction and RochetNetAuction "
            f"do; got {type(auction).__name__}, which has none"
        )
    held_out, domain = any("score" in row for row in history), auction.domain
    prefix = "" if held_out else "train_"
    names = (domain.objective_name, "total_regret", "score")
    curves = np.array([[row.get(prefix + name, np.nan) for row in history] for name in names])
    if not held_out:  # in units of the scale
        curves[:2] *= auction.scale_
        curves[2] = domain.score(*curves[:2])  # NaN where one of them is
    best = history[-1].get("best_iter") if "score" in history[-1] else len(history)
    # A network is audited; what is truthful by construction has a proved bound.
    bound = "lower" if isinstance(auction.mechanism_, TorchMechanism) else "upper"
    return curves, best, held_out, bound, domain


def _write(ax, text):
    """Write a text in the middle of empty axes."""
    box = {"color": "white", "pad": 1}
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes, bbox=box)
    ax.set_yticks([])
