"""measure_regret: search for profitable misreports in any mechanism.

The regret found is a lower bound on the true regret, because a search can miss misreports. All
figures are computed in float64 from the mechanism's outcomes at the misreports found.
"""

from __future__ import annotations

import time

import numpy as np
from sklearn.utils import check_random_state

from sklauction.audit.candidates import anchors
from sklauction.audit.mechanisms import CheckedMechanism, differentiable
from sklauction.audit.pipelines import last_step
from sklauction.audit.plan import plan
from sklauction.audit.problem import AgentProblem
from sklauction.audit.report import RegretReport
from sklauction.audit.search import Search
from sklauction.domains.auctions import Demand, auction_of
from sklauction.domains.base import Domain
from sklauction.utils.batching import blocks, join
from sklauction.utils.constraints import FLAG, NONE, SEED
from sklauction.utils.numbers import largest
from sklauction.utils.types import ArrayLike, Effort, Mechanism, Profiles, Seed
from sklauction.utils.validation import check_numbers, check_support
from sklauction.utils.warning import warn_user

__all__ = ["measure_regret"]

# Number of profiles checked for equal opponents before all profiles are sorted.
N_PROBED = 1000
# Seconds before the default progress bar appears.
BAR_DELAY = 5.0


def measure_regret(
    mechanism: Mechanism,
    valuations: Profiles,
    *,
    support: ArrayLike | None = None,
    demand: Demand | None = None,
    domain: Domain | None = None,
    effort: Effort = "default",
    random_state: Seed = None,
    verbose: bool | None = None,
) -> RegretReport:
    """Search for each agent's most profitable misreport, and report the regret found.

    The ex-post regret of agent i (a bidder) at profile v is its largest gain from a misreport,
    ``max over b of u_i(v_i; b, v_-i) - u_i(v_i; v)``, with truthful opponents [1]_. The search
    tries the ends of the support, opponents' bids and values next to them, points near the
    truth, valuations from other profiles, bids on some of the items, the same bid on all items,
    scaled truths, and evenly spread reports. It then scans each item, runs gradient ascent if the
    mechanism has a gradient, and refines the best reports in steps that cross jumps. A larger
    effort continues the search of a smaller one, so it never finds less.

    Parameters
    ----------
    mechanism : fitted auction, Pipeline, search, torch.nn.Module or callable
        Of a fitted pipeline the last step is audited, in its unit, on valuations transformed by
        the steps before it; of a fitted search, the best estimator. Others map bids
        (n, n_bidders, n_items) to (allocations, payments), row by row; in another domain,
        reports (n, n_agents, n_entries) to the fields of its outcome. Torch modules and
        estimators with a ``mechanism_`` are searched with gradients, on their device; others as
        black boxes.
    valuations : array-like of shape (n_samples, n_bidders, n_items)
        True valuations, in money, or types of another domain; for an estimator, in any form that
        its ``predict`` accepts.
    support : array-like broadcastable to (n_bidders, n_items, 2), default=None
        Lowest and highest report of a bidder, in money. None means the auction's ``support_``,
        or from zero to the largest valuation if it has none (in another domain, the range of the
        types).
    demand : {"additive", "unit"} or Auction, default=None
        For the feasibility check. None means the auction's ``demand``, or "additive" if it has
        none.
    domain : Domain, default=None
        What the mechanism decides, and what that is worth. None means that of an estimator,
        otherwise auctions with this ``demand``.
    effort : {"quick", "default", "thorough"} or int, default="default"
        Length of the search. An integer is the maximum number of evaluations per bidder and
        profile, up to 10 million; only whole stages are run.
    random_state : int, RandomState instance or None, default=None
        Seed of the search.
    verbose : bool, default=None
        Whether to show a progress bar. None shows one on a terminal after 5 seconds.

    Returns
    -------
    RegretReport
        In the unit of the valuations. Its regret is a lower bound on the true regret. If the
        mechanism has a method ``certify``, it also has a ``certificate``, an upper bound.

    Raises
    ------
    ValueError
        If an argument is malformed, or the mechanism returns wrong shapes, non-finite values,
        or different outcomes for the same bids; the message names the row. Also if a step of a
        pipeline breaks the unit of money.
    NotFittedError
        If the mechanism is an unfitted auction.

    Warns
    -----
    UserWarning
        If an allocation is infeasible or a payment exceeds the reported value of the
        allocation; also kept in ``report.problems``.

    See Also
    --------
    CallableAuction : A mechanism of your own as an estimator.
    audit_consistency : Check a one-bidder audit against the optimal revenue.

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019, section 2.

    Examples
    --------
    In a first-price auction with value 1 against a bid of 0.5, a bid just above 0.5 is best.

    >>> import numpy as np
    >>> from sklauction import measure_regret
    >>> def first_price(bids):
    ...     wins = np.eye(bids.shape[1])[bids.argmax(axis=1)].swapaxes(1, 2)
    ...     return wins, (wins * bids).sum(axis=2)
    >>> report = measure_regret(first_price, np.array([[[1.0], [0.5]]]), random_state=0)
    >>> 0.4999 < report.total_regret <= 0.5
    True
    """
    started = time.perf_counter()
    mechanism, valuations = last_step(mechanism, valuations)
    domain = _find_domain(mechanism, demand, domain)
    types = _check_types(mechanism, domain, valuations)
    SEED.check(random_state, "random_state")
    (NONE | FLAG).check(verbose, "verbose")
    box = _find_support(mechanism, domain, types, support)
    unit = largest(types)
    checked = CheckedMechanism(mechanism, domain, unit)
    module = differentiable(mechanism, types[:1], unit)
    first = AgentProblem(types[:1], np.arange(1), 0, box[0], types[:1, 0], checked)
    stages = plan(types.shape[2], anchors(first).shape[1], module is not None, effort)
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))

    truthful, objectives = _truthful_outcomes(checked, types)
    certify = getattr(mechanism, "certify", None) if len(types) > 1 else None
    certificate = None if certify is None else certify(types, support=box)
    total = len(stages) * types.shape[1] * len(list(blocks(types.shape)))
    with _progress(verbose, total) as bar:
        regrets, misreports = _search(types, truthful, box, checked, module, stages, seed, bar)
    problems = tuple(checked.problems())
    for problem in problems:
        warn_user(f"measure_regret: {problem}")
    return RegretReport(
        types=types,
        regrets=regrets,
        misreports=misreports,
        truthful_utilities=truthful,
        objectives=objectives,
        violations=checked.violations,
        problems=problems,
        search=_summary(effort, module is not None, stages, truthful.size, started),
        certificate=certificate,
        domain=domain,
        names=tuple(getattr(mechanism, name, None) for name in ("agent_names_", "entry_names_")),
    )


