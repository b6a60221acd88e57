"""Whatever a user calls a mechanism, as one checked function; and what is wrong with it."""

import copy
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sklauction.economics import feasibility_violation, ir_violation

__all__ = ["CheckedMechanism", "Differentiable", "differentiable", "is_module", "mechanism_name"]

# Infeasibility in probability, and payments relative to the largest bid, that count as
# rounding: single-precision networks err by about 1e-7.
TOLERANCE = 1e-6
# Difference between two runs of the same bids that counts as rounding: in probability, and in
# payments relative to the largest bid.
REPEATABLE = 1e-3
REPEATED_ROWS = 256
# Money for which squares and their sums neither vanish nor overflow in single precision.
SINGLE_PRECISION = (1e-15, 1e15)


def is_module(mechanism):
    """Say whether something is a torch module, without loading torch."""
    return hasattr(mechanism, "parameters") and hasattr(mechanism, "forward")


def mechanism_name(mechanism):
    """Return what to call a mechanism in messages: a function's name, else its class."""
    function = _function_of(mechanism)
    return getattr(function, "__name__", type(function).__name__)


class Differentiable(NamedTuple):
    """A torch module to climb on.

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
    """Return a frozen module to climb on, or None where there is no gradient.

    In single precision, which doubles the speed (the audit recomputes what it reports),
    unless money is too large or too small for it.

    Parameters
    ----------
    mechanism : object
        A torch module, or an auction whose ``mechanism_`` is one, may have a gradient.
    profile : ndarray of shape (1, n_bidders, n_items)
        Where to try it.
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
    # What is malformed is refused when it is run as a function, with its name.
    well_formed = isinstance(outcome, tuple | list) and all(
        torch.is_tensor(part) for part in outcome
    )
    if not well_formed or not any(part.requires_grad for part in outcome):
        return None
    return Differentiable(module, options)


def _function_of(mechanism):
    """Return what a CallableAuction wraps; its own checks could not name the audit's rows."""
    is_auction = hasattr(mechanism, "as_profiles")
    return getattr(mechanism, "function", mechanism) if is_auction else mechanism


def _as_function(mechanism):
    """Return a function of numpy bids for whatever was passed."""
    mechanism = _function_of(mechanism)
    if hasattr(mechanism, "predict"):
        return mechanism.predict
    if is_module(mechanism):
        from sklauction.mechanism import run_in_chunks

        return lambda bids: run_in_chunks(mechanism, bids)
    if callable(mechanism):
        # A copy, as the function may write into it.
        return lambda bids: mechanism(bids.copy())
    raise ValueError(
        "mechanism must be a fitted auction, a torch module or a callable that maps bids to "
        f"(allocations, payments); got {type(mechanism).__name__}"
    )


class CheckedMechanism:
    """A mechanism that checks every outcome, and remembers the worst that it saw.

    Malformed outcomes raise at once. Infeasible allocations and payments above the
    reported value are kept, with the profile and the bidder, for :meth:`problems`.

    Parameters
    ----------
    mechanism : fitted auction, torch.nn.Module or callable
    demand : {"additive", "unit"}
    money : float
        Largest bid, to tell rounding from a payment above the value.

    Attributes
    ----------
    max_feasibility_violation, max_ir_violation : float
        The worst so far, at truthful reports.
    """

    def __init__(self, mechanism, demand, money):
        self.run = _as_function(mechanism)
        self.name = mechanism_name(mechanism)
        self.demand, self.money = demand, money
        self.max_feasibility_violation = self.max_ir_violation = 0.0
        # Kind and whether the report was truthful -> count, excess, where.
        self.worst = {}

    def __call__(self, bids, rows, bidder=None):
        """Return (allocations, payments) in float64.

        Parameters
        ----------
        bids : ndarray of shape (n, n_bidders, n_items)
        rows : ndarray of shape (n,)
            The profile that each row of bids belongs to, for messages.
        bidder : int or None
            Who misreports in ``bids``; None where all are truthful.

        Raises
        ------
        ValueError
            If what comes back is not two finite arrays of the right shapes.
        """
        allocations, payments = self._arrays(self.run(bids), bids.shape)
        for field, array in (("allocations", allocations), ("payments", payments)):
            if not np.isfinite(array).all():
                row = int(np.argwhere(~np.isfinite(array))[0][0])
                raise ValueError(
                    f"mechanism {self.name} returned a non-finite value in {field}, row "
                    f"{rows[row]}{_lying(bidder)}, for the bids {bids[row].tolist()}"
                )
        infeasible = feasibility_violation(allocations, self.demand)
        broken = ir_violation(bids, (allocations, payments))
        if bidder is None:
            self.max_feasibility_violation = max(
                self.max_feasibility_violation, float(infeasible.max())
            )
            self.max_ir_violation = max(self.max_ir_violation, float(broken.max()))
        self._note("allocations", infeasible, TOLERANCE, rows, bidder)
        self._note("payments", broken, TOLERANCE * self.money, rows, bidder)
        return allocations, payments

    def check_repeatable(self, bids, rows, outcome):
        """Raise ValueError if some of the bids, run again among fewer, come out otherwise.

        A search would take the luckiest draw of a random outcome for regret. The last half
        of the rows (or one) is run in reverse order.

        Parameters
        ----------
        bids : ndarray of shape (n, n_bidders, n_items)
        rows : ndarray of shape (n,)
        outcome : (allocations, payments)
            As returned for ``bids``.
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
                    f"mechanism {self.name} must decide each row for itself, the same bids always "
                    f"alike (a lottery as probabilities and expected payments); got {field} that "
                    f"differ by {difference[row]:.3g} when row {rows[again[row]]} is run again"
                )

    def problems(self):
        """Return one sentence on each kind of outcome that no auction may have."""
        return [
            f"{_SUBJECTS[kind].format(who=who, name=self.name)} by {excess:.3g} in row {row}"
            f"{_lying(liar)} ({count:,} such outcomes seen)"
            for (kind, _), (count, excess, row, who, liar) in self.worst.items()
        ]

    def _arrays(self, outcome, shape):
        try:
            allocations, payments = outcome
            allocations = np.asarray(allocations, dtype=float)
            payments = np.asarray(payments, dtype=float)
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

    def _note(self, kind, excess, tolerance, rows, bidder):
        """Count the rows whose excess, of one bidder if it has two axes, is no rounding."""
        if excess.max() <= tolerance:
            return
        who = None
        if excess.ndim == 2:
            who, excess = excess.argmax(axis=1), excess.max(axis=1)
        count = int(np.count_nonzero(excess > tolerance))
        row = int(excess.argmax())
        seen, worst, *where = self.worst.get((kind, bidder is None), (0, -np.inf))
        if excess[row] > worst:
            worst = float(excess[row])
            where = [int(rows[row]), None if who is None else int(who[row]), bidder]
        self.worst[kind, bidder is None] = (seen + count, worst, *where)


_SUBJECTS = {
    "allocations": "the allocations of {name} are infeasible",
    "payments": "the payment of bidder {who} in {name} exceeds the reported value of what it gets",
}


def _lying(bidder):
    return "" if bidder is None else f" under a misreport of bidder {bidder}"
