"""One agent's utility of its reports, for a block of profiles with truthful opponents."""

import math

import numpy as np

from sklauction.utils.batching import blocks, join

__all__ = ["AgentProblem"]

# Maximum number of reports shared between profiles with equal opponents.
SHARED_REPORTS = 1 << 15
# Number of truths in a large group that select the shared reports.
SHARED_TRUTHS = 256


class AgentProblem:
    """One agent's problem of choosing a report in each profile of a block.

    Parameters
    ----------
    profiles : ndarray of shape (n, n_agents, n_items)
        Truthful profiles. The opponents' reports stay fixed.
    rows : ndarray of shape (n,)
        Their indices in the audit.
    agent : int
    box : ndarray of shape (n_items, 2)
        Lowest and highest report.
    pool : ndarray of shape (n_profiles, n_items)
        The agent's types in all profiles of the audit.
    checked : CheckedMechanism
        The mechanism in float64.
    module : Differentiable or None
        The mechanism with a gradient, usually in float32.

    Attributes
    ----------
    truth : ndarray of shape (n, n_items)
    others : ndarray of shape (n, n_agents - 1, n_items)
        Truthful reports of the opponents.
    rivals : ndarray of shape (n, n_items)
        Reports of the opponents next to which outcomes may jump, by the domain.
    low, high : ndarray of shape (n_items,)
        Ends of the box.
    """

    def __init__(self, profiles, rows, agent, box, pool, checked, module=None):
        self.profiles, self.rows, self.agent, self.pool = profiles, rows, agent, pool
        self.checked, self.module, self.domain = checked, module, checked.domain
        self.truth = profiles[:, agent]
        self.low, self.high = np.ascontiguousarray(box.T)
        self.others = np.delete(profiles, agent, axis=1)
        self.rivals = self.domain.rivals(self.others, self.low)
        self.groups = _equal_rows(self.others.reshape(len(profiles), -1))

    def deviations(self):
        """Return the misreports that the domain suggests, (n, n_reports, n_items)."""
        return self.domain.deviations(self.truth, self.others, self.low, self.high)

    def exact(self, reports):
        """Return utilities (n, n_reports) of reports (n, n_reports, n_items), in float64."""
        return self._utilities(self.run_in_batches(self._run_checked, reports))

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
        if self.module is None:
            part = self.run_in_batches(self._run_checked, reports)
        else:
            from sklauction.audit.ascent import run_module

            part = run_module(self, reports)
        gains = self._utilities(part)
        if not np.isfinite(gains).all():
            gains = self._drop_overflow(reports, gains)
        if not self.groups:
            return reports, gains
        n_shared = min(4, reports.shape[1])
        shared = np.repeat(self.truth[:, None], n_shared, axis=1)
        shared_gains = np.full((len(reports), n_shared), -np.inf)
        for group in self.groups:
            given = [field[group] for field in part]
            shared[group], shared_gains[group] = _best_of_shared(
                self.domain, self.truth[group], reports[group], given, n_shared
            )
        return np.concatenate([reports, shared], 1), np.concatenate([gains, shared_gains], 1)

    def run_in_batches(self, run, reports, entries=None):
        """Return what a function returns for reports, in batches to bound memory.

        Parameters
        ----------
        run : callable
            Takes the row of the profile of each report, and the reports (n_some, n_items). Returns
            arrays with a row per report.
        reports : ndarray of shape (n, n_reports, n_items)
        entries : int, default=None
            Report entries per batch; see :func:`~sklauction.utils.batching.blocks`.

        Returns
        -------
        list of ndarray of shape (n, n_reports, ...)
            In float64.
        """
        n_rows, n_reports, n_items = reports.shape
        flat = reports.reshape(-1, n_items)

        def batches():
            for some in blocks((len(flat), *self.profiles.shape[1:]), entries):
                yield some, run(np.arange(some.start, some.stop) // n_reports, flat[some])

        found = join(batches(), len(flat), float)
        return [array.reshape(n_rows, n_reports, *array.shape[1:]) for array in found]

    def _drop_overflow(self, reports, gains):
        """Set gains that overflow in float32 to -inf; raise ValueError if they do in float64."""
        bad = ~np.isfinite(gains)
        rows = np.flatnonzero(bad.any(axis=1))
        self._run_checked(rows, reports[rows, bad[rows].argmax(axis=1)])
        return np.where(bad, -np.inf, gains)

    def _utilities(self, part):
        return self.domain.worth(self.truth[:, None], part)

    def _run_checked(self, index, reports):
        """Return the agent's part of the outcome, in float64, of a report in each profile given."""
        profiles = self.profiles[index]
        profiles[:, self.agent] = reports
        outcome = self.checked(profiles, self.rows[index], self.agent)
        return self.domain.part(outcome, self.agent)


def _equal_rows(table):
    """Return index arrays of groups of two or more equal rows."""
    group = np.unique(table, axis=0, return_inverse=True)[1].ravel()
    order = np.argsort(group, kind="stable")
    bounds = np.flatnonzero(np.diff(group[order])) + 1
    return [rows for rows in np.split(order, bounds) if len(rows) > 1]


def _best_of_shared(domain, truth, reports, part, n_shared):
    """Return for each truth the best reports among those of all rows of a group.

    Opponents are equal, so a report has the same outcome in all rows of the group. The reports
    are split into ``n_shared`` parts, and the best of each part is returned. In a large group,
    only reports that are best for some of a sample of truths are considered.
    """
    n_items = truth.shape[1]
    stride = -(-reports.shape[0] * reports.shape[1] // SHARED_REPORTS)
    while math.gcd(stride, reports.shape[1]) > 1:  # otherwise some columns would be left out
        stride += 1
    reports, *part = (array.reshape(-1, *array.shape[2:])[::stride] for array in (reports, *part))
    best_reports = np.empty((len(truth), n_shared, n_items))
    gains = np.empty((len(truth), n_shared))
    sample = truth[:: -(-len(truth) // SHARED_TRUTHS)]
    for column, index in enumerate(np.array_split(np.arange(len(reports)), n_shared)):
        if len(sample) < len(truth):
            table = domain.worths(sample, [field[index] for field in part])
            index = index[np.unique(table.argmax(axis=1))]
        utility = domain.worths(truth, [field[index] for field in part])
        best = utility.argmax(axis=1)
        best_reports[:, column] = reports[index][best]
        gains[:, column] = np.take_along_axis(utility, best[:, None], 1)[:, 0]
    return best_reports, gains
