"""Reports of a running fit: a progress bar, and a task per iteration for scikit-learn."""

import numpy as np
from skorch.callbacks import Callback

__all__ = ["IterationTasks", "ProgressLine"]


class ProgressLine(Callback):
    """A tqdm bar over iterations that shows held-out revenue, regret and score."""

    def __init__(self, scale):
        self.scale = scale

    def on_train_begin(self, net, **kwargs):
        """Open the bar."""
        from tqdm.auto import tqdm

        self.bar_ = tqdm(total=net.max_epochs, desc="fit", unit="iter", mininterval=0.5)

    def on_epoch_end(self, net, **kwargs):
        """Advance it."""
        last = net.history[-1]
        if "score" in last:
            self.bar_.set_postfix_str(
                f"revenue={last['revenue'] * self.scale:.4g} "
                f"regret{net.regret_relation}{last['total_regret'] * self.scale:.2g} "
                f"score={last['score'] * np.sqrt(self.scale):.4f}",
                refresh=False,
            )
        self.bar_.update()

    def on_train_end(self, net, **kwargs):
        """Close it, and keep nothing that could not be pickled."""
        self.bar_.close()
        del self.bar_


class IterationTasks:
    """Tells the callbacks of a fit when an iteration begins and ends.

    Parameters
    ----------
    auction : LearnedAuction
        Being fitted.
    context : sklearn.callback.CallbackContext
        Of the whole fit.
    X : ndarray of shape (n_samples, n_bidders, n_items)
        Profiles that callbacks see: those held out, or without any the training profiles.
    fitted : callable
        Returns what makes a copy of the auction predict as if training had stopped now.
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
        """Close it; return whether a callback asks to stop."""
        return self.task_.call_on_fit_task_end(
            estimator=self.auction, X=self.X, reconstruction_attributes=self.fitted
        )
