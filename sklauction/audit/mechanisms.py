"""Wrappers around the mechanism under audit: a checked function, and a module with gradients."""

import copy
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sklauction.economics import (
    feasibility_violation,
    ir_violation,
    unchecked_infeasibility,
    unchecked_utilities,
)

__all__ = ["CheckedMechanism", "Differentiable", "differentiable", "is_module", "mechanism_name"]

# Violations attributed to rounding, in probability, and in payments relative to the largest bid.
# Networks in float32 err by about 1e-7.
TOLERANCE = 1e-6
# Differences between two runs on the same bids attributed to rounding, in the same units.
REPEATABLE = 1e-3
# Maximum number of rows that are run twice.
REPEATED_ROWS = 256
# Range of money whose squares and sums of squares are within float32.
SINGLE_PRECISION = (1e-15, 1e15)


def is_module(mechanism):
    """Return whether a mechanism is a torch module, without importing torch."""
    return hasattr(mechanism, "parameters") and hasattr(mechanism, "forward")


def mechanism_name(mechanism):
    """Return the name of a mechanism for messages: that of the function, or of the class."""
    function = _function_of(mechanism)
    return getattr(function, "__name__", type(function).__name__)


class Differentiable(NamedTuple):
    """A torch module for gradient ascent.

    Parameters
    ----------
    module : torch.nn.Module
        A frozen copy.
    tensor_options : dict
        ``dtype`` and ``device`` of its input.
    """

    module: Callable
    tensor_options: dict


def differentiable(mechanism, profile, money):
    """Return a frozen module for gradient ascent, or None if there is no gradient.

    The module is in float32, which is twice as fast, unless money is out of its range. The
    audit recomputes in float64 what it reports.

    Parameters
    ----------
    mechanism : object
        Has a gradient if it is, or its ``mechanism_`` is, a torch module whose outcome depends
        on the bids differentiably.
    profile : ndarray of shape (1, n_bidders, n_items)
        Bids for a trial run.
    money : float
        Largest bid.

    Returns
    -------
    Differentiable or None
    """
    module = getattr(mechanism, "mechanism_", _function_of(mechanism))
    if not is_module(module):
        return None
    import torch

    single = SINGLE_PRECISION[0] < money < SINGLE_PRECISION[1]
    dtype = torch.float32 if single else torch.float64
    module = copy.deepcopy(module).to(dtype).requires_grad_(False)
    tensors = [*module.parameters(), *module.buffers()]
    options = {"dtype": dtype, "device": tensors[0].device if tensors else torch.device("cpu")}
    with torch.enable_grad():
        outcome = module(torch.tensor(profile, requires_grad=True, **options))
    # CheckedMechanism raises the error for malformed outcomes.
    well_formed = isinstance(outcome, tuple | list) and all(map(torch.is_tensor, outcome))
    if not well_formed or not any(part.requires_grad for part in outcome):
        return None
    return Differentiable(module, options)


def _function_of(mechanism):
    """Return the function of a CallableAuction, as its own errors name other rows."""
    is_auction = hasattr(mechanism, "as_profiles")
    return getattr(mechanism, "function", mechanism) if is_auction else mechanism


def _as_function(mechanism):
    """Return a mechanism as a function of numpy bids."""
    mechanism = _function_of(mechanism)
    if hasattr(mechanism, "predict"):
        return mechanism.predict
    if is_module(mechanism):
        from sklauction.mechanism import run_in_chunks

        return lambda bids: run_in_chunks(mechanism, bids)
    if callable(mechanism):
        return lambda bids: mechanism(bids.copy())  # the function may modify its argument
    raise ValueError(
        "mechanism must be a fitted auction, a torch module or a callable that maps bids to "
        f"(allocations, payments); got {type(mechanism).__name__}"
    )


