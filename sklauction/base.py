"""BaseAuction: fit, predict, score and input checks of every auction."""

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
from sklauction.utils.constraints import ANY, NONE, POSITIVE, check_parameters, choice, count
from sklauction.utils.saving import (
    fitted_array,
    fitted_n_features,
    fitted_n_items,
    fitted_object,
    fitted_support,
)
from sklauction.utils.validation import DEMANDS, WIDEST_SUPPORT, check_support, hides_entries

__all__ = ["BaseAuction", "all_or_nothing", "money_scale"]

# Limits of the largest valuation in fit, and of bids in units of the scale, so that products of two
# amounts do not overflow.
MONEY, MOST_BID = (1e-200, 1e200), 1e100
# Differences below this share of the largest valuation count as rounding.
ROUNDING = 1e-9
# Kinds of dtypes: dates and durations; numbers.
DATES, NUMBERS = "mM", "biuf"


class BaseAuction(CallbackSupportMixin, BaseEstimator):
    """Base class of all auctions.

    A subclass stores its parameters in ``__init__``, including ``n_bidders`` and ``n_items`` (None
    to infer it), and implements two methods: ``_fit(valuations)`` and
    ``_run(bids) -> (allocations, payments)``. Both receive a checked float64 array of shape
    (n_samples, n_bidders, n_items), in money. The subclass inherits :meth:`fit`, :meth:`predict`,
    :meth:`score`, all input checks and the attributes below. The learning problem is that of [1]_.

    Three optional class attributes and hooks: ``_parameter_constraints`` lists the legal values of
    each parameter, ``_check_sizes(n_bidders, n_items)`` checks parameters that depend on the
    sizes, and ``_saved`` names the fitted attributes that files keep.

    Attributes
    ----------
    n_items_ : int
        Number of items.
    n_features_in_ : int
        ``n_bidders * n_items_``.
    scale_ : float
        Unit of money learned in fit: sqrt(3) times the root mean square valuation, which is c
        for values uniform on [0, c].
    support_ : ndarray of shape (n_bidders, n_items, 2)
        Lowest and highest report of each bidder for each item, in money.

    Raises
    ------
    ValueError
        In fit, if a parameter or X is invalid; in predict and score, if X has other sizes than
        in fit, or negative or non-finite values.
    NotFittedError
        In predict and score, before fit.

    See Also
    --------
    sklauction.CallableAuction : An auction from a function.

    References
    ----------
    .. [1] Duetting et al., "Optimal Auctions through Deep Learning", ICML 2019, section 2.

    Examples
    --------
    One item at a posted price, sold to the first bidder who accepts:

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

    # Defaults for classes without these parameters.
    support = None
    demand = "additive"
    # Parameter -> legal values. ``support`` is checked in fit, where the sizes are known.
    _parameter_constraints = {
        "n_bidders": count(),
        "n_items": NONE | count(),
        "demand": choice(*DEMANDS),
        "support": ANY,
    }
    # Fitted attribute -> check of its value in a file; None for auctions that cannot be saved.
    _saved = {
        "n_items_": fitted_n_items,
        "n_features_in_": fitted_n_features,
        "feature_names_in_": fitted_array("features", entries=fitted_object(str)),
        "scale_": POSITIVE,
        "support_": fitted_support,
    }

    @with_callbacks
    def fit(self, X, y=None):
        """Learn the auction from valuation samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_bidders, n_items), \
                or (n_samples, n_bidders * n_items), or DataFrame
            Valuations, one profile per row, in any unit of money. At least 2 profiles; finite,
            non-negative and not all zero.
        y : None
            Ignored; present by convention.

        Returns
        -------
        self
            The fitted auction.

        Raises
        ------
        ValueError
            If a parameter or X is invalid. The estimator then stays as it was.
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
            If X has other sizes or columns than in fit, or negative or non-finite values.
        """
        bids = self.as_profiles(X)
        return AuctionOutcome(*run_in_blocks(lambda rows: self._run_rows(bids, rows), bids.shape))

    def as_profiles(self, X):
        """Return bids or valuations as checked 3-D profiles.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_bidders, n_items), \
                or (n_samples, n_bidders * n_items), or DataFrame
            In money.

        Returns
        -------
        ndarray of shape (n_samples, n_bidders, n_items)
            In money, in float64.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If X has other sizes or columns than in fit, or negative or non-finite values.
        """
        check_is_fitted(self)
        return self._validate_profiles(X, reset=False)

    def score(self, X, y=None, *, effort="quick"):
        """Return the score ``sqrt(P) - sqrt(R)``, where an audit measures R.

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
            In the square root of money. P is the revenue under truthful reports and R the
            total regret found, which is a lower bound, so the score is an upper bound.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If X has other sizes or columns than in fit, or negative or non-finite values, or
            the effort is invalid.
        """
        return measure_regret(self, X, effort=effort, random_state=0, verbose=False).score

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.two_d_array = True
        tags.input_tags.three_d_array = True
        return tags

    def _run_rows(self, bids, rows):
        """Run on a slice of the bids. Overridden where messages need the row numbers."""
        return self._run(bids[rows])

    def _continues(self):
        """Return whether fit continues an earlier fit, with its sizes, scale and support."""
        return False

    def _planned_iterations(self):
        """Return the number of iterations that fit reports to callbacks."""
        return 0

    def _check_parameters(self):
        """Check constructor parameters. Subclasses extend it by relations between them."""
        check_parameters(self)

    def _check_sizes(self, n_bidders, n_items):
        """Check parameters that depend on the sizes, in fit, before anything is stored."""

    def _validate_profiles(self, X, reset):
        """Check profiles and return them as float64 of shape (n, n_bidders, n_items).

        With ``reset`` (in fit), sizes, scale and support are stored once all checks have passed.
        """
        read = _read(X)
        table = self._flatten(read, reset)
        with np.errstate(over="ignore"):  # overflow gives infinity, which is refused
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
            self._check_sizes(*shape)
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
        """Return input as a 2-D table, after checking the sizes of 3-D input."""
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
        """Return the given support, broadcast, or the range of the data."""
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
    """Restore an auction's attributes if the block fails or is interrupted."""
    before = dict(vars(auction))
    try:
        yield
    except BaseException:
        vars(auction).clear()
        vars(auction).update(before)
        raise


def _read(X):
    """Return X as an array of numbers; DataFrames and sparse matrices unchanged.

    DataFrames keep their column names. scikit-learn refuses NaN, infinity and sparse matrices. This
    function refuses what scikit-learn would accept (masked entries, dates) or refuse without
    naming X.
    """
    if issparse(X) or isinstance(X, np.matrix):
        return X
    try:
        if hides_entries(X):
            raise ValueError("masked entries")
        with np.errstate(over="ignore"):  # overflow gives infinity
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
    """Return an array of numbers; objects and text are converted to float64."""
    if array.dtype.kind in DATES:
        raise TypeError(f"entries of type {array.dtype}")
    if array.dtype.kind in NUMBERS:
        return array
    if array.dtype.kind == "c":
        raise ValueError("Complex data not supported")
    if not array.size:
        raise ValueError(f"an empty array of shape {array.shape}")
    return array.astype(np.float64)


def _check_bids(bids, scale):
    """Raise ValueError if bids are so large that products could overflow."""
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
        If all valuations are zero, or the largest is below 1e-200 or above 1e200, where products
        under- or overflow.
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
