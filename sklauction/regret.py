"""The auditor: searches for misreports that pay, in any mechanism. Separate from training.

The regret found is a lower bound on the true regret: a search can miss misreports, never
invent them. Every figure here is recomputed at the end from the mechanism's own outcomes at
the misreports found.
"""

import copy
import time
from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array

from sklauction.checks import check_count, check_support
from sklauction.economics import (
    auction_score,
    feasibility_violation,
    ir_violation,
    revenue,
    utilities,
)

__all__ = ["EFFORTS", "Effort", "RegretReport", "measure_regret"]

# Profiles evaluated at once; bounds memory whatever the number of valuations.
CHUNK_PROFILES = 1 << 16


@dataclass(frozen=True)
class Effort:
    """How hard to search, per bidder and profile.

    Attributes
    ----------
    n_candidates : int
        Reports tried first: corners, other profiles' values, random, near the truth.
    n_starts : int
        Best candidates that are then improved.
    n_steps : int
        Improvement steps on each: gradient ascent where the mechanism has a gradient,
        shrinking random search elsewhere.
    """

    n_candidates: int
    n_starts: int
    n_steps: int

    def __post_init__(self):
        check_count(self.n_candidates, "n_candidates")
        check_count(self.n_starts, "n_starts")
        check_count(self.n_steps, "n_steps", minimum=0)

    @property
    def evaluations(self):
        """Mechanism evaluations per bidder and profile."""
        return self.n_candidates + self.n_starts * (self.n_steps + 1)


EFFORTS = {
    "quick": Effort(n_candidates=32, n_starts=2, n_steps=20),
    "default": Effort(n_candidates=128, n_starts=6, n_steps=40),
    "thorough": Effort(n_candidates=512, n_starts=16, n_steps=150),
}


@dataclass(frozen=True)
class RegretReport:
    """What an audit found. Money is in the unit of the valuations.

    Parameters
    ----------
    regrets : ndarray of shape (n_samples, n_bidders)
        Ex-post regret found, per profile and bidder.
    misreports : ndarray of shape (n_samples, n_bidders, n_items)
        The report that attains it, the others being truthful; the truth where none pays.
    truthful_utilities : ndarray of shape (n_samples, n_bidders)
        What each bidder gains by the truth.
    revenue : float
        Mean total payment under truthful reports.
    max_ir_violation : float
        Largest payment above the reported value of what a bidder gets.
    max_feasibility_violation : float
        Largest excess of allocation over what exists.
    search : dict
        ``effort``, ``gradient``, ``n_candidates``, ``n_starts``, ``n_steps``,
        ``evaluations`` (in all) and ``seconds``.
    """

    regrets: np.ndarray
    misreports: np.ndarray
    truthful_utilities: np.ndarray
    revenue: float
    max_ir_violation: float
    max_feasibility_violation: float
    search: dict

    @property
    def total_regret(self):
        """``R``: mean over profiles of the sum over bidders."""
        return float(self.regrets.sum(axis=1).mean())

    @property
    def total_regret_se(self):
        """Standard error of :attr:`total_regret` over profiles."""
        totals = self.regrets.sum(axis=1)
        return float(totals.std(ddof=1) / np.sqrt(len(totals))) if len(totals) > 1 else np.nan

    @property
    def mean_regret(self):
        """Mean over profiles and bidders (some papers print this one)."""
        return float(self.regrets.mean())

    @property
    def max_regret(self):
        """Largest regret of any bidder in any profile."""
        return float(self.regrets.max())

    @property
    def score(self):
        """``sqrt(P) - sqrt(R)``."""
        return auction_score(self.revenue, self.total_regret)

    def __str__(self):
        search = self.search
        rows = [
            ("revenue", f"{self.revenue:.6g}"),
            (
                "total regret (lower bound)",
                f"{self.total_regret:.3g} +- {self.total_regret_se:.1g}",
            ),
            ("mean regret per bidder", f"{self.mean_regret:.3g}"),
            ("largest regret", f"{self.max_regret:.3g}"),
            ("score sqrt(P) - sqrt(R)", f"{self.score:.6g}"),
            ("largest IR violation", f"{self.max_ir_violation:.2g}"),
            ("largest infeasibility", f"{self.max_feasibility_violation:.2g}"),
        ]
        width = max(len(name) for name, _ in rows)
        lines = [f"Regret audit of {self.regrets.shape[0]} profiles"]
        lines += [f"  {name:<{width}}  {value}" for name, value in rows]
        kind = "gradient ascent" if search["gradient"] else "random search"
        lines.append(
            f"  search: {search['n_candidates']} reports, then {search['n_starts']} x "
            f"{search['n_steps']} steps of {kind} per bidder and profile, "
            f"{search['evaluations']:,} evaluations, {search['seconds']:.1f} s"
        )
        return "\n".join(lines)


