"""The training loop of all learned mechanisms, on skorch.

An *iteration* (a skorch epoch) is a fixed number of updates on mini-batches of the training
profiles, followed by an evaluation on held-out profiles. The random numbers of iteration ``t`` come
from a generator seeded by (seed, t), so weights and optimizers suffice to continue a fit bit for
bit. No update depends on how many will follow: the learning rate falls like one over the number of
updates, and the auction uses a running average of the weights over the last updates.
"""

import copy
import math
import zlib
from typing import NamedTuple

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from skorch import NeuralNet
from skorch.dataset import Dataset
from skorch.history import History

from sklauction.audit.measure import measure_regret
from sklauction.mechanism import mechanism_of
from sklauction.utils.interrupts import is_raised_by_code
from sklauction.utils.saving import savable
from sklauction.utils.warning import warn_user

__all__ = [
    "AuctionNet",
    "Batch",
    "Evaluation",
    "make_generator",
    "resolve_device",
]

# The averaging weight of update t is (AVERAGING + 1) / (t + AVERAGING), so that the average covers
# about the last tenth of all updates.
AVERAGING = 8
WARM_UP_UPDATES = 50
# Number of updates after which the learning rate falls like one over the number of updates. Small
# regret is hidden by the noise of small batches until the step is small.
DECAY_UPDATES = 500
# Profiles and effort of the audit after each iteration. Few profiles and a short search suffice to
# compare iterations, because all are audited on the same profiles.
HELD_OUT_AUDITED = 128
HELD_OUT_EFFORT = "quick"
# Number of times that a diverging iteration is repeated, each time with half the step size.
MOST_HALVINGS = 10
# Weights count as diverged above this multiple of the largest first weight, or of 1. In successful
# fits they stay below a hundred.
EXPLODED = 1e4


class Batch(NamedTuple):
    """The input of a training step.

    Attributes
    ----------
    profiles : Tensor of shape (batch_size, n_bidders, n_items)
        Valuations in units of ``scale_``.
    pool : Tensor of shape (n_samples, n_bidders, n_items)
        All training profiles.
    generator : torch.Generator
        Source of all random numbers of the step; on the CPU.
    rows : Tensor of shape (batch_size,)
        Indices of the profiles in the pool.
    """

    profiles: torch.Tensor
    pool: torch.Tensor
    generator: torch.Generator
    rows: torch.Tensor


@savable
class Evaluation(NamedTuple):
    """Objective and regret of some weights on held-out profiles, in units of the scale.

    Attributes
    ----------
    revenues, regrets : ndarray of shape (n,)
        Objective of the domain (of auctions, total payment) and total regret of each profile.
    weights : dict of {str: Tensor}
    """

    revenues: np.ndarray
    regrets: np.ndarray
    weights: dict

    @property
    def revenue(self):
        """Mean objective, of auctions ``P``."""
        return float(self.revenues.mean())

    @property
    def total_regret(self):
        """``R``."""
        return float(self.regrets.mean())


def make_generator(seed, iteration):
    """Return a CPU generator that depends on (seed, iteration) alone."""
    state = np.random.SeedSequence([seed, iteration]).generate_state(1, np.uint64)
    generator = torch.Generator()
    generator.manual_seed(int(state[0] >> np.uint64(1)))
    return generator


def resolve_device(device):
    """Return the name of a torch device; "auto" is a GPU if there is one."""
    if isinstance(device, str) and device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return str(device)


def to_device(value, device):
    """Move all tensors in a nested value to a device."""
    if torch.is_tensor(value):
        return value.to(device)
    if isinstance(value, dict):
        return {key: to_device(item, device) for key, item in value.items()}
    if isinstance(value, Evaluation):
        return value._replace(weights=to_device(value.weights, device))
    return value


class StopTraining(Exception):
    """Ends training before the next iteration."""


