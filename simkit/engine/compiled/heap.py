"""The next few events, in a heap in the order of `simkit.host.order`.

It has four children to a node, side by side: half the levels of a binary one.
"""

from __future__ import annotations

from typing import Any

from simkit.engine.compiled.compiler import compiled
from simkit.engine.compiled.layout import EVENT
from simkit.engine.compiled.memory import record_at

__all__ = ["copy_event", "event_at", "is_before", "pop", "push", "set_event"]


@compiled
def event_at(w: Any, number: int) -> Any:
    """The event at a place of the heap; at 0 is the next one."""
    return record_at(w.events, number, EVENT)


@compiled
def set_event(event: Any, time_ns: int, key: int, subject: int) -> None:
    """Write an event."""
    event.time_ns = time_ns
    event.key = key
    event.subject = subject


@compiled
def copy_event(event: Any, other: Any) -> None:
    """Put an event in the place of another."""
    set_event(event, other.time_ns, other.key, other.subject)


@compiled
def is_before(time_ns: int, key: int, event: Any) -> bool:
    """Whether that time and key come before those of an event."""
    return time_ns < event.time_ns or (time_ns == event.time_ns and key < event.key)


@compiled
def push(w: Any, time_ns: int, key: int, subject: int) -> None:
    """Put an event into the heap."""
    hole = w.event_count
    w.event_count = hole + 1
    while hole > 0:
        parent = (hole - 1) >> 2
        above = event_at(w, parent)
        if not is_before(time_ns, key, above):
            break
        copy_event(event_at(w, hole), above)
        hole = parent
    set_event(event_at(w, hole), time_ns, key, subject)


@compiled
def pop(w: Any) -> None:
    """Take the next event off the heap."""
    count = w.event_count - 1
    w.event_count = count
    last = event_at(w, count)
    time_ns, key, subject = last.time_ns, last.key, last.subject
    hole = 0
    while 4 * hole + 1 < count:
        best = 4 * hole + 1
        for other in range(best + 1, min(4 * hole + 5, count)):
            candidate = event_at(w, other)
            if is_before(candidate.time_ns, candidate.key, event_at(w, best)):
                best = other
        below = event_at(w, best)
        if is_before(time_ns, key, below):
            break
        copy_event(event_at(w, hole), below)
        hole = best
    set_event(event_at(w, hole), time_ns, key, subject)
