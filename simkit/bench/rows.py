"""From samples to rows: medians, and how an engine compares with a reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from simkit.bench.case import SIMPY, Part
from simkit.bench.rounds import Measured

__all__ = ["REFERENCE", "Row", "ratio", "rows", "throughput"]

REFERENCE = "SimPy, a process for each request"
"""What the engines of the queue are compared with; elsewhere it is this project's SimPy engine."""


@dataclass(frozen=True, slots=True)
class Row:
    """A case and what was found, as medians over ``samples`` processes.

    ``size`` is the number of clients of a flood, of keys of a limit, 0 elsewhere. Throughput is
    requests (of a limit, decisions) per second of CPU time, with the least and the most of the
    samples; ``times`` the same over that of the reference, round by round. ``process_s`` is the
    life of the whole process, ``first_s`` its first run with imports and compiling, ``later_s``
    the next one; these are wall-clock seconds. None: not known, or not there to be known.
    """

    engine: str
    size: int
    requests: int
    record: str
    cache: str
    samples: int
    not_measured: str = ""
    per_s: float | None = None
    per_s_least: float | None = None
    per_s_most: float | None = None
    times: float | None = None
    events: int | None = None
    ns_per_event: float | None = None
    peak_bytes: int | None = None
    cpu_s: float | None = None
    wall_s: float | None = None
    process_s: float | None = None
    first_s: float | None = None
    later_s: float | None = None

    @property
    def events_per_request(self) -> float | None:
        """What one request takes; None where an engine has no events."""
        return None if self.events is None else self.events / self.requests


def throughput(one: Measured) -> float:
    """Requests (or decisions) per second of CPU time: the median over the samples."""
    return one.case.requests / median(s.cpu_s for s in one.samples)


def ratio(one: Measured, other: Measured) -> float:
    """The throughput of a case over that of another: the median over the rounds."""
    scale = one.case.requests / other.case.requests
    pairs = zip(one.samples, other.samples, strict=False)
    return scale * median(theirs.cpu_s / mine.cpu_s for mine, theirs in pairs)


def rows(measured: Sequence[Measured], part: Part) -> list[Row]:
    """The rows of a part, in the order of its cases."""
    mine = [m for m in measured if m.case.part == part]
    return [_row(one, _reference(one, mine)) for one in mine]


def _reference(one: Measured, part: Sequence[Measured]) -> Measured | None:
    """What a case is compared with, if that was measured."""
    wanted = REFERENCE if one.case.part == "queue" else SIMPY
    for other in part:
        if other.case.engine == wanted and other.case.size == one.case.size and other.samples:
            return other
    return None


def _row(one: Measured, reference: Measured | None) -> Row:
    case, samples = one.case, one.samples
    if not samples or one.failure:
        why = case.missing or one.failure
        return Row(case.shown, case.size, case.requests, case.record, case.cache, 0, why)
    starts = case.part == "start"
    counted = [s.events for s in samples if s.events]
    per_s = sorted(case.requests / s.cpu_s for s in samples)
    cpu_s = median(s.cpu_s for s in samples)
    events = counted[0] if counted and case.part != "limit" else None
    return Row(
        engine=case.shown,
        size=case.size,
        requests=case.requests,
        record=case.record,
        cache=case.cache,
        samples=len(samples),
        per_s=None if starts else throughput(one),
        per_s_least=None if starts else per_s[0],
        per_s_most=None if starts else per_s[-1],
        times=None if starts or reference is None else ratio(one, reference),
        events=events,
        ns_per_event=None if starts or events is None else cpu_s * 1e9 / events,
        peak_bytes=int(median(s.peak_bytes for s in samples)),
        cpu_s=cpu_s,
        wall_s=median(s.wall_s for s in samples),
        process_s=median(one.process_s),
        first_s=median(s.wall_s for s in samples) if starts else None,
        later_s=median(s.later_s for s in samples) if starts else None,
    )
