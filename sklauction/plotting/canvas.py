"""Where a display draws: axes given or new, and shades over one or two values."""

__all__ = ["draw_shades", "take_axes"]


def take_axes(given, n_rows=1, n_columns=1, *, figsize, **options):
    """Return the axes given, or those of a new figure.

    Parameters
    ----------
    given : matplotlib.axes.Axes, sequence of them, or None
        None makes a figure.
    n_rows, n_columns : int, default=1
        Axes of a new figure.
    figsize : tuple of two float
        Of a new figure, in inches.
    **options
        Of ``matplotlib.pyplot.subplots``.

    Returns
    -------
    matplotlib.axes.Axes, or a sequence of them
    """
    if given is not None:
        return given
    import matplotlib.pyplot as plt

    return plt.subplots(n_rows, n_columns, figsize=figsize, layout="constrained", **options)[1]


def draw_shades(ax, values, heights, labels, meaning, low, high, colorbar):
    """Draw a quantity over one value as a step line, or over two as shades.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    values : tuple of one or two ndarray of shape (n_points,)
    heights : ndarray of shape (n_points,) or (n_points, n_points)
        The quantity; the first value varies along the last axis.
    labels : tuple of str
        Of the values.
    meaning : str
        Of the quantity, with unit.
    low, high : float
        Ends of the scale of shades.
    colorbar : bool
        Whether a bar tells what shades mean.
    """
    ax.set_xlabel(labels[0])
    if len(values) == 1:
        ax.plot(values[0], heights, drawstyle="steps-mid", color="C0", lw=2)
        ax.set_ylabel(meaning)
        return
    scale = {"cmap": "cividis", "vmin": low, "vmax": high}
    shades = ax.pcolormesh(*values, heights, rasterized=True, **scale)
    ax.set_ylabel(labels[1])
    if colorbar:
        ax.figure.colorbar(shades, ax=ax, label=meaning)
