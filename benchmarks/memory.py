"""Additional memory of predict, score and audits, on memory-mapped valuations.

Writes valuations of two bidders and two items (of one bidder for menus) to a temporary folder,
opens them as memory maps, and runs each call in its own process. The auction is fitted and used on
a few profiles first. The printed memory is in addition to that:

* ``anonymous``: peak of the memory allocated by the process, including the result: ``RssAnon``,
  read from outside a thousand times a second. It excludes pages of the memory map, which the system
  can reclaim.
* ``with pages``: peak of the resident memory, ``VmHWM``, including pages of the memory map.
* ``result``: arrays that the call returns, excluding the memory map itself.

Rows with another form of the data (float32, flat, columns first, another byte order, whole numbers)
show the cost of a conversion. ``grid`` has many equal opposing bids, which an audit sorts.

Linux only, because it reads ``/proc``. Run from the root of the repository::

    python benchmarks/memory.py [--profiles 10_000_000] [--calls predict certify] [--list]
"""

import argparse
import gc
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

GIB = 2**30
# Values per block when the memory maps are written.
WRITTEN = 1 << 22
# Short training: time and memory of the calls do not depend on its quality.
BRIEF = {"max_iter": 1, "random_state": 0}

AUCTIONS = {
    "MyersonAuction": {},
    "BundleMyersonAuction": {},
    "VCGAuction": {},
    "VCGAuction, unit": {"demand": "unit"},
    "LinearProgramAuction": {"n_bins": 3},
    "CallableAuction": {},
    "ALGNetAuction": BRIEF,
    "BundlePricingAuction": BRIEF,
    "AffineMaximizerAuction": BRIEF,
    "RochetNetAuction": BRIEF,
    "TruthfulAuction": {"random_state": 0},
    "SingleBuyerAuction": {},
}
ONE_BIDDER = ("RochetNetAuction", "TruthfulAuction", "SingleBuyerAuction")

# Method, auction, form of the data, effort.
CALLS = [
    *(("predict", name, "float64", None) for name in AUCTIONS),
    *(
        ("predict", "VCGAuction", form, None)
        for form in ("flat", "float32", "columns first", "big-endian", "whole numbers")
    ),
    ("predict", "ALGNetAuction", "float32", None),
    ("certify", "BundlePricingAuction", "float64", None),
    ("certify", "BundlePricingAuction", "float32", None),
    ("regret_bounds", "BundlePricingAuction", "float64", None),
    ("score", "VCGAuction", "float64", 12),
    ("score", "VCGAuction", "float32", 12),
    ("measure_regret", "a function", "float64", 12),
    *(
        ("measure_regret", "VCGAuction", form, 12)
        for form in ("float64", "flat", "float32", "grid")
    ),
    ("measure_regret", "MyersonAuction", "float64", 12),
    ("measure_regret", "BundlePricingAuction", "float64", 14),
    ("measure_regret", "ALGNetAuction", "float64", 14),
    ("score", "VCGAuction", "float64", "quick"),
]


def first_price(bids):
    """Give each item to the highest bidder, who pays its bid."""
    wins = np.eye(bids.shape[1])[bids.argmax(axis=1)].swapaxes(1, 2)
    return wins, (wins * bids).sum(axis=2)


def write(folder, n_profiles, n_bidders, form):
    """Write valuations uniform on [0, 1], unless the file exists, and return its path."""
    path = Path(folder) / f"{n_bidders} {form}.npy"
    if path.exists():
        return path
    shape = (n_profiles, n_bidders * 2) if form == "flat" else (n_profiles, n_bidders, 2)
    dtype = {"float32": "<f4", "big-endian": ">f8", "whole numbers": "|u1"}.get(form, "<f8")
    table = np.lib.format.open_memmap(
        path, "w+", dtype=dtype, shape=shape, fortran_order=form == "columns first"
    )
    random = np.random.default_rng(0)
    n_rows = WRITTEN // (n_bidders * 2)
    for start in range(0, n_profiles, n_rows):
        part = random.random((min(n_rows, n_profiles - start), *shape[1:]))
        if form in ("grid", "whole numbers"):
            part = np.floor(10 * part)
        table[start : start + n_rows] = part
    table.flush()
    return path


