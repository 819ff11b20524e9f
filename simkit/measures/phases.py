"""The phases of a scenario: what comes and goes by its own windows of time, reported apart.

A cohort whose arrivals begin after the window does, or end before it, or that starts just once,
changes what the server has to bear. Where there is one the scenario is not stationary: no warm-up
is looked for, and numbers are taken for each phase between two such times.

A request belongs to the phase in which it was sent, a wish to that in which it was begun. What a
phase leaves behind (a queue, spent tokens) is felt in the next one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from simkit.traffic.part import NS_PER_S

if TYPE_CHECKING:
    from simkit.traffic import CohortBase, Scenario

ORDINARY = "ordinary"
"""The name of a phase in which nothing comes or goes."""

__all__ = ["ORDINARY", "Phase", "comes_and_goes", "phases", "why_not_stationary"]


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the window, with the cohorts that come and go and are active in it."""

    from_s: float
    until_s: float
    active: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Who is active beside those who always are."""
        return " + ".join(self.active) or ORDINARY

    @property
    def length_s(self) -> float:
        """How long it lasts."""
        return self.until_s - self.from_s

    @property
    def bounds_ns(self) -> tuple[int, int]:
        """Begin and end; the end belongs to the next phase."""
        return int(self.from_s * NS_PER_S), int(self.until_s * NS_PER_S)


def comes_and_goes(cohort: CohortBase, length_s: float) -> bool:
    """Whether a cohort is active in a part of the window only, or starts just once.

    A single start that may fall anywhere in the window (``uniform``) is as likely at any time.
    """
    arrivals = cohort.arrivals
    ends_early = arrivals.until_s is not None and arrivals.until_s < length_s
    return arrivals.kind == "at once" or arrivals.from_s > 0.0 or ends_early


def _activity(cohort: CohortBase, length_s: float) -> tuple[float, float]:
    """From when until when a cohort may start something; of a single start the end is open."""
    until_s = length_s if cohort.arrivals.until_s is None else cohort.arrivals.until_s
    return cohort.arrivals.from_s, min(until_s, length_s)


def phases(scenario: Scenario) -> tuple[Phase, ...]:
    """The phases in order of time; they fill the window. One if nothing comes or goes."""
    length_s = scenario.length_s
    windows = {
        c.name: _activity(c, length_s) for c in scenario.cohorts if comes_and_goes(c, length_s)
    }
    times = sorted({0.0, length_s, *_all(windows.values())})
    return tuple(
        Phase(begin, end, tuple(n for n, (a, b) in windows.items() if a <= begin and end <= b))
        for begin, end in pairwise(times)
    )


def _all(windows: Iterable[tuple[float, float]]) -> Iterable[float]:
    return (time for window in windows for time in window)


def why_not_stationary(scenario: Scenario) -> str:
    """Why no warm-up is looked for, in a sentence; empty where the scenario is stationary."""
    names = [c.name for c in scenario.cohorts if comes_and_goes(c, scenario.length_s)]
    if not names:
        return ""
    verb = "comes and goes" if len(names) == 1 else "come and go"
    return f"not stationary: {', '.join(names)} {verb}, so phases are reported apart"
