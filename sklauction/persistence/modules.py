"""Networks from their parts, without running a constructor."""

from types import NoneType

import torch
from torch import nn

from sklauction.persistence.classes import find_class, in_a_word, name_of_function

__all__ = ["put_together", "take_apart", "width_of"]

PARTS = ("attributes", "parameters", "buffers", "children", "fleeting")
# What a network may remember beside tensors and networks; functions of FUNCTIONS, too.
PLAIN = (NoneType, bool, int, float, str, tuple)


def take_apart(module):
    """Return what a module consists of.

    Parameters
    ----------
    module : torch.nn.Module

    Returns
    -------
    dict
        ``attributes``, ``parameters``, ``buffers`` and ``children`` by name, and ``fleeting``, the
        names of buffers that are no part of the state.
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


def put_together(name, parts):
    """Return a module of a class and its parts, for use, not for training.

    Parameters
    ----------
    name : str
        Of the class, as in a file.
    parts : dict
        Of :func:`take_apart`.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    ValueError
        If a part is not one that such a module can have.
    """
    cls = find_class(name)
    if not issubclass(cls, nn.Module):
        raise ValueError(f"{name} is no network")
    if set(parts) != set(PARTS) or not all(isinstance(parts[key], dict) for key in PARTS[:-1]):
        raise ValueError(f"a network consists of {', '.join(PARTS)}; got others for {name}")
    module = cls.__new__(cls)
    nn.Module.__init__(module)
    # torch refuses names of what the class has, such as "forward".
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


def width_of(mechanism, n_bidders, n_items):
    """Return how many numbers a mechanism keeps of each entry of a profile, where it runs.

    Parameters
    ----------
    mechanism : torch.nn.Module
    n_bidders, n_items : int
        Sizes of the profile.

    Returns
    -------
    int
        1 for mechanisms whose memory does not grow with the product of entries and weights.
    """
    widths = [1]
    for part in mechanism.modules():
        if isinstance(part, find_class("ExchangeableBody")):
            widths += [
                layer.weight.shape[0] for layer in part.modules() if type(layer) is nn.Linear
            ]
        elif isinstance(part, find_class("AttentionLayer")):
            widths.append(part.n_heads * max(n_bidders, n_items))
        elif isinstance(part, find_class("PriceSheetNetwork")):
            widths += [weights.shape[-1] for weights in (*part.entry, part.lottery)]
            widths.append(part.others.numel() // n_bidders + 1)
    return max(widths)


def _parameter(tensor, name):
    if tensor is None:
        return None
    if not torch.isfinite(tensor).all():
        raise ValueError(f"the weights {name} are not finite")
    return nn.Parameter(tensor, requires_grad=False)


def _check_attribute(module, key, value):
    if key.startswith("_") or key == "training" or hasattr(type(module), key):
        raise ValueError(f"{key!r:.80} is no attribute that a {type(module).__name__} keeps")
    known = isinstance(value, PLAIN) or name_of_function(value) is not None
    if not known or key in module._parameters or key in module._buffers or key in module._modules:
        raise ValueError(f"{type(module).__name__}.{key} cannot be {in_a_word(value)}")
