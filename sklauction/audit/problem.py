"""What one bidder gains by any report, the others staying truthful, for a block of profiles."""

import math

import numpy as np

__all__ = ["BidderProblem"]

# Bid entries per call of the mechanism: small enough to stay in a core's cache.
BATCH_ENTRIES = 1 << 14
# Reports that profiles with the same opponents share at a time.
SHARED_REPORTS = 1 << 15
# Truths of a large group that choose what all are offered.
SHARED_TRUTHS = 256


class BidderProblem:
    """One bidder's choice of a report in each profile of a block.

    Parameters
    ----------
    profiles : ndarray of shape (n, n_bidders, n_items)
        Truthful profiles; the opponents' part is the same whatever the bidder reports.
    rows : ndarray of shape (n,)
        Their numbers in the audit.
    bidder : int
    box : ndarray of shape (n_items, 2)
        Lowest and highest report.
    pool : ndarray of shape (n_profiles, n_items)
        Values that the bidder has anywhere in the audit.
    checked : CheckedMechanism
        The mechanism in double precision.
    module : Differentiable or None
        The same with a gradient, as a rule in single precision.

    Attributes
    ----------
    truth : ndarray of shape (n, n_items)
    rivals : ndarray of shape (n, n_items)
        Highest bid of the others on each item; the lowest report where there are none.
    low, high : ndarray of shape (n_items,)
    """

    def __init__(self, profiles, rows, bidder, box, pool, checked, module=None):
        self.profiles, self.rows, self.bidder, self.pool = profiles, rows, bidder, pool
        self.checked, self.module, self.box = checked, module, box
        self.truth = profiles[:, bidder]
        self.low, self.high = np.ascontiguousarray(box[:, 0]), np.ascontiguousarray(box[:, 1])
        opponents = np.delete(profiles, bidder, axis=1)
        # Copies of low stand in for opponents where there are none.
        floor = np.broadcast_to(self.low, (len(profiles), 1, len(box)))
        self.rivals = np.concatenate([opponents, floor], axis=1).max(axis=1)
        self.groups = _equal_rows(opponents.reshape(len(profiles), -1))

    def exact(self, reports):
        """Return utilities (n, n_reports) of reports (n, n_reports, n_items), double precision."""
        return self._utilities(reports, self._run_checked(reports))

    def try_reports(self, reports):
        """Return reports and utilities, with the best that equal opponents' rows lend.

        Parameters
        ----------
        reports : ndarray of shape (n, n_reports, n_items)

        Returns
        -------
        reports : ndarray of shape (n, n_reports or more, n_items)
        gains : ndarray of shape (n, n_reports or more)
            Utility of each at the truth; in single precision where there is a module.
        """
        outcome = self._run_module(reports) if self.module else self._run_checked(reports)
        gains = self._utilities(reports, outcome)
        if not np.isfinite(gains).all():
            gains = self._without_overflow(reports, gains)
        if not self.groups:
            return reports, gains
        n_lent = min(4, reports.shape[1])
        lent = np.repeat(self.truth[:, None], n_lent, axis=1)
        lent_gains = np.full((len(reports), n_lent), -np.inf)
        for group in self.groups:
            got, paid = outcome[0][group], outcome[1][group]
            lent[group], lent_gains[group] = _best_of_shared(
                self.truth[group], reports[group], got, paid, n_lent
            )
        return np.concatenate([reports, lent], 1), np.concatenate([gains, lent_gains], 1)

    def _without_overflow(self, reports, gains):
        """Leave out what overflows in single precision; raises if it is not finite in double."""
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
        """Return what the bidder gets (n, n_reports, n_items) and pays, in double precision."""
        n_rows, n_reports, _ = reports.shape
        flat = reports.reshape(n_rows * n_reports, -1)
        got, paid = np.empty_like(flat), np.empty(len(flat))
        for part in _batches(len(flat), self.profiles[0].size):
            index = np.arange(part.start, part.stop) // n_reports
            bids = self.profiles[index]
            bids[:, self.bidder] = flat[part]
            allocations, payments = self.checked(bids, self.rows[index], self.bidder)
            got[part], paid[part] = allocations[:, self.bidder], payments[:, self.bidder]
        return got.reshape(reports.shape), paid.reshape(n_rows, n_reports)

    def _run_module(self, reports):
        from sklauction.audit.ascent import run_module

        return run_module(self.module, self.profiles, self.bidder, reports, BATCH_ENTRIES)


def _batches(n, entries_each):
    rows = max(1, BATCH_ENTRIES // entries_each)
    return [slice(start, min(start + rows, n)) for start in range(0, n, rows)]


def _equal_rows(table):
    """Return index arrays of the rows that are equal to others, one per group."""
    if table.shape[1] == 0:
        return [np.arange(len(table))] if len(table) > 1 else []
    _, group = np.unique(table, axis=0, return_inverse=True)
    order = np.argsort(group.ravel(), kind="stable")
    bounds = np.flatnonzero(np.diff(group.ravel()[order])) + 1
    return [rows for rows in np.split(order, bounds) if len(rows) > 1]


def _best_of_shared(truth, reports, got, paid, n_lent):
    """Return for each truth the best reports among those of all rows of a group.

    The opponents are the same in all rows, so any row's report has the same outcome in
    any other: k rows of l reports give k * k * l pairs by one matrix product. The pool is
    cut into ``n_lent`` parts, and each part lends its best. In a large group only reports
    that are best for some of a sample of truths are offered to all.
    """
    n_items = truth.shape[1]
    stride = -(-reports.shape[0] * reports.shape[1] // SHARED_REPORTS)
    while math.gcd(stride, reports.shape[1]) > 1:  # else some kinds of reports were left out
        stride += 1
    reports, got = (array.reshape(-1, n_items)[::stride] for array in (reports, got))
    paid = paid.reshape(-1)[::stride]
    lent, gains = np.empty((len(truth), n_lent, n_items)), np.empty((len(truth), n_lent))
    sample = truth[:: -(-len(truth) // SHARED_TRUTHS)]
    for part, index in enumerate(np.array_split(np.arange(len(paid)), n_lent)):
        if len(sample) < len(truth):
            index = index[np.unique(_utility_table(sample, got[index], paid[index]).argmax(axis=1))]
        utility = _utility_table(truth, got[index], paid[index])
        best = utility.argmax(axis=1)
        lent[:, part] = reports[index][best]
        gains[:, part] = np.take_along_axis(utility, best[:, None], 1)[:, 0]
    return lent, gains


def _utility_table(truth, got, paid):
    """Return the utility (n, n_outcomes) of every outcome at every truth."""
    # einsum, as the threads of a BLAS product stand in the way of torch's, which slows fits.
    return np.einsum("nj,lj->nl", truth, got) - paid
