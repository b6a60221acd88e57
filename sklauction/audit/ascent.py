"""Gradient ascent on reports, where a mechanism is a torch module."""

import numpy as np
import torch

__all__ = ["climb", "run_module"]

# Bid entries per batch: on a CPU what stays in a core's cache, on a GPU what keeps it busy.
GPU_ENTRIES = 1 << 20


def _batch_rows(device, profiles, entries):
    return max(1, (entries if device.type == "cpu" else GPU_ENTRIES) // profiles[0].size)


def _with_report(profiles, bidder, reports):
    """Return profiles in which one bidder's bids are replaced, differentiably."""
    slot = torch.zeros(profiles.shape[1], 1, device=profiles.device, dtype=torch.bool)
    slot[bidder] = True
    return torch.where(slot, reports.unsqueeze(1), profiles)


def run_module(mechanism, profiles, bidder, reports, batch_entries):
    """Return what one bidder gets and pays under each of its reports.

    Parameters
    ----------
    mechanism : Differentiable
    profiles : ndarray of shape (n, n_bidders, n_items)
    bidder : int
    reports : ndarray of shape (n, n_reports, n_items)
    batch_entries : int
        Bid entries per call, on a CPU.

    Returns
    -------
    got : ndarray of shape (n, n_reports, n_items)
    paid : ndarray of shape (n, n_reports)
    """
    n_rows, n_reports, n_items = reports.shape
    module, place = mechanism
    flat = reports.reshape(-1, n_items)
    got, paid = np.empty(flat.shape), np.empty(len(flat))
    rows = _batch_rows(place["device"], profiles, batch_entries)
    source = torch.tensor(profiles, **place)
    with torch.inference_mode():
        for start in range(0, len(flat), rows):
            part = slice(start, min(start + rows, len(flat)))
            index = torch.arange(part.start, part.stop, device=place["device"]) // n_reports
            report = torch.tensor(flat[part], **place)
            allocations, payments = module(_with_report(source[index], bidder, report))
            got[part] = allocations[:, bidder].cpu().numpy()
            paid[part] = payments[:, bidder].cpu().numpy()
    return got.reshape(reports.shape), paid.reshape(n_rows, n_reports)


def climb(mechanism, profiles, bidder, starts, box, sizes, batch_entries):
    """Return the best reports seen on normalised gradient ascent, and their utilities.

    Each step has the given size, as a share of the range, in the coordinate where the
    slope (per range) is largest.

    Parameters
    ----------
    mechanism : Differentiable
    profiles : ndarray of shape (n, n_bidders, n_items)
    bidder : int
    starts : ndarray of shape (n, n_starts, n_items)
    box : (low, high), ndarrays of shape (n_items,)
    sizes : sequence of float
        One step each.
    batch_entries : int
        Bid entries per call, on a CPU.

    Returns
    -------
    best, last : ndarray of shape (n, n_starts, n_items)
        The best report seen, and where the ascent ended.
    gains : ndarray of shape (n, n_starts)
        Utility of the best.
    """
    n_rows, n_starts, n_items = starts.shape
    module, place = mechanism
    low, high = (torch.tensor(end, **place) for end in box)
    flat = starts.reshape(-1, n_items)
    best, last, gains = np.empty(flat.shape), np.empty(flat.shape), np.empty(len(flat))
    rows = _batch_rows(place["device"], profiles, batch_entries)
    source = torch.tensor(profiles, **place)
    for start in range(0, len(flat), rows):
        part = slice(start, min(start + rows, len(flat)))
        index = torch.arange(part.start, part.stop, device=place["device"]) // n_starts
        report = torch.tensor(flat[part], **place)
        found = _climb_batch(module, source[index], bidder, report, low, high, sizes)
        best[part], last[part], gains[part] = (tensor.cpu().numpy() for tensor in found)
    shape = (n_rows, n_starts)
    return best.reshape(*shape, n_items), last.reshape(*shape, n_items), gains.reshape(shape)


def _climb_batch(module, profiles, bidder, current, low, high, sizes):
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
