"""One fit loop for every learned auction, on skorch, and the estimator around it.

An *iteration* (a skorch epoch) is a fixed number of updates on mini-batches drawn from the
training profiles, then one audited look at the held-out ones. All randomness of iteration
``t`` comes from a generator made of (seed, t), so nothing but weights and optimizers has to
be kept to continue a fit, bit for bit. Nothing in an update depends on how many will follow:
instead of a learning rate that falls to zero at a planned end, it falls like one over the number
of updates done, and the weights that are used are a running average over the last part of
training, at every moment.
"""

import copy
import zlib
from numbers import Real
from typing import NamedTuple

import numpy as np
import torch
from sklearn.utils import check_random_state
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.dataset import Dataset

from sklauction.base import BaseAuction
from sklauction.checks import check_count
from sklauction.economics import auction_score
from sklauction.mechanism import TorchMechanism, run_in_chunks
from sklauction.monitoring import IterationTasks
from sklauction.regret import measure_regret

__all__ = [
    "AuctionNet",
    "Batch",
    "Judgement",
    "LearnedAuction",
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
    ``module_`` is the network whose averaged copy becomes the auction.

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
        self.n_iter_, self.n_steps_ = 0, 0
        self.best_, self.best_iter_ = None, 0
        self.held_out_mark_ = None
        self.tasks_, self.asked_to_stop_ = None, False
        self.average_weights_ = copy.deepcopy(self.module_.state_dict())
        return self

    def get_split_datasets(self, X, y=None, **fit_params):
        """Take the pair (training profiles, held-out profiles or None) as it comes."""
        train, held_out = X
        return Dataset(train), None if held_out is None else Dataset(held_out)

    def get_iterator(self, dataset, training=False):
        """Sample batches in training; hand over all held-out profiles otherwise."""
        return BatchSampler(self, dataset.X) if training else dataset.X

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Note where this fit begins, and what training must beat, if the start may stay."""
        self.first_iter_, self.asked_to_stop_ = self.n_iter_, False
        held_out = None if X is None else X[1]
        if self.judge_first and self.n_iter_ == 0 and held_out is not None:
            self._judge_held_out(held_out)

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        """Stop, in skorch's way, when asked to or when the held-out score stopped improving."""
        if self.asked_to_stop_:
            raise KeyboardInterrupt
        if self.patience is not None and dataset_valid is not None:
            waited = self.n_iter_ - max(self.best_iter_, self.first_iter_)
            if waited >= self.patience:
                raise KeyboardInterrupt
        super().on_epoch_begin(net, dataset_train, dataset_valid, **kwargs)
        if self.tasks_ is not None:
            self.tasks_.begin()

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        """Tell scikit-learn's callbacks, any of which may ask to stop."""
        super().on_epoch_end(net, dataset_train, dataset_valid, **kwargs)
        if self.tasks_ is not None:
            self.asked_to_stop_ = self.tasks_.end()

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
        self.n_iter_ += 1
        for name, total in sums.items():
            self.history.record(f"train_{name}", float(total) / self.n_updates)

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


class LearnedAuction(BaseAuction):
    """Base class of auctions trained by gradient: fit, partial_fit, warm start, predict.

    A subclass gives ``_make_net(valuations, seed) -> AuctionNet`` and the parameters
    ``max_iter``, ``validation_fraction``, ``warm_start``, ``random_state``, ``verbose``,
    ``device``.

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
        valuations = self._validate_profiles(X, reset=first)
        if first:
            self._start(valuations)
        self._train(valuations, None, 1)
        return self

    def _continues(self):
        return self.warm_start and hasattr(self, "net_")

    def _fit(self, valuations):
        if not self._continues():
            self._start(valuations)
        train, held_out = self._split(valuations)
        self._train(train, held_out, self.max_iter)

    def _check_parameters(self):
        super()._check_parameters()
        check_count(self.max_iter, "max_iter")
        fraction = self.validation_fraction
        if not (isinstance(fraction, Real) and 0 <= fraction < 1):
            raise ValueError(f"validation_fraction must be in [0, 1); got {fraction!r}")
        resolve_device(self.device)

    def _start(self, valuations):
        """Draw the seed and build the players."""
        self.seed_ = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
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
        if hasattr(self, "_callback_fit_ctx"):  # scikit-learn's, while fit runs
            seen = train if held_out is None else held_out
            net.tasks_ = IterationTasks(self, self._callback_fit_ctx, seen, self._as_if_fitted)
        try:
            net.partial_fit((self._normalise(train), self._normalise(held_out)))
        finally:
            net.tasks_ = None
        best = net.best_.weights if held_out is not None else None
        self.mechanism_ = net.average_mechanism(best)
        self.n_iter_ = net.n_iter_
        self.history_ = [self._in_money(row) for row in net.history.to_list()]

    def _as_if_fitted(self):
        return {"mechanism_": self.net_.average_mechanism()}

    def _planned_iterations(self):
        return self.max_iter

    def _normalise(self, valuations):
        """Return valuations in units of the scale, as a tensor where the net is."""
        if valuations is None:
            return None
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
