"""Saving and loading: the loaded auction equals the saved one; other objects are refused."""

import functools
import json
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import expon, randint, uniform
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback
from test_common import TABLE, EqualShares, NamedPrior, make, predicted, profiles

import sklauction.persistence.container
from sklauction import (
    ALGNetAuction,
    CallableAuction,
    LinearProgramAuction,
    MyersonAuction,
    RochetNetAuction,
    SingleBuyerAuction,
    TruthfulAuction,
    VCGAuction,
    load_auction,
    save_auction,
)
from sklauction.datasets import Discrete, Mixture, load_setting
from sklauction.persistence.auctions import NOT_SAVED
from sklauction.persistence.container import FORMAT
from sklauction.utils.saving import savable

EXAMPLES = sorted((Path(__file__).parent / "data").glob("*.safetensors"))
SAVABLE = [name for name in TABLE if name != "callable"]
# Variants of an auction whose files hold the same classes as the others.
VARIANTS = ("-integral", "-lotteries", "-network", "-reserve", "-unit", "regretnet-attention")
SAVED_AUCTIONS = [
    pytest.param(name, marks=pytest.mark.stress) if name.endswith(VARIANTS) else name
    for name in SAVABLE
]
NOT_RESTORED = {"net_", *NOT_SAVED}
pytestmark = pytest.mark.usefixtures("few_updates")


def unfitted(name):
    """Return an auction of the table."""
    # The class of the table's prior cannot be saved.
    return make(name, **({"prior": uniform(0, 3)} if name == "single-buyer" else {}))


@functools.cache
def fitted(name):
    """Return a fitted auction of the table; tests must not change it."""
    return unfitted(name).fit(profiles(name))


def save_and_load(auction, path):
    if not hasattr(auction, "scale_"):
        auction.fit(np.ones((2, auction.n_bidders or 1, 2)))
    assert save_auction(auction, path) is None
    return load_auction(path)


def parameters_text(auction):
    """Return the repr of parameters without addresses."""
    return re.sub(" at 0x[0-9a-f]+", "", repr(auction.get_params()))


