"""When a client starts something: a session, a call, a scan, one request of a flood."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from simkit import draws
from simkit.draws import Purpose
from simkit.traffic.part import NS_PER_S, NotNegative, Part, Positive

__all__ = ["LONGEST_NS", "Arrivals", "Pulses"]

LONGEST_NS = float(1 << 60)
"""The longest gap: a client that has slowed down that much comes no more."""

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

    From ``until_s`` on (the end of the window if None) nothing is started. With ``pause_s`` they
    come in pulses, the same for all clients: ``pulse_s`` of arrivals and a pause in turn, from
    ``from_s`` on. The pauses do not count for the gaps.
    """

    kind: Kind = "uniform"
    from_s: NotNegative = 0.0
    until_s: Positive | None = None
    every_s: Positive | None = None
    pulse_s: Positive = 1.0
    pause_s: NotNegative = 0.0

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
        begin, pulses = self.begin_ns, Pulses.of(self)
        length = pulses.inside(max(0, self.end_ns(window_ns) - begin))
        at = self._first_ns(key, length)
        number = 0
        while at < length:
            yield begin + pulses.outside(at)
            if not self.repeats:
                return
            number += 1
            ready = pulses.inside(max(0, now_ns() - begin))
            at = self._next_ns(key, number, at, ready, pace())

    @property
    def begin_ns(self) -> int:
        """From when on something is started."""
        return int(self.from_s * NS_PER_S)

    def _first_ns(self, key: int, length: int) -> int:
        mean_ns = (self.every_s or 0.0) * NS_PER_S
        u = draws.uniform(key, Purpose.ARRIVAL, 0)
        match self.kind:
            case "at once":
                return 0
            case "uniform":
                return int(u * length)
            case "periodic":
                return int(u * mean_ns)
            case "poisson":
                return int(min(draws.exponential(mean_ns, u), LONGEST_NS))

    def _next_ns(self, key: int, number: int, at: int, now: int, pace: float) -> int:
        mean_ns = (self.every_s or 0.0) * NS_PER_S * pace
        if self.kind == "periodic":
            gap = max(1, int(min(mean_ns, LONGEST_NS)))
            return at + gap * max(1, -((at - now) // gap))
        u = draws.uniform(key, Purpose.ARRIVAL, number)
        return max(at, now) + max(1, int(min(draws.exponential(mean_ns, u), LONGEST_NS)))


@dataclass(frozen=True, slots=True)
class Pulses:
    """Time with pauses in it, in nanoseconds: ``on`` and ``off`` in turn; no pauses if 0."""

    on: int
    off: int

    @classmethod
    def of(cls, arrivals: Arrivals) -> Pulses:
        """Those of a cohort's arrivals."""
        off = int(arrivals.pause_s * NS_PER_S)
        return cls(max(1, int(arrivals.pulse_s * NS_PER_S)), off)

    def outside(self, inside: int) -> int:
        """When it is that so much time outside of the pauses has passed."""
        return inside // self.on * self.off + inside if self.off else inside

    def inside(self, outside: int) -> int:
        """How much time outside of the pauses has passed by then."""
        if not self.off:
            return outside
        whole, rest = divmod(outside, self.on + self.off)
        return whole * self.on + min(rest, self.on)