def measure_regret(
    mechanism, valuations, *, support=None, demand=None, effort="default", random_state=None
):
    """Search for each bidder's most profitable misreport, and report what was found.

    Parameters
    ----------
    mechanism : fitted auction, torch.nn.Module or callable
        Maps bids (n, n_bidders, n_items) to (allocations, payments). Auctions that have a
        ``mechanism_`` and torch modules are searched along their gradient; anything else
        is a black box.
    valuations : array-like of shape (n_samples, n_bidders, n_items)
        True valuations.
    support : array-like broadcastable to (n_bidders, n_items, 2), default=None
        Lowest and highest report that a bidder may make. None takes the auction's
        ``support_``, else from zero to the largest valuation.
    demand : {"additive", "unit"}, default=None
        For the feasibility check. None takes the auction's own, else "additive".
    effort : {"quick", "default", "thorough"} or Effort, default="default"
        How hard to search. Same seed and more effort may take another path; each result
        is a lower bound of its own.
    random_state : int, RandomState instance or None, default=None
        Seed of the search.

    Returns
    -------
    RegretReport

    Raises
    ------
    ValueError
        If the valuations, the support or the mechanism's outcome are malformed.

    Examples
    --------
    A first-price auction: with value 1 against a bid of 0.5, bidding just above 0.5 pays.

    >>> import numpy as np
    >>> from sklauction import measure_regret
    >>> def first_price(bids):
    ...     wins = (bids == bids.max(axis=1, keepdims=True)).astype(float)
    ...     return wins, (wins * bids).sum(axis=2)
    >>> report = measure_regret(first_price, np.array([[[1.0], [0.5]]]), random_state=0)
    >>> 0.49 < report.total_regret <= 0.5
    True
    """
    started = time.perf_counter()
    valuations = _check_valuations(valuations)
    effort_name, effort = _check_effort(effort)
    demand = demand if demand is not None else getattr(mechanism, "demand", "additive")
    box = _find_support(mechanism, valuations, support)
    run = _black_box(mechanism)
    random = check_random_state(random_state)
    outcome = _run_checked(run, valuations)
    search = _GradientSearch(mechanism) if _has_gradient(mechanism) else _BlackBoxSearch(run)
    truthful = utilities(valuations, outcome)
    regrets, misreports = np.zeros(truthful.shape), valuations.copy()
    rows = max(1, CHUNK_PROFILES // effort.n_candidates)
    for start in range(0, len(valuations), rows):
        part = slice(start, start + rows)
        for bidder in range(valuations.shape[1]):
            reports = _search_bidder(search, run, valuations, part, bidder, box, effort, random)
            bids = valuations[part].copy()
            bids[:, bidder] = reports
            gain = utilities(valuations[part], _run_checked(run, bids))[:, bidder]
            gain -= truthful[part, bidder]
            better = gain > 0
            regrets[part, bidder] = np.where(better, gain, 0.0)
            misreports[part, bidder][better] = reports[better]
    return RegretReport(
        regrets=regrets,
        misreports=misreports,
        truthful_utilities=truthful,
        revenue=revenue(outcome[1]),
        max_ir_violation=float(ir_violation(valuations, outcome).max()),
        max_feasibility_violation=float(feasibility_violation(outcome[0], demand).max()),
        search={
            "effort": effort_name,
            "gradient": isinstance(search, _GradientSearch),
            "n_candidates": effort.n_candidates,
            "n_starts": effort.n_starts,
            "n_steps": effort.n_steps,
            "evaluations": effort.evaluations * truthful.size,
            "seconds": time.perf_counter() - started,
        },
    )


def _check_valuations(valuations):
    values = check_array(valuations, dtype=np.float64, allow_nd=True, input_name="valuations")
    if values.ndim != 3 or (values < 0).any():
        raise ValueError(
            "valuations must be non-negative, of shape (n_samples, n_bidders, n_items); "
            f"got shape {values.shape} with minimum {values.min()}"
        )
    return values


def _check_effort(effort):
    if isinstance(effort, Effort):
        return "custom", effort
    if not isinstance(effort, str) or effort not in EFFORTS:
        names = ", ".join(repr(name) for name in EFFORTS)
        raise ValueError(f"effort must be one of {names} or an Effort; got {effort!r}")
    return effort, EFFORTS[effort]


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


def _is_module(mechanism):
    return hasattr(mechanism, "parameters") and hasattr(mechanism, "forward")


def _has_gradient(mechanism):
    return _is_module(mechanism) or hasattr(mechanism, "mechanism_")


def _black_box(mechanism):
    """Return a function of numpy bids for whatever was passed."""
    if hasattr(mechanism, "predict"):
        return mechanism.predict
    if _is_module(mechanism):
        from sklauction.mechanism import run_in_chunks

        return lambda bids: run_in_chunks(mechanism, bids)
    if callable(mechanism):
        return mechanism
    raise ValueError(
        "mechanism must be a fitted auction, a torch module or a callable that maps bids to "
        f"(allocations, payments); got {type(mechanism).__name__}"
    )


def _run_checked(run, bids):
    """Run a mechanism and check the shapes and finiteness of what it returns."""
    allocations, payments = run(bids)
    allocations, payments = np.asarray(allocations, float), np.asarray(payments, float)
    for name, array, shape in (
        ("allocations", allocations, bids.shape),
        ("payments", payments, bids.shape[:2]),
    ):
        if array.shape != shape:
            raise ValueError(
                f"the mechanism must return {name} of shape {shape} for bids of shape "
                f"{bids.shape}; got {array.shape}"
            )
        if not np.isfinite(array).all():
            row = int(np.argwhere(~np.isfinite(array))[0][0])
            raise ValueError(f"the mechanism returned a non-finite value in {name}, row {row}")
    return allocations, payments


def _search_bidder(search, run, valuations, part, bidder, box, effort, random):
    """Return the best report found for one bidder in each profile of a chunk."""
    truth = valuations[part]
    reports = _candidates(valuations[:, bidder], truth[:, bidder], box[bidder], effort, random)
    gains = _evaluate(run, truth, bidder, reports)
    order = np.argsort(-gains, axis=1, kind="stable")[:, : effort.n_starts]
    starts = np.take_along_axis(reports, order[..., None], axis=1)
    best_gains = np.take_along_axis(gains, order, axis=1)
    if effort.n_steps:
        starts, best_gains = search.improve(
            truth, bidder, starts, best_gains, box[bidder], effort.n_steps, random
        )
    top = np.argmax(best_gains, axis=1)
    return starts[np.arange(len(truth)), top]


def _candidates(pool, truth, box, effort, random):
    """Return first reports, (n, n_candidates, n_items): one part of each kind.

    Ends of the support, other profiles' values of this bidder, uniform draws, and points
    near the truth at distances from 30 % down to 0.03 % of the range.
    """
    n_rows, n_items = truth.shape
    n_each = max(1, (effort.n_candidates - 2) // 4)
    n_near = max(1, effort.n_candidates - 2 - 3 * n_each)
    low, high = box[:, 0], box[:, 1]
    shape = (n_rows, n_each, n_items)
    ends = np.broadcast_to(np.stack([low, high]), (n_rows, 2, n_items))
    # Ends of the range for some items, the truth for the others: jumps often sit there.
    choice = random.randint(3, size=shape)
    mixed = np.where(choice == 0, low, np.where(choice == 1, high, truth[:, None]))
    others = pool[random.randint(len(pool), size=(n_rows, n_each))]
    uniform = low + random.uniform(size=shape) * (high - low)
    size = 0.3 * 10 ** (-3 * random.uniform(size=(n_rows, n_near, 1)))
    near = truth[:, None] + size * random.uniform(-1, 1, (n_rows, n_near, n_items)) * (high - low)
    return np.concatenate([ends, mixed, others, uniform, np.clip(near, low, high)], axis=1)


def _evaluate(run, truth, bidder, reports):
    """Return the bidder's utility (n, n_reports) from each report, others truthful."""
    n_rows, n_reports, n_items = reports.shape
    bids = np.repeat(truth, n_reports, axis=0)
    bids[:, bidder] = reports.reshape(-1, n_items)
    allocations, payments = _run_checked(run, bids)
    got = allocations[:, bidder].reshape(n_rows, n_reports, n_items)
    paid = payments[:, bidder].reshape(n_rows, n_reports)
    return np.einsum("nj,nlj->nl", truth[:, bidder], got) - paid


class _BlackBoxSearch:
    """Random steps around the best report, ever smaller: needs no gradient, crosses jumps."""

    def __init__(self, run):
        self.run = run

    def improve(self, truth, bidder, reports, gains, box, n_steps, random):
        """Return reports (n, n_starts, n_items) and their gains, no worse than given."""
        low, high = box[:, 0], box[:, 1]
        sizes = 0.3 * np.geomspace(1.0, 1e-4, n_steps)
        for size in sizes:
            # Half of the moves change one item only: separable mechanisms want that.
            shift = random.uniform(-1, 1, reports.shape) * size * (high - low)
            one = np.arange(reports.shape[2]) == random.randint(
                reports.shape[2], size=(*reports.shape[:2], 1)
            )
            shift = np.where(one | (random.uniform(size=(*reports.shape[:2], 1)) < 0.5), shift, 0)
            moved = np.clip(reports + shift, low, high)
            new = _evaluate(self.run, truth, bidder, moved)
            better = new > gains
            reports = np.where(better[..., None], moved, reports)
            gains = np.where(better, new, gains)
        return reports, gains


class _GradientSearch:
    """Normalised gradient ascent with shrinking steps, keeping the best report seen."""

    def __init__(self, mechanism):
        module = getattr(mechanism, "mechanism_", mechanism)
        # Single precision doubles the speed; the audit recomputes what it reports.
        self.module = copy.deepcopy(module).float().requires_grad_(False)

    def improve(self, truth, bidder, reports, gains, box, n_steps, random):
        """Return reports (n, n_starts, n_items) and their gains, no worse than given."""
        import torch

        n_rows, n_starts, n_items = reports.shape
        tensors = [*self.module.parameters(), *self.module.buffers()]
        device = tensors[0].device if tensors else "cpu"

        def tensor(array):
            return torch.as_tensor(np.ascontiguousarray(array), dtype=torch.float32, device=device)

        profiles = tensor(np.repeat(truth, n_starts, axis=0))
        value = profiles[:, bidder]
        low, high = tensor(box[:, 0]), tensor(box[:, 1])
        current = tensor(reports.reshape(-1, n_items))
        best, best_gain = current.clone(), tensor(gains.reshape(-1))
        slot = torch.zeros(profiles.shape[1], 1, device=device, dtype=torch.bool)
        slot[bidder] = True
        for size in 0.15 * np.geomspace(1.0, 1e-3, n_steps):
            current.requires_grad_(True)
            bids = torch.where(slot, current.unsqueeze(1), profiles)
            allocations, payments = self.module(bids)
            gain = (allocations[:, bidder] * value).sum(dim=1) - payments[:, bidder]
            (slope,) = torch.autograd.grad(gain.sum(), current)
            with torch.no_grad():
                better = gain > best_gain
                best[better], best_gain[better] = current[better], gain[better]
                slope = slope * (high - low)
                slope = slope / slope.abs().amax(dim=1, keepdim=True).clamp_min(1e-30)
                moved = current.detach() + float(size) * slope * (high - low)
                current = torch.minimum(torch.maximum(moved, low), high)
        shape = (n_rows, n_starts)
        return (
            best.cpu().double().numpy().reshape(*shape, n_items),
            best_gain.cpu().double().numpy().reshape(shape),
        )
