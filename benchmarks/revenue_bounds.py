"""Bounds on the optimal revenue of every setting, by argument, with seconds.

Run from the root of the repository::

    python benchmarks/revenue_bounds.py
    python benchmarks/revenue_bounds.py --settings additive_2x2_uniform --cells 8 12 16 20
"""

import argparse
import time

from sklauction import optimal_revenue_bounds
from sklauction.datasets import list_settings, load_setting


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--settings", nargs="+", default=list_settings())
    parser.add_argument("--cells", type=int, nargs="+", default=[None], help="cells per item")
    parser.add_argument("--samples", type=int, default=100_000)
    arguments = parser.parse_args()
    print("| setting | cells | lower | upper | gap | sources | seconds |")
    print("|---|---|---|---|---|---|---|")
    for name in arguments.settings:
        for n_cells in arguments.cells:
            start = time.perf_counter()
            bounds = optimal_revenue_bounds(
                load_setting(name), n_cells=n_cells, n_samples=arguments.samples
            )
            seconds = time.perf_counter() - start
            print(
                f"| {name} | {n_cells or 'default'} | {bounds.lower:.6f} | {bounds.upper:.6f} "
                f"| {bounds.upper / bounds.lower - 1:.2%} | {bounds.lower_source}; "
                f"{bounds.upper_source} | {seconds:.1f} |",
                flush=True,
            )
            for argument, value in bounds.uppers.items():
                print(f"|  |  |  | {value:.6f} |  | {argument} |  |", flush=True)


if __name__ == "__main__":
    main()
