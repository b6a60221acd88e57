"""What a fit says about its duration: the bar, and a warning. With an injected clock."""

import re
from itertools import count

import pytest
import tqdm.std
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback
from test_common import make

from sklauction.learned import progress

# Updates per iteration, of the fixture.
N_UPDATES = 3
pytestmark = pytest.mark.usefixtures("few_updates")


@pytest.fixture
def clock(monkeypatch):
    """A function that sets the seconds that pass between two looks at the clock."""

    def pass_by(seconds):
        times = count(0.0, seconds)
        monkeypatch.setattr(progress, "perf_counter", lambda: next(times))
        monkeypatch.setattr(tqdm.std, "time", lambda: next(times))

    return pass_by


def long_fit(**changes):
    return make("algnet-mlp", max_iter=3, **changes)


def test_a_long_fit_warns_once_and_says_how_long(clock, valuations):
    clock(250)  # three iterations of three updates
    with pytest.warns(UserWarning, match="fit will take") as caught:
        long_fit().fit(valuations)
    caught = [one for one in caught if "fit will take" in str(one.message)]
    assert len(caught) == 1 and caught[0].filename == __file__
    said = str(caught[0].message)
    assert "about 38 minutes on this machine (3 iterations of 12 minutes)" in said
    assert "max_iter, batch_size, hidden_layer_sizes, n_refine_steps" in said


def test_a_long_fit_warns_before_the_second_iteration(clock, valuations):
    clock(250)
    seen = []

    class Look(Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.append(net.pace_.silent_)

    with pytest.warns(UserWarning, match="fit will take"):
        long_fit(callbacks=[Look()]).fit(valuations)
    assert seen == [True] * 3


def test_evaluations_count(clock, valuations, monkeypatch):
    passed = iter([0, 20, 40, 40 + 3000])  # the first update of the second iteration
    monkeypatch.setattr(progress, "perf_counter", lambda: next(passed))
    with pytest.warns(UserWarning, match="fit will take about 2.5 hours"):
        long_fit().fit(valuations)


# Warnings are errors here.
def test_fits_of_half_an_hour_and_fits_with_a_bar_say_nothing(clock, valuations):
    clock(190)
    long_fit().fit(valuations)
    clock(250)
    long_fit(verbose=1).fit(valuations)
    make("algnet-mlp", max_iter=1).partial_fit(valuations)


def test_a_fit_in_a_pipeline_says_nothing(clock, valuations):
    clock(250)
    make_pipeline(long_fit()).fit(valuations)


def test_a_pause_in_the_first_seconds_says_nothing(valuations, monkeypatch):
    monkeypatch.setattr(progress, "LONG", 50.0)
    passed = iter([0.0, progress.MEASURED - 1, *[progress.MEASURED] * 7])
    monkeypatch.setattr(progress, "perf_counter", lambda: next(passed))
    long_fit().fit(valuations)  # at the pace of the second update it would take 81 s


@pytest.mark.parametrize("name", ["algnet-mlp", "rochetnet"])
def test_the_bar_moves_within_an_iteration_and_shows_the_time_left(name, clock, valuations, capsys):
    clock(60)
    X = valuations[:, :1] if name == "rochetnet" else valuations
    make(name, max_iter=3, verbose=1).fit(X)
    states = re.findall(r"\| ([\d.]+)/3 \[([\d:]+)<([\d:?]+), ([^\r]*)", capsys.readouterr().err)
    done = [float(state[0]) for state in states]
    assert done == sorted(done) and done[0] == 0 < done[1] < 1 and done[-1] == 3
    # The time is unknown at the start only.
    assert [left == "?" for _, _, left, _ in states] == [True] + [False] * (len(states) - 1)
    assert "revenue=" in states[-1][3]


def test_the_bar_ends_at_all_iterations_after_one_that_was_repeated(clock, valuations, capsys):
    clock(60)

    class Spoil(Callback):
        def on_train_begin(self, net, **kwargs):
            self.done_ = False

        def on_batch_begin(self, net, **kwargs):
            if net.n_steps_ == 2 * N_UPDATES - 1 and not self.done_:
                self.done_ = True
                next(net.module_.parameters()).data.fill_(float("nan"))

    with pytest.warns(UserWarning, match="half the step size"):
        long_fit(verbose=1, callbacks=[Spoil()]).fit(valuations)
    assert "| 3.00/3 [" in capsys.readouterr().err.split("\r")[-1]
