"""Change saved auctions at random, seal them again, and load them: none may be unsafe.

    python tests/fuzz_files.py N_FILES SEED [NAME ...]

Names are those of :func:`examples`; by default all of them. Prints counts as JSON. What is wrong is
listed with the number of the file, which depends on the seed alone.
"""

import contextlib
import copy
import functools
import json
import random as python_random
import resource
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.stats import uniform
from test_common import TABLE, assert_valid_outcome, make, profiles

from sklauction import (
    AffineMaximizerAuction,
    BundleMyersonAuction,
    LookAheadAuction,
    MyersonAuction,
    SingleBuyerAuction,
    TruthfulAuction,
    VCGAuction,
    load_auction,
    measure_regret,
)
from sklauction.learned import auction as learned_auction
from sklauction.menus.rochetnet import BuyerMenuAuction
from sklauction.persistence.codec import Encoder
from sklauction.persistence.container import pack, read_container

FOLDER = Path(__file__).parent / "data"
# Profiles of an auction whose outcomes differ from those of its example.
MANY = 100_000
# Auctions in which truthful bidding is optimal whatever their weights, up to rounding.
TRUTHFUL = (
    AffineMaximizerAuction,
    BuyerMenuAuction,
    BundleMyersonAuction,
    LookAheadAuction,
    MyersonAuction,
    SingleBuyerAuction,
    TruthfulAuction,
    VCGAuction,
)


