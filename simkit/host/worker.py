"""A worker process of nginx: one server with a queue, and a number of connection slots.

Queueing theory knows it as M/G/1 with an exceptional first service (Welch 1964,
doi:10.1287/opre.12.5.736): the job that finds the worker asleep pays for waking it, and the more,
the longer it has slept (`simkit.host.cooling`).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from simkit.host.cooling import Cooling
from simkit.host.order import Agenda, Kind, base, place
from simkit.host.wire import NEVER, Connection

__all__ = ["Job", "Worker"]

Then = Callable[[Any], None]
Job = Callable[[Any], tuple[int, Then]]
"""A job begins: it says what it costs in nanoseconds, and what follows when that has passed."""


def _nothing(_: None) -> tuple[int, Then]:
    return 0, lambda _: None


class Worker:
    """Jobs one at a time, first come, first served; ``close`` is called to free a slot."""

    __slots__ = (
        "_agenda",
        "_asleep",
        "_asleep_since_ns",
        "_close",
        "_jobs",
        "_place",
        "_queue",
        "_reuse_at",
        "_wake_up",
        "free",
        "idle",
        "shook_hands_ns",
        "wake_ups",
        "waking_ns",
    )

    def __init__(
        self,
        agenda: Agenda,
        number: int,
        slots: int,
        wake_up: Cooling,
        close: Callable[[Connection], None],
    ) -> None:
        self._agenda = agenda
        self._wake_up = wake_up
        self._close = close
        self._queue: deque[tuple[Job, Any]] = deque()
        self._asleep = True
        self._asleep_since_ns = -NEVER
        self._jobs = 0
        self._place = base(Kind.WORKER) | place(number, 0)
        self._reuse_at = slots // 16
        self.free = slots
        self.wake_ups = 0
        self.waking_ns = 0  # CPU time spent on them
        self.shook_hands_ns = -NEVER  # when it last began to
        self.idle: OrderedDict[Connection, None] = OrderedDict()  # the oldest first

    def add(self, job: Job, subject: Any) -> None:
        """A job for the worker: it begins at once if the worker sleeps."""
        if self._asleep:
            self._asleep = False
            self.wake_ups += 1
            price_ns = self._wake_up.after(self._agenda.now - self._asleep_since_ns)
            self.waking_ns += price_ns
            self._begin(job, subject, price_ns)
        else:
            self._queue.append((job, subject))

    def nudge(self) -> None:
        """Something happens that costs nothing by itself, but wakes the worker if it sleeps."""
        if self._asleep:
            self.add(_nothing, None)

    def _begin(self, job: Job, subject: Any, extra_ns: int) -> None:
        cost_ns, then = job(subject)
        self._jobs += 1
        at = self._agenda.now + cost_ns + extra_ns
        self._agenda.at(at, self._place + self._jobs, self._finish, (then, subject))

    def _finish(self, done: tuple[Then, Any]) -> None:
        then, subject = done
        then(subject)
        if self._queue:
            self._begin(*self._queue.popleft(), 0)
        else:
            self._asleep = True
            self._asleep_since_ns = self._agenda.now

    def take_slot(self) -> bool:
        """Take a connection slot, or False if there is none and none can be freed.

        When at most a sixteenth is free, nginx closes up to max(1, min(32, n / 8)) of its n idle
        connections, the oldest first (ngx_drain_connections).
        """
        if self.free <= self._reuse_at and self.idle:
            for _ in range(max(1, min(32, len(self.idle) // 8))):
                self._close(next(iter(self.idle)))
        if not self.free:
            return False
        self.free -= 1
        return True
