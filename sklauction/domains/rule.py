"""Rule: the words for a rule that outcomes of a domain must satisfy."""

from typing import NamedTuple

__all__ = ["Rule"]


class Rule(NamedTuple):
    """A rule that outcomes must satisfy, in words.

    Parameters
    ----------
    problem : str
        Sentence about a mechanism that breaks the rule, with ``{name}`` for the mechanism and, if
        the rule is about each agent, ``{agent}`` for its number.
    label : str
        Label of the largest violation, in reports.
    scaled : bool, default=False
        Whether violations are in the unit of the reports.

    See Also
    --------
    sklauction.domains.base.Domain : Has a dict of rules, and computes violations.

    Examples
    --------
    >>> from sklauction.domains import Rule
    >>> rule = Rule("the chances of {name} exceed 1", "largest excess")
    >>> rule.problem.format(name="lottery")
    'the chances of lottery exceed 1'
    """

    problem: str
    label: str
    scaled: bool = False
