"""BaseMechanism and BaseAuction: fit, predict, score and input checks of every estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, check_non_negative, validate_data

from sklauction.audit.measure import measure_regret
from sklauction.domains.auctions import DEMAND, Auction, auction_of
from sklauction.domains.outcome import AuctionOutcome
from sklauction.utils.batching import run_in_blocks
from sklauction.utils.callbacks import CallbackSupportMixin, with_callbacks
from sklauction.utils.column_names import Columns, in_order, read_columns
from sklauction.utils.constraints import ANY, NONE, check_parameters, count, number
from sklauction.utils.doc_links import DocLinks
from sklauction.utils.reading import check_size, check_table, read_input
from sklauction.utils.restoring import all_or_nothing
from sklauction.utils.saving import (
    fitted_array,
    fitted_n_features,
    fitted_n_items,
    fitted_names,
    fitted_object,
    fitted_support,
    fitted_typical,
)
from sklauction.utils.types import Effort, Profiles

__all__ = ["BaseAuction", "BaseMechanism"]

# Number of profiles whose median is taken.
MOST_TYPICAL = 100_000
# Units of reports that no overflow follows from.
SCALE = number(1e-201, 1e201)


class BaseMechanism(DocLinks, CallbackSupportMixin, BaseEstimator):
    """Base class of all estimators: a mechanism of any domain.

    A mechanism maps the reports of agents to an outcome [1]_. A subclass stores its parameters in
    ``__init__``, has an attribute ``domain``, and implements two methods: ``_fit(types)`` and
    ``_run(reports) -> fields of the outcome``. Both receive a checked float64 array of shape
    (n_samples, n_agents, n_entries). The subclass inherits :meth:`fit`, :meth:`predict`,
    :meth:`score`, all input checks and the attributes below.

    Three optional class attributes and hooks: ``_parameter_constraints`` lists the legal values of
    each parameter, ``_check_sizes(n_agents, n_entries)`` checks parameters that depend on the
    sizes, and ``_saved`` names the fitted attributes that files keep.

    Attributes
    ----------
    n_features_in_ : int
        Number of agents times entries of a report.
    scale_ : float
        Unit of reports learned in fit; 1 for domains without units.
    support_ : ndarray of shape (n_agents, n_entries, 2)
        Lowest and highest report of each agent for each entry.
    typical_ : ndarray of shape (n_agents, n_entries)
        Median report of each agent for each entry in fit.
    agent_names_, entry_names_ : list of str or None
        Read from the columns of a DataFrame; None if they do not tell them.

    Raises
    ------
    ValueError
        In fit, if a parameter or X is invalid; in predict and score, if X has other sizes than
        in fit, or illegal values.
    NotFittedError
        In predict and score, before fit.

    See Also
    --------
    sklauction.domains.base.Domain : What a domain is.
    BaseAuction : The base class of auctions.

    References
    ----------
    .. [1] Nisan, Roughgarden, Tardos & Vazirani (eds.), "Algorithmic Game Theory", 2007, chapter 9.

    Examples
    --------
    Two people choose one of three places; the first decides. For ``ThreePlaces`` see
    :class:`~sklauction.domains.base.Domain`.

    >>> from sklauction.base import BaseMechanism
    >>> class Dictator(BaseMechanism):
    ...     def __init__(self, domain=None):
    ...         self.domain = domain
    ...
    ...     def _fit(self, types):
    ...         pass
    ...
    ...     def _run(self, reports):
    ...         return [np.eye(3)[reports[:, 0].argmax(axis=1)]]
    """

    support = None
    # Parameter -> legal values. ``support`` is checked in fit, where the sizes are known.
    _parameter_constraints = {"support": ANY}
    # Fitted attribute -> check of its value in a file; None for mechanisms that cannot be saved.
    _saved = {
        "n_features_in_": fitted_n_features,
        "feature_names_in_": fitted_array("features", entries=fitted_object(str)),
        "scale_": SCALE,
        "support_": fitted_support,
        "typical_": fitted_typical,
        "agent_names_": fitted_names(0),
        "entry_names_": fitted_names(1),
    }
    # What to do about missing values.
    _missing = "Leave these profiles out"

    def _store(self, parameters):
        """Store the parameters of a constructor, which passes its ``locals()``."""
        vars(self).update((name, value) for name, value in parameters.items() if name != "self")

    @with_callbacks
    def fit(self, X: Profiles, y: object = None) -> Self:
        """Learn the mechanism from samples of types.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_agents, n_entries), \
                or (n_samples, n_agents * n_entries), or DataFrame
            Types, one profile per row, at least 2 profiles. For auctions these are valuations, of
            shape (n_samples, n_bidders, n_items), in any unit of money: finite, non-negative and
            not all zero.
        y : None
            Ignored; present by convention.

        Returns
        -------
        self
            The fitted mechanism.

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

    def predict(self, X: Profiles) -> Any:
        """Run the mechanism on reports.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_agents, n_entries), \
                or (n_samples, n_agents * n_entries), or DataFrame
            Reports, one profile per row, in the unit of the types seen in fit. For auctions these
            are bids.

        Returns
        -------
        outcome
            Named tuple of the domain, with one row per profile. For auctions it is an
            :class:`~sklauction.AuctionOutcome`: ``allocations`` of shape (n_samples, n_bidders,
            n_items), probabilities, and ``payments`` of shape (n_samples, n_bidders), in the unit
            of the bids.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If X has other sizes or columns than in fit, or illegal values.
        """
        reports = self.as_profiles(X)
        fields = run_in_blocks(lambda rows: self._run_rows(reports, rows), reports.shape)
        return self.domain.outcome_class(*fields)

    def as_profiles(self, X: Profiles) -> np.ndarray:
        """Return reports or types as checked 3-D profiles.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_agents, n_entries), \
                or (n_samples, n_agents * n_entries), or DataFrame
            For auctions, in money.

        Returns
        -------
        ndarray of shape (n_samples, n_agents, n_entries)
            In the same unit, in float64.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If X has other sizes or columns than in fit, or illegal values.
        """
        check_is_fitted(self)
        return self._validate_profiles(X, reset=False)

    def score(self, X: Profiles, y: object = None, *, effort: Effort = "quick") -> float:
        """Return the score of the domain, where an audit measures regret.

        The score of auctions is ``sqrt(P) - sqrt(R)``, where P is the revenue under truthful
        reports and R the total regret found. That of other domains is their objective minus R, by
        default. R is a lower bound, so the score is an upper bound.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_agents, n_entries) or flat
            True types, in the unit of those seen in fit.
        y : None
            Ignored.
        effort : {"quick", "default", "thorough"} or int, default="quick"
            How hard the audit searches; see :func:`~sklauction.measure_regret`.

        Returns
        -------
        float
            Of auctions, in the square root of money.

        Raises
        ------
        NotFittedError
            Before fit.
        ValueError
            If X has other sizes or columns than in fit, or illegal values, or the effort is
            invalid.
        """
        return measure_regret(self, X, effort=effort, random_state=0, verbose=False).score

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.three_d_array = True
        return tags

    def _run_rows(self, reports, rows):
        """Run on a slice of the reports. Overridden where messages need the row numbers."""
        return self._run(reports[rows])

    def _given_shape(self):
        """Return numbers of agents and of entries, None where the data determine it."""
        return self.domain.shape

    def _store_shape(self, n_agents, n_entries):
        """Store the sizes of a fit in attributes of their own, if there are any."""

    def _fitted_shape(self):
        """Return numbers of agents and of entries of the fit."""
        n_agents, _ = self.domain.shape
        return n_agents, self.n_features_in_ // n_agents

    def _continues(self):
        """Return whether fit continues an earlier fit, with its sizes, scale and support."""
        return False

    def _planned_iterations(self):
        """Return the number of iterations that fit reports to callbacks."""
        return 0

    def _check_parameters(self):
        """Check constructor parameters. Subclasses extend it by relations between them."""
        check_parameters(self)

    def _check_sizes(self, n_agents, n_entries):
        """Check parameters that depend on the sizes, in fit, before anything is stored."""

    def _validate_profiles(self, X, reset):
        """Check profiles and return them as float64 of shape (n, n_agents, n_entries).

        With ``reset`` (in fit), sizes, scale and support are stored once all checks have passed.
        """
        read = read_input(X)
        table = self._flatten(read, reset)
        values = check_table(table, 2 if reset else 1, self, self._missing)
        least = self._check_lowest(values)
        if reset:
            columns = self._read_columns(X)
            shape = read.shape[1:] if table is not read else self._profile_shape(table, columns)
            self._check_sizes(*shape)
            profiles = in_order(values, table, columns).reshape(len(values), *shape)
            scale = self.domain.scale(profiles)
            support = self.domain.box(profiles, self.support)
            validate_data(self, table, reset=True, skip_check_array=True)
            self._store_shape(*shape)
            self.scale_, self.support_ = scale, support
            self.typical_ = np.median(profiles[:: 1 + len(profiles) // MOST_TYPICAL], axis=0)
            self.agent_names_, self.entry_names_ = columns
            return profiles
        if table is read:
            self._check_columns(table)
            names = Columns(
                *(getattr(self, name, None) for name in ("agent_names_", "entry_names_"))
            )
            values = in_order(values, self, names)
        check_size(max(values.max(), -least), self.scale_)
        return values.reshape(len(values), *self._fitted_shape())

    def _read_columns(self, X):
        """Return the agents and entries that the columns of a DataFrame name."""
        if not hasattr(X, "columns"):
            return Columns()
        domain, (n_agents, _) = self.domain, self._given_shape()
        return read_columns(X.columns, n_agents, (domain.agent, domain.entry))

    def _check_columns(self, table):
        """Raise ValueError unless a table has the columns of the fit."""
        shape = self._fitted_shape()
        if table.shape == shape != (1, shape[1]):
            raise ValueError(
                f"X has {shape[1]} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input: X of shape {shape} looks like a single "
                f"profile, which must have shape {(1, *shape)}"
            )
        validate_data(self, table, reset=False, skip_check_array=True)

    def _check_lowest(self, values):
        """Return the lowest value; raise ValueError if it is below the lowest legal report."""
        least, lowest = values.min(), self.domain.lowest
        if least < lowest == 0:  # in scikit-learn's words
            check_non_negative(values, f"{type(self).__name__} (valuations and bids)")
        if least < lowest:
            raise ValueError(f"X must hold values of at least {lowest:g}; got {least}")
        return least

    def _flatten(self, X, reset):
        """Return input as a 2-D table, after checking the sizes of 3-D input."""
        if len(X.shape) != 3:
            return X
        sizes = self._given_shape() if reset else self._fitted_shape()
        got, axes = tuple(X.shape), self.domain.axes
        if any(size not in (None, one) for size, one in zip(sizes, got[1:])):
            wanted = (axis if size is None else size for axis, size in zip(axes[1:], sizes))
            raise ValueError(
                f"X must have shape ({', '.join(axes)}) = (n_samples, "
                f"{', '.join(map(str, wanted))}) for this {type(self).__name__}; got {got}, "
                f"that is {got[1]} {axes[1][2:]} and {got[2]} {axes[2][2:]}"
            )
        return np.asarray(X).reshape(got[0], got[1] * got[2])

    def _profile_shape(self, table, columns):
        """Return numbers of agents and entries of the rows of a flat table."""
        n_agents, n_entries = self._given_shape()
        _, agents, entries = self.domain.axes
        n_features = table.shape[1]
        if n_agents is None and columns.agents is None:
            raise ValueError(
                f"{agents} must be given when X is flat and its columns do not name the "
                f"{agents[2:]}; got {agents}=None and {n_features} columns"
            )
        n_agents = len(columns.agents) if n_agents is None else int(n_agents)
        width = n_features // n_agents if n_entries is None else int(n_entries)
        if width < 1 or n_agents * width != n_features:
            expected = f"a multiple of {agents}" if n_entries is None else f"{agents} * {entries}"
            raise ValueError(
                f"X must have {expected} columns when flat, with {agents}={n_agents} "
                f"and {entries}={n_entries}; got {n_features} columns"
            )
        return n_agents, width


class BaseAuction(BaseMechanism):
    """Base class of all auctions.

    A subclass stores its parameters in ``__init__``, including ``n_bidders`` and ``n_items`` (None
    to infer them), and implements two methods: ``_fit(valuations)`` and
    ``_run(bids) -> (allocations, payments)``. Both receive a checked float64 array of shape
    (n_samples, n_bidders, n_items), in money. The subclass inherits :meth:`fit`, :meth:`predict`,
    :meth:`score`, all input checks and the attributes below. The learning problem is that of [1]_.

    A bid of zero never wins: ``predict`` sets the allocation of an item that a bidder reports as
    worth 0 to 0. This keeps truthfulness, individual rationality and payments as they are, since
    such an item adds nothing to the bidder's reported value.

    Three optional class attributes and hooks: ``_parameter_constraints`` lists the legal values of
    each parameter, ``_check_sizes(n_bidders, n_items)`` checks parameters that depend on the
    sizes, and ``_saved`` names the fitted attributes that files keep.

    Attributes
    ----------
    n_bidders_, n_items_ : int
        Numbers of bidders and items.
    bidder_names_, item_names_ : list of str or None
        Read from the columns of a DataFrame; None if they do not tell them.
    n_features_in_ : int
        ``n_bidders_ * n_items_``.
    scale_ : float
        Unit of money learned in fit: sqrt(3) times the root mean square valuation, which is c
        for values uniform on [0, c].
    support_ : ndarray of shape (n_bidders, n_items, 2)
        Lowest and highest report of each bidder for each item, in money.
    typical_ : ndarray of shape (n_bidders, n_items)
        Median valuation of each bidder for each item in fit, in money.

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
    ...     def __init__(self, n_bidders=None, n_items=1, *, price=0.5):
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
    >>> auction = PostedPrice().fit([[[0.2], [0.8]], [[0.9], [0.7]]])
    >>> auction.predict([[[0.6], [0.9]], [[0.4], [0.3]]]).payments
    array([[0.5, 0. ],
           [0. , 0. ]])
    """

    # Defaults for classes without these parameters.
    demand = "additive"
    _parameter_constraints = {
        "n_bidders": NONE | count(),
        "n_items": NONE | count(),
        "demand": DEMAND,
        **BaseMechanism._parameter_constraints,
    }
    _saved = {"n_items_": fitted_n_items, **BaseMechanism._saved}
    _missing = (
        "If the bidder was absent, write 0, as in X.fillna(0): a bid of zero never wins. Do not "
        "fill in other values: such a bidder would win and pay"
    )

    if TYPE_CHECKING:

        def predict(self, X: Profiles) -> AuctionOutcome:
            """Run the auction on bids."""

    @property
    def domain(self) -> Auction:
        """Domain of the auction."""
        return auction_of(self.demand)

    @property
    def n_bidders_(self) -> int:
        """Number of bidders in fit."""
        return self.n_features_in_ // self.n_items_

    @property
    def bidder_names_(self) -> list[str] | None:
        """Names of the bidders, read from the columns of a DataFrame, or None."""
        return getattr(self, "agent_names_", None)

    @property
    def item_names_(self) -> list[str] | None:
        """Names of the items, read from the columns of a DataFrame, or None."""
        return getattr(self, "entry_names_", None)

    def _given_shape(self):
        return self.n_bidders, self.n_items

    def _store_shape(self, n_agents, n_entries):
        self.n_items_ = n_entries

    def _fitted_shape(self):
        return self.n_bidders_, self.n_items_

    def _run_rows(self, reports, rows):
        allocations, payments = self._run(reports[rows])
        return np.where(reports[rows] > 0, allocations, 0.0), payments

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags
