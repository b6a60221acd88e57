"""Results of an audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sklauction.domains.auctions import ADDITIVE, Auction
from sklauction.domains.base import Domain
from sklauction.utils.numbers import format_money, format_table, scale_by_power_of_two
from sklauction.utils.tables import check_labels, html_table, make_frame
from sklauction.utils.types import Axes, DataFrame
from sklauction.utils.validation import check_number, check_numbers

if TYPE_CHECKING:
    from sklauction.plotting.regret import RegretDisplay

__all__ = ["RegretReport", "standard_error"]

# Number of axes of each array, which are the first ones of types.
N_AXES = {"types": 3, "regrets": 2, "misreports": 3, "truthful_utilities": 2, "objectives": 1}
# Required keys of a description of the search.
SEARCH_KEYS = {"effort", "evaluations_each", "gradient", "seconds", "stages", "starts", "steps"}


def _of_auctions(general, doc):
    """Return a property that gives a general attribute its name for auctions."""

    def get(report):
        if isinstance(report.domain, Auction):
            return getattr(report, general)
        raise AttributeError(
            f"a report of {report.domain!r} has no attributes of auctions; the general name is "
            f"{general}"
        )

    return property(get, doc=doc)


@dataclass(frozen=True)
class RegretReport:
    """The regret found by an audit, in the unit of the types: of auctions, in money.

    Each ex-post regret [1]_ is a lower bound, because a search can miss misreports. Reports of
    auctions have the attributes below that are named after revenue and valuations; reports of all
    domains have the general ones.

    Parameters
    ----------
    types : ndarray of shape (n_samples, n_agents, n_entries)
        Truthful profiles.
    regrets : ndarray of shape (n_samples, n_agents)
        Ex-post regret found, per profile and agent.
    misreports : ndarray of shape (n_samples, n_agents, n_entries)
        Best report found with truthful opponents; the truth if no misreport gains.
    truthful_utilities : ndarray of shape (n_samples, n_agents)
        Utility of each agent under truthful reports.
    objectives : ndarray of shape (n_samples,)
        The designer's objective in each profile under truthful reports; of auctions, the total
        payment.
    violations : dict of {str: float}
        Largest violation of each rule of the domain under truthful reports. Of auctions:
        ``"infeasibility"``, in probability, and ``"ir"``, the payment in excess of the reported
        value of the allocation, in money.
    problems : tuple of str
        A sentence for each kind of violation, under truthful reports or misreports, with the
        largest excess, its row and the number of outcomes.
    search : dict
        ``effort``, ``gradient`` (whether gradient ascent was used), ``stages`` (names),
        ``starts`` (number of ascents or polished reports), ``steps`` (of the longest one),
        ``evaluations_each`` (per agent and profile), ``evaluations`` (total) and ``seconds``.
        Empty if there was no search.
    certificate : RegretCertificate or None
        Upper bound on the same regret, if the auction provides one.
    domain : Domain
        By default that of auctions with additive demand.
    names : tuple of two lists of str, or None
        Names of the agents and of the entries, for :meth:`to_frame`. None in place of a list
        numbers them; None is the same as ``(None, None)``, which is stored.

    Raises
    ------
    ValueError
        If an array is not finite or not of its shape, a violation is not a finite number, or
        ``problems``, ``search``, ``domain`` or ``names`` is not as described; in :meth:`plot`, if
        the agent or an entry does not exist.
    AttributeError
        If an attribute of auctions is read from the report of another domain.
    ImportError
        In :meth:`plot`, if matplotlib is not installed; in :meth:`to_frame`, if pandas is not.

    See Also
    --------
    sklauction.measure_regret : Runs an audit.

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019, section 2.
    .. [2] Rahme, Jelassi & Weinberg, "Auction Learning as a Two-Player Game",
       ICLR 2021, section 3.

    Examples
    --------
    A single bidder gets the item at any bid and pays half of the bid. The best report is 0, so
    regret is half of the value, as is revenue, and the score [2]_ is 0.

    >>> import numpy as np
    >>> from sklauction import measure_regret
    >>> def half_of_the_bid(bids):
    ...     return np.ones(bids.shape), 0.5 * bids[:, :, 0]
    >>> V = np.array([[[0.2]], [[0.6]]])
    >>> report = measure_regret(half_of_the_bid, V, support=(0, 1), random_state=0)
    >>> round(report.revenue, 6), round(report.total_regret, 6), round(report.score, 6)
    (0.2, 0.2, 0.0)
    >>> report.misreports.ravel(), report.regrets.round(6).ravel()
    (array([0., 0.]), array([0.1, 0.3]))
    """

    types: np.ndarray
    regrets: np.ndarray
    misreports: np.ndarray
    truthful_utilities: np.ndarray
    objectives: np.ndarray
    violations: dict
    problems: tuple
    search: dict
    certificate: object = None
    domain: Domain = ADDITIVE
    names: tuple | None = None

    def __post_init__(self):
        if not isinstance(self.domain, Domain):
            raise ValueError(f"domain must be a Domain; got {self.domain!r}")
        axes, rules = ("n_profiles", *self.domain.axes[1:]), self.domain.rules
        for name, n_axes in N_AXES.items():
            array = check_numbers(getattr(self, name), name, axes[:n_axes])
            object.__setattr__(self, name, array)
            axes = self.types.shape
        if not isinstance(self.violations, dict) or not set(self.violations) <= set(rules):
            raise ValueError(
                f"violations must be a dict with keys of {', '.join(rules)}; got "
                f"{self.violations!r}"
            )
        for rule, violation in self.violations.items():
            check_number(violation, f"violations[{rule!r}]")
        if not isinstance(self.problems, tuple):
            raise ValueError(f"problems must be a tuple of sentences; got {self.problems!r}")
        if not isinstance(self.search, dict) or not set(self.search or SEARCH_KEYS) >= SEARCH_KEYS:
            raise ValueError(
                f"search must be a dict with keys {', '.join(sorted(SEARCH_KEYS))}, or empty; got "
                f"{self.search!r}"
            )
        object.__setattr__(self, "names", (None, None) if self.names is None else self.names)
        self._labels()

    @property
    def objective(self) -> float:
        """Mean over profiles of the designer's objective."""
        return _mean(self.objectives)

    @property
    def objective_se(self) -> float:
        """Standard error of :attr:`objective` over profiles; NaN for a single one."""
        return standard_error(self.objectives)

    @property
    def total_regret(self) -> float:
        """``R``: mean over profiles of the sum over agents; a lower bound."""
        return _mean(self.regrets.sum(axis=1))

    @property
    def total_regret_se(self) -> float:
        """Standard error of :attr:`total_regret` over profiles; NaN for a single one."""
        return standard_error(self.regrets.sum(axis=1))

    @property
    def mean_regret(self) -> float:
        """Mean over profiles and agents, as some papers report."""
        return _mean(self.regrets)

    @property
    def max_regret(self) -> float:
        """Largest regret of any agent in any profile."""
        return float(self.regrets.max())

    @property
    def score(self) -> float:
        """Score of the domain, of auctions ``sqrt(P) - sqrt(R)``; an upper bound."""
        return float(self.domain.score(self.objective, self.total_regret))

    valuations = _of_auctions("types", "Truthful profiles, in money.")
    revenues = _of_auctions("objectives", "Total payment in each profile, in money.")
    revenue = _of_auctions("objective", "``P``: mean over profiles of the total payment, in money.")
    revenue_se = _of_auctions("objective_se", "Standard error of :attr:`revenue` over profiles.")

    @property
    def max_ir_violation(self) -> float:
        """Largest payment in excess of the reported value of the allocation, in money."""
        return self.violations["ir"]

    @property
    def max_feasibility_violation(self) -> float:
        """Largest violation of the allocation constraints, in probability."""
        return self.violations["infeasibility"]

    def plot(
        self,
        bidder: int | None = None,
        items: Sequence[int] = (0, 1),
        axes: Sequence[Axes] | None = None,
    ) -> RegretDisplay:
        """Plot the distribution of regret, and regret by valuation.

        Parameters
        ----------
        bidder : int, default=None
            Bidder, or other agent, whose regret is shown. None means the one with the largest
            regret.
        items : tuple of int, default=(0, 1)
            Items, or other entries of a report, whose values are the axes; one item if there is
            only one.
        axes : sequence of two matplotlib axes, default=None
            Axes to draw on. None creates a figure.

        Returns
        -------
        RegretDisplay
            With ``figure_`` and ``axes_``.

        Raises
        ------
        ValueError
            If the bidder or an item does not exist.
        ImportError
            If matplotlib is not installed.
        """
        from sklauction.plotting import RegretDisplay

        return RegretDisplay.from_report(self, bidder=bidder, items=items).plot(axes=axes)

    def to_frame(self) -> DataFrame:
        """Return the audit as a table with one row per profile and agent. Requires pandas.

        Returns
        -------
        pandas.DataFrame
            Indexed by ``profile`` and the kind of agent, of auctions ``bidder``. Columns
            ``valuation_item_0`` ... (of other domains ``type_`` and the kind of entry),
            ``misreport_item_0`` ..., ``truthful_utility`` and ``regret``, in the unit of the types.
            Names replace the numbers if the report has any.

        Raises
        ------
        ImportError
            If pandas is not installed.

        Examples
        --------
        Mean regret of each bidder of a first-price auction:

        >>> import numpy as np
        >>> from sklauction import measure_regret
        >>> def first_price(bids):
        ...     wins = np.eye(bids.shape[1])[bids.argmax(axis=1)].swapaxes(1, 2)
        ...     return wins, (wins * bids).sum(axis=2)
        >>> report = measure_regret(first_price, np.array([[[1.0], [0.5]]]), random_state=0)
        >>> report.to_frame().groupby("bidder")["regret"].mean().round(2).tolist()
        [0.5, 0.0]
        """
        n_profiles, n_agents = self.regrets.shape
        agents, entries = self._labels()
        profiles = np.repeat(np.arange(n_profiles), n_agents)
        truth = "valuation" if isinstance(self.domain, Auction) else "type"
        columns = {
            f"{name}_{self.domain.entry}_{label}": array[..., entry].ravel()
            for name, array in ((truth, self.types), ("misreport", self.misreports))
            for entry, label in enumerate(entries)
        }
        columns["truthful_utility"] = self.truthful_utilities.ravel()
        columns["regret"] = self.regrets.ravel()
        index = {"profile": profiles, self.domain.agent: np.tile(agents, n_profiles)}
        return make_frame(columns, index)

    def _labels(self):
        """Return names of agents and of entries; numbers without names."""
        if not isinstance(self.names, tuple) or len(self.names) != 2:
            raise ValueError(
                f"names must be a tuple of two lists, of agents and of entries; got {self.names!r}"
            )
        sizes = enumerate(self.types.shape[1:])
        return [check_labels(self.names[at], size, f"names[{at}]") for at, size in sizes]

    def _repr_html_(self):
        return html_table(self._title(), self._rows(), notes=self._notes())

    def __repr__(self):
        return str(self)

    def __str__(self):
        table = format_table(self._title(), self._rows())
        return "\n".join([table, *(f"  {note}" for note in self._notes())])

    def _title(self):
        return f"Regret audit of {len(self.regrets):,} profiles"

    def _rows(self):
        """Return the name and the value of each figure as text."""
        domain, regret = self.domain, format_money(self.total_regret, 3)
        wanted = f"{format_money(self.objective, 6)} +- {format_money(self.objective_se, 1)}"
        rows = [
            (domain.objective_name, wanted),
            ("total regret (lower bound)", f"{regret} +- {format_money(self.total_regret_se, 1)}"),
            (f"mean regret per {domain.agent}", format_money(self.mean_regret, 3)),
            ("largest regret", format_money(self.max_regret, 3)),
            (f"score {domain.score_text}", f"{self.score:.6g}"),
            *(
                (rule.label, f"{self.violations[name]:.2g}")
                for name, rule in domain.rules.items()
                if name in self.violations
            ),
        ]
        if proven := self.certificate:
            level = f"  in expectation, {100 * proven.confidence:g} %"
            rows[2:2] = [
                ("total regret (certified upper bound)", format_money(proven.mean_bound, 3)),
                (level, format_money(proven.upper_bound, 3)),
            ]
        return rows

    def _notes(self):
        """Return sentences about the search and the problems."""
        notes = []
        if search := self.search:
            kind = "with gradient ascent" if search["gradient"] else "without gradients"
            notes.append(
                f"search: {search['effort']}, {kind}, {len(search['stages'])} stages, "
                f"{search['starts']} starts of up to {search['steps']} steps, "
                f"{search['evaluations_each']:,} evaluations per {self.domain.agent} and profile, "
                f"{search['seconds']:.1f} s"
            )
        return [*notes, *(f"PROBLEM: {problem}" for problem in self.problems)]


def _mean(values):
    values, exponent = scale_by_power_of_two(values)
    return float(np.ldexp(values.mean(), exponent))


def standard_error(values):
    """Return the standard error of the mean; NaN for a single value."""
    if len(values) < 2:
        return np.nan
    values, exponent = scale_by_power_of_two(values)
    return float(np.ldexp(values.std(ddof=1) / np.sqrt(len(values)), exponent))
