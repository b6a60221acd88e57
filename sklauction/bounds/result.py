"""RevenueBounds: what the best auction earns, at least and at most, as a record."""

from collections import namedtuple

import numpy as np

from sklauction.utils.validation import check_number, to_floats

__all__ = ["RevenueBounds"]


class RevenueBounds(namedtuple("RevenueBounds", ["lowers", "uppers"])):
    """The revenue of the best dominant-strategy auction, at least and at most.

    A lower bound is what an auction earns; an upper bound is, as a rule, a dual solution of the
    problem of finding the best [1]_.

    Parameters
    ----------
    lowers : dict of {str: float}
        What known auctions earn, by name, in money.
    uppers : dict of {str: float}
        What no auction exceeds, by argument, in money.

    Raises
    ------
    ValueError
        If a field is no dict of at least one finite number by name; in :meth:`share`, if the
        revenue is no number.

    See Also
    --------
    sklauction.optimal_revenue_bounds : Makes it.

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

    def __new__(cls, lowers, uppers):
        """Check the fields."""
        checked = []
        for name, bounds in (("lowers", lowers), ("uppers", uppers)):
            if not isinstance(bounds, dict) or not bounds:
                raise ValueError(f"{name} must be a dict of bounds by name; got {bounds!r}")
            checked.append(
                {key: check_number(one, f"{name}[{key!r}]") for key, one in bounds.items()}
            )
        return super().__new__(cls, *checked)

    @property
    def lower(self):
        """Largest lower bound, in money."""
        return max(self.lowers.values())

    @property
    def upper(self):
        """Smallest upper bound, in money; not below the lower bound."""
        return max(min(self.uppers.values()), self.lower)

    @property
    def lower_source(self):
        """Auction that attains the lower bound."""
        return max(self.lowers, key=self.lowers.get)

    @property
    def upper_source(self):
        """Argument that gives the upper bound."""
        return min(self.uppers, key=self.uppers.get)

    def share(self, revenue):
        """Return which share of the optimum a revenue is, at least and at most.

        Parameters
        ----------
        revenue : float or array-like of any shape
            In money.

        Returns
        -------
        at_least, at_most : float or ndarray of the shape of revenue
            Relative to the upper and to the lower bound; infinite where that is 0, and where a
            share is beyond double precision.

        Raises
        ------
        ValueError
            If the revenue does not hold finite numbers.
        """
        try:
            revenue = to_floats(revenue)
        except ValueError as error:
            raise ValueError(f"revenue must hold numbers; got {error}") from error
        if not np.isfinite(revenue).all():
            raise ValueError("revenue must hold finite numbers; got some that are not")
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            least, most = (
                np.where(bound == 0, np.inf, np.divide(revenue, bound))
                for bound in (self.upper, self.lower)
            )
        return (least, most) if np.ndim(revenue) else (float(least), float(most))

    def __str__(self):
        lines = [
            f"optimal revenue {self.lower:.6g} to {self.upper:.6g}",
            f"  at least: {self.lower_source}",
            f"  at most:  {self.upper_source}",
        ]
        return "\n".join(lines)