class CheckedMechanism:
    """A mechanism that checks its outcomes and records the largest violations.

    Malformed outcomes raise an error. Infeasible allocations and payments above the reported
    value are recorded, with profile and bidder, for :meth:`problems`.

    Parameters
    ----------
    mechanism : fitted auction, torch.nn.Module or callable
    demand : {"additive", "unit"}
    money : float
        Largest bid, the unit of the tolerance on payments.

    Attributes
    ----------
    max_feasibility_violation, max_ir_violation : float
        Largest violations so far under truthful reports.
    """

    def __init__(self, mechanism, demand, money):
        self.run = _as_function(mechanism)
        self.name = mechanism_name(mechanism)
        self.demand, self.money = demand, money
        self.max_feasibility_violation = self.max_ir_violation = 0.0
        # (field, whether reports were truthful) -> (count, excess, row, bidder, misreporter).
        self.worst = {}

    def __call__(self, bids, rows, misreporter=None):
        """Return (allocations, payments) in float64.

        Parameters
        ----------
        bids : ndarray of shape (n, n_bidders, n_items)
        rows : ndarray of shape (n,)
            Index of the profile of each row of bids, for messages.
        misreporter : int or None
            Bidder that misreports in ``bids``; None if all are truthful.

        Raises
        ------
        ValueError
            If the outcome is not two finite arrays of the right shapes.
        """
        allocations, payments = self._arrays(self.run(bids), bids.shape)
        # These are finite only if allocations and payments are.
        infeasible = unchecked_infeasibility(allocations, self.demand)
        gained = unchecked_utilities(bids, allocations, payments)
        if not (np.isfinite(infeasible).all() and np.isfinite(gained).all()):
            self._raise_not_finite(bids, rows, misreporter, allocations, payments)
        overpaid = np.maximum(-gained, 0.0)
        if misreporter is None:
            self.max_feasibility_violation = max(
                self.max_feasibility_violation, float(infeasible.max())
            )
            self.max_ir_violation = max(self.max_ir_violation, float(overpaid.max()))
        self._record("allocations", infeasible, TOLERANCE, rows, misreporter)
        self._record("payments", overpaid, TOLERANCE * self.money, rows, misreporter)
        return allocations, payments

    def check_repeatable(self, bids, rows, outcome):
        """Raise ValueError if a second run on some of the bids gives another outcome.

        In a random mechanism, the search would take lucky draws for regret. The second half of
        the rows (at most 256) is run in reverse order.

        Parameters
        ----------
        bids : ndarray of shape (n, n_bidders, n_items)
        rows : ndarray of shape (n,)
        outcome : (allocations, payments)
            The outcome of the first run on ``bids``.
        """
        again = np.arange(len(bids))[::-1][: max(1, min(len(bids) // 2, REPEATED_ROWS))]
        repeated = self._arrays(self.run(bids[again]), bids[again].shape)
        for field, first, second, unit in zip(
            ("allocations", "payments"), outcome, repeated, (1.0, self.money), strict=True
        ):
            difference = np.abs(first[again] - second).reshape(len(again), -1).max(axis=1)
            if difference.max() > REPEATABLE * unit:
                row = int(difference.argmax())
                raise ValueError(
                    f"mechanism {self.name} must give each row of bids the same outcome in every "
                    "run, independent of other rows (of a lottery, probabilities and expected "
                    f"payments); got {field} that differ by {difference[row]:.3g} when row "
                    f"{rows[again[row]]} is run again"
                )

    def problems(self):
        """Return a sentence for each kind of violation recorded."""
        return [
            f"{_SUBJECTS[field].format(bidder=bidder, name=self.name)} by {excess:.3g} in row {row}"
            f"{_under_misreport(misreporter)} ({count:,} such outcomes seen)"
            for (field, _), (count, excess, row, bidder, misreporter) in self.worst.items()
        ]

    def _arrays(self, outcome, shape):
        """Return allocations and payments as float64 arrays of the right shapes."""
        try:
            allocations, payments = (np.asarray(field, dtype=float) for field in outcome)
        except (TypeError, ValueError, RuntimeError, OverflowError) as error:
            raise ValueError(
                f"mechanism {self.name} must return (allocations, payments), two arrays of "
                f"numbers; got {type(outcome).__name__} ({error})"
            ) from error
        for field, array, expected in (
            ("allocations", allocations, shape),
            ("payments", payments, shape[:2]),
        ):
            if array.shape != expected:
                raise ValueError(
                    f"mechanism {self.name} must return {field} of shape {expected} for bids of "
                    f"shape {shape}; got {array.shape}"
                )
        return allocations, payments

    def _raise_not_finite(self, bids, rows, misreporter, allocations, payments):
        """Raise ValueError on non-finite outcomes, or on those that overflow float64."""
        for field, array in (("allocations", allocations), ("payments", payments)):
            if not np.isfinite(array).all():
                row = int(np.argwhere(~np.isfinite(array))[0][0])
                raise ValueError(
                    f"mechanism {self.name} returned a non-finite value in {field}, row {rows[row]}"
                    f"{_under_misreport(misreporter)}, for the bids {bids[row].tolist()}"
                )
        feasibility_violation(allocations, self.demand)
        ir_violation(bids, (allocations, payments))

    def _record(self, field, excess, tolerance, rows, misreporter):
        """Count the rows with a violation above the tolerance, and keep the largest one.

        ``excess`` has shape (n,), or (n, n_bidders) to record the bidder too.
        """
        if excess.max() <= tolerance:
            return
        bidders = None
        if excess.ndim == 2:
            bidders, excess = excess.argmax(axis=1), excess.max(axis=1)
        row = int(excess.argmax())
        key = field, misreporter is None
        count, worst, *where = self.worst.get(key, (0, -np.inf))
        if excess[row] > worst:
            worst = float(excess[row])
            where = [int(rows[row]), None if bidders is None else int(bidders[row]), misreporter]
        self.worst[key] = (count + int(np.count_nonzero(excess > tolerance)), worst, *where)


_SUBJECTS = {
    "allocations": "the allocations of {name} are infeasible",
    "payments": "the payment of bidder {bidder} in {name} exceeds the reported value of its "
    "allocation",
}


def _under_misreport(bidder):
    return "" if bidder is None else f" under a misreport of bidder {bidder}"
