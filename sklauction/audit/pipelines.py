"""Pipelines and searches: the mechanism at their end, and types in its unit."""

import numpy as np
from sklearn.base import MetaEstimatorMixin
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    Binarizer,
    KBinsDiscretizer,
    Normalizer,
    PowerTransformer,
    QuantileTransformer,
)
from sklearn.utils.validation import check_is_fitted

__all__ = ["last_step"]

# Transformers whose output is not money, whatever the data.
NOT_MONEY = (Binarizer, KBinsDiscretizer, Normalizer, PowerTransformer, QuantileTransformer)
# Rounding of a transformer, relative to the largest value of a column.
ROUNDING = 1e-9
# Different values of a column that are needed to tell a shift from a curve.
FEWEST = 3


def last_step(estimator, X):
    """Return the mechanism at the end of pipelines and searches, and the types that reach it.

    Parameters
    ----------
    estimator : object
        A fitted :class:`~sklearn.pipeline.Pipeline`, a fitted search with a ``best_estimator_``,
        any nesting of them, or a mechanism, which is returned as it is.
    X : array-like
        Types, as passed to the pipeline.

    Returns
    -------
    mechanism : object
    X : array-like
        Transformed by the first steps of each pipeline.

    Raises
    ------
    ValueError
        If a step breaks the unit of money: it shifts columns, or multiplies them by different
        factors.
    NotFittedError
        If a search is not fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from sklauction import VCGAuction
    >>> from sklauction.audit.pipelines import last_step
    >>> cents = np.array([[100.0, 200.0], [300.0, 150.0]])
    >>> in_dollars = FunctionTransformer(lambda X: X / 100)
    >>> auction, X = last_step(make_pipeline(in_dollars, VCGAuction(n_bidders=2)).fit(cents), cents)
    >>> auction, X.tolist()
    (VCGAuction(n_bidders=2), [[1.0, 2.0], [3.0, 1.5]])
    """
    while True:
        if isinstance(estimator, Pipeline):
            X, estimator = _transform(estimator, X), estimator.steps[-1][1]
        elif isinstance(estimator, MetaEstimatorMixin) and hasattr(estimator, "refit"):
            check_is_fitted(estimator, "best_estimator_")
            estimator = estimator.best_estimator_
        else:
            return estimator, X


def _transform(pipeline, X):
    """Return X after all steps of a pipeline but the last, each checked."""
    for name, step in pipeline.steps[:-1]:
        if step is None or step == "passthrough":
            continue
        after = step.transform(X)
        _check_unit(f"pipeline step {name!r} ({type(step).__name__})", step, X, after)
        X = after
    return X


def _check_unit(what, step, before, after):
    """Raise ValueError if a step shifts columns or multiplies them by different factors."""
    must = f"{what} must keep the unit of money, because bids and payments are compared"
    leave = "auctions learn their own unit, so leave this step out"
    if isinstance(step, NOT_MONEY):
        raise ValueError(f"{must}; its output is not money: {leave}")
    lines = _lines(before, after)
    if lines is None:
        return
    factors, shifts = lines.T
    if shifts.any() or np.ptp(factors) > ROUNDING * np.abs(factors).max():
        raise ValueError(
            f"{must}; got columns that are multiplied by {factors.min():.4g} to "
            f"{factors.max():.4g} and shifted by {shifts.min():.4g} to {shifts.max():.4g}: {leave}"
        )


def _lines(before, after):
    """Return factor and shift of each column, (n_columns, 2); None if one is not a line."""
    try:
        pairs = [np.asarray(X, dtype=float).reshape(len(X), -1) for X in (before, after)]
    except (TypeError, ValueError):
        return None
    if pairs[0].shape != pairs[1].shape or not pairs[0].size:
        return None
    lines = [_line(x, y) for x, y in zip(pairs[0].T, pairs[1].T)]
    return None if None in lines else np.array(lines)


def _line(x, y):
    """Return (a, b) with ``y = a x + b`` and preferably ``b = 0``, or None."""
    known = np.isfinite(x)
    if not known.any() or not np.isfinite(y).all():
        return None
    x, y = x[known], y[known]
    low, high, rounding = x.argmin(), x.argmax(), ROUNDING * np.abs(y).max()
    factor = y[high] / x[high] if x[high] else 1.0
    if np.abs(y - factor * x).max() <= rounding:
        return factor, 0.0
    if len(np.unique(x)) < FEWEST:
        return None
    factor = (y[high] - y[low]) / (x[high] - x[low])
    shift = y[low] - factor * x[low]
    return (factor, shift) if np.abs(y - factor * x - shift).max() <= rounding else None
