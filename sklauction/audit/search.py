"""The search for one bidder's most profitable report over a block of profiles."""

import numpy as np

from sklauction.audit import candidates
from sklauction.audit.plan import SETTLED
from sklauction.audit.problem import BATCH_ENTRIES

__all__ = ["Search"]

# Candidates kept between stages.
BOARD = 32
# Starts closer than this share of the range count as one.
APART = 0.05


class Search:
    """The state of one bidder's search over a block of profiles.

    Parameters
    ----------
    problem : BidderProblem
    truthful : ndarray of shape (n,)
        Truthful utilities, in double precision.
    random : numpy.random.Generator

    Attributes
    ----------
    reports, gains : ndarray of shape (n, n_items), (n,)
        The best report seen and its utility, in double precision.
    """

    def __init__(self, problem, truthful, random):
        self.problem, self.random = problem, random
        self.reports, self.gains = problem.truth.copy(), truthful.copy()
        # Best candidates, seen in the mechanism's working precision.
        self.board = problem.truth[:, None].copy()
        self.board_gains = truthful[:, None].copy()

    def carry_out(self, stages):
        """Run stages in turn; yields after each."""
        for stage in stages:
            if stage.fresh:
                # So that this round's starts are others than those of the last.
                self.board = self.reports[:, None].copy()
                self.board_gains = self.gains[:, None].copy()
            stage.run(self)
            self._settle()
            yield stage

    def anchors(self):
        """Return corners, edges and reports that just beat the best rival."""
        problem = self.problem
        return candidates.anchors(problem.truth, problem.rivals, problem.low, problem.high)

    def near_best(self, n_reports):
        """Return reports around the best one, half of them around the truth."""
        problem, half = self.problem, n_reports // 2
        box = (problem.low, problem.high)
        return np.concatenate(
            [
                candidates.near(problem.truth, *box, n_reports - half, self.random),
                candidates.near(self.reports, *box, half, self.random),
            ],
            axis=1,
        )

    def others(self, n_reports):
        """Return values that the bidder has in other profiles."""
        return candidates.others(self.problem.truth, self.problem.pool, n_reports, self.random)

    def drops(self, n_random):
        """Return the truth with several items dropped."""
        problem = self.problem
        return candidates.drops(problem.truth, problem.rivals, problem.low, n_random, self.random)

    def even(self, n_reports):
        """Return evenly spread reports."""
        problem = self.problem
        return candidates.even(problem.truth, problem.low, problem.high, n_reports, self.random)

    def look(self, reports):
        """Evaluate reports (n, n_reports, n_items) and keep the best; returns their gains."""
        n_reports = reports.shape[1]
        reports, gains = self.problem.try_reports(reports)
        self._keep(reports, gains)
        return gains[:, :n_reports]

    def sweep(self, n_points):
        """Move one item of the best report over its range, then all items to their best."""
        problem = self.problem
        values = candidates.scan_values(
            self.reports, problem.rivals, problem.low, problem.high, n_points, self.random
        )
        self._move_items(self.reports[:, None], self.gains[:, None], values[:, None])

    def ascend(self, phases):
        """Climb from well separated starts; after each phase only the best go on.

        Parameters
        ----------
        phases : list of (int, int)
            Ascents and steps of each phase. The step shrinks from 15 % of the range to
            0.015 % over all steps.
        """
        from sklauction.audit.ascent import climb

        problem = self.problem
        sizes = 0.15 * np.geomspace(1.0, 1e-3, sum(n_steps for _, n_steps in phases))
        current, gains = self._starts(phases[0][0])
        for n_kept, n_steps in phases:
            order = np.argsort(-gains, axis=1, kind="stable")[:, :n_kept]
            best, current, gains = climb(
                problem.module,
                problem.profiles,
                problem.bidder,
                _take(current, order),
                (problem.low, problem.high),
                sizes[:n_steps],
                BATCH_ENTRIES,
            )
            sizes = sizes[n_steps:]
            self._keep(best, gains)

    def polish(self, n_starts, n_points, n_rounds, size):
        """Narrow in on the best reports item by item: needs no gradient and crosses jumps.

        Parameters
        ----------
        n_starts : int
        n_points : int
            Values tried per item and round, half on either side.
        n_rounds : int
        size : float
            Half width of the first window, as a share of the range. An item's window
            shrinks to the spacing of the points unless its best value lies at the edge.
        """
        problem, half = self.problem, n_points // 2
        width = problem.high - problem.low
        reports, gains = self._starts(n_starts)
        window = np.full(reports.shape, size)
        steps = np.concatenate([-np.arange(half, 0, -1), np.arange(1, half + 1)]) / half
        for _ in range(n_rounds):
            jitter = self.random.uniform(0.8, 1.0, (*reports.shape, 1))
            offsets = steps * jitter * window[..., None]
            values = reports[..., None] + offsets * width[:, None]
            values = np.clip(values, problem.low[:, None], problem.high[:, None])
            reports, gains, chosen = self._move_items(reports, gains, values)
            at_edge = (chosen == 0) | (chosen == n_points - 1)
            window = np.where(at_edge, window, window / max(half, 2))

    def _move_items(self, reports, gains, values):
        """Try values of one item at a time, then all improvements at once.

        Parameters
        ----------
        reports : ndarray of shape (n, n_starts, n_items)
        gains : ndarray of shape (n, n_starts)
        values : ndarray of shape (n, n_starts, n_items, n_points)

        Returns
        -------
        reports, gains
            The best per start.
        chosen : ndarray of shape (n, n_starts, n_items)
            Index of each item's best value; -1 where none is better than the start.
        """
        n_rows, n_starts, n_items, n_points = values.shape
        moved = np.repeat(reports[:, :, None], n_items * n_points, axis=2)
        moved = moved.reshape(n_rows, n_starts, n_items, n_points, n_items)
        for item in range(n_items):
            moved[:, :, item, :, item] = values[:, :, item]
        tried = self.look(moved.reshape(n_rows, -1, n_items)).reshape(values.shape)
        chosen = tried.argmax(axis=3)
        improves = _pick(tried, chosen) > gains[..., None]
        best = _pick(values, chosen)
        together = np.where(improves, best, reports)
        options = np.concatenate(
            [
                reports[:, :, None],
                moved.reshape(n_rows, n_starts, -1, n_items),
                together[:, :, None],
            ],
            axis=2,
        )
        option_gains = np.concatenate(
            [
                gains[..., None],
                tried.reshape(n_rows, n_starts, -1),
                self.look(together)[..., None],
            ],
            axis=2,
        )
        top = option_gains.argmax(axis=2)
        options = options.reshape(n_rows * n_starts, -1, n_items)
        reports = _take(options, top.reshape(-1, 1)).reshape(reports.shape)
        return reports, _pick(option_gains, top), np.where(improves, chosen, -1)

    def _keep(self, reports, gains):
        """Merge candidates into the board."""
        reports = np.concatenate([self.board, reports], axis=1)
        gains = np.concatenate([self.board_gains, gains], axis=1)
        if gains.shape[1] > BOARD:
            order = np.argpartition(-gains, BOARD, axis=1)[:, :BOARD]
            reports, gains = _take(reports, order), _take(gains, order)
        self.board, self.board_gains = reports, gains

    def _starts(self, n_starts):
        """Return the best candidates that are apart, (n, n_starts, n_items), and their gains."""
        gains, width = self.board_gains.copy(), self.problem.high - self.problem.low
        width = np.where(width > 0, width, 1.0)
        order = np.empty((len(gains), n_starts), dtype=int)
        for k in range(n_starts):
            order[:, k] = top = gains.argmax(axis=1)
            chosen = self.board[np.arange(len(top)), top]
            close = (np.abs(self.board - chosen[:, None]) <= APART * width).all(axis=2)
            # What is close waits until everything else is used up.
            gains = np.where(close & np.isfinite(gains), -np.inf, gains)
        return _take(self.board, order), _take(self.board_gains, order)

    def _settle(self):
        """Recompute the best of the board in double precision and keep what is better."""
        problem = self.problem
        if problem.module is None:
            top = self.board_gains.argmax(axis=1)[:, None]
            gains = _take(self.board_gains, top)
        else:
            top = np.argsort(-self.board_gains, axis=1, kind="stable")[:, :SETTLED]
            if top.shape[1] < SETTLED:
                top = np.repeat(top, SETTLED, axis=1)[:, :SETTLED]
            gains = problem.exact(_take(self.board, top))
        reports = _take(self.board, top)
        best = gains.argmax(axis=1)
        rows = np.arange(len(best))
        better = gains[rows, best] > self.gains
        self.gains = np.where(better, gains[rows, best], self.gains)
        self.reports[better] = reports[rows, best][better]


# numpy.take_along_axis does the same as the two below; it takes up to ten times as long where what
# is selected is as short as a report.


def _take(options, order):
    """Select options (n, n_options) or (n, n_options, n_items) by index (n, k)."""
    n_rows, n_options = options.shape[:2]
    flat = options.reshape(n_rows * n_options, *options.shape[2:])
    return flat.take(order + n_options * np.arange(n_rows)[:, None], axis=0)


def _pick(values, chosen):
    """Return of each last axis of values the entry that is chosen; of the shape of chosen."""
    n_values = values.shape[-1]
    starts = n_values * np.arange(chosen.size).reshape(chosen.shape)
    return values.reshape(-1).take(starts + chosen)
