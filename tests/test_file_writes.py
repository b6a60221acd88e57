"""Writing of files: atomic, and a failure or a crash leaves the old file."""

import errno
import os
import resource
import stat
import threading
import time

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


def test_a_file_size_limit_leaves_the_old_file(path):
    large = VCGAuction(n_bidders=50).fit(np.ones((2, 50, 9)))
    save_auction(fitted(5), path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            save_auction(large, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.filename == str(path)
    assert load_auction(path).n_bidders == 5 and os.listdir(path.parent) == [path.name]


# Children save two auctions of 700,000 bytes in turn, and are killed. Prints the reserve of the
# auction in the file after each kill. Ends after at least `least` kills, when both auctions and a
# draft were seen; on a busy machine this takes more kills.
KILLS = """
import os, random, signal, sys, time
import numpy as np
from sklauction import VCGAuction, load_auction, save_auction

path, least, draws = sys.argv[1], int(sys.argv[2]), random.Random(0)
X = np.random.RandomState(0).uniform(size=(2, 100, 300))
auctions = [VCGAuction(n_bidders=100, reserve=reserve).fit(X) for reserve in (1.0, 2.0)]
save_auction(auctions[0], path)
start = time.perf_counter()
save_auction(auctions[0], path)
once = time.perf_counter() - start
kills, seen, folder = 0, set(), os.path.dirname(path)
while kills < least or (len(seen) < 2 or len(os.listdir(folder)) < 2) and kills < 300:
    child = os.fork()
    while not child:
        for auction in auctions:
            save_auction(auction, path)
    time.sleep(draws.uniform(0.5, 4 + kills / 5) * once)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    kills += 1
    seen.add(load_auction(path).reserve)
    print(load_auction(path).reserve)
"""


@pytest.mark.parametrize("n_kills", [5, pytest.param(20, marks=pytest.mark.stress)])
def test_a_process_killed_while_saving_leaves_one_of_the_two_auctions(n_kills, path, run_python):
    seen = run_python("-c", KILLS, path, n_kills).split()
    assert len(seen) >= n_kills and set(seen) == {"1.0", "2.0"}
    # Drafts show that some children were killed while writing.
    assert [name for name in os.listdir(path.parent) if name.endswith(".part")]


def test_threads_that_save_to_one_file_leave_a_whole_auction(path):
    save_auction(fitted(1), path)
    done, errors = threading.Event(), []

    def save(n_bidders):
        try:
            while not done.is_set():
                save_auction(fitted(n_bidders), path)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=save, args=(k,)) for k in (2, 3, 4)]
    for thread in threads:
        thread.start()
    seen, end = set(), time.monotonic() + 60
    while len(seen) < 3 and time.monotonic() < end:
        seen |= {load_auction(path).n_bidders for _ in range(50)}
    done.set()
    for thread in threads:
        thread.join()
    assert not errors and seen <= {1, 2, 3, 4} and len(seen) >= 3
    assert os.listdir(path.parent) == [path.name]