def places(tree):
    """Yield (container, key) of every value inside a JSON value."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in list(items):
        yield tree, key
        if isinstance(value, dict | list):
            yield from places(value)


def nested(kind, depth=100):
    value = None
    for _ in range(depth):
        value = [value] if kind == "list" else {"$tuple": [value]}
    return value


HARMLESS = (
    *(None, True, False, 0, 1, -1, 2, 3, 0.5, -0.5, 1e308, 10**30, -(10**30), "", "auto", [], {}),
    *({"$float": "nan"}, {"$float": "inf"}, {"$float": "-inf"}, {"$float": "1e5"}),
    *({"$tuple": []}, {"$dict": []}, {"$dict": [[[], 1]]}, {"$dict": [[1]]}, {"$objects": []}),
    *({"$objects": [[2, 2], [1, 2, 3]]}, {"$objects": [[10**9, 10**9], []]}, [[[[]]]]),
    *({"$objects": [[-1], [1]]}, {"$objects": [[0, 10**18], []]}, {"$function": "tanh"}),
    *({"$record": ["Menu", {"$dict": []}]}, {"$object": ["TrianglePrior", {"$dict": []}]}),
    *({"$scipy": ["uniform", [0, 1], {"$dict": []}]}, {"$scipy": ["norm", ["a"], {"$dict": []}]}),
    *({"$scipy": ["uniform", [], {"$dict": [["loc", {"$float": "nan"}]]}]}, {"$random": []}),
    *({"$random": ["MT19937", 0, 0, 0]}, {"$array": "missing"}, {"$tensor": "missing"}),
    *({"$scipy": ["zipf", [1.0000001], {"$dict": []}]}, {"$scipy": ["levy", [], {"$dict": []}]}),
    *({"$module": ["Linear", {"$dict": []}]}, {"$auction": ["VCGAuction", [], []]}),
    *({"$auction": ["VCGAuction", {"$dict": []}, {"$dict": []}]}, {"$tensor": ["a"]}),
    *({"$array": None}, {"$unknown": 1}, {"$tuple": 1, "$dict": 2}, {"tuple": []}, "x" * 5000),
    *(nested("list"), nested("tuple")),
)
HOSTILE = (
    *("os.system", "builtins.eval", "subprocess.Popen", "importlib.import_module", "sys.exit"),
    *("__class__", "__reduce__", "__init__", "__dict__", "predict", "forward", "_fit", "_run"),
    *("training", "_parameters", "_buffers", "_modules", "_forward_hooks", "net_", "scale_"),
    *("support_", "mechanism_", "callbacks", "verbose", "checkpoint", "torch.load", "eval"),
    *("CallableAuction", "BaseAuction", "OwnNetwork", "Sequential", "Evaluation", "AuctionNet"),
    *("rv_continuous", "rv_histogram", "__builtins__", "numpy.load", "../menu", "a.b.c", "\x00"),
)


def change_content(tree, arrays, random):
    """Change one place of a JSON value, at random."""
    every = list(places(tree))
    container, key = every[random.randint(len(every))]
    how = random.randint(7)
    if how == 0:
        del container[key]
    elif how == 1:
        container[key] = copy.deepcopy(HARMLESS[random.randint(len(HARMLESS))])
    elif how == 2:
        container[key] = HOSTILE[random.randint(len(HOSTILE))]
    elif how == 3:
        other, place = every[random.randint(len(every))]
        container[key] = copy.deepcopy(other[place])
    elif how == 4:
        kind = ("$array", "$tensor")[random.randint(2)]
        container[key] = {kind: sorted(arrays)[random.randint(len(arrays))]}
    elif how == 5 and isinstance(container, list):
        container.insert(key, copy.deepcopy(container[key]))
    elif isinstance(container, dict):
        tags = ("$tuple", "$dict", "$tensor", "$array", "$object", "$record", "$module", "$auction")
        tag = (*tags, *HOSTILE)[random.randint(len(tags) + len(HOSTILE))]
        container[tag] = container.pop(key)
    else:
        container[key] = {"$object": [HOSTILE[random.randint(len(HOSTILE))], {"$dict": []}]}


def change_arrays(content, arrays, random):
    """Change one array, at random."""
    name = sorted(arrays)[random.randint(len(arrays))]
    array = arrays[name]
    changes = (
        lambda: array[..., None],
        lambda: array.ravel(),
        lambda: array.ravel()[:0],
        lambda: array[:-1] if array.ndim else array,
        lambda: np.concatenate([array, array]) if array.ndim else array,
        lambda: array.T.copy(),
        lambda: array.astype(np.float32 if array.dtype != np.float32 else np.int8),
        lambda: array.astype(bool),
        lambda: np.full_like(array, random.choice([0, 1, 2, 100])),
        lambda: np.full(array.shape, random.choice([np.nan, np.inf, -np.inf, 1e300, -1.0])),
        lambda: array * random.choice([-1, 2, 1000]) if array.dtype != bool else ~array,
        lambda: random.permutation(array) if array.ndim else array,
        lambda: np.zeros((0, 1000)),
        *4 * [lambda: with_other_entry(array, random)],
        lambda: arrays[sorted(arrays)[random.randint(len(arrays))]],
    )
    if random.randint(8) == 0:
        del arrays[name]
    else:
        with np.errstate(all="ignore"):
            arrays[name] = changes[random.randint(len(changes))]()


def with_other_entry(array, random):
    """Return an array with one other entry."""
    changed = array.copy()
    if changed.size:
        place = random.randint(changed.size)
        other = changed.flat[random.randint(changed.size)]
        new = random.choice([0, 1, -1, 1e-300, 1e300, np.nan, np.inf, -np.inf, 2 * other, other])
        with np.errstate(all="ignore"):
            changed.flat[place] = np.asarray(new).astype(changed.dtype)
    return changed


def change_quietly(content, arrays, random):
    """Replace one value by another of its kind, which may pass for the original."""
    leaves = [
        (container, key)
        for container, key in places(content)
        if not isinstance(container[key], dict | list)
    ]
    if not leaves:
        return
    container, key = leaves[random.randint(len(leaves))]
    value = container[key]
    if isinstance(value, bool):
        container[key] = not value
    elif isinstance(value, int | float):
        others = [value + 1, value - 1, 2 * value, -value, 0, 1, value / 2 if value < 1e300 else 2]
        other = others[random.randint(7)]
        container[key] = other if abs(other) <= sys.float_info.max else 3
    else:
        other, place = leaves[random.randint(len(leaves))]
        if isinstance(other[place], str):
            container[key] = other[place]


def change_arrays_quietly(content, arrays, random):
    """Replace one array by another of its shape, dtype and range."""
    name = sorted(arrays)[random.randint(len(arrays))]
    array = arrays[name]
    if not array.size:
        return
    twins = [one for one in arrays.values() if (one.shape, one.dtype) == (array.shape, array.dtype)]
    low, high = array.min(), array.max()
    axis = random.randint(array.ndim) if array.ndim else None
    changes = (
        lambda: twins[random.randint(len(twins))],
        lambda: np.roll(array, 1, axis=axis),
        lambda: random.permutation(array) if array.ndim else array,
        lambda: np.flip(array, axis=axis),
        lambda: random.choice(array.ravel(), array.shape),
        lambda: np.full_like(array, random.choice(array.ravel())),
        lambda: with_other_entry(array, random),
        lambda: array + array.dtype.type(1) if array.dtype != bool else ~array,
        lambda: array * array.dtype.type(random.choice([0.5, 2, 10])),
        lambda: np.sort(array, axis=axis),
        lambda: np.clip(array, None, low / 2 + high / 2).astype(array.dtype),
    )
    with np.errstate(all="ignore"):
        arrays[name] = np.array(changes[random.randint(len(changes))](), dtype=array.dtype)


def graft(content, arrays, random):
    """Replace a part by the part of the same tag of another example."""
    name = random.choice(examples())
    others, more = example(name)
    for key, array in more.items():
        arrays.setdefault(f"other {key}", array)
    tags = ("$module", "$record", "$object", "$auction", "$array", "$tensor")
    mine = [(c, k) for c, k in places(content) if k in tags]
    if not mine:
        return
    container, key = mine[random.randint(len(mine))]
    theirs = [(c, k) for c, k in places(others) if k == key]
    if theirs:
        other, place = theirs[random.randint(len(theirs))]
        text = json.dumps(other[place])
        for array in more:
            text = text.replace(json.dumps(array), json.dumps(f"other {array}"))
        container[key] = json.loads(text)


CHANGES = (change_content, change_arrays, change_quietly, change_arrays_quietly, graft)
# There are fewer arrays than other values.
SHARES = (0.2, 0.15, 0.2, 0.3, 0.15)


def change(content, arrays, random):
    """Change one to four places of an example."""
    for _ in range(random.choice([1, 1, 1, 2, 4])):
        if content and arrays:
            CHANGES[random.choice(len(CHANGES), p=SHARES)](content, arrays, random)


@functools.cache
def example(name):
    """Return content and arrays of a file in tests/data, or of a fitted auction of the table."""
    if name not in TABLE:
        return read_container(FOLDER / f"{name}.safetensors", "auction")
    # The class of the table's prior cannot be saved.
    other = {"prior": uniform(0, 3)} if name == "single-buyer" else {}
    encoder = Encoder()
    auction = make(name, **other).fit(profiles(name))
    return {"auction": encoder.encode(auction, "")}, encoder.arrays


def examples():
    """Return the names of all examples."""
    files = sorted(path.stem for path in FOLDER.glob("*.safetensors"))
    return [*(name for name in TABLE if name != "callable"), *files]


def bids_for(auction, n_profiles):
    """Return bids in the support, at its ends, above it, and near zero."""
    low, high = np.moveaxis(auction.support_, -1, 0)
    random = np.random.RandomState(5)
    bids = low + random.uniform(size=(n_profiles, *low.shape)) * (high - low)
    tenth = n_profiles // 10
    bids[:tenth] = np.where(random.uniform(size=bids[:tenth].shape) < 0.5, low, high)
    bids[tenth : 2 * tenth] *= 5
    bids[2 * tenth : 3 * tenth] *= random.uniform(size=(tenth, *low.shape)) < 0.5
    return bids


def check_safe(auction, before):
    """Assert that a loaded auction is feasible, individually rational, and certified rightly.

    Parameters
    ----------
    auction : auction estimator
    before : list of ndarray
        Outcomes of the example.

    Returns
    -------
    list of ndarray
        Outcomes of the auction on a few profiles.
    """
    if not hasattr(auction, "support_"):
        return []
    few = bids_for(auction, 200)
    outcome = auction.predict(few)
    assert_valid_outcome(auction, few, outcome)
    repr(auction), str(getattr(auction, "menu_", None))
    same = len(before) == 2 and all(map(np.array_equal, before, outcome))
    if not same and before:
        many = bids_for(auction, MANY)
        assert_valid_outcome(auction, many, auction.predict(many))
        check_regret(auction, many[:100])
    return list(outcome)


def check_regret(auction, profiles):
    """Assert that regret is at most what is certified."""
    unit = profiles.max()
    report = measure_regret(auction, profiles, effort="quick", random_state=0, verbose=False)
    if report.certificate is not None:
        assert report.total_regret <= report.certificate.mean_bound + 1e-6 * unit, "certificate"
    if isinstance(auction, TRUTHFUL):
        assert report.max_regret <= 1e-6 * unit, f"regret {report.max_regret}"


class Fuzzer:
    """Load changed files, and count what happens.

    Parameters
    ----------
    seed : int
    names : sequence of str
    """

    def __init__(self, seed, names):
        self.seed, self.names = seed, list(names)
        self.counts = {"seed": seed, "files": 0, "refused": 0, "loaded": 0, "slowest": 0.0}
        self.wrong = []

    def run(self, n_files):
        """Load this many files; return the counts."""
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = Path(folder, "changed.safetensors")
            outcomes = {name: self.outcome(name, path) for name in self.names}
            for k in range(n_files):
                name = self.names[k % len(self.names)]
                random = np.random.RandomState([self.seed, k])
                content, arrays = example(name)
                content, arrays = copy.deepcopy(content), dict(arrays)
                change(content, arrays, random)
                path.write_bytes(pack("auction", content, arrays))
                try:
                    self.load(path, outcomes[name])
                except BaseException as error:
                    self.wrong.append([k, name, f"{type(error).__name__}: {error!s:.200}"])
                    if isinstance(error, KeyboardInterrupt):
                        raise
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        return {**self.counts, "peak_mib": peak, "wrong": self.wrong}

    def outcome(self, name, path):
        """Return the outcomes of an example."""
        path.write_bytes(pack("auction", *example(name)))
        return check_safe(load_auction(path), [])

    def load(self, path, before):
        """Load a file; raise an error if what it holds is unsafe."""
        self.counts["files"] += 1
        started = time.perf_counter()
        auction = None
        with contextlib.suppress(Refused), refusing(path):
            auction = load_auction(path)
        seconds = time.perf_counter() - started
        self.counts["slowest"] = round(max(self.counts["slowest"], seconds), 2)
        self.counts["refused" if auction is None else "loaded"] += 1
        if auction is not None:
            check_safe(auction, before)


class Refused(Exception):
    """A file was refused with the right message."""


@contextlib.contextmanager
def refusing(path):
    """Turn the error of a refused file into Refused."""
    try:
        yield
    except ValueError as error:
        assert str(error).startswith(f"{path} is not a saved auction: "), error
        raise Refused from error


def main():
    learned_auction.UPDATES_PER_ITERATION = 3
    n_files, seed, *names = sys.argv[1:]
    seed = python_random.SystemRandom().getrandbits(31) if seed == "fresh" else int(seed)
    print(json.dumps(Fuzzer(seed, names or examples()).run(int(n_files))))


if __name__ == "__main__":
    main()
