"""Domain: what a kind of mechanism is, in one object."""

from typing import NamedTuple

import numpy as np

from sklauction.domains.outcome import Outcome
from sklauction.utils.validation import WIDEST_SUPPORT, check_support

__all__ = ["Domain", "Rule", "require"]

# Differences below this share of the largest report count as rounding.
ROUNDING = 1e-9


class Rule(NamedTuple):
    """A rule that outcomes must satisfy, in words.

    Attributes
    ----------
    problem : str
        Sentence about a mechanism that breaks it, with ``{name}`` (of the mechanism) and, for a
        rule of each agent, ``{agent}`` (its number).
    label : str
        Of the largest violation, in reports.
    scaled : bool
        Whether violations are in the unit of the reports.
    """

    problem: str
    label: str
    scaled: bool = False


class Domain:
    """A kind of mechanism: what agents know, what is decided, what it is worth, what is wanted.

    Agents report their *types*, what each privately knows, and a mechanism maps the reports to an
    *outcome* [1]_. A domain states what the audit, the two-player game, the scorers, saving and
    the displays need to know about both. They know nothing else, so a new kind of mechanism is
    one subclass in one file, usually a frozen dataclass.

    ===================  ===================================================  ====================
    attribute or method  what it states                                       needed for
    ===================  ===================================================  ====================
    ``shape``            number of agents, and of entries of a report         everything
    ``outcome_class``    named tuple of the outcome                           everything
    ``fields``           shape of each of its fields                          everything
    ``worth``            what a part of an outcome is worth to a type         everything
    ``part``             what of an outcome concerns an agent                 if it is not all
    ``objective``        what the designer wants                              if it is not welfare
    ``score``            one figure from objective and regret                 if no difference
    ``rules``            words for the rules of outcomes                      checks of outcomes
    ``violations``       by how much an outcome breaks them                   checks of outcomes
    ``decide``           outcomes from scores, feasible by construction       networks
    ``n_scores``         how many scores that takes                           networks
    ``best``             the most valuable outcome                            welfare, VCG, bounds
    ``box``              the legal reports                                    if not a box of data
    ``scale``            the unit of reports                                  if they have one
    ``rivals``           reports of others next to which outcomes jump        a sharper audit
    ``deviations``       misreports worth a try                               a sharper audit
    ===================  ===================================================  ====================

    Methods take numpy arrays or torch tensors and return the same kind. Types and reports of all
    agents are of shape (..., n_agents, n_entries), and a field of an outcome is of shape
    (..., *shape of the field): the leading axes are profiles. Utilities may be in any unit, which
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
    def shape(self):
        """Number of agents and of entries of a report; None for what the data determine."""
        raise NotImplementedError(f"{type(self).__name__} must have a shape")

    def fields(self, n_agents, n_entries):
        """Return the shape of each field of the outcome of one profile, a dict by name."""
        raise NotImplementedError(f"{type(self).__name__} must have fields")

    def part(self, outcome, agent):
        """Return what of an outcome concerns an agent: a tuple of arrays; by default all of it."""
        return tuple(outcome)

    def worth(self, types, part):
        """Return what parts of outcomes are worth to types.

        Parameters
        ----------
        types : array of shape (..., n_entries)
        part : tuple of arrays
            Of :meth:`part`. Its leading axes and those of ``types`` broadcast.

        Returns
        -------
        array of shape (...)
        """
        raise NotImplementedError(f"{type(self).__name__} must have worth")

    def worths(self, types, part):
        """Return the worth of each part to each type, (..., k, l); see :meth:`worth`.

        Parameters
        ----------
        types : array of shape (..., k, n_entries)
        part : tuple of arrays of shape (..., l, *own shape)
        """
        new = (slice(None),) * (types.ndim - 2) + (None,)
        return self.worth(types[..., None, :], tuple(field[new] for field in part))

    def gain(self, types, part, other):
        """Return the worth of a part minus that of another; see :meth:`worth`."""
        return self.worth(types, part) - self.worth(types, other)

    def utilities(self, types, outcome):
        """Return each agent's worth of an outcome, (..., n_agents)."""
        agents = range(types.shape[-2])
        return _stack([self.worth(types[..., i, :], self.part(outcome, i)) for i in agents])

    def objective(self, types, outcome):
        """Return what the designer wants to maximise, (...); by default the sum of utilities."""
        return self.utilities(types, outcome).sum(-1)

    def score(self, objective, regret):
        """Return the score of a mean objective and a mean total regret; greater is better."""
        return objective - regret

    def violations(self, reports, outcome):
        """Return by how much each rule is broken: a dict of arrays, at most 0 where it holds.

        An array is of shape (n_samples,), or (n_samples, n_agents) for a rule of each agent.
        """
        return {}

    def defects(self, reports, outcome):
        """Return :meth:`violations`, and those of rules for learned and loaded mechanisms."""
        return self.violations(reports, outcome)

    def n_scores(self, n_agents, n_entries):
        """Return the number of scores that :meth:`decide` takes for a profile."""
        raise NotImplementedError

    def decide(self, scores, reports):
        """Return a feasible outcome for any scores, differentiably.

        Parameters
        ----------
        scores : Tensor of shape (n, n_scores)
        reports : Tensor of shape (n, n_agents, n_entries)
            In units of :meth:`scale`.

        Returns
        -------
        tuple of Tensor
            The fields, in the same units.
        """
        raise NotImplementedError

    def best(self, worths):
        """Return the most valuable outcome."""
        raise NotImplementedError

    def scale(self, types):
        """Return the unit of reports, learned from types (n_samples, n_agents, n_entries)."""
        return 1.0

    def in_units(self, outcome, scale):
        """Return an outcome whose ``scaled`` fields are multiplied by a scale."""
        names = self.outcome_class._fields
        return tuple(
            field * scale if name in self.scaled else field for name, field in zip(names, outcome)
        )

    def outside(self, outcome, reports, low):
        """Return what a report outside the box gets, given the outcome of the nearest inside."""
        return outcome

    def box(self, types, support=None):
        """Return lowest and highest reports.

        Parameters
        ----------
        types : ndarray of shape (n_samples, n_agents, n_entries)
        support : array-like broadcastable to (n_agents, n_entries, 2), default=None
            None means the range of the types.

        Returns
        -------
        ndarray of shape (n_agents, n_entries, 2)

        Raises
        ------
        ValueError
            If the support does not contain the types, or is too wide.
        """
        lows, highs = types.min(axis=0), types.max(axis=0)
        if support is None:
            return np.stack([lows, highs], axis=-1)
        box = check_support(support, *types.shape[1:], self.lowest, self.axes)
        largest = np.abs(types).max()
        slack = ROUNDING * largest
        outside = (lows < box[..., 0] - slack) | (highs > box[..., 1] + slack)
        if outside.any():
            agent, entry = np.argwhere(outside)[0]
            raise ValueError(
                f"support must hold every valuation of fit; got {box[agent, entry].tolist()} for "
                f"{self.entry} {entry} of {self.agent} {agent}, and valuations from "
                f"{lows[agent, entry]} to {highs[agent, entry]}"
            )
        if np.abs(box).max() > WIDEST_SUPPORT * largest:
            raise ValueError(
                f"support must reach at most to {WIDEST_SUPPORT:g} times the largest valuation of "
                f"fit, {largest}; got {np.abs(box).max()}"
            )
        return box

    def rivals(self, others, low):
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
        """
        return np.broadcast_to(low, (len(others), len(low)))

    def deviations(self, truth, rivals, low, high):
        """Return misreports that the audit should try beside its own; by default none.

        Parameters
        ----------
        truth, rivals : ndarray of shape (n, n_entries)
        low, high : ndarray of shape (n_entries,)
            Ends of the agent's box.

        Returns
        -------
        ndarray of shape (n, n_reports, n_entries)
        """
        return np.empty((len(truth), 0, truth.shape[1]))

    @property
    def axes(self):
        """Names of the axes of profiles."""
        return "n_samples", _count(self.agent), _count(self.entry)

    def label(self, agent, entry):
        """Return the label of an axis that shows an entry of an agent's type."""
        return f"{self.entry} {entry} of {self.agent} {agent}"


def require(domain, who, *methods):
    """Raise ValueError unless a domain has these optional methods."""
    for name in methods:
        if getattr(type(domain), name) is getattr(Domain, name):
            raise ValueError(f"{who} needs a domain with {name}(); got {domain!r}, which has none")


def _count(word):
    """Return the name of the number of some things, such as "n_bidders"."""
    return f"n_{word[:-1]}ies" if word.endswith("y") else f"n_{word}s"


def _stack(arrays):
    """Stack numpy arrays or tensors along a new last axis."""
    if isinstance(arrays[0], np.ndarray):
        return np.stack(arrays, axis=-1)
    import torch

    return torch.stack(arrays, dim=-1)
