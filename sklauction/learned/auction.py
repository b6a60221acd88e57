"""LearnedMechanism and LearnedAuction: the estimators around the training loop."""

from __future__ import annotations

import copy
import os
from typing import Self

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from skorch.callbacks import Callback

from sklauction.base import BaseAuction, BaseMechanism
from sklauction.learned.memory import naming_memory
from sklauction.learned.progress import IterationTasks, Pace, ProgressLine
from sklauction.learned.saved_state import check_state
from sklauction.learned.training import resolve_device
from sklauction.mechanism import run_in_chunks
from sklauction.persistence.checkpoint import Checkpoint, canonical, digest
from sklauction.persistence.codec import value_errors_only
from sklauction.utils.constraints import FLAG, SEED, SHARE, Constraint, count
from sklauction.utils.interrupts import calling_package
from sklauction.utils.numbers import largest
from sklauction.utils.restoring import all_or_nothing
from sklauction.utils.saving import fitted_rows
from sklauction.utils.types import Profiles
from sklauction.utils.validation import WIDEST_SUPPORT
from sklauction.utils.warning import warn_user

__all__ = ["LearnedAuction", "LearnedMechanism"]

UPDATES_PER_ITERATION = 100

# Parameters without influence on the result: a checkpoint is valid for any of their values.
WITHOUT_EFFECT = ("callbacks", "checkpoint", "checkpoint_every", "device", "resume", "verbose")
# What a message recommends if training was undone in favour of no classical auction.
CLASSICAL = "a classical auction such as MyersonAuction, which may be as good"
# Parameters that a checkpoint replaces by its own count of iterations and seed.
KNOWN_OTHERWISE = ("max_iter", "random_state", "warm_start")


def _are_callbacks(value):
    if value is None:
        return True
    given = value if isinstance(value, list | tuple) else [None]
    ones = [one[1] if isinstance(one, tuple) and len(one) == 2 else one for one in given]
    return all(isinstance(one, Callback) for one in ones)


def _is_device(value):
    if not isinstance(value, str | torch.device):
        return False
    try:
        torch.empty(0, device=resolve_device(value))
    except (RuntimeError, AssertionError, NotImplementedError):
        return False
    return True


CALLBACKS = Constraint(
    _are_callbacks,
    "None or a list of skorch.callbacks.Callback",
    (None, [], [Callback()], [("named", Callback())]),
)
DEVICE = Constraint(
    _is_device,
    "'auto' or a torch device that is available here",
    ("auto", "cpu", torch.device("cpu")),
)
FILE_PATH = Constraint(
    lambda value: value is None or (isinstance(value, str | os.PathLike) and bool(value)),
    "None or the path of a file",
    (None,),
)


