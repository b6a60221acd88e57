"""Former path of :mod:`sklauction.utils.sample_tests`."""

from sklauction.utils.sample_tests import *  # noqa: F403
