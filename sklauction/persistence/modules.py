"""Torch modules from their parts, without running a constructor."""

import dataclasses
from types import NoneType

import torch
from torch import nn

from sklauction.domains.base import Domain
from sklauction.persistence.classes import find_class, name_of_function
from sklauction.utils.saving import short_repr

__all__ = ["module_from_parts", "module_parts", "working_widths"]

PARTS = ("attributes", "parameters", "buffers", "children", "fleeting")
# Other attributes of modules: besides these, functions and dataclasses that a file may name.
PLAIN = (NoneType, bool, int, float, str, tuple)


def module_parts(module):
    """Return the parts of a module.

    Parameters
    ----------
    module : torch.nn.Module

    Returns
    -------
    dict
        ``attributes``, ``parameters``, ``buffers`` and ``children`` by name, and ``fleeting``, the
        names of non-persistent buffers.
    """
    return {
        "attributes": {
            name: value
            for name, value in vars(module).items()
            if not name.startswith("_") and name != "training"
        },
        "parameters": dict(module._parameters),
        "buffers": dict(module._buffers),
        "children": dict(module._modules),
        "fleeting": sorted(module._non_persistent_buffers_set),
    }


def module_from_parts(name, parts):
    """Return a module in evaluation mode, made of its class and its parts.

    Parameters
    ----------
    name : str
        Of the class, as in a file.
    parts : dict
        Of :func:`module_parts`.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    ValueError
        If such a module cannot have these parts.
    """
    cls = find_class(name, "$module").cls
    if set(parts) != set(PARTS) or not all(isinstance(parts[key], dict) for key in PARTS[:-1]):
        raise ValueError(f"the parts of {name} must be {', '.join(PARTS)}; got others")
    module = cls.__new__(cls)
    nn.Module.__init__(module)
    # torch refuses names that the class has, such as "forward".
    for key, tensor in parts["parameters"].items():
        module.register_parameter(key, _parameter(tensor, f"{name}.{key}"))
    for key, tensor in parts["buffers"].items():
        module.register_buffer(key, tensor, persistent=key not in parts["fleeting"])
    for key, child in parts["children"].items():
        module.register_module(key, child)
    for key, value in parts["attributes"].items():
        _check_attribute(module, key, value)
        vars(module)[key] = value
    if cls is nn.ParameterList:
        module._size = len(parts["parameters"])
    return module.eval()


def working_widths(mechanism, n_bidders, n_items):
    """Return how many numbers per entry of a profile each part of a mechanism keeps at once.

    Modules that keep more than one have a method ``working_width(n_bidders, n_items)``.
    """
    methods = ((getattr(type(part), "working_width", None), part) for part in mechanism.modules())
    return [1, *(method(part, n_bidders, n_items) for method, part in methods if method)]


def _parameter(tensor, name):
    if tensor is None:
        return None
    if not torch.isfinite(tensor).all():
        raise ValueError(f"the weights {name} are not finite")
    return nn.Parameter(tensor, requires_grad=False)


def _check_attribute(module, key, value):
    if key.startswith("_") or key == "training" or hasattr(type(module), key):
        raise ValueError(f"{key!r:.80} is not an attribute of a saved {type(module).__name__}")
    known = (
        isinstance(value, (*PLAIN, Domain))
        or dataclasses.is_dataclass(value)
        or name_of_function(value) is not None
    )
    if not known or key in module._parameters or key in module._buffers or key in module._modules:
        raise ValueError(f"{type(module).__name__}.{key} cannot be {short_repr(value)}")
