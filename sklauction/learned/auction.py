"""The estimator around the fit loop: what every learned auction does in fit and predict."""

import copy
import warnings
from numbers import Integral

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from skorch.callbacks import Callback

from sklauction.base import BaseAuction, all_or_nothing
from sklauction.learned.progress import IterationTasks, ProgressLine
from sklauction.learned.training import resolve_device
from sklauction.mechanism import run_in_chunks
from sklauction.persistence.checkpoint import Checkpoint, check_checkpoint, digest, in_words
from sklauction.utils.validation import (
    WIDEST_SUPPORT,
    check_count,
    check_flag,
    check_seed,
    check_share,
)

__all__ = ["LearnedAuction"]

# Parameters that change nothing in what is learned: a checkpoint serves whatever they are.
WITHOUT_EFFECT = ("callbacks", "checkpoint", "checkpoint_every", "device", "resume", "verbose")
# A checkpoint says how many iterations are done, and knows its seed.
KNOWN_OTHERWISE = ("max_iter", "random_state", "warm_start")


def check_callbacks(callbacks):
    """Raise ValueError unless these are callbacks of skorch, named or not, or None."""
    if callbacks is None:
        return
    given = callbacks if isinstance(callbacks, list | tuple) else [None]
    ones = [one[1] if isinstance(one, tuple) and len(one) == 2 else one for one in given]
    if not all(isinstance(one, Callback) for one in ones):
        raise ValueError(
            f"callbacks must be None or a list of skorch.callbacks.Callback; got {callbacks!r}"
        )


def check_device(device):
    """Raise ValueError unless this is "auto" or a device that torch has here."""
    if not isinstance(device, str | torch.device):
        raise ValueError(f"device must be 'auto' or a torch device; got {device!r}")
    resolve_device(device)


