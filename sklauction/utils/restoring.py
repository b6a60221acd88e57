"""Attributes of an estimator that stay as they were if a fit fails."""

import contextlib

__all__ = ["all_or_nothing"]


@contextlib.contextmanager
def all_or_nothing(auction):
    """Restore an auction's attributes if the block fails or is interrupted."""
    before = dict(vars(auction))
    try:
        yield
    except BaseException:
        vars(auction).clear()
        vars(auction).update(before)
        raise
