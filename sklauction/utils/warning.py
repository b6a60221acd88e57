"""Warnings that show the line of the user's program."""

import os
import sys
import warnings
from pathlib import Path

import joblib
import sklearn

__all__ = ["warn_user"]

# Files whose lines are not shown.
FOLDERS = Path(__file__).parents[1], *(Path(one.__file__).parent for one in (joblib, sklearn))
INSIDE = tuple(f"{folder}{os.sep}" for folder in FOLDERS)


def warn_user(message, category=UserWarning):
    """Issue a warning at the innermost line outside of this package, scikit-learn and joblib.

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
    while frame.f_back and frame.f_code.co_filename.startswith(INSIDE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
