"""Reports of a running fit: a progress bar, and a task per iteration for scikit-learn."""

from skorch.callbacks import Callback

__all__ = ["IterationTasks", "ProgressLine"]


class ProgressLine(Callback):
    """A tqdm bar over iterations that shows held-out objective, regret and score."""

    def __init__(self, domain, scale):
        self.domain, self.scale = domain, scale

    def on_train_begin(self, net, **kwargs):
        """Open the bar."""
        from tqdm.auto import tqdm

        self.bar_ = tqdm(total=net.max_epochs, desc="fit", unit="iter", mininterval=0.5)

    def on_epoch_end(self, net, **kwargs):
        """Advance the bar."""
        last = net.history[-1]
        if "score" in last:
            self.bar_.set_postfix_str(
                f"{self.domain.objective_name}="
                f"{last[self.domain.objective_name] * self.scale:.4g} "
                f"regret{net.regret_relation}{last['total_regret'] * self.scale:.2g} "
                f"score={last['score'] * self.scale**self.domain.score_power:.4f}",
                refresh=False,
            )
        self.bar_.update()

    def on_train_end(self, net, **kwargs):
        """Close and delete the bar, which cannot be pickled."""
        self.bar_.close()
        del self.bar_


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