class BatchSampler:
    """Iterate over ``n_updates`` random batches for the next iteration of a net."""

    def __init__(self, net, profiles):
        self.net, self.profiles = net, profiles

    def __iter__(self):
        net, profiles = self.net, self.profiles
        generator = make_generator(net.seed, net.n_iter_ + 1)
        for _ in range(net.n_updates):
            rows = torch.randint(len(profiles), (net.batch_size,), generator=generator)
            rows = rows.to(profiles.device)
            yield Batch(profiles[rows], profiles, generator, rows)


class AuctionNet(NeuralNet):
    """skorch net with averaged weights and the best weights on held-out profiles.

    A subclass implements ``initialize_module``, ``initialize_optimizer`` and ``train_step``. The
    averaged copy of ``module_`` becomes the auction. ``trained`` names the modules that training
    changes and ``state_attributes`` the other attributes; :meth:`state` saves both.

    Parameters
    ----------
    module : type
        Class of the network.
    seed : int
    n_updates : int
        Updates per iteration.
    domain : Domain
    scale, support : float, ndarray
        Unit and box of reports.
    patience : int or None
        Stop after this many iterations without a better held-out score.
    schedule : {"invscaling", "constant"}
        Whether the learning rate falls like one over the number of updates.
    average : bool
        Whether the auction uses the running average of the weights or the last weights.
    **kwargs
        Parameters of :class:`skorch.NeuralNet`.
    """

    # Number of held-out profiles evaluated after each iteration.
    n_held_out = HELD_OUT_AUDITED
    # Whether the untrained network is a candidate, too.
    evaluate_first = False
    # How the true regret compares with the evaluated one, which a search bounds from below.
    regret_relation = ">="
    trained = ("module_",)
    state_attributes = (
        "average_weights_",
        "best_",
        "best_iter_",
        "first_iter_",
        "held_out_mark_",
        "lr",
        "n_iter_",
        "n_steps_",
    )

    def __init__(
        self,
        module,
        *,
        seed,
        n_updates,
        domain,
        scale,
        support,
        patience,
        schedule,
        average,
        **kwargs,
    ):
        super().__init__(module, criterion=torch.nn.Identity, train_split=None, verbose=0, **kwargs)
        self.seed = seed
        self.n_updates = n_updates
        self.domain = domain
        self.scale = scale
        self.support = support
        self.patience = patience
        self.schedule = schedule
        self.average = average

    @property
    def _default_callbacks(self):
        return []

    def initialize(self):
        """Build modules and optimizers, and start counting."""
        super().initialize()
        self.n_iter_, self.n_steps_, self.first_iter_ = 0, 0, 0
        self.best_, self.best_iter_ = None, 0
        self.held_out_mark_ = None
        self.tasks_, self.checkpoint_, self.asked_to_stop_ = None, None, False
        self.resumes_, self.last_, self.pace_ = False, None, None
        self.average_weights_ = copy.deepcopy(dict(self.module_.state_dict()))
        self.most_ = EXPLODED * max(1.0, *(float(w.detach().abs().max()) for w in self._weights()))
        return self

    def state(self):
        """Return a copy of everything that training changes, as a nested dict."""
        return copy.deepcopy(
            {
                "modules": {name: dict(getattr(self, name).state_dict()) for name in self.trained},
                "optimizer": self.optimizer_.state_dict(),
                "attributes": {name: getattr(self, name) for name in self.state_attributes},
                "history": self.history.to_list(),
            }
        )

    def set_state(self, state, *, history=True):
        """Set the state that :meth:`state` returned, of this net or one of the same sizes.

        Parameters
        ----------
        state : dict
        history : bool
            Whether to set the history, too.
        """
        state = copy.deepcopy(state)
        for name, weights in state["modules"].items():
            getattr(self, name).load_state_dict(weights)
        self.optimizer_.load_state_dict(state["optimizer"])
        for name in self.state_attributes:
            setattr(self, name, to_device(state["attributes"][name], self.device))
        if history:
            self.history = History(state["history"])

    def move_to(self, device):
        """Continue training on another device."""
        if device == self.device:
            return
        state, self.device = self.state(), device
        for name in self.trained:
            getattr(self, name).to(device)
        self.set_state(state)

    def __getstate__(self):
        # Move everything to the CPU, so that a net trained on a GPU can be loaded without one.
        # skorch loads its networks to `device`.
        state = {**super().__getstate__(), "device": "cpu"}
        for name in self.state_attributes:
            if name in state:
                state[name] = to_device(state[name], "cpu")
        return state

    def get_split_datasets(self, X, y=None, **fit_params):
        """Split the pair (training profiles, held-out profiles or None)."""
        train, held_out = X
        return Dataset(train), None if held_out is None else Dataset(held_out)

    def get_iterator(self, dataset, training=False):
        """Return random batches for training, and all profiles for validation."""
        return BatchSampler(self, dataset.X) if training else dataset.X

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Remember where this fit starts, and evaluate the untrained network if it competes."""
        self.asked_to_stop_ = False
        if not self.resumes_:
            self.first_iter_ = self.n_iter_
        held_out = None if X is None else X[1]
        if self.evaluate_first and self.n_iter_ == 0 and held_out is not None:
            self._evaluate_held_out(held_out)

    def partial_fit(self, X, y=None):
        """Train; unlike skorch's, let KeyboardInterrupt pass where :meth:`fit_loop` does."""
        self.notify("on_train_begin", X=X, y=y)
        self.fit_loop(X, y)
        self.notify("on_train_end", X=X, y=y)
        return self

    def fit_loop(self, X, y=None, epochs=None, **kwargs):
        """Train; after an early end, return to the last complete iteration.

        Sets ``interrupted_`` (Ctrl-C) and ``gave_up_`` (weights diverged).
        """
        self.interrupted_, self.gave_up_, self.complete_ = False, False, True
        self.last_ = self.state()
        try:
            super().fit_loop(X, y, epochs, **kwargs)
        except StopTraining:
            pass
        except KeyboardInterrupt as error:
            # skorch's callbacks stop training by KeyboardInterrupt, too, between iterations.
            self.interrupted_ = not (self.complete_ and is_raised_by_code(error))
        if not self.complete_:
            self.set_state(self.last_)
        self.last_ = None
        return self

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        """Stop if a callback requested it or the held-out score stopped improving."""
        if self.asked_to_stop_:
            raise StopTraining
        if self.patience is not None and dataset_valid is not None:
            waited = self.n_iter_ - max(self.best_iter_, self.first_iter_)
            if waited >= self.patience:
                raise StopTraining
        self.complete_ = False
        super().on_epoch_begin(net, dataset_train, dataset_valid, **kwargs)
        if self.tasks_ is not None:
            self.tasks_.begin()

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        """Save the state and notify scikit-learn's callbacks, which may request a stop."""
        super().on_epoch_end(net, dataset_train, dataset_valid, **kwargs)
        self.last_ = self.state()
        if self.checkpoint_ is not None:
            self.checkpoint_.offer(self.n_iter_, self.last_)
        if self.tasks_ is not None:
            self.asked_to_stop_ = self.tasks_.end()
        self.complete_ = True

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        """Do not record batches: the history keeps averages per iteration."""

    def on_batch_end(self, net, batch=None, training=False, **kwargs):
        """Count an update."""
        if self.pace_ is not None:
            self.pace_.count(self)

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Run the updates of one iteration, or the evaluation that follows."""
        if training:
            self._train_iteration(iterator, step_fn)
        elif iterator is not None:
            self._record_held_out(iterator)

    def current_rate(self):
        """Return the learning rate of the next update: a short warm-up, then the schedule."""
        rate = self.lr * min(1.0, (self.n_steps_ + 1) / WARM_UP_UPDATES)
        if self.schedule == "constant":
            return rate
        return rate / (1.0 + self.n_steps_ / DECAY_UPDATES)

    def average_mechanism(self, weights=None):
        """Return the auction with the averaged or the given weights, in float64."""
        network = copy.deepcopy(self.module_)
        network.load_state_dict(self.average_weights_ if weights is None else weights)
        return mechanism_of(network, self.scale, self.support, self.domain)

    def _train_iteration(self, batches, step_fn):
        """Run the updates of an iteration; repeat them with half the step size if they diverge."""
        for trial in range(1 + MOST_HALVINGS):
            sums = self._update(batches, step_fn)
            if self._is_sound(sums):
                break
            smaller = self.lr / 2
            if trial == MOST_HALVINGS:
                self.gave_up_ = True
                raise StopTraining
            self.last_["attributes"]["lr"] = smaller
            self.set_state(self.last_, history=False)
            warn_user(
                f"training diverged in iteration {self.n_iter_ + 1} (weights or losses were not "
                f"finite, or exploded): it continues from the last good weights with half the "
                f"step size, {smaller:.3g}",
                ConvergenceWarning,
            )
        self.n_iter_ += 1
        for name, total in sums.items():
            self.history.record(f"train_{name}", total / self.n_updates)

    def _update(self, batches, step_fn):
        """Run the updates of an iteration; return the sums of the values that steps return."""
        sums, weights = {}, self.module_.state_dict()
        averages = [self.average_weights_[name] for name in weights]
        for batch in batches:
            self.notify("on_batch_begin", batch=batch, training=True)
            step = step_fn(batch)
            self.n_steps_ += 1
            weight = (AVERAGING + 1) / (self.n_steps_ + AVERAGING) if self.average else 1.0
            torch._foreach_lerp_(averages, list(weights.values()), weight)
            for name, value in step.items():
                sums[name] = sums.get(name, 0.0) + value.detach()
            self.notify("on_batch_end", batch=batch, training=True, **step)
        return {name: float(total) for name, total in sums.items()}

    def _weights(self):
        return [w for name in self.trained for w in getattr(self, name).parameters() if w.numel()]

    @torch.no_grad()
    def _is_sound(self, sums):
        """Return whether losses and weights are finite and no weight has exploded."""
        if not all(math.isfinite(total) for total in sums.values()):
            return False
        # Comparisons with NaN are False.
        return all(bool(w.abs().max() < self.most_) for w in self._weights())

    def evaluate(self, profiles):
        """Evaluate the current weights on held-out profiles.

        Parameters
        ----------
        profiles : ndarray of shape (n, n_bidders, n_items)
            In units of the scale, in single precision.

        Returns
        -------
        Evaluation
        """
        report = measure_regret(
            self.average_mechanism(),
            profiles.astype(np.float64) * self.scale,
            support=self.support,
            domain=self.domain,
            effort=HELD_OUT_EFFORT,
            random_state=self.seed,
            verbose=False,
        )
        wanted, regrets = report.objectives / self.scale, report.regrets.sum(axis=1) / self.scale
        return Evaluation(wanted, regrets, copy.deepcopy(self.average_weights_))

    def score_of(self, evaluation):
        """Return the score of an evaluation, in units of the scale."""
        return float(self.domain.score(evaluation.revenue, evaluation.total_regret))

    def prefers(self, evaluation, best):
        """Return whether an evaluation beats the best so far, on the same profiles."""
        return self.score_of(evaluation) > self.score_of(best)

    def _record_held_out(self, valuations):
        """Evaluate the weights on held-out profiles and record the result in the history."""
        now = self._evaluate_held_out(valuations)
        self.history.record("best_iter", self.best_iter_)
        self.history.record(self.domain.objective_name, now.revenue)
        self.history.record("total_regret", now.total_regret)
        self.history.record("score", self.score_of(now))

    def _evaluate_held_out(self, valuations):
        """Evaluate the weights on held-out profiles and keep the best so far."""
        profiles = valuations[: self.n_held_out].cpu().numpy()
        if self.held_out_mark_ != (mark := zlib.crc32(profiles.tobytes())):
            # The profiles changed: earlier scores are not comparable.
            self.held_out_mark_, self.best_ = mark, None
        now = self.evaluate(profiles)
        if self.best_ is None or self.prefers(now, self.best_):
            self.best_, self.best_iter_ = now, self.n_iter_
        return now
