"""Pictures, after scikit-learn's Display convention. matplotlib is loaded inside functions."""

import numpy as np

from sklauction.checks import check_count

__all__ = ["MenuDisplay", "PriceDisplay", "RegretDisplay"]

# Profiles for which an arrow leads from the truth to the misreport.
ARROWS = 15
# Smallest regret shown, relative to the largest.
DECADES = 1e-4
# Smallest share of the picture that a region of a menu must cover to carry its price.
SMALLEST_LABELLED = 0.02


class RegretDisplay:
    """Where regret lives: how large it is in how many profiles, and at which valuations.

    Made by :meth:`from_report` or ``report.plot()``.

    Parameters
    ----------
    regrets : ndarray of shape (n_samples, n_bidders)
        Ex-post regret found, in money.
    values : ndarray of shape (n_samples, n_items_shown)
        True values of the shown bidder for the one or two items shown, in money.
    misreports : ndarray of shape (n_samples, n_items_shown)
        Reports that attain the regret.
    bidder : int
        The bidder shown.
    items : tuple of int
        The items shown.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`.
    axes_ : tuple of two matplotlib.axes.Axes
        After :meth:`plot`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklauction import RegretDisplay, measure_regret
    >>> def first_price(bids):
    ...     wins = np.eye(bids.shape[1])[bids.argmax(axis=1)].swapaxes(1, 2)
    ...     return wins, (wins * bids).sum(axis=2)
    >>> V = np.random.default_rng(0).uniform(size=(100, 2, 2))
    >>> report = measure_regret(first_price, V, effort="quick", random_state=0)
    >>> display = RegretDisplay.from_report(report, bidder=0)
    >>> display.values.shape
    (100, 2)
    """

    def __init__(self, regrets, values, misreports, bidder, items):
        self.regrets = regrets
        self.values = values
        self.misreports = misreports
        self.bidder = bidder
        self.items = items

    @classmethod
    def from_report(cls, report, *, bidder=None, items=(0, 1)):
        """Choose what to show of an audit.

        Parameters
        ----------
        report : RegretReport
            Made by :func:`~sklauction.measure_regret`.
        bidder : int, default=None
            Whose regret is shown over its values; None takes the one with the largest.
        items : tuple of one or two int, default=(0, 1)
            Items whose values are the axes; of one item only the first is used.

        Returns
        -------
        RegretDisplay
        """
        _, n_bidders, n_items = report.valuations.shape
        if bidder is None:
            bidder = int(report.regrets.sum(axis=0).argmax())
        items = tuple(items)[:n_items]
        for name, value, size in (
            ("bidder", bidder, n_bidders),
            *(("items", item, n_items) for item in items),
        ):
            _check_below(value, name, size)
        if len(items) not in (1, 2):
            raise ValueError(f"items must name one or two items; got {items}")
        shown = [array[:, bidder][:, items] for array in (report.valuations, report.misreports)]
        return cls(report.regrets, *shown, bidder, items)

    def plot(self, axes=None):
        """Draw both panels.

        Parameters
        ----------
        axes : sequence of two matplotlib.axes.Axes, default=None
            None makes a figure.

        Returns
        -------
        self
        """
        if axes is None:
            import matplotlib.pyplot as plt

            _, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
        self.axes_ = tuple(axes)
        self.figure_ = self.axes_[0].figure
        self._draw_sizes(self.axes_[0])
        self._draw_places(self.axes_[1])
        return self

    def _draw_sizes(self, ax):
        """Draw the share of profiles whose regret is above each size."""
        share = 1.0 - np.arange(len(self.regrets)) / len(self.regrets)
        largest = self.regrets.max()
        if largest > 0:
            for bidder, regrets in enumerate(self.regrets.T):
                ax.step(np.sort(regrets), share, where="pre", label=f"bidder {bidder}")
            ax.set_xscale("log")
            ax.set_xlim(DECADES * largest, largest * 1.3)
            ax.legend(frameon=False)
        else:
            ax.text(0.5, 0.5, "no profitable misreport found", ha="center", transform=ax.transAxes)
        ax.set(
            ylim=(0, 1.02),
            xlabel="regret (lower bound), money",
            ylabel="share of profiles at or above",
            title=f"How large: total {self.regrets.sum(axis=1).mean():.3g} per profile",
        )

    def _draw_places(self, ax):
        """Draw one bidder's regret over its values, with arrows to the worst misreports."""
        regret = self.regrets[:, self.bidder]
        order = np.argsort(regret)
        worst = [row for row in order[-ARROWS:] if regret[row] > 0]
        name = f"bidder {self.bidder}'s value for item "
        if len(self.items) == 1:
            ax.scatter(self.values[order, 0], regret[order], c=regret[order], s=10, cmap="viridis")
            ax.set_ylabel("regret (lower bound), money")
            starts = np.column_stack([self.values[worst, 0], regret[worst]])
            ends = np.column_stack([self.misreports[worst, 0], regret[worst]])
        else:
            points = ax.scatter(*self.values[order].T, c=regret[order], s=10, cmap="viridis")
            ax.figure.colorbar(points, ax=ax, label="regret (lower bound), money")
            ax.set_ylabel(f"{name}{self.items[1]}")
            starts, ends = self.values[worst], self.misreports[worst]
        for start, end in zip(starts, ends, strict=True):
            style = {"arrowstyle": "->", "color": "tab:red", "lw": 0.8, "shrinkA": 0, "shrinkB": 0}
            ax.annotate("", xy=end, xytext=start, arrowprops=style)
        ax.set_xlabel(f"{name}{self.items[0]}")
        ax.set_title("Where: arrows lead from truth to lie" if worst else "Where")


