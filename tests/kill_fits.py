"""Starts fits in processes of their own, kills or interrupts them, and says how they ended.

    python tests/kill_fits.py kill LEAST SEED        kill -9 at random moments, then resume
    python tests/kill_fits.py interrupt ROUNDS SEED  Ctrl-C at random moments, then go on
    python tests/kill_fits.py full                   no room on the disk, before and during a fit

Prints one JSON object. A child is a fork of this process, so that it need not load torch again;
that asks for one thread, as in ``OMP_NUM_THREADS=1``.
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
from pathlib import Path

import numpy as np
from skorch.callbacks import Callback
from test_common import ONE_BIDDER, make

from sklauction.menus import learned_menu
from sklauction.price_sheets import bundle_pricing
from sklauction.two_player import family

V = 3 * np.random.RandomState(0).uniform(size=(60, 2, 2))
# All that a fit may keep from one iteration to the next: every searcher, objective, menu and sheet.
FITS = {
    "algnet-mlp": {"n_remembered": 2, "misreporter_reset_every": 50, "n_cached_steps": 1},
    "algnet-pricing": {"validation_fraction": 0.1},
    "regretnet": {"rho_every": 30, "lambda_every": 10},
    "regretnet-attention": {"n_iter_no_change": 2, "learning_rate_init": 0.1},
    "rochetnet": {},
    "affine-network": {},
    "bundle-pricing-lotteries": {},
}


def auction(name, **changes):
    """Return a tiny auction of four iterations."""
    return make(name, **{"max_iter": 4, **FITS[name], **changes})


def samples(name):
    """Return valuations for it."""
    return V[:, :1] if name in ONE_BIDDER else V


def ending(fitted, X):
    """Return all that two fits must agree in, bit for bit."""
    best = fitted.net_.best_
    return [
        np.asarray(fitted.predict(X)).tobytes().hex(),
        fitted.n_iter_,
        fitted.history_,
        None if best is None else best.regrets.tolist(),
        fitted.net_.lr,
    ]


def time_a_fit(name):
    """Return how a fit ends that nobody disturbs, and the seconds that it takes."""
    started = time.perf_counter()
    expected = ending(auction(name).fit(samples(name)), samples(name))
    return json.loads(json.dumps(expected)), time.perf_counter() - started


def begin(work, report):
    """Start ``work`` in a child; what it returns goes into the file ``report`` as JSON."""
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
    """Send a child a signal after so many seconds; return how it ended."""
    time.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, how)
    return os.waitpid(child, 0)[1]


def kill(least, seed):
    """Kill every fit over and over until it ends; compare with fits that nobody killed."""
    chance, counts = random.Random(seed), {"kills": 0, "resumed": 0, "fits": 0, "different": []}
    undisturbed = {name: time_a_fit(name) for name in FITS}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report")
        while counts["kills"] < least:
            for name, (expected, takes) in undisturbed.items():
                checkpoint = Path(folder, f"checkpoint {counts['fits']}")
                counts["fits"] += 1

                report.unlink(missing_ok=True)
                while not report.exists():
                    counts["resumed"] += checkpoint.exists()
                    child = begin(partial(resumed, name, checkpoint), report)
                    ended = killed_after(child, chance.uniform(0, takes), signal.SIGKILL)
                    counts["kills"] += os.WIFSIGNALED(ended)
                if json.loads(report.read_text()) != expected:
                    counts["different"].append(name)
    return counts


def interrupt(rounds, seed):
    """Press Ctrl-C in every fit at a random moment; go on from what it leaves."""
    chance = random.Random(seed)
    counts = {"interrupted": 0, "before": 0, "after": 0, "wrong": []}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report")
        for _ in range(rounds):
            for name in FITS:
                expected, takes = time_a_fit(name)

                report.unlink(missing_ok=True)
                child = begin(partial(left_by_interrupt, name), report)
                killed_after(child, chance.uniform(0.1, 0.9) * takes, signal.SIGINT)
                if not report.exists():  # not yet, or no longer, within fit
                    counts["before"] += 1
                    continue
                kind, *rest = json.loads(report.read_text())
                counts[kind] += 1
                if kind == "interrupted" and rest != [True, expected]:
                    counts["wrong"].append(name)
    return counts


def resumed(name, checkpoint):
    """Go on from a checkpoint, if there is one; return how it ends."""
    kept = auction(name, checkpoint=checkpoint, resume=True)
    return ending(kept.fit(samples(name)), samples(name))


def left_by_interrupt(name):
    """Fit until Ctrl-C or the end; return what it was, whether it is usable, and where it leads."""
    X = samples(name)
    fitted = auction(name, warm_start=True)
    before = dict(vars(fitted))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            fitted.fit(X)
        except KeyboardInterrupt:  # before training began: as if fit had not been called
            return ["before", vars(fitted) == before]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not said:
        return ["after"]
    usable = "interrupted" in str(said[-1].message) and fitted.n_iter_ == len(fitted.history_)
    usable &= bool(np.isfinite(np.asarray(fitted.predict(X))).all())
    if fitted.n_iter_ < 4:
        fitted.set_params(max_iter=4 - fitted.n_iter_)
        fitted.net_.resumes_ = True  # patience counts from where the fit began
        fitted.fit(X)
    return ["interrupted", usable, ending(fitted, X)]


class NoMoreRoom(Callback):
    """From the end of an iteration on, no file may grow beyond some bytes."""

    def __init__(self, n_iter, n_bytes):
        self.n_iter, self.n_bytes = n_iter, n_bytes

    def on_epoch_begin(self, net, **kwargs):
        """Set the limit."""
        if net.n_iter_ == self.n_iter:
            limit_files(self.n_bytes)


def limit_files(n_bytes):
    """Make every file that grows beyond so many bytes an error, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, resource.RLIM_INFINITY))


def full(name="algnet-mlp"):
    """Fit with too little room from the beginning, and from the third iteration on."""
    X, counts = samples(name), {}
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
            # The report itself needs room.
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            return [[str(one.message) for one in said], ending(fitted, X)]

        for work in (too_little_at_once, too_little_later):
            report = Path(folder, "report")
            os.waitpid(begin(work, report), 0)
            counts[work.__name__] = json.loads(report.read_text())
            report.unlink()
        counts["left"] = sorted(os.listdir(folder))
        expected, _ = time_a_fit(name)
        kept = auction(name, checkpoint=checkpoint, resume=True).fit(X)
        counts["same"] = counts["too_little_later"].pop() == expected
        counts["resumed"] = json.loads(json.dumps(ending(kept, X))) == expected
    return counts


if __name__ == "__main__":
    # Short iterations are as easily interrupted, and checkpoints the more often.
    for module in (family, learned_menu, bundle_pricing):
        module.UPDATES_PER_ITERATION = 20
    what, *numbers = sys.argv[1:]
    print(
        json.dumps({"kill": kill, "interrupt": interrupt, "full": full}[what](*map(int, numbers)))
    )
