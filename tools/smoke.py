"""Fit, predict, save and load with the installed package; run by tools/check_dist.py."""

import importlib.metadata
import importlib.resources
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

import sklauction
from sklauction import RochetNetAuction, VCGAuction, load_auction, save_auction


def check(condition, what):
    """Raise SystemExit unless the condition holds."""
    if not condition:
        raise SystemExit(f"the installed package fails: {what}")


def check_installed():
    """Check that the package is that of the wheel, with its version and marker of types."""
    check(Path(sklauction.__file__).is_relative_to(sys.prefix), "it is imported from elsewhere")
    version = importlib.metadata.version("sklauction")
    check(version == sklauction.__version__, f"version {version} is not that of the package")
    check(importlib.resources.files("sklauction").joinpath("py.typed").is_file(), "no py.typed")


def check_auction(auction, valuations):
    """Check that a fitted auction sells, and is the same after saving and loading."""
    outcome = auction.fit(valuations).predict(valuations)
    check(outcome.payments.sum() > 0, f"{auction} earns nothing")
    with tempfile.TemporaryDirectory() as folder:
        save_auction(auction, Path(folder) / "auction.safetensors")
        again = load_auction(Path(folder) / "auction.safetensors").predict(valuations)
    check((again.payments == outcome.payments).all(), f"{auction} differs after loading")


if __name__ == "__main__":
    warnings.simplefilter("error")
    check_installed()
    V = np.random.RandomState(0).uniform(size=(200, 2, 2))
    check_auction(VCGAuction(n_bidders=2), V)
    check_auction(RochetNetAuction(n_bidders=1, menu_size=4, max_iter=2, random_state=0), V[:, :1])
    print(f"sklauction {sklauction.__version__} works on Python {sys.version.split()[0]}")
