"""Names of agents and of the entries of their reports, read from the columns of a DataFrame."""

from typing import NamedTuple

import numpy as np

__all__ = ["Columns", "column_order", "flat_names", "in_order", "read_columns"]

# Between the agent and the entry in the name of a column.
SEPARATOR = "_"


class Columns(NamedTuple):
    """Agents and entries in order of appearance.

    Parameters
    ----------
    agents, entries : list of str or None
        None if the columns do not name them.
    """

    agents: list | None = None
    entries: list | None = None


def flat_names(columns):
    """Return the names of columns; those of several levels are joined by an underscore."""
    return [SEPARATOR.join(map(str, one)) if isinstance(one, tuple) else one for one in columns]


def column_order(names, agents, entries):
    """Return the position of each column, agent by agent.

    Parameters
    ----------
    names : sequence of str
        Of the columns, as :func:`flat_names` returns them.
    agents, entries : list of str
        Of :func:`read_columns`.

    Returns
    -------
    list of int
    """
    place = {name: position for position, name in enumerate(names)}
    pairs = [(agent, entry) for agent in agents for entry in entries]
    # Levels may have been in the other order.
    turn = 1 if SEPARATOR.join(pairs[0]) in place else -1
    return [place[SEPARATOR.join(pair[::turn])] for pair in pairs]


def in_order(values, named, columns):
    """Return a table with its columns agent by agent.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_features)
    named : DataFrame or estimator
        Has the names of the columns.
    columns : Columns

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        Not a copy if the order is right.
    """
    if None in columns:
        return values
    names = named.columns if hasattr(named, "columns") else named.feature_names_in_
    order = column_order(names, *columns)
    return values if order == sorted(order) else np.ascontiguousarray(values[:, order])


def read_columns(columns, n_agents=None, words=("bidder", "item")):
    """Read agents and entries from columns of two levels, or with names ``agent_entry``.

    A name is split at an underscore such that there is one column for every agent and entry. Of
    several ways the first from the left is taken. Without ``n_agents``, there must be at least
    two agents.

    Parameters
    ----------
    columns : sequence of str or tuple, pandas Index or MultiIndex
    n_agents : int, optional
        Number of agents, if it is known.
    words : (str, str)
        What agents and entries are called: for messages, and for names of levels.

    Returns
    -------
    Columns

    Raises
    ------
    ValueError
        If columns of two levels have other numbers of agents, or agents with different entries;
        if names have the form of agents and entries except for some columns.

    Examples
    --------
    >>> from sklauction.utils.column_names import read_columns
    >>> read_columns(["ann_car", "bob_car", "ann_boat", "bob_boat"])
    Columns(agents=['ann', 'bob'], entries=['car', 'boat'])
    """
    if getattr(columns, "nlevels", 1) > 1:
        return _read_levels(columns, n_agents, words)
    names = list(columns)
    if not all(isinstance(name, str) for name in names):
        return Columns()
    for pairs in _splits(names):
        grid = _grid(pairs)
        if grid and (len(grid.agents) > 1 if n_agents is None else len(grid.agents) == n_agents):
            return grid
    _refuse_leftovers(names, n_agents, words)
    if n_agents == 1:
        return Columns(None, names)
    return Columns(names, None) if len(names) == n_agents else Columns()


def _read_levels(columns, n_agents, words):
    agent, entry = words
    if columns.nlevels != 2:
        raise ValueError(
            f"columns of X must have one level or two, {agent} and {entry}; got {columns.nlevels}"
        )
    turn = -1 if list(columns.names) == [entry, agent] else 1
    grid = _grid([tuple(map(str, pair))[::turn] for pair in columns])
    if grid is None:
        raise ValueError(
            f"X must have one column for every {agent} and {entry}; got {list(columns)}"
        )
    if n_agents not in (None, len(grid.agents)):
        raise ValueError(
            f"n_{agent}s must be the number of {agent}s in the columns of X, {len(grid.agents)}; "
            f"got {n_agents}"
        )
    return grid


def _splits(names):
    """Yield pairs of agent and entry of all names, split at the same underscore."""
    for at in range(1, max(name.count(SEPARATOR) for name in names) + 1):
        parts = [name.split(SEPARATOR) for name in names]
        for first in (at, -at):  # from the left, and from the right
            pairs = [(SEPARATOR.join(part[:first]), SEPARATOR.join(part[first:])) for part in parts]
            if all(all(pair) for pair in pairs):
                yield pairs


def _grid(pairs):
    """Return agents and entries of pairs, or None unless each pair occurs once."""
    agents, entries = (list(dict.fromkeys(part)) for part in zip(*pairs))
    complete = len(set(pairs)) == len(pairs) == len(agents) * len(entries)
    return Columns(agents, entries) if complete else None


def _refuse_leftovers(names, n_agents, words):
    """Raise ValueError if all columns but some are named as agents and entries."""
    named = [name for name in names if SEPARATOR in name]
    rest = [name for name in names if SEPARATOR not in name]
    for pairs in _splits(named) if rest and named else ():
        grid = _grid(pairs)
        if grid and len(grid.agents) > 1 and (n_agents is None or len(grid.entries) > 1):
            raise ValueError(
                f"columns of X must all be named {words[0]}{SEPARATOR}{words[1]}, or none; got "
                f"{rest} beside {named}"
            )
