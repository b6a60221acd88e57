"""Profiles over one or two values, for displays that show what an auction does there."""

from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklauction.utils.validation import check_below, check_count, to_floats

__all__ = [
    "ValueGrid",
    "check_auction",
    "check_bids",
    "check_items",
    "check_points",
    "make_grid",
    "middle_of",
    "outline",
]

# Fixed bids of one bidder that are written out in a title; more would not fit.
MOST_WRITTEN = 4
# Most values along an axis: their squares are profiles.
MOST_POINTS = 2000


class ValueGrid(NamedTuple):
    """Profiles in which one or two values vary, all else being fixed.

    Parameters
    ----------
    values : tuple of one or two ndarray of shape (n_points,)
        Values along the axes, in money.
    profiles : ndarray of shape (n_points ** n_axes, n_bidders, n_items)
        One for each point, in money; the first axis varies fastest.
    shape : tuple of int
        Of an array over the points: the first axis is its last one.
    items : tuple of int
        The items whose values vary.
    labels : tuple of str
        What the axes are, with unit.
    fixed : str
        What all other values are; empty where there are none.
    """

    values: tuple
    profiles: np.ndarray
    shape: tuple
    items: tuple
    labels: tuple
    fixed: str


def make_grid(auction, bidder, items, opponent, bids, n_points):
    """Return profiles over a bidder's values, or over its value and an opponent's bid.

    Parameters
    ----------
    auction : auction estimator
        Fitted; the support is its own.
    bidder : int
        Whose values vary.
    items : tuple of one or two int
        Two items: the axes are the bidder's values of both. One: its value of that item, and
        the opponent's bid on it, if there is an opponent. Of auctions of one item only the
        first is used.
    opponent : int or None
        Whose bid varies too; None takes the first other bidder.
    bids : array-like of shape (n_bidders, n_items) or None
        All other values, in money; None takes the middle of the support.
    n_points : int
        Along each axis.

    Returns
    -------
    ValueGrid

    Raises
    ------
    ValueError
        If an argument does not fit the auction, or a value that should vary cannot.
    """
    check_auction(auction)
    support = auction.support_
    n_bidders, n_items = support.shape[:2]
    check_below(bidder, "bidder", n_bidders)
    n_points = check_points(n_points)
    items = check_items(items, n_items)
    places = [(bidder, item) for item in items]
    labels = [f"bidder {bidder}'s value for item {item}, money" for item in items]
    if len(items) == 2 or n_bidders == 1:
        if opponent is not None:
            raise ValueError(
                "opponent must be None but where the axes are one item's value and an "
                f"opponent's bid; got {opponent!r} for {n_bidders} bidder(s) and items {items}"
            )
    else:
        opponent = _check_opponent(opponent, bidder, n_bidders)
        places.append((opponent, items[0]))
        labels.append(f"bidder {opponent}'s bid on item {items[0]}, money")
    middle = check_bids(bids, support)
    for who, item in places:
        low, high = support[who, item]
        if not low < high:
            raise ValueError(
                f"items must name items whose values vary; item {item} of bidder {who} is always "
                f"{low:.4g} in the support of this auction"
            )
    values = tuple(np.linspace(*support[place], n_points) for place in places)
    shape = (n_points,) * len(places)
    profiles = np.repeat(middle[None], n_points ** len(places), axis=0)
    for (who, item), part in zip(places, np.meshgrid(*values)):
        profiles[:, who, item] = part.ravel()
    fixed = _describe(middle, places, bids is None)
    return ValueGrid(values, profiles, shape, items, tuple(labels), fixed)


def outline(ax, values, regions, styles):
    """Draw where an integer array over a grid changes, each stretch once for each style.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    values : tuple of one or two ndarray of shape (n_points,)
    regions : ndarray of int of shape (n_points,) or (n_points, n_points)
    styles : sequence of dict
        Colour, width and style of the lines, from the lowest to the uppermost; over one value,
        where the ground is white, only the uppermost are drawn.
    """
    if regions.ndim == 1:
        jumps = np.flatnonzero(np.diff(regions))
        for place in (values[0][jumps] + values[0][jumps + 1]) / 2:
            ax.axvline(place, zorder=1, **styles[-1])
        return
    for style in styles:
        names = {"color": "colors", "lw": "linewidths", "ls": "linestyles"}
        given = {names[name]: value for name, value in style.items()}
        for region in np.unique(regions)[:-1]:
            # Earlier regions are left out: a line drawn twice would fill its own gaps.
            inside = np.ma.masked_where(regions < region, regions == region).astype(float)
            if inside.compressed().min() < 1:
                ax.contour(*values, inside, [0.5], **given)


