"""Write the saved auctions of this folder and their predictions.

``python tests/data/make_examples.py`` wrote the files, in the first version of the format. They
must not be changed, because later versions must read them; a new format adds new files.
"""

import json
from pathlib import Path

import numpy as np
import scipy.stats

from sklauction import (
    ALGNetAuction,
    BundlePricingAuction,
    MyersonAuction,
    RochetNetAuction,
    save_auction,
)
from sklauction.datasets import Discrete

FOLDER = Path(__file__).parent
TINY = {"max_iter": 1, "batch_size": 2, "random_state": 0}
GAME = {"n_shared_reports": 3, "n_local_reports": 2, "n_ascents": 1}
EXAMPLES = {
    "algnet": ALGNetAuction(n_bidders=2, hidden_layer_sizes=(3,), **GAME, **TINY),
    "myerson": MyersonAuction(
        n_bidders=2, prior=[[scipy.stats.randint(0, 3)], [Discrete([0.5, 1], [0.25, 0.75])]]
    ),
    "price_sheets": BundlePricingAuction(
        n_bidders=2, hidden_layer_sizes=(3,), anneal_iter=4, **TINY
    ),
    "rochetnet": RochetNetAuction(menu_size=3, anneal_iter=4, n_starts=2, **TINY),
}


def main():
    """Fit and save the auctions, and write their predictions at a few profiles."""
    for name, auction in EXAMPLES.items():
        valuations = np.random.RandomState(0).uniform(size=(40, auction.n_bidders, 2)).round(2)
        auction.fit(valuations)
        save_auction(auction, FOLDER / f"{name}.safetensors")
        bids = valuations[:8]
        allocations, payments = auction.predict(bids)
        expected = {
            "bids": bids.tolist(),
            "allocations": allocations.tolist(),
            "payments": payments.tolist(),
        }
        (FOLDER / f"{name}.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    main()
