"""One measurement: a case under a load for a while, and what the worker used for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic, sleep

from simkit.live.calibrate.application import Application
from simkit.live.calibrate.cases import Case, Load
from simkit.live.calibrate.traffic import Address, traffic
from simkit.live.calibrate.worker import Worker

__all__ = ["Measurement", "measure"]

_LONGEST_PAUSE_S = 0.05
_SHORT_S = 0.0002


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a case under a load took: seconds on the clock, microseconds of CPU, wake-ups.

    ``paused_s`` is how long the generator paused in all, between so many ``rounds``.
    """

    case: str
    load: str
    repeat: int
    requests: int
    events: Mapping[str, float]
    wall_s: float
    cpu_us: float
    wake_ups: int
    rounds: int = 0
    paused_s: float = 0.0

    @property
    def utilisation(self) -> float:
        """The share of the time that the worker ran."""
        return self.cpu_us / 1e6 / self.wall_s

    @property
    def cpu_us_per_request(self) -> float:
        """CPU for each request, in microseconds, wake-ups included."""
        return self.cpu_us / self.requests

    @property
    def wake_ups_per_request(self) -> float:
        """Wake-ups for each request."""
        return self.wake_ups / self.requests


def measure(
    worker: Worker,
    address: Address,
    case: Case,
    load: Load,
    *,
    repeat: int,
    window_s: float,
    application: Application | None = None,
) -> Measurement:
    """Send a case's requests for about ``window_s`` seconds. Raises InputError, OSError.

    ``application`` is what a proxied case is passed on to; its answers are held where requests are.
    """
    with traffic(case, address, min(load.at_once, case.most_at_once)) as stream:
        stream.holds = worker.pid if load.held else None
        stream.application = application if case.path == "/proxy" else None
        stream.round()
        stream.hits = stream.strays = rounds = 0
        paused_s = 0.0
        before = worker.settled()
        start = monotonic()
        while (now := monotonic()) < start + window_s or not rounds:
            stream.round()
            rounds += 1
            paused_s += _pause(load, start, worker.cpu_ns() - before.cpu_ns)
        used = worker.settled() - before
        return Measurement(
            case.name,
            load.name,
            repeat,
            stream.hits + stream.strays,
            _events(case, stream.hits, stream.strays, rounds),
            now - start,
            used.cpu_ns / 1000,
            used.sleeps,
            rounds,
            paused_s,
        )


def _pause(load: Load, start_s: float, cpu_ns: int) -> float:
    """Pause as the load wants it; for how long it was.

    Either a given time, or until the worker's CPU time is no more than its share of the time since
    the start.
    """
    began_s = monotonic()
    if load.pause_s is None:
        wanted_s = min(start_s + cpu_ns / 1e9 / load.utilisation - began_s, _LONGEST_PAUSE_S)
    else:
        wanted_s = load.pause_s
    if wanted_s > _SHORT_S:
        sleep(wanted_s - _SHORT_S)
    while monotonic() < began_s + wanted_s:
        pass  # the system's timers are late by as much
    return monotonic() - began_s


def _events(case: Case, hits: int, strays: int, rounds: int) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for events, times in ((case.events, hits), (case.otherwise, strays), (case.a_round, rounds)):
        for event, count in events.items():
            found[event] += count * times
    return dict(found)
