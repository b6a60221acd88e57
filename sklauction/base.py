"""The contract that every auction keeps: fit, predict, score, input checks, scale, support."""

import contextlib

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import (
    check_array,
    check_is_fitted,
    check_non_negative,
    validate_data,
)

from sklauction.audit.measure import measure_regret
from sklauction.outcome import AuctionOutcome
from sklauction.utils.batching import run_in_blocks
from sklauction.utils.callbacks import CallbackSupportMixin, with_callbacks
from sklauction.utils.validation import (
    DEMANDS,
    WIDEST_SUPPORT,
    check_choice,
    check_count,
    check_support,
    hides_entries,
)

__all__ = ["BaseAuction", "all_or_nothing", "money_scale"]

# Largest valuation in fit, and largest bid in units of the scale: with these no product of two
# amounts of money, relative to the scale, overflows.
MONEY, MOST_BID = (1e-200, 1e200), 1e100
# Differences within so much of the largest valuation are rounding.
ROUNDING = 1e-9
# Kinds of dtypes: points in time and times; what numpy computes with.
DATES, NUMBERS = "mM", "biuf"


class BaseAuction(CallbackSupportMixin, BaseEstimator):
    """Base class of all auctions.

    A subclass stores its parameters in ``__init__``, ``n_bidders`` and ``n_items`` (None where it
    is inferred) among them, and gives two methods: ``_fit(valuations)`` and
    ``_run(bids) -> (allocations, payments)``; both get a checked float64 array of shape
    (n_samples, n_bidders, n_items), in money. Learning an auction from samples is stated so
    by [1]_. A subclass inherits :meth:`fit`, :meth:`predict`, :meth:`score`, every input check
    and the attributes below.

    Attributes
    ----------
    n_items_ : int
        Number of items, given or inferred from the data.
    n_features_in_ : int
        ``n_bidders * n_items_``.
    scale_ : float
        Money unit learned in fit: the root mean square valuation times sqrt(3),
        which is c for values uniform on [0, c].
    support_ : ndarray of shape (n_bidders, n_items, 2)
        Lowest and highest report of each bidder for each item, in money, given or learned.

    Raises
    ------
    ValueError
        In fit, if a parameter or X is not as described; in predict and score, if X has other
        sizes than in fit, or values that are negative or not finite.
    NotFittedError
        In predict and score, before fit.

    See Also
    --------
    sklauction.CallableAuction : An auction from a function, without a class.

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019, section 2.

    Examples
    --------
    One item at a posted price, to the first bidder who reports as much:

    >>> import numpy as np
    >>> from sklauction.base import BaseAuction
    >>> class PostedPrice(BaseAuction):
    ...     def __init__(self, n_bidders=1, n_items=1, *, price=0.5):
    ...         self.n_bidders = n_bidders
    ...         self.n_items = n_items
    ...         self.price = price
    ...
    ...     def _fit(self, valuations):
    ...         pass
    ...
    ...     def _run(self, bids):
    ...         enough = bids[:, :, 0] >= self.price
    ...         sold = enough & (enough.cumsum(axis=1) == 1)
    ...         return sold[:, :, None].astype(float), self.price * sold
    >>> auction = PostedPrice(n_bidders=2).fit([[[0.2], [0.8]], [[0.9], [0.7]]])
    >>> auction.predict([[[0.6], [0.9]], [[0.4], [0.3]]]).payments
    array([[0.5, 0. ],
           [0. , 0. ]])
    """

    # Estimators without these parameters fall back on the class attributes.
    support = None
    demand = "additive"

    @with_callbacks
    def fit(self, X, y=None):
        """Learn the auction from valuation samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_bidders, n_items), \
                or (n_samples, n_bidders * n_items), or DataFrame
            Valuations, one profile per row, in the caller's money unit; at least 2
            profiles, finite and non-negative, not all zero.
        y : None
            Ignored; here for scikit-learn's convention.

        Returns
        -------
        self
            The fitted auction.

        Raises
        ------
        ValueError
            If a parameter or X is not as described. Nothing is fitted then.
        """
        self._check_parameters()
        task = self._init_callback_context(max_subtasks=self._planned_iterations())
        task.call_on_fit_task_begin(estimator=self, X=X, y=y)
        with all_or_nothing(self):
            self._fit(self._validate_profiles(X, reset=not self._continues()))
        task.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def predict(self, X):
        """Run the auction on bids.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_bidders, n_items), \
                or (n_samples, n_bidders * n_items), or DataFrame
            Bids, one profile per row, in the unit of the valuations seen in fit.

        Returns
        -------
        AuctionOutcome
            ``allocations`` of shape (n_samples, n_bidders, n_items), probabilities, and
            ``payments`` of shape (n_samples, n_bidders), in the unit of the bids.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If X has other sizes or columns than in fit, or values that are negative or not
            finite.
        """
        bids = self.as_profiles(X)
        return AuctionOutcome(*run_in_blocks(lambda rows: self._run_rows(bids, rows), bids.shape))

    def as_profiles(self, X):
        """Return bids or valuations of any accepted form as checked 3-D profiles.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_bidders, n_items), \
                or (n_samples, n_bidders * n_items), or DataFrame
            In money.

        Returns
        -------
        ndarray of shape (n_samples, n_bidders, n_items)
            The same, in money, in float64.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If X has other sizes or columns than in fit, or values that are negative or not
            finite.
        """
        check_is_fitted(self)
        return self._validate_profiles(X, reset=False)

    def score(self, X, y=None, *, effort="quick"):
        """Return ``sqrt(P) - sqrt(R)`` on valuations, by an audit.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_bidders, n_items) or flat
            True valuations, in the unit of those seen in fit.
        y : None
            Ignored.
        effort : {"quick", "default", "thorough"} or int, default="quick"
            How hard the audit searches; see :func:`~sklauction.measure_regret`.

        Returns
        -------
        float
            P is the revenue under truthful reports, R the total regret found. The
            search is a lower bound on R, so the score is an upper bound. In the square
            root of money.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If X has other sizes or columns than in fit, or values that are negative or not
            finite, or the effort is not as described.
        """
        return measure_regret(self, X, effort=effort, random_state=0, verbose=False).score

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.two_d_array = True
        tags.input_tags.three_d_array = True
        return tags

    def _run_rows(self, bids, rows):
        """Run on a slice of the bids; another method only where messages name rows."""
        return self._run(bids[rows])

    def _continues(self):
        """Say whether fit goes on from an earlier fit, in its sizes, scale and support."""
        return False

    def _planned_iterations(self):
        """Return how many iterations a fit tells callbacks of; 0 for a fit in one piece."""
        return 0

    def _check_parameters(self):
        """Check constructor parameters; subclasses extend. Raises ValueError."""
        check_count(self.n_bidders, "n_bidders")
        if self.n_items is not None:
            check_count(self.n_items, "n_items")
        check_choice(self.demand, "demand", DEMANDS)

    def _validate_profiles(self, X, reset):
        """Check profiles and return them as float64 of shape (n, n_bidders, n_items).

        With ``reset`` (in fit) the learned sizes, scale and support are stored, after
        every check has passed, so that bad input leaves the estimator as it was.
        """
        read = _read(X)
        table = self._flatten(read, reset)
        with np.errstate(over="ignore"):  # what is too large becomes infinite, which is refused
            values = check_array(
                table,
                dtype=np.float64,
                order="C",
                ensure_min_samples=2 if reset else 1,
                estimator=self,
                input_name="X",
            )
        check_non_negative(values, f"{type(self).__name__} (valuations and bids)")
        if reset:
            shape = self._profile_shape(values.shape[1])
            profiles = values.reshape(len(values), *shape)
            scale = money_scale(profiles)
            support = self._find_support(profiles)
            validate_data(self, table, reset=True, skip_check_array=True)
            self.n_items_ = shape[1]
            self.scale_, self.support_ = scale, support
            return profiles
        if table is read:
            validate_data(self, table, reset=False, skip_check_array=True)
        _check_bids(values, self.scale_)
        return values.reshape(len(values), self.n_bidders, self.n_items_)

    def _flatten(self, X, reset):
        """Return what was read as a 2-D table, bidder and item axes of 3-D input checked."""
        if len(X.shape) != 3:
            return X
        n_items = self.n_items if reset else self.n_items_
        got = tuple(X.shape)
        if got[1] != self.n_bidders or (n_items is not None and got[2] != n_items):
            items = "n_items" if n_items is None else n_items
            raise ValueError(
                f"X must have shape (n_samples, n_bidders, n_items) = (n_samples, "
                f"{self.n_bidders}, {items}) for this {type(self).__name__}; got {got}, "
                f"that is {got[1]} bidders and {got[2]} items"
            )
        return np.asarray(X).reshape(got[0], got[1] * got[2])

    def _profile_shape(self, n_features):
        """Return (n_bidders, n_items) for a flat row of n_features values."""
        n_bidders = int(self.n_bidders)
        n_items = n_features // n_bidders if self.n_items is None else int(self.n_items)
        if n_items < 1 or n_bidders * n_items != n_features:
            expected = "a multiple of n_bidders" if self.n_items is None else "n_bidders * n_items"
            raise ValueError(
                f"X must have {expected} columns when flat, with n_bidders={self.n_bidders} "
                f"and n_items={self.n_items}; got {n_features} columns"
            )
        return n_bidders, n_items

    def _find_support(self, profiles):
        """Return the box of reports: the given one, broadcast, or the range of the data."""
        lows, highs = profiles.min(axis=0), profiles.max(axis=0)
        if self.support is None:
            return np.stack([lows, highs], axis=-1)
        box = check_support(self.support, *profiles.shape[1:])
        slack = ROUNDING * highs.max()
        outside = (lows < box[..., 0] - slack) | (highs > box[..., 1] + slack)
        if outside.any():
            bidder, item = np.argwhere(outside)[0]
            raise ValueError(
                f"support must hold every valuation of fit; got {box[bidder, item].tolist()} for "
                f"item {item} of bidder {bidder}, and valuations from {lows[bidder, item]} to "
                f"{highs[bidder, item]}"
            )
        if box.max() > WIDEST_SUPPORT * highs.max():
            raise ValueError(
                f"support must reach at most to {WIDEST_SUPPORT:g} times the largest valuation of "
                f"fit, {highs.max()}; got {box.max()}"
            )
        return box


