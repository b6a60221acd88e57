"""Processor time of updates and audits, against another checkout of the repository.

The two run in turn, each in a process of its own with one thread, so that the ratio holds when the
speed of the machine drifts. Run from the root of the repository::

    git worktree add ../before COMMIT
    python benchmarks/paired_cost.py ../before --repeats 40

The ratio is this checkout divided by the other one: the median of all pairs, and the quartiles.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

# What is timed, bidders, items, and the number of profiles audited.
CASES = {
    "update, ALGNet 2x2": ("ALGNetAuction", 2, 2, 0),
    "update, ALGNet 3x10": ("ALGNetAuction", 3, 10, 0),
    "update, RegretNet 2x2": ("RegretNetAuction", 2, 2, 0),
    "audit, ALGNet 2x2": ("ALGNetAuction", 2, 2, 40),
    "audit, ALGNet 3x10": ("ALGNetAuction", 3, 10, 6),
    "audit, Myerson 2x2": ("MyersonAuction", 2, 2, 150),
    "audit, Myerson 3x10": ("MyersonAuction", 3, 10, 12),
}


def work_of(name, n_bidders, n_items, n_audited):
    """Return a function that trains for ten updates, or audits some profiles."""
    import sklauction
    from sklauction.learned import auction as learned_auction

    learned_auction.UPDATES_PER_ITERATION = 10
    values = np.random.default_rng(0).uniform(size=(2_000, n_bidders, n_items))
    auction = getattr(sklauction, name)(n_bidders, n_items)
    if name != "MyersonAuction":
        held_out = {} if n_audited else {"validation_fraction": 0, "warm_start": True}
        auction.set_params(max_iter=1, random_state=0, **held_out)
    auction.fit(values)
    if not n_audited:
        return lambda: auction.fit(values)
    some = values[:n_audited]
    return lambda: sklauction.measure_regret(auction, some, random_state=0, verbose=False)


def serve(case):
    """Do the work once for each line read, and print its processor time."""
    work = work_of(*CASES[case])
    work()
    for _ in sys.stdin:
        started = time.process_time()
        work()
        print(time.process_time() - started, flush=True)


def start(root, case):
    environment = {**os.environ, "PYTHONPATH": str(Path(root).resolve()), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, Path(__file__).resolve(), "--serve", case]
    pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment, **pipe)


def once(process):
    process.stdin.write("\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", nargs="?", help="root of the other checkout")
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--serve", choices=CASES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    print("| work | other, ms | this, ms | ratio | quartiles |\n|---|---|---|---|---|")
    for case in CASES:
        both = [start(root, case) for root in (arguments.other, Path(__file__).parents[1])]
        seconds = np.empty((arguments.repeats, 2))
        for row in range(arguments.repeats):
            for side in (0, 1) if row % 2 else (1, 0):
                seconds[row, side] = once(both[side])
        for process in both:
            process.communicate()
        low, middle, high = np.quantile(seconds[:, 1] / seconds[:, 0], [0.25, 0.5, 0.75])
        other, this = 1e3 * np.median(seconds, axis=0)
        row = f"| {case} | {other:.0f} | {this:.0f} | {middle:.3f} | {low:.3f} to {high:.3f} |"
        print(row, flush=True)


if __name__ == "__main__":
    main()
