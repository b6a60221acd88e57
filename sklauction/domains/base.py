"""Domain: what a kind of mechanism is, in one object."""

import numpy as np

from sklauction.domains.outcome import Outcome
from sklauction.utils.numbers import largest, stack_last
from sklauction.utils.types import Array, ArrayLike, Fields, Tensor
from sklauction.utils.validation import WIDEST_SUPPORT, check_support

__all__ = ["Domain", "name_of", "require"]

# Differences below this share of the largest report count as rounding.
ROUNDING = 1e-9


class Domain:
    """A kind of mechanism: what agents know, what is decided, what it is worth, what is wanted.

    Agents report their *types*, what each privately knows, and a mechanism maps the reports to an
    *outcome* [1]_. A domain states what the audit, the two-player game, the scorers, saving and
    the displays need to know about both. A new kind of mechanism is therefore one subclass in one
    file, usually a frozen dataclass.

    ======================  ===================================================  =================
    attribute or method     what it states                                       default
    ======================  ===================================================  =================
    ``shape``               number of agents, and of entries of a report         required
    ``outcome_class``       named tuple of the outcome                           required
    ``fields``              shape of each of its fields                          required
    ``worth``               what a part of an outcome is worth to a type         required
    ``part``                what of an outcome concerns an agent                 all of it
    ``objective``           what the designer wants                              sum of utilities
    ``score``               one figure from objective and regret                 their difference
    ``rules, violations``   rules of outcomes, and by how much they are broken   none
    ``n_scores, decide``    outcomes from scores of a network, always feasible   none
    ``best``                the most valuable outcome                            none
    ``box``                 the legal reports                                    range of the data
    ``scale, scaled``       the unit of reports, and the fields in this unit     1, none
    ``rivals, deviations``  misreports that the audit should try                 none
    ======================  ===================================================  =================

    Methods take numpy arrays or torch tensors and return the same kind. Types and reports of all
    agents are of shape (..., n_agents, n_entries), and a field of an outcome is of shape
    (..., shape of the field): the leading axes are profiles. Utilities may be in any unit, which
    the objective need not share.

    Attributes
    ----------
    agent, entry : str
        What an agent and an entry of its report are called in messages and labels.
    objective_name : str
        Name of the objective, in reports and histories.
    score_text : str
        Formula of the score, in reports.
    unit, score_unit : str
        Units of utilities and of the score, in labels; empty if there are none.
    score_power : float
        The score is multiplied by ``c ** score_power`` if all reports are multiplied by c.
    lowest, objective_lowest : float
        Lowest legal report, and lowest objective.
    scaled : tuple of str
        Fields of the outcome in the unit of the reports.
    rules : dict of {str: Rule}
        By the names that :meth:`violations` uses.

    See Also
    --------
    sklauction.domains.auctions.Auction : The domain of a seller's auctions.
    sklauction.TwoPlayerMechanism : Learns a mechanism of any domain.

    References
    ----------
    .. [1] Nisan, Roughgarden, Tardos & Vazirani (eds.), "Algorithmic Game Theory", 2007, chapter 9.

    Examples
    --------
    Two people choose one of three places by lottery. A type is a person's value of each place.

    >>> from collections import namedtuple
    >>> import numpy as np
    >>> from sklauction import measure_regret
    >>> from sklauction.domains import Domain, Outcome
    >>> class Lottery(Outcome, namedtuple("Lottery", ["chances"])):
    ...     __slots__ = ()
    >>> class ThreePlaces(Domain):
    ...     agent, entry = "person", "place"
    ...     shape = (2, 3)
    ...     outcome_class = Lottery
    ...
    ...     def fields(self, n_agents, n_entries):
    ...         return {"chances": (n_entries,)}
    ...
    ...     def worth(self, types, part):
    ...         return (types * part[0]).sum(-1)
    >>> def dictator(reports):  # the first person chooses
    ...     return [np.eye(3)[reports[:, 0].argmax(axis=1)]]
    >>> values = np.random.default_rng(0).uniform(size=(100, 2, 3))
    >>> report = measure_regret(dictator, values, domain=ThreePlaces(), random_state=0)
    >>> report.total_regret, bool(1.2 < report.objective < 1.3)  # welfare, 1/2 + 3/4 expected
    (0.0, True)
    """

    agent, entry = "agent", "entry"
    objective_name, score_text, score_power = "objective", "objective - regret", 1.0
    unit = score_unit = ""
    lowest = objective_lowest = -np.inf
    scaled = ()
    rules = {}
    outcome_class = Outcome

    @property
    def shape(self) -> tuple[int | None, int | None]:
        """Number of agents and of entries of a report; None for what the data determine."""
        raise NotImplementedError(f"{type(self).__name__} must have a shape")

    def fields(self, n_agents: int, n_entries: int) -> dict[str, tuple[int, ...]]:
        """Return the shape of each field of the outcome of one profile.

        Parameters
        ----------
        n_agents, n_entries : int
            Numbers of agents and of entries of a report.

        Returns
        -------
        dict of {str: tuple of int}
            In the order of the fields of ``outcome_class``.
        """
        raise NotImplementedError(f"{type(self).__name__} must have fields")

    def part(self, outcome: Fields, agent: int) -> tuple[Array, ...]:
        """Return what of an outcome concerns an agent; by default all of it.

        Parameters
        ----------
        outcome : sequence of arrays of shape (..., own shape)
            The fields, of any number of profiles.
        agent : int
            Number of the agent.

        Returns
        -------
        tuple of arrays of shape (..., own shape)
            The same for all agents in number and shape.
        """
        return tuple(outcome)

    def worth(self, types: Array, part: Fields) -> Array:
        """Return what parts of outcomes are worth to types: the utility of an agent.

        Parameters
        ----------
        types : array of shape (..., n_entries)
            Types of one agent.
        part : sequence of arrays of shape (..., own shape)
            Of :meth:`part`. The leading axes and those of ``types`` broadcast.

        Returns
        -------
        array of shape (...)
            In the unit of utilities.
        """
        raise NotImplementedError(f"{type(self).__name__} must have worth")

    def worths(self, types: Array, part: Fields) -> Array:
        """Return the worth of each part to each type.

        Parameters
        ----------
        types : array of shape (..., k, n_entries)
            Types of one agent.
        part : sequence of arrays of shape (..., l, own shape)
            Of :meth:`part`.

        Returns
        -------
        array of shape (..., k, l)
            In the unit of utilities.
        """
        new = (slice(None),) * (types.ndim - 2) + (None,)
        return self.worth(types[..., None, :], tuple(field[new] for field in part))

    def gain(self, types: Array, part: Fields, other: Fields) -> Array:
        """Return the worth of a part minus that of another.

        Parameters
        ----------
        types : array of shape (..., n_entries)
            Types of one agent.
        part, other : sequence of arrays of shape (..., own shape)
            Of :meth:`part`.

        Returns
        -------
        array of shape (...)
            In the unit of utilities.
        """
        return self.worth(types, part) - self.worth(types, other)

    def utilities(self, types: Array, outcome: Fields) -> Array:
        """Return what an outcome is worth to each agent.

        Parameters
        ----------
        types : array of shape (..., n_agents, n_entries)
            True types.
        outcome : sequence of arrays of shape (..., own shape)
            The fields; they may be those of other reports.

        Returns
        -------
        array of shape (..., n_agents)
            In the unit of utilities.
        """
        agents = range(types.shape[-2])
        return stack_last([self.worth(types[..., i, :], self.part(outcome, i)) for i in agents])

    def objective(self, types: Array, outcome: Fields) -> Array:
        """Return what the designer wants to maximise; by default the sum of utilities.

        Parameters
        ----------
        types : array of shape (..., n_agents, n_entries)
            True types.
        outcome : sequence of arrays of shape (..., own shape)
            The fields.

        Returns
        -------
        array of shape (...)
            One figure per profile.
        """
        return self.utilities(types, outcome).sum(-1)

    def score(self, objective: Array, regret: Array) -> Array:
        """Return the score of a mechanism; by default the objective minus the regret.

        Parameters
        ----------
        objective, regret : float or array of any shape
            Mean objective, and mean over profiles of the sum over agents of regret.

        Returns
        -------
        float or array of the same shape
            Greater is better.
        """
        return objective - regret

    def violations(self, reports: np.ndarray, outcome: Fields) -> dict[str, np.ndarray]:
        """Return by how much each rule is broken; by default there are no rules.

        Parameters
        ----------
        reports : ndarray of shape (n_samples, n_agents, n_entries)
            Reports.
        outcome : sequence of ndarray of shape (n_samples, own shape)
            The fields.

        Returns
        -------
        dict of {str: ndarray}
            For names of ``rules``, an array of shape (n_samples,), or (n_samples, n_agents) for a
            rule about each agent: at most 0 where the rule holds.
        """
        return {}

    def defects(self, reports: np.ndarray, outcome: Fields) -> dict[str, np.ndarray]:
        """Return violations, and those of rules for learned and loaded mechanisms only.

        Parameters
        ----------
        reports : ndarray of shape (n_samples, n_agents, n_entries)
            Reports.
        outcome : sequence of ndarray of shape (n_samples, own shape)
            The fields.

        Returns
        -------
        dict of {str: ndarray}
            Of the same shapes as in :meth:`violations`.
        """
        return self.violations(reports, outcome)

    def n_scores(self, n_agents: int, n_entries: int) -> int:
        """Return the number of scores that :meth:`decide` takes for a profile.

        Parameters
        ----------
        n_agents, n_entries : int
            Numbers of agents and of entries of a report.

        Returns
        -------
        int
            Number of outputs of a network.
        """
        raise NotImplementedError

    def decide(self, scores: Tensor, reports: Tensor) -> Fields:
        """Return a feasible outcome for any scores, differentiably.

        Parameters
        ----------
        scores : Tensor of shape (n, n_scores)
            Outputs of a network.
        reports : Tensor of shape (n, n_agents, n_entries)
            In units of :meth:`scale`.

        Returns
        -------
        sequence of Tensor of shape (n, own shape)
            The fields, in the same units.
        """
        raise NotImplementedError

    def best(self, worths: np.ndarray) -> np.ndarray:
        """Return the most valuable outcome.

        Parameters
        ----------
        worths : ndarray of shape (n_samples, ...)
            Worth of what can be decided; its shape depends on the domain.

        Returns
        -------
        ndarray of shape (n_samples, ...)
            What is decided.
        """
        raise NotImplementedError

    def scale(self, types: np.ndarray) -> float:
        """Return the unit of reports; by default 1.

        Utilities and the objective must scale with it.

        Parameters
        ----------
        types : ndarray of shape (n_samples, n_agents, n_entries)
            Samples.

        Returns
        -------
        float
            Above zero.
        """
        return 1.0

    def in_units(self, outcome: Fields, scale: float) -> tuple[Array, ...]:
        """Return an outcome whose ``scaled`` fields are multiplied by a scale.

        Parameters
        ----------
        outcome : sequence of arrays of shape (..., own shape)
            The fields.
        scale : float
            Factor.

        Returns
        -------
        tuple of arrays of shape (..., own shape)
            The fields.
        """
        names = self.outcome_class._fields
        return tuple(
            field * scale if name in self.scaled else field for name, field in zip(names, outcome)
        )

    def outside(self, outcome: Fields, reports: Tensor, low: Tensor) -> Fields:
        """Return the outcome of reports outside the box; by default that of the nearest inside.

        Parameters
        ----------
        outcome : sequence of Tensor of shape (n, own shape)
            The fields for the nearest reports inside.
        reports : Tensor of shape (n, n_agents, n_entries)
            Reports, inside or outside.
        low : Tensor of shape (n_agents, n_entries)
            Lowest reports of the box.

        Returns
        -------
        sequence of Tensor of shape (n, own shape)
            The fields.
        """
        return outcome

    def box(self, types: np.ndarray, support: ArrayLike | None = None) -> np.ndarray:
        """Return lowest and highest reports.

        Parameters
        ----------
        types : ndarray of shape (n_samples, n_agents, n_entries)
            Samples.
        support : array-like broadcastable to (n_agents, n_entries, 2), default=None
            None means the range of the types.

        Returns
        -------
        ndarray of shape (n_agents, n_entries, 2)
            In the unit of the types.

        Raises
        ------
        ValueError
            If the support does not contain the types, or is too wide.
        """
        lows, highs = types.min(axis=0), types.max(axis=0)
        if support is None:
            return np.stack([lows, highs], axis=-1)
        box = check_support(support, *types.shape[1:], self.lowest, self.axes)
        top = largest(types)
        slack = ROUNDING * top
        outside = (lows < box[..., 0] - slack) | (highs > box[..., 1] + slack)
        if outside.any():
            agent, entry = np.argwhere(outside)[0]
            raise ValueError(
                f"support must hold every value of fit; got {box[agent, entry].tolist()} for "
                f"{self.entry} {entry} of {self.agent} {agent}, and values from "
                f"{lows[agent, entry]} to {highs[agent, entry]}"
            )
        if largest(box) > WIDEST_SUPPORT * (top or 1.0):
            raise ValueError(
                f"support must reach at most to {WIDEST_SUPPORT:g} times the largest value of fit, "
                f"{top}; got {largest(box)}"
            )
        return box

    def rivals(self, others: np.ndarray, low: np.ndarray) -> np.ndarray:
        """Return reports next to which an agent's outcome may jump; by default none.

        Parameters
        ----------
        others : ndarray of shape (n, n_agents - 1, n_entries)
            Reports of the other agents.
        low : ndarray of shape (n_entries,)
            Lowest report of the agent, which stands for none.

        Returns
        -------
        ndarray of shape (n, n_entries)
            One for each entry.
        """
        return np.broadcast_to(low, (len(others), len(low)))

    def deviations(self, truth: Array, others: Array, low: Array, high: Array) -> Array:
        """Return misreports that the audit should try beside its own; by default none.

        Parameters
        ----------
        truth : ndarray of shape (n, n_entries)
            True types of an agent.
        others : ndarray of shape (n, n_agents - 1, n_entries)
            Reports of the other agents.
        low, high : ndarray of shape (n_entries,)
            Ends of the agent's box.

        Returns
        -------
        ndarray of shape (n, n_reports, n_entries)
            Within the box; as many for every agent.
        """
        return np.empty((len(truth), 0, truth.shape[1]))

    @property
    def axes(self) -> tuple[str, str, str]:
        """Names of the axes of profiles."""
        return "n_samples", _count(self.agent), _count(self.entry)

    def label(self, agent: int | str, entry: int | str) -> str:
        """Return the label of an axis that shows an entry of an agent's type.

        Parameters
        ----------
        agent, entry : int or str
            Numbers or names of the agent and of the entry.

        Returns
        -------
        str
            Label, with the unit if there is one.
        """
        return f"{name_of(self.entry, entry)} of {name_of(self.agent, agent)}"


def name_of(kind, which):
    """Return the name of an agent or an entry; from a number, one such as "bidder 0"."""
    return which if isinstance(which, str) else f"{kind} {which}"


def require(domain, who, *methods):
    """Raise ValueError unless a domain has these optional methods."""
    for name in methods:
        if getattr(type(domain), name) is getattr(Domain, name):
            raise ValueError(f"{who} needs a domain with {name}(); got {domain!r}, which has none")


def _count(word):
    """Return the name of the number of some things, such as "n_bidders"."""
    return f"n_{word[:-1]}ies" if word.endswith("y") else f"n_{word}s"
