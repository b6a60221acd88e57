"""The domain of position auctions: slots with click rates, and one value per click."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sklauction.domains.auctions import NUDGE, UNIT, Auction
from sklauction.domains.base import name_of
from sklauction.utils.saving import savable
from sklauction.utils.types import Array, Fields, Tensor
from sklauction.utils.validation import check_numbers

__all__ = ["Slots"]


@savable
@dataclass(frozen=True)
class Slots(Auction):
    """The domain of position auctions, where slots differ in their click rates.

    Slots on a page get clicks at known rates, and each bidder gets at most one slot [1]_ [2]_. A
    bidder reports one number, its value per click. Its allocation is its expected number of
    clicks, in an array of shape (n_samples, n_bidders, 1), and its utility is the value of these
    clicks minus its payment.

    Clicks are feasible if a lottery over assignments of slots to bidders yields them. This holds
    if they are non-negative and, for every k, the k largest sum to at most the k highest click
    rates: they are weakly majorised by the click rates [3]_. There may be fewer slots than
    bidders, or more.

    Parameters
    ----------
    click_rates : array-like of shape (n_slots,)
        Expected number of clicks of each slot, positive, the best slot first. The unit is free,
        such as clicks per view or per hour. Stored as a tuple.

    Raises
    ------
    ValueError
        If the click rates are not positive numbers in non-increasing order.

    See Also
    --------
    sklauction.measure_regret : Audits a position auction, with ``domain=Slots(...)``.
    sklauction.CallableAuction : Makes an estimator of one, with ``demand=Slots(...)``.
    sklauction.domains.auctions.Auction : The domain of auctions of items.

    Notes
    -----
    Infeasibility is given as a share of the highest click rate.

    The audit tries reports at, just below and just above each other bid. It is therefore exact for
    every auction in which the outcome of a bidder depends only on the rank of its bid and on the
    other bids, such as the generalised second-price auction.

    References
    ----------
    .. [1] Edelman, Ostrovsky & Schwarz, "Internet Advertising and the Generalized Second-Price
       Auction", American Economic Review 97(1), 2007.
    .. [2] Varian, "Position Auctions", International Journal of Industrial Organization 25(6),
       2007.
    .. [3] Marshall, Olkin & Arnold, "Inequalities: Theory of Majorization and Its Applications",
       2nd edition, 2011, chapter 2.

    Examples
    --------
    An example of [1]_: two slots get 200 and 199 clicks per hour, and the values per click are 10,
    4 and 2. In the generalised second-price auction, a bidder pays the next bid for each click.
    With a bid between 2 and 4, the first bidder gets 199 clicks for 2 each instead of 200 clicks
    for 4 each, and gains 1592 - 1200.

    >>> import numpy as np
    >>> from sklauction import measure_regret
    >>> from sklauction.domains import Slots
    >>> slots = Slots([200, 199])
    >>> def next_price(bids):
    ...     clicks = slots.best(bids)
    ...     ranked = -np.sort(-bids[:, :, 0], axis=1)
    ...     rank = (bids[:, None, :, 0] > bids).sum(axis=2)
    ...     following = np.take_along_axis(np.pad(ranked, [(0, 0), (0, 1)]), rank + 1, axis=1)
    ...     return clicks, clicks[:, :, 0] * following
    >>> values = np.array([[[10.0], [4.0], [2.0]]])
    >>> next_price(values)[1]
    array([[800., 398.,   0.]])
    >>> measure_regret(next_price, values, domain=slots, random_state=0).regrets
    array([[392.,   0.,   0.]])
    """

    name: str = field(default="slots", init=False, repr=False)
    exclusive: bool = field(default=False, init=False, repr=False)
    click_rates: tuple

    shape = (None, 1)

    def __post_init__(self):
        rates = check_numbers(self.click_rates, "click_rates", ("n_slots",))
        if rates[-1] <= 0 or (rates[1:] > rates[:-1]).any():
            raise ValueError(
                "click_rates must be positive and in non-increasing order, the best slot first; "
                f"got {rates.tolist()}"
            )
        object.__setattr__(self, "click_rates", tuple(rates.tolist()))

    def infeasibility(self, allocations: np.ndarray) -> np.ndarray:
        """Return the largest excess of the k largest clicks over the k highest rates.

        Parameters
        ----------
        allocations : ndarray of shape (n_samples, n_bidders, 1)
            Expected clicks.

        Returns
        -------
        ndarray of shape (n_samples,)
            As a share of the highest click rate, at least 0; not finite where sums overflow.
        """
        top = self.click_rates[0]
        with np.errstate(over="ignore", invalid="ignore"):
            clicks = -np.sort(-allocations[:, :, 0] / top, axis=1)
            rates = self._rates_of_ranks(clicks.shape[1]) / top
            excess = (clicks.cumsum(axis=1) - rates.cumsum()).max(axis=1)
            return np.maximum(np.maximum(excess, -clicks[:, -1]), 0.0)

    def best_set(self, values: np.ndarray) -> np.ndarray:
        """Return the value of the clicks of the best slot.

        Parameters
        ----------
        values : ndarray of shape (..., 1)
            Values per click.

        Returns
        -------
        ndarray of shape (...)
            In the unit of the values.
        """
        return values[..., 0] * self.click_rates[0]

    def best(self, worths: np.ndarray) -> np.ndarray:
        """Return the clicks of the greatest total worth: higher values get better slots.

        Parameters
        ----------
        worths : ndarray of shape (n_samples, n_bidders, 1)
            Values per click. Of equal ones, that of the first bidder ranks higher.

        Returns
        -------
        ndarray of shape (n_samples, n_bidders, 1)
            Expected clicks; none at values of zero or less.
        """
        ranks = np.argsort(np.argsort(-worths, axis=1, kind="stable"), axis=1)
        return self._rates_of_ranks(worths.shape[1])[ranks] * (worths > 0)

    def n_scores(self, n_agents: int, n_entries: int) -> int:
        """Return the number of scores of an auction of the slots to bidders of unit demand."""
        return UNIT.n_scores(n_agents, len(self.click_rates))

    def decide(self, scores: Tensor, reports: Tensor) -> Fields:
        """Return the clicks of an auction of the slots to bidders of unit demand."""
        rates = scores.new_tensor(self.click_rates)
        allocations, payments = UNIT.decide(scores, reports * rates)
        return (allocations @ rates).unsqueeze(2), payments

    def deviations(self, truth: Array, others: Array, low: Array, high: Array) -> Array:
        """Return reports at, just below and just above each other bid, within the box.

        Just below and just above means at most half way to the next other bid.
        """
        bids = np.sort(np.clip(others.reshape(len(truth), -1), low, high), axis=1)
        bottom, top = (np.broadcast_to(end, (len(truth), 1)) for end in (low, high))
        gaps = np.diff(np.concatenate([bottom, bids, top], axis=1), axis=1)
        steps = np.minimum(NUDGE * (high - low), gaps / 2)
        reports = np.concatenate([bids - steps[:, :-1], bids, bids + steps[:, 1:]], axis=1)
        return reports[:, :, None]

    def label(self, agent: int | str, entry: int | str) -> str:
        """Return the label of an axis that shows a value per click."""
        return f"{name_of(self.agent, agent)}'s value per click, money"

    def _rates_of_ranks(self, n_bidders):
        """Return the click rates of bidders by rank; 0 for those below the last slot."""
        rates = np.zeros(n_bidders)
        n_filled = min(n_bidders, len(self.click_rates))
        rates[:n_filled] = self.click_rates[:n_filled]
        return rates
