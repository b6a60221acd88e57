"""Values as plain JSON and arrays, and back, without running code from the file.

Every value becomes null, a truth value, a number, a string, a list, or an object with one key that
says what it is (``{"$tuple": [...]}``). Classes are named, and only those of
:mod:`sklauction.persistence.classes` are made again. Arrays are kept aside, by name.
"""

import contextlib
import math
import sys

import numpy as np

from sklauction.persistence.auctions import auction_parts, make_auction
from sklauction.persistence.classes import (
    OBJECTS,
    find_class,
    find_function,
    find_scipy,
    name_of,
    name_of_function,
)

__all__ = ["Decoder", "Encoder", "value_errors_only"]

# Numbers in arrays are of at most so many bytes: safetensors knows no longer ones.
LONGEST_NUMBER = 8


@contextlib.contextmanager
def value_errors_only():
    """Turn whatever a malformed file leads to into a ValueError, without warnings of numpy's."""
    try:
        with np.errstate(all="ignore"):
            yield
    except (ImportError, ValueError):
        raise
    except Exception as error:
        raise ValueError(f"it is malformed ({type(error).__name__}: {error!s:.200})") from error


class Encoder:
    """Turns values into plain JSON, and keeps their arrays aside.

    Attributes
    ----------
    arrays : dict of {str: ndarray}
        What the JSON refers to.
    """

    def __init__(self):
        self.arrays = {}
        # One array in several places is kept once; held here, so that no id is given twice.
        self._kept = {}

    def encode(self, value, place):
        """Return a value as plain JSON.

        Parameters
        ----------
        value : object
        place : str
            Where it is, for messages and for the names of arrays.

        Returns
        -------
        None, bool, int, float, str, list or dict

        Raises
        ------
        TypeError
            If it is, or holds, something that a file may not hold, such as a function.
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

    def _dict(self, value, place):
        return {
            "$dict": [
                [self.encode(key, place), self.encode(item, f"{place}[{key!r}]")]
                for key, item in value.items()
            ]
        }

    def _array(self, value, place):
        if value.dtype.kind in "OU":
            items = [self.encode(item, f"{place}[{k}]") for k, item in enumerate(value.ravel())]
            return {"$objects": [list(value.shape), items]}
        return {"$array": self._keep(value, place)}

    def _keep(self, value, place):
        if id(value) in self._kept:
            return self._kept[id(value)][1]
        if value.dtype.kind not in "biuf" or value.dtype.itemsize > LONGEST_NUMBER:
            raise TypeError(f"{place} is an array of {value.dtype}, which cannot be saved")
        # Numbered, so that no two places share a name.
        name = f"{len(self.arrays)} {place}".encode("ascii", "backslashreplace").decode()
        self.arrays[name] = np.array(value, order="C")
        self._kept[id(value)] = (value, name)
        return name

    def _random(self, value, place):
        state = value.get_state(legacy=False)
        if state["bit_generator"] != "MT19937":
            raise TypeError(
                f"{place} draws by {state['bit_generator']}, which cannot be saved: only "
                "RandomState's usual MT19937 can"
            )
        inner = state["state"]
        return {
            "$random": [
                self._array(inner["key"], place),
                int(inner["pos"]),
                int(state["has_gauss"]),
                float(state["gauss"]),
            ]
        }

    def _object(self, value, place):
        cls, name = type(value), name_of(type(value))
        if cls is tuple:
            return {"$tuple": self._list(value, place)}
        if _is_tensor(value):
            return self._tensor(value, place)
        if _is_scipy(value):
            parts = [value.dist.name, self._list(value.args, place), self._dict(value.kwds, place)]
            return {"$scipy": parts}
        if name_of_function(value) is not None:
            return {"$function": name_of_function(value)}
        if name in OBJECTS:
            state = {key: getattr(value, held) for key, held in OBJECTS[name].items()}
            return {"$object": [name, self._dict(state, place)]}
        if name is not None and hasattr(value, "get_params"):
            return {"$auction": [name, *self._auction(value, place)]}
        if name is not None and _is_network(value):
            return {"$module": [name, self._module(value, place)]}
        if name is not None and isinstance(value, tuple):
            parts = {key: getattr(value, key) for key in value._fields}
            return {"$record": [name, self._dict(parts, place)]}
        raise TypeError(
            f"{place or 'auction'} is {value!r:.80}, which cannot be saved without pickle: a file "
            "holds numbers, texts, arrays, distributions of scipy.stats and what this package "
            "makes of them"
        )

    def _auction(self, value, place):
        inside = f"{place}." if place else ""
        return [
            {"$dict": [[key, self.encode(part, f"{inside}{key}")] for key, part in parts.items()]}
            for parts in auction_parts(value)
        ]

    def _module(self, value, place):
        from sklauction.persistence.modules import take_apart

        parts = take_apart(value).items()
        return {"$dict": [[key, self.encode(part, f"{place}.{key}")] for key, part in parts]}

    def _tensor(self, value, place):
        try:
            array = value.detach().cpu().numpy()
        except (TypeError, RuntimeError) as error:
            raise TypeError(f"{place} is a tensor that cannot be saved: {error}") from error
        return {"$tensor": self._keep(array, place)}


class Decoder:
    """Makes values again from plain JSON and arrays; runs nothing that the file brings.

    What it makes takes no more memory than the JSON and the arrays do: tensors share theirs.

    Parameters
    ----------
    arrays : dict of {str: ndarray}
        What the JSON refers to.
    """

    def __init__(self, arrays):
        self.arrays = arrays

    def decode(self, value):
        """Return what :meth:`Encoder.encode` was given.

        Parameters
        ----------
        value : None, bool, int, float, str, list or dict

        Returns
        -------
        object

        Raises
        ------
        ValueError
            If it is not of the form that the encoder writes.
        """
        with value_errors_only():
            return self._make(value)

    def _make(self, value):
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, list):
            return self._list(value)
        if not isinstance(value, dict) or len(value) != 1:
            raise ValueError("it holds a value that does not say what it is")
        ((kind, content),) = value.items()
        make = self._makers().get(kind)
        if make is None:
            raise ValueError(f"it holds a value of the unknown kind {kind!r:.40}")
        return make(content)

    def _makers(self):
        """Return how each kind of value is made: tag -> function of the content."""
        return {
            "$array": self._array,
            "$auction": self._auction,
            "$dict": self._dict,
            "$float": self._float,
            "$function": find_function,
            "$module": self._module,
            "$object": self._object,
            "$objects": self._objects,
            "$random": self._random,
            "$record": self._record,
            "$scipy": self._scipy,
            "$tensor": self._tensor,
            "$tuple": lambda items: tuple(self._list(items)),
        }

    def _list(self, items):
        if not isinstance(items, list):
            raise ValueError(f"it holds {items!r:.40} for a list")
        return [self._make(item) for item in items]

    def _parts(self, content, n_parts):
        """Return a list of this many parts, as they are."""
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
        """Return a mapping from names."""
        made = self._make(value)
        if not isinstance(made, dict) or not all(isinstance(name, str) for name in made):
            raise ValueError(f"it holds {value!r:.40} for values by name")
        return made

    def _float(self, text):
        if text not in ("inf", "-inf", "nan"):
            raise ValueError(f"it holds {text!r:.40} for a float")
        return float(text)

    def _array(self, name):
        if not isinstance(name, str) or name not in self.arrays:
            raise ValueError(f"it lacks the array {name!r:.80}")
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
        array = np.empty(len(items), dtype=object)
        for place, item in enumerate(items):
            array[place] = item
        return array.reshape(shape)

    def _random(self, content):
        keys, position, has_gauss, gauss = self._parts(content, 4)
        random = np.random.RandomState()
        random.set_state(("MT19937", self._make(keys), position, has_gauss, gauss))
        return random

    def _scipy(self, content):
        name, args, kwds = self._parts(content, 3)
        return find_scipy(name)(*self._list(args), **self._names(kwds))

    def _object(self, content):
        name, state = self._parts(content, 2)
        if name not in OBJECTS:
            raise ValueError(f"{name!r:.80} is no object that a file may hold")
        state = self._names(state)
        if set(state) != set(OBJECTS[name]):
            raise ValueError(f"a {name} holds {', '.join(OBJECTS[name])}; got {list(state)!r:.80}")
        return find_class(name)(**state)

    def _auction(self, content):
        name, parameters, fitted = self._parts(content, 3)
        return make_auction(name, self._names(parameters), self._names(fitted))

    def _module(self, content):
        from sklauction.persistence.modules import put_together

        name, parts = self._parts(content, 2)
        return put_together(name, self._names(parts))

    def _record(self, content):
        name, parts = self._parts(content, 2)
        cls, parts = find_class(name), self._names(parts)
        if not issubclass(cls, tuple):
            raise ValueError(f"{name} is no record")
        if set(parts) != set(cls._fields):
            raise ValueError(f"a {name} holds {', '.join(cls._fields)}; got {list(parts)!r:.80}")
        return cls(**parts)


def _is_tensor(value):
    """Say whether a value is a tensor, without loading torch for a value that is none."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _is_network(value):
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def _is_scipy(value):
    """Say whether a value is a frozen distribution of a family in scipy.stats, as it is there."""
    family = getattr(value, "dist", None)
    if not (hasattr(value, "args") and hasattr(value, "kwds") and hasattr(family, "name")):
        return False
    try:
        same = type(find_scipy(family.name)) is type(family)
    except ValueError:
        return False
    return same and type(value) is type(family.freeze(*value.args, **value.kwds))
