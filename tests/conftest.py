"""Shared fixtures."""

import numpy as np
import pytest


@pytest.fixture
def valuations():
    """200 profiles of 2 bidders and 2 items, uniform on [0, 3]."""
    return 3 * np.random.RandomState(0).uniform(size=(200, 2, 2))


@pytest.fixture(scope="module")
def few_updates():
    """Train for 3 updates per iteration instead of 100."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sklauction.learned.auction.UPDATES_PER_ITERATION", 3)
        yield
