"""Which stages a search carries out.

The stages form one endless sequence that depends on the number of items alone. A larger
effort carries out a longer beginning of the same sequence, with the same draws, and the
best report seen is kept: so it never finds less.
"""

from collections.abc import Callable
from itertools import chain, islice
from typing import NamedTuple

from sklauction.audit.candidates import ANCHORED_ITEMS, MOST_NESTED
from sklauction.utils.validation import check_count

__all__ = ["EFFORTS", "SETTLED", "Stage", "plan"]

# Rounds of the sequence that each effort carries out.
EFFORTS = {"quick": 1, "default": 2, "thorough": 6}
# Most evaluations per bidder and profile: more would take years, and their list all memory.
MOST_EVALUATIONS = 10**7
# Best reports that are recomputed in double precision after each stage, if it was searched
# in single precision.
SETTLED = 2


class Stage(NamedTuple):
    """One step of the search.

    Parameters
    ----------
    name : str
    evaluations : int
        Of the mechanism, per bidder and profile.
    run : callable
        Takes the :class:`~sklauction.audit.search.Search`.
    starts, steps : int
        Ascents or polished reports that it starts, and steps on the longest.
    fresh : bool
        Whether it begins by forgetting all candidates but the best.
    """

    name: str
    evaluations: int
    run: Callable
    starts: int = 0
    steps: int = 0
    fresh: bool = False


def plan(n_items, gradient, effort):
    """Return the stages that an effort pays for.

    Parameters
    ----------
    n_items : int
    gradient : bool
        Whether the mechanism can be climbed.
    effort : {"quick", "default", "thorough"} or int
        An integer is the most evaluations per bidder and profile; whole stages are done.

    Returns
    -------
    list of Stage

    Raises
    ------
    ValueError
        If the effort is neither, or does not pay for the first stage.
    """
    rounds = _rounds(n_items, gradient)
    if isinstance(effort, str):
        if effort not in EFFORTS:
            names = ", ".join(repr(name) for name in EFFORTS)
            raise ValueError(
                f"effort must be one of {names} or a number of evaluations per bidder and "
                f"profile; got {effort!r}"
            )
        return list(chain.from_iterable(islice(rounds, EFFORTS[effort])))
    least = _look("", anchors_count(n_items), None, gradient).evaluations
    words = "effort, if not 'quick', 'default' or 'thorough',"
    check_count(effort, words, least, MOST_EVALUATIONS)
    chosen, spent = [], 0
    for stage in chain.from_iterable(rounds):
        spent += stage.evaluations
        if spent > effort:
            break
        chosen.append(stage)
    return chosen


def anchors_count(n_items):
    """Return how many anchors there are; see :func:`~sklauction.audit.candidates.anchors`."""
    return 5 + 2 * min(n_items, ANCHORED_ITEMS)


def _rounds(n_items, gradient):
    """Yield the stages of each round: a short one, then full ones for ever."""
    yield _short_round(n_items, gradient)
    n_round = 1
    while True:
        yield _full_round(n_items, gradient, n_round)
        n_round += 1


def _short_round(n_items, gradient):
    stages = [
        _look("anchors", anchors_count(n_items), lambda s: s.anchors(), gradient),
        _look("near the truth", 16, lambda s: s.near_best(16), gradient),
        _look("other profiles", 8, lambda s: s.others(8), gradient),
    ]
    if gradient:
        return [*stages, _ascend([(2, 18)])]
    return [*stages, _sweep(n_items, max(4, 16 // n_items), gradient), _polish(n_items, 1, 4, 4, 5)]


def _full_round(n_items, gradient, n_round):
    # 640 evenly spread points enter 99.6 % of squares of side 5 %, and 64 values per item
    # every interval of 2 %; for many items neither finds much.
    n_even = {1: 64, 2: 640, 3: 512}.get(n_items, 64)
    n_sweep = {1: 96, 2: 64, 3: 64}.get(n_items, 8)
    if not gradient:  # as a rule made of steps, and quick to run
        n_sweep = 2 * n_sweep if n_items <= 3 else 24
    n_others = 16 * n_round
    stages = [
        _look("near the best", 16, lambda s: s.near_best(16), gradient, fresh=n_round > 1),
        _sweep(n_items, n_sweep, gradient),
        _look("evenly spread", n_even, lambda s: s.even(n_even), gradient),
        _look("other profiles", n_others, lambda s: s.others(n_others), gradient),
    ]
    few = n_items <= 3
    if n_items > 2:  # for two, the anchors have them all
        n_dropped = min(n_items - 1, MOST_NESTED) + 16
        stages.insert(1, _look("some items only", n_dropped, lambda s: s.drops(16), gradient))
    if gradient:
        return [
            *stages,
            _ascend([(8, 12), (3, 14), (1, 20)]),
            _polish(n_items, 1, 6 if few else 2, 4, 100 / n_sweep, gradient),
        ]
    return [*stages, _polish(n_items, 2, 6 if few else 4, 8, 100 / n_sweep)]


def _look(name, n_reports, make, gradient, fresh=False):
    cost = n_reports + SETTLED * gradient
    return Stage(name, cost, lambda search: search.look(make(search)), fresh=fresh)


def _sweep(n_items, n_points, gradient):
    # The ends and the rivals beside the points; then all items together.
    cost = n_items * (n_points + 4) + 1 + SETTLED * gradient
    return Stage("sweep of each item", cost, lambda search: search.sweep(n_points))


def _ascend(phases):
    cost = sum(kept * n_steps for kept, n_steps in phases) + SETTLED
    longest = sum(n_steps for _, n_steps in phases)
    return Stage(
        "gradient ascent", cost, lambda search: search.ascend(phases), phases[0][0], longest
    )


def _polish(n_items, n_starts, n_points, n_rounds, percent, gradient=False):
    cost = n_starts * n_rounds * (n_items * n_points + 1) + SETTLED * gradient
    return Stage(
        "polish",
        cost,
        lambda search: search.polish(n_starts, n_points, n_rounds, percent / 100),
        n_starts,
        n_rounds,
    )
