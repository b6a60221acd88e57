"""Evaluation and gradient ascent of reports on mechanisms that are torch modules."""

import torch

__all__ = ["ascend_from", "run_module"]

# Bid entries per batch on a GPU, enough to keep it busy.
GPU_ENTRIES = 1 << 20


def run_module(problem, reports):
    """Return the part of the agent in the outcome of each of its reports.

    Parameters
    ----------
    problem : AgentProblem
    reports : ndarray of shape (n, n_reports, n_items)

    Returns
    -------
    list of ndarray of shape (n, n_reports, ...)
    """
    with torch.inference_mode():
        return _run_on_tensors(lambda *batch: _part_of(problem, *batch), problem, reports)


def ascend_from(problem, starts, sizes):
    """Return the best reports seen on normalised gradient ascent, and their utilities.

    The coordinate with the largest slope, per range, moves by the step size times its range.

    Parameters
    ----------
    problem : AgentProblem
    starts : ndarray of shape (n, n_starts, n_items)
    sizes : sequence of float
        Size of each step, as a share of the range.

    Returns
    -------
    best, last : ndarray of shape (n, n_starts, n_items)
        The best report seen, and the last one.
    gains : ndarray of shape (n, n_starts)
        Utility of the best report.
    """
    options = problem.module.tensor_options
    low, high = (torch.tensor(end, **options) for end in (problem.low, problem.high))
    width = high - low

    def ascend(profiles, current):
        truth = profiles[:, problem.agent]
        best, best_gain = current.clone(), torch.full_like(current[:, 0], -torch.inf)
        for size in sizes:
            with torch.enable_grad():
                current.requires_grad_(True)
                gain = problem.domain.worth(truth, _part_of(problem, profiles, current))
                (slope,) = torch.autograd.grad(gain.sum(), current)
            with torch.no_grad():
                better = gain > best_gain
                best[better], best_gain[better] = current[better], gain[better]
                slope = slope * width
                slope = slope / slope.abs().amax(dim=1, keepdim=True).clamp_min(1e-30)
                moved = current.detach() + float(size) * slope * width
                current = torch.minimum(torch.maximum(moved, low), high)
        return best, current, best_gain

    return _run_on_tensors(ascend, problem, starts)


def _run_on_tensors(run, problem, reports):
    """Run a function of tensors, profiles and the agent's reports, on all reports."""
    options = problem.module.tensor_options
    device = options["device"]
    source = torch.tensor(problem.profiles, **options)

    def on_tensors(index, some):
        profiles = source[torch.from_numpy(index).to(device)]
        return [field.cpu().numpy() for field in run(profiles, torch.tensor(some, **options))]

    entries = None if device.type == "cpu" else GPU_ENTRIES
    return problem.run_in_batches(on_tensors, reports, entries)


def _part_of(problem, profiles, reports):
    """Return the agent's part of the outcome of its reports, differentiably."""
    slot = torch.zeros(profiles.shape[1], 1, device=profiles.device, dtype=torch.bool)
    slot[problem.agent] = True
    outcome = problem.module.module(torch.where(slot, reports.unsqueeze(1), profiles))
    return problem.domain.part(outcome, problem.agent)
