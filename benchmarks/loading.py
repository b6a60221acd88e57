"""Seconds and memory of loading the most demanding files that we know.

Each file has a correct checksum and holds as many objects of a kind as fit below 1 MiB, or, with
``--full``, into the largest JSON that is read. It is loaded in a process of its own; the memory is
what is added to that of the imports.

Run from the root of the repository (about a minute on one core)::

    OMP_NUM_THREADS=1 python benchmarks/loading.py [--full] [--kinds lists scipy]
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from sklauction import ALGNetAuction, MyersonAuction, VCGAuction, load_auction
from sklauction.persistence.codec import Encoder
from sklauction.persistence.container import LONGEST_CONTENT, pack

SMALL = 2**20
EMPTY = {"$dict": []}
PARTS = [[key, EMPTY] for key in ("attributes", "parameters", "buffers", "children")]
ATOMS = [["values", {"$array": "a"}], ["probabilities", {"$array": "b"}]]
# Many times the same value.
VALUES = {
    "lists": [],
    "dicts": EMPTY,
    "numbers": 0.5,
    "distributions": {"$scipy": ["uniform", [], EMPTY]},
    "generators": {"$random": [{"$array": "k"}, 0, 0, 0.0]},
    "auctions": {"$auction": ["ALGNetAuction", EMPTY, EMPTY]},
    "modules": {"$module": ["Linear", {"$dict": [*PARTS, ["fleeting", []]]}]},
    "discrete": {"$object": ["Discrete", {"$dict": ATOMS}]},
}


def many(kind, size):
    """Return the parts of a file with as many values as fit."""
    item = VALUES[kind]
    arrays = {"k": np.random.RandomState(0).get_state()[1]}
    if kind == "discrete":
        size //= 2
        n_atoms = size // 16
        arrays |= {"a": np.arange(float(n_atoms)), "b": np.full(n_atoms, 1 / n_atoms)}
    # Quotation marks are escaped in the file, with a backslash.
    text = json.dumps(item)
    return [item] * (size // (len(text) + text.count('"') + 2)), arrays


def many_arrays(size):
    """Return the parts of a file of empty arrays."""
    return [], {str(k): np.zeros(0) for k in range(size // 64)}


def slow_prior(size):
    """Return the parts of an auction whose prior has an endless support."""
    zipf = [{"$scipy": ["zipf", [1 + 1e-7 * k], EMPTY]} for k in range(1, size // 256)]
    return {"$auction": ["MyersonAuction", {"$dict": [["prior", zipf[:4000]]]}, EMPTY]}, {}


def fitted(auction, n_bidders, n_items):
    """Return the parts of a fitted auction."""
    encoder = Encoder()
    auction.fit(np.random.RandomState(0).uniform(size=(3, n_bidders, n_items)))
    return encoder.encode(auction, ""), encoder.arrays


KINDS = {
    **{kind: lambda size, kind=kind: many(kind, size) for kind in VALUES},
    "arrays": many_arrays,
    "prior": slow_prior,
    "unit demand": lambda size: fitted(VCGAuction(demand="unit"), 180, 180),
    "virtual values": lambda size: fitted(MyersonAuction(), 30, 40),
}


def measure(path):
    """Load a file; print seconds, MiB and what happened."""
    ALGNetAuction(), load_auction  # imported
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    try:
        load_auction(path)
        said = "loaded"
    except ValueError as error:
        said = str(error).partition(": ")[2].partition(" (written")[0]
    seconds = time.perf_counter() - started
    mebibytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{seconds:7.2f} s {mebibytes:7.0f} MiB   {said:.70}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        return measure(arguments.measure)
    size = LONGEST_CONTENT - 2**16 if arguments.full else SMALL - 2**13
    with tempfile.TemporaryDirectory() as folder:
        for kind in arguments.kinds:
            auction, arrays = KINDS[kind](size)
            path = Path(folder, "auction.safetensors")
            path.write_bytes(pack("auction", {"auction": auction}, arrays))
            command = [sys.executable, __file__, "--measure", str(path)]
            found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            print(f"{kind:<15} {path.stat().st_size / 2**20:6.2f} MiB {found.rstrip()}", flush=True)


if __name__ == "__main__":
    main()