@contextlib.contextmanager
def all_or_nothing(auction):
    """Put back an auction's attributes if what follows fails, or is interrupted by Ctrl-C."""
    before = dict(vars(auction))
    try:
        yield
    except BaseException:
        vars(auction).clear()
        vars(auction).update(before)
        raise


def _read(X):
    """Return X as an array of numbers; frames and sparse matrices as they are.

    Names of columns are still needed; NaN, infinity and sparse matrices scikit-learn refuses in
    its own words. What it would take for numbers (what a mask hides, dates), or refuse without
    naming X, is refused here.
    """
    if issparse(X) or isinstance(X, np.matrix):
        return X
    try:
        if hides_entries(X):
            raise ValueError("entries that a mask hides")
        with np.errstate(over="ignore"):  # what is too large becomes infinite
            if not hasattr(X, "dtypes"):
                return _as_numbers(X if isinstance(X, np.ndarray) else np.asarray(X))
            kinds = {getattr(one, "kind", "O") for one in np.atleast_1d(X.dtypes)}
            if not kinds or not kinds <= set(NUMBERS):
                _as_numbers(np.asarray(X))
            return X
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"X must hold numbers; got {type(X).__name__}: {error}") from error


def _as_numbers(array):
    """Return an array whose entries are numbers; objects and text in double precision."""
    if array.dtype.kind in DATES:
        raise TypeError(f"entries of type {array.dtype}")
    if array.dtype.kind in NUMBERS:
        return array
    if array.dtype.kind == "c":
        raise ValueError("Complex data not supported")
    if not array.size:
        raise ValueError(f"nothing, of shape {array.shape}")
    return array.astype(np.float64)


def _check_bids(bids, scale):
    """Raise ValueError where bids are too large to compute with."""
    top = bids.max()
    if top > MOST_BID * scale:
        raise ValueError(
            f"X must hold values of at most {MOST_BID:g} times scale_, {scale:.3g}; got {top}"
        )


def money_scale(profiles):
    """Return the money unit of valuations, sqrt(3) times their root mean square.

    Parameters
    ----------
    profiles : ndarray of shape (n_samples, n_bidders, n_items)

    Returns
    -------
    float
        Above zero.

    Raises
    ------
    ValueError
        If all valuations are zero: nothing can be sold. If the largest is below 1e-200 or above
        1e200, where products are lost.
    """
    top = profiles.max()
    if top <= 0:
        raise ValueError(
            "X must hold at least one positive valuation; got only zeros, for which every "
            "auction earns nothing"
        )
    least, most = MONEY
    if not least <= top <= most:
        raise ValueError(
            f"X must be in a unit of money in which the largest valuation is between {least:g} and "
            f"{most:g}; got {top}"
        )
    return float(top * np.sqrt(3.0 * np.mean((profiles / top) ** 2)))
