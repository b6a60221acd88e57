"""measure_regret: search for profitable misreports in any mechanism.

The regret found is a lower bound on the true regret, because a search can miss misreports. All
figures are computed in float64 from the mechanism's outcomes at the misreports found.
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
from sklauction.economics import unchecked_utilities
from sklauction.utils.batching import blocks
from sklauction.utils.constraints import FLAG, SEED
from sklauction.utils.validation import (
    DEMANDS,
    check_choice,
    check_numbers,
    check_support,
)

__all__ = ["measure_regret"]

# Number of profiles checked for equal opponents before all profiles are sorted.
N_PROBED = 1000
# Seconds before the default progress bar appears.
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
    """Search for each bidder's most profitable misreport, and report the regret found.

    The ex-post regret of bidder i at profile v is its largest gain from a misreport,
    ``max over b of u_i(v_i; b, v_-i) - u_i(v_i; v)``, with truthful opponents [1]_. The search
    tries the ends of the support, values next to opponents' bids, points near the truth,
    valuations from other profiles and a low-discrepancy sequence. It then scans each item, runs
    gradient ascent if the mechanism has a gradient, and refines the best reports in steps that
    cross jumps. A larger effort continues the search of a smaller one, so it never finds less.

    Parameters
    ----------
    mechanism : fitted auction, torch.nn.Module or callable
        Maps bids (n, n_bidders, n_items) to (allocations, payments), row by row. Torch modules
        and auctions with a ``mechanism_`` are searched with gradients, on their device; others
        as black boxes.
    valuations : array-like of shape (n_samples, n_bidders, n_items)
        True valuations, in money; for an auction, in any form that its ``predict`` accepts.
    support : array-like broadcastable to (n_bidders, n_items, 2), default=None
        Lowest and highest report of a bidder, in money. None means the auction's ``support_``,
        or from zero to the largest valuation if it has none.
    demand : {"additive", "unit"}, default=None
        For the feasibility check. None means the auction's ``demand``, or "additive" if it has
        none.
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
        or different outcomes for the same bids; the message names the row.
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
    valuations = _check_valuations(mechanism, valuations)
    if demand is None:
        demand = getattr(mechanism, "demand", "additive")
    check_choice(demand, "demand", DEMANDS)
    SEED.check(random_state, "random_state")
    if verbose is not None:
        FLAG.check(verbose, "verbose")
    box = _find_support(mechanism, valuations, support)
    money = valuations.max()
    checked = CheckedMechanism(mechanism, demand, money)
    module = differentiable(mechanism, valuations[:1], money)
    stages = plan(valuations.shape[2], module is not None, effort)
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))

    truthful, revenues = _truthful_outcomes(checked, valuations)
    certificate = _certify(mechanism, valuations, box)
    total = len(stages) * valuations.shape[1] * len(list(blocks(valuations.shape)))
    with _progress(verbose, total) as bar:
        regrets, misreports = _search(valuations, truthful, box, checked, module, stages, seed, bar)
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
        search=_summary(effort, module is not None, stages, truthful.size, started),
        certificate=certificate,
    )


def _search(valuations, truthful, box, checked, module, stages, seed, bar):
    """Return the regrets and misreports found, updating a progress bar after each stage."""
    regrets, misreports = np.empty(truthful.shape), np.empty(valuations.shape)
    for bidder, rows, random in _blocks(valuations, seed):
        problem = BidderProblem(
            valuations[rows], rows, bidder, box[bidder], valuations[:, bidder], checked, module
        )
        search = Search(problem, truthful[rows, bidder], random)
        for stage in search.run_stages(stages):
            bar.set_postfix_str(stage.name, refresh=False)
            bar.update()
        regrets[rows, bidder] = search.gains - truthful[rows, bidder]
        misreports[rows, bidder] = search.reports
    return regrets, misreports


def _certify(mechanism, valuations, box):
    """Return a certificate on the same profiles, or None if the mechanism offers none."""
    if len(valuations) < 2 or not hasattr(mechanism, "certify"):
        return None
    return mechanism.certify(valuations, support=box)


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


def _check_valuations(mechanism, valuations):
    if hasattr(mechanism, "as_profiles"):
        return mechanism.as_profiles(valuations)
    if isinstance(valuations, np.memmap):  # check_numbers copies subclasses of ndarray
        valuations = np.asarray(valuations)
    return check_numbers(valuations, "valuations", ("n_profiles", "n_bidders", "n_items"), least=0)


def _find_support(mechanism, valuations, support):
    """Return the box of reports, widened to include all valuations."""
    if support is None:
        support = getattr(mechanism, "support_", None)
    if support is None:
        support = np.array([0.0, valuations.max()])
    box = check_support(support, *valuations.shape[1:])
    box[..., 0] = np.minimum(box[..., 0], valuations.min(axis=0))
    box[..., 1] = np.maximum(box[..., 1], valuations.max(axis=0))
    return box


def _truthful_outcomes(checked, valuations):
    """Return utilities (n_samples, n_bidders) and revenues (n_samples,) of truthful reports."""
    truthful, revenues = np.empty(valuations.shape[:2]), np.empty(len(valuations))
    for part in blocks(valuations.shape):
        rows = np.arange(part.start, part.stop)
        outcome = checked(valuations[part], rows)
        if part.start == 0:
            checked.check_repeatable(valuations[part], rows, outcome)
        truthful[part] = unchecked_utilities(valuations[part], *outcome)
        revenues[part] = outcome[1].sum(axis=1)
    return truthful, revenues


def _blocks(valuations, seed):
    """Yield (bidder, rows, random) for each block, with a generator for each."""
    for bidder in range(valuations.shape[1]):
        for start, rows in _rows_of_blocks(valuations, bidder):
            yield bidder, rows, np.random.default_rng([seed, bidder, start])


def _rows_of_blocks(valuations, bidder):
    """Yield the start and rows of each block, sorted by opponents if some are equal."""
    opponents = np.delete(valuations[:N_PROBED], bidder, axis=1)
    opponents = opponents.reshape(len(opponents), -1)
    order = None
    if opponents.shape[1] and len(np.unique(opponents, axis=0)) < len(opponents):
        # Column by column, to avoid a copy of all opponents.
        others = [i for i in range(valuations.shape[1]) if i != bidder]
        items = range(valuations.shape[2])
        order = np.lexsort([valuations[:, i, j] for i in others for j in items])
    for part in blocks(valuations.shape):
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
