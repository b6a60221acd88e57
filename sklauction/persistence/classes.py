"""Classes and functions that a file may name. Other names raise ValueError.

Classes of this package, and domains of the user, are registered by
:func:`~sklauction.utils.saving.savable`. Estimators are public names of the package whose class has
``_saved``. Finding one imports its module, and with it the classes of its parts, so that analytic
auctions are loaded without torch.
"""

import importlib

from scipy import stats

import sklauction
import sklauction.datasets  # registers priors and settings
from sklauction.base import BaseMechanism
from sklauction.utils.saving import REGISTERED, Savable

__all__ = [
    "find_auction",
    "find_class",
    "find_function",
    "find_scipy",
    "is_auction_class",
    "name_of_function",
    "savable_of",
]

TORCH_MODULES = ("Linear", "ModuleList", "ParameterList")
# Name -> module.
TORCH_FUNCTIONS = {"silu": "torch.nn.functional", "tanh": "torch", "relu": "torch.nn.functional"}


def find_auction(name):
    """Return the auction class of this name, or raise ValueError."""
    known = isinstance(name, str) and name in sklauction._EXPORTS
    if not (known and is_auction_class(getattr(sklauction, name))):
        raise ValueError(f"{str(name)!r:.80} is not an auction that can be saved")
    return getattr(sklauction, name)


def is_auction_class(cls):
    """Return whether this is a public auction class of the package that can be saved."""
    if not (isinstance(cls, type) and issubclass(cls, BaseMechanism) and cls._saved is not None):
        return False
    name = cls.__name__
    return name in sklauction._EXPORTS and getattr(sklauction, name) is cls


def find_class(name, tag):
    """Return the Savable of a name whose instances have this tag, or raise ValueError."""
    if tag == "$module" and name in TORCH_MODULES:
        return Savable(getattr(importlib.import_module("torch.nn"), name), tag, {})
    found = REGISTERED.get(name) if isinstance(name, str) else None
    if found is None or found.tag != tag:
        raise ValueError(
            f"{str(name)!r:.80} is not a class that a file may hold as {tag} (import the module of "
            "a class of your own before you load the file)"
        )
    return found


def savable_of(cls):
    """Return the Savable of a class, or None if files may not hold its instances."""
    from_torch = cls.__name__ in TORCH_MODULES and cls.__module__.startswith("torch.")
    found = find_class(cls.__name__, "$module") if from_torch else REGISTERED.get(cls.__name__)
    return found if found is not None and found.cls is cls else None


def find_function(name):
    """Return the function of a network of this name, or raise ValueError."""
    if not isinstance(name, str) or name not in TORCH_FUNCTIONS:
        raise ValueError(f"{str(name)!r:.80} is not a function that a file may hold")
    return getattr(importlib.import_module(TORCH_FUNCTIONS[name]), name)


def name_of_function(value):
    """Return the name of a function in files, or None if they may not hold it."""
    name = getattr(value, "__name__", None)
    known = isinstance(name, str) and name in TORCH_FUNCTIONS
    return name if known and find_function(name) is value else None


def find_scipy(name):
    """Return the family of distributions in scipy.stats of this name, or raise ValueError."""
    family = getattr(stats, name, None) if isinstance(name, str) else None
    if not isinstance(family, stats.rv_continuous | stats.rv_discrete):
        raise ValueError(f"{str(name)!r:.80} is not a distribution of scipy.stats")
    return family
