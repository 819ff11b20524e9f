"""Replications added until an interval is as narrow as is wanted, or a budget ends.

Begin with ``fewest`` replications; while Student's interval is wider than wanted, do half as many
again; stop where it is narrow enough, or at ``most`` (Chow and Robbins 1965,
doi:10.1214/aoms/1177700156, with few looks; Law, "Simulation Modeling and Analysis", 5th ed.,
section 9.4.1).

Whoever stops when the spread looks small stops when it happens to look small, so such an interval
covers less often than it says. Measured over 20,000 studies each, 95 % intervals of normal values
with a wanted half-width of 1.0, 0.7, 0.5, 0.35 and 0.2 standard deviations cover in 95.0, 94.4,
94.0, 93.8 and 94.7 %; of gamma values (shape 2) with a wanted relative half-width of 30, 20 and
10 % in 91.9, 93.6 and 94.6 %. `COVERAGE` is the least of all, rounded down: read "95 %" as at
least that. Where the number of replications was given beforehand nothing is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from simkit.measures.intervals import Interval, Values, relative_half_width, t_interval

COVERAGE = 0.91
"""What a 95 % interval covers at least, in the worst case measured, if it was waited for."""
GROWTH = 1.5

__all__ = ["COVERAGE", "GROWTH", "Precision", "Step", "next_step"]


@dataclass(frozen=True, slots=True)
class Precision:
    """What is wanted: a half-width, in the unit of the values or ``relative`` to their mean.

    At least ``fewest`` replications are done and at most ``most``: the budget. Raises ValueError
    where these make no sense.
    """

    half_width: float
    relative: bool = False
    fewest: int = 10
    most: int = 200
    level: float = 0.95

    def __post_init__(self) -> None:
        if not self.half_width > 0.0:
            raise ValueError(f"a half-width is more than 0, not {self.half_width}")
        if not 2 <= self.fewest <= self.most:
            raise ValueError(f"from {self.fewest} to {self.most} replications: at least 2")

    def reached(self, interval: Interval) -> bool:
        """Whether an interval is as narrow as is wanted; False where there is none."""
        width = relative_half_width(interval) if self.relative else interval.half_width
        return width <= self.half_width


@dataclass(frozen=True, slots=True)
class Step:
    """Where a study stands: the intervals so far, and how many replications to add now.

    ``more`` is 0 at the end. ``reached`` says whether all intervals are as narrow as is wanted;
    if not, the budget has ended first.
    """

    done: int
    more: int
    reached: bool
    intervals: tuple[Interval, ...]

    @property
    def text(self) -> str:
        """How the study ended, or that it goes on."""
        if self.more:
            return f"{self.done} replications done, {self.more} more to come"
        if self.reached:
            return f"precise enough after {self.done} replications"
        return f"the budget of {self.done} replications ended before the precision was reached"


def next_step(values: Sequence[Values], wanted: Precision) -> Step:
    """What to do after the replications so far; ``values`` has a series for each number wanted.

    All series have one value for each replication. Raises ValueError where they differ in length.
    """
    lengths = {len(series) for series in values}
    if len(lengths) > 1:
        raise ValueError(f"series of {sorted(lengths)} replications")
    done = lengths.pop() if lengths else 0
    if done < wanted.fewest:
        return Step(done, wanted.fewest - done, False, ())
    intervals = tuple(t_interval(series, wanted.level) for series in values)
    reached = all(wanted.reached(interval) for interval in intervals)
    more = 0 if reached else min(ceil(done * GROWTH), wanted.most) - done
    return Step(done, max(0, more), reached, intervals)
