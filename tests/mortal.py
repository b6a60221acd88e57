"""What other processes run in tests of searches; kept apart, so that they load little."""

import os
import signal
import time
from itertools import count
from pathlib import Path

from sklauction import VCGAuction, auction_scorers

# Longer than the 0.2 s below which joblib's dask backend would send fits in batches.
FIT_SECONDS = 0.3


class MortalAuction(VCGAuction):
    """VCG that notes every fit in a folder, and kills its process in the fit of one number.

    A note is a file. Its name is the fit's number, in the order in which fits began in all
    processes; its text is the process, and what tells fits of one search apart.
    """

    def __init__(self, n_bidders=1, n_items=None, *, reserve=None, notes=None, dies_in=None):
        super().__init__(n_bidders, n_items, reserve=reserve)
        self.notes = notes
        self.dies_in = dies_in

    def _fit(self, valuations):
        if self.notes is not None:
            number = self._note(f"{os.getpid()} {self.reserve} {valuations.sum()}")
            time.sleep(FIT_SECONDS)
            if number == self.dies_in:
                time.sleep(2 * FIT_SECONDS)  # by then a last fit is the only one
                os.kill(os.getpid(), signal.SIGKILL)
        super()._fit(valuations)

    def _note(self, text):
        for number in count(1):
            try:
                with open(Path(self.notes, str(number)), "x") as note:
                    note.write(text)
            except FileExistsError:
                continue
            return number


def scores_and_threads(auction, X, y=None):
    """Score as ``auction_scorers`` does; say how many threads torch has where that happens."""
    import torch

    return {**auction_scorers()(auction, X), "threads": torch.get_num_threads()}