class LearnedMechanism(BaseMechanism):
    """Base class of mechanisms that are trained by gradient steps.

    A subclass implements ``_make_net(valuations, seed) -> AuctionNet``, usually by
    ``SomeNet(rules, batch_size=..., **self._net_settings(seed))``, and has the parameters below
    and ``learning_rate_init``. It may override :meth:`_finish`.

    Attributes
    ----------
    mechanism_ : torch.nn.Module
        The fitted mechanism: reports to the fields of outcomes, of auctions in money, in float64.
    net_ : AuctionNet
        The state of training, on skorch. It is not saved in files.
    n_iter_ : int
        Number of iterations done.
    history_ : list of dict
        One row per iteration: the domain's objective (of auctions, revenue), total_regret and
        score on held-out profiles (regret as found by a short search), ``best_iter``, the best
        iteration so far (0 is the start), and training averages (in units of ``scale_``; regret
        as found by the misreporter).
    seed_ : int
        Drawn from ``random_state``. All random numbers of the fit derive from it.
    """

    _parameter_constraints = {
        **BaseMechanism._parameter_constraints,
        "max_iter": count(),
        "validation_fraction": SHARE,
        "warm_start": FLAG,
        "random_state": SEED,
        "verbose": FLAG | count(0),
        "callbacks": CALLBACKS,
        "device": DEVICE,
        "checkpoint": FILE_PATH,
        "checkpoint_every": count(),
        "resume": FLAG,
    }
    # Defaults for classes without these parameters.
    n_iter_no_change = None
    learning_rate = "constant"
    average = False

    # A subclass adds ``mechanism_``.
    _saved = {
        **BaseMechanism._saved,
        "n_iter_": count(0),
        "seed_": count(0),
        "history_": fitted_rows,
    }

    def partial_fit(self, X: Profiles, y: object = None) -> Self:
        """Train one iteration on X, keeping the networks and their optimizers.

        No profiles are held out: the mechanism uses the running average of the weights.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_agents, n_entries) or flat
            Types; for auctions valuations, in money.
        y : None
            Ignored.

        Returns
        -------
        self
            The mechanism after one more iteration.

        Raises
        ------
        ValueError
            If a parameter or X is invalid, or X has other sizes than in the first call.
        MemoryError
            If training needs more memory than there is.
        """
        self._check_parameters()
        first = not hasattr(self, "net_")
        with all_or_nothing(self), naming_memory(self):
            valuations = self._validate_profiles(X, reset=first)
            if first:
                self._start(valuations)
            self._train(valuations, None, 1)
        return self

    def __getstate__(self):
        # Pickle the mechanism on the CPU, so that it can be loaded without a GPU.
        state = super().__getstate__()
        if "mechanism_" in state:
            state = {**state, "mechanism_": copy.deepcopy(state["mechanism_"]).cpu()}
        return state

    def _continues(self):
        return self.warm_start and hasattr(self, "net_")

    def _fit(self, valuations):
        with naming_memory(self):
            self._prepare_and_train(valuations)

    def _prepare_and_train(self, valuations):
        n_iter = self.max_iter
        if not self._continues():
            kept = self._read_checkpoint(valuations)
            self._start(valuations, None if kept is None else kept[0].subject["seed"])
            if kept is not None:
                n_iter = self._resume_from(*kept)
        net = self.net_
        if self.checkpoint is not None and net.checkpoint_ is None:
            net.checkpoint_ = self._new_checkpoint(valuations)
            net.checkpoint_.try_out(net.state())
        train, held_out = self._split(valuations)
        self._train(train, held_out, n_iter)

    def _new_checkpoint(self, valuations):
        return Checkpoint(self.checkpoint, self.checkpoint_every, self._description(valuations))

    def _description(self, valuations):
        """Return the description of this fit by which a checkpoint is recognised."""
        parameters = self.get_params(deep=False)
        if parameters.get("anneal_iter", 0) is None:
            parameters["anneal_iter"] = self.max_iter
        left_out = WITHOUT_EFFECT + KNOWN_OTHERWISE
        return {
            "auction": type(self).__name__,
            "data": digest(valuations),
            "parameters": {k: canonical(v) for k, v in parameters.items() if k not in left_out},
            "seed": getattr(self, "seed_", None),
        }

    def _read_checkpoint(self, valuations):
        """Return the checkpoint to resume from; None if there is none or ``resume`` is False."""
        if not self.resume:
            return None
        subject = {**self._description(valuations), "seed": self._expected_seed()}
        try:
            kept = Checkpoint.read(self.checkpoint, self.checkpoint_every, subject)
        except FileNotFoundError:
            return None
        if isinstance(self.random_state, np.random.RandomState):
            self._draw_seed()  # advances it, as without a checkpoint
        return *kept, valuations

    def _resume_from(self, checkpoint, state, ended, valuations):
        """Set the net to a checkpoint's state; return the number of remaining iterations."""
        net = self.net_
        profiles = [self._normalise(part) for part in self._split(valuations)]
        try:
            with value_errors_only():
                check_state(net, state, *profiles)
                net.set_state(state)
                left = net.first_iter_ + self.max_iter - net.n_iter_
        except ValueError as error:
            raise ValueError(
                f"{os.fspath(self.checkpoint)} is not a checkpoint of this auction: {error}"
            ) from error
        checkpoint.try_out(state)
        net.checkpoint_, net.resumes_ = checkpoint, True
        return 0 if ended == self.max_iter else max(left, 0)

    def _check_parameters(self):
        super()._check_parameters()
        if self.resume and self.checkpoint is None:
            raise ValueError(
                "resume=True must come with checkpoint, the file to resume from; got None"
            )

    def _draw_seed(self):
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _expected_seed(self):
        """Return the seed that would be drawn, without drawing it; None if it is not determined."""
        if self.random_state is None:
            return None
        random = check_random_state(copy.deepcopy(self.random_state))
        return int(random.randint(np.iinfo(np.int32).max))

    def _start(self, valuations, seed=None):
        """Draw the seed, unless it is given, and build the networks."""
        self.seed_ = self._draw_seed() if seed is None else seed
        self.net_ = self._make_net(valuations, self.seed_).initialize()

    def _net_settings(self, seed):
        """Return the arguments that every net of this estimator is made with."""
        return {
            "seed": seed,
            "n_updates": UPDATES_PER_ITERATION,
            "domain": self.domain,
            "scale": self.scale_,
            "support": self.support_,
            "patience": self.n_iter_no_change,
            "schedule": self.learning_rate,
            "average": self.average,
            "lr": float(self._first_rate()),
            "device": resolve_device(self.device),
            "callbacks": self._net_callbacks(),
        }

    def _first_rate(self):
        """Return the first step size."""
        return self.learning_rate_init

    def _split(self, valuations):
        """Return training and held-out profiles; the seed determines which."""
        n_held_out = int(len(valuations) * self.validation_fraction)
        if n_held_out == 0:
            return valuations, None
        order = np.random.RandomState(self.seed_).permutation(len(valuations))
        return valuations[order[n_held_out:]], valuations[order[:n_held_out]]

    def _train(self, train, held_out, n_iter):
        net = self.net_
        net.max_epochs = n_iter
        net.move_to(resolve_device(self.device))
        if hasattr(self, "_callback_fit_ctx"):  # set by scikit-learn during fit
            seen = train if held_out is None else held_out
            net.tasks_ = IterationTasks(self, self._callback_fit_ctx, seen, self._as_if_fitted)
        net.pace_ = None if self.verbose else Pace(self, n_iter)
        before = net.state()
        try:
            net.partial_fit((self._normalise(train), self._normalise(held_out)))
            self._conclude(n_iter)
            self._adopt(train, held_out)
        except BaseException:
            net.set_state(before)
            raise
        finally:
            net.tasks_, net.checkpoint_, net.pace_, net.resumes_ = None, None, None, False

    def _adopt(self, train, held_out):
        """Set the attributes that training leaves."""
        net = self.net_
        best = None if held_out is None or net.best_ is None else net.best_.weights
        self.mechanism_ = net.average_mechanism(best)
        self.n_iter_ = net.n_iter_
        self.history_ = [self._in_money(row) for row in net.history.to_list()]
        self._finish(train)

    def _finish(self, train):
        """Set fitted attributes that are made from ``mechanism_``, after training."""

    def _conclude(self, n_iter):
        """Write the last checkpoint, and warn if training ended early.

        After Ctrl-C, raise KeyboardInterrupt if the fit was called by a package: a search must not
        take the auction for a complete one, nor go on.
        """
        net = self.net_
        if net.checkpoint_ is not None:
            ended = None if net.interrupted_ else self.max_iter
            net.checkpoint_.write(net.n_iter_, net.state(), ended)
        if net.interrupted_ and (caller := calling_package(self)):
            raise KeyboardInterrupt(f"a fit of {type(self).__name__}, called by {caller}")
        done = net.n_iter_ - net.first_iter_
        if net.gave_up_:
            warn_user(
                f"training diverged in iteration {net.n_iter_ + 1} for all step sizes down to "
                f"{net.lr:.3g}: it ended after {done} iterations, whose weights are used. Try a "
                f"smaller learning_rate_init, or check the valuations for extreme values",
                ConvergenceWarning,
            )
        if net.interrupted_:
            warn_user(
                f"fit was interrupted: the auction uses the {done} complete iterations of {n_iter}"
            )

    def _as_if_fitted(self):
        return {"mechanism_": self.net_.average_mechanism()}

    def _planned_iterations(self):
        return self.max_iter

    def _normalise(self, valuations):
        """Return valuations in units of the scale, as a tensor on the net's device."""
        if valuations is None:
            return None
        if largest(valuations) > WIDEST_SUPPORT * self.scale_:
            raise ValueError(
                f"X must hold values of at most {WIDEST_SUPPORT:g} times scale_, which is "
                f"{self.scale_:.3g}; got {largest(valuations)}"
            )
        scaled = torch.as_tensor(valuations / self.scale_, dtype=torch.float32)
        return scaled.to(self.net_.device)

    def _net_callbacks(self):
        bar = [ProgressLine(self.domain, self.scale_)] if self.verbose else []
        return [*(self.callbacks or []), *bar]

    def _in_money(self, row):
        domain, scale = self.domain, self.scale_
        unit = {domain.objective_name: scale, "total_regret": scale}
        unit["score"] = scale**domain.score_power
        skipped = ("batches", "epoch")
        kept = {name: value for name, value in row.items() if name not in skipped}
        return {name: value * unit[name] if name in unit else value for name, value in kept.items()}

    def _run(self, reports):
        return run_in_chunks(self.mechanism_, reports, self.domain)