class LearnedAuction(BaseAuction):
    """Base class of auctions trained by gradient: fit, partial_fit, warm start, predict.

    A subclass gives ``_make_net(valuations, seed) -> AuctionNet`` and the parameters
    ``max_iter``, ``validation_fraction``, ``warm_start``, ``random_state``, ``verbose``,
    ``device``, ``callbacks``, ``checkpoint``, ``checkpoint_every``, ``resume``.

    Attributes
    ----------
    mechanism_ : torch.nn.Module
        The fitted auction: bids to allocations and payments, in money, in float64.
    net_ : AuctionNet
        The training state, on skorch.
    n_iter_ : int
        Iterations done in all.
    history_ : list of dict
        One row per iteration: revenue, total_regret and score on held-out profiles (in
        the caller's money; regret as far as a short search finds it) and training averages
        (in units of ``scale_``; regret as far as the misreporter finds it).
    seed_ : int
        Drawn from ``random_state``; every draw of the fit derives from it.
    """

    def partial_fit(self, X, y=None):
        """Train one iteration on X alone, keeping both players and their optimizers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_bidders, n_items) or flat
            Valuations, in money. Nothing is held out: the auction afterwards is the running
            average of the weights, not the best seen.
        y : None
            Ignored.

        Returns
        -------
        self
            The auction, one iteration further.

        Raises
        ------
        ValueError
            If a parameter or X is not as described, or X has other sizes than at first.
        """
        self._check_parameters()
        first = not hasattr(self, "net_")
        with all_or_nothing(self):
            valuations = self._validate_profiles(X, reset=first)
            if first:
                self._start(valuations)
            self._train(valuations, None, 1)
        return self

    def __getstate__(self):
        # From a GPU through main memory, so that it can be loaded where there is none.
        state = super().__getstate__()
        if "mechanism_" in state:
            state = {**state, "mechanism_": copy.deepcopy(state["mechanism_"]).cpu()}
        return state

    def _continues(self):
        return self.warm_start and hasattr(self, "net_")

    def _fit(self, valuations):
        n_iter = self.max_iter
        if not self._continues():
            kept = self._kept(valuations)
            self._start(valuations, None if kept is None else kept[0].subject["seed"])
            if kept is not None:
                n_iter = self._take_up(*kept)
        net = self.net_
        if self.checkpoint is not None and net.checkpoint_ is None:
            net.checkpoint_ = self._new_checkpoint(valuations)
            net.checkpoint_.try_out(net.state())
        train, held_out = self._split(valuations)
        self._train(train, held_out, n_iter)

    def _new_checkpoint(self, valuations):
        return Checkpoint(self.checkpoint, self.checkpoint_every, self._subject(valuations))

    def _subject(self, valuations):
        """Return what a checkpoint of this fit is of."""
        parameters = self.get_params(deep=False)
        if parameters.get("anneal_iter", 0) is None:
            parameters["anneal_iter"] = self.max_iter
        left_out = WITHOUT_EFFECT + KNOWN_OTHERWISE
        return {
            "auction": type(self).__name__,
            "data": digest(valuations),
            "parameters": {k: in_words(v) for k, v in parameters.items() if k not in left_out},
            "seed": getattr(self, "seed_", None),
        }

    def _kept(self, valuations):
        """Return what is to be resumed, or None where that is not asked for or there is none."""
        if not self.resume:
            return None
        subject = {**self._subject(valuations), "seed": None}
        if isinstance(self.random_state, Integral):
            subject["seed"] = self._draw_seed()
        try:
            return Checkpoint.read(self.checkpoint, self.checkpoint_every, subject)
        except FileNotFoundError:
            return None

    def _take_up(self, checkpoint, state, ended):
        """Bring the net where the checkpoint is; return how many iterations are left."""
        net = self.net_
        try:
            net.set_state(state)
            left = net.first_iter_ + self.max_iter - net.n_iter_
        except (KeyError, TypeError, AttributeError, RuntimeError, ValueError) as error:
            raise ValueError(
                f"{self.checkpoint} is not a checkpoint of this auction: {error}"
            ) from error
        checkpoint.try_out(state)
        net.checkpoint_, net.resumes_ = checkpoint, True
        return 0 if ended == self.max_iter else max(left, 0)

    def _check_parameters(self):
        super()._check_parameters()
        check_count(self.max_iter, "max_iter")
        check_share(self.validation_fraction, "validation_fraction")
        check_flag(self.warm_start, "warm_start")
        check_seed(self.random_state)
        if not isinstance(self.verbose, bool):
            check_count(self.verbose, "verbose", minimum=0)
        check_callbacks(self.callbacks)
        check_device(self.device)
        check_checkpoint(self.checkpoint, self.checkpoint_every, self.resume)

    def _draw_seed(self):
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _start(self, valuations, seed=None):
        """Draw the seed, unless it is known, and build the players."""
        self.seed_ = self._draw_seed() if seed is None else seed
        self.net_ = self._make_net(valuations, self.seed_).initialize()

    def _split(self, valuations):
        """Return training and held-out profiles; the same rows are held out every time."""
        n_held_out = int(len(valuations) * self.validation_fraction)
        if n_held_out == 0:
            return valuations, None
        order = np.random.RandomState(self.seed_).permutation(len(valuations))
        return valuations[order[n_held_out:]], valuations[order[:n_held_out]]

    def _train(self, train, held_out, n_iter):
        net = self.net_
        net.max_epochs = n_iter
        net.move_to(resolve_device(self.device))
        if hasattr(self, "_callback_fit_ctx"):  # scikit-learn's, while fit runs
            seen = train if held_out is None else held_out
            net.tasks_ = IterationTasks(self, self._callback_fit_ctx, seen, self._as_if_fitted)
        before = net.state()
        try:
            net.partial_fit((self._normalise(train), self._normalise(held_out)))
            self._conclude(n_iter)
        except BaseException:
            net.set_state(before)
            raise
        finally:
            net.tasks_, net.checkpoint_, net.resumes_ = None, None, False
        best = None if held_out is None or net.best_ is None else net.best_.weights
        self.mechanism_ = net.average_mechanism(best)
        self.n_iter_ = net.n_iter_
        self.history_ = [self._in_money(row) for row in net.history.to_list()]

    def _conclude(self, n_iter):
        """Write the last checkpoint; say so if training ended before its time."""
        net = self.net_
        if net.checkpoint_ is not None:
            ended = None if net.interrupted_ else self.max_iter
            net.checkpoint_.write(net.n_iter_, net.state(), ended)
        done = net.n_iter_ - net.first_iter_
        if net.gave_up_:
            warnings.warn(
                f"training diverged in iteration {net.n_iter_ + 1} whatever the step size, down to "
                f"{net.lr:.3g}: it ended after {done} iterations, and the auction is made of "
                f"the weights until then. Try a smaller learning_rate_init, or look at the "
                f"valuations for extreme values",
                ConvergenceWarning,
                stacklevel=2,
            )
        if net.interrupted_:
            warnings.warn(
                f"fit was interrupted: the auction is that of the {done} iterations that were "
                f"complete, of {n_iter}",
                UserWarning,
                stacklevel=2,
            )

    def _as_if_fitted(self):
        return {"mechanism_": self.net_.average_mechanism()}

    def _planned_iterations(self):
        return self.max_iter

    def _normalise(self, valuations):
        """Return valuations in units of the scale, as a tensor where the net is."""
        if valuations is None:
            return None
        if valuations.max() > WIDEST_SUPPORT * self.scale_:
            raise ValueError(
                f"X must hold values of at most {WIDEST_SUPPORT:g} times scale_, which is "
                f"{self.scale_:.3g}, to go on with; got {valuations.max()}"
            )
        scaled = torch.as_tensor(valuations / self.scale_, dtype=torch.float32)
        return scaled.to(self.net_.device)

    def _net_callbacks(self):
        bar = [ProgressLine(self.scale_)] if self.verbose else []
        return [*(self.callbacks or []), *bar]

    def _in_money(self, row):
        unit = {"revenue": self.scale_, "total_regret": self.scale_, "score": self.scale_**0.5}
        skipped = ("batches", "epoch")
        kept = {name: value for name, value in row.items() if name not in skipped}
        return {name: value * unit.get(name, 1.0) for name, value in kept.items()}

    def _run(self, bids):
        return run_in_chunks(self.mechanism_, bids)
