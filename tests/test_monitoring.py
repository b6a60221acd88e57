"""Callbacks of scikit-learn: called at every iteration, able to stop, and without side effects."""

import pickle

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from test_common import LEARNED, TABLE, make, predicted, profiles

from sklauction import RegretMonitor, VCGAuction, measure_regret

pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
pytestmark = pytest.mark.usefixtures("few_updates")


class Recorder:
    """Callback that records the hooks called, and stops or fails after a given iteration."""

    def __init__(self, stop_after=None, fail_after=None):
        self.stop_after, self.fail_after = stop_after, fail_after
        self.calls, self.outcomes = [], []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(f"begin {context.task_name} {context.task_id}")

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        self.calls.append(f"end {context.task_name} {context.task_id}")
        if fitted_estimator is not None:
            self.outcomes.append(fitted_estimator.predict(X).payments)
        if self.fail_after == context.task_id and context.task_name == "iteration":
            raise RuntimeError("the callback failed")
        return context.task_name == "iteration" and context.task_id == self.stop_after


@pytest.mark.parametrize("name", [name for name in LEARNED if "truthful" not in name])
def test_callbacks_are_called_at_every_iteration_and_change_nothing(name):
    recorder, valuations = Recorder(), profiles(name, 200)
    watched = make(name, max_iter=2).set_callbacks(recorder).fit(valuations)
    assert recorder.calls == [
        *("setup", "begin fit 0"),
        *("begin iteration 0", "end iteration 0", "begin iteration 1", "end iteration 1"),
        *("end fit 0", "teardown"),
    ]
    # Callbacks get a fitted copy of the auction at that iteration.
    assert len(recorder.outcomes) == 2
    assert not np.array_equal(*recorder.outcomes)
    alone = make(name, max_iter=2).fit(valuations)
    np.testing.assert_array_equal(predicted(watched, valuations), predicted(alone, valuations))


@pytest.mark.parametrize("name", [name for name in TABLE if name not in LEARNED])
def test_an_auction_without_iterations_is_one_task(name):
    recorder = Recorder()
    make(name).set_callbacks(recorder).fit(profiles(name))
    assert recorder.calls == ["setup", "begin fit 0", "end fit 0", "teardown"]


def test_a_callback_can_stop_training(valuations):
    auction = make("algnet-mlp", max_iter=5).set_callbacks(Recorder(stop_after=1)).fit(valuations)
    assert auction.n_iter_ == 2
    shorter = make("algnet-mlp", max_iter=2).fit(valuations)
    np.testing.assert_array_equal(predicted(auction, valuations), predicted(shorter, valuations))
    # The stop applies to that fit only.
    auction.set_callbacks().set_params(warm_start=True, max_iter=1).fit(valuations)
    assert auction.n_iter_ == 3


def test_a_failing_callback_leaves_the_auction_as_it_was(valuations):
    recorder = Recorder(fail_after=0)
    auction = make("algnet-mlp").set_callbacks(recorder)
    with pytest.raises(RuntimeError, match="the callback failed"):
        auction.fit(valuations)
    assert recorder.calls[-1] == "teardown"
    assert not hasattr(auction, "mechanism_") and not hasattr(auction, "scale_")
    assert not hasattr(auction, "_callback_fit_ctx")


def test_callbacks_are_torn_down_if_data_are_invalid(valuations):
    recorder = Recorder()
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        make("algnet-mlp").set_callbacks(recorder).fit(-valuations)
    assert recorder.calls == ["setup", "begin fit 0", "teardown"]


def test_monitor_logs_what_an_audit_finds(valuations):
    monitor = RegretMonitor(n_samples=30)
    auction = make("algnet-mlp", validation_fraction=0).set_callbacks(monitor).fit(valuations)
    (row,) = monitor.get_logs().data
    report = measure_regret(auction, valuations[:30], effort="quick", random_state=0)
    # With one iteration, the audited auction is the fitted one.
    assert row["revenue"] == pytest.approx(report.revenue, rel=1e-12)
    assert row["regret"] == pytest.approx(-report.total_regret, rel=1e-9)
    assert row["score"] == pytest.approx(report.score, rel=1e-9)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_monitor_follows_a_search(valuations, n_jobs):
    monitor = RegretMonitor(n_samples=20)
    game = make("algnet-mlp", max_iter=2).set_callbacks(monitor)
    GridSearchCV(game, {"activation": ["tanh", "relu"]}, cv=2, n_jobs=n_jobs).fit(valuations)
    # Two candidates in two folds and the refit, with two iterations each.
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "iteration"]
    assert len(rows) == 10
    assert len({row["parent_task_id_path"] for row in rows}) == 5


def test_progress_bar_shows_the_iterations_of_a_search(valuations, capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    search = GridSearchCV(make("algnet-mlp", max_iter=2), {"activation": ["tanh", "relu"]}, cv=2)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(valuations)
    printed = capsys.readouterr().out
    assert printed.count("ALGNetAuction - fit") == 5 and "100%" in printed


def test_search_calls_callbacks_without_a_warning(valuations):
    recorder = Recorder()
    recorder.max_propagation_depth = None
    search = GridSearchCV(VCGAuction(n_bidders=2), {"reserve": [0.0, 1.0]}, cv=2)
    search.set_callbacks(recorder).fit(valuations)
    assert any("fold" in call or "split" in call or "fit" in call for call in recorder.calls)


def test_only_callbacks_are_missing_with_older_scikit_learn(run_python):
    code = (
        "import sys, sklearn.model_selection, sklearn.pipeline, sklearn.preprocessing\n"
        "sys.modules['sklearn.callback'] = None\n"
        "import numpy as np\n"
        "from sklauction import RegretMonitor, RochetNetAuction\n"
        "V = np.random.RandomState(0).uniform(size=(50, 1, 2))\n"
        "auction = RochetNetAuction(max_iter=1, menu_size=4, random_state=0).fit(V)\n"
        "assert auction.predict(V).payments.shape == (50, 1)\n"
        "assert not hasattr(auction, 'set_callbacks')\n"
        "try: RegretMonitor()\n"
        "except ImportError as error: assert 'scikit-learn 1.9' in str(error)\n"
        "else: raise SystemExit('no error')\n"
    )
    run_python("-c", code)


def test_auctions_with_callbacks_can_be_copied(valuations):
    auction = make("algnet-mlp").set_callbacks(RegretMonitor(n_samples=10)).fit(valuations)
    again = pickle.loads(pickle.dumps(auction))
    np.testing.assert_array_equal(predicted(again, valuations), predicted(auction, valuations))