class PriceDisplay:
    """What a bidder is offered, over one bid of an opponent, all else being fixed.

    Made by :meth:`from_estimator`.

    Parameters
    ----------
    opponent_bids : ndarray of shape (n_points,)
        Bid of the opponent on the varied item, in money.
    item_prices : ndarray of shape (n_points, n_items)
        Prices of the items for the bidder, in money.
    bundle_prices : ndarray of shape (n_points,) or None
        Price of all items together; None for unit demand or a single item.
    bidder, opponent, item : int
        Who is offered, whose bid varies, and on what.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`.
    ax_ : matplotlib.axes.Axes
        After :meth:`plot`.

    Examples
    --------
    >>> from sklauction import BundlePricingAuction, PriceDisplay
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(500, n_bidders=2, n_items=2, random_state=0)
    >>> auction = BundlePricingAuction(n_bidders=2, max_iter=1, random_state=0).fit(V)
    >>> display = PriceDisplay.from_estimator(auction)
    >>> display.item_prices.shape
    (201, 2)
    """

    def __init__(self, opponent_bids, item_prices, bundle_prices, bidder, opponent, item):
        self.opponent_bids = opponent_bids
        self.item_prices = item_prices
        self.bundle_prices = bundle_prices
        self.bidder = bidder
        self.opponent = opponent
        self.item = item

    @classmethod
    def from_estimator(cls, auction, *, bidder=0, opponent=None, item=0, bids=None, n_points=201):
        """Read the price sheets of a fitted auction along one opponent's bid.

        Parameters
        ----------
        auction : BundlePricingAuction or ALGNetAuction(architecture="pricing")
            Fitted, of several bidders.
        bidder : int, default=0
            Whose sheet is shown.
        opponent : int, default=None
            Whose bid varies over its support; None takes the first other bidder.
        item : int, default=0
            The item that this bid is on.
        bids : array-like of shape (n_bidders, n_items), default=None
            All other bids, in money; None takes the middle of the support.
        n_points : int, default=201
            Bids along the way.

        Returns
        -------
        PriceDisplay
        """
        n_bidders, n_items = auction.support_.shape[:2]
        if n_bidders < 2:
            raise ValueError("PriceDisplay needs an auction of at least 2 bidders; got 1")
        if opponent is None:
            opponent = 1 if bidder == 0 else 0
        for name, value, size in (
            ("bidder", bidder, n_bidders),
            ("opponent", opponent, n_bidders),
            ("item", item, n_items),
        ):
            _check_below(value, name, size)
        if opponent == bidder:
            raise ValueError(f"opponent must be another bidder than {bidder}; got {opponent}")
        middle = auction.support_.mean(axis=2) if bids is None else np.asarray(bids, dtype=float)
        if middle.shape != (n_bidders, n_items):
            raise ValueError(
                f"bids must have shape (n_bidders, n_items) = {(n_bidders, n_items)}; "
                f"got {middle.shape}"
            )
        profiles = np.repeat(middle[None], n_points, axis=0)
        profiles[:, opponent, item] = np.linspace(*auction.support_[opponent, item], n_points)
        sheets = auction.price_sheets(profiles)
        prices, discounts = sheets.item_prices[:, bidder], sheets.discounts[:, bidder]
        bundle = prices.sum(axis=1) - discounts[:, -1] if discounts.shape[1] > 1 else None
        return cls(profiles[:, opponent, item], prices, bundle, bidder, opponent, item)

    def plot(self, ax=None):
        """Draw the prices.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            None makes a figure.

        Returns
        -------
        self
        """
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots(figsize=(5.2, 3.8), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        styles = ("-", "--", "-.", ":")
        for item, prices in enumerate(self.item_prices.T):
            ax.plot(self.opponent_bids, prices, styles[item % 4], label=f"item {item}")
        if self.bundle_prices is not None:
            ax.plot(self.opponent_bids, self.bundle_prices, color="black", lw=2, label="all items")
        ax.set(
            xlabel=f"bid of bidder {self.opponent} on item {self.item}, money",
            ylabel=f"price for bidder {self.bidder}, money",
            ylim=(0, None),
        )
        ax.legend(frameon=False)
        return self


class MenuDisplay:
    """Which row of its menu a buyer takes, over its values of two items.

    Made by :meth:`from_estimator`.

    Parameters
    ----------
    values : (ndarray of shape (n_points,), ndarray of shape (n_points,))
        Values of the two items along the axes, in money.
    rows : ndarray of int of shape (n_points, n_points)
        Row taken at each pair; the first item's value varies along the last axis.
    allocations : ndarray of shape (n_rows, 2)
        Probability of the two items in each row of the menu.
    prices : ndarray of shape (n_rows,)
        In money.
    items : tuple of two int
        The items whose values are the axes.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        After :meth:`plot`.
    ax_ : matplotlib.axes.Axes
        After :meth:`plot`.

    Examples
    --------
    >>> from sklauction import MenuDisplay, RochetNetAuction
    >>> from sklauction.datasets import make_valuations
    >>> V = make_valuations(500, n_bidders=1, n_items=2, random_state=0)
    >>> auction = RochetNetAuction(max_iter=1, random_state=0).fit(V)
    >>> MenuDisplay.from_estimator(auction, n_points=51).rows.shape
    (51, 51)
    """

    def __init__(self, values, rows, allocations, prices, items):
        self.values = values
        self.rows = rows
        self.allocations = allocations
        self.prices = prices
        self.items = items

    @classmethod
    def from_estimator(cls, auction, *, items=(0, 1), values=None, n_points=301):
        """Read the choices of the buyer of a fitted auction with a ``menu_``.

        Parameters
        ----------
        auction : RochetNetAuction, MenuNetAuction or SingleBuyerAuction
            Fitted, of at least two items.
        items : tuple of two int, default=(0, 1)
            Items whose values are the axes, over their support.
        values : array-like of shape (n_items,), default=None
            Values of all other items, in money; None takes the middle of the support.
        n_points : int, default=301
            Values along each axis.

        Returns
        -------
        MenuDisplay
        """
        support = auction.support_[0]
        if len(items) != 2 or items[0] == items[1]:
            raise ValueError(f"items must name two items; got {items}")
        for item in items:
            _check_below(item, "items", len(support))
        middle = support.mean(axis=1) if values is None else np.asarray(values, dtype=float)
        if middle.shape != (len(support),):
            raise ValueError(
                f"values must have shape (n_items,) = {(len(support),)}; got {middle.shape}"
            )
        axes = tuple(np.linspace(*support[item], n_points) for item in items)
        points = np.repeat(middle[None], n_points**2, axis=0)
        points[:, items[0]], points[:, items[1]] = (part.ravel() for part in np.meshgrid(*axes))
        menu = auction.menu_
        rows = menu.choose(points).reshape(n_points, n_points)
        return cls(axes, rows, menu.allocations[:, list(items)], menu.prices, tuple(items))

    def plot(self, ax=None):
        """Draw the regions; those large enough carry probabilities and price.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            None makes a figure.

        Returns
        -------
        self
        """
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots(figsize=(4.8, 4.2), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        taken, regions = np.unique(self.rows, return_inverse=True)
        regions = regions.reshape(self.rows.shape)
        ax.pcolormesh(*self.values, regions, cmap="Pastel1" if len(taken) < 10 else "viridis")
        ax.contour(
            *self.values, regions, np.arange(len(taken) - 1) + 0.5, colors="gray", linewidths=0.6
        )
        for region, row in enumerate(taken):
            inside = regions == region
            if inside.mean() < SMALLEST_LABELLED:
                continue
            down, along = _middle(inside)
            text = ", ".join(f"{share:.3g}" for share in self.allocations[row])
            ax.text(
                self.values[0][along],
                self.values[1][down],
                f"({text})\nfor {self.prices[row]:.4g}",
                ha="center",
                va="center",
                fontsize=8,
            )
        ax.set(
            xlabel=f"value of item {self.items[0]}, money",
            ylabel=f"value of item {self.items[1]}, money",
            title="(probability of each item) for a price",
        )
        return self


def _middle(inside):
    """Return the place of a region that is farthest from its edges."""
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    return np.unravel_index(depth.argmax(), depth.shape)


def _check_below(value, name, size):
    check_count(value, name, minimum=0)
    if value >= size:
        raise ValueError(f"{name} must be below {size}; got {value}")
