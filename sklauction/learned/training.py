"""One fit loop for every learned auction, on skorch.

An *iteration* (a skorch epoch) is a fixed number of updates on mini-batches drawn from the
training profiles, then one audited look at the held-out ones. All randomness of iteration
``t`` comes from a generator made of (seed, t), so nothing but weights and optimizers has to
be kept to continue a fit, bit for bit. Nothing in an update depends on how many will follow:
instead of a learning rate that falls to zero at a planned end, it falls like one over the number
of updates done, and the weights that are used are a running average over the last part of
training, at every moment.
"""

import copy
import math
import warnings
import zlib
from typing import NamedTuple

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from skorch import NeuralNet
from skorch.dataset import Dataset
from skorch.history import History

from sklauction.audit.measure import measure_regret
from sklauction.economics import auction_score
from sklauction.mechanism import TorchMechanism

__all__ = [
    "AuctionNet",
    "Batch",
    "Judgement",
    "make_generator",
    "resolve_device",
]

# Averaging weight of update t is (AVERAGING + 1) / (t + AVERAGING): the average then looks
# back over about the last tenth of all updates.
AVERAGING = 8
WARM_UP_UPDATES = 50
# From about this update on the learning rate falls like one over the number of updates: the noise
# of small batches hides small regret until the step is small.
DECAY_UPDATES = 500
# The audit at the end of each iteration compares iterations on the same profiles, so that few
# profiles and a short search suffice to choose among them.
HELD_OUT_AUDITED = 128
HELD_OUT_EFFORT = "quick"
# Times that one iteration is tried again, each with half the step size, before training ends.
MOST_HALVINGS = 10
# Weights above this multiple of the largest first one, or of 1, have exploded: those of a fit that
# goes well stay below a hundred.
EXPLODED = 1e4


class Batch(NamedTuple):
    """What a training step works on.

    Attributes
    ----------
    profiles : Tensor of shape (batch_size, n_bidders, n_items)
        Valuations in units of ``scale_``.
    pool : Tensor of shape (n_samples, n_bidders, n_items)
        All training profiles.
    generator : torch.Generator
        For every draw of the step; on the CPU.
    rows : Tensor of shape (batch_size,)
        Where these profiles are in the pool.
    """

    profiles: torch.Tensor
    pool: torch.Tensor
    generator: torch.Generator
    rows: torch.Tensor


class Judgement(NamedTuple):
    """What held-out profiles say of weights. Money is in units of the scale.

    Attributes
    ----------
    revenues, regrets : ndarray of shape (n,)
        Total payment and total regret of each profile.
    weights : dict of {str: Tensor}
    """

    revenues: np.ndarray
    regrets: np.ndarray
    weights: dict

    @property
    def revenue(self):
        """``P``."""
        return float(self.revenues.mean())

    @property
    def total_regret(self):
        """``R``."""
        return float(self.regrets.mean())

    @property
    def score(self):
        """``sqrt(P) - sqrt(R)``."""
        return auction_score(self.revenue, self.total_regret)


def make_generator(seed, iteration):
    """Return a CPU generator that depends on (seed, iteration) alone."""
    state = np.random.SeedSequence([seed, iteration]).generate_state(1, np.uint64)
    generator = torch.Generator()
    generator.manual_seed(int(state[0] >> np.uint64(1)))
    return generator


def resolve_device(device):
    """Return the torch device for ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` ..."""
    if not isinstance(device, str | torch.device):
        raise ValueError(f"device must be 'auto' or a torch device; got {device!r}")
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        raise ValueError(
            f"device must be 'auto' or a torch device that is available here; got {device!r} "
            f"({str(error).splitlines()[0]})"
        ) from error
    return str(device)


def to_device(value, device):
    """Return a value with all tensors in it, however nested, on a device."""
    if torch.is_tensor(value):
        return value.to(device)
    if isinstance(value, dict):
        return {key: to_device(item, device) for key, item in value.items()}
    if isinstance(value, Judgement):
        return value._replace(weights=to_device(value.weights, device))
    return value


class Enough(Exception):
    """Ends training, with no more iterations."""


