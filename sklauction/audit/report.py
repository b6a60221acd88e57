"""What an audit found, and whether it can be all there is to find."""

from collections import namedtuple
from dataclasses import dataclass

import numpy as np

from sklauction.economics import auction_score
from sklauction.utils.numbers import near_one, say_money
from sklauction.utils.validation import check_flag, check_number, check_numbers, check_positive

__all__ = ["Consistency", "RegretReport", "audit_consistency"]

PROFILES = ("n_profiles", "n_bidders", "n_items")
# What a report says of its search.
SAID = {"effort", "evaluations_each", "gradient", "seconds", "stages", "starts", "steps"}


@dataclass(frozen=True)
class RegretReport:
    """What an audit found. Money is in the unit of the valuations.

    Every regret [1]_ is a lower bound: a search can miss misreports, never invent them.

    Parameters
    ----------
    valuations : ndarray of shape (n_samples, n_bidders, n_items)
        The truthful profiles.
    regrets : ndarray of shape (n_samples, n_bidders)
        Ex-post regret found, per profile and bidder.
    misreports : ndarray of shape (n_samples, n_bidders, n_items)
        The report that attains it, the others being truthful; the truth where none pays.
    truthful_utilities : ndarray of shape (n_samples, n_bidders)
        What each bidder gains by the truth, in money.
    revenues : ndarray of shape (n_samples,)
        Total payment of each profile under truthful reports.
    max_ir_violation : float
        Largest payment above the reported value of what a bidder gets, under the truth, in money.
    max_feasibility_violation : float
        Largest excess of allocation over what exists, under the truth, in probability.
    problems : tuple of str
        One sentence for each kind of outcome that no auction may have (more given out
        than there is, payments above the reported value, each under the truth or under a
        misreport): by how much at worst, in which row, and how often.
    search : dict
        ``effort``, ``gradient`` (whether the mechanism was climbed), ``stages`` (names),
        ``starts`` and ``steps`` (ascents or polished reports in all, steps of the
        longest), ``evaluations_each`` (per bidder and profile), ``evaluations`` (in all)
        and ``seconds``.
    certificate : RegretCertificate or None
        Upper bound on the same regret, where the auction can prove one.

    Raises
    ------
    ValueError
        If an array does not hold finite numbers in its shape, or a figure is none; in
        :meth:`plot`, if there is no such bidder or item.
    ImportError
        In :meth:`plot`, without matplotlib.

    See Also
    --------
    sklauction.measure_regret : Makes it.

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019, section 2.
    .. [2] Rahme, Jelassi & Weinberg, "Auction Learning as a Two-Player Game",
       ICLR 2021, section 3.

    Examples
    --------
    One bidder who gets the item in any case and pays half of its bid: the best report is 0. So
    regret is half of the value, as is revenue, and nothing is left of the score [2]_.

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

    valuations: np.ndarray
    regrets: np.ndarray
    misreports: np.ndarray
    truthful_utilities: np.ndarray
    revenues: np.ndarray
    max_ir_violation: float
    max_feasibility_violation: float
    problems: tuple
    search: dict
    certificate: object = None

    def __post_init__(self):
        valuations = check_numbers(self.valuations, "valuations", PROFILES)
        n_profiles, n_bidders, _ = valuations.shape
        each = (n_profiles, n_bidders)
        checked = {
            "valuations": valuations,
            "regrets": check_numbers(self.regrets, "regrets", each),
            "misreports": check_numbers(self.misreports, "misreports", valuations.shape),
            "truthful_utilities": check_numbers(
                self.truthful_utilities, "truthful_utilities", each
            ),
            "revenues": check_numbers(self.revenues, "revenues", (n_profiles,)),
        }
        for name in ("max_ir_violation", "max_feasibility_violation"):
            checked[name] = check_number(getattr(self, name), name)
        if not isinstance(self.problems, tuple):
            raise ValueError(f"problems must be a tuple of sentences; got {self.problems!r}")
        # Without a search nothing is said of it.
        if not isinstance(self.search, dict) or not (set(self.search) >= SAID or not self.search):
            raise ValueError(
                f"search must be a dict of {', '.join(sorted(SAID))}, or empty; got {self.search!r}"
            )
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def revenue(self):
        """``P``: mean over profiles of the total payment, in money."""
        return _mean(self.revenues)

    @property
    def revenue_se(self):
        """Standard error of :attr:`revenue` over profiles; NaN for a single one."""
        return _standard_error(self.revenues)

    @property
    def total_regret(self):
        """``R``: mean over profiles of the sum over bidders, in money; a lower bound."""
        return _mean(self.regrets.sum(axis=1))

    @property
    def total_regret_se(self):
        """Standard error of :attr:`total_regret` over profiles; NaN for a single one."""
        return _standard_error(self.regrets.sum(axis=1))

    @property
    def mean_regret(self):
        """Mean over profiles and bidders (some papers print this one), in money."""
        return _mean(self.regrets)

    @property
    def max_regret(self):
        """Largest regret of any bidder in any profile, in money."""
        return float(self.regrets.max())

    @property
    def score(self):
        """``sqrt(P) - sqrt(R)``, in the square root of money; as R is found, an upper bound."""
        return auction_score(self.revenue, self.total_regret)

    def plot(self, bidder=None, items=(0, 1), axes=None):
        """Show where regret lives: how large it is, and at which valuations.

        Parameters
        ----------
        bidder : int, default=None
            Whose regret; None takes the one with the largest.
        items : tuple of int, default=(0, 1)
            The items whose values are the axes; a single one where there is one item.
        axes : sequence of two matplotlib axes, default=None
            None makes a figure.

        Returns
        -------
        RegretDisplay
            With ``figure_`` and ``axes_``.

        Raises
        ------
        ValueError
            If there is no such bidder or item.
        ImportError
            Without matplotlib.
        """
        from sklauction.plotting import RegretDisplay

        return RegretDisplay.from_report(self, bidder=bidder, items=items).plot(axes=axes)

    def _certified_rows(self):
        """Return what to print of the certificate."""
        if self.certificate is None:
            return []
        proven = self.certificate
        return [
            ("total regret (certified upper bound)", say_money(proven.mean_bound, 3)),
            (f"  in expectation, {100 * proven.confidence:g} %", say_money(proven.upper_bound, 3)),
        ]

    def __str__(self):
        search = self.search
        rows = [
            ("revenue", f"{say_money(self.revenue, 6)} +- {say_money(self.revenue_se, 1)}"),
            (
                "total regret (lower bound)",
                f"{say_money(self.total_regret, 3)} +- {say_money(self.total_regret_se, 1)}",
            ),
            *self._certified_rows(),
            ("mean regret per bidder", say_money(self.mean_regret, 3)),
            ("largest regret", say_money(self.max_regret, 3)),
            ("score sqrt(P) - sqrt(R)", f"{self.score:.6g}"),
            ("largest IR violation", f"{self.max_ir_violation:.2g}"),
            ("largest infeasibility", f"{self.max_feasibility_violation:.2g}"),
        ]
        width = max(len(name) for name, _ in rows)
        lines = [f"Regret audit of {self.regrets.shape[0]:,} profiles"]
        lines += [f"  {name:<{width}}  {value}" for name, value in rows]
        if search:
            kind = "with gradient ascent" if search["gradient"] else "without gradients"
            lines.append(
                f"  search: {search['effort']}, {kind}, {len(search['stages'])} stages, "
                f"{search['starts']} starts of up to {search['steps']} steps, "
                f"{search['evaluations_each']:,} evaluations per bidder and profile, "
                f"{search['seconds']:.1f} s"
            )
        lines += [f"  PROBLEM: {problem}" for problem in self.problems]
        return "\n".join(lines)


FIELDS = ["possible", "implied_revenue", "standard_error", "optimum", "missing_regret"]


class Consistency(namedtuple("Consistency", FIELDS)):
    """Whether a report's revenue and regret can both be right.

    They cannot where a truthful auction made from the audited one would earn more than the
    optimum [1]_ [2]_.

    Parameters
    ----------
    possible : bool
        False where the regret must have been understated.
    implied_revenue : float
        ``(sqrt(P) - sqrt(R))**2``, what a truthful auction made from this one earns, in money.
    standard_error : float
        Of the implied revenue over profiles, in money; NaN for a single one.
    optimum : float
        The most that a truthful auction earns, in money.
    missing_regret : float
        By how much R must be larger at least for the two to agree, the sampling error
        aside, in money; 0 where they do.

    Raises
    ------
    ValueError
        If ``possible`` is not a truth value, or a figure not a finite number.

    See Also
    --------
    sklauction.audit_consistency : Makes it.

    References
    ----------
    .. [1] Balcan, Blum, Hartline & Mansour, "Mechanism Design via Machine Learning",
       FOCS 2005 (the argument).
    .. [2] Rahme, Jelassi & Weinberg, "Auction Learning as a Two-Player Game",
       ICLR 2021, proposition 1 (this form).

    Examples
    --------
    Values up to 2 at a price of 1, against the optimum for values up to 1: the auction is
    truthful, so it is the prior that does not fit.

    >>> import numpy as np
    >>> from sklauction import audit_consistency, measure_regret
    >>> def price_of_one(bids):
    ...     sold = bids[:, :, 0] >= 1
    ...     return sold[:, :, None].astype(float), sold.astype(float)
    >>> V = np.random.default_rng(0).uniform(0, 2, size=(1000, 1, 1))
    >>> found = audit_consistency(measure_regret(price_of_one, V, random_state=0), optimum=0.25)
    >>> found.possible, bool(found.missing_regret > 0.03)
    (False, True)
    """

    __slots__ = ()

    def __new__(cls, possible, implied_revenue, standard_error, optimum, missing_regret):
        """Check the fields."""
        check_flag(possible, "possible")
        known = not (isinstance(standard_error, float) and np.isnan(standard_error))
        return super().__new__(
            cls,
            possible,
            check_number(implied_revenue, "implied_revenue"),
            check_number(standard_error, "standard_error") if known else np.nan,
            check_number(optimum, "optimum"),
            check_number(missing_regret, "missing_regret"),
        )

    def __str__(self):
        figures = (
            f"(sqrt P - sqrt R)^2 = {self.implied_revenue:.6g} +- {self.standard_error:.1g}, "
            f"optimum {self.optimum:.6g}"
        )
        if self.possible:
            return f"possible: {figures}"
        return (
            f"IMPOSSIBLE: {figures}: the search missed at least {self.missing_regret:.2g} of "
            "total regret, or the valuations do not follow the optimum's prior"
        )


def audit_consistency(report, optimum, n_errors=3.0):
    """Check a one-bidder audit against the known optimal revenue.

    A one-bidder mechanism with revenue P and regret R can be made exactly truthful at a
    revenue of at least ``(sqrt(P) - sqrt(R))**2``, which no truthful auction raises above
    the optimum [1]_ [2]_. A violation beyond sampling error proves that the search missed regret.
    Agreement proves nothing.

    Parameters
    ----------
    report : RegretReport
        Of one bidder, on valuations drawn from the prior of the optimum.
    optimum : float
        Optimal revenue, in the unit of the valuations.
    n_errors : float, default=3.0
        Standard errors by which the optimum may be exceeded.

    Returns
    -------
    Consistency
        In the unit of the valuations; ``possible`` is False where regret was missed.

    Raises
    ------
    ValueError
        If the report is none, or of several bidders, where the bound does not hold, or the
        optimum or ``n_errors`` is not a number above 0.

    References
    ----------
    .. [1] Balcan, Blum, Hartline & Mansour, "Mechanism Design via Machine Learning",
       FOCS 2005 (the argument).
    .. [2] Rahme, Jelassi & Weinberg, "Auction Learning as a Two-Player Game",
       ICLR 2021, proposition 1 (this form).

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction import audit_consistency, measure_regret
    >>> def half_of_the_bid(bids):
    ...     return np.ones(bids.shape), 0.5 * bids[:, :, 0]
    >>> V = np.random.default_rng(0).uniform(size=(1000, 1, 1))
    >>> report = measure_regret(half_of_the_bid, V, support=(0, 1), random_state=0)
    >>> audit_consistency(report, optimum=0.25).possible
    True
    """
    if not isinstance(report, RegretReport):
        raise ValueError(f"report must be a RegretReport, of measure_regret; got {report!r}")
    n_bidders = report.regrets.shape[1]
    if n_bidders != 1:
        raise ValueError(
            "audit_consistency needs a report of one bidder, where (sqrt(P) - sqrt(R))^2 <= "
            f"optimum is proven; got {n_bidders} bidders"
        )
    check_positive(optimum, "optimum")
    check_positive(n_errors, "n_errors")
    optimum, n_errors = float(optimum), float(n_errors)
    gain, regret = max(report.revenue, 0.0), report.total_regret
    score = max(auction_score(gain, regret), 0.0)
    # First-order error of (sqrt P - sqrt R)^2: P and R are means over the same profiles.
    influence = np.zeros(len(report.revenues))
    for mean, values, sign in ((gain, report.revenues, 1), (regret, report.regrets[:, 0], -1)):
        if mean > 0:
            influence += sign * score / np.sqrt(mean) * values
    error = _standard_error(influence)
    excess = score**2 - n_errors * (error if np.isfinite(error) else np.inf)
    possible = not excess > optimum
    needed = (np.sqrt(gain) - np.sqrt(optimum)) ** 2 if score**2 > optimum else regret
    return Consistency(
        possible, score**2, error, optimum, 0.0 if possible else float(needed - regret)
    )


def _mean(values):
    values, exponent = near_one(values)
    return float(np.ldexp(values.mean(), exponent))


def _standard_error(values):
    if len(values) < 2:
        return np.nan
    values, exponent = near_one(values)
    return float(np.ldexp(values.std(ddof=1) / np.sqrt(len(values)), exponent))
