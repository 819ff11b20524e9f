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


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a case under a load took: seconds on the clock, microseconds of CPU, wake-ups."""

    case: str
    load: str
    repeat: int
    requests: int
    events: Mapping[str, float]
    wall_s: float
    cpu_us: float
    wake_ups: int

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
        before = worker.settled()
        start = monotonic()
        while (now := monotonic()) < start + window_s or not rounds:
            stream.round()
            rounds += 1
            _pause(start, (worker.cpu_ns() - before.cpu_ns) / 1e9 / load.utilisation)
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
        )


def _pause(start_s: float, needed_s: float) -> None:
    """Wait until the worker's CPU time is no more than its share of the time since the start."""
    left = start_s + needed_s - monotonic()
    if left > 0:
        sleep(min(left, _LONGEST_PAUSE_S))


def _events(case: Case, hits: int, strays: int, rounds: int) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for events, times in ((case.events, hits), (case.otherwise, strays), (case.a_round, rounds)):
        for event, count in events.items():
            found[event] += count * times
    return dict(found)
