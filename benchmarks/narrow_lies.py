"""Mechanisms in which only a narrow lie pays, with the largest gain known by formula.

Each function returns a :class:`Case`. Bids and values are in [0, 1], and most mechanisms are a
second-price auction of each item, which is truthful, with a reward for lies of one kind.
``benchmarks/audit_strength.py --parts narrow`` audits them.
"""

import functools
import itertools
from typing import NamedTuple

import numpy as np
import torch

REWARD = 0.3


class Case(NamedTuple):
    """A mechanism, profiles of true valuations, and the regret of each bidder in each of them.

    Parameters
    ----------
    mechanism : callable
    values : ndarray of shape (n, n_bidders, n_items)
    regrets : ndarray of shape (n, n_bidders)
    """

    mechanism: object
    values: np.ndarray
    regrets: np.ndarray


def draw(n_bidders, n_items, seed, n=50):
    """Return uniform values, and a generator for the mechanism."""
    random = np.random.default_rng([seed, n_bidders, n_items])
    return random.uniform(size=(n, n_bidders, n_items)), random


def rivals(values):
    """Return the highest bid of the others on each item; 0 if there are none."""
    padded = np.concatenate([values, np.zeros_like(values[:, :1])], axis=1)
    others = [np.delete(padded, i, axis=1).max(axis=1) for i in range(values.shape[1])]
    return np.stack(others, axis=1)


def wins(bids):
    """Return which bidder wins which item; the first of several highest bidders does."""
    return np.eye(bids.shape[1], dtype=bool)[bids.argmax(axis=1)].swapaxes(1, 2)


def second_price(bids):
    """Sell each item to the highest bidder at the second highest bid."""
    won = wins(bids)
    return won.astype(float), (won * rivals(bids)).sum(axis=2)


def rewarding(earns):
    """Return a second-price auction with a reward, a function of a bidder's bids."""

    def mechanism(bids):
        allocations, payments = second_price(bids)
        return allocations, payments - earns(bids)

    return mechanism


def case_of(mechanism, values, best):
    """Return a case from the largest utility of any report."""
    allocations, payments = mechanism(values)
    truthful = (allocations * values).sum(axis=2) - payments
    return Case(mechanism, values, np.maximum(best - truthful, 0.0))


def equal_bids(n_bidders, n_items, seed):
    """Reward equal bids on all items."""
    values, _ = draw(n_bidders, n_items, seed)
    mechanism = rewarding(lambda bids: REWARD * (np.ptp(bids, axis=2) == 0))
    # The best common bid is just above one of the rivals, or zero.
    rival = rivals(values)
    won = rival[:, :, None] <= np.append(rival, np.zeros_like(rival[:, :, :1]), axis=2)[..., None]
    won[:, :, -1] = False  # at zero
    best = (won * (values - rival)[:, :, None]).sum(axis=3).max(axis=2)
    return case_of(mechanism, values, best + REWARD)


def nearly_equal_bids(n_bidders, n_items, seed, width=0.05):
    """Sell nothing, and reward similar bids, the more the less they differ."""
    values, _ = draw(n_bidders, n_items, seed)

    def mechanism(bids):
        return bids * 0, -REWARD * np.maximum(1 - np.ptp(bids, axis=2) / width, 0.0)

    return case_of(mechanism, values, np.full(values.shape[:2], REWARD))


def windows(n_bidders, n_items, seed, width=0.1, n_windows=2):
    """Reward bids on a pair of items in a window of each."""
    values, random = draw(n_bidders, n_items, seed)
    pair = random.choice(n_items, n_windows, replace=False)
    low = random.uniform(0, 1 - width, n_windows)

    def earns(bids):
        chosen = bids[:, :, pair]
        return REWARD * ((chosen >= low) & (chosen <= low + width)).all(axis=2)

    surplus, rival = values - rivals(values), rivals(values)[:, :, pair]
    free = np.maximum(surplus, 0.0)
    win, lose = (rival < low + width), (rival > low)
    inside = np.where(win & lose, free[:, :, pair], np.where(win, surplus[:, :, pair], 0.0))
    best = free.sum(axis=2) + (inside - free[:, :, pair]).sum(axis=2) + REWARD
    mechanism = rewarding(earns)
    return case_of(mechanism, values, np.maximum(best, free.sum(axis=2)))


def windows_only(n_bidders, n_items, seed, width=0.1):
    """Sell nothing, and reward bids on a pair of items in a window of each."""
    values, random = draw(n_bidders, n_items, seed)
    pair, low = random.choice(n_items, 2, replace=False), random.uniform(0, 1 - width, 2)

    def mechanism(bids):
        chosen = bids[:, :, pair]
        inside = ((chosen >= low) & (chosen <= low + width)).all(axis=2)
        return bids * 0, -REWARD * inside

    return case_of(mechanism, values, np.full(values.shape[:2], REWARD))


def exactly(n_bidders, n_items, seed, k):
    """Sell shares of items at hidden prices, and reward exactly ``k`` bids."""
    values, random = draw(n_bidders, n_items, seed)
    prices = random.uniform(0.1, 0.6, n_items)

    def mechanism(bids):
        got = (bids >= prices) / n_bidders
        paid = (got * prices).sum(axis=2)
        return got, paid - REWARD * ((bids > 0).sum(axis=2) == k)

    surplus = np.maximum(values - prices, 0.0) / n_bidders
    best = np.sort(surplus, axis=2)[:, :, n_items - k :].sum(axis=2) + REWARD
    return case_of(mechanism, values, best)


