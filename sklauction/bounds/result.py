"""Record of lower and upper bounds on the optimal revenue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np

from sklauction.utils.numbers import format_money
from sklauction.utils.tables import html_table, make_frame
from sklauction.utils.types import ArrayLike, DataFrame
from sklauction.utils.validation import check_number, to_floats

__all__ = ["RevenueBounds"]


class _Bounds(NamedTuple):
    lowers: dict[str, float]
    uppers: dict[str, float]


class RevenueBounds(_Bounds):
    """Lower and upper bounds on the optimal revenue of dominant-strategy auctions.

    Lower bounds are revenues of auctions; upper bounds are mostly dual solutions [1]_.

    Parameters
    ----------
    lowers : dict of {str: float}
        Revenue of auctions, by name, in money.
    uppers : dict of {str: float}
        Upper bounds by argument, in money.

    Raises
    ------
    ValueError
        If a field is not a non-empty dict of finite numbers; in :meth:`share`, if the revenue is
        not numeric.
    ImportError
        In :meth:`to_frame`, if pandas is not installed.

    See Also
    --------
    sklauction.optimal_revenue_bounds : Computes the bounds.

    References
    ----------
    .. [1] Cai, Devanur & Weinberg, "A Duality Based Unified Approach to Bayesian Mechanism
       Design", STOC 2016.

    Examples
    --------
    >>> from sklauction.bounds.result import RevenueBounds
    >>> bounds = RevenueBounds({"item by item": 0.8, "bundle": 0.84}, {"welfare": 1.4})
    >>> bounds.lower, bounds.upper, bounds.lower_source
    (0.84, 1.4, 'bundle')
    >>> bounds.share(0.63)
    (0.45, 0.75)
    """

    __slots__ = ()

    def __new__(cls, lowers: Mapping[str, float], uppers: Mapping[str, float]) -> Self:
        """Validate the fields."""
        return super().__new__(cls, _checked(lowers, "lowers"), _checked(uppers, "uppers"))

    @property
    def lower(self) -> float:
        """Largest lower bound, in money."""
        return max(self.lowers.values())

    @property
    def upper(self) -> float:
        """Smallest upper bound, in money; at least the lower bound."""
        return max(min(self.uppers.values()), self.lower)

    @property
    def lower_source(self) -> str:
        """Auction that attains the lower bound."""
        return max(self.lowers, key=lambda name: self.lowers[name])

    @property
    def upper_source(self) -> str:
        """Argument that gives the upper bound."""
        return min(self.uppers, key=lambda name: self.uppers[name])

    def share(self, revenue: ArrayLike) -> tuple[Any, Any]:
        """Return bounds on the ratio of a revenue to the optimum.

        Parameters
        ----------
        revenue : float or array-like of any shape
            In money.

        Returns
        -------
        at_least, at_most : float or ndarray of the shape of revenue
            Ratios to the upper and to the lower bound; infinite if that is 0 or the ratio
            overflows.

        Raises
        ------
        ValueError
            If the revenue is not numeric or not finite.
        """
        revenue = to_floats(revenue, "revenue must contain numbers")
        if not np.isfinite(revenue).all():
            raise ValueError(f"revenue must be finite; got {revenue!r}")
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            least, most = (
                np.where(bound == 0, np.inf, np.divide(revenue, bound))
                for bound in (self.upper, self.lower)
            )
        return (least, most) if np.ndim(revenue) else (float(least), float(most))

    def to_frame(self) -> DataFrame:
        """Return the bounds as a table with one row per bound. Requires pandas.

        Returns
        -------
        pandas.DataFrame
            Column ``revenue`` (money), indexed by ``bound`` (``"lower"`` or ``"upper"``) and
            ``source``, the auction or argument.

        Raises
        ------
        ImportError
            If pandas is not installed.

        Examples
        --------
        >>> from sklauction import RevenueBounds
        >>> bounds = RevenueBounds({"item by item": 0.8, "bundle": 0.84}, {"welfare": 1.4})
        >>> bounds.to_frame()["revenue"].groupby("bound").max().to_dict()
        {'lower': 0.84, 'upper': 1.4}
        """
        sides, sources, revenues = zip(*self._rows())
        return make_frame({"revenue": revenues}, {"bound": sides, "source": sources})

    def _repr_html_(self):
        rows = ((side, source, format_money(one, 6)) for side, source, one in self._rows())
        title = f"optimal revenue {self.lower:.6g} to {self.upper:.6g}"
        return html_table(title, rows, ("bound", "source", "revenue"))

    def _rows(self):
        """Return side, source and revenue of each bound."""
        sides = (("lower", self.lowers), ("upper", self.uppers))
        return [(side, *bound) for side, bounds in sides for bound in bounds.items()]

    def __str__(self):
        return (
            f"optimal revenue {self.lower:.6g} to {self.upper:.6g}\n"
            f"  at least: {self.lower_source}\n"
            f"  at most:  {self.upper_source}"
        )


def _checked(bounds, name):
    """Return a dict of bounds as floats."""
    if not isinstance(bounds, dict) or not bounds:
        raise ValueError(f"{name} must be a non-empty dict of bounds; got {bounds!r}")
    return {key: check_number(one, f"{name}[{key!r}]") for key, one in bounds.items()}
