"""Fits that are killed or interrupted, run out of disk space, or diverge."""

import json
import pickle
import secrets

import numpy as np
import pytest
import torch
from interrupting import N_UPDATES, AtUpdate, interrupt
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback, EarlyStopping
from test_common import learned_attributes, make, predicted, profiles

from sklauction import ALGNetAuction
from sklauction.learned.training import MOST_HALVINGS, AuctionNet
from sklauction.persistence.codec import Encoder

# All kinds of nets, searchers and objectives.
SOME = [
    "affine-network",
    "algnet-attention",
    "algnet-mlp",
    "algnet-pricing",
    "bundle-pricing-lotteries",
    "regretnet",
    "regretnet-attention",
    "rochetnet",
]
QUICK = ("algnet-mlp", "bundle-pricing-lotteries", "regretnet", "rochetnet")
GAMES = [name for name in SOME if name.startswith(("algnet", "regretnet"))]


def every(names):
    """Return the parameter ``name``; all names but the quick ones run in ``make stress``."""
    stress = pytest.mark.stress
    return pytest.mark.parametrize(
        "name", [name if name in QUICK else pytest.param(name, marks=stress) for name in names]
    )


@pytest.fixture(autouse=True)
def short_iterations(monkeypatch):
    """Short iterations: the tests concern the time between them."""
    monkeypatch.setattr("sklauction.learned.auction.UPDATES_PER_ITERATION", N_UPDATES)


@pytest.fixture
def run(run_python):
    """Return the output of tests/kill_fits.py, in one thread because it forks."""
    return lambda *arguments: json.loads(
        run_python("kill_fits.py", *arguments, OMP_NUM_THREADS="1")
    )


# Number of signals, and the fits; all fits in the full version.
HOW_OFTEN = pytest.mark.parametrize(
    "n, names",
    [
        ("2", ["regretnet"]),
        pytest.param("70", [], marks=pytest.mark.stress),
        pytest.param("30", [], marks=pytest.mark.stress, id="30-fresh"),
    ],
)


@pytest.fixture
def seed(request):
    """A fixed seed, or in the cases called "fresh" a new one, which a failure shows."""
    drawn = secrets.randbelow(10**6) if "fresh" in request.node.callspec.id else 0
    print(f"seed {drawn}")
    return drawn


@HOW_OFTEN
def test_killed_fits_resume_bit_for_bit(n, names, seed, run):
    counts = run("kill", n, seed, *names)
    assert counts["kills"] >= int(n) and not counts["different"], counts
    assert counts["resumed"] > 0 or seed  # by chance none of few fits is


@HOW_OFTEN
def test_ctrl_c_leaves_an_auction_that_can_be_continued(n, names, seed, run):
    counts = run("interrupt", n, seed, *names)
    assert counts["before"] + counts["interrupted"] == int(n), counts
    assert not counts["ignored"] and not counts["wrong"], counts
    assert counts["interrupted"] > 0 or seed


@pytest.mark.parametrize(
    "n",
    [
        "3",
        pytest.param("20", marks=pytest.mark.stress),
        pytest.param("10", marks=pytest.mark.stress, id="10-fresh"),
    ],
)
def test_ctrl_c_ends_a_search(n, seed, run):
    counts = run("search", n, seed)
    # Two candidates in two folds, and the best.
    assert counts == {"undisturbed": "complete", "fits": 5, "wrong": []}


@pytest.mark.parametrize("n", ["2", pytest.param("20", marks=pytest.mark.stress)])
def test_a_full_disk_is_reported_before_training_and_does_not_stop_it_later(n, run):
    counts = run("full", n)
    assert len(counts["before"]) + len(counts["during"]) == int(n)
    for kind, message in counts["before"]:
        assert kind == "OSError" and "checkpoint must be a file that can be written" in message
    for (said,) in counts["during"]:
        assert (
            "after 3 iterations could not be written" in said
            and "the last checkpoint is that of iteration 2" in said
        )
    # The old checkpoint is whole, or the new one, and no drafts are left.
    assert not counts["wrong"], counts


