"""Values as plain JSON and arrays, and back, without running code from the file.

A value becomes null, a bool, a number, a string, a list, or an object with one key, its tag
(``{"$tuple": [...]}``). Objects are named by their class, which must be one of
:mod:`sklauction.persistence.classes`. The JSON refers to arrays by name.
"""

import contextlib
import functools
import json
import math
import sys

import numpy as np
from scipy import stats

from sklauction.persistence.auctions import auction_parts, make_auction
from sklauction.persistence.classes import (
    find_auction,
    find_class,
    find_function,
    find_scipy,
    is_auction_class,
    name_of_function,
    savable_of,
)
from sklauction.utils.constraints import count, number
from sklauction.utils.saving import check_array

__all__ = ["Decoder", "Encoder", "value_errors_only"]

# Bytes of the longest numbers in safetensors.
LONGEST_NUMBER = 8
# Words of the state of RandomState.
N_WORDS = 624
# Bytes of arrays that a value may refer to, besides each array four times: an object may copy them.
MOST_REFERENCED, REFERENCES = 1 << 28, 4
# Most objects of a kind that take long to make. Equal distributions count once.
MOST_OBJECTS = {"$auction": 64, "$random": 64, "$scipy": 4096}


@contextlib.contextmanager
def value_errors_only():
    """Turn any error that a malformed file causes into a ValueError; silence numpy's warnings."""
    try:
        with np.errstate(all="ignore"):
            yield
    except (ImportError, ValueError):
        raise
    except Exception as error:
        raise ValueError(f"it is malformed ({type(error).__name__}: {error!s:.200})") from error


class Encoder:
    """Turn values into plain JSON and arrays.

    Attributes
    ----------
    arrays : dict of {str: ndarray}
        Arrays that the JSON refers to.
    """

    def __init__(self):
        self.arrays = {}
        # id -> (array, name). An array in several places is stored once; the reference keeps its
        # id from being reused.
        self._kept = {}

    def encode(self, value, place):
        """Return a value as plain JSON.

        Parameters
        ----------
        value : object
        place : str
            Where the value is, for messages and for the names of arrays.

        Returns
        -------
        None, bool, int, float, str, list or dict

        Raises
        ------
        TypeError
            If a file may not hold the value or a part of it, such as a function.
        """
        if isinstance(value, np.generic) and value.dtype.kind in "biufU":
            value = value.item()
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"$float": repr(float(value))}
        for kind, write in (
            (list, self._list),
            (dict, self._dict),
            (np.ndarray, self._array),
            (np.random.RandomState, self._random),
        ):
            if isinstance(value, kind):
                return write(value, place)
        return self._object(value, place)

    def _list(self, value, place):
        return [self.encode(item, f"{place}[{k}]") for k, item in enumerate(value)]

    def _dict(self, value, place, inside="{}[{!r}]"):
        """Return a dict; ``inside`` is the format of an item's place, made of place and key."""
        pairs = [
            [self.encode(key, place), self.encode(item, inside.format(place, key))]
            for key, item in value.items()
        ]
        return {"$dict": pairs}

    def _array(self, value, place):
        if value.dtype.kind in "OU":
            return {"$objects": [list(value.shape), self._list(value.ravel(), place)]}
        return {"$array": self._keep(value, place)}

    def _keep(self, value, place):
        if id(value) in self._kept:
            return self._kept[id(value)][1]
        if value.dtype.kind not in "biuf" or value.dtype.itemsize > LONGEST_NUMBER:
            raise TypeError(f"{place} is an array of {value.dtype}, which cannot be saved")
        # The number makes names unique.
        name = f"{len(self.arrays)} {place}".encode("ascii", "backslashreplace").decode()
        self.arrays[name] = np.array(value, dtype=value.dtype.newbyteorder("="), order="C")
        self._kept[id(value)] = (value, name)
        return name

    def _random(self, value, place):
        state = value.get_state(legacy=False)
        if state["bit_generator"] != "MT19937":
            raise TypeError(
                f"{place} must draw by RandomState's default MT19937 to be saved; got "
                f"{state['bit_generator']}"
            )
        _, keys, *others = value.get_state()
        return {"$random": [self._array(keys, place), *self._list(others, place)]}

    def _object(self, value, place):
        cls, known = type(value), savable_of(type(value))
        if cls is tuple:
            return {"$tuple": self._list(value, place)}
        if _is_tensor(value):
            return self._tensor(value, place)
        if _is_scipy(value):
            parts = [value.dist.name, self._list(value.args, place), self._dict(value.kwds, place)]
            return {"$scipy": parts}
        if name_of_function(value) is not None:
            return {"$function": name_of_function(value)}
        if is_auction_class(cls):
            inside = "{}.{}" if place else "{}{}"
            parts = [self._dict(part, place, inside) for part in auction_parts(value)]
            return {"$auction": [cls.__name__, *parts]}
        if known is not None and known.tag == "$module":
            from sklauction.persistence.modules import module_parts

            return {known.tag: [cls.__name__, self._dict(module_parts(value), place, "{}.{}")]}
        if known is not None:
            state = {key: getattr(value, held) for key, held in known.attributes.items()}
            return {known.tag: [cls.__name__, self._dict(state, place)]}
        raise TypeError(
            f"{place or 'auction'} is {value!r:.80}, which cannot be saved without pickle: a file "
            "holds numbers, strings, arrays, distributions of scipy.stats, and auctions and "
            "priors of this package"
        )

    def _tensor(self, value, place):
        try:
            array = value.detach().cpu().numpy()
        except (TypeError, RuntimeError) as error:
            raise TypeError(f"{place} is a tensor that cannot be saved: {error}") from error
        return {"$tensor": self._keep(array, place)}


