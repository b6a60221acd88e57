"""scikit-learn's callbacks, or stand-ins if scikit-learn is older than 1.9.

All imports of callbacks are in this file, as they are experimental in scikit-learn.
"""

from typing import TypeVar

Method = TypeVar("Method")

try:
    from sklearn.callback import CallbackSupportMixin, ScoringMonitor
    from sklearn.callback import with_callbacks as of_scikit_learn
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:
        """Stand-in without callbacks."""

        def _init_callback_context(self, **kwargs):
            return NullContext()

    class ScoringMonitor:
        """Stand-in that raises ImportError."""

        def __init__(self, **kwargs):
            raise ImportError("RegretMonitor needs the callbacks of scikit-learn 1.9 or later")

    def of_scikit_learn(method):
        """Return the method unchanged."""
        return method


__all__ = ["CallbackSupportMixin", "ScoringMonitor", "with_callbacks"]


def with_callbacks(method: Method) -> Method:
    """Return a fit that sets up and tears down callbacks."""
    return of_scikit_learn(method)


class NullContext:
    """Callback context of a task without callbacks."""

    def call_on_fit_task_begin(self, **kwargs):
        """Return the context itself."""
        return self

    def call_on_fit_task_end(self, **kwargs):
        """Return False: no callback asks to stop."""
        return False

    def subcontext(self, **kwargs):
        """Return the context of a subtask."""
        return self