def middle_of(inside):
    """Return the place of a region that is farthest from its edges.

    Parameters
    ----------
    inside : ndarray of bool of shape (n_rows, n_columns)

    Returns
    -------
    row, column : int
    """
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    return np.unravel_index(depth.argmax(), depth.shape)


def check_auction(auction, name="auction", needed="predict", such="an auction estimator"):
    """Raise ValueError unless something is a fitted auction that has what is needed.

    Parameters
    ----------
    auction : object
    name : str, default="auction"
        Of the argument.
    needed : str, default="predict"
        Attribute that it must have.
    such : str, default="an auction estimator"
        What has it, for messages.
    """
    if isinstance(auction, type) or not (hasattr(auction, "fit") and hasattr(auction, "predict")):
        raise ValueError(f"{name} must be {such}, fitted; got {auction!r}")
    check_is_fitted(auction)
    if not (hasattr(auction, "support_") and hasattr(auction, needed)):
        raise ValueError(f"{name} must be {such}, fitted; got {type(auction).__name__}")


def check_bids(bids, support):
    """Return bids of shape (n_bidders, n_items), None being the middle of the support."""
    # Halves are added: sums of large bids would overflow.
    middle = (support / 2).sum(axis=2) if bids is None else None
    if middle is None:
        try:
            middle = to_floats(bids).copy()
        except ValueError as error:
            raise ValueError(f"bids must be numbers; got {error}") from error
    if middle.shape != support.shape[:2]:
        raise ValueError(
            f"bids must have shape (n_bidders, n_items) = {support.shape[:2]}; got {middle.shape}"
        )
    if not np.isfinite(middle).all() or (middle < 0).any():
        raise ValueError(f"bids must be finite and not negative; got {middle.tolist()}")
    return middle


def check_points(n_points):
    """Return the number of values along an axis, of at least 2 and not too many."""
    return check_count(n_points, "n_points", minimum=2, most=MOST_POINTS)


def check_items(items, n_items):
    """Return one or two different items; of auctions of one item only the first."""
    several = isinstance(items, tuple | list | range) or getattr(items, "ndim", 0) == 1
    shown = tuple(items)[:n_items] if several else ()
    for item in shown:
        check_below(item, "items", n_items)
    if len(shown) not in (1, 2) or len(set(shown)) < len(shown):
        raise ValueError(f"items must name one item or two different ones; got {items!r}")
    return shown


def _check_opponent(opponent, bidder, n_bidders):
    """Return the opponent, None being the first other bidder."""
    if opponent is None:
        return 1 if bidder == 0 else 0
    check_below(opponent, "opponent", n_bidders)
    if opponent == bidder:
        raise ValueError(f"opponent must be another bidder than {bidder}; got {opponent}")
    return opponent


def _describe(middle, places, at_middle):
    """Say what the values are that do not vary, bidder by bidder if they are few."""
    fixed = np.ones(middle.shape, dtype=bool)
    fixed[tuple(zip(*places))] = False
    if not fixed.any():
        return ""
    if fixed.sum() > MOST_WRITTEN:
        return "all other bids: middle of the support" if at_middle else "all other bids as given"
    parts = []
    for who in np.flatnonzero(fixed.any(axis=1)):
        numbers = ", ".join(f"{value:.3g}" for value in middle[who, fixed[who]])
        if fixed[who].all():
            parts.append(f"bidder {who} bids {numbers}")
        else:
            names = ", ".join(str(item) for item in np.flatnonzero(fixed[who]))
            parts.append(f"bidder {who} bids {numbers} on item {names}")
    return "; ".join(parts)
