"""What a fit does after Ctrl-C depends on who called it, and on what raised KeyboardInterrupt."""

import dis
import sys

__all__ = ["calling_package", "is_raised_by_code"]

# Packages that call fits, such as those of searches, pipelines and workers. After Ctrl-C they must
# not take a fit that ended early for a complete one.
FITTING = {
    "concurrent",
    "dask",
    "distributed",
    "hyperopt",
    "joblib",
    "loky",
    "multiprocessing",
    "optuna",
    "ray",
    "sklauction",
    "sklearn",
    "skopt",
}
# Modules with decorators of an estimator's own fit.
AROUND_FIT = "sklearn.callback"


def calling_package(estimator):
    """Return the package that called the running fit of an estimator; None for the user's code.

    The frames of the call stack outside of the outermost ``fit`` or ``partial_fit`` of this
    estimator decide.

    Parameters
    ----------
    estimator : estimator
        Its ``fit`` or ``partial_fit`` must be running in this thread.

    Returns
    -------
    str or None
        Name of the innermost package outside of the fit that is in ``FITTING``.

    Examples
    --------
    >>> from sklearn.base import BaseEstimator
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklauction.utils.interrupts import calling_package
    >>> class Asking(BaseEstimator):
    ...     def fit(self, X, y=None):
    ...         self.caller_ = calling_package(self)
    ...         return self
    >>> make_pipeline(Asking()).fit([[1]])[-1].caller_
    'sklearn'
    """
    frames = list(_frames_from(sys._getframe(1)))
    own = [depth for depth, frame in enumerate(frames) if _is_fit_of(estimator, frame)]
    outside = frames[own[-1] + 1 :] if own else frames
    packages = (_module_of(frame).partition(".")[0] for frame in outside)
    return next((package for package in packages if package in FITTING), None)


def _frames_from(frame):
    """Yield a frame and all frames outside of it."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def _module_of(frame):
    return frame.f_globals.get("__name__") or ""


def _is_fit_of(estimator, frame):
    """Return whether a frame runs a fit whose first argument is the estimator."""
    code = frame.f_code
    around = _module_of(frame).startswith(AROUND_FIT)
    if not code.co_argcount or not (around or code.co_name in ("fit", "partial_fit")):
        return False
    return frame.f_locals.get(code.co_varnames[0]) is estimator


def is_raised_by_code(error):
    """Return whether a ``raise`` statement raised an exception; False for Ctrl-C.

    A signal interrupts another instruction.

    Parameters
    ----------
    error : BaseException
        An exception that was caught.

    Returns
    -------
    bool

    Examples
    --------
    >>> from sklauction.utils.interrupts import is_raised_by_code
    >>> try:
    ...     raise KeyboardInterrupt
    ... except KeyboardInterrupt as error:
    ...     print(is_raised_by_code(error))
    True
    """
    innermost = error.__traceback__
    while innermost.tb_next:
        innermost = innermost.tb_next
    code, place = innermost.tb_frame.f_code.co_code, innermost.tb_lasti
    # Compiled functions, as of Cython, have no instructions.
    return code[place : place + 1] == bytes([dis.opmap["RAISE_VARARGS"]])
