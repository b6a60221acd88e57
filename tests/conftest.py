"""Shared fixtures: small valuation samples."""

import numpy as np
import pytest


@pytest.fixture
def valuations():
    """200 profiles of 2 bidders and 2 items, uniform on [0, 3] (money, not units)."""
    return 3 * np.random.RandomState(0).uniform(size=(200, 2, 2))
