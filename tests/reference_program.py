"""The optimal revenue of two bidders with finitely many types, by linear programming."""

from itertools import product

import numpy as np
from scipy.optimize import linprog


def best_two_bidder_revenue(types, chances, bayesian=False):
    """Return the optimal revenue, given types (n_types, n_items) and probabilities per bidder."""
    sizes, n_items = [len(part) for part in types], len(types[0][0])
    shape = (*sizes, 2, n_items + 1)  # reports, bidder, items and payment

    def utility(bidder, true, report, other):
        row = np.zeros(shape)
        profile = (report, other) if bidder == 0 else (other, report)
        row[(*profile, bidder)] = [*types[bidder][true], -1]
        return row

    rows = []
    for bidder, true, report in product((0, 1), range(max(sizes)), range(max(sizes))):
        if max(true, report) < sizes[bidder]:
            # A report that equals the true type stands for not participating.
            gain = [
                (utility(bidder, true, report, other) if report != true else 0)
                - utility(bidder, true, true, other)
                for other in range(sizes[1 - bidder])
            ]
            rows += [np.tensordot(chances[1 - bidder], gain, 1)] if bayesian else gain
    n_gains = len(rows)
    for first, second, item in np.ndindex(*sizes, n_items):
        row = np.zeros(shape)
        row[first, second, :, item] = 1
        rows.append(row)
    limits = np.repeat([0, 1], [n_gains, len(rows) - n_gains])
    cost = np.zeros(shape)
    cost[..., -1] = -np.outer(*chances)[..., None]
    bounds = ([(0, 1)] * n_items + [(None, None)]) * (sizes[0] * sizes[1] * 2)
    return -linprog(cost.ravel(), np.reshape(rows, (len(rows), -1)), limits, bounds=bounds).fun
