"""Linear programs on grids compared with the closed forms, with their times.

Run from the root of the repository::

    python benchmarks/optimal_grids.py [--picture grids.png] [--grids 5 10 20 40]

For one buyer, prints the optimum of a grid of n x n types (the centres of equal cells), the closed
form for the continuous prior, and the utility bound on the same cells, with seconds. Then prints
the optimum for two bidders with 5 values per item.
"""

import argparse
import itertools
import time

import numpy as np
from scipy.stats import uniform

from sklauction.analytic.closed_forms import uniform_box_optimum
from sklauction.analytic.type_program import TypeProgram, solve_types
from sklauction.bounds.potential_program import potential_bound
from sklauction.bounds.value_grid import grid_of_marginals

PRIORS = {
    "U[0, 1]^2": ([0, 0], [1, 1], "additive"),
    "U[0, 4] x U[0, 3]": ([0, 0], [4, 3], "additive"),
    "U[4, 16] x U[4, 7]": ([4, 4], [16, 7], "additive"),
    "unit demand, U[0, 1]^2": ([0, 0], [1, 1], "unit"),
    "unit demand, U[2, 3]^2": ([2, 2], [3, 3], "unit"),
}


def solve_grid(low, high, demand, n):
    """Return the optimum for n x n types at the centres of cells, and the seconds."""
    low, high = np.array(low, dtype=float), np.array(high, dtype=float)
    steps = (np.arange(n) + 0.5) / n
    types = low + np.array(list(itertools.product(steps, steps))) * (high - low)
    weights = np.full(len(types), 1 / len(types))
    alike = bool(np.ptp(low) == 0 and np.ptp(high) == 0)
    started = time.perf_counter()
    solution = solve_types(TypeProgram([types], weights, demand, "dsic", False, alike))
    return solution, time.perf_counter() - started


def bound_grid(low, high, demand, n):
    """Return the utility bound on n x n cells, and the seconds."""
    started = time.perf_counter()
    grid = grid_of_marginals([uniform(a, b - a) for a, b in zip(low, high)], n)
    return potential_bound([grid], demand), time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--grids", type=int, nargs="+", default=[5, 10, 20, 40])
    parser.add_argument("--picture", help="file for a plot of the error against the grid")
    arguments = parser.parse_args()
    errors, gaps = {}, {}
    for name, (low, high, demand) in PRIORS.items():
        known = uniform_box_optimum(low, high, demand).revenue
        errors[name], gaps[name] = [], []
        for n in arguments.grids:
            solution, seconds = solve_grid(low, high, demand, n)
            errors[name].append(solution.revenue / known - 1)
            bound, bound_seconds = bound_grid(low, high, demand, n)
            gaps[name].append(bound / known - 1)
            print(
                f"{name:<24} {n:>3} x {n:<3} {solution.revenue:.6f}, closed form {known:.6f}: "
                f"{errors[name][-1]:+.2%}; {solution.n_variables:,} variables, "
                f"{solution.n_constraints:,} constraints, {seconds:.1f} s; bound {bound:.6f}: "
                f"{gaps[name][-1]:+.2%}, {bound_seconds:.1f} s",
                flush=True,
            )
    values = np.arange(1, 6) / 5
    types = np.array(list(itertools.product(values, values)))
    weights = np.full((25, 25), 1 / 625)
    for incentive in ("dsic", "bic"):
        started = time.perf_counter()
        solution = solve_types(
            TypeProgram([types, types], weights, "additive", incentive, True, True)
        )
        print(
            f"2 bidders, 2 items, 5 values each, {incentive}: {solution.revenue:.6f}, "
            f"{solution.n_variables:,} variables, {time.perf_counter() - started:.2f} s"
        )
    if arguments.picture:
        import matplotlib.pyplot as plt

        figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
        for colour, (name, error) in enumerate(errors.items()):
            ax.loglog(arguments.grids, error, "o-", color=f"C{colour}", label=name)
            ax.loglog(arguments.grids, gaps[name], "s--", color=f"C{colour}", ms=4)
        ax.set_xticks(arguments.grids, arguments.grids)
        ax.minorticks_off()
        ax.set(
            xlabel="types or cells per item",
            ylabel="relative gap to the closed form",
            title="solid: optimum of the types; dashed: utility bound",
        )
        ax.legend(frameon=False)
        figure.savefig(arguments.picture, dpi=120)


if __name__ == "__main__":
    main()
