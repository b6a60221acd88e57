"""Search for one agent's most profitable reports in a block of profiles."""

import numpy as np

from sklauction.audit.candidates import N_SPECIAL, across_rivals, pair_levels, scan_values
from sklauction.audit.plan import N_RECOMPUTED

__all__ = ["Search"]

# Number of candidates kept between stages.
BOARD_SIZE = 32
# Minimum distance between starts, as a share of the range.
APART = 0.05


class Search:
    """State of the search for one agent in a block of profiles.

    Parameters
    ----------
    problem : AgentProblem
    truthful : ndarray of shape (n,)
        Truthful utilities, in float64.
    random : numpy.random.Generator

    Attributes
    ----------
    reports, gains : ndarray of shape (n, n_items), (n,)
        The best report seen and its utility, in float64.
    """

    def __init__(self, problem, truthful, random):
        self.problem, self.random = problem, random
        self.reports, self.gains = problem.truth.copy(), truthful.copy()
        # Best candidates, in the precision of the module if there is one.
        self.board = problem.truth[:, None].copy()
        self.board_gains = truthful[:, None].copy()

    def run_stages(self, stages):
        """Run stages in turn; yield each when done."""
        for stage in stages:
            if stage.fresh:  # so that starts differ from those of the last round
                self.board = self.reports[:, None].copy()
                self.board_gains = self.gains[:, None].copy()
            stage.run(self)
            self._recompute_best()
            yield stage

    def evaluate(self, reports):
        """Evaluate reports (n, n_reports, n_items), keep the best, and return all gains."""
        n_reports = reports.shape[1]
        reports, gains = self.problem.try_reports(reports)
        self._keep(reports, gains)
        return gains[:, :n_reports]

    def sweep(self, n_points, n_special=N_SPECIAL):
        """Scan the range of each item of the best report, then combine the best values."""
        values = scan_values(self, n_points, n_special)
        self._move_items(self.reports[:, None], self.gains[:, None], values[:, None])

    def try_pairs(self, n_points, n_kept):
        """Look for a profitable pair of items among the truth of the others.

        Reports of an orthogonal array enter every rectangle of a certain size in every pair of
        items. A report that gains by a pair may lose by the other items. The loss by single items
        is estimated by their main effects and subtracted. In the best reports by this measure and
        in the best of the board, each item is then set to the truth, or moved across the rival,
        where that gains.

        Parameters
        ----------
        n_points : int
            Number of levels of each item, a prime number.
        n_kept : int
            Number of reports of which items are moved; half of them are from the board.
        """
        problem, (n_rows, n_items) = self.problem, self.reports.shape
        levels = pair_levels(n_points, n_items, self.random)
        points = (levels + self.random.random((n_rows, 1, n_items))) / n_points
        reports = problem.low + points * (problem.high - problem.low)
        gains = self.evaluate(reports)
        # A gain that overflows in float32 is minus infinity.
        finite = np.where(np.isfinite(gains), gains, 0.0)
        surprise = gains - _main_effects(finite, levels, n_points)
        top = np.argsort(-surprise, axis=1)[:, : n_kept - n_kept // 2]
        starts, start_gains = self._starts(n_kept // 2)
        starts = np.concatenate([_take(reports, top), starts], axis=1)
        start_gains = np.concatenate([_take(gains, top), start_gains], axis=1)
        truth = np.broadcast_to(problem.truth[:, None], starts.shape)
        crossed = [across_rivals(problem, start) for start in starts.swapaxes(0, 1)]
        values = np.stack([truth, np.stack(crossed, axis=1)], axis=3)
        self._move_items(starts, start_gains, values)

    def ascend(self, phases):
        """Run gradient ascent from separate starts; after each phase keep only the best.

        Parameters
        ----------
        phases : list of (int, int)
            Number of ascents and of steps in each phase. Over all steps, the step size
            decreases from 15 % to 0.015 % of the range.
        """
        from sklauction.audit.ascent import ascend_from

        sizes = 0.15 * np.geomspace(1.0, 1e-3, sum(n_steps for _, n_steps in phases))
        current, gains = self._starts(phases[0][0])
        for n_kept, n_steps in phases:
            order = np.argsort(-gains, axis=1, kind="stable")[:, :n_kept]
            starts = _take(current, order)
            best, current, gains = ascend_from(self.problem, starts, sizes[:n_steps])
            sizes = sizes[n_steps:]
            self._keep(best, gains)

    def polish(self, n_starts, n_points, n_rounds, size):
        """Refine the best reports item by item, without gradients and across jumps.

        Parameters
        ----------
        n_starts : int
        n_points : int
            Number of values per item and round, half of them on either side.
        n_rounds : int
        size : float
            Half width of the first window, as a share of the range. The window of an item
            shrinks to the spacing of the points unless the best value is at its edge.
        """
        problem, half = self.problem, n_points // 2
        width = problem.high - problem.low
        reports, gains = self._starts(n_starts)
        window, steps = np.full(reports.shape, size), _both_sides(half)
        for _ in range(n_rounds):
            jitter = self.random.uniform(0.8, 1.0, (*reports.shape, 1))
            offsets = steps * jitter * window[..., None]
            values = reports[..., None] + offsets * width[:, None]
            values = np.clip(values, problem.low[:, None], problem.high[:, None])
            reports, gains, chosen = self._move_items(reports, gains, values)
            at_edge = (chosen == 0) | (chosen == n_points - 1)
            window = np.where(at_edge, window, window / max(half, 2))

    def slide(self, n_starts, n_points, n_rounds, size):
        """Refine the best reports by moving all items together, which keeps equal bids equal.

        Each round adds the same amount to all items, or multiplies them by the same factor.

        Parameters
        ----------
        n_starts, n_points, n_rounds, size
            As in :meth:`polish`.
        """
        problem, half = self.problem, n_points // 2
        low, width = problem.low, problem.high - problem.low
        reports, gains = self._starts(n_starts)
        window, steps = np.full((*gains.shape, 1, 1), size), _both_sides(half)
        for _ in range(n_rounds):
            jitter = self.random.uniform(0.8, 1.0, (*gains.shape, 1, 1))
            offsets = steps[:, None] * jitter * window
            start = reports[:, :, None]
            moved = [start + offsets * width, start + 2 * offsets * (start - low)]
            moved = np.clip(np.concatenate(moved, axis=2), low, problem.high)
            tried = self.evaluate(moved.reshape(len(gains), -1, reports.shape[2]))
            options = np.concatenate([start, moved], axis=2)
            option_gains = np.concatenate([gains[..., None], tried.reshape(moved.shape[:3])], 2)
            top = option_gains.argmax(axis=2)
            flat = options.reshape(-1, *options.shape[2:])
            reports = _take(flat, top.reshape(-1, 1)).reshape(reports.shape)
            gains = _pick(option_gains, top)
            at_edge = np.isin(top, (1, n_points, n_points + 1, 2 * n_points))[..., None, None]
            window = np.where(at_edge, window, window / max(half, 2))

    def _move_items(self, reports, gains, values):
        """Try values of one item at a time, then all improvements together.

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
            Index of each item's best value; -1 where none improves on the start.
        """
        n_rows, n_starts, n_items, n_points = values.shape
        moved = np.repeat(reports[:, :, None], n_items * n_points, axis=2)
        moved = moved.reshape(n_rows, n_starts, n_items, n_points, n_items)
        for item in range(n_items):
            moved[:, :, item, :, item] = values[:, :, item]
        tried = self.evaluate(moved.reshape(n_rows, -1, n_items)).reshape(values.shape)
        chosen = tried.argmax(axis=3)
        improves = _pick(tried, chosen) > gains[..., None]
        best = _pick(values, chosen)
        together = np.where(improves, best, reports)
        moved = moved.reshape(n_rows, n_starts, -1, n_items)
        options = np.concatenate([reports[:, :, None], moved, together[:, :, None]], axis=2)
        tried = tried.reshape(n_rows, n_starts, -1)
        jointly = self.evaluate(together)[..., None]
        option_gains = np.concatenate([gains[..., None], tried, jointly], axis=2)
        top = option_gains.argmax(axis=2)
        options = options.reshape(n_rows * n_starts, -1, n_items)
        reports = _take(options, top.reshape(-1, 1)).reshape(reports.shape)
        return reports, _pick(option_gains, top), np.where(improves, chosen, -1)

    def _keep(self, reports, gains):
        """Merge reports into the board."""
        reports = np.concatenate([self.board, reports], axis=1)
        gains = np.concatenate([self.board_gains, gains], axis=1)
        if gains.shape[1] > BOARD_SIZE:
            order = np.argpartition(-gains, BOARD_SIZE, axis=1)[:, :BOARD_SIZE]
            reports, gains = _take(reports, order), _take(gains, order)
        self.board, self.board_gains = reports, gains

    def _starts(self, n_starts):
        """Return the best separate candidates, (n, n_starts, n_items), and their gains."""
        gains, width = self.board_gains.copy(), self.problem.high - self.problem.low
        width = np.where(width > 0, width, 1.0)
        order = np.empty((len(gains), n_starts), dtype=int)
        for k in range(n_starts):
            order[:, k] = top = gains.argmax(axis=1)
            chosen = self.board[np.arange(len(top)), top]
            close = (np.abs(self.board - chosen[:, None]) <= APART * width).all(axis=2)
            # Close candidates are used only after all others.
            gains = np.where(close & np.isfinite(gains), -np.inf, gains)
        return _take(self.board, order), _take(self.board_gains, order)

    def _recompute_best(self):
        """Recompute the best of the board in float64, and update the best reports."""
        if self.problem.module is None:
            top = self.board_gains.argmax(axis=1)[:, None]
            reports, gains = _take(self.board, top), _take(self.board_gains, top)
        else:
            top = np.argsort(-self.board_gains, axis=1, kind="stable")[:, :N_RECOMPUTED]
            reports = _take(self.board, top)
            gains = self.problem.exact(reports)
        best = gains.argmax(axis=1)[:, None]
        found = _take(gains, best)[:, 0]
        better = found > self.gains
        self.gains = np.where(better, found, self.gains)
        self.reports[better] = _take(reports, best)[better, 0]


def _both_sides(half):
    """Return ``2 * half`` evenly spaced steps from -1 to 1, without zero."""
    return np.concatenate([-np.arange(half, 0, -1), np.arange(1, half + 1)]) / half


def _main_effects(gains, levels, n_points):
    """Return the best fit to gains (n, n_reports) by a sum of functions of one item each.

    In an orthogonal array, the mean at a level of an item is its function of the item, up to a
    constant.
    """
    mean, fit = gains.mean(axis=1, keepdims=True), 0.0
    for item in levels.T:
        at_level = (item[:, None] == np.arange(n_points)).astype(float)
        fit = fit + gains @ (at_level / n_points) @ at_level.T - mean
    return fit + mean


# For items as short as a report, these are up to ten times as fast as numpy.take_along_axis.


def _take(options, order):
    """Select options (n, n_options) or (n, n_options, n_items) by index (n, k)."""
    n_rows, n_options = options.shape[:2]
    flat = options.reshape(n_rows * n_options, *options.shape[2:])
    return flat.take(order + n_options * np.arange(n_rows)[:, None], axis=0)


def _pick(values, chosen):
    """Select one entry along the last axis of values; the result has the shape of chosen."""
    n_values = values.shape[-1]
    starts = n_values * np.arange(chosen.size).reshape(chosen.shape)
    return values.reshape(-1).take(starts + chosen)
