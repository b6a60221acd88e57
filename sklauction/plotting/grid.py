"""Grids of bid profiles over one or two values, and checks of what a display shows."""

from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklauction.domains.auctions import ADDITIVE, Auction
from sklauction.plotting.canvas import Names
from sklauction.utils.constraints import count
from sklauction.utils.validation import check_below, check_numbers

__all__ = [
    "N_POINTS",
    "BidGrid",
    "check_auction",
    "check_items",
    "check_opponent",
    "fixed_bids",
    "make_grid",
    "outline",
    "write_inside",
]

# Most fixed bids that a title lists.
MOST_WRITTEN = 4
# Points along an axis; a grid of two axes has the square of it.
N_POINTS = count(2, 2000)


class BidGrid(NamedTuple):
    """Bid profiles in which one or two values vary and all others are fixed.

    Parameters
    ----------
    values : tuple of one or two ndarray of shape (n_points,)
        Values along the axes, in money.
    profiles : ndarray of shape (n_points ** n_axes, n_bidders, n_items)
        Bids at each grid point, in money. The first axis varies fastest.
    shape : tuple of int
        Shape of an array over the grid points. Its last axis is the first value.
    items : tuple of int
        Items whose values vary.
    labels : tuple of str
        Axis labels, with unit.
    fixed : str
        Description of the fixed bids; empty if there are none.
    """

    values: tuple
    profiles: np.ndarray
    shape: tuple
    items: tuple
    labels: tuple
    fixed: str


def make_grid(auction, bidder, items, opponent, bids, n_points):
    """Return a grid over two values of a bidder, or over its value and an opponent's bid.

    Parameters
    ----------
    auction : auction estimator
        Fitted. The axes span its support.
    bidder : int
        Bidder whose values vary.
    items : tuple of one or two int
        With two items, the axes are the bidder's values for them. With one item, they are its
        value for that item and the opponent's bid on it, if there is an opponent.
    opponent : int or None
        Opponent whose bid varies; None is the first other bidder.
    bids : array-like of shape (n_bidders, n_items) or None
        Fixed bids, in money; None is the default of :func:`fixed_bids`.
    n_points : int
        Points along each axis.

    Returns
    -------
    BidGrid

    Raises
    ------
    ValueError
        If an argument does not fit the auction, or the support of an axis is a single value.
    """
    check_auction(auction)
    if not isinstance(getattr(auction, "domain", ADDITIVE), Auction):
        raise ValueError(
            "auction must be of a domain of auctions, as this display shows allocations or "
            f"payments; got {type(auction).__name__} of {auction.domain!r}"
        )
    support = auction.support_
    check_below(bidder, "bidder", len(support))
    N_POINTS.check(n_points, "n_points")
    n_points = int(n_points)  # a power of a small numpy integer overflows
    items, names = check_items(items, support.shape[1]), Names.of(auction)
    places, labels = _axes(bidder, items, opponent, len(support), names)
    for who, item in places:
        low, high = support[who, item]
        if not low < high:
            raise ValueError(
                f"items must be items whose values vary; got item {item}, whose value for bidder "
                f"{who} is always {low:.4g} in the support of this auction"
            )
    fixed, source = fixed_bids(bids, auction)
    values = tuple(np.linspace(*support[place], n_points) for place in places)
    profiles = np.repeat(fixed[None], n_points ** len(places), axis=0)
    for (who, item), part in zip(places, np.meshgrid(*values)):
        profiles[:, who, item] = part.ravel()
    text = _describe(fixed, places, source, names)
    return BidGrid(values, profiles, (n_points,) * len(places), items, labels, text)


def _axes(bidder, items, opponent, n_bidders, names):
    """Return the (bidder, item) pairs whose values vary, and their labels."""
    places = [(bidder, item) for item in items]
    labels = [names.label(bidder, item) for item in items]
    if len(items) == 1 and n_bidders > 1:
        opponent = check_opponent(opponent, bidder, n_bidders)
        places.append((opponent, items[0]))
        labels.append(f"{names.agent(opponent)}'s bid on {names.entry(items[0])}, money")
    elif opponent is not None:
        raise ValueError(
            "opponent must be None unless one item is shown and there are several bidders; got "
            f"{opponent!r} for {n_bidders} bidder(s) and items {items}"
        )
    return places, tuple(labels)


