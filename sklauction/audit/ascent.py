"""Gradient ascent on reports, for mechanisms that are torch modules."""

import numpy as np
import torch

from sklauction.utils.batching import blocks

__all__ = ["ascend_from", "run_module"]

# Bid entries per batch on a GPU, enough to keep it busy.
GPU_ENTRIES = 1 << 20


def run_module(mechanism, profiles, bidder, reports):
    """Return the allocation and payment of one bidder under each of its reports.

    Parameters
    ----------
    mechanism : Differentiable
    profiles : ndarray of shape (n, n_bidders, n_items)
    bidder : int
    reports : ndarray of shape (n, n_reports, n_items)

    Returns
    -------
    got : ndarray of shape (n, n_reports, n_items)
    paid : ndarray of shape (n, n_reports)
    """
    got, paid = np.empty(reports.shape), np.empty(reports.shape[:2])
    flat_got, flat_paid = got.reshape(-1, got.shape[2]), paid.reshape(-1)
    with torch.inference_mode():
        for part, source, report in _batches(profiles, reports, mechanism.tensor_options):
            allocations, payments = mechanism.module(_with_report(source, bidder, report))
            flat_got[part] = allocations[:, bidder].cpu().numpy()
            flat_paid[part] = payments[:, bidder].cpu().numpy()
    return got, paid


def ascend_from(starts, mechanism, profiles, bidder, box, sizes):
    """Return the best reports seen on normalised gradient ascent, and their utilities.

    The coordinate with the largest slope, per range, moves by the step size times its range.

    Parameters
    ----------
    starts : ndarray of shape (n, n_starts, n_items)
    mechanism : Differentiable
    profiles : ndarray of shape (n, n_bidders, n_items)
    bidder : int
    box : (low, high), ndarrays of shape (n_items,)
    sizes : sequence of float
        Size of each step, as a share of the range.

    Returns
    -------
    best, last : ndarray of shape (n, n_starts, n_items)
        The best report seen, and the last one.
    gains : ndarray of shape (n, n_starts)
        Utility of the best report.
    """
    options = mechanism.tensor_options
    low, high = (torch.tensor(end, **options) for end in box)
    best, last, gains = np.empty(starts.shape), np.empty(starts.shape), np.empty(starts.shape[:2])
    flat = [array.reshape(gains.size, *array.shape[2:]) for array in (best, last, gains)]
    for part, source, report in _batches(profiles, starts, options):
        found = _ascend_batch(mechanism.module, source, bidder, report, low, high, sizes)
        for array, tensor in zip(flat, found, strict=True):
            array[part] = tensor.cpu().numpy()
    return best, last, gains


def _batches(profiles, reports, options):
    """Yield slices of the flattened reports, and their profiles and reports as tensors."""
    n_rows, n_reports, n_items = reports.shape
    flat, source = reports.reshape(-1, n_items), torch.tensor(profiles, **options)
    device = options["device"]
    entries = None if device.type == "cpu" else GPU_ENTRIES
    for part in blocks((n_rows * n_reports, *profiles.shape[1:]), entries):
        index = torch.arange(part.start, part.stop, device=device) // n_reports
        yield part, source[index], torch.tensor(flat[part], **options)


def _with_report(profiles, bidder, reports):
    """Replace one bidder's bids, differentiably."""
    slot = torch.zeros(profiles.shape[1], 1, device=profiles.device, dtype=torch.bool)
    slot[bidder] = True
    return torch.where(slot, reports.unsqueeze(1), profiles)


def _ascend_batch(module, profiles, bidder, current, low, high, sizes):
    value, width = profiles[:, bidder], high - low
    best, best_gain = current.clone(), torch.full_like(current[:, 0], -torch.inf)
    for size in sizes:
        with torch.enable_grad():
            current.requires_grad_(True)
            allocations, payments = module(_with_report(profiles, bidder, current))
            gain = (allocations[:, bidder] * value).sum(dim=1) - payments[:, bidder]
            (slope,) = torch.autograd.grad(gain.sum(), current)
        with torch.no_grad():
            better = gain > best_gain
            best[better], best_gain[better] = current[better], gain[better]
            slope = slope * width
            slope = slope / slope.abs().amax(dim=1, keepdim=True).clamp_min(1e-30)
            moved = current.detach() + float(size) * slope * width
            current = torch.minimum(torch.maximum(moved, low), high)
    return best, current, best_gain
