"""Warnings show the line of the user's program, not one inside the package."""

import numpy as np
import pytest
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline

from sklauction import BundlePricingAuction, CallableAuction, MyersonAuction, measure_regret

V = np.random.RandomState(0).uniform(size=(400, 2, 1))
# Bidders with the same values are dependent.
SAME = np.repeat(V[:, :1], 2, axis=1)


def infeasible(bids):
    """Both bidders get the item."""
    return np.ones(bids.shape), np.zeros(bids.shape[:2])


def trained_in_vain(X):
    """Train with a step size so large that the start is kept."""
    BundlePricingAuction(2, learning_rate_init=30.0, max_iter=1, random_state=0).fit(X)


CASES = {
    "dependence": lambda: MyersonAuction(2).fit(SAME),
    "in a pipeline": lambda: make_pipeline(MyersonAuction(2)).fit(SAME),
    "in scikit-learn": lambda: cross_validate(MyersonAuction(2), SAME, cv=2),
    "function": lambda: CallableAuction(infeasible, 2).fit(V),
    "audit": lambda: measure_regret(infeasible, V[:20], effort="quick", random_state=0),
    "score": lambda: CallableAuction(infeasible, 2).fit(V).score(V[:20]),
    "undone": lambda: trained_in_vain(V),
}


@pytest.mark.parametrize("name", CASES)
def test_warnings_show_the_line_of_the_user(name):
    with pytest.warns(UserWarning) as caught:
        CASES[name]()
    assert {one.filename for one in caught} == {__file__}
