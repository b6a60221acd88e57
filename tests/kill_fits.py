"""Start fits in child processes, kill or interrupt them, and print how they ended, as JSON.

    python tests/kill_fits.py kill LEAST SEED [NAME ...]        kill -9 at random times, then resume
    python tests/kill_fits.py interrupt LEAST SEED [NAME ...]   Ctrl-C at random times, then go on
    python tests/kill_fits.py full                              full disk, before and during a fit

Names are those of FITS; by default all of them. Children are forks, so that torch is loaded once;
this needs ``OMP_NUM_THREADS=1``.
"""

import contextlib
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
from skorch.callbacks import Callback
from test_common import make, predicted, profiles

from sklauction.learned import auction as learned_auction

# All kinds of states between two iterations: searchers, objectives, menus and price sheets.
FITS = {
    "algnet-mlp": {"n_remembered": 2, "misreporter_reset_every": 50, "n_cached_steps": 1},
    "algnet-pricing": {"validation_fraction": 0.1},
    "regretnet": {"rho_every": 30, "lambda_every": 10},
    "regretnet-attention": {"n_iter_no_change": 2, "learning_rate_init": 0.1},
    "rochetnet": {},
    "affine-network": {},
    "bundle-pricing-lotteries": {},
}
# Kills of one fit, which then runs to its end.
MOST_KILLS = 4
# Fits of one run, so that it ends also if no fit is ever resumed.
MOST_FITS = 100


def auction(name, **changes):
    """Return a tiny auction of four iterations."""
    return make(name, **{"max_iter": 4, **FITS[name], **changes})


def ending(fitted, X):
    """Return results that must be equal bit for bit."""
    best = fitted.net_.best_
    return [
        predicted(fitted, X).tobytes().hex(),
        fitted.n_iter_,
        fitted.history_,
        None if best is None else best.regrets.tolist(),
        fitted.net_.lr,
    ]


def time_a_fit(name):
    """Return the result of an undisturbed fit, and its seconds."""
    X = profiles(name)
    auction(name).fit(X)  # the first fit is slower
    started = time.perf_counter()
    expected = ending(auction(name).fit(X), X)
    return json.loads(json.dumps(expected)), time.perf_counter() - started


def begin(work, report):
    """Start ``work`` in a child, which writes the result into the file ``report`` as JSON."""
    child = os.fork()
    if child:
        return child
    status = 1
    with contextlib.suppress(BaseException):
        text = json.dumps(work())
        Path(f"{report}.part").write_text(text)
        os.replace(f"{report}.part", report)
        status = 0
    os._exit(status)


def killed_after(child, seconds, how):
    """Send a signal to a child after some seconds; return its exit status."""
    time.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, how)
    return os.waitpid(child, 0)[1]


def missing(counts, least):
    """Return whether too few fits were killed, or all of them before their first checkpoint."""
    return counts["kills"] < least or not counts["resumed"]


def kill(least, seed, *names):
    """Kill fits repeatedly until they end; compare them with undisturbed fits."""
    chance = random.Random(int(seed))
    counts = {"kills": 0, "resumed": 0, "fits": 0, "different": []}
    undisturbed = {name: time_a_fit(name) for name in names or FITS}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report")
        while missing(counts, int(least)) and counts["fits"] < MOST_FITS:
            for name, (expected, takes) in undisturbed.items():
                checkpoint = Path(folder, f"checkpoint {counts['fits']}")
                counts["fits"] += 1
                report.unlink(missing_ok=True)
                for attempt in count():
                    counts["resumed"] += checkpoint.exists()
                    child = begin(partial(resumed, name, checkpoint), report)
                    if attempt < MOST_KILLS:
                        ended = killed_after(child, chance.uniform(0, takes), signal.SIGKILL)
                        counts["kills"] += os.WIFSIGNALED(ended)
                    else:
                        os.waitpid(child, 0)
                    if report.exists():
                        break
                if json.loads(report.read_text()) != expected:
                    counts["different"].append(name)
    return counts