@every(SOME)
def test_an_interrupted_fit_has_its_complete_iterations(name):
    X = profiles(name)
    auction = make(name, max_iter=3, warm_start=True, callbacks=[AtUpdate(2, interrupt)])
    with pytest.warns(UserWarning, match="interrupted: .* the 2 complete iterations of 3"):
        auction.fit(X)
    whole = make(name, max_iter=2).fit(X)
    np.testing.assert_array_equal(predicted(auction, X), predicted(whole, X))
    assert auction.history_ == whole.history_ and auction.n_iter_ == 2
    # It can be continued, also in another process.
    auction = pickle.loads(pickle.dumps(auction.set_params(max_iter=2)))
    expected = make(name, max_iter=4).fit(X)
    np.testing.assert_array_equal(predicted(auction.fit(X), X), predicted(expected, X))


def test_a_fit_interrupted_in_its_first_iteration_has_the_first_weights(valuations):
    auction = make("algnet-mlp", callbacks=[AtUpdate(0, interrupt)])
    with pytest.warns(UserWarning, match="the 0 complete iterations of 1"):
        auction.fit(valuations)
    assert auction.n_iter_ == 0 and auction.history_ == []
    assert np.isfinite(predicted(auction, valuations)).all()


def test_a_fit_interrupted_before_training_sets_nothing(valuations, monkeypatch):
    monkeypatch.setattr(ALGNetAuction, "_start", lambda *_: interrupt(None))
    auction = make("algnet-mlp")
    for method in (auction.fit, auction.partial_fit):
        with pytest.raises(KeyboardInterrupt):
            method(valuations)
        assert not learned_attributes(auction)


def test_early_stopping_by_skorch_is_not_an_interruption(valuations):
    stop = EarlyStopping(monitor="train_loss", patience=1, sink=lambda text: None)
    auction = make("algnet-mlp", max_iter=9, learning_rate_init=10.0, callbacks=[stop])
    auction.fit(valuations)  # warnings are errors here
    assert 1 < auction.n_iter_ < 9 and len(auction.history_) == auction.n_iter_


def test_a_failing_callback_leaves_a_continued_fit_as_it_was(valuations):
    def fail(net):
        raise RuntimeError("not today")

    auction = make("algnet-mlp", max_iter=2, warm_start=True).fit(valuations)
    before, state = dict(vars(auction)), auction.net_.state()
    auction.net_.callbacks_.append(("fail", AtUpdate(3, fail).initialize()))
    with pytest.raises(RuntimeError, match="not today"):
        auction.fit(valuations)
    assert vars(auction) == before
    assert plain(auction.net_.state()) == plain(state)


def test_ctrl_c_after_training_leaves_a_continued_fit_as_it_was(valuations, monkeypatch):
    auction = make("algnet-mlp", max_iter=2, warm_start=True).fit(valuations)
    before, state = dict(vars(auction)), auction.net_.state()
    monkeypatch.setattr(ALGNetAuction, "_finish", lambda *_: interrupt(None))
    with pytest.raises(KeyboardInterrupt):
        auction.fit(valuations)
    assert vars(auction) == before
    assert plain(auction.net_.state()) == plain(state)


def plain(state):
    encoder = Encoder()
    content = encoder.encode(state, "")
    return content, [array.tobytes() for array in encoder.arrays.values()]


# Checkpoints


@pytest.fixture
def checkpoint(tmp_path):
    return tmp_path / "fit.checkpoint"


def killed(name, checkpoint, valuations, after=1, **changes):
    """Write the checkpoint of a fit that fails."""

    def die(net):
        raise RuntimeError("dead")

    callbacks = [AtUpdate(after, die)]
    with pytest.raises(RuntimeError, match="dead"):
        make(name, checkpoint=checkpoint, callbacks=callbacks, **changes).fit(valuations)


@every(SOME)
def test_a_fit_resumes_bit_for_bit(name, checkpoint):
    X = profiles(name)
    killed(name, checkpoint, X, max_iter=2)
    resumed = make(name, max_iter=2, checkpoint=str(checkpoint), resume=True).fit(X)
    whole = make(name, max_iter=2).fit(X)
    np.testing.assert_array_equal(predicted(resumed, X), predicted(whole, X))
    assert resumed.history_ == whole.history_ and resumed.seed_ == whole.seed_


