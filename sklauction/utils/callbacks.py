"""scikit-learn's callbacks, or stand-ins for them.

scikit-learn 1.9 added callbacks as an experiment (``set_callbacks``). All imports of them are here,
so that an older scikit-learn loses the callbacks and nothing else.
"""

try:
    from sklearn.callback import CallbackSupportMixin, ScoringMonitor, with_callbacks
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:
        """Stands in: a fit is one task that nobody watches."""

        def _init_callback_context(self, **kwargs):
            return UnwatchedTask()

    class ScoringMonitor:
        """Stands in: says what is missing."""

        def __init__(self, **kwargs):
            raise ImportError("RegretMonitor needs scikit-learn 1.9 or later, for its callbacks")

    def with_callbacks(method):
        """Return the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "ScoringMonitor", "with_callbacks"]


class UnwatchedTask:
    """A task of a fit, without callbacks."""

    def call_on_fit_task_begin(self, **kwargs):
        """Tell nobody."""
        return self

    def call_on_fit_task_end(self, **kwargs):
        """Tell nobody; training goes on."""
        return False

    def subcontext(self, **kwargs):
        """Return a task within this one."""
        return self
