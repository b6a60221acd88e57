"""Shared fixtures."""

import os
import subprocess
import sys

import numpy as np
import pytest


@pytest.fixture
def valuations():
    """200 profiles of 2 bidders and 2 items, uniform on [0, 3]."""
    return 3 * np.random.RandomState(0).uniform(size=(200, 2, 2))


@pytest.fixture
def path(tmp_path):
    """A path for a saved auction."""
    return tmp_path / "auction.safetensors"


@pytest.fixture
def run_python():
    """A function that runs Python in a child process, in tests/, and returns its output."""

    def run(*arguments, **environment):
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            env={**os.environ, **environment},
            cwd=os.path.dirname(__file__),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="module")
def few_updates():
    """Train for 3 updates per iteration instead of 100."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sklauction.learned.auction.UPDATES_PER_ITERATION", 3)
        yield
