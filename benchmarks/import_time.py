"""Import times, compared with those of scikit-learn.

Runs each import in new processes, in turn, so that changes in the load of the machine affect all
imports equally. Times are those of the whole process minus those of a process that imports nothing.
The first round fills the file system's caches and is not counted. Ratios are of medians. Run from
the root of the repository (a minute)::

    python benchmarks/import_time.py [--rounds 15]
"""

import argparse
import statistics
import subprocess
import sys
import time

NOTHING = "pass"
REFERENCES = ("import sklearn", "from sklearn.linear_model import LogisticRegression")
IMPORTS = (
    "import sklauction",
    "import sklauction; sklauction.show_versions",
    "from sklauction import MyersonAuction",
    "from sklauction import measure_regret",
    "from sklauction import ALGNetAuction",
    "import torch",
)


def seconds(code):
    """Return the seconds that a new process takes to run code."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    n_rounds = parser.parse_args().rounds
    codes = (NOTHING, *REFERENCES, *IMPORTS)
    taken = {code: [] for code in codes}
    for number in range(n_rounds + 1):
        for code in codes:
            once = seconds(code)
            if number:
                taken[code].append(once)
    medians = {code: statistics.median(times) for code, times in taken.items()}
    idle = medians.pop(NOTHING)
    print(
        f"Python alone takes {1000 * idle:.0f} ms; beyond that, medians of {n_rounds} processes\n"
    )
    print("| code | ms | of " + " | of ".join(f"`{code}`" for code in REFERENCES) + " |")
    print("|---|---|---|---|")
    for code, median in medians.items():
        ratios = " | ".join(
            f"{(median - idle) / (medians[reference] - idle):.3f}" for reference in REFERENCES
        )
        print(f"| `{code}` | {1000 * (median - idle):.0f} | {ratios} |")


if __name__ == "__main__":
    main()
