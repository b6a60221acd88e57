"""Checks of torch modules that were read from a file.

The constructor of a module makes another one of the same sizes, usually on the meta device, where
nothing is computed. The module must equal it, except for its weights.
"""

import contextlib
import math

import torch

from sklauction.utils.saving import short_repr
from sklauction.utils.validation import WIDEST_SUPPORT

__all__ = ["building", "check_same_module", "check_standardisation"]

# Largest product of the sizes of all weights: then no outcome overflows, whatever the reports. The
# networks of the tables stay below 1e40.
MOST_GROWTH = 1e120
# Least standard deviation by which networks divide reports, in single precision.
LEAST_SPREAD = 0.99e-6


@contextlib.contextmanager
def building(name):
    """Make modules on the meta device; raise ValueError if a malformed module prevents it.

    Parameters
    ----------
    name : str
        Of the attribute, for messages.
    """
    try:
        with torch.device("meta"):
            yield
    except ValueError:
        raise
    except Exception as error:
        kind = type(error).__name__
        raise ValueError(f"{name} lacks a part ({kind}: {error!s:.80})") from error


def check_same_module(module, built, name):
    """Raise ValueError unless a module equals another, up to weights and buffers on meta.

    Parameters
    ----------
    module : torch.nn.Module
        With finite weights.
    built : torch.nn.Module
        In the precision of the module. Buffers that its constructor derives have their values,
        others are on the meta device.
    name : str
        Of the attribute, for messages.
    """
    ours, theirs = (dict(one.named_modules()) for one in (module, built))
    _check_same_names(ours, theirs, name)
    for path, expected in theirs.items():
        place = f"{name}.{path}" if path else name
        part = ours[path]
        if type(part) is not type(expected):
            raise ValueError(
                f"{place} must be a {type(expected).__name__}; got a {type(part).__name__}"
            )
        _check_attributes(part, expected, place)
        for kind in ("_parameters", "_buffers"):
            _check_tensors(getattr(part, kind), getattr(expected, kind), place)
        if part._non_persistent_buffers_set != expected._non_persistent_buffers_set:
            raise ValueError(f"{place} must save its state like a new one; got another state")
    if _growth(module) > math.log(MOST_GROWTH):
        raise ValueError(f"the weights of {name} must be smaller, so that outcomes are finite")


def check_standardisation(module, name):
    """Raise ValueError unless means and standard deviations of reports are possible.

    Parameters
    ----------
    module : torch.nn.Module
        With finite buffers ``location`` and ``spread``, in units of the scale.
    name : str
        Of the attribute, for messages.
    """
    far = float(module.location.abs().max()) > WIDEST_SUPPORT
    if far or not LEAST_SPREAD <= float(module.spread.min()) <= WIDEST_SUPPORT:
        raise ValueError(
            f"location and spread of {name} must be means and standard deviations; got others"
        )


def _check_same_names(ours, theirs, place):
    if ours.keys() != theirs.keys():
        strange = sorted(map(str, ours.keys() ^ theirs.keys()))[0]
        raise ValueError(f"the parts of {place} must be others; got or lacking {strange!r:.80}")


def _check_attributes(part, expected, place):
    """Compare the attributes of two modules of one class."""
    ours, theirs = (_attributes(one) for one in (part, expected))
    _check_same_names(ours, theirs, place)
    for key, value in theirs.items():
        given = ours[key]
        if type(given) is not type(value) or not _are_equal(given, value):
            raise ValueError(f"{place}.{key} must be {short_repr(value)}; got {short_repr(given)}")
        vars(part)[key] = value  # 2.0 equals 2, too


def _attributes(module):
    return {
        key: value
        for key, value in vars(module).items()
        if not key.startswith("_") and key != "training"
    }


def _are_equal(given, value):
    # Domains of the user may not define equality.
    return given == value or (hasattr(value, "worth") and vars(given) == vars(value))


def _check_tensors(ours, theirs, place):
    """Compare two dicts of parameters or buffers."""
    _check_same_names(ours, theirs, place)
    for key, expected in theirs.items():
        tensor = ours[key]
        if tensor is expected:  # absent, or of a part that was checked before
            continue
        if tensor is None or expected is None:
            raise ValueError(f"{place}.{key} must be {'absent' if expected is None else 'present'}")
        if (tensor.shape, tensor.dtype) != (expected.shape, expected.dtype):
            raise ValueError(
                f"{place}.{key} must be {expected.dtype} of the shape {tuple(expected.shape)}; got "
                f"{tensor.dtype} of {tuple(tensor.shape)}"
            )
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{place}.{key} must be finite; got others")
        if not expected.is_meta and not torch.equal(tensor, expected):
            raise ValueError(f"{place}.{key} must follow from the other attributes; got others")


def _growth(module):
    """Return the logarithm of a bound on the factor by which weights can enlarge their input."""
    factors = [1.0]
    for weights in module.parameters():
        if weights.numel():
            width = max(weights.shape[-2:]) if weights.ndim > 1 else 1
            factors.append(1.0 + width * float(weights.abs().max()))
    return sum(map(math.log, factors))
