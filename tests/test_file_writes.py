"""Writing of files: atomic, and a failure or a crash leaves the old file."""

import errno
import os
import resource
import stat
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import numpy as np
import pytest

from sklauction import VCGAuction, load_auction, save_auction


def fitted(n_bidders=1):
    return VCGAuction(n_bidders).fit(np.ones((2, n_bidders, 1)))


@pytest.mark.parametrize("call", [lambda path: save_auction(fitted(), path), load_auction])
@pytest.mark.parametrize("given", [None, 1, b"auction", object()])
def test_other_types_of_paths_are_refused(call, given):
    with pytest.raises(TypeError, match="path must be a str or path-like; got"):
        call(given)


def test_folders_pipes_and_missing_places(tmp_path, path):
    auction, nowhere, pipe = fitted(), tmp_path / "none" / "auction", tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(IsADirectoryError, match="path must be that of a file; got a folder"):
        save_auction(auction, tmp_path)
    with pytest.raises(IsADirectoryError):
        load_auction(tmp_path)
    with pytest.raises(OSError, match="got a device or a pipe"):
        save_auction(auction, pipe)
    with pytest.raises(ValueError, match="pipe is not a saved auction: it is not a regular file"):
        load_auction(pipe)
    for call in (lambda: save_auction(auction, nowhere), lambda: load_auction(nowhere)):
        with pytest.raises(FileNotFoundError) as caught:
            call()
        assert caught.value.filename in (nowhere, str(nowhere))
    assert os.listdir(tmp_path) == ["pipe"]


def test_a_file_keeps_its_permissions_its_name_and_its_link(tmp_path):
    path, link = tmp_path / ("n" * 250), tmp_path / "link"
    before = os.umask(0o027)
    try:
        save_auction(fitted(), path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    finally:
        os.umask(before)
    path.chmod(0o604)
    link.symlink_to(path)
    save_auction(fitted(3), link)
    assert link.is_symlink() and load_auction(path).n_bidders == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


FAULTS = {
    "disk full": ("fsync", OSError(errno.ENOSPC, "No space left on device")),
    "folder not writable": ("open", PermissionError(errno.EACCES, "Permission denied")),
    "file held by another program": ("replace", PermissionError(errno.EACCES, "in use")),
    "Ctrl-C": ("fsync", KeyboardInterrupt()),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_failed_write_leaves_the_old_file(kind, path, monkeypatch):
    save_auction(fitted(5), path)
    function, error = FAULTS[kind]

    def fail(*args):
        raise error

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(type(error)):
        save_auction(fitted(6), path)
    monkeypatch.undo()
    assert load_auction(path).n_bidders == 5 and os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("n_limits", [2, pytest.param(20, marks=pytest.mark.stress)])
def test_file_size_limits_leave_the_old_file(n_limits, path):
    large = VCGAuction(n_bidders=50).fit(np.ones((2, 50, 9)))
    save_auction(large, path)
    size = os.path.getsize(path)
    save_auction(fitted(5), path)
    for limit in np.linspace(0, size - 1, n_limits, dtype=int):
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), limits[1]))
        try:
            with pytest.raises(OSError, match="File too large") as caught:
                save_auction(large, path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert caught.value.filename == str(path)
        assert load_auction(path).n_bidders == 5 and os.listdir(path.parent) == [path.name]


# Children save two auctions of 700,000 bytes in turn over a third, and are killed: at every step of
# writing (tests/points.py), then some at random times. Prints each auction left, by its reserve.
KILLS = """
import os, random, signal, sys, time
import numpy as np
from points import Points
from sklauction import VCGAuction, load_auction, save_auction

path, n_timed, draws = sys.argv[1], int(sys.argv[2]), random.Random(0)
X = np.random.RandomState(0).uniform(size=(2, 100, 300))
old, *new = [VCGAuction(n_bidders=100, reserve=reserve).fit(X) for reserve in (1.0, 2.0, 3.0)]

def killed(points, seconds=None):
    save_auction(old, path)
    child = os.fork()
    if not child:
        points.watch_files()
        for auction in new:
            save_auction(auction, path)
        os._exit(points.passed)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    print(load_auction(path).reserve)
    return status

n_points = os.waitstatus_to_exitcode(killed(Points()))
for n in range(1, n_points + 1):
    assert os.WIFSIGNALED(killed(Points(n)))
print("random")
start = time.perf_counter()
save_auction(old, path)
once = time.perf_counter() - start
for _ in range(n_timed):
    killed(Points(), draws.uniform(0, 3 * once))
"""


@pytest.mark.parametrize("n_timed", [1, pytest.param(30, marks=pytest.mark.stress)])
def test_a_process_killed_while_saving_leaves_one_of_the_auctions(n_timed, path, run_python):
    printed = run_python("-c", KILLS, path, n_timed)
    counted, timed = (part.split() for part in printed.split("random"))
    # The undisturbed child, and then each auction up to the step that replaces it.
    assert [reserve for reserve, _ in groupby(counted)] == ["3.0", "1.0", "2.0", "3.0"]
    assert set(timed) <= {"1.0", "2.0", "3.0"} and len(timed) == n_timed
    # Drafts show that some children were killed while writing.
    assert [name for name in os.listdir(path.parent) if name.endswith(".part")]


def test_threads_that_save_to_one_file_leave_a_whole_auction(path):
    save_auction(fitted(1), path)

    def save(n_bidders):
        for _ in range(30):
            save_auction(fitted(n_bidders), path)

    with ThreadPoolExecutor(3) as threads:
        saves = [threads.submit(save, n_bidders) for n_bidders in (2, 3, 4)]
        seen = {load_auction(path).n_bidders for _ in range(50)}
    assert [one.result() for one in saves] == [None] * 3
    assert seen <= {1, 2, 3, 4} and load_auction(path).n_bidders in (2, 3, 4)
    assert os.listdir(path.parent) == [path.name]