def test_resume_keeps_a_random_seed(valuations, checkpoint):
    killed("algnet-mlp", checkpoint, valuations, max_iter=2, random_state=None)
    same = {"max_iter": 2, "checkpoint": checkpoint, "resume": True}
    resumed = make("algnet-mlp", **same, random_state=None).fit(valuations)
    whole = make("algnet-mlp", max_iter=2, random_state=None)
    whole._draw_seed = lambda: resumed.seed_
    whole.fit(valuations)
    np.testing.assert_array_equal(predicted(resumed, valuations), predicted(whole, valuations))


IMPATIENT = {"max_iter": 9, "n_iter_no_change": 1, "learning_rate_init": 10.0}


@pytest.mark.parametrize("changes", [{"max_iter": 2}, IMPATIENT])
def test_a_fit_that_ended_resumes_at_its_end(changes, valuations, checkpoint):
    first = make("algnet-mlp", **changes, checkpoint=checkpoint).fit(valuations)
    assert first.n_iter_ < 9
    again = clone(first).set_params(resume=True).fit(valuations)
    assert again.history_ == first.history_
    np.testing.assert_array_equal(predicted(again, valuations), predicted(first, valuations))


class StopAfterOne(Callback):
    def on_epoch_end(self, net, **kwargs):
        raise KeyboardInterrupt  # as skorch's own callbacks stop training


def test_a_fit_that_a_callback_ended_is_not_continued(valuations, checkpoint):
    first = make("algnet-mlp", max_iter=3, checkpoint=checkpoint, callbacks=[StopAfterOne()])
    assert first.fit(valuations).n_iter_ == 1
    again = clone(first).set_params(resume=True, callbacks=None).fit(valuations)
    assert again.n_iter_ == 1 and again.history_ == first.history_


def test_a_complete_fit_can_be_extended(valuations, checkpoint):
    first = make("algnet-mlp", max_iter=2, checkpoint=checkpoint).fit(valuations)
    longer = clone(first).set_params(resume=True, max_iter=3).fit(valuations)
    assert longer.history_ == make("algnet-mlp", max_iter=3).fit(valuations).history_


def test_an_interrupted_fit_writes_a_checkpoint(valuations, checkpoint):
    auction = make("algnet-mlp", max_iter=3, checkpoint=checkpoint, checkpoint_every=9)
    with pytest.warns(UserWarning, match="interrupted"):
        auction.set_params(callbacks=[AtUpdate(2, interrupt)]).fit(valuations)
    resumed = clone(auction).set_params(resume=True, callbacks=None).fit(valuations)
    assert resumed.history_ == make("algnet-mlp", max_iter=3).fit(valuations).history_


def test_checkpoints_are_written_every_few_iterations(valuations, checkpoint):
    seen = []

    class Look(Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.append(checkpoint.exists())
            checkpoint.unlink(missing_ok=True)

    make(
        "rochetnet", max_iter=5, checkpoint=checkpoint, checkpoint_every=2, callbacks=[Look()]
    ).fit(valuations[:, :1])
    assert seen == [False, True, False, True, False] and checkpoint.exists()


def test_a_second_fit_with_warm_start_resumes(valuations, checkpoint):
    auction = make("algnet-mlp", max_iter=2, warm_start=True, checkpoint=checkpoint)
    auction.fit(valuations).fit(valuations)
    resumed = clone(auction).set_params(resume=True).fit(valuations)
    assert resumed.n_iter_ == 4 and resumed.history_ == auction.history_


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"learning_rate_init": 0.5}, "learning_rate_init was 0.02 and is 0.5"),
        ({"support": np.array([0.0, 4.0])}, r"support was None and is \[0.0, 4.0\]"),
        ({"random_state": 1}, "random_state was different"),
    ],
)
def test_resume_refuses_the_checkpoint_of_another_fit(changes, message, valuations, checkpoint):
    make("algnet-mlp", checkpoint=checkpoint).fit(valuations)
    kept = checkpoint.read_bytes()
    other = make("algnet-mlp", checkpoint=checkpoint, resume=True, **changes)
    with pytest.raises(ValueError, match=f"of the same fit .*{message}"):
        other.fit(valuations)
    assert checkpoint.read_bytes() == kept and not hasattr(other, "n_items_")


