"""One bidder's utility of its reports, for a block of profiles with truthful opponents."""

import math

import numpy as np

from sklauction.utils.batching import blocks

__all__ = ["BidderProblem"]

# Maximum number of reports shared between profiles with equal opponents.
SHARED_REPORTS = 1 << 15
# Number of truths in a large group that select the shared reports.
SHARED_TRUTHS = 256


class BidderProblem:
    """One bidder's problem of choosing a report in each profile of a block.

    Parameters
    ----------
    profiles : ndarray of shape (n, n_bidders, n_items)
        Truthful profiles. The opponents' bids stay fixed.
    rows : ndarray of shape (n,)
        Their indices in the audit.
    bidder : int
    box : ndarray of shape (n_items, 2)
        Lowest and highest report.
    pool : ndarray of shape (n_profiles, n_items)
        The bidder's valuations in all profiles of the audit.
    checked : CheckedMechanism
        The mechanism in float64.
    module : Differentiable or None
        The mechanism with a gradient, usually in float32.

    Attributes
    ----------
    truth : ndarray of shape (n, n_items)
    rivals : ndarray of shape (n, n_items)
        Highest bid of the opponents on each item; the lowest report if there are none.
    low, high : ndarray of shape (n_items,)
        Ends of the box.
    """

    def __init__(self, profiles, rows, bidder, box, pool, checked, module=None):
        self.profiles, self.rows, self.bidder, self.pool = profiles, rows, bidder, pool
        self.checked, self.module, self.box = checked, module, box
        self.truth = profiles[:, bidder]
        self.low, self.high = np.ascontiguousarray(box[:, 0]), np.ascontiguousarray(box[:, 1])
        opponents = np.delete(profiles, bidder, axis=1)
        floor = np.broadcast_to(self.low, (len(profiles), 1, len(box)))
        self.rivals = np.concatenate([opponents, floor], axis=1).max(axis=1)
        self.groups = _equal_rows(opponents.reshape(len(profiles), -1))

    def exact(self, reports):
        """Return utilities (n, n_reports) of reports (n, n_reports, n_items), in float64."""
        return self._utilities(reports, self._run_checked(reports))

    def try_reports(self, reports):
        """Return reports and utilities, plus the best reports of rows with equal opponents.

        Parameters
        ----------
        reports : ndarray of shape (n, n_reports, n_items)

        Returns
        -------
        reports : ndarray of shape (n, n_reports or more, n_items)
        gains : ndarray of shape (n, n_reports or more)
            Utility of each at the truth, in the precision of the module if there is one.
        """
        outcome = self._run_module(reports) if self.module else self._run_checked(reports)
        gains = self._utilities(reports, outcome)
        if not np.isfinite(gains).all():
            gains = self._drop_overflow(reports, gains)
        if not self.groups:
            return reports, gains
        n_shared = min(4, reports.shape[1])
        shared = np.repeat(self.truth[:, None], n_shared, axis=1)
        shared_gains = np.full((len(reports), n_shared), -np.inf)
        for group in self.groups:
            got, paid = outcome[0][group], outcome[1][group]
            shared[group], shared_gains[group] = _best_of_shared(
                self.truth[group], reports[group], got, paid, n_shared
            )
        return np.concatenate([reports, shared], 1), np.concatenate([gains, shared_gains], 1)

    def _drop_overflow(self, reports, gains):
        """Set gains that overflow in float32 to -inf; raise ValueError if they do in float64."""
        bad = ~np.isfinite(gains)
        rows = np.flatnonzero(bad.any(axis=1))
        suspects = BidderProblem(
            self.profiles[rows], self.rows[rows], self.bidder, self.box, self.pool, self.checked
        )
        suspects.exact(reports[rows, bad[rows].argmax(axis=1)][:, None])
        return np.where(bad, -np.inf, gains)

    def _utilities(self, reports, outcome):
        got, paid = outcome
        return np.einsum("nj,nlj->nl", self.truth, got) - paid

    def _run_checked(self, reports):
        """Return the bidder's allocations (n, n_reports, n_items) and payments, in float64."""
        n_rows, n_reports, _ = reports.shape
        flat = reports.reshape(n_rows * n_reports, -1)
        got, paid = np.empty_like(flat), np.empty(len(flat))
        for part in blocks((len(flat), *self.profiles.shape[1:])):
            index = np.arange(part.start, part.stop) // n_reports
            bids = self.profiles[index]
            bids[:, self.bidder] = flat[part]
            allocations, payments = self.checked(bids, self.rows[index], self.bidder)
            got[part], paid[part] = allocations[:, self.bidder], payments[:, self.bidder]
        return got.reshape(reports.shape), paid.reshape(n_rows, n_reports)

    def _run_module(self, reports):
        from sklauction.audit.ascent import run_module

        return run_module(self.module, self.profiles, self.bidder, reports)


def _equal_rows(table):
    """Return index arrays of groups of two or more equal rows."""
    if table.shape[1] == 0:
        return [np.arange(len(table))] if len(table) > 1 else []
    _, group = np.unique(table, axis=0, return_inverse=True)
    order = np.argsort(group.ravel(), kind="stable")
    bounds = np.flatnonzero(np.diff(group.ravel()[order])) + 1
    return [rows for rows in np.split(order, bounds) if len(rows) > 1]


def _best_of_shared(truth, reports, got, paid, n_shared):
    """Return for each truth the best reports among those of all rows of a group.

    Opponents are equal, so a report has the same outcome in all rows of the group. The reports
    are split into ``n_shared`` parts, and the best of each part is returned. In a large group,
    only reports that are best for some of a sample of truths are considered.
    """
    n_items = truth.shape[1]
    stride = -(-reports.shape[0] * reports.shape[1] // SHARED_REPORTS)
    while math.gcd(stride, reports.shape[1]) > 1:  # otherwise some columns would be left out
        stride += 1
    reports, got = (array.reshape(-1, n_items)[::stride] for array in (reports, got))
    paid = paid.reshape(-1)[::stride]
    best_reports = np.empty((len(truth), n_shared, n_items))
    gains = np.empty((len(truth), n_shared))
    sample = truth[:: -(-len(truth) // SHARED_TRUTHS)]
    for part, index in enumerate(np.array_split(np.arange(len(paid)), n_shared)):
        if len(sample) < len(truth):
            index = index[np.unique(_utility_table(sample, got[index], paid[index]).argmax(axis=1))]
        utility = _utility_table(truth, got[index], paid[index])
        best = utility.argmax(axis=1)
        best_reports[:, part] = reports[index][best]
        gains[:, part] = np.take_along_axis(utility, best[:, None], 1)[:, 0]
    return best_reports, gains


def _utility_table(truth, got, paid):
    """Return the utility (n, n_outcomes) of each outcome at each truth."""
    # einsum, because BLAS threads compete with those of torch and slow down fits.
    return np.einsum("nj,lj->nl", truth, got) - paid
