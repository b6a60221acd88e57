"""Start fits in child processes, kill or interrupt them, and print how they ended, as JSON.

    python tests/kill_fits.py kill N SEED [NAME ...]        N times kill -9, each time then resume
    python tests/kill_fits.py interrupt N SEED [NAME ...]   N times Ctrl-C, then go on
    python tests/kill_fits.py search N SEED                 N times Ctrl-C in a search
    python tests/kill_fits.py full N                        N full disks, before and during a fit

A child gets a signal at a point that is counted (tests/points.py) and drawn by SEED, so that its
state then does not depend on the speed of the machine. Every third attempt of ``kill`` and
``interrupt`` comes at a random time instead, in addition to the N. Names are those of FITS; by
default all of them. Children are forks, so that torch is loaded once; this needs
``OMP_NUM_THREADS=1``.
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
from itertools import cycle
from pathlib import Path

import numpy as np
from points import Points
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback
from test_common import make, predicted, profiles

from sklauction.learned import auction as learned_auction
from sklauction.persistence.checkpoint import Checkpoint

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
# Signals to one fit, which then runs to its end.
MOST_KILLS = 4
# One of so many attempts gets its signal at a random time.
TIMED = 3


def auction(name, **changes):
    """Return a tiny auction of four iterations, with a callback that passes a point."""
    return make(name, **{"max_iter": 4, "callbacks": [Callback()], **FITS[name], **changes})


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


def begin(work, report):
    """Start ``work`` in a child, which writes the result into the file ``report`` as JSON."""
    report.unlink(missing_ok=True)
    child = os.fork()
    if child:
        return child
    status, write, replace = 1, Path.write_text, os.replace
    with contextlib.suppress(BaseException):
        text = json.dumps(work())
        write(part := Path(f"{report}.part"), text)
        replace(part, report)
        status = 0
    os._exit(status)


def result(work, report):
    """Return the result of ``work`` in a child."""
    os.waitpid(begin(work, report), 0)
    return json.loads(report.read_text())


def watched(work, points):
    """Do ``work`` with points in fits and files; return its result and the points passed."""
    points.watch_fits()
    points.watch_files()
    done = work()
    passed, points.n = points.passed, 0
    return [done, passed]


def undisturbed(name, folder):
    """Return the result of a fit, its number of points and its seconds."""
    started = time.perf_counter()
    work = partial(resumed, name, folder / f"undisturbed {name}")
    expected, n_points = result(partial(watched, work, Points()), folder / "report")
    return expected, n_points, time.perf_counter() - started


def disturbed(work, report, how, chance, known, timed):
    """Do ``work`` in a child that gets a signal; return its exit status."""
    _, n_points, seconds = known
    if not timed:
        points = Points(chance.randint(1, n_points), how)
        return os.waitpid(begin(partial(watched, work, points), report), 0)[1]
    child = begin(partial(watched, work, Points()), report)
    time.sleep(chance.uniform(0, seconds))
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, how)
    return os.waitpid(child, 0)[1]


def kill(folder, n, seed, *names):
    """Kill fits repeatedly until they end; compare them with undisturbed fits."""
    chance = random.Random(int(seed))
    counts = {"kills": 0, "at random times": 0, "resumed": 0, "different": []}
    known = {name: undisturbed(name, folder) for name in names or FITS}
    for number, name in enumerate(cycle(known)):
        if counts["kills"] >= int(n):
            return counts
        checkpoint, report = folder / f"checkpoint {number}", folder / "report"
        work = partial(resumed, name, checkpoint)
        for attempt in range(MOST_KILLS):
            counts["resumed"] += checkpoint.exists()
            timed = attempt % TIMED == TIMED - 1
            ended = disturbed(work, report, signal.SIGKILL, chance, known[name], timed)
            counts["at random times" if timed else "kills"] += os.WIFSIGNALED(ended)
            if report.exists():
                break
        else:
            result(partial(watched, work, Points()), report)
        if json.loads(report.read_text())[0] != known[name][0]:
            counts["different"].append([name, number])


def resumed(name, checkpoint):
    """Fit, resuming from a checkpoint if there is one; return the result."""
    X = profiles(name)
    return ending(auction(name, checkpoint=checkpoint, resume=True).fit(X), X)


def interrupt(folder, n, seed, *names):
    """Interrupt fits by SIGINT, and continue them."""
    chance = random.Random(int(seed))
    counts = {"before": 0, "interrupted": 0, "ignored": 0, "at random times": 0, "wrong": []}
    known = {}
    for name in names or FITS:
        expected, _, seconds = undisturbed(name, folder)
        # Without resume a fit passes other points: it reads no checkpoint.
        work = partial(left_by_interrupt, name, folder / f"complete {name}")
        n_points = result(partial(watched, work, Points()), folder / "report")[1]
        known[name] = expected, n_points, seconds
    sent = 0
    for number, name in enumerate(cycle(known)):
        if sent == int(n):
            return counts
        timed, report = number % TIMED == TIMED - 1, folder / "report"
        work = partial(left_by_interrupt, name, folder / f"checkpoint {number}")
        disturbed(work, report, signal.SIGINT, chance, known[name], timed)
        sent += not timed
        if timed and not report.exists():  # before or after fit
            continue
        kind, right, *whole = json.loads(report.read_text())[0]
        counts["at random times" if timed else kind] += 1
        if not right or whole not in ([], [known[name][0]]):
            counts["wrong"].append([name, number, kind])


def left_by_interrupt(name, checkpoint):
    """Fit until SIGINT; return what it did, whether the auction is right, and its end."""
    X = profiles(name)
    fitted = auction(name, warm_start=True, checkpoint=checkpoint)
    before = dict(vars(fitted))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            fitted.fit(X)
        except KeyboardInterrupt:  # before or after training: nothing may be set
            return ["before", vars(fitted) == before]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not any("interrupted" in str(one.message) for one in said):
        return ["ignored", True, ending(fitted, X)]
    usable = fitted.n_iter_ == len(fitted.history_)
    usable &= bool(np.isfinite(predicted(fitted, X)).all())
    if fitted.n_iter_ < 4:
        fitted.set_params(max_iter=4 - fitted.n_iter_, checkpoint=None)
        fitted.net_.resumes_ = True  # patience counts from the first iteration
        fitted.fit(X)
    return ["interrupted", usable, ending(fitted, X)]


def search(folder, n, seed, name="rochetnet"):
    """Interrupt a search by SIGINT: it must end, without another fit."""
    chance, report = random.Random(int(seed)), folder / "report"
    (kind, starts, _), n_points = result(partial(watched_search, name, Points()), report)
    counts = {"undisturbed": kind, "fits": len(starts), "wrong": []}
    for _ in range(int(n)):
        points = Points(chance.randint(starts[0], n_points), signal.SIGINT)
        ended = result(partial(watched_search, name, points), report)[0]
        if ended != ["KeyboardInterrupt", [one for one in starts if one <= points.n], False]:
            counts["wrong"].append([points.n, ended])
    return counts


def watched_search(name, points):
    """Run a search; return how it ended, the points at which fits began, and if it is fitted."""
    X, starts = profiles(name), []
    fit = learned_auction.LearnedMechanism._train

    def noting(*args):
        starts.append(points.passed + 1)
        return fit(*args)

    learned_auction.LearnedMechanism._train = noting
    grid = {"learning_rate_init": [0.01, 0.02]}
    chosen = GridSearchCV(auction(name, max_iter=2), grid, cv=2)

    def run():
        warnings.simplefilter("ignore")  # so little training is undone
        try:
            chosen.fit(X)
        except BaseException as error:
            return [type(error).__name__, starts, hasattr(chosen, "cv_results_")]
        return ["complete", starts, hasattr(chosen, "cv_results_")]

    return watched(run, points)


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


def full(folder, n, name="algnet-mlp"):
    """Fit on disks that are full from the beginning, or from the third iteration on."""
    checkpoint, report = folder / "checkpoint", folder / "report"
    expected = result(partial(resumed, name, checkpoint), report)
    size, counts = os.path.getsize(checkpoint), {"before": [], "during": [], "wrong": []}
    for number in range(int(n)):
        share = (number // 2) / max(int(n) // 2, 1)
        # The checkpoint of the third iteration is smaller than the last, by the history: hence 0.8.
        limit = int(0.8 * share * size)
        kept = checkpoint.read_bytes()
        if number % 2 == 0:
            counts["before"].append(result(partial(too_little_at_once, share, checkpoint), report))
            same = checkpoint.read_bytes() == kept
        else:
            *said, ended = result(partial(too_little_later, limit, checkpoint), report)
            counts["during"].append(said)
            same = ended == expected == result(partial(resumed, name, checkpoint), report)
        report.unlink()
        if not same or os.listdir(folder) != ["checkpoint"]:
            counts["wrong"].append([number, limit, sorted(os.listdir(folder))])
    return counts


def too_little_at_once(share, checkpoint, name="algnet-mlp"):
    """Fit on a disk with room for a share of the first checkpoint; return the error."""
    try_out = Checkpoint.try_out

    def limited(self, state):
        limit_files(int(share * len(self._pack(state, None))))
        try_out(self, state)

    Checkpoint.try_out = limited
    try:
        auction(name, checkpoint=checkpoint).fit(profiles(name))
    except OSError as error:
        # The report needs space.
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        return [type(error).__name__, str(error)[:200]]
    return ["trained"]


def too_little_later(limit, checkpoint, name="algnet-mlp"):
    """Fit while the disk becomes full; return warnings and the result."""
    X = profiles(name)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        room = [NoMoreRoom(2, limit)]
        fitted = auction(name, checkpoint=checkpoint, callbacks=room).fit(X)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    messages = [str(one.message) for one in said]
    undone = "training was undone"
    return [*(one for one in messages if not one.startswith(undone)), ending(fitted, X)]


if __name__ == "__main__":
    # A shell ignores SIGINT in the jobs that it starts in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Short iterations, for more checkpoints.
    learned_auction.UPDATES_PER_ITERATION = 20
    what, *arguments = sys.argv[1:]
    modes = {"kill": kill, "interrupt": interrupt, "search": search, "full": full}
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(modes[what](Path(folder), *arguments)))