def _find_domain(mechanism, demand, domain):
    """Return the domain that is given, or the mechanism's own."""
    if domain is not None and (demand is not None or not isinstance(domain, Domain)):
        raise ValueError(
            f"domain must be a Domain, without a demand; got {domain!r} and demand={demand!r}"
        )
    own = getattr(mechanism, "domain", None) if domain is None and demand is None else domain
    if isinstance(own, Domain):
        return own
    return auction_of(getattr(mechanism, "demand", "additive") if demand is None else demand)


def _search(types, truthful, box, checked, module, stages, seed, bar):
    """Return the regrets and misreports found, updating a progress bar after each stage."""
    regrets, misreports = np.empty(truthful.shape), np.empty(types.shape)
    for agent, pool in enumerate(types.swapaxes(0, 1)):
        for start, rows in _rows_of_blocks(types, agent):
            problem = AgentProblem(types[rows], rows, agent, box[agent], pool, checked, module)
            random = np.random.default_rng([seed, agent, start])
            search = Search(problem, truthful[rows, agent], random)
            for stage in search.run_stages(stages):
                bar.set_postfix_str(stage.name, refresh=False)
                bar.update()
            regrets[rows, agent] = search.gains - truthful[rows, agent]
            misreports[rows, agent] = search.reports
    return regrets, misreports


def _summary(effort, gradient, stages, n_searches, started):
    """Return the description of the search in a report."""
    each = sum(stage.evaluations for stage in stages)
    return {
        "effort": effort,
        "gradient": gradient,
        "stages": tuple(stage.name for stage in stages),
        "starts": sum(stage.starts for stage in stages),
        "steps": max(stage.steps for stage in stages),
        "evaluations_each": each,
        "evaluations": each * n_searches,
        "seconds": time.perf_counter() - started,
    }


def _check_types(mechanism, domain, types):
    if hasattr(mechanism, "as_profiles"):
        return mechanism.as_profiles(types)
    if isinstance(types, np.memmap):  # check_numbers copies subclasses of ndarray
        types = np.asarray(types)
    sizes = (size or axis for size, axis in zip(domain.shape, domain.axes[1:]))
    axes = "n_profiles", *sizes
    return check_numbers(types, "valuations", axes, least=domain.lowest)


def _find_support(mechanism, domain, types, support):
    """Return the box of reports, widened to include all types."""
    if support is None:
        support = getattr(mechanism, "support_", None)
    if support is None:
        lowest = domain.lowest if np.isfinite(domain.lowest) else types.min()
        support = np.array([lowest, types.max()])
    box = check_support(support, *types.shape[1:], domain.lowest, domain.axes)
    box[..., 0] = np.minimum(box[..., 0], types.min(axis=0))
    box[..., 1] = np.maximum(box[..., 1], types.max(axis=0))
    return box


def _truthful_outcomes(checked, types):
    """Return utilities (n_samples, n_agents) and objectives (n_samples,) of truthful reports."""

    def run():
        for part in blocks(types.shape):
            some, rows = types[part], np.arange(part.start, part.stop)
            outcome = checked(some, rows)
            if part.start == 0:
                checked.check_repeatable(some, rows, outcome)
            domain = checked.domain
            yield part, (domain.utilities(some, outcome), domain.objective(some, outcome))

    return join(run(), len(types))


def _rows_of_blocks(types, agent):
    """Yield the start and rows of each block, sorted by opponents if some are equal."""
    opponents = np.delete(types[:N_PROBED], agent, axis=1)
    opponents = opponents.reshape(len(opponents), -1)
    order = None
    if opponents.shape[1] and len(np.unique(opponents, axis=0)) < len(opponents):
        # Column by column, to avoid a copy of all opponents.
        others = [i for i in range(types.shape[1]) if i != agent]
        entries = range(types.shape[2])
        order = np.lexsort([types[:, i, j] for i in others for j in entries])
    for part in blocks(types.shape):
        rows = np.arange(part.start, part.stop) if order is None else order[part]
        yield part.start, rows


def _progress(verbose, total):
    from tqdm.auto import tqdm

    return tqdm(
        total=total,
        desc="audit",
        unit="stage",
        disable=None if verbose is None else not verbose,
        delay=BAR_DELAY if verbose is None else 0.0,
    )