class LearnedAuction(LearnedMechanism, BaseAuction):
    """Base class of learned auctions.

    Attributes
    ----------
    kept_start_ : bool
        Whether the auction is the untrained one: no iteration was better on the held-out
        profiles, or none was completed. False for auctions saved by versions that did not
        record it.
    """

    _parameter_constraints = {
        **BaseAuction._parameter_constraints,
        **LearnedMechanism._parameter_constraints,
    }
    _saved = {**BaseAuction._saved, **LearnedMechanism._saved}

    @property
    def kept_start_(self) -> bool:
        """Whether the auction is the untrained one."""
        return _keeps_start(self.history_)

    def _conclude(self, n_iter):
        super()._conclude(n_iter)
        net = self.net_
        rows = net.history.to_list()
        earlier = rows[: net.first_iter_]
        if n_iter and rows and _keeps_start(rows) and not (earlier and _keeps_start(earlier)):
            self._warn_of_start()

    def _warn_of_start(self):
        """Warn that training was undone."""
        same = self._classical_start()
        simpler = f"{same}, which is that start" if same else CLASSICAL
        warn_user(
            "training was undone: no iteration was better on the held-out profiles than the start, "
            f"which the auction keeps. Try more profiles, a larger max_iter, or {simpler} and is "
            "simpler"
        )

    def _classical_start(self):
        """Return the name of the classical auction that training starts from, or None."""
        return None


def _keeps_start(history):
    """Return whether weights are the initial ones after the iterations of a history."""
    return not history or history[-1].get("best_iter") == 0
