"""Whether what was compared was the same thing: counts and results, never seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from simkit.bench.case import SIMPY
from simkit.bench.peers import PEERS
from simkit.bench.rounds import Measured
from simkit.bench.single_queue import events_of, mean_wait_ns

__all__ = ["Check", "checks"]


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must hold, whether it did, and what was found."""

    what: str
    passed: bool
    found: str


def checks(measured: Sequence[Measured]) -> Iterator[Check]:
    """All checks of a run; a case without samples takes part in none but the first."""
    for one in measured:
        if one.failure:
            yield Check(f"{one.case.part}: {one.case.shown} ends", False, one.failure)
    done = [m for m in measured if m.samples]
    queue = [m for m in done if m.case.part == "queue"]
    yield from _same_waits(queue)
    yield from _events(queue)
    yield from _same_by_size([m for m in done if m.case.part == "flood"], "flood")
    yield from _same_by_size([m for m in done if m.case.part == "limit"], "limit")
    yield from (_same_events(m) for m in done if m.case.part == "flood")


def _found(several: Sequence[Measured]) -> set[str]:
    return {sample.check for one in several for sample in one.samples}


def _same_waits(queue: Sequence[Measured]) -> Iterator[Check]:
    if queue:
        found = _found(queue)
        what = f"queue: the sum of all waits is the same in all {len(queue)} engines"
        means = (int(waits) / queue[0].case.requests / 1e6 for waits in sorted(found))
        said = ", ".join(f"a mean of {mean:.6f} ms" for mean in means)
        theory = f"in the long run {mean_wait_ns() / 1e6:.6f}"
        yield Check(what, len(found) == 1, f"{said} ({theory})")


def _events(queue: Sequence[Measured]) -> Iterator[Check]:
    """The number of events is what the style of the engine makes of the number of requests."""
    for one in queue:
        requests, found = one.case.requests, {sample.events for sample in one.samples}
        peer = PEERS.get(one.case.engine)
        if peer is not None or one.case.engine == SIMPY:
            wanted = events_of(requests) if peer is None else peer.events_of(requests)
            if wanted:
                what = f"queue: {wanted:,} events in {one.case.shown}"
                yield Check(what, found == {wanted}, ", ".join(map(str, sorted(found))))


def _same_by_size(several: Sequence[Measured], part: str) -> Iterator[Check]:
    """Engines and repetitions agree: on the table of requests, on how many were let through."""
    groups: dict[tuple[int, int, str], list[Measured]] = {}
    for one in several:
        groups.setdefault((one.case.size, one.case.requests, one.case.record), []).append(one)
    for (size, requests, _), same in sorted(groups.items()):
        found = _found(same)
        noun = "clients: the same tables" if part == "flood" else "keys: as many passed"
        engines = " and ".join(m.case.engine for m in same)
        what = f"{part}: {requests:,} requests, {size:,} {noun} in every repetition ({engines})"
        yield Check(what, len(found) == 1, ", ".join(sorted(found)))


def _same_events(one: Measured) -> Check:
    found = {sample.events for sample in one.samples}
    case = one.case
    what = f"flood: {case.requests:,} requests, {case.size:,} clients: the same number of events"
    passed = len(found) == 1 and min(found) > 0
    return Check(f"{what} ({case.engine})", passed, ", ".join(map(str, sorted(found))))
