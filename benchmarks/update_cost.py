"""Time per update and memory of ALGNetAuction with default parameters, from 2x2 to 10x50.

Each size runs in its own process, to measure its peak memory. Run from the root of the repository::

    python benchmarks/update_cost.py

"ns per entry" is the time per update divided by ``bidders x items x channels x profiles``, the
number of entries in a layer. It should not grow with the size. "profiles per update" is the number
of profiles that one update evaluates.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np

from sklauction import ALGNetAuction

SIZES = ((2, 2), (2, 5), (3, 10), (5, 10), (5, 20), (5, 50), (10, 20), (10, 50))


def measure(n_bidders, n_items, n_updates=20):
    """Measure one size in this process."""
    from sklauction.learned import auction as learned_auction

    learned_auction.UPDATES_PER_ITERATION = n_updates
    values = np.random.default_rng(0).uniform(size=(2_000, n_bidders, n_items))
    auction = ALGNetAuction(
        n_bidders, n_items, max_iter=1, validation_fraction=0, warm_start=True, random_state=0
    )
    auction.fit(values)
    evaluated = []
    auction.net_.module_.register_forward_pre_hook(lambda _, args: evaluated.append(len(args[0])))
    started = time.perf_counter()
    auction.fit(values)
    seconds = (time.perf_counter() - started) / n_updates
    entries = n_bidders * n_items * auction.hidden_layer_sizes[0] * sum(evaluated) / n_updates
    return {
        "size": f"{n_bidders}x{n_items}",
        "batch_size": auction.net_.batch_size,
        "profiles": sum(evaluated) // n_updates,
        "ms_per_update": seconds * 1e3,
        "ns_per_entry": seconds * 1e9 / entries,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one", type=int, nargs=2, help="measure this size alone, print JSON")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(*arguments.one)))
        return
    print("| size | batch | profiles per update | ms per update | ns per entry | peak, GiB |")
    print("|---|---|---|---|---|---|")
    for size in SIZES:
        command = [sys.executable, __file__, "--one", *map(str, size)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        row = json.loads(done.stdout)
        print(
            f"| {row['size']} | {row['batch_size']} | {row['profiles']} | "
            f"{row['ms_per_update']:.0f} | {row['ns_per_entry']:.2f} | {row['peak_gib']:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
