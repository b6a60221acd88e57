"""Warnings that show the line of the user's program."""

import sys
import warnings

__all__ = ["warn_user"]

# Packages whose lines are not shown.
INSIDE = {"joblib", "sklauction", "sklearn", "skorch"}


def warn_user(message, category=UserWarning):
    """Issue a warning at the innermost line outside of this package and those that call it.

    Examples
    --------
    >>> import warnings
    >>> from sklauction.utils.warning import warn_user
    >>> with warnings.catch_warnings(record=True, action="always") as caught:
    ...     warn_user("few profiles")
    >>> print(caught[0].message, caught[0].filename.endswith("warning.py"))
    few profiles False
    """
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in INSIDE:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