@pytest.mark.parametrize("name", SAVED_AUCTIONS)
def test_a_loaded_auction_equals_the_saved_one(name, path):
    auction, X = fitted(name), profiles(name)
    again = save_and_load(auction, path)
    assert type(again) is type(auction)
    assert set(vars(again)) - NOT_RESTORED == set(vars(auction)) - NOT_RESTORED
    assert parameters_text(again) == parameters_text(auction)
    # Bit for bit, inside and outside the support, and if it is saved again.
    for copy in (again, save_and_load(again, path)):
        for bids in (X, 5 * X):
            np.testing.assert_array_equal(predicted(copy, bids), predicted(auction, bids))
    assert again.score(X[:3]) == auction.score(X[:3])
    np.testing.assert_array_equal(again.support_, auction.support_)
    for attribute in ("scale_", "n_iter_", "history_", "seed_", "revenue_", "n_features_in_"):
        assert getattr(again, attribute, None) == getattr(auction, attribute, None)
    if hasattr(auction, "menu_"):
        for ours, theirs in zip(again.menu_, auction.menu_, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert str(again.menu_) == str(auction.menu_)
    if hasattr(auction, "mechanism_"):
        assert list(again.mechanism_.state_dict()) == list(auction.mechanism_.state_dict())
        weights = zip(again.mechanism_.parameters(), auction.mechanism_.parameters(), strict=True)
        assert all(ours.requires_grad == theirs.requires_grad for ours, theirs in weights)
    if hasattr(auction, "certify"):
        assert again.certify(X) == auction.certify(X)
        assert again.explain(X[0]) == auction.explain(X[0])


@pytest.mark.parametrize("name", ["bundle-pricing", "linear-program", "truthful"])
def test_a_loaded_auction_is_cloned_and_fitted_like_the_saved_one(name, path):
    again, X = save_and_load(fitted(name), path), profiles(name)
    expected = predicted(fitted(name), X)
    np.testing.assert_array_equal(predicted(clone(again).fit(X), X), expected)
    np.testing.assert_array_equal(predicted(again.fit(X), X), expected)


def test_training_of_a_loaded_auction_starts_from_the_beginning(path):
    X = profiles("rochetnet")
    auction = make("rochetnet", warm_start=True).fit(X)
    again = save_and_load(auction, path).fit(X)
    assert again.n_iter_ == 1
    np.testing.assert_array_equal(predicted(again, X), predicted(auction, X))
    assert save_and_load(auction, path).partial_fit(X).n_iter_ == 1
    assert auction.fit(X).n_iter_ == 2


class Recording(Callback):
    """Record a text, a flag and nothing in each row of the history."""

    def on_epoch_end(self, net, **kwargs):
        for key, value in (("said", "fine"), ("better", True), ("missing", None)):
            net.history.record(key, value)


def test_what_callbacks_record_in_the_history_is_kept(path):
    auction = make("rochetnet", callbacks=[Recording()]).fit(profiles("rochetnet"))
    (row,) = save_and_load(auction, path).history_
    assert row == auction.history_[0]
    assert (row["said"], row["better"], row["missing"]) == ("fine", True, None)


def test_an_auction_is_saved_after_fit_only(path):
    with pytest.raises(
        NotFittedError, match=r"^auction must be fitted to be saved; this VCGAuction"
    ):
        save_auction(VCGAuction(), path)
    assert not path.exists()


def test_names_of_columns_are_kept(path):
    frame = pd.DataFrame(profiles("vcg").reshape(-1, 4), columns=["a1", "a2", "b1", "bé"])
    again = save_and_load(VCGAuction(n_bidders=2).fit(frame), path)
    assert list(again.feature_names_in_) == list(frame.columns)
    again.predict(frame)
    with pytest.raises(ValueError, match="feature names"):
        again.predict(frame.rename(columns={"a1": "c1"}))


PRIORS = {
    "scipy": [[uniform(0, 1), expon(scale=2.0)]],
    "discrete of scipy": randint(1, 4),
    "with keywords": uniform(loc=1, scale=np.float64(2)),
    "atoms": Discrete([1, 2, 4], [0.5, 0.25, 0.25]),
    "mixture": Mixture([uniform(0, 3), Discrete([4], [1])], [0.75, 0.25]),
    "array": np.array([[uniform(0, 1), uniform(0, 2)]], dtype=object),
}


@pytest.mark.parametrize("kind", PRIORS)
def test_priors_are_kept(kind, path):
    X = profiles("vcg")
    auction = MyersonAuction(n_bidders=2, prior=PRIORS[kind]).fit(X)
    again = save_and_load(auction, path)
    np.testing.assert_array_equal(predicted(again, X), predicted(auction, X))
    for ours, theirs in zip(again.revenue_curve(item=1), auction.revenue_curve(item=1)):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", ["additive_1x2_uniform_416_47", "additive_1x2_triangle"])
def test_a_setting_is_kept(name, path):
    setting = load_setting(name)
    again = save_and_load(SingleBuyerAuction(prior=setting), path)
    X = setting.sample(20, random_state=0)
    np.testing.assert_array_equal(again.prior.sample(20, random_state=0), X)
    assert again.prior.published == setting.published
    expected = SingleBuyerAuction(prior=setting).fit(X)
    np.testing.assert_array_equal(predicted(again.fit(X), X), predicted(expected, X))


def test_the_state_of_a_random_generator_is_kept(path):
    random = np.random.RandomState(3)
    random.normal()  # numbers are drawn in pairs: the second one is in the state
    again = save_and_load(RochetNetAuction(random_state=random), path)
    np.testing.assert_array_equal(again.random_state.normal(size=5), random.normal(size=5))


@pytest.mark.parametrize(
    "parameters",
    [
        {"n_bidders": np.int64(2), "reserve": np.float32(0.5)},
        {"n_bidders": 2, "reserve": [[0.5, 0.25], [0, 1]], "n_items": 2},
        {"n_bidders": 2, "reserve": np.array([0.5, 0.25])},
    ],
)
def test_parameters_of_numpy_are_kept(parameters, path):
    again = save_and_load(VCGAuction(**parameters), path)
    np.testing.assert_array_equal(again.reserve, parameters["reserve"])
    assert again.n_bidders == 2


def test_an_array_in_several_places_is_stored_once(path):
    # All bidders share one virtual value, of 250,000 bytes.
    X = np.random.RandomState(0).uniform(size=(10, 9, 1))
    save_auction(MyersonAuction(n_bidders=9, prior=uniform()).fit(X), path)
    assert path.stat().st_size < 2 * 300_000


def test_a_network_trained_elsewhere_is_loaded_into_main_memory(path):
    auction = make("algnet-mlp").fit(profiles("algnet-mlp"))
    auction.device = "xla" if torch.cuda.is_available() else "cuda:7"  # one that is missing
    again = save_and_load(auction, path)
    assert again.device == auction.device
    X = profiles("algnet-mlp")
    np.testing.assert_array_equal(predicted(again, X), predicted(auction, X))
    with pytest.raises(ValueError, match="device must be"):
        again.fit(X)


def test_analytic_auctions_are_loaded_without_torch_in_a_fresh_process(path, run_python):
    X = profiles("myerson")
    auction = MyersonAuction(n_bidders=2, prior=PRIORS["mixture"]).fit(X)
    save_auction(auction, path)
    code = (
        "import sys, numpy as np\n"
        "from sklauction import load_auction, save_auction\n"
        f"auction = load_auction({str(path)!r})\n"
        "X = np.random.RandomState(0).uniform(0, 3, (40, 2, 2))\n"
        "sys.stdout.write(np.asarray(auction.predict(X)).tobytes().hex())\n"
        f"save_auction(auction, {str(path)!r})\n"
        "assert not [m for m in sys.modules if m.split('.')[0] in ('torch', 'skorch')]\n"
    )
    printed = run_python("-W", "error", "-c", code)
    assert bytes.fromhex(printed) == predicted(auction, X).tobytes()


# Loads each file in a fork, in which no module of an auction was imported before.
FRESH = """
import os, sys
from sklauction import load_auction
for path in sys.argv[1:]:
    child = os.fork()
    if not child:
        load_auction(path)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, path
"""


@pytest.mark.parametrize(
    "names", [["vcg", "algnet-pricing"], pytest.param(SAVABLE, marks=pytest.mark.stress)]
)
def test_files_are_loaded_in_a_fresh_process(names, tmp_path, run_python):
    paths = [tmp_path / f"{name}.safetensors" for name in names]
    for name, path in zip(names, paths, strict=True):
        save_auction(fitted(name), path)
    run_python("-c", FRESH, *paths)


def test_two_classes_of_one_name_are_refused():
    with pytest.raises(TypeError, match="class name 'Menu' must be unique"):
        savable(type("Menu", (), {}))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_files_of_earlier_versions_are_read(example):
    expected = json.loads(example.with_suffix(".json").read_text())
    auction = load_auction(example)
    allocations, payments = auction.predict(np.array(expected["bids"]))
    # Exponentials differ in the last place between processors.
    np.testing.assert_allclose(allocations, expected["allocations"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(payments, expected["payments"], rtol=0, atol=1e-12)


def test_there_are_examples_of_every_kind():
    kinds = {type(load_auction(example)).__name__ for example in EXAMPLES}
    assert kinds == {"ALGNetAuction", "BundlePricingAuction", "MyersonAuction", "RochetNetAuction"}


def test_a_file_of_a_later_format_names_both_versions(path, monkeypatch):
    monkeypatch.setattr(sklauction.persistence.container, "FORMAT", FORMAT + 1)
    monkeypatch.setattr(sklauction.persistence.container, "__version__", "7.3")
    save_auction(fitted("vcg"), path)
    monkeypatch.undo()
    expected = (
        f"{path.name} is not a saved auction: it has format '{FORMAT + 1}', written by "
        f"sklauction '7.3'; this is sklauction {sklauction.__version__}, which reads format "
        f"{FORMAT}"
    )
    with pytest.raises(ValueError, match=expected):
        load_auction(path)


def test_the_error_for_a_file_of_a_later_version_names_both_versions(path, monkeypatch):
    monkeypatch.setattr("sklauction.persistence.files.__version__", "7.3")
    save_auction(fitted("vcg"), path)
    monkeypatch.undo()
    load_auction(path)  # same format and content
    monkeypatch.setattr(VCGAuction, "_get_param_names", lambda: ["n_bidders", "n_items", "demand"])
    expected = rf"got 'reserve' \(written by sklauction '7.3'; this .* {sklauction.__version__}\)"
    with pytest.raises(ValueError, match=expected):
        load_auction(path)


class OwnNetwork(torch.nn.Module):
    """A network of a user."""


class OwnDistribution(type(uniform().dist)):
    """A distribution of a user."""


class OwnAuction(VCGAuction):
    """An auction of a user."""


def recursive_list():
    types = []
    types.append(types)
    return types


REFUSED = {
    "function": (CallableAuction(EqualShares()), r"^auction is CallableAuction\(function=Equal"),
    "function within": (
        TruthfulAuction(CallableAuction(EqualShares())),
        r"^auction is CallableAuction\(function=EqualShares\(\)\), which cannot be saved without p",
    ),
    "network": (ALGNetAuction(architecture=OwnNetwork), r"^architecture is <class .*OwnNetwork"),
    "network within": (
        TruthfulAuction(ALGNetAuction(architecture=OwnNetwork)),
        r"^auction\.architecture is <class .*OwnNetwork",
    ),
    "distribution": (
        MyersonAuction(prior=[[uniform(), OwnDistribution(name="own")()]]),
        r"^prior\[0\]\[1\] is <",
    ),
    "frozen distribution": (
        SingleBuyerAuction(prior=NamedPrior(uniform, 0, 3)),
        r"^prior is uniform\(0, 3\), which cannot be saved",
    ),
    "subclass": (OwnAuction(), r"^auction is OwnAuction\(\)"),
    "other generator": (
        RochetNetAuction(random_state=np.random.RandomState(np.random.PCG64(0))),
        "random_state must draw by .*MT19937 to be saved; got PCG64",
    ),
    "complex": (VCGAuction(reserve=np.array([1j])), "reserve is an array of complex128"),
    "long double": (VCGAuction(reserve=np.ones(2, np.longdouble)), "reserve is an array of float"),
    "endless": (LinearProgramAuction(types=recursive_list()), "nested too deeply"),
    "search": (GridSearchCV(VCGAuction(), {}), "for a search, its best_estimator_"),
    "outcome": (
        fitted("vcg").predict(profiles("vcg")[:1]),
        "^auction must be an auction estimator of this package",
    ),
    "class": (VCGAuction, "^auction must be an auction estimator"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_objects_that_need_pickle_are_refused(kind, path):
    auction, message = REFUSED[kind]
    save_auction(fitted("vcg"), path)
    before = path.read_bytes()
    with pytest.raises(TypeError, match=message):
        save_auction(auction, path)
    assert path.read_bytes() == before and os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"n_bidders": 3}, "got: n_features_in_ must be n_bidders"),
        ({"n_items": 3}, "got: n_items_ must be n_items=3; got 2"),
        ({"architecture": "pricing"}, "got: mechanism_ must be a PricingMechanism of"),
        ({"activation": "gelu"}, "got: activation must be one of"),
    ],
)
def test_parameters_changed_after_fit_are_refused(changes, message, path):
    auction = clone(fitted("algnet-mlp"))
    vars(auction).update(vars(fitted("algnet-mlp")))
    with pytest.raises(ValueError, match=message):
        save_auction(auction.set_params(**changes), path)
    assert not os.listdir(path.parent)
