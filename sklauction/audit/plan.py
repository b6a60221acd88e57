"""The stages of a search, by effort.

The stages form one endless sequence that depends only on the number of items and on whether
there is a gradient. A larger effort runs a longer prefix of the sequence, with the same random
draws, and the best report seen is kept. So it never finds less regret.
"""

from collections.abc import Callable
from itertools import chain, count, islice
from typing import NamedTuple

from sklauction.audit.candidates import (
    N_SPECIAL,
    anchors,
    line_bids,
    low_discrepancy,
    n_subset_bids,
    near_best,
    resampled,
    subset_bids,
)
from sklauction.utils.constraints import is_whole

__all__ = ["EFFORTS", "N_RECOMPUTED", "Stage", "plan"]

# Number of rounds of the sequence.
EFFORTS = {"quick": 1, "default": 2, "thorough": 6}
# Maximum number of evaluations per bidder and profile; more would take years.
MOST_EVALUATIONS = 10**7
# Number of reports recomputed in float64 after each stage, if the search ran on a module.
N_RECOMPUTED = 2


class Stage(NamedTuple):
    """One step of the search.

    Parameters
    ----------
    name : str
    evaluations : int
        Evaluations of the mechanism per bidder and profile; a plan adds those in float64.
    run : callable
        Takes the :class:`~sklauction.audit.search.Search`.
    starts, steps : int
        Number of ascents or polished reports, and of steps of the longest one.
    fresh : bool
        Whether all candidates except the best are dropped first.
    """

    name: str
    evaluations: int
    run: Callable
    starts: int = 0
    steps: int = 0
    fresh: bool = False


def plan(n_items, n_anchors, gradient, effort):
    """Return the stages of a search.

    Parameters
    ----------
    n_items : int
        Entries of a report.
    n_anchors : int
        Number of reports that :func:`~sklauction.audit.candidates.anchors` returns.
    gradient : bool
        Whether the mechanism has a gradient.
    effort : {"quick", "default", "thorough"} or int
        An integer is the maximum number of evaluations per bidder and profile; only whole
        stages are run.

    Returns
    -------
    list of Stage

    Raises
    ------
    ValueError
        If ``effort`` is neither of these, or an integer below the cost of the first stage.
    """
    recomputed = N_RECOMPUTED if gradient else 0
    full_rounds = (_full_round(n_items, gradient, n_round) for n_round in count(1))
    rounds = chain([_short_round(n_items, n_anchors, gradient)], full_rounds)
    named = isinstance(effort, str) and effort in EFFORTS
    least = n_anchors + recomputed
    if not named and not (is_whole(effort) and least <= effort <= MOST_EVALUATIONS):
        raise ValueError(
            f"effort must be one of {', '.join(map(repr, EFFORTS))}, or an integer from {least} to "
            f"{MOST_EVALUATIONS:,}, evaluations per bidder and profile; got {effort!r}"
        )
    chosen, spent = [], 0
    for stage in chain.from_iterable(islice(rounds, EFFORTS[effort] if named else None)):
        stage = stage._replace(evaluations=stage.evaluations + recomputed)
        spent += stage.evaluations
        if not named and spent > effort:
            break
        chosen.append(stage)
    return chosen


def _short_round(n_items, n_anchors, gradient):
    stages = [
        Stage("anchors", n_anchors, lambda search: search.evaluate(anchors(search.problem))),
        _evaluate("near the truth", 16, near_best),
        _evaluate("resampled values", 8, resampled),
    ]
    if n_items > 1:
        stages.append(_lines(4, 4))
    if gradient:  # climbing does not cross jumps
        few = {1: (8, 4), 2: (4, 4), 3: (2, 3), 4: (1, 3), 5: (0, 3), 6: (0, 3)}
        n_values = few.get(n_items, (0, 2 if n_items <= 10 else 1))
        return [*stages, _sweep(n_items, *n_values), _ascend([(2, 18)])]
    return [*stages, _sweep(n_items, max(4, 16 // n_items)), _polish(n_items, 1, 4, 4, 5)]


def _full_round(n_items, gradient, n_round):
    # 640 low-discrepancy points enter 99.6 % of squares of side 5 %, and 64 values per item
    # every interval of 2 %. With many items, 11^2 points enter squares of side 9.1 % in all pairs.
    n_spread = {1: 64, 2: 640, 3: 512}.get(n_items)
    n_sweep = {1: 96, 2: 64, 3: 64}.get(n_items, 8)
    if not gradient:  # such mechanisms are often step functions, and fast
        n_sweep = 2 * n_sweep if n_items <= 3 else 24
    n_levels, n_scales = (12, 16) if n_items == 2 else (16, 24) if gradient else (24, 72)
    stages = [
        _evaluate("near the best", 16, near_best, fresh=n_round > 1),
        _sweep(n_items, n_sweep),
        _spread(n_items, n_spread) if n_spread else _pairs(n_items, 11 if gradient else 13, 4),
        _evaluate("resampled values", 16 * n_round, resampled),
    ]
    if n_items > 1:
        stages.insert(1, _lines(n_levels, n_scales))
    if n_items > 2:  # the anchors contain all subsets of two items
        stages.insert(1, Stage("subsets of items", n_subset_bids(n_items), subset_bids))
    few, percent = n_items <= 3, 100 / n_sweep
    if gradient:
        ascent = _ascend([(8, 12), (3, 14), (1, 20)])
        # With two points per item, four rounds are few: later ones begin in smaller windows.
        percent = percent if few else percent / 4 ** ((n_round - 1) % 3)
        polish = _polish(n_items, 1, 6 if few else 2, 4, percent)
        return [*stages, ascent, *_slide(n_items, 1), polish]
    return [*stages, *_slide(n_items, 2), _polish(n_items, 2, 6 if few else 4, 8, percent)]


def _evaluate(name, n_reports, make, fresh=False):
    return Stage(name, n_reports, lambda s: s.evaluate(make(s, n_reports)), fresh=fresh)


def _spread(n_items, n_points):
    return _evaluate("low discrepancy", n_points, low_discrepancy)


def _pairs(n_items, n_points, n_kept):
    # Of those kept, each item is set to two values, and then all items to those that gain.
    cost = n_points**2 + n_kept * (2 * n_items + 1)
    return Stage("pairs of items", cost, lambda search: search.try_pairs(n_points, n_kept))


def _lines(n_levels, n_scales):
    def run(search):
        search.evaluate(line_bids(search, n_levels, n_scales))

    return Stage("all items together", n_levels + n_scales, run)


def _slide(n_items, n_starts):
    if n_items == 1:
        return []
    # Four points in two directions, in windows from 5 % down.
    settings = n_starts, 4, 6, 0.05
    return [Stage("polish of all items", n_starts * 48, lambda s: s.slide(*settings), n_starts, 6)]


def _sweep(n_items, n_points, n_special=N_SPECIAL):
    # For each item its values; then one report with all items.
    cost = n_items * (n_points + n_special) + 1
    return Stage("sweep of each item", cost, lambda search: search.sweep(n_points, n_special))


def _ascend(phases):
    cost = sum(kept * n_steps for kept, n_steps in phases)
    longest = sum(n_steps for _, n_steps in phases)
    return Stage("gradient ascent", cost, lambda s: s.ascend(phases), phases[0][0], longest)


def _polish(n_items, n_starts, n_points, n_rounds, percent):
    cost = n_starts * n_rounds * (n_items * n_points + 1)
    settings = n_starts, n_points, n_rounds, percent / 100
    return Stage("polish", cost, lambda s: s.polish(*settings), n_starts, n_rounds)
