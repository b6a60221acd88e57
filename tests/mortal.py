"""Functions that tests of searches run in other processes, in a module that imports little."""

import os
import signal
import time
from itertools import count
from pathlib import Path

from sklauction import VCGAuction, auction_scorers

# joblib's dask backend sends fits that take less than 0.2 s in batches.
FIT_SECONDS = 0.3


class MortalAuction(VCGAuction):
    """VCG that records every fit in a folder, and kills its process in fit ``dies_in``.

    A record is a file. Its name is the number of the fit, in the order of their starts in all
    processes. Its text holds the process, the reserve and the sum of the valuations.
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
                time.sleep(2 * FIT_SECONDS)  # until the other fits ended
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
    """Return the scores of ``auction_scorers``, and the number of threads of torch."""
    import torch

    return {**auction_scorers()(auction, X), "threads": torch.get_num_threads()}