def rewarded_count(n_bidders, n_items, seed, k):
    """Reward exactly ``k`` bids."""
    values, _ = draw(n_bidders, n_items, seed)
    mechanism = rewarding(lambda bids: REWARD * ((bids > 0).sum(axis=2) == k))
    surplus = np.maximum(values - rivals(values), 0.0)
    best = np.sort(surplus, axis=2)[:, :, n_items - k :].sum(axis=2) + REWARD
    return case_of(mechanism, values, best)


def total_menu(n_bidders, n_items, seed, n_tiers, width=None):
    """Sell a share of all items, and its price, by the bidder's own total.

    Tiers have random ends; with a ``width``, one tier is as narrow as that, per item.
    """
    values, random = draw(n_bidders, n_items, seed)
    ends = np.sort(random.uniform(0.1, 0.9, n_tiers - 1)) * n_items
    if width is not None:
        ends = np.array([ends[0], ends[0] + width * n_items])
    shares = random.permutation(np.linspace(0.2, 1.0, len(ends) + 1)) / n_bidders
    prices = shares * random.uniform(0.2, 0.5, len(ends) + 1) * n_items

    def mechanism(bids):
        tier = np.searchsorted(ends, bids.sum(axis=2))
        return np.repeat(shares[tier][..., None], n_items, axis=2), prices[tier]

    best = (values.sum(axis=2)[..., None] * shares - prices).max(axis=2)
    return case_of(mechanism, values, best)


def volume_discount(n_bidders, n_items, seed, k, discount=0.3):
    """Give a discount on second prices to those who win ``k`` items or more."""
    values, _ = draw(n_bidders, n_items, seed)

    def mechanism(bids):
        won, payments = second_price(bids)
        return won, payments * np.where(won.sum(axis=2) >= k, 1 - discount, 1.0)

    rival, best = rivals(values), np.full(values.shape[:2], -np.inf)
    for chosen in itertools.product((False, True), repeat=n_items):
        paid = (rival * chosen).sum(axis=2) * (1 - discount if sum(chosen) >= k else 1.0)
        best = np.maximum(best, (values * chosen).sum(axis=2) - paid)
    return case_of(mechanism, values, best)


class Jumping(torch.nn.Module):
    """Each item to the highest bid above a hidden reserve; the winner pays its bid."""

    def __init__(self, reserves):
        super().__init__()
        self.register_buffer("reserves", torch.as_tensor(reserves))

    def forward(self, bids):
        """Return allocations and payments."""
        top = bids == bids.amax(dim=1, keepdim=True)
        first = top & (top.cumsum(dim=1) == 1) & (bids >= self.reserves.to(bids))
        return first.to(bids), (first * bids).sum(dim=2)


def jumping_module(n_bidders, n_items, seed, reserves=True):
    """Return a module with a gradient of the payment, which leads away from its jumps."""
    values, random = draw(n_bidders, n_items, seed)
    hidden = random.uniform(0.2, 0.8, n_items) if reserves else np.zeros(n_items)
    least = np.maximum(rivals(values), hidden)
    best = np.maximum(values - least, 0.0).sum(axis=2)
    return Case(Jumping(hidden), values, best)  # truth earns nothing


def _series(make, sizes, **options):
    return [functools.partial(make, *size, seed, **options) for size in sizes for seed in (0, 1)]


# Cases by kind; each is made when it is called.
CASES = {
    "equal bids on all of 3, 4, 6 items": _series(equal_bids, [(2, 3), (2, 4), (3, 4), (2, 6)]),
    "nearly equal bids, 3, 4, 6 items": _series(nearly_equal_bids, [(2, 3), (2, 4), (2, 6)]),
    "windows of 10 % in 2 of 10 items": _series(windows, [(2, 10), (3, 10)]),
    "the same, nothing sold": _series(windows_only, [(2, 10), (3, 10)]),
    "windows of 10 to 20 % in 2 of 4, 6 items": [
        *_series(windows, [(2, 4), (2, 6)]),
        *_series(windows, [(2, 4), (2, 6)], width=0.2),
    ],
    "exactly 3 of 6 items, hidden prices": _series(exactly, [(2, 6), (3, 6)], k=3),
    "exactly 2 of 4, 5 of 10 items": [
        *_series(exactly, [(2, 4)], k=2),
        *_series(exactly, [(2, 10)], k=5),
    ],
    "exactly 3 of 6, 5 of 10, second price": [
        *_series(rewarded_count, [(2, 6)], k=3),
        *_series(rewarded_count, [(2, 10)], k=5),
    ],
    "menu of 3 to 6 tiers by total, 10 items": [
        case for n in (3, 4, 5, 6) for case in _series(total_menu, [(2, 10)], n_tiers=n)
    ],
    "menu of 4 to 6 tiers by total, 4 items": [
        case for n in (4, 5, 6) for case in _series(total_menu, [(2, 4)], n_tiers=n)
    ],
    "menu with a tier of 3 % of the total": _series(
        total_menu, [(2, 4), (2, 10)], n_tiers=2, width=0.03
    ),
    "volume discount, 10 bidders x 4 items": [
        case for k in (2, 3, 4) for case in _series(volume_discount, [(10, 4)], k=k)
    ],
    "volume discount, 3 bidders x 3, 6 items": _series(volume_discount, [(3, 3), (3, 6)], k=3),
    "first-price module with reserves": _series(jumping_module, [(2, 2), (2, 4), (3, 10)]),
    "first-price module": _series(jumping_module, [(2, 2), (2, 4), (3, 10)], reserves=False),
}
