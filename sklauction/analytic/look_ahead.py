"""LookAheadAuction: the highest bidder gets a price learned from similar profiles."""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

import numpy as np

from sklauction.base import BaseAuction
from sklauction.utils.constraints import AUTO, FLAG, count, is_auto
from sklauction.utils.saving import fitted_array
from sklauction.utils.types import Auto, Profiles

__all__ = ["LookAheadAuction", "PriceTable", "fit_look_ahead", "price_table"]

# Cells of the tabulated prices, along the index and along the highest other bid.
N_INDEX, N_HIGHEST = 64, 32
# Numbers of neighbours that "auto" compares, as shares of the samples, and their lower limit.
SHARES, FEWEST = (0.3, 0.1, 0.03, 0.01), 50
# Weights of the highest other bid in the index; the mean of the other bids has the rest.
WEIGHTS = (1.0, 0.0)
# Folds of the held-out comparison, and the largest number of profiles in it.
N_FOLDS, COMPARED = 3, 10_000


class PriceTable(NamedTuple):
    """Prices of one item for one bidder, as a step function of the other bids.

    The highest bidder is offered ``prices`` of its cell, but at least the highest other bid.

    Parameters
    ----------
    index_edges : ndarray of shape (n_index,)
        Lower ends of the cells of the index, non-decreasing, in money.
    highest_edges : ndarray of shape (n_highest,)
        Lower ends of the cells of the highest other bid, non-decreasing, in money.
    prices : ndarray of shape (n_index, n_highest)
        In money.
    """

    index_edges: np.ndarray
    highest_edges: np.ndarray
    prices: np.ndarray

    def price(self, index, highest):
        """Return the price offered to the bidder if it is the highest.

        Parameters
        ----------
        index, highest : ndarray of shape (n_samples,)
            Index of the other bids, and the highest of them, in money.

        Returns
        -------
        ndarray of shape (n_samples,)
            At least ``highest``, in money.
        """
        row, column = _cell(self.index_edges, index), _cell(self.highest_edges, highest)
        return np.maximum(self.prices[row, column], highest)


class Choice(NamedTuple):
    """Which samples count as similar.

    Parameters
    ----------
    weight : float
        Weight of the highest other bid in the index, in [0, 1].
    share : float
        Number of neighbours as a share of the samples; 1 for no conditioning.
    """

    weight: float
    share: float


def price_table(values, index, highest, n_neighbors):
    """Return the prices of one item for one bidder, estimated from samples.

    In each cell of the index, the samples with the closest index stand for the conditional
    distribution of the bidder's value. For each cell of the highest other bid ``h``, the price
    maximises a lower estimate of the revenue, ``p (m - sqrt(m))``, over prices ``p >= h``. Here
    ``m`` is the number of neighbours with values of at least p. The root, a bound on the standard
    error of m, keeps the price from following few high values.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        Values of the bidder, in money.
    index : ndarray of shape (n_samples,)
        Index of the other bids, in money.
    highest : ndarray of shape (n_samples,)
        Highest other bids, in money.
    n_neighbors : int
        Number of samples of each cell of the index, at most n_samples.

    Returns
    -------
    PriceTable

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction.analytic.look_ahead import price_table
    >>> other = np.random.RandomState(0).uniform(size=10_000)
    >>> table = price_table(2 * other, other, other, n_neighbors=100)  # the other knows half
    >>> table.price(np.array([0.2, 0.7]), np.array([0.2, 0.7])).round(1)
    array([0.4, 1.4])
    """
    index_edges, windows = _windows(index, n_neighbors)
    highest_edges = _edges(highest, N_HIGHEST)
    order = np.argsort(index, kind="stable")
    nearby = np.sort(values[order][windows], axis=1)
    count_above = np.arange(n_neighbors, 0, -1)
    best = _last_argmax_from(nearby * (count_above - np.sqrt(count_above)))
    first = np.array([np.searchsorted(row, highest_edges) for row in nearby])
    place = np.take_along_axis(best, np.minimum(first, n_neighbors - 1), axis=1)
    # If no neighbour reaches the highest other bid, this is lower, and that bid is the price.
    return PriceTable(index_edges, highest_edges, np.take_along_axis(nearby, place, axis=1))


