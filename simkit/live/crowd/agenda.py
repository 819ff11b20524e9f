"""An agenda whose time is that of the clock: behaviours run on it as they run in simulation.

`simkit.engine.agenda.SimpyAgenda` jumps from event to event. This one waits for each until it is
due, and meanwhile for sockets. It is late where the process is: an event that comes late happens at
the time on the clock, never at one that has passed.

All clients share the process, and what takes one of them long keeps the others from what they have
to say. So what is long is done `later`: piece by piece, with a look at everything else in between.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable
from heapq import heappop
from time import monotonic_ns

from simkit.engine.agenda import SimpyAgenda
from simkit.host import Kind, base
from simkit.live.crowd.poller import Poller

__all__ = ["ClockAgenda"]

_MOST_AT_ONCE = 16
"""Events between two looks at the sockets, so that neither waits long for the other."""

_PLANNED = base(Kind.WAKE)


class ClockAgenda(SimpyAgenda):
    """A SimPy environment in nanoseconds of the monotonic clock since `start`."""

    def __init__(self, poller: Poller) -> None:
        super().__init__()
        self._poller = poller
        self._zero_ns = monotonic_ns()
        self._pieces: deque[Callable[[], None]] = deque()
        self.late_ns = array("q")
        """By how much each thing that a client had planned to do was late."""

    def start(self) -> None:
        """Time begins."""
        self._zero_ns = monotonic_ns()

    def clock_ns(self) -> int:
        """The time on the clock."""
        return monotonic_ns() - self._zero_ns

    def later(self, piece: Callable[[], None]) -> None:
        """Do this when what is due by now and what the sockets have brought has been looked at."""
        self._pieces.append(piece)

    def follow(self, until_ns: int) -> None:
        """Let happen what is due and what the sockets bring, until that time."""
        queue, pieces = self._queue, self._pieces
        while (now_ns := self.clock_ns()) < until_ns:
            self._happen(now_ns)
            next_ns = min(queue[0][0], until_ns) if queue else until_ns
            for call, events in self._poller.wait(0 if pieces else int(next_ns) - self.clock_ns()):
                self._now = self.clock_ns()
                call(events)
            if pieces:
                self._now = self.clock_ns()
                pieces.popleft()()
        self._now = until_ns

    def _happen(self, now_ns: int) -> None:
        """The first of the events that are due."""
        queue = self._queue
        for _ in range(_MOST_AT_ONCE):
            if not queue or queue[0][0] > now_ns:
                return
            due_ns, key, _number, event = heappop(queue)
            if int(key) >= _PLANNED:
                self.late_ns.append(now_ns - int(due_ns))
            self._now = now_ns
            callbacks, event.callbacks = event.callbacks, None  # type: ignore[assignment]
            for callback in callbacks:
                callback(event)
            if not event._ok and not hasattr(event, "_defused"):
                raise event._value
            now_ns = self.clock_ns()
