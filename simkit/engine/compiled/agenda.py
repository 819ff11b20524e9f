"""The agenda of the compiled engine: a heap of events in the order of `simkit.host.order`.

Each node of the heap has four children, which lie side by side: half the levels of a binary heap,
and about as many cache lines as levels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from simkit.engine.compiled.layout import EVENT
from simkit.engine.compiled.memory import record_at

__all__ = ["event_at", "pop", "schedule"]


@njit
def event_at(w: Any, number: int) -> Any:
    """The event at a place of the heap; at 0 is the next one."""
    return record_at(w.events, np.int64(number), EVENT)


@njit
def schedule(w: Any, time_ns: int, key: int, subject: int) -> None:
    """An event happens at a time not before now, in the place that the key gives it."""
    hole = w.event_count
    w.event_count = hole + 1
    while hole > 0:
        parent = (hole - 1) >> 2
        above = event_at(w, parent)
        if above.time_ns < time_ns or (above.time_ns == time_ns and above.key < key):
            break
        here = event_at(w, hole)
        here.time_ns = above.time_ns
        here.key = above.key
        here.subject = above.subject
        hole = parent
    here = event_at(w, hole)
    here.time_ns = time_ns
    here.key = key
    here.subject = subject


@njit
def pop(w: Any) -> None:
    """Take the next event off."""
    count = w.event_count - 1
    w.event_count = count
    last = event_at(w, count)
    time_ns, key, subject = last.time_ns, last.key, last.subject
    hole = 0
    while True:
        child = 4 * hole + 1
        if child >= count:
            break
        best = event_at(w, child)
        best_number = child
        for other in range(child + 1, min(child + 4, count)):
            candidate = event_at(w, other)
            if candidate.time_ns < best.time_ns or (
                candidate.time_ns == best.time_ns and candidate.key < best.key
            ):
                best = candidate
                best_number = other
        if time_ns < best.time_ns or (time_ns == best.time_ns and key < best.key):
            break
        here = event_at(w, hole)
        here.time_ns = best.time_ns
        here.key = best.key
        here.subject = best.subject
        hole = best_number
    here = event_at(w, hole)
    here.time_ns = time_ns
    here.key = key
    here.subject = subject
