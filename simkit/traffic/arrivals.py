"""When a client starts something: a session, a call, a scan, one request of a flood."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from simkit import draws
from simkit.draws import Purpose
from simkit.traffic.part import NS_PER_S, NotNegative, Part, Positive

__all__ = ["Arrivals"]

Kind = Literal["uniform", "poisson", "periodic", "at once"]


def _never_late() -> int:
    return 0


def _steady() -> float:
    return 1.0


class Arrivals(Part):
    """The starts of each client of a cohort, independent of those of the others.

    ============  ===========================================================================
    ``uniform``   once, at a time that is uniform between ``from_s`` and ``until_s``
    ``poisson``   after exponential gaps of mean ``every_s``, each counted from when what was
                  started before is over; a flood does not wait, so its starts are Poisson's
    ``periodic``  each ``every_s``, the first at a phase drawn for the client; a start that falls
                  while the one before is still under way is left out
    ``at once``   once, at ``from_s``
    ============  ===========================================================================

    From ``until_s`` on (the end of the window if None) nothing is started.
    """

    kind: Kind = "uniform"
    from_s: NotNegative = 0.0
    until_s: Positive | None = None
    every_s: Positive | None = None

    @property
    def repeats(self) -> bool:
        """Whether there is more than one start."""
        return self.kind in ("poisson", "periodic")

    def end_ns(self, window_ns: int) -> int:
        """From when on nothing is started."""
        return window_ns if self.until_s is None else min(window_ns, int(self.until_s * NS_PER_S))

    def starts_ns(
        self,
        key: int,
        window_ns: int,
        now_ns: Callable[[], int] = _never_late,
        pace: Callable[[], float] = _steady,
    ) -> Iterator[int]:
        """The starts of the client of that stream, in nanoseconds since the start of the window.

        ``now_ns`` tells, when the next start is asked for, the time at which the client is ready
        for it; ``pace`` is a factor that stretches the gaps.
        """
        end = self.end_ns(window_ns)
        at = self._first_ns(key, end)
        number = 0
        while at < end:
            yield at
            if not self.repeats:
                return
            number += 1
            at = self._next_ns(key, number, at, now_ns(), pace())

    def _first_ns(self, key: int, end: int) -> int:
        begin = int(self.from_s * NS_PER_S)
        mean_ns = (self.every_s or 0.0) * NS_PER_S
        u = draws.uniform(key, Purpose.ARRIVAL, 0)
        match self.kind:
            case "at once":
                return begin
            case "uniform":
                return begin + int(u * (end - begin))
            case "periodic":
                return begin + int(u * mean_ns)
            case "poisson":
                return begin + int(draws.exponential(mean_ns, u))

    def _next_ns(self, key: int, number: int, at: int, now: int, pace: float) -> int:
        mean_ns = (self.every_s or 0.0) * NS_PER_S * pace
        if self.kind == "periodic":
            gap = max(1, int(mean_ns))
            return at + gap * max(1, -((at - now) // gap))
        u = draws.uniform(key, Purpose.ARRIVAL, number)
        return max(at, now) + max(1, int(draws.exponential(mean_ns, u)))
