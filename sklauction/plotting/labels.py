"""Texts in a picture, placed so that none covers another or a point."""

import numpy as np

__all__ = ["LabelPlacer"]

# Distances of a name from its point that are tried, in points of 1/72 inch.
DISTANCES = (7, 14, 21, 29, 38, 48, 60, 75, 92, 110)
# Directions tried at each: right, left, above, below, then all between.
ANGLES = np.pi / 8 * np.array([0, 8, 4, 12, 2, 14, 6, 10, 1, 15, 7, 9, 3, 5, 11, 13])
# From this distance on a thin line leads from the name to its point.
LED = 14
# Half the side of the square that a marker needs, and room around texts; in points.
MARKER, ROOM = 5, 1.5
# Places looked at along a line, and how many of them may be on one of the levels.
STEPS, ALONG_LEVEL = 20, 4
# Orders of naming that are tried while some name covers or misleads, and what that costs.
ORDERS, BAD = 40, 1e3


class LabelPlacer:
    """Places texts on free ground of axes whose limits and size are final.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    points : ndarray of shape (n_points, 2)
        Where markers are, in the units of the axes.
    texts : sequence of matplotlib.text.Text
        What is written already.
    levels : sequence of float
        Where horizontal lines are, which no text should cover.

    Attributes
    ----------
    boxes : ndarray of shape (n_boxes, 4)
        Left, bottom, right and top of markers and texts, in pixels; the markers first.
    level_boxes : ndarray of shape (n_levels, 4)
        The same of the lines.
    """

    def __init__(self, ax, points, texts=(), levels=()):
        self.ax, self.unit, self.points = ax, ax.figure.dpi / 72, np.asarray(points)
        self.centres = ax.transData.transform(self.points)
        half = MARKER * self.unit
        self.boxes = np.hstack([self.centres - half, self.centres + half])
        for text in texts:
            self._note(text.get_window_extent().extents)
        left, _, right, _ = ax.bbox.extents
        low = ax.get_xlim()[0]
        heights = [ax.transData.transform((low, level))[1] for level in levels]
        boxes = [(left, height - 1, right, height + 1) for height in heights]
        self.level_boxes = np.reshape(boxes, (-1, 4))

    def name_points(self, names, fontsize=8):
        """Write a name beside each point, near it, where nothing is covered.

        Parameters
        ----------
        names : sequence of n_points str
        fontsize : float, default=8

        Returns
        -------
        list of matplotlib.text.Annotation
        """
        labels = [self._write(*pair, fontsize) for pair in zip(names, self.points)]
        sizes = [np.array(label.get_window_extent().size) for label in labels]
        start, best = self.boxes, (np.inf, None, None)
        # What is named first has the choice, and nobody knows who should: the uppermost, or others.
        rng, order = np.random.default_rng(0), np.argsort(-self.centres[:, 1])
        for _ in range(ORDERS):
            self.boxes, plan = start, {}
            for row in order:
                plan[row] = self._best_box(row, sizes[row])
                self._note(plan[row][0])
            cost = sum(cost for _, _, cost in plan.values())
            best = min(best, (cost, plan, self.boxes), key=lambda one: one[0])
            if best[0] < BAD:
                break
            order = rng.permutation(len(names))
        _, plan, self.boxes = best
        for row, (box, led, _) in plan.items():
            labels[row].set_position((box[:2] - self.centres[row]) / self.unit)
            if led:
                self._lead(row, box)
        return labels

    def name_curve(self, x, y, name, fontsize=7, **style):
        """Write a name on a curve, as far to the right as there is room; else nowhere.

        Parameters
        ----------
        x, y : ndarray of shape (n,)
            The curve from left to right, in the units of the axes.
        name : str
        fontsize : float, default=7
        **style
            Of the text.

        Returns
        -------
        matplotlib.text.Annotation or None
        """
        label = self._write(name, (x[-1], y[-1]), fontsize, **style)
        half = np.array(label.get_window_extent().size) / 2
        centres = self.ax.transData.transform(np.column_stack([x, y]))
        for centre in centres[::-1]:
            box = np.concatenate([centre - half, centre + half])
            if self._covered(box[None])[0] <= 0:
                label.set_position((box[:2] - centres[-1]) / self.unit)
                self._note(box)
                return label
        label.remove()
        return None

    def _note(self, box):
        self.boxes = np.vstack([self.boxes, box])

    def _write(self, text, point, fontsize, **style):
        from matplotlib.patheffects import withStroke

        label = self.ax.annotate(
            text, point, xytext=(0, 0), textcoords="offset points", fontsize=fontsize, **style
        )
        label.set_path_effects([withStroke(linewidth=2, foreground="white")])
        return label

    def _best_box(self, row, size):
        """Return the best box for the name of a point, whether a line leads there, its cost.

        The cost is the distance, and far more for what is covered or misleading.
        """
        centre = self.centres[row]
        directions = np.round(np.column_stack([np.cos(ANGLES), np.sin(ANGLES)]), 9)
        distances = np.repeat(DISTANCES, len(ANGLES))
        directions = np.tile(directions, (len(DISTANCES), 1))
        middles = centre + directions * distances[:, None] * self.unit
        middles += np.sign(directions) * size / 2
        boxes = np.hstack([middles - size / 2, middles + size / 2])
        bad = self._covered(boxes) / size.prod() + self._misleads(row, boxes, distances >= LED)
        cost = distances + BAD * (bad + (bad > 0))
        chosen = int(cost.argmin())
        return boxes[chosen], distances[chosen] >= LED, float(cost[chosen])

    def _misleads(self, row, boxes, led):
        """Say at which boxes the name of a point could be taken for another's."""
        centre, others = self.centres[row], np.delete(self.centres, row, axis=0)
        # Without a line it must be nearest to its own point.
        ends = np.clip(centre, boxes[:, :2], boxes[:, 2:])
        own = np.hypot(*(ends - centre).T)
        nearest = np.clip(others[:, None], boxes[:, :2], boxes[:, 2:]) - others[:, None]
        gaps = np.hypot(nearest[..., 0], nearest[..., 1]).min(axis=0, initial=np.inf)
        # With one, the line must not cross other points and names, nor run along a level.
        ways = centre + np.linspace(0, 1, STEPS)[:, None, None] * (ends - centre)
        obstacles = np.delete(self.boxes, row, axis=0)
        obstacles = obstacles[~_inside(centre[None], obstacles)[0]]
        crosses = _inside(ways, obstacles).any(axis=(0, 2))
        along = (_inside(ways, self.level_boxes).sum(axis=0) > ALONG_LEVEL).any(axis=1)
        return np.where(led, crosses | along, gaps < 1.5 * own)

    def _covered(self, boxes):
        """Return how many square pixels of each box are taken already, or outside the axes."""
        taken = np.vstack([self.boxes, self.level_boxes])
        room = ROOM * self.unit * np.array([-1, -1, 1, 1])
        areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        outside = areas - _overlaps(boxes, self.ax.bbox.extents[None])[:, 0]
        return np.where(outside > 1e-6, outside, 0) + _overlaps(boxes + room, taken).sum(axis=1)

    def _lead(self, row, box):
        """Draw a thin line from a point to the nearest place of a box."""
        end = (np.clip(self.centres[row], box[:2], box[2:]) - self.centres[row]) / self.unit
        arrow = {"arrowstyle": "-", "lw": 0.6, "color": "0.3", "shrinkA": 0, "shrinkB": 3}
        self.ax.annotate(
            "", self.points[row], xytext=end, textcoords="offset points", arrowprops=arrow
        )


def _overlaps(boxes, others):
    """Return the areas that boxes have in common with others, (n_boxes, n_others)."""
    low = np.maximum(boxes[:, None, :2], others[:, :2])
    high = np.minimum(boxes[:, None, 2:], others[:, 2:])
    return np.maximum(high - low, 0).prod(axis=2)


def _inside(places, boxes):
    """Say which places are in which boxes, (..., n_boxes)."""
    places = places[..., None, :]
    return ((places >= boxes[:, :2]) & (places <= boxes[:, 2:])).all(axis=-1)
