"""Axes, styles, names and shaded areas that displays share."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sklauction.domains.auctions import ADDITIVE
from sklauction.domains.base import name_of

__all__ = [
    "LINE_STYLES",
    "Display",
    "Names",
    "draw_shades",
    "free_spots",
    "members",
    "white_outline",
    "with_unit",
]

# Line styles that differ without colour.
LINE_STYLES = ("-", "--", "-.", ":")
# Smallest distance of the label of a curve from anything else, as a share of the axes.
LEAST_ROOM = 0.04


class Names(NamedTuple):
    """Names of agents and of entries of their reports, for labels.

    Parameters
    ----------
    agents, entries : sequence of str or None
        None numbers them, as in "bidder 0" and "item 0".
    """

    agents: tuple = None
    entries: tuple = None

    @classmethod
    def of(cls, auction):
        """Return the names of an auction fitted on named columns; numbers for others."""
        return cls(getattr(auction, "bidder_names_", None), getattr(auction, "item_names_", None))

    def agent(self, agent, domain=ADDITIVE):
        """Return what an agent is called, by its number."""
        return name_of(domain.agent, _pick(self.agents, agent))

    def entry(self, entry, domain=ADDITIVE):
        """Return what an entry of a report is called, by its number."""
        return name_of(domain.entry, _pick(self.entries, entry))

    def label(self, agent, entry, domain=ADDITIVE):
        """Return the label of an axis that shows an entry of an agent's type."""
        return domain.label(_pick(self.agents, agent), _pick(self.entries, entry))


def _pick(names, number):
    """Return a name, in which a dollar sign does not start mathematics, or the number."""
    return number if names is None else str(names[number]).replace("$", r"\$")


class Display:
    """Base class of displays, which are data classes: a subclass lists the data that it shows."""

    def __init_subclass__(cls):
        dataclass(eq=False, repr=False)(cls)

    def _take_axes(self, ax, figsize):
        """Store and return the Axes given, or those of a new figure."""
        (self.ax_,) = self._take_panels(ax, 1, 1, figsize)
        return self.ax_

    def _take_panels(self, axes, n_rows, n_columns, figsize, **options):
        """Return ``n_rows * n_columns`` Axes: those given, or those of a new figure.

        ``options`` are passed to ``matplotlib.pyplot.subplots``. The figure is stored.
        """
        if axes is None:
            import matplotlib.pyplot as plt

            options |= {"figsize": figsize, "layout": "constrained"}
            axes = plt.subplots(n_rows, n_columns, **options)[1]
        panels = tuple(np.ravel(axes))
        if len(panels) != n_rows * n_columns:
            raise ValueError(
                f"axes must be {n_rows * n_columns} matplotlib Axes; got {len(panels)}"
            )
        self.figure_ = panels[0].figure
        return panels


def members(value):
    """Return the members of a list, a tuple or a dict by seed, or a single object, as a list."""
    if type(value) in (list, tuple):
        return list(value)
    return list(value.values()) if isinstance(value, dict) else [value]


def with_unit(text, unit, separator=", "):
    """Return a label with its unit, if there is one."""
    return f"{text}{separator}{unit}" if unit else text


def draw_shades(ax, values, heights, labels, quantity, limits, colorbar):
    """Draw a quantity over one value as a step line, or over two values as shades.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    values : tuple of one or two ndarray of shape (n_points,)
    heights : ndarray of shape (n_points,) or (n_points, n_points)
        The quantity. The first value varies along the last axis.
    labels : tuple of str
        Labels of the values.
    quantity : str
        Label of the quantity.
    limits : (float, float)
        Ends of the colour scale.
    colorbar : bool
        Whether to draw a colorbar.
    """
    ax.set_xlabel(labels[0])
    if len(values) == 1:
        ax.plot(values[0], heights, drawstyle="steps-mid", color="C0", lw=2)
        ax.set_ylabel(quantity)
        return
    low, high = limits
    shades = ax.pcolormesh(*values, heights, rasterized=True, cmap="cividis", vmin=low, vmax=high)
    ax.set_ylabel(labels[1])
    if colorbar:
        ax.figure.colorbar(shades, ax=ax, label=quantity)


def white_outline(alpha=1.0):
    """Return path effects that draw a white outline around text."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=2, foreground="white", alpha=alpha)]


def free_spots(ax, paths, points, left, heights):
    """Return where to label curves: far from the frame, the points, lines and other labels.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        With its final limits.
    paths : sequence of matplotlib.path.Path
        The curves, in data coordinates.
    points : ndarray of shape (n_points, 2)
        Markers, in data coordinates.
    left : float
        Left end of the area for labels.
    heights : sequence of float
        Horizontal lines.

    Returns
    -------
    list of ndarray of shape (2,)
        Vertices of the paths; none for a path without room.
    """
    to_axes = ax.transScale + ax.transLimits
    taken = to_axes.transform(points)
    start = to_axes.transform([[left, ax.get_ylim()[0]]])[0, 0]
    lines = [0.0, 1.0, *(to_axes.transform([[left, height]])[0, 1] for height in heights)]
    spots = []
    for path in paths:
        across, up = (vertices := to_axes.transform(path.vertices)).T
        edges = [across - start, 1 - across, *(np.abs(up - line) for line in lines)]
        room = np.min([*edges, *(np.hypot(*(vertices - one).T) for one in taken)], axis=0)
        best = room.argmax()
        if room[best] > LEAST_ROOM:
            spots.append(path.vertices[best])
            taken = np.vstack([taken, vertices[best]])
    return spots