class Decoder:
    """Turn plain JSON and arrays into values again, without running code from the file.

    The values take no more memory than the JSON and the arrays: tensors share that of the arrays.

    Parameters
    ----------
    arrays : dict of {str: ndarray}
        Arrays that the JSON refers to.
    """

    def __init__(self, arrays):
        self.arrays = arrays
        self._left = MOST_REFERENCED + REFERENCES * sum(one.nbytes for one in arrays.values())
        self._numbers, self._distributions = dict.fromkeys(MOST_OBJECTS, 0), {}

    def decode(self, value):
        """Return the value that :meth:`Encoder.encode` was given.

        Parameters
        ----------
        value : None, bool, int, float, str, list or dict

        Returns
        -------
        object

        Raises
        ------
        ValueError
            If it does not have the form that the encoder writes.
        """
        with value_errors_only():
            return self._make(value)

    def _make(self, value):
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, list):
            return self._list(value)
        if not isinstance(value, dict) or len(value) != 1:
            raise ValueError("it holds a value without a tag")
        ((tag, content),) = value.items()
        make = self._makers.get(tag)
        if make is None:
            raise ValueError(f"it holds a value with the unknown tag {tag!r:.40}")
        return make(content)

    @functools.cached_property
    def _makers(self):
        """Functions that make values of their content, by tag."""
        return {
            "$array": self._array,
            "$auction": self._auction,
            "$dict": self._dict,
            "$float": self._float,
            "$function": find_function,
            "$module": self._module,
            "$object": lambda content: self._object(content, "$object"),
            "$objects": self._objects,
            "$random": self._random,
            "$record": lambda content: self._object(content, "$record"),
            "$scipy": self._scipy,
            "$tensor": self._tensor,
            "$tuple": lambda items: tuple(self._list(items)),
        }

    def _list(self, items):
        if not isinstance(items, list):
            raise ValueError(f"it holds {items!r:.40} for a list")
        return [self._make(item) for item in items]

    def _count(self, tag):
        """Count an object; raise ValueError if there are too many of its kind."""
        self._numbers[tag] += 1
        if self._numbers[tag] > MOST_OBJECTS[tag]:
            raise ValueError(f"it holds more than {MOST_OBJECTS[tag]:,} objects with the tag {tag}")

    def _parts(self, content, n_parts):
        """Return a list of this length, or raise ValueError."""
        if not isinstance(content, list) or len(content) != n_parts:
            raise ValueError(f"it holds {content!r:.40} for a list of {n_parts} parts")
        return content

    def _dict(self, pairs):
        made = {}
        for pair in self._parts(pairs, len(pairs)):
            key, item = self._parts(pair, 2)
            made[self._make(key)] = self._make(item)
        return made

    def _names(self, value):
        """Return a dict whose keys are strings."""
        made = self._make(value)
        if not isinstance(made, dict) or not all(isinstance(name, str) for name in made):
            raise ValueError(f"it holds {value!r:.40} for a dict of names")
        return made

    def _float(self, text):
        if text not in ("inf", "-inf", "nan"):
            raise ValueError(f"it holds {text!r:.40} for a float")
        return float(text)

    def _array(self, name):
        if not isinstance(name, str) or name not in self.arrays:
            raise ValueError(f"it lacks the array {name!r:.80}")
        self._left -= self.arrays[name].nbytes
        if self._left < 0:
            raise ValueError(f"it refers to large arrays too often, such as {name!r:.80}")
        return self.arrays[name]

    def _tensor(self, name):
        import torch

        return torch.from_numpy(self._array(name))

    def _objects(self, content):
        shape, items = self._parts(content, 2)
        shape, items = self._list(shape), self._list(items)
        counts = all(isinstance(size, int) and size >= 0 for size in shape)
        if not counts or math.prod(shape) != len(items):
            raise ValueError(f"it holds {len(items)} objects for an array of shape {shape!r:.40}")
        return np.fromiter(items, object, len(items)).reshape(shape)

    def _random(self, content):
        self._count("$random")
        keys, position, has_gauss, gauss = self._parts(content, 4)
        keys = self._make(keys)
        check_array(keys, "the state of a RandomState", (N_WORDS,), "u")
        # numpy does not check the position, and would draw from memory outside of the state.
        count(0, N_WORDS).check(position, "the position of a RandomState")
        count(0, 1).check(has_gauss, "has_gauss of a RandomState")
        number().check(gauss, "gauss of a RandomState")
        random = np.random.RandomState(0)
        random.set_state(("MT19937", keys, position, has_gauss, gauss))
        return random

    def _scipy(self, content):
        """Return a frozen distribution, without evaluating it: that of some never ends."""
        key = json.dumps(content)
        if key not in self._distributions:
            self._count("$scipy")
            name, args, kwds = self._parts(content, 3)
            args, kwds = self._list(args), self._names(kwds)
            for value in (*args, *kwds.values()):
                number().check(value, f"parameters of the distribution {name!r:.40}")
            self._distributions[key] = find_scipy(name)(*args, **kwds)
        return self._distributions[key]

    def _object(self, content, tag):
        name, state = self._parts(content, 2)
        cls, _, attributes = find_class(name, tag)
        state = self._names(state)
        if set(state) != set(attributes):
            raise ValueError(f"a {name} holds {', '.join(attributes)}; got {list(state)!r:.80}")
        return cls(**state)

    def _auction(self, content):
        self._count("$auction")
        name, parameters, fitted = self._parts(content, 3)
        cls = find_auction(name)  # first: its module registers the classes of its parts
        return make_auction(cls, self._names(parameters), self._names(fitted))

    def _module(self, content):
        from sklauction.persistence.modules import module_from_parts

        name, parts = self._parts(content, 2)
        return module_from_parts(name, self._names(parts))


def _is_tensor(value):
    """Return whether a value is a tensor, without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _is_scipy(value):
    """Return whether a value is a frozen distribution of scipy.stats, not of a subclass."""
    if not isinstance(value, stats.distributions.rv_frozen):
        return False
    family = value.dist
    known = type(getattr(stats, family.name, None)) is type(family)
    return known and type(value) is type(family.freeze(*value.args, **value.kwds))
