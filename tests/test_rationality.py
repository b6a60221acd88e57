"""No bidder pays more than its reported value, whatever the range of values."""

import numpy as np
import pytest
from scipy.stats import uniform
from test_common import TINY_GAME, TINY_LAGRANGIAN, TINY_MENU, TINY_PRICING

from sklauction import (
    AffineMaximizerAuction,
    ALGNetAuction,
    BundleMyersonAuction,
    BundlePricingAuction,
    CallableAuction,
    LinearProgramAuction,
    LookAheadAuction,
    MenuNetAuction,
    MyersonAuction,
    RegretNetAuction,
    RochetNetAuction,
    SingleBuyerAuction,
    TruthfulAuction,
    VCGAuction,
)
from sklauction.domains import ADDITIVE

pytestmark = pytest.mark.usefixtures("few_updates")


def sell_shares_at_half_the_bid(bids):
    shares = bids / (1 + bids)
    return shares, 0.5 * (shares * bids).sum(axis=2)


SHARES = CallableAuction(sell_shares_at_half_the_bid)
AUCTIONS = {
    "affine": AffineMaximizerAuction(2, **TINY_MENU),
    "algnet": ALGNetAuction(2, **TINY_GAME),
    "bundle-pricing": BundlePricingAuction(2, **TINY_PRICING, lottery_rows=2),
    "linear-program": LinearProgramAuction(1, n_bins=4),
    "linear-program-2": LinearProgramAuction(2, n_bins=2),
    "menunet": MenuNetAuction(**TINY_MENU, hidden_layer_sizes=(4,)),
    "regretnet": RegretNetAuction(2, **TINY_LAGRANGIAN),
    "rochetnet": RochetNetAuction(**TINY_MENU),
    "single-buyer": SingleBuyerAuction(prior=uniform(0, 1)),
    "truthful-linear-program": TruthfulAuction(LinearProgramAuction(1, n_bins=4), random_state=0),
    "truthful-shares": TruthfulAuction(SHARES, random_state=0),
    "truthful-rochetnet": TruthfulAuction(RochetNetAuction(**TINY_MENU), random_state=0),
    "vcg-unit": VCGAuction(2, demand="unit"),
    # Payments and values are sums over items in different orders, or are rounded by a change of
    # units, and payments of Myerson's auctions are found by interpolation.
    "bundle-myerson-rounded": BundleMyersonAuction(2),
    "look-ahead-rounded": LookAheadAuction(2),
    "myerson-rounded": MyersonAuction(2),
    "vcg-rounded": VCGAuction(2, reserve=0.3),
}
VALUES = {
    "20 orders of magnitude": lambda random, size: 10 ** random.uniform(-10, 10, size=size),
    "lognormal": lambda random, size: random.lognormal(sigma=8, size=size),
    "tenths": lambda random, size: random.randint(1, 11, size=size) / 10,
}


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("name", AUCTIONS)
def test_no_payment_exceeds_the_reported_value(name, kind):
    auction = AUCTIONS[name]
    size = 4000, auction.n_bidders or 1, 2 if name == "linear-program-2" else 3
    valuations = VALUES[kind](np.random.RandomState(0), size)
    # The auction sells also to bidders whom it has seen, whose values may equal its prices.
    allocations, payments = auction.fit(valuations[:400]).predict(valuations)
    worth = (allocations * valuations).sum(axis=2)
    worth = np.minimum(worth, ADDITIVE.utilities(valuations, (allocations, 0 * payments)))
    # A few roundings of sums of three items and of a product with the unit.
    rounding = 4 * np.finfo(float).eps * worth if name.endswith("rounded") else 0.0
    assert (payments <= worth + rounding).all()
    assert payments.any()