def test_resume_refuses_other_data_other_auctions_and_damaged_files(valuations, checkpoint):
    auction = make("algnet-mlp", checkpoint=checkpoint, resume=True).fit(valuations)
    with pytest.raises(ValueError, match="X was different"):
        clone(auction).fit(valuations[:-1])
    with pytest.raises(ValueError, match="it is of ALGNetAuction, not RegretNetAuction"):
        make("regretnet", checkpoint=checkpoint, resume=True).fit(valuations)
    damaged = bytearray(checkpoint.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    checkpoint.write_bytes(damaged)
    with pytest.raises(ValueError, match=r"is not a saved checkpoint: .*checksum"):
        clone(auction).fit(valuations)
    clone(auction).set_params(resume=False).fit(valuations)  # replaces the file
    clone(auction).fit(valuations)


def test_unwritable_paths_are_refused_before_training(valuations, tmp_path, monkeypatch):
    monkeypatch.setattr(AuctionNet, "fit_loop", lambda *_, **__: pytest.fail("trained"))
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "none" / "at all", tmp_path / "file" / "below"):
        auction = make("algnet-mlp", checkpoint=path)
        with pytest.raises(OSError, match="checkpoint must be a file that can be written"):
            auction.fit(valuations)
        assert not hasattr(auction, "n_items_")


def test_resume_without_a_checkpoint_is_refused(valuations):
    with pytest.raises(ValueError, match="resume=True must come with checkpoint"):
        make("algnet-mlp", resume=True).fit(valuations)


# Divergence


def spoil_weights(net):
    with torch.no_grad():
        next(net.module_.parameters()).fill_(float("nan"))


def enlarge_weights(net):
    with torch.no_grad():
        next(net.module_.parameters()).mul_(1e9)


def spoil_averages(net):
    state = net.optimizer_.state_dict()["state"]
    state[0]["exp_avg"].fill_(float("inf"))


@every(SOME)
@pytest.mark.parametrize("spoil", [spoil_weights, enlarge_weights, spoil_averages])
def test_a_diverging_iteration_is_repeated_with_half_the_step_size(name, spoil):
    X = profiles(name)
    once = AtUpdate(1, spoil)
    with pytest.warns(ConvergenceWarning, match="iteration 2 .* half the step size") as said:
        auction = make(name, max_iter=3, callbacks=[once]).fit(X)
    said = [one for one in said if one.category is ConvergenceWarning]
    assert len(said) == 1 and auction.n_iter_ == len(auction.history_) == 3
    untroubled = make(name, max_iter=3).fit(X)
    assert auction.net_.lr == untroubled.net_.lr / 2
    assert auction.history_[0] == untroubled.history_[0]
    assert np.isfinite(predicted(auction, X)).all()


@every(SOME)
def test_divergence_for_all_step_sizes_keeps_the_last_good_weights(name):
    X = profiles(name)
    always = AtUpdate(1, spoil_weights, always=True)
    with pytest.warns(ConvergenceWarning) as said:
        auction = make(name, max_iter=3, callbacks=[always]).fit(X)
    said = [one for one in said if one.category is ConvergenceWarning]
    assert len(said) == MOST_HALVINGS + 1
    assert "ended after 1 iterations" in str(said[-1].message)
    whole = make(name, max_iter=1).fit(X)
    assert auction.history_ == whole.history_
    assert np.isfinite(predicted(auction, X)).all()
    assert all(torch.isfinite(w).all() for w in auction.mechanism_.state_dict().values())


@every(GAMES)
@pytest.mark.parametrize("rate", [1e6, 1e30])
def test_absurd_step_sizes_end_in_finite_auctions(name, rate):
    X = profiles(name)
    with pytest.warns(ConvergenceWarning) as said:
        auction = make(name, learning_rate_init=rate).fit(X)
    assert "half the step size" in str(said[0].message)
    assert np.isfinite(predicted(auction, X)).all()
    assert all(torch.isfinite(w).all() for w in auction.mechanism_.state_dict().values())
