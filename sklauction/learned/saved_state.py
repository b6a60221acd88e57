"""Checks of the state of a fit that was read from a checkpoint.

A state is compared with that of a new net for the same data, which has the same arrays. Numbers
that follow from others are compared with them. Other finite weights are a legal state.
"""

import math
import zlib

import numpy as np
import torch

from sklauction.learned.training import Evaluation
from sklauction.utils.saving import short_repr

__all__ = ["check_state"]

# Entries of a history row that the package writes, beside averages over an iteration.
COUNTS, FIGURES, AVERAGES = ("epoch", "best_iter"), ("total_regret", "score"), "train_"
# Trained modules whose buffers change in training.
CHANGING = ("objective_",)


def check_state(net, state, train, held_out):
    """Raise ValueError unless a value is a state of a net that is trained on these profiles.

    Settings of optimizers in the state are replaced by those of the net: parameters determine them,
    and they depend on the version of torch.

    Parameters
    ----------
    net : AuctionNet
        New, of the fit that is resumed. Training is prepared, but nothing of the state is set.
    state : object
    train, held_out : Tensor
        As in training; ``held_out`` may be None.
    """
    net.on_train_begin(net, (train, held_out))
    first = net.state()
    _check_keys(state, first, "the state")
    kept = state["attributes"]
    _check_keys(kept, first["attributes"], "attributes")
    _check_counts(net, kept)
    _check_modules(net, state["modules"], first["modules"], kept["n_steps_"])
    _check_optimizer(state["optimizer"], first["optimizer"], net.module_, kept["n_steps_"])
    _check_attributes(net, kept, first["attributes"])
    _check_history(net, state["history"], kept)
    _check_best(net, kept, state["history"], held_out)


def _require(holds, name, expected, value):
    if not holds:
        raise ValueError(f"{name} must be {expected}; got {short_repr(value)}")


def _is_count(value, most=math.inf):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def _is_finite(value):
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check_keys(value, expected, name):
    fits = isinstance(value, dict) and list(value) == list(expected)
    _require(fits, name, f"a dict of {', '.join(map(str, expected))}", value)


def _check_counts(net, kept):
    """Check the numbers of iterations and updates, and the step size."""
    n_iter = kept["n_iter_"]
    _require(_is_count(n_iter), "n_iter_", "an integer of at least 0", n_iter)
    n_steps = n_iter * net.n_updates
    _require(_is_count(kept["n_steps_"]), "n_steps_", "an integer", kept["n_steps_"])
    _require(kept["n_steps_"] == n_steps, "n_steps_", f"{n_steps}", kept["n_steps_"])
    for name in ("first_iter_", "best_iter_"):
        _require(_is_count(kept[name], n_iter), name, f"from 0 to {n_iter}", kept[name])
    rate = kept["lr"]
    # A diverging iteration halves it.
    halved = isinstance(rate, float) and 0 < rate <= net.lr and math.frexp(net.lr / rate)[0] == 0.5
    _require(halved, "lr", f"{net.lr} or a half of it, a quarter and so on", rate)


def _check_like(value, expected, name):
    """Check that a nested value has the tensors, counts and numbers of the expected one."""
    if torch.is_tensor(expected):
        _check_tensor(value, expected.shape, expected.dtype, name)
    elif isinstance(expected, dict):
        _check_keys(value, expected, name)
        for key, part in expected.items():
            _check_like(value[key], part, f"{name}.{key}")
    elif isinstance(expected, float):
        _require(isinstance(value, float) and math.isfinite(value), name, "a finite number", value)
    elif isinstance(expected, int):
        _require(_is_count(value), name, "an integer of at least 0", value)
    else:
        _require(value is None, name, "None", value)


def _check_tensor(value, shape, dtype, name):
    fits = torch.is_tensor(value) and (value.shape, value.dtype) == (shape, dtype)
    _require(fits, name, f"a tensor of {dtype} and shape {tuple(shape)}", value)
    _require(bool(torch.isfinite(value).all()), name, "finite", "other numbers")


def _check_modules(net, modules, expected, n_steps):
    """Check the weights of all modules, and what they keep beside weights."""
    _check_keys(modules, expected, "modules")
    for name, weights in expected.items():
        _check_keys(modules[name], weights, name)
        module = getattr(net, name)
        for key, value in modules[name].items():
            place = f"{name}.{key}"
            if key.endswith("_extra_state"):
                _check_extra(net, module.get_submodule(key.rpartition(".")[0]), value, n_steps)
            else:
                _check_like(value, weights[key], place)
        if name not in CHANGING:
            _check_constants(module, modules[name], weights, name)
        _check_sizes(net, module, modules[name])


def _check_constants(module, weights, expected, name):
    """Check that arrays that no update changes are those of the data."""
    for key in _constants(module):
        same = key not in expected or torch.equal(weights[key], expected[key].cpu())
        _require(same, f"{name}.{key}", "that of the data", "another")


def _constants(module):
    """Return the names of the buffers of the package's networks, which only the data determine."""
    owners = {
        path: type(part).__module__.startswith("sklauction.")
        for path, part in module.named_modules()
    }
    return [key for key, _ in module.named_buffers() if owners[key.rpartition(".")[0]]]


def _check_sizes(net, module, weights):
    """Check that weights have not exploded, as after every iteration."""
    for key, _ in module.named_parameters():
        fits = not weights[key].numel() or bool(weights[key].abs().max() < net.most_)
        _require(fits, key, f"below {net.most_:g}", "larger numbers")