def _edges(samples, n_cells):
    """Return lower ends of cells with about equally many samples, each a sample."""
    ordered = np.sort(samples)
    return ordered[np.arange(n_cells) * len(ordered) // n_cells]


def _cell(edges, points):
    """Return the cell of each point; points below the first cell count to it."""
    return np.maximum(np.searchsorted(edges, points, side="right") - 1, 0)


def _windows(index, n_neighbors):
    """Return the cells of the index, and ranks of the samples closest to each cell's centre."""
    ordered, edges = np.sort(index), _edges(index, N_INDEX)
    start = np.searchsorted(ordered, edges)
    centre = (start + np.append(start[1:], len(ordered))) // 2
    first = np.clip(centre - n_neighbors // 2, 0, len(ordered) - n_neighbors)
    return edges, first[:, None] + np.arange(n_neighbors)


def _last_argmax_from(table):
    """Return, for each entry of a row, the place of the largest entry from there on."""
    size = table.shape[1]
    backwards = table[:, ::-1]
    is_best = backwards == np.maximum.accumulate(backwards, axis=1)
    return size - 1 - np.maximum.accumulate(np.where(is_best, np.arange(size), 0), axis=1)[:, ::-1]


def _other_bids(bids):
    """Return highest and mean of the other bids, each (n_samples, n_bidders, n_items).

    Computed from the other bids alone, as a difference of sums would depend on the own bid by
    rounding.
    """
    highest, mean = np.zeros(bids.shape), np.zeros(bids.shape)
    n_bidders = bids.shape[1]
    for bidder in range(n_bidders if n_bidders > 1 else 0):
        others = [bids[:, other] for other in range(n_bidders) if other != bidder]
        highest[:, bidder] = reduce(np.maximum, others)
        mean[:, bidder] = reduce(np.add, [bid / len(others) for bid in others])
    return highest, mean


def _index(highest, mean, weight):
    return weight * highest + (1 - weight) * mean


def _tables(bids, highest, mean, choice, symmetric):
    """Return the price table of each bidder for one item; arrays are (n_samples, n_bidders)."""
    index = _index(highest, mean, choice.weight)
    columns = [(bids.ravel(), index.ravel(), highest.ravel())]
    if not symmetric:
        columns = zip(bids.T, index.T, highest.T)
    tables = [price_table(*one, max(round(choice.share * len(one[0])), 1)) for one in columns]
    return tables * bids.shape[1] if symmetric else tables


def _prices(tables, highest, mean, weight):
    """Return the price of each bidder for one item, (n_samples, n_bidders)."""
    index = _index(highest, mean, weight)
    offers = [table.price(*one) for table, *one in zip(tables, index.T, highest.T)]
    return np.stack(offers, axis=1)


def _sells(bids, offers):
    """Return whether each bidder is the first highest and accepts its price."""
    bidders = np.arange(bids.shape[1]).reshape(1, -1, *(1,) * (bids.ndim - 2))
    return (bids >= offers) & (bids.argmax(axis=1, keepdims=True) == bidders)


def _choices(n_samples, n_bidders, n_neighbors):
    """Return the choices to compare; the first is the default."""
    weights = WEIGHTS if n_bidders > 2 else WEIGHTS[:1]
    if not is_auto(n_neighbors):
        return [Choice(weight, min(n_neighbors / n_samples, 1.0)) for weight in weights]
    shares = [share for share in SHARES if share * n_samples >= FEWEST and n_bidders > 1]
    return [Choice(1.0, 1.0), *(Choice(weight, share) for weight in weights for share in shares)]


def _earned(profiles, choices, symmetric):
    """Return the held-out revenue of one item for each choice, (n_choices, n_samples)."""
    earned = np.empty((len(choices), len(profiles[0])))
    fold = np.arange(len(profiles[0])) % N_FOLDS
    for k in range(N_FOLDS):
        known, fresh = ([part[keep] for part in profiles] for keep in (fold != k, fold == k))
        for place, choice in enumerate(choices):
            tables = _tables(*known, choice, symmetric)
            offers = _prices(tables, *fresh[1:], choice.weight)
            earned[place, fold == k] = np.sum(offers * _sells(fresh[0], offers), axis=1)
    return earned


def _best_choice(profiles, choices, symmetric):
    """Return the choice that earns most, or the first if none is better by a standard error."""
    if len(choices) == 1 or len(profiles[0]) < N_FOLDS:
        return choices[0]
    step = -(-len(profiles[0]) // COMPARED)
    earned = _earned([part[::step] for part in profiles], choices, symmetric)
    gains = earned - earned[0]
    error = gains.std(axis=1) / np.sqrt(gains.shape[1])
    means = np.where(gains.mean(axis=1) > error, gains.mean(axis=1), 0.0)
    return choices[int(means.argmax())]


def fit_look_ahead(valuations, n_neighbors="auto", symmetric=False):
    """Return the price tables of the look-ahead auction of each item.

    Parameters
    ----------
    valuations : ndarray of shape (n_samples, n_bidders, n_items)
        In money.
    n_neighbors : "auto" or int, default="auto"
    symmetric : bool, default=False

    Returns
    -------
    tables : list of n_items lists of n_bidders PriceTable
    choices : list of n_items Choice
    """
    choices = _choices(*valuations.shape[:2], n_neighbors)
    tables, chosen = [], []
    for profiles in zip(
        *(np.moveaxis(one, 2, 0) for one in (valuations, *_other_bids(valuations)))
    ):
        chosen.append(_best_choice(profiles, choices, symmetric))
        tables.append(_tables(*profiles, chosen[-1], symmetric))
    return tables, chosen


class LookAheadAuction(BaseAuction):
    """Look-ahead auction, run separately for each item: for dependent bidders.

    Only the highest bidder can win an item. It is offered a price that depends on the other bids:
    the price that earns most given these bids, and given that its value is at least the highest
    of them [1]_. If it rejects the price, the item is not sold. The price is never below the
    highest other bid and never depends on the bidder's own bid, so the auction is exactly truthful
    and individually rational for any values. Ties go to the first bidder.

    The distribution of a value given the other bids is that of the samples with the closest other
    bids, compared by their highest bid or their mean. If conditioning does not earn more on
    held-out profiles, all samples are used, and the price depends on the other bids only through
    the highest of them.

    Parameters
    ----------
    n_bidders : int, default=None
        Number of bidders, who are additive. None infers it from 3-D data.
    n_items : int, default=None
        Number of items; inferred from the data if None.
    n_neighbors : "auto" or int, default="auto"
        Number of samples that stand for the distribution of a value given the other bids. "auto"
        compares 1, 3, 10 and 30 percent of the samples, if these are at least 50, and no
        conditioning, by three-fold cross-validation of the revenue of each item. With an integer
        of at least the number of samples there is no conditioning.
    symmetric : bool, default=False
        Whether the bidders are exchangeable, so that their samples of an item are pooled.

    Attributes
    ----------
    price_tables_ : ndarray of shape (n_bidders, n_items, 64, 32)
        Prices before the comparison with the highest other bid, by cell of the index and of the
        highest other bid, in money.
    index_edges_ : ndarray of shape (n_bidders, n_items, 64)
        Lower ends of the cells of the index, in money.
    highest_edges_ : ndarray of shape (n_bidders, n_items, 32)
        Lower ends of the cells of the highest other bid, in money.
    index_weights_ : ndarray of shape (n_items,)
        The index of the other bids is their highest bid if 1, and their mean if 0.
    neighbor_shares_ : ndarray of shape (n_items,)
        Number of neighbours as a share of the samples; 1 if prices are not conditioned on the
        index.
    n_bidders_, n_items_ : int
        Numbers of bidders and items.
    scale_ : float
        Money unit of the samples. Does not affect the auction.
    support_ : ndarray of shape (n_bidders, n_items, 2)
        Lowest and highest valuations seen in fit, in money.

    Raises
    ------
    ValueError
        In fit, if a parameter or X is invalid.
    NotFittedError
        In all other methods, before fit.

    See Also
    --------
    MyersonAuction : Optimal for one item and independent bidders.
    AffineMaximizerAuction : Also sells bundles, also exactly truthful.
    BundlePricingAuction : Price sheets that depend on the other bids.

    Notes
    -----
    With the true conditional distributions the auction of an item earns at least half of what any
    truthful auction earns, also if bidders are dependent [1]_. For independent bidders with the
    same regular distribution it is Myerson's auction. If independent bidders differ, Myerson's
    auction may earn more, as it can sell to a bidder who is not the highest.

    References
    ----------
    .. [1] Ronen, "On Approximating Optimal Auctions", EC 2001.

    Examples
    --------
    Half of each value is common to both bidders:

    >>> import numpy as np
    >>> from sklauction import LookAheadAuction
    >>> random = np.random.RandomState(0)
    >>> V = (random.uniform(size=(10_000, 1, 1)) + random.uniform(size=(10_000, 2, 1))) / 2
    >>> auction = LookAheadAuction(n_bidders=2, symmetric=True).fit(V)
    >>> auction.offered_prices([[[0.9], [0.2]], [[0.9], [0.6]]])[:, 0].round(1)
    array([[0.3],
           [0.6]])
    """

    _parameter_constraints = {
        **BaseAuction._parameter_constraints,
        "n_neighbors": AUTO | count(),
        "symmetric": FLAG,
    }

    _saved = {
        **BaseAuction._saved,
        "price_tables_": fitted_array("bidders", "items", N_INDEX, N_HIGHEST, least=0),
        "index_edges_": fitted_array("bidders", "items", N_INDEX, least=0, ascending=True),
        "highest_edges_": fitted_array("bidders", "items", N_HIGHEST, least=0, ascending=True),
        "index_weights_": fitted_array("items", least=0),
        "neighbor_shares_": fitted_array("items", least=0),
    }

    def __init__(
        self,
        n_bidders: int | None = None,
        n_items: int | None = None,
        *,
        n_neighbors: int | Auto = "auto",
        symmetric: bool = False,
    ) -> None:
        self._store(locals())

    def _fit(self, valuations):
        tables, choices = fit_look_ahead(valuations, self.n_neighbors, self.symmetric)
        self.index_edges_, self.highest_edges_, self.price_tables_ = (
            np.stack([np.stack([getattr(table, name) for table in row]) for row in tables], axis=1)
            for name in PriceTable._fields
        )
        self.index_weights_, self.neighbor_shares_ = np.array(choices, dtype=float).T

    def offered_prices(self, X: Profiles) -> np.ndarray:
        """Return the price of each item for each bidder, who gets it if it is the highest.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_bidders, n_items) or flat
            Bids, in money.

        Returns
        -------
        ndarray of shape (n_samples, n_bidders, n_items)
            In money; at least the highest other bid, and independent of the bidder's own bids.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If X has other sizes or columns than in fit, or illegal values.
        """
        return self._offers(self.as_profiles(X))

    def _offers(self, bids):
        highest, mean = _other_bids(bids)
        offers = np.empty(bids.shape)
        for item, weight in enumerate(self.index_weights_):
            learned = (self.index_edges_, self.highest_edges_, self.price_tables_)
            tables = [PriceTable(*parts) for parts in zip(*(one[:, item] for one in learned))]
            offers[:, :, item] = _prices(tables, highest[:, :, item], mean[:, :, item], weight)
        return offers

    def _run(self, bids):
        offers = self._offers(bids)
        sold = _sells(bids, offers)
        return sold.astype(float), np.where(sold, offers, 0.0).sum(axis=2)