def outline(ax, values, regions, styles):
    """Draw the boundaries between the regions of an integer array over a grid.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    values : tuple of one or two ndarray of shape (n_points,)
    regions : ndarray of int of shape (n_points,) or (n_points, n_points)
    styles : sequence of dict
        Line styles drawn on top of each other. Over one value, only the last is drawn.
    """
    if regions.ndim == 1:
        jumps = np.flatnonzero(np.diff(regions))
        for place in (values[0][jumps] + values[0][jumps + 1]) / 2:
            ax.axvline(place, zorder=1, **styles[-1])
        return
    names = {"color": "colors", "lw": "linewidths", "ls": "linestyles"}
    for style in styles:
        style = {names[name]: value for name, value in style.items()}
        for region in np.unique(regions)[:-1]:
            # Mask earlier regions, so that no boundary is drawn twice: dashes would overlap.
            inside = np.ma.masked_where(regions < region, regions == region).astype(float)
            if inside.compressed().min() < 1:
                ax.contour(*values, inside, [0.5], **style)


def write_inside(ax, values, inside, text, **options):
    """Write a text where a boolean array over a grid is farthest from its outside; return it.

    ``options`` are passed to ``ax.text``.
    """
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    down, along = np.unravel_index(depth.argmax(), depth.shape)
    options |= {"ha": "center", "va": "center", "fontsize": 8}
    return ax.text(values[0][along], values[1][down], text, **options)


def check_auction(auction, name="auction", attribute="predict", kind="auction estimator"):
    """Raise an error unless ``auction`` is fitted and has the attribute.

    Parameters
    ----------
    auction : object
    name : str, default="auction"
        Name of the argument in messages.
    attribute : str, default="predict"
    kind : str, default="auction estimator"
        What has the attribute, for messages.
    """
    if isinstance(auction, type) or not (hasattr(auction, "fit") and hasattr(auction, "predict")):
        raise ValueError(f"{name} must be a fitted {kind}; got {auction!r}")
    check_is_fitted(auction)
    if not (hasattr(auction, "support_") and hasattr(auction, attribute)):
        raise ValueError(f"{name} must be a fitted {kind}; got {type(auction).__name__}")


def fixed_bids(bids, auction):
    """Return the bids that a display holds fixed, and where they are from.

    Parameters
    ----------
    bids : array-like of shape (n_bidders, n_items) or None
        In money. None is the median valuation of each bidder for each item in fit, or the middle
        of the support where it is unknown, as for auctions from files of earlier versions.
    auction : auction estimator
        Fitted.

    Returns
    -------
    bids : ndarray of shape (n_bidders, n_items)
        In money.
    source : str
        For titles.
    """
    support = auction.support_
    if bids is not None:
        return check_numbers(bids, "bids", support.shape[:2], least=0.0), "as given"
    median = getattr(auction, "typical_", None)
    if median is not None:
        return median, "at the median of the data"
    # Halving first avoids overflow.
    return (support / 2).sum(axis=2), "at the middle of the support"


def check_items(items, n_items):
    """Return one or two different items; only the first if the auction has one item."""
    several = isinstance(items, tuple | list | range) or getattr(items, "ndim", 0) == 1
    shown = tuple(items)[:n_items] if several else ()
    for item in shown:
        check_below(item, "items", n_items)
    if len(shown) not in (1, 2) or len(set(shown)) < len(shown):
        raise ValueError(f"items must be one item or two different ones; got {items!r}")
    return shown


def check_opponent(opponent, bidder, n_bidders):
    """Return the opponent; None is the first other bidder."""
    if opponent is None:
        return 1 if bidder == 0 else 0
    check_below(opponent, "opponent", n_bidders)
    if opponent == bidder:
        raise ValueError(f"opponent must be a bidder other than {bidder}; got {opponent}")
    return opponent


def _describe(bids, places, source, names):
    """Describe the fixed bids: each of them if they are few, else their source."""
    fixed = np.ones(bids.shape, dtype=bool)
    fixed[tuple(zip(*places))] = False
    if not fixed.any():
        return ""
    if fixed.sum() > MOST_WRITTEN:
        return f"all other bids {source}"
    parts = []
    for who in np.flatnonzero(fixed.any(axis=1)):
        numbers = ", ".join(f"{value:.3g}" for value in bids[who, fixed[who]])
        items = "" if fixed[who].all() else ", ".join(map(names.entry, np.flatnonzero(fixed[who])))
        parts.append(f"{names.agent(who)} bids {numbers}{' on ' if items else ''}{items}")
    return "; ".join(parts)