def _check_extra(net, part, value, n_steps):
    """Check what a searcher or an objective keeps beside weights."""
    if not type(part).__module__.startswith("sklauction."):
        return  # in a network of the user
    expected, name = part.get_extra_state(), type(part).__name__
    _check_keys(value, expected, name)
    for key, first in expected.items():
        place = f"{key} of {name}"
        if key == "optimizer" and first is not None:
            updates = n_steps * net.rules.n_misreporter_updates
            _check_optimizer(value[key], first, part.network, updates)
        elif key == "n_steps":
            _require(_is_count(value[key]) and value[key] == n_steps, place, n_steps, value[key])
        elif key == "memory" and n_steps:
            n_agents, n_entries, _ = part.box.shape
            shape = torch.Size((n_agents, net.rules.n_remembered, n_entries))
            _check_tensor(value[key], shape, first.dtype, place)
        elif key == "pool_checksum":
            _require(value[key] == first, place, f"{first}, as of the data", value[key])
        else:
            _check_like(value[key], first, place)


def _check_optimizer(value, expected, module, most_steps):
    """Check the state of an Adam optimizer, and set its settings to the expected ones."""
    _check_keys(value, expected, "an optimizer")
    value["param_groups"] = expected["param_groups"]
    weights, averages = list(module.parameters()), value["state"]
    known = isinstance(averages, dict) and set(averages) <= set(range(len(weights)))
    _require(known, "an optimizer", "one of the weights", averages)
    for index, average in averages.items():
        _check_average(average, weights[index], most_steps)


def _check_average(average, weight, most_steps):
    """Check Adam's averages of the gradient of a weight."""
    _check_keys(average, ("step", "exp_avg", "exp_avg_sq"), "an average")
    _check_tensor(average["step"], torch.Size(), torch.float32, "step")
    step, square = float(average["step"]), average["exp_avg_sq"]
    _require(step.is_integer() and 0 < step <= most_steps, "step", f"1 to {most_steps}", step)
    _check_tensor(average["exp_avg"], weight.shape, weight.dtype, "exp_avg")
    # The square of a large gradient may overflow.
    fits = torch.is_tensor(square) and (square.shape, square.dtype) == (weight.shape, weight.dtype)
    _require(fits and bool((square >= 0).all()), "exp_avg_sq", "squares of its weights", square)


def _check_attributes(net, kept, first):
    """Check the averaged weights, and further attributes of a kind of net."""
    averages, expected = kept["average_weights_"], first["average_weights_"]
    _check_like(averages, expected, "average_weights_")
    _check_constants(net.module_, averages, expected, "average_weights_")
    checked = {"average_weights_", "best_", "held_out_mark_", "lr", "n_iter_", "n_steps_"}
    for name in set(first) - checked - {"first_iter_", "best_iter_"}:
        _check_like(kept[name], first[name], name)


def _check_history(net, history, kept):
    """Check the rows of a history, one for each iteration."""
    n_iter, objective = kept["n_iter_"], net.domain.objective_name
    fits = isinstance(history, list) and len(history) == n_iter
    _require(fits, "history", f"a list of {n_iter} rows", history)
    for number, row in enumerate(history, 1):
        fits = isinstance(row, dict) and row.get("epoch") == number and row.get("batches") == []
        _require(fits, "history", "a list of rows in their order", row)
        for key, value in row.items():
            name = f"{short_repr(key)} of iteration {number}"
            _require(isinstance(key, str), name, "a text", key)
            if key in COUNTS:
                _require(_is_count(value, number), name, f"at most {number}", value)
            elif key in (objective, *FIGURES) or key.startswith(AVERAGES):
                _require(_is_finite(value), name, "a finite number", value)
            elif key != "batches":  # of a callback
                fits = value is None or isinstance(value, bool | int | float | str)
                _require(fits, name, "a number or a text", value)


def _check_best(net, kept, history, held_out):
    """Check the best evaluation on held-out profiles against the history and the data."""
    best, mark, at = kept["best_"], kept["held_out_mark_"], kept["best_iter_"]
    known = mark is None or _is_count(mark, 2**32 - 1)
    _require(known, "held_out_mark_", "None or a checksum", mark)
    _require((best is None) == (mark is None), "best_", "None before an evaluation", best)
    n_profiles = None
    if held_out is not None and kept["n_iter_"] > kept["first_iter_"]:
        profiles = held_out[: net.n_held_out].cpu().numpy()
        n_profiles, expected = len(profiles), zlib.crc32(profiles.tobytes())
        _require(mark == expected, "held_out_mark_", f"{expected}, as of the data", mark)
    if best is None:
        return
    _require(type(best) is Evaluation, "best_", "an Evaluation", best)
    for name in ("revenues", "regrets"):
        _check_figures(getattr(best, name), n_profiles, f"{name} of best_")
    _require(len(best.revenues) == len(best.regrets), "regrets", "one for each revenue", "others")
    expected = net.weights_of(0) if hasattr(net, "weights_of") else net.average_weights_
    _check_like(best.weights, expected, "weights of best_")
    if at and "score" in history[at - 1]:
        row, objective = history[at - 1], net.domain.objective_name
        figures = best.revenue, best.total_regret, net.score_of(best)
        same = figures == tuple(row.get(name) for name in (objective, *FIGURES))
        _require(same, "best_", f"as in the history of iteration {at}", "another")
    if history and "best_iter" in history[-1]:
        _require(at == history[-1]["best_iter"], "best_iter_", "that of the history", at)


def _check_figures(value, size, name):
    """Check an array with a number for each held-out profile."""
    fits = isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype == np.float64
    _require(fits and len(value) == (size or len(value)) > 0, name, "one number a profile", value)
    _require(bool(np.isfinite(value).all()), name, "finite", "other numbers")
