"""nginx's clock: whole milliseconds, cut off from the run's nanoseconds."""

from __future__ import annotations

from simkit import draws
from simkit.draws import Purpose
from simkit.traffic.part import NS_PER_MS

__all__ = ["Clock"]

BASE_MS = 1_000_000_000
"""When the run begins on nginx's clock: long after 0, which limits take for never."""


class Clock:
    """The millisecond part of time, after one offset below a millisecond drawn for the run."""

    __slots__ = ("offset_ns",)

    def __init__(self, key: int) -> None:
        self.offset_ns = int(draws.uniform(key, Purpose.CLOCK) * NS_PER_MS)

    def ms(self, now_ns: int) -> int:
        """nginx's time at a time of the run."""
        return (now_ns + self.offset_ns) // NS_PER_MS + BASE_MS

    def ns(self, ms: int) -> int:
        """When nginx's clock comes to show that time."""
        return (ms - BASE_MS) * NS_PER_MS - self.offset_ns
