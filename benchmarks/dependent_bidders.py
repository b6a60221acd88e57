"""Revenue of item-wise auctions for dependent and for independent bidders.

Compares `LookAheadAuction` with `MyersonAuction` and `VCGAuction`, fitted on 10,000 profiles.
Samples are pooled (`symmetric=True`) where bidders are exchangeable. Revenue is the mean over the
same fresh profiles. The standard error, the time of fit and the time of predict per profile are
those of the look-ahead auction. The table is Markdown. Run from the root of the repository (about
15 seconds)::

    OMP_NUM_THREADS=1 python benchmarks/dependent_bidders.py [--profiles 200000] [--seed 0]
"""

import argparse
import time
import warnings

import numpy as np

from sklauction import LookAheadAuction, MyersonAuction, VCGAuction

N_FIT = 10_000


def uniform(random, n_samples):
    """Independent values, uniform on [0, 1]."""
    return random.uniform(size=(n_samples, 3, 1))


def unequal(random, n_samples):
    """Independent values, uniform on [0, 1], [0, 2] and [0, 3]."""
    return random.uniform(size=(n_samples, 3, 1)) * np.array([[1.0], [2.0], [3.0]])


def ad_bids(random, n_samples):
    """Lognormal values with a market factor common to all bidders, four bidders and three items."""
    market = random.normal(0, 0.8, (n_samples, 1, 3))
    return np.exp(market + random.normal(0, 0.4, (n_samples, 4, 3)))


def value_shares(random, n_samples):
    """Totals uniform on [0.5, 1], shared by three bidders as Dirichlet(1/2), ten items."""
    totals = random.uniform(0.5, 1, (n_samples, 1, 10))
    return totals * random.dirichlet([0.5] * 3, (n_samples, 10)).swapaxes(1, 2)


# (name, sampler, whether bidders are exchangeable).
SETTINGS = (
    ("independent, U[0, 1], 3x1", uniform, True),
    ("independent, U[0, 1], U[0, 2], U[0, 3]", unequal, False),
    ("common market factor, 4x3", ad_bids, True),
    ("shares of a total, 3x10", value_shares, True),
)


def measure(auction, known, fresh):
    """Return payments, seconds of fit, and microseconds of predict per profile."""
    started = time.perf_counter()
    auction.fit(known)
    fitted = time.perf_counter()
    payments = auction.predict(fresh).payments.sum(axis=1)
    return payments, fitted - started, 1e6 * (time.perf_counter() - fitted) / len(fresh)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profiles", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", ".*dependence between bidders")
    print("| bidders | VCG | Myerson | look-ahead | s.e. | fit, s | predict, microseconds |")
    print("|---|---|---|---|---|---|---|")
    for name, sampler, alike in SETTINGS:
        random = np.random.default_rng(options.seed)
        known, fresh = sampler(random, N_FIT), sampler(random, options.profiles)
        auctions = VCGAuction(), MyersonAuction(symmetric=alike), LookAheadAuction(symmetric=alike)
        payments, fit, predict = zip(*(measure(auction, known, fresh) for auction in auctions))
        figures = " | ".join(f"{earned.mean():.4f}" for earned in payments)
        error = payments[-1].std() / np.sqrt(options.profiles)
        print(f"| {name} | {figures} | {error:.4f} | {fit[-1]:.1f} | {predict[-1]:.1f} |")


if __name__ == "__main__":
    main()