def make(name, n_bidders, valuations):
    """Return a fitted auction, or a function."""
    import sklauction

    if name == "a function":
        return first_price
    parameters = dict(AUCTIONS[name])
    cls = getattr(sklauction, name.split(",")[0])
    if name == "CallableAuction":
        auction = cls(first_price, n_bidders=n_bidders)
    elif name == "TruthfulAuction":
        auction = cls(sklauction.BundleMyersonAuction(n_bidders=n_bidders), **parameters)
    elif name == "SingleBuyerAuction":
        from scipy.stats import uniform

        auction = cls(prior=uniform(0, 1))
    else:
        auction = cls(n_bidders=n_bidders, **parameters)
    return auction.fit(valuations)


def carry_out(call, auction, valuations, effort):
    """Run one call and return its result."""
    if call == "score":
        return auction.score(valuations, effort=effort)
    if call == "measure_regret":
        from sklauction import measure_regret

        report = measure_regret(auction, valuations, effort=effort, random_state=0, verbose=False)
        str(report)  # printing is part of the call
        return report
    return getattr(auction, call)(valuations)


def size_of(result, valuations):
    """Return the bytes of the arrays of a result, excluding the valuations."""
    if isinstance(result, np.ndarray):
        return 0 if np.shares_memory(result, valuations) else result.nbytes
    if isinstance(result, tuple):
        return sum(size_of(part, valuations) for part in result)
    if hasattr(result, "misreports"):
        return sum(size_of(part, valuations) for part in vars(result).values())
    return 0


def status_of(pid="self"):
    """Return the memory of a process in bytes, by Linux's field names."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {line.split(":")[0]: 1024 * int(line.split()[1]) for line in lines if "kB" in line}


def one(index, folder, n_profiles):
    """Run one call, and print when it begins and ends and its memory."""
    call, name, form, effort = CALLS[index]
    n_bidders = 1 if name in ONE_BIDDER else 2
    valuations = np.load(write(folder, n_profiles, n_bidders, form), mmap_mode="r")
    few = np.array(valuations[:2000])
    auction = make(name, n_bidders, few)
    carry_out(call, auction, few, effort)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM
    before = status_of()
    print(f"begin {before['RssAnon']}", flush=True)
    started = time.perf_counter()
    result = carry_out(call, auction, valuations, effort)
    seconds = time.perf_counter() - started
    pages = status_of()["VmHWM"] - before["VmRSS"]
    print(f"end {seconds} {pages} {size_of(result, valuations)}", flush=True)


class Watch(threading.Thread):
    """Record the peak memory of a process until stopped."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak, self.over = pid, 0, threading.Event()

    def run(self):
        """Read until stopped."""
        while not self.over.is_set():
            try:
                self.peak = max(self.peak, status_of(self.pid)["RssAnon"])
            except (OSError, KeyError):  # the process has ended
                return
            time.sleep(0.001)


def measure(index, folder, n_profiles):
    """Return seconds, and bytes: anonymous peak, peak with pages, result; None if it failed."""
    command = [sys.executable, __file__, "--one", str(index), "--folder", str(folder)]
    command += ["--profiles", str(n_profiles)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as child:
        words = child.stdout.readline().split()
        watch = Watch(child.pid)
        watch.start()
        end = child.stdout.readline().split()
        watch.over.set()
    if child.returncode != 0 or not end:
        return None
    return float(end[1]), watch.peak - int(words[1]), int(end[2]), int(end[3])


def title(index):
    """Return the name of a row."""
    call, name, form, effort = CALLS[index]
    return f"{call} | {name} | {form} | {'' if effort is None else effort}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profiles", type=int, default=10_000_000)
    parser.add_argument("--calls", nargs="+", default=[""], help="words in the names of rows")
    parser.add_argument("--list", action="store_true", help="print the rows and stop")
    parser.add_argument("--folder", help="folder of the memory maps; temporary by default")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one is not None:
        return one(arguments.one, arguments.folder, arguments.profiles)
    chosen = [k for k in range(len(CALLS)) if any(word in title(k) for word in arguments.calls)]
    if arguments.list:
        return print("\n".join(title(index) for index in chosen))
    print(f"{arguments.profiles:,} profiles; GiB beyond the fitted auction\n")
    print("| call | auction | data | effort | seconds | anonymous | with pages | result |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or temporary
        for index in chosen:
            measured = measure(index, folder, arguments.profiles)
            if measured is None:
                print(f"| {title(index)} | failed | | | |", flush=True)
                continue
            seconds, *sizes = measured
            figures = " | ".join(f"{size / GIB:.3f}" for size in sizes)
            print(f"| {title(index)} | {seconds:.0f} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
