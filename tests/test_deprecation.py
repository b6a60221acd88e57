"""Deprecated names work and warn, and are removed when their time is over."""

import ast
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone

import sklauction
from sklauction.utils import sample_tests
from sklauction.utils.deprecation import removal_of, renamed, renamed_parameters, warn_deprecated

ROOT = Path(sklauction.__file__).parent


@renamed_parameters(since="0.2", n="number")
def double(number, *, times=1):
    return 2 * number * times


@renamed_parameters(since="0.2", bidders="n_bidders")
class Estimator(BaseEstimator):
    def __init__(self, n_bidders=1):
        self.n_bidders = n_bidders


def expect(message):
    return pytest.warns(FutureWarning, match=f"^{re.escape(message)}$")


def expect_old_bidders():
    return expect(
        "the parameter bidders of Estimator is deprecated since 0.2 and will be removed in 0.4; "
        "use n_bidders"
    )


def test_the_warning_points_to_the_line_that_uses_the_name():
    half = renamed(lambda number: number / 2, "half", since="0.2")
    for use in (lambda: half(4), lambda: double(n=1), lambda: Estimator(bidders=1)):
        with pytest.warns(FutureWarning) as caught:
            use()
        assert [one.filename for one in caught] == [__file__]


def test_a_renamed_function_warns_and_does_the_same():
    total = renamed(np.sum, "total", since="0.2")
    with expect("total is deprecated since 0.2 and will be removed in 0.4; use sum"):
        assert total([[1, 2], [3, 4]], axis=1).tolist() == [3, 7]
    assert total.__name__ == "total"


def test_a_function_takes_a_parameter_under_its_old_name():
    with expect(
        "the parameter n of double is deprecated since 0.2 and will be removed in 0.4; use number"
    ):
        assert double(n=3, times=2) == 12
    assert double(3) == double(number=3) == 6
    assert list(inspect.signature(double).parameters) == ["number", "times"]


def test_the_old_and_the_new_name_together_are_refused():
    with pytest.raises(ValueError, match="double takes number or its old name n, not both"):
        double(n=3, number=3)


def test_an_estimator_takes_a_parameter_under_its_old_name():
    with expect_old_bidders():
        old = Estimator(bidders=3)
    with expect_old_bidders():
        changed = Estimator().set_params(bidders=3)
    # scikit-learn sees the new name only, so clones do not warn.
    for estimator in (old, changed, clone(old)):
        assert estimator.get_params() == {"n_bidders": 3}


def test_a_new_estimator_does_not_change_the_class_above_it():
    class Child(Estimator):
        pass

    renamed_parameters(since="0.2", other="n_bidders")(Child)
    with pytest.raises(TypeError, match="other"):
        Estimator(other=1)


@pytest.mark.parametrize("name", sample_tests.__all__)
def test_the_former_path_of_sample_tests_works_and_warns(name):
    from sklauction import sample_tests as former

    with expect(
        "sklauction.sample_tests is deprecated since 0.1 and will be removed in 0.3; "
        "use sklauction.utils.sample_tests"
    ):
        assert getattr(former, name) is getattr(sample_tests, name)


def test_a_former_path_has_no_other_names():
    with pytest.raises(AttributeError, match=r"sklauction\.sample_tests.*'Nonsense'"):
        _ = __import__("sklauction.sample_tests").sample_tests.Nonsense


@pytest.mark.parametrize(("since", "removal"), [("0.1", "0.3"), ("0.9", "0.11"), ("2.0", "2.2")])
def test_a_name_is_removed_two_minor_versions_later(since, removal):
    assert removal_of(since) == removal
    with pytest.warns(FutureWarning, match=f"since {since} and will be removed in {removal};"):
        warn_deprecated("old", since=since, use="new")


HELPERS = ("moved_module", "renamed", "renamed_parameters", "warn_deprecated")


def deprecations():
    """Path, line and first version of each use of a helper in the package."""
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in HELPERS:
                for keyword in node.keywords:
                    if keyword.arg == "since" and isinstance(keyword.value, ast.Constant):
                        yield path.name, node.lineno, keyword.value.value


def test_nothing_is_kept_longer_than_promised():
    def number(version):
        return [int(part) for part in version.split(".")[:2]]

    found = list(deprecations())
    assert "sample_tests.py" in {name for name, _, _ in found}
    now = number(sklauction.__version__)
    overdue = [one for one in found if number(removal_of(one[2])) <= now]
    assert overdue == []
