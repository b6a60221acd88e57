"""The domain of a seller's auctions: bidders, items, money, and what a bidder can get at once."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import linear_sum_assignment

from sklauction.domains.base import Domain, name_of
from sklauction.domains.outcome import AuctionOutcome
from sklauction.domains.rule import Rule
from sklauction.utils.constraints import Constraint, choice
from sklauction.utils.saving import savable
from sklauction.utils.types import Array, Fields, Tensor

__all__ = ["ADDITIVE", "ANY_AUCTION", "DEMAND", "UNIT", "Auction", "Demand", "auction_of"]

# Limits of the largest valuation in fit, so that products of two amounts do not overflow.
MONEY = 1e-200, 1e200
# Margin above a rival's bid, as a share of the range: well above float32 rounding.
NUDGE = 1e-6
# Number of ranks of the other bids, from the highest, at which the audit tries a tie.
TIED_RANKS = 3


@savable
@dataclass(frozen=True)
class Auction(Domain):
    """The domain of one seller's auctions, where a bidder's options are the items.

    The type of a bidder is its value of each item. Its utility is the value of what it gets minus
    its payment [1]_. If options do not exclude one another, demand is additive. If any two do, a
    bidder gets at most one item (unit demand).

    Parameters
    ----------
    name : str
        Value of the parameter ``demand`` of auctions.
    exclusive : bool, default=False
        Whether a bidder can get one option only.

    Raises
    ------
    ValueError
        If a parameter is not of its type.

    See Also
    --------
    sklauction.domains.base.Domain : Explains the methods.

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019, section 2.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.domains import ADDITIVE, UNIT
    >>> values = np.array([[[3.0, 2.0], [1.0, 1.0]]])
    >>> ADDITIVE.best(values)[0], UNIT.best(values)[0]
    (array([[1., 1.],
           [0., 0.]]), array([[1., 0.],
           [0., 1.]]))
    """

    name: str
    exclusive: bool = False

    agent, entry = "bidder", "item"
    objective_name, score_text, score_power = "revenue", "sqrt(P) - sqrt(R)", 0.5
    unit, score_unit = "money", "$\\sqrt{\\mathrm{money}}$"
    lowest = objective_lowest = 0.0
    scaled = ("payments",)
    outcome_class = AuctionOutcome
    shape = (None, None)
    rules = {
        "ir": Rule(
            "the payment of bidder {agent} in {name} exceeds the reported value of its allocation",
            "largest IR violation",
            scaled=True,
        ),
        "infeasibility": Rule("the allocations of {name} are infeasible", "largest infeasibility"),
        "subsidy": Rule(
            "the payment of bidder {agent} in {name} is negative", "largest subsidy", scaled=True
        ),
    }

    def __post_init__(self):
        if not isinstance(self.name, str) or not isinstance(self.exclusive, bool):
            raise ValueError(f"name must be a str and exclusive a bool; got {self!r:.80}")

    def fields(self, n_agents: int, n_entries: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of allocations and payments."""
        return {"allocations": (n_agents, n_entries), "payments": (n_agents,)}

    def part(self, outcome: Fields, agent: int) -> tuple[Array, ...]:
        """Return the bidder's allocation and payment."""
        return outcome[0][..., agent, :], outcome[1][..., agent]

    def worth(self, types: Array, part: Fields) -> Array:
        """Return the utility ``<v, a> - p``.

        The sum over items holds for exclusive options, too, where a feasible allocation is a
        lottery over single items.
        """
        got, paid = part
        return _dot(types, got) - paid

    def worths(self, types: Array, part: Fields) -> Array:
        """Return the utilities of all pairs, by one matrix product."""
        got, paid = part
        if isinstance(types, np.ndarray):
            # einsum, because BLAS threads compete with those of torch and slow down fits.
            return np.einsum("...kj,...lj->...kl", types, got) - paid[..., None, :]
        return types @ got.transpose(-2, -1) - paid.unsqueeze(-2)

    def gain(self, types: Array, part: Fields, other: Fields) -> Array:
        """Return the gain in utility; differences first, for the sake of rounding."""
        return _dot(types, part[0] - other[0]) - (part[1] - other[1])

    def utilities(self, types: Array, outcome: Fields) -> Array:
        """Return each bidder's utility, not finite where it overflows."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.worth(types, outcome)

    def objective(self, types: Array, outcome: Fields) -> Array:
        """Return the revenue: the sum of payments."""
        return outcome[1].sum(-1)

    def score(self, objective: Array, regret: Array) -> Array:
        """Return ``sqrt(P) - sqrt(R)``; see :func:`~sklauction.auction_score`."""
        return np.sqrt(np.maximum(objective, 0.0)) - np.sqrt(np.maximum(regret, 0.0))

    def violations(self, reports: np.ndarray, outcome: Fields) -> dict[str, np.ndarray]:
        """Return infeasibility per profile, and each bidder's payment above its reported value."""
        overpaid = np.maximum(-self.utilities(reports, outcome), 0.0)
        return {"infeasibility": self.infeasibility(outcome[0]), "ir": overpaid}

    def defects(self, reports: np.ndarray, outcome: Fields) -> dict[str, np.ndarray]:
        """Return violations and negative payments."""
        return {**self.violations(reports, outcome), "subsidy": np.maximum(-outcome[1], 0.0)}

    def infeasibility(self, allocations: np.ndarray) -> np.ndarray:
        """Return the largest violation of an allocation constraint, per profile.

        Parameters
        ----------
        allocations : ndarray of shape (n_samples, n_bidders, n_items)
            Probability that a bidder gets an item.

        Returns
        -------
        ndarray of shape (n_samples,)
            In probability, at least 0; not finite where sums overflow.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            total = _reduce(np.maximum, _reduce(np.add, allocations))
            least = _reduce(np.minimum, _reduce(np.minimum, allocations))
            excess = np.maximum(total - 1.0, -least)
            if self.exclusive:
                excess = np.maximum(excess, (allocations.sum(axis=2) - 1.0).max(axis=1))
        return np.maximum(excess, 0.0)

    def best_set(self, values: np.ndarray) -> np.ndarray:
        """Return the largest value of options that do not exclude one another.

        Parameters
        ----------
        values : ndarray of shape (..., n_items)
            Non-negative values of the options.

        Returns
        -------
        ndarray of shape (...)
            In the unit of the values.
        """
        return values.max(axis=-1) if self.exclusive else values.sum(axis=-1)

    def limits(self, n_items: int) -> bool:
        """Return whether a bidder can get only a part of this many items.

        Parameters
        ----------
        n_items : int
            Number of items.

        Returns
        -------
        bool
            False for a single item, whatever the demand.
        """
        return self.exclusive and n_items > 1

    def best(self, worths: np.ndarray) -> np.ndarray:
        """Return the allocations of the greatest total worth; options of no worth are not given.

        Parameters
        ----------
        worths : ndarray of shape (n_samples, n_bidders, n_items)

        Returns
        -------
        ndarray of shape (n_samples, n_bidders, n_items)
            0 or 1.
        """
        _, n_bidders, n_items = worths.shape
        given = np.zeros(worths.shape)
        if n_bidders > 1 and self.limits(n_items):
            for row, table in zip(given, np.maximum(worths, 0.0)):
                row[linear_sum_assignment(table, maximize=True)] = 1.0
        else:
            axis = 2 if self.limits(n_items) else 1
            np.put_along_axis(given, worths.argmax(axis, keepdims=True), 1.0, axis)
        return given * (worths > 0)

    def n_scores(self, n_agents: int, n_entries: int) -> int:
        """Return the number of scores: of items, exits and payments."""
        exits = n_agents if self.exclusive else 0
        return n_agents * n_entries + n_entries + exits + n_agents

    def decide(self, scores: Tensor, reports: Tensor) -> Fields:
        """Return the allocations of :meth:`allocate`, at a fraction of the reported values."""
        _, n_agents, n_entries = reports.shape
        sizes = [n_agents * n_entries, n_entries, n_agents * self.exclusive, n_agents]
        given, keeping, nothing, paying = scores.split(sizes, dim=1)
        allocations = self.allocate(
            given.view(reports.shape), keeping.unsqueeze(1), nothing.unsqueeze(2)
        )
        return allocations, paying.sigmoid() * (allocations * reports).sum(dim=2)

    def allocate(self, scores: Tensor, item_exit: Tensor, bidder_exit: Array = None) -> Tensor:
        """Turn scores into feasible allocation probabilities.

        Additive demand: a softmax over the bidders and the option to keep the item [1]_. Exclusive
        options: the elementwise minimum of this and a softmax over the items and an empty item of
        each bidder. The minimum is doubly substochastic, hence a lottery over matchings.

        Parameters
        ----------
        scores : Tensor of shape (n, n_bidders, n_items)
            Score of giving the item to the bidder.
        item_exit : Tensor of shape (n, 1, n_items)
            Score of keeping the item.
        bidder_exit : Tensor of shape (n, n_bidders, 1), optional
            Score of giving the bidder nothing; required for exclusive options.

        Returns
        -------
        Tensor of shape (n, n_bidders, n_items)
            Probabilities.

        References
        ----------
        .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019,
           section 4.2 (additive and unit-demand architectures).
        """
        import torch

        by_item = torch.softmax(torch.cat([scores, item_exit], dim=1), dim=1)[:, :-1]
        if not self.exclusive:
            return by_item
        by_bidder = torch.softmax(torch.cat([scores, bidder_exit], dim=2), dim=2)[:, :, :-1]
        return torch.minimum(by_item, by_bidder)

    def soft_favourite(
        self, surplus: Tensor, at_zero: Tensor, sharpness: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return a bidder's softened choice of items, and its utility.

        Both are functions of scaled surpluses ``x_j`` of slope ``k_j`` in the value of item j, and
        the choice ``a`` is the gradient of the convex utility ``u``:

        * additive: ``a_j = sigmoid(x_j)`` and ``u = sum_j softplus(x_j) / k_j``;
        * exclusive: ``a_j = exp(x_j) / (1 + sum_j exp(x_j))``, ``u = log(1 + sum_j exp(x_j)) / k``,

        where the utility at values of zero is subtracted from ``u``.

        Parameters
        ----------
        surplus, at_zero : Tensor of shape (n, n_bidders, n_items)
            ``x`` at the values, and at values of zero.
        sharpness : Tensor broadcastable to (n_bidders, n_items)
            ``k``; for exclusive options the same for all items of a bidder.

        Returns
        -------
        allocations : Tensor of shape (n, n_bidders, n_items)
            Probabilities.
        utilities : Tensor of shape (n, n_bidders)
            In the unit of the values.
        """
        import torch
        from torch.nn.functional import softplus

        if not self.exclusive:
            utilities = ((softplus(surplus) - softplus(at_zero)) / sharpness).sum(dim=2)
            return torch.sigmoid(surplus), utilities
        nothing = torch.zeros_like(surplus[:, :, :1])
        with_exit = torch.cat([surplus, nothing], dim=2)
        above = with_exit.logsumexp(dim=2) - torch.cat([at_zero, nothing], dim=2).logsumexp(dim=2)
        return with_exit.softmax(dim=2)[:, :, :-1], above / sharpness[..., 0]

    def scale(self, types: np.ndarray) -> float:
        """Return the unit of money, sqrt(3) times the root mean square valuation.

        Raises
        ------
        ValueError
            If all valuations are zero, or the largest is below 1e-200 or above 1e200, where
            products under- or overflow.
        """
        top = types.max()
        if top <= 0:
            raise ValueError(
                "X must hold at least one positive valuation; got only zeros, for which every "
                "auction earns nothing"
            )
        least, most = MONEY
        if not least <= top <= most:
            raise ValueError(
                "X must be in a unit of money in which the largest valuation is between "
                f"{least:g} and {most:g}; got {top}"
            )
        return float(top * np.sqrt(3.0 * np.mean((types / top) ** 2)))

    def outside(self, outcome: Fields, reports: Tensor, low: Tensor) -> Fields:
        """Return nothing for bidders who would pay more than their reported value."""
        allocations, payments = outcome
        stays = (payments <= (allocations * reports).sum(-1)) | (reports >= low).all(-1)
        return allocations * stays[..., None], payments * stays

    def rivals(self, others: np.ndarray, low: np.ndarray) -> np.ndarray:
        """Return the highest bid of the other bidders on each item."""
        floor = np.broadcast_to(low, (len(others), 1, len(low)))
        return np.concatenate([others, floor], axis=1).max(axis=1)

    def deviations(self, truth: Array, others: Array, low: Array, high: Array) -> Array:
        """Return reports just above the rivals, and ties with other bidders.

        Just above the rivals and equal to them: on all items; on those that the truth exceeds,
        with the lowest report on the others; and on those, with the truth on the others. Then ties
        with the second and the third highest of the other bids, if there are any.
        """
        rivals = self.rivals(others, low)
        worth = truth > rivals
        reports = []
        for bid in (rivals + NUDGE * (high - low), rivals):
            bid = np.clip(bid, low, high)
            reports += [bid, np.where(worth, bid, low), np.where(worth, bid, truth)]
        ranked = np.clip(-np.sort(-others, axis=1)[:, 1:TIED_RANKS], low, high)
        for bid in ranked.swapaxes(0, 1):
            reports += [bid, np.where(worth, bid, truth)]
        return np.stack(reports, axis=1)

    def label(self, agent: int | str, entry: int | str) -> str:
        """Return the label of an axis that shows a value."""
        bidder, item = name_of(self.agent, agent), name_of(self.entry, entry)
        return f"{bidder}'s value for {item}, money"


ADDITIVE, UNIT = Auction("additive"), Auction("unit", exclusive=True)
# Values of the parameter ``demand``.
DEMANDS = {one.name: one for one in (ADDITIVE, UNIT)}
DEMAND = choice(*DEMANDS) | Constraint(
    lambda value: type(value) is Auction, "a domain of class Auction", (UNIT,)
)
# The type of the parameter, for annotations.
Demand = Literal["additive", "unit"] | Auction
# The same for auctions whose allocations are not computed by the package.
ANY_AUCTION = choice(*DEMANDS) | Constraint(
    lambda value: isinstance(value, Auction), "a domain of auctions, such as Slots", (UNIT,)
)


def auction_of(demand, legal=DEMAND):
    """Return the domain of a demand, a name or a domain; raise ValueError unless it is legal."""
    legal.check(demand, "demand")
    return DEMANDS.get(demand, demand)


def _dot(types, got):
    """Return the values of allocations, (...)."""
    if isinstance(types, np.ndarray):
        return np.einsum("...j,...j->...", types, got)
    return (types * got).sum(-1)


def _reduce(function, array):
    """Reduce the second axis; for a short one, up to twenty times as fast as numpy's reduce."""
    return functools.reduce(function, np.moveaxis(array, 1, 0))
