"""Wrappers around the mechanism under audit: a checked function, and a module with gradients."""

import copy
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sklauction.domains.base import Domain
from sklauction.utils.numbers import are_finite

__all__ = ["CheckedMechanism", "Differentiable", "differentiable"]

# Violations attributed to rounding, relative to the largest report where the field is scaled by it.
# Networks in float32 err by about 1e-7.
TOLERANCE = 1e-6
# Differences between two runs on the same bids attributed to rounding, in the same units.
REPEATABLE = 1e-3
# Maximum number of rows that are run twice.
REPEATED_ROWS = 256
# Range of money whose squares and sums of squares are within float32.
SINGLE_PRECISION = (1e-15, 1e15)


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


def differentiable(mechanism, profile, unit):
    """Return a frozen module for gradient ascent, or None if there is no gradient.

    The module is in float32, which is twice as fast, unless reports are out of its range. The
    audit recomputes in float64 what it reports.

    Parameters
    ----------
    mechanism : object
        Has a gradient if it is, or its ``mechanism_`` is, a torch module whose outcome depends
        on the bids differentiably.
    profile : ndarray of shape (1, n_agents, n_items)
        Reports for a trial run.
    unit : float
        Largest report.

    Returns
    -------
    Differentiable or None
    """
    module = getattr(mechanism, "mechanism_", _function_of(mechanism))
    if not _is_module(module):
        return None
    import torch

    single = SINGLE_PRECISION[0] < unit < SINGLE_PRECISION[1]
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


def _is_module(mechanism):
    """Return whether a mechanism is a torch module, without importing torch."""
    return hasattr(mechanism, "parameters") and hasattr(mechanism, "forward")


def _function_of(mechanism):
    """Return the function of a CallableAuction, as its own errors name other rows."""
    is_auction = hasattr(mechanism, "as_profiles")
    return getattr(mechanism, "function", mechanism) if is_auction else mechanism


def _as_function(mechanism, domain):
    """Return a mechanism as a function of numpy reports."""
    mechanism = _function_of(mechanism)
    if hasattr(mechanism, "predict"):
        return mechanism.predict
    if _is_module(mechanism):
        from sklauction.mechanism import run_in_chunks

        return lambda bids: run_in_chunks(mechanism, bids, domain)
    if callable(mechanism):
        return lambda bids: mechanism(bids.copy())  # the function may modify its argument
    raise ValueError(
        "mechanism must be a fitted auction, a torch module or a callable that maps bids to "
        f"(allocations, payments); got {type(mechanism).__name__}"
    )