def interrupt(least, seed, *names):
    """Interrupt fits by SIGINT at random times, and continue them."""
    chance = random.Random(int(seed))
    counts = {"interrupted": 0, "before": 0, "after": 0, "wrong": []}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report")
        while counts["interrupted"] < int(least):
            for name in names or FITS:
                expected, takes = time_a_fit(name)
                report.unlink(missing_ok=True)
                child = begin(partial(left_by_interrupt, name), report)
                killed_after(child, chance.uniform(0.1, 0.9) * takes, signal.SIGINT)
                if not report.exists():  # before or after fit
                    counts["before"] += 1
                    continue
                kind, *rest = json.loads(report.read_text())
                counts[kind] += 1
                if kind == "interrupted" and rest != [True, expected]:
                    counts["wrong"].append(name)
    return counts


def resumed(name, checkpoint):
    """Fit, resuming from a checkpoint if there is one; return the result."""
    X = profiles(name)
    return ending(auction(name, checkpoint=checkpoint, resume=True).fit(X), X)


def left_by_interrupt(name):
    """Fit until SIGINT; return its time, whether the auction is usable, and the continued fit."""
    X = profiles(name)
    fitted = auction(name, warm_start=True)
    before = dict(vars(fitted))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            fitted.fit(X)
        except KeyboardInterrupt:  # before training: nothing may be set
            return ["before", vars(fitted) == before]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    said = [one for one in said if "interrupted" in str(one.message)]
    if not said:
        return ["after"]
    usable = "interrupted" in str(said[-1].message) and fitted.n_iter_ == len(fitted.history_)
    usable &= bool(np.isfinite(predicted(fitted, X)).all())
    if fitted.n_iter_ < 4:
        fitted.set_params(max_iter=4 - fitted.n_iter_)
        fitted.net_.resumes_ = True  # patience counts from the first iteration
        fitted.fit(X)
    return ["interrupted", usable, ending(fitted, X)]


class NoMoreRoom(Callback):
    """Limit the size of files from the end of an iteration on."""

    def __init__(self, n_iter, n_bytes):
        self.n_iter, self.n_bytes = n_iter, n_bytes

    def on_epoch_begin(self, net, **kwargs):
        if net.n_iter_ == self.n_iter:
            limit_files(self.n_bytes)


def limit_files(n_bytes):
    """Make writing of larger files an OSError, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, resource.RLIM_INFINITY))


def full(name="algnet-mlp"):
    """Fit on a full disk: from the beginning, and from the third iteration on."""
    X, counts = profiles(name), {}
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder, "checkpoint")

        def too_little_at_once():
            limit_files(1000)
            try:
                auction(name, checkpoint=checkpoint).fit(X)
            except OSError as error:
                return [type(error).__name__, str(error)[:200]]
            return ["trained"]

        def too_little_later():
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                room = [NoMoreRoom(2, 1000)]
                fitted = auction(name, checkpoint=checkpoint, callbacks=room).fit(X)
            # The report needs space.
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            messages = [str(one.message) for one in said]
            undone = "training was undone"
            return [[one for one in messages if not one.startswith(undone)], ending(fitted, X)]

        for work in (too_little_at_once, too_little_later):
            report = Path(folder, "report")
            os.waitpid(begin(work, report), 0)
            counts[work.__name__] = json.loads(report.read_text())
            report.unlink()
        counts["left"] = sorted(os.listdir(folder))
        expected, _ = time_a_fit(name)
        counts["same"] = counts["too_little_later"].pop() == expected
        counts["resumed"] = json.loads(json.dumps(resumed(name, checkpoint))) == expected
    return counts


if __name__ == "__main__":
    # A shell ignores SIGINT in the jobs that it starts in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Short iterations, for more checkpoints.
    learned_auction.UPDATES_PER_ITERATION = 20
    what, *arguments = sys.argv[1:]
    print(json.dumps({"kill": kill, "interrupt": interrupt, "full": full}[what](*arguments)))
