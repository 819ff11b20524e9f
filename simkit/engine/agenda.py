"""SimPy as the agenda of a run: its environment, with the total order of `simkit.host.order`.

SimPy orders its events by (time, priority, order of scheduling). Here the priority is the whole
rest of the key, so the order of scheduling never decides. Its own priorities are 0 and 1: what
SimPy does by itself (starting a process, ending one) comes before everything else at that time.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush
from operator import attrgetter
from typing import Any, TypeVar

from simpy import Environment
from simpy.events import Event

__all__ = ["SimpyAgenda"]

Subject = TypeVar("Subject")


def _happen(event: Any) -> None:
    event.act(event.subject)


class _Occasion(Event):
    """An event that calls a function, and that no process waits for."""

    callbacks = [_happen]  # noqa: RUF012 (SimPy puts None in its place, in the instance)
    _ok = True

    def __init__(self, act: Callable[[Any], None], subject: object) -> None:
        self.act = act
        self.subject = subject


class SimpyAgenda(Environment):
    """A SimPy environment in integer nanoseconds that is an `Agenda`."""

    now: int = property(attrgetter("_now"))  # type: ignore[assignment]
    """The time in nanoseconds."""

    def __init__(self) -> None:
        super().__init__(initial_time=0)

    def at(self, time_ns: int, key: int, act: Callable[[Subject], None], subject: Subject) -> None:
        """Call ``act(subject)`` at a time not before now, in the place that ``key`` gives it."""
        event = _Occasion(act, subject)
        heappush(self._queue, (time_ns, key, next(self._eid), event))  # type: ignore[misc]

    def happens_at(self, time_ns: int, key: int, event: Event) -> None:
        """Let an event happen, as `Environment.schedule` does, at a time instead of a delay."""
        heappush(self._queue, (time_ns, key, next(self._eid), event))  # type: ignore[misc]

    def happened(self) -> int:
        """How many events have happened so far."""
        return next(self._eid) - len(self._queue)