class CheckedMechanism:
    """A mechanism that checks its outcomes and records the largest violations.

    Malformed outcomes raise an error. Violations of the rules of the domain are recorded, with
    profile and agent, for :meth:`problems`.

    Parameters
    ----------
    mechanism : fitted auction, torch.nn.Module or callable
    domain : Domain
    unit : float
        Largest report, the unit of the tolerance on scaled fields.

    Attributes
    ----------
    violations : dict of {str: float}
        Largest violation of each rule so far under truthful reports.
    """

    def __init__(self, mechanism, domain: Domain, unit):
        self.run = _as_function(mechanism, domain)
        function = _function_of(mechanism)
        self.name = getattr(function, "__name__", type(function).__name__)
        self.domain, self.unit = domain, unit
        self.violations = {}
        # (rule, whether reports were truthful) -> (count, excess, row, agent, misreporter).
        self.worst = {}

    def __call__(self, reports, rows, misreporter=None):
        """Return the fields of the outcome, in float64.

        Parameters
        ----------
        reports : ndarray of shape (n, n_agents, n_entries)
        rows : ndarray of shape (n,)
            Index of the profile of each row of reports, for messages.
        misreporter : int or None
            Agent that misreports in ``reports``; None if all are truthful.

        Raises
        ------
        ValueError
            If the outcome is not finite arrays of the right shapes.
        """
        outcome = self._arrays(self.run(reports), reports.shape)
        violations = self.domain.violations(reports, outcome)
        if not are_finite([*outcome, *violations.values()]):
            self._raise_not_finite(reports, rows, misreporter, outcome)
        for rule, excess in violations.items():
            if misreporter is None:
                largest = max(self.violations.get(rule, 0.0), float(excess.max()))
                self.violations[rule] = largest
            self._record(rule, excess, rows, misreporter)
        return outcome

    def check_repeatable(self, reports, rows, outcome):
        """Raise ValueError if a second run on some of the reports gives another outcome.

        In a random mechanism, the search would take lucky draws for regret. The second half of
        the rows (at most 256) is run in reverse order.

        Parameters
        ----------
        reports : ndarray of shape (n, n_agents, n_entries)
        rows : ndarray of shape (n,)
        outcome : sequence of ndarray
            The outcome of the first run on ``reports``.
        """
        again = np.arange(len(reports))[::-1][: max(1, min(len(reports) // 2, REPEATED_ROWS))]
        repeated = self._arrays(self.run(reports[again]), reports[again].shape)
        for field, first, second in zip(self._fields(reports.shape), outcome, repeated):
            difference = np.abs(first[again] - second).reshape(len(again), -1).max(axis=1)
            if difference.max() > REPEATABLE * (self.unit if field in self.domain.scaled else 1.0):
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
            f"{self.domain.rules[rule].problem.format(agent=agent, name=self.name)} by "
            f"{excess:.3g} in row {row}{self._under(misreporter)} ({count:,} such outcomes seen)"
            for (rule, _), (count, excess, row, agent, misreporter) in self.worst.items()
        ]

    def _fields(self, shape):
        """Return the shape of each field for reports of a shape."""
        fields = self.domain.fields(*shape[1:])
        return {name: (shape[0], *own) for name, own in fields.items()}

    def _arrays(self, outcome, shape):
        """Return the fields as float64 arrays of the right shapes."""
        fields = self._fields(shape)
        named = f"({', '.join(fields)})"
        try:
            arrays = [np.asarray(field, dtype=float) for field in outcome]
            if len(arrays) != len(fields):
                raise ValueError(f"{len(arrays)} of them")
        except (TypeError, ValueError, RuntimeError, OverflowError) as error:
            raise ValueError(
                f"mechanism {self.name} must return {named}, arrays of numbers; got "
                f"{type(outcome).__name__} ({error})"
            ) from error
        for (field, expected), array in zip(fields.items(), arrays):
            if array.shape != expected:
                raise ValueError(
                    f"mechanism {self.name} must return {field} of shape {expected} for bids of "
                    f"shape {shape}; got {array.shape}"
                )
        return arrays

    def _raise_not_finite(self, reports, rows, misreporter, outcome):
        """Raise ValueError on non-finite outcomes, or on those that overflow float64."""
        fields = self._fields(reports.shape)
        for field, array in zip(fields, outcome):
            if not np.isfinite(array).all():
                row = int(np.argwhere(~np.isfinite(array))[0][0])
                raise ValueError(
                    f"mechanism {self.name} returned a non-finite value in {field}, row {rows[row]}"
                    f"{self._under(misreporter)}, for the bids {reports[row].tolist()}"
                )
        raise ValueError(
            f"mechanism {self.name} must return {' and '.join(fields)} small enough for float64, "
            "with products and sums below about 1e308; got larger ones"
        )

    def _record(self, rule, excess, rows, misreporter):
        """Count the rows with a violation above the tolerance, and keep the largest one."""
        tolerance = TOLERANCE * (self.unit if self.domain.rules[rule].scaled else 1.0)
        if excess.max() <= tolerance:
            return
        by_agent = excess.reshape(len(excess), -1)
        row, agent = np.unravel_index(by_agent.argmax(), by_agent.shape)
        found = float(excess.max()), int(rows[row]), int(agent), misreporter
        key, n_seen = (rule, misreporter is None), int((by_agent > tolerance).any(axis=1).sum())
        count, *worst = self.worst.get(key, (0, *found))
        self.worst[key] = count + n_seen, *(found if found[0] > worst[0] else worst)

    def _under(self, agent):
        return "" if agent is None else f" under a misreport of {self.domain.agent} {agent}"
