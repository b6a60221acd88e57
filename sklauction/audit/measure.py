"""The auditor: searches for misreports that pay, in any mechanism. Separate from training.

The regret found is a lower bound on the true regret: a search can miss misreports, never
invent them. Every figure is recomputed in double precision from the mechanism's own
outcomes at the misreports found.
"""

import time
import warnings

import numpy as np
from sklearn.utils import check_random_state

from sklauction.audit.mechanisms import CheckedMechanism, differentiable
from sklauction.audit.plan import plan
from sklauction.audit.problem import BidderProblem
from sklauction.audit.report import RegretReport
from sklauction.audit.search import Search
from sklauction.economics import utilities
from sklauction.utils.batching import blocks
from sklauction.utils.validation import (
    DEMANDS,
    check_choice,
    check_flag,
    check_numbers,
    check_seed,
    check_support,
)

__all__ = ["measure_regret"]

# Profiles in which equal opponents are looked for before all are sorted.
GROUPS_PROBED = 1000
# A bar appears after so many seconds.
BAR_DELAY = 5.0


def measure_regret(
    mechanism,
    valuations,
    *,
    support=None,
    demand=None,
    effort="default",
    random_state=None,
    verbose=None,
):
    """Search for each bidder's most profitable misreport, and report what was found.

    Ex-post regret of bidder i at the profile v is the most that it gains by any report,
    ``max over b of u_i(v_i; b, v_-i) - u_i(v_i; v)``, the others staying truthful [1]_. The
    search looks at the ends of the support, at the others' bids, near the truth, at other
    profiles' values and evenly over the support, sweeps each item, climbs where the
    mechanism has a gradient, and narrows in by steps that cross jumps. A larger effort
    does all that a smaller one does and goes on from there: it never finds less.

    Parameters
    ----------
    mechanism : fitted auction, torch.nn.Module or callable
        Maps bids (n, n_bidders, n_items) to (allocations, payments), each row for itself.
        Auctions that have a ``mechanism_`` and torch modules are searched along their
        gradient, on the device where they are; anything else is a black box.
    valuations : array-like of shape (n_samples, n_bidders, n_items)
        True valuations, in money; for an auction, in any form that its ``predict`` takes.
    support : array-like broadcastable to (n_bidders, n_items, 2), default=None
        Lowest and highest report that a bidder may make, in money. None takes the auction's
        ``support_``, else from zero to the largest valuation.
    demand : {"additive", "unit"}, default=None
        For the feasibility check. None takes the auction's own, else "additive".
    effort : {"quick", "default", "thorough"} or int, default="default"
        How hard to search. An integer is the number of evaluations per bidder and profile, at
        most 10 million; as many whole stages as it pays for are done.
    random_state : int, RandomState instance or None, default=None
        Seed of the search.
    verbose : bool, default=None
        Whether to show a progress bar. None shows one on a terminal after 5 seconds.

    Returns
    -------
    RegretReport
        In the unit of the valuations. Its regret is what the search found, a lower bound on the
        true one; with a ``certificate``, an upper bound on the same regret, where the mechanism
        has a method ``certify``.

    Raises
    ------
    ValueError
        If an argument is malformed, or the mechanism returns wrong shapes, values that
        are not finite, or other outcomes when the same bids are run again; the message
        names the row.
    NotFittedError
        If the mechanism is an auction that is not fitted.

    Warns
    -----
    UserWarning
        If the mechanism gives out more than there is or charges more than the reported
        value; also kept in ``report.problems``.

    See Also
    --------
    CallableAuction : Your own mechanism as an estimator.
    audit_consistency : Whether one bidder's report can be all there is.

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019, section 2.

    Examples
    --------
    A first-price auction: with value 1 against a bid of 0.5, bidding just above 0.5 pays.

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
    valuations = _check_valuations(mechanism, valuations)
    if demand is None:
        demand = getattr(mechanism, "demand", "additive")
    check_choice(demand, "demand", DEMANDS)
    check_seed(random_state)
    if verbose is not None:
        check_flag(verbose, "verbose")
    box = _find_support(mechanism, valuations, support)
    _, n_bidders, n_items = valuations.shape
    money = valuations.max()
    checked = CheckedMechanism(mechanism, demand, money)
    module = differentiable(mechanism, valuations[:1], money)
    stages = plan(n_items, module is not None, effort)
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))

    truthful, revenues = _run_truthfully(checked, valuations)
    certificate = _certificate(mechanism, valuations, box)
    regrets, misreports = np.empty(truthful.shape), np.empty(valuations.shape)
    n_blocks = n_bidders * len(list(blocks(valuations.shape)))
    with _progress(verbose, n_blocks * len(stages)) as bar:
        for bidder, rows, random in _blocks(valuations, seed):
            problem = BidderProblem(
                valuations[rows], rows, bidder, box[bidder], valuations[:, bidder], checked, module
            )
            search = Search(problem, truthful[rows, bidder], random)
            for stage in search.carry_out(stages):
                bar.set_postfix_str(stage.name, refresh=False)
                bar.update()
            regrets[rows, bidder] = search.gains - truthful[rows, bidder]
            misreports[rows, bidder] = search.reports
    problems = tuple(checked.problems())
    for problem in problems:
        warnings.warn(f"measure_regret: {problem}", UserWarning, stacklevel=2)
    return RegretReport(
        valuations=valuations,
        regrets=regrets,
        misreports=misreports,
        truthful_utilities=truthful,
        revenues=revenues,
        max_ir_violation=checked.max_ir_violation,
        max_feasibility_violation=checked.max_feasibility_violation,
        problems=problems,
        search={
            "effort": effort,
            "gradient": module is not None,
            **_summary(stages, truthful.size),
            "seconds": time.perf_counter() - started,
        },
        certificate=certificate,
    )


def _certificate(mechanism, valuations, box):
    """Return the upper bound of an auction that can prove one, on the same profiles."""
    if len(valuations) < 2 or not hasattr(mechanism, "certify"):
        return None
    return mechanism.certify(valuations, support=box)


def _summary(stages, n_searches):
    """Return what a report says of the stages carried out."""
    each = sum(stage.evaluations for stage in stages)
    return {
        "stages": tuple(stage.name for stage in stages),
        "starts": sum(stage.starts for stage in stages),
        "steps": max(stage.steps for stage in stages),
        "evaluations_each": each,
        "evaluations": each * n_searches,
    }


def _check_valuations(mechanism, valuations):
    if hasattr(mechanism, "as_profiles"):
        return mechanism.as_profiles(valuations)
    if isinstance(valuations, np.memmap):  # not to be copied, as subclasses of arrays are
        valuations = np.asarray(valuations)
    # None of the axes may be empty.
    return check_numbers(valuations, "valuations", ("n_profiles", "n_bidders", "n_items"), least=0)


def _find_support(mechanism, valuations, support):
    """Return the box of reports, widened where a truth to be audited lies outside."""
    if support is None:
        support = getattr(mechanism, "support_", None)
    if support is None:
        support = np.array([0.0, valuations.max()])
    box = check_support(support, *valuations.shape[1:])
    box[..., 0] = np.minimum(box[..., 0], valuations.min(axis=0))
    box[..., 1] = np.maximum(box[..., 1], valuations.max(axis=0))
    return box


def _run_truthfully(checked, valuations):
    """Return utilities (n_samples, n_bidders) and revenue (n_samples,) under the truth."""
    truthful, revenues = np.empty(valuations.shape[:2]), np.empty(len(valuations))
    for part in blocks(valuations.shape):
        rows = np.arange(part.start, part.stop)
        outcome = checked(valuations[part], rows)
        if part.start == 0:
            checked.check_repeatable(valuations[part], rows, outcome)
        truthful[part] = utilities(valuations[part], outcome)
        revenues[part] = outcome[1].sum(axis=1)
    return truthful, revenues


def _blocks(valuations, seed):
    """Yield (bidder, rows, random) for each block, with draws of its own."""
    for bidder in range(valuations.shape[1]):
        for start, rows in _rows_of_blocks(valuations, bidder):
            yield bidder, rows, np.random.default_rng([seed, bidder, start])


def _rows_of_blocks(valuations, bidder):
    """Yield where each block starts and its rows, equal opponents together if there are any."""
    opponents = np.delete(valuations[:GROUPS_PROBED], bidder, axis=1)
    opponents = opponents.reshape(len(opponents), -1)
    order = None
    if opponents.shape[1] and len(np.unique(opponents, axis=0)) < len(opponents):
        # Column by column, as a table of all opponents would be another copy of them.
        others = [i for i in range(valuations.shape[1]) if i != bidder]
        items = range(valuations.shape[2])
        order = np.lexsort([valuations[:, i, j] for i in others for j in items])
    for part in blocks(valuations.shape):
        rows = np.arange(part.start, part.stop) if order is None else order[part]
        yield part.start, rows


def _progress(verbose, total):
    """Return a tqdm bar over stages."""
    from tqdm.auto import tqdm

    return tqdm(
        total=total,
        desc="audit",
        unit="stage",
        disable=None if verbose is None else not verbose,
        delay=BAR_DELAY if verbose is None else 0.0,
    )
