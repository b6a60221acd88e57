"""Reports of a running fit: a bar, a warning that it takes long, and tasks for scikit-learn."""

import sys
from time import perf_counter

from skorch.callbacks import Callback

from sklauction.utils.interrupts import calling_package
from sklauction.utils.warning import warn_user

__all__ = ["IterationTasks", "Pace", "ProgressLine"]

# Seconds between two states of the bar within an iteration: on a screen, and in a log file.
ON_SCREEN, IN_FILE = 0.5, 10.0
# Iterations count with their updates, such as 0.3 of 50.
BAR = "{l_bar}{bar}| {n:.2f}/{total} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"
# A fit that will take more seconds than LONG warns, once it was measured for MEASURED seconds.
LONG, MEASURED = 1800.0, 10.0
# Parameters that make a fit shorter.
SHORTEN = ("max_iter", "batch_size", "hidden_layer_sizes", "menu_size", "n_refine_steps")


class ProgressLine(Callback):
    """A tqdm bar over iterations that shows held-out objective, regret and score.

    It moves within an iteration, too, so that it shows the remaining time after a few updates.
    """

    def __init__(self, domain, scale):
        self.domain, self.scale = domain, scale

    def on_train_begin(self, net, **kwargs):
        """Open the bar."""
        from tqdm.auto import tqdm

        # The remaining time derives from all iterations so far, because of their evaluations.
        how = {"bar_format": BAR, "miniters": 0, "mininterval": ON_SCREEN, "smoothing": 0}
        self.bar_ = tqdm(total=net.max_epochs, desc="fit", unit="iter", **how)
        self.first_, self.shown_ = net.n_steps_, perf_counter()
        # In a notebook the bar is not text.
        on_screen = hasattr(self.bar_, "container") or sys.stderr.isatty()
        self.every_ = ON_SCREEN if on_screen else IN_FILE

    def on_batch_end(self, net, training=False, **kwargs):
        """Advance the bar by the updates since it was shown."""
        if perf_counter() - self.shown_ >= self.every_:
            self._advance(net)

    def on_epoch_end(self, net, **kwargs):
        """Advance the bar, and show the evaluation."""
        last = net.history[-1]
        if "score" in last:
            self.bar_.set_postfix_str(
                f"{self.domain.objective_name}="
                f"{last[self.domain.objective_name] * self.scale:.4g} "
                f"regret{net.regret_relation}{last['total_regret'] * self.scale:.2g} "
                f"score={last['score'] * self.scale**self.domain.score_power:.4f}",
                refresh=False,
            )
        self._advance(net)

    def on_train_end(self, net, **kwargs):
        """Close and delete the bar, which cannot be pickled."""
        self.bar_.close()
        del self.bar_

    def _advance(self, net):
        self.shown_ = perf_counter()
        # Less than zero after updates that diverged and are repeated.
        self.bar_.update((net.n_steps_ - self.first_) / net.n_updates - self.bar_.n)


class Pace:
    """Measures the updates of a fit, and warns once if the fit will take long.

    Parameters
    ----------
    auction : LearnedMechanism
        The mechanism being fitted. There is no warning if a package called its fit.
    n_iter : int
        Number of iterations of this fit.
    """

    def __init__(self, auction, n_iter):
        self.auction, self.n_iter = auction, n_iter
        self.begun_ = None
        self.silent_ = False

    def count(self, net):
        """Take note of an update that ended."""
        if self.silent_:
            return
        if self.begun_ is None:  # the first update is slower
            self.begun_, self.first_ = perf_counter(), net.n_steps_
            return
        seconds = perf_counter() - self.begun_
        iterations = (net.n_steps_ - self.first_) / net.n_updates
        if seconds >= MEASURED and iterations > 0:
            self._judge(seconds / iterations)

    def _judge(self, each):
        """Warn if iterations of so many seconds add up to a long fit."""
        if self.n_iter * each <= LONG:
            return
        self.silent_ = True
        if calling_package(self.auction):
            return
        parameters = self.auction.get_params(deep=False)
        names = ", ".join(name for name in SHORTEN if name in parameters)
        number = f"{self.n_iter} iteration{'s' if self.n_iter > 1 else ''}"
        warn_user(
            f"fit will take about {in_words(self.n_iter * each)} on this machine ({number} of "
            f"{in_words(each)}). Smaller values make it shorter: {names}. verbose=1 shows its "
            "progress instead of this warning, checkpoint keeps it, and after Ctrl-C the complete "
            "iterations are used"
        )


def in_words(seconds):
    """Return a duration with at least two digits and a unit.

    Examples
    --------
    >>> from sklauction.learned.progress import in_words
    >>> in_words(12), in_words(216), in_words(12_000), in_words(500_000)
    ('12 seconds', '3.6 minutes', '3.3 hours', '5.8 days')
    """
    limits = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}
    unit = next((u for u, size in limits.items() if seconds < 100 * size), "days")
    number = seconds / limits[unit]
    return f"{number:.{int(number < 9.95)}f} {unit}"


class IterationTasks:
    """Notifies the callbacks of a fit when an iteration begins and ends.

    Parameters
    ----------
    auction : LearnedAuction
        The auction being fitted.
    context : sklearn.callback.CallbackContext
        The context of the fit.
    X : ndarray of shape (n_samples, n_bidders, n_items)
        Profiles passed to callbacks: the held-out ones, else the training profiles.
    fitted : callable
        Returns the attributes with which a copy of the auction predicts as if training had
        stopped now.
    """

    def __init__(self, auction, context, X, fitted):
        self.auction = auction
        self.context = context
        self.X = X
        self.fitted = fitted

    def begin(self):
        """Open the task of an iteration."""
        self.task_ = self.context.subcontext(task_name="iteration")
        self.task_.call_on_fit_task_begin(estimator=self.auction, X=self.X)

    def end(self):
        """Close the task; return whether a callback requests a stop."""
        return self.task_.call_on_fit_task_end(
            estimator=self.auction, X=self.X, reconstruction_attributes=self.fitted
        )