class BatchSampler:
    """Iterate over ``n_updates`` random batches of profiles for the net's next iteration."""

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
    """skorch net with averaged weights, held-out best weights and a horizon-free loop.

    A subclass gives ``initialize_module``, ``initialize_optimizer`` and ``train_step``;
    ``module_`` is the network whose averaged copy becomes the auction. What training moves is
    named by ``trained``, modules whose weights it moves, and ``state_attributes``: by these
    :meth:`state` can go back to the last complete iteration.

    Parameters
    ----------
    module : type
        Class of the network.
    seed : int
    n_updates : int
        Updates per iteration.
    scale, support : float, ndarray
        Money unit and box of reports of the auction.
    patience : int or None
        Stop after this many iterations without a better held-out score.
    schedule : {"invscaling", "constant"}
        Learning rate: falling like one over the number of updates, or not.
    average : bool
        Whether the auction is the running average of the weights, or the last ones.
    **kwargs
        Parameters of :class:`skorch.NeuralNet`.
    """

    # Held-out profiles that are looked at after each iteration.
    n_held_out = HELD_OUT_AUDITED
    # Whether the untrained network is a candidate too.
    judge_first = False
    # What judged regret is to the true one: found by a search, hence at most as large.
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
        self, module, *, seed, n_updates, scale, support, patience, schedule, average, **kwargs
    ):
        super().__init__(module, criterion=torch.nn.Identity, train_split=None, verbose=0, **kwargs)
        self.seed = seed
        self.n_updates = n_updates
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
        self.resumes_, self.last_ = False, None
        self.average_weights_ = copy.deepcopy(dict(self.module_.state_dict()))
        self.most_ = EXPLODED * max(1.0, *(float(w.detach().abs().max()) for w in self._weights()))
        return self

    def state(self):
        """Return a copy of all that training moves.

        Returns
        -------
        dict
            Of plain values, tensors, and containers of these.
        """
        return copy.deepcopy(
            {
                "modules": {name: dict(getattr(self, name).state_dict()) for name in self.trained},
                "optimizer": self.optimizer_.state_dict(),
                "attributes": {name: getattr(self, name) for name in self.state_attributes},
                "history": self.history.to_list(),
            }
        )

    def set_state(self, state, *, history=True):
        """Go back to a state, or on to one from elsewhere.

        Parameters
        ----------
        state : dict
            As :meth:`state` returns it, of a net of the same sizes.
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
        """Go on training on another device."""
        if device == self.device:
            return
        state, self.device = self.state(), device
        for name in self.trained:
            getattr(self, name).to(device)
        self.set_state(state)

    def __getstate__(self):
        # Through main memory, so that a net trained on a GPU can be loaded where there is none:
        # skorch loads its networks to `device`.
        state = {**super().__getstate__(), "device": "cpu"}
        for name in self.state_attributes:
            if name in state:
                state[name] = to_device(state[name], "cpu")
        return state

    def get_split_datasets(self, X, y=None, **fit_params):
        """Take the pair (training profiles, held-out profiles or None) as it comes."""
        train, held_out = X
        return Dataset(train), None if held_out is None else Dataset(held_out)

    def get_iterator(self, dataset, training=False):
        """Sample batches in training; hand over all held-out profiles otherwise."""
        return BatchSampler(self, dataset.X) if training else dataset.X

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Note where this fit begins, and what training must beat, if the start may stay."""
        self.asked_to_stop_ = False
        if not self.resumes_:
            self.first_iter_ = self.n_iter_
        held_out = None if X is None else X[1]
        if self.judge_first and self.n_iter_ == 0 and held_out is not None:
            self._judge_held_out(held_out)

    def fit_loop(self, X, y=None, epochs=None, **kwargs):
        """Train; where that ends before its time, go back to the last complete iteration.

        Sets ``interrupted_`` (by Ctrl-C) and ``gave_up_`` (as weights diverged).
        """
        self.interrupted_, self.gave_up_, self.complete_ = False, False, True
        self.last_ = self.state()
        try:
            super().fit_loop(X, y, epochs, **kwargs)
        except Enough:
            pass
        except KeyboardInterrupt:
            # A callback of skorch's asks to stop in the same way, between iterations.
            self.interrupted_ = not self.complete_
        if not self.complete_:
            self.set_state(self.last_)
        self.last_ = None
        return self

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        """Stop when asked to, or when the held-out score stopped improving."""
        if self.asked_to_stop_:
            raise Enough
        if self.patience is not None and dataset_valid is not None:
            waited = self.n_iter_ - max(self.best_iter_, self.first_iter_)
            if waited >= self.patience:
                raise Enough
        self.complete_ = False
        super().on_epoch_begin(net, dataset_train, dataset_valid, **kwargs)
        if self.tasks_ is not None:
            self.tasks_.begin()

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        """Keep what was reached; tell scikit-learn's callbacks, any of which may ask to stop."""
        super().on_epoch_end(net, dataset_train, dataset_valid, **kwargs)
        self.last_ = self.state()
        if self.checkpoint_ is not None:
            self.checkpoint_.offer(self.n_iter_, self.last_)
        if self.tasks_ is not None:
            self.asked_to_stop_ = self.tasks_.end()
        self.complete_ = True

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        """Open no row per batch: the history keeps averages per iteration."""

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Run one iteration of updates, or the held-out audit that follows it."""
        if training:
            self._train_iteration(iterator, step_fn)
        elif iterator is not None:
            self._hold_out(iterator)

    def current_rate(self):
        """Return the learning rate of the coming update: after a short warm-up, the schedule."""
        rate = self.lr * min(1.0, (self.n_steps_ + 1) / WARM_UP_UPDATES)
        if self.schedule == "constant":
            return rate
        return rate / (1.0 + self.n_steps_ / DECAY_UPDATES)

    def average_mechanism(self, weights=None):
        """Return the auction that averaged (or the given) weights make, in float64."""
        network = copy.deepcopy(self.module_)
        network.load_state_dict(self.average_weights_ if weights is None else weights)
        return TorchMechanism.from_training(network, self.scale, self.support)

    def _train_iteration(self, batches, step_fn):
        """Do the updates of an iteration; where they diverge, again with half the step size."""
        for trial in range(1 + MOST_HALVINGS):
            sums = self._update(batches, step_fn)
            if self._is_sound(sums):
                break
            smaller = self.lr / 2
            if trial == MOST_HALVINGS:
                self.gave_up_ = True
                raise Enough
            self.last_["attributes"]["lr"] = smaller
            self.set_state(self.last_, history=False)
            warnings.warn(
                f"training diverged in iteration {self.n_iter_ + 1} (weights or losses were not "
                f"finite, or exploded): it goes on from the last good weights, with half the step "
                f"size, {smaller:.3g}",
                ConvergenceWarning,
                stacklevel=2,
            )
        self.n_iter_ += 1
        for name, total in sums.items():
            self.history.record(f"train_{name}", total / self.n_updates)

    def _update(self, batches, step_fn):
        """Do the updates of an iteration; return the sums of what the steps return."""
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
        """Say whether losses and weights are finite, and weights of a usual size."""
        if not all(math.isfinite(total) for total in sums.values()):
            return False
        # A NaN is not below anything.
        return all(bool(w.abs().max() < self.most_) for w in self._weights())

    def judge(self, profiles):
        """Return how the present weights do on held-out profiles, and those weights.

        Parameters
        ----------
        profiles : ndarray of shape (n, n_bidders, n_items)
            In units of the scale, in single precision.

        Returns
        -------
        Judgement
        """
        report = measure_regret(
            self.average_mechanism(),
            profiles.astype(np.float64) * self.scale,
            support=self.support,
            effort=HELD_OUT_EFFORT,
            random_state=self.seed,
            verbose=False,
        )
        revenues, regrets = report.revenues / self.scale, report.regrets.sum(axis=1) / self.scale
        return Judgement(revenues, regrets, copy.deepcopy(self.average_weights_))

    def prefers(self, judgement, best):
        """Say whether weights just judged replace the best so far; both on the same profiles."""
        return judgement.score > best.score

    def _hold_out(self, valuations):
        """Judge the weights on held-out profiles, and write it into the history."""
        now = self._judge_held_out(valuations)
        self.history.record("revenue", now.revenue)
        self.history.record("total_regret", now.total_regret)
        self.history.record("score", now.score)

    def _judge_held_out(self, valuations):
        """Judge the weights on held-out profiles and keep the best so far."""
        profiles = valuations[: self.n_held_out].cpu().numpy()
        if self.held_out_mark_ != (mark := zlib.crc32(profiles.tobytes())):
            # Other profiles than before: scores on the old ones do not compare.
            self.held_out_mark_, self.best_ = mark, None
        now = self.judge(profiles)
        if self.best_ is None or self.prefers(now, self.best_):
            self.best_, self.best_iter_ = now, self.n_iter_
        return now
