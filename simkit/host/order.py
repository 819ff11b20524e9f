"""The order of events: what happens first when two things fall on the same nanosecond.

Time is an integer number of nanoseconds since the start of the run. Every event has a key

    (time, kind, entity, sequence)

and events happen in the order of their keys, never in the order in which they were scheduled.
The kind decides first, in the order of `Kind` below; then the entity; then the number that the
entity itself gave. No two outstanding events share a key.

=============  ==========================  =================================================
kind           entity                      sequence
=============  ==========================  =================================================
WORKER         number of the worker        how many jobs it has begun
UPSTREAM       number of the client        number of the attempt within the client
TIMER          number of the client        number of the connection within the client
DELAY          number of the client        number of the attempt within the client
HANG_UP        number of the client        number of the connection within the client
CONNECT        number of the client        number of the connection within the client
REQUEST        number of the client        number of the attempt within the client
LINE           number of the client        number of the connection within the client
EDGE           number of the client        number of the attempt within the client
SIGHT          number of the client        number of the attempt within the client
PATIENCE       number of the client        0: one such timer for each client
WAKE           number of the client        how many pauses the client has made
=============  ==========================  =================================================

So the server finishes work before it notices what is new, and clients come last. Other rules
that two engines need to agree on:

- A client reuses the idle connection that was freed last. It passes over one whose closing it
  knows of: half a round trip after the server closed it.
- The worker of a connection is drawn once (`Purpose.WORKER`, number of the connection) and fixed
  for its life.
- A worker is one server with a first-come queue. A job's decision (`admit`) and its cost are
  fixed when the worker begins it; what it causes happens when the worker has finished it.
- Edges of a CDN have the numbers that follow on those of the clients. Which edge serves a client
  hangs on the client's address alone.
- Requests on one connection are in the order in which they were sent.
- The upstream takes requests in the order in which they come, and goes on with one whose client
  has left. Tokens that a limit has spent stay spent.
- An answer that would come after the client's patience has ended never comes: there is no race.
- A timer of a connection is not moved when its deadline is; when it goes off too early it is set
  again. One that was set for another moment than now has been overtaken and does nothing.
- What a client does side by side, such as the lanes of a page, begins in order, before any other
  event of that time; a lane that is free takes the next thing to do.
- At the end of the window everything stops; an event at exactly that time does not happen.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Protocol, TypeVar

__all__ = ["Agenda", "Kind", "base", "place", "priority"]

Subject = TypeVar("Subject")


class Kind(IntEnum):
    """What an event is about; the number decides between events of the same time."""

    WORKER = 1
    UPSTREAM = 2
    TIMER = 3
    DELAY = 4
    HANG_UP = 5
    CONNECT = 6
    REQUEST = 7
    LINE = 8
    EDGE = 9
    SIGHT = 10
    PATIENCE = 11
    WAKE = 12


_ENTITY_BITS = 27
SEQUENCE_BITS = 32
PLACE_BITS = _ENTITY_BITS + SEQUENCE_BITS


def base(kind: Kind) -> int:
    """The part of a `priority` that the kind makes up."""
    return int(kind) << PLACE_BITS


def place(entity: int, sequence: int) -> int:
    """The part that entity (below 2**27) and sequence (below 2**32) make up."""
    return entity << SEQUENCE_BITS | sequence


def priority(kind: Kind, entity: int, sequence: int) -> int:
    """Kind, entity and sequence as one number below 2**63, in the same order."""
    return base(kind) | place(entity, sequence)


class Agenda(Protocol):
    """What the host needs of an engine: the time, and a way to be called later."""

    @property
    def now(self) -> int:
        """The time in nanoseconds."""
        ...

    def at(
        self,
        time_ns: int,
        key: int,
        act: Callable[[Subject], None],
        subject: Subject,
    ) -> None:
        """Call ``act(subject)`` at a time not before now; ``key`` is a `priority`."""
        ...
