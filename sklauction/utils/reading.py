"""Input of estimators as arrays or DataFrames of numbers."""

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_array

from sklauction.utils.column_names import flat_names
from sklauction.utils.validation import hides_entries

__all__ = ["check_size", "check_table", "read_input"]

# Largest report in units of the scale, so that products of two do not overflow.
MOST_REPORTED = 1e100
# Kinds of dtypes: dates and durations; numbers.
DATES, NUMBERS = "mM", "biuf"


def read_input(X):
    """Return X as an array of numbers; DataFrames and sparse matrices stay what they are.

    DataFrames keep their column names, of which several levels are joined. scikit-learn refuses
    infinity and sparse matrices. This function refuses what scikit-learn would accept (masked
    entries, dates) or refuse without naming X.

    Parameters
    ----------
    X : object

    Returns
    -------
    ndarray, DataFrame or sparse matrix

    Raises
    ------
    TypeError, ValueError
        If X does not hold numbers, or is a single row.
    """
    if issparse(X) or isinstance(X, np.matrix):
        return X
    try:
        if hides_entries(X):
            raise ValueError("masked entries")
        with np.errstate(over="ignore"):  # overflow gives infinity
            read = _as_frame(X) if hasattr(X, "dtypes") else _as_array(X)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"X must hold numbers; got {type(X).__name__}: {error}") from error
    if len(read.shape) == 1:
        raise ValueError(
            f"X must have 2 or 3 axes, the first of them for profiles; got shape {read.shape}. "
            "Reshape your data: X.reshape(1, -1) is one profile, X.reshape(-1, 1) is one column"
        )
    return read


def check_table(table, least_rows, estimator, advice):
    """Return a table as an array of float64; raise ValueError unless its numbers are finite.

    Parameters
    ----------
    table : ndarray, DataFrame or sparse matrix
        Of :func:`read_input`.
    least_rows : int
        Fewest rows that are legal.
    estimator : estimator
        For messages.
    advice : str
        What to do about missing values.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
    """
    with np.errstate(over="ignore"):  # overflow gives infinity, which is refused
        values = check_array(
            table,
            dtype=np.float64,
            order="C",
            ensure_all_finite="allow-nan",
            ensure_min_samples=least_rows,
            estimator=estimator,
            input_name="X",
        )
    missing = np.argwhere(np.isnan(values))
    if len(missing):
        row, column = missing[0]
        place = repr(table.columns[column]) if hasattr(table, "columns") else column
        raise ValueError(f"Input X contains NaN in row {row}, column {place}. {advice}")
    return values


def check_size(top, scale, name="X"):
    """Raise ValueError if the largest value is such that products could overflow."""
    if top > MOST_REPORTED * scale:
        raise ValueError(
            f"{name} must hold values of at most {MOST_REPORTED:g} times scale_, {scale:.3g}; "
            f"got {top}"
        )


def _as_frame(X):
    kinds = {getattr(one, "kind", "O") for one in np.atleast_1d(X.dtypes)}
    if not kinds or not kinds <= set(NUMBERS):
        _as_numbers(np.asarray(X))
    if getattr(getattr(X, "columns", None), "nlevels", 1) > 1:
        X = X.set_axis(flat_names(X.columns), axis=1)
    return X


def _as_array(X):
    return _as_numbers(X if isinstance(X, np.ndarray) else np.asarray(X))


def _as_numbers(array):
    """Return an array of numbers; objects and text are converted to float64."""
    if array.dtype.kind in DATES:
        raise TypeError(f"entries of type {array.dtype}")
    if array.dtype.kind in NUMBERS:
        return array
    if array.dtype.kind == "c":
        raise ValueError("Complex data not supported")
    if not array.size:
        raise ValueError(f"an empty array of shape {array.shape}")
    return array.astype(np.float64)
