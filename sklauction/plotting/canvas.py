"""Axes, styles and shaded areas that displays share."""

from dataclasses import dataclass

import numpy as np

__all__ = ["LINE_STYLES", "Display", "draw_shades", "white_outline", "with_unit"]

# Line styles that differ without colour.
LINE_STYLES = ("-", "--", "-.", ":")


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
