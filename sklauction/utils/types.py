"""Names of the types in annotations.

A class of a package that is not always loaded is known to type checkers only; at run time its name
stands for any type.
"""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame
    from torch import Tensor
else:
    Axes = DataFrame = Tensor = Any

__all__ = [
    "AnySeed",
    "Array",
    "ArrayLike",
    "Auto",
    "Axes",
    "Callbacks",
    "DataFrame",
    "Distribution",
    "Effort",
    "Estimator",
    "Fields",
    "FilePath",
    "Fitted",
    "Mechanism",
    "Profiles",
    "Record",
    "Seed",
    "Switch",
    "Table",
    "Tensor",
]


class Table(Protocol):
    """A DataFrame of any library."""

    @property
    def columns(self) -> Any:
        """Names of the columns."""


class Fitted(Protocol):
    """A fitted auction, or another estimator that predicts outcomes."""

    def predict(self, X: Any) -> Any:
        """Return outcomes."""


# An array of numpy or a tensor of torch.
Array = Any
# The fields of an outcome, or of what concerns one agent.
Fields = Sequence[Array]
# Valuations, bids, types or reports, one profile per row.
Profiles = ArrayLike | Table
# A frozen distribution of scipy.stats, which has no annotations, or an object like one.
Distribution = Any
# A fitted auction or a record, in layers below its class.
Estimator = Any
Record = Any
# What an audit takes: an estimator, or a function or module from profiles to outcomes.
Mechanism = Fitted | Callable[..., Any]
# How hard an audit searches.
Effort = Literal["quick", "default", "thorough"] | int
# A value that is chosen from the data.
Auto = Literal["auto"]
# A choice that can be left to the data.
Switch = bool | Auto
# What scikit-learn takes as random_state; AnySeed may also be a generator.
Seed = int | np.random.RandomState | None
AnySeed = Seed | np.random.Generator
# Callbacks of skorch, which has no annotations.
Callbacks = Sequence[Any] | None
FilePath = str | os.PathLike[str]
