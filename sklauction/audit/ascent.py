"""Gradient ascent on reports, for mechanisms that are torch modules."""

import torch

from sklauction.utils.batching import blocks, join

__all__ = ["ascend_from", "run_module"]

# Bid entries per batch on a GPU, enough to keep it busy.
GPU_ENTRIES = 1 << 20


def run_module(mechanism, profiles, agent, reports, domain):
    """Return the part of one agent in the outcome of each of its reports.

    Parameters
    ----------
    mechanism : Differentiable
    profiles : ndarray of shape (n, n_agents, n_items)
    agent : int
    reports : ndarray of shape (n, n_reports, n_items)
    domain : Domain

    Returns
    -------
    list of ndarray of shape (n, n_reports, ...)
    """

    def run():
        for rows, source, report in _batches(profiles, reports, mechanism.tensor_options):
            outcome = mechanism.module(_with_report(source, agent, report))
            yield rows, [field.cpu().numpy() for field in domain.part(outcome, agent)]

    n_rows, n_reports = reports.shape[:2]
    with torch.inference_mode():
        parts = join(run(), n_rows * n_reports, float)
    return [part.reshape(n_rows, n_reports, *part.shape[1:]) for part in parts]


def ascend_from(starts, mechanism, profiles, agent, box, sizes, domain):
    """Return the best reports seen on normalised gradient ascent, and their utilities.

    The coordinate with the largest slope, per range, moves by the step size times its range.

    Parameters
    ----------
    starts : ndarray of shape (n, n_starts, n_items)
    mechanism : Differentiable
    profiles : ndarray of shape (n, n_agents, n_items)
    agent : int
    box : (low, high), ndarrays of shape (n_items,)
    sizes : sequence of float
        Size of each step, as a share of the range.
    domain : Domain

    Returns
    -------
    best, last : ndarray of shape (n, n_starts, n_items)
        The best report seen, and the last one.
    gains : ndarray of shape (n, n_starts)
        Utility of the best report.
    """
    options = mechanism.tensor_options
    low, high = (torch.tensor(end, **options) for end in box)

    def run():
        for rows, source, report in _batches(profiles, starts, options):
            where = source, agent, report, low, high
            found = _ascend_batch(mechanism.module, domain, *where, sizes)
            yield rows, [tensor.cpu().numpy() for tensor in found]

    n_rows, n_starts = starts.shape[:2]
    found = join(run(), n_rows * n_starts, float)
    return [array.reshape(n_rows, n_starts, *array.shape[1:]) for array in found]


def _batches(profiles, reports, options):
    """Yield slices of the flattened reports, and their profiles and reports as tensors."""
    n_rows, n_reports, n_items = reports.shape
    flat, source = reports.reshape(-1, n_items), torch.tensor(profiles, **options)
    device = options["device"]
    entries = None if device.type == "cpu" else GPU_ENTRIES
    for part in blocks((n_rows * n_reports, *profiles.shape[1:]), entries):
        index = torch.arange(part.start, part.stop, device=device) // n_reports
        yield part, source[index], torch.tensor(flat[part], **options)


def _with_report(profiles, agent, reports):
    """Replace one agent's report, differentiably."""
    slot = torch.zeros(profiles.shape[1], 1, device=profiles.device, dtype=torch.bool)
    slot[agent] = True
    return torch.where(slot, reports.unsqueeze(1), profiles)


def _ascend_batch(module, domain, profiles, agent, current, low, high, sizes):
    truth, width = profiles[:, agent], high - low
    best, best_gain = current.clone(), torch.full_like(current[:, 0], -torch.inf)
    for size in sizes:
        with torch.enable_grad():
            current.requires_grad_(True)
            outcome = module(_with_report(profiles, agent, current))
            gain = domain.worth(truth, domain.part(outcome, agent))
            (slope,) = torch.autograd.grad(gain.sum(), current)
        with torch.no_grad():
            better = gain > best_gain
            best[better], best_gain[better] = current[better], gain[better]
            slope = slope * width
            slope = slope / slope.abs().amax(dim=1, keepdim=True).clamp_min(1e-30)
            moved = current.detach() + float(size) * slope * width
            current = torch.minimum(torch.maximum(moved, low), high)
    return best, current, best_gain
