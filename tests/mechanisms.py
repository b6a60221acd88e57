"""Mechanisms that several tests audit."""

import numpy as np


def winners(scores):
    """Return the winner of each item, by the highest score; shape (n, bidder, item)."""
    return np.eye(scores.shape[1], dtype=bool)[scores.argmax(axis=1)].swapaxes(1, 2)


def first_price(bids):
    """Sell each item to the highest bidder at its bid."""
    wins = winners(bids)
    return wins, (wins * bids).sum(axis=2)


def second_price(bids):
    """Sell each item to the highest bidder at the second highest bid; truthful."""
    wins = winners(bids)
    return wins.astype(float), (wins * np.sort(bids, axis=1)[:, -2:-1]).sum(axis=2)


def strictly_below(items):
    """Return a second-price auction that by mistake skips bids equal to the winner's on items."""

    def mechanism(bids):
        wins, ranked = winners(bids), np.sort(bids, axis=1)
        below = np.where(bids < ranked[:, -1:], bids, 0.0).max(axis=1)
        price = np.where(np.isin(np.arange(bids.shape[2]), items), below, ranked[:, -2])
        return wins.astype(float), (wins * price[:, None]).sum(axis=2)

    return mechanism


def all_highest_win(bids):
    """Sell each item to every bidder that bids most, at its bid; a tie sells it twice."""
    wins = bids == bids.max(axis=1, keepdims=True)
    return wins, (wins * bids).sum(axis=2)
