"""Several comparisons at once: intervals that hold all together.

Twenty comparisons at 95 % find one difference on average where there is none. So the comparisons
that answer one question are one family, and each of ``k`` intervals is made at the level
``1 - (1 - level) / k``: all of them hold together at least as often as ``level`` says, however
the comparisons hang together (Bonferroni's inequality; Dunn 1961,
doi:10.1080/01621459.1961.10482090; for alternative systems Law, "Simulation Modeling and
Analysis", 5th ed., section 10.3).

Why not another method: Dunnett's (1955, doi:10.1080/01621459.1955.10501294) takes the strategies
to be independent with one variance, and common random numbers make them neither. Holm's steps
(1979, Scandinavian Journal of Statistics 6) find a little more, but they give verdicts without
intervals: a figure would show an interval that crosses zero beside a verdict that it does not.
Here a verdict is what its interval shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from simkit.measures.intervals import Interval, Values, paired_difference

__all__ = ["against_baseline", "all_pairs", "single_level"]


def single_level(level: float, comparisons: int) -> float:
    """The level of each of so many intervals that hold together at ``level``.

    Raises ValueError where there are fewer than 0 comparisons or the level is no share.
    """
    if comparisons < 0 or not 0.0 < level < 1.0:
        raise ValueError(f"{comparisons} comparisons at the level {level}")
    return 1.0 - (1.0 - level) / max(1, comparisons)


def against_baseline(
    values: Mapping[str, Values], baseline: str, level: float = 0.95
) -> dict[str, Interval]:
    """``strategy - baseline`` for every other strategy: paired intervals, held together.

    ``values`` gives each strategy one value for each replication, in the same order: replications
    share their random numbers. KeyError if the baseline is not among them.
    """
    base = values[baseline]
    others = [name for name in values if name != baseline]
    each = single_level(level, len(others))
    return {name: paired_difference(values[name], base, each) for name in others}


def all_pairs(values: Mapping[str, Values], level: float = 0.95) -> dict[tuple[str, str], Interval]:
    """``first - second`` for every two strategies, both ways round, held together."""
    pairs = list(combinations(values, 2))
    each = single_level(level, len(pairs))
    found: dict[tuple[str, str], Interval] = {}
    for first, second in pairs:
        there = paired_difference(values[first], values[second], each)
        found[first, second] = there
        found[second, first] = there.negated()
    return found
